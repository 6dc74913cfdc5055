//! A session that the other side has ended is heard out.
//!
//! Its BYE goes by way of SIP, what was said before by way of MSRP, and either may overtake the
//! other. So the connection for messages is read on until the other side closes it.
//!
//! ```text
//!   Live ──BYE──▶ parting ──connection closed, or [`HEAR_OUT`] over──▶ gone: one SessionEnded
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::Failure;
use crate::media::Media;
use crate::talk::Deliveries;

/// How long the other side may take to close its connection for messages after its BYE. Whoever
/// has said all that is to be said closes at once; some leave it to us.
const HEAR_OUT: Duration = Duration::from_secs(2);

/// What is left of a session after the BYE of the other side.
pub(crate) struct Parting {
    pub(crate) media: Arc<Media>,
    pub(crate) deliveries: Deliveries,
    /// Who is at the other end.
    pub(crate) addressee: String,
    until: Instant,
    why: String,
}

impl Parting {
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.until
    }
}

impl Core {
    /// The other side has ended a session. Nothing more is done in it, but it is heard out.
    pub(crate) fn part(&mut self, id: SessionId, why: &str, now: Instant) {
        let is_heard = |s: &crate::session::Session| s.is_up && s.media.is_some();
        if !self.sessions.get(&id).is_some_and(is_heard) {
            self.end(id, why, Failure::Cancelled, now);
            return;
        }
        let Some(session) = self.close(id, Failure::Cancelled, now) else {
            return;
        };
        let addressee = session.addressee().to_owned();
        if let Some(media) = session.media {
            let parting = Parting {
                media,
                deliveries: session.deliveries,
                addressee,
                until: now + HEAR_OUT,
                why: why.to_owned(),
            };
            self.parting.insert(id, parting);
        }
    }

    /// Nothing more comes.
    pub(crate) fn heard_out(&mut self, id: SessionId) {
        if let Some(Parting {
            deliveries, why, ..
        }) = self.parting.remove(&id)
        {
            deliveries.give_up(&why);
            self.tell(Event::SessionEnded { session: id, why });
        }
    }

    pub(crate) fn parting_timeouts(&mut self, now: Instant) {
        let due = self.parting.iter().filter(|(_, p)| p.until <= now);
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.heard_out(id);
        }
    }

    /// The agent ends, and waits for nobody.
    pub(crate) fn part_at_once(&mut self) {
        let parting: Vec<_> = self.parting.keys().copied().collect();
        for id in parting {
            self.heard_out(id);
        }
    }
}
