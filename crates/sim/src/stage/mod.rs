//! Where a scenario is played: the simulated network, or this machine's.

mod group;
mod misfortune;
mod neighbour;
mod people;

pub(crate) use misfortune::bad_weather;
pub(crate) use neighbour::{NEIGHBOUR, OF_NEIGHBOUR, domain};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use server::admin::{NewUser, add_user};
use server::config::{Config as ServerConfig, Policy, Setup};
use server::{Addresses, Leftovers, SealKey, Sealer, Server};
use store::{Memory, Store};
use world::sim::Universe;
use world::{Clock, Rng, Tasks, World};

use crate::watch::{Breach, Watch};

/// A server and the people around it.
pub struct Stage {
    place: Place,
    setup: Setup,
    policy: Policy,
    /// What the server finds when it starts anew.
    store: Store,
    disk: Memory,
    server: Option<Server>,
    at: Addresses,
    /// The server of another domain, and where it listens.
    neighbour: Option<(Addresses, Server)>,
    hosts: BTreeMap<String, Host>,
    /// Everything that ever ran here, to ask whether it panicked.
    crews: Vec<Tasks>,
    /// Those who watch a simulated wire: one for each server.
    watches: Vec<Watch>,
    misfortune: misfortune::Misfortune,
}

enum Place {
    Simulated(Universe),
    Real,
}

/// Where somebody's client runs.
struct Host {
    ip: IpAddr,
    /// Owns the tasks of the client; gone while the host is switched off.
    world: Option<World>,
}

/// Where the server listens, by the keys of its configuration.
const PORTS: [(&str, u16); 6] = [
    ("sip.udp", 5060),
    ("sip.tcp", 5060),
    ("msrp.tcp", 2855),
    ("http.listen", 8080),
    ("imps.cir_tcp", 3717),
    ("imps.cir_udp", 3717),
];

/// Quick enough that a transcript needs no patience, slow enough to see changes together.
const PACE: &str = "notify.min_interval_ms = 100";

/// The password of everybody on a stage.
const PASSWORD: &str = "password";

/// The key under which their passwords are sealed.
const SEAL: SealKey = SealKey::new([7; 32]);

/// Where the simulated server is.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

impl Stage {
    /// A server in a simulated universe, with one host a client.
    ///
    /// # Errors
    ///
    /// A setting that is wrong, or a server that does not start.
    pub async fn simulated(
        universe: Universe,
        settings: &[String],
        people: &[&str],
    ) -> Result<Self, String> {
        let watch = Watch::attach(&universe, SERVER);
        let mut config = ServerConfig::dev();
        let at = |port| SocketAddr::new(SERVER, port);
        for (key, port) in PORTS {
            set(&mut config, &format!("{key} = \"{}\"", at(port)))?;
        }
        let place = Place::Simulated(universe);
        Self::start(place, vec![watch], config, settings, people).await
    }

    /// A server on this machine's loopback, on free ports.
    ///
    /// # Errors
    ///
    /// As for [`Self::simulated`].
    pub async fn real(settings: &[String], people: &[&str]) -> Result<Self, String> {
        let mut config = ServerConfig::dev();
        for (key, _) in PORTS {
            set(&mut config, &format!("{key} = \"127.0.0.1:0\""))?;
        }
        Self::start(Place::Real, Vec::new(), config, settings, people).await
    }

    async fn start(
        place: Place,
        watches: Vec<Watch>,
        mut config: ServerConfig,
        settings: &[String],
        people: &[&str],
    ) -> Result<Self, String> {
        set(&mut config, PACE)?;
        for setting in settings {
            set(&mut config, setting)?;
        }
        let (mut setup, policy) = config.split();
        setup.shards = 2;
        let disk = Memory::default();
        let mut store = Store::Memory(disk.clone());
        setup.seal = Some(SEAL);
        let mut sealer = Sealer::new(SEAL, Rng::from_seed(0, 0));
        for name in people {
            add_person(&mut store, &setup.domain, name, &mut sealer)?;
        }
        let mut stage = Self {
            at: Addresses {
                sip_udp: setup.sip_udp,
                sip_tcp: setup.sip_tcp,
                msrp: setup.msrp_tcp,
                http: setup.http,
                https: None,
                cir_tcp: setup.cir_tcp,
                cir_udp: setup.cir_udp,
            },
            place,
            setup,
            policy,
            store,
            disk,
            server: None,
            neighbour: None,
            hosts: BTreeMap::new(),
            crews: Vec::new(),
            watches,
            misfortune: misfortune::Misfortune::default(),
        };
        stage.start_server().await?;
        // After a restart it is where it was.
        stage.setup.sip_udp = stage.at.sip_udp;
        stage.setup.sip_tcp = stage.at.sip_tcp;
        stage.setup.msrp_tcp = stage.at.msrp;
        stage.setup.http = stage.at.http;
        stage.setup.cir_tcp = stage.at.cir_tcp;
        stage.setup.cir_udp = stage.at.cir_udp;
        Ok(stage)
    }

    async fn start_server(&mut self) -> Result<(), String> {
        let world = match &self.place {
            Place::Simulated(universe) => universe.host(SERVER),
            Place::Real => World::os(),
        };
        self.crews.push(world.tasks.clone());
        let store = self.store.reopen().map_err(|error| error.to_string())?;
        let (setup, policy) = (self.setup.clone(), self.policy.clone());
        let server = Server::start(world, store, setup, policy)
            .await
            .map_err(|error| error.to_string())?;
        self.at = server.addresses();
        self.server = Some(server);
        Ok(())
    }

    /// What those who watch a simulated wire have found so far; nothing on a real one.
    pub fn verdict(&self) -> Vec<Breach> {
        self.watches.iter().flat_map(Watch::verdict).collect()
    }

    /// How many tasks of the server and the clients have panicked.
    pub fn panicked(&self) -> u64 {
        self.crews.iter().map(Tasks::panicked).sum()
    }

    /// How many tasks the server runs now, and how many sockets it holds, if it is simulated.
    pub fn burden(&self) -> Option<(usize, usize)> {
        let Place::Simulated(universe) = &self.place else {
            return None;
        };
        let server = self.server.as_ref()?;
        Some((server.tasks(), universe.sockets(SERVER)))
    }

    /// Where the server listens.
    pub const fn addresses(&self) -> Addresses {
        self.at
    }

    /// What the server still holds on behalf of anybody; nothing if it is down.
    pub async fn leftovers(&self) -> Leftovers {
        match &self.server {
            Some(server) => server.leftovers().await,
            None => Leftovers::default(),
        }
    }

    /// What the server of the other domain still holds; nothing if there is none.
    pub async fn leftovers_abroad(&self) -> Leftovers {
        match &self.neighbour {
            Some((_, neighbour)) => neighbour.leftovers().await,
            None => Leftovers::default(),
        }
    }

    /// Waits a moment, in the time of the stage.
    pub async fn wait(&self, ms: u64) {
        self.clock().sleep(Duration::from_millis(ms)).await;
    }

    /// The clock of all who are here.
    pub fn clock(&self) -> Clock {
        match &self.place {
            Place::Simulated(universe) => universe.clock(),
            Place::Real => Clock::Os,
        }
    }

    /// Ends the server in good order.
    pub async fn close(mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
        if let Some((_, neighbour)) = self.neighbour.take() {
            neighbour.shutdown().await;
        }
    }

    /// Where the server of somebody's domain listens.
    fn home_of(&self, name: &str) -> Result<Addresses, String> {
        match (domain(name), &self.neighbour) {
            ("localhost", _) => Ok(self.at),
            (_, Some((at, _))) => Ok(*at),
            (domain, None) => Err(format!("there is no server of {domain}")),
        }
    }
}

fn set(config: &mut ServerConfig, assignment: &str) -> Result<(), String> {
    config.set(assignment).map_err(|error| error.to_string())
}

/// Someone with [`PASSWORD`] for both faces.
fn add_person(
    store: &mut Store,
    domain: &str,
    name: &str,
    sealer: &mut Sealer,
) -> Result<(), String> {
    let user = NewUser {
        name,
        password: PASSWORD,
        display: None,
        msisdn: None,
        imps: true,
    };
    add_user(store, domain, user, Some(sealer), 0).map_err(|error| error.to_string())
}
