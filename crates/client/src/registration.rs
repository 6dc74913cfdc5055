//! Where the user is: REGISTER, again before it runs out, and taken back at the end (RFC 3261
//! section 10).
//!
//! ```text
//!   Idle ──register──▶ Asking ──200──▶ Held(until) ──time──▶ Asking
//!                        │  ▲
//!                refusal ▼  │ time
//!                       Resting
//! ```

use std::time::{Duration, Instant};

use sip::dialog::Outset;
use sip::header::{Contact, Expires, MinExpires};
use sip::{Method, Name, Response, Uri};
use world::Rng;

use crate::command::Reply;
use crate::config::Config;
use crate::core::Core;
use crate::event::Event;
use crate::failure::Failure;
use crate::post::{Outcome, Purpose};
use crate::request::{self, Letter};

/// How long to wait after a registration that failed before it is tried again.
const REST: Duration = Duration::from_secs(30);

/// How much before its end a registration is renewed: a lost message or two do no harm.
const MARGIN: Duration = Duration::from_secs(60);

/// The registration as it stands.
pub(crate) struct Registration {
    state: State,
    /// The device, as a URN.
    instance: String,
    expires_s: u32,
    outset: Option<Outset>,
    /// The Contact that was sent last.
    contact: String,
    waiting: Vec<Reply<()>>,
    /// Was the user told of it since the connection came up?
    told: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nobody wants it.
    Idle,
    /// There is no connection yet.
    Waiting,
    Asking,
    Held {
        renew_at: Instant,
    },
    Resting {
        until: Instant,
    },
    /// It is being taken back.
    Leaving,
}

impl Registration {
    pub(crate) fn new(config: &Config, rng: &mut Rng) -> Self {
        let expires = u32::try_from(config.registration.as_secs()).unwrap_or(u32::MAX);
        Self {
            state: State::Idle,
            instance: config.instance.clone().unwrap_or_else(|| uuid(rng)),
            expires_s: expires,
            outset: None,
            contact: String::new(),
            waiting: Vec::new(),
            told: false,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Held { renew_at } => Some(renew_at),
            State::Resting { until } => Some(until),
            State::Idle | State::Waiting | State::Asking | State::Leaving => None,
        }
    }
}

/// A random UUID (RFC 9562 section 5.4) as a URN.
fn uuid(rng: &mut Rng) -> String {
    let mut bits = u128::from_be_bytes(rng.bytes());
    bits &= !(0xf000_u128 << 64) & !(0xc_u128 << 60);
    bits |= (0x4000_u128 << 64) | (0x8_u128 << 60);
    let hex = format!("{bits:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    let (a, b, c, d, e) = (
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    );
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

impl Core {
    pub(crate) fn register(&mut self, reply: Reply<()>, now: Instant) {
        match self.registration.state {
            State::Held { .. } => {
                let _gone = reply.send(Ok(()));
                return;
            }
            State::Leaving => return,
            State::Idle | State::Waiting | State::Asking | State::Resting { .. } => {}
        }
        self.registration.waiting.push(reply);
        if self.registration.state != State::Asking {
            self.start_registration(now);
        }
    }

    /// The connection has come up.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.registration.told = false;
        if self.registration.state == State::Waiting {
            self.start_registration(now);
        }
    }

    /// The connection is gone, and the binding to it with it.
    pub(crate) fn disconnected(&mut self, _now: Instant) {
        match self.registration.state {
            State::Idle | State::Leaving => {}
            State::Waiting | State::Asking | State::Held { .. } | State::Resting { .. } => {
                self.registration.state = State::Waiting;
            }
        }
        let failure = Failure::Network {
            why: "the server cannot be reached".to_owned(),
        };
        for reply in self.registration.waiting.drain(..) {
            let _gone = reply.send(Err(failure.clone()));
        }
    }

    pub(crate) fn registration_timeout(&mut self, now: Instant) {
        if self.registration.poll_timeout().is_some_and(|at| at <= now) {
            self.start_registration(now);
        }
    }

    /// Takes the registration back.
    pub(crate) fn unregister(&mut self, now: Instant) {
        if matches!(self.registration.state, State::Held { .. } | State::Asking) {
            self.registration.expires_s = 0;
            self.send_register(0, now);
            self.registration.state = State::Leaving;
        }
    }

    fn start_registration(&mut self, now: Instant) {
        if self.at.is_none() {
            self.registration.state = State::Waiting;
            return;
        }
        self.send_register(0, now);
    }

    pub(crate) fn send_register(&mut self, tries: u8, now: Instant) {
        let aor = self.config.aor.clone();
        let contact = self.binding();
        // RFC 3261 section 10.2: all registrations of one agent share a Call-ID, and count on.
        let mut outset = match self.registration.outset.take() {
            Some(outset) if self.registration.contact == contact => outset,
            _ => {
                let address = format!("<{aor}>");
                let (call_id, tag) = (self.rng.token128(), self.rng.token(64));
                Outset::new(
                    &call_id,
                    &tag,
                    &address,
                    &address,
                    &registrar(&aor),
                    &contact,
                )
            }
        };
        let (branch, via) = self.via();
        let draft = outset.request(&Method::Register, &via);
        let letter = Letter::default()
            .with(Name::Expires, self.registration.expires_s)
            .with(Name::UserAgent, self.me(false).user_agent())
            .with(Name::Allow, request::ALLOW)
            .with(Name::Supported, "outbound, path");
        let credentials = self.sign(&Method::Register, &registrar(&aor));
        let bytes = letter.finish(draft, &credentials);
        let sent = (Purpose::Register, credentials, tries);
        self.post((&branch, bytes), Method::Register, sent, now);
        self.registration.outset = Some(outset);
        self.registration.contact = contact;
        if self.registration.state != State::Leaving {
            self.registration.state = State::Asking;
        }
    }

    /// The Contact we register: RFC 5626 section 4.1 names the device.
    fn binding(&self) -> String {
        let me = request::Me {
            anonymous: false,
            ..self.me(false)
        };
        let instance = &self.registration.instance;
        format!("{};+sip.instance=\"<{instance}>\"", me.contact())
    }

    pub(crate) fn register_outcome(&mut self, outcome: &Outcome<'_>, now: Instant) {
        if self.registration.state == State::Leaving {
            self.registration.state = State::Idle;
            return;
        }
        match outcome {
            Outcome::Response(response) if response.is_success() => self.registered(response, now),
            Outcome::Response(response) if response.status() == 423 && self.brief(response) => {
                self.send_register(0, now);
            }
            Outcome::Response(_) | Outcome::Lost(_) => {
                let failure = self.failure(outcome);
                self.registration.state = State::Resting { until: now + REST };
                self.fault(format_args!("not registered: {failure}"));
                for reply in self.registration.waiting.drain(..) {
                    let _gone = reply.send(Err(failure.clone()));
                }
            }
        }
    }

    /// RFC 3261 section 10.2.8: asks for longer, if the server said how long.
    fn brief(&mut self, response: &Response) -> bool {
        let Ok(Some(MinExpires(least))) = response.get() else {
            return false;
        };
        let longer = least > self.registration.expires_s;
        self.registration.expires_s = self.registration.expires_s.max(least);
        longer
    }

    fn registered(&mut self, response: &Response, now: Instant) {
        let contact = self.binding();
        if contact != self.registration.contact {
            // The answer has just told our address as others see it.
            self.send_register(0, now);
            return;
        }
        let expires_s = granted(response, &contact).unwrap_or(self.registration.expires_s);
        let lasts = Duration::from_secs(u64::from(expires_s.max(1)));
        let renew = (lasts / 2).max(lasts.saturating_sub(MARGIN));
        self.registration.state = State::Held {
            renew_at: now + renew,
        };
        if !self.registration.told {
            self.registration.told = true;
            self.tell(Event::Registered { contact, expires_s });
        }
        for reply in self.registration.waiting.drain(..) {
            let _gone = reply.send(Ok(()));
        }
    }
}

/// The registrar of an address of record: its domain.
fn registrar(aor: &str) -> String {
    match Uri::parse(aor) {
        Ok(uri) => match uri.port() {
            Some(port) => format!("sip:{}:{port}", uri.host()),
            None => format!("sip:{}", uri.host()),
        },
        Err(_) => aor.to_owned(),
    }
}

/// How long the server keeps our binding: RFC 3261 section 10.2.4 has it say so for each.
fn granted(response: &Response, contact: &str) -> Option<u32> {
    let ours = sip::header::NameAddr::parse(contact).ok()?;
    let mut all = response.list::<Contact<'_>>().flatten();
    let mine = all.find(|contact| contact.uri.equivalent(&ours.uri));
    let of_contact = mine.and_then(|contact| contact.params.get("expires")?.parse().ok());
    let of_all = || {
        response
            .get::<Expires>()
            .ok()
            .flatten()
            .map(|Expires(seconds)| seconds)
    };
    of_contact.or_else(of_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_that_it_is_random() {
        for seed in 0..20 {
            let urn = uuid(&mut Rng::from_seed(seed, 1));
            let uuid = urn.strip_prefix("urn:uuid:").unwrap();
            assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
    }
}
