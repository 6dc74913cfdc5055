//! One endpoint's side of a session, without socket and clock.
//!
//! ```text
//!            commands: send, abort, set_nickname, report_failure
//!                           │
//!   bytes ─▶ Reader ─▶ handle_piece ─▶ poll_transmit ─▶ bytes
//!                           │
//!   clock ─▶ handle_timeout └────────▶ poll_event
//! ```
//!
//! After each command, piece or timeout: [`Session::poll_event`] until `None`;
//! [`Session::poll_transmit`] whenever the socket takes more; then wait, at most until
//! [`Session::poll_timeout`].

mod assembly;
mod incoming;
mod outgoing;

use std::{collections::VecDeque, mem, time::Instant};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

pub use incoming::{CHUNK_TIMEOUT, PARTIALS_MAX, Received};
pub use outgoing::{MESSAGES_MAX, NewMessage, SendError};

use crate::{
    ByteRange, FailureReport, Head, Kind, Method, Path, PathLines, Piece, Report, Tid, Uri,
    UriError, respond, write_report,
};
use incoming::{Incoming, Outcome, Terms, check_path};
use outgoing::Outgoing;

/// The most octets of responses that wait to be sent. A peer that sends requests and takes no
/// answers is not worth more.
pub const ANSWERS_MAX: usize = 256 * 1024;

/// The most reports that wait to be sent.
pub const REPORTS_MAX: usize = 1024;

/// What the two sides agreed on by SDP.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Our URI, the one of our `a=path`.
    pub local: String,
    /// The peer's `a=path`: one URI, or several with relays.
    pub remote: String,
    /// The media types we accept, our `a=accept-types`; `*` for all, `text/*` for all of a kind.
    pub accept_types: Vec<String>,
    /// The largest message we take, in octets.
    pub message_max: u64,
    /// The largest message the peer takes, in octets: its `a=max-size`, if it has one.
    pub peer_message_max: Option<u64>,
}

/// An MSRP session between two endpoints, bound to one connection.
#[derive(Debug)]
pub struct Session {
    terms: Terms,
    paths: PathLines,
    peer_message_max: u64,
    incoming: Incoming,
    outgoing: Outgoing,
    answers: BytesMut,
    reports: VecDeque<Bound>,
    events: VecDeque<Event>,
    ended: bool,
}

/// What the session has to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// The peer, or silence, gave up a message of which parts had come.
    Abandoned {
        /// Its Message-ID.
        message_id: String,
    },
    /// A success report came.
    Confirmed {
        /// The message reported on.
        message_id: String,
        /// The octets reported on.
        range: ByteRange,
    },
    /// The peer says that there is no such session (481), or that it belongs to another connection
    /// (506). No more can be sent.
    Ended {
        /// The status code.
        code: u16,
    },
    /// A message was not, or probably not, delivered.
    Failed {
        /// Its Message-ID.
        message_id: String,
        /// Why.
        failure: Failure,
    },
    /// A message came.
    Message(Received),
    /// The answer to a nickname request; 408 if there was none in time.
    Nickname {
        /// 200, or why not: RFC 7701 section 7.1 has 403, 424, 425.
        code: u16,
    },
    /// A message was sent, and each of its chunks answered with 200 if that was asked for.
    Sent {
        /// Its Message-ID.
        message_id: String,
    },
}

/// Why a message failed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Failure {
    /// The peer refused it, in a response or in a report.
    #[error("the peer refused the message with status {0}")]
    Refused(u16),
    /// The session ended first.
    #[error("the session ended before the message was delivered")]
    SessionEnded,
    /// No answer in time.
    #[error("the message was not acknowledged in time")]
    Timeout,
}

/// The peer sends and does not read. The connection is to be closed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the peer sends requests but does not take our answers")]
pub struct NotReading;

/// A report that waits, and where it goes.
#[derive(Debug)]
struct Bound {
    paths: PathLines,
    message_id: String,
    range: ByteRange,
    code: u16,
    comment: String,
}

impl Session {
    /// Begins a session.
    ///
    /// The active side should [`Self::send`] something at once, if need be without body (RFC 4975
    /// section 5.4).
    ///
    /// # Errors
    ///
    /// [`UriError`] if one of the paths is none.
    pub fn new(setup: Setup) -> Result<Self, UriError> {
        Uri::parse(&setup.local)?;
        Path::parse(&setup.remote)?;
        Ok(Self {
            paths: PathLines::new(&setup.remote, &setup.local),
            peer_message_max: setup.peer_message_max.unwrap_or(u64::MAX),
            terms: Terms {
                local: setup.local,
                accept_types: setup.accept_types,
                message_max: setup.message_max,
            },
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            answers: BytesMut::new(),
            reports: VecDeque::new(),
            events: VecDeque::new(),
            ended: false,
        })
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send(&mut self, message: NewMessage) -> Result<(), SendError> {
        if self.ended {
            return Err(SendError::Ended);
        }
        let length = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
        if length > self.peer_message_max {
            return Err(SendError::TooLarge);
        }
        self.outgoing.send(message)
    }

    /// Gives up a message that is not sent completely. `false` if there is no such message.
    ///
    /// No event follows.
    pub fn abort(&mut self, message_id: &str) -> bool {
        self.outgoing.abort(message_id)
    }

    /// Asks a chat room for a nickname; an empty one gives it up (RFC 7701 section 7).
    pub fn set_nickname(&mut self, nickname: &str) {
        if !self.ended {
            self.outgoing.nickname(nickname.to_owned());
        }
    }

    /// Reports that a message, which was accepted, could not be delivered after all; not if its
    /// sender does not want to know (RFC 4975 section 7.1.4).
    pub fn report_failure(&mut self, message: &Received, code: u16, comment: &str) {
        if message.head.failure_report() != FailureReport::No {
            self.report(message, code, comment);
        }
    }

    /// Takes a piece of what the peer sent on this session's connection.
    ///
    /// # Errors
    ///
    /// [`NotReading`]: the connection is to be closed.
    pub fn handle_piece(&mut self, piece: &Piece, now: Instant) -> Result<(), NotReading> {
        if self.answers.len() > ANSWERS_MAX || self.reports.len() >= REPORTS_MAX {
            return Err(NotReading);
        }
        match piece.head.kind() {
            Kind::Request(Method::Send) => self.handle_send(piece, now),
            _ if !piece.first => {} // The body of a report or response is of no interest.
            Kind::Request(Method::Report) => self.handle_report(&piece.head),
            // RFC 4975 12: unknown methods are answered 501. An endpoint knows no AUTH or NICKNAME.
            Kind::Request(Method::Auth | Method::Nickname | Method::Other) => {
                respond(&piece.head, 501, "Method not understood", &mut self.answers);
            }
            Kind::Response(code) => self.handle_response(&piece.head, code),
        }
        Ok(())
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.outgoing.expire(now, &mut self.events);
        while let Some(message_id) = self.incoming.expire(now) {
            self.events.push_back(Event::Abandoned { message_id });
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (a, b) = (self.outgoing.poll_timeout(), self.incoming.poll_timeout());
        a.into_iter().chain(b).min()
    }

    /// Appends what is to be sent next: all waiting responses, or else one request.
    ///
    /// `random` is a fresh random number, of which the transaction id is made. `false` if there is
    /// nothing to send now. To be called when the socket takes more, so that responses need not
    /// wait behind chunks.
    pub fn poll_transmit(&mut self, now: Instant, random: u64, out: &mut Vec<Bytes>) -> bool {
        // RFC 4975 7.1.1: SENDs are interrupted for pending responses and reports.
        if !self.answers.is_empty() {
            out.push(mem::take(&mut self.answers).freeze());
            return true;
        }
        if let Some(bound) = self.reports.pop_front() {
            let report = Report {
                message_id: &bound.message_id,
                range: bound.range,
                code: bound.code,
                comment: &bound.comment,
            };
            let mut frame = BytesMut::new();
            write_report(&report, Tid::new(random), &bound.paths, &mut frame);
            out.push(frame.freeze());
            return true;
        }
        self.outgoing
            .poll_transmit(&self.paths, now, random, out, &mut self.events)
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn handle_send(&mut self, piece: &Piece, now: Instant) {
        match self.incoming.handle(piece, &self.terms, now) {
            Outcome::Nothing => {}
            Outcome::Answer(code, comment) => self.answer(&piece.head, code, comment),
            Outcome::Aborted(message_id) => {
                self.answer(&piece.head, 200, "OK");
                self.events.push_back(Event::Abandoned { message_id });
            }
            Outcome::Complete(message) => {
                self.answer(&piece.head, 200, "OK");
                // RFC 4975 7.1.3: one report on the whole message. 5.4: duplicates are
                // acknowledged all the same.
                if message.head.success_report() {
                    self.report(&message, 200, "OK");
                }
                self.events.push_back(Event::Message(message));
            }
        }
    }

    fn handle_report(&mut self, head: &Head) {
        // RFC 4975 7.1.2: a REPORT is never answered, whatever is wrong with it.
        if check_path(head, &self.terms.local).is_err() {
            return;
        }
        let (Some(message_id), Some(status)) = (head.message_id(), head.status()) else {
            return;
        };
        // RFC 4975 7.3.2 also has the session fail after a failure report on a range. That is left
        // to the caller, who learns of the failure: 10.5 has 413 stop one message only.
        // RFC 4975 7.3.2: in namespace 000 it means what a response with that code would mean.
        let Ok(range) = head.byte_range() else {
            return;
        };
        if status.namespace == 0
            && self
                .outgoing
                .reported(message_id, range, status.code, &mut self.events)
        {
            self.end_if(status.code);
        }
    }

    fn handle_response(&mut self, head: &Head, code: u16) {
        let Some(tid) = Tid::parse(head.transaction_id()) else {
            return;
        };
        if self.outgoing.answered(tid, code, &mut self.events) {
            self.end_if(code);
        }
    }

    /// RFC 4975 10.8 and 10.10: after 481 and 506 there is no session here any more.
    fn end_if(&mut self, code: u16) {
        if matches!(code, 481 | 506) && !self.ended {
            self.ended = true;
            self.outgoing.end(&mut self.events);
            self.events.push_back(Event::Ended { code });
        }
    }

    fn answer(&mut self, head: &Head, code: u16, comment: &str) {
        if head.failure_report().wants_response(code) {
            respond(head, code, comment, &mut self.answers);
        }
    }

    /// Queues a report that goes the whole way back (RFC 4975 section 7.1.3).
    fn report(&mut self, message: &Received, code: u16, comment: &str) {
        if self.reports.len() >= REPORTS_MAX {
            return;
        }
        let length = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
        self.reports.push_back(Bound {
            paths: PathLines::new(message.head.from_path_text(), &self.terms.local),
            message_id: message.head.message_id().unwrap_or_default().to_owned(),
            range: ByteRange::whole(length),
            code,
            comment: comment.to_owned(),
        });
    }
}
