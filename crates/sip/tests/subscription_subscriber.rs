//! A subscriber and what notifiers do to it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sip::subscription::{End, Identity, Next, Reason, Subscriber, Wanted};
use sip::{Message, Name, Request, Response};

const PATIENCE: Duration = Duration::from_secs(32);

#[expect(clippy::disallowed_methods, reason = "virtual time needs one origin")]
fn epoch() -> Instant {
    Instant::now()
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

struct Watcher {
    subscriber: Subscriber,
    now: Instant,
    calls: u32,
}

impl Watcher {
    fn new() -> Self {
        let wanted = Wanted {
            from: "<sip:alice@h>".into(),
            to: "<sip:room@h>".into(),
            target: "sip:room@h".into(),
            route: vec!["<sip:edge;lr>".into()],
            contact: "<sip:alice@a>".into(),
            package: "conference".into(),
            accept: "application/conference-info+xml".into(),
            expires: 600,
        };
        Self {
            subscriber: Subscriber::new(wanted, PATIENCE),
            now: epoch(),
            calls: 0,
        }
    }

    /// One that has subscribed.
    fn asking() -> Self {
        let mut watcher = Self::new();
        watcher.subscribe().unwrap();
        watcher
    }

    /// One whose subscription stands.
    fn standing() -> Self {
        let mut watcher = Self::asking();
        assert_eq!(watcher.answer(200, "Expires: 600\r\n"), Next::Wait);
        assert_eq!(watcher.notify("r", 1, "active;expires=600"), Ok(Next::Wait));
        watcher
    }

    /// Sends the SUBSCRIBE that is due: the request.
    fn subscribe(&mut self) -> Option<Request> {
        let calls = &mut self.calls;
        let fresh = || {
            *calls += 1;
            Identity {
                call_id: format!("c{calls}").into(),
                tag: format!("a{calls}").into(),
            }
        };
        let via = "SIP/2.0/UDP me;branch=z9hG4bK1";
        let draft = self.subscriber.request(fresh, via, self.now)?;
        match Message::parse(draft.finish()).unwrap() {
            Message::Request(request) => Some(request),
            Message::Response(response) => panic!("{response:?}"),
        }
    }

    fn answer(&mut self, status: u16, more: &str) -> Next {
        let response = response(self.calls, status, more);
        self.subscriber.response(&response, self.now)
    }

    /// A NOTIFY of the notifier with this tag: what is next, or the status of the refusal.
    fn notify(&mut self, tag: &str, cseq: u32, state: &str) -> Result<Next, u16> {
        let request = notify(self.calls, tag, cseq, "conference", state);
        let notice = self.subscriber.notify(&request, self.now);
        notice.map(|n| n.next).map_err(|refusal| refusal.status())
    }

    /// Waits for what is due next: how long it took, and what is to be done.
    fn wait(&mut self) -> (Duration, Next) {
        let at = self.subscriber.poll_timeout().unwrap();
        assert_eq!(
            self.subscriber.handle_timeout(self.now),
            Next::Wait,
            "nothing is due yet"
        );
        let took = at.saturating_duration_since(self.now);
        self.now = at;
        (took, self.subscriber.handle_timeout(at))
    }
}

fn response(call: u32, status: u16, more: &str) -> Response {
    let text = format!(
        "SIP/2.0 {status} X\r\nFrom: <sip:alice@h>;tag=a{call}\r\nTo: <sip:room@h>;tag=r\r\n\
         Call-ID: c{call}\r\nCSeq: 1 SUBSCRIBE\r\n{more}\r\n"
    );
    match Message::parse(text.into()).unwrap() {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

fn notify(call: u32, tag: &str, cseq: u32, event: &str, state: &str) -> Request {
    let text = format!(
        "NOTIFY sip:alice@a SIP/2.0\r\nVia: SIP/2.0/UDP r;branch=z9hG4bK{cseq}\r\n\
         Record-Route: <sip:p;lr>\r\nFrom: <sip:room@h>;tag={tag}\r\n\
         To: <sip:alice@h>;tag=a{call}\r\nCall-ID: c{call}\r\nCSeq: {cseq} NOTIFY\r\n\
         Contact: <sip:room@r>\r\nEvent: {event}\r\nSubscription-State: {state}\r\n\r\n"
    );
    match Message::parse(text.into()).unwrap() {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

#[test]
fn the_first_subscribe_says_what_is_wanted() {
    let request = Watcher::new().subscribe().unwrap();
    for (name, want) in [
        (Name::Route, "<sip:edge;lr>"),
        (Name::From, "<sip:alice@h>;tag=a1"),
        (Name::To, "<sip:room@h>"),
        (Name::CallId, "c1"),
        (Name::CSeq, "1 SUBSCRIBE"),
        (Name::Contact, "<sip:alice@a>"),
        (Name::Event, "conference"),
        (Name::Accept, "application/conference-info+xml"),
        (Name::Expires, "600"),
    ] {
        assert_eq!(request.raw(name), Some(want));
    }
    assert_eq!(request.uri(), "sip:room@h");
}

#[test]
fn rfc_6665_4_4_1_the_first_notify_makes_the_dialog_even_before_the_2xx() {
    let mut watcher = Watcher::asking();
    assert_eq!(
        watcher.notify("r", 7, "pending;expires=300"),
        Ok(Next::Wait)
    );
    let dialog = watcher.subscriber.dialog().unwrap();
    assert_eq!(dialog.id().remote_tag(), "r");
    assert_eq!(
        (dialog.remote_target(), dialog.next_hop()),
        ("sip:room@r", "sip:p;lr")
    );
    // The second fork is told that it is not wanted.
    assert_eq!(watcher.notify("s", 1, "active;expires=300"), Err(481));
    assert_eq!(
        watcher.notify("r", 6, "active;expires=300"),
        Err(500),
        "out of order"
    );
    assert_eq!(watcher.notify("r", 8, "active;expires=300"), Ok(Next::Wait));
    assert_eq!(watcher.answer(202, "Expires: 300\r\n"), Next::Wait);
    // One transaction's time before the end.
    assert_eq!(watcher.wait(), (secs(268), Next::Subscribe));
    let refresh = watcher.subscribe().unwrap();
    assert_eq!(refresh.uri(), "sip:room@r");
    assert_eq!(refresh.raw(Name::To), Some("<sip:room@h>;tag=r"));
    assert_eq!(refresh.raw(Name::CSeq), Some("2 SUBSCRIBE"));
    assert_eq!(refresh.raw(Name::Expires), Some("600"));
    assert!(watcher.subscribe().is_none(), "one at a time");
}

#[test]
fn what_is_not_ours_is_refused() {
    let mut watcher = Watcher::asking();
    for (call, event, state, want) in [
        (2, "conference", "active", 481),
        (1, "presence", "active", 481),
        (1, "conference;id=1", "active", 481),
        (1, "conference", "", 400),
        (1, "", "active", 400),
    ] {
        let request = notify(call, "r", 1, event, state);
        let refusal = watcher
            .subscriber
            .notify(&request, watcher.now)
            .unwrap_err();
        assert_eq!(refusal.status(), want, "{call} {event} {state}");
    }
    assert_eq!(watcher.answer(200, ""), Next::Wait);
    assert!(watcher.subscriber.dialog().is_none());
}

#[test]
fn rfc_6665_4_1_2_4_timer_n_and_patience_with_it() {
    let mut watcher = Watcher::asking();
    watcher.answer(200, "");
    assert_eq!(watcher.wait(), (PATIENCE, Next::Wait));
    let mut rests = Vec::new();
    loop {
        let (rest, next) = watcher.wait();
        rests.push(rest.as_secs());
        match next {
            Next::Subscribe => {}
            Next::Over(End::Silent) => break,
            other => panic!("{other:?}"),
        }
        watcher.subscribe().unwrap();
        watcher.answer(200, "");
        let (took, next) = watcher.wait();
        assert_eq!(took, PATIENCE);
        if next == Next::Over(End::Silent) {
            break;
        }
    }
    assert_eq!(rests, [2, 2, 4, 8, 16, 32, 64, 128]);
    assert_eq!(watcher.subscriber.poll_timeout(), None);
}

#[test]
fn rfc_6665_4_1_3_what_follows_a_termination() {
    for (state, want) in [
        ("terminated;reason=deactivated", Some(0)),
        ("terminated;reason=timeout", Some(0)),
        ("terminated;reason=probation;retry-after=60", Some(60)),
        ("terminated;reason=giveup;retry-after=10", Some(10)),
        ("terminated;reason=giveup", Some(2)),
        ("terminated", Some(2)),
        ("terminated;reason=noresource;retry-after=5", None),
        ("terminated;reason=rejected", None),
        ("terminated;reason=invariant", None),
    ] {
        let mut watcher = Watcher::standing();
        watcher.now += secs(100);
        let next = watcher.notify("r", 2, state).unwrap();
        match want {
            Some(0) => assert_eq!(next, Next::Subscribe, "{state}"),
            Some(rest) => {
                assert_eq!(next, Next::Wait, "{state}");
                assert_eq!(watcher.wait(), (secs(rest), Next::Subscribe), "{state}");
            }
            None => {
                assert!(matches!(next, Next::Over(End::Told(_))), "{state}");
                assert!(watcher.subscribe().is_none());
                continue;
            }
        }
        let again = watcher.subscribe().unwrap();
        assert_eq!(again.raw(Name::CallId), Some("c2"), "a new subscription");
        assert_eq!(again.raw(Name::CSeq), Some("1 SUBSCRIBE"));
        assert_eq!(watcher.notify("r", 3, "active"), Ok(Next::Wait));
    }
    assert_eq!(Reason::parse("noresource"), Reason::NoResource);
}

#[test]
fn a_notifier_that_ends_each_subscription_at_once_is_not_asked_without_rest() {
    let mut watcher = Watcher::asking();
    let mut now = 0;
    for _ in 0..20 {
        let next = watcher
            .notify("r", 1, "terminated;reason=deactivated")
            .unwrap();
        match next {
            Next::Subscribe => {}
            Next::Wait => now += watcher.wait().0.as_secs(),
            Next::Over(end) => {
                assert_eq!((end, now), (End::Silent, 254));
                return;
            }
        }
        watcher.subscribe().unwrap();
    }
    panic!("it never gave up");
}

#[test]
fn refusals_of_the_first_subscribe() {
    for (status, more, want) in [
        (423, "Min-Expires: 900\r\n", Next::Subscribe),
        (423, "", Next::Over(End::Refused(423))),
        (423, "Min-Expires: 10\r\n", Next::Over(End::Refused(423))),
        (
            423,
            "Min-Expires: 9999999\r\n",
            Next::Over(End::Refused(423)),
        ),
        (401, "", Next::Subscribe),
        (481, "", Next::Subscribe),
        (403, "", Next::Over(End::Refused(403))),
        (489, "", Next::Over(End::Refused(489))),
        (503, "Retry-After: 7\r\n", Next::Wait),
    ] {
        let mut watcher = Watcher::asking();
        assert_eq!(watcher.answer(status, more), want, "{status} {more}");
        let again = match want {
            Next::Subscribe => watcher.subscribe().unwrap(),
            Next::Wait => {
                assert_eq!(watcher.wait(), (secs(7), Next::Subscribe));
                watcher.subscribe().unwrap()
            }
            Next::Over(_) => continue,
        };
        let want = match status {
            423 => ("c1", "2 SUBSCRIBE", "900"),
            401 => ("c1", "2 SUBSCRIBE", "600"),
            _ => ("c2", "1 SUBSCRIBE", "600"),
        };
        let got = [Name::CallId, Name::CSeq, Name::Expires].map(|name| again.raw(name).unwrap());
        assert_eq!(got, [want.0, want.1, want.2], "{status}");
    }
    let mut watcher = Watcher::asking();
    for _ in 0..2 {
        assert_eq!(watcher.answer(401, ""), Next::Subscribe);
        watcher.subscribe().unwrap();
    }
    assert_eq!(watcher.answer(401, ""), Next::Over(End::Refused(401)));
}

#[test]
fn rfc_6665_4_1_2_2_refusals_of_a_refresh() {
    for (status, want) in [
        (481, Next::Subscribe),
        (404, Next::Over(End::Refused(404))),
        (604, Next::Over(End::Refused(604))),
        (500, Next::Wait),
        (408, Next::Wait),
        (403, Next::Wait),
    ] {
        let mut watcher = Watcher::standing();
        assert_eq!(watcher.wait(), (secs(568), Next::Subscribe));
        watcher.subscribe().unwrap();
        assert_eq!(watcher.answer(status, ""), want, "{status}");
        if want == Next::Wait {
            assert!(
                watcher.subscriber.dialog().is_some(),
                "it lives until it expires"
            );
            assert_eq!(watcher.wait(), (secs(16), Next::Subscribe), "{status}");
        }
    }
}

#[test]
fn a_refresh_that_fails_again_and_again_ends_in_a_new_subscription() {
    let mut watcher = Watcher::standing();
    let start = watcher.now;
    let mut tries = 0;
    loop {
        assert_eq!(watcher.wait().1, Next::Subscribe);
        let request = watcher.subscribe().unwrap();
        if request.raw(Name::CallId) == Some("c2") {
            break;
        }
        tries += 1;
        assert_eq!(watcher.subscriber.failed("c1", watcher.now), Next::Wait);
    }
    assert_eq!(watcher.now - start, secs(600));
    assert_eq!(tries, 5);
}

#[test]
fn rfc_6665_4_1_2_3_leaving() {
    let mut watcher = Watcher::standing();
    assert_eq!(watcher.subscriber.leave(), Next::Subscribe);
    let last = watcher.subscribe().unwrap();
    assert_eq!(last.raw(Name::Expires), Some("0"));
    assert_eq!(watcher.answer(200, "Expires: 0\r\n"), Next::Wait);
    let next = watcher.notify("r", 2, "terminated;reason=timeout");
    assert_eq!(next, Ok(Next::Over(End::Left)));

    // Before anybody has notified, it waits for that.
    let mut watcher = Watcher::asking();
    assert_eq!(watcher.subscriber.leave(), Next::Wait);
    watcher.answer(200, "");
    assert_eq!(
        watcher.notify("r", 1, "active;expires=600"),
        Ok(Next::Subscribe)
    );
    assert_eq!(watcher.subscribe().unwrap().raw(Name::Expires), Some("0"));
    // Whoever never says the last word is not waited for.
    assert_eq!(watcher.answer(200, ""), Next::Wait);
    assert_eq!(watcher.wait(), (PATIENCE, Next::Over(End::Left)));

    // With a refresh under way, after that.
    let mut watcher = Watcher::standing();
    watcher.wait();
    watcher.subscribe().unwrap();
    assert_eq!(watcher.subscriber.leave(), Next::Wait);
    assert_eq!(watcher.answer(200, ""), Next::Subscribe);
    assert_eq!(Watcher::new().subscriber.leave(), Next::Over(End::Left));
}

#[test]
fn a_late_answer_to_an_earlier_subscription_changes_nothing() {
    let mut watcher = Watcher::asking();
    assert_eq!(watcher.answer(481, ""), Next::Subscribe);
    watcher.subscribe().unwrap();
    let late = response(1, 403, "");
    assert_eq!(watcher.subscriber.response(&late, watcher.now), Next::Wait);
    assert_eq!(watcher.subscriber.failed("c1", watcher.now), Next::Wait);
    assert_eq!(watcher.subscriber.call_id(), Some("c2"));
}

#[test]
fn a_refresh_that_is_notified_goes_on_for_ever() {
    let mut watcher = Watcher::standing();
    for cseq in 2..50 {
        assert_eq!(watcher.wait(), (secs(568), Next::Subscribe));
        watcher.subscribe().unwrap();
        assert_eq!(watcher.answer(200, "Expires: 600\r\n"), Next::Wait);
        assert_eq!(
            watcher.notify("r", cseq, "active;expires=600"),
            Ok(Next::Wait)
        );
    }
    assert_eq!(watcher.calls, 1);
}

#[test]
fn rfc_6665_4_1_2_2_a_refresh_that_is_not_notified_is_not_enough() {
    let mut watcher = Watcher::standing();
    watcher.wait();
    watcher.subscribe().unwrap();
    assert_eq!(watcher.answer(200, "Expires: 600\r\n"), Next::Wait);
    assert_eq!(watcher.wait(), (PATIENCE, Next::Subscribe));
    assert_eq!(watcher.subscribe().unwrap().raw(Name::CallId), Some("c2"));

    // With 204 there will be none.
    let mut watcher = Watcher::standing();
    watcher.wait();
    watcher.subscribe().unwrap();
    assert_eq!(watcher.answer(204, "Expires: 600\r\n"), Next::Wait);
    assert_eq!(watcher.wait(), (secs(568), Next::Subscribe));
}

#[test]
fn a_notifier_that_moves_now_and_then_is_followed_at_once() {
    let mut watcher = Watcher::standing();
    for _ in 0..20 {
        watcher.now += secs(33);
        let next = watcher.notify("r", 2, "terminated;reason=deactivated");
        assert_eq!(next, Ok(Next::Subscribe));
        watcher.subscribe().unwrap();
        assert_eq!(watcher.notify("r", 1, "active;expires=600"), Ok(Next::Wait));
    }
}

proptest! {
    #[test]
    fn any_story_ends_or_goes_on(steps in prop::collection::vec((0..6_usize, 0..8_usize, 0..3_u32), 0..60)) {
        const STATUSES: [u16; 8] = [100, 200, 401, 403, 423, 481, 500, 503];
        const STATES: [&str; 8] = [
            "active", "active;expires=0", "pending;expires=9", "terminated",
            "terminated;reason=deactivated", "terminated;reason=giveup;retry-after=99999999999",
            "unheard-of", "active;expires=4294967295",
        ];
        let mut watcher = Watcher::new();
        for (what, which, n) in steps {
            match what {
                0 => drop(watcher.subscribe()),
                1 => drop(watcher.answer(STATUSES[which], "Min-Expires: 900\r\nRetry-After: 3\r\nExpires: 5\r\n")),
                2 => drop(watcher.notify("r", n, STATES[which])),
                3 => drop(watcher.subscriber.failed(&format!("c{n}"), watcher.now)),
                4 if which == 0 => drop(watcher.subscriber.leave()),
                _ => {
                    if let Some(at) = watcher.subscriber.poll_timeout() {
                        watcher.now = watcher.now.max(at);
                        let _ = watcher.subscriber.handle_timeout(watcher.now);
                    }
                }
            }
        }
        // Left alone, with every request failing, it comes to an end.
        for _ in 0..200 {
            let now = watcher.now;
            let next = match watcher.subscriber.call_id().map(str::to_owned) {
                Some(call) => watcher.subscriber.failed(&call, now),
                None => Next::Wait,
            };
            let next = match (next, watcher.subscriber.poll_timeout()) {
                (Next::Wait, Some(at)) => {
                    watcher.now = now.max(at);
                    watcher.subscriber.handle_timeout(watcher.now)
                }
                (next, _) => next,
            };
            match next {
                Next::Over(_) => return Ok(()),
                Next::Wait if watcher.subscriber.poll_timeout().is_some() => {}
                _ if watcher.subscribe().is_none() => return Ok(()),
                _ => {}
            }
        }
        prop_assert!(false, "it goes on for ever");
    }
}
