//! Where connections come in.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use super::Stream;
use crate::sim::SimListener;

/// A listening socket.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Os(TcpListener),
    Sim(SimListener),
}

impl Listener {
    pub(super) fn os(listener: TcpListener) -> Self {
        Self(Kind::Os(listener))
    }

    pub(super) fn sim(listener: SimListener) -> Self {
        Self(Kind::Sim(listener))
    }

    /// Where it listens, with the port it got.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Os(listener) => listener.local_addr(),
            Kind::Sim(listener) => Ok(listener.local_addr()),
        }
    }

    /// Waits for the next connection; says where it comes from. Connections that were given up
    /// before they were accepted are passed over. Dropping the future loses none.
    ///
    /// # Errors
    ///
    /// What the system says. No more file descriptors is the usual one: the connection stays in
    /// the queue, so wait a moment before asking again.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match &self.0 {
            Kind::Os(listener) => loop {
                match listener.accept().await {
                    Ok((stream, remote)) => {
                        if stream.set_nodelay(true).is_ok() {
                            return Ok((Stream::os(stream), remote));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => return Err(error),
                }
            },
            Kind::Sim(listener) => {
                let (stream, remote) = listener.accept().await?;
                Ok((Stream::sim(stream), remote))
            }
        }
    }
}
