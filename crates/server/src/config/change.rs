//! What two configurations differ in.

use super::document::look_up;
use super::{Config, KEYS};

/// A key with another value than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The key, with its section.
    pub key: &'static str,
    /// Its value before, as a file writes it; `None` for none.
    pub from: Option<String>,
    /// Its value now.
    pub to: Option<String>,
    /// Whether it counts at once; else at the next start.
    pub at_once: bool,
}

impl Config {
    /// What has changed from this configuration to `next`, in the order of the file.
    pub fn changes(&self, next: &Self) -> Vec<Change> {
        let (from, to) = (self.table(), next.table());
        let change = |key: &super::Key| {
            let (from, to) = (look_up(&from, key), look_up(&to, key));
            (from != to).then(|| Change {
                key: key.name,
                from: from.map(ToString::to_string),
                to: to.map(ToString::to_string),
                at_once: key.at_once,
            })
        };
        KEYS.iter().filter_map(change).collect()
    }
}
