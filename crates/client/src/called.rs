//! Invitations of others: ringing, accepting, declining.

use std::time::{Duration, Instant};

use sip::dialog::Dialog;
use sip::header::{Contact, From, PAssertedIdentity, Reason, ReferredBy, Replaces};
use sip::multipart::{self, BodyHeaders};
use sip::sdp::{Connects, Description, LocalMedia, Setup};
use sip::session_timer::{Agreed, Refresher, negotiate};
use sip::transaction::{ServerId, Unconfirmed};
use sip::{Draft, Malformed, Name, Request};
use world::Listener;
use xdm::resource_lists::{self, Limits};

use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::Failure;
use crate::offer;
use crate::request;
use crate::session::{AtAck, Live, Session, Stage};
use crate::within::{asked_timer, timer_policy, write_timer};

/// An invitation that has not been answered.
pub(crate) struct Called {
    pub(crate) dialog: Dialog,
    /// When it counts as not answered.
    pub(crate) give_up_at: Instant,
    server: ServerId,
    request: Request,
    /// What is offered; nothing leaves the offer to us.
    offer: Option<Description>,
    agreed: Agreed,
    replaces: Option<SessionId>,
}

/// How long an invitation rings here. The one who invites gives up sooner, as a rule.
const RING: Duration = Duration::from_secs(180);

/// Others who were invited, named in one event.
const OTHERS_MAX: usize = 1000;

/// A refusal of an invitation: status, phrase, and a header that explains it.
struct No(u16, String, Option<(Name, String)>);

impl No {
    fn plain(status: u16, reason: &str) -> Self {
        Self(status, reason.to_owned(), None)
    }
}

/// What is malformed is refused with 400, which says why.
impl std::convert::From<Malformed> for No {
    fn from(malformed: Malformed) -> Self {
        Self::plain(400, malformed.0)
    }
}

impl Core {
    pub(crate) fn asked_invite(&mut self, id: ServerId, request: Request, now: Instant) {
        let in_dialog = request.get::<sip::header::To<'_>>().ok().flatten();
        if in_dialog.is_some_and(|to| to.tag().is_some()) {
            self.asked_reinvite(id, &request, now);
            return;
        }
        match self.ring(id, request.clone(), now) {
            Ok(event) => self.tell(event),
            Err(No(status, reason, header)) => {
                self.fault(format_args!("an invitation was refused: {status} {reason}"));
                let mut draft = self.response(&request, status, &reason);
                if let Some((name, value)) = header {
                    draft.header(name, value);
                }
                self.respond(id, status, draft.finish(), now);
            }
        }
    }

    /// Lets an invitation ring, if it is one that could be accepted.
    fn ring(&mut self, server: ServerId, request: Request, now: Instant) -> Result<Event, No> {
        // RFC 3261 section 8.2.2.3.
        let known = ["timer", "replaces", "norefersub"];
        let unknown: Vec<_> = request
            .tokens(Name::Require)
            .filter(|tag| !known.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .collect();
        if !unknown.is_empty() {
            let unsupported = Some((Name::Unsupported, unknown.join(", ")));
            return Err(No(420, "Bad Extension".to_owned(), unsupported));
        }
        let offer = offer::read(&request).map_err(|why| No(400, why, None))?;
        match offer.as_ref().map(Description::msrp) {
            None => {}
            Some(Ok((_, media))) if !media.tls && media.accepts("message/cpim") => {}
            Some(Ok(_) | Err(_)) => return Err(No::plain(488, "Not Acceptable Here")),
        }
        let policy = timer_policy(self.config.session_interval);
        let agreed = negotiate(&asked_timer(&request)?, &policy).map_err(|too_small| {
            let least = too_small.min_se.as_secs().to_string();
            let least = Some((Name::MinSe, least));
            No(422, "Session Interval Too Small".to_owned(), least)
        })?;
        let replaces = match request.get::<Replaces<'_>>()? {
            // RFC 3891 section 3: only what is there can be replaced.
            Some(replaces) => Some(
                self.replaced(&replaces)
                    .ok_or_else(|| No::plain(481, "Call/Transaction Does Not Exist"))?,
            ),
            None => None,
        };
        let tag = self.rng.token(64);
        let contact = self.me(false).contact();
        let dialog = Dialog::uas(&request, &tag, &contact)?;
        let id = self
            .next_session()
            .map_err(|_| No::plain(486, "Busy Here"))?;
        let event = self.invited(id, &request, replaces)?;
        let ringing = self.with_us(dialog.response(&request, 180, "Ringing"));
        let called = Called {
            dialog,
            give_up_at: now + RING,
            server,
            request,
            offer,
            agreed,
            replaces,
        };
        let local = offer::local(self.address(), None, "", Setup::Active);
        let said = called.request.clone();
        let mut session = self.new_session(Stage::Called(Box::new(called)), local, false);
        session.note_peer(&said);
        session.whom = said.require::<From<'_>>()?.0.uri.as_str().to_owned();
        self.sessions.insert(id, session);
        self.respond(server, 180, ringing.finish(), now);
        Ok(event)
    }

    /// What an invitation says, for the user.
    fn invited(
        &self,
        session: SessionId,
        request: &Request,
        replaces: Option<SessionId>,
    ) -> Result<Event, Malformed> {
        let contact = request.first::<Contact<'_>>()?;
        let is_focus = contact.is_some_and(|contact| contact.params.has("isfocus"));
        // A conference invites for somebody: Referred-By says for whom.
        let referred = request.get::<ReferredBy<'_>>().ok().flatten().map(|r| r.0);
        let asserted = request.first::<PAssertedIdentity<'_>>().ok().flatten();
        let asserted = asserted.map(|asserted| asserted.0).filter(|_| !is_focus);
        let sender = request.require::<From<'_>>()?.0;
        let who = referred.or(asserted).unwrap_or(sender);
        let from = who.uri.as_str().to_owned();
        Ok(Event::Invited {
            session,
            blocked: self.is_blocked(&from),
            from,
            display: who.display().map(std::borrow::Cow::into_owned),
            is_focus,
            others: others(request),
            replaces,
        })
    }

    fn replaced(&self, replaces: &Replaces<'_>) -> Option<SessionId> {
        let id = sip::dialog::DialogId::new(replaces.call_id, replaces.to_tag, replaces.from_tag);
        let mut all = self.sessions.iter();
        let live = |s: &Session| matches!(&s.stage, Stage::Live(live) if *live.dialog.id() == id);
        all.find(|(_, session)| live(session)).map(|(id, _)| *id)
    }

    pub(crate) fn accept(&mut self, id: SessionId, now: Instant) -> Result<(), Failure> {
        let session = self.sessions.get(&id).ok_or(Failure::NoSuchSession)?;
        let Stage::Called(called) = &session.stage else {
            return Err(Failure::NotNow {
                why: "this session is not an invitation to us",
            });
        };
        let offer = called.offer.clone();
        let draft = self.with_us(called.dialog.response(&called.request, 200, "OK"));
        let (local, listener) = self.our_end(offer.as_ref())?;
        let timers = self.config.timers;
        let Some(session) = self.sessions.get_mut(&id) else {
            return Err(Failure::NoSuchSession);
        };
        let chosen = offer.as_ref().and_then(|offer| offer.msrp().ok());
        let body = match (&offer, chosen) {
            (Some(offer), Some((chosen, _))) => session.said.answer(offer, chosen, &local),
            // RFC 3261 section 13.3.1.4: without an offer, ours stands in the 2xx.
            _ => session.said.offer(&local),
        };
        let connects = local.setup.connects();
        session.local = local;
        session.listener = listener;
        let Stage::Called(called) = &mut session.stage else {
            return Err(Failure::NoSuchSession);
        };
        called.dialog.confirm();
        let mut draft = draft;
        draft.header(Name::Supported, request::SUPPORTED);
        write_timer(&mut draft, &called.agreed);
        let bytes = draft.finish_with("application/sdp", &body);
        let (server, replaces, agreed) = (called.server, called.replaces, called.agreed);
        let live = Live {
            dialog: called.dialog.clone(),
            unconfirmed: Some((server, Unconfirmed::new(bytes.clone(), now, timers))),
            ack: None,
            forks: None,
            reinviting: Vec::new(),
            hang_up_at: None,
            again_at: None,
            we_called: false,
            at_ack: AtAck {
                subscribe: session.is_group() && self.config.subscribe,
                answer: offer.is_none(),
                leave: false,
            },
        };
        session.stage = Stage::Live(Box::new(live));
        session.agree(Some(&agreed), Refresher::Uas, now);
        self.respond(server, 200, bytes, now);
        if let Some((_, media)) = chosen {
            self.start_media(id, media, connects);
        }
        if let Some(replaced) = replaces {
            // RFC 3891 section 3: what is replaced ends.
            self.hang_up(replaced, "replaced by a conference", None, now);
        }
        self.established(id);
        Ok(())
    }

    /// Our end of a session that we accept, and what waits for the other side to connect.
    fn our_end(
        &mut self,
        offer: Option<&Description>,
    ) -> Result<(LocalMedia, Option<Listener>), Failure> {
        let offered = offer.and_then(|offer| offer.msrp().ok());
        let setup = match offered {
            // Without a=setup the one who offers connects.
            Some((_, media)) => Setup::negotiate(media.setup, false),
            None if self.config.msrp_listen.is_some() => Setup::ActPass,
            None => Setup::Active,
        };
        let (listener, port) = match setup.connects() {
            Connects::Us => (None, None),
            Connects::Them => {
                let (listener, port) = self.listen()?;
                (Some(listener), Some(port))
            }
        };
        let local = offer::local(self.address(), port, &self.rng.token128(), setup);
        Ok((local, listener))
    }

    pub(crate) fn decline(
        &mut self,
        id: SessionId,
        status: u16,
        now: Instant,
    ) -> Result<(), Failure> {
        let session = self.sessions.get(&id).ok_or(Failure::NoSuchSession)?;
        let Stage::Called(called) = &session.stage else {
            return Err(Failure::NotNow {
                why: "this session is not an invitation to us",
            });
        };
        let (status, reason) = match status {
            480 => (480, "Temporarily Unavailable"),
            486 => (486, "Busy Here"),
            400..=699 if status != 603 => (status, "Declined"),
            _ => (603, "Decline"),
        };
        let server = called.server;
        let draft = called.dialog.response(&called.request, status, reason);
        let bytes = self.with_us(draft).finish();
        self.respond(server, status, bytes, now);
        self.end(
            id,
            &format!("declined with {status}"),
            Failure::Cancelled,
            now,
        );
        Ok(())
    }

    /// The one who invited wants us no more.
    pub(crate) fn cancelled(&mut self, server: ServerId, request: &Request, now: Instant) {
        let of =
            |session: &Session| matches!(&session.stage, Stage::Called(c) if c.server == server);
        let Some(id) = self.sessions.iter().find(|(_, s)| of(s)).map(|(id, _)| *id) else {
            return;
        };
        self.turn_away_called(id, now);
        let reason = request.list::<Reason<'_>>().flatten().next();
        let why = match reason.and_then(|reason| reason.text) {
            Some(text) => format!("the invitation was taken back: {text}"),
            None => "the invitation was taken back".to_owned(),
        };
        self.end(id, &why, Failure::Cancelled, now);
    }

    /// RFC 3261 sections 9.2 and 15.1.2: an invitation that was cancelled or ended gets a 487.
    pub(crate) fn turn_away_called(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let Stage::Called(called) = &session.stage else {
            return;
        };
        let server = called.server;
        let draft = called
            .dialog
            .response(&called.request, 487, "Request Terminated");
        self.respond(server, 487, draft.finish(), now);
    }

    fn with_us(&self, mut draft: Draft) -> Draft {
        let me = self.me(false);
        draft.header(Name::UserAgent, me.user_agent());
        draft.header(Name::Allow, request::ALLOW);
        if me.anonymous {
            // Who is called may stay anonymous as well: a server looks for it in our 200.
            draft.header(Name::Privacy, "id");
        }
        draft
    }
}

/// Who else was invited, if the invitation tells (RFC 5366 section 5).
fn others(request: &Request) -> Vec<String> {
    let body = request.body();
    let headers = BodyHeaders {
        content_type: request.raw(Name::ContentType).unwrap_or_default(),
        disposition: request.raw(Name::ContentDisposition),
        ..BodyHeaders::default()
    };
    let Ok(parts) = multipart::parts(&headers, &body) else {
        return Vec::new();
    };
    let list = "application/resource-lists+xml";
    let Some(part) = multipart::find(&parts, list, Some("recipient-list-history")) else {
        return Vec::new();
    };
    let Ok(list) = resource_lists::read(&part.body, Limits::default()) else {
        return Vec::new();
    };
    let uris = list.entries().map(|entry| entry.uri.clone());
    uris.take(OTHERS_MAX).collect()
}
