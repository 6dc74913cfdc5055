//! Who may write what: 1024 partitions, and the epoch under which a node holds them.

use std::fmt;

/// One of the 1024 shares into which rooms, bindings, accounts, documents and messages fall.
///
/// A node owns whole partitions. Today one node owns all of them; the number is part of what is
/// stored and of what peers hold (a session identity begins with [`Self::label`]), so it never
/// changes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Partition(u16);

impl Partition {
    /// How many there are: two base-32 characters' worth.
    pub const COUNT: u16 = 1024;

    /// The partition of a key that is not a room's: the 64-bit FNV-1a hash of its bytes, modulo
    /// 1024.
    ///
    /// The function is fixed for ever, since what is stored was placed by it. It spreads keys; it
    /// does not resist someone who picks keys to fall together, and need not: partitions bound
    /// no queue.
    pub fn of(key: &str) -> Self {
        Self::of_bytes(key.bytes())
    }

    /// The partition of an account: that of `name@domain`.
    pub fn of_account(name: &str, domain: &str) -> Self {
        Self::of_bytes(name.bytes().chain([b'@']).chain(domain.bytes()))
    }

    /// The partition with this number; `None` from 1024 on.
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// The partition with this label, in small letters as [`Self::label`] writes it.
    pub fn from_label(label: &str) -> Option<Self> {
        let &[high, low] = label.as_bytes() else {
            return None;
        };
        Some(Self(value(high)? << 5 | value(low)?))
    }

    /// All partitions, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The number, below 1024.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The two characters that stand for the partition at the head of a session identity: its
    /// number in the base-32 alphabet of RFC 4648 section 6, in small letters.
    pub fn label(self) -> String {
        [digit(self.0 >> 5), digit(self.0 & 31)].iter().collect()
    }

    fn of_bytes(bytes: impl Iterator<Item = u8>) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let hash = bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        });
        Self((hash % u64::from(Self::COUNT)) as u16)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The character for a value below 32.
fn digit(value: u16) -> char {
    match value as u8 {
        letter @ 0..=25 => char::from(b'a' + letter),
        figure => char::from(b'2' + (figure - 26)),
    }
}

fn value(digit: u8) -> Option<u16> {
    match digit {
        b'a'..=b'z' => Some(u16::from(digit - b'a')),
        b'2'..=b'7' => Some(u16::from(digit - b'2') + 26),
        _ => None,
    }
}

/// By what right a unit of writes is made.
///
/// The right is checked in the same transaction as the writes, so that a node which lost its
/// partitions without noticing cannot harm what their new owner wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fence {
    /// The writer owns the partition, under the epoch that `take_partitions` gave it.
    Owned {
        /// The partition to which every write of the unit belongs that belongs to one
        /// ([`Write::partition`](crate::Write::partition)).
        partition: Partition,
        /// The epoch in which the writer took it.
        epoch: u64,
    },
    /// The writer is an administrator's tool and owns nothing. Allowed for accounts and documents
    /// only: who reads them to change them says which ones they were, so that nothing is
    /// overtaken unnoticed.
    Unfenced,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // (key, the published 64-bit FNV-1a hash)
        for (key, hash) in [
            ("", 0xcbf2_9ce4_8422_2325_u64),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(Partition::of(key).number(), (hash & 1023) as u16, "{key}");
        }
        assert_eq!(
            Partition::of_account("alice", "localhost"),
            Partition::of("alice@localhost")
        );
    }

    #[test]
    fn labels_go_there_and_back() {
        for partition in Partition::all() {
            assert_eq!(Partition::from_label(&partition.label()), Some(partition));
        }
        assert_eq!(Partition::all().count(), 1024);
        // (label, number)
        for (label, number) in [
            ("aa", Some(0)),
            ("ab", Some(1)),
            ("ba", Some(32)),
            ("77", Some(1023)),
            ("z2", Some(25 * 32 + 26)),
            ("AA", None),
            ("a", None),
            ("aaa", None),
            ("a1", None),
            ("a8", None),
            ("é", None),
        ] {
            assert_eq!(
                Partition::from_label(label).map(Partition::number),
                number,
                "{label}"
            );
        }
    }

    #[test]
    fn numbers_end_at_1023() {
        assert_eq!(Partition::new(1023).map(Partition::number), Some(1023));
        assert_eq!(Partition::new(1024), None);
    }
}
