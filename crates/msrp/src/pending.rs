//! Requests that wait for their responses, on one connection.
//!
//! Peers answer in order, all but always: the oldest open transaction is looked at first, and a
//! match there costs one comparison. Every entry waits equally long, so the oldest is also the
//! first to run out.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::Tid;

/// How long a response is awaited after the request was sent (RFC 4975 section 7.1.1).
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The most open transactions of one connection. A peer that leaves so many unanswered is not
/// reading; and an answer out of order is searched for, which this bounds.
pub const PENDING_MAX: usize = 1024;

/// The open transactions of one connection, each with a `K` that says what it was about.
#[derive(Debug)]
pub struct Pending<K> {
    queue: VecDeque<Entry<K>>,
    open: usize,
}

#[derive(Debug)]
struct Entry<K> {
    tid: Tid,
    deadline: Instant,
    /// Nothing if answered before an older one.
    key: Option<K>,
}

impl<K> Pending<K> {
    /// No transaction is open.
    pub fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            open: 0,
        }
    }

    /// Notes a request sent at `now`; `now` never goes back between calls.
    ///
    /// # Errors
    ///
    /// [`TooManyPending`] if [`PENDING_MAX`] wait already: the request should not be sent.
    pub fn push(&mut self, tid: Tid, key: K, now: Instant) -> Result<(), TooManyPending> {
        if self.is_full() {
            return Err(TooManyPending);
        }
        self.queue.push_back(Entry {
            tid,
            deadline: now + RESPONSE_TIMEOUT,
            key: Some(key),
        });
        self.open += 1;
        Ok(())
    }

    /// Takes the transaction that a response is for; `None` if it is unknown or was timed out.
    pub fn take(&mut self, tid: Tid) -> Option<K> {
        let key = self
            .queue
            .iter_mut()
            .find(|entry| entry.tid == tid && entry.key.is_some())?
            .key
            .take();
        self.open -= usize::from(key.is_some());
        self.drop_answered();
        key
    }

    /// Takes one transaction whose response did not come in time. To be called until `None`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        self.queue
            .pop_front_if(|entry| entry.deadline <= now)
            .map(|entry| {
                self.open -= usize::from(entry.key.is_some());
                self.drop_answered();
                entry.key
            })?
    }

    /// When [`Self::expire`] has something to tell, if nothing is answered until then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.front().map(|entry| entry.deadline)
    }

    /// How many transactions are open.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Whether no more can be noted.
    pub fn is_full(&self) -> bool {
        self.queue.len() >= PENDING_MAX
    }

    /// Keeps the front of the queue open, so that it is the next to expire.
    fn drop_answered(&mut self) {
        while self
            .queue
            .pop_front_if(|entry| entry.key.is_none())
            .is_some()
        {}
    }
}

impl<K> Default for Pending<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// The peer has left too many requests unanswered.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{PENDING_MAX} requests wait for their response on this connection")]
pub struct TooManyPending;

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test needs some instant to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_any_order() {
        let now = Instant::now();
        let mut pending = Pending::new();
        for n in 0..5 {
            pending.push(Tid::new(n), n, now).unwrap();
        }
        assert_eq!(pending.take(Tid::new(0)), Some(0));
        assert_eq!(pending.take(Tid::new(3)), Some(3));
        assert_eq!(pending.take(Tid::new(3)), None);
        assert_eq!(pending.take(Tid::new(9)), None);
        assert_eq!(pending.take(Tid::new(1)), Some(1));
        assert_eq!(pending.take(Tid::new(4)), Some(4));
        assert_eq!(pending.len(), 1);
        assert_eq!(pending.take(Tid::new(2)), Some(2));
        assert!(pending.is_empty());
        assert_eq!(pending.poll_timeout(), None);
    }

    #[test]
    fn thirty_seconds() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut pending = Pending::new();
        pending.push(Tid::new(1), 'a', start).unwrap();
        pending.push(Tid::new(2), 'b', start + second).unwrap();
        pending.push(Tid::new(3), 'c', start + second).unwrap();
        assert_eq!(pending.poll_timeout(), Some(start + RESPONSE_TIMEOUT));
        assert_eq!(pending.take(Tid::new(2)), Some('b'));
        assert_eq!(pending.expire(start + RESPONSE_TIMEOUT - second), None);
        assert_eq!(pending.expire(start + RESPONSE_TIMEOUT), Some('a'));
        assert_eq!(pending.expire(start + RESPONSE_TIMEOUT), None);
        assert_eq!(pending.take(Tid::new(1)), None, "too late");
        assert_eq!(pending.expire(start + RESPONSE_TIMEOUT + second), Some('c'));
        assert!(pending.is_empty());
    }

    #[test]
    fn bounded() {
        let now = Instant::now();
        let mut pending = Pending::new();
        for n in 0..PENDING_MAX as u64 {
            pending.push(Tid::new(n), (), now).unwrap();
        }
        assert_eq!(
            pending.push(Tid::new(u64::MAX), (), now),
            Err(TooManyPending)
        );
        assert!(pending.take(Tid::new(0)).is_some());
        assert!(pending.push(Tid::new(u64::MAX), (), now).is_ok());
    }
}
