//! Both back ends, the same random history, the same answers.

use proptest::prelude::*;
use proptest::sample::select;
use store::{
    Account, Binding, CommitError, Credentials, Fence, Member, MemberState, Partition, Reader,
    Role, Room, RoomKind, Unit, Write,
};

use crate::Bench;
use crate::bench::{all, home};
use crate::samples;

// Few keys, so that writes meet; some that are no keys at all.
const NAMES: &[&str] = &["alice", "bob", "Zoë", ""];
const AORS: &[&str] = &["sip:a@x", "sip:a@x2", "sip:b@x"];
const KEYS: &[&str] = &["1", "2", "é", ""];
const ROOMS: &[&str] = &["sip:r1@x", "sip:r2@x", "wv:/r3@x"];
const ADDRESSES: &[&str] = &["sip:a@x", "sip:b@x", "wv:c@x"];

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

/// The right that a unit claims. It is mostly the right one.
#[derive(Clone, Copy, Debug)]
enum Right {
    Owner,
    FormerOwner,
    OwnerElsewhere,
    Nobody,
}

impl Right {
    fn fence(self, writes: &[Write], epoch: u64) -> Fence {
        let partition = writes.first().map_or(Partition::of(""), home);
        match self {
            Self::Owner => Fence::Owned { partition, epoch },
            Self::FormerOwner => Fence::Owned {
                partition,
                epoch: epoch - 1,
            },
            Self::OwnerElsewhere => Fence::Owned {
                partition: Partition::of("elsewhere"),
                epoch,
            },
            Self::Nobody => Fence::Unfenced,
        }
    }
}

fn step() -> impl Strategy<Value = (Vec<Write>, Right)> {
    let right = prop_oneof![
        12 => Just(Right::Owner),
        1 => Just(Right::FormerOwner),
        1 => Just(Right::OwnerElsewhere),
        3 => Just(Right::Nobody),
    ];
    // Units about one account, address or room keep to one partition, and so may succeed.
    let writes = prop_oneof![
        3 => select(NAMES).prop_flat_map(|name| several(about_account(name).boxed())),
        3 => select(AORS).prop_flat_map(|aor| several(about_bindings(aor).boxed())),
        5 => select(ROOMS).prop_flat_map(|room| several(about_room(room).boxed())),
    ];
    (writes, right)
}

fn several(write: BoxedStrategy<Write>) -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec(write, 0..6)
}

fn about_account(name: &'static str) -> impl Strategy<Value = Write> {
    let account = (
        any::<Option<String>>(),
        prop::option::of("[0-9a-f]{32}"),
        prop::option::of(any::<Vec<u8>>()),
        any::<bool>(),
        any::<i64>(),
    );
    let account = account.prop_map(
        move |(display_name, ha1_md5, secret, enabled, at)| Account {
            name: name.to_owned(),
            domain: "localhost".to_owned(),
            display_name,
            credentials: Credentials {
                ha1_sha256: ha1_md5.as_ref().map(|digest| digest.repeat(2)),
                ha1_md5,
                imps_secret: secret,
            },
            enabled,
            created_at_ms: at,
        },
    );
    prop_oneof![
        3 => account.clone().prop_map(Write::AddAccount),
        2 => account.prop_map(Write::ChangeAccount),
        1 => Just(Write::RemoveAccount { name: name.to_owned(), domain: "localhost".to_owned() }),
    ]
}

fn about_bindings(aor: &'static str) -> impl Strategy<Value = Write> {
    let put = (
        select(KEYS),
        prop::collection::vec("[a-z\n]{0,3}", 0..3),
        0_u16..1010,
        any::<Option<u32>>(),
        -3_i64..12,
    );
    let put = put.prop_map(move |(key, path, q, reg_id, expires_at_ms)| {
        Write::PutBinding(Binding {
            path,
            q,
            reg_id,
            expires_at_ms,
            ..samples::binding(aor, key)
        })
    });
    let remove = select(KEYS).prop_map(move |key| Write::RemoveBinding {
        aor: aor.to_owned(),
        key: key.to_owned(),
    });
    prop_oneof![
        6 => put,
        2 => remove,
        1 => Just(Write::RemoveBindings { aor: aor.to_owned() }),
        1 => (-3_i64..12).prop_map(|now_ms| Write::PurgeBindings { now_ms }),
    ]
}

fn about_room(identity: &'static str) -> impl Strategy<Value = Write> {
    let kinds = &[RoomKind::AdHoc, RoomKind::Group, RoomKind::Public];
    let open = (select(kinds), any::<Option<String>>(), any::<i64>());
    let open = open.prop_map(move |(kind, group, created_at_ms)| {
        Write::OpenRoom(Room {
            kind,
            group,
            created_at_ms,
            ..samples::room(identity)
        })
    });
    let change = (select(ADDRESSES), any::<Option<String>>());
    let change = change.prop_map(move |(host, subject)| Write::ChangeRoom {
        identity: identity.to_owned(),
        host: host.to_owned(),
        subject,
    });
    let close = (-3_i64..12).prop_map(move |at_ms| Write::CloseRoom {
        identity: identity.to_owned(),
        at_ms,
    });
    prop_oneof![
        4 => open,
        2 => change,
        2 => close,
        1 => (-3_i64..12).prop_map(|closed_by_ms| Write::PurgeRooms { closed_by_ms }),
        5 => put_member(identity),
    ]
}

fn put_member(room: &'static str) -> impl Strategy<Value = Write> {
    let states = &[
        MemberState::Invited,
        MemberState::Joined,
        MemberState::Left,
        MemberState::Removed,
    ];
    let member = (
        select(ADDRESSES),
        select(&[Role::Guest, Role::Host]),
        select(states),
        any::<bool>(),
        any::<Option<String>>(),
    );
    member.prop_map(move |(address, role, state, hidden, display)| {
        Write::PutMember(Member {
            role,
            state,
            hidden,
            display,
            ..samples::member(room, address)
        })
    })
}

/// All that is stored, through every query, in small pages.
fn everything(reader: &Reader) -> impl PartialEq + std::fmt::Debug {
    (
        all(2, |after, limit| reader.accounts(after, limit)),
        NAMES
            .iter()
            .map(|name| reader.account(name, "localhost"))
            .collect::<Vec<_>>(),
        all(2, |after, limit| reader.all_bindings(after, limit)),
        AORS.iter()
            .map(|aor| all(1, |after, limit| reader.bindings(aor, after, limit)))
            .collect::<Vec<_>>(),
        all(1, |after, limit| reader.open_rooms(after, limit)),
        ROOMS
            .iter()
            .map(|room| reader.room(room))
            .collect::<Vec<_>>(),
        ROOMS
            .iter()
            .map(|room| all(2, |after, limit| reader.members(room, after, limit)))
            .collect::<Vec<_>>(),
        ADDRESSES
            .iter()
            .map(|who| all(1, |after, limit| reader.rooms_of(who, after, limit)))
            .collect::<Vec<_>>(),
    )
}

/// The errors that the model is expected to reach: a model that refuses everything proves nothing.
#[test]
fn the_model_reaches_successes_and_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut bench = Bench::memory();
    let mut seen = [0_usize; 6];
    for _ in 0..2000 {
        let (writes, right) = step().new_tree(&mut runner).unwrap().current();
        let fence = right.fence(&writes, bench.epoch);
        seen[match bench.store.commit(&writes, fence) {
            Ok(()) => 0,
            Err(CommitError::Fenced { .. }) => 1,
            Err(CommitError::Flaw(_)) => 2,
            Err(CommitError::AccountExists { .. } | CommitError::NoSuchAccount { .. }) => 3,
            Err(CommitError::RoomIsOpen { .. } | CommitError::NoSuchRoom { .. }) => 4,
            Err(CommitError::Trouble(_)) => 5,
        }] += 1;
    }
    assert!(seen[0] > 500, "{seen:?}");
    assert!(seen[1..5].iter().all(|count| *count > 20), "{seen:?}");
    assert_eq!(seen[5], 0);
}
