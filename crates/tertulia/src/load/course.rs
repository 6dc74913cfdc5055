//! One run: paced, counted and measured.
//!
//! A load asks [`Course::due`] what to begin, says what became of it, and waits with
//! [`Course::wait`]. Handles are cheap: every task of a load may have one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use world::Clock;

use super::probe::{Cpu, Memory, Probe};
use super::progress::Progress;
use super::report::{Report, Server};
use super::schedule::{Due, Pacing, Schedule};
use super::tally::{Fault, Tally};
use super::target::Ground;
use crate::complaint::Complaint;

/// A run under way.
#[derive(Clone)]
pub(crate) struct Course(Arc<Track>);

struct Track {
    clock: Clock,
    /// Rung when something may be due.
    bell: Notify,
    state: Mutex<State>,
}

struct State {
    schedule: Schedule,
    tally: Tally,
    progress: Progress,
    /// Operations under way, those of the warm-up too.
    outstanding: u64,
    /// Those among them that count.
    counted: u64,
    /// After the schedule, answers are waited for no longer than until then.
    last_call: Instant,
    probe: Option<Probe>,
    /// The server when counting began.
    before: Option<(Cpu, Option<Memory>)>,
    /// The load itself then.
    own_before: Option<Cpu>,
    /// The server at the last second.
    last_second: Option<Cpu>,
}

/// More often than this nobody is woken to look what is due: what falls between waits that long.
const TICK_MIN: Duration = Duration::from_micros(200);

/// At least this often somebody looks whether the run is over.
const TICK_MAX: Duration = Duration::from_millis(20);

impl Course {
    /// Starts a run now. `rate`: operations per second; `None`: `window` operations under way all
    /// the time.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start(
        ground: &Ground,
        rate: Option<f64>,
        window: u64,
    ) -> Result<Self, Complaint> {
        let pacing = rate.map_or(Pacing::Closed { window }, |rate| Pacing::Open { rate });
        let common = &ground.common;
        let schedule = Schedule::new(pacing, ground.now(), common.warm_up, common.span);
        let state = State {
            tally: Tally::new(schedule.begin()),
            progress: Progress::new(common, &schedule),
            outstanding: 0,
            counted: 0,
            last_call: schedule.end() + common.grace,
            probe: ground.probe,
            before: None,
            own_before: None,
            last_second: None,
            schedule,
        };
        let track = Arc::new(Track {
            clock: ground.world.clock,
            bell: Notify::new(),
            state: Mutex::new(state),
        });
        let tick = rate.map_or(TICK_MAX, |rate| {
            let between = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(TICK_MAX);
            between.clamp(TICK_MIN, TICK_MAX)
        });
        let ringer = Arc::downgrade(&track);
        let ringing = ground
            .world
            .tasks
            .thread("ringer", move || ring(&ringer, tick));
        ringing.map_err(|error| Complaint::unable(format!("no thread: {error}"), ""))?;
        Ok(Self(track))
    }

    /// The next operation, if it is time to begin it. Each one given out has to be told of with
    /// [`Self::answered`] or [`Self::failed`] sooner or later.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        let mut state = self.lock();
        state.keep_time(now);
        let outstanding = state.outstanding;
        let due = state.schedule.due(now, outstanding)?;
        state.outstanding += 1;
        if state.schedule.counts(due.intended) {
            state.counted += 1;
            state.tally.sent(due.intended, now);
        }
        Some(due)
    }

    /// An operation has succeeded.
    pub(crate) fn answered(&self, intended: Instant, now: Instant) {
        let mut state = self.lock();
        if state.schedule.counts(intended) {
            state.counted = state.counted.saturating_sub(1);
            state.tally.answered(intended, now);
        }
        self.ended(&mut state);
    }

    /// An operation has failed.
    pub(crate) fn failed(&self, intended: Instant, fault: Fault) {
        let mut state = self.lock();
        if state.schedule.counts(intended) {
            state.counted = state.counted.saturating_sub(1);
            state.tally.failed(fault);
        }
        self.ended(&mut state);
    }

    /// Something is wrong that belongs to no operation, such as a message nobody expected.
    pub(crate) fn wrong(&self, fault: Fault) {
        self.lock().tally.failed(fault);
    }

    fn ended(&self, state: &mut State) {
        state.outstanding = state.outstanding.saturating_sub(1);
        // Only a closed loop waits for that, and who waits for the end.
        let is_closed = matches!(state.schedule.pacing(), Pacing::Closed { .. });
        if is_closed || state.outstanding == 0 {
            self.0.bell.notify_one();
        }
    }

    /// Does what is due then count: is it neither in the warm-up nor after the end?
    pub(crate) fn counts(&self, intended: Instant) -> bool {
        self.lock().schedule.counts(intended)
    }

    /// Makes who waits look again.
    pub(crate) fn wake(&self) {
        self.0.bell.notify_one();
    }

    /// Waits until it is worth asking [`Self::due`] again. One task at a time; dropping the future
    /// loses nothing.
    pub(crate) async fn wait(&self) {
        self.0.bell.notified().await;
    }

    /// Is it over: nothing more is due, and all is answered or has had its time?
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.keep_time(now);
        let is_done = state.schedule.is_over(now) && state.outstanding == 0;
        is_done || now >= state.last_call
    }

    /// Ends the run: what is still under way has timed out. `load` is the name of the load.
    pub(crate) fn finish(&self, ground: &Ground, load: &'static str) -> Report {
        let now = self.0.clock.now();
        let mut state = self.lock();
        state.keep_time(now);
        for _ in 0..std::mem::take(&mut state.counted) {
            state.tally.failed(Fault::TimedOut);
        }
        state.progress.finish();
        let counted = now.min(state.schedule.end());
        let span = counted.saturating_duration_since(state.schedule.begin());
        let server = state.server(span);
        let own = Probe::of(std::process::id()).and_then(|probe| probe.cpu());
        let own = own
            .zip(state.own_before.clone())
            .map(|(now, before)| now.since(&before));
        // The tally moves into the report; what still comes in is of no interest.
        let tally = std::mem::replace(&mut state.tally, Tally::new(now));
        let mut report = Report::new(ground, load, state.schedule.pacing(), span, tally);
        report.server = server;
        report.own_cpu = own;
        report
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is due by the clock alone: the begin, and each second.
    fn keep_time(&mut self, now: Instant) {
        if now < self.schedule.begin() {
            return;
        }
        if self.own_before.is_none() {
            self.own_before = Probe::of(std::process::id()).and_then(|probe| probe.cpu());
            self.last_second = self.probe.and_then(|probe| probe.cpu());
            let memory = self.probe.and_then(|probe| probe.memory());
            self.before = self.last_second.clone().map(|cpu| (cpu, memory));
        }
        if self.tally.is_second_full(now) && now < self.schedule.end() + TICK_MAX {
            let cpu = self.probe.and_then(|probe| probe.cpu());
            let run = cpu.as_ref().zip(self.last_second.as_ref());
            self.tally.turn(run.map(|(now, before)| now.since(before)));
            self.last_second = cpu;
        }
        self.progress.show(now, &self.tally);
    }

    /// What the server has cost since counting began.
    fn server(&self, span: Duration) -> Option<Server> {
        let probe = self.probe?;
        let (before, memory_before) = self.before.as_ref()?;
        Some(Server {
            pid: probe.pid(),
            cpu: probe.cpu()?.since(before),
            span,
            memory_before: memory_before.unwrap_or_default(),
            memory_after: probe.memory().unwrap_or_default(),
        })
    }
}

/// Rings until nobody is there to hear. A thread: the clock of the tasks knows milliseconds only.
fn ring(track: &Weak<Track>, tick: Duration) {
    let Some(mut next) = track.upgrade().map(|track| {
        let state = track.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.schedule.start()
    }) else {
        return;
    };
    while let Some(track) = track.upgrade() {
        track.bell.notify_one();
        let now = track.clock.now();
        drop(track);
        next += tick;
        match next.checked_duration_since(now) {
            Some(wait) => thread::sleep(wait),
            // It was kept from running: there is no use in ringing often to make up for it.
            None => next = now,
        }
    }
}
