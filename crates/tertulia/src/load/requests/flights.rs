//! Operations under way, in the order in which they began.

use std::collections::VecDeque;
use std::time::Instant;

/// One operation under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Flight {
    /// When it should have begun.
    pub(super) intended: Instant,
    /// When the request went out, or the last one of them.
    pub(super) begun: Instant,
    /// Over which lane.
    pub(super) lane: usize,
    /// How many requests it has taken so far.
    pub(super) tries: u8,
    /// Whether the other end has had it.
    pub(super) delivered: bool,
}

/// All of them. As long as the oldest one that is still under way is old.
#[derive(Debug, Default)]
pub(super) struct Flights {
    ring: VecDeque<Option<Flight>>,
    /// The number of the first in the ring.
    first: u64,
}

impl Flights {
    /// One begins. Numbers come one after the other, from 0.
    pub(super) fn launch(&mut self, flight: Flight) {
        self.ring.push_back(Some(flight));
    }

    /// The one of that number, if it is under way.
    pub(super) fn get(&mut self, index: u64) -> Option<&mut Flight> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.ring.get_mut(at)?.as_mut()
    }

    /// It has ended.
    pub(super) fn land(&mut self, index: u64) -> Option<Flight> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let flight = self.ring.get_mut(at)?.take();
        while let Some(None) = self.ring.front() {
            self.ring.pop_front();
            self.first += 1;
        }
        flight
    }

    /// The oldest one that began before `horizon` ends by force.
    pub(super) fn expire(&mut self, horizon: Instant) -> Option<Flight> {
        let oldest = self.ring.front()?.as_ref()?;
        if oldest.intended >= horizon {
            return None;
        }
        self.land(self.first)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn they_end_in_any_order_once() {
        let start = world::Clock::Os.now();
        let mut flights = Flights::default();
        for index in 0..5_u32 {
            flights.launch(Flight {
                intended: start + Duration::from_millis(index.into()),
                begun: start,
                lane: 0,
                tries: 1,
                delivered: false,
            });
        }
        assert!(flights.land(1).is_some());
        assert!(flights.land(1).is_none());
        assert_eq!(flights.ring.len(), 5);
        assert!(flights.land(0).is_some());
        assert_eq!((flights.ring.len(), flights.first), (3, 2));
        assert!(flights.land(0).is_none());
        assert!(flights.get(9).is_none() && flights.get(u64::MAX).is_none());
        flights.get(3).unwrap().delivered = true;
        // 2 and 3 are too old; 4 is not.
        let horizon = start + Duration::from_millis(4);
        assert!(!flights.expire(horizon).unwrap().delivered);
        assert!(flights.expire(horizon).unwrap().delivered);
        assert_eq!(flights.expire(horizon), None);
        assert!(flights.land(4).is_some());
        assert!(flights.ring.is_empty());
    }
}
