//! Secrets of the server.

use rusqlite::{Connection, OptionalExtension, params};

const KEEP: &str = "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";

const FIND: &str = "SELECT value FROM secret WHERE name = ?1";

/// Keeps `fresh` unless there is one; returns the one kept.
pub(super) fn keep(db: &Connection, name: &str, fresh: &[u8]) -> rusqlite::Result<Vec<u8>> {
    db.prepare_cached(KEEP)?.execute(params![name, fresh])?;
    db.prepare_cached(FIND)?.query_row([name], |row| row.get(0))
}

pub(super) fn find(db: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached(FIND)?
        .query_row([name], |row| row.get(0))
        .optional()
}
