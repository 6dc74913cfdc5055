//! MSRP as the load speaks it: frames found by their end-line and read only as far as needed.
//!
//! This is not the `msrp` crate on purpose: it costs a fraction, so that the generator is not what
//! is measured, and it finds mistakes that a reader of the same house would read over.

use std::ops::Range;

use memchr::memmem::Finder;

use super::stamp::Stamp;

/// The longest frame that is read, in octets. The load's own messages are shorter.
const FRAME_MAX: usize = 4 << 20;

/// The longest transaction id (RFC 4975 section 9: `ident`).
const TID_MAX: usize = 32;

/// Finds frames in what a connection brings.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    end_line: Finder<'static>,
    text: Finder<'static>,
    /// How much of the frame at the front was searched for its end-line.
    searched: usize,
}

/// One frame, by its places in the buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    /// All of it, from the start line to the end-line.
    pub(super) all: Range<usize>,
    pub(super) tid: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A response, with its status.
    Answer(u16),
    Send(Send),
    /// REPORT and what else is not answered here.
    Other,
}

/// What matters of a SEND.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Send {
    /// The From-Path, to be answered to.
    pub(super) from: Range<usize>,
    pub(super) message_id: Range<usize>,
    /// Does the peer want to hear of success by a transaction response (RFC 4975 section 7.1.1)?
    pub(super) wants_answer: bool,
    /// What it carries; empty where nothing is.
    pub(super) body: Range<usize>,
    /// The last chunk of its message.
    pub(super) is_last: bool,
    /// The first one.
    pub(super) is_first: bool,
}

/// The peer does not speak MSRP, or not as it can be read here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Strange;

impl Default for Scanner {
    fn default() -> Self {
        Self {
            end_line: Finder::new("\r\n-------"),
            text: Finder::new("\r\n\r\n~"),
            searched: 0,
        }
    }
}

impl Scanner {
    /// Reads the frame at the front of `buffer[at..]`; `None` asks for more octets.
    pub(super) fn next(&mut self, buffer: &[u8], at: usize) -> Result<Option<Frame>, Strange> {
        let rest = buffer.get(at..).unwrap_or_default();
        let Some(line) = memchr::memchr(b'\n', rest) else {
            return match rest.len() {
                // Longer than any start line.
                0..1024 => Ok(None),
                _ => Err(Strange),
            };
        };
        let start = rest
            .get(..line)
            .and_then(|line| line.strip_suffix(b"\r"))
            .ok_or(Strange)?;
        let (tid, word) = start_line(start)?;
        let Some((end, flag)) = self.end(rest, line - 1, tid)? else {
            return Ok(None);
        };
        let head_end = line + 1;
        let kind = match word {
            b"SEND" => Kind::Send(Self::send(rest, head_end..end, flag, at)?),
            _ => match status(word) {
                Some(status) => Kind::Answer(status),
                None => Kind::Other,
            },
        };
        let length = end + 2 + 7 + tid.len() + 1 + 2;
        let tid = at + 5..at + 5 + tid.len();
        let all = at..at + length;
        Ok(Some(Frame { all, tid, kind }))
    }

    /// The stamp of a CPIM message, of which the beginning is here.
    pub(super) fn stamp(&self, message: &[u8]) -> Option<Stamp> {
        let text = self.text.find(message)?;
        message.get(text + 4..).and_then(Stamp::read)
    }

    /// Where the end-line begins, at the CR LF before it, and its flag.
    fn end(
        &mut self,
        rest: &[u8],
        from: usize,
        tid: &[u8],
    ) -> Result<Option<(usize, u8)>, Strange> {
        let mut from = self.searched.max(from);
        loop {
            let unseen = rest.get(from..).unwrap_or_default();
            let Some(found) = self.end_line.find(unseen) else {
                // The beginning of it may be there already.
                self.searched = rest.len().saturating_sub(8).max(from);
                break;
            };
            let at = from + found;
            let after = rest.get(at + 9..).unwrap_or_default();
            if after.len() < tid.len() + 3 {
                self.searched = at;
                break;
            }
            if let Some([flag @ (b'$' | b'+' | b'#'), b'\r', b'\n', ..]) = after.strip_prefix(tid) {
                self.searched = 0;
                return Ok(Some((at, *flag)));
            }
            from = at + 9;
        }
        match rest.len() {
            0..FRAME_MAX => Ok(None),
            _ => Err(Strange),
        }
    }

    fn send(rest: &[u8], span: Range<usize>, flag: u8, at: usize) -> Result<Send, Strange> {
        let mut send = Send {
            from: 0..0,
            message_id: 0..0,
            wants_answer: true,
            body: 0..0,
            is_last: flag != b'+',
            is_first: true,
        };
        let mut here = span.start;
        // Without a body the last header line runs up to the end-line.
        while here < span.end {
            let line = rest.get(here..span.end).unwrap_or_default();
            let length = memchr::memchr(b'\r', line).unwrap_or(line.len());
            let line = line.get(..length).unwrap_or_default();
            let next = here + length + 2;
            if line.is_empty() {
                send.body = at + next..at + span.end.max(next);
                break;
            }
            let value = |name: &[u8]| line.strip_prefix(name).map(<[u8]>::trim_ascii_start);
            if let Some(value) = value(b"From-Path:") {
                send.from = at + here + length - value.len()..at + here + length;
            } else if let Some(value) = value(b"Message-ID:") {
                send.message_id = at + here + length - value.len()..at + here + length;
            } else if let Some(value) = value(b"Failure-Report:") {
                send.wants_answer = value != b"no" && value != b"partial";
            } else if let Some(value) = value(b"Byte-Range:") {
                send.is_first = value.starts_with(b"1-");
            }
            here = next;
        }
        if send.from.is_empty() {
            return Err(Strange);
        }
        Ok(send)
    }
}

/// The transaction id, and the method or the status after it.
fn start_line(line: &[u8]) -> Result<(&[u8], &[u8]), Strange> {
    let strange = Strange;
    let rest = line.strip_prefix(b"MSRP ").ok_or(strange)?;
    let mut words = rest.split(|byte| *byte == b' ');
    let tid = words.next().unwrap_or_default();
    let word = words.next().unwrap_or_default();
    let is_sound = (4..=TID_MAX).contains(&tid.len()) && !word.is_empty();
    is_sound.then_some((tid, word)).ok_or(strange)
}

fn status(word: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(word).ok()?;
    text.parse().ok().filter(|status| *status < 1000)
}

/// Writes the 200 to a SEND (RFC 4975 section 7.2).
pub(super) fn answer(tid: &[u8], to: &[u8], own: &[u8], out: &mut Vec<u8>) {
    // RFC 4975 7.2: to the previous hop alone.
    let to = to.split(|byte| *byte == b' ').next().unwrap_or_default();
    for part in [
        b"MSRP ",
        tid,
        b" 200 OK\r\nTo-Path: ",
        to,
        b"\r\nFrom-Path: ",
        own,
        b"\r\n-------",
        tid,
        b"$\r\n",
    ] {
        out.extend_from_slice(part);
    }
}

/// What one member's SENDs have in common.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// The two path lines.
    paths: String,
    /// The CPIM message up to its text.
    cpim: String,
    /// Octets of text.
    text: usize,
    count: u64,
}

impl Script {
    /// For messages of `from` to all in `room`, `text` octets long each.
    pub(super) fn new(to_path: &str, own: &str, from: &str, room: &str, text: usize) -> Self {
        Self {
            paths: format!("To-Path: {to_path}\r\nFrom-Path: {own}\r\n"),
            cpim: format!(
                "From: <{from}>\r\nTo: <{room}>\r\n\r\n\
                 Content-Type: text/plain;charset=UTF-8\r\n\r\n"
            ),
            text: text.max(super::stamp::LENGTH),
            count: 0,
        }
    }

    /// Writes the empty SEND that binds the connection to the session (RFC 4975 section 5.4).
    pub(super) fn bind(&mut self, out: &mut Vec<u8>) {
        let tid = self.tid();
        let paths = &self.paths;
        let text = format!(
            "MSRP {tid} SEND\r\n{paths}Message-ID: {tid}\r\nByte-Range: 1-0/0\r\n-------{tid}$\r\n"
        );
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes one message.
    pub(super) fn say(&mut self, stamp: &Stamp, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let tid = self.tid();
        let length = self.cpim.len() + self.text;
        // Writing into memory cannot fail.
        let _ = write!(
            out,
            "MSRP {tid} SEND\r\n{}Message-ID: {tid}\r\nByte-Range: 1-{length}/{length}\r\n\
             Content-Type: message/cpim\r\n\r\n{}",
            self.paths, self.cpim
        );
        stamp.write(self.text, out);
        let _ = write!(out, "\r\n-------{tid}$\r\n");
    }

    /// Transaction ids need only differ within a connection (RFC 4975 section 7.1), and the texts
    /// of the load hold no hyphens.
    fn tid(&mut self) -> String {
        self.count = self.count.wrapping_add(1);
        format!("ld{:014x}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const STAMP: Stamp = Stamp {
        sender: 3,
        number: 70_000,
        intended: Duration::from_nanos(123_456_789),
    };

    fn said() -> Vec<u8> {
        let mut script = Script::new(
            "msrp://a:1/s;tcp",
            "msrp://b:9/t;tcp",
            "sip:f@h",
            "sip:r@h",
            200,
        );
        let mut out = Vec::new();
        script.bind(&mut out);
        script.say(&STAMP, &mut out);
        answer(
            b"tid0",
            b"msrp://c:1/x;tcp msrp://d:1/y;tcp",
            b"msrp://b:9/t;tcp",
            &mut out,
        );
        out.extend_from_slice(
            b"MSRP rep0 REPORT\r\nTo-Path: a\r\nFrom-Path: b\r\n-------rep0$\r\n",
        );
        out
    }

    fn frames(stream: &[u8], cut: usize) -> Vec<Frame> {
        let (mut scanner, mut found, mut at) = (Scanner::default(), Vec::new(), 0);
        for end in [cut, stream.len()] {
            while let Some(frame) = scanner.next(&stream[..end], at).unwrap() {
                at = frame.all.end;
                found.push(frame);
            }
        }
        assert_eq!(at, stream.len());
        found
    }

    #[test]
    fn frames_are_found_wherever_the_stream_is_cut() {
        let stream = said();
        let whole = frames(&stream, 0);
        assert_eq!(whole.len(), 4);
        let Kind::Send(bind) = &whole[0].kind else {
            panic!()
        };
        assert_eq!(
            (bind.body.len(), bind.wants_answer, bind.is_last),
            (0, true, true)
        );
        let Kind::Send(send) = &whole[1].kind else {
            panic!()
        };
        assert_eq!(
            Scanner::default().stamp(&stream[send.body.clone()]),
            Some(STAMP)
        );
        assert!(stream[send.body.clone()].ends_with(b"xxx"));
        assert_eq!(&stream[send.from.clone()], b"msrp://b:9/t;tcp");
        assert_eq!(
            &stream[send.message_id.clone()],
            &stream[whole[1].tid.clone()]
        );
        assert!(send.is_first && send.is_last);
        assert_eq!(whole[2].kind, Kind::Answer(200));
        assert_eq!(&stream[whole[2].tid.clone()], b"tid0");
        let text = String::from_utf8_lossy(&stream[whole[2].all.clone()]);
        // RFC 4975 7.2: the answer to a SEND goes one hop.
        assert!(text.contains("To-Path: msrp://c:1/x;tcp\r\n"), "{text}");
        assert_eq!(whole[3].kind, Kind::Other);
        for cut in 0..stream.len() {
            assert_eq!(frames(&stream, cut), whole, "cut at {cut}");
        }
    }

    #[test]
    fn our_frames_can_be_read_by_the_msrp_crate() {
        let mut buffer = bytes::BytesMut::from(&said()[..]);
        let mut reader = msrp::Reader::new();
        let mut bodies = Vec::new();
        while let Some(piece) = reader.next(&mut buffer).unwrap() {
            assert!(piece.head.byte_range().is_ok());
            bodies.push(piece.data.len());
        }
        assert_eq!(
            (bodies.len(), bodies[0], bodies[2], bodies[3]),
            (4, 0, 0, 0)
        );
        assert!(bodies[1] > 200);
    }

    #[test]
    fn answers_are_asked_for_and_chunks_told_apart() {
        for (header, flag, wants, first, last) in [
            ("", '$', true, true, true),
            ("Failure-Report: no\r\n", '$', false, true, true),
            ("Failure-Report: partial\r\n", '$', false, true, true),
            (
                "Failure-Report: yes\r\nByte-Range: 1-3/6\r\n",
                '+',
                true,
                true,
                false,
            ),
            ("Byte-Range: 4-6/6\r\n", '$', true, false, true),
            ("Byte-Range: 4-6/6\r\n", '#', true, false, true),
        ] {
            let text = format!(
                "MSRP tid0 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n{header}Content-Type: x/y\r\n\r\nabc\r\n-------tid0{flag}\r\n"
            );
            let frame = Scanner::default()
                .next(text.as_bytes(), 0)
                .unwrap()
                .unwrap();
            let Kind::Send(send) = frame.kind else {
                panic!()
            };
            assert_eq!(
                (send.wants_answer, send.is_first, send.is_last),
                (wants, first, last),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_msrp_is_refused() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "MSRP a SEND\r\n",
            "MSRP tid0\r\n",
            "\n",
            "MSRP tid0 SEND\r\n-------tid0$\r\n",
        ] {
            let refused = Scanner::default().next(text.as_bytes(), 0);
            assert!(refused.is_err(), "{text}: {refused:?}");
        }
        let long = vec![b'x'; 2000];
        assert!(Scanner::default().next(&long, 0).is_err());
    }

    proptest! {
        #[test]
        fn any_octets_are_borne(mut octets in proptest::collection::vec(any::<u8>(), 0..300), honest: bool) {
            if honest {
                octets.splice(0..0, *b"MSRP tid0 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n");
                octets.extend_from_slice(b"\r\n-------tid0$\r\n");
            }
            let _any = Scanner::default().next(&octets, 0);
        }
    }
}
