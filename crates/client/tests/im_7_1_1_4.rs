//! IM 7.1.1.4: an agent joins a pre-defined group.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use client::{Event, Known, Options, Saying};
use fake::{SESSION, config, event, meet, offered_types, sdp};
use msrp::cpim::Cpim;
use sip::header::To;
use sip::sdp::Setup;
use sip::{Draft, Method, Name, Request};

const GROUP: &str = "sip:friends@localhost";

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const INVITE: &[(&str, Check)] = &[
    ("IM-7.1.1.4-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.4-S1", |r| r.raw(Name::SessionExpires) == Some("1800;refresher=uac") && r.fault().is_none()),
    ("IM-7.1.1.4-S1a", |r| r.uri() == GROUP),
    ("IM-7.1.1.4-S1b", |r| r.raw(Name::ContentType) == Some("application/sdp") && !r.has(Name::Require)),
    ("IM-7.1.1.4-S1b", |r| fake::offer(r).msrp().is_ok_and(|(_, media)| media.setup == Some(Setup::Active))),
    ("IM-7.1.1.4-S1b1", |r| offered_types(r).iter().any(|t| t == "message/cpim")),
    ("IM-7.1.1.4-S1b2", |r| offered_types(r).iter().any(|t| t == "application/im-iscomposing+xml")),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.4-S2", |r| *r.method() == Method::Invite && r.has(Name::Via)),
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

/// IM-7.1.1.4-OK-S1: what the 200 says is stored, told, and used, also if it does
/// not say that this is a conference.
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
    let session = joined.unwrap();
    let kept = event(&mut events, |event| match event {
        Event::Known { sessions } => Some(sessions.clone()),
        _ => None,
    });
    let known = Known {
        identity: SESSION.to_owned(),
        allow: ["INVITE", "BYE", "REFER"].map(str::to_owned).to_vec(),
        ad_hoc: false,
    };
    assert_eq!(kept.await, std::slice::from_ref(&known), "IM-7.1.1.4-OK-S1");
    assert_eq!(agent.known().await.unwrap(), [known], "IM-7.1.1.4-OK-S1");
    // The state of the conference is asked for where it is.
    let subscribe = server.expect(Method::Subscribe).await;
    assert_eq!(subscribe.uri(), SESSION, "IM-7.1.1.4-OK-S1");
    // IM-7.1.1.4-OK-S2: the user plane: a connection, and what is said goes to the group.
    let mut talk = server.talk().await;
    talk.said_hello().await;
    let (sent, said) = tokio::join!(agent.send(session, Saying::text("Hello")), talk.said(200));
    sent.expect("IM-7.1.1.4-OK-S2");
    let cpim = Cpim::parse(&said.data, true).unwrap().unwrap();
    assert_eq!(cpim.to().next().unwrap().uri(), SESSION, "IM-7.1.1.4-OK-S2");
}
