//! Messages that wait.

use store::{CommitError, Cursor, Message, PURGE_ROWS_MAX, Write};

use crate::bench::all;
use crate::samples::{delivery, message};
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("a message comes back as it went", comes_back),
    ("a message is kept once for each recipient", is_kept_once),
    ("a queue is bounded", queue_is_bounded),
    ("a message is removed by its key", is_removed),
    (
        "messages wait in the order in which they came",
        wait_in_order,
    ),
    (
        "a page goes on where it ended, whatever went in between",
        pages_go_on,
    ),
    ("a message that goes leaves word, in one unit", leaves_word),
    (
        "expired messages are told and purged, others are not",
        expired_are_purged,
    ),
    (
        "one purge is bounded, and starts with the oldest",
        purge_is_bounded,
    ),
];

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "wv:carol@localhost";

fn comes_back(bench: &mut Bench) {
    let bare = Message {
        display: None,
        subject: None,
        content: Vec::new(),
        extra: Vec::new(),
        sent_at_ms: i64::MIN,
        expires_at_ms: None,
        report: false,
        ..message(CAROL, "m1")
    };
    for message in [message(BOB, "m1"), bare] {
        add(bench, &message);
        let found = bench.reader.message(&message.to, "m1");
        assert_eq!(found, Ok(Some(message.clone())));
        assert_eq!(waiting(bench, &message.to, 10), [message]);
    }
    assert_eq!(bench.reader.message(BOB, "m2"), Ok(None));
    assert_eq!(bench.reader.message("sip:bob@localhost2", "m1"), Ok(None));
}

fn is_kept_once(bench: &mut Bench) {
    add(bench, &message(BOB, "m1"));
    add(bench, &message(CAROL, "m1"));
    let other = Message {
        subject: None,
        ..message(BOB, "m1")
    };
    // That it is kept is told before that the queue is full.
    for limit in [10, 1] {
        let write = Write::AddMessage {
            message: other.clone(),
            limit,
        };
        assert_eq!(
            bench.write(write),
            Err(CommitError::MessageExists {
                to: BOB.to_owned(),
                id: "m1".to_owned()
            })
        );
    }
    assert_eq!(waiting(bench, BOB, 10), [message(BOB, "m1")]);
}

fn queue_is_bounded(bench: &mut Bench) {
    add(bench, &message(CAROL, "m1"));
    // (the most that may wait, how many do, whether one more is kept)
    for (limit, before, good) in [
        (0, 0, false),
        (1, 0, true),
        (1, 1, false),
        (2, 1, true),
        (1, 2, false),
        (u32::MAX, 2, true),
    ] {
        assert_eq!(bench.reader.count_messages(BOB), Ok(before));
        let outcome = bench.write(Write::AddMessage {
            message: message(BOB, &format!("m{before}-{limit}")),
            limit,
        });
        let to = BOB.to_owned();
        let full = Err(CommitError::QueueFull { to, limit });
        assert_eq!(outcome, if good { Ok(()) } else { full });
    }
    // It has room again when one goes.
    bench.write(remove(BOB, "m0-1")).unwrap();
    let message = message(BOB, "m3");
    let limit = 3;
    bench.write(Write::AddMessage { message, limit }).unwrap();
}

fn is_removed(bench: &mut Bench) {
    for id in ["m1", "m2"] {
        add(bench, &message(BOB, id));
        add(bench, &message(CAROL, id));
    }
    // What is gone may be removed again.
    for _ in 0..2 {
        bench.write(remove(BOB, "m1")).unwrap();
        assert_eq!(bench.reader.message(BOB, "m1"), Ok(None));
        assert_eq!(waiting(bench, BOB, 10), [message(BOB, "m2")]);
    }
    assert_eq!(bench.reader.count_messages(CAROL), Ok(2));
}

fn wait_in_order(bench: &mut Bench) {
    // Neither by id nor by time, and with others in between.
    let ids = ["c", "a", "é", "b"];
    let expected: Vec<_> = (ids.iter().zip([5, 9, 1, 7]))
        .map(|(id, sent_at_ms)| Message {
            sent_at_ms,
            ..message(BOB, id)
        })
        .collect();
    for message in &expected {
        add(bench, message);
        for other in ["sip:bob@localhos", "sip:bob@localhost2", CAROL] {
            let to = other.to_owned();
            add(
                bench,
                &Message {
                    to,
                    ..message.clone()
                },
            );
        }
    }
    for limit in [0, 1, 3, 4, 5, u32::MAX] {
        assert_eq!(waiting(bench, BOB, limit), expected, "limit {limit}");
    }
    assert_eq!(bench.reader.count_messages(BOB), Ok(4));
    assert_eq!(bench.reader.count_messages(ALICE), Ok(0));
}

fn pages_go_on(bench: &mut Bench) {
    for id in ["m1", "m2", "m3"] {
        add(bench, &message(BOB, id));
    }
    let page = bench.reader.messages(BOB, &Cursor::START, 2).unwrap();
    assert_eq!(page.rows, ["m1", "m2"].map(|id| message(BOB, id)));
    // All go, even the last; what comes then comes behind it.
    for id in ["m1", "m2", "m3"] {
        bench.write(remove(BOB, id)).unwrap();
    }
    for id in ["m4", "m2"] {
        add(bench, &message(BOB, id));
    }
    let rest = bench.reader.messages(BOB, &page.next.unwrap(), 10).unwrap();
    assert_eq!(rest.rows, ["m4", "m2"].map(|id| message(BOB, id)));
    assert_eq!(rest.next, None);
}

fn leaves_word(bench: &mut Bench) {
    add(bench, &message(BOB, "m1"));
    let word = delivery(ALICE, "m1", BOB);
    // Alice is of another partition than Bob, under whose fence this is.
    let writes = vec![remove(BOB, "m1"), Write::PutDelivery(word.clone())];
    let unit = bench.unit(writes.clone());
    assert_ne!(bench.fence(&removal_of(&word)), unit.fence);
    // It is one step: where the unit fails, the message stays and there is no word.
    let message = message(BOB, "m2");
    let refused = Write::AddMessage { message, limit: 0 };
    let failing = bench.unit([&writes[..], &[refused]].concat());
    assert!(matches!(
        bench.store.commit(&failing.writes, failing.fence),
        Err(CommitError::QueueFull { .. })
    ));
    assert_eq!(bench.reader.count_messages(BOB), Ok(1));
    assert_eq!(bench.reader.count_deliveries(ALICE), Ok(0));
    assert_eq!(bench.store.commit_all(&[unit]), [Ok(())]);
    assert_eq!(bench.reader.count_messages(BOB), Ok(0));
    let page = bench.reader.deliveries(ALICE, &Cursor::START, 10).unwrap();
    assert_eq!(page.rows, [word]);
}

fn expired_are_purged(bench: &mut Bench) {
    for (to, id, expires_at_ms) in [
        (BOB, "now", Some(100)),
        (CAROL, "late", Some(101)),
        (CAROL, "also now", Some(100)),
        (BOB, "early", Some(-99)),
        (BOB, "never", None),
    ] {
        let message = Message {
            expires_at_ms,
            ..message(to, id)
        };
        add(bench, &message);
    }
    let expired = |bench: &Bench, now_ms, limit| -> Vec<String> {
        let messages = bench.reader.expired_messages(now_ms, limit).unwrap();
        messages.into_iter().map(|message| message.id).collect()
    };
    // By expiry, then as they came.
    assert_eq!(expired(bench, 100, 10), ["early", "now", "also now"]);
    assert_eq!(expired(bench, 100, 2), ["early", "now"]);
    assert_eq!(expired(bench, 100, 0), ["early"]);
    assert_eq!(expired(bench, -100, 10), [""; 0]);
    // Until the purge they wait like others.
    assert_eq!(bench.reader.count_messages(BOB), Ok(3));
    // Whatever partition it is fenced for, a purge reaches all.
    bench.write(Write::PurgeMessages { now_ms: 100 }).unwrap();
    assert_eq!(expired(bench, i64::MAX, 10), ["late"]);
    assert_eq!(waiting(bench, BOB, 10).len(), 1);
    assert_eq!(waiting(bench, CAROL, 10).len(), 1);
    bench
        .write(Write::PurgeMessages { now_ms: i64::MAX })
        .unwrap();
    assert_eq!(bench.reader.count_messages(CAROL), Ok(0));
    assert_eq!(bench.reader.count_messages(BOB), Ok(1));
}

fn purge_is_bounded(bench: &mut Bench) {
    let count = i64::from(PURGE_ROWS_MAX) + 2;
    let writes: Vec<_> = (0..count)
        .map(|at| Write::AddMessage {
            message: Message {
                // The later it comes, the earlier it expires.
                expires_at_ms: Some(count - at),
                ..message(BOB, &format!("m{at}"))
            },
            limit: u32::MAX,
        })
        .collect();
    let fence = bench.fence(&writes[0]);
    bench.store.commit(&writes, fence).unwrap();
    let purge = Write::PurgeMessages { now_ms: i64::MAX };
    let told = bench.reader.expired_messages(i64::MAX, u32::MAX).unwrap();
    assert_eq!(told.len(), PURGE_ROWS_MAX as usize);
    bench.write(purge.clone()).unwrap();
    let left: Vec<_> = waiting(bench, BOB, 10)
        .iter()
        .map(|message| message.expires_at_ms)
        .collect();
    assert_eq!(left, [Some(count), Some(count - 1)]);
    bench.write(purge).unwrap();
    assert_eq!(bench.reader.count_messages(BOB), Ok(0));
}

fn add(bench: &mut Bench, message: &Message) {
    let message = message.clone();
    let limit = 100;
    bench.write(Write::AddMessage { message, limit }).unwrap();
}

fn remove(to: &str, id: &str) -> Write {
    Write::RemoveMessage {
        to: to.to_owned(),
        id: id.to_owned(),
    }
}

fn removal_of(word: &store::Delivery) -> Write {
    Write::RemoveDelivery {
        to: word.to.clone(),
        message: word.message.clone(),
        recipient: word.recipient.clone(),
    }
}

fn waiting(bench: &Bench, to: &str, limit: u32) -> Vec<Message> {
    all(limit, |after, limit| {
        bench.reader.messages(to, after, limit)
    })
}
