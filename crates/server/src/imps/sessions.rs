//! All sessions: by id, by user, and by when they end.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::csp::ClientId;
use imps::status::Code;
use tokio::sync::Notify;

use super::session::Session;
use crate::house::House;

/// Ended sessions that are remembered, to tell their clients why: the last of some minutes.
const GONE: usize = 10_000;

/// How often the sessions are looked through while there are any.
const SWEEP: Duration = Duration::from_secs(5);

/// At least so often each is looked at, to give back what it does not need.
const TIDY: Duration = Duration::from_secs(120);

/// All sessions of handsets.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: Mutex<All>,
    /// Told when there is one where none was.
    first: Notify,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<Arc<str>, Arc<Session>>,
    /// The oldest session first.
    by_user: BTreeMap<room::Address, Vec<Arc<Session>>>,
    /// By the token in the URL that a client asks whether anything waits.
    by_token: HashMap<String, Arc<Session>>,
    /// When to look whether a session has ended. One entry each; it may be too early.
    due: BTreeSet<(Instant, Arc<str>)>,
    /// Why sessions ended, the oldest first.
    gone: VecDeque<Arc<str>>,
    why: HashMap<Arc<str>, Code>,
    /// How many are of users of other domains.
    guests: usize,
}

impl Sessions {
    /// The session of an id.
    ///
    /// # Errors
    ///
    /// The code that says why there is none: 600 and 601 if it has ended, 604 if there was none.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Session>, Code> {
        let all = self.all();
        let found = all.by_id.get(id).cloned();
        found.ok_or_else(|| all.why.get(id).copied().unwrap_or(Code::INVALID_SESSION))
    }

    /// The sessions of a user, the oldest first.
    pub(crate) fn of(&self, user: &room::Address) -> Vec<Arc<Session>> {
        self.all().by_user.get(user).cloned().unwrap_or_default()
    }

    /// The session that asks with this token.
    pub(super) fn of_token(&self, token: &str) -> Option<Arc<Session>> {
        self.all().by_token.get(token).cloned()
    }

    /// Lets a session ask with this token, and with no other, whether anything waits.
    pub(super) fn give_token(&self, token: String, session: &Arc<Session>) {
        let mut all = self.all();
        if !all.by_id.contains_key(&session.id) {
            return;
        }
        let former = session.state().line.give_token(token.clone());
        if let Some(former) = former {
            all.by_token.remove(&former);
        }
        all.by_token.insert(token, Arc::clone(session));
    }

    /// How many of them are guests'.
    pub(super) fn guests(&self) -> usize {
        self.all().guests
    }

    /// How many of them are handsets'.
    pub(crate) fn handsets(&self) -> usize {
        let all = self.all();
        all.by_id.len().saturating_sub(all.guests)
    }

    pub(crate) fn len(&self) -> usize {
        self.all().by_id.len()
    }

    pub(crate) fn all_sessions(&self) -> Vec<Arc<Session>> {
        let all = self.all();
        all.by_user.values().flatten().cloned().collect()
    }

    /// Adds a session. Returns those that it takes the place of: that of the same client, and the
    /// oldest of the user's if there are more than `most`.
    pub(super) fn add(
        &self,
        session: &Arc<Session>,
        most: usize,
        now: Instant,
    ) -> Vec<(Arc<Session>, Code)> {
        let mut all = self.all();
        let theirs = all.by_user.get(&session.user.address);
        let theirs = theirs.map_or(&[][..], Vec::as_slice);
        let (same, others): (Vec<_>, Vec<_>) = theirs
            .iter()
            .cloned()
            .partition(|other| is_same(other.client.as_ref(), session.client.as_ref()));
        let excess = (others.len() + 1).saturating_sub(most.max(1));
        let same = same.into_iter().map(|one| (one, Code::SESSION_EXPIRED));
        let oldest = others.into_iter().take(excess);
        let oldest = oldest.map(|one| (one, Code::FORCED_LOGOUT));
        let replaced: Vec<_> = same.chain(oldest).collect();
        for (old, why) in &replaced {
            all.remove(old, *why);
        }
        all.by_id
            .insert(Arc::clone(&session.id), Arc::clone(session));
        all.by_user
            .entry(session.user.address.clone())
            .or_default()
            .push(Arc::clone(session));
        all.guests += usize::from(session.away.is_some());
        let due = look_at(session.state().until, now);
        all.due.insert((due, Arc::clone(&session.id)));
        if all.by_id.len() == 1 {
            self.first.notify_one();
        }
        replaced
    }

    /// Takes a session out. False if it was out already.
    pub(super) fn remove(&self, session: &Session, why: Code) -> bool {
        self.all().remove(session, why)
    }

    /// Takes those out whose time is over.
    fn take_expired(&self, now: Instant) -> Vec<Arc<Session>> {
        let mut all = self.all();
        let mut expired = Vec::new();
        while let Some((due, id)) = all.due.first().cloned()
            && due <= now
        {
            all.due.pop_first();
            let Some(session) = all.by_id.get(&id).cloned() else {
                continue;
            };
            let until = {
                let mut state = session.state();
                state.replay.forget(now);
                state.outbox.tidy();
                state.until
            };
            if until <= now {
                all.remove(&session, Code::SESSION_EXPIRED);
                expired.push(session);
            } else {
                all.due.insert((look_at(until, now), id));
            }
        }
        expired
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn remove(&mut self, session: &Session, why: Code) -> bool {
        if self.by_id.remove(&session.id).is_none() {
            return false;
        }
        self.guests -= usize::from(session.away.is_some());
        let user = &session.user.address;
        if let Some(theirs) = self.by_user.get_mut(user) {
            theirs.retain(|other| other.id != session.id);
            if theirs.is_empty() {
                self.by_user.remove(user);
            }
        }
        let token = session.state().line.take_token();
        if let Some(token) = token {
            self.by_token.remove(&token);
        }
        if self.gone.len() >= GONE
            && let Some(oldest) = self.gone.pop_front()
        {
            self.why.remove(&oldest);
        }
        self.gone.push_back(Arc::clone(&session.id));
        self.why.insert(Arc::clone(&session.id), why);
        true
    }
}

/// When to look at a session that lives until then: before its end as well, to give back what it
/// does not need, and so that nothing is remembered for long of one that ended early.
fn look_at(until: Instant, now: Instant) -> Instant {
    until.min(now + TIDY)
}

/// Do two sessions belong to one client? Who does not say which client it is may be any.
fn is_same(a: Option<&ClientId>, b: Option<&ClientId>) -> bool {
    let says = |client: &ClientId| client.url.is_some() || client.msisdn.is_some();
    a.is_some_and(says) && a == b
}

/// Ends sessions whose time is over, until the task is aborted.
pub(crate) async fn expire(house: Arc<House>) {
    let clock = house.world.clock;
    loop {
        if house.imps.sessions.len() == 0 {
            house.imps.sessions.first.notified().await;
        }
        clock.sleep(SWEEP).await;
        house.imps.invitations.forget(clock.now());
        house.imps.searches.forget(clock.now());
        for session in house.imps.sessions.take_expired(clock.now()) {
            tracing::info!(user = %session.user.address, "a session has expired");
            super::over(&house, &session).await;
        }
    }
}
