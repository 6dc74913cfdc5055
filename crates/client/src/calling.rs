//! Invitations of ours: by way of a conference factory (IM 7.1.1.3, 7.1.1.6), to a group or public
//! conference (7.1.1.4, 7.1.1.10), back to a session (7.1.1.9), or to one person.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::dialog::{Dialog, DialogId, Forks, Leg, Outset};
use sip::header::{MinSe, SessionExpires};
use sip::sdp::Setup;
use sip::session_timer::{Refresher, from_response};
use sip::transaction::ClientId;
use sip::{Malformed, Method, Name, Response};
use xdm::resource_lists::Entry;

use crate::agent::Options;
use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::{Failure, Refused};
use crate::invitee::{Invitee, Plan};
use crate::known::{is_gone, same};
use crate::offer;
use crate::post::{Farewell, Outcome, Purpose};
use crate::request::{self, Letter};
use crate::session::{AtAck, Live, Session, Stage};

/// An invitation of ours that has not been accepted.
pub(crate) struct Calling {
    /// The INVITE that was sent last.
    pub(crate) client: Option<ClientId>,
    /// Do we want it no more?
    pub(crate) given_up: bool,
    outset: Outset,
    forks: Forks,
    uri: String,
    guests: Vec<Entry>,
    /// Does it go back to a session that we know?
    rejoins: bool,
    /// What to offer instead of our own description.
    offer: Option<Arc<str>>,
}

impl Calling {
    /// Is this one of the early dialogs that the invitation has made?
    pub(crate) fn has(&self, id: &DialogId) -> bool {
        self.forks.iter().any(|dialog| dialog.id() == id)
    }
}

/// How many random boundaries are tried. One of 128 bits does not occur in a body by chance.
const BOUNDARIES: usize = 3;

/// How a session ends that was given up before it came about.
pub(crate) const GIVEN_UP: &str = "we gave the invitation up";

impl Core {
    /// Sends an invitation.
    pub(crate) fn invite(
        &mut self,
        invitee: Invitee,
        options: Options,
        now: Instant,
    ) -> Result<SessionId, Failure> {
        let plan = self.plan(invitee)?;
        self.call(plan, options, now)
    }

    /// Sends an invitation that has passed the checks.
    pub(crate) fn call(
        &mut self,
        plan: Plan,
        options: Options,
        now: Instant,
    ) -> Result<SessionId, Failure> {
        if self.at.is_none() {
            let why = "the server cannot be reached".to_owned();
            return Err(Failure::Network { why });
        }
        let id = self.next_session()?;
        let (listener, port) = self.media_listener()?;
        let setup = match listener {
            // RFC 6135 section 4.2.2: who can be reached leaves the choice.
            Some(_) => Setup::ActPass,
            None => Setup::Active,
        };
        let me = self.me(options.anonymous);
        let (from, contact) = (me.from(), me.contact());
        let (call_id, tag) = (self.rng.token128(), self.rng.token(64));
        let to = format!("<{}>", plan.uri);
        let uri = plan.uri;
        let outset = Outset::new(&call_id, &tag, &from, &to, &uri, &contact);
        let local = offer::local(self.address(), port, &self.rng.token128(), setup);
        let calling = Calling {
            client: None,
            given_up: false,
            outset,
            forks: Forks::default(),
            uri: uri.clone(),
            guests: plan.guests,
            rejoins: plan.rejoins,
            offer: options.offer,
        };
        let stage = Stage::Calling(Box::new(calling));
        let mut session = self.new_session(stage, local, options.anonymous);
        session.whom = plan.whom;
        session.peer = plan.peer;
        session.ad_hoc = plan.ad_hoc;
        session.identity = uri;
        session.listener = listener;
        self.sessions.insert(id, session);
        if let Some(old) = plan.extends.and_then(|old| self.sessions.get_mut(&old)) {
            old.replaced_by = Some(id);
        }
        self.send_invite(id, 0, now);
        Ok(id)
    }

    /// Sends the INVITE, for the first time or with what was missing.
    pub(crate) fn send_invite(&mut self, id: SessionId, tries: u8, now: Instant) {
        let (branch, via) = self.via();
        let boundaries: Vec<_> = (0..BOUNDARIES).map(|_| self.rng.token128()).collect();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let anonymous = session.anonymous;
        let offer = session.said.offer(&session.local);
        let asked = session.asked;
        let Stage::Calling(calling) = &mut session.stage else {
            return;
        };
        let strange = calling
            .offer
            .as_ref()
            .map(|offer| offer.as_bytes().to_vec());
        let offer = strange.map_or(offer, Bytes::from);
        let draft = calling.outset.request(&Method::Invite, &via);
        let (uri, guests) = (calling.uri.clone(), calling.guests.clone());
        let me = self.me(anonymous);
        // IM-7.1.1.3-S1, IM-7.1.1.4-S1, IM-7.1.1.6-S1, IM-7.1.1.9-S2, IM-7.1.1.10-S1: by 7.1.1.1.
        // IM-7.1.1.1-S0: a request of RFC 3261, which the outset begins.
        let letter = boundaries
            .iter()
            .find_map(|boundary| request::invite(&me, &offer, &guests, &asked, boundary).ok());
        let Some(letter) = letter else {
            let why = "the invitation cannot be written".to_owned();
            self.end(id, &why, Failure::Malformed { why: why.clone() }, now);
            return;
        };
        let credentials = self.sign(&Method::Invite, &uri);
        let bytes = letter.finish(draft, &credentials);
        let sent = (Purpose::Invite(id), credentials, tries);
        // IM-7.1.1.3-S6, IM-7.1.1.4-S2, IM-7.1.1.6-S9, IM-7.1.1.9-S5, IM-7.1.1.10-S5: towards the
        // IM server, by way of the outbound proxy.
        let client = self.post((&branch, bytes), Method::Invite, sent, now);
        if let Some(session) = self.sessions.get_mut(&id)
            && let Stage::Calling(calling) = &mut session.stage
        {
            calling.client = Some(client);
        }
    }

    /// A provisional response.
    pub(crate) fn progress(&mut self, id: SessionId, response: &Response) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Stage::Calling(calling) = &mut session.stage else {
            return;
        };
        // A provisional response makes at most an early dialog; if it cannot, nothing is lost.
        let _early = calling.forks.response(&calling.outset, response);
        session.note_peer(response);
        if response.status() > 100 {
            self.tell(Event::Ringing { session: id });
        }
    }

    pub(crate) fn invite_outcome(
        &mut self,
        id: SessionId,
        client: ClientId,
        credentials: &[(Name, String)],
        outcome: &Outcome<'_>,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let calling = match &mut session.stage {
            Stage::Calling(calling) => calling,
            Stage::Live(_) => {
                if let Outcome::Response(response) = outcome {
                    self.answered_again(id, client, response, now);
                }
                return;
            }
            Stage::Called(_) => return,
        };
        match outcome {
            Outcome::Response(response) if response.is_success() => {
                self.accepted(id, client, credentials, response, now);
            }
            Outcome::Response(response) if response.status() == 422 && !calling.given_up => {
                let least = response.get::<MinSe>().ok().flatten().map(|MinSe(s)| s);
                // RFC 4028 section 7.4: once more, for longer.
                if session.asked.refused(least) {
                    self.send_invite(id, 0, now);
                } else {
                    self.refused(id, outcome, now);
                }
            }
            _ if calling.given_up => {
                self.end(id, GIVEN_UP, Failure::Cancelled, now);
            }
            Outcome::Response(_) | Outcome::Lost(_) => self.refused(id, outcome, now),
        }
    }

    /// Does nobody want this invitation any more?
    pub(crate) fn has_given_up(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id);
        session.is_some_and(
            |session| matches!(&session.stage, Stage::Calling(calling) if calling.given_up),
        )
    }

    fn refused(&mut self, id: SessionId, outcome: &Outcome<'_>, now: Instant) {
        let failure = self.failure(outcome);
        if let Outcome::Response(response) = outcome {
            let refused = Refused::of(response);
            if let Some(Stage::Calling(calling)) = self.sessions.get(&id).map(|s| &s.stage)
                && calling.rejoins
                && is_gone(&refused)
            {
                let identity = calling.uri.clone();
                self.forget_session(&identity);
            }
            self.tell(Event::Refused {
                session: id,
                refused,
            });
        }
        self.end(id, &failure.to_string(), failure, now);
    }

    /// The 200 to our invitation.
    fn accepted(
        &mut self,
        id: SessionId,
        client: ClientId,
        credentials: &[(Name, String)],
        response: &Response,
        now: Instant,
    ) {
        let (_, via) = self.via();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Stage::Calling(calling) = &mut session.stage else {
            return;
        };
        let dialog = match first_dialog(calling, response) {
            Ok(dialog) => dialog,
            Err(malformed) => {
                let why = format!("the answer to the invitation: {malformed}");
                self.fault(&why);
                self.end(id, &why, Failure::Malformed { why: why.clone() }, now);
                return;
            }
        };
        let given_up = calling.given_up;
        let before = calling.rejoins.then(|| calling.uri.clone());
        // RFC 3261 section 22.1: the ACK repeats the credentials of its INVITE.
        let draft = dialog.ack(calling.outset.cseq(), &via);
        let ack = Letter::default().finish(draft, credentials);
        let live = Live {
            dialog,
            unconfirmed: None,
            ack: Some((client, ack.clone())),
            forks: Some((calling.outset.clone(), std::mem::take(&mut calling.forks))),
            reinviting: Vec::new(),
            hang_up_at: None,
            again_at: None,
            we_called: true,
            at_ack: AtAck::default(),
        };
        session.stage = Stage::Live(Box::new(live));
        session.note_peer(response);
        let expires = response.get::<SessionExpires>().ok().flatten();
        let agreed = from_response(
            expires.map(|se| (se.seconds, se.refresher)),
            response.lists(Name::Require, "timer"),
            None,
        );
        // IM-7.1.1.1-OK-S1: the timer runs with what the 200 says.
        session.agree(agreed.as_ref(), Refresher::Uac, now);
        self.send(ack);
        if given_up {
            // RFC 3261 section 9.1: it was too late to cancel.
            self.hang_up(id, GIVEN_UP, None, now);
            return;
        }
        // IM-7.1.1.3-OK-S2, IM-7.1.1.4-OK-S2: the user plane begins.
        if let Err(why) = self.start_media_as_offerer(id, response) {
            self.fault(&why);
            self.hang_up(id, &why, None, now);
            return;
        }
        self.arrived(id, before.as_deref(), now);
    }

    /// We are in; if we were there before, under this identity.
    fn arrived(&mut self, id: SessionId, before: Option<&str>, now: Instant) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let is_group = session.is_group();
        if let Some(before) = before.filter(|before| !same(&session.identity, before)) {
            // IM-7.1.1.9-OK-S2: it goes on under another.
            self.forget_session(before);
        }
        self.established(id);
        // IM-7.1.1.1-OK-S2: in a conference, the client subscribes to its state.
        if is_group && self.config.subscribe {
            self.watch(id, now);
        }
    }

    /// A 2xx to an INVITE that has had one: the same again, or that of another branch.
    fn answered_again(
        &mut self,
        id: SessionId,
        client: ClientId,
        response: &Response,
        now: Instant,
    ) {
        let (_, via) = self.via();
        let Some(live) = self.sessions.get_mut(&id).and_then(Session::live) else {
            return;
        };
        let same = DialogId::of_response(response).is_ok_and(|id| id == *live.dialog.id());
        if same {
            let ack = live.ack.as_ref().filter(|(of, _)| *of == client);
            if let Some(ack) = ack.map(|(_, ack)| ack.clone()) {
                self.send(ack);
            }
            return;
        }
        let Some((outset, forks)) = &mut live.forks else {
            return;
        };
        let cseq = outset.cseq();
        let (dialog, first): (Dialog, bool) = match forks.response(outset, response) {
            Ok(Leg::Accepted(dialog)) => (dialog.clone(), true),
            Ok(Leg::Again(dialog)) => (dialog.clone(), false),
            Ok(Leg::Early(_) | Leg::None) | Err(_) => return,
        };
        // RFC 3261 section 13.2.2.4: acknowledged, and ended, since one session is enough.
        let ack = Letter::default().finish(dialog.ack(cseq, &via), &[]);
        self.send(ack);
        if first {
            let farewell = Farewell {
                dialog,
                letter: Letter::default(),
                media: None,
            };
            self.send_bye(farewell, 0, now);
        }
    }
}

/// The dialog that the first 2xx makes.
fn first_dialog(calling: &mut Calling, response: &Response) -> Result<Dialog, Malformed> {
    let nothing = Malformed("it makes no dialog");
    let id = match calling.forks.response(&calling.outset, response)? {
        Leg::Accepted(dialog) | Leg::Again(dialog) => dialog.id().clone(),
        Leg::Early(_) | Leg::None => return Err(nothing),
    };
    calling.forks.take(&id).ok_or(nothing)
}
