//! Units: whole or not at all, and only by right.

use store::{CommitError, Cursor, Expect, Fence, Flaw, Partition, Unit, Write};

use crate::bench::all;
use crate::samples::{account, binding, delivery, document, member, message, room};
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    (
        "a unit that fails in the middle leaves nothing",
        leaves_nothing,
    ),
    ("a failed unit leaves what was there", leaves_the_old),
    ("an empty unit is fine", empty_is_fine),
    ("units of a group stand or fall alone", stand_alone),
    ("a unit sees what those before it wrote", sees_the_earlier),
    (
        "what is asked on the way sees what is written, and nothing that failed",
        is_asked_on_the_way,
    ),
    (
        "nobody writes before taking the partitions",
        nobody_before_taking,
    ),
    ("an older epoch is refused", older_epoch),
    ("an epoch that never was is refused", unknown_epoch),
    ("a write belongs to the partition of its fence", misplaced),
    (
        "without a fence only accounts and documents are written",
        needs_fence,
    ),
    (
        "readers see what is committed, through any handle",
        readers_see,
    ),
];

const ROOM: &str = "sip:aax7@localhost";
const BOB: &str = "sip:bob@localhost";

fn leaves_nothing(bench: &mut Bench) {
    let unit = bench.unit(vec![
        Write::OpenRoom(room(ROOM)),
        Write::PutMember(member(ROOM, BOB)),
        Write::OpenRoom(room(ROOM)), // open already
        Write::PutMember(member(ROOM, "sip:carol@localhost")),
    ]);
    let identity = ROOM.to_owned();
    assert_eq!(
        bench.store.commit(&unit.writes, unit.fence),
        Err(CommitError::RoomIsOpen { identity })
    );
    assert_eq!(bench.reader.room(ROOM), Ok(None));
    let rows = bench.reader.members(ROOM, &Cursor::START, 10).unwrap().rows;
    assert_eq!(rows, []);
}

fn leaves_the_old(bench: &mut Bench) {
    let setup = bench.unit(vec![
        Write::AddAccount(account("alice")),
        Write::AddAccount(account("bob")),
    ]);
    bench.store.commit(&setup.writes, Fence::Unfenced).unwrap();
    let mut changed = account("alice");
    changed.credentials.ha1_md5 = None;
    let writes = [
        Write::ChangeAccount(changed),
        Write::RemoveAccount {
            name: "bob".to_owned(),
            domain: "localhost".to_owned(),
        },
        Write::AddAccount(account("carol")),
        Write::ChangeAccount(account("bob")), // no longer there
    ];
    assert!(bench.store.commit(&writes, Fence::Unfenced).is_err());
    let listed = all(10, |after, limit| bench.reader.accounts(after, limit));
    assert_eq!(listed, [account("alice"), account("bob")]);
}

fn empty_is_fine(bench: &mut Bench) {
    assert_eq!(bench.store.commit(&[], Fence::Unfenced), Ok(()));
    assert_eq!(bench.store.commit_all(&[]), []);
}

fn stand_alone(bench: &mut Bench) {
    let stale = Fence::Owned {
        partition: Partition::of(BOB),
        epoch: bench.epoch - 1,
    };
    let units = [
        bench.unit(vec![Write::OpenRoom(room("sip:r1@localhost"))]),
        // Its first write is good and its second is not.
        bench.unit(vec![
            Write::OpenRoom(room("sip:r2@localhost")),
            Write::OpenRoom(room("sip:r2@localhost")),
        ]),
        Unit {
            writes: vec![Write::PutBinding(binding(BOB, "phone"))],
            fence: stale,
        },
        bench.unit(vec![Write::OpenRoom(room("sip:r3@localhost"))]),
        bench.unit(vec![Write::AddAccount(account(""))]),
        bench.unit(vec![Write::OpenRoom(room("sip:r4@localhost"))]),
    ];
    let outcomes = bench.store.commit_all(&units);
    let good: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, true, false, true]);
    assert!(matches!(outcomes[1], Err(CommitError::RoomIsOpen { .. })));
    assert!(matches!(outcomes[2], Err(CommitError::Fenced { .. })));
    assert!(matches!(outcomes[4], Err(CommitError::Flaw(_))));
    let listed = all(10, |after, limit| bench.reader.open_rooms(after, limit));
    assert_eq!(
        listed,
        ["sip:r1@localhost", "sip:r3@localhost", "sip:r4@localhost"].map(room)
    );
    let bindings = all(10, |after, limit| bench.reader.all_bindings(after, limit));
    assert_eq!(bindings, []);
}

fn sees_the_earlier(bench: &mut Bench) {
    let units = [
        bench.unit(vec![Write::OpenRoom(room(ROOM))]),
        bench.unit(vec![Write::PutMember(member(ROOM, BOB))]),
        bench.unit(vec![Write::OpenRoom(room(ROOM))]),
    ];
    let outcomes = bench.store.commit_all(&units);
    let good: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false]);
}

fn is_asked_on_the_way(bench: &mut Bench) {
    let put = |name: &str| Write::PutDocument {
        document: document("lists", name),
        expect: Expect::Any,
    };
    let twice = Write::OpenRoom(room(ROOM));
    let good = |name| vec![put(name)];
    let bad = |name| vec![put(name), twice.clone(), twice.clone()];
    // The units, and what each that was asked has seen.
    #[rustfmt::skip]
    let rows = [
        (vec![good("a"), bad("b"), good("c")], vec![(0, "a"), (2, "ac")]),
        (vec![bad("d")], vec![]),
        (vec![good("e")], vec![(0, "ace")]),
    ];
    for (units, want) in rows {
        let units: Vec<_> = units.into_iter().map(|unit| bench.unit(unit)).collect();
        let mut seen = Vec::new();
        bench.store.commit_all_asking(&units, &mut |at, inside| {
            let is_there = |name: &&str| inside.document("lists", name).unwrap().is_some();
            let names: String = ["a", "b", "c", "d", "e"]
                .into_iter()
                .filter(is_there)
                .collect();
            seen.push((at, names));
        });
        let seen: Vec<_> = seen
            .iter()
            .map(|(at, names)| (*at, names.as_str()))
            .collect();
        assert_eq!(seen, want);
    }
}

fn nobody_before_taking(_: &mut Bench) {
    let folder = tempfile::tempdir().unwrap();
    let untaken = [
        store::Store::memory(),
        store::Store::sqlite(&folder.path().join("store.db")).unwrap(),
    ];
    for mut store in untaken {
        for epoch in [0, 1] {
            let partition = Partition::of(BOB);
            assert_eq!(
                store.commit(
                    &[Write::PutBinding(binding(BOB, "phone"))],
                    Fence::Owned { partition, epoch }
                ),
                Err(CommitError::Fenced {
                    partition,
                    offered: epoch,
                    current: 0
                })
            );
        }
    }
}

fn older_epoch(bench: &mut Bench) {
    let before = bench.unit(vec![Write::PutBinding(binding(BOB, "phone"))]);
    // Another server starts on the same store.
    let mut other = bench.store.reopen().unwrap();
    let current = other.take_partitions("other").unwrap();
    assert!(current > bench.epoch);
    let partition = Partition::of(BOB);
    let offered = bench.epoch;
    assert_eq!(
        bench.store.commit(&before.writes, before.fence),
        Err(CommitError::Fenced {
            partition,
            offered,
            current
        })
    );
    let bindings = all(10, |after, limit| bench.reader.all_bindings(after, limit));
    assert_eq!(bindings, []);
    let epoch = current;
    let fence = Fence::Owned { partition, epoch };
    other.commit(&before.writes, fence).unwrap();
    // Every partition was taken, the last one too.
    for partition in [0, 1023].map(|number| Partition::new(number).unwrap()) {
        let old = Fence::Owned {
            partition,
            epoch: offered,
        };
        let purge = [Write::PurgeBindings { now_ms: i64::MAX }];
        assert!(matches!(
            bench.store.commit(&purge, old),
            Err(CommitError::Fenced { .. })
        ));
    }
}

fn unknown_epoch(bench: &mut Bench) {
    for offered in [bench.epoch + 1, u64::MAX] {
        let partition = Partition::of(BOB);
        let fence = Fence::Owned {
            partition,
            epoch: offered,
        };
        let write = Write::PutBinding(binding(BOB, "phone"));
        assert_eq!(
            bench.store.commit(&[write], fence),
            Err(CommitError::Fenced {
                partition,
                offered,
                current: bench.epoch
            })
        );
    }
}

fn misplaced(bench: &mut Bench) {
    let fenced = Partition::of("somewhere else");
    let fence = Fence::Owned {
        partition: fenced,
        epoch: bench.epoch,
    };
    for write in [
        Write::PutBinding(binding(BOB, "phone")),
        Write::RemoveBindings {
            aor: BOB.to_owned(),
        },
        Write::AddAccount(account("alice")),
        Write::OpenRoom(room(ROOM)),
        put_document(),
        Write::RemoveDocument {
            collection: "c".to_owned(),
            name: BOB.to_owned(),
            etag: None,
        },
        add_message(),
        Write::RemoveMessage {
            to: BOB.to_owned(),
            id: "m1".to_owned(),
        },
        Write::RemoveDelivery {
            to: BOB.to_owned(),
            message: "m1".to_owned(),
            recipient: BOB.to_owned(),
        },
    ] {
        let home = write.partition().unwrap();
        assert_eq!(
            bench.store.commit(&[write], fence),
            Err(CommitError::Flaw(Flaw::Misplaced { home, fenced }))
        );
    }
}

fn needs_fence(bench: &mut Bench) {
    for write in [
        Write::PutBinding(binding(BOB, "phone")),
        Write::RemoveBindings {
            aor: BOB.to_owned(),
        },
        Write::PurgeBindings { now_ms: 0 },
        Write::OpenRoom(room(ROOM)),
        Write::PutMember(member(ROOM, BOB)),
        Write::PurgeRooms { closed_by_ms: 0 },
        add_message(),
        Write::PurgeMessages { now_ms: 0 },
        Write::PutDelivery(delivery("sip:alice@localhost", "m1", BOB)),
        Write::PurgeDeliveries { before_ms: 0 },
    ] {
        let writes = [Write::AddAccount(account("alice")), write];
        assert_eq!(
            bench.store.commit(&writes, Fence::Unfenced),
            Err(CommitError::Flaw(Flaw::NeedsFence))
        );
    }
    assert_eq!(bench.reader.account("alice", "localhost"), Ok(None));
}

fn readers_see(bench: &mut Bench) {
    let mut second = bench.store.reopen().unwrap();
    let second_reader = second.reader().unwrap();
    second
        .commit(&[Write::AddAccount(account("alice"))], Fence::Unfenced)
        .unwrap();
    bench.write(Write::AddAccount(account("bob"))).unwrap();
    for reader in [&bench.reader, &second_reader] {
        for name in ["alice", "bob"] {
            let found = reader.account(name, "localhost").unwrap();
            assert_eq!(found, Some(account(name)));
        }
    }
    // A reader goes on when the writers are gone.
    drop(second);
    assert!(second_reader.account("bob", "localhost").is_ok());
}

fn put_document() -> Write {
    Write::PutDocument {
        document: document("c", BOB),
        expect: Expect::Any,
    }
}

fn add_message() -> Write {
    Write::AddMessage {
        message: message(BOB, "m1"),
        limit: 1,
    }
}
