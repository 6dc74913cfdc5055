//! The machine's sockets, set up the way we want them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
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
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
