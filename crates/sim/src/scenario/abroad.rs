//! A transcript as it is when some of its people are of another domain.
//!
//! ```text
//!   alice creates chat with bob, carol   ──bob──▶   b.example is another domain
//!   bob says "it is bob"                            alice creates chat with bob_b, carol
//!                                                   bob_b says "it is bob"
//! ```

use super::{Act, Scenario};
use crate::stage::{NEIGHBOUR, OF_NEIGHBOUR};

/// The transcript with these people in the other domain. Only people go: what is said in quotes,
/// comments, and the names of groups stay as they are. Addresses in settings go with their people.
///
/// The server of which a transcript tells is that of localhost. When it crashes, those abroad do
/// not register again, for their own server was always there: that they are back is left out.
#[must_use]
pub fn abroad(text: &str, people: &[&str]) -> String {
    let mut moved = format!("{NEIGHBOUR} is another domain\n");
    for line in text.lines() {
        let bare = line.trim_start();
        let line = match (bare.starts_with('#'), bare.starts_with("set ")) {
            (true, _) => line.to_owned(),
            (_, true) => setting(line, people),
            _ => spoken(line, people),
        };
        let was_there = people
            .iter()
            .any(|one| line == format!("{one}{OF_NEIGHBOUR} is back"));
        if was_there {
            moved.push_str("# ");
        }
        moved.push_str(&line);
        moved.push('\n');
    }
    moved
}

/// Everybody in a transcript but the one who is the first to do more than to be online.
#[must_use]
pub fn all_but_the_first(scenario: &Scenario) -> Vec<String> {
    let is_online =
        |act: &Act| matches!(act, Act::Online { .. } | Act::Imps(super::Deed::Online(_)));
    let mut acting = scenario.steps.iter().filter(|step| !is_online(&step.act));
    let first = acting.find(|step| !step.who.is_empty());
    let mut all: Vec<_> = scenario
        .steps
        .iter()
        .filter(|step| is_online(&step.act))
        .map(|step| step.who.clone())
        .collect();
    all.sort();
    all.dedup();
    all.retain(|who| first.is_none_or(|first| first.who != *who));
    all
}

/// A setting, in which people have addresses.
fn setting(line: &str, people: &[&str]) -> String {
    people.iter().fold(line.to_owned(), |line, one| {
        line.replace(
            &format!(":{one}@localhost"),
            &format!(":{one}{OF_NEIGHBOUR}@{NEIGHBOUR}"),
        )
    })
}

/// A line in which people are words, but where it quotes.
fn spoken(line: &str, people: &[&str]) -> String {
    let parts = line.split('"').enumerate().map(|(at, part)| match at % 2 {
        0 => words(part, people),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("\"")
}

fn words(part: &str, people: &[&str]) -> String {
    let is_between = |c: char| c.is_whitespace() || c == ',';
    let words = part.split_inclusive(is_between).map(|word| {
        let name = word.trim_end_matches(is_between);
        let after = word.get(name.len()..).unwrap_or_default();
        let ending = match people.contains(&name) {
            true => OF_NEIGHBOUR,
            false => "",
        };
        format!("{name}{ending}{after}")
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_go_and_words_stay() {
        #[rustfmt::skip]
        let rows = [
            ("bob is online over udp",                      "bob_b is online over udp"),
            ("alice creates chat with bob, hidden carol",   "alice creates chat with bob_b, hidden carol_b"),
            ("alice says \"bob, carol\" to bob in bobs",    "alice says \"bob, carol\" to bob_b in bobs"),
            ("group friends of alice, bob, carol calling",  "group friends of alice, bob_b, carol_b calling"),
            ("the way between bob and the server is cut",   "the way between bob_b and the server is cut"),
            ("alice extends chat with bob by carol welcoming \"bob\"",
                "alice extends chat with bob_b by carol_b welcoming \"bob\""),
            ("set focus.allowed_senders = [\"sip:alice@localhost\", \"sip:bob@localhost\"]",
                "set focus.allowed_senders = [\"sip:alice@localhost\", \"sip:bob_b@b.example\"]"),
            ("# bob is a person",                           "# bob is a person"),
            ("bob is back",                                 "# bob_b is back"),
            ("alice is back",                               "alice is back"),
            ("",                                            ""),
        ];
        for (line, want) in rows {
            let moved = abroad(line, &["bob", "carol"]);
            let moved: Vec<_> = moved.lines().skip(1).collect();
            assert_eq!(moved.concat(), want);
        }
        let moved: Scenario = abroad("bob leaves", &["bob"]).parse().unwrap();
        assert!(moved.neighbour);
        assert_eq!(moved.steps[0].who, "bob_b");
    }

    #[test]
    fn whoever_begins_stays() {
        let text = "carol is online over tcp\nalice is online by imps\nbob is online over udp\n\
            alice is back\nbob leaves";
        let scenario: Scenario = text.parse().unwrap();
        assert_eq!(all_but_the_first(&scenario), ["bob", "carol"]);
    }
}
