//! Sending a request other than INVITE (RFC 3261 section 17.1.2).
//!
//! ```text
//!   request ──▶ Trying ──1xx──▶ Proceeding
//!                 │                 │  timer E: the request again, over an unreliable transport
//!                 └──┬───final──────┤
//!                    ▼              └─ timer F in either ──▶ Over, and the user is told
//!                Completed ──timer K──▶ Over
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Output, Timers};

#[derive(Debug)]
pub(super) enum ClientOther<F> {
    Trying(Box<Trying<F>>),
    Proceeding(Box<Trying<F>>),
    Completed { until: Instant },
    Over,
}

#[derive(Debug)]
pub(super) struct Trying<F> {
    flow: F,
    /// Timer E and what it repeats; over a reliable transport there is none.
    repeat: Option<Repeat>,
    /// Timer F.
    give_up: Instant,
}

#[derive(Debug)]
struct Repeat {
    request: Bytes,
    at: Instant,
    interval: Duration,
}

impl<F: Clone> ClientOther<F> {
    pub(super) fn new(
        request: Bytes,
        flow: F,
        reliable: bool,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> Self {
        out.push(Output {
            flow: flow.clone(),
            bytes: request.clone(),
        });
        let repeat = (!reliable).then(|| Repeat {
            request,
            at: now + timers.t1,
            interval: timers.t1,
        });
        Self::Trying(Box::new(Trying {
            flow,
            repeat,
            give_up: now + timers.patience(),
        }))
    }

    /// A response; `true` if it is for the user.
    pub(super) fn response(&mut self, status: u16, now: Instant, timers: &Timers) -> bool {
        let was = match std::mem::replace(self, Self::Over) {
            Self::Trying(was) | Self::Proceeding(was) => was,
            // RFC 3261 section 17.1.2.2: Completed absorbs repeated responses.
            done @ (Self::Completed { .. } | Self::Over) => {
                *self = done;
                return false;
            }
        };
        *self = match status {
            100..=199 => Self::Proceeding(was),
            _ if was.repeat.is_some() => Self::Completed {
                until: now + timers.t4,
            },
            _ => Self::Over,
        };
        true
    }

    /// `true` if the user must be told that no final response came.
    pub(super) fn timeout(
        &mut self,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        let proceeding = matches!(self, Self::Proceeding(_));
        match self {
            Self::Trying(trying) | Self::Proceeding(trying) if now >= trying.give_up => {
                *self = Self::Over;
                return true;
            }
            Self::Trying(trying) | Self::Proceeding(trying) => {
                trying.repeat(proceeding, now, timers, out);
            }
            Self::Completed { until } if now >= *until => *self = Self::Over,
            Self::Completed { .. } | Self::Over => {}
        }
        false
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Trying(trying) | Self::Proceeding(trying) => {
                let repeat = trying.repeat.as_ref().map(|repeat| repeat.at);
                Some(repeat.map_or(trying.give_up, |at| at.min(trying.give_up)))
            }
            Self::Completed { until } => Some(*until),
            Self::Over => None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// The flow, while a final response is awaited.
    pub(super) fn awaiting(&self) -> Option<&F> {
        match self {
            Self::Trying(trying) | Self::Proceeding(trying) => Some(&trying.flow),
            Self::Completed { .. } | Self::Over => None,
        }
    }
}

impl<F: Clone> Trying<F> {
    /// Timer E.
    fn repeat(
        &mut self,
        proceeding: bool,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) {
        let Some(repeat) = self.repeat.as_mut().filter(|repeat| now >= repeat.at) else {
            return;
        };
        // RFC 3261 section 17.1.2.2: T2 in Proceeding.
        repeat.interval = if proceeding {
            timers.t2
        } else {
            timers.next_interval(repeat.interval)
        };
        repeat.at = now + repeat.interval;
        out.push(Output {
            flow: self.flow.clone(),
            bytes: repeat.request.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::{TIMERS, epoch};

    type Machine = ClientOther<u8>;
    type Out = Vec<Output<u8>>;

    const STATES: [&str; 6] = [
        "Trying",
        "Proceeding",
        "Trying TCP",
        "Proceeding TCP",
        "Completed",
        "Over",
    ];

    fn machine(state: &str, start: Instant) -> Machine {
        let mut out = Out::new();
        let reliable = state.ends_with("TCP");
        let mut machine = Machine::new("request".into(), 1, reliable, start, &TIMERS, &mut out);
        assert_eq!(out.len(), 1);
        match state {
            "Proceeding" | "Proceeding TCP" => assert!(machine.response(100, start, &TIMERS)),
            "Completed" => assert!(machine.response(200, start, &TIMERS)),
            "Over" => assert!(machine.timeout(start + TIMERS.patience(), &TIMERS, &mut out)),
            _ => {}
        }
        machine
    }

    fn name(machine: &Machine) -> &'static str {
        match machine {
            ClientOther::Trying(t) if t.repeat.is_none() => "Trying TCP",
            ClientOther::Trying(_) => "Trying",
            ClientOther::Proceeding(t) if t.repeat.is_none() => "Proceeding TCP",
            ClientOther::Proceeding(_) => "Proceeding",
            ClientOther::Completed { .. } => "Completed",
            ClientOther::Over => "Over",
        }
    }

    /// The event; what it does, and whether the user is told; for every state the state after it,
    /// how much was sent, and whether the user is told.
    type Row = (
        &'static str,
        fn(&mut Machine, Instant, &mut Out) -> bool,
        [(&'static str, usize, bool); 6],
    );

    #[rustfmt::skip]
    const TABLE: &[Row] = &[
        ("100", |m, t, _| m.response(100, t, &TIMERS), [
            ("Proceeding", 0, true), ("Proceeding", 0, true), ("Proceeding TCP", 0, true),
            ("Proceeding TCP", 0, true), ("Completed", 0, false), ("Over", 0, false)]),
        ("200", |m, t, _| m.response(200, t, &TIMERS), [
            ("Completed", 0, true), ("Completed", 0, true), ("Over", 0, true),
            ("Over", 0, true), ("Completed", 0, false), ("Over", 0, false)]),
        ("404", |m, t, _| m.response(404, t, &TIMERS), [
            ("Completed", 0, true), ("Completed", 0, true), ("Over", 0, true),
            ("Over", 0, true), ("Completed", 0, false), ("Over", 0, false)]),
        ("too early", |m, t, out| m.timeout(t, &TIMERS, out), [
            ("Trying", 0, false), ("Proceeding", 0, false), ("Trying TCP", 0, false),
            ("Proceeding TCP", 0, false), ("Completed", 0, false), ("Over", 0, false)]),
        ("timer E", |m, t, out| m.timeout(t + TIMERS.t1, &TIMERS, out), [
            ("Trying", 1, false), ("Proceeding", 1, false), ("Trying TCP", 0, false),
            ("Proceeding TCP", 0, false), ("Completed", 0, false), ("Over", 0, false)]),
        ("timer K", |m, t, out| m.timeout(t + TIMERS.t4, &TIMERS, out), [
            ("Trying", 1, false), ("Proceeding", 1, false), ("Trying TCP", 0, false),
            ("Proceeding TCP", 0, false), ("Over", 0, false), ("Over", 0, false)]),
        ("timer F", |m, t, out| m.timeout(t + TIMERS.patience(), &TIMERS, out), [
            ("Over", 0, true), ("Over", 0, true), ("Over", 0, true),
            ("Over", 0, true), ("Over", 0, false), ("Over", 0, false)]),
    ];

    #[test]
    fn rfc_3261_17_1_2_every_event_in_every_state() {
        let start = epoch();
        for (event, act, want) in TABLE {
            for (state, (next, sent, told)) in STATES.iter().zip(want) {
                let mut machine = machine(state, start);
                assert_eq!(name(&machine), *state);
                let mut out = Out::new();
                let tell = act(&mut machine, start, &mut out);
                let got = (name(&machine), out.len(), tell);
                assert_eq!(got, (*next, *sent, *told), "{event} in {state}");
                assert_eq!(machine.deadline().is_none(), machine.is_over());
            }
        }
    }

    #[test]
    fn rfc_3261_17_1_2_2_timer_e() {
        let start = epoch();
        for (state, want) in [
            (
                "Trying",
                &[
                    500_u128, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000,
                ][..],
            ),
            (
                "Proceeding",
                &[500, 4500, 8500, 12500, 16500, 20500, 24500, 28500, 32000],
            ),
        ] {
            let mut machine = machine(state, start);
            let mut at = Vec::new();
            while let Some(now) = machine.deadline() {
                at.push((now - start).as_millis());
                machine.timeout(now, &TIMERS, &mut Out::new());
            }
            assert_eq!(at, want, "{state}");
        }
    }
}
