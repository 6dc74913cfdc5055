//! RFC 3891: an invitation takes the place of a session of the agent's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use client::{Agent, Event, Events, Options, SessionId};
use fake::{
    Server, acknowledge, answered, config, in_a_session, invited, meet, replaces, sdp, told, within,
};
use sip::header::{Header as _, Replaces};
use sip::{Draft, Method, Name};

const BOB: (Name, &str) = (Name::From, "<sip:bob@localhost>;tag=f1");
const BOBS: (Name, &str) = (Name::Contact, "<sip:bob@10.0.0.3>");
const UNREFERRED: (Name, &str) = (Name::ReferredBy, "");

/// Headers of an INVITE.
type Headers<'a> = &'a [(Name, &'a str)];

/// An agent that does not subscribe.
async fn agent() -> (Server, Agent, Events) {
    let mut config = config();
    config.subscribe = false;
    meet(config).await
}

/// What happens when an invitation takes the place of `old`: nobody is asked, and the old session
/// ends with a BYE.
async fn is_replaced(server: &mut Server, events: &mut Events, old: SessionId) -> SessionId {
    let ok = server.response(200).await;
    assert!(ok.lists(Name::Supported, "replaces"));
    let bye = server.expect(Method::Bye).await;
    server.answer(&bye, 200, "OK", &[]).await;
    let (new, invitation) = invited(events).await;
    assert!(
        matches!(invitation, Event::Invited { replaces: Some(replaced), .. } if replaced == old)
    );
    let all = told(events);
    let why = format!("replaced by session {new}");
    let ended = [
        Event::Replaced {
            session: old,
            by: new,
        },
        Event::SessionEnded { session: old, why },
    ];
    assert!(matches!(all[0], Event::Established { session, .. } if session == new));
    assert!(all.ends_with(&ended), "{all:?}");
    new
}

/// RFC 3891 section 3: by those who may.
#[tokio::test(start_paused = true)]
async fn a_session_is_replaced() {
    let away = (Name::From, "<sip:conference@elsewhere>;tag=f9");
    let away_contact = (Name::Contact, "<sip:conference@elsewhere>;isfocus");
    let asserted = |value| (Name::PAssertedIdentity, value);
    #[rustfmt::skip]
    let table: [(&str, Headers<'_>, Headers<'_>); 6] = [
        ("bob himself", &[BOB, BOBS, UNREFERRED], &[BOB, BOBS, UNREFERRED]),
        ("bob, by what the network says", &[BOB, BOBS, UNREFERRED],
            &[(Name::From, "<sip:x@y>;tag=1"), BOBS, UNREFERRED, asserted("<sip:bob@localhost>")]),
        ("sent by bob", &[BOB, BOBS, UNREFERRED], &[away, away_contact]),
        ("for bob, who was behind a conference", &[], &[away, away_contact]),
        ("a conference of ours", &[BOB, BOBS, UNREFERRED], &[UNREFERRED]),
        ("the same conference", &[away, away_contact, UNREFERRED], &[away, away_contact, UNREFERRED]),
    ];
    for (who, first, second) in table {
        let (mut server, agent, mut events) = agent().await;
        let (old, name) = in_a_session(&mut server, &agent, &mut events, first).await;
        let name = name.replace(
            "from-tag=f1",
            match first.first() {
                Some((Name::From, from)) => {
                    from.split_once(';').unwrap().1.replace("tag", "from-tag")
                }
                _ => "from-tag=f1".to_owned(),
            }
            .as_str(),
        );
        told(&mut events);
        let more = [
            second,
            &[(Name::Replaces, name.as_str()), (Name::Require, "replaces")],
        ]
        .concat();
        let invite = server.call(&more, &sdp("passive", 2855)).await;
        let new = is_replaced(&mut server, &mut events, old).await;
        assert!(agent.leave(old).await.is_err(), "{who}");
        // A program that accepts whatever comes does no harm.
        assert_eq!(agent.accept(new).await, Ok(()), "{who}");
        drop(invite);
    }
}

/// (the refusal, a header of the INVITE, what the Replaces says)
type Row = (u16, &'static [(Name, &'static str)], fn(&str) -> String);

#[tokio::test(start_paused = true)]
async fn invitations_that_replace_nothing() {
    let same: fn(&str) -> String = str::to_owned;
    #[rustfmt::skip]
    let table: &[Row] = &[
        // No such dialog; also none whose tags are the wrong way round.
        (481, &[], |name| name.replace("f1", "f2")),
        (481, &[], |name| name.replace("to-tag", "x").replace("from-tag", "to-tag").replace(";x", ";from-tag")),
        (481, &[], |_| "c;to-tag=a;from-tag=b".to_owned()),
        // It is wanted only if it has not been answered.
        (486, &[], |name| format!("{name};early-only")),
        // By somebody who has no part in it.
        (403, &[(Name::From, "<sip:mallory@localhost>;tag=1"), (Name::Contact, "<sip:m@10.0.0.9>"), UNREFERRED], same),
        (403, &[(Name::From, "<sip:mallory@localhost>;tag=1"), (Name::Contact, "<sip:m@10.0.0.9>"),
            (Name::ReferredBy, "<sip:dave@localhost>")], same),
        (403, &[(Name::From, "<sip:conf@elsewhere>;tag=1"), (Name::Contact, "<sip:conf@elsewhere>;isfocus"), UNREFERRED], same),
        (403, &[(Name::From, "<sip:conf@evillocalhost>;tag=1"), (Name::Contact, "<sip:c@evillocalhost>;isfocus"), UNREFERRED], same),
        // Who the network says it is counts, not what From says.
        (403, &[BOB, BOBS, UNREFERRED, (Name::PAssertedIdentity, "<sip:mallory@localhost>")], same),
        // Malformed, or twice.
        (400, &[], |name| name.replace("from-tag", "tag")),
        (400, &[(Name::Replaces, "c;to-tag=a;from-tag=b")], same),
        // What the INVITE offers cannot be used.
        (420, &[(Name::Require, "replaces, 100rel")], same),
    ];
    let (mut server, agent, mut events) = agent().await;
    let person = [BOB, BOBS, UNREFERRED];
    let (old, name) = in_a_session(&mut server, &agent, &mut events, &person).await;
    let _talk = server.talk().await;
    for (status, more, change) in table {
        told(&mut events);
        let name = change(&name);
        let all = [more, &[(Name::Replaces, name.as_str())][..]].concat();
        // The one in the table and this one together are two.
        server.call(&all, &sdp("passive", 2855)).await;
        server.response(*status).await;
        let mut all = told(&mut events);
        all.retain(|event| !matches!(event, Event::MediaUp { .. }));
        assert!(
            matches!(all[..], [Event::Fault { .. }]),
            "{status} {more:?}: {all:?}"
        );
    }
    // RFC 3891 section 3: after all that, the session is as it was.
    assert_eq!(agent.settled(old).await, Ok(()));
    let audio = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let all = [BOB, BOBS, UNREFERRED, (Name::Replaces, name.as_str())];
    server.call(&all, audio).await;
    server.response(488).await;
    assert_eq!(agent.settled(old).await, Ok(()));
}

/// RFC 3891 section 3: a Replaces belongs into an INVITE, and not beside a Join.
#[tokio::test(start_paused = true)]
async fn where_a_replaces_cannot_stand() {
    let (mut server, agent, mut events) = agent().await;
    let (old, name) = in_a_session(&mut server, &agent, &mut events, &[]).await;
    for method in [Method::Options, Method::Message, Method::Bye] {
        let mut draft = Draft::request(&method, "sip:alice@10.0.0.2");
        draft
            .header(Name::Via, server.via())
            .header(Name::MaxForwards, 70)
            .header(Name::From, "<sip:bob@localhost>;tag=x")
            .header(Name::To, "<sip:alice@localhost>")
            .header(Name::CallId, method.as_str())
            .header(Name::CSeq, format_args!("1 {method}"))
            .header(Name::Replaces, &name);
        server.send(&draft.finish()).await;
        server.response(400).await;
    }
    let mut draft = Draft::request(&Method::Invite, "sip:alice@10.0.0.2");
    draft
        .header(Name::Via, server.via())
        .header(Name::MaxForwards, 70)
        .header(Name::From, "<sip:bob@localhost>;tag=x")
        .header(Name::To, "<sip:alice@localhost>")
        .header(Name::CallId, "join")
        .header(Name::CSeq, "1 INVITE")
        .header(Name::Contact, "<sip:bob@10.0.0.3>")
        .header(Name::Replaces, &name)
        .other("Join", &name);
    server
        .send(&draft.finish_with("application/sdp", &sdp("passive", 2855)))
        .await;
    server.response(400).await;
    assert_eq!(agent.settled(old).await, Ok(()));
}

/// RFC 3891 section 3: what has just ended does not ring again.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_declined() {
    let (mut server, agent, mut events) = agent().await;
    let invite = server.call(&[], &sdp("passive", 2855)).await;
    let (_, ok) = answered(&mut server, &agent, &mut events, &invite).await;
    let bye = within(&mut server, Method::Bye, &invite, &ok, &[]);
    server.send(&bye.finish()).await;
    server.response(200).await;
    let name = replaces(&invite, &ok);
    let more = [(Name::Replaces, name.as_str())];
    server.call(&more, &sdp("passive", 2855)).await;
    server.response(603).await;
}

/// RFC 3891 section 3: an invitation to us that rings is not replaced; one of ours that rings is,
/// with a CANCEL.
#[tokio::test(start_paused = true)]
async fn early_dialogs() {
    let (mut server, agent, mut events) = agent().await;
    let invite = server.call(&[], &sdp("passive", 2855)).await;
    let ringing = server.response(180).await;
    invited(&mut events).await;
    let name = replaces(&invite, &ringing);
    let more = [(Name::Replaces, name.as_str())];
    server.call(&more, &sdp("passive", 2855)).await;
    server.response(481).await;

    let direct = client::Invitee::Address("sip:bob@localhost".to_owned());
    let old = agent.invite(direct, Options::default()).await.unwrap();
    let ours = server.expect(Method::Invite).await;
    let more = [(Name::Contact, "<sip:bob@10.0.0.3>")];
    server.answer(&ours, 180, "Ringing", &more).await;
    let from = ours.require::<sip::header::From<'_>>().unwrap();
    let name = Replaces {
        call_id: ours.raw(Name::CallId).unwrap(),
        to_tag: from.tag().unwrap(),
        from_tag: "srv",
        early_only: true,
    };
    let name = name.to_string();
    assert!(Replaces::parse(&name).is_ok());
    server
        .world
        .clock
        .sleep(std::time::Duration::from_secs(1))
        .await;
    told(&mut events);
    let more = [BOB, BOBS, UNREFERRED, (Name::Replaces, name.as_str())];
    let invite = server.call(&more, &sdp("passive", 2855)).await;
    let ok = server.response(200).await;
    let cancel = server.expect(Method::Cancel).await;
    acknowledge(&mut server, &invite, &ok).await;
    server.answer(&cancel, 200, "OK", &[]).await;
    server.answer(&ours, 487, "Request Terminated", &[]).await;
    server.expect(Method::Ack).await;
    let all = told(&mut events);
    let replaced =
        |event: &&Event| matches!(event, Event::Replaced { session, .. } if *session == old);
    assert_eq!(all.iter().filter(replaced).count(), 1, "{all:?}");
    let ended =
        |event: &Event| matches!(event, Event::SessionEnded { session, .. } if *session == old);
    assert!(all.iter().any(ended), "{all:?}");
}

/// The 200 to an invitation has not been acknowledged when the next takes its place: the BYE waits.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_acknowledged_is_ended_after_the_ack() {
    let (mut server, agent, mut events) = agent().await;
    let first = server.call(&[], &sdp("passive", 2855)).await;
    server.response(180).await;
    let (old, _) = invited(&mut events).await;
    agent.accept(old).await.unwrap();
    let ok = server.response(200).await;
    let name = replaces(&first, &ok);
    let more = [(Name::Replaces, name.as_str())];
    let second = server.call(&more, &sdp("passive", 2855)).await;
    let ok_to_second = server.response(200).await;
    acknowledge(&mut server, &second, &ok_to_second).await;
    acknowledge(&mut server, &first, &ok).await;
    let bye = server.expect(Method::Bye).await;
    assert_eq!(bye.raw(Name::CallId), first.raw(Name::CallId));
    let ended = fake::event(&mut events, |event| match event {
        Event::SessionEnded { session, why } => Some((*session, why.clone())),
        _ => None,
    });
    let (session, why) = ended.await;
    assert_eq!(session, old);
    assert!(why.starts_with("replaced by session"), "{why}");
}

/// Whoever was anonymous in the old session is so in the new one.
#[tokio::test(start_paused = true)]
async fn anonymity_is_kept() {
    let (mut server, agent, mut events) = agent().await;
    let hidden = Options {
        anonymous: true,
        ..Options::default()
    };
    let (made, (_, dialog)) = tokio::join!(
        agent.create_conference(fake::guests(), hidden),
        server.receive_call()
    );
    let old = made.unwrap();
    told(&mut events);
    // The server sees it from the other side.
    let ours = dialog.id();
    let name = Replaces {
        call_id: ours.call_id(),
        to_tag: ours.remote_tag(),
        from_tag: ours.local_tag(),
        early_only: false,
    };
    let name = name.to_string();
    let more = [(Name::Replaces, name.as_str())];
    server.call(&more, &sdp("passive", 2855)).await;
    let ok = server.response(200).await;
    assert_eq!(ok.raw(Name::Privacy), Some("id"));
    assert!(!ok.raw(Name::Contact).unwrap().contains("alice"));
    assert_eq!(
        agent.settled(old).await,
        Err(client::Failure::NoSuchSession)
    );
}

/// RCS: the session is named by its identity, from either side, by its Contribution-ID, or in the
/// list of those who are invited. What fits nothing rings.
#[tokio::test(start_paused = true)]
async fn session_replaces() {
    let stranger = [
        (Name::From, "<sip:mallory@localhost>;tag=1"),
        (Name::Contact, "<sip:m@10.0.0.9>"),
        UNREFERRED,
    ];
    #[rustfmt::skip]
    let table: [(&str, Headers<'_>, bool); 5] = [
        ("<sip:bob@10.0.0.3>", &[], true),
        ("sip:bob@10.0.0.3", &[BOB, BOBS], true),
        ("call1", &[], true),
        ("sip:other@10.0.0.3", &[], false),
        ("sip:bob@10.0.0.3", &stranger, false),
    ];
    for (name, second, fits) in table {
        let (mut server, agent, mut events) = agent().await;
        let person = [BOB, BOBS, UNREFERRED];
        let (old, _) = in_a_session(&mut server, &agent, &mut events, &person).await;
        told(&mut events);
        let more = [second, &[(Name::SessionReplaces, name)]].concat();
        server.call(&more, &sdp("passive", 2855)).await;
        if fits {
            is_replaced(&mut server, &mut events, old).await;
        } else {
            server.response(180).await;
            let (_, event) = invited(&mut events).await;
            assert!(
                matches!(event, Event::Invited { replaces: None, .. }),
                "{name}"
            );
        }
    }
}

/// RCS: the name stands in our entry of the list.
#[tokio::test(start_paused = true)]
async fn session_replaces_in_the_list() {
    for (entry, fits) in [
        ("sip:alice@localhost", true),
        ("sip:carol@localhost", false),
    ] {
        let (mut server, agent, mut events) = agent().await;
        let person = [BOB, BOBS, UNREFERRED];
        let (old, _) = in_a_session(&mut server, &agent, &mut events, &person).await;
        told(&mut events);
        let list = format!(
            "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>\
             <entry uri=\"{entry};method=INVITE?Session-Replaces=sip:bob%4010.0.0.3\"/>\
             </list></resource-lists>"
        );
        let offer = String::from_utf8(sdp("passive", 2855).to_vec()).unwrap();
        let body = format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--b\r\n\
             Content-Type: application/resource-lists+xml\r\n\
             Content-Disposition: recipient-list-history\r\n\r\n{list}\r\n--b--\r\n"
        );
        server
            .call_with("multipart/mixed;boundary=b", &[], body.as_bytes())
            .await;
        if fits {
            is_replaced(&mut server, &mut events, old).await;
        } else {
            server.response(180).await;
        }
    }
}
