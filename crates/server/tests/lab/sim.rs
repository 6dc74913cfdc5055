//! A lab in a simulated universe, where an hour takes no time: for what happens only after long.
//!
//! The same phones and the same blocking code as on sockets: while a phone waits, the server
//! works, and when there is nothing to do the clock jumps to what is due next.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use server::{Policy, Server, Setup};
use tokio::runtime::Runtime;
use world::sim::Universe;
use world::{Batch, Datagrams, World};

use super::Phone;

/// A server in a universe of its own.
pub struct SimLab {
    // Dropped before the runtime they live in.
    server: Option<Server>,
    universe: Option<Universe>,
    runtime: Rc<Runtime>,
    at: SocketAddr,
    phones: Cell<u8>,
}

/// The end of a phone in the universe.
pub struct SimSocket {
    datagrams: Datagrams,
    read: VecDeque<Bytes>,
    runtime: Rc<Runtime>,
    // Its host, which is switched off with it.
    _world: World,
}

/// How long a phone waits for what must come: longer than any timer.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

impl SimLab {
    /// A server with other rules.
    pub fn with(change: impl FnOnce(&mut Setup, &mut Policy)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let host = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let at = SocketAddr::new(host, 5060);
        let mut setup = Setup {
            sip_udp: Some(at),
            sip_tcp: Some(at),
            msrp_tcp: SocketAddr::new(host, 2855),
            http: Some(SocketAddr::new(host, 8080)),
            cir_tcp: Some(SocketAddr::new(host, 3717)),
            cir_udp: Some(SocketAddr::new(host, 3717)),
            shards: 2,
            ..Setup::default()
        };
        let mut policy = Policy::default();
        change(&mut setup, &mut policy);
        let (universe, server) = runtime.block_on(async {
            let universe = Universe::new(1);
            let server = Server::start(universe.host(host), super::store(), setup, policy).await;
            (universe, server.unwrap())
        });
        Self {
            server: Some(server),
            universe: Some(universe),
            runtime: Rc::new(runtime),
            at,
            phones: Cell::new(0),
        }
    }

    /// A phone on UDP on a host of its own, registered.
    pub fn phone(&self, user: &str) -> Phone {
        self.phones.set(self.phones.get() + 1);
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, self.phones.get()));
        let local = SocketAddr::new(ip, 5060);
        let _inside = self.runtime.enter();
        let world = self.universe.as_ref().unwrap().host(ip);
        let socket = SimSocket {
            datagrams: world.net.bind_udp(local).unwrap(),
            read: VecDeque::new(),
            runtime: Rc::clone(&self.runtime),
            _world: world,
        };
        let mut phone = Phone::sim(socket, user, self.at, local);
        phone.register();
        phone
    }

    /// What time it is there.
    pub fn now(&self) -> Instant {
        let clock = self.universe.as_ref().unwrap().clock();
        self.runtime.block_on(async { clock.now() })
    }

    /// Lets time pass, in which everybody but the phones acts.
    pub fn pass(&self, time: Duration) {
        let clock = self.universe.as_ref().unwrap().clock();
        self.runtime.block_on(clock.sleep(time));
    }

    /// Nothing is held on behalf of anybody, now or soon.
    pub fn settled(&self) {
        self.pass(Duration::from_secs(60));
        let left = self
            .runtime
            .block_on(self.server.as_ref().unwrap().leftovers());
        assert_eq!(left, server::Leftovers::default());
    }
}

impl Drop for SimLab {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.server = None;
        self.universe = None;
    }
}

impl SimSocket {
    pub fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.runtime
            .block_on(self.datagrams.send(to, bytes))
            .unwrap();
    }

    /// The next datagram, unless none comes for very long.
    pub fn read(&mut self) -> Option<Bytes> {
        if self.read.is_empty() {
            let mut batch = Batch::new();
            let received =
                async { tokio::time::timeout(PATIENCE, self.datagrams.recv(&mut batch)).await };
            self.runtime.block_on(received).ok()?.unwrap();
            self.read
                .extend(batch.drain().map(|datagram| datagram.bytes));
        }
        self.read.pop_front()
    }
}
