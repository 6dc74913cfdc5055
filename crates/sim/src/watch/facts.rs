//! What a day tells its watchers beside the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Plain facts, which cannot be seen on the wire.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The server's host.
    pub(super) server: IpAddr,
    /// The addresses of record of those at each host.
    pub(super) people: BTreeMap<IpAddr, String>,
    /// Who is hidden, and since when.
    pub(super) hidden: Vec<(String, Duration)>,
    /// Who may know whom all the same.
    pub(super) knows: BTreeSet<(String, String)>,
    /// How much longer than usual the server may take.
    pub(super) patience: Duration,
    /// Hosts of which nothing can be promised, from when until when.
    away: Vec<Away>,
}

#[derive(Clone, Copy, Debug)]
struct Away {
    ip: IpAddr,
    from: Duration,
    until: Option<Duration>,
}

impl Facts {
    pub(super) fn new(server: IpAddr) -> Self {
        Self {
            server,
            people: BTreeMap::new(),
            hidden: Vec::new(),
            knows: BTreeSet::new(),
            patience: Duration::ZERO,
            away: Vec::new(),
        }
    }

    pub(super) fn person(&mut self, ip: IpAddr, aor: &str, now: Duration) {
        self.people.insert(ip, aor.to_owned());
        self.back(ip, now);
    }

    pub(super) fn fate(&mut self, ip: IpAddr, now: Duration) {
        if !self.away.iter().any(|a| a.ip == ip && a.until.is_none()) {
            self.away.push(Away {
                ip,
                from: now,
                until: None,
            });
        }
    }

    pub(super) fn back(&mut self, ip: IpAddr, now: Duration) {
        for away in &mut self.away {
            if away.ip == ip && away.until.is_none() {
                away.until = Some(now);
            }
        }
    }

    /// Who is at a host.
    pub(super) fn name(&self, ip: IpAddr) -> String {
        match self.people.get(&ip) {
            Some(aor) => aor.clone(),
            None if ip == self.server => "the server".to_owned(),
            None => ip.to_string(),
        }
    }

    /// Whether nothing can be promised about what went on between the server and a host from
    /// `since` to `until`: one of them crashed, vanished or was cut off.
    pub(super) fn excused(&self, ip: IpAddr, since: Duration, until: Duration) -> bool {
        self.away.iter().any(|away| {
            (away.ip == ip || away.ip == self.server)
                && away.from <= until
                && away.until.is_none_or(|end| end >= since)
        })
    }

    /// Whether somebody may learn who another is.
    pub(super) fn may_know(&self, who: &str, whom: &str) -> bool {
        who == whom || self.knows.contains(&(who.to_owned(), whom.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_excused_from_its_fate_until_it_is_back() {
        let ip = |last| IpAddr::from([10, 0, 1, last]);
        let at = Duration::from_secs;
        let mut facts = Facts::new(IpAddr::from([10, 0, 0, 1]));
        facts.fate(ip(1), at(10));
        facts.person(ip(1), "sip:alice@localhost", at(20));
        // (host, from, until, excused)
        for (host, from, until, want) in [
            (ip(1), 0, 9, false),
            (ip(1), 0, 10, true),
            (ip(1), 12, 15, true),
            (ip(1), 20, 30, true),
            (ip(1), 21, 30, false),
            (ip(2), 0, 30, false),
        ] {
            assert_eq!(
                facts.excused(host, at(from), at(until)),
                want,
                "{host} {from}"
            );
        }
        facts.fate(facts.server, at(40));
        assert!(
            facts.excused(ip(2), at(0), at(50)),
            "the server's fate is everybody's"
        );
    }
}
