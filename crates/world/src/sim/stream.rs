//! Connections as programs see them.

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};

use super::{
    connection::{Connection, Payload, Side},
    host::{Machine, crashed},
    schedule::Event,
    state::{Shared, State, wait},
};

/// The longest segment when segments are not split, in bytes: what Ethernet carries.
const SEGMENT: usize = 1460;

/// How long an attempt to connect may take: as long as Linux repeats it.
const CONNECT_PATIENCE: Duration = Duration::from_secs(127);

/// One end of a simulated connection.
pub(crate) struct SimStream {
    shared: Arc<Shared>,
    id: u64,
    side: Side,
    local: SocketAddr,
    peer: SocketAddr,
}

impl SimStream {
    pub(super) async fn connect(
        machine: &Machine,
        from: Option<IpAddr>,
        to: SocketAddr,
    ) -> io::Result<Self> {
        let ip = machine.own(from.unwrap_or(machine.ip))?;
        let id = machine.shared.with(|state| {
            let id = state.new_id();
            let ports = &mut machine.host(state)?.tcp;
            let port = ports.pick(0)?;
            ports.lent.insert(port);
            let local = SocketAddr::new(ip, port);
            let connection = Connection::new(local, to, state.now);
            state.connections.insert(id, connection);
            let at = state.now + state.delay(ip, to.ip());
            let syn = Event::Syn {
                connection: id,
                attempt: 0,
                sent: state.moment(),
            };
            state.schedule.push(at, syn);
            let give_up = Event::GiveUp {
                connection: id,
                from: Side::Client,
                since: state.now,
            };
            state.schedule.push(state.now + CONNECT_PATIENCE, give_up);
            Ok::<_, io::Error>(id)
        })?;
        // From here on the stream's drop cleans up, should the caller stop waiting.
        let stream = Self::open(&machine.shared, id, Side::Client)?;
        poll_fn(|context| stream.poll(context, Self::poll_connected)).await?;
        Ok(stream)
    }

    pub(super) fn open(shared: &Arc<Shared>, id: u64, side: Side) -> io::Result<Self> {
        let addresses = shared.with(|state| {
            let connection = state.connections.get(&id)?;
            Some(connection.addresses(side))
        });
        let (local, peer) = addresses.ok_or_else(crashed)?;
        Ok(Self {
            shared: Arc::clone(shared),
            id,
            side,
            local,
            peer,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll(context, Self::poll_readable)).await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll(context, Self::poll_writable)).await
    }

    /// Appends up to `most` bytes.
    pub(crate) fn try_read(&self, buffer: &mut BytesMut, most: usize) -> io::Result<usize> {
        self.read_with(most, |bytes| buffer.extend_from_slice(bytes))
    }

    pub(crate) fn poll_read(
        &self,
        context: &Context<'_>,
        most: usize,
        mut put: impl FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        match self.read_with(most, &mut put) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
        match self.poll(context, Self::poll_readable) {
            // One thread: nothing has come in between. Still, be asked again rather than sleep.
            Poll::Ready(_) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn read_with(&self, most: usize, mut put: impl FnMut(&[u8])) -> io::Result<usize> {
        self.shared.with(|state| {
            let split = state.links.faults(self.peer.ip(), self.local.ip()).split;
            let connection = state.connections.get_mut(&self.id).ok_or_else(crashed)?;
            let end = connection.end_mut(self.side);
            if !end.open {
                return Err(crashed());
            }
            if end.unread == 0 {
                return match (end.ended, end.error) {
                    (_, Some(error)) => Err(error.into()),
                    (true, None) => Ok(0),
                    (false, None) => Err(io::ErrorKind::WouldBlock.into()),
                };
            }
            let before = end.unread;
            end.take(most, split, &mut put);
            let count = before - end.unread;
            // The peer has room again.
            let mut writers = std::mem::take(&mut connection.end_mut(self.side.other()).writers);
            state.wake(&mut writers);
            Ok(count)
        })
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shared.with(|state| {
            let room = self.room(state)?;
            let asked: usize = slices.iter().map(|slice| slice.len()).sum();
            if asked == 0 {
                return Ok(0);
            }
            if room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let faults = state.links.faults(self.local.ip(), self.peer.ip());
            let (split, reset) = (faults.split, faults.reset_per_mille);
            let mut count = asked.min(room);
            if split && state.chance(250) {
                count = 1 + below(state, count);
            }
            let mut bytes = gather(slices, count);
            while !bytes.is_empty() {
                let length = if split {
                    piece(state, bytes.len())
                } else {
                    SEGMENT
                };
                let segment = bytes.split_to(length.min(bytes.len()));
                if state.chance(reset) {
                    state.reset_both(self.id);
                    break;
                }
                state.send_segment(self.id, self.side, Payload::Data(segment));
            }
            Ok(count)
        })
    }

    pub(crate) fn poll_write_vectored(
        &self,
        context: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.try_write_vectored(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
        match self.poll(context, Self::poll_writable) {
            Poll::Ready(_) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.shared.with(|state| {
            let connection = state.connections.get_mut(&self.id).ok_or_else(crashed)?;
            let end = connection.end_mut(self.side);
            if !end.open {
                return Err(crashed());
            }
            if end.error.is_some() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            if !end.write_closed {
                end.write_closed = true;
                state.send_segment(self.id, self.side, Payload::Fin);
            }
            Ok(())
        })
    }

    pub(crate) fn reset(self) {
        self.shared.with(|state| state.reset_by(self.id, self.side));
    }

    fn poll(
        &self,
        context: &Context<'_>,
        ask: fn(&Self, &mut State, &Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        self.shared.with(|state| ask(self, state, context))
    }

    fn poll_connected(&self, state: &mut State, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(connection) = state.connections.get_mut(&self.id) else {
            return Poll::Ready(Err(crashed()));
        };
        let end = connection.end_mut(self.side);
        if !end.open {
            return Poll::Ready(Err(crashed()));
        }
        if let Some(error) = end.error {
            return Poll::Ready(Err(error.into()));
        }
        if end.connected {
            return Poll::Ready(Ok(()));
        }
        wait(&mut end.writers, context);
        Poll::Pending
    }

    fn poll_readable(&self, state: &mut State, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(connection) = state.connections.get_mut(&self.id) else {
            return Poll::Ready(Ok(())); // the read says what is wrong
        };
        let end = connection.end_mut(self.side);
        if end.unread > 0 || end.ended || end.error.is_some() || !end.open {
            return Poll::Ready(Ok(()));
        }
        wait(&mut end.readers, context);
        Poll::Pending
    }

    fn poll_writable(&self, state: &mut State, context: &Context<'_>) -> Poll<io::Result<()>> {
        if self.room(state).map_or(true, |room| room > 0) {
            return Poll::Ready(Ok(())); // the write says what is wrong
        }
        if let Some(connection) = state.connections.get_mut(&self.id) {
            wait(&mut connection.end_mut(self.side).writers, context);
        }
        Poll::Pending
    }

    /// How many bytes may be written now.
    fn room(&self, state: &State) -> io::Result<usize> {
        let connection = state.connections.get(&self.id).ok_or_else(crashed)?;
        let end = connection.end(self.side);
        if !end.open {
            return Err(crashed());
        }
        if let Some(error) = end.error {
            return Err(error.into());
        }
        if end.write_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let window = state.links.faults(self.local.ip(), self.peer.ip()).window;
        Ok(window.saturating_sub(connection.in_use(self.side)))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.shared.with(|state| state.close(self.id, self.side));
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStream({} > {})", self.local, self.peer)
    }
}

/// The first `count` bytes of `slices`.
fn gather(slices: &[IoSlice<'_>], count: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(count);
    for slice in slices {
        let left = count - bytes.len();
        bytes.extend_from_slice(slice.get(..left).unwrap_or(slice));
    }
    bytes.freeze()
}

/// Where to cut `length` bytes: often after very few, so that every split is met.
fn piece(state: &mut State, length: usize) -> usize {
    let most = match state.rng.below(4) {
        0 => 4,
        1 => 100,
        _ => length,
    };
    1 + below(state, most.min(length))
}

fn below(state: &mut State, bound: usize) -> usize {
    usize::try_from(state.rng.below(bound as u64)).unwrap_or(0)
}
