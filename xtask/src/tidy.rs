//! The house rules that a program can check. Each finding says what and why.
//!
//! Names are matched as they are written; a forbidden call behind a rename is found by clippy's
//! `disallowed-methods`, which knows what a name resolves to.

mod arrows;
mod calls;
mod shape;
mod words;

use crate::finding::{Failure, report};
use crate::rust;
use crate::tree::Tree;

/// The crates without clock, socket, thread and global state: time and chance are arguments.
const PURE: &[&str] = &["imps", "msrp", "room", "sip", "xdm"];

/// Checks the whole tree.
pub(crate) fn run(tree: &Tree) -> Result<(), Failure> {
    let sources = rust::sources(tree);
    for note in shape::long_files(&sources) {
        println!("note: {note}");
    }
    let mut findings = arrows::check(tree);
    findings.extend(calls::check(&sources));
    findings.extend(shape::check(&sources));
    findings.extend(words::check(tree, &sources));
    report("tidy", findings)
}
