//! Participants who say nothing: what the server holds for them, and what it does meanwhile.
//!
//! One operation is one room that has filled; then nothing is done for as long as --for says. The
//! memory of the server is looked at before anybody registers, when all have registered, when all
//! are in, and at the end, when what the set-up left behind has had its time to go.

use std::time::Duration;

use clap::Args;

use super::super::arguments::Common;
use super::super::look::Look;
use super::super::report::{Report, Server};
use super::super::schedule::Pacing;
use super::super::tally::{Fault, Tally};
use super::super::target::Ground;
use super::Place;
use super::floor::Floor;
use super::phones::{News, RoomId, Wants};
use super::roster::Seats;
use super::setup::early;
use crate::complaint::Complaint;

/// An operation is a room that has filled.
#[derive(Args)]
pub(in super::super) struct Idle {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many participants there are.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    participants: u32,
    /// How many of them are in each room.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=5000))]
    room_size: u32,
}

/// Rooms that fill at a time.
const FILLING: u64 = 4;

/// How long one room may take to fill, the roster that everybody waits for included.
const PATIENCE: Duration = Duration::from_secs(60);

impl Idle {
    pub(super) fn common(&self) -> Common {
        let mut common = self.common.clone();
        common.users = common.users.max(self.participants);
        common
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let wants = Wants {
            media: true,
            roster: true,
        };
        let mut floor = Floor::open(ground, &self.place, wants, None, 0).await?;
        let before = Look::take(ground);
        floor
            .register(self.participants, ground.common.grace)
            .await?;
        let registered = Look::take(ground);
        let mut tally = Tally::new(registered.at);
        let rooms = self.fill(&mut floor, &mut tally).await;
        let filled = Look::take(ground);
        let end = filled.at + ground.common.span;
        while floor.now() < end {
            floor.step(end).await;
        }
        let after = Look::take(ground);
        for (fault, count) in std::mem::take(&mut floor.phones.faults) {
            (0..count).for_each(|_| tally.failed(fault));
        }
        let pacing = Pacing::Closed { window: FILLING };
        let span = after.at.saturating_duration_since(filled.at);
        let mut report = Report::new(ground, "idle", pacing, span, tally);
        self.figures(ground, [&before, &registered, &filled, &after], &mut report);
        early(&mut report, &floor);
        floor.close(&rooms, ground.common.grace).await;
        Ok(report)
    }

    /// Fills one room after the other, some at a time.
    async fn fill(&self, floor: &mut Floor, tally: &mut Tally) -> Vec<RoomId> {
        let (mut rooms, mut filling, mut next) = (Vec::new(), 0, 0);
        let mut deadline = floor.now() + PATIENCE;
        while next < self.participants || filling > 0 {
            while next < self.participants && filling < FILLING {
                let now = floor.now();
                let seats = Seats {
                    first: next,
                    size: self.room_size.min(self.participants - next),
                    all: self.participants,
                };
                next += seats.size;
                tally.sent(now, now);
                rooms.push(floor.phones.call(seats, now, now));
                filling += 1;
            }
            floor.settle();
            floor.step(deadline).await;
            let now = floor.now();
            for news in std::mem::take(&mut floor.news) {
                let (room, fault) = match news {
                    News::Ready(room) => (room, None),
                    News::Failed(room, fault) => (room, Some(fault)),
                    _ => continue,
                };
                filling -= 1;
                deadline = now + PATIENCE;
                match (floor.phones.room(room), fault) {
                    (Some(room), None) => tally.answered(room.intended, now),
                    (_, fault) => tally.failed(fault.unwrap_or(Fault::Malformed)),
                }
            }
            if now >= deadline {
                (0..filling).for_each(|_| tally.failed(Fault::TimedOut));
                break;
            }
        }
        rooms
    }

    fn figures(&self, ground: &Ground, looks: [&Look; 4], report: &mut Report) {
        let [before, registered, filled, after] = looks;
        report.figure("participants", "participants", f64::from(self.participants));
        let Some(probe) = ground.probe else { return };
        let spent = Look::spent_until;
        let each = |from: &Look, to: &Look| from.grown_until(to) / f64::from(self.participants);
        let span_s = after.at.saturating_duration_since(filled.at).as_secs_f64();
        let idle_ms = spent(filled, after).as_secs_f64() * 1e3;
        report.figure(
            "memory_bytes_per_participant",
            "memory each at the end, B",
            each(before, after),
        );
        report.figure(
            "memory_bytes_of_registration",
            "of it the registration, B",
            each(before, registered),
        );
        report.figure(
            "memory_bytes_after_set_up",
            "memory each after set-up, B",
            each(before, filled),
        );
        report.figure(
            "cpu_us_per_join",
            "server CPU per participant, us",
            spent(registered, filled).as_secs_f64() * 1e6 / f64::from(self.participants),
        );
        report.figure(
            "idle_cpu_ms_per_second",
            "server CPU while idle, ms/s",
            if span_s > 0.0 { idle_ms / span_s } else { 0.0 },
        );
        report.server = Some(Server {
            pid: probe.pid(),
            cpu: spent(filled, after),
            span: after.at.saturating_duration_since(filled.at),
            memory_before: before.memory,
            memory_after: after.memory,
        });
    }
}
