//! IM 7.1.1.1 and 7.1.1.3: an agent invites people to a conference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{CopyControl, Event, Failure, Options, Saying, Timer, guest};
use fake::{
    ALICE, SESSION, conference, config, event, guests, listed, meet, offer, offered_types, sdp,
    told,
};
use msrp::cpim::Cpim;
use sip::header::To;
use sip::sdp::Setup;
use sip::{Method, Name, Request};

const FACTORY: &str = "sip:conference-factory@localhost";

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const INVITE: &[(&str, Check)] = &[
    ("IM-7.1.1.1-S0", |r| r.fault().is_none() && r.raw(Name::MaxForwards) == Some("70")),
    ("IM-7.1.1.1-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im")),
    ("IM-7.1.1.1-S2", |r| r.raw(Name::UserAgent).unwrap().starts_with("IM-client/OMA1.0 Tertulia/")),
    ("IM-7.1.1.1-S3", |r| ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "NOTIFY"].iter().all(|m| r.lists(Name::Allow, m))),
    ("IM-7.1.1.1-S4", |r| r.raw(Name::Contact).unwrap().ends_with(";+g.oma.sip-im")),
    ("IM-7.1.1.1-S6", |r| r.lists(Name::Supported, "timer")),
    ("IM-7.1.1.1-S7", |r| r.raw(Name::SessionExpires) == Some("1800;refresher=uac")),
    ("IM-7.1.1.3-S1", |r| r.has(Name::AcceptContact) && r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.3-S2", |r| r.uri() == FACTORY),
    ("IM-7.1.1.3-S3", |r| r.lists(Name::Require, "recipient-list-invite")),
    ("IM-7.1.1.3-S3", |r| listed(r) == ["sip:bob@localhost", "sip:carol@localhost"]),
    ("IM-7.1.1.3-S5", |r| offer(r).msrp().is_ok_and(|(_, media)| media.setup == Some(Setup::Active))),
    ("IM-7.1.1.3-S5a", |r| offered_types(r).iter().any(|t| t == "message/cpim")),
    ("IM-7.1.1.3-S5b", |r| offered_types(r).iter().any(|t| t == "application/im-iscomposing+xml")),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.3-S6", |r| *r.method() == Method::Invite),
];

#[tokio::test(start_paused = true)]
async fn the_invitation_to_a_conference() {
    let (mut server, agent, _events) = meet(config()).await;
    let (_, invite, _) = conference(&mut server, &agent).await;
    for (rule, holds) in INVITE {
        assert!(holds(&invite), "{rule}: {:?}", invite.wire());
    }
    assert!(
        !invite.has(Name::Privacy),
        "IM-7.1.1.1-S5: anonymity was not asked for"
    );
}

/// IM-7.1.1.1-S5
#[tokio::test(start_paused = true)]
async fn an_anonymous_invitation() {
    let (mut server, agent, _events) = meet(config()).await;
    let anonymous = Options {
        anonymous: true,
        ..Options::default()
    };
    let (_made, (invite, _)) = tokio::join!(
        agent.create_conference(guests(), anonymous),
        server.receive_call()
    );
    assert_eq!(invite.raw(Name::Privacy), Some("id"), "IM-7.1.1.1-S5");
    let wire = String::from_utf8_lossy(invite.wire()).to_lowercase();
    assert!(!wire.contains("alice"), "IM-7.1.1.1-S5: {wire}");
    // What follows is as anonymous: the subscription, and what is said.
    let subscribe = server.expect(Method::Subscribe).await;
    assert_eq!(subscribe.raw(Name::Privacy), Some("id"));
    assert!(!String::from_utf8_lossy(subscribe.wire()).contains("alice"));
}

#[tokio::test(start_paused = true)]
async fn what_the_answer_brings() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (session, ..) = conference(&mut server, &agent).await;
    let established = event(&mut events, |event| match event {
        Event::Established { .. } => Some(event.clone()),
        _ => None,
    });
    let Event::Established {
        identity,
        is_focus,
        allow,
        timer,
        ..
    } = established.await
    else {
        unreachable!()
    };
    assert_eq!(
        allow,
        ["INVITE", "ACK", "BYE", "CANCEL", "REFER"],
        "IM-7.1.1.1-RSP-S1"
    );
    assert_eq!(identity, SESSION, "IM-7.1.1.1-RSP-S2, IM-7.1.1.3-OK-S1");
    assert!(is_focus);
    let agreed = Timer {
        interval_s: 1800,
        we_refresh: true,
    };
    assert_eq!(timer, Some(agreed), "IM-7.1.1.1-OK-S1");
    // IM-7.1.1.1-OK-S2
    let subscribe = server.expect(Method::Subscribe).await;
    assert_eq!(
        subscribe.raw(Name::Event),
        Some("conference"),
        "IM-7.1.1.1-OK-S2"
    );
    // IM-7.1.1.3-OK-S2: the user plane: a connection, and at once a SEND without body.
    let mut talk = server.talk().await;
    let hello = talk.piece().await;
    assert!(
        hello.head.is_send() && hello.data.is_empty(),
        "IM-7.1.1.3-OK-S2"
    );
    assert_eq!(hello.head.to_path_text(), "msrp://10.0.0.1:2855/srv1;tcp");
    talk.answer(&hello.head, 200).await;
    let (sent, said) = tokio::join!(agent.send(session, Saying::text("Hello")), talk.said(200));
    let cpim = Cpim::parse(&said.data, true).unwrap().unwrap();
    assert_eq!(said.head.content_type(), Some("message/cpim"));
    assert_eq!(cpim.from().unwrap().uri(), ALICE);
    assert_eq!(cpim.to().next().unwrap().uri(), SESSION);
    assert_eq!(cpim.date_time(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(cpim.imdn("Message-ID"), Some(sent.unwrap().as_str()));
    assert_eq!(cpim.mime().unwrap().body(), "Hello");
}

/// IM-7.1.1.1-OK-S1: no Session-Expires in the 200, no timer. IM-7.1.1.1-RSP-S1 and -RSP-S2 hold
/// for provisional responses too.
#[tokio::test(start_paused = true)]
async fn provisional_responses_and_an_answer_that_says_little() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (made, ()) = tokio::join!(
        agent.create_conference(guests(), Options::default()),
        async {
            let invite = server.expect(Method::Invite).await;
            server.answer(&invite, 100, "Trying", &[]).await;
            let contact = format!("<{SESSION}>;isfocus");
            let more = [
                (Name::Allow, "INVITE, BYE"),
                (Name::Contact, contact.as_str()),
            ];
            server.answer(&invite, 180, "Ringing", &more).await;
            server.world.clock.sleep(Duration::from_secs(1)).await;
            let mut draft = sip::Draft::response(&invite, 200, "OK", Some("srv"));
            draft.header(Name::Contact, "<sip:other@im.localhost>;isfocus");
            server
                .send(&draft.finish_with("application/sdp", &sdp("passive", 2855)))
                .await;
            server.expect(Method::Ack).await;
        }
    );
    assert!(made.is_ok());
    let all = told(&mut events);
    assert!(
        all.iter()
            .any(|event| matches!(event, Event::Ringing { .. })),
        "{all:?}"
    );
    let established = all.iter().find_map(|event| match event {
        Event::Established {
            identity,
            allow,
            timer,
            ..
        } => Some((identity.as_str(), allow.clone(), *timer)),
        _ => None,
    });
    let allow = vec!["INVITE".to_owned(), "BYE".to_owned()];
    assert_eq!(
        established,
        Some(("sip:other@im.localhost", allow, None)),
        "IM-7.1.1.1-OK-S1"
    );
}

/// IM-7.1.1.3-S4, IM-7.1.1.3-S4a: counted before anything is sent.
#[tokio::test(start_paused = true)]
async fn too_many_guests_are_not_invited() {
    let mut config = config();
    config.max_adhoc_group_size = Some(1);
    let (mut server, agent, _events) = meet(config).await;
    let asked = agent.create_conference(guests(), Options::default()).await;
    let failure = Failure::TooManyGuests {
        guests: 2,
        limit: 1,
    };
    assert_eq!(asked, Err(failure), "IM-7.1.1.3-S4a");
    assert!(
        server.is_quiet(Duration::from_secs(10)).await,
        "IM-7.1.1.3-S4a"
    );
    assert_eq!(
        agent.create_conference(vec![], Options::default()).await,
        Err(Failure::NoGuests)
    );
    // IM-7.1.1.3-S4: as many as are allowed may come.
    let one = vec![guest("sip:bob@localhost", CopyControl::To)];
    let (made, _) = tokio::join!(
        agent.create_conference(one, Options::default()),
        server.receive_call()
    );
    assert!(made.is_ok(), "IM-7.1.1.3-S4");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_rule() {
    #[rustfmt::skip]
    let table = [
        (486, "Busy Here", "102 too many participants", "486 Busy Here, 102 too many participants [IM-7.2.1.2-S8a]"),
        (403, "Forbidden", "119 Anonymity not allowed", "403 Forbidden, 119 Anonymity not allowed [IM-7.2.1.2-S3]"),
        (403, "Forbidden", "127 Service not authorised", "403 Forbidden, 127 Service not authorised [IM-7.2.1.2-S2a]"),
    ];
    let (mut server, agent, mut events) = meet(config()).await;
    for (status, reason, warning, want) in table {
        let (made, ()) = tokio::join!(
            agent.create_conference(guests(), Options::default()),
            async {
                let invite = server.expect(Method::Invite).await;
                let warning = format!("399 localhost \"{warning}\"");
                server
                    .answer(&invite, status, reason, &[(Name::Warning, &warning)])
                    .await;
                server.expect(Method::Ack).await;
            }
        );
        assert_eq!(made.unwrap_err().to_string(), want);
        let all = told(&mut events);
        assert!(
            matches!(all[0], Event::Refused { ref refused, .. } if refused.to_string() == want),
            "{all:?}"
        );
        assert!(matches!(all[1], Event::SessionEnded { .. }), "{all:?}");
    }
}

/// One person is spoken to by their address, not by where their device is.
#[tokio::test(start_paused = true)]
async fn one_person_is_no_conference() {
    let (mut server, agent, _events) = meet(config()).await;
    let direct = agent.invite_direct("sip:bob@localhost", Options::default());
    let (made, ()) = tokio::join!(direct, async {
        let invite = server.expect(Method::Invite).await;
        assert_eq!(invite.uri(), "sip:bob@localhost");
        let mut draft = sip::Draft::response(&invite, 200, "OK", Some("srv"));
        draft.header(Name::Contact, "<sip:bob@10.0.0.3:4711>");
        let bytes = draft.finish_with("application/sdp", &sdp("passive", 2855));
        server.send(&bytes).await;
        server.expect(Method::Ack).await;
    });
    let mut talk = server.talk().await;
    talk.said_hello().await;
    let (_sent, said) = tokio::join!(
        agent.send(made.unwrap(), Saying::text("Hello")),
        talk.said(200)
    );
    let cpim = Cpim::parse(&said.data, true).unwrap().unwrap();
    assert_eq!(cpim.to().next().unwrap().uri(), "sip:bob@localhost");
    assert!(
        server.is_quiet(Duration::from_secs(60)).await,
        "nothing to subscribe to"
    );
}
