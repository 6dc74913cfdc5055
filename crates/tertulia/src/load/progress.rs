//! A bar for who watches.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::Common;
use super::schedule::Schedule;
use super::tally::Tally;

/// The bar; none where standard error is no terminal.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    shown: Instant,
}

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(250);

impl Progress {
    /// A bar as long as the run.
    pub(crate) fn new(common: &Common, schedule: &Schedule) -> Self {
        let bar = (!common.json && stderr().is_terminal()).then(|| {
            let length = schedule.end().saturating_duration_since(schedule.start());
            let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{wide_bar} {percent:>3}%  {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            start: schedule.start(),
            shown: schedule.start(),
        }
    }

    /// Draws it if it is time.
    pub(crate) fn show(&mut self, now: Instant, tally: &Tally) {
        let Some(bar) = &self.bar else { return };
        if now.saturating_duration_since(self.shown) < EVERY {
            return;
        }
        self.shown = now;
        let gone = now.saturating_duration_since(self.start).as_millis();
        bar.set_position(u64::try_from(gone).unwrap_or(u64::MAX));
        let last = tally.seconds.last().copied().unwrap_or_default();
        bar.set_message(format!(
            "{} sent, {} answered, {} failed; {}/s, p99 {:.2} ms",
            tally.sent,
            tally.answered,
            tally.failures(),
            last.answered,
            last.p99_ms
        ));
    }

    /// Takes it away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
