//! The documents of a subscription are numbered without a gap, and the first is the full state.

use xdm::conference_info::{ConferenceInfo, State};

use super::breach::{Breach, Rule};
use super::day::Day;
use super::subscriptions::{Notify, Subscription};

/// Looks through each subscription in the order of its NOTIFYs.
pub(super) fn check(day: &Day<'_>, all: &[Subscription<'_>], breaches: &mut Vec<Breach>) {
    for subscription in all {
        let mut reader = Reader::default();
        for (number, notify) in &subscription.told {
            if let Some(what) = reader.read(*number, notify) {
                breaches.push(Breach {
                    rule: Rule::Versions,
                    at: notify.sent.at,
                    who: day.facts.name(subscription.host),
                    what: format!("NOTIFY {number} of call {}: {what}", subscription.call),
                });
            }
        }
    }
}

/// What the reader of a subscription knows.
#[derive(Default)]
struct Reader {
    /// CSeq of the NOTIFY before, and of the one with the latest document with its version.
    before: Option<u32>,
    document: Option<(u32, u32)>,
    is_over: bool,
}

impl Reader {
    fn read(&mut self, number: u32, notify: &Notify) -> Option<String> {
        if self.is_over {
            return Some("comes after the subscription was terminated".to_owned());
        }
        self.is_over = notify.terminates;
        // RFC 3261 12.2.1.1: a request that nobody saw has a number too; what it said is unknown.
        let unseen = number - self.before.map_or(number, |before| before + 1);
        self.before = Some(number);
        if notify.is_ambiguous {
            return Some("says different things".to_owned());
        }
        match notify.document.as_ref()? {
            Ok(document) => self.document(number, document, unseen),
            Err(error) => Some(format!("cannot be read: {error}")),
        }
    }

    fn document(&mut self, number: u32, document: &ConferenceInfo, unseen: u32) -> Option<String> {
        let Some(version) = document.version else {
            return Some("has no version".to_owned());
        };
        let is_partial = document.state == State::Partial;
        let Some((earlier, before)) = self.document.replace((number, version)) else {
            let is_first = unseen == 0 && is_partial;
            return is_first.then(|| "is the first and not the full state".to_owned());
        };
        // RFC 4575 4.4: only a full document may follow a gap.
        let is_next = version == before.wrapping_add(1);
        let is_later = version > before;
        let may_skip = unseen > 0 || document.state == State::Full;
        let fine = is_next || may_skip && is_later;
        (!fine).then(|| format!("has version {version} after version {before} of NOTIFY {earlier}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::super::subscriptions;
    use super::*;

    #[test]
    fn versions_go_up_by_one_or_start_again_in_full() {
        #[rustfmt::skip]
        // (state and version of each NOTIFY, what is found in how many)
        let rows: &[(&[(&str, u32)], usize)] = &[
            (&[("full", 0), ("partial", 1), ("partial", 2)], 0),
            (&[("full", 0), ("partial", 2)], 1),
            (&[("full", 0), ("full", 2), ("partial", 3)], 0),
            (&[("full", 5), ("partial", 5)], 1),
            (&[("full", 5), ("full", 4)], 1),
            (&[("partial", 0)], 1),
        ];
        for (told, want) in rows {
            let mut stage = Stage::conference(&["alice"]);
            for (state, version) in *told {
                stage.notifies("alice", state, *version, &["alice"]);
            }
            let found = stage.judge(|day, out| check(day, &subscriptions::of(day), out));
            assert_eq!(found.len(), *want, "{told:?}: {found:?}");
        }
    }

    #[test]
    fn nothing_comes_after_the_end_and_no_number_is_used_twice() {
        let mut stage = Stage::conference(&["alice"]);
        stage.notifies("alice", "full", 0, &["alice"]);
        stage.ends_subscription("alice");
        let judge =
            |stage: &Stage| stage.judge(|day, out| check(day, &subscriptions::of(day), out));
        assert_eq!(judge(&stage), [""; 0]);
        stage.notifies("alice", "partial", 1, &["alice"]);
        assert!(judge(&stage)[0].contains("terminated"));

        let mut stage = Stage::conference(&["alice"]);
        stage.notifies("alice", "full", 0, &["alice"]);
        stage.rewind("alice");
        stage.notifies("alice", "full", 0, &["bob"]);
        assert!(judge(&stage)[0].contains("different"));
    }
}
