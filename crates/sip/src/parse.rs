//! Taking a message apart: one pass over the head, nothing interpreted but where things stand.

use std::ops::Range;
use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

use crate::message::{Field, Span};
use crate::text::{cut, is_token};
use crate::{Method, Name};

/// The most header fields a message may have. Real ones have below 40; each costs 20 bytes.
pub const MAX_FIELDS: usize = 256;

/// The largest message, in bytes: what a UDP datagram can hold, and the same over streams but for
/// the body.
pub const MAX_MESSAGE: usize = 65_535;

/// The largest message over a stream, in bytes, of which the head has at most [`MAX_MESSAGE`]: an
/// INVITE to two thousand people (RFC 5366), at some 60 to 110 bytes an entry.
pub const MAX_STREAM_MESSAGE: usize = 256 << 10;

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// The Content-Length is not one decimal number, or stands more than once.
    #[error("the Content-Length is malformed or repeated")]
    ContentLength,
    /// A header line has no colon, no name, or a name that is no token.
    #[error("a header line is malformed")]
    HeaderLine,
    /// The blank line after the header fields has not come.
    #[error("the header fields do not end")]
    NoEnd,
    /// The header part is not UTF-8, or holds a lone CR or LF, or a NUL that no backslash escapes.
    #[error("the header part holds forbidden bytes")]
    Text,
    /// The start line is neither a request line nor a status line.
    #[error("the start line is malformed")]
    StartLine,
    /// More header fields than [`MAX_FIELDS`].
    #[error("there are too many header fields")]
    TooManyFields,
    /// Larger than the limit on a message.
    #[error("the message is too large")]
    TooLarge,
    /// The body is shorter than its Content-Length says.
    #[error("the body is shorter than its Content-Length")]
    Truncated,
}

/// A parsed head: the start line, the fields, and how many bytes they took.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start: Start,
    pub(crate) fields: Vec<Field>,
    /// Length of the head with its blank line.
    pub(crate) len: usize,
    /// Does a field run over several lines?
    pub(crate) folded: bool,
    content_length: ContentLength,
}

#[derive(Debug)]
pub(crate) enum Start {
    Request {
        method: Method,
        uri: Span,
        version_2: bool,
    },
    Response {
        status: u16,
        reason: Span,
    },
}

#[derive(Clone, Copy, Debug)]
enum ContentLength {
    Absent,
    Given(usize),
    Bad,
}

impl Head {
    /// The Content-Length, if there is one.
    pub(crate) fn content_length(&self) -> Result<Option<usize>, ParseError> {
        match self.content_length {
            ContentLength::Absent => Ok(None),
            ContentLength::Given(length) => Ok(Some(length)),
            ContentLength::Bad => Err(ParseError::ContentLength),
        }
    }
}

/// Where the empty line behind a head begins, its own CRLF and the last one of the head together.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    // Made once: that takes as long as a search.
    static END: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    END.find(bytes)
}

/// Parses the head that `bytes` begins with.
pub(crate) fn head(bytes: &[u8]) -> Result<Head, ParseError> {
    let end = head_end(bytes).ok_or(ParseError::NoEnd)?;
    let text = bytes
        .get(..end.saturating_add(2))
        .and_then(|head| std::str::from_utf8(head).ok())
        .filter(|head| nul_is_escaped(head))
        .ok_or(ParseError::Text)?;
    let mut lines = Lines { text, at: 0 };
    let first = lines.next().ok_or(ParseError::StartLine)??;
    let start = start_line(text, first)?;
    let mut head = Head {
        start,
        fields: Vec::with_capacity(24),
        len: end.saturating_add(4),
        folded: false,
        content_length: ContentLength::Absent,
    };
    for line in lines {
        head.add(text, line?)?;
    }
    Ok(head)
}

impl Head {
    fn add(&mut self, text: &str, line: Range<usize>) -> Result<(), ParseError> {
        let whole = text.get(line.clone()).unwrap_or_default();
        if whole.starts_with([' ', '\t']) {
            return self.fold(whole, line.start);
        }
        if self.fields.len() >= MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        let (label, value) = cut(whole, b':').ok_or(ParseError::HeaderLine)?;
        let value_at = line.start.saturating_add(label.len()).saturating_add(1);
        let blank = value.len().saturating_sub(value.trim_ascii_start().len());
        let label = label.trim_ascii_end();
        if !is_token(label) {
            return Err(ParseError::HeaderLine);
        }
        let name = Name::from_label(label.as_bytes());
        if name == Name::ContentLength {
            self.content_length = match (self.content_length, decimal(value.trim_ascii())) {
                (ContentLength::Absent, Some(length)) => ContentLength::Given(length),
                _ => ContentLength::Bad,
            };
        }
        let from = value_at.saturating_add(blank);
        self.fields.push(Field {
            name,
            label: span(line.start..line.start.saturating_add(label.len())),
            value: span(from..from.saturating_add(value.trim_ascii().len())),
        });
        Ok(())
    }

    /// A fold (RFC 3261 section 7.3.1) makes the field before it longer.
    fn fold(&mut self, line: &str, start: usize) -> Result<(), ParseError> {
        let field = self.fields.last_mut().ok_or(ParseError::HeaderLine)?;
        self.folded = true;
        let more = line.trim_ascii();
        if more.is_empty() {
            return Ok(());
        }
        // A Content-Length that goes on over a fold is refused rather than guessed.
        if field.name == Name::ContentLength {
            self.content_length = ContentLength::Bad;
        }
        let blank = line.len().saturating_sub(line.trim_ascii_start().len());
        let at = start.saturating_add(blank);
        let piece = span(at..at.saturating_add(more.len()));
        if field.value.start == field.value.end {
            field.value = piece;
        } else {
            field.value.end = piece.end;
        }
        Ok(())
    }
}

/// A NUL may stand in a quoted string after a backslash (RFC 3261 section 25.1), nowhere else.
fn nul_is_escaped(text: &str) -> bool {
    memchr::memchr_iter(0, text.as_bytes()).all(|at| {
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        before == Some(&b'\\')
    })
}

fn start_line(text: &str, line: Range<usize>) -> Result<Start, ParseError> {
    let whole = text.get(line.clone()).ok_or(ParseError::StartLine)?;
    if let Some(rest) = whole.strip_prefix("SIP/2.0 ") {
        let (code, reason) = rest.split_at_checked(3).ok_or(ParseError::StartLine)?;
        let status = decimal(code)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (100..700).contains(code))
            .ok_or(ParseError::StartLine)?;
        // The blank before an empty reason is often left out.
        if !reason.is_empty() && !reason.starts_with(' ') {
            return Err(ParseError::StartLine);
        }
        let from = line.end.saturating_sub(reason.trim_ascii_start().len());
        return Ok(Start::Response {
            status,
            reason: span(from..line.end),
        });
    }
    // RFC 4475 sections 3.1.2.9 and 3.1.2.10: one who is liberal reads over needless blanks.
    let (method, rest) = whole.split_once(' ').ok_or(ParseError::StartLine)?;
    let target = rest.trim_start_matches(' ');
    let from = line.end.saturating_sub(target.len());
    let (uri, version) = target
        .trim_end_matches(' ')
        .rsplit_once(' ')
        .ok_or(ParseError::StartLine)?;
    let uri = uri.trim_end_matches(' ');
    if !is_token(method) || uri.is_empty() || !is_version(version) {
        return Err(ParseError::StartLine);
    }
    Ok(Start::Request {
        method: Method::from_token(method),
        uri: span(from..from.saturating_add(uri.len())),
        version_2: version.eq_ignore_ascii_case("SIP/2.0"),
    })
}

/// Any `SIP/x.y`: the wrong ones are answered with 505 rather than dropped.
fn is_version(text: &str) -> bool {
    let number = text
        .get(..4)
        .filter(|s| s.eq_ignore_ascii_case("SIP/"))
        .and(text.get(4..));
    number
        .and_then(|n| n.split_once('.'))
        .is_some_and(|(major, minor)| decimal(major).is_some() && decimal(minor).is_some())
}

/// A number of decimal digits alone, below 10^10.
pub(crate) fn decimal(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The lines of a head, each without its CRLF. A CR or LF alone is an error.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Result<Range<usize>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self
            .text
            .as_bytes()
            .get(self.at..)
            .filter(|rest| !rest.is_empty())?;
        let Some(length) = memchr::memchr2(b'\r', b'\n', rest) else {
            return Some(Err(ParseError::Text));
        };
        if rest.get(length..length.saturating_add(2)) != Some(b"\r\n") {
            return Some(Err(ParseError::Text));
        }
        let line = self.at..self.at.saturating_add(length);
        self.at = line.end.saturating_add(2);
        Some(Ok(line))
    }
}

/// A copy of the message in which every fold is blanks, so that nothing changes place.
pub(crate) fn unfold(wire: &Bytes, head_len: usize) -> Bytes {
    let mut text = BytesMut::from(wire.as_ref());
    let head = text.get_mut(..head_len).unwrap_or_default();
    for at in 0..head.len().saturating_sub(2) {
        if let Some([cr @ b'\r', lf @ b'\n', b' ' | b'\t']) = head.get_mut(at..at.saturating_add(3))
        {
            (*cr, *lf) = (b' ', b' ');
        }
    }
    text.freeze()
}

fn span(range: Range<usize>) -> Span {
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        start: at(range.start),
        end: at(range.end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn a_fold_belongs_to_the_field_before_it() {
        for (written, value) in [
            ("a", "a"),
            ("  a \t ", "a"),
            ("\r\n a", "a"),
            ("a \r\n\t b", "a   \t b"),
            ("a\r\n \r\n b ", "a      b"),
            ("a\r\n  \r\n\t", "a"),
            ("\r\n \r\n ", ""),
            ("", ""),
        ] {
            let field = format!("Subject:{written}\r\n");
            let text = format!("OPTIONS sip:h SIP/2.0\r\n{field}To: x\r\n\r\n");
            let message = Message::parse(text.into()).unwrap_or_else(|e| panic!("{field:?}: {e}"));
            let fields = message.fields();
            assert_eq!(fields.raw(Name::Subject), Some(value), "{field:?}");
            let first = fields.iter().next().unwrap();
            assert_eq!(fields.line(first), field.as_bytes());
            assert_eq!(fields.raw(Name::To), Some("x"), "{field:?}");
        }
    }

    #[test]
    fn needless_blanks_of_a_start_line_are_read_over() {
        for (line, want) in [
            ("OPTIONS sip:h SIP/2.0", Ok("sip:h")),
            ("OPTIONS  sip:h  SIP/2.0  ", Ok("sip:h")),
            ("OPTIONS sip:h;x y sip/2.0", Ok("sip:h;x y")),
            ("OPTIONS sip:h SIP/7.0", Ok("sip:h")),
            ("OPTIONS\tsip:h SIP/2.0", Err(ParseError::StartLine)),
            (" OPTIONS sip:h SIP/2.0", Err(ParseError::StartLine)),
            ("OPTIONS  SIP/2.0", Err(ParseError::StartLine)),
            ("OPTIONS sip:h", Err(ParseError::StartLine)),
            ("OPTIONS sip:h HTTP/1.1", Err(ParseError::StartLine)),
            ("OPTIONS sip:h SIP/2", Err(ParseError::StartLine)),
            ("OPT(IONS sip:h SIP/2.0", Err(ParseError::StartLine)),
            ("SIP/2.0 99 Low", Err(ParseError::StartLine)),
            ("SIP/2.0 700 High", Err(ParseError::StartLine)),
            ("SIP/2.0 2000 Long", Err(ParseError::StartLine)),
        ] {
            let got = Message::parse(format!("{line}\r\n\r\n").into()).map(|message| {
                let Message::Request(request) = message else {
                    panic!("{line}")
                };
                request.uri().to_owned()
            });
            assert_eq!(got.as_deref(), want.as_ref().map(|uri| *uri), "{line}");
        }
    }

    #[test]
    fn forbidden_bytes_are_refused() {
        for (head, want) in [
            ("A: \"\\\0\"\r\n", None),
            ("A: \0\r\n", Some(ParseError::Text)),
            ("A: b\nC: d\r\n", Some(ParseError::Text)),
            ("A: b\rC: d\r\n", Some(ParseError::Text)),
            ("A b\r\n", Some(ParseError::HeaderLine)),
            (": b\r\n", Some(ParseError::HeaderLine)),
            ("A(: b\r\n", Some(ParseError::HeaderLine)),
        ] {
            let text = format!("OPTIONS sip:h SIP/2.0\r\n{head}\r\n");
            assert_eq!(Message::parse(text.into()).err(), want, "{head:?}");
        }
        let latin = b"OPTIONS sip:h SIP/2.0\r\nSubject: \xe9\r\n\r\n";
        assert_eq!(
            Message::parse(latin[..].into()).err(),
            Some(ParseError::Text)
        );
        let many = "A: b\r\n".repeat(MAX_FIELDS + 1);
        let text = format!("OPTIONS sip:h SIP/2.0\r\n{many}\r\n");
        assert_eq!(
            Message::parse(text.into()).err(),
            Some(ParseError::TooManyFields)
        );
    }
}
