//! The inviter of a conference, from the first ringing to the answer (7.2.1.2).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use room::{Cause, Event, LegId};
use sip::sdp::{Description, LocalMedia, LocalSession, MsrpMedia, Setup as MediaSetup};
use sip::session_timer::Agreed;
use tokio::sync::mpsc;

use crate::core::{Answer, Command};
use crate::focus::legs::{Accept, LegCommand, NewLeg};
use crate::focus::{Call, media, refusal};
use crate::house::House;
use crate::rooms::{self, Arrival, HostNews, RoomHandle};
use crate::switch::Session;

/// How often a 180 is repeated to the inviter while nobody accepts (RFC 3261 section 13.3.1.1
/// wants one a minute).
const REPEAT_180: Duration = Duration::from_secs(60);

/// A conference whose inviter waits for the answer.
pub(super) struct Conference {
    pub(super) room: RoomHandle,
    pub(super) news: mpsc::UnboundedReceiver<HostNews>,
    pub(super) sdp: Option<Description>,
    pub(super) timer: Option<Agreed>,
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
            call.ringing(house, &self.room.identity);
            repeat_180 = Some(clock.now() + REPEAT_180);
        }
    }

    /// CANCEL, or the inviter's connection is gone: all legs end.
    fn withdrawn(&self, house: &House, call: &Call) {
        self.room.tell(rooms::Order::Event(Event::HostWithdrew));
        // Said also when nobody is there to hear it: the transaction ends with it.
        call.refuse(house, &Answer::plain(487));
    }

    /// IM-7.2.1.2-OK-S1: the 200 to the inviter.
    async fn accept(self, house: &Arc<House>, call: &Call, first: Option<&[String]>) {
        let leg = house.leg_id();
        let answered = match self.describe(house, leg, first) {
            Ok(answered) => answered,
            Err(refused) => {
                self.room.tell(rooms::Order::Event(Event::HostWithdrew));
                return call.refuse(house, &refusal::answer(refused));
            }
        };
        let session = &answered.session;
        let (accepts, wrapped, whispers) = match self.peer(house) {
            Some((_, peer)) => (
                peer.accept_types.as_slice().into(),
                peer.accept_wrapped_types.as_slice().into(),
                peer.takes_private_messages(),
            ),
            None => ([media::CPIM.to_owned()].into(), [].into(), false),
        };
        let arrival = Arrival {
            leg,
            shard: call.shard.clone(),
            session: Arc::clone(session),
            accepts,
            wrapped,
            whispers,
        };
        // In the room before the 200 goes out: what the inviter says at once is heard.
        // IM-7.2.1.2-OK-S4: and with that attached to the switch.
        if let Err(refused) = self.room.arrive(arrival, Event::HostArrived { leg }).await {
            house.switch.close(session);
            let answer = match refused {
                // Who accepted has left already. There is no dialog that 481 could be about.
                room::Refusal::Closed => Answer::plain(480),
                refused => refusal::answer(refused),
            };
            return call.refuse(house, &answer);
        }
        // IM-7.2.1.2-OK-S3
        let accept = Accept {
            id: call.id,
            request: call.request.clone(),
            flow: call.flow.clone(),
            tag: call.tag.clone(),
            contact: format!("<{}>{}", self.room.identity, super::FEATURES),
            body: answered.body,
            new: NewLeg {
                leg,
                room: self.room.clone(),
                session: answered.session,
                description: answered.description,
                local: answered.local,
                timer: self.timer,
                awaits_answer: self.sdp.is_none(),
            },
        };
        call.shard
            .tell(Command::Leg(LegCommand::Accept(Box::new(accept))));
    }

    /// The inviter's end of the chat, if it came with the INVITE.
    fn peer(&self, house: &House) -> Option<(usize, &MsrpMedia)> {
        self.sdp
            .as_ref()
            .and_then(|sdp| media::acceptable(house, sdp))
    }

    /// IM-7.2.1.2-OK-S2: our description, as answer or as offer.
    fn describe(
        &self,
        house: &Arc<House>,
        leg: LegId,
        first: Option<&[String]>,
    ) -> Result<Described, room::Refusal> {
        let mut rng = house.rng();
        let session = house.switch.open(leg, self.room.door.clone(), &mut rng);
        let mut description = LocalSession::new(rng.u64() >> 1);
        let (body, local) = match (&self.sdp, self.peer(house)) {
            (Some(sdp), Some((index, peer))) => {
                // IM-7.2.1.2-OK-S2b: the attributes that came with the media line, with our own
                // end of the connection.
                let setup = MediaSetup::negotiate(peer.setup, true);
                let mut local = media::local(house, &session, setup).repeating_in_answer(peer);
                // IM-7.2.1.2-OK-S2a: the types that both sides take.
                local.accept_types = media::common_types(peer, first);
                if media::tie(house, &session, peer, setup.connects()).is_err() {
                    house.switch.close(&session);
                    return Err(room::Refusal::Media);
                }
                (description.answer(sdp, index, &local), local)
            }
            // The INVITE came without a description: the offer is ours, the answer in the ACK.
            _ => {
                let local = media::local(house, &session, MediaSetup::ActPass);
                (description.offer(&local), local)
            }
        };
        Ok(Described {
            session,
            description,
            local,
            body,
        })
    }
}

/// What the inviter is told about the chat.
struct Described {
    session: Arc<Session>,
    description: LocalSession,
    local: LocalMedia,
    body: Bytes,
}
