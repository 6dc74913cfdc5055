//! The inviter of a conference, from the first ringing to the answer (7.2.1.2).

use std::sync::Arc;
use std::time::Duration;

use room::{Cause, Event};
use tokio::sync::mpsc;

use crate::core::Answer;
use crate::focus::entry::Entry;
use crate::focus::{Call, refusal};
use crate::house::House;
use crate::rooms::{self, HostNews};

/// How often a 180 is repeated to the inviter while nobody accepts (RFC 3261 section 13.3.1.1
/// wants one a minute).
const REPEAT_180: Duration = Duration::from_secs(60);

/// A conference whose inviter waits for the answer.
pub(super) struct Conference {
    pub(super) entry: Entry,
    pub(super) news: mpsc::UnboundedReceiver<HostNews>,
}

impl Conference {
    /// Waits until the room says what becomes of the inviter, or the inviter gives up.
    pub(super) async fn attend(mut self, house: &Arc<House>, call: &mut Call) {
        let mut repeat_180 = None;
        loop {
            let clock = house.world.clock;
            let again = async move {
                match repeat_180 {
                    Some(when) => clock.sleep_until(when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = call.events.recv() => return self.withdrawn(house, call),
                news = self.news.recv() => match news {
                    Some(HostNews::Ring) => {}
                    Some(HostNews::Answer { accepts }) => {
                        return self.accept(house, call, accepts.as_deref()).await;
                    }
                    Some(HostNews::Refuse { cause: Cause(status) }) => {
                        // IM-7.2.1.2-FAIL-S1: nobody came, and this is the reason to give.
                        return call.refuse(house, &Answer::plain(status).by("IM-7.2.1.2-FAIL-S1"));
                    }
                    None => return call.refuse(house, &Answer::plain(480)),
                },
                () = again => {}
            }
            // Here somebody rings: say so now and once a minute.
            call.ringing(house, &self.entry.room.identity);
            repeat_180 = Some(clock.now() + REPEAT_180);
        }
    }

    /// CANCEL, or the inviter's connection is gone: all legs end.
    fn withdrawn(&self, house: &House, call: &Call) {
        let room = &self.entry.room;
        room.tell(rooms::Order::Event(Event::HostWithdrew));
        // Said also when nobody is there to hear it: the transaction ends with it.
        call.refuse(house, &Answer::plain(487));
    }

    /// IM-7.2.1.2-OK-S1: the 200 to the inviter.
    async fn accept(self, house: &Arc<House>, call: &Call, first: Option<&[String]>) {
        let room = self.entry.room.clone();
        let arrives = |leg| Event::HostArrived { leg };
        if let Err(refused) = self.entry.admit(house, call, first, arrives).await {
            room.tell(rooms::Order::Event(Event::HostWithdrew));
            let answer = match refused {
                // Who accepted has left already. There is no dialog that 481 could be about.
                room::Refusal::Closed => Answer::plain(480),
                refused => refusal::answer(refused),
            };
            call.refuse(house, &answer);
        }
    }
}
