//! What can go wrong, by whose doing, and what a person can do about it.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::Partition;

/// How long a call waits for another process that is writing: enough for any commit of ours, and
/// short enough for the person at a command line.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a store did not open. A file that is not ours, or too new, was not changed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OpenError {
    /// The file is an SQLite database of some other program.
    #[error("{} is the database of another program; name another file", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "{} has schema {found} and this version knows up to {known}; \
         install the newer version again, or restore a backup made before it ran",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The schema it has.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// The database itself is in trouble.
    #[error("cannot open {}: {trouble}", path.display())]
    Trouble {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        trouble: Trouble,
    },
}

/// Why a unit of writes was not committed. Nothing of the unit was kept, with one exception: after
/// [`Trouble::Failed`] it may turn out after a restart that the disk kept all of it after all.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CommitError {
    /// An account to be added exists.
    #[error("the account {name}@{domain} exists already; change it, or choose another name")]
    AccountExists {
        /// Its name.
        name: String,
        /// Its domain.
        domain: String,
    },
    /// A document is not, or is no longer, what the writer expects.
    #[error(
        "the document {name} of {collection} is not the expected version; \
         read what is there now, and decide anew"
    )]
    DocumentChanged {
        /// Its collection.
        collection: String,
        /// Its name.
        name: String,
    },
    /// The writer does not own the partition, or no longer.
    #[error(
        "partition {partition} is in epoch {current} and this write came from epoch {offered}: \
         another server has taken over the database; stop this one"
    )]
    Fenced {
        /// The partition.
        partition: Partition,
        /// The writer's epoch.
        offered: u64,
        /// The epoch now; 0 when nobody ever took the partition.
        current: u64,
    },
    /// The writer asked for something that cannot be written.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// A message to be kept is kept.
    #[error("the message {id} to {to} is kept already; give every message an id of its own")]
    MessageExists {
        /// The recipient's address.
        to: String,
        /// The message's id.
        id: String,
    },
    /// An account to be changed or removed is not there.
    #[error("there is no account {name}@{domain}; add it first, or look at the spelling")]
    NoSuchAccount {
        /// The name asked for.
        name: String,
        /// The domain asked for.
        domain: String,
    },
    /// A room to be changed is not there.
    #[error("there is no room {identity}; it was never opened here, or was purged after it closed")]
    NoSuchRoom {
        /// The identity asked for.
        identity: String,
    },
    /// The telephone number of an account is that of another.
    #[error(
        "another account of {domain} has the telephone number {msisdn}; \
         take it from that one first, or give another number"
    )]
    NumberTaken {
        /// The number.
        msisdn: String,
        /// The domain of both accounts.
        domain: String,
    },
    /// As many messages wait for a recipient as may.
    #[error("{limit} messages or more wait for {to} already; try again when some are gone")]
    QueueFull {
        /// The recipient's address.
        to: String,
        /// The most that may wait.
        limit: u32,
    },
    /// A room to be opened is open.
    #[error("the room {identity} is open already; close it first, or take another identity")]
    RoomIsOpen {
        /// Its identity.
        identity: String,
    },
    /// The database itself is in trouble.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// What is wrong with a write in itself: the writer's mistake, whatever is stored.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Flaw {
    /// A field that must say something is empty.
    #[error("the {field} is empty; give one")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A field does not have its form.
    #[error("the {field} must be {form}")]
    Form {
        /// The field.
        field: &'static str,
        /// How it must be.
        form: &'static str,
    },
    /// The write belongs to another partition than its fence.
    #[error(
        "this write belongs to partition {home} and was fenced for {fenced}; \
         this is a mistake in the program: please report it"
    )]
    Misplaced {
        /// Where the write belongs.
        home: Partition,
        /// The partition of the fence.
        fenced: Partition,
    },
    /// Only accounts may be written without a fence.
    #[error(
        "only accounts may be written without owning a partition; \
         this is a mistake in the program: please report it"
    )]
    NeedsFence,
    /// A field is too long.
    #[error("the {field} is {length} bytes long and at most {limit} are kept; shorten it")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The most allowed, in bytes.
        limit: usize,
    },
    /// Too many of something.
    #[error("there are {count} {things} and at most {limit} are allowed; use fewer")]
    TooMany {
        /// What there is too much of.
        things: &'static str,
        /// How many there are.
        count: usize,
        /// The most allowed.
        limit: usize,
    },
}

/// The database cannot do its work: nobody asked for anything wrong.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Trouble {
    /// Another process holds the database.
    #[error(
        "another process has held the database for more than {} s; \
         close what has it open (a backup, a shell) and try again",
        BUSY_TIMEOUT.as_secs()
    )]
    Busy,
    /// What is stored cannot be understood.
    #[error(
        "the database is damaged ({detail}); stop the server and restore a backup, \
         or save what can be read with `sqlite3 FILE .recover`"
    )]
    Corrupt {
        /// What was seen.
        detail: String,
    },
    /// The operating system says no.
    #[error(
        "the database may not be opened or written ({detail}); \
         see that its folder exists and that this user may write there"
    )]
    Denied {
        /// What was seen.
        detail: String,
    },
    /// Anything else, most often a disk that fails.
    #[error("the database failed ({detail}); look for disk errors in the system's log")]
    Failed {
        /// What was seen.
        detail: String,
    },
    /// There is no room on the disk.
    #[error("the disk is full, or its quota; free some space and try again")]
    Full,
}
