//! One timer for all deadlines of a connection.

use std::{pin::Pin, time::Instant};

use world::Clock;

/// A timer that is set anew only when it would ring too late: deadlines mostly move away, and to
/// be woken early once in a while costs less than to move the timer with each frame.
pub(super) struct Alarm {
    clock: Clock,
    /// When it rings, if it is set.
    at: Option<Instant>,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            at: None,
            sleep: Box::pin(std::future::pending()),
        }
    }

    /// Sees to it that the alarm rings at `when` or before.
    pub(super) fn by(&mut self, when: Option<Instant>) {
        if let Some(when) = when
            && self.at.is_none_or(|at| when < at)
        {
            let clock = self.clock;
            self.at = Some(when);
            self.sleep = Box::pin(async move { clock.sleep_until(when).await });
        }
    }

    /// Waits until the alarm rings; for ever if it is not set. Then it has to be set again.
    pub(super) async fn ring(&mut self) {
        self.sleep.as_mut().await;
        self.at = None;
        self.sleep = Box::pin(std::future::pending());
    }
}
