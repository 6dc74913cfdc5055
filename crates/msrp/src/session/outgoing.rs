//! The sending half of a session: messages become chunks, and their fate is followed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use thiserror::Error;

use super::{Event, Failure};
use crate::{
    ByteRange, CHUNK_MAX, Chunk, FailureReport, Flag, PathLines, Pending, SendHead, Tid,
    write_nickname,
};

/// The most messages that wait: to be sent, to be answered, or for their success report.
pub const MESSAGES_MAX: usize = 256;

/// How many refused media types are remembered.
const REFUSED_TYPES_MAX: usize = 32;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its Message-ID: 4 to 32 letters, digits and `.-+%=`, never used before.
    pub message_id: String,
    /// Its media type; `None` sends a request without body, as the active side does at once when it
    /// has nothing to say (RFC 4975 section 5.4).
    pub content_type: Option<String>,
    /// Further headers, such as Content-Disposition.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether to ask for a success report.
    pub success_report: bool,
    /// Which failures to ask for.
    pub failure_report: FailureReport,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// The peer has said that the session is over.
    #[error("the session is over")]
    Ended,
    /// The Message-ID is not of the form RFC 4975 section 9 gives it, or still in use.
    #[error("the Message-ID is malformed or in use")]
    MessageId,
    /// [`MESSAGES_MAX`] messages wait already.
    #[error("{MESSAGES_MAX} messages wait to be sent already")]
    QueueFull,
    /// Larger than the peer takes (`a=max-size`).
    #[error("the message is larger than the peer takes")]
    TooLarge,
    /// The peer refused this media type before (RFC 4975 section 10.6).
    #[error("the peer refused this media type before")]
    TypeRefused,
}

/// Messages that take turns on the connection. Further ones wait until one of them is through.
const INTERLEAVED_MAX: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// In the order of sending, by a running number.
    messages: BTreeMap<u64, Message>,
    next: u64,
    /// Messages with something left to send, in turn.
    ready: VecDeque<u64>,
    nickname: Option<String>,
    pending: Pending<Awaited>,
    refused_types: Vec<String>,
}

#[derive(Debug)]
struct Message {
    new: NewMessage,
    /// Octets sent so far.
    sent: usize,
    all_sent: bool,
    /// Chunks without their response.
    open: usize,
    /// Octets from the beginning on that success reports cover; `None` before the first, which
    /// for an empty message is not the same as 0.
    confirmed: Option<u64>,
    /// To be ended with `#`.
    aborted: bool,
    told_sent: bool,
}

#[derive(Clone, Copy, Debug)]
enum Awaited {
    Chunk(u64),
    Nickname,
}

impl Outgoing {
    pub(super) fn send(&mut self, new: NewMessage) -> Result<(), SendError> {
        if !is_ident(&new.message_id) || self.find(&new.message_id).is_some() {
            return Err(SendError::MessageId);
        }
        let type_refused = |t: &String| self.refused_types.iter().any(|r| *r == media_type(t));
        if new.content_type.as_ref().is_some_and(type_refused) {
            return Err(SendError::TypeRefused);
        }
        if self.messages.len() >= MESSAGES_MAX && !self.forget_unconfirmed() {
            return Err(SendError::QueueFull);
        }
        let message = Message {
            new,
            sent: 0,
            all_sent: false,
            open: 0,
            confirmed: None,
            aborted: false,
            told_sent: false,
        };
        self.messages.insert(self.next, message);
        self.ready.push_back(self.next);
        self.next += 1;
        Ok(())
    }

    /// Asks for a nickname; a request not yet sent is replaced.
    pub(super) fn nickname(&mut self, nickname: String) {
        self.nickname = Some(nickname);
    }

    /// Gives a message up; `false` if there is none with something left to send.
    pub(super) fn abort(&mut self, message_id: &str) -> bool {
        let Some(number) = self.find(message_id) else {
            return false;
        };
        match self.messages.get_mut(&number) {
            Some(message) if message.all_sent || message.aborted => false,
            Some(message) if message.sent > 0 => {
                message.aborted = true;
                true
            }
            _ => self.messages.remove(&number).is_some(),
        }
    }

    /// Writes the next request, if there is one and if the peer keeps up with answering.
    pub(super) fn poll_transmit(
        &mut self,
        paths: &PathLines,
        now: Instant,
        random: u64,
        out: &mut Vec<Bytes>,
        events: &mut VecDeque<Event>,
    ) -> bool {
        if self.pending.is_full() {
            return false;
        }
        if let Some(nickname) = self.nickname.take() {
            let tid = Tid::new(random);
            let mut frame = bytes::BytesMut::new();
            write_nickname(&nickname, tid, paths, &mut frame);
            out.push(frame.freeze());
            // Cannot be full: asked above.
            let _ = self.pending.push(tid, Awaited::Nickname, now);
            return true;
        }
        while let Some(number) = self.ready.pop_front() {
            if let Some(message) = self.messages.get_mut(&number) {
                let tid = message.write_chunk(paths, random, out);
                // RFC 4975 7.1.1: with Failure-Report "no" nothing will be answered.
                if message.new.failure_report != FailureReport::No {
                    message.open += 1;
                    let _ = self.pending.push(tid, Awaited::Chunk(number), now);
                }
                // Each message in turn, so that a long one does not delay the others.
                // But only a few at a time: a receiver has to hold all that is unfinished.
                if !message.all_sent {
                    let place = self.ready.len().min(INTERLEAVED_MAX - 1);
                    self.ready.insert(place, number);
                }
                self.settle(number, events);
                return true;
            }
        }
        false
    }

    /// Takes a response; `false` if it is to nothing that is open.
    pub(super) fn answered(&mut self, tid: Tid, code: u16, events: &mut VecDeque<Event>) -> bool {
        let Some(awaited) = self.pending.take(tid) else {
            return false;
        };
        match awaited {
            Awaited::Nickname => events.push_back(Event::Nickname { code }),
            Awaited::Chunk(number) if code == 200 => {
                if let Some(message) = self.messages.get_mut(&number) {
                    message.open = message.open.saturating_sub(1);
                }
                self.settle(number, events);
            }
            Awaited::Chunk(number) => self.fail(number, failure(code), events),
        }
        true
    }

    /// Takes a report; `false` if it is on a message unknown here.
    pub(super) fn reported(
        &mut self,
        message_id: &str,
        range: Option<ByteRange>,
        code: u16,
        events: &mut VecDeque<Event>,
    ) -> bool {
        // RFC 4975 7.1.2: a REPORT on an unknown message is silently ignored.
        let Some(number) = self.find(message_id) else {
            return false;
        };
        let Some(message) = self.messages.get_mut(&number) else {
            return false;
        };
        if code != 200 {
            self.fail(number, failure(code), events);
            return true;
        }
        let length = u64::try_from(message.new.body.len()).unwrap_or(u64::MAX);
        let range = range.unwrap_or(ByteRange::whole(length));
        let end = range.end.unwrap_or(length);
        if range.offset() <= message.confirmed.unwrap_or(0) {
            message.confirmed = message.confirmed.max(Some(end));
        }
        events.push_back(Event::Confirmed {
            message_id: message_id.to_owned(),
            range,
        });
        self.settle(number, events);
        true
    }

    /// Gives up on what was not answered in time.
    pub(super) fn expire(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        while let Some(awaited) = self.pending.expire(now) {
            match awaited {
                Awaited::Nickname => events.push_back(Event::Nickname { code: 408 }),
                Awaited::Chunk(number) => match self.messages.get_mut(&number) {
                    // RFC 4975 7.1.1: silence is a failure only if 200 was asked for.
                    Some(message) if message.new.failure_report == FailureReport::Partial => {
                        message.open = message.open.saturating_sub(1);
                        self.settle(number, events);
                    }
                    _ => self.fail(number, Failure::Timeout, events),
                },
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pending.poll_timeout()
    }

    /// Fails all messages: the session is over.
    pub(super) fn end(&mut self, events: &mut VecDeque<Event>) {
        self.ready.clear();
        while let Some((&number, _)) = self.messages.first_key_value() {
            self.fail(number, Failure::SessionEnded, events);
        }
        self.pending = Pending::new();
        self.nickname = None;
    }

    fn find(&self, message_id: &str) -> Option<u64> {
        self.messages
            .iter()
            .find(|(_, message)| message.new.message_id == message_id)
            .map(|(&number, _)| number)
    }

    fn fail(&mut self, number: u64, failure: Failure, events: &mut VecDeque<Event>) {
        // RFC 4975 10.5: no further chunk of it is sent; what is in `ready` finds nothing.
        let Some(message) = self.messages.remove(&number) else {
            return;
        };
        // RFC 4975 10.6: no more messages of this type in this session.
        if failure == Failure::Refused(415)
            && let Some(content_type) = &message.new.content_type
            && self.refused_types.len() < REFUSED_TYPES_MAX
        {
            self.refused_types.push(media_type(content_type));
        }
        // Of one given up, its user was told then.
        if !message.aborted {
            events.push_back(Event::Failed {
                message_id: message.new.message_id,
                failure,
            });
        }
    }

    /// Tells what is known of a message by now, and forgets it if nothing more can come.
    fn settle(&mut self, number: u64, events: &mut VecDeque<Event>) {
        let Some(message) = self.messages.get_mut(&number) else {
            return;
        };
        if !message.all_sent {
            return;
        }
        if message.aborted {
            self.messages.remove(&number);
            return;
        }
        let waits = message.new.failure_report == FailureReport::Yes && message.open > 0;
        if !waits && !message.told_sent {
            message.told_sent = true;
            events.push_back(Event::Sent {
                message_id: message.new.message_id.clone(),
            });
        }
        if message.open == 0 && !message.unconfirmed() {
            self.messages.remove(&number);
        }
    }

    /// Makes room by no longer waiting for the oldest success report. There is no term for them.
    fn forget_unconfirmed(&mut self) -> bool {
        let oldest = self
            .messages
            .iter()
            .find(|(_, message)| message.told_sent && message.open == 0)
            .map(|(&number, _)| number);
        oldest.is_some_and(|number| self.messages.remove(&number).is_some())
    }
}

impl Message {
    /// Writes the next chunk of at most [`CHUNK_MAX`] octets.
    fn write_chunk(&mut self, paths: &PathLines, random: u64, out: &mut Vec<Bytes>) -> Tid {
        let new = &self.new;
        let end = self.sent.saturating_add(CHUNK_MAX).min(new.body.len());
        let body = new.body.slice(self.sent..end);
        let last = end == new.body.len();
        let flag = match (self.aborted, last) {
            // RFC 4975 7.1: "#" gives the message up; no chunk of it follows.
            (true, _) => Flag::Abort,
            (false, true) => Flag::Complete,
            (false, false) => Flag::More,
        };
        let extra: Vec<_> = new
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let head = SendHead {
            message_id: &new.message_id,
            offset: u64::try_from(self.sent).unwrap_or(u64::MAX),
            total: u64::try_from(new.body.len()).ok(),
            success_report: new.success_report,
            failure_report: new.failure_report,
            extra: &extra,
            content_type: new.content_type.as_deref(),
        };
        let chunk = Chunk::new(&head, b"", body, flag, random);
        chunk.write_to(paths, out);
        self.sent = end;
        self.all_sent = last || self.aborted;
        chunk.tid()
    }

    fn unconfirmed(&self) -> bool {
        let length = u64::try_from(self.new.body.len()).unwrap_or(u64::MAX);
        // A request without body asks for nothing that could be reported on.
        self.new.success_report && self.new.content_type.is_some() && self.confirmed < Some(length)
    }
}

fn failure(code: u16) -> Failure {
    match code {
        // RFC 4975 10.4: treated as a local timeout.
        408 => Failure::Timeout,
        code => Failure::Refused(code),
    }
}

/// Media types are compared without parameters and case.
fn media_type(content_type: &str) -> String {
    let name = content_type.split(';').next().unwrap_or_default();
    name.trim_ascii().to_ascii_lowercase()
}

/// RFC 4975 section 9: `ident = ALPHANUM 3*31ident-char`.
fn is_ident(text: &str) -> bool {
    let text = text.as_bytes();
    (4..=32).contains(&text.len())
        && text.first().is_some_and(u8::is_ascii_alphanumeric)
        && text
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b".-+%=".contains(b))
}
