//! An agent is invited: it rings, accepts, declines, and speaks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Event, Events, Heard, Saying, SessionId};
use fake::{
    SESSION, Server, acknowledge, acknowledge_with, config, event, invited, meet, sdp, told,
};
use sip::sdp::Description;
use sip::{Draft, Method, Name};

#[tokio::test(start_paused = true)]
async fn an_invitation_rings_and_is_accepted() {
    let mut config = config();
    config.block_list = vec!["sip:bob@localhost".to_owned()];
    let (mut server, agent, mut events) = meet(config).await;
    let more = [(Name::SessionExpires, "1800;refresher=uac")];
    let invite = server.call(&more, &sdp("passive", 2855)).await;
    let ringing = server.response(180).await;
    assert_eq!(
        ringing.raw(Name::UserAgent),
        Some("IM-client/OMA1.0 Tertulia/0.1.0")
    );
    let (session, event) = invited(&mut events).await;
    let want = Event::Invited {
        session,
        from: "sip:bob@localhost".to_owned(),
        display: Some("Bob".to_owned()),
        is_focus: true,
        blocked: true,
        others: Vec::new(),
        replaces: None,
    };
    assert_eq!(event, want);
    agent.accept(session).await.unwrap();
    let ok = server.response(200).await;
    assert_eq!(ok.raw(Name::SessionExpires), Some("1800;refresher=uac"));
    assert!(ok.raw(Name::Contact).unwrap().ends_with(";+g.oma.sip-im"));
    let answer = Description::parse(&ok.body()).unwrap();
    let (_, media) = answer.msrp().unwrap();
    let path = media.path[0].clone();
    // The active side connects at once; the 200 comes again until it is acknowledged.
    let mut talk = server.talk().await;
    server.response(200).await;
    acknowledge(&mut server, &invite, &ok).await;
    let subscribe = server.expect(Method::Subscribe).await;
    assert_eq!(subscribe.uri(), SESSION);
    talk.said_hello().await;
    let (sent, piece) = tokio::join!(
        agent.send(session, Saying::text("hi").to("sip:bob@localhost")),
        talk.said(200)
    );
    assert!(sent.is_ok());
    assert!(String::from_utf8_lossy(&piece.data).contains("\r\nTo: <sip:bob@localhost>\r\n"));
    hear(&mut talk, &path, session, &mut events).await;
}

/// What is said to the agent, and what it makes of it.
async fn hear(talk: &mut fake::Talk, path: &str, session: SessionId, events: &mut Events) {
    told(events);
    let body = "From: \"Bob B\" <sip:bob@localhost>\r\nTo: <sip:s-7f3a@im.localhost>\r\n\
        DateTime: 2026-01-01T00:00:00Z\r\nNS: x <urn:ietf:params:imdn>\r\nx.Message-ID: m1\r\n\r\n\
        Content-type: text/plain\n\nHola";
    assert_eq!(talk.say(path, "message/CPIM", body).await, 200);
    let want = Heard {
        session: Some(session),
        from: "sip:bob@localhost".to_owned(),
        display: Some("Bob B".to_owned()),
        to: Some(SESSION.to_owned()),
        content_type: "text/plain".to_owned(),
        text: "Hola".to_owned(),
        date_time: Some("2026-01-01T00:00:00Z".to_owned()),
        imdn_id: Some("m1".to_owned()),
        blocked: true,
    };
    let heard = event(events, |event| match event {
        Event::Message(heard) => Some(heard.clone()),
        _ => None,
    });
    assert_eq!(heard.await, want);
    let json = serde_json::to_value(Event::Message(want)).unwrap();
    assert_eq!(json["event"], "message");
    assert_eq!(json["text"], "Hola");
}

#[tokio::test(start_paused = true)]
async fn who_offers_to_connect_is_waited_for() {
    let (mut server, agent, mut events) = meet(config()).await;
    let invite = server.call(&[], &sdp("active", 9)).await;
    server.response(180).await;
    let (session, _) = invited(&mut events).await;
    agent.accept(session).await.unwrap();
    let ok = server.response(200).await;
    acknowledge(&mut server, &invite, &ok).await;
    let answer = Description::parse(&ok.body()).unwrap();
    let (_, media) = answer.msrp().unwrap();
    let target = media.connect_to(false).expect("somewhere to connect");
    let to = format!("{}:{}", target.host, target.port).parse().unwrap();
    // A stranger who knows the port but not the session is turned away.
    let mut stranger = server.dial(to).await;
    stranger.ask("msrp://10.0.0.2:1/guess;tcp").await;
    assert!(stranger.is_closed().await);
    let mut talk = server.dial(to).await;
    talk.ask(&media.path[0]).await;
    assert_eq!(talk.status().await, 200);
    let up = |event: &Event| matches!(event, Event::MediaUp { .. }).then_some(());
    event(&mut events, up).await;
}

#[tokio::test(start_paused = true)]
async fn invitations_that_are_not_accepted() {
    let (mut server, agent, mut events) = meet(config()).await;
    // Declined.
    server.call(&[], &sdp("passive", 2855)).await;
    server.response(180).await;
    let (session, _) = invited(&mut events).await;
    agent.decline(session, 603).await.unwrap();
    server.response(603).await;
    acknowledge_nothing(&mut server).await;
    // Not answered.
    server.call(&[], &sdp("passive", 2855)).await;
    server.response(180).await;
    invited(&mut events).await;
    let begin = server.world.clock.now();
    server.response(480).await;
    assert_eq!((server.world.clock.now() - begin).as_secs(), 180);
    // Taken back.
    let invite = server.call(&[], &sdp("passive", 2855)).await;
    server.response(180).await;
    let (session, _) = invited(&mut events).await;
    let mut draft = Draft::request(&Method::Cancel, invite.uri());
    for name in [Name::Via, Name::From, Name::To, Name::CallId] {
        draft.copy_all(&invite, name);
    }
    draft
        .header(Name::CSeq, "1 CANCEL")
        .header(Name::MaxForwards, 70);
    draft.header(
        Name::Reason,
        "SIP;cause=200;text=\"Call completed elsewhere\"",
    );
    server.send(&draft.finish()).await;
    server.response(200).await;
    server.response(487).await;
    let why = event(&mut events, |event| match event {
        Event::SessionEnded { session: of, why } if *of == session => Some(why.clone()),
        _ => None,
    });
    assert_eq!(
        why.await,
        "the invitation was taken back: Call completed elsewhere"
    );
    assert!(agent.accept(session).await.is_err());
}

/// The layer below repeats a refusal until its ACK; over TCP nothing is repeated.
async fn acknowledge_nothing(server: &mut Server) {
    assert!(server.is_quiet(Duration::from_secs(1)).await);
}

/// (the refusal, a header of the INVITE, its offer, a header of the refusal, its value)
type Offered<'a> = (
    u16,
    Option<(Name, &'a str)>,
    &'a [u8],
    Name,
    Option<&'a str>,
);

#[tokio::test(start_paused = true)]
async fn invitations_that_cannot_be_accepted() {
    let audio = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let bare = sdp("passive", 2855);
    let bare = String::from_utf8_lossy(&bare).replace("message/cpim", "text/plain");
    let good = sdp("passive", 2855);
    #[rustfmt::skip]
    let table: [Offered<'_>; 6] = [
        (488, None, audio, Name::Allow, None),
        (488, None, bare.as_bytes(), Name::Allow, None),
        (400, None, b"v=what", Name::Allow, None),
        (420, Some((Name::Require, "timer, 100rel")), &good, Name::Unsupported, Some("100rel")),
        (422, Some((Name::SessionExpires, "60")), &good, Name::MinSe, Some("90")),
        (481, Some((Name::Replaces, "c;to-tag=a;from-tag=b")), &good, Name::Allow, None),
    ];
    let (mut server, _agent, mut events) = meet(config()).await;
    for (status, more, offer, name, want) in table {
        let more: Vec<_> = more.into_iter().collect();
        server.call(&more, offer).await;
        let refusal = server.response(status).await;
        if let Some(want) = want {
            assert_eq!(refusal.raw(name), Some(want), "{status}");
        }
        assert!(
            matches!(told(&mut events)[..], [Event::Fault { .. }]),
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_outside_sessions() {
    let (mut server, _agent, mut events) = meet(config()).await;
    let request = |server: &mut Server, method: Method, more: &[(Name, &str)], body: &str| {
        let mut draft = Draft::request(&method, "sip:alice@10.0.0.2");
        draft
            .header(Name::Via, server.via())
            .header(Name::MaxForwards, 70)
            .header(Name::From, "\"Bob\" <sip:bob@localhost>;tag=x")
            .header(Name::To, "<sip:alice@localhost>")
            .header(Name::CallId, method.as_str())
            .header(Name::CSeq, format_args!("1 {method}"));
        for (name, value) in more {
            draft.header(*name, value);
        }
        draft.finish_with("text/plain", body.as_bytes())
    };
    let options = request(&mut server, Method::Options, &[], "");
    server.send(&options).await;
    let ok = server.response(200).await;
    assert!(ok.lists(Name::Allow, "MESSAGE") && ok.lists(Name::Supported, "timer"));
    let message = request(&mut server, Method::Message, &[], "Hello");
    server.send(&message).await;
    server.response(200).await;
    assert!(matches!(&told(&mut events)[..], [Event::Message(heard)] if heard.text == "Hello"));
    for (method, status) in [
        (Method::Refer, 405),
        (Method::Bye, 481),
        (Method::Update, 481),
        (Method::Notify, 481),
    ] {
        let other = request(&mut server, method, &[], "");
        server.send(&other).await;
        server.response(status).await;
    }
    // What is no message at all ends the connection, and is told.
    server.send(b"rubbish\r\n\r\n").await;
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
}

/// RFC 3261 section 13.3.1.4: an invitation without an offer gets ours in the 200.
#[tokio::test(start_paused = true)]
async fn an_invitation_that_leaves_the_offer_to_us() {
    let (mut server, agent, mut events) = meet(config()).await;
    let invite = server.call(&[], b"").await;
    server.response(180).await;
    let (session, _) = invited(&mut events).await;
    agent.accept(session).await.unwrap();
    let ok = server.response(200).await;
    let offer = Description::parse(&ok.body()).unwrap();
    assert_eq!(offer.msrp().unwrap().1.setup, Some(sip::sdp::Setup::Active));
    acknowledge_with(&mut server, &invite, &ok, &sdp("passive", 2855)).await;
    server.talk().await.said_hello().await;
}
