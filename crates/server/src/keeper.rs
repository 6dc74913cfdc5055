//! The store behind one door: a writer that commits in groups, a reader that never waits for it.

use std::time::Duration;

use store::{CommitError, Disk, Fence, Inside, OpenError, Partition, Reader, Store, Unit, Write};
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
    ask: Option<Ask>,
    done: Done,
}

/// What is asked of a unit's state on the way.
type Ask = Box<dyn FnOnce(&Inside<'_>) + Send>;

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
        self.write(writes, partition, None).await
    }

    /// Writes all of it durably, or nothing, and asks something on the way: one thread is woken
    /// and not two.
    pub(crate) async fn commit_asking<T: Send + 'static>(
        &self,
        writes: Vec<Write>,
        partition: Partition,
        question: impl FnOnce(&Inside<'_>) -> T + Send + 'static,
    ) -> Result<T, CommitFailed> {
        let (asked, answer) = oneshot::channel();
        let ask: Ask = Box::new(move |inside| {
            let _ = asked.send(question(inside));
        });
        self.write(writes, partition, Some(ask)).await?;
        Ok(answer.await.map_err(|_| Silent::Closed)?)
    }

    async fn write(
        &self,
        writes: Vec<Write>,
        partition: Partition,
        ask: Option<Ask>,
    ) -> Result<(), CommitFailed> {
        let fence = Fence::Owned {
            partition,
            epoch: self.epoch,
        };
        let (done, result) = oneshot::channel();
        let unit = Unit { writes, fence };
        let answer = async {
            let commit = Commit { unit, ask, done };
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
        let (results, dones) = write(&mut store, first, &mut jobs);
        tell(results, dones);
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
        let (results, dones) = write(&mut store, first, &mut jobs);
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

/// Writes with one wait for the disk what waits to be written.
fn write(
    store: &mut Store,
    first: Commit,
    jobs: &mut mpsc::Receiver<Commit>,
) -> (Vec<Result<(), CommitError>>, Vec<Done>) {
    let (mut units, mut asks, mut dones) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = Some(first);
    while let Some(Commit { unit, ask, done }) = next {
        units.push(unit);
        asks.push(ask);
        dones.push(done);
        next = if units.len() < GROUP {
            jobs.try_recv().ok()
        } else {
            None
        };
    }
    let results = store.commit_all_asking(&units, &mut |at, inside| {
        if let Some(ask) = asks.get_mut(at).and_then(Option::take) {
            ask(inside);
        }
    });
    (results, dones)
}

fn tell(results: Vec<Result<(), CommitError>>, dones: Vec<Done>) {
    for (result, done) in results.into_iter().zip(dones) {
        let _ = done.send(result);
    }
}
