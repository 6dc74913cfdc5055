//! A few things that are remembered by name.

/// The most that are kept of each sort. More than one person keeps up with; a server that sends
/// more of them pushes out its own.
pub(super) const FEW: usize = 256;

/// Values by name, the oldest first. Beyond [`FEW`] the oldest is forgotten.
#[derive(Debug)]
pub(super) struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Eq, V> Few<K, V> {
    /// Remembers a value, instead of what had this name.
    pub(super) fn put(&mut self, name: K, value: V) {
        self.0.retain(|(known, _)| *known != name);
        if self.0.len() >= FEW {
            self.0.remove(0);
        }
        self.0.push((name, value));
    }

    pub(super) fn find(&self, name: &K) -> Option<&V> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, name: &K) -> Option<V> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes what there is, if that is one thing only.
    pub(super) fn take_only(&mut self) -> Option<(K, V)> {
        if self.0.len() > 1 {
            return None;
        }
        self.0.pop()
    }

    /// Forgets all values but those that `keep` takes.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut few = Few::default();
        for number in 0..=FEW {
            few.put(number, number * 2);
        }
        assert_eq!(few.find(&0), None);
        assert_eq!(few.find(&1), Some(&2));
        // Named again, it is the youngest.
        few.put(1, 3);
        few.put(FEW + 1, 0);
        assert_eq!((few.find(&1), few.find(&2)), (Some(&3), None));
        assert_eq!(few.values().count(), FEW);
        few.retain(|value| *value == 3);
        assert_eq!(few.take_only(), Some((1, 3)));
        assert_eq!(few.take(&1), None);
    }
}
