//! Bindings.

use rusqlite::{Connection, Row, named_params, params};

use crate::{Binding, Cursor, PURGE_ROWS_MAX};

const PUT: &str = "
    INSERT OR REPLACE INTO binding (
        aor, key, contact, params, path, call_id, cseq, q, instance, reg_id,
        node, flow, user_agent, expires_at_ms, created_at_ms, updated_at_ms
    ) VALUES (
        :aor, :key, :contact, :params, :path, :call_id, :cseq, :q, :instance, :reg_id,
        :node, :flow, :user_agent, :expires_at_ms, :created_at_ms, :updated_at_ms
    )";

const REMOVE: &str = "DELETE FROM binding WHERE aor = ?1 AND key = ?2";

const REMOVE_ALL: &str = "DELETE FROM binding WHERE aor = ?1";

const PURGE: &str = "
    DELETE FROM binding WHERE (aor, key) IN (
        SELECT aor, key FROM binding WHERE expires_at_ms <= ?1
        ORDER BY expires_at_ms, aor, key LIMIT ?2
    )";

const LIST_OF: &str = "SELECT * FROM binding WHERE aor = ?1 AND key > ?2 ORDER BY key LIMIT ?3";

const LIST: &str = "
    SELECT * FROM binding WHERE (aor, key) > (?1, ?2) ORDER BY aor, key LIMIT ?3";

pub(super) fn put(db: &Connection, binding: &Binding) -> rusqlite::Result<()> {
    db.prepare_cached(PUT)?.execute(named_params! {
        ":aor": binding.aor,
        ":key": binding.key,
        ":contact": binding.contact,
        ":params": binding.params,
        ":path": binding.path.join("\n"),
        ":call_id": binding.call_id,
        ":cseq": binding.cseq,
        ":q": binding.q,
        ":instance": binding.instance,
        ":reg_id": binding.reg_id,
        ":node": binding.node,
        ":flow": binding.flow,
        ":user_agent": binding.user_agent,
        ":expires_at_ms": binding.expires_at_ms,
        ":created_at_ms": binding.created_at_ms,
        ":updated_at_ms": binding.updated_at_ms,
    })?;
    Ok(())
}

pub(super) fn remove(db: &Connection, aor: &str, key: &str) -> rusqlite::Result<()> {
    db.prepare_cached(REMOVE)?.execute([aor, key])?;
    Ok(())
}

pub(super) fn remove_all(db: &Connection, aor: &str) -> rusqlite::Result<()> {
    db.prepare_cached(REMOVE_ALL)?.execute([aor])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached(PURGE)?
        .execute(params![now_ms, PURGE_ROWS_MAX])?;
    Ok(())
}

pub(super) fn list_of(
    db: &Connection,
    aor: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<Binding>> {
    db.prepare_cached(LIST_OF)?
        .query_map(params![aor, after.first, rows], read)?
        .collect()
}

pub(super) fn list(db: &Connection, after: &Cursor, rows: u32) -> rusqlite::Result<Vec<Binding>> {
    db.prepare_cached(LIST)?
        .query_map(params![after.first, after.second, rows], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Binding> {
    let path: String = row.get("path")?;
    Ok(Binding {
        aor: row.get("aor")?,
        key: row.get("key")?,
        contact: row.get("contact")?,
        params: row.get("params")?,
        // No URI in it is empty: an empty column is an empty path.
        path: path
            .split('\n')
            .filter(|uri| !uri.is_empty())
            .map(str::to_owned)
            .collect(),
        call_id: row.get("call_id")?,
        cseq: row.get("cseq")?,
        q: row.get("q")?,
        instance: row.get("instance")?,
        reg_id: row.get("reg_id")?,
        node: row.get("node")?,
        flow: row.get("flow")?,
        user_agent: row.get("user_agent")?,
        expires_at_ms: row.get("expires_at_ms")?,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
    })
}
