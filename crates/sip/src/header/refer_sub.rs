//! Refer-Sub (RFC 4488 section 4).

use std::fmt;

use crate::header::Header;
use crate::{Malformed, Name, Params};

/// Shall a REFER make a subscription to its own outcome?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReferSub(pub bool);

impl Header<'_> for ReferSub {
    const NAME: Name = Name::ReferSub;

    fn parse(value: &str) -> Result<Self, Malformed> {
        match Params::after(value)?.0 {
            word if word.eq_ignore_ascii_case("true") => Ok(Self(true)),
            word if word.eq_ignore_ascii_case("false") => Ok(Self(false)),
            _ => Err(Malformed("Refer-Sub is neither true nor false")),
        }
    }
}

impl fmt::Display for ReferSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refer_sub_is_true_or_false() {
        for (text, want) in [
            ("true", Some(true)),
            ("FALSE", Some(false)),
            ("false ; x=y", Some(false)),
            ("", None),
            ("no", None),
            ("false true", None),
        ] {
            assert_eq!(ReferSub::parse(text).ok().map(|r| r.0), want, "{text}");
        }
        assert_eq!(ReferSub(false).to_string(), "false");
    }
}
