//! RFC 7701 section 7: what people are called.

use sip::Name;
use xdm::conference_info::ConferenceInfo;

use super::*;
use crate::lab::names;
use crate::lab::watch::{Watch, users};

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

/// RFC 7701 7.1, 7.2: a nickname belongs to the person, whichever device asks, and waits for them
/// while nobody else wants it.
#[test]
fn rfc_7701_7_1_a_nickname_belongs_to_the_person() {
    let lab = friends(false);
    let mut alice = lab.phone("alice");
    let (_, mut alices) = comes(&mut alice, FRIENDS);
    let (mut bob, mut other) = (lab.phone("bob"), lab.phone("bob"));
    let (ok, mut desk) = comes(&mut bob, FRIENDS);
    let (mut watch, _) = Watch::begin(&mut alice, FRIENDS);
    assert_eq!(asks(&mut desk, "\"Duke\""), 200);
    assert_eq!(called(&watch.next(&mut alice)), [(BOB, Some("Duke"))]);
    let (second, mut mobile) = comes(&mut other, FRIENDS);
    assert_eq!(asks(&mut mobile, "\"Duke\""), 200, "7.1: the same user");
    assert_eq!(asks(&mut mobile, "\"Earl\""), 200);
    assert_eq!(called(&watch.next(&mut alice)), [(BOB, Some("Earl"))]);
    assert_eq!(asks(&mut alices, "\"Earl\""), 425);
    for (phone, ok) in [(&mut bob, &ok), (&mut other, &second)] {
        let bye = phone.inside("BYE", ok, 100, "", "");
        phone.send(bye.as_bytes());
        let call_id = ok.raw(Name::CallId).unwrap();
        assert_eq!(phone.final_response_to("BYE", call_id, 100).status(), 200);
    }
    assert_eq!(called(&watch.next(&mut alice)), [(BOB, Some("Earl"))]);
    let _back = comes(&mut bob, FRIENDS);
    assert_eq!(called(&watch.next(&mut alice)), [(BOB, Some("Earl"))]);
}

/// RFC 7701 section 7: what somebody was called openly is not shown of them when they hide.
#[test]
fn rfc_7701_7_who_hides_leaves_the_nickname_behind() {
    let lab = friends(true);
    let mut alice = lab.phone("alice");
    let (_, mut alices) = comes(&mut alice, FRIENDS);
    let (_, mut desk) = comes(&mut lab.phone("bob"), FRIENDS);
    assert_eq!(asks(&mut desk, "\"Duke\""), 200);
    let mut hidden = comes_as(
        &mut lab.phone("bob"),
        &format!("{DECLARED}\r\n"),
        "Privacy: id\r\n",
    );
    let (_, info) = Watch::begin(&mut alice, FRIENDS);
    let shadow = "sip:anonymous1@anonymous.invalid";
    assert_eq!(called(&info), [(ALICE, None), (shadow, None)]);
    assert_eq!(asks(&mut alices, "\"Duke\""), 200);
    assert_eq!(asks(&mut hidden, "\"Duke\""), 425);
}
