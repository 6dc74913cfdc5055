//! Re-INVITEs: ours, which change a session (IM 7.1.1.5) or let it live on (IM 7.1.1.8), and those
//! of the other side.

use std::time::Instant;

use bytes::Bytes;
use sip::dialog::retry_after_glare;
use sip::header::{MinSe, SessionExpires};
use sip::session_timer::{Refresher, from_response};
use sip::transaction::{ClientId, ServerId};
use sip::{Method, Name, Request, Response};

use crate::command::Reply;
use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::Failure;
use crate::offer;
use crate::post::{Outcome, Purpose};
use crate::request::{self, Letter};
use crate::session::Stage;

impl Core {
    /// A re-INVITE because the user wants one.
    pub(crate) fn modify(&mut self, id: SessionId, reply: Reply<()>, now: Instant) {
        let refusal = match self.sessions.get_mut(&id) {
            None => Failure::NoSuchSession,
            Some(session) => match &mut session.stage {
                Stage::Live(live) if session.invites.may_send() => {
                    live.reinviting.push(reply);
                    self.send_reinvite(id, 0, now);
                    return;
                }
                Stage::Live(_) => Failure::NotNow {
                    why: "another change is under way",
                },
                Stage::Called(_) | Stage::Calling(_) => Failure::NotNow {
                    why: "there is no session yet",
                },
            },
        };
        let _gone = reply.send(Err(refusal));
    }

    /// Sends a re-INVITE with our description as it stands.
    pub(crate) fn send_reinvite(&mut self, id: SessionId, tries: u8, now: Instant) {
        let (branch, via) = self.via();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // RFC 3261 section 14.1: one at a time, in either direction. Theirs refreshes as well.
        if !session.invites.may_send() {
            return;
        }
        let ask = match &session.timer {
            Some(timer) => session.asked.refreshing(timer),
            None => session.asked,
        };
        let anonymous = session.anonymous;
        // RFC 3264 section 8: nothing has changed, and the description says so.
        let offer = session.said.offer(&session.local);
        let Some(live) = session.live() else {
            return;
        };
        // IM-7.1.1.5-S1, IM-7.1.1.8-S4: inside the dialog, and so towards the IM server.
        let draft = live.dialog.request(&Method::Invite, &via);
        let target = live.dialog.remote_target().to_owned();
        let old = live.ack.take();
        session.invites.sent();
        if let Some((old, _)) = old {
            self.forget(old);
        }
        let letter = request::reinvite(&self.me(anonymous), offer, &ask);
        let credentials = self.sign(&Method::Invite, &target);
        let bytes = letter.finish(draft, &credentials);
        let sent = (Purpose::Reinvite(id), credentials, tries);
        self.post((&branch, bytes), Method::Invite, sent, now);
    }

    pub(crate) fn reinvite_outcome(
        &mut self,
        id: SessionId,
        client: ClientId,
        credentials: &[(Name, String)],
        outcome: &Outcome<'_>,
        now: Instant,
    ) {
        let chance = self.rng.u64();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(live) = session.live() else {
            return;
        };
        if let Some((known, ack)) = &live.ack
            && *known == client
        {
            let ack = ack.clone();
            self.send(ack); // The 2xx came again: so does the ACK.
            return;
        }
        match outcome {
            Outcome::Response(response) if response.is_success() => {
                self.reinvited(id, client, credentials, response, now);
            }
            Outcome::Response(response) if response.status() == 491 => {
                live.again_at = Some(now + retry_after_glare(live.we_called, chance));
                session.invites.answered();
            }
            Outcome::Response(response) if response.status() == 422 => {
                session.invites.answered();
                let least = response.get::<MinSe>().ok().flatten().map(|MinSe(s)| s);
                // RFC 4028 section 7.4: once more, for longer.
                if session.asked.refused(least) {
                    session.timer = None;
                    self.send_reinvite(id, 0, now);
                } else {
                    self.not_reinvited(id, outcome);
                }
            }
            // RFC 3261 section 14.1: the session is no more.
            _ if matches!(outcome.status(), 408 | 481) => {
                self.not_reinvited(id, outcome);
                self.hang_up(
                    id,
                    "the other side does not know the session any more",
                    None,
                    now,
                );
            }
            Outcome::Response(_) | Outcome::Lost(_) => {
                session.invites.answered();
                self.not_reinvited(id, outcome);
            }
        }
    }

    fn reinvited(
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
        session.invites.answered();
        let expires = response.get::<SessionExpires>().ok().flatten();
        let agreed = from_response(
            expires.map(|se| (se.seconds, se.refresher)),
            response.lists(Name::Require, "timer"),
            None,
        );
        session.agree(agreed.as_ref(), Refresher::Uac, now);
        let timer = session.terms();
        let Some(live) = session.live() else {
            return;
        };
        // An unreadable Contact leaves the old target in place.
        let _kept = live.dialog.answered(&Method::Invite, response);
        let draft = live.dialog.ack(live.dialog.local_cseq(), &via);
        let ack = Letter::default().finish(draft, credentials);
        live.ack = Some((client, ack.clone()));
        let waiting = std::mem::take(&mut live.reinviting);
        self.send(ack);
        match offer::read(response) {
            Ok(Some(answer)) => self.renew_media(id, &answer),
            Ok(None) => {}
            Err(why) => self.fault(why),
        }
        self.tell(Event::Refreshed {
            session: id,
            by_us: true,
            timer,
        });
        for reply in waiting {
            let _gone = reply.send(Ok(()));
        }
    }

    /// The session stays as it was (RFC 3261 section 14.1), until its timer runs out.
    fn not_reinvited(&mut self, id: SessionId, outcome: &Outcome<'_>) {
        let failure = self.failure(outcome);
        let live = self
            .sessions
            .get_mut(&id)
            .and_then(|session| session.live());
        let waiting = live.map(|live| std::mem::take(&mut live.reinviting));
        for reply in waiting.unwrap_or_default() {
            let _gone = reply.send(Err(failure.clone()));
        }
        self.fault(format_args!("session {id} was not refreshed: {failure}"));
    }

    /// An INVITE of the other side inside a dialog.
    pub(crate) fn asked_reinvite(&mut self, id: ServerId, request: &Request, now: Instant) {
        let Some((session_id, agreed)) = self.admit_refresh(id, request, now) else {
            return;
        };
        match self.answer_within(session_id, request, now) {
            Ok(body) => {
                // RFC 3261 section 14.2: a re-INVITE without an offer is answered with one.
                let body = body.or_else(|| self.sessions.get(&session_id)?.said.current());
                self.accept_refresh(id, session_id, request, &agreed, body, now);
            }
            Err(why) => {
                self.fault(why);
                if let Some(session) = self.sessions.get_mut(&session_id) {
                    session.invites.finished();
                }
                self.refuse(id, request, 488, "Not Acceptable Here", now);
            }
        }
    }

    /// Our answer to an offer inside a dialog; `None` if there is none.
    pub(crate) fn answer_within(
        &mut self,
        id: SessionId,
        request: &Request,
        _now: Instant,
    ) -> Result<Option<Bytes>, String> {
        let Some(offer) = offer::read(request)? else {
            return Ok(None);
        };
        let (chosen, media) = offer.msrp().map_err(|error| error.to_string())?;
        if media.tls {
            return Err("no MSRP over TLS here".to_owned());
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(None);
        };
        let answer = session.said.answer(&offer, chosen, &session.local);
        self.renew_media(id, &offer);
        Ok(Some(answer))
    }
}
