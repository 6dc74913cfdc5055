//! The connection of one member: written to by whoever has something to say, read by one task.
//!
//! Answers to all that one read has brought are written at one go. Nothing waits for a write: what
//! the socket does not take stays here until it does.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use world::{Stream, World};

use super::super::tally::Fault;
use super::frames::{Kind, Scanner, Send, Strange, answer};
use super::hall::Hall;
use super::phones::LegId;
use super::stamp::Stamp;
use super::voice::Voice;

/// The most octets that may wait for a server that does not read. Then nothing more is said.
const OUT_MAX: usize = 16 << 20;

/// How long a connection may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages of which the first chunk has come and not the last.
const UNDERWAY_MAX: usize = 64;

/// So much of a message in chunks is kept, in octets: its CPIM head and the stamp.
const BEGINNING_MAX: usize = 4096;

/// One connection.
pub(super) struct Link {
    stream: Stream,
    out: Mutex<Out>,
    /// Rung when something was left over.
    bell: Notify,
}

struct Out {
    voice: Voice,
    bytes: Vec<u8>,
    /// How much of it is written.
    written: usize,
}

/// What a connection tells the floor.
pub(super) enum Event {
    /// The server has answered our first SEND.
    Up(LegId, Arc<Link>),
    /// It has ended, or never came up.
    Lost(LegId),
}

/// Where a member sits.
pub(super) struct Member {
    pub(super) leg: LegId,
    /// The place in the room, and so in the hall.
    pub(super) seat: usize,
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
    pub(super) hall: Option<Arc<Hall>>,
}

impl Link {
    fn new(stream: Stream, voice: Voice) -> Self {
        Self {
            stream,
            out: Mutex::new(Out {
                voice,
                bytes: Vec::new(),
                written: 0,
            }),
            bell: Notify::new(),
        }
    }

    /// Says one message. False if the server has stopped reading.
    pub(super) fn say(&self, stamp: &Stamp) -> bool {
        let mut out = self.lock();
        if out.bytes.len() > OUT_MAX {
            return false;
        }
        let Out { voice, bytes, .. } = &mut *out;
        voice.say(stamp, bytes);
        self.flush(out).is_ok()
    }

    /// Writes what can be written.
    fn flush(&self, mut out: MutexGuard<'_, Out>) -> io::Result<()> {
        loop {
            let rest = out.bytes.get(out.written..).unwrap_or_default();
            if rest.is_empty() {
                out.bytes.clear();
                out.written = 0;
                return Ok(());
            }
            match self.stream.try_write_vectored(&[IoSlice::new(rest)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => out.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let written = std::mem::take(&mut out.written);
                    out.bytes.drain(..written);
                    self.bell.notify_one();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is left over and the socket takes more. Dropping the future loses
    /// nothing: what is left over stays so.
    async fn room(&self) -> io::Result<()> {
        while self.lock().bytes.is_empty() {
            self.bell.notified().await;
        }
        self.stream.writable().await
    }
}

impl Member {
    /// Connects, and reads until the end.
    pub(super) async fn run(self, world: World, voice: Voice, events: UnboundedSender<Event>) {
        let leg = self.leg;
        let hall = self.hall.clone();
        let ended = self.attend(&world, voice, &events).await;
        if let (Err(End::Strange), Some(hall)) = (ended, hall) {
            hall.wrong(Fault::Malformed);
        }
        // The floor may have gone.
        let _gone = events.send(Event::Lost(leg));
    }

    async fn attend(
        self,
        world: &World,
        voice: Voice,
        events: &UnboundedSender<Event>,
    ) -> Result<(), End> {
        let connecting = world.net.connect(self.from, self.to);
        let stream = world.clock.timeout(PATIENCE, connecting).await;
        let stream = stream.map_err(|_| End::Lost)?.map_err(|_| End::Lost)?;
        let (own, plain) = (voice.own().to_owned(), voice.plain());
        let link = Arc::new(Link::new(stream, voice));
        let mut ear = Ear {
            own,
            plain,
            member: self,
            scanner: Scanner::default(),
            underway: Vec::new(),
            stamps: Vec::new(),
            answers: Vec::new(),
            frame: 0,
            answer: 0,
            is_up: false,
        };
        {
            let mut out = link.lock();
            let Out { voice, bytes, .. } = &mut *out;
            voice.bind(bytes);
            link.flush(out)?;
        }
        if ear.plain.is_some() {
            ear.up(&link, events);
        }
        let mut inbox = BytesMut::new();
        loop {
            tokio::select! {
                biased;
                waited = link.room() => {
                    waited?;
                    link.flush(link.lock())?;
                }
                waited = link.stream.readable() => {
                    waited?;
                    match link.stream.try_read(&mut inbox) {
                        Ok(0) => return Ok(()),
                        Ok(_) => ear.read(&mut inbox, &link, world, events)?,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Lost,
    Strange,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

impl From<Strange> for End {
    fn from(_: Strange) -> Self {
        Self::Strange
    }
}

/// The reading half.
struct Ear {
    member: Member,
    own: String,
    /// Octets of a frame and of its answer, where frames are plain.
    plain: Option<(usize, usize)>,
    scanner: Scanner,
    /// Message-IDs of those that come in chunks, and how they begin.
    underway: Vec<(Vec<u8>, Vec<u8>)>,
    /// Of the read that is being looked at.
    stamps: Vec<Stamp>,
    answers: Vec<u8>,
    frame: usize,
    answer: usize,
    is_up: bool,
}

impl Ear {
    /// Takes all frames out of what has come, answers them and tells the hall.
    fn read(
        &mut self,
        inbox: &mut BytesMut,
        link: &Arc<Link>,
        world: &World,
        events: &UnboundedSender<Event>,
    ) -> Result<(), End> {
        let now = world.clock.now();
        let read = match self.plain {
            Some(sizes) => self.plain(inbox, sizes)?,
            None => self.msrp(inbox, link, events)?,
        };
        if read == inbox.len() && self.frame == 0 {
            // Idle so far: thousands of these keep no buffers.
            *inbox = BytesMut::new();
        } else {
            inbox.advance(read);
        }
        if let (Some(hall), false) = (&self.member.hall, self.stamps.is_empty()) {
            let sizes = (self.frame, self.answer);
            hall.heard(self.member.seat, &self.stamps, sizes, now);
            self.stamps.clear();
        }
        if !self.answers.is_empty() {
            let mut out = link.lock();
            out.bytes.append(&mut self.answers);
            link.flush(out)?;
        }
        Ok(())
    }

    /// How much was read, in whole frames.
    fn msrp(
        &mut self,
        inbox: &[u8],
        link: &Arc<Link>,
        events: &UnboundedSender<Event>,
    ) -> Result<usize, End> {
        let mut at = 0;
        while let Some(frame) = self.scanner.next(inbox, at)? {
            let text =
                |range: &std::ops::Range<usize>| inbox.get(range.clone()).unwrap_or_default();
            match &frame.kind {
                Kind::Answer(200) => {
                    if !self.is_up {
                        self.up(link, events);
                    }
                }
                Kind::Answer(status) => {
                    if let Some(hall) = &self.member.hall {
                        hall.wrong(Fault::Status(*status));
                    }
                    if !self.is_up {
                        return Err(End::Lost);
                    }
                }
                Kind::Send(send) => {
                    if send.wants_answer {
                        let before = self.answers.len();
                        let own = self.own.as_bytes();
                        answer(text(&frame.tid), text(&send.from), own, &mut self.answers);
                        self.answer = self.answers.len() - before;
                    }
                    self.heard(
                        send,
                        text(&send.message_id),
                        text(&send.body),
                        frame.all.len(),
                    );
                }
                Kind::Other => {}
            }
            at = frame.all.end;
        }
        Ok(at)
    }

    /// A message counts when its last chunk is here. A server may cut it anywhere.
    fn heard(&mut self, send: &Send, id: &[u8], body: &[u8], length: usize) {
        if send.is_first && send.is_last {
            if let Some(stamp) = self.scanner.stamp(body) {
                self.frame = length;
                self.stamps.push(stamp);
            }
            return;
        }
        let known = self.underway.iter().position(|(known, _)| known == id);
        let at = known.unwrap_or(self.underway.len());
        if known.is_none() && self.underway.len() < UNDERWAY_MAX {
            self.underway.push((id.to_vec(), Vec::new()));
        }
        let Some((_, beginning)) = self.underway.get_mut(at) else {
            return;
        };
        let room = BEGINNING_MAX.saturating_sub(beginning.len());
        beginning.extend_from_slice(body.get(..room).unwrap_or(body));
        if send.is_last {
            let (_, beginning) = self.underway.swap_remove(at);
            self.stamps.extend(self.scanner.stamp(&beginning));
        }
    }

    fn plain(&mut self, inbox: &[u8], (frame, answer): (usize, usize)) -> Result<usize, End> {
        let mut frames = inbox.chunks_exact(frame.max(1));
        for octets in &mut frames {
            let stamp = octets.get(1..).and_then(Stamp::read).ok_or(End::Strange)?;
            self.stamps.push(stamp);
            self.answers.resize(self.answers.len() + answer, b'A');
            (self.frame, self.answer) = (frame, answer);
        }
        Ok(inbox.len() - frames.remainder().len())
    }

    fn up(&mut self, link: &Arc<Link>, events: &UnboundedSender<Event>) {
        self.is_up = true;
        // The floor may have gone.
        let _gone = events.send(Event::Up(self.member.leg, Arc::clone(link)));
    }
}
