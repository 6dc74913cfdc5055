//! The refreshes of a session that are ours to send (RFC 4028 sections 7.4 and 10).
//!
//! ```text
//!   timer ──▶ UPDATE, or INVITE if the peer takes no UPDATE ──2xx──▶ timer starts anew
//!               │ 405, 501 to UPDATE ──▶ INVITE at once
//!               │ 422 ──▶ once more, longer          491, Retry-After ──▶ once more, later
//!               └ 408, 481 ──▶ the leg is lost       others: the session ends when its timer does
//! ```

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use room::LegId;
use sip::dialog::retry_after_glare;
use sip::header::{CSeq, MinSe, RetryAfter, SessionExpires};
use sip::sdp::Description;
use sip::session_timer::{Refresher, SessionRequest, SessionTimer};
use sip::transaction::ClientId;
use sip::{Draft, Method, Name, Response};

use crate::core::desk::{Desk, Owner, user_agent};
use crate::focus::legs::{Leg, Legs};
use crate::focus::{ALLOW, timer};

/// The longest that a busy peer may put a refresh off, in seconds: a third of the shortest session
/// there is, so that it still comes in time.
const PUT_OFF: u32 = 30;

/// The refreshes of one leg.
#[derive(Debug)]
pub(crate) struct Refreshes {
    /// Did we make the Call-ID? Then we wait longer after a glare.
    made_call_id: bool,
    /// The one that has no final response.
    sent: Option<Sent>,
    /// The largest Min-SE met in this dialog.
    min_se: Option<u32>,
    /// When to try again.
    retry_at: Option<Instant>,
    /// The peer has answered 422 to the refresh under way, and gets no third.
    lengthened: bool,
    /// The peer has refused UPDATE, whatever its Allow says.
    no_update: bool,
    /// The CSeq of the INVITE that our latest ACK was for.
    acknowledged: Option<u32>,
}

#[derive(Debug)]
struct Sent {
    method: Method,
    cseq: u32,
    asked: SessionRequest,
}

/// INVITEs of ours inside dialogs, as long as a response to them has to find its leg: after the
/// first 2xx until none can come again (RFC 3261 section 13.2.2.4), even if the leg is gone.
#[derive(Debug, Default)]
pub(crate) struct Reinvites {
    sent: HashMap<LegId, ClientId>,
    accepted: VecDeque<(Instant, ClientId)>,
}

impl Refreshes {
    /// `us` is our side of the INVITE that made the dialog.
    pub(crate) fn new(us: Refresher) -> Self {
        Self {
            made_call_id: us == Refresher::Uac,
            sent: None,
            min_se: None,
            retry_at: None,
            lengthened: false,
            no_update: false,
            acknowledged: None,
        }
    }

    /// Is an offer of ours under way?
    pub(crate) fn has_offer(&self) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|sent| sent.method == Method::Invite)
    }

    /// Notes the Min-SE of a request: it is repeated in ours (RFC 4028 section 7.4).
    pub(crate) fn saw_min_se(&mut self, seconds: u32) {
        self.min_se = Some(self.min_se.map_or(seconds, |known| known.max(seconds)));
    }

    /// When a refresh has to be tried again.
    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Is it to be tried again now?
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.retry_at.is_some_and(|at| at <= now);
        if due {
            self.retry_at = None;
        }
        due
    }

    /// What the next refresh asks for.
    fn ask(&self, timer: &SessionTimer) -> SessionRequest {
        let mut ask = SessionRequest::new(timer.interval());
        if let Some(seconds) = self.min_se {
            ask.saw_min_se(seconds);
        }
        ask.refreshing(timer)
    }

    /// The session was refreshed by the peer: nothing has to be tried again.
    pub(crate) const fn settled(&mut self) {
        self.retry_at = None;
    }

    /// The request under way, if this CSeq is its. (A leg may see responses to the BYEs of other
    /// branches too, which count for themselves.)
    fn take(&mut self, cseq: u32, method: &str) -> Option<Sent> {
        self.sent
            .take_if(|sent| sent.cseq == cseq && sent.method.as_str() == method)
    }
}

impl Reinvites {
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.accepted.front().map(|(until, _)| *until)
    }

    /// Forgets those to which no response can come any more.
    pub(crate) fn handle_timeout(&mut self, desk: &mut Desk) {
        while let Some((_, client)) = self.accepted.pop_front_if(|(until, _)| *until <= desk.now) {
            desk.disown(client);
        }
    }

    /// The INVITE of this leg that has no final response.
    pub(crate) fn pending(&self, leg: LegId) -> Option<ClientId> {
        self.sent.get(&leg).copied()
    }

    /// The INVITE of this leg has its first 2xx.
    fn accepted(&mut self, leg: LegId, until: Instant) {
        if let Some(client) = self.sent.remove(&leg) {
            self.accepted.push_back((until, client));
        }
    }
}

impl Legs {
    /// Refreshes a session.
    pub(crate) fn refresh(&mut self, id: LegId, desk: &mut Desk) {
        let Some(leg) = self.get_mut(id) else {
            return;
        };
        if leg.refreshes.sent.is_some() {
            return;
        }
        // RFC 4028 section 7.4: UPDATE is preferred, and needs no offer.
        if leg.allows_update && !leg.refreshes.no_update {
            leg.send_refresh(id, &Method::Update, desk);
        } else if leg.invites.may_send() {
            if let Some(client) = leg.send_refresh(id, &Method::Invite, desk) {
                self.reinvites.sent.insert(id, client);
            }
        } else {
            // An INVITE of the peer's is under way.
            leg.after_glare(desk);
            self.wind(id);
        }
    }

    /// A request of ours inside a leg has its final response: a BYE, or a refresh.
    pub(crate) fn answered(&mut self, id: LegId, response: Response, desk: &mut Desk) {
        let Ok(CSeq { number, method }) = response.require::<CSeq<'_>>() else {
            return;
        };
        let invite = method == "INVITE";
        if invite && response.is_success() {
            let until = desk.now + desk.timers().patience();
            self.reinvites.accepted(id, until);
        } else if invite {
            self.reinvites.sent.remove(&id);
        }
        let Some(leg) = self.get_mut(id) else {
            return;
        };
        let Some(sent) = leg.refreshes.take(number, method) else {
            if invite && response.is_success() {
                leg.acknowledge_again(number, desk);
            }
            return;
        };
        if sent.method == Method::Invite {
            leg.invites.answered();
        }
        match leg.dialog.answered(&sent.method, &response) {
            // RFC 3261 section 12.2.1.2: 408 and 481 end the dialog.
            Ok(false) => return self.lose(id, "SIP;cause=481;text=\"Refresh Refused\"", desk),
            Ok(true) => {}
            Err(error) => tracing::debug!(leg = id.0, %error, "a Contact cannot be read"),
        }
        if response.is_success() {
            leg.refreshed(&sent, &response, desk);
        } else if leg.try_again(sent, &response, desk) {
            self.refresh(id, desk);
        }
        self.wind(id);
    }

    /// A request of ours inside a leg will have no response; `status` is what that counts as.
    pub(crate) fn failed(&mut self, id: LegId, status: u16, desk: &mut Desk) {
        self.reinvites.sent.remove(&id);
        let Some(sent) = self.get_mut(id).and_then(|leg| leg.refreshes.sent.take()) else {
            return;
        };
        if sent.method == Method::Invite
            && let Some(leg) = self.get_mut(id)
        {
            leg.invites.answered();
        }
        if status == 408 {
            // RFC 3261 section 12.2.1.2: no answer at all ends the dialog too.
            self.lose(id, "SIP;cause=408;text=\"No Answer\"", desk);
        }
        // A lost connection may come back: the session ends when its timer does.
    }
}

impl Leg {
    fn send_refresh(&mut self, id: LegId, method: &Method, desk: &mut Desk) -> Option<ClientId> {
        let asked = self.refreshes.ask(self.timer.as_ref()?);
        let offer = match method {
            // RFC 4028 section 7.4: the offer says that nothing has changed.
            Method::Invite => Some(self.description.current()?),
            _ => None,
        };
        let (dialog, min_se) = (&mut self.dialog, asked.min_se);
        let client = desk.request(method, &self.flow, Owner::Leg(id), |via| {
            let mut draft = dialog.request(method, via);
            head(&mut draft, &asked);
            if let Some(least) = min_se {
                draft.header(Name::MinSe, least);
            }
            match &offer {
                Some(offer) => draft.finish_with("application/sdp", offer),
                None => draft.finish(),
            }
        });
        if *method == Method::Invite {
            self.invites.sent();
        }
        self.refreshes.sent = Some(Sent {
            method: method.clone(),
            cseq: self.dialog.local_cseq(),
            asked,
        });
        Some(client)
    }

    /// A 2xx: the session goes on, on the terms it sets.
    fn refreshed(&mut self, sent: &Sent, response: &Response, desk: &mut Desk) {
        self.refreshes.lengthened = false;
        self.note_allow(response);
        let agreed = timer::agreed(response, &desk.house.policy());
        // RFC 4028 section 7.2: we are the asking side of this refresh.
        self.timer = agreed.map(|agreed| SessionTimer::new(&agreed, Refresher::Uac, desk.now));
        if sent.method != Method::Invite {
            return;
        }
        let branch = desk.branch();
        let via = desk.house.via(&self.flow, &branch);
        let ack = self.dialog.ack(sent.cseq, &via).finish();
        desk.send_plain(&self.flow, ack.clone());
        self.ack = Some(ack);
        self.refreshes.acknowledged = Some(sent.cseq);
        let answer = Description::parse(&response.body()).ok();
        if let Some((_, peer)) = answer.as_ref().and_then(|answer| answer.msrp().ok()) {
            self.described(peer);
        }
    }

    /// A 2xx to an INVITE that is acknowledged already: the ACK was lost.
    fn acknowledge_again(&mut self, cseq: u32, desk: &mut Desk) {
        if self.refreshes.acknowledged == Some(cseq)
            && let Some(ack) = self.ack.clone()
        {
            desk.send_plain(&self.flow, ack);
        }
    }

    /// A refusal: is the refresh to be sent again at once?
    fn try_again(&mut self, sent: Sent, response: &Response, desk: &mut Desk) -> bool {
        let Sent {
            method, mut asked, ..
        } = sent;
        match response.status() {
            // It does not know the method after all.
            405 | 501 if method == Method::Update => {
                self.refreshes.no_update = true;
                true
            }
            422 => {
                let least = response
                    .get::<MinSe>()
                    .ok()
                    .flatten()
                    .map(|MinSe(seconds)| seconds);
                let longer = !self.refreshes.lengthened && asked.refused(least);
                self.refreshes.lengthened = longer;
                if let Some(seconds) = least.filter(|_| longer) {
                    self.refreshes.saw_min_se(seconds);
                }
                longer
            }
            491 => {
                self.after_glare(desk);
                false
            }
            _ => {
                if let Ok(Some(RetryAfter { seconds, .. })) = response.get::<RetryAfter<'_>>() {
                    let wait = Duration::from_secs(seconds.clamp(1, PUT_OFF).into());
                    self.refreshes.retry_at = Some(desk.now + wait);
                }
                false
            }
        }
    }

    /// RFC 3261 section 14.1: two INVITEs have met, and each side waits for a while of its own.
    fn after_glare(&mut self, desk: &mut Desk) {
        let wait = retry_after_glare(self.refreshes.made_call_id, desk.rng.u64());
        self.refreshes.retry_at = Some(desk.now + wait);
    }
}

/// What every refresh says.
fn head(draft: &mut Draft, asked: &SessionRequest) {
    user_agent(draft);
    draft.header(Name::Allow, ALLOW);
    draft.header(Name::Supported, super::TIMER);
    let asked = SessionExpires {
        seconds: asked.interval.as_secs(),
        refresher: asked.refresher,
    };
    draft.header(Name::SessionExpires, asked);
}
