//! Requests for other domains: one way after another until somebody answers (RFC 3263 section 4.3).
//!
//! ```text
//!   attempt ──▶ first way ──any answer but 503──▶ its owner
//!                 │  ▲
//!                 │  └──the next way, with a new branch──┐
//!                 └──503, no connection, no answer at all┴──no way is left──▶ its owner
//! ```
//!
//! Whoever sends such a request knows it by the name of its first transaction, whichever is the one
//! under way.

use std::collections::HashMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use sip::Method;
use sip::transaction::{ClientId, Failure};

use crate::core::desk::Desk;
use crate::core::neighbours;
use crate::core::ways::{Fault, LARGE, Stage, Way};
use crate::net::Flow;

/// The requests of one shard that have more than one way, or another than their flow.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    all: HashMap<ClientId, Box<Attempt>>,
    /// Of those that go another way than their first: what they are known by.
    first: HashMap<ClientId, ClientId>,
}

#[derive(Debug)]
struct Attempt {
    /// The transaction under way.
    current: ClientId,
    way: Way,
    flow: Flow,
    method: Method,
    /// The request as it went last, and its topmost Via.
    bytes: Bytes,
    via: String,
    branch: String,
    /// What is left to be tried.
    rest: std::vec::IntoIter<Stage>,
    has_heard: bool,
    is_given_up: bool,
}

impl Attempts {
    /// What a transaction is known by.
    fn name(&self, id: ClientId) -> ClientId {
        match self.all.is_empty() {
            true => id,
            false => self.first.get(&id).copied().unwrap_or(id),
        }
    }

    pub(super) fn forget(&mut self, id: ClientId) {
        if self.all.is_empty() {
            return;
        }
        if let Some(attempt) = self.all.remove(&id) {
            self.first.remove(&attempt.current);
        }
    }
}

impl Desk {
    /// Sends a request that was written for `flow`, by the first way of a plan that can be gone.
    pub(super) fn attempt(
        &mut self,
        method: Method,
        branch: &str,
        bytes: Bytes,
        flow: &Flow,
        plan: Vec<Stage>,
    ) -> ClientId {
        let via = self.house.via(flow, branch);
        let mut rest = plan.into_iter();
        let Some((way, flow)) = self.next_way(&mut rest, true, bytes.len()) else {
            // Nothing is known there any more.
            return self.put(method, branch, bytes, flow);
        };
        let new_via = self.house.via(&flow, branch);
        let bytes = with_via(bytes, &via, &new_via);
        let current = self.put(method.clone(), branch, bytes.clone(), &flow);
        let attempt = Attempt {
            current,
            way,
            flow,
            method,
            bytes,
            via: new_via,
            branch: branch.to_owned(),
            rest,
            has_heard: false,
            is_given_up: false,
        };
        self.attempts.all.insert(current, Box::new(attempt));
        current
    }

    /// A response came: to which request of ours? `None`: it goes another way.
    pub(crate) fn heard(&mut self, id: ClientId, status: u16) -> Option<ClientId> {
        let name = self.attempts.name(id);
        let Some(attempt) = self.attempts.all.get_mut(&name) else {
            return Some(name);
        };
        let is_first = !std::mem::replace(&mut attempt.has_heard, true);
        // RFC 3263 section 4.3: a 503 is a failure of the server.
        if status == 503 {
            return self.goes_on(name, false);
        }
        if is_first {
            self.house.neighbours.answers(attempt.way);
        }
        Some(name)
    }

    /// No response will come: to which request of ours? `None`: it goes another way.
    pub(crate) fn unheard(&mut self, id: ClientId, why: Failure) -> Option<ClientId> {
        let name = self.attempts.name(id);
        let Some(attempt) = self.attempts.all.get(&name) else {
            return Some(name);
        };
        let never_was = match &attempt.flow {
            Flow::Stream(connection) => !connection.has_been_up(),
            Flow::Udp { .. } => false,
        };
        match why {
            Failure::Transport => self.goes_on(name, never_was),
            // RFC 3263 section 4.3: timer B or F, without any response.
            Failure::Timeout if !attempt.has_heard => self.goes_on(name, never_was),
            Failure::Timeout => Some(name),
        }
    }

    /// Its sender wants no answer any more: the transaction to be ended.
    pub(super) fn given_up(&mut self, name: ClientId) -> ClientId {
        let Some(attempt) = self.attempts.all.get_mut(&name) else {
            return name;
        };
        attempt.is_given_up = true;
        attempt.current
    }

    /// The flow by which a request went in the end, if that may be another than its first.
    pub(crate) fn flow_taken(&self, name: ClientId) -> Option<&Flow> {
        self.attempts.all.get(&name).map(|attempt| &attempt.flow)
    }

    /// The way of a request has failed: the next one. Its name, if none is left.
    fn goes_on(&mut self, name: ClientId, never_was: bool) -> Option<ClientId> {
        let Some(mut attempt) = self.attempts.all.remove(&name) else {
            return Some(name);
        };
        self.attempts.first.remove(&attempt.current);
        let fault = match never_was {
            true => Fault::Refused,
            false => Fault::Failed,
        };
        self.house.neighbours.avoid(fault, attempt.way.at, self.now);
        let length = attempt.bytes.len();
        let next = match attempt.is_given_up {
            true => None,
            false => self.next_way(&mut attempt.rest, never_was, length),
        };
        let Some((way, flow)) = next else {
            self.attempts.all.insert(name, attempt);
            return Some(name);
        };
        let (from, to) = (attempt.way, way);
        tracing::info!(
            ?from,
            ?to,
            "the server of another domain fails: the next way"
        );
        // RFC 3263 section 4.3: the same request but for the branch.
        let branch = self.branch_like(&attempt.branch);
        let via = self.house.via(&flow, &branch);
        attempt.bytes = with_via(attempt.bytes, &attempt.via, &via);
        let (method, bytes) = (attempt.method.clone(), attempt.bytes.clone());
        attempt.current = self.put(method, &branch, bytes, &flow);
        (attempt.way, attempt.flow) = (way, flow);
        (attempt.via, attempt.branch) = (via, branch);
        attempt.has_heard = false;
        self.attempts.first.insert(attempt.current, name);
        self.attempts.all.insert(name, attempt);
        None
    }

    fn next_way(
        &self,
        rest: &mut std::vec::IntoIter<Stage>,
        never_was: bool,
        length: usize,
    ) -> Option<(Way, Flow)> {
        let mut never_was = never_was;
        for stage in rest {
            // RFC 3261 section 18.1.1: over UDP only where TCP is refused.
            if stage.is_spare && !never_was {
                continue;
            }
            match neighbours::flow(&self.house, stage.way) {
                Some(flow) if flow.takes(length) => return Some((stage.way, flow)),
                Some(_) | None => never_was = true,
            }
        }
        None
    }

    /// A new branch that tells loops as the old one did (RFC 5393 section 4.2.1).
    fn branch_like(&mut self, old: &str) -> String {
        let new = self.branch();
        match old.split_once('.') {
            Some((_, course)) => format!("{new}.{course}"),
            None => new,
        }
    }

    /// Sends a request that has no transaction: an ACK to a 2xx that passes through.
    pub(crate) fn send_alone(&mut self, branch: &str, bytes: Bytes, flow: &Flow) {
        let plan = match flow {
            Flow::Udp { remote, .. } if bytes.len() > LARGE => {
                self.house.neighbours.plan_large(*remote, self.now)
            }
            Flow::Stream(_) | Flow::Udp { .. } => None,
        };
        let way = plan.and_then(|plan| self.next_way(&mut plan.into_iter(), true, bytes.len()));
        match way {
            Some((_, other)) => {
                let (old, new) = (self.house.via(flow, branch), self.house.via(&other, branch));
                self.send_plain(&other, with_via(bytes, &old, &new));
            }
            None if flow.takes(bytes.len()) => self.send_plain(flow, bytes),
            None => {}
        }
    }
}

/// The same message with another topmost Via, whose value is known.
fn with_via(bytes: Bytes, old: &str, new: &str) -> Bytes {
    let at = memchr::memmem::find(&bytes, old.as_bytes()).filter(|_| old != new);
    let Some(at) = at else {
        return bytes;
    };
    let (before, rest) = bytes.split_at(at);
    let after = rest.get(old.len()..).unwrap_or_default();
    let mut out = BytesMut::with_capacity(bytes.len().saturating_add(new.len()));
    out.put_slice(before);
    out.put_slice(new.as_bytes());
    out.put_slice(after);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_via_alone_is_another() {
        let old = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport";
        let new = "SIP/2.0/TCP 192.0.2.1:5061;branch=z9hG4bK22;rport";
        let message = |via: &str| {
            format!("INVITE sip:b@h SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/UDP a\r\n\r\nUDP").into()
        };
        assert_eq!(with_via(message(old), old, new), message(new));
        assert_eq!(with_via(message(old), old, old), message(old));
        assert_eq!(with_via(message(new), old, new), message(new));
    }
}
