//! Opening the file, and bringing it to the current schema.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::{BUSY_TIMEOUT, OpenError, Trouble};

/// The steps from an empty file to the current schema. What stands here is never changed: the
/// next version adds a step.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/001_first.sql"),
    include_str!("../../migrations/002_documents_and_messages.sql"),
    include_str!("../../migrations/003_checks_without_tables.sql"),
];

/// The mark of our files in the SQLite header: "Tert".
const APPLICATION_ID: i32 = 0x5465_7274;

/// How many different statements stay prepared: all of them.
const STATEMENTS_KEPT: usize = 64;

/// How often to try for WAL mode. A try fails only while another process first opens the same
/// new file, and each waits for that process.
const WAL_TRIES: usize = 10;

/// The size to which the log shrinks again after a long reader made it grow, in bytes.
const WAL_BYTES_KEPT: i64 = 16 << 20;

/// Opens or makes the file; also returns its absolute path.
pub(super) fn open(path: &Path) -> Result<(Connection, PathBuf), OpenError> {
    // Absolute, so that a reader finds it after a change of directory, and so that names which
    // SQLite reads as something else (":memory:", "") are names of files here.
    let path = std::path::absolute(path).map_err(|error| trouble(path, denied(&error)))?;
    create_private(&path).map_err(|error| trouble(&path, denied(&error)))?;
    let mut connection = connect(&path).map_err(|error| trouble(&path, error.into()))?;
    match prepare(&mut connection) {
        Ok(Schema::Current) => Ok((connection, path)),
        Ok(Schema::Foreign) => Err(OpenError::NotOurs { path }),
        Ok(Schema::Newer(found)) => Err(OpenError::TooNew {
            path,
            found,
            known: MIGRATIONS.len() as u32,
        }),
        Err(found) => Err(trouble(&path, found)),
    }
}

/// Opens a file that a store has open, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path)
        .and_then(|connection| {
            // Not opened as read-only: the last to close the file has to tidy its log away.
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        })
        .map_err(|error| trouble(path, error.into()))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

/// Makes the file, for its owner only, unless it is there. SQLite gives its log the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// What is in the file.
enum Schema {
    Current,
    Foreign,
    Newer(u32),
}

fn prepare(connection: &mut Connection) -> Result<Schema, Trouble> {
    // Looked at before anything is changed, then again under the lock. In one transaction, since
    // another process may be making the file just now.
    let schema = look(&connection.transaction()?)?;
    if !matches!(schema, Schema::Current) {
        return Ok(schema);
    }
    enter_wal(connection)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let schema = look(&transaction)?;
    if matches!(schema, Schema::Current) {
        migrate(&transaction)?;
        transaction.commit()?;
    }
    Ok(schema)
}

/// Whose file it is. An empty one, or one of an older version, counts as current: it will be.
fn look(db: &Transaction<'_>) -> Result<Schema, Trouble> {
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version = schema_version(db)?;
    Ok(match id {
        APPLICATION_ID if version as usize > MIGRATIONS.len() => Schema::Newer(version),
        APPLICATION_ID => Schema::Current,
        0 if version == 0 && tables == 0 => Schema::Current,
        _ => Schema::Foreign,
    })
}

fn schema_version(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn enter_wal(connection: &Connection) -> Result<(), Trouble> {
    for _ in 0..WAL_TRIES {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let detail = format!("its file system allows journal mode {mode} only, not wal");
                return Err(Trouble::Failed { detail });
            }
            // SQLite does not wait here. An empty transaction that wants the file for itself does.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Trouble::Busy)
}

fn migrate(transaction: &Transaction<'_>) -> Result<(), Trouble> {
    let version = schema_version(transaction)? as usize;
    for step in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    Ok(())
}

fn denied(error: &std::io::Error) -> Trouble {
    Trouble::Denied {
        detail: error.to_string(),
    }
}

fn trouble(path: &Path, trouble: Trouble) -> OpenError {
    OpenError::Trouble {
        path: path.to_owned(),
        trouble,
    }
}
