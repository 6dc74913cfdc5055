//! What strangers send in SIP: each has its answer, none stops the server, nothing is left of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::lab::ask::{FACTORY, entries, list, multipart};
use crate::lab::{Ask, Chat, Lab, PATIENCE, Phone};
use sip::{Message, Name, Response};

/// An OPTIONS to spoil.
fn good(transport: &str) -> String {
    format!(
        "OPTIONS sip:localhost SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 127.0.0.1;branch=z9hG4bKspoilt;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@localhost>;tag=1\r\nTo: <sip:localhost>\r\n\
         Call-ID: spoilt\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// (what, the good part, by what it is replaced, the answer)
type Row = (&'static str, &'static str, &'static str, Option<u16>);

/// Framed, so that a stream goes on after it.
#[rustfmt::skip]
const SPOILT: &[Row] = &[
    ("good",                   "", "", Some(200)),
    ("no To",                  "To: <sip:localhost>\r\n", "", Some(400)),
    ("no From",                "From: <sip:alice@localhost>;tag=1\r\n", "", Some(400)),
    ("no Call-ID",             "Call-ID: spoilt\r\n", "", Some(400)),
    ("no CSeq",                "CSeq: 1 OPTIONS\r\n", "", Some(400)),
    ("two To",                 "To:", "To: <sip:x@localhost>\r\nTo:", Some(400)),
    ("malformed To",           "To: <sip:localhost>", "To: <sip:localhost", Some(400)),
    ("malformed From",         "<sip:alice@localhost>;tag", "\"alice <sip:alice@localhost>;tag", Some(400)),
    ("another method in CSeq", "1 OPTIONS", "1 INVITE", Some(400)),
    ("CSeq too large",         "1 OPTIONS", "4294967296 OPTIONS", Some(400)),
    ("Max-Forwards of letters", "70", "many", Some(400)),
    ("open IPv6 address",      "OPTIONS sip:localhost", "OPTIONS sip:[::1", Some(400)),
    ("headers in the URI",     "OPTIONS sip:localhost", "OPTIONS sip:localhost?Route=x", Some(400)),
    ("another scheme",         "OPTIONS sip:localhost", "OPTIONS http://localhost/", Some(416)),
    ("another version",        "localhost SIP/2.0", "localhost SIP/3.0", Some(505)),
    ("malformed Via",          "SIP/2.0/", "SIP/2.0 ", Some(400)),
    ("unknown method",         "OPTIONS", "TICKLE", Some(405)),
    ("no Via",                 "Via:", "X-Via:", None),
    ("two CSeq",               "1 OPTIONS", "1 OPTIONS\r\nCSeq: 1 ACK", Some(400)),
    ("an answer to nothing",   "OPTIONS sip:localhost SIP/2.0", "SIP/2.0 200 OK", None),
    ("an answer without end",  "OPTIONS sip:localhost SIP/2.0", "SIP/2.0 2000 OK", None),
];

#[test]
fn malformed_requests_are_answered_with_a_reason_or_counted() {
    let lab = Lab::start();
    for (what, part, by, want) in SPOILT {
        for mut phone in [Phone::udp(&lab, "alice"), Phone::tcp(&lab, "alice")] {
            let before = dropped(&lab);
            let bytes = good(phone.transport()).replace(part, by);
            phone.send(bytes.as_bytes());
            let what = format!("{what} over {}", phone.transport());
            match want {
                Some(status) => {
                    let response = any_response(&mut phone, &what);
                    assert_eq!(response.status(), *status, "{what}: {}", response.reason());
                    assert_ne!(response.reason(), "Bad Request", "{what}: it says why");
                }
                None => wait(&lab, before, &what),
            }
            // A stream that can still be read goes on; nothing else was said.
            if phone.transport() == "UDP" || readable(what.as_str()) {
                phone.heard_only(|_| false);
            }
        }
    }
}

/// What no longer looks like SIP at all ends a stream.
fn readable(what: &str) -> bool {
    !what.starts_with("an answer without end")
}

fn any_response(phone: &mut Phone, what: &str) -> Response {
    let message = phone.next(what, |message| matches!(message, Message::Response(_)));
    match message {
        Message::Response(response) => response,
        Message::Request(_) => unreachable!(),
    }
}

/// Messages that were read and dropped.
fn dropped(lab: &Lab) -> u64 {
    let counters = lab.server().counters();
    [&counters.unreadable, &counters.malformed, &counters.stray]
        .iter()
        .map(|c| c.load(Ordering::Relaxed))
        .sum()
}

/// Waits until one more message was dropped.
fn wait(lab: &Lab, before: u64, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while dropped(lab) == before {
        assert!(Instant::now() < deadline, "{what} is counted");
        std::thread::yield_now();
    }
}

/// (what, the good part, by what it is replaced, is it answered?): nobody knows where the next
/// message would begin.
#[rustfmt::skip]
const UNFRAMED: &[(&str, &str, &str, bool)] = &[
    ("a length of letters",     "Content-Length: 0", "Content-Length: none", true),
    ("a negative length",       "Content-Length: 0", "Content-Length: -1", true),
    ("two lengths",             "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5", true),
    ("two equal lengths",       "Content-Length: 0", "Content-Length: 0\r\nl: 0", true),
    ("no length",               "Content-Length: 0\r\n", "", true),
    ("a length beyond reason",  "Content-Length: 0", "Content-Length: 99999999", true),
    ("a length beyond numbers", "Content-Length: 0", "Content-Length: 99999999999999999999999999", true),
    ("another protocol",        "OPTIONS sip:localhost SIP/2.0", "GET / HTTP/1.1", false),
];

#[test]
fn streams_that_cannot_be_framed_are_closed() {
    let lab = Lab::start();
    for (what, part, by, answered) in UNFRAMED {
        let heard = until_closed(&lab, good("TCP").replace(part, by).as_bytes(), what);
        match answered {
            true => assert!(
                heard.starts_with("SIP/2.0 400 ") || heard.starts_with("SIP/2.0 513 "),
                "{what}: {heard}"
            ),
            false => assert!(heard.is_empty(), "{what}: {heard}"),
        }
    }
    // A head without end, and one line without end.
    for filler in ["X-Filler: none\r\n", "x"] {
        let endless =
            "OPTIONS sip:localhost SIP/2.0\r\n".to_owned() + &filler.repeat(200_000 / filler.len());
        until_closed(&lab, endless.as_bytes(), filler);
    }
    assert_eq!(
        Phone::tcp(&lab, "alice")
            .request("OPTIONS", "sip:localhost", "", "")
            .status(),
        200
    );
}

/// Writes to a new connection and reads until the server closes it.
fn until_closed(lab: &Lab, bytes: &[u8], what: &str) -> String {
    let mut stream = TcpStream::connect(lab.at.sip_tcp.unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may close before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{what}"),
    }
    String::from_utf8(heard).unwrap()
}

/// (what, what is wrong, the status, what the answer says besides)
type Spoilt = (
    &'static str,
    fn(&mut Ask),
    u16,
    Option<(Name, &'static str)>,
);

const TYPES: &str = "application/sdp, application/resource-lists+xml, multipart/mixed";

/// A good INVITE has a description and bob on its list; three guests are the most.
#[rustfmt::skip]
const BODIES: &[Spoilt] = &[
    ("no body",             |a| body(a, "", ""), 400, None),
    ("no list",             |a| a.list.clear(), 400, None),
    ("no content type",     |a| body(a, "", "v=0"), 400, None),
    ("malformed type",      |a| body(a, "multipart", "v=0"), 400, None),
    ("no boundary",         |a| body(a, "multipart/mixed", "--b1--\r\n"), 400, None),
    ("empty multipart",     |a| body(a, MIXED, "--b1--\r\n"), 400, None),
    ("nothing but text",    |a| body(a, MIXED, "not a part"), 400, None),
    ("foreign part",        |a| with_part(a, "text/vnd.unknown", ""), 415, Some((Name::Accept, TYPES))),
    ("foreign body",        |a| body(a, "text/plain", "hello"), 415, Some((Name::Accept, TYPES))),
    ("compressed",          |a| a.extra = "Content-Encoding: gzip\r\n".to_owned(), 415, Some((Name::AcceptEncoding, "identity"))),
    ("too deep",            |a| nested(a, 9), 400, None),
    ("too many parts",      |a| body(a, MIXED, &multipart(&[("application/sdp", "", "v=0"); 40])), 400, None),
    ("malformed SDP",       |a| a.sdp = "v=0\r\nm=message".to_owned(), 400, None),
    ("malformed XML",       |a| a.list = a.list.replace("</list>", ""), 400, None),
    ("XML of its own kind", |a| a.list = a.list.replace("<resource-lists", "<!DOCTYPE x [<!ENTITY y 'z'>]><resource-lists"), 400, None),
    ("another document",    |a| a.list = "<presence/>".to_owned(), 400, None),
    ("an empty list",       |a| a.list = list(""), 400, None),
    ("oneself alone",       |a| a.list = list(&entries(&["alice", "alice"])), 400, None),
    ("a malformed entry",   |a| a.list = list("<entry uri=\"bob\"/>"), 400, None),
    ("one of two malformed", |a| a.list = list("<entry uri=\"sip:bob@localhost\"/><entry uri=\"sip:@\"/>"), 400, None),
    ("an entry of nobody",  |a| a.list = list("<entry/>"), 400, None),
    ("a list elsewhere",    |a| a.list = list("<external anchor=\"http://x.example/\"/>"), 403, None),
    ("a reference",         |a| a.list = list("<entry-ref ref=\"x\"/>"), 403, None),
    ("too many entries",    |a| a.list = list(&entries(&["bob", "carol", "dave", "erin"])), 486, None),
    ("far too many copies", |a| a.list = list(&entries(&["bob"; 1000])), 486, None),
    ("an endless list",     |a| a.list = list(&" ".repeat(50_000)), 400, None),
    ("unknown option",      |a| a.extra = "Require: telepathy, timer\r\n".to_owned(), 420, Some((Name::Unsupported, "telepathy"))),
    ("a session too short", |a| a.extra = "Session-Expires: 30\r\n".to_owned(), 422, Some((Name::MinSe, "90"))),
    ("a malformed session", |a| a.extra = "Session-Expires: soon\r\n".to_owned(), 400, None),
    ("SDP without MSRP",    |a| a.sdp = Chat::sdp("x").replace("m=message", "m=audio"), 488, None),
];

const MIXED: &str = "multipart/mixed;boundary=b1";

fn body(ask: &mut Ask, content_type: &str, body: &str) {
    ask.body = Some((content_type.to_owned(), body.to_owned()));
}

fn with_part(ask: &mut Ask, content_type: &str, headers: &str) {
    let parts = [
        ("application/sdp", "", ask.sdp.as_str()),
        ("application/resource-lists+xml", "", ask.list.as_str()),
        (content_type, headers, "what is this?"),
    ];
    let parts = multipart(&parts);
    body(ask, MIXED, &parts);
}

/// The usual parts, in this many multiparts within each other.
fn nested(ask: &mut Ask, depth: usize) {
    let (sdp, list) = (ask.sdp.as_str(), ask.list.as_str());
    let mut text = multipart(&[
        ("application/sdp", "", sdp),
        ("application/resource-lists+xml", "", list),
    ]);
    let mut boundary = "b1".to_owned();
    for level in 0..depth {
        let inner = format!("multipart/mixed;boundary={boundary}");
        boundary = format!("level{level}");
        text = format!("--{boundary}\r\nContent-Type: {inner}\r\n\r\n{text}\r\n--{boundary}--\r\n");
    }
    body(ask, &format!("multipart/mixed;boundary={boundary}"), &text);
}

#[test]
fn bodies_that_cannot_be_used_are_refused_with_the_reason() {
    let lab = Lab::with(|_, policy| policy.focus.max_adhoc_group_size = 3);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for (what, spoil, status, header) in BODIES {
        let mut ask = Ask::guests(&["bob"]);
        spoil(&mut ask);
        let response = ask.ask(&mut alice);
        assert_eq!(response.status(), *status, "{what}: {}", response.reason());
        if let Some((name, value)) = header {
            assert_eq!(response.raw(*name), Some(*value), "{what}");
        }
        lab.settled();
    }
    bob.heard_only(|_| false);
}

type Change = fn(&mut Ask);

/// (what, the change)
#[rustfmt::skip]
const ODD: &[(&str, Change)] = &[
    ("multipart in multipart", |a| nested(a, 2)),
    ("foreign, but optional",  |a| with_part(a, "text/plain", "Content-Disposition: render;handling=optional\r\n")),
    ("copies of one",          |a| a.list = list(&entries(&["bob"; 12]))),
    ("names of other spaces",  |a| a.list = a.list.replace("<list>", "<list xmlns:z=\"urn:z\" z:a=\"1\"><z:b/>")),
    ("a preamble",             |a| { with_part(a, "application/sdp", ""); if let Some((_, b)) = &mut a.body { b.insert_str(0, "read on\r\n") } }),
];

#[test]
fn what_is_merely_odd_is_read() {
    let lab = Lab::with(|_, policy| policy.focus.max_adhoc_group_size = 3);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for (what, change) in ODD {
        let mut ask = Ask::guests(&["bob"]);
        change(&mut ask);
        let call_id = ask.send(&mut alice);
        let invitation = bob.invited();
        bob.refuses(&invitation, "486 Busy Here");
        let response = alice.final_response(&call_id);
        assert_eq!(response.status(), 486, "{what}: {}", response.reason());
        alice.ack_failure(&response, FACTORY);
        lab.settled();
    }
}

/// An INVITE needs a place to be answered at: RFC 3261 section 8.1.1.8.
#[test]
fn an_invite_needs_a_contact() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    for contact in ["", "<sip:alice@127.0.0.1", "<http://127.0.0.1/>"] {
        let mut ask = Ask::guests(&["bob"]);
        ask.contact = Some(contact.to_owned());
        let response = ask.ask(&mut alice);
        assert_eq!(response.status(), 400, "{contact}: {}", response.reason());
        lab.settled();
    }
}

/// A wrong password and an unknown user get the same answer, also for what is not REGISTER.
#[test]
fn wrong_credentials_tell_nothing_about_users() {
    let lab = Lab::start();
    let mut answers = Vec::new();
    for (user, password) in [("alice", "wrong"), ("nobody", "password")] {
        let mut phone = Phone::tcp(&lab, user);
        let call_id = phone.call_id();
        let text = phone.write("INVITE", FACTORY, &call_id, "", "");
        phone.send(text.as_bytes());
        let challenge = phone.final_response(&call_id);
        phone.ack_failure(&challenge, FACTORY);
        let credentials = phone.credentials(&challenge, "INVITE", FACTORY, password);
        let text = phone.write("INVITE", FACTORY, &call_id, &credentials, "");
        phone.send(text.as_bytes());
        let refused = phone.final_response(&call_id);
        phone.ack_failure(&refused, FACTORY);
        let names: Vec<_> = refused.iter().map(sip::Field::name).collect();
        answers.push((refused.status(), refused.reason().to_owned(), names));
    }
    assert_eq!(answers[0].0, 407);
    assert_eq!(answers[0], answers[1]);
}

/// RFC 5366 section 5.1: a list in a re-INVITE is refused, with and without its option tag, and
/// the conference goes on.
#[test]
fn a_list_in_a_re_invite_is_refused() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let body = multipart(&[
        ("application/sdp", "", &Chat::sdp("host")),
        (
            "application/resource-lists+xml",
            "",
            &list(&entries(&["carol"])),
        ),
    ]);
    for require in ["", "Require: recipient-list-invite\r\n"] {
        let contact = format!(
            "Contact: {}\r\nContent-Type: {MIXED}\r\n{require}",
            conference.host.contact()
        );
        let response = conference.host_asks("INVITE", &contact, &body);
        assert_eq!(response.status(), 420, "{require}");
        assert_eq!(
            response.raw(Name::Unsupported),
            Some("recipient-list-invite"),
            "{require}"
        );
        conference
            .host
            .ack_failure(&response, &conference.identity.clone());
    }
    conference.all_hear("still two");
    carol.heard_only(|_| false);
}

/// The seed of what follows; a failure is repeated by it.
const SEED: u64 = 0x7e57_0001;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// Bytes of no meaning, or a request with some of its bytes changed.
    fn blob(&mut self, request: &str) -> Vec<u8> {
        if self.below(3) == 0 {
            let length = self.below(600);
            return (0..length).map(|_| self.next().to_le_bytes()[0]).collect();
        }
        let mut bytes = request.as_bytes().to_vec();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len().max(1));
            match self.below(3) {
                0 => bytes[at] = self.next().to_le_bytes()[0],
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }
}

/// Ten thousand blobs over each transport, and the server still answers.
#[test]
fn random_bytes_do_no_harm() {
    let lab = Lab::start();
    let mut chance = Chance(SEED);
    let mut alice = Phone::udp(&lab, "alice");
    let contact = format!(
        "Contact: {}\r\nContent-Type: application/sdp\r\n",
        alice.contact()
    );
    let invite = alice.write("INVITE", FACTORY, "blob", &contact, &Chat::sdp("x"));
    for _ in 0..10_000 {
        alice.send(&chance.blob(&invite));
    }
    for _ in 0..500 {
        let mut stream = TcpStream::connect(lab.at.sip_tcp.unwrap()).unwrap();
        for _ in 0..20 {
            // The server closes what it cannot frame, as soon as it sees it.
            let _ = stream.write_all(&chance.blob(&invite));
        }
    }
    for mut phone in [Phone::udp(&lab, "bob"), Phone::tcp(&lab, "bob")] {
        let response = phone.request("OPTIONS", "sip:localhost", "", "");
        assert_eq!(response.status(), 200, "seed {SEED:#x}");
    }
    lab.settled();
}
