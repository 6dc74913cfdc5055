//! What is remembered for a while: of so many, the latest.

use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};

/// A map that forgets the oldest when it is full.
#[derive(Debug)]
pub(super) struct Window<K, V> {
    known: BTreeMap<K, V>,
    order: VecDeque<K>,
}

/// What each remembers: at some hundred bytes each a few megabytes. A busy peer has it overwritten
/// in some minutes, and what is said again comes within seconds.
const LATEST: usize = 10_000;

impl<K, V> Default for Window<K, V> {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Ord, V> Window<K, V> {
    /// Remembers something. False: it was known, and is as it was.
    pub(super) fn note(&mut self, key: K, value: V) -> bool {
        if self.known.contains_key(&key) {
            return false;
        }
        if self.order.len() >= LATEST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.known.insert(key, value);
        true
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.known.get(key)
    }

    /// The key of the latest that is such.
    pub(super) fn find(&self, such: impl Fn(&V) -> bool) -> Option<K> {
        let mut keys = self.order.iter().rev();
        let found = keys.find(|key| self.known.get(key).is_some_and(&such));
        found.cloned()
    }

    /// Forgets something. It costs as much as the window is long, and is done seldom.
    pub(super) fn take<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.known.remove(key)?;
        self.order.retain(|known| known.borrow() != key);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut window = Window::default();
        for n in 0..LATEST {
            assert!(window.note(n, n));
        }
        assert!(!window.note(0, 7));
        assert_eq!(window.get(&0), Some(&0));
        assert!(window.note(LATEST, 1));
        assert_eq!(window.get(&0), None);
        assert_eq!(window.take(&1), Some(1));
        assert!(window.note(1, 5));
        assert_eq!(window.order.len(), LATEST);
    }
}
