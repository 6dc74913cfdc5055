//! Days that went wrong once. Each row is what it found; a change of the storms themselves may
//! make another day of a seed, so what can be told as a transcript stands in `scenarios/` as well.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use sim::storm::{Day, Profile, Trace};

/// (what it found, profile, seed)
type Row = (&'static str, Profile, u64);

#[rustfmt::skip]
const UNLUCKY: &[Row] = &[
    ("what waited for somebody was sent after the 200 to their BYE", Profile::Weather, 55),
    ("the same, after a long message on a slow connection", Profile::Weather, 199),
    ("the same, while others come and go", Profile::Chaos, 225),
    ("the same, after the server's own BYE was answered", Profile::Weather, 3414),
    ("an INVITE was parked for as long as the store was stuck", Profile::Chaos, 11),
    ("a client subscribed twice, when asked to before the first NOTIFY", Profile::Chaos, 216),
];

#[test]
fn no_unlucky_day_comes_again() {
    for (what, profile, seed) in UNLUCKY {
        let day = Day {
            profile: *profile,
            seed: *seed,
        };
        let outcome = day.live(Trace::Digest).unwrap();
        assert!(outcome.breaches.is_empty(), "{what}: {}", outcome.story());
    }
}
