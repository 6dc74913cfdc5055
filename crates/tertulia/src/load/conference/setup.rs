//! Conferences set up per second.
//!
//! One operation: somebody invites others by list, all are played here and take the call. It is
//! done when all of them are connected by MSRP, subscribed, and told that all are there. The
//! conferences stand until the end, and are taken down outside of what is measured.

use std::time::Duration;

use clap::Args;

use super::super::arguments::Common;
use super::super::course::Course;
use super::super::report::Report;
use super::super::tally::Fault;
use super::super::target::Ground;
use super::Place;
use super::floor::Floor;
use super::phones::{News, RoomId, Wants};
use super::roster::Seats;
use crate::complaint::Complaint;

/// Set-ups per second unless asked otherwise.
const RATE: f64 = 20.0;

/// The whole roster may take so long after the last has come.
const GRACE_MIN: Duration = Duration::from_secs(10);

/// An operation is one conference set up, with all who are in it.
#[derive(Args)]
pub(in super::super) struct Setup {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many are invited to each conference.
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=5000))]
    invitees: u32,
    /// Sessions alone: nobody connects by MSRP or subscribes.
    #[arg(long)]
    bare: bool,
}

impl Setup {
    pub(super) fn common(&self) -> Common {
        let mut common = self.common.clone();
        common.users = common.users.max(self.invitees + 1);
        // A server may hold back news for some seconds, so that they come together.
        common.grace = common.grace.max(GRACE_MIN);
        common
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let wants = Wants {
            media: !self.bare,
            roster: !self.bare,
        };
        let common = &ground.common;
        let mut floor = Floor::open(ground, &self.place, wants, None, 0).await?;
        floor.register(common.users, common.grace).await?;
        let window = u64::from(common.pipelined);
        let course = Course::start(ground, common.rate_or(RATE), window)?;
        let mut rooms = Vec::new();
        loop {
            let now = floor.now();
            while let Some(due) = course.due(now) {
                let seats = self.seats(due.index, common.users);
                rooms.push(floor.phones.call(seats, due.intended, now));
            }
            floor.settle();
            if course.is_over(now) {
                break;
            }
            tokio::select! {
                biased;
                () = course.wait() => {}
                () = floor.step(now + common.grace) => {}
            }
            tell(&mut floor, &course);
        }
        for (fault, count) in std::mem::take(&mut floor.phones.faults) {
            (0..count).for_each(|_| course.wrong(fault));
        }
        let mut report = course.finish(ground, "setup");
        early(&mut report, &floor);
        floor.close(&rooms, common.grace).await;
        Ok(report)
    }

    /// Who is in the `index`-th conference: the next in line, around and around.
    fn seats(&self, index: u64, users: u32) -> Seats {
        let size = self.invitees + 1;
        let first = index.wrapping_mul(u64::from(size)) % u64::from(users.max(1));
        Seats {
            first: u32::try_from(first).unwrap_or_default(),
            size,
            all: users,
        }
    }
}

/// Tells the course what became of the conferences.
fn tell(floor: &mut Floor, course: &Course) {
    let now = floor.now();
    let intended = |floor: &Floor, room: RoomId| floor.phones.room(room).map(|room| room.intended);
    for news in std::mem::take(&mut floor.news) {
        let (room, fault): (RoomId, Option<Fault>) = match news {
            News::Ready(room) => (room, None),
            News::Failed(room, fault) => (room, Some(fault)),
            _ => continue,
        };
        match (intended(floor, room), fault) {
            (Some(intended), None) => course.answered(intended, now),
            (Some(intended), Some(fault)) => course.failed(intended, fault),
            (None, _) => {}
        }
    }
}

/// Members whom the server did not know yet when they subscribed.
pub(super) fn early(report: &mut Report, floor: &Floor) {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let strangers = floor.phones.strangers as f64;
    report.figure(
        "subscribed_too_early",
        "SUBSCRIBEs refused at first",
        strangers,
    );
}
