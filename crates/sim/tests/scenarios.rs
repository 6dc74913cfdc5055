//! Every call flow of `scenarios/`, over real sockets and in simulation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test may fail"
)]

use std::path::PathBuf;

use sim::storm::Trace;
use sim::{Scenario, Stage, play, replay};

/// Everybody who appears in a transcript has an account.
const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

fn scenarios() -> Vec<(String, Scenario)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "flow")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = text
                .parse()
                .unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
            (name, scenario)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!all.is_empty(), "there are scenarios");
    all
}

#[test]
fn every_scenario_comes_true_over_real_sockets() {
    for (name, scenario) in scenarios() {
        if scenario.needs_simulation().is_some() {
            continue;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut stage = Stage::real(&scenario.settings, PEOPLE).await.unwrap();
            if let Err(why) = play(&scenario, &mut stage).await {
                panic!("{name}: {why}");
            }
            stage.close().await;
        });
    }
}

/// Plays a scenario in a universe of this seed; the digest of all that was on the wire.
fn day(name: &str, scenario: &Scenario, seed: u64) -> (u64, String) {
    let outcome = replay(scenario, seed, Trace::Wire).unwrap();
    let (story, trace) = (outcome.story(), &outcome.trace);
    assert!(
        outcome.breaches.is_empty(),
        "{name}, seed {seed}: {story}{trace}"
    );
    (outcome.digest, outcome.trace)
}

#[test]
fn every_scenario_comes_true_in_simulation_and_the_same_seed_gives_the_same_trace() {
    for (name, scenario) in scenarios() {
        let mut digests = Vec::new();
        for seed in 0..5 {
            let (first, trace) = day(&name, &scenario, seed);
            let (second, again) = day(&name, &scenario, seed);
            assert_eq!(
                first, second,
                "{name}, seed {seed}:\n{trace}\nand then\n{again}"
            );
            digests.push(first);
        }
        digests.dedup();
        assert_eq!(digests.len(), 5, "{name}: another seed is another day");
    }
}
