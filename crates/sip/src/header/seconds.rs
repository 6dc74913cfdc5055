//! Headers that are a number of seconds: Expires, Min-Expires, Min-SE, Flow-Timer.

use std::fmt;

use crate::header::Header;
use crate::{Malformed, Name, Params};

/// Reads `delta-seconds` (RFC 3261 section 25.1).
///
/// A number beyond 32 bits is read as the largest of 32 bits: RFC 4475 section 3.1.2.4 asks for no
/// refusal, and whoever asked for more than 136 years gets the most that is given.
///
/// # Errors
///
/// [`Malformed`] for anything but decimal digits.
pub(crate) fn seconds(text: &str) -> Result<u32, Malformed> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Malformed("a time is not a number of seconds"));
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

/// Makes the headers whose value is `delta-seconds`, parameters read over.
macro_rules! seconds_headers {
    ($( $(#[$doc:meta])* $name:ident; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl Header<'_> for $name {
            const NAME: Name = Name::$name;

            fn parse(value: &str) -> Result<Self, Malformed> {
                let (number, _) = Params::after(value)?;
                seconds(number).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

seconds_headers! {
    /// How long something is to last, in seconds (RFC 3261 section 20.19).
    Expires;
    /// How often a client must be heard on its flow, in seconds (RFC 5626 section 10).
    FlowTimer;
    /// The shortest time a server keeps, in seconds, in a 423 (RFC 3261 section 20.23).
    MinExpires;
    /// The shortest session interval, in seconds (RFC 4028 section 5).
    MinSe;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_digits() {
        for (text, want) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("00090", Some(90)),
            ("90;generic=1", Some(90)),
            ("4294967295", Some(u32::MAX)),
            // RFC 4475 3.1.2.4: larger than 32 bits.
            ("1000000000000000000000", Some(u32::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("60 s", None),
            ("Thu, 01 Dec 1994 16:00:00 GMT", None),
        ] {
            assert_eq!(Expires::parse(text).ok().map(|e| e.0), want, "{text}");
            assert_eq!(MinSe::parse(text).ok().map(|e| e.0), want, "{text}");
        }
        assert_eq!(MinExpires(60).to_string(), "60");
    }
}
