//! The machine's sockets, set up the way we want them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::atomic::{AtomicU32, Ordering},
};

use quinn_udp::UdpSocketState;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

/// Kernel buffers of a datagram socket, in bytes, each way. At 100,000 datagrams a second of 1 kB
/// this bridges 40 ms during which the reader does not run. The system may grant less
/// (`net.core.rmem_max`); that is no error.
const UDP_BUFFER: usize = 4 << 20;

/// Connections that wait to be accepted. After a restart all clients come back at once; the kernel
/// cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A datagram socket, and the state with which batches are read from it.
pub(super) fn bind_udp(at: SocketAddr) -> io::Result<(UdpSocket, UdpSocketState)> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    let _granted = socket.set_recv_buffer_size(UDP_BUFFER);
    let _granted = socket.set_send_buffer_size(UDP_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok((socket, batch_state(at)?))
}

/// What `quinn-udp` needs to read batches.
///
/// It sets up the socket it is shown for QUIC, which forbids fragments. SIP needs them: a message
/// over UDP may be as large as a datagram can be (RFC 3261 18.1.1). So it is shown another socket
/// of the same kind, and ours keeps the system's defaults.
fn batch_state(at: SocketAddr) -> io::Result<UdpSocketState> {
    let stand_in = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    UdpSocketState::new((&stand_in).into())
}

pub(super) fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server must get its port back while old connections are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

pub(super) async fn connect(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(from) = from {
        bind_any(&socket, from)?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The ports that are tried: those that Linux gives out.
const PORTS: RangeInclusive<u16> = 32_768..=60_999;

/// How many of them before the kernel is left to look.
const TRIES: usize = 64;

/// Binds to any port of an address. Asked for port 0 the kernel looks at one port after the other,
/// and with ten thousand connections from one address takes milliseconds for each further one;
/// asked for a certain port it answers at once.
fn bind_any(socket: &TcpSocket, from: IpAddr) -> io::Result<()> {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end() - PORTS.start()) + 1;
    // Connections that have ended hold their ports for a minute; to another place they are free.
    socket.set_reuseaddr(true)?;
    for _ in 0..TRIES {
        // Each process begins elsewhere, away from the ports that one before it has just left.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let step = std::process::id().wrapping_mul(7919).wrapping_add(turn) % count;
        let port = PORTS.start() + u16::try_from(step).unwrap_or_default();
        match socket.bind(SocketAddr::new(from, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            done => return done,
        }
    }
    socket.bind(SocketAddr::new(from, 0))
}
