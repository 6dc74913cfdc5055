//! When which operation is due.
//!
//! An open loop: the moment of each operation is fixed before the first one begins, and does not
//! wait for answers. Latency counts from that moment, not from the one at which the load got round
//! to it. So a server that stands still for a second makes a second of late answers, as it would
//! for its users, and not one (Gil Tene calls the error "coordinated omission").

use std::time::{Duration, Instant};

/// How operations follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pacing {
    /// So many per second.
    Open {
        /// Operations per second, more than 0.
        rate: f64,
    },
    /// Always so many under way.
    Closed {
        /// Operations under way at a time.
        window: u64,
    },
}

/// The plan of one run.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pacing: Pacing,
    start: Instant,
    /// From here on it counts.
    begin: Instant,
    /// From here on nothing more is due.
    end: Instant,
    next: u64,
}

/// An operation to begin now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    /// The how-manieth of the run, from 0.
    pub(crate) index: u64,
    /// When it should begin. Latency counts from here.
    pub(crate) intended: Instant,
}

impl Schedule {
    /// Begins at `start`; what is due in the first `warm_up` does not count, what is due in the
    /// `span` after it does.
    pub(crate) fn new(pacing: Pacing, start: Instant, warm_up: Duration, span: Duration) -> Self {
        let begin = start + warm_up;
        Self {
            pacing,
            start,
            begin,
            end: begin + span,
            next: 0,
        }
    }

    /// The next operation, if it is due. `outstanding`: how many are under way.
    pub(crate) fn due(&mut self, now: Instant, outstanding: u64) -> Option<Due> {
        let intended = match self.pacing {
            Pacing::Open { rate } => self.at(self.next, rate),
            Pacing::Closed { window } if outstanding < window => now,
            Pacing::Closed { .. } => return None,
        };
        if intended > now || intended >= self.end {
            return None;
        }
        let index = self.next;
        self.next += 1;
        Some(Due { index, intended })
    }

    fn at(&self, index: u64, rate: f64) -> Instant {
        // Exact to the nanosecond for the longest run.
        #[expect(clippy::cast_precision_loss, reason = "2^53 operations take years")]
        let offset = index as f64 / rate;
        self.start + Duration::try_from_secs_f64(offset).unwrap_or(Duration::MAX / 4)
    }

    /// Does what was due then count?
    pub(crate) fn counts(&self, intended: Instant) -> bool {
        (self.begin..self.end).contains(&intended)
    }

    /// Is nothing more due, now or ever? In an open loop that is when all has begun, however late.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        match self.pacing {
            Pacing::Open { rate } => self.at(self.next, rate) >= self.end,
            Pacing::Closed { .. } => now >= self.end,
        }
    }

    /// How operations follow each other.
    pub(crate) fn pacing(&self) -> Pacing {
        self.pacing
    }

    /// When the run starts.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// When counting begins.
    pub(crate) fn begin(&self) -> Instant {
        self.begin
    }

    /// When it ends.
    pub(crate) fn end(&self) -> Instant {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn start() -> Instant {
        world::Clock::Os.now()
    }

    #[test]
    fn an_open_loop_waits_for_nobody() {
        let start = start();
        let open = Pacing::Open { rate: 100.0 };
        let mut schedule = Schedule::new(open, start, 100 * MS, 100 * MS);
        // Nobody looked for 55 ms: all that was due is, each at its own time, answered or not.
        let due: Vec<Due> =
            std::iter::from_fn(|| schedule.due(start + 55 * MS, 1_000_000)).collect();
        let want = (0..6).map(|index| Due {
            index: u64::from(index),
            intended: start + index * 10 * MS,
        });
        assert_eq!(due, want.collect::<Vec<_>>());
        // The warm-up does not count, the end belongs to nobody.
        let late = start + 1000 * MS;
        assert!(
            !schedule.is_over(late),
            "what nobody has begun is still due"
        );
        let rest: Vec<Due> = std::iter::from_fn(|| schedule.due(late, 0)).collect();
        assert_eq!(rest.last().unwrap().index, 19);
        let counting = |due: &&Due| schedule.counts(due.intended);
        assert_eq!(due.iter().chain(&rest).filter(counting).count(), 10);
        assert!(schedule.is_over(late));
    }

    #[test]
    fn a_closed_loop_keeps_its_window() {
        let start = start();
        let closed = Pacing::Closed { window: 3 };
        let mut schedule = Schedule::new(closed, start, Duration::ZERO, 10 * MS);
        let mut outstanding = 0;
        while let Some(due) = schedule.due(start + MS, outstanding) {
            assert_eq!((due.index, due.intended), (outstanding, start + MS));
            outstanding += 1;
        }
        assert_eq!(outstanding, 3);
        assert!(schedule.due(start + 2 * MS, 2).is_some());
        assert!(schedule.due(start + 10 * MS, 0).is_none());
        assert!(schedule.is_over(start + 10 * MS) && !schedule.is_over(start + 9 * MS));
    }

    #[test]
    fn a_rate_is_kept_for_hours() {
        let start = start();
        let rate = 3.0;
        let schedule = Schedule::new(Pacing::Open { rate }, start, Duration::ZERO, MS);
        assert_eq!(
            schedule.at(3 * 86_400, rate),
            start + Duration::from_secs(86_400)
        );
        // A rate so small that the next moment has no name does not end the world.
        assert!(schedule.at(u64::MAX, f64::MIN_POSITIVE) > start);
    }
}
