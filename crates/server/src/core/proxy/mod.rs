//! The home proxy: requests to our users go to their devices, and the answers come back.
//!
//! A stateful proxy that forks in parallel (RFC 3261 section 16), all of it within the shard's
//! turn. Its parts, in the order a request meets them:
//!
//! - [`admission`]: may it go on (hops, loops, extensions)?
//! - [`targets`]: to which devices?
//! - [`rewrite`]: what changes in it, and in the responses;
//! - [`record_route`]: how later requests of the dialog come back, by a [`token`];
//! - [`fork`]: what its branches do, and [`verdict`]: which of their answers the caller gets.

mod admission;
mod fork;
mod record_route;
mod rewrite;
mod targets;
mod token;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use sip::transaction::{ClientId, ServerId};
use sip::{Method, Request, Response, Uri};

use crate::core::desk::{Desk, Owner};
use crate::core::reply::phrase;
use crate::core::ways::Goal;
use crate::core::{Alarms, Answer, Device, Identity};
use crate::house::House;
use crate::net::Flow;

pub(crate) use record_route::{ABROAD, next_hop, other_side};

use admission::Passport;
use fork::{Fork, Step};
use rewrite::{Course, Hop};
use verdict::Verdict;

pub(crate) use targets::for_focus;

/// The requests that one shard has forwarded.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    contexts: HashMap<ServerId, Context>,
    /// When a context is to be looked at.
    alarms: Alarms<ServerId>,
    /// What the event under way leads to. Empty between events.
    steps: Vec<Step>,
}

/// One forwarded request.
#[derive(Debug)]
struct Context {
    request: Request,
    fork: Fork,
    /// Is it for another domain?
    is_abroad: bool,
}

/// What all branches of one request share.
struct Onward<'a> {
    request: &'a Request,
    id: ServerId,
    /// The flow it came by.
    flow: &'a Flow,
    passport: Passport,
    /// The sender, if the next hop is to know.
    asserted: Option<&'a Identity>,
    course: Course<'a>,
}

impl Proxy {
    /// Forwards a request to the devices of a user, all at once.
    ///
    /// An INVITE has been answered with 100. `asserted` is the sender, if the next hop is to know.
    pub(crate) fn forward(
        &mut self,
        id: ServerId,
        request: Request,
        flow: &Flow,
        asserted: Option<&Identity>,
        devices: Vec<Arc<Device>>,
        desk: &mut Desk,
    ) {
        let passport = match admission::admit(&request, desk.house.replies.key) {
            Ok(passport) => passport,
            Err(answer) => return desk.answer(id, &request, &answer),
        };
        let devices = targets::choose(devices, &request);
        let Some(shares) = admission::split(passport.breadth, devices.len()) else {
            // RFC 5393 section 5.3.3.
            return desk.answer(id, &request, &Answer::because(440, "Max-Breadth Exceeded"));
        };
        let house = Arc::clone(&desk.house);
        let onward = Onward {
            id,
            flow,
            passport,
            asserted,
            course: Course::of(&request, |uri| is_ours(&house, uri)),
            request: &request,
        };
        let mut fork = Fork::new(*request.method() == Method::Invite, devices.len());
        let is_abroad = devices.iter().any(|device| device.domain.is_some());
        for (device, breadth) in devices.iter().zip(shares) {
            match device.route() {
                Some(to) => onward.branch(&to, Some(device), breadth, &mut fork, desk),
                None => fork.unsent(430),
            }
        }
        self.open(id, request, fork, is_abroad, desk);
    }

    /// Forwards a request inside a dialog to the other side of it.
    pub(crate) fn inside(
        &mut self,
        id: ServerId,
        request: Request,
        flow: &Flow,
        to: &Goal,
        desk: &mut Desk,
    ) {
        let passport = match admission::admit(&request, desk.house.replies.key) {
            Ok(passport) => passport,
            Err(answer) => return desk.answer(id, &request, &answer),
        };
        let house = Arc::clone(&desk.house);
        let onward = Onward {
            id,
            flow,
            passport,
            // The dialog vouches for the sender; nobody has asked for its credentials.
            asserted: None,
            course: Course::of(&request, |uri| is_ours(&house, uri)),
            request: &request,
        };
        let mut fork = Fork::new(*request.method() == Method::Invite, 1);
        onward.branch(to, None, passport.breadth, &mut fork, desk);
        self.open(id, request, fork, to.domain.is_some(), desk);
    }

    /// Forwards an ACK to a 2xx, which has no transaction (RFC 3261 section 16.11).
    pub(crate) fn ack(&mut self, request: &Request, to: &Goal, desk: &mut Desk) {
        let to = &to.flow;
        let house = Arc::clone(&desk.house);
        let key = house.replies.key;
        // An ACK is never answered: one that may not go on is dropped.
        let Ok(passport) = admission::admit(request, key) else {
            return;
        };
        let course = Course::of(request, |uri| is_ours(&house, uri));
        let branch = admission::stateless_branch(request, passport.course, key);
        let hop = Hop {
            uri: course.uri,
            transport: to.transport(),
            address: house.address(to),
            branch: &branch,
            path: &[],
            routes: &course.routes,
            record_routes: &[],
            max_forwards: passport.max_forwards,
            breadth: passport.breadth,
            asserted: None,
            realm: &house.setup.domain,
        };
        let bytes = rewrite::request(request, &hop);
        desk.send_alone(&branch, bytes, to);
    }

    /// A branch has a response.
    pub(crate) fn answered(
        &mut self,
        id: ServerId,
        client: ClientId,
        response: Response,
        desk: &mut Desk,
    ) {
        if response.is_final() && !response.is_success() {
            desk.disown(client);
        }
        let Some(context) = self.contexts.get_mut(&id) else {
            // The caller had its answer long ago.
            if response.is_final() {
                desk.disown(client);
            }
            return;
        };
        let patience = desk.timers().patience();
        context
            .fork
            .answered(client, response, desk.now, patience, &mut self.steps);
        self.settle(id, desk);
    }

    /// A branch will have no response; it counts as `status`.
    pub(crate) fn failed(&mut self, id: ServerId, client: ClientId, status: u16, desk: &mut Desk) {
        desk.disown(client);
        if let Some(context) = self.contexts.get_mut(&id) {
            // That its server is not to be had is not the fault of this one, which a 503 says.
            let status = match status {
                503 if context.is_abroad => 480,
                status => status,
            };
            context.fork.failed(client, status, &mut self.steps);
            self.settle(id, desk);
        }
    }

    /// The caller gave an INVITE up. `reason` is the value of the CANCEL's Reason, if it has one.
    ///
    /// The 487 to the INVITE comes from the branches (RFC 3261 section 16.10).
    pub(crate) fn cancelled(&mut self, id: ServerId, reason: Option<&str>, desk: &mut Desk) {
        if let Some(context) = self.contexts.get_mut(&id) {
            for client in context.fork.cancelled() {
                desk.cancel(client, reason);
            }
            self.settle(id, desk);
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, desk: &mut Desk) {
        while let Some(id) = self.alarms.pop_due(desk.now) {
            if let Some(context) = self.contexts.get_mut(&id) {
                context.fork.handle_timeout(desk.now, &mut self.steps);
                self.settle(id, desk);
            }
        }
    }

    /// How many forwarded requests have no final response yet.
    pub(crate) fn len(&self) -> usize {
        let open = self.contexts.values();
        open.filter(|context| context.fork.is_open()).count()
    }

    fn open(
        &mut self,
        id: ServerId,
        request: Request,
        mut fork: Fork,
        is_abroad: bool,
        desk: &mut Desk,
    ) {
        fork.settle(&mut self.steps);
        let context = Context {
            request,
            fork,
            is_abroad,
        };
        self.contexts.insert(id, context);
        self.settle(id, desk);
    }

    /// Does what an event led to, and forgets the request when nothing more can come of it.
    fn settle(&mut self, id: ServerId, desk: &mut Desk) {
        let Some(context) = self.contexts.get_mut(&id) else {
            return;
        };
        for step in self.steps.drain(..) {
            context.take(step, id, desk);
        }
        self.alarms.set(id, context.fork.deadline());
        if context.fork.is_over() {
            self.contexts.remove(&id);
        }
    }
}

impl Context {
    fn take(&self, step: Step, id: ServerId, desk: &mut Desk) {
        match step {
            Step::Cancel(client, status) => desk.cancel(client, Some(&reason(status))),
            Step::Conclude(Verdict::Forward { best, challenges }) => {
                let bytes = rewrite::response(&best, &challenges);
                desk.respond(id, best.status(), bytes);
            }
            Step::Conclude(Verdict::Answer(status)) => {
                let answer = match status {
                    408 if self.is_abroad => Answer::because(408, "No Answer from That Domain"),
                    480 if self.is_abroad => {
                        Answer::because(480, "The Server of That Domain Cannot Be Reached")
                    }
                    status => Answer::plain(status),
                };
                desk.answer(id, &self.request, &answer);
            }
            Step::Conclude(Verdict::Silence) => {}
            Step::Disown(client) => desk.disown(client),
            Step::Pass(response) => {
                let bytes = rewrite::response(&response, &[]);
                desk.respond(id, response.status(), bytes);
            }
        }
    }
}

impl Onward<'_> {
    /// Sends one copy: to a device, or inside a dialog.
    fn branch(
        &self,
        to: &Goal,
        device: Option<&Device>,
        breadth: u32,
        fork: &mut Fork,
        desk: &mut Desk,
    ) {
        let house = &desk.house;
        let record_routes = record_route::values(house, self.request, self.flow, to);
        let branch = admission::branch(desk.rng.u64(), self.passport.course);
        let bytes = rewrite::request(
            self.request,
            &Hop {
                uri: device.map_or(self.course.uri, |device| bare(&device.record.contact)),
                transport: to.flow.transport(),
                address: desk.house.address(&to.flow),
                branch: &branch,
                path: device.map_or(&[], |device| device.record.path.as_slice()),
                routes: &self.course.routes,
                record_routes: &record_routes,
                max_forwards: self.passport.max_forwards,
                breadth,
                asserted: self.asserted,
                realm: &desk.house.setup.domain,
            },
        );
        // What is for another domain may take another way.
        if to.domain.is_none() && !to.flow.takes(bytes.len()) {
            return fork.unsent(513);
        }
        let method = self.request.method().clone();
        let client = desk.send_to(method, &branch, bytes, to, Owner::Proxy(self.id));
        fork.sent(client, desk.now);
    }
}

/// Does this URI name us? A user's client may know us by our domain alone.
fn is_ours(house: &House, uri: &Uri<'_>) -> bool {
    uri.is_sip() && (house.is_me(uri.host(), uri.port()) || house.is_domain(uri.host()))
}

/// A contact as a Request-URI: without header fields (RFC 3261 section 19.1.1).
fn bare(contact: &str) -> &str {
    match Uri::parse(contact).ok().and_then(|uri| uri.headers_text()) {
        Some(headers) => {
            let end = contact
                .len()
                .saturating_sub(headers.len())
                .saturating_sub(1);
            contact.get(..end).unwrap_or(contact)
        }
        None => contact,
    }
}

/// Why a branch is cancelled, for its Reason header (RFC 3326).
fn reason(status: u16) -> String {
    let text = match status {
        200..300 => "Call completed elsewhere",
        _ => phrase(status),
    };
    format!("SIP;cause={status};text=\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3261_19_1_1_a_contact_becomes_a_request_uri() {
        for (contact, want) in [
            ("sip:b@h:5070;ob", "sip:b@h:5070;ob"),
            ("sip:b@h?Replaces=x&y=z", "sip:b@h"),
            ("sip:b?c@h;x?y=z", "sip:b?c@h;x"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(bare(contact), want);
        }
    }

    #[test]
    fn rfc_3326_why_a_branch_is_cancelled() {
        assert_eq!(
            reason(200),
            "SIP;cause=200;text=\"Call completed elsewhere\""
        );
        assert_eq!(reason(603), "SIP;cause=603;text=\"Decline\"");
    }
}
