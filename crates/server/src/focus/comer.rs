//! Somebody who comes into a session by themselves, step by step as 7.2.1.5 has it: who they are
//! comes before what they bring.

use std::sync::Arc;

use room::{Address, Claim, Event, LegId, Refusal, Room};
use sip::Name;
use sip::sdp::Description;
use sip::session_timer::Agreed;

use crate::config::Policy;
use crate::core::{Answer, hides_sender};
use crate::focus::entry::Entry;
use crate::focus::{Call, RECIPIENT_LIST, body, media, refusal, replace, timer};
use crate::house::House;
use crate::rooms::{Opened, Order, RoomHandle};

/// Who comes, and by what right.
pub(super) struct Comer<'a> {
    pub(super) house: &'a Arc<House>,
    pub(super) call: &'a Call,
    pub(super) policy: &'a Policy,
    pub(super) address: Address,
    pub(super) hidden: bool,
    pub(super) claim: Claim,
}

/// What an INVITE brings along.
#[derive(Clone)]
pub(super) struct Brought {
    pub(super) sdp: Option<Description>,
    pub(super) timer: Option<Agreed>,
}

/// Why somebody does not come in.
pub(super) enum Stop {
    /// The session ends in this moment: there may be another.
    Over(RoomHandle),
    /// The room says no.
    Refused(Refusal),
    /// The INVITE is not one that can be accepted.
    Answer(Answer),
}

impl<'a> Comer<'a> {
    pub(super) fn new(house: &'a Arc<House>, call: &'a Call, policy: &'a Policy) -> Self {
        Self {
            house,
            call,
            policy,
            address: Address::new(&call.who.aor),
            hidden: hides_sender(&call.request),
            claim: Claim::default(),
        }
    }

    /// Comes into a live session.
    pub(super) async fn enter(&self, room: RoomHandle) -> Result<(), Stop> {
        // IM-7.2.1.5-S2, IM-7.2.1.5-S3, IM-7.2.1.5-S4: in this order, and before the media.
        let old = self.replaced(&room).await?;
        let (address, hidden, claim) = (self.address.clone(), self.hidden, self.claim);
        match room.may_enter(address, hidden, claim).await {
            Err(Refusal::Closed) => return Err(Stop::Over(room)),
            other => other.map_err(Stop::Refused)?,
        }
        let brought = self.brought()?;
        self.bring(room.clone(), brought).await?;
        if let Some(leg) = old {
            room.tell(Order::Replaced { leg });
        }
        Ok(())
    }

    /// The leg whose place the new one takes, if it is to.
    async fn replaced(&self, room: &RoomHandle) -> Result<Option<LegId>, Stop> {
        let old = replace::replaced(self.house, &self.call.request, &self.address).await;
        match old.map_err(Stop::Answer)? {
            Some(old) if old.room.identity == room.identity => Ok(Some(old.leg)),
            // It is in another session.
            Some(_) => Err(Stop::Answer(Answer::plain(481))),
            None => Ok(None),
        }
    }

    /// Makes a session alive and comes into it, unless somebody else is faster: then into theirs.
    pub(super) async fn revive(
        &self,
        identity: &str,
        room: Room,
        opened: impl FnOnce(Room) -> Opened,
    ) -> Result<(), Stop> {
        room.may_enter(&self.address, self.hidden, self.claim)
            .map_err(Stop::Refused)?;
        if self.call.request.has(Name::Replaces) {
            // Nobody is in it whose place could be taken.
            return Err(Stop::Answer(Answer::plain(481)));
        }
        let brought = self.brought()?;
        let rooms = &self.house.rooms;
        let room = rooms.find_or_open(self.house, identity, || Ok(opened(room)));
        self.bring(room.map_err(Stop::Refused)?, brought).await
    }

    /// What the INVITE brings along, found acceptable.
    pub(super) fn brought(&self) -> Result<Brought, Stop> {
        let request = &self.call.request;
        let timer = timer::agree(request, self.policy).map_err(Stop::Answer)?;
        let bodies = body::read(request, self.policy.focus.max_adhoc_group_size);
        let bodies = bodies.map_err(Stop::Answer)?;
        if bodies.list.is_some() {
            // RFC 5366: a list is for the factory. Others are brought in by REFER.
            let answer = Answer::plain(420).with(Name::Unsupported, RECIPIENT_LIST);
            return Err(Stop::Answer(answer));
        }
        // IM-7.2.1.5-S5: no description at all means that we make the offer.
        let carried = |sdp: &Description| media::acceptable(self.house, sdp).is_some();
        if !bodies.sdp.as_ref().is_none_or(carried) {
            let answer = Answer::plain(488).by("IM-7.2.1.5-S5");
            let capabilities = media::capabilities(self.house);
            return Err(Stop::Answer(answer.with_sdp(capabilities)));
        }
        let sdp = bodies.sdp;
        Ok(Brought { sdp, timer })
    }

    async fn bring(&self, room: RoomHandle, brought: Brought) -> Result<(), Stop> {
        let Brought { sdp, timer } = brought;
        let opening = Arc::clone(&room.opening);
        // IM-7.2.1.5-S7a: those of the session are the ones it was opened with.
        let offer = opening.offer.as_ref();
        let types = offer.map(|offer| &*offer.accept_types);
        let entry = Entry {
            room: room.clone(),
            sdp,
            timer,
        };
        let enters = |leg| Event::Entered {
            address: self.address.clone(),
            leg,
            hidden: self.hidden,
            nick: None,
            claim: self.claim,
        };
        match entry.admit(self.house, self.call, types, enters).await {
            Err(Refusal::Closed) => Err(Stop::Over(room)),
            Err(refused) => {
                // It may have been made alive for them alone.
                room.tell(Order::Abandoned);
                Err(Stop::Refused(refused))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Says why they do not come in.
    pub(super) fn refuse(&self, stop: Stop) {
        let answer = match stop {
            Stop::Answer(answer) => answer,
            Stop::Refused(refused) => self.answer(refused),
            Stop::Over(_) => unknown(self.policy),
        };
        self.call.refuse(self.house, &answer);
    }

    fn answer(&self, refused: Refusal) -> Answer {
        tracing::debug!(who = %self.address, %refused, "does not come in");
        let rule = match refused {
            // What is not for them might as well not be there: nothing is learnt from the answer.
            Refusal::NotInvited if self.policy.focus.unknown_session == 403 => {
                return unknown(self.policy);
            }
            Refusal::TooMany { .. } => "IM-7.2.1.5-S3a",
            Refusal::Anonymous => "IM-7.2.1.5-S4a",
            Refusal::Media => "IM-7.2.1.5-S5",
            Refusal::Barred
            | Refusal::Closed
            | Refusal::MayNotInvite
            | Refusal::MayNotRemove
            | Refusal::NickTaken
            | Refusal::NoGuests
            | Refusal::NoWhispering
            | Refusal::NotAuthorised
            | Refusal::NotConnected
            | Refusal::NotInvited
            | Refusal::NotMember
            | Refusal::Removed
            | Refusal::TooManyDevices { .. }
            | Refusal::Unknown
            | Refusal::Unsupported => "IM-7.2.1.5-S2a",
        };
        refusal::answer(refused).by(rule)
    }
}

/// IM-7.2.1.5-S1a: there is no such session.
pub(super) fn unknown(policy: &Policy) -> Answer {
    match policy.focus.unknown_session {
        403 => Answer::warned(403, refusal::SERVICE).by("IM-7.2.1.5-S1a"),
        status => Answer::because(status, "No Such Session").by("IM-7.2.1.5-S1a"),
    }
}
