//! IM 7.1.1.10: an agent joins a public conference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use client::{Event, Failure, Known, Options};
use fake::{SESSION, config, event, meet, offered_types, sdp};
use sip::header::To;
use sip::sdp::Setup;
use sip::{Draft, Method, Name, Request};

const GROUP: &str = "sip:lobby@localhost";

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const INVITE: &[(&str, Check)] = &[
    ("IM-7.1.1.10-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.10-S1", |r| r.raw(Name::SessionExpires) == Some("1800;refresher=uac") && r.fault().is_none()),
    ("IM-7.1.1.10-S2", |r| r.uri() == GROUP),
    ("IM-7.1.1.10-S3", |r| r.raw(Name::ContentType) == Some("application/sdp")),
    ("IM-7.1.1.10-S4", |r| fake::offer(r).msrp().is_ok_and(|(_, media)| media.setup == Some(Setup::Active))),
    ("IM-7.1.1.10-S4a", |r| offered_types(r).iter().any(|t| t == "message/cpim")),
    ("IM-7.1.1.10-S4b", |r| offered_types(r).iter().any(|t| t == "application/im-iscomposing+xml")),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.10-S5", |r| *r.method() == Method::Invite && r.has(Name::Via)),
];

#[tokio::test(start_paused = true)]
async fn the_invitation_to_the_group() {
    let (mut server, agent, _events) = meet(config()).await;
    let (joined, (invite, _)) =
        tokio::join!(agent.join(GROUP, Options::default()), server.receive_call());
    joined.unwrap();
    for (rule, holds) in INVITE {
        assert!(holds(&invite), "{rule}: {:?}", invite.wire());
    }
}

/// IM-7.1.1.10-OK-S1, IM-7.1.1.10-OK-S2: what the 200 says is stored, told, and used, also if it
/// does not say that this is a conference.
#[tokio::test(start_paused = true)]
async fn what_the_answer_brings() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (joined, _) = tokio::join!(agent.join(GROUP, Options::default()), async {
        let invite = server.expect(Method::Invite).await;
        let mut draft = Draft::response(&invite, 200, "OK", Some("srv"));
        draft
            .header(Name::Contact, format_args!("<{SESSION}>"))
            .header(Name::Allow, "INVITE, BYE, REFER");
        let bytes = draft.finish_with("application/sdp", &sdp("passive", 2855));
        server.send(&bytes).await;
        server.expect(Method::Ack).await;
    });
    joined.unwrap();
    let kept = event(&mut events, |event| match event {
        Event::Known { sessions } => Some(sessions.clone()),
        _ => None,
    });
    let known = Known {
        identity: SESSION.to_owned(),
        allow: ["INVITE", "BYE", "REFER"].map(str::to_owned).to_vec(),
        ad_hoc: false,
    };
    assert_eq!(
        kept.await,
        std::slice::from_ref(&known),
        "IM-7.1.1.10-OK-S1, IM-7.1.1.10-OK-S2"
    );
    assert_eq!(
        agent.known().await.unwrap(),
        [known],
        "IM-7.1.1.10-OK-S1, IM-7.1.1.10-OK-S2"
    );
    // The state of the conference is asked for where it is.
    let subscribe = server.expect(Method::Subscribe).await;
    assert_eq!(
        subscribe.uri(),
        SESSION,
        "IM-7.1.1.10-OK-S1, IM-7.1.1.10-OK-S2"
    );
}

/// IM-7.1.1.10-OK-S1: a 200 that says nothing of methods takes nothing away from what was said
/// before.
#[tokio::test(start_paused = true)]
async fn an_answer_that_says_little() {
    let (mut server, agent, _events) = meet(config()).await;
    let (joined, ()) = tokio::join!(agent.join(GROUP, Options::default()), async {
        let invite = server.expect(Method::Invite).await;
        let more = [(Name::Allow, "INVITE, BYE")];
        server.answer(&invite, 183, "Session Progress", &more).await;
        let mut draft = Draft::response(&invite, 200, "OK", Some("srv"));
        draft.header(Name::Contact, format_args!("<{SESSION}>;isfocus"));
        let bytes = draft.finish_with("application/sdp", &sdp("passive", 2855));
        server.send(&bytes).await;
        server.expect(Method::Ack).await;
    });
    joined.unwrap();
    let known = agent.known().await.unwrap();
    assert_eq!(known[0].allow, ["INVITE", "BYE"], "IM-7.1.1.10-OK-S1");
}

/// Nothing is kept of a group that does not take us.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there() {
    let (mut server, agent, _events) = meet(config()).await;
    let (joined, ()) = tokio::join!(agent.join(GROUP, Options::default()), async {
        let invite = server.expect(Method::Invite).await;
        server.answer(&invite, 404, "Not Found", &[]).await;
        server.expect(Method::Ack).await;
    });
    assert!(matches!(joined, Err(Failure::Refused(refused)) if refused.status == 404));
    assert!(agent.known().await.unwrap().is_empty());
    let nonsense = agent.join("lobby", Options::default()).await;
    assert!(matches!(nonsense, Err(Failure::Malformed { .. })));
}
