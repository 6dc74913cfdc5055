//! What a simulated disk does to those who write to it.

use std::time::Duration;

use crate::Trouble;

/// How the disk of a store in memory does. Changed from outside, by whoever plays the disk.
///
/// The store itself never waits: its caller asks for this first, and waits in virtual time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Disk {
    /// At once, and without error.
    #[default]
    Well,
    /// It answers, but takes its time.
    Slow {
        /// How long each commit and each read takes.
        wait: Duration,
    },
    /// It answers nothing, until it is better.
    Stuck,
    /// Every call fails with [`Trouble::Failed`], and nothing is written.
    Failing,
}

impl Disk {
    /// # Errors
    ///
    /// [`Trouble::Failed`] while the disk fails.
    pub(super) fn check(self) -> Result<(), Trouble> {
        match self {
            Self::Well | Self::Slow { .. } | Self::Stuck => Ok(()),
            Self::Failing => Err(Trouble::Failed {
                detail: "a simulated disk that fails".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommitError, Fence, Partition, Store, Write};

    #[test]
    fn a_disk_that_fails_keeps_nothing_and_forgets_nothing() {
        let mut store = Store::memory();
        let Store::Memory(memory) = &store else {
            panic!("it is in memory");
        };
        let memory = memory.clone();
        let reader = store.reader().unwrap();
        let epoch = store.take_partitions("node").unwrap();
        let kept = store.keep_secret("nonce", b"first").unwrap();
        let partition = Partition::of("sip:alice@localhost");
        let fence = Fence::Owned { partition, epoch };
        let write = Write::RemoveBindings {
            aor: "sip:alice@localhost".to_owned(),
        };
        let failed = Disk::Failing.check().unwrap_err();

        memory.set_disk(Disk::Failing);
        assert_eq!(store.disk(), Disk::Failing);
        assert_eq!(reader.disk(), Disk::Failing);
        assert_eq!(
            store.commit(std::slice::from_ref(&write), fence),
            Err(CommitError::Trouble(failed.clone()))
        );
        assert_eq!(reader.secret("nonce"), Err(failed.clone()));
        assert_eq!(
            store.take_partitions("node"),
            Err(CommitError::Trouble(failed))
        );

        for disk in [
            Disk::Well,
            Disk::Stuck,
            Disk::Slow {
                wait: Duration::from_secs(1),
            },
        ] {
            memory.set_disk(disk);
            assert_eq!(store.commit(std::slice::from_ref(&write), fence), Ok(()));
            assert_eq!(reader.secret("nonce"), Ok(Some(kept.clone())));
        }
    }
}
