//! The hot path of the switch: reading frames, and writing one chunk for many receivers.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{hint::black_box, time::Duration};

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use msrp::{
    Chunk, FailureReport, Flag, PathLines, Pending, Reader, SendHead, Tid, cpim::Cpim, respond,
};

const FRAMES: usize = 100;
const RECEIVERS: u64 = 50;

const CPIM: &str = "From: Alice <sip:alice@home.example>\r\n\
    To: <sip:aa7f3a90b1c2d3e4f5a6b7c8d9@im.home.example>\r\n\
    DateTime: 2026-11-20T22:00:00Z\r\n\
    NS: imdn <urn:ietf:params:imdn>\r\n\
    imdn.Message-ID: m-0001\r\n\
    \r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    \r\n\
    Hello, how are you today?";

/// A SEND of about 560 octets.
fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "MSRP k3v7xq2maaaab SEND\r\n\
         To-Path: msrp://192.0.2.1:2855/aa7f3a90b1c2d3e4f5a6b7c8d9;tcp\r\n\
         From-Path: msrp://192.0.2.11:9/a1b2c3d4e5f6;tcp\r\n\
         Message-ID: 8f14e45fceea167a\r\n\
         Byte-Range: 1-{0}/{0}\r\n\
         Failure-Report: yes\r\n\
         Content-Type: message/cpim\r\n\
         \r\n",
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n-------k3v7xq2maaaab$\r\n");
    out
}

fn read_all(reader: &mut Reader, mut buf: BytesMut) -> usize {
    let mut octets = 0;
    while let Some(piece) = reader.next(&mut buf).unwrap() {
        octets += piece.data.len();
    }
    octets
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    let small = frame(CPIM.as_bytes()).repeat(FRAMES);
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("100 small frames", |b| {
        let mut reader = Reader::new();
        b.iter_batched(
            || BytesMut::from(&small[..]),
            |buf| read_all(&mut reader, buf),
            BatchSize::SmallInput,
        );
    });
    let large = frame(&[b'x'; 64 * 1024]);
    group.throughput(Throughput::Bytes(large.len() as u64));
    group.bench_function("64 KiB body", |b| {
        let mut reader = Reader::new();
        b.iter_batched(
            || BytesMut::from(&large[..]),
            |buf| read_all(&mut reader, buf),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn answering(c: &mut Criterion) {
    let mut buf = BytesMut::from(&frame(CPIM.as_bytes())[..]);
    let piece = Reader::new().next(&mut buf).unwrap().unwrap();
    c.bench_function("respond 200", |b| {
        let mut out = BytesMut::with_capacity(1 << 20);
        b.iter(|| {
            out.clear();
            respond(black_box(&piece.head), 200, "OK", &mut out);
        });
    });
    c.bench_function("read CPIM", |b| {
        b.iter(|| {
            let message = Cpim::parse(black_box(&piece.data), true).unwrap().unwrap();
            (
                message.from().map(|from| from.uri().len()),
                message.to().count(),
            )
        });
    });
}

fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("fan-out");
    let head = SendHead {
        message_id: "8f14e45fceea167a",
        offset: 0,
        total: Some(CPIM.len() as u64),
        success_report: false,
        failure_report: FailureReport::Yes,
        extra: &[],
        content_type: Some("message/cpim"),
    };
    let paths = PathLines::new(
        "msrp://192.0.2.11:9/a1b2c3d4e5f6;tcp",
        "msrp://192.0.2.1:2855/s;tcp",
    );
    for (name, body) in [
        ("small to 50", Bytes::from_static(CPIM.as_bytes())),
        ("64 KiB to 50", Bytes::from(vec![b'x'; 64 * 1024])),
    ] {
        group.throughput(Throughput::Elements(RECEIVERS));
        group.bench_function(name, |b| {
            let mut out: Vec<Bytes> = Vec::with_capacity(5 * RECEIVERS as usize);
            b.iter(|| {
                out.clear();
                let chunk = Chunk::new(&head, b"", body.clone(), Flag::Complete, black_box(7));
                for _ in 0..RECEIVERS {
                    chunk.write_to(&paths, &mut out);
                }
            });
        });
    }
    group.finish();
}

fn pending(c: &mut Criterion) {
    // A fixed instant would do; only differences count.
    #[allow(clippy::disallowed_methods)]
    let now = std::time::Instant::now();
    c.bench_function("pending push and take", |b| {
        let mut pending = Pending::new();
        for n in 0..100 {
            pending.push(Tid::new(n), n, now).unwrap();
        }
        let mut next = 100;
        b.iter(|| {
            pending.push(Tid::new(next), next, now).unwrap();
            next += 1;
            pending.take(Tid::new(next - 101))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = reading, answering, fan_out, pending
}
criterion_main!(benches);
