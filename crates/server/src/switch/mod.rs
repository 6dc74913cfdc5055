//! The MSRP switch (RFC 4975, RFC 7701 section 6): connections, and the sessions on them.
//!
//! ```text
//!   peer ──bytes──▶ connection ──Said──▶ room        which answers and forwards: rooms::speech
//!   peer ◀─bytes─── connection ◀─Line─── room        one bounded queue for each leg
//!                       └────────News──▶ room        a leg is up, or gone
//! ```
//!
//! A [`Session`] is opened for each leg before anybody knows on which connection it will be. The
//! first request that names it binds it to the connection it came on, for good.

mod connection;
mod inbound;
mod line;
mod members;
mod out;
mod outbound;
mod session;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use msrp::{Chunk, FailureReport, Flag, SendHead, session_uri};
use room::LegId;
use sip::sdp::MsrpMedia;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use world::{Listener, Rng, Stream, World};

pub(crate) use line::{Line, NO_MESSAGE, Outgoing, Part};
pub(crate) use session::{News, RoomDoor, Said, Session};

use crate::tap::Tap;
use connection::Connection;

/// The most MSRP connections at a time. Each costs a task and a few kilobytes.
const CONNECTIONS_MAX: usize = 100_000;

/// How long to wait for a connection that we ask for.
const DIAL: Duration = Duration::from_secs(10);

/// How long to rest when a connection could not be accepted: out of descriptors, usually.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// All MSRP sessions of one server.
pub(crate) struct Switch {
    world: World,
    local: SocketAddr,
    tap: Option<Arc<Tap>>,
    allowed: Vec<IpAddr>,
    /// By session id. Looked up, never walked.
    sessions: RwLock<HashMap<String, Arc<Session>>>,
    places: Arc<Semaphore>,
    refused_by_peers: AtomicU64,
}

/// We do not connect to where a peer says, unless it is a configured place.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the peer waits where no MSRP connections are made to from here")]
pub(crate) struct NotAllowed;

impl Switch {
    /// A switch without sessions.
    ///
    /// `local` is where peers reach its listener, as they will read it in SDP. `allowed` are the
    /// only hosts that [`Self::connect`] connects to.
    pub(crate) fn new(
        world: World,
        local: SocketAddr,
        tap: Option<Arc<Tap>>,
        allowed: Vec<IpAddr>,
    ) -> Arc<Self> {
        Arc::new(Self {
            world,
            local,
            tap,
            allowed,
            sessions: RwLock::default(),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            refused_by_peers: AtomicU64::new(0),
        })
    }

    /// Opens a session for a leg. What the room pushes into its line waits until a connection
    /// binds it and [`Session::peer`] has told the way.
    ///
    /// The session id is 128 random bits: whoever knows it may bind the session (RFC 4975 14.1).
    pub(crate) fn open(&self, leg: LegId, room: RoomDoor, rng: &mut Rng) -> Arc<Session> {
        let id = rng.token128();
        let host = self.local.ip().to_string();
        let uri = session_uri(false, &host, self.local.port(), &id);
        let session = Arc::new(Session::new(id, leg, uri, room));
        let mut sessions = self
            .sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.id.clone(), Arc::clone(&session));
        session
    }

    /// Ends a session of ours. What was pushed before is still written; nothing is told to the
    /// room. A connection that carries no other session is closed then.
    pub(crate) fn close(&self, session: &Session) {
        let mut sessions = self
            .sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&session.id);
        drop(sessions);
        session.queue().close();
    }

    /// Nothing more is said to the peer of a session. What was pushed before is still written, also
    /// to a connection that is still to come. Call [`Self::close`] when that is done
    /// ([`Session::when_written`]), or when enough was waited for.
    pub(crate) fn retire(&self, session: &Session) {
        if !session.queue().retire() {
            self.close(session);
        }
    }

    /// The peer of a session has left: nothing more is said to it. What it said itself is still
    /// answered, if it takes the answers. Call [`Self::close`] then.
    pub(crate) fn dismiss(session: &Session) {
        session.queue().dismiss();
    }

    /// Connects to the peer of a session, because we are its active side, and sends a SEND
    /// without body at once (RFC 4975 section 5.4). The room hears [`News::Up`], or
    /// [`News::Gone`] if that fails. Call [`Session::peer`] before.
    ///
    /// # Errors
    ///
    /// [`NotAllowed`] if `to` is not among the hosts the switch was made with.
    pub(crate) fn connect(
        self: &Arc<Self>,
        session: &Arc<Session>,
        to: SocketAddr,
    ) -> Result<(), NotAllowed> {
        if !self.allowed.contains(&to.ip()) {
            return Err(NotAllowed);
        }
        let (switch, session) = (Arc::clone(self), Arc::clone(session));
        self.world.tasks.spawn("msrp dial", async move {
            match switch.dial(to).await {
                Some((stream, place)) => {
                    let hello = hello(&mut switch.world.rng.fork());
                    let mut connection = Connection::new(switch, stream, to);
                    if connection.adopt(&session, hello) {
                        connection.run().await;
                    }
                    drop(place);
                }
                None => session.fail("no connection to the peer could be made"),
            }
        });
        Ok(())
    }

    /// [`Self::connect`] to where a peer's description says that it waits.
    ///
    /// # Errors
    ///
    /// [`NotAllowed`] as there; also if the place is a name, or speaks TLS, or is none.
    pub(crate) fn connect_to(
        self: &Arc<Self>,
        session: &Arc<Session>,
        peer: &MsrpMedia,
    ) -> Result<(), NotAllowed> {
        self.connect(session, place_of(peer).ok_or(NotAllowed)?)
    }

    /// Whether [`Self::connect_to`] would try.
    pub(crate) fn may_connect(&self, peer: &MsrpMedia) -> bool {
        place_of(peer).is_some_and(|place| self.allowed.contains(&place.ip()))
    }

    /// Where peers connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.local
    }

    /// How many sessions are open.
    pub(crate) fn len(&self) -> usize {
        self.sessions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    async fn dial(&self, to: SocketAddr) -> Option<(Stream, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let up = self.world.net.connect(None, to);
        let stream = self.world.clock.timeout(DIAL, up).await.ok()?.ok()?;
        Some((stream, place))
    }

    /// How many requests of ours were refused with a code that ends neither the session nor the
    /// message, such as 415.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for /metrics, once there is one")
    )]
    pub(crate) fn refused_by_peers(&self) -> u64 {
        self.refused_by_peers.load(Ordering::Relaxed)
    }

    fn find(&self, id: &str) -> Option<Arc<Session>> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).cloned()
    }
}

/// Accepts MSRP connections until the task is aborted.
pub(crate) async fn listen(listener: Listener, switch: Arc<Switch>) {
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an MSRP connection");
                switch.world.clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&switch.places).try_acquire_owned() else {
            tracing::warn!(%remote, "too many MSRP connections");
            continue;
        };
        let connection = Connection::new(Arc::clone(&switch), stream, remote);
        switch.world.tasks.spawn("msrp connection", async move {
            connection.run().await;
            drop(place);
        });
    }
}

/// Where a peer waits to be connected to. Names are not looked up: none is configured by name.
fn place_of(peer: &MsrpMedia) -> Option<SocketAddr> {
    let target = peer.connect_to(false).filter(|target| !target.tls)?;
    Some(SocketAddr::new(target.host.parse().ok()?, target.port))
}

/// The SEND without body by which an active side binds a session (RFC 4975 sections 5.4, 7.1).
fn hello(rng: &mut Rng) -> Outgoing {
    let head = SendHead {
        message_id: &rng.token(64),
        offset: 0,
        total: Some(0),
        success_report: false,
        failure_report: FailureReport::Yes,
        extra: &[],
        content_type: None,
    };
    let chunk = Chunk::new(&head, b"", bytes::Bytes::new(), Flag::Complete, rng.u64());
    Outgoing::Chunk(Arc::new(Part::new(
        chunk,
        NO_MESSAGE,
        FailureReport::Yes,
        0,
    )))
}

#[cfg(test)]
mod tests;
