//! Privacy: what of the sender must not be shown (RFC 3323 section 4.2, RFC 3325 section 9.3).

use std::fmt;

use crate::header::Header;
use crate::text::is_token;
use crate::{Malformed, Name};

/// What the sender asks to be hidden.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Privacy<'a>(&'a str);

impl<'a> Privacy<'a> {
    /// Is this value there: `id`, `user`, `header`, `session`, `critical`, `none`, `history` ...?
    pub fn has(&self, wanted: &str) -> bool {
        self.iter().any(|value| value.eq_ignore_ascii_case(wanted))
    }

    /// Does the sender ask that nobody learns who they are (`id`, `user` or `header`)?
    pub fn is_anonymous(&self) -> bool {
        !self.has("none") && ["id", "user", "header"].iter().any(|v| self.has(v))
    }

    /// Must a request be refused rather than sent with less than what is asked for?
    pub fn is_critical(&self) -> bool {
        self.has("critical")
    }

    /// The values in order, as written.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        // The grammar has ';'. Real peers write ',' too, and what they ask for must not be lost.
        self.0
            .split([';', ','])
            .map(|value| value.trim_matches([' ', '\t']))
            .filter(|value| !value.is_empty())
    }
}

impl<'a> Header<'a> for Privacy<'a> {
    const NAME: Name = Name::Privacy;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let privacy = Self(value);
        if privacy.iter().next().is_none() || !privacy.iter().all(is_token) {
            return Err(Malformed("Privacy is not a list of tokens"));
        }
        Ok(privacy)
    }
}

impl fmt::Display for Privacy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ";" })?;
            f.write_str(value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privacy_is_a_set_of_words() {
        for (text, anonymous, critical, written) in [
            ("id", true, false, "id"),
            ("none", false, false, "none"),
            ("user; ID ;critical", true, true, "user;ID;critical"),
            ("header,session", true, false, "header;session"),
            ("session", false, false, "session"),
            ("none;id", false, false, "none;id"),
            ("history;", false, false, "history"),
        ] {
            let got = Privacy::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (got.is_anonymous(), got.is_critical()),
                (anonymous, critical),
                "{text}"
            );
            assert_eq!(got.to_string(), written);
        }
        for bad in ["", ";", "id user", "id;\"x\""] {
            assert!(Privacy::parse(bad).is_err(), "{bad}");
        }
    }
}
