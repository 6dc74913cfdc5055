//! What is sent and received, written down for Wireshark and its like.
//!
//! ```text
//!   socket tasks ──udp, tcp──▶ queue ──▶ thread "tap" ──▶ Packets ──▶ file
//! ```
//!
//! The sockets hand over a copy of the bytes and go on: what the queue has no room for is left out
//! of the trace and counted. The packets around the bytes are made up, see [`packets`].

mod packets;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use world::{Clock, World};

use packets::Packets;

/// Messages that may wait for the disk. A busy second has fewer.
const QUEUE: usize = 16_384;

/// Bytes that may wait for the disk: a disk that stands still must not fill the memory.
const QUEUE_BYTES: usize = 32 << 20;

/// The most bytes that a trace in memory may have. A simulated day has far fewer.
const MEMORY_BYTES: usize = 256 << 20;

/// Packets written between two flushes at most, when the queue never runs empty.
const UNFLUSHED: usize = 1024;

/// One trace. Dropping it waits until what was handed over is in the file.
pub(crate) struct Tap {
    clock: Clock,
    sink: Sink,
    dropped: Arc<AtomicU64>,
}

enum Sink {
    /// A thread writes a file. `None` only while the tap is being dropped.
    File {
        queue: Option<SyncSender<Seen>>,
        waiting: Arc<AtomicUsize>,
        writer: Option<JoinHandle<()>>,
    },
    /// The caller writes, in simulations, where there are no threads.
    Memory(Mutex<Packets<Vec<u8>>>),
}

/// Bytes that came by.
struct Seen {
    transport: Transport,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
    at: Duration,
}

#[derive(Clone, Copy)]
enum Transport {
    Tcp,
    Udp,
}

impl Tap {
    /// A trace in the file at `path`, which is replaced if it is there; in a simulated world, a
    /// trace in memory, and no file.
    ///
    /// The file can be read by its owner alone: all that is said is in it.
    ///
    /// # Errors
    ///
    /// What the system says when the file cannot be written or there is no thread.
    pub(crate) fn file(path: &Path, world: &World) -> io::Result<Arc<Self>> {
        if world.tasks.inline() {
            return Ok(Self::memory(world.clock));
        }
        let packets = Packets::new(BufWriter::new(create(path)?))?;
        let (queue, seen) = sync_channel(QUEUE);
        let waiting = Arc::<AtomicUsize>::default();
        let dropped = Arc::<AtomicU64>::default();
        let log = Log {
            packets,
            waiting: Arc::clone(&waiting),
            dropped: Arc::clone(&dropped),
            reported: 0,
        };
        let writer = world.tasks.thread("tap", move || log.run(&seen))?;
        let sink = Sink::File {
            queue: Some(queue),
            waiting,
            writer: Some(writer),
        };
        Ok(Arc::new(Self {
            clock: world.clock,
            sink,
            dropped,
        }))
    }

    /// A trace in memory.
    pub(crate) fn memory(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            sink: Sink::Memory(Mutex::new(Packets::in_memory())),
            dropped: Arc::default(),
        })
    }

    /// The trace as it stands, if it is in memory; else nothing.
    #[allow(
        dead_code,
        reason = "for simulations, which look at it when a day fails"
    )]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.sink {
            Sink::File { .. } => Vec::new(),
            Sink::Memory(packets) => lock(packets).written().clone(),
        }
    }

    /// Notes a datagram.
    pub(crate) fn udp(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.saw(Transport::Udp, from, to, bytes);
    }

    /// Notes bytes of a connection, in the order in which they were sent or received.
    pub(crate) fn tcp(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.saw(Transport::Tcp, from, to, bytes);
    }

    fn saw(&self, transport: Transport, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let at = self.clock.unix();
        let kept = match &self.sink {
            Sink::Memory(packets) => {
                let mut packets = lock(packets);
                let room = MEMORY_BYTES.saturating_sub(packets.written().len());
                bytes.len() <= room && packets.add(transport, from, to, bytes, at).is_ok()
            }
            Sink::File { queue, waiting, .. } => {
                let waits = waiting.fetch_add(bytes.len(), Ordering::Relaxed);
                let fits = waits.saturating_add(bytes.len()) <= QUEUE_BYTES;
                let seen = || Seen {
                    transport,
                    from,
                    to,
                    bytes: Bytes::copy_from_slice(bytes),
                    at,
                };
                let queue = queue.as_ref().filter(|_| fits);
                let kept = queue.is_some_and(|queue| queue.try_send(seen()).is_ok());
                if !kept {
                    waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                }
                kept
            }
        };
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if let Sink::File { queue, writer, .. } = &mut self.sink {
            drop(queue.take());
            // The thread ends when it has written what waits. A panic in it is reported there.
            let _ended = writer.take().map(JoinHandle::join);
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// What the thread works on.
struct Log {
    packets: Packets<BufWriter<File>>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    reported: u64,
}

impl Log {
    fn run(mut self, seen: &Receiver<Seen>) {
        if let Err(error) = self.write_all(seen) {
            // The server goes on; from here on all counts as dropped, since the queue is gone.
            tracing::error!(%error, "the trace cannot be written any more");
        }
    }

    fn write_all(&mut self, seen: &Receiver<Seen>) -> io::Result<()> {
        while let Ok(first) = seen.recv() {
            self.write(&first)?;
            for next in seen.try_iter().take(UNFLUSHED) {
                self.write(&next)?;
            }
            // The queue is empty, or has been full for a while: a reader of the file need not
            // wait longer.
            self.packets.flush()?;
            self.report();
        }
        Ok(())
    }

    fn write(&mut self, seen: &Seen) -> io::Result<()> {
        let bytes = &seen.bytes;
        self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
        self.packets
            .add(seen.transport, seen.from, seen.to, bytes, seen.at)
    }

    fn report(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > self.reported {
            tracing::warn!(
                dropped,
                "the trace is not complete: the disk is too slow for it"
            );
            self.reported = dropped;
        }
    }
}

/// A new file rather than an emptied one: a server that ends in this moment still has the old one,
/// and whoever could read that may not read this. What is no file, such as a pipe to Wireshark,
/// stays.
fn create(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        // A folder that does not allow it: then it is emptied.
        let _ = fs::remove_file(path);
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn lock<W: Write>(packets: &Mutex<Packets<W>>) -> std::sync::MutexGuard<'_, Packets<W>> {
    packets.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
