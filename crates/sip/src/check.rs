//! Is a message fit to be worked on? The checks every request and response must pass first.
//!
//! Only what RFC 3261 sections 8.1.1, 8.2 and 16.3 make mandatory is asked here, in one pass and
//! without a copy. Headers that only some procedure needs (Contact, Date, Expires ...) may be
//! malformed: that procedure notices, the others do not care (RFC 4475 sections 3.1.2.12 and
//! 3.1.2.13).

use crate::header::{CSeq, CallId, From, Header, MaxForwards, To, Via};
use crate::text::members;
use crate::uri::{Scheme, Uri};
use crate::{Fields, Malformed, Name, Request, Response};

/// What a request is refused for, before anyone looks at what it asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{status}: {why}")]
pub struct Fault {
    /// The status of the answer: 400, 416 or 505.
    pub status: u16,
    /// Why, in words for the answer.
    pub why: &'static str,
}

impl Request {
    /// What makes this request unfit; `None` if it is fit.
    ///
    /// - 505: the version is not SIP/2.0.
    /// - 400: To, From, Call-ID or CSeq is absent, repeated or malformed; CSeq names another
    ///   method; there is no Via, or its first is malformed; Max-Forwards is malformed; a header
    ///   that may stand once stands twice ([`Name::is_single`]); the Request-URI is malformed or
    ///   carries headers.
    /// - 416: the Request-URI is neither sip, sips nor tel. A server that knows more schemes, or
    ///   forwards along a Route, may go on.
    ///
    /// A From without tag passes (RFC 2543), as does a body without Content-Type. To an ACK nothing
    /// is answered.
    pub fn fault(&self) -> Option<Fault> {
        // RFC 3261 section 8.2 and 21.5.7: nothing of another version can be relied upon.
        if !self.is_version_2() {
            return Some(Fault {
                status: 505,
                why: "the version is not SIP/2.0",
            });
        }
        let method = Some(self.method().as_str());
        match check(self, method).and_then(|()| self.target_scheme()) {
            Err(Malformed(why)) => Some(Fault { status: 400, why }),
            // RFC 3261 sections 8.2.2.1 and 16.3: an unknown scheme is answered with 416.
            Ok(Scheme::Other) => Some(Fault {
                status: 416,
                why: "the scheme of the Request-URI is not supported",
            }),
            Ok(Scheme::Sip | Scheme::Sips | Scheme::Tel) => None,
        }
    }

    fn target_scheme(&self) -> Result<Scheme, Malformed> {
        let uri = Uri::parse(self.uri())?;
        // RFC 3261 section 19.1.1: a Request-URI carries no headers.
        if uri.headers_text().is_some() {
            return Err(Malformed("the Request-URI carries headers"));
        }
        Ok(uri.scheme())
    }
}

impl Response {
    /// What makes this response unfit to be read; it is then dropped. `None` if it is fit.
    ///
    /// As [`Request::fault`]: the headers a response repeats stand once and are well-formed.
    pub fn fault(&self) -> Option<Malformed> {
        check(self, None).err()
    }
}

/// Checks what requests and responses have in common.
fn check(fields: &Fields, method: Option<&str>) -> Result<(), Malformed> {
    let mut seen = Seen(0);
    for field in fields.iter() {
        let name = field.name();
        let again = seen.add(name);
        if again && name.is_single() {
            return Err(repeated(name));
        }
        let value = || fields.value(field);
        match name {
            Name::CallId => _ = CallId::parse(value())?,
            Name::CSeq => check_cseq(value(), method)?,
            Name::From => _ = From::parse(value())?,
            Name::MaxForwards => _ = MaxForwards::parse(value())?,
            Name::To => _ = To::parse(value())?,
            // Only the first is ours to read; the others are for those before us.
            Name::Via if !again => {
                let top = members(value()).next().unwrap_or_default();
                _ = Via::parse(top)?;
            }
            _ => {}
        }
    }
    for (name, why) in MANDATORY {
        if !seen.has(name) {
            return Err(Malformed(why));
        }
    }
    Ok(())
}

/// RFC 3261 section 8.1.1, but for Max-Forwards, which RFC 2543 did not know.
const MANDATORY: [(Name, &str); 5] = [
    (Name::CSeq, "there is no CSeq"),
    (Name::CallId, "there is no Call-ID"),
    (Name::From, "there is no From"),
    (Name::To, "there is no To"),
    (Name::Via, "there is no Via"),
];

fn check_cseq(value: &str, method: Option<&str>) -> Result<(), Malformed> {
    let cseq = CSeq::parse(value)?;
    // RFC 3261 section 8.1.1.5: the method is that of the request.
    if method.is_some_and(|method| method != cseq.method) {
        return Err(Malformed("CSeq names another method than the request"));
    }
    Ok(())
}

/// RFC 3261 section 7.3.1: only a header that is a list may be repeated.
const fn repeated(name: Name) -> Malformed {
    Malformed(match name {
        Name::CallId => "Call-ID is repeated",
        Name::CSeq => "CSeq is repeated",
        Name::From => "From is repeated",
        Name::MaxForwards => "Max-Forwards is repeated",
        Name::ReferTo => "Refer-To is repeated",
        Name::Replaces => "Replaces is repeated",
        Name::To => "To is repeated",
        _ => "a header that may stand only once is repeated",
    })
}

/// The names met so far, one bit each.
struct Seen(u128);

impl Seen {
    /// Adds a name; was it there already?
    fn add(&mut self, name: Name) -> bool {
        let again = self.has(name);
        self.0 |= Self::bit(name);
        again
    }

    const fn has(&self, name: Name) -> bool {
        self.0 & Self::bit(name) != 0
    }

    const fn bit(name: Name) -> u128 {
        1 << (name as u32)
    }
}

/// A table that outgrows the bits of [`Seen`] does not compile.
const _: () = assert!((Name::Other as u32) < u128::BITS);

#[cfg(test)]
mod tests {
    use crate::Message;

    const GOOD: &str = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
        To: <sip:b@h>\r\nFrom: <sip:a@h>;tag=1\r\nCall-ID: c@h\r\nCSeq: 1 INVITE\r\n";

    /// (what is replaced, by what, the answer)
    type Row = (&'static str, &'static str, Option<(u16, &'static str)>);

    #[rustfmt::skip]
    const SPOILT: &[Row] = &[
        ("", "", None),
        ("sip:b@h SIP", "sips:b@h SIP", None),
        ("sip:b@h SIP", "tel:+1 SIP", None),
        (";tag=1", "", None),
        ("Max-Forwards: 70\r\n", "", None),
        ("Max-Forwards: 70\r\n", "Contact: <broken\r\nDate: now\r\nExpires: -1\r\n", None),
        ("To:", "Contact: <sip:x@h>\r\nContact: <sip:y@h>\r\nTo:", None),
        ("bKx\r\n", "bKx\r\nVia: broken\r\n", None),
        ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", Some((505, "the version is not SIP/2.0"))),
        ("sip:b@h SIP", "http://h/ SIP", Some((416, "the scheme of the Request-URI is not supported"))),
        ("sip:b@h SIP", "<sip:b@h> SIP", Some((400, "a URI holds a character that must be escaped"))),
        ("sip:b@h SIP", "sip:b@h?Route=x SIP", Some((400, "the Request-URI carries headers"))),
        ("sip:b@h SIP", "b@h SIP", Some((400, "a URI has no scheme"))),
        ("To: <sip:b@h>\r\n", "", Some((400, "there is no To"))),
        ("From: <sip:a@h>;tag=1\r\n", "", Some((400, "there is no From"))),
        ("Call-ID: c@h\r\n", "", Some((400, "there is no Call-ID"))),
        ("CSeq: 1 INVITE\r\n", "", Some((400, "there is no CSeq"))),
        ("Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\n", "", Some((400, "there is no Via"))),
        ("To:", "t: <sip:c@h>\r\nTo:", Some((400, "To is repeated"))),
        ("From:", "From: <sip:c@h>\r\nFrom:", Some((400, "From is repeated"))),
        ("CSeq:", "CSeq: 1 INVITE\r\nCSeq:", Some((400, "CSeq is repeated"))),
        ("Call-ID:", "i: c@h\r\nCall-ID:", Some((400, "Call-ID is repeated"))),
        ("To:", "Privacy: id\r\nPrivacy: none\r\nTo:",
            Some((400, "a header that may stand only once is repeated"))),
        ("1 INVITE", "1 invite", Some((400, "CSeq names another method than the request"))),
        ("1 INVITE", "99999999999 INVITE", Some((400, "the CSeq number is not below 2^31"))),
        ("c@h", "c d", Some((400, "a Call-ID is not word or word@word"))),
        ("70", "256", Some((400, "Max-Forwards is not a number from 0 to 255"))),
        ("<sip:b@h>", "\"b <sip:b@h>", Some((400, "a display name has no closing quote"))),
        ("SIP/2.0/UDP a", "SIP/2.0/UDP", Some((400, "a Via has no sent-by"))),
        ("SIP/2.0/UDP a;branch=z9hG4bKx", ",", Some((400, "a Via is not SIP/2.0"))),
        // The version is asked first, then the headers, then the Request-URI.
        ("sip:b@h SIP/2.0\r\nVia", "sip:b@h SIP/3.0\r\nVoid", Some((505, "the version is not SIP/2.0"))),
        ("sip:b@h SIP/2.0\r\nVia", "x:y SIP/2.0\r\nVoid", Some((400, "there is no Via"))),
    ];

    #[test]
    fn a_request_is_refused_for_what_is_wrong_with_it() {
        for (from, to, want) in SPOILT {
            let text = format!("{}\r\n", GOOD.replacen(from, to, 1));
            let Ok(Message::Request(request)) = Message::parse(text.clone().into()) else {
                panic!("{text}");
            };
            let got = request.fault().map(|fault| (fault.status, fault.why));
            assert_eq!(got, *want, "{text}");
        }
    }

    #[test]
    fn a_response_is_dropped_for_what_is_wrong_with_it() {
        for (from, to, want) in [
            ("", "", None),
            ("To: <sip:b@h>\r\n", "", Some("there is no To")),
            ("1 INVITE", "1", Some("CSeq is not a number and a method")),
            ("1 INVITE", "1 BYE", None),
        ] {
            let (_, head) = GOOD.split_once("\r\n").unwrap();
            let text = format!("SIP/2.0 200 OK\r\n{}\r\n", head.replacen(from, to, 1));
            let Ok(Message::Response(response)) = Message::parse(text.clone().into()) else {
                panic!("{text}");
            };
            assert_eq!(response.fault().map(|f| f.0), want, "{text}");
        }
    }
}
