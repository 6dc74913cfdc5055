//! RFC 7701 section 7: the agent asks a conference for a nickname.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use client::Failure;
use fake::quiet_conference;
use msrp::{Kind, Method};

#[tokio::test(start_paused = true)]
async fn a_nickname_is_asked_for_and_given_up() {
    let (server, agent, _events, session, _) = quiet_conference().await;
    let mut talk = server.talk().await;
    talk.said_hello().await;
    for (nick, code, want) in [
        ("Alice \"the\" Great", 200, Ok(())),
        ("bob", 425, Err(Failure::Nickname { code: 425 })),
        ("", 200, Ok(())),
        ("x", 501, Err(Failure::Nickname { code: 501 })),
    ] {
        let (answer, ()) = tokio::join!(agent.nickname(session, nick), async {
            let asked = talk.piece().await;
            assert_eq!(asked.head.kind(), Kind::Request(Method::Nickname));
            assert_eq!(asked.head.use_nickname().as_deref(), Some(nick));
            talk.answer(&asked.head, code).await;
        });
        assert_eq!(answer, want, "{nick}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_and_not_after_the_end() {
    let (mut server, agent, _events, session, _) = quiet_conference().await;
    let mut talk = server.talk().await;
    talk.said_hello().await;
    let (first, second, ()) = tokio::join!(
        agent.nickname(session, "one"),
        agent.nickname(session, "two"),
        async {
            talk.piece().await;
            agent.leave(session).await.unwrap();
            let bye = server.expect(sip::Method::Bye).await;
            server.answer(&bye, 200, "OK", &[]).await;
        }
    );
    assert_eq!(first, Err(Failure::NoSuchSession));
    assert!(matches!(second, Err(Failure::NotNow { .. })), "{second:?}");
    let after = agent.nickname(session, "three").await;
    assert_eq!(after, Err(Failure::NoSuchSession));
}
