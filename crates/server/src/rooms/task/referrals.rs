//! REFERs: people brought in by somebody who is in, and people taken out.

use std::sync::Arc;

use room::{Action, Address, Event, Guest, LegId, PersonId, Refusal, Standing};

use super::RoomTask;
use crate::core::{Answer, Command, ShardHandle};
use crate::focus::credit::Hold;
use crate::focus::refer::{Deed, ReferCommand};
use crate::focus::{NO_CREDIT, refusal};
use crate::rooms::Refer;

/// Who has brought somebody in, until they are called.
#[derive(Debug, Default)]
pub(crate) struct Referred {
    /// Whoever refers, also if hidden.
    pub(crate) by: Option<Address>,
    /// The same, unless hidden.
    pub(crate) inviter: Option<Address>,
    pub(crate) display: Option<Arc<str>>,
    /// Credit for the invitation.
    pub(crate) hold: Option<Hold>,
}

/// Somebody wants to know what comes of a REFER.
pub(super) struct Reporter {
    who: PersonId,
    refer: u64,
    shard: ShardHandle,
}

/// What a REFER counts as that came to nothing because it was taken back.
const TERMINATED: u16 = 487;

impl RoomTask {
    pub(super) fn refer(&mut self, order: Refer) {
        let Refer {
            refer,
            shard,
            by,
            leg,
            hidden,
            deed,
            subscribes,
        } = order;
        let done = match self.referrer(by.as_ref(), leg) {
            Ok((who, leg)) => match deed {
                Deed::Invite(guests) => self.bring(who, leg, hidden, guests),
                Deed::Remove(people) => self.take_out(who, &people),
            },
            Err(refusal) => Err(refusal::answer(refusal)),
        };
        let (answer, named) = match done {
            Ok(named) => (None, named),
            Err(answer) => (Some(answer), None),
        };
        let is_accepted = answer.is_none();
        let decided = ReferCommand::Decided { refer, answer };
        shard.tell(Command::Refer(decided));
        if is_accepted && subscribes {
            match named {
                Some(who) => {
                    self.reporters.push(Reporter { who, refer, shard });
                    self.report(None);
                }
                None => outcome(&shard, refer, 200),
            }
        }
    }

    /// Who refers, and with which device.
    fn referrer(
        &self,
        by: Option<&Address>,
        leg: Option<LegId>,
    ) -> Result<(PersonId, LegId), Refusal> {
        let who = match (by, leg) {
            (Some(address), _) => self.room.find(address),
            (None, Some(leg)) => self.room.owner(leg),
            (None, None) => None,
        };
        let seat = who.and_then(|who| self.room.seat(who));
        let seat = seat.ok_or(Refusal::NotAuthorised)?;
        let leg = leg.or(seat.legs.first().copied());
        Ok((seat.id, leg.ok_or(Refusal::NotAuthorised)?))
    }

    /// Invites people; the one, if one is named.
    fn bring(
        &mut self,
        who: PersonId,
        leg: LegId,
        hidden: bool,
        mut guests: Vec<Guest>,
    ) -> Result<Option<PersonId>, Answer> {
        if hidden && !self.room.may_hide(who) {
            return Err(refusal::answer(Refusal::Anonymous));
        }
        let referrer = self.room.seat(who);
        let by = referrer.map(|seat| seat.address.clone());
        let shown = referrer.filter(|seat| !hidden && seat.hidden.is_none());
        let inviter = shown.map(|seat| seat.address.clone());
        let display: Option<Arc<str>> = shown.and_then(|seat| seat.display.map(Arc::from));
        if let Some(document) = &self.document {
            for guest in &mut guests {
                guest.claim = document.claim(&self.house, &guest.address, false);
            }
        }
        let holds = self.credit_for(who, &guests)?;
        let named = match guests.as_slice() {
            [one] => Some(one.address.clone()),
            _ => None,
        };
        let before = self.actions.len();
        let referred = Event::Referred { by: leg, guests };
        self.happen(referred).map_err(refusal::answer)?;
        let mut holds = holds.into_iter();
        for action in self.actions.iter().skip(before) {
            if let Action::Invite { who } = action {
                let referred = Referred {
                    by: by.clone(),
                    inviter: inviter.clone(),
                    display: display.clone(),
                    hold: holds.next(),
                };
                self.referred.insert(*who, referred);
            }
        }
        Ok(named.and_then(|address| self.room.find(&address)))
    }

    /// Credit for those who are really to be called: it is the referrer's (RFC 5363).
    fn credit_for(&self, who: PersonId, guests: &[Guest]) -> Result<Vec<Hold>, Answer> {
        let Some(referrer) = self.room.seat(who) else {
            return Ok(Vec::new());
        };
        let is_to_be_called = |guest: &&Guest| {
            let known = self.room.find(&guest.address);
            let standing = known
                .and_then(|who| self.room.seat(who))
                .map(|s| s.standing);
            matches!(standing, None | Some(Standing::Left | Standing::Refused))
        };
        let named = room::distinct(referrer.address, guests.to_vec());
        let count = named.iter().filter(is_to_be_called).count();
        let user: Arc<str> = referrer.address.as_str().into();
        let limit = self.house.policy().focus.fan_out_credit;
        let holds = self.house.credit.take(&user, count, limit);
        holds.ok_or(Answer::warned(403, NO_CREDIT))
    }

    /// RFC 4579 section 5.11: takes people out for good.
    fn take_out(&mut self, by: PersonId, people: &[Address]) -> Result<Option<PersonId>, Answer> {
        let mut found = Vec::new();
        for address in people {
            let who = self.room.find(address);
            let may = self.room.may_remove(by, who);
            may.map_err(refusal::answer)?;
            found.push(who.ok_or_else(|| refusal::answer(Refusal::Unknown))?);
        }
        for who in found {
            let for_good = who != by;
            let removed = self.happen(Event::Removed { who, for_good });
            removed.map_err(refusal::answer)?;
        }
        Ok(None)
    }

    /// Tells those who referred what has come of it. `event` is what has happened.
    pub(super) fn report(&mut self, event: Option<&Event>) {
        let room = &self.room;
        self.reporters.retain(|reporter| {
            let seat = room.seat(reporter.who);
            let status = match seat.map(|seat| seat.standing) {
                Some(Standing::Connected) => 200,
                Some(Standing::Refused) => match event {
                    Some(Event::Refused { who, cause }) if *who == reporter.who => cause.0,
                    Some(Event::Timeout) => 408,
                    _ => TERMINATED,
                },
                Some(Standing::Left | Standing::Removed) | None => TERMINATED,
                Some(
                    Standing::Alerting | Standing::Calling | Standing::Invited | Standing::Waiting,
                ) => return true,
            };
            outcome(&reporter.shard, reporter.refer, status);
            false
        });
    }

    /// The room ends: nothing more comes of what is under way.
    pub(super) fn report_end(&mut self) {
        for reporter in self.reporters.drain(..) {
            outcome(&reporter.shard, reporter.refer, TERMINATED);
        }
    }
}

fn outcome(shard: &ShardHandle, refer: u64, status: u16) {
    shard.tell(Command::Refer(ReferCommand::Outcome { refer, status }));
}
