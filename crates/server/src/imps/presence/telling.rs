//! What is seen of a user, and telling those who watch.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use imps::Version;
use imps::csp::{Attribute, PresenceAuthRequest, PresenceSubList};
use imps::service::Function;
use room::Address;
use tokio::sync::{Mutex, MutexGuard};
use xdm::resource_lists::ResourceLists;

use super::super::session::Session;
use super::super::user::wv_of_user;
use super::super::{Item, Refused, blocks, cir, lists};
use super::kept::{self, Kept};
use super::kinds::{Kind, Kinds, written};
use super::news::News;
use super::standing::{Standing, standing};
use super::watches::Watch;
use crate::house::House;

/// How many users' news are told at the same time. Those of one user are told one after the
/// other: else the older might be told last.
const LANES: usize = 64;

/// The most users that one session is asked about while it gives no answer.
const ASKED_MAX: usize = 200;

/// Held while news of a user are told.
#[derive(Debug)]
pub(super) struct Lanes(Vec<Mutex<()>>);

impl Default for Lanes {
    fn default() -> Self {
        Self((0..LANES).map(|_| Mutex::new(())).collect())
    }
}

impl Lanes {
    /// The lane of a user.
    pub(super) async fn enter(&self, user: &Address) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let lanes = u64::try_from(self.0.len()).unwrap_or(u64::MAX).max(1);
        let at = usize::try_from(hasher.finish() % lanes).unwrap_or_default();
        match self.0.get(at) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        }
    }
}

/// All that decides what others see of a user, at one moment.
pub(super) struct Shown {
    owner: Address,
    pub(super) kept: Kept,
    pub(super) lists: ResourceLists,
    whole: PresenceSubList,
}

impl Shown {
    pub(super) async fn load(house: &House, owner: &Address) -> Result<Self, Refused> {
        let kept = kept::load(house, owner).await?;
        let lists = lists::load(house, owner).await?.lists;
        let mut whole = kept.published.clone();
        add_sessions(house, owner, &mut whole);
        Ok(Self {
            owner: owner.clone(),
            kept,
            lists,
            whole,
        })
    }

    pub(super) fn standing(&self, watcher: &Address) -> Standing {
        if *watcher != self.owner && blocks::judge(&self.lists, watcher, None).is_err() {
            return Standing::Blocked;
        }
        standing(&self.kept, &self.lists, &self.owner, watcher)
    }

    /// What somebody sees of what is wanted, as a version can carry it.
    pub(super) fn seen(
        &self,
        standing: Standing,
        wanted: Kinds,
        version: Version,
    ) -> PresenceSubList {
        let may = standing.kinds().both(wanted);
        written(&may.of(&self.whole), version)
    }
}

/// Adds what follows the sessions of a user.
fn add_sessions(house: &House, owner: &Address, whole: &mut PresenceSubList) {
    let sessions = house.imps.sessions.of(owner);
    let is_there = match sessions.is_empty() {
        true => "F",
        false => "T",
    };
    whole.online_status = vec![Attribute::new(is_there)];
    whole.registration = vec![Attribute::new(is_there)];
    for session in sessions {
        let list = PresenceSubList {
            client_info: session.state().client_info.clone(),
            ..PresenceSubList::default()
        };
        Kind::ClientInfo.merge(&list, whole);
    }
}

/// Tells those who watch a user what is new to them.
pub(super) async fn tell(house: &House, owner: &Address) {
    let presence = &house.imps.presence;
    if !presence.watches.has(owner) {
        return;
    }
    let _lane = presence.lanes.enter(owner).await;
    let Ok(shown) = Shown::load(house, owner).await else {
        // The store has said why. What is not told now is told with the next change.
        return;
    };
    for watch in presence.watches.of(owner) {
        tell_one(house, &shown, &watch);
    }
}

/// Tells one who watches. Whoever calls it is in the lane of the user.
pub(super) fn tell_one(house: &House, shown: &Shown, watch: &Watch) {
    let session = &watch.session;
    let standing = shown.standing(&session.user.address);
    // Whoever is blocked is not to know, and that somebody is suddenly unknown would say it.
    if standing == Standing::Blocked {
        return;
    }
    let seen = shown.seen(standing, watch.wanted(), session.version);
    let (news, told) = watch.told.news(&seen);
    if Kinds::named(&news).is_empty() {
        return;
    }
    let now = house.world.clock.now();
    let item = Item::Presence(News::new(wv_of_user(&shown.owner), news));
    match session.put(item, now) {
        Ok(is_to_be_told) => {
            let watches = &house.imps.presence.watches;
            watches.told(&shown.owner, &session.id, told);
            if is_to_be_told {
                cir::ring(house, session);
            }
        }
        // Too much waits for the client. It is told with the next change.
        Err(_) => {
            let watcher = &session.user.address;
            tracing::debug!(%watcher, of = %shown.owner, "no room for news of presence");
        }
    }
}

/// Asks a user's clients of CSP 1.1 and 1.2 whether somebody may see these attributes, each once.
pub(super) fn ask(house: &House, owner: &Address, watcher: &Address, wanted: Kinds) {
    for session in house.imps.sessions.of(owner) {
        ask_session(house, &session, watcher, wanted);
    }
}

/// The same of one client.
pub(super) fn ask_session(house: &House, session: &Arc<Session>, watcher: &Address, wanted: Kinds) {
    if session.version == Version::V1_3 || !session.has_agreed(Function::React) {
        return;
    }
    let is_new = {
        let mut state = session.state();
        let has_place = state.asked.len() < ASKED_MAX;
        !state.is_over && has_place && state.asked.insert(watcher.clone())
    };
    if !is_new {
        return;
    }
    let attributes = wanted.both(Kinds::of_version(session.version)).list();
    let question = PresenceAuthRequest {
        user: wv_of_user(watcher),
        attributes: Some(Box::new(attributes)),
    };
    let now = house.world.clock.now();
    match session.put(Item::tell(question), now) {
        Ok(true) => cir::ring(house, session),
        Ok(false) => {}
        // It is asked when there is room and somebody asks again.
        Err(_) => drop(session.state().asked.remove(watcher)),
    }
}

/// The users who watch a user and of whom nothing was said, with what they want to see.
pub(super) fn pending(house: &House, shown: &Shown) -> Vec<(Address, Kinds)> {
    let mut pending: BTreeMap<Address, Kinds> = BTreeMap::new();
    for watch in house.imps.presence.watches.of(&shown.owner) {
        let watcher = &watch.session.user.address;
        if shown.standing(watcher) == Standing::NotSaid {
            let wanted = pending.entry(watcher.clone()).or_default();
            *wanted = wanted.either(watch.wanted());
        }
    }
    pending.into_iter().collect()
}
