//! What befalls the people on a stage, and passes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use store::Disk;
use world::sim::{Faults, Universe};

use super::{Host, Place, SERVER, Stage};

/// What goes wrong at the moment, and is remembered for those who judge the day.
#[derive(Default)]
pub(super) struct Misfortune {
    /// Since when the disk of the server does badly.
    disk: Option<Instant>,
    /// The longest time for which it did.
    longest: Duration,
}

/// What a server that has crashed on a machine needs until its ports are free again.
const PORTS_FREE: Duration = Duration::from_secs(10);

/// The network of a bad day: one datagram in ten is lost, one in twenty comes twice, none in
/// order, and bytes of connections come in any pieces.
pub(crate) fn bad_weather() -> Faults {
    Faults {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(80),
        loss_per_mille: 100,
        duplicate_per_mille: 50,
        split: true,
        ..Faults::default()
    }
}

/// What only happens on a simulated network.
const SIMULATED: &str = "this happens on a simulated network alone";

impl Stage {
    /// The server ends without a word, as when it is killed. Its store stays.
    pub fn crash(&mut self) {
        if let Place::Simulated(universe) = &self.place {
            universe.crash(SERVER);
        }
        for watch in &self.watches {
            watch.fate(SERVER);
        }
        drop(self.server.take());
    }

    /// The server starts on its store. One that runs ends before, in good order.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub async fn restart(&mut self) -> Result<(), String> {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
            self.crash();
        }
        let clock = self.clock();
        let deadline = clock.now() + PORTS_FREE;
        let mut started = self.start_server().await;
        while started.is_err() && self.universe().is_err() && clock.now() < deadline {
            self.wait(20).await;
            started = self.start_server().await;
        }
        started?;
        for watch in &self.watches {
            watch.back(SERVER);
        }
        Ok(())
    }

    /// Whether the server runs.
    pub const fn is_up(&self) -> bool {
        self.server.is_some()
    }

    /// Somebody's host is switched off, and nobody is told: peers wait for what never comes.
    /// [`Self::agent`] switches it on again.
    ///
    /// # Errors
    ///
    /// On a real network; and for somebody who was never online.
    pub fn vanish(&mut self, name: &str) -> Result<(), String> {
        let ip = self.host(name)?.ip;
        self.universe()?.vanish(ip);
        if let Some(host) = self.hosts.get_mut(name) {
            host.world = None;
        }
        self.fate(ip);
        Ok(())
    }

    /// Nothing gets through between somebody and the server.
    ///
    /// # Errors
    ///
    /// As for [`Self::vanish`].
    pub fn cut(&self, name: &str) -> Result<(), String> {
        let ip = self.host(name)?.ip;
        self.universe()?.partition(ip, SERVER);
        self.fate(ip);
        Ok(())
    }

    /// The way between somebody and the server is free again.
    ///
    /// # Errors
    ///
    /// As for [`Self::vanish`].
    pub fn heal(&self, name: &str) -> Result<(), String> {
        let host = self.host(name)?;
        self.universe()?.heal(host.ip, SERVER);
        if host.world.is_some() {
            for watch in &self.watches {
                watch.back(host.ip);
            }
        }
        Ok(())
    }

    /// All connections between somebody and the server are reset. Says how many those were.
    ///
    /// # Errors
    ///
    /// As for [`Self::vanish`].
    pub fn reset(&self, name: &str) -> Result<usize, String> {
        let ip = self.host(name)?.ip;
        Ok(self.universe()?.reset(ip, SERVER))
    }

    /// The disk of the server does well, or badly.
    pub fn disk(&mut self, disk: Disk) {
        self.disk.set_disk(disk);
        let now = self.clock().now();
        let since = match disk {
            Disk::Well => self.misfortune.disk.take(),
            _ => Some(*self.misfortune.disk.get_or_insert(now)),
        };
        // What it holds up may be late by as much.
        let ill = since.map_or(Duration::ZERO, |since| now - since);
        self.misfortune.longest = self.misfortune.longest.max(ill);
        for watch in &self.watches {
            watch.patience(self.misfortune.longest);
        }
    }

    /// Whether the disk of the server does badly.
    pub const fn is_ill(&self) -> bool {
        self.misfortune.disk.is_some()
    }

    /// How the network behaves from now on.
    ///
    /// # Errors
    ///
    /// On a real network.
    pub fn weather(&self, faults: Faults) -> Result<(), String> {
        self.universe()?.set_faults(faults);
        Ok(())
    }

    pub(super) fn universe(&self) -> Result<&Universe, String> {
        match &self.place {
            Place::Simulated(universe) => Ok(universe),
            Place::Real => Err(SIMULATED.to_owned()),
        }
    }

    fn host(&self, name: &str) -> Result<&Host, String> {
        self.hosts.get(name).ok_or_else(|| NOT_ONLINE.to_owned())
    }

    fn fate(&self, ip: IpAddr) {
        for watch in &self.watches {
            watch.fate(ip);
        }
    }
}

const NOT_ONLINE: &str = "they never were online";
