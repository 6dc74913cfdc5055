//! What time it is, and waiting for it to pass.

use std::{
    future::Future,
    time::{Duration, Instant},
};

pub use tokio::time::error::Elapsed;

/// Time of the machine, or virtual time.
///
/// Both follow the clock of the tokio runtime, so both stand still where that is paused. They
/// differ in the calendar only.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clocks.
    Os,
    /// Virtual time: the calendar starts at [`Clock::SIM_EPOCH`] when the universe begins.
    Sim {
        /// When the universe began.
        start: Instant,
    },
}

impl Clock {
    /// The date on which every simulated universe begins: 2026-01-01 00:00:00 UTC, as time since
    /// the Unix epoch. A fixed date makes stamps in messages the same in every run.
    pub const SIM_EPOCH: Duration = Duration::from_secs(1_767_225_600);

    /// Now, on a clock that never goes back.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock everyone else asks"
    )]
    pub fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Now on the calendar: time since 1970-01-01 00:00:00 UTC.
    ///
    /// The machine's calendar may be set back; never compare two of these to measure time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock everyone else asks"
    )]
    pub fn unix(&self) -> Duration {
        match self {
            Self::Os => std::time::SystemTime::now()
                .duration_since(std::time::SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            Self::Sim { start } => {
                Self::SIM_EPOCH.saturating_add(self.now().saturating_duration_since(*start))
            }
        }
    }

    /// Waits until `when`, to the millisecond (tokio rounds up). Returns at once if it has passed.
    pub async fn sleep_until(&self, when: Instant) {
        tokio::time::sleep_until(when.into()).await;
    }

    /// Waits for `wait`, to the millisecond.
    pub async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }

    /// Runs `future` no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the deadline came first; `future` is dropped where it stood.
    pub async fn timeout_at<F: Future>(
        &self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::time::timeout_at(deadline.into(), future).await
    }

    /// Runs `future` no longer than `patience`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], as for [`Self::timeout_at`].
    pub async fn timeout<F: Future>(
        &self,
        patience: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::time::timeout(patience, future).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_virtual_hours_pass_at_once() {
        let clock = Clock::Sim {
            start: Clock::Os.now(),
        };
        let begin = clock.now();
        for _ in 0..1000 {
            clock.sleep(Duration::from_secs(3600)).await;
        }
        let hours = Duration::from_secs(3_600_000);
        assert_eq!(clock.now() - begin, hours);
        assert_eq!(clock.unix(), Clock::SIM_EPOCH + hours);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_ends_what_never_ends() {
        let clock = Clock::Os;
        let never = std::future::pending::<()>();
        assert!(clock.timeout(Duration::from_secs(5), never).await.is_err());
        assert_eq!(clock.timeout_at(clock.now(), async { 7 }).await, Ok(7));
    }

    #[test]
    fn the_machine_knows_the_date() {
        assert!(Clock::Os.unix() > Duration::from_secs(1_700_000_000));
    }
}
