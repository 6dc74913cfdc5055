//! Everybody joins one room at once.
//!
//! One operation is one member who has the whole roster, from the moment at which the conference
//! was asked for. How much each is told meanwhile is counted per second.

use std::time::{Duration, Instant};

use clap::Args;

use super::super::arguments::Common;
use super::super::report::{Report, Server};
use super::super::schedule::Pacing;
use super::super::tally::{Fault, Tally};
use super::super::target::Ground;
use super::Place;
use super::floor::Floor;
use super::meeting::count;
use super::phones::{News, RoomId, Wants};
use super::roster::Seats;
use super::setup::early;
use crate::complaint::Complaint;

/// An operation is one member who has been told of all others.
#[derive(Args)]
pub(in super::super) struct Storm {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many join.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=5000))]
    members: u32,
}

/// Octets of the notices of one subscriber in one second.
#[derive(Clone, Copy, Default)]
struct Rate {
    second: u64,
    octets: u64,
    peak: u64,
}

impl Rate {
    fn note(&mut self, second: u64, octets: u64) {
        if second != self.second {
            (self.second, self.octets) = (second, 0);
        }
        self.octets = self.octets.saturating_add(octets);
        self.peak = self.peak.max(self.octets);
    }
}

impl Storm {
    pub(super) fn common(&self) -> Common {
        let mut common = self.common.clone();
        common.users = common.users.max(self.members);
        // A server of ours that is not told otherwise takes the room that was asked for.
        if common.target.is_none() {
            let most = format!("focus.max_adhoc_group_size={}", self.members);
            let credit = format!("focus.fan_out_credit={}", self.members);
            common.assignments.splice(0..0, [most, credit]);
        }
        common
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let wants = Wants {
            media: true,
            roster: true,
        };
        let mut floor = Floor::open(ground, &self.place, wants, None, 0).await?;
        floor.register(self.members, ground.common.grace).await?;
        let seats = Seats {
            first: 0,
            size: self.members,
            all: ground.common.users,
        };
        let begin = ground.now();
        let before = ground
            .probe
            .and_then(|probe| Some((probe.cpu()?, probe.memory()?)));
        let room = floor.phones.call(seats, begin, begin);
        floor.settle();
        let mut tally = Tally::new(begin);
        (0..self.members).for_each(|_| tally.sent(begin, begin));
        let rates = self.watch(ground, &mut floor, room, begin).await;
        let end = ground.now();
        self.add_up(&mut floor, room, &mut tally);
        let span = end.saturating_duration_since(begin);
        let pacing = Pacing::Closed { window: 1 };
        let mut report = Report::new(ground, "storm", pacing, span, tally);
        report.server = ground.probe.zip(before).and_then(|(probe, (cpu, memory))| {
            Some(Server {
                pid: probe.pid(),
                cpu: probe.cpu()?.since(&cpu),
                span,
                memory_before: memory,
                memory_after: probe.memory()?,
            })
        });
        self.figures(&floor, &rates, span, &mut report);
        early(&mut report, &floor);
        floor.close(&[room], ground.common.grace).await;
        Ok(report)
    }

    /// Looks on until all are there, and a second longer: no longer than --for.
    async fn watch(
        &self,
        ground: &Ground,
        floor: &mut Floor,
        room: RoomId,
        begin: Instant,
    ) -> Vec<Rate> {
        let mut rates: Vec<Rate> = Vec::new();
        let mut deadline = begin + ground.common.span.max(ground.common.grace);
        while floor.now() < deadline {
            floor.step(deadline).await;
            let second = floor.now().saturating_duration_since(begin).as_secs();
            for news in std::mem::take(&mut floor.news) {
                match news {
                    News::Noticed(leg, octets) => {
                        if rates.len() <= leg.0 {
                            rates.resize(leg.0 + 1, Rate::default());
                        }
                        if let Some(rate) = rates.get_mut(leg.0) {
                            rate.note(second, octets);
                        }
                    }
                    News::Ready(ready) if ready == room => {
                        deadline = deadline.min(floor.now() + Duration::from_secs(1));
                    }
                    // The others may still come: what is missing is counted at the end.
                    News::Failed(_, fault) => floor.fault(fault),
                    _ => {}
                }
            }
        }
        rates
    }

    /// Who has the whole roster, and who not.
    fn add_up(&self, floor: &mut Floor, room: RoomId, tally: &mut Tally) {
        let intended = floor.phones.room(room).map(|room| room.intended);
        let mut whole = 0;
        for leg in floor.phones.legs() {
            if let (Some(at), Some(intended)) = (leg.whole_at, intended) {
                tally.answered(intended, at);
                whole += 1;
            }
        }
        (whole..self.members).for_each(|_| tally.failed(Fault::Other("no whole roster")));
        for (fault, count) in std::mem::take(&mut floor.phones.faults) {
            (0..count).for_each(|_| tally.failed(fault));
        }
    }

    fn figures(&self, floor: &Floor, rates: &[Rate], span: Duration, report: &mut Report) {
        let members = f64::from(self.members);
        let notices: u64 = floor.phones.legs().iter().map(|leg| leg.notices).sum();
        let octets: u64 = floor
            .phones
            .legs()
            .iter()
            .map(|leg| leg.notice_octets)
            .sum();
        let peak = rates.iter().map(|rate| rate.peak).max().unwrap_or_default();
        let mean = count(octets) / members / span.as_secs_f64().max(1.0);
        report.figure("members", "members", members);
        report.figure(
            "notices_per_member",
            "NOTIFYs each",
            count(notices) / members,
        );
        report.figure(
            "notice_bytes_per_member",
            "bytes of them each",
            count(octets) / members,
        );
        report.figure(
            "notice_bytes_per_second",
            "bytes each per second, mean",
            mean,
        );
        report.figure(
            "notice_bytes_per_second_peak",
            "the same, peak",
            count(peak),
        );
    }
}
