//! REGISTER, credentials, and the way to the server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Event, Failure};
use fake::{config, event, meet};
use sip::digest::{Algorithm, Credentials, ha1, verify};
use sip::{Method, Name};

const CHALLENGE: &str = r#"Digest realm="localhost", nonce="n1", qop="auth", algorithm=SHA-256"#;

#[tokio::test(start_paused = true)]
async fn a_registration_is_made_with_credentials_and_kept() {
    let (mut server, agent, mut events) = meet(config()).await;
    let asked = tokio::join!(agent.register(), async {
        let first = server.expect(Method::Register).await;
        assert_eq!(first.uri(), "sip:localhost");
        assert!(!first.has(Name::Authorization));
        server
            .answer(
                &first,
                401,
                "Unauthorized",
                &[(Name::WwwAuthenticate, CHALLENGE)],
            )
            .await;
        let second = server.expect(Method::Register).await;
        assert_eq!(first.raw(Name::CallId), second.raw(Name::CallId));
        let credentials = Credentials::parse(second.raw(Name::Authorization).unwrap()).unwrap();
        let ha1 = ha1("alice", "localhost", "password", Algorithm::Sha256);
        assert!(verify(
            &credentials,
            Some(&ha1),
            "REGISTER",
            "sip:localhost"
        ));
        let contact = second.raw(Name::Contact).unwrap().to_owned();
        assert!(contact.contains("+sip.instance=\"<urn:uuid:"), "{contact}");
        let contact = format!("{contact};expires=600");
        server
            .answer(&second, 200, "OK", &[(Name::Contact, &contact)])
            .await;
    });
    assert_eq!(asked.0, Ok(()));
    let registered = |event: &Event| match event {
        Event::Registered { expires_s, .. } => Some(*expires_s),
        _ => None,
    };
    assert_eq!(event(&mut events, registered).await, 600);
    // Renewed a minute before its end, with the same nonce counted on.
    let begin = server.world.clock.now();
    let renewal = server.expect(Method::Register).await;
    assert_eq!((server.world.clock.now() - begin).as_secs(), 540);
    let credentials = Credentials::parse(renewal.raw(Name::Authorization).unwrap()).unwrap();
    assert_eq!(credentials.proof.unwrap().nc, 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_told_and_not_tried_for_ever() {
    let (mut server, agent, _events) = meet(config()).await;
    let asked = tokio::join!(agent.register(), async {
        for nonce in ["n1", "n2"] {
            let request = server.expect(Method::Register).await;
            let challenge = CHALLENGE.replace("n1", nonce);
            server
                .answer(
                    &request,
                    401,
                    "Unauthorized",
                    &[(Name::WwwAuthenticate, &challenge)],
                )
                .await;
        }
        assert!(server.is_quiet(Duration::from_secs(20)).await);
    });
    let user = "alice".to_owned();
    assert_eq!(asked.0, Err(Failure::Authentication { user, status: 401 }));
}

/// A nonce that is always too old: asked again, but not for ever.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_never_content_is_given_up() {
    let (mut server, agent, _events) = meet(config()).await;
    let asked = tokio::join!(agent.register(), async {
        let mut requests = 0;
        let challenge = format!("{CHALLENGE}, stale=true");
        while !server.is_quiet(Duration::from_secs(5)).await {
            let request = server.expect(Method::Register).await;
            let header = [(Name::WwwAuthenticate, challenge.as_str())];
            server.answer(&request, 401, "Unauthorized", &header).await;
            requests += 1;
        }
        requests
    });
    assert!(matches!(asked.0, Err(Failure::Authentication { .. })));
    assert_eq!(asked.1, 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_the_registration_back() {
    let (mut server, agent, _events) = meet(config()).await;
    let asked = tokio::join!(agent.register(), async {
        let request = server.expect(Method::Register).await;
        server
            .answer(&request, 423, "Too Brief", &[(Name::MinExpires, "7200")])
            .await;
        let request = server.expect(Method::Register).await;
        assert_eq!(request.raw(Name::Expires), Some("7200"));
        server
            .answer(&request, 200, "OK", &[(Name::Expires, "7200")])
            .await;
    });
    assert_eq!(asked.0, Ok(()));
    tokio::join!(agent.clone().stop(), async {
        let request = server.expect(Method::Register).await;
        assert_eq!(request.raw(Name::Expires), Some("0"));
        server.answer(&request, 200, "OK", &[]).await;
    });
    assert_eq!(agent.register().await, Err(Failure::Stopped));
}

/// RFC 5626 section 4.4.1: a server that has answered a ping and then does not is gone.
#[tokio::test(start_paused = true)]
async fn pings_find_out_that_the_server_is_gone() {
    let (mut server, _agent, mut events) = meet(config()).await;
    let mut at = server.world.clock.now();
    for answered in [false, true, true] {
        server.ping().await;
        let waited = server.world.clock.now() - at;
        assert!((95..=121).contains(&waited.as_secs()), "{waited:?}");
        at = server.world.clock.now();
        if answered {
            server.send(b"\r\n").await;
        }
    }
    server.ping().await;
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
    assert!((server.world.clock.now() - at).as_secs() <= 131);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_told_and_made_anew() {
    let (mut server, agent, mut events) = meet(config()).await;
    let asked = tokio::join!(agent.register(), async {
        let request = server.expect(Method::Register).await;
        server.answer(&request, 200, "OK", &[]).await;
    });
    assert_eq!(asked.0, Ok(()));
    let listener = server.world.net.listen("10.0.0.1:5061".parse().unwrap());
    drop(listener);
    let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    server.universe.reset(one, other);
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
    assert_eq!(
        agent
            .invite_direct("sip:bob@localhost", client::Options::default())
            .await,
        Err(Failure::Network {
            why: "the server cannot be reached".to_owned()
        })
    );
}
