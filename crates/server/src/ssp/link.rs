//! One link at work: what goes out, what comes in, and who waits for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::ssp::link::{Event, Link, NotSent, Settings, Ticket};
use imps::ssp::{Message, Primitive, Secret};
use rustls::pki_types::ServerName;
use tokio::sync::{Notify, mpsc, oneshot};
use world::Rng;

use super::place::{self, Place};
use super::post::Postman;
use super::{desk, seats};
use crate::config::{Setup, SspPeer};
use crate::house::House;
use crate::net::Certified;

/// Bodies that wait to be posted. What comes on top counts as lost, and is sent again.
const OUTGOING: usize = 1024;

/// Requests of the peer that wait to be carried out: as many as a link takes at a time.
const ASKED: usize = 256;

/// How long the link may wait when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The way to one other domain.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The domain, in small letters.
    pub(crate) domain: String,
    /// Our own service, and the peer's: `wv:@domain`.
    pub(super) own: String,
    pub(super) peer: String,
    /// Where the peer is, and where it wants to be reached for the time being.
    place: Place,
    /// The names that its certificate may have, one of which it has to show with what it posts;
    /// `None` if it comes without TLS.
    certified: Option<Vec<ServerName<'static>>>,
    moved: Mutex<Option<Place>>,
    link: Mutex<Link>,
    waiting: Mutex<BTreeMap<Ticket, oneshot::Sender<Result<Primitive, Failure>>>>,
    /// The link has something to do.
    stir: Notify,
    /// Told whenever it has come up.
    up: Notify,
}

/// Why the peer's answer did not come.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no session with the peer.
    #[error("the other domain cannot be reached now")]
    Down,
    /// Too much is asked of the peer already.
    #[error("too many requests to the other domain are without an answer")]
    Busy,
    /// It was asked, and it is not known what came of it.
    #[error("the other domain has not answered: {0}")]
    NoAnswer(String),
}

impl Gate {
    pub(super) fn new(setup: &Setup, peer: &SspPeer, rng: &mut Rng) -> Result<Arc<Self>, String> {
        let own = format!("wv:@{}", setup.domain);
        let domain = peer.domain.to_ascii_lowercase();
        let service = format!("wv:@{domain}");
        let given = |secret: &Option<String>| {
            let secret = secret.as_ref().filter(|secret| !secret.is_empty());
            secret.map(|secret| Secret::new(secret.as_bytes()))
        };
        let settings = Settings {
            secret: given(&setup.ssp_secret),
            peer_secret: given(&peer.secret),
            ..Settings::new(own.clone(), service.clone())
        };
        let mut seed = [0; 16];
        let (one, two) = (rng.u64().to_be_bytes(), rng.u64().to_be_bytes());
        for (to, from) in seed.iter_mut().zip(one.into_iter().chain(two)) {
            *to = from;
        }
        let link = Link::new(settings, seed);
        let link = link.map_err(|error| format!("{domain}: {error}"))?;
        let gate = Self {
            domain,
            own,
            peer: service,
            link: Mutex::new(link),
            waiting: Mutex::default(),
            stir: Notify::new(),
            up: Notify::new(),
            place: Place::of(peer),
            certified: match peer.is_secure() {
                true => Some(place::names(peer)?),
                false => None,
            },
            moved: Mutex::default(),
        };
        Ok(Arc::new(gate))
    }

    /// Is what came with this certificate, or without one, to be taken for the peer's?
    pub(super) fn admits(&self, shown: Option<&Certified>) -> bool {
        let Some(names) = &self.certified else {
            return true;
        };
        shown.is_some_and(|shown| names.iter().any(|name| shown.names(name)))
    }

    /// Where the peer is posted to now.
    pub(super) fn place(&self) -> Place {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.as_ref().unwrap_or(&self.place).clone()
    }

    fn move_to(&self, place: Option<Place>) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// The peer wants to be reached elsewhere, and is: after a while, so that two places that
    /// redirect to each other do not make the link spin.
    fn redirected(&self, address: &str, now: Instant) {
        let peer = self.domain.as_str();
        match self.place.instead(peer, address) {
            Ok(place) => {
                tracing::info!(peer, address, "another domain is reached elsewhere");
                self.move_to(Some(place));
            }
            Err(why) => {
                tracing::warn!(peer, address, why, "a redirect is not followed");
                self.move_to(None);
            }
        }
        self.link().dial(now);
        self.stir.notify_one();
    }

    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is there a session with the peer?
    pub(super) fn is_up(&self) -> bool {
        self.link().is_up()
    }

    /// The peer has posted something, or somebody in its name.
    pub(super) fn came(&self, message: &Message, now: Instant) {
        self.link().receive(message, now);
        self.stir.notify_one();
    }

    /// Asks the peer, and waits for its answer.
    pub(super) async fn ask(
        &self,
        house: &House,
        primitive: Primitive,
    ) -> Result<Primitive, Failure> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let now = house.world.clock.now();
            let ticket = self
                .link()
                .request(primitive, now)
                .map_err(|why| match why {
                    NotSent::Busy => Failure::Busy,
                    _ => Failure::Down,
                })?;
            waiting.insert(ticket, answer);
        }
        self.stir.notify_one();
        answered.await.unwrap_or(Err(Failure::Down))
    }

    /// Answers what the peer has asked. It may have given up meanwhile.
    pub(super) fn answer(&self, transaction_id: &str, primitive: Primitive) {
        if let Err(error) = self.link().answer(transaction_id, primitive) {
            tracing::debug!(peer = self.domain, transaction_id, %error, "an answer is too late");
        }
        self.stir.notify_one();
    }

    /// A body could not be posted.
    pub(super) fn not_posted(&self, transaction_id: &str, now: Instant) {
        self.move_to(None);
        self.link().posted_failed(transaction_id, now);
        self.stir.notify_one();
    }

    /// Waits until the link comes up the next time.
    pub(super) async fn comes_up(&self) {
        self.up.notified().await;
    }

    fn settle(&self, ticket: Ticket, answer: Result<Primitive, Failure>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(to) = waiting.remove(&ticket) {
            // Nobody waits any more for an answer that is not wanted.
            let _ = to.send(answer);
        }
    }
}

impl Gate {
    /// Begins to dial.
    pub(super) fn run(self: Arc<Self>, house: &Arc<House>) {
        let gate = self;
        let (out, bodies) = mpsc::channel(OUTGOING);
        let (asked, requests) = mpsc::channel(ASKED);
        let tasks = &house.world.tasks;
        let postman = Postman::new(Arc::clone(house), Arc::clone(&gate));
        tasks.spawn("ssp post", postman.run(bodies));
        tasks.spawn(
            "ssp desk",
            desk::run(Arc::clone(house), Arc::clone(&gate), requests),
        );
        let work = work(Arc::clone(house), gate, out, asked);
        tasks.spawn("ssp link", work);
    }
}

/// Works for one link, until the server ends.
async fn work(
    house: Arc<House>,
    gate: Arc<Gate>,
    out: mpsc::Sender<imps::ssp::link::Transmit>,
    asked: mpsc::Sender<desk::Asked>,
) {
    let clock = house.world.clock;
    gate.link().dial(clock.now());
    loop {
        let (transmits, events, wake) = {
            let mut link = gate.link();
            let transmits: Vec<_> = std::iter::from_fn(|| link.poll_transmit()).collect();
            let events: Vec<_> = std::iter::from_fn(|| link.poll_event()).collect();
            (transmits, events, link.poll_timeout())
        };
        for transmit in transmits {
            // Lost like anything on the way: it is sent again.
            let _ = out.try_send(transmit);
        }
        for event in events {
            happened(&house, &gate, event, &asked);
        }
        let wake = wake.unwrap_or_else(|| clock.now() + IDLE);
        tokio::select! {
            biased;
            () = gate.stir.notified() => {}
            () = clock.sleep_until(wake) => gate.link().handle_timeout(clock.now()),
        }
    }
}

fn happened(house: &Arc<House>, gate: &Arc<Gate>, event: Event, asked: &mpsc::Sender<desk::Asked>) {
    let peer = gate.domain.as_str();
    match event {
        Event::Up => {
            tracing::info!(peer, "the link to another domain is up");
            gate.up.notify_waiters();
            let again = seats::take_again(Arc::clone(house), Arc::clone(gate));
            house.world.tasks.spawn("ssp seats", again);
        }
        Event::Down(why) => tracing::info!(peer, %why, "the link to another domain is down"),
        Event::Asked {
            transaction_id,
            primitive,
        } => {
            let request = desk::Asked {
                transaction_id,
                primitive,
            };
            if let Err(error) = asked.try_send(request) {
                let request = error.into_inner();
                gate.answer(&request.transaction_id, desk::busy());
            }
        }
        Event::Answered { ticket, primitive } => gate.settle(ticket, Ok(primitive)),
        Event::Failed { ticket, why } => {
            gate.settle(ticket, Err(Failure::NoAnswer(why.to_string())));
        }
        Event::Refused(why) => {
            tracing::warn!(peer, %why, "something from another domain was not accepted");
        }
        Event::Redirected { address } => gate.redirected(&address, house.world.clock.now()),
    }
}
