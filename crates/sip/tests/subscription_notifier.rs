//! A notifier and what subscribers do to it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, Instant};

use sip::dialog::Dialog;
use sip::subscription::{Notifier, Phase, Reason, Terms};
use sip::{Message, Request, Response};

const TERMS: Terms = Terms {
    package: "conference",
    types: &["application/conference-info+xml", "text/plain"],
    min_expires: 60,
    max_expires: 7200,
    default_expires: 3600,
};

const VIA: &str = "SIP/2.0/UDP me;branch=z9hG4bKnew";

#[expect(clippy::disallowed_methods, reason = "virtual time needs one origin")]
fn epoch() -> Instant {
    Instant::now()
}

fn subscribe(cseq: u32, to_tag: &str, more: &str) -> Request {
    let text = format!(
        "SUBSCRIBE sip:room@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{cseq}\r\n\
         From: <sip:alice@h>;tag=a\r\nTo: <sip:room@h>{to_tag}\r\nCall-ID: c1\r\n\
         CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:alice@a>\r\n{more}\r\n"
    );
    match Message::parse(text.into()).unwrap() {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

fn answer(status: u16, more: &str) -> Response {
    let text = format!("SIP/2.0 {status} X\r\nCSeq: 1 NOTIFY\r\n{more}\r\n");
    match Message::parse(text.into()).unwrap() {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

fn notifier(more: &str, now: Instant) -> Notifier {
    let request = subscribe(1, "", &format!("Event: conference\r\n{more}"));
    let wish = TERMS.read(&request).unwrap();
    let dialog = Dialog::uas(&request, "b", "<sip:room@b>").unwrap();
    Notifier::new(dialog, TERMS.package, &wish, now)
}

/// Sends the NOTIFY that is due; its Subscription-State.
fn told(notifier: &mut Notifier, now: Instant) -> String {
    assert!(notifier.wants_notify(now));
    let text = notifier.notify(VIA, now).finish();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("Contact: <sip:room@b>\r\n"), "{text}");
    assert!(text.contains("Event: conference"), "{text}");
    let state = text.lines().find(|l| l.starts_with("Subscription-State"));
    state.unwrap()["Subscription-State: ".len()..].to_owned()
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn rfc_6665_4_2_1_1_what_a_subscribe_can_have() {
    for (more, want) in [
        ("Event: conference\r\n", Ok((3600, 0))),
        ("o: conference\r\nExpires: 100\r\n", Ok((100, 0))),
        (
            "Event: conference\r\nExpires: 99999999999\r\n",
            Ok((7200, 0)),
        ),
        ("Event: conference\r\nExpires: 0\r\n", Ok((0, 0))),
        ("Event: conference\r\nExpires: 59\r\n", Err(423)),
        ("Event: conference\r\nExpires: soon\r\n", Err(400)),
        ("Event: presence\r\n", Err(489)),
        ("Expires: 100\r\n", Err(489)),
        ("Event: ;\r\n", Err(400)),
        ("Event: conference\r\nAccept: text/plain\r\n", Ok((3600, 1))),
        (
            "Event: conference\r\nAccept: text/*;q=0.5, application/pidf+xml\r\n",
            Ok((3600, 1)),
        ),
        ("Event: conference\r\nAccept: */*\r\n", Ok((3600, 0))),
        (
            "Event: conference\r\nAccept: application/pidf+xml\r\n",
            Err(406),
        ),
    ] {
        let got = TERMS.read(&subscribe(1, "", more));
        let got = got.map(|wish| (wish.expires, wish.content_type));
        let want = want.map(|(expires, at)| (expires, TERMS.types[at]));
        assert_eq!(got.map_err(|refused| refused.status()), want, "{more}");
    }
    let least = Terms {
        min_expires: 9999,
        ..TERMS
    };
    let wish = least.read(&subscribe(1, "", "Event: conference\r\nExpires: 3600\r\n"));
    assert_eq!(wish.unwrap().expires, 3600, "an hour is never too brief");
}

#[test]
fn a_subscription_from_first_to_last_notify() {
    let start = epoch();
    let mut notifier = notifier("Expires: 100\r\n", start);
    assert_eq!(notifier.phase(), Phase::Pending);
    assert_eq!(told(&mut notifier, start), "pending;expires=100");
    notifier.activate();
    assert!(!notifier.wants_notify(start), "one at a time");
    notifier.changed();
    notifier.answered(&answer(100, ""), start);
    assert!(
        !notifier.wants_notify(start),
        "a provisional response is no answer"
    );
    notifier.answered(&answer(200, ""), start);
    assert_eq!(told(&mut notifier, start + secs(10)), "active;expires=90");
    notifier.answered(&answer(200, ""), start);
    assert!(!notifier.wants_notify(start), "nothing new");

    let request = subscribe(2, ";tag=b", "Event: conference\r\nExpires: 200\r\n");
    notifier.receive(&request).unwrap();
    notifier.refresh(&TERMS.read(&request).unwrap(), start + secs(50));
    assert_eq!(told(&mut notifier, start + secs(50)), "active;expires=200");
    notifier.answered(&answer(200, ""), start);

    assert_eq!(notifier.poll_timeout(), Some(start + secs(250)));
    notifier.handle_timeout(start + secs(249));
    assert!(!notifier.wants_notify(start + secs(249)));
    notifier.handle_timeout(start + secs(250));
    assert_eq!(
        told(&mut notifier, start + secs(250)),
        "terminated;reason=timeout"
    );
    assert!(!notifier.is_over(), "the last NOTIFY is under way");
    assert_eq!(notifier.receive(&request).unwrap_err().status(), 481);
    notifier.answered(&answer(200, ""), start);
    assert!(notifier.is_over());
    assert_eq!(notifier.poll_timeout(), None);
}

#[test]
fn rfc_6665_4_2_1_4_expires_0_ends_it() {
    let start = epoch();
    let mut fetch = notifier("Expires: 0\r\n", start);
    assert_eq!(told(&mut fetch, start), "terminated;reason=timeout");

    let mut notifier = notifier("", start);
    told(&mut notifier, start);
    let request = subscribe(2, ";tag=b", "Event: conference\r\nExpires: 0\r\n");
    notifier.receive(&request).unwrap();
    notifier.refresh(&TERMS.read(&request).unwrap(), start);
    assert!(!notifier.wants_notify(start), "the first is under way");
    notifier.answered(&answer(200, ""), start);
    assert_eq!(told(&mut notifier, start), "terminated;reason=timeout");
}

#[test]
fn rfc_6665_4_2_2_a_notify_that_fails() {
    let start = epoch();
    for (status, more, over) in [
        (200, "", false),
        (481, "", true),
        (404, "", true),
        (500, "", true),
        (503, "", true),
        (503, "Retry-After: 5 (busy)\r\n", false),
        (481, "Retry-After: 5\r\n", true),
    ] {
        let mut notifier = notifier("", start);
        told(&mut notifier, start);
        notifier.answered(&answer(status, more), start);
        assert_eq!(notifier.is_over(), over, "{status} {more}");
    }
    let mut notifier = notifier("", start);
    told(&mut notifier, start);
    notifier.failed();
    assert!(notifier.is_over());
    assert!(!notifier.wants_notify(start));
}

#[test]
fn a_busy_subscriber_is_told_later() {
    let start = epoch();
    let mut notifier = notifier("Expires: 100\r\n", start);
    notifier.activate();
    told(&mut notifier, start);
    notifier.answered(&answer(503, "Retry-After: 30\r\n"), start);
    notifier.changed();
    assert!(!notifier.wants_notify(start + secs(29)));
    assert_eq!(notifier.poll_timeout(), Some(start + secs(30)));
    notifier.handle_timeout(start + secs(30));
    assert_eq!(told(&mut notifier, start + secs(30)), "active;expires=70");
}

#[test]
fn the_owner_ends_it_with_a_reason() {
    let start = epoch();
    let mut notifier = notifier("", start);
    told(&mut notifier, start);
    notifier.terminate(Reason::Probation, Some(60));
    notifier.terminate(Reason::Timeout, None);
    notifier.activate();
    notifier.answered(&answer(200, ""), start);
    let state = told(&mut notifier, start);
    assert_eq!(state, "terminated;reason=probation;retry-after=60");
    notifier.answered(&answer(503, "Retry-After: 1\r\n"), start);
    assert!(notifier.is_over(), "the last one is not repeated");
}

#[test]
fn a_subscribe_for_another_id_is_not_for_this_one() {
    let start = epoch();
    let mut notifier = notifier("", start);
    let other = subscribe(2, ";tag=b", "Event: conference;id=7\r\n");
    assert_eq!(notifier.receive(&other).unwrap_err().status(), 481);
    let old = subscribe(0, ";tag=b", "Event: conference\r\n");
    assert_eq!(notifier.receive(&old).unwrap_err().status(), 500);
}

#[test]
fn a_refresh_may_ask_for_another_body() {
    let start = epoch();
    let mut notifier = notifier("", start);
    assert_eq!(notifier.content_type(), TERMS.types[0]);
    let request = subscribe(2, ";tag=b", "Event: conference\r\nAccept: text/plain\r\n");
    notifier.receive(&request).unwrap();
    notifier.refresh(&TERMS.read(&request).unwrap(), start);
    assert_eq!(notifier.content_type(), TERMS.types[1]);
}
