//! What is said in a room: checked, answered and forwarded (RFC 7701 section 6).
//!
//! ```text
//!   first octets ──▶ Head ──CPIM head complete──▶ Passing ──last chunk, abort, 540 s──▶ forgotten
//!                     └──refused: 4xx, nobody hears of it
//! ```
//!
//! Nothing is assembled: each piece goes on as a chunk of its own, encoded once for all who hear
//! it. A message that comes whole in one piece, as nearly all do, leaves nothing behind here.

mod forward;
mod verify;
mod voices;
mod whole;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use msrp::{
    ByteRange, Flag, Head, PathLines, Piece, Report, Tid,
    cpim::{Cpim, NewCpim},
    respond, write_report,
};
use room::{LegId, Room};
use world::Rng;

use crate::switch::{Outgoing, Said};
use forward::Passing;
use verify::{
    Decided, Hearers, Media, Refused, absent, audience, canonical, essence, everyone, media,
    sender, whisper,
};

pub(crate) use voices::{Voice, Voices};
use whole::Gathering;
pub(crate) use whole::{Crossed, Whole};

/// Messages that one leg may have under way at a time. Clients interleave a few at most.
const UNDERWAY_MAX: usize = 16;

/// How long the next piece of a message may take (RFC 7701 section 6.1: on the order of 540 s).
const PATIENCE: Duration = Duration::from_secs(540);

/// Answers are cut from blocks of this size.
const SCRATCH: usize = 4096;

/// What is being said in one room.
///
/// Every method returns the legs whose line was full: the room drops them.
#[derive(Debug)]
pub(crate) struct Speech {
    /// The identity of the room, canonical.
    identity: String,
    /// Our Message-IDs are this and a number.
    prefix: String,
    count: u64,
    /// Who is in the middle of something.
    mouths: BTreeMap<LegId, Mouth>,
    /// No message runs out before this.
    alarm: Option<Instant>,
    scratch: BytesMut,
    /// The most octets of a message that is put together for those who hear whole ones.
    whole_max: usize,
    /// What they are to hear, until it is fetched.
    crossed: Vec<Crossed>,
}

/// What one leg is in the middle of.
#[derive(Debug, Default)]
struct Mouth {
    /// The rest of the frame that is being read is not heard: it was refused.
    is_deaf: bool,
    underway: Vec<Underway>,
}

/// A message of which more is to come.
#[derive(Debug)]
struct Underway {
    /// The sender's Message-ID.
    id: Box<str>,
    /// When the last piece of it came.
    heard: Instant,
    /// The sender has left.
    is_orphan: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The CPIM head is not complete, or the head of what is wrapped, where it matters to whom it
    /// goes; these are its octets so far, at most 16 KiB.
    Head(Bytes),
    Passing(Passing),
}

/// What everything here needs to know of the room.
#[derive(Clone, Copy)]
struct Scene<'a> {
    room: &'a Room,
    voices: &'a Voices,
    now: Instant,
}

impl Speech {
    /// Nothing has been said yet. `identity` is the URI of the room: what is addressed to it is
    /// for everybody.
    /// `whole_max`: the most octets of a message for those who hear whole ones.
    pub(crate) fn new(identity: &str, whole_max: usize, rng: &mut Rng) -> Self {
        Self {
            identity: canonical(identity),
            prefix: rng.token(64),
            count: 0,
            mouths: BTreeMap::new(),
            alarm: None,
            scratch: BytesMut::with_capacity(SCRATCH),
            whole_max,
            crossed: Vec::new(),
        }
    }

    /// Handles one piece: answers the sender and forwards it to those who are to hear it.
    ///
    /// Who that is is decided when a message begins, and stays so: latecomers hear nothing of it.
    /// Legs without a voice are passed over, as senders too.
    #[must_use = "slow members are to be dropped"]
    pub(crate) fn said(
        &mut self,
        said: Said,
        room: &Room,
        voices: &Voices,
        now: Instant,
        rng: &mut Rng,
    ) -> Vec<LegId> {
        let mut slow = Vec::new();
        let Said { leg, piece } = said;
        let Some(voice) = voices.get(leg) else {
            return slow;
        };
        if self.is_deaf_to(leg, &piece) {
            return slow;
        }
        let scene = Scene { room, voices, now };
        let done = self.hear(leg, &piece, voice, scene, rng, &mut slow);
        let (answer, report) = match done {
            Ok(report) => (piece.end.map(|_| (200, "OK".into())), report),
            Err(Refused { code, why }) => {
                self.refuse(leg, &piece, voices, rng, &mut slow);
                (Some((code, why)), None)
            }
        };
        if let Some((code, why)) = answer
            && !self.answer(&piece.head, code, &why, voice)
        {
            note(leg, &mut slow);
        }
        if let Some(range) = report
            && !self.report(&piece.head, range, voice, rng)
        {
            note(leg, &mut slow);
        }
        slow
    }

    /// A leg has left. What it was in the middle of is aborted, towards those who were hearing it,
    /// by [`Self::handle_timeout`], which is due at once then.
    pub(crate) fn left(&mut self, leg: LegId) {
        let Some(mouth) = self.mouths.get_mut(&leg) else {
            return;
        };
        mouth.is_deaf = false;
        for message in &mut mouth.underway {
            message.is_orphan = true;
        }
        let due = mouth.underway.iter().map(Underway::deadline).min();
        self.alarm = self.alarm.into_iter().chain(due).min();
        self.forget_silent(leg);
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing else happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.alarm
    }

    /// Gives up messages that did not go on (RFC 7701 section 6.1).
    #[must_use = "slow members are to be dropped"]
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        voices: &Voices,
        rng: &mut Rng,
    ) -> Vec<LegId> {
        let mut slow = Vec::new();
        if self.alarm.is_none_or(|alarm| now < alarm) {
            return slow;
        }
        for mouth in self.mouths.values_mut() {
            for message in mouth
                .underway
                .extract_if(.., |message| message.deadline() <= now)
            {
                message.abort(voices, rng, &mut slow);
            }
        }
        self.mouths.retain(|_, mouth| !mouth.is_silent());
        let underway = self.mouths.values().flat_map(|mouth| &mouth.underway);
        self.alarm = underway.map(Underway::deadline).min();
        slow
    }

    /// Hears one piece. Says what is to be reported: the range of a message that has come whole
    /// and whose sender wants to know.
    fn hear(
        &mut self,
        leg: LegId,
        piece: &Piece,
        voice: &Voice,
        scene: Scene<'_>,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) -> Result<Option<ByteRange>, Refused> {
        let head = &piece.head;
        let id = head
            .message_id()
            .ok_or_else(|| Refused::new(400, "The SEND has no Message-ID"))?;
        if piece.first {
            head.byte_range()
                .map_err(|error| Refused::new(400, error.to_string()))?;
        }
        let media = media(head, voice)?;
        if media == Media::Nothing && !piece.data.is_empty() {
            return Err(Refused::new(400, "A body needs a Content-Type"));
        }
        let is_one_too_many = !is_last(piece) && self.is_full(leg, id);
        let state = match self.take(leg, id) {
            // RFC 4975 5.4: a SEND without body only shows that the sender is there.
            None if media == Media::Nothing => return Ok(None),
            // RFC 4975 10.5: the sender is to stop what cannot be understood any more.
            None if piece.offset > 0 || !piece.first => {
                return Err(Refused::new(
                    413,
                    "The beginning of this message is not known",
                ));
            }
            None if is_one_too_many => {
                return Err(Refused::new(413, "Too many messages are under way"));
            }
            None => self.begin(leg, &Bytes::new(), media, piece, scene, rng, slow)?,
            Some(State::Head(held)) => {
                self.begin(leg, &held, Media::Cpim, piece, scene, rng, slow)?
            }
            Some(State::Passing(mut passing)) => {
                passing.go_on(piece, scene.voices, rng, slow);
                State::Passing(passing)
            }
        };
        if !is_last(piece) {
            self.keep(leg, id, state, scene.now);
            return Ok(None);
        }
        let State::Passing(mut passing) = state else {
            return Ok(None);
        };
        if piece.end == Some(Flag::Complete) {
            let gathering = passing.gathering.take();
            self.crossed.extend(gathering.and_then(Gathering::end));
        }
        // RFC 7701 6.3: the switch is the endpoint and reports what has come whole.
        let report = head.success_report().then(|| passing.whole(piece));
        Ok(report.flatten())
    }

    /// What those who hear whole messages are to hear.
    pub(crate) fn crossed(&mut self) -> Vec<Crossed> {
        std::mem::take(&mut self.crossed)
    }

    /// Says something that did not come over MSRP. The legs without a voice are passed over, and
    /// so are those who cannot read the type of what is wrapped.
    #[must_use = "slow members are to be dropped"]
    pub(crate) fn utter(
        &mut self,
        cpim: &NewCpim<'_>,
        body: &[u8],
        mut to: Vec<LegId>,
        voices: &Voices,
        rng: &mut Rng,
    ) -> Vec<LegId> {
        let mut slow = Vec::new();
        let wrapped = essence(cpim.content_type);
        to.retain(|leg| voices.get(*leg).is_some_and(|voice| voice.takes(wrapped)));
        if !to.is_empty() {
            let passing = self.passing(to, Media::Cpim);
            passing.utter(cpim.write(body), voices, rng, &mut slow);
        }
        slow
    }

    /// Hears the beginning of a message, of which `held` came before. Forwards it as soon as it
    /// is known to whom.
    #[allow(
        clippy::too_many_arguments,
        reason = "the scene, and what is said in it"
    )]
    fn begin(
        &mut self,
        leg: LegId,
        held: &Bytes,
        media: Media,
        piece: &Piece,
        scene: Scene<'_>,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) -> Result<State, Refused> {
        if piece.end == Some(Flag::Abort) {
            return Ok(State::Head(Bytes::new()));
        }
        let Scene { room, voices, .. } = scene;
        let mut to = Vec::new();
        if media == Media::Composing {
            everyone(leg, room, &mut to)?;
            to.retain(|leg| voices.get(*leg).is_some_and(Voice::composes));
            let mut passing = self.passing(to, media);
            passing.start(&[], piece.data.clone(), 0, piece, voices, rng, slow);
            return Ok(State::Passing(passing));
        }
        let held = join(held, piece)?;
        let is_whole = piece.end == Some(Flag::Complete);
        let Some(cpim) = Cpim::parse(&held, is_whole)? else {
            return Ok(State::Head(held));
        };
        let from = sender(&cpim, voices.get(leg).ok_or_else(absent)?)?;
        let hearers = audience(&cpim, leg, &self.identity, room, &mut to)?;
        if hearers == Hearers::One && whisper(&cpim, is_whole, voices, &mut to)? == Decided::Later {
            return Ok(State::Head(held));
        }
        let whole: Vec<_> = to.extract_if(.., |leg| voices.is_whole(*leg)).collect();
        if to.is_empty() && !whole.is_empty() && self.is_too_long(piece) {
            let why = format!("Those who are to hear it take {} bytes", self.whole_max);
            return Err(Refused::new(413, why));
        }
        // RFC 7701 6.1: what a recipient cannot read is not sent there.
        if let Some(mime) = cpim.mime()
            && let Some(wrapped) = mime.content_type()
        {
            let wrapped = essence(&wrapped);
            to.retain(|leg| voices.get(*leg).is_some_and(|voice| voice.takes(wrapped)));
        }
        let mut passing = self.passing(to, media);
        if !whole.is_empty() {
            passing.gathering = Some(Gathering::new(leg, whole, hearers, self.whole_max));
        }
        let length = cpim.head().len();
        match from {
            None => passing.start(&[], held, length, piece, voices, rng, slow),
            Some(uri) => {
                let new = cpim.rewrite(Some((None, uri)), None);
                passing.start(&new.head, new.rest, length, piece, voices, rng, slow);
            }
        }
        Ok(State::Passing(passing))
    }

    /// Does a message say of itself that it is longer than a whole one may be?
    fn is_too_long(&self, piece: &Piece) -> bool {
        let range = piece.head.byte_range().ok().flatten();
        let total = range.and_then(|range| range.total);
        total.is_some_and(|total| total > u64::try_from(self.whole_max).unwrap_or(u64::MAX))
    }

    fn passing(&mut self, to: Vec<LegId>, media: Media) -> Passing {
        self.count = self.count.wrapping_add(1);
        // RFC 4975 section 9: an ident has at most 32 characters; these are 30.
        let id = format!("{}.{:x}", self.prefix, self.count);
        Passing::new(to, id, self.count, media)
    }

    /// Whether the piece belongs to a frame that was refused.
    fn is_deaf_to(&mut self, leg: LegId, piece: &Piece) -> bool {
        let Some(mouth) = self.mouths.get_mut(&leg) else {
            return false;
        };
        let is_deaf = mouth.is_deaf && !piece.first;
        mouth.is_deaf = is_deaf && piece.end.is_none();
        self.forget_silent(leg);
        is_deaf
    }

    /// Hears no more of this frame, and ends the message for those who were hearing it.
    fn refuse(
        &mut self,
        leg: LegId,
        piece: &Piece,
        voices: &Voices,
        rng: &mut Rng,
        slow: &mut Vec<LegId>,
    ) {
        let state = piece.head.message_id().and_then(|id| self.take(leg, id));
        if let Some(State::Passing(passing)) = state {
            passing.abort(voices, rng, slow);
        }
        if piece.end.is_none() {
            self.mouths.entry(leg).or_default().is_deaf = true;
        }
    }

    fn is_full(&self, leg: LegId, id: &str) -> bool {
        self.mouths.get(&leg).is_some_and(|mouth| {
            mouth.underway.len() >= UNDERWAY_MAX && mouth.underway.iter().all(|m| *m.id != *id)
        })
    }

    fn take(&mut self, leg: LegId, id: &str) -> Option<State> {
        let underway = &mut self.mouths.get_mut(&leg)?.underway;
        let at = underway.iter().position(|message| *message.id == *id)?;
        let state = underway.swap_remove(at).state;
        self.forget_silent(leg);
        Some(state)
    }

    fn keep(&mut self, leg: LegId, id: &str, state: State, now: Instant) {
        let message = Underway {
            id: id.into(),
            heard: now,
            is_orphan: false,
            state,
        };
        self.alarm.get_or_insert(message.deadline());
        self.mouths.entry(leg).or_default().underway.push(message);
    }

    fn forget_silent(&mut self, leg: LegId) {
        if self.mouths.get(&leg).is_some_and(Mouth::is_silent) {
            self.mouths.remove(&leg);
        }
    }

    /// Answers a SEND if the sender wants that (RFC 4975 section 7.2). False: the line is full.
    fn answer(&mut self, head: &Head, code: u16, why: &str, voice: &Voice) -> bool {
        if !head.failure_report().wants_response(code) {
            return true;
        }
        self.respond(head, code, why, voice)
    }

    /// Answers a request, whatever it says of reports. False: the line is full.
    pub(super) fn respond(&mut self, head: &Head, code: u16, why: &str, voice: &Voice) -> bool {
        respond(head, code, why, &mut self.scratch);
        self.send_scratch(voice)
    }

    /// Reports success (RFC 4975 section 7.1.3). False: the line is full.
    fn report(&mut self, head: &Head, range: ByteRange, voice: &Voice, rng: &mut Rng) -> bool {
        let report = Report {
            message_id: head.message_id().unwrap_or_default(),
            range,
            code: 200,
            comment: "OK",
        };
        // RFC 4975 7.1.2: it goes all the way back.
        let own = head
            .to_path_text()
            .split_ascii_whitespace()
            .next()
            .unwrap_or_default();
        let paths = PathLines::new(head.from_path_text(), own);
        write_report(&report, Tid::new(rng.u64()), &paths, &mut self.scratch);
        self.send_scratch(voice)
    }

    fn send_scratch(&mut self, voice: &Voice) -> bool {
        let bytes = self.scratch.split().freeze();
        voice.line.push(Outgoing::Answer(bytes)).is_ok()
    }
}

impl Mouth {
    fn is_silent(&self) -> bool {
        !self.is_deaf && self.underway.is_empty()
    }
}

impl Underway {
    fn deadline(&self) -> Instant {
        match self.is_orphan {
            true => self.heard,
            false => self.heard + PATIENCE,
        }
    }

    fn abort(self, voices: &Voices, rng: &mut Rng, slow: &mut Vec<LegId>) {
        match self.state {
            State::Passing(passing) => passing.abort(voices, rng, slow),
            State::Head(_) => {}
        }
    }
}

/// Whether nothing more of the message is to come.
fn is_last(piece: &Piece) -> bool {
    matches!(piece.end, Some(Flag::Complete | Flag::Abort))
}

/// Puts the octets of a piece behind those that came before. What comes again is passed over.
fn join(held: &Bytes, piece: &Piece) -> Result<Bytes, Refused> {
    if held.is_empty() {
        return Ok(piece.data.clone());
    }
    let start = usize::try_from(piece.offset).unwrap_or(usize::MAX);
    let Some(again) = held.len().checked_sub(start) else {
        return Err(Refused::new(413, "A part of the message is missing"));
    };
    let new = piece.data.get(again..).unwrap_or_default();
    let mut joined = BytesMut::with_capacity(held.len() + new.len());
    joined.extend_from_slice(held);
    joined.extend_from_slice(new);
    Ok(joined.freeze())
}

/// Notes a leg whose line is full, once.
fn note(leg: LegId, slow: &mut Vec<LegId>) {
    if !slow.contains(&leg) {
        slow.push(leg);
    }
}

#[cfg(test)]
mod tests;
