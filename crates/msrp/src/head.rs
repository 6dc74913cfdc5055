//! The head of one frame: its start line and its headers.
//!
//! A head keeps the received bytes and where the headers that matter are in them. Reading a header
//! costs nothing until it is asked for, and a clone shares the bytes.

use std::str;

use bytes::Bytes;

use crate::{
    ByteRange, FailureReport, Flag, Method, Path, RangeError, Status, UriError,
    index::{Index, Known, Span},
};

/// The longest nickname, in octets (RFC 7701 section 7.1).
pub const NICKNAME_MAX: usize = 1023;

/// The head of a request or a response.
#[derive(Clone, Debug)]
pub struct Head {
    text: Bytes,
    index: Index,
}

/// Which of the two kinds of frame it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// A request with its method.
    Request(Method),
    /// A response with its status code, 0 to 999.
    Response(u16),
}

impl Head {
    pub(crate) fn new(text: Bytes, index: Index) -> Self {
        Self { text, index }
    }

    /// Request or response.
    pub fn kind(&self) -> Kind {
        self.index.kind
    }

    /// Whether this is a SEND request.
    pub fn is_send(&self) -> bool {
        self.index.kind == Kind::Request(Method::Send)
    }

    /// The transaction id, 4 to 32 characters.
    pub fn transaction_id(&self) -> &str {
        self.text_at(self.index.tid)
    }

    /// The method of a request as written; of a response, its status code as written.
    pub fn method_name(&self) -> &str {
        let (name, _) = self.after_tid();
        name
    }

    /// The comment of a response, such as `OK`; empty if there is none.
    pub fn comment(&self) -> &str {
        let (_, comment) = self.after_tid();
        comment
    }

    /// The way to the receiver.
    ///
    /// # Errors
    ///
    /// [`UriError`] if the header holds no path of MSRP URIs.
    pub fn to_path(&self) -> Result<Path<'_>, UriError> {
        Path::parse(self.known(Known::ToPath).unwrap_or_default())
    }

    /// The way back to the sender.
    ///
    /// # Errors
    ///
    /// [`UriError`] if the header holds no path of MSRP URIs.
    pub fn from_path(&self) -> Result<Path<'_>, UriError> {
        Path::parse(self.known(Known::FromPath).unwrap_or_default())
    }

    /// The text of the To-Path header, unread.
    pub fn to_path_text(&self) -> &str {
        self.known(Known::ToPath).unwrap_or_default()
    }

    /// The text of the From-Path header, unread.
    pub fn from_path_text(&self) -> &str {
        self.known(Known::FromPath).unwrap_or_default()
    }

    /// The Message-ID, common to all chunks of a message. Shorter or stranger ids than RFC 4975
    /// allows (`ident`, 4 to 32 characters) are read as well: they are only compared.
    pub fn message_id(&self) -> Option<&str> {
        self.known(Known::MessageId).filter(|id| !id.is_empty())
    }

    /// The Byte-Range, or nothing if there is no such header.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if it cannot be true; the request is then to be answered 400.
    pub fn byte_range(&self) -> Result<Option<ByteRange>, RangeError> {
        self.known(Known::ByteRange)
            .map(ByteRange::parse)
            .transpose()
    }

    /// Whether the sender wants to hear of success. Absent means no (RFC 4975 section 7.1.1).
    pub fn success_report(&self) -> bool {
        self.known(Known::SuccessReport)
            .is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// Which failures the sender wants to hear of. Absent means yes (RFC 4975 section 7.1.1).
    pub fn failure_report(&self) -> FailureReport {
        self.known(Known::FailureReport)
            .map(FailureReport::parse)
            .unwrap_or_default()
    }

    /// The Status of a REPORT; nothing if absent or malformed.
    pub fn status(&self) -> Option<Status<'_>> {
        self.known(Known::Status).and_then(Status::parse)
    }

    /// The media type with its parameters. Absent from a request without body.
    pub fn content_type(&self) -> Option<&str> {
        self.known(Known::ContentType)
    }

    /// The nickname asked for, without quotes and escapes (RFC 7701 section 7.1). Nothing if the
    /// header is absent, not a quoted string or longer than [`NICKNAME_MAX`]; an empty one gives a
    /// nickname up.
    pub fn use_nickname(&self) -> Option<String> {
        unquote(self.known(Known::UseNickname)?).filter(|nickname| nickname.len() <= NICKNAME_MAX)
    }

    /// The Expires header of a relay's answer, in seconds (RFC 4976 section 5.2).
    pub fn expires(&self) -> Option<u32> {
        self.header("Expires")?.parse().ok()
    }

    /// The first header of that name, compared without case, trimmed.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers in the order received, as (name, trimmed value).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text_str()
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name, value.trim_ascii()))
    }

    /// The head as received: start line and headers, each with its CRLF.
    pub fn as_bytes(&self) -> &Bytes {
        &self.text
    }

    fn known(&self, header: Known) -> Option<&str> {
        let span = self.index.known(header)?;
        Some(self.text_at(span))
    }

    fn text_at(&self, span: Span) -> &str {
        let bytes = self.text.get(span.range()).unwrap_or_default();
        // Checked to be UTF-8 as a whole, and spans end at ASCII characters: never the default.
        str::from_utf8(bytes).unwrap_or_default()
    }

    fn text_str(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or_default()
    }

    fn after_tid(&self) -> (&str, &str) {
        let line = self.text_at(self.index.after_tid);
        line.split_once(' ').unwrap_or((line, ""))
    }
}

/// What follows the seven hyphens of an end-line, as far as it is there.
pub(crate) enum EndLine {
    /// The end-line of this transaction.
    Is(Flag),
    /// Something else that merely starts alike.
    IsNot,
    /// More bytes are needed to tell.
    Unknown,
}

/// Judges the bytes after seven hyphens.
pub(crate) fn end_line(rest: &[u8], tid: &[u8]) -> EndLine {
    let (id, tail) = rest.split_at(rest.len().min(tid.len()));
    if !tid.starts_with(id) {
        return EndLine::IsNot;
    }
    if id.len() < tid.len() {
        return EndLine::Unknown;
    }
    match *tail {
        [] => EndLine::Unknown,
        [flag, ref crlf @ ..] => match (Flag::from_byte(flag), crlf) {
            (None, _) => EndLine::IsNot,
            (Some(flag), [b'\r', b'\n', ..]) => EndLine::Is(flag),
            (Some(_), [] | [b'\r']) => EndLine::Unknown,
            (Some(_), _) => EndLine::IsNot,
        },
    }
}

/// The content of a quoted string (RFC 4975 section 9), if it is one.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                escaped @ ('\\' | '"') => out.push(escaped),
                _ => return None,
            },
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quoted_strings() {
        for (text, want) in [
            ("\"Alice the great\"", Some("Alice the great")),
            (r#""a \"b\" \\c""#, Some(r#"a "b" \c"#)),
            ("\"\"", Some("")),
            ("Alice", None),
            ("\"", None),
            (r#""a\""#, None),
            (r#""a\n""#, None),
            (r#""a"b""#, None),
            (r#""\\""#, Some(r"\")),
            (r#""\""#, None),
            (r#"x"a""#, None),
            (r#""a"x"#, None),
            ("\"\tA\u{e9}\u{1f600}\"", Some("\tA\u{e9}\u{1f600}")),
            ("", None),
        ] {
            assert_eq!(unquote(text).as_deref(), want, "{text}");
        }
    }

    /// RFC 4975 section 9: there is one way to write each text.
    fn quoted(text: &str) -> String {
        let escaped = text.replace('\\', r"\\").replace('"', r#"\""#);
        format!("\"{escaped}\"")
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(text: String) {
            prop_assert_eq!(unquote(&quoted(&text)), Some(text));
        }

        #[test]
        fn only_what_is_quoted_is_read(text in "\"?[a\"\\\\ é]{0,8}\"?") {
            if let Some(read) = unquote(&text) {
                prop_assert_eq!(quoted(&read), text);
            }
        }
    }

    #[test]
    fn end_lines() {
        let judge = |rest: &str| match end_line(rest.as_bytes(), b"abcd") {
            EndLine::Is(flag) => char::from(flag.as_byte()),
            EndLine::IsNot => 'n',
            EndLine::Unknown => '?',
        };
        for (rest, want) in [
            ("", '?'),
            ("abc", '?'),
            ("abcd", '?'),
            ("abcd$", '?'),
            ("abcd$\r", '?'),
            ("abcd$\r\n", '$'),
            ("abcd+\r\nx", '+'),
            ("abcd#\r\n", '#'),
            ("abx", 'n'),
            ("abcde", 'n'),
            ("abcd$x", 'n'),
            ("abcd$\rx", 'n'),
            ("abcd$\n", 'n'),
        ] {
            assert_eq!(judge(rest), want, "{rest:?}");
        }
    }
}
