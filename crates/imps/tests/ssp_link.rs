//! A link that is up, in fair weather and foul: requests, keep-alives, silence, and the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod ssp_pair;

use std::time::Duration;

use imps::ssp::link::{Down, Failure, NotAsked, NotSent, Refusal};
use imps::ssp::{Message, Mode};
use ssp_pair::*;

#[test]
fn idle_sessions_are_kept_alive() {
    let mut pair = Pair::up();
    pair.run(72 * HOUR);
    assert!(pair.is_up());
    let count = |name| pair.log.iter().filter(|one| kind(&one.2).1 == name).count();
    let (asked, answered) = (count("KeepAliveRequest"), count("KeepAliveResponse"));
    assert!((5..=12).contains(&asked), "{asked}");
    assert_eq!(asked, answered);
    // The time to live is that of the side which wants less, within reason.
    for (wanted, gap) in [(600, 300), (1, 15)] {
        let mut short = settings(B);
        short.time_to_live = Duration::from_secs(wanted);
        let mut pair = Pair::with([settings(A), short]);
        pair.sides[A].link.dial(pair.now);
        pair.run(10 * HOUR);
        assert!(pair.is_up());
        let keeps = |one: &&(Duration, usize, Message)| kind(&one.2).1 == "KeepAliveRequest";
        let first = pair.log.iter().find(keeps).unwrap().0.as_secs();
        assert!((gap..=gap + 1).contains(&first), "{wanted}: {first}");
    }
}

#[test]
fn a_silent_peer() {
    let mut pair = Pair::up();
    pair.ask(A, "before").unwrap();
    pair.run(SECOND);
    let heard = pair.now;
    pair.fate = Box::new(|_| Vec::new());
    pair.ask(B, "after").unwrap();
    while pair.sides[A].link.is_up() {
        pair.run(60 * SECOND);
    }
    let silent = pair.now - heard;
    assert!(
        (24 * HOUR - 60 * SECOND..24 * HOUR + 60 * SECOND).contains(&silent),
        "{silent:?}"
    );
    assert_eq!(pair.sides[A].downs[0], Down::Expired);
    assert_eq!(pair.outcomes(B), [Err(Failure::NoAnswer)]);
    assert_eq!(pair.ask(A, "then"), Err(NotSent::Down));
    // When the network is back, so is the link: its owner still wants it.
    pair.fate = Box::new(|_| vec![LATENCY]);
    pair.run(HOUR);
    assert!(pair.is_up());
    pair.ask(A, "again").unwrap();
    pair.run(SECOND);
    assert_eq!(pair.outcomes(A), [Ok("before"), Ok("again")]);
}

#[test]
fn requests_and_answers_lost_or_doubled() {
    let question = (Mode::Request, "GetGroupMemberRequest");
    for (what, kind_of) in [
        ("request", question),
        ("answer", (Mode::Response, "Status")),
    ] {
        for copies in [0, 2, 3] {
            let mut pair = Pair::up();
            pair.fate = first(kind_of, copies);
            pair.ask(A, "one").unwrap();
            pair.run(60 * SECOND);
            assert_eq!(pair.outcomes(A), [Ok("one")], "{what}, {copies} copies");
            assert_eq!(pair.sides[B].asked.len(), 1, "{what}, {copies} copies");
        }
    }
}

/// An owner that takes its time: the peer asks again, and is not told twice.
#[test]
fn a_slow_owner() {
    let mut pair = Pair::up();
    pair.sides[B].prompt = false;
    pair.ask(A, "one").unwrap();
    pair.run(61 * SECOND);
    let (id, group) = pair.sides[B].asked[0].clone();
    assert_eq!(pair.sides[B].asked.len(), 1);
    let link = &mut pair.sides[B].link;
    assert_eq!(link.answer("another", answer(&group)), Err(NotAsked));
    assert_eq!(link.answer(&id, answer(&group)), Ok(()));
    assert_eq!(link.answer(&id, answer(&group)), Err(NotAsked));
    pair.run(SECOND);
    assert_eq!(pair.outcomes(A), [Ok("one")]);
    // The next one is never answered. It is asked three times: at once, after 20 and 60 seconds.
    let before = pair.log.len();
    pair.ask(A, "two").unwrap();
    pair.run(139 * SECOND);
    assert_eq!(pair.log.len(), before + 3);
    pair.run(2 * SECOND);
    assert_eq!(pair.outcomes(A), [Ok("one"), Err(Failure::NoAnswer)]);
    // Too late is as good as never.
    let id = pair.sides[B].asked[1].0.clone();
    pair.sides[B].link.answer(&id, answer("two")).unwrap();
    pair.run(SECOND);
    assert_eq!(pair.outcomes(A), [Ok("one"), Err(Failure::NoAnswer)]);
}

#[test]
fn logging_out() {
    let logout = (Mode::Request, "LogoutRequest");
    for (what, kind_of, copies) in [
        ("plain", logout, 1),
        ("lost", logout, 0),
        ("doubled", logout, 3),
        ("answer lost", (Mode::Response, "Status"), 0),
    ] {
        let mut pair = Pair::up();
        pair.sides[B].prompt = false;
        pair.ask(A, "one").unwrap();
        pair.run(SECOND);
        pair.fate = first(kind_of, copies);
        pair.sides[A].link.close(pair.now);
        assert_eq!(pair.ask(A, "two"), Err(NotSent::Down));
        pair.run(60 * SECOND);
        let [a, b] = &pair.sides;
        assert_eq!(
            (&a.downs[..], &b.downs[..]),
            (&[Down::Closed][..], &[Down::PeerLeft][..]),
            "{what}"
        );
        assert_eq!(
            (&a.refusals[..], &b.refusals[..]),
            (&[][..], &[][..]),
            "{what}"
        );
        assert_eq!(pair.outcomes(A), [Err(Failure::SessionEnded)], "{what}");
        let left = pair.sides[B]
            .link
            .answer(&pair.sides[B].asked[0].0.clone(), answer("one"));
        assert_eq!(left, Err(NotAsked), "{what}");
        // Nobody wants it any more.
        let posts = pair.log.len();
        pair.run(HOUR);
        assert_eq!(pair.log.len(), posts, "{what}");
    }
    // The peer cannot be reached: we leave all the same.
    let mut pair = Pair::up();
    pair.fate = Box::new(|_| Vec::new());
    pair.sides[A].link.close(pair.now);
    pair.run(200 * SECOND);
    assert_eq!(pair.sides[A].downs, [Down::Closed]);
    // Both leave at once.
    let mut pair = Pair::up();
    for side in &mut pair.sides {
        side.link.close(pair.now);
    }
    pair.run(SECOND);
    assert!(pair.sides.iter().all(|side| side.downs.len() == 1));
}

/// A peer that has restarted knows nothing of the session, and dials.
#[test]
fn a_peer_that_has_restarted() {
    let mut pair = Pair::up();
    pair.sides[A].prompt = false;
    pair.ask(A, "one").unwrap();
    pair.sides[B] = side(settings(B), 9);
    pair.run(SECOND);
    assert_eq!(pair.sides[B].refusals, [Refusal::ForeignSession]);
    pair.sides[B].link.dial(pair.now);
    pair.run(SECOND);
    assert!(pair.is_up());
    let a = &pair.sides[A];
    assert_eq!((a.ups, &a.downs[..]), (2, &[Down::Replaced][..]));
    assert_eq!(pair.outcomes(A), [Err(Failure::SessionEnded)]);
    pair.ask(A, "two").unwrap();
    pair.run(SECOND);
    assert_eq!(pair.outcomes(A), [Err(Failure::SessionEnded), Ok("two")]);
}

/// One that is only slow with some answers, and is heard otherwise, is left alone.
#[test]
fn a_busy_peer() {
    let mut pair = Pair::up();
    pair.sides[B].prompt = false;
    pair.ask(A, "one").unwrap();
    for _ in 0..10 {
        pair.ask(B, "two").unwrap();
        pair.run(20 * SECOND);
    }
    assert_eq!(pair.outcomes(A), [Err(Failure::NoAnswer)]);
    let alive = |one: &(Duration, usize, Message)| kind(&one.2).1 == "KeepAliveRequest";
    assert!(!pair.log.iter().any(alive));
}

/// It may have no reason to dial: then the one whose requests it does not know does.
#[test]
fn a_peer_that_has_forgotten() {
    for (who, idle) in [(A, false), (B, false), (A, true)] {
        let mut pair = Pair::up();
        pair.sides[1 - who] = side(settings(1 - who), 9);
        if !idle {
            pair.ask(who, "one").unwrap();
        }
        pair.run(if idle { 13 * HOUR } else { 282 * SECOND });
        assert!(pair.is_up(), "{who}");
        let one = &pair.sides[who];
        assert_eq!(
            (one.ups, &one.downs[..]),
            (2, &[Down::Replaced][..]),
            "{who}"
        );
        let lost = vec![Err(Failure::NoAnswer); usize::from(!idle)];
        assert_eq!(pair.outcomes(who), lost, "{who}");
        pair.ask(who, "two").unwrap();
        pair.run(SECOND);
        assert_eq!(
            pair.outcomes(who),
            [&lost[..], &[Ok("two")]].concat(),
            "{who}"
        );
    }
    // While it cannot be reached at all, the session is not given up before its time.
    let mut pair = Pair::up();
    pair.fate = Box::new(|_| Vec::new());
    for _ in 0..10 {
        pair.ask(A, "one").unwrap();
        pair.run(HOUR);
    }
    let a = &pair.sides[A];
    assert_eq!((a.ups, a.downs.len()), (1, 0));
    assert!(
        a.refusals
            .iter()
            .all(|why| *why == Refusal::HandshakeTimeout)
    );
    assert!((5..=10).contains(&a.refusals.len()), "{:?}", a.refusals);
    pair.fate = Box::new(|_| vec![LATENCY]);
    pair.ask(A, "two").unwrap();
    pair.run(SECOND);
    assert_eq!(pair.outcomes(A).last(), Some(&Ok("two")));
}

#[test]
fn posts_that_cannot_be_made() {
    let mut pair = Pair::up();
    pair.ask(A, "one").unwrap();
    let transmit = pair.sides[A].link.poll_transmit().unwrap();
    // The first time, it is as good as lost.
    pair.sides[A]
        .link
        .posted_failed(&transmit.transaction_id, pair.now);
    pair.run(21 * SECOND);
    assert_eq!(pair.outcomes(A), [Ok("one")]);
    // The last time, there is nothing to wait for.
    pair.fate = Box::new(|_| Vec::new());
    pair.ask(A, "two").unwrap();
    let id = pair.sides[A].link.poll_transmit().unwrap().transaction_id;
    pair.run(61 * SECOND);
    pair.sides[A].link.posted_failed(&id, pair.now);
    pair.sides[A].link.posted_failed(&id, pair.now);
    pair.run(Duration::ZERO);
    assert_eq!(pair.outcomes(A), [Ok("one"), Err(Failure::Unreachable)]);
}
