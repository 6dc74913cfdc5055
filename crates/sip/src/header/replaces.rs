//! Replaces (RFC 3891 section 6.1).

use std::fmt;

use crate::header::{CallId, Header};
use crate::{Malformed, Name, Params};

/// The dialog that a new one takes the place of, seen by the one who receives it.
///
/// [`Header::parse`] also reads the unescaped value of a `?Replaces=` in a URI.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replaces<'a> {
    /// The Call-ID of the dialog.
    pub call_id: &'a str,
    /// The receiver's own tag; `0` if it has none (RFC 2543).
    pub to_tag: &'a str,
    /// The tag of the other side; `0` if it has none.
    pub from_tag: &'a str,
    /// Only if the dialog has not been answered.
    pub early_only: bool,
}

impl<'a> Header<'a> for Replaces<'a> {
    const NAME: Name = Name::Replaces;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (call_id, params) = Params::after(value)?;
        let CallId(call_id) = CallId::parse(call_id)?;
        // RFC 3891 section 6.1: exactly one of each tag; a repeated one is refused by Params.
        let tag = |name| {
            params
                .get(name)
                .ok_or(Malformed("a Replaces has not both tags"))
        };
        Ok(Self {
            call_id,
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Display for Replaces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (to, from) = (self.to_tag, self.from_tag);
        write!(f, "{};to-tag={to};from-tag={from}", self.call_id)?;
        f.write_str(if self.early_only { ";early-only" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Uri, escape_header};

    const CALL: Replaces<'_> = Replaces {
        call_id: "98732@h.example",
        to_tag: "r33th4x0r",
        from_tag: "ff87ff",
        early_only: false,
    };

    #[test]
    fn replaces_names_a_dialog() {
        let early = Replaces {
            early_only: true,
            ..CALL
        };
        for (text, want) in [
            ("98732@h.example;from-tag=ff87ff;to-tag=r33th4x0r", CALL),
            (
                "98732@h.example ;to-tag = r33th4x0r;x=y ; from-tag=ff87ff;early-only",
                early,
            ),
        ] {
            assert_eq!(Replaces::parse(text), Ok(want), "{text}");
            assert_eq!(Replaces::parse(&want.to_string()), Ok(want));
        }
        for bad in [
            "",
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            "a;to-tag;from-tag=1",
            "a;to-tag=1;to-tag=2;from-tag=3",
            ";to-tag=1;from-tag=2",
            "a b;to-tag=1;from-tag=2",
        ] {
            assert!(Replaces::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn replaces_travels_in_a_uri() {
        let uri = format!(
            "sip:bob@h.example?Replaces={}",
            escape_header(&CALL.to_string())
        );
        assert!(!uri.contains(";"), "{uri}");
        let (name, value) = Uri::parse(&uri).unwrap().headers().next().unwrap();
        assert_eq!(Name::from_label(name.as_bytes()), Name::Replaces);
        assert_eq!(Replaces::parse(&value), Ok(CALL));
    }
}
