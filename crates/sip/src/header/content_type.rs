//! Content-Type (RFC 3261 section 20.15).

use std::fmt;

use crate::header::Header;
use crate::text::is_token;
use crate::{Malformed, Name, Params};

/// What a body is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentType<'a> {
    /// The type, as written.
    pub kind: &'a str,
    /// The subtype, as written.
    pub subtype: &'a str,
    /// boundary, charset, type and the rest.
    pub params: Params<'a>,
}

impl ContentType<'_> {
    /// Is it this type? Compared without case, parameters not asked.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Is it a multipart of any kind?
    pub fn is_multipart(&self) -> bool {
        self.kind.eq_ignore_ascii_case("multipart")
    }
}

impl<'a> Header<'a> for ContentType<'a> {
    const NAME: Name = Name::ContentType;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (kind, subtype, params) = media_type(value)?;
        Ok(Self {
            kind,
            subtype,
            params,
        })
    }
}

/// Reads `type/subtype;parameters`; `*` is a token, so a media range is read as well.
pub(crate) fn media_type(value: &str) -> Result<(&str, &str, Params<'_>), Malformed> {
    let (both, params) = Params::after(value)?;
    let (kind, subtype) = both
        .split_once('/')
        .ok_or(Malformed("a media type has no subtype"))?;
    // RFC 3261 section 25.1: SLASH may have white space around it.
    let (kind, subtype) = (kind.trim_ascii_end(), subtype.trim_ascii_start());
    if !is_token(kind) || !is_token(subtype) {
        return Err(Malformed("a media type is not two tokens"));
    }
    Ok((kind, subtype, params))
}

impl fmt::Display for ContentType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_compared_without_case() {
        let got = ContentType::parse("Multipart / Mixed ; boundary = \"a;b\"").unwrap();
        assert!(got.is("multipart", "mixed") && got.is_multipart());
        assert_eq!(got.params.unquoted("Boundary").as_deref(), Some("a;b"));
        assert_eq!(got.to_string(), "Multipart/Mixed; boundary = \"a;b\"");
        let sdp = ContentType::parse("application/SDP").unwrap();
        assert!(sdp.is("Application", "sdp") && !sdp.is("application", "sdpx"));
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "a b/c",
            "text/plain;",
            "a/b/c",
            "a/b c",
        ] {
            assert!(ContentType::parse(bad).is_err(), "{bad}");
        }
    }
}
