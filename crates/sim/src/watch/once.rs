//! Nothing comes twice.

use std::collections::HashMap;

use super::breach::{Breach, Rule};
use super::day::{Day, Leg};

/// A message ends once in each session, no byte of it comes twice, and nobody hears it more often
/// than it was said.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut said: HashMap<&str, u32> = HashMap::new();
    for name in day.talk.said.iter().filter_map(|said| said.name.as_deref()) {
        *said.entry(name).or_default() += 1;
    }
    // What a handset says has a name of the server's: there is no other of it.
    for name in &day.talk.taken {
        *said.entry(name).or_default() += 1;
    }
    let mut heard: HashMap<(Option<usize>, &str), u32> = HashMap::new();
    for spoken in &day.talk.delivered {
        let mut what = None;
        if spoken.is_repeated() {
            what = Some(format!("was sent message {} again", spoken.id));
        }
        if let Some(name) = spoken.name.as_deref()
            && spoken.complete.is_some()
        {
            let count = heard.entry((spoken.leg, name)).or_default();
            *count += 1;
            let most = said.get(name).copied().unwrap_or(0);
            if *count > most {
                what = Some(format!(
                    "was sent message {} ({name}), heard {count} times and said {most} times",
                    spoken.id
                ));
            }
        }
        if let Some(what) = what {
            let leg = spoken.leg.and_then(|at| day.legs.get(at));
            breaches.push(Breach {
                rule: Rule::Once,
                at: spoken.last.at,
                who: leg.map_or_else(|| "nobody".to_owned(), Leg::name),
                what,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    #[test]
    fn each_hears_a_message_once() {
        let mut stage = Stage::conference(&["alice", "bob", "carol"]);
        stage.says("alice", "one");
        stage.hears("bob", "m1", "alice", "one");
        stage.hears("carol", "m1", "alice", "one");
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn a_second_time_is_found_under_the_same_id_and_under_another() {
        for id in ["m1", "m2"] {
            let mut stage = Stage::conference(&["alice", "bob"]);
            stage.says("alice", "one");
            stage.hears("bob", "m1", "alice", "one");
            stage.hears("bob", id, "alice", "one");
            let found = stage.judge(check);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(id), "{found:?}");
        }
    }

    #[test]
    fn a_message_that_nobody_said_is_found() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.hears("bob", "m1", "alice", "one");
        assert_eq!(stage.judge(check).len(), 1);
    }
}
