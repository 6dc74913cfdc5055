//! Somebody comes into a room by an INVITE of their own: their end of the chat, and the 200.

use std::sync::Arc;

use bytes::Bytes;
use room::{Event, LegId, Refusal};
use sip::sdp::{Description, LocalMedia, LocalSession, MsrpMedia, Repeated, Setup as MediaSetup};
use sip::session_timer::Agreed;

use crate::core::Command;
use crate::focus::legs::{Accept, LegCommand, NewLeg};
use crate::focus::{Call, media};
use crate::house::House;
use crate::rooms::{Arrival, RoomHandle};
use crate::switch::Session;

/// An INVITE that is to become a leg of a room.
pub(super) struct Entry {
    pub(super) room: RoomHandle,
    /// What it offers; without it the offer is ours, and the answer comes in the ACK.
    pub(super) sdp: Option<Description>,
    pub(super) timer: Option<Agreed>,
}

impl Entry {
    /// Brings the leg into the room and sends the 200. `types` are those the other side takes, if
    /// that is known; `event` says how it comes in.
    ///
    /// On an error nothing was sent.
    pub(super) async fn admit(
        self,
        house: &Arc<House>,
        call: &Call,
        types: Option<&[String]>,
        event: impl FnOnce(LegId) -> Event,
    ) -> Result<(), Refusal> {
        let leg = house.leg_id();
        let described = self.describe(house, leg, types)?;
        let session = &described.session;
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
        // In the room before the 200 goes out: what they say at once is heard.
        // IM-7.2.1.2-OK-S4, IM-7.2.1.5-S9: and with that attached to the switch.
        if let Err(refused) = self.room.arrive(arrival, event(leg)).await {
            house.switch.close(session);
            return Err(refused);
        }
        // IM-7.2.1.2-OK-S3, IM-7.2.1.5-S6, IM-7.2.1.5-S8
        let accept = Accept {
            id: call.id,
            request: call.request.clone(),
            flow: call.flow.clone(),
            tag: call.tag.clone(),
            contact: format!("<{}>{}", self.room.identity, super::FEATURES),
            body: described.body,
            new: NewLeg {
                leg,
                room: self.room.clone(),
                session: described.session,
                description: described.description,
                local: described.local,
                timer: self.timer,
                awaits_answer: self.sdp.is_none(),
            },
        };
        call.shard
            .tell(Command::Leg(LegCommand::Accept(Box::new(accept))));
        Ok(())
    }

    /// Their end of the chat, if it came with the INVITE.
    fn peer(&self, house: &House) -> Option<(usize, &MsrpMedia)> {
        self.sdp
            .as_ref()
            .and_then(|sdp| media::acceptable(house, sdp))
    }

    /// IM-7.2.1.2-OK-S2, IM-7.2.1.5-S7: our description, as answer or as offer.
    fn describe(
        &self,
        house: &Arc<House>,
        leg: LegId,
        types: Option<&[String]>,
    ) -> Result<Described, Refusal> {
        let mut rng = house.rng();
        let session = house.switch.open(leg, self.room.door.clone(), &mut rng);
        let mut description = LocalSession::new(rng.u64() >> 1);
        let (body, local) = match (&self.sdp, self.peer(house)) {
            (Some(sdp), Some((index, peer))) => {
                // IM-7.2.1.2-OK-S2b: the attributes that came with the media line, with our own
                // end of the connection.
                let setup = MediaSetup::negotiate(peer.setup, true);
                let local = media::local(house, &self.room, &session, setup);
                let mut local = local.repeating_in_answer(&Repeated::of(peer));
                // IM-7.2.1.2-OK-S2a, IM-7.2.1.5-S7a: the types that both sides take.
                local.accept_types = media::common_types(peer, types);
                if media::tie(house, &session, peer, setup.connects()).is_err() {
                    house.switch.close(&session);
                    return Err(Refusal::Media);
                }
                (description.answer(sdp, index, &local), local)
            }
            // The INVITE came without a description: the offer is ours, the answer in the ACK.
            _ => {
                let local = media::local(house, &self.room, &session, MediaSetup::ActPass);
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

/// What is told about our end of the chat.
struct Described {
    session: Arc<Session>,
    description: LocalSession,
    local: LocalMedia,
    body: Bytes,
}
