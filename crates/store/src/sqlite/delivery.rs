//! Word for senders of what became of their messages.

use rusqlite::{Connection, Row, params};

use crate::{Cursor, Delivery, PURGE_ROWS_MAX};

const PUT: &str = "
    INSERT OR REPLACE INTO delivery (to_address, message, recipient, code, at_ms, extra)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) const REMOVE: &str = "
    DELETE FROM delivery WHERE to_address = ?1 AND message = ?2 AND recipient = ?3";

pub(super) const PURGE: &str = "
    DELETE FROM delivery WHERE (to_address, message, recipient) IN (
        SELECT to_address, message, recipient FROM delivery WHERE at_ms <= ?1
        ORDER BY at_ms, to_address, message, recipient LIMIT ?2
    )";

pub(super) const LIST: &str = "
    SELECT * FROM delivery WHERE to_address = ?1 AND (message, recipient) > (?2, ?3)
    ORDER BY message, recipient LIMIT ?4";

pub(super) const COUNT: &str = "SELECT count(*) FROM delivery WHERE to_address = ?1";

pub(super) fn put(db: &Connection, delivery: &Delivery) -> rusqlite::Result<()> {
    db.prepare_cached(PUT)?.execute(params![
        delivery.to,
        delivery.message,
        delivery.recipient,
        delivery.code,
        delivery.at_ms,
        delivery.extra,
    ])?;
    Ok(())
}

pub(super) fn remove(
    db: &Connection,
    to: &str,
    message: &str,
    recipient: &str,
) -> rusqlite::Result<()> {
    db.prepare_cached(REMOVE)?
        .execute([to, message, recipient])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached(PURGE)?
        .execute(params![before_ms, PURGE_ROWS_MAX])?;
    Ok(())
}

pub(super) fn list(
    db: &Connection,
    to: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<Delivery>> {
    db.prepare_cached(LIST)?
        .query_map(params![to, after.first, after.second, rows], read)?
        .collect()
}

pub(super) fn count(db: &Connection, to: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(COUNT)?
        .query_row([to], |row| row.get(0))
        .map(i64::unsigned_abs)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        to: row.get("to_address")?,
        message: row.get("message")?,
        recipient: row.get("recipient")?,
        code: row.get("code")?,
        at_ms: row.get("at_ms")?,
        extra: row.get("extra")?,
    })
}
