//! A session from the first invitation to its end: what is kept of it, and what both sides may ask
//! while it lives.
//!
//! ```text
//!   Calling ──2xx──▶ Live ◀──accept── Called
//!      │              │                  │
//!      └──────────────┴──────────────────┴──▶ gone: one SessionEnded
//! ```

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::dialog::{Dialog, DialogId, Forks, Invites, Outset};
use sip::header::{Contact, Reason};
use sip::sdp::{LocalMedia, LocalSession};
use sip::session_timer::{Agreed, Refresher, SessionRequest, SessionTimer};
use sip::transaction::{ClientId, ServerId, Unconfirmed};
use sip::{Fields, Method, Name, Request};
use world::Listener;

use crate::called::Called;
use crate::calling::Calling;
use crate::command::Reply;
use crate::core::Core;
use crate::event::{Event, SessionId, Timer};
use crate::failure::Failure;
use crate::media::Media;
use crate::post::{Farewell, Purpose};
use crate::request::Letter;
use crate::talk::Deliveries;

/// The most sessions an agent keeps at a time. Each costs a connection.
pub(crate) const SESSIONS_MAX: usize = 64;

/// One session.
pub(crate) struct Session {
    pub(crate) stage: Stage,
    /// Do we stay anonymous in it?
    pub(crate) anonymous: bool,
    /// Where the other side is reached: for a conference its IM Session Identity
    /// (IM-7.1.1.3-OK-S1).
    pub(crate) identity: String,
    /// The address of the other side; empty if it has none before the conference is made.
    pub(crate) whom: String,
    /// The one person at the other end, who may be there by way of a conference; `None` if there
    /// are more, or nobody is known.
    pub(crate) peer: Option<String>,
    /// Was it made by our own conference factory?
    pub(crate) ad_hoc: bool,
    /// The session that is to take its place, or takes it.
    pub(crate) replaced_by: Option<SessionId>,
    /// What RCS clients call it: the Contribution-ID of the INVITE that made it.
    pub(crate) contribution: Option<String>,
    /// Is it a conference?
    pub(crate) is_focus: bool,
    /// The methods the other side supports (IM-7.1.1.1-RSP-S1).
    pub(crate) allow: Vec<String>,
    /// Our description: what was said, and what is to be said.
    pub(crate) said: LocalSession,
    pub(crate) local: LocalMedia,
    /// Waits for the other side to connect, until it is known whether it does.
    pub(crate) listener: Option<Listener>,
    /// The other side's path, when there is one.
    pub(crate) remote_path: Vec<String>,
    pub(crate) media: Option<Arc<Media>>,
    /// Has this connection come about?
    pub(crate) is_up: bool,
    pub(crate) deliveries: Deliveries,
    /// Who waits for the answer to a nickname.
    pub(crate) naming: Option<Reply<()>>,
    /// What we ask for, and what was agreed.
    pub(crate) asked: SessionRequest,
    pub(crate) timer: Option<SessionTimer>,
    pub(crate) invites: Invites,
    /// Who waits until it exists.
    pub(crate) waiting: Vec<Reply<()>>,
}

/// How far a session has come.
pub(crate) enum Stage {
    Called(Box<Called>),
    Calling(Box<Calling>),
    Live(Box<Live>),
}

/// A session that exists.
pub(crate) struct Live {
    pub(crate) dialog: Dialog,
    /// Our 2xx that has not been acknowledged.
    pub(crate) unconfirmed: Option<(ServerId, Unconfirmed)>,
    /// The last INVITE of ours, and the ACK to its 2xx, which may come again.
    pub(crate) ack: Option<(ClientId, Bytes)>,
    /// The INVITE that made the session, whose other branches may still answer.
    pub(crate) forks: Option<(Outset, Forks)>,
    /// Who waits for the answer to a re-INVITE.
    pub(crate) reinviting: Vec<Reply<()>>,
    /// When to leave, because the connection for messages is gone, and why.
    pub(crate) hang_up_at: Option<(Instant, String)>,
    /// When a re-INVITE that met the other side's is sent again (RFC 3261 section 14.1).
    pub(crate) again_at: Option<Instant>,
    /// Did we send the INVITE that made it?
    pub(crate) we_called: bool,
    /// What the ACK to our 2xx brings.
    pub(crate) at_ack: AtAck,
}

/// What the ACK to our 2xx brings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct AtAck {
    /// The subscription begins.
    pub(crate) subscribe: bool,
    /// The answer to our offer comes with it.
    pub(crate) answer: bool,
    /// We leave, which we could not say before.
    pub(crate) leave: bool,
}

impl Session {
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timer.as_ref().and_then(SessionTimer::poll_timeout);
        let stage = match &self.stage {
            Stage::Called(called) => Some(called.give_up_at),
            Stage::Calling(_) => None,
            Stage::Live(live) => {
                let unconfirmed = live.unconfirmed.as_ref().map(|(_, u)| u.poll_timeout());
                let hang_up = live.hang_up_at.as_ref().map(|(at, _)| *at);
                unconfirmed
                    .into_iter()
                    .chain(live.again_at)
                    .chain(hang_up)
                    .min()
            }
        };
        timer.into_iter().chain(stage).min()
    }

    pub(crate) fn live(&mut self) -> Option<&mut Live> {
        match &mut self.stage {
            Stage::Live(live) => Some(live),
            Stage::Called(_) | Stage::Calling(_) => None,
        }
    }

    pub(crate) fn dialog(&self) -> Option<&Dialog> {
        match &self.stage {
            Stage::Called(called) => Some(&called.dialog),
            Stage::Calling(_) => None,
            Stage::Live(live) => Some(&live.dialog),
        }
    }

    /// Is there more than one other side? A focus says so, but old ones do not (RFC 4579 section
    /// 4); what a factory makes is one in any case.
    pub(crate) fn is_group(&self) -> bool {
        self.is_focus || self.whom.is_empty()
    }

    /// To whom a message for everybody is.
    pub(crate) fn addressee(&self) -> &str {
        if self.is_group() {
            &self.identity
        } else {
            &self.whom
        }
    }

    /// Stores what a response or request says of the other side.
    pub(crate) fn note_peer(&mut self, fields: &Fields) {
        let mut allow = fields.tokens(Name::Allow).map(str::to_owned).peekable();
        // IM-7.1.1.1-RSP-S1: the methods are stored if there is an Allow.
        if allow.peek().is_some() {
            self.allow = allow.take(ALLOW_MAX).collect();
        }
        // IM-7.1.1.1-RSP-S2, IM-7.1.1.3-OK-S1: the Contact is stored; in a conference it is the IM
        // Session Identity.
        if let Ok(Some(contact)) = fields.first::<Contact<'_>>() {
            self.identity = contact.uri.as_str().to_owned();
            // RFC 4579 section 4: the focus says so.
            self.is_focus = contact.params.has("isfocus");
        }
    }

    /// Starts the session timer anew, or ends it if none was agreed.
    pub(crate) fn agree(&mut self, agreed: Option<&Agreed>, us: Refresher, now: Instant) {
        self.timer = agreed.map(|agreed| SessionTimer::new(agreed, us, now));
    }

    pub(crate) fn terms(&self) -> Option<Timer> {
        self.timer.as_ref().map(|timer| Timer {
            interval_s: timer.interval().as_secs(),
            we_refresh: timer.we_refresh(),
        })
    }
}

/// Methods remembered of one peer: there are some 15.
const ALLOW_MAX: usize = 32;

impl Core {
    /// A place for a new session.
    pub(crate) fn next_session(&mut self) -> Result<SessionId, Failure> {
        if self.sessions.len() + self.parting.len() >= SESSIONS_MAX {
            return Err(Failure::TooManySessions {
                limit: SESSIONS_MAX,
            });
        }
        self.last_session = self.last_session.wrapping_add(1);
        Ok(SessionId(self.last_session))
    }

    /// A session at its beginning.
    pub(crate) fn new_session(
        &mut self,
        stage: Stage,
        local: LocalMedia,
        anonymous: bool,
    ) -> Session {
        Session {
            stage,
            anonymous: anonymous || self.config.anonymous,
            identity: String::new(),
            whom: String::new(),
            peer: None,
            ad_hoc: false,
            replaced_by: None,
            contribution: None,
            is_focus: false,
            allow: Vec::new(),
            // RFC 8866 section 5.2: a number that others read as well, below 2^63.
            said: LocalSession::new(self.rng.u64() >> 1),
            local,
            listener: None,
            remote_path: Vec::new(),
            media: None,
            is_up: false,
            deliveries: Deliveries::default(),
            naming: None,
            asked: SessionRequest::new(self.config.session_interval),
            timer: None,
            invites: Invites::default(),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn settled(&mut self, id: SessionId, reply: Reply<()>) {
        let answer = match self.sessions.get_mut(&id) {
            None => Err(Failure::NoSuchSession),
            Some(session) if matches!(session.stage, Stage::Live(_)) => Ok(()),
            Some(session) => {
                session.waiting.push(reply);
                return;
            }
        };
        let _gone = reply.send(answer);
    }

    /// The session exists now.
    pub(crate) fn established(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let event = Event::Established {
            session: id,
            identity: session.identity.clone(),
            is_focus: session.is_focus,
            allow: session.allow.clone(),
            timer: session.terms(),
        };
        let waiting = std::mem::take(&mut session.waiting);
        self.tell(event);
        self.keep(id);
        for reply in waiting {
            let _gone = reply.send(Ok(()));
        }
    }

    /// The end of a session, whatever brought it. The event comes once.
    pub(crate) fn end(&mut self, id: SessionId, why: &str, failure: Failure, now: Instant) {
        if let Some(session) = self.close(id, failure, now) {
            session.deliveries.give_up(why);
            let why = why.to_owned();
            self.tell(Event::SessionEnded { session: id, why });
        }
    }

    /// Takes a session out: nothing can be done in it any more. What is left of it is its
    /// connection for messages, and their fate.
    pub(crate) fn close(
        &mut self,
        id: SessionId,
        failure: Failure,
        now: Instant,
    ) -> Option<Session> {
        let mut session = self.sessions.remove(&id)?;
        match &mut session.stage {
            Stage::Calling(calling) => {
                if let Some(client) = calling.client {
                    self.forget(client);
                }
            }
            Stage::Live(live) => {
                if let Some((client, _)) = &live.ack {
                    self.forget(*client);
                }
                self.note_ended(live.dialog.id());
                for reply in live.reinviting.drain(..) {
                    let _gone = reply.send(Err(Failure::NoSuchSession));
                }
            }
            Stage::Called(_) => {}
        }
        for reply in session.waiting.drain(..) {
            let _gone = reply.send(Err(failure.clone()));
        }
        if let Some(reply) = session.naming.take() {
            let _gone = reply.send(Err(Failure::NoSuchSession));
        }
        self.leave_watch(id, now);
        self.end_referrals(id);
        self.replaces_no_more(id);
        Some(session)
    }

    /// Leaves: BYE, CANCEL, or a refusal, as the session stands.
    pub(crate) fn leave(&mut self, id: SessionId, now: Instant) -> Result<(), Failure> {
        let session = self.sessions.get_mut(&id).ok_or(Failure::NoSuchSession)?;
        match &mut session.stage {
            Stage::Called(_) => return self.decline(id, 603, now),
            Stage::Calling(calling) => {
                calling.given_up = true;
                // RFC 3261 section 9.1: the 487 that follows ends the session.
                if let Some(client) = calling.client {
                    self.cancel(client, now);
                }
            }
            // RFC 3261 section 15: who was called sends no BYE before the ACK has come.
            Stage::Live(live) if live.unconfirmed.is_some() => live.at_ack.leave = true,
            Stage::Live(_) => self.depart(id, now),
        }
        Ok(())
    }

    /// Leaves a live session for good.
    pub(crate) fn depart(&mut self, id: SessionId, now: Instant) {
        let reason = Reason::sip(200, "Call completed");
        self.hang_up(id, "we left", Some(reason), now);
    }

    /// Ends a live session with a BYE. A reason of 200 tells a conference that we left for good.
    pub(crate) fn hang_up(
        &mut self,
        id: SessionId,
        why: &str,
        reason: Option<Reason<'_>>,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let dialog = session.live().map(|live| live.dialog.clone());
        let media = session.media.take();
        self.end(id, why, Failure::Cancelled, now);
        if let Some(dialog) = dialog {
            let mut letter = Letter::default();
            if let Some(reason) = reason {
                letter = letter.with(Name::Reason, reason);
            }
            let farewell = Farewell {
                dialog,
                letter,
                media,
            };
            self.send_bye(farewell, 0, now);
        }
    }

    pub(crate) fn send_bye(&mut self, mut farewell: Farewell, tries: u8, now: Instant) {
        let (branch, via) = self.via();
        let draft = farewell.dialog.request(&Method::Bye, &via);
        let credentials = self.sign(&Method::Bye, farewell.dialog.remote_target());
        let bytes = farewell.letter.finish(draft, &credentials);
        let purpose = Purpose::Bye(Box::new(farewell));
        self.post(
            (&branch, bytes),
            Method::Bye,
            (purpose, credentials, tries),
            now,
        );
    }

    /// The session whose dialog a request belongs to.
    pub(crate) fn session_of(&self, request: &Request) -> Option<SessionId> {
        let id = DialogId::of_request(request).ok()?;
        let mut all = self.sessions.iter();
        let found = all.find(|(_, session)| session.dialog().is_some_and(|d| *d.id() == id));
        found.map(|(id, _)| *id)
    }
}
