//! How sessions find their connections.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_request_binds_and_what_waits_is_written() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    assert!(session.path().starts_with("msrp://10.0.0.1:2855/"));
    assert!(session.path().ends_with(";tcp"));
    assert!(session.id.len() * 5 >= 128);
    session.line().push(text("early")).unwrap();
    let mut peer = hall.connect().await;
    assert_eq!(hall.news().await, None, "nothing was said yet");
    peer.send(&send(&session.path(), "hello", "")).await;
    assert_eq!(hall.news().await, Some(News::Up { leg: ANN }));
    let said = hall.said().await.unwrap();
    assert_eq!((said.leg, &said.piece.data[..]), (ANN, &b"hello"[..]));
    let Got::Send(path, _, body) = peer.got().await else {
        panic!("a SEND");
    };
    assert_eq!((&*path, &*body), ("msrp://home.example:9/1;tcp", "early"));
    // It is answered by the room alone.
    let answer = Bytes::from_static(
        b"MSRP abcd 200 OK\r\nTo-Path: msrp://a:1/b;tcp\r\nFrom-Path: msrp://a:1/b;tcp\r\n-------abcd$\r\n",
    );
    session.line().push(Outgoing::Answer(answer)).unwrap();
    assert_eq!(peer.got().await, Got::Answer(200));
    assert_eq!(hall.switch.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_the_way_and_answers_do_not() {
    let mut hall = Hall::new();
    let session = hall.switch.open(ANN, hall.door.clone(), &mut hall.rng);
    let mut peer = hall.connect().await;
    peer.send(&send(&session.path(), "hello", "")).await;
    hall.news().await;
    let answer = Bytes::from_static(
        b"MSRP abcd 200 OK\r\nTo-Path: msrp://a:1/b;tcp\r\nFrom-Path: msrp://a:1/b;tcp\r\n-------abcd$\r\n",
    );
    session.line().push(Outgoing::Answer(answer)).unwrap();
    session.line().push(text("wait")).unwrap();
    assert_eq!(peer.got().await, Got::Answer(200));
    assert_eq!(peer.got().await, Got::Silence);
    session.peer("msrp://relay.example:1/r;tcp msrp://home.example:9/p;tcp");
    let Got::Send(path, _, _) = peer.got().await else {
        panic!("a SEND");
    };
    assert_eq!(
        path,
        "msrp://relay.example:1/r;tcp msrp://home.example:9/p;tcp"
    );
    // A later offer may change it.
    session.peer("msrp://new.example:9/p;tcp");
    session.line().push(text("again")).unwrap();
    assert!(
        matches!(peer.got().await, Got::Send(path, ..) if path == "msrp://new.example:9/p;tcp")
    );
}

/// What the switch answers by itself. (method, To-Path made from the right one, headers, answer)
type Row = (&'static str, fn(&str) -> String, &'static str, Got);

#[tokio::test(start_paused = true)]
async fn what_is_not_for_a_room_is_answered_here() {
    let same = |path: &str| path.to_owned();
    let other = |_: &str| "msrp://10.0.0.1:2855/nosuchsession;tcp".to_owned();
    let none = |_: &str| "msrp://10.0.0.1:2855;tcp".to_owned();
    let upper = |path: &str| {
        path.to_uppercase()
            .replace("MSRP://", "msrp://")
            .replace("TCP", "tcp")
    };
    let relayed = |path: &str| format!("{path} msrp://next.example:9/n;tcp");
    let second = |path: &str| format!("msrp://first.example:9/n;tcp {path}");
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("SEND", other, "", Got::Answer(481)),
        ("SEND", none, "", Got::Answer(481)),
        ("SEND", upper, "", Got::Answer(481)),
        ("SEND", relayed, "", Got::Answer(481)),
        ("SEND", second, "", Got::Answer(481)),
        ("SEND", |_| "Hello".to_owned(), "", Got::Answer(400)),
        ("SEND", other, "Failure-Report: partial\r\n", Got::Answer(481)),
        ("SEND", other, "Failure-Report: no\r\n", Got::Silence),
        ("AUTH", same, "", Got::Answer(501)),
        ("NICKNAME", other, "", Got::Answer(481)),
        ("DANCE", same, "", Got::Answer(501)),
        ("DANCE", other, "", Got::Answer(481)),
        ("REPORT", same, "", Got::Silence),
        ("REPORT", other, "", Got::Silence),
    ];
    for (method, path, headers, want) in table {
        let mut hall = Hall::new();
        let session = hall.open(ANN);
        let mut peer = hall.connect().await;
        let path = path(&session.path());
        peer.send(&request(method, &path, "hello", headers)).await;
        assert_eq!(peer.got().await, *want, "{method} {path} {headers}");
        assert!(hall.said.try_recv().is_err(), "{method} {path}");
        // The connection is as good as before.
        peer.send(&send(&session.path(), "hello", "")).await;
        assert_eq!(
            hall.said().await.unwrap().piece.data,
            "hello",
            "{method} {path}"
        );
    }
}

/// RFC 6714: border controllers change the address in a path, never the session id.
#[tokio::test(start_paused = true)]
async fn a_session_is_known_by_its_id() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    let peer = hall.connect().await;
    let path = format!("msrp://sbc.example:4000/{};tcp", session.id);
    peer.send(&send(&path, "hello", "")).await;
    assert_eq!(hall.news().await, Some(News::Up { leg: ANN }));
    assert_eq!(hall.said().await.unwrap().leg, ANN);
}

#[tokio::test(start_paused = true)]
async fn the_first_connection_keeps_the_session() {
    let mut hall = Hall::new();
    let (session, mut first) = hall.bound(ANN).await;
    let mut second = hall.connect().await;
    second.send(&send(&session.path(), "mine", "")).await;
    assert_eq!(second.got().await, Got::Answer(506));
    first.send(&send(&session.path(), "still mine", "")).await;
    assert_eq!(hall.said().await.unwrap().piece.data, "still mine");
    session.line().push(text("for the first")).unwrap();
    assert!(matches!(first.got().await, Got::Send(..)));
    assert_eq!(second.got().await, Got::Silence);
    assert_eq!(hall.news().await, None);
}

#[tokio::test(start_paused = true)]
async fn two_sessions_share_a_connection() {
    let mut hall = Hall::new();
    let (ann, mut peer) = hall.bound(ANN).await;
    let ben = hall.open(BEN);
    peer.send(&send(&ben.path(), "hello", "")).await;
    assert_eq!(hall.news().await, Some(News::Up { leg: BEN }));
    assert_eq!(hall.said().await.unwrap().leg, BEN);
    // Frames in turn reach the right room.
    for (session, leg) in [(&ann, ANN), (&ben, BEN), (&ann, ANN)] {
        peer.send(&send(&session.path(), "turn", "")).await;
        assert_eq!(hall.said().await.unwrap().leg, leg);
    }
    // One chunk for both, long and short: each copy has a transaction id of its own.
    for body in ["short".to_owned(), "long".repeat(5000)] {
        let shared = chunk(&body, 5, FailureReport::Yes);
        for session in [&ann, &ben] {
            session.line().push(shared.clone()).unwrap();
        }
        let mut tids = Vec::new();
        for leg in ["1", "2"] {
            let Got::Send(path, tid, got) = peer.got().await else {
                panic!("a SEND");
            };
            assert_eq!(path, format!("msrp://home.example:9/{leg};tcp"));
            assert_eq!(got, body);
            assert!(Tid::parse(&tid).is_some());
            tids.push(tid);
        }
        assert_ne!(tids[0], tids[1]);
        peer.answer(&tids[1], 200).await;
        peer.answer(&tids[0], 200).await;
    }
    // One ends, the other goes on.
    hall.switch.close(&ann);
    ben.line().push(text("alone")).unwrap();
    assert!(matches!(peer.got().await, Got::Send(_, _, body) if body == "alone"));
    peer.send(&send(&ann.path(), "hello", "")).await;
    assert_eq!(peer.got().await, Got::Answer(481));
    hall.switch.close(&ben);
    assert_eq!(peer.got().await, Got::End);
    assert_eq!(hall.news().await, None, "whoever closes is not told");
    assert_eq!(hall.switch.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn we_connect_where_that_is_allowed() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    let stranger = "10.0.0.3:9".parse().unwrap();
    assert_eq!(hall.switch.connect(&session, stranger), Err(NotAllowed));
    let at_home = SocketAddr::new(HOME, 9);
    let listener = hall.home.net.listen(at_home).unwrap();
    session.line().push(text("welcome")).unwrap();
    assert_eq!(hall.switch.connect(&session, at_home), Ok(()));
    let mut peer = Peer::new(listener.accept().await.unwrap().0, &hall.home);
    // RFC 4975 5.4: a SEND at once, without body.
    let Got::Send(path, tid, body) = peer.got().await else {
        panic!("a SEND");
    };
    assert_eq!((&*path, &*body), ("msrp://home.example:9/1;tcp", ""));
    peer.answer(&tid, 200).await;
    assert_eq!(hall.news().await, Some(News::Up { leg: ANN }));
    assert!(matches!(peer.got().await, Got::Send(_, _, body) if body == "welcome"));
    peer.send(&send(&session.path(), "hello", "")).await;
    assert_eq!(hall.said().await.unwrap().leg, ANN);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_cannot_be_connected_to_is_gone() {
    let mut hall = Hall::new();
    let session = hall.open(ANN);
    hall.switch
        .connect(&session, SocketAddr::new(HOME, 9))
        .unwrap();
    let why = "no connection to the peer could be made";
    assert_eq!(hall.news().await, Some(News::Gone { leg: ANN, why }));
    // A connection of the peer's own stays.
    let (session, mut peer) = hall.bound(BEN).await;
    hall.switch
        .connect(&session, SocketAddr::new(HOME, 9))
        .unwrap();
    assert_eq!(hall.news().await, None);
    session.line().push(text("still here")).unwrap();
    assert!(matches!(peer.got().await, Got::Send(..)));
}
