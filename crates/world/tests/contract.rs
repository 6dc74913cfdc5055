//! What every network promises, on loopback and in simulation alike.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{
    io::{ErrorKind, IoSlice},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{BATCH_MAX, Batch, DATAGRAM_MAX, Listener, Stream, World, sim::Universe};

/// Two hosts that reach each other.
struct Ground {
    a: World,
    b: World,
    at_a: SocketAddr,
    at_b: SocketAddr,
    _universe: Option<Universe>,
}

impl Ground {
    fn os() -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        Self {
            a: World::os(),
            b: World::os(),
            at_a: loopback,
            at_b: loopback,
            _universe: None,
        }
    }

    fn sim() -> Self {
        let universe = Universe::new(1);
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        Self {
            a: universe.host(a),
            b: universe.host(b),
            at_a: SocketAddr::new(a, 0),
            at_b: SocketAddr::new(b, 0),
            _universe: Some(universe),
        }
    }

    fn listen(&self) -> (Listener, SocketAddr) {
        let listener = self.b.net.listen(self.at_b).unwrap();
        let at = listener.local_addr().unwrap();
        (listener, at)
    }

    /// A connection from `a` to `b`: both ends.
    async fn pair(&self) -> (Stream, Stream) {
        let (listener, at) = self.listen();
        let connecting = self.a.net.connect(None, at);
        let (near, far) = tokio::join!(connecting, listener.accept());
        (near.unwrap(), far.unwrap().0)
    }
}

macro_rules! on_both_grounds {
    ($($contract:ident)*) => {
        mod os {
            $(#[tokio::test]
            async fn $contract() {
                super::in_time(super::Ground::os(), super::$contract).await;
            })*
        }
        mod sim {
            $(#[tokio::test(start_paused = true)]
            async fn $contract() {
                super::in_time(super::Ground::sim(), super::$contract).await;
            })*
        }
    };
}

on_both_grounds! {
    datagrams_go_and_come_back
    datagrams_come_in_batches
    datagrams_of_every_size
    a_dead_peer_does_not_end_the_loop
    ports_are_taken_once
    connections_know_their_ends
    nobody_listens
    many_connect_before_one_is_accepted
    slices_arrive_in_order_however_they_are_written
    a_slow_reader_stalls_the_writer
    half_closed
    a_reset_reaches_the_peer
    closing_with_bytes_unread_resets
    a_read_given_up_loses_nothing
    four_megabytes_both_ways_in_one_task
    the_io_traits_work_too
    tasks_run_and_end
}

async fn in_time(ground: Ground, contract: impl AsyncFnOnce(&Ground)) {
    let clock = ground.a.clock;
    clock
        .timeout(Duration::from_secs(20), contract(&ground))
        .await
        .expect("the contract is kept in time");
}

/// Everything until the peer stops writing.
async fn read_all(stream: &Stream) -> std::io::Result<BytesMut> {
    let mut all = BytesMut::new();
    while stream.read(&mut all).await? > 0 {}
    Ok(all)
}

/// Bytes that repeat only after a long while.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u32;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

async fn datagrams_go_and_come_back(ground: &Ground) {
    let a = ground.a.net.bind_udp(ground.at_a).unwrap();
    let b = ground.b.net.bind_udp(ground.at_b).unwrap();
    let mut batch = Batch::new();

    a.try_send(b.local_addr().unwrap(), b"ping").unwrap();
    b.recv(&mut batch).await.unwrap();
    let ping = batch.drain().next().unwrap();
    assert_eq!(
        (ping.remote, &ping.bytes[..]),
        (a.local_addr().unwrap(), &b"ping"[..])
    );

    b.send(ping.remote, b"pong").await.unwrap();
    a.recv(&mut batch).await.unwrap();
    assert_eq!(batch.len(), 1);
    let pong = batch.iter().next().unwrap();
    assert_eq!(
        (pong.remote, &pong.bytes[..]),
        (b.local_addr().unwrap(), &b"pong"[..])
    );
}

async fn datagrams_come_in_batches(ground: &Ground) {
    const COUNT: usize = 3 * BATCH_MAX + 1;
    let a = ground.a.net.bind_udp(ground.at_a).unwrap();
    let b = ground.b.net.bind_udp(ground.at_b).unwrap();
    for number in 0..COUNT {
        a.send(b.local_addr().unwrap(), &[number as u8])
            .await
            .unwrap();
    }
    let (mut batch, mut batches, mut numbers) = (Batch::new(), 0, Vec::new());
    while numbers.len() < COUNT {
        b.recv(&mut batch).await.unwrap();
        assert!(!batch.is_empty() && batch.len() <= BATCH_MAX);
        batches += 1;
        numbers.extend(batch.drain().map(|datagram| usize::from(datagram.bytes[0])));
    }
    assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
    assert!(batches < COUNT / 2, "{batches} batches");
}

async fn datagrams_of_every_size(ground: &Ground) {
    let a = ground.a.net.bind_udp(ground.at_a).unwrap();
    let b = ground.b.net.bind_udp(ground.at_b).unwrap();
    let to = b.local_addr().unwrap();
    let mut batch = Batch::new();
    // 1,473 and up do not fit in one Ethernet frame.
    for size in [0, 1, 1472, 1473, 9000, DATAGRAM_MAX] {
        let sent = noise(size);
        a.send(to, &sent).await.unwrap();
        b.recv(&mut batch).await.unwrap();
        assert_eq!(batch.drain().next().unwrap().bytes, sent, "{size} bytes");
    }
    let large = noise(DATAGRAM_MAX + 1);
    assert_eq!(
        a.try_send(to, &large).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        a.send(to, &large).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

async fn a_dead_peer_does_not_end_the_loop(ground: &Ground) {
    let a = ground.a.net.bind_udp(ground.at_a).unwrap();
    let b = ground.b.net.bind_udp(ground.at_b).unwrap();
    let dead = ground
        .b
        .net
        .bind_udp(ground.at_b)
        .unwrap()
        .local_addr()
        .unwrap();
    for _ in 0..3 {
        a.send(dead, b"anybody?").await.unwrap();
    }
    b.send(a.local_addr().unwrap(), b"I am").await.unwrap();
    let mut batch = Batch::new();
    a.recv(&mut batch).await.unwrap();
    assert_eq!(&batch.drain().next().unwrap().bytes[..], b"I am");
}

async fn ports_are_taken_once(ground: &Ground) {
    let net = &ground.b.net;
    let socket = net.bind_udp(ground.at_b).unwrap();
    let taken = socket.local_addr().unwrap();
    assert_eq!(
        net.bind_udp(taken).unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
    drop(socket);
    net.bind_udp(taken).unwrap();

    let (listener, taken) = ground.listen();
    assert_eq!(net.listen(taken).unwrap_err().kind(), ErrorKind::AddrInUse);
    // A connection of the former owner does not keep the next one out.
    let (near, far) = tokio::join!(ground.a.net.connect(None, taken), listener.accept());
    drop((listener, far.unwrap()));
    net.listen(taken).unwrap();
    drop(near.unwrap());

    let elsewhere = "192.0.2.1:0".parse().unwrap();
    assert_eq!(
        net.bind_udp(elsewhere).unwrap_err().kind(),
        ErrorKind::AddrNotAvailable
    );
    assert_eq!(
        net.listen(elsewhere).unwrap_err().kind(),
        ErrorKind::AddrNotAvailable
    );
}

async fn connections_know_their_ends(ground: &Ground) {
    let (listener, at) = ground.listen();
    let connecting = ground.a.net.connect(Some(ground.at_a.ip()), at);
    let (near, far) = tokio::join!(connecting, listener.accept());
    let (near, (far, remote)) = (near.unwrap(), far.unwrap());
    assert_eq!(near.peer_addr().unwrap(), at);
    assert_eq!(far.local_addr().unwrap(), at);
    assert_eq!(near.local_addr().unwrap(), remote);
    assert_eq!(far.peer_addr().unwrap(), remote);
    assert_eq!(remote.ip(), ground.at_a.ip());

    near.write_all(b"hello").await.unwrap();
    let mut got = BytesMut::new();
    far.read(&mut got).await.unwrap();
    assert_eq!(&got[..], b"hello");
    let nothing = far.try_read(&mut got).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

async fn nobody_listens(ground: &Ground) {
    let (listener, at) = ground.listen();
    drop(listener);
    let refused = ground.a.net.connect(None, at).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

async fn many_connect_before_one_is_accepted(ground: &Ground) {
    let (listener, at) = ground.listen();
    let mut near = Vec::new();
    for _ in 0..50 {
        near.push(ground.a.net.connect(None, at).await.unwrap());
    }
    for stream in &near {
        let (_, remote) = listener.accept().await.unwrap();
        assert_eq!(remote, stream.local_addr().unwrap());
    }
}

async fn slices_arrive_in_order_however_they_are_written(ground: &Ground) {
    let (near, far) = ground.pair().await;
    let (head, body, tail) = (noise(100), noise(1 << 20), noise(7));
    let want = [&head[..], &body, &tail].concat();
    let write = async {
        let mut parts = [head, body, tail];
        while parts.iter().any(Bytes::has_remaining) {
            let slices = parts.each_ref().map(|part| IoSlice::new(part));
            let mut written = near.write_vectored(&slices).await.unwrap();
            assert!(written > 0);
            for part in &mut parts {
                let count = written.min(part.len());
                part.advance(count);
                written -= count;
            }
        }
        near.shutdown().await.unwrap();
    };
    let ((), got) = tokio::join!(write, read_all(&far));
    assert!(got.unwrap() == want);
}

async fn a_slow_reader_stalls_the_writer(ground: &Ground) {
    let (near, far) = ground.pair().await;
    let chunk = noise(64 << 10);
    let mut written = 0;
    near.writable().await.unwrap();
    let stalled = loop {
        match near.try_write_vectored(&[IoSlice::new(&chunk)]) {
            Ok(count) => written += count,
            Err(error) => break error,
        }
        assert!(written < 64 << 20, "somebody takes it all");
    };
    assert_eq!(stalled.kind(), ErrorKind::WouldBlock);
    // Reading lets the writer on.
    let read = async {
        let mut got = BytesMut::new();
        while got.len() < written {
            far.read(&mut got).await.unwrap();
        }
    };
    tokio::join!(read, async { near.write_all(b"x").await.unwrap() });
}

async fn half_closed(ground: &Ground) {
    let (near, far) = ground.pair().await;
    near.write_all(b"question").await.unwrap();
    near.shutdown().await.unwrap();
    let late = near.write_all(b"one more thing").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::BrokenPipe);

    assert_eq!(&read_all(&far).await.unwrap()[..], b"question");
    far.write_all(b"answer").await.unwrap();
    drop(far);
    assert_eq!(&read_all(&near).await.unwrap()[..], b"answer");
    // The end stays the end.
    assert_eq!(near.read(&mut BytesMut::new()).await.unwrap(), 0);
}

async fn a_reset_reaches_the_peer(ground: &Ground) {
    let (near, far) = ground.pair().await;
    far.reset();
    let error = near.read(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(near.write_all(b"still there?").await.is_err());
}

async fn closing_with_bytes_unread_resets(ground: &Ground) {
    let (near, far) = ground.pair().await;
    near.write_all(b"read this").await.unwrap();
    far.readable().await.unwrap();
    drop(far);
    let error = near.read(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

async fn a_read_given_up_loses_nothing(ground: &Ground) {
    let (near, far) = ground.pair().await;
    let clock = ground.a.clock;
    let mut got = BytesMut::new();
    let nothing = clock
        .timeout(Duration::from_millis(5), far.read(&mut got))
        .await;
    assert!(nothing.is_err());
    near.write_all(b"late").await.unwrap();
    near.shutdown().await.unwrap();
    got.unsplit(read_all(&far).await.unwrap());
    assert_eq!(&got[..], b"late");
}

/// Reads and writes one stream in one task, as a session does.
async fn exchange(stream: &Stream, mut out: Bytes) -> BytesMut {
    let (mut got, mut ended, mut closed) = (BytesMut::new(), false, false);
    while !(ended && closed) {
        if out.is_empty() && !closed {
            stream.shutdown().await.unwrap();
            closed = true;
            continue;
        }
        tokio::select! {
            biased;
            ready = stream.readable(), if !ended => {
                ready.unwrap();
                match stream.try_read(&mut got) {
                    Ok(count) => ended = count == 0,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            ready = stream.writable(), if !out.is_empty() => {
                ready.unwrap();
                match stream.try_write_vectored(&[IoSlice::new(&out)]) {
                    Ok(count) => out.advance(count),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        }
    }
    got
}

async fn four_megabytes_both_ways_in_one_task(ground: &Ground) {
    let (near, far) = ground.pair().await;
    let (one, other) = (noise(4 << 20), noise((4 << 20) + 1));
    let (to_near, to_far) =
        tokio::join!(exchange(&near, one.clone()), exchange(&far, other.clone()));
    assert!(to_far == one && to_near == other);
}

async fn the_io_traits_work_too(ground: &Ground) {
    let (mut near, mut far) = ground.pair().await;
    let sent = noise(300_000);
    let write = async {
        near.write_all_buf(&mut sent.clone()).await.unwrap();
        AsyncWriteExt::shutdown(&mut near).await.unwrap();
    };
    let mut got = Vec::new();
    let ((), count) = tokio::join!(write, far.read_to_end(&mut got));
    assert_eq!(count.unwrap(), sent.len());
    assert!(got == sent);
}

async fn tasks_run_and_end(ground: &Ground) {
    let seven = ground.a.tasks.spawn("seven", async { 7 });
    let endless = ground
        .a
        .tasks
        .spawn("endless", std::future::pending::<()>());
    assert_eq!(seven.await.unwrap(), 7);
    assert_eq!(ground.a.tasks.len(), 1);
    ground.a.tasks.abort_all();
    assert!(endless.await.unwrap_err().is_cancelled());
    assert!(ground.a.tasks.is_empty());
    let late = ground.a.tasks.spawn("late", async { 8 });
    assert!(late.await.unwrap_err().is_cancelled());
}
