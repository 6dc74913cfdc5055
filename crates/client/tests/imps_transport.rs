//! The way to the server: answers that are lost, answers that cannot be used, and how the client
//! hears that something waits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use std::time::Duration;

use bytes::BytesMut;
use client::imps::{Agent, Cir, Event, Events, Failure};
use fake_imps::{SESSION, Server, at, config, event, meet, online, told};
use imps::csp::{AgreedCapabilityList, SystemMessageRequest};
use imps::status::Code;
use imps::{Encoding, MAX_BYTES, Message, Mode, Session, Transaction, Version, csp};
use world::{Listener, Stream};

/// However an answer is lost, the same is sent again, to the octet, and nothing is done twice.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again() {
    let (mut server, agent, _events) = online(config()).await;
    let (said, ()) = tokio::join!(agent.say("wv:bob", "hi"), async {
        let (id, _) = server.expect("SendMessage-Request").await;
        let first = server.bytes.clone();
        server.hang_up();
        let (again, _) = server.expect("SendMessage-Request").await;
        assert_eq!((&again, &server.bytes), (&id, &first));
        // Half of the answer.
        server
            .write(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nabc")
            .await;
        server.hang_up();
        let (again, _) = server.expect("SendMessage-Request").await;
        assert_eq!((&again, &server.bytes), (&id, &first));
        let response = csp::SendMessageResponse {
            message: Some("m1".to_owned()),
            ..csp::SendMessageResponse::default()
        };
        server.answer(&again, response).await;
    });
    assert_eq!(said, Ok("m1".to_owned()));
}

/// After three tries it is given up; when the server is there again, all goes on.
#[tokio::test(start_paused = true)]
async fn three_tries() {
    let (mut server, agent, mut events) = online(config()).await;
    let (said, tries) = tokio::join!(agent.say("wv:bob", "hi"), async {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(server.expect("SendMessage-Request").await.0);
            server.hang_up();
        }
        ids
    });
    assert!(matches!(said, Err(Failure::Network { .. })), "{said:?}");
    assert!(tries.iter().all(|id| *id == tries[0]));
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
    let (said, ()) = tokio::join!(agent.say("wv:bob", "again"), async {
        let (id, _) = server.expect("SendMessage-Request").await;
        assert_ne!(id, tries[0]);
        server.status(&id, 200).await;
    });
    assert_eq!(said, Ok(String::new()));
    let online = |event: &Event| matches!(event, Event::Online { .. }).then_some(());
    event(&mut events, online).await;
}

/// A server that takes requests and says nothing.
#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let (mut server, agent, _events) = online(config()).await;
    server.expect_poll().await;
    let begun = server.world.clock.now();
    let said = agent.say("wv:bob", "hi").await;
    let why = "the server does not answer".to_owned();
    assert_eq!(said, Err(Failure::Network { why }));
    // The poll before it, and itself: three times 30 seconds each.
    assert_eq!((server.world.clock.now() - begun).as_secs() / 10, 18);
}

/// A connection that the server has closed meanwhile costs nothing.
#[tokio::test(start_paused = true)]
async fn connections_are_kept_and_made_anew() {
    let (mut server, agent, _events) = online(config()).await;
    server.expect_poll().await;
    server.flush().await;
    server.world.clock.sleep(Duration::from_secs(1)).await;
    let begun = server.world.clock.now();
    server.hang_up();
    server.world.clock.sleep(Duration::from_secs(1)).await;
    let (said, ()) = tokio::join!(agent.say("wv:bob", "hi"), async {
        let (id, _) = server.expect("SendMessage-Request").await;
        server.status(&id, 200).await;
    });
    assert_eq!(said, Ok(String::new()));
    assert!(server.world.clock.now() - begun < Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn whatever_is_not_200_is_a_failure() {
    for (status, want) in [
        ("404 Not Found", "the server answers 404 Not Found"),
        (
            "503 Service Unavailable",
            "the server answers 503 Service Unavailable",
        ),
        ("204 No Content", "the server answers 204 No Content"),
        ("302 Found", "the server answers 302 Found"),
    ] {
        let (mut server, agent, _events) = meet(config());
        let (entered, ()) = tokio::join!(agent.login(), async {
            server.login_request().await;
            server.respond(status, b"").await;
        });
        assert_eq!(entered.unwrap_err().to_string(), want);
    }
}

/// Answers to a request of the session `s-1` whose id is given, each with why it is of no use.
fn hostile(id: &str) -> Vec<(Vec<u8>, &'static str)> {
    let status = || Transaction::response(id, csp::Status::new(Code::SUCCESSFUL));
    let message = |session: Session| Message::new(Version::V1_3, session);
    let own = || message(Session::Inband(SESSION.to_owned()));
    let foreign = message(Session::Inband("s-2".to_owned())).with(status());
    let whole = own().with(status()).encode(Encoding::Wbxml);
    let other = own().with(Transaction::response(
        "t0",
        csp::Status::new(Code::SUCCESSFUL),
    ));
    let own_request = own().with(Transaction::request(id, csp::LogoutRequest {}));
    vec![
        (vec![], "the answer is empty"),
        (b"<html>not found</html>".to_vec(), "a version of WBXML"),
        (vec![0xFF; 100], "at byte"),
        (whole[..whole.len() - 4].to_vec(), "ends too early"),
        (foreign.encode(Encoding::Wbxml).to_vec(), "another session"),
        (
            own().encode(Encoding::Wbxml).to_vec(),
            "the answer is not in it",
        ),
        (
            other.encode(Encoding::Wbxml).to_vec(),
            "the answer is not in it",
        ),
        (
            own_request.encode(Encoding::Wbxml).to_vec(),
            "the answer is not in it",
        ),
        (vec![0; MAX_BYTES + 1], "more than 1048576 bytes"),
    ]
}

#[tokio::test(start_paused = true)]
async fn hostile_answers_end_in_clear_failures() {
    for at in 0..hostile("").len() {
        let (mut server, agent, mut events) = online(config()).await;
        let (said, want) = tokio::join!(agent.say("wv:bob", "hi"), async {
            let (id, _) = server.expect("SendMessage-Request").await;
            let (bytes, want) = hostile(&id).swap_remove(at);
            server.respond("200 OK", &bytes).await;
            want
        });
        let Err(Failure::Malformed { why }) = said else {
            panic!("{want}: {said:?}")
        };
        assert!(why.contains(want), "{why} and not {want}");
        // It goes on all the same.
        let (said, ()) = tokio::join!(agent.say("wv:bob", "hi"), async {
            let next = loop {
                let next = server.next().await;
                if next.mode == Mode::Request {
                    break next;
                }
            };
            server.status(&next.id, 200).await;
        });
        assert_eq!(said, Ok(String::new()), "{want}");
        let lost = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert!(!told(&mut events).iter().any(lost));
    }
}

impl Server {
    /// The next POST, which must ask whether anything waits. It is not answered yet.
    async fn expect_poll(&mut self) {
        let was = std::mem::replace(&mut self.is_patient, false);
        self.expect("Polling-Request").await;
        self.is_patient = was;
    }

    /// How many seconds pass until the next poll, if one comes within two hours.
    async fn until_poll(&mut self) -> Option<u64> {
        let clock = self.world.clock;
        let begun = clock.now();
        self.flush().await;
        let patience = Duration::from_secs(7200);
        clock.timeout(patience, self.expect_poll()).await.ok()?;
        Some((clock.now() - begun).as_secs())
    }
}

/// How often it polls; what the server allows counts.
#[tokio::test(start_paused = true)]
async fn polls() {
    for (every, least, want) in [(10, 0, 10), (10, 60, 60), (0, 0, 1), (10, u32::MAX, 3600)] {
        let mut config = config();
        config.cir = Cir::Poll {
            every: Duration::from_secs(every),
        };
        let (mut server, agent, _events) = meet(config);
        server.agreed.server_poll_min_s = Some(least);
        let (entered, ()) = tokio::join!(agent.login(), server.welcome());
        assert_eq!(entered, Ok(()));
        // What came before the login waits already.
        assert_eq!(server.until_poll().await, Some(0));
        for _ in 0..3 {
            assert_eq!(server.until_poll().await, Some(want));
        }
    }
}

/// The flag in any answer is followed at once, but a server that sends nothing with it keeps
/// nobody busy.
#[tokio::test(start_paused = true)]
async fn the_poll_flag() {
    let (mut server, agent, _events) = online(config()).await;
    assert_eq!(server.until_poll().await, Some(0));
    server.ask(SystemMessageRequest::default());
    server.poll = true;
    server.flush().await;
    server.accepted().await;
    assert_eq!(server.until_poll().await, Some(0));
    // With nothing.
    server.poll = true;
    assert_eq!(server.until_poll().await, Some(1));
    assert_eq!(server.until_poll().await, Some(10));
    server.flush().await;
    // In the answer to something else.
    let (said, ()) = tokio::join!(agent.say("wv:bob", "hi"), async {
        let (id, _) = server.expect("SendMessage-Request").await;
        server.poll = true;
        server.status(&id, 200).await;
    });
    assert_eq!(said, Ok(String::new()));
    assert_eq!(server.until_poll().await, Some(0));
}

/// A client that is told over a connection, and the listener for it.
async fn told_by(cir: Cir) -> (Server, Agent, Events, Listener) {
    let mut config = config();
    config.cir = cir;
    config.local = Some("10.0.0.2".parse().unwrap());
    let (mut server, agent, events) = meet(config);
    let listener = server.world.net.listen(at("10.0.0.1:3717")).unwrap();
    server.agreed = AgreedCapabilityList {
        tcp_address: Some("10.0.0.1".to_owned()),
        tcp_port: Some(3717),
        cir_http_url: Some("http://10.0.0.1:3717/cir?s=1".to_owned()),
        ..AgreedCapabilityList::default()
    };
    let (entered, ()) = tokio::join!(agent.login(), server.welcome());
    assert_eq!(entered, Ok(()));
    assert_eq!(server.until_poll().await, Some(0));
    (server, agent, events, listener)
}

/// A line on the channel, and the number of seconds it took to come.
async fn line(server: &Server, stream: &Stream) -> (String, u64) {
    let begun = server.world.clock.now();
    let mut buffer = BytesMut::new();
    while !buffer.ends_with(b"\r\n") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "closed after {buffer:?}");
    }
    let line = String::from_utf8(buffer.to_vec()).unwrap();
    (line, (server.world.clock.now() - begun).as_secs())
}

#[tokio::test(start_paused = true)]
async fn told_over_a_connection() {
    let (mut server, _agent, _events, listener) = told_by(Cir::Tcp).await;
    // Until the channel works, polling has to do.
    assert_eq!(server.until_poll().await, Some(5));
    let (stream, _) = listener.accept().await.unwrap();
    assert_eq!(line(&server, &stream).await.0, "HELO s-1\r\n");
    stream.write_all(b"OK\r\n").await.unwrap();
    assert_eq!(server.until_poll().await, Some(0));
    // Now it is quiet, but for pings.
    server.flush().await;
    for _ in 0..3 {
        let (ping, waited) = line(&server, &stream).await;
        assert_eq!(ping, "PING\r\n");
        assert!((200..=240).contains(&waited), "{waited}");
        stream.write_all(b"OK\r\n").await.unwrap();
    }
    // A request for attention, one in pieces, and one that is meant for somebody else.
    let cookie = server.cookie.clone();
    let rows = [
        (format!("WVCI 1.3 {cookie}\r\n"), Some(0)),
        (format!("WVCI 1.1 {cookie}\r\n"), Some(0)),
        ("WVCI 1.3 foreign\r\n".to_owned(), None),
        ("WVCI\r\nrubbish\r\n\r\n".to_owned(), None),
    ];
    for (text, polls) in rows {
        let (first, second) = text.split_at(5);
        stream.write_all(first.as_bytes()).await.unwrap();
        stream.write_all(second.as_bytes()).await.unwrap();
        server.flush().await;
        let clock = server.world.clock;
        let poll = clock.timeout(Duration::from_secs(60), server.expect_poll());
        assert_eq!(poll.await.ok().map(|()| 0), polls, "{text}");
    }
}

/// A channel that breaks, in whatever way, is made anew; meanwhile the client polls.
#[tokio::test(start_paused = true)]
async fn a_channel_that_breaks() {
    for what in ["closed", "silent", "endless", "deaf"] {
        let (mut server, _agent, _events, listener) = told_by(Cir::Tcp).await;
        let (stream, _) = listener.accept().await.unwrap();
        assert_eq!(line(&server, &stream).await.0, "HELO s-1\r\n");
        match what {
            "closed" => {
                stream.write_all(b"OK\r\n").await.unwrap();
                assert_eq!(server.until_poll().await, Some(0));
                drop(stream);
            }
            // No OK.
            "silent" => assert_eq!(server.until_poll().await, Some(5)),
            "endless" => stream.write_all(&[b'x'; 4096]).await.unwrap(),
            // OK once, and never to a ping.
            _ => {
                stream.write_all(b"OK\r\n").await.unwrap();
                assert_eq!(server.until_poll().await, Some(0));
                server.flush().await;
                assert_eq!(line(&server, &stream).await.0, "PING\r\n");
            }
        }
        let clock = server.world.clock;
        let again = async {
            let (stream, _) = listener.accept().await.unwrap();
            assert_eq!(line(&server, &stream).await.0, "HELO s-1\r\n");
            stream
        };
        let again = clock.timeout(Duration::from_secs(40), again);
        let stream = again.await.expect(what);
        // The HELO is not answered yet: it polls.
        assert!(
            server.until_poll().await.is_some_and(|wait| wait <= 5),
            "{what}"
        );
        stream.write_all(b"OK\r\n").await.unwrap();
        assert_eq!(server.until_poll().await, Some(0), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn told_by_datagrams() {
    let (mut server, _agent, _events, _listener) = told_by(Cir::Udp { port: 7000 }).await;
    let socket = server.world.net.bind_udp(at("10.0.0.1:3717")).unwrap();
    let cookie = server.cookie.clone();
    // The channel is there: the poll that finds out what came before.
    assert!(server.until_poll().await.is_some_and(|wait| wait <= 5));
    let pushed = [b"\x01\x06\x04\x03\xC6\xAF\x8AWVCI 1.3 ", cookie.as_bytes()].concat();
    let rows = [
        (format!("WVCI 1.3 {cookie}").into_bytes(), Some(0)),
        (format!("WVCI 1.2 {cookie}\r\n").into_bytes(), Some(0)),
        (pushed, Some(0)),
        (b"WVCI 1.3 foreign".to_vec(), None),
        (vec![0xFF; 2000], None),
    ];
    for (datagram, polls) in rows {
        server.flush().await;
        socket.try_send(at("10.0.0.2:7000"), &datagram).unwrap();
        let clock = server.world.clock;
        let poll = clock.timeout(Duration::from_secs(60), server.expect_poll());
        assert_eq!(poll.await.ok().map(|()| 0), polls, "{datagram:?}");
    }
    // Datagrams can be lost: now and then it asks all the same.
    assert!(
        server
            .until_poll()
            .await
            .is_some_and(|wait| (100..=300).contains(&wait))
    );
}

/// What is answered over HTTP, and whether the client polls.
#[tokio::test(start_paused = true)]
async fn told_over_http() {
    let (mut server, _agent, _events, listener) = told_by(Cir::Http).await;
    server.flush().await;
    let (stream, _) = listener.accept().await.unwrap();
    let rows = [
        ("204 No Content", true), // What came before the channel was there.
        ("200 OK", true),
        ("204 No Content", false),
        ("204 No Content", false),
        ("200 OK", true),
        ("500 Oops", true), // It is broken: polling has to do.
    ];
    for (status, polls) in rows {
        let mut buffer = BytesMut::new();
        while !buffer.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read(&mut buffer).await.unwrap(), 0);
        }
        let head = String::from_utf8(buffer.to_vec()).unwrap();
        assert!(head.starts_with("GET /cir?s=1 HTTP/1.1\r\n"), "{head}");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let answer = match status {
            "204 No Content" => "HTTP/1.1 204 No Content\r\n\r\n",
            _ => &answer,
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        let clock = server.world.clock;
        let wait = Duration::from_secs(if polls { 6 } else { 4 });
        let poll = clock.timeout(wait, server.expect_poll()).await;
        assert_eq!(poll.is_ok(), polls, "{status}");
        server.flush().await;
    }
}
