//! Those around the server: each at a host of their own, with a phone or a handset.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use client::imps;
use client::{Agent, Config, Events, Transport};
use world::World;

use super::{Host, PASSWORD, Place, Stage, domain};
use crate::scenario::{Attention, Device};

/// How often a handset polls. The server allows no more.
const POLL: Duration = Duration::from_secs(1);

impl Stage {
    /// Brings somebody online: a host of their own, with an agent on it that has registered.
    ///
    /// # Errors
    ///
    /// What the agent or its server says.
    pub async fn online(
        &mut self,
        name: &str,
        udp: bool,
        change: impl FnOnce(&mut Config),
    ) -> Result<(Agent, Events), String> {
        let (agent, events) = self.agent(name, udp, change)?;
        agent.register().await.map_err(|error| error.to_string())?;
        Ok((agent, events))
    }

    /// An agent for somebody at a host of their own, which is switched on if it was off. Whatever
    /// ran there ends.
    ///
    /// # Errors
    ///
    /// What the agent says.
    pub fn agent(
        &mut self,
        name: &str,
        udp: bool,
        change: impl FnOnce(&mut Config),
    ) -> Result<(Agent, Events), String> {
        let at = self.home_of(name)?;
        let (ip, world) = self.switch_on(name)?;
        let (server, transport) = match udp {
            true => (at.sip_udp, Transport::Udp),
            false => (at.sip_tcp, Transport::Tcp),
        };
        let server = server.ok_or("the server does not listen there")?;
        let mut config = Config::new(&aor(name), PASSWORD, server);
        config.transport = transport;
        // A device stays the same device when it is switched on again (RFC 5626 section 4.1).
        config.instance = Some(instance(ip));
        change(&mut config);
        let started = Agent::start(&world, config).map_err(|error| error.to_string())?;
        let world = Some(world);
        self.hosts.insert(name.to_owned(), Host { ip, world });
        Ok(started)
    }

    /// Brings somebody online with a handset at a host of their own, which is switched on if it
    /// was off. Whatever ran there ends.
    ///
    /// # Errors
    ///
    /// What the agent or its server says.
    pub async fn handset(
        &mut self,
        name: &str,
        device: Device,
    ) -> Result<(imps::Agent, imps::Events), String> {
        let server = self.home_of(name)?.http;
        let server = server.ok_or("the server does not listen there")?;
        let (ip, world) = self.switch_on(name)?;
        let user = format!("wv:{name}@{}", domain(name));
        let mut config = match device.legacy {
            true => imps::Config::legacy(&user, PASSWORD, server),
            false => imps::Config::new(&user, PASSWORD, server),
        };
        if device.without_notices {
            config = config.without_notices();
        }
        config.version = device.version;
        config.encoding = device.encoding;
        config.poll = POLL;
        config.cir = match device.attention {
            Attention::Polling => imps::Cir::Poll { every: POLL },
            Attention::Tcp => imps::Cir::Tcp,
            Attention::Udp => imps::Cir::Udp { port: 0 },
            Attention::Http => imps::Cir::Http,
        };
        // A transcript says who accepts.
        config.auto_join_ec = false;
        config.local = matches!(self.place, Place::Simulated(_)).then_some(ip);
        let started = imps::Agent::start(&world, config).map_err(|error| error.to_string())?;
        self.hosts.insert(
            name.to_owned(),
            Host {
                ip,
                world: Some(world),
            },
        );
        let login = started.0.login().await;
        login.map_err(|failure| failure.to_string())?;
        Ok(started)
    }

    /// Somebody's host, anew: whatever ran there ends.
    fn switch_on(&mut self, name: &str) -> Result<(IpAddr, World), String> {
        let known = self.hosts.get_mut(name).map(|host| {
            drop(host.world.take());
            host.ip
        });
        let number = u8::try_from(self.hosts.len() + 1).map_err(|_| "too many people")?;
        let ip = known.unwrap_or(IpAddr::V4(Ipv4Addr::new(10, 0, 1, number)));
        let world = match &self.place {
            Place::Simulated(universe) => universe.host(ip),
            Place::Real => World::os(),
        };
        self.crews.push(world.tasks.clone());
        for watch in &self.watches {
            watch.person(ip, &aor(name));
        }
        Ok((ip, world))
    }
}

pub(super) fn aor(name: &str) -> String {
    format!("sip:{name}@{}", domain(name))
}

fn instance(ip: IpAddr) -> String {
    let last = match ip {
        IpAddr::V4(ip) => u32::from(ip),
        IpAddr::V6(_) => 0,
    };
    format!("urn:uuid:00000000-0000-4000-8000-0000{last:08x}")
}
