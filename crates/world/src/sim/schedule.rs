//! What is under way, by time of arrival.

use std::{collections::BTreeMap, net::SocketAddr, time::Instant};

use bytes::Bytes;

use super::{
    connection::{Payload, Side},
    trace::Moment,
};

/// Something that will happen on the network.
#[derive(Debug)]
pub(super) enum Event {
    /// A datagram arrives.
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Bytes,
        sent: Moment,
    },
    /// The sender of a connection stops trying to get through, if it is the same try.
    GiveUp {
        connection: u64,
        from: Side,
        since: Instant,
    },
    /// What a partition has held up gets through, if it is over.
    Release { connection: u64, from: Side },
    /// A piece of a connection arrives.
    Segment {
        connection: u64,
        from: Side,
        payload: Payload,
        sent: Moment,
    },
    /// An attempt to connect arrives; `attempt` counts from 0.
    Syn {
        connection: u64,
        attempt: u32,
        sent: Moment,
    },
}

/// Events by time. Those of one instant happen in the order in which they were caused.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    events: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
}

impl Schedule {
    pub(super) fn push(&mut self, at: Instant, event: Event) {
        self.events.insert((at, self.sequence), event);
        self.sequence += 1;
    }

    /// The next event, if its time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, Event)> {
        let next = self.events.first_entry()?;
        if next.key().0 > now {
            return None;
        }
        let ((at, _), event) = next.remove_entry();
        Some((at, event))
    }

    /// When the next event is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Clock;

    #[test]
    fn events_come_by_time_and_then_in_order() {
        let start = Clock::Os.now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::default();
        for (ms, connection) in [(5, 1), (3, 2), (5, 3), (3, 4)] {
            let event = Event::Syn {
                connection,
                attempt: 0,
                sent: Moment::default(),
            };
            schedule.push(after(ms), event);
        }
        assert!(schedule.pop(after(2)).is_none());
        let order: Vec<_> = std::iter::from_fn(|| schedule.pop(after(5)))
            .map(|(_, event)| match event {
                Event::Syn { connection, .. } => connection,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(order, [2, 4, 1, 3]);
        assert_eq!(schedule.next(), None);
    }
}
