//! Thousands of random days. One that fails is named by profile and seed, with the command that
//! lives it again; with `TERTULIA_SIM_TRACE=FILE` all of it is written to a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail"
)]

use std::path::PathBuf;

use sim::storm::{Day, Profile, Range, Trace};

/// Seeds for each profile: what two cores live through in about a minute.
const SEEDS: u64 = 2000;

#[test]
fn every_promise_is_kept_in_every_storm() {
    let range = Range {
        profiles: Profile::ALL.to_vec(),
        seeds: 0..SEEDS,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        all: false,
    };
    let report = range.live().unwrap();
    if let Some(failed) = report.failed.first() {
        if let Some(path) = std::env::var_os("TERTULIA_SIM_TRACE").map(PathBuf::from) {
            failed.trace(&path).unwrap();
        }
        panic!("{failed}");
    }
    // A storm in which nobody meets anybody proves nothing.
    let (days, tally) = (report.days, report.tally);
    println!("{days} days: {tally:?}");
    assert_eq!(days, 3 * SEEDS);
    assert!(tally.joined > 5 * days, "{tally:?}");
    assert!(tally.heard > 5 * days, "{tally:?}");
}

#[test]
fn the_same_seed_is_the_same_day_and_another_is_not() {
    for profile in Profile::ALL {
        let day = |seed| Day { profile, seed }.live(Trace::Wire).unwrap();
        let (one, again, other) = (day(1), day(1), day(2));
        assert_eq!(one.trace, again.trace, "{profile}");
        assert_eq!(one.acts, again.acts, "{profile}");
        assert_eq!(one.digest, again.digest, "{profile}");
        assert_ne!(one.digest, other.digest, "{profile}");
    }
}
