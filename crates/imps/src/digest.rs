//! Login without sending the password: `DigestBytes` = BASE64(H(nonce || password)).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::table::Element;
use crate::writer::Writer;

/// A way to prove that one knows the password (`DigestSchema`).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum DigestSchema {
    /// `PWD`: the password itself, in a two-way login.
    #[default]
    Password,
    /// `SHA`: SHA-1 over nonce and password.
    Sha,
    /// `MD5`: over nonce and password.
    Md5,
    /// Another, verbatim. `MD4` and `MD6` have been seen; neither is spoken here.
    Other(String),
}

impl DigestSchema {
    /// Reads one name, in any letter case.
    pub fn parse(name: &str) -> Self {
        let name = name.trim();
        [Self::Password, Self::Sha, Self::Md5]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Password => "PWD",
            Self::Sha => "SHA",
            Self::Md5 => "MD5",
            Self::Other(name) => name,
        }
    }

    /// What a client sends as `DigestBytes`. `None` for a schema that is no digest, or not one
    /// spoken here.
    ///
    /// ```
    /// use imps::digest::DigestSchema;
    ///
    /// let bytes = DigestSchema::Md5.digest("nonce", "secret");
    /// assert_eq!(bytes.as_deref(), Some("Pb5KSR3MGsueoJV6nz5blg=="));
    /// assert_eq!(DigestSchema::Password.digest("nonce", "secret"), None);
    /// ```
    pub fn digest(&self, nonce: &str, password: &str) -> Option<String> {
        match self {
            Self::Sha => Some(hashed::<Sha1>(nonce, password)),
            Self::Md5 => Some(hashed::<Md5>(nonce, password)),
            Self::Password | Self::Other(_) => None,
        }
    }
}

impl Content for DigestSchema {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        String::read(element, from).map(|name| Self::parse(&name))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.text(element, self.as_str());
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let at = chance.below(4) as usize;
        Self::parse(["PWD", "SHA", "MD5", "MD4"][at])
    }
}

fn hashed<H: Digest>(nonce: &str, password: &str) -> String {
    let mut hash = H::new();
    hash.update(nonce);
    hash.update(password);
    BASE64_STANDARD.encode(hash.finalize())
}

impl fmt::Display for DigestSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["PWD", "SHA", "MD5", "MD4"] {
            assert_eq!(DigestSchema::parse(name).to_string(), name);
        }
        assert_eq!(DigestSchema::parse(" md5"), DigestSchema::Md5);
        assert_eq!(DigestSchema::parse("MD4").digest("a", "b"), None);
    }
}
