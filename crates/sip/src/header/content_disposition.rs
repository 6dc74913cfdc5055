//! Content-Disposition (RFC 3261 section 20.11).

use std::fmt;

use crate::header::Header;
use crate::text::is_token;
use crate::{Malformed, Name, Params};

/// What a body is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentDisposition<'a> {
    /// session, render, recipient-list, recipient-list-history ..., as written.
    pub kind: &'a str,
    /// handling and the rest.
    pub params: Params<'a>,
}

impl ContentDisposition<'_> {
    /// Is it this disposition? Compared without case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// May one who does not understand the body go on without it (`handling=optional`)?
    ///
    /// RFC 3261 section 20.11: without the parameter the handling is required.
    pub fn is_optional(&self) -> bool {
        self.params
            .unquoted("handling")
            .is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    }
}

impl<'a> Header<'a> for ContentDisposition<'a> {
    const NAME: Name = Name::ContentDisposition;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (kind, params) = Params::after(value)?;
        if !is_token(kind) {
            return Err(Malformed("a disposition is not a token"));
        }
        Ok(Self { kind, params })
    }
}

impl fmt::Display for ContentDisposition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.params.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handling_is_required_unless_said_otherwise() {
        for (text, kind, optional) in [
            ("session", "session", false),
            (
                "recipient-list-history; handling=optional",
                "recipient-list-history",
                true,
            ),
            ("Recipient-List;Handling = OPTIONAL", "recipient-list", true),
            ("render;handling=required", "render", false),
            ("icon;handling=\"optional\"", "icon", true),
        ] {
            let got = ContentDisposition::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(got.is(kind), "{text}");
            assert_eq!(got.is_optional(), optional, "{text}");
            assert_eq!(ContentDisposition::parse(&got.to_string()), Ok(got));
        }
        for bad in ["", ";handling=optional", "a b", "session;handling="] {
            assert!(ContentDisposition::parse(bad).is_err(), "{bad}");
        }
    }
}
