//! The subscriber's side of one subscription (RFC 6665 section 4.1).
//!
//! ```text
//!   Idle ──request──▶ Asking ──first NOTIFY──▶ Standing ──refresh due──▶ request, as often as
//!   needed
//!     ▲                  │  timer N, refusal        │
//!     │                  ▼                          │ terminated, 481, expiry
//!     │                 Over ◀──────────────────────┤ nothing to hope for
//!     └───────────────── Resting ◀──────────────────┘ worth another try, after a while
//! ```

use std::time::{Duration, Instant};

use super::Reason;
use crate::dialog::{Dialog, Outset, Refusal};
use crate::header::{Event, Expires, Header as _, MinExpires, RetryAfter, SubscriptionState};
use crate::{Draft, Method, Name, Request, Response};

/// What to subscribe to.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The From value, with its URI in `<>` and without tag.
    pub from: Box<str>,
    /// The To value, likewise.
    pub to: Box<str>,
    /// The URI to send to.
    pub target: Box<str>,
    /// The Route values to visit.
    pub route: Vec<Box<str>>,
    /// The Contact value.
    pub contact: Box<str>,
    /// The event package, with its id if it has one: the value of Event.
    pub package: Box<str>,
    /// The value of Accept.
    pub accept: Box<str>,
    /// How long a subscription is asked for, in seconds.
    pub expires: u32,
}

/// What makes a new subscription unlike any other: both random.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// The From tag.
    pub tag: Box<str>,
}

/// One subscription as its subscriber sees it.
#[derive(Debug)]
pub struct Subscriber {
    wanted: Wanted,
    /// 64*T1: how long the first NOTIFY may take (timer N).
    patience: Duration,
    /// Seconds asked for: what is wanted, or more after a 423.
    expires: u32,
    /// Times in a row a subscription was begun and soon came to nothing.
    attempts: u32,
    /// 401 and 407 in a row.
    challenges: u32,
    leaving: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Asking(Box<Asking>),
    Standing(Box<Standing>),
    Resting { until: Instant },
    Over,
}

/// Subscribed, but nobody has notified.
#[derive(Debug)]
struct Asking {
    outset: Outset,
    /// The SUBSCRIBE has no final response yet.
    unanswered: bool,
    timer_n: Instant,
}

/// There is a dialog.
#[derive(Debug)]
struct Standing {
    dialog: Dialog,
    since: Instant,
    expires_at: Instant,
    refresh_at: Instant,
    /// A SUBSCRIBE has no final response yet.
    unanswered: bool,
    /// The SUBSCRIBE that leaves has been sent.
    left: bool,
    /// When the NOTIFY to a SUBSCRIBE is overdue.
    timer_n: Option<Instant>,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Nothing but waiting for [`Subscriber::poll_timeout`].
    Wait,
    /// Call [`Subscriber::request`] and send what it gives.
    Subscribe,
    /// It is over.
    Over(End),
}

/// Why a subscription is over and will not be tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// We left.
    Left,
    /// The SUBSCRIBE was refused with this status.
    Refused(u16),
    /// Nobody notified or answered, or each new subscription ended at once, several times over.
    Silent,
    /// The notifier ended it for good.
    Told(Reason),
}

/// What a NOTIFY says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Notice<'a> {
    /// Its Subscription-State.
    pub state: SubscriptionState<'a>,
    /// What is to be done, after the NOTIFY has been answered with 200.
    pub next: Next,
}

/// The wait before the second new subscription in a row, doubled at each further one.
const RETRY_FIRST: Duration = Duration::from_secs(2);

/// The longest of these waits, and of those the notifier may ask for.
const RETRY_MAX: Duration = Duration::from_secs(3600);

/// New subscriptions in a row that came to nothing, before one gives up.
const ATTEMPTS_MAX: u32 = 8;

/// The longest subscription asked for, in seconds: a day. It keeps sums of times in bounds.
const EXPIRES_MAX: u32 = 86_400;

/// Challenges in a row that are answered: one for the credentials, one for a stale nonce.
const CHALLENGES_MAX: u32 = 2;

impl Subscriber {
    /// Prepares a subscription; [`Self::request`] begins it. `patience` is 64*T1.
    pub fn new(wanted: Wanted, patience: Duration) -> Self {
        Self {
            expires: wanted.expires.clamp(1, EXPIRES_MAX),
            wanted,
            patience,
            attempts: 0,
            challenges: 0,
            leaving: false,
            state: State::Idle,
        }
    }

    /// Begins the SUBSCRIBE that is due: a first one, outside any dialog and under a `fresh`
    /// identity, or one inside the dialog. `None` if none can be sent now, because one has no
    /// response yet or because it is over. The owner may add credentials.
    pub fn request(
        &mut self,
        fresh: impl FnOnce() -> Identity,
        via: &str,
        now: Instant,
    ) -> Option<Draft> {
        let timer_n = now + self.patience;
        let mut expires = self.expires;
        let mut draft = match &mut self.state {
            State::Standing(standing) if !standing.unanswered => {
                standing.unanswered = true;
                // RFC 6665 section 4.1.2.2: timer N runs for refreshes too.
                standing.timer_n = Some(timer_n);
                if self.leaving {
                    // RFC 6665 section 4.1.2.3.
                    expires = 0;
                    standing.left = true;
                }
                standing.dialog.request(&Method::Subscribe, via)
            }
            State::Asking(asking) if !asking.unanswered => {
                // Once more under the same identity, after a 423 or with credentials.
                asking.unanswered = true;
                asking.timer_n = timer_n;
                asking.outset.request(&Method::Subscribe, via)
            }
            State::Idle | State::Resting { .. } => {
                let mut outset = self.outset(&fresh());
                let draft = outset.request(&Method::Subscribe, via);
                self.state = State::Asking(Box::new(Asking {
                    outset,
                    unanswered: true,
                    timer_n,
                }));
                draft
            }
            State::Asking(_) | State::Standing(_) | State::Over => return None,
        };
        draft
            .header(Name::Event, &self.wanted.package)
            .header(Name::Accept, &self.wanted.accept)
            .header(Name::Expires, expires);
        Some(draft)
    }

    fn outset(&self, fresh: &Identity) -> Outset {
        let Wanted {
            from,
            to,
            target,
            route,
            contact,
            ..
        } = &self.wanted;
        Outset::new(&fresh.call_id, &fresh.tag, from, to, target, contact)
            .with_route(route.iter().cloned())
    }

    /// Leaves. While nobody has notified, the SUBSCRIBE that leaves waits for the first NOTIFY:
    /// before it there is no dialog to send it in.
    pub fn leave(&mut self) -> Next {
        self.leaving = true;
        match &self.state {
            State::Standing(standing) if !standing.unanswered && !standing.left => Next::Subscribe,
            State::Standing(_) | State::Asking(_) => Next::Wait,
            State::Idle | State::Resting { .. } | State::Over => self.end(End::Left),
        }
    }

    /// The SUBSCRIBE has a response. One to an earlier subscription changes nothing.
    pub fn response(&mut self, response: &Response, now: Instant) -> Next {
        let to_call = response.raw(Name::CallId).unwrap_or_default();
        if !response.is_final() || !self.take_unanswered(to_call) {
            return Next::Wait;
        }
        let retry_after = response.get::<RetryAfter<'_>>().ok().flatten();
        let retry_after = retry_after.map(|wait| Duration::from_secs(wait.seconds.into()));
        match response.status() {
            // RFC 6665 section 8.3.1: 202, of older notifiers, has no meaning of its own.
            200..=299 => self.accepted(response, now),
            401 | 407 if self.challenges < CHALLENGES_MAX => {
                self.challenges += 1;
                Next::Subscribe
            }
            423 => self.too_brief(response),
            status => self.refused(status, retry_after.unwrap_or_default(), now),
        }
    }

    /// The SUBSCRIBE with this Call-ID had no response, or could not be sent.
    pub fn failed(&mut self, call_id: &str, now: Instant) -> Next {
        if self.take_unanswered(call_id) {
            self.refused(408, Duration::ZERO, now)
        } else {
            Next::Wait
        }
    }

    /// Is a response awaited in this call? Then no longer.
    fn take_unanswered(&mut self, call_id: &str) -> bool {
        let same = self.call_id() == Some(call_id);
        match &mut self.state {
            State::Asking(asking) if same => std::mem::take(&mut asking.unanswered),
            State::Standing(standing) if same => std::mem::take(&mut standing.unanswered),
            _ => false,
        }
    }

    fn accepted(&mut self, response: &Response, now: Instant) -> Next {
        self.challenges = 0;
        // The notifier may shorten what was asked for, not lengthen it.
        let expires = response.get::<Expires>().ok().flatten();
        let expires = expires.map_or(self.expires, |expires| expires.0.min(self.expires));
        let patience = self.patience;
        // RFC 6665 section 4.1.2.4: while asking, only the NOTIFY makes it stand.
        let State::Standing(standing) = &mut self.state else {
            return Next::Wait;
        };
        // A Contact that cannot be read leaves the old one in place.
        let _ = standing.dialog.answered(&Method::Subscribe, response);
        // RFC 6665 section 4.1.2.2: with 204 there is no NOTIFY to wait for.
        if response.status() == 204 {
            standing.timer_n = None;
        }
        match (self.leaving, standing.left) {
            (false, _) => {
                standing.lives(expires, patience, now);
                Next::Wait
            }
            (true, false) => Next::Subscribe,
            (true, true) => Next::Wait,
        }
    }

    fn too_brief(&mut self, response: &Response) -> Next {
        match response.get::<MinExpires>() {
            Ok(Some(MinExpires(least))) if least > self.expires && least <= EXPIRES_MAX => {
                self.expires = least;
                Next::Subscribe
            }
            _ => self.end(End::Refused(423)),
        }
    }

    fn refused(&mut self, status: u16, retry_after: Duration, now: Instant) -> Next {
        if self.leaving {
            return self.end(End::Left);
        }
        match (&mut self.state, status) {
            // RFC 6665 section 4.1.2.2: gone there; what these say, a new one may find otherwise.
            (_, 480 | 481) => self.again(retry_after, now),
            // ... and these end it.
            (State::Standing(_), 404 | 405 | 410 | 416 | 482..=485 | 489 | 501 | 604) => {
                self.end(End::Refused(status))
            }
            // RFC 6665 section 4.1.2.2: others leave it standing until it expires.
            (State::Standing(standing), _) => {
                let left = standing.expires_at.saturating_duration_since(now);
                let wait = (left / 2).max(retry_after.min(left)).max(RETRY_FIRST);
                standing.refresh_at = now + wait;
                standing.timer_n = None;
                Next::Wait
            }
            (_, 408 | 500 | 503 | 504) => self.again(retry_after, now),
            _ => self.end(End::Refused(status)),
        }
    }

    /// Takes a NOTIFY that came to our Contact.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says how it is answered: 481 if it is not for this subscription, such as the
    /// one of a second fork, 500 if it is older than one before, 400 if it cannot be read.
    pub fn notify<'a>(
        &mut self,
        request: &'a Request,
        now: Instant,
    ) -> Result<Notice<'a>, Refusal> {
        // RFC 6665 section 4.1.3: another event is of another subscription, 481.
        if request.require::<Event<'_>>()? != Event::parse(&self.wanted.package)? {
            return Err(Refusal::NoDialog);
        }
        let state = request.require::<SubscriptionState<'_>>()?;
        self.join(request, now)?;
        let next = if state.is_terminated() {
            let reason = state.reason.map_or(Reason::Unknown, Reason::parse);
            self.terminated(reason, state.retry_after, now)
        } else {
            self.standing(state.expires, now)
        };
        Ok(Notice { state, next })
    }

    /// The first NOTIFY makes the dialog; those of other forks belong to none. RFC 6665 section
    /// 4.1.4 leaves it to the event package how many are kept: here it is one.
    fn join(&mut self, request: &Request, now: Instant) -> Result<(), Refusal> {
        match &mut self.state {
            State::Standing(standing) => standing.dialog.receive(request),
            State::Asking(asking) => {
                let dialog = Dialog::notified(&asking.outset, request)?;
                let mut standing = Standing {
                    dialog,
                    since: now,
                    expires_at: now,
                    refresh_at: now,
                    unanswered: asking.unanswered,
                    left: false,
                    timer_n: None,
                };
                standing.lives(self.expires, self.patience, now);
                self.state = State::Standing(Box::new(standing));
                Ok(())
            }
            State::Idle | State::Resting { .. } | State::Over => Err(Refusal::NoDialog),
        }
    }

    fn standing(&mut self, expires: Option<u32>, now: Instant) -> Next {
        let (patience, most) = (self.patience, self.expires);
        let State::Standing(standing) = &mut self.state else {
            return Next::Wait;
        };
        standing.timer_n = None;
        match (self.leaving, standing.left || standing.unanswered) {
            (false, _) => {
                if let Some(expires) = expires {
                    standing.lives(expires.min(most), patience, now);
                }
                Next::Wait
            }
            (true, false) => Next::Subscribe,
            (true, true) => {
                // The NOTIFY to an earlier SUBSCRIBE; the last one is still to come.
                standing.timer_n = Some(now + patience);
                Next::Wait
            }
        }
    }

    /// RFC 6665 section 4.1.3: what to do depends on the reason.
    fn terminated(&mut self, reason: Reason, retry_after: Option<u32>, now: Instant) -> Next {
        if self.leaving {
            return self.end(End::Left);
        }
        let wait = Duration::from_secs(retry_after.unwrap_or(0).into());
        match reason {
            Reason::Deactivated | Reason::Timeout => self.again(Duration::ZERO, now),
            // Without retry-after at once, though it is unlikely to be of use: not that hastily.
            Reason::Giveup | Reason::Probation | Reason::Unknown => {
                self.again(wait.max(RETRY_FIRST), now)
            }
            Reason::Invariant | Reason::NoResource | Reason::Rejected => {
                self.end(End::Told(reason))
            }
        }
    }

    /// Begins anew: at once the first time, later and later if it keeps coming to nothing.
    fn again(&mut self, wait: Duration, now: Instant) -> Next {
        if self.leaving {
            return self.end(End::Left);
        }
        if let State::Standing(standing) = &self.state
            && now.saturating_duration_since(standing.since) > self.patience
        {
            self.attempts = 0;
        }
        self.challenges = 0;
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            return self.end(End::Silent);
        }
        let backoff = match self.attempts {
            1 => Duration::ZERO,
            n => RETRY_FIRST * (1 << (n - 2)),
        };
        let wait = wait.max(backoff).min(RETRY_MAX);
        if wait.is_zero() {
            self.state = State::Idle;
            return Next::Subscribe;
        }
        let until = now + wait;
        self.state = State::Resting { until };
        Next::Wait
    }

    fn end(&mut self, end: End) -> Next {
        self.state = State::Over;
        Next::Over(end)
    }

    /// When [`Self::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::Over => None,
            State::Resting { until } => Some(*until),
            State::Asking(asking) => Some(asking.timer_n),
            State::Standing(standing) => {
                let busy = standing.unanswered || self.leaving;
                let refresh = Some(standing.refresh_at).filter(|_| !busy);
                [Some(standing.expires_at), refresh, standing.timer_n]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Next {
        match &self.state {
            State::Resting { until } if now >= *until => {
                self.state = State::Idle;
                Next::Subscribe
            }
            // RFC 6665 section 4.1.2.4: timer N, nobody has notified.
            State::Asking(asking) if now >= asking.timer_n => self.again(RETRY_FIRST, now),
            State::Standing(standing)
                if now >= standing.expires_at || standing.timer_n.is_some_and(|at| now >= at) =>
            {
                self.again(Duration::ZERO, now)
            }
            State::Standing(standing)
                if now >= standing.refresh_at && !standing.unanswered && !self.leaving =>
            {
                Next::Subscribe
            }
            State::Idle
            | State::Over
            | State::Resting { .. }
            | State::Asking(_)
            | State::Standing(_) => Next::Wait,
        }
    }

    /// The Call-ID of the subscription under way.
    pub fn call_id(&self) -> Option<&str> {
        match &self.state {
            State::Asking(asking) => Some(asking.outset.call_id()),
            State::Standing(standing) => Some(standing.dialog.id().call_id()),
            State::Idle | State::Resting { .. } | State::Over => None,
        }
    }

    /// The dialog, once somebody has notified.
    pub fn dialog(&self) -> Option<&Dialog> {
        match &self.state {
            State::Standing(standing) => Some(&standing.dialog),
            State::Idle | State::Asking(_) | State::Resting { .. } | State::Over => None,
        }
    }
}

impl Standing {
    /// It lives for so many seconds from now. A refresh goes out one transaction's time before
    /// the end, or at half of a short life.
    fn lives(&mut self, expires: u32, patience: Duration, now: Instant) {
        let life = Duration::from_secs(expires.into());
        let refresh = if life >= patience * 2 {
            life.saturating_sub(patience)
        } else {
            life / 2
        };
        self.expires_at = now + life;
        self.refresh_at = now + refresh;
    }
}
