//! The devices that the focus calls: INVITEs of ours until they are legs.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use room::LegId;
use sip::dialog::{DialogId, Forks, Leg as Fork, Outset};
use sip::session_timer::Refresher;
use sip::transaction::ClientId;
use sip::{Method, Response};
use tokio::sync::mpsc;

use super::{Invite, InviteNews, Leg, Legs, NewLeg, allows_update};
use crate::core::desk::{Desk, Owner};
use crate::focus::outgoing::OutInvite;
use crate::focus::timer;
use crate::net::Flow;

/// What a 2xx counts as that makes no dialog: the device has failed.
const UNUSABLE: u16 = 500;

/// The way to the invitation that called a device.
type News = mpsc::UnboundedSender<(LegId, InviteNews)>;

/// A device being called.
pub(super) struct Outcall {
    outset: Outset,
    flow: Flow,
    /// Who waits for it; nobody once it has accepted.
    news: Option<News>,
    /// Taken when it accepts.
    new: Option<Box<NewLeg>>,
    pub(super) client: ClientId,
    forks: Forks,
    /// Nobody wants it any more.
    abandoned: bool,
    /// It has said that it rings.
    rang: bool,
    /// Branches that accepted and were let go, with the ACK of each: at most [`Forks::MAX`].
    let_go: HashMap<DialogId, Bytes>,
    /// The Allow of the latest provisional response names UPDATE (IM-7.2.2.2-1XX-S1).
    allows_update: bool,
    /// After the 2xx: until when later ones may still come.
    pub(super) over_at: Option<Instant>,
}

impl Outcall {
    fn tell(&self, leg: LegId, what: InviteNews) {
        if let Some(news) = &self.news {
            let _ = news.send((leg, what));
        }
    }
}

impl Legs {
    pub(super) fn invite(&mut self, invite: Box<Invite>, desk: &mut Desk) {
        let Invite {
            request,
            to,
            news,
            new,
            leg,
        } = *invite;
        let OutInvite {
            outset,
            branch,
            bytes,
        } = request;
        let owner = Owner::Invite(leg);
        let client = desk.send_to(Method::Invite, &branch, bytes, &to, owner);
        let call = Outcall {
            outset,
            flow: to.flow,
            news: Some(news),
            new,
            client,
            forks: Forks::default(),
            abandoned: false,
            rang: false,
            let_go: HashMap::new(),
            allows_update: false,
            over_at: None,
        };
        self.calls.insert(leg, Box::new(call));
    }

    pub(super) fn cancel(&mut self, leg: LegId, desk: &mut Desk) {
        if let Some(call) = self.calls.get_mut(&leg) {
            call.abandoned = true;
            if call.over_at.is_none() {
                desk.cancel(call.client, None);
            }
        }
        if self.legs.contains_key(&leg) {
            // It accepted before the word arrived.
            self.release(leg, None, desk);
        }
    }

    /// A response to an INVITE that calls a device.
    pub(crate) fn invite_answered(&mut self, leg: LegId, response: Response, desk: &mut Desk) {
        if response.is_success() && self.repeated(leg, &response, desk) {
            return;
        }
        let Some(call) = self.calls.get_mut(&leg) else {
            return;
        };
        let status = response.status();
        // IM-7.2.2.2-1XX-S2, IM-7.2.2.2-OK-S2: the Contact is kept by the dialog of that branch.
        let accepted = match call.forks.response(&call.outset, &response) {
            Ok(Fork::Accepted(dialog)) => Some(dialog.id().clone()),
            Ok(Fork::Again(_) | Fork::Early(_) | Fork::None) | Err(_) => None,
        };
        if status < 200 {
            // IM-7.2.2.2-1XX-S1
            call.allows_update = allows_update(&response).unwrap_or(call.allows_update);
            // Once: a device may repeat it as often as it likes.
            if status == 180 && !std::mem::replace(&mut call.rang, true) {
                call.tell(leg, InviteNews::Ringing);
            }
        } else if response.is_success() {
            match accepted {
                Some(id) => self.accepted(leg, &id, response, desk),
                // It can be neither acknowledged nor ended: as good as no answer. Of a device that
                // has accepted already it does not matter.
                None if call.over_at.is_none() => self.invite_failed(leg, UNUSABLE, desk),
                None => {}
            }
        } else {
            self.invite_failed(leg, status, desk);
        }
    }

    /// No device answers, or it refused.
    pub(crate) fn invite_failed(&mut self, leg: LegId, status: u16, desk: &mut Desk) {
        if let Some(call) = self.calls.remove(&leg) {
            desk.disown(call.client);
            call.tell(leg, InviteNews::Failed(status));
        }
    }

    /// The first 2xx of a branch.
    fn accepted(&mut self, leg: LegId, id: &DialogId, response: Response, desk: &mut Desk) {
        let Some(call) = self.calls.get_mut(&leg) else {
            return;
        };
        if call.let_go.len() >= Forks::MAX {
            return;
        }
        let Some(mut dialog) = call.forks.take(id) else {
            return;
        };
        // Of several servers of another domain, the one that has answered.
        if let Some(taken) = desk.flow_taken(call.client) {
            call.flow = taken.clone();
        }
        let flow = call.flow.clone();
        // The Record-Route of our INVITE is for the peer. A proxy that is to bring a request of
        // ours on finds itself in the first Route.
        dialog.begin_behind(&desk.house.record_route(&flow));
        let cseq = call.outset.cseq();
        let branch = desk.branch();
        let via = desk.house.via(&flow, &branch);
        let ack = dialog.ack(cseq, &via).finish();
        desk.send_plain(&flow, ack.clone());
        let news = call.news.take().filter(|news| !news.is_closed());
        let patience = desk.timers().patience();
        call.over_at = Some(desk.now + patience);
        self.alarms.set(leg, call.over_at);
        // RFC 3261 section 13.2.2.4: of several that accept, one is kept. And one that was
        // cancelled, or whose inviter has gone, is let go at once.
        let Some(news) = news.filter(|_| !call.abandoned) else {
            call.let_go.insert(id.clone(), ack);
            desk.request(&Method::Bye, &flow, Owner::Nobody, |via| {
                dialog.request(&Method::Bye, via).finish()
            });
            return;
        };
        let Some(mut new) = call.new.take() else {
            return;
        };
        new.timer = timer::agreed(&response, &desk.house.policy());
        let mut made = Leg::new(dialog, flow, *new, Refresher::Uac, desk.now);
        // IM-7.2.2.2-OK-S1: what the 200 says replaces what came before.
        made.allows_update = call.allows_update;
        made.note_allow(&response);
        // Without the room that a draft has to spare: it is kept for half a minute.
        made.ack = Some(Bytes::copy_from_slice(&ack));
        self.insert(leg, made);
        if news
            .send((leg, InviteNews::Accepted(Box::new(response))))
            .is_err()
        {
            self.release(leg, None, desk);
        }
    }

    /// Is it a 2xx that came before? Then our ACK was lost, and the same goes again (RFC 3261
    /// section 13.2.2.4).
    fn repeated(&mut self, leg: LegId, response: &Response, desk: &mut Desk) -> bool {
        if DialogId::key_of_response(response, &mut self.key).is_err() {
            return false;
        }
        let key = self.key.as_str();
        let kept = self.dialogs.get(key).and_then(|leg| self.legs.get(leg));
        if let Some(kept) = kept {
            if let Some(ack) = kept.ack.clone() {
                desk.send_plain(&kept.flow, ack);
            }
            return true;
        }
        let let_go = self
            .calls
            .get(&leg)
            .and_then(|call| Some((&call.flow, call.let_go.get(key)?)));
        if let Some((flow, ack)) = let_go {
            desk.send_plain(flow, ack.clone());
        }
        let_go.is_some()
    }
}
