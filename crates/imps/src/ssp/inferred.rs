//! What stands here is inferred: nobody has confirmed how it looks on the wire.
//!
//! The document type definition of SSP is not in public hands, and the one open implementation
//! sends and takes none of what follows. The information elements of ExtendConversation are those
//! of SSP 16.X.X.1; that there are a keep-alive, a logout, a redirect list and a remote CreateGroup
//! is known, and no more. Names, the choice between attribute and element, and the order follow the
//! style of everything that is confirmed:
//!
//! - one value is an attribute in camel case, and what has parts is an element;
//! - `Meta-Information` is MetaInfo, and a `Result` is Status;
//! - what CSP calls `SubscribeNotification` is `subscribeNotif`, as in JoinGroupRequest;
//! - a list is an element with one empty element for each entry.
//!
//! When the definition turns up, this is the one file to change.

use super::structure::structure;
use super::{Content, GroupProperties, MetaInfo};
use crate::csp::{Outcome, ScreenName};

structure! {
    /// Asks the provider's server to grow the conversation with one user of its into a group
    /// (SSP 16.X.X.1.1).
    ///
    /// SSP-16.X.1.1-E1: the message type is the name of the element.
    ExtendConversationRequest {
        /// SSP-16.X.1.1-E5: whether to be told who comes and goes. Mandatory here, unlike in CSP.
        subscribe: ! bool = @ "subscribeNotif",
        /// SSP-16.X.1.1-E2: on whose behalf. The user in it is the one who extends.
        meta: ! MetaInfo = "MetaInfo",
        /// SSP-16.X.1.1-E3: the new users to invite.
        users: + String = "UserIDList" > "UserID" @ "userID",
        /// SSP-16.X.1.1-E4: the user who is in the conversation already.
        peer: ! String = "ExtendConversationUserID" > "UserID" @ "userID",
        /// SSP-16.X.1.1-E6: what whoever joins is told.
        welcome_note: ? Content = "WelcomeNote" > "ContentData",
    }
}

structure! {
    /// What became of it. The provider's server sends it later, in a transaction of its own
    /// (SSP 16.X.X.1.2).
    ///
    /// SSP-16.X.1.2-E1: the message type is the name of the element.
    ExtendConversationResponse {
        /// SSP-16.X.1.2-E3: the group. Mandatory, and there is none after a failure: it is then
        /// empty, and the attribute is there all the same.
        group: ! String = @ "groupID",
        /// SSP-16.X.1.2-E2: on whose behalf the request was made.
        meta: ! MetaInfo = "MetaInfo",
        /// SSP-16.X.1.2-E4: the result; its details name those who are left out.
        status: ! Outcome = "Status",
    }
}

structure! {
    /// Makes a group at another server. The attributes are those of CSP.
    CreateGroupRequest {
        /// Its address.
        group: ! String = @ "groupID",
        /// Whether to join it at once.
        join: ~ bool = @ "joinGroup",
        /// Whether to be told who comes and goes.
        subscribe: ~ bool = @ "subscribeNotif",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Its properties.
        properties: ? GroupProperties = "GroupProperties",
        /// Under which name to join.
        screen_name: ? ScreenName = "ScreenName",
    }
}

structure! {
    /// Keeps a session alive for its time to live from now.
    KeepAliveRequest {
        /// The time to live that is wanted from now on, in seconds; the old one without.
        time_to_live_s: ? u32 = @ "timeToLive",
    }
}

structure! {
    /// The session is kept.
    KeepAliveResponse {
        /// The time to live from now on, in seconds; the one that was asked for without.
        time_to_live_s: ? u32 = @ "timeToLive",
        /// How it went.
        status: ! Outcome = "Status",
    }
}

structure! {
    /// Ends a session. It is answered with a status.
    LogoutRequest {}
}

structure! {
    /// The session has ended. There is no answer.
    Disconnect {
        /// Why.
        status: ! Outcome = "Status",
    }
}

structure! {
    /// Where to log in instead, in a LoginResponse.
    RedirectList {
        /// The addresses, the best one first.
        addresses: + String = "RedirectAddress" @ "url",
    }
}
