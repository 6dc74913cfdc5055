//! RFC 7701: private messages and nicknames in a chat room, clause by clause.

use sip::Name;
use xdm::conference_info::ConferenceInfo;

use crate::lab::ask::identity;
use crate::lab::watch::{Watch, users};
use crate::lab::{Ask, Chat, Conference, Guest, Lab, Phone, names};

const DECLARED: &str = "a=chatroom:nickname private-messages";

/// An offer or answer that says this of chat rooms.
fn sdp(id: &str, line: &str) -> String {
    Chat::sdp(id).replace(&format!("{DECLARED}\r\n"), line)
}

/// RFC 7701 section 8: the focus declares what it can do, whatever the other side declares, in
/// every description it sends.
#[test]
fn rfc_7701_8_the_focus_declares_what_it_can() {
    let lab = Lab::start();
    let declares = |what: &str, description: &[u8]| {
        let text = std::str::from_utf8(description).unwrap();
        let lines: Vec<_> = text.lines().filter(|l| l.contains("chatroom")).collect();
        assert_eq!(lines, [DECLARED], "{what}: {text}");
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
    let call_id = Ask::guests(&["bob"]).with_sdp("").send(&mut alice);
    let bob = Guest::joins(lab.phone("bob"), "");
    let ok = alice.final_response(&call_id);
    declares("the offer to the inviter", &ok.body());
    drop(bob);
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

/// Asks for a nickname, as the value of the header, and gives the status of the answer.
fn asks(chat: &mut Chat, value: &str) -> u16 {
    let tid = chat.frame("NICKNAME", &format!("Use-Nickname: {value}\r\n"), "", '$');
    let (of, status) = chat.answer();
    assert_eq!(of, tid, "{value}");
    status
}

/// (the clause, Use-Nickname, the answer, what the roster shows then)
type Wish = (&'static str, &'static str, u16, Option<&'static str>);

/// alice asks, one after the other. bob is called Duke.
#[rustfmt::skip]
const NICKNAMES: &[Wish] = &[
    ("7.1 reserved",               "\"Alice the great\"",        200, Some("Alice the great")),
    ("7.1 UTF-8 and escapes",      r#""A \"B\" \\ é 😀""#,       200, Some("A \"B\" \\ é 😀")),
    ("7.1 the same again",         r#""A \"B\" \\ é 😀""#,       200, Some("A \"B\" \\ é 😀")),
    ("7.1 one's own, otherwise",   r#""a \"b\" \\ É 😀""#,       200, Some("a \"b\" \\ É 😀")),
    ("7.2 modified",               "\"Queen\"",                  200, Some("Queen")),
    ("7.1 in use",                 "\"Duke\"",                   425, Some("Queen")),
    ("7.1 in use, by case",        "\"dUKE\"",                   425, Some("Queen")),
    ("7.1 in use, by white space", "\"  Duke\u{3000} \"",        425, Some("Queen")),
    ("7.1 in use, by what is not seen", "\"Du\u{200b}ke\"",      425, Some("Queen")),
    ("7.1 a reserved word",        "\"Anonymous1\"",             425, Some("Queen")),
    ("7.1 no quotes",              "King",                       424, Some("Queen")),
    ("7.1 one quote",              "\"King",                     424, Some("Queen")),
    ("7.1 an escape that is none", r#""K\ing""#,                 424, Some("Queen")),
    ("7.1 a quote inside",         r#""K"ing""#,                 424, Some("Queen")),
    ("7.1 nothing",                "",                           424, Some("Queen")),
    ("7.1 white space alone",      "\" \u{a0}\"",                424, Some("Queen")),
    ("7.1 a control character",    "\"K\ting\"",                 424, Some("Queen")),
    ("7.1 a mark of direction",    "\"\u{202e}gniK\"",           424, Some("Queen")),
    ("7.3 removed",                "\"\"",                       200, None),
    ("7.3 removed again",          "\"\"",                       200, None),
];

#[test]
fn rfc_7701_7_nicknames() {
    let lab = Lab::start();
    let mut conference = chat_with(&lab, "");
    let (mut watch, _) = Watch::begin(&mut conference.guests[0].phone, &conference.identity);
    assert_eq!(asks(&mut conference.guests[0].chat, "\"Duke\""), 200);
    let mut shown = None;
    let bob = &mut conference.guests[0].phone;
    assert_eq!(called(&watch.next(bob)), [(BOB, Some("Duke"))]);
    for (clause, value, code, want) in NICKNAMES {
        assert_eq!(asks(&mut conference.chat, value), *code, "{clause}");
        if shown != *want {
            shown = *want;
            // RFC 7701 7.4: those who observe the room are told of this and of nothing else.
            assert_eq!(called(&watch.next(bob)), [(ALICE, shown)], "{clause}");
        }
    }
    bob.heard_only(|_| false);
    conference.all_hear("we go on");
}

/// Whom a document shows, and by which name.
fn called(info: &ConferenceInfo) -> Vec<(&str, Option<&str>)> {
    users(info)
        .iter()
        .map(|user| (user.entity.as_str(), user.display_text.as_deref()))
        .collect()
}

/// RFC 7701 7.1: from 1 to 1023 octets.
#[test]
fn rfc_7701_7_1_the_length_of_a_nickname() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    for (nickname, code) in [
        ("a".to_owned(), 200),
        ("a".repeat(1023), 200),
        ("&".repeat(1023), 200),
        ("é".repeat(511), 200),
        ("a".repeat(1024), 424),
        ("é".repeat(512), 424),
        ("a".repeat(12_000), 424),
    ] {
        let answer = asks(&mut conference.chat, &format!("\"{nickname}\""));
        assert_eq!(answer, code, "{} octets", nickname.len());
    }
    conference.all_hear("we go on");
}

/// What else a NICKNAME request may hold: (the clause, its headers, body and flag, the answer).
#[rustfmt::skip]
const REQUESTS: &[(&str, &str, &str, char, u16)] = &[
    ("7.1 no Use-Nickname",      "",                                                "",     '$', 424),
    ("7.1 in other letters",     "use-nickname: \"King\"\r\n",                      "",     '$', 200),
    // It must not carry them, so they mean nothing.
    ("7.1 report headers",       "Use-Nickname: \"Duke\"\r\nFailure-Report: no\r\nSuccess-Report: yes\r\n", "", '$', 200),
    ("7.1 a body",               "Use-Nickname: \"Earl\"\r\nContent-Type: text/plain\r\n", "King", '$', 200),
    ("7.1 a body, refused",      "Use-Nickname: Earl\r\nContent-Type: text/plain\r\n", "King", '$', 424),
    // RFC 4975 7.1: only a SEND comes in chunks.
    ("RFC 4975 7.1 interrupted", "Use-Nickname: \"King\"\r\n",                      "",     '+', 400),
    ("RFC 4975 7.1 aborted",     "Use-Nickname: \"King\"\r\n",                      "",     '#', 400),
];

#[test]
fn rfc_7701_7_1_the_request() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    for (clause, headers, body, flag, code) in REQUESTS {
        let chat = &mut conference.chat;
        let tid = chat.frame("NICKNAME", headers, body, *flag);
        // One answer, to this request; the next is to the next.
        assert_eq!(chat.answer(), (tid, *code), "{clause}");
    }
    // RFC 4975 7.3: the session is looked for first.
    let chat = &mut conference.chat;
    let path = chat.to_path.clone();
    chat.to_path = path.replace(path.split('/').nth(3).unwrap(), "nosuchsession;tcp");
    assert_eq!(asks(chat, "\"King\""), 481);
    chat.to_path = path;
    conference.all_hear("we go on");
}

/// RFC 7701 7.1: the room answers in the order in which it is asked and told.
#[test]
fn rfc_7701_7_1_in_the_order_of_what_is_said() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let chat = &mut conference.chat;
    let nickname = |name: &str| format!("Use-Nickname: \"{name}\"\r\n");
    let message = cpim(ALICE, &[&conference.identity], TEXT, "before");
    let send = "Message-ID: m1xx\r\nContent-Type: message/cpim\r\n";
    let tids = [
        chat.frame("SEND", send, &message, '$'),
        chat.frame("NICKNAME", &nickname("Queen"), "", '$'),
        chat.frame("SEND", send, &message.replace("before", "after"), '$'),
        chat.frame("NICKNAME", &nickname(""), "", '$'),
    ];
    for tid in tids {
        assert_eq!(chat.answer(), (tid, 200));
    }
    for text in ["before", "after"] {
        assert_eq!(conference.guests[0].chat.hear().2, text);
    }
}

/// RFC 7701 section 7: a name is given to one, and free again when it is given up or its holder
/// has left. 7.2: whoever is refused keeps what they had.
#[test]
fn rfc_7701_7_a_name_is_for_one_at_a_time() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let [bob, carol] = &mut conference.guests[..] else {
        panic!("two guests");
    };
    let alice = &mut conference.chat;
    assert_eq!(asks(&mut bob.chat, "\"Duke\""), 200);
    assert_eq!(asks(&mut carol.chat, "\"Duke\""), 425);
    assert_eq!(asks(&mut carol.chat, "\"Earl\""), 200);
    assert_eq!(asks(&mut carol.chat, "\"Duke\""), 425);
    assert_eq!(asks(alice, "\"Earl\""), 425, "7.2: carol has it still");
    assert_eq!(asks(&mut bob.chat, "\"\""), 200);
    assert_eq!(asks(&mut carol.chat, "\"Duke\""), 200);
    assert_eq!(asks(alice, "\"Earl\""), 200, "7.2: carol has another now");
    let (mut watch, _) = Watch::begin(&mut bob.phone, &conference.identity);
    carol.leaves();
    watch.next(&mut bob.phone);
    assert_eq!(asks(&mut bob.chat, "\"Duke\""), 200);
}

/// RFC 7701 section 7: those who hide may be called something, and are not known by it.
#[test]
fn rfc_7701_7_a_hidden_participant_has_a_nickname() {
    let lab = Lab::start();
    let (mut alice, bob, carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let mut bob = Guest::joins(bob, "Privacy: id\r\n");
    let mut carol = Guest::joins(carol, "");
    let conference = identity(&alice.final_response(&call_id));
    let (mut watch, _) = Watch::begin(&mut carol.phone, &conference);
    assert_eq!(asks(&mut bob.chat, "\"The Shadow\""), 200);
    let shadow = "sip:anonymous1@anonymous.invalid";
    let told = watch.next(&mut carol.phone);
    assert_eq!(called(&told), [(shadow, Some("The Shadow"))]);
    assert_eq!(asks(&mut carol.chat, "\"the shadow\""), 425);
    // 6.2: a private message to them goes to the address that is seen.
    let message = cpim(CAROL, &[shadow], TEXT, "who are you?");
    assert_eq!(say(&mut carol.chat, &message), 200);
    assert_eq!(bob.chat.hear().2, "who are you?");
    let heard = [carol.phone.heard.as_slice(), &carol.chat.heard].concat();
    let heard = String::from_utf8_lossy(&heard);
    assert!(!names(&heard, "bob"), "{heard}");
    assert_eq!(asks(&mut bob.chat, "\"\""), 200);
    assert_eq!(called(&watch.next(&mut carol.phone)), [(shadow, None)]);
}
