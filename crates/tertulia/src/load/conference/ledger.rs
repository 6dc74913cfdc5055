//! What came of what was said: losses, duplicates and disorder, per receiver and sender.
//!
//! A sender numbers its messages from 0. A number that is skipped is missing until it comes after
//! all: then it was out of order. A number that comes again is a duplicate. What is still missing
//! at the end is lost.

use std::collections::BTreeSet;

/// The most numbers remembered as missing, per receiver and sender. A server that loses more is
/// judged already; the sums stay right, and numbers that come late may then count as duplicates.
const MISSING_MAX: usize = 65_536;

/// What one receiver has of one sender.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Arrivals {
    /// The number after the highest that has come.
    next: u64,
    missing: BTreeSet<u64>,
    /// Those that are missing and did not fit.
    uncounted: u64,
    duplicates: u64,
    disorder: u64,
}

/// How a message came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    /// For the first time. Only these are deliveries.
    New,
    /// It was here before.
    Again,
}

/// The sums over receivers and senders, in messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Faults {
    pub(super) lost: u64,
    pub(super) duplicates: u64,
    /// Came after a later one of the same sender.
    pub(super) disorder: u64,
}

impl Arrivals {
    /// Notes the arrival of message `number`.
    pub(super) fn note(&mut self, number: u64) -> Arrival {
        if number >= self.next {
            for skipped in self.next..number {
                if self.missing.len() >= MISSING_MAX {
                    self.uncounted = self.uncounted.saturating_add(number - skipped);
                    break;
                }
                self.missing.insert(skipped);
            }
            self.next = number.saturating_add(1);
            return Arrival::New;
        }
        if self.missing.remove(&number) {
            self.disorder = self.disorder.saturating_add(1);
            return Arrival::New;
        }
        self.duplicates = self.duplicates.saturating_add(1);
        Arrival::Again
    }

    /// What went wrong, if the sender has sent `sent` messages.
    pub(super) fn faults(&self, sent: u64) -> Faults {
        let missing = u64::try_from(self.missing.len()).unwrap_or(u64::MAX);
        let tail = sent.saturating_sub(self.next);
        Faults {
            lost: missing.saturating_add(self.uncounted).saturating_add(tail),
            duplicates: self.duplicates,
            disorder: self.disorder,
        }
    }
}

impl std::ops::AddAssign for Faults {
    fn add_assign(&mut self, more: Self) {
        self.lost = self.lost.saturating_add(more.lost);
        self.duplicates = self.duplicates.saturating_add(more.duplicates);
        self.disorder = self.disorder.saturating_add(more.disorder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_and_no_other() {
        // (numbers as they come, how many were sent, lost, duplicates, disorder)
        #[rustfmt::skip]
        let rows: [(&[u64], u64, u64, u64, u64); 9] = [
            (&[0, 1, 2, 3], 4, 0, 0, 0),
            (&[], 3, 3, 0, 0),
            (&[0, 1], 3, 1, 0, 0),
            (&[0, 2, 3], 4, 1, 0, 0),
            (&[1, 2], 3, 1, 0, 0),
            (&[0, 1, 1, 2], 3, 0, 1, 0),
            (&[0, 2, 1, 3], 4, 0, 0, 1),
            (&[0, 2, 1, 1, 3], 4, 0, 1, 1),
            (&[5, 0, 0, 9], 12, 9, 1, 1),
        ];
        for (numbers, sent, lost, duplicates, disorder) in rows {
            let mut arrivals = Arrivals::default();
            let news = numbers
                .iter()
                .filter(|n| arrivals.note(**n) == Arrival::New);
            let news = u64::try_from(news.count()).unwrap();
            let want = Faults {
                lost,
                duplicates,
                disorder,
            };
            assert_eq!(arrivals.faults(sent), want, "{numbers:?}");
            // What was sent has come or is lost, and nothing else.
            assert_eq!(news + lost, sent, "{numbers:?}");
        }
    }

    #[test]
    fn a_number_out_of_all_bounds_costs_no_memory() {
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.note(u64::MAX - 1), Arrival::New);
        assert_eq!(arrivals.missing.len(), MISSING_MAX);
        assert_eq!(arrivals.faults(0).lost, u64::MAX - 1);
    }
}
