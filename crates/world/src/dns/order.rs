//! In which order the hosts of a service are tried (RFC 2782).

use super::Srv;
use crate::Rng;

impl Srv {
    /// The order in which to try `records`: the lowest priority first, and those of one priority by
    /// chance, the heavier the earlier. Without those that say that there is no such service.
    ///
    /// ```
    /// use world::{Rng, Srv};
    ///
    /// let srv = |priority, target: &str| Srv {
    ///     priority,
    ///     weight: 1,
    ///     port: 5060,
    ///     target: target.to_owned(),
    /// };
    /// let records = vec![srv(20, "spare"), srv(10, "main")];
    /// let ordered = Srv::order(records, &mut Rng::from_seed(1, 0));
    /// assert_eq!(ordered, [srv(10, "main"), srv(20, "spare")]);
    /// ```
    #[must_use]
    pub fn order(mut records: Vec<Self>, rng: &mut Rng) -> Vec<Self> {
        // RFC 2782: a service at the root is none.
        records.retain(|record| !matches!(record.target.as_str(), "." | ""));
        // Those without weight stand before the others, so that they have a chance at all.
        records.sort_by_key(|record| (record.priority, record.weight != 0));
        let mut ordered = Vec::with_capacity(records.len());
        while let Some(first) = records.first() {
            let priority = first.priority;
            let equals = || records.iter().take_while(|one| one.priority == priority);
            let sum: u64 = equals().map(|one| u64::from(one.weight)).sum();
            let drawn = rng.below(sum + 1);
            let mut running = 0;
            let chosen = equals().position(|one| {
                running += u64::from(one.weight);
                running >= drawn
            });
            // The last running sum is the sum, and no number above it is drawn.
            ordered.push(records.remove(chosen.unwrap_or_default()));
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            port: 5060,
            target: target.to_owned(),
        }
    }

    fn targets(records: &[Srv]) -> Vec<&str> {
        records.iter().map(|one| one.target.as_str()).collect()
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_weights() {
        let records = [
            srv(20, 65535, "c"),
            srv(10, 0, "b"),
            srv(0, 1, "a"),
            srv(30, 9, "d"),
        ];
        for seed in 0..100 {
            let ordered = Srv::order(records.to_vec(), &mut Rng::from_seed(seed, 0));
            assert_eq!(targets(&ordered), ["a", "b", "c", "d"], "seed {seed}");
        }
    }

    /// Which of them is the first of a thousand draws how often.
    fn firsts(records: &[Srv]) -> BTreeMap<String, u32> {
        let mut rng = Rng::from_seed(7, 0);
        let mut firsts = BTreeMap::new();
        for _ in 0..1000 {
            let ordered = Srv::order(records.to_vec(), &mut rng);
            assert_eq!(ordered.len(), records.len(), "none is lost");
            *firsts.entry(ordered[0].target.clone()).or_default() += 1;
        }
        firsts
    }

    #[test]
    fn within_one_priority_the_weight_is_the_share() {
        let firsts = firsts(&[srv(1, 90, "heavy"), srv(1, 10, "light"), srv(1, 0, "none")]);
        assert!((850..950).contains(&firsts["heavy"]), "{firsts:?}");
        assert!((50..150).contains(&firsts["light"]), "{firsts:?}");
        // One of 101 numbers is that of the record without weight.
        assert!((1..50).contains(&firsts["none"]), "{firsts:?}");
    }

    #[test]
    fn largest_weights_do_not_overflow() {
        let firsts = firsts(&[srv(1, 65535, "a"), srv(1, 65535, "b")]);
        assert!((400..600).contains(&firsts["a"]), "{firsts:?}");
    }

    #[test]
    fn a_service_that_does_not_exist_has_no_host() {
        let none = |target| Srv::order(vec![srv(0, 0, target)], &mut Rng::from_seed(1, 0));
        assert_eq!(none("."), []);
        assert_eq!(none(""), []);
        assert_eq!(Srv::order(Vec::new(), &mut Rng::from_seed(1, 0)), []);
    }
}
