//! The ways to the server of another domain, and in which order they are tried.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Transport;
use crate::net::Flow;

/// The longest request that goes as a datagram to a server of another domain, in bytes (RFC 3261
/// section 18.1.1, for a path whose MTU is not known).
pub(crate) const LARGE: usize = 1300;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub(crate) flow: Flow,
    /// If it is for another domain: when it fails there, the other servers of this domain are
    /// tried as well.
    pub(crate) domain: Option<Arc<str>>,
}

impl Goal {
    /// There, and nowhere else.
    pub(crate) const fn only(flow: Flow) -> Self {
        Self { flow, domain: None }
    }
}

/// One way.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Way {
    pub(crate) over: Transport,
    pub(crate) at: SocketAddr,
}

/// One step of a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stage {
    pub(crate) way: Way,
    /// Is it tried only if the way before it could not be gone at all?
    pub(crate) is_spare: bool,
}

impl Stage {
    const fn first(way: Way) -> Self {
        Self {
            way,
            is_spare: false,
        }
    }
}

/// What was wrong with a place of late.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// Nobody has answered there, or with 503.
    Failed,
    /// No connection was to be had.
    Refused,
}

/// What DNS, or the configuration, says of the server of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The transport to be used.
    pub(super) over: Transport,
    /// Where the domain takes datagrams, the preferred first.
    pub(super) udp: Vec<SocketAddr>,
    /// Where it takes connections. If nobody has said where: at the same places.
    pub(super) tcp: Vec<SocketAddr>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            over: Transport::Udp,
            udp: Vec::new(),
            tcp: Vec::new(),
        }
    }
}

impl Found {
    /// All places.
    pub(super) fn all(&self) -> impl Iterator<Item = SocketAddr> {
        self.udp.iter().chain(&self.tcp).copied()
    }

    /// Where connections are taken.
    pub(super) fn listeners(&self) -> &[SocketAddr] {
        match self.tcp.as_slice() {
            [] => &self.udp,
            tcp => tcp,
        }
    }

    /// The ways to be gone one after another until somebody answers (RFC 3263 section 4.3), for a
    /// request that is large or not. Those that have failed of late come last.
    pub(super) fn plan(
        &self,
        is_large: bool,
        had: impl Fn(Fault, SocketAddr) -> bool,
    ) -> Vec<Stage> {
        let sorted = |over, all: &[SocketAddr]| {
            let mut all = all.to_vec();
            all.sort_by_key(|at| {
                let is_refused = over == Transport::Tcp && had(Fault::Refused, *at);
                is_refused || had(Fault::Failed, *at)
            });
            all.into_iter().map(move |at| Way { over, at })
        };
        let (tcp, udp) = (&self.tcp, &self.udp);
        match (self.over, is_large, tcp.is_empty()) {
            (Transport::Tcp, ..) => sorted(Transport::Tcp, tcp).map(Stage::first).collect(),
            (Transport::Udp, false, _) => sorted(Transport::Udp, udp).map(Stage::first).collect(),
            // RFC 3261 section 18.1.1: over TCP where the domain says that it speaks it; then as
            // if it had not.
            (Transport::Udp, true, false) => sorted(Transport::Tcp, tcp)
                .chain(sorted(Transport::Udp, udp))
                .map(Stage::first)
                .collect(),
            (Transport::Udp, true, true) => sorted(Transport::Udp, udp)
                .flat_map(|way| large(way.at, way.at, &had))
                .collect(),
        }
    }
}

/// The ways for a large request to a server that takes connections and datagrams there.
pub(super) fn large(
    connections: SocketAddr,
    datagrams: SocketAddr,
    had: impl Fn(Fault, SocketAddr) -> bool,
) -> impl Iterator<Item = Stage> {
    let connection = Way {
        over: Transport::Tcp,
        at: connections,
    };
    let datagrams = Way {
        over: Transport::Udp,
        at: datagrams,
    };
    let is_refused = had(Fault::Refused, connections);
    // RFC 3261 section 18.1.1: over UDP if no connection is to be had.
    let spare = Stage {
        way: datagrams,
        is_spare: !is_refused,
    };
    let first = (!is_refused).then_some(Stage::first(connection));
    first.into_iter().chain([spare])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<SocketAddr> {
        let ports = text.split_whitespace();
        ports
            .map(|port| format!("10.0.0.1:{port}").parse().unwrap())
            .collect()
    }

    /// `U1`: by datagram to port 1. `(U1)`: only if the way before could not be gone.
    fn written(plan: &[Stage]) -> String {
        let stage = |stage: &Stage| {
            let letter = match stage.way.over {
                Transport::Tcp => 'T',
                Transport::Udp => 'U',
            };
            let way = format!("{letter}{}", stage.way.at.port());
            match stage.is_spare {
                true => format!("({way})"),
                false => way,
            }
        };
        plan.iter().map(stage).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rfc_3263_4_3_the_order_of_the_ways() {
        use Transport::{Tcp, Udp};
        #[rustfmt::skip]
        let rows = [
            ("4.3",                     Udp, "1 2", "",    false, "",      "U1 U2"),
            ("4.3, what has failed",    Udp, "1 2", "",    false, "f1",    "U2 U1"),
            ("4.3, all have failed",    Udp, "1 2", "",    false, "f1 f2", "U1 U2"),
            ("4.3, but by datagram",    Udp, "1 2", "",    false, "r1",    "U1 U2"),
            ("18.1.1",                  Udp, "1 2", "",    true,  "",      "T1 (U1) T2 (U2)"),
            ("18.1.1, refused",         Udp, "1 2", "",    true,  "r1",    "U1 T2 (U2)"),
            ("18.1.1, what has failed", Udp, "1 2", "",    true,  "f1",    "T2 (U2) T1 (U1)"),
            ("18.1.1, DNS says where",  Udp, "1 2", "3 4", true,  "r3",    "T4 T3 U1 U2"),
            ("18.1.1, small",           Udp, "1 2", "3 4", false, "",      "U1 U2"),
            ("4.1, TCP",                Tcp, "1",   "3 4", false, "",      "T3 T4"),
            ("4.1, TCP and large",      Tcp, "",    "3 4", true,  "f3",    "T4 T3"),
            ("4.1, TCP refused",        Tcp, "",    "3 4", false, "r3",    "T4 T3"),
            ("nothing is known",        Udp, "",    "",    true,  "",      ""),
        ];
        for (what, over, udp, tcp, is_large, faults, want) in rows {
            let found = Found {
                over,
                udp: places(udp),
                tcp: places(tcp),
            };
            let had = |fault, at: SocketAddr| {
                let letter = match fault {
                    Fault::Failed => 'f',
                    Fault::Refused => 'r',
                };
                let fault = format!("{letter}{}", at.port());
                faults.split(' ').any(|one| one == fault)
            };
            let plan = found.plan(is_large, had);
            assert_eq!(written(&plan), want, "{what}");
        }
    }
}
