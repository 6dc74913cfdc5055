//! Word for senders of what became of their messages.

use store::{Cursor, Delivery, PURGE_ROWS_MAX, Write};

use crate::bench::all;
use crate::samples::delivery;
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("a delivery comes back as it went", comes_back),
    ("a delivery is replaced by its key", is_replaced),
    ("a delivery is removed by its key", is_removed),
    (
        "deliveries are listed by message and recipient, in pages",
        are_listed,
    ),
    ("old deliveries are purged, others are not", old_are_purged),
    (
        "one purge is bounded, and starts with the oldest",
        purge_is_bounded,
    ),
];

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "wv:carol@localhost";

fn comes_back(bench: &mut Bench) {
    let bare = Delivery {
        code: u16::MAX,
        at_ms: i64::MIN,
        extra: Vec::new(),
        ..delivery(CAROL, "m1", BOB)
    };
    for delivery in [delivery(ALICE, "m1", BOB), bare] {
        put(bench, &delivery);
        assert_eq!(to(bench, &delivery.to, 10), [delivery]);
    }
    assert_eq!(to(bench, BOB, 10), []);
}

fn is_replaced(bench: &mut Bench) {
    put(bench, &delivery(ALICE, "m1", BOB));
    let newer = Delivery {
        code: 0,
        at_ms: 7,
        extra: Vec::new(),
        ..delivery(ALICE, "m1", BOB)
    };
    put(bench, &newer);
    assert_eq!(to(bench, ALICE, 10), [newer]);
    assert_eq!(bench.reader.count_deliveries(ALICE), Ok(1));
}

fn is_removed(bench: &mut Bench) {
    let others = [
        delivery(ALICE, "m1", CAROL),
        delivery(ALICE, "m2", BOB),
        delivery(CAROL, "m1", BOB),
    ];
    put(bench, &delivery(ALICE, "m1", BOB));
    for other in &others {
        put(bench, other);
    }
    // What is gone may be removed again.
    for _ in 0..2 {
        bench
            .write(Write::RemoveDelivery {
                to: ALICE.to_owned(),
                message: "m1".to_owned(),
                recipient: BOB.to_owned(),
            })
            .unwrap();
        assert_eq!(to(bench, ALICE, 10), others[..2]);
        assert_eq!(to(bench, CAROL, 10), others[2..]);
    }
}

fn are_listed(bench: &mut Bench) {
    let mut expected = Vec::new();
    for message in ["m1", "m10", "m2", "é"] {
        for recipient in [BOB, "sip:bob@localhost2", CAROL] {
            expected.push(delivery(ALICE, message, recipient));
        }
    }
    for delivery in expected.iter().rev() {
        put(bench, delivery);
    }
    // The first two run on into each other but for the end of the address.
    for other in ["sip:alice@localhos", "sip:alice@localhost2", BOB] {
        put(bench, &delivery(other, "m1", BOB));
    }
    for limit in [0, 1, 2, 3, 11, 12, 13, u32::MAX] {
        assert_eq!(to(bench, ALICE, limit), expected, "limit {limit}");
    }
    assert_eq!(bench.reader.count_deliveries(ALICE), Ok(12));
    assert_eq!(bench.reader.count_deliveries(BOB), Ok(1));
    assert_eq!(bench.reader.count_deliveries(CAROL), Ok(0));
    // A row that goes while someone reads takes no other with it.
    let page = bench.reader.deliveries(ALICE, &Cursor::START, 2).unwrap();
    bench
        .write(Write::RemoveDelivery {
            to: ALICE.to_owned(),
            message: expected[1].message.clone(),
            recipient: expected[1].recipient.clone(),
        })
        .unwrap();
    let after = page.next.unwrap();
    let rest = bench.reader.deliveries(ALICE, &after, 100).unwrap();
    assert_eq!(rest.rows, expected[2..]);
}

fn old_are_purged(bench: &mut Bench) {
    for (message, at_ms) in [("old", 99), ("now", 100), ("new", 101)] {
        for sender in [ALICE, CAROL] {
            let delivery = Delivery {
                at_ms,
                ..delivery(sender, message, BOB)
            };
            put(bench, &delivery);
        }
    }
    // Whatever partition it is fenced for, a purge reaches all.
    let before_ms = 100;
    bench.write(Write::PurgeDeliveries { before_ms }).unwrap();
    for sender in [ALICE, CAROL] {
        let left = to(bench, sender, 10);
        let left: Vec<_> = left.iter().map(|word| &word.message).collect();
        assert_eq!(left, ["new"], "{sender}");
    }
}

fn purge_is_bounded(bench: &mut Bench) {
    let count = i64::from(PURGE_ROWS_MAX) + 2;
    let writes: Vec<_> = (0..count)
        .map(|at| {
            Write::PutDelivery(Delivery {
                // The later its key, the older it is.
                at_ms: count - at,
                ..delivery(ALICE, &format!("{at:05}"), BOB)
            })
        })
        .collect();
    let fence = bench.fence(&writes[0]);
    bench.store.commit(&writes, fence).unwrap();
    let before_ms = i64::MAX;
    let purge = Write::PurgeDeliveries { before_ms };
    bench.write(purge.clone()).unwrap();
    let left = to(bench, ALICE, 10);
    let left: Vec<_> = left.iter().map(|word| word.at_ms).collect();
    assert_eq!(left, [count, count - 1]);
    bench.write(purge).unwrap();
    assert_eq!(to(bench, ALICE, 10), []);
}

fn put(bench: &mut Bench, delivery: &Delivery) {
    bench.write(Write::PutDelivery(delivery.clone())).unwrap();
}

fn to(bench: &Bench, to: &str, limit: u32) -> Vec<Delivery> {
    all(limit, |after, limit| {
        bench.reader.deliveries(to, after, limit)
    })
}
