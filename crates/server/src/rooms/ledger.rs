//! Who has come and gone, until it is stored.
//!
//! What the store is to know of a person is how they stand, so of several changes the last one
//! counts. Most need not be there before anything else happens: a 2xx or a BYE has crossed the
//! wire before the room hears of it. They wait a moment for others, and share one commit.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use room::{PersonId, Room, Seat, Standing};
use store::{Member, MemberState, Write};

/// How long a change may wait for others. It is also what a crash may lose of who was in, as
/// opposed to who may be: that is stored before anybody is invited.
const LINGER_MS: i64 = 250;

/// The changes of one room that are not stored.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    changed: BTreeSet<PersonId>,
    due: Option<Instant>,
}

impl Ledger {
    /// A person stands otherwise now.
    ///
    /// All rooms store at the same moments of the calendar, so that they share the wait for the
    /// disk as well.
    pub(super) fn note(&mut self, who: PersonId, now_ms: i64, now: Instant) {
        self.changed.insert(who);
        let left_ms = LINGER_MS.saturating_sub(now_ms.rem_euclid(LINGER_MS));
        let left_ms = u64::try_from(left_ms).unwrap_or_default();
        self.due.get_or_insert(now + Duration::from_millis(left_ms));
    }

    /// What was noted is to be stored before an answer goes out that tells of it.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = self.due.map(|_| now);
    }

    /// When [`Self::take_due`] has something.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be written now, if anything.
    pub(super) fn take_due(
        &mut self,
        room: &Room,
        identity: &str,
        now_ms: i64,
        now: Instant,
    ) -> Vec<Write> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.take(room, identity, now_ms)
    }

    /// All that is not stored.
    pub(super) fn take(&mut self, room: &Room, identity: &str, now_ms: i64) -> Vec<Write> {
        self.due = None;
        let changed = std::mem::take(&mut self.changed);
        let seats = changed.into_iter().filter_map(|who| room.seat(who));
        let members = seats.map(|seat| member(&seat, identity, now_ms));
        members.map(Write::PutMember).collect()
    }
}

fn member(seat: &Seat<'_>, room: &str, now_ms: i64) -> Member {
    Member {
        room: room.to_owned(),
        address: seat.address.to_string(),
        display: seat.display.map(str::to_owned),
        role: match seat.role {
            room::Role::Host => store::Role::Host,
            room::Role::Guest => store::Role::Guest,
        },
        hidden: seat.hidden.is_some(),
        state: match seat.standing {
            Standing::Alerting | Standing::Calling | Standing::Invited => MemberState::Invited,
            Standing::Connected => MemberState::Joined,
            Standing::Left | Standing::Refused | Standing::Waiting => MemberState::Left,
            Standing::Removed => MemberState::Removed,
        },
        changed_at_ms: now_ms,
    }
}

#[cfg(test)]
mod tests {
    use room::{Action, Address, Answer, Cause, Event, Guest, Host, LegId, Rules};

    use super::*;

    fn room(now: Instant) -> Room {
        let host = Host {
            address: Address::new("sip:alice@h"),
            display: None,
            hidden: false,
            nick: None,
            claim: room::Claim::default(),
        };
        let guest = Guest {
            address: Address::new("sip:bob@h"),
            display: None,
            hidden: false,
            claim: room::Claim::default(),
        };
        let rules = Rules {
            max_guests: 2,
            max_present: None,
            allow_hidden: true,
            allow_observe: true,
            allow_refer: true,
            allow_whisper: true,
            members_only: false,
            invited_only: true,
            answer: Answer::AtOnce,
            ring: Duration::from_secs(100),
            fewest: 0,
            unanswered: Cause(408),
            hidden_refused: Cause(403),
            full: Cause(486),
            ended: Cause(480),
        };
        Room::open(host, vec![guest], rules, now, &mut Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn several_changes_are_one_write_and_the_last_counts() {
        let now = world::Clock::Os.now();
        let (mut room, mut ledger) = (room(now), Ledger::default());
        let bob = room.find(&Address::new("sip:bob@h")).unwrap();
        let (leg, hidden) = (LegId(1), false);
        let mut actions: Vec<Action> = Vec::new();
        let joined = Event::Joined {
            who: bob,
            leg,
            hidden,
            nick: None,
        };
        for event in [joined, Event::Left { leg }] {
            room.handle(event, now, &mut actions).unwrap();
            ledger.note(bob, 1_000_100, now);
        }
        assert_eq!(
            ledger.poll_timeout(),
            Some(now + Duration::from_millis(150))
        );
        assert!(ledger.take_due(&room, "sip:r@h", 0, now).is_empty());
        ledger.hurry(now);
        let writes = ledger.take_due(&room, "sip:r@h", 0, now);
        let [Write::PutMember(member)] = writes.as_slice() else {
            panic!("{writes:?}");
        };
        assert_eq!(member.address, "sip:bob@h");
        assert_eq!(member.state, MemberState::Left);
        assert_eq!(ledger.poll_timeout(), None);
        // Nothing to hurry about.
        ledger.hurry(now);
        assert_eq!(ledger.poll_timeout(), None);
    }
}
