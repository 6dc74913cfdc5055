//! Requests out, answers in: what the three loads have in common.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use memchr::memmem;
use world::Clock;

use super::flights::{Flight, Flights};
use super::lanes::Lane;
use super::scan::{self, Heard, Response};
use crate::complaint::Complaint;
use crate::load::arguments::Common;
use crate::load::course::Course;
use crate::load::report::Report;
use crate::load::schedule::Due;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// What the loads of single requests can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Requests {
    #[command(flatten)]
    pub(crate) common: Common,
    /// UDP sockets or TCP connections, spread over the sources.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
}

/// What one load puts on the wire and makes of the answers.
pub(super) trait Play: Send + 'static {
    /// Has an operation to come to us as a request before it is answered?
    const DELIVERS: bool;

    /// Appends a request of an operation on a lane, the `tries`-th, from 1.
    fn compose(&mut self, way: usize, index: u64, tries: u8, out: &mut Vec<u8>);

    /// What a final answer means.
    fn judge(&mut self, way: usize, index: u64, status: u16, answer: &[u8]) -> Verdict;

    /// Appends the answer to a request that the server sends us. True if it belongs to the
    /// operation whose number it carries.
    fn asked(&mut self, method: &str, request: &[u8], out: &mut Vec<u8>) -> bool;
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Done,
    /// It takes another request.
    Again,
    Failed(Fault),
}

/// Requests that one operation may take: one that is challenged, one with a stale nonce, one that
/// goes through.
const TRIES_MAX: u8 = 4;

/// What is between the course and the lanes.
struct Traffic<P> {
    clock: Clock,
    course: Course,
    lanes: Vec<Lane>,
    flights: Flights,
    /// In a closed loop: the lanes that may take one more, as often as they may.
    free: Option<VecDeque<usize>>,
    patience: Duration,
    tag: memmem::Finder<'static>,
    play: P,
    /// The message being written.
    out: Vec<u8>,
    /// Requests that came to us, each counted once.
    delivered: u64,
}

/// The ways to the server, as many as could be opened, and what was wrong with the rest.
pub(super) struct Ways {
    pub(super) lanes: Vec<Lane>,
    pub(super) fault: Option<Fault>,
}

impl Ways {
    /// Opens them. The first that fails is the last that is tried: others would fare no better, and
    /// a host that does not answer at all would take its time over each.
    pub(super) async fn open(ground: &Ground, connections: u32) -> Self {
        let mut lanes = Vec::new();
        for turn in 0..usize::try_from(connections).unwrap_or(usize::MAX) {
            match Lane::open(ground, turn).await {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    eprintln!("connection {turn} to {}: {error}", ground.target);
                    return Self {
                        lanes,
                        fault: Some(Fault::Lost),
                    };
                }
            }
        }
        Self { lanes, fault: None }
    }
}

/// Runs a load of that name to its end. `tag` precedes the number of an operation wherever `play`
/// writes it. `rate`: operations per second unless others are asked for.
pub(super) async fn run<P: Play>(
    ground: &Ground,
    load: &'static str,
    ways: Ways,
    tag: &str,
    rate: f64,
    play: P,
) -> Result<Done<P>, Complaint> {
    let rate = ground.common.rate_or(rate);
    let pipelined = usize::try_from(ground.common.pipelined).unwrap_or(usize::MAX);
    let window = ways.lanes.len().saturating_mul(pipelined);
    let course = Course::start(ground, rate, u64::try_from(window).unwrap_or(u64::MAX))?;
    if let Some(fault) = ways.fault {
        course.wrong(fault);
    }
    // In turns, so that each lane begins with one under way and not with all of them.
    let turns = (0..pipelined).flat_map(|_| 0..ways.lanes.len());
    let traffic = Arc::new(Mutex::new(Traffic {
        clock: ground.world.clock,
        course: course.clone(),
        flights: Flights::default(),
        free: rate.is_none().then(|| turns.collect()),
        patience: ground.common.grace,
        tag: memmem::Finder::new(tag.as_bytes()).into_owned(),
        play,
        out: Vec::new(),
        delivered: 0,
        lanes: ways.lanes,
    }));
    let lanes = lock(&traffic).lanes.clone();
    let start = |(way, lane): (usize, &Lane)| {
        let attending = attend(Arc::clone(&traffic), way, lane.clone());
        ground.world.tasks.spawn("lane", attending)
    };
    let tasks: Vec<_> = lanes.iter().enumerate().map(start).collect();
    while !course.is_over(ground.now()) && !lanes.iter().all(Lane::is_lost) {
        lock(&traffic).begin_due();
        course.wait().await;
        lock(&traffic).expire();
    }
    for task in tasks {
        task.abort();
        let _aborted = task.await;
    }
    lock(&traffic).give_up();
    let report = course.finish(ground, load);
    // The tasks have ended: nobody else has it.
    let traffic = Arc::into_inner(traffic).and_then(|traffic| traffic.into_inner().ok());
    let traffic = traffic.ok_or_else(|| Complaint::unable("the load failed", ""))?;
    let Traffic {
        play, delivered, ..
    } = traffic;
    Ok(Done {
        report,
        delivered,
        play,
    })
}

/// A run that has ended.
pub(super) struct Done<P> {
    pub(super) report: Report,
    /// Requests of operations that count which came to us.
    pub(super) delivered: u64,
    pub(super) play: P,
}

fn lock<P>(traffic: &Mutex<Traffic<P>>) -> MutexGuard<'_, Traffic<P>> {
    traffic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears one lane until it ends.
async fn attend<P: Play>(traffic: Arc<Mutex<Traffic<P>>>, way: usize, lane: Lane) {
    let hear = |message: &[u8]| lock(&traffic).hear(way, message);
    // A closed loop goes on at once.
    let done = || lock(&traffic).begin_due();
    let fault = lane.run(hear, done).await;
    let course = lock(&traffic).course.clone();
    course.wrong(fault);
    course.wake();
}

impl<P: Play> Traffic<P> {
    /// Begins all that is due.
    fn begin_due(&mut self) {
        loop {
            let now = self.clock.now();
            let Some(due) = self.course.due(now) else {
                return;
            };
            let way = match &mut self.free {
                // The window of the course is as large as all lanes together.
                Some(free) => free.pop_front().unwrap_or_default(),
                None => lane_of(due, self.lanes.len()),
            };
            self.flights.launch(Flight {
                intended: due.intended,
                begun: now,
                lane: way,
                tries: 0,
                delivered: false,
            });
            self.send(due.index);
        }
    }

    /// Sends the request of an operation, the first or a further one.
    fn send(&mut self, index: u64) {
        let Some(flight) = self.flights.get(index) else {
            return;
        };
        let way = flight.lane;
        flight.tries += 1;
        let tries = flight.tries;
        let Some(lane) = self.lanes.get(way) else {
            return;
        };
        self.out.clear();
        self.play.compose(way, index, tries, &mut self.out);
        if let Err(fault) = lane.send(&self.out) {
            self.fail(index, fault);
        }
    }

    fn fail(&mut self, index: u64, fault: Fault) {
        if let Some(flight) = self.flights.land(index) {
            self.release(flight);
            self.course.failed(flight.intended, fault);
        }
    }

    fn release(&mut self, flight: Flight) {
        if let Some(free) = &mut self.free {
            free.push_back(flight.lane);
        }
    }

    fn hear(&mut self, way: usize, message: &[u8]) {
        match scan::read(message, &self.tag) {
            Heard::Response(Response {
                status: 100..200, ..
            }) => {}
            Heard::Response(response) => self.answered(response, message),
            Heard::Request(method) => {
                self.out.clear();
                let is_ours = self.play.asked(method, message, &mut self.out);
                if is_ours {
                    self.note_delivery(message);
                }
                if let (Some(lane), false) = (self.lanes.get(way), self.out.is_empty()) {
                    // If it does not go out the server asks again.
                    let _unsent = lane.send(&self.out);
                }
            }
            Heard::Garbage => self.course.wrong(Fault::Malformed),
        }
    }

    fn answered(&mut self, response: Response, message: &[u8]) {
        let Some(flight) = self.flights.get(response.index) else {
            // Too late, or a second time.
            return;
        };
        let (way, tries, delivered) = (flight.lane, flight.tries, flight.delivered);
        match self
            .play
            .judge(way, response.index, response.status, message)
        {
            // 202 would be the word of a server that keeps it for later.
            Verdict::Done if P::DELIVERS && !delivered && response.status == 200 => {
                self.fail(response.index, Fault::Other("answered but not delivered"));
            }
            Verdict::Done => {
                if let Some(flight) = self.flights.land(response.index) {
                    self.release(flight);
                    self.course.answered(flight.intended, self.clock.now());
                }
            }
            Verdict::Again if tries < TRIES_MAX => self.send(response.index),
            Verdict::Again => self.fail(response.index, Fault::Status(response.status)),
            Verdict::Failed(fault) => self.fail(response.index, fault),
        }
    }

    fn note_delivery(&mut self, request: &[u8]) {
        let flight = scan::index(request, &self.tag).and_then(|index| self.flights.get(index));
        let Some(flight) = flight else { return };
        if !flight.delivered && self.course.counts(flight.intended) {
            self.delivered += 1;
        }
        flight.delivered = true;
    }

    /// Ends what has waited too long.
    fn expire(&mut self) {
        let Some(horizon) = self.clock.now().checked_sub(self.patience) else {
            return;
        };
        while let Some(flight) = self.flights.expire(horizon) {
            self.overdue(flight);
        }
    }

    /// Ends all that is under way.
    fn give_up(&mut self) {
        let now = self.clock.now() + Duration::from_nanos(1);
        while let Some(flight) = self.flights.expire(now) {
            self.overdue(flight);
        }
    }

    fn overdue(&mut self, flight: Flight) {
        let is_lost = self.lanes.get(flight.lane).is_some_and(Lane::is_lost);
        self.release(flight);
        let fault = if is_lost {
            Fault::Lost
        } else {
            Fault::TimedOut
        };
        self.course.failed(flight.intended, fault);
    }
}

fn lane_of(due: Due, lanes: usize) -> usize {
    let lanes = u64::try_from(lanes).unwrap_or(u64::MAX).max(1);
    usize::try_from(due.index % lanes).unwrap_or_default()
}

/// When a request over UDP is sent again: RFC 3261 section 17.1.2.2, T1.
const AGAIN: Duration = Duration::from_millis(500);

/// Sends a request while nobody else uses the lane, and waits for its final answer.
///
/// # Errors
///
/// There is none in time, or the lane is lost.
pub(super) async fn ask(ground: &Ground, lane: &Lane, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let clock = ground.world.clock;
    let deadline: Instant = ground.now() + ground.common.grace;
    let answer = Mutex::new(None);
    let came = tokio::sync::Notify::new();
    let keep = |message: &[u8]| {
        let is_final = message.starts_with(b"SIP/2.0 ") && !message.starts_with(b"SIP/2.0 1");
        if is_final {
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_vec());
            came.notify_one();
        }
    };
    let mut hearing = std::pin::pin!(lane.run(keep, || ()));
    lane.send(request)?;
    loop {
        tokio::select! {
            biased;
            () = came.notified() => break,
            fault = &mut hearing => return Err(fault),
            () = clock.sleep(AGAIN) => {
                if ground.now() >= deadline {
                    return Err(Fault::TimedOut);
                }
                if lane.is_datagram() {
                    lane.send(request)?;
                }
            }
        }
    }
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    answer.ok_or(Fault::Malformed)
}
