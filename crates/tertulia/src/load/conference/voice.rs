//! How a member speaks: MSRP to the server, plain frames to the baseline.

use super::frames::Script;
use super::stamp::{LENGTH, Stamp};

/// What the octets look like that a member sends.
pub(super) enum Voice {
    Msrp {
        script: Script,
        /// Our path: From-Path of what we say and of what we answer.
        own: String,
    },
    /// `F` and a stamp, filled up to `frame` octets; answers are `A`s.
    Plain {
        /// The number in the first line.
        member: usize,
        frame: usize,
        answer: usize,
    },
}

impl Voice {
    /// What comes first on a connection.
    pub(super) fn bind(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Msrp { script, .. } => script.bind(out),
            Self::Plain { member, .. } => {
                out.extend_from_slice(format!("{member}\n").as_bytes());
            }
        }
    }

    pub(super) fn say(&mut self, stamp: &Stamp, out: &mut Vec<u8>) {
        match self {
            Self::Msrp { script, .. } => script.say(stamp, out),
            Self::Plain { frame, .. } => {
                out.push(b'F');
                stamp.write(frame.saturating_sub(1), out);
            }
        }
    }

    pub(super) fn own(&self) -> &str {
        match self {
            Self::Msrp { own, .. } => own,
            Self::Plain { .. } => "",
        }
    }

    /// Octets of a frame and of its answer, where they are plain.
    pub(super) fn plain(&self) -> Option<(usize, usize)> {
        match self {
            Self::Msrp { .. } => None,
            Self::Plain { frame, answer, .. } => Some(((*frame).max(LENGTH + 1), *answer)),
        }
    }
}
