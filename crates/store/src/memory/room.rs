//! Rooms and their members.

use super::tables::Tables;
use crate::write::check_home;
use crate::{CommitError, Fence, Member, PURGE_ROWS_MAX, Room};

impl Tables {
    pub(super) fn open_room(&mut self, room: &Room, fence: Fence) -> Result<(), CommitError> {
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

    pub(super) fn change_room(
        &mut self,
        identity: &str,
        host: &str,
        subject: Option<&str>,
        fence: Fence,
    ) -> Result<(), CommitError> {
        let mut room = self.find_room(identity, fence)?;
        room.host = host.to_owned();
        room.subject = subject.map(str::to_owned);
        self.set_room(identity.to_owned(), Some(room));
        Ok(())
    }

    pub(super) fn close_room(
        &mut self,
        identity: &str,
        at_ms: i64,
        fence: Fence,
    ) -> Result<(), CommitError> {
        let mut room = self.find_room(identity, fence)?;
        room.closed_at_ms.get_or_insert(at_ms);
        self.set_room(identity.to_owned(), Some(room));
        Ok(())
    }

    pub(super) fn put_member(&mut self, member: &Member, fence: Fence) -> Result<(), CommitError> {
        self.find_room(&member.room, fence)?;
        let key = (member.room.clone(), member.address.clone());
        self.set_member(key, Some(member.clone()));
        Ok(())
    }

    pub(super) fn purge_rooms(&mut self, closed_by_ms: i64) {
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
}
