//! Requests that wait for their final response, and when to say them again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::people::LegId;

/// RFC 3261 17.1.1.1: the first interval, and the longest one of requests that are no INVITE.
pub(super) const T1: Duration = Duration::from_millis(500);
pub(super) const T2: Duration = Duration::from_secs(4);

/// RFC 3261 17.1.2.2: timers B, F and H are 64 T1.
pub(super) const PATIENCE: Duration = Duration::from_secs(32);

/// What a branch of ours begins with.
const COOKIE: &str = "z9hG4bKld";

/// What a request is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum What {
    Register(u32),
    Invite(LegId),
    Subscribe(LegId),
    Bye(LegId),
}

/// One request under way.
pub(super) struct Pending {
    pub(super) what: What,
    pub(super) line: usize,
    pub(super) bytes: Bytes,
    /// How often credentials were asked for.
    pub(super) tries: u8,
    /// A provisional response has come: an INVITE is not said again then.
    pub(super) is_heard: bool,
    interval: Duration,
    deadline: Instant,
}

/// All of them, and the 200s that wait for an ACK.
#[derive(Default)]
pub(super) struct Waiting {
    places: Vec<(u32, Option<Pending>)>,
    free: Vec<usize>,
    alarms: BinaryHeap<Reverse<(Instant, Alarm)>>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Alarm {
    /// A request that was refused is made once more.
    Later {
        what: What,
        tries: u8,
    },
    Request {
        place: usize,
        turn: u32,
    },
    Answer {
        leg: LegId,
        interval: Duration,
        deadline: Instant,
    },
}

/// What to do when time has passed.
pub(super) enum Overdue {
    /// Say it again on that line.
    Again(usize, Bytes),
    /// Make this request once more.
    Later { what: What, tries: u8 },
    /// Nobody has answered.
    Expired(What),
    /// Say the 200 of this leg again, if it still waits for its ACK.
    Answer {
        leg: LegId,
        interval: Duration,
        deadline: Instant,
    },
    /// No ACK has come.
    Unconfirmed(LegId),
}

impl Waiting {
    /// A place for a request, and the branch that leads back to it.
    pub(super) fn place(&mut self) -> (usize, String) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() - 1
        });
        let turn = self.places.get(place).map_or(0, |(turn, _)| *turn);
        (place, format!("{COOKIE}{place}x{turn}"))
    }

    /// Puts a request into its place. Over a connection it is not said again.
    #[expect(clippy::too_many_arguments, reason = "a request, and how it went")]
    pub(super) fn put(
        &mut self,
        place: usize,
        what: What,
        line: usize,
        bytes: Bytes,
        tries: u8,
        is_stream: bool,
        now: Instant,
    ) {
        let interval = if is_stream { PATIENCE } else { T1 };
        if let Some((turn, slot)) = self.places.get_mut(place) {
            *slot = Some(Pending {
                what,
                line,
                bytes,
                tries,
                is_heard: false,
                interval,
                deadline: now + PATIENCE,
            });
            let alarm = Alarm::Request { place, turn: *turn };
            self.alarms.push(Reverse((now + interval, alarm)));
        }
    }

    /// Gives a place back unused.
    pub(super) fn release(&mut self, place: usize) {
        self.free.push(place);
    }

    /// The request that a branch leads to.
    pub(super) fn find(&mut self, branch: &str) -> Option<&mut Pending> {
        let place = self.by_branch(branch)?;
        self.places.get_mut(place)?.1.as_mut()
    }

    /// Takes the request out: it has its final response.
    pub(super) fn take(&mut self, branch: &str) -> Option<Pending> {
        let place = self.by_branch(branch)?;
        self.clear(place)
    }

    fn by_branch(&self, branch: &str) -> Option<usize> {
        let (place, turn) = branch.strip_prefix(COOKIE)?.split_once('x')?;
        let place = place.parse().ok()?;
        let (current, _) = self.places.get(place)?;
        (turn.parse() == Ok(*current)).then_some(place)
    }

    fn clear(&mut self, place: usize) -> Option<Pending> {
        let (turn, slot) = self.places.get_mut(place)?;
        let pending = slot.take()?;
        *turn = turn.wrapping_add(1);
        self.free.push(place);
        Some(pending)
    }

    /// A request is to be made once more, after a while.
    pub(super) fn later(&mut self, what: What, tries: u8, when: Instant) {
        self.alarms
            .push(Reverse((when, Alarm::Later { what, tries })));
    }

    /// A 200 was sent: RFC 3261 13.3.1.4 has it said again until the ACK.
    pub(super) fn answered(&mut self, leg: LegId, now: Instant) {
        self.again(leg, T1, now + PATIENCE, now);
    }

    /// The same 200 was said again.
    pub(super) fn again(
        &mut self,
        leg: LegId,
        interval: Duration,
        deadline: Instant,
        now: Instant,
    ) {
        let alarm = Alarm::Answer {
            leg,
            interval,
            deadline,
        };
        self.alarms.push(Reverse((now + interval, alarm)));
    }

    /// Is no request under way?
    pub(super) fn is_quiet(&self) -> bool {
        self.places.len() == self.free.len()
    }

    /// When there is something to do next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.alarms.peek().map(|Reverse((when, _))| *when)
    }

    /// What there is to do now.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<Overdue> {
        loop {
            if self.next()? > now {
                return None;
            }
            let Reverse((_, alarm)) = self.alarms.pop()?;
            let (place, turn) = match alarm {
                Alarm::Later { what, tries } => return Some(Overdue::Later { what, tries }),
                Alarm::Request { place, turn } => (place, turn),
                Alarm::Answer { leg, deadline, .. } if now >= deadline => {
                    return Some(Overdue::Unconfirmed(leg));
                }
                Alarm::Answer {
                    leg,
                    interval,
                    deadline,
                } => {
                    return Some(Overdue::Answer {
                        leg,
                        interval: (interval * 2).min(T2),
                        deadline,
                    });
                }
            };
            let Some((current, Some(pending))) = self.places.get_mut(place) else {
                continue;
            };
            if *current != turn {
                continue;
            }
            let is_invite = matches!(pending.what, What::Invite(_));
            // An INVITE that rings waits for as long as the load does.
            if is_invite && pending.is_heard {
                continue;
            }
            if now >= pending.deadline {
                let what = pending.what;
                let _over = self.clear(place);
                return Some(Overdue::Expired(what));
            }
            // RFC 3261 17.1.1.2 doubles without end, 17.1.2.2 up to T2.
            let doubled = pending.interval * 2;
            pending.interval = match (is_invite, pending.is_heard) {
                (true, _) => doubled,
                (false, true) => T2,
                (false, false) => doubled.min(T2.max(pending.interval)),
            };
            let when = (now + pending.interval).min(pending.deadline);
            let again = Overdue::Again(pending.line, pending.bytes.clone());
            self.alarms.push(Reverse((when, alarm)));
            return Some(again);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_said_again_until_it_is_answered_or_given_up() {
        let start = world::Clock::Os.now();
        let mut waiting = Waiting::default();
        let (place, branch) = waiting.place();
        waiting.put(
            place,
            What::Register(1),
            0,
            Bytes::from_static(b"x"),
            0,
            false,
            start,
        );
        let mut said = Vec::new();
        let given_up = loop {
            let now = waiting.next().unwrap();
            match waiting.overdue(now) {
                Some(Overdue::Again(..)) => said.push((now - start).as_millis()),
                Some(Overdue::Expired(what)) => break (what, (now - start).as_secs()),
                _ => panic!(),
            }
        };
        // RFC 3261 17.1.2.1: 500 ms, doubled up to 4 s.
        assert_eq!(
            said,
            [
                500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
            ]
        );
        assert_eq!(given_up, (What::Register(1), 32));
        assert!(waiting.take(&branch).is_none());

        let (place, next) = waiting.place();
        assert_ne!(branch, next, "a late answer finds nothing");
        waiting.put(
            place,
            What::Invite(LegId(1)),
            0,
            Bytes::new(),
            0,
            false,
            start,
        );
        waiting.find(&next).unwrap().is_heard = true;
        assert!(waiting.overdue(start + PATIENCE).is_none());
        assert_eq!(waiting.take(&next).unwrap().what, What::Invite(LegId(1)));
        for strange in [
            "",
            "z9hG4bK",
            "z9hG4bKld9x0",
            "z9hG4bKld0x99",
            "z9hG4bKld-1x",
        ] {
            assert!(waiting.take(strange).is_none(), "{strange}");
        }
    }
}
