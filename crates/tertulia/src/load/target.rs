//! Whom to load: nobody by mistake.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use world::World;

use super::arguments::Common;
use super::own::Own;
use super::probe::Probe;
use super::socket_owner;
use crate::complaint::Complaint;

/// What a load stands on: the server, and what is known about it.
pub(crate) struct Ground {
    /// Sockets, clock, chance, tasks.
    pub(crate) world: World,
    /// The options.
    pub(crate) common: Common,
    /// Where SIP is spoken, or HTTP to handsets.
    pub(crate) target: SocketAddr,
    /// The server's process, if it is here.
    pub(crate) probe: Option<Probe>,
    /// The server, if it is ours. Held until the end.
    own: Option<Own>,
}

impl Ground {
    /// Starts a server or finds the one that is named.
    ///
    /// # Errors
    ///
    /// The target may not be loaded, or there is none; the server does not start.
    pub(crate) async fn prepare(world: World, common: Common) -> Result<Self, Complaint> {
        let Some(named) = &common.target else {
            let own = Own::start(&world, &common).await?;
            let target = own.address(common.transport)?;
            let probe = Probe::of(own.pid());
            return Ok(Self {
                world,
                common,
                target,
                probe,
                own: Some(own),
            });
        };
        let target = resolve(&world, named).await?;
        guard(named, target, &common.may_load)?;
        let pid = match common.pid {
            Some(pid) => Some(pid),
            None if target.ip().is_loopback() => socket_owner::find(target, common.transport),
            None => None,
        };
        let probe = pid.and_then(Probe::of);
        if let (Some(pid), None) = (common.pid, &probe) {
            let what = format!("there is no process {pid} whose figures can be read");
            return Err(Complaint::wrong(
                what,
                "name the server's process with --pid",
            ));
        }
        Ok(Self {
            world,
            common,
            target,
            probe,
            own: None,
        })
    }

    /// The same with another process in place of the server, for comparison.
    pub(crate) fn beside(&self, target: SocketAddr, pid: u32) -> Self {
        Self {
            world: self.world.clone(),
            common: self.common.clone(),
            target,
            probe: Probe::of(pid),
            own: None,
        }
    }

    /// Is the server one that the load has started?
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// The address of ours that comes `turn`-th, around and around; `None` where the system
    /// chooses.
    pub(crate) fn source(&self, turn: usize) -> Option<IpAddr> {
        let on_loopback = self.target.is_ipv4() && self.target.ip().is_loopback();
        on_loopback.then(|| source(turn % usize::from(self.common.sources)))
    }

    /// What begins the branches of a run: RFC 3261 section 8.1.1.7 has the first seven letters, the
    /// rest is like no other run.
    pub(crate) fn tag(&self) -> String {
        format!("z9hG4bK{}", self.world.rng.fork().token(30))
    }

    /// What the server that was started has logged, warnings and errors; nothing of others.
    pub(crate) fn server_log(&self) -> String {
        self.own.as_ref().map(Own::log).unwrap_or_default()
    }
}

/// 127.0.0.1 and what follows.
pub(crate) fn source(turn: usize) -> IpAddr {
    let last = u8::try_from(turn).unwrap_or(u8::MAX).saturating_add(1);
    Ipv4Addr::new(127, 0, 0, last).into()
}

async fn resolve(world: &World, named: &str) -> Result<SocketAddr, Complaint> {
    if let Ok(address) = named.parse() {
        return Ok(address);
    }
    let remedy = "write HOST:PORT, such as 127.0.0.1:5060";
    let no = |why: &str| Complaint::wrong(format!("--target {named}: {why}"), remedy);
    let (host, port) = named
        .rsplit_once(':')
        .ok_or_else(|| no("there is no port"))?;
    let port = port.parse().map_err(|_| no("that is no port"))?;
    if host == "localhost" {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok((ip, port).into());
    }
    let found = world.dns.lookup_host(host, port).await;
    let found = found.map_err(|error| no(&error.to_string()))?;
    found.first().copied().ok_or_else(|| no("no such host"))
}

/// A load on a machine of others is an attack, unless they agreed to it.
fn guard(named: &str, target: SocketAddr, may_load: &[String]) -> Result<(), Complaint> {
    let host = named.rsplit_once(':').map_or(named, |(host, _)| host);
    let allowed = |agreed: &String| agreed == host || agreed.parse() == Ok(target.ip());
    if target.ip().to_canonical().is_loopback() || may_load.iter().any(allowed) {
        return Ok(());
    }
    Err(Complaint::wrong(
        format!("{host} is not this machine"),
        format!("if those who run it agree: --i-may-load {host}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_loaded_by_mistake() {
        #[rustfmt::skip]
        let rows: [(&str, &str, &[&str], bool); 10] = [
            ("127.0.0.1:5060", "127.0.0.1:5060", &[], true),
            ("127.9.9.9:5060", "127.9.9.9:5060", &[], true),
            ("[::1]:5060", "[::1]:5060", &[], true),
            ("[::ffff:127.0.0.1]:5060", "[::ffff:127.0.0.1]:5060", &[], true),
            ("192.0.2.1:5060", "192.0.2.1:5060", &[], false),
            ("192.0.2.1:5060", "192.0.2.1:5060", &["192.0.2.1"], true),
            ("192.0.2.1:5060", "192.0.2.1:5060", &["192.0.2.2", "example.org"], false),
            ("example.org:5060", "192.0.2.1:5060", &["example.org"], true),
            ("[2001:db8::1]:5060", "[2001:db8::1]:5060", &["2001:db8::1"], true),
            ("0.0.0.0:5060", "0.0.0.0:5060", &[], false),
        ];
        for (named, target, may_load, want) in rows {
            let may_load: Vec<String> = may_load.iter().map(|&host| host.to_owned()).collect();
            let got = guard(named, target.parse().unwrap(), &may_load);
            assert_eq!(got.is_ok(), want, "{named} {may_load:?}");
        }
    }

    #[tokio::test]
    async fn a_target_has_a_port() {
        let world = World::os();
        for named in [
            "localhost",
            "127.0.0.1",
            "localhost:x",
            "localhost:70000",
            "[::1]",
        ] {
            assert!(resolve(&world, named).await.is_err(), "{named}");
        }
        let want = "127.0.0.1:5060".parse().unwrap();
        assert_eq!(resolve(&world, "localhost:5060").await.unwrap(), want);
    }
}
