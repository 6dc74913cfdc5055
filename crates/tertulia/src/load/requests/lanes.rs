//! The ways to the server: UDP sockets or TCP connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use world::{Batch, Datagrams};

use super::wire::Wire;
use crate::load::arguments::Transport;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// One way to the server.
#[derive(Clone)]
pub(super) struct Lane {
    /// Our end.
    pub(super) local: SocketAddr,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Udp {
        socket: Arc<Datagrams>,
        target: SocketAddr,
    },
    Tcp(Arc<Wire>),
}

impl Lane {
    /// Opens the `turn`-th way: sources take turns.
    ///
    /// # Errors
    ///
    /// What the system says; time is up.
    pub(super) async fn open(ground: &Ground, turn: usize) -> io::Result<Self> {
        let target = ground.target;
        let from = ground.source(turn);
        match ground.common.transport {
            Transport::Udp => {
                let from = from.map_or_else(|| our_address(target), Ok)?;
                let socket = ground.world.net.bind_udp((from, 0).into())?;
                let local = socket.local_addr()?;
                let socket = Arc::new(socket);
                let kind = Kind::Udp { socket, target };
                Ok(Self { local, kind })
            }
            Transport::Tcp | Transport::Http => {
                let connect = ground.world.net.connect(from, target);
                let connect = ground.world.clock.timeout(ground.common.grace, connect);
                let stream = connect.await.map_err(|_| io::ErrorKind::TimedOut)??;
                let local = stream.local_addr()?;
                let kind = Kind::Tcp(Arc::new(Wire::new(stream)));
                Ok(Self { local, kind })
            }
        }
    }

    /// Sends a message, now or as soon as what was left before is gone.
    ///
    /// # Errors
    ///
    /// The connection is lost, or the system does not take it.
    pub(super) fn send(&self, message: &[u8]) -> Result<(), Fault> {
        match &self.kind {
            Kind::Udp { socket, target } => {
                // What is not taken is as good as lost on the way, but we know.
                socket.try_send(*target, message).map_err(|_| Fault::Unsent)
            }
            Kind::Tcp(wire) => wire.send(message),
        }
    }

    /// Is nothing to be hoped for from it?
    pub(super) fn is_lost(&self) -> bool {
        match &self.kind {
            Kind::Udp { .. } => false,
            Kind::Tcp(wire) => wire.is_lost(),
        }
    }

    /// Can a message get lost on it?
    pub(super) fn is_datagram(&self) -> bool {
        matches!(self.kind, Kind::Udp { .. })
    }

    /// Hears what comes, message by message, until the way ends; `done` after each read.
    pub(super) async fn run(&self, mut hear: impl FnMut(&[u8]), mut done: impl FnMut()) -> Fault {
        match &self.kind {
            Kind::Udp { socket, .. } => {
                let mut batch = Batch::new();
                while socket.recv(&mut batch).await.is_ok() {
                    for datagram in batch.drain() {
                        // RFC 5626 section 3.5.1: nothing but empty lines keeps a way open.
                        if !datagram
                            .bytes
                            .iter()
                            .all(|byte| matches!(byte, b'\r' | b'\n' | 0))
                        {
                            hear(&datagram.bytes);
                        }
                    }
                    done();
                }
                Fault::Lost
            }
            Kind::Tcp(wire) => wire.run(hear, done).await,
        }
    }
}

/// The address that the system would use to reach `target`. It stands in Via and Contact, where
/// "any address" would be of no use to the server. Nothing is sent.
fn our_address(target: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if target.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(target)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_answered() {
        let target = "127.0.0.1:5060".parse().unwrap();
        assert_eq!(our_address(target).unwrap(), Ipv4Addr::LOCALHOST);
    }
}
