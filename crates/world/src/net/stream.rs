//! A connection.

use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut, BytesMut};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::sim::SimStream;

/// The most that one read takes, in bytes: one connection must not keep its task for long.
pub const READ_MAX: usize = 64 << 10;

/// Below this much room, in bytes, a buffer is enlarged before a read.
const ROOM_MIN: usize = 4 << 10;

/// How much room a buffer gets then, in bytes. An idle connection needs none: wait with
/// [`Stream::readable`] and bring a buffer when there is something to read.
const ROOM: usize = 16 << 10;

/// A connection: bytes both ways, in order. Small writes go out at once (`TCP_NODELAY`).
///
/// Methods take `&self`, so one task can read and write in one `select!`. At most one task should
/// wait in each direction. Dropping it closes both directions. [`AsyncRead`] and [`AsyncWrite`]
/// are there for TLS and WebSocket.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Os(TcpStream),
    Sim(SimStream),
}

impl Stream {
    pub(super) fn os(stream: TcpStream) -> Self {
        Self(Kind::Os(stream))
    }

    pub(super) fn sim(stream: SimStream) -> Self {
        Self(Kind::Sim(stream))
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Os(stream) => stream.local_addr(),
            Kind::Sim(stream) => Ok(stream.local_addr()),
        }
    }

    /// The peer's end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] when the peer has reset the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Os(stream) => stream.peer_addr(),
            Kind::Sim(stream) => Ok(stream.peer_addr()),
        }
    }

    /// Waits until [`Self::try_read`] has something to say. Now and then it has not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.0 {
            Kind::Os(stream) => stream.readable().await,
            Kind::Sim(stream) => stream.readable().await,
        }
    }

    /// Appends what has arrived to `buffer`, up to [`READ_MAX`] bytes; the buffer grows if it is
    /// nearly full. `Ok(0)`: the peer will send no more.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`]: nothing there; wait with [`Self::readable`]. Others end the
    /// connection.
    pub fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        if buffer.capacity().saturating_sub(buffer.len()) < ROOM_MIN {
            buffer.reserve(ROOM);
        }
        match &self.0 {
            Kind::Os(stream) => stream.try_read_buf(&mut buffer.limit(READ_MAX)),
            Kind::Sim(stream) => {
                let room = buffer.capacity().saturating_sub(buffer.len());
                stream.try_read(buffer, room.min(READ_MAX))
            }
        }
    }

    /// Waits for bytes and appends them to `buffer`. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// As for [`Self::try_read`], without `WouldBlock`.
    pub async fn read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        loop {
            self.readable().await?;
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Waits until [`Self::try_write_vectored`] can take something. Now and then it cannot.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.0 {
            Kind::Os(stream) => stream.writable().await,
            Kind::Sim(stream) => stream.writable().await,
        }
    }

    /// Writes from `slices` in order, as much as fits, and says how many bytes that was. It may
    /// end inside a slice.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`]: nothing fits; wait with [`Self::writable`]. Others end the
    /// connection.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.0 {
            Kind::Os(stream) => stream.try_write_vectored(slices),
            Kind::Sim(stream) => stream.try_write_vectored(slices),
        }
    }

    /// Waits for room and writes some of `slices`. Dropping the future writes nothing.
    ///
    /// # Errors
    ///
    /// As for [`Self::try_write_vectored`], without `WouldBlock`.
    pub async fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            self.writable().await?;
            match self.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Writes all of `bytes`. Dropping the future leaves an unknown part written.
    ///
    /// # Errors
    ///
    /// As for [`Self::write_vectored`]; [`io::ErrorKind::WriteZero`] if the peer takes nothing.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write_vectored(&[IoSlice::new(bytes)]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Says that we will write no more. The peer reads what is under way and then the end; it may
    /// still write to us.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] when the connection is already gone.
    pub async fn shutdown(&self) -> io::Result<()> {
        match &self.0 {
            Kind::Os(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            Kind::Sim(stream) => stream.shutdown(),
        }
    }

    /// Ends the connection at once: what is under way is lost and the peer gets an error. For
    /// peers that misbehave; it leaves nothing behind in the kernel.
    pub fn reset(self) {
        match self.0 {
            Kind::Os(stream) => {
                // Should this fail, the stream is closed in order instead.
                let _abrupt = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            Kind::Sim(stream) => stream.reset(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Os(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Sim(stream) => {
                let most = buffer.remaining().min(READ_MAX);
                stream
                    .poll_read(context, most, |bytes| buffer.put_slice(bytes))
                    .map_ok(drop)
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Os(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Sim(stream) => stream.poll_write_vectored(context, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Os(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Kind::Sim(stream) => stream.poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Os(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Sim(stream) => Poll::Ready(stream.shutdown()),
        }
    }
}
