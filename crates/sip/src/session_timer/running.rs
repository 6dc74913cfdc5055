//! The running timer of one dialog.
//!
//! ```text
//!   we refresh:    Waiting ──half──▶ Refreshing ──interval──▶ Over
//!                     ▲                  │
//!                     └────refreshed─────┘
//!   they refresh:  Waiting ──interval less min(32 s, a third)──▶ Over
//! ```

use std::time::Instant;

use super::{Agreed, Refresher, SessionInterval};

/// What the owner of the dialog has to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionEvent {
    /// Send an UPDATE or a re-INVITE with the unchanged description.
    Refresh,
    /// The session is over: send BYE.
    Expired,
}

/// The running timer of one dialog. One is made anew from each 2xx to an INVITE or UPDATE.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionTimer {
    interval: SessionInterval,
    we_refresh: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The next refresh is due later; for the side that does not refresh there is no such time.
    Waiting {
        refresh_at: Option<Instant>,
        over_at: Option<Instant>,
    },
    /// We have been told to refresh, and nothing came of it yet.
    Refreshing {
        over_at: Option<Instant>,
    },
    Over,
}

impl SessionTimer {
    /// Starts at the moment the 2xx was sent or received. `us` is our side of that transaction.
    pub fn new(agreed: &Agreed, us: Refresher, now: Instant) -> Self {
        let mut timer = Self {
            interval: agreed.interval,
            we_refresh: agreed.refresher == us,
            state: State::Over,
        };
        timer.refreshed(now);
        timer
    }

    /// Starts the interval again, on the same terms.
    pub fn refreshed(&mut self, now: Instant) {
        // An end beyond what the clock can express is no end.
        let after = |wait| now.checked_add(wait);
        self.state = match self.we_refresh {
            true => State::Waiting {
                refresh_at: after(self.interval.refresh_after()),
                over_at: after(self.interval.length()),
            },
            false => State::Waiting {
                refresh_at: None,
                over_at: after(self.interval.give_up_after()),
            },
        };
    }

    /// The interval agreed on.
    pub fn interval(&self) -> SessionInterval {
        self.interval
    }

    /// Whether the refreshes are ours to send.
    pub fn we_refresh(&self) -> bool {
        self.we_refresh
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting {
                refresh_at,
                over_at,
            } => refresh_at.or(over_at),
            State::Refreshing { over_at } => over_at,
            State::Over => None,
        }
    }

    /// Says what is due. Called early or again, it says nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<SessionEvent> {
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        match self.state {
            State::Waiting { over_at, .. } | State::Refreshing { over_at } if due(over_at) => {
                self.state = State::Over;
                Some(SessionEvent::Expired)
            }
            State::Waiting {
                refresh_at,
                over_at,
            } if due(refresh_at) => {
                self.state = State::Refreshing { over_at };
                Some(SessionEvent::Refresh)
            }
            State::Waiting { .. } | State::Refreshing { .. } | State::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods)]
        // any instant will do, and there is no other way to one
        Instant::now()
    }

    fn timer(we: bool, now: Instant) -> SessionTimer {
        let refresher = if we { Refresher::Uac } else { Refresher::Uas };
        let agreed = Agreed {
            interval: SessionInterval::MIN,
            refresher,
            require_timer: true,
        };
        SessionTimer::new(&agreed, Refresher::Uac, now)
    }

    #[test]
    fn we_refresh() {
        let t0 = start();
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let mut timer = timer(true, t0);
        assert_eq!(timer.poll_timeout(), Some(at(45)));
        assert_eq!(timer.handle_timeout(at(44)), None);
        assert_eq!(timer.handle_timeout(at(45)), Some(SessionEvent::Refresh));
        assert_eq!(timer.handle_timeout(at(46)), None);
        timer.refreshed(at(47));
        assert_eq!(timer.poll_timeout(), Some(at(92)));
        assert_eq!(timer.handle_timeout(at(92)), Some(SessionEvent::Refresh));
        // Nothing comes of it.
        assert_eq!(timer.poll_timeout(), Some(at(137)));
        assert_eq!(timer.handle_timeout(at(137)), Some(SessionEvent::Expired));
        assert_eq!(timer.poll_timeout(), None);
        assert_eq!(timer.handle_timeout(at(500)), None);
    }

    #[test]
    fn they_refresh() {
        let t0 = start();
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let mut timer = timer(false, t0);
        assert_eq!(timer.poll_timeout(), Some(at(60)));
        timer.refreshed(at(50));
        assert_eq!(timer.handle_timeout(at(60)), None);
        assert_eq!(timer.handle_timeout(at(110)), Some(SessionEvent::Expired));
        assert_eq!(timer.handle_timeout(at(111)), None);
    }

    #[test]
    fn woken_far_too_late() {
        let t0 = start();
        let mut timer = timer(true, t0);
        let late = t0 + Duration::from_secs(90);
        assert_eq!(timer.handle_timeout(late), Some(SessionEvent::Expired));
    }
}
