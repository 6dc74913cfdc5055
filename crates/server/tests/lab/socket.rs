//! The way from a phone to the server: a datagram socket, a connection, or either in a simulated
//! universe.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use bytes::BytesMut;
use sip::{Frame, Framer, Message};

use super::PATIENCE;
use super::sim::{SimLine, SimSocket};

pub enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream, Box<Framer>, BytesMut),
    Sim(Box<SimSocket>),
    Line(Box<SimLine>, Box<Framer>, BytesMut),
}

impl Socket {
    /// A datagram socket, and where it is.
    pub fn udp() -> (Self, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let local = socket.local_addr().unwrap();
        (Self::Udp(socket), local)
    }

    /// A connection, and where our end is.
    pub fn tcp(server: SocketAddr) -> (Self, SocketAddr) {
        Self::taken(TcpStream::connect(server).unwrap())
    }

    /// One that there is already.
    pub fn taken(stream: TcpStream) -> (Self, SocketAddr) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let local = stream.local_addr().unwrap();
        (Self::Tcp(stream, Box::default(), BytesMut::new()), local)
    }

    pub fn transport(&self) -> &'static str {
        match self {
            Self::Udp(_) | Self::Sim(_) => "UDP",
            Self::Tcp(..) | Self::Line(..) => "TCP",
        }
    }

    pub fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(bytes, to).unwrap()),
            Self::Sim(socket) => socket.send(to, bytes),
            Self::Tcp(stream, ..) => stream.write_all(bytes).unwrap(),
            Self::Line(line, ..) => line.write_all(bytes).unwrap(),
        }
    }

    /// The next message, unless patience ends first. All bytes read are added to `heard`.
    pub fn read(&mut self, heard: &mut Vec<u8>) -> Option<Message> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 65_535];
                let length = socket.recv(&mut buffer).ok()?;
                buffer.truncate(length);
                heard.extend_from_slice(&buffer);
                Some(Message::parse(buffer.into()).unwrap())
            }
            Self::Sim(socket) => {
                let bytes = socket.read()?;
                heard.extend_from_slice(&bytes);
                Some(Message::parse(bytes).unwrap())
            }
            Self::Tcp(stream, framer, buffer) => framed(stream, framer, buffer, heard),
            Self::Line(line, framer, buffer) => framed(line, framer, buffer, heard),
        }
    }

    /// How long a read waits. In a universe it always waits for very long.
    pub fn set_patience(&self, patience: Duration) {
        match self {
            Self::Sim(_) | Self::Line(..) => {}
            Self::Udp(socket) => socket.set_read_timeout(Some(patience)).unwrap(),
            Self::Tcp(stream, ..) => stream.set_read_timeout(Some(patience)).unwrap(),
        }
    }

    /// Says no more.
    pub fn shut(&self) {
        if let Self::Tcp(stream, ..) = self {
            stream.shutdown(Shutdown::Write).unwrap();
        }
    }

    /// Does the server close the connection?
    pub fn is_closed(&mut self) -> bool {
        match self {
            Self::Tcp(stream, ..) => matches!(stream.read(&mut [0; 16]), Ok(0)),
            Self::Line(line, ..) => matches!(line.read(&mut [0; 16]), Ok(0) | Err(_)),
            Self::Udp(_) | Self::Sim(_) => false,
        }
    }
}

/// The next message of a stream.
fn framed(
    stream: &mut impl Read,
    framer: &mut Framer,
    buffer: &mut BytesMut,
    heard: &mut Vec<u8>,
) -> Option<Message> {
    loop {
        if let Some(frame) = framer.next(buffer).unwrap() {
            match frame {
                Frame::Message(message) => return Some(message),
                Frame::Ping | Frame::Pong => continue,
            }
        }
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).ok().filter(|length| *length > 0)?;
        buffer.extend_from_slice(&chunk[..length]);
        heard.extend_from_slice(&chunk[..length]);
    }
}
