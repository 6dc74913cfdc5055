//! What the server was at a moment, for loads that compare moments.

use std::time::{Duration, Instant};

use super::probe::{Cpu, Memory};
use super::target::Ground;

/// What the server was at a moment.
pub(crate) struct Look {
    pub(crate) at: Instant,
    cpu: Option<Cpu>,
    pub(crate) memory: Memory,
}

impl Look {
    pub(crate) fn take(ground: &Ground) -> Self {
        Self {
            at: ground.now(),
            cpu: ground.probe.and_then(|probe| probe.cpu()),
            memory: ground
                .probe
                .and_then(|probe| probe.memory())
                .unwrap_or_default(),
        }
    }

    /// The CPU time that was spent between two moments.
    pub(crate) fn spent_until(&self, later: &Self) -> Duration {
        let both = self.cpu.as_ref().zip(later.cpu.as_ref());
        both.map_or(Duration::ZERO, |(from, to)| to.since(from))
    }

    /// By how many bytes the server had grown.
    #[expect(clippy::cast_precision_loss, reason = "2^53 kilobytes are enough")]
    pub(crate) fn grown_until(&self, later: &Self) -> f64 {
        (later.memory.rss_kib as f64 - self.memory.rss_kib as f64) * 1024.0
    }
}
