//! What was said on the wire: deliveries put together into messages.
//!
//! ```text
//!   Datagram, Lost, Cut ... ──────────────────────▶ SIP message
//!   Syn ──▶ Data, Data ... ──▶ begins like MSRP, like HTTP or CIR, else SIP messages
//!            └──▶ Fin, Rst, Syn of the same ports ──▶ ended
//! ```

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use msrp::{Flag, Head, Piece};
use sip::{Frame as SipFrame, Framer, Message};
use world::sim::{Delivery, Kind, Moment};

use super::csp::{self, Guess, Tongue};

/// A moment, in an order without ties.
pub(super) type Stamp = Moment;

/// Something that was said, or the end of a stream.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// When the first byte was sent.
    pub(super) sent: Stamp,
    /// When the last byte arrived; none if not all of it did.
    pub(super) arrived: Option<Stamp>,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Sip(Message),
    Msrp(Frame),
    /// Messages of handsets that the server has taken, by its ids.
    Taken(Vec<String>),
    /// The stream in this direction is over: closed, reset, or replaced by a new one.
    Ended,
    /// What came is neither, and why.
    Garbage(String),
}

/// An MSRP request or response, body and all.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) head: Head,
    pub(super) body: Bytes,
    /// None if the stream ended before the end-line.
    pub(super) flag: Option<Flag>,
}

/// Puts all deliveries of a day together, in the order in which they were completed.
pub(super) fn read(log: &[Delivery]) -> Vec<Heard> {
    let mut wire = Wire::default();
    for delivery in log {
        wire.take(delivery);
    }
    wire.heard
}

#[derive(Default)]
struct Wire {
    streams: HashMap<(SocketAddr, SocketAddr), Stream>,
    heard: Vec<Heard>,
}

/// One direction of a connection.
struct Stream {
    buffer: BytesMut,
    /// When what is in the buffer was sent: the number of bytes up to the end of a segment, and
    /// when that was sent.
    segments: VecDeque<(u64, Stamp)>,
    /// Bytes that came, and bytes that were taken out of the buffer.
    came: u64,
    taken: u64,
    /// When the first byte of what is being read was sent.
    began: Option<Stamp>,
    last: Stamp,
    speech: Speech,
}

enum Speech {
    Unknown,
    Sip(Framer),
    /// What handsets say is read, and no rule is about it.
    Handset(Tongue),
    Msrp(Box<msrp::Reader>, Option<Begun>),
    Broken,
}

/// A frame that is not complete.
struct Begun {
    head: Head,
    body: BytesMut,
}

enum Step {
    /// Something is complete.
    Said(What),
    /// Something that does not count is over.
    Between,
    Again,
    /// More bytes are needed.
    Wait,
}

impl Wire {
    fn take(&mut self, delivery: &Delivery) {
        let ends = (delivery.from, delivery.to);
        let arrived = Stamp {
            at: delivery.at,
            number: delivery.number,
        };
        match delivery.kind {
            Kind::Datagram => self.datagram(delivery, Some(arrived)),
            Kind::Lost | Kind::Cut | Kind::NoPort | Kind::Overflow => {
                self.datagram(delivery, None);
            }
            Kind::Syn => {
                // The ports of an older connection, used again.
                self.end(ends, delivery.sent, arrived);
                self.end((ends.1, ends.0), delivery.sent, arrived);
            }
            Kind::SynAck => {}
            Kind::Data | Kind::Unheard => {
                let arrived = (delivery.kind == Kind::Data).then_some(arrived);
                let stream = self.streams.entry(ends).or_insert_with(Stream::new);
                stream.take(delivery, arrived, &mut self.heard);
            }
            Kind::Fin | Kind::Rst => self.end(ends, delivery.sent, arrived),
        }
    }

    fn datagram(&mut self, delivery: &Delivery, arrived: Option<Stamp>) {
        // Attempts to connect that ran into a partition carry nothing; nor do keep-alives.
        let is_newline = |byte: &u8| matches!(byte, b'\r' | b'\n');
        if delivery.bytes.iter().all(is_newline) || csp::is_attention(&delivery.bytes) {
            return;
        }
        let what = match Message::parse(delivery.bytes.clone()) {
            Ok(message) => What::Sip(message),
            Err(error) => What::Garbage(error.to_string()),
        };
        self.heard.push(Heard {
            from: delivery.from,
            to: delivery.to,
            sent: delivery.sent,
            arrived,
            what,
        });
    }

    fn end(&mut self, ends: (SocketAddr, SocketAddr), sent: Stamp, arrived: Stamp) {
        let (from, to) = ends;
        let rest = self.streams.remove(&ends).and_then(|s| s.rest(ends));
        self.heard.extend(rest);
        self.heard.push(Heard {
            from,
            to,
            sent,
            arrived: Some(arrived),
            what: What::Ended,
        });
    }
}

impl Stream {
    fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            segments: VecDeque::new(),
            came: 0,
            taken: 0,
            began: None,
            last: Stamp::default(),
            speech: Speech::Unknown,
        }
    }

    fn take(&mut self, delivery: &Delivery, arrived: Option<Stamp>, heard: &mut Vec<Heard>) {
        self.last = delivery.sent;
        self.came += delivery.bytes.len() as u64;
        self.segments.push_back((self.came, delivery.sent));
        self.buffer.extend_from_slice(&delivery.bytes);
        loop {
            if self.began.is_none() && !self.buffer.is_empty() {
                self.began = self.segments.front().map(|(_, sent)| *sent);
            }
            let before = self.buffer.len();
            let step = self.step();
            self.forget(before - self.buffer.len());
            match step {
                Step::Wait => return,
                Step::Again => {}
                Step::Between => self.began = None,
                Step::Said(what) => heard.push(Heard {
                    from: delivery.from,
                    to: delivery.to,
                    sent: self.began.take().unwrap_or(delivery.sent),
                    arrived,
                    what,
                }),
            }
        }
    }

    /// Forgets when bytes were sent that have been taken out of the buffer.
    fn forget(&mut self, count: usize) {
        self.taken += count as u64;
        while self
            .segments
            .front()
            .is_some_and(|(end, _)| *end <= self.taken)
        {
            self.segments.pop_front();
        }
    }

    fn step(&mut self) -> Step {
        const MSRP: &[u8] = b"MSRP ";
        match &mut self.speech {
            Speech::Unknown => {
                let known = self.buffer.len().min(MSRP.len());
                let may_be_msrp = self.buffer.get(..known) == MSRP.get(..known);
                self.speech = match csp::guess(&self.buffer) {
                    Guess::It(tongue) => Speech::Handset(tongue),
                    Guess::Perhaps => return Step::Wait,
                    Guess::No if may_be_msrp && known < MSRP.len() => return Step::Wait,
                    Guess::No if may_be_msrp => Speech::Msrp(Box::default(), None),
                    Guess::No => Speech::Sip(Framer::default()),
                };
                Step::Again
            }
            Speech::Broken => {
                self.buffer.clear();
                Step::Wait
            }
            Speech::Sip(framer) => match framer.next(&mut self.buffer) {
                Ok(Some(SipFrame::Message(message))) => Step::Said(What::Sip(message)),
                Ok(Some(SipFrame::Ping | SipFrame::Pong)) => Step::Between,
                Ok(None) => Step::Wait,
                Err(error) => self.give_up(&error),
            },
            Speech::Handset(tongue) => match tongue.take(&mut self.buffer) {
                Ok(Some(taken)) if taken.is_empty() => Step::Between,
                Ok(Some(taken)) => Step::Said(What::Taken(taken)),
                Ok(None) => Step::Wait,
                Err(error) => self.give_up(&error),
            },
            Speech::Msrp(reader, begun) => match reader.next(&mut self.buffer) {
                Ok(Some(piece)) => put(begun, piece),
                Ok(None) => Step::Wait,
                Err(error) => self.give_up(&error),
            },
        }
    }

    fn give_up(&mut self, error: &impl std::fmt::Display) -> Step {
        self.speech = Speech::Broken;
        Step::Said(What::Garbage(error.to_string()))
    }

    /// The frame in which the stream ended, if it ended in one.
    fn rest(self, (from, to): (SocketAddr, SocketAddr)) -> Option<Heard> {
        let Speech::Msrp(_, Some(begun)) = self.speech else {
            return None;
        };
        Some(Heard {
            from,
            to,
            sent: self.began.unwrap_or(self.last),
            arrived: None,
            what: What::Msrp(begun.frame(None)),
        })
    }
}

/// Puts a piece to the frame it belongs to.
fn put(begun: &mut Option<Begun>, piece: Piece) -> Step {
    let so_far = begun.get_or_insert_with(|| Begun {
        head: piece.head.clone(),
        body: BytesMut::new(),
    });
    so_far.body.extend_from_slice(&piece.data);
    match (piece.end, begun.take()) {
        (Some(flag), Some(whole)) => Step::Said(What::Msrp(whole.frame(Some(flag)))),
        (_, unfinished) => {
            *begun = unfinished;
            Step::Again
        }
    }
}

impl Begun {
    fn frame(self, flag: Option<Flag>) -> Frame {
        Frame {
            head: self.head,
            body: self.body.freeze(),
            flag,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FRAME: &str = "MSRP a786hjs2 SEND\r\nTo-Path: msrp://b:9/2;tcp\r\n\
        From-Path: msrp://a:9/1;tcp\r\nMessage-ID: 1\r\nByte-Range: 1-5/5\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n-------a786hjs2$\r\n";
    const OPTIONS: &str = "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\n\
        Content-Length: 4\r\n\r\nbody";

    /// Deliveries a second apart, each sent half a second before it arrives.
    fn day(kinds: &[(Kind, &str)]) -> Vec<Delivery> {
        let delivery = |(at, (kind, bytes)): (u64, &(Kind, &str))| Delivery {
            at: Duration::from_secs(at),
            sent: Stamp {
                at: Duration::from_millis(at * 1000 - 500),
                number: at * 2,
            },
            number: at * 2 + 1,
            kind: *kind,
            from: "10.0.0.1:1".parse().unwrap(),
            to: "10.0.0.2:2".parse().unwrap(),
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        };
        (1..).zip(kinds).map(delivery).collect()
    }

    /// What was heard, in short, with the seconds of sending and arrival.
    fn told(log: &[Delivery]) -> Vec<(String, u64, Option<u64>)> {
        let short = |heard: &Heard| {
            let what = match &heard.what {
                What::Sip(Message::Request(request)) => request.method().to_string(),
                What::Sip(Message::Response(response)) => response.status().to_string(),
                What::Msrp(frame) => format!(
                    "{} {:?} {}",
                    frame.head.method_name(),
                    frame.body,
                    frame.flag.map_or('!', |flag| char::from(flag.as_byte()))
                ),
                What::Ended => "ended".to_owned(),
                What::Taken(ids) => format!("taken {ids:?}"),
                What::Garbage(_) => "garbage".to_owned(),
            };
            let arrived = heard.arrived.map(|stamp| stamp.at.as_secs());
            (what, heard.sent.number / 2, arrived)
        };
        read(log).iter().map(short).collect()
    }

    #[test]
    fn a_stream_is_put_together_and_begins_when_its_first_byte_was_sent() {
        let twice = format!("{FRAME}{FRAME}");
        for cut in 1..FRAME.len() {
            let (head, tail) = twice.split_at(cut);
            let log = day(&[(Kind::Data, head), (Kind::Data, tail), (Kind::Fin, "")]);
            let send = r#"SEND b"hello" $"#.to_owned();
            let want = [
                (send.clone(), 1, Some(2)),
                (send, 2, Some(2)),
                ("ended".to_owned(), 3, Some(3)),
            ];
            assert_eq!(told(&log), want, "cut at {cut}");
        }
    }

    #[test]
    fn both_protocols_are_told_apart_and_pings_are_passed_over() {
        let log = day(&[
            (Kind::Data, "\r\n\r\n"),
            (Kind::Data, OPTIONS),
            (Kind::Syn, ""),
            (Kind::Data, FRAME),
            (Kind::Lost, OPTIONS),
            (Kind::Datagram, "what?"),
        ]);
        let names: Vec<_> = told(&log).into_iter().map(|(what, ..)| what).collect();
        let want = [
            "OPTIONS",
            "ended",
            "ended",
            r#"SEND b"hello" $"#,
            "OPTIONS",
            "garbage",
        ];
        assert_eq!(names, want);
        assert_eq!(told(&log)[4].2, None, "it was lost");
    }

    #[test]
    fn a_frame_that_does_not_end_is_told_too() {
        let (head, _) = FRAME.split_at(FRAME.len() - 22);
        let log = day(&[(Kind::Data, head), (Kind::Rst, "")]);
        assert_eq!(told(&log)[0].0, r#"SEND b"he" !"#);
    }
}
