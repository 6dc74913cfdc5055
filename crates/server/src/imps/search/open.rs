//! Searches whose hits have not all been told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Open searches of one session. A handset shows one; the oldest goes for a new one.
const OF_SESSION_MAX: usize = 4;

/// Open searches over all sessions: of two hundred hits each, some fifty megabytes.
const OPEN_MAX: usize = 4000;

/// Searches that look through the store at the same time: it has others to serve as well.
const UNDER_WAY: usize = 8;

/// How long a search stays open that nobody asks about.
const KEPT: Duration = Duration::from_secs(600);

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Hits {
    /// The addresses on the wire.
    pub(super) found: Arc<[String]>,
    /// They are of users, and not of groups.
    pub(super) is_of_users: bool,
    /// How many the client wants at a time.
    pub(super) limit: u32,
}

/// All searches that are open.
#[derive(Debug)]
pub(in crate::imps) struct Searches {
    all: Mutex<All>,
    under_way: Semaphore,
}

impl Default for Searches {
    fn default() -> Self {
        Self {
            all: Mutex::default(),
            under_way: Semaphore::new(UNDER_WAY),
        }
    }
}

#[derive(Debug, Default)]
struct All {
    /// Of each session the oldest first.
    by_session: HashMap<Arc<str>, VecDeque<Open>>,
    count: usize,
    last: u32,
}

#[derive(Debug)]
struct Open {
    id: u32,
    hits: Hits,
    until: Instant,
}

impl Searches {
    /// Leave to look through the store. None: too many do.
    pub(super) fn begin(&self) -> Option<SemaphorePermit<'_>> {
        self.under_way.try_acquire().ok()
    }

    /// Opens a search of a session, and returns its id. If there is no place for it, it is as if it
    /// had been open too long: its first page was told.
    pub(super) fn open(&self, session: &Arc<str>, hits: Hits, now: Instant) -> String {
        let mut all = self.all();
        all.last = all.last.wrapping_add(1);
        let id = all.last;
        if all.count >= OPEN_MAX {
            all.forget(now);
        }
        if all.count < OPEN_MAX {
            let theirs = all.by_session.entry(Arc::clone(session)).or_default();
            let is_full = theirs.len() >= OF_SESSION_MAX;
            if is_full {
                theirs.pop_front();
            }
            let until = now + KEPT;
            theirs.push_back(Open { id, hits, until });
            all.count += usize::from(!is_full);
        }
        id.to_string()
    }

    /// A search of a session, which stays open for another while.
    pub(super) fn find(&self, session: &str, id: &str, now: Instant) -> Option<Hits> {
        let id: u32 = id.trim().parse().ok()?;
        let mut all = self.all();
        let theirs = all.by_session.get_mut(session)?;
        let found = theirs
            .iter_mut()
            .find(|one| one.id == id && now < one.until)?;
        found.until = now + KEPT;
        Some(found.hits.clone())
    }

    /// Ends a search of a session. False: it is not open.
    pub(super) fn stop(&self, session: &str, id: &str, now: Instant) -> bool {
        let is_open = self.find(session, id, now).is_some();
        let id = id.trim().parse::<u32>().ok();
        self.all()
            .retain(|owner, one| owner != session || Some(one.id) != id);
        is_open
    }

    /// A session has ended.
    pub(in crate::imps) fn leave(&self, session: &str) {
        let mut all = self.all();
        let theirs = all.by_session.remove(session);
        all.count = all
            .count
            .saturating_sub(theirs.map_or(0, |theirs| theirs.len()));
    }

    /// Forgets those that nobody has asked about for long.
    pub(in crate::imps) fn forget(&self, now: Instant) {
        self.all().forget(now);
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn forget(&mut self, now: Instant) {
        self.retain(|_, one| now < one.until);
    }

    fn retain(&mut self, keep: impl Fn(&str, &Open) -> bool) {
        self.by_session.retain(|session, theirs| {
            theirs.retain(|one| keep(session, one));
            !theirs.is_empty()
        });
        self.count = self.by_session.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits() -> Hits {
        Hits {
            found: Arc::new([]),
            is_of_users: true,
            limit: 1,
        }
    }

    #[tokio::test]
    async fn a_search_is_open_for_its_session_and_for_a_while() {
        let now = world::Clock::Os.now();
        let searches = Searches::default();
        let (ann, ben): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let id = searches.open(&ann, hits(), now);
        assert!(searches.find(&ben, &id, now).is_none());
        assert!(searches.find(&ann, "x", now).is_none());
        // Whoever asks about it keeps it open.
        let soon = now + KEPT - Duration::from_millis(1);
        assert!(searches.find(&ann, &id, soon).is_some());
        assert!(searches.find(&ann, &id, now + KEPT).is_some());
        let late = now + KEPT * 2;
        assert!(searches.find(&ann, &id, late).is_none());
        searches.forget(late);
        assert!(searches.all().by_session.is_empty());
        let id = searches.open(&ann, hits(), late);
        assert!(!searches.stop(&ben, &id, late));
        assert!(searches.stop(&ann, &id, late));
        assert!(!searches.stop(&ann, &id, late));
        assert_eq!(searches.all().count, 0);
    }

    #[test]
    fn only_so_many_are_under_way() {
        let searches = Searches::default();
        let leave: Vec<_> = (0..UNDER_WAY).map(|_| searches.begin().unwrap()).collect();
        assert!(searches.begin().is_none());
        drop(leave);
        assert!(searches.begin().is_some());
    }

    #[tokio::test]
    async fn only_so_many_are_open() {
        let now = world::Clock::Os.now();
        let searches = Searches::default();
        let ann: Arc<str> = "a".into();
        let ids: Vec<_> = (0..=OF_SESSION_MAX)
            .map(|_| searches.open(&ann, hits(), now))
            .collect();
        let open = ids.iter().map(|id| searches.find(&ann, id, now).is_some());
        assert_eq!(open.collect::<Vec<_>>(), [false, true, true, true, true]);
        assert_eq!(searches.all().count, OF_SESSION_MAX);
        for session in 0..OPEN_MAX {
            searches.open(&session.to_string().into(), hits(), now);
        }
        assert_eq!(searches.all().count, OPEN_MAX);
        // Those that are over make place for others.
        let late = now + KEPT;
        let id = searches.open(&ann, hits(), late);
        assert!(searches.find(&ann, &id, late).is_some());
        assert_eq!(searches.all().count, 1);
        searches.leave(&ann);
        assert_eq!(searches.all().count, 0);
    }
}
