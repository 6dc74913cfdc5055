//! One subscription: what its room has to tell, and the dialog in which it is told.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::dialog::{Dialog, DialogId};
use sip::subscription::{Notifier, Phase, Reason, Wish};
use sip::{Method, Name, Request, Response};

use super::{TERMS, answer, granted, misfit, out_of_place};
use crate::core::Answer;
use crate::core::desk::{Desk, Owner, user_agent};
use crate::net::Flow;
use crate::rooms::{Order, RoomHandle};

/// The most octets of a document in one datagram. RFC 3261 section 18.1.1 wants a connection for
/// requests over 1,300, but none is dialled to a subscriber, and three users a NOTIFY would make
/// hundreds of round trips of a large room. Larger datagrams go in fragments, and with one of them
/// all is lost: of these there are six. Usual stacks read into 8,192 octets, and From, To and the
/// route of a NOTIFY need some.
const DATAGRAM_PIECE: usize = 7_000;

/// The same over a connection: servers on the way read into 16,384 octets, if nobody told them
/// otherwise. Ten round trips tell of a thousand people.
const STREAM_PIECE: usize = 14_000;

/// The largest document sent in one datagram, in octets: a datagram has 65,507, of which the head
/// needs some. A fetch is told everything in one NOTIFY (RFC 6665 section 4.4.3); one for which
/// that is too much is given up, and may come again over TCP, or stay.
const DATAGRAM_BODY: usize = 60_000;

/// The same over a connection: what our own reader takes, less the head.
const STREAM_BODY: usize = sip::MAX_STREAM_MESSAGE - 16_384;

/// The most octets of a document that goes this way.
pub(super) fn piece(flow: &Flow, wish: &Wish) -> usize {
    match (wish.expires, flow.is_reliable()) {
        (0, _) => usize::MAX,
        (_, true) => STREAM_PIECE,
        (_, false) => DATAGRAM_PIECE,
    }
}

/// How long a subscriber who asks for the state once is kept waiting for a room that does not
/// tell it.
const FETCH: Duration = Duration::from_secs(10);

/// One subscription.
pub(super) struct Watch {
    watch: u64,
    notifier: Notifier,
    flow: Flow,
    /// Who is told how the NOTIFYs fare; `None` when it need not know any more.
    room: Option<RoomHandle>,
    /// What the next NOTIFY tells.
    body: Option<Vec<u8>>,
    /// The last NOTIFY waits until then for what it is to tell.
    wait_until: Option<Instant>,
    /// The most octets of a document for this subscriber.
    piece: usize,
    /// The room was told of a refresh and has not answered: it need not be told of more.
    owed: bool,
}

impl Watch {
    /// A subscription that was accepted just now. The room sends the state by itself.
    pub(super) fn new(
        watch: u64,
        dialog: Dialog,
        wish: &Wish,
        package: &'static str,
        (flow, room): (Flow, RoomHandle),
        now: Instant,
    ) -> Self {
        let mut notifier = Notifier::new(dialog, package, wish, now);
        notifier.activate();
        Self {
            watch,
            notifier,
            piece: piece(&flow, wish),
            flow,
            room: Some(room),
            body: None,
            // RFC 6665 section 4.4.3: a fetch gets the state in the NOTIFY that ends it.
            wait_until: (wish.expires == 0).then(|| now + FETCH),
            owed: false,
        }
    }

    // ---- What the room says ----

    /// There is something to tell. Of two things untold the later one counts.
    pub(super) fn told(&mut self, body: Vec<u8>) {
        self.owed = false;
        if self.room.is_some() {
            self.notifier.changed();
            self.body = Some(body);
            self.wait_until = None;
        }
    }

    /// The room ends it, and has forgotten it.
    pub(super) fn end(&mut self, reason: &str, body: Option<Vec<u8>>) {
        self.room = None;
        self.body = body;
        self.wait_until = None;
        self.notifier.terminate(Reason::parse(reason), None);
    }

    // ---- What the subscriber says ----

    /// Takes a request inside the dialog; the 200 to it, if it is a SUBSCRIBE that fits.
    pub(super) fn refresh(
        &mut self,
        request: &Request,
        flow: &Flow,
        now: Instant,
    ) -> Result<Bytes, Answer> {
        if *request.method() != Method::Subscribe {
            return Err(out_of_place(request.method()));
        }
        self.notifier
            .receive(request)
            .map_err(|refusal| misfit(&refusal))?;
        self.flow.follow(flow, request);
        let wish = TERMS
            .read(request)
            .map_err(|refused| answer(&refused, &TERMS))?;
        self.notifier.refresh(&wish, now);
        if wish.expires == 0 {
            // RFC 6665 section 4.2.1.4: who unsubscribes need not be told the state again.
            self.leave_room();
        } else {
            self.piece = piece(&self.flow, &wish);
            self.ask_again();
        }
        Ok(granted(
            self.notifier.dialog().response(request, 200, "OK"),
            &wish,
        ))
    }

    /// A NOTIFY has its final response.
    pub(super) fn answered(&mut self, response: &Response, now: Instant) {
        self.notifier.answered(response, now);
        if self.notifier.is_over() {
            // RFC 6665 section 4.2.2: 481 and its like, and the answer to the last NOTIFY.
            self.leave_room();
            return;
        }
        self.tell(Order::Notified {
            watch: self.watch,
            alive: true,
        });
        if !response.is_success() {
            // The subscriber is busy and has not seen what it was told: after Retry-After it gets
            // the whole state.
            self.ask_again();
        }
    }

    /// A NOTIFY had no answer: the subscriber is gone (RFC 6665 section 4.2.2).
    pub(super) fn failed(&mut self) {
        self.notifier.failed();
        self.leave_room();
    }

    // ---- What becomes of it ----

    /// Sends the NOTIFY that is due, if one is.
    pub(super) fn send(&mut self, desk: &mut Desk) {
        if !self.notifier.wants_notify(desk.now) {
            return;
        }
        let most = match self.flow.is_reliable() {
            true => STREAM_BODY,
            false => DATAGRAM_BODY,
        };
        if self.body.as_ref().is_some_and(|body| body.len() > most) {
            tracing::warn!(remote = %self.flow.remote(), "a conference document is too large for one NOTIFY");
            self.body = None;
            self.wait_until = None;
            self.notifier.terminate(Reason::Giveup, None);
        }
        let last = matches!(self.notifier.phase(), Phase::Ending { .. });
        // Only the last NOTIFY may be without a document, and the one of a fetch had better not.
        if self.body.is_none() && (!last || self.wait_until.is_some()) {
            return;
        }
        let body = self.body.take();
        if last {
            self.leave_room();
        }
        let route = desk.house.record_route(&self.flow);
        let (now, owner) = (desk.now, Owner::Watch(self.watch));
        let notifier = &mut self.notifier;
        desk.request(&Method::Notify, &self.flow, owner, |via| {
            // IM-7.2.2.10-S0a, IM-7.2.1.5-S11: Event, Subscription-State and the rest as RFC 6665
            // has them.
            let mut draft = notifier.notify(via, now);
            // RFC 6665 section 4.4.1: the subscriber's route is that of the NOTIFY.
            draft.header(Name::RecordRoute, route);
            user_agent(&mut draft);
            match body {
                // IM-7.2.2.10-S0d: application/conference-info+xml.
                Some(body) => draft.finish_with(notifier.content_type(), &body),
                None => draft.finish(),
            }
        });
    }

    /// The time has come that [`Self::poll_timeout`] named.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let ending = matches!(self.notifier.phase(), Phase::Ending { .. });
        self.wait_until = self.wait_until.filter(|until| now < *until);
        self.notifier.handle_timeout(now);
        if !ending && matches!(self.notifier.phase(), Phase::Ending { .. }) {
            // Expired (RFC 6665 section 4.2.1.4).
            self.leave_room();
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.notifier
            .poll_timeout()
            .into_iter()
            .chain(self.wait_until)
            .min()
    }

    pub(super) fn is_over(&self) -> bool {
        self.notifier.is_over()
    }

    pub(super) fn dialog_id(&self) -> &DialogId {
        self.notifier.dialog().id()
    }

    /// The room has nothing to tell here any more.
    fn leave_room(&mut self) {
        self.tell(Order::Notified {
            watch: self.watch,
            alive: false,
        });
        self.room = None;
        self.body = None;
        self.wait_until = None;
    }

    /// The subscriber is to get the whole state. However often it asks, the room is asked once.
    fn ask_again(&mut self) {
        if !std::mem::replace(&mut self.owed, true) {
            let (watch, piece) = (self.watch, self.piece);
            self.tell(Order::Refreshed { watch, piece });
        }
    }

    fn tell(&self, order: Order) {
        if let Some(room) = &self.room {
            room.tell(order);
        }
    }
}
