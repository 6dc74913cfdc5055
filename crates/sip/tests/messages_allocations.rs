//! How often memory is asked for while one OPTIONS is answered: the budget is 12 times in all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../benches/options/mod.rs"]
mod options;

use std::time::Instant;

use allocation_counter::measure;
use bytes::Bytes;
use options::{answer, options, parse};
use sip::Message;
use sip::transaction::{Event, Output, Timers, Transactions};

#[test]
fn an_answered_options_stays_within_its_budget() {
    let bytes = options(1);
    let copy = bytes.clone();
    let parsing = measure(|| drop(parse(copy))).count_total;
    let mut request = parse(bytes);
    request.set_source("192.0.2.17:5060".parse().unwrap());
    let checking = measure(|| assert_eq!(request.fault(), None)).count_total;
    let answering = measure(|| drop(answer(&request))).count_total;
    let whole = one_of_a_thousand();
    println!("parse {parsing}, check {checking}, answer {answering}, all {whole} allocations");
    assert!(
        parsing <= 1 && checking == 0 && answering <= 2,
        "{parsing} {checking} {answering}"
    );
    assert!(whole <= 12, "{whole}");
}

/// What stays of a transaction that is over, until its copies can come no more: what it is
/// found by, and of its response what others do not share.
#[test]
fn a_finished_transaction_stays_within_its_budget() {
    let mut layer = Layer::new();
    let requests: Vec<_> = (0..100_000).map(options).collect();
    let copied = || requests.iter().map(|bytes| Bytes::copy_from_slice(bytes));
    let kept = measure(|| copied().for_each(|bytes| layer.answer(bytes))).bytes_current;
    let response = answer(&parse(options(1))).len();
    let each = kept / 100_000;
    println!("{each} bytes kept of a transaction whose response has {response}");
    assert!((1..=600).contains(&each), "{each}");
}

/// The whole way, from the datagram to the answer, in a layer that has been at work for a while.
fn one_of_a_thousand() -> u64 {
    let mut layer = Layer::new();
    let mut counts: Vec<u64> = (0..1000)
        .map(|branch| {
            let bytes = options(branch);
            measure(|| layer.answer(bytes)).count_total
        })
        .collect();
    // Tables grow now and then; what counts is the usual case.
    counts.sort_unstable();
    counts[500]
}

/// A transaction layer whose user answers every OPTIONS.
struct Layer {
    transactions: Transactions<u32>,
    now: Instant,
    out: Vec<Output<u32>>,
}

impl Layer {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant does")]
        let now = Instant::now();
        Self {
            transactions: Transactions::new(Timers::default(), usize::MAX),
            now,
            out: Vec::new(),
        }
    }

    fn answer(&mut self, bytes: Bytes) {
        let mut request = parse(bytes);
        request.set_source("192.0.2.17:5060".parse().unwrap());
        let message = Message::Request(request);
        let event = self
            .transactions
            .receive(message, 7, false, self.now, &mut self.out);
        let Some(Event::Request { id, request, .. }) = event else {
            panic!("a request")
        };
        assert_eq!(request.fault(), None);
        let response = answer(&request);
        assert!(
            self.transactions
                .respond(id, 200, response, self.now, &mut self.out)
        );
        self.out.clear();
    }
}
