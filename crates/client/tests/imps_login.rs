//! Sessions: login, negotiation, signs of life, and the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use std::time::Duration;

use client::imps::{Cir, Config, Event, Failure, Login};
use fake_imps::{ALICE, SESSION, at, config, event, field, meet, online, told};
use imps::csp::{
    Disconnect, KeepAliveResponse, LoginResponse, Outcome, Status, VersionDiscoveryResponse,
    VersionList,
};
use imps::digest::DigestSchema;
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Document, Encoding, Primitive, Version};

/// Versions and encodings, each with the media type that belongs to it.
#[tokio::test(start_paused = true)]
async fn everybody_is_let_in_in_their_own_words() {
    let rows = [
        (Version::V1_1, Encoding::Xml, "application/vnd.wv.csp.xml"),
        (
            Version::V1_1,
            Encoding::Wbxml,
            "application/vnd.wv.csp.wbxml",
        ),
        (
            Version::V1_2,
            Encoding::Wbxml,
            "application/vnd.wv.csp.wbxml",
        ),
        (Version::V1_3, Encoding::Xml, "application/vnd.wv.csp+xml"),
        (
            Version::V1_3,
            Encoding::Wbxml,
            "application/vnd.wv.csp+wbxml",
        ),
    ];
    for (version, encoding, media_type) in rows {
        for login in [Login::TwoWay, config().login] {
            let mut config = config();
            (config.version, config.encoding) = (version, encoding);
            config.login = login;
            let (server, agent, mut events) = online(config).await;
            assert!(server.head.starts_with("POST /csp HTTP/1.1"));
            assert_eq!(
                field(&server.head, "host").as_deref(),
                Some("10.0.0.1:8080")
            );
            assert_eq!(
                field(&server.head, "content-type").as_deref(),
                Some(media_type)
            );
            let session = event(&mut events, |event| match event {
                Event::Online { session, .. } => Some(session.clone()),
                _ => None,
            });
            assert_eq!(session.await, SESSION);
            let agreed = agent.agreed().await.unwrap();
            assert_eq!(agreed, Functions::all(version));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_is_sent_only_in_two_steps() {
    let mut two = config();
    two.login = Login::TwoWay;
    let (mut server, agent, _events) = meet(two);
    let ((), _) = tokio::join!(
        async {
            let (id, request) = server.login_request().await;
            assert_eq!(request.user, ALICE);
            assert_eq!(request.password.as_deref(), Some("password"));
            assert_eq!(request.time_to_live_s, Some(1_000_000));
            server.status(&id, 409).await;
        },
        agent.login()
    );
    let (mut server, agent, _events) = meet(config());
    let ((), entered) = tokio::join!(
        async {
            let (id, request) = server.login_request().await;
            assert_eq!((request.password, request.digest_bytes), (None, None));
            let offered = [DigestSchema::Md5, DigestSchema::Sha];
            assert_eq!(request.digest_schemas, offered);
            // The code is 200 here and the schema goes without saying.
            let nonce = LoginResponse {
                nonce: Some("x".to_owned()),
                ..LoginResponse::default()
            };
            server.answer(&id, nonce).await;
            let (id, request) = server.login_request().await;
            let digest = DigestSchema::Md5.digest("x", "password");
            assert_eq!((request.password, request.digest_bytes), (None, digest));
            server.let_in(&id).await;
            server.negotiate().await;
        },
        agent.login()
    );
    assert_eq!(entered, Ok(()));
}

/// What the server answers to the login, and what becomes of it.
#[tokio::test(start_paused = true)]
async fn logins_that_fail_say_why() {
    let answer = |code: u16, nonce: Option<&str>, schema: Option<&str>| LoginResponse {
        outcome: Outcome::new(Code::new(code)),
        nonce: nonce.map(str::to_owned),
        digest_schema: schema.map(DigestSchema::parse),
        ..LoginResponse::default()
    };
    let status = |code| Primitive::from(Status::new(Code::new(code)));
    let rows: Vec<(Primitive, &str)> = vec![
        (
            status(409),
            "wv:alice@localhost is not known to the server with this password (409 Invalid password)",
        ),
        (
            status(531),
            "wv:alice@localhost is not known to the server with this password (531 Unknown user)",
        ),
        (
            answer(401, None, None).into(),
            "wv:alice@localhost is not known to the server with this password (401 Unauthorized)",
        ),
        (status(503), "503 Service unavailable"),
        (
            status(200),
            "cannot go on with what the server sent: a login without a session",
        ),
        (
            answer(200, None, None).into(),
            "cannot go on with what the server sent: a login without a session",
        ),
        (
            answer(401, Some("x"), Some("MD4")).into(),
            "cannot go on with what the server sent: it asks for a proof that was not offered",
        ),
        (
            answer(401, Some("x"), Some("PWD")).into(),
            "cannot go on with what the server sent: it asks for a proof that was not offered",
        ),
        (
            KeepAliveResponse::default().into(),
            "cannot go on with what the server sent: a login without a session",
        ),
    ];
    for (answer, want) in rows {
        let (mut server, agent, mut events) = meet(config());
        let ((), entered) = tokio::join!(
            async {
                let (id, _) = server.login_request().await;
                server.answer(&id, answer.clone()).await;
            },
            agent.login()
        );
        assert_eq!(
            entered.map_err(|failure| failure.to_string()),
            Err(want.to_owned())
        );
        assert_eq!(agent.agreed().await, Err(Failure::NotLoggedIn));
        assert_eq!(told(&mut events), []);
    }
}

/// What is not available is listed; all else is agreed.
#[tokio::test(start_paused = true)]
async fn the_service_tree_is_turned_around() {
    let (mut server, agent, mut events) = meet(config());
    let missing = Functions::of(&[Function::Srch, Function::Excon]);
    server.missing = missing;
    let ((_, wants), entered) = tokio::join!(
        async {
            let (id, _) = server.login_request().await;
            server.let_in(&id).await;
            server.negotiated().await
        },
        agent.login()
    );
    assert_eq!(entered, Ok(()));
    // IMPS-9.1.11-S41: asked for by the leaf EXCON, and not agreed, as the answer names it.
    assert!(wants.functions.unwrap().contains(Function::Excon));
    let agreed = agent.agreed().await.unwrap();
    assert!(!agreed.contains(Function::Excon) && !agreed.contains(Function::Srch));
    assert_eq!(agreed, Functions::all(Version::V1_3).without(missing));
    let named = event(&mut events, |event| match event {
        Event::Online { functions, .. } => Some(functions.clone()),
        _ => None,
    });
    let named = named.await;
    assert!(named.contains(&"GRCHN") && !named.contains(&"EXCON"));
}

/// IMPS-9.1.11-S40: some clients know it and some do not. IMPS-9.1.11-S41: EXCON says which.
#[tokio::test(start_paused = true)]
async fn who_asks_for_what() {
    let server = at("10.0.0.1:8080");
    let legacy = Config::legacy(ALICE, "password", server);
    let rows = [
        (Config::new(ALICE, "password", server), [true, true], 4),
        (legacy.clone(), [false, true], 1),
        (legacy.without_notices(), [false, false], 1),
    ];
    for (mut config, [excon, notices], multi_trans) in rows {
        config.cir = Cir::Udp { port: 0 };
        config.local = Some("10.0.0.2".parse().unwrap());
        let (mut server, agent, _events) = meet(config);
        let ((can, wants), _) = tokio::join!(
            async {
                let (id, _) = server.login_request().await;
                server.let_in(&id).await;
                server.negotiated().await
            },
            agent.login()
        );
        let wants = wants.functions.unwrap();
        assert_eq!(wants.contains(Function::Excon), excon);
        assert_eq!(wants.contains(Function::Grchn), notices);
        assert!(wants.contains(Function::Newm));
        let can = can.capabilities.unwrap();
        assert_eq!(can.multi_trans, Some(multi_trans));
        assert!(can.udp_port.is_some_and(|port| port != 0));
        assert_eq!(can.charsets, [106]);
    }
}

#[tokio::test(start_paused = true)]
async fn versions_are_discovered_without_a_session() {
    let (mut server, agent, _events) = meet(config());
    let ((), found) = tokio::join!(
        async {
            server.receive().await;
            let asked = Document::decode(&server.bytes, Encoding::Wbxml).unwrap();
            let Document::DiscoveryRequest(asked) = asked else {
                panic!("{asked:?}")
            };
            assert_eq!(asked.versions.known(), Version::ALL);
            let answer = VersionDiscoveryResponse {
                versions: VersionList::of(&[Version::V1_1, Version::V1_3]),
                ..VersionDiscoveryResponse::default()
            };
            let bytes = Document::DiscoveryResponse(answer).encode(Encoding::Wbxml);
            server.respond("200 OK", &bytes).await;
        },
        agent.discover()
    );
    assert_eq!(found, Ok(vec![Version::V1_1, Version::V1_3]));
}

/// The time that the server gives counts, and what it gives later.
#[tokio::test(start_paused = true)]
async fn the_session_is_kept_alive() {
    let mut config = config();
    config.cir = Cir::Poll {
        every: Duration::from_secs(1_000_000),
    };
    let (mut server, agent, _events) = meet(config);
    server.keep_alive_s = Some(100);
    let (entered, ()) = tokio::join!(agent.login(), server.welcome());
    assert_eq!(entered, Ok(()));
    server.is_patient = false;
    let (id, _) = server.expect("Polling-Request").await;
    server.status(&id, 200).await;
    let clock = server.world.clock;
    let mut last = clock.now();
    // What the server says, and for how long the session lives then.
    let rows = [
        (Some(100), 200, 100),
        (Some(40), 605, 100),
        (Some(8), 200, 8),
        (None, 200, 8),
    ];
    let mut lives = 100;
    for (seconds, code, next) in rows {
        let (id, _) = server.expect("KeepAlive-Request").await;
        let waited = (clock.now() - last).as_secs();
        assert!((lives / 2..lives).contains(&waited), "{waited} of {lives}");
        last = clock.now();
        let answer = KeepAliveResponse {
            outcome: Outcome::new(Code::new(code)),
            keep_alive_s: seconds,
        };
        server.answer(&id, answer).await;
        lives = next;
    }
}

/// However the session is lost: it is told, and a new one is made, unless it is not to be.
#[tokio::test(start_paused = true)]
async fn a_lost_session_is_made_anew() {
    for (code, relogin) in [(600, true), (601, true), (604, true), (604, false)] {
        let mut config = config();
        config.relogin = relogin;
        let (mut server, agent, mut events) = online(config).await;
        let (said, ()) = tokio::join!(agent.say("wv:bob", "hi"), async {
            let (id, _) = server.expect("SendMessage-Request").await;
            server.status(&id, code).await;
        });
        assert!(matches!(said, Err(Failure::Refused(refused)) if refused.code == code));
        let lost = event(&mut events, |event| match event {
            Event::Disconnected { code } => Some(*code),
            _ => None,
        });
        assert_eq!(lost.await, code);
        assert_eq!(agent.agreed().await, Err(Failure::NotLoggedIn));
        if relogin {
            server.welcome().await;
            let online = |event: &Event| matches!(event, Event::Online { .. }).then_some(());
            event(&mut events, online).await;
            assert!(agent.agreed().await.is_ok());
        } else {
            let clock = server.world.clock;
            let quiet = clock.timeout(Duration::from_secs(3600), server.next());
            assert!(quiet.await.is_err());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_the_session() {
    let (mut server, agent, mut events) = online(config()).await;
    server.ask(Disconnect {
        outcome: Outcome::new(Code::FORCED_LOGOUT),
    });
    // The answer is the last word in the old session; then comes the next.
    server.accepted().await;
    server.welcome().await;
    let lost = |event: &Event| (*event == Event::Disconnected { code: 601 }).then_some(());
    event(&mut events, lost).await;
    agent.stop().await;
}

/// Each time it waits longer, and a password that is refused is not tried again.
#[tokio::test(start_paused = true)]
async fn logins_of_its_own_accord_hold_back() {
    let (mut server, _agent, mut events) = online(config()).await;
    server.ask(Disconnect {
        outcome: Outcome::new(Code::FORCED_LOGOUT),
    });
    server.accepted().await;
    let clock = server.world.clock;
    let mut last = clock.now();
    for wait in [1, 2, 4, 8] {
        let (id, _) = server.login_request().await;
        assert_eq!((clock.now() - last).as_secs(), wait);
        last = clock.now();
        server.status(&id, 503).await;
    }
    let (id, _) = server.login_request().await;
    server.status(&id, 409).await;
    let quiet = clock.timeout(Duration::from_secs(3600), server.next());
    assert!(quiet.await.is_err());
    let offline = |event: &&Event| matches!(event, Event::Offline { .. });
    assert_eq!(told(&mut events).iter().filter(offline).count(), 5);
}

#[tokio::test(start_paused = true)]
async fn farewells() {
    let (mut server, agent, mut events) = online(config()).await;
    let (done, ()) = tokio::join!(agent.logout(), async {
        let (id, _) = server.expect("Logout-Request").await;
        server.status(&id, 200).await;
    });
    assert_eq!(done, Ok(()));
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
    assert_eq!(agent.logout().await, Err(Failure::NotLoggedIn));
    assert_eq!(agent.say("wv:bob", "hi").await, Err(Failure::NotLoggedIn));
    let (entered, ()) = tokio::join!(agent.login(), server.welcome());
    assert_eq!(entered, Ok(()));
    assert!(matches!(agent.login().await, Err(Failure::NotNow { .. })));
    let other = agent.clone();
    tokio::join!(agent.stop(), async {
        let (id, _) = server.expect("Logout-Request").await;
        server.status(&id, 200).await;
    });
    assert_eq!(other.login().await, Err(Failure::Stopped));
    // A server that does not answer is not waited for.
    let (server, agent, _events) = online(config()).await;
    let begun = server.world.clock.now();
    agent.stop().await;
    assert!(server.world.clock.now() - begun < Duration::from_secs(5));
    server.world.clock.sleep(Duration::from_secs(600)).await;
    assert!(
        server.client.tasks.is_empty(),
        "{} tasks stay",
        server.client.tasks.len()
    );
    assert_eq!(server.client.tasks.panicked(), 0);
}
