//! The start and the end of a server.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use room::{Event, Why};
use serde::Serialize;
use store::{Cursor, PAGE_ROWS_MAX, Store, Write};
use tokio::sync::{Semaphore, mpsc};
use world::{Datagrams, Dns, Listener, Resolver, World};

use crate::config::{Policy, Setup};
use crate::core::{
    Command, Delta, Device, Gruus, Inbound, Location, Neighbours, Nonces, Replies, Shard,
    ShardHandle, Shards,
};
use crate::count::Counters;
use crate::focus::Credit;
use crate::groups;
use crate::house::{House, PROCEDURES};
use crate::http;
use crate::imps::{self, Imps};
use crate::keeper::{Keeper, OpenKeeper};
use crate::net::{self, Flow, Streams, Tls, TlsError, UdpPort};
use crate::rooms::{self, Order, Rooms};
use crate::ssp::Ssp;
use crate::switch::{self, Switch};
use crate::tap::Tap;

/// A running server. Dropping it ends it at once, as a crash would.
pub struct Server {
    pub(crate) house: Arc<House>,
    addresses: Addresses,
    /// The owner of every task: what holds a clone of it keeps nothing alive.
    _world: World,
}

/// Where a server listens, with the ports it got.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Addresses {
    /// SIP over UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_udp: Option<SocketAddr>,
    /// SIP over TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_tcp: Option<SocketAddr>,
    /// MSRP over TCP.
    pub msrp: SocketAddr,
    /// HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// HTTP over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<SocketAddr>,
    /// Requests for attention of handsets, over TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cir_tcp: Option<SocketAddr>,
    /// Where such requests over UDP come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cir_udp: Option<SocketAddr>,
}

/// What a server still holds. All zero when everybody has gone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Leftovers {
    /// INVITEs that are not answered yet.
    pub calls: usize,
    /// Dialogs of conferences, and devices being called.
    pub legs: usize,
    /// Subscriptions to conferences.
    pub subscriptions: usize,
    /// Requests forwarded and not answered yet.
    pub forwarded: usize,
    /// REFERs that wait for the conference, or whose senders are told what comes of them.
    pub referrals: usize,
    /// Live conferences.
    pub rooms: usize,
    /// Media sessions.
    pub sessions: usize,
    /// Invitations that hold fan-out credit.
    pub invitations: usize,
    /// Procedures under way.
    pub procedures: usize,
    /// Sessions of handsets. They end when their time to live runs out.
    pub handsets: usize,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be had.
    #[error("cannot listen for {what} on {address}: {error}")]
    Listen {
        /// The configuration key: `sip.udp`, `http.listen` and so on.
        what: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The DNS servers cannot be asked.
    #[error("cannot ask the DNS servers: {0}")]
    Dns(std::io::Error),
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenKeeper),
    /// What is in the store cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(String),
    /// A peer of SSP is not as it should be.
    #[error("ssp.peers: {0}")]
    Peer(String),
    /// The trace file cannot be written.
    #[error("cannot write the trace: {0}")]
    Trace(std::io::Error),
}

/// How long an orderly end may take: enough for BYEs to be answered.
const FAREWELL: Duration = Duration::from_secs(3);

impl Server {
    /// Starts a server. When this returns, all sockets listen.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing is left running.
    pub async fn start(
        mut world: World,
        mut store: Store,
        setup: Setup,
        policy: Policy,
    ) -> Result<Self, StartError> {
        if !setup.dns_servers.is_empty() {
            let resolver = Resolver::of_servers(&setup.dns_servers);
            world.dns = Dns::Resolver(resolver.map_err(StartError::Dns)?);
        }
        let tap = match &setup.trace_pcap {
            Some(path) => Some(Tap::file(path, &world).map_err(StartError::Trace)?),
            None => None,
        };
        let tls = setup.tls.as_ref().map(Tls::read).transpose()?;
        // Nonces, GRUUs and routes through the proxy stay valid over a restart.
        let nonces = Nonces::new(&secret(&world, &mut store, "nonce")?);
        let gruus = Gruus::new(&secret(&world, &mut store, "gruu")?);
        let proxy_key = secret(&world, &mut store, "proxy")?;
        let keeper = Keeper::open(store, &setup.node, &world)?;
        let sockets = Sockets::bind(&world, &setup, tap.clone())?;
        let addresses = sockets.addresses();
        let count = match setup.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let (handles, mailboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mailbox()).unzip();
        let ssp = Ssp::new(&setup, &mut world.rng.fork()).map_err(StartError::Peer)?;
        let parts = Parts {
            ssp,
            tls,
            keeper,
            nonces,
            gruus,
            proxy_key,
            tap,
        };
        let house = Arc::new(parts.house(&world, &sockets, handles.clone(), setup, policy));
        for (me, (messages, orders)) in handles.into_iter().zip(mailboxes) {
            let location = house.devices().await?;
            let shard = Shard::new(Arc::clone(&house), me, location);
            world.tasks.spawn("shard", shard.run(messages, orders));
        }
        sockets.serve(&house);
        Neighbours::run(&house);
        Ssp::run(&house);
        world.tasks.spawn("purge", purge(Arc::clone(&house)));
        world
            .tasks
            .spawn("groups", groups::watch(Arc::clone(&house)));
        Ok(Self {
            house,
            addresses,
            _world: world,
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What happened how often.
    pub fn counters(&self) -> &Counters {
        &self.house.counters
    }

    /// How many tasks run for it, for those who look for leaks.
    pub fn tasks(&self) -> usize {
        self.house.world.tasks.len()
    }

    /// What is still held on behalf of peers.
    pub async fn leftovers(&self) -> Leftovers {
        let held = self.house.shards.census().await;
        Leftovers {
            calls: held.calls,
            legs: held.legs,
            subscriptions: held.watches,
            forwarded: held.forwarded,
            referrals: held.referrals,
            rooms: self.house.rooms.len(),
            sessions: self.house.switch.len(),
            invitations: usize::try_from(self.house.credit.in_use()).unwrap_or(usize::MAX),
            handsets: self.house.imps.sessions.handsets(),
            procedures: PROCEDURES.saturating_sub(self.house.procedures.available_permits()),
        }
    }

    /// Replaces the rules. Procedures under way keep those they began with; live conferences obey
    /// the new ones at once.
    pub fn replace_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        let before = std::mem::replace(
            &mut *self
                .house
                .policy
                .write()
                .unwrap_or_else(PoisonError::into_inner),
            Arc::clone(&policy),
        );
        self.house.shards.policy(&policy);
        for room in self.house.rooms.all() {
            room.tell(Order::Policy);
        }
        imps::bulletin::changed(&self.house, &before, &policy);
    }

    /// Ends all conferences with BYE, then the server.
    pub async fn shutdown(self) {
        for room in self.house.rooms.all() {
            room.tell(Order::Event(Event::Close { why: Why::Ended }));
        }
        let clock = self.house.world.clock;
        let deadline = clock.now() + FAREWELL;
        while self.house.rooms.len() > 0 && clock.now() < deadline {
            clock.sleep(Duration::from_millis(10)).await;
        }
        // What was written last still has to leave.
        clock.sleep(Duration::from_millis(50)).await;
    }
}

/// The sockets a server needs, bound.
struct Sockets {
    udp: Option<Arc<UdpPort>>,
    tcp: Option<(Listener, SocketAddr)>,
    msrp: (Listener, SocketAddr),
    http: Option<(Listener, SocketAddr)>,
    https: Option<(Listener, SocketAddr)>,
    cir_tcp: Option<(Listener, SocketAddr)>,
    cir_udp: Option<(Datagrams, SocketAddr)>,
    counters: Arc<Counters>,
}

impl Sockets {
    fn bind(world: &World, setup: &Setup, tap: Option<Arc<Tap>>) -> Result<Self, StartError> {
        let failed = |what, address| {
            move |error| StartError::Listen {
                what,
                address,
                error,
            }
        };
        let listen = |what, at| {
            let listener = world.net.listen(at).map_err(failed(what, at))?;
            let bound = listener.local_addr().map_err(failed(what, at))?;
            Ok::<_, StartError>((listener, bound))
        };
        let bind = |at| {
            let what = "imps.cir_udp";
            let socket = world.net.bind_udp(at).map_err(failed(what, at))?;
            let bound = socket.local_addr().map_err(failed(what, at))?;
            Ok::<_, StartError>((socket, bound))
        };
        let counters = Arc::new(Counters::default());
        let udp = setup.sip_udp.map(|at| {
            let socket = world.net.bind_udp(at);
            let port = socket.and_then(|socket| UdpPort::new(socket, Arc::clone(&counters), tap));
            port.map(Arc::new).map_err(failed("sip.udp", at))
        });
        Ok(Self {
            udp: udp.transpose()?,
            tcp: setup.sip_tcp.map(|at| listen("sip.tcp", at)).transpose()?,
            msrp: listen("msrp.tcp", setup.msrp_tcp)?,
            http: setup.http.map(|at| listen("http.listen", at)).transpose()?,
            https: setup
                .http_tls
                .map(|at| listen("http.tls", at))
                .transpose()?,
            cir_tcp: setup
                .cir_tcp
                .map(|at| listen("imps.cir_tcp", at))
                .transpose()?,
            cir_udp: setup.cir_udp.map(bind).transpose()?,
            counters,
        })
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            sip_udp: self.udp.as_ref().map(|udp| udp.local),
            sip_tcp: self.tcp.as_ref().map(|(_, bound)| *bound),
            msrp: self.msrp.1,
            http: self.http.as_ref().map(|(_, bound)| *bound),
            https: self.https.as_ref().map(|(_, bound)| *bound),
            cir_tcp: self.cir_tcp.as_ref().map(|(_, bound)| *bound),
            cir_udp: self.cir_udp.as_ref().map(|(_, bound)| *bound),
        }
    }

    /// Starts the tasks that read them.
    fn serve(self, house: &Arc<House>) {
        let tasks = &house.world.tasks;
        if let Some(udp) = self.udp {
            tasks.spawn("sip udp", net::serve_udp(udp, house.shards.clone()));
        }
        if let Some((listener, _)) = self.tcp {
            tasks.spawn("sip tcp", net::listen(listener, house.streams.clone()));
        }
        let switch = Arc::clone(&house.switch);
        tasks.spawn("msrp", switch::listen(self.msrp.0, switch));
        if let Some((listener, _)) = self.http {
            tasks.spawn("http", http::listen(listener, Arc::clone(house), None));
        }
        if let (Some((listener, _)), Some(tls)) = (self.https, &house.tls) {
            let listen = http::listen(listener, Arc::clone(house), Some(tls.clone()));
            tasks.spawn("https", listen);
        }
        if let Some((listener, _)) = self.cir_tcp {
            tasks.spawn("cir tcp", imps::cir::listen(listener, Arc::clone(house)));
        }
        if let Some((socket, _)) = self.cir_udp {
            tasks.spawn("cir udp", imps::cir::send(socket, Arc::clone(house)));
        }
        tasks.spawn("imps sessions", imps::expire(Arc::clone(house)));
    }
}

/// What a house is built from, besides its sockets.
struct Parts {
    ssp: Ssp,
    tls: Option<Tls>,
    keeper: Keeper,
    nonces: Nonces,
    gruus: Gruus,
    proxy_key: [u8; 32],
    tap: Option<Arc<Tap>>,
}

impl Parts {
    fn house(
        self,
        world: &World,
        sockets: &Sockets,
        handles: Vec<ShardHandle>,
        setup: Setup,
        policy: Policy,
    ) -> House {
        let mut rng = world.rng.fork();
        let host = setup.domain.clone();
        let replies = Arc::new(Replies {
            host,
            key: rng.u64(),
        });
        let counters = Arc::clone(&sockets.counters);
        let shards = Shards::new(
            handles,
            rng.u64(),
            Arc::clone(&replies),
            Arc::clone(&counters),
        );
        let addresses = sockets.addresses();
        let ip = setup.advertise.unwrap_or(addresses.msrp.ip());
        let msrp = SocketAddr::new(ip, addresses.msrp.port());
        let (allowed, tap) = (setup.msrp_connect_to.clone(), self.tap);
        let over_sip = setup.sip_peers.iter().map(|peer| peer.domain.clone());
        let over_ssp = setup.ssp_peers.iter().map(|peer| peer.domain.clone());
        let others = over_sip.chain(over_ssp);
        House {
            world: world.clone(),
            streams: Streams::new(world.clone(), shards.clone(), tap.clone()),
            shards,
            keeper: self.keeper,
            replies,
            counters,
            nonces: self.nonces,
            gruus: self.gruus,
            rooms: Rooms::default(),
            switch: Switch::new(world.clone(), msrp, tap.clone(), allowed),
            credit: Credit::beside(others),
            neighbours: Neighbours::new(&setup.sip_peers),
            ssp: self.ssp,
            tls: self.tls,
            imps: Imps::new(setup.seal.clone()),
            cir_tcp: addresses.cir_tcp,
            tap,
            udp: sockets.udp.clone(),
            sip_udp: addresses.sip_udp,
            sip_tcp: addresses.sip_tcp,
            procedures: Arc::new(Semaphore::new(PROCEDURES)),
            policy: RwLock::new(Arc::new(policy)),
            next_leg: AtomicU64::new(1),
            proxy_key: self.proxy_key,
            setup,
        }
    }
}

/// A key of this server, the same after each start.
fn secret(world: &World, store: &mut Store, name: &str) -> Result<[u8; 32], StartError> {
    let fresh: [u8; 32] = world.rng.fork().bytes();
    let kept = store.keep_secret(name, &fresh).map_err(OpenKeeper::from)?;
    kept.try_into()
        .map_err(|_| StartError::Read(format!("the secret {name} has not 32 bytes")))
}

type Mailbox = (mpsc::Receiver<Inbound>, mpsc::UnboundedReceiver<Command>);

fn mailbox() -> (ShardHandle, Mailbox) {
    let (handle, messages, orders) = ShardHandle::new();
    (handle, (messages, orders))
}

impl House {
    /// All bindings that have not lapsed. Connections of an earlier process are gone; over UDP
    /// the device is where it was.
    async fn devices(&self) -> Result<Location, StartError> {
        let mut location = Location::new(self.gruus.clone());
        let now_ms = self.unix_ms();
        let mut after = Cursor::START;
        loop {
            let page = self
                .keeper
                .read(move |reader| reader.all_bindings(&after, PAGE_ROWS_MAX))
                .await;
            let page = page
                .map_err(|error| StartError::Read(error.to_string()))?
                .map_err(|error| StartError::Read(error.to_string()))?;
            for record in page
                .rows
                .into_iter()
                .filter(|row| row.expires_at_ms > now_ms)
            {
                let remote = record
                    .flow
                    .strip_prefix("udp:")
                    .and_then(|remote| remote.parse().ok());
                let flow = remote
                    .zip(self.udp.clone())
                    .map(|(remote, port)| Flow::Udp { port, remote });
                location.apply(Delta::Put(Arc::new(Device::ours(record, flow))));
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(location),
            }
        }
    }
}

/// How long a closed conference is remembered.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long the conversations that the end of a server has interrupted wait for their people after
/// the next start: a day, in which everybody has looked at their phone.
const INTERRUPTED: Duration = Duration::from_secs(24 * 3600);

/// Removes from the store what has lapsed, a little at a time.
async fn purge(house: Arc<House>) {
    let started_ms = house.unix_ms();
    let mut interrupted_until = Some(house.world.clock.now() + INTERRUPTED);
    loop {
        house.world.clock.sleep(Duration::from_secs(300)).await;
        if interrupted_until.is_some_and(|until| until <= house.world.clock.now()) {
            interrupted_until = None;
            rooms::give_up(&house, started_ms).await;
        }
        // Senders are told before the messages go.
        imps::mail::expire(&house).await;
        let now_ms = house.unix_ms();
        let remembered_ms = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
        let writes = vec![
            Write::PurgeBindings { now_ms },
            Write::PurgeRooms {
                closed_by_ms: now_ms.saturating_sub(remembered_ms),
            },
        ];
        if let Err(error) = house
            .keeper
            .commit(writes, store::Partition::of("purge"))
            .await
        {
            tracing::warn!(%error, "nothing was purged");
        }
    }
}
