//! How connections end, and who is told.

use tokio::sync::oneshot;
use world::sim::Faults;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_connection_without_session_is_closed_after_half_a_minute() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    let mut early = hall.connect().await;
    let mut never = hall.connect().await;
    hall.wait(29).await;
    early.send(&send(&session.path(), "hello", "")).await;
    assert_eq!(hall.news().await, Some(News::Up { leg: ANN }));
    assert_eq!(never.got().await, Got::End);
    hall.wait(24 * 3600).await;
    assert_eq!(
        early.got().await,
        Got::Silence,
        "sessions may be silent for a day"
    );
    assert_eq!(hall.news().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_msrp_ends_the_connection() {
    let session_first =
        |path: &str, garbage: &str| [&send(path, "hello", "")[..], garbage.as_bytes()].concat();
    for garbage in [
        "GET / HTTP/1.1\r\n\r\n",
        "MSRP x SEND\r\n",
        "MSRP tid12345 SEND\r\nFrom-Path: msrp://a:1/b;tcp\r\n",
        "MSRP tid12345 SEND\r\nTo-Path: msrp://a:1/b;tcp\nFrom-Path: msrp://a:1/b;tcp\r\n",
        "\u{0}\u{0}\u{0}\u{0}",
    ] {
        let mut hall = Hall::new();
        let session = hall.open(ANN);
        let mut peer = hall.connect().await;
        peer.send(&session_first(&session.path(), garbage)).await;
        assert_eq!(hall.news().await, Some(News::Up { leg: ANN }), "{garbage}");
        let why = "the peer does not speak MSRP";
        assert_eq!(
            hall.news().await,
            Some(News::Gone { leg: ANN, why }),
            "{garbage}"
        );
        assert_eq!(peer.got().await, Got::End, "{garbage}");
        let mut stranger = hall.connect().await;
        stranger.send(garbage.as_bytes()).await;
        assert_eq!(stranger.got().await, Got::End, "{garbage}");
        assert_eq!(hall.news().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_all_sessions_of_the_connection() {
    let mut hall = Hall::new();
    let (_ann, peer) = hall.bound(ANN).await;
    let ben = hall.open(BEN);
    peer.send(&send(&ben.path(), "hello", "")).await;
    hall.news().await;
    // In the middle of a frame.
    peer.send(b"MSRP tid12345 SEND\r\nTo-Path: msrp://").await;
    assert_eq!(hall.universe.reset(HALL, HOME), 1);
    let why = "the MSRP connection was lost";
    for leg in [ANN, BEN] {
        assert_eq!(hall.news().await, Some(News::Gone { leg, why }));
    }
    // Pushing on is no error: the room will learn it.
    ben.line().push(text("into the void")).unwrap();
    // And the session is not to be had again.
    let mut again = hall.connect().await;
    again.send(&send(&ben.path(), "hello", "")).await;
    assert_eq!(again.got().await, Got::Answer(481));
    assert_eq!(hall.news().await, None, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_is_gone() {
    let mut hall = Hall::new();
    let (_session, peer) = hall.bound(ANN).await;
    drop(peer);
    let why = "the peer closed the MSRP connection";
    assert_eq!(hall.news().await, Some(News::Gone { leg: ANN, why }));
    assert_eq!(hall.universe.sockets(HOME), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_is_dropped_after_ten_seconds() {
    let mut hall = Hall::new();
    let narrow = Faults {
        window: 1000,
        ..Faults::default()
    };
    hall.universe.set_faults(narrow);
    let (session, mut slow) = hall.bound(ANN).await;
    let (other, stopped) = hall.bound(BEN).await;
    for line in [session.line(), other.line()] {
        for _ in 0..10 {
            line.push(text(&"x".repeat(1000))).unwrap();
        }
    }
    let stopped_at = hall.home.clock.now();
    // One reads a little now and then, which is enough.
    let mut seen = BytesMut::new();
    while seen.len() < 11_000 {
        hall.wait(7).await;
        slow.stream.try_read(&mut seen).unwrap();
        if let Ok(news) = hall.news.try_recv() {
            let why = "the peer does not read from the MSRP connection";
            assert_eq!(news, News::Gone { leg: BEN, why });
            let after = (hall.home.clock.now() - stopped_at).as_secs();
            assert!((10..=14).contains(&after), "{after}");
        }
    }
    assert!(hall.news.try_recv().is_err());
    slow.inbox = seen;
    assert!(matches!(slow.got().await, Got::Send(..)));
    drop(stopped);
}

#[tokio::test(start_paused = true)]
async fn closing_flushes_first() {
    let mut hall = Hall::new();
    let (session, mut peer) = hall.bound(ANN).await;
    for n in 0..500 {
        session
            .line()
            .push(text(&format!("{n} {}", "x".repeat(500))))
            .unwrap();
    }
    hall.switch.close(&session);
    assert!(session.line().push(text("too late")).is_ok());
    // What comes meanwhile is not heard, and resets nothing.
    peer.send(&send(&session.path(), "bye", "Failure-Report: no\r\n").repeat(50))
        .await;
    for n in 0..500 {
        let Got::Send(_, _, body) = peer.got().await else {
            panic!("frame {n}");
        };
        assert!(body.starts_with(&format!("{n} ")), "{n}");
    }
    assert_eq!(peer.got().await, Got::End);
    assert_eq!(hall.news().await, None);
    // The peer has five seconds to close as well.
    hall.wait(10).await;
    assert_eq!(hall.world.tasks.len(), 1, "only the listener is left");
}

#[tokio::test(start_paused = true)]
async fn who_has_left_hears_nothing_but_answers() {
    let mut hall = Hall::new();
    let (session, mut peer) = hall.bound(ANN).await;
    session.line().push(text("late")).unwrap();
    let answer = "MSRP abcd 200 OK\r\nTo-Path: msrp://10.0.0.2:9/a;tcp\r\n\
                  From-Path: msrp://10.0.0.1:2855/b;tcp\r\n-------abcd$\r\n";
    let answer = Bytes::from_static(answer.as_bytes());
    session.line().push(Outgoing::Answer(answer)).unwrap();
    Switch::dismiss(&session);
    hall.switch.close(&session);
    assert_eq!(peer.got().await, Got::Answer(200));
    assert_eq!(peer.got().await, Got::End);
    assert_eq!(hall.news().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_and_does_not_read_is_cut_off() {
    const WINDOW: usize = 3_000;
    let mut hall = Hall::new();
    hall.universe.set_faults(Faults {
        window: WINDOW,
        ..Faults::default()
    });
    let (session, peer) = hall.bound(ANN).await;
    for n in 0..50 {
        session
            .line()
            .push(text(&format!("{n} {}", "x".repeat(500))))
            .unwrap();
    }
    hall.wait(1).await;
    Switch::dismiss(&session);
    hall.switch.close(&session);
    hall.wait(1).await;
    let mut seen = BytesMut::new();
    while peer.stream.try_read(&mut seen).is_ok_and(|count| count > 0) {
        hall.wait(1).await;
    }
    assert!((1..=WINDOW).contains(&seen.len()), "{}", seen.len());
    assert_eq!(hall.news().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_never_bound_leaves_nothing() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    session.line().push(text("unheard")).unwrap();
    hall.switch.close(&session);
    let mut peer = hall.connect().await;
    peer.send(&send(&session.path(), "hello", "")).await;
    assert_eq!(peer.got().await, Got::Answer(481));
    assert_eq!((hall.switch.len(), hall.news().await), (0, None));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_connection_is_written_to_the_one_that_comes() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    session.line().push(text("early")).unwrap();
    hall.switch.retire(&session);
    let mut written = when_written(&session);
    session.line().push(text("late")).unwrap();
    assert!(session.is_over() && written.try_recv().is_err());
    let mut peer = hall.connect().await;
    peer.send(&send(&session.path(), "hello", "")).await;
    let Got::Send(_, _, body) = peer.got().await else {
        panic!("nothing was sent");
    };
    assert_eq!(body, "early");
    assert_eq!(peer.got().await, Got::End);
    assert_eq!(written.await, Ok(()));
    hall.switch.close(&session);
    assert_eq!(hall.switch.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_that_has_nothing_to_hear() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    hall.switch.retire(&session);
    assert!(!session.when_written(|| unreachable!()));
    assert_eq!(hall.switch.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_written_when_the_socket_has_taken_its_last_words() {
    let mut hall = Hall::new();
    hall.universe.set_faults(Faults {
        window: 3_000,
        ..Faults::default()
    });
    let (session, mut peer) = hall.bound(ANN).await;
    for n in 0..10 {
        let text = text(&format!("{n} {}", "x".repeat(500)));
        session.line().push(text).unwrap();
    }
    hall.switch.retire(&session);
    let mut written = when_written(&session);
    hall.wait(1).await;
    // All is gathered, and half of it is where the peer can read it.
    assert!(written.try_recv().is_err());
    for n in 0..10 {
        assert!(matches!(peer.got().await, Got::Send(..)), "frame {n}");
    }
    assert_eq!(peer.got().await, Got::End);
    assert_eq!(written.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_peer_leaves_or_never_comes_is_as_good_as_written() {
    let mut hall = Hall::new();
    for end in [Switch::dismiss, |session: &Session| {
        session.fail("nobody came")
    }] {
        let session = hall.open(ANN);
        session.line().push(text("unheard")).unwrap();
        hall.switch.retire(&session);
        let written = when_written(&session);
        end(&session);
        assert_eq!(written.await, Ok(()));
    }
    let (session, peer) = hall.bound(ANN).await;
    let written = when_written(&session);
    drop(peer);
    assert_eq!(written.await, Ok(()));
}

fn when_written(session: &Session) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    assert!(session.when_written(|| tell.send(()).unwrap()));
    told
}

/// Every way to cut the bytes, and connections that break anywhere: whatever is heard is what was
/// said, from its beginning on, and each leg is gone once.
#[tokio::test(start_paused = true)]
async fn frames_may_be_cut_anywhere() {
    for seed in 0..20 {
        let mut hall = Hall::new();
        hall.universe.set_faults(Faults {
            split: true,
            reset_per_mille: if seed % 2 == 0 { 0 } else { 20 },
            ..Faults::default()
        });
        let session = hall.open(ANN);
        let frames = send(&session.path(), &"hello".repeat(50), "").repeat(1 + seed);
        let Ok(stream) = hall.home.net.connect(None, AT_HALL).await else {
            continue;
        };
        let broke = stream.write_all(&frames).await.is_err();
        hall.wait(20).await;
        drop(stream);
        let mut body = Vec::new();
        while let Some(said) = hall.said().await {
            body.extend_from_slice(&said.piece.data);
        }
        let want = "hello".repeat(50).repeat(1 + seed);
        assert!(want.as_bytes().starts_with(&body));
        assert!(seed % 2 == 1 || (!broke && body.len() == want.len()));
        let news: Vec<_> = std::iter::from_fn(|| hall.news.try_recv().ok()).collect();
        match &news[..] {
            [] => assert!(body.is_empty()),
            [News::Up { .. }, News::Gone { .. }] => {}
            other => panic!("{seed}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_has_ended_ends_its_sessions() {
    let mut hall = Hall::new();
    let (session, mut peer) = hall.bound(ANN).await;
    let (_closed, receiver) = mpsc::channel(1);
    drop(std::mem::replace(&mut hall.said, receiver));
    peer.send(&send(&session.path(), "anybody?", "")).await;
    let why = "the room is closed";
    assert_eq!(hall.news().await, Some(News::Gone { leg: ANN, why }));
    assert_eq!(peer.got().await, Got::End);
}
