//! Many days, on all cores.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use world::World;

use super::{Day, Outcome, Profile, Tally, Trace};

/// Days of these profiles, under these seeds.
#[derive(Clone, Debug)]
pub struct Range {
    /// How bad the days may become. Each seed is lived under each of them.
    pub profiles: Vec<Profile>,
    /// The seeds.
    pub seeds: std::ops::Range<u64>,
    /// How many days are lived at a time.
    pub threads: usize,
    /// Live on after a day has failed.
    pub all: bool,
}

/// What became of a range.
#[derive(Debug)]
pub struct Report {
    /// How many days were lived.
    pub days: u64,
    /// How much happened on all of them.
    pub tally: Tally,
    /// Those that failed, by seed.
    pub failed: Vec<Failed>,
}

/// A day that failed, for a person: what is wrong, what happened, and how to see it again.
#[derive(Debug)]
pub struct Failed {
    /// Which one.
    pub day: Day,
    /// How it went.
    pub outcome: Outcome,
}

/// Of so many days one is lived twice, and has to be the same.
const TWICE_IN: u64 = 50;

impl Range {
    /// Lives through the days; until one fails, unless all are wanted. Those that have begun by
    /// then are finished.
    ///
    /// # Errors
    ///
    /// When there is no thread, or no runtime, to live them in.
    pub fn live(&self) -> io::Result<Report> {
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let entered = runtime.enter();
        let world = World::os();
        let mut threads = Vec::new();
        for _ in 0..self.threads.max(1) {
            let (range, shared) = (self.clone(), Arc::clone(&shared));
            let work = move || range.work(&shared);
            threads.push(world.tasks.thread("days", work)?);
        }
        for thread in threads {
            if thread.join().is_err() {
                return Err(io::Error::other("a thread of days panicked"));
            }
        }
        drop(entered);
        let mut failed = shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.sort_by_key(|failed| failed.day.seed);
        let days = shared.lived.load(Ordering::Relaxed);
        let failed = std::mem::take(&mut *failed);
        let tally = Tally {
            joined: shared.joined.load(Ordering::Relaxed),
            heard: shared.heard.load(Ordering::Relaxed),
        };
        Ok(Report {
            days,
            tally,
            failed,
        })
    }

    /// Takes one day after the other.
    fn work(&self, shared: &Shared) {
        while !shared.over.load(Ordering::Relaxed) {
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(day) = self.day(number) else { return };
            let outcome = live(day, number.is_multiple_of(TWICE_IN));
            shared.lived.fetch_add(1, Ordering::Relaxed);
            shared
                .joined
                .fetch_add(outcome.tally.joined, Ordering::Relaxed);
            shared
                .heard
                .fetch_add(outcome.tally.heard, Ordering::Relaxed);
            if !outcome.breaches.is_empty() {
                shared.over.store(!self.all, Ordering::Relaxed);
                let mut failed = shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(Failed { day, outcome });
            }
        }
    }

    /// The day of this number: all profiles of a seed, then the next seed.
    fn day(&self, number: u64) -> Option<Day> {
        let profiles = u64::try_from(self.profiles.len()).ok()?;
        let seed = self
            .seeds
            .start
            .checked_add(number.checked_div(profiles)?)?;
        let at = usize::try_from(number.checked_rem(profiles)?).ok()?;
        let profile = *self.profiles.get(at)?;
        self.seeds.contains(&seed).then_some(Day { profile, seed })
    }
}

#[derive(Default)]
struct Shared {
    next: AtomicU64,
    lived: AtomicU64,
    joined: AtomicU64,
    heard: AtomicU64,
    over: AtomicBool,
    failed: Mutex<Vec<Failed>>,
}

/// Lives a day; twice, if asked to, and then compares.
fn live(day: Day, twice: bool) -> Outcome {
    let mut outcome = match day.live(Trace::Digest) {
        Ok(outcome) => outcome,
        Err(error) => return Outcome::nothing(&error),
    };
    if twice {
        match day.live(Trace::Digest) {
            Ok(again) if again.digest == outcome.digest => {}
            Ok(_) => outcome.breaches.push(crate::watch::Breach::day(
                std::time::Duration::ZERO,
                "the simulation",
                "the same seed gave another day",
            )),
            Err(error) => return Outcome::nothing(&error),
        }
    }
    outcome
}

impl Failed {
    /// Lives the day again and writes all of it to a file: what happened, and what was on the
    /// wire.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn trace(&self, path: &Path) -> io::Result<()> {
        let outcome = self.day.live(Trace::Wire)?;
        std::fs::write(path, format!("{}\n{}", outcome.story(), outcome.trace))
    }
}

impl Failed {
    /// The day and its first breach.
    pub fn headline(&self) -> String {
        let Day { profile, seed } = self.day;
        let first = self.outcome.breaches.first();
        let first = first.map(ToString::to_string).unwrap_or_default();
        format!("{profile}, seed {seed}: {first}")
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Day { profile, seed } = self.day;
        writeln!(f, "{profile}, seed {seed}:")?;
        for breach in self.outcome.breaches.iter().take(SHOWN) {
            writeln!(f, "  {breach}")?;
        }
        let more = self.outcome.breaches.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        write!(
            f,
            "again: cargo xtask sim --scenario {profile} --seed {seed} --trace FILE"
        )
    }
}

/// How many breaches of a day are shown: one bug makes many.
const SHOWN: usize = 10;
