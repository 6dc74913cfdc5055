//! Who watches whom, and who did lately. All of it is in memory: a watch belongs to a session, and
//! ends with it.
//!
//! A session watches a user because it named the user, or a contact list that the user is on, or
//! both. The watch is over when the last of these reasons is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::status::Code;
use room::Address;

use super::super::Refused;
use super::super::session::Session;
use super::kinds::{Kinds, Told};

/// The most users that one session watches: more contacts than a handset keeps.
const WATCHED_MAX: usize = 500;

/// The most contact lists that one session follows.
const FOLLOWED_MAX: usize = 50;

/// The most sessions that watch one user. Each costs a notification whenever the user changes
/// anything.
const WATCHERS_MAX: usize = 2000;

/// The most watches in all: some hundred megabytes.
const ALL_MAX: usize = 200_000;

/// The most users that are remembered of those who watched one user and do no more.
const PAST_MAX: usize = 100;

/// The most that are remembered in all.
const ALL_PAST_MAX: usize = 50_000;

/// How long they are remembered.
pub(super) const PAST: Duration = Duration::from_secs(24 * 3600);

/// How often those are forgotten, at most, that were remembered long enough.
const SWEEP: Duration = Duration::from_secs(60);

/// All watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    /// By the user who is watched, and the session that does.
    by_watched: BTreeMap<Address, BTreeMap<Arc<str>, Watch>>,
    by_session: HashMap<Arc<str>, Own>,
    count: usize,
    past: BTreeMap<Address, BTreeMap<Address, Past>>,
    past_count: usize,
    swept: Option<Instant>,
}

/// A session watches a user.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) session: Arc<Session>,
    /// What is wanted because the user was named.
    named: Option<Kinds>,
    /// What is wanted because the user is on contact lists.
    listed: BTreeMap<String, Kinds>,
    pub(super) told: Told,
}

/// What one session watches.
#[derive(Debug, Default)]
struct Own {
    users: BTreeSet<Address>,
    lists: BTreeMap<String, Followed>,
}

/// A contact list that a session watches.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) kinds: Kinds,
    /// Whoever is put on it later is meant as well.
    pub(super) auto: bool,
    /// Who was on it when it was last looked at.
    pub(super) members: BTreeSet<Address>,
}

/// Why a session watches a user.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason<'a> {
    Named,
    Listed(&'a str),
}

/// How somebody was last seen to take an interest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Interest {
    /// By a subscription, which is over.
    Watched,
    /// By asking once.
    Asked,
}

#[derive(Clone, Copy, Debug)]
struct Past {
    interest: Interest,
    at: Instant,
}

impl Watch {
    /// All that is wanted.
    pub(super) fn wanted(&self) -> Kinds {
        let listed = self.listed.values().copied();
        listed.fold(self.named.unwrap_or_default(), Kinds::either)
    }

    fn is_over(&self) -> bool {
        self.named.is_none() && self.listed.is_empty()
    }
}

impl Watches {
    /// A session watches a user, or does so for one more reason. It will be told everything anew.
    ///
    /// # Errors
    ///
    /// 754 if the session watches as many as it may, 503 if others do, 604 if it has ended.
    pub(super) fn add(
        &self,
        session: &Arc<Session>,
        whom: &Address,
        reason: Reason<'_>,
        kinds: Kinds,
    ) -> Result<(), Refused> {
        let mut all = self.all();
        // Under this lock, so that the end of the session takes away what it still adds.
        if session.state().is_over {
            return Err(Code::INVALID_SESSION.into());
        }
        let watches = all.by_watched.get(whom);
        let is_new = !watches.is_some_and(|watches| watches.contains_key(&session.id));
        if is_new {
            let watchers = watches.map_or(0, BTreeMap::len);
            all.has_place(&session.id, watchers)?;
            all.count = all.count.saturating_add(1);
            let own = all.by_session.entry(Arc::clone(&session.id)).or_default();
            own.users.insert(whom.clone());
        }
        let watches = all.by_watched.entry(whom.clone()).or_default();
        let watch = watches
            .entry(Arc::clone(&session.id))
            .or_insert_with(|| Watch {
                session: Arc::clone(session),
                named: None,
                listed: BTreeMap::new(),
                told: Told::default(),
            });
        match reason {
            Reason::Named => watch.named = Some(kinds),
            Reason::Listed(list) => drop(watch.listed.insert(list.to_owned(), kinds)),
        }
        watch.told = Told::default();
        Ok(())
    }

    /// A session follows a contact list.
    ///
    /// # Errors
    ///
    /// 754 if it follows as many as it may.
    pub(super) fn follow(
        &self,
        session: &Session,
        list: &str,
        followed: Followed,
    ) -> Result<(), Refused> {
        let mut all = self.all();
        if session.state().is_over {
            return Err(Code::INVALID_SESSION.into());
        }
        let own = all.by_session.entry(Arc::clone(&session.id)).or_default();
        if own.lists.len() >= FOLLOWED_MAX && !own.lists.contains_key(list) {
            let why = format!("a session follows at most {FOLLOWED_MAX} contact lists");
            return Err(Refused::because(Code::TOO_MANY_CONTACTS, why));
        }
        own.lists.insert(list.to_owned(), followed);
        Ok(())
    }

    /// The contact lists that a session follows.
    pub(super) fn followed(&self, session: &str) -> Vec<(String, Followed)> {
        let all = self.all();
        let own = all.by_session.get(session);
        let lists = own.map(|own| own.lists.clone()).unwrap_or_default();
        lists.into_iter().collect()
    }

    /// These are on a contact list of a session's now.
    pub(super) fn look_at(&self, session: &str, list: &str, members: BTreeSet<Address>) {
        let mut all = self.all();
        let own = all.by_session.get_mut(session);
        if let Some(followed) = own.and_then(|own| own.lists.get_mut(list)) {
            followed.members = members;
        }
    }

    /// A session watches a user no more, for whatever reason it did.
    pub(super) fn remove(&self, session: &str, whom: &Address, now: Instant) {
        self.all().remove(session, whom, now);
    }

    /// A session watches a user no more because of a contact list.
    pub(super) fn unlist(&self, session: &str, whom: &Address, list: &str, now: Instant) {
        self.all().unlist(session, whom, list, now);
    }

    /// A session follows a contact list no more. False if it did not.
    pub(super) fn unfollow(&self, session: &str, list: &str, now: Instant) -> bool {
        let mut all = self.all();
        let Some(own) = all.by_session.get_mut(session) else {
            return false;
        };
        let did = own.lists.remove(list).is_some();
        for whom in own.users.clone() {
            all.unlist(session, &whom, list, now);
        }
        did
    }

    /// A session watches nobody any more: it has ended, or said so.
    pub(super) fn clear(&self, session: &str, now: Instant) {
        let mut all = self.all();
        let own = all.by_session.remove(session).unwrap_or_default();
        for whom in own.users {
            all.remove(session, &whom, now);
        }
    }

    /// Does anybody watch this user?
    pub(super) fn has(&self, whom: &Address) -> bool {
        self.all().by_watched.contains_key(whom)
    }

    /// Whom a session watches.
    pub(super) fn watched_by(&self, session: &str) -> BTreeSet<Address> {
        let all = self.all();
        let own = all.by_session.get(session);
        own.map(|own| own.users.clone()).unwrap_or_default()
    }

    /// Those who watch a user.
    pub(super) fn of(&self, whom: &Address) -> Vec<Watch> {
        let all = self.all();
        let watches = all.by_watched.get(whom).map(BTreeMap::values);
        watches.into_iter().flatten().cloned().collect()
    }

    /// How a session watches a user.
    pub(super) fn one(&self, whom: &Address, session: &str) -> Option<Watch> {
        self.all().by_watched.get(whom)?.get(session).cloned()
    }

    /// A session was told this of a user.
    pub(super) fn told(&self, whom: &Address, session: &str, told: Told) {
        let mut all = self.all();
        let watches = all.by_watched.get_mut(whom);
        if let Some(watch) = watches.and_then(|watches| watches.get_mut(session)) {
            watch.told = told;
        }
    }

    /// Notes that somebody took an interest in a user.
    pub(super) fn note(&self, whom: &Address, who: &Address, interest: Interest, now: Instant) {
        self.all().note(whom, who, interest, now);
    }

    /// Who took an interest in a user since then, and does not watch the user now.
    pub(super) fn past(&self, whom: &Address, since: Instant) -> Vec<(Address, Interest)> {
        let all = self.all();
        let past = all.past.get(whom);
        let recent = past.into_iter().flatten();
        recent
            .filter(|(who, past)| past.at >= since && !all.is_watched_by(whom, who))
            .map(|(who, past)| (who.clone(), past.interest))
            .collect()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn has_place(&self, session: &str, watchers: usize) -> Result<(), Refused> {
        let own = self.by_session.get(session);
        if own.is_some_and(|own| own.users.len() >= WATCHED_MAX) {
            let why = format!("a session watches at most {WATCHED_MAX} users");
            return Err(Refused::because(Code::TOO_MANY_CONTACTS, why));
        }
        if watchers >= WATCHERS_MAX {
            let why = format!("at most {WATCHERS_MAX} clients watch one user");
            return Err(Refused::because(Code::SERVICE_UNAVAILABLE, why));
        }
        if self.count >= ALL_MAX {
            let why = "as many users are watched as this server can";
            return Err(Refused::because(Code::SERVICE_UNAVAILABLE, why));
        }
        Ok(())
    }

    fn unlist(&mut self, session: &str, whom: &Address, list: &str, now: Instant) {
        let watches = self.by_watched.get_mut(whom);
        let Some(watch) = watches.and_then(|watches| watches.get_mut(session)) else {
            return;
        };
        watch.listed.remove(list);
        if watch.is_over() {
            self.remove(session, whom, now);
        }
    }

    fn remove(&mut self, session: &str, whom: &Address, now: Instant) {
        if let Some(own) = self.by_session.get_mut(session) {
            own.users.remove(whom);
        }
        let Some(watches) = self.by_watched.get_mut(whom) else {
            return;
        };
        let Some(watch) = watches.remove(session) else {
            return;
        };
        self.count = self.count.saturating_sub(1);
        if watches.is_empty() {
            self.by_watched.remove(whom);
        }
        let who = &watch.session.user.address;
        if !self.is_watched_by(whom, who) {
            self.note(whom, who, Interest::Watched, now);
        }
    }

    fn is_watched_by(&self, whom: &Address, who: &Address) -> bool {
        let watches = self.by_watched.get(whom).map(BTreeMap::values);
        let mut watches = watches.into_iter().flatten();
        watches.any(|watch| watch.session.user.address == *who)
    }

    fn note(&mut self, whom: &Address, who: &Address, interest: Interest, now: Instant) {
        if whom == who {
            return;
        }
        let is_full = self.past_count >= ALL_PAST_MAX;
        if is_full && self.swept.is_none_or(|swept| swept + SWEEP <= now) {
            self.swept = Some(now);
            self.forget(now);
        }
        let is_full = self.past_count >= ALL_PAST_MAX;
        let past = self.past.get(whom);
        let is_known = past.is_some_and(|past| past.contains_key(who));
        if is_full && !is_known {
            return;
        }
        let past = self.past.entry(whom.clone()).or_default();
        if !is_known && past.len() >= PAST_MAX {
            let oldest = past.iter().min_by_key(|(_, past)| past.at);
            if let Some(oldest) = oldest.map(|(who, _)| who.clone()) {
                past.remove(&oldest);
                self.past_count = self.past_count.saturating_sub(1);
            }
        }
        let at = now;
        if past.insert(who.clone(), Past { interest, at }).is_none() {
            self.past_count = self.past_count.saturating_add(1);
        }
    }

    fn forget(&mut self, now: Instant) {
        self.past.retain(|_, past| {
            past.retain(|_, past| now < past.at + PAST);
            !past.is_empty()
        });
        self.past_count = self.past.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use imps::Version;

    use super::super::super::User;
    use super::super::super::session::Beginning;
    use super::super::kinds::Kind;
    use super::*;

    fn who(name: &str) -> Address {
        Address::new(&format!("sip:{name}@localhost"))
    }

    fn session(id: &str, name: &str) -> Arc<Session> {
        let user = User {
            name: name.into(),
            address: who(name),
            display: None,
        };
        let beginning = Beginning {
            away: None,
            id: id.into(),
            user,
            client: None,
            version: Version::V1_3,
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
            cookie: None,
            lives: Duration::from_secs(60),
        };
        Session::new(beginning, now())
    }

    fn now() -> Instant {
        world::Clock::Os.now()
    }

    fn kinds(kind: Kind) -> Kinds {
        [kind].into_iter().collect()
    }

    #[tokio::test]
    async fn a_watch_lives_as_long_as_a_reason_for_it() {
        let (watches, bob) = (Watches::default(), who("bob"));
        let one = session("1", "alice");
        let (text, mood) = (kinds(Kind::StatusText), kinds(Kind::StatusMood));
        watches.add(&one, &bob, Reason::Named, text).unwrap();
        let listed = Reason::Listed("friends");
        watches.add(&one, &bob, listed, mood).unwrap();
        let wanted = |watches: &Watches| watches.of(&bob).first().map(Watch::wanted);
        assert_eq!(wanted(&watches), Some(text.either(mood)));
        watches.unlist("1", &bob, "friends", now());
        assert_eq!(wanted(&watches), Some(text));
        watches.add(&one, &bob, listed, mood).unwrap();
        watches.remove("1", &bob, now());
        assert!(!watches.has(&bob));
        assert_eq!(watches.all().count, 0);
    }

    #[tokio::test]
    async fn the_end_of_a_session_ends_its_watches() {
        let (watches, bob) = (Watches::default(), who("bob"));
        let start = now();
        let (one, two) = (session("1", "alice"), session("2", "alice"));
        for session in [&one, &two] {
            let all = Kinds::all();
            watches.add(session, &bob, Reason::Named, all).unwrap();
        }
        watches.clear("1", now());
        // Another client of the user still watches.
        assert_eq!(watches.past(&bob, start), []);
        watches.clear("2", now());
        let want = [(who("alice"), Interest::Watched)];
        assert_eq!(watches.past(&bob, start), want);
        assert!(!watches.has(&bob));
        assert!(watches.all().by_session.is_empty());
        one.end();
        let late = watches.add(&one, &bob, Reason::Named, Kinds::all());
        assert_eq!(late.unwrap_err().code, Code::INVALID_SESSION);
    }

    #[tokio::test]
    async fn everything_has_an_end() {
        let watches = Watches::default();
        let one = session("1", "alice");
        let add = |session: &Arc<Session>, whom: &str| {
            let added = watches.add(session, &who(whom), Reason::Named, Kinds::all());
            added.map_err(|refused| refused.code)
        };
        for number in 0..WATCHED_MAX {
            assert_eq!(add(&one, &format!("user{number}")), Ok(()));
        }
        assert_eq!(add(&one, "another"), Err(Code::TOO_MANY_CONTACTS));
        assert_eq!(add(&one, "user0"), Ok(()));
        for number in 1..WATCHERS_MAX {
            let other = session(&format!("other{number}"), "carol");
            assert_eq!(add(&other, "user0"), Ok(()));
        }
        let last = session("last", "carol");
        assert_eq!(add(&last, "user0"), Err(Code::SERVICE_UNAVAILABLE));
        let follow = |list: &str| {
            let followed = Followed {
                kinds: Kinds::all(),
                auto: true,
                members: BTreeSet::new(),
            };
            watches.follow(&one, list, followed).map_err(|r| r.code)
        };
        for number in 0..FOLLOWED_MAX {
            assert_eq!(follow(&number.to_string()), Ok(()));
        }
        assert_eq!(follow("another"), Err(Code::TOO_MANY_CONTACTS));
        assert_eq!(follow("0"), Ok(()));
    }

    #[tokio::test]
    async fn the_past_is_remembered_for_a_while() {
        let (watches, bob, start) = (Watches::default(), who("bob"), now());
        for number in 0..PAST_MAX + 10 {
            let at = start + Duration::from_secs(number as u64);
            let who = who(&format!("user{number}"));
            watches.note(&bob, &who, Interest::Asked, at);
        }
        let past = watches.past(&bob, start);
        assert_eq!(past.len(), PAST_MAX);
        assert!(!past.contains(&(who("user9"), Interest::Asked)));
        let since = start + Duration::from_secs(PAST_MAX as u64 + 9);
        let last = (who(&format!("user{}", PAST_MAX + 9)), Interest::Asked);
        assert_eq!(watches.past(&bob, since), [last]);
        watches.note(&bob, &bob, Interest::Asked, start);
        assert_eq!(watches.all().past_count, PAST_MAX);
        watches
            .all()
            .forget(start + PAST + Duration::from_secs(3600));
        assert_eq!(watches.all().past_count, 0);
    }
}
