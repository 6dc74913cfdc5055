//! Retry-After (RFC 3261 section 20.33).

use std::fmt;

use crate::header::Header;
use crate::header::seconds::seconds;
use crate::text::find_closing;
use crate::{Malformed, Name, Params};

/// When to try again, in seconds from now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryAfter<'a> {
    /// How long to wait, in seconds.
    pub seconds: u32,
    /// Why, as written between the parentheses.
    pub comment: Option<&'a str>,
    /// How long the other side can then be reached, in seconds.
    pub duration: Option<u32>,
}

impl RetryAfter<'_> {
    /// A wait of so many seconds, no more said.
    pub const fn new(seconds: u32) -> Self {
        Self {
            seconds,
            comment: None,
            duration: None,
        }
    }
}

impl<'a> Header<'a> for RetryAfter<'a> {
    const NAME: Name = Name::RetryAfter;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let digits = value.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = value.split_at_checked(digits).unwrap_or((value, ""));
        let rest = rest.trim_matches([' ', '\t']);
        let (comment, params) = match rest.strip_prefix('(') {
            None => (None, rest),
            Some(inner) => {
                let end = find_closing(inner).ok_or(Malformed("a comment is not closed"))?;
                let (comment, after) = inner.split_at_checked(end).unwrap_or((inner, ""));
                (Some(comment), after.strip_prefix(')').unwrap_or(after))
            }
        };
        let params = Params::parse(params)?;
        Ok(Self {
            seconds: seconds(number)?,
            comment,
            duration: params.get("duration").map(seconds).transpose()?,
        })
    }
}

impl fmt::Display for RetryAfter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        if let Some(comment) = self.comment {
            write!(f, " ({comment})")?;
        }
        if let Some(duration) = self.duration {
            write!(f, ";duration={duration}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_has_a_comment_and_a_duration() {
        for (text, seconds, comment, duration) in [
            ("120", 120, None, None),
            ("18000;duration=3600", 18000, None, Some(3600)),
            (
                "120 (I'm in a (long) meeting)",
                120,
                Some("I'm in a (long) meeting"),
                None,
            ),
            (
                "5 (a \\) b; c);duration=1;x=y",
                5,
                Some("a \\) b; c"),
                Some(1),
            ),
        ] {
            let got = RetryAfter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (got.seconds, got.comment, got.duration),
                (seconds, comment, duration)
            );
            assert_eq!(RetryAfter::parse(&got.to_string()), Ok(got));
        }
        for bad in ["", "soon", "-1", "5 (open", "5 6", "5;duration=x", "5 () x"] {
            assert!(RetryAfter::parse(bad).is_err(), "{bad}");
        }
    }
}
