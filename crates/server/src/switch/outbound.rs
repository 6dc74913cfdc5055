//! The writing half of a connection: from lines to the socket, and the answers to our requests.

use std::{io, sync::atomic::Ordering};

use bytes::{Bytes, BytesMut};
use msrp::{FailureReport, Head, PathLines, Pending, Tid};
use room::LegId;
use world::Rng;

use super::{
    NO_MESSAGE, Outgoing, Part,
    connection::{Asked, Connection, Ended},
    line::Left,
    members::Member,
    out::Out,
};

/// What a round of writing came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wrote {
    /// Nothing is left that may be written now.
    All,
    /// The socket has taken some; there is more.
    Some,
    /// The socket takes nothing now.
    Blocked,
}

/// Messages of which a peer wants no more chunks, remembered for each session. A peer that
/// refuses more at a time gets the rest of the oldest and refuses it again.
const UNWANTED_MAX: usize = 16;

impl Connection {
    /// Gathers what waits and writes it once.
    pub(super) fn write_round(&mut self) -> Result<Wrote, Ended> {
        let is_short = self.gather()?;
        if self.out.is_empty() {
            return Ok(Wrote::All);
        }
        match self.out.write(&self.stream) {
            Ok(written) => {
                if let Some(tap) = &self.switch.tap {
                    tap.tcp(self.local, self.remote, &self.out.front(written));
                }
                self.out.advance(written);
                self.unstick();
                Ok(match self.out.is_empty() && is_short {
                    true => Wrote::All,
                    false => Wrote::Some,
                })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Wrote::Blocked),
            Err(error) => Err(self.lost(&error)),
        }
    }

    /// Takes from the lines of the members in turn. True if nothing is left that may be taken.
    ///
    /// # Errors
    ///
    /// The end, when the only member has left and does not take what is gathered already.
    fn gather(&mut self) -> Result<bool, Ended> {
        let is_behind = !self.out.is_empty();
        self.bell.answer(&mut self.ready);
        let now = self.now();
        while let Some(leg) = self.ready.pop_front() {
            // RFC 4975 7.1: one transaction id is not used twice on a connection, but chunks are
            // shared by all who receive them.
            let is_shared = self.members.len() > 1;
            let Some(member) = self.members.get(leg) else {
                continue;
            };
            if is_behind && !is_shared && member.session.queue().is_dismissed() {
                return Err(Ended::Done);
            }
            let rng = match is_shared {
                true => Some(
                    self.rng
                        .get_or_insert_with(|| Box::new(self.switch.world.rng.fork())),
                ),
                false => None,
            };
            let mut writer = Writer {
                member,
                rng: rng.map(|rng| &mut **rng),
                out: &mut self.out,
                pending: &mut self.pending,
                now,
            };
            let left = member
                .session
                .queue()
                .drain(|what, paths| writer.write(what, paths));
            self.pending_peak = self.pending_peak.max(self.pending.len());
            match left {
                Left::Nothing => {}
                // The session is over when its last words are on their way.
                Left::Closed if !is_shared && !self.out.is_empty() => {
                    self.ready.push_back(leg);
                    return Ok(false);
                }
                Left::Closed => {
                    if let Some(member) = self.part(leg) {
                        member.session.queue().end();
                    }
                }
                Left::More if self.out.is_full() => {
                    self.ready.push_back(leg);
                    return Ok(false);
                }
                // Too many requests are open: the next answer makes room.
                Left::More => {
                    self.ready.push_front(leg);
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    /// A response to a request of ours.
    pub(super) fn answered(&mut self, head: &Head, code: u16) {
        let asked = Tid::parse(head.transaction_id()).and_then(|tid| self.pending.take(tid));
        // Answers to nothing, or too late, are no matter.
        let Some(Asked { leg, message }) = asked else {
            return;
        };
        match code {
            200..=299 => {}
            408 => self.lose(leg, "the MSRP request timed out on its way to the peer"),
            // RFC 4975 10.5: this message is to be stopped, others are not.
            413 => self.unwant(leg, message),
            481 => self.lose(leg, "the peer does not know the MSRP session"),
            506 => self.lose(leg, "the peer has the MSRP session on another connection"),
            _ => {
                self.switch.refused_by_peers.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn unwant(&mut self, leg: LegId, message: u64) {
        if let Some(member) = self.members.get_mut(leg)
            && message != NO_MESSAGE
            && !member.unwanted.contains(&message)
        {
            if member.unwanted.len() >= UNWANTED_MAX {
                member.unwanted.pop_front();
            }
            member.unwanted.push_back(message);
        }
    }
}

/// Writes for one session.
struct Writer<'a> {
    member: &'a Member,
    /// There if the connection carries other sessions too.
    rng: Option<&'a mut Rng>,
    out: &'a mut Out,
    pending: &'a mut Pending<Asked>,
    now: std::time::Instant,
}

impl Writer<'_> {
    /// False if it cannot be written now.
    fn write(&mut self, what: &Outgoing, paths: Option<&PathLines>) -> bool {
        if self.out.is_full() {
            return false;
        }
        match (what, paths) {
            (Outgoing::Answer(bytes), _) => {
                self.out.push(bytes.clone());
                true
            }
            (Outgoing::Chunk(part), Some(paths)) => self.send(part, paths),
            (Outgoing::Chunk(_), None) => false,
        }
    }

    fn send(&mut self, part: &Part, paths: &PathLines) -> bool {
        if self.member.unwanted.contains(&part.message) {
            return true;
        }
        let is_tracked = part.failure_report == FailureReport::Yes;
        if is_tracked && self.pending.is_full() {
            return false;
        }
        let tid = match &mut self.rng {
            None => {
                part.chunk.write_to(paths, self.out);
                part.chunk.tid()
            }
            Some(rng) => {
                let mut slices: Vec<Bytes> = Vec::with_capacity(5);
                part.chunk.write_to(paths, &mut slices);
                let tid = rename(&mut slices, rng.u64());
                self.out.extend(slices);
                tid
            }
        };
        if is_tracked {
            let asked = Asked {
                leg: self.member.session.leg,
                message: part.message,
            };
            // There is room: it was asked above.
            let _full = self.pending.push(tid, asked, self.now);
        }
        true
    }
}

/// Gives a frame another transaction id, one that does not occur in it.
fn rename(slices: &mut [Bytes], random: u64) -> Tid {
    let parts: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
    let tid = Tid::outside(&parts, random);
    if let Some(start) = slices.first_mut() {
        *start = with_id(start, START, tid);
    }
    if let Some(last) = slices.last_mut() {
        let at = last.len().saturating_sub(Tid::LEN + END);
        *last = with_id(last, at, tid);
    }
    tid
}

/// `MSRP ` stands before the transaction id of a request line.
const START: usize = 5;

/// The flag and CR LF stand behind the transaction id of an end-line.
const END: usize = 3;

fn with_id(slice: &[u8], at: usize, tid: Tid) -> Bytes {
    let mut renamed = BytesMut::from(slice);
    if let Some(place) = renamed.get_mut(at..at + Tid::LEN) {
        place.copy_from_slice(&tid.text());
    }
    renamed.freeze()
}
