//! Cutting a stream of bytes into frames.
//!
//! ```text
//!   between ──"MSRP tid"──▶ head ──end-line──▶ one piece, between
//!                            │
//!                            └──blank line──▶ body ──┬─ as it arrives ──▶ piece, piece, ...
//!                                                    └─ end-line ──▶ last piece, between
//! ```
//!
//! A chunk is never assembled here: a body is handed on as far as it cannot be part of the
//! end-line. Each byte is looked at once, but for the few that might begin an end-line.

use std::{mem, str};

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

use crate::{
    Flag, Head,
    head::{EndLine, end_line},
    index::{FrameError, Index, START},
};

/// The longest head, in octets. Heads are a few hundred; long paths and media types fit many times.
pub const HEAD_MAX: usize = 16 * 1024;

/// The most headers in one head. Known ones are about twenty.
pub const HEADERS_MAX: usize = 64;

/// The most body octets in one piece, so that a fast sender neither fills memory nor keeps others
/// waiting.
pub const PIECE_MAX: usize = 64 * 1024;

/// The longest body of anything but a SEND, in octets (RFC 4975 section 7.1).
pub const BODY_MAX: u64 = 10_240;

/// A frame, or as much of one as could be told.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The head of the frame. All pieces of a frame share it.
    pub head: Head,
    /// Whether this is the first piece of its frame.
    pub first: bool,
    /// How many octets of the *message* come before `data`: from the Byte-Range, and 0 if there is
    /// none or if it cannot be true (ask [`Head::byte_range`]).
    pub offset: u64,
    /// Octets of the body. The last piece has at least one unless the whole body is empty. They are
    /// part of the read buffer, which lives as long: copy what is to be kept.
    pub data: Bytes,
    /// The flag of the end-line, if this is the last piece of its frame.
    pub end: Option<Flag>,
}

/// Reads the frames of one connection.
#[derive(Debug)]
pub struct Reader {
    state: State,
    end: Finder<'static>,
}

impl Reader {
    /// A reader for a new connection.
    pub fn new() -> Self {
        Self {
            state: State::BETWEEN,
            end: Finder::new(END),
        }
    }

    /// Takes the next piece out of the front of `buf`, which the caller fills.
    ///
    /// `None` asks for more bytes. Less than [`HEAD_MAX`] octets of an unfinished head, or than 45
    /// that may be an end-line, stay in `buf` then. Data is shared with the buffer, not copied.
    ///
    /// # Errors
    ///
    /// [`FrameError`]: the peer does not speak MSRP as we can read it. The connection is to be
    /// closed; every later call fails alike.
    pub fn next(&mut self, buf: &mut BytesMut) -> Result<Option<Piece>, FrameError> {
        let next = self.step(buf);
        if let Err(error) = next {
            self.state = State::Failed(error);
        }
        next
    }

    fn step(&mut self, buf: &mut BytesMut) -> Result<Option<Piece>, FrameError> {
        if let State::Head(lines) = &mut self.state {
            match lines.read(buf)? {
                Progress::Waiting => return Ok(None),
                Progress::Ended(head, flag) => {
                    self.state = State::BETWEEN;
                    return Ok(Some(Piece {
                        offset: offset(&head),
                        head,
                        first: true,
                        data: Bytes::new(),
                        end: Some(flag),
                    }));
                }
                Progress::Body(head) => {
                    self.state = State::Body(Body {
                        offset: offset(&head),
                        head,
                        length: 0,
                        first: true,
                    });
                }
            }
        }
        match &mut self.state {
            State::Body(body) => {
                let Some((data, end)) = body.read(buf, &self.end) else {
                    return Ok(None);
                };
                let piece = body.piece(data, end)?;
                if end.is_some() {
                    self.state = State::BETWEEN;
                }
                Ok(Some(piece))
            }
            State::Failed(error) => Err(*error),
            State::Head(_) => Ok(None),
        }
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one per connection, and boxing costs per frame"
)]
enum State {
    Head(Lines),
    Body(Body),
    Failed(FrameError),
}

impl State {
    const BETWEEN: Self = Self::Head(Lines {
        index: None,
        at: 0,
        seen: 0,
    });
}

/// A head that is arriving. Positions count from the front of the buffer.
#[derive(Debug)]
struct Lines {
    index: Option<Index>,
    /// Where the line being read starts.
    at: usize,
    /// How far a line end has been looked for.
    seen: usize,
}

enum Progress {
    Waiting,
    Body(Head),
    Ended(Head, Flag),
}

impl Lines {
    fn read(&mut self, buf: &mut BytesMut) -> Result<Progress, FrameError> {
        if self.index.is_none() {
            skip_blank_lines(buf);
            // Perhaps the first half of a blank line.
            if **buf == *b"\r" {
                return Ok(Progress::Waiting);
            }
            let prefix = buf.len().min(START.len());
            // Not waiting for a line end that a peer of another protocol may never send.
            if !START.starts_with(buf.get(..prefix).unwrap_or_default()) {
                return Err(FrameError::NotMsrp);
            }
        }
        while let Some(found) = memchr::memchr(b'\n', buf.get(self.seen..).unwrap_or_default()) {
            let feed = self.seen + found;
            if feed >= HEAD_MAX {
                return Err(FrameError::HeadTooLong);
            }
            let line = buf.get(self.at..feed).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(FrameError::Control)?;
            let Some(index) = &mut self.index else {
                check(line)?;
                self.index = Some(Index::start(line)?);
                self.next_line(feed);
                continue;
            };
            if line.is_empty() {
                index.finish()?;
                let head = self.take(buf)?;
                buf.advance(CRLF);
                return Ok(Progress::Body(head));
            }
            if let Some(rest) = line.strip_prefix(HYPHENS) {
                index.finish()?;
                let tid = buf.get(index.tid.range()).unwrap_or_default();
                let (flag, id) = rest.split_last().ok_or(FrameError::EndLine)?;
                if id != tid {
                    return Err(FrameError::EndLine);
                }
                let flag = Flag::from_byte(*flag).ok_or(FrameError::EndLine)?;
                let length = line.len() + CRLF;
                let head = self.take(buf)?;
                buf.advance(length);
                return Ok(Progress::Ended(head, flag));
            }
            check(line)?;
            index.header(line, self.at)?;
            self.next_line(feed);
        }
        self.seen = buf.len();
        if buf.len() >= HEAD_MAX {
            return Err(FrameError::HeadTooLong);
        }
        Ok(Progress::Waiting)
    }

    fn next_line(&mut self, feed: usize) {
        self.at = feed + 1;
        self.seen = self.at;
    }

    /// Takes the lines before the current one as the head.
    fn take(&mut self, buf: &mut BytesMut) -> Result<Head, FrameError> {
        let lines = mem::replace(
            self,
            Self {
                index: None,
                at: 0,
                seen: 0,
            },
        );
        let text = buf.split_to(lines.at.min(buf.len())).freeze();
        let index = lines.index.ok_or(FrameError::StartLine)?;
        match str::from_utf8(&text) {
            Ok(_) => Ok(Head::new(text, index)),
            Err(_) => Err(FrameError::NotUtf8),
        }
    }
}

/// A body that is arriving.
#[derive(Debug)]
struct Body {
    head: Head,
    first: bool,
    /// Octets of the message before the next piece.
    offset: u64,
    /// Octets of this body so far.
    length: u64,
}

impl Body {
    /// Takes as much as is known to be body, and the end-line if it is there.
    fn read(&self, buf: &mut BytesMut, end: &Finder<'_>) -> Option<(Bytes, Option<Flag>)> {
        let tid = self.head.transaction_id().as_bytes();
        if self.first
            && let Some(rest) = strip_hyphens(buf)
        {
            // Some leave out the CRLF between an empty body and the end-line. No confusion: a
            // body does not contain its own end-line (RFC 4975 section 7.1).
            match rest.map_or(EndLine::Unknown, |rest| end_line(rest, tid)) {
                EndLine::Is(flag) => {
                    buf.advance(HYPHENS.len() + tid.len() + FLAG + CRLF);
                    return Some((Bytes::new(), Some(flag)));
                }
                EndLine::Unknown => return None,
                EndLine::IsNot => {}
            }
        }
        let window = buf.get(..PIECE_MAX + END_LINE_MAX).unwrap_or(buf);
        match find_end(window, tid, end) {
            End::At(at, flag) if at <= PIECE_MAX => {
                let data = buf.split_to(at).freeze();
                buf.advance(END.len() + tid.len() + FLAG + CRLF);
                Some((data, Some(flag)))
            }
            End::At(at, _) | End::NotBefore(at) => {
                // One octet is kept back so that the last piece of a chunk is never empty: an
                // empty chunk has no good Byte-Range when it is sent on.
                let sure = at.saturating_sub(1).min(PIECE_MAX);
                (sure > 0).then(|| (buf.split_to(sure).freeze(), None))
            }
        }
    }

    fn piece(&mut self, data: Bytes, end: Option<Flag>) -> Result<Piece, FrameError> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(length);
        // RFC 4975 7.1: only SEND carries content of any size.
        if self.length > BODY_MAX && !self.head.is_send() {
            return Err(FrameError::BodyTooLong);
        }
        let piece = Piece {
            head: self.head.clone(),
            first: mem::take(&mut self.first),
            offset: self.offset,
            data,
            end,
        };
        self.offset = self.offset.saturating_add(length);
        Ok(piece)
    }
}

/// What the Byte-Range says comes before the chunk. One that lies is the reader's caller to refuse.
fn offset(head: &Head) -> u64 {
    match head.byte_range() {
        Ok(Some(range)) => range.offset(),
        Ok(None) | Err(_) => 0,
    }
}

const CRLF: usize = 2;
const FLAG: usize = 1;
const HYPHENS: &[u8] = b"-------";
/// How the end-line begins after a body. The CRLF before it is not part of the body.
const END: &[u8] = b"\r\n-------";
/// END, a transaction id of 32, the flag and CRLF.
const END_LINE_MAX: usize = 9 + 32 + FLAG + CRLF;

enum End {
    /// The body ends here, with this flag.
    At(usize, Flag),
    /// The body goes on at least to here; what follows may be the end-line.
    NotBefore(usize),
}

fn find_end(window: &[u8], tid: &[u8], end: &Finder<'_>) -> End {
    let mut from = 0;
    while let Some(found) = end.find(window.get(from..).unwrap_or_default()) {
        let at = from + found;
        let rest = window.get(at + END.len()..).unwrap_or_default();
        match end_line(rest, tid) {
            EndLine::Is(flag) => return End::At(at, flag),
            EndLine::Unknown => return End::NotBefore(at),
            // The next candidate cannot start before the CR LF that this one starts with.
            EndLine::IsNot => from = at + CRLF,
        }
    }
    // The tail may be the first octets of an end-line.
    let partial = (1..END.len())
        .rev()
        .find(|&n| END.get(..n).is_some_and(|start| window.ends_with(start)))
        .unwrap_or(0);
    End::NotBefore(window.len() - partial)
}

/// What follows seven hyphens: `None` if it does not start so, `Some(None)` if that is still open.
#[allow(clippy::option_option, reason = "two questions, asked in this order")]
fn strip_hyphens(buf: &[u8]) -> Option<Option<&[u8]>> {
    match buf.strip_prefix(HYPHENS) {
        Some(rest) => Some(Some(rest)),
        None => HYPHENS.starts_with(buf).then_some(None),
    }
}

/// Between frames some send an empty line to keep the connection alive.
fn skip_blank_lines(buf: &mut BytesMut) {
    while buf.starts_with(b"\r\n") {
        buf.advance(CRLF);
    }
}

/// A head holds no control character but tabs; in particular no CR or LF inside a line.
fn check(line: &[u8]) -> Result<(), FrameError> {
    let control = line.iter().fold(false, |found, &b| {
        found | ((b < b' ') & (b != b'\t')) | (b == 0x7f)
    });
    match control {
        true => Err(FrameError::Control),
        false => Ok(()),
    }
}
