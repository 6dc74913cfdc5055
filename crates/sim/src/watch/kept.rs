//! Nothing acknowledged is lost.

use std::collections::HashMap;
use std::time::Duration;

use super::breach::{Breach, Rule};
use super::day::{Day, Leg};
use super::talk::Spoken;
use super::wire::Stamp;

/// How long a message may be under way to somebody who is in: a session that ends within this
/// time may take it with it.
const UNDER_WAY: Duration = Duration::from_secs(30);

/// Who was sent something so shortly before the end was still being served: a slow reader, for
/// whom more may have waited.
const SERVED: Duration = Duration::from_secs(5);

/// What the switch said 200 to reaches everybody it was said to; what the proxy said 200 to was
/// taken by a device.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    conferences(day, breaches);
    pagers(day, breaches);
}

fn conferences(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut heard: HashMap<(usize, &str), &Spoken> = HashMap::new();
    for spoken in &day.talk.delivered {
        if let (Some(leg), Some(_)) = (spoken.leg, spoken.complete) {
            heard.insert((leg, spoken.key()), spoken);
        }
    }
    let latest = latest(day);
    for said in &day.talk.said {
        let (Some(_), Some(_)) = (said.complete, said.acknowledged) else {
            continue;
        };
        let Some(from) = said.leg.and_then(|at| day.legs.get(at)) else {
            continue;
        };
        for (at, leg) in day.legs.iter().enumerate() {
            if !(is_meant(said, from, leg) && was_in(day, said, leg)) {
                continue;
            }
            let what = match heard.get(&(at, said.key())) {
                Some(heard) if heard.content == said.content => continue,
                Some(_) => "heard something else",
                None if was_behind(leg, said, latest.get(&at)) => continue,
                None => "never heard it",
            };
            breaches.push(Breach {
                rule: Rule::Kept,
                at: said.began.at,
                who: leg.name(),
                what: format!(
                    "{what}: message {} of {}, which was answered 200",
                    said.key(),
                    from.person
                ),
            });
        }
    }
}

/// For each leg, when the latest message that it heard was said, and when it was sent to it.
fn latest(day: &Day<'_>) -> HashMap<usize, (Stamp, Stamp)> {
    let said = day.talk.said.iter().map(|said| (said.key(), said));
    let said: HashMap<&str, &Spoken> = said.collect();
    let mut latest: HashMap<usize, (Stamp, Stamp)> = HashMap::new();
    for heard in &day.talk.delivered {
        if let (Some(leg), Some(said)) = (heard.leg, said.get(heard.key())) {
            // The chunks of one that is not over may be older than its end.
            let whole = said.complete.filter(|_| heard.complete.is_some());
            let known = latest.entry(leg).or_default();
            let said = whole.unwrap_or(said.began);
            *known = (known.0.max(said), known.1.max(heard.last));
        }
    }
    latest
}

/// Whether a leg ended while it was still being sent what had been said before.
fn was_behind(leg: &Leg, said: &Spoken, latest: Option<&(Stamp, Stamp)>) -> bool {
    let (Some((heard, sent)), Some(ended)) = (latest, leg.ended()) else {
        return false;
    };
    said.complete.is_some_and(|complete| *heard < complete) && sent.at + SERVED > ended.at
}

/// Whether somebody is to hear what another said in the same conference.
fn is_meant(said: &Spoken, from: &Leg, leg: &Leg) -> bool {
    let Some(room) = from.room.as_deref() else {
        return false;
    };
    // Nobody hears themselves; whether their other devices do is not promised.
    leg.room.as_deref() == Some(room)
        && leg.person != from.person
        && said.to.iter().any(|to| *to == room || *to == leg.person)
}

/// Whether somebody was in before it was said, and long enough after.
fn was_in(day: &Day<'_>, said: &Spoken, leg: &Leg) -> bool {
    let (Some(joined), Some(bound)) = (leg.joined(), leg.bound) else {
        return false;
    };
    // What was held up on its way to the server is under way from when it came.
    let came = said.complete.map_or(said.last, |came| came.max(said.last));
    let until = came.at + UNDER_WAY;
    joined < said.began
        && bound < said.began
        && leg.ended().is_none_or(|ended| ended.at > until)
        && !day.facts.excused(leg.host, joined.at, until)
}

/// MESSAGEs that the proxy handed on: 200 is the word of a device.
fn pagers(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut taken: HashMap<&str, u64> = HashMap::new();
    for signal in &day.signals {
        if signal.answers("MESSAGE") != Some(200) {
            continue;
        }
        match (signal.from_server, signal.arrived) {
            (false, Some(arrived)) => {
                taken.entry(signal.call).or_insert(arrived.number);
            }
            (false, None) => {}
            (true, _) => {
                let taken = taken.get(signal.call);
                if taken.is_none_or(|number| *number > signal.sent.number) {
                    breaches.push(Breach {
                        rule: Rule::Kept,
                        at: signal.sent.at,
                        who: day.facts.name(signal.host),
                        what: format!(
                            "was told 200 to the MESSAGE of call {} that no device had taken",
                            signal.call
                        ),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    #[test]
    fn what_everybody_heard_is_kept_and_what_one_did_not_is_lost() {
        let mut stage = Stage::conference(&["alice", "bob", "carol"]);
        stage.says("alice", "one");
        stage.hears("bob", "m1", "alice", "one");
        let found = stage.judge(check);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("carol"), "{found:?}");
        stage.hears("carol", "m1", "alice", "one");
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn what_came_otherwise_than_it_was_said_is_found() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.says("alice", "one");
        stage.hears_as("bob", "m1", "alice", "one", "another");
        let found = stage.judge(check);
        assert!(found[0].contains("something else"), "{found:?}");
    }

    #[test]
    fn nothing_is_promised_to_those_who_leave_break_off_or_are_cut_off() {
        let ways: [fn(&mut Stage); 3] = [
            |stage| stage.leaves("bob"),
            |stage| stage.breaks("bob"),
            |stage| stage.fate("bob"),
        ];
        for way in ways {
            let mut stage = Stage::conference(&["alice", "bob"]);
            stage.says("alice", "one");
            way(&mut stage);
            assert_eq!(stage.judge(check), [""; 0]);
        }
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.says("alice", "one");
        stage.passes(UNDER_WAY);
        stage.leaves("bob");
        assert_eq!(stage.judge(check).len(), 1, "that was time enough");
    }

    #[test]
    fn who_reads_slowly_may_leave_before_all_has_come() {
        for (rest, want) in [(SERVED / 2, 0), (SERVED, 1)] {
            let mut stage = Stage::conference(&["alice", "bob"]);
            stage.says("alice", "one");
            stage.says("alice", "two");
            stage.passes(UNDER_WAY);
            stage.hears("bob", "m1", "alice", "one");
            stage.passes(rest);
            stage.leaves("bob");
            assert_eq!(stage.judge(check).len(), want);
        }
    }

    #[test]
    fn a_message_to_one_is_for_that_one() {
        let mut stage = Stage::conference(&["alice", "bob", "carol"]);
        stage.whispers("alice", "bob", "one");
        let found = stage.judge(check);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("bob"), "{found:?}");
    }

    #[test]
    fn a_pager_message_is_acknowledged_by_a_device() {
        for (taken, want) in [(true, 0), (false, 1)] {
            let mut stage = Stage::conference(&["alice", "bob"]);
            stage.pages("alice", "bob", taken);
            let found = stage.judge(check);
            assert_eq!(found.len(), want, "{found:?}");
        }
    }
}
