//! The handshake: six steps in which each side shows that it knows the other's secret.
//!
//! ```text
//!   the one who dials                               the one who is dialed
//!   Dialing   ── SendSecretToken ──▶                Dialed
//!   Proving   ◀── SendSecretToken ──                  │
//!      │      ── LoginRequest ─────▶   digest right? ─▶ Proven
//!   Naming    ◀── LoginRequest ─────                  │
//!      │      ── LoginResponse ────▶   session id ────▶ up
//!      up     ◀── LoginResponse ────
//! ```
//!
//! All six carry the transaction id of the first. Whoever dials says the step it is at again until
//! the next one comes; whoever is dialed says its answer again when a question comes again.
//!
//! When both dial at once, the one whose domain comes first in the alphabet goes on, and the other
//! one drops its own attempt. If the first one could not be reached by then, it can now: what was
//! said in vain is said again at once.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::event::{Down, Event, Refusal, Transmit};
use super::session::Session;
use super::{Link, MAX_ID, MAX_SECRET, later};
use crate::csp::Outcome;
use crate::id::Address;
use crate::ssp::{
    LoginRequest, LoginResponse, Message, Mode, PasswordDigest, Secret, SendSecretToken, Setup,
};
use crate::status::Code;

/// A handshake that is under way.
#[derive(Debug)]
pub(super) struct Handshake {
    transaction_id: String,
    stage: Stage,
    /// What the peer has sent. Nothing while dialing.
    peer_secret: Secret,
    /// The id under which the peer will address this side.
    session_id: String,
    peer_time_to_live_s: Option<u32>,
    /// When it has failed if there is no step forward.
    deadline: Instant,
    /// When the one who dials says its step again.
    repeat_at: Option<Instant>,
    /// What was said last could not be posted.
    is_unheard: bool,
}

/// What was said last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Our secret, first.
    Dialing,
    /// That we know the peer's secret, first.
    Proving,
    /// Our session id, first.
    Naming,
    /// Our secret, in answer to the peer's.
    Dialed,
    /// That we know the peer's secret, in answer to its proof.
    Proven,
}

impl Stage {
    /// It is the peer who has dialed.
    fn is_answering(self) -> bool {
        matches!(self, Self::Dialed | Self::Proven)
    }
}

impl Handshake {
    pub(super) fn timeout(&self) -> Instant {
        self.repeat_at
            .map_or(self.deadline, |at| at.min(self.deadline))
    }
}

impl Link {
    /// Dials.
    pub(super) fn start_handshake(&mut self, now: Instant) {
        let transaction_id = self.ids.next();
        self.begin(transaction_id, Stage::Dialing, Secret::default(), now);
    }

    fn begin(&mut self, transaction_id: String, stage: Stage, peer_secret: Secret, now: Instant) {
        let domain = self.own.domain().unwrap_or("");
        self.handshake = Some(Handshake {
            transaction_id,
            stage,
            peer_secret,
            session_id: format!("{}@{domain}", self.ids.next()),
            peer_time_to_live_s: None,
            deadline: now,
            repeat_at: None,
            is_unheard: false,
        });
        self.enter(stage, now);
    }

    /// Goes on to a stage and says what belongs to it.
    fn enter(&mut self, stage: Stage, now: Instant) {
        if let Some(handshake) = &mut self.handshake {
            let repeat_at = later(now, self.settings.response_timeout);
            handshake.stage = stage;
            handshake.deadline = later(now, self.settings.handshake_timeout);
            handshake.repeat_at = (!stage.is_answering()).then_some(repeat_at);
            handshake.is_unheard = false;
        }
        self.say();
    }

    /// Says what belongs to the stage of the handshake, for the first time or again.
    fn say(&mut self) {
        let Some(handshake) = &self.handshake else {
            return;
        };
        let mode = if handshake.stage.is_answering() {
            Mode::Response
        } else {
            Mode::Request
        };
        let body = match handshake.stage {
            Stage::Dialing | Stage::Dialed => {
                let service = self.settings.own.clone();
                Setup::SendSecretToken(SendSecretToken::new(service, self.secret.clone()))
            }
            Stage::Proving | Stage::Proven => Setup::LoginRequest(LoginRequest {
                service: self.settings.own.clone(),
                time_to_live_s: Some(seconds(self.settings.time_to_live)),
                digest: PasswordDigest(handshake.peer_secret.digest()),
            }),
            Stage::Naming => self.named(handshake.session_id.clone()),
        };
        self.set_up(mode, handshake.transaction_id.clone(), body);
    }

    /// The login has succeeded, and this is the session id.
    fn named(&self, session_id: String) -> Setup {
        Setup::LoginResponse(LoginResponse {
            session: Some(session_id),
            time_to_live_s: Some(seconds(self.settings.time_to_live)),
            status: Outcome::new(Code::SUCCESSFUL),
            redirect: None,
        })
    }

    /// The login has not succeeded: 409 for a wrong secret, as for a wrong password.
    fn turn_away(&mut self, mode: Mode, transaction_id: &str) {
        let body = Setup::LoginResponse(LoginResponse {
            status: Outcome::described(Code::INVALID_PASSWORD),
            ..LoginResponse::default()
        });
        self.set_up(mode, transaction_id.to_owned(), body);
    }

    fn set_up(&mut self, mode: Mode, transaction_id: String, body: Setup) {
        let message = Message::Setup {
            mode,
            transaction_id: transaction_id.clone(),
            body,
        };
        self.transmit(Transmit {
            body: message.to_xml(),
            transaction_id,
            session_id: None,
        });
    }

    /// The peer, or somebody in its name, has said one of the six.
    pub(super) fn step(&mut self, mode: Mode, id: &str, body: &Setup, now: Instant) {
        if id.len() > MAX_ID {
            return self.refuse(Refusal::TooLong);
        }
        if !body.service().is_none_or(|service| self.is_peer(service)) {
            return self.refuse(Refusal::ForeignService);
        }
        match body {
            Setup::SendSecretToken(said) if said.token.len() > MAX_SECRET => {
                self.refuse(Refusal::TooLong);
            }
            Setup::SendSecretToken(said) => match mode {
                Mode::Request => self.dialed(id, &said.token, now),
                Mode::Response => self.dialed_back(id, &said.token, now),
            },
            Setup::LoginRequest(request) => match mode {
                Mode::Request => self.proof_first(id, request, now),
                Mode::Response => self.proof_in_answer(id, request, now),
            },
            Setup::LoginResponse(response) => self.login_response(mode, id, response, now),
            Setup::Status(status) => self.turned_away(id, status.code, now),
        }
    }

    /// The stage of the handshake of this id.
    fn stage_of(&self, id: &str) -> Option<Stage> {
        let handshake = self.handshake.as_ref();
        handshake
            .filter(|handshake| handshake.transaction_id == id)
            .map(|handshake| handshake.stage)
    }

    /// The session was made by the handshake of this id: what comes is a late copy.
    fn is_done(&self, id: &str) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.made_by == id)
    }

    /// This is the id of the handshake, or of the one that has made the session.
    pub(super) fn is_handshake(&self, id: &str) -> bool {
        self.stage_of(id).is_some() || self.is_done(id)
    }

    pub(super) fn is_peer(&self, service: &str) -> bool {
        Address::parse(service).is_ok_and(|service| service == self.peer)
    }

    /// A step that does not follow. A copy of one that has been taken is passed over.
    fn unexpected(&mut self, id: &str) {
        if !self.is_handshake(id) {
            self.refuse(Refusal::Unexpected);
        }
    }

    fn is_acceptable(&self, secret: &Secret) -> bool {
        match &self.settings.peer_secret {
            Some(known) => known.is(secret),
            None => !secret.is_empty(),
        }
    }

    /// Step one: the peer dials.
    fn dialed(&mut self, id: &str, secret: &Secret, now: Instant) {
        if self.is_done(id) {
            return;
        }
        if !self.is_acceptable(secret) {
            self.turn_away(Mode::Response, id);
            return self.refuse(Refusal::WrongSecret);
        }
        match self.handshake.as_ref().map(|handshake| handshake.stage) {
            // Both have dialed, and this side goes on with its own.
            Some(Stage::Dialing | Stage::Proving | Stage::Naming) if self.goes_first() => {
                self.say_unheard(now);
            }
            Some(Stage::Dialed) if self.stage_of(id).is_some() => self.say(),
            Some(Stage::Proven) if self.stage_of(id).is_some() => {}
            _ => self.begin(id.to_owned(), Stage::Dialed, secret.clone(), now),
        }
    }

    /// Of two that dial at once, this side is the one to go on.
    fn goes_first(&self) -> bool {
        let [own, peer] =
            [&self.own, &self.peer].map(|service| service.domain().map(str::to_ascii_lowercase));
        own.cmp(&peer) == Ordering::Less
    }

    /// Step two. The definition lets the peer answer under an id of its own.
    fn dialed_back(&mut self, id: &str, secret: &Secret, now: Instant) {
        let is_acceptable = self.is_acceptable(secret);
        let is_ours = self.stage_of(id).is_some();
        let Some(handshake) = &mut self.handshake else {
            return self.unexpected(id);
        };
        if handshake.stage != Stage::Dialing {
            self.unexpected(id);
        } else if is_acceptable {
            handshake.peer_secret = secret.clone();
            self.enter(Stage::Proving, now);
        } else if is_ours {
            self.turn_away(Mode::Request, id);
            self.fail(Down::WrongSecret, now);
        } else {
            // Anybody could have said so: the peer itself may still come.
            self.refuse(Refusal::WrongSecret);
        }
    }

    /// Step three: the peer, who has dialed, shows that it knows our secret.
    fn proof_first(&mut self, id: &str, request: &LoginRequest, now: Instant) {
        let Some(stage @ (Stage::Dialed | Stage::Proven)) = self.stage_of(id) else {
            return self.unexpected(id);
        };
        if !self.secret.is_proven_by(&request.digest.0) {
            self.turn_away(Mode::Response, id);
            return self.fail(Down::WrongDigest, now);
        }
        if stage == Stage::Proven {
            return self.say();
        }
        self.note_time_to_live(request);
        self.enter(Stage::Proven, now);
    }

    /// Step four: the peer, who was dialed, shows that it knows our secret.
    fn proof_in_answer(&mut self, id: &str, request: &LoginRequest, now: Instant) {
        if self.stage_of(id) != Some(Stage::Proving) {
            return self.unexpected(id);
        }
        if !self.secret.is_proven_by(&request.digest.0) {
            self.turn_away(Mode::Request, id);
            return self.fail(Down::WrongDigest, now);
        }
        self.note_time_to_live(request);
        self.enter(Stage::Naming, now);
    }

    fn note_time_to_live(&mut self, request: &LoginRequest) {
        if let Some(handshake) = &mut self.handshake {
            handshake.peer_time_to_live_s = request.time_to_live_s;
        }
    }

    /// Steps five and six: the peer names its session id, or says that there will be none.
    fn login_response(&mut self, mode: Mode, id: &str, response: &LoginResponse, now: Instant) {
        let redirect = response.redirect.as_ref();
        if let Some(address) = redirect.and_then(|list| list.addresses.first()) {
            return self.redirected(id, address, now);
        }
        if !response.status.code.is_success() {
            return self.turned_away(id, response.status.code, now);
        }
        let Some(peer_session) = response.session.as_ref().filter(|id| !id.is_empty()) else {
            return self.refuse(Refusal::Unexpected);
        };
        if peer_session.len() > MAX_ID {
            return self.refuse(Refusal::TooLong);
        }
        match (self.stage_of(id), mode) {
            (Some(Stage::Proven), Mode::Request) | (Some(Stage::Naming), Mode::Response) => {
                self.establish(peer_session, response.time_to_live_s, now);
            }
            _ => self.unexpected(id),
        }
        // Step six, for the first time or again.
        if mode == Mode::Request
            && let Some(session) = &self.session
            && session.made_by == id
        {
            let body = self.named(session.own_id.clone());
            self.set_up(Mode::Response, id.to_owned(), body);
        }
    }

    /// Both have proven what they had to: the session begins, in place of the one there may be.
    fn establish(&mut self, peer_session: &str, time_to_live_s: Option<u32>, now: Instant) {
        let Some(handshake) = self.handshake.take() else {
            return;
        };
        let wanted = [handshake.peer_time_to_live_s, time_to_live_s];
        let wanted = wanted.into_iter().flatten().min();
        let own = self.settings.time_to_live;
        let session = Session::new(
            handshake.session_id,
            peer_session.to_owned(),
            handshake.transaction_id,
            super::session::time_to_live(wanted, own),
            now,
        );
        self.end_session(Down::Replaced, now);
        self.session = Some(session);
        self.farewell = None;
        self.failures = 0;
        self.redial_at = None;
        self.events.push_back(Event::Up);
    }

    fn redirected(&mut self, id: &str, address: &str, now: Instant) {
        if !matches!(
            self.stage_of(id),
            Some(Stage::Dialing | Stage::Proving | Stage::Naming)
        ) {
            return self.unexpected(id);
        }
        self.wanted = false;
        self.fail(Down::Redirected, now);
        self.events.push_back(Event::Redirected {
            address: address.to_owned(),
        });
    }

    /// The peer does not go on.
    fn turned_away(&mut self, id: &str, code: Code, now: Instant) {
        if self.stage_of(id).is_none() {
            return self.unexpected(id);
        }
        self.fail(Down::Refused(code), now);
    }

    /// The handshake has failed. A session there may be goes on.
    fn fail(&mut self, why: Down, now: Instant) {
        let Some(handshake) = self.handshake.take() else {
            return;
        };
        if handshake.stage.is_answering() {
            // Anybody can make the peer's attempts fail: they do not count.
            let soon = later(now, self.settings.redial_min);
            self.redial_at = Some(self.redial_at.map_or(soon, |at| at.max(soon)));
        } else {
            self.back_off(now);
            if self.session.is_none() {
                return self.events.push_back(Event::Down(why));
            }
        }
        self.refuse(match why {
            Down::HandshakeTimeout => Refusal::HandshakeTimeout,
            Down::Refused(code) => Refusal::TurnedAway(code),
            Down::WrongDigest => Refusal::WrongDigest,
            Down::WrongSecret => Refusal::WrongSecret,
            Down::Closed | Down::Expired | Down::PeerLeft | Down::Redirected | Down::Replaced => {
                Refusal::Unexpected
            }
        });
    }

    /// Says a step again, or gives up.
    pub(super) fn handshake_timeout(&mut self, now: Instant) {
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        if now >= handshake.deadline {
            return self.fail(Down::HandshakeTimeout, now);
        }
        if handshake.repeat_at.is_some_and(|at| now >= at) {
            self.say_again(now);
        }
    }

    /// What was said last could not be posted.
    pub(super) fn handshake_unheard(&mut self, id: &str) {
        if let Some(handshake) = &mut self.handshake
            && handshake.transaction_id == id
        {
            handshake.is_unheard = true;
        }
    }

    /// Says a step again that was not heard, now that the peer has shown that it is there.
    fn say_unheard(&mut self, now: Instant) {
        if self.handshake.as_ref().is_some_and(|one| one.is_unheard) {
            self.say_again(now);
        }
    }

    fn say_again(&mut self, now: Instant) {
        if let Some(handshake) = &mut self.handshake {
            handshake.repeat_at = Some(later(now, self.settings.response_timeout));
            handshake.is_unheard = false;
        }
        self.say();
    }
}

/// Whole seconds, as on the wire.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
