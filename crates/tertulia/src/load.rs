//! `tertulia load`: what a server of this kind costs and how fast it answers, seen from outside.
//!
//! ```text
//!   arguments ─▶ target (guard) ─▶ own server, or that of others
//!                     │
//!   schedule ─▶ load: raw SIP, MSRP, CSP ─▶ tally ─▶ report: text, JSON, charts
//!                     │                     ▲
//!                     └── probe: /proc of the server when it is local
//! ```
//!
//! It is a client of its own: it shares no code with `client`, whose mistakes it would not see.

mod arguments;
mod charts;
mod conference;
mod course;
mod imps;
mod look;
mod own;
mod pin;
mod probe;
mod progress;
mod report;
mod requests;
mod schedule;
mod socket_owner;
mod tally;
mod target;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::runtime;
use world::World;

use crate::complaint::{Complaint, Exit};
use crate::say;
use crate::signals::Signals;

use arguments::Common;
use report::Report;
use target::Ground;

/// Loads a server and measures it. The server is one of its own, started for the occasion, unless
/// --target names another.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all was answered; 1 there were errors, or no answers; \
    2 the command line is wrong; 3 it cannot be done here; 130 stopped before the end."
)]
pub(crate) struct Load {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Options(requests::Options),
    Message(requests::Message),
    Register(requests::Register),
    #[command(flatten)]
    Conference(conference::Conference),
    #[command(flatten)]
    Imps(imps::Imps),
}

/// Lines of the server's log that are shown after a failure.
const LOG_LINES: usize = 20;

impl Load {
    pub(crate) fn run(self) -> ExitCode {
        match self.measure() {
            Ok(exit) => exit.into(),
            Err(complaint) => {
                eprintln!("{complaint}");
                complaint.exit().into()
            }
        }
    }

    fn measure(self) -> Result<Exit, Complaint> {
        if let What::Conference(conference) = &self.what
            && let Some(done) = conference.aside()
        {
            return done;
        }
        let common = self.what.common();
        // Before there are threads: they inherit it.
        if common.pin {
            pin::load()?;
        }
        // One thread: the load shares the machine with what it measures.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Complaint::unable(format!("cannot start: {error}"), ""))?;
        runtime.block_on(self.watched())
    }

    /// Runs the load until it ends or a signal comes.
    async fn watched(self) -> Result<Exit, Complaint> {
        let mut signals = Signals::listen()
            .map_err(|error| Complaint::unable(format!("cannot wait for signals: {error}"), ""))?;
        let world = World::os();
        let ground = Ground::prepare(world, self.what.common()).await?;
        let report = tokio::select! {
            biased;
            () = signals.stop() => {
                eprintln!("stopped before the end");
                return Ok(Exit::Cut);
            }
            report = self.what.play(&ground) => report?,
        };
        say(&if ground.common.json {
            report.json()
        } else {
            report.text()
        });
        if let Some(folder) = &ground.common.out {
            charts::write(&report, folder).map_err(|error| {
                let what = format!("cannot write the charts to {}: {error}", folder.display());
                Complaint::unable(what, "name another folder with --out")
            })?;
        }
        if report.is_sound() {
            return Ok(Exit::Done);
        }
        // Perhaps it says why.
        for line in ground.server_log().lines().take(LOG_LINES) {
            eprintln!("server: {line}");
        }
        Ok(Exit::Wrong)
    }
}

impl What {
    fn common(&self) -> Common {
        match self {
            Self::Options(load) => load.requests.common.clone(),
            Self::Message(load) => load.requests.common.clone(),
            Self::Register(load) => load.requests.common.clone(),
            Self::Conference(load) => load.common(),
            Self::Imps(load) => load.common(),
        }
    }

    async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        match self {
            Self::Options(load) => load.play(ground).await,
            Self::Message(load) => load.play(ground).await,
            Self::Register(load) => load.play(ground).await,
            Self::Conference(load) => load.play(ground).await,
            Self::Imps(load) => load.play(ground).await,
        }
    }
}
