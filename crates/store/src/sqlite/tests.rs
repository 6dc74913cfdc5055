//! A disk that fills up, a file that is locked, a row that is damaged: what needs the inside.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{Account, Credentials, Cursor, Member, MemberState, Partition, Role, Room, RoomKind};

fn sqlite() -> (Sqlite, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("store.db")).unwrap();
    (sqlite, folder)
}

fn add(name: &str) -> Unit {
    Unit {
        writes: vec![Write::AddAccount(Account {
            name: name.to_owned(),
            domain: "localhost".to_owned(),
            display_name: Some("x".repeat(1000)),
            msisdn: None,
            credentials: Credentials::default(),
            enabled: true,
            created_at_ms: 0,
        })],
        fence: Fence::Unfenced,
    }
}

fn commit_all(sqlite: &mut Sqlite, units: &[Unit]) -> Vec<Result<(), CommitError>> {
    sqlite.commit_all(units, &mut |_, _| ())
}

fn names(reader: &SqliteReader) -> Vec<String> {
    let page = reader.accounts(&Cursor::START, 1000).unwrap();
    page.rows.into_iter().map(|account| account.name).collect()
}

#[test]
fn a_full_disk_keeps_what_was_acknowledged_and_nothing_else() {
    let (mut sqlite, _folder) = sqlite();
    let reader = sqlite.reader().unwrap();
    let pages = |sqlite: &Sqlite, count: i64| {
        let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let db = &sqlite.connection;
        db.pragma_update_and_check(None, "max_page_count", count, set)
            .unwrap();
    };
    let now: i64 = sqlite
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    pages(&sqlite, now + 10);
    let units: Vec<_> = (0..100)
        .map(|number| add(&format!("{number:03}")))
        .collect();
    let outcomes = commit_all(&mut sqlite, &units);
    let full = Err(CommitError::Trouble(Trouble::Full));
    assert!(outcomes.contains(&full), "{outcomes:?}");
    let kept: Vec<_> = (0..100)
        .filter(|number| outcomes[*number].is_ok())
        .map(|number| format!("{number:03}"))
        .collect();
    assert_eq!(names(&reader), kept);
    // Space was made: it goes on without a restart.
    pages(&sqlite, now + 1000);
    assert_eq!(commit_all(&mut sqlite, &[add("later")]), [Ok(())]);
    assert_eq!(names(&reader).len(), kept.len() + 1);
}

#[test]
fn a_locked_file_is_busy_for_every_unit() {
    let (mut sqlite, _folder) = sqlite();
    sqlite
        .connection
        .busy_timeout(Duration::from_millis(1))
        .unwrap();
    let other = Connection::open(sqlite.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = Err(CommitError::Trouble(Trouble::Busy));
    let units = [add("alice"), add("bob")];
    assert_eq!(
        commit_all(&mut sqlite, &units),
        [busy.clone(), busy.clone()]
    );
    assert_eq!(sqlite.commit(&units[0].writes, units[0].fence), busy);
    assert_eq!(sqlite.take_partitions("node"), Err(Trouble::Busy));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(commit_all(&mut sqlite, &units), [Ok(()), Ok(())]);
}

#[test]
fn a_transaction_that_is_given_up_fails_every_unit() {
    let (mut sqlite, _folder) = sqlite();
    let reader = sqlite.reader().unwrap();
    // Stands for a disk error, upon which SQLite gives up the whole transaction by itself.
    sqlite
        .connection
        .execute_batch(
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON main.account WHEN new.name = 'bob'
             BEGIN SELECT RAISE(ROLLBACK, 'broken'); END",
        )
        .unwrap();
    let outcomes = commit_all(&mut sqlite, &[add("alice"), add("bob"), add("carol")]);
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes {
        assert!(matches!(
            outcome,
            Err(CommitError::Trouble(Trouble::Failed { .. }))
        ));
    }
    assert_eq!(names(&reader), [""; 0]);
    assert_eq!(commit_all(&mut sqlite, &[add("alice")]), [Ok(())]);
}

#[test]
fn a_row_that_nobody_wrote_is_damage() {
    let (mut sqlite, _folder) = sqlite();
    let epoch = sqlite.take_partitions("node").unwrap();
    let identity = "sip:r@localhost".to_owned();
    let partition = Partition::of(&identity);
    let room = Room {
        identity: identity.clone(),
        partition,
        kind: RoomKind::AdHoc,
        group: None,
        host: "sip:alice@localhost".to_owned(),
        subject: None,
        created_at_ms: 0,
        closed_at_ms: None,
    };
    let member = Member {
        room: identity.clone(),
        address: "sip:alice@localhost".to_owned(),
        display: None,
        role: Role::Host,
        hidden: false,
        state: MemberState::Joined,
        changed_at_ms: 0,
    };
    let writes = [Write::OpenRoom(room), Write::PutMember(member)];
    let fence = Fence::Owned { partition, epoch };
    sqlite.commit(&writes, fence).unwrap();
    let reader = sqlite.reader().unwrap();
    let spoil = Connection::open(sqlite.path()).unwrap();
    spoil
        .execute_batch("PRAGMA ignore_check_constraints = ON")
        .unwrap();
    spoil
        .execute_batch("UPDATE member SET role = 'king'; UPDATE room SET partition = 5000")
        .unwrap();
    let members = reader.members(&identity, &Cursor::START, 10);
    assert!(matches!(members, Err(Trouble::Corrupt { .. })));
    assert!(matches!(
        reader.room(&identity),
        Err(Trouble::Corrupt { .. })
    ));
}

#[test]
fn readers_cannot_write() {
    let (sqlite, _folder) = sqlite();
    let connection = open::open_reader(sqlite.path()).unwrap();
    assert!(connection.execute_batch("DELETE FROM account").is_err());
}

#[test]
fn commits_wait_for_the_disk() {
    let (sqlite, _folder) = sqlite();
    let pragma = |name| {
        sqlite
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2_i64.into());
    assert_eq!(pragma("foreign_keys"), 1_i64.into());
}

/// A query that reads a whole table, or sorts what it found, is slow when the table is long.
#[test]
fn every_query_about_documents_and_messages_has_its_index() {
    let (sqlite, _folder) = sqlite();
    for query in [
        account::NUMBER_TAKEN,
        delivery::COUNT,
        delivery::LIST,
        delivery::PURGE,
        delivery::REMOVE,
        document::COUNT,
        document::COUNT_OF,
        document::ETAG,
        document::FIND,
        document::LIST,
        document::LIST_OF,
        document::REMOVE,
        message::COUNT,
        message::FIND,
        message::IS_THERE,
        message::LIST,
        message::LIST_EXPIRED,
        message::PURGE,
        message::REMOVE,
    ] {
        let db = &sqlite.connection;
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let steps = explain.raw_query();
        let steps: Vec<String> = steps
            .mapped(|row| row.get("detail"))
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(!steps.is_empty(), "{query}");
        for step in steps {
            let slow = step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            assert!(!slow, "{step}: {query}");
        }
    }
}
