//! Both back ends, the same random history, the same answers.

mod step;

use proptest::prelude::*;
use step::step;
use store::{CommitError, Reader, Unit};

use crate::Bench;
use crate::bench::all;

// Few keys, so that writes meet; some that are no keys at all.
const NAMES: &[&str] = &["alice", "bob", "Zoë", ""];
const NUMBER: &str = "112";
const AORS: &[&str] = &["sip:a@x", "sip:a@x2", "sip:b@x"];
const KEYS: &[&str] = &["1", "2", "é", ""];
const ROOMS: &[&str] = &["sip:r1@x", "sip:r2@x", "wv:/r3@x"];
const ADDRESSES: &[&str] = &["sip:a@x", "sip:b@x", "wv:c@x"];
const COLLECTIONS: &[&str] = &["c", "c2"];
const ETAGS: &[&str] = &["v1", "v2", "é"];
const IDS: &[&str] = &["m1", "m2", "m3", "é"];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn back_ends_agree(groups in prop::collection::vec(prop::collection::vec(step(), 0..6), 1..8)) {
        let mut memory = Bench::memory();
        let mut sqlite = Bench::sqlite();
        for group in groups {
            let units: Vec<Unit> = group
                .into_iter()
                .map(|(writes, right)| Unit { fence: right.fence(&writes, memory.epoch), writes })
                .collect();
            // One unit goes through `commit`, several through `commit_all`.
            let outcomes = [&mut memory, &mut sqlite].map(|bench| match &*units {
                [unit] => vec![bench.store.commit(&unit.writes, unit.fence)],
                units => bench.store.commit_all(units),
            });
            prop_assert_eq!(&outcomes[0], &outcomes[1]);
            prop_assert_eq!(everything(&memory.reader), everything(&sqlite.reader));
        }
    }
}

/// All that is stored, through every query, in small pages.
fn everything(reader: &Reader) -> impl PartialEq + std::fmt::Debug {
    (
        of_accounts(reader),
        all(2, |after, limit| reader.all_bindings(after, limit)),
        each(AORS, |aor| {
            all(1, |after, limit| reader.bindings(aor, after, limit))
        }),
        of_rooms(reader),
        each(COLLECTIONS, |collection| of_documents(reader, collection)),
        each(ADDRESSES, |address| of_messages(reader, address)),
        // Both bounds: the oldest alone, and all that will ever expire.
        [(4, 1), (i64::MAX, 100)].map(|(now_ms, limit)| reader.expired_messages(now_ms, limit)),
    )
}

fn of_accounts(reader: &Reader) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        all(2, |after, limit| reader.accounts(after, limit)),
        each(NAMES, |name| reader.account(name, "localhost")),
        reader.account_by_msisdn(NUMBER, "localhost"),
    )
}

fn of_rooms(reader: &Reader) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        all(1, |after, limit| reader.open_rooms(after, limit)),
        each(ROOMS, |room| reader.room(room)),
        each(ROOMS, |room| {
            all(2, |after, limit| reader.members(room, after, limit))
        }),
        each(ADDRESSES, |who| {
            all(1, |after, limit| reader.rooms_of(who, after, limit))
        }),
    )
}

fn of_documents(reader: &Reader, collection: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        all(2, |after, limit| reader.documents(collection, after, limit)),
        each(AORS, |name| reader.document(collection, name)),
        each(ADDRESSES, |owner| {
            all(1, |after, limit| {
                reader.documents_of(collection, owner, after, limit)
            })
        }),
        each(ADDRESSES, |owner| {
            reader.count_documents_of(collection, owner)
        }),
    )
}

fn of_messages(reader: &Reader, to: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        all(1, |after, limit| reader.messages(to, after, limit)),
        each(IDS, |id| reader.message(to, id)),
        reader.count_messages(to),
        all(1, |after, limit| reader.deliveries(to, after, limit)),
        reader.count_deliveries(to),
    )
}

fn each<T>(keys: &[&str], query: impl Fn(&str) -> T) -> Vec<T> {
    keys.iter().map(|key| query(key)).collect()
}

/// The errors that the model is expected to reach: a model that refuses everything proves nothing.
#[test]
fn the_model_reaches_successes_and_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut bench = Bench::memory();
    let mut seen = [0_usize; 10];
    for _ in 0..2000 {
        let (writes, right) = step().new_tree(&mut runner).unwrap().current();
        let fence = right.fence(&writes, bench.epoch);
        seen[match bench.store.commit(&writes, fence) {
            Ok(()) => 0,
            Err(CommitError::Fenced { .. }) => 1,
            Err(CommitError::Flaw(_)) => 2,
            Err(CommitError::AccountExists { .. } | CommitError::NoSuchAccount { .. }) => 3,
            Err(CommitError::RoomIsOpen { .. } | CommitError::NoSuchRoom { .. }) => 4,
            Err(CommitError::NumberTaken { .. }) => 5,
            Err(CommitError::DocumentChanged { .. }) => 6,
            Err(CommitError::MessageExists { .. }) => 7,
            Err(CommitError::QueueFull { .. }) => 8,
            Err(CommitError::Trouble(_)) => 9,
        }] += 1;
    }
    assert!(seen[0] > 500, "{seen:?}");
    assert!(seen[1..9].iter().all(|count| *count > 20), "{seen:?}");
    assert_eq!(seen[9], 0);
}
