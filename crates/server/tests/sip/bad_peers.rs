//! Phones that break off, stay silent, do not read or do not speak MSRP: they cost the others
//! nothing.

use std::time::Duration;

use crate::lab::ask::FACTORY;
use crate::lab::{Ask, Chat, Conference, Guest, Lab};
use msrp::Kind;
use sip::{Method, Name, Request};

/// A server whose transactions give up after little more than a second (64 times T1).
fn hasty() -> Lab {
    Lab::with(|setup, _| setup.t1 = Duration::from_millis(20))
}

/// The Reason of a BYE.
fn reason(bye: &Request) -> &str {
    bye.raw(Name::Reason).unwrap_or_default()
}

/// RFC 3261 section 13.3.1.4: a 2xx is repeated until the ACK comes, and when none comes the
/// session ends with BYE. The others go on.
#[test]
fn an_inviter_who_never_acknowledges_is_released() {
    let lab = hasty();
    let mut alice = lab.phone("alice");
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let mut bob = Guest::joins(bob, "");
    let mut carol = Guest::joins(carol, "");
    let first = alice.final_response(&call_id);
    assert_eq!(first.status(), 200);
    let again = alice.final_response(&call_id);
    assert_eq!(
        again.wire(),
        first.wire(),
        "the same 200 again, also over TCP"
    );
    let bye = alice.is_released();
    assert_eq!(bye.raw(Name::CallId), Some(call_id.as_str()));
    assert!(reason(&bye).contains("No ACK"), "{}", reason(&bye));
    let identity = crate::lab::ask::identity(&first);
    bob.chat.say("sip:bob@localhost", &identity, "she has gone");
    assert_eq!(carol.chat.hear().2, "she has gone");
    bob.leaves();
    carol.leaves();
    lab.settled();
}

/// A device that says nothing at all to an INVITE counts as 408.
#[test]
fn a_guest_who_never_answers_is_given_up() {
    let lab = hasty();
    let mut alice = lab.phone("alice");
    let mut bob = lab.phone("bob");
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    bob.invited();
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 408);
    alice.ack_failure(&ended, FACTORY);
    lab.settled();
}

/// A BYE that is never answered holds nothing up.
#[test]
fn a_guest_who_never_answers_a_bye_is_forgotten() {
    let lab = hasty();
    let mut conference = lab.conference(&["bob"]);
    conference.host_leaves();
    conference.guests[0].phone.incoming("BYE");
    lab.settled();
}

/// (what, the good part of a SEND, by what it is replaced, the answer)
#[rustfmt::skip]
const MSRP: &[(&str, &str, &str, u16)] = &[
    ("an unknown session",  "OURS", "msrp://127.0.0.1:9/nobodyknowsthis;tcp", 481),
    ("no session",          "OURS", "msrp://127.0.0.1:9;tcp", 481),
    ("to be relayed",       "OURS", "OURS msrp://127.0.0.1:9/x;tcp", 481),
    ("no path",             "OURS", "sip:bob@localhost", 400),
    ("bound elsewhere",     "", "", 506),
    ("an unknown method",   "SEND", "DANCE", 506),
];

#[test]
fn msrp_to_a_session_that_is_not_ones_own_is_refused() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let bound = conference.guests[0].chat.to_path.clone();
    let mut stranger = Chat::connect_only(&conference.guests[0].invitation.request.body(), "thief");
    for (what, part, by, want) in MSRP {
        let frame = "MSRP abcd1234 SEND\r\nTo-Path: OURS\r\nFrom-Path: msrp://127.0.0.1:9/thief;tcp\r\n\
             Message-ID: m1\r\nByte-Range: 1-0/0\r\n-------abcd1234$\r\n";
        stranger.write(frame.replace(part, by).replace("OURS", &bound).as_bytes());
        assert_eq!(
            stranger.piece().head.kind(),
            Kind::Response(*want),
            "{what}"
        );
    }
    conference.all_hear("undisturbed");
}

/// On one's own session a method that is not offered is answered with 501.
#[test]
fn an_unknown_msrp_method_is_answered() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let chat = &mut conference.chat;
    let frame = format!(
        "MSRP abcd1234 DANCE\r\nTo-Path: {}\r\nFrom-Path: {}\r\n-------abcd1234$\r\n",
        chat.to_path, chat.from_path
    );
    chat.write(frame.as_bytes());
    assert_eq!(chat.piece().head.kind(), Kind::Response(501));
    conference.all_hear("undisturbed");
}

/// What a member does to its connection, given its paths: the member is dropped, the others go on.
type Mischief = fn(&mut Chat);

#[rustfmt::skip]
const MISCHIEF: &[(&str, Mischief)] = &[
    ("garbage",          |chat| chat.write(b"\x00\xff\xfe garbage\r\n\r\n".repeat(50).as_slice())),
    ("another protocol", |chat| chat.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
    ("a huge head",      |chat| half(chat, &"X-Filler: none\r\n".repeat(2000))),
    ("one huge line",    |chat| half(chat, &format!("X-Filler: {}\r\n", "x".repeat(100_000)))),
    ("no paths",         |chat| chat.write(b"MSRP abcd1234 SEND\r\nMessage-ID: 1\r\n-------abcd1234$\r\n")),
];

/// Begins a SEND and writes these header lines, and no more.
fn half(chat: &mut Chat, headers: &str) {
    let frame = format!(
        "MSRP abcd1234 SEND\r\nTo-Path: {}\r\nFrom-Path: {}\r\n{headers}",
        chat.to_path, chat.from_path
    );
    // The server may close before it has read all of it.
    chat.try_write(frame.as_bytes());
}

#[test]
fn a_member_who_does_not_speak_msrp_is_dropped() {
    for (what, mischief) in MISCHIEF {
        let lab = Lab::start();
        let mut conference = lab.conference(&["bob", "carol"]);
        let mut bob = conference.guests.remove(0);
        mischief(&mut bob.chat);
        assert!(bob.chat.is_closed(), "{what}");
        let bye = bob.phone.is_released();
        assert!(reason(&bye).contains("MSRP"), "{what}: {}", reason(&bye));
        conference.all_hear("go on");
        end(&lab, conference);
    }
}

fn end(lab: &Lab, mut conference: Conference) {
    conference.host_leaves();
    for guest in &mut conference.guests {
        guest.leaves();
    }
    lab.settled();
}

/// Garbage from somebody who names no session ends the connection.
#[test]
fn a_stranger_who_does_not_speak_msrp_is_closed() {
    let lab = Lab::start();
    let conference = lab.conference(&["bob", "carol"]);
    for (what, mischief) in MISCHIEF {
        let mut stranger = Chat::connect_only(&conference.ok.body(), "stranger");
        mischief(&mut stranger);
        assert!(stranger.is_closed(), "{what}");
    }
    end(&lab, conference);
}

/// A member whose connection dies in the middle of a message is let go; the others hear each
/// other.
#[test]
fn a_member_who_dies_mid_message_is_dropped() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let Guest {
        mut phone,
        chat: mut dying,
        ..
    } = conference.guests.remove(0);
    let cpim = "From: <sip:bob@localhost>\r\nTo: <sip:all@localhost>\r\n\r\nContent-Type: text/plain\r\n\r\nI am";
    half(
        &mut dying,
        &format!(
            "Message-ID: m\r\nByte-Range: 1-*/5000\r\nContent-Type: message/cpim\r\n\r\n{cpim}"
        ),
    );
    drop(dying);
    let bye = phone.is_released();
    assert_eq!(*bye.method(), Method::Bye);
    // What he began is ended with an abort; then they hear each other.
    let status = conference
        .chat
        .say_and_wait("sip:alice@localhost", &conference.identity, "go on");
    assert_eq!(status, 200);
    assert!(conference.guests[0].chat.hear().2.ends_with("go on"));
    end(&lab, conference);
}

/// A member who does not read is dropped when too much waits for it; nobody waits with it.
#[test]
fn a_member_who_stops_reading_is_dropped() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let mut bob = conference.guests.remove(0);
    let text = "x".repeat(60_000);
    // 8 MB wait at most, beside what the kernel holds: a few more on loopback.
    for _ in 0..800 {
        conference.all_hear(&text);
        if bob.phone.has_heard(&Method::Bye) {
            let bye = bob.phone.is_released();
            assert!(
                reason(&bye).contains("Not Reading Fast Enough"),
                "{}",
                reason(&bye)
            );
            conference.all_hear("without him");
            return end(&lab, conference);
        }
    }
    panic!("bob was not dropped");
}

/// The BYE of the server does not overtake what was said before: whoever reads slowly hears it all.
#[test]
fn a_slow_reader_is_told_everything_before_the_end() {
    const MESSAGES: usize = 60;
    let lab = Lab::start();
    let mut all = lab.conference(&["bob"]);
    let long = "x".repeat(100_000);
    for _ in 0..MESSAGES {
        let (alice, to) = ("sip:alice@localhost", &all.identity);
        assert_eq!(all.chat.say_and_wait(alice, to, &long), 200);
    }
    all.host_leaves();
    let mut bob = all.guests.remove(0);
    // More waits than the sockets between them take.
    bob.phone.hears_nothing(
        |message| !matches!(message, sip::Message::Request(r) if *r.method() == Method::Bye),
    );
    for _ in 0..MESSAGES {
        assert_eq!(bob.chat.hear().2.len(), long.len());
    }
    let bye = bob.phone.is_released();
    assert!(reason(&bye).contains("410"), "{}", reason(&bye));
    lab.settled();
}
