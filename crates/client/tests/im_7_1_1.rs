//! IM 7.1.1.1, 7.1.1.3, 7.1.1.5 and 7.1.1.8: an agent invites, and keeps what it has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{
    Agent, CopyControl, Entry, Event, Events, Failure, Options, Saying, SessionId, Timer, guest,
};
use fake::{ALICE, SESSION, Server, config, event, meet, sdp, told};
use msrp::cpim::Cpim;
use sip::header::{CSeq, To};
use sip::multipart::{self, BodyHeaders};
use sip::sdp::{Description, Setup};
use sip::{Method, Name, Request};
use xdm::resource_lists::{self, Limits};

const FACTORY: &str = "sip:conference-factory@localhost";

fn guests() -> Vec<Entry> {
    vec![
        guest("sip:bob@localhost", CopyControl::To),
        guest("sip:carol@localhost", CopyControl::Cc),
        // Named twice, invited once.
        guest("sip:bob@LOCALHOST", CopyControl::To),
    ]
}

fn part(request: &Request, media_type: &str, disposition: Option<&str>) -> bytes::Bytes {
    let headers = BodyHeaders {
        content_type: request.raw(Name::ContentType).unwrap(),
        ..BodyHeaders::default()
    };
    let parts = multipart::parts(&headers, &request.body()).unwrap();
    multipart::find(&parts, media_type, disposition)
        .unwrap()
        .body
        .clone()
}

fn offer(request: &Request) -> Description {
    Description::parse(&part(request, "application/sdp", None)).unwrap()
}

fn offered_types(request: &Request) -> Vec<String> {
    offer(request).msrp().unwrap().1.accept_types.clone()
}

fn listed(request: &Request) -> Vec<String> {
    let list = part(
        request,
        "application/resource-lists+xml",
        Some("recipient-list"),
    );
    let list = resource_lists::read(&list, Limits::default()).unwrap();
    list.into_flat()
        .unwrap()
        .into_iter()
        .map(|entry| entry.uri)
        .collect()
}

/// A conference that the fake server has made, before anybody has subscribed.
async fn conference(
    server: &mut Server,
    agent: &Agent,
) -> (SessionId, Request, sip::dialog::Dialog) {
    let (made, (invite, dialog)) = tokio::join!(
        agent.create_conference(guests(), Options::default()),
        server.receive_call()
    );
    (made.unwrap(), invite, dialog)
}

/// The same without a subscription, for tests of other things.
async fn quiet_conference() -> (Server, Agent, Events, SessionId, sip::dialog::Dialog) {
    let mut config = config();
    config.subscribe = false;
    let (mut server, agent, events) = meet(config).await;
    let (session, _, dialog) = conference(&mut server, &agent).await;
    (server, agent, events, session, dialog)
}

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
    let anonymous = Options { anonymous: true };
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

/// IM-7.1.1.5-S1: a re-INVITE inside the dialog, with an unchanged description.
#[tokio::test(start_paused = true)]
async fn a_modification_is_a_reinvite() {
    let mut config = config();
    config.subscribe = false;
    let (mut server, agent, _events) = meet(config).await;
    let (session, invite, mut dialog) = conference(&mut server, &agent).await;
    let (modified, reinvite) = tokio::join!(
        agent.modify(session),
        answer_reinvite(&mut server, &mut dialog)
    );
    assert_eq!(modified, Ok(()));
    assert_eq!(
        reinvite.raw(Name::CallId),
        invite.raw(Name::CallId),
        "IM-7.1.1.5-S1"
    );
    assert_eq!(reinvite.uri(), SESSION, "IM-7.1.1.5-S1");
    let cseq = |request: &Request| request.require::<CSeq<'_>>().unwrap().number;
    assert!(cseq(&reinvite) > cseq(&invite), "IM-7.1.1.5-S1");
    // RFC 5366 section 4: no list in it. RFC 3264 section 8: the same offer, octet for octet.
    assert!(!reinvite.has(Name::Require));
    assert_eq!(reinvite.body(), part(&invite, "application/sdp", None));
}

/// Answers a re-INVITE with 200 and takes its ACK.
async fn answer_reinvite(server: &mut Server, dialog: &mut sip::dialog::Dialog) -> Request {
    let reinvite = server.expect(Method::Invite).await;
    dialog.receive(&reinvite).unwrap();
    let bytes = Server::welcome(&reinvite).finish_with("application/sdp", &sdp("passive", 2855));
    server.send(&bytes).await;
    let ack = server.expect(Method::Ack).await;
    dialog.receive(&ack).unwrap();
    reinvite
}

/// IM-7.1.1.8-S1 to -S4, again and again for as long as the session lives.
#[tokio::test(start_paused = true)]
async fn a_session_is_refreshed_before_its_timer_runs_out() {
    let (mut server, _agent, mut events, session, mut dialog) = quiet_conference().await;
    let _talk = server.talk().await;
    let mut before = server.world.clock.now();
    for _ in 0..3 {
        let refresh = answer_reinvite(&mut server, &mut dialog).await;
        let now = server.world.clock.now();
        // IM-7.1.1.8-S1 is an exception in its wording; that it comes in time is not.
        assert_eq!((now - before).as_secs(), 900, "IM-7.1.1.8-S1");
        before = now;
        assert_eq!(
            refresh.raw(Name::SessionExpires),
            Some("1800;refresher=uac"),
            "IM-7.1.1.8-S2"
        );
        assert!(refresh.lists(Name::Supported, "timer"), "IM-7.1.1.8-S3");
        assert_eq!(refresh.uri(), SESSION, "IM-7.1.1.8-S4");
    }
    let refreshed = event(&mut events, |event| match event {
        Event::Refreshed {
            session,
            by_us,
            timer,
        } => Some((*session, *by_us, *timer)),
        _ => None,
    });
    let timer = Timer {
        interval_s: 1800,
        we_refresh: true,
    };
    assert_eq!(refreshed.await, (session, true, Some(timer)));
}

/// RFC 4028 section 10: a session that is not refreshed ends with a BYE.
#[tokio::test(start_paused = true)]
async fn a_session_without_a_refresh_ends() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (_, ()) = tokio::join!(
        agent.create_conference(guests(), Options::default()),
        async {
            let invite = server.expect(Method::Invite).await;
            let mut draft = sip::Draft::response(&invite, 200, "OK", Some("srv"));
            draft
                .header(Name::Contact, "<sip:s@im.localhost>")
                .header(Name::SessionExpires, "90;refresher=uas");
            server
                .send(&draft.finish_with("application/sdp", &sdp("passive", 2855)))
                .await;
            server.expect(Method::Ack).await;
        }
    );
    let _talk = server.talk().await;
    let begin = server.world.clock.now();
    server.expect(Method::Bye).await;
    assert_eq!((server.world.clock.now() - begin).as_secs(), 60);
    let why = event(&mut events, |event| match event {
        Event::SessionEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.await.contains("not refreshed"));
}

/// RFC 3261 section 14.1: two re-INVITEs that meet; ours is sent again a little later.
#[tokio::test(start_paused = true)]
async fn a_reinvite_that_meets_another_waits() {
    let (mut server, agent, _events, session, mut dialog) = quiet_conference().await;
    let _talk = server.talk().await;
    let (modified, waited) = tokio::join!(agent.modify(session), async {
        let ours = server.expect(Method::Invite).await;
        // While it is under way, theirs is refused.
        let via = server.via();
        let draft = dialog.request(&Method::Invite, &via);
        server.send(&draft.finish()).await;
        server.response(491).await;
        server.answer(&ours, 491, "Request Pending", &[]).await;
        server.expect(Method::Ack).await;
        let begin = server.world.clock.now();
        dialog.receive(&ours).unwrap();
        answer_reinvite(&mut server, &mut dialog).await;
        server.world.clock.now() - begin
    });
    assert_eq!(modified, Ok(()));
    // We made the Call-ID: 2.1 to 4 seconds.
    assert!((2000..4100).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reinvite_of_the_server_is_answered() {
    let (mut server, _agent, mut events, session, mut dialog) = quiet_conference().await;
    let _talk = server.talk().await;
    let via = server.via();
    let mut draft = dialog.request(&Method::Invite, &via);
    draft
        .header(Name::Supported, "timer")
        .header(Name::SessionExpires, "600;refresher=uac");
    server
        .send(&draft.finish_with("application/sdp", &sdp("actpass", 2855)))
        .await;
    let ok = server.response(200).await;
    assert_eq!(ok.raw(Name::SessionExpires), Some("600;refresher=uac"));
    let answer = Description::parse(&ok.body()).unwrap();
    assert!(answer.msrp().is_ok());
    // Not acknowledged, so it comes again.
    server.response(200).await;
    let via = server.via();
    server
        .send(&dialog.ack(dialog.local_cseq(), &via).finish())
        .await;
    assert!(server.is_quiet(Duration::from_secs(30)).await);
    let refreshed = event(&mut events, |event| match event {
        Event::Refreshed {
            session,
            by_us,
            timer,
        } => Some((*session, *by_us, *timer)),
        _ => None,
    });
    let timer = Timer {
        interval_s: 600,
        we_refresh: false,
    };
    assert_eq!(refreshed.await, (session, false, Some(timer)));
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_is_too_small_is_asked_for_longer() {
    let (mut server, agent, _events) = meet(config()).await;
    let (made, ()) = tokio::join!(
        agent.create_conference(guests(), Options::default()),
        async {
            let invite = server.expect(Method::Invite).await;
            server
                .answer(
                    &invite,
                    422,
                    "Session Interval Too Small",
                    &[(Name::MinSe, "3600")],
                )
                .await;
            server.expect(Method::Ack).await;
            let (invite, _) = server.receive_call().await;
            assert_eq!(invite.raw(Name::SessionExpires), Some("3600;refresher=uac"));
            assert_eq!(invite.raw(Name::MinSe), Some("3600"));
        }
    );
    assert!(made.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_invitation_is_given_up() {
    let (mut server, agent, mut events) = meet(config()).await;
    let invitee = client::Invitee::Guests(guests());
    let session = agent.invite(invitee, Options::default()).await.unwrap();
    let invite = server.expect(Method::Invite).await;
    server.answer(&invite, 180, "Ringing", &[]).await;
    let ringing = |event: &Event| matches!(event, Event::Ringing { .. }).then_some(());
    event(&mut events, ringing).await;
    let (settled, ()) = tokio::join!(agent.settled(session), async {
        agent.leave(session).await.unwrap();
        let cancel = server.expect(Method::Cancel).await;
        server.answer(&cancel, 200, "OK", &[]).await;
        server.answer(&invite, 487, "Request Terminated", &[]).await;
        server.expect(Method::Ack).await;
    });
    assert_eq!(settled, Err(Failure::Cancelled));
    assert_eq!(agent.leave(session).await, Err(Failure::NoSuchSession));
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_subscription_and_the_session() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (session, _, mut dialog) = conference(&mut server, &agent).await;
    let subscribe = server.expect(Method::Subscribe).await;
    server
        .answer(&subscribe, 200, "OK", &[(Name::Expires, "3600")])
        .await;
    agent.leave(session).await.unwrap();
    let bye = server.expect(Method::Bye).await;
    dialog.receive(&bye).unwrap();
    assert_eq!(
        bye.raw(Name::Reason),
        Some("SIP;cause=200;text=\"Call completed\"")
    );
    let ended = |event: &Event| matches!(event, Event::SessionEnded { .. }).then_some(());
    event(&mut events, ended).await;
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_session_and_says_why() {
    let (mut server, _agent, mut events, _, mut dialog) = quiet_conference().await;
    let via = server.via();
    let mut draft = dialog.request(&Method::Bye, &via);
    draft.header(Name::Reason, "SIP;cause=410;text=\"Gone\"");
    server.send(&draft.finish()).await;
    server.response(200).await;
    let why = event(&mut events, |event| match event {
        Event::SessionEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(why.await, "Gone");
    let via = server.via();
    server
        .send(&dialog.request(&Method::Bye, &via).finish())
        .await;
    server.response(481).await;
}
