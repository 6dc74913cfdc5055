//! What the store knows of a room that is not alive: it was when the server ended.

use room::{Address, Former};
use store::{Cursor, Member, MemberState, PAGE_ROWS_MAX, Reader, Role, Room, Trouble, Write};

use crate::house::House;

/// The most people that a stored room is read with: as many as a room remembers.
const PEOPLE: usize = 65_536;

/// A room that is open in the store, and its people.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) room: Room,
    pub(crate) members: Vec<Member>,
}

impl Kept {
    /// Its people as the room knew them.
    pub(crate) fn people(&self) -> Vec<Former> {
        let former = |member: &Member| Former {
            address: Address::new(&member.address),
            display: member.display.as_deref().map(Into::into),
            host: member.role == Role::Host,
            hidden: member.hidden,
            removed: member.state == MemberState::Removed,
        };
        self.members.iter().map(former).collect()
    }

    /// What is to be stored when it is alive again: whoever was in it then is not in it now.
    pub(crate) fn writes(&self, house: &House) -> Vec<Write> {
        let absent =
            |member: &&Member| matches!(member.state, MemberState::Joined | MemberState::Invited);
        let left = |member: &Member| {
            Write::PutMember(Member {
                state: MemberState::Left,
                changed_at_ms: house.unix_ms(),
                ..member.clone()
            })
        };
        self.members.iter().filter(absent).map(left).collect()
    }
}

/// Closes what was open in the store when the server started and nobody has come back to.
pub(crate) async fn give_up(house: &House, started_ms: i64) {
    let mut after = Some(Cursor::START);
    while let Some(cursor) = after {
        let page = house
            .keeper
            .read(move |reader| reader.open_rooms(&cursor, PAGE_ROWS_MAX));
        let Ok(Ok(page)) = page.await else {
            return tracing::warn!("conversations that were interrupted stay open");
        };
        for room in page.rows {
            if room.created_at_ms >= started_ms || house.rooms.find(&room.identity).is_some() {
                continue;
            }
            let at_ms = house.unix_ms();
            let identity = room.identity;
            tracing::info!(room = identity, "nobody has come back");
            let close = Write::CloseRoom { identity, at_ms };
            if let Err(error) = house.keeper.commit(vec![close], room.partition).await {
                tracing::warn!(%error, "a conversation that was interrupted stays open");
            }
        }
        after = page.next;
    }
}

/// The room of this identity, if the store has it as open.
///
/// # Errors
///
/// What is wrong with the store, in words for the log.
pub(crate) async fn kept(house: &House, identity: &str) -> Result<Option<Kept>, String> {
    let identity = identity.to_owned();
    let found = house.keeper.read(move |reader| read(reader, &identity));
    let found = found.await.map_err(|error| error.to_string())?;
    found.map_err(|error| error.to_string())
}

fn read(reader: &Reader, identity: &str) -> Result<Option<Kept>, Trouble> {
    let Some(room) = reader
        .room(identity)?
        .filter(|room| room.closed_at_ms.is_none())
    else {
        return Ok(None);
    };
    let mut members = Vec::new();
    let mut after = Some(Cursor::START);
    while let Some(cursor) = after
        && members.len() < PEOPLE
    {
        let page = reader.members(identity, &cursor, PAGE_ROWS_MAX)?;
        members.extend(page.rows);
        after = page.next;
    }
    Ok(Some(Kept { room, members }))
}
