//! Passwords that have to be known and must not lie about: sealed under a key that is not in the
//! store. Only a digest login of IMPS needs a password itself.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use world::Rng;

/// The key under which passwords are sealed.
#[derive(Clone, Eq, PartialEq)]
pub struct SealKey([u8; Self::BYTES]);

/// A sealed password: nonce, then ciphertext and tag (XChaCha20-Poly1305).
pub type Sealed = Vec<u8>;

/// A key, and chance for the nonces: what it takes to seal passwords.
pub struct Sealer {
    key: SealKey,
    rng: Rng,
}

impl Sealer {
    /// Seals under a key.
    pub fn new(key: SealKey, rng: Rng) -> Self {
        Self { key, rng }
    }

    /// Seals the password of `name@domain`.
    pub(crate) fn seal(&mut self, name: &str, domain: &str, password: &str) -> Option<Sealed> {
        self.key.seal(name, domain, password, self.rng.bytes())
    }
}

/// How many bytes of a seal are its nonce.
const NONCE: usize = 24;

impl SealKey {
    /// How many bytes a key has.
    pub const BYTES: usize = 32;

    /// Takes a key.
    pub const fn new(key: [u8; Self::BYTES]) -> Self {
        Self(key)
    }

    /// Seals the password of `name@domain`. The `nonce` is random and never used again. A seal
    /// opens for the same user only, so one cannot be put in another's place.
    ///
    /// `None` for a password of gigabytes.
    pub fn seal(
        &self,
        name: &str,
        domain: &str,
        password: &str,
        nonce: [u8; NONCE],
    ) -> Option<Sealed> {
        let owner = owner(name, domain);
        let payload = Payload {
            msg: password.as_bytes(),
            aad: owner.as_bytes(),
        };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a seal. `None`: it is not of this user, or under another key, or was changed.
    pub(crate) fn open(&self, name: &str, domain: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        let owner = owner(name, domain);
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        let password = self.cipher().decrypt(&XNonce::from(nonce), payload).ok()?;
        String::from_utf8(password).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

fn owner(name: &str, domain: &str) -> String {
    format!("{name}@{domain}")
}

/// Says nothing: whoever knows it can open every seal.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_for_its_owner_and_under_its_key() {
        let key = SealKey::new([7; 32]);
        let sealed = key.seal("alice", "h", "secret", [1; 24]).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
        assert_eq!(key.open("alice", "h", &sealed).as_deref(), Some("secret"));
        assert_eq!(key.open("bob", "h", &sealed), None);
        assert_eq!(key.open("alice", "g", &sealed), None);
        let other = SealKey::new([8; 32]);
        assert_eq!(other.open("alice", "h", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("alice", "h", &changed), None, "{at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open("alice", "h", &sealed[..length]), None);
        }
        assert_eq!(format!("{key:?}"), "SealKey");
    }
}
