//! A parlour with Alice (leg 1), Ben (2), Cleo (3) and Dave, who is hidden (4). What is said is
//! written as frames, and what each hears is read as frames.

mod chunks;
mod refusals;
mod secrets;
mod whispers;

use std::collections::BTreeMap;

use msrp::Reader;
use room::{Address, Answer, Cause, Event, Guest, Host, PersonId, Rules};

use super::*;
use crate::switch::Line;

const ALICE: LegId = LegId(1);
const BEN: LegId = LegId(2);
const CLEO: LegId = LegId(3);
const DAVE: LegId = LegId(4);
const ROOM: &str = "sip:aaparlour@im.home.example";
const PEOPLE: [(&str, LegId); 4] = [
    ("sip:alice@home.example", ALICE),
    ("sip:ben@home.example", BEN),
    ("sip:cleo@home.example", CLEO),
    ("sip:dave@home.example", DAVE),
];

struct Parlour {
    room: Room,
    voices: Voices,
    speech: Speech,
    lines: BTreeMap<LegId, Line>,
    now: Instant,
    rng: Rng,
}

/// A frame that somebody hears, its body whole.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    /// The method, or the status code.
    what: String,
    id: String,
    range: Option<ByteRange>,
    content_type: String,
    body: Vec<u8>,
    flag: char,
}

impl Parlour {
    fn new() -> Self {
        let mut rng = Rng::from_seed(7, 1);
        let mut parlour = Self {
            room: room(),
            voices: Voices::default(),
            speech: Speech::new(ROOM, 100_000, &mut rng),
            lines: BTreeMap::new(),
            now: world::Clock::Os.now(),
            rng,
        };
        for (address, leg) in PEOPLE {
            parlour.sit(address, leg);
        }
        parlour
    }

    fn sit(&mut self, address: &str, leg: LegId) {
        let line = Line::new(leg);
        self.lines.insert(leg, line.clone());
        let voice = Voice {
            line,
            address: Address::new(address),
            seen_as: (leg == DAVE).then(|| "sip:anonymous1@anonymous.invalid".to_owned()),
            accepts: ["message/cpim".to_owned()].into(),
            wrapped: ["*".to_owned()].into(),
            whispers: true,
        };
        self.voices.insert(leg, voice);
    }

    fn change(&mut self, leg: LegId, change: impl FnOnce(&mut Voice)) {
        let mut voice = self.voices.get(leg).unwrap().clone();
        change(&mut voice);
        self.voices.insert(leg, voice);
    }

    /// Says frames, read in one go. Tells who was slow.
    fn say(&mut self, leg: LegId, frames: &[u8]) -> Vec<LegId> {
        self.say_in_steps(leg, frames, usize::MAX)
    }

    /// The same, read in steps of so many octets.
    fn say_in_steps(&mut self, leg: LegId, frames: &[u8], step: usize) -> Vec<LegId> {
        let (mut reader, mut buffer) = (Reader::new(), BytesMut::new());
        let mut slow = Vec::new();
        for bytes in frames.chunks(step.min(frames.len().max(1))) {
            buffer.extend_from_slice(bytes);
            while let Some(piece) = reader.next(&mut buffer).unwrap() {
                slow.extend(self.piece(leg, piece));
            }
        }
        assert!(buffer.is_empty(), "an unfinished frame: {buffer:?}");
        slow
    }

    fn piece(&mut self, leg: LegId, piece: Piece) -> Vec<LegId> {
        let said = Said { leg, piece };
        self.speech
            .said(said, &self.room, &self.voices, self.now, &mut self.rng)
    }

    fn wait(&mut self, time: Duration) -> Vec<LegId> {
        self.now += time;
        self.speech
            .handle_timeout(self.now, &self.voices, &mut self.rng)
    }

    /// The octets that were put into a line.
    fn wire(&mut self, leg: LegId) -> Vec<u8> {
        let paths = PathLines::new(
            "msrp://peer.example:9/p;tcp",
            "msrp://sw.example:2855/s;tcp",
        );
        let mut slices: Vec<Bytes> = Vec::new();
        for outgoing in self.lines[&leg].take_all() {
            match outgoing {
                Outgoing::Chunk(part) => part.chunk().write_to(&paths, &mut slices),
                Outgoing::Answer(bytes) => slices.push(bytes),
            }
        }
        slices.concat()
    }

    /// The frames that were put into a line.
    fn heard(&mut self, leg: LegId) -> Vec<Heard> {
        let mut buffer = BytesMut::from(&self.wire(leg)[..]);
        let mut reader = Reader::new();
        let mut frames: Vec<Heard> = Vec::new();
        while let Some(piece) = reader.next(&mut buffer).unwrap() {
            if piece.first {
                let head = &piece.head;
                frames.push(Heard {
                    what: head.method_name().to_owned(),
                    id: head.message_id().unwrap_or_default().to_owned(),
                    range: head.byte_range().unwrap(),
                    content_type: head.content_type().unwrap_or_default().to_owned(),
                    body: Vec::new(),
                    flag: ' ',
                });
            }
            let frame = frames.last_mut().unwrap();
            frame.body.extend_from_slice(&piece.data);
            frame.flag = piece
                .end
                .map_or(frame.flag, |flag| char::from(flag.as_byte()));
        }
        assert!(buffer.is_empty(), "an unfinished frame: {buffer:?}");
        frames
    }

    /// The codes that were answered.
    fn codes(&mut self, leg: LegId) -> Vec<u16> {
        let heard = self.heard(leg);
        heard
            .iter()
            .filter_map(|frame| frame.what.parse().ok())
            .collect()
    }
}

fn room() -> Room {
    let guest = |address: &str| Guest {
        address: Address::new(address),
        display: None,
        hidden: address.starts_with("sip:dave"),
        claim: room::Claim::default(),
    };
    let rules = Rules {
        max_guests: 10,
        max_present: None,
        allow_hidden: true,
        allow_observe: true,
        allow_refer: true,
        allow_whisper: true,
        members_only: false,
        invited_only: true,
        answer: Answer::AtOnce,
        ring: Duration::from_secs(60),
        fewest: 0,
        unanswered: Cause(408),
        hidden_refused: Cause(403),
        full: Cause(486),
        ended: Cause(480),
    };
    let host = Host {
        address: Address::new(PEOPLE[0].0),
        display: None,
        hidden: false,
        nick: None,
        claim: room::Claim::default(),
    };
    let (now, mut actions) = (world::Clock::Os.now(), Vec::new());
    let guests = PEOPLE[1..]
        .iter()
        .map(|(address, _)| guest(address))
        .collect();
    let mut room = Room::open(host, guests, rules, now, &mut actions).unwrap();
    room.handle(Event::HostArrived { leg: ALICE }, now, &mut actions)
        .unwrap();
    for (index, (_, leg)) in PEOPLE.iter().enumerate().skip(1) {
        let who = PersonId::from_index(index).unwrap();
        let joined = Event::Joined {
            who,
            leg: *leg,
            hidden: false,
            nick: None,
        };
        room.handle(joined, now, &mut actions).unwrap();
    }
    room
}

/// A SEND. `headers` stand behind the Message-ID, each with its CRLF.
fn send(id: &str, headers: &str, body: &[u8], flag: char) -> Vec<u8> {
    let mut frame = format!(
        "MSRP t{id}0000 SEND\r\n\
        To-Path: msrp://sw.example:2855/s;tcp\r\n\
        From-Path: msrp://relay.example:9/r;tcp msrp://alice.example:9/a;tcp\r\n\
        Message-ID: {id}\r\n{headers}"
    )
    .into_bytes();
    if headers.contains("Content-Type") {
        frame.extend_from_slice(b"\r\n");
        frame.extend_from_slice(body);
        frame.extend_from_slice(b"\r\n");
    }
    frame.extend_from_slice(format!("-------t{id}0000{flag}\r\n").as_bytes());
    frame
}

/// A SEND of a whole CPIM message.
fn whole(id: &str, message: &str) -> Vec<u8> {
    let headers = format!("Byte-Range: 1-{0}/{0}\r\n{CPIM}", message.len());
    send(id, &headers, message.as_bytes(), '$')
}

const CPIM: &str = "Content-Type: message/cpim\r\n";

fn cpim(from: &str, to: &str, text: &str) -> String {
    format!("From: {from}\r\nTo: {to}\r\n\r\nContent-Type: text/plain\r\n\r\n{text}")
}

fn to_all(from: &str, text: &str) -> String {
    cpim(&format!("<{from}>"), &format!("<{ROOM}>"), text)
}

#[test]
fn everybody_else_hears_it() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    assert!(parlour.say(ALICE, &whole("m1xx", &message)).is_empty());
    assert_eq!(parlour.codes(ALICE), [200]);
    let ids: Vec<String> = [BEN, CLEO, DAVE]
        .map(|leg| {
            let [heard] = &parlour.heard(leg)[..] else {
                panic!("{leg:?} hears one frame");
            };
            assert_eq!(heard.what, "SEND");
            assert_eq!(heard.body, message.as_bytes());
            assert_eq!(heard.content_type, "message/cpim");
            assert_eq!(heard.flag, '$');
            let length = message.len() as u64;
            assert_eq!(heard.range, Some(ByteRange::whole(length)));
            heard.id.clone()
        })
        .to_vec();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], "m1xx", "the Message-ID is ours");
    assert!((4..=32).contains(&ids[0].len()));
    assert!(parlour.speech.mouths.is_empty() && parlour.speech.poll_timeout().is_none());
}

#[test]
fn one_encoding_for_all_and_a_long_body_is_not_copied() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, &"x".repeat(10_000));
    let mut buffer = BytesMut::from(&whole("m1xx", &message)[..]);
    let piece = Reader::new().next(&mut buffer).unwrap().unwrap();
    let body = piece.data.clone();
    assert!(parlour.piece(ALICE, piece).is_empty());
    let parts: Vec<_> = [BEN, CLEO]
        .iter()
        .map(|leg| match parlour.lines[leg].take_all().pop() {
            Some(Outgoing::Chunk(part)) => part,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(std::sync::Arc::ptr_eq(&parts[0], &parts[1]));
    let paths = PathLines::new("msrp://p:9/p;tcp", "msrp://s:9/s;tcp");
    let mut slices: Vec<Bytes> = Vec::new();
    parts[0].chunk().write_to(&paths, &mut slices);
    assert!(slices.iter().any(|slice| slice.as_ptr() == body.as_ptr()));
}

#[test]
fn a_bodiless_send_is_answered_and_goes_nowhere() {
    let mut parlour = Parlour::new();
    assert!(
        parlour
            .say(ALICE, &send("m1xx", "Byte-Range: 1-0/0\r\n", b"", '$'))
            .is_empty()
    );
    assert_eq!(parlour.codes(ALICE), [200]);
    assert!(parlour.wire(BEN).is_empty());
}

/// What the sender hears, by Failure-Report and what becomes of the message.
#[test]
fn failure_reports() {
    for (header, good, bad) in [
        ("", &[200][..], &[403][..]),
        ("Failure-Report: yes\r\n", &[200], &[403]),
        ("Failure-Report: partial\r\n", &[], &[403]),
        ("Failure-Report: no\r\n", &[], &[]),
    ] {
        let mut parlour = Parlour::new();
        let headers = format!("{header}{CPIM}");
        let message = to_all(PEOPLE[0].0, "Hello");
        assert!(
            parlour
                .say(ALICE, &send("m1xx", &headers, message.as_bytes(), '$'))
                .is_empty()
        );
        assert_eq!(parlour.codes(ALICE), good, "{header}");
        assert_eq!(parlour.heard(BEN).len(), 1);
        let message = to_all(PEOPLE[1].0, "Hello");
        assert!(
            parlour
                .say(ALICE, &send("m2xx", &headers, message.as_bytes(), '$'))
                .is_empty()
        );
        assert_eq!(parlour.codes(ALICE), bad, "{header}");
        assert_eq!(parlour.heard(BEN).len(), 0);
    }
}

#[test]
fn success_is_reported_once_for_the_whole_message() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    let (first, second) = message.split_at(40);
    let length = message.len();
    let wish = format!("Success-Report: yes\r\n{CPIM}");
    let headers = format!("Byte-Range: 1-40/{length}\r\n{wish}");
    let mut frames = send("m1xx", &headers, first.as_bytes(), '+');
    let headers = format!("Byte-Range: 41-{length}/{length}\r\n{wish}");
    frames.extend(send("m1xx", &headers, second.as_bytes(), '$'));
    assert!(parlour.say(ALICE, &frames).is_empty());
    let wire = String::from_utf8(parlour.wire(ALICE)).unwrap();
    assert_eq!(wire.matches("REPORT").count(), 1);
    // RFC 4975 7.1.2, 7.1.3: to the whole From-Path, with the range of the message as sent.
    let report = wire.split_once("REPORT\r\n").unwrap().1;
    let lines = format!(
        "To-Path: msrp://relay.example:9/r;tcp msrp://alice.example:9/a;tcp\r\n\
        From-Path: msrp://sw.example:2855/s;tcp\r\n\
        Message-ID: m1xx\r\nByte-Range: 1-{length}/{length}\r\nStatus: 000 200 OK\r\n"
    );
    assert!(report.starts_with(&lines), "{report}");
    // RFC 7701 6.3: nobody else is asked for reports.
    let heard = String::from_utf8(parlour.wire(BEN)).unwrap();
    assert!(!heard.contains("Success-Report"));
}

#[test]
fn all_hear_interleaved_senders_in_one_order() {
    let mut parlour = Parlour::new();
    let mut turn = Rng::from_seed(3, 3);
    for n in 0..200 {
        let (from, leg) = PEOPLE[turn.below(2) as usize];
        let frame = whole(&format!("m{n:03}"), &to_all(from, &format!("<{n}>")));
        assert!(parlour.say(leg, &frame).is_empty());
    }
    let ids = |parlour: &mut Parlour, leg| -> Vec<String> {
        parlour
            .heard(leg)
            .into_iter()
            .map(|heard| heard.id)
            .collect()
    };
    let (cleo, dave) = (ids(&mut parlour, CLEO), ids(&mut parlour, DAVE));
    assert_eq!(cleo.len(), 200);
    assert_eq!(cleo, dave);
    // The speakers hear the others in the same order.
    let ben = ids(&mut parlour, BEN);
    let mut rest = cleo.iter();
    assert!(
        ben.iter()
            .filter(|id| !id.is_empty())
            .all(|id| rest.any(|other| other == id))
    );
}

#[test]
fn a_slow_member_is_told_of_and_holds_up_nobody() {
    let mut parlour = Parlour::new();
    let frame = whole("m1xx", &to_all(PEOPLE[0].0, "Hello"));
    let mut slow = Vec::new();
    let mut said = 0;
    while slow.is_empty() {
        said += 1;
        slow = parlour.say(ALICE, &frame);
        parlour.wire(ALICE);
        parlour.wire(CLEO);
        parlour.wire(DAVE);
        assert!(said < 100_000, "there is a limit");
    }
    assert_eq!(slow, [BEN]);
    parlour.voices.remove(BEN);
    assert!(parlour.say(ALICE, &frame).is_empty());
    assert_eq!(parlour.heard(CLEO).len(), 1);
}

#[test]
fn a_sender_who_does_not_read_answers_is_slow() {
    let mut parlour = Parlour::new();
    let frame = send("m1xx", "", b"", '$');
    let slow =
        (0..100_000).find_map(|_| Some(parlour.say(ALICE, &frame)).filter(|s| !s.is_empty()));
    assert_eq!(slow, Some(vec![ALICE]));
}

#[test]
fn composing_travels_bare_between_those_who_agreed() {
    let document = b"<isComposing/>";
    let headers = "Content-Type: application/im-iscomposing+xml\r\n";
    let mut parlour = Parlour::new();
    for leg in [ALICE, CLEO] {
        parlour.change(leg, |voice| {
            let composing = "application/im-iscomposing+xml";
            voice.accepts = ["message/cpim", composing].map(str::to_owned).into();
        });
    }
    assert!(
        parlour
            .say(ALICE, &send("m1xx", headers, document, '$'))
            .is_empty()
    );
    assert_eq!(parlour.codes(ALICE), [200]);
    let [heard] = &parlour.heard(CLEO)[..] else {
        panic!("one frame");
    };
    assert_eq!(heard.body, document);
    assert_eq!(heard.content_type, "application/im-iscomposing+xml");
    assert!(parlour.wire(BEN).is_empty() && parlour.wire(DAVE).is_empty());
    // RFC 7701 6.3: who did not agree sends CPIM and nothing else.
    assert!(
        parlour
            .say(BEN, &send("m1xx", headers, document, '$'))
            .is_empty()
    );
    assert_eq!(parlour.codes(BEN), [415]);
}

#[test]
fn what_a_recipient_cannot_read_is_not_sent_there() {
    let mut parlour = Parlour::new();
    parlour.change(BEN, |voice| voice.wrapped = ["image/*".to_owned()].into());
    parlour.change(CLEO, |voice| {
        voice.wrapped = ["text/plain".to_owned()].into()
    });
    parlour.change(DAVE, |voice| voice.wrapped = [].into());
    assert!(
        parlour
            .say(ALICE, &whole("m1xx", &to_all(PEOPLE[0].0, "Hello")))
            .is_empty()
    );
    assert_eq!(parlour.codes(ALICE), [200]);
    let counts = [BEN, CLEO, DAVE].map(|leg| parlour.heard(leg).len());
    assert_eq!(counts, [0, 1, 1]);
}
