//! What only a file can do: outlive its process, be shared with others, be of the wrong kind.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use store::{Cursor, Fence, OpenError, Partition, Store, Trouble, Unit, Write};

use crate::bench::all;
use crate::samples::{account, binding, member, room};

/// Tells the child process which file to write to.
const CHILD_FILE: &str = "STORE_TEST_CHILD_FILE";

#[test]
fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = Store::sqlite(&path).unwrap();
    let first = store.take_partitions("node").unwrap();
    let bob = "sip:bob@localhost";
    let partition = Partition::of(bob);
    let write = Write::PutBinding(binding(bob, "phone"));
    let epoch = first;
    store
        .commit(&[write], Fence::Owned { partition, epoch })
        .unwrap();
    store.keep_secret("nonce", &[1, 2]).unwrap();
    drop(store);
    let mut store = Store::sqlite(&path).unwrap();
    let reader = store.reader().unwrap();
    let bindings = reader.bindings(bob, &Cursor::START, 10).unwrap().rows;
    assert_eq!(bindings, [binding(bob, "phone")]);
    assert_eq!(reader.secret("nonce"), Ok(Some(vec![1, 2])));
    assert_eq!(store.take_partitions("node"), Ok(first + 1));
}

/// A child process commits and says so, over and over, until it is killed without warning. What
/// it said was kept must be there, and every unit must be whole.
#[test]
fn what_was_acknowledged_survives_kill_9() {
    const ACKNOWLEDGED: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::child_that_commits", "--nocapture"])
        .env(CHILD_FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged: Vec<usize> = lines
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("kept ")?.1.parse().ok())
        .take(ACKNOWLEDGED)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(acknowledged, (0..ACKNOWLEDGED).collect::<Vec<_>>());

    let reader = Store::sqlite(&path).unwrap().reader().unwrap();
    let rooms = all(100, |after, limit| reader.open_rooms(after, limit));
    assert!(rooms.len() >= ACKNOWLEDGED);
    // Nothing is missing in between, and no room is without the member of its unit.
    for number in 0..rooms.len() {
        let identity = child_room(number);
        assert_eq!(reader.room(&identity), Ok(Some(room(&identity))));
        let members = reader.members(&identity, &Cursor::START, 10).unwrap();
        assert_eq!(members.rows.len(), 1, "{identity}");
    }
}

/// Not a test by itself: the child of the one above.
#[test]
fn child_that_commits() {
    let Some(path) = std::env::var_os(CHILD_FILE) else {
        return;
    };
    let mut store = Store::sqlite(Path::new(&path)).unwrap();
    let epoch = store.take_partitions("child").unwrap();
    // It ends by itself if the parent died.
    for number in 0..100_000 {
        let identity = child_room(number);
        let partition = Partition::of(&identity);
        let unit = Unit {
            writes: vec![
                Write::OpenRoom(room(&identity)),
                Write::PutMember(member(&identity, "sip:bob@localhost")),
            ],
            fence: Fence::Owned { partition, epoch },
        };
        assert_eq!(store.commit_all(&[unit]), [Ok(())]);
        println!("kept {number}");
        std::io::stdout().flush().unwrap();
    }
}

fn child_room(number: usize) -> String {
    format!("sip:room-{number:06}@localhost")
}

#[test]
fn a_second_process_may_write_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Store::sqlite(&folder.path().join("store.db")).unwrap();
    let mut tool = server.reopen().unwrap();
    let reader = server.reader().unwrap();
    std::thread::scope(|scope| {
        for (who, store) in [("server", &mut server), ("tool", &mut tool)] {
            scope.spawn(move || {
                for number in 0..50 {
                    let account = account(&format!("{who}-{number}"));
                    store
                        .commit(&[Write::AddAccount(account)], Fence::Unfenced)
                        .unwrap();
                }
            });
        }
    });
    let listed = all(100, |after, limit| reader.accounts(after, limit));
    assert_eq!(listed.len(), 100);
}

#[test]
fn several_processes_may_make_the_file_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let barrier = std::sync::Barrier::new(8);
        let mut epochs: Vec<u64> = std::thread::scope(|scope| {
            let openers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        Store::sqlite(&path)
                            .unwrap()
                            .take_partitions("node")
                            .unwrap()
                    })
                })
                .collect();
            openers
                .into_iter()
                .map(|opener| opener.join().unwrap())
                .collect()
        });
        epochs.sort_unstable();
        assert_eq!(epochs, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}

#[test]
fn a_reader_does_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = Store::sqlite(&path).unwrap();
    let reader = store.reader().unwrap();
    store
        .commit(&[Write::AddAccount(account("alice"))], Fence::Unfenced)
        .unwrap();
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM credential; DELETE FROM account")
        .unwrap();
    // As it was before the transaction that has not ended.
    let found = reader.account("alice", "localhost");
    assert_eq!(found, Ok(Some(account("alice"))));
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(reader.account("alice", "localhost"), Ok(None));
}

#[test]
fn a_file_of_the_first_version_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let bob = "sip:bob@localhost";
    let of_old = Connection::open(&path).unwrap();
    let first = include_str!("../../migrations/001_first.sql");
    of_old.execute_batch(first).unwrap();
    of_old.execute_batch(ROWS_OF_THE_FIRST_VERSION).unwrap();
    drop(of_old);
    // The second time there is nothing left to change.
    for epoch in [42, 43] {
        let mut store = Store::sqlite(&path).unwrap();
        let reader = store.reader().unwrap();
        let accounts = all(10, |after, limit| reader.accounts(after, limit));
        assert_eq!(accounts, [account("alice")]);
        let bindings = all(10, |after, limit| reader.all_bindings(after, limit));
        assert_eq!(bindings, [binding(bob, "phone")]);
        let rooms = all(10, |after, limit| reader.rooms_of(bob, after, limit));
        let mut kept = room("sip:r@localhost");
        kept.partition = Partition::new(7).unwrap();
        assert_eq!(rooms, [(kept, member("sip:r@localhost", bob))]);
        assert_eq!(reader.secret("nonce"), Ok(Some(vec![1, 2])));
        assert_eq!(store.take_partitions("node"), Ok(epoch));
    }
    // And what is new can be written.
    let mut store = Store::sqlite(&path).unwrap();
    let mut alice = account("alice");
    alice.msisdn = Some("112".to_owned());
    let change = Write::ChangeAccount(alice.clone());
    store.commit(&[change], Fence::Unfenced).unwrap();
    let found = store
        .reader()
        .unwrap()
        .account_by_msisdn("112", "localhost");
    assert_eq!(found, Ok(Some(alice)));
}

/// The rows of `samples` as the first version wrote them.
const ROWS_OF_THE_FIRST_VERSION: &str = "
    PRAGMA application_id = 0x54657274;
    PRAGMA user_version = 1;
    INSERT INTO partition VALUES (7, 41, 'node');
    INSERT INTO account VALUES ('localhost', 'alice', 'Alice Å 🌊', 1, 1700000000123);
    INSERT INTO credential VALUES
        ('localhost', 'alice', 'MD5', CAST('0123456789abcdef0123456789abcdef' AS BLOB)),
        ('localhost', 'alice', 'SHA-256', CAST('fedcba9876543210fedcba9876543210'
            || 'fedcba9876543210fedcba9876543210' AS BLOB)),
        ('localhost', 'alice', 'IMPS', x'00ff0a0d');
    INSERT INTO binding VALUES ('sip:bob@localhost', 'phone',
        'sip:alice@192.0.2.1:5060;transport=tcp',
        ';+g.oma.sip-im;+sip.instance=\"<urn:uuid:1>\"',
        '<sip:edge-1;lr>' || char(10) || '<sip:edge-2;lr>', 'a84b4c76e66710', 4294967295, 1000,
        '<urn:uuid:1>', 1, 'node-1', 'tcp/17', 'Zoë''s phone',
        1700003600000, 1700000000000, 1700000000001);
    INSERT INTO room VALUES ('sip:r@localhost', 7, 'ad-hoc', NULL, 'sip:alice@localhost',
        '明日の予定', 1700000000000, NULL);
    INSERT INTO member VALUES ('sip:r@localhost', 'sip:bob@localhost', 'Bob', 'guest', 0,
        'invited', 1700000000000);
    INSERT INTO secret VALUES ('nonce', x'0102');";

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Store::sqlite(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = fs::read(&path).unwrap();
    let refused = Store::sqlite(&path).unwrap_err();
    assert!(matches!(&refused, OpenError::TooNew { path: of, found: 99, known: 3 } if *of == path));
    assert!(refused.to_string().contains("schema 99"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    // (what it is, the statement that makes it so)
    for (what, statement) in [
        ("tables", "CREATE TABLE theirs (x)"),
        ("version", "PRAGMA user_version = 1"),
        ("application", "PRAGMA application_id = 7"),
    ] {
        let path = folder.path().join(what);
        let theirs = Connection::open(&path).unwrap();
        theirs.execute_batch(statement).unwrap();
        drop(theirs);
        let before = fs::read(&path).unwrap();
        let refused = Store::sqlite(&path).unwrap_err();
        assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before, "{what}");
    }
    let path = folder.path().join("letter");
    fs::write(&path, "Dear Alice, ".repeat(1000)).unwrap();
    let refused = Store::sqlite(&path).unwrap_err();
    assert!(
        matches!(
            &refused,
            OpenError::Trouble {
                trouble: Trouble::Corrupt { .. },
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn a_place_without_access_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().join("missing/store.db"),
        folder.path().to_owned(),
    ] {
        let refused = Store::sqlite(&path).unwrap_err();
        assert!(
            matches!(
                &refused,
                OpenError::Trouble {
                    trouble: Trouble::Denied { .. },
                    ..
                }
            ),
            "{refused}"
        );
        assert!(refused.to_string().contains(path.to_str().unwrap()));
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::sqlite(&folder.path().join("store.db")).unwrap();
    store.take_partitions("node").unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
        seen += 1;
    }
    // The file, its log and the index of the log.
    assert_eq!(seen, 3);
}

#[test]
fn a_store_moves_between_threads() {
    fn moves<T: Send>() {}
    moves::<Store>();
    moves::<store::Reader>();
}
