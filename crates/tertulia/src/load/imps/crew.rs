//! Those who do the operations: each its own, one after the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use world::Clock;

use crate::complaint::Complaint;
use crate::load::course::Course;
use crate::load::report::Report;
use crate::load::schedule::Due;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// Somebody who can do one operation after the other.
pub(super) trait Hand: Send + 'static {
    /// Does one.
    fn work(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What all of them share.
struct Crew {
    clock: Clock,
    course: Course,
    patience: Duration,
    /// Those who wait for something to do.
    idle: Mutex<Vec<UnboundedSender<Due>>>,
}

/// Runs a load of that name to its end. `fault`: why there are not more hands, if there should be.
pub(super) async fn run<H: Hand>(
    ground: &Ground,
    load: &'static str,
    rate: f64,
    hands: Vec<H>,
    fault: Option<Fault>,
) -> Result<Report, Complaint> {
    let rate = ground.common.rate_or(rate);
    let window = u64::try_from(hands.len()).unwrap_or(u64::MAX);
    let course = Course::start(ground, rate, window)?;
    if let Some(fault) = fault {
        course.wrong(fault);
    }
    let crew = Arc::new(Crew {
        clock: ground.world.clock,
        course: course.clone(),
        patience: ground.common.grace,
        idle: Mutex::default(),
    });
    let start = |hand| {
        let attending = attend(Arc::clone(&crew), hand);
        ground.world.tasks.spawn("hand", attending)
    };
    let tasks: Vec<_> = hands.into_iter().map(start).collect();
    while !course.is_over(ground.now()) && !tasks.iter().all(|task| task.is_finished()) {
        crew.call();
        course.wait().await;
    }
    for task in tasks {
        task.abort();
        let _aborted = task.await;
    }
    Ok(course.finish(ground, load))
}

/// Does what is due, until something goes wrong: what a connection says after that means nothing.
async fn attend(crew: Arc<Crew>, mut hand: impl Hand) {
    let (call, mut calls) = unbounded_channel();
    loop {
        let due = match crew.course.due(crew.clock.now()) {
            Some(due) => due,
            None => {
                crew.rest(call.clone());
                let Some(due) = calls.recv().await else {
                    return;
                };
                due
            }
        };
        let done = crew.clock.timeout(crew.patience, hand.work()).await;
        match done.unwrap_or(Err(Fault::TimedOut)) {
            Ok(()) => crew.course.answered(due.intended, crew.clock.now()),
            Err(fault) => {
                crew.course.failed(due.intended, fault);
                return crew.course.wake();
            }
        }
    }
}

impl Crew {
    fn rest(&self, hand: UnboundedSender<Due>) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(hand);
    }

    /// Calls as many as there is something to do for.
    fn call(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(hand) = idle.pop() {
            let Some(due) = self.course.due(self.clock.now()) else {
                return idle.push(hand);
            };
            // It waits, and so it is there.
            let _gone = hand.send(due);
        }
    }
}
