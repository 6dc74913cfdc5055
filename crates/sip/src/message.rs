//! One message: the bytes as they came, and where everything in them is.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::header::{Header, List};
use crate::parse::{self, Start};
use crate::{Malformed, Method, Name, ParseError};

/// One SIP message.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request; its header fields are reached through [`Fields`], to which it dereferences.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Span,
    pub(crate) version_2: bool,
    pub(crate) source: Option<SocketAddr>,
    pub(crate) fields: Fields,
}

/// A response; its header fields are reached through [`Fields`], to which it dereferences.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) reason: Span,
    pub(crate) fields: Fields,
}

/// The header fields and the body of a message, over one shared buffer.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The message exactly as it came.
    pub(crate) wire: Bytes,
    /// The same with folded lines made one line, byte for byte in the same places.
    pub(crate) text: Bytes,
    pub(crate) index: Vec<Field>,
    pub(crate) body_at: u32,
}

/// One header field: its name and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(crate) name: Name,
    pub(crate) label: Span,
    pub(crate) value: Span,
}

/// A stretch of the buffer, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Message {
    /// Reads one whole message, as a datagram holds it.
    ///
    /// The body runs to the end of the datagram if there is no Content-Length; with one, bytes
    /// after the body are dropped (RFC 3261 section 18.3). Only the structure is read: whether
    /// the headers make sense is asked by [`Request::fault`].
    ///
    /// # Errors
    ///
    /// [`ParseError`] when it cannot be taken apart, or the Content-Length is malformed,
    /// repeated, or larger than what came.
    pub fn parse(mut datagram: Bytes) -> Result<Self, ParseError> {
        let head = parse::head(&datagram)?;
        let body_room = datagram.len().saturating_sub(head.len);
        let body = match head.content_length()? {
            Some(length) if length > body_room => return Err(ParseError::Truncated),
            Some(length) => length,
            None => body_room,
        };
        datagram.truncate(head.len.saturating_add(body));
        Ok(Self::assemble(head, datagram))
    }

    /// Reads the request of a datagram that [`Message::parse`] refused for its Content-Length, so
    /// that it can be answered with 400 (RFC 3261 section 18.3). It has no body.
    ///
    /// `None` if there is nothing to answer: a response, an ACK, or no message at all.
    pub fn salvage(mut datagram: Bytes) -> Option<Request> {
        let head = parse::head(&datagram).ok()?;
        datagram.truncate(head.len);
        match Self::assemble(head, datagram) {
            Self::Request(request) if request.method != Method::Ack => Some(request),
            Self::Request(_) | Self::Response(_) => None,
        }
    }

    /// Puts a parsed head and the buffer it was read from together.
    pub(crate) fn assemble(head: parse::Head, wire: Bytes) -> Self {
        let text = if head.folded {
            parse::unfold(&wire, head.len)
        } else {
            wire.clone()
        };
        let fields = Fields {
            wire,
            text,
            body_at: u32::try_from(head.len).unwrap_or(u32::MAX),
            index: head.fields,
        };
        match head.start {
            Start::Request {
                method,
                uri,
                version_2,
            } => Self::Request(Request {
                method,
                uri,
                version_2,
                source: None,
                fields,
            }),
            Start::Response { status, reason } => Self::Response(Response {
                status,
                reason,
                fields,
            }),
        }
    }

    /// The header fields and the body.
    pub const fn fields(&self) -> &Fields {
        match self {
            Self::Request(request) => &request.fields,
            Self::Response(response) => &response.fields,
        }
    }
}

impl Request {
    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as written.
    pub fn uri(&self) -> &str {
        self.fields.span(self.uri)
    }

    /// Is the version `SIP/2.0`? Anything else is answered with 505.
    pub const fn is_version_2(&self) -> bool {
        self.version_2
    }

    /// Where the request came from, once [`Request::set_source`] has said so.
    pub const fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Notes the address the request came from: responses and forwarded copies then carry
    /// `received` and `rport` in the topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4).
    pub const fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }
}

impl Response {
    /// The status code, 100 to 699.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase.
    pub fn reason(&self) -> &str {
        self.fields.span(self.reason)
    }

    /// Is it final, that is, not 1xx?
    pub const fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// Is it 2xx?
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

impl std::ops::Deref for Request {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl std::ops::Deref for Response {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Fields {
    /// The message exactly as it came, start line to body.
    pub const fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The body; empty if there is none.
    pub fn body(&self) -> Bytes {
        let start = usize::try_from(self.body_at).unwrap_or(usize::MAX);
        self.wire.slice(start.min(self.wire.len())..)
    }

    /// Every header field, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.index.iter()
    }

    /// A field's label as it was written.
    pub fn label(&self, field: &Field) -> &str {
        self.span(field.label)
    }

    /// A field's value, trimmed, folded lines joined.
    pub fn value(&self, field: &Field) -> &str {
        self.span(field.value)
    }

    /// A field as it was written: label, colon, value, folds and the CRLF at its end.
    pub fn line(&self, field: &Field) -> &[u8] {
        let (start, value_end) = (to_usize(field.label.start), to_usize(field.value.end));
        let mut end = value_end;
        // The value ends before trailing blanks and blank folds; the line after them.
        while let Some(at) = memchr::memchr(b'\n', self.wire.get(end..).unwrap_or_default()) {
            end = end.saturating_add(at).saturating_add(1);
            if !matches!(self.wire.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        self.wire.get(start..end).unwrap_or_default()
    }

    /// The value of the first field of a name.
    pub fn raw(&self, name: Name) -> Option<&str> {
        self.index
            .iter()
            .find(|field| field.name == name)
            .map(|field| self.value(field))
    }

    /// The values of all fields of a name, in order, lists not split.
    pub fn raw_all(&self, name: Name) -> impl Iterator<Item = &str> {
        self.index
            .iter()
            .filter(move |field| field.name == name)
            .map(|field| self.value(field))
    }

    /// The value of the first field with a label this crate has no [`Name`] for.
    pub fn raw_other(&self, label: &str) -> Option<&str> {
        self.index
            .iter()
            .find(|f| f.name == Name::Other && self.label(f).eq_ignore_ascii_case(label))
            .map(|field| self.value(field))
    }

    /// Is there a field of this name?
    pub fn has(&self, name: Name) -> bool {
        self.index.iter().any(|field| field.name == name)
    }

    /// A header that stands once: its typed value, or `None` if it is absent.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it does not follow its grammar.
    pub fn get<'a, H: Header<'a>>(&'a self) -> Result<Option<H>, Malformed> {
        self.raw(H::NAME).map(H::parse).transpose()
    }

    /// A header that must be there.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is absent or does not follow its grammar.
    pub fn require<'a, H: Header<'a>>(&'a self) -> Result<H, Malformed> {
        self.get()?.ok_or(Malformed("a required header is missing"))
    }

    /// The members of a header that is a comma-separated list, over all its fields.
    pub fn list<'a, H: Header<'a> + List>(&'a self) -> impl Iterator<Item = Result<H, Malformed>> {
        self.raw_all(H::NAME)
            .flat_map(crate::text::members)
            .map(H::parse)
    }

    /// The first member of a header that is a comma-separated list.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when that member does not follow its grammar.
    pub fn first<'a, H: Header<'a> + List>(&'a self) -> Result<Option<H>, Malformed> {
        self.list().next().transpose()
    }

    /// Does a header that is a list of tokens (Supported, Require, Allow ...) hold `token`?
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.tokens(name).any(|t| t.eq_ignore_ascii_case(token))
    }

    /// The tokens of a header that is a list of tokens, over all its fields.
    pub fn tokens(&self, name: Name) -> impl Iterator<Item = &str> {
        self.raw_all(name).flat_map(crate::text::members)
    }

    pub(crate) fn span(&self, span: Span) -> &str {
        self.text
            .get(to_usize(span.start)..to_usize(span.end))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl Field {
    /// The field's name.
    pub const fn name(&self) -> Name {
        self.name
    }
}

fn to_usize(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
