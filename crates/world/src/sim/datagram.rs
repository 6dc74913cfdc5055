//! Datagram sockets.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;

use super::{
    host::{Machine, crashed},
    schedule::Event,
    state::{Shared, State, wait},
    trace::{Kind, Moment},
};
use crate::{BATCH_MAX, Datagram};

/// What a socket keeps for its reader, in bytes; the rest is lost, as in a kernel.
const BUFFER: usize = 1 << 20;

/// What each datagram costs on top of its bytes, as in a kernel, so that empty ones cost too.
const OVERHEAD: usize = 512;

/// A simulated datagram socket.
pub(crate) struct SimDatagrams {
    shared: Arc<Shared>,
    id: u64,
    local: SocketAddr,
}

/// Its half in the universe.
pub(super) struct UdpSocket {
    pub(super) local: SocketAddr,
    pub(super) readers: Vec<Waker>,
    queue: VecDeque<Datagram>,
    /// Bytes in the queue, overhead included.
    queued: usize,
}

impl SimDatagrams {
    pub(super) fn bind(machine: &Machine, at: SocketAddr) -> io::Result<Self> {
        let ip = machine.own(at.ip())?;
        let (id, local) = machine.shared.with(|state| {
            let id = state.new_id();
            let ports = &mut machine.host(state)?.udp;
            let local = SocketAddr::new(ip, ports.pick(at.port())?);
            ports.bound.insert(local.port(), id);
            let socket = UdpSocket {
                local,
                readers: Vec::new(),
                queue: VecDeque::new(),
                queued: 0,
            };
            state.sockets.insert(id, socket);
            Ok::<_, io::Error>((id, local))
        })?;
        Ok(Self {
            shared: Arc::clone(&machine.shared),
            id,
            local,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) async fn recv(&self, batch: &mut Vec<Datagram>) -> io::Result<()> {
        poll_fn(|context| {
            self.shared
                .with(|state| self.poll_recv(state, context, batch))
        })
        .await
    }

    fn poll_recv(
        &self,
        state: &mut State,
        context: &Context<'_>,
        batch: &mut Vec<Datagram>,
    ) -> Poll<io::Result<()>> {
        let Some(socket) = state.sockets.get_mut(&self.id) else {
            return Poll::Ready(Err(crashed()));
        };
        if socket.queue.is_empty() {
            wait(&mut socket.readers, context);
            return Poll::Pending;
        }
        let count = socket.queue.len().min(BATCH_MAX);
        for datagram in socket.queue.drain(..count) {
            socket.queued -= datagram.bytes.len() + OVERHEAD;
            batch.push(datagram);
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn try_send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        if to.is_ipv4() != self.local.is_ipv4() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{to} is of another family than {}", self.local),
            ));
        }
        self.shared.with(|state| {
            if !state.sockets.contains_key(&self.id) {
                return Err(crashed());
            }
            state.send_datagram(self.local, to, &Bytes::copy_from_slice(bytes));
            Ok(())
        })
    }
}

impl Drop for SimDatagrams {
    fn drop(&mut self) {
        // Dropped with the lock open: the wakers in it are other people's code.
        let _gone = self.shared.with(|state| {
            if let Some(host) = state.hosts.get_mut(&self.local.ip()) {
                host.udp.free(self.local.port(), self.id);
            }
            state.sockets.remove(&self.id)
        });
    }
}

impl fmt::Debug for SimDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimDatagrams({})", self.local)
    }
}

impl State {
    fn send_datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &Bytes) {
        let faults = self.links.faults(from.ip(), to.ip());
        let (loss, duplicate) = (faults.loss_per_mille, faults.duplicate_per_mille);
        let sent = self.moment();
        if self.links.is_cut(from.ip(), to.ip()) {
            self.record(self.now, sent, Kind::Cut, (from, to), bytes.clone());
            return;
        }
        let copies = if self.chance(duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let at = self.now + self.delay(from.ip(), to.ip());
            if self.chance(loss) {
                self.record(self.now, sent, Kind::Lost, (from, to), bytes.clone());
                continue;
            }
            let bytes = bytes.clone();
            let event = Event::Datagram {
                from,
                to,
                bytes,
                sent,
            };
            self.schedule.push(at, event);
        }
    }

    pub(super) fn datagram_arrived(
        &mut self,
        at: Instant,
        sent: Moment,
        (from, to): (SocketAddr, SocketAddr),
        bytes: Bytes,
    ) {
        let kind = if self.is_cut(from.ip(), to.ip()) {
            Kind::Cut
        } else {
            self.queue_datagram(from, to, &bytes)
        };
        self.record(at, sent, kind, (from, to), bytes);
    }

    fn queue_datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &Bytes) -> Kind {
        let id = self
            .hosts
            .get(&to.ip())
            .and_then(|host| host.udp.bound.get(&to.port()));
        let Some(socket) = id.and_then(|id| self.sockets.get_mut(id)) else {
            return Kind::NoPort;
        };
        let queued = socket.queued + bytes.len() + OVERHEAD;
        if queued > BUFFER {
            return Kind::Overflow;
        }
        socket.queued = queued;
        socket.queue.push_back(Datagram {
            remote: from,
            bytes: bytes.clone(),
        });
        let mut readers = std::mem::take(&mut socket.readers);
        self.wake(&mut readers);
        Kind::Datagram
    }
}
