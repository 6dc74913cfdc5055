//! Subscriptions to conference-info: who may have one, and when it ends (RFC 6665, RFC 4575).

use std::time::{Duration, Instant};

use crate::lab::watch::{Watch, state};
use crate::lab::{Ask, Chat, Lab, Phone};
use sip::{Message, Name, Response};

/// RFC 6665 section 4.4.1: Expires 0 ends it, and the last NOTIFY says so.
#[test]
fn who_unsubscribes_is_told_no_more() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let (watch, _) = Watch::begin(&mut conference.host, &conference.identity.clone());
    assert_eq!(
        watch.again(&mut conference.host, "Expires: 0\r\n").status(),
        200
    );
    let (notify, _) = conference.host.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    conference.guests[1].leaves();
    conference.guests.truncate(1);
    conference.all_hear("only bob");
    conference.host.heard_only(|_| false);
    assert_eq!(watch.again(&mut conference.host, "").status(), 481);
}

/// The 200 of an invitation and a SUBSCRIBE behind it take different ways: the SUBSCRIBE may be
/// there first. Who merely rings is no participant.
#[test]
fn im_7_2_2_10_s0a_who_has_just_accepted_may_subscribe_at_once() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let (mut bob, mut carol) = (lab.phone("bob"), lab.phone("carol"));
    Ask::guests(&["bob", "carol"]).send(&mut alice);
    let (to_bob, to_carol) = (bob.invited(), carol.invited());
    let identity = crate::lab::ask::identity(&to_bob.request);
    let call_id = ask_to_watch(&mut bob, &identity);
    carol.rings(&to_carol);
    let of_carol = ask_to_watch(&mut carol, &identity);
    bob.accept(&to_bob, "", &Chat::sdp("bob"));
    assert_eq!(bob.final_response(&call_id).status(), 200);
    assert!(bob.notified().1.contains("sip:bob@localhost"));
    assert_eq!(carol.final_response(&of_carol).status(), 403);
}

/// Sends a SUBSCRIBE with credentials, and does not wait for the answer: its call.
fn ask_to_watch(phone: &mut Phone, identity: &str) -> String {
    let headers = format!("Contact: {}\r\nEvent: conference\r\n", phone.contact());
    let call_id = phone.call_id();
    let text = phone.write("SUBSCRIBE", identity, &call_id, &headers, "");
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    let credentials = phone.credentials(&challenge, "SUBSCRIBE", identity, "password");
    let headers = format!("{headers}{credentials}");
    let text = phone.write("SUBSCRIBE", identity, &call_id, &headers, "");
    phone.send(text.as_bytes());
    call_id
}

/// Whoever leaves is told nothing more; when the last leaves, all who still watch are told that.
#[test]
fn subscriptions_end_with_the_participation_and_with_the_conference() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let (mut of_alice, _) = Watch::begin(&mut conference.host, &identity);
    let (_, _) = Watch::begin(&mut conference.guests[1].phone, &identity);
    conference.guests[1].leaves();
    let (notify, _) = conference.guests[1].phone.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    of_alice.next(&mut conference.host);
    // Who has left is a stranger now.
    let response = subscribe(
        &mut conference.guests[1].phone,
        &identity,
        "Event: conference\r\n",
    );
    assert_eq!(response.status(), 403);

    conference.host_leaves();
    let (notify, _) = conference.host.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    conference.guests[0].leaves();
    lab.settled();
    let response = subscribe(&mut conference.host, &identity, "Event: conference\r\n");
    assert_eq!(response.status(), 404, "{}", response.reason());
}

/// RFC 4575 section 4.4, RFC 6665 section 4.2.2: the end of a conference is told as such.
#[test]
fn the_end_of_the_conference_is_told() {
    let mut lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    Watch::begin(&mut conference.host, &conference.identity);
    let server = lab.server.take().unwrap();
    let end = lab.runtime.spawn(server.shutdown());
    let (notify, body) = conference.host.notified();
    assert_eq!(state(&notify), "terminated;reason=noresource");
    assert!(body.contains("state=\"deleted\""), "{body}");
    conference.host.is_released();
    for guest in &mut conference.guests {
        guest.phone.is_released();
    }
    lab.runtime.block_on(end).unwrap();
}

fn subscribe(phone: &mut Phone, identity: &str, extra: &str) -> Response {
    let headers = format!("Contact: {}\r\n{extra}", phone.contact());
    phone.request("SUBSCRIBE", identity, &headers, "")
}

/// (who, what, status, a header and what it says)
type Row = (
    &'static str,
    &'static str,
    u16,
    Option<(Name, &'static str)>,
);

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    ("dave",  "Event: conference\r\n",                  403, None),
    ("alice", "Event: presence\r\n",                    489, Some((Name::AllowEvents, "conference"))),
    ("alice", "",                                       489, Some((Name::AllowEvents, "conference"))),
    ("alice", "Event: conference\r\nExpires: 10\r\n",   423, Some((Name::MinExpires, "60"))),
    ("alice", "Event: conference\r\nExpires: soon\r\n", 400, None),
    ("alice", "Event: conference\r\nAccept: text/plain\r\n", 406, Some((Name::Accept, "application/conference-info+xml"))),
    ("alice", "Event: conference\r\nRequire: telepathy\r\n", 420, Some((Name::Unsupported, "telepathy"))),
];

#[test]
fn who_or_what_may_not_be_subscribed() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut dave = lab.phone("dave");
    for (who, extra, status, header) in REFUSED {
        let phone = if *who == "dave" {
            &mut dave
        } else {
            &mut conference.host
        };
        let response = subscribe(phone, &conference.identity, extra);
        assert_eq!(
            response.status(),
            *status,
            "{who} {extra}: {}",
            response.reason()
        );
        if let Some((name, value)) = header {
            assert_eq!(response.raw(*name), Some(*value), "{who} {extra}");
        }
    }
    // A subscription has a dialog of its own.
    let extra = format!(
        "Contact: {}\r\nEvent: conference\r\n",
        conference.host.contact()
    );
    assert_eq!(conference.host_asks("SUBSCRIBE", &extra, "").status(), 403);
    dave.heard_only(|_| false);
    conference.host.heard_only(|_| false);
}

/// A subscriber who does not answer a NOTIFY is told nothing more; the conference goes on.
#[test]
fn who_does_not_answer_is_told_no_more() {
    let lab = Lab::with(|setup, _| setup.t1 = Duration::from_millis(20));
    let mut conference = lab.conference(&["bob"]);
    let response = subscribe(
        &mut conference.host,
        &conference.identity,
        "Event: conference\r\n",
    );
    assert_eq!(response.status(), 200);
    conference.host.incoming("NOTIFY");
    let deadline = Instant::now() + crate::lab::PATIENCE;
    while lab.runtime.block_on(lab.server().leftovers()).subscriptions > 0 {
        assert!(Instant::now() < deadline);
    }
    conference.all_hear("hello");
    conference
        .host
        .heard_only(|message| matches!(message, Message::Request(_)));
}
