//! Messages that are hard to read, one of our own for every kind of defect and oddity of RFC 4475
//! and RFC 5118, so that the ground is covered where their texts are not at hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod torture;

use bytes::Bytes;
use sip::{Message, Name, ParseError};
use torture::Answer::{Impossible, Possible};
use torture::Fact;
use torture::Fact::{
    Body, Contacts, Fields, From, Method, Sequence, Status, Target, To, Top, Value, Vias,
};
use torture::Want::{self, Broken, Dropped, Fit, Refused};

const GOOD: &str = "INVITE sip:ben@muse.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP quay.example:5070;branch=z9hG4bKtide1\r\n\
    Via: SIP/2.0/TCP [2001:db8::5];branch=z9hG4bKtide0\r\n\
    Max-Forwards: 61\r\n\
    From: \"Ada L.\" <sip:ada@muse.example>;tag=oak\r\n\
    To: <sip:ben@muse.example>\r\n\
    Call-ID: elm-17@quay.example\r\n\
    CSeq: 41 INVITE\r\n\
    Contact: <sip:ada@quay.example:5070>\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 5\r\n\
    \r\n\
    ahoy!";

const START: &str = "INVITE sip:ben@muse.example SIP/2.0";

/// A name, what is replaced in [`GOOD`], by what, what becomes of it, and what is found in it.
type Spoilt = (
    &'static str,
    &'static str,
    &'static str,
    Want,
    &'static [Fact],
);

#[rustfmt::skip]
const ODD: &[Spoilt] = &[
    ("nothing odd", "", "", Fit, &[
        Method("INVITE"), Target("sip:ben@muse.example"), Vias(2), Fields(10), Body(5), Sequence(41),
        Top("UDP", "quay.example", Some("z9hG4bKtide1")), Contacts(&["sip:ada@quay.example:5070"]),
        From(Some("Ada L."), "sip:ada@muse.example", Some("oak")), To(None, "sip:ben@muse.example", None),
    ]),
    ("folds everywhere", "To: <sip:ben@muse.example>", "t\t :\r\n\t<sip:ben@muse.example> ;\r\n  tag\r\n = yew", Fit,
        &[To(None, "sip:ben@muse.example", Some("yew")), Fields(10)]),
    ("a fold in a CSeq", "41 INVITE", "0041\r\n\tINVITE", Fit, &[Sequence(41)]),
    ("blanks in a Via", "SIP/2.0/UDP quay.example:5070;", "SIP / 2.0\r\n / UDP  quay.example : 5070 ; ", Fit,
        &[Top("UDP", "quay.example", Some("z9hG4bKtide1"))]),
    ("a Via list", "\r\nVia: SIP/2.0/TCP", " , SIP/2.0/TCP", Fit, &[Vias(2), Fields(9)]),
    ("unknown transports", "SIP/2.0/UDP", "SIP/2.0/PIGEON", Fit, &[Top("PIGEON", "quay.example", Some("z9hG4bKtide1"))]),
    ("names in any case", "CSeq:", "cSEQ:", Fit, &[Sequence(41)]),
    ("an empty header", "Max-Forwards: 61", "Subject:\r\ns :", Fit, &[Value(Name::Subject, "")]),
    ("an unheard-of header", "Max-Forwards: 61", "Wind-!%*_+`'~.: ;;,\";,", Fit, &[Fields(10)]),
    ("an escape in a header name", "Contact:", "%43ontact:", Fit, &[Contacts(&[])]),
    ("an unheard-of method", "INVITE", "Row-!%*_+`'~.9", Fit, &[Method("Row-!%*_+`'~.9")]),
    ("a user part of marks", "sip:ben@", "sip:b-_.!~*'(&=+$,;?/):p&=+$,@", Fit,
        &[Target("sip:b-_.!~*'(&=+$,;?/):p&=+$,@muse.example")]),
    ("escapes in a URI", "<sip:ben@muse.example>", "<sip:b%65n%00@muse.example;%6Cr=%31>", Fit,
        &[To(None, "sip:b%65n%00@muse.example;%6Cr=%31", None)]),
    ("a sips URI within a user", START, "INVITE sip:sips%3Aben%40a@muse.example SIP/2.0", Fit, &[]),
    ("control characters in a name", "\"Ada L.\"", "\"Ada\\\0 \\\x07L.\\\"\"", Fit,
        &[From(Some("Ada L.\""), "sip:ada@muse.example", Some("oak"))]),
    ("letters beyond ASCII", "\"Ada L.\"", "\"Адa, <Ł>\"", Fit, &[From(Some("Адa, <Ł>"), "sip:ada@muse.example", Some("oak"))]),
    ("no blank before <", "\"Ada L.\" <", "Ada<", Fit, &[From(Some("Ada"), "sip:ada@muse.example", Some("oak"))]),
    ("no <>", "<sip:ben@muse.example>", "sip:ben@muse.example;tag=yew", Fit, &[To(None, "sip:ben@muse.example", Some("yew"))]),
    ("a parameter within <>", "<sip:ben@muse.example>", "<sip:ben@muse.example;tag=no>", Fit,
        &[To(None, "sip:ben@muse.example;tag=no", None)]),
    ("foreign schemes", "<sip:ben@muse.example>", "urn:isbn:0140449132", Fit, &[To(None, "urn:isbn:0140449132", None)]),
    ("a Contact with headers", "<sip:ada@quay.example:5070>", "<sip:ada@quay.example?Route=%3Csip:x%3E>", Fit,
        &[Contacts(&["sip:ada@quay.example?Route=%3Csip:x%3E"])]),
    ("octets after the body", "ahoy!", "ahoy!OPTIONS sip:x SIP/2.0\r\n\r\n", Fit, &[Body(5)]),
    ("no Content-Length", "Content-Length: 5\r\n", "", Fit, &[Body(5), Fields(9)]),
    ("no hops left", "Forwards: 61", "Forwards: 0", Fit, &[Value(Name::MaxForwards, "0")]),
    ("RFC 2543", ";tag=oak", "", Fit, &[From(Some("Ada L."), "sip:ada@muse.example", None)]),
    ("no branch", ";branch=z9hG4bKtide1", "", Fit, &[Top("UDP", "quay.example", None)]),
    ("a branch that is the cookie alone", "tide1", "", Fit, &[Top("UDP", "quay.example", Some("z9hG4bK"))]),
    ("needless blanks on the start line", START, "INVITE   sip:ben@muse.example  SIP/2.0  ", Fit, &[Target("sip:ben@muse.example")]),
    ("a date without sense", "Max-Forwards: 61", "Date: yesterday\r\nExpires: never", Fit, &[Value(Name::Date, "yesterday")]),
    ("a Contact that must stand in <>", "<sip:ada@quay.example:5070>", "sip:ada@quay.example?a=b", Fit, &[Contacts(&[])]),
    ("a challenge answered in an unknown way", "Max-Forwards: 61", "Authorization: Sealing-wax a=b", Fit, &[]),
    ("features nobody has", "Max-Forwards: 61", "Require: gills, wings", Fit, &[Value(Name::Require, "gills, wings")]),
    ("an unknown body", "text/plain", "application/x-wax", Fit, &[]),
    ("an IPv6 address with a port", "quay.example:5070;", "[2001:db8::7]:5070;", Fit,
        &[Top("UDP", "[2001:db8::7]", Some("z9hG4bKtide1"))]),
    ("received in brackets", "tide1", "tide1;received=[2001:db8::7]", Fit, &[Vias(2)]),
    ("received without brackets", "tide1", "tide1;received=2001:db8::7", Fit, &[Vias(2)]),
    ("an IPv4 address in IPv6", "quay.example:5070;", "[::ffff:192.0.2.7];", Fit,
        &[Top("UDP", "[::ffff:192.0.2.7]", Some("z9hG4bKtide1"))]),
    ("a third colon", "<sip:ben@muse.example>", "<sip:ben@[2001:db8:::192.0.2.7]>", Fit,
        &[To(None, "sip:ben@[2001:db8:::192.0.2.7]", None)]),
    ("a response", START, "SIP/2.0 200 OK", Fit, &[Status(200, "OK"), Vias(2), Body(5)]),
    ("a response without reason", START, "SIP/2.0 200 ", Fit, &[Status(200, "")]),
    ("a response without even the blank", START, "SIP/2.0 200", Fit, &[Status(200, "")]),
    ("a reason beyond ASCII", START, "SIP/2.0 404 Ничего = {}", Fit, &[Status(404, "Ничего = {}")]),
];

#[rustfmt::skip]
const WRONG: &[Spoilt] = &[
    ("stray separators in a Via", "tide1", "tide1;;,;", Refused(400), &[]),
    ("a Via of another protocol", "SIP/2.0/UDP", "SAP/2.0/UDP", Refused(400), &[Vias(1)]),
    ("a CSeq beyond 2^31", "41 INVITE", "2147483648 INVITE", Refused(400), &[]),
    ("a CSeq beyond any number", "41 INVITE", "36893488147419103232 INVITE", Refused(400), &[]),
    ("another method in CSeq", "41 INVITE", "41 BYE", Refused(400), &[]),
    ("too many hops", "Forwards: 61", "Forwards: 256", Refused(400), &[]),
    ("a name without its closing quote", "<sip:ben@", "\"Ben <sip:ben@", Refused(400), &[]),
    ("a name that must be quoted", "\"Ada L.\"", "Ada, L.", Refused(400), &[]),
    ("blanks within <>", "<sip:ben@muse.example>", "< sip:ben@muse.example >", Refused(400), &[]),
    ("a To without scheme", "<sip:ben@muse.example>", "ben@muse.example", Refused(400), &[]),
    ("a target in <>", START, "INVITE <sip:ben@muse.example> SIP/2.0", Refused(400), &[Target("<sip:ben@muse.example>")]),
    ("a blank in the target", START, "INVITE sip:ben@muse.example; lr SIP/2.0", Refused(400), &[]),
    ("headers in the target", START, "INVITE sip:ben@muse.example?Subject=x SIP/2.0", Refused(400), &[]),
    ("an IPv6 target without brackets", START, "INVITE sip:2001:db8::7 SIP/2.0", Refused(400), &[]),
    ("a target of unknown scheme", START, "INVITE coracle:ben SIP/2.0", Refused(416), &[Target("coracle:ben")]),
    ("a target of known but foreign scheme", START, "INVITE http://muse.example:80/ SIP/2.0", Refused(416), &[]),
    ("another version", START, "INVITE sip:ben@muse.example SIP/7.1", Refused(505), &[]),
    ("no Call-ID", "Call-ID: elm-17@quay.example\r\n", "", Refused(400), &[]),
    ("no From", "From: \"Ada L.\" <sip:ada@muse.example>;tag=oak\r\n", "", Refused(400), &[]),
    ("no To", "To: <sip:ben@muse.example>\r\n", "", Refused(400), &[]),
    ("no CSeq", "CSeq: 41 INVITE\r\n", "", Refused(400), &[]),
    ("two Call-IDs", "CSeq:", "i: elm-18\r\nCSeq:", Refused(400), &[]),
    ("two CSeqs", "CSeq:", "CSeq: 42 INVITE\r\nCSeq:", Refused(400), &[]),
    ("two Max-Forwards", "CSeq:", "Max-Forwards: 1\r\nCSeq:", Refused(400), &[]),
    ("two Tos", "CSeq:", "t: <sip:cleo@muse.example>\r\nCSeq:", Refused(400), &[]),
    ("two Froms", "CSeq:", "f: <sip:cleo@muse.example>\r\nCSeq:", Refused(400), &[]),
    ("a response with a CSeq beyond any number", START, "SIP/2.0 503 No\r\nCSeq: 99999999999 A", Dropped, &[Status(503, "No")]),
    ("a Via that is nothing", "Via: SIP/2.0/UDP quay.example:5070;branch=z9hG4bKtide1\r\n", "Via: ?\r\n", Refused(400), &[]),
];

#[rustfmt::skip]
const BROKEN: &[Spoilt] = &[
    ("a body shorter than said", "Length: 5", "Length: 6", Broken(ParseError::Truncated, Possible), &[]),
    ("a negative length", "Length: 5", "Length: -5", Broken(ParseError::ContentLength, Possible), &[]),
    ("a length with a sign", "Length: 5", "Length: +5", Broken(ParseError::ContentLength, Possible), &[]),
    ("a length in words", "Length: 5", "Length: five", Broken(ParseError::ContentLength, Possible), &[]),
    ("a length in hexadecimal", "Length: 5", "Length: 0x5", Broken(ParseError::ContentLength, Possible), &[]),
    ("a list of lengths", "Length: 5", "Length: 5, 5", Broken(ParseError::ContentLength, Possible), &[]),
    ("two lengths", "Length: 5", "Length: 5\r\nl: 5", Broken(ParseError::ContentLength, Possible), &[]),
    ("a length over a fold", "Length: 5", "Length: 5\r\n 0", Broken(ParseError::ContentLength, Possible), &[]),
    ("a length beyond any number", "Length: 5", "Length: 18446744073709551621", Broken(ParseError::ContentLength, Possible), &[]),
    ("a status beyond any number", START, "SIP/2.0 4294967496 OK", Broken(ParseError::StartLine, Impossible), &[]),
    ("a status of two digits", START, "SIP/2.0 20 OK", Broken(ParseError::StartLine, Impossible), &[]),
    ("a status of class 7", START, "SIP/2.0 700 OK", Broken(ParseError::StartLine, Impossible), &[]),
    ("no version", START, "INVITE sip:ben@muse.example", Broken(ParseError::StartLine, Impossible), &[]),
    ("another protocol", START, "GET / HTTP/1.1", Broken(ParseError::StartLine, Impossible), &[]),
    ("a method that is no token", START, "IN(VITE sip:ben@muse.example SIP/2.0", Broken(ParseError::StartLine, Impossible), &[]),
    ("a line without colon", "CSeq:", "Flotsam\r\nCSeq:", Broken(ParseError::HeaderLine, Impossible), &[]),
    ("a line without name", "CSeq:", ": flotsam\r\nCSeq:", Broken(ParseError::HeaderLine, Impossible), &[]),
    ("a fold of nothing", START, "INVITE sip:ben@muse.example SIP/2.0\r\n fold", Broken(ParseError::HeaderLine, Impossible), &[]),
    ("a bare LF", "CSeq:", "Flotsam: x\nCSeq:", Broken(ParseError::Text, Impossible), &[]),
    ("a bare CR", "CSeq:", "Flotsam: x\rCSeq:", Broken(ParseError::Text, Impossible), &[]),
    ("a bare NUL", "CSeq:", "Flotsam: \0\r\nCSeq:", Broken(ParseError::Text, Impossible), &[]),
    ("a head without end", "\r\n\r\nahoy!", "\r\n", Broken(ParseError::NoEnd, Impossible), &[]),
    ("an ACK is never answered", START, "ACK sip:ben@muse.example SIP/2.0\r\nl: x", Broken(ParseError::ContentLength, Impossible), &[]),
];

#[test]
fn odd_messages() {
    compare(ODD);
}

#[test]
fn wrong_messages() {
    compare(WRONG);
}

#[test]
fn broken_messages() {
    compare(BROKEN);
}

fn compare(table: &[Spoilt]) {
    for (name, from, to, want, facts) in table {
        assert!(GOOD.contains(from), "{name}");
        // A method stands on the start line and in CSeq: both change.
        let times = if *from == "INVITE" { 2 } else { 1 };
        let bytes = Bytes::from(GOOD.replacen(from, to, times));
        torture::compare(&[((*name).to_owned(), bytes)], &[(name, *want, facts)]);
    }
}

#[test]
fn a_long_request() {
    let long = "extreme".repeat(2_000);
    let hops = "Via: SIP/2.0/TCP hop.example\r\n".repeat(200);
    let text = GOOD
        .replace("ada@muse", &format!("{long}@muse"))
        .replace("tag=oak", &format!("{long}={long};{long}2;tag=oak"))
        .replace("Max-Forwards: 61\r\n", &hops);
    let row = [("long", Fit, &[Vias(202), Body(5)][..])];
    torture::compare(&[("long".to_owned(), text.into())], &row);
}

#[test]
fn a_body_is_bytes() {
    let body: Vec<u8> = (0..=255).collect();
    let head = GOOD
        .replace("Length: 5", "Length: 256")
        .replace("ahoy!", "");
    let bytes: Bytes = [head.as_bytes(), &body].concat().into();
    let message = Message::parse(bytes.clone()).unwrap();
    assert_eq!(message.fields().body(), body);
    torture::is_lossless(&bytes, &message);
}

#[test]
fn a_salvaged_request_can_be_answered() {
    let broken = GOOD.replace("Length: 5", "Length: 6");
    let request = Message::salvage(broken.into()).unwrap();
    assert_eq!((request.fault(), request.body().len()), (None, 0));
    let answer = sip::Draft::response(&request, 400, "Bad Request", Some("t")).finish();
    let Ok(Message::Response(response)) = Message::parse(answer) else {
        panic!("a response")
    };
    assert_eq!((response.status(), response.fault()), (400, None));
}
