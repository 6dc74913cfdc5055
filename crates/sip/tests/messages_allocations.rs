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
use options::{answer, options, parse};
use sip::Message;
use sip::transaction::{Event, Timers, Transactions};

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

/// The whole way, from the datagram to the answer, in a layer that has been at work for a while.
fn one_of_a_thousand() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "any instant does")]
    let now = Instant::now();
    let mut layer = Transactions::new(Timers::default(), usize::MAX);
    let mut out = Vec::new();
    let mut counts: Vec<u64> = (0..1000)
        .map(|branch| {
            let bytes = options(branch);
            measure(|| {
                let mut request = parse(bytes);
                request.set_source("192.0.2.17:5060".parse().unwrap());
                let event = layer.receive(Message::Request(request), 7_u32, false, now, &mut out);
                let Some(Event::Request { id, request, .. }) = event else {
                    panic!("a request")
                };
                assert_eq!(request.fault(), None);
                assert!(layer.respond(id, 200, answer(&request), now, &mut out));
                out.clear();
            })
            .count_total
        })
        .collect();
    // Tables grow now and then; what counts is the usual case.
    counts.sort_unstable();
    counts[500]
}
