//! The notifier's side of one subscription (RFC 6665 section 4.2).
//!
//! ```text
//!   SUBSCRIBE ──▶ Pending ──activate──▶ Active        each 2xx to a SUBSCRIBE: a NOTIFY is due
//!                    │                    │
//!                    └──expiry, Expires: 0, terminate──▶ Ending ──final NOTIFY answered──▶ Over
//!                                                                      ▲
//!   a NOTIFY fails ────────────────────────────────────────────────────┘
//! ```
//!
//! One NOTIFY is under way at a time. What happens meanwhile is told by the next one, so a slow
//! subscriber gets fewer of them, not a queue.

use std::time::{Duration, Instant};

use super::{Reason, Wish};
use crate::dialog::{Dialog, Refusal};
use crate::header::{Event, RetryAfter, SubscriptionState, Substate};
use crate::{Draft, Method, Name, Request, Response};

/// One subscription as its notifier sees it.
#[derive(Debug)]
pub struct Notifier {
    dialog: Dialog,
    package: &'static str,
    id: Option<Box<str>>,
    content_type: &'static str,
    phase: Phase,
    expires_at: Instant,
    /// There is something to tell.
    due: bool,
    /// A NOTIFY has not been answered.
    outstanding: bool,
    /// The one outstanding was the last.
    last_sent: bool,
    /// A subscriber that was busy is left alone until then.
    not_before: Option<Instant>,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Nobody has decided yet whether the subscriber may watch.
    Pending,
    /// It is being told.
    Active,
    /// The final NOTIFY is due or under way.
    Ending {
        /// Why.
        reason: Reason,
        /// When to come again, in seconds.
        retry_after: Option<u32>,
    },
    /// Nothing more will be sent.
    Over,
}

/// The longest a busy subscriber's Retry-After is obeyed: beyond it the subscription has better
/// expired.
const RETRY_MAX: u32 = 3600;

impl Notifier {
    /// A subscription that has just been accepted with 200; the first NOTIFY is due at once, even
    /// while it is pending (RFC 6665 section 4.2.1.2).
    ///
    /// `dialog` is the one the SUBSCRIBE made, `package` that of the terms.
    pub fn new(dialog: Dialog, package: &'static str, wish: &Wish, now: Instant) -> Self {
        let mut dialog = dialog;
        dialog.confirm();
        let mut notifier = Self {
            dialog,
            package,
            id: wish.id.clone(),
            content_type: wish.content_type,
            phase: Phase::Pending,
            expires_at: now,
            due: true,
            outstanding: false,
            last_sent: false,
            not_before: None,
        };
        notifier.grant(wish, now);
        notifier
    }

    /// The subscriber may watch. Told at once if it was pending.
    pub fn activate(&mut self) {
        if self.phase == Phase::Pending {
            self.phase = Phase::Active;
            self.due = true;
        }
    }

    /// Checks a later SUBSCRIBE inside the dialog: call it before [`super::Terms::read`], and
    /// [`Self::refresh`] after.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: of the dialog, or 481 when the subscription is over or is another one.
    pub fn receive(&mut self, subscribe: &Request) -> Result<(), Refusal> {
        if matches!(self.phase, Phase::Ending { .. } | Phase::Over) {
            return Err(Refusal::NoDialog);
        }
        let event = subscribe.get::<Event<'_>>()?;
        if event.is_some_and(|event| event.package == self.package && event != self.event()) {
            return Err(Refusal::NoDialog);
        }
        self.dialog.receive(subscribe)
    }

    /// Prolongs the subscription, or ends it if the wish is for 0 seconds. Either way a NOTIFY is
    /// due, with the full state.
    pub fn refresh(&mut self, wish: &Wish, now: Instant) {
        if matches!(self.phase, Phase::Pending | Phase::Active) {
            self.content_type = wish.content_type;
            self.grant(wish, now);
        }
    }

    fn grant(&mut self, wish: &Wish, now: Instant) {
        self.due = true;
        self.expires_at = now + Duration::from_secs(wish.expires.into());
        if wish.expires == 0 {
            // RFC 6665 section 4.2.1.4.
            self.terminate(Reason::Timeout, None);
        }
    }

    /// Something happened that the subscriber is to be told.
    pub fn changed(&mut self) {
        if matches!(self.phase, Phase::Pending | Phase::Active) {
            self.due = true;
        }
    }

    /// Ends the subscription with a last NOTIFY.
    pub fn terminate(&mut self, reason: Reason, retry_after: Option<u32>) {
        if matches!(self.phase, Phase::Pending | Phase::Active) {
            self.due = true;
            self.phase = Phase::Ending {
                reason,
                retry_after,
            };
        }
    }

    /// Is a NOTIFY to be sent now?
    pub fn wants_notify(&self, now: Instant) -> bool {
        let busy = self.not_before.is_some_and(|at| now < at);
        self.due && !self.outstanding && !busy && self.phase != Phase::Over
    }

    /// Begins the NOTIFY that [`Self::wants_notify`] asked for; the owner adds the body, of
    /// [`Self::content_type`], sends it and reports back with [`Self::answered`] or
    /// [`Self::failed`]. A NOTIFY of a pending subscription must not show what is watched.
    pub fn notify(&mut self, via: &str, now: Instant) -> Draft {
        self.due = false;
        self.outstanding = true;
        self.not_before = None;
        self.last_sent = matches!(self.phase, Phase::Ending { .. } | Phase::Over);
        let state = self.state(now);
        let mut draft = self.dialog.request(&Method::Notify, via);
        draft
            .header(Name::Event, self.event())
            .header(Name::SubscriptionState, state);
        draft
    }

    fn event(&self) -> Event<'_> {
        Event {
            package: self.package,
            id: self.id.as_deref(),
        }
    }

    fn state(&self, now: Instant) -> SubscriptionState<'static> {
        let left = self.expires_at.saturating_duration_since(now).as_secs();
        let expires = u32::try_from(left).unwrap_or(u32::MAX);
        match self.phase {
            Phase::Pending => SubscriptionState::pending(expires),
            Phase::Active => SubscriptionState::active(expires),
            Phase::Ending {
                reason,
                retry_after,
            } => terminated(reason.as_str(), retry_after),
            Phase::Over => terminated(None, None),
        }
    }

    /// The NOTIFY has its final response.
    ///
    /// A 2xx is what one hopes for. With 503 or 500 and Retry-After the state is told again after
    /// that time. Anything else ends the subscription: the subscriber is gone or does not
    /// understand (RFC 6665 section 4.2.2 requires it for 481 and others).
    pub fn answered(&mut self, response: &Response, now: Instant) {
        if !response.is_final() {
            return;
        }
        self.outstanding = false;
        let retry_after = response.get::<RetryAfter<'_>>().ok().flatten();
        match (response.status(), retry_after) {
            _ if self.last_sent => self.phase = Phase::Over,
            (200..=299, _) => {
                // A Contact that cannot be read leaves the old one in place.
                let _ = self.dialog.answered(&Method::Notify, response);
            }
            (500 | 503, Some(RetryAfter { seconds, .. })) => {
                self.due = true;
                let wait = Duration::from_secs(seconds.min(RETRY_MAX).into());
                self.not_before = Some(now + wait);
            }
            _ => self.phase = Phase::Over,
        }
    }

    /// The NOTIFY had no answer, or could not be sent (RFC 6665 section 4.2.2: timer F ends the
    /// subscription).
    pub const fn failed(&mut self) {
        self.outstanding = false;
        self.phase = Phase::Over;
    }

    /// When [`Self::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let expiry = match self.phase {
            Phase::Pending | Phase::Active => Some(self.expires_at),
            Phase::Ending { .. } => None,
            Phase::Over => return None,
        };
        let retry = self.not_before.filter(|_| !self.outstanding);
        match (expiry, retry) {
            (Some(expiry), Some(retry)) => Some(expiry.min(retry)),
            (one, other) => one.or(other),
        }
    }

    /// Ends the subscription if nobody has refreshed it, and lets a busy subscriber be told
    /// again; ask [`Self::wants_notify`] afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.not_before = self.not_before.filter(|at| now < *at);
        if now >= self.expires_at {
            // RFC 6665 section 4.2.1.4.
            self.terminate(Reason::Timeout, None);
        }
    }

    /// How it stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Is it over, so that it can be dropped?
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The body type of its NOTIFYs.
    pub const fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The dialog it stands in.
    pub const fn dialog(&self) -> &Dialog {
        &self.dialog
    }
}

fn terminated(
    reason: Option<&'static str>,
    retry_after: Option<u32>,
) -> SubscriptionState<'static> {
    SubscriptionState {
        state: Substate::Terminated,
        reason,
        expires: None,
        retry_after,
    }
}
