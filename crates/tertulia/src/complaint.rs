//! What went wrong, told to the person at the command line, and the exit codes.

use std::fmt;
use std::process::ExitCode;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use server::config::ConfigError;

/// With what the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// It was done.
    Done = 0,
    /// What was given is wrong: the configuration, a name, a password.
    Wrong = 1,
    /// The command line is wrong. It is what clap ends with.
    #[allow(dead_code, reason = "for the list to be whole")]
    Usage = 2,
    /// All is right and still it cannot be done here: a port is taken, a file cannot be written.
    Unable = 3,
    /// Told a second time to stop, it did not wait for those who are connected.
    Cut = 130,
}

impl Exit {
    /// The codes, for `--help`.
    pub(crate) const HELP: &str = "Exit codes: 0 done; 1 what was given is wrong; 2 the command line is wrong; \
         3 it cannot be done here, such as when a port is taken; 130 stopped at once.";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong and what to do about it.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// In a file, shown with its line.
    Shown(Report),
    /// In words.
    Told {
        exit: Exit,
        what: String,
        remedy: String,
    },
}

impl Complaint {
    /// About what was given.
    pub(crate) fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::told(Exit::Wrong, what, remedy)
    }

    /// About this machine.
    pub(crate) fn unable(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::told(Exit::Unable, what, remedy)
    }

    fn told(exit: Exit, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Told {
            exit,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// About a configuration file of that name and text.
    pub(crate) fn in_file(error: &ConfigError, name: &str, text: &str) -> Self {
        let mut diagnostic = MietteDiagnostic::new(error.to_string());
        if let Some(span) = &error.span {
            diagnostic = diagnostic.with_label(LabeledSpan::underline(span.clone()));
        }
        if let Some(help) = &error.help {
            diagnostic = diagnostic.with_help(help);
        }
        let source = NamedSource::new(name, text.to_owned());
        Self::Shown(Report::new(diagnostic).with_source_code(source))
    }

    /// With what the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Shown(_) => Exit::Wrong,
            Self::Told { exit, .. } => *exit,
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The long form of a report is its debug form.
            Self::Shown(report) => write!(f, "{report:?}"),
            Self::Told { what, remedy, .. } if remedy.is_empty() => write!(f, "error: {what}"),
            Self::Told { what, remedy, .. } => write!(f, "error: {what}\n       {remedy}"),
        }
    }
}
