//! Where transactions stand: slots reached by number, and by the key a message carries.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

/// Transactions of one kind.
///
/// A slot's number and generation make an id that is never mistaken for a later transaction's.
/// Of a key its digest is kept, however long a branch its peer has written: nothing here keeps a
/// message alive.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    keys: HashMap<Digest, u32, BuildHasherDefault<Spread>>,
    secret: RandomState,
}

/// 128 bits of a keyed hash, which nobody outside can aim at: that two keys share one happens by
/// chance only, and so never.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Digest([u64; 2]);

impl Hash for Digest {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0[0]);
    }
}

/// Digests are spread already: half of one tells where it stands.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    /// Digests write one word and nothing else.
    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    entry: Option<Entry<T>>,
}

/// One transaction.
#[derive(Debug)]
pub(super) struct Entry<T> {
    key: Digest,
    /// The serial number of the alarm that counts; 0 if none was set.
    pub(super) alarm: u64,
    pub(super) machine: T,
}

/// Number and generation of a slot.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) slot: u32,
    generation: u32,
}

impl Place {
    /// Where no transaction ever stands.
    pub(super) const NOWHERE: Self = Self {
        slot: u32::MAX,
        generation: u32::MAX,
    };
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            keys: HashMap::default(),
            secret: RandomState::new(),
        }
    }

    /// What stands for a key in this table.
    pub(super) fn digest(&self, key: &str) -> Digest {
        Digest([0_u8, 1].map(|half| self.secret.hash_one((half, key))))
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, key: Digest, machine: T) -> Place {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                entry: None,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.keys.insert(key, slot);
        let mut generation = 0;
        if let Some(place) = self.slots.get_mut(index(slot)) {
            generation = place.generation;
            place.entry = Some(Entry {
                key,
                alarm: 0,
                machine,
            });
        }
        Place { slot, generation }
    }

    /// The slot of the transaction with this key.
    pub(super) fn find(&self, key: Digest) -> Option<u32> {
        self.keys.get(&key).copied()
    }

    /// The full id of what stands in a slot.
    pub(super) fn place(&self, slot: u32) -> Place {
        let generation = self.slots.get(index(slot)).map_or(0, |s| s.generation);
        Place { slot, generation }
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Entry<T>> {
        self.slots.get(index(slot))?.entry.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.slots.get_mut(index(slot))?.entry.as_mut()
    }

    /// Does the id still mean a transaction?
    pub(super) fn holds(&self, place: Place) -> bool {
        self.slots
            .get(index(place.slot))
            .is_some_and(|slot| slot.generation == place.generation && slot.entry.is_some())
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(index(slot)) else {
            return;
        };
        let Some(entry) = place.entry.take() else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        // A branch used twice by mistake points to the later transaction: leave it that.
        if self.find(entry.key) == Some(slot) {
            self.keys.remove(&entry.key);
        }
    }

    /// All transactions, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry<T>)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, place)| Some((slot, place.entry.as_ref()?)))
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_never_means_a_new_transaction() {
        let mut table = Table::new();
        let (a, b) = (table.digest("a"), table.digest("b"));
        let old = table.insert(a, 1);
        table.remove(old.slot);
        let new = table.insert(b, 2);
        assert_eq!(old.slot, new.slot);
        assert!(!table.holds(old) && table.holds(new));
        assert_eq!((table.find(a), table.find(b)), (None, Some(new.slot)));
        assert_eq!(table.place(new.slot), new);
    }

    #[test]
    fn a_key_used_twice_means_the_later_one() {
        let mut table = Table::new();
        let a = table.digest("a");
        let first = table.insert(a, 1);
        let second = table.insert(a, 2);
        table.remove(first.slot);
        assert_eq!(table.find(a), Some(second.slot));
        assert_eq!(table.len(), 1);
        table.remove(second.slot);
        table.remove(second.slot);
        assert_eq!((table.find(a), table.len()), (None, 0));
    }
}
