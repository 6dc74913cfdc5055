//! Reading what `cargo test -- --show-output` prints.

use std::path::Path;

/// What a test may say it lacks after the word `skipped:`, in small letters, and the variable
/// that gives it.
const NEEDS: &[(&str, &str)] = &[
    ("rfc texts", "TERTULIA_RFC_DIR"),
    ("vectors", "TERTULIA_VECTORS_DIR"),
    ("interop", "TERTULIA_INTEROP"),
    ("sipp", "TERTULIA_INTEROP"),
    ("tshark", "TERTULIA_INTEROP"),
];

/// What the tests have said so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    /// We are where the harness repeats what passing tests printed.
    in_successes: bool,
}

impl Output {
    /// Takes the next line, and says whether it is worth showing.
    pub(super) fn read(&mut self, line: &str) -> bool {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, " passed");
            self.failed += count(counts, " failed");
            self.in_successes = false;
        } else if line == "successes:" {
            self.in_successes = true;
        } else if line == "failures:" {
            self.in_successes = false;
        }
        let skipped = line.contains("skipped: ");
        if skipped {
            self.skipped.push(line.trim().to_owned());
        }
        skipped || !self.in_successes
    }

    /// The last line of a run.
    pub(super) fn summary(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }

    /// The tests that were skipped for want of something which `environment` gives: a folder that
    /// exists, or for real peers the value 1.
    pub(super) fn unexcused(&self, environment: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let given = |variable: &str| {
            environment(variable).is_some_and(|value| value == "1" || Path::new(&value).is_dir())
        };
        let lacked = |line: &str| {
            let line = line.to_lowercase();
            NEEDS
                .iter()
                .any(|(need, variable)| line.contains(need) && given(variable))
        };
        self.skipped
            .iter()
            .filter(|line| lacked(line))
            .cloned()
            .collect()
    }
}

/// The number before the word, as in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> u64 {
    let before = counts
        .split(word)
        .next()
        .filter(|before| before.len() < counts.len());
    before
        .and_then(|before| before.rsplit(' ').next())
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &[&str] = &[
        "running 2 tests",
        "test a ... ok",
        "test b ... ok",
        "",
        "successes:",
        "---- a stdout ----",
        "skipped: no RFC texts",
        "chatter",
        "successes:",
        "    a",
        "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        "successes:",
        "chatter",
        "failures:",
        "---- c stdout ----",
        "test result: FAILED. 10 passed; 1 failed; 0 ignored",
    ];

    fn read() -> (Output, Vec<&'static str>) {
        let mut output = Output::default();
        let shown = RUN
            .iter()
            .copied()
            .filter(|line| output.read(line))
            .collect();
        (output, shown)
    }

    #[test]
    fn counts_add_up_and_chatter_is_hidden() {
        let (output, shown) = read();
        assert_eq!(output.summary(), "12 passed, 1 failed");
        assert!(!shown.contains(&"chatter"));
        for line in [
            "test a ... ok",
            "skipped: no RFC texts",
            "---- c stdout ----",
        ] {
            assert!(shown.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_skip_is_excused_only_for_want_of_something() {
        let (output, _) = read();
        let here = |_: &str| Some(".".to_owned());
        assert_eq!(output.unexcused(here), ["skipped: no RFC texts"]);
        assert!(
            output
                .unexcused(|name| (name == "TERTULIA_INTEROP").then(|| "1".into()))
                .is_empty()
        );
        assert!(output.unexcused(|_| None).is_empty());
        assert!(
            output
                .unexcused(|_| Some("no/such/folder".to_owned()))
                .is_empty()
        );
    }
}
