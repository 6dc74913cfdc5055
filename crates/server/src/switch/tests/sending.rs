//! What becomes of requests of ours.

use msrp::{PENDING_MAX, RESPONSE_TIMEOUT};

use super::*;

#[tokio::test(start_paused = true)]
async fn answers_of_peers() {
    let unknown = "the peer does not know the MSRP session";
    let elsewhere = "the peer has the MSRP session on another connection";
    let timed_out = "the MSRP request timed out on its way to the peer";
    for (code, gone, counted) in [
        (200, None, 0),
        (299, None, 0),
        (413, None, 0),
        (400, None, 1),
        (415, None, 1),
        (481, Some(unknown), 0),
        (506, Some(elsewhere), 0),
        (408, Some(timed_out), 0),
    ] {
        let mut hall = Hall::new();
        let (session, mut peer) = hall.bound(ANN).await;
        for _ in 0..2 {
            session
                .line()
                .push(chunk("hello", 1, FailureReport::Yes))
                .unwrap();
        }
        let Got::Send(_, tid, _) = peer.got().await else {
            panic!("a SEND");
        };
        peer.answer(&tid, code).await;
        peer.answer("unknown1", 481).await;
        let news = gone.map(|why| News::Gone { leg: ANN, why });
        assert_eq!(hall.news().await, news, "{code}");
        assert_eq!(hall.switch.refused_by_peers(), counted, "{code}");
    }
}

/// RFC 4975 section 10.5.
#[tokio::test(start_paused = true)]
async fn after_413_no_more_of_that_message_is_sent() {
    let mut hall = Hall::new();
    let (session, mut peer) = hall.bound(ANN).await;
    session
        .line()
        .push(chunk("one", 7, FailureReport::Yes))
        .unwrap();
    let Got::Send(_, tid, _) = peer.got().await else {
        panic!("a SEND");
    };
    peer.answer(&tid, 413).await;
    hall.wait(1).await;
    for (body, message) in [("two", 7), ("other", 8), ("three", 7), ("none", NO_MESSAGE)] {
        session
            .line()
            .push(chunk(body, message, FailureReport::No))
            .unwrap();
    }
    for want in ["other", "none"] {
        assert!(matches!(peer.got().await, Got::Send(_, _, body) if body == want));
    }
    assert_eq!(peer.got().await, Got::Silence);
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_and_the_leg_is_gone() {
    for (report, gone) in [(FailureReport::Yes, true), (FailureReport::No, false)] {
        let mut hall = Hall::new();
        let (session, mut peer) = hall.bound(ANN).await;
        session.line().push(chunk("hello", 1, report)).unwrap();
        assert!(matches!(peer.got().await, Got::Send(..)));
        hall.wait(RESPONSE_TIMEOUT.as_secs() - 2).await;
        assert!(hall.news.try_recv().is_err());
        hall.wait(2).await;
        let why = "the peer did not answer an MSRP request in time";
        let want = gone.then_some(News::Gone { leg: ANN, why });
        assert_eq!(hall.news.try_recv().ok(), want);
    }
}

#[tokio::test(start_paused = true)]
async fn unanswered_requests_hold_up_the_next() {
    let mut hall = Hall::new();
    let (session, mut peer) = hall.bound(ANN).await;
    for _ in 0..PENDING_MAX + 100 {
        session
            .line()
            .push(chunk("hello", 1, FailureReport::Yes))
            .unwrap();
    }
    let mut tids = Vec::new();
    for _ in 0..PENDING_MAX {
        let Got::Send(_, tid, _) = peer.got().await else {
            panic!("a SEND");
        };
        tids.push(tid);
    }
    assert_eq!(peer.got().await, Got::Silence);
    for tid in tids {
        peer.answer(&tid, 200).await;
    }
    for _ in 0..100 {
        assert!(matches!(peer.got().await, Got::Send(..)));
    }
    assert_eq!(peer.got().await, Got::Silence);
    assert_eq!(hall.news().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_line_is_bounded_in_frames_and_octets() {
    let line = Line::new(ANN);
    let count = (0..).take_while(|_| line.push(text("x")).is_ok()).count();
    assert_eq!(count, line::LINE_MAX);
    let line = Line::new(ANN);
    let big = text(&"x".repeat(1 << 20));
    let count = (0..).take_while(|_| line.push(big.clone()).is_ok()).count();
    assert_eq!(count, 7, "eight with their heads are too many");
}

/// While the room has no time to listen, the connection goes on writing what the room has said.
#[tokio::test(start_paused = true)]
async fn a_busy_room_does_not_stop_the_writing() {
    let mut hall = Hall::with_mailbox(1);
    let (session, mut peer) = hall.bound(ANN).await;
    peer.send(&send(&session.path(), "hello", "").repeat(20))
        .await;
    hall.wait(1).await;
    for n in 0..100 {
        session.line().push(text(&format!("{n}"))).unwrap();
        assert!(matches!(peer.got().await, Got::Send(..)), "{n}");
    }
    for _ in 0..20 {
        assert_eq!(hall.said().await.unwrap().piece.data, "hello");
    }
    // And to notice that the peer has gone is not stopped for long either.
    drop(peer);
    assert!(matches!(
        hall.news().await,
        Some(News::Gone { leg: ANN, .. })
    ));
}
