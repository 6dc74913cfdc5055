//! The project's own chores. `cargo xtask trace | tidy | ci | sim | performance`.

#![forbid(unsafe_code)]

mod ci;
mod finding;
mod performance;
mod rust;
mod tidy;
mod trace;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::finding::Failure;
use crate::tree::Tree;

const USAGE: &str = "\
usage: cargo xtask CHORE

  trace            write docs/TRACE.md: which code obeys and which test proves each rule of specs/
  trace --check    fail where a rule lacks its code or its test, or docs/TRACE.md is not fresh
  trace --shrink   take the rules that have a test out of specs/pending.txt
  tidy             the house rules that a program can check
  sim [ARGS]       simulated days: --seed N --scenario S, or --seeds A..B; see sim --help
  performance [--write] [WORD..]
                   measure what docs/PERFORMANCE.md says, and write it there; with words, only the
                   runs that have one of them in their name, and only on the terminal unless
                   --write is given
  ci               what CI runs: fmt, clippy, test, trace, tidy";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Failure> {
    let root = root();
    match words {
        ["trace"] => trace::write(&Tree::read(&root)?, &root),
        ["trace", "--check"] => trace::check(&Tree::read(&root)?),
        ["trace", "--shrink"] => trace::shrink(&Tree::read(&root)?, &root),
        ["tidy"] => tidy::run(&Tree::read(&root)?),
        ["sim", rest @ ..] => ci::sim(&root, rest),
        ["performance", "--write", words @ ..] => performance::run(&root, words, true),
        ["performance", words @ ..] => performance::run(&root, words, words.is_empty()),
        ["ci"] => ci::run(&root),
        _ => Err(Failure::Usage(USAGE)),
    }
}

/// The checkout: the folder above this package, which cargo names when it runs us.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .and_then(|package| package.parent().map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("."))
}
