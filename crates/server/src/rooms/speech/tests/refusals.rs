//! Each refusal with its code; and what is not refused.

use super::*;

/// (what is said, the answer)
#[test]
fn each_refusal_has_its_code() {
    let room = format!("<{ROOM}>");
    let alice = "<sip:alice@home.example>";
    let long = format!("Subject: {}", "x".repeat(9000));
    let range = |range: &str| format!("Byte-Range: {range}\r\n{CPIM}");
    let good = to_all(PEOPLE[0].0, "Hello");
    let good = good.as_bytes();
    #[rustfmt::skip]
    let table: &[(u16, &str, &str, &[u8])] = &[
        (200, "good", CPIM, good),
        (200, "parameters", "Content-Type: Message/CPIM;charset=utf-8\r\n", good),
        (415, "bare text", "Content-Type: text/plain\r\n", b"Hello"),
        (415, "bare composing", "Content-Type: application/im-iscomposing+xml\r\n", b"<x/>"),
        (400, "no CPIM at all", CPIM, b"Hello"),
        (400, "CPIM head never ends", CPIM, b"From: <sip:alice@home.example>\r\n"),
        (400, "CPIM head too long", CPIM, long.as_bytes()),
        (400, "range is no range", &range("Hello"), good),
        (400, "range from zero", &range("0-5/5"), good),
        (413, "the beginning is missing", &range("11-*/*"), good),
        (403, "From another", CPIM, cpim("<sip:ben@home.example>", &room, "x").leak().as_bytes()),
        (403, "From the room", CPIM, cpim(&room, &room, "x").leak().as_bytes()),
        (403, "From somebody hidden", CPIM, cpim("<sip:anonymous1@anonymous.invalid>", &room, "x").leak().as_bytes()),
        (403, "From a name that looks alike", CPIM, cpim("\"<sip:alice@home.example>\" <sip:a@evil.example>", &room, "x").leak().as_bytes()),
        (400, "From twice", CPIM, format!("From: {alice}\r\n{}", to_all(PEOPLE[1].0, "x")).leak().as_bytes()),
        (403, "several To", CPIM, cpim(alice, &format!("{room}\r\nTo: <sip:ben@home.example>"), "x").leak().as_bytes()),
        (403, "the same To twice", CPIM, cpim(alice, &format!("{room}\r\nTo: {room}"), "x").leak().as_bytes()),
        (400, "no To", CPIM, format!("From: {alice}\r\n\r\nContent-Type: text/plain\r\n\r\nx").leak().as_bytes()),
        (400, "To without a URI", CPIM, cpim(alice, "nobody", "x").leak().as_bytes()),
        (404, "To a stranger", CPIM, cpim(alice, "<sip:zoe@home.example>", "x").leak().as_bytes()),
        (404, "To no SIP URI", CPIM, cpim(alice, "<zoe>", "x").leak().as_bytes()),
        (404, "To the hidden by address", CPIM, cpim(alice, "<sip:dave@home.example>", "x").leak().as_bytes()),
        (404, "To an alias of nobody", CPIM, cpim(alice, "<sip:anonymous2@anonymous.invalid>", "x").leak().as_bytes()),
        (404, "To an alias written otherwise", CPIM, cpim(alice, "<sip:anonymous01@anonymous.invalid>", "x").leak().as_bytes()),
    ];
    for (code, name, headers, body) in table {
        let mut parlour = Parlour::new();
        assert!(
            parlour
                .say(ALICE, &send("m1xx", headers, body, '$'))
                .is_empty()
        );
        assert_eq!(parlour.codes(ALICE), [*code], "{name}");
        for leg in [BEN, CLEO, DAVE] {
            assert_eq!(
                parlour.heard(leg).len(),
                usize::from(*code == 200),
                "{name}"
            );
        }
        assert!(parlour.speech.mouths.is_empty(), "{name}");
    }
}

#[test]
fn a_send_without_message_id() {
    let mut parlour = Parlour::new();
    let frame = whole("m1xx", &to_all(PEOPLE[0].0, "Hello"));
    let frame = String::from_utf8(frame)
        .unwrap()
        .replace("Message-ID: m1xx\r\n", "");
    assert!(parlour.say(ALICE, frame.as_bytes()).is_empty());
    assert_eq!(parlour.codes(ALICE), [400]);
    assert!(parlour.wire(BEN).is_empty());
}

#[test]
fn the_reason_is_said() {
    let mut parlour = Parlour::new();
    assert!(
        parlour
            .say(ALICE, &whole("m1xx", &to_all(PEOPLE[1].0, "x")))
            .is_empty()
    );
    let wire = String::from_utf8(parlour.wire(ALICE)).unwrap();
    assert!(
        wire.starts_with("MSRP tm1xx0000 403 From is not the sender\r\n"),
        "{wire}"
    );
}

/// A long frame that is refused at its beginning is answered once, at once, and the rest of it is
/// not heard.
#[test]
fn a_refusal_comes_once() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[1].0, &"x".repeat(100_000));
    let mut frames = send("m1xx", CPIM, message.as_bytes(), '$');
    frames.extend(whole("m2xx", &to_all(PEOPLE[0].0, "Hello")));
    assert!(parlour.say_in_steps(ALICE, &frames, 1000).is_empty());
    assert_eq!(parlour.codes(ALICE), [403, 200]);
    assert_eq!(parlour.heard(BEN).len(), 1);
    assert!(parlour.speech.mouths.is_empty());
}

#[test]
fn who_is_not_in_the_room_is_refused_or_not_heard() {
    let mut parlour = Parlour::new();
    let frame = whole("m1xx", &to_all("sip:zoe@home.example", "Hello"));
    assert!(parlour.say(LegId(9), &frame).is_empty());
    assert!(parlour.wire(BEN).is_empty());
    // A leg with a voice that the room does not know (yet).
    parlour.sit("sip:zoe@home.example", LegId(9));
    assert!(parlour.say(LegId(9), &frame).is_empty());
    assert_eq!(parlour.codes(LegId(9)), [403]);
    assert!(parlour.wire(BEN).is_empty());
}

#[test]
fn messages_under_way_are_bounded() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    let mut frames = Vec::new();
    for n in 0..=UNDERWAY_MAX {
        frames.extend(send(&format!("m{n:03}"), CPIM, message.as_bytes(), '+'));
    }
    assert!(parlour.say(ALICE, &frames).is_empty());
    let codes = parlour.codes(ALICE);
    assert_eq!(
        codes.iter().filter(|code| **code == 200).count(),
        UNDERWAY_MAX
    );
    assert_eq!(codes.last(), Some(&413));
    assert_eq!(parlour.heard(BEN).len(), UNDERWAY_MAX);
    // What is whole needs no place.
    assert!(parlour.say(ALICE, &whole("mxxx", &message)).is_empty());
    assert_eq!(parlour.codes(ALICE), [200]);
    // Those that have one go on.
    let end = send(
        "m000",
        "Byte-Range: 500-*/*\r\nContent-Type: message/cpim\r\n",
        b"end",
        '$',
    );
    assert!(parlour.say(ALICE, &end).is_empty());
    assert_eq!(parlour.codes(ALICE), [200]);
}
