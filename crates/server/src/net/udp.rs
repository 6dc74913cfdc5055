//! SIP over UDP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use sip::Message;
use world::{BATCH_MAX, Batch, Datagrams};

use crate::core::Shards;
use crate::count::Counters;
use crate::net::Flow;
use crate::net::flow::Lost;
use crate::tap::Tap;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct UdpPort {
    pub(crate) local: SocketAddr,
    socket: Datagrams,
    counters: Arc<Counters>,
    tap: Option<Arc<Tap>>,
}

impl UdpPort {
    pub(crate) fn new(
        socket: Datagrams,
        counters: Arc<Counters>,
        tap: Option<Arc<Tap>>,
    ) -> io::Result<Self> {
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            counters,
            tap,
        })
    }

    pub(crate) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> Result<(), Lost> {
        if let Some(tap) = &self.tap {
            tap.udp(self.local, remote, bytes);
        }
        match self.socket.try_send(remote, bytes) {
            // A full buffer loses the datagram, as any hop may; the sender's timers know that.
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Lost),
            Err(_) => {
                Counters::add(&self.counters.udp_dropped);
                Ok(())
            }
        }
    }
}

/// Reads the socket until it is of no more use.
pub(crate) async fn serve(port: Arc<UdpPort>, shards: Shards) {
    let mut batch = Batch::new();
    loop {
        if let Err(error) = port.socket.recv(&mut batch).await {
            tracing::error!(local = %port.local, %error, "the UDP socket failed");
            return;
        }
        let full = batch.len() == BATCH_MAX;
        for datagram in batch.drain() {
            if let Some(tap) = &port.tap {
                tap.udp(datagram.remote, port.local, &datagram.bytes);
            }
            // Keep-alives: CRLF CRLF and its like need no answer over UDP (RFC 5626 uses STUN).
            if datagram
                .bytes
                .iter()
                .all(|b| matches!(b, b'\r' | b'\n' | 0))
            {
                continue;
            }
            let flow = Flow::Udp {
                port: Arc::clone(&port),
                remote: datagram.remote,
            };
            match Message::parse(datagram.bytes.clone()) {
                Ok(message) => shards.deliver(message, flow),
                Err(error) => shards.unreadable(&datagram.bytes, error, &flow),
            }
        }
        // More is waiting. On one core the shards have to get their turn between, or all that
        // comes is read and refused and nothing is answered.
        if full {
            tokio::task::yield_now().await;
        }
    }
}
