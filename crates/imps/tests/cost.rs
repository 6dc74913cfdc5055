//! What it costs to read and to write one message, a SendMessage-Request of CSP 1.3 to a group as
//! in the bench: how often memory is asked for, and how long the processor is busy with it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::hint::black_box;

use allocation_counter::measure;
use imps::csp::{Group, MessageInfo, PollingRequest, Recipient, SendMessageRequest, Sender, User};
use imps::{DateTime, Encoding, Message, Session, Transaction, Version};

fn within(transaction: Transaction) -> Message {
    Message::new(Version::V1_3, Session::Inband("4711-0815".to_owned())).with(transaction)
}

fn send_message() -> Message {
    let info = MessageInfo {
        content_type: Some("text/plain".to_owned()),
        content_size: 40,
        recipient: Recipient {
            groups: vec![Group::Id("wv:ec-7f3a@im.example.com".to_owned())],
            ..Recipient::default()
        },
        sender: Some(Sender::User(User::new("wv:ann@im.example.com"))),
        date: DateTime::utc((2026, 1, 1), (12, 1, 2)),
        ..MessageInfo::default()
    };
    let request = SendMessageRequest {
        delivery_report: true,
        info,
        content: Some("Shall we meet at the station at seven?  ".into()),
    };
    within(Transaction::request("c-42", request))
}

/// To read: what the message holds, which is two vectors and six strings. To write: the buffer, and
/// what lets it be shared.
#[test]
fn a_message_stays_within_its_budget() {
    let send = send_message();
    let poll = within(Transaction::request("poll", PollingRequest {}));
    let rows = [("a SendMessage", send, 8, 2), ("a poll", poll, 3, 2)];
    for (what, message, most_read, most_written) in rows {
        let bytes = message.encode(Encoding::Wbxml);
        let read = measure(|| {
            black_box(Message::decode(black_box(&bytes), Encoding::Wbxml).unwrap());
        });
        let written = measure(|| {
            black_box(black_box(&message).encode(Encoding::Wbxml));
        });
        println!("{} allocations to read {what}", read.count_total);
        println!("{} allocations to write {what}", written.count_total);
        let time = busy_us(|| drop(black_box(Message::decode(&bytes, Encoding::Wbxml))));
        println!("{time:.2} us to read {what}");
        let time = busy_us(|| drop(black_box(message.encode(Encoding::Wbxml))));
        println!("{time:.2} us to write {what}");
        assert!(read.count_total <= most_read, "{what}: {read:?}");
        assert!(written.count_total <= most_written, "{what}: {written:?}");
    }
}

/// How often it is done in one go. In a debug build the time is of no interest.
const ROUNDS: u32 = if cfg!(debug_assertions) { 10 } else { 200_000 };

/// How long this thread runs for one round, in microseconds: the best of some goes, for all that
/// disturbs makes it longer. It is not asked how long it takes: others may use the processor too.
fn busy_us(mut work: impl FnMut()) -> f64 {
    let mut go = || {
        let before = run_ns();
        (0..ROUNDS).for_each(|_| work());
        (run_ns() - before) / 1e3 / f64::from(ROUNDS)
    };
    (0..5).map(|_| go()).fold(f64::INFINITY, f64::min)
}

/// How long this thread has run, in nanoseconds, as Linux counts it; 0 elsewhere.
fn run_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let run = text.split_ascii_whitespace().next();
    run.map_or(0.0, |run| run.parse().unwrap())
}
