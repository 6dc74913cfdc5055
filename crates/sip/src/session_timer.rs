//! Session timers: RFC 4028.
//!
//! The answering side calls [`negotiate`], the asking side [`SessionRequest`] and
//! [`from_response`]; both then run a [`SessionTimer`].

mod running;

use std::{fmt, time::Duration};

pub use self::running::{SessionEvent, SessionTimer};

/// How long a session may live without a refresh.
///
/// The value of a `Session-Expires` header, in whole seconds, never below [`Self::MIN`]. An IM
/// client offers one in every initial INVITE (IM-7.1.1.1-S7).
///
/// ```
/// use std::time::Duration;
/// use sip::session_timer::SessionInterval;
///
/// let interval = SessionInterval::from_secs(1800)?;
/// assert_eq!(interval.refresh_after(), Duration::from_secs(900));
/// assert_eq!(interval.give_up_after(), Duration::from_secs(1768));
/// # Ok::<(), sip::session_timer::TooShort>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SessionInterval(u32);

impl SessionInterval {
    /// The shortest interval there is: 90 seconds (RFC 4028 section 4).
    pub const MIN: Self = Self(90);

    /// The interval RFC 4028 section 4 recommends: 30 minutes.
    pub const RECOMMENDED: Self = Self(1800);

    /// Accepts an interval in seconds, as written on the wire.
    ///
    /// # Errors
    ///
    /// [`TooShort`] below 90 seconds (RFC 4028 section 4). A server answers 422 and says
    /// `Min-SE: 90`; a client tries again with 90.
    pub fn from_secs(seconds: u32) -> Result<Self, TooShort> {
        if seconds < Self::MIN.0 {
            return Err(TooShort { seconds });
        }
        Ok(Self(seconds))
    }

    /// The interval in seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }

    /// When the refresher sends its refresh: after half the interval (RFC 4028 7.2).
    pub fn refresh_after(self) -> Duration {
        self.length() / 2
    }

    /// When the side that waits for a refresh ends the session: before the interval is over, by 32
    /// seconds or a third of it, whichever is less (RFC 4028 section 10).
    pub fn give_up_after(self) -> Duration {
        let early = Duration::from_secs(32).min(self.length() / 3);
        self.length().saturating_sub(early)
    }

    fn length(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// An interval from a peer that should not have sent less than 90 and perhaps did.
    fn at_least_min(seconds: u32) -> Self {
        Self(seconds).max(Self::MIN)
    }
}

impl fmt::Display for SessionInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An interval below 90 seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a session interval of {seconds} s is too short, the least is 90 s")]
pub struct TooShort {
    /// What was asked for.
    pub seconds: u32,
}

/// Who sends the refreshes: the asking or the answering side of the request that settled it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

impl Refresher {
    /// Reads the `refresher` parameter.
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Uac, Self::Uas]
            .into_iter()
            .find(|side| side.name().eq_ignore_ascii_case(value))
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

impl fmt::Display for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an INVITE or UPDATE says about session timers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Requested {
    /// `Session-Expires`, in seconds, with its `refresher`.
    pub session_expires: Option<(u32, Option<Refresher>)>,
    /// `Min-SE`, in seconds.
    pub min_se: Option<u32>,
    /// `Supported: timer` is there.
    pub supports_timer: bool,
}

/// What the answering side wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionPolicy {
    /// The longest interval to agree to, and the one to ask for if the request asks for none.
    pub interval: SessionInterval,
    /// The shortest interval to agree to.
    pub min: SessionInterval,
    /// Who refreshes, where the request leaves the choice.
    pub refresher: Refresher,
}

/// The terms of a session, from its latest 2xx.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreed {
    /// `Session-Expires`.
    pub interval: SessionInterval,
    /// Its `refresher`.
    pub refresher: Refresher,
    /// The 2xx carries `Require: timer`.
    pub require_timer: bool,
}

/// The request is answered with 422 and this `Min-SE`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the session interval is too small, the least is {min_se} s")]
pub struct IntervalTooSmall {
    /// The least we agree to, never below 90 seconds.
    pub min_se: SessionInterval,
}

/// The answering side: the terms to write into the 2xx (RFC 4028 section 9).
///
/// # Errors
///
/// [`IntervalTooSmall`] if the interval is below our minimum, or below the request's own `Min-SE`.
pub fn negotiate(request: &Requested, ours: &SessionPolicy) -> Result<Agreed, IntervalTooSmall> {
    let least = ours
        .min
        .max(SessionInterval::at_least_min(request.min_se.unwrap_or(0)));
    let wanted = ours.interval.max(least);
    let interval = match request.session_expires {
        None => wanted,
        Some((seconds, _)) if seconds >= least.0 => SessionInterval(seconds).min(wanted),
        // RFC 4028 section 9: 422 is for a side that understands it.
        Some(_) if request.supports_timer => return Err(IntervalTooSmall { min_se: least }),
        // Some proxy wants the timer, not the caller. We refresh, and may not ask for longer.
        Some((seconds, _)) => SessionInterval::at_least_min(seconds),
    };
    let asked = request.session_expires.and_then(|(_, refresher)| refresher);
    // RFC 4028 section 9, table 2.
    let refresher = match (request.supports_timer, asked) {
        (false, _) => Refresher::Uas,
        (true, Some(refresher)) => refresher,
        (true, None) => ours.refresher,
    };
    Ok(Agreed {
        interval,
        refresher,
        // RFC 4028 section 9: with "uac" it must be there, with "uas" it should if the other side
        // understands it; and only a side that understands it gets "uac" from us.
        require_timer: request.supports_timer,
    })
}

/// The asking side: what to write into the INVITE or UPDATE, and what to learn from a 422.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionRequest {
    /// `Session-Expires`.
    pub interval: SessionInterval,
    /// Its `refresher`; `None` leaves the choice to the peer.
    pub refresher: Option<Refresher>,
    /// `Min-SE`; only once a peer or proxy has named one.
    pub min_se: Option<SessionInterval>,
}

impl SessionRequest {
    /// A first request. IM-7.1.1.1-S7: an IM client names itself the refresher.
    pub fn new(interval: SessionInterval) -> Self {
        Self {
            interval,
            refresher: Some(Refresher::Uac),
            min_se: None,
        }
    }

    /// A request in a dialog whose terms are known: the same interval and the same refresher, from
    /// where we stand (RFC 4028 7.4). `self` keeps the largest Min-SE met.
    #[must_use]
    pub fn refreshing(self, timer: &SessionTimer) -> Self {
        let refresher = match timer.we_refresh() {
            true => Refresher::Uac,
            false => Refresher::Uas,
        };
        Self {
            interval: timer
                .interval()
                .max(self.min_se.unwrap_or(SessionInterval::MIN)),
            refresher: Some(refresher),
            min_se: self.min_se,
        }
    }

    /// Takes note of a `Min-SE` in a request of the peer: RFC 4028 7.4 has it repeated.
    pub fn saw_min_se(&mut self, seconds: u32) {
        let met = SessionInterval::at_least_min(seconds);
        self.min_se = Some(self.min_se.map_or(met, |known| known.max(met)));
        self.interval = self.interval.max(met);
    }

    /// Takes note of a 422 and says whether to ask again, now with a longer interval.
    ///
    /// `false` if the 422 names no Min-SE or none above what was just asked for: asking again would
    /// only be refused again (RFC 4028 section 10), so the 422 is then final.
    #[must_use]
    pub fn refused(&mut self, min_se: Option<u32>) -> bool {
        match min_se {
            Some(seconds) if seconds > self.interval.0 => {
                self.saw_min_se(seconds);
                true
            }
            Some(_) | None => false,
        }
    }
}

/// The asking side: the terms that a 2xx sets (RFC 4028 7.2). `None` means that the session has no
/// timer, also if it had one before.
///
/// `session_expires` and `require_timer` are the response's. `alone` is the interval to keep up if
/// the peer knows nothing of timers; with `None` such a session has no timer, which is what IM
/// clients do (IM-7.1.1.1-OK-S1).
pub fn from_response(
    session_expires: Option<(u32, Option<Refresher>)>,
    require_timer: bool,
    alone: Option<SessionInterval>,
) -> Option<Agreed> {
    match session_expires {
        Some((seconds, refresher)) => Some(Agreed {
            interval: SessionInterval::at_least_min(seconds),
            // The parameter is always there. If it is not, one refresh too many does no harm.
            refresher: refresher.unwrap_or(Refresher::Uac),
            require_timer,
        }),
        None => alone.map(|interval| Agreed {
            interval,
            refresher: Refresher::Uac,
            require_timer,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn secs(seconds: u32) -> SessionInterval {
        SessionInterval::from_secs(seconds).unwrap()
    }

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods)]
        // any instant will do, and there is no other way to one
        Instant::now()
    }

    const POLICY: SessionPolicy = SessionPolicy {
        interval: SessionInterval(1800),
        min: SessionInterval(120),
        refresher: Refresher::Uac,
    };

    #[test]
    fn intervals() {
        assert_eq!(
            SessionInterval::from_secs(89),
            Err(TooShort { seconds: 89 })
        );
        // (interval, refresh after, give up after), in milliseconds
        let table = [
            (90, 45_000, 60_000),
            (91, 45_500, 60_667),
            (96, 48_000, 64_000),
            (1800, 900_000, 1_768_000),
        ];
        for (seconds, refresh, give_up) in table {
            let interval = secs(seconds);
            let near = interval.give_up_after().as_secs_f64() * 1000.0;
            assert_eq!(interval.refresh_after().as_millis(), refresh, "{seconds}");
            assert_eq!(near.round(), f64::from(give_up), "{seconds}");
        }
    }

    /// RFC 4028 section 9, table 2, each row.
    #[test]
    fn who_refreshes() {
        use Refresher::{Uac, Uas};
        // (UAC supports, refresher asked for, our preference, refresher answered, Require: timer)
        let table = [
            (false, None, Uac, Uas, false),
            (false, None, Uas, Uas, false),
            (false, Some(Uac), Uac, Uas, false), // "NA" in the table
            (false, Some(Uas), Uac, Uas, false), // "NA" in the table
            (true, None, Uac, Uac, true),
            (true, None, Uas, Uas, true),
            (true, Some(Uac), Uas, Uac, true),
            (true, Some(Uas), Uac, Uas, true),
        ];
        for (supports_timer, asked, refresher, answered, require_timer) in table {
            let request = Requested {
                session_expires: Some((600, asked)),
                min_se: None,
                supports_timer,
            };
            let policy = SessionPolicy {
                refresher,
                ..POLICY
            };
            let want = Agreed {
                interval: secs(600),
                refresher: answered,
                require_timer,
            };
            assert_eq!(negotiate(&request, &policy), Ok(want), "{request:?}");
        }
    }

    #[test]
    fn how_long() {
        let small = |seconds| {
            Err(IntervalTooSmall {
                min_se: secs(seconds),
            })
        };
        // (Session-Expires, Min-SE, supported, the interval answered)
        let table = [
            (None, None, true, Ok(1800)),
            (None, None, false, Ok(1800)),
            (None, Some(3600), true, Ok(3600)),
            (None, Some(1), true, Ok(1800)),
            (Some(1800), None, true, Ok(1800)),
            (Some(7200), None, true, Ok(1800)),
            (Some(7200), Some(3600), true, Ok(3600)),
            (Some(u32::MAX), None, true, Ok(1800)),
            (Some(120), None, true, Ok(120)),
            (Some(119), None, true, small(120)),
            (Some(0), None, true, small(120)),
            (Some(200), Some(300), true, small(300)),
            // A caller without support gets no 422 and nothing longer than was asked for.
            (Some(119), None, false, Ok(119)),
            (Some(30), None, false, Ok(90)),
        ];
        for (seconds, min_se, supports_timer, want) in table {
            let request = Requested {
                session_expires: seconds.map(|seconds| (seconds, None)),
                min_se,
                supports_timer,
            };
            let got = negotiate(&request, &POLICY).map(|agreed| agreed.interval.as_secs());
            assert_eq!(got, want, "{request:?}");
        }
    }

    /// IM-7.1.1.1-OK-S1: the timer runs with what the 200 says.
    #[test]
    fn what_a_response_sets() {
        use Refresher::{Uac, Uas};
        // (Session-Expires, Require: timer, kept up alone, terms)
        let table = [
            (Some((600, Some(Uac))), true, None, Some((600, Uac))),
            (Some((600, Some(Uas))), true, None, Some((600, Uas))),
            (
                Some((600, Some(Uas))),
                false,
                Some(secs(900)),
                Some((600, Uas)),
            ),
            (Some((600, None)), false, None, Some((600, Uac))),
            (Some((30, Some(Uas))), true, None, Some((90, Uas))),
            (None, false, None, None),
            (None, false, Some(secs(900)), Some((900, Uac))),
        ];
        for (session_expires, require, alone, want) in table {
            let got = from_response(session_expires, require, alone);
            let got = got.map(|agreed| (agreed.interval.as_secs(), agreed.refresher));
            assert_eq!(got, want, "{session_expires:?}");
        }
    }

    #[test]
    fn after_a_422() {
        let mut request = SessionRequest::new(secs(100));
        assert_eq!(request.refresher, Some(Refresher::Uac)); // IM-7.1.1.1-S7
        assert!(request.refused(Some(300)));
        assert_eq!(
            (request.interval, request.min_se),
            (secs(300), Some(secs(300)))
        );
        // The next hop wants still more, and then there is no more to give.
        assert!(request.refused(Some(600)));
        assert_eq!(request.interval, secs(600));
        assert!(!request.refused(Some(600)));
        assert!(!request.refused(Some(10)));
        assert!(!request.refused(None));
        assert_eq!(request.min_se, Some(secs(600)));
    }

    #[test]
    fn refreshes_keep_the_terms() {
        let now = start();
        let mut first = SessionRequest::new(secs(100));
        first.saw_min_se(700);
        first.saw_min_se(200);
        // (agreed interval, agreed refresher, asked again); we are the answering side
        let table = [
            (1800, Refresher::Uas, (1800, Refresher::Uac)),
            (1800, Refresher::Uac, (1800, Refresher::Uas)),
            (600, Refresher::Uas, (700, Refresher::Uac)),
        ];
        for (seconds, refresher, want) in table {
            let agreed = Agreed {
                interval: secs(seconds),
                refresher,
                require_timer: true,
            };
            let again = first.refreshing(&SessionTimer::new(&agreed, Refresher::Uas, now));
            assert_eq!((again.interval.as_secs(), again.refresher.unwrap()), want);
            assert_eq!(again.min_se, Some(secs(700)));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked(
            seconds: Option<u32>,
            min_se: Option<u32>,
            supports_timer: bool,
            least in 90_u32..4000,
            most in 90_u32..4000,
        ) {
            let request = Requested {
                session_expires: seconds.map(|seconds| (seconds, None)),
                min_se,
                supports_timer,
            };
            let policy = SessionPolicy {
                interval: secs(most),
                min: secs(least),
                refresher: Refresher::Uas,
            };
            match negotiate(&request, &policy) {
                Ok(agreed) => {
                    prop_assert!(agreed.interval >= SessionInterval::MIN);
                    if let Some(seconds) = seconds {
                        // RFC 4028 section 9: never longer than asked for.
                        prop_assert!(agreed.interval.as_secs() <= seconds.max(90));
                    }
                    if supports_timer {
                        prop_assert!(agreed.interval.as_secs() >= min_se.unwrap_or(0));
                    }
                    SessionTimer::new(&agreed, Refresher::Uas, start());
                }
                Err(too_small) => {
                    prop_assert!(supports_timer);
                    let retry = Requested {
                        session_expires: Some((too_small.min_se.as_secs(), None)),
                        ..request
                    };
                    prop_assert!(negotiate(&retry, &policy).is_ok());
                }
            }
        }
    }
}
