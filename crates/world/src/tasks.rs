//! What runs on a host, and its end.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinHandle},
};

use crate::Clock;

/// The tasks of one host.
///
/// The value made with the world is the owner: when it is dropped, all tasks are aborted, as by
/// a crash. Clones spawn and count, but keep nothing alive. So a task may hold its world without
/// keeping itself running for ever.
///
/// Finished tasks leave no trace here: the book-keeping is as large as what runs now.
pub struct Tasks {
    crew: Arc<Crew>,
    owner: bool,
}

struct Crew {
    runtime: Handle,
    is_sim: bool,
    roll: Mutex<Roll>,
    /// Told when the last task has left.
    empty: Notify,
    panicked: AtomicU64,
    on_panic: Mutex<PanicHook>,
}

/// Who is running. A task is on the roll from before its first step until after its last.
#[derive(Default)]
struct Roll {
    next: u64,
    closed: bool,
    running: BTreeMap<u64, Option<AbortHandle>>,
}

type PanicHook = Arc<dyn Fn(&'static str) + Send + Sync>;

impl Tasks {
    pub(crate) fn os() -> Self {
        Self::new(false)
    }

    pub(crate) fn sim() -> Self {
        Self::new(true)
    }

    fn new(is_sim: bool) -> Self {
        let crew = Crew {
            runtime: Handle::current(),
            is_sim,
            roll: Mutex::default(),
            empty: Notify::new(),
            panicked: AtomicU64::new(0),
            on_panic: Mutex::new(Arc::new(|name| eprintln!("the task {name} panicked"))),
        };
        Self {
            crew: Arc::new(crew),
            owner: true,
        }
    }

    /// Runs `future` until it ends or the host does. Dropping the handle leaves it running.
    ///
    /// After the host's end nothing runs any more: the handle then answers that the task was
    /// cancelled.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let id = self.crew.roll().enter();
        let leave = Leave {
            crew: Arc::clone(&self.crew),
            id: id.unwrap_or(u64::MAX),
            name,
            in_step: false,
        };
        // Moved into the task as it is, the future would have two places there: where it waits to
        // begin, and where it runs.
        let mut future = Box::pin(future);
        let task = self.crew.runtime.spawn(async move {
            // All of it moves in. Used by field alone, only the field would.
            let mut leave = leave;
            poll_fn(|context| {
                leave.in_step = true;
                let step = future.as_mut().poll(context);
                leave.in_step = false;
                step
            })
            .await
        });
        // The roll is not locked across the spawn: a runtime that is shutting down drops the
        // future, and with it the guard that locks the roll, right there.
        let stays = id.is_some_and(|id| self.crew.roll().keep(id, task.abort_handle()));
        if !stays {
            task.abort();
        }
        task
    }

    /// Starts a thread of the operating system, for work that blocks all day (a database writer).
    /// It is not aborted with the host; let it end when its channel closes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] in a simulation, where such work runs inline: ask
    /// [`Self::inline`] first. Otherwise what the system says.
    pub fn thread<F>(&self, name: &'static str, work: F) -> io::Result<thread::JoinHandle<()>>
    where
        F: FnOnce() + Send + 'static,
    {
        if self.crew.is_sim {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a simulated world has no threads: do the work inline",
            ));
        }
        thread::Builder::new().name(name.into()).spawn(work)
    }

    /// Whether blocking work is done where it stands instead of on a thread: in simulations,
    /// where a second thread would make the order of things depend on the machine.
    #[must_use]
    pub fn inline(&self) -> bool {
        self.crew.is_sim
    }

    /// How many tasks have not ended yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.crew.roll().running.len()
    }

    /// Whether nothing runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tasks have panicked so far. Anything but 0 is a bug of ours.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.crew.panicked.load(Ordering::Relaxed)
    }

    /// Says what to do, besides counting, when the task of the given name panics. Without this
    /// the name goes to standard error. The hook runs in the panicking task.
    pub fn on_panic(&self, hook: impl Fn(&'static str) + Send + Sync + 'static) {
        *self
            .crew
            .on_panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(hook);
    }

    /// The crash: aborts every task where it stands and refuses new ones from now on.
    ///
    /// The futures are dropped when the runtime next gets to them, before the caller's next
    /// wait has ended for long; [`Self::len`] is 0 from then on.
    pub fn abort_all(&self) {
        let running = {
            let mut roll = self.crew.roll();
            roll.closed = true;
            roll.running.values().flatten().cloned().collect::<Vec<_>>()
        };
        for task in running {
            task.abort();
        }
    }

    /// The orderly end: waits until all tasks have ended, but not beyond `deadline`, then aborts
    /// the rest and says how many those were. Tell the tasks to stop before calling this, and do
    /// not call it from one of them.
    pub async fn drain(&self, clock: &Clock, deadline: Instant) -> usize {
        let empty = async {
            loop {
                let told = self.crew.empty.notified();
                if self.is_empty() {
                    return;
                }
                told.await;
            }
        };
        // Late or not, the roll says what is left.
        let _in_time = clock.timeout_at(deadline, empty).await;
        let left = self.len();
        self.abort_all();
        left
    }

    /// Whether the end has come.
    pub(crate) fn is_closed(&self) -> bool {
        self.crew.roll().closed
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if self.owner {
            self.abort_all();
        }
    }
}

/// A clone is not an owner.
impl Clone for Tasks {
    fn clone(&self) -> Self {
        Self {
            crew: Arc::clone(&self.crew),
            owner: false,
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("running", &self.len())
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl Crew {
    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Roll {
    /// A place for a new task; none after the end.
    fn enter(&mut self) -> Option<u64> {
        if self.closed {
            return None;
        }
        let id = self.next;
        self.next += 1;
        self.running.insert(id, None);
        Some(id)
    }

    /// Remembers how to abort a task, unless it has left already. False when the end came
    /// between its two steps.
    fn keep(&mut self, id: u64, task: AbortHandle) -> bool {
        if let Some(place) = self.running.get_mut(&id) {
            *place = Some(task);
        }
        !self.closed
    }
}

/// Takes a task off the roll when its future is dropped: ended, aborted or panicked.
struct Leave {
    crew: Arc<Crew>,
    id: u64,
    name: &'static str,
    /// Still true in `drop` when a step did not come back: the task itself panicked. A panic
    /// elsewhere that takes the runtime down drops tasks too, but between their steps.
    in_step: bool,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.in_step && thread::panicking() {
            self.crew.panicked.fetch_add(1, Ordering::Relaxed);
            let hook = self
                .crew
                .on_panic
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            hook(self.name);
        }
        let mut roll = self.crew.roll();
        roll.running.remove(&self.id);
        if roll.running.is_empty() {
            self.crew.empty.notify_waiters();
        }
    }
}
