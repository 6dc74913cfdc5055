//! Where things are in a head, found line by line while the head arrives.

use std::ops::Range;

use thiserror::Error;

use crate::{
    Kind, Method,
    field::three_digits,
    reader::{BODY_MAX, HEAD_MAX, HEADERS_MAX},
};

/// The headers that are looked up often. All others are found by walking the lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    ToPath,
    FromPath,
    MessageId,
    ByteRange,
    SuccessReport,
    FailureReport,
    Status,
    ContentType,
    UseNickname,
}

const KNOWN: usize = 9;

/// A stretch of the head. 16 bits suffice: [`HEAD_MAX`] is below them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    fn new(start: usize, end: usize) -> Result<Self, FrameError> {
        let narrow = |n: usize| u16::try_from(n).map_err(|_| FrameError::HeadTooLong);
        Ok(Self {
            start: narrow(start)?,
            end: narrow(end)?,
        })
    }

    pub(crate) fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

/// The index of one head, filled by [`Self::start`] and then [`Self::header`] for each line.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) kind: Kind,
    pub(crate) tid: Span,
    pub(crate) after_tid: Span,
    known: [Option<Span>; KNOWN],
    count: usize,
}

impl Index {
    /// Reads the start line, without its CRLF.
    pub(crate) fn start(line: &[u8]) -> Result<Self, FrameError> {
        let rest = line.strip_prefix(START).ok_or(FrameError::NotMsrp)?;
        let space = memchr::memchr(b' ', rest).ok_or(FrameError::StartLine)?;
        let (tid, after) = rest.split_at(space);
        if !is_transaction_id(tid) {
            return Err(FrameError::TransactionId);
        }
        let after = after.get(1..).unwrap_or_default();
        let tid_end = START.len() + space;
        Ok(Self {
            kind: kind(after)?,
            tid: Span::new(START.len(), tid_end)?,
            after_tid: Span::new(tid_end + 1, line.len())?,
            known: [None; KNOWN],
            count: 0,
        })
    }

    /// Reads one header line, without its CRLF, that starts `at` octets into the head.
    pub(crate) fn header(&mut self, line: &[u8], at: usize) -> Result<(), FrameError> {
        let (name, value) = parts(line).ok_or(FrameError::Header)?;
        let known = known(name);
        // RFC 4975 section 9: `headers = To-Path CRLF From-Path CRLF ...`, in this order.
        match (self.count, known) {
            (0, Some(Known::ToPath)) | (1, Some(Known::FromPath)) => {}
            (0, _) => return Err(FrameError::ToPath),
            (1, _) => return Err(FrameError::FromPath),
            (HEADERS_MAX.., _) => return Err(FrameError::TooManyHeaders),
            _ => {}
        }
        self.count += 1;
        let Some(known) = known else {
            return Ok(());
        };
        let Some(slot) = self.known.get_mut(known as usize) else {
            return Ok(());
        };
        // Two of them would let two readers see two different messages.
        if slot.is_some() {
            return Err(FrameError::Repeated);
        }
        *slot = Some(Span::new(at + value.start, at + value.end)?);
        Ok(())
    }

    /// Checks what can only be known at the end of the head.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        match self.count {
            0 => Err(FrameError::ToPath),
            1 => Err(FrameError::FromPath),
            _ => Ok(()),
        }
    }

    pub(crate) fn known(&self, header: Known) -> Option<Span> {
        self.known.get(header as usize).copied().flatten()
    }
}

/// What every frame starts with.
pub(crate) const START: &[u8] = b"MSRP ";

/// Why the bytes of a peer cannot be framed, or a head not be used. The connection is to be closed:
/// nothing after such a place can be trusted to be a frame.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// The body of a request other than SEND is over [`BODY_MAX`] octets (RFC 4975 section 7.1).
    #[error("the body of a request other than SEND is longer than {BODY_MAX} octets")]
    BodyTooLong,
    /// A control character, such as a line feed without its carriage return.
    #[error("a control character stands in the head, or a line does not end in CR LF")]
    Control,
    /// A line of hyphens in the head that is not the end-line of this transaction.
    #[error("the end-line has another transaction id, or a flag other than $, + and #")]
    EndLine,
    /// The second header is not From-Path.
    #[error("the second header is not From-Path")]
    FromPath,
    /// The head does not end within [`HEAD_MAX`] octets.
    #[error("the head is longer than {HEAD_MAX} octets")]
    HeadTooLong,
    /// A line that is no header: no colon, or no name before it.
    #[error("a header line has no name or no colon")]
    Header,
    /// The method is not made of capital letters.
    #[error("the method is not made of capital letters")]
    Method,
    /// Does not start with `MSRP `.
    #[error("the frame does not start with \"MSRP \"")]
    NotMsrp,
    /// The head is not UTF-8.
    #[error("the head is not UTF-8")]
    NotUtf8,
    /// A header that may occur once occurs twice.
    #[error("a header that may occur once is repeated")]
    Repeated,
    /// The start line has no third word.
    #[error("the start line has neither method nor status code")]
    StartLine,
    /// A status code is three digits.
    #[error("the status code is not three digits")]
    StatusCode,
    /// The first header is not To-Path.
    #[error("the first header is not To-Path")]
    ToPath,
    /// More than [`HEADERS_MAX`] headers.
    #[error("there are more than {HEADERS_MAX} headers")]
    TooManyHeaders,
    /// A transaction id is a letter or digit and 3 to 31 more of `A-Z a-z 0-9 . - + % =`.
    #[error("the transaction id is not 4 to 32 of the characters it may have")]
    TransactionId,
}

/// RFC 4975 section 9: `ident = ALPHANUM 3*31ident-char`.
fn is_transaction_id(text: &[u8]) -> bool {
    let ident_char = |b: &u8| b.is_ascii_alphanumeric() || b".-+%=".contains(b);
    (4..=32).contains(&text.len())
        && text.first().is_some_and(u8::is_ascii_alphanumeric)
        && text.iter().all(ident_char)
}

/// Reads what follows the transaction id: a method, or a status code and perhaps a comment.
fn kind(text: &[u8]) -> Result<Kind, FrameError> {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (word, comment) = text.split_at(end);
    match word.first() {
        None => Err(FrameError::StartLine),
        Some(b'0'..=b'9') => three_digits(word)
            .map(Kind::Response)
            .ok_or(FrameError::StatusCode),
        // RFC 4975 section 9: `other-method = 1*UPALPHA`, and nothing after it.
        Some(_) if comment.is_empty() && word.iter().all(u8::is_ascii_uppercase) => {
            Ok(Kind::Request(Method::from_name(word)))
        }
        Some(_) => Err(FrameError::Method),
    }
}

/// Splits a header line into its name and the place of its trimmed value.
fn parts(line: &[u8]) -> Option<(&[u8], Range<usize>)> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = line.split_at(colon);
    // RFC 4975 section 9: `hname = ALPHA *token`. A folded line starts with a blank: refused.
    if !name.first()?.is_ascii_alphabetic() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let value = value.get(1..)?;
    let start = line.len() - value.trim_ascii_start().len();
    let end = start + value.trim_ascii().len();
    Some((name, start..end))
}

/// Header names are compared without case (`ABNF` strings have none, RFC 4234 section 2.3).
fn known(name: &[u8]) -> Option<Known> {
    let (candidate, header): (&[u8], _) = match name.len() {
        6 => (b"Status", Known::Status),
        7 => (b"To-Path", Known::ToPath),
        9 => (b"From-Path", Known::FromPath),
        10 if name.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'm')) => {
            (b"Message-ID", Known::MessageId)
        }
        10 => (b"Byte-Range", Known::ByteRange),
        12 if name.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'c')) => {
            (b"Content-Type", Known::ContentType)
        }
        12 => (b"Use-Nickname", Known::UseNickname),
        14 if name.first().is_some_and(|b| b.eq_ignore_ascii_case(&b's')) => {
            (b"Success-Report", Known::SuccessReport)
        }
        14 => (b"Failure-Report", Known::FailureReport),
        _ => return None,
    };
    name.eq_ignore_ascii_case(candidate).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_header_is_found_in_any_case() {
        for (name, header) in [
            ("To-Path", Known::ToPath),
            ("From-Path", Known::FromPath),
            ("Message-ID", Known::MessageId),
            ("Byte-Range", Known::ByteRange),
            ("Success-Report", Known::SuccessReport),
            ("Failure-Report", Known::FailureReport),
            ("Status", Known::Status),
            ("Content-Type", Known::ContentType),
            ("Use-Nickname", Known::UseNickname),
        ] {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                let found = known(name.as_bytes()).map(|k| k as usize);
                assert_eq!(found, Some(header as usize), "{name}");
            }
        }
        assert!(known(b"Xo-Path").is_none());
    }

    #[test]
    fn values_are_trimmed() {
        for (line, value) in [
            ("A: b", "b"),
            ("A:b", "b"),
            ("A: \t b c \t", "b c"),
            ("A:", ""),
            ("A:   ", ""),
        ] {
            let (name, range) = parts(line.as_bytes()).unwrap();
            assert_eq!((name, &line[range]), (&b"A"[..], value), "{line:?}");
        }
        for line in ["", "A", ": b", " A: b", "1A: b", "A b: c"] {
            assert!(parts(line.as_bytes()).is_none(), "{line:?}");
        }
    }
}
