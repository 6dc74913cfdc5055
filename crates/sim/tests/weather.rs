//! The main call flows on a bad network: what is lost is sent again, and everything still comes
//! true, in every order of events that the seeds lead to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use sim::storm::Trace;
use sim::{Scenario, replay};

fn day(name: &str, text: &str, seed: u64) {
    let mut scenario: Scenario = text.parse().unwrap();
    let weather: Scenario = "the weather is bad".parse().unwrap();
    scenario.steps.splice(0..0, weather.steps);
    let outcome = replay(&scenario, seed, Trace::Digest).unwrap();
    if !outcome.breaches.is_empty() {
        let again = replay(&scenario, seed, Trace::Wire).unwrap();
        panic!("{name}, seed {seed}: {}{}", again.story(), again.trace);
    }
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

/// A datagram that says that something waits may be lost, and the client asks by itself after
/// minutes: nobody waits that long.
fn without_datagrams(flow: &str) -> String {
    flow.replace("cir udp", "cir tcp")
}

#[test]
fn handsets_talk_in_bad_weather() {
    for (name, flow) in [
        ("extend", include_str!("../../../scenarios/extend.flow")),
        ("handsets", include_str!("../../../scenarios/handsets.flow")),
        ("waiting", include_str!("../../../scenarios/waiting.flow")),
    ] {
        let flow = without_datagrams(flow);
        for seed in 0..50 {
            day(name, &flow, seed);
        }
    }
}
