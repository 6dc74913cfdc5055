//! Connections as the network sees them: two ends, bytes in order both ways.
//!
//! ```text
//!   write ──▶ flight ──▶ inbox of the other end ──▶ read        flight + inbox <= window
//!               │  ▲
//!               ▼  │ release
//!              held          while the way is cut
//! ```

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    task::Waker,
    time::Instant,
};

use bytes::{Buf, Bytes};

use super::{
    schedule::Event,
    state::State,
    trace::{Kind, Moment},
};

/// Which end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    /// The one that connected.
    Client,
    /// The one that listened.
    Server,
}

/// What goes from one end to the other. Everything but a reset is repeated until it gets through.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Data(Bytes),
    Fin,
    Rst,
    SynAck,
}

/// Both ends. It lasts until nobody holds either.
pub(super) struct Connection {
    client: End,
    server: End,
}

/// One end.
pub(super) struct End {
    pub(super) addr: SocketAddr,
    /// A program holds it, or it waits to be accepted.
    pub(super) open: bool,
    pub(super) connected: bool,
    pub(super) error: Option<io::ErrorKind>,
    pub(super) readers: Vec<Waker>,
    pub(super) writers: Vec<Waker>,
    // What it sends.
    pub(super) write_closed: bool,
    /// Bytes sent that have not arrived.
    pub(super) flight: usize,
    held: VecDeque<(Moment, Payload)>,
    held_since: Option<Instant>,
    /// Something it sent is gone for good, so nothing behind that may arrive.
    torn: bool,
    /// It sends again what has not got through.
    repeats: bool,
    last_arrival: Instant,
    // What it receives.
    pub(super) inbox: VecDeque<Bytes>,
    /// Bytes in the inbox.
    pub(super) unread: usize,
    pub(super) ended: bool,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Connection {
    /// One that is asked for and not answered yet.
    pub(super) fn new(client: SocketAddr, server: SocketAddr, now: Instant) -> Self {
        Self {
            client: End {
                open: true,
                ..End::new(client, now)
            },
            server: End::new(server, now),
        }
    }

    /// The listener has taken it in.
    pub(super) fn open_server(&mut self) {
        self.server.open = true;
        self.server.connected = true;
    }

    pub(super) fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Sender and receiver of what `from` sends.
    pub(super) fn addresses(&self, from: Side) -> (SocketAddr, SocketAddr) {
        (self.end(from).addr, self.end(from.other()).addr)
    }

    /// How many bytes of a window of `window` bytes `side` has in use.
    pub(super) fn in_use(&self, side: Side) -> usize {
        self.end(side).flight + self.end(side.other()).unread
    }
}

impl End {
    fn new(addr: SocketAddr, now: Instant) -> Self {
        Self {
            addr,
            open: false,
            connected: false,
            error: None,
            readers: Vec::new(),
            writers: Vec::new(),
            write_closed: false,
            flight: 0,
            held: VecDeque::new(),
            held_since: None,
            torn: false,
            repeats: true,
            last_arrival: now,
            inbox: VecDeque::new(),
            unread: 0,
            ended: false,
        }
    }

    /// Takes up to `most` bytes out of the inbox, no further than the end of a segment if
    /// `by_segment`.
    pub(super) fn take(&mut self, most: usize, by_segment: bool, mut put: impl FnMut(&[u8])) {
        let mut left = most;
        while left > 0
            && let Some(segment) = self.inbox.front_mut()
        {
            let count = segment.len().min(left);
            put(&segment.split_to(count));
            left -= count;
            self.unread -= count;
            if !segment.has_remaining() {
                self.inbox.pop_front();
                if by_segment {
                    return;
                }
            }
        }
    }

    fn take_waiting(&mut self) -> Vec<Waker> {
        let mut waiting = std::mem::take(&mut self.readers);
        waiting.append(&mut self.writers);
        waiting
    }

    fn forget_inbox(&mut self) {
        self.inbox.clear();
        self.unread = 0;
    }

    /// Nothing more can come or go: `why` is what reads and writes say from now on.
    fn fail(&mut self, why: io::ErrorKind) {
        self.error.get_or_insert(why);
        self.stop_repeating();
    }

    /// Nobody is there any more to send again what has not got through.
    fn stop_repeating(&mut self) {
        self.repeats = false;
        self.torn |= !self.held.is_empty();
        self.held.clear();
        self.held_since = None;
    }
}

impl State {
    /// Sends `payload`, behind all that was sent before it.
    pub(super) fn send_segment(&mut self, id: u64, from: Side, payload: Payload) {
        let Some((source, target)) = self.connections.get(&id).map(|c| c.addresses(from)) else {
            return;
        };
        let soonest = self.now + self.delay(source.ip(), target.ip());
        let sent = self.moment();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(from);
        if let Payload::Data(bytes) = &payload {
            end.flight += bytes.len();
        }
        end.last_arrival = end.last_arrival.max(soonest);
        let event = Event::Segment {
            connection: id,
            from,
            payload,
            sent,
        };
        self.schedule.push(end.last_arrival, event);
    }

    /// Something arrives at the other end, or is held up on the way.
    pub(super) fn segment_arrived(
        &mut self,
        at: Instant,
        sent: Moment,
        id: u64,
        from: Side,
        payload: Payload,
    ) {
        let Some((source, target)) = self.connections.get(&id).map(|c| c.addresses(from)) else {
            return;
        };
        let is_cut = self.is_cut(source.ip(), target.ip());
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(from);
        let is_rst = matches!(payload, Payload::Rst);
        // Behind something that is held up or lost, everything is: bytes stay in order.
        if !is_cut && end.held.is_empty() && (is_rst || !end.torn) {
            self.segment_delivered(at, sent, id, from, payload);
            return;
        }
        // A reset is never sent again, even by those who repeat the rest.
        if is_rst || end.torn || !end.repeats {
            end.torn = true;
            return;
        }
        end.held.push_back((sent, payload));
        if end.held_since.is_none() {
            end.held_since = Some(self.now);
            if let Some(patience) = self.links.faults(source.ip(), target.ip()).give_up {
                let event = Event::GiveUp {
                    connection: id,
                    from,
                    since: self.now,
                };
                self.schedule.push(self.now + patience, event);
            }
        }
    }

    fn segment_delivered(
        &mut self,
        at: Instant,
        sent: Moment,
        id: u64,
        from: Side,
        payload: Payload,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (source, target) = connection.addresses(from);
        let sender = connection.end_mut(from);
        if let Payload::Data(bytes) = &payload {
            sender.flight -= bytes.len();
        }
        let mut woken = Vec::new();
        let receiver = connection.end_mut(from.other());
        let mut is_unwanted = false;
        let (kind, bytes) = match payload {
            Payload::Data(bytes) if receiver.open && receiver.error.is_none() => {
                receiver.unread += bytes.len();
                receiver.inbox.push_back(bytes.clone());
                (Kind::Data, bytes)
            }
            Payload::Data(bytes) => {
                is_unwanted = true;
                (Kind::Unheard, bytes)
            }
            Payload::Fin => {
                receiver.ended = true;
                (Kind::Fin, Bytes::new())
            }
            Payload::Rst => {
                receiver.fail(if receiver.connected {
                    io::ErrorKind::ConnectionReset
                } else {
                    io::ErrorKind::ConnectionRefused
                });
                woken.append(&mut receiver.writers);
                (Kind::Rst, Bytes::new())
            }
            Payload::SynAck => {
                receiver.connected = true;
                woken.append(&mut receiver.writers);
                (Kind::SynAck, Bytes::new())
            }
        };
        woken.append(&mut receiver.readers);
        self.wake(&mut woken);
        self.record(at, sent, kind, (source, target), bytes);
        if is_unwanted {
            self.send_segment(id, from.other(), Payload::Rst);
        }
    }

    /// The sender has tried long enough to get something across, or to connect.
    pub(super) fn give_up(&mut self, id: u64, from: Side, since: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(from);
        if end.connected && end.held_since != Some(since) {
            return;
        }
        end.fail(io::ErrorKind::TimedOut);
        let mut woken = end.take_waiting();
        self.wake(&mut woken);
    }

    /// A partition is over for some: lets them try again.
    pub(super) fn release_all(&mut self) {
        let mut again = Vec::new();
        for (id, connection) in &self.connections {
            for from in [Side::Client, Side::Server] {
                let (source, target) = connection.addresses(from);
                if !connection.end(from).held.is_empty() {
                    again.push((*id, from, source.ip(), target.ip()));
                }
            }
        }
        for (connection, from, source, target) in again {
            let at = self.now + self.delay(source, target);
            self.schedule.push(at, Event::Release { connection, from });
        }
    }

    /// Delivers what was held up, if the way is still free.
    pub(super) fn release(&mut self, id: u64, from: Side) {
        let Some((source, target)) = self.connections.get(&id).map(|c| c.addresses(from)) else {
            return;
        };
        if self.is_cut(source.ip(), target.ip()) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(from);
        end.held_since = None;
        for (sent, payload) in std::mem::take(&mut end.held) {
            self.segment_delivered(self.now, sent, id, from, payload);
        }
    }

    /// A program closes its end.
    pub(super) fn close(&mut self, id: u64, side: Side) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let end = connection.end(side);
        if !end.open {
            return;
        }
        if end.unread > 0 || !end.connected {
            // The peer must not believe that everything was read.
            self.reset_by(id, side);
            return;
        }
        if end.error.is_none() && !end.write_closed {
            self.send_segment(id, side, Payload::Fin);
        }
        self.leave(id, side);
    }

    /// One end ends the connection at once.
    pub(super) fn reset_by(&mut self, id: u64, side: Side) {
        self.send_segment(id, side, Payload::Rst);
        self.leave(id, side);
    }

    /// Something between the ends of a connection ends it for both, at once. What is under way
    /// is lost.
    pub(super) fn reset_both(&mut self, id: u64) {
        for side in [Side::Client, Side::Server] {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            let addresses = connection.addresses(side);
            let end = connection.end_mut(side);
            end.torn = true;
            end.fail(io::ErrorKind::ConnectionReset);
            let mut woken = end.take_waiting();
            self.wake(&mut woken);
            let sent = self.moment();
            self.record(self.now, sent, Kind::Rst, addresses, Bytes::new());
        }
    }

    /// Nobody holds this end any more.
    pub(super) fn leave(&mut self, id: u64, side: Side) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(side);
        end.open = false;
        end.forget_inbox();
        let mut woken = end.take_waiting();
        let (client, _) = connection.addresses(Side::Client);
        let is_over = !connection.client.open && !connection.server.open;
        self.wake(&mut woken);
        if is_over {
            self.connections.remove(&id);
        }
        if side == Side::Client
            && let Some(host) = self.hosts.get_mut(&client.ip())
        {
            host.tcp.lent.remove(&client.port());
        }
    }

    /// All connections with an end at `ip` lose that end, with a word to the peers or without.
    pub(super) fn drop_ends(&mut self, ip: IpAddr, with_a_word: bool) {
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for id in ids {
            for side in [Side::Client, Side::Server] {
                let Some(connection) = self.connections.get_mut(&id) else {
                    break;
                };
                let end = connection.end_mut(side);
                if end.addr.ip() != ip || !end.open {
                    continue;
                }
                end.stop_repeating();
                if with_a_word {
                    self.reset_by(id, side);
                } else {
                    self.leave(id, side);
                }
            }
        }
    }
}
