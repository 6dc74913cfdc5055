//! MIME bodies of SIP messages, of one part or many: RFC 2046 section 5.1 and RFC 5621.
//!
//! [`parts`] presents every body in one shape, so that a description sent alone and one sent beside
//! a list of recipients are found the same way, by [`find`]. [`write`](fn@write) makes the bodies
//! we send.

mod header;
mod write;

use bytes::Bytes;
use memchr::memmem::Finder;

pub use self::{
    header::{ContentType, Disposition},
    write::{NewPart, WriteError, write},
};

/// The most parts of one body, those inside others included. An INVITE has two or three.
pub const MAX_PARTS: usize = 16;

/// How deep multiparts may stand in each other: signed within mixed within related is 3.
pub const MAX_DEPTH: usize = 3;

/// The most octets of header fields of one part. Real ones have 200.
pub const MAX_PART_HEADERS: usize = 4096;

/// What the header of a message says about its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct BodyHeaders<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-Disposition`.
    pub disposition: Option<&'a str>,
    /// `Content-ID`. Some REFERs carry their only body with one (RFC 5368).
    pub id: Option<&'a str>,
    /// `Content-Transfer-Encoding` or `Content-Encoding`; both have to be an identity.
    pub encoding: Option<&'a str>,
}

/// One part of a body, or a body of one part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// Its type; `text/plain` if it names none (RFC 2046 5.1).
    pub content_type: ContentType,
    /// What it is for.
    pub disposition: Option<Disposition>,
    /// Its name for `cid:` URIs, without angle brackets (RFC 2392).
    pub id: Option<String>,
    /// Its content, a slice of the message.
    pub body: Bytes,
    /// What stands in it, if it is a multipart itself.
    pub parts: Vec<Self>,
}

impl Part {
    /// Whether the receiver may skip the part if it does not know what to do with it. If not, RFC
    /// 5621 8.4 has it answer 415.
    pub fn is_optional(&self) -> bool {
        self.disposition
            .as_ref()
            .is_some_and(Disposition::is_optional)
    }
}

/// Takes a body apart. A body that is no multipart gives one part.
///
/// Line ends of LF alone are accepted. What stands before the first and after the last delimiter is
/// ignored (RFC 2046 5.1.1).
///
/// # Errors
///
/// [`MultipartError`]; the request is answered with 400, or with 415 for an encoding.
pub fn parts(headers: &BodyHeaders<'_>, body: &Bytes) -> Result<Vec<Part>, MultipartError> {
    let mut budget = MAX_PARTS;
    let content_type = ContentType::parse(headers.content_type)?;
    header::identity(headers.encoding)?;
    if content_type.is_multipart() {
        return multipart(&content_type, body, 1, &mut budget);
    }
    Ok(vec![Part {
        content_type,
        disposition: headers.disposition.map(Disposition::parse).transpose()?,
        id: headers.id.and_then(header::content_id),
        body: body.clone(),
        parts: Vec::new(),
    }])
}

/// The first part of this type, in document order, wherever it stands (RFC 5621 4.2: also in
/// multiparts within multiparts).
///
/// With a `disposition`, only a part that has it. Without, only one that has none, or `session` or
/// `render`: what RFC 3261 20.11 takes for granted where nothing is said.
pub fn find<'a>(
    parts: &'a [Part],
    media_type: &str,
    disposition: Option<&str>,
) -> Option<&'a Part> {
    for part in parts {
        if part.content_type.is(media_type) && has_disposition(part, disposition) {
            return Some(part);
        }
        if let Some(found) = find(&part.parts, media_type, disposition) {
            return Some(found);
        }
    }
    None
}

/// The part that a `cid:` URI names (RFC 2392): `id` is what follows the colon, percent-decoded.
pub fn find_by_id<'a>(parts: &'a [Part], id: &str) -> Option<&'a Part> {
    for part in parts {
        if part.id.as_deref() == Some(id) {
            return Some(part);
        }
        if let Some(found) = find_by_id(&part.parts, id) {
            return Some(found);
        }
    }
    None
}

fn has_disposition(part: &Part, wanted: Option<&str>) -> bool {
    let given = part.disposition.as_ref().map(|given| given.kind.as_str());
    match (given, wanted) {
        (Some(given), Some(wanted)) => given.eq_ignore_ascii_case(wanted),
        (Some(given), None) => given == "session" || given == "render",
        (None, wanted) => wanted.is_none(),
    }
}

fn multipart(
    content_type: &ContentType,
    body: &Bytes,
    depth: usize,
    budget: &mut usize,
) -> Result<Vec<Part>, MultipartError> {
    if depth > MAX_DEPTH {
        return Err(MultipartError::TooDeep);
    }
    let boundary = content_type
        .param("boundary")
        .ok_or(MultipartError::NoBoundary)?;
    if !header::is_boundary(boundary) {
        return Err(MultipartError::BadBoundary);
    }
    let mut parts = Vec::new();
    for content in split(boundary, body)? {
        *budget = budget.checked_sub(1).ok_or(MultipartError::TooMany)?;
        parts.push(part(&content, depth, budget)?);
    }
    if parts.is_empty() {
        return Err(MultipartError::Empty);
    }
    Ok(parts)
}

/// Reads the header fields of one part and, if it is a multipart, what stands in it.
fn part(content: &Bytes, depth: usize, budget: &mut usize) -> Result<Part, MultipartError> {
    let (fields, body) = header::fields(content)?;
    header::identity(fields.encoding.as_deref())?;
    let content_type = ContentType::parse(fields.content_type.as_deref().unwrap_or("text/plain"))?;
    let parts = match content_type.is_multipart() {
        true => multipart(&content_type, &body, depth.saturating_add(1), budget)?,
        false => Vec::new(),
    };
    Ok(Part {
        disposition: fields
            .disposition
            .as_deref()
            .map(Disposition::parse)
            .transpose()?,
        id: fields.id.as_deref().and_then(header::content_id),
        content_type,
        body,
        parts,
    })
}

/// Cuts a body at its delimiter lines.
fn split(boundary: &str, body: &Bytes) -> Result<Vec<Bytes>, MultipartError> {
    let dashed = format!("--{boundary}");
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    // Each search goes on behind the last hit, so the whole is linear.
    for at in Finder::new(dashed.as_bytes()).find_iter(body) {
        let after = at.saturating_add(dashed.len());
        let Some(delimiter) = Delimiter::at(body, at, after) else {
            continue;
        };
        if let Some(start) = open {
            // RFC 2046 5.1.1: the line end before a delimiter is the delimiter's own.
            let end = line_start_without_break(body, at).max(start);
            found.push(body.slice(start..end));
            if found.len() > MAX_PARTS {
                return Err(MultipartError::TooMany);
            }
        }
        match delimiter {
            Delimiter::Next { content } => open = Some(content),
            Delimiter::Close if open.is_some() => return Ok(found),
            // Closed before it began.
            Delimiter::Close => return Err(MultipartError::Empty),
        }
    }
    Err(match open {
        Some(_) => MultipartError::NotClosed,
        None => MultipartError::NoDelimiter,
    })
}

enum Delimiter {
    Close,
    /// The part starts here.
    Next {
        content: usize,
    },
}

impl Delimiter {
    /// Whether the dashed boundary from `at` to `after` is a delimiter line. It has to stand at the
    /// start of a line and fill it, but for blanks: a longer boundary that begins alike is another
    /// one.
    fn at(body: &[u8], at: usize, after: usize) -> Option<Self> {
        let before = body.get(..at)?;
        if !before.is_empty() && !before.ends_with(b"\n") {
            return None;
        }
        let rest = body.get(after..)?;
        let (closing, rest) = match rest.strip_prefix(b"--") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let rest = rest.get(padding.count()..)?;
        let line_end = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [] if closing => 0,
            _ => return None,
        };
        match closing {
            true => Some(Self::Close),
            false => Some(Self::Next {
                content: body.len().checked_sub(rest.len())?.checked_add(line_end)?,
            }),
        }
    }
}

/// Steps from the start of a line back over the line break before it.
fn line_start_without_break(body: &[u8], at: usize) -> usize {
    let before = body.get(..at).unwrap_or(body);
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// Why a body could not be taken apart.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MultipartError {
    /// The boundary is empty, longer than 70 characters or has characters that may not be in it.
    #[error("the multipart boundary is not allowed")]
    BadBoundary,
    /// A header field of a part appears twice.
    #[error("a body part has two {0} fields")]
    Duplicate(&'static str),
    /// There is not one part.
    #[error("the multipart body has no part")]
    Empty,
    /// An encoding other than the identities 7bit, 8bit and binary, which are all that SIP needs.
    #[error("the content encoding {0} is not supported")]
    Encoding(String),
    /// A header field that breaks its grammar.
    #[error("the {0} of the body is malformed")]
    Malformed(&'static str),
    /// A multipart type without the parameter.
    #[error("the multipart type has no boundary")]
    NoBoundary,
    /// The boundary never appears.
    #[error("the multipart body has no delimiter line")]
    NoDelimiter,
    /// The closing delimiter is missing: the body was cut, and a part may be incomplete.
    #[error("the multipart body is not closed by its delimiter")]
    NotClosed,
    /// Deeper than [`MAX_DEPTH`].
    #[error("multiparts are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More than [`MAX_PARTS`].
    #[error("the body has more than {MAX_PARTS} parts")]
    TooMany,
    /// More than [`MAX_PART_HEADERS`].
    #[error("the header of a body part is longer than {MAX_PART_HEADERS} octets")]
    TooLong,
}

#[cfg(test)]
mod tests;
