//! What is kept, as plain records.
//!
//! The store knows no protocol: addresses and keys are text to it, compared byte by byte. Who
//! writes a record brings its keys into their one form first (small letters in a domain, say).
//! Times are milliseconds since 1970 (UTC).

use std::fmt;

use crate::Partition;

/// Someone who may use the service. The key is `domain` and `name` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// The part before the `@`: `alice`.
    pub name: String,
    /// The part behind it: `localhost`.
    pub domain: String,
    /// The name shown to people.
    pub display_name: Option<String>,
    /// The telephone number by which a trusted gateway names the owner: 3 to 20 digits, without
    /// the plus. No other account of the domain has it.
    pub msisdn: Option<String>,
    /// What proves that someone is the owner.
    pub credentials: Credentials,
    /// Whether the owner may log in at present.
    pub enabled: bool,
    /// When the account was made.
    pub created_at_ms: i64,
}

/// What proves that someone is the owner of an account.
///
/// A digest is as good as the password to whoever holds it: `Debug` shows only which are set.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Credentials {
    /// MD5 of `user:realm:password` (RFC 7616 section 3.4.2), 32 small hexadecimal digits.
    pub ha1_md5: Option<String>,
    /// SHA-256 of the same (RFC 8760 section 2), 64 small hexadecimal digits.
    pub ha1_sha256: Option<String>,
    /// The password itself, sealed under a key that is not in the store. Only IMPS needs it.
    pub imps_secret: Option<Vec<u8>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = [
            ("md5", self.ha1_md5.is_some()),
            ("sha256", self.ha1_sha256.is_some()),
            ("imps", self.imps_secret.is_some()),
        ];
        f.debug_set()
            .entries(set.iter().filter(|(_, set)| *set).map(|(name, _)| name))
            .finish()
    }
}

/// Where a device of someone can be reached, until when. The key is `aor` and `key` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The address of record that the device registered for.
    pub aor: String,
    /// What tells this binding from others of the address: the instance and reg-id of RFC 5626,
    /// or the contact itself. The registrar makes it.
    pub key: String,
    /// The contact URI.
    pub contact: String,
    /// The header parameters that came with the contact, as they came: among them the
    /// capabilities of RFC 3840. Empty when there were none.
    pub params: String,
    /// The Path of the registration (RFC 3327), topmost first. At most 16 URIs.
    pub path: Vec<String>,
    /// The Call-ID of the registration that wrote this.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
    /// The preference in thousandths, 0 to 1000.
    pub q: u16,
    /// The instance id (`+sip.instance`), from which a GRUU is made.
    pub instance: Option<String>,
    /// The reg-id (RFC 5626).
    pub reg_id: Option<u32>,
    /// The node that holds the device's connection.
    pub node: String,
    /// That node's own name for the connection.
    pub flow: String,
    /// What the device calls itself.
    pub user_agent: Option<String>,
    /// When it lapses. A lapsed binding stays until it is purged: readers compare.
    pub expires_at_ms: i64,
    /// When the device first registered.
    pub created_at_ms: i64,
    /// When it last did.
    pub updated_at_ms: i64,
}

/// A conversation, kept so that its members find it again after a crash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Room {
    /// The session identity: a URI. The key.
    pub identity: String,
    /// The partition in which it lives.
    pub partition: Partition,
    /// How it came to be.
    pub kind: RoomKind,
    /// The stored group that it is a session of.
    pub group: Option<String>,
    /// The address of its host.
    pub host: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it was opened.
    pub created_at_ms: i64,
    /// When it was closed; `None` while it is open.
    pub closed_at_ms: Option<i64>,
}

/// How a room came to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RoomKind {
    /// Its host named the guests.
    AdHoc,
    /// A stored group whose members are invited.
    Group,
    /// A stored group that anyone allowed may enter.
    Public,
}

/// Someone's part in a room. The key is `room` and `address` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The identity of the room.
    pub room: String,
    /// The member's address.
    pub address: String,
    /// The name shown to others.
    pub display: Option<String>,
    /// What the member may do.
    pub role: Role,
    /// Whether the others must not learn who this is.
    pub hidden: bool,
    /// How things stand.
    pub state: MemberState,
    /// Since when.
    pub changed_at_ms: i64,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Take part.
    Guest,
    /// Take part, and decide about the room.
    Host,
}

/// How things stand between a member and a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberState {
    /// Asked, and has not answered.
    Invited,
    /// In the room.
    Joined,
    /// Left by own will, refused, or fell out of reach.
    Left,
    /// Was put out.
    Removed,
}

/// A document that people read and write by its name. The key is `collection` and `name` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// What kind of document it is: an application usage, such as
    /// `org.openmobilealliance.groups`.
    pub collection: String,
    /// What tells it from others of its kind: the URI of a group, or
    /// `users/sip:alice@localhost/index`.
    pub name: String,
    /// The address of its owner.
    pub owner: String,
    /// What tells this version of it from others. Whoever writes a version makes it.
    pub etag: String,
    /// What it says. At most 1 MiB.
    pub body: Vec<u8>,
    /// When this version was written.
    pub changed_at_ms: i64,
}

/// What was said to somebody who has not had it yet. The key is `to` and `id` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The recipient's address.
    pub to: String,
    /// The server's id of the message, the same for all its recipients.
    pub id: String,
    /// The sender's address.
    pub from: String,
    /// The sender's name as shown to the recipient.
    pub display: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// What kind of content it is: a media type with its parameters.
    pub content_type: String,
    /// What was said. At most 1 MiB.
    pub content: Vec<u8>,
    /// Whatever the face that took the message wants back. At most 4 KiB.
    pub extra: Vec<u8>,
    /// When it was sent.
    pub sent_at_ms: i64,
    /// When it expires; `None` for never. An expired message stays until it is purged: readers
    /// compare.
    pub expires_at_ms: Option<i64>,
    /// Whether the sender wants to know what becomes of it.
    pub report: bool,
}

/// Word for a sender of what became of a message, kept until the sender has heard it. The key is
/// `to`, `message` and `recipient` together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// The address of the one to be told.
    pub to: String,
    /// The server's id of the message.
    pub message: String,
    /// The address of its recipient.
    pub recipient: String,
    /// What became of it: a number of the face's own.
    pub code: u16,
    /// When it did.
    pub at_ms: i64,
    /// Whatever the face wants back. At most 4 KiB.
    pub extra: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let credentials = Credentials {
            ha1_md5: Some("0123456789abcdef".repeat(2)),
            ha1_sha256: None,
            imps_secret: Some(vec![7, 7, 7]),
        };
        assert_eq!(format!("{credentials:?}"), r#"{"md5", "imps"}"#);
    }
}
