//! Rooms and their members.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::write::check_home;
use crate::{
    CommitError, Cursor, Fence, Member, MemberState, PURGE_ROWS_MAX, Partition, Role, Room,
    RoomKind,
};

const OPEN: &str = "
    INSERT INTO room (
        identity, partition, kind, group_uri, host, subject, created_at_ms, closed_at_ms
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)";

// Its members go with it: member.room cascades.
const REMOVE: &str = "DELETE FROM room WHERE identity = ?1";

const CHANGE: &str = "UPDATE room SET host = ?2, subject = ?3 WHERE identity = ?1";

const CLOSE: &str = "
    UPDATE room SET closed_at_ms = ?2 WHERE identity = ?1 AND closed_at_ms IS NULL";

const PURGE: &str = "
    DELETE FROM room WHERE identity IN (
        SELECT identity FROM room WHERE closed_at_ms <= ?1
        ORDER BY closed_at_ms, identity LIMIT ?2
    )";

const PUT_MEMBER: &str = "
    INSERT OR REPLACE INTO member (room, address, display, role, hidden, state, changed_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const FIND: &str = "SELECT * FROM room WHERE identity = ?1";

const PLACE: &str = "SELECT partition, closed_at_ms IS NULL FROM room WHERE identity = ?1";

const LIST_OPEN: &str = "
    SELECT * FROM room WHERE closed_at_ms IS NULL AND identity > ?1 ORDER BY identity LIMIT ?2";

const LIST_OF: &str = "
    SELECT * FROM member JOIN room ON room.identity = member.room
    WHERE member.address = ?1 AND member.room > ?2 AND room.closed_at_ms IS NULL
    ORDER BY member.room LIMIT ?3";

const LIST_MEMBERS: &str = "
    SELECT * FROM member WHERE room = ?1 AND address > ?2 ORDER BY address LIMIT ?3";

pub(super) fn open(db: &Connection, room: &Room, fence: Fence) -> Result<(), CommitError> {
    if let Some(former) = place(db, &room.identity)? {
        check_fenced(former.partition, fence)?;
        if former.is_open {
            return Err(CommitError::RoomIsOpen {
                identity: room.identity.clone(),
            });
        }
        db.prepare_cached(REMOVE)?.execute([&room.identity])?;
    }
    db.prepare_cached(OPEN)?.execute(params![
        room.identity,
        room.partition.number(),
        room.kind,
        room.group,
        room.host,
        room.subject,
        room.created_at_ms,
    ])?;
    Ok(())
}

pub(super) fn change(
    db: &Connection,
    identity: &str,
    host: &str,
    subject: Option<&str>,
    fence: Fence,
) -> Result<(), CommitError> {
    check_exists(db, identity, fence)?;
    db.prepare_cached(CHANGE)?
        .execute(params![identity, host, subject])?;
    Ok(())
}

pub(super) fn close(
    db: &Connection,
    identity: &str,
    at_ms: i64,
    fence: Fence,
) -> Result<(), CommitError> {
    check_exists(db, identity, fence)?;
    db.prepare_cached(CLOSE)?
        .execute(params![identity, at_ms])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, closed_by_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached(PURGE)?
        .execute(params![closed_by_ms, PURGE_ROWS_MAX])?;
    Ok(())
}

pub(super) fn put_member(
    db: &Connection,
    member: &Member,
    fence: Fence,
) -> Result<(), CommitError> {
    check_exists(db, &member.room, fence)?;
    db.prepare_cached(PUT_MEMBER)?.execute(params![
        member.room,
        member.address,
        member.display,
        member.role,
        member.hidden,
        member.state,
        member.changed_at_ms,
    ])?;
    Ok(())
}

pub(super) fn find(db: &Connection, identity: &str) -> rusqlite::Result<Option<Room>> {
    db.prepare_cached(FIND)?
        .query_row([identity], read_room)
        .optional()
}

pub(super) fn list_open(db: &Connection, after: &Cursor, rows: u32) -> rusqlite::Result<Vec<Room>> {
    db.prepare_cached(LIST_OPEN)?
        .query_map(params![after.first, rows], read_room)?
        .collect()
}

pub(super) fn list_of(
    db: &Connection,
    address: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<(Room, Member)>> {
    db.prepare_cached(LIST_OF)?
        .query_map(params![address, after.first, rows], |row| {
            Ok((read_room(row)?, read_member(row)?))
        })?
        .collect()
}

pub(super) fn list_members(
    db: &Connection,
    room: &str,
    after: &Cursor,
    rows: u32,
) -> rusqlite::Result<Vec<Member>> {
    db.prepare_cached(LIST_MEMBERS)?
        .query_map(params![room, after.first, rows], read_member)?
        .collect()
}

/// What of a room each write to it has to know.
struct Place {
    partition: Partition,
    is_open: bool,
}

fn place(db: &Connection, identity: &str) -> rusqlite::Result<Option<Place>> {
    let read = |row: &Row<'_>| {
        Ok(Place {
            partition: row.get(0)?,
            is_open: row.get(1)?,
        })
    };
    db.prepare_cached(PLACE)?
        .query_row([identity], read)
        .optional()
}

fn check_exists(db: &Connection, identity: &str, fence: Fence) -> Result<(), CommitError> {
    match place(db, identity)? {
        Some(room) => check_fenced(room.partition, fence),
        None => Err(CommitError::NoSuchRoom {
            identity: identity.to_owned(),
        }),
    }
}

fn check_fenced(home: Partition, fence: Fence) -> Result<(), CommitError> {
    if let Fence::Owned { partition, .. } = fence {
        check_home(home, partition)?;
    }
    Ok(())
}

// The tables have no column name in common: a join can be read by name.
fn read_room(row: &Row<'_>) -> rusqlite::Result<Room> {
    Ok(Room {
        identity: row.get("identity")?,
        partition: row.get("partition")?,
        kind: row.get("kind")?,
        group: row.get("group_uri")?,
        host: row.get("host")?,
        subject: row.get("subject")?,
        created_at_ms: row.get("created_at_ms")?,
        closed_at_ms: row.get("closed_at_ms")?,
    })
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        room: row.get("room")?,
        address: row.get("address")?,
        display: row.get("display")?,
        role: row.get("role")?,
        hidden: row.get("hidden")?,
        state: row.get("state")?,
        changed_at_ms: row.get("changed_at_ms")?,
    })
}

impl FromSql for Partition {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = u16::column_result(value)?;
        Self::new(number).ok_or(FromSqlError::OutOfRange(number.into()))
    }
}

impl ToSql for RoomKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::AdHoc => "ad-hoc",
            Self::Group => "group",
            Self::Public => "public",
        }))
    }
}

impl FromSql for RoomKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "ad-hoc" => Ok(Self::AdHoc),
            "group" => Ok(Self::Group),
            "public" => Ok(Self::Public),
            other => Err(unknown("kind of room", other)),
        }
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }))
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "guest" => Ok(Self::Guest),
            "host" => Ok(Self::Host),
            other => Err(unknown("role", other)),
        }
    }
}

impl ToSql for MemberState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Invited => "invited",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Removed => "removed",
        }))
    }
}

impl FromSql for MemberState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "invited" => Ok(Self::Invited),
            "joined" => Ok(Self::Joined),
            "left" => Ok(Self::Left),
            "removed" => Ok(Self::Removed),
            other => Err(unknown("state of a member", other)),
        }
    }
}

/// A word that we never write.
fn unknown(what: &str, word: &str) -> FromSqlError {
    FromSqlError::Other(format!("unknown {what} {word:?}").into())
}
