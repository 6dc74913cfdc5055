//! Logins under way, and those that have failed: both bounded, whoever tries.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::digest::DigestSchema;

/// How long a nonce can be used.
const NONCE: Duration = Duration::from_secs(60);

/// Nonces that are open for one client of one user. Somebody else who asks for one in their name
/// must not make theirs void.
const NONCES_EACH: usize = 8;

/// Nonces that are open from one address, behind which there may be a gateway with many clients.
const NONCES_FROM: usize = 2000;

/// Nonces that are open in all: some ten megabytes.
const NONCES: usize = 100_000;

/// Failed logins of one address within [`FLOOD`] after which it has to wait.
const FAILURES: usize = 20;

/// How long failures count, and how long whoever has too many of them has to wait.
const FLOOD: Duration = Duration::from_secs(60);

/// Addresses whose failures are counted at a time.
const ADDRESSES: usize = 100_000;

/// What is known of logins that have not come to a session.
#[derive(Debug, Default)]
pub(in crate::imps) struct Logins {
    open: Mutex<Open>,
    failures: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
}

#[derive(Debug, Default)]
struct Open {
    /// By user and client.
    nonces: HashMap<(String, String), Vec<Nonce>>,
    from: HashMap<IpAddr, usize>,
    /// By the moment in which they were given, the oldest first.
    order: VecDeque<(Instant, (String, String), String)>,
}

#[derive(Debug)]
struct Nonce {
    text: String,
    schema: DigestSchema,
    from: IpAddr,
}

impl Logins {
    /// Notes a nonce that was given. False: there are too many.
    pub(super) fn challenge(
        &self,
        user: &str,
        client: &str,
        from: IpAddr,
        (nonce, schema): (&str, &DigestSchema),
        now: Instant,
    ) -> bool {
        let mut open = lock(&self.open);
        open.forget(now);
        let given = open.from.get(&from).copied().unwrap_or(0);
        if open.order.len() >= NONCES || given >= NONCES_FROM {
            return false;
        }
        let key = (user.to_ascii_lowercase(), client.to_owned());
        open.from.insert(from, given + 1);
        open.order.push_back((now, key.clone(), nonce.to_owned()));
        let theirs = open.nonces.entry(key).or_default();
        theirs.push(Nonce {
            text: nonce.to_owned(),
            schema: schema.clone(),
            from,
        });
        if theirs.len() > NONCES_EACH {
            let oldest = theirs.remove(0);
            open.count_down(oldest.from);
        }
        true
    }

    /// The nonces with which this client of this user can prove who they are. They are gone then:
    /// a digest that was seen on its way is of no use.
    pub(super) fn take(
        &self,
        user: &str,
        client: &str,
        now: Instant,
    ) -> Vec<(String, DigestSchema)> {
        let mut open = lock(&self.open);
        open.forget(now);
        let key = (user.to_ascii_lowercase(), client.to_owned());
        let theirs = open.nonces.remove(&key).unwrap_or_default();
        for nonce in &theirs {
            open.count_down(nonce.from);
        }
        theirs
            .into_iter()
            .map(|nonce| (nonce.text, nonce.schema))
            .collect()
    }

    /// A login has failed.
    pub(super) fn failed(&self, from: IpAddr, now: Instant) {
        let mut failures = lock(&self.failures);
        if failures.len() >= ADDRESSES {
            failures.retain(|_, all| all.back().is_some_and(|last| now < *last + FLOOD));
        }
        if failures.len() >= ADDRESSES {
            return;
        }
        let all = failures.entry(from).or_default();
        if all.len() >= FAILURES {
            all.pop_front();
        }
        all.push_back(now);
    }

    /// Have too many failed from there? How long it has to wait, then.
    pub(super) fn is_flood(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let mut failures = lock(&self.failures);
        let all = failures.get_mut(&from)?;
        while all.front().is_some_and(|first| *first + FLOOD <= now) {
            all.pop_front();
        }
        if all.is_empty() {
            failures.remove(&from);
            return None;
        }
        let first = *all.front()?;
        (all.len() >= FAILURES).then(|| (first + FLOOD).saturating_duration_since(now))
    }
}

impl Open {
    fn forget(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|(given, ..)| *given + NONCE <= now)
        {
            let Some((_, key, text)) = self.order.pop_front() else {
                return;
            };
            let Some(theirs) = self.nonces.get_mut(&key) else {
                continue;
            };
            let at = theirs.iter().position(|nonce| nonce.text == text);
            let old = at.map(|at| theirs.remove(at));
            if theirs.is_empty() {
                self.nonces.remove(&key);
            }
            if let Some(old) = old {
                self.count_down(old.from);
            }
        }
    }

    fn count_down(&mut self, from: IpAddr) {
        if let Some(count) = self.from.get_mut(&from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.from.remove(&from);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn give(logins: &Logins, user: &str, nonce: &str, now: Instant) -> bool {
        logins.challenge(user, "phone", HERE, (nonce, &DigestSchema::Md5), now)
    }

    fn texts(given: Vec<(String, DigestSchema)>) -> Vec<String> {
        given.into_iter().map(|(text, _)| text).collect()
    }

    #[tokio::test]
    async fn a_nonce_can_be_used_once_and_for_a_minute() {
        let now = world::Clock::Os.now();
        let logins = Logins::default();
        assert!(give(&logins, "Alice", "n1", now));
        assert!(texts(logins.take("alice", "other", now)).is_empty());
        assert_eq!(texts(logins.take("alice", "phone", now)), ["n1"]);
        assert!(texts(logins.take("alice", "phone", now)).is_empty());
        assert!(give(&logins, "alice", "n2", now));
        assert!(texts(logins.take("alice", "phone", now + NONCE)).is_empty());
        let open = lock(&logins.open);
        assert!(open.from.is_empty() && open.nonces.is_empty() && open.order.is_empty());
    }

    #[tokio::test]
    async fn nonces_asked_for_by_others_do_not_fill_the_memory() {
        let now = world::Clock::Os.now();
        let logins = Logins::default();
        for n in 0..NONCES_EACH + 5 {
            assert!(give(&logins, "alice", &n.to_string(), now));
        }
        assert_eq!(logins.take("alice", "phone", now).len(), NONCES_EACH);
        for n in 0..NONCES_FROM {
            assert!(give(&logins, &format!("user{n}"), "n", now), "{n}");
        }
        assert!(!give(&logins, "late", "n", now));
        assert!(give(&logins, "late", "n", now + NONCE));
    }

    #[tokio::test]
    async fn whoever_fails_too_often_waits() {
        let now = world::Clock::Os.now();
        let logins = Logins::default();
        for _ in 0..FAILURES {
            assert_eq!(logins.is_flood(HERE, now), None);
            logins.failed(HERE, now);
        }
        let later = now + Duration::from_secs(20);
        assert_eq!(logins.is_flood(HERE, later), Some(Duration::from_secs(40)));
        assert_eq!(logins.is_flood(HERE, now + FLOOD), None);
        assert!(lock(&logins.failures).is_empty());
    }
}
