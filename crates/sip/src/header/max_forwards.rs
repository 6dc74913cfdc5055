//! Max-Forwards (RFC 3261 section 20.22).

use std::fmt;

use crate::header::Header;
use crate::{Malformed, Name, parse};

/// How many more hops a request may take.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct MaxForwards(pub u8);

impl MaxForwards {
    /// What a new request begins with (RFC 3261 section 8.1.1.6).
    pub const NEW: Self = Self(70);

    /// The value for the next hop; `None` when there must be none (answer 483).
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(left) => Some(Self(left)),
            None => None,
        }
    }
}

impl Header<'_> for MaxForwards {
    const NAME: Name = Name::MaxForwards;

    fn parse(value: &str) -> Result<Self, Malformed> {
        parse::decimal(value)
            .and_then(|hops| u8::try_from(hops).ok())
            .map(Self)
            .ok_or(Malformed("Max-Forwards is not a number from 0 to 255"))
    }
}

impl fmt::Display for MaxForwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_forwards_counts_down() {
        for (text, want, next) in [
            ("70", Some(70), Some(69)),
            ("0068", Some(68), Some(67)),
            ("0", Some(0), None),
            ("255", Some(255), Some(254)),
            ("256", None, None),
            ("-1", None, None),
            ("", None, None),
            ("7 0", None, None),
        ] {
            let got = MaxForwards::parse(text).ok();
            assert_eq!(got.map(|m| m.0), want, "{text}");
            assert_eq!(got.and_then(MaxForwards::next).map(|m| m.0), next, "{text}");
        }
    }
}
