//! Writing a `multipart/mixed` body.

use bytes::Bytes;
use memchr::memmem;

use super::header::is_boundary;

/// One part to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewPart<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-Disposition`.
    pub disposition: Option<&'a str>,
    /// `Content-ID`, without angle brackets.
    pub id: Option<&'a str>,
    /// The content.
    pub body: &'a [u8],
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WriteError {
    /// Not a boundary by RFC 2046 5.1.1.
    #[error("the boundary is empty, too long or has characters that may not be in it")]
    BadBoundary,
    /// The boundary occurs in a part; try another random one.
    #[error("the boundary occurs in the content")]
    BoundaryOccurs,
    /// A multipart has at least one part.
    #[error("there is no part to write")]
    Empty,
    /// A header value with control characters would break out of its line.
    #[error("a header value has control characters")]
    Control,
}

/// Writes the parts and returns the `Content-Type` of the whole, and the whole.
///
/// `boundary` is random text of the caller, 24 letters and digits for example; it is checked not to
/// occur.
///
/// # Errors
///
/// [`WriteError`].
pub fn write(parts: &[NewPart<'_>], boundary: &str) -> Result<(String, Bytes), WriteError> {
    if !is_boundary(boundary) {
        return Err(WriteError::BadBoundary);
    }
    if parts.is_empty() {
        return Err(WriteError::Empty);
    }
    let mut out = Vec::new();
    for part in parts {
        if memmem::find(part.body, boundary.as_bytes()).is_some() {
            return Err(WriteError::BoundaryOccurs);
        }
        out.extend_from_slice(head(part, boundary)?.as_bytes());
        out.extend_from_slice(part.body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/mixed;boundary=\"{boundary}\"");
    Ok((content_type, Bytes::from(out)))
}

fn head(part: &NewPart<'_>, boundary: &str) -> Result<String, WriteError> {
    let mut head = format!("--{boundary}\r\nContent-Type: {}\r\n", part.content_type);
    let mut values = vec![part.content_type];
    if let Some(disposition) = part.disposition {
        head.push_str(&format!("Content-Disposition: {disposition}\r\n"));
        values.push(disposition);
    }
    if let Some(id) = part.id {
        head.push_str(&format!("Content-ID: <{id}>\r\n"));
        values.push(id);
    }
    if values.iter().any(|value| value.contains(char::is_control)) {
        return Err(WriteError::Control);
    }
    head.push_str("\r\n");
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: NewPart<'static> = NewPart {
        content_type: "application/sdp",
        disposition: None,
        id: None,
        body: b"v=0\r\n",
    };

    const LIST: NewPart<'static> = NewPart {
        content_type: "application/resource-lists+xml",
        disposition: Some("recipient-list"),
        id: Some("list1@home.example"),
        body: b"<resource-lists/>",
    };

    /// A description beside the list of invited users (RFC 5366).
    #[test]
    fn an_invitation() {
        let (content_type, body) = write(&[SDP, LIST], "imb1").unwrap();
        assert_eq!(content_type, "multipart/mixed;boundary=\"imb1\"");
        let want = "--imb1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n\
            --imb1\r\nContent-Type: application/resource-lists+xml\r\n\
            Content-Disposition: recipient-list\r\nContent-ID: <list1@home.example>\r\n\r\n\
            <resource-lists/>\r\n--imb1--\r\n";
        assert_eq!(body, want);
    }

    #[test]
    fn refusals() {
        let injected = NewPart {
            disposition: Some("x\r\nEvil: 1"),
            ..SDP
        };
        let table: [(&[NewPart<'_>], &str, WriteError); 5] = [
            (&[SDP], "", WriteError::BadBoundary),
            (&[SDP], "a\"", WriteError::BadBoundary),
            (&[], "b", WriteError::Empty),
            (&[SDP], "v=0", WriteError::BoundaryOccurs),
            (&[injected], "b", WriteError::Control),
        ];
        for (parts, boundary, want) in table {
            assert_eq!(write(parts, boundary), Err(want), "{boundary}");
        }
    }
}
