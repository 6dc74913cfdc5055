//! The tables, and how a unit of writes is taken back when one of them fails.

use std::collections::BTreeMap;

use crate::{
    Account, Binding, CommitError, Delivery, Document, Fence, Member, Message, Partition, Room,
    Write,
};

/// Two texts that make a key together.
pub(super) type Pair = (String, String);

/// Three of them.
pub(super) type Triple = (String, String, String);

/// A recipient's address, and the number that a message got when it came.
pub(super) type Place = (String, i64);

#[derive(Debug, Default)]
pub(super) struct Tables {
    /// By partition: the epoch and the node that holds it.
    pub(super) epochs: BTreeMap<Partition, (u64, String)>,
    /// By domain and name.
    pub(super) accounts: BTreeMap<Pair, Account>,
    /// By address of record and key.
    pub(super) bindings: BTreeMap<Pair, Binding>,
    /// By identity.
    pub(super) rooms: BTreeMap<String, Room>,
    /// By room and address.
    pub(super) members: BTreeMap<Pair, Member>,
    /// By collection and name.
    pub(super) documents: BTreeMap<Pair, Document>,
    /// By recipient and arrival.
    pub(super) messages: BTreeMap<Place, Message>,
    /// The number of the message that came last, whether it is still there or not.
    last_number: i64,
    /// By the one to be told, message and recipient.
    pub(super) deliveries: BTreeMap<Triple, Delivery>,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// What the rows changed by the unit under way were before, oldest first.
    journal: Vec<Before>,
}

/// What a row was before it was changed; `None` when it was not there.
#[derive(Debug)]
enum Before {
    Account(Pair, Option<Account>),
    Binding(Pair, Option<Binding>),
    Delivery(Triple, Option<Delivery>),
    Document(Pair, Option<Document>),
    Member(Pair, Option<Member>),
    Message(Place, Option<Message>),
    Room(String, Option<Room>),
}

impl Tables {
    pub(super) fn commit(&mut self, writes: &[Write], fence: Fence) -> Result<(), CommitError> {
        let outcome = self
            .check_fence(fence)
            .and_then(|()| writes.iter().try_for_each(|write| self.apply(write, fence)));
        if outcome.is_err() {
            self.take_back();
        }
        self.journal.clear();
        outcome
    }

    fn check_fence(&self, fence: Fence) -> Result<(), CommitError> {
        let Fence::Owned { partition, epoch } = fence else {
            return Ok(());
        };
        match self.epochs.get(&partition) {
            Some((current, _)) if *current == epoch => Ok(()),
            other => Err(CommitError::Fenced {
                partition,
                offered: epoch,
                current: other.map_or(0, |(current, _)| *current),
            }),
        }
    }

    fn apply(&mut self, write: &Write, fence: Fence) -> Result<(), CommitError> {
        match write {
            Write::AddAccount(account) => self.add_account(account)?,
            Write::ChangeAccount(account) => self.change_account(account)?,
            Write::RemoveAccount { name, domain } => self.remove_account(name, domain)?,
            Write::PutBinding(binding) => self.put_binding(binding),
            Write::RemoveBinding { aor, key } => self.remove_binding(aor, key),
            Write::RemoveBindings { aor } => self.remove_bindings(aor),
            Write::PurgeBindings { now_ms } => self.purge_bindings(*now_ms),
            Write::OpenRoom(room) => self.open_room(room, fence)?,
            Write::ChangeRoom {
                identity,
                host,
                subject,
            } => self.change_room(identity, host, subject.as_deref(), fence)?,
            Write::CloseRoom { identity, at_ms } => self.close_room(identity, *at_ms, fence)?,
            Write::PurgeRooms { closed_by_ms } => self.purge_rooms(*closed_by_ms),
            Write::PutMember(member) => self.put_member(member, fence)?,
            Write::PutDocument { document, expect } => self.put_document(document, expect)?,
            Write::RemoveDocument {
                collection,
                name,
                etag,
            } => self.remove_document(collection, name, etag.as_deref())?,
            Write::AddMessage { message, limit } => self.add_message(message, *limit)?,
            Write::RemoveMessage { to, id } => self.remove_message(to, id),
            Write::PurgeMessages { now_ms } => self.purge_messages(*now_ms),
            Write::PutDelivery(delivery) => self.put_delivery(delivery),
            Write::RemoveDelivery {
                to,
                message,
                recipient,
            } => self.remove_delivery(to, message, recipient),
            Write::PurgeDeliveries { before_ms } => self.purge_deliveries(*before_ms),
        }
        Ok(())
    }

    pub(super) fn set_account(&mut self, key: Pair, row: Option<Account>) {
        let before = set(&mut self.accounts, &key, row);
        self.journal.push(Before::Account(key, before));
    }

    pub(super) fn set_binding(&mut self, key: Pair, row: Option<Binding>) {
        let before = set(&mut self.bindings, &key, row);
        self.journal.push(Before::Binding(key, before));
    }

    pub(super) fn set_member(&mut self, key: Pair, row: Option<Member>) {
        let before = set(&mut self.members, &key, row);
        self.journal.push(Before::Member(key, before));
    }

    pub(super) fn set_room(&mut self, key: String, row: Option<Room>) {
        let before = set(&mut self.rooms, &key, row);
        self.journal.push(Before::Room(key, before));
    }

    pub(super) fn set_document(&mut self, key: Pair, row: Option<Document>) {
        let before = set(&mut self.documents, &key, row);
        self.journal.push(Before::Document(key, before));
    }

    pub(super) fn set_message(&mut self, key: Place, row: Option<Message>) {
        let before = set(&mut self.messages, &key, row);
        self.journal.push(Before::Message(key, before));
    }

    pub(super) fn set_delivery(&mut self, key: Triple, row: Option<Delivery>) {
        let before = set(&mut self.deliveries, &key, row);
        self.journal.push(Before::Delivery(key, before));
    }

    /// The number of a message that comes now. No number is given twice, not even one that a failed
    /// unit took.
    pub(super) fn next_number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    /// Undoes the unit under way, its last change first.
    fn take_back(&mut self) {
        while let Some(before) = self.journal.pop() {
            match before {
                Before::Account(key, row) => drop(set(&mut self.accounts, &key, row)),
                Before::Binding(key, row) => drop(set(&mut self.bindings, &key, row)),
                Before::Delivery(key, row) => drop(set(&mut self.deliveries, &key, row)),
                Before::Document(key, row) => drop(set(&mut self.documents, &key, row)),
                Before::Member(key, row) => drop(set(&mut self.members, &key, row)),
                Before::Message(key, row) => drop(set(&mut self.messages, &key, row)),
                Before::Room(key, row) => drop(set(&mut self.rooms, &key, row)),
            }
        }
    }
}

/// Puts or removes a row and returns what was there.
fn set<K: Clone + Ord, V>(table: &mut BTreeMap<K, V>, key: &K, row: Option<V>) -> Option<V> {
    match row {
        Some(row) => table.insert(key.clone(), row),
        None => table.remove(key),
    }
}
