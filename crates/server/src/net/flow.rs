//! Where a message came from, and how another gets there.

use std::net::SocketAddr;
use std::sync::Arc;

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
    pub(crate) queue: mpsc::Sender<Bytes>,
}

/// A message could not be handed to its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lost;

impl Flow {
    /// Sends without waiting. A datagram that the kernel has no room for is lost as on any
    /// network; a connection that is gone, or whose peer has stopped reading, is [`Lost`].
    pub(crate) fn send(&self, bytes: Bytes) -> Result<(), Lost> {
        match self {
            Self::Udp { port, remote } => port.send(*remote, &bytes),
            Self::Stream(connection) => connection.queue.try_send(bytes).map_err(|_| Lost),
        }
    }

    /// Does the transport retransmit, so that we must not?
    pub(crate) const fn is_reliable(&self) -> bool {
        matches!(self, Self::Stream(_))
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
            Self::Stream(connection) => !connection.queue.is_closed(),
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

    /// A name for the flow that means the same peer as long as this process lives.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Udp { remote, .. } => format!("udp:{remote}"),
            Self::Stream(connection) => format!("tcp:{}", connection.id),
        }
    }
}
