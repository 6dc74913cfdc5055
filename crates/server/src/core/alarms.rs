//! When each of many things wants to be looked at: one moment each, however often it changes.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// The next moments of things named by `K`. Things due at the same moment come in the order of
/// their names, so that a simulated day repeats.
#[derive(Debug)]
pub(crate) struct Alarms<K> {
    order: BTreeSet<(Instant, K)>,
    set: HashMap<K, Instant>,
}

impl<K> Default for Alarms<K> {
    fn default() -> Self {
        Self {
            order: BTreeSet::new(),
            set: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash + Ord> Alarms<K> {
    /// Sets, moves or takes back the moment of one thing.
    pub(crate) fn set(&mut self, key: K, when: Option<Instant>) {
        let old = match when {
            Some(when) => self.set.insert(key, when),
            None => self.set.remove(&key),
        };
        if old == when {
            return;
        }
        if let Some(old) = old {
            self.order.remove(&(old, key));
        }
        if let Some(when) = when {
            self.order.insert((when, key));
        }
    }

    /// The next moment.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(when, _)| *when)
    }

    /// Takes out one thing that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (when, key) = self.order.first().copied()?;
        if when > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn each_thing_has_one_moment() {
        let now = world::Clock::Os.now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut alarms = Alarms::default();
        for ms in [50, 40, 30] {
            alarms.set('a', Some(at(ms)));
        }
        alarms.set('b', Some(at(20)));
        alarms.set('c', Some(at(20)));
        alarms.set('c', None);
        assert_eq!(alarms.order.len(), 2);
        assert_eq!(alarms.next(), Some(at(20)));
        assert_eq!(alarms.pop_due(at(19)), None);
        assert_eq!(alarms.pop_due(at(40)), Some('b'));
        assert_eq!(alarms.pop_due(at(40)), Some('a'));
        assert_eq!(alarms.pop_due(at(40)), None);
        assert!(alarms.set.is_empty() && alarms.order.is_empty());
    }
}
