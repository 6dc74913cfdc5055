//! CPIM messages (RFC 3862): who speaks to whom, around a MIME part.
//!
//! ```text
//!   From: Alice <sip:alice@home.example>      CPIM headers, names with their case
//!   To: <sip:room@im.home.example>
//!   NS: imdn <urn:ietf:params:imdn>           a prefix for a namespace
//!   imdn.Message-ID: m-1
//!
//!   Content-Type: text/plain                  MIME headers, names without case
//!
//!   Hello                                     body
//! ```
//!
//! A [`Cpim`] shares the bytes it was read from; what it does not understand stays as it was.

mod address;
mod compose;
mod escape;
mod mime;
mod rewrite;

use std::{mem, ops::Range, str};

use bytes::Bytes;
use thiserror::Error;

pub use address::Address;
pub use compose::NewCpim;
pub use escape::{escape, unescape};
pub use mime::Mime;
pub use rewrite::Rewritten;

/// The longest block of CPIM headers, and the longest of MIME headers, in octets. They are a few
/// hundred; a switch keeps this much of a message it cannot address yet.
pub const CPIM_HEAD_MAX: usize = 8 * 1024;

/// The most CPIM headers of one message.
pub const CPIM_HEADERS_MAX: usize = 128;

/// The namespace of From, To and the other headers of RFC 3862 section 4.
pub const CORE_NS: &str = "urn:ietf:params:cpim-headers:";

/// The namespace of disposition notifications (RFC 5438 section 6).
pub const IMDN_NS: &str = "urn:ietf:params:imdn";

/// A message, or the beginning of one that includes its CPIM headers.
#[derive(Clone, Debug)]
pub struct Cpim {
    bytes: Bytes,
    /// Where the CPIM header lines end: at the blank line.
    head_end: usize,
    mime: Option<mime::Place>,
}

impl Cpim {
    /// Reads a message from its beginning.
    ///
    /// `whole` says that `bytes` is all of it. If not, `None` asks for more: the CPIM headers do
    /// not end yet. A caller that gets `None` holds less than [`CPIM_HEAD_MAX`] octets.
    ///
    /// Lines may end in LF alone. Where the blank line between the two header blocks is missing, as
    /// in the examples of RFC 4975 section 11.4 and RFC 7701 section 9, the one block is both: it
    /// is known by its Content-Type.
    ///
    /// # Errors
    ///
    /// [`CpimError`] if it can never become a message. Answer 400, or 415 if nothing like it.
    pub fn parse(bytes: &Bytes, whole: bool) -> Result<Option<Self>, CpimError> {
        let Some(block) = Block::find(bytes, whole)? else {
            return Ok(None);
        };
        let head = bytes.get(..block.end).unwrap_or_default();
        str::from_utf8(head).map_err(|_| CpimError::NotUtf8)?;
        let mime = match block.holds_mime {
            true => Some(mime::Place::first_block(block.end, block.next)),
            false => mime::Place::find(bytes, block.next, whole)?,
        };
        let cpim = Self {
            bytes: bytes.clone(),
            head_end: block.end,
            mime,
        };
        cpim.check()?;
        Ok(Some(cpim))
    }

    /// Who speaks.
    pub fn from(&self) -> Option<Address<'_>> {
        self.values(CORE_NS, "From").find_map(Address::parse)
    }

    /// To whom, each in turn.
    pub fn to(&self) -> impl Iterator<Item = Address<'_>> {
        self.values(CORE_NS, "To").filter_map(Address::parse)
    }

    /// To whom a courtesy copy goes, each in turn.
    pub fn cc(&self) -> impl Iterator<Item = Address<'_>> {
        self.values(CORE_NS, "cc").filter_map(Address::parse)
    }

    /// When it was sent, as written: RFC 3339 with a zone.
    pub fn date_time(&self) -> Option<&str> {
        self.value(CORE_NS, "DateTime")
    }

    /// The value of a header of RFC 5438, such as `Message-ID`, whatever the prefix.
    pub fn imdn(&self, name: &str) -> Option<&str> {
        self.value(IMDN_NS, name)
    }

    /// The first value of a header, by namespace and name. Escapes are left in; see [`unescape`].
    pub fn value(&self, namespace: &str, name: &str) -> Option<&str> {
        self.values(namespace, name).next()
    }

    /// All values of a header, by namespace and name, both compared with case (RFC 3862 section
    /// 2.2).
    pub fn values(&self, namespace: &str, name: &str) -> impl Iterator<Item = &str> {
        self.headers()
            .filter(move |header| self.is(header, namespace, name))
            .map(|header| header.value)
    }

    /// The names in Require headers: who does not know one of them must not go on (RFC 3862
    /// section 3.5).
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.values(CORE_NS, "Require")
            .flat_map(|value| value.split(','))
            .map(str::trim_ascii)
            .filter(|name| !name.is_empty())
    }

    /// All CPIM headers in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.lines().filter_map(Header::parse)
    }

    /// The MIME part, as soon as its headers are complete.
    pub fn mime(&self) -> Option<Mime<'_>> {
        self.mime.as_ref().map(|place| place.part(&self.bytes))
    }

    /// The CPIM header lines, without the blank line that ends them.
    pub fn head(&self) -> Bytes {
        self.bytes.slice(..self.head_end)
    }

    fn lines(&self) -> Lines<'_> {
        let head = self.bytes.get(..self.head_end).unwrap_or_default();
        // Checked to be UTF-8 when read.
        Lines::new(str::from_utf8(head).unwrap_or_default())
    }

    /// Whether `header` is the one of that name in that namespace.
    fn is(&self, header: &Header<'_>, namespace: &str, name: &str) -> bool {
        let (prefix, local) = match header.name.split_once('.') {
            Some((prefix, local)) => (prefix, local),
            None => ("", header.name),
        };
        if local != name {
            return false;
        }
        // Receivers that know no namespaces take `From` for the sender whatever the default
        // namespace is; so must whoever verifies the sender.
        if prefix.is_empty() && namespace == CORE_NS {
            return true;
        }
        // RFC 3862 3.4: a declaration precedes the use; the nearest counts.
        let bound = self
            .headers()
            .take_while(|other| other.line.start < header.line.start)
            .filter(|other| other.name == "NS")
            .filter_map(|other| declaration(other.value))
            .filter(|(declared, _)| *declared == prefix)
            .last();
        match bound {
            Some((_, uri)) => uri == namespace,
            // Some write imdn headers and forget to declare the prefix.
            None => prefix == "imdn" && namespace == IMDN_NS,
        }
    }

    fn check(&self) -> Result<(), CpimError> {
        if self.lines().count() > CPIM_HEADERS_MAX {
            return Err(CpimError::TooManyHeaders);
        }
        // RFC 4975 section 13: of the core headers only NS, To and cc may be repeated. (Require
        // may hold several values, so it is no matter if it is written twice.)
        let mut once = [("From", false), ("DateTime", false), ("Subject", false)];
        for header in self.headers() {
            for (name, seen) in &mut once {
                if self.is(&header, CORE_NS, name) && mem::replace(seen, true) {
                    return Err(CpimError::Repeated(name));
                }
            }
            for name in ["From", "To", "cc"] {
                if self.is(&header, CORE_NS, name) && Address::parse(header.value).is_none() {
                    return Err(CpimError::Address(name));
                }
            }
        }
        Ok(())
    }
}

/// One CPIM header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header<'a> {
    /// The name with its prefix, as in `imdn.Message-ID`.
    pub name: &'a str,
    /// Parameters such as `;lang=en`, with the semicolons; mostly empty.
    pub parameters: &'a str,
    /// The value, escapes left in.
    pub value: &'a str,
    /// Where the line is in the message, with its line end.
    line: Range<usize>,
}

impl<'a> Header<'a> {
    fn parse(line: Line<'a>) -> Option<Self> {
        let (name, rest) = line.text.split_once(':')?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let split = if rest.starts_with(';') {
            end_of_parameters(rest)
        } else {
            0
        };
        let (parameters, value) = rest.split_at_checked(split)?;
        Some(Self {
            name,
            parameters,
            value: value.trim_matches([' ', '\t']),
            line: line.range,
        })
    }
}

/// Why a text is no CPIM message.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CpimError {
    /// An address header without `<uri>`.
    #[error("the CPIM header {0} holds no <uri>")]
    Address(&'static str),
    /// A control character in a header (RFC 3862 section 2.2).
    #[error("a CPIM header holds a control character")]
    Control,
    /// A header block over [`CPIM_HEAD_MAX`].
    #[error("a header block of the CPIM message is longer than {CPIM_HEAD_MAX} octets")]
    HeadTooLong,
    /// A line that is no header.
    #[error("a line of the CPIM headers has no name or no colon")]
    Header,
    /// The message ends within its CPIM headers.
    #[error("the CPIM message ends within its headers")]
    Incomplete,
    /// Headers that are not UTF-8.
    #[error("the headers of the CPIM message are not UTF-8")]
    NotUtf8,
    /// A header that may occur once occurs twice.
    #[error("the CPIM header {0} is repeated")]
    Repeated(&'static str),
    /// Over [`CPIM_HEADERS_MAX`] headers.
    #[error("there are more than {CPIM_HEADERS_MAX} CPIM headers")]
    TooManyHeaders,
}

/// The first block of lines.
struct Block {
    /// Where the blank line starts that ends it.
    end: usize,
    /// What follows the blank line.
    next: usize,
    /// Whether the MIME headers are in it too.
    holds_mime: bool,
}

impl Block {
    /// Finds the first blank line; `None` if that is still to come.
    fn find(bytes: &[u8], whole: bool) -> Result<Option<Self>, CpimError> {
        let (mut at, mut in_content, mut holds_mime) = (0, false, false);
        while let Some(feed) = memchr::memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
            let next = at + feed + 1;
            if next > CPIM_HEAD_MAX {
                return Err(CpimError::HeadTooLong);
            }
            let line = bytes.get(at..next - 1).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                return Ok(Some(Self {
                    end: at,
                    next,
                    holds_mime,
                }));
            }
            // RFC 3862 2.2: a header is one line; only MIME headers may be folded.
            if !(in_content && line.starts_with(b" ")) {
                let name = check_line(line)?;
                in_content = name
                    .get(..8)
                    .is_some_and(|c| c.eq_ignore_ascii_case(b"content-"));
                holds_mime |= name.eq_ignore_ascii_case(b"content-type");
            } else if line.iter().any(u8::is_ascii_control) {
                return Err(CpimError::Control);
            }
            at = next;
        }
        if bytes.len() >= CPIM_HEAD_MAX {
            return Err(CpimError::HeadTooLong);
        }
        if whole {
            return Err(CpimError::Incomplete);
        }
        Ok(None)
    }
}

/// Checks a header line and tells its name.
fn check_line(line: &[u8]) -> Result<&[u8], CpimError> {
    if line.iter().any(|&b| b.is_ascii_control() && b != b'\t') {
        return Err(CpimError::Control);
    }
    let colon = memchr::memchr(b':', line).ok_or(CpimError::Header)?;
    let name = line.get(..colon).unwrap_or_default();
    match !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
        true => Ok(name),
        false => Err(CpimError::Header),
    }
}

/// The end of `;a=b;c="d e"`: the first blank outside quotes.
fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// Reads `prefix <uri>`, or `<uri>` for the default namespace.
fn declaration(value: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = value.split_once('<')?;
    let (uri, _) = rest.split_once('>')?;
    Some((prefix.trim_ascii(), uri.trim_ascii()))
}

/// A line of a header block, without its line end.
#[derive(Clone, Debug)]
struct Line<'a> {
    text: &'a str,
    /// With its line end.
    range: Range<usize>,
}

/// The lines of a header block.
#[derive(Debug)]
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |feed| feed + 1);
        let line = rest.get(..length)?;
        let start = self.at;
        self.at += length;
        let text = line.strip_suffix('\n').unwrap_or(line);
        Some(Line {
            text: text.strip_suffix('\r').unwrap_or(text),
            range: start..self.at,
        })
    }
}

#[cfg(test)]
mod tests;
