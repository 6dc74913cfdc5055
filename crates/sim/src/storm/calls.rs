//! Calls to agents, which all have to end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::{Event, Failure};
use world::Tasks;

use super::Tally;

/// The calls that are under way, and what became of the others.
pub(super) struct Calls {
    tasks: Tasks,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    next: u64,
    open: BTreeMap<u64, String>,
    failed: Vec<(String, Failure)>,
    tally: Tally,
}

impl Calls {
    pub(super) fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new(Self {
            tasks,
            book: Mutex::default(),
        })
    }

    /// Has an agent do something, without waiting for it.
    pub(super) fn start<T: Send + 'static>(
        self: &Arc<Self>,
        what: String,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) {
        let number = {
            let mut book = self.lock();
            book.next += 1;
            let number = book.next;
            book.open.insert(number, what.clone());
            number
        };
        let calls = Arc::clone(self);
        self.tasks.spawn("a call", async move {
            let result = call.await;
            let mut book = calls.lock();
            book.open.remove(&number);
            if let Err(failure) = result {
                book.failed.push((what, failure));
            }
        });
    }

    /// Those that have not ended.
    pub(super) fn open(&self) -> Vec<String> {
        self.lock().open.values().cloned().collect()
    }

    /// Those that failed since this was last asked.
    pub(super) fn failed(&self) -> Vec<(String, Failure)> {
        std::mem::take(&mut self.lock().failed)
    }

    /// Counts what happened to somebody.
    pub(super) fn count(&self, event: &Event) {
        let tally = &mut self.lock().tally;
        match event {
            Event::Established { .. } => tally.joined += 1,
            Event::Message(_) => tally.heard += 1,
            _ => {}
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.lock().tally
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
