//! What happens only after long, in virtual time: session timers (RFC 4028), ringing, and the
//! end of subscriptions and registrations.

use std::time::Duration;

use crate::lab::ask::{FACTORY, identity};
use crate::lab::{Ask, Chat, Incoming, Phone, SimLab};
use server::Policy;
use sip::{Message, Method, Name, Request, Response};

/// Sessions last 90 seconds unless refreshed: the least that RFC 4028 allows.
fn short(policy: &mut Policy) {
    policy.focus.session_interval = Duration::from_secs(90);
    without_media(policy);
}

/// The phones here connect by SIP alone.
fn without_media(policy: &mut Policy) {
    policy.focus.media = Duration::from_secs(86_400);
}

/// A one-to-one conference of alice and bob.
struct Talk {
    alice: Phone,
    ok: Response,
    bob: Phone,
    invitation: Incoming,
}

/// Header lines of bob's answers which say that his phone sees to the session timer.
const HIS: &str = "Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n";

/// alice asks this, and bob answers with these header lines in the 180 and in the 200.
fn talk(lab: &SimLab, ask: &Ask, ringing: &str, accepted: &str) -> Talk {
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = ask.send(&mut alice);
    let invitation = bob.invited();
    bob.answer(
        &invitation.request,
        "180 Ringing",
        &invitation.tag,
        ringing,
        "",
    );
    bob.accept(&invitation, accepted, &Chat::sdp("bob"));
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    Talk {
        alice,
        ok,
        bob,
        invitation,
    }
}

/// Who refreshes, and by which method: (rule, Allow of the 180, Allow of the 200, the method).
#[rustfmt::skip]
const GUESTS: &[(&str, &str, &str, Method)] = &[
    ("IM-7.2.2.2-OK-S1",  "", "INVITE, ACK, BYE, UPDATE", Method::Update),
    ("IM-7.2.2.2-OK-S1",  "INVITE, ACK, BYE, UPDATE", "INVITE, ACK, BYE", Method::Invite),
    ("IM-7.2.2.2-1XX-S1", "INVITE, ACK, BYE, UPDATE", "", Method::Update),
    ("IM-7.2.2.2-1XX-S1", "INVITE, ACK, BYE", "", Method::Invite),
    ("RFC 3311",          "", "", Method::Invite),
];

fn allow(value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        format!("Allow: {value}\r\n")
    }
}

/// IM-7.2.2.2-1XX-S1, IM-7.2.2.2-OK-S1: what a guest allows is kept, and used: its session is
/// refreshed with UPDATE if it knows that, else with the offer it has seen before.
#[test]
fn im_7_2_2_2_1xx_s1_ok_s1_the_focus_refreshes_as_the_guest_allows() {
    for (rule, ringing, accepted, want) in GUESTS {
        let lab = SimLab::with(|_, policy| short(policy));
        let ours = "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\n";
        let start = lab.now();
        let accepted = allow(accepted) + ours;
        let ask = Ask::guests(&["bob"]).with("Session-Expires: 90;refresher=uac\r\n");
        let mut talk = talk(&lab, &ask, &allow(ringing), &accepted);
        let refresh = refreshed(&mut talk.bob);
        assert_eq!(refresh.method(), want, "{rule}");
        let after = lab.now() - start;
        assert!(
            after.as_secs().abs_diff(45) <= 2,
            "{rule}: half of the interval, not {after:?}"
        );
        check_refresh(&refresh, &talk.invitation.request.body(), rule);
    }
}

/// IM-7.2.1.2-S4: the same for the inviter, whose INVITE said what is allowed.
#[test]
fn im_7_2_1_2_s4_the_focus_refreshes_as_the_inviter_allows() {
    #[rustfmt::skip]
    let rows = [
        ("INVITE, ACK, BYE, CANCEL, UPDATE", Method::Update),
        ("INVITE, ACK, BYE, CANCEL", Method::Invite),
        ("", Method::Invite),
    ];
    for (allowed, want) in rows {
        let lab = SimLab::with(|_, policy| short(policy));
        let start = lab.now();
        let mut ask = Ask::guests(&["bob"]).with("Session-Expires: 90;refresher=uas\r\n");
        ask.allow = allowed.to_owned();
        let mut talk = talk(&lab, &ask, "", HIS);
        assert_eq!(talk.ok.raw(Name::SessionExpires), Some("90;refresher=uas"));
        let refresh = refreshed(&mut talk.alice);
        assert_eq!(*refresh.method(), want, "IM-7.2.1.2-S4 {allowed}");
        let after = lab.now() - start;
        assert!(
            after.as_secs().abs_diff(45) <= 2,
            "half of the interval, not {after:?}"
        );
        check_refresh(&refresh, &talk.ok.body(), "IM-7.2.1.2-S4");
    }
}

/// The next UPDATE or INVITE.
fn refreshed(phone: &mut Phone) -> Request {
    let is_refresh = |message: &Message| match message {
        Message::Request(request) => matches!(request.method(), Method::Invite | Method::Update),
        Message::Response(_) => false,
    };
    match phone.next("a refresh", is_refresh) {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

/// A refresh changes nothing: RFC 4028 section 7.4, RFC 3264 section 8.
fn check_refresh(refresh: &Request, said: &[u8], rule: &str) {
    assert!(
        refresh
            .raw(Name::SessionExpires)
            .unwrap()
            .starts_with("90;refresher=uac"),
        "{rule}"
    );
    match refresh.method() {
        Method::Update => assert!(refresh.body().is_empty(), "{rule}"),
        _ => assert_eq!(refresh.body(), said, "{rule}: the description as it was"),
    }
}

/// (what the inviter's INVITE says, who refreshes): RFC 4028 section 9, table 2.
#[rustfmt::skip]
const REFRESHERS: &[(&str, bool, Option<&str>)] = &[
    ("Session-Expires: 90\r\n",               true,  Some("90;refresher=uac")),
    ("Session-Expires: 90;refresher=uac\r\n", true,  Some("90;refresher=uac")),
    ("Session-Expires: 90;refresher=uas\r\n", true,  Some("90;refresher=uas")),
    ("Session-Expires: 600\r\nMin-SE: 500\r\n", true, Some("500;refresher=uac")),
    ("",                                      true,  Some("90;refresher=uac")),
    ("",                                      false, Some("90;refresher=uas")),
];

#[test]
fn the_200_says_who_refreshes() {
    for (extra, knows, want) in REFRESHERS {
        let lab = SimLab::with(|_, policy| short(policy));
        let mut ask = Ask::guests(&["bob"]).with(extra);
        ask.timer = *knows;
        let talk = talk(&lab, &ask, "", HIS);
        assert_eq!(talk.ok.raw(Name::SessionExpires), *want, "{extra} {knows}");
    }
}

/// RFC 4028 section 10: whoever promised to refresh and does not is released before the session
/// expires; each refresh puts that off.
#[test]
fn a_session_that_is_not_refreshed_ends() {
    for refreshes in [0_u32, 3] {
        let lab = SimLab::with(|_, policy| short(policy));
        let ask = Ask::guests(&["bob"]).with("Session-Expires: 90;refresher=uac\r\n");
        let mut talk = talk(&lab, &ask, "", HIS);
        // bob keeps his side of it.
        let mut start = lab.now();
        for number in 0..refreshes {
            lab.pass(Duration::from_secs(45));
            let headers = "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n";
            let update = talk
                .alice
                .inside("UPDATE", &talk.ok, 100 + number, headers, "");
            talk.alice.send(update.as_bytes());
            let call_id = talk.ok.raw(Name::CallId).unwrap().to_owned();
            let answer = talk
                .alice
                .final_response_to("UPDATE", &call_id, 100 + number);
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.raw(Name::SessionExpires), Some("90;refresher=uac"));
            start = lab.now();
            let contact = format!("Contact: {}\r\n{headers}", talk.bob.contact());
            assert_eq!(
                talk.bob
                    .asks(&talk.invitation, "UPDATE", &contact, "")
                    .status(),
                200
            );
        }
        let bye = talk.alice.is_released();
        let after = (lab.now() - start).as_secs();
        assert!(
            (58..=90).contains(&after),
            "{after} s after the last refresh"
        );
        assert!(bye.raw(Name::Reason).unwrap().contains("Session Expired"));
        talk.bob.is_released();
        lab.settled();
    }
}

/// (what a refresh of ours is answered with, seconds until the session is over): RFC 3261 section
/// 12.2.1.2. Long before the session would expire for want of a refresh.
#[rustfmt::skip]
const FORGOTTEN: &[(Option<&str>, u64)] = &[
    (Some("481 Call/Transaction Does Not Exist"), 0),
    (Some("408 Request Timeout"), 0),
    // No answer is 408 after 64 times T1.
    (None, 32),
];

#[test]
fn a_peer_that_has_forgotten_the_session_is_let_go() {
    for (answer, want) in FORGOTTEN {
        let lab = SimLab::with(|_, policy| {
            policy.focus.session_interval = Duration::from_secs(600);
            without_media(policy);
        });
        let ask = Ask::guests(&["bob"]).with("Session-Expires: 600;refresher=uas\r\n");
        let mut talk = talk(
            &lab,
            &ask,
            "",
            "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n",
        );
        let refresh = refreshed(&mut talk.alice);
        let start = lab.now();
        if let Some(status) = answer {
            talk.alice.answer(&refresh, status, "x", "", "");
        }
        // The other of the two is left alone, and the session is over.
        talk.bob.is_released();
        let after = (lab.now() - start).as_secs();
        assert!(after.abs_diff(*want) <= 1, "{answer:?}: after {after} s");
        lab.settled();
    }
}

/// A refresh that is answered keeps the session alive: another follows.
#[test]
fn refreshes_go_on() {
    let lab = SimLab::with(|_, policy| short(policy));
    let ask = Ask::guests(&["bob"]).with("Session-Expires: 90;refresher=uas\r\n");
    let mut talk = talk(
        &lab,
        &ask,
        "",
        "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\n",
    );
    for _ in 0..5 {
        for phone in [&mut talk.alice, &mut talk.bob] {
            let refresh = refreshed(phone);
            let headers = format!(
                "Contact: {}\r\nSession-Expires: 90;refresher=uac\r\nRequire: timer\r\n",
                phone.contact()
            );
            let sdp = Chat::sdp(&phone.user.clone());
            match refresh.method() {
                Method::Update => phone.answer(&refresh, "200 OK", "x", &headers, ""),
                _ => {
                    let headers = headers + "Content-Type: application/sdp\r\n";
                    phone.answer(&refresh, "200 OK", "x", &headers, &sdp);
                    phone.incoming("ACK");
                }
            }
        }
    }
    for phone in [&talk.alice, &talk.bob] {
        let is_bye = |message: &&Message| matches!(message, Message::Request(r) if *r.method() == Method::Bye);
        assert_eq!(phone.unheard().filter(is_bye).count(), 0);
    }
}

/// `focus.ring_s` as it is by default: 180 at once and a minute later, then CANCEL and 408.
#[test]
fn ringing_is_repeated_every_minute_and_ends() {
    let lab = SimLab::with(|_, _| {});
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let start = lab.now();
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    bob.rings(&invitation);
    let mut rung = Vec::new();
    let ended = loop {
        let response = alice.response(&call_id);
        match response.status() {
            100 => {}
            180 => rung.push((lab.now() - start).as_secs()),
            _ => break response,
        }
    };
    assert_eq!(ended.status(), 408);
    assert_eq!((lab.now() - start).as_secs(), 120);
    assert_eq!(rung.len(), 2, "{rung:?}");
    assert!(rung[0] <= 1 && rung[1].abs_diff(60) <= 1, "{rung:?}");
    alice.ack_failure(&ended, FACTORY);
    bob.is_cancelled(&invitation);
    lab.settled();
}

/// RFC 6665 section 4.2.2: a subscription that is not refreshed ends with a NOTIFY that says so.
#[test]
fn a_subscription_that_is_not_refreshed_ends() {
    let lab = SimLab::with(|_, policy| {
        policy.focus.session_interval = Duration::from_secs(7200);
        without_media(policy);
    });
    let mut talk = talk(&lab, &Ask::guests(&["bob"]), "", "");
    let headers = format!(
        "Contact: {}\r\nEvent: conference\r\nExpires: 60\r\n",
        talk.alice.contact()
    );
    let response = talk
        .alice
        .request("SUBSCRIBE", &identity(&talk.ok), &headers, "");
    assert_eq!(response.status(), 200);
    let start = lab.now();
    talk.alice.notified();
    let (last, _) = talk.alice.notified();
    assert!(
        last.raw(Name::SubscriptionState)
            .unwrap()
            .starts_with("terminated;reason=timeout")
    );
    assert_eq!((lab.now() - start).as_secs(), 60);
}

/// A registration that lapsed makes nobody ring.
#[test]
fn a_registration_that_is_not_refreshed_lapses() {
    let lab = SimLab::with(|_, _| {});
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let headers = format!("Contact: {}\r\nExpires: 60\r\n", bob.contact());
    assert_eq!(
        bob.request("REGISTER", "sip:localhost", &headers, "")
            .status(),
        200
    );
    lab.pass(Duration::from_secs(61));
    let response = Ask::guests(&["bob"]).ask(&mut alice);
    assert_eq!(response.status(), 480);
    lab.settled();
}

/// The SIP sessions stand, and nobody connects by MSRP: no message could ever reach them.
#[test]
fn who_never_connects_is_let_go() {
    let lab = SimLab::with(|_, policy| policy.focus.media = Duration::from_secs(60));
    let start = lab.now();
    let mut talk = talk(&lab, &Ask::guests(&["bob"]), "", "");
    let mut reasons = String::new();
    for phone in [&mut talk.alice, &mut talk.bob] {
        let bye = phone.incoming("BYE");
        reasons += bye.raw(Name::Reason).unwrap_or_default();
        phone.answer(&bye, "200 OK", "", "", "");
    }
    assert_eq!((lab.now() - start).as_secs(), 60);
    assert!(reasons.contains("no MSRP connection came"), "{reasons}");
    lab.settled();
}
