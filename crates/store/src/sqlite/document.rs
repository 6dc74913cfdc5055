//! Documents.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{CommitError, Cursor, Document, Expect};

const PUT: &str = "
    INSERT INTO document (collection, name, owner, etag, body, changed_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (collection, name) DO UPDATE SET owner = excluded.owner, etag = excluded.etag,
        body = excluded.body, changed_at_ms = excluded.changed_at_ms";

pub(super) const REMOVE: &str = "DELETE FROM document WHERE collection = ?1 AND name = ?2";

pub(super) const ETAG: &str = "SELECT etag FROM document WHERE collection = ?1 AND name = ?2";

pub(super) const FIND: &str = "SELECT * FROM document WHERE collection = ?1 AND name = ?2";

pub(super) const LIST: &str = "
    SELECT * FROM document WHERE collection = ?1 AND name > ?2 ORDER BY name LIMIT ?3";

pub(super) const LIST_OF: &str = "
    SELECT * FROM document WHERE collection = ?1 AND owner = ?2 AND name > ?3
    ORDER BY name LIMIT ?4";

pub(super) const COUNT: &str = "SELECT count(*) FROM document WHERE collection = ?1";

pub(super) const COUNT_OF: &str = "
    SELECT count(*) FROM document WHERE collection = ?1 AND owner = ?2";

pub(super) fn put(
    db: &Connection,
    document: &Document,
    expect: &Expect,
) -> Result<(), CommitError> {
    let found = etag(db, &document.collection, &document.name)?;
    if !expect.holds(found.as_deref()) {
        return Err(changed(&document.collection, &document.name));
    }
    db.prepare_cached(PUT)?.execute(params![
        document.collection,
        document.name,
        document.owner,
        document.etag,
        document.body,
        document.changed_at_ms,
    ])?;
    Ok(())
}

pub(super) fn remove(
    db: &Connection,
    collection: &str,
    name: &str,
    expected: Option<&str>,
) -> Result<(), CommitError> {
    if expected.is_some() && etag(db, collection, name)?.as_deref() != expected {
        return Err(changed(collection, name));
    }
    db.prepare_cached(REMOVE)?.execute([collection, name])?;
    Ok(())
}

pub(crate) fn find(
    db: &Connection,
    collection: &str,
    name: &str,
) -> rusqlite::Result<Option<Document>> {
    db.prepare_cached(FIND)?
        .query_row([collection, name], read)
        .optional()
}

pub(super) fn list(
    db: &Connection,
    collection: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<Document>> {
    db.prepare_cached(LIST)?
        .query_map(params![collection, after.first, rows], read)?
        .collect()
}

pub(super) fn list_of(
    db: &Connection,
    collection: &str,
    owner: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<Document>> {
    db.prepare_cached(LIST_OF)?
        .query_map(params![collection, owner, after.first, rows], read)?
        .collect()
}

pub(super) fn count(db: &Connection, collection: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(COUNT)?
        .query_row([collection], |row| row.get(0))
        .map(i64::unsigned_abs)
}

pub(super) fn count_of(db: &Connection, collection: &str, owner: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(COUNT_OF)?
        .query_row([collection, owner], |row| row.get(0))
        .map(i64::unsigned_abs)
}

fn etag(db: &Connection, collection: &str, name: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached(ETAG)?
        .query_row([collection, name], |row| row.get(0))
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        collection: row.get("collection")?,
        name: row.get("name")?,
        owner: row.get("owner")?,
        etag: row.get("etag")?,
        body: row.get("body")?,
        changed_at_ms: row.get("changed_at_ms")?,
    })
}

fn changed(collection: &str, name: &str) -> CommitError {
    CommitError::DocumentChanged {
        collection: collection.to_owned(),
        name: name.to_owned(),
    }
}
