//! The start and the end of a server.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use room::{Event, Why};
use serde::Serialize;
use store::{Cursor, PAGE_ROWS_MAX, Store, Write};
use tokio::sync::{Semaphore, mpsc};
use world::{Datagrams, Listener, World};

use crate::config::{Policy, Setup};
use crate::core::{
    Command, Delta, Device, Inbound, Location, Nonces, Replies, Shard, ShardHandle, Shards,
};
use crate::count::Counters;
use crate::focus::Credit;
use crate::house::{House, PROCEDURES};
use crate::keeper::{Keeper, OpenKeeper};
use crate::net::{self, Flow, Streams, UdpPort};
use crate::rooms::{Order, Rooms};
use crate::switch::{self, Switch};
use crate::tap::Tap;

/// A running server. Dropping it ends it at once, as a crash would.
pub struct Server {
    house: Arc<House>,
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
    /// Live conferences.
    pub rooms: usize,
    /// Media sessions.
    pub sessions: usize,
    /// Invitations that hold fan-out credit.
    pub invitations: usize,
    /// Procedures under way.
    pub procedures: usize,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be had.
    #[error("cannot listen for {what} on {address}: {error}")]
    Listen {
        /// The configuration key: `sip.udp`, `sip.tcp` or `msrp.tcp`.
        what: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenKeeper),
    /// What is in the store cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(String),
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
        world: World,
        mut store: Store,
        setup: Setup,
        policy: Policy,
    ) -> Result<Self, StartError> {
        let tap = match &setup.trace_pcap {
            Some(path) => Some(Tap::file(path, &world).map_err(StartError::Trace)?),
            None => None,
        };
        let mut rng = world.rng.fork();
        let key: [u8; 32] = rng.bytes();
        // Nonces stay valid over a restart.
        let key = store.keep_secret("nonce", &key).map_err(OpenKeeper::from)?;
        let key: [u8; 32] = key.try_into().unwrap_or([0; 32]);
        let keeper = Keeper::open(store, &setup.node, &world.tasks)?;
        let sockets = Sockets::bind(&world, &setup)?;
        let counters = Arc::new(Counters::default());
        let udp = sockets
            .udp
            .map(|socket| UdpPort::new(socket, Arc::clone(&counters), tap.clone()));
        let udp = udp.transpose().map_err(StartError::Trace)?.map(Arc::new);

        let replies = Arc::new(Replies {
            host: setup.domain.clone(),
            key: rng.u64(),
        });
        let count = match setup.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let (handles, mailboxes): (Vec<_>, Vec<_>) = (0..count.max(1)).map(|_| mailbox()).unzip();
        let shards = Shards::new(
            handles.clone(),
            rng.u64(),
            Arc::clone(&replies),
            Arc::clone(&counters),
        );
        let addresses = Addresses {
            sip_udp: udp.as_ref().map(|udp| udp.local),
            sip_tcp: sockets.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok()),
            msrp: sockets.msrp.local_addr().map_err(StartError::Trace)?,
        };
        let advertised = SocketAddr::new(
            setup.advertise.unwrap_or(addresses.msrp.ip()),
            addresses.msrp.port(),
        );
        let switch = Switch::new(
            world.clone(),
            advertised,
            tap.clone(),
            setup.msrp_connect_to.clone(),
        );
        let house = Arc::new(House {
            world: world.clone(),
            streams: Streams::new(world.clone(), shards.clone(), tap),
            shards,
            keeper,
            replies,
            counters,
            nonces: Nonces::new(&key),
            rooms: Rooms::default(),
            switch: Arc::clone(&switch),
            credit: Credit::default(),
            udp: udp.clone(),
            sip_udp: addresses.sip_udp,
            sip_tcp: addresses.sip_tcp,
            procedures: Arc::new(Semaphore::new(PROCEDURES)),
            policy: RwLock::new(Arc::new(policy)),
            next_leg: AtomicU64::new(1),
            proxy_key: rng.bytes(),
            setup,
        });
        for (me, (messages, orders)) in handles.into_iter().zip(mailboxes) {
            let location = house.devices().await?;
            let shard = Shard::new(Arc::clone(&house), me, location);
            world.tasks.spawn("shard", shard.run(messages, orders));
        }
        if let Some(udp) = udp {
            world
                .tasks
                .spawn("sip udp", net::serve_udp(udp, house.shards.clone()));
        }
        if let Some(listener) = sockets.tcp {
            world
                .tasks
                .spawn("sip tcp", net::listen(listener, house.streams.clone()));
        }
        world
            .tasks
            .spawn("msrp", switch::listen(sockets.msrp, switch));
        world.tasks.spawn("purge", purge(Arc::clone(&house)));
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

    /// What is still held on behalf of peers.
    pub async fn leftovers(&self) -> Leftovers {
        let held = self.house.shards.census().await;
        Leftovers {
            calls: held.calls,
            legs: held.legs,
            subscriptions: held.watches,
            forwarded: held.forwarded,
            rooms: self.house.rooms.len(),
            sessions: self.house.switch.len(),
            invitations: usize::try_from(self.house.credit.in_use()).unwrap_or(usize::MAX),
            procedures: PROCEDURES.saturating_sub(self.house.procedures.available_permits()),
        }
    }

    /// Replaces the rules. Procedures under way keep those they began with.
    pub fn replace_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        *self
            .house
            .policy
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::clone(&policy);
        self.house.shards.policy(&policy);
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
    udp: Option<Datagrams>,
    tcp: Option<Listener>,
    msrp: Listener,
}

impl Sockets {
    fn bind(world: &World, setup: &Setup) -> Result<Self, StartError> {
        let failed = |what, address| {
            move |error| StartError::Listen {
                what,
                address,
                error,
            }
        };
        let udp = setup
            .sip_udp
            .map(|at| world.net.bind_udp(at).map_err(failed("sip.udp", at)));
        let tcp = setup
            .sip_tcp
            .map(|at| world.net.listen(at).map_err(failed("sip.tcp", at)));
        let at = setup.msrp_tcp;
        Ok(Self {
            udp: udp.transpose()?,
            tcp: tcp.transpose()?,
            msrp: world.net.listen(at).map_err(failed("msrp.tcp", at))?,
        })
    }
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
        let mut location = Location::default();
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
                location.apply(Delta::Put(Arc::new(Device { record, flow })));
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

/// Removes from the store what has lapsed, a little at a time.
async fn purge(house: Arc<House>) {
    loop {
        house.world.clock.sleep(Duration::from_secs(300)).await;
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
