//! What can be judged about a write without looking at what is stored.

use super::{
    CONTENT_BYTES_MAX, DOCUMENT_BYTES_MAX, EXTRA_BYTES_MAX, MSISDN_DIGITS_MAX, MSISDN_DIGITS_MIN,
    NAME_BYTES_MAX, PARAMS_BYTES_MAX, PATH_URIS_MAX, SECRET_BYTES_MAX, TEXT_BYTES_MAX,
    UNIT_WRITES_MAX, URI_BYTES_MAX, Write,
};
use crate::{Account, Binding, Delivery, Document, Fence, Flaw, Member, Message, Partition, Room};

/// Everything about a unit that can be judged without looking at what is stored.
pub(crate) fn check_unit(writes: &[Write], fence: Fence) -> Result<(), Flaw> {
    at_most("writes in one unit", writes.len(), UNIT_WRITES_MAX)?;
    for write in writes {
        write.check()?;
        match fence {
            Fence::Owned { partition, .. } => {
                if let Some(home) = write.partition() {
                    check_home(home, partition)?;
                }
            }
            Fence::Unfenced if write.needs_fence() => return Err(Flaw::NeedsFence),
            Fence::Unfenced => {}
        }
    }
    Ok(())
}

impl Write {
    fn check(&self) -> Result<(), Flaw> {
        match self {
            Self::AddAccount(account) | Self::ChangeAccount(account) => check_account(account),
            Self::PutBinding(binding) => check_binding(binding),
            Self::OpenRoom(room) => check_room(room),
            Self::ChangeRoom { host, subject, .. } => {
                key("host", host, URI_BYTES_MAX)?;
                optional("subject", subject.as_deref(), TEXT_BYTES_MAX)
            }
            Self::PutMember(member) => check_member(member),
            Self::PutDocument { document, .. } => check_document(document),
            Self::AddMessage { message, .. } => check_message(message),
            Self::PutDelivery(delivery) => check_delivery(delivery),
            // These only look for a record: a key that cannot exist finds none.
            Self::RemoveAccount { .. }
            | Self::RemoveBinding { .. }
            | Self::RemoveBindings { .. }
            | Self::PurgeBindings { .. }
            | Self::CloseRoom { .. }
            | Self::PurgeRooms { .. }
            | Self::RemoveDocument { .. }
            | Self::RemoveMessage { .. }
            | Self::PurgeMessages { .. }
            | Self::RemoveDelivery { .. }
            | Self::PurgeDeliveries { .. } => Ok(()),
        }
    }
}

/// Whether a record of partition `home` may be written under a fence for `fenced`.
pub(crate) fn check_home(home: Partition, fenced: Partition) -> Result<(), Flaw> {
    if home == fenced {
        Ok(())
    } else {
        Err(Flaw::Misplaced { home, fenced })
    }
}

/// Whether a secret of the server may be kept.
pub(crate) fn check_secret(name: &str, value: &[u8]) -> Result<(), Flaw> {
    key("secret's name", name, NAME_BYTES_MAX)?;
    if value.is_empty() {
        return Err(Flaw::Empty { field: "secret" });
    }
    bytes("secret", value.len(), SECRET_BYTES_MAX)
}

fn check_account(account: &Account) -> Result<(), Flaw> {
    key("account's name", &account.name, NAME_BYTES_MAX)?;
    key("account's domain", &account.domain, NAME_BYTES_MAX)?;
    optional(
        "name shown",
        account.display_name.as_deref(),
        TEXT_BYTES_MAX,
    )?;
    if !is_msisdn(account.msisdn.as_deref()) {
        return Err(Flaw::Form {
            field: "telephone number",
            form: "3 to 20 digits, without a plus",
        });
    }
    let credentials = &account.credentials;
    if !is_digest(credentials.ha1_md5.as_deref(), 32) {
        return Err(Flaw::Form {
            field: "MD5 digest",
            form: "32 small hexadecimal digits",
        });
    }
    if !is_digest(credentials.ha1_sha256.as_deref(), 64) {
        return Err(Flaw::Form {
            field: "SHA-256 digest",
            form: "64 small hexadecimal digits",
        });
    }
    let sealed = credentials.imps_secret.as_ref().map_or(0, Vec::len);
    bytes("sealed password", sealed, SECRET_BYTES_MAX)
}

fn check_binding(binding: &Binding) -> Result<(), Flaw> {
    key("address of record", &binding.aor, URI_BYTES_MAX)?;
    key("binding's key", &binding.key, URI_BYTES_MAX)?;
    key("contact", &binding.contact, URI_BYTES_MAX)?;
    text("contact's parameters", &binding.params, PARAMS_BYTES_MAX)?;
    at_most("URIs in the path", binding.path.len(), PATH_URIS_MAX)?;
    for uri in &binding.path {
        key("path", uri, URI_BYTES_MAX)?;
        if uri.contains('\n') {
            return Err(Flaw::Form {
                field: "path",
                form: "without line breaks",
            });
        }
    }
    text("Call-ID", &binding.call_id, TEXT_BYTES_MAX)?;
    if binding.q > 1000 {
        return Err(Flaw::Form {
            field: "preference",
            form: "between 0 and 1000 thousandths",
        });
    }
    optional("instance", binding.instance.as_deref(), NAME_BYTES_MAX)?;
    text("node", &binding.node, NAME_BYTES_MAX)?;
    text("connection's name", &binding.flow, NAME_BYTES_MAX)?;
    optional("user agent", binding.user_agent.as_deref(), TEXT_BYTES_MAX)
}

fn check_room(room: &Room) -> Result<(), Flaw> {
    key("room's identity", &room.identity, URI_BYTES_MAX)?;
    optional("group", room.group.as_deref(), URI_BYTES_MAX)?;
    key("host", &room.host, URI_BYTES_MAX)?;
    optional("subject", room.subject.as_deref(), TEXT_BYTES_MAX)?;
    if room.closed_at_ms.is_some() {
        return Err(Flaw::Form {
            field: "room",
            form: "open when it is opened",
        });
    }
    Ok(())
}

fn check_member(member: &Member) -> Result<(), Flaw> {
    key("room's identity", &member.room, URI_BYTES_MAX)?;
    key("member's address", &member.address, URI_BYTES_MAX)?;
    optional("name shown", member.display.as_deref(), TEXT_BYTES_MAX)
}

fn check_document(document: &Document) -> Result<(), Flaw> {
    key("collection", &document.collection, NAME_BYTES_MAX)?;
    key("document's name", &document.name, URI_BYTES_MAX)?;
    key("owner", &document.owner, URI_BYTES_MAX)?;
    key("etag", &document.etag, NAME_BYTES_MAX)?;
    bytes("document", document.body.len(), DOCUMENT_BYTES_MAX)
}

fn check_message(message: &Message) -> Result<(), Flaw> {
    key("recipient", &message.to, URI_BYTES_MAX)?;
    key("message's id", &message.id, NAME_BYTES_MAX)?;
    key("sender", &message.from, URI_BYTES_MAX)?;
    optional("name shown", message.display.as_deref(), TEXT_BYTES_MAX)?;
    optional("subject", message.subject.as_deref(), TEXT_BYTES_MAX)?;
    key("content type", &message.content_type, TEXT_BYTES_MAX)?;
    bytes("content", message.content.len(), CONTENT_BYTES_MAX)?;
    bytes("extra data", message.extra.len(), EXTRA_BYTES_MAX)
}

fn check_delivery(delivery: &Delivery) -> Result<(), Flaw> {
    key("one to be told", &delivery.to, URI_BYTES_MAX)?;
    key("message's id", &delivery.message, NAME_BYTES_MAX)?;
    key("recipient", &delivery.recipient, URI_BYTES_MAX)?;
    bytes("extra data", delivery.extra.len(), EXTRA_BYTES_MAX)
}

fn key(field: &'static str, value: &str, limit: usize) -> Result<(), Flaw> {
    if value.is_empty() {
        return Err(Flaw::Empty { field });
    }
    text(field, value, limit)
}

fn optional(field: &'static str, value: Option<&str>, limit: usize) -> Result<(), Flaw> {
    value.map_or(Ok(()), |value| text(field, value, limit))
}

pub(crate) fn text(field: &'static str, value: &str, limit: usize) -> Result<(), Flaw> {
    bytes(field, value.len(), limit)?;
    // PostgreSQL keeps no NUL in text, and SQLite cuts there in some functions.
    if value.contains('\0') {
        return Err(Flaw::Form {
            field,
            form: "without NUL characters",
        });
    }
    Ok(())
}

fn bytes(field: &'static str, length: usize, limit: usize) -> Result<(), Flaw> {
    if length > limit {
        return Err(Flaw::TooLong {
            field,
            length,
            limit,
        });
    }
    Ok(())
}

fn at_most(things: &'static str, count: usize, limit: usize) -> Result<(), Flaw> {
    if count > limit {
        return Err(Flaw::TooMany {
            things,
            count,
            limit,
        });
    }
    Ok(())
}

fn is_digest(digest: Option<&str>, length: usize) -> bool {
    digest.is_none_or(|digest| {
        digest.len() == length
            && digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn is_msisdn(msisdn: Option<&str>) -> bool {
    msisdn.is_none_or(|msisdn| {
        (MSISDN_DIGITS_MIN..=MSISDN_DIGITS_MAX).contains(&msisdn.len())
            && msisdn.bytes().all(|byte| byte.is_ascii_digit())
    })
}
