//! The link: the session between two domains, as seen from one of them.
//!
//! A [`Link`] does no I/O and reads no clock. Its owner hands in what the peer posts
//! ([`Link::receive`]) and the time ([`Link::handle_timeout`] when [`Link::poll_timeout`] says so),
//! and after each call takes out what is to be posted ([`Link::poll_transmit`]) and what has
//! happened ([`Link::poll_event`]). Chance is a seed.
//!
//! ```text
//!   down ──dial──▶ handshake ──six steps──▶ up ──logout, silence──▶ down
//!    ▲                 │
//!    └─────wait────────┘ refused, timed out
//! ```
//!
//! Two one-way connections make the link: everything that goes out is a POST, and what the HTTP
//! response to it says is of no matter. So everything can be lost, doubled and overtaken. A request
//! is sent again under the same id until it is answered or given up; the peer's request that comes
//! again is answered again and not told twice.
//!
//! A peer is known by where its answers are posted to, which the owner looks up by itself and never
//! takes from a message: whoever reads a secret that was sent there is the peer. A handshake runs
//! beside the session there may be and replaces it only when both have proven to know the other's
//! secret; so nobody can end a session by pretending to be the peer.
//!
//! ```
//! use imps::ssp::Message;
//! use imps::ssp::link::{Link, Settings};
//!
//! # let now = std::time::Instant::now();
//! let mut a = Link::new(Settings::new("wv:@a.com", "wv:@b.com"), [1; 16])?;
//! let mut b = Link::new(Settings::new("wv:@b.com", "wv:@a.com"), [2; 16])?;
//! a.dial(now);
//! // Each body would be a POST; here it is handed over.
//! let mut turns = [&mut a, &mut b].into_iter();
//! let (mut from, mut to) = (turns.next().unwrap(), turns.next().unwrap());
//! while let Some(transmit) = from.poll_transmit() {
//!     to.receive(&Message::parse(&transmit.body)?, now);
//!     (from, to) = (to, from);
//! }
//! assert!(from.is_up() && to.is_up());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod event;
mod handshake;
mod ids;
mod requests;
mod session;
mod settings;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use answers::{MAX_ANSWER_BYTES, MAX_ANSWERS};
pub use event::{Down, Event, Failure, NotAsked, NotSent, Refusal, Ticket, Transmit};
pub use settings::{MIN_TIME_TO_LIVE, Settings, SettingsError};

use super::{Message, Mode, Secret};
use crate::id::Address;
use handshake::Handshake;
use ids::Ids;
use session::Session;

/// The longest id of a transaction or a session that a peer may use, in bytes: ids are kept.
pub const MAX_ID: usize = 256;

/// The longest secret that a peer may have, in bytes.
pub const MAX_SECRET: usize = 1024;

/// How many bodies wait to be posted at most. What comes on top is lost like anything on the way;
/// only the peer's repetitions can cause so many.
pub const MAX_TRANSMITS: usize = 1024;

/// How many events wait at most before refusals are left out. Everything else is bounded by what
/// may be under way.
pub const MAX_EVENTS: usize = 1024;

/// The session between two domains, or the attempt at one.
#[derive(Debug)]
pub struct Link {
    settings: Settings,
    own: Address,
    peer: Address,
    secret: Secret,
    ids: Ids,
    tickets: u64,
    handshake: Option<Handshake>,
    session: Option<Session>,
    /// The owner wants a session.
    wanted: bool,
    /// Dialing waits until then.
    redial_at: Option<Instant>,
    /// How many handshakes have failed in a row.
    failures: u32,
    farewell: Option<Farewell>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

/// A logout of the peer's, for when it comes again because the answer was lost.
#[derive(Debug)]
struct Farewell {
    own_session: String,
    peer_session: String,
    transaction_id: String,
}

impl Link {
    /// A link that is down. The seed has to be random and secret: session ids, transaction ids and,
    /// if none is configured, the secret are made of it.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] says what is wrong with the settings.
    pub fn new(settings: Settings, seed: [u8; 16]) -> Result<Self, SettingsError> {
        let (mut settings, own, peer) = settings.checked()?;
        let mut ids = Ids::new(seed);
        let made_up = Secret::new(ids.next());
        let secret = settings.secret.take().unwrap_or(made_up);
        Ok(Self {
            settings,
            own,
            peer,
            secret,
            ids,
            tickets: 0,
            handshake: None,
            session: None,
            wanted: false,
            redial_at: None,
            failures: 0,
            farewell: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// There is a session, and it is not being closed.
    pub fn is_up(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| !session.leaving)
    }

    /// Wants a session from now on. The link dials, at once or when the wait after a failure is
    /// over, and again after each failure, until [`Self::close`].
    pub fn dial(&mut self, now: Instant) {
        self.wanted = true;
        self.redial(now);
    }

    /// Wants no session any more. What is under way fails, the peer is told, and the link is down
    /// once it has answered or could not be reached.
    pub fn close(&mut self, now: Instant) {
        self.wanted = false;
        if self.handshake.take().is_some() && self.session.is_none() {
            self.events.push_back(Event::Down(Down::Closed));
        }
        self.log_out(now);
    }

    /// Whether a message is for this link and no other: for an owner that has several. It belongs
    /// to the session or the handshake of this link, or says that it comes from this peer.
    pub fn is_for(&self, message: &Message) -> bool {
        match message {
            Message::Setup {
                transaction_id,
                body,
                ..
            } => match body.service() {
                Some(service) => self.is_peer(service),
                None => self.is_handshake(transaction_id),
            },
            Message::Session { session_id, .. } => {
                let session = self.session.as_ref().map(|session| &session.own_id);
                let farewell = self.farewell.as_ref().map(|farewell| &farewell.own_session);
                [session, farewell].contains(&Some(session_id))
            }
        }
    }

    /// Takes a message that the peer has posted, or somebody in its name.
    pub fn receive(&mut self, message: &Message, now: Instant) {
        match message {
            Message::Setup {
                mode,
                transaction_id,
                body,
            } => self.step(*mode, transaction_id, body, now),
            Message::Session {
                session_id,
                transactions,
                refused,
            } => {
                if !self.is_in_session(session_id, transactions, now) {
                    return;
                }
                for transaction in transactions {
                    self.transaction(transaction, now);
                }
                for refused in refused {
                    self.unreadable(refused, now);
                }
            }
        }
    }

    /// A POST could not be made. It is as good as lost; if it was the last try, there is no need to
    /// wait for an answer.
    pub fn posted_failed(&mut self, transaction_id: &str, now: Instant) {
        self.handshake_unheard(transaction_id);
        self.unreachable(transaction_id, now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let redial = self.redial_at.filter(|_| self.is_idle());
        let handshake = self.handshake.as_ref().map(Handshake::timeout);
        let session = self.session.as_ref().map(Session::timeout);
        [redial, handshake, session].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handshake_timeout(now);
        self.session_timeout(now);
        self.redial(now);
    }

    /// The next body to post, each in a POST of its own.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing that has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A session is wanted, and nothing is done about it.
    fn is_idle(&self) -> bool {
        self.wanted && self.session.is_none() && self.handshake.is_none()
    }

    /// Dials, if that is wanted and the wait is over.
    fn redial(&mut self, now: Instant) {
        if self.is_idle() && self.redial_at.is_none_or(|at| at <= now) {
            self.redial_at = None;
            self.start_handshake(now);
        }
    }

    /// Waits before dialing again: longer after each failure in a row.
    fn back_off(&mut self, now: Instant) {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let wait = self.settings.redial_min.saturating_mul(doubled);
        self.redial_at = Some(later(now, wait.min(self.settings.redial_max)));
        self.failures = self.failures.saturating_add(1).min(30);
    }

    fn refuse(&mut self, why: Refusal) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(Event::Refused(why));
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        if self.transmits.len() < MAX_TRANSMITS {
            self.transmits.push_back(transmit);
        }
    }
}

/// A later time. Waits are bounded where they are set; should the clock end before, it is now.
fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}
