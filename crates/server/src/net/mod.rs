//! SIP over sockets: bytes to messages and back, with limits.

mod dial;
mod flow;
mod tcp;
mod udp;

pub(crate) use flow::{Connection, Flow};
pub(crate) use tcp::{Streams, listen};
pub(crate) use udp::UdpPort;
pub(crate) use udp::serve as serve_udp;
