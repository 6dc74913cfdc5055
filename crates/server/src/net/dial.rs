//! Connections to the servers of other domains: one to each place, opened when there is something
//! to be sent, and used for all that goes there and comes from there.
//!
//! ```text
//!   dial ──▶ queue fills ──taken──▶ served as any connection ──▶ lost
//!                 └──refused, [`CONNECT`] over──────────────────▶ lost, and never was up
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::net::tcp::serve;
use crate::net::{Connection, Streams};

/// How long a server may take to accept a connection. After that another one is tried, while a
/// person waits; the second repetition of a lost SYN comes after three seconds.
const CONNECT: Duration = Duration::from_secs(5);

impl Streams {
    /// The connection to a server that listens there: the one that there is, or one that is opened
    /// now, from this address. Nothing is waited for. `None`: there are too many connections.
    pub(crate) fn dial(&self, from: Option<IpAddr>, remote: SocketAddr) -> Option<Arc<Connection>> {
        let mut dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there_is) = dialled.get(&remote).filter(|one| one.is_open()) {
            return Some(Arc::clone(there_is));
        }
        let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() else {
            tracing::warn!(%remote, "too many SIP connections");
            return None;
        };
        let local = SocketAddr::new(from.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), 0);
        let (connection, waiting) = Connection::dialled(self.number(), local, remote);
        dialled.insert(remote, Arc::clone(&connection));
        let (of, opened) = (self.clone(), Arc::clone(&connection));
        // Before anything can come by it.
        self.shards.flow_up(&connection);
        self.world.tasks.spawn("sip neighbour", async move {
            let id = opened.id;
            of.open(from, opened, waiting).await;
            of.forget(remote, id);
            of.shards.flow_lost(id);
            drop(permit);
        });
        Some(connection)
    }

    async fn open(
        &self,
        from: Option<IpAddr>,
        connection: Arc<Connection>,
        waiting: mpsc::Receiver<Bytes>,
    ) {
        let remote = connection.remote;
        let stream = self.world.net.connect(from, remote);
        let stream = self.world.clock.timeout(CONNECT, stream).await;
        match stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                connection.comes_up();
                serve(self, stream, connection, waiting).await;
            }
            Err(error) => {
                tracing::info!(%remote, %error, "the server of another domain takes no connection");
            }
        }
    }

    /// Another one may have taken its place.
    fn forget(&self, remote: SocketAddr, id: u64) {
        let mut dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        if dialled.get(&remote).is_some_and(|one| one.id == id) {
            dialled.remove(&remote);
        }
    }
}
