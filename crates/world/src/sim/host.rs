//! A host: its address, its ports, what runs on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
};

use super::{
    SimDatagrams, SimListener, SimStream,
    state::{Shared, State},
};
use crate::Tasks;

/// Ports given to those who ask for any, in turn: the range Linux starts from.
const EPHEMERAL: RangeInclusive<u16> = 32_768..=65_535;

/// A host in a simulated network: makes its sockets.
///
/// It has one address; binding to the unspecified one means that one. There is no loopback.
/// After a crash of the host it makes no more.
#[derive(Clone)]
pub struct Machine {
    pub(super) shared: Arc<Shared>,
    pub(super) ip: IpAddr,
    /// Which life of the host this belongs to.
    pub(super) life: u64,
}

/// What the universe knows of a host.
#[derive(Default)]
pub(super) struct Host {
    up: bool,
    life: u64,
    worlds: u64,
    tasks: Vec<Tasks>,
    pub(super) udp: Ports,
    pub(super) tcp: Ports,
}

/// Ports in use: whose they are, and where the search for a free one goes on.
#[derive(Default)]
pub(super) struct Ports {
    /// Sockets that peers may reach.
    pub(super) bound: BTreeMap<u16, u64>,
    /// Ports of connections that were made from here.
    pub(super) lent: BTreeSet<u16>,
    next: u16,
}

impl Machine {
    pub(crate) fn bind_udp(&self, at: SocketAddr) -> io::Result<SimDatagrams> {
        SimDatagrams::bind(self, at)
    }

    pub(crate) fn listen(&self, at: SocketAddr) -> io::Result<SimListener> {
        SimListener::bind(self, at)
    }

    pub(crate) async fn connect(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
    ) -> io::Result<SimStream> {
        SimStream::connect(self, from, to).await
    }

    /// The host this machine stands for, if that life still lasts.
    pub(super) fn host<'s>(&self, state: &'s mut State) -> io::Result<&'s mut Host> {
        match state.hosts.get_mut(&self.ip) {
            Some(host) if host.up && host.life == self.life => Ok(host),
            _ => Err(crashed()),
        }
    }

    /// The address to bind for one that was asked for.
    pub(super) fn own(&self, asked: IpAddr) -> io::Result<IpAddr> {
        let same_family = asked.is_ipv4() == self.ip.is_ipv4();
        if asked == self.ip || asked.is_unspecified() && same_family {
            return Ok(self.ip);
        }
        Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("{asked} is not an address of the host {}", self.ip),
        ))
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({}, life {})", self.ip, self.life)
    }
}

impl Host {
    /// A further world on this host: switches it on if it is off. Says which life it is in, and
    /// how many worlds it has had so far, this one included.
    pub(super) fn start(&mut self, tasks: Tasks) -> (u64, u64) {
        self.up = true;
        self.worlds += 1;
        self.tasks.retain(|tasks| !tasks.is_closed());
        self.tasks.push(tasks);
        (self.life, self.worlds)
    }

    /// Ends this life. Ports are free again; the tasks are returned, to be aborted.
    pub(super) fn end(&mut self, stays_up: bool) -> Vec<Tasks> {
        self.up = stays_up;
        self.life += 1;
        self.udp.bound.clear();
        self.tcp.bound.clear();
        self.tcp.lent.clear();
        std::mem::take(&mut self.tasks)
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }
}

impl Ports {
    /// The port asked for, or any free one for 0.
    pub(super) fn pick(&mut self, asked: u16) -> io::Result<u16> {
        if asked != 0 {
            if self.bound.contains_key(&asked) {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    format!("port {asked} is in use"),
                ));
            }
            return Ok(asked);
        }
        for _ in EPHEMERAL {
            let port = self.next.max(*EPHEMERAL.start());
            self.next = port.checked_add(1).unwrap_or(*EPHEMERAL.start());
            if !self.bound.contains_key(&port) && !self.lent.contains(&port) {
                return Ok(port);
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free"))
    }

    /// Frees a port, unless it is somebody else's by now.
    pub(super) fn free(&mut self, port: u16, id: u64) {
        if self.bound.get(&port) == Some(&id) {
            self.bound.remove(&port);
        }
    }
}

/// What a socket of a host that has crashed says.
pub(super) fn crashed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the simulated host has crashed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_come_in_turn_and_run_out() {
        let mut ports = Ports::default();
        assert_eq!(ports.pick(5060).unwrap(), 5060);
        for want in EPHEMERAL {
            let port = ports.pick(0).unwrap();
            assert_eq!(port, want);
            ports.lent.insert(port);
        }
        assert_eq!(ports.pick(0).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        ports.lent.remove(&40_000);
        assert_eq!(ports.pick(0).unwrap(), 40_000);
    }

    #[test]
    fn a_port_is_not_freed_for_its_former_owner() {
        let mut ports = Ports::default();
        ports.bound.insert(5060, 2);
        ports.free(5060, 1);
        assert_eq!(
            ports.pick(5060).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        ports.free(5060, 2);
        assert!(ports.pick(5060).is_ok());
    }
}
