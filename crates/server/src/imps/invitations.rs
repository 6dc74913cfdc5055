//! Invitations that are open: who may answer them, and who may come into a group by one.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::csp::InviteType;
use room::Address;

use crate::focus::credit::Hold;

/// Invitations that are open at a time, over all users: some twenty megabytes.
const OPEN_MAX: usize = 100_000;

/// How long an invitation stands that does not say.
const VALIDITY: Duration = Duration::from_secs(24 * 3600);

/// How long one stands at most.
const VALIDITY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// All invitations that are open.
#[derive(Debug, Default)]
pub(crate) struct Invitations {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<String, Invitation>,
    /// The ids of those that somebody has given.
    from: HashMap<Address, BTreeSet<String>>,
    /// The ids of those that somebody has got.
    to: HashMap<Address, BTreeSet<String>>,
}

/// One invitation of one user.
#[derive(Debug)]
pub(super) struct Invitation {
    pub(super) from: Address,
    /// The id that whoever invites has given it.
    pub(super) own_id: String,
    pub(super) to: Address,
    pub(super) kind: InviteType,
    /// Into which group, by URI.
    pub(super) group: Option<String>,
    pub(super) until: Instant,
    /// It was accepted: it still lets into the group.
    pub(super) accepted: bool,
    pub(super) _hold: Hold,
}

/// How long an invitation stands.
pub(super) fn validity(wanted_s: Option<u32>) -> Duration {
    let wanted = wanted_s.map(|s| Duration::from_secs(s.into()));
    wanted.unwrap_or(VALIDITY).min(VALIDITY_MAX)
}

impl Invitations {
    /// Opens an invitation under an id of ours. False: there are too many.
    pub(super) fn open(&self, id: &str, invitation: Invitation) -> bool {
        let mut open = self.open_ones();
        let has_place = open.by_id.len() < OPEN_MAX;
        if has_place {
            open.add(id, invitation);
        }
        has_place
    }

    /// What the answer of `who` to an invitation of this id is about: whoever invited, and the id
    /// they gave. None if it is not open, or somebody else's.
    pub(super) fn answer(
        &self,
        id: &str,
        who: &Address,
        accepts: bool,
        now: Instant,
    ) -> Option<(Address, String)> {
        let mut open = self.open_ones();
        let found = open.by_id.get_mut(id)?;
        if found.to != *who || found.until <= now || found.accepted {
            return None;
        }
        let about = (found.from.clone(), found.own_id.clone());
        match accepts && found.group.is_some() {
            true => found.accepted = true,
            false => drop(open.remove(id)),
        }
        Some(about)
    }

    /// Takes back the invitations that `from` has given this id, of all or of one.
    pub(super) fn cancel(
        &self,
        from: &Address,
        own_id: &str,
        to: Option<&Address>,
    ) -> Vec<(String, Invitation)> {
        let is_meant = |one: &Invitation| one.own_id == own_id && to.is_none_or(|to| one.to == *to);
        let mut open = self.open_ones();
        let theirs = open.those(&open.from, from, is_meant);
        let taken = theirs.into_iter().filter_map(|id| {
            let invitation = open.remove(&id)?;
            Some((id, invitation))
        });
        let mut taken: Vec<_> = taken.collect();
        taken.sort_by(|a, b| a.1.to.cmp(&b.1.to));
        taken
    }

    /// Does `who` hold an invitation into this group?
    pub(crate) fn holds(&self, who: &Address, group: &str, now: Instant) -> bool {
        let open = self.open_ones();
        let lets_in = |one: &Invitation| one.group.as_deref() == Some(group) && now < one.until;
        !open.those(&open.to, who, lets_in).is_empty()
    }

    /// Who is in a group needs no invitation any more: the room remembers that they were invited.
    pub(crate) fn used(&self, who: &Address, group: &str) {
        let mut open = self.open_ones();
        let is_used = |one: &Invitation| one.accepted && one.group.as_deref() == Some(group);
        for id in open.those(&open.to, who, is_used) {
            open.remove(&id);
        }
    }

    /// Forgets those that do not stand any more.
    pub(super) fn forget(&self, now: Instant) {
        let mut open = self.open_ones();
        let over = open.by_id.iter().filter(|(_, one)| one.until <= now);
        for id in over.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            open.remove(&id);
        }
    }

    fn open_ones(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn add(&mut self, id: &str, invitation: Invitation) {
        for (index, who) in [
            (&mut self.from, &invitation.from),
            (&mut self.to, &invitation.to),
        ] {
            index.entry(who.clone()).or_default().insert(id.to_owned());
        }
        self.by_id.insert(id.to_owned(), invitation);
    }

    fn remove(&mut self, id: &str) -> Option<Invitation> {
        let invitation = self.by_id.remove(id)?;
        for (index, who) in [
            (&mut self.from, &invitation.from),
            (&mut self.to, &invitation.to),
        ] {
            if let Some(ids) = index.get_mut(who) {
                ids.remove(id);
                if ids.is_empty() {
                    index.remove(who);
                }
            }
        }
        Some(invitation)
    }

    /// The ids of those in an index under `who` that are such.
    fn those(
        &self,
        index: &HashMap<Address, BTreeSet<String>>,
        who: &Address,
        such: impl Fn(&Invitation) -> bool,
    ) -> Vec<String> {
        let ids = index.get(who).into_iter().flatten();
        let ids = ids.filter(|id| self.by_id.get(*id).is_some_and(&such));
        ids.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::focus::Credit;

    fn address(name: &str) -> Address {
        Address::new(&format!("sip:{name}@localhost"))
    }

    fn from_alice(to: &str, credit: &Credit, until: Instant) -> Invitation {
        let mut holds = credit.take(&"sip:alice@localhost".into(), 1, 99).unwrap();
        Invitation {
            from: address("alice"),
            own_id: "mine".to_owned(),
            to: address(to),
            kind: InviteType::Group,
            group: Some("sip:club@localhost".to_owned()),
            until,
            accepted: false,
            _hold: holds.pop().unwrap(),
        }
    }

    #[tokio::test]
    async fn nothing_is_left_of_an_invitation_that_is_over() {
        let now = world::Clock::Os.now();
        let until = now + VALIDITY;
        let (book, credit) = (Invitations::default(), Credit::default());
        for (id, to) in [("1", "bob"), ("2", "carol"), ("3", "dave"), ("4", "erin")] {
            assert!(book.open(id, from_alice(to, &credit, until)));
        }
        let group = "sip:club@localhost";
        assert!(book.holds(&address("bob"), group, now));
        assert!(!book.holds(&address("bob"), group, until));
        assert!(!book.holds(&address("alice"), group, now));
        // Declined, taken back, used and run out.
        assert!(book.answer("1", &address("bob"), false, now).is_some());
        let bob_and_carol = book.cancel(&address("alice"), "mine", Some(&address("carol")));
        assert_eq!(bob_and_carol.len(), 1);
        drop(bob_and_carol);
        book.used(&address("dave"), group);
        assert!(book.holds(&address("dave"), group, now), "not accepted yet");
        assert!(book.answer("3", &address("dave"), true, now).is_some());
        book.used(&address("dave"), group);
        book.forget(until);
        let open = book.open_ones();
        assert!(open.by_id.is_empty() && open.from.is_empty() && open.to.is_empty());
        assert_eq!(credit.in_use(), 0);
    }
}
