//! Coming in without an invitation of one's own, and bringing others.

use std::time::Instant;

use crate::{
    Action, Address, Claim, Guest, LegId, Nick, PersonId, Refusal, Role, Room,
    guest::distinct,
    people::{LEGS_PER_PERSON_MAX, Presence},
    policy::within,
    room::State,
};

impl Room {
    /// Whether this person could come in by themselves with one more device, now.
    ///
    /// [`Event::Entered`](crate::Event::Entered) objects in the same way; this lets the face
    /// object to the media, which
    /// comes later in the order of 7.2.1.5, before it says that they are in.
    ///
    /// # Errors
    ///
    /// In this order: [`Refusal::Closed`]; [`Refusal::Barred`]; by the joining policy
    /// [`Refusal::NotInvited`], [`Refusal::Removed`] and [`Refusal::NotMember`];
    /// [`Refusal::TooMany`] and [`Refusal::TooManyDevices`]; [`Refusal::Anonymous`].
    pub fn may_enter(&self, address: &Address, hidden: bool, claim: Claim) -> Result<(), Refusal> {
        if self.state == State::Closed {
            return Err(Refusal::Closed);
        }
        if claim.barred {
            return Err(Refusal::Barred);
        }
        let person = self.people.find(address);
        let person = person.and_then(|who| self.people.get(who));
        let presence = person.map(|person| person.presence);
        match presence {
            // The host has not been answered, and this one not been asked.
            Some(Presence::Calling | Presence::Waiting) => return Err(Refusal::NotInvited),
            Some(Presence::Removed) => return Err(Refusal::Removed),
            Some(
                Presence::Ringing { .. } | Presence::Connected | Presence::Left | Presence::Refused,
            )
            | None => {}
        }
        if self.rules.members_only && !claim.lets_in() {
            return Err(Refusal::NotMember);
        }
        // IM 7.2.1.5, IMPS-9.1.11-S10: only the invited.
        let is_invited = claim.invited || person.is_some_and(|person| person.invited);
        if self.rules.invited_only && !(is_invited || claim.runs) {
            return Err(Refusal::NotInvited);
        }
        // IM-7.2.1.5-S3: whoever comes takes a place.
        if presence != Some(Presence::Connected) {
            self.has_place()?;
        }
        match presence {
            Some(Presence::Connected) => {
                let limit = LEGS_PER_PERSON_MAX;
                let legs = person.map_or(0, |person| person.legs().len());
                if within(legs.saturating_add(1), limit).is_err() {
                    return Err(Refusal::TooManyDevices { limit });
                }
            }
            // IM 7.2.1.5: their place may have been taken meanwhile.
            Some(Presence::Left | Presence::Refused) | None => {
                if person.is_none_or(|person| person.role == Role::Guest) {
                    within(self.guests().saturating_add(1), self.rules.max_guests)?;
                }
                if person.is_none() {
                    let limit = self.rules.people_max();
                    within(self.people.known().saturating_add(1), limit)?;
                }
            }
            Some(
                Presence::Ringing { .. }
                | Presence::Calling
                | Presence::Removed
                | Presence::Waiting,
            ) => {}
        }
        // IM 7.2.1.5: hiding has to be allowed, now as it was then.
        let hides = hidden || person.is_some_and(|person| person.hides());
        if hides && !(self.rules.allow_hidden || claim.may_hide) {
            return Err(Refusal::Anonymous);
        }
        Ok(())
    }

    pub(crate) fn entered(
        &mut self,
        address: &Address,
        leg: LegId,
        (hidden, nick): (bool, Option<Nick>),
        claim: Claim,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if self.people.owner(leg).is_some() {
            return Ok(()); // Told twice.
        }
        self.may_enter(address, hidden, claim)?;
        let known = self.people.find(address);
        self.check_nick(nick.as_ref(), known)?;
        let add = || self.people.add(address.clone(), None, Role::Guest);
        let who = known.or_else(add).ok_or(Refusal::NotInvited)?;
        self.people.note_claim(who, claim);
        if claim.invited {
            self.people.note_invited(who);
        }
        // Who comes by themselves need not be rung any more.
        if let Presence::Ringing { .. } = self.presence(who)? {
            out.push(Action::Cancel { who });
        }
        self.let_in(who, leg, (hidden, nick), out);
        Ok(())
    }

    pub(crate) fn renamed(
        &mut self,
        leg: LegId,
        nick: Option<Nick>,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let who = self.people.owner(leg).ok_or(Refusal::NotConnected)?;
        self.check_nick(nick.as_ref(), Some(who))?;
        if self.people.rename(who, nick) {
            out.push(Action::Changed { who });
        }
        Ok(())
    }

    /// Refuses a name that somebody else in the room has.
    pub(crate) fn check_nick(
        &self,
        nick: Option<&Nick>,
        who: Option<PersonId>,
    ) -> Result<(), Refusal> {
        match nick {
            Some(nick) if !self.people.is_free(nick, who) => Err(Refusal::NickTaken),
            Some(_) | None => Ok(()),
        }
    }

    /// A name like `wish` that `address` could have in this room: `wish` itself, or that and the
    /// first number that makes it free.
    pub fn spare_nick(&self, wish: &str, address: &Address) -> Nick {
        let who = self.people.find(address);
        let numbered = |number: usize| match number {
            0 | 1 => Nick::new(wish),
            number => Nick::new(&format!("{wish}{number}")),
        };
        let tries = self.people.known().saturating_add(2);
        let free = (1..=tries).map(numbered);
        let mut free = free.filter(|nick| self.people.is_free(nick, who));
        // Of one more names than there are people one is free.
        free.next().unwrap_or_else(|| numbered(tries))
    }

    pub(crate) fn referred(
        &mut self,
        by: LegId,
        guests: Vec<Guest>,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let referrer = self.people.owner(by).ok_or(Refusal::NotConnected)?;
        let referrer = self.people.get(referrer).ok_or(Refusal::NotConnected)?;
        if !(self.rules.allow_refer || referrer.claim.may_invite) {
            return Err(Refusal::MayNotInvite);
        }
        let guests = distinct(&referrer.address, guests);
        if guests.is_empty() {
            return Err(Refusal::NoGuests);
        }
        let mut wanted = Wanted::default();
        for guest in guests {
            let known = self.people.find(&guest.address);
            let person = known.and_then(|who| self.people.get(who));
            wanted.sort(guest, person.map(|person| (person.presence, person.role)));
        }
        // Everybody named was removed: say so, instead of inviting nobody in silence.
        if wanted.guests.is_empty() && !wanted.here {
            return Err(Refusal::Removed);
        }
        let guests = self.guests().saturating_add(wanted.places);
        if wanted.places > 0 {
            within(guests, self.rules.max_guests)?;
        }
        let others = self.people.known().saturating_sub(1);
        if wanted.strangers > 0 {
            let limit = self.rules.people_max().saturating_sub(1);
            within(others.saturating_add(wanted.strangers), limit)?;
        }
        for guest in wanted.guests {
            self.invite(guest, now, out);
        }
        Ok(())
    }

    /// Refuses one person more than may be in at a time.
    pub(crate) fn has_place(&self) -> Result<(), Refusal> {
        match self.rules.max_present {
            Some(limit) => within(self.here().saturating_add(1), limit),
            None => Ok(()),
        }
    }

    /// How many people are in, a host on the way among them.
    pub(crate) fn here(&self) -> usize {
        let host = self.people.get(PersonId::HOST);
        let is_coming = host.is_some_and(|host| host.presence == Presence::Calling);
        self.people
            .connected()
            .saturating_add(usize::from(is_coming))
    }

    /// How many places of guests are taken: by those in, those being invited and those who are to
    /// be.
    fn guests(&self) -> usize {
        let taken = self
            .people
            .connected()
            .saturating_add(self.people.ringing())
            .saturating_add(self.people.waiting());
        let host = self.people.get(PersonId::HOST);
        let host = host.filter(|person| person.role == Role::Host);
        match host.map(|host| host.presence) {
            Some(Presence::Connected | Presence::Ringing { .. } | Presence::Waiting) => {
                taken.saturating_sub(1)
            }
            Some(Presence::Calling | Presence::Left | Presence::Refused | Presence::Removed)
            | None => taken,
        }
    }
}

/// What a list of people means for a room that knows some of them.
#[derive(Default)]
struct Wanted {
    /// Those who really are to be invited.
    guests: Vec<Guest>,
    /// The places they take.
    places: usize,
    /// How many of them were never here.
    strangers: usize,
    /// Somebody named is in, or being invited.
    here: bool,
}

impl Wanted {
    fn sort(&mut self, guest: Guest, known: Option<(Presence, Role)>) {
        match known {
            None => {
                self.strangers += 1;
                self.places += 1;
                self.guests.push(guest);
            }
            Some((Presence::Left | Presence::Refused, role)) => {
                self.places += usize::from(role == Role::Guest);
                self.guests.push(guest);
            }
            Some((
                Presence::Calling
                | Presence::Connected
                | Presence::Ringing { .. }
                | Presence::Waiting,
                _,
            )) => {
                self.here = true;
            }
            Some((Presence::Removed, _)) => {}
        }
    }
}
