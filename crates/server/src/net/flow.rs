//! Where a message came from, and how another gets there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip::Request;
use sip::header::Via;
use tokio::sync::mpsc;

use crate::net::UdpPort;

/// A path to a peer: a datagram socket and an address, or a connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Flow {
    Udp {
        port: Arc<UdpPort>,
        remote: SocketAddr,
    },
    Stream(Arc<Connection>),
}

/// A SIP connection, as those who send through it see it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Unlike the address, never used again in this process.
    pub(crate) id: u64,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    queue: mpsc::Sender<Bytes>,
    /// Octets in the queue or being written.
    waiting: AtomicUsize,
    /// Was it opened from here, to a server of another domain?
    is_dialled: bool,
    /// Has it come to be? What is said before waits in the queue.
    is_up: AtomicBool,
    /// The other domain whose server has opened it.
    domain: OnceLock<Arc<str>>,
}

/// Messages that may wait for one connection. A peer that lets more pile up is not reading.
const QUEUE: usize = 1024;

/// Octets that may wait for one connection: a message of the largest size to spare, and what a
/// peer that reads slowly on purpose may pin.
const OCTETS: usize = 4 << 20;

impl Connection {
    /// A connection, and the end of its queue from which it is written.
    pub(crate) fn new(
        id: u64,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        Self::made(id, local, remote, false)
    }

    /// One that is being opened, to a server of another domain.
    pub(crate) fn dialled(
        id: u64,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        Self::made(id, local, remote, true)
    }

    fn made(
        id: u64,
        local: SocketAddr,
        remote: SocketAddr,
        is_dialled: bool,
    ) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let connection = Self {
            id,
            local,
            remote,
            queue,
            waiting: AtomicUsize::new(0),
            is_dialled,
            is_up: AtomicBool::new(!is_dialled),
            domain: OnceLock::new(),
        };
        (Arc::new(connection), waiting)
    }

    pub(crate) const fn is_dialled(&self) -> bool {
        self.is_dialled
    }

    /// Has the peer ever taken it?
    pub(crate) fn has_been_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// The peer has taken it.
    pub(crate) fn comes_up(&self) {
        self.is_up.store(true, Ordering::Relaxed);
    }

    /// Could anything still be sent?
    pub(crate) fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }

    /// The server of another domain has opened it.
    pub(crate) fn is_of(&self, domain: &Arc<str>) {
        self.domain.get_or_init(|| Arc::clone(domain));
    }

    /// The domain whose server has opened it, if that is known.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.domain.get().map(|domain| &**domain)
    }

    /// Puts a message behind those that wait.
    pub(crate) fn send(&self, bytes: Bytes) -> Result<(), Lost> {
        let length = bytes.len();
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        let sent = if before.saturating_add(length) > OCTETS {
            Err(Lost)
        } else {
            self.queue.try_send(bytes).map_err(|_| Lost)
        };
        if sent.is_err() {
            self.written(length);
        }
        sent
    }

    /// So many octets wait no more.
    pub(crate) fn written(&self, octets: usize) {
        self.waiting.fetch_sub(octets, Ordering::Relaxed);
    }
}

/// The largest message sent as one datagram, in bytes: what IPv4 can carry, less the room for
/// headers of IP and UDP and for the Vias of further hops.
const DATAGRAM_MAX: usize = 65_000;

/// A message could not be handed to its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lost;

impl Flow {
    /// Sends without waiting. A datagram that the kernel has no room for is lost as on any
    /// network; a connection that is gone, or whose peer has stopped reading, is [`Lost`].
    pub(crate) fn send(&self, bytes: Bytes) -> Result<(), Lost> {
        match self {
            Self::Udp { port, remote } => port.send(*remote, &bytes),
            Self::Stream(connection) => connection.send(bytes),
        }
    }

    /// Does the transport retransmit, so that we must not?
    pub(crate) const fn is_reliable(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// Can a message of this length be sent?
    pub(crate) const fn takes(&self, length: usize) -> bool {
        self.is_reliable() || length <= DATAGRAM_MAX
    }

    /// The name of the transport, as a Via writes it.
    pub(crate) const fn transport(&self) -> &'static str {
        match self {
            Self::Udp { .. } => "UDP",
            Self::Stream(_) => "TCP",
        }
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        match self {
            Self::Udp { remote, .. } => *remote,
            Self::Stream(connection) => connection.remote,
        }
    }

    /// Is it this connection?
    pub(crate) fn is_connection(&self, id: u64) -> bool {
        matches!(self, Self::Stream(connection) if connection.id == id)
    }

    /// Could anything still be sent?
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Udp { .. } => true,
            Self::Stream(connection) => connection.is_open(),
        }
    }

    /// From now on this is `newer`, by which a later request of the same dialog came: a peer is
    /// reached over the connection that it has now.
    ///
    /// Over UDP only if the request has `rport`: who writes it listens where it sends from (RFC
    /// 3581 section 4), which others need not.
    pub(crate) fn follow(&mut self, newer: &Self, request: &Request) {
        let is_same = match (&*self, newer) {
            (Self::Stream(ours), Self::Stream(newer)) => ours.id == newer.id,
            (Self::Udp { remote: ours, .. }, Self::Udp { remote: newer, .. }) => {
                let via = request.first::<Via<'_>>().ok().flatten();
                ours == newer || !via.is_some_and(|via| via.params.has("rport"))
            }
            _ => false,
        };
        if !is_same {
            *self = newer.clone();
        }
    }

    /// A name for the flow that means the same peer as long as this process lives; with its domain
    /// if it is the server of one, which is there also when the connection is gone.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Udp { remote, .. } => format!("udp:{remote}"),
            Self::Stream(connection) => match connection.domain() {
                Some(domain) => format!("tcp:{}@{domain}", connection.id),
                None => format!("tcp:{}", connection.id),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_holds_so_much_and_no_more() {
        let at = "127.0.0.1:5060".parse().unwrap();
        let (connection, mut waiting) = Connection::new(1, at, at);
        let half = Bytes::from(vec![0; OCTETS / 2]);
        assert_eq!(connection.send(half.clone()), Ok(()));
        assert_eq!(connection.send(half.clone()), Ok(()));
        assert_eq!(connection.send(half.clone()), Err(Lost));
        let written = waiting.try_recv().unwrap();
        connection.written(written.len());
        assert_eq!(connection.send(half), Ok(()));
        drop(waiting);
        assert_eq!(connection.send(Bytes::new()), Err(Lost));
    }
}
