//! Instant messages.

use super::structure::structure;
use super::{Content, MetaInfo, Party, Sender};
use crate::csp::Outcome;
use crate::date::DateTime;

structure! {
    /// What is known of a message besides its content.
    MessageInfo {
        /// Its id, which the sender's server gives.
        id: ? String = @ "messageID",
        /// Where its content can be had.
        uri: ? String = @ "messageURI",
        /// Its media type.
        content_type: ? String = @ "contentType",
        /// What the content is called.
        content_name: ? String = @ "contentName",
        /// How large the content is, in bytes.
        content_size: ? u32 = @ "contentSize",
        /// For how many seconds it is worth delivering.
        validity_s: ? u32 = @ "validity",
        /// Who is to get it.
        recipients: * Party = "Recipient",
        /// Who sends it.
        sender: ! Sender = "Sender",
        /// When it was sent.
        date: ? DateTime = "DateTime",
    }
}

structure! {
    /// Sends a message.
    SendMessageRequest {
        /// Whether the sender wants to know when it has been delivered.
        delivery_report: ~ bool = @ "deliveryReport",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Everything but the content.
        info: ! MessageInfo = "MessageInfo",
        /// The content.
        content: ? Content = "ContentData",
    }
}

structure! {
    /// The answer to a message that was sent.
    SendMessageResponse {
        /// The id that it got.
        message: ? String = @ "messageID",
        /// What became of it.
        status: ! Outcome = "Status",
    }
}

structure! {
    /// Tells a sender what became of a message.
    DeliveryStatusReport {
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// What became of it.
        result: ! Outcome = "DeliveryResult" > "Status",
        /// When it was delivered.
        delivered: ? DateTime = "DeliveryTime",
        /// Which message it was.
        info: ! MessageInfo = "MessageInfo",
    }
}
