//! The people a room is opened with, before they have a place in it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use crate::{Address, Nick};

/// Whoever opens the room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// Who they are.
    pub address: Address,
    /// The name to show for them, chosen by the face (IM-7.2.1.2-S5).
    pub display: Option<Arc<str>>,
    /// They asked to stay hidden from the others.
    pub hidden: bool,
    /// What they are called in the room, if anything.
    pub nick: Option<Nick>,
    /// What is known of them elsewhere.
    pub claim: Claim,
}

/// What is known elsewhere of somebody, gathered by the face. It is the last word until another is
/// said ([`Event::Known`](crate::Event::Known)).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Claim {
    /// The group's document lists them as barred.
    pub barred: bool,
    /// The group's document names them as somebody to be invited.
    pub expected: bool,
    /// The group's document lets them in: as a member, or by another of its rules.
    pub listed: bool,
    /// They hold an invitation that this room did not send.
    pub invited: bool,
    /// They may hide themselves, whatever the room allows in general.
    pub may_hide: bool,
    /// They may invite others, whatever the room allows in general.
    pub may_invite: bool,
    /// They may be told who is in, whatever the room allows in general.
    pub may_observe: bool,
    /// They administer or moderate the group: neither a list nor an invitation is asked of them.
    pub runs: bool,
}

impl Claim {
    /// Do they come in by what is said here, without an invitation?
    pub(crate) fn lets_in(self) -> bool {
        self.listed || self.runs
    }

    /// Has somebody who was in by an earlier word lost that by this one?
    pub(crate) fn is_lost_since(self, before: Self) -> bool {
        let has = |claim: Self| claim.lets_in() || claim.expected;
        self.barred || (has(before) && !has(self))
    }
}

/// Somebody to invite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guest {
    /// Who they are.
    pub address: Address,
    /// The name to show for them.
    pub display: Option<Arc<str>>,
    /// Whoever invites them wants them hidden from the others.
    ///
    /// This is the wish of the one who wrote the list (bcc, anonymize), so [`Rules::allow_hidden`]
    /// is not asked: that rule is about people who hide themselves.
    ///
    /// [`Rules::allow_hidden`]: crate::Rules::allow_hidden
    pub hidden: bool,
    /// What is known of them elsewhere.
    pub claim: Claim,
}

/// Somebody whom a room knew before the server was started anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Former {
    /// Who they are.
    pub address: Address,
    /// The name to show for them.
    pub display: Option<Arc<str>>,
    /// They opened the room.
    pub host: bool,
    /// They are hidden from the others.
    pub hidden: bool,
    /// They were taken out for good.
    pub removed: bool,
}

/// The guests that a list of `inviter` really names: each address once, the inviter not among
/// them.
///
/// The first of several entries of one address is kept; it is hidden if any of them is. This is
/// the number that counts against limits (IM-7.2.1.2-S8) and the fan-out credit.
/// [`Room::open`](crate::Room::open) does this by itself, the face needs it to count first.
pub fn distinct(inviter: &Address, guests: Vec<Guest>) -> Vec<Guest> {
    let mut places = BTreeMap::new();
    let mut kept: Vec<Guest> = Vec::with_capacity(guests.len());
    for guest in guests {
        if guest.address == *inviter {
            continue;
        }
        match places.entry(guest.address.clone()) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(guest);
            }
            Entry::Occupied(place) => {
                if let Some(first) = kept.get_mut(*place.get()) {
                    first.hidden |= guest.hidden;
                }
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (the list, what is left of it); a star marks the hidden.
    const LISTS: &[(&str, &str)] = &[
        ("", ""),
        ("ann", ""),
        ("ben", "ben"),
        ("ben cleo ben", "ben cleo"),
        ("ben cleo *ben", "*ben cleo"),
        ("*ben cleo ben", "*ben cleo"),
        ("cleo ann ben cleo ann", "cleo ben"),
    ];

    #[test]
    fn im_7_2_1_2_s8_counts_each_guest_once() {
        for (list, want) in LISTS {
            let kept = distinct(&Address::new("ann"), guests(list));
            assert_eq!(kept, guests(want), "{list}");
        }
    }

    #[test]
    fn the_first_entry_gives_the_name() {
        let mut list = guests("ben ben");
        list[0].display = Some(Arc::from("Ben"));
        list[1].display = Some(Arc::from("Benjamin"));
        let kept = distinct(&Address::new("ann"), list);
        assert_eq!(kept[0].display.as_deref(), Some("Ben"));
    }

    fn guests(list: &str) -> Vec<Guest> {
        let guest = |word: &str| Guest {
            address: Address::new(word.trim_start_matches('*')),
            display: None,
            hidden: word.starts_with('*'),
            claim: Claim::default(),
        };
        list.split_whitespace().map(guest).collect()
    }
}
