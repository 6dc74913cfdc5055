//! `tertulia load imps-session`: sessions that do nothing, and what the server holds for them.
//!
//! One operation is one login, over a connection that is closed after it. The memory of the server
//! is looked at before the first, after the last, and when nothing has been done for as long as
//! --for says.

use clap::Args;

use super::handset::Handset;
use super::over_http;
use crate::complaint::Complaint;
use crate::load::arguments::Common;
use crate::load::look::Look;
use crate::load::report::{Report, Server};
use crate::load::schedule::Pacing;
use crate::load::tally::Tally;
use crate::load::target::Ground;

/// Sessions that agree on everything in one step, and then say nothing: an operation is a login.
#[derive(Args)]
pub(in crate::load) struct Session {
    #[command(flatten)]
    common: Common,
    /// How many sessions there are, each of another user.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sessions: u32,
}

impl Session {
    pub(super) fn common(&self) -> Common {
        over_http(&self.common, self.sessions)
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let before = Look::take(ground);
        let mut tally = Tally::new(before.at);
        for user in 0..self.sessions {
            let begun = ground.now();
            tally.sent(begun, begun);
            match Handset::log_in(ground, user).await {
                Ok(_handset) => tally.answered(begun, ground.now()),
                Err(fault) => {
                    // Others would fare no better, and some would wait as long.
                    tally.failed(fault);
                    break;
                }
            }
        }
        let begun = Look::take(ground);
        ground.world.clock.sleep(ground.common.span).await;
        let after = Look::take(ground);
        let pacing = Pacing::Closed { window: 1 };
        let span = begun.at.saturating_duration_since(before.at);
        let mut report = Report::new(ground, "imps-session", pacing, span, tally);
        self.figures(ground, [&before, &begun, &after], &mut report);
        Ok(report)
    }

    fn figures(&self, ground: &Ground, looks: [&Look; 3], report: &mut Report) {
        let [before, begun, after] = looks;
        report.figure("sessions", "sessions", f64::from(self.sessions));
        let Some(probe) = ground.probe else { return };
        let each = |to: &Look| before.grown_until(to) / f64::from(self.sessions);
        report.figure(
            "memory_bytes_per_session",
            "memory each at the end, B",
            each(after),
        );
        report.figure(
            "memory_bytes_after_login",
            "memory each after login, B",
            each(begun),
        );
        let idle = after.at.saturating_duration_since(begun.at).as_secs_f64();
        let idle_ms = begun.spent_until(after).as_secs_f64() * 1e3;
        report.figure(
            "idle_cpu_ms_per_second",
            "server CPU while idle, ms/s",
            if idle > 0.0 { idle_ms / idle } else { 0.0 },
        );
        report.server = Some(Server {
            pid: probe.pid(),
            cpu: before.spent_until(begun),
            span: begun.at.saturating_duration_since(before.at),
            memory_before: before.memory,
            memory_after: after.memory,
        });
    }
}
