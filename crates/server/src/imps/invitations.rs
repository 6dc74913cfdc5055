//! Invitations that are open: who may answer them, and who may come into a group by one.

use std::collections::HashMap;
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
    open: Mutex<HashMap<String, Invitation>>,
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
        let has_place = open.len() < OPEN_MAX;
        if has_place {
            open.insert(id.to_owned(), invitation);
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
        let found = open.get_mut(id)?;
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
        let mut open = self.open_ones();
        let theirs = open.extract_if(|_, one| {
            one.from == *from && one.own_id == own_id && to.is_none_or(|to| one.to == *to)
        });
        let mut theirs: Vec<_> = theirs.collect();
        theirs.sort_by(|a, b| a.1.to.cmp(&b.1.to));
        theirs
    }

    /// Does `who` hold an invitation into this group?
    pub(crate) fn holds(&self, who: &Address, group: &str, now: Instant) -> bool {
        let open = self.open_ones();
        open.values()
            .any(|one| one.to == *who && one.group.as_deref() == Some(group) && now < one.until)
    }

    /// Who is in a group needs no invitation any more: the room remembers that they were invited.
    pub(crate) fn used(&self, who: &Address, group: &str) {
        let mut open = self.open_ones();
        open.retain(|_, one| {
            !(one.accepted && one.to == *who && one.group.as_deref() == Some(group))
        });
    }

    /// Forgets those that do not stand any more.
    pub(super) fn forget(&self, now: Instant) {
        self.open_ones().retain(|_, one| now < one.until);
    }

    fn open_ones(&self) -> MutexGuard<'_, HashMap<String, Invitation>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
