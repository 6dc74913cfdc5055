//! The main call flows on a bad network: what is lost is sent again, and everything still comes
//! true, in every order of events that the seeds lead to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use sim::{Scenario, Stage, bad_weather, play};
use world::sim::Universe;

const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

/// After this all is quiet: what nobody answers is given up after 64*T1.
const QUIET_MS: u64 = 40_000;

fn day(name: &str, text: &str, seed: u64) {
    let scenario: Scenario = text.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let universe = Universe::new(seed);
        universe.set_faults(bad_weather());
        let mut stage = Stage::simulated(universe.clone(), &scenario.settings, PEOPLE)
            .await
            .unwrap();
        if let Err(why) = play(&scenario, &mut stage).await {
            panic!("{name}, seed {seed}: {why}\n{}", universe.trace());
        }
        stage.wait(QUIET_MS).await;
        let breaches = stage.verdict();
        assert!(breaches.is_empty(), "{name}, seed {seed}: {breaches:#?}");
    });
}

/// A provisional response that is lost comes again after a minute at the earliest, and may be
/// lost again: nobody relies on it.
fn without_ringing(flow: &str) -> String {
    flow.lines()
        .filter(|line| !line.contains("hears ringing"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn a_conference_comes_about_in_bad_weather() {
    let flow = without_ringing(include_str!("../../../scenarios/adhoc.flow"));
    for seed in 0..200 {
        day("adhoc", &flow, seed);
    }
}

#[test]
fn nothing_is_left_of_a_cancelled_conference_in_bad_weather() {
    let flow = without_ringing(include_str!("../../../scenarios/cancel.flow"));
    for seed in 0..200 {
        day("cancel", &flow, seed);
    }
}
