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
use room::{Address, Cause, Claim, Rules};
use store::{CommitError, Document, Expect, Partition, Write};
use xdm::shared_group::{AUID, Asker, Rank, SharedGroup};

pub(super) use join::{join, joined_users, leave, present, subscribe};
pub(super) use manage::{create, delete, properties_of, set_properties};
pub(super) use members::{add_members, list_members, rank_members, reject_list, remove_members};
use props::Flag;
pub(super) use props::truth;
pub(super) use search::search;
pub(super) use speak::speak;

use super::Refused;
use super::refused::broken;
use crate::config::Policy;
use crate::house::House;
use crate::keeper::CommitFailed;
use crate::rooms::{Kind, RoomHandle};

/// A stored group, as it is in the store.
pub(crate) struct Stored {
    pub(crate) group: SharedGroup,
    owner: String,
    etag: String,
}

/// What somebody is in a group.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// Neither on its list nor more.
    Stranger,
    /// On its list.
    Member,
    Moderator,
    Administrator,
}

/// A group: stored, or a conversation that has grown.
pub(super) enum Found {
    Stored(Box<Stored>),
    Extended(RoomHandle),
}

/// The group of this URI.
pub(super) async fn find(house: &House, uri: &str) -> Result<Found, Refused> {
    if let Some(room) = house.rooms.find(uri)
        && let Kind::Extended(_) = room.kind
    {
        return Ok(Found::Extended(room));
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
        Found::Extended(_) => {
            let why = "the server owns this group";
            Err(Refused::because(Code::INSUFFICIENT_PRIVILEGES, why))
        }
    }
}

async fn load(house: &House, uri: &str) -> Result<Option<Stored>, Refused> {
    let name = uri.to_owned();
    let found = house
        .keeper
        .read(move |reader| reader.document(AUID, &name));
    let Some(document) = found.await.map_err(broken)?.map_err(broken)? else {
        return Ok(None);
    };
    let group = SharedGroup::read(&document.body).map_err(|error| {
        let why = format!("the document of {uri} cannot be read: {error}");
        broken(why)
    })?;
    Ok(Some(Stored {
        group,
        owner: document.owner,
        etag: document.etag,
    }))
}

impl Stored {
    /// What somebody is in it.
    pub(super) fn standing(&self, who: &Address) -> Standing {
        let uri = who.as_str();
        match self.group.extension.rank_of(uri) {
            _ if self.owner == uri => Standing::Administrator,
            Some(Rank::Administrator) => Standing::Administrator,
            Some(Rank::Moderator) => Standing::Moderator,
            None if self.group.is_member(uri) => Standing::Member,
            None => Standing::Stranger,
        }
    }

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

    /// What the document says of somebody who comes by themselves.
    fn claim(&self, house: &House, who: &Address, invited: bool) -> Claim {
        let now = i64::try_from(house.world.clock.unix().as_secs()).ok();
        let asker = Asker {
            uri: who.as_str(),
            is_anonymous: false,
            now,
        };
        Claim {
            barred: self.group.extension.is_rejected(who.as_str()),
            listed: self.group.permissions(asker).join_handling,
            invited,
            runs: self.standing(who) >= Standing::Moderator,
        }
    }

    /// The rules of a conversation in this group.
    fn rules(&self, policy: &Policy) -> Rules {
        let most = policy.imps.max_group_size;
        let most = self.group.max_participants.unwrap_or(most).min(most);
        Rules {
            // Nobody is the host of a stored group.
            max_guests: most,
            allow_hidden: false,
            allow_refer: true,
            allow_whisper: props::flag(&self.group, Flag::PrivateMessaging),
            // Whom the document lets in comes in, by whatever rule.
            members_only: true,
            invited_only: props::flag(&self.group, Flag::RequireInvitation),
            answer: room::Answer::AtOnce,
            ring: policy.focus.ring,
            fewest: 0,
            unanswered: Cause(Code::UNABLE_TO_DELIVER.number()),
            hidden_refused: Cause(Code::FORBIDDEN.number()),
            ended: Cause(Code::UNKNOWN_GROUP.number()),
        }
    }
}

/// Writes a changed group, if nobody else has changed it meanwhile.
pub(super) async fn save(house: &House, stored: &Stored) -> Result<(), Refused> {
    let expect = Expect::Etag(stored.etag.clone());
    put(house, &stored.group, &stored.owner, expect).await
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
    if stored.is_some_and(|stored| props::flag(&stored.group, Flag::AutoDelete))
        && remove(house, uri).await.is_ok()
    {
        tracing::info!(group = uri, "a group has gone with its last user");
    }
}
