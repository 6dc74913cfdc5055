//! Legs of devices: they speak MSRP, and their dialogs stand in the shards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use msrp::Method;
use room::{Address, Event, LegId, PersonId, Refusal, Seat, Standing, Why};
use tokio::sync::oneshot;

use super::{EARLY, Place, Reply, RoomTask, SLOW};
use crate::core::{Command, ShardHandle};
use crate::focus::ONE_TO_ONE;
use crate::focus::legs::LegCommand;
use crate::rooms::observers::anonymous;
use crate::rooms::speech::Voice;
use crate::rooms::{Arrival, Kind, Types};
use crate::switch::{News, Said, Switch};

impl RoomTask {
    pub(super) fn news(&mut self, news: News) {
        match news {
            News::Up { leg } => tracing::debug!(room = %self.handle.identity, ?leg, "media are up"),
            News::Gone { leg, why } => self.lose(leg, why),
        }
    }

    /// A leg whose media are lost is lost: it hears nothing any more.
    pub(super) fn lose(&mut self, leg: LegId, why: &'static str) {
        if self.seats.contains_key(&leg) {
            self.wait_for_return();
        }
        self.let_go(leg, why);
    }

    fn let_go(&mut self, leg: LegId, why: &'static str) {
        let Some(place) = self.unseat(leg) else {
            return;
        };
        tracing::info!(room = %self.handle.identity, ?leg, why, "a leg was lost");
        match place {
            Place::Device(arrival) => {
                // It does not take what waits, or not in time: the BYE is not kept back by it.
                Switch::dismiss(&arrival.session);
                let reason = Some(format!("SIP;cause=503;text=\"{why}\""));
                Self::hang_up(&arrival, reason);
            }
            Place::Handset(handset) => self.drop_handset(&handset),
        }
        let _ = self.happen(Event::Left { leg });
    }

    /// A session of two is not over when one of them is lost: they may come back (IM 7.2.1.5), with
    /// another connection or from another address, and may take as long as one who is invited.
    fn wait_for_return(&mut self) {
        let rules = self.room.rules();
        if matches!(self.handle.kind, Kind::Conference) && rules.fewest == ONE_TO_ONE {
            let rules = room::Rules {
                fewest: 0,
                ..rules.clone()
            };
            let _ = self.happen(Event::RulesChanged(rules));
            let patience = self.house.policy().focus.ring;
            self.waits_until = Some(self.house.world.clock.now() + patience);
        }
    }

    /// Whoever was lost is back, or does not come: then it is over.
    pub(super) fn wait_no_more(&mut self) {
        if self.waits_until.take().is_some() {
            let rules = room::Rules {
                fewest: ONE_TO_ONE,
                ..self.room.rules().clone()
            };
            let _ = self.happen(Event::RulesChanged(rules));
        }
    }

    pub(super) fn arrived(
        &mut self,
        mut leg: Arrival,
        event: Event,
        answer: oneshot::Sender<Result<(), Refusal>>,
    ) {
        let id = leg.leg;
        self.share(&mut leg.accepts, &mut leg.wrapped);
        if let Event::Joined { who, .. } = event {
            self.invitation_over(who, None);
        }
        let is_over = leg.session.is_over();
        let accepts = leg.accepts.clone();
        self.seats.insert(id, Place::Device(leg));
        if let Event::Joined { .. } = event
            && self.is_of_handset()
        {
            self.look_who_is_able();
        }
        let bound_by = self.house.world.clock.now() + self.house.policy().focus.media;
        self.unbound.push_back((bound_by, id));
        let result = self.happen(event);
        if result.is_err() {
            self.unseat(id);
        } else if let Some(who) = self.room.owner(id) {
            if who != PersonId::HOST {
                self.first_accepts.get_or_insert(accepts);
            }
            self.outgrow();
            self.give_voice(who);
            // IMPS-9.1.11-S26: with the peer the one who grew the conversation is in.
            self.answer_handset();
            self.catch_up(id);
            self.admit_observers(who);
            if is_over {
                // It left, or lost its media, on its way here: nobody will say so again.
                self.let_go(id, "the leg ended before it was in the room");
            }
        }
        self.forget_early();
        self.answers.push(Reply::Device(answer, result));
    }

    /// A session of two that has grown is one of many, and not over when one of two leaves.
    pub(super) fn outgrow(&mut self) {
        let is_in = |seat: &Seat<'_>| seat.standing == Standing::Connected;
        if self.room.people().filter(is_in).count() > 1 {
            self.wait_no_more();
        }
        let rules = self.room.rules();
        if !matches!(self.handle.kind, Kind::Conference) || rules.fewest != ONE_TO_ONE {
            return;
        }
        if self.room.people().filter(is_in).count() > 2 {
            let rules = room::Rules {
                fewest: 0,
                ..rules.clone()
            };
            let _ = self.happen(Event::RulesChanged(rules));
        }
    }

    /// Devices are of a few kinds: those of one kind keep their types together.
    fn share(&self, accepts: &mut Types, wrapped: &mut Types) {
        let Some(Place::Device(last)) = self.seats.values().next_back() else {
            return;
        };
        for (kept, new) in [(&last.accepts, accepts), (&last.wrapped, wrapped)] {
            if kept == new {
                *new = Arc::clone(kept);
            }
        }
    }

    pub(super) fn described(
        &mut self,
        leg: LegId,
        mut accepts: Types,
        mut wrapped: Types,
        whispers: bool,
    ) {
        self.share(&mut accepts, &mut wrapped);
        if let Some(Place::Device(seat)) = self.seats.get_mut(&leg) {
            seat.accepts = accepts;
            seat.wrapped = wrapped;
            seat.whispers = whispers;
        }
        if let Some(who) = self.room.owner(leg) {
            self.give_voice(who);
        }
    }

    pub(super) fn hear(&mut self, said: Said, now: Instant) {
        if self.voices.get(said.leg).is_none() {
            if self.invitations.is_empty() {
                // Nobody is on the way: it is the last word of somebody who has left.
                return;
            }
            // A device that accepts may speak before its 200 has come all the way here.
            if self.early.len() >= EARLY {
                self.early.pop_front();
            }
            return self.early.push_back(said);
        }
        if said.piece.head.kind() == msrp::Kind::Request(Method::Nickname) {
            return self.asks_for_nickname(&said);
        }
        let slow = self
            .speech
            .said(said, &self.room, &self.voices, now, &mut self.rng);
        for crossed in self.speech.crossed() {
            self.cross(crossed);
        }
        for leg in slow {
            self.lose(leg, SLOW);
        }
    }

    /// When nobody is on the way any more, nobody is waited for.
    pub(super) fn forget_early(&mut self) {
        if self.invitations.is_empty() {
            self.early = VecDeque::new();
        }
    }

    /// Hears what a leg said before it had arrived.
    fn catch_up(&mut self, leg: LegId) {
        let now = self.house.world.clock.now();
        let (its, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|said| said.leg == leg);
        self.early = others;
        let its: VecDeque<Said> = its;
        for said in its {
            self.hear(said, now);
        }
    }

    /// Brings the voices of a person's legs up to date.
    pub(super) fn give_voice(&mut self, who: PersonId) {
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        for leg in seat.legs {
            if let Some(Place::Device(arrival)) = self.seats.get(leg) {
                self.voices.insert(*leg, voice(&seat, arrival));
            }
        }
    }

    /// If a leg is this person's: the devices of another person.
    pub(super) fn peers(
        &self,
        leg: LegId,
        of: &Address,
        who: &Address,
    ) -> Option<Vec<(LegId, ShardHandle)>> {
        let owner = self.room.owner(leg)?;
        if self.room.find(of) != Some(owner) {
            return None;
        }
        let other = self.room.find(who).and_then(|who| self.room.seat(who));
        let legs = other.map(|seat| seat.legs).unwrap_or_default();
        let device = |leg: &LegId| match self.seats.get(leg) {
            Some(Place::Device(arrival)) => Some((*leg, arrival.shard.clone())),
            Some(Place::Handset(_)) | None => None,
        };
        Some(legs.iter().filter_map(device).collect())
    }

    /// Another device has taken the place of this one.
    pub(super) fn replaced(&mut self, leg: LegId) {
        if let Some(Place::Device(arrival)) = self.unseat(leg) {
            let reason = "SIP;cause=200;text=\"Replaced\"".to_owned();
            Self::hang_up(&arrival, Some(reason));
            let _ = self.happen(Event::Left { leg });
        }
    }

    /// Ends the dialog of a leg that has left its place.
    pub(super) fn hang_up(arrival: &Arrival, reason: Option<String>) {
        let leg = arrival.leg;
        let release = LegCommand::Release { leg, reason };
        arrival.shard.tell(Command::Leg(release));
    }
}

fn voice(seat: &Seat<'_>, arrival: &Arrival) -> Voice {
    Voice {
        line: arrival.session.line(),
        address: seat.address.clone(),
        seen_as: seat.hidden.map(anonymous),
        accepts: arrival.accepts.clone(),
        wrapped: arrival.wrapped.clone(),
        whispers: arrival.whispers,
    }
}

/// The Reason header of a BYE: 410 where the conversation is over for good.
pub(super) fn reason(why: Why) -> Option<String> {
    let (cause, text) = match why {
        Why::Empty | Why::Ended | Why::TooFew => (410, "Gone"),
        Why::HostWithdrew => (410, "The Inviter Is Gone"),
        Why::NobodyJoined => (480, "Nobody Accepted"),
        Why::Hidden => (403, "119 Anonymity not allowed"),
        Why::InvitationOver => (487, "The Invitation Is Over"),
        Why::Removed => (403, "Removed"),
        Why::Full => (486, "102 too many participants"),
    };
    Some(format!("SIP;cause={cause};text=\"{text}\""))
}
