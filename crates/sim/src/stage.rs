//! Where a scenario is played: the simulated network, or this machine's.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use client::{Agent, Config, Events, Transport};
use server::admin::{NewUser, add_user};
use server::config::Config as ServerConfig;
use server::{Addresses, Leftovers, Server};
use store::Store;
use world::World;
use world::sim::Universe;

use crate::watch::{Breach, Watch};

/// A server and the people around it.
pub struct Stage {
    place: Place,
    server: Option<Server>,
    at: Addresses,
    /// The worlds of the clients, which own their tasks.
    hosts: BTreeMap<String, World>,
    /// Those who watch a simulated wire.
    watch: Option<Watch>,
}

enum Place {
    Simulated(Universe),
    Real,
}

/// The password of everybody on a stage.
const PASSWORD: &str = "password";

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
        let world = universe.host(SERVER);
        let watch = Watch::attach(&universe, SERVER);
        let mut config = ServerConfig::dev();
        let at = |port| SocketAddr::new(SERVER, port);
        for (key, port) in [("sip.udp", 5060), ("sip.tcp", 5060), ("msrp.tcp", 2855)] {
            set(&mut config, &format!("{key} = \"{}\"", at(port)))?;
        }
        let place = Place::Simulated(universe);
        let mut stage = Self::start(place, world, config, settings, people).await?;
        stage.watch = Some(watch);
        Ok(stage)
    }

    /// A server on this machine's loopback, on free ports.
    ///
    /// # Errors
    ///
    /// As for [`Self::simulated`].
    pub async fn real(settings: &[String], people: &[&str]) -> Result<Self, String> {
        let mut config = ServerConfig::dev();
        for key in ["sip.udp", "sip.tcp", "msrp.tcp"] {
            set(&mut config, &format!("{key} = \"127.0.0.1:0\""))?;
        }
        Self::start(Place::Real, World::os(), config, settings, people).await
    }

    async fn start(
        place: Place,
        world: World,
        mut config: ServerConfig,
        settings: &[String],
        people: &[&str],
    ) -> Result<Self, String> {
        // Quick enough that a transcript needs no patience, slow enough to see changes together.
        set(&mut config, "notify.min_interval_ms = 100")?;
        for setting in settings {
            set(&mut config, setting)?;
        }
        let (mut setup, policy) = config.split();
        setup.shards = 2;
        let mut store = Store::memory();
        for name in people {
            let user = NewUser {
                name,
                password: PASSWORD,
                display: None,
            };
            add_user(&mut store, &setup.domain, user, 0).map_err(|error| error.to_string())?;
        }
        let server = Server::start(world, store, setup, policy)
            .await
            .map_err(|e| e.to_string())?;
        Ok(Self {
            place,
            at: server.addresses(),
            server: Some(server),
            hosts: BTreeMap::new(),
            watch: None,
        })
    }

    /// Brings somebody online: a host of their own, with an agent on it.
    ///
    /// # Errors
    ///
    /// What the agent or its server says.
    pub async fn online(
        &mut self,
        name: &str,
        udp: bool,
        factory: Option<&str>,
    ) -> Result<(Agent, Events), String> {
        let world = match &self.place {
            Place::Simulated(universe) => {
                let number = u8::try_from(self.hosts.len() + 1).map_err(|_| "too many people")?;
                let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, number));
                if let Some(watch) = &self.watch {
                    watch.person(ip, &format!("sip:{name}@localhost"));
                }
                universe.host(ip)
            }
            Place::Real => World::os(),
        };
        let (server, transport) = match udp {
            true => (self.at.sip_udp, Transport::Udp),
            false => (self.at.sip_tcp, Transport::Tcp),
        };
        let server = server.ok_or("the server does not listen there")?;
        let mut config = Config::new(&format!("sip:{name}@localhost"), PASSWORD, server);
        config.transport = transport;
        if let Some(factory) = factory {
            factory.clone_into(&mut config.factory);
        }
        let (agent, events) = Agent::start(&world, config).map_err(|error| error.to_string())?;
        self.hosts.insert(name.to_owned(), world);
        agent.register().await.map_err(|error| error.to_string())?;
        Ok((agent, events))
    }

    /// What those who watch a simulated wire have found so far; nothing on a real one.
    pub fn verdict(&self) -> Vec<Breach> {
        self.watch.as_ref().map(Watch::verdict).unwrap_or_default()
    }

    /// Those who watch the wire, if it is a simulated one: they have to be told who crashes.
    pub const fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Where the server listens.
    pub const fn addresses(&self) -> Addresses {
        self.at
    }

    /// What the server still holds on behalf of anybody.
    pub async fn leftovers(&self) -> Leftovers {
        match &self.server {
            Some(server) => server.leftovers().await,
            None => Leftovers::default(),
        }
    }

    /// Waits a moment, in the time of the stage.
    pub async fn wait(&self, ms: u64) {
        let clock = match &self.place {
            Place::Simulated(universe) => universe.clock(),
            Place::Real => world::Clock::Os,
        };
        clock.sleep(std::time::Duration::from_millis(ms)).await;
    }

    /// Ends the server in good order.
    pub async fn close(mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }
}

fn set(config: &mut ServerConfig, assignment: &str) -> Result<(), String> {
    config.set(assignment).map_err(|error| error.to_string())
}
