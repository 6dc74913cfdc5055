//! Groups.

use super::structure::structure;
use super::{Content, GroupProperties, Mapping, MetaInfo, Parties};
use crate::csp::{Outcome, Property, ScreenName, User};

structure! {
    /// A request that says no more than which group it is about.
    GroupRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
    }
}

structure! {
    /// Joins a group.
    JoinGroupRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// Whether to be told now who is in it.
        joined_list: ~ bool = @ "joinedListRequest",
        /// Whether to be told from now on who comes and goes.
        subscribe: ~ bool = @ "subscribeNotif",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Under which name.
        screen_name: ? ScreenName = "ScreenName",
        /// One's properties in it.
        own_properties: * Property = "OwnProperties" > "Property",
    }
}

structure! {
    /// What became of joining.
    JoinGroupResponse {
        /// How it went.
        status: ! Outcome = "Status",
        /// The names of those who are in it, if that was asked for.
        joined: * String = "JoinedList" > "Name",
        /// What whoever joins is told.
        welcome_note: ? Content = "WelcomeNote" > "ContentData",
    }
}

structure! {
    /// A user has left a group, or has been put out of it.
    LeaveGroupIndication {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// Why.
        status: ! Outcome = "Status",
        /// Why, in words.
        reason: ? String = "ReasonText",
        /// Who. Inferred: nothing else says it where a server speaks on its own.
        user: ? User = "User",
    }
}

structure! {
    /// The members of a group.
    GetGroupMemberResponse {
        /// How it went.
        status: ! Outcome = "Status",
        /// Administrators.
        admins: * String = "Admins" > "UserID" @ "userID",
        /// Moderators.
        moderators: * String = "Moderators" > "UserID" @ "userID",
        /// Everybody else.
        users: * String = "OrdinaryUsers" > "UserID" @ "userID",
    }
}

structure! {
    /// Who is in a group now.
    GetJoinedUsersResponse {
        /// How it went.
        status: ! Outcome = "Status",
        /// Administrators.
        admins: * Mapping = "JoinedAdmin" > "UserMapList" > "UserMapping" > "Mapping",
        /// Everybody else.
        users: * Mapping = "JoinedUser" > "UserMapList" > "UserMapping" > "Mapping",
        /// Those whom the one who asks has blocked.
        blocked: * Mapping = "JoinedBlocked" > "UserMapList" > "UserMapping" > "Mapping",
    }
}

structure! {
    /// Puts users on the member list of a group, or takes them off.
    GroupMembersRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// The users.
        users: * String = "UserID" @ "userID",
    }
}

structure! {
    /// Says who may do what in a group.
    MemberAccessRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Administrators from now on.
        admins: * String = "Admins" > "UserID" @ "userID",
        /// Moderators from now on.
        moderators: * String = "Moderators" > "UserID" @ "userID",
        /// Neither from now on.
        users: * String = "OrdinaryUsers" > "UserID" @ "userID",
    }
}

structure! {
    /// The properties of a group.
    GetGroupPropsResponse {
        /// How it went.
        status: ! Outcome = "Status",
        /// Its properties.
        properties: ? GroupProperties = "GroupProperties",
        /// Those of the one who asks, in it.
        own_properties: * Property = "OwnProperties" > "Property",
    }
}

structure! {
    /// Changes the properties of a group.
    SetGroupPropsRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Its properties.
        properties: ? GroupProperties = "GroupProperties",
        /// Those of the one who asks, in it.
        own_properties: * Property = "OwnProperties" > "Property",
    }
}

structure! {
    /// Asks who may not join a group, and changes that.
    RejectListRequest {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Who may not join any more.
        add: * String = "AddUsers" > "UserID" @ "userID",
        /// Who may join again.
        remove: * String = "RemoveUsers" > "UserID" @ "userID",
    }
}

structure! {
    /// Who may not join a group.
    RejectListResponse {
        /// How it went.
        status: ! Outcome = "Status",
        /// The users.
        users: * String = "RejectList" > "UserID" @ "userID",
    }
}

structure! {
    /// Whether the user is told who comes and goes.
    GetGroupSubStatusResponse {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// Whether.
        subscribed: ~ bool = @ "subscribed",
        /// How it went.
        status: ! Outcome = "Status",
    }
}

structure! {
    /// Tells who has come and gone, and what has changed in a group.
    GroupChangeNotice {
        /// The address of the group.
        group: ! String = @ "groupID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Who is told.
        recipients: * User = "User",
        /// The names of those who have come.
        joined: * String = "Joined" > "Name",
        /// The names of those who have gone.
        left: * String = "Left" > "Name",
        /// Those of the ones who have come whom the user has blocked.
        joined_blocked: * Mapping = "JoinedBlocked" > "UserMapList" > "UserMapping" > "Mapping",
        /// Those of the ones who have gone whom the user has blocked.
        left_blocked: ? Parties = "LeftBlocked" > "UserList",
        /// What has changed about the group.
        properties: ? GroupProperties = "GroupProperties",
        /// What has changed about the user in it.
        own_properties: * Property = "OwnProperties" > "Property",
    }
}
