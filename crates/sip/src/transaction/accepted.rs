//! A 2xx to an INVITE that has not been acknowledged (RFC 3261 section 13.3.1.4).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Timers;

/// Repeats the 2xx to an INVITE until the ACK comes, over every transport.
///
/// The transaction does not do it (RFC 6026 section 7.1): whoever owns the dialog keeps one of
/// these beside it and drops it when an ACK for the INVITE's CSeq has come.
///
/// ```
/// use std::time::{Duration, Instant};
/// use sip::transaction::{Pending, Timers, Unconfirmed};
///
/// let now = Instant::now();
/// let mut unconfirmed = Unconfirmed::new("SIP/2.0 200 OK ...".into(), now, Timers::default());
/// assert_eq!(unconfirmed.poll_timeout(), now + Duration::from_millis(500));
/// let pending = unconfirmed.handle_timeout(unconfirmed.poll_timeout());
/// assert!(matches!(pending, Pending::Repeat(_)));
/// let pending = unconfirmed.handle_timeout(now + Duration::from_secs(32));
/// assert_eq!(pending, Pending::Lost);
/// ```
#[derive(Debug)]
pub struct Unconfirmed {
    response: Bytes,
    timers: Timers,
    interval: Duration,
    repeat_at: Instant,
    give_up: Instant,
}

/// What is to be done about a 2xx without an ACK.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pending {
    /// Nothing yet.
    Wait,
    /// Send the 2xx again: with [`super::Transactions::respond`], or to the peer's flow.
    Repeat(Bytes),
    /// 64*T1 have passed: the session is to be ended with a BYE (RFC 3261 section 13.3.1.4).
    Lost,
}

impl Unconfirmed {
    /// Begins with a 2xx that has just been sent.
    pub fn new(response: Bytes, now: Instant, timers: Timers) -> Self {
        let timers = timers.clamped();
        Self {
            response,
            timers,
            interval: timers.t1,
            repeat_at: now + timers.t1,
            give_up: now + timers.patience(),
        }
    }

    /// When [`Self::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Instant {
        self.repeat_at.min(self.give_up)
    }

    /// The 2xx again, for an INVITE that came again.
    pub const fn response(&self) -> &Bytes {
        &self.response
    }

    /// What is due. After [`Pending::Lost`] it is of no further use.
    pub fn handle_timeout(&mut self, now: Instant) -> Pending {
        if now >= self.give_up {
            return Pending::Lost;
        }
        if now < self.repeat_at {
            return Pending::Wait;
        }
        // RFC 6026 section 8.1: the interval doubles until it is T2.
        self.interval = self.timers.next_interval(self.interval);
        self.repeat_at = now + self.interval;
        Pending::Repeat(self.response.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::epoch;

    #[test]
    fn rfc_3261_13_3_1_4_repeats_until_64_t1() {
        let start = epoch();
        let mut unconfirmed = Unconfirmed::new("2xx".into(), start, Timers::default());
        assert_eq!(unconfirmed.handle_timeout(start), Pending::Wait);
        let mut at = Vec::new();
        loop {
            let now = unconfirmed.poll_timeout();
            at.push((now - start).as_millis());
            match unconfirmed.handle_timeout(now) {
                Pending::Repeat(bytes) => assert_eq!(bytes, "2xx"),
                Pending::Lost => break,
                Pending::Wait => panic!("the timeout was wrong"),
            }
        }
        let want = [
            500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000,
        ];
        assert_eq!(at, want);
    }
}
