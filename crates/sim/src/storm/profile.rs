//! How bad a day may become.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use world::Rng;
use world::sim::Faults;

use super::one_of;

/// How bad a day may become.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// A good network, one thing after the other: what has to happen is known exactly.
    Calm,
    /// Datagrams are lost, doubled and late, bytes of connections come in any pieces, and
    /// everybody acts at the same time. Nobody goes down.
    Weather,
    /// Everything at once: people vanish and come back, are cut off and reset, the server crashes
    /// and restarts, and its disk is slow, stuck or failing.
    Chaos,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Weather, Self::Chaos];

    fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Weather => "weather",
            Self::Chaos => "chaos",
        }
    }

    /// The configuration of the server.
    pub(super) fn settings(self, rng: &mut Rng) -> Vec<String> {
        let mut one = |all: &[&str]| one_of(rng, all).unwrap_or_default().to_owned();
        let ring_s = match self {
            Self::Calm => "8".to_owned(),
            Self::Weather | Self::Chaos => one(&["4", "20", "60"]),
        };
        vec![
            format!("focus.ring_s = {ring_s}"),
            format!("focus.answer = \"{}\"", one(&["confirmed", "immediate"])),
            format!("focus.session_interval_s = {}", one(&["90", "600", "1800"])),
            format!("focus.recipient_list_history = {}", one(&["true", "false"])),
        ]
    }

    /// The network for a while.
    pub(super) fn weather(self, rng: &mut Rng) -> Faults {
        if self == Self::Calm || rng.below(4) == 0 {
            return Faults::default();
        }
        let ms = |rng: &mut Rng, most| Duration::from_millis(rng.below(most));
        Faults {
            latency: ms(rng, 150),
            jitter: ms(rng, 300),
            loss_per_mille: per_mille(rng, 200),
            duplicate_per_mille: per_mille(rng, 100),
            reset_per_mille: match self {
                Self::Chaos if rng.below(3) == 0 => per_mille(rng, 10),
                _ => 0,
            },
            split: rng.below(3) == 0,
            window: one_of(rng, &[64 << 10, 16 << 10, 4 << 10]).unwrap_or_default(),
            ..Faults::default()
        }
    }

    /// The time between two acts: most follow at once, some after a while, a few after hours.
    pub(super) fn pause(self, rng: &mut Rng) -> Duration {
        let most_ms = match rng.below(20) {
            0..6 => 30,
            6..14 => 1_000,
            14..18 => 5_000,
            18 => 40_000,
            _ => 400_000,
        };
        Duration::from_millis(rng.below(most_ms))
    }
}

fn per_mille(rng: &mut Rng, most: u64) -> u16 {
    u16::try_from(rng.below(most)).unwrap_or_default()
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or(())
    }
}
