//! RFC 7701: a chat room, clause by clause.

mod nicknames;

use sip::Name;
use xdm::shared_group::SharedGroup;

use crate::groups::{FRIENDS, comes, join, with_friends, write};
use crate::lab::ask::identity;
use crate::lab::{Ask, Chat, Conference, Guest, Lab, PATIENCE, Phone};

const DECLARED: &str = "a=chatroom:nickname private-messages";

/// An offer or answer that says this of chat rooms.
fn sdp(id: &str, line: &str) -> String {
    Chat::sdp(id).replace(&format!("{DECLARED}\r\n"), line)
}

/// What a description says of chat rooms.
fn declared(description: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(description).unwrap();
    let lines = text.lines().filter(|line| line.contains("chatroom"));
    lines.map(str::to_owned).collect()
}

/// RFC 7701 section 8: the focus declares what it can do, whatever the other side declares, in
/// every description it sends.
#[test]
fn rfc_7701_8_the_focus_declares_what_it_can() {
    let lab = Lab::start();
    let declares = |what: &str, description: &[u8]| {
        assert_eq!(declared(description), [DECLARED], "{what}");
    };
    for line in [
        "",
        "a=chatroom\r\n",
        "a=chatroom:com.example.foo\r\n",
        "a=chatroom:nicknames private-messages\r\n",
    ] {
        let ask = Ask::guests(&["bob"]).with_sdp(&sdp("host", line));
        let mut conference = lab.conference_by(&ask, &["bob"]);
        declares("the answer to the inviter", &conference.ok.body());
        declares(
            "the offer to a guest",
            &conference.guests[0].invitation.sdp(),
        );
        let contact = conference.host.contact();
        let body = sdp("host", line);
        let headers = format!("Contact: {contact}\r\nContent-Type: application/sdp\r\n");
        let answer = conference.host_asks("UPDATE", &headers, &body);
        declares("the answer inside", &answer.body());
        conference.host_leaves();
        conference.guests[0].phone.is_released();
        lab.settled();
    }
    let mut alice = lab.phone("alice");
    let refused = Ask::guests(&["bob"]).with_sdp(&sdp("x", "").replace("message/cpim ", ""));
    let call_id = refused.send(&mut alice);
    let refused = alice.final_response(&call_id);
    assert_eq!(refused.status(), 488);
    declares("what we would have taken", &refused.body());
    let bob = lab.phone("bob");
    let call_id = Ask::guests(&["bob"]).with_sdp("").send(&mut alice);
    let _bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    declares("the offer to the inviter", &ok.body());
}

/// alice in a chat with bob, who declares all of RFC 7701, and carol, who declares what is said.
fn chat_with(lab: &Lab, carols: &str) -> Conference {
    let mut host = lab.phone("alice");
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut host);
    let guests = vec![Guest::joins(bob, ""), joins_as(carol, carols)];
    let ok = host.final_response(&call_id);
    host.ack(&ok, "");
    let chat = Chat::connect(&ok.body(), "host");
    let identity = identity(&ok);
    Conference {
        host,
        ok,
        chat,
        guests,
        identity,
    }
}

fn joins_as(mut phone: Phone, line: &str) -> Guest {
    let invitation = phone.invited();
    phone.accept(&invitation, "", &sdp("carol", line));
    let chat = Chat::connect(&invitation.sdp(), "carol");
    Guest {
        phone,
        invitation,
        chat,
    }
}

fn cpim(from: &str, to: &[&str], content_type: &str, text: &str) -> String {
    let to: String = to.iter().map(|to| format!("To: <{to}>\r\n")).collect();
    format!("From: <{from}>\r\n{to}\r\nContent-Type: {content_type}\r\n\r\n{text}")
}

/// Says a message as a whole, and gives the status of the answer.
fn say(chat: &mut Chat, message: &str) -> u16 {
    let length = message.len();
    let headers = format!("Byte-Range: 1-{length}/{length}\r\nContent-Type: message/cpim\r\n");
    chat.send_frame("", &headers, message);
    chat.answer().1
}

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "sip:carol@localhost";
/// Stands for the address of the room.
const ROOM: &str = "ROOM";
const TEXT: &str = "text/plain";

/// Who hears a message of alice's.
#[derive(Clone, Copy, PartialEq)]
enum Hear {
    Nobody,
    Bob,
    Carol,
    Both,
}

/// (the clause, From, To, what is wrapped, the answer, who hears it)
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    u16,
    Hear,
);

/// carol's client declares nothing.
#[rustfmt::skip]
const MESSAGES: &[Row] = &[
    ("6.1 all",                 ALICE, &[ROOM],         TEXT, 200, Hear::Both),
    ("6.1 several To",          ALICE, &[ROOM, BOB],    TEXT, 403, Hear::Nobody),
    ("6.2 one",                 ALICE, &[BOB],          TEXT, 200, Hear::Bob),
    ("6.2 several To",          ALICE, &[BOB, CAROL],   TEXT, 403, Hear::Nobody),
    ("6.2 the same To twice",   ALICE, &[BOB, BOB],     TEXT, 403, Hear::Nobody),
    ("6.2 not a participant",   ALICE, &["sip:dave@localhost"], TEXT, 404, Hear::Nobody),
    ("6.2 cannot be resolved",  ALICE, &["bob"],        TEXT, 404, Hear::Nobody),
    ("6.2 does not support it", ALICE, &[CAROL],        TEXT, 428, Hear::Nobody),
    ("6.2 in another spelling", ALICE, &["sip:carol@LOCALHOST;x=y"], TEXT, 428, Hear::Nobody),
    ("6.3 From of another",     BOB,   &[CAROL],        TEXT, 403, Hear::Nobody),
    ("6.2 From comes first",    BOB,   &[BOB, CAROL],   TEXT, 403, Hear::Nobody),
    // RFC 5438: to whom it may concern, whatever their client declares.
    ("6.2 a notification",      ALICE, &[CAROL],        "message/imdn+xml", 200, Hear::Carol),
];

#[test]
fn rfc_7701_6_messages() {
    let lab = Lab::start();
    for declared in ["", "a=chatroom\r\n", "a=chatroom:nickname\r\n"] {
        let mut conference = chat_with(&lab, declared);
        let room = conference.identity.clone();
        for (clause, from, to, wrapped, code, hear) in MESSAGES {
            let to: Vec<_> = to
                .iter()
                .map(|to| if *to == ROOM { &room } else { *to })
                .collect();
            let message = cpim(from, &to, wrapped, clause);
            assert_eq!(say(&mut conference.chat, &message), *code, "{clause}");
            // What is said next is the next that those hear who did not hear this.
            let after = cpim(ALICE, &[&room], TEXT, "after it");
            assert_eq!(say(&mut conference.chat, &after), 200, "{clause}");
            let hears = [
                matches!(hear, Hear::Bob | Hear::Both),
                matches!(hear, Hear::Carol | Hear::Both),
            ];
            for (guest, hears) in conference.guests.iter_mut().zip(hears) {
                if hears {
                    // RFC 7701 6.1: the content is not modified.
                    assert_eq!(guest.chat.next_said(), message, "{clause}");
                }
                assert_eq!(guest.chat.hear().2, "after it", "{clause}");
            }
        }
        conference.host_leaves();
        for guest in &mut conference.guests {
            guest.leaves();
        }
        lab.settled();
    }
}

/// RFC 7701 6.1 and 6.2: the decision falls when the CPIM headers are there, in whichever chunk.
#[test]
fn rfc_7701_6_2_in_chunks() {
    let lab = Lab::start();
    let mut conference = chat_with(&lab, "");
    let message = cpim(ALICE, &[CAROL], TEXT, "for your eyes only");
    for (clause, at) in [
        ("in the headers", 10),
        (
            "before the blank line",
            message.find("\r\n\r\n").unwrap() + 2,
        ),
        (
            "before the type is known",
            message.find("Content-Type").unwrap(),
        ),
    ] {
        let (first, rest) = message.split_at(at);
        let chunk = |from: usize, body: &str| {
            let (to, of) = (from + body.len() - 1, message.len());
            format!(
                "Message-ID: m{at}\r\nByte-Range: {from}-{to}/{of}\r\nContent-Type: message/cpim\r\n"
            )
        };
        let chat = &mut conference.chat;
        chat.frame("SEND", &chunk(1, first), first, '+');
        assert_eq!(chat.answer().1, 200, "{clause}");
        chat.frame("SEND", &chunk(at + 1, rest), rest, '$');
        assert_eq!(chat.answer().1, 428, "{clause}");
    }
    conference.all_hear("after it");
}

/// RFC 7701 section 8: a description that comes later counts from then on.
#[test]
fn rfc_7701_8_what_is_declared_may_change() {
    let lab = Lab::start();
    let mut conference = chat_with(&lab, "");
    let message = cpim(ALICE, &[CAROL], TEXT, "psst");
    for (line, code) in [
        ("a=chatroom:private-messages\r\n", 200),
        ("", 428),
        (
            "a=chatroom:nickname private-messages com.example.foo\r\n",
            200,
        ),
    ] {
        let carol = &mut conference.guests[1];
        let contact = carol.phone.contact();
        let headers = format!("Contact: {contact}\r\nContent-Type: application/sdp\r\n");
        let answer = carol
            .phone
            .asks(&carol.invitation, "UPDATE", &headers, &sdp("carol", line));
        assert_eq!(answer.status(), 200, "{line}");
        assert_eq!(answer.raw(Name::ContentType), Some("application/sdp"));
        assert_eq!(say(&mut conference.chat, &message), code, "{line}");
        if code == 200 {
            assert_eq!(conference.guests[1].chat.hear().2, "psst");
        }
    }
}

/// A session of a stored group in which the document allows to hide, if it is so.
fn friends(may_hide: bool) -> Lab {
    let store = with_friends(|group| group.rules[0].actions.allow_anonymity = may_hide);
    Lab::on(store, |_, _| {})
}

/// Comes in with a device that says this of chat rooms.
fn comes_as(phone: &mut Phone, line: &str, extra: &str) -> Chat {
    let body = ("application/sdp".to_owned(), sdp("device", line));
    let ask = Ask {
        body: Some(body),
        ..join(FRIENDS, "device")
    };
    let ok = ask.with(extra).ask(phone);
    assert_eq!(ok.status(), 200);
    phone.ack(&ok, "");
    Chat::connect(&ok.body(), "device")
}

/// RFC 7701 6.2: a private message goes to each device of the recipient that tells it from others.
#[test]
fn rfc_7701_6_2_each_device_of_the_recipient() {
    let lab = friends(false);
    let (_, mut alice) = comes(&mut lab.phone("alice"), FRIENDS);
    let (_, mut desk) = comes(&mut lab.phone("bob"), FRIENDS);
    let (_, mut mobile) = comes(&mut lab.phone("bob"), FRIENDS);
    let mut old = comes_as(&mut lab.phone("bob"), "", "");
    assert_eq!(say(&mut alice, &cpim(ALICE, &[BOB], TEXT, "psst")), 200);
    assert_eq!(say(&mut alice, &cpim(ALICE, &[FRIENDS], TEXT, "all")), 200);
    for device in [&mut desk, &mut mobile] {
        assert_eq!([device.hear().2, device.hear().2], ["psst", "all"]);
    }
    assert_eq!(old.hear().2, "all");
}

/// RFC 7701 section 8, 6.2: a room that allows no private messages says so, and forwards none.
#[test]
fn rfc_7701_8_private_messages_are_the_rooms_to_allow() {
    let forbid = |group: &mut SharedGroup| {
        let property = ("PrivateMessaging".to_owned(), "F".to_owned());
        group.extension.properties.push(property);
    };
    let mut store = with_friends(forbid);
    let lab = Lab::on(store.reopen().unwrap(), |_, _| {});
    let mut phone = lab.phone("alice");
    let (ok, mut alice) = comes(&mut phone, FRIENDS);
    let (_, mut bob) = comes(&mut lab.phone("bob"), FRIENDS);
    assert_eq!(declared(&ok.body()), ["a=chatroom:nickname"]);
    for to in [BOB, "sip:dave@localhost"] {
        assert_eq!(say(&mut alice, &cpim(ALICE, &[to], TEXT, "psst")), 403);
    }
    assert_eq!(say(&mut alice, &cpim(ALICE, &[FRIENDS], TEXT, "all")), 200);
    assert_eq!(bob.hear().2, "all");
    write(&mut store, |_| {});
    let deadline = std::time::Instant::now() + PATIENCE;
    while say(&mut alice, &cpim(ALICE, &[BOB], TEXT, "psst")) != 200 {
        assert!(std::time::Instant::now() < deadline, "it is not noticed");
    }
    assert_eq!(bob.hear().2, "psst");
    let contact = phone.contact();
    let headers = format!("Contact: {contact}\r\nContent-Type: application/sdp\r\n");
    let cseq = phone.next_cseq();
    let update = phone.inside("UPDATE", &ok, cseq, &headers, &Chat::sdp("alice"));
    phone.send(update.as_bytes());
    let answer = phone.final_response_to("UPDATE", ok.raw(Name::CallId).unwrap(), cseq);
    assert_eq!(declared(&answer.body()), [DECLARED]);
}
