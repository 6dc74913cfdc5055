//! News of a group for one who has asked for them: who has come, who has gone, what is different.

use std::sync::Arc;

use imps::csp::{GroupChangeNotice, GroupProperties, Participant, Participants, Property};

/// News of one group that have not been told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Notice {
    /// Its address on the wire.
    pub(crate) group: Arc<str>,
    pub(crate) joined: Vec<Participant>,
    pub(crate) left: Vec<Participant>,
    pub(crate) properties: Vec<Property>,
}

impl Notice {
    pub(crate) fn new(group: Arc<str>) -> Self {
        Self {
            group,
            joined: Vec::new(),
            left: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// Adds later news. Who has come and gone again need not be told of, but who has gone and come
    /// again is new.
    pub(super) fn add(&mut self, later: &Self) {
        for person in &later.joined {
            self.joined.push(person.clone());
        }
        for person in &later.left {
            let before = self.joined.len();
            self.joined
                .retain(|came| came.screen_name != person.screen_name);
            let had_left = self
                .left
                .iter()
                .any(|gone| gone.screen_name == person.screen_name);
            if self.joined.len() == before && !had_left {
                self.left.push(person.clone());
            }
        }
        for property in &later.properties {
            self.properties.retain(|one| !one.is(&property.name));
            self.properties.push(property.clone());
        }
    }

    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        let parts = self.joined.len() + self.left.len() + self.properties.len();
        parts.saturating_mul(100).saturating_add(200)
    }

    pub(super) fn primitive(&self) -> GroupChangeNotice {
        let people = |people: &Vec<Participant>| {
            (!people.is_empty()).then(|| Participants::new(&*self.group, people.clone()))
        };
        let properties = (!self.properties.is_empty()).then(|| GroupProperties {
            properties: self.properties.clone(),
            welcome_note: None,
        });
        GroupChangeNotice {
            group: self.group.to_string(),
            joined: people(&self.joined),
            left: people(&self.left),
            properties,
            ..GroupChangeNotice::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(joined: &[&str], left: &[&str]) -> Notice {
        let people = |names: &[&str]| {
            let person = |name: &&str| Participant::new(*name, format!("wv:{name}@h"));
            names.iter().map(person).collect()
        };
        Notice {
            joined: people(joined),
            left: people(left),
            ..Notice::new("wv:/g@h".into())
        }
    }

    #[test]
    fn later_news_are_added() {
        #[rustfmt::skip]
        let rows: &[(Notice, Notice, Notice)] = &[
            (notice(&["a"], &[]),    notice(&["b"], &[]), notice(&["a", "b"], &[])),
            (notice(&["a"], &[]),    notice(&[], &["a"]), notice(&[], &[])),
            (notice(&[], &["a"]),    notice(&["a"], &[]), notice(&["a"], &["a"])),
            (notice(&["a"], &["a"]), notice(&[], &["a"]), notice(&[], &["a"])),
            (notice(&[], &["a"]),    notice(&[], &["b"]), notice(&[], &["a", "b"])),
        ];
        for (before, later, want) in rows {
            let mut got = before.clone();
            got.add(later);
            assert_eq!(got, *want, "{before:?} {later:?}");
        }
    }

    #[test]
    fn of_a_property_the_last_value_counts() {
        let topic = |value: &str| Notice {
            properties: vec![Property::new("Topic", value)],
            ..Notice::new("wv:/g@h".into())
        };
        let mut got = topic("old");
        got.add(&topic("new"));
        assert_eq!(got, topic("new"));
    }
}
