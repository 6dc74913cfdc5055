//! Answering a request other than INVITE (RFC 3261 section 17.2.2, RFC 4320).
//!
//! ```text
//!   request ──▶ Waiting ──final──▶ Completed ──timer J──▶ Over
//!                 │  │                 │
//!                 │  └─64*T1─▶ Over    └─ request again: the final response again
//!                 │
//!                 └─ a 100 is held back until timer E of the peer has reached T2
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::kept::{Kept, Tails};
use super::{Output, Timers};

#[derive(Debug)]
pub(super) enum ServerOther<F> {
    /// Trying and Proceeding of the RFC: the user has not answered.
    Waiting(Box<Waiting<F>>),
    /// Answered over an unreliable transport. Most transactions of a server stand here: nothing
    /// is kept but the response.
    Completed {
        response: Kept,
        until: Instant,
    },
    Over,
}

#[derive(Debug)]
pub(super) struct Waiting<F> {
    flow: F,
    reliable: bool,
    /// When a 100 may go out.
    trying_from: Instant,
    trying: Trying,
    /// When the peer's timer F has fired, and no answer is of use to it.
    give_up: Instant,
}

#[derive(Debug)]
enum Trying {
    /// The user has not asked for a 100.
    Unasked,
    /// It has, too early.
    Held(Bytes),
    Sent(Bytes),
}

impl<F: Clone> ServerOther<F> {
    pub(super) fn new(flow: F, reliable: bool, now: Instant, timers: &Timers) -> Self {
        Self::Waiting(Box::new(Waiting {
            flow,
            reliable,
            trying_from: now + timers.trying_after(),
            trying: Trying::Unasked,
            give_up: now + timers.patience(),
        }))
    }

    /// The same request again.
    pub(super) fn repeated(&self, flow: F, out: &mut Vec<Output<F>>) {
        let bytes = match self {
            Self::Waiting(waiting) => match &waiting.trying {
                Trying::Sent(bytes) => bytes.clone(),
                Trying::Unasked | Trying::Held(_) => return,
            },
            Self::Completed { response, .. } => response.bytes(),
            Self::Over => return,
        };
        out.push(Output { flow, bytes });
    }

    /// The user answers; `false` if the answer is of no use any more, or must not be sent.
    pub(super) fn respond(
        &mut self,
        status: u16,
        bytes: Bytes,
        now: Instant,
        timers: &Timers,
        tails: &mut Tails,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        let Self::Waiting(waiting) = self else {
            // RFC 3261 section 17.2.2: other final responses are discarded.
            return false;
        };
        match status {
            100 => waiting.trying(bytes, now, out),
            // RFC 4320 section 4.1: no provisional response but 100. Section 4.2: never a 408.
            101..=199 | 408 => return false,
            _ => {
                let next = if waiting.reliable {
                    Self::Over
                } else {
                    Self::Completed {
                        response: tails.keep(&bytes),
                        until: now + timers.patience(),
                    }
                };
                let flow = waiting.flow.clone();
                out.push(Output { flow, bytes });
                *self = next;
            }
        }
        true
    }

    pub(super) fn timeout(&mut self, now: Instant, out: &mut Vec<Output<F>>) {
        match self {
            // RFC 4320 section 4.2: too late for any answer.
            Self::Waiting(waiting) if now >= waiting.give_up => *self = Self::Over,
            Self::Waiting(waiting) => {
                if let Trying::Held(bytes) = &waiting.trying {
                    let bytes = bytes.clone();
                    waiting.trying(bytes, now, out);
                }
            }
            Self::Completed { until, .. } if now >= *until => *self = Self::Over,
            Self::Completed { .. } | Self::Over => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Waiting(waiting) => match waiting.trying {
                Trying::Held(_) => Some(waiting.trying_from.min(waiting.give_up)),
                Trying::Unasked | Trying::Sent(_) => Some(waiting.give_up),
            },
            Self::Completed { until, .. } => Some(*until),
            Self::Over => None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    pub(super) const fn is_finished(&self) -> bool {
        !matches!(self, Self::Waiting(_))
    }

    /// Bytes kept because a peer may ask again.
    pub(super) fn kept(&self) -> usize {
        match self {
            Self::Completed { response, .. } => response.octets(),
            Self::Waiting(_) | Self::Over => 0,
        }
    }
}

impl<F: Clone> Waiting<F> {
    fn trying(&mut self, bytes: Bytes, now: Instant, out: &mut Vec<Output<F>>) {
        // RFC 4320 section 4.1: a 100 goes out no earlier than the peer's timer E reaches T2. Over
        // a reliable transport it might, but would tell nothing that is of use.
        if now < self.trying_from {
            self.trying = Trying::Held(bytes);
            return;
        }
        self.trying = Trying::Sent(bytes.clone());
        let flow = self.flow.clone();
        out.push(Output { flow, bytes });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transaction::tests::epoch;

    type Machine = ServerOther<u8>;
    type Out = Vec<Output<u8>>;

    const NAMES: [&str; 6] = ["Unasked", "Held", "Sent", "Completed", "Over", "Reliable"];

    /// The machine in each of its states.
    fn machine(name: &str, start: Instant) -> Machine {
        let timers = Timers::default();
        let mut out = Out::new();
        let late = start + timers.trying_after();
        let mut machine = Machine::new(1, name == "Reliable", start, &timers);
        let status = match name {
            "Held" => Some((100, start)),
            "Sent" => Some((100, late)),
            "Completed" => Some((200, start)),
            _ => None,
        };
        if let Some((status, at)) = status {
            assert!(machine.respond(
                status,
                "answer".into(),
                at,
                &timers,
                &mut Tails::default(),
                &mut out
            ));
        }
        if name == "Over" {
            machine.timeout(start + timers.patience(), &mut out);
        }
        machine
    }

    fn name(machine: &Machine) -> &'static str {
        match machine {
            ServerOther::Waiting(waiting) => match waiting.trying {
                Trying::Unasked => "Unasked",
                Trying::Held(_) => "Held",
                Trying::Sent(_) => "Sent",
            },
            ServerOther::Completed { .. } => "Completed",
            ServerOther::Over => "Over",
        }
    }

    /// For every state: the state after the event, and how much was sent.
    type Row = (
        &'static str,
        fn(&mut Machine, Instant, &mut Out),
        [(&'static str, usize); 6],
    );

    const DEFAULTS: Timers = Timers {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
    };

    fn respond(m: &mut Machine, status: u16, at: Instant, out: &mut Out) {
        let sent = out.len();
        let done = m.respond(
            status,
            "late".into(),
            at,
            &DEFAULTS,
            &mut Tails::default(),
            out,
        );
        assert!(done || out.len() == sent, "what is sent is done");
    }

    #[rustfmt::skip]
    const TABLE: &[Row] = &[
        ("request again", |m, _, out| m.repeated(2, out),
            [("Unasked", 0), ("Held", 0), ("Sent", 1), ("Completed", 1), ("Over", 0), ("Unasked", 0)]),
        // RFC 4320 section 4.1.
        ("100 early", |m, t, out| respond(m, 100, t, out),
            [("Held", 0), ("Held", 0), ("Held", 0), ("Completed", 0), ("Over", 0), ("Held", 0)]),
        ("100 late", |m, t, out| respond(m, 100, t + DEFAULTS.trying_after(), out),
            [("Sent", 1), ("Sent", 1), ("Sent", 1), ("Completed", 0), ("Over", 0), ("Sent", 1)]),
        ("180", |m, t, out| respond(m, 180, t, out),
            [("Unasked", 0), ("Held", 0), ("Sent", 0), ("Completed", 0), ("Over", 0), ("Unasked", 0)]),
        ("200", |m, t, out| respond(m, 200, t, out),
            [("Completed", 1), ("Completed", 1), ("Completed", 1), ("Completed", 0), ("Over", 0), ("Over", 1)]),
        ("500", |m, t, out| respond(m, 500, t, out),
            [("Completed", 1), ("Completed", 1), ("Completed", 1), ("Completed", 0), ("Over", 0), ("Over", 1)]),
        // RFC 4320 section 4.2.
        ("408", |m, t, out| respond(m, 408, t, out),
            [("Unasked", 0), ("Held", 0), ("Sent", 0), ("Completed", 0), ("Over", 0), ("Unasked", 0)]),
        ("too early", |m, t, out| m.timeout(t, out),
            [("Unasked", 0), ("Held", 0), ("Sent", 0), ("Completed", 0), ("Over", 0), ("Unasked", 0)]),
        ("timer E is T2", |m, t, out| m.timeout(t + DEFAULTS.trying_after(), out),
            [("Unasked", 0), ("Sent", 1), ("Sent", 0), ("Completed", 0), ("Over", 0), ("Unasked", 0)]),
        ("64*T1", |m, t, out| m.timeout(t + DEFAULTS.patience(), out),
            [("Over", 0), ("Over", 0), ("Over", 0), ("Over", 0), ("Over", 0), ("Over", 0)]),
    ];

    #[test]
    fn rfc_3261_17_2_2_every_event_in_every_state() {
        let start = epoch();
        for (event, act, want) in TABLE {
            for (state, (next, sent)) in NAMES.iter().zip(want) {
                let mut machine = machine(state, start);
                let mut out = Out::new();
                act(&mut machine, start, &mut out);
                assert_eq!(
                    (name(&machine), out.len()),
                    (*next, *sent),
                    "{event} in {state}"
                );
                assert_eq!(machine.deadline().is_none(), machine.is_over());
            }
        }
    }

    #[test]
    fn a_finished_transaction_is_small() {
        // With the key (two words and some 70 bytes), its place in the index, its alarm and a
        // response of 300 bytes a finished transaction takes about 600 bytes.
        assert!(size_of::<ServerOther<[u64; 8]>>() <= 48);
    }

    #[test]
    fn a_repetition_is_answered_where_it_came_from() {
        let mut out = Out::new();
        machine("Completed", epoch()).repeated(7, &mut out);
        assert_eq!(
            out,
            [Output {
                flow: 7,
                bytes: "answer".into()
            }]
        );
    }
}
