//! When things were sent, as the deliveries of a universe tell.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use world::sim::{Faults, Keep, Kind, Universe};

const HOURS: Duration = Duration::from_secs(3600);

fn at(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::from([10, 0, 0, last]), port)
}

#[tokio::test(start_paused = true)]
async fn each_delivery_knows_when_it_was_sent_and_what_came_first() {
    let universe = Universe::new(1);
    universe.keep(Keep::All);
    universe.set_faults(Faults {
        latency: HOURS,
        ..Faults::default()
    });
    let (one, other) = (universe.host(at(1, 0).ip()), universe.host(at(2, 0).ip()));
    let near = one.net.bind_udp(at(1, 5060)).unwrap();
    let _far = other.net.bind_udp(at(2, 5060)).unwrap();
    universe.clock().sleep(HOURS).await;
    near.try_send(at(2, 5060), b"first").unwrap();
    near.try_send(at(2, 5060), b"second").unwrap();
    universe.clock().sleep(HOURS * 2).await;
    assert_eq!(universe.age(), HOURS * 3);

    let deliveries = universe.deliveries();
    let [first, second] = &deliveries[..] else {
        panic!("{deliveries:?}");
    };
    assert_eq!((first.sent.at, first.at), (HOURS, HOURS * 2));
    assert_eq!(first.sent.at, second.sent.at);
    let numbers = [
        first.sent.number,
        second.sent.number,
        first.number,
        second.number,
    ];
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[tokio::test(start_paused = true)]
async fn bytes_for_an_end_that_nobody_holds_are_unheard() {
    let universe = Universe::new(1);
    let (one, other) = (universe.host(at(1, 0).ip()), universe.host(at(2, 0).ip()));
    let listener = other.net.listen(at(2, 80)).unwrap();
    let caller = one.net.connect(None, at(2, 80)).await.unwrap();
    let (called, _) = listener.accept().await.unwrap();
    drop(called);
    caller
        .try_write_vectored(&[std::io::IoSlice::new(b"hm")])
        .unwrap();
    universe.clock().sleep(HOURS).await;
    let kinds: Vec<Kind> = universe.deliveries().iter().map(|d| d.kind).collect();
    let want = [Kind::Syn, Kind::SynAck, Kind::Fin, Kind::Unheard, Kind::Rst];
    assert_eq!(kinds, want);
}
