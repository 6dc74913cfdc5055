//! A store in a file.
//!
//! One connection writes, each reader has its own. The file is in WAL mode, so that neither waits
//! for the other; `synchronous=FULL` makes a commit return only when the disk has it.

mod account;
mod binding;
mod delivery;
pub(crate) mod document;
mod message;
mod open;
mod partition;
mod read;
mod room;
mod secret;
mod trouble;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use self::read::SqliteReader;
use crate::write::check_unit;
use crate::{CommitError, Fence, Inside, OpenError, Trouble, Unit, Write};

/// A store in a file.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let (connection, path) = open::open(path)?;
        Ok(Self { connection, path })
    }

    pub(crate) fn reader(&self) -> Result<SqliteReader, OpenError> {
        open::open_reader(&self.path).map(SqliteReader::new)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn take_partitions(&mut self, node: &str) -> Result<u64, Trouble> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let epoch = partition::take(&transaction, node)?;
        transaction.commit()?;
        Ok(epoch)
    }

    pub(crate) fn commit(&mut self, writes: &[Write], fence: Fence) -> Result<(), CommitError> {
        check_unit(writes, fence)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        apply_unit(&transaction, writes, fence)?;
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn commit_all(
        &mut self,
        units: &[Unit],
        ask: &mut dyn FnMut(usize, &Inside<'_>),
    ) -> Vec<Result<(), CommitError>> {
        self.try_commit_all(units, ask).unwrap_or_else(|trouble| {
            units
                .iter()
                .map(|_| Err(CommitError::Trouble(trouble.clone())))
                .collect()
        })
    }

    fn try_commit_all(
        &mut self,
        units: &[Unit],
        ask: &mut dyn FnMut(usize, &Inside<'_>),
    ) -> Result<Vec<Result<(), CommitError>>, Trouble> {
        if units.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(units.len());
        for (at, unit) in units.iter().enumerate() {
            let outcome = match units {
                // One alone needs no savepoint in its transaction.
                [_] => try_unit(&transaction, unit),
                _ => try_beside_others(&mut transaction, unit)?,
            };
            if outcome.is_ok() {
                ask(at, &Inside::of_sqlite(&transaction));
            }
            outcomes.push(outcome);
        }
        if outcomes.iter().any(Result::is_ok) {
            transaction.commit()?;
        }
        Ok(outcomes)
    }

    pub(crate) fn keep_secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, Trouble> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept = secret::keep(&transaction, name, fresh)?;
        transaction.commit()?;
        Ok(kept)
    }
}

/// Does what one unit wants, or none of it, in a transaction with others.
fn try_beside_others(
    transaction: &mut Transaction<'_>,
    unit: &Unit,
) -> Result<Result<(), CommitError>, Trouble> {
    let savepoint = transaction.savepoint()?;
    let outcome = try_unit(&savepoint, unit);
    match &outcome {
        Ok(()) => savepoint.commit()?,
        // SQLite may give up the whole transaction on a full or failing disk, and with it the
        // units before this one.
        Err(CommitError::Trouble(trouble)) if savepoint.is_autocommit() => {
            return Err(trouble.clone());
        }
        Err(_) => savepoint.finish()?,
    }
    Ok(outcome)
}

fn try_unit(db: &Connection, unit: &Unit) -> Result<(), CommitError> {
    check_unit(&unit.writes, unit.fence)?;
    apply_unit(db, &unit.writes, unit.fence)
}

/// The writes of one unit, inside a transaction or savepoint which the caller ends.
fn apply_unit(db: &Connection, writes: &[Write], fence: Fence) -> Result<(), CommitError> {
    partition::check_fence(db, fence)?;
    writes.iter().try_for_each(|write| apply(db, write, fence))
}

fn apply(db: &Connection, write: &Write, fence: Fence) -> Result<(), CommitError> {
    match write {
        Write::AddAccount(account) => account::add(db, account),
        Write::ChangeAccount(account) => account::change(db, account),
        Write::RemoveAccount { name, domain } => account::remove(db, name, domain),
        Write::PutBinding(binding) => Ok(binding::put(db, binding)?),
        Write::RemoveBinding { aor, key } => Ok(binding::remove(db, aor, key)?),
        Write::RemoveBindings { aor } => Ok(binding::remove_all(db, aor)?),
        Write::PurgeBindings { now_ms } => Ok(binding::purge(db, *now_ms)?),
        Write::OpenRoom(room) => room::open(db, room, fence),
        Write::ChangeRoom {
            identity,
            host,
            subject,
        } => room::change(db, identity, host, subject.as_deref(), fence),
        Write::CloseRoom { identity, at_ms } => room::close(db, identity, *at_ms, fence),
        Write::PurgeRooms { closed_by_ms } => Ok(room::purge(db, *closed_by_ms)?),
        Write::PutMember(member) => room::put_member(db, member, fence),
        Write::PutDocument { document, expect } => document::put(db, document, expect),
        Write::RemoveDocument {
            collection,
            name,
            etag,
        } => document::remove(db, collection, name, etag.as_deref()),
        Write::AddMessage { message, limit } => message::add(db, message, *limit),
        Write::RemoveMessage { to, id } => Ok(message::remove(db, to, id)?),
        Write::PurgeMessages { now_ms } => Ok(message::purge(db, *now_ms)?),
        Write::PutDelivery(delivery) => Ok(delivery::put(db, delivery)?),
        Write::RemoveDelivery {
            to,
            message,
            recipient,
        } => Ok(delivery::remove(db, to, message, recipient)?),
        Write::PurgeDeliveries { before_ms } => Ok(delivery::purge(db, *before_ms)?),
    }
}

#[cfg(test)]
mod tests;
