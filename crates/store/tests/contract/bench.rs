//! A store on the bench, with what a case needs around it.

use store::{CommitError, Cursor, Fence, Page, Partition, Reader, Store, Trouble, Unit, Write};
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    /// The epoch in which the bench holds all partitions.
    pub(crate) epoch: u64,
    _folder: Option<TempDir>,
}

impl Bench {
    pub(crate) fn memory() -> Self {
        Self::new(Store::memory(), None)
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("store.db")).unwrap();
        Self::new(store, Some(folder))
    }

    fn new(mut store: Store, folder: Option<TempDir>) -> Self {
        let reader = store.reader().unwrap();
        let epoch = store.take_partitions("bench").unwrap();
        Self {
            store,
            reader,
            epoch,
            _folder: folder,
        }
    }

    /// Writes one thing under the right fence.
    pub(crate) fn write(&mut self, write: Write) -> Result<(), CommitError> {
        let fence = self.fence(&write);
        self.store.commit(&[write], fence)
    }

    /// A unit under the fence that is right for its first write.
    pub(crate) fn unit(&self, writes: Vec<Write>) -> Unit {
        let fence = self.fence(&writes[0]);
        Unit { writes, fence }
    }

    pub(crate) fn fence(&self, write: &Write) -> Fence {
        Fence::Owned {
            partition: home(write),
            epoch: self.epoch,
        }
    }
}

/// Where a write belongs. On the bench a room lives in the partition of its identity's hash.
pub(crate) fn home(write: &Write) -> Partition {
    write.partition().unwrap_or_else(|| match write {
        Write::ChangeRoom { identity, .. } | Write::CloseRoom { identity, .. } => {
            Partition::of(identity)
        }
        Write::PutMember(member) => Partition::of(&member.room),
        _ => Partition::new(0).unwrap(),
    })
}

/// A whole list, read in pages of `limit`.
pub(crate) fn all<T>(
    limit: u32,
    query: impl Fn(&Cursor, u32) -> Result<Page<T>, Trouble>,
) -> Vec<T> {
    let mut rows = Vec::new();
    let mut after = Cursor::START;
    loop {
        let page = query(&after, limit).unwrap();
        assert!(page.rows.len() <= limit.max(1) as usize);
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = next,
            None => return rows,
        }
    }
}
