//! What can be written, and the bounds of it.

mod check;

pub(crate) use self::check::{check_home, check_secret, check_unit, text};
use crate::{Account, Binding, Delivery, Document, Fence, Member, Message, Partition, Room};

/// One change to what is stored.
///
/// Writes that say "add", "open" or "change" fail when the record is there or is not; writes
/// that say "put", "remove" or "purge" do not mind. `RemoveAccount` minds too, because a person
/// who misspells a name wants to know, and a document is put or removed on the writer's own terms.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Write {
    /// Makes an account that is not there yet. Its telephone number must be no other's.
    AddAccount(Account),
    /// Replaces all of an account that is there. Its telephone number must be no other's.
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
    /// Writes a document, new or not, if what is there is what the writer expects.
    PutDocument {
        /// The document.
        document: Document,
        /// What must be there before.
        expect: Expect,
    },
    /// Removes a document.
    RemoveDocument {
        /// Its collection.
        collection: String,
        /// Its name.
        name: String,
        /// The etag that it must have. `None` removes whatever is there, if anything is.
        etag: Option<String>,
    },
    /// Keeps a message that is not kept yet, behind those that wait for its recipient already.
    AddMessage {
        /// The message.
        message: Message,
        /// The most messages that may then wait for the recipient, those that have expired and
        /// are not purged among them.
        limit: u32,
    },
    /// Removes a message, if it is there: its recipient has it, or will never.
    RemoveMessage {
        /// The recipient's address.
        to: String,
        /// The message's id.
        id: String,
    },
    /// Removes messages that have expired, the oldest [`PURGE_ROWS_MAX`] of them: those with
    /// `expires_at_ms` at or before `now_ms`. Of any partition, as with `PurgeBindings`.
    ///
    /// Nobody hears of it. Where a sender wants a report, `RemoveMessage` and `PutDelivery` in one
    /// unit come before.
    PurgeMessages {
        /// The time now.
        now_ms: i64,
    },
    /// Writes word for a sender, new or not. It is put under the fence of whoever took the
    /// message, whatever partition the sender is of: that the message goes and word of it is left
    /// is one step, and one unit. Nobody may therefore keep a view of the deliveries in memory.
    PutDelivery(Delivery),
    /// Removes word for a sender, if it is there: the sender has heard it.
    RemoveDelivery {
        /// The address of the one who was to be told.
        to: String,
        /// The message's id.
        message: String,
        /// The address of its recipient.
        recipient: String,
    },
    /// Removes word that nobody came to hear, the oldest [`PURGE_ROWS_MAX`] of it: that with
    /// `at_ms` at or before `before_ms`. Of any partition, as with `PurgeBindings`.
    PurgeDeliveries {
        /// The time up to which word goes.
        before_ms: i64,
    },
}

/// What a writer expects to find where it puts a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expect {
    /// No document.
    Absent,
    /// Anything, or nothing.
    Any,
    /// The document with this etag.
    Etag(String),
}

impl Expect {
    /// Whether it is so: `found` is the etag of the document that is there.
    pub(crate) fn holds(&self, found: Option<&str>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Any => true,
            Self::Etag(etag) => found == Some(etag),
        }
    }
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

/// The most that one purge removes, in bindings, rooms, messages or deliveries, so that it does
/// not hold up others for long. What remains waits for the next.
pub const PURGE_ROWS_MAX: u32 = 1000;

/// The longest name (of an account, a domain, a node, a connection, an instance, a secret, a
/// collection, a version of a document, a message), in bytes. A domain name has at most 253.
pub const NAME_BYTES_MAX: usize = 256;

/// The longest address, URI, binding key or name of a document, in bytes. Two of them and a name
/// together still fit into an index entry of PostgreSQL, which ends near 2700.
pub const URI_BYTES_MAX: usize = 1024;

/// The longest text written by people or devices (names shown, subjects, Call-IDs, User-Agents,
/// content types), in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

/// The longest run of header parameters kept with a contact, in bytes. A device that lists all it
/// can do (RFC 3840) writes many feature tags, so this is more than for other text.
pub const PARAMS_BYTES_MAX: usize = 4096;

/// The most URIs in the path of a binding. Each stands for a proxy that the registration passed;
/// five are many.
pub const PATH_URIS_MAX: usize = 16;

/// The longest secret, of the server or sealed in an account, in bytes.
pub const SECRET_BYTES_MAX: usize = 1024;

/// The fewest digits of a telephone number: those of a service or an emergency number.
pub const MSISDN_DIGITS_MIN: usize = 3;

/// The most digits of a telephone number. An international one has at most 15 (E.164); some
/// networks put digits of their own before it.
pub const MSISDN_DIGITS_MAX: usize = 20;

/// The longest body of a document, in bytes. A group of some thousand members fits.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The longest content of a message, in bytes. Text and pictures fit; what is larger is for a
/// session, not for a queue.
pub const CONTENT_BYTES_MAX: usize = 1 << 20;

/// The most that a face may have kept with a message or a delivery to get back, in bytes. It is
/// for a few headers or elements.
pub const EXTRA_BYTES_MAX: usize = 4096;

impl Write {
    /// The partition under which this write has to be fenced, where the write alone tells: not
    /// for purges, which may go under any, nor for changes to rooms, which go under the one that
    /// the room was opened in, nor for [`Self::PutDelivery`], which goes under the one of whoever
    /// took the message.
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
            Self::PutDocument { document, .. } => Some(Partition::of(&document.name)),
            Self::RemoveDocument { name, .. } => Some(Partition::of(name)),
            Self::AddMessage { message, .. } => Some(Partition::of(&message.to)),
            Self::RemoveMessage { to, .. } | Self::RemoveDelivery { to, .. } => {
                Some(Partition::of(to))
            }
            Self::PurgeBindings { .. }
            | Self::ChangeRoom { .. }
            | Self::CloseRoom { .. }
            | Self::PurgeRooms { .. }
            | Self::PutMember(_)
            | Self::PurgeMessages { .. }
            | Self::PutDelivery(_)
            | Self::PurgeDeliveries { .. } => None,
        }
    }

    /// Whether a writer that owns nothing may do this.
    fn needs_fence(&self) -> bool {
        !matches!(
            self,
            Self::AddAccount(_)
                | Self::ChangeAccount(_)
                | Self::RemoveAccount { .. }
                | Self::PutDocument { .. }
                | Self::RemoveDocument { .. }
        )
    }
}
