//! Storms by seed: messages are lost, doubled and overtaken, and still every request is told at
//! most once, and whoever has made it hears of it exactly once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod ssp_pair;

use std::collections::BTreeSet;
use std::time::Duration;

use imps::ssp::link::{Failure, MAX_TRANSMITS};
use ssp_pair::*;

/// How many requests each side makes.
const REQUESTS: usize = 20;

/// One storm: how much is lost and doubled, and by how much things overtake each other, depends on
/// the seed. Gives how many requests were answered.
fn storm(seed: u64) -> usize {
    let mut pair = Pair::new();
    let mut weather = seed;
    let lost = random(&mut weather) % 40;
    let doubled = random(&mut weather) % 30;
    let longest = 1 + random(&mut weather) % 15_000;
    let mut state = weather;
    pair.fate = Box::new(move |_| {
        let copies = match random(&mut state) % 100 {
            fate if fate < lost => 0,
            fate if fate < lost + doubled => 2 + random(&mut state) % 2,
            _ => 1,
        };
        let mut delay = || Duration::from_millis(1 + random(&mut state) % longest);
        (0..copies).map(|_| delay()).collect()
    });
    pair.sides[A].link.dial(pair.now);
    if seed.is_multiple_of(3) {
        pair.sides[B].link.dial(pair.now);
    }
    let mut left = [REQUESTS; 2];
    for _ in 0..2000 {
        for who in [A, B] {
            let name = format!("{}{}", ["a", "b"][who], left[who]);
            if left[who] > 0
                && random(&mut weather).is_multiple_of(3)
                && pair.ask(who, &name).is_ok()
            {
                left[who] -= 1;
            }
        }
        pair.run(Duration::from_millis(random(&mut weather) % 20_000));
    }
    assert_eq!(left, [0, 0], "seed {seed}");
    pair.run(HOUR);
    check(&pair, seed)
}

/// What holds after every storm.
fn check(pair: &Pair, seed: u64) -> usize {
    let mut answered = 0;
    for who in [A, B] {
        let outcomes = pair.outcomes(who);
        assert_eq!(outcomes.len(), REQUESTS, "seed {seed}");
        answered += outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let told: Vec<&str> = pair.sides[1 - who]
            .asked
            .iter()
            .map(|(_, group)| group.as_str())
            .collect();
        let distinct: BTreeSet<&str> = told.iter().copied().collect();
        assert_eq!(told.len(), distinct.len(), "seed {seed}: told twice");
        for outcome in &outcomes {
            match outcome {
                Ok(what) => assert!(distinct.contains(&*format!("wv:{what}")), "seed {seed}"),
                Err(why) => assert!(
                    matches!(why, Failure::NoAnswer | Failure::SessionEnded),
                    "seed {seed}: {why}"
                ),
            }
        }
    }
    assert!(pair.most_waiting <= MAX_TRANSMITS, "seed {seed}");
    answered
}

#[test]
fn storms() {
    let answered: usize = (0..300).map(storm).sum();
    // Most get through: three tries each way, at 25 % loss in the mean.
    let all = 300 * 2 * REQUESTS;
    assert!(answered * 100 > all * 90, "{answered} of {all}");
    println!("{answered} of {all} requests were answered");
}

#[test]
fn the_same_seed_is_the_same_storm() {
    for seed in [3, 77] {
        assert_eq!(storm(seed), storm(seed), "seed {seed}");
    }
}
