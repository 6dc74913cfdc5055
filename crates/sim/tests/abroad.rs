//! Every call flow of `scenarios/` once more, with some of its people in another domain: two
//! servers do together what one does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use sim::storm::Trace;
use sim::{Scenario, Stage, abroad, play, replay};

/// Who of a flow goes abroad.
enum Who {
    /// These: once for each row.
    These(&'static [&'static str]),
    /// Nobody can, and why.
    Nobody(&'static str),
}

use Who::{Nobody, These};

/// The flows, and who goes abroad. Where the one who makes a conference goes, it is the other
/// server that holds it.
///
/// What stays at home, beside those of whom a flow says that the server's crash or its store is
/// their trouble:
///
/// - A server knows neither the accounts nor the clients of another domain. So it cannot say at
///   once that somebody there does not exist or cannot take an invitation (`extend`,
///   `extend-refused`).
/// - How many groups there may be is for each server to say (`extend-refused`).
/// - Whoever extends a session of two that the other's server holds has the other asked, since
///   their own server does not know what the other calls the session (`extend-session`, second
///   part).
#[rustfmt::skip]
const TABLE: &[(&str, Who)] = &[
    ("adhoc",           These(&["bob", "carol", "bob carol", "alice"])),
    ("between",         Nobody("it is about two domains")),
    ("busy",            These(&["bob dave", "carol erin", "alice"])),
    ("cancel",          These(&["bob", "bob carol", "alice"])),
    ("domains",         Nobody("it is about two domains")),
    ("extend",          These(&["bob erin", "carol", "dave", "alice"])),
    ("extend-direct",   These(&["bob", "carol", "alice"])),
    ("extend-refused",  These(&["carol"])),
    ("extend-session",  These(&["carol dave"])),
    ("faces",           These(&["bob", "carol", "dave", "bob carol dave", "alice"])),
    ("group",           These(&["bob", "carol dave", "alice"])),
    ("handsets",        These(&["bob", "carol", "alice"])),
    ("hidden",          These(&["bob", "carol", "alice"])),
    ("leave",           These(&["bob carol", "alice"])),
    ("link",            Nobody("it is about two domains")),
    ("lobby",           These(&["bob carol", "alice"])),
    ("long",            These(&["bob carol", "alice"])),
    ("partition",       These(&["bob"])),
    ("private",         These(&["bob", "carol", "alice"])),
    ("refer",           These(&["bob", "carol dave", "erin frank", "alice"])),
    ("refusals",        These(&["bob carol", "alice", "dave erin", "frank"])),
    ("rejoin",          These(&["bob", "carol dave", "alice"])),
    ("rejoin-restart",  These(&["carol", "dave"])),
    ("rejoin-vanish",   These(&["carol", "bob", "alice"])),
    ("remove",          These(&["bob", "carol", "alice"])),
    ("restart",         These(&["bob"])),
    ("rooms",           These(&["bob", "carol", "alice"])),
    ("seats",           Nobody("it is about two domains")),
    ("store",           These(&["bob carol"])),
    ("stuck",           These(&["carol"])),
    ("vanish",          These(&["carol", "bob", "alice"])),
    ("waiting",         These(&["bob"])),
];

/// Those that are played over real sockets as well: both faces, a group, and one who makes a
/// conference abroad.
const REAL: &[(&str, &str)] = &[
    ("adhoc", "bob carol"),
    ("adhoc", "alice"),
    ("extend", "bob erin"),
    ("faces", "bob carol dave"),
    ("group", "bob"),
    ("rejoin", "bob"),
];

/// Everybody who appears in a transcript has an account.
const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn moved(name: &str, people: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(format!("{name}.flow"))).unwrap();
    let people: Vec<_> = people.split(' ').collect();
    let moved = abroad(&text, &people);
    moved
        .parse()
        .unwrap_or_else(|mistake| panic!("{name}, abroad {people:?}: {mistake}"))
}

#[test]
fn every_flow_is_in_the_table() {
    let files = std::fs::read_dir(folder()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let flows = paths.filter(|path| path.extension().is_some_and(|ending| ending == "flow"));
    let flows: BTreeSet<_> = flows
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let named: BTreeSet<_> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(flows, named);
    for (name, who) in TABLE {
        match who {
            These(rows) => assert!(!rows.is_empty(), "{name}: nobody, and no reason"),
            Nobody(why) => assert!(!why.is_empty(), "{name}: for no reason"),
        }
    }
    for (name, people) in REAL {
        let is_row = |(of, who): &(&str, Who)| {
            of == name && matches!(who, These(rows) if rows.contains(people))
        };
        assert!(TABLE.iter().any(is_row), "{name}, abroad {people}");
    }
}

#[test]
fn every_flow_comes_true_between_two_domains() {
    for (name, who) in TABLE {
        let These(rows) = who else { continue };
        for people in *rows {
            let scenario = moved(name, people);
            for seed in 0..2 {
                let outcome = replay(&scenario, seed, Trace::Digest).unwrap();
                assert!(
                    outcome.breaches.is_empty(),
                    "{name}, abroad {people}, seed {seed}: {}",
                    outcome.story()
                );
            }
        }
    }
}

#[test]
fn a_handful_comes_true_over_real_sockets() {
    for (name, people) in REAL {
        let scenario = moved(name, people);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut stage = Stage::real(&scenario.settings, PEOPLE).await.unwrap();
            if let Err(why) = play(&scenario, &mut stage).await {
                panic!("{name}, abroad {people}: {why}");
            }
            stage.close().await;
        });
    }
}
