//! What the simulated network does beyond what every network does: it repeats itself, and it can
//! be made as bad as we like.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{
    future::pending,
    io::{ErrorKind, IoSlice},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use world::{
    Batch, Datagrams, Stream, World,
    sim::{Connect, Faults, Keep, Kind, Universe},
};

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const C: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));
const PORT: u16 = 5060;
const AT_B: SocketAddr = SocketAddr::new(B, PORT);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn udp(world: &World, ip: IpAddr) -> Datagrams {
    world.net.bind_udp(SocketAddr::new(ip, PORT)).unwrap()
}

async fn pair(a: &World, b: &World) -> (Stream, Stream) {
    let listener = b.net.listen(AT_B).unwrap();
    let (near, far) = tokio::join!(a.net.connect(None, AT_B), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// All datagrams that come until the network has been quiet for a minute.
async fn receive_all(world: &World, socket: &Datagrams) -> Vec<Bytes> {
    let (mut batch, mut all) = (Batch::new(), Vec::new());
    while world
        .clock
        .timeout(secs(60), socket.recv(&mut batch))
        .await
        .is_ok()
    {
        all.extend(batch.drain().map(|datagram| datagram.bytes));
    }
    all
}

/// Numbers sent by datagram from `A` to `B`, and those that came.
async fn numbers(universe: &Universe, count: u16) -> Vec<u16> {
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    for number in 0..count {
        near.try_send(AT_B, &number.to_be_bytes()).unwrap();
    }
    let came = receive_all(&b, &far).await;
    came.iter()
        .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
        .collect()
}

/// A day on which everything happens: chance, faults, connections and datagrams.
async fn day(seed: u64) -> (String, u64) {
    let universe = Universe::new(seed);
    universe.keep(Keep::All);
    universe.set_faults(Faults {
        jitter: millis(40),
        loss_per_mille: 100,
        duplicate_per_mille: 100,
        split: true,
        ..Faults::default()
    });
    let (mut a, b) = (universe.host(A), universe.host(B));
    let echo = udp(&b, B);
    b.tasks.spawn("echo", async move {
        let mut batch = Batch::new();
        while echo.recv(&mut batch).await.is_ok() {
            for datagram in batch.drain() {
                echo.try_send(datagram.remote, &datagram.bytes).unwrap();
            }
        }
    });
    let socket = udp(&a, A);
    for _ in 0..50 {
        socket.try_send(AT_B, a.rng.token128().as_bytes()).unwrap();
        a.clock.sleep(millis(20)).await;
    }
    let (near, far) = pair(&a, &b).await;
    universe.partition(A, B);
    near.write_all(&[7; 5000]).await.unwrap();
    drop(near);
    a.clock.sleep(secs(10)).await;
    universe.heal(A, B);
    let mut got = BytesMut::new();
    while far.read(&mut got).await.unwrap() > 0 {}
    assert_eq!(got, [7; 5000][..]);
    assert_eq!(b.tasks.panicked(), 0);
    (universe.trace(), universe.digest())
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_its_day_to_the_byte() {
    let (trace, digest) = day(7).await;
    assert!(trace.lines().count() > 100, "{trace}");
    // Right after another day in one runtime, and in a runtime of its own.
    assert_eq!(day(7).await, (trace.clone(), digest));
    let elsewhere = std::thread::Builder::new().spawn(|| paused().block_on(day(7)));
    assert_eq!(elsewhere.unwrap().join().unwrap(), (trace, digest));
    assert_ne!(day(8).await.1, digest);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_hours_of_pings_pass_at_once() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    let begin = a.clock.now();
    let mut batch = Batch::new();
    for _ in 0..1000 {
        near.try_send(AT_B, b"ping").unwrap();
        far.recv(&mut batch).await.unwrap();
        a.clock.sleep(secs(3600)).await;
    }
    assert!(a.clock.now() - begin > secs(3_600_000));
}

#[tokio::test(start_paused = true)]
async fn a_good_network_keeps_datagrams_and_their_order() {
    assert_eq!(
        numbers(&Universe::new(1), 1000).await,
        (0..1000).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn datagrams_get_lost_doubled_and_overtaken_as_often_as_asked() {
    let universe = Universe::new(1);
    universe.set_faults(Faults {
        loss_per_mille: 100,
        ..Faults::default()
    });
    let came = numbers(&universe, 1000).await;
    assert!((870..930).contains(&came.len()), "{} came", came.len());
    assert!(came.is_sorted());

    universe.set_faults(Faults {
        duplicate_per_mille: 200,
        ..Faults::default()
    });
    let came = numbers(&universe, 1000).await;
    assert!((1160..1240).contains(&came.len()), "{} came", came.len());

    universe.set_faults(Faults {
        jitter: millis(50),
        ..Faults::default()
    });
    let mut came = numbers(&universe, 1000).await;
    assert!(!came.is_sorted());
    came.sort_unstable();
    assert_eq!(came, (0..1000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn latency_is_what_was_asked_in_each_direction() {
    let universe = Universe::new(1);
    let latency = |latency| {
        Some(Faults {
            latency,
            ..Faults::default()
        })
    };
    universe.set_link(A, B, latency(millis(300)));
    universe.set_link(B, A, latency(millis(50)));
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    let mut batch = Batch::new();
    let begin = a.clock.now();
    near.try_send(AT_B, b"there").unwrap();
    far.recv(&mut batch).await.unwrap();
    assert_eq!(a.clock.now() - begin, millis(300));
    far.try_send(near.local_addr().unwrap(), b"back").unwrap();
    near.recv(&mut batch).await.unwrap();
    assert_eq!(a.clock.now() - begin, millis(350));
    universe.set_link(A, B, None);
    near.try_send(AT_B, b"there").unwrap();
    far.recv(&mut batch).await.unwrap();
    assert_eq!(a.clock.now() - begin, millis(351));
}

#[tokio::test(start_paused = true)]
async fn a_full_socket_loses_what_does_not_fit() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    for _ in 0..100 {
        near.try_send(AT_B, &[0; 60_000]).unwrap();
    }
    b.clock.sleep(secs(1)).await; // nobody reads meanwhile
    assert_eq!(
        receive_all(&b, &far).await.len(),
        (1 << 20) / (60_000 + 512)
    );
    let lost = |kind| {
        universe
            .deliveries()
            .iter()
            .filter(|d| d.kind == kind)
            .count()
    };
    assert_eq!(lost(Kind::Overflow), 100 - 17);
}

#[tokio::test(start_paused = true)]
async fn a_partition_loses_datagrams_and_holds_up_connections() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    let (from, to) = pair(&a, &b).await;
    near.try_send(AT_B, b"cut on the way").unwrap();
    universe.partition(A, B);
    near.try_send(AT_B, b"cut at once").unwrap();
    from.write_all(b"held ").await.unwrap();
    let mut got = BytesMut::new();
    assert!(b.clock.timeout(secs(600), to.read(&mut got)).await.is_err());
    // Others are not concerned.
    let other = universe.host(C);
    udp(&other, C).try_send(AT_B, b"from elsewhere").unwrap();

    universe.heal(A, B);
    from.write_all(b"and sent").await.unwrap();
    from.shutdown().await.unwrap();
    while to.read(&mut got).await.unwrap() > 0 {}
    assert_eq!(&got[..], b"held and sent");
    near.try_send(AT_B, b"healed").unwrap();
    assert_eq!(receive_all(&b, &far).await, ["from elsewhere", "healed"]);
}

#[tokio::test(start_paused = true)]
async fn a_block_has_a_direction() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    universe.block(B, A);
    near.write_all(b"heard").await.unwrap();
    far.write_all(b"unheard").await.unwrap();
    let mut got = BytesMut::new();
    far.read(&mut got).await.unwrap();
    assert_eq!(&got[..], b"heard");
    assert!(
        a.clock
            .timeout(secs(60), near.read(&mut got))
            .await
            .is_err()
    );
    universe.heal_all();
    near.read(&mut got).await.unwrap();
    assert_eq!(&got[..], b"heardunheard");
}

#[tokio::test(start_paused = true)]
async fn a_sender_gives_up_and_the_other_side_never_learns() {
    let universe = Universe::new(1);
    universe.set_faults(Faults {
        give_up: Some(secs(100)),
        ..Faults::default()
    });
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    // A partition that ends in time costs nothing but time.
    universe.unplug(B);
    near.write_all(b"x").await.unwrap();
    a.clock.sleep(secs(99)).await;
    universe.plug(B);
    let mut got = BytesMut::new();
    far.read(&mut got).await.unwrap();

    universe.unplug(B);
    let begin = a.clock.now();
    near.write_all(b"y").await.unwrap();
    let error = near.read(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!((secs(100)..secs(101)).contains(&(a.clock.now() - begin)));
    universe.plug(B);
    assert!(
        b.clock
            .timeout(secs(3600), far.read(&mut got))
            .await
            .is_err()
    );
    // Until it says something to an end that is gone.
    far.write_all(b"hello?").await.unwrap();
    let error = far.read(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_crash_ends_tasks_and_frees_ports() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let listener = b.net.listen(AT_B).unwrap();
    let socket = udp(&b, B);
    let near = a.net.connect(None, AT_B).await.unwrap();
    let unaccepted = a.net.connect(None, AT_B).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let task = b.tasks.spawn("server", async move {
        let _held = (far, listener, socket);
        pending::<()>().await;
    });
    let stray = b.clone();
    tokio::task::yield_now().await;
    assert_eq!(universe.sockets(B), 4);

    universe.crash(B);
    assert_eq!(universe.sockets(B), 0);
    // The ports are free at once, even before the old task has been dropped.
    let reborn = universe.host(B);
    let listener = reborn.net.listen(AT_B).unwrap();
    let _socket = udp(&reborn, B);
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(b.tasks.is_empty());
    assert_eq!(universe.sockets(B), 2);

    for stream in [near, unaccepted] {
        let error = stream.read(&mut BytesMut::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    // What is left of the former life can do nothing.
    assert_eq!(
        stray.net.bind_udp(AT_B).unwrap_err().kind(),
        ErrorKind::ConnectionAborted
    );
    let (again, _) = tokio::join!(a.net.connect(None, AT_B), listener.accept());
    assert!(again.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_crash_wakes_those_who_wait_on_its_sockets() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (_near, far) = pair(&a, &b).await;
    let (listener, socket) = (b.net.listen(AT_B).unwrap(), udp(&b, B));
    let (mut batch, mut buffer) = (Batch::new(), BytesMut::new());
    let crash = async {
        b.clock.sleep(secs(1)).await;
        universe.crash(B);
    };
    let (received, accepted, read, ()) = tokio::join!(
        socket.recv(&mut batch),
        listener.accept(),
        far.read(&mut buffer),
        crash
    );
    let aborted = ErrorKind::ConnectionAborted;
    assert_eq!(received.unwrap_err().kind(), aborted);
    assert_eq!(accepted.unwrap_err().kind(), aborted);
    assert_eq!(read.unwrap_err().kind(), aborted);
}

#[tokio::test(start_paused = true)]
async fn the_peers_of_a_host_that_vanished_stall() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    universe.vanish(B);
    drop(far);
    let mut taken = 0;
    let stalled = loop {
        match near.try_write_vectored(&[IoSlice::new(&[0; 1000])]) {
            Ok(count) => taken += count,
            Err(error) => break error.kind(),
        }
        a.clock.sleep(millis(10)).await;
    };
    assert_eq!((taken, stalled), (64 << 10, ErrorKind::WouldBlock));
    assert!(
        a.clock
            .timeout(secs(60), near.read(&mut BytesMut::new()))
            .await
            .is_err()
    );
    // Back again, it does not know the connection.
    let _reborn = universe.host(B);
    let error = near.read(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn attempts_to_connect_fail_in_every_way() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let _listener = b.net.listen(AT_B).unwrap();
    let connect = |connect| Faults {
        connect,
        ..Faults::default()
    };

    universe.set_link(A, B, Some(connect(Connect::Refused)));
    let error = a.net.connect(None, AT_B).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

    // 1 + 2 + 4 + … + 64 seconds.
    for unheard in [AT_B, SocketAddr::new(C, PORT)] {
        universe.set_link(A, B, Some(connect(Connect::BlackHole)));
        let begin = a.clock.now();
        let error = a.net.connect(None, unheard).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!((secs(127)..secs(128)).contains(&(a.clock.now() - begin)));
    }
    // An attempt during a partition succeeds when that is over.
    universe.set_link(A, B, None);
    universe.partition(A, B);
    let heal = async {
        a.clock.sleep(secs(5)).await;
        universe.heal_all();
    };
    let begin = a.clock.now();
    let (connected, ()) = tokio::join!(a.net.connect(None, AT_B), heal);
    connected.unwrap();
    assert!((secs(7)..secs(8)).contains(&(a.clock.now() - begin)));
    // One that was given up leaves nothing behind.
    universe.partition(A, B);
    assert!(
        a.clock
            .timeout(secs(1), a.net.connect(None, AT_B))
            .await
            .is_err()
    );
    assert_eq!(universe.sockets(A), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_backlog_makes_others_try_again() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let listener = b.net.listen(AT_B).unwrap();
    let mut held = Vec::new();
    for _ in 0..128 {
        held.push(a.net.connect(None, AT_B).await.unwrap());
    }
    let begin = a.clock.now();
    let accept = async {
        a.clock.sleep(millis(500)).await;
        listener.accept().await.unwrap()
    };
    let (late, accepted) = tokio::join!(a.net.connect(None, AT_B), accept);
    assert_eq!(accepted.1, held[0].local_addr().unwrap());
    late.unwrap();
    assert!(a.clock.now() - begin >= secs(1));
    // Those whom nobody has accepted hear that nobody will.
    drop(listener);
    let error = held[1].read(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_small_window_is_a_slow_reader() {
    let universe = Universe::new(1);
    universe.set_faults(Faults {
        window: 10,
        ..Faults::default()
    });
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    let try_write = |length| {
        near.try_write_vectored(&[IoSlice::new(&[0; 100][..length])])
            .map_err(|error| error.kind())
    };
    assert_eq!(try_write(7), Ok(7));
    assert_eq!(try_write(7), Ok(3));
    assert_eq!(try_write(7), Err(ErrorKind::WouldBlock));
    far.readable().await.unwrap();
    assert_eq!(far.try_read(&mut BytesMut::new()).unwrap(), 10);
    assert_eq!(try_write(100), Ok(10));
    // A wider window wakes the writer.
    let widen = async {
        a.clock.sleep(secs(1)).await;
        universe.set_faults(Faults::default());
    };
    tokio::join!(async { near.writable().await.unwrap() }, widen);
    assert_eq!(try_write(100), Ok(100));
}

#[tokio::test(start_paused = true)]
async fn resets_hit_both_sides() {
    let universe = Universe::new(1);
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    assert_eq!(universe.reset(A, C), 0);
    assert_eq!(universe.reset(B, A), 1);
    for stream in [near, far] {
        let error = stream.read(&mut BytesMut::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let (near, far) = pair(&a, &b).await;
    universe.set_faults(Faults {
        reset_per_mille: 50,
        ..Faults::default()
    });
    let mut sent = 0;
    while near.write_all(b"a segment").await.is_ok() {
        sent += 1;
        a.clock.sleep(millis(5)).await;
        assert!(sent < 1000);
    }
    let mut got = BytesMut::new();
    let error = loop {
        if let Err(error) = far.read(&mut got).await {
            break error.kind();
        }
    };
    assert_eq!(
        (got.len(), error),
        ((sent - 1) * 9, ErrorKind::ConnectionReset)
    );
}

#[tokio::test(start_paused = true)]
async fn split_segments_show_every_cut() {
    let universe = Universe::new(1);
    universe.set_faults(Faults {
        split: true,
        jitter: millis(20),
        ..Faults::default()
    });
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = pair(&a, &b).await;
    let mut sizes = std::collections::BTreeSet::new();
    for _ in 0..500 {
        near.write_all(b"0123456789").await.unwrap();
        let mut got = BytesMut::new();
        while got.len() < 10 {
            sizes.insert(far.read(&mut got).await.unwrap());
        }
        assert_eq!(&got[..], b"0123456789");
    }
    assert_eq!(sizes, (1..=10).collect());
}

#[tokio::test(start_paused = true)]
async fn observers_see_what_the_trace_keeps() {
    let universe = Universe::new(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (see, inside) = (Arc::clone(&seen), universe.clone());
    universe.observe(move |delivery| {
        assert_eq!(inside.deliveries().last().map(|d| d.at), Some(delivery.at));
        see.lock().unwrap().push(delivery.clone());
    });
    let (a, b) = (universe.host(A), universe.host(B));
    let (near, far) = (udp(&a, A), udp(&b, B));
    near.try_send(AT_B, b"one").unwrap();
    receive_all(&b, &far).await;
    let (from, to) = pair(&a, &b).await;
    from.write_all(b"two").await.unwrap();
    drop(from);
    to.readable().await.unwrap();
    a.clock.sleep(secs(1)).await;
    assert_eq!(*seen.lock().unwrap(), universe.deliveries());
    assert_eq!(
        universe.trace(),
        "0.001000000 datagram 10.0.0.1:5060 > 10.0.0.2:5060 3 one\n\
         60.002000000 syn 10.0.0.1:32768 > 10.0.0.2:5060 0 \n\
         60.003000000 syn-ack 10.0.0.2:5060 > 10.0.0.1:32768 0 \n\
         60.004000000 data 10.0.0.1:32768 > 10.0.0.2:5060 3 two\n\
         60.004000000 fin 10.0.0.1:32768 > 10.0.0.2:5060 0 \n"
    );
}

#[tokio::test(start_paused = true)]
async fn worlds_have_chance_of_their_own_and_share_names() {
    let universe = Universe::new(1);
    let tokens = |worlds: [World; 3]| worlds.map(|mut world| world.rng.token128());
    let [first, again, other] = tokens([universe.host(A), universe.host(A), universe.host(B)]);
    assert!(first != again && first != other && again != other);
    // Another order changes nothing.
    let universe = Universe::new(1);
    let worlds = tokens([universe.host(B), universe.host(A), universe.host(A)]);
    assert_eq!(worlds, [other, first, again]);

    universe.names().add_host("im.example.com", B);
    let found = universe
        .host(C)
        .dns
        .lookup_host("im.example.com", PORT)
        .await;
    assert_eq!(found.unwrap(), [AT_B]);
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}
