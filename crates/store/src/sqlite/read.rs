//! The queries, each on the reader's own connection.

use rusqlite::Connection;

use super::{account, binding, room, secret};
use crate::page::rows_to_read;
use crate::{Account, Binding, Cursor, Member, Page, Room, Trouble};

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

    pub(crate) fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(secret::find(&self.connection, name)?)
    }
}
