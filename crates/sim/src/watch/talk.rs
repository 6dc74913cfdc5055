//! What was said in conferences, and what was delivered of it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use msrp::cpim::Cpim;
use msrp::{Flag, Kind, Method};

use super::wire::{Frame, Heard, Stamp};

type Ends = (SocketAddr, SocketAddr);

/// All messages of a day.
#[derive(Default)]
pub(super) struct Talk {
    /// From members to the server, in the order in which they began.
    pub(super) said: Vec<Spoken>,
    /// From the server to members, in the order in which they began.
    pub(super) delivered: Vec<Spoken>,
    /// What handsets have said, by the names that the server gave it.
    pub(super) taken: HashSet<String>,
    /// How many frames there were.
    frames: u64,
    /// Messages by leg, direction and Message-ID.
    known: HashMap<(usize, bool, String), usize>,
    /// Requests that wait for their response: the message, and whether it was its last chunk.
    asked: HashMap<(Ends, String), (usize, bool)>,
    /// Which sessions use a connection, in the direction to the server.
    bound: HashMap<Ends, Vec<usize>>,
}

/// One message in one session, in one or more chunks.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    /// The leg; none if the session is nobody's.
    pub(super) leg: Option<usize>,
    /// The Message-ID.
    pub(super) id: String,
    /// When its first chunk was sent, and its last.
    pub(super) began: Stamp,
    pub(super) last: Stamp,
    /// When its end arrived, if it was not aborted.
    pub(super) complete: Option<Stamp>,
    /// The place of that among all frames: several can arrive at once.
    pub(super) place: u64,
    /// How often it was ended with '$'.
    pub(super) ends: u32,
    /// When the last chunk was acknowledged by a 200, as sent.
    pub(super) acknowledged: Option<Stamp>,
    /// What its sender calls it, which the server hands on (RFC 5438 section 6.3).
    pub(super) name: Option<String>,
    /// To whom it is, by its CPIM headers.
    pub(super) to: Vec<String>,
    /// What it carries behind the CPIM headers.
    pub(super) content: Bytes,
    so_far: BytesMut,
    /// How far the chunks reach, and how many octets they carried.
    reach: u64,
    octets: u64,
}

impl Talk {
    /// A frame of a session of the server.
    pub(super) fn take(&mut self, leg: Option<usize>, heard: &Heard, frame: &Frame, down: bool) {
        let tid = frame.head.transaction_id();
        match frame.head.kind() {
            Kind::Response(200) => {
                let asked = self.asked.remove(&((heard.to, heard.from), tid.to_owned()));
                let all = if down {
                    &mut self.said
                } else {
                    &mut self.delivered
                };
                if let Some((at, true)) = asked
                    && let Some(spoken) = all.get_mut(at)
                {
                    spoken.acknowledged = Some(heard.sent);
                }
            }
            Kind::Request(Method::Send) if !frame.body.is_empty() => {
                let at = self.begun(leg, heard, frame, down);
                self.frames += 1;
                let all = if down {
                    &mut self.delivered
                } else {
                    &mut self.said
                };
                if let Some(spoken) = all.get_mut(at) {
                    spoken.chunk(heard, frame, self.frames);
                }
                let key = ((heard.from, heard.to), tid.to_owned());
                self.asked
                    .insert(key, (at, frame.flag == Some(Flag::Complete)));
            }
            Kind::Request(_) | Kind::Response(_) => {}
        }
    }

    /// The place of the message of a chunk.
    fn begun(&mut self, leg: Option<usize>, heard: &Heard, frame: &Frame, down: bool) -> usize {
        let id = frame.head.message_id().unwrap_or_default().to_owned();
        let all = if down {
            &mut self.delivered
        } else {
            &mut self.said
        };
        let new = all.len();
        let at = match leg {
            Some(leg) => *self.known.entry((leg, down, id.clone())).or_insert(new),
            None => new,
        };
        if at == new {
            all.push(Spoken {
                leg,
                id,
                began: heard.sent,
                last: heard.sent,
                complete: None,
                place: 0,
                ends: 0,
                acknowledged: None,
                name: None,
                to: Vec::new(),
                content: Bytes::new(),
                so_far: BytesMut::new(),
                reach: 0,
                octets: 0,
            });
        }
        at
    }

    /// Notes which connection a session uses.
    pub(super) fn bind(&mut self, leg: Option<usize>, ends: Ends, from_server: bool) {
        let up = if from_server { (ends.1, ends.0) } else { ends };
        let legs = self.bound.entry(up).or_default();
        if let Some(leg) = leg
            && !legs.contains(&leg)
        {
            legs.push(leg);
        }
    }

    /// The sessions of a connection that ends, in whatever direction.
    pub(super) fn bound_to(&mut self, ends: Ends) -> Vec<usize> {
        let down = self.bound.remove(&(ends.1, ends.0)).unwrap_or_default();
        let mut all = self.bound.remove(&ends).unwrap_or_default();
        all.extend(down);
        all
    }

    /// Reads what the messages carry, once all is there.
    pub(super) fn finish(&mut self) {
        for spoken in self.said.iter_mut().chain(&mut self.delivered) {
            spoken.read();
        }
    }
}

impl Spoken {
    /// What tells it from all others: the name its sender gave it, or else its content.
    pub(super) fn key(&self) -> &str {
        let content = || std::str::from_utf8(&self.content).unwrap_or_default();
        self.name.as_deref().unwrap_or_else(content)
    }

    /// Whether it came twice, all of it or some.
    pub(super) fn is_repeated(&self) -> bool {
        self.ends > 1 || self.octets > self.reach
    }

    fn chunk(&mut self, heard: &Heard, frame: &Frame, place: u64) {
        let offset = match frame.head.byte_range() {
            Ok(Some(range)) => range.offset(),
            Ok(None) | Err(_) => 0,
        };
        let octets = frame.body.len() as u64;
        self.octets += octets;
        self.reach = self.reach.max(offset + octets);
        self.last = heard.sent;
        self.so_far.extend_from_slice(&frame.body);
        if frame.flag == Some(Flag::Complete) {
            self.ends += 1;
            if self.complete.is_none() {
                self.complete = heard.arrived;
                self.place = place;
            }
        }
    }

    fn read(&mut self) {
        let bytes = std::mem::take(&mut self.so_far).freeze();
        let Ok(Some(cpim)) = Cpim::parse(&bytes, true) else {
            self.content = bytes;
            return;
        };
        self.name = cpim.imdn("Message-ID").map(str::to_owned);
        self.to = cpim.to().map(|to| to.uri().to_owned()).collect();
        self.content = cpim.mime().map(|mime| mime.body()).unwrap_or_default();
    }
}
