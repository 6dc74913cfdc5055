//! A whole network and its hosts.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify};

use super::{
    connection::Side,
    faults::Faults,
    host::Machine,
    state::{Shared, State},
    trace::{Delivery, Keep},
};
use crate::{Clock, Dns, Net, Rng, Table, Tasks, World};

/// A simulated network with all its hosts. A clone is the same universe.
///
/// Faults may be changed at any moment. What is under way already keeps the latency it started
/// with, but is stopped by a partition that comes before it arrives.
#[derive(Clone)]
pub struct Universe {
    seed: u64,
    shared: Arc<Shared>,
    names: Table,
}

impl Universe {
    /// An empty universe in which everything by chance follows from `seed`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let shared = Arc::new(Shared::new(seed, Clock::Os.now()));
        let kick = Arc::clone(&shared.kick);
        Handle::current().spawn(pump(Arc::downgrade(&shared), kick));
        Self {
            seed,
            shared,
            names: Table::default(),
        }
    }

    /// A world on the host `ip`, which is switched on if it is off.
    ///
    /// Each call makes a further world on that host, like a further process: with tasks and
    /// chance of its own, sharing the ports.
    #[must_use]
    pub fn host(&self, ip: IpAddr) -> World {
        let tasks = Tasks::sim();
        let (life, number) = self.shared.with(|state| {
            let started = state.hosts.entry(ip).or_default().start(tasks.clone());
            state.release_all();
            started
        });
        let machine = Machine {
            shared: Arc::clone(&self.shared),
            ip,
            life,
        };
        World {
            net: Net::Sim(machine),
            clock: self.clock(),
            rng: Rng::from_seed(self.seed, stream_of(ip, number)),
            dns: Dns::Table(self.names.clone()),
            tasks,
        }
    }

    /// The clock of all hosts.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The names all hosts look up.
    #[must_use]
    pub fn names(&self) -> &Table {
        &self.names
    }

    /// Sets how the network behaves where [`Self::set_link`] says nothing else.
    pub fn set_faults(&self, faults: Faults) {
        self.change(|state| state.links.all = faults);
    }

    /// Sets how the way from one host to another behaves, in this direction. `None`: as all
    /// others.
    pub fn set_link(&self, from: IpAddr, to: IpAddr, faults: Option<Faults>) {
        self.change(|state| match faults {
            Some(faults) => drop(state.links.each.insert((from, to), faults)),
            None => drop(state.links.each.remove(&(from, to))),
        });
    }

    /// Lets nothing through from one host to another, in this direction. Datagrams are lost;
    /// bytes of connections wait, until the way is free or their sender gives up.
    pub fn block(&self, from: IpAddr, to: IpAddr) {
        self.change(|state| state.links.blocked.extend([(from, to)]));
    }

    /// Blocks both directions.
    pub fn partition(&self, one: IpAddr, other: IpAddr) {
        self.block(one, other);
        self.block(other, one);
    }

    /// Frees the ways between two hosts in both directions.
    pub fn heal(&self, one: IpAddr, other: IpAddr) {
        self.change(|state| {
            state.links.blocked.remove(&(one, other));
            state.links.blocked.remove(&(other, one));
            state.release_all();
        });
    }

    /// Frees all ways and plugs all hosts in.
    pub fn heal_all(&self) {
        self.change(|state| {
            state.links.blocked.clear();
            state.links.unplugged.clear();
            state.release_all();
        });
    }

    /// Pulls the network cable of a host. It goes on running and keeps its sockets.
    pub fn unplug(&self, ip: IpAddr) {
        self.change(|state| state.links.unplugged.extend([ip]));
    }

    /// Puts the cable back.
    pub fn plug(&self, ip: IpAddr) {
        self.change(|state| {
            state.links.unplugged.remove(&ip);
            state.release_all();
        });
    }

    /// Resets all connections between two hosts, for both sides. Says how many those were.
    pub fn reset(&self, one: IpAddr, other: IpAddr) -> usize {
        self.shared.with(|state| {
            let ids: Vec<u64> = state
                .connections
                .iter()
                .filter(|(_, connection)| {
                    let (a, b) = connection.addresses(Side::Client);
                    (a.ip(), b.ip()) == (one, other) || (a.ip(), b.ip()) == (other, one)
                })
                .map(|(id, _)| *id)
                .collect();
            for id in &ids {
                state.reset_both(*id);
            }
            ids.len()
        })
    }

    /// Kills everything that runs on a host: its tasks are aborted, its sockets are gone at once
    /// and its ports free. The host itself stays up, so peers of its connections get a reset, and
    /// those who connect are refused. [`Self::host`] starts it anew.
    pub fn crash(&self, ip: IpAddr) {
        self.end(ip, true);
    }

    /// Switches a host off: as [`Self::crash`], but nobody is told. Peers write until the window
    /// is full and hear nothing, until they give up, or until the host is back and resets what
    /// it does not know.
    pub fn vanish(&self, ip: IpAddr) {
        self.end(ip, false);
    }

    fn end(&self, ip: IpAddr, stays_up: bool) {
        let tasks = self.shared.with(|state| state.end_host(ip, stays_up));
        for tasks in tasks {
            tasks.abort_all();
        }
    }

    /// How many sockets the programs on a host hold: datagram sockets, listeners and ends of
    /// connections. For those who look for leaks.
    #[must_use]
    pub fn sockets(&self, ip: IpAddr) -> usize {
        self.shared.with(|state| state.sockets_of(ip))
    }

    /// Says how much of the trace to keep. From now on: what is gone is gone.
    pub fn keep(&self, keep: Keep) {
        self.shared.with(|state| state.trace.keep(keep));
    }

    /// A digest of all deliveries so far. Two runs that differ in one byte or one nanosecond
    /// differ here, for all practical purposes.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.shared.with(|state| state.trace.digest())
    }

    /// The deliveries that were kept, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared
            .with(|state| state.trace.kept().cloned().collect())
    }

    /// The deliveries that were kept, a line each.
    #[must_use]
    pub fn trace(&self) -> String {
        self.deliveries()
            .iter()
            .fold(String::new(), |mut text, delivery| {
                // Writing to a string cannot fail.
                let _written = writeln!(text, "{delivery}");
                text
            })
    }

    /// How long this universe has existed: the scale of [`Delivery::at`].
    #[must_use]
    pub fn age(&self) -> Duration {
        self.shared.with(|state| state.age())
    }

    /// Has every delivery from now on shown to `observer`, right after it. The observer may use
    /// the universe, but must not add another observer.
    pub fn observe(&self, observer: impl FnMut(&Delivery) + Send + 'static) {
        let mut observers = self
            .shared
            .observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        observers.push(Box::new(observer));
        drop(observers);
        self.shared.with(|state| state.trace.observe());
    }

    /// Changes how things are, which may give writers room that had none.
    fn change(&self, act: impl FnOnce(&mut State)) {
        self.shared.with(|state| {
            act(state);
            state.wake_writers();
        });
    }
}

impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Universe")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Delivers each event when its time comes. Ends with the last universe, host and socket.
async fn pump(shared: Weak<Shared>, kick: Arc<Notify>) {
    loop {
        let Some((clock, next)) = shared.upgrade().map(|s| (s.clock, s.deliver_due())) else {
            return;
        };
        match next {
            None => kick.notified().await,
            Some(due) => tokio::select! {
                biased;
                () = kick.notified() => {}
                () = clock.sleep_until(due) => {}
            },
        }
    }
}

/// Each world of each host has chance of its own: a further host changes nothing for the others.
/// Stream 0 is the network's.
fn stream_of(ip: IpAddr, number: u64) -> u64 {
    let ip = match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let mut mixed = 0_u64;
    for part in [number, ip as u64, (ip >> 64) as u64] {
        mixed = (mixed ^ part)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31);
    }
    mixed.max(1)
}

impl State {
    /// Ends all that runs on a host, but for its tasks, which are returned.
    fn end_host(&mut self, ip: IpAddr, stays_up: bool) -> Vec<Tasks> {
        let Some(host) = self.hosts.get_mut(&ip) else {
            return Vec::new();
        };
        let tasks = host.end(stays_up);
        let mut woken = Vec::new();
        self.sockets.retain(|_, socket| {
            let stays = socket.local.ip() != ip;
            if !stays {
                woken.append(&mut socket.readers);
            }
            stays
        });
        self.listeners.retain(|_, queue| {
            let stays = queue.local.ip() != ip;
            if !stays {
                woken.append(&mut queue.acceptors);
            }
            stays
        });
        self.wake(&mut woken);
        self.drop_ends(ip, stays_up);
        tasks
    }

    fn sockets_of(&self, ip: IpAddr) -> usize {
        let sockets = self
            .sockets
            .values()
            .filter(|socket| socket.local.ip() == ip);
        let listeners = self
            .listeners
            .values()
            .filter(|queue| queue.local.ip() == ip);
        let ends = self
            .connections
            .values()
            .flat_map(|connection| [connection.end(Side::Client), connection.end(Side::Server)])
            .filter(|end| end.open && end.addr.ip() == ip);
        sockets.count() + listeners.count() + ends.count()
    }

    fn wake_writers(&mut self) {
        let mut woken = Vec::new();
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                woken.append(&mut connection.end_mut(side).writers);
            }
        }
        self.wake(&mut woken);
    }
}
