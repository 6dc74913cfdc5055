//! Nobody is sent a message who has left, or who never came.

use super::breach::{Breach, Rule};
use super::day::{Day, Leg};
use super::talk::Spoken;

/// A SEND with content goes to a session after its 2xx and before the final response to its BYE.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    for spoken in &day.talk.delivered {
        let leg = spoken.leg.and_then(|at| day.legs.get(at));
        if let Some(why) = wrong(leg, spoken) {
            breaches.push(Breach {
                rule: Rule::Gone,
                at: spoken.last.at,
                who: leg.map_or_else(|| "nobody".to_owned(), Leg::name),
                what: format!("was sent message {} {why}", spoken.id),
            });
        }
    }
}

fn wrong(leg: Option<&Leg>, spoken: &Spoken) -> Option<String> {
    let Some(leg) = leg else {
        return Some("on a session that nobody was offered".to_owned());
    };
    match leg.accepted {
        None => return Some("but never joined".to_owned()),
        Some(accepted) if spoken.began < accepted => {
            return Some("before the INVITE was accepted".to_owned());
        }
        Some(_) => {}
    }
    let over = leg.over.filter(|over| *over < spoken.last)?;
    Some(format!(
        "after the final response to the BYE, which was at {:?}",
        over.at
    ))
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn found(stage: &Stage) -> Vec<String> {
        stage.judge(check)
    }

    #[test]
    fn a_message_before_the_bye_is_answered_is_fine_and_one_after_it_is_found() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.hears("bob", "m1", "alice", "one");
        stage.leaves("bob");
        assert_eq!(found(&stage), [""; 0]);
        stage.hears("bob", "m2", "alice", "two");
        let [breach] = &found(&stage)[..] else {
            panic!("{:?}", found(&stage));
        };
        assert!(breach.contains("bob") && breach.contains("m2"), "{breach}");
    }

    #[test]
    fn a_bye_that_meets_the_servers_own_ends_nothing() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.leaves_in_vain("bob");
        stage.hears("bob", "m1", "alice", "one");
        assert_eq!(found(&stage), [""; 0]);
    }

    #[test]
    fn a_message_to_one_who_only_rings_is_found() {
        let mut stage = Stage::conference(&["alice"]);
        stage.rings("bob");
        stage.hears("bob", "m1", "alice", "one");
        let found = found(&stage);
        assert!(found[0].contains("never joined"), "{found:?}");
    }
}
