//! Nonces that need no memory, and the count that does.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Issues and checks nonces under one stored key.
///
/// A nonce says when it was issued, for which slot of the caller's table of counts, and a random
/// number, all under an HMAC-SHA-256 cut to 128 bits. Every node with the key can check it, also
/// after a restart, and nothing is kept for nonces nobody comes back with.
#[derive(Clone)]
pub struct Nonces {
    mac: Hmac<Sha256>,
}

/// A nonce of ours, still fresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Nonce {
    /// When it was issued, in seconds since 1970.
    pub issued: u64,
    /// The caller's slot for the state of [`advance`].
    pub slot: u32,
    /// The random number: tells this nonce from others that had the same slot.
    pub id: u64,
}

/// Why a nonce is not accepted. Both are answered with a new challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NonceError {
    /// Not issued under this key, or changed since.
    #[error("the nonce was not issued here")]
    Forged,
    /// Ours, but too old, or from a clock ahead of ours. The challenge says `stale=true` if the
    /// password was right.
    #[error("the nonce is older than {} seconds", Nonces::LIFETIME_S)]
    Stale,
}

/// issued (8), slot (4), id (8), MAC (16): 36 octets are exactly 48 characters of base64.
const CLAIM_LEN: usize = 20;
const MAC_LEN: usize = 16;
const TEXT_LEN: usize = (CLAIM_LEN + MAC_LEN) / 3 * 4;

impl Nonces {
    /// How long a nonce is accepted, in seconds. Long enough for a client that sends a few requests
    /// in a row, short enough that a recorded one is soon worthless.
    pub const LIFETIME_S: u64 = 300;

    /// How far ahead another node's clock may be, in seconds.
    const SKEW_S: u64 = 5;

    /// Takes the stored key.
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a key with zeros to its block; doing it here leaves no length to be wrong.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self {
            mac: Hmac::new(&block.into()),
        }
    }

    /// A new nonce: 48 characters, letters, digits, `-` and `_`.
    pub fn issue(&self, now_unix_s: u64, random: u64, slot: u32) -> String {
        let mut bytes = Vec::with_capacity(CLAIM_LEN.saturating_add(MAC_LEN));
        bytes.extend_from_slice(&now_unix_s.to_be_bytes());
        bytes.extend_from_slice(&slot.to_be_bytes());
        bytes.extend_from_slice(&random.to_be_bytes());
        let mac = self.mac.clone().chain_update(&bytes).finalize();
        bytes.extend(mac.into_bytes().into_iter().take(MAC_LEN));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Recognises a nonce of ours. The MAC is compared in constant time.
    ///
    /// # Errors
    ///
    /// [`NonceError::Forged`] or [`NonceError::Stale`].
    pub fn check(&self, text: &str, now_unix_s: u64) -> Result<Nonce, NonceError> {
        let nonce = self.open(text).ok_or(NonceError::Forged)?;
        let age_s = now_unix_s.saturating_sub(nonce.issued);
        let ahead_s = nonce.issued.saturating_sub(now_unix_s);
        if age_s > Self::LIFETIME_S || ahead_s > Self::SKEW_S {
            return Err(NonceError::Stale);
        }
        Ok(nonce)
    }

    fn open(&self, text: &str) -> Option<Nonce> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (claim, mac) = bytes.split_at_checked(CLAIM_LEN)?;
        self.mac
            .clone()
            .chain_update(claim)
            .verify_truncated_left(mac)
            .ok()?;
        let (issued, rest) = claim.split_first_chunk()?;
        let (slot, rest) = rest.split_first_chunk()?;
        let (id, _) = rest.split_first_chunk()?;
        Some(Nonce {
            issued: u64::from_be_bytes(*issued),
            slot: u32::from_be_bytes(*slot),
            id: u64::from_be_bytes(*id),
        })
    }
}

/// Accepts each nonce-count once, in nearly any order; `None` means a replay.
///
/// `state` is 0 for a new nonce: the high 32 bits hold the highest count seen, bit `i` of the low
/// 32 says that the count `i + 1` below it was seen. So requests that UDP reordered pass, and one
/// that was recorded does not. A count more than 32 below the highest is refused too. A client that
/// never counts up is challenged anew for each request (RFC 7616 3.4: each nc once).
pub fn advance(state: u64, nc: u32) -> Option<u64> {
    let highest = u32::try_from(state >> 32).ok()?;
    let seen = state & u64::from(u32::MAX);
    if nc == 0 || nc == highest {
        return None;
    }
    if let Some(step) = nc.checked_sub(highest) {
        // The old highest itself becomes bit `step - 1`; whatever leaves the low 32 bits is
        // forgotten.
        let with_highest = (seen << 1) | 1;
        let seen = with_highest
            .checked_shl(step.saturating_sub(1))
            .unwrap_or(0);
        return Some((u64::from(nc) << 32) | (seen & u64::from(u32::MAX)));
    }
    let bit = highest.checked_sub(nc)?.checked_sub(1)?;
    if bit >= 32 {
        return None;
    }
    let mark = 1_u64 << bit;
    (state & mark == 0).then_some(state | mark)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_790_000_000;

    #[test]
    fn fresh_stale_forged() {
        let nonces = Nonces::new(&[7; 32]);
        let text = nonces.issue(NOW, 0xfeed_face_cafe_beef, 42);
        assert_eq!(text.len(), 48);
        let nonce = Nonce {
            issued: NOW,
            slot: 42,
            id: 0xfeed_face_cafe_beef,
        };
        let table = [
            (NOW, Ok(nonce)),
            (NOW + 300, Ok(nonce)),
            (NOW + 301, Err(NonceError::Stale)),
            (NOW - 5, Ok(nonce)),
            (NOW - 6, Err(NonceError::Stale)),
        ];
        for (now, want) in table {
            assert_eq!(nonces.check(&text, now), want, "{now}");
        }
        let others = Nonces::new(&[8; 32]);
        assert_eq!(others.check(&text, NOW), Err(NonceError::Forged));
    }

    #[test]
    fn every_changed_character_shows() {
        let nonces = Nonces::new(&[7; 32]);
        let text = nonces.issue(NOW, 1, 2);
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            let mut changed = text.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(nonces.check(&changed, NOW), Err(NonceError::Forged), "{at}");
        }
        for wrong in ["", &text[1..], &format!("{text}A")] {
            assert_eq!(nonces.check(wrong, NOW), Err(NonceError::Forged));
        }
    }

    #[test]
    fn the_mac_is_hmac_sha_256() {
        // Computed apart, with Python's hmac: issued 1, slot 3, id 2, key 07 x 32.
        let nonces = Nonces::new(&[7; 32]);
        assert_eq!(
            nonces.issue(1, 2, 3),
            "AAAAAAAAAAEAAAADAAAAAAAAAAJAEpGmS4An2TzDVAbwQ9tS"
        );
    }

    #[test]
    fn counts() {
        // Each row: counts in the order received, and whether each passes.
        let table: [&[(u32, bool)]; 7] = [
            &[(1, true), (2, true), (3, true)],
            &[(1, true), (1, false)],
            &[(0, false), (1, true)],
            &[(3, true), (1, true), (2, true), (2, false), (3, false)],
            &[(40, true), (8, true), (7, false), (8, false)],
            &[(1, true), (33, true), (1, false), (2, true)],
            &[
                (u32::MAX, true),
                (u32::MAX, false),
                (1, false),
                (u32::MAX - 32, true),
            ],
        ];
        for row in table {
            let mut state = 0;
            for (nc, passes) in row {
                let next = advance(state, *nc);
                assert_eq!(next.is_some(), *passes, "{nc} in {row:?}");
                state = next.unwrap_or(state);
            }
        }
    }

    proptest! {
        #[test]
        fn counts_pass_once(counts in proptest::collection::vec(0_u32..100, 0..200)) {
            let mut state = 0;
            let mut seen = BTreeSet::new();
            for nc in counts {
                let highest = seen.last().copied().unwrap_or(0);
                let fresh = nc > 0 && !seen.contains(&nc) && nc + 32 >= highest;
                let next = advance(state, nc);
                prop_assert_eq!(next.is_some(), fresh);
                if let Some(next) = next {
                    state = next;
                    seen.insert(nc);
                }
            }
        }

        #[test]
        fn anything_at_all(text in any::<String>(), now: u64, state: u64, nc: u32) {
            let _ = Nonces::new(&[0; 32]).check(&text, now);
            let _ = advance(state, nc);
        }
    }
}
