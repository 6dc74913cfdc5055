//! IM 7.1.1.9: an agent goes back to a session it was in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Event, Events, Failure, Known, Options};
use fake::{SESSION, config, event, in_a_session, meet, offered_types, quiet_conference, sdp};
use sip::header::{Reason, To};
use sip::sdp::Setup;
use sip::{Draft, Method, Name, Request};

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const INVITE: &[(&str, Check)] = &[
    ("IM-7.1.1.9-S2", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.9-S2", |r| r.raw(Name::SessionExpires) == Some("1800;refresher=uac") && r.fault().is_none()),
    ("IM-7.1.1.9-S3", |r| r.uri() == SESSION),
    ("IM-7.1.1.9-S4", |r| r.raw(Name::ContentType) == Some("application/sdp")),
    ("IM-7.1.1.9-S4", |r| fake::offer(r).msrp().is_ok_and(|(_, media)| media.setup == Some(Setup::Active))),
    ("IM-7.1.1.9-S4", |r| offered_types(r).iter().any(|t| t == "message/cpim")),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.9-S5", |r| *r.method() == Method::Invite && r.has(Name::Via)),
];

fn known(identity: &str) -> Known {
    Known {
        identity: identity.to_owned(),
        allow: vec!["INVITE".to_owned()],
        ad_hoc: false,
    }
}

/// What was last told of the sessions that are stored.
async fn stored(events: &mut Events) -> Vec<String> {
    let sessions = event(events, |event| match event {
        Event::Known { sessions } => Some(sessions.clone()),
        _ => None,
    });
    sessions
        .await
        .into_iter()
        .map(|known| known.identity)
        .collect()
}

/// IM-7.1.1.9-S1: the session is still stored, by an agent before this one.
#[tokio::test(start_paused = true)]
async fn the_invitation_back() {
    let mut config = config();
    config.sessions = vec![known("sip:other@im.localhost"), known(SESSION)];
    let (mut server, agent, _events) = meet(config).await;
    // However its host is written.
    let (joined, (invite, _)) = tokio::join!(
        agent.rejoin("sip:s-7f3a@IM.localhost", Options::default()),
        server.receive_call()
    );
    joined.expect("IM-7.1.1.9-S1");
    for (rule, holds) in INVITE {
        assert!(holds(&invite), "{rule}: {:?}", invite.wire());
    }
    // It is a conference again, whose state is asked for, and which one cannot be in twice.
    assert_eq!(server.expect(Method::Subscribe).await.uri(), SESSION);
    let twice = agent.rejoin(SESSION, Options::default()).await;
    assert!(matches!(twice, Err(Failure::NotNow { .. })));
}

/// IM-7.1.1.9-S1a
#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_stored() {
    let (mut server, agent, _events) = meet(config()).await;
    let identity = SESSION.to_owned();
    let failure = Failure::UnknownSession { identity };
    let asked = agent.rejoin(SESSION, Options::default()).await;
    assert_eq!(asked, Err(failure.clone()), "IM-7.1.1.9-S1a");
    assert!(
        server.is_quiet(Duration::from_secs(10)).await,
        "IM-7.1.1.9-S1a: nothing is sent"
    );
    let json = serde_json::to_value(&failure).unwrap();
    assert_eq!(json["failure"], "unknown_session");
}

/// IM-7.1.1.9-OK-S1, IM-7.1.1.9-OK-S2: what the 200 says takes the place of what was stored.
#[tokio::test(start_paused = true)]
async fn what_the_answer_brings() {
    let mut config = config();
    config.sessions = vec![known(SESSION)];
    let (mut server, agent, _events) = meet(config).await;
    let (joined, ()) = tokio::join!(agent.rejoin(SESSION, Options::default()), async {
        let invite = server.expect(Method::Invite).await;
        let mut draft = Draft::response(&invite, 200, "OK", Some("srv"));
        draft
            .header(Name::Contact, "<sip:moved@im.localhost>;isfocus")
            .header(Name::Allow, "INVITE, BYE, REFER");
        let bytes = draft.finish_with("application/sdp", &sdp("passive", 2855));
        server.send(&bytes).await;
        server.expect(Method::Ack).await;
    });
    joined.unwrap();
    let moved = Known {
        identity: "sip:moved@im.localhost".to_owned(),
        allow: ["INVITE", "BYE", "REFER"].map(str::to_owned).to_vec(),
        ad_hoc: false,
    };
    assert_eq!(
        agent.known().await.unwrap(),
        [moved],
        "IM-7.1.1.9-OK-S1, IM-7.1.1.9-OK-S2"
    );
}

/// IM-7.1.1.9-S1: who has left, or was sent away, may come back; not when the conference is over.
#[tokio::test(start_paused = true)]
async fn a_session_is_kept_until_it_is_gone() {
    let (mut server, agent, mut events, session, _) = quiet_conference().await;
    assert_eq!(stored(&mut events).await, [SESSION]);
    agent.leave(session).await.unwrap();
    let bye = server.expect(Method::Bye).await;
    server.answer(&bye, 200, "OK", &[]).await;
    let (back, (_, mut dialog)) = tokio::join!(
        agent.rejoin(SESSION, Options::default()),
        server.receive_call()
    );
    back.expect("IM-7.1.1.9-S1: after a BYE of ours");
    let _talk = server.talk().await;
    for (reason, is_kept) in [
        (None, true),
        (Some(Reason::sip(480, "Inactive")), true),
        (Some(Reason::sip(410, "Gone")), false),
    ] {
        let via = server.via();
        let mut draft = dialog.request(&Method::Bye, &via);
        if let Some(reason) = &reason {
            draft.header(Name::Reason, reason);
        }
        server.send(&draft.finish()).await;
        server.response(200).await;
        let known = agent.known().await.unwrap();
        assert_eq!(!known.is_empty(), is_kept, "IM-7.1.1.9-S1: {reason:?}");
        if is_kept {
            let (back, (_, again)) = tokio::join!(
                agent.rejoin(SESSION, Options::default()),
                server.receive_call()
            );
            back.expect("IM-7.1.1.9-S1");
            dialog = again;
        }
    }
}

/// Which answers to a rejoin say that there is no such session any more (IM-7.1.1.9-S1: then it is
/// not stored).
#[tokio::test(start_paused = true)]
async fn a_refusal_says_whether_the_session_is_gone() {
    #[rustfmt::skip]
    let table: [(u16, Option<&str>, bool); 10] = [
        (404, None, false),
        (410, None, false),
        // IM 7.2.1.5: the answer to an unknown session, as a server may say it ...
        (403, None, false),
        (403, Some("399 h \"rule IM-7.2.1.5-S1a\""), false),
        // ... and the one to a user who may not come in.
        (403, Some("399 h \"rule IM-7.2.1.5-S2a\""), true),
        (403, Some("399 h \"127 Service not authorised\""), true),
        (403, Some("399 h \"119 Anonymity not allowed\""), true),
        (486, Some("399 h \"102 too many participants\""), true),
        (488, None, true),
        (503, None, true),
    ];
    for (status, warning, is_kept) in table {
        let mut config = config();
        config.sessions = vec![known(SESSION)];
        let (mut server, agent, _events) = meet(config).await;
        let warning: Vec<_> = warning.into_iter().map(|w| (Name::Warning, w)).collect();
        let (back, ()) = tokio::join!(agent.rejoin(SESSION, Options::default()), async {
            let invite = server.expect(Method::Invite).await;
            server.answer(&invite, status, "No", &warning).await;
            server.expect(Method::Ack).await;
        });
        assert!(matches!(back, Err(Failure::Refused(_))), "{status}");
        let known = agent.known().await.unwrap();
        assert_eq!(!known.is_empty(), is_kept, "{status} {warning:?}");
    }
}

/// A conference that somebody invites us to is one to come back to; one person is none.
#[tokio::test(start_paused = true)]
async fn what_is_stored_of_invitations() {
    let (mut server, agent, mut events) = meet(config()).await;
    let person = [
        (Name::From, "<sip:bob@localhost>;tag=f1"),
        (Name::Contact, "<sip:bob@10.0.0.3>"),
    ];
    in_a_session(&mut server, &agent, &mut events, &person).await;
    assert!(agent.known().await.unwrap().is_empty());
    in_a_session(&mut server, &agent, &mut events, &[]).await;
    assert_eq!(agent.known().await.unwrap()[0].identity, SESSION);
}
