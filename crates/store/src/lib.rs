//! What outlives a restart.
//!
//! A [`Store`] is written by one caller at a time, in units that stand or fall whole, each under
//! a [`Fence`]. It is read through any number of [`Reader`]s, which see what was committed and do
//! not wait for a commit that is under way.
//!
//! The calls block until the disk has answered. Nothing here starts a thread or reads a clock:
//! the server gives the store a thread of its own, a simulation calls it inline.
//!
//! ```
//! use store::{Fence, Partition, Store, Write};
//!
//! let mut store = Store::memory();
//! let epoch = store.take_partitions("node-1")?;
//! let partition = Partition::of("sip:alice@localhost");
//! let write = Write::RemoveBindings { aor: "sip:alice@localhost".to_owned() };
//! store.commit(&[write], Fence::Owned { partition, epoch })?;
//! # Ok::<(), store::CommitError>(())
//! ```

#![forbid(unsafe_code)]

mod error;
mod inside;
mod memory;
mod page;
mod partition;
mod reader;
mod record;
mod sqlite;
mod write;

use std::path::Path;

pub use error::{BUSY_TIMEOUT, CommitError, Flaw, OpenError, Trouble};
pub use inside::Inside;
pub use memory::{Disk, Memory};
pub use page::{Cursor, PAGE_ROWS_MAX, Page};
pub use partition::{Fence, Partition};
pub use reader::Reader;
pub use record::{
    Account, Binding, Credentials, Delivery, Document, Member, MemberState, Message, Role, Room,
    RoomKind,
};
pub use sqlite::Sqlite;
pub use write::{
    CONTENT_BYTES_MAX, DOCUMENT_BYTES_MAX, EXTRA_BYTES_MAX, Expect, MSISDN_DIGITS_MAX,
    MSISDN_DIGITS_MIN, NAME_BYTES_MAX, PARAMS_BYTES_MAX, PATH_URIS_MAX, PURGE_ROWS_MAX,
    SECRET_BYTES_MAX, TEXT_BYTES_MAX, UNIT_WRITES_MAX, URI_BYTES_MAX, Unit, Write,
};

/// What outlives a restart, and where it is kept.
#[derive(Debug)]
pub enum Store {
    /// In this process, for simulations: it outlives the server that is simulated.
    Memory(Memory),
    /// In a file.
    Sqlite(Sqlite),
}

impl Store {
    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::Memory(Memory::default())
    }

    /// The store in the file at `path`, made if it is not there and brought to the current
    /// schema.
    ///
    /// Several processes may have the file open. A new file can be read by its owner alone,
    /// since the digests in it are as good as passwords.
    ///
    /// # Errors
    ///
    /// [`OpenError`], when the file belongs to something else or cannot be used.
    pub fn sqlite(path: &Path) -> Result<Self, OpenError> {
        Sqlite::open(path).map(Self::Sqlite)
    }

    /// Opens the same store once more, as a second process or the next start of this one would.
    ///
    /// # Errors
    ///
    /// As [`Store::sqlite`].
    pub fn reopen(&self) -> Result<Self, OpenError> {
        match self {
            Self::Memory(memory) => Ok(Self::Memory(memory.clone())),
            Self::Sqlite(sqlite) => Self::sqlite(sqlite.path()),
        }
    }

    /// A reader of this store, with a connection of its own.
    ///
    /// # Errors
    ///
    /// As [`Store::sqlite`].
    pub fn reader(&self) -> Result<Reader, OpenError> {
        match self {
            Self::Memory(memory) => Ok(Reader::of_memory(memory.clone())),
            Self::Sqlite(sqlite) => sqlite.reader().map(Reader::of_sqlite),
        }
    }

    /// How the disk does, for a caller that waits in virtual time. A real disk speaks for itself:
    /// [`Disk::Well`].
    #[must_use]
    pub fn disk(&self) -> Disk {
        match self {
            Self::Memory(memory) => memory.disk(),
            Self::Sqlite(_) => Disk::Well,
        }
    }

    /// Takes all partitions for `node` and returns the epoch under which it now holds them.
    ///
    /// Whoever held them before is fenced from here on. A server does this once at each start.
    ///
    /// # Errors
    ///
    /// [`CommitError::Trouble`]; [`CommitError::Flaw`] for a name of more than
    /// [`NAME_BYTES_MAX`] bytes.
    pub fn take_partitions(&mut self, node: &str) -> Result<u64, CommitError> {
        write::text("node", node, NAME_BYTES_MAX)?;
        match self {
            Self::Memory(memory) => Ok(memory.take_partitions(node)?),
            Self::Sqlite(sqlite) => Ok(sqlite.take_partitions(node)?),
        }
    }

    /// Writes one unit: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// [`CommitError`]. The writes are tried in their order, and the first that fails is the one
    /// reported.
    pub fn commit(&mut self, writes: &[Write], fence: Fence) -> Result<(), CommitError> {
        match self {
            Self::Memory(memory) => memory.commit(writes, fence),
            Self::Sqlite(sqlite) => sqlite.commit(writes, fence),
        }
    }

    /// Writes several units with one wait for the disk. Each stands or falls alone, and sees
    /// what those before it wrote. The results are in the order of the units.
    ///
    /// When the transaction as a whole fails, every unit has that [`CommitError::Trouble`].
    pub fn commit_all(&mut self, units: &[Unit]) -> Vec<Result<(), CommitError>> {
        self.commit_all_asking(units, &mut |_, _| ())
    }

    /// As [`Self::commit_all`]; and `ask` is called with the place of each unit whose writes are
    /// done. What it sees, those of units before it among it, holds if the unit's result is `Ok`.
    pub fn commit_all_asking(
        &mut self,
        units: &[Unit],
        ask: &mut dyn FnMut(usize, &Inside<'_>),
    ) -> Vec<Result<(), CommitError>> {
        match self {
            Self::Memory(memory) => memory.commit_all(units, ask),
            Self::Sqlite(sqlite) => sqlite.commit_all(units, ask),
        }
    }

    /// Keeps `fresh` as the secret called `name` unless there is one, and returns the one kept.
    ///
    /// Of several servers that start together all get the same. For keys of the server, such as
    /// the one its nonces are made with. No fence is asked, since nothing is ever overwritten.
    ///
    /// # Errors
    ///
    /// [`CommitError::Trouble`]; [`CommitError::Flaw`] when name or secret is empty or too long.
    pub fn keep_secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, CommitError> {
        write::check_secret(name, fresh)?;
        match self {
            Self::Memory(memory) => Ok(memory.keep_secret(name, fresh)?),
            Self::Sqlite(sqlite) => Ok(sqlite.keep_secret(name, fresh)?),
        }
    }
}
