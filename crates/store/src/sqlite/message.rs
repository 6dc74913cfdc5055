//! Messages that wait.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::{CommitError, Cursor, Message, PURGE_ROWS_MAX};

const ADD: &str = "
    INSERT INTO message (
        to_address, id, from_address, display, subject, content_type, content, extra,
        sent_at_ms, expires_at_ms, report
    ) VALUES (
        :to, :id, :from, :display, :subject, :content_type, :content, :extra,
        :sent_at_ms, :expires_at_ms, :report
    )";

pub(super) const IS_THERE: &str = "SELECT 1 FROM message WHERE to_address = ?1 AND id = ?2";

pub(super) const REMOVE: &str = "DELETE FROM message WHERE to_address = ?1 AND id = ?2";

pub(super) const PURGE: &str = "
    DELETE FROM message WHERE number IN (
        SELECT number FROM message WHERE expires_at_ms <= ?1
        ORDER BY expires_at_ms, number LIMIT ?2
    )";

pub(super) const FIND: &str = "SELECT * FROM message WHERE to_address = ?1 AND id = ?2";

pub(super) const LIST: &str = "
    SELECT * FROM message WHERE to_address = ?1 AND number > ?2 ORDER BY number LIMIT ?3";

pub(super) const COUNT: &str = "SELECT count(*) FROM message WHERE to_address = ?1";

pub(super) const LIST_EXPIRED: &str = "
    SELECT * FROM message WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms, number LIMIT ?2";

pub(super) fn add(db: &Connection, message: &Message, limit: u32) -> Result<(), CommitError> {
    if db
        .prepare_cached(IS_THERE)?
        .exists([&message.to, &message.id])?
    {
        return Err(CommitError::MessageExists {
            to: message.to.clone(),
            id: message.id.clone(),
        });
    }
    if count(db, &message.to)? >= u64::from(limit) {
        return Err(CommitError::QueueFull {
            to: message.to.clone(),
            limit,
        });
    }
    db.prepare_cached(ADD)?.execute(named_params! {
        ":to": message.to,
        ":id": message.id,
        ":from": message.from,
        ":display": message.display,
        ":subject": message.subject,
        ":content_type": message.content_type,
        ":content": message.content,
        ":extra": message.extra,
        ":sent_at_ms": message.sent_at_ms,
        ":expires_at_ms": message.expires_at_ms,
        ":report": message.report,
    })?;
    Ok(())
}

pub(super) fn remove(db: &Connection, to: &str, id: &str) -> rusqlite::Result<()> {
    db.prepare_cached(REMOVE)?.execute([to, id])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached(PURGE)?
        .execute(params![now_ms, PURGE_ROWS_MAX])?;
    Ok(())
}

pub(super) fn find(db: &Connection, to: &str, id: &str) -> rusqlite::Result<Option<Message>> {
    db.prepare_cached(FIND)?
        .query_row([to, id], read)
        .optional()
}

/// Each with its number.
pub(super) fn list(
    db: &Connection,
    to: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<(i64, Message)>> {
    db.prepare_cached(LIST)?
        .query_map(params![to, after.number, rows], |row| {
            Ok((row.get("number")?, read(row)?))
        })?
        .collect()
}

pub(super) fn count(db: &Connection, to: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(COUNT)?
        .query_row([to], |row| row.get(0))
        .map(i64::unsigned_abs)
}

pub(super) fn list_expired(
    db: &Connection,
    now_ms: i64,
    rows: u32,
) -> rusqlite::Result<Vec<Message>> {
    db.prepare_cached(LIST_EXPIRED)?
        .query_map(params![now_ms, rows], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        to: row.get("to_address")?,
        id: row.get("id")?,
        from: row.get("from_address")?,
        display: row.get("display")?,
        subject: row.get("subject")?,
        content_type: row.get("content_type")?,
        content: row.get("content")?,
        extra: row.get("extra")?,
        sent_at_ms: row.get("sent_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
        report: row.get("report")?,
    })
}
