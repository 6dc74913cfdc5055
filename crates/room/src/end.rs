//! Leaving, being taken out, and how a conversation ends.

use std::time::Instant;

use crate::{
    Action, Claim, LegId, PersonId, Refusal, Room, Rules, Why,
    people::Presence,
    room::{State, places},
};

impl Room {
    pub(crate) fn host_arrived(
        &mut self,
        leg: LegId,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if self.people.owner(leg).is_some() {
            return Ok(()); // Told twice.
        }
        let host = self.people.get(PersonId::HOST).ok_or(Refusal::Unknown)?;
        let hides = host.hides();
        let why = match (host.presence, self.state) {
            // Hiding was forbidden while their leg came up.
            (Presence::Calling, State::Open { .. })
                if hides && !(self.rules.allow_hidden || host.claim.may_hide) =>
            {
                self.people.turn(PersonId::HOST, Presence::Left, out);
                Why::Hidden
            }
            (Presence::Calling, State::Open { .. }) => {
                self.let_in(PersonId::HOST, leg, (false, None), out);
                self.invite_waiting(now, out);
                return Ok(());
            }
            // Nobody has answered them.
            (Presence::Calling, State::Asking { .. } | State::Closed) => {
                return Err(Refusal::NotInvited);
            }
            // Taken out while their leg came up.
            (Presence::Removed, _) => Why::Removed,
            (
                Presence::Connected
                | Presence::Left
                | Presence::Refused
                | Presence::Ringing { .. }
                | Presence::Waiting,
                _,
            ) => Why::InvitationOver,
        };
        out.push(Action::Release { leg, why });
        Ok(())
    }

    /// The host is lost before their leg was up: nothing is left of what they asked for.
    pub(crate) fn host_withdrew(&mut self, out: &mut Vec<Action>) {
        if self.presence(PersonId::HOST) == Ok(Presence::Calling) {
            self.close(Why::HostWithdrew, out);
        }
    }

    pub(crate) fn left(&mut self, leg: LegId, out: &mut Vec<Action>) {
        // A leg the room released, or never took in, ends without a word.
        if let Some((who, 0)) = self.people.drop_leg(leg) {
            self.people.turn(who, Presence::Left, out);
        }
    }

    pub(crate) fn removed(
        &mut self,
        who: PersonId,
        for_good: bool,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        match (self.presence(who)?, self.state) {
            // There is no conversation yet, and it would have been theirs.
            (Presence::Calling, State::Asking { .. }) => {
                self.end_by_operator(Why::Removed, out);
                return Ok(());
            }
            (Presence::Ringing { .. }, _) => out.push(Action::Cancel { who }),
            (Presence::Connected, _) => self.release(who, Why::Removed, out),
            (
                Presence::Calling
                | Presence::Left
                | Presence::Refused
                | Presence::Removed
                | Presence::Waiting,
                _,
            ) => {}
        }
        let next = match (for_good, self.presence(who)?) {
            (true, _) | (false, Presence::Removed) => Presence::Removed,
            (false, _) => Presence::Left,
        };
        self.people.turn(who, next, out);
        Ok(())
    }

    /// The group's document has changed: who was in by it may be so no more.
    pub(crate) fn known(
        &mut self,
        who: PersonId,
        claim: Claim,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let person = self.people.get(who).ok_or(Refusal::Unknown)?;
        let (before, hides) = (person.claim, person.hides());
        let is_in = person.presence == Presence::Connected;
        self.people.note_claim(who, claim);
        if claim.is_lost_since(before) {
            return self.removed(who, false, out);
        }
        if is_in && hides && !(self.rules.allow_hidden || claim.may_hide) {
            self.release(who, Why::Hidden, out);
            self.people.turn(who, Presence::Left, out);
        }
        Ok(())
    }

    pub(crate) fn rules_changed(&mut self, rules: Rules, out: &mut Vec<Action>) {
        self.rules = rules;
        if self.rules.allow_hidden {
            return;
        }
        let hiding = |who: &PersonId| {
            self.people.get(*who).is_some_and(|person| {
                person.presence == Presence::Connected && person.hides() && !person.claim.may_hide
            })
        };
        let hiding: Vec<PersonId> = self.everybody().filter(hiding).collect();
        for who in hiding {
            self.release(who, Why::Hidden, out);
            self.people.turn(who, Presence::Left, out);
        }
    }

    /// Ends the conversation by the operator's will; a host still waiting is told.
    pub(crate) fn end_by_operator(&mut self, why: Why, out: &mut Vec<Action>) {
        if let State::Asking { .. } = self.state {
            let cause = self.rules.ended;
            out.push(Action::RefuseHost { cause });
        }
        self.close(why, out);
    }

    /// Closes the room if nothing can come of it any more. Called after every event.
    pub(crate) fn settle(&mut self, out: &mut Vec<Action>) {
        let ringing = self.people.ringing();
        match self.state {
            State::Asking { lowest, .. } if ringing == 0 => {
                // IM-7.2.1.2-FAIL-S1: everybody has refused, and the host hears it once.
                // IMPS-9.1.11-S30, IMPS-9.1.11-S32: or the peer has, and those who wait for both
                // to be in never hear of it.
                let cause = lowest.unwrap_or(self.rules.unanswered);
                out.push(Action::RefuseHost { cause });
                self.close(Why::NobodyJoined, out);
            }
            State::Open { guest_came } => {
                let here = self.here();
                let is_enough = here.saturating_add(ringing) >= places(self.rules.fewest);
                self.gathers &= !is_enough;
                if here == 0 && ringing == 0 {
                    self.close(Why::Empty, out);
                } else if !guest_came && ringing == 0 {
                    // IM-7.2.1.2-FAIL-S2: everybody has refused a host who is already in.
                    self.close(Why::NobodyJoined, out);
                } else if !is_enough && !self.gathers {
                    self.close(Why::TooFew, out);
                }
            }
            State::Asking { .. } | State::Closed => {}
        }
    }

    /// Ends every invitation and every leg. Observers are told by the closing itself.
    fn close(&mut self, why: Why, out: &mut Vec<Action>) {
        self.state = State::Closed;
        let mut told = Vec::new();
        let everybody: Vec<PersonId> = self.everybody().collect();
        for who in everybody {
            let next = match self.presence(who) {
                Ok(Presence::Ringing { .. }) => {
                    out.push(Action::Cancel { who });
                    Presence::Refused
                }
                Ok(Presence::Connected) => {
                    self.release(who, why, out);
                    Presence::Left
                }
                Ok(Presence::Calling | Presence::Waiting) => Presence::Left,
                Ok(Presence::Left | Presence::Refused | Presence::Removed) | Err(_) => continue,
            };
            self.people.turn(who, next, &mut told);
        }
        out.push(Action::Closed { why });
    }

    fn release(&self, who: PersonId, why: Why, out: &mut Vec<Action>) {
        let legs = self.people.get(who).map_or(&[][..], |person| person.legs());
        out.extend(legs.iter().map(|leg| Action::Release { leg: *leg, why }));
    }

    fn everybody(&self) -> impl Iterator<Item = PersonId> {
        self.people.iter().map(|person| person.id)
    }
}
