//! Transaction ids of our own making.

use std::{fmt, str};

use memchr::memmem;

/// A transaction id that we chose: 64 random bits, written as 13 letters and digits.
///
/// The peer repeats it in its response, where [`Self::parse`] turns it back into a number: a table
/// of open transactions needs no text.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tid(u64);

impl Tid {
    /// Its length in octets.
    pub const LEN: usize = 13;

    /// Makes an id of 64 random bits, as many as RFC 4975 section 7.1 asks.
    pub fn new(random: u64) -> Self {
        Self(random)
    }

    /// Makes an id that does not occur in any of `parts` of a body, so that none of it reads as the
    /// end-line (RFC 4975 section 7.1).
    pub fn outside(parts: &[&[u8]], random: u64) -> Self {
        let mut tid = Self(random);
        // A body of n octets holds fewer than n ids, so this ends; one turn is all but certain.
        while parts
            .iter()
            .any(|part| memmem::find(part, &tid.text()).is_some())
        {
            tid = Self(scramble(tid.0));
        }
        tid
    }

    /// Reads back an id of our own; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        let mut value = 0u64;
        for byte in text {
            let digit = match byte {
                b'a'..=b'z' => byte - b'a',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return None,
            };
            // 13 digits of 5 bits are one bit more than 64: the first digit has 4 bits only.
            if value.leading_zeros() < 5 {
                return None;
            }
            value = value << 5 | u64::from(digit);
        }
        Some(Self(value))
    }

    /// The id as written.
    pub fn text(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let mut value = self.0;
        for byte in out.iter_mut().rev() {
            // The remainder by 32 fits a byte.
            let digit = (value % 32) as u8;
            *byte = if digit < 26 {
                b'a' + digit
            } else {
                b'2' + (digit - 26)
            };
            value /= 32;
        }
        out
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A permutation of the 64-bit numbers with a single long orbit: adding an odd constant.
fn scramble(value: u64) -> u64 {
    value.wrapping_add(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        for value in [0, 1, 31, 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            let text = Tid::new(value).to_string();
            assert_eq!(text.len(), Tid::LEN);
            assert_eq!(Tid::parse(&text), Some(Tid::new(value)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_ids() {
        for text in [
            "",
            "aaaaaaaaaaaa",
            "aaaaaaaaaaaaaa",
            "Aaaaaaaaaaaaa",
            "aaaaaaaaaaaa1",
        ] {
            assert_eq!(Tid::parse(text), None, "{text}");
        }
        // Over 64 bits.
        assert_eq!(Tid::parse("qaaaaaaaaaaaa"), None);
        assert_eq!(Tid::parse("7777777777777"), None);
    }

    #[test]
    fn an_id_in_the_body_is_not_taken() {
        let first = Tid::new(7);
        let second = Tid::new(scramble(7));
        let body = format!("x-------{first}$ {second}");
        let tid = Tid::outside(&[body.as_bytes()], 7);
        assert_eq!(tid, Tid::new(scramble(scramble(7))));
        let (a, b) = (first.text(), second.text());
        assert_eq!(Tid::outside(&[&a, &b], 7), tid);
        assert_eq!(Tid::outside(&[], 7), first);
    }
}
