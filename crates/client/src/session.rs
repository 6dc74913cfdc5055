//! A session from the first invitation to its end: what is kept of it, and what both sides may ask
//! while it lives.
//!
//! ```text
//!   Calling ──2xx──▶ Live ◀──accept── Called
//!      │              │                  │
//!      └──────────────┴──────────────────┴──▶ gone: one SessionEnded
//! ```

use std::time::Instant;

use bytes::Bytes;
use sip::dialog::{Dialog, DialogId, Forks, Invites, Outset};
use sip::header::{Contact, MinSe, Reason, SessionExpires};
use sip::sdp::{LocalMedia, LocalSession};
use sip::session_timer::{
    Agreed, Refresher, Requested, SessionEvent, SessionPolicy, SessionRequest, SessionTimer,
    negotiate,
};
use sip::transaction::{ClientId, Pending, ServerId, Unconfirmed};
use sip::{Draft, Fields, Malformed, Method, Name, Request};
use world::Listener;

use crate::agent::Reply;
use crate::called::Called;
use crate::calling::Calling;
use crate::core::{Core, Farewell, Purpose};
use crate::event::{Event, SessionId, Timer};
use crate::failure::Failure;
use crate::media::Media;
use crate::request::Letter;
use crate::talk::Deliveries;

/// The most sessions an agent keeps at a time. Each costs a connection.
pub(crate) const SESSIONS_MAX: usize = 64;

/// One session.
pub(crate) struct Session {
    pub(crate) stage: Stage,
    /// Do we stay anonymous in it?
    pub(crate) anonymous: bool,
    /// Whom we speak to: the IM Session Identity once it is known (IM-7.1.1.3-OK-S1), before that
    /// whom the invitation is for or from.
    pub(crate) identity: String,
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
    pub(crate) media: Option<Media>,
    pub(crate) deliveries: Deliveries,
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
    /// Is the subscription to be begun when the ACK comes?
    pub(crate) subscribe_at_ack: bool,
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

/// What a request of the other side asks of the session timer (RFC 4028 section 9).
pub(crate) fn asked_timer(request: &Request) -> Result<Requested, Malformed> {
    let session_expires = request.get::<SessionExpires>()?;
    Ok(Requested {
        session_expires: session_expires.map(|se| (se.seconds, se.refresher)),
        min_se: request.get::<MinSe>()?.map(|MinSe(seconds)| seconds),
        supports_timer: request.lists(Name::Supported, "timer"),
    })
}

/// The headers of a 2xx that say what was agreed.
pub(crate) fn write_timer(draft: &mut Draft, agreed: &Agreed) {
    let (seconds, refresher) = (agreed.interval.as_secs(), agreed.refresher.name());
    draft.header(
        Name::SessionExpires,
        format_args!("{seconds};refresher={refresher}"),
    );
    if agreed.require_timer {
        draft.header(Name::Require, "timer");
    }
}

impl Core {
    /// A place for a new session.
    pub(crate) fn next_session(&mut self) -> Result<SessionId, Failure> {
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(Failure::TooManySessions {
                limit: SESSIONS_MAX,
            });
        }
        self.last_session = self.last_session.wrapping_add(1);
        Ok(SessionId(self.last_session))
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
        for reply in waiting {
            let _gone = reply.send(Ok(()));
        }
    }

    /// The end of a session, whatever brought it. The event comes once.
    pub(crate) fn end(&mut self, id: SessionId, why: &str, failure: Failure, now: Instant) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        match session.stage {
            Stage::Calling(calling) => {
                if let Some(client) = calling.client {
                    self.forget(client);
                }
            }
            Stage::Live(live) => {
                if let Some((client, _)) = live.ack {
                    self.forget(client);
                }
                for reply in live.reinviting {
                    let _gone = reply.send(Err(Failure::NoSuchSession));
                }
            }
            Stage::Called(_) => {}
        }
        session.deliveries.give_up(why);
        for reply in session.waiting {
            let _gone = reply.send(Err(failure.clone()));
        }
        self.leave_watch(id, now);
        let why = why.to_owned();
        self.tell(Event::SessionEnded { session: id, why });
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
            Stage::Live(_) => {
                self.hang_up(id, "we left", Some(Reason::sip(200, "Call completed")), now)
            }
        }
        Ok(())
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
        self.end(id, why, Failure::Cancelled, now);
        if let Some(dialog) = dialog {
            let mut letter = Letter::default();
            if let Some(reason) = reason {
                letter = letter.with(Name::Reason, reason);
            }
            self.send_bye(Farewell { dialog, letter }, 0, now);
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

    pub(crate) fn asked_bye(&mut self, id: ServerId, request: &Request, now: Instant) {
        let Some(session_id) = self.session_of(request) else {
            self.refuse(id, request, 481, "Call/Transaction Does Not Exist", now);
            return;
        };
        if let Some(live) = self.sessions.get_mut(&session_id).and_then(Session::live)
            && let Err(refusal) = live.dialog.receive(request)
        {
            self.refuse(id, request, refusal.status(), "Out of Order", now);
            return;
        }
        let draft = self.response(request, 200, "OK");
        self.respond(id, 200, draft.finish(), now);
        self.turn_away_called(session_id, now);
        let why = match request.list::<Reason<'_>>().flatten().next() {
            // A conference that is closed says 410 (simple-im 2.4); the words are for people.
            Some(reason) => reason
                .text
                .map_or("the other side left".into(), |text| text.into_owned()),
            None => "the other side left".to_owned(),
        };
        self.end(session_id, &why, Failure::Cancelled, now);
    }

    /// An UPDATE lets the session live on (RFC 4028), and may change it (RFC 3311).
    pub(crate) fn asked_update(&mut self, id: ServerId, request: &Request, now: Instant) {
        let Some((session_id, agreed)) = self.admit_refresh(id, request, now) else {
            return;
        };
        let body = match self.answer_within(session_id, request, now) {
            Ok(body) => body,
            Err(why) => {
                self.fault(why);
                self.refuse(id, request, 488, "Not Acceptable Here", now);
                return;
            }
        };
        self.accept_refresh(id, session_id, request, &agreed, body, now);
    }

    /// What INVITE and UPDATE inside a dialog have in common: their order, and the timer. `None` if
    /// the request has been refused.
    pub(crate) fn admit_refresh(
        &mut self,
        id: ServerId,
        request: &Request,
        now: Instant,
    ) -> Option<(SessionId, Agreed)> {
        let chance = self.rng.u64();
        let found = self.session_of(request);
        let found = found.and_then(|id| Some((id, self.sessions.get_mut(&id)?)));
        let Some((session_id, session)) = found else {
            self.refuse(id, request, 481, "Call/Transaction Does Not Exist", now);
            return None;
        };
        let policy = timer_policy(session.asked.interval);
        let invites = &mut session.invites;
        let Stage::Live(live) = &mut session.stage else {
            self.refuse(id, request, 491, "Request Pending", now);
            return None;
        };
        let admitted = live.dialog.receive(request).and_then(|()| {
            let cseq = live.dialog.remote_cseq().unwrap_or_default();
            match request.method() {
                Method::Invite => invites.receive(cseq, chance),
                _ => Ok(()),
            }
        });
        if let Err(refusal) = admitted {
            let mut draft = self.response(request, refusal.status(), "Not Now");
            if let sip::dialog::Refusal::Unanswered { retry_after } = refusal {
                draft.header(Name::RetryAfter, retry_after);
            }
            self.respond(id, refusal.status(), draft.finish(), now);
            return None;
        }
        let agreed = asked_timer(request).map(|asked| negotiate(&asked, &policy));
        let refusal = match agreed {
            Ok(Ok(agreed)) => return Some((session_id, agreed)),
            Ok(Err(too_small)) => {
                // RFC 4028 section 9.
                let mut draft = self.response(request, 422, "Session Interval Too Small");
                draft.header(Name::MinSe, too_small.min_se);
                (422, draft)
            }
            Err(malformed) => (400, self.response(request, 400, malformed.0)),
        };
        self.respond(id, refusal.0, refusal.1.finish(), now);
        if let Some(session) = self.sessions.get_mut(&session_id) {
            session.invites.finished();
        }
        None
    }

    /// Answers an INVITE or UPDATE inside a dialog with 200.
    pub(crate) fn accept_refresh(
        &mut self,
        id: ServerId,
        session_id: SessionId,
        request: &Request,
        agreed: &Agreed,
        body: Option<Bytes>,
        now: Instant,
    ) {
        let user_agent = self.me(false).user_agent();
        let timers = self.config.timers;
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return;
        };
        session.agree(Some(agreed), Refresher::Uas, now);
        let timer = session.terms();
        let Some(live) = session.live() else {
            return;
        };
        let mut draft = live.dialog.response(request, 200, "OK");
        draft
            .header(Name::UserAgent, user_agent)
            .header(Name::Allow, crate::request::ALLOW)
            .header(Name::Supported, crate::request::SUPPORTED);
        write_timer(&mut draft, agreed);
        let bytes = match body {
            Some(body) => draft.finish_with("application/sdp", &body),
            None => draft.finish(),
        };
        if *request.method() == Method::Invite {
            live.unconfirmed = Some((id, Unconfirmed::new(bytes.clone(), now, timers)));
            session.invites.accepted();
        }
        self.respond(id, 200, bytes, now);
        self.tell(Event::Refreshed {
            session: session_id,
            by_us: false,
            timer,
        });
    }

    /// The ACK to a 2xx of ours.
    pub(crate) fn acknowledged(&mut self, request: &Request, now: Instant) {
        let Some(id) = self.session_of(request) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.invites.finished();
        let Some(live) = session.live() else {
            return;
        };
        live.unconfirmed = None;
        if std::mem::take(&mut live.subscribe_at_ack) {
            self.watch(id, now);
        }
    }

    pub(crate) fn session_timeouts(&mut self, now: Instant) {
        let due = |session: &Session| session.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| due(s))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.session_timeout(id, now);
        }
    }

    fn session_timeout(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let timer = session
            .timer
            .as_mut()
            .and_then(|timer| timer.handle_timeout(now));
        match timer {
            // IM-7.1.1.8-S1: before the timer runs out, a request that lets the session live on.
            Some(SessionEvent::Refresh) => self.send_reinvite(id, 0, now),
            Some(SessionEvent::Expired) => {
                // RFC 4028 section 10: whoever finds the session dead says so.
                self.hang_up(id, "the session was not refreshed in time", None, now);
                return;
            }
            None => {}
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let mut repeat = None;
        let mut again = false;
        let mut lost = None;
        match &mut session.stage {
            Stage::Called(called) if called.give_up_at <= now => {
                // Nobody answered: RFC 3261 section 21.4.18.
                let _told = self.decline(id, 480, now);
                return;
            }
            Stage::Called(_) | Stage::Calling(_) => {}
            Stage::Live(live) => {
                again = live.again_at.is_some_and(|at| at <= now);
                if again {
                    live.again_at = None;
                }
                if let Some((server, unconfirmed)) = &mut live.unconfirmed {
                    match unconfirmed.handle_timeout(now) {
                        Pending::Wait => {}
                        Pending::Repeat(bytes) => repeat = Some((*server, bytes)),
                        // RFC 3261 section 13.3.1.4: no ACK, no session.
                        Pending::Lost => {
                            lost = Some("the other side did not acknowledge the session".to_owned())
                        }
                    }
                }
                if let Some((_, why)) = live.hang_up_at.take_if(|(at, _)| *at <= now) {
                    lost = Some(why);
                }
            }
        }
        if let Some((server, bytes)) = repeat {
            self.respond(server, 200, bytes, now);
        }
        if let Some(why) = lost {
            self.hang_up(id, &why, None, now);
        } else if again {
            self.send_reinvite(id, 0, now);
        }
    }
}

/// What we agree to when the other side asks.
pub(crate) fn timer_policy(interval: sip::session_timer::SessionInterval) -> SessionPolicy {
    SessionPolicy {
        interval,
        min: sip::session_timer::SessionInterval::MIN,
        refresher: Refresher::Uac,
    }
}
