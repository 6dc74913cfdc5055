//! The small typed values of a frame: method, flag, Byte-Range, reports, Status.

use thiserror::Error;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// Carries a message or a chunk of one (RFC 4975 section 7.1.1).
    Send,
    /// Tells what became of a message; never answered (RFC 4975 section 7.1.2).
    Report,
    /// Registers with a relay (RFC 4976 section 5.1).
    Auth,
    /// Asks a chat room for a nickname (RFC 7701 section 7.1).
    Nickname,
    /// Anything else: to be answered 501.
    Other,
}

impl Method {
    /// Methods are compared with their case (RFC 4975 section 9).
    pub(crate) fn from_name(name: &[u8]) -> Self {
        match name {
            b"SEND" => Self::Send,
            b"REPORT" => Self::Report,
            b"AUTH" => Self::Auth,
            b"NICKNAME" => Self::Nickname,
            _ => Self::Other,
        }
    }
}

/// How a chunk ended: the continuation flag of the end-line (RFC 4975 section 7.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flag {
    /// `$`: the end of the message.
    Complete,
    /// `+`: more chunks of the message follow.
    More,
    /// `#`: the sender gives the message up.
    Abort,
}

impl Flag {
    /// The flag as written.
    pub fn as_byte(self) -> u8 {
        match self {
            Self::Complete => b'$',
            Self::More => b'+',
            Self::Abort => b'#',
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'$' => Some(Self::Complete),
            b'+' => Some(Self::More),
            b'#' => Some(Self::Abort),
            _ => None,
        }
    }
}

/// The place of a chunk in its message, in octets counted from one (RFC 4975 section 7.1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ByteRange {
    /// Position of the first octet, at least 1.
    pub start: u64,
    /// Position of the last octet; `start - 1` when the chunk is empty. `None` is `*`: not known,
    /// because the chunk may be interrupted. A hint only: the end-line says where a chunk ends.
    pub end: Option<u64>,
    /// Length of the whole message. `None` is `*`: not known yet.
    pub total: Option<u64>,
}

impl ByteRange {
    /// The range of a whole message of `length` octets.
    pub fn whole(length: u64) -> Self {
        Self {
            start: 1,
            end: Some(length),
            total: Some(length),
        }
    }

    /// Reads the value of a Byte-Range header.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if it is not of the form `1-25/25`, does not fit 64 bits or contradicts
    /// itself.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let (start, rest) = text.trim_ascii().split_once('-').ok_or(RangeError::Form)?;
        let (end, total) = rest.split_once('/').ok_or(RangeError::Form)?;
        let range = Self {
            start: number(start)?,
            end: number_or_star(end)?,
            total: number_or_star(total)?,
        };
        // RFC 4975 7.1.1: the first octet has position one.
        let before = range.start.checked_sub(1).ok_or(RangeError::Zero)?;
        // An empty chunk ends one before it starts, as in "1-0/0".
        if range.end.is_some_and(|end| end < before) {
            return Err(RangeError::Backwards);
        }
        let last = range.end.unwrap_or(before);
        if range.total.is_some_and(|total| total < last) {
            return Err(RangeError::BeyondTotal);
        }
        Ok(range)
    }

    /// How many octets of the message come before this chunk.
    pub fn offset(&self) -> u64 {
        self.start.saturating_sub(1)
    }
}

/// Why a Byte-Range cannot be true.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RangeError {
    /// It ends before it starts.
    #[error("the Byte-Range ends before it starts")]
    Backwards,
    /// It reaches past the total.
    #[error("the Byte-Range reaches beyond the total it states")]
    BeyondTotal,
    /// Not `start-end/total`.
    #[error("the Byte-Range is not of the form start-end/total")]
    Form,
    /// A number over 64 bits.
    #[error("a number of the Byte-Range does not fit 64 bits")]
    Overflow,
    /// Positions count from one.
    #[error("the Byte-Range starts at zero; positions count from one")]
    Zero,
}

fn number(text: &str) -> Result<u64, RangeError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RangeError::Form);
    }
    text.parse().map_err(|_| RangeError::Overflow)
}

fn number_or_star(text: &str) -> Result<Option<u64>, RangeError> {
    match text {
        "*" => Ok(None),
        text => number(text).map(Some),
    }
}

/// Which failures the sender of a message wants to hear of (RFC 4975 section 7.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum FailureReport {
    /// Every request is answered, and a missing answer counts as failure. The default.
    #[default]
    Yes,
    /// Neither answers nor reports.
    No,
    /// Errors only; no 200 and no timer.
    Partial,
}

impl FailureReport {
    /// Reads a header value. An unknown one counts as the default: no failure is then hidden.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            t if t.eq_ignore_ascii_case("no") => Self::No,
            t if t.eq_ignore_ascii_case("partial") => Self::Partial,
            _ => Self::Yes,
        }
    }

    /// Whether a SEND with this value is answered with `code` (RFC 4975 sections 7.1.4 and 7.2).
    pub fn wants_response(self, code: u16) -> bool {
        match self {
            Self::Yes => true,
            Self::No => false,
            Self::Partial => code != 200,
        }
    }

    /// The value as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Partial => "partial",
        }
    }
}

/// The Status header of a REPORT (RFC 4975 section 7.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status<'a> {
    /// `0` (written `000`): `code` means what it means in a response.
    pub namespace: u16,
    /// The status code.
    pub code: u16,
    /// Free text, may be empty.
    pub comment: &'a str,
}

impl<'a> Status<'a> {
    /// Reads `000 200 OK`; `None` if it has no such form.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (namespace, rest) = text.trim_ascii().split_once(' ')?;
        let (code, comment) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self {
            namespace: three_digits(namespace.as_bytes())?,
            code: three_digits(code.as_bytes())?,
            comment,
        })
    }
}

/// A number of exactly three digits, as status codes and namespaces are.
pub(crate) fn three_digits(text: &[u8]) -> Option<u16> {
    let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = text else {
        return None;
    };
    let digit = |d: &u8| u16::from(d - b'0');
    Some(digit(a) * 100 + digit(b) * 10 + digit(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let full = |start, end, total| Ok(ByteRange { start, end, total });
        #[rustfmt::skip]
        let table: &[(&str, Result<ByteRange, RangeError>)] = &[
            ("1-25/25", full(1, Some(25), Some(25))),
            ("1-*/8", full(1, None, Some(8))),
            ("5-*/*", full(5, None, None)),
            ("1-0/0", full(1, Some(0), Some(0))),
            ("9-8/8", full(9, Some(8), Some(8))),
            (" 1-2/* ", full(1, Some(2), None)),
            ("18446744073709551615-*/*", full(u64::MAX, None, None)),
            ("5-3/8", Err(RangeError::Backwards)),
            ("1-9/8", Err(RangeError::BeyondTotal)),
            ("10-*/8", Err(RangeError::BeyondTotal)),
            ("0-0/0", Err(RangeError::Zero)),
            ("1-18446744073709551616/*", Err(RangeError::Overflow)),
            ("99999999999999999999999-*/*", Err(RangeError::Overflow)),
            ("", Err(RangeError::Form)),
            ("1-2", Err(RangeError::Form)),
            ("1/2", Err(RangeError::Form)),
            ("*-2/2", Err(RangeError::Form)),
            ("1-+2/2", Err(RangeError::Form)),
            ("1--2/2", Err(RangeError::Form)),
            ("1-2/2/2", Err(RangeError::Form)),
        ];
        for (text, want) in table {
            assert_eq!(ByteRange::parse(text), *want, "{text}");
        }
    }

    #[test]
    fn statuses() {
        let ok = Status::parse("000 200 OK then").unwrap();
        assert_eq!((ok.namespace, ok.code, ok.comment), (0, 200, "OK then"));
        assert_eq!(Status::parse("000 413").unwrap().comment, "");
        for bad in ["", "200", "000 20", "000 2000 OK", "0x0 200", "000  200"] {
            assert_eq!(Status::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn failure_reports() {
        assert_eq!(FailureReport::parse("No"), FailureReport::No);
        assert_eq!(FailureReport::parse("partial"), FailureReport::Partial);
        assert_eq!(FailureReport::parse("perhaps"), FailureReport::Yes);
        assert!(FailureReport::Partial.wants_response(415));
        assert!(!FailureReport::Partial.wants_response(200));
        assert!(!FailureReport::No.wants_response(481));
    }
}
