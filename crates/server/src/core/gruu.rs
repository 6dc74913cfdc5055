//! Globally routable user agent URIs (RFC 5627): public ones, and temporary ones that do not tell
//! whose they are.
//!
//! A temporary GRUU carries the number of its registration under a one-time mask and a MAC. So
//! no table of them is kept, each REGISTER gives a new one, and all of them die together with the
//! registration (RFC 5627 section 3.1.2): that alone is looked up.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the user part of a temporary GRUU begins with.
const PREFIX: &str = "tgruu.";

/// The alphabet of the rest: base 16, since a user part is compared with case.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Makes and reads GRUUs under one stored key.
#[derive(Clone)]
pub(crate) struct Gruus {
    mac: Hmac<Sha256>,
}

impl Gruus {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a key with zeros to its block; doing it here leaves no length to be wrong.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self {
            mac: Hmac::new(&block.into()),
        }
    }

    /// The number of a registration: of one device, as long as it registers with one Call-ID.
    pub(crate) fn registration(&self, aor: &str, instance: &str, call_id: &str) -> u64 {
        self.hash(&[
            b"registration",
            aor.as_bytes(),
            instance.as_bytes(),
            call_id.as_bytes(),
        ])
    }

    /// A new temporary GRUU of a registration.
    pub(crate) fn temporary(&self, registration: u64, domain: &str, random: u64) -> String {
        let masked = registration ^ self.mask(random);
        let proof = self.proof(random, masked);
        let mut user = String::with_capacity(PREFIX.len() + 48);
        user.push_str(PREFIX);
        for number in [random, masked, proof] {
            for shift in (0..16).rev() {
                let digit = usize::try_from((number >> (shift * 4)) & 15).unwrap_or_default();
                user.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
            }
        }
        format!("sip:{user}@{domain};gr")
    }

    /// The registration that the user part of a temporary GRUU of ours belongs to.
    pub(crate) fn read(&self, user: &str) -> Option<u64> {
        let digits = user
            .strip_prefix(PREFIX)
            .filter(|digits| digits.len() == 48)?;
        let number = |at: usize| {
            let part = digits.get(at..at.checked_add(16)?)?;
            let lower = part.bytes().all(|b| DIGITS.contains(&b));
            lower.then(|| u64::from_str_radix(part, 16).ok()).flatten()
        };
        let (random, masked, proof) = (number(0)?, number(16)?, number(32)?);
        (proof == self.proof(random, masked)).then(|| masked ^ self.mask(random))
    }

    fn mask(&self, random: u64) -> u64 {
        self.hash(&[b"mask", &random.to_be_bytes()])
    }

    fn proof(&self, random: u64, masked: u64) -> u64 {
        self.hash(&[b"proof", &random.to_be_bytes(), &masked.to_be_bytes()])
    }

    /// The first 64 bits of the MAC over the parts, each behind its length.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        bytes
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// The public GRUU of a device (RFC 5627 section 3.1.1): made of the address and the instance, so
/// it needs no table and stays the same for ever.
pub(crate) fn public(aor: &str, instance: &str) -> String {
    format!("{aor};gr={}", sip::escape_param(instance))
}

#[cfg(test)]
mod tests {
    use sip::Uri;

    use super::*;

    #[test]
    fn a_public_gruu_is_one_uri() {
        let gruu = public(
            "sip:alice@localhost",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        );
        let uri = Uri::parse(&gruu).unwrap();
        assert_eq!(
            uri.params().get("gr"),
            Some("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
        );
        assert_eq!(uri.aor(), "sip:alice@localhost");
    }

    #[test]
    fn temporary_gruus_lead_back_and_tell_nothing() {
        let gruus = Gruus::new(&[7; 32]);
        let registration = gruus.registration("sip:alice@h", "urn:uuid:1", "call");
        let [one, two] = [1, 2].map(|random| gruus.temporary(registration, "h", random));
        for gruu in [&one, &two] {
            let uri = Uri::parse(gruu).unwrap();
            assert!(uri.params().has("gr"), "{gruu}");
            assert_eq!(gruus.read(uri.user().unwrap()), Some(registration));
            assert_eq!(
                Gruus::new(&[8; 32]).read(uri.user().unwrap()),
                None,
                "another key"
            );
        }
        // Two of one registration have nothing in common that a peer could link them by.
        let (a, b) = (&one[16..48], &two[16..48]);
        assert!(!a.is_empty() && a != b);
        assert_ne!(
            registration,
            gruus.registration("sip:alice@h", "urn:uuid:1", "next")
        );
        let forged = one.replace("tgruu.0", "tgruu.1");
        assert_eq!(
            gruus.read(Uri::parse(&forged).unwrap().user().unwrap()),
            None
        );
        for bad in ["", "tgruu.", "tgruu.zz", "alice"] {
            assert_eq!(gruus.read(bad), None);
        }
    }
}
