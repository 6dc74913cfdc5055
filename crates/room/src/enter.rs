//! Coming in without an invitation of one's own, and bringing others.

use std::time::Instant;

use crate::{
    Action, Address, Guest, LegId, PersonId, Refusal, Role, Room,
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
    /// In this order: [`Refusal::Closed`]; [`Refusal::NotInvited`] and [`Refusal::Removed`] by
    /// the joining policy, which lets in whoever was invited and not removed since;
    /// [`Refusal::TooMany`] and [`Refusal::TooManyDevices`]; [`Refusal::Anonymous`].
    pub fn may_enter(&self, address: &Address, hidden: bool) -> Result<(), Refusal> {
        if self.state == State::Closed {
            return Err(Refusal::Closed);
        }
        // IM 7.2.1.5: only the invited.
        let who = self.people.find(address).ok_or(Refusal::NotInvited)?;
        let person = self.people.get(who).ok_or(Refusal::NotInvited)?;
        match person.presence {
            Presence::Calling => return Err(Refusal::NotInvited),
            Presence::Removed => return Err(Refusal::Removed),
            Presence::Ringing { .. } => {}
            Presence::Connected => {
                let limit = LEGS_PER_PERSON_MAX;
                if within(person.legs().len().saturating_add(1), limit).is_err() {
                    return Err(Refusal::TooManyDevices { limit });
                }
            }
            // IM 7.2.1.5: their place may have been taken meanwhile.
            Presence::Left | Presence::Refused => {
                if person.role == Role::Guest {
                    within(self.guests().saturating_add(1), self.rules.max_guests)?;
                }
            }
        }
        // IM 7.2.1.5: hiding has to be allowed, now as it was then.
        if (hidden || person.hides()) && !self.rules.allow_hidden {
            return Err(Refusal::Anonymous);
        }
        Ok(())
    }

    pub(crate) fn entered(
        &mut self,
        address: &Address,
        leg: LegId,
        hidden: bool,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if self.people.owner(leg).is_some() {
            return Ok(()); // Told twice.
        }
        self.may_enter(address, hidden)?;
        let who = self.people.find(address).ok_or(Refusal::NotInvited)?;
        // Who comes by themselves need not be rung any more.
        if let Presence::Ringing { .. } = self.presence(who)? {
            out.push(Action::Cancel { who });
        }
        self.let_in(who, leg, hidden, out);
        Ok(())
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
        if !self.rules.allow_refer {
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

    /// How many places of guests are taken: by those in and those being invited.
    fn guests(&self) -> usize {
        let taken = self
            .people
            .connected()
            .saturating_add(self.people.ringing());
        let host = self.people.get(PersonId::HOST).map(|host| host.presence);
        match host {
            Some(Presence::Connected | Presence::Ringing { .. }) => taken.saturating_sub(1),
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
            Some((Presence::Calling | Presence::Connected | Presence::Ringing { .. }, _)) => {
                self.here = true;
            }
            Some((Presence::Removed, _)) => {}
        }
    }
}
