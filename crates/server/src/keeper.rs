//! The store behind one door: a writer that commits in groups, a reader that never waits for it.

use std::time::Duration;

use store::{CommitError, Disk, Fence, OpenError, Partition, Reader, Store, Unit, Write};
use tokio::sync::{mpsc, oneshot};
use world::{Clock, World};

/// Commits and reads that may wait. A full queue makes its callers wait, not grow.
const QUEUE: usize = 4096;

/// Units that share one wait for the disk.
const GROUP: usize = 256;

/// How long the store may take for an answer. A client whose request waits for it tries for 32 s
/// (64*T1), and hears before that why nothing comes of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The warning with which a request is refused because the store has failed.
pub(crate) const FAILED: &str = "the store failed";

/// How often a simulated disk that is stuck is looked at again.
const STUCK: Duration = Duration::from_millis(100);

/// The store as the server uses it. Cheap to clone.
///
/// One writes and one reads, each with a queue: two threads, or in simulations, where a thread
/// would stop virtual time, two tasks that wait for the simulated disk.
#[derive(Clone)]
pub(crate) struct Keeper {
    writes: mpsc::Sender<Commit>,
    reads: mpsc::Sender<Read>,
    clock: Clock,
    epoch: u64,
}

struct Commit {
    unit: Unit,
    done: Done,
}

type Read = Box<dyn FnOnce(&Reader) + Send>;

/// The store says nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Silent {
    /// It has ended.
    #[error("the store is closed")]
    Closed,
    /// It did not answer in time. What was to be written may yet be, after all that was asked
    /// before.
    #[error("the store did not answer within {} s", PATIENCE.as_secs())]
    Late,
}

impl Keeper {
    /// Takes the partitions for `node` and opens the door.
    pub(crate) fn open(mut store: Store, node: &str, world: &World) -> Result<Self, OpenKeeper> {
        let epoch = store.take_partitions(node)?;
        let reader = store.reader()?;
        let (writes, jobs) = mpsc::channel(QUEUE);
        let (reads, asked) = mpsc::channel(QUEUE);
        let (tasks, clock) = (&world.tasks, world.clock);
        if tasks.inline() {
            tasks.spawn("store writer", write_in_virtual_time(store, jobs, clock));
            tasks.spawn("store reader", read_in_virtual_time(reader, asked, clock));
        } else {
            tasks.thread("store writer", move || write_all(store, jobs))?;
            tasks.thread("store reader", move || read_all(&reader, asked))?;
        }
        Ok(Self {
            writes,
            reads,
            clock,
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
        let (done, result) = oneshot::channel();
        let unit = Unit { writes, fence };
        let answer = async {
            let commit = Commit { unit, done };
            self.writes.send(commit).await.map_err(|_| Silent::Closed)?;
            result.await.map_err(|_| Silent::Closed)
        };
        Ok(self.in_time(answer).await??)
    }

    /// Asks the store something.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Silent> {
        let (done, result) = oneshot::channel();
        let read: Read = Box::new(move |reader| {
            let _ = done.send(question(reader));
        });
        let answer = async {
            self.reads.send(read).await.map_err(|_| Silent::Closed)?;
            result.await.map_err(|_| Silent::Closed)
        };
        self.in_time(answer).await
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, Silent>>,
    ) -> Result<T, Silent> {
        let in_time = self.clock.timeout(PATIENCE, answer).await;
        in_time.unwrap_or(Err(Silent::Late))
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
    Silent(#[from] Silent),
}

fn write_all(mut store: Store, mut jobs: mpsc::Receiver<Commit>) {
    while let Some(first) = jobs.blocking_recv() {
        let (units, dones) = group(first, &mut jobs);
        tell(store.commit_all(&units), dones);
    }
}

fn read_all(reader: &Reader, mut asked: mpsc::Receiver<Read>) {
    while let Some(read) = asked.blocking_recv() {
        read(reader);
    }
}

async fn write_in_virtual_time(mut store: Store, mut jobs: mpsc::Receiver<Commit>, clock: Clock) {
    while let Some(first) = jobs.recv().await {
        // A crash finds a slow disk before it has written, or after and nobody was told.
        while is_stuck(store.disk()) {
            clock.sleep(STUCK).await;
        }
        let wait = wait(store.disk()) / 2;
        pause(&clock, wait).await;
        let (units, dones) = group(first, &mut jobs);
        let results = store.commit_all(&units);
        pause(&clock, wait).await;
        tell(results, dones);
    }
}

async fn read_in_virtual_time(reader: Reader, mut asked: mpsc::Receiver<Read>, clock: Clock) {
    while let Some(read) = asked.recv().await {
        while is_stuck(reader.disk()) {
            clock.sleep(STUCK).await;
        }
        pause(&clock, wait(reader.disk())).await;
        read(&reader);
    }
}

/// Waits; for nothing, not even to the next tick of the clock.
async fn pause(clock: &Clock, wait: Duration) {
    if !wait.is_zero() {
        clock.sleep(wait).await;
    }
}

fn is_stuck(disk: Disk) -> bool {
    disk == Disk::Stuck
}

/// How long what is asked of a disk takes.
fn wait(disk: Disk) -> Duration {
    match disk {
        Disk::Slow { wait } => wait,
        Disk::Well | Disk::Failing | Disk::Stuck => Duration::ZERO,
    }
}

type Done = oneshot::Sender<Result<(), CommitError>>;

/// What waits to be written, and is written with one wait for the disk.
fn group(first: Commit, jobs: &mut mpsc::Receiver<Commit>) -> (Vec<Unit>, Vec<Done>) {
    let mut group = vec![first];
    while group.len() < GROUP
        && let Ok(next) = jobs.try_recv()
    {
        group.push(next);
    }
    group.into_iter().map(|c| (c.unit, c.done)).unzip()
}

fn tell(results: Vec<Result<(), CommitError>>, dones: Vec<Done>) {
    for (result, done) in results.into_iter().zip(dones) {
        let _ = done.send(result);
    }
}
