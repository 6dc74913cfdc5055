//! Groups.

use super::{
    AdminMapList, ContentData, EntityList, Outcome, Participants, Property, ScreenName, User,
    UserList,
};
use crate::choice::words;
use crate::record::record;

record! {
    /// What whoever joins is told.
    WelcomeNote {
        /// The media type.
        content_type: ~ String = ContentType,
        /// How it is encoded.
        encoding: ? String = ContentEncoding,
        /// What is told.
        content: ~ ContentData = ContentData,
    }
    then decode
}

impl WelcomeNote {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content_type: "text/plain".to_owned(),
            encoding: None,
            content: ContentData::Text(text.into()),
        }
    }

    fn decode(&mut self) {
        self.content.decode(self.encoding.as_deref());
    }
}

record! {
    /// The properties of a group.
    GroupProperties {
        /// `Name`, `Accesstype`, `Type`, `PrivateMessaging`, `Searchable`, `Topic`,
        /// `MaxActiveUsers`, `AutoDelete` and so on.
        properties: * Property = Property,
        /// What whoever joins is told.
        welcome_note: ? WelcomeNote = WelcomeNote,
    }
}

record! {
    /// Makes a group.
    CreateGroupRequest {
        /// Its address.
        group: ! String = GroupId,
        /// Its properties.
        properties: ~ GroupProperties = GroupProperties,
        /// The properties of whoever makes it, in it. CSP 1.3.
        own_properties: * Property = OwnProperties / Property @V13,
        /// Whether to join it at once.
        join: ~ bool = JoinGroup,
        /// Under which name.
        screen_name: ? ScreenName = ScreenName,
        /// Whether to be told who comes and goes.
        subscribe: ~ bool = SubscribeNotification,
    }
}

record! {
    /// Removes a group.
    DeleteGroupRequest {
        /// Its address.
        group: ! String = GroupId,
    }
}

record! {
    /// Joins a group.
    JoinGroupRequest {
        /// Its address.
        group: ! String = GroupId,
        /// Under which name.
        screen_name: ? ScreenName = ScreenName,
        /// Whether to be told now who is in it.
        joined_request: ~ bool = JoinedRequest,
        /// Whether to be told from now on who comes and goes.
        subscribe: ~ bool = SubscribeNotification,
        /// One's properties in it. CSP 1.2 and later.
        own_properties: * Property = OwnProperties / Property @V12_13,
    }
}

record! {
    /// One has joined a group.
    JoinGroupResponse {
        /// Who is in it, if that was asked for.
        participants: ? Participants = Joined @V13 | UserMapList @V12 | UserList @V11,
        /// What one is called in it. CSP 1.3.
        screen_name: ? ScreenName = ScreenName @V13,
        /// What whoever joins is told.
        welcome_note: ? WelcomeNote = WelcomeNote,
    }
}

record! {
    /// Leaves a group.
    LeaveGroupRequest {
        /// Its address.
        group: ! String = GroupId,
    }
}

record! {
    /// One has left a group, or has been put out of it.
    LeaveGroupResponse {
        /// Its address, if the server says this on its own.
        group: ? String = GroupId,
        /// Why.
        outcome: ! Outcome = Result,
    }
}

record! {
    /// Asks who the members of a group are.
    GetGroupMembersRequest {
        /// Its address.
        group: ! String = GroupId,
    }
}

record! {
    /// The members of a group.
    GetGroupMembersResponse {
        /// Administrators.
        admins: ? UserList = Admin / UserList,
        /// Moderators.
        mods: ? UserList = Mod / UserList,
        /// Everybody else.
        users: ? UserList = UserList @V13 | Users / UserList,
    }
}

record! {
    /// Asks who is in a group now.
    GetJoinedUsersRequest {
        /// Its address.
        group: ! String = GroupId,
    }
}

record! {
    /// Who is in a group now.
    GetJoinedUsersResponse {
        /// To administrators: everybody by rank.
        by_rank: ? AdminMapList = AdminMapList,
        /// To others.
        participants: ? Participants = UserMapList,
        /// Who cannot be talked to. CSP 1.3.
        blocked: ? UserList = JoinedBlocked / UserList,
    }
}

record! {
    /// Makes users members.
    AddGroupMembersRequest {
        /// The group.
        group: ! String = GroupId,
        /// The users.
        users: + User = UserIdList / UserId | UserList / User @V11_12,
    }
}

record! {
    /// Takes membership away.
    RemoveGroupMembersRequest {
        /// The group.
        group: ! String = GroupId,
        /// The users.
        users: + User = UserIdList / UserId | UserList / User @V11_12,
    }
}

record! {
    /// Gives members other rights.
    MemberAccessRequest {
        /// The group.
        group: ! String = GroupId,
        /// Administrators from now on.
        admins: ? UserList = Admin / UserList,
        /// Moderators from now on.
        mods: ? UserList = Mod / UserList,
        /// Users like others from now on.
        users: ? UserList = UserList @V13 | Users / UserList,
    }
}

record! {
    /// Asks for the properties of a group.
    GetGroupPropsRequest {
        /// Its address.
        group: ! String = GroupId,
    }
}

record! {
    /// The properties of a group.
    GetGroupPropsResponse {
        /// Its own.
        properties: ~ GroupProperties = GroupProperties,
        /// Those of whoever asks, in it: `IsMember`, `PrivilegeLevel` and so on.
        own_properties: * Property = OwnProperties / Property,
    }
}

record! {
    /// Changes the properties of a group.
    SetGroupPropsRequest {
        /// Its address.
        group: ! String = GroupId,
        /// Its own.
        properties: ? GroupProperties = GroupProperties,
        /// Those of whoever changes them, in it.
        own_properties: * Property = OwnProperties / Property,
    }
}

record! {
    /// Changes the list of those who may not join, and asks for it.
    RejectListRequest {
        /// The group.
        group: ! String = GroupId,
        /// Whom to put on it.
        add: ? EntityList = AddList,
        /// Whom to take off it.
        remove: ? EntityList = RemoveList,
    }
}

record! {
    /// Who may not join.
    RejectListResponse {
        /// These.
        users: ? UserList = UserList,
    }
}

words! {
    /// What to do about notices of a group.
    SubscribeType {
        /// Ask whether one gets them.
        #[default]
        Get "G",
        /// Get them.
        Set "S",
        /// Get none any more.
        Unset "U",
    }
}

record! {
    /// Asks for notices of a group, or for none any more.
    SubscribeGroupNoticeRequest {
        /// The group.
        group: ! String = GroupId,
        /// Which.
        subscribe_type: ! SubscribeType = SubscribeType,
    }
}

record! {
    /// Whether one gets notices of a group.
    SubscribeGroupNoticeResponse {
        /// Whether.
        value: ! bool = Value,
    }
}

record! {
    /// Somebody has come or gone, or something is different in a group.
    GroupChangeNotice {
        /// The group.
        group: ! String = GroupId,
        /// Who has come.
        joined: ? Participants = Joined,
        /// Who has gone.
        left: ? Participants = Left,
        /// Who has come and cannot be talked to. CSP 1.3.
        joined_blocked: ? UserList = JoinedBlocked / UserList,
        /// Who has gone and could not be talked to, or has been put out. CSP 1.3.
        left_blocked: ? UserList = LeftBlocked / UserList,
        /// What is different.
        properties: ? GroupProperties = GroupProperties,
        /// What is different of one's own.
        own_properties: * Property = OwnProperties / Property,
    }
}
