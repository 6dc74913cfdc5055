//! The end of a day: everything heals, everybody leaves, the last timer runs out.

use std::time::Duration;

use server::Leftovers;
use store::Disk;
use world::sim::Faults;

use super::Director;
use crate::watch::Breach;

/// Until then a BYE to nobody is given up (64*T1), and what was under way has come.
const QUIET: Duration = Duration::from_secs(45);

/// How often it is looked whether all is over.
const LOOK: Duration = Duration::from_secs(60);

/// When all is over at the latest: the longest registration, session and subscription take an
/// hour, and a connection to a host that is switched off a quarter of one.
const LATEST: Duration = Duration::from_secs(2 * 3600);

impl Director {
    pub(super) async fn evening(&mut self) {
        self.heal_everything().await;
        self.pause(Duration::from_secs(5)).await;
        self.everybody_leaves().await;
        self.pause(QUIET).await;
        self.last_timer().await;
        self.judge();
    }

    async fn heal_everything(&mut self) {
        self.note("evening: everything heals");
        self.change_weather(Faults::default());
        self.stage.disk(Disk::Well);
        if !self.stage.is_up() {
            self.restart().await;
        }
        for name in self.crowd.who(|person| person.is_cut) {
            self.heal(name);
        }
    }

    async fn everybody_leaves(&mut self) {
        self.note("everybody leaves");
        // Some hang up and switch off later, others switch off at once.
        let hang_up = self.percent(50);
        if hang_up {
            for (name, session, agent) in self.crowd.seats(|_| true) {
                self.calls
                    .start(format!("{name} leaves {session}"), async move {
                        agent.leave(session).await
                    });
            }
            self.pause(QUIET).await;
        }
        for name in self.crowd.who(|person| person.is_up()) {
            let Some(person) = self.crowd.get_mut(name) else {
                continue;
            };
            if let Some(agent) = person.agent.take() {
                self.calls.start(format!("{name} stops"), async move {
                    agent.stop().await;
                    Ok(())
                });
            }
        }
    }

    async fn last_timer(&mut self) {
        let begun = self.universe.age();
        loop {
            let leftovers = self.stage.leftovers().await;
            let (open, burden) = (self.calls.open(), self.stage.burden());
            if leftovers == Leftovers::default() && open.is_empty() && burden == self.burden {
                return;
            }
            if self.universe.age().saturating_sub(begun) >= LATEST {
                return self.too_late(leftovers, &open, burden);
            }
            self.pause(LOOK).await;
        }
    }

    fn too_late(&mut self, leftovers: Leftovers, open: &[String], burden: Option<(usize, usize)>) {
        let at = self.universe.age();
        if leftovers != Leftovers::default() {
            let what = format!("{leftovers:?}");
            self.breaches.push(Breach::leftovers(at, what));
        }
        if let (Some((tasks, sockets)), Some((few, least))) = (burden, self.burden)
            && (tasks, sockets) != (few, least)
        {
            let what = format!("{tasks} tasks and {sockets} sockets, of {few} and {least}");
            self.breaches.push(Breach::leftovers(at, what));
        }
        for call in open {
            self.breach("an agent", format!("never ended: {call}"));
        }
    }

    fn judge(&mut self) {
        let panicked = self.stage.panicked();
        if panicked > 0 {
            self.breach(
                "the server or a client",
                format!("{panicked} tasks panicked"),
            );
        }
        let mut verdict = self.stage.verdict();
        self.breaches.append(&mut verdict);
        self.breaches.sort_by_key(|breach| breach.at);
    }
}
