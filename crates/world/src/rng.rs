//! Chance: from the kernel, or from a seed.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng},
};

/// The alphabet of [`Rng::token`]: base 32 of RFC 4648 section 6, in lower case. Every character
/// may stand in a SIP token, an MSRP identifier and a URI user part without escaping.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A generator of random numbers, good enough for tokens that must not be guessed (ChaCha20).
///
/// Each task draws from its own generator, without locks: [`Rng::fork`] makes one. Forks of one
/// world come from one root, so in a simulation their numbers depend on the order of the forks.
pub struct Rng {
    own: ChaCha20Rng,
    /// Locked to fork, never to draw.
    root: Arc<Mutex<ChaCha20Rng>>,
}

impl Rng {
    /// Seeded by the kernel.
    ///
    /// # Panics
    ///
    /// On a machine whose kernel gives no random bytes: nothing of ours may run on guessable
    /// chance.
    #[must_use]
    #[expect(clippy::expect_used, reason = "nothing may run on guessable chance")]
    pub fn from_os() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the kernel gives random bytes");
        Self::from_root(ChaCha20Rng::from_seed(seed))
    }

    /// The same numbers for the same `seed` and `stream`, other numbers for any other pair.
    #[must_use]
    pub fn from_seed(seed: u64, stream: u64) -> Self {
        let mut root = ChaCha20Rng::seed_from_u64(seed);
        root.set_stream(stream);
        Self::from_root(root)
    }

    fn from_root(mut root: ChaCha20Rng) -> Self {
        Self {
            own: child(&mut root),
            root: Arc::new(Mutex::new(root)),
        }
    }

    /// A further generator, independent of this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        let own = child(&mut self.root.lock().unwrap_or_else(PoisonError::into_inner));
        Self {
            own,
            root: Arc::clone(&self.root),
        }
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.own.next_u64()
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.own.fill_bytes(bytes);
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, each as likely as any other; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // The numbers from the last whole multiple of the bound on would favour the low ones.
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.u64();
            if drawn < fair {
                return drawn % bound;
            }
        }
    }

    /// A token of at least `bits` random bits in lower-case base 32: five bits a character.
    pub fn token(&mut self, bits: usize) -> String {
        let mut token = vec![0; bits.div_ceil(5)];
        self.fill(&mut token);
        token
            .into_iter()
            .map(|byte| char::from(BASE32.get(usize::from(byte % 32)).copied().unwrap_or(b'a')))
            .collect()
    }

    /// A token of 128 random bits: 26 characters. Enough for anything that must not be guessed.
    pub fn token128(&mut self) -> String {
        self.token(128)
    }
}

/// A clone is a fork: two holders must never draw the same token.
impl Clone for Rng {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Says nothing of the state: whoever knows it knows all tokens to come.
impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

fn child(root: &mut ChaCha20Rng) -> ChaCha20Rng {
    let mut seed = [0; 32];
    root.fill_bytes(&mut seed);
    ChaCha20Rng::from_seed(seed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn draw(mut rng: Rng) -> [u64; 4] {
        std::array::from_fn(|_| rng.u64())
    }

    #[test]
    fn a_seed_repeats_and_its_neighbours_differ() {
        assert_eq!(draw(Rng::from_seed(7, 1)), draw(Rng::from_seed(7, 1)));
        assert_ne!(draw(Rng::from_seed(7, 1)), draw(Rng::from_seed(7, 2)));
        assert_ne!(draw(Rng::from_seed(7, 1)), draw(Rng::from_seed(8, 1)));
    }

    #[test]
    fn forks_and_clones_never_repeat() {
        let rng = Rng::from_seed(7, 1);
        let drawn: BTreeSet<_> = [rng.fork(), rng.fork().fork(), rng.clone(), rng]
            .into_iter()
            .map(draw)
            .collect();
        assert_eq!(drawn.len(), 4);
    }

    #[test]
    fn below_covers_its_range_and_no_more() {
        let mut rng = Rng::from_seed(1, 1);
        let seen: BTreeSet<_> = (0..200).map(|_| rng.below(6)).collect();
        assert_eq!(seen, (0..6).collect());
        assert_eq!(rng.below(1), 0);
        assert_eq!(rng.below(0), 0);
        assert!(rng.below(u64::MAX) < u64::MAX);
    }

    #[test]
    fn tokens_have_their_bits() {
        let mut rng = Rng::from_os();
        for (bits, characters) in [(0, 0), (1, 1), (5, 1), (6, 2), (64, 13), (128, 26)] {
            let token = rng.token(bits);
            assert_eq!(token.len(), characters, "{bits} bits");
            assert!(token.bytes().all(|b| BASE32.contains(&b)), "{token}");
        }
        assert_ne!(rng.token128(), rng.token128());
    }
}
