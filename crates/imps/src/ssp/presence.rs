//! Presence. The attributes are those of CSP, in its own namespace.

use super::MetaInfo;
use super::structure::structure;
use crate::csp::{Outcome, PresenceSubList, User};

structure! {
    /// Asks to be told of presence from now on.
    SubscribeRequest {
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Of these users.
        users: * String = "UserID" @ "userID",
        /// Which attributes; all without a list.
        attributes: ? Box<PresenceSubList> = "AttributeList" > "PresenceSubList",
    }
}

structure! {
    /// Asks not to be told any more.
    UnsubscribeRequest {
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Of these users.
        users: * String = "UserID" @ "userID",
    }
}

structure! {
    /// Tells of presence.
    PresenceNotification {
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Who is told.
        recipients: * User = "User",
        /// Whose presence, and what.
        values: * PresenceValue = "PresenceValue",
    }
}

structure! {
    /// The presence of a user.
    PresenceValue {
        /// The user.
        user: ! String = @ "userID",
        /// What is known.
        attributes: * Box<PresenceSubList> = "PresenceSubList",
    }
}

structure! {
    /// Asks for presence once.
    GetPresenceRequest {
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Of these users.
        users: * String = "VerUserID" @ "userID",
        /// Which attributes; all without a list.
        attributes: ? Box<PresenceSubList> = "AttributeList" > "PresenceSubList",
    }
}

structure! {
    /// Presence that was asked for.
    GetPresenceResponse {
        /// How it went. 200 without one.
        status: ? Outcome = "Status",
        /// Whose presence, and what.
        values: * PresenceValue = "PresenceValue",
    }
}
