//! What a process on this machine costs, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

/// One process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pid: u32,
}

/// The CPU time of a process up to a moment. Two of them make a difference.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    /// Nanoseconds that each thread has run.
    threads: BTreeMap<u32, u64>,
    /// What the process has run, threads that have ended included, to a hundredth of a second.
    whole: Duration,
}

/// Memory, in units of 1024 bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// Resident, shared pages included.
    pub(crate) rss_kib: u64,
    /// Resident and backed by no file: heap and stacks.
    pub(crate) anonymous_kib: u64,
    /// Resident, shared pages divided among those who share them.
    pub(crate) pss_kib: u64,
}

/// Clock ticks per second: what the kernel promises to show, whatever it uses itself.
const USER_HZ: u64 = 100;

impl Probe {
    /// A process that can be looked into; `None` otherwise.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let probe = Self { pid };
        probe.cpu().is_some().then_some(probe)
    }

    /// Which process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has run so far; `None` when it is gone.
    pub(crate) fn cpu(&self) -> Option<Cpu> {
        let whole = self.whole()?;
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))
            .ok()?
            .flatten()
        {
            // A thread may end while we look.
            let run = fs::read_to_string(task.path().join("schedstat")).ok();
            let run = run.and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
            let id = task.file_name().to_str().and_then(|name| name.parse().ok());
            if let (Some(id), Some(run)) = (id, run) {
                threads.insert(id, run);
            }
        }
        Some(Cpu { threads, whole })
    }

    /// User and system time of the whole process.
    fn whole(&self) -> Option<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name in parentheses may hold anything; the state follows it as the third field.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let ticks = user.saturating_add(system);
        Some(Duration::from_millis(ticks.saturating_mul(1000 / USER_HZ)))
    }

    /// What it holds now; `None` when it is gone.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).ok()?;
        Some(Memory {
            rss_kib: line(&text, "Rss:")?,
            anonymous_kib: line(&text, "Anonymous:")?,
            pss_kib: line(&text, "Pss:")?,
        })
    }
}

impl Cpu {
    /// What was run since `before`.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let ended = before
            .threads
            .keys()
            .any(|id| !self.threads.contains_key(id));
        if ended || self.threads.is_empty() {
            return self.whole.saturating_sub(before.whole);
        }
        let new = |(id, run): (&u32, &u64)| {
            run.saturating_sub(before.threads.get(id).copied().unwrap_or_default())
        };
        Duration::from_nanos(self.threads.iter().map(new).sum())
    }
}

fn line(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_cost_something() {
        let probe = Probe::of(std::process::id()).unwrap();
        let before = probe.cpu().unwrap();
        let held = vec![1_u8; 32 << 20];
        let sum: u64 = (0..200_u64)
            .flat_map(|_| held.iter().step_by(64))
            .map(|byte| u64::from(*byte))
            .sum();
        assert_eq!(sum, 200 * (32 << 20) / 64);
        let run = probe.cpu().unwrap().since(&before);
        assert!(run > Duration::from_millis(1), "{run:?}");
        let memory = probe.memory().unwrap();
        assert!(memory.rss_kib > 32 << 10, "{memory:?}");
        assert!(memory.anonymous_kib <= memory.rss_kib, "{memory:?}");
        drop(held);
        assert!(Probe::of(u32::MAX).is_none());
    }

    #[test]
    fn threads_that_have_ended_count_by_the_whole() {
        let cpu = |threads: &[(u32, u64)], ms| Cpu {
            threads: threads.iter().copied().collect(),
            whole: Duration::from_millis(ms),
        };
        let before = cpu(&[(1, 1000), (2, 500)], 10);
        let grown = cpu(&[(1, 1600), (2, 500), (3, 7)], 20);
        assert_eq!(grown.since(&before), Duration::from_nanos(607));
        let shrunk = cpu(&[(1, 1600)], 30);
        assert_eq!(shrunk.since(&before), Duration::from_millis(20));
    }
}
