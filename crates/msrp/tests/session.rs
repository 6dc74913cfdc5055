//! Sessions: two that talk to each other, and one that meets all sorts of peers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods
)]

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use msrp::{
    FailureReport, RESPONSE_TIMEOUT, Reader,
    session::{
        ANSWERS_MAX, CHUNK_TIMEOUT, Event, Failure, MESSAGES_MAX, NewMessage, NotReading,
        PARTIALS_MAX, SendError, Session, Setup,
    },
};
use proptest::prelude::*;

const ALICE: &str = "msrp://alice.example:7777/iau39;tcp";
const BOB: &str = "msrp://bob.example:8888/9di4e;tcp";

/// A session, what reads its connection, and what it told.
struct End {
    session: Session,
    reader: Reader,
    buf: BytesMut,
    now: Instant,
    random: u64,
    told: Vec<String>,
    bodies: Vec<Bytes>,
}

impl End {
    fn new(local: &str, remote: &str) -> Self {
        let setup = Setup {
            local: local.to_owned(),
            remote: remote.to_owned(),
            accept_types: vec!["message/cpim".into(), "text/*".into()],
            message_max: 10_000,
            peer_message_max: Some(20_000),
        };
        Self {
            session: Session::new(setup).unwrap(),
            reader: Reader::new(),
            buf: BytesMut::new(),
            now: Instant::now(),
            random: 1,
            told: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn bob() -> Self {
        Self::new(BOB, ALICE)
    }

    fn hear(&mut self, text: &[u8]) {
        self.buf.extend_from_slice(text);
        while let Some(piece) = self.reader.next(&mut self.buf).unwrap() {
            self.session.handle_piece(&piece, self.now).unwrap();
        }
        self.listen();
    }

    /// One transmission, as text.
    fn say(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.random += 1;
        let said = self.session.poll_transmit(self.now, self.random, &mut out);
        self.listen();
        said.then(|| out.concat())
    }

    fn say_all(&mut self) -> Vec<String> {
        let text = |frame| String::from_utf8(frame).unwrap();
        std::iter::from_fn(|| self.say()).map(text).collect()
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.told.push(match event {
                Event::Abandoned { message_id } => format!("abandoned {message_id}"),
                Event::Confirmed { message_id, range } => {
                    format!(
                        "confirmed {message_id} {}-{}",
                        range.start,
                        range.end.unwrap()
                    )
                }
                Event::Ended { code } => format!("ended {code}"),
                Event::Failed {
                    message_id,
                    failure,
                } => match failure {
                    Failure::Refused(code) => format!("failed {message_id} {code}"),
                    Failure::SessionEnded => format!("failed {message_id} ended"),
                    Failure::Timeout => format!("failed {message_id} timeout"),
                },
                Event::Message(message) => {
                    let again = if message.duplicate { " again" } else { "" };
                    self.bodies.push(message.body.clone());
                    format!("message {}{again}", message.head.message_id().unwrap())
                }
                Event::Nickname { code } => format!("nickname {code}"),
                Event::Sent { message_id } => format!("sent {message_id}"),
            });
        }
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

/// Lets both talk until both are silent; each reads what the other wrote in the order written.
fn talk(a: &mut End, b: &mut End) -> usize {
    let mut frames = 0;
    loop {
        match (a.say(), b.say()) {
            (None, None) => return frames,
            (from_a, from_b) => {
                frames += 1;
                b.hear(&from_a.unwrap_or_default());
                a.hear(&from_b.unwrap_or_default());
            }
        }
        assert!(frames < 1000, "they never stop");
    }
}

fn pair() -> (End, End) {
    (End::new(ALICE, BOB), End::bob())
}

fn text(id: &str, body: impl Into<Bytes>) -> NewMessage {
    NewMessage {
        message_id: id.to_owned(),
        content_type: Some("text/plain".to_owned()),
        headers: Vec::new(),
        body: body.into(),
        success_report: false,
        failure_report: FailureReport::Yes,
    }
}

/// A SEND to Bob with these headers.
fn send(headers: &str, body: &str, flag: char) -> Vec<u8> {
    let body = if body.is_empty() {
        String::new()
    } else {
        format!("\r\n{body}\r\n")
    };
    format!(
        "MSRP tid1 SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {ALICE}\r\n{headers}{body}-------tid1{flag}\r\n"
    )
    .into_bytes()
}

#[test]
fn a_message_there_and_the_answer_back() {
    let (mut alice, mut bob) = pair();
    alice.session.send(text("msg1", "Hello")).unwrap();
    talk(&mut alice, &mut bob);
    assert_eq!(bob.told(), ["message msg1"]);
    assert_eq!(bob.bodies, ["Hello"]);
    assert_eq!(alice.told(), ["sent msg1"]);
    assert_eq!(alice.session.poll_timeout(), None);
}

#[test]
fn long_messages_are_cut_and_interleaved() {
    let (mut alice, mut bob) = pair();
    let long = Bytes::from((0..7000u32).map(|n| n as u8).collect::<Vec<_>>());
    alice.session.send(text("long", long.clone())).unwrap();
    alice.session.send(text("brief", "hi")).unwrap();
    let frames: Vec<_> = std::iter::from_fn(|| alice.say()).collect();
    assert_eq!(frames.len(), 5);
    for frame in &frames {
        bob.hear(frame);
    }
    // The brief one did not wait for the long one.
    assert_eq!(bob.told(), ["message brief", "message long"]);
    assert_eq!(bob.bodies[1], long);
    let head = String::from_utf8_lossy(&frames[2]).into_owned();
    assert!(head.contains("Byte-Range: 2049-4096/7000\r\n"), "{head}");
    talk(&mut alice, &mut bob);
    assert_eq!(alice.told(), ["sent brief", "sent long"]);
}

#[test]
fn a_success_report_covers_the_whole_message() {
    let (mut alice, mut bob) = pair();
    let mut message = text("msg1", vec![b'x'; 5000]);
    message.success_report = true;
    alice.session.send(message).unwrap();
    talk(&mut alice, &mut bob);
    assert_eq!(alice.told(), ["sent msg1", "confirmed msg1 1-5000"]);
}

#[test]
fn a_report_goes_the_whole_way_back_and_is_not_answered() {
    let mut bob = End::bob();
    let relay = "msrps://relay.example:9000/r;tcp";
    bob.hear(
        format!(
            "MSRP tid1 SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {relay} {ALICE}\r\n\
             Success-Report: yes\r\nMessage-ID: msg1\r\nContent-Type: text/plain\r\n\r\nhi\r\n\
             -------tid1$\r\n"
        )
        .as_bytes(),
    );
    let said = bob.say_all();
    assert_eq!(
        said[0],
        format!("MSRP tid1 200 OK\r\nTo-Path: {relay}\r\nFrom-Path: {BOB}\r\n-------tid1$\r\n")
    );
    assert!(said[1].contains(&format!(
        " REPORT\r\nTo-Path: {relay} {ALICE}\r\nFrom-Path: {BOB}\r\nMessage-ID: msg1\r\n\
         Byte-Range: 1-2/2\r\nStatus: 000 200 OK\r\n-------"
    )));
    for (headers, what) in [
        (
            "Message-ID: none\r\nStatus: 000 200 OK\r\n",
            "unknown message",
        ),
        ("Status: 000 481\r\n", "no message"),
        (
            "Message-ID: none\r\nStatus: 000 481\r\n",
            "481 on an unknown message",
        ),
        ("Message-ID: none\r\nStatus: rubbish\r\n", "rubbish"),
        (
            "Message-ID: none\r\nByte-Range: 3-1/1\r\nStatus: 000 200\r\n",
            "bad range",
        ),
    ] {
        let report = String::from_utf8(send(headers, "", '$')).unwrap();
        bob.hear(report.replacen(" SEND", " REPORT", 1).as_bytes());
        assert_eq!(bob.say_all(), [""; 0], "{what}");
    }
    assert_eq!(bob.told(), ["message msg1"]);
}

/// (what, headers after the paths, body, flag, the answer)
#[rustfmt::skip]
const ANSWERS: &[(&str, &str, &str, char, Option<u16>)] = &[
    ("plain", "Message-ID: m\r\nContent-Type: text/plain\r\n", "hi", '$', Some(200)),
    ("type with parameters, other case", "Message-ID: m\r\nContent-Type: Message/CPIM;x=y\r\n", "hi", '$', Some(200)),
    ("no body", "Message-ID: m\r\n", "", '$', Some(200)),
    ("no body, no Message-ID", "", "", '$', Some(200)),
    ("body without type", "Message-ID: m\r\n", "hi", '$', Some(400)),
    ("content without Message-ID", "Content-Type: text/plain\r\n", "hi", '$', Some(400)),
    ("range backwards", "Message-ID: m\r\nByte-Range: 5-3/9\r\nContent-Type: text/plain\r\n", "hi", '$', Some(400)),
    ("range zero", "Message-ID: m\r\nByte-Range: 0-3/9\r\nContent-Type: text/plain\r\n", "hi", '$', Some(400)),
    ("type not accepted", "Message-ID: m\r\nContent-Type: image/png\r\n", "hi", '$', Some(415)),
    ("total too large", "Message-ID: m\r\nByte-Range: 1-*/10001\r\nContent-Type: text/plain\r\n", "hi", '+', Some(413)),
    ("place too far", "Message-ID: m\r\nByte-Range: 9999-*/*\r\nContent-Type: text/plain\r\n", "hi!", '+', Some(413)),
    ("place at the end of all", "Message-ID: m\r\nByte-Range: 18446744073709551615-*/*\r\nContent-Type: text/plain\r\n", "hi!", '+', Some(413)),
    ("Failure-Report partial, good", "Message-ID: m\r\nFailure-Report: partial\r\nContent-Type: text/plain\r\n", "hi", '$', None),
    ("Failure-Report partial, bad", "Message-ID: m\r\nFailure-Report: partial\r\nContent-Type: image/png\r\n", "hi", '$', Some(415)),
    ("Failure-Report no, good", "Message-ID: m\r\nFailure-Report: no\r\nContent-Type: text/plain\r\n", "hi", '$', None),
    ("Failure-Report no, bad", "Message-ID: m\r\nFailure-Report: no\r\nContent-Type: image/png\r\n", "hi", '$', None),
    ("shorter than its range says", "Message-ID: m\r\nByte-Range: 1-99/99\r\nContent-Type: text/plain\r\n", "hi", '$', Some(200)),
];

#[test]
fn answers() {
    for (what, headers, body, flag, answer) in ANSWERS {
        let mut bob = End::bob();
        bob.hear(&send(headers, body, *flag));
        let said = bob.say_all();
        assert_eq!(
            said.len(),
            usize::from(answer.is_some()),
            "{what}: {said:?}"
        );
        if let Some(code) = answer {
            assert!(
                said[0].starts_with(&format!("MSRP tid1 {code} ")),
                "{what}: {said:?}"
            );
        }
    }
}

#[test]
fn other_requests_are_answered_501_and_foreign_ones_481() {
    let whole = String::from_utf8(send("Message-ID: m\r\n", "", '$')).unwrap();
    for (from, to, answer) in [
        (" SEND", " AUTH", "501"),
        (" SEND", " NICKNAME", "501"),
        (" SEND", " DANCE", "501"),
        ("/9di4e;", "/9DI4E;", "481"),
        ("bob.example:8888", "bob.example:8889", "481"),
        ("To-Path: ", "To-Path: msrp://relay.example:1/a;tcp ", "481"),
        ("To-Path: msrp:", "To-Path: http:", "400"),
    ] {
        let mut bob = End::bob();
        bob.hear(whole.replacen(from, to, 1).as_bytes());
        let said = bob.say_all();
        assert!(
            said[0].starts_with(&format!("MSRP tid1 {answer} ")),
            "{to}: {said:?}"
        );
    }
}

/// (what, chunks as (Byte-Range, body, flag), what was told)
type Arrival = (
    &'static str,
    &'static [(&'static str, &'static str, char)],
    &'static [&'static str],
);

#[rustfmt::skip]
const ARRIVALS: &[Arrival] = &[
    ("in order", &[("1-*/8", "abcd", '+'), ("5-8/8", "EFGH", '$')], &["message m", "abcdEFGH"]),
    ("last first", &[("5-8/8", "EFGH", '$'), ("1-*/8", "abcd", '+')], &["message m", "abcdEFGH"]),
    ("totals unknown", &[("1-*/*", "abcd", '+'), ("5-*/*", "EFGH", '$')], &["message m", "abcdEFGH"]),
    ("the later wins", &[("1-*/*", "abXX", '+'), ("3-*/*", "cdef", '$')], &["message m", "abcdef"]),
    ("an empty end", &[("1-*/*", "abcd", '+'), ("5-4/4", "", '$')], &["message m", "abcd"]),
    ("an end and nothing before", &[("5-8/8", "EFGH", '$')], &[]),
    ("given up", &[("1-*/8", "abcd", '+'), ("5-*/8", "E", '#')], &["abandoned m"]),
    ("beyond the end", &[("1-4/*", "abcd", '+'), ("3-3/3", "c", '$'), ("4-*/*", "d", '$')], &[]),
    ("the same twice", &[("1-2/2", "ab", '$'), ("1-2/2", "ab", '$')], &["message m", "ab", "message m again", "ab"]),
    ("whole after a part", &[("1-*/4", "ab", '+'), ("1-4/4", "abcd", '$')], &["message m", "abcd"]),
];

#[test]
fn chunks_in_any_order() {
    for (what, chunks, want) in ARRIVALS {
        let mut bob = End::bob();
        for (range, body, flag) in *chunks {
            let headers =
                format!("Message-ID: m\r\nByte-Range: {range}\r\nContent-Type: text/plain\r\n");
            bob.hear(&send(&headers, body, *flag));
        }
        let mut told = Vec::new();
        let mut bodies = bob.bodies.clone().into_iter();
        for line in bob.told() {
            let is_message = line.starts_with("message");
            told.push(line);
            if is_message {
                told.push(String::from_utf8(bodies.next().unwrap().to_vec()).unwrap());
            }
        }
        assert_eq!(told, *want, "{what}");
    }
}

#[test]
fn a_refused_message_stays_refused() {
    let mut bob = End::bob();
    for range in ["9999-*/*", "1-*/*", "3-*/*"] {
        let headers =
            format!("Message-ID: m\r\nByte-Range: {range}\r\nContent-Type: text/plain\r\n");
        bob.hear(&send(&headers, "abc", '+'));
        assert!(bob.say_all()[0].starts_with("MSRP tid1 413 "), "{range}");
    }
    assert_eq!(bob.session.poll_timeout(), None, "nothing of it is kept");
}

#[test]
fn unfinished_messages_are_bounded_in_number_size_and_time() {
    let part = |id: usize, body: &str| {
        let headers =
            format!("Message-ID: m{id}\r\nByte-Range: 1-*/*\r\nContent-Type: text/plain\r\n");
        send(&headers, body, '+')
    };
    let mut bob = End::bob();
    for id in 0..PARTIALS_MAX {
        bob.hear(&part(id, "a"));
        assert!(bob.say_all()[0].starts_with("MSRP tid1 200 "));
    }
    bob.hear(&part(99, "a"));
    assert!(bob.say_all()[0].starts_with("MSRP tid1 413 "));
    bob.wait(CHUNK_TIMEOUT - Duration::from_secs(1));
    assert_eq!(bob.told(), [""; 0]);
    bob.hear(&part(3, "b"));
    bob.wait(Duration::from_secs(1));
    assert_eq!(bob.told().len(), PARTIALS_MAX - 1);
    bob.wait(CHUNK_TIMEOUT);
    assert_eq!(bob.told(), ["abandoned m3"]);
    assert_eq!(bob.session.poll_timeout(), None);

    let mut bob = End::bob();
    let large = "x".repeat(9000);
    let codes = (0..5).map(|id| {
        bob.hear(&part(id, &large));
        bob.say_all()[0][10..13].to_owned()
    });
    // As much as four messages of full size, which is what a sender of ours interleaves.
    assert_eq!(
        codes.collect::<Vec<_>>(),
        ["200", "200", "200", "200", "413"]
    );
}

#[test]
fn a_peer_that_does_not_read_is_left() {
    let mut bob = End::bob();
    let frame = send("Message-ID: m\r\n", "", '$');
    let mut buf = BytesMut::new();
    for _ in 0..ANSWERS_MAX {
        buf.extend_from_slice(&frame);
        let piece = bob.reader.next(&mut buf).unwrap().unwrap();
        if let Err(error) = bob.session.handle_piece(&piece, bob.now) {
            assert_eq!(error, NotReading);
            return;
        }
    }
    panic!("answers pile up without end");
}

/// Alice sends; the peer answers her first chunk with this code. (code, failure report, told)
#[rustfmt::skip]
const FATES: &[(u16, FailureReport, &[&str])] = &[
    (200, FailureReport::Yes, &["sent msg1"]),
    (200, FailureReport::Partial, &["sent msg1"]),
    (400, FailureReport::Yes, &["failed msg1 400"]),
    (400, FailureReport::Partial, &["sent msg1", "failed msg1 400"]),
    (400, FailureReport::No, &["sent msg1"]),
    (403, FailureReport::Yes, &["failed msg1 403"]),
    (408, FailureReport::Yes, &["failed msg1 timeout"]),
    (413, FailureReport::Yes, &["failed msg1 413"]),
    (415, FailureReport::Yes, &["failed msg1 415"]),
    (423, FailureReport::Yes, &["failed msg1 423"]),
    (481, FailureReport::Yes, &["failed msg1 481", "ended 481"]),
    (501, FailureReport::Yes, &["failed msg1 501"]),
    (506, FailureReport::Yes, &["failed msg1 506", "ended 506"]),
];

#[test]
fn fates() {
    for (code, failure_report, want) in FATES {
        for report in [false, true] {
            let mut alice = End::new(ALICE, BOB);
            let mut message = text("msg1", "hi");
            message.failure_report = *failure_report;
            alice.session.send(message).unwrap();
            let frame = String::from_utf8(alice.say().unwrap()).unwrap();
            let paths = format!("To-Path: {ALICE}\r\nFrom-Path: {BOB}\r\n");
            // RFC 4975 7.3.2: a report means what the response would mean. A success report that
            // was not asked for means nothing.
            if report && (*code == 200 || *failure_report != FailureReport::Yes) {
                continue;
            }
            let answer = match report {
                false => format!("MSRP {0} {code} X\r\n{paths}-------{0}$\r\n", &frame[5..18]),
                true => format!(
                    "MSRP tid1 REPORT\r\n{paths}Message-ID: msg1\r\nByte-Range: 1-2/2\r\n\
                     Status: 000 {code} X\r\n-------tid1$\r\n"
                ),
            };
            alice.hear(answer.as_bytes());
            assert_eq!(alice.told(), *want, "{code} {failure_report:?} {report}");
            let again = alice.session.send(text("msg2", "hi"));
            let want = match code {
                415 => Err(SendError::TypeRefused),
                481 | 506 => Err(SendError::Ended),
                _ => Ok(()),
            };
            assert_eq!(again, want, "{code}");
        }
    }
}

#[test]
fn thirty_seconds_of_silence() {
    for (failure_report, at_once, later) in [
        (FailureReport::Yes, None, Some("failed msg1 timeout")),
        (FailureReport::Partial, Some("sent msg1"), None),
        (FailureReport::No, Some("sent msg1"), None),
    ] {
        let mut alice = End::new(ALICE, BOB);
        let mut message = text("msg1", "hi");
        message.failure_report = failure_report;
        alice.session.send(message).unwrap();
        assert_eq!(alice.session.poll_timeout(), None, "not sent yet");
        alice.say().unwrap();
        assert_eq!(alice.told(), Vec::from_iter(at_once));
        alice.wait(RESPONSE_TIMEOUT - Duration::from_millis(1));
        assert_eq!(alice.told(), [""; 0]);
        alice.wait(Duration::from_millis(1));
        assert_eq!(alice.told(), Vec::from_iter(later), "{failure_report:?}");
        assert_eq!(alice.session.poll_timeout(), None);
    }
}

#[test]
fn after_413_no_further_chunk() {
    let (mut alice, mut bob) = pair();
    // Over what Bob takes: he says so at the first chunk.
    alice
        .session
        .send(text("large", vec![b'x'; 15_000]))
        .unwrap();
    bob.hear(&alice.say().unwrap());
    bob.hear(&alice.say().unwrap());
    alice.hear(&bob.say().unwrap());
    assert_eq!(alice.told(), ["failed large 413"]);
    assert_eq!(alice.say(), None);
    assert_eq!(bob.told(), [""; 0]);
}

#[test]
fn giving_up() {
    let (mut alice, mut bob) = pair();
    alice.session.send(text("msg1", vec![b'x'; 9000])).unwrap();
    bob.hear(&alice.say().unwrap());
    assert!(alice.session.abort("msg1"));
    assert!(!alice.session.abort("msg1"));
    let last = String::from_utf8(alice.say().unwrap()).unwrap();
    assert!(last.ends_with("#\r\n"), "{last}");
    bob.hear(last.as_bytes());
    talk(&mut alice, &mut bob);
    assert_eq!(
        (alice.told(), bob.told()),
        (vec![], vec!["abandoned msg1".to_owned()])
    );
    // Not begun: nothing is sent at all.
    alice.session.send(text("msg2", "hi")).unwrap();
    assert!(alice.session.abort("msg2"));
    assert_eq!(alice.say(), None);
    assert!(!alice.session.abort("never"));
}

#[test]
fn answers_come_before_chunks() {
    let (mut alice, mut bob) = pair();
    bob.session.send(text("long", vec![b'x'; 9000])).unwrap();
    bob.say().unwrap();
    alice.session.send(text("msg1", "hi")).unwrap();
    bob.hear(&alice.say().unwrap());
    assert!(
        bob.say()
            .unwrap()
            .starts_with(b"MSRP aaaaaaaaaaaac 200 OK\r\n")
    );
}

#[test]
fn nicknames() {
    let mut alice = End::new(ALICE, BOB);
    alice.session.set_nickname("Alice \"the great\"");
    let frame = String::from_utf8(alice.say().unwrap()).unwrap();
    assert!(frame.contains(" NICKNAME\r\n"));
    assert!(frame.contains("Use-Nickname: \"Alice \\\"the great\\\"\"\r\n"));
    alice.hear(
        format!(
            "MSRP {0} 425 Taken\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\n-------{0}$\r\n",
            &frame[5..18]
        )
        .as_bytes(),
    );
    assert_eq!(alice.told(), ["nickname 425"]);
    alice.session.set_nickname("");
    alice.say().unwrap();
    alice.wait(RESPONSE_TIMEOUT);
    assert_eq!(alice.told(), ["nickname 408"]);
}

#[test]
fn what_cannot_be_sent() {
    let mut alice = End::new(ALICE, BOB);
    for id in [
        "",
        "abc",
        "-abcd",
        "a b c",
        "a23456789012345678901234567890123",
        "abc\r\n",
    ] {
        assert_eq!(
            alice.session.send(text(id, "hi")),
            Err(SendError::MessageId),
            "{id:?}"
        );
    }
    assert_eq!(
        alice.session.send(text("large", vec![0; 20_001])),
        Err(SendError::TooLarge)
    );
    for n in 0..MESSAGES_MAX {
        alice.session.send(text(&format!("msg{n}"), "hi")).unwrap();
    }
    assert_eq!(
        alice.session.send(text("msg0", "hi")),
        Err(SendError::MessageId)
    );
    assert_eq!(
        alice.session.send(text("more", "hi")),
        Err(SendError::QueueFull)
    );
}

#[test]
fn missing_success_reports_do_not_block() {
    let (mut alice, mut bob) = pair();
    for n in 0..2 * MESSAGES_MAX {
        let mut message = text(&format!("msg{n}"), "hi");
        message.success_report = true;
        alice.session.send(message).unwrap();
        bob.hear(&alice.say().unwrap());
        // The 200 arrives, the report never.
        alice.hear(&bob.say().unwrap());
        bob.say().unwrap();
    }
}

#[test]
fn a_late_failure_is_reported() {
    let (mut alice, mut bob) = pair();
    for (failure_report, reported) in [(FailureReport::Yes, true), (FailureReport::No, false)] {
        let mut message = text("msg1", "hi");
        message.failure_report = failure_report;
        message.success_report = true; // so that Alice still knows it when the report comes
        alice.session.send(message).unwrap();
        let frame = alice.say().unwrap();
        let mut buf = BytesMut::from(&frame[..]);
        let piece = bob.reader.next(&mut buf).unwrap().unwrap();
        bob.session.handle_piece(&piece, bob.now).unwrap();
        let Some(Event::Message(message)) = bob.session.poll_event() else {
            panic!("no message");
        };
        bob.say_all();
        bob.session.report_failure(&message, 413, "Disk full");
        let said = bob.say_all();
        assert_eq!(said.len(), usize::from(reported));
        for report in said {
            alice.hear(report.as_bytes());
            assert_eq!(alice.told(), ["failed msg1 413"]);
        }
    }
}

proptest! {
    #[test]
    fn any_messages_arrive(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6000), 1..6),
        success_report: bool,
    ) {
        let (mut alice, mut bob) = pair();
        for (n, body) in bodies.iter().enumerate() {
            let mut message = text(&format!("msg{n}"), body.clone());
            message.success_report = success_report;
            alice.session.send(message).unwrap();
        }
        talk(&mut alice, &mut bob);
        let mut got: Vec<_> = bob.bodies.iter().map(|body| body.to_vec()).collect();
        let mut sent = bodies.clone();
        got.sort();
        sent.sort();
        prop_assert_eq!(got, sent);
        let told = alice.told();
        let of = |word: &str| told.iter().filter(|line| line.starts_with(word)).count();
        prop_assert_eq!((of("sent"), of("failed")), (bodies.len(), 0));
        prop_assert_eq!(of("confirmed"), if success_report { bodies.len() } else { 0 });
    }

    #[test]
    fn any_chunks_never_panic(
        chunks in prop::collection::vec(
            (any::<u8>(), 0..12_000u64, 0..3000usize, prop::sample::select(&['$', '+', '#'][..])),
            0..40,
        ),
    ) {
        let mut bob = End::bob();
        for (id, start, length, flag) in chunks {
            let headers = format!(
                "Message-ID: m{}\r\nByte-Range: {}-*/*\r\nContent-Type: text/plain\r\n",
                id % 4,
                start + 1,
            );
            bob.hear(&send(&headers, &"x".repeat(length + 1), flag));
            bob.say_all();
        }
    }
}
