//! SIP over TCP: one task a connection, reading and writing.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sip::{Frame, Framer};
use tokio::sync::mpsc;
use world::{Alarm, Listener, Stream, World};

use crate::core::Shards;
use crate::net::{Connection, Flow};
use crate::tap::Tap;

/// How many queued messages one write takes at most: the usual limit of the kernel is 1024 parts,
/// and fewer are enough to fill a segment.
const COALESCE: usize = 64;

/// How long a connection may be silent. Keep-alives come far more often (RFC 5626: 120 s).
const IDLE: Duration = Duration::from_secs(15 * 60);

/// How long a write may make no progress: a peer that stops reading ends its connection.
const STUCK: Duration = Duration::from_secs(10);

/// How long to wait for the peer to close a connection that we have ended.
const LINGER: Duration = Duration::from_secs(5);

/// What every connection of this server shares.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) world: World,
    pub(crate) shards: Shards,
    pub(crate) tap: Option<Arc<Tap>>,
    next: Arc<AtomicU64>,
    /// The connections to servers of other domains, by where those listen.
    pub(super) dialled: Arc<Mutex<BTreeMap<SocketAddr, Arc<Connection>>>>,
    pub(super) open: Arc<tokio::sync::Semaphore>,
    long: Arc<tokio::sync::Semaphore>,
}

/// The most SIP connections at a time. Each costs a task, a queue and a read buffer.
const CONNECTIONS: usize = 100_000;

/// The most connections at a time that are amid a message longer than a datagram: a quarter of a
/// gigabyte in all. Such messages are rare, and at the end of a millisecond they are there whole.
const LONG: usize = 1000;

impl Streams {
    pub(crate) fn new(world: World, shards: Shards, tap: Option<Arc<Tap>>) -> Self {
        Self {
            world,
            shards,
            tap,
            next: Arc::default(),
            dialled: Arc::default(),
            open: Arc::new(tokio::sync::Semaphore::new(CONNECTIONS)),
            long: Arc::new(tokio::sync::Semaphore::new(LONG)),
        }
    }

    /// A number that no other connection has.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Accepts connections until the listener is of no more use.
pub(crate) async fn listen(listener: Listener, streams: Streams) {
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, usually: those who are connected go on.
                tracing::warn!(%error, "cannot accept a SIP connection");
                streams.world.clock.sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&streams.open).try_acquire_owned() else {
            tracing::warn!(%remote, "too many SIP connections");
            continue;
        };
        let Ok(local) = stream.local_addr() else {
            continue;
        };
        let (connection, waiting) = Connection::new(streams.number(), local, remote);
        let of = streams.clone();
        streams.world.tasks.spawn("sip connection", async move {
            let id = connection.id;
            of.shards.flow_up(&connection);
            serve(&of, stream, connection, waiting).await;
            of.shards.flow_lost(id);
            drop(permit);
        });
    }
}

/// Reads and writes a connection until its end.
pub(super) async fn serve(
    of: &Streams,
    stream: Stream,
    connection: Arc<Connection>,
    waiting: mpsc::Receiver<Bytes>,
) {
    let remote = connection.remote;
    let local = stream.local_addr().unwrap_or(connection.local);
    let mut wire = Wire {
        of,
        stream,
        connection,
        local,
        framer: Framer::default(),
        buffer: BytesMut::new(),
        long: None,
    };
    if let Err(error) = wire.serve(waiting).await {
        tracing::debug!(%remote, %local, %error, "a SIP connection ended");
    }
}

struct Wire<'a> {
    of: &'a Streams,
    stream: Stream,
    connection: Arc<Connection>,
    /// Our end.
    local: SocketAddr,
    framer: Framer,
    buffer: BytesMut,
    /// One of the few places for long messages, while one comes in.
    long: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Wire<'_> {
    async fn serve(&mut self, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
        let clock = self.of.world.clock;
        let mut batch = Vec::with_capacity(COALESCE);
        let mut alarm = Alarm::new(clock);
        let mut silent_at = clock.now() + IDLE;
        loop {
            alarm.by(Some(silent_at));
            tokio::select! {
                biased;
                count = waiting.recv_many(&mut batch, COALESCE) => {
                    if count == 0 {
                        return Ok(());
                    }
                    self.write(&batch).await?;
                    batch.clear();
                }
                read = self.stream.read(&mut self.buffer) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    if let Err(error) = self.received() {
                        self.part(&mut waiting).await?;
                        return Err(error);
                    }
                }
                () = alarm.ring() => {
                    if silent_at <= clock.now() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    continue;
                }
            }
            silent_at = clock.now() + IDLE;
        }
    }

    fn received(&mut self) -> io::Result<()> {
        loop {
            match self.framer.next(&mut self.buffer) {
                Ok(Some(Frame::Message(message))) => {
                    if let Some(tap) = &self.of.tap {
                        tap.tcp(self.connection.remote, self.local, message.fields().wire());
                    }
                    let flow = Flow::Stream(Arc::clone(&self.connection));
                    self.of.shards.deliver(message, flow);
                }
                // RFC 5626 section 4.4.1: a ping is answered with one CRLF.
                Ok(Some(Frame::Ping)) => {
                    let pong = Bytes::from_static(b"\r\n");
                    self.connection
                        .send(pong)
                        .map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => return self.weigh(),
                Err(error) => {
                    // Say why if it can be said, then close: nobody knows where the next message
                    // would begin.
                    let flow = Flow::Stream(Arc::clone(&self.connection));
                    self.of.shards.unreadable(&self.buffer, error, &flow);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
    }

    /// A message that is longer than a datagram could be needs a place for long ones.
    fn weigh(&mut self) -> io::Result<()> {
        if self.buffer.len() <= sip::MAX_MESSAGE {
            self.long = None;
        } else if self.long.is_none() {
            let place = Arc::clone(&self.of.long).try_acquire_owned();
            self.long = Some(place.map_err(|_| io::ErrorKind::ResourceBusy)?);
        }
        Ok(())
    }

    /// Says what is still to be said, then ends the connection. Closed earlier, what the peer has
    /// sent meanwhile would make the kernel reset it, and the peer lose our last words.
    async fn part(&mut self, waiting: &mut mpsc::Receiver<Bytes>) -> io::Result<()> {
        let mut batch = Vec::new();
        // From now on nothing more is said here: it goes elsewhere, or nowhere, at once.
        waiting.close();
        while let Ok(bytes) = waiting.try_recv() {
            batch.push(bytes);
        }
        self.write(&batch).await?;
        self.stream.shutdown().await?;
        let (stream, buffer) = (&self.stream, &mut self.buffer);
        let gone = async {
            loop {
                buffer.clear();
                if !matches!(stream.read(buffer).await, Ok(1..)) {
                    return;
                }
            }
        };
        // Late or not, this is the end.
        let _ = self.of.world.clock.timeout(LINGER, gone).await;
        Ok(())
    }

    /// Writes all of the batch. A peer that stops reading stops only its own connection, whose
    /// queue then fills.
    async fn write(&mut self, batch: &[Bytes]) -> io::Result<()> {
        if let Some(tap) = &self.of.tap {
            for bytes in batch {
                tap.tcp(self.local, self.connection.remote, bytes);
            }
        }
        let mut slices: Vec<_> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            let stuck = self
                .of
                .world
                .clock
                .timeout(STUCK, self.stream.write_vectored(rest));
            let written = stuck.await.map_err(|_| io::ErrorKind::TimedOut)??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut rest, written);
        }
        self.connection.written(batch.iter().map(Bytes::len).sum());
        Ok(())
    }
}
