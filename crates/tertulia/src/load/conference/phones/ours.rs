//! Requests of ours, and what is answered to them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::dialog::{Dialog, Outset};
use sip::digest::{self, Challenge, Secret};
use sip::header::{CSeq, Via};
use sip::{Draft, Message, Method, Name, Response};

use super::super::super::arguments::Transport;
use super::super::super::tally::Fault;
use super::letters;
use super::pending::What;
use super::people::{Asked, LegId, Media, News, Stage};
use super::{Cast, Phones};

/// How often a request is sent again for credentials: once, and once more for a stale nonce.
const TRIES: u8 = 2;

/// How often a member asks again to be told who is there, and after how long. A focus sends its
/// ACK before its room knows the member: who subscribes at once may come too early.
const SUBSCRIBE_TRIES: u8 = 5;
const SUBSCRIBE_REST: Duration = Duration::from_millis(20);

impl Phones {
    /// Sends a request, for the first time or once more with credentials.
    pub(super) fn send(&mut self, what: What, tries: u8, now: Instant) {
        let (place, branch) = self.waiting.place();
        let user = match what {
            What::Register(user) => Some(user),
            What::Invite(leg) | What::Subscribe(leg) | What::Bye(leg) => {
                self.leg(leg).map(|leg| leg.user)
            }
        };
        let line = user.map_or(0, |user| self.line(user));
        let written = user.and_then(|user| self.write(what, user, line, &branch));
        let Some(bytes) = written else {
            return self.waiting.release(place);
        };
        let is_stream = self.cast.transport == Transport::Tcp;
        self.out.push((line, bytes.clone()));
        self.waiting
            .put(place, what, line, bytes, tries, is_stream, now);
    }

    fn write(&mut self, what: What, user: u32, line: usize, branch: &str) -> Option<Bytes> {
        let at = self.at(line)?;
        let via = self.cast.via(at, branch);
        match what {
            What::Register(number) => {
                let fresh = self.register_outset(number, at);
                let target = format!("sip:{}", self.cast.domain);
                let outset = self.user(number)?.registering.get_or_insert(fresh);
                let draft = outset.request(&Method::Register, &via);
                let draft = self.sign(draft, &Method::Register, number, &target);
                Some(Cast::register(draft))
            }
            What::Invite(id) => self.write_invite(id, &via, at),
            What::Subscribe(id) => {
                let fresh = self.subscribe_outset(id, at)?;
                let leg = self.legs.get_mut(id.0)?;
                let target = leg.focus.clone();
                let outset = leg.watch.get_or_insert(fresh);
                let draft = outset.request(&Method::Subscribe, &via);
                let draft = self.sign(draft, &Method::Subscribe, user, &target);
                Some(Cast::subscribe(draft))
            }
            What::Bye(id) => {
                let leg = self.legs.get_mut(id.0)?;
                let dialog = leg.dialog.as_mut()?;
                let draft = dialog.request(&Method::Bye, &via);
                let target = dialog.remote_target().to_owned();
                Some(self.sign(draft, &Method::Bye, user, &target).finish())
            }
        }
    }

    fn register_outset(&self, number: u32, at: std::net::SocketAddr) -> Outset {
        let cast = &self.cast;
        let aor = format!("<{}>", cast.aor(number));
        let call_id = format!("r{number}-{}", cast.nonce);
        let target = format!("sip:{}", cast.domain);
        let contact = cast.contact(number, at);
        Outset::new(&call_id, &cast.nonce, &aor, &aor, &target, &contact)
    }

    fn subscribe_outset(&self, id: LegId, at: std::net::SocketAddr) -> Option<Outset> {
        let (cast, leg) = (&self.cast, self.leg(id)?);
        let call_id = format!("s{}-{}", id.0, cast.nonce);
        let from = format!("<{}>", cast.aor(leg.user));
        let to = format!("<{}>", leg.focus);
        let contact = cast.contact(leg.user, at);
        Some(Outset::new(
            &call_id,
            &cast.nonce,
            &from,
            &to,
            &leg.focus,
            &contact,
        ))
    }

    fn write_invite(&mut self, id: LegId, via: &str, at: std::net::SocketAddr) -> Option<Bytes> {
        let cast = &self.cast;
        let leg = self.legs.get(id.0)?;
        let seats = self.rooms.get(leg.room.0)?.seats;
        let (user, room) = (leg.user, leg.room.0);
        let guests: Vec<String> = match cast.room {
            Some(_) => Vec::new(),
            None => (1..seats.size)
                .map(|place| cast.aor(seats.number(place)))
                .collect(),
        };
        let path = letters::own_path(at, id.0, &cast.nonce);
        let sdp = letters::sdp(at, id.0, &path);
        let call_id = format!("i{}-{}", id.0, cast.nonce);
        let from = format!("<{}>", cast.aor(user));
        let to = format!("<{}>", leg.focus);
        let contact = cast.contact(user, at);
        let fresh = Outset::new(&call_id, &cast.nonce, &from, &to, &leg.focus, &contact);
        let leg = self.legs.get_mut(id.0)?;
        let target = leg.focus.clone();
        let draft = leg
            .outset
            .get_or_insert(fresh)
            .request(&Method::Invite, via);
        let draft = self.sign(draft, &Method::Invite, user, &target);
        Some(Cast::invite(draft, &format!("load {room}"), &sdp, &guests))
    }

    /// Says who asks: by the word of a trusted peer, or with a password once there is a nonce.
    fn sign(&mut self, mut draft: Draft, method: &Method, number: u32, uri: &str) -> Draft {
        if self.cast.is_trusted {
            draft.header(
                Name::PAssertedIdentity,
                format_args!("<{}>", self.cast.aor(number)),
            );
            return draft;
        }
        let (name, cnonce) = (self.cast.name(number), self.cast.nonce.clone());
        let Some(user) = self.user(number) else {
            return draft;
        };
        let is_register = *method == Method::Register;
        let proxy = user.proxy.as_mut().filter(|_| !is_register);
        let (header, asked) = match (proxy, user.www.as_mut()) {
            (Some(asked), _) => (Name::ProxyAuthorization, asked),
            (None, Some(asked)) => (Name::Authorization, asked),
            (None, None) => return draft,
        };
        asked.count = asked.count.saturating_add(1);
        let secret = Secret::Ha1(&asked.ha1);
        let answer = digest::respond(
            &asked.challenge,
            &name,
            secret,
            method.as_str(),
            uri,
            &cnonce,
            asked.count,
        );
        draft.header(header, answer);
        draft
    }

    // ---- Answers ----

    pub(super) fn answered(&mut self, response: &Response, now: Instant) {
        let via = response.first::<Via<'_>>().ok().flatten();
        let Some(branch) = via.and_then(|via| via.branch()) else {
            return self.fault(Fault::Malformed);
        };
        if !response.is_final() {
            if let Some(pending) = self.waiting.find(branch) {
                pending.is_heard = true;
            }
            return;
        }
        let Some(pending) = self.waiting.take(branch) else {
            return self.answered_again(response);
        };
        let what = pending.what;
        if let (What::Invite(leg), false) = (what, response.is_success()) {
            self.acknowledge_refusal(leg, &pending.bytes, response);
        }
        match response.status() {
            401 | 407 if pending.tries < TRIES && self.learn(what, response) => {
                self.send(what, pending.tries + 1, now);
            }
            403 if matches!(what, What::Subscribe(_)) && pending.tries < SUBSCRIBE_TRIES => {
                self.strangers += 1;
                self.waiting
                    .later(what, pending.tries + 1, now + SUBSCRIBE_REST);
            }
            status if !response.is_success() => self.failed(what, Fault::Status(status)),
            _ => match what {
                What::Register(number) => {
                    if let Some(user) = self.user(number) {
                        user.is_registered = true;
                        user.registering = None;
                    }
                    self.news.push(News::Registered);
                }
                What::Invite(leg) => self.accepted(leg, response, now),
                What::Subscribe(leg) => {
                    if let Some(leg) = self.legs.get_mut(leg.0) {
                        leg.watch_is_on = true;
                    }
                    self.look(leg, now);
                }
                What::Bye(_) => {}
            },
        }
    }

    /// Takes a challenge. False if there is none that can be answered.
    fn learn(&mut self, what: What, response: &Response) -> bool {
        let number = match what {
            What::Register(user) => Some(user),
            What::Invite(leg) | What::Subscribe(leg) | What::Bye(leg) => {
                self.leg(leg).map(|leg| leg.user)
            }
        };
        let is_proxy = response.status() == 407;
        let header = match is_proxy {
            true => Name::ProxyAuthenticate,
            false => Name::WwwAuthenticate,
        };
        let (Some(number), Ok(challenge)) = (number, digest::choose(response.raw_all(header)))
        else {
            return false;
        };
        let asked = self.ask(number, challenge);
        let Some(user) = self.user(number) else {
            return false;
        };
        let slot = if is_proxy {
            &mut user.proxy
        } else {
            &mut user.www
        };
        *slot = Some(asked);
        true
    }

    fn ask(&self, number: u32, challenge: Challenge) -> Asked {
        let name = self.cast.name(number);
        let (realm, password) = (&challenge.realm, &self.cast.password);
        let ha1 = digest::ha1(&name, realm, password, challenge.algorithm);
        Asked {
            challenge,
            ha1,
            count: 0,
        }
    }

    /// RFC 3261 17.1.1.3: the ACK to a refusal is part of its transaction.
    fn acknowledge_refusal(&mut self, leg: LegId, invite: &Bytes, response: &Response) {
        let Ok(Message::Request(invite)) = Message::parse(invite.clone()) else {
            return;
        };
        let Some(line) = self.leg(leg).map(|leg| self.line(leg.user)) else {
            return;
        };
        let mut draft = Draft::request(&Method::Ack, invite.uri());
        draft.header(Name::Via, invite.raw(Name::Via).unwrap_or_default());
        draft.header(Name::MaxForwards, 70);
        draft.copy_all(&invite, Name::From);
        draft.copy_all(response, Name::To);
        draft.copy_all(&invite, Name::CallId);
        let number = invite.require::<CSeq<'_>>().map_or(1, |cseq| cseq.number);
        draft.header(Name::CSeq, format_args!("{number} ACK"));
        self.out.push((line, draft.finish()));
    }

    /// The 200 to an INVITE of ours.
    fn accepted(&mut self, id: LegId, response: &Response, now: Instant) {
        let Some(leg) = self.leg(id) else { return };
        let line = self.line(leg.user);
        let Some(at) = self.at(line) else { return };
        let dialog = leg
            .outset
            .as_ref()
            .map(|outset| Dialog::uac(outset, response));
        let Some(Ok(dialog)) = dialog else {
            return self.failed(What::Invite(id), Fault::Malformed);
        };
        // RFC 3261 13.2.2.4: the ACK to a 2xx is a transaction of its own, which has no answer.
        let branch = format!("z9hG4bKack{}", id.0);
        let ack = dialog.ack(dialog.local_cseq(), &self.cast.via(at, &branch));
        let target = dialog.remote_target().to_owned();
        let user = leg.user;
        let ack = self.sign(ack, &Method::Ack, user, &target).finish();
        self.out.push((line, ack.clone()));
        let peer = letters::peer(&response.body());
        if let Some(leg) = self.legs.get_mut(id.0) {
            leg.stage = Stage::Up;
            leg.dialog = Some(dialog);
            leg.outset = None;
            leg.last_word = ack;
            // RFC 4579 5.2: the Contact of a focus is the conference.
            leg.focus = target;
        }
        self.connect(id, peer);
        self.subscribe(id, now);
    }

    /// A 2xx once more: its ACK was lost.
    fn answered_again(&mut self, response: &Response) {
        let is_invite = response
            .require::<CSeq<'_>>()
            .is_ok_and(|cseq| cseq.method == "INVITE");
        if !is_invite || !response.is_success() {
            return;
        }
        let call_id = response.raw(Name::CallId).unwrap_or_default();
        let Some(leg) = self.our_leg(call_id, 'i').and_then(|id| self.leg(id)) else {
            return;
        };
        if leg.stage == Stage::Up {
            let again = (self.line(leg.user), leg.last_word.clone());
            self.out.push(again);
        }
    }

    /// The leg of a Call-ID that we chose.
    pub(super) fn our_leg(&self, call_id: &str, kind: char) -> Option<LegId> {
        let rest = call_id.strip_prefix(kind)?;
        let (number, nonce) = rest.split_once('-')?;
        let id = LegId(number.parse().ok()?);
        (nonce == &*self.cast.nonce && id.0 < self.legs.len()).then_some(id)
    }

    /// A session has begun on both sides: subscribes.
    pub(super) fn subscribe(&mut self, id: LegId, now: Instant) {
        if self.cast.wants.roster {
            self.send(What::Subscribe(id), 0, now);
        }
        self.look(id, now);
    }

    /// Connects to what the peer has described.
    pub(super) fn connect(&mut self, id: LegId, peer: Option<letters::Peer>) {
        if !self.cast.wants.media {
            return;
        }
        match peer {
            Some(peer) if !peer.is_active && letters::address(&peer.path).is_some() => {
                if let Some(leg) = self.legs.get_mut(id.0) {
                    leg.path = peer.path;
                    leg.media = Media::Wanted;
                }
                self.news.push(News::Connect(id));
            }
            Some(_) => self.spoil(
                id,
                Fault::Other("the server cannot be connected to by MSRP"),
            ),
            None => self.spoil(id, Fault::Other("no MSRP in the description")),
        }
    }
}
