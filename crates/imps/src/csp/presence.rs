//! Presence: watching others, and letting oneself be watched.

use super::{Outcome, PresenceSubList, User};
use crate::record::record;

record! {
    /// Asks to be told of presence from now on.
    SubscribePresenceRequest {
        /// Of these users.
        users: * User = UserIdList / UserId | User @V11_12,
        /// Of all on these contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// Which attributes; all without a list.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
        /// Whether whoever is put on the contact lists later is meant as well. CSP 1.2.
        auto_subscribe: ~ bool = AutoSubscribe,
    }
}

record! {
    /// Asks not to be told any more.
    UnsubscribePresenceRequest {
        /// Of these users.
        users: * User = UserIdList / UserId | User @V11_12,
        /// Of all on these contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
    }
}

record! {
    /// The presence of a user, or of all on a contact list.
    Presence {
        /// The user.
        user: ? String = UserId,
        /// The user is told when others watch. CSP 1.3.
        user_notify: ? bool = UserNotify,
        /// The contact list.
        contact_list: ? String = ContactList,
        /// Its owner is told when others watch. CSP 1.3.
        contact_list_notify: ? bool = ContactListNotify,
        /// What is known; in 1.1 and 1.2 there may be several.
        attributes: * Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Tells of presence.
    PresenceNotificationRequest {
        /// Whose, and what.
        presences: + Presence = Presence,
    }
}

record! {
    /// Asks for presence once.
    GetPresenceRequest {
        /// Of these users.
        users: * User = UserIdList / UserId | User @V11_12,
        /// Of all on these contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// Which attributes; all without a list.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Presence that was asked for.
    GetPresenceResponse {
        /// How it went.
        outcome: ! Outcome = Result,
        /// Whose, and what.
        presences: * Presence = Presence,
    }
}

record! {
    /// Says what one's own presence is.
    UpdatePresenceRequest {
        /// The attributes that change.
        attributes: ! Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Asks who watches, or has watched.
    GetWatcherListRequest {
        /// Over how many seconds back.
        history_s: ? u32 = HistoryPeriod,
        /// How many at most.
        max: ? u32 = MaxWatcherList,
    }
}

record! {
    /// Who watches.
    GetWatcherListResponse {
        /// Over how many seconds back.
        history_s: ? u32 = HistoryPeriod,
        /// How many there are. CSP 1.3.
        count: ? u32 = WatcherCount,
        /// Who they are.
        watchers: * Watcher = Watcher,
        /// Who they are, in CSP 1.1.
        users: * User = User @V11,
    }
}

record! {
    /// One who watches.
    Watcher {
        /// Who it is.
        user: ~ User = UserId @V13 | User @V12,
        /// A name for people. CSP 1.3.
        friendly_name: ? String = FriendlyName,
        /// Whether now or before: `CURRENT_SUBSCRIBER`, `FORMER_SUBSCRIBER`, `PRESENCE_ACCESS`.
        status: ? String = WatcherStatus,
    }
}

record! {
    /// The server asks whether a user may see one's presence. CSP 1.1 and 1.2.
    PresenceAuthRequest {
        /// Who wants to.
        user: ! String = UserId,
        /// What the user wants to see.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Says whether a user may see one's presence. CSP 1.1 and 1.2.
    PresenceAuthUser {
        /// Who.
        user: ! String = UserId,
        /// Whether.
        acceptance: ! bool = Acceptance,
        /// What the user may see.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Takes back that a user may see one's presence. CSP 1.1 and 1.2.
    CancelAuthRequest {
        /// Who.
        user: ! String = UserId,
    }
}

record! {
    /// Asks what has been said about who may see one's presence. CSP 1.2.
    GetReactiveAuthStatusRequest {
        /// Of whom; of all without any.
        users: * String = UserId,
    }
}

record! {
    /// What has been said. CSP 1.2.
    GetReactiveAuthStatusResponse {
        /// About each user.
        statuses: * ReactiveAuthStatus = ReactiveAuthStatusList / ReactiveAuthStatus,
    }
}

record! {
    /// Whether one user may see one's presence. CSP 1.2.
    ReactiveAuthStatus {
        /// Who.
        user: ! String = UserId,
        /// `GRANTED`, `DENIED` or `PENDING`.
        state: ! String = ReactiveAuthState,
        /// What the user may see.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Says who may see which attributes without asking.
    CreateAttributeListRequest {
        /// Which attributes; none without a list.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
        /// These users.
        users: * String = UserIdList / UserId | UserId @V11_12,
        /// All on these contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// Everybody else.
        default_list: ~ bool = DefaultList,
        /// Tell when everybody else watches. CSP 1.3.
        default_notify: ? bool = DefaultNotify,
        /// Tell when these users watch. CSP 1.3.
        user_notify: ? bool = UserNotify,
        /// Tell when somebody on these contact lists watches. CSP 1.3.
        contact_list_notify: ? bool = ContactListNotify,
    }
}

record! {
    /// Takes that back.
    DeleteAttributeListRequest {
        /// For these users.
        users: * String = UserIdList / UserId | UserId @V11_12,
        /// For these contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// For everybody else.
        default_list: ~ bool = DefaultList,
    }
}

record! {
    /// Asks who may see which attributes.
    GetAttributeListRequest {
        /// Everybody else.
        default_list: ~ bool = DefaultList,
        /// These contact lists.
        contact_lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// These users.
        users: * User = UserIdList / UserId | User @V11_12,
    }
}

record! {
    /// Who may see which attributes.
    GetAttributeListResponse {
        /// How it went.
        outcome: ! Outcome = Result,
        /// What everybody else may see.
        default: ? DefaultAttributeList = DefaultAttributeList,
        /// What the others may see.
        presences: * Presence = Presence,
    }
}

record! {
    /// What everybody may see of whom nothing else was said.
    DefaultAttributeList {
        /// Tell when such a user watches. CSP 1.3.
        notify: ? bool = DefaultNotify,
        /// Which attributes.
        attributes: * Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// Asks for a map. CSP 1.3.
    GetMapRequest {
        /// Of where this user is.
        user: ? String = UserId,
        /// Of where these attributes say.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
    }
}

record! {
    /// A map. CSP 1.3.
    GetMapResponse {
        /// The map.
        map: ? Map = Map,
        /// Or where it can be had.
        url: ? String = Url,
    }
}

record! {
    /// A picture of a place. CSP 1.3.
    Map {
        /// The media type.
        content_type: ~ String = ContentType,
        /// How it is encoded.
        encoding: ? String = ContentEncoding,
        /// The picture.
        data: ~ super::ContentData = ContentData,
    }
    then decode
}

impl Map {
    fn decode(&mut self) {
        self.data.decode(self.encoding.as_deref());
    }
}
