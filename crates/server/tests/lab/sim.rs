//! A lab in a simulated universe, where an hour takes no time: for what happens only after long.
//!
//! The same phones and the same blocking code as on sockets: while a phone waits, the server
//! works, and when there is nothing to do the clock jumps to what is due next.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use server::{Policy, Server, Setup};
use store::Store;
use tokio::runtime::Runtime;
use world::sim::{Faults, Universe};
use world::{Batch, Datagrams, Stream, Table, World};

use super::handset::Wire;
use super::{Handset, Phone};

/// A server in a universe of its own.
pub struct SimLab {
    // Dropped before the runtime they live in.
    server: Option<Server>,
    universe: Option<Rc<Universe>>,
    runtime: Rc<Runtime>,
    at: SocketAddr,
    phones: Rc<Cell<u8>>,
}

/// A connection in the universe, and the host that it comes from.
pub struct SimLine {
    stream: Option<Stream>,
    read: BytesMut,
    runtime: Rc<Runtime>,
    _world: Rc<World>,
}

/// The end of a phone in the universe.
pub struct SimSocket {
    datagrams: Datagrams,
    read: VecDeque<Bytes>,
    runtime: Rc<Runtime>,
    // Its host, which is switched off with it.
    _world: World,
}

/// The host of the first server.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// How long a phone waits for what must come: longer than any timer.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

impl SimLab {
    /// A server with other rules.
    pub fn with(change: impl FnOnce(&mut Setup, &mut Policy)) -> Self {
        Self::with_store(super::store(), change)
    }

    /// A server on a store that is there already.
    pub fn with_store(store: Store, change: impl FnOnce(&mut Setup, &mut Policy)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let universe = runtime.block_on(async { Universe::new(1) });
        let shared = (Rc::new(runtime), Rc::new(universe), Rc::default());
        Self::on(shared, HOST, store, change)
    }

    /// A server of another domain in the same universe.
    pub fn beside(
        &self,
        host: IpAddr,
        domain: &str,
        change: impl FnOnce(&mut Setup, &mut Policy),
    ) -> Self {
        let universe = Rc::clone(self.universe.as_ref().unwrap());
        let shared = (Rc::clone(&self.runtime), universe, Rc::clone(&self.phones));
        Self::on(
            shared,
            host,
            super::store_of_domain(domain),
            |setup, policy| {
                domain.clone_into(&mut setup.domain);
                change(setup, policy);
            },
        )
    }

    fn on(
        (runtime, universe, phones): (Rc<Runtime>, Rc<Universe>, Rc<Cell<u8>>),
        host: IpAddr,
        store: Store,
        change: impl FnOnce(&mut Setup, &mut Policy),
    ) -> Self {
        let at = SocketAddr::new(host, 5060);
        let mut setup = Setup {
            sip_udp: Some(at),
            sip_tcp: Some(at),
            msrp_tcp: SocketAddr::new(host, 2855),
            http: Some(SocketAddr::new(host, 8080)),
            cir_tcp: Some(SocketAddr::new(host, 3717)),
            cir_udp: Some(SocketAddr::new(host, 3717)),
            seal: Some(super::SEAL),
            shards: 2,
            ..Setup::default()
        };
        let mut policy = Policy::default();
        change(&mut setup, &mut policy);
        let started = async { Server::start(universe.host(host), store, setup, policy).await };
        let server = runtime.block_on(started).unwrap();
        Self {
            server: Some(server),
            universe: Some(universe),
            runtime,
            at,
            phones,
        }
    }

    /// What DNS says in its universe.
    pub fn names(&self) -> &Table {
        self.universe.as_ref().unwrap().names()
    }

    /// Cuts the way to another host, or heals it.
    pub fn part_from(&self, host: IpAddr, is_cut: bool) {
        let universe = self.universe.as_ref().unwrap();
        let _inside = self.runtime.enter();
        match is_cut {
            true => universe.partition(self.at.ip(), host),
            false => universe.heal(self.at.ip(), host),
        }
    }

    /// How the network behaves from the server to another host.
    pub fn set_link(&self, to: IpAddr, faults: Faults) {
        let _inside = self.runtime.enter();
        let universe = self.universe.as_ref().unwrap();
        universe.set_link(self.at.ip(), to, Some(faults));
    }

    /// A host for a test to do with as it likes, and the server as it is reached from there.
    pub(super) fn world(&self, ip: IpAddr) -> (World, Rc<Runtime>, SocketAddr) {
        let _inside = self.runtime.enter();
        let world = self.universe.as_ref().unwrap().host(ip);
        (world, Rc::clone(&self.runtime), self.at)
    }

    /// A phone on UDP on a host of its own, registered.
    pub fn phone(&self, user: &str) -> Phone {
        let mut phone = self.phone_off(user);
        phone.register();
        phone
    }

    /// The same, not registered. The first is at 10.0.1.1, the next at 10.0.1.2, each at port 5060.
    pub fn phone_off(&self, user: &str) -> Phone {
        self.phones.set(self.phones.get() + 1);
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, self.phones.get()));
        let local = SocketAddr::new(ip, 5060);
        let (world, runtime, server) = self.world(ip);
        let socket = SimSocket::bind(&runtime, world, local);
        Phone::sim(socket, user, server, local)
    }

    /// A handset on a host of its own that has agreed on everything.
    pub fn handset(&self, user: &str) -> Handset {
        let mut handset = self.handset_off(user);
        handset.log_in();
        handset.agree(imps::service::Functions::NONE);
        handset
    }

    /// A handset on a host of its own that has not logged in.
    pub fn handset_off(&self, user: &str) -> Handset {
        self.handset_on(user, self.host())
    }

    /// The same, and a port where it waits for datagrams.
    pub fn handset_and_port(&self, user: &str, port: u16) -> (Handset, SimSocket) {
        let host = self.host();
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, self.phones.get()));
        let _inside = self.runtime.enter();
        let socket = SimSocket {
            datagrams: host.net.bind_udp(SocketAddr::new(ip, port)).unwrap(),
            read: VecDeque::new(),
            runtime: Rc::clone(&self.runtime),
            _world: (*host).clone(),
        };
        (self.handset_on(user, host), socket)
    }

    fn handset_on(&self, user: &str, host: Rc<World>) -> Handset {
        let runtime = Rc::clone(&self.runtime);
        let at = SocketAddr::new(self.at.ip(), 8080);
        let dial = move || Box::new(SimLine::connect(&runtime, &host, at)) as Box<dyn Wire>;
        Handset::by(Box::new(dial), at, user)
    }

    /// A connection to a port of the server, from a host of its own.
    pub fn line(&self, port: u16) -> SimLine {
        let at = SocketAddr::new(self.at.ip(), port);
        SimLine::connect(&self.runtime, &self.host(), at)
    }

    fn host(&self) -> Rc<World> {
        self.phones.set(self.phones.get() + 1);
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, self.phones.get()));
        let _inside = self.runtime.enter();
        Rc::new(self.universe.as_ref().unwrap().host(ip))
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
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

impl SimLine {
    /// One end of a connection of this host.
    pub(super) fn of(runtime: &Rc<Runtime>, world: &Rc<World>, stream: Stream) -> Self {
        Self {
            stream: Some(stream),
            read: BytesMut::new(),
            runtime: Rc::clone(runtime),
            _world: Rc::clone(world),
        }
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        self.stream.as_ref().unwrap().local_addr().unwrap()
    }

    pub(super) fn connect(runtime: &Rc<Runtime>, world: &Rc<World>, at: SocketAddr) -> Self {
        let stream = runtime.block_on(world.net.connect(None, at)).unwrap();
        Self::of(runtime, world, stream)
    }
}

impl Drop for SimLine {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.stream = None;
    }
}

impl io::Read for SimLine {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.is_empty() {
            let stream = self.stream.as_ref().unwrap();
            let read = async { tokio::time::timeout(PATIENCE, stream.read(&mut self.read)).await };
            let count = self.runtime.block_on(read).map_err(io::Error::from)??;
            if count == 0 {
                return Ok(0);
            }
        }
        let count = self.read.len().min(buffer.len());
        self.read.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl io::Write for SimLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stream = self.stream.as_ref().unwrap();
        self.runtime.block_on(stream.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SimSocket {
    /// A port of this host.
    pub(super) fn bind(runtime: &Rc<Runtime>, world: World, local: SocketAddr) -> Self {
        let _inside = runtime.enter();
        Self {
            datagrams: world.net.bind_udp(local).unwrap(),
            read: VecDeque::new(),
            runtime: Rc::clone(runtime),
            _world: world,
        }
    }

    pub fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.runtime
            .block_on(self.datagrams.send(to, bytes))
            .unwrap();
    }

    /// The address of this end.
    pub fn local(&self) -> SocketAddr {
        self.datagrams.local_addr().unwrap()
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
