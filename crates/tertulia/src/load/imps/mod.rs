//! The loads of handsets: polls, messages from one to another, sessions that only are.
//!
//! ```text
//!   poll, message        session
//!        │ operations       │ logins
//!        ▼                  ▼
//!   crew ── one task each ─▶ handset: a session, and what it says ─▶ link: HTTP over a connection
//! ```
//!
//! A handset does one thing after the other, as handsets do: it waits for the answer to a POST
//! before it makes the next. So many of them are as many operations under way.

mod crew;
mod handset;
mod link;
mod message;
mod poll;
mod session;

use clap::{Args, Subcommand};

use super::arguments::{Common, Transport};
use super::report::Report;
use super::target::Ground;
use crate::complaint::Complaint;

/// The loads of handsets.
#[derive(Subcommand)]
pub(super) enum Imps {
    /// Polls of handsets for which nothing waits.
    #[command(name = "imps-poll")]
    Poll(poll::Poll),
    /// Messages of one handset to another.
    #[command(name = "imps-message")]
    Message(message::Message),
    /// Sessions that do nothing, and what the server holds for them.
    #[command(name = "imps-session")]
    Session(session::Session),
}

/// What the loads with operations can be told.
#[derive(Args, Clone, Debug)]
struct Handsets {
    #[command(flatten)]
    common: Common,
    /// Handsets, each with a connection and a session of its own.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    handsets: u32,
}

impl Handsets {
    /// The options that all loads have. `each`: how many users there are to one handset.
    fn common(&self, each: u32) -> Common {
        over_http(&self.common, self.handsets.saturating_mul(each))
    }
}

/// Handsets speak HTTP, and every one of them needs a user.
fn over_http(common: &Common, users: u32) -> Common {
    let mut common = common.clone();
    common.transport = Transport::Http;
    common.users = common.users.max(users);
    common
}

impl Imps {
    /// The options that all loads have.
    pub(super) fn common(&self) -> Common {
        match self {
            Self::Poll(load) => load.common(),
            Self::Message(load) => load.common(),
            Self::Session(load) => load.common(),
        }
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        match self {
            Self::Poll(load) => load.play(ground).await,
            Self::Message(load) => load.play(ground).await,
            Self::Session(load) => load.play(ground).await,
        }
    }
}
