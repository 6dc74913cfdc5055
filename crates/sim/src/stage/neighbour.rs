//! A server of another domain beside the one that a scenario is about, and a link of SSP between
//! them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use server::config::{Config as ServerConfig, Setup, SspPeer};
use server::{Sealer, Server};
use store::Store;
use world::{Rng, World};

use super::{PORTS, Place, SEAL, Stage, add_person, set};

/// The other domain. Whoever is of it has a name that ends so.
pub(crate) const NEIGHBOUR: &str = "b.example";
const OF_NEIGHBOUR: &str = "_b";

/// Who has an account there.
const PEOPLE: [&str; 3] = ["bob_b", "dave_b", "erin_b"];

/// Where the simulated server of the other domain is.
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// How long the two may take to find each other: six messages.
const DIALLING_MS: u64 = 1500;

/// In which domain somebody is.
pub(crate) fn domain(name: &str) -> &'static str {
    match name.ends_with(OF_NEIGHBOUR) {
        true => NEIGHBOUR,
        false => "localhost",
    }
}

impl Stage {
    /// Starts the server of the other domain, and this one anew, so that they know each other.
    ///
    /// # Errors
    ///
    /// Why one of them does not start.
    pub async fn meet_neighbour(&mut self) -> Result<(), String> {
        let here = self.setup.http.ok_or("the server does not listen there")?;
        let there = self.free_http()?;
        // It dials in vain, and is dialled by the other as soon as that has started.
        link(&mut self.setup, "a's", (NEIGHBOUR, there, "b's"));
        self.restart().await?;
        let mut config = ServerConfig::dev();
        set(&mut config, &format!("domain = \"{NEIGHBOUR}\""))?;
        for (key, port) in PORTS {
            let at = match (&self.place, key) {
                (_, "http.listen") => there,
                (Place::Simulated(_), _) => SocketAddr::new(THERE, port),
                (Place::Real, _) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            };
            set(&mut config, &format!("{key} = \"{at}\""))?;
        }
        let (mut setup, policy) = config.split();
        setup.shards = 1;
        setup.seal = Some(SEAL);
        link(&mut setup, "b's", ("localhost", here, "a's"));
        let mut store = Store::memory();
        let mut sealer = Sealer::new(SEAL, Rng::from_seed(0, 1));
        for name in PEOPLE {
            add_person(&mut store, NEIGHBOUR, name, &mut sealer)?;
        }
        let world = match &self.place {
            Place::Simulated(universe) => universe.host(THERE),
            Place::Real => World::os(),
        };
        self.crews.push(world.tasks.clone());
        let started = Server::start(world, store, setup, policy).await;
        let neighbour = started.map_err(|error| error.to_string())?;
        self.neighbour = Some((neighbour.addresses(), neighbour));
        self.wait(DIALLING_MS).await;
        Ok(())
    }

    /// An address for HTTP that nobody has: it has to be known before either server starts.
    fn free_http(&self) -> Result<SocketAddr, String> {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let Place::Real = self.place else {
            return Ok(SocketAddr::new(THERE, 8080));
        };
        // All of 127 is this machine, and nobody else takes ports of such an address.
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, high.max(1), low, NEXT.fetch_add(1, Ordering::Relaxed));
        let tried = std::net::TcpListener::bind((ip, 0)).map_err(|error| error.to_string())?;
        tried.local_addr().map_err(|error| error.to_string())
    }
}

fn link(setup: &mut Setup, own: &str, (domain, at, secret): (&str, SocketAddr, &str)) {
    setup.ssp_secret = Some(own.to_owned());
    setup.ssp_peers = vec![SspPeer {
        domain: domain.to_owned(),
        url: Some(format!("http://{at}/ssp")),
        secret: Some(secret.to_owned()),
    }];
}
