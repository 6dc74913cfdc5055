//! The store behind one door: a writer that commits in groups, a reader that never waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use store::{CommitError, Fence, OpenError, Partition, Reader, Store, Unit, Write};
use tokio::sync::{mpsc, oneshot};
use world::Tasks;

/// Commits and reads that may wait. A full queue makes its callers wait, not grow.
const QUEUE: usize = 4096;

/// Units that share one wait for the disk.
const GROUP: usize = 256;

/// The store as the server uses it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeper {
    door: Door,
    epoch: u64,
}

#[derive(Clone)]
enum Door {
    /// On two threads of their own: one writes, one reads.
    Threads {
        writes: mpsc::Sender<Commit>,
        reads: mpsc::Sender<Read>,
    },
    /// Where the caller stands: in simulations, where a second thread would stop virtual time.
    Inline(Arc<Mutex<(Store, Reader)>>),
}

struct Commit {
    unit: Unit,
    done: oneshot::Sender<Result<(), CommitError>>,
}

type Read = Box<dyn FnOnce(&Reader) + Send>;

/// The store could not be asked: it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the store is closed")]
pub(crate) struct Closed;

impl Keeper {
    /// Takes the partitions for `node` and opens the door.
    pub(crate) fn open(mut store: Store, node: &str, tasks: &Tasks) -> Result<Self, OpenKeeper> {
        let epoch = store.take_partitions(node)?;
        let reader = store.reader()?;
        if tasks.inline() {
            let door = Door::Inline(Arc::new(Mutex::new((store, reader))));
            return Ok(Self { door, epoch });
        }
        let (writes, jobs) = mpsc::channel(QUEUE);
        tasks.thread("store writer", move || write_all(store, jobs))?;
        let (reads, asked) = mpsc::channel(QUEUE);
        tasks.thread("store reader", move || read_all(&reader, asked))?;
        Ok(Self {
            door: Door::Threads { writes, reads },
            epoch,
        })
    }

    /// Writes all of it durably, or nothing. `partition` is the one that the writes belong to.
    pub(crate) async fn commit(
        &self,
        writes: Vec<Write>,
        partition: Partition,
    ) -> Result<(), CommitFailed> {
        let fence = Fence::Owned {
            partition,
            epoch: self.epoch,
        };
        match &self.door {
            Door::Inline(both) => {
                let mut both = both.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(both.0.commit(&writes, fence)?)
            }
            Door::Threads { writes: queue, .. } => {
                let (done, result) = oneshot::channel();
                let unit = Unit { writes, fence };
                queue
                    .send(Commit { unit, done })
                    .await
                    .map_err(|_| Closed)?;
                Ok(result.await.map_err(|_| Closed)??)
            }
        }
    }

    /// Asks the store something.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        match &self.door {
            Door::Inline(both) => {
                let both = both.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(question(&both.1))
            }
            Door::Threads { reads, .. } => {
                let (done, result) = oneshot::channel();
                let read: Read = Box::new(move |reader| {
                    let _ = done.send(question(reader));
                });
                reads.send(read).await.map_err(|_| Closed)?;
                result.await.map_err(|_| Closed)
            }
        }
    }
}

/// Why the store could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenKeeper {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its partitions cannot be taken.
    #[error(transparent)]
    Take(#[from] CommitError),
    /// There is no thread for it.
    #[error("no thread for the store: {0}")]
    Thread(#[from] std::io::Error),
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitFailed {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Closed(#[from] Closed),
}

fn write_all(mut store: Store, mut jobs: mpsc::Receiver<Commit>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        let (units, dones): (Vec<_>, Vec<_>) = group.into_iter().map(|c| (c.unit, c.done)).unzip();
        for (result, done) in store.commit_all(&units).into_iter().zip(dones) {
            let _ = done.send(result);
        }
    }
}

fn read_all(reader: &Reader, mut asked: mpsc::Receiver<Read>) {
    while let Some(read) = asked.blocking_recv() {
        read(reader);
    }
}
