//! How a link comes up: the six steps, what loss and doubling do to them, both at once, wrong
//! secrets, waiting before dialing again.

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

use imps::ssp::link::{Down, Event, Link, NotAsked, Refusal, Settings};
use imps::ssp::{LoginResponse, Message, Mode, Primitive, RedirectList, Secret, Setup};
use imps::status::Code;
use ssp_pair::*;

#[test]
fn six_steps_and_requests_both_ways() {
    let mut pair = Pair::up();
    let steps: Vec<_> = pair
        .log
        .iter()
        .map(|(_, _, message)| kind(message))
        .collect();
    assert_eq!(steps, STEPS);
    let Message::Setup {
        body: Setup::LoginRequest(login),
        ..
    } = &pair.log[2].2
    else {
        panic!("{:?}", pair.log[2]);
    };
    // Each shows that it knows the other's secret.
    assert_eq!(login.digest.0, Secret::new("secretB").digest());
    assert_eq!(login.time_to_live_s, Some(86_400));
    pair.ask(A, "one").unwrap();
    pair.ask(B, "two").unwrap();
    pair.run(SECOND);
    assert_eq!(
        (pair.outcomes(A), pair.outcomes(B)),
        (vec![Ok("one")], vec![Ok("two")])
    );
    // Everybody is addressed with the id of its own.
    for (_, from, message) in &pair.log[6..] {
        let Message::Session { session_id, .. } = message else {
            panic!("{message:?}");
        };
        let receiver = ["@b.com", "@a.com"][*from];
        assert!(session_id.ends_with(receiver), "{session_id}");
    }
    assert_eq!(pair.log.len(), 10);
}

#[test]
fn each_step_lost_or_doubled() {
    for at in STEPS {
        for copies in [0, 2, 3] {
            let mut pair = Pair::new();
            pair.fate = first(at, copies);
            pair.sides[A].link.dial(pair.now);
            pair.run(60 * SECOND);
            assert!(pair.is_up(), "{at:?}, {copies} copies");
            pair.ask(A, "one").unwrap();
            pair.ask(B, "two").unwrap();
            // Long enough for anything left over to show.
            pair.run(600 * SECOND);
            assert_eq!(pair.outcomes(A), [Ok("one")], "{at:?}, {copies} copies");
            assert_eq!(pair.outcomes(B), [Ok("two")], "{at:?}, {copies} copies");
            for side in &pair.sides {
                assert_eq!(
                    (side.ups, side.downs.len()),
                    (1, 0),
                    "{at:?}, {copies} copies"
                );
                assert_eq!(side.refusals, [], "{at:?}, {copies} copies");
            }
        }
    }
}

#[test]
fn both_dial_at_once() {
    for seed in 0..200 {
        let mut pair = Pair::new();
        let mut state = seed;
        pair.fate = Box::new(move |_| vec![Duration::from_millis(1 + random(&mut state) % 900)]);
        // At the same time, or so shortly after each other that the calls cross.
        let order = [[A, B], [B, A]][(seed % 2) as usize];
        pair.sides[order[0]].link.dial(pair.now);
        pair.run(Duration::from_micros(seed % 3));
        pair.sides[order[1]].link.dial(pair.now);
        pair.run(10 * SECOND);
        assert!(pair.is_up(), "seed {seed}");
        // The one whose name comes first goes on.
        for (_, from, message) in &pair.log {
            let leads = (Mode::Request, "LoginResponse");
            assert!(kind(message) != leads || *from == A, "seed {seed}");
        }
        pair.ask(A, "one").unwrap();
        pair.ask(B, "two").unwrap();
        pair.run(10 * SECOND);
        assert_eq!(pair.outcomes(A), [Ok("one")], "seed {seed}");
        assert_eq!(pair.outcomes(B), [Ok("two")], "seed {seed}");
        for side in &pair.sides {
            assert_eq!((side.ups, side.downs.len()), (1, 0), "seed {seed}");
        }
    }
}

/// Whoever starts first dials in vain. Once the other one dials, it is there, and is told at once.
#[test]
fn one_dials_before_the_other_is_there() {
    for side in [A, B] {
        let mut pair = Pair::new();
        pair.fate = Box::new(|_| Vec::new());
        pair.sides[side].link.dial(pair.now);
        pair.run(LATENCY);
        let id = dialed(&pair.log[0].2);
        pair.sides[side].link.posted_failed(&id, pair.now);
        pair.run(3 * SECOND);
        pair.fate = Box::new(|_| vec![LATENCY]);
        pair.sides[1 - side].link.dial(pair.now);
        pair.run(SECOND);
        assert!(pair.is_up(), "{side} dials first");
    }
}

/// Somebody who dials in the peer's name does not make this side talk: it says a step again at once
/// if the last time was in vain, and then not until that was in vain too.
#[test]
fn dialing_alone_makes_nobody_talk() {
    let mut link = side(settings(A), 1).link;
    let now = Instant::now();
    link.dial(now);
    let id = dialed(&drain(&mut link).0[0]);
    let mut said = |id: &str, failed: Option<&str>| {
        if let Some(failed) = failed {
            link.posted_failed(failed, now);
        }
        let dials = step(Mode::Request, id, token(NAMES[B], SECRETS[B]));
        link.receive(&dials, now);
        drain(&mut link).0.iter().map(dialed).collect::<Vec<_>>()
    };
    for (from, failed, again) in [
        ("x1", None, false),
        ("x2", Some("another"), false),
        ("x3", Some(id.as_str()), true),
        ("x4", None, false),
        ("x5", Some(id.as_str()), true),
    ] {
        let want: &[&str] = if again { &[&id] } else { &[] };
        assert_eq!(said(from, failed), want, "{from}");
    }
}

fn dialed(message: &Message) -> String {
    match message {
        Message::Setup { transaction_id, .. } => transaction_id.clone(),
        Message::Session { .. } => panic!("{message:?}"),
    }
}

/// The peer that was dialed cannot show that it knows our secret; nor can the one that dials.
#[test]
fn a_wrong_digest() {
    let now = Instant::now();
    let turned_away = |mode| (mode, "LoginResponse");
    let mut link = Link::new(settings(A), [1; 16]).unwrap();
    link.dial(now);
    let (posts, _) = drain(&mut link);
    let Message::Setup { transaction_id, .. } = &posts[0] else {
        panic!("{posts:?}");
    };
    let id = transaction_id.as_str();
    link.receive(&step(Mode::Response, id, token("b.com", "x")), now);
    link.receive(
        &step(Mode::Response, id, token("wv:@b.com", "secretB")),
        now,
    );
    drain(&mut link);
    link.receive(&step(Mode::Response, id, proof("wv:@b.com", "guess")), now);
    let (posts, events) = drain(&mut link);
    assert_eq!(kind(&posts[0]), turned_away(Mode::Request));
    assert_eq!(status(&posts[0]), Code::INVALID_PASSWORD);
    assert_eq!(events, [Event::Down(Down::WrongDigest)]);
    // It does not help to go on as if nothing were.
    link.receive(&step(Mode::Response, id, named("m@b.com", None)), now);
    let (posts, events) = drain(&mut link);
    assert_eq!(
        (posts.len(), events),
        (0, vec![Event::Refused(Refusal::Unexpected)])
    );
    assert!(!link.is_up());

    let mut link = Link::new(settings(A), [1; 16]).unwrap();
    link.receive(
        &step(Mode::Request, "T", token("wv:@b.com", "secretB")),
        now,
    );
    // Without a proof there is no session.
    link.receive(&step(Mode::Request, "T", named("m@b.com", None)), now);
    assert!(!link.is_up());
    drain(&mut link);
    link.receive(&step(Mode::Request, "T", proof("wv:@b.com", "guess")), now);
    let (posts, events) = drain(&mut link);
    assert_eq!(kind(&posts[0]), turned_away(Mode::Response));
    assert_eq!(status(&posts[0]), Code::INVALID_PASSWORD);
    assert_eq!(events, [Event::Refused(Refusal::WrongDigest)]);
    link.receive(&step(Mode::Request, "T", named("m@b.com", None)), now);
    assert!(!link.is_up());
}

#[test]
fn a_secret_that_is_not_the_one_configured() {
    let refused = Code::INVALID_PASSWORD;
    for dials in [A, B] {
        // A knows B by another secret than it has.
        let mut pair = Pair::with([A, B].map(settings));
        let known = Settings {
            peer_secret: Some(Secret::new("before")),
            ..settings(A)
        };
        pair.sides[A] = side(known, 1);
        pair.sides[dials].link.dial(pair.now);
        pair.run(SECOND);
        let [a, b] = &pair.sides;
        if dials == A {
            assert_eq!(
                (&a.downs[..], &a.refusals[..]),
                (&[Down::WrongSecret][..], &[][..])
            );
            assert_eq!(b.refusals, [Refusal::TurnedAway(refused)]);
        } else {
            assert_eq!(
                (&a.downs[..], &a.refusals[..]),
                (&[][..], &[Refusal::WrongSecret][..])
            );
            assert_eq!(b.downs, [Down::Refused(refused)]);
        }
        assert_eq!((a.ups, b.ups), (0, 0));
    }
    // Somebody else answers first, and does not know under which id: the peer still comes.
    let mut pair = Pair::new();
    let known = Settings {
        peer_secret: Some(Secret::new(SECRETS[B])),
        ..settings(A)
    };
    pair.sides[A] = side(known, 1);
    pair.sides[A].link.dial(pair.now);
    let guess = step(Mode::Response, "guess", token(NAMES[B], "guess"));
    pair.sides[A].link.receive(&guess, pair.now);
    pair.run(SECOND);
    assert_eq!(pair.sides[A].refusals, [Refusal::WrongSecret]);
    assert!(pair.is_up());
    // With the right one all is well.
    let known = |side: usize| Settings {
        peer_secret: Some(Secret::new(SECRETS[1 - side])),
        ..settings(side)
    };
    let mut pair = Pair::with([known(A), known(B)]);
    pair.sides[B].link.dial(pair.now);
    pair.run(SECOND);
    assert!(pair.is_up());
}

/// Nobody answers: the waits grow, up to the longest.
#[test]
fn dialing_again() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|_| Vec::new());
    pair.sides[A].link.dial(pair.now);
    pair.run(3 * HOUR);
    let mut dialed: Vec<(Duration, String)> = Vec::new();
    for (at, _, message) in &pair.log {
        let id = self::dialed(message);
        if dialed.last().is_none_or(|(_, last)| *last != id) {
            dialed.push((*at, id));
        }
    }
    // Each attempt takes two minutes, and says the same every 20 seconds.
    let gaps: Vec<u64> = dialed
        .windows(2)
        .map(|two| (two[1].0 - two[0].0).as_secs() - 120)
        .collect();
    assert_eq!(gaps[..5], [5, 10, 20, 40, 60]);
    assert!(gaps[5..].iter().all(|gap| *gap == 60), "{gaps:?}");
    assert_eq!(
        pair.log[..3]
            .iter()
            .map(|(at, ..)| at.as_secs())
            .collect::<Vec<_>>(),
        [0, 20, 40]
    );
    let downs = &pair.sides[A].downs;
    assert!(downs.len() > 10 && downs.iter().all(|why| *why == Down::HandshakeTimeout));
    // Whoever wants no session does not dial.
    pair.sides[A].link.close(pair.now);
    let posts = pair.log.len();
    pair.run(3 * HOUR);
    assert!(pair.log.len() <= posts + 1);
    assert_eq!(pair.sides[A].link.poll_timeout(), None);
}

#[test]
fn a_redirect() {
    let now = Instant::now();
    let mut link = Link::new(settings(A), [1; 16]).unwrap();
    link.dial(now);
    let (posts, _) = drain(&mut link);
    let Message::Setup { transaction_id, .. } = &posts[0] else {
        panic!("{posts:?}");
    };
    let away = Setup::LoginResponse(LoginResponse {
        redirect: Some(RedirectList {
            addresses: vec![
                "https://c.com:1/ssp".to_owned(),
                "https://d.com/".to_owned(),
            ],
        }),
        ..LoginResponse::default()
    });
    // Only the one who was dialed knows the transaction.
    link.receive(&step(Mode::Response, "guess", away.clone()), now);
    assert_eq!(drain(&mut link).1, [Event::Refused(Refusal::Unexpected)]);
    link.receive(&step(Mode::Response, transaction_id, away), now);
    let (posts, events) = drain(&mut link);
    let address = "https://c.com:1/ssp".to_owned();
    let want = [Event::Down(Down::Redirected), Event::Redirected { address }];
    assert_eq!((posts.len(), &events[..]), (0, &want[..]));
    // It is up to the owner to dial there, after a while: two that redirect to each other do not
    // make it spin.
    assert_eq!(link.poll_timeout(), None);
    link.dial(now);
    assert_eq!(link.poll_timeout(), Some(now + 5 * SECOND));
    link.handle_timeout(now + 5 * SECOND);
    assert_eq!(kind(&drain(&mut link).0[0]), STEPS[0]);
}

/// A session needs no configured secret: each side makes one up.
#[test]
fn made_up_secrets() {
    let own = |side: usize| Settings::new(NAMES[side], NAMES[1 - side]);
    let mut pair = Pair::with([own(A), own(B)]);
    pair.sides[B].link.dial(pair.now);
    pair.run(SECOND);
    assert!(pair.is_up());
    let sent = |at: usize| match &pair.log[at].2 {
        Message::Setup {
            body: Setup::SendSecretToken(said),
            ..
        } => said.token.clone(),
        other => panic!("{other:?}"),
    };
    assert!(sent(0).len() == 32 && !sent(0).is(&sent(1)));
    // Another seed, another secret, and other ids.
    let mut again = Pair::with([own(A), own(B)]);
    again.sides[B] = side(own(B), 7);
    again.sides[B].link.dial(again.now);
    again.run(SECOND);
    assert!(again.is_up() && again.log[0].2 != pair.log[0].2);
    let unanswered = Primitive::status(Code::SUCCESSFUL);
    assert_eq!(again.sides[A].link.answer("1", unanswered), Err(NotAsked));
}
