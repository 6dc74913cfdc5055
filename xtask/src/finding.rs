//! What a chore has to say: findings in the tree, and the failures that end it.

use std::fmt;
use std::io;

/// One thing that is wrong, and why. Prints as `path:line: what`, which editors can follow.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Finding {
    /// The file, from the root of the checkout.
    pub(crate) path: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong, and why that matters.
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Prints the findings in the order of the tree; any at all is a failure of `chore`.
pub(crate) fn report(chore: &'static str, mut findings: Vec<Finding>) -> Result<(), Failure> {
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(Failure::Findings { chore, count }),
    }
}

/// Why a chore did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The tree broke rules; each was printed.
    Findings { chore: &'static str, count: usize },
    /// A file could not be read or written, or a program not started.
    Io { what: String, source: io::Error },
    /// A test said that it was skipped though CI gave it what it needs.
    Skipped { lines: Vec<String> },
    /// A step of `ci` failed; the program it ran said why.
    Step { headline: &'static str },
    /// The command line is none that we know.
    Usage(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings { chore, count } => write!(f, "{chore}: {count} findings"),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Skipped { lines } => {
                write!(f, "tests were skipped although they had what they need:")?;
                lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::Step { headline } => write!(f, "ci: {headline} failed"),
            Self::Usage(usage) => f.write_str(usage),
        }
    }
}
