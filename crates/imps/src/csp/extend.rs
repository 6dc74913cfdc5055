//! Growing a conversation of two into a group (CSP 1.3, 9.1.11).

use super::{ClientId, Outcome, ScreenName, WelcomeNote};
use crate::record::record;

record! {
    /// Asks to grow the conversation with one user into a group with others.
    ExtendConversationRequest {
        /// The client's own id of the request. It is in the response that comes later; a client
        /// that gives none is understood.
        id: ? String = ExtendConversationId,
        /// IMPS-9.1.11-S1: who is to be invited.
        users: + String = UserIdList / UserId,
        /// IMPS-9.1.11-S2: with whom the conversation is.
        peer: ! ExtendConversationUser = ExtendConversationUser,
        /// IMPS-9.1.11-S3: whether to be told who comes and goes.
        subscribe: ~ bool = SubscribeNotification,
        /// IMPS-9.1.11-S5: what whoever joins is told.
        welcome_note: ? WelcomeNote = WelcomeNote,
        /// What the one who asks will be called in the group.
        screen_name: ? ScreenName = ScreenName,
    }
}

record! {
    /// With whom a conversation is.
    ExtendConversationUser {
        /// The user.
        user: ! String = UserId,
        /// Which of the user's clients.
        client: ? ClientId = ClientId,
    }
}

record! {
    /// What became of it. The server sends it later, in a transaction of its own.
    ExtendConversationResponse {
        /// The id of the request.
        id: ? String = ExtendConversationId,
        /// The group. None if the conversation was not extended.
        group: ? String = GroupId,
        /// A text from the peer.
        response_note: ? String = ResponseNote,
        /// How it ended; its details name those who are left out.
        outcome: ! Outcome = Result,
    }
}
