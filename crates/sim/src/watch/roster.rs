//! Those who watch a conference are told who is in.
//!
//! A change has to be told once the NOTIFY before it is answered and a moment has passed. Then who
//! came is shown, and who left is not. People who come and go again within that time are passed
//! over.

use std::collections::BTreeMap;
use std::time::Duration;

use xdm::conference_info::{ConferenceInfo, EndpointStatus, State, User};

use super::breach::{Breach, Rule};
use super::day::{Day, Leg};
use super::hidden::Veils;
use super::subscriptions::Subscription;
use super::wire::Stamp;

/// How long a change may go untold: longer than NOTIFYs are held back to tell several at once.
const MOMENT: Duration = Duration::from_secs(3);

/// Compares what each subscriber was told with who was in.
pub(super) fn check(
    day: &Day<'_>,
    all: &[Subscription<'_>],
    veils: &Veils,
    breaches: &mut Vec<Breach>,
) {
    let mut people: BTreeMap<&str, BTreeMap<&str, Vec<&Leg>>> = BTreeMap::new();
    for leg in &day.legs {
        if let Some(room) = leg.room.as_deref() {
            let room = people.entry(room).or_default();
            room.entry(&leg.person).or_default().push(leg);
        }
    }
    for subscription in all {
        let Some((room, people)) = subscription
            .room
            .and_then(|room| people.get_key_value(room))
        else {
            continue;
        };
        for (person, legs) in people {
            if veils.is_hidden(room, person) {
                continue;
            }
            for change in changes(legs) {
                breaches.extend(subscription.wrong(day, veils, person, change, legs));
            }
        }
    }
}

/// When somebody was surely in, and surely out, for good or for a while.
fn changes(legs: &[&Leg]) -> Vec<(Stamp, bool)> {
    let ins = legs.iter().filter_map(|leg| Some((leg.joined()?, true)));
    let outs = legs
        .iter()
        .filter(|leg| leg.accepted.is_some())
        .filter_map(|leg| Some((leg.over?, false)));
    ins.chain(outs).collect()
}

/// Whether somebody is surely in, or surely out, all this time.
fn stays(legs: &[&Leg], is_in: bool, from: Stamp, until: Duration) -> bool {
    let covers = |leg: &&Leg| {
        leg.joined().is_some_and(|joined| joined <= from)
            && leg.ended().is_none_or(|ended| ended.at > until)
    };
    let absent = |leg: &&Leg| leg.over.is_some_and(|over| over <= from) || leg.begun.at > until;
    match is_in {
        true => legs.iter().any(covers),
        false => legs.iter().all(absent),
    }
}

impl Subscription<'_> {
    /// What is wrong with what was told of a person who came or left at `change`.
    fn wrong(
        &self,
        day: &Day<'_>,
        veils: &Veils,
        person: &str,
        (change, is_in): (Stamp, bool),
        legs: &[&Leg],
    ) -> Option<Breach> {
        let change = change.max(self.begun()?);
        let due = self.due(change)? + day.facts.patience;
        let excused = |ip, since| day.facts.excused(ip, since, due);
        // Over a connection that broke nobody knows what was said.
        let is_broken = self
            .ends
            .is_some_and(|ends| day.is_broken(ends, self.begun().unwrap_or_default()));
        let is_excused = is_broken
            || excused(self.host, self.begun()?.at)
            || legs.iter().any(|leg| excused(leg.host, leg.begun.at));
        let is_over = self.ended.is_some_and(|ended| ended.at <= due) || day.end < due;
        if is_over || !stays(legs, is_in, change, due) || is_excused {
            return None;
        }
        let all = self.shown(due);
        let shown = all.get(person).copied().unwrap_or(false);
        // An invitation whose answers were lost with its connection does not show whom it hid.
        let masks = all.iter().filter(|(who, is_in)| **is_in && is_mask(who));
        if is_in && !shown && masks.count() > veils.count(self.room?) {
            return None;
        }
        (shown != is_in).then(|| Breach {
            rule: Rule::Roster,
            at: due,
            who: day.facts.name(self.host),
            what: format!(
                "is not told in call {} that {person} {} at {:?}",
                self.call,
                if is_in { "came" } else { "left" },
                change.at
            ),
        })
    }

    /// When a change has to be told; none if the NOTIFY before it was never answered, or refused:
    /// that ends the subscription.
    fn due(&self, change: Stamp) -> Option<Duration> {
        let mut due = change.at + MOMENT;
        let before = self.told.values().filter(|notify| notify.sent <= change);
        if let Some(last) = before.last() {
            let (answered, true) = last.answered? else {
                return None;
            };
            due = due.max(answered.at + MOMENT);
        }
        Some(due)
    }

    /// Who is shown at a time, and whether as being in.
    fn shown(&self, until: Duration) -> BTreeMap<&str, bool> {
        let mut shown = BTreeMap::new();
        for notify in self.told.values().filter(|notify| notify.sent.at <= until) {
            if let Some(Ok(document)) = &notify.document {
                apply(&mut shown, document);
            }
        }
        shown
    }
}

fn apply<'a>(shown: &mut BTreeMap<&'a str, bool>, document: &'a ConferenceInfo) {
    if document.state == State::Deleted {
        shown.clear();
    }
    let Some(users) = &document.users else { return };
    if document.state == State::Full || users.state == State::Full {
        shown.clear();
    }
    for user in &users.users {
        match user.state {
            State::Deleted => drop(shown.remove(user.entity.as_str())),
            State::Full | State::Partial => {
                shown.insert(&user.entity, is_connected(user));
            }
        }
    }
}

fn is_mask(entity: &str) -> bool {
    entity.ends_with("@anonymous.invalid")
}

fn is_connected(user: &User) -> bool {
    user.endpoints.iter().any(|endpoint| {
        let status = endpoint.status;
        endpoint.state != State::Deleted && status == Some(EndpointStatus::Connected)
    })
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::super::subscriptions;
    use super::*;

    fn judge(stage: &Stage) -> Vec<String> {
        stage.judge(|day, out| check(day, &subscriptions::of(day), &Veils::of(day), out))
    }

    #[test]
    fn who_came_and_who_left_is_told() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.notifies("alice", "full", 0, &["alice", "bob"]);
        stage.passes(MOMENT);
        stage.leaves("bob");
        stage.notifies("alice", "partial", 1, &["-bob"]);
        stage.passes(MOMENT);
        assert_eq!(judge(&stage), [""; 0]);
    }

    #[test]
    fn a_missing_notify_is_found() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.notifies("alice", "full", 0, &["alice", "bob"]);
        stage.leaves("bob");
        assert_eq!(judge(&stage), [""; 0], "there is time yet");
        stage.passes(MOMENT * 2);
        let found = judge(&stage);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("bob@localhost left"), "{found:?}");
    }

    #[test]
    fn who_is_in_and_not_shown_is_found() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.notifies("alice", "full", 0, &["alice"]);
        stage.passes(MOMENT * 2);
        let found = judge(&stage);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("bob@localhost came"), "{found:?}");
    }

    #[test]
    fn nobody_is_told_who_does_not_answer() {
        let mut stage = Stage::conference(&["alice", "bob"]);
        stage.notifies_unanswered("alice", "full", 0, &["alice"]);
        stage.passes(MOMENT * 2);
        assert_eq!(judge(&stage), [""; 0]);
    }
}
