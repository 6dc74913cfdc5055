//! What every back end must do: one list of cases, run against each of them.
//!
//! What only a file can do (outlive its process, be of the wrong kind) is in `files`. Whether
//! two back ends ever differ is asked at random in `model`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod accounts;
mod bench;
mod bindings;
mod deliveries;
mod documents;
mod files;
mod limits;
mod messages;
mod model;
mod rooms;
mod samples;
mod secrets;
mod units;

use bench::Bench;

/// What is promised, and the proof.
type Case = (&'static str, fn(&mut Bench));

type BackEnd = (&'static str, fn() -> Bench);

const BACK_ENDS: &[BackEnd] = &[("memory", Bench::memory), ("sqlite", Bench::sqlite)];

const CASES: &[&[Case]] = &[
    accounts::CASES,
    bindings::CASES,
    deliveries::CASES,
    documents::CASES,
    limits::CASES,
    messages::CASES,
    rooms::CASES,
    secrets::CASES,
    units::CASES,
];

#[test]
fn every_back_end_keeps_the_contract() {
    for (back_end, make) in BACK_ENDS {
        for (promise, prove) in CASES.iter().copied().flatten() {
            // Shown when it fails: the last line names the case.
            println!("{back_end}: {promise}");
            prove(&mut make());
        }
    }
}
