//! The table of everybody a room knows, with the indexes over it.
//!
//! Whatever moves a person from one presence to another goes through [`People::turn`], so that
//! the indexes always agree with the table and no change of what observers see is forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use crate::{Action, Address, Claim, LegId, Nick, PersonId, Role, Visible};

/// The most devices of one person in one room: a phone, a tablet, a desk and a browser, twice.
/// Everything said is sent once to each of them, so this bounds what one person can cost.
pub const LEGS_PER_PERSON_MAX: u32 = 8;

/// Everybody the room knows, in the order they came to be known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct People {
    table: Vec<Person>,
    by_address: BTreeMap<Address, PersonId>,
    by_leg: BTreeMap<LegId, PersonId>,
    by_deadline: BTreeSet<(Instant, PersonId)>,
    by_alias: Vec<PersonId>,
    /// The names of those who are in, or the host on the way, by their keys.
    by_nick: BTreeMap<Arc<str>, PersonId>,
    connected: usize,
    waiting: usize,
}

/// One person and where they stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) address: Address,
    pub(crate) display: Option<Arc<str>>,
    pub(crate) role: Role,
    pub(crate) presence: Presence,
    pub(crate) mask: Option<Mask>,
    pub(crate) nick: Option<Nick>,
    /// They were invited into this room, or opened it.
    pub(crate) invited: bool,
    /// What is known of them elsewhere.
    pub(crate) claim: Claim,
    /// Observers were shown this person, under the address or, once masked, the alias.
    shown: bool,
    legs: Vec<LegId>,
}

/// Where a person stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    /// The host, until their own leg is up.
    Calling,
    /// Being invited.
    Ringing { deadline: Instant, alerting: bool },
    /// In the room, with at least one leg.
    Connected,
    /// Was in the room.
    Left,
    /// Did not come when invited.
    Refused,
    /// Taken out for good.
    Removed,
    /// Named, and not invited before somebody else has come.
    Waiting,
}

impl Presence {
    /// A person who stands so is known to the others by name.
    fn is_named(self) -> bool {
        matches!(self, Self::Calling | Self::Connected)
    }
}

/// What a hidden person is seen as. Once given it is never taken off in this room: a second
/// device that does not ask for it must not unmask the first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mask {
    pub(crate) alias: u32,
    pub(crate) wish: Wish,
}

/// Who wants a person hidden.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// Whoever put them on a list.
    Inviter,
    /// They themselves.
    Own,
}

impl People {
    /// A table with nobody in it yet.
    pub(crate) fn new() -> Self {
        Self {
            table: Vec::new(),
            by_address: BTreeMap::new(),
            by_leg: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
            by_alias: Vec::new(),
            by_nick: BTreeMap::new(),
            connected: 0,
            waiting: 0,
        }
    }

    /// Writes down somebody new, who is neither in nor invited yet. The caller has checked that
    /// the address is not there and that the table may grow.
    pub(crate) fn add(
        &mut self,
        address: Address,
        display: Option<Arc<str>>,
        role: Role,
    ) -> Option<PersonId> {
        let who = PersonId::from_index(self.table.len())?;
        self.by_address.insert(address.clone(), who);
        let presence = match role {
            Role::Host => Presence::Calling,
            Role::Guest => Presence::Left,
        };
        self.table.push(Person {
            id: who,
            address,
            display,
            role,
            presence,
            mask: None,
            nick: None,
            invited: role == Role::Host,
            claim: Claim::default(),
            shown: false,
            legs: Vec::new(),
        });
        Some(who)
    }

    /// Moves `who` to `next`; the only door. On leaving [`Presence::Connected`] their legs are
    /// forgotten, so a caller that releases them does so before.
    pub(crate) fn turn(&mut self, who: PersonId, next: Presence, out: &mut Vec<Action>) {
        let Some(person) = self.table.get_mut(who.index()) else {
            return;
        };
        let before = person.visible();
        match person.presence {
            Presence::Ringing { deadline, .. } => {
                self.by_deadline.remove(&(deadline, who));
            }
            Presence::Connected => self.connected = self.connected.saturating_sub(1),
            Presence::Waiting => self.waiting = self.waiting.saturating_sub(1),
            Presence::Calling | Presence::Left | Presence::Refused | Presence::Removed => {}
        }
        match next {
            Presence::Ringing { deadline, .. } => {
                self.by_deadline.insert((deadline, who));
            }
            Presence::Connected => self.connected = self.connected.saturating_add(1),
            Presence::Waiting => self.waiting = self.waiting.saturating_add(1),
            Presence::Calling | Presence::Left | Presence::Refused | Presence::Removed => {}
        }
        let key = person.nick.as_ref().map(Nick::key);
        match (person.presence.is_named(), next.is_named(), key) {
            (false, true, Some(key)) => {
                self.by_nick.insert(Arc::clone(key), who);
            }
            (true, false, Some(key)) => {
                self.by_nick.remove(key);
            }
            _ => {}
        }
        if next != Presence::Connected {
            for leg in person.legs.drain(..) {
                self.by_leg.remove(&leg);
            }
        }
        person.presence = next;
        let after = person.visible();
        person.shown |= after.is_some();
        if before != after {
            out.push(Action::Changed { who });
        }
    }

    /// Hides `who` from now on. Does nothing but note their own wish if they are hidden already.
    pub(crate) fn mask(&mut self, who: PersonId, wish: Wish, out: &mut Vec<Action>) {
        let Some(person) = self.table.get_mut(who.index()) else {
            return;
        };
        if let Some(mask) = &mut person.mask {
            if wish == Wish::Own {
                mask.wish = wish;
            }
            return;
        }
        // Never more than the people in the table, whose count fits.
        let alias = u32::try_from(self.by_alias.len()).unwrap_or(u32::MAX);
        self.by_alias.push(who);
        person.mask = Some(Mask {
            alias: alias.saturating_add(1),
            wish,
        });
        // IM-7.2.2.2-OK-S3c: those who saw the address are told it is gone, and no more.
        if person.shown {
            person.shown = false;
            out.push(Action::Concealed { who });
        }
        // Somebody in the room, or heard ringing, goes on under the alias.
        if person.visible().is_some() {
            person.shown = true;
            out.push(Action::Changed { who });
        }
    }

    /// Whether a name may be this person's: nobody else who is in has it.
    pub(crate) fn is_free(&self, nick: &Nick, who: Option<PersonId>) -> bool {
        let holder = self.by_nick.get(nick.key()).copied();
        holder.is_none() || holder == who
    }

    /// Calls `who` otherwise. The caller has checked that the name is free. True if that is news.
    pub(crate) fn rename(&mut self, who: PersonId, nick: Option<Nick>) -> bool {
        let Some(person) = self.table.get_mut(who.index()) else {
            return false;
        };
        if person.nick == nick {
            return false;
        }
        if person.presence.is_named() {
            if let Some(former) = &person.nick {
                self.by_nick.remove(former.key());
            }
            if let Some(nick) = &nick {
                self.by_nick.insert(Arc::clone(nick.key()), who);
            }
        }
        person.nick = nick;
        true
    }

    /// Notes that `who` was invited: they may come, and come back.
    pub(crate) fn note_invited(&mut self, who: PersonId) {
        if let Some(person) = self.table.get_mut(who.index()) {
            person.invited = true;
        }
    }

    /// Notes what is known of `who` elsewhere.
    pub(crate) fn note_claim(&mut self, who: PersonId, claim: Claim) {
        if let Some(person) = self.table.get_mut(who.index()) {
            person.claim = claim;
        }
    }

    /// Gives `who` one more leg. The caller has checked that nobody has it.
    pub(crate) fn add_leg(&mut self, who: PersonId, leg: LegId) {
        if let Some(person) = self.table.get_mut(who.index()) {
            person.legs.push(leg);
            self.by_leg.insert(leg, who);
        }
    }

    /// Forgets one leg and says how many its owner has left.
    pub(crate) fn drop_leg(&mut self, leg: LegId) -> Option<(PersonId, usize)> {
        let who = self.by_leg.remove(&leg)?;
        let person = self.table.get_mut(who.index())?;
        person.legs.retain(|other| *other != leg);
        Some((who, person.legs.len()))
    }

    pub(crate) fn get(&self, who: PersonId) -> Option<&Person> {
        self.table.get(who.index())
    }

    pub(crate) fn find(&self, address: &Address) -> Option<PersonId> {
        self.by_address.get(address).copied()
    }

    pub(crate) fn aliased(&self, alias: u32) -> Option<PersonId> {
        let place = usize::try_from(alias.checked_sub(1)?).ok()?;
        self.by_alias.get(place).copied()
    }

    pub(crate) fn named(&self, nick: &Nick) -> Option<PersonId> {
        self.by_nick.get(nick.key()).copied()
    }

    pub(crate) fn owner(&self, leg: LegId) -> Option<PersonId> {
        self.by_leg.get(&leg).copied()
    }

    /// Everybody, in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.table.iter()
    }

    /// Every leg in the room with its owner, in the order of the legs.
    pub(crate) fn legs(&self) -> impl Iterator<Item = (LegId, PersonId)> {
        self.by_leg.iter().map(|(leg, who)| (*leg, *who))
    }

    /// How many people the room knows.
    pub(crate) fn known(&self) -> usize {
        self.table.len()
    }

    /// How many are in the room.
    pub(crate) fn connected(&self) -> usize {
        self.connected
    }

    /// How many are being invited.
    pub(crate) fn ringing(&self) -> usize {
        self.by_deadline.len()
    }

    /// How many are to be invited when somebody else has come.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whose invitation runs out first, and when.
    pub(crate) fn first_deadline(&self) -> Option<(Instant, PersonId)> {
        self.by_deadline.first().copied()
    }
}

impl Person {
    /// Whether they hide themselves, which the rules may forbid. To be hidden by the inviter is
    /// another matter.
    pub(crate) fn hides(&self) -> bool {
        self.mask.is_some_and(|mask| mask.wish == Wish::Own)
    }

    /// The legs this person is in the room with.
    pub(crate) fn legs(&self) -> &[LegId] {
        &self.legs
    }

    /// What observers see of this person; none while there is nothing to show.
    pub(crate) fn visible(&self) -> Option<Visible> {
        match self.presence {
            // IM-7.2.2.10-S2c2A: connected once they have joined.
            Presence::Connected => Some(Visible::Connected),
            // IM-7.2.2.10-S2c2D: alerting once a device of theirs rings.
            Presence::Ringing { alerting: true, .. } => Some(Visible::Alerting),
            // IM-7.2.2.10-S2c2B: who was never shown cannot be shown gone.
            Presence::Calling
            | Presence::Ringing {
                alerting: false, ..
            }
            | Presence::Left
            | Presence::Refused
            | Presence::Removed
            | Presence::Waiting => self.shown.then_some(Visible::Disconnected),
        }
    }
}
