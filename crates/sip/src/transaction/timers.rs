//! How long things take, and the one heap of alarms.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// The three durations all SIP timers come from (RFC 3261 section 17.1.1.1 and table 4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// The estimate of a round trip, and the first interval between repetitions.
    pub t1: Duration,
    /// The longest interval between repetitions.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl Timers {
    /// The longest any of the three may be: beyond it a configuration is a mistake, and sums of
    /// them could leave what an `Instant` can hold.
    const LONGEST: Duration = Duration::from_secs(3600);

    /// The shortest: an interval of nothing would repeat without end.
    const SHORTEST: Duration = Duration::from_millis(1);

    /// How long one waits for the other side: 64*T1, the value of timers B, F, H, J, L and M.
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// The interval after this one: twice as long, T2 at most.
    pub fn next_interval(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }

    /// How long it takes until a client's timer E is reset to T2 (RFC 4320 section 4.1): before
    /// that a request other than INVITE gets no 100. 3.5 seconds by default.
    pub(super) fn trying_after(&self) -> Duration {
        let mut interval = self.t1;
        let mut sum = Duration::ZERO;
        while interval < self.t2 {
            sum += interval;
            interval *= 2;
        }
        sum
    }

    /// Timer D: RFC 6026 section 8.4 wants 32 seconds at least, whatever our own T1 is.
    pub(super) fn wait_for_repeated_finals(&self) -> Duration {
        self.patience().max(Duration::from_secs(32))
    }

    pub(super) fn clamped(self) -> Self {
        let clamp = |d: Duration| d.clamp(Self::SHORTEST, Self::LONGEST);
        Self {
            t1: clamp(self.t1),
            t2: clamp(self.t2),
            t4: clamp(self.t4),
        }
    }
}

/// The alarms of all transactions, the earliest first, equal times in the order they were set.
///
/// A transaction has one alarm that counts, the one whose serial number it remembers. An alarm
/// that no longer counts stays until it comes up or [`Alarms::sweep`] removes it. When a
/// transaction's deadline moves later its alarm stays where it is and is moved when it comes up:
/// so most transactions cost one push.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<Alarm>>,
    last_serial: u64,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Alarm {
    pub(super) at: Instant,
    pub(super) serial: u64,
    pub(super) owner: Owner,
}

/// Whose alarm it is: a place in one of the two tables.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Owner {
    Client(u32),
    Server(u32),
}

impl Alarms {
    /// Alarms that may be dead before it is worth looking for them.
    const SLACK: usize = 64;

    /// Sets an alarm and returns its serial number, which is never 0.
    pub(super) fn set(&mut self, at: Instant, owner: Owner) -> u64 {
        self.last_serial += 1;
        let serial = self.last_serial;
        self.heap.push(Reverse(Alarm { at, serial, owner }));
        serial
    }

    /// Puts an alarm that came up back, at a later time.
    pub(super) fn postpone(&mut self, alarm: Alarm, at: Instant) {
        self.heap.push(Reverse(Alarm { at, ..alarm }));
    }

    pub(super) fn first(&self) -> Option<Alarm> {
        self.heap.peek().map(|alarm| alarm.0)
    }

    pub(super) fn pop(&mut self) -> Option<Alarm> {
        self.heap.pop().map(|alarm| alarm.0)
    }

    /// Removes dead alarms once they outnumber the living: the heap never holds more than twice
    /// the living and [`Self::SLACK`], and the work is spread over as many calls.
    pub(super) fn sweep(&mut self, living: usize, is_alive: impl Fn(&Alarm) -> bool) {
        if self.heap.len() > living.saturating_mul(2).saturating_add(Self::SLACK) {
            self.heap.retain(|alarm| is_alive(&alarm.0));
        }
    }

    /// All alarms, dead ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4320_trying_waits_until_timer_e_is_t2() {
        assert_eq!(
            Timers::default().trying_after(),
            Duration::from_millis(3500)
        );
        let odd = Timers {
            t1: Duration::ZERO,
            t2: Duration::MAX,
            ..Timers::default()
        };
        assert!(odd.clamped().trying_after() < Duration::from_secs(7200));
    }

    #[test]
    fn equal_times_come_in_the_order_they_were_set() {
        let start = crate::transaction::tests::epoch();
        let mut alarms = Alarms::default();
        for slot in [3, 1, 2] {
            alarms.set(start, Owner::Server(slot));
        }
        alarms.set(start, Owner::Client(0));
        assert_eq!(alarms.len(), 4);
        let order: Vec<_> = std::iter::from_fn(|| alarms.pop())
            .map(|a| a.owner)
            .collect();
        let want = [
            Owner::Server(3),
            Owner::Server(1),
            Owner::Server(2),
            Owner::Client(0),
        ];
        assert_eq!(order, want);
    }
}
