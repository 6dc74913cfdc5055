//! Bindings.

use store::{Binding, Cursor, PURGE_ROWS_MAX, Write};

use crate::bench::all;
use crate::samples::binding;
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("a binding comes back as it went", comes_back),
    ("a binding is replaced by its key", is_replaced),
    (
        "bindings are removed one by one or all at once",
        are_removed,
    ),
    ("bindings are listed by address, in pages", are_listed),
    (
        "lapsed bindings are purged, others are not",
        lapsed_are_purged,
    ),
    (
        "one purge is bounded, and starts with the oldest",
        purge_is_bounded,
    ),
];

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";

fn comes_back(bench: &mut Bench) {
    let bare = Binding {
        params: String::new(),
        path: Vec::new(),
        call_id: String::new(),
        cseq: 0,
        q: 0,
        instance: None,
        reg_id: None,
        node: String::new(),
        flow: String::new(),
        user_agent: None,
        expires_at_ms: i64::MAX,
        ..binding(BOB, "bare")
    };
    for binding in [binding(ALICE, "<urn:uuid:1>#1"), bare] {
        put(bench, &binding);
        assert_eq!(of(bench, &binding.aor), [binding]);
    }
    assert_eq!(of(bench, "sip:carol@localhost"), []);
}

fn is_replaced(bench: &mut Bench) {
    put(bench, &binding(ALICE, "phone"));
    let newer = Binding {
        cseq: 8,
        path: Vec::new(),
        instance: None,
        ..binding(ALICE, "phone")
    };
    put(bench, &newer);
    assert_eq!(of(bench, ALICE), [newer]);
}

fn are_removed(bench: &mut Bench) {
    for key in ["a", "b", "c"] {
        put(bench, &binding(ALICE, key));
        put(bench, &binding(BOB, key));
    }
    let aor = ALICE.to_owned();
    let key = "b".to_owned();
    let remove = Write::RemoveBinding { aor, key };
    bench.write(remove.clone()).unwrap();
    assert_eq!(of(bench, ALICE), [binding(ALICE, "a"), binding(ALICE, "c")]);
    // What is gone may be removed again.
    bench.write(remove).unwrap();
    let aor = ALICE.to_owned();
    bench.write(Write::RemoveBindings { aor }).unwrap();
    assert_eq!(of(bench, ALICE), []);
    assert_eq!(of(bench, BOB).len(), 3);
}

fn are_listed(bench: &mut Bench) {
    let mut expected = Vec::new();
    // The second address begins with the first: they must not run into each other.
    for aor in [ALICE, "sip:alice@localhost2", BOB] {
        for key in ["1", "10", "2", "é"] {
            expected.push(binding(aor, key));
        }
    }
    for binding in expected.iter().rev() {
        put(bench, binding);
    }
    for limit in [1, 2, 4, 5, 12, 100] {
        let listed = all(limit, |after, limit| {
            bench.reader.all_bindings(after, limit)
        });
        assert_eq!(listed, expected, "limit {limit}");
        let listed = all(limit, |after, limit| {
            bench.reader.bindings(ALICE, after, limit)
        });
        assert_eq!(listed, expected[..4], "limit {limit}");
    }
}

fn lapsed_are_purged(bench: &mut Bench) {
    for (key, expires_at_ms) in [("early", 99), ("now", 100), ("late", 101)] {
        let binding = Binding {
            expires_at_ms,
            ..binding(ALICE, key)
        };
        put(bench, &binding);
    }
    // Whatever partition it is fenced for, a purge reaches all.
    bench.write(Write::PurgeBindings { now_ms: 100 }).unwrap();
    let left = of(bench, ALICE);
    assert_eq!(left.iter().map(|b| &b.key).collect::<Vec<_>>(), ["late"]);
}

fn purge_is_bounded(bench: &mut Bench) {
    let count = i64::from(PURGE_ROWS_MAX) + 2;
    let writes: Vec<_> = (0..count)
        .map(|at| {
            Write::PutBinding(Binding {
                // The later its key, the earlier it lapses.
                expires_at_ms: count - at,
                ..binding(ALICE, &format!("{at:05}"))
            })
        })
        .collect();
    let fence = bench.fence(&writes[0]);
    bench.store.commit(&writes, fence).unwrap();
    let purge = Write::PurgeBindings { now_ms: i64::MAX };
    bench.write(purge.clone()).unwrap();
    let left = of(bench, ALICE);
    assert_eq!(
        left.iter().map(|b| b.expires_at_ms).collect::<Vec<_>>(),
        [count, count - 1]
    );
    bench.write(purge).unwrap();
    assert_eq!(of(bench, ALICE), []);
}

fn put(bench: &mut Bench, binding: &Binding) {
    bench.write(Write::PutBinding(binding.clone())).unwrap();
}

fn of(bench: &Bench, aor: &str) -> Vec<Binding> {
    let page = bench.reader.bindings(aor, &Cursor::START, 100).unwrap();
    assert_eq!(page.next, None);
    page.rows
}
