//! What can be written, and the bounds of it.

use crate::{Account, Binding, Fence, Flaw, Member, Partition, Room};

/// One change to what is stored.
///
/// Writes that say "add", "open" or "change" fail when the record is there or is not; writes
/// that say "put", "remove" or "purge" do not mind. `RemoveAccount` minds too, because a person
/// who misspells a name wants to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Write {
    /// Makes an account that is not there yet.
    AddAccount(Account),
    /// Replaces all of an account that is there.
    ChangeAccount(Account),
    /// Removes an account and its credentials. Bindings stay: the registrar removes them.
    RemoveAccount {
        /// Its name.
        name: String,
        /// Its domain.
        domain: String,
    },
    /// Writes a binding, new or not.
    PutBinding(Binding),
    /// Removes a binding, if it is there.
    RemoveBinding {
        /// The address of record.
        aor: String,
        /// Which of its bindings.
        key: String,
    },
    /// Removes all bindings of an address.
    RemoveBindings {
        /// The address of record.
        aor: String,
    },
    /// Removes bindings that have lapsed, the oldest [`PURGE_ROWS_MAX`] of them: those with
    /// `expires_at_ms` at or before `now_ms`. They may be of any partition, because what is
    /// removed depends on what is stored alone and not on what the writer believes.
    PurgeBindings {
        /// The time now.
        now_ms: i64,
    },
    /// Opens a room. If one with this identity was closed, the new one takes its place and the
    /// former members are forgotten.
    OpenRoom(Room),
    /// Changes what can change while a room lives.
    ChangeRoom {
        /// The identity of the room.
        identity: String,
        /// Its host from now on.
        host: String,
        /// Its subject from now on.
        subject: Option<String>,
    },
    /// Closes a room. Its members stay until it is purged. A room closed before keeps its time.
    CloseRoom {
        /// The identity of the room.
        identity: String,
        /// When it was closed.
        at_ms: i64,
    },
    /// Removes closed rooms and their members, the [`PURGE_ROWS_MAX`] that were closed first:
    /// those closed at or before `closed_by_ms`. Of any partition, as with `PurgeBindings`.
    PurgeRooms {
        /// The time up to which closed rooms go.
        closed_by_ms: i64,
    },
    /// Writes someone's part in a room that exists, new or not.
    PutMember(Member),
}

/// Writes that stand or fall together, and the right to make them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unit {
    /// The writes, in the order in which they happen.
    pub writes: Vec<Write>,
    /// By what right.
    pub fence: Fence,
}

/// The most writes in one unit. A room of a few thousand members fits, and one unit cannot hold
/// the database for long.
pub const UNIT_WRITES_MAX: usize = 10_000;

/// The most that one purge removes, in bindings or rooms, so that it does not hold up others for
/// long. What remains waits for the next.
pub const PURGE_ROWS_MAX: u32 = 1000;

/// The longest name (of an account, a domain, a node, a connection, an instance, a secret), in
/// bytes. A domain name has at most 253.
pub const NAME_BYTES_MAX: usize = 256;

/// The longest address, URI or binding key, in bytes. Two of them together still fit into an
/// index entry of PostgreSQL, which ends near 2700.
pub const URI_BYTES_MAX: usize = 1024;

/// The longest text written by people or devices (names shown, subjects, Call-IDs, User-Agents),
/// in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

/// The longest run of header parameters kept with a contact, in bytes. A device that lists all it
/// can do (RFC 3840) writes many feature tags, so this is more than for other text.
pub const PARAMS_BYTES_MAX: usize = 4096;

/// The most URIs in the path of a binding. Each stands for a proxy that the registration passed;
/// five are many.
pub const PATH_URIS_MAX: usize = 16;

/// The longest secret, of the server or sealed in an account, in bytes.
pub const SECRET_BYTES_MAX: usize = 1024;

impl Write {
    /// The partition under which this write has to be fenced, where the write alone tells: not
    /// for purges, which may go under any, nor for changes to rooms, which go under the one that
    /// the room was opened in.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::AddAccount(account) | Self::ChangeAccount(account) => {
                Some(Partition::of_account(&account.name, &account.domain))
            }
            Self::RemoveAccount { name, domain } => Some(Partition::of_account(name, domain)),
            Self::PutBinding(binding) => Some(Partition::of(&binding.aor)),
            Self::RemoveBinding { aor, .. } | Self::RemoveBindings { aor } => {
                Some(Partition::of(aor))
            }
            Self::OpenRoom(room) => Some(room.partition),
            Self::PurgeBindings { .. }
            | Self::ChangeRoom { .. }
            | Self::CloseRoom { .. }
            | Self::PurgeRooms { .. }
            | Self::PutMember(_) => None,
        }
    }

    /// Whether a writer that owns nothing may do this.
    fn needs_fence(&self) -> bool {
        !matches!(
            self,
            Self::AddAccount(_) | Self::ChangeAccount(_) | Self::RemoveAccount { .. }
        )
    }

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
            // These only look for a record: a key that cannot exist finds none.
            Self::RemoveAccount { .. }
            | Self::RemoveBinding { .. }
            | Self::RemoveBindings { .. }
            | Self::PurgeBindings { .. }
            | Self::CloseRoom { .. }
            | Self::PurgeRooms { .. } => Ok(()),
        }
    }
}

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
