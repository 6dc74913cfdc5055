//! Who has heard what: the count of one run of a fan-out.
//!
//! One hall serves all connections. Each says what it has read; the hall keeps the books per
//! receiver and sender, and tells the course when a message has reached everybody.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::course::Course;
use super::super::tally::{Fault, Tally};
use super::ledger::{Arrival, Arrivals, Faults};
use super::stamp::Stamp;

/// Runs are told apart by the upper bits of the sender's number: what is left of one does not
/// count in the next.
const RUN_SHIFT: u32 = 12;

/// The most members that may speak.
pub(super) const SENDERS_MAX: u16 = 1 << RUN_SHIFT;

/// The books of all runs.
pub(super) struct Hall {
    members: usize,
    senders: u16,
    books: Mutex<Books>,
}

struct Books {
    run: u16,
    course: Option<Course>,
    /// When the run began: stamps count from here.
    start: Instant,
    /// What is intended from here to there counts.
    begin: Instant,
    end: Instant,
    tally: Tally,
    /// By receiver, then sender.
    arrivals: Vec<Arrivals>,
    spoken: Vec<Spoken>,
    /// Octets of the last message as it came, and of our answer to it.
    frame: usize,
    answer: usize,
}

/// What one sender has said.
#[derive(Clone, Debug, Default)]
struct Spoken {
    count: u32,
    /// The number of the first message that has not reached everybody.
    first: u32,
    /// Who has not heard it and those after it, and when each was intended.
    missing: VecDeque<(usize, Instant)>,
}

/// How a run ended.
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) messages: u64,
}

impl Hall {
    /// A hall of `members`, of whom the first `senders` speak.
    pub(super) fn new(members: usize, senders: u16, now: Instant) -> Self {
        Self {
            members,
            senders: senders.clamp(1, SENDERS_MAX),
            books: Mutex::new(Books {
                run: 0,
                course: None,
                start: now,
                begin: now,
                end: now,
                tally: Tally::new(now),
                arrivals: Vec::new(),
                spoken: Vec::new(),
                frame: 0,
                answer: 0,
            }),
        }
    }

    /// Begins a run at `start`: nothing has been said in it.
    pub(super) fn begin(
        &self,
        course: Option<Course>,
        start: Instant,
        warm_up: Duration,
        span: Duration,
    ) {
        let mut books = self.lock();
        let begin = start + warm_up;
        // 16 runs are told apart; a command makes three.
        books.run = (books.run + 1) % 16;
        books.course = course;
        (books.start, books.begin, books.end) = (start, begin, begin + span);
        books.tally = Tally::new(begin);
        let senders = usize::from(self.senders);
        books.arrivals = vec![Arrivals::default(); self.members.saturating_mul(senders)];
        books.spoken = vec![Spoken::default(); senders];
    }

    /// The stamp of the next message, said by the sender whose turn it is, with the seat of that
    /// sender.
    pub(super) fn next(&self, index: u64, intended: Instant, now: Instant) -> (usize, Stamp) {
        let mut books = self.lock();
        let sender = u16::try_from(index % u64::from(self.senders)).unwrap_or_default();
        let seat = usize::from(sender);
        let (run, start) = (books.run, books.start);
        let others = self.members.saturating_sub(1);
        let mut number = 0;
        if let Some(spoken) = books.spoken.get_mut(seat) {
            number = spoken.count;
            spoken.count = spoken.count.wrapping_add(1);
            spoken.missing.push_back((others, intended));
        }
        if books.counts(intended) {
            for _ in 0..others {
                books.tally.sent(intended, now);
            }
        }
        let stamp = Stamp {
            sender: run << RUN_SHIFT | sender,
            number,
            intended: intended.saturating_duration_since(start),
        };
        (seat, stamp)
    }

    /// The member in `seat` has read these.
    pub(super) fn heard(&self, seat: usize, stamps: &[Stamp], sizes: (usize, usize), now: Instant) {
        let mut books = self.lock();
        (books.frame, books.answer) = sizes;
        for stamp in stamps {
            books.heard(seat, usize::from(self.senders), stamp, now);
        }
        if books.tally.is_second_full(now) && now < books.end {
            books.tally.turn(None);
        }
    }

    /// Something is wrong that belongs to no message.
    pub(super) fn wrong(&self, fault: Fault) {
        self.lock().tally.failed(fault);
    }

    /// Octets of a message as it came, and of the answer to it.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let books = self.lock();
        (books.frame, books.answer)
    }

    /// Ends the run and adds up.
    pub(super) fn end(&self, now: Instant) -> Outcome {
        let mut books = self.lock();
        books.course = None;
        let mut faults = Faults::default();
        let senders = usize::from(self.senders);
        for (at, arrivals) in books.arrivals.iter().enumerate() {
            let sender = at % senders;
            if at / senders != sender {
                let said = books.spoken.get(sender);
                faults += arrivals.faults(said.map_or(0, |said| u64::from(said.count)));
            }
        }
        let messages = books.spoken.iter().map(|said| u64::from(said.count)).sum();
        let mut tally = std::mem::replace(&mut books.tally, Tally::new(now));
        for (what, count) in [
            ("lost", faults.lost),
            ("duplicates", faults.duplicates),
            ("out of order", faults.disorder),
        ] {
            for _ in 0..count {
                tally.failed(Fault::Other(what));
            }
        }
        Outcome { tally, messages }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn counts(&self, intended: Instant) -> bool {
        (self.begin..self.end).contains(&intended)
    }

    fn heard(&mut self, seat: usize, senders: usize, stamp: &Stamp, now: Instant) {
        let sender = usize::from(stamp.sender & (SENDERS_MAX - 1));
        if stamp.sender >> RUN_SHIFT != self.run || sender >= senders {
            return;
        }
        let at = seat.saturating_mul(senders).saturating_add(sender);
        let Some(arrivals) = self.arrivals.get_mut(at) else {
            return;
        };
        if seat == sender {
            return self.tally.failed(Fault::Other("heard by their sender"));
        }
        if arrivals.note(u64::from(stamp.number)) == Arrival::Again {
            return;
        }
        let intended = self.start + stamp.intended.min(Duration::from_secs(1 << 32));
        if self.counts(intended) {
            self.tally.answered(intended, now);
        }
        let Some(spoken) = self.spoken.get_mut(sender) else {
            return;
        };
        let place = usize::try_from(stamp.number.wrapping_sub(spoken.first));
        let place = place.ok().and_then(|place| spoken.missing.get_mut(place));
        let Some((missing, _)) = place else { return };
        *missing = missing.saturating_sub(1);
        while let Some((0, intended)) = spoken.missing.front().copied() {
            spoken.missing.pop_front();
            spoken.first = spoken.first.wrapping_add(1);
            if let Some(course) = &self.course {
                course.answered(intended, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Three members, two of them speak; the first 10 ms of 110 do not count.
    fn hall() -> (Hall, Instant) {
        let now = world::Clock::Os.now();
        let hall = Hall::new(3, 2, now);
        hall.begin(None, now, 10 * MS, 100 * MS);
        (hall, now)
    }

    fn hear(hall: &Hall, seats: &[usize], stamp: Stamp, now: Instant) {
        for seat in seats {
            hall.heard(*seat, &[stamp], (560, 150), now);
        }
    }

    #[test]
    fn deliveries_are_counted_from_the_intended_moment() {
        let (hall, start) = hall();
        let (_, warm) = hall.next(0, start, start);
        hear(&hall, &[1, 2], warm, start + MS);
        let intended = start + 20 * MS;
        let (seat, stamp) = hall.next(1, intended, start + 25 * MS);
        assert_eq!((seat, stamp.number, stamp.intended), (1, 0, 20 * MS));
        hear(&hall, &[0, 2], stamp, start + 30 * MS);
        assert_eq!(hall.sizes(), (560, 150));
        let outcome = hall.end(start + 40 * MS);
        assert_eq!(
            (outcome.messages, outcome.tally.sent, outcome.tally.answered),
            (2, 2, 2)
        );
        assert_eq!(outcome.tally.failures(), 0);
        assert!((9.9..10.1).contains(&outcome.tally.latency_ms(0.5)));
    }

    #[test]
    fn faults_are_found_per_receiver_and_sender() {
        let (hall, start) = hall();
        let at = start + 20 * MS;
        let stamps: Vec<Stamp> = (0..6).map(|index| hall.next(index, at, at).1).collect();
        // Sender 0 says the even ones, sender 1 the odd ones.
        for stamp in [0, 2, 4].map(|index| stamps[index]) {
            hear(&hall, &[1], stamp, at);
        }
        hear(&hall, &[2], stamps[0], at);
        hear(&hall, &[2, 2], stamps[4], at);
        hear(&hall, &[2], stamps[2], at);
        // Of sender 1, member 0 has nothing and member 2 all.
        for stamp in [1, 3, 5].map(|index| stamps[index]) {
            hear(&hall, &[2], stamp, at);
        }
        // Who hears themselves has heard too much; strangers and other runs do not count.
        hear(&hall, &[0], stamps[0], at);
        let stranger = Stamp {
            sender: 9,
            ..stamps[0]
        };
        hear(&hall, &[0, 1, 7], stranger, at);
        let tally = hall.end(at).tally;
        assert_eq!((tally.sent, tally.answered), (12, 9));
        let count = |what| tally.faults.get(&Fault::Other(what)).copied();
        assert_eq!(count("lost"), Some(3));
        assert_eq!(count("duplicates"), Some(1));
        assert_eq!(count("out of order"), Some(1));
        assert_eq!(count("heard by their sender"), Some(1));
    }

    #[test]
    fn what_is_left_of_one_run_does_not_count_in_the_next() {
        let (hall, start) = hall();
        let at = start + 20 * MS;
        let (_, stamp) = hall.next(0, at, at);
        assert_eq!(hall.end(at).tally.failures(), 2);
        hall.begin(None, start, 10 * MS, 100 * MS);
        hear(&hall, &[1, 2], stamp, at);
        let tally = hall.end(at).tally;
        assert_eq!((tally.answered, tally.failures()), (0, 0));
    }
}
