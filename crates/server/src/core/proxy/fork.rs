//! One forwarded request and its branches: the response context of RFC 3261 section 16.7.
//!
//! ```text
//!   sent ──▶ Ringing ──300-699, failure──▶ Over ──all over──▶ the best of them goes to the caller
//!               │ │
//!               │ └─2xx──▶ (INVITE) Accepted ──64*T1──▶ Over     each 2xx goes to the caller,
//!               │                                                the other branches are cancelled
//!               └─ 6xx elsewhere, 2xx elsewhere, CANCEL, timer C ──▶ Cancelled ──final──▶ Over
//! ```
//!
//! Here is no socket and no transaction: facts go in, [`Step`]s come out.

use std::time::{Duration, Instant};

use sip::Response;
use sip::transaction::ClientId;

use super::verdict::{self, End, Verdict};

/// How long a branch may ring without a sign: timer C, which is longer than three minutes (RFC
/// 3261 section 16.6 step 11).
pub(super) const TIMER_C: Duration = Duration::from_secs(181);

/// A request that was forwarded.
#[derive(Debug)]
pub(super) struct Fork {
    is_invite: bool,
    branches: Vec<Branch>,
    /// How the branches that are over ended, until the caller has its answer.
    ends: Vec<End>,
    /// Has the caller a final response?
    is_answered: bool,
    /// Does the caller want none any more?
    is_given_up: bool,
}

#[derive(Debug)]
struct Branch {
    client: ClientId,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Of an INVITE, until timer C; of another request, the transaction's own timer F ends it.
    Ringing {
        timer_c: Option<Instant>,
    },
    /// The transaction ends it 64*T1 after the CANCEL, whatever the device does.
    Cancelled,
    /// Further 2xx may come until then: timer M of the transaction.
    Accepted {
        until: Instant,
    },
    Over,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Step {
    /// A branch is of no use any more, because of a response with this status.
    Cancel(ClientId, u16),
    /// All branches are over: the caller gets this.
    Conclude(Verdict),
    /// Nothing more will come of this request.
    Disown(ClientId),
    /// The caller gets this response.
    Pass(Response),
}

impl Fork {
    /// Begins without branches. When all are there, [`Self::settle`] is to be called.
    pub(super) fn new(is_invite: bool, branches: usize) -> Self {
        Self {
            is_invite,
            branches: Vec::with_capacity(branches),
            ends: Vec::new(),
            is_answered: false,
            is_given_up: false,
        }
    }

    /// A branch was sent.
    pub(super) fn sent(&mut self, client: ClientId, now: Instant) {
        let timer_c = self.is_invite.then(|| now + TIMER_C);
        let state = State::Ringing { timer_c };
        self.branches.push(Branch { client, state });
    }

    /// A branch could not be sent; it counts as this status.
    pub(super) fn unsent(&mut self, status: u16) {
        self.ends.push(End::Failed(status));
    }

    /// A response came. `patience` is 64*T1.
    pub(super) fn answered(
        &mut self,
        client: ClientId,
        response: Response,
        now: Instant,
        patience: Duration,
        out: &mut Vec<Step>,
    ) {
        match response.status() {
            ..200 => self.provisional(client, response, now, out),
            200..300 => self.accepted(client, response, now + patience, out),
            status => self.refused(client, status, End::Refused(response), out),
        }
    }

    fn provisional(
        &mut self,
        client: ClientId,
        response: Response,
        now: Instant,
        out: &mut Vec<Step>,
    ) {
        // RFC 3261 section 16.7 step 5: a 100 is for one hop.
        if response.status() == 100 {
            return;
        }
        // RFC 3261 section 16.7 step 2: timer C begins anew.
        if let Some(State::Ringing { timer_c: Some(at) }) = self.state(client) {
            *at = now + TIMER_C;
        }
        if !self.is_answered {
            out.push(Step::Pass(response));
        }
    }

    /// RFC 3261 section 16.7 step 5: a 2xx goes on at once; of an INVITE every one does.
    fn accepted(
        &mut self,
        client: ClientId,
        response: Response,
        until: Instant,
        out: &mut Vec<Step>,
    ) {
        let (is_invite, status) = (self.is_invite, response.status());
        match self.state(client) {
            // A repetition, or another device behind the same branch.
            Some(State::Accepted { .. }) | None => {}
            Some(state) if is_invite => *state = State::Accepted { until },
            Some(state) => *state = State::Over,
        }
        if is_invite || !self.is_answered {
            out.push(Step::Pass(response));
        }
        if !self.is_answered {
            self.is_answered = true;
            self.ends = Vec::new();
            // RFC 3261 section 16.7 step 10.
            self.cancel_rest(status, out);
        }
    }

    fn refused(&mut self, client: ClientId, status: u16, end: End, out: &mut Vec<Step>) {
        if !self.end(client, end) {
            return;
        }
        if status >= 600 {
            // RFC 3261 section 16.7 step 5: the caller gets the 6xx when the others have ended,
            // for one of them may have said 200 meanwhile.
            self.cancel_rest(status, out);
        }
        self.settle(out);
    }

    /// No response came to a branch; it counts as this status.
    pub(super) fn failed(&mut self, client: ClientId, status: u16, out: &mut Vec<Step>) {
        // RFC 3261 section 9.1: a request whose CANCEL led to nothing counts as cancelled.
        let status = if status == 408 && self.is_given_up {
            487
        } else {
            status
        };
        if self.end(client, End::Failed(status)) {
            self.settle(out);
        }
    }

    /// The caller gave up: the branches that are to be cancelled (RFC 3261 section 16.10).
    pub(super) fn cancelled(&mut self) -> impl Iterator<Item = ClientId> {
        self.is_given_up = true;
        let is_invite = self.is_invite;
        let ringing = self.branches.iter_mut().filter(move |_| is_invite);
        ringing.filter_map(Branch::cancel)
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Step>) {
        for branch in &mut self.branches {
            match branch.state {
                // RFC 3261 section 16.8: a branch that rings is cancelled; one that never did has
                // ended by timer B long before.
                State::Ringing { timer_c: Some(at) } if at <= now => {
                    branch.state = State::Cancelled;
                    out.push(Step::Cancel(branch.client, 408));
                }
                State::Accepted { until } if until <= now => {
                    branch.state = State::Over;
                    out.push(Step::Disown(branch.client));
                }
                State::Ringing { .. } | State::Accepted { .. } | State::Cancelled | State::Over => {
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = self
            .branches
            .iter()
            .filter_map(|branch| match branch.state {
                State::Ringing { timer_c } => timer_c,
                State::Accepted { until } => Some(until),
                State::Cancelled | State::Over => None,
            });
        deadlines.min()
    }

    /// Does the caller still wait for a final response?
    pub(super) fn is_open(&self) -> bool {
        !self.is_answered
    }

    /// Is there nothing left to wait for?
    pub(super) fn is_over(&self) -> bool {
        self.branches
            .iter()
            .all(|branch| branch.state == State::Over)
    }

    /// Concludes if nothing more can come (RFC 3261 section 16.7 step 6).
    pub(super) fn settle(&mut self, out: &mut Vec<Step>) {
        if !self.is_answered && self.is_over() {
            self.is_answered = true;
            let ends = std::mem::take(&mut self.ends);
            out.push(Step::Conclude(verdict::choose(ends, self.is_invite)));
        }
    }

    /// Ends a branch. `false`: it was over already.
    fn end(&mut self, client: ClientId, end: End) -> bool {
        match self.state(client) {
            Some(state @ (State::Ringing { .. } | State::Cancelled)) => *state = State::Over,
            Some(State::Accepted { .. } | State::Over) | None => return false,
        }
        if !self.is_answered {
            self.ends.push(end);
        }
        true
    }

    fn cancel_rest(&mut self, status: u16, out: &mut Vec<Step>) {
        // RFC 3261 section 9.1: nothing but an INVITE can be cancelled.
        if self.is_invite {
            let cancelled = self.branches.iter_mut().filter_map(Branch::cancel);
            out.extend(cancelled.map(|client| Step::Cancel(client, status)));
        }
    }

    fn state(&mut self, client: ClientId) -> Option<&mut State> {
        let mut branches = self.branches.iter_mut();
        branches
            .find(|branch| branch.client == client)
            .map(|branch| &mut branch.state)
    }
}

impl Branch {
    /// Stops waiting. `Some` if there is a CANCEL to send.
    fn cancel(&mut self) -> Option<ClientId> {
        let is_ringing = matches!(self.state, State::Ringing { .. });
        is_ringing.then(|| {
            self.state = State::Cancelled;
            self.client
        })
    }
}

#[cfg(test)]
#[path = "fork_tests.rs"]
mod tests;
