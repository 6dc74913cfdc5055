//! Listening sockets and how connections come to them.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    SimStream,
    connection::{Payload, Side},
    faults::Connect,
    host::{Machine, crashed},
    schedule::Event,
    state::{Shared, State, wait},
    trace::{Kind, Moment},
};

/// Connections that wait to be accepted. Further ones try again, as with a kernel.
const BACKLOG: usize = 128;

/// How often an attempt to connect is repeated, with waits of 1, 2, 4 … 32 seconds, as Linux does.
const SYN_RETRIES: u32 = 6;

/// A simulated listening socket.
pub(crate) struct SimListener {
    shared: Arc<Shared>,
    id: u64,
    local: SocketAddr,
}

/// Its half in the universe: connections not yet accepted.
pub(super) struct Queue {
    pub(super) local: SocketAddr,
    pub(super) waiting: VecDeque<u64>,
    pub(super) acceptors: Vec<Waker>,
}

impl SimListener {
    pub(super) fn bind(machine: &Machine, at: SocketAddr) -> io::Result<Self> {
        let ip = machine.own(at.ip())?;
        let (id, local) = machine.shared.with(|state| {
            let id = state.new_id();
            let ports = &mut machine.host(state)?.tcp;
            let local = SocketAddr::new(ip, ports.pick(at.port())?);
            ports.bound.insert(local.port(), id);
            let queue = Queue {
                local,
                waiting: VecDeque::new(),
                acceptors: Vec::new(),
            };
            state.listeners.insert(id, queue);
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

    pub(crate) async fn accept(&self) -> io::Result<(SimStream, SocketAddr)> {
        let id =
            poll_fn(|context| self.shared.with(|state| self.poll_accept(state, context))).await?;
        let stream = SimStream::open(&self.shared, id, Side::Server)?;
        let remote = stream.peer_addr();
        Ok((stream, remote))
    }

    fn poll_accept(&self, state: &mut State, context: &Context<'_>) -> Poll<io::Result<u64>> {
        let Some(queue) = state.listeners.get_mut(&self.id) else {
            return Poll::Ready(Err(crashed()));
        };
        match queue.waiting.pop_front() {
            Some(id) => Poll::Ready(Ok(id)),
            None => {
                wait(&mut queue.acceptors, context);
                Poll::Pending
            }
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        // Dropped with the lock open: the wakers in it are other people's code.
        let _gone = self.shared.with(|state| {
            let queue = state.listeners.remove(&self.id)?;
            if let Some(host) = state.hosts.get_mut(&self.local.ip()) {
                host.tcp.free(self.local.port(), self.id);
            }
            for connection in &queue.waiting {
                state.reset_by(*connection, Side::Server);
            }
            Some(queue)
        });
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.local)
    }
}

impl State {
    /// Somebody wants to connect.
    pub(super) fn syn_arrived(&mut self, at: Instant, sent: Moment, id: u64, attempt: u32) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let (from, to) = connection.addresses(Side::Client);
        let (there, back) = ((from.ip(), to.ip()), (to.ip(), from.ip()));
        let fault = self.links.faults(there.0, there.1).connect;
        let unheard = self.is_cut(there.0, there.1)
            || self.is_cut(back.0, back.1)
            || fault == Connect::BlackHole;
        if unheard {
            self.record(at, sent, Kind::Cut, (from, to), Bytes::new());
            self.try_again(id, attempt);
            return;
        }
        let listener = self
            .hosts
            .get(&to.ip())
            .and_then(|host| host.tcp.bound.get(&to.port()));
        let queue = listener.and_then(|id| self.listeners.get_mut(id));
        let Some(queue) = queue.filter(|_| fault == Connect::Normal) else {
            self.record(at, sent, Kind::Syn, (from, to), Bytes::new());
            self.send_segment(id, Side::Server, Payload::Rst);
            return;
        };
        if queue.waiting.len() >= BACKLOG {
            self.record(at, sent, Kind::Overflow, (from, to), Bytes::new());
            self.try_again(id, attempt);
            return;
        }
        queue.waiting.push_back(id);
        let mut acceptors = std::mem::take(&mut queue.acceptors);
        self.wake(&mut acceptors);
        self.record(at, sent, Kind::Syn, (from, to), Bytes::new());
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.open_server();
        }
        self.send_segment(id, Side::Server, Payload::SynAck);
    }

    fn try_again(&mut self, id: u64, attempt: u32) {
        if attempt < SYN_RETRIES {
            let event = Event::Syn {
                connection: id,
                attempt: attempt + 1,
                sent: self.moment(),
            };
            let wait = Duration::from_secs(1 << attempt);
            self.schedule.push(self.now + wait, event);
        }
    }
}
