//! The end of a leg: what was said before reaches the peer before the BYE does.
//!
//! ```text
//!   Release ──no connection──▶ BYE ──answered──▶ gone
//!      └──▶ leaving ──written, or [`WRITTEN_BY`] over──▲
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use room::LegId;
use sip::{Method, Name};

use super::{LegCommand, Legs};
use crate::core::Command;
use crate::core::desk::{Desk, Owner, user_agent};
use crate::rooms::Order;
use crate::switch::Switch;

/// How long a peer that reads slowly may take for what was said before it is let go. The switch
/// gives one that does not read at all about as long.
const WRITTEN_BY: Duration = Duration::from_secs(5);

/// A leg that is to end.
pub(super) struct Leaving {
    reason: Option<String>,
    until: Instant,
}

impl Leaving {
    pub(super) fn poll_timeout(&self) -> Instant {
        self.until
    }
}

impl Legs {
    /// Ends a leg from our side.
    pub(crate) fn release(&mut self, id: LegId, reason: Option<&str>, desk: &mut Desk) {
        let shard = self.shard.clone();
        let Some(leg) = self.get_mut(id).filter(|leg| leg.leaving.is_none()) else {
            return;
        };
        desk.house.switch.retire(&leg.session);
        let tell = move || shard.tell(Command::Leg(LegCommand::Written { leg: id }));
        if !leg.session.when_written(tell) {
            return self.say_bye(id, reason, desk);
        }
        leg.leaving = Some(Leaving {
            reason: reason.map(str::to_owned),
            until: desk.now + WRITTEN_BY,
        });
        self.wind(id);
    }

    /// All is written to a leg that is to end, or enough was waited for.
    pub(super) fn written(&mut self, id: LegId, desk: &mut Desk) {
        if let Some(leaving) = self.get_mut(id).and_then(|leg| leg.leaving.take()) {
            self.say_bye(id, leaving.reason.as_deref(), desk);
        }
    }

    fn say_bye(&mut self, id: LegId, reason: Option<&str>, desk: &mut Desk) {
        let Some(mut leg) = self.remove(id, desk) else {
            return;
        };
        let dialog = leg.dialog.id().clone();
        self.farewells
            .insert(id, (Arc::clone(&leg.session), dialog.clone()));
        self.ended.insert(dialog, (id, leg.room.clone()));
        desk.request(&Method::Bye, &leg.flow, Owner::Farewell(id), |via| {
            let mut draft = leg.dialog.request(&Method::Bye, via);
            user_agent(&mut draft);
            if let Some(reason) = reason {
                draft.header(Name::Reason, reason);
            }
            draft.finish()
        });
    }

    /// The peer has answered our BYE, or never will: it hears no other word.
    pub(crate) fn parted(&mut self, id: LegId) {
        if let Some((session, dialog)) = self.farewells.remove(&id) {
            Switch::dismiss(&session);
            self.ended.remove(&dialog);
        }
    }

    /// A leg has ended by itself: the room is told.
    pub(crate) fn ended(&mut self, id: LegId, desk: &mut Desk) {
        if let Some(leg) = self.remove(id, desk) {
            leg.room.tell(Order::Event(room::Event::Left { leg: id }));
        }
    }

    /// Ends a leg whose peer is not there, and tells the room.
    pub(crate) fn lose(&mut self, id: LegId, reason: &str, desk: &mut Desk) {
        let Some(leg) = self.get_mut(id).filter(|leg| leg.leaving.is_none()) else {
            return;
        };
        leg.room.tell(Order::Event(room::Event::Left { leg: id }));
        self.release(id, Some(reason), desk);
    }
}
