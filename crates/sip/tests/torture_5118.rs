//! The IPv6 torture test messages of RFC 5118, each with what becomes of it here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod torture;

use bytes::Bytes;
use torture::Fact::{Body, Contacts, Method, Target, To, Top, Vias};
use torture::Row;
use torture::Want::{Fit, Refused};

const BRANCH: Option<&str> = Some("z9hG4bKas3-111");

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("ipv6-good", Fit, &[
        Target("sip:[2001:db8::10]"), Top("UDP", "[2001:db8::9:1]", BRANCH),
        Contacts(&["sip:caller@[2001:db8::1]"]),
    ]),
    ("ipv6-bad", Refused(400), &[Target("sip:2001:db8::10")]),
    // Well-formed, if not what was meant: the port became a part of the address.
    ("port-ambiguous", Fit, &[Target("sip:[2001:db8::10:5070]")]),
    ("port-unambiguous", Fit, &[Target("sip:[2001:db8::10]:5070")]),
    ("via-received-param-with-delim", Fit, &[Method("BYE"), Vias(1), Top("UDP", "[2001:db8::9:1]", BRANCH)]),
    ("via-received-param-no-delim", Fit, &[Vias(1), Top("UDP", "[2001:db8::9:1]", Some("z9hG4bKas3"))]),
    ("ipv6-in-sdp", Fit, &[Top("UDP", "[2001:db8::20]", BRANCH), Body(251)]),
    ("mult-ip-in-header", Fit, &[Vias(3), Top("UDP", "[2001:db8::9:1]", BRANCH)]),
    ("mult-ip-in-sdp", Fit, &[Body(189)]),
    ("ipv4-mapped-ipv6", Fit, &[
        Vias(2), Top("UDP", "[::ffff:192.0.2.10]", Some("z9hG4bKbh19")), Body(245),
        Contacts(&["sip:ted@[::ffff:192.0.2.2]"]),
    ]),
    ("ipv6-bug-abnf-3-colons", Fit, &[
        Target("sip:user@[2001:db8:::192.0.2.1]"), To(None, "sip:user@[2001:db8:::192.0.2.1]", None),
    ]),
    ("ipv6-correct-abnf-2-colons", Fit, &[Target("sip:user@[2001:db8::192.0.2.1]")]),
];

#[test]
fn rfc_5118() {
    let Some(messages) = torture::archive::messages("rfc5118") else {
        return;
    };
    let messages: Vec<_> = messages
        .into_iter()
        .map(|(name, bytes)| (name, as_sent(&bytes)))
        .collect();
    torture::compare(&messages, TABLE);
}

/// The archive has LF for CRLF, leaves out the end of two heads, and its Content-Lengths count
/// neither form of their bodies: all that is set right, since it is not what is tested.
fn as_sent(bytes: &Bytes) -> Bytes {
    let text = String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
    let (head, _) = head.split_once("\r\nContent-Length").unwrap();
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}
