//! A server of another domain beside the one that a scenario is about. They reach each other over
//! SIP and over SSP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use server::config::{Config as ServerConfig, Setup, SipPeer, SspPeer};
use server::{Sealer, Server};
use store::Store;
use world::{Rng, Srv, World};

use super::{PACE, PORTS, Place, SEAL, SERVER, Stage, add_person, set};
use crate::watch::Watch;

/// The other domain. Whoever is of it has a name that ends so.
pub(crate) const NEIGHBOUR: &str = "b.example";
pub(crate) const OF_NEIGHBOUR: &str = "_b";

/// Who has an account there.
const PEOPLE: [&str; 6] = ["alice_b", "bob_b", "carol_b", "dave_b", "erin_b", "frank_b"];

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
    /// Starts the server of the other domain, and this one anew, so that they know each other. The
    /// other has the same settings, but keeps no trace.
    ///
    /// # Errors
    ///
    /// Why one of them does not start.
    pub async fn meet_neighbour(&mut self, settings: &[String]) -> Result<(), String> {
        let nowhere = "the server does not listen there";
        let here = self.setup.http.ok_or(nowhere)?;
        let sip_here = self.setup.sip_udp.ok_or(nowhere)?;
        let (there, sip_there) = self.free_places()?;
        // It dials in vain, and is dialled by the other as soon as that has started.
        link(&mut self.setup, "a's", (NEIGHBOUR, there, "b's"));
        self.setup.sip_peers = vec![SipPeer {
            domain: NEIGHBOUR.to_owned(),
            host: self.sip_host(sip_there),
            transport: None,
        }];
        self.restart().await?;
        let mut config = ServerConfig::dev();
        set(&mut config, &format!("domain = \"{NEIGHBOUR}\""))?;
        let settings = settings.iter().map(String::as_str);
        let shared = settings.filter(|setting| !setting.starts_with("trace."));
        for setting in [PACE].into_iter().chain(shared) {
            set(&mut config, setting)?;
        }
        for (key, port) in PORTS {
            let at = match (&self.place, key) {
                (_, "http.listen") => there,
                (_, "sip.udp") => sip_there,
                (Place::Simulated(_), _) => SocketAddr::new(THERE, port),
                (Place::Real, _) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            };
            set(&mut config, &format!("{key} = \"{at}\""))?;
        }
        let (mut setup, policy) = config.split();
        setup.shards = 1;
        setup.seal = Some(SEAL);
        link(&mut setup, "b's", ("localhost", here, "a's"));
        setup.sip_peers = vec![SipPeer {
            domain: "localhost".to_owned(),
            host: Some(sip_here.to_string()),
            transport: None,
        }];
        let mut store = Store::memory();
        let mut sealer = Sealer::new(SEAL, Rng::from_seed(0, 1));
        for name in PEOPLE {
            add_person(&mut store, NEIGHBOUR, name, &mut sealer)?;
        }
        let world = match &self.place {
            Place::Simulated(universe) => {
                self.watches.push(Watch::attach(universe, THERE));
                universe.host(THERE)
            }
            Place::Real => World::os(),
        };
        self.crews.push(world.tasks.clone());
        let started = Server::start(world, store, setup, policy).await;
        let neighbour = started.map_err(|error| error.to_string())?;
        self.neighbour = Some((neighbour.addresses(), neighbour));
        self.wait(DIALLING_MS).await;
        Ok(())
    }

    /// Nothing gets through between the two servers. Media go on: people connect to the switch of
    /// a conference themselves, and not by way of their own server.
    ///
    /// # Errors
    ///
    /// On a real network.
    pub fn cut_link(&self) -> Result<(), String> {
        self.universe()?.partition(SERVER, THERE);
        for (watch, other) in self.watches.iter().zip([THERE, SERVER]) {
            watch.fate(other);
        }
        Ok(())
    }

    /// The way between the two servers is free again.
    ///
    /// # Errors
    ///
    /// On a real network.
    pub fn heal_link(&self) -> Result<(), String> {
        self.universe()?.heal(SERVER, THERE);
        for (watch, other) in self.watches.iter().zip([THERE, SERVER]) {
            watch.back(other);
        }
        Ok(())
    }

    /// Where the other server is found over SIP: in the simulated network by name (RFC 3263).
    fn sip_host(&self, at: SocketAddr) -> Option<String> {
        let Place::Simulated(universe) = &self.place else {
            return Some(at.to_string());
        };
        let (srv, host) = (format!("_sip._udp.{NEIGHBOUR}"), format!("sip.{NEIGHBOUR}"));
        universe.names().add_host(&host, at.ip());
        universe.names().add_srv(
            &srv,
            Srv {
                priority: 1,
                weight: 1,
                port: at.port(),
                target: host,
            },
        );
        None
    }

    /// Addresses for HTTP and for SIP that nobody has: they have to be known before either server
    /// starts.
    fn free_places(&self) -> Result<(SocketAddr, SocketAddr), String> {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let Place::Real = self.place else {
            return Ok((SocketAddr::new(THERE, 8080), SocketAddr::new(THERE, 5060)));
        };
        // All of 127 is this machine, and nobody else takes ports of such an address.
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, high.max(1), low, NEXT.fetch_add(1, Ordering::Relaxed));
        let tried = std::net::TcpListener::bind((ip, 0)).map_err(|error| error.to_string())?;
        let http = tried.local_addr().map_err(|error| error.to_string())?;
        Ok((http, SocketAddr::from((ip, 5060))))
    }
}

fn link(setup: &mut Setup, own: &str, (domain, at, secret): (&str, SocketAddr, &str)) {
    setup.ssp_secret = Some(own.to_owned());
    setup.ssp_peers = vec![SspPeer {
        domain: domain.to_owned(),
        url: Some(format!("http://{at}/ssp")),
        secret: Some(secret.to_owned()),
        tls: false,
    }];
}
