//! A TCP connection that writes what has piled up at one go.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BytesMut};
use tokio::sync::Notify;
use world::Stream;

use super::scan;
use crate::load::tally::Fault;

/// A connection. One task runs it; others leave what is to be sent.
pub(super) struct Wire {
    stream: Stream,
    out: Mutex<BytesMut>,
    bell: Notify,
    lost: AtomicBool,
}

/// What may wait to be sent, in bytes: a peer that does not read is no reason to grow.
const WAITING_MAX: usize = 1 << 20;

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            out: Mutex::default(),
            bell: Notify::new(),
            lost: AtomicBool::new(false),
        }
    }

    /// Leaves something to be sent.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<(), Fault> {
        if self.is_lost() {
            return Err(Fault::Lost);
        }
        let mut out = self.out();
        if out.len() + bytes.len() > WAITING_MAX {
            return Err(Fault::Unsent);
        }
        out.extend_from_slice(bytes);
        self.bell.notify_one();
        Ok(())
    }

    /// Has it ended?
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes and reads until the connection ends, or what comes is no SIP. Each read is handed to
    /// `hear` message by message, then `done` is called.
    pub(super) async fn run(&self, mut hear: impl FnMut(&[u8]), mut done: impl FnMut()) -> Fault {
        let mut read = BytesMut::new();
        let fault = loop {
            let waits = !self.out().is_empty();
            tokio::select! {
                biased;
                result = self.stream.writable(), if waits => {
                    if result.and_then(|()| self.flush()).is_err() {
                        break Fault::Lost;
                    }
                }
                result = self.stream.read(&mut read) => {
                    if !matches!(result, Ok(1..)) {
                        break Fault::Lost;
                    }
                    if cut(&mut read, &mut hear).is_err() {
                        break Fault::Malformed;
                    }
                    done();
                }
                () = self.bell.notified() => {}
            }
        };
        self.lost.store(true, Ordering::Relaxed);
        fault
    }

    fn flush(&self) -> io::Result<()> {
        let mut out = self.out();
        match self.stream.try_write_vectored(&[IoSlice::new(&out)]) {
            Ok(written) => out.advance(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn out(&self) -> MutexGuard<'_, BytesMut> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the messages that are there off the buffer.
fn cut(read: &mut BytesMut, hear: &mut impl FnMut(&[u8])) -> Result<(), ()> {
    loop {
        // RFC 5626 section 3.5.1: an empty line between messages keeps a connection alive.
        while read.starts_with(b"\r\n") {
            read.advance(2);
        }
        let Some(length) = scan::frame(read)? else {
            return Ok(());
        };
        hear(read.get(..length).unwrap_or_default());
        read.advance(length);
    }
}
