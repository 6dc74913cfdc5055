//! What is said in a room, to all who are in it.
//!
//! One operation of the report is a delivery: one message that has reached one member, from the
//! moment at which it should have been sent. With `--load 0.5` the saturation is looked for first
//! and half of it is measured then; with `--baseline` a relay that does nothing but write is driven
//! the same way right after, and the report says how the two compare.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::super::arguments::Common;
use super::super::report::Report;
use super::super::target::Ground;
use super::Place;
use super::beside::Beside;
use super::floor::Floor;
use super::hall::{Hall, SENDERS_MAX};
use super::meeting::{self, Meeting};
use super::phones::{News, RoomId, Wants};
use super::roster::Seats;
use crate::complaint::Complaint;

/// An operation is one message that has reached one member.
#[derive(Args)]
pub(in super::super) struct Fanout {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many are in the room.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=5000))]
    members: u32,
    /// How many of them speak, in turn.
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=i64::from(SENDERS_MAX)))]
    senders: u16,
    /// Messages per second, of all senders together; --rate is the same.
    #[arg(long, value_name = "R")]
    messages_per_second: Option<f64>,
    /// The length of the text of a message, in octets; a stamp of 32 stands in it.
    #[arg(long, value_name = "B", default_value_t = 200, value_parser = clap::value_parser!(u32).range(32..=1_000_000))]
    bytes: u32,
    /// Looks for the saturation first and then measures at that share of it.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    load: Option<f64>,
    /// Measures a relay that does no protocol work the same way, to compare.
    #[arg(long)]
    baseline: bool,
    /// Nobody subscribes to who is in the room.
    #[arg(long)]
    bare: bool,
}

/// Messages per second unless asked otherwise.
const RATE: f64 = 100.0;

/// How long the room may take to fill.
const FILLING: Duration = Duration::from_secs(60);

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
        _ => Err("it has to be from 0.01 to 1".to_owned()),
    }
}

/// What was measured on one ground.
struct Measured {
    saturation: Option<meeting::Result>,
    run: meeting::Result,
}

impl Fanout {
    pub(super) fn common(&self) -> Common {
        let mut common = self.common.clone();
        common.users = common.users.max(self.members);
        if self.messages_per_second.is_some() {
            common.rate = self.messages_per_second;
        }
        // A server of ours that is not told otherwise takes the room that was asked for.
        if common.target.is_none() {
            let most = format!("focus.max_adhoc_group_size={}", self.members);
            let credit = format!("focus.fan_out_credit={}", self.members);
            common.assignments.splice(0..0, [most, credit]);
        }
        common
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let members = usize::try_from(self.members).unwrap_or_default();
        let senders = self
            .senders
            .min(u16::try_from(self.members).unwrap_or(u16::MAX));
        let hall = Arc::new(Hall::new(members, senders, ground.now()));
        let wants = Wants {
            media: true,
            roster: !self.bare,
        };
        let octets = usize::try_from(self.bytes).unwrap_or_default();
        let mut floor =
            Floor::open(ground, &self.place, wants, Some(Arc::clone(&hall)), octets).await?;
        floor.register(self.members, ground.common.grace).await?;
        let room = self.fill(ground, &mut floor).await?;
        let meeting = Meeting {
            ground,
            hall: Arc::clone(&hall),
            links: floor.links(room),
        };
        let now = ground.now();
        let rest = Duration::from_secs(3600);
        let measured = self
            .measure(&meeting, None, async || floor.step(now + rest).await)
            .await?;
        let Measured {
            saturation,
            mut run,
        } = measured;
        for (fault, count) in std::mem::take(&mut floor.phones.faults) {
            (0..count).for_each(|_| run.report.tally.failed(fault));
        }
        self.show(&saturation, &mut run);
        drop(meeting);
        floor.close(&[room], ground.common.grace).await;
        if self.baseline {
            // What the baseline carries is what the server has carried, octet for octet.
            self.compare(ground, hall.sizes(), &mut run).await?;
        }
        Ok(run.report)
    }

    /// Sets the room up.
    async fn fill(&self, ground: &Ground, floor: &mut Floor) -> Result<RoomId, Complaint> {
        let seats = Seats {
            first: 0,
            size: self.members,
            all: ground.common.users,
        };
        let now = ground.now();
        let room = floor.phones.call(seats, now, now);
        let deadline = now + FILLING;
        floor.settle();
        loop {
            floor.step(deadline).await;
            for news in std::mem::take(&mut floor.news) {
                let why = match news {
                    News::Ready(_) => return Ok(room),
                    News::Failed(_, fault) => fault.to_string(),
                    _ if ground.now() < deadline => continue,
                    _ => "it took too long".to_owned(),
                };
                let what = format!("the room could not be set up: {why}");
                return Err(Complaint::wrong(what, "see what the server says"));
            }
            if ground.now() >= deadline {
                let what = "the room could not be set up: it took too long";
                return Err(Complaint::wrong(what, "see what the server says"));
            }
        }
    }

    /// Runs as the options say; `at` is a rate that is not to be exceeded.
    async fn measure<F: AsyncFnMut()>(
        &self,
        meeting: &Meeting<'_>,
        at: Option<f64>,
        mut between: F,
    ) -> Result<Measured, Complaint> {
        let common = &meeting.ground.common;
        let window = u64::from(common.pipelined) * u64::from(self.senders);
        let Some(share) = self.load else {
            let run = meeting.run(common.rate_or(RATE), window, between).await?;
            return Ok(Measured {
                saturation: None,
                run,
            });
        };
        let saturation = meeting.run(None, window, &mut between).await?;
        let others = f64::from(self.members.saturating_sub(1).max(1));
        let found = (saturation.per_second / others * share).max(1.0);
        let rate = at.map_or(found, |at| at.min(found));
        let run = meeting.run(Some(rate), window, between).await?;
        Ok(Measured {
            saturation: Some(saturation),
            run,
        })
    }

    fn show(&self, saturation: &Option<meeting::Result>, run: &mut meeting::Result) {
        let (messages, cpu) = (meeting::count(run.messages), run.cpu_us);
        run.report.figure("messages", "messages said", messages);
        run.report
            .figure("members", "members", f64::from(self.members));
        if let Some(cpu) = cpu {
            run.report
                .figure("cpu_us_per_delivery", "server CPU per delivery, us", cpu);
        }
        let Some(saturation) = saturation else { return };
        let report = &mut run.report;
        report.figure(
            "saturation_per_second",
            "saturation, deliveries/s",
            saturation.per_second,
        );
        if let Some(cpu) = saturation.cpu_us {
            report.figure(
                "saturation_cpu_us_per_delivery",
                "CPU per delivery there, us",
                cpu,
            );
        }
        let failures = meeting::count(saturation.report.tally.failures());
        report.figure("saturation_failed", "failed there", failures);
        for (fault, count) in &saturation.report.tally.faults {
            (0..*count).for_each(|_| report.tally.failed(*fault));
        }
    }

    /// Drives the baseline like the server.
    async fn compare(
        &self,
        ground: &Ground,
        sizes: (usize, usize),
        run: &mut meeting::Result,
    ) -> Result<(), Complaint> {
        let members = usize::try_from(self.members).unwrap_or_default();
        let beside = Beside::start(ground, members, sizes)?;
        let hall = Arc::new(Hall::new(members, self.senders, ground.now()));
        let links = beside.connect(&hall).await?;
        let meeting = Meeting {
            ground: beside.ground(),
            hall,
            links,
        };
        let rest = Duration::from_secs(3600);
        let idle = async || ground.world.clock.sleep(rest).await;
        let measured = self.measure(&meeting, self.rate_of(run), idle).await?;
        let base = measured.run;
        let report = &mut run.report;
        let p99 = base.report.tally.latency_ms(0.99);
        if let Some(saturation) = measured.saturation {
            let per_second = saturation.per_second;
            report.figure(
                "baseline_saturation_per_second",
                "baseline: saturation, deliveries/s",
                per_second,
            );
        }
        report.figure(
            "baseline_per_second",
            "baseline: deliveries/s",
            base.per_second,
        );
        report.figure(
            "baseline_failed",
            "baseline: failed",
            meeting::count(base.report.tally.failures()),
        );
        report.figure(
            "baseline_p50_ms",
            "baseline: p50, ms",
            base.report.tally.latency_ms(0.5),
        );
        report.figure("baseline_p99_ms", "baseline: p99, ms", p99);
        if let Some(cpu) = base.cpu_us {
            report.figure(
                "baseline_cpu_us_per_delivery",
                "baseline: CPU per delivery, us",
                cpu,
            );
            if let Some(ours) = run.cpu_us.filter(|_| cpu > 0.0) {
                report.figure("cpu_ratio", "CPU, server to baseline", ours / cpu);
            }
        }
        if p99 > 0.0 {
            let ratio = report.tally.latency_ms(0.99) / p99;
            report.figure("p99_ratio", "p99, server to baseline", ratio);
        }
        Ok(())
    }

    /// Messages per second of a run: the baseline gets no more than the server has.
    fn rate_of(&self, run: &meeting::Result) -> Option<f64> {
        let others = f64::from(self.members.saturating_sub(1).max(1));
        self.load.map(|_| run.per_second / others)
    }
}
