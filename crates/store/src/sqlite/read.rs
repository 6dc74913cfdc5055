//! The queries, each on the reader's own connection.

use rusqlite::Connection;

use super::{account, binding, delivery, document, message, room, secret};
use crate::page::{rows_of, rows_to_read};
use crate::{Account, Binding, Cursor, Delivery, Document, Member, Message, Page, Room, Trouble};

/// A connection that only reads.
#[derive(Debug)]
pub(crate) struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub(crate) fn account(&self, name: &str, domain: &str) -> Result<Option<Account>, Trouble> {
        Ok(account::find(&self.connection, name, domain)?)
    }

    pub(crate) fn account_by_msisdn(
        &self,
        msisdn: &str,
        domain: &str,
    ) -> Result<Option<Account>, Trouble> {
        Ok(account::find_by_msisdn(&self.connection, msisdn, domain)?)
    }

    pub(crate) fn accounts(&self, after: &Cursor, limit: u32) -> Result<Page<Account>, Trouble> {
        let rows = account::list(&self.connection, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |account| {
            Cursor::new(&account.domain, &account.name)
        }))
    }

    pub(crate) fn bindings(
        &self,
        aor: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Binding>, Trouble> {
        let rows = binding::list_of(&self.connection, aor, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |binding| {
            Cursor::new(&binding.key, "")
        }))
    }

    pub(crate) fn all_bindings(
        &self,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Binding>, Trouble> {
        let rows = binding::list(&self.connection, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |binding| {
            Cursor::new(&binding.aor, &binding.key)
        }))
    }

    pub(crate) fn room(&self, identity: &str) -> Result<Option<Room>, Trouble> {
        Ok(room::find(&self.connection, identity)?)
    }

    pub(crate) fn open_rooms(&self, after: &Cursor, limit: u32) -> Result<Page<Room>, Trouble> {
        let rows = room::list_open(&self.connection, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |room| {
            Cursor::new(&room.identity, "")
        }))
    }

    pub(crate) fn rooms_of(
        &self,
        address: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<(Room, Member)>, Trouble> {
        let rows = room::list_of(&self.connection, address, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |(room, _)| {
            Cursor::new(&room.identity, "")
        }))
    }

    pub(crate) fn members(
        &self,
        room: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Member>, Trouble> {
        let rows = room::list_members(&self.connection, room, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |member| {
            Cursor::new(&member.address, "")
        }))
    }

    pub(crate) fn document(
        &self,
        collection: &str,
        name: &str,
    ) -> Result<Option<Document>, Trouble> {
        Ok(document::find(&self.connection, collection, name)?)
    }

    pub(crate) fn documents(
        &self,
        collection: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Document>, Trouble> {
        let rows = document::list(&self.connection, collection, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |document| {
            Cursor::new(&document.name, "")
        }))
    }

    pub(crate) fn documents_of(
        &self,
        collection: &str,
        owner: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Document>, Trouble> {
        let to_read = rows_to_read(limit);
        let rows = document::list_of(&self.connection, collection, owner, after, to_read)?;
        Ok(Page::cut(rows, limit, |document| {
            Cursor::new(&document.name, "")
        }))
    }

    pub(crate) fn count_documents(&self, collection: &str) -> Result<u64, Trouble> {
        Ok(document::count(&self.connection, collection)?)
    }

    pub(crate) fn count_documents_of(&self, collection: &str, owner: &str) -> Result<u64, Trouble> {
        Ok(document::count_of(&self.connection, collection, owner)?)
    }

    pub(crate) fn message(&self, to: &str, id: &str) -> Result<Option<Message>, Trouble> {
        Ok(message::find(&self.connection, to, id)?)
    }

    pub(crate) fn messages(
        &self,
        to: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Message>, Trouble> {
        let rows = message::list(&self.connection, to, after, rows_to_read(limit))?;
        Ok(Page::cut_numbered(rows, limit))
    }

    pub(crate) fn count_messages(&self, to: &str) -> Result<u64, Trouble> {
        Ok(message::count(&self.connection, to)?)
    }

    pub(crate) fn expired_messages(
        &self,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Message>, Trouble> {
        Ok(message::list_expired(
            &self.connection,
            now_ms,
            rows_of(limit),
        )?)
    }

    pub(crate) fn deliveries(
        &self,
        to: &str,
        after: &Cursor,
        limit: u32,
    ) -> Result<Page<Delivery>, Trouble> {
        let rows = delivery::list(&self.connection, to, after, rows_to_read(limit))?;
        Ok(Page::cut(rows, limit, |delivery| {
            Cursor::new(&delivery.message, &delivery.recipient)
        }))
    }

    pub(crate) fn count_deliveries(&self, to: &str) -> Result<u64, Trouble> {
        Ok(delivery::count(&self.connection, to)?)
    }

    pub(crate) fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(secret::find(&self.connection, name)?)
    }
}
