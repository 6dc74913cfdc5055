//! Stored groups, whose document is the truth about them for both faces.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use room::{Address, Cause, Claim, Event, Rules, Why};
use store::Document;
use xdm::shared_group::{AUID, Asker, Permissions, Rank, SharedGroup};

use crate::config::Policy;
use crate::house::House;
use crate::imps::group::{Flag, flag};
use crate::rooms::Order;

/// How often it is looked whether somebody else, such as `tertulia group`, has written a document
/// whose group is in session. Each look is one short read for each of them; only what is another is
/// taken apart.
const LOOK: Duration = Duration::from_secs(2);

/// A stored group, as it is in the store.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) group: SharedGroup,
    pub(crate) owner: String,
    pub(crate) etag: String,
}

/// What somebody is in a group.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Standing {
    /// Neither on its list nor more.
    Stranger,
    /// On its list.
    Member,
    Moderator,
    Administrator,
}

/// The group of this URI, if there is one.
///
/// # Errors
///
/// What is wrong, in words for the log: the store fails, or holds what is no document.
pub(crate) async fn load(house: &House, uri: &str) -> Result<Option<Stored>, String> {
    document(house, uri).await?.map(Stored::read).transpose()
}

/// The document of the group of this URI, as it is stored.
async fn document(house: &House, uri: &str) -> Result<Option<Document>, String> {
    let name = uri.to_owned();
    let found = house
        .keeper
        .read(move |reader| reader.document(AUID, &name));
    let found = found.await.map_err(|error| error.to_string())?;
    found.map_err(|error| error.to_string())
}

/// Tells each group that is in session of its document when it is another.
pub(crate) async fn watch(house: Arc<House>) {
    let mut known: HashMap<Arc<str>, String> = HashMap::new();
    loop {
        house.world.clock.sleep(LOOK).await;
        let mut seen = HashMap::new();
        for room in house.rooms.groups() {
            let document = match document(&house, &room.identity).await {
                Ok(Some(document)) => document,
                Ok(None) => {
                    let why = Why::Ended;
                    room.tell(Order::Event(Event::Close { why }));
                    continue;
                }
                Err(_) => continue,
            };
            let before = known.remove(&room.identity);
            let is_other = before.as_ref() != Some(&document.etag);
            seen.insert(Arc::clone(&room.identity), document.etag.clone());
            // What is wrong with a document counts when somebody comes.
            if is_other && let Ok(stored) = Stored::read(document) {
                room.tell(Order::Document(Arc::new(stored)));
            }
        }
        known = seen;
    }
}

impl Stored {
    fn read(document: Document) -> Result<Self, String> {
        let Document {
            name,
            owner,
            etag,
            body,
            ..
        } = document;
        let group = SharedGroup::read(&body)
            .map_err(|error| format!("the document of {name} cannot be read: {error}"))?;
        Ok(Self { group, owner, etag })
    }

    /// What somebody is in it.
    pub(crate) fn standing(&self, who: &Address) -> Standing {
        let uri = who.as_str();
        match self.group.extension.rank_of(uri) {
            _ if self.owner == uri => Standing::Administrator,
            Some(Rank::Administrator) => Standing::Administrator,
            Some(Rank::Moderator) => Standing::Moderator,
            None if self.group.is_member(uri) => Standing::Member,
            None => Standing::Stranger,
        }
    }

    /// What the document permits somebody now.
    pub(crate) fn permissions(&self, house: &House, who: &Address, hidden: bool) -> Permissions {
        self.group.permissions(Asker {
            uri: who.as_str(),
            is_anonymous: hidden,
            now: i64::try_from(house.world.clock.unix().as_secs()).ok(),
        })
    }

    /// What the document says of somebody who comes by themselves.
    pub(crate) fn claim(&self, house: &House, who: &Address, hidden: bool) -> Claim {
        let may = self.permissions(house, who, hidden);
        let runs = self.standing(who) >= Standing::Moderator;
        Claim {
            barred: self.group.extension.is_rejected(who.as_str()),
            expected: self.group.is_member(who.as_str()),
            invited: false,
            listed: may.join_handling,
            // IM-7.2.2.2-OK-S3b: by the document, and by nothing else.
            may_hide: may.allow_anonymity,
            may_invite: may.allow_invite_users_dynamically || runs,
            may_observe: may.allow_conference_state,
            runs,
        }
    }

    /// Are its members called when a conversation starts? Else it is one that people join.
    pub(crate) fn calls(&self) -> bool {
        self.group.invite_members == Some(true)
    }

    /// The rules of a conversation in this group.
    pub(crate) fn rules(&self, policy: &Policy) -> Rules {
        let most = policy.imps.max_group_size;
        Rules {
            // The document bounds who is in, and not who is invited.
            max_guests: u32::MAX,
            max_present: Some(self.group.max_participants.unwrap_or(most).min(most)),
            allow_hidden: false,
            allow_observe: false,
            allow_refer: false,
            allow_whisper: flag(&self.group, Flag::PrivateMessaging),
            // Whom the document lets in comes in, by whatever rule.
            members_only: true,
            invited_only: flag(&self.group, Flag::RequireInvitation),
            answer: policy.focus.answer.into(),
            ring: policy.focus.ring,
            fewest: 0,
            unanswered: Cause(408),
            hidden_refused: Cause(403),
            full: Cause(486),
            ended: Cause(480),
        }
    }
}
