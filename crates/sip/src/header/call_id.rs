//! Call-ID (RFC 3261 section 20.8).

use std::fmt;

use crate::header::Header;
use crate::{Malformed, Name};

/// The name of a call: `word` or `word@word`, compared byte by byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallId<'a>(pub &'a str);

impl<'a> Header<'a> for CallId<'a> {
    const NAME: Name = Name::CallId;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (local, host) = value.split_once('@').unwrap_or((value, "-"));
        if !is_word(local) || !is_word(host) {
            return Err(Malformed("a Call-ID is not word or word@word"));
        }
        Ok(Self(value))
    }
}

impl fmt::Display for CallId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// RFC 3261 section 25.1 `word`, and the `=` with which Base64 ends in real Call-IDs.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~()<>:\\\"/[]?{}=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_is_one_or_two_words() {
        for (text, want) in [
            ("a84b4c76e66710@pc33.example.com", true),
            ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true),
            ("word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", true),
            ("dGVydHVsaWE=", true),
            ("", false),
            ("@host", false),
            ("a@", false),
            ("a@b@c", false),
            ("a b", false),
            ("a;b", false),
            ("a,b", false),
            ("é", false),
        ] {
            assert_eq!(CallId::parse(text).is_ok(), want, "{text}");
        }
    }
}
