//! The client's side: the documents of one subscription, merged (RFC 4575 section 4.6).
//!
//! ```text
//!   new ──full──▶ Known(version) ──partial, version + 1──▶ Known(version + 1)
//!                   │   ▲    │
//!                   │   │    └──older or equal──▶ nothing happens
//!                   │  full
//!                   ▼   │
//!                  Gap: nothing happens either; the caller refreshes the subscription
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::held::{Held, cost_of, merged};
use super::read::{ConferenceInfo, State, User, Users};

/// The most bytes that a [`Roster`] holds, texts and a fixed cost for each user and endpoint. A
/// server could otherwise add users with each document for ever. It is room for some 10,000 people.
/// While a full state is told in pieces, as much again for those who were known before.
pub const MAX_ROSTER_BYTES: usize = 4 * 1024 * 1024;

/// Who is in the conversation, as the documents of one subscription tell.
#[derive(Clone, Debug)]
pub struct Roster {
    /// The URIs of the one who subscribes.
    own_entities: Vec<String>,
    /// The entity that the server marked as the subscriber's, once it has.
    marked_own: Option<String>,
    state: Subscription,
    users: BTreeMap<String, Held>,
    /// Those who were known and are missing from the full state so far, of which more is to come.
    unconfirmed: BTreeMap<String, Held>,
    /// How many users the full state is still to name.
    awaited: usize,
    /// What `users` costs.
    bytes: usize,
}

impl Roster {
    /// An empty roster. `own_entities` are the URIs by which the others may know the subscriber,
    /// for servers that do not mark the own element. They are compared octet for octet.
    pub fn new(own_entities: Vec<String>) -> Self {
        Self {
            own_entities,
            marked_own: None,
            state: Subscription::New,
            users: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            awaited: 0,
            bytes: 0,
        }
    }

    /// Merges one document (IM-7.1.1.11-NTFY-S1) and says what changed, in document order; those
    /// who are merely missing from a full document come last.
    ///
    /// A document that is not newer than the last one is dropped: no change, no error. One who left
    /// is reported as left once and then forgotten. A full document is a snapshot: one who is
    /// unknown and disconnected in it is not reported. If it says that there are more users than it
    /// lists, it is told in pieces: who is missing stays until the pieces have named all.
    ///
    /// # Errors
    ///
    /// [`NotApplied`] tells the caller to refresh the subscription. The roster is as it was.
    pub fn apply(&mut self, document: ConferenceInfo) -> Result<Vec<Change>, NotApplied> {
        // RFC 4575 4.6: equal to or less than the local version: discarded without processing.
        if self.is_old(document.version) {
            return Ok(Vec::new());
        }
        match (document.state, self.state) {
            (State::Full, _) => {
                let users = document.users.unwrap_or_default().users;
                let count = document.user_count.unwrap_or_default();
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                self.replace(users, count, document.version)
            }
            // What had ended changes no more.
            (State::Partial | State::Deleted, Subscription::Ended(_)) => Ok(Vec::new()),
            (State::Partial, _) => {
                self.continues(document.version)?;
                self.merge(document.users, document.version)
            }
            (State::Deleted, _) => {
                self.users.clear();
                self.unconfirmed.clear();
                self.bytes = 0;
                self.state = Subscription::Ended(document.version);
                Ok(vec![Change::Ended])
            }
        }
    }

    /// Starts over with a new subscription, whose versions have nothing to do with those of the
    /// old one (RFC 4575 section 5.2). The next document must be full; until then, and for the
    /// comparison with it, everybody stays.
    pub fn resubscribed(&mut self) {
        self.state = Subscription::New;
    }

    /// Everybody known, in the order of their entities.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        let all: BTreeMap<_, _> = self.users.iter().chain(&self.unconfirmed).collect();
        all.into_iter()
            .map(|(entity, held)| self.member(entity, held))
    }

    /// The subscriber's own entry.
    pub fn own(&self) -> Option<Member> {
        self.members().find(|member| member.is_own)
    }

    fn is_old(&self, version: Option<u32>) -> bool {
        match self.state {
            Subscription::New => false,
            Subscription::Known(local) | Subscription::Ended(local) => {
                local.zip(version).is_some_and(|(local, new)| new <= local)
            }
        }
    }

    // RFC 4575 4.6: the first document is full, and a partial one counts on by exactly one.
    fn continues(&self, version: Option<u32>) -> Result<(), NotApplied> {
        let (have, follows) = match self.state {
            Subscription::New | Subscription::Ended(_) => (None, false),
            // A server that never writes versions: what arrives is taken in the order of arrival.
            Subscription::Known(None) => (None, version.is_none()),
            Subscription::Known(Some(local)) => {
                let next = local.checked_add(1);
                (Some(local), version.is_some() && version == next)
            }
        };
        if follows {
            return Ok(());
        }
        Err(NotApplied::Gap { have, got: version })
    }

    fn replace(
        &mut self,
        users: Vec<User>,
        count: usize,
        version: Option<u32>,
    ) -> Result<Vec<Change>, NotApplied> {
        fits(cost_of(&users))?;
        self.state = Subscription::Known(version);
        self.bytes = 0;
        let mut before = std::mem::take(&mut self.users);
        before.append(&mut self.unconfirmed);
        let mut touched = Touched::default();
        for user in users {
            self.note_own(&user);
            if user.state != State::Deleted {
                touched.note(&user.entity);
                self.put(user.entity.clone(), Held::from(user));
            }
        }
        let mut changes = Vec::new();
        self.awaited = count.saturating_sub(touched.order.len());
        for entity in touched.order {
            let old = before.remove(&entity);
            self.settle(&entity, old, Report::Known, &mut changes);
        }
        self.unconfirmed = before;
        self.forget_unconfirmed(&mut changes);
        Ok(changes)
    }

    /// Once the full state has named all that it was to name, the others have gone.
    fn forget_unconfirmed(&mut self, changes: &mut Vec<Change>) {
        if self.awaited > 0 {
            return;
        }
        for (entity, old) in std::mem::take(&mut self.unconfirmed) {
            self.settle(&entity, Some(old), Report::Known, changes);
        }
    }

    fn merge(
        &mut self,
        users: Option<Users>,
        version: Option<u32>,
    ) -> Result<Vec<Change>, NotApplied> {
        let Some(users) = users else {
            self.state = Subscription::Known(version);
            return Ok(Vec::new());
        };
        if users.state != State::Partial {
            // RFC 4575 4.6, 1 and 2: the whole element is replaced, or removed. In the latter case
            // the reader has left no user in it.
            return self.replace(users.users, 0, version);
        }
        // Who changes is counted twice for a moment; the limit is generous enough for that.
        fits(self.bytes.saturating_add(cost_of(&users.users)))?;
        self.state = Subscription::Known(version);
        let mut before: BTreeMap<String, Option<Held>> = BTreeMap::new();
        let mut touched = Touched::default();
        for user in users.users {
            self.note_own(&user);
            let old = self.take(&user.entity);
            let old = old.or_else(|| self.unconfirmed.remove(&user.entity));
            let entity = user.entity.clone();
            if let Some(held) = merged(old.clone(), user) {
                self.put(entity.clone(), held);
            }
            if touched.note(&entity) {
                before.insert(entity, old);
            }
        }
        let mut changes = Vec::new();
        self.awaited = self.awaited.saturating_sub(touched.order.len());
        for entity in touched.order {
            let old = before.remove(&entity).flatten();
            self.settle(&entity, old, Report::All, &mut changes);
        }
        self.forget_unconfirmed(&mut changes);
        Ok(changes)
    }

    /// Compares what was held of one user with what is held now, reports the difference, and
    /// forgets whoever has left.
    fn settle(
        &mut self,
        entity: &str,
        old: Option<Held>,
        report: Report,
        changes: &mut Vec<Change>,
    ) {
        let old = old.map(|held| self.member(entity, &held));
        let new = self.users.get(entity).map(|held| self.member(entity, held));
        if new.as_ref().is_some_and(|m| m.presence == Presence::Left) {
            // IM-7.2.2.10-S2c2B: disconnected means left since the last notification. Shown once.
            self.take(entity);
        }
        let change = match (old, new) {
            (None, None) => None,
            (None, Some(new)) if new.presence == Presence::Left && report == Report::Known => None,
            (None, Some(new)) => Some(Change::of(new)),
            (Some(old), None) => Some(Change::Left(Member {
                presence: Presence::Left,
                ..old
            })),
            (Some(old), Some(new)) if old == new => None,
            (Some(old), Some(new)) if old.presence == new.presence => Some(Change::Updated(new)),
            (Some(_), Some(new)) => Some(Change::of(new)),
        };
        changes.extend(change);
    }

    fn member(&self, entity: &str, held: &Held) -> Member {
        Member {
            entity: entity.to_owned(),
            display_text: held.display_text.clone(),
            presence: held.presence(),
            is_own: self.is_own(entity),
        }
    }

    fn is_own(&self, entity: &str) -> bool {
        match &self.marked_own {
            // IM-7.1.1.11-NTFY-S2a: the mark decides, if there is one.
            Some(own) => own == entity,
            // IM-7.1.1.11-NTFY-S2b: without it, the entity does.
            None => self.own_entities.iter().any(|own| own == entity),
        }
    }

    fn note_own(&mut self, user: &User) {
        if user.yourown {
            self.marked_own = Some(user.entity.clone());
        }
    }

    fn put(&mut self, entity: String, held: Held) {
        self.take(&entity);
        self.bytes = self.bytes.saturating_add(held.cost(&entity));
        self.users.insert(entity, held);
    }

    fn take(&mut self, entity: &str) -> Option<Held> {
        let held = self.users.remove(entity)?;
        self.bytes = self.bytes.saturating_sub(held.cost(entity));
        Some(held)
    }
}

/// One who is, or was, in the conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The URI under which the person is known here. It may be an anonymous one.
    pub entity: String,
    /// The name to show, if the server gave one.
    pub display_text: Option<String>,
    /// How far the person has come.
    pub presence: Presence,
    /// Whether this is the subscriber.
    pub is_own: bool,
}

/// How far a person has come: the endpoint furthest in decides.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Presence {
    /// No longer in.
    Left,
    /// Invited, ringing, or on the way in.
    Alerting,
    /// In.
    Joined,
}

/// What a document changed, fit to be shown (IM-7.1.1.11-NTFY-S2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Somebody is being rung or on the way in.
    Alerting(Member),
    /// The conversation has ended, and the roster is empty. The caller ends the subscription
    /// (RFC 4575 section 4.6).
    Ended,
    /// Somebody is in now.
    Joined(Member),
    /// Somebody left, or did not come after all.
    Left(Member),
    /// Somebody has another name now.
    Updated(Member),
}

impl Change {
    fn of(member: Member) -> Self {
        match member.presence {
            Presence::Alerting => Self::Alerting(member),
            Presence::Joined => Self::Joined(member),
            Presence::Left => Self::Left(member),
        }
    }
}

/// The document was not merged. The subscription must be refreshed (a SUBSCRIBE in its dialog): the
/// server then sends a full document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotApplied {
    /// At least one document before this one was missed.
    #[error("conference-info version {got:?} does not follow {have:?}")]
    Gap {
        /// The version held; `None` if no full document has come or it had no version.
        have: Option<u32>,
        /// The version of the document.
        got: Option<u32>,
    },
    /// The server tells of more people than a client holds. A refresh helps only if fewer remain.
    #[error("a roster of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// What has come of the subscription so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subscription {
    /// No document yet.
    New,
    /// The last version, or `None` if the server writes none.
    Known(Option<u32>),
    /// The conversation is over; the version that said so.
    Ended(Option<u32>),
}

/// Whose leaving is reported: that of all, or only of those who were shown before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Report {
    All,
    Known,
}

/// The entities that a document names, once each, in its order.
#[derive(Default)]
struct Touched {
    order: Vec<String>,
    seen: BTreeSet<String>,
}

impl Touched {
    /// Whether this entity is new here.
    fn note(&mut self, entity: &str) -> bool {
        let new = self.seen.insert(entity.to_owned());
        if new {
            self.order.push(entity.to_owned());
        }
        new
    }
}

fn fits(bytes: usize) -> Result<(), NotApplied> {
    if bytes <= MAX_ROSTER_BYTES {
        return Ok(());
    }
    Err(NotApplied::TooLarge {
        limit: MAX_ROSTER_BYTES,
    })
}
