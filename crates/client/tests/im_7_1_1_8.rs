//! IM 7.1.1.5 and 7.1.1.8: a session is changed, lives on, and ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Event, Failure, Options, Timer};
use fake::{SESSION, Server, conference, config, event, guests, meet, part, quiet_conference, sdp};
use sip::header::CSeq;
use sip::sdp::Description;
use sip::{Method, Name, Request};

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
    let mut config = config();
    config.subscribe = false;
    let (mut server, agent, mut events) = meet(config).await;
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
