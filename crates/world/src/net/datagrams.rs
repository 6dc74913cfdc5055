//! A datagram socket, read in batches.

use std::{
    array, fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    vec,
};

use bytes::Bytes;
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::SockRef;
use tokio::{io::Interest, net::UdpSocket};

use crate::sim::SimDatagrams;

/// The largest datagram that can be sent, in bytes: 65,535 less the headers of UDP and IPv4.
/// Larger ones are refused, over IPv6 too.
pub const DATAGRAM_MAX: usize = 65_507;

/// Datagrams read at one go. At most this many wait in a [`Batch`].
pub const BATCH_MAX: usize = quinn_udp::BATCH_SIZE;

/// Room for one datagram while it is read: nothing that arrives is larger, so nothing is ever cut.
const SLOT: usize = 65_535;

/// A datagram socket. All methods take `&self`: one task may read while others send.
#[derive(Debug)]
pub struct Datagrams(Kind);

enum Kind {
    Os {
        socket: UdpSocket,
        state: UdpSocketState,
    },
    Sim(SimDatagrams),
}

/// One datagram as it came in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// Who sent it.
    pub remote: SocketAddr,
    /// All of it, in memory of its own: keeping it keeps nothing else.
    pub bytes: Bytes,
}

/// What one read brought: up to [`BATCH_MAX`] datagrams.
///
/// Make one per reading task and use it again and again. Datagrams are read into a buffer that
/// stays in the batch (2 MiB of address space; the kernel backs the part in use), and each is
/// then copied into memory of its own size. A transaction may keep its message for half a minute;
/// a slice of a shared buffer would keep the whole batch with it.
#[derive(Default)]
pub struct Batch {
    datagrams: Vec<Datagram>,
    buffer: Vec<u8>,
}

impl Datagrams {
    pub(super) fn os((socket, state): (UdpSocket, UdpSocketState)) -> Self {
        Self(Kind::Os { socket, state })
    }

    pub(super) fn sim(socket: SimDatagrams) -> Self {
        Self(Kind::Sim(socket))
    }

    /// Where this socket is bound, with the port it got.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Os { socket, .. } => socket.local_addr(),
            Kind::Sim(socket) => Ok(socket.local_addr()),
        }
    }

    /// Waits for datagrams and puts all that are there, up to [`BATCH_MAX`], into `batch`, which
    /// is emptied first. Dropping the future loses nothing.
    ///
    /// That an earlier datagram did not reach somebody (ICMP) is not an error here: one peer that
    /// has gone must not end the loop that serves all others.
    ///
    /// # Errors
    ///
    /// The socket is of no more use.
    pub async fn recv(&self, batch: &mut Batch) -> io::Result<()> {
        batch.datagrams.clear();
        match &self.0 {
            Kind::Os { socket, state } => loop {
                socket.readable().await?;
                let read = || batch.read(socket, state);
                match socket.try_io(Interest::READABLE, read) {
                    Err(error) if is_passing(&error) => {}
                    done => return done,
                }
            },
            Kind::Sim(socket) => socket.recv(&mut batch.datagrams).await,
        }
    }

    /// Sends now or not at all.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the kernel's buffer is full: count it and drop the
    /// datagram, or use [`Self::send`]. [`io::ErrorKind::InvalidInput`] above [`DATAGRAM_MAX`].
    /// [`io::ErrorKind::ConnectionRefused`] may tell of an earlier datagram.
    pub fn try_send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        check_size(bytes)?;
        match &self.0 {
            // Not tokio's try_send_to: that one refuses until the driver has once seen the socket
            // writable, so the first datagram of a fresh socket would never go.
            Kind::Os { socket, .. } => SockRef::from(socket).send_to(bytes, &to.into()).map(drop),
            Kind::Sim(socket) => socket.try_send(to, bytes),
        }
    }

    /// Sends as soon as the kernel's buffer has room.
    ///
    /// # Errors
    ///
    /// As for [`Self::try_send`], without `WouldBlock`.
    pub async fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        check_size(bytes)?;
        match &self.0 {
            Kind::Os { socket, .. } => socket.send_to(bytes, to).await.map(drop),
            Kind::Sim(socket) => socket.try_send(to, bytes),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os { socket, .. } => socket.fmt(f),
            Self::Sim(socket) => socket.fmt(f),
        }
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many datagrams are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// The datagrams in the order in which they arrived.
    pub fn iter(&self) -> impl Iterator<Item = &Datagram> {
        self.datagrams.iter()
    }

    /// Takes the datagrams out, in the order in which they arrived.
    pub fn drain(&mut self) -> vec::Drain<'_, Datagram> {
        self.datagrams.drain(..)
    }

    fn read(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> io::Result<()> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BATCH_MAX * SLOT];
        }
        let mut meta = [RecvMeta::default(); BATCH_MAX];
        let mut slots = self.buffer.chunks_exact_mut(SLOT);
        let mut slices: [IoSliceMut<'_>; BATCH_MAX] =
            array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let count = state.recv(socket.into(), &mut slices, &mut meta)?;
        for (slot, meta) in slices.iter().zip(&meta).take(count) {
            self.datagrams.push(Datagram {
                remote: meta.addr,
                bytes: Bytes::copy_from_slice(slot.get(..meta.len).unwrap_or(slot)),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.datagrams).finish()
    }
}

/// Whether a failed read says nothing about the socket itself: not ready after all, or ICMP
/// about a datagram sent earlier. Each such report is taken off the socket by reading it.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}

fn check_size(bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > DATAGRAM_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} bytes do not fit in a datagram", bytes.len()),
        ));
    }
    Ok(())
}
