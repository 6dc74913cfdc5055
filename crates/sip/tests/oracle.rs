//! The same messages read by another stack, `sipx-sip`: where both read one, they must read the
//! same. And whatever comes, nothing panics, and a stream gives the same frames however it is cut.
//!
//! Known differences, none of which a test may trip over:
//!
//! - Letters beyond ASCII in a URI or an unquoted name are read here and refused there. The RFC
//!   refuses them, real peers send them.
//! - Control characters of a quoted display name are left out here and kept there: a matter of
//!   taste, see `NameAddr::display`.
//! - A blank display name is none here and a blank one there: a matter of taste.
//! - A tag in quotes is given with its quotes here and without them there. Neither is right, since
//!   a tag is a token; kept as written, it is given back as written.
//! - The blanks of a fold are as many as there were here and one there: `value` keeps every byte in
//!   its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod torture;

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sip::header::{CSeq, CallId, Contact, From, MaxForwards, NameAddr, To, Via};
use sip::{Frame, Framer, Message, Uri};
use sipx_sip as other;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_uris_are_read_alike(text in uri()) {
        let ours = Uri::parse(&text).unwrap();
        let theirs = other::Uri::parse(Bytes::from(text.clone())).unwrap();
        same_uri(&ours, &theirs);
        prop_assert!(ours.equivalent(&ours) && theirs.equivalent(&theirs));
    }

    #[test]
    fn uris_are_equivalent_alike(a in uri(), b in uri(), mix in any::<bool>()) {
        let b = if mix { a.replace("%4", "%6").to_lowercase() } else { b };
        let ours = Uri::parse(&a).unwrap().equivalent(&Uri::parse(&b).unwrap());
        let parse = |text: &str| other::Uri::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        prop_assert_eq!(ours, parse(&a).equivalent(&parse(&b)), "{} {}", a, b);
    }

    #[test]
    fn damaged_uris_are_read_alike(text in uri(), damage in damage()) {
        let Ok(text) = String::from_utf8(damaged(text.as_bytes(), &damage)) else { return Ok(()) };
        let ours = Uri::parse(&text);
        if let (Ok(ours), Ok(theirs)) = (ours, other::Uri::parse(Bytes::from(text.clone()))) {
            same_uri(&ours, &theirs);
        }
    }

    #[test]
    fn valid_addresses_are_read_alike(text in address()) {
        let ours = NameAddr::parse(&text).unwrap();
        let theirs = other::Address::parse(text.as_bytes(), "To").unwrap();
        same_address(&ours, &theirs);
        // What is written again reads as the same.
        let again = ours.to_string();
        let again = NameAddr::parse(&again).unwrap();
        prop_assert_eq!((again.display(), again.uri, again.params), (ours.display(), ours.uri, ours.params));
    }

    #[test]
    fn damaged_addresses_are_read_alike(text in address(), damage in damage()) {
        let Ok(text) = String::from_utf8(damaged(text.as_bytes(), &damage)) else { return Ok(()) };
        let theirs = other::Address::parse(text.as_bytes(), "To");
        if let (Ok(ours), Ok(theirs)) = (NameAddr::parse(&text), theirs) {
            same_address(&ours, &theirs);
        }
    }

    #[test]
    fn valid_messages_are_read_alike(bytes in message()) {
        let ours = Message::parse(bytes.clone()).unwrap();
        let theirs = other::parse_datagram(bytes.clone(), &other::Limits::datagram()).unwrap();
        if let Message::Request(request) = &ours {
            prop_assert_eq!(request.fault(), None);
        }
        same_message(&ours, &theirs);
        torture::is_lossless(&bytes, &ours);
    }

    #[test]
    fn damaged_messages_are_read_alike(bytes in message(), damage in vec(damage(), 1..4)) {
        let bytes: Bytes = damage.iter().fold(bytes.to_vec(), |b, d| damaged(&b, d)).into();
        let theirs = other::parse_datagram(bytes.clone(), &other::Limits::datagram());
        let Ok(ours) = Message::parse(bytes.clone()) else { return Ok(()) };
        torture::is_lossless(&bytes, &ours);
        torture::read_everything(ours.fields());
        if let Ok(theirs) = theirs {
            same_message(&ours, &theirs);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop_oneof![vec(any::<u8>(), 0..300), soup()]) {
        let bytes = Bytes::from(bytes);
        if let Ok(message) = Message::parse(bytes.clone()) {
            torture::is_lossless(&bytes, &message);
            torture::read_everything(message.fields());
            match &message {
                Message::Request(request) => drop(request.fault()),
                Message::Response(response) => drop(response.fault()),
            }
        }
        drop(Message::salvage(bytes));
    }

    #[test]
    fn a_stream_is_cut_the_same(parts in vec(stream_part(), 0..8), cuts in vec(any::<u16>(), 0..8)) {
        let stream = parts.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|c| usize::from(*c) % (stream.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = frames(&stream, &[]);
        prop_assert_eq!(&frames(&stream, &cuts), &whole);
        let every: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(&frames(&stream, &every), &whole);
    }
}

// ---- what is compared ----

fn same_message(ours: &Message, theirs: &other::Message) {
    match (ours, theirs) {
        (Message::Request(ours), other::Message::Request(theirs)) => {
            assert_eq!(ours.method().as_str().as_bytes(), theirs.method.as_bytes());
            if let Ok(uri) = Uri::parse(ours.uri()) {
                same_uri(&uri, &theirs.uri);
            }
        }
        (Message::Response(ours), other::Message::Response(theirs)) => {
            assert_eq!(ours.status(), theirs.status.code());
            assert_eq!(words(ours.reason().as_bytes()), words(&theirs.reason));
        }
        _ => panic!("one read a request, the other a response"),
    }
    let fields = ours.fields();
    assert_eq!(fields.body(), theirs.body());
    let values = |field| words(fields.value(field).as_bytes());
    let their_values = theirs.headers().iter().map(|h| words(&h.value()));
    assert!(fields.iter().map(values).eq(their_values), "{ours:?}");
    same_headers(fields, theirs.headers());
}

fn same_headers(ours: &sip::Fields, theirs: &other::Headers) {
    if let (Ok(Some(ours)), Some(Ok(theirs))) =
        (ours.get::<CSeq<'_>>(), theirs.typed::<other::CSeq>())
    {
        assert_eq!(ours.number, theirs.sequence);
        assert_eq!(ours.method.as_bytes(), theirs.method.as_bytes());
    }
    if let (Ok(Some(ours)), Some(Ok(theirs))) =
        (ours.get::<CallId<'_>>(), theirs.typed::<other::CallId>())
    {
        assert_eq!(ours.0.as_bytes(), theirs.0);
    }
    if let (Ok(Some(ours)), Some(Ok(theirs))) = (
        ours.get::<MaxForwards>(),
        theirs.typed::<other::headers::MaxForwards>(),
    ) {
        assert_eq!(ours.0, theirs.0);
    }
    if let (Ok(Some(ours)), Some(Ok(theirs))) = (
        ours.get::<From<'_>>(),
        theirs.typed::<other::headers::From>(),
    ) {
        same_address(&ours, &theirs.0);
    }
    if let (Ok(Some(ours)), Some(Ok(theirs))) =
        (ours.get::<To<'_>>(), theirs.typed::<other::headers::To>())
    {
        same_address(&ours, &theirs.0);
    }
    let our_vias: Result<Vec<Via<'_>>, _> = ours.list().collect();
    let their_vias: Result<Vec<other::Via>, _> = theirs.typed_all().collect();
    if let (Ok(ours), Ok(theirs)) = (our_vias, their_vias) {
        assert_eq!(ours.len(), theirs.len());
        ours.iter()
            .zip(&theirs)
            .for_each(|(ours, theirs)| same_via(ours, theirs));
    }
    let contacts = ours.list::<Contact<'_>>().collect::<Result<Vec<_>, _>>();
    let theirs = theirs
        .get_all(&other::HeaderName::Contact)
        .map(|h| other::Address::parse_list(&h.value(), "Contact"));
    if let (Ok(ours), Ok(theirs)) = (contacts, theirs.collect::<Result<Vec<_>, _>>()) {
        let theirs = theirs.concat();
        assert_eq!(ours.len(), theirs.len());
        ours.iter()
            .zip(&theirs)
            .for_each(|(ours, theirs)| same_address(ours, theirs));
    }
}

fn same_via(ours: &Via<'_>, theirs: &other::Via) {
    assert_eq!(ours.transport.as_bytes(), theirs.transport);
    assert!(same_host(ours.host, &theirs.host), "{ours} {theirs:?}");
    assert_eq!(ours.port, theirs.port);
    assert_eq!(ours.branch().map(str::as_bytes), theirs.branch());
}

fn same_address(ours: &NameAddr<'_>, theirs: &other::Address) {
    let name = theirs.display_name.as_deref().map(String::from_utf8_lossy);
    let name = name.map(|name| words(name.replace(char::is_control, "").as_bytes()));
    let our_name = ours.display().map(|name| words(name.as_bytes()));
    assert_eq!(our_name, name.filter(|name| !name.is_empty()), "{ours}");
    let tag = ours.params.unquoted("tag");
    assert_eq!(tag.as_deref().map(str::as_bytes), theirs.tag(), "{ours}");
    same_uri(&ours.uri, &theirs.uri);
}

fn same_uri(ours: &Uri<'_>, theirs: &other::Uri) {
    assert_eq!(ours.as_str().as_bytes(), theirs.to_bytes());
    assert_eq!(ours.is_sip(), theirs.scheme().is_sip());
    let Some(host) = theirs.host() else { return };
    assert_eq!(ours.user().map(str::as_bytes), theirs.user(), "{ours}");
    assert_eq!(
        ours.password().map(str::as_bytes),
        theirs.password(),
        "{ours}"
    );
    assert!(same_host(ours.host(), host), "{ours} {host}");
    assert_eq!(ours.port(), theirs.port());
    let their_params = theirs
        .params()
        .unwrap()
        .iter()
        .map(|p| (p.name(), p.value()));
    let our_params = ours.params();
    let our_params = our_params
        .iter()
        .map(|(n, v)| (n.as_bytes(), v.map(str::as_bytes)));
    assert!(our_params.eq(their_params), "{ours} {theirs:?}");
}

fn same_host(ours: &str, theirs: &other::Host) -> bool {
    let bare = ours.trim_matches(['[', ']']).replace(":::", "::");
    match (bare.parse::<IpAddr>(), theirs) {
        (Ok(ours), other::Host::Ip(theirs)) => ours == *theirs,
        _ => ours.as_bytes() == theirs.to_bytes(),
    }
}

fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

// ---- what is generated ----

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,3})?(\\.[a-zA-Z]{2,5}){0,2}",
        1 => "192\\.0\\.2\\.[1-9][0-9]?",
        1 => "\\[2001:db8::[1-9a-f]{1,4}\\]",
        1 => "\\[::ffff:192\\.0\\.2\\.[1-9]\\]",
    ]
}

fn uri() -> impl Strategy<Value = String> {
    let userinfo =
        "([a-zA-Z0-9_.!~*'()&=+$,;?/-]|%[2-6][0-9a-fA-F]){1,8}(:[a-zA-Z0-9&=+$,]{0,4})?@";
    let param =
        "transport=(tcp|UDP)|lr|ttl=[1-9]|[d-k][a-z]{0,3}(=[a-zA-Z0-9_.!~*'()/:&+$-]{1,5})?";
    let headers = "\\?[A-Z][a-z]{1,4}=[a-z0-9]{0,4}(&[a-z]{2,4}=[a-z0-9]{1,4})?";
    let port = (1_u16..).prop_map(|port| format!(":{port}"));
    (
        "sips?|SIP",
        option::of(userinfo),
        host(),
        option::of(port),
        vec(param, 0..4),
        option::weighted(0.2, headers),
    )
        .prop_map(|(scheme, user, host, port, mut params, headers)| {
            let name = |p: &String| p.split('=').next().unwrap().to_lowercase();
            params.sort_by_key(name);
            params.dedup_by_key(|p| name(p));
            let params: String = params.iter().map(|p| format!(";{p}")).collect();
            let (user, port) = (user.unwrap_or_default(), port.unwrap_or_default());
            format!(
                "{scheme}:{user}{host}{port}{params}{}",
                headers.unwrap_or_default()
            )
        })
}

fn address() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just(String::new()),
        "[a-zA-Z0-9.!%*_+`'~-]{1,6}( [a-zA-Z]{1,4}){0,2} ?",
        "\"([a-zA-Z0-9 ,;:@<>é€]|\\\\[\"\\\\a\t]){0,10}\" ?",
    ];
    let params = "( ?; ?tag ?= ?[a-zA-Z0-9.-]{1,8})?( ?; ?x[a-z]{0,3}( ?= ?([a-z0-9]{1,4}|\"[a-z;,<> ]{0,4}\"))?)?";
    (name, uri(), params).prop_map(|(name, uri, params)| {
        let bare = name.is_empty() && !uri.contains(['?', ',', ';', '"']);
        if bare {
            format!("{uri}{params}")
        } else {
            format!("{name}<{uri}>{params}")
        }
    })
}

fn via() -> impl Strategy<Value = String> {
    (
        "SIP(/2\\.0/| / 2\\.0 / ?)(UDP|TCP|TLS|WSS|x-y) {1,2}",
        host(),
        "( ?: ?[1-9][0-9]{0,3})?",
        " ?; ?branch ?= ?z9hG4bK[a-zA-Z0-9.-]{1,8}(;rport)?(;received=192\\.0\\.2\\.1)?",
    )
        .prop_map(|(transport, host, port, params)| format!("{transport}{host}{port}{params}"))
}

fn message() -> impl Strategy<Value = Bytes> {
    let start = (
        "INVITE|OPTIONS|MESSAGE|X-[A-Z]{1,4}",
        uri().prop_map(|uri| {
            let headers = Uri::parse(&uri)
                .unwrap()
                .headers_text()
                .map_or(0, |h| h.len() + 1);
            uri[..uri.len() - headers].to_owned()
        }),
    );
    let vias = (vec(via(), 1..4), any::<bool>());
    let others = vec(
        "(Subject|X-[a-z]{1,3}|s) ?:(\r\n)?[ \t][a-z0-9,;\"é ]{0,9}(\r\n [a-z]{1,4})?",
        0..4,
    );
    let contacts = vec(address(), 0..3);
    let body = vec(any::<u8>(), 0..40);
    let parts = (
        start,
        vias,
        address(),
        address(),
        contacts,
        others,
        body,
        0..1_u32 << 31,
        any::<[bool; 3]>(),
    );
    parts.prop_map(
        |((method, uri), (vias, joined), from, to, contacts, others, body, cseq, flip)| {
            let mut text = if flip[0] {
                format!("SIP/2.0 200 {uri}\r\n")
            } else {
                format!("{method} {uri} SIP/2.0\r\n")
            };
            let separator = if joined { " , " } else { "\r\nv: " };
            text += &format!("Via: {}\r\n", vias.join(separator));
            let (long, short) = if flip[1] { ("From", "To") } else { ("f", "t") };
            text += &format!("{long}: {from}\r\n{short}\t:\r\n {to}\r\nMAX-forwards: 70\r\n");
            text += &format!("Call-ID: a{cseq}@b\r\nCSeq: {cseq} {method}\r\n");
            if !contacts.is_empty() {
                text += &format!("Contact: {}\r\n", contacts.join(","));
            }
            text += &others
                .iter()
                .map(|line| format!("{line}\r\n"))
                .collect::<String>();
            if flip[2] {
                text += &format!("Content-Length: {}\r\n", body.len());
            }
            [text.as_bytes(), b"\r\n", &body].concat().into()
        },
    )
}

/// Bytes taken out at a place, and others put there.
type Damage = (u16, u8, Vec<u8>);

fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop::sample::select(&b"\r\n\t :;,<>\"\\/?@=&%[]()0a\0\xff"[..]);
    (any::<u16>(), 0..3_u8, vec(telling, 0..3))
}

fn damaged(bytes: &[u8], (at, take, put): &Damage) -> Vec<u8> {
    let at = usize::from(*at) % (bytes.len() + 1);
    let end = (at + usize::from(*take)).min(bytes.len());
    [&bytes[..at], put, &bytes[end..]].concat()
}

/// Pieces of messages in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "INVITE sip:a@h SIP/2.0\r\n",
        "SIP/2.0 200 OK\r\n",
        "Via: ",
        "SIP/2.0/UDP h",
        ";branch=z9hG4bKx",
        "To: ",
        "From: ",
        "<sip:a@h>",
        ";tag=",
        "\"",
        "\\",
        "<",
        ">",
        ",",
        ";",
        "=",
        "\r\n",
        "\r\n ",
        "\r\n\r\n",
        " ",
        "CSeq: 1 INVITE",
        "Call-ID: x",
        "Contact: ",
        "Content-Length: 3",
        "l: ",
        "Warning: 399 h \"1",
        "%",
        "%4",
        "sip:",
        "[::1]",
        ":",
        "Refer-To: <cid:",
        "Replaces: a;to-tag=1;from-tag=2",
        "Accept: */*;q=",
        "0.5",
        "é",
        "\0",
        "Session-Expires: 90;refresher=",
        "Event: conference;id=",
        "Subscription-State: active;expires=",
        "Expires: 9",
    ];
    vec(prop::sample::select(PIECES), 0..40).prop_map(|parts| parts.concat().into_bytes())
}

/// What may stand in a stream: messages, keep-alives, and at last something else.
fn stream_part() -> impl Strategy<Value = Vec<u8>> {
    let message = vec(any::<u8>(), 0..20).prop_map(|body| {
        let head = format!("OPTIONS sip:h SIP/2.0\r\nl: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    });
    prop_oneof![
        6 => message,
        2 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r\n\r\n".to_vec()),
        1 => vec(prop::sample::select(&b"\r\n :lA0\0"[..]), 0..12),
    ]
}

/// What a stream gives when it comes in parts, cut at these places.
fn frames(stream: &[u8], cuts: &[usize]) -> Vec<String> {
    let (mut framer, mut buffer, mut seen) = (Framer::default(), BytesMut::new(), Vec::new());
    let mut from = 0;
    for to in cuts.iter().copied().chain([stream.len()]) {
        buffer.extend_from_slice(&stream[from..to]);
        from = to;
        loop {
            match framer.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => {
                    seen.push(format!("{:?}", message.fields().wire()));
                }
                Ok(Some(frame)) => seen.push(format!("{frame:?}")),
                Err(error) => {
                    seen.push(error.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}

#[test]
fn the_table_of_differences_is_true() {
    let parse = |text: &'static str| other::Address::parse(text.as_bytes(), "To");
    assert!(NameAddr::parse("Zoë <sip:z@h>").is_ok() && parse("Zoë <sip:z@h>").is_err());
    assert!(Uri::parse("sip:zoë@h").is_ok() && other::Uri::parse("sip:zoë@h".into()).is_err());
    let named = "\"a\\\x07\" <sip:a@h>";
    assert_eq!(NameAddr::parse(named).unwrap().display().unwrap(), "a");
    assert_eq!(parse(named).unwrap().display_name.unwrap(), b"a\x07");
    let tagged = "<sip:a@h>;tag=\"x\"";
    assert_eq!(NameAddr::parse(tagged).unwrap().tag(), Some("\"x\""));
    assert_eq!(parse(tagged).unwrap().tag(), Some(&b"x"[..]));
    let empty = "\"\" <sip:a@h>";
    assert_eq!(NameAddr::parse(empty).unwrap().display(), None);
    assert_eq!(parse(empty).unwrap().display_name.unwrap(), b"");
    let folded = "OPTIONS sip:h SIP/2.0\r\nSubject: a\r\n b\r\n\r\n";
    let ours = Message::parse(folded.into()).unwrap();
    let theirs = other::parse_datagram(folded.into(), &other::Limits::datagram()).unwrap();
    assert_eq!(ours.fields().raw(sip::Name::Subject), Some("a   b"));
    assert_eq!(
        &*theirs.headers().value(&other::HeaderName::Subject).unwrap(),
        b"a b"
    );
}
