//! The loads of conferences: set-up, fan-out, idle participants, a storm of joins.
//!
//! ```text
//!   setup, fanout, idle, storm
//!        │ call, hang up              │ say
//!        ▼                            ▼
//!   floor ── phones (SIP) ──connect─▶ link (MSRP) ──heard──▶ hall: who has heard what
//!     sockets   no sockets              frames                  ledger
//! ```
//!
//! All participants are played here, those who are invited as well as those who invite.

mod baseline;
mod beside;
mod fanout;
mod floor;
mod frames;
mod hall;
mod idle;
mod ledger;
mod lines;
mod link;
mod meeting;
mod phones;
mod roster;
mod setup;
mod stamp;
mod storm;
mod voice;

use clap::{Args, Subcommand};

use super::arguments::Common;
use super::report::Report;
use super::target::Ground;
use crate::complaint::{Complaint, Exit};

/// The loads of conferences.
#[derive(Subcommand)]
pub(super) enum Conference {
    /// Conferences set up per second, by one who invites and those who are invited.
    Setup(setup::Setup),
    /// What is said in a conference, to all who are in it.
    Fanout(fanout::Fanout),
    /// Participants who say nothing, and what the server holds for them.
    Idle(idle::Idle),
    /// Everybody joins one conference at once.
    Storm(storm::Storm),
    /// The least that a fan-out can cost.
    #[command(hide = true)]
    Baseline(baseline::Baseline),
}

/// Where conferences are.
#[derive(Args, Clone, Debug)]
struct Place {
    /// The user part of the address at which conferences are made.
    #[arg(long, value_name = "USER", default_value = "conference-factory")]
    factory: String,
    /// A chat room that everybody joins by themselves, for servers without ad-hoc conferences.
    #[arg(long, value_name = "URI")]
    room: Option<String>,
}

impl Conference {
    /// What is no load: it is done here and now.
    pub(super) fn aside(&self) -> Option<Result<Exit, Complaint>> {
        match self {
            Self::Baseline(baseline) => Some(baseline.run()),
            _ => None,
        }
    }

    /// The options that all loads have.
    pub(super) fn common(&self) -> Common {
        match self {
            Self::Setup(load) => load.common(),
            Self::Fanout(load) => load.common(),
            Self::Idle(load) => load.common(),
            Self::Storm(load) => load.common(),
            Self::Baseline(relay) => relay.common(),
        }
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        match self {
            Self::Setup(load) => load.play(ground).await,
            Self::Fanout(load) => load.play(ground).await,
            Self::Idle(load) => load.play(ground).await,
            Self::Storm(load) => load.play(ground).await,
            Self::Baseline(_) => Err(Complaint::wrong("the baseline is no load", "")),
        }
    }
}
