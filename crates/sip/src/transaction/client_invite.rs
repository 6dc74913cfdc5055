//! Sending an INVITE (RFC 3261 section 17.1.1, RFC 6026 section 7.2).
//!
//! ```text
//!   INVITE ──▶ Calling ──1xx──▶ Proceeding
//!                │  │               │  │
//!                │  └─────┬──2xx────┼──┴──▶ Accepted ──timer M──▶ Over      further 2xx are
//!                passed on │        │         │
//!                │        └─300-699─┴─────▶ Completed ──timer D──▶ Over     the ACK is repeated
//!                │
//!                ├─ timer A: the INVITE again, over an unreliable transport
//!                └─ timer B ──▶ Over, and the user is told
//! ```
//!
//! A CANCEL asked for in Calling is kept until the first provisional response.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Output, Timers, hop};
use crate::Response;

/// How long an INVITE may go without any response after a provisional one, before the layer
/// cancels it: RFC 3261 section 16.6 step 11 asks for more than three minutes, and a peer that
/// still rings repeats its response every minute (section 13.3.1.1).
pub(super) const RINGING_MAX: Duration = Duration::from_secs(200);

#[derive(Debug)]
pub(super) enum ClientInvite<F> {
    Calling(Box<Calling<F>>),
    Proceeding(Box<Proceeding<F>>),
    Accepted { until: Instant },
    Completed(Box<Completed<F>>),
    Over,
}

#[derive(Debug)]
pub(super) struct Calling<F> {
    request: Bytes,
    flow: F,
    /// Timer A; over a reliable transport there is none.
    resend: Option<Instant>,
    interval: Duration,
    /// Timer B.
    give_up: Instant,
    /// A CANCEL waiting for the first provisional response.
    cancel: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Proceeding<F> {
    request: Bytes,
    flow: F,
    reliable: bool,
    cancelled: bool,
    /// When the ringing, or the wait after a CANCEL, has lasted too long.
    give_up: Instant,
}

#[derive(Debug)]
pub(super) struct Completed<F> {
    ack: Bytes,
    flow: F,
    until: Instant,
}

/// A CANCEL that is to go out now, in a transaction of its own.
#[derive(Debug)]
pub(super) struct Cancel<F> {
    pub(super) bytes: Bytes,
    pub(super) flow: F,
    pub(super) reliable: bool,
}

/// What a response leads to besides the new state.
#[derive(Debug)]
pub(super) struct Reaction<F> {
    /// The response is for the user.
    pub(super) pass: bool,
    pub(super) cancel: Option<Cancel<F>>,
}

/// What the passing of time leads to besides the new state.
#[derive(Debug)]
pub(super) enum Lapse<F> {
    Nothing,
    Cancel(Cancel<F>),
    /// The user must be told that no final response came.
    Failed,
}

impl<F: Clone> ClientInvite<F> {
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
        Self::Calling(Box::new(Calling {
            request,
            flow,
            resend: (!reliable).then(|| now + timers.t1),
            interval: timers.t1,
            give_up: now + timers.patience(),
            cancel: None,
        }))
    }

    pub(super) fn response(
        &mut self,
        response: &Response,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> Reaction<F> {
        let (mut pass, mut cancel) = (true, None);
        *self = match (std::mem::replace(self, Self::Over), response.status()) {
            (Self::Calling(calling), 100..=199) => {
                let (proceeding, held) = calling.proceed(now, timers);
                cancel = held;
                Self::Proceeding(Box::new(proceeding))
            }
            (Self::Proceeding(mut proceeding), 100..=199) => {
                if !proceeding.cancelled {
                    proceeding.give_up = now + RINGING_MAX;
                }
                Self::Proceeding(proceeding)
            }
            // RFC 6026 section 7.2: timer M, whatever the transport.
            (Self::Calling(_) | Self::Proceeding(_), 200..=299) => Self::Accepted {
                until: now + timers.patience(),
            },
            (Self::Calling(was), _) => refused(
                &was.request,
                was.flow,
                was.resend.is_none(),
                response,
                now,
                timers,
                out,
            ),
            (Self::Proceeding(was), _) => refused(
                &was.request,
                was.flow,
                was.reliable,
                response,
                now,
                timers,
                out,
            ),
            // RFC 6026 section 7.2: each further 2xx goes to the user.
            (accepted @ Self::Accepted { .. }, status) => {
                pass = (200..300).contains(&status);
                accepted
            }
            // RFC 3261 section 17.1.1.2: a repeated refusal is acknowledged again, unseen.
            (Self::Completed(completed), status) => {
                pass = false;
                if status >= 300 {
                    let flow = completed.flow.clone();
                    let bytes = completed.ack.clone();
                    out.push(Output { flow, bytes });
                }
                Self::Completed(completed)
            }
            (Self::Over, _) => {
                pass = false;
                Self::Over
            }
        };
        Reaction { pass, cancel }
    }

    /// The user wants no answer any more. RFC 3261 section 9.1: the CANCEL waits for a
    /// provisional response, and there is none after a final one.
    pub(super) fn cancel(
        &mut self,
        reason: Option<&str>,
        now: Instant,
        timers: &Timers,
    ) -> Option<Cancel<F>> {
        match self {
            Self::Calling(calling) => {
                if calling.cancel.is_none() {
                    calling.cancel = hop::cancel(&calling.request, reason);
                }
                None
            }
            Self::Proceeding(proceeding) => proceeding.cancel(reason, now, timers),
            Self::Accepted { .. } | Self::Completed(_) | Self::Over => None,
        }
    }

    pub(super) fn timeout(
        &mut self,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> Lapse<F> {
        match self {
            Self::Calling(calling) if now < calling.give_up => calling.repeat(now, out),
            Self::Calling(_) => {
                *self = Self::Over;
                return Lapse::Failed;
            }
            Self::Proceeding(proceeding) if now >= proceeding.give_up => {
                if let Some(cancel) = proceeding.cancel(None, now, timers) {
                    return Lapse::Cancel(cancel);
                }
                // RFC 3261 section 9.1: no final response 64*T1 after the CANCEL.
                *self = Self::Over;
                return Lapse::Failed;
            }
            Self::Accepted { until } if now >= *until => *self = Self::Over,
            Self::Completed(completed) if now >= completed.until => *self = Self::Over,
            Self::Proceeding(_) | Self::Accepted { .. } | Self::Completed(_) | Self::Over => {}
        }
        Lapse::Nothing
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Calling(calling) => Some(
                calling
                    .resend
                    .map_or(calling.give_up, |at| at.min(calling.give_up)),
            ),
            Self::Proceeding(proceeding) => Some(proceeding.give_up),
            Self::Accepted { until } => Some(*until),
            Self::Completed(completed) => Some(completed.until),
            Self::Over => None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// The flow, while a final response is awaited.
    pub(super) fn awaiting(&self) -> Option<&F> {
        match self {
            Self::Calling(calling) => Some(&calling.flow),
            Self::Proceeding(proceeding) => Some(&proceeding.flow),
            Self::Accepted { .. } | Self::Completed(_) | Self::Over => None,
        }
    }
}

/// RFC 3261 section 17.1.1.2: a refusal is acknowledged by this layer, and over an unreliable
/// transport its repetitions are awaited for the time of timer D.
fn refused<F: Clone>(
    request: &Bytes,
    flow: F,
    reliable: bool,
    response: &Response,
    now: Instant,
    timers: &Timers,
    out: &mut Vec<Output<F>>,
) -> ClientInvite<F> {
    let Some(ack) = hop::ack(request, response) else {
        return ClientInvite::Over;
    };
    out.push(Output {
        flow: flow.clone(),
        bytes: ack.clone(),
    });
    if reliable {
        return ClientInvite::Over;
    }
    let until = now + timers.wait_for_repeated_finals();
    ClientInvite::Completed(Box::new(Completed { ack, flow, until }))
}

impl<F: Clone> Calling<F> {
    /// The first provisional response came.
    fn proceed(self, now: Instant, timers: &Timers) -> (Proceeding<F>, Option<Cancel<F>>) {
        let reliable = self.resend.is_none();
        let held = self.cancel.map(|bytes| Cancel {
            bytes,
            flow: self.flow.clone(),
            reliable,
        });
        let wait = match held {
            Some(_) => timers.patience(),
            None => RINGING_MAX,
        };
        let proceeding = Proceeding {
            request: self.request,
            flow: self.flow,
            reliable,
            cancelled: held.is_some(),
            give_up: now + wait,
        };
        (proceeding, held)
    }

    /// Timer A doubles without bound (RFC 3261 section 17.1.1.2); timer B ends it.
    fn repeat(&mut self, now: Instant, out: &mut Vec<Output<F>>) {
        if self.resend.is_some_and(|at| now >= at) {
            self.interval *= 2;
            self.resend = Some(now + self.interval);
            out.push(Output {
                flow: self.flow.clone(),
                bytes: self.request.clone(),
            });
        }
    }
}

impl<F: Clone> Proceeding<F> {
    fn cancel(&mut self, reason: Option<&str>, now: Instant, timers: &Timers) -> Option<Cancel<F>> {
        if std::mem::replace(&mut self.cancelled, true) {
            return None;
        }
        self.give_up = now + timers.patience();
        let bytes = hop::cancel(&self.request, reason)?;
        Some(Cancel {
            bytes,
            flow: self.flow.clone(),
            reliable: self.reliable,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::{INVITE, TIMERS, epoch, response};

    type Machine = ClientInvite<u8>;
    type Out = Vec<Output<u8>>;

    const STATES: [&str; 7] = [
        "Calling",
        "Calling TCP",
        "Waiting",
        "Proceeding",
        "Cancelled",
        "Accepted",
        "Completed",
    ];

    fn machine(state: &str, start: Instant) -> Machine {
        let mut out = Out::new();
        let tcp = state == "Calling TCP";
        let mut machine = Machine::new(INVITE.into(), 1, tcp, start, &TIMERS, &mut out);
        assert_eq!(out.len(), 1);
        match state {
            "Waiting" => assert!(machine.cancel(None, start, &TIMERS).is_none()),
            "Proceeding" | "Cancelled" => {
                machine.response(&response(100), start, &TIMERS, &mut out);
            }
            "Accepted" => {
                machine.response(&response(200), start, &TIMERS, &mut out);
            }
            "Completed" => {
                machine.response(&response(486), start, &TIMERS, &mut out);
            }
            _ => {}
        }
        if state == "Cancelled" {
            assert!(machine.cancel(None, start, &TIMERS).is_some());
        }
        machine
    }

    fn name(machine: &Machine) -> &'static str {
        match machine {
            ClientInvite::Calling(c) if c.resend.is_none() => "Calling TCP",
            ClientInvite::Calling(c) if c.cancel.is_some() => "Waiting",
            ClientInvite::Calling(_) => "Calling",
            ClientInvite::Proceeding(p) if p.cancelled => "Cancelled",
            ClientInvite::Proceeding(_) => "Proceeding",
            ClientInvite::Accepted { .. } => "Accepted",
            ClientInvite::Completed(_) => "Completed",
            ClientInvite::Over => "Over",
        }
    }

    /// 'r': the user sees the response; 'f': the user is told of failure; 'c': a CANCEL goes out;
    /// 'x': a CANCEL goes out and the user sees the response; '-': nothing.
    fn got(m: &mut Machine, status: u16, t: Instant, out: &mut Out) -> char {
        let reaction = m.response(&response(status), t, &TIMERS, out);
        match (reaction.pass, reaction.cancel.is_some()) {
            (true, true) => 'x',
            (true, false) => 'r',
            (false, true) => 'c',
            (false, false) => '-',
        }
    }

    fn lapsed(m: &mut Machine, t: Instant, out: &mut Out) -> char {
        match m.timeout(t, &TIMERS, out) {
            Lapse::Nothing => '-',
            Lapse::Cancel(_) => 'c',
            Lapse::Failed => 'f',
        }
    }

    type Row = (
        &'static str,
        fn(&mut Machine, Instant, &mut Out) -> char,
        [(&'static str, usize, char); 7],
    );

    #[rustfmt::skip]
    const TABLE: &[Row] = &[
        ("180", |m, t, out| got(m, 180, t, out), [
            ("Proceeding", 0, 'r'), ("Proceeding", 0, 'r'), ("Cancelled", 0, 'x'), ("Proceeding", 0, 'r'),
            ("Cancelled", 0, 'r'), ("Accepted", 0, '-'), ("Completed", 0, '-')]),
        ("200", |m, t, out| got(m, 200, t, out), [
            ("Accepted", 0, 'r'), ("Accepted", 0, 'r'), ("Accepted", 0, 'r'), ("Accepted", 0, 'r'),
            ("Accepted", 0, 'r'), ("Accepted", 0, 'r'), ("Completed", 0, '-')]),
        // The ACK goes out each time, over a reliable transport too.
        ("486", |m, t, out| got(m, 486, t, out), [
            ("Completed", 1, 'r'), ("Over", 1, 'r'), ("Completed", 1, 'r'), ("Completed", 1, 'r'),
            ("Completed", 1, 'r'), ("Accepted", 0, '-'), ("Completed", 1, '-')]),
        ("cancel", |m, t, _| if m.cancel(None, t, &TIMERS).is_some() { 'c' } else { '-' }, [
            ("Waiting", 0, '-'), ("Calling TCP", 0, '-'), ("Waiting", 0, '-'), ("Cancelled", 0, 'c'),
            ("Cancelled", 0, '-'), ("Accepted", 0, '-'), ("Completed", 0, '-')]),
        ("timer A", |m, t, out| lapsed(m, t + TIMERS.t1, out), [
            ("Calling", 1, '-'), ("Calling TCP", 0, '-'), ("Waiting", 1, '-'), ("Proceeding", 0, '-'),
            ("Cancelled", 0, '-'), ("Accepted", 0, '-'), ("Completed", 0, '-')]),
        ("timers B, D and M", |m, t, out| lapsed(m, t + TIMERS.patience(), out), [
            ("Over", 0, 'f'), ("Over", 0, 'f'), ("Over", 0, 'f'), ("Proceeding", 0, '-'),
            ("Over", 0, 'f'), ("Over", 0, '-'), ("Over", 0, '-')]),
        ("ringing too long", |m, t, out| lapsed(m, t + RINGING_MAX, out), [
            ("Over", 0, 'f'), ("Over", 0, 'f'), ("Over", 0, 'f'), ("Cancelled", 0, 'c'),
            ("Over", 0, 'f'), ("Over", 0, '-'), ("Over", 0, '-')]),
    ];

    #[test]
    fn rfc_3261_17_1_1_every_event_in_every_state() {
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
        let mut over = Machine::Over;
        assert_eq!(got(&mut over, 200, start, &mut Out::new()), '-');
        assert_eq!(lapsed(&mut over, start, &mut Out::new()), '-');
        assert!(over.cancel(None, start, &TIMERS).is_none());
    }

    #[test]
    fn rfc_3261_17_1_1_2_timer_a_doubles_until_timer_b() {
        let start = epoch();
        let mut machine = machine("Calling", start);
        let mut at = Vec::new();
        while let Some(now) = machine.deadline() {
            at.push((now - start).as_millis());
            machine.timeout(now, &TIMERS, &mut Out::new());
        }
        assert_eq!(at, [500, 1500, 3500, 7500, 15500, 31500, 32000]);
    }

    #[test]
    fn rfc_6026_timer_d_is_never_below_32_seconds() {
        let start = epoch();
        let quick = Timers {
            t1: Duration::from_millis(10),
            ..TIMERS
        };
        let mut machine = machine("Calling", start);
        machine.response(&response(486), start, &quick, &mut Out::new());
        assert_eq!(machine.deadline(), Some(start + Duration::from_secs(32)));
    }

    #[test]
    fn whoever_rings_on_and_says_so_is_waited_for() {
        let start = epoch();
        let mut machine = machine("Proceeding", start);
        let minute = start + Duration::from_secs(60);
        machine.response(&response(180), minute, &TIMERS, &mut Out::new());
        assert_eq!(machine.deadline(), Some(minute + RINGING_MAX));
        // After a CANCEL a provisional response buys no time.
        machine.cancel(None, minute, &TIMERS);
        machine.response(&response(180), minute + TIMERS.t4, &TIMERS, &mut Out::new());
        assert_eq!(machine.deadline(), Some(minute + TIMERS.patience()));
    }
}
