//! The MIME part of a CPIM message (RFC 3862 section 2.4).

use std::{borrow::Cow, ops::Range, str};

use bytes::Bytes;

use super::{CPIM_HEAD_MAX, CpimError, Lines};

/// The MIME part: its headers and as much of the body as there is.
#[derive(Clone, Debug)]
pub struct Mime<'a> {
    head: &'a str,
    body: Bytes,
}

impl Mime<'_> {
    /// The media type of the content with its parameters.
    pub fn content_type(&self) -> Option<Cow<'_, str>> {
        self.header("Content-Type")
    }

    /// The first header of that name, compared without case; a folded value is made one line.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut lines = Lines::new(self.head).map(|line| line.text).peekable();
        loop {
            let Some((found, value)) = lines.next()?.split_once(':') else {
                continue;
            };
            if !found.trim_ascii().eq_ignore_ascii_case(name) {
                continue;
            }
            let mut value = Cow::Borrowed(value.trim_ascii());
            // RFC 2045 headers may be folded as those of mail are.
            while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                let value = value.to_mut();
                value.push(' ');
                value.push_str(more.trim_ascii());
            }
            return Some(value);
        }
    }

    /// The headers as received.
    pub fn head(&self) -> &str {
        self.head
    }

    /// The body, byte for byte.
    ///
    /// It ends where Content-Length says; without one, or if it reaches further than the message,
    /// where the message ends.
    pub fn body(&self) -> Bytes {
        let stated = self
            .header("Content-Length")
            .and_then(|value| value.parse().ok())
            .unwrap_or(usize::MAX);
        self.body.slice(..stated.min(self.body.len()))
    }
}

/// Where the MIME part is in the message.
#[derive(Clone, Debug)]
pub(super) struct Place {
    head: Range<usize>,
    body: usize,
}

impl Place {
    /// The MIME headers are among the CPIM headers.
    pub(super) fn first_block(end: usize, body: usize) -> Self {
        Self { head: 0..end, body }
    }

    /// Finds the end of the MIME headers; `None` if it is still to come.
    pub(super) fn find(bytes: &[u8], start: usize, whole: bool) -> Result<Option<Self>, CpimError> {
        let mut at = start;
        let place = loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(feed) = memchr::memchr(b'\n', rest) else {
                if bytes.len().saturating_sub(start) >= CPIM_HEAD_MAX {
                    return Err(CpimError::HeadTooLong);
                }
                if !whole {
                    return Ok(None);
                }
                // Headers and nothing else: an empty body, its blank line forgotten.
                break Self {
                    head: start..bytes.len(),
                    body: bytes.len(),
                };
            };
            let line = rest.get(..feed).unwrap_or_default();
            let next = at + feed + 1;
            if matches!(line, b"" | b"\r") {
                break Self {
                    head: start..at,
                    body: next,
                };
            }
            if next.saturating_sub(start) > CPIM_HEAD_MAX {
                return Err(CpimError::HeadTooLong);
            }
            at = next;
        };
        let head = bytes.get(place.head.clone()).unwrap_or_default();
        match str::from_utf8(head) {
            Ok(_) => Ok(Some(place)),
            Err(_) => Err(CpimError::NotUtf8),
        }
    }

    pub(super) fn part<'a>(&self, bytes: &'a Bytes) -> Mime<'a> {
        let head = bytes.get(self.head.clone()).unwrap_or_default();
        Mime {
            // Checked when found.
            head: str::from_utf8(head).unwrap_or_default(),
            body: bytes.slice(self.body.min(bytes.len())..),
        }
    }
}
