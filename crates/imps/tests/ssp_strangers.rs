//! What a link does about those who are not the peer, or who are and ask too much.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod ssp_pair;

use std::time::{Duration, Instant};

use imps::ssp::link::{
    Event, Failure, Link, MAX_EVENTS, MAX_ID, MAX_SECRET, MAX_TRANSMITS, NotSent, Refusal,
    Settings, SettingsError,
};
use imps::ssp::{
    KeepAliveRequest, LogoutRequest, Message, Mode, Primitive, Secret, Setup, Transaction,
};
use imps::status::Code;
use proptest::prelude::*;
use ssp_pair::*;

/// A link that is up, its session id, and that of its peer, which is played here.
fn alone() -> (Link, String, Instant) {
    let now = Instant::now();
    let mut link = Link::new(settings(A), [1; 16]).unwrap();
    for body in [
        token(NAMES[B], "secretB"),
        proof(NAMES[B], "secretA"),
        named("m@b.com", None),
    ] {
        link.receive(&step(Mode::Request, "T", body), now);
    }
    assert!(link.is_up());
    let (posts, _) = drain(&mut link);
    let Message::Setup {
        body: Setup::LoginResponse(response),
        ..
    } = &posts[2]
    else {
        panic!("{posts:?}");
    };
    let session = response.session.clone().unwrap();
    (link, session, now)
}

fn asks(session: &str, id: &str, primitive: Primitive) -> Message {
    Message::of_session(session, Transaction::request(id, primitive))
}

/// Whoever pretends to be the peer gets no session, and does not end the one there is.
#[test]
fn pretenders() {
    let mut pair = Pair::up();
    pair.sides[B].prompt = false;
    pair.ask(A, "one").unwrap();
    pair.run(SECOND);
    for who in [A, B] {
        let now = pair.now;
        let link = &mut pair.sides[who].link;
        let peer = NAMES[1 - who];
        for body in [
            token(peer, "mine"),
            proof(peer, "guess"),
            named("x@y.z", None),
        ] {
            for id in ["T", "U"] {
                link.receive(&step(Mode::Request, id, body.clone()), now);
                link.receive(&step(Mode::Response, id, body.clone()), now);
            }
        }
        let logout = Primitive::LogoutRequest(LogoutRequest {});
        link.receive(&asks("x@y.z", "1", logout), now);
    }
    pair.run(HOUR);
    assert!(pair.is_up());
    for side in &pair.sides {
        assert_eq!((side.ups, side.downs.len()), (1, 0));
        assert!(side.refusals.contains(&Refusal::ForeignSession));
        assert!(side.refusals.contains(&Refusal::Unexpected));
        assert!(side.refusals.contains(&Refusal::WrongDigest));
    }
    pair.ask(B, "two").unwrap();
    pair.run(SECOND);
    assert_eq!(pair.outcomes(B), [Ok("two")]);
}

#[test]
fn foreign_services() {
    let now = Instant::now();
    let mut link = Link::new(settings(A), [1; 16]).unwrap();
    for (service, want) in [
        ("wv:@c.com", Some(Refusal::ForeignService)),
        ("wv:@a.com", Some(Refusal::ForeignService)),
        ("wv:ann@b.com", Some(Refusal::ForeignService)),
        ("@@", Some(Refusal::ForeignService)),
        ("@B.COM", None),
    ] {
        link.receive(&step(Mode::Request, service, token(service, "s")), now);
        link.receive(
            &step(Mode::Request, service, proof(service, "secretA")),
            now,
        );
        let (posts, events) = drain(&mut link);
        let want: Vec<Event> = want.into_iter().map(Event::Refused).collect();
        assert_eq!(posts.is_empty(), !want.is_empty(), "{service}");
        assert_eq!(events, [&want[..], &want[..]].concat(), "{service}");
    }
    for (own, peer, want) in [
        ("wv:@a.com", "@A.com", SettingsError::SameService),
        (
            "wv:ann@a.com",
            "wv:@b.com",
            SettingsError::Address(imps::id::AddressError::Form),
        ),
        (
            "wv:@a.com",
            "",
            SettingsError::Address(imps::id::AddressError::Empty),
        ),
    ] {
        let error = Link::new(Settings::new(own, peer), [0; 16])
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error, want, "{own} {peer}");
    }
    let empty = Settings {
        secret: Some(Secret::new("")),
        ..settings(A)
    };
    assert_eq!(
        Link::new(empty, [0; 16]).map(|_| ()),
        Err(SettingsError::EmptySecret)
    );
}

/// A server with several links finds the one that a message is for.
#[test]
fn whose_message_it_is() {
    let (link, session, now) = alone();
    let mut other = Link::new(Settings::new(NAMES[A], "wv:@c.com"), [3; 16]).unwrap();
    other.dial(now);
    let response = |id: &str| step(Mode::Response, id, named("m", None));
    let Message::Setup { transaction_id, .. } = &drain(&mut other).0[0] else {
        panic!("no dialing");
    };
    let rows = [
        (
            step(Mode::Request, "9", token("b.com", "x")),
            [false, false],
        ),
        (
            step(Mode::Request, "9", token("@B.com", "x")),
            [true, false],
        ),
        (
            step(Mode::Request, "9", proof("wv:@c.com", "x")),
            [false, true],
        ),
        (response("T"), [true, false]),
        (response(transaction_id), [false, true]),
        (response("9"), [false, false]),
        (asks(&session, "1", request("x")), [true, false]),
        (asks("m@b.com", "1", request("x")), [false, false]),
    ];
    for (message, want) in rows {
        assert_eq!(
            [&link, &other].map(|link| link.is_for(&message)),
            want,
            "{message:?}"
        );
    }
}

/// A peer that asks and asks, while the owner answers nothing.
#[test]
fn a_flood_of_requests() {
    let (mut link, session, now) = alone();
    for number in 0..5000 {
        let message = asks(&session, &number.to_string(), request("x"));
        link.receive(&message, now);
        link.receive(&message, now);
    }
    let (posts, events) = drain(&mut link);
    // The first 256 are told, once each; the others are turned away, and forgotten in time.
    let told = events
        .iter()
        .filter(|event| matches!(event, Event::Asked { .. }));
    assert_eq!(told.count(), 256);
    assert!(events.len() <= MAX_EVENTS, "{}", events.len());
    assert_eq!(posts.len(), MAX_TRANSMITS);
    assert!(
        posts
            .iter()
            .all(|post| status(post) == Code::SERVICE_UNAVAILABLE)
    );
    assert!(link.is_up());
    // One answer, and there is room for one more.
    link.answer("0", answer("x")).unwrap();
    link.receive(&asks(&session, "a", request("x")), now);
    link.receive(&asks(&session, "b", request("x")), now);
    let (posts, events) = drain(&mut link);
    assert_eq!((posts.len(), events.len()), (2, 2));
    assert_eq!(events[1], Event::Refused(Refusal::TooMany));
    // What has been turned away stays so.
    link.receive(&asks(&session, "b", request("x")), now);
    let (posts, events) = drain(&mut link);
    assert_eq!((posts.len(), events.len()), (1, 0));
}

/// Refusals do not pile up, whatever comes.
#[test]
fn a_flood_of_nonsense() {
    let (mut link, session, now) = alone();
    let long = "i".repeat(MAX_ID + 1);
    let secret = "s".repeat(MAX_SECRET + 1);
    for _ in 0..MAX_EVENTS {
        link.receive(&asks("other", "1", request("x")), now);
        link.receive(&asks(&session, &long, request("x")), now);
        link.receive(&step(Mode::Request, &long, token(NAMES[B], "x")), now);
        link.receive(&step(Mode::Request, "U", token(NAMES[B], &secret)), now);
        link.receive(&step(Mode::Request, "U", token(NAMES[B], "")), now);
        link.receive(
            &step(
                Mode::Request,
                "U",
                Setup::Status(imps::csp::Outcome::default()),
            ),
            now,
        );
    }
    let (posts, events) = drain(&mut link);
    assert_eq!((posts.len(), events.len()), (MAX_TRANSMITS, MAX_EVENTS));
    for why in [
        Refusal::ForeignSession,
        Refusal::TooLong,
        Refusal::WrongSecret,
        Refusal::Unexpected,
    ] {
        assert!(events.contains(&Event::Refused(why)), "{why}");
    }
    assert!(link.is_up());
}

#[test]
fn too_much_at_once() {
    let (mut link, _, now) = alone();
    for number in 0..256 {
        assert!(link.request(request("x"), now).is_ok(), "{number}");
    }
    assert_eq!(link.request(request("x"), now), Err(NotSent::Busy));
    // Nobody answers, and after three tries there is room again. That takes 20 + 40 + 80 s.
    let mut posts = 0;
    while let Some(at) = link.poll_timeout().filter(|at| *at <= now + 200 * SECOND) {
        link.handle_timeout(at);
        let asks = |post: &&Message| kind(post).1 == "GetGroupMemberRequest";
        posts += drain(&mut link).0.iter().filter(asks).count();
    }
    assert_eq!(posts, 3 * 256);
    assert!(link.request(request("x"), now + 200 * SECOND).is_ok());
}

/// Requests that cannot be read are answered so; an answer that cannot be read is none.
#[test]
fn unreadable_transactions() {
    let (mut link, session, now) = alone();
    let ticket = link.request(request("x"), now).unwrap();
    let (posts, _) = drain(&mut link);
    let Message::Session { transactions, .. } = &posts[0] else {
        panic!("{posts:?}");
    };
    let xml = format!(
        "<WV-SSP-Message><Session sessionID='{session}'>\
         <Transaction mode='Request' transactionID='1'><Dance/></Transaction>\
         <Transaction mode='Request' transactionID='2'><JoinGroupRequest/></Transaction>\
         <Transaction mode='Response' transactionID='{}'><Status/></Transaction>\
         </Session></WV-SSP-Message>",
        transactions[0].id
    );
    link.receive(&Message::parse(xml.as_bytes()).unwrap(), now);
    let (posts, events) = drain(&mut link);
    let codes: Vec<_> = posts.iter().map(status).collect();
    assert_eq!(codes, [Code::NOT_IMPLEMENTED, Code::BAD_REQUEST]);
    assert!(
        matches!(
            &events[..],
            [
                Event::Refused(Refusal::Unreadable(_)),
                Event::Refused(Refusal::Unreadable(_)),
                Event::Failed { ticket: failed, why: Failure::BadAnswer(_) },
            ] if *failed == ticket
        ),
        "{events:?}"
    );
}

/// The peer may want a shorter time to live later on, but no shorter than makes sense.
#[test]
fn the_time_to_live_changes() {
    for (wanted, want) in [
        (Some(600), 600),
        (Some(0), 30),
        (Some(u32::MAX), 86_400),
        (None, 86_400),
    ] {
        let (mut link, session, now) = alone();
        let keep = Primitive::KeepAliveRequest(KeepAliveRequest {
            time_to_live_s: wanted,
        });
        link.receive(&asks(&session, "1", keep), now);
        let (posts, events) = drain(&mut link);
        assert_eq!(events, []);
        let Message::Session { transactions, .. } = &posts[0] else {
            panic!("{posts:?}");
        };
        let Primitive::KeepAliveResponse(response) = &transactions[0].primitive else {
            panic!("{posts:?}");
        };
        assert_eq!(response.time_to_live_s, Some(want), "{wanted:?}");
        let half = Duration::from_secs(u64::from(want) / 2);
        assert_eq!(link.poll_timeout(), Some(now + half), "{wanted:?}");
    }
}

/// The shortest of the times to live that are named counts.
#[test]
fn the_time_to_live_at_first() {
    for (asked, said, want) in [
        (None, None, 86_400),
        (Some(600), None, 600),
        (None, Some(600), 600),
        (Some(900), Some(600), 600),
        (Some(600), Some(900), 600),
        (Some(1), Some(100_000), 30),
        (Some(100_000), None, 86_400),
    ] {
        let now = Instant::now();
        let mut link = Link::new(settings(A), [1; 16]).unwrap();
        let mut login = proof(NAMES[B], "secretA");
        if let Setup::LoginRequest(request) = &mut login {
            request.time_to_live_s = asked;
        }
        for body in [token(NAMES[B], "secretB"), login, named("m@b.com", said)] {
            link.receive(&step(Mode::Request, "T", body), now);
        }
        assert!(link.is_up());
        let half = Duration::from_secs(want / 2);
        assert_eq!(link.poll_timeout(), Some(now + half), "{asked:?} {said:?}");
    }
}

/// Any of the things that can come in, of the peer or of anybody.
fn anything(session: &str, kind: u8, id: u8) -> Message {
    let ids = ["T", "U", "1", "2"];
    let id = ids[usize::from(id) % ids.len()];
    let mode = [Mode::Request, Mode::Response][usize::from(kind) / 16 % 2];
    let primitive = |primitive| {
        let transaction = Transaction {
            mode,
            id: id.to_owned(),
            primitive,
        };
        Message::of_session(session, transaction)
    };
    match kind % 12 {
        0 => step(mode, id, token(NAMES[B], "secretB")),
        1 => step(mode, id, token(NAMES[B], "other")),
        2 => step(mode, id, proof(NAMES[B], "secretA")),
        3 => step(mode, id, proof(NAMES[B], "other")),
        4 => step(mode, id, named("m@b.com", Some(60))),
        5 => step(
            mode,
            id,
            Setup::Status(imps::csp::Outcome::new(Code::FORBIDDEN)),
        ),
        6 => primitive(Primitive::LogoutRequest(LogoutRequest {})),
        7 => primitive(Primitive::KeepAliveRequest(KeepAliveRequest::default())),
        8 => primitive(Primitive::Disconnect(imps::ssp::Disconnect::default())),
        9 => primitive(Primitive::status(Code::SUCCESSFUL)),
        _ => primitive(request("x")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever comes in whatever order: no panic, nothing without bound, time goes on, and no
    /// session without the proof.
    #[test]
    fn anything_in_any_order(
        steps in proptest::collection::vec((any::<u8>(), any::<u8>(), 0_u64..100), 0..80),
        proofs in any::<bool>(),
    ) {
        let (mut link, session, mut now) = alone();
        if !proofs {
            link = Link::new(settings(A), [1; 16]).unwrap();
        }
        for (kind, id, seconds) in steps {
            if !proofs && kind % 12 == 2 {
                continue;
            }
            match id % 16 {
                0 => link.dial(now),
                1 => link.close(now),
                2 => { let _ = link.request(request("x"), now); }
                3 => { let _ = link.answer("1", answer("x")); }
                4 => link.posted_failed("1", now),
                _ => link.receive(&anything(&session, kind, id), now),
            }
            let (posts, events) = drain(&mut link);
            prop_assert!(posts.len() <= 8 && events.len() <= 8, "{:?} {:?}", posts, events);
            prop_assert!(proofs || !link.is_up());
            now += Duration::from_secs(seconds);
            if let Some(at) = link.poll_timeout() && at <= now {
                link.handle_timeout(now);
                prop_assert!(link.poll_timeout().is_none_or(|at| at > now));
            }
        }
    }
}
