//! Ids that nobody can guess, from a seed.

use std::fmt::{self, Write};

use sha1::{Digest, Sha1};

/// A source of ids. The same seed gives the same ids.
pub(super) struct Ids {
    seed: [u8; 16],
    count: u64,
}

impl Ids {
    pub(super) fn new(seed: [u8; 16]) -> Self {
        Self { seed, count: 0 }
    }

    /// 128 bits, in 32 hexadecimal digits.
    pub(super) fn next(&mut self) -> String {
        self.count = self.count.wrapping_add(1);
        let mut hash = Sha1::new();
        hash.update(self.seed);
        hash.update(self.count.to_be_bytes());
        let mut id = String::with_capacity(32);
        for octet in hash.finalize().iter().take(16) {
            // Writing to a string does not fail.
            let _ = write!(id, "{octet:02x}");
        }
        id
    }
}

/// The seed is not shown for debugging.
impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ids({})", self.count)
    }
}
