//! Notifications about oneself, and messages of the system. CSP 1.3.

use super::{PresenceSubList, UserList};
use crate::choice::choice;
use crate::record::record;

record! {
    /// Asks to be told of some events.
    SubscribeNotificationRequest {
        /// Of which: `ATCL`, `CLC`, `GC` and so on.
        types: * String = NotificationTypeList / NotificationType,
    }
}

record! {
    /// Asks not to be told of them any more.
    UnsubscribeNotificationRequest {
        /// Of which; of none at all without any.
        types: * String = NotificationTypeList / NotificationType,
    }
}

record! {
    /// Tells of an event. Which of the parts is there depends on its type.
    NotificationRequest {
        /// Which event.
        notification_type: ! String = NotificationType,
        /// Whether the block list counts now.
        block_in_use: ? bool = BlockListInUse,
        /// Whether the grant list counts now.
        grant_in_use: ? bool = GrantListInUse,
        /// The group it is about.
        group: ? String = GroupId,
        /// The invitation it is about.
        invite: ? String = InviteId,
        /// What happens from now on to messages of other kinds.
        online_handling: ? String = OnlineEtemHandling,
        /// The presence attributes it is about.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
        /// The users it is about, by address.
        users: * String = UserIdList / UserId,
        /// The contact lists it is about.
        contact_lists: * String = ContactListIdList / ContactList,
        /// It is about everybody else.
        default_list: ? bool = DefaultList,
        /// Which of the user's sessions comes first now.
        session_priority: ? u32 = SessionPriority,
        /// The users it is about, by address or screen name.
        user_list: ? UserList = UserList,
        /// The address that was not right, and the right one.
        corrected: ? UserIdPair = UserIdPair,
    }
}

record! {
    /// An address that was not right, and the right one.
    UserIdPair {
        /// The address that was not right.
        unrecognized: ! String = UnrecognizedUserId,
        /// The right one.
        valid: ? String = ValidUserId,
    }
}

record! {
    /// Messages of the system.
    SystemMessageRequest {
        /// The messages.
        messages: * SystemMessage = SystemMessageList / SystemMessage,
    }
}

record! {
    /// Answers to messages of the system.
    SystemMessageUser {
        /// The answers.
        responses: * SystemMessageResponse
            = SystemMessageResponseList / SystemMessageResponse,
    }
}

record! {
    /// A message of the system to a user.
    SystemMessage {
        /// Its id.
        id: ! String = SystemMessageId,
        /// Whether the user has to answer.
        requires_response: ~ bool = RequiresResponse,
        /// The text.
        text: ? String = SystemMessageText,
        /// What the user can answer.
        options: * AnswerOption = AnswerOptions / AnswerOption,
        /// How the user shows to be no machine.
        verification: ? VerificationMechanism = VerificationMechanism,
    }
}

record! {
    /// Something that the user can answer.
    AnswerOption {
        /// Its number.
        id: ! u32 = AnswerOptionId,
        /// The text.
        text: ~ String = AnswerOptionText,
    }
}

choice! {
    /// How a user shows to be no machine.
    VerificationMechanism {
        /// By an answer to a text.
        Text(String) = InText,
        /// By what is to be seen there.
        Url(String) = Url,
    }
}

record! {
    /// The answer to a message of the system.
    SystemMessageResponse {
        /// The id of the message.
        id: ! String = SystemMessageId,
        /// The number of what the user chose.
        chosen: ? u32 = ChosenOptionId,
        /// What the user read.
        verification_key: ? String = VerificationKey,
    }
}
