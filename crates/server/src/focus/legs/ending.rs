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

use super::Legs;
use crate::core::desk::{Desk, Owner, user_agent};
use crate::rooms::Order;
use crate::switch::Switch;

/// How long a peer that reads slowly may take for what was said before it is let go. The switch
/// gives one that does not read at all about as long.
const WRITTEN_BY: Duration = Duration::from_secs(5);

/// How soon to look again whether all is written. The pause doubles, so there are a dozen looks.
const LOOK: Duration = Duration::from_millis(1);

/// A leg that is to end.
pub(super) struct Leaving {
    reason: Option<String>,
    until: Instant,
    look_at: Instant,
    pause: Duration,
}

impl Leaving {
    pub(super) fn poll_timeout(&self) -> Instant {
        self.look_at
    }
}

impl Legs {
    /// Ends a leg from our side.
    pub(crate) fn release(&mut self, id: LegId, reason: Option<&str>, desk: &mut Desk) {
        let Some(leg) = self.get_mut(id) else {
            return;
        };
        if leg.leaving.is_some() {
            return;
        }
        desk.house.switch.retire(&leg.session);
        if leg.session.is_written() {
            return self.say_bye(id, reason, desk);
        }
        leg.leaving = Some(Leaving {
            reason: reason.map(str::to_owned),
            until: desk.now + WRITTEN_BY,
            look_at: desk.now + LOOK,
            pause: LOOK,
        });
        self.wind(id);
    }

    pub(super) fn look_whether_written(&mut self, id: LegId, desk: &mut Desk) {
        let Some(leg) = self.get_mut(id) else {
            return;
        };
        let is_written = leg.session.is_written();
        let Some(leaving) = &mut leg.leaving else {
            return;
        };
        if is_written || leaving.until <= desk.now {
            let reason = leaving.reason.take();
            return self.say_bye(id, reason.as_deref(), desk);
        }
        leaving.pause *= 2;
        leaving.look_at = leaving.until.min(desk.now + leaving.pause);
    }

    fn say_bye(&mut self, id: LegId, reason: Option<&str>, desk: &mut Desk) {
        let Some(mut leg) = self.remove(id, desk) else {
            return;
        };
        self.farewells.insert(id, Arc::clone(&leg.session));
        let dialog = leg.dialog.id().clone();
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
        if let Some(session) = self.farewells.remove(&id) {
            Switch::dismiss(&session);
            self.ended.retain(|_, (leg, _)| *leg != id);
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
