//! SIP over sockets: bytes to messages and back, with limits; and TLS for whoever needs it.

mod dial;
mod flow;
mod tcp;
mod tls;
mod udp;

pub(crate) use flow::{Connection, Flow};
pub(crate) use tcp::{Streams, listen};
pub(crate) use tls::{Certified, Tls};
pub use tls::{TlsError, TlsFiles};
pub(crate) use udp::UdpPort;
pub(crate) use udp::serve as serve_udp;
