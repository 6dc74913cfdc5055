//! CSeq (RFC 3261 section 20.16).

use std::fmt;

use crate::header::Header;
use crate::text::is_token;
use crate::{Malformed, Name, parse};

/// The place of a request in its dialog, and its method.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CSeq<'a> {
    /// The number, below 2^31.
    pub number: u32,
    /// The method, as written.
    pub method: &'a str,
}

impl<'a> Header<'a> for CSeq<'a> {
    const NAME: Name = Name::CSeq;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (number, method) = value
            .split_once([' ', '\t'])
            .ok_or(Malformed("CSeq is not a number and a method"))?;
        let method = method.trim_matches([' ', '\t']);
        // RFC 3261 section 8.1.1.5: the number must be below 2^31.
        let number = parse::decimal(number)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| *n < 1 << 31)
            .ok_or(Malformed("the CSeq number is not below 2^31"))?;
        if !is_token(method) {
            return Err(Malformed("the CSeq method is not a token"));
        }
        Ok(Self { number, method })
    }
}

impl fmt::Display for CSeq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq_is_a_number_and_a_method() {
        let cseq = CSeq::parse("0009  INVITE").unwrap();
        assert_eq!(cseq.to_string(), "9 INVITE");
        for bad in [
            "",
            "1",
            "INVITE",
            "2147483648 INVITE",
            "-1 INVITE",
            "1 IN VITE",
            "36893488147419103232 REGISTER",
        ] {
            assert!(CSeq::parse(bad).is_err(), "{bad}");
        }
    }
}
