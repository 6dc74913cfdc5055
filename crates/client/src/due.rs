//! What is due in sessions: refreshes, repetitions, and ends.

use std::time::Instant;

use sip::session_timer::SessionEvent;
use sip::transaction::Pending;

use crate::core::Core;
use crate::event::SessionId;
use crate::session::{Session, Stage};

impl Core {
    pub(crate) fn session_timeouts(&mut self, now: Instant) {
        let due = |session: &Session| session.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| due(s))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.session_timeout(id, now);
        }
    }

    fn session_timeout(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let timer = session
            .timer
            .as_mut()
            .and_then(|timer| timer.handle_timeout(now));
        match timer {
            // IM-7.1.1.8-S1: before the timer runs out, a request that lets the session live on.
            Some(SessionEvent::Refresh) => self.send_reinvite(id, 0, now),
            Some(SessionEvent::Expired) => {
                // RFC 4028 section 10: whoever finds the session dead says so.
                self.hang_up(id, "the session was not refreshed in time", None, now);
                return;
            }
            None => {}
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let mut repeat = None;
        let mut again = false;
        let mut lost = None;
        match &mut session.stage {
            Stage::Called(called) if called.give_up_at <= now => {
                // Nobody answered: RFC 3261 section 21.4.18.
                let _told = self.decline(id, 480, now);
                return;
            }
            Stage::Called(_) | Stage::Calling(_) => {}
            Stage::Live(live) => {
                again = live.again_at.is_some_and(|at| at <= now);
                if again {
                    live.again_at = None;
                }
                if let Some((server, unconfirmed)) = &mut live.unconfirmed {
                    match unconfirmed.handle_timeout(now) {
                        Pending::Wait => {}
                        Pending::Repeat(bytes) => repeat = Some((*server, bytes)),
                        // RFC 3261 section 13.3.1.4: no ACK, no session.
                        Pending::Lost => {
                            lost = Some("the other side did not acknowledge the session".to_owned())
                        }
                    }
                }
                if let Some((_, why)) = live.hang_up_at.take_if(|(at, _)| *at <= now) {
                    lost = Some(why);
                }
            }
        }
        if let Some((server, bytes)) = repeat {
            self.respond(server, 200, bytes, now);
        }
        if let Some(why) = lost {
            self.hang_up(id, &why, None, now);
        } else if again {
            self.send_reinvite(id, 0, now);
        }
    }
}
