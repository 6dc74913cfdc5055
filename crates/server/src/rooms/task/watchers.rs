//! Who asks to be told who is in the room (RFC 4575).

use std::collections::VecDeque;

use room::{PersonId, Standing};

use super::{AHEAD, AHEAD_MAX, RoomTask};
use crate::core::{Answer, Command};
use crate::notify::WatcherCommand;
use crate::rooms::Subscribe;

impl RoomTask {
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        let who = self.room.find(&subscribe.address);
        let seat = who.and_then(|who| self.room.seat(who));
        let is_ahead = seat
            .is_some_and(|seat| matches!(seat.standing, Standing::Invited | Standing::Alerting));
        if is_ahead && self.ahead.len() < AHEAD_MAX {
            let until = self.house.world.clock.now() + AHEAD;
            return self.ahead.push_back((until, subscribe));
        }
        self.decide(subscribe);
    }

    /// Decides on the SUBSCRIBEs of somebody who was expected and is in now.
    pub(super) fn admit_observers(&mut self, who: PersonId) {
        if self.ahead.is_empty() {
            return;
        }
        let (theirs, others) = std::mem::take(&mut self.ahead)
            .into_iter()
            .partition(|(_, subscribe)| self.room.find(&subscribe.address) == Some(who));
        self.ahead = others;
        let theirs: VecDeque<_> = theirs;
        for (_, subscribe) in theirs {
            self.decide(subscribe);
        }
    }

    pub(super) fn decide(&mut self, subscribe: Subscribe) {
        let Subscribe {
            id,
            shard,
            watch,
            address,
            piece,
        } = subscribe;
        let answer = if !self.room.may_observe(&address) {
            // The roster is for those in the room.
            Some(Answer::because(403, "Only Participants May Subscribe"))
        } else if !self.observers.has_place() {
            Some(Answer::plain(503))
        } else {
            None
        };
        shard.tell(Command::Watcher(WatcherCommand::Decided {
            id,
            watch,
            answer: answer.clone(),
        }));
        if answer.is_none() {
            let now = self.house.world.clock.now();
            self.observers.add(watch, address, piece, shard, now);
        }
    }
}
