//! One timer for all deadlines of a task.

use std::{fmt, future::Future, pin::Pin, time::Instant};

use crate::Clock;

/// A timer that is set anew only when it would ring too late: deadlines mostly move away, and to
/// be woken early once in a while costs less than to move the timer with each frame.
pub struct Alarm {
    clock: Clock,
    /// When it rings, if it is set.
    at: Option<Instant>,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Alarm {
    /// An alarm that is not set.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            at: None,
            sleep: Box::pin(std::future::pending()),
        }
    }

    /// Sees to it that the alarm rings at `when` or before.
    pub fn by(&mut self, when: Option<Instant>) {
        if let Some(when) = when
            && self.at.is_none_or(|at| when < at)
        {
            let clock = self.clock;
            self.at = Some(when);
            self.sleep = Box::pin(async move { clock.sleep_until(when).await });
        }
    }

    /// Waits until the alarm rings; for ever if it is not set. Then it has to be set again.
    /// Dropping the future loses nothing.
    pub async fn ring(&mut self) {
        self.sleep.as_mut().await;
        self.at = None;
        self.sleep = Box::pin(std::future::pending());
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_by_the_earliest_deadline_and_once() {
        let clock = Clock::Os;
        let begun = clock.now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut alarm = Alarm::new(clock);
        alarm.by(None);
        alarm.by(Some(after(5)));
        alarm.by(Some(after(9)));
        alarm.by(Some(after(3)));
        alarm.ring().await;
        assert_eq!(clock.now(), after(3));
        // Set again it rings again; not set it never does.
        alarm.by(Some(after(4)));
        alarm.ring().await;
        assert_eq!(clock.now(), after(4));
        let never = clock.timeout(Duration::from_secs(60), alarm.ring()).await;
        assert!(never.is_err());
    }
}
