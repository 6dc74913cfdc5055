//! RSeq and RAck: reliable provisional responses (RFC 3262 section 7).

use std::fmt;

use crate::header::{CSeq, Header};
use crate::{Malformed, Name, parse};

/// The number of a provisional response that wants a PRACK; at least 1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RSeq(pub u32);

/// Which provisional response a PRACK acknowledges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RAck<'a> {
    /// The RSeq of the response.
    pub rseq: RSeq,
    /// The CSeq of the response.
    pub cseq: CSeq<'a>,
}

impl Header<'_> for RSeq {
    const NAME: Name = Name::RSeq;

    fn parse(value: &str) -> Result<Self, Malformed> {
        parse::decimal(value)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(Self)
            .ok_or(Malformed("RSeq is not a number from 1 to 2^32 - 1"))
    }
}

impl<'a> Header<'a> for RAck<'a> {
    const NAME: Name = Name::RAck;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (number, cseq) = value
            .split_once([' ', '\t'])
            .ok_or(Malformed("RAck is not two numbers and a method"))?;
        Ok(Self {
            rseq: RSeq::parse(number)?,
            cseq: CSeq::parse(cseq.trim_ascii_start())?,
        })
    }
}

impl fmt::Display for RSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rack_is_two_numbers_and_a_method() {
        let rack = RAck::parse("776656 \t 1  INVITE").unwrap();
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        for bad in [
            "",
            "1",
            "1 INVITE",
            "1 2",
            "0 1 INVITE",
            "4294967296 1 INVITE",
            "x 1 INVITE",
        ] {
            assert!(RAck::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(RSeq::parse("988789"), Ok(RSeq(988_789)));
    }
}
