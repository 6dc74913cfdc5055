//! Who is in the room, for those who may know.

use crate::{
    Address, LegId, PersonId, Refusal, Room,
    people::{Person, Presence},
};

/// Whether a person opened the room or was asked into it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Asked into it, by the host's list or by somebody in the room.
    Guest,
    /// Opened it.
    Host,
}

/// Where a person stands, as the room knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// A device of this invited person rings.
    Alerting,
    /// The host, until their own leg is up.
    Calling,
    /// In the room, with at least one leg.
    Connected,
    /// Invited; no device of theirs is known to ring.
    Invited,
    /// Was in the room and may come back.
    Left,
    /// Did not come: said no, did not answer in time, hid where that is not allowed, or the
    /// invitation was taken back. May still come.
    Refused,
    /// Taken out; may not come back.
    Removed,
    /// Named by the host, and not invited before somebody else has come.
    Waiting,
}

/// What those who observe the room see of a person (IM-7.2.2.10-S2c2v).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Visible {
    /// A device of theirs rings (IM-7.2.2.10-S2c2D).
    Alerting,
    /// In the room (IM-7.2.2.10-S2c2A).
    Connected,
    /// Left, or stopped ringing, after they were shown (IM-7.2.2.10-S2c2B). A face that has told
    /// its observers so leaves the person out from then on.
    Disconnected,
}

/// One person's place in the room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seat<'a> {
    /// The person's number in this room.
    pub id: PersonId,
    /// Their address. Of a hidden person it is for the face alone, and for that person.
    pub address: &'a Address,
    /// The name to show for them. Of a hidden person it is for the face alone, as the address.
    pub display: Option<&'a str>,
    /// Host or guest.
    pub role: Role,
    /// Where they stand.
    pub standing: Standing,
    /// What observers see of them; none if nothing.
    pub visible: Option<Visible>,
    /// What they are called in the room, by the others too. A hidden person is called something
    /// only by [`Event::Renamed`](crate::Event::Renamed) while they are hidden: how they were
    /// called before is forgotten, and a name that they bring along is not taken.
    pub nick: Option<&'a str>,
    /// The number of the alias a hidden person is seen as, from 1; theirs as long as the room
    /// lives, and nobody else's. None for those who are seen by their address.
    pub hidden: Option<u32>,
    /// The devices they are in the room with.
    pub legs: &'a [LegId],
}

impl Room {
    /// Everybody the room has known, the host first, then in the order they were first invited.
    pub fn people(&self) -> impl ExactSizeIterator<Item = Seat<'_>> {
        self.people.iter().map(seat)
    }

    /// One person's place; none for a number this room has not given.
    pub fn seat(&self, who: PersonId) -> Option<Seat<'_>> {
        self.people.get(who).map(seat)
    }

    /// The person of this address, hidden or not: for the face alone. What somebody in the room
    /// may learn from an address is answered by [`Room::audience`].
    pub fn find(&self, address: &Address) -> Option<PersonId> {
        self.people.find(address)
    }

    /// The person whose device this is, while it is in the room.
    pub fn owner(&self, leg: LegId) -> Option<PersonId> {
        self.people.owner(leg)
    }

    /// Whether one person in the room may take another out for good: the host may, and those who
    /// run the group; and everybody themselves.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotConnected`] and [`Refusal::MayNotRemove`].
    pub fn may_remove(&self, by: PersonId, who: Option<PersonId>) -> Result<(), Refusal> {
        let person = self.people.get(by).ok_or(Refusal::NotConnected)?;
        if person.presence != Presence::Connected {
            return Err(Refusal::NotConnected);
        }
        match person.role == Role::Host || person.claim.runs || who == Some(by) {
            true => Ok(()),
            false => Err(Refusal::MayNotRemove),
        }
    }

    /// Whether this person may hide themselves here.
    pub fn may_hide(&self, who: PersonId) -> bool {
        let leave = self.people.get(who).map(|person| person.claim.may_hide);
        self.rules.allow_hidden || leave == Some(true)
    }

    /// Whether this person may be told who is in the room: those in it may, and the host while
    /// their leg is coming up. The invited may not before they have accepted, nor may those who
    /// left.
    pub fn may_observe(&self, address: &Address) -> bool {
        let person = self.find(address).and_then(|who| self.people.get(who));
        let is_allowed =
            person.is_some_and(|person| self.rules.allow_observe || person.claim.may_observe);
        is_allowed
            && matches!(
                person.map(|person| person.presence),
                Some(Presence::Connected | Presence::Calling)
            )
    }
}

fn seat(person: &Person) -> Seat<'_> {
    Seat {
        id: person.id,
        address: &person.address,
        display: person.display.as_deref(),
        role: person.role,
        standing: standing(person.presence),
        visible: person.visible(),
        nick: person.nick.as_ref().map(crate::Nick::as_str),
        hidden: person.mask.map(|mask| mask.alias),
        legs: person.legs(),
    }
}

fn standing(presence: Presence) -> Standing {
    match presence {
        Presence::Calling => Standing::Calling,
        Presence::Connected => Standing::Connected,
        Presence::Left => Standing::Left,
        Presence::Refused => Standing::Refused,
        Presence::Removed => Standing::Removed,
        Presence::Waiting => Standing::Waiting,
        Presence::Ringing { alerting: true, .. } => Standing::Alerting,
        Presence::Ringing {
            alerting: false, ..
        } => Standing::Invited,
    }
}
