//! What the other side asks inside a session: its end, a change, or that it lives on.

use std::time::Instant;

use bytes::Bytes;
use sip::header::{MinSe, Reason, SessionExpires};
use sip::session_timer::{Agreed, Refresher, Requested, SessionInterval, SessionPolicy, negotiate};
use sip::transaction::{ServerId, Unconfirmed};
use sip::{Draft, Malformed, Method, Name, Request};

use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::session::{Session, Stage};

impl Core {
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
        // A cause of 200 says no more than that the other side left.
        let mut reasons = request.list::<Reason<'_>>().flatten();
        let reason = reasons.find(|reason| !reason.is_sip(200));
        if reason.as_ref().is_some_and(|reason| reason.is_sip(410))
            && let Some(session) = self.sessions.get(&session_id)
        {
            // The conference is over, and there is nothing to come back to.
            let identity = session.identity.clone();
            self.forget_session(&identity);
        }
        let why = reason.and_then(|reason| reason.text);
        let why = why.unwrap_or("the other side left".into());
        if !self.was_replaced(session_id, now) {
            self.part(session_id, &why, now);
        }
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
        let replaced_by = session.replaced_by;
        let Some(live) = session.live() else {
            return;
        };
        live.unconfirmed = None;
        let at_ack = std::mem::take(&mut live.at_ack);
        if at_ack.leave {
            match replaced_by {
                Some(by) => self.give_way(id, by, now),
                None => self.depart(id, now),
            }
            return;
        }
        if at_ack.answer
            && let Err(why) = self.start_media_as_offerer(id, request)
        {
            self.fault(&why);
            self.hang_up(id, &why, None, now);
            return;
        }
        if at_ack.subscribe {
            self.watch(id, now);
        }
    }
}

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

/// What we agree to when the other side asks.
pub(crate) fn timer_policy(interval: SessionInterval) -> SessionPolicy {
    SessionPolicy {
        interval,
        min: SessionInterval::MIN,
        refresher: Refresher::Uac,
    }
}
