//! Growing a conversation of two, the peer first: CSP 9.1.11. (IM 7.1.1.6 asks all at once, as
//! [`Room::open`] does.)
//!
//! ```text
//!   extend ──▶ Asking ──peer in, host answered──▶ Open, and only now the others are invited
//!                 │
//!                 └──peer gone, deadline, host gone──▶ Closed        nobody else was ever asked
//! ```

use std::time::Instant;

use crate::{
    Action, Cause, Guest, Host, PersonId, Refusal, Role, Room, Rules,
    guest::distinct,
    people::{People, Presence, Wish},
    policy::within,
    room::State,
};

/// The other side of the conversation that grows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Who they are.
    pub guest: Guest,
    /// One of their devices can go on in a room, as the face has found out.
    pub able: bool,
}

impl Room {
    /// Opens a room that goes on from the conversation of `host` and `peer`, and asks the peer
    /// alone. The others wait: they are invited when both are in, and never if the peer does not
    /// come.
    ///
    /// The host is answered when the peer is in ([`Rules::answer`] is not asked).
    ///
    /// # Errors
    ///
    /// [`Refusal::Unsupported`], [`Refusal::Anonymous`], [`Refusal::NoGuests`] and
    /// [`Refusal::TooMany`]; then there is no room.
    pub fn extend(
        host: Host,
        peer: Peer,
        guests: Vec<Guest>,
        rules: Rules,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Result<Self, Refusal> {
        // IMPS-9.1.11-S14, IMPS-9.1.11-S15: looked at before anything is made.
        if !peer.able {
            return Err(Refusal::Unsupported);
        }
        if host.hidden && !(rules.allow_hidden || host.claim.may_hide) {
            return Err(Refusal::Anonymous);
        }
        let peer = peer.guest;
        let mut guests = distinct(&host.address, guests);
        guests.retain(|guest| guest.address != peer.address);
        if peer.address == host.address || guests.is_empty() {
            return Err(Refusal::NoGuests);
        }
        within(guests.len().saturating_add(1), rules.max_guests)?;
        within(
            guests.len().saturating_add(1),
            rules.people_max().saturating_sub(1),
        )?;
        let mut room = Self {
            people: People::new(),
            rules,
            state: State::Asking {
                rung: false,
                lowest: None,
            },
            gathers: false,
        };
        room.seat_host(host, out);
        // IMPS-9.1.11-S18, IMPS-9.1.11-S28: the peer is asked alone, and the time is taken.
        room.invite(peer, now, out);
        for guest in guests {
            room.hold_back(guest, out);
        }
        Ok(room)
    }

    /// Those who are to be invited once the peer is in.
    pub fn waiting(&self) -> impl Iterator<Item = PersonId> {
        let everybody = self.people.iter();
        let waiting = everybody.filter(|person| person.presence == Presence::Waiting);
        waiting.map(|person| person.id)
    }

    /// Writes a guest down without inviting them.
    fn hold_back(&mut self, guest: Guest, out: &mut Vec<Action>) {
        let Some(who) = self.people.add(guest.address, guest.display, Role::Guest) else {
            return;
        };
        if guest.hidden {
            self.people.mask(who, Wish::Inviter, out);
        }
        self.people.note_claim(who, guest.claim);
        self.people.turn(who, Presence::Waiting, out);
    }

    /// IMPS-9.1.11-S34, IMPS-9.1.11-S35, IMPS-9.1.11-S36: who cannot take part is not invited,
    /// and the host will be told.
    pub(crate) fn unable(
        &mut self,
        who: PersonId,
        cause: Cause,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if self.presence(who)? == Presence::Waiting {
            self.people.turn(who, Presence::Refused, out);
            out.push(Action::PassOver { who, cause });
        }
        Ok(())
    }

    /// IMPS-9.1.11-S33: both are in, now the others are asked.
    pub(crate) fn invite_waiting(&mut self, now: Instant, out: &mut Vec<Action>) {
        let waiting: Vec<PersonId> = self.waiting().collect();
        for who in waiting {
            self.ring(who, now, out);
        }
    }
}
