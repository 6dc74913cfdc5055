//! What a proxy changes in a message, and nothing else (RFC 3261 sections 16.6 and 16.7).

use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use sip::header::{MaxForwards, NameAddr};
use sip::{Draft, Field, Fields, MAX_MESSAGE, Name, Request, Response, Uri};

use super::admission::MAX_BREADTH;
use crate::core::Identity;

/// Where a request goes next: its Request-URI, and the Route values that are not ours.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Course<'a> {
    pub(super) uri: &'a str,
    pub(super) routes: Vec<&'a str>,
}

impl<'a> Course<'a> {
    /// Takes our own values off the Route.
    pub(super) fn of(request: &'a Request, is_ours: impl Fn(&Uri<'_>) -> bool) -> Self {
        let uri = request.uri();
        if !request.has(Name::Route) {
            let routes = Vec::new();
            return Self { uri, routes };
        }
        let ours = |value: &&str| NameAddr::parse(value).is_ok_and(|hop| is_ours(&hop.uri));
        // RFC 3261 section 16.4: leading values that name this proxy are removed; ours come in
        // pairs where the transport changes (RFC 5658).
        let mut routes: Vec<&str> = request.tokens(Name::Route).skip_while(ours).collect();
        // RFC 3261 section 16.4: a strict router before us has put our Record-Route into the
        // Request-URI, and the Request-URI at the end of the Route.
        let strict = Uri::parse(uri).is_ok_and(|uri| uri.params().has("lr") && is_ours(&uri));
        let last = routes.last().and_then(|last| NameAddr::parse(last).ok());
        match last {
            Some(last) if strict => {
                routes.pop();
                let uri = last.uri.as_str();
                Self { uri, routes }
            }
            _ => Self { uri, routes },
        }
    }
}

/// What one copy of a request gets.
#[derive(Debug)]
pub(super) struct Hop<'a> {
    pub(super) uri: &'a str,
    /// For our Via: the transport, our address as the next hop sees it, and the branch.
    pub(super) transport: &'a str,
    pub(super) address: SocketAddr,
    pub(super) branch: &'a str,
    /// The Path that the device registered (RFC 3327): URIs, topmost first.
    pub(super) path: &'a [String],
    /// What the Route still held.
    pub(super) routes: &'a [&'a str],
    /// Our own Record-Route values, topmost first.
    pub(super) record_routes: &'a [String],
    pub(super) max_forwards: MaxForwards,
    pub(super) breadth: u32,
    /// Who sent it, if the next hop is to know.
    pub(super) asserted: Option<&'a Identity>,
    /// Credentials for this realm were for us.
    pub(super) realm: &'a str,
}

/// Writes the copy of a request that goes to the next hop.
pub(super) fn request(request: &Request, hop: &Hop<'_>) -> Bytes {
    let mut draft = Draft::request(request.method(), hop.uri);
    let Hop {
        transport,
        address,
        branch,
        ..
    } = hop;
    // RFC 3261 section 16.6 step 8; RFC 3581 section 3: the answer comes to where we send from.
    draft.header(
        Name::Via,
        format_args!("SIP/2.0/{transport} {address};branch={branch};rport"),
    );
    draft.vias(request);
    for uri in hop.path {
        draft.header(Name::Route, format_args!("<{uri}>"));
    }
    for route in hop.routes {
        draft.header(Name::Route, route);
    }
    for record_route in hop.record_routes {
        draft.header(Name::RecordRoute, record_route);
    }
    draft.header(Name::MaxForwards, hop.max_forwards);
    draft.other(MAX_BREADTH, hop.breadth);
    if let Some(asserted) = hop.asserted {
        identity(&mut draft, asserted);
    }
    for field in request
        .iter()
        .filter(|field| goes_on(request, field, hop.realm))
    {
        draft.copy(request, field);
    }
    draft.body(&request.body())
}

/// RFC 3325 section 9.1.
fn identity(draft: &mut Draft, who: &Identity) {
    let Identity { aor, display } = who;
    match display {
        Some(name) => draft.header(
            Name::PAssertedIdentity,
            format_args!("{} <{aor}>", sip::quote(name)),
        ),
        None => draft.header(Name::PAssertedIdentity, format_args!("<{aor}>")),
    };
}

/// Is this field copied as it is?
fn goes_on(request: &Request, field: &Field, realm: &str) -> bool {
    match field.name() {
        // Written anew.
        Name::Via | Name::Route | Name::MaxForwards | Name::ContentLength => false,
        // RFC 3325 section 5: whoever sent this is not believed, and section 9.2 was for us.
        Name::PAssertedIdentity | Name::PPreferredIdentity => false,
        // RFC 3261 section 22.3: credentials are taken off by the proxy they are for.
        Name::ProxyAuthorization | Name::Authorization => {
            !is_for_realm(request.value(field), realm)
        }
        Name::Other => !request.label(field).eq_ignore_ascii_case(MAX_BREADTH),
        _ => true,
    }
}

/// Are these credentials for this realm?
fn is_for_realm(credentials: &str, realm: &str) -> bool {
    credentials.split(',').any(|param| {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        // The first parameter stands behind the scheme.
        let name = name.trim().rsplit([' ', '\t']).next().unwrap_or_default();
        name.eq_ignore_ascii_case("realm") && value.trim().trim_matches('"') == realm
    })
}

/// Writes a response for the previous hop: without our Via (RFC 3261 section 16.7 step 3), and
/// with the challenges of other branches (step 7).
pub(super) fn response(response: &Response, challenges: &[Response]) -> Bytes {
    let wire = response.wire();
    // The wire form has all it needs but perhaps a Content-Length.
    let mut out = BytesMut::with_capacity(wire.len().saturating_add(24));
    let start = memchr::memmem::find(wire, b"\r\n").map_or(0, |at| at.saturating_add(2));
    out.put_slice(wire.get(..start).unwrap_or_default());
    let mut ours = response.tokens(Name::Via).next();
    for field in response.iter() {
        match (field.name(), ours) {
            (Name::Via, Some(via)) => {
                // A field without any member may stand before it.
                if let Some((_, rest)) = response.value(field).split_once(via) {
                    rest_of_list(rest, &mut out);
                    ours = None;
                }
            }
            // RFC 3325 section 5: a device is not believed.
            (Name::PAssertedIdentity, _) => {}
            _ => out.put_slice(response.line(field)),
        }
    }
    let body = response.body();
    let room = MAX_MESSAGE.saturating_sub(body.len()).saturating_sub(24);
    for other in challenges {
        copy_challenges(other, room, &mut out);
    }
    if !response.has(Name::ContentLength) {
        // It came as a datagram and may go over a stream.
        out.put_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.put_slice(b"\r\n");
    out.put_slice(&body);
    out.freeze()
}

/// A Via field that held ours and others: the others stay.
fn rest_of_list(rest: &str, out: &mut BytesMut) {
    let rest = rest.trim_start_matches([',', ' ', '\t']);
    if !rest.is_empty() {
        out.put_slice(b"Via: ");
        out.put_slice(rest.as_bytes());
        out.put_slice(b"\r\n");
    }
}

/// Adds challenges while the head stays within `room`, so that no device can make the response
/// too large to be sent.
fn copy_challenges(from: &Fields, room: usize, out: &mut BytesMut) {
    for field in from.iter() {
        let line = from.line(field);
        if matches!(
            field.name(),
            Name::WwwAuthenticate | Name::ProxyAuthenticate
        ) && out.len().saturating_add(line.len()) <= room
        {
            out.put_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sip::Message;

    fn parsed(text: &str) -> Message {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn a_request(text: &str) -> Request {
        match parsed(text) {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request"),
        }
    }

    fn a_response(text: &str) -> Response {
        match parsed(text) {
            Message::Response(response) => response,
            Message::Request(_) => panic!("a response"),
        }
    }

    fn hop<'a>() -> Hop<'a> {
        Hop {
            uri: "sip:bob@192.0.2.7:5071",
            transport: "UDP",
            address: "192.0.2.2:5060".parse().unwrap(),
            branch: "z9hG4bKus",
            path: &[],
            routes: &[],
            record_routes: &[],
            max_forwards: MaxForwards(69),
            breadth: 60,
            asserted: None,
            realm: "localhost",
        }
    }

    const MESSAGE: &str = "MESSAGE sip:bob@localhost SIP/2.0\r\n\
        v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport, SIP/2.0/UDP z;branch=z9hG4bKz\r\n\
        Max-Forwards: 70\r\nf:  A\r\n <sip:alice@localhost>;tag=a\r\nTo: <sip:bob@localhost>\r\n\
        Call-ID: c\r\nCSeq: 1 MESSAGE\r\nX-Odd:   kept  \r\nc: text/plain\r\nl: 4\r\n\r\na\r\nb";

    #[test]
    fn rfc_3261_16_6_a_copy_is_the_request_but_for_what_must_change() {
        let mut message = a_request(MESSAGE);
        message.set_source("192.0.2.9:5062".parse().unwrap());
        let copy = request(&message, &hop());
        let want = "MESSAGE sip:bob@192.0.2.7:5071 SIP/2.0\r\n\
            Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKus;rport\r\n\
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=192.0.2.9;rport=5062\r\n\
            Via: SIP/2.0/UDP z;branch=z9hG4bKz\r\nMax-Forwards: 69\r\nMax-Breadth: 60\r\n\
            f:  A\r\n <sip:alice@localhost>;tag=a\r\nTo: <sip:bob@localhost>\r\n\
            Call-ID: c\r\nCSeq: 1 MESSAGE\r\nX-Odd:   kept  \r\nc: text/plain\r\n\
            Content-Length: 4\r\n\r\na\r\nb";
        assert_eq!(std::str::from_utf8(&copy).unwrap(), want);
    }

    #[test]
    fn routes_stand_in_their_order() {
        let text = MESSAGE.replace(
            "Max-Forwards: 70\r\n",
            "Record-Route: <sip:before;lr>\r\nRoute: <sip:old>\r\nMax-Breadth: 9\r\n",
        );
        let copy = request(
            &a_request(&text),
            &Hop {
                path: &["sip:p1;lr".into(), "sip:p2;lr".into()],
                routes: &["<sip:r;lr>;x=1"],
                record_routes: &["<sip:t@us;lr>".into(), "<sip:t@us:1;lr>".into()],
                ..hop()
            },
        );
        let Message::Request(copy) = Message::parse(copy).unwrap() else {
            panic!("a request")
        };
        let routes: Vec<_> = copy.raw_all(Name::Route).collect();
        assert_eq!(routes, ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:r;lr>;x=1"]);
        let record_routes: Vec<_> = copy.raw_all(Name::RecordRoute).collect();
        let want = ["<sip:t@us;lr>", "<sip:t@us:1;lr>", "<sip:before;lr>"];
        assert_eq!(record_routes, want);
        assert_eq!(copy.raw_all(Name::MaxForwards).count(), 1);
        assert_eq!(copy.raw_other(MAX_BREADTH), Some("60"));
        let breadths = copy.iter().filter(|f| copy.label(f) == MAX_BREADTH).count();
        assert_eq!(breadths, 1, "RFC 5393 section 5.3.3: a single value");
    }

    #[test]
    fn rfc_3325_identities_and_credentials() {
        let digest = |realm: &str| format!("Digest username=\"a\", {realm}, nonce=\"n\"\r\n");
        for (line, asserted, want) in [
            ("P-Asserted-Identity: <sip:eve@h>\r\n".into(), None, ""),
            ("P-Preferred-Identity: <sip:eve@h>\r\n".into(), None, ""),
            (
                "P-Asserted-Identity: <sip:eve@h>\r\n".into(),
                Some(Some("A")),
                "P-Asserted-Identity: \"A\" <sip:alice@localhost>\r\n",
            ),
            (
                String::new(),
                Some(None),
                "P-Asserted-Identity: <sip:alice@localhost>\r\n",
            ),
            // RFC 3261 section 22.3.
            (
                format!("Proxy-Authorization: {}", digest("realm=\"localhost\"")),
                None,
                "",
            ),
            (
                format!("Authorization: {}", digest("Realm = \"localhost\"")),
                None,
                "",
            ),
            (
                "Proxy-Authorization: Digest realm=\"localhost\"\r\n".into(),
                None,
                "",
            ),
            (
                format!("Proxy-Authorization: {}", digest("realm=\"else.where\"")),
                None,
                "Proxy-Authorization: Digest username=\"a\", realm=\"else.where\", nonce=\"n\"\r\n",
            ),
        ] {
            let text = MESSAGE.replace("Max-Forwards: 70\r\n", &line);
            let plain = request(&a_request(MESSAGE), &hop());
            let who = asserted.map(|name: Option<&str>| Identity {
                aor: "sip:alice@localhost".into(),
                display: name.map(Into::into),
            });
            let asserted = who.as_ref();
            let copy = request(&a_request(&text), &Hop { asserted, ..hop() });
            let copy = String::from_utf8(copy.to_vec()).unwrap();
            assert!(copy.contains(want), "{line}: {copy}");
            assert_eq!(
                copy.replacen(want, "", usize::from(!want.is_empty()))
                    .as_bytes(),
                plain
            );
        }
    }

    #[test]
    fn rfc_3261_16_4_our_own_routes_are_taken_off() {
        for (uri, routes, want_uri, want) in [
            ("sip:b@h", "", "sip:b@h", &[][..]),
            ("sip:b@h", "Route: <sip:t@us;lr>\r\n", "sip:b@h", &[]),
            (
                "sip:b@h",
                "Route: <sip:t@us;lr>,<sip:us;lr>\r\nRoute: <sip:us>, <sip:x;lr>\r\n",
                "sip:b@h",
                &["<sip:x;lr>"],
            ),
            // Ours behind another's is for later.
            (
                "sip:b@h",
                "Route: <sip:x;lr>;p, <sip:us;lr>\r\n",
                "sip:b@h",
                &["<sip:x;lr>;p", "<sip:us;lr>"],
            ),
            (
                "sip:b@h",
                "Route: nonsense, <sip:us;lr>\r\n",
                "sip:b@h",
                &["nonsense", "<sip:us;lr>"],
            ),
            // A strict router before us.
            (
                "sip:t@us;lr",
                "Route: <sip:x;lr>, <sip:b@h;q=1>\r\n",
                "sip:b@h;q=1",
                &["<sip:x;lr>"],
            ),
            ("sip:us", "Route: <sip:x;lr>\r\n", "sip:us", &["<sip:x;lr>"]),
        ] {
            let text = MESSAGE.replace("sip:bob@localhost SIP", &format!("{uri} SIP"));
            let message = a_request(&text.replace("Max-Forwards: 70\r\n", routes));
            let course = Course::of(&message, |uri| uri.host() == "us");
            assert_eq!(
                (course.uri, course.routes.as_slice()),
                (want_uri, want),
                "{uri} {routes}"
            );
        }
    }

    const OK: &str = "SIP/2.0 200  Fine\r\nv: SIP/2.0/UDP us;branch=z9hG4bKus\r\n\
        Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\nf:  A\r\n <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\n\
        Call-ID: c\r\nCSeq: 1 MESSAGE\r\nX-Odd:   kept  \r\nl: 2\r\n\r\nhi";

    #[test]
    fn rfc_3261_16_7_a_response_is_the_same_without_our_via() {
        let want = OK.replace("v: SIP/2.0/UDP us;branch=z9hG4bKus\r\n", "");
        let listed = OK.replace("us\r\nVia: ", "us , ");
        let boastful = OK.replace("To:", "P-Asserted-Identity: <sip:boss@h>\r\nTo:");
        for text in [OK, &listed, &boastful] {
            let got = response(&a_response(text), &[]);
            assert_eq!(std::str::from_utf8(&got).unwrap(), want, "{text}");
        }
        // A datagram need not say how long it is; a stream must know.
        let short = OK.replace("l: 2\r\n", "");
        let got = response(&a_response(&short), &[]);
        let want = want.replace("l: 2\r\n", "Content-Length: 2\r\n");
        assert_eq!(std::str::from_utf8(&got).unwrap(), want);
    }

    #[test]
    fn rfc_3261_16_7_step_7_challenges_are_added() {
        let refused = |status: u16, name: &str, realm: &str| {
            a_response(&format!(
                "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP us\r\nVia: SIP/2.0/UDP a\r\n\
                 {name}: Digest realm=\"{realm}\"\r\nContent-Length: 0\r\n\r\n"
            ))
        };
        let best = refused(407, "Proxy-Authenticate", "one");
        let others = [
            refused(401, "www-authenticate", "two"),
            refused(407, "Proxy-Authenticate", "three"),
        ];
        let got = response(&best, &others);
        let want = "SIP/2.0 407 X\r\nVia: SIP/2.0/UDP a\r\nProxy-Authenticate: Digest realm=\"one\"\r\n\
            Content-Length: 0\r\nwww-authenticate: Digest realm=\"two\"\r\n\
            Proxy-Authenticate: Digest realm=\"three\"\r\n\r\n";
        assert_eq!(std::str::from_utf8(&got).unwrap(), want);
    }

    #[test]
    fn challenges_do_not_make_a_response_too_large() {
        let long = a_response(&format!(
            "SIP/2.0 401 X\r\nVia: SIP/2.0/UDP us\r\nVia: SIP/2.0/UDP a\r\n\
             WWW-Authenticate: Digest realm=\"{}\"\r\n\r\n",
            "x".repeat(40_000)
        ));
        let others = vec![long.clone(); 15];
        let got = response(&long, &others);
        assert!(got.len() <= MAX_MESSAGE && Message::parse(got).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_forwarded_can_be_read_again(
            value in "[ -~]{0,40}",
            label in "(Via|Route|Record-Route|X|Privacy|Max-Breadth|Authorization)",
            body in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let field = format!("{label}: {value}\r\n");
            let mut bytes = MESSAGE.replace("Max-Forwards: 70\r\n", &field).into_bytes();
            bytes.truncate(bytes.len() - 11);
            bytes.extend(format!("l: {}\r\n\r\n", body.len()).bytes());
            bytes.extend(&body);
            let Message::Request(message) = Message::parse(bytes.into()).unwrap() else {
                panic!("a request")
            };
            let course = Course::of(&message, |uri| uri.host() == "us");
            let copy = request(&message, &Hop { routes: &course.routes, ..hop() });
            let copy = Message::parse(copy).unwrap();
            prop_assert_eq!(copy.fields().body(), body);
            prop_assert_eq!(copy.fields().raw(Name::CallId), Some("c"));
        }

        #[test]
        fn whatever_comes_back_can_be_read_again(
            value in "[ -~]{0,40}",
            label in "(Via|v|X|P-Asserted-Identity|WWW-Authenticate)",
            first in any::<bool>(),
        ) {
            let line = format!("{label}: {value}\r\n");
            let at = if first { "v:" } else { "To:" };
            let text = OK.replacen(at, &format!("{line}{at}"), 1);
            let before = a_response(&text);
            let Message::Response(after) = Message::parse(response(&before, &[])).unwrap() else {
                panic!("a response")
            };
            prop_assert_eq!(after.body(), before.body());
            let vias = |r: &Response| r.tokens(Name::Via).count();
            prop_assert_eq!(vias(&after) + 1, vias(&before));
        }
    }
}
