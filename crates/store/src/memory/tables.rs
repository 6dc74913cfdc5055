//! The tables, and how a unit of writes is taken back when one of them fails.

use std::collections::BTreeMap;

use crate::write::check_home;
use crate::{Account, Binding, CommitError, Fence, Member, PURGE_ROWS_MAX, Partition, Room, Write};

/// Two texts that make a key together.
pub(super) type Pair = (String, String);

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
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// What the rows changed by the unit under way were before, oldest first.
    journal: Vec<Before>,
}

/// What a row was before it was changed; `None` when it was not there.
#[derive(Debug)]
enum Before {
    Account(Pair, Option<Account>),
    Binding(Pair, Option<Binding>),
    Member(Pair, Option<Member>),
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
            Write::AddAccount(account) => self.add_account(account),
            Write::ChangeAccount(account) => {
                self.find_account(&account.name, &account.domain)?;
                self.set_account(account_key(account), Some(account.clone()));
                Ok(())
            }
            Write::RemoveAccount { name, domain } => {
                self.find_account(name, domain)?;
                self.set_account((domain.clone(), name.clone()), None);
                Ok(())
            }
            Write::PutBinding(binding) => {
                let key = (binding.aor.clone(), binding.key.clone());
                self.set_binding(key, Some(binding.clone()));
                Ok(())
            }
            Write::RemoveBinding { aor, key } => {
                self.set_binding((aor.clone(), key.clone()), None);
                Ok(())
            }
            Write::RemoveBindings { aor } => {
                self.remove_bindings(aor);
                Ok(())
            }
            Write::PurgeBindings { now_ms } => {
                self.purge_bindings(*now_ms);
                Ok(())
            }
            Write::OpenRoom(room) => self.open_room(room, fence),
            Write::ChangeRoom {
                identity,
                host,
                subject,
            } => {
                let mut room = self.find_room(identity, fence)?;
                room.host.clone_from(host);
                room.subject.clone_from(subject);
                self.set_room(identity.clone(), Some(room));
                Ok(())
            }
            Write::CloseRoom { identity, at_ms } => {
                let mut room = self.find_room(identity, fence)?;
                room.closed_at_ms.get_or_insert(*at_ms);
                self.set_room(identity.clone(), Some(room));
                Ok(())
            }
            Write::PurgeRooms { closed_by_ms } => {
                self.purge_rooms(*closed_by_ms);
                Ok(())
            }
            Write::PutMember(member) => {
                self.find_room(&member.room, fence)?;
                let key = (member.room.clone(), member.address.clone());
                self.set_member(key, Some(member.clone()));
                Ok(())
            }
        }
    }

    fn add_account(&mut self, account: &Account) -> Result<(), CommitError> {
        if self.accounts.contains_key(&account_key(account)) {
            return Err(CommitError::AccountExists {
                name: account.name.clone(),
                domain: account.domain.clone(),
            });
        }
        self.set_account(account_key(account), Some(account.clone()));
        Ok(())
    }

    fn find_account(&self, name: &str, domain: &str) -> Result<(), CommitError> {
        let key = (domain.to_owned(), name.to_owned());
        if self.accounts.contains_key(&key) {
            return Ok(());
        }
        Err(CommitError::NoSuchAccount {
            name: name.to_owned(),
            domain: domain.to_owned(),
        })
    }

    fn remove_bindings(&mut self, aor: &str) {
        let keys: Vec<_> = self
            .bindings
            .range((aor.to_owned(), String::new())..)
            .map(|(key, _)| key.clone())
            .take_while(|(of, _)| of == aor)
            .collect();
        for key in keys {
            self.set_binding(key, None);
        }
    }

    fn purge_bindings(&mut self, now_ms: i64) {
        let mut lapsed: Vec<_> = self
            .bindings
            .iter()
            .filter(|(_, binding)| binding.expires_at_ms <= now_ms)
            .map(|(key, binding)| (binding.expires_at_ms, key.clone()))
            .collect();
        lapsed.sort();
        for (_, key) in lapsed.into_iter().take(PURGE_ROWS_MAX as usize) {
            self.set_binding(key, None);
        }
    }

    fn open_room(&mut self, room: &Room, fence: Fence) -> Result<(), CommitError> {
        if self.rooms.contains_key(&room.identity) {
            let former = self.find_room(&room.identity, fence)?;
            if former.closed_at_ms.is_none() {
                return Err(CommitError::RoomIsOpen {
                    identity: room.identity.clone(),
                });
            }
            self.remove_room(&room.identity);
        }
        self.set_room(room.identity.clone(), Some(room.clone()));
        Ok(())
    }

    fn find_room(&self, identity: &str, fence: Fence) -> Result<Room, CommitError> {
        let room = self.rooms.get(identity).cloned();
        let room = room.ok_or_else(|| CommitError::NoSuchRoom {
            identity: identity.to_owned(),
        })?;
        if let Fence::Owned { partition, .. } = fence {
            check_home(room.partition, partition)?;
        }
        Ok(room)
    }

    fn purge_rooms(&mut self, closed_by_ms: i64) {
        let mut closed: Vec<_> = self
            .rooms
            .values()
            .filter_map(|room| Some((room.closed_at_ms?, room.identity.clone())))
            .filter(|(closed_at_ms, _)| *closed_at_ms <= closed_by_ms)
            .collect();
        closed.sort();
        for (_, identity) in closed.into_iter().take(PURGE_ROWS_MAX as usize) {
            self.remove_room(&identity);
        }
    }

    fn remove_room(&mut self, identity: &str) {
        let members: Vec<_> = self
            .members
            .range((identity.to_owned(), String::new())..)
            .map(|(key, _)| key.clone())
            .take_while(|(room, _)| room == identity)
            .collect();
        for key in members {
            self.set_member(key, None);
        }
        self.set_room(identity.to_owned(), None);
    }

    fn set_account(&mut self, key: Pair, row: Option<Account>) {
        let before = set(&mut self.accounts, &key, row);
        self.journal.push(Before::Account(key, before));
    }

    fn set_binding(&mut self, key: Pair, row: Option<Binding>) {
        let before = set(&mut self.bindings, &key, row);
        self.journal.push(Before::Binding(key, before));
    }

    fn set_member(&mut self, key: Pair, row: Option<Member>) {
        let before = set(&mut self.members, &key, row);
        self.journal.push(Before::Member(key, before));
    }

    fn set_room(&mut self, key: String, row: Option<Room>) {
        let before = set(&mut self.rooms, &key, row);
        self.journal.push(Before::Room(key, before));
    }

    /// Undoes the unit under way, its last change first.
    fn take_back(&mut self) {
        while let Some(before) = self.journal.pop() {
            match before {
                Before::Account(key, row) => drop(set(&mut self.accounts, &key, row)),
                Before::Binding(key, row) => drop(set(&mut self.bindings, &key, row)),
                Before::Member(key, row) => drop(set(&mut self.members, &key, row)),
                Before::Room(key, row) => drop(set(&mut self.rooms, &key, row)),
            }
        }
    }
}

fn account_key(account: &Account) -> Pair {
    (account.domain.clone(), account.name.clone())
}

/// Puts or removes a row and returns what was there.
fn set<K: Clone + Ord, V>(table: &mut BTreeMap<K, V>, key: &K, row: Option<V>) -> Option<V> {
    match row {
        Some(row) => table.insert(key.clone(), row),
        None => table.remove(key),
    }
}
