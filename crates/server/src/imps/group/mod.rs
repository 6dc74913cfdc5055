//! Groups: stored ones, whose document is the truth about them, and conversations that have grown,
//! which live as long as somebody is in them.
//!
//! ```text
//!   document ──who may, what it is──▶ procedures ──claim, rules──▶ room, while anybody is in
//!       ▲                                 │
//!       └──────properties, members────────┘
//! ```

mod join;
mod manage;
mod members;
mod props;
mod search;
mod speak;

use std::sync::Arc;

use imps::status::Code;
use room::Address;
use store::{CommitError, Document, Expect, Partition, Write};
use xdm::shared_group::{AUID, SharedGroup};

pub(super) use join::{join, joined_users, leave, present, subscribe};
pub(super) use manage::{create, delete, properties_of, set_properties};
pub(super) use members::{add_members, list_members, rank_members, reject_list, remove_members};
pub(super) use props::truth;
pub(crate) use props::{Flag, flag};
pub(super) use search::search;
pub(super) use speak::speak;

use super::Refused;
use super::refused::broken;
use crate::groups;
pub(crate) use crate::groups::{Standing, Stored};
use crate::house::House;
use crate::keeper::CommitFailed;
use crate::rooms::{Kind, Order, RoomHandle};

/// A group: stored, or one that lives as long as somebody is in it: a conversation that has grown,
/// or a conference.
pub(super) enum Found {
    Stored(Box<Stored>),
    Live(RoomHandle),
}

/// The group of this URI.
pub(super) async fn find(house: &House, uri: &str) -> Result<Found, Refused> {
    if let Some(room) = house.rooms.find(uri)
        && let Kind::Extended(_) | Kind::Conference = room.kind
    {
        return Ok(Found::Live(room));
    }
    match load(house, uri).await? {
        Some(stored) => Ok(Found::Stored(Box::new(stored))),
        None => Err(Code::UNKNOWN_GROUP.into()),
    }
}

/// The stored group of this URI. A conversation that has grown is none: its users have no say in
/// what it is (IMPS-9.1.11-S8).
pub(super) async fn stored(house: &House, uri: &str) -> Result<Stored, Refused> {
    match find(house, uri).await? {
        Found::Stored(stored) => Ok(*stored),
        Found::Live(_) => {
            let why = "the server owns this group";
            Err(Refused::because(Code::INSUFFICIENT_PRIVILEGES, why))
        }
    }
}

async fn load(house: &House, uri: &str) -> Result<Option<Stored>, Refused> {
    groups::load(house, uri).await.map_err(broken)
}

impl Stored {
    /// Who is less than that may not.
    pub(super) fn demand(&self, who: &Address, least: Standing) -> Result<(), Refused> {
        if self.standing(who) >= least {
            return Ok(());
        }
        Err(match least {
            Standing::Member => Code::NOT_A_MEMBER.into(),
            Standing::Moderator => {
                let why = "its moderators and administrators may";
                Refused::because(Code::INSUFFICIENT_PRIVILEGES, why)
            }
            Standing::Administrator | Standing::Stranger => {
                let why = "its administrators may";
                Refused::because(Code::INSUFFICIENT_PRIVILEGES, why)
            }
        })
    }

    /// Is this person the owner?
    pub(super) fn is_owner(&self, who: &Address) -> bool {
        self.owner == who.as_str()
    }
}

/// Writes a changed group, if nobody else has changed it meanwhile.
pub(super) async fn save(house: &House, stored: &Stored) -> Result<(), Refused> {
    let expect = Expect::Etag(stored.etag.clone());
    put(house, &stored.group, &stored.owner, expect).await?;
    // Whoever is in it feels it at once.
    if let Some(room) = house.rooms.find(&stored.group.uri) {
        room.tell(Order::Document(Arc::new(Stored {
            group: stored.group.clone(),
            owner: stored.owner.clone(),
            etag: stored.etag.clone(),
        })));
    }
    Ok(())
}

/// Writes a document.
async fn put(
    house: &House,
    group: &SharedGroup,
    owner: &str,
    expect: Expect,
) -> Result<(), Refused> {
    let body = group.write().into_bytes();
    // What cannot be read again must not be stored.
    if let Err(error) = SharedGroup::read(&body) {
        let why = error.to_string();
        return Err(Refused::because(Code::INVALID_GROUP_PROPERTY, why));
    }
    let document = Document {
        collection: AUID.to_owned(),
        name: group.uri.clone(),
        owner: owner.to_owned(),
        etag: house.rng().token(80),
        body,
        changed_at_ms: house.unix_ms(),
    };
    let partition = Partition::of(&group.uri);
    let absent = expect == Expect::Absent;
    let write = Write::PutDocument { document, expect };
    match house.keeper.commit(vec![write], partition).await {
        Ok(()) => Ok(()),
        Err(CommitFailed::Commit(CommitError::DocumentChanged { .. })) if absent => {
            Err(Code::GROUP_EXISTS.into())
        }
        Err(CommitFailed::Commit(CommitError::DocumentChanged { .. })) => {
            let why = "somebody else has changed the group in this moment";
            Err(Refused::because(Code::SERVICE_UNAVAILABLE, why))
        }
        Err(CommitFailed::Commit(CommitError::Flaw(flaw))) => Err(Refused::because(
            Code::INVALID_GROUP_PROPERTY,
            flaw.to_string(),
        )),
        Err(error) => Err(broken(error)),
    }
}

/// Removes a group from the store.
async fn remove(house: &House, uri: &str) -> Result<(), Refused> {
    let write = Write::RemoveDocument {
        collection: AUID.to_owned(),
        name: uri.to_owned(),
        etag: None,
    };
    let partition = Partition::of(uri);
    let removed = house.keeper.commit(vec![write], partition).await;
    removed.map_err(broken)
}

/// How many groups there are: stored ones, and conversations that have grown.
pub(super) async fn count(house: &House) -> Result<usize, Refused> {
    let asked = house.keeper.read(|reader| reader.count_documents(AUID));
    let stored = asked.await.map_err(broken)?.map_err(broken)?;
    let grown = house
        .rooms
        .count(|room| matches!(room.kind, Kind::Extended(_)));
    Ok(usize::try_from(stored)
        .unwrap_or(usize::MAX)
        .saturating_add(grown))
}

/// Everybody has left a group: one that is to go then goes.
pub(crate) async fn emptied(house: &Arc<House>, uri: &str) {
    // What is wrong with it was said already.
    let Ok(stored) = load(house, uri).await else {
        return;
    };
    if stored.is_some_and(|stored| flag(&stored.group, Flag::AutoDelete))
        && remove(house, uri).await.is_ok()
    {
        tracing::info!(group = uri, "a group has gone with its last user");
    }
}
