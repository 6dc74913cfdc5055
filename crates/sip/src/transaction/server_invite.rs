//! Answering an INVITE (RFC 3261 section 17.2.1, RFC 6026 section 7.1).
//!
//! ```text
//!   INVITE ──▶ Proceeding ──2xx──▶ Accepted ──timer L──▶ Over        the user repeats the 2xx
//!                  │
//!                  └──300-699──▶ Completed ──ACK──▶ Confirmed ──timer I──▶ Over
//!                                    │
//!                                    ├─ timer G, INVITE: the response again
//!                                    └─ timer H ──▶ Over, and the user is told
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Output, Timers};

#[derive(Debug)]
pub(super) enum ServerInvite<F> {
    Proceeding(Box<Proceeding<F>>),
    Accepted(Box<Accepted<F>>),
    Completed(Box<Completed<F>>),
    Confirmed { until: Instant },
    Over,
}

#[derive(Debug)]
pub(super) struct Proceeding<F> {
    flow: F,
    reliable: bool,
    provisional: Option<Bytes>,
    /// Has the user been told of a CANCEL?
    cancelled: bool,
}

#[derive(Debug)]
pub(super) struct Accepted<F> {
    flow: F,
    until: Instant,
}

#[derive(Debug)]
pub(super) struct Completed<F> {
    flow: F,
    response: Box<[u8]>,
    /// Timer G; over a reliable transport there is none.
    resend: Option<Instant>,
    interval: Duration,
    /// Timer H.
    give_up: Instant,
}

impl<F: Clone> ServerInvite<F> {
    pub(super) fn new(flow: F, reliable: bool) -> Self {
        Self::Proceeding(Box::new(Proceeding {
            flow,
            reliable,
            provisional: None,
            cancelled: false,
        }))
    }

    /// The INVITE again.
    pub(super) fn repeated(&self, flow: F, out: &mut Vec<Output<F>>) {
        let bytes = match self {
            Self::Proceeding(proceeding) => match &proceeding.provisional {
                Some(bytes) => bytes.clone(),
                None => return,
            },
            Self::Completed(completed) => Bytes::copy_from_slice(&completed.response),
            // RFC 6026 section 7.1: absorbed; the user repeats the 2xx.
            Self::Accepted(_) | Self::Confirmed { .. } | Self::Over => return,
        };
        out.push(Output { flow, bytes });
    }

    /// The user answers; `false` if there is nothing left to answer.
    pub(super) fn respond(
        &mut self,
        status: u16,
        bytes: Bytes,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        match self {
            Self::Proceeding(proceeding) => {
                let flow = proceeding.flow.clone();
                match status {
                    100..=199 => proceeding.provisional = Some(bytes.clone()),
                    200..=299 => {
                        // RFC 6026 section 7.1: timer L, over reliable transports too.
                        let until = now + timers.patience();
                        let flow = flow.clone();
                        *self = Self::Accepted(Box::new(Accepted { flow, until }));
                    }
                    _ => *self = Self::refused(proceeding, &bytes, now, timers),
                }
                out.push(Output { flow, bytes });
                true
            }
            // RFC 6026 section 7.1: the user's repetitions of the 2xx are passed on.
            Self::Accepted(accepted) if (200..300).contains(&status) => {
                let flow = accepted.flow.clone();
                out.push(Output { flow, bytes });
                true
            }
            Self::Accepted(_) | Self::Completed(_) | Self::Confirmed { .. } | Self::Over => false,
        }
    }

    fn refused(was: &Proceeding<F>, bytes: &Bytes, now: Instant, timers: &Timers) -> Self {
        Self::Completed(Box::new(Completed {
            flow: was.flow.clone(),
            response: bytes.as_ref().into(),
            resend: (!was.reliable).then(|| now + timers.t1),
            interval: timers.t1,
            give_up: now + timers.patience(),
        }))
    }

    /// An ACK with the branch of the INVITE; `true` if it is for the user.
    pub(super) fn acknowledged(&mut self, now: Instant, timers: &Timers) -> bool {
        match self {
            Self::Completed(completed) => {
                *self = if completed.resend.is_some() {
                    let until = now + timers.t4;
                    Self::Confirmed { until }
                } else {
                    // RFC 3261 section 17.2.1: timer I is zero over a reliable transport.
                    Self::Over
                };
                false
            }
            // RFC 6026 section 7.1: passed to the user, not absorbed.
            Self::Accepted(_) => true,
            Self::Proceeding(_) | Self::Confirmed { .. } | Self::Over => false,
        }
    }

    /// A CANCEL; `true` if the user must be told, which happens once.
    pub(super) fn cancelled(&mut self) -> bool {
        match self {
            Self::Proceeding(proceeding) => !std::mem::replace(&mut proceeding.cancelled, true),
            // RFC 3261 section 9.2: no effect after a final response.
            Self::Accepted(_) | Self::Completed(_) | Self::Confirmed { .. } | Self::Over => false,
        }
    }

    /// The last response, if it is kept: the To tag of the answer to a CANCEL comes from it.
    pub(super) fn last_response(&self) -> Option<Bytes> {
        match self {
            Self::Proceeding(proceeding) => proceeding.provisional.clone(),
            Self::Completed(completed) => Some(Bytes::copy_from_slice(&completed.response)),
            Self::Accepted(_) | Self::Confirmed { .. } | Self::Over => None,
        }
    }

    /// `true` if the user must be told that no ACK came.
    pub(super) fn timeout(
        &mut self,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        match self {
            Self::Completed(completed) if now >= completed.give_up => {
                *self = Self::Over;
                return true;
            }
            Self::Completed(completed) => completed.repeat(now, timers, out),
            Self::Accepted(accepted) if now >= accepted.until => *self = Self::Over,
            Self::Confirmed { until } if now >= *until => *self = Self::Over,
            Self::Proceeding(_) | Self::Accepted(_) | Self::Confirmed { .. } | Self::Over => {}
        }
        false
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Proceeding(_) | Self::Over => None,
            Self::Accepted(accepted) => Some(accepted.until),
            Self::Completed(completed) => Some(
                completed
                    .resend
                    .map_or(completed.give_up, |at| at.min(completed.give_up)),
            ),
            Self::Confirmed { until } => Some(*until),
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    pub(super) const fn is_finished(&self) -> bool {
        !matches!(self, Self::Proceeding(_))
    }

    /// Bytes kept because a peer may ask again.
    pub(super) fn kept(&self) -> usize {
        match self {
            Self::Proceeding(proceeding) => proceeding.provisional.as_ref().map_or(0, Bytes::len),
            Self::Completed(completed) => completed.response.len(),
            Self::Accepted(_) | Self::Confirmed { .. } | Self::Over => 0,
        }
    }
}

impl<F: Clone> Completed<F> {
    /// Timer G.
    fn repeat(&mut self, now: Instant, timers: &Timers, out: &mut Vec<Output<F>>) {
        if self.resend.is_some_and(|at| now >= at) {
            self.interval = timers.next_interval(self.interval);
            self.resend = Some(now + self.interval);
            out.push(Output {
                flow: self.flow.clone(),
                bytes: Bytes::copy_from_slice(&self.response),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::{TIMERS, epoch};

    type Machine = ServerInvite<u8>;
    type Out = Vec<Output<u8>>;

    const STATES: [&str; 8] = [
        "Proceeding",
        "Ringing",
        "Cancelled",
        "Accepted",
        "Completed",
        "Reliable",
        "Confirmed",
        "Over",
    ];

    /// The machine in each of its states; "Reliable" is Completed over a reliable transport.
    fn machine(state: &str, start: Instant) -> Machine {
        let mut out = Out::new();
        let mut machine = Machine::new(1, state == "Reliable");
        let mut respond = |machine: &mut Machine, status| {
            assert!(machine.respond(status, "answer".into(), start, &TIMERS, &mut out));
        };
        match state {
            "Ringing" => respond(&mut machine, 180),
            "Cancelled" => assert!(machine.cancelled()),
            "Accepted" => respond(&mut machine, 200),
            "Completed" | "Reliable" => respond(&mut machine, 486),
            "Confirmed" => {
                respond(&mut machine, 486);
                machine.acknowledged(start, &TIMERS);
            }
            "Over" => machine = Machine::Over,
            _ => {}
        }
        machine
    }

    fn name(machine: &Machine) -> &'static str {
        match machine {
            ServerInvite::Proceeding(p) if p.cancelled => "Cancelled",
            ServerInvite::Proceeding(p) if p.provisional.is_some() => "Ringing",
            ServerInvite::Proceeding(_) => "Proceeding",
            ServerInvite::Accepted(_) => "Accepted",
            ServerInvite::Completed(c) if c.resend.is_none() => "Reliable",
            ServerInvite::Completed(_) => "Completed",
            ServerInvite::Confirmed { .. } => "Confirmed",
            ServerInvite::Over => "Over",
        }
    }

    fn respond(m: &mut Machine, status: u16, t: Instant, out: &mut Out) -> bool {
        let sent = out.len();
        let done = m.respond(status, "later".into(), t, &TIMERS, out);
        assert_eq!(done, out.len() > sent);
        false
    }

    /// The event; what it does, and whether the user is told; for every state the state after it,
    /// how much was sent, and whether the user is told.
    type Row = (
        &'static str,
        fn(&mut Machine, Instant, &mut Out) -> bool,
        [(&'static str, usize, bool); 8],
    );

    #[rustfmt::skip]
    const TABLE: &[Row] = &[
        ("INVITE again", |m, _, out| { m.repeated(2, out); false }, [
            ("Proceeding", 0, false), ("Ringing", 1, false), ("Cancelled", 0, false), ("Accepted", 0, false),
            ("Completed", 1, false), ("Reliable", 1, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("180", |m, t, out| respond(m, 180, t, out), [
            ("Ringing", 1, false), ("Ringing", 1, false), ("Cancelled", 1, false), ("Accepted", 0, false),
            ("Completed", 0, false), ("Reliable", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        // RFC 6026 section 7.1: a 2xx again is passed on in Accepted.
        ("200", |m, t, out| respond(m, 200, t, out), [
            ("Accepted", 1, false), ("Accepted", 1, false), ("Accepted", 1, false), ("Accepted", 1, false),
            ("Completed", 0, false), ("Reliable", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("486", |m, t, out| respond(m, 486, t, out), [
            ("Completed", 1, false), ("Completed", 1, false), ("Completed", 1, false), ("Accepted", 0, false),
            ("Completed", 0, false), ("Reliable", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("ACK", |m, t, _| m.acknowledged(t, &TIMERS), [
            ("Proceeding", 0, false), ("Ringing", 0, false), ("Cancelled", 0, false), ("Accepted", 0, true),
            ("Confirmed", 0, false), ("Over", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("CANCEL", |m, _, _| m.cancelled(), [
            ("Cancelled", 0, true), ("Cancelled", 0, true), ("Cancelled", 0, false), ("Accepted", 0, false),
            ("Completed", 0, false), ("Reliable", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("timer G", |m, t, out| m.timeout(t + TIMERS.t1, &TIMERS, out), [
            ("Proceeding", 0, false), ("Ringing", 0, false), ("Cancelled", 0, false), ("Accepted", 0, false),
            ("Completed", 1, false), ("Reliable", 0, false), ("Confirmed", 0, false), ("Over", 0, false)]),
        ("timer I", |m, t, out| m.timeout(t + TIMERS.t4, &TIMERS, out), [
            ("Proceeding", 0, false), ("Ringing", 0, false), ("Cancelled", 0, false), ("Accepted", 0, false),
            ("Completed", 1, false), ("Reliable", 0, false), ("Over", 0, false), ("Over", 0, false)]),
        ("timers H and L", |m, t, out| m.timeout(t + TIMERS.patience(), &TIMERS, out), [
            ("Proceeding", 0, false), ("Ringing", 0, false), ("Cancelled", 0, false), ("Over", 0, false),
            ("Over", 0, true), ("Over", 0, true), ("Over", 0, false), ("Over", 0, false)]),
    ];

    #[test]
    fn rfc_3261_17_2_1_every_event_in_every_state() {
        let start = epoch();
        for (event, act, want) in TABLE {
            for (state, (next, sent, told)) in STATES.iter().zip(want) {
                let mut machine = machine(state, start);
                assert_eq!(name(&machine), *state);
                let mut out = Out::new();
                let tell = act(&mut machine, start, &mut out);
                let got = (name(&machine), out.len(), tell);
                assert_eq!(got, (*next, *sent, *told), "{event} in {state}");
            }
        }
    }

    #[test]
    fn rfc_3261_17_2_1_timer_g_doubles_to_t2() {
        let start = epoch();
        let mut machine = machine("Completed", start);
        let mut out = Out::new();
        let mut at = Vec::new();
        while let Some(now) = machine.deadline() {
            at.push((now - start).as_millis());
            machine.timeout(now, &TIMERS, &mut out);
        }
        let want = [
            500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000,
        ];
        assert_eq!(at, want);
        assert_eq!(out.len(), want.len() - 1);
    }
}
