//! The REFERs of one shard: those that wait for their room, and those whose senders are told what
//! comes of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use room::{Address, LegId};
use sip::dialog::{Dialog, DialogId};
use sip::transaction::ServerId;
use sip::{Draft, Name, Request, Response};

use super::Wanted;
use super::subscription::Subscription;
use crate::core::desk::Desk;
use crate::core::{Alarms, Answer, Identity, ShardHandle};
use crate::focus::FEATURES;
use crate::focus::legs::{Legs, general};
use crate::net::Flow;
use crate::rooms::{Order, Refer, RoomHandle};

/// The most REFERs of one shard that wait or are told of: at 2 kB each some megabytes. Who comes
/// later is told to try again.
const REFERRALS: usize = 10_000;

/// How often to look whether the room that is to decide still lives. A living one decides at once.
const DECISION: Duration = Duration::from_secs(5);

/// What a room tells the owner of the REFERs.
#[derive(Debug)]
pub(crate) enum ReferCommand {
    /// The room's word on a REFER: `None` is yes.
    Decided { refer: u64, answer: Option<Answer> },
    /// What has come of it at last.
    Outcome { refer: u64, status: u16 },
}

/// The REFERs of one shard.
#[derive(Default)]
pub(crate) struct Referrals {
    parked: HashMap<u64, Parked>,
    told: HashMap<u64, Subscription>,
    dialogs: HashMap<DialogId, u64>,
    alarms: Alarms<u64>,
    key: String,
}

/// A REFER that is not answered yet.
struct Parked {
    id: ServerId,
    request: Request,
    flow: Flow,
    way: Way,
    room: RoomHandle,
    subscribes: bool,
    /// What has come of it, heard before the answer.
    outcome: Option<u16>,
}

/// The dialog a REFER is in.
pub(super) enum Way {
    /// One that it makes.
    Own(Box<Dialog>),
    /// That of a leg.
    Leg(LegId),
}

impl Referrals {
    /// Takes a REFER to a live conference, out of any dialog and from somebody whose identity is
    /// established.
    pub(crate) fn outside(
        &mut self,
        (id, request, flow): (ServerId, Request, Flow),
        who: &Identity,
        room: RoomHandle,
        shard: ShardHandle,
        desk: &mut Desk,
    ) {
        let contact = format!("<{}>{FEATURES}", room.identity);
        let tag = desk.rng.token(64);
        let Ok(dialog) = Dialog::uas(&request, &tag, &contact) else {
            let answer = Answer::because(400, "A REFER Needs a Contact");
            return desk.answer(id, &request, &answer);
        };
        let by = Some(Address::new(&who.aor));
        let way = Way::Own(Box::new(dialog));
        self.take((id, request, flow), (by, way), room, shard, desk);
    }

    /// Takes a REFER inside the dialog of a leg.
    pub(crate) fn inside(
        &mut self,
        asked: (ServerId, Request, Flow),
        leg: LegId,
        room: RoomHandle,
        shard: ShardHandle,
        desk: &mut Desk,
    ) {
        self.take(asked, (None, Way::Leg(leg)), room, shard, desk);
    }

    fn take(
        &mut self,
        (id, request, flow): (ServerId, Request, Flow),
        (by, way): (Option<Address>, Way),
        room: RoomHandle,
        shard: ShardHandle,
        desk: &mut Desk,
    ) {
        let policy = desk.house.policy();
        let wanted = match Wanted::read(&request, policy.focus.max_adhoc_group_size) {
            Ok(wanted) => wanted,
            Err(answer) => return desk.answer(id, &request, &answer),
        };
        if self.len() >= REFERRALS {
            let answer = Answer::plain(503).with(Name::RetryAfter, "5");
            return desk.answer(id, &request, &answer);
        }
        // Rooms tell the REFERs of all shards apart by this number alone.
        let refer = desk.house.leg_id().0;
        let leg = match way {
            Way::Leg(leg) => Some(leg),
            Way::Own(_) => None,
        };
        let subscribes = wanted.subscribes;
        room.tell(Order::Refer(Box::new(Refer {
            refer,
            shard,
            by,
            leg,
            hidden: wanted.hidden,
            deed: wanted.deed,
            subscribes,
        })));
        self.alarms.set(refer, Some(desk.now + DECISION));
        let parked = Parked {
            id,
            request,
            flow,
            way,
            room,
            subscribes,
            outcome: None,
        };
        self.parked.insert(refer, parked);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.parked.len().saturating_add(self.told.len())
    }

    /// Carries out what a room has said.
    pub(crate) fn command(&mut self, command: ReferCommand, legs: &mut Legs, desk: &mut Desk) {
        match command {
            ReferCommand::Decided { refer, answer } => {
                self.decided(refer, answer.as_ref(), legs, desk);
            }
            ReferCommand::Outcome { refer, status } => {
                if let Some(parked) = self.parked.get_mut(&refer) {
                    parked.outcome = Some(status);
                } else if let Some(told) = self.told.get_mut(&refer) {
                    told.ends(status);
                    self.attend(refer, legs, desk);
                }
            }
        }
    }

    fn decided(&mut self, refer: u64, answer: Option<&Answer>, legs: &mut Legs, desk: &mut Desk) {
        let Some(parked) = self.parked.remove(&refer) else {
            return;
        };
        self.alarms.set(refer, None);
        if let Some(answer) = answer {
            return desk.answer(parked.id, &parked.request, answer);
        }
        let Some(response) = accepted(&parked, legs, desk) else {
            return desk.answer(parked.id, &parked.request, &Answer::plain(481));
        };
        if !desk.respond(parked.id, 202, response) || !parked.subscribes {
            return;
        }
        let mut told = Subscription::new(refer, &parked.request, parked.way, parked.flow, desk.now);
        if let Some(status) = parked.outcome {
            told.ends(status);
        }
        if let Some(dialog) = told.dialog_id() {
            self.dialogs.insert(dialog.clone(), refer);
        }
        self.told.insert(refer, told);
        self.attend(refer, legs, desk);
    }

    /// The subscription whose dialog a request is in.
    pub(crate) fn find(&mut self, request: &Request) -> Option<u64> {
        if self.dialogs.is_empty() {
            return None;
        }
        DialogId::key_of_request(request, &mut self.key).ok()?;
        self.dialogs.get(self.key.as_str()).copied()
    }

    /// Takes a request inside the dialog of a subscription.
    pub(crate) fn refresh(
        &mut self,
        refer: u64,
        (id, request, flow): (ServerId, &Request, &Flow),
        legs: &mut Legs,
        desk: &mut Desk,
    ) {
        let Some(told) = self.told.get_mut(&refer) else {
            return desk.answer(id, request, &Answer::plain(481));
        };
        match told.refresh(request, flow, desk.now) {
            Ok(response) => {
                desk.respond(id, 200, response);
                self.attend(refer, legs, desk);
            }
            Err(answer) => desk.answer(id, request, &answer),
        }
    }

    /// A NOTIFY has its final response.
    pub(crate) fn answered(
        &mut self,
        refer: u64,
        response: &Response,
        legs: &mut Legs,
        desk: &mut Desk,
    ) {
        if let Some(told) = self.told.get_mut(&refer) {
            told.answered(response, desk.now);
            self.attend(refer, legs, desk);
        }
    }

    /// A NOTIFY will have no response.
    pub(crate) fn failed(&mut self, refer: u64, legs: &mut Legs, desk: &mut Desk) {
        if let Some(told) = self.told.get_mut(&refer) {
            told.failed();
            self.attend(refer, legs, desk);
        }
    }

    // ---- Time ----

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.next()
    }

    pub(crate) fn handle_timeout(&mut self, legs: &mut Legs, desk: &mut Desk) {
        while let Some(refer) = self.alarms.pop_due(desk.now) {
            if let Some(told) = self.told.get_mut(&refer) {
                told.handle_timeout(desk.now);
                self.attend(refer, legs, desk);
            } else {
                self.look(refer, desk);
            }
        }
    }

    /// Sends what is due, forgets what is over, and notes when to come back.
    fn attend(&mut self, refer: u64, legs: &mut Legs, desk: &mut Desk) {
        let Some(told) = self.told.get_mut(&refer) else {
            return;
        };
        told.send(legs, desk);
        if !told.is_over() {
            return self.alarms.set(refer, told.poll_timeout());
        }
        if let Some(dialog) = told.dialog_id() {
            self.dialogs.remove(dialog);
        }
        self.told.remove(&refer);
        self.alarms.set(refer, None);
    }

    /// Looks after a REFER that waits long: a room that has ended meanwhile does not decide.
    fn look(&mut self, refer: u64, desk: &mut Desk) {
        let Some(parked) = self.parked.get(&refer) else {
            return;
        };
        if !parked.room.is_over() {
            self.alarms.set(refer, Some(desk.now + DECISION));
        } else if let Some(parked) = self.parked.remove(&refer) {
            let answer = Answer::because(404, "No Such Session");
            desk.answer(parked.id, &parked.request, &answer);
        }
    }
}

/// The 202 to a REFER; `None` if its leg has ended.
fn accepted(parked: &Parked, legs: &mut Legs, desk: &Desk) -> Option<bytes::Bytes> {
    let request = &parked.request;
    let mut draft = match &parked.way {
        Way::Leg(leg) => legs
            .get_mut(*leg)?
            .dialog
            .response(request, 202, "Accepted"),
        Way::Own(dialog) => {
            let tag = dialog.id().local_tag();
            let mut draft = Draft::response(request, 202, "Accepted", Some(tag));
            draft.header(Name::RecordRoute, desk.house.record_route(&parked.flow));
            draft.copy_all(request, Name::RecordRoute);
            draft.header(Name::Contact, dialog.contact());
            draft
        }
    };
    general(&mut draft);
    if !parked.subscribes {
        // RFC 4488 section 4: so that nobody waits for a NOTIFY.
        draft.header(Name::ReferSub, "false");
    }
    Some(draft.finish())
}
