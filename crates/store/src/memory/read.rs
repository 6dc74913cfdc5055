//! The queries.

use std::ops::Bound;

use super::Memory;
use super::tables::Pair;
use crate::page::rows_to_read;
use crate::{Account, Binding, Cursor, Member, Page, Room};

impl Memory {
    pub(crate) fn account(&self, name: &str, domain: &str) -> Option<Account> {
        let key = (domain.to_owned(), name.to_owned());
        self.lock().accounts.get(&key).cloned()
    }

    pub(crate) fn accounts(&self, after: &Cursor, limit: u32) -> Page<Account> {
        let tables = self.lock();
        let rows = tables.accounts.range(behind(&after.first, &after.second));
        let rows = rows.map(|(_, account)| account.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |account| Cursor::new(&account.domain, &account.name),
        )
    }

    pub(crate) fn bindings(&self, aor: &str, after: &Cursor, limit: u32) -> Page<Binding> {
        let tables = self.lock();
        let rows = tables.bindings.range(behind(aor, &after.first));
        let rows = rows.take_while(|((of, _), _)| of == aor);
        let rows = rows.map(|(_, binding)| binding.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |binding| Cursor::new(&binding.key, ""),
        )
    }

    pub(crate) fn all_bindings(&self, after: &Cursor, limit: u32) -> Page<Binding> {
        let tables = self.lock();
        let rows = tables.bindings.range(behind(&after.first, &after.second));
        let rows = rows.map(|(_, binding)| binding.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |binding| Cursor::new(&binding.aor, &binding.key),
        )
    }

    pub(crate) fn room(&self, identity: &str) -> Option<Room> {
        self.lock().rooms.get(identity).cloned()
    }

    pub(crate) fn open_rooms(&self, after: &Cursor, limit: u32) -> Page<Room> {
        let tables = self.lock();
        let from = (Bound::Excluded(after.first.clone()), Bound::Unbounded);
        let rows = tables.rooms.range(from).map(|(_, room)| room);
        let rows = rows.filter(|room| room.closed_at_ms.is_none()).cloned();
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |room| Cursor::new(&room.identity, ""),
        )
    }

    pub(crate) fn rooms_of(
        &self,
        address: &str,
        after: &Cursor,
        limit: u32,
    ) -> Page<(Room, Member)> {
        let tables = self.lock();
        let from = (Bound::Excluded(after.first.clone()), Bound::Unbounded);
        let rows = tables.rooms.range(from).map(|(_, room)| room);
        let rows = rows.filter(|room| room.closed_at_ms.is_none());
        let rows = rows.filter_map(|room| {
            let key = (room.identity.clone(), address.to_owned());
            Some((room.clone(), tables.members.get(&key)?.clone()))
        });
        let rows = rows.take(rows_to_read(limit) as usize).collect();
        Page::cut(rows, limit, |(room, _)| Cursor::new(&room.identity, ""))
    }

    pub(crate) fn members(&self, room: &str, after: &Cursor, limit: u32) -> Page<Member> {
        let tables = self.lock();
        let rows = tables.members.range(behind(room, &after.first));
        let rows = rows.take_while(|((of, _), _)| of == room);
        let rows = rows.map(|(_, member)| member.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |member| Cursor::new(&member.address, ""),
        )
    }

    pub(crate) fn secret(&self, name: &str) -> Option<Vec<u8>> {
        self.lock().secrets.get(name).cloned()
    }
}

/// Everything behind the key of these two texts. No key holds an empty text, so that two empty
/// ones stand before the first.
fn behind(first: &str, second: &str) -> (Bound<Pair>, Bound<Pair>) {
    let key = (first.to_owned(), second.to_owned());
    (Bound::Excluded(key), Bound::Unbounded)
}
