//! All members of a conference hear its messages in one order.
//!
//! What each session hears is a chain. All chains of a conference together must fit one order,
//! that is, have no cycle; one pass over the chains tells.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::breach::{Breach, Rule};
use super::day::Day;
use super::talk::Spoken;

/// The chains of one conference, as numbers of messages.
#[derive(Default)]
struct Hall<'a> {
    messages: Vec<&'a Spoken>,
    numbers: HashMap<&'a str, usize>,
    /// What each session heard, by leg.
    chains: BTreeMap<usize, Vec<usize>>,
}

/// Finds conferences whose members did not hear the same order.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut heard: Vec<&Spoken> = day.talk.delivered.iter().collect();
    heard.retain(|spoken| spoken.complete.is_some());
    heard.sort_by_key(|spoken| spoken.place);
    let mut halls: BTreeMap<&str, Hall<'_>> = BTreeMap::new();
    for spoken in heard {
        let Some(at) = spoken.leg else { continue };
        if let Some(room) = day.legs.get(at).and_then(|leg| leg.room.as_deref()) {
            halls.entry(room).or_default().hear(at, spoken);
        }
    }
    for (room, hall) in &halls {
        let Some(&odd) = hall.out_of_order().first() else {
            continue;
        };
        let Some(spoken) = hall.messages.get(odd) else {
            continue;
        };
        breaches.push(Breach {
            rule: Rule::Order,
            at: spoken.last.at,
            who: (*room).to_owned(),
            what: format!(
                "message {} is not heard in one order: {}",
                spoken.id,
                hall.quarrel(day, odd)
            ),
        });
    }
}

impl<'a> Hall<'a> {
    fn hear(&mut self, leg: usize, spoken: &'a Spoken) {
        let number = *self.numbers.entry(&spoken.id).or_insert_with(|| {
            self.messages.push(spoken);
            self.messages.len() - 1
        });
        self.chains.entry(leg).or_default().push(number);
    }

    /// The messages that fit no order: those left when all that come first are taken away.
    fn out_of_order(&self) -> Vec<usize> {
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); self.messages.len()];
        let mut before: Vec<usize> = vec![0; self.messages.len()];
        for (one, other) in self.pairs() {
            if let (Some(followers), Some(count)) = (next.get_mut(one), before.get_mut(other)) {
                followers.push(other);
                *count += 1;
            }
        }
        let free = |(number, count): (usize, &usize)| (*count == 0).then_some(number);
        let mut ready: VecDeque<usize> = before.iter().enumerate().filter_map(free).collect();
        while let Some(number) = ready.pop_front() {
            for follower in next.get(number).into_iter().flatten() {
                if let Some(count) = before.get_mut(*follower) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(*follower);
                    }
                }
            }
        }
        let left = |(number, count): (usize, &usize)| (*count > 0).then_some(number);
        before.iter().enumerate().filter_map(left).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.chains
            .values()
            .flat_map(|chain| chain.iter().copied().zip(chain.iter().copied().skip(1)))
    }

    /// Around a message, what each of those heard who heard it.
    fn quarrel(&self, day: &Day<'_>, odd: usize) -> String {
        let ids = |numbers: &[usize]| {
            let ids = numbers
                .iter()
                .filter_map(|number| self.messages.get(*number));
            ids.map(|spoken| spoken.id.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let mut told = Vec::new();
        for (leg, chain) in &self.chains {
            let Some(place) = chain.iter().position(|number| *number == odd) else {
                continue;
            };
            let around = place.saturating_sub(2)..(place + 3).min(chain.len());
            let name = day.legs.get(*leg).map(|leg| leg.person.as_str());
            let around = ids(chain.get(around).unwrap_or_default());
            told.push(format!("{} heard {around}", name.unwrap_or_default()));
        }
        told.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    /// What each hears, in order; whether that is fine.
    type Row = (&'static [(&'static str, &'static str)], bool);

    #[test]
    fn the_end_of_a_message_counts_even_if_another_ends_in_the_same_segment() {
        for together in [false, true] {
            let mut stage = Stage::conference(&["alice", "bob", "carol"]);
            for who in ["bob", "carol"] {
                stage.hears_within(who, "1", "2", together && who == "bob");
            }
            assert_eq!(stage.judge(check), [""; 0]);
        }
    }

    #[test]
    fn one_order_for_all_is_fine_and_any_other_is_found() {
        #[rustfmt::skip]
        let rows: &[Row] = &[
            (&[("bob", "1"), ("bob", "2"), ("carol", "1"), ("carol", "2")], true),
            (&[("bob", "1"), ("bob", "3"), ("carol", "1"), ("carol", "2"), ("carol", "3")], true),
            (&[("bob", "1"), ("bob", "2"), ("carol", "2"), ("carol", "1")], false),
            // No two of them disagree on two messages, and still there is no order.
            (&[("bob", "1"), ("bob", "2"), ("carol", "2"), ("carol", "3"), ("dave", "3"), ("dave", "1")], false),
        ];
        for (heard, fine) in rows {
            let mut stage = Stage::conference(&["alice", "bob", "carol", "dave"]);
            for (who, id) in *heard {
                stage.hears(who, id, "alice", id);
            }
            let found = stage.judge(check);
            assert_eq!(found.is_empty(), *fine, "{heard:?}: {found:?}");
        }
    }
}
