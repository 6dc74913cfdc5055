//! Messages that are being taken out of the store in this moment, so that of several clients of
//! one user who have a message only the first brings its sender a report.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use room::Address;

type Key = (Address, String);

/// Messages under way out of the store.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    all: Arc<Mutex<HashSet<Key>>>,
}

/// One of them. It is over when this is dropped.
#[derive(Debug)]
pub(super) struct Settled {
    of: Settling,
    key: Key,
}

impl Settling {
    /// None: somebody else is at it.
    pub(super) fn enter(&self, to: &Address, id: &str) -> Option<Settled> {
        let key = (to.clone(), id.to_owned());
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key.clone()).then(|| Settled {
            of: self.clone(),
            key,
        })
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        let mut all = self.of.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.key);
    }
}
