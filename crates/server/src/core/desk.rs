//! Where one shard's transactions are: everything of a shard that sends or answers does it here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use room::LegId;
use sip::transaction::{ClientId, Event, Outgoing, Output, ServerId, Timers, Transactions};
use sip::{Draft, Message, Method, Request};
use world::Rng;

use crate::core::Answer;
use crate::core::attempts::Attempts;
use crate::core::ways::{Goal, LARGE};
use crate::house::House;
use crate::net::Flow;

/// Requests received that one shard keeps at a time, finished ones included: at 0.6 kB each a
/// fifth of a gigabyte, or 10,000 new requests a second over UDP, whose traces stay 32 s.
const TRANSACTIONS: usize = 320_000;

/// Who wants to know what becomes of a request of ours.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Owner {
    /// The BYE to a leg that the focus ended.
    Farewell(LegId),
    /// An INVITE that makes a leg.
    Invite(LegId),
    /// A request inside a leg.
    Leg(LegId),
    /// Nobody: a BYE that ends what is not kept.
    Nobody,
    /// A branch of a forwarded request.
    Proxy(ServerId),
    /// A NOTIFY that tells what came of a REFER.
    Referral(u64),
    /// A NOTIFY of a subscription.
    Watch(u64),
}

/// The transactions of one shard, and what they need.
pub(crate) struct Desk {
    pub(crate) house: Arc<House>,
    pub(crate) rng: Rng,
    /// The time of the turn under way.
    pub(crate) now: Instant,
    transactions: Transactions<Flow>,
    out: Vec<Output<Flow>>,
    owners: HashMap<ClientId, Owner>,
    /// The connections over which requests of ours have gone: of the others nothing is to be looked
    /// for when they are lost.
    used: HashSet<u64>,
    /// Requests for other domains, which may go several ways.
    pub(super) attempts: Attempts,
}

impl Desk {
    pub(crate) fn new(house: Arc<House>) -> Self {
        Self {
            rng: house.rng(),
            now: house.world.clock.now(),
            transactions: Transactions::new(timers(&house), TRANSACTIONS),
            out: Vec::with_capacity(64),
            owners: HashMap::new(),
            used: HashSet::new(),
            attempts: Attempts::default(),
            house,
        }
    }

    /// The timers of this server.
    pub(crate) fn timers(&self) -> Timers {
        timers(&self.house)
    }

    /// Takes one message; what it means for the shard, if anything.
    pub(crate) fn receive(&mut self, mut message: Message, flow: Flow) -> Option<Event<Flow>> {
        if let Message::Request(request) = &mut message {
            request.set_source(flow.remote());
        }
        let reliable = flow.is_reliable();
        self.transactions
            .receive(message, flow, reliable, self.now, &mut self.out)
    }

    /// Sends a response that is written already. `false`: nobody waits for it any more.
    pub(crate) fn respond(&mut self, id: ServerId, status: u16, response: Bytes) -> bool {
        self.transactions
            .respond(id, status, response, self.now, &mut self.out)
    }

    /// Answers with a status and, where there is one, a warning.
    pub(crate) fn answer(&mut self, id: ServerId, request: &Request, answer: &Answer) {
        if answer.status >= 400 && !matches!(answer.status, 401 | 407) {
            let (method, to) = (request.method(), request.uri());
            tracing::info!(%method, to, "refused: {}", answer.explain());
        }
        let tag = self.rng.token(64);
        let response = self.house.replies.answer(request, answer, &tag);
        self.respond(id, answer.status, response);
    }

    /// A branch for a request of ours.
    pub(crate) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.rng.token(96))
    }

    /// Sends a request that is written already, under the branch in its Via.
    pub(crate) fn send(
        &mut self,
        method: Method,
        branch: &str,
        bytes: Bytes,
        flow: &Flow,
        owner: Owner,
    ) -> ClientId {
        let id = match flow {
            Flow::Udp { remote, .. } if bytes.len() > LARGE => {
                match self.house.neighbours.plan_large(*remote, self.now) {
                    Some(plan) => self.attempt(method, branch, bytes, flow, plan),
                    None => self.put(method, branch, bytes, flow),
                }
            }
            Flow::Stream(lost) if !lost.is_open() => {
                let again = self.house.neighbours.again(&self.house, lost);
                self.put(method, branch, bytes, again.as_ref().unwrap_or(flow))
            }
            Flow::Stream(_) | Flow::Udp { .. } => self.put(method, branch, bytes, flow),
        };
        self.owners.insert(id, owner);
        id
    }

    /// Sends a request that is written already, for the first flow to where it is to go.
    pub(crate) fn send_to(
        &mut self,
        method: Method,
        branch: &str,
        bytes: Bytes,
        to: &Goal,
        owner: Owner,
    ) -> ClientId {
        let Some(domain) = &to.domain else {
            return self.send(method, branch, bytes, &to.flow, owner);
        };
        let is_large = bytes.len() > LARGE;
        let plan = self.house.neighbours.plan(domain, is_large, self.now);
        let id = self.attempt(method, branch, bytes, &to.flow, plan);
        self.owners.insert(id, owner);
        id
    }

    /// Begins a transaction.
    pub(super) fn put(
        &mut self,
        method: Method,
        branch: &str,
        bytes: Bytes,
        flow: &Flow,
    ) -> ClientId {
        let outgoing = Outgoing {
            method,
            branch,
            bytes,
        };
        if let Flow::Stream(connection) = flow {
            self.used.insert(connection.id);
        }
        let reliable = flow.is_reliable();
        self.transactions
            .request(outgoing, flow.clone(), reliable, self.now, &mut self.out)
    }

    /// Writes and sends a request inside a dialog. `begin` gets the Via.
    pub(crate) fn request(
        &mut self,
        method: &Method,
        flow: &Flow,
        owner: Owner,
        begin: impl FnOnce(&str) -> Bytes,
    ) -> ClientId {
        let branch = self.branch();
        let via = self.house.via(flow, &branch);
        let bytes = begin(&via);
        self.send(method.clone(), &branch, bytes, flow, owner)
    }

    /// Sends what has no transaction: an ACK to a 2xx, a repeated 2xx.
    pub(crate) fn send_plain(&mut self, flow: &Flow, bytes: Bytes) {
        let flow = match flow {
            Flow::Stream(lost) if !lost.is_open() => {
                let again = self.house.neighbours.again(&self.house, lost);
                again.unwrap_or_else(|| flow.clone())
            }
            flow => flow.clone(),
        };
        self.out.push(Output { flow, bytes });
    }

    /// Gives an INVITE of ours up.
    pub(crate) fn cancel(&mut self, id: ClientId, reason: Option<&str>) {
        let id = self.given_up(id);
        self.transactions
            .cancel(id, reason, self.now, &mut self.out);
    }

    /// Whose request it is.
    pub(crate) fn owner(&self, id: ClientId) -> Option<Owner> {
        self.owners.get(&id).copied()
    }

    /// Forgets whose request it was: it has had its final response.
    pub(crate) fn disown(&mut self, id: ClientId) {
        self.owners.remove(&id);
        self.attempts.forget(id);
    }

    /// A connection is gone, and with it the answers that were to come over it.
    pub(crate) fn flow_lost(&mut self, connection: u64, events: &mut Vec<Event<Flow>>) {
        // Strangers may connect and go as often as they like, and there may be many requests.
        if self.used.remove(&connection) {
            self.transactions
                .flow_lost(|flow| flow.is_connection(connection), events);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, events: &mut Vec<Event<Flow>>) {
        self.transactions
            .handle_timeout(self.now, &mut self.out, events);
    }

    /// Hands what was written in this turn to the sockets. What could not be sent is told as
    /// events: those whose flow is gone will get no answer.
    pub(crate) fn flush(&mut self, events: &mut Vec<Event<Flow>>) {
        let mut lost = Vec::new();
        for Output { flow, bytes } in self.out.drain(..) {
            if let Flow::Stream(gone) = &flow
                && !gone.is_open()
                && bytes.starts_with(b"SIP/")
                && let Some(again) = self.house.neighbours.again(&self.house, gone)
            {
                // RFC 3261 section 18.2.2: a response whose connection is gone gets a new one.
                let _ = again.send(bytes);
                continue;
            }
            if flow.send(bytes).is_err()
                && let Flow::Stream(connection) = &flow
            {
                lost.push(connection.id);
            }
        }
        lost.dedup();
        for connection in lost {
            self.flow_lost(connection, events);
        }
    }
}

fn timers(house: &House) -> Timers {
    Timers {
        t1: house.setup.t1,
        ..Timers::default()
    }
}

/// Begins a draft with what a request inside a dialog carries besides.
pub(crate) fn user_agent(draft: &mut Draft) {
    draft.header(sip::Name::UserAgent, crate::core::SERVER);
}
