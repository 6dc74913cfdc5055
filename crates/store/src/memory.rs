//! A store in this process.
//!
//! It is the simulation's disk, and the plainest account of what a back end has to do: where the
//! SQLite one differs from it, the contract test fails.

mod account;
mod binding;
mod delivery;
mod disk;
mod document;
mod message;
mod read;
mod room;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use disk::Disk;
use tables::Tables;

use crate::write::check_unit;
use crate::{CommitError, Fence, Inside, Partition, Trouble, Unit, Write};

/// A store in this process. A clone is the same store.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    tables: Arc<Mutex<Tables>>,
    disk: Arc<Mutex<Disk>>,
}

impl Memory {
    /// Has the disk do well or badly from now on, for all who hold this store.
    pub fn set_disk(&self, disk: Disk) {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = disk;
    }

    /// How the disk does.
    #[must_use]
    pub fn disk(&self) -> Disk {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, if its disk can be read.
    pub(crate) fn readable(&self) -> Result<&Self, Trouble> {
        self.disk().check().map(|()| self)
    }

    pub(crate) fn take_partitions(&self, node: &str) -> Result<u64, Trouble> {
        self.disk().check()?;
        let mut tables = self.lock();
        let newest = tables.epochs.values().map(|(epoch, _)| *epoch).max();
        let epoch = newest.unwrap_or(0) + 1;
        for partition in Partition::all() {
            tables.epochs.insert(partition, (epoch, node.to_owned()));
        }
        Ok(epoch)
    }

    pub(crate) fn commit(&self, writes: &[Write], fence: Fence) -> Result<(), CommitError> {
        check_unit(writes, fence)?;
        self.disk().check()?;
        self.lock().commit(writes, fence)
    }

    pub(crate) fn commit_all(
        &self,
        units: &[Unit],
        ask: &mut dyn FnMut(usize, &Inside<'_>),
    ) -> Vec<Result<(), CommitError>> {
        let results = units.iter().enumerate().map(|(at, unit)| {
            self.commit(&unit.writes, unit.fence)?;
            ask(at, &Inside::of_memory(self));
            Ok(())
        });
        results.collect()
    }

    pub(crate) fn keep_secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.disk().check()?;
        let mut tables = self.lock();
        let kept = tables.secrets.entry(name.to_owned());
        Ok(kept.or_insert_with(|| fresh.to_vec()).clone())
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing panics under the lock; were it to, the tables would still be whole rows.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
