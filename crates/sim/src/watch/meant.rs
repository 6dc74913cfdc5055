//! Nobody hears what was not said to them: what was said to one alone, or in another conference.

use std::collections::HashMap;

use super::breach::{Breach, Rule};
use super::day::{Day, Leg};
use super::talk::Spoken;

/// Compares each delivery with what was said under its name.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut said: HashMap<&str, Vec<(&Spoken, &Leg)>> = HashMap::new();
    for spoken in &day.talk.said {
        let leg = spoken.leg.and_then(|at| day.legs.get(at));
        if let (Some(name), Some(leg)) = (spoken.name.as_deref(), leg) {
            said.entry(name).or_default().push((spoken, leg));
        }
    }
    for heard in &day.talk.delivered {
        let leg = heard.leg.and_then(|at| day.legs.get(at));
        let said = heard.name.as_deref().and_then(|name| said.get(name));
        // What nobody said, and who has no session, is for other rules.
        let (Some(leg), Some(said)) = (leg, said) else {
            continue;
        };
        if !said.iter().any(|(said, from)| is_meant(said, from, leg)) {
            breaches.push(Breach {
                rule: Rule::Meant,
                at: heard.began.at,
                who: leg.name(),
                what: format!("was sent message {}, which was not said to them", heard.id),
            });
        }
    }
}

fn is_meant(said: &Spoken, from: &Leg, leg: &Leg) -> bool {
    // The answer that names the conference was lost, with the server or on the way.
    if from.room.is_none() || leg.room.is_none() {
        return true;
    }
    // An alias may be anybody's.
    let names = |to: &String| {
        Some(to) == from.room.as_ref() || *to == leg.person || to.ends_with("@anonymous.invalid")
    };
    from.room == leg.room && said.to.iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    #[test]
    fn a_whisper_is_for_one_alone() {
        let mut stage = Stage::conference(&["alice", "bob", "carol"]);
        stage.whispers("alice", "bob", "one");
        stage.hears("bob", "m1", "alice", "one");
        assert_eq!(stage.judge(check), [""; 0]);
        stage.hears("carol", "m1", "alice", "one");
        let found = stage.judge(check);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("carol"), "{found:?}");
    }
}
