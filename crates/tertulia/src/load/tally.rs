//! What became of the operations.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Why an operation failed. The texts are the keys of the report.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// The connection ended, or never came to be.
    Lost,
    /// What came is no answer of the protocol, or one too large.
    Malformed,
    /// What the load found wrong in its own words.
    Other(&'static str),
    /// A final answer that is not a success.
    Status(u16),
    /// No answer in time.
    TimedOut,
    /// The system did not take it.
    Unsent,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("connection lost"),
            Self::Malformed => f.write_str("malformed answer"),
            Self::Other(what) => f.write_str(what),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TimedOut => f.write_str("time-out"),
            Self::Unsent => f.write_str("not sent"),
        }
    }
}

/// Kinds of faults that are counted apart: a hostile server has 600 statuses to choose from.
const FAULTS_MAX: usize = 1000;

/// Later than this the load itself has fallen behind. A thread that sleeps wakes up within a tenth
/// of it when there is a core for it.
const LATE: Duration = Duration::from_millis(2);

/// The longest latency that is told apart, in nanoseconds: an hour.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;

/// Three digits: 1.23 ms.
const DIGITS: u8 = 3;

/// The most seconds of which a chart is kept: a day.
const SECONDS_MAX: usize = 86_400;

/// The count of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// From where seconds are counted.
    begin: Instant,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// How many operations the load began late.
    pub(crate) late: u64,
    /// The latest of them all.
    pub(crate) late_max: Duration,
    /// Latency in nanoseconds; `None` only if the bounds above contradict each other.
    latency: Option<Histogram<u64>>,
    /// The same, of the second that runs.
    second: Option<Histogram<u64>>,
    /// The longest latency exactly, where a histogram rounds.
    longest_ms: f64,
    current: Second,
    pub(crate) seconds: Vec<Second>,
}

/// One second of the run, for the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    /// Operations begun in it.
    pub(crate) sent: u64,
    /// Answers that came in it.
    pub(crate) answered: u64,
    /// Operations that failed in it.
    pub(crate) failed: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// CPU time of the server in it.
    pub(crate) server: Option<Duration>,
}

impl Tally {
    /// Counts from `begin` on.
    pub(crate) fn new(begin: Instant) -> Self {
        let histogram = || Histogram::new_with_bounds(1000, LATENCY_MAX_NS, DIGITS).ok();
        Self {
            begin,
            sent: 0,
            answered: 0,
            faults: BTreeMap::new(),
            late: 0,
            late_max: Duration::ZERO,
            latency: histogram(),
            second: histogram(),
            longest_ms: 0.0,
            current: Second::default(),
            seconds: Vec::new(),
        }
    }

    /// An operation has begun.
    pub(crate) fn sent(&mut self, intended: Instant, now: Instant) {
        let late = now.saturating_duration_since(intended);
        self.late_max = self.late_max.max(late);
        self.late += u64::from(late > LATE);
        self.sent += 1;
        self.current.sent += 1;
    }

    /// It was answered. Latency counts from when it should have begun.
    pub(crate) fn answered(&mut self, intended: Instant, now: Instant) {
        self.answered += 1;
        self.current.answered += 1;
        let latency = now.saturating_duration_since(intended);
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let latency_ms = latency.as_secs_f64() * 1e3;
        self.longest_ms = self.longest_ms.max(latency_ms);
        self.current.max_ms = self.current.max_ms.max(latency_ms);
        for histogram in [&mut self.latency, &mut self.second].into_iter().flatten() {
            histogram.saturating_record(latency_ns);
        }
    }

    /// It failed.
    pub(crate) fn failed(&mut self, fault: Fault) {
        self.current.failed += 1;
        let known = self.faults.len() < FAULTS_MAX || self.faults.contains_key(&fault);
        let fault = if known { fault } else { Fault::Malformed };
        *self.faults.entry(fault).or_default() += 1;
    }

    /// How many failed.
    pub(crate) fn failures(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Is a second full, so that [`Self::turn`] is due?
    pub(crate) fn is_second_full(&self, now: Instant) -> bool {
        let full = u64::try_from(self.seconds.len()).unwrap_or(u64::MAX) + 1;
        now >= self.begin + Duration::from_secs(full)
    }

    /// Closes the second that runs. `server`: the CPU time of the server in it.
    pub(crate) fn turn(&mut self, server: Option<Duration>) {
        let mut done = std::mem::take(&mut self.current);
        if let Some(histogram) = &mut self.second {
            done.p50_ms = quantile_ms(histogram, 0.5).min(done.max_ms);
            done.p99_ms = quantile_ms(histogram, 0.99).min(done.max_ms);
            histogram.reset();
        }
        done.server = server;
        if self.seconds.len() < SECONDS_MAX {
            self.seconds.push(done);
        }
    }

    /// The latency in milliseconds that the share `quantile` (0 to 1) of all answers did not
    /// exceed; 0 without answers.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        let latency = self.latency.as_ref();
        latency.map_or(0.0, |histogram| {
            quantile_ms(histogram, quantile).min(self.longest_ms)
        })
    }

    /// The mean latency in milliseconds.
    pub(crate) fn mean_ms(&self) -> f64 {
        self.latency
            .as_ref()
            .map_or(0.0, |histogram| histogram.mean() / 1e6)
    }

    /// The longest latency in milliseconds.
    pub(crate) fn max_ms(&self) -> f64 {
        self.longest_ms
    }
}

/// The upper end of the bucket in which the quantile lies.
#[expect(
    clippy::cast_precision_loss,
    reason = "an hour in nanoseconds is exact"
)]
fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_server_that_stalls_is_seen_to() {
        let begin = world::Clock::Os.now();
        let mut tally = Tally::new(begin);
        // 1000 a second for 10 s, each answered in 1 ms; but from second 4 to 5 the server stands.
        let stall = 4000..5000_u32;
        for index in 0..10_000_u32 {
            let intended = begin + index * MS;
            let begun = if stall.contains(&index) {
                begin + 5000 * MS
            } else {
                intended
            };
            tally.sent(intended, intended);
            tally.answered(intended, begun + MS);
        }
        // Measured from when each was let go, one in 10,000 would be slow and p99 be 1 ms.
        assert!(
            (900.0..=1000.0).contains(&tally.latency_ms(0.99)),
            "{}",
            tally.latency_ms(0.99)
        );
        assert!((0.99..1.01).contains(&tally.latency_ms(0.5)));
        assert!((1000.0..1002.0).contains(&tally.max_ms()));
        assert!(
            (50.0..53.0).contains(&tally.mean_ms()),
            "{}",
            tally.mean_ms()
        );
        assert_eq!(
            (tally.sent, tally.answered, tally.late),
            (10_000, 10_000, 0)
        );
    }

    #[test]
    fn a_load_that_falls_behind_says_so() {
        let begin = world::Clock::Os.now();
        let mut tally = Tally::new(begin);
        tally.sent(begin, begin + LATE);
        tally.sent(begin, begin + 30 * MS);
        assert_eq!((tally.late, tally.late_max), (1, 30 * MS));
    }

    #[test]
    fn faults_are_counted_by_kind_and_bounded() {
        let mut tally = Tally::new(world::Clock::Os.now());
        for status in 0..u16::MAX {
            tally.failed(Fault::Status(status));
        }
        tally.failed(Fault::TimedOut);
        tally.failed(Fault::Status(404));
        assert_eq!(tally.failures(), u64::from(u16::MAX) + 2);
        assert_eq!(tally.faults.get(&Fault::Status(404)), Some(&2));
        assert!(tally.faults.len() <= FAULTS_MAX + 1);
    }

    #[test]
    fn seconds_have_their_own_figures() {
        let begin = world::Clock::Os.now();
        let mut tally = Tally::new(begin);
        tally.sent(begin, begin);
        tally.answered(begin, begin + 5 * MS);
        assert!(!tally.is_second_full(begin + 999 * MS));
        assert!(tally.is_second_full(begin + 1000 * MS));
        tally.turn(Some(MS));
        assert!(!tally.is_second_full(begin + 1999 * MS));
        tally.turn(None);
        let [first, second] = tally.seconds.as_slice() else {
            panic!("{:?}", tally.seconds);
        };
        assert_eq!((first.sent, first.answered, first.server), (1, 1, Some(MS)));
        assert!((4.99..5.01).contains(&first.max_ms));
        assert_eq!(*second, Second::default());
    }
}
