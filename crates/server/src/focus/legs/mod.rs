//! Every dialog of the focus in one shard: who it belongs to, and what is done inside it.
//!
//! ```text
//!   Accept ──▶ Leg (2xx repeated until ACK)          BYE, Release, timer ──▶ gone, the room told
//!   Invite ──▶ Outcall ──2xx──▶ Leg (ACK sent)
//! ```

mod calls;
mod ending;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use room::LegId;
use sip::dialog::{Dialog, DialogId, Invites};
use sip::header::CSeq;
use sip::sdp::{Description, LocalMedia, LocalSession};
use sip::session_timer::{Agreed, Refresher, SessionEvent, SessionTimer};
use sip::transaction::{Pending, ServerId, Unconfirmed};
use sip::{Fields, Name, Request, Response};
use tokio::sync::{mpsc, oneshot};

use self::calls::Outcall;
use self::ending::Leaving;
use crate::core::desk::Desk;
use crate::core::ways::Goal;
use crate::core::{Alarms, Answer, ShardHandle};
use crate::focus::inside::{Refreshes, Reinvites};
use crate::focus::outgoing::OutInvite;
use crate::focus::replace::FoundLeg;
use crate::focus::{ALLOW, media, timer};
use crate::net::Flow;
use crate::rooms::{Order, RoomHandle};
use crate::switch::Session;

/// What procedures and rooms tell the owner of the dialogs.
#[derive(Debug)]
pub(crate) enum LegCommand {
    /// Answer an INVITE without making a leg of it.
    Answer {
        id: ServerId,
        status: u16,
        response: Bytes,
    },
    /// Answer an INVITE with 200: it is a leg from now on.
    Accept(Box<Accept>),
    /// Call a device.
    Invite(Box<Invite>),
    /// Stop calling a device. If it accepts all the same, it is released.
    Cancel { leg: LegId },
    /// Is there a leg with this dialog?
    Find {
        dialog: DialogId,
        answer: oneshot::Sender<Option<FoundLeg>>,
    },
    /// Where is the device of a leg, and what is its dialog?
    Name {
        leg: LegId,
        answer: oneshot::Sender<Option<(String, DialogId)>>,
    },
    /// End a leg.
    Release { leg: LegId, reason: Option<String> },
    /// The peer of a leg that is to end has been sent all that was said.
    Written { leg: LegId },
}

/// A leg to be.
#[derive(Debug)]
pub(crate) struct NewLeg {
    pub(crate) leg: LegId,
    pub(crate) room: RoomHandle,
    pub(crate) session: Arc<Session>,
    pub(crate) description: LocalSession,
    /// Our end of the media, as described.
    pub(crate) local: LocalMedia,
    pub(crate) timer: Option<Agreed>,
    /// The peer's description comes in the ACK.
    pub(crate) awaits_answer: bool,
}

/// An INVITE to accept.
#[derive(Debug)]
pub(crate) struct Accept {
    pub(crate) id: ServerId,
    pub(crate) request: Request,
    pub(crate) flow: Flow,
    pub(crate) tag: String,
    pub(crate) contact: String,
    /// The description in the 200.
    pub(crate) body: Bytes,
    pub(crate) new: NewLeg,
}

/// A device to call.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) request: OutInvite,
    pub(crate) to: Goal,
    pub(crate) news: mpsc::UnboundedSender<(LegId, InviteNews)>,
    /// Taken when the device accepts.
    pub(crate) new: Option<Box<NewLeg>>,
    pub(crate) leg: LegId,
}

/// What comes of calling a device.
#[derive(Debug)]
pub(crate) enum InviteNews {
    /// 180.
    Ringing,
    /// 2xx; the ACK has gone out and the leg stands.
    Accepted(Box<Response>),
    /// A final failure, or the status it counts as.
    Failed(u16),
}

/// The legs of one shard.
pub(crate) struct Legs {
    shard: ShardHandle,
    legs: HashMap<LegId, Box<Leg>>,
    dialogs: HashMap<DialogId, LegId>,
    calls: HashMap<LegId, Box<Outcall>>,
    alarms: Alarms<LegId>,
    pub(super) reinvites: Reinvites,
    /// The media and dialogs of legs whose BYE is not answered: what was said before may still
    /// reach them.
    farewells: HashMap<LegId, (Arc<Session>, DialogId)>,
    /// The dialogs of these: they are over, and known to have been (RFC 3891 section 3).
    ended: HashMap<DialogId, (LegId, RoomHandle)>,
    key: String,
}

/// A dialog of the focus.
pub(crate) struct Leg {
    pub(crate) dialog: Dialog,
    pub(crate) flow: Flow,
    pub(crate) room: RoomHandle,
    pub(crate) session: Arc<Session>,
    pub(crate) description: LocalSession,
    pub(crate) local: LocalMedia,
    pub(crate) timer: Option<SessionTimer>,
    pub(crate) awaits_answer: bool,
    /// INVITEs under way inside the dialog.
    pub(crate) invites: Invites,
    /// The 2xx whose ACK has not come, and its CSeq.
    pub(crate) unconfirmed: Option<(u32, Unconfirmed)>,
    pub(crate) refreshes: Refreshes,
    /// The peer understands UPDATE: of the methods in its Allow (IM-7.2.1.2-S4, IM-7.2.2.2-OK-S1)
    /// the one that is asked about later.
    pub(crate) allows_update: bool,
    /// The ACK to send again when the peer repeats its 2xx.
    pub(crate) ack: Option<Bytes>,
    /// It ends when the peer has been told all that was said.
    leaving: Option<Leaving>,
}

impl Legs {
    /// No legs yet, of this shard.
    pub(crate) fn new(shard: ShardHandle) -> Self {
        Self {
            shard,
            legs: HashMap::new(),
            dialogs: HashMap::new(),
            calls: HashMap::new(),
            alarms: Alarms::default(),
            reinvites: Reinvites::default(),
            farewells: HashMap::new(),
            ended: HashMap::new(),
            key: String::new(),
        }
    }

    /// Is there a leg with this dialog? Looks at Call-ID and tags.
    pub(crate) fn find(&mut self, request: &Request) -> Option<LegId> {
        DialogId::key_of_request(request, &mut self.key).ok()?;
        self.dialogs.get(self.key.as_str()).copied()
    }

    fn found(&self, dialog: &DialogId) -> Option<FoundLeg> {
        let ended = self.ended.get(dialog).map(|(leg, room)| (*leg, room, true));
        let live = self.dialogs.get(dialog);
        let live = live.and_then(|id| {
            let leg = self.legs.get(id)?;
            Some((*id, &leg.room, leg.leaving.is_some()))
        });
        let (leg, room, is_ending) = live.or(ended)?;
        let room = room.clone();
        Some(FoundLeg {
            leg,
            room,
            is_ending,
        })
    }

    pub(crate) fn get_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.legs.get_mut(&leg).map(Box::as_mut)
    }

    pub(crate) fn len(&self) -> usize {
        // Whoever has accepted is called no more: late 2xx of other branches are merely awaited.
        let called = self.calls.values().filter(|call| call.over_at.is_none());
        self.legs.len().saturating_add(called.count())
    }

    /// Carries out a command that is about a leg.
    pub(crate) fn command(&mut self, command: LegCommand, desk: &mut Desk) {
        match command {
            LegCommand::Answer {
                id,
                status,
                response,
            } => {
                desk.respond(id, status, response);
            }
            LegCommand::Accept(accept) => self.accept(*accept, desk),
            LegCommand::Invite(invite) => self.invite(invite, desk),
            LegCommand::Cancel { leg } => self.cancel(leg, desk),
            LegCommand::Find { dialog, answer } => {
                let _ = answer.send(self.found(&dialog));
            }
            LegCommand::Name { leg, answer } => {
                let name = |leg: &Leg| {
                    let dialog = &leg.dialog;
                    (dialog.remote_target().to_owned(), dialog.id().clone())
                };
                let _ = answer.send(self.legs.get(&leg).map(Box::as_ref).map(name));
            }
            LegCommand::Release { leg, reason } => self.release(leg, reason.as_deref(), desk),
            LegCommand::Written { leg } => self.written(leg, desk),
        }
    }

    // ---- INVITEs that came ----

    fn accept(&mut self, accept: Accept, desk: &mut Desk) {
        let Accept {
            id,
            request,
            flow,
            tag,
            contact,
            body,
            new,
        } = accept;
        let (leg, room) = (new.leg, new.room.clone());
        // The room may have let the leg go before the word of it came here: then it is not made.
        let made = Dialog::uas(&request, &tag, &contact).ok();
        let Some(mut dialog) = made.filter(|_| !new.session.is_over()) else {
            desk.house.switch.close(&new.session);
            let answer = Answer::plain(480);
            let response = desk.house.replies.answer(&request, &answer, &tag);
            desk.respond(id, answer.status, response);
            return room.tell(Order::Event(room::Event::Left { leg }));
        };
        dialog.confirm();
        // Ours is the hop nearest to the focus, so it stands above those the request came by.
        let mut draft = sip::Draft::response(&request, 200, "OK", Some(&tag));
        draft.header(Name::RecordRoute, desk.house.record_route(&flow));
        draft.copy_all(&request, Name::RecordRoute);
        draft.header(Name::Contact, &contact);
        general(&mut draft);
        draft.header(Name::AllowEvents, "conference");
        draft.header(Name::PAssertedIdentity, format_args!("<{}>", room.identity));
        if let Some(agreed) = &new.timer {
            timer::write(&mut draft, agreed);
        }
        let response = draft.finish_with("application/sdp", &body);
        if !desk.respond(id, 200, response.clone()) {
            return room.tell(Order::Event(room::Event::Left { leg }));
        }
        let cseq = request.require::<CSeq<'_>>().map_or(0, |cseq| cseq.number);
        let mut invites = Invites::default();
        let _ = invites.receive(cseq, 0);
        invites.accepted();
        let unconfirmed = Unconfirmed::new(response, desk.now, desk.timers());
        let mut made = Leg::new(dialog, flow, new, Refresher::Uas, desk.now);
        made.note_allow(&request);
        made.invites = invites;
        made.unconfirmed = Some((cseq, unconfirmed));
        self.insert(leg, made);
    }

    /// An ACK: to a 2xx of ours.
    pub(crate) fn ack(&mut self, id: LegId, request: &Request, desk: &mut Desk) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let cseq = request.require::<CSeq<'_>>().map(|cseq| cseq.number);
        if leg
            .unconfirmed
            .as_ref()
            .is_none_or(|(of, _)| Ok(*of) != cseq)
        {
            // The ACK again, or to an INVITE that another has followed.
            return;
        }
        leg.unconfirmed = None;
        leg.invites.finished();
        if leg.awaits_answer {
            // The answer to our offer (RFC 3261 section 13.2.1).
            leg.awaits_answer = false;
            let answer = Description::parse(&request.body()).ok();
            let peer = answer.as_ref().and_then(|answer| answer.msrp().ok());
            let tied = peer.is_some_and(|(_, peer)| {
                let connects = media::connects(&desk.house, leg.local.setup, peer);
                leg.described(peer);
                media::tie(&desk.house, &leg.session, peer, connects).is_ok()
            });
            if !tied {
                self.lose(id, "SIP;cause=488;text=\"Not Acceptable Here\"", desk);
            }
        }
    }

    fn insert(&mut self, id: LegId, leg: Leg) {
        self.dialogs.insert(leg.dialog.id().clone(), id);
        self.legs.insert(id, Box::new(leg));
        self.wind(id);
    }

    fn remove(&mut self, id: LegId, desk: &mut Desk) -> Option<Box<Leg>> {
        let leg = self.legs.remove(&id)?;
        // By this the room knows, should the leg arrive there only now.
        desk.house.switch.close(&leg.session);
        // A refresh that the peer leaves open would stay open.
        if let Some(refresh) = self.reinvites.pending(id) {
            desk.cancel(refresh, None);
        }
        self.dialogs.remove(leg.dialog.id());
        self.wind(id);
        Some(leg)
    }

    // ---- Time ----

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let reinvites = self.reinvites.poll_timeout();
        self.alarms.next().into_iter().chain(reinvites).min()
    }

    /// A leg's next moment may have changed.
    pub(crate) fn wind(&mut self, id: LegId) {
        let leg = self.legs.get(&id).and_then(|leg| leg.poll_timeout());
        let call = self.calls.get(&id).and_then(|call| call.over_at);
        self.alarms.set(id, leg.into_iter().chain(call).min());
    }

    pub(crate) fn handle_timeout(&mut self, desk: &mut Desk) {
        self.reinvites.handle_timeout(desk);
        while let Some(id) = self.alarms.pop_due(desk.now) {
            let over = self.calls.get(&id).and_then(|call| call.over_at);
            if over.is_some_and(|at| at <= desk.now) {
                self.forget_call(id, desk);
            }
            let leg = self.legs.get(&id).and_then(|leg| leg.poll_timeout());
            if leg.is_some_and(|at| at <= desk.now) {
                self.leg_timeout(id, desk);
            }
            self.wind(id);
        }
    }

    /// No later 2xx of other branches can come any more (RFC 3261 section 13.2.2.4).
    fn forget_call(&mut self, id: LegId, desk: &mut Desk) {
        if let Some(call) = self.calls.remove(&id) {
            desk.disown(call.client);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.ack = None;
        }
    }

    fn leg_timeout(&mut self, id: LegId, desk: &mut Desk) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.leaving.is_some() {
            return self.written(id, desk);
        }
        if let Some((_, unconfirmed)) = &mut leg.unconfirmed {
            match unconfirmed.handle_timeout(desk.now) {
                Pending::Wait => {}
                Pending::Repeat(response) => desk.send_plain(&leg.flow, response),
                Pending::Lost => {
                    // RFC 3261 section 13.3.1.4: a peer that never acknowledged is ended.
                    return self.lose(id, "SIP;cause=408;text=\"No ACK\"", desk);
                }
            }
        }
        let again = leg.refreshes.handle_timeout(desk.now);
        match leg
            .timer
            .as_mut()
            .and_then(|timer| timer.handle_timeout(desk.now))
        {
            Some(SessionEvent::Refresh) => self.refresh(id, desk),
            // RFC 4028 section 10: nobody refreshed in time.
            Some(SessionEvent::Expired) => {
                self.lose(id, "SIP;cause=408;text=\"Session Expired\"", desk)
            }
            None if again => self.refresh(id, desk),
            None => {}
        }
    }
}

impl Leg {
    fn new(dialog: Dialog, flow: Flow, new: NewLeg, us: Refresher, now: Instant) -> Self {
        Self {
            dialog,
            flow,
            room: new.room,
            session: new.session,
            description: new.description,
            local: new.local,
            timer: new.timer.map(|agreed| SessionTimer::new(&agreed, us, now)),
            awaits_answer: new.awaits_answer,
            invites: Invites::default(),
            unconfirmed: None,
            refreshes: Refreshes::new(us),
            allows_update: false,
            ack: None,
            leaving: None,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if let Some(leaving) = &self.leaving {
            return Some(leaving.poll_timeout());
        }
        let unconfirmed = self
            .unconfirmed
            .as_ref()
            .map(|(_, unconfirmed)| unconfirmed.poll_timeout());
        let timer = self.timer.as_ref().and_then(SessionTimer::poll_timeout);
        let refresh = self.refreshes.poll_timeout();
        unconfirmed.into_iter().chain(timer).chain(refresh).min()
    }

    /// A message of the peer may say anew which methods it understands.
    pub(crate) fn note_allow(&mut self, fields: &Fields) {
        self.allows_update = allows_update(fields).unwrap_or(self.allows_update);
    }
}

/// Does the Allow of a message name UPDATE? `None` if it has none.
fn allows_update(fields: &Fields) -> Option<bool> {
    let allow = fields.raw(Name::Allow)?;
    Some(allow.split(',').any(|method| method.trim() == "UPDATE"))
}

/// What may be asked of a conference from outside its dialogs.
pub(crate) const ALLOW_OUTSIDE: &str = "INVITE, ACK, CANCEL, OPTIONS, SUBSCRIBE, REFER";

/// What every response of a focus carries (7.2.1.1 "General").
pub(crate) fn general(draft: &mut sip::Draft) {
    draft.header(Name::Server, crate::core::SERVER);
    draft.header(Name::Allow, ALLOW);
    draft.header(Name::Supported, super::SUPPORTED.join(", "));
}
