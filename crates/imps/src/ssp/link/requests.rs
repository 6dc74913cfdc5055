//! Requests in both directions: ours until they are answered or given up, the peer's until the
//! owner has answered them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::answers::Seen;
use super::event::{Down, Event, Failure, NotAsked, NotSent, Refusal, Ticket};
use super::session::time_to_live;
use super::{Link, MAX_ID, later};
use crate::ssp::{Error, Mode, Primitive, Refused, Transaction};
use crate::status::Code;

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) purpose: Purpose,
    body: Bytes,
    pub(super) asked_at: Instant,
    /// How often it may be sent again.
    retries: u32,
    wait: Duration,
    pub(super) due: Instant,
    /// The last POST could not be made.
    unreachable: bool,
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    KeepAlive,
    Logout,
    Owner(Ticket),
}

impl Link {
    /// Asks the peer something. Its owner hears of it once: [`Event::Answered`] or
    /// [`Event::Failed`].
    ///
    /// # Errors
    ///
    /// [`NotSent`] if there is no session, or too much is under way. Nothing is kept for later.
    pub fn request(&mut self, primitive: Primitive, now: Instant) -> Result<Ticket, NotSent> {
        let session = self.session.as_ref().filter(|session| !session.leaving);
        let under_way = session.ok_or(NotSent::Down)?.under_way.len();
        if under_way >= self.settings.max_under_way {
            return Err(NotSent::Busy);
        }
        self.tickets = self.tickets.wrapping_add(1);
        let ticket = Ticket(self.tickets);
        self.ask(Purpose::Owner(ticket), primitive, now);
        Ok(ticket)
    }

    /// Answers a request of the peer's ([`Event::Asked`]).
    ///
    /// # Errors
    ///
    /// [`NotAsked`] if the request has an answer already, or its session has ended.
    pub fn answer(&mut self, transaction_id: &str, primitive: Primitive) -> Result<(), NotAsked> {
        let session = self.session.as_mut().ok_or(NotAsked)?;
        if !session.answers.settle(transaction_id) {
            return Err(NotAsked);
        }
        self.conclude(transaction_id, primitive);
        Ok(())
    }

    /// Sends an answer, and keeps it for when the request comes again.
    pub(super) fn conclude(&mut self, transaction_id: &str, primitive: Primitive) {
        if let Some(session) = &mut self.session {
            let transmit = session.say(Transaction::response(transaction_id, primitive));
            session.answers.keep(transaction_id, transmit.body.clone());
            self.transmit(transmit);
        }
    }

    pub(super) fn ask(&mut self, purpose: Purpose, primitive: Primitive, now: Instant) {
        let id = self.ids.next();
        let wait = self.settings.response_timeout;
        let Some(session) = &mut self.session else {
            return;
        };
        let transmit = session.say(Transaction::request(id.clone(), primitive));
        let pending = Pending {
            purpose,
            body: transmit.body.clone(),
            asked_at: now,
            retries: self.settings.retries,
            wait,
            due: later(now, wait),
            unreachable: false,
        };
        session.under_way.insert(id, pending);
        self.transmit(transmit);
    }

    pub(super) fn asked(&mut self, id: &str, primitive: &Primitive) {
        let limit = self.settings.max_under_way;
        let Some(session) = &mut self.session else {
            return;
        };
        match session.answers.look_up(id) {
            Seen::Answered(body) => {
                let transmit = session.carry(body, id.to_owned());
                self.transmit(transmit);
            }
            Seen::Waiting => {}
            Seen::New if session.leaving || session.answers.waiting() >= limit => {
                self.conclude(id, Primitive::status(Code::SERVICE_UNAVAILABLE));
                self.refuse(Refusal::TooMany);
            }
            Seen::New => {
                session.answers.expect(id);
                self.events.push_back(Event::Asked {
                    transaction_id: id.to_owned(),
                    primitive: primitive.clone(),
                });
            }
        }
    }

    /// A transaction that could not be read.
    pub(super) fn unreadable(&mut self, refused: &Refused, now: Instant) {
        if refused.mode == Mode::Response {
            return self.answered(&refused.id, Err(refused.error), now);
        }
        if refused.id.len() > MAX_ID {
            return self.refuse(Refusal::TooLong);
        }
        self.conclude(&refused.id, Primitive::status(refused.error.status()));
        self.refuse(Refusal::Unreadable(refused.error));
    }

    /// An answer of the peer's. A late one is passed over.
    pub(super) fn answered(&mut self, id: &str, answer: Result<&Primitive, Error>, now: Instant) {
        let Some(session) = &mut self.session else {
            return;
        };
        let Some(pending) = session.under_way.remove(id) else {
            return;
        };
        match (pending.purpose, answer) {
            (Purpose::Owner(ticket), Ok(primitive)) => self.events.push_back(Event::Answered {
                ticket,
                primitive: primitive.clone(),
            }),
            (Purpose::Owner(ticket), Err(error)) => self.events.push_back(Event::Failed {
                ticket,
                why: Failure::BadAnswer(error),
            }),
            (Purpose::KeepAlive, Ok(Primitive::KeepAliveResponse(response))) => {
                let own = self.settings.time_to_live;
                if response.status.code.is_success() && response.time_to_live_s.is_some() {
                    session.time_to_live = time_to_live(response.time_to_live_s, own);
                    session.hear(now);
                }
            }
            (Purpose::KeepAlive, _) => {}
            (Purpose::Logout, _) => self.end_session(Down::Closed, now),
        }
    }

    pub(super) fn fail_all(&mut self, under_way: BTreeMap<String, Pending>) {
        for pending in under_way.into_values() {
            if let Purpose::Owner(ticket) = pending.purpose {
                self.events.push_back(Event::Failed {
                    ticket,
                    why: Failure::SessionEnded,
                });
            }
        }
    }

    /// A POST could not be made.
    pub(super) fn unreachable(&mut self, id: &str, now: Instant) {
        if let Some(session) = &mut self.session
            && let Some(pending) = session.under_way.get_mut(id)
        {
            pending.unreachable = true;
            if pending.retries == 0 {
                pending.due = now;
                self.repeat(now);
            }
        }
    }

    /// Sends again what is due, or gives it up.
    pub(super) fn repeat(&mut self, now: Instant) {
        let Some(session) = &mut self.session else {
            return;
        };
        let due = session.under_way.iter().filter(|(_, one)| now >= one.due);
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            let Some(session) = &mut self.session else {
                return;
            };
            let Some(pending) = session.under_way.get_mut(&id) else {
                continue;
            };
            if let Some(left) = pending.retries.checked_sub(1) {
                pending.retries = left;
                pending.wait = pending.wait.saturating_mul(2);
                pending.due = later(now, pending.wait);
                pending.unreachable = false;
                let body = pending.body.clone();
                let transmit = session.carry(body, id);
                self.transmit(transmit);
            } else if let Some(pending) = session.under_way.remove(&id) {
                self.give_up(&pending, now);
            }
        }
    }

    fn give_up(&mut self, pending: &Pending, now: Instant) {
        match pending.purpose {
            Purpose::Owner(ticket) => {
                let why = if pending.unreachable {
                    Failure::Unreachable
                } else {
                    Failure::NoAnswer
                };
                self.events.push_back(Event::Failed { ticket, why });
            }
            Purpose::KeepAlive => {}
            Purpose::Logout => return self.end_session(Down::Closed, now),
        }
        self.doubt(pending, now);
    }
}
