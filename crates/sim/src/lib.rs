//! A whole world in one process: the server and its clients, on a seeded network in virtual time
//! or on real sockets.
//!
//! A [`Scenario`] is a call flow written as a transcript (see `scenarios/README.md`). The same
//! file is played on a [`Stage`] of either kind.

#![forbid(unsafe_code)]

mod replay;
mod scenario;
mod stage;
pub mod storm;
pub mod watch;

pub use replay::replay;
pub use scenario::{
    Act, Attention, Call, Deed, Device, Group, GroupChange, Guest, Misfortune, Mistake, Scenario,
    Step, abroad, all_but_the_first, play,
};
pub use stage::Stage;
