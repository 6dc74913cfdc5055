//! A message on its way to those who hear it.

use std::sync::Arc;

use bytes::Bytes;
use msrp::{ByteRange, Chunk, FailureReport, Flag, Piece, SendHead};
use room::LegId;
use world::Rng;

use super::{Voices, note, verify::Media, whole::Gathering};
use crate::switch::{Outgoing, Part};

/// A message of which the beginning was forwarded.
#[derive(Debug)]
pub(super) struct Passing {
    /// Those who were in the room when it began. Whoever has left or was too slow is taken out.
    to: Vec<LegId>,
    /// Our Message-ID.
    id: String,
    /// The number in it.
    number: u64,
    media: Media,
    /// Octets of the CPIM head as received. They were forwarded as they should be read and are
    /// not forwarded again: a second copy would show a sender who is hidden.
    head: u64,
    /// How much longer our head is than theirs.
    shift: i64,
    /// So many octets have come without a gap.
    come: u64,
    /// For those who hear it when it is whole.
    pub(super) gathering: Option<Gathering>,
}

impl Passing {
    pub(super) fn new(to: Vec<LegId>, id: String, number: u64, media: Media) -> Self {
        Self {
            to,
            id,
            number,
            media,
            head: 0,
            shift: 0,
            come: 0,
            gathering: None,
        }
    }

    /// Sends a whole message of ours.
    pub(super) fn utter(
        mut self,
        body: Bytes,
        voices: &Voices,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) {
        let place = Place {
            offset: 0,
            total: Some(octets(body.len())),
        };
        self.send(place, &[], body, Flag::Complete, voices, rng, slow);
    }

    /// Forwards the beginning: `lead`, then `rest`. `head` octets of the message were its CPIM
    /// head, which `lead` stands for unless it is empty.
    #[allow(clippy::too_many_arguments, reason = "the octets, and where they go")]
    pub(super) fn start(
        &mut self,
        lead: &[u8],
        rest: Bytes,
        head: usize,
        piece: &Piece,
        voices: &Voices,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) {
        self.head = octets(head);
        let received = match lead.is_empty() {
            true => octets(rest.len()),
            false => {
                self.shift = signed(lead.len()).saturating_sub(signed(head));
                octets(rest.len()).saturating_add(self.head)
            }
        };
        self.come = received;
        if let Some(gathering) = &mut self.gathering {
            gathering.add(lead);
            gathering.add(&rest);
        }
        let place = self.place(0, lead.len().saturating_add(rest.len()), piece);
        self.send(place, lead, rest, flag(piece), voices, rng, slow);
    }

    /// Forwards what comes later, in the order in which it comes.
    pub(super) fn go_on(
        &mut self,
        piece: &Piece,
        voices: &Voices,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) {
        let known = self.head.saturating_sub(piece.offset);
        let known = usize::try_from(known)
            .unwrap_or(usize::MAX)
            .min(piece.data.len());
        let data = piece.data.slice(known..);
        let offset = piece.offset.saturating_add(octets(known));
        if let Some(gathering) = &mut self.gathering {
            match offset == self.come {
                true => gathering.add(&data),
                false => gathering.break_off(),
            }
        }
        if offset <= self.come {
            self.come = self.come.max(offset.saturating_add(octets(data.len())));
        }
        // An end has to be told even if it comes without octets.
        if data.is_empty() && flag(piece) == Flag::More {
            return;
        }
        let place = self.place(offset.saturating_add_signed(self.shift), data.len(), piece);
        self.send(place, &[], data, flag(piece), voices, rng, slow);
    }

    /// Tells those who hear it that no more will come.
    pub(super) fn abort(mut self, voices: &Voices, rng: &mut Rng, slow: &mut Vec<LegId>) {
        let place = Place {
            offset: self.come.saturating_add_signed(self.shift),
            total: None,
        };
        self.send(place, &[], Bytes::new(), Flag::Abort, voices, rng, slow);
    }

    /// The range of the whole message, if this last piece of it leaves no gap.
    pub(super) fn whole(&self, piece: &Piece) -> Option<ByteRange> {
        let end = piece.offset.saturating_add(octets(piece.data.len()));
        (piece.end == Some(Flag::Complete) && self.come >= end).then(|| ByteRange::whole(self.come))
    }

    fn place(&self, offset: u64, length: usize, piece: &Piece) -> Place {
        let end = offset.saturating_add(octets(length));
        let stated = piece
            .head
            .byte_range()
            .ok()
            .flatten()
            .and_then(|range| range.total);
        let total = match piece.end {
            Some(Flag::Complete) => Some(end),
            // One that cannot be true is not passed on.
            _ => stated
                .map(|total| total.saturating_add_signed(self.shift))
                .filter(|total| *total >= end),
        };
        Place { offset, total }
    }

    /// Encodes once and puts it into all lines.
    #[allow(clippy::too_many_arguments, reason = "the octets, and where they go")]
    fn send(
        &mut self,
        place: Place,
        lead: &[u8],
        data: Bytes,
        flag: Flag,
        voices: &Voices,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) {
        if self.to.is_empty() {
            return;
        }
        let head = SendHead {
            message_id: &self.id,
            offset: place.offset,
            total: place.total,
            // RFC 7701 6.3: any report model will do for the copies. No report is wanted, and a
            // recipient who does not answer is gone.
            success_report: false,
            failure_report: FailureReport::Yes,
            extra: &[],
            content_type: Some(self.media.name()),
        };
        let length = lead.len().saturating_add(data.len());
        let chunk = Chunk::new(&head, lead, data, flag, rng.u64());
        let part = Arc::new(Part::new(chunk, self.number, FailureReport::Yes, length));
        // RFC 7701 6.1: those who have left are passed over.
        self.to.retain(|leg| {
            let Some(voice) = voices.get(*leg) else {
                return false;
            };
            let pushed = voice.line.push(Outgoing::Chunk(Arc::clone(&part)));
            if pushed.is_err() {
                note(*leg, slow);
            }
            pushed.is_ok()
        });
    }
}

/// Where a chunk stands in the message as we send it.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    total: Option<u64>,
}

/// Each piece becomes a chunk of its own.
fn flag(piece: &Piece) -> Flag {
    piece.end.unwrap_or(Flag::More)
}

fn octets(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
