//! Instant messages.

use super::{ContentData, DeliveryMethod, Outcome, Recipient, Sender};
use crate::date::DateTime;
use crate::record::record;

record! {
    /// What is known of a message besides its content.
    MessageInfo {
        /// Its id, which the server gives.
        id: ? String = MessageId,
        /// Where its content can be had.
        uri: ? String = MessageUri,
        /// Its media type. Without one it is plain text.
        content_type: ? String = ContentType,
        /// How the content is encoded: [`BASE64`](super::BASE64), or not at all.
        content_encoding: ? String = ContentEncoding,
        /// How large the content is, in bytes.
        content_size: ~ u32 = ContentSize,
        /// What the content is called. CSP 1.3.
        content_name: ? String = ContentName,
        /// Who is to get it.
        recipient: ~ Recipient = Recipient,
        /// Who sends it.
        sender: ? Sender = Sender,
        /// When it was sent.
        date: ? DateTime = DateTime,
        /// How it is to look. CSP 1.3.
        font: ? Font = Font,
        /// For how many seconds it is worth delivering.
        validity_s: ? u32 = Validity,
    }
}

record! {
    /// How a text is to look. CSP 1.3.
    Font {
        /// `Tiny`, `Small`, `Medium`, `Big` or `Huge`.
        size: ? String = Size,
        /// `Bold`, `Italic` and `Underline`, as many as are meant.
        styles: * String = Style,
        /// The name of a colour.
        color: ? String = Color,
    }
}

/// A primitive with a message in it: its content is read by the encoding of its info.
macro_rules! decodes {
    ($($name:ident)*) => {
        $(
            impl $name {
                fn decode(&mut self) {
                    if let Some(content) = &mut self.content {
                        content.decode(self.info.content_encoding.as_deref());
                    }
                }
            }
        )*
    };
}

decodes! { GetMessageResponse NewMessage SendMessageRequest }

record! {
    /// Sends a message.
    SendMessageRequest {
        /// Whether the sender wants to know when it has been delivered.
        delivery_report: ~ bool = DeliveryReport,
        /// Everything but the content.
        info: ! MessageInfo = MessageInfo,
        /// The content.
        content: ? ContentData = ContentData,
    }
    then decode
}

record! {
    /// The answer to a message that was sent.
    SendMessageResponse {
        /// What became of it.
        outcome: ! Outcome = Result,
        /// The id that it got.
        message: ? String = MessageId,
    }
}

record! {
    /// Says how messages are to reach the client from now on.
    SetDeliveryMethodRequest {
        /// How.
        method: ! DeliveryMethod = DeliveryMethod,
        /// The largest content to be pushed, in bytes. CSP 1.1 and 1.2.
        content_length: ? u32 = AcceptedContentLength,
        /// For messages of one group only.
        group: ? String = GroupId,
        /// The largest content of the group's to be pushed, in bytes. CSP 1.3.
        group_content_limit: ? u32 = GroupContentLimit,
    }
}

record! {
    /// Asks which messages wait.
    GetMessageListRequest {
        /// In this group.
        group: ? String = GroupId,
        /// How many at most.
        count: ? u32 = MessageCount,
    }
}

record! {
    /// Which messages wait.
    GetMessageListResponse {
        /// What is known of them.
        messages: * MessageInfo
            = MessageInfoList / MessageInfo | MessageInfo @V11_12,
        /// How many there are in all. CSP 1.3.
        total: ? u32 = MessageTotalCount,
    }
}

record! {
    /// Refuses messages that wait.
    RejectMessageRequest {
        /// Their ids.
        messages: + String = MessageId,
    }
}

record! {
    /// Announces a message.
    MessageNotification {
        /// Everything but its content.
        info: ! MessageInfo = MessageInfo,
    }
}

record! {
    /// Fetches a message.
    GetMessageRequest {
        /// Its id.
        message: ! String = MessageId,
    }
}

record! {
    /// A message that was fetched.
    GetMessageResponse {
        /// Everything but the content.
        info: ! MessageInfo = MessageInfo,
        /// The content.
        content: ? ContentData = ContentData,
    }
    then decode
}

record! {
    /// A message that is pushed.
    NewMessage {
        /// Everything but the content.
        info: ! MessageInfo = MessageInfo,
        /// The content.
        content: ? ContentData = ContentData,
    }
    then decode
}

record! {
    /// A message has arrived.
    MessageDelivered {
        /// Its id.
        message: ! String = MessageId,
    }
}

record! {
    /// Tells a sender what became of a message.
    DeliveryReportRequest {
        /// What became of it.
        outcome: ! Outcome = Result,
        /// When it was delivered.
        delivered: ? DateTime = DeliveryTime,
        /// Which message it was.
        info: ! MessageInfo = MessageInfo,
    }
}

record! {
    /// Passes a message that waits on to somebody else.
    ForwardMessageRequest {
        /// Its id.
        message: ! String = MessageId,
        /// Who passes it on. CSP 1.3.
        sender: ? Sender = Sender @V13,
        /// To whom.
        recipient: ~ Recipient = Recipient,
    }
}

record! {
    /// The message that was passed on. CSP 1.3.
    ForwardMessageResponse {
        /// Its id.
        message: ? String = MessageId,
    }
}
