//! 7.2.1.2, the end of it: when the inviter is let in, with what, and what is said when nobody
//! comes.

use std::time::Duration;

use crate::lab::ask::{FACTORY, identity};
use crate::lab::story::attributes;
use crate::lab::{Ask, Chat, Guest, Lab, Phone};
use server::config::FocusAnswer;
use sip::sdp::Description;
use sip::{Message, Name};

fn is_final(message: &Message) -> bool {
    matches!(message, Message::Response(response) if response.is_final())
}

/// IM-7.2.1.2-OK-S1, `focus.answer = "confirmed"`: the first who accepts lets the inviter in, and
/// those who accept later change nothing about that.
#[test]
fn im_7_2_1_2_ok_s1_confirmed() {
    let lab = Lab::with(|_, policy| policy.focus.answer = FocusAnswer::Confirmed);
    let mut alice = lab.phone("alice");
    let (mut bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let invitation = bob.invited();
    bob.rings(&invitation);
    let trying = alice.response(&call_id);
    assert_eq!(trying.status(), 100);
    let ringing = alice.response(&call_id);
    assert_eq!(ringing.status(), 180);
    alice.heard_only(|message| !is_final(message));

    bob.accept(&invitation, "", &Chat::sdp("bob"));
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    assert_eq!(
        identity(&ok),
        identity(&ringing),
        "the 180 named the conference already"
    );
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let mut guest = Guest::joins(carol, "");
    chat.say("sip:alice@localhost", &identity(&ok), "both?");
    assert_eq!(guest.chat.hear().2, "both?");
    alice.heard_only(|_| false);
}

/// IM-7.2.1.2-OK-S1, `focus.answer = "immediate"`: the inviter is in before anybody accepts.
#[test]
fn im_7_2_1_2_ok_s1_immediate() {
    let lab = Lab::with(|_, policy| policy.focus.answer = FocusAnswer::Immediate);
    let mut alice = lab.phone("alice");
    let bob = lab.phone("bob");
    let ok = Ask::guests(&["bob"]).ask(&mut alice);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let mut guest = Guest::joins(bob, "");
    // Only when it has been let in can the guest be heard.
    guest.chat.say("sip:bob@localhost", &identity(&ok), "here");
    assert_eq!(chat.hear().2, "here");
    alice.heard_only(|_| false);
}

/// (the inviter's accept-types, the first guest's, those of the answer to the inviter)
#[rustfmt::skip]
const TYPES: &[(&str, &str, &str)] = &[
    ("message/cpim",                     "message/cpim",            "message/cpim"),
    ("message/cpim text/plain",          "message/cpim",            "message/cpim"),
    ("message/cpim",                     "message/cpim text/plain", "message/cpim"),
    ("message/cpim text/plain image/png", "image/png message/cpim", "message/cpim image/png"),
    ("message/cpim image/*",             "message/cpim image/png",  "message/cpim image/png"),
    ("*",                                "message/cpim text/html",  "message/cpim text/html"),
    ("message/CPIM application/im-iscomposing+xml", "*", "message/CPIM application/im-iscomposing+xml"),
];

/// IM-7.2.1.2-OK-S2: the 200 has an answer to the offer. IM-7.2.1.2-OK-S2a: its types are those
/// of both sides. IM-7.2.1.2-OK-S2b: the other attributes are repeated.
#[test]
fn im_7_2_1_2_ok_s2_the_answer() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let usual = "a=accept-types:message/cpim application/im-iscomposing+xml";
    for (offered, taken, want) in TYPES {
        let own = "a=max-size:20000\r\na=x-colour:blue\r\na=msrp-cema\r\n";
        let offer = Chat::sdp("host").replace(usual, &format!("a=accept-types:{offered}")) + own;
        let call_id = Ask::guests(&["bob"]).with_sdp(&offer).send(&mut alice);
        let invitation = bob.invited();
        let answer = Chat::sdp("bob").replace(usual, &format!("a=accept-types:{taken}"));
        bob.accept(&invitation, "", &answer);
        let ok = alice.final_response(&call_id);
        assert_eq!(ok.status(), 200, "{offered} {taken}");
        assert_eq!(ok.raw(Name::ContentType), Some("application/sdp"));
        let expected = offer.replace(
            &format!("a=accept-types:{offered}"),
            &format!("a=accept-types:{want}"),
        );
        let mut expected = attributes(expected.as_bytes());
        // Which of the connection there are is ours to say.
        expected.retain(|line| line != "a=msrp-cema");
        let got = attributes(&ok.body());
        assert_eq!(got, expected, "{offered} with {taken}");
        let description = Description::parse(&ok.body()).unwrap();
        let path = description.msrp().unwrap().1.path.join(" ");
        assert!(
            path.contains(&lab.at.msrp.to_string()),
            "{path} is our own end"
        );
        alice.ack(&ok, "");
        let bye = alice.inside("BYE", &ok, 1000, "", "");
        alice.send(bye.as_bytes());
        alice.final_response(&call_id);
        bob.is_released();
        lab.settled();
    }
}

/// IM-7.2.1.2-OK-S3, IM-7.2.1.2-OK-S4: with the 200 the inviter is on the switch, and is heard by
/// whoever came first at once.
#[test]
fn im_7_2_1_2_ok_s4_the_inviter_is_on_the_switch() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    conference.all_hear("hello");
    conference.guests[1]
        .chat
        .say("sip:carol@localhost", &conference.identity, "hi");
    assert_eq!(conference.chat.hear().2, "hi");
}

/// (what the guests say, what the inviter hears): IM-7.2.1.2-FAIL-S1, IM-7.2.1.2-FAIL-S1a.
#[rustfmt::skip]
const FAILURES: &[([u16; 3], u16)] = &[
    ([486, 486, 486], 486),
    ([603, 486, 480], 480),
    ([486, 404, 603], 404),
    ([603, 500, 600], 500),
    ([603, 600, 606], 600),
    ([603, 603, 603], 603),
    ([488, 415, 486], 415),
    // What concerns only the hop between us and a device counts as 480.
    ([302, 486, 603], 480),
    ([401, 486, 500], 480),
    ([486, 407, 500], 480),
    ([482, 482, 482], 480),
    ([503, 603, 600], 480),
    ([503, 403, 302], 403),
];

#[test]
fn im_7_2_1_2_fail_s1_the_lowest_code_is_passed_on() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let guests = ["bob", "carol", "dave"];
    let mut phones: Vec<_> = guests.iter().map(|user| lab.phone(user)).collect();
    for (said, want) in FAILURES {
        let call_id = Ask::guests(&guests).send(&mut alice);
        for (phone, status) in phones.iter_mut().zip(said) {
            let invitation = phone.invited();
            phone.refuses(&invitation, &format!("{status} Because"));
        }
        let response = alice.final_response(&call_id);
        assert_eq!(response.status(), *want, "{said:?}");
        alice.ack_failure(&response, FACTORY);
        lab.settled();
    }
    // One final response each, and nothing after it.
    alice.heard_only(|message| !is_final(message));
}

/// IM-7.2.1.2-FAIL-S1: as long as one may still come, nothing is said; nor when one has come.
#[test]
fn im_7_2_1_2_fail_s1_needs_all_to_fail() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let (mut bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol", "nobody"]).send(&mut alice);
    let invitation = bob.invited();
    bob.refuses(&invitation, "486 Busy Here");
    alice.heard_only(|message| !is_final(message));
    let _carol = Guest::joins(carol, "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
}

/// (who is on the list, what the inviter hears): those who cannot even be called.
#[rustfmt::skip]
const UNREACHABLE: &[(&str, u16)] = &[
    ("<entry uri=\"sip:nobody@localhost\"/>", 404),
    ("<entry uri=\"sip:dave@localhost\"/>", 480),
    ("<entry uri=\"sip:bob@elsewhere.example\"/>", 404),
    ("<entry uri=\"tel:+15551234\"/>", 416),
    ("<entry uri=\"sip:dave@localhost\"/><entry uri=\"sip:nobody@localhost\"/>", 404),
];

/// IM-7.2.1.2-FAIL-S1a, for those who have no phone.
#[test]
fn im_7_2_1_2_fail_s1a_nobody_can_be_called() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    for (entries, want) in UNREACHABLE {
        let response = Ask::guests(&[]).with_entries(entries).ask(&mut alice);
        assert_eq!(response.status(), *want, "{entries}");
        lab.settled();
    }
}

/// IM-7.2.1.2-FAIL-S2: who was let in at once is let out when everybody refuses.
#[test]
fn im_7_2_1_2_fail_s2_the_inviter_is_removed() {
    let lab = Lab::with(|_, policy| policy.focus.answer = FocusAnswer::Immediate);
    let mut alice = lab.phone("alice");
    let (mut bob, mut carol) = (lab.phone("bob"), lab.phone("carol"));
    let ok = Ask::guests(&["bob", "carol"]).ask(&mut alice);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let invitation = bob.invited();
    bob.refuses(&invitation, "486 Busy Here");
    alice.heard_only(|_| false);
    let invitation = carol.invited();
    carol.refuses(&invitation, "603 Decline");
    let bye = alice.is_released();
    assert_eq!(bye.raw(Name::CallId), ok.raw(Name::CallId));
    lab.settled();
}

/// RFC 3261 section 9.2: CANCEL ends the ringing everywhere, and the INVITE with 487.
#[test]
fn an_inviter_who_cancels_is_heard_by_all() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let (mut bob, mut carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let (to_bob, to_carol) = (bob.invited(), carol.invited());
    // CANCEL waits for a provisional response (RFC 3261 section 9.1): carol has given none yet.
    bob.rings(&to_bob);
    assert_eq!(alice.cancels(&call_id, FACTORY).status(), 200);
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 487);
    alice.ack_failure(&ended, FACTORY);
    bob.is_cancelled(&to_bob);
    carol.rings(&to_carol);
    carol.is_cancelled(&to_carol);
    lab.settled();
}

/// An inviter whose connection is lost has given up.
#[test]
fn an_inviter_who_vanishes_ends_the_ringing() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut bob = lab.phone("bob");
    Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    bob.rings(&invitation);
    drop(alice);
    bob.is_cancelled(&invitation);
    lab.settled();
}

/// `focus.ring_s`: whoever rings too long is called no more, and counts as 408.
#[test]
fn who_does_not_answer_in_time_counts_as_408() {
    let lab = Lab::with(|_, policy| policy.focus.ring = Duration::from_millis(300));
    let mut alice = lab.phone("alice");
    let (mut bob, mut carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let invitation = bob.invited();
    bob.rings(&invitation);
    let refused = carol.invited();
    carol.refuses(&refused, "603 Decline");
    bob.is_cancelled(&invitation);
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 408);
    alice.ack_failure(&ended, FACTORY);
    lab.settled();
}

/// The first who rings is told to the inviter, once; a 183 is not.
#[test]
fn the_first_180_is_passed_on() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let (mut bob, mut carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let (to_bob, to_carol) = (bob.invited(), carol.invited());
    bob.answer(&to_bob.request, "183 Session Progress", &to_bob.tag, "", "");
    bob.heard_only(|_| true);
    alice.heard_only(|message| status(message) == Some(100));
    bob.rings(&to_bob);
    carol.rings(&to_carol);
    let ringing = loop {
        let response = alice.response(&call_id);
        if response.status() != 100 {
            break response;
        }
    };
    assert_eq!(ringing.status(), 180);
    assert!(ringing.raw(Name::Contact).unwrap().contains(";isfocus"));
    settle(&mut bob, &mut carol);
    alice.heard_only(|_| false);
}

/// What these phones have sent has been read.
fn settle(bob: &mut Phone, carol: &mut Phone) {
    bob.heard_only(|_| true);
    carol.heard_only(|_| true);
}

fn status(message: &Message) -> Option<u16> {
    match message {
        Message::Response(response) => Some(response.status()),
        Message::Request(_) => None,
    }
}
