//! Writing messages: responses, requests, and copies of what is forwarded.

use std::fmt::{self, Display, Write as _};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};

use crate::{Field, Fields, Method, Name, Request};

/// A message being written.
///
/// Whatever is put into it, the result is framed right: control characters in values become
/// blanks, and the Content-Length is written at the end from the body that is really there.
#[derive(Clone, Debug)]
pub struct Draft {
    out: BytesMut,
}

impl Draft {
    /// Begins a request. The caller adds Via, From, To, Call-ID, CSeq and Max-Forwards.
    pub fn request(method: &Method, uri: &str) -> Self {
        let mut draft = Self::with_capacity(768);
        draft.text(format_args!("{method} {uri} SIP/2.0"));
        draft.end_line();
        draft
    }

    /// Begins a response to `request` with what every response repeats: Via (with `received` and
    /// `rport` filled in), From, To, Call-ID and CSeq (RFC 3261 section 8.2.6.2).
    ///
    /// `tag` is put on the To header if that has none.
    pub fn response(request: &Request, status: u16, reason: &str, tag: Option<&str>) -> Self {
        let mut draft = Self::with_capacity(response_size(request));
        draft.text(format_args!("SIP/2.0 {status} {reason}"));
        draft.end_line();
        draft.vias(request);
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            let Some(value) = request.raw(name) else {
                continue;
            };
            match tag {
                Some(tag) if name == Name::To && !has_tag(value) => {
                    draft.header(name, format_args!("{value};tag={tag}"));
                }
                _ => {
                    draft.header(name, value);
                }
            }
        }
        draft
    }

    /// Copies the Via fields of a received request, the topmost one stamped with its source.
    pub fn vias(&mut self, request: &Request) {
        let mut source = request.source();
        for field in request.iter().filter(|f| f.name() == Name::Via) {
            self.via(request.value(field), source.take());
        }
    }

    fn via(&mut self, value: &str, source: Option<SocketAddr>) {
        let Some(source) = source else {
            self.header(Name::Via, value);
            return;
        };
        let mut members = crate::text::members(value);
        let top = members.next().unwrap_or_default();
        self.header(Name::Via, Stamped { via: top, source });
        for rest in members {
            self.header(Name::Via, rest);
        }
    }

    /// Adds a header field.
    pub fn header(&mut self, name: Name, value: impl Display) -> &mut Self {
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        self.text(format_args!("{value}"));
        self.end_line();
        self
    }

    /// Adds a header field by its label.
    pub fn other(&mut self, label: &str, value: impl Display) -> &mut Self {
        self.text(format_args!("{label}: {value}"));
        self.end_line();
        self
    }

    /// Copies a header field of another message byte for byte, folds and all.
    pub fn copy(&mut self, from: &Fields, field: &Field) -> &mut Self {
        self.out.extend_from_slice(from.line(field));
        self
    }

    /// Copies every field of a name from another message.
    pub fn copy_all(&mut self, from: &Fields, name: Name) -> &mut Self {
        for field in from.iter().filter(|field| field.name() == name) {
            self.copy(from, field);
        }
        self
    }

    /// Ends the message without a body.
    pub fn finish(self) -> Bytes {
        self.body(b"")
    }

    /// Ends the message with a body and its type.
    pub fn finish_with(mut self, content_type: impl Display, body: &[u8]) -> Bytes {
        self.header(Name::ContentType, content_type);
        self.body(body)
    }

    /// Ends the message with a body whose Content-Type, if any, was written before.
    pub fn body(mut self, body: &[u8]) -> Bytes {
        self.header(Name::ContentLength, body.len());
        self.end_line();
        self.out.extend_from_slice(body);
        self.out.freeze()
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            out: BytesMut::with_capacity(capacity),
        }
    }

    fn text(&mut self, text: fmt::Arguments<'_>) {
        // Writing into memory cannot fail; a value that fails to display itself is cut short.
        let _ = Clean(&mut self.out).write_fmt(text);
    }

    fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Writes text with line ends and other control characters made blanks, so that no value can
/// become a header of its own.
struct Clean<'a>(&'a mut BytesMut);

impl fmt::Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let forbidden = |b: u8| (b < b' ' && b != b'\t') || b == 0x7f;
        // Not `any`: without a way out in the middle this is done many bytes at a time.
        if !text.bytes().fold(false, |found, b| found | forbidden(b)) {
            self.0.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let clean = text.bytes().map(|b| if forbidden(b) { b' ' } else { b });
        self.0.extend(clean);
        Ok(())
    }
}

/// A Via value with the address it came from (RFC 3261 section 18.2.1, RFC 3581 section 4).
struct Stamped<'a> {
    via: &'a str,
    source: SocketAddr,
}

impl Display for Stamped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.via.find(';').unwrap_or(self.via.len());
        let (sent_by, params) = self.via.split_at_checked(at).unwrap_or((self.via, ""));
        f.write_str(sent_by)?;
        let mut rport = false;
        for param in params.split(';').skip(1).map(str::trim) {
            let name = param.split('=').next().unwrap_or_default().trim();
            if name.eq_ignore_ascii_case("rport") {
                rport = true;
            } else if !name.eq_ignore_ascii_case("received") {
                write!(f, ";{param}")?;
            }
        }
        let host = sent_by.rsplit([' ', '\t']).next().unwrap_or_default();
        let host = crate::uri::split_host_port(host).map_or("", |(host, _)| host);
        let ip = self.source.ip().to_canonical();
        // RFC 3581 section 4: with rport, received is always there.
        if rport {
            write!(f, ";received={ip};rport={}", self.source.port())
        } else if host.trim_matches(['[', ']']).parse() == Ok(ip) {
            Ok(())
        } else {
            write!(f, ";received={ip}")
        }
    }
}

/// Room for a response: what it repeats, and as much again as most responses add.
fn response_size(request: &Request) -> usize {
    const OWN: usize = 448;
    let repeated = request.iter().filter(|field| {
        use Name::{CSeq, CallId, From, To, Via};
        matches!(field.name(), Via | From | To | CallId | CSeq)
    });
    repeated
        .map(|field| request.line(field).len())
        .sum::<usize>()
        + OWN
}

fn has_tag(value: &str) -> bool {
    // After the URI's '>' if there is one: a ";tag=" inside it is the URI's.
    let params = value.rsplit_once('>').map_or(value, |(_, params)| params);
    params.split(';').skip(1).any(|p| {
        p.trim_start()
            .get(..3)
            .is_some_and(|p| p.eq_ignore_ascii_case("tag"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    const REGISTER: &str = "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5070;rport ;branch=z9hG4bKx, SIP/2.0/UDP b\r\n\
        To: <sip:a@h;tag=no>\r\nFrom: A\r\n <sip:a@h>;tag=1\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nX-Y: y  \r\n\r\n";

    fn register() -> Request {
        let Ok(Message::Request(request)) = Message::parse(REGISTER.into()) else {
            panic!("a request")
        };
        request
    }

    #[test]
    fn a_response_repeats_what_it_must() {
        let mut request = register();
        request.set_source("192.0.2.1:1234".parse().unwrap());
        let bytes = Draft::response(&request, 200, "OK", Some("t")).finish();
        let want = "SIP/2.0 200 OK\r\n\
            Via: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKx;received=192.0.2.1;rport=1234\r\nVia: SIP/2.0/UDP b\r\n\
            From: A   <sip:a@h>;tag=1\r\nTo: <sip:a@h;tag=no>;tag=t\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\
            Content-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), want);
    }

    #[test]
    fn no_value_becomes_a_header_of_its_own() {
        let mut draft = Draft::request(&Method::Options, "sip:a@h\r\nEvil: 1");
        draft.header(Name::Subject, "a\r\nb\0c");
        let bytes = draft.finish();
        let want =
            "OPTIONS sip:a@h  Evil: 1 SIP/2.0\r\nSubject: a  b c\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), want);
    }

    #[test]
    fn a_field_is_copied_byte_for_byte() {
        let request = register();
        let mut draft = Draft::request(&Method::Options, "sip:b@h");
        draft
            .copy_all(&request, Name::From)
            .copy_all(&request, Name::Other);
        let bytes = draft.finish();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.contains("From: A\r\n <sip:a@h>;tag=1\r\nX-Y: y  \r\n"),
            "{text}"
        );
    }
}
