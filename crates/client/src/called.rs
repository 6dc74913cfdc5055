//! Invitations of others: ringing, accepting, declining.

use std::time::{Duration, Instant};

use sip::dialog::Dialog;
use sip::header::{Contact, From, PAssertedIdentity, Reason, ReferredBy};
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
pub(crate) struct No(u16, String, Option<(Name, String)>);

impl No {
    pub(crate) fn plain(status: u16, reason: &str) -> Self {
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
            Ok((session, event)) => {
                let asks = !matches!(
                    event,
                    Event::Invited {
                        replaces: Some(_),
                        ..
                    }
                );
                self.tell(event);
                // RFC 3891 section 3: what takes the place of a session is accepted as it comes.
                if !asks && let Err(failure) = self.accept(session, now) {
                    self.fault(format_args!("a session cannot be replaced: {failure}"));
                    // It was there a moment ago.
                    let _told = self.decline(session, 500, now);
                }
            }
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
    fn ring(
        &mut self,
        server: ServerId,
        request: Request,
        now: Instant,
    ) -> Result<(SessionId, Event), No> {
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
        let replaces = self.to_replace(&request)?;
        // Whoever was anonymous in a session stays so in the one that takes its place.
        let old = replaces.and_then(|old| self.sessions.get(&old));
        let anonymous = old.is_some_and(|old| old.anonymous);
        let tag = self.rng.token(64);
        let contact = self.me(anonymous).contact();
        let dialog = Dialog::uas(&request, &tag, &contact)?;
        let id = self
            .next_session()
            .map_err(|_| No::plain(486, "Busy Here"))?;
        let event = self.invited(id, &request, replaces)?;
        let ringing = dialog.response(&request, 180, "Ringing");
        let ringing = self.with_us(ringing, anonymous).finish();
        let called = Called {
            dialog,
            give_up_at: now + RING,
            server,
            request: request.clone(),
            offer,
            agreed,
            replaces,
        };
        let local = offer::local(self.address(), None, "", Setup::Active);
        let mut session = self.new_session(Stage::Called(Box::new(called)), local, anonymous);
        session.note_peer(&request);
        session.note_caller(&event, &request)?;
        self.sessions.insert(id, session);
        if replaces.is_none() {
            self.respond(server, 180, ringing, now);
        }
        Ok((id, event))
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

    pub(crate) fn accept(&mut self, id: SessionId, now: Instant) -> Result<(), Failure> {
        let session = self.sessions.get(&id).ok_or(Failure::NoSuchSession)?;
        let called = match &session.stage {
            Stage::Called(called) => called,
            // It took the place of another, and is accepted.
            Stage::Live(live) if !live.we_called => return Ok(()),
            Stage::Live(_) | Stage::Calling(_) => {
                return Err(Failure::NotNow {
                    why: "this session is not an invitation to us",
                });
            }
        };
        let offer = called.offer.clone();
        let draft = called.dialog.response(&called.request, 200, "OK");
        let draft = self.with_us(draft, session.anonymous);
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
        self.established(id);
        if let Some(old) = replaces {
            self.replace(old, id, now);
        }
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
        let bytes = self.with_us(draft, session.anonymous).finish();
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

    fn with_us(&self, mut draft: Draft, anonymous: bool) -> Draft {
        let me = self.me(anonymous);
        draft.header(Name::UserAgent, me.user_agent());
        draft.header(Name::Allow, request::ALLOW);
        if me.anonymous {
            // Who is called may stay anonymous as well: a server looks for it in our 200.
            draft.header(Name::Privacy, "id");
        }
        draft
    }
}

impl Session {
    /// Stores who invites us, as the user is told, and by what address messages reach them.
    fn note_caller(&mut self, event: &Event, request: &Request) -> Result<(), Malformed> {
        self.whom = request.require::<From<'_>>()?.0.uri.as_str().to_owned();
        if let Event::Invited { from, others, .. } = event
            && others.len() <= PAIR
        {
            self.peer = Some(from.clone());
        }
        let contribution = request.raw_other("Contribution-ID");
        self.contribution = contribution
            .filter(|id| id.len() <= CONTRIBUTION_MAX)
            .map(str::to_owned);
        Ok(())
    }
}

/// A list of so many people who were invited may name us and the one who invites; a longer one
/// names more than two.
const PAIR: usize = 2;

/// The longest Contribution-ID that is kept, in octets. Those of RCS have 32.
const CONTRIBUTION_MAX: usize = 128;

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
