//! One conversation, from the first invitation to the last leg.
//!
//! ```text
//!   open, WhenFirstJoins ──▶ Asking ──first guest in──▶ Open ──too few, Close──▶ Closed
//!                              │                         ▲
//!                              │      open, AtOnce ──────┘
//!                              │
//!                              └──all refused, host gone, Close──▶ Closed
//!
//!   a guest:   Ringing ──Joined──▶ Connected ──last leg gone──▶ Left
//!                 └──Refused, deadline──▶ Refused
//!              from Left and Refused: Entered ──▶ Connected, Referred ──▶ Ringing
//!
//!   the host:  Calling ──HostArrived──▶ Connected ──▶ as a guest
//! ```
//!
//! The host is answered in passing from Asking to Open, and refused in passing from Asking to
//! Closed: neither can happen twice.

use std::time::{Duration, Instant};

use crate::{
    Action, Answer, Cause, Event, Former, Guest, Host, LegId, Nick, PersonId, Refusal, Role, Rules,
    Why,
    guest::distinct,
    people::{People, Presence, Wish},
    policy::within,
};

/// The authority on who is in one conversation and who may be.
///
/// It is told facts by [`handle`](Self::handle), says what must happen by pushing [`Action`]s,
/// and wants to be woken at [`poll_timeout`](Self::poll_timeout). Equal inputs give equal rooms
/// and equal actions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Room {
    pub(crate) people: People,
    pub(crate) rules: Rules,
    pub(crate) state: State,
    /// There have not been enough people in yet for too few to end the conversation.
    pub(crate) gathers: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// The host waits to be answered.
    Asking {
        /// The host was told that somebody's device rings.
        rung: bool,
        /// The lowest cause for which somebody refused.
        lowest: Option<Cause>,
    },
    /// The host was answered; their leg may still be coming up.
    Open {
        /// Somebody else than the host has been in, or nobody was asked.
        guest_came: bool,
    },
    /// Over.
    Closed,
}

/// The longest anybody is rung, whatever the rules say: no call outlives a day unanswered, and
/// the sum of a moment and a day cannot overflow.
const RING_MAX: Duration = Duration::from_secs(24 * 60 * 60);

impl Room {
    /// Opens a room and invites the guests. All of them at once: IM-7.2.1.2-S9.
    ///
    /// The face has asked [`admit`](crate::admit) before. Guests named twice are invited once,
    /// and a host in the list is not invited: see [`distinct`]. Where people may come by
    /// themselves ([`Rules::invited_only`]), nobody has to be invited.
    ///
    /// # Errors
    ///
    /// [`Refusal::Anonymous`], [`Refusal::NoGuests`] and [`Refusal::TooMany`]; then there is no
    /// room (IM-7.2.1.2-S8a).
    pub fn open(
        host: Host,
        guests: Vec<Guest>,
        rules: Rules,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Result<Self, Refusal> {
        // IM-7.2.1.2-S3: hiding has to be allowed.
        if host.hidden && !(rules.allow_hidden || host.claim.may_hide) {
            return Err(Refusal::Anonymous);
        }
        let guests = distinct(&host.address, guests);
        // IM-7.2.1.2-S0: one guest is enough, unless the rules want more.
        let may_be_alone = !rules.invited_only && guests.is_empty();
        if !may_be_alone
            && (guests.is_empty() || guests.len().saturating_add(1) < places(rules.fewest))
        {
            return Err(Refusal::NoGuests);
        }
        // IM-7.2.1.2-S8a: nobody is invited if there are too many.
        within(guests.len(), rules.max_guests)?;
        within(guests.len(), rules.people_max().saturating_sub(1))?;

        let state = match rules.answer {
            Answer::WhenFirstJoins if !may_be_alone => State::Asking {
                rung: false,
                lowest: None,
            },
            Answer::AtOnce | Answer::WhenFirstJoins => State::Open {
                guest_came: may_be_alone,
            },
        };
        let mut room = Self {
            people: People::new(),
            rules,
            state,
            gathers: false,
        };
        room.has_place()?;
        room.seat_host(host, out);
        if let State::Open { .. } = state {
            out.push(Action::AnswerHost);
        }
        for guest in guests {
            room.invite(guest, now, out);
        }
        Ok(room)
    }

    /// A room with nobody in it, for people who come by themselves ([`Event::Entered`]). It closes
    /// when the last of them has left; a room to which nobody comes is the face's to close.
    pub fn vacant(rules: Rules) -> Self {
        Self {
            people: People::new(),
            rules,
            state: State::Open { guest_came: true },
            gathers: false,
        }
    }

    /// A room as it was before the server was started anew, with nobody in it: who was, may come
    /// back (IM 7.2.1.5). The names, the hidden and the removed are as they were. It does not end
    /// for too few people before there were enough again; one to which nobody comes is the face's
    /// to close.
    pub fn restored(people: Vec<Former>, rules: Rules) -> Self {
        let mut room = Self::vacant(rules);
        room.gathers = true;
        let most = usize::try_from(room.rules.people_max()).unwrap_or(usize::MAX);
        let mut people: Vec<Former> = people.into_iter().take(most).collect();
        // The host is the first, if there is one.
        people.sort_by_key(|former| !former.host);
        let mut told = Vec::new();
        for (place, former) in people.into_iter().enumerate() {
            let role = match former.host && place == 0 {
                true => Role::Host,
                false => Role::Guest,
            };
            if room.people.find(&former.address).is_some() {
                continue;
            }
            let Some(who) = room.people.add(former.address, former.display, role) else {
                break;
            };
            room.people.note_invited(who);
            if former.hidden {
                room.people.mask(who, Wish::Inviter, &mut told);
            }
            let presence = match former.removed {
                true => Presence::Removed,
                false => Presence::Left,
            };
            room.people.turn(who, presence, &mut told);
        }
        room
    }

    /// Tells the room what happened and learns what must be done.
    ///
    /// # Errors
    ///
    /// A refusal of what was asked; then nothing has changed and nothing was pushed. Facts about
    /// a person who was never in this room are [`Refusal::Unknown`].
    pub fn handle(
        &mut self,
        event: Event,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if self.is_closed() {
            return after_the_end(&event);
        }
        match event {
            Event::Ringing { who } => self.ringing(who, out)?,
            Event::Joined {
                who,
                leg,
                hidden,
                nick,
            } => self.joined(who, leg, hidden, nick, out)?,
            Event::Refused { who, cause } => self.refused(who, cause, out)?,
            Event::HostArrived { leg } => self.host_arrived(leg, now, out)?,
            Event::HostWithdrew => self.host_withdrew(out),
            Event::Left { leg } => self.left(leg, out),
            Event::Entered {
                address,
                leg,
                hidden,
                nick,
                claim,
            } => self.entered(&address, leg, (hidden, nick), claim, out)?,
            Event::Renamed { leg, nick } => self.renamed(leg, nick, out)?,
            Event::Unable { who, cause } => self.unable(who, cause, out)?,
            Event::Known { who, claim } => self.known(who, claim, out)?,
            Event::Referred { by, guests } => self.referred(by, guests, now, out)?,
            Event::Removed { who, for_good } => self.removed(who, for_good, out)?,
            Event::RulesChanged(rules) => self.rules_changed(rules, out),
            Event::Close { why } => self.end_by_operator(why, out),
            Event::Timeout => self.timeout(now, out),
        }
        self.settle(out);
        Ok(())
    }

    /// When the room wants [`Event::Timeout`]: as long as somebody is being invited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.people.first_deadline().map(|(deadline, _)| deadline)
    }

    /// The rules as they are.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether the conversation is over.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    // ---- The invitations ----

    /// Writes the host down.
    pub(crate) fn seat_host(&mut self, host: Host, out: &mut Vec<Action>) {
        let Some(who) = self.people.add(host.address, host.display, Role::Host) else {
            return;
        };
        self.people.rename(who, host.nick);
        self.people.note_claim(who, host.claim);
        if host.hidden {
            self.people.mask(who, Wish::Own, out);
        }
    }

    pub(crate) fn invite(&mut self, guest: Guest, now: Instant, out: &mut Vec<Action>) {
        let known = self.people.find(&guest.address);
        let add = || self.people.add(guest.address, guest.display, Role::Guest);
        let Some(who) = known.or_else(add) else {
            return;
        };
        if guest.hidden {
            self.people.mask(who, Wish::Inviter, out);
        }
        self.people.note_claim(who, guest.claim);
        self.ring(who, now, out);
    }

    /// Invites somebody who is written down.
    pub(crate) fn ring(&mut self, who: PersonId, now: Instant, out: &mut Vec<Action>) {
        self.people.note_invited(who);
        let patience = self.rules.ring.min(RING_MAX);
        let ringing = Presence::Ringing {
            deadline: now.checked_add(patience).unwrap_or(now),
            alerting: false,
        };
        self.people.turn(who, ringing, out);
        out.push(Action::Invite { who });
    }

    fn ringing(&mut self, who: PersonId, out: &mut Vec<Action>) -> Result<(), Refusal> {
        match self.presence(who)? {
            Presence::Ringing {
                deadline,
                alerting: false,
            } => {
                let alerting = Presence::Ringing {
                    deadline,
                    alerting: true,
                };
                self.people.turn(who, alerting, out);
            }
            // A second device rings, or the invitation is over.
            Presence::Ringing { alerting: true, .. }
            | Presence::Calling
            | Presence::Connected
            | Presence::Left
            | Presence::Refused
            | Presence::Removed
            | Presence::Waiting => return Ok(()),
        }
        if let State::Asking { rung, .. } = &mut self.state
            && !*rung
        {
            *rung = true;
            out.push(Action::RingHost);
        }
        Ok(())
    }

    fn joined(
        &mut self,
        who: PersonId,
        leg: LegId,
        hidden: bool,
        nick: Option<Nick>,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let person = self.people.get(who).ok_or(Refusal::Unknown)?;
        if self.people.owner(leg).is_some() {
            return Ok(()); // Told twice.
        }
        let hides = hidden || person.hides();
        match person.presence {
            Presence::Ringing { .. } => {}
            // Cancelled meanwhile, or another device was first.
            Presence::Calling
            | Presence::Connected
            | Presence::Left
            | Presence::Refused
            | Presence::Removed
            | Presence::Waiting => {
                let why = Why::InvitationOver;
                out.push(Action::Release { leg, why });
                return Ok(());
            }
        }
        // IM-7.2.2.2-OK-S3a: hiding without leave: out again at once.
        // IM-7.2.2.2-OK-S3b: in a stored group by leave of its document alone.
        if hides && !(self.rules.allow_hidden || person.claim.may_hide) {
            let why = Why::Hidden;
            out.push(Action::Release { leg, why });
            self.give_up(who, self.rules.hidden_refused, out);
            return Ok(());
        }
        if self.has_place().is_err() {
            let why = Why::Full;
            out.push(Action::Release { leg, why });
            self.give_up(who, self.rules.full, out);
            return Ok(());
        }
        self.check_nick(nick.as_ref(), Some(who))?;
        self.let_in(who, leg, (hidden, nick), out);
        Ok(())
    }

    fn refused(
        &mut self,
        who: PersonId,
        cause: Cause,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        match self.presence(who)? {
            Presence::Ringing { .. } => self.give_up(who, cause, out),
            // The other devices of somebody who came, or an invitation that was cancelled.
            Presence::Calling
            | Presence::Connected
            | Presence::Left
            | Presence::Refused
            | Presence::Removed
            | Presence::Waiting => {}
        }
        Ok(())
    }

    fn timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        while let Some((deadline, who)) = self.people.first_deadline()
            && deadline <= now
        {
            out.push(Action::Cancel { who });
            self.give_up(who, self.rules.unanswered, out);
        }
    }

    /// An invitation has come to nothing.
    fn give_up(&mut self, who: PersonId, cause: Cause, out: &mut Vec<Action>) {
        self.people.turn(who, Presence::Refused, out);
        // IM-7.2.1.2-FAIL-S1a: of all causes the lowest is the host's.
        if let State::Asking { lowest, .. } = &mut self.state {
            *lowest = Some(lowest.map_or(cause, |lowest| lowest.min(cause)));
        }
    }

    /// Lets `who` in with `leg`. Every objection was made before.
    pub(crate) fn let_in(
        &mut self,
        who: PersonId,
        leg: LegId,
        (hidden, nick): (bool, Option<Nick>),
        out: &mut Vec<Action>,
    ) {
        if who != PersonId::HOST {
            match &mut self.state {
                // IM-7.2.1.2-OK-S1: the first guest brings the host in, later ones do not.
                State::Asking { .. } => {
                    out.push(Action::AnswerHost);
                    self.state = State::Open { guest_came: true };
                }
                State::Open { guest_came } => *guest_came = true,
                State::Closed => {}
            }
        }
        if hidden {
            self.people.mask(who, Wish::Own, out);
        }
        let person = self.people.get(who);
        let is_in = person.is_some_and(|person| person.presence == Presence::Connected);
        // Who comes back without a word on it is called as before, unless somebody else is now.
        let former = person.and_then(|person| person.nick.clone());
        let nick = nick.or(former.filter(|nick| self.people.is_free(nick, Some(who))));
        let is_renamed = self.people.rename(who, nick);
        self.people.add_leg(who, leg);
        if !is_in {
            self.people.turn(who, Presence::Connected, out);
        } else if is_renamed {
            out.push(Action::Changed { who });
        }
    }

    pub(crate) fn presence(&self, who: PersonId) -> Result<Presence, Refusal> {
        let person = self.people.get(who).ok_or(Refusal::Unknown)?;
        Ok(person.presence)
    }
}

/// A least number of people as a number to compare with; nobody at all is never enough.
pub(crate) fn places(fewest: u32) -> usize {
    usize::try_from(fewest).unwrap_or(usize::MAX).max(1)
}

/// A closed room refuses what somebody waits for, and lets the rest pass.
fn after_the_end(event: &Event) -> Result<(), Refusal> {
    match event {
        Event::Joined { .. }
        | Event::HostArrived { .. }
        | Event::Entered { .. }
        | Event::Renamed { .. }
        | Event::Referred { .. }
        | Event::Removed { .. } => Err(Refusal::Closed),
        Event::Ringing { .. }
        | Event::Refused { .. }
        | Event::HostWithdrew
        | Event::Left { .. }
        | Event::RulesChanged(_)
        | Event::Unable { .. }
        | Event::Known { .. }
        | Event::Close { .. }
        | Event::Timeout => Ok(()),
    }
}
