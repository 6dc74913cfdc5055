//! Everything that can be asked.

use crate::memory::{Disk, Memory};
use crate::sqlite::SqliteReader;
use crate::{Account, Binding, Cursor, Delivery, Document, Member, Message, Page, Room, Trouble};

/// A view of what is committed.
///
/// Each call sees everything committed before it. Lists come in pages of at most `limit` rows
/// (between 1 and [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX); other values count as the nearer
/// bound), in the order of their keys' bytes unless they say another; a first call passes
/// [`Cursor::START`], the next ones what [`Page::next`] gave. Every call may fail with a
/// [`Trouble`].
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

    /// The account of a domain that has this telephone number, which is written as in
    /// [`Account::msisdn`].
    pub fn account_by_msisdn(&self, msisdn: &str, domain: &str) -> Answer<Option<Account>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.account_by_msisdn(msisdn, domain)),
            Kind::Sqlite(sqlite) => sqlite.account_by_msisdn(msisdn, domain),
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

    /// One document.
    pub fn document(&self, collection: &str, name: &str) -> Answer<Option<Document>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.document(collection, name)),
            Kind::Sqlite(sqlite) => sqlite.document(collection, name),
        }
    }

    /// All documents of a collection, by name.
    pub fn documents(
        &self,
        collection: &str,
        after: &Cursor,
        limit: u32,
    ) -> Answer<Page<Document>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.documents(collection, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.documents(collection, after, limit),
        }
    }

    /// The documents of a collection that are `owner`'s, by name.
    pub fn documents_of(
        &self,
        collection: &str,
        owner: &str,
        after: &Cursor,
        limit: u32,
    ) -> Answer<Page<Document>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory
                .readable()?
                .documents_of(collection, owner, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.documents_of(collection, owner, after, limit),
        }
    }

    /// How many documents a collection has.
    pub fn count_documents(&self, collection: &str) -> Answer<u64> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.count_documents(collection)),
            Kind::Sqlite(sqlite) => sqlite.count_documents(collection),
        }
    }

    /// How many documents of a collection are `owner`'s.
    pub fn count_documents_of(&self, collection: &str, owner: &str) -> Answer<u64> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.count_documents_of(collection, owner)),
            Kind::Sqlite(sqlite) => sqlite.count_documents_of(collection, owner),
        }
    }

    /// One message, expired or not.
    pub fn message(&self, to: &str, id: &str) -> Answer<Option<Message>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.message(to, id)),
            Kind::Sqlite(sqlite) => sqlite.message(to, id),
        }
    }

    /// The messages that wait for one recipient, expired ones among them, in the order in which
    /// they came.
    pub fn messages(&self, to: &str, after: &Cursor, limit: u32) -> Answer<Page<Message>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.messages(to, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.messages(to, after, limit),
        }
    }

    /// How many messages wait for one recipient, expired ones among them.
    pub fn count_messages(&self, to: &str) -> Answer<u64> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.count_messages(to)),
            Kind::Sqlite(sqlite) => sqlite.count_messages(to),
        }
    }

    /// The first `limit` of the messages that have expired by `now_ms`, to whomever, by expiry and
    /// then as they came: in the order in which
    /// [`Write::PurgeMessages`](crate::Write::PurgeMessages) takes them.
    pub fn expired_messages(&self, now_ms: i64, limit: u32) -> Answer<Vec<Message>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.expired_messages(now_ms, limit)),
            Kind::Sqlite(sqlite) => sqlite.expired_messages(now_ms, limit),
        }
    }

    /// The word that waits for one sender, by message and recipient.
    pub fn deliveries(&self, to: &str, after: &Cursor, limit: u32) -> Answer<Page<Delivery>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.deliveries(to, after, limit)),
            Kind::Sqlite(sqlite) => sqlite.deliveries(to, after, limit),
        }
    }

    /// Of how many deliveries word waits for one sender.
    pub fn count_deliveries(&self, to: &str) -> Answer<u64> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.count_deliveries(to)),
            Kind::Sqlite(sqlite) => sqlite.count_deliveries(to),
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
