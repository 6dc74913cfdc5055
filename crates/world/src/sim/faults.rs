//! What the network does to those who use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

/// The shortest way between two sockets. Were it nothing, two hosts could talk for ever without
/// time passing. It is also the step of tokio's timers.
const LATENCY_MIN: Duration = Duration::from_millis(1);

/// How the network behaves in one direction between two hosts. The default is a good network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Faults {
    /// The least time from sending to arrival; never below one millisecond.
    pub latency: Duration,
    /// Up to this much more, drawn anew each time. Datagrams overtake each other by it; the bytes
    /// of a connection stay in order.
    pub jitter: Duration,
    /// How many of a thousand datagrams get lost.
    pub loss_per_mille: u16,
    /// How many of a thousand datagrams arrive twice.
    pub duplicate_per_mille: u16,
    /// How many of a thousand segments (pieces of what is written to a connection) bring the
    /// connection down instead of arriving: both sides find it reset.
    pub reset_per_mille: u16,
    /// Cut what is written to connections at random points, down to single bytes, and now and
    /// then take only a part of a write: readers and writers meet every split.
    pub split: bool,
    /// How many bytes of a connection may be under way or unread. A small window is a slow
    /// reader; with 0 the writer stalls at once.
    pub window: usize,
    /// How long a connection tries to get bytes across a partition before its sender gives up
    /// with [`std::io::ErrorKind::TimedOut`]. `None`: for ever.
    pub give_up: Option<Duration>,
    /// What becomes of attempts to connect.
    pub connect: Connect,
}

/// What becomes of attempts to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connect {
    /// They succeed if somebody listens.
    Normal,
    /// They are refused, whoever listens.
    Refused,
    /// Nobody answers. The attempt fails after two minutes.
    BlackHole,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: LATENCY_MIN,
            jitter: Duration::ZERO,
            loss_per_mille: 0,
            duplicate_per_mille: 0,
            reset_per_mille: 0,
            split: false,
            window: 64 << 10,
            // Linux gives up after 15 retransmissions, which takes 924 seconds.
            give_up: Some(Duration::from_secs(924)),
            connect: Connect::Normal,
        }
    }
}

impl Faults {
    /// The latency in use.
    pub(super) fn least(&self) -> Duration {
        self.latency.max(LATENCY_MIN)
    }
}

/// All ways between hosts. Each has a direction.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) all: Faults,
    pub(super) each: BTreeMap<(IpAddr, IpAddr), Faults>,
    pub(super) blocked: BTreeSet<(IpAddr, IpAddr)>,
    pub(super) unplugged: BTreeSet<IpAddr>,
}

impl Links {
    pub(super) fn faults(&self, from: IpAddr, to: IpAddr) -> &Faults {
        self.each.get(&(from, to)).unwrap_or(&self.all)
    }

    /// Whether nothing gets through from one to the other. A host always reaches itself.
    pub(super) fn is_cut(&self, from: IpAddr, to: IpAddr) -> bool {
        from != to
            && (self.blocked.contains(&(from, to))
                || self.unplugged.contains(&from)
                || self.unplugged.contains(&to))
    }
}
