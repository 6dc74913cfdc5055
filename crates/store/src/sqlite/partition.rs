//! Who holds which partition.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{CommitError, Fence, Partition};

const NEWEST_EPOCH: &str = "SELECT coalesce(max(epoch), 0) FROM partition";

const TAKE: &str = "
    INSERT INTO partition (id, epoch, node) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, node = excluded.node";

const EPOCH: &str = "SELECT epoch FROM partition WHERE id = ?1";

/// Takes every partition for `node`; returns the epoch.
pub(super) fn take(db: &Connection, node: &str) -> rusqlite::Result<u64> {
    let newest: i64 = db.query_row(NEWEST_EPOCH, [], |row| row.get(0))?;
    let epoch = newest.saturating_add(1);
    let mut take = db.prepare_cached(TAKE)?;
    for partition in Partition::all() {
        take.execute(params![partition.number(), epoch, node])?;
    }
    Ok(epoch.unsigned_abs())
}

pub(super) fn check_fence(db: &Connection, fence: Fence) -> Result<(), CommitError> {
    let Fence::Owned { partition, epoch } = fence else {
        return Ok(());
    };
    let current: Option<i64> = db
        .prepare_cached(EPOCH)?
        .query_row([partition.number()], |row| row.get(0))
        .optional()?;
    match current.map(i64::unsigned_abs) {
        Some(current) if current == epoch => Ok(()),
        other => Err(CommitError::Fenced {
            partition,
            offered: epoch,
            current: other.unwrap_or(0),
        }),
    }
}
