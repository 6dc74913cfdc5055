//! A session: what belongs to it, how it is kept alive, and how it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::answers::Answers;
use super::event::{Down, Event, Refusal, Transmit};
use super::requests::{Pending, Purpose};
use super::{Farewell, Link, MAX_ID, MIN_TIME_TO_LIVE, Mode, later};
use crate::csp::Outcome;
use crate::ssp::{
    KeepAliveRequest, KeepAliveResponse, LogoutRequest, Message, Primitive, Transaction,
};
use crate::status::Code;

/// A session. Each side addresses the other with the other's id.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) own_id: String,
    pub(super) peer_id: String,
    /// The transaction id of the handshake that has made it.
    pub(super) made_by: String,
    pub(super) time_to_live: Duration,
    /// When the peer was heard last.
    pub(super) heard: Instant,
    keep_alive_at: Instant,
    /// We are about to log out.
    pub(super) leaving: bool,
    /// Our requests without an answer, by transaction id.
    pub(super) under_way: BTreeMap<String, Pending>,
    pub(super) answers: Answers,
}

/// The time to live of a session, if the peer wants so many seconds.
pub(super) fn time_to_live(wanted_s: Option<u32>, own: Duration) -> Duration {
    let wanted = wanted_s.map(|seconds| Duration::from_secs(seconds.into()));
    wanted.unwrap_or(own).min(own).max(MIN_TIME_TO_LIVE)
}

impl Session {
    pub(super) fn new(
        own_id: String,
        peer_id: String,
        made_by: String,
        time_to_live: Duration,
        now: Instant,
    ) -> Self {
        Self {
            own_id,
            peer_id,
            made_by,
            time_to_live,
            heard: now,
            keep_alive_at: later(now, time_to_live / 2),
            leaving: false,
            under_way: BTreeMap::new(),
            answers: Answers::default(),
        }
    }

    pub(super) fn timeout(&self) -> Instant {
        let due = self.under_way.values().map(|pending| pending.due);
        let silence = self.expires_at().min(self.keep_alive_at);
        due.fold(silence, Instant::min)
    }

    fn expires_at(&self) -> Instant {
        later(self.heard, self.time_to_live)
    }

    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
        self.keep_alive_at = later(self.heard, self.time_to_live / 2);
    }

    pub(super) fn say(&self, transaction: Transaction) -> Transmit {
        let transaction_id = transaction.id.clone();
        self.carry(
            Message::of_session(self.peer_id.clone(), transaction).to_xml(),
            transaction_id,
        )
    }

    pub(super) fn carry(&self, body: Bytes, transaction_id: String) -> Transmit {
        Transmit {
            body,
            transaction_id,
            session_id: Some(self.peer_id.clone()),
        }
    }
}

impl Link {
    /// Whether a message belongs to the session. If it does, the peer has been heard.
    pub(super) fn is_in_session(
        &mut self,
        session_id: &str,
        transactions: &[Transaction],
        now: Instant,
    ) -> bool {
        if let Some(session) = &mut self.session
            && session.own_id == session_id
        {
            session.hear(now);
            return true;
        }
        let mut modes = transactions.iter().map(|transaction| transaction.mode);
        let is_answer = !transactions.is_empty() && modes.all(|mode| mode == Mode::Response);
        let farewell = self.farewell.as_ref().filter(|farewell| {
            let is_it = |one: &Transaction| one.id == farewell.transaction_id;
            farewell.own_session == session_id && transactions.iter().any(is_it)
        });
        match farewell {
            Some(farewell) => {
                let transmit = farewell.transmit();
                self.transmit(transmit);
            }
            // Answers may be late copies of what has been heard.
            None if is_answer => {}
            None => self.refuse(Refusal::ForeignSession),
        }
        false
    }

    /// A transaction of the session.
    pub(super) fn transaction(&mut self, transaction: &Transaction, now: Instant) {
        let Transaction {
            mode,
            id,
            primitive,
        } = transaction;
        match (mode, primitive) {
            (Mode::Response, _) => self.answered(id, Ok(primitive), now),
            (Mode::Request, Primitive::Disconnect(_)) => self.end_session(Down::PeerLeft, now),
            (Mode::Request, _) if id.len() > MAX_ID => self.refuse(Refusal::TooLong),
            (Mode::Request, Primitive::KeepAliveRequest(request)) => self.keep_alive(id, request),
            (Mode::Request, Primitive::LogoutRequest(_)) => self.logged_out(id, now),
            (Mode::Request, _) => self.asked(id, primitive),
        }
    }

    /// The peer wants the session to go on.
    fn keep_alive(&mut self, id: &str, request: &KeepAliveRequest) {
        let own = self.settings.time_to_live;
        let Some(session) = &mut self.session else {
            return;
        };
        if request.time_to_live_s.is_some() {
            session.time_to_live = time_to_live(request.time_to_live_s, own);
            session.hear(session.heard);
        }
        let seconds = u32::try_from(session.time_to_live.as_secs()).unwrap_or(u32::MAX);
        let response = Primitive::KeepAliveResponse(KeepAliveResponse {
            time_to_live_s: Some(seconds),
            status: Outcome::new(Code::SUCCESSFUL),
        });
        let transmit = session.say(Transaction::response(id, response));
        self.transmit(transmit);
    }

    /// The peer ends the session: it hears that this was understood.
    fn logged_out(&mut self, id: &str, now: Instant) {
        let Some(session) = &self.session else {
            return;
        };
        let farewell = Farewell {
            own_session: session.own_id.clone(),
            peer_session: session.peer_id.clone(),
            transaction_id: id.to_owned(),
        };
        self.transmit(farewell.transmit());
        self.farewell = Some(farewell);
        self.end_session(Down::PeerLeft, now);
    }

    /// We end the session.
    pub(super) fn log_out(&mut self, now: Instant) {
        let Some(session) = &mut self.session else {
            return;
        };
        if session.leaving {
            return;
        }
        session.leaving = true;
        let under_way = std::mem::take(&mut session.under_way);
        self.fail_all(under_way);
        self.ask(
            Purpose::Logout,
            Primitive::LogoutRequest(LogoutRequest {}),
            now,
        );
    }

    /// The session ends, and what is under way with it.
    pub(super) fn end_session(&mut self, why: Down, now: Instant) {
        let Some(session) = self.session.take() else {
            return;
        };
        self.fail_all(session.under_way);
        self.events.push_back(Event::Down(why));
        if why != Down::Closed && self.handshake.is_none() {
            self.back_off(now);
        }
    }

    /// Ends a session whose peer is silent, keeps one alive, and repeats requests.
    pub(super) fn session_timeout(&mut self, now: Instant) {
        let Some(session) = &mut self.session else {
            return;
        };
        if now >= session.expires_at() {
            let why = if session.leaving {
                Down::Closed
            } else {
                Down::Expired
            };
            return self.end_session(why, now);
        }
        if now >= session.keep_alive_at {
            // Should nothing come of it, there is time for a second one.
            session.keep_alive_at = later(now, session.time_to_live / 4);
            if !session.leaving {
                self.ask_whether_alive(now);
            }
        }
        self.repeat(now);
    }

    /// Something had no answer. If nothing else came either, the peer is asked whether it is there;
    /// and if that has no answer, it may have restarted and know nothing of the session. Then it is
    /// dialed, beside the session, which goes on until there is another one.
    pub(super) fn doubt(&mut self, pending: &Pending, now: Instant) {
        let Some(session) = &self.session else {
            return;
        };
        if session.heard > pending.asked_at {
            return;
        }
        if pending.purpose != Purpose::KeepAlive {
            let mut under_way = session.under_way.values();
            if !under_way.any(|one| one.purpose == Purpose::KeepAlive) {
                self.ask_whether_alive(now);
            }
        } else if self.handshake.is_none() && self.redial_at.is_none_or(|at| at <= now) {
            self.start_handshake(now);
        }
    }

    pub(super) fn ask_whether_alive(&mut self, now: Instant) {
        let request = KeepAliveRequest {
            time_to_live_s: None,
        };
        self.ask(
            Purpose::KeepAlive,
            Primitive::KeepAliveRequest(request),
            now,
        );
    }
}

impl Farewell {
    fn transmit(&self) -> Transmit {
        let status = Primitive::status(Code::SUCCESSFUL);
        let transaction = Transaction::response(self.transaction_id.clone(), status);
        Transmit {
            body: Message::of_session(self.peer_session.clone(), transaction).to_xml(),
            transaction_id: self.transaction_id.clone(),
            session_id: Some(self.peer_session.clone()),
        }
    }
}
