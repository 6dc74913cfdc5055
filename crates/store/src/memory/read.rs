//! The queries.

use std::ops::Bound;

use super::Memory;
use super::tables::Pair;
use crate::page::{rows_of, rows_to_read};
use crate::{Account, Binding, Cursor, Delivery, Document, Member, Message, Page, Room};

impl Memory {
    pub(crate) fn account(&self, name: &str, domain: &str) -> Option<Account> {
        let key = (domain.to_owned(), name.to_owned());
        self.lock().accounts.get(&key).cloned()
    }

    pub(crate) fn account_by_msisdn(&self, msisdn: &str, domain: &str) -> Option<Account> {
        self.lock().find_by_msisdn(msisdn, domain).cloned()
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

    pub(crate) fn document(&self, collection: &str, name: &str) -> Option<Document> {
        let key = (collection.to_owned(), name.to_owned());
        self.lock().documents.get(&key).cloned()
    }

    pub(crate) fn documents(&self, collection: &str, after: &Cursor, limit: u32) -> Page<Document> {
        let tables = self.lock();
        let rows = tables.documents.range(behind(collection, &after.first));
        let rows = rows.take_while(|((of, _), _)| of == collection);
        let rows = rows.map(|(_, document)| document.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |document| Cursor::new(&document.name, ""),
        )
    }

    pub(crate) fn documents_of(
        &self,
        collection: &str,
        owner: &str,
        after: &Cursor,
        limit: u32,
    ) -> Page<Document> {
        let tables = self.lock();
        let rows = tables.documents.range(behind(collection, &after.first));
        let rows = rows.take_while(|((of, _), _)| of == collection);
        let rows = rows.filter(|(_, document)| document.owner == owner);
        let rows = rows.map(|(_, document)| document.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |document| Cursor::new(&document.name, ""),
        )
    }

    pub(crate) fn count_documents(&self, collection: &str) -> u64 {
        let tables = self.lock();
        let rows = tables.documents.range(behind(collection, ""));
        rows.take_while(|((of, _), _)| of == collection).count() as u64
    }

    pub(crate) fn count_documents_of(&self, collection: &str, owner: &str) -> u64 {
        let tables = self.lock();
        let rows = tables.documents.range(behind(collection, ""));
        let rows = rows.take_while(|((of, _), _)| of == collection);
        rows.filter(|(_, document)| document.owner == owner).count() as u64
    }

    pub(crate) fn message(&self, to: &str, id: &str) -> Option<Message> {
        let tables = self.lock();
        let (_, message) = tables.find_message(to, id)?;
        Some(message.clone())
    }

    pub(crate) fn messages(&self, to: &str, after: &Cursor, limit: u32) -> Page<Message> {
        let tables = self.lock();
        let rows = tables.queue(to, after.number);
        let rows = rows.map(|((_, number), message)| (*number, message.clone()));
        let rows = rows.take(rows_to_read(limit) as usize).collect();
        Page::cut_numbered(rows, limit)
    }

    pub(crate) fn count_messages(&self, to: &str) -> u64 {
        self.lock().queue(to, 0).count() as u64
    }

    pub(crate) fn expired_messages(&self, now_ms: i64, limit: u32) -> Vec<Message> {
        let tables = self.lock();
        let rows = tables.expired(now_ms).into_iter();
        rows.take(rows_of(limit) as usize)
            .map(|(_, message)| message.clone())
            .collect()
    }

    pub(crate) fn deliveries(&self, to: &str, after: &Cursor, limit: u32) -> Page<Delivery> {
        let tables = self.lock();
        let key = (to.to_owned(), after.first.clone(), after.second.clone());
        let rows = tables
            .deliveries
            .range((Bound::Excluded(key), Bound::Unbounded));
        let rows = rows.take_while(|((of, _, _), _)| of == to);
        let rows = rows.map(|(_, delivery)| delivery.clone());
        Page::cut(
            rows.take(rows_to_read(limit) as usize).collect(),
            limit,
            |delivery| Cursor::new(&delivery.message, &delivery.recipient),
        )
    }

    pub(crate) fn count_deliveries(&self, to: &str) -> u64 {
        let tables = self.lock();
        let from = (to.to_owned(), String::new(), String::new());
        let rows = tables.deliveries.range(from..);
        rows.take_while(|((of, _, _), _)| of == to).count() as u64
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
