//! What became of a message: disposition notifications (RFC 5438).
//!
//! ```
//! use xdm::imdn::{Disposition, Fate, Notification};
//!
//! let told = Notification {
//!     message_id: "34jk324j".to_owned(),
//!     date_time: "2026-11-20T22:00:00Z".to_owned(),
//!     recipient: Some("sip:bob@home.example".to_owned()),
//!     disposition: Disposition::Delivery,
//!     fate: Fate::Done,
//! };
//! assert_eq!(Notification::read(told.write().as_bytes())?, told);
//! # Ok::<(), xdm::Error>(())
//! ```

use crate::Error;
use crate::escape::push_text;
use crate::reader::{Element, IMDN, Ns, Reader};

/// The media type of these documents.
pub const MIME: &str = "message/imdn+xml";

/// The most bytes of a document: what it names is one message and two addresses.
pub const MAX_BYTES: usize = 8 * 1024;

/// One `<imdn>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The `imdn.Message-ID` of the message that it is about.
    pub message_id: String,
    /// When the message was sent, in the form of RFC 3339, as its sender wrote it.
    pub date_time: String,
    /// To whom it was, if the notification says so.
    pub recipient: Option<String>,
    /// What it says something of.
    pub disposition: Disposition,
    /// What it says.
    pub fate: Fate,
}

/// What a notification is about (RFC 5438 section 7.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disposition {
    /// Whether the message has come to the recipient's device.
    Delivery,
    /// Whether it was shown.
    Display,
    /// What an intermediary did with it.
    Processing,
}

/// What became of the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// `<delivered/>`, `<displayed/>` or `<processed/>`.
    Done,
    /// `<stored/>`: it is kept for later.
    Stored,
    /// `<failed/>` or `<error/>`.
    Failed,
    /// `<forbidden/>`: whoever knows does not say.
    Forbidden,
}

impl Disposition {
    const ALL: [Self; 3] = [Self::Delivery, Self::Display, Self::Processing];

    fn element(self) -> &'static str {
        match self {
            Self::Delivery => "delivery-notification",
            Self::Display => "display-notification",
            Self::Processing => "processing-notification",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Delivery => "delivered",
            Self::Display => "displayed",
            Self::Processing => "processed",
        }
    }
}

impl Notification {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// What the guard refuses, and a document that does not say of which message it is, or what
    /// became of it.
    pub fn read(input: &[u8]) -> Result<Self, Error> {
        let (mut reader, root) = Reader::open(input, MAX_BYTES, Ns::Imdn, "imdn")?;
        let (mut message_id, mut date_time, mut recipient) = (None, None, None);
        let mut told = None;
        while let Some(child) = reader.child(&root)? {
            if child.ns != Ns::Imdn {
                continue;
            }
            match child.name.as_str() {
                "message-id" => message_id = Some(reader.text(&child)?),
                "datetime" => date_time = Some(reader.text(&child)?),
                "recipient-uri" => recipient = Some(reader.text(&child)?),
                name => {
                    let mut all = Disposition::ALL.into_iter();
                    if let Some(disposition) = all.find(|one| one.element() == name) {
                        told = status(&mut reader, &child, disposition)?;
                        told.ok_or_else(|| reader.invalid("a notification without a status"))?;
                    }
                }
            }
        }
        reader.finish()?;
        let (disposition, fate) = told.ok_or_else(|| reader.invalid("no notification"))?;
        let message_id = message_id.filter(|id| !id.is_empty());
        Ok(Self {
            message_id: message_id.ok_or_else(|| reader.invalid("no <message-id>"))?,
            date_time: date_time.unwrap_or_default(),
            recipient,
            disposition,
            fate,
        })
    }

    /// Writes the document.
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(320);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imdn xmlns=\"");
        out.push_str(IMDN);
        out.push_str("\">");
        push_element(&mut out, "message-id", &self.message_id);
        push_element(&mut out, "datetime", &self.date_time);
        if let Some(recipient) = &self.recipient {
            push_element(&mut out, "recipient-uri", recipient);
        }
        let name = self.disposition.element();
        let status = match self.fate {
            Fate::Done => self.disposition.done(),
            Fate::Stored => "stored",
            Fate::Failed => "failed",
            Fate::Forbidden => "forbidden",
        };
        for part in ["<", name, "><status><", status, "/></status></", name] {
            out.push_str(part);
        }
        out.push_str("></imdn>");
        out
    }
}

fn push_element(out: &mut String, name: &str, text: &str) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
    push_text(out, text);
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

/// What a notification says; nothing if it has no status that is known.
fn status(
    reader: &mut Reader<'_>,
    element: &Element,
    disposition: Disposition,
) -> Result<Option<(Disposition, Fate)>, Error> {
    let mut fate = None;
    while let Some(child) = reader.child(element)? {
        if child.ns != Ns::Imdn || child.name != "status" {
            continue;
        }
        while let Some(word) = reader.child(&child)? {
            fate = fate.or(match word.name.as_str() {
                "delivered" | "displayed" | "processed" => Some(Fate::Done),
                "stored" => Some(Fate::Stored),
                "failed" | "error" => Some(Fate::Failed),
                "forbidden" => Some(Fate::Forbidden),
                _ => None,
            });
        }
    }
    Ok(fate.map(|fate| (disposition, fate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inside: &str) -> Result<Notification, Error> {
        let document = format!("<i:imdn xmlns:i=\"{IMDN}\">{inside}</i:imdn>");
        Notification::read(document.as_bytes())
    }

    #[test]
    fn whatever_is_written_is_read() {
        for disposition in Disposition::ALL {
            for fate in [Fate::Done, Fate::Stored, Fate::Failed, Fate::Forbidden] {
                let told = Notification {
                    message_id: "<&\">".to_owned(),
                    date_time: "2026-11-20T22:00:00Z".to_owned(),
                    recipient: None,
                    disposition,
                    fate,
                };
                assert_eq!(Notification::read(told.write().as_bytes()).unwrap(), told);
            }
        }
    }

    #[test]
    fn others_write_more_and_in_another_order() {
        let told = read(
            "<i:delivery-notification><i:status>\n<i:delivered/></i:status>\
             </i:delivery-notification><i:subject>x</i:subject><i:message-id> m1 </i:message-id>\
             <i:original-recipient-uri>sip:x</i:original-recipient-uri>",
        );
        let told = told.unwrap();
        assert_eq!((told.message_id.as_str(), told.fate), ("m1", Fate::Done));
        assert_eq!(told.recipient, None);
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for inside in [
            "",
            "<i:message-id>m1</i:message-id>",
            "<i:delivery-notification><i:status><i:delivered/></i:status></i:delivery-notification>",
            "<i:message-id>m1</i:message-id><i:delivery-notification/>",
            "<i:message-id>m1</i:message-id><i:delivery-notification><i:status><i:x/></i:status>\
             </i:delivery-notification>",
        ] {
            assert!(read(inside).is_err(), "{inside}");
        }
        assert!(Notification::read(b"<imdn/>").is_err());
    }
}
