//! Everything that can be asked.

use crate::memory::{Disk, Memory};
use crate::sqlite::SqliteReader;
use crate::{Account, Binding, Cursor, Member, Page, Room, Trouble};

/// A view of what is committed.
///
/// Each call sees everything committed before it. Lists come in pages of at most `limit` rows
/// (between 1 and [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX); other values count as the nearer
/// bound), in the order of their keys' bytes; a first call passes [`Cursor::START`], the next ones
/// what [`Page::next`] gave. Every call may fail with a [`Trouble`].
#[derive(Debug)]
pub struct Reader(Kind);

#[derive(Debug)]
enum Kind {
    Memory(Memory),
    Sqlite(SqliteReader),
}

/// What every query returns.
type Answer<T> = Result<T, Trouble>;

impl Reader {
    pub(crate) fn of_memory(memory: Memory) -> Self {
        Self(Kind::Memory(memory))
    }

    pub(crate) fn of_sqlite(sqlite: SqliteReader) -> Self {
        Self(Kind::Sqlite(sqlite))
    }

    /// How the disk does: as [`Store::disk`](crate::Store::disk).
    #[must_use]
    pub fn disk(&self) -> Disk {
        match &self.0 {
            Kind::Memory(memory) => memory.disk(),
            Kind::Sqlite(_) => Disk::Well,
        }
    }

    /// One account.
    pub fn account(&self, name: &str, domain: &str) -> Answer<Option<Account>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.account(name, domain)),
            Kind::Sqlite(sqlite) => sqlite.account(name, domain),
        }
    }

    /// All accounts, by domain and name.
    pub fn accounts(&self, after: &Cursor, limit: u32) -> Answer<Page<Account>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.accounts(after, limit)),
            Kind::Sqlite(sqlite) => sqlite.accounts(after, limit),
        }
    }

    /// The bindings of one address, lapsed ones among them, by key.
    pub fn bindings(&self, aor: &str, after: &Cursor, limit: u32) -> Answer<Page<Binding>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.bindings(aor, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.bindings(aor, after, limit),
        }
    }

    /// All bindings, lapsed ones among them, by address and key.
    pub fn all_bindings(&self, after: &Cursor, limit: u32) -> Answer<Page<Binding>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.all_bindings(after, limit)),
            Kind::Sqlite(sqlite) => sqlite.all_bindings(after, limit),
        }
    }

    /// One room, open or closed.
    pub fn room(&self, identity: &str) -> Answer<Option<Room>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.room(identity)),
            Kind::Sqlite(sqlite) => sqlite.room(identity),
        }
    }

    /// The rooms that are open, by identity.
    pub fn open_rooms(&self, after: &Cursor, limit: u32) -> Answer<Page<Room>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.open_rooms(after, limit)),
            Kind::Sqlite(sqlite) => sqlite.open_rooms(after, limit),
        }
    }

    /// The open rooms that know `address` as a member, in whatever state, by identity.
    pub fn rooms_of(
        &self,
        address: &str,
        after: &Cursor,
        limit: u32,
    ) -> Answer<Page<(Room, Member)>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.rooms_of(address, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.rooms_of(address, after, limit),
        }
    }

    /// The members of a room, in whatever state, by address.
    pub fn members(&self, room: &str, after: &Cursor, limit: u32) -> Answer<Page<Member>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.members(room, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.members(room, after, limit),
        }
    }

    /// A secret of the server. See [`Store::keep_secret`](crate::Store::keep_secret).
    pub fn secret(&self, name: &str) -> Answer<Option<Vec<u8>>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.secret(name)),
            Kind::Sqlite(sqlite) => sqlite.secret(name),
        }
    }
}
