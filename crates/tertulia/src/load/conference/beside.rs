//! The baseline seen from the load: a process of its own, and members who are connected to it.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::pin;
use super::super::target::Ground;
use super::hall::Hall;
use super::link::{Event, Link, Member};
use super::phones::LegId;
use super::stamp::LENGTH;
use super::voice::Voice;
use crate::complaint::Complaint;

/// The baseline. Dropping it ends it.
pub(super) struct Beside {
    child: Child,
    ground: Ground,
    sizes: (usize, usize),
    members: usize,
}

/// How long all members may take to connect.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message and its answer when no run has told their sizes.
const SIZES: (usize, usize) = (560, 150);

impl Beside {
    /// Starts it for messages and answers of these sizes.
    pub(super) fn start(
        ground: &Ground,
        members: usize,
        (frame, answer): (usize, usize),
    ) -> Result<Self, Complaint> {
        let unable = |why: String| Complaint::unable(format!("no baseline: {why}"), "");
        let sizes = match frame {
            0 => SIZES,
            _ => (frame.max(LENGTH + 1), answer.max(1)),
        };
        let program = env::current_exe().map_err(|error| unable(error.to_string()))?;
        let mut command = match ground.common.pin {
            true => pin::server(&program),
            false => Command::new(&program),
        };
        let mut child = command
            .args(["load", "baseline"])
            .arg(format!("--frame={}", sizes.0))
            .arg(format!("--answer={}", sizes.1))
            // It ends when we do.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| unable(error.to_string()))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            // It says where it listens, or ends.
            let _read = BufReader::new(out).read_line(&mut line);
        }
        let Ok(at) = line.trim().parse::<SocketAddr>() else {
            let _ended = child.kill().and_then(|()| child.wait());
            return Err(unable("it did not start".to_owned()));
        };
        let ground = ground.beside(at, child.id());
        Ok(Self {
            child,
            ground,
            sizes,
            members,
        })
    }

    /// What stands there: the measure is taken of its process.
    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Connects all members.
    pub(super) async fn connect(
        &self,
        hall: &Arc<Hall>,
    ) -> Result<Vec<Option<Arc<Link>>>, Complaint> {
        let world = &self.ground.world;
        let (tell, mut events) = mpsc::unbounded_channel();
        for seat in 0..self.members {
            let member = Member {
                leg: LegId(seat),
                seat,
                from: self.ground.source(seat),
                to: self.ground.target,
                hall: Some(Arc::clone(hall)),
            };
            let voice = Voice::Plain {
                member: seat,
                frame: self.sizes.0,
                answer: self.sizes.1,
            };
            let running = member.run(world.clone(), voice, tell.clone());
            world.tasks.spawn("member", running);
        }
        let mut links = vec![None; self.members];
        let deadline = world.clock.now() + PATIENCE;
        for _ in 0..self.members {
            let event = world.clock.timeout_at(deadline, events.recv()).await;
            let Ok(Some(Event::Up(LegId(seat), link))) = event else {
                return Err(Complaint::unable("the baseline takes no connections", ""));
            };
            if let Some(place) = links.get_mut(seat) {
                *place = Some(link);
            }
        }
        Ok(links)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
