//! The subscriptions of one shard to who is in a conference (RFC 6665, RFC 4575).
//!
//! ```text
//!   SUBSCRIBE ──▶ parked ──Order::Subscribe──▶ room ──Decided──▶ 200, a Watch
//!                                              room ──Notify───▶ NOTIFY ──2xx──▶ Order::Notified
//!   refresh ──▶ 200, Order::Refreshed          room ──End──────▶ last NOTIFY
//!   expiry, Expires: 0, a NOTIFY that fails ──▶ Order::Notified { alive: false }
//! ```
//!
//! The room decides who may watch and what is told when; here are the dialogs in which it is told.

#[cfg(test)]
pub(crate) mod stage;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use room::Address;
use sip::dialog::{Dialog, DialogId, Refusal};
use sip::header::RetryAfter;
use sip::subscription::{Refused, Terms, Wish};
use sip::transaction::ServerId;
use sip::{Draft, Method, Name, Request, Response};

use crate::core::desk::Desk;
use crate::core::{Alarms, Answer, Identity, SERVER, ShardHandle};
use crate::focus::{FEATURES, SUPPORTED, adhoc};
use crate::net::Flow;
use crate::rooms::{Order, RoomHandle, Subscribe};

use watch::Watch;

/// What a room tells the owner of its subscriptions.
#[derive(Debug)]
pub(crate) enum WatcherCommand {
    /// The room's word on a SUBSCRIBE: `None` is yes.
    Decided {
        id: ServerId,
        watch: u64,
        answer: Option<Answer>,
    },
    /// Tell the subscriber this, a document of type `application/conference-info+xml`.
    Notify { watch: u64, body: Vec<u8> },
    /// Tell the subscriber that it is over, and why.
    End {
        watch: u64,
        reason: &'static str,
        body: Option<Vec<u8>>,
    },
}

/// What a subscriber can have: the package of RFC 4575, for an hour unless told otherwise (its
/// section 3.3). A minute at least, so that refreshes cost little; two hours at most, so that who
/// vanishes is forgotten.
const TERMS: Terms = Terms {
    package: "conference",
    types: &["application/conference-info+xml"],
    min_expires: 60,
    max_expires: 7200,
    default_expires: 3600,
};

/// The most subscriptions of one shard, undecided ones included: at 2 kB each a fifth of a
/// gigabyte. Who comes later is told to try again.
const WATCHES: usize = 100_000;

/// When who came too late may try again, in seconds.
const RETRY_AFTER: u32 = 60;

/// How often to look whether the room that is to decide still lives. A living one decides at once.
const DECISION: Duration = Duration::from_secs(5);

/// The subscriptions of one shard.
#[derive(Default)]
pub(crate) struct Watchers {
    watches: HashMap<u64, Box<Watch>>,
    dialogs: HashMap<DialogId, u64>,
    /// SUBSCRIBEs on which the room has not decided.
    parked: HashMap<u64, Parked>,
    /// When each of both has to be looked at.
    alarms: Alarms<u64>,
    key: String,
}

/// A SUBSCRIBE that is not answered yet.
struct Parked {
    request: Request,
    id: ServerId,
    flow: Flow,
    dialog: Dialog,
    wish: Wish,
    room: RoomHandle,
}

impl Watchers {
    /// Takes a SUBSCRIBE to a live conference from somebody whose identity is established.
    #[expect(
        clippy::too_many_arguments,
        reason = "a request, and everything about it"
    )]
    pub(crate) fn subscribe(
        &mut self,
        id: ServerId,
        request: Request,
        flow: Flow,
        who: &Identity,
        room: RoomHandle,
        shard: ShardHandle,
        desk: &mut Desk,
    ) {
        let (dialog, wish) = match self.begin(&request, &room, desk) {
            Ok(begun) => begun,
            Err(answer) => return desk.answer(id, &request, &answer),
        };
        // Rooms tell the watches of all shards apart by this number alone: it has to be one that
        // the process gives out once.
        let watch = desk.house.leg_id().0;
        let address = Address::new(&who.aor);
        let piece = watch::piece(&flow, &wish);
        room.tell(Order::Subscribe(Subscribe {
            id,
            shard,
            watch,
            address,
            piece,
        }));
        self.alarms.set(watch, Some(desk.now + DECISION));
        let parked = Parked {
            request,
            id,
            flow,
            dialog,
            wish,
            room,
        };
        self.parked.insert(watch, parked);
    }

    /// Everything that can be found out without the room.
    fn begin(
        &self,
        request: &Request,
        room: &RoomHandle,
        desk: &mut Desk,
    ) -> Result<(Dialog, Wish), Answer> {
        if let Some(answer) = adhoc::unknown_options(request, SUPPORTED) {
            return Err(answer);
        }
        let wish = TERMS
            .read(request)
            .map_err(|refused| answer(&refused, &TERMS))?;
        if self.len() >= WATCHES {
            let later = RetryAfter::new(RETRY_AFTER).to_string();
            return Err(Answer::plain(503).with(Name::RetryAfter, later));
        }
        let contact = format!("<{}>{FEATURES}", room.identity);
        let tag = desk.rng.token(64);
        // RFC 3261 section 12.1.1 takes the target from Contact: without it there is nobody to
        // notify.
        let dialog = Dialog::uas(request, &tag, &contact)
            .map_err(|_| Answer::because(400, "A SUBSCRIBE Needs a Contact"))?;
        Ok((dialog, wish))
    }

    /// Carries out what a room has decided.
    pub(crate) fn command(&mut self, command: WatcherCommand, desk: &mut Desk) {
        match command {
            WatcherCommand::Decided { id, watch, answer } => {
                self.decided(id, watch, answer.as_ref(), desk);
            }
            WatcherCommand::Notify { watch, body } => {
                if let Some(found) = self.watches.get_mut(&watch) {
                    found.told(body);
                    self.attend(watch, desk);
                }
            }
            WatcherCommand::End {
                watch,
                reason,
                body,
            } => {
                if let Some(found) = self.watches.get_mut(&watch) {
                    found.end(reason, body);
                    self.attend(watch, desk);
                }
            }
        }
    }

    fn decided(&mut self, id: ServerId, watch: u64, answer: Option<&Answer>, desk: &mut Desk) {
        let Some(parked) = self.parked.remove(&watch) else {
            return;
        };
        self.alarms.set(watch, None);
        if let Some(answer) = answer {
            return desk.answer(id, &parked.request, answer);
        }
        if !desk.respond(id, 200, accepted(&parked, desk)) {
            // Nobody waits for it any more.
            return parked.room.tell(Order::Notified {
                watch,
                alive: false,
            });
        }
        let Parked {
            flow,
            dialog,
            wish,
            room,
            ..
        } = parked;
        self.dialogs.insert(dialog.id().clone(), watch);
        let made = Watch::new(watch, dialog, &wish, TERMS.package, (flow, room), desk.now);
        self.watches.insert(watch, Box::new(made));
        self.attend(watch, desk);
    }

    /// The subscription whose dialog a request is in.
    pub(crate) fn find(&mut self, request: &Request) -> Option<u64> {
        DialogId::key_of_request(request, &mut self.key).ok()?;
        self.dialogs.get(self.key.as_str()).copied()
    }

    /// Takes a request inside the dialog of a subscription: a SUBSCRIBE, or what does not belong
    /// there.
    pub(crate) fn refresh(
        &mut self,
        watch: u64,
        id: ServerId,
        request: &Request,
        flow: &Flow,
        desk: &mut Desk,
    ) {
        let Some(found) = self.watches.get_mut(&watch) else {
            return desk.answer(id, request, &Answer::plain(481));
        };
        match found.refresh(request, flow, desk.now) {
            Ok(response) => {
                desk.respond(id, 200, response);
                self.attend(watch, desk);
            }
            Err(answer) => desk.answer(id, request, &answer),
        }
    }

    /// A NOTIFY has its final response.
    pub(crate) fn answered(&mut self, watch: u64, response: &Response, desk: &mut Desk) {
        if let Some(found) = self.watches.get_mut(&watch) {
            found.answered(response, desk.now);
            self.attend(watch, desk);
        }
    }

    /// A NOTIFY will have no response; `status` is what that counts as.
    pub(crate) fn failed(&mut self, watch: u64, status: u16, desk: &mut Desk) {
        if let Some(found) = self.watches.get_mut(&watch) {
            tracing::debug!(watch, status, "a NOTIFY failed");
            found.failed();
            self.attend(watch, desk);
        }
    }

    /// How many there are, undecided ones included.
    pub(crate) fn len(&self) -> usize {
        self.watches.len().saturating_add(self.parked.len())
    }

    // ---- Time ----

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.next()
    }

    pub(crate) fn handle_timeout(&mut self, desk: &mut Desk) {
        while let Some(watch) = self.alarms.pop_due(desk.now) {
            if let Some(found) = self.watches.get_mut(&watch) {
                found.handle_timeout(desk.now);
                self.attend(watch, desk);
            } else {
                self.look(watch, desk);
            }
        }
    }

    /// Does what follows from a change of a subscription: sends what is due, forgets what is over,
    /// and notes when to come back.
    fn attend(&mut self, watch: u64, desk: &mut Desk) {
        let Some(found) = self.watches.get_mut(&watch) else {
            return;
        };
        found.send(desk);
        if found.is_over() {
            self.dialogs.remove(found.dialog_id());
            self.watches.remove(&watch);
            self.alarms.set(watch, None);
        } else {
            self.alarms.set(watch, found.poll_timeout());
        }
    }

    /// Looks after a SUBSCRIBE that waits long: a room that has ended meanwhile does not decide.
    fn look(&mut self, watch: u64, desk: &mut Desk) {
        let Some(parked) = self.parked.get(&watch) else {
            return;
        };
        if !parked.room.orders.is_closed() {
            self.alarms.set(watch, Some(desk.now + DECISION));
        } else if let Some(parked) = self.parked.remove(&watch) {
            desk.answer(
                parked.id,
                &parked.request,
                &Answer::because(404, "No Such Session"),
            );
        }
    }
}

/// The 200 to a SUBSCRIBE.
fn accepted(parked: &Parked, desk: &Desk) -> bytes::Bytes {
    let Parked {
        request, dialog, ..
    } = parked;
    let mut draft = Draft::response(request, 200, "OK", Some(dialog.id().local_tag()));
    // Above those of the proxies on the way: this node is the last the request has come through.
    draft.header(Name::RecordRoute, desk.house.record_route(&parked.flow));
    draft.copy_all(request, Name::RecordRoute);
    draft.header(Name::Contact, dialog.contact());
    granted(draft, &parked.wish)
}

/// Ends a 200 to a SUBSCRIBE with the time that is granted (RFC 6665 section 4.2.1.1).
fn granted(mut draft: Draft, wish: &Wish) -> bytes::Bytes {
    draft.header(Name::Server, SERVER);
    draft.header(Name::Expires, wish.expires);
    draft.finish()
}

/// The answer to a SUBSCRIBE that asks for what there is not.
pub(crate) fn answer(refused: &Refused, terms: &Terms) -> Answer {
    let plain = Answer::plain(refused.status());
    match refused {
        // RFC 6665 section 4.4.4: Allow-Events lists every package there is.
        Refused::BadEvent => plain.with(Name::AllowEvents, terms.package),
        Refused::Malformed(_) => Answer::because(400, "Malformed SUBSCRIBE"),
        Refused::NotAcceptable => plain.with(Name::Accept, terms.types.join(", ")),
        // RFC 6665 section 4.2.1.1
        Refused::TooBrief { min_expires } => plain.with(Name::MinExpires, min_expires.to_string()),
    }
}

/// The answer to a request that does not fit its dialog.
pub(crate) fn misfit(refusal: &Refusal) -> Answer {
    let plain = Answer::plain(refusal.status());
    match refusal {
        Refusal::Unanswered { retry_after } => {
            plain.with(Name::RetryAfter, retry_after.to_string())
        }
        Refusal::Malformed(_) | Refusal::NoDialog | Refusal::OutOfOrder | Refusal::Pending => plain,
    }
}

/// The answer to a request inside a subscription that is no SUBSCRIBE.
fn out_of_place(method: &Method) -> Answer {
    match method {
        // There is nothing in this dialog that they could be about.
        Method::Bye | Method::Notify | Method::Prack => Answer::plain(481),
        Method::Other(_) => Answer::plain(501),
        _ => Answer::plain(405).with(Name::Allow, "SUBSCRIBE"),
    }
}
