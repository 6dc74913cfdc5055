//! One run of a fan-out: members who are connected speak as the schedule says.
//!
//! It does not know to what they are connected: the server and the baseline are driven alike.

use std::sync::Arc;
use std::time::Duration;

use super::super::course::Course;
use super::super::report::Report;
use super::super::tally::Fault;
use super::super::target::Ground;
use super::hall::Hall;
use super::link::Link;
use crate::complaint::Complaint;

/// Who meets.
pub(super) struct Meeting<'a> {
    pub(super) ground: &'a Ground,
    pub(super) hall: Arc<Hall>,
    /// By seat.
    pub(super) links: Vec<Option<Arc<Link>>>,
}

/// What a run came to.
pub(super) struct Result {
    /// An operation of it is a delivery.
    pub(super) report: Report,
    pub(super) per_second: f64,
    pub(super) cpu_us: Option<f64>,
    pub(super) messages: u64,
}

impl Meeting<'_> {
    /// Speaks `rate` messages per second, or as many as go with `window` under way. `between` is
    /// called as long as there is nothing to say.
    pub(super) async fn run<F: AsyncFnMut()>(
        &self,
        rate: Option<f64>,
        window: u64,
        mut between: F,
    ) -> std::result::Result<Result, Complaint> {
        let ground = self.ground;
        let clock = &ground.world.clock;
        let start = clock.now();
        let course = Course::start(ground, rate, window)?;
        let (warm_up, span) = (ground.common.warm_up, ground.common.span);
        self.hall.begin(Some(course.clone()), start, warm_up, span);
        loop {
            let now = clock.now();
            while let Some(due) = course.due(now) {
                let (seat, stamp) = self.hall.next(due.index, due.intended, now);
                let link = self.links.get(seat).and_then(Option::as_ref);
                if !link.is_some_and(|link| link.say(&stamp)) {
                    self.hall.wrong(Fault::Unsent);
                    course.failed(due.intended, Fault::Unsent);
                }
            }
            if course.is_over(now) {
                break;
            }
            tokio::select! {
                biased;
                () = course.wait() => {}
                () = between() => {}
            }
        }
        let outcome = self.hall.end(clock.now());
        let mut report = course.finish(ground, "fanout");
        report.tally = outcome.tally;
        Ok(Result {
            per_second: each_second(report.tally.answered, span),
            cpu_us: report.server.as_ref().and_then(|server| {
                let deliveries = report.tally.answered;
                (deliveries > 0).then(|| server.cpu.as_secs_f64() * 1e6 / count(deliveries))
            }),
            report,
            messages: outcome.messages,
        })
    }
}

/// So many in that time, per second.
fn each_second(many: u64, span: Duration) -> f64 {
    if span.is_zero() {
        return 0.0;
    }
    count(many) / span.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn count(many: u64) -> f64 {
    many as f64
}
