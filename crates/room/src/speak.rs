//! Speaking and whispering: who hears what is said. No allocation, once per message.

use crate::{Address, LegId, Nick, PersonId, Refusal, Room, people::Presence};

/// Whom somebody speaks to, in the way they see them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audience<'a> {
    /// Everybody in the room, and the speaker's other devices.
    Everyone,
    /// A whisper to the person seen by this address.
    Address(&'a Address),
    /// A whisper to the hidden person seen by this number.
    Alias(u32),
    /// A whisper to the person called so.
    Nick(&'a Nick),
}

impl Room {
    /// Appends to `out` every leg that hears what is said from the leg `from`.
    ///
    /// To everyone, that is each leg in the room but `from` itself: the speaker's other devices
    /// get a copy, so that they show the same conversation. A whisper goes to the devices of the
    /// person named and to nobody else's.
    ///
    /// Costs no allocation if `out` has the room, and time in proportion to the legs.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotConnected`] if `from` is not in the room. [`Refusal::NoWhispering`] if that is
    /// not allowed, whoever is meant. [`Refusal::Unknown`] if nobody in
    /// the room is seen by that name: somebody who is hidden is not found by their address, and
    /// the answer is the same as for somebody who is not there at all.
    pub fn audience(
        &self,
        from: LegId,
        to: &Audience<'_>,
        out: &mut Vec<LegId>,
    ) -> Result<(), Refusal> {
        self.people.owner(from).ok_or(Refusal::NotConnected)?;
        // IMPS-9.1.11-S12: the same answer for whoever is meant.
        if !self.rules.allow_whisper && *to != Audience::Everyone {
            return Err(Refusal::NoWhispering);
        }
        match *to {
            Audience::Everyone => {
                let heard = self.people.legs().map(|(leg, _)| leg);
                out.extend(heard.filter(|leg| *leg != from));
            }
            Audience::Address(address) => {
                let named = self.people.find(address);
                self.whisper(from, named, false, out)?;
            }
            Audience::Alias(alias) => {
                let named = self.people.aliased(alias);
                self.whisper(from, named, true, out)?;
            }
            Audience::Nick(nick) => {
                let named = self.people.named(nick);
                self.whisper(from, named, false, out)?;
            }
        }
        Ok(())
    }

    fn whisper(
        &self,
        from: LegId,
        named: Option<PersonId>,
        by_alias: bool,
        out: &mut Vec<LegId>,
    ) -> Result<(), Refusal> {
        let person = named
            .and_then(|who| self.people.get(who))
            .filter(|person| person.presence == Presence::Connected)
            // IM-7.2.2.2-OK-S3c: towards the others the hidden have no address.
            .filter(|person| person.mask.is_some() == by_alias)
            .ok_or(Refusal::Unknown)?;
        out.extend(person.legs().iter().filter(|leg| **leg != from));
        Ok(())
    }
}
