//! The receiving half of a session: SENDs become messages.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::assembly::{Assembly, Misfit};
use crate::{Flag, Head, Piece, Uri};

/// The most messages that are arriving in parts at one time. A sender interleaves a few.
pub const PARTIALS_MAX: usize = 16;

/// All unfinished messages together may be as large as so many of full size.
const UNFINISHED_MAX: u64 = 4;

/// How long an unfinished message waits for its next chunk. RFC 7701 section 6.1 suggests it: about
/// what TCP waits.
pub const CHUNK_TIMEOUT: Duration = Duration::from_secs(540);

/// How many Message-IDs are remembered, to tell a message that is sent again, or one refused whose
/// chunks still arrive.
const REMEMBERED: usize = 64;

/// A message that arrived completely.
#[derive(Clone, Debug)]
pub struct Received {
    /// The head of the chunk that completed it: Message-ID, paths and the other headers.
    pub head: Head,
    /// The body of the whole message.
    pub body: Bytes,
    /// Whether a message with this Message-ID came before. It should not be shown as a new one
    /// (RFC 4975 section 5.4).
    pub duplicate: bool,
}

/// What a piece led to.
pub(super) enum Outcome {
    /// Nothing to be said yet.
    Nothing,
    /// The chunk is to be answered.
    Answer(u16, &'static str),
    /// The message is complete; answer 200.
    Complete(Received),
    /// The sender gave the message up; answer 200.
    Aborted(String),
}

/// What the receiving side allows.
#[derive(Debug)]
pub(super) struct Terms {
    /// Our own URI.
    pub(super) local: String,
    /// Media types without parameters, `*` for all; without case.
    pub(super) accept_types: Vec<String>,
    /// The largest message, in octets.
    pub(super) message_max: u64,
}

#[derive(Debug, Default)]
pub(super) struct Incoming {
    partials: Vec<Partial>,
    completed: VecDeque<String>,
    refused: VecDeque<String>,
    /// Whether the rest of the chunk that is being read is to be ignored: it was answered.
    answered: bool,
}

#[derive(Debug)]
struct Partial {
    message_id: String,
    assembly: Assembly,
    deadline: Instant,
}

impl Incoming {
    /// Takes one piece of a SEND.
    pub(super) fn handle(&mut self, piece: &Piece, terms: &Terms, now: Instant) -> Outcome {
        if piece.first {
            self.answered = false;
            if let Err((code, comment)) = self.admit(piece, terms) {
                self.answered = true;
                return Outcome::Answer(code, comment);
            }
        }
        if self.answered {
            return Outcome::Nothing;
        }
        let Some(message_id) = piece.head.message_id() else {
            // A SEND without content: it was admitted without a Message-ID.
            return Outcome::Answer(200, "OK");
        };
        if piece.head.content_type().is_none() {
            return Outcome::Answer(200, "OK");
        }
        let known = self
            .partials
            .iter()
            .position(|p| p.message_id == message_id);
        // RFC 4975 7.3.1: range-start 1 and flag "$": the request is the whole message.
        if piece.first && piece.offset == 0 && piece.end == Some(Flag::Complete) {
            known.map(|at| self.partials.swap_remove(at));
            return self.complete(piece.head.clone(), piece.data.clone());
        }
        match self.place(known, message_id, piece, terms, now) {
            Ok(outcome) => outcome,
            Err((code, comment)) => {
                self.partials.retain(|p| p.message_id != message_id);
                remember(&mut self.refused, message_id);
                self.answered = true;
                Outcome::Answer(code, comment)
            }
        }
    }

    /// When [`Self::expire`] has something to tell.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.partials.iter().map(|p| p.deadline).min()
    }

    /// Drops one message whose next chunk did not come in time; tells its Message-ID.
    pub(super) fn expire(&mut self, now: Instant) -> Option<String> {
        let at = self.partials.iter().position(|p| p.deadline <= now)?;
        Some(self.partials.swap_remove(at).message_id)
    }

    /// Checks what the head of a chunk says, before its content matters.
    fn admit(&self, piece: &Piece, terms: &Terms) -> Result<(), (u16, &'static str)> {
        let head = &piece.head;
        check_path(head, &terms.local)?;
        let range = head
            .byte_range()
            .map_err(|_| (400, "Byte-Range cannot be true"))?;
        let empty = piece.data.is_empty() && piece.end.is_some();
        let Some(content_type) = head.content_type() else {
            // RFC 4975 7.1: a request with a body has a Content-Type; one without is traffic only.
            return if empty {
                Ok(())
            } else {
                Err((400, "Content-Type missing"))
            };
        };
        let Some(message_id) = head.message_id() else {
            return Err((400, "Message-ID missing"));
        };
        if message_id.len() > MESSAGE_ID_MAX {
            return Err((400, "Message-ID too long"));
        }
        if !accepts(&terms.accept_types, content_type) {
            return Err((415, "Media type not supported"));
        }
        // RFC 4975 10.5: the sender is to stop sending this message.
        if self.refused.iter().any(|id| id == message_id) {
            return Err((413, "Stop sending this message"));
        }
        match range.and_then(|range| range.total) {
            Some(total) if total > terms.message_max => Err((413, "Message too large")),
            _ => Ok(()),
        }
    }

    fn place(
        &mut self,
        known: Option<usize>,
        message_id: &str,
        piece: &Piece,
        terms: &Terms,
        now: Instant,
    ) -> Result<Outcome, (u16, &'static str)> {
        // Memory is bounded by all unfinished messages together, not by their number.
        let kept = self
            .partials
            .iter()
            .fold(0u64, |sum, p| sum.saturating_add(p.assembly.received()));
        let arriving = u64::try_from(piece.data.len()).unwrap_or(u64::MAX);
        if kept.saturating_add(arriving) > terms.message_max.saturating_mul(UNFINISHED_MAX) {
            return Err((413, "Too much is unfinished"));
        }
        let at = match known {
            Some(at) => at,
            None if self.partials.len() >= PARTIALS_MAX => {
                return Err((413, "Too many unfinished messages"));
            }
            None => {
                self.partials.push(Partial {
                    message_id: message_id.to_owned(),
                    assembly: Assembly::default(),
                    deadline: now + CHUNK_TIMEOUT,
                });
                self.partials.len() - 1
            }
        };
        let Some(partial) = self.partials.get_mut(at) else {
            return Ok(Outcome::Nothing);
        };
        partial.deadline = now + CHUNK_TIMEOUT;
        let assembly = &mut partial.assembly;
        assembly
            .insert(piece.offset, &piece.data, terms.message_max)
            .map_err(answer)?;
        match piece.end {
            None => return Ok(Outcome::Nothing),
            Some(Flag::Abort) => {
                let partial = self.partials.swap_remove(at);
                return Ok(Outcome::Aborted(partial.message_id));
            }
            Some(Flag::Complete) => {
                let end = piece.offset.saturating_add(arriving);
                assembly.end_at(end).map_err(answer)?;
            }
            Some(Flag::More) => {}
        }
        let Some(body) = assembly.take_complete() else {
            return Ok(Outcome::Answer(200, "OK"));
        };
        self.partials.swap_remove(at);
        Ok(self.complete(piece.head.clone(), body))
    }

    fn complete(&mut self, head: Head, body: Bytes) -> Outcome {
        let message_id = head.message_id().unwrap_or_default();
        let duplicate = self.completed.iter().any(|id| id == message_id);
        if !duplicate {
            remember(&mut self.completed, message_id);
        }
        Outcome::Complete(Received {
            head,
            body,
            duplicate,
        })
    }
}

/// The longest Message-ID that is kept. RFC 4975 section 9 allows 32 characters.
const MESSAGE_ID_MAX: usize = 256;

/// RFC 4975 7.3: the To-Path has one URI, that of this session.
pub(super) fn check_path(head: &Head, local: &str) -> Result<(), (u16, &'static str)> {
    let path = head
        .to_path()
        .map_err(|_| (400, "To-Path unintelligible"))?;
    let own = Uri::parse(local).is_ok_and(|own| own.matches(&path.first()));
    match own && path.len() == 1 {
        true => Ok(()),
        false => Err((481, "No such session here")),
    }
}

fn accepts(types: &[String], content_type: &str) -> bool {
    let name = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    types.iter().any(|accepted| {
        accepted == "*"
            || accepted.eq_ignore_ascii_case(name)
            || accepted.strip_suffix("/*").is_some_and(|main| {
                name.split_once('/')
                    .is_some_and(|(n, _)| n.eq_ignore_ascii_case(main))
            })
    })
}

fn answer(misfit: Misfit) -> (u16, &'static str) {
    match misfit {
        Misfit::BeyondEnd => (400, "Chunk beyond the end of the message"),
        Misfit::Scattered => (413, "Message in too many separate parts"),
        Misfit::TooLarge => (413, "Message too large"),
    }
}

fn remember(ids: &mut VecDeque<String>, id: &str) {
    if ids.len() >= REMEMBERED {
        ids.pop_front();
    }
    ids.push_back(id.to_owned());
}
