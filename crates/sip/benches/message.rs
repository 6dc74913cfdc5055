//! What one OPTIONS costs: taking it apart, writing its answer, and the whole way through the
//! transaction layer.

#![allow(clippy::unwrap_used, clippy::panic)]
// A bench lives in real time.
#![allow(clippy::disallowed_methods)]

mod options;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use options::{answer, options, parse};
use sip::Message;
use sip::transaction::{Event, Timers, Transactions};

fn message(c: &mut Criterion) {
    let bytes = options(1);
    c.bench_function("parse", |b| {
        b.iter(|| Message::parse(black_box(bytes.clone())));
    });
    let mut request = parse(bytes);
    request.set_source("192.0.2.17:5060".parse().unwrap());
    c.bench_function("check", |b| b.iter(|| black_box(&request).fault()));
    c.bench_function("answer", |b| b.iter(|| answer(black_box(&request))));
}

fn transaction(c: &mut Criterion) {
    // A hundred requests a second: some 3,200 finished transactions wait for repetitions.
    const PACE: Duration = Duration::from_millis(10);
    let mut now = Instant::now();
    let mut branch = 0;
    let mut layer = Transactions::new(Timers::default(), usize::MAX);
    let (mut out, mut events) = (Vec::new(), Vec::new());
    c.bench_function("receive and respond", |b| {
        b.iter_batched(
            || {
                branch += 1;
                options(branch)
            },
            |bytes| {
                now += PACE;
                layer.handle_timeout(now, &mut out, &mut events);
                let mut request = parse(bytes);
                request.set_source("192.0.2.17:5060".parse().unwrap());
                let event = layer.receive(Message::Request(request), 7_u32, false, now, &mut out);
                let Some(Event::Request { id, request, .. }) = event else {
                    panic!("a request")
                };
                assert_eq!(request.fault(), None);
                layer.respond(id, 200, answer(&request), now, &mut out);
                out.clear();
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, message, transaction);
criterion_main!(benches);
