//! The phones against a focus of a few lines.

use std::time::Duration;

use clap::Parser;
use sip::{Draft, Method, Name, Request};

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    common: Common,
}

const WANTS: Wants = Wants {
    media: true,
    roster: true,
};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=message 2855 TCP/MSRP *\r\na=path:msrp://127.0.0.1:2855/x;tcp\r\n\
                   a=setup:passive\r\n";

fn phones(arguments: &[&str], room: Option<&str>) -> Phones {
    let line = Line::parse_from([&["load"], arguments].concat());
    let cast = Cast::new(&line.common, "factory", room, WANTS, "nonce");
    Phones::new(cast, vec!["127.0.0.1:5070".parse().unwrap()])
}

/// What was sent since the last time, requests alone.
fn sent(phones: &mut Phones) -> Vec<Request> {
    let messages = std::mem::take(&mut phones.out).into_iter();
    messages
        .filter_map(|(_, bytes)| match Message::parse(bytes).unwrap() {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        })
        .collect()
}

fn answer(phones: &mut Phones, request: &Request, status: u16, now: Instant) {
    let mut draft = Draft::response(request, status, "X", Some("theirs"));
    draft.header(Name::Contact, "<sip:room@h>");
    let bytes = match status {
        401 | 407 => {
            let name = match status {
                401 => Name::WwwAuthenticate,
                _ => Name::ProxyAuthenticate,
            };
            draft.header(
                name,
                "Digest realm=\"h\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256",
            );
            draft.finish()
        }
        _ => draft.finish_with("application/sdp", SDP.as_bytes()),
    };
    phones.take(0, Message::parse(bytes).unwrap(), now);
}

fn notify(phones: &mut Phones, subscribe: &Request, number: u32, now: Instant) {
    let users = ["sip:load0@localhost", "sip:load1@localhost"].map(|entity| {
        format!("<user entity=\"{entity}\"><endpoint><status>connected</status></endpoint></user>")
    });
    let body = format!(
        "<conference-info version=\"{number}\" state=\"full\"><users>{}</users></conference-info>",
        users.concat()
    );
    let mut draft = Draft::request(&Method::Notify, "sip:load0@127.0.0.1:5070");
    draft.header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bKx");
    draft.header(Name::CallId, subscribe.raw(Name::CallId).unwrap());
    draft.header(Name::CSeq, format_args!("{number} NOTIFY"));
    let bytes = draft.finish_with("application/conference-info+xml", body.as_bytes());
    phones.take(0, Message::parse(bytes).unwrap(), now);
}

fn two_seats() -> Seats {
    Seats {
        first: 0,
        size: 2,
        all: 2,
    }
}

#[test]
fn a_chat_room_is_joined_by_everybody() {
    let now = world::Clock::Os.now();
    let mut phones = phones(&["--users", "2", "--trusted"], Some("sip:chat@h"));
    let room = phones.call(two_seats(), now, now);
    let invites = sent(&mut phones);
    assert_eq!(invites.len(), 2);
    for (number, invite) in invites.iter().enumerate() {
        assert_eq!(
            (invite.method(), invite.uri()),
            (&Method::Invite, "sip:chat@h")
        );
        let identity = format!("<sip:load{number}@localhost>");
        assert_eq!(invite.raw(Name::PAssertedIdentity), Some(identity.as_str()));
        assert_eq!(invite.raw(Name::ContentType), Some("application/sdp"));
        answer(&mut phones, invite, 200, now);
    }
    let next = sent(&mut phones);
    let methods: Vec<_> = next
        .iter()
        .map(|request| request.method().as_str())
        .collect();
    assert_eq!(methods, ["ACK", "SUBSCRIBE", "ACK", "SUBSCRIBE"]);
    let connects = [News::Connect(LegId(0)), News::Connect(LegId(1))];
    assert_eq!(std::mem::take(&mut phones.news), connects);
    for (leg, subscribe) in [(0, &next[1]), (1, &next[3])] {
        phones.media(LegId(leg), Media::Up, now);
        answer(&mut phones, subscribe, 200, now);
        notify(&mut phones, subscribe, 1, now);
        // The same again is answered and not counted.
        notify(&mut phones, subscribe, 1, now);
    }
    let ready = phones
        .news
        .iter()
        .filter(|news| **news == News::Ready(room));
    assert_eq!(ready.count(), 1);
    assert!(phones.legs().iter().all(|leg| leg.notices == 1));
    assert!(phones.faults.is_empty(), "{:?}", phones.faults);
    phones.hang_up(room, now);
    let byes = sent(&mut phones);
    assert!(byes.iter().all(|bye| *bye.method() == Method::Bye));
    assert_eq!(byes.len(), 2);
}

#[test]
fn an_invitation_is_made_by_list_with_a_password_and_said_again() {
    let start = world::Clock::Os.now();
    let mut phones = phones(&["--users", "2"], None);
    let room = phones.call(two_seats(), start, start);
    let first = sent(&mut phones).remove(0);
    assert_eq!(first.uri(), "sip:factory@localhost");
    assert!(!first.has(Name::ProxyAuthorization));
    assert!(first.lists(Name::Require, "recipient-list-invite"));
    let body = String::from_utf8(first.body().to_vec()).unwrap();
    assert!(
        body.contains("<entry uri=\"sip:load1@localhost\"/>"),
        "{body}"
    );
    phones.handle_timeout(start + Duration::from_millis(500));
    let again = sent(&mut phones).remove(0);
    assert_eq!(again.wire(), first.wire());
    answer(&mut phones, &first, 407, start);
    let next = sent(&mut phones);
    // RFC 3261 17.1.1.3: the ACK has the branch of its INVITE.
    assert_eq!(*next[0].method(), Method::Ack);
    assert_eq!(next[0].raw(Name::Via), first.raw(Name::Via));
    assert_eq!(*next[1].method(), Method::Invite);
    assert!(next[1].has(Name::ProxyAuthorization));
    answer(&mut phones, &next[1], 486, start);
    let failed = News::Failed(room, Fault::Status(486));
    assert!(phones.news.contains(&failed), "{:?}", phones.news);
}

#[test]
fn what_nobody_expected_is_a_fault_and_no_more() {
    let now = world::Clock::Os.now();
    let mut phones = phones(&["--users", "2"], None);
    for text in [
        "INVITE sip:load1@127.0.0.1 SIP/2.0\r\nCall-ID: x\r\n\r\n",
        "NOTIFY sip:load1@127.0.0.1 SIP/2.0\r\nCall-ID: s0-nonce\r\n\r\n",
        "BYE sip:load1@127.0.0.1 SIP/2.0\r\nCall-ID: i7-nonce\r\n\r\n",
        "ACK sip:x SIP/2.0\r\n\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKld9x9\r\nCSeq: 1 INVITE\r\n\r\n",
    ] {
        let message = Message::parse(Bytes::from(text)).unwrap();
        phones.take(0, message, now);
    }
    let faults: u64 = phones.faults.values().sum();
    assert_eq!(faults, 3, "{:?}", phones.faults);
}
