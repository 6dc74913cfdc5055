//! What CI runs, in order, stopping at the first step that fails.
//!
//! Tests that lack what they need (the texts of the RFCs, vectors, real peers) print a line
//! `skipped: no …` and pass, so that they run anywhere. Where the environment names what they need
//! such a line is a failure. The test harness hides what a passing test prints, so the tests run
//! with `--show-output`, and what they printed is read here instead of being shown.

mod output;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::finding::Failure;
use crate::tree::Tree;
use crate::{tidy, trace};
use output::Output;

const FMT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "--deny",
    "warnings",
];
const TEST: &[&str] = &[
    "test",
    "--workspace",
    "--no-fail-fast",
    "--",
    "--show-output",
];

/// Runs every step.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let begun = Instant::now();
    let headline = |step: &str| println!("\n== {step} ({} s)", begun.elapsed().as_secs());
    headline("fmt");
    cargo(root, "fmt", FMT)?;
    headline("clippy");
    cargo(root, "clippy", CLIPPY)?;
    headline("test");
    let output = test(root)?;
    headline("trace");
    trace::check(&Tree::read(root)?)?;
    headline("tidy");
    tidy::run(&Tree::read(root)?)?;
    headline("done");
    println!("{}", output.summary());
    Ok(())
}

/// Simulates days, as the arguments say.
pub(crate) fn sim(root: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let words: Vec<&str> = [&["run", "--quiet", "--package", "sim", "--"], arguments].concat();
    cargo(root, "sim", &words)
}

fn cargo(root: &Path, headline: &'static str, words: &[&str]) -> Result<(), Failure> {
    let status = command(root, words).status().map_err(not_started)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Step { headline })
    }
}

/// The README's test command, with what the tests print.
fn test(root: &Path) -> Result<Output, Failure> {
    let mut child = command(root, TEST)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    let mut output = Output::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(not_started)?;
            let line = String::from_utf8_lossy(&line);
            if output.read(&line) {
                println!("{line}");
            }
        }
    }
    let status = child.wait().map_err(not_started)?;
    if !status.success() {
        println!("{}", output.summary());
        return Err(Failure::Step { headline: "test" });
    }
    let set = |variable: &str| std::env::var(variable).ok();
    match output.unexcused(set) {
        lines if lines.is_empty() => Ok(output),
        lines => Err(Failure::Skipped { lines }),
    }
}

fn command(root: &Path, words: &[&str]) -> Command {
    // The cargo that runs us, or the one in the path.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(words);
    command
}

fn not_started(source: std::io::Error) -> Failure {
    Failure::Io {
        what: "cannot run cargo".to_owned(),
        source,
    }
}
