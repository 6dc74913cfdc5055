//! The sockets over which the telephones speak SIP: one a source.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sip::{Frame, Framer, Message};
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use world::{Batch, Datagrams, Stream, World};

use super::super::arguments::Transport;
use super::super::target::Ground;

/// Reads of the sockets that wait to be looked at. A server that talks faster waits, or its
/// datagrams are lost as they are on any network.
pub(super) const READS: usize = 256;

/// One socket.
pub(super) enum Line {
    Udp(Arc<Datagrams>),
    /// What is to be written goes to the task that writes.
    Tcp(UnboundedSender<Bytes>),
}

/// What a socket has brought.
pub(super) enum Heard {
    Message(Message),
    Malformed,
    /// The connection has ended.
    End,
}

impl Line {
    /// Sends now, or not at all: what is lost is said again.
    pub(super) fn send(&self, to: SocketAddr, bytes: Bytes) {
        match self {
            Self::Udp(socket) => drop(socket.try_send(to, &bytes)),
            Self::Tcp(writer) => drop(writer.send(bytes)),
        }
    }
}

/// Opens the socket of the `turn`-th source.
///
/// # Errors
///
/// What the system says.
pub(super) async fn open_line(
    ground: &Ground,
    world: &World,
    turn: usize,
    heard: &Sender<(usize, Heard)>,
) -> io::Result<(Line, SocketAddr)> {
    let ip = match ground.source(turn) {
        Some(ip) => ip,
        None => way_to(ground.target)?,
    };
    let heard = heard.clone();
    match ground.common.transport {
        Transport::Udp => {
            let socket = Arc::new(world.net.bind_udp(SocketAddr::new(ip, 0))?);
            let at = socket.local_addr()?;
            let reading = read_datagrams(turn, Arc::clone(&socket), heard);
            world.tasks.spawn("datagrams", reading);
            Ok((Line::Udp(socket), at))
        }
        Transport::Tcp | Transport::Http => {
            let connecting = world.net.connect(Some(ip), ground.target);
            let connected = world.clock.timeout(ground.common.grace, connecting).await;
            let stream = Arc::new(connected.map_err(|_| io::ErrorKind::TimedOut)??);
            let at = stream.local_addr()?;
            let (writer, lines) = mpsc::unbounded_channel();
            world
                .tasks
                .spawn("stream out", write_stream(Arc::clone(&stream), lines));
            world
                .tasks
                .spawn("stream in", read_stream(turn, stream, heard));
            Ok((Line::Tcp(writer), at))
        }
    }
}

/// The address of this machine from which the target is reached.
fn way_to(target: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    // Sends nothing: it only chooses the way.
    socket.connect(target)?;
    Ok(socket.local_addr()?.ip())
}

async fn read_datagrams(line: usize, socket: Arc<Datagrams>, heard: Sender<(usize, Heard)>) {
    let mut batch = Batch::new();
    while socket.recv(&mut batch).await.is_ok() {
        for datagram in batch.drain() {
            let message = Message::parse(datagram.bytes);
            let message = message.map_or(Heard::Malformed, Heard::Message);
            if heard.send((line, message)).await.is_err() {
                return;
            }
        }
    }
    // The floor may have gone.
    let _gone = heard.send((line, Heard::End)).await;
}

async fn read_stream(line: usize, stream: Arc<Stream>, heard: Sender<(usize, Heard)>) {
    let (mut framer, mut buffer) = (Framer::default(), BytesMut::new());
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {
        loop {
            let message = match framer.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => Heard::Message(message),
                Ok(Some(Frame::Ping | Frame::Pong)) => continue,
                Err(_) => {
                    let _gone = heard.send((line, Heard::Malformed)).await;
                    return;
                }
            };
            if heard.send((line, message)).await.is_err() {
                return;
            }
        }
    }
    let _gone = heard.send((line, Heard::End)).await;
}

async fn write_stream(stream: Arc<Stream>, mut lines: UnboundedReceiver<Bytes>) {
    let mut together = Vec::new();
    while let Some(bytes) = lines.recv().await {
        together.extend_from_slice(&bytes);
        while let Ok(more) = lines.try_recv() {
            together.extend_from_slice(&more);
        }
        if stream.write_all(&together).await.is_err() {
            return;
        }
        together.clear();
    }
}
