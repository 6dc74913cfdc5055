//! Sockets: of the machine, or simulated.

mod datagrams;
mod listener;
mod os;
mod stream;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

pub use datagrams::{BATCH_MAX, Batch, DATAGRAM_MAX, Datagram, Datagrams};
pub use listener::Listener;
pub use stream::{READ_MAX, Stream};

use crate::sim::Machine;

/// Where sockets come from.
///
/// Port 0 binds to any free port; ask the socket which. A socket bound to an IPv6 address serves
/// IPv6 alone, also `[::]`: addresses of peers are never IPv4 in disguise, and both families can
/// be bound to one port side by side.
#[derive(Clone, Debug)]
pub enum Net {
    /// The machine's network.
    Os,
    /// A host's part of a simulated network.
    Sim(Machine),
}

impl Net {
    /// Opens a datagram socket at `at`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AddrInUse`], [`io::ErrorKind::AddrNotAvailable`] when the address is not
    /// this host's, and what else the system says.
    pub fn bind_udp(&self, at: SocketAddr) -> io::Result<Datagrams> {
        match self {
            Self::Os => os::bind_udp(at).map(Datagrams::os),
            Self::Sim(machine) => machine.bind_udp(at).map(Datagrams::sim),
        }
    }

    /// Waits for connections at `at`. A port whose last user has just gone may be taken again.
    ///
    /// # Errors
    ///
    /// As for [`Self::bind_udp`].
    pub fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        match self {
            Self::Os => os::listen(at).map(Listener::os),
            Self::Sim(machine) => machine.listen(at).map(Listener::sim),
        }
    }

    /// Connects to `to`, from the address `from` if given and from any port.
    ///
    /// This waits as long as the network does, which may be minutes: set a time limit around it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ConnectionRefused`], [`io::ErrorKind::TimedOut`], and what else the system
    /// says.
    pub async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<Stream> {
        match self {
            Self::Os => os::connect(from, to).await.map(Stream::os),
            Self::Sim(machine) => machine.connect(from, to).await.map(Stream::sim),
        }
    }
}
