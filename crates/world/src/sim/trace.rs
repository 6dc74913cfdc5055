//! What happened on the network, to compare two runs by.

use std::{collections::VecDeque, fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;

/// How many deliveries are kept unless told otherwise: enough to see how a bad day ended.
const KEPT: usize = 256;

/// One thing that reached its end, or failed to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// When it arrived, or was lost: virtual time since the universe began.
    pub at: Duration,
    /// When it was sent. The digest leaves this out: it follows from the rest.
    pub sent: Moment,
    /// Its place in the order of all that was sent and all that arrived, which tells what
    /// happened first at one instant.
    pub number: u64,
    /// What it was.
    pub kind: Kind,
    /// The sender's socket.
    pub from: SocketAddr,
    /// The receiver's socket.
    pub to: SocketAddr,
    /// What it carried.
    pub bytes: Bytes,
}

/// When something was sent: virtual time since the universe began, and the place in the order of
/// all that was sent and all that arrived.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Moment {
    /// The time.
    pub at: Duration,
    /// The place, which no two share.
    pub number: u64,
}

/// What was delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A datagram.
    Datagram,
    /// A datagram that was lost by chance.
    Lost,
    /// A datagram that ran into a partition, or to a host that is down or unknown.
    Cut,
    /// A datagram to a port where nobody is.
    NoPort,
    /// A datagram to a socket whose buffer is full.
    Overflow,
    /// An attempt to connect.
    Syn,
    /// The answer: connected.
    SynAck,
    /// Bytes of a connection.
    Data,
    /// Bytes of a connection that nobody holds any more at that end, and that is reset for it.
    Unheard,
    /// One side of a connection will write no more.
    Fin,
    /// A connection was reset or refused.
    Rst,
}

/// How much of the trace to keep in memory. The digest always covers all of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Nothing.
    Digest,
    /// The last so many deliveries. The default keeps 256.
    Last(usize),
    /// Everything: memory grows with the run.
    All,
}

/// One line: virtual seconds, kind, sender, receiver, number of bytes, bytes with escapes.
impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            kind,
            from,
            to,
            bytes,
            ..
        } = self;
        let (seconds, nanos) = (at.as_secs(), at.subsec_nanos());
        let (length, text) = (bytes.len(), bytes.escape_ascii());
        write!(
            f,
            "{seconds}.{nanos:09} {} {from} > {to} {length} {text}",
            kind.name()
        )
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Datagram => "datagram",
            Self::Lost => "lost",
            Self::Cut => "cut",
            Self::NoPort => "no-port",
            Self::Overflow => "overflow",
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Data => "data",
            Self::Unheard => "unheard",
            Self::Fin => "fin",
            Self::Rst => "rst",
        }
    }
}

/// Append-only record of deliveries.
#[derive(Debug)]
pub(super) struct Trace {
    keep: Keep,
    kept: VecDeque<Delivery>,
    digest: Digest,
    /// Deliveries that the observers have not seen yet; gathered only if there are any.
    fresh: Vec<Delivery>,
    observed: bool,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            keep: Keep::Last(KEPT),
            kept: VecDeque::new(),
            digest: Digest(Digest::START),
            fresh: Vec::new(),
            observed: false,
        }
    }

    pub(super) fn record(&mut self, delivery: Delivery) {
        self.digest.delivery(&delivery);
        if self.observed {
            self.fresh.push(delivery.clone());
        }
        if self.keep != Keep::Digest {
            self.kept.push_back(delivery);
            self.trim();
        }
    }

    pub(super) fn keep(&mut self, keep: Keep) {
        self.keep = keep;
        self.trim();
    }

    fn trim(&mut self) {
        let most = match self.keep {
            Keep::Digest => 0,
            Keep::Last(most) => most,
            Keep::All => return,
        };
        self.kept.drain(..self.kept.len().saturating_sub(most));
    }

    pub(super) fn observe(&mut self) {
        self.observed = true;
    }

    pub(super) fn take_fresh(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.fresh)
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest.0
    }

    pub(super) fn kept(&self) -> impl Iterator<Item = &Delivery> {
        self.kept.iter()
    }
}

/// A 64-bit digest that is the same on every machine. It tells runs apart; it is no proof against
/// somebody who wants two to look alike.
#[derive(Debug)]
struct Digest(u64);

impl Digest {
    /// Offset basis and prime of the 64-bit FNV hash.
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    fn delivery(&mut self, delivery: &Delivery) {
        let Delivery {
            at,
            kind,
            from,
            to,
            bytes,
            ..
        } = delivery;
        self.word(at.as_secs());
        self.word(u64::from(at.subsec_nanos()));
        self.bytes(kind.name().as_bytes());
        self.bytes(from.to_string().as_bytes());
        self.bytes(to.to_string().as_bytes());
        self.bytes(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let word = chunk
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.word(word);
        }
    }

    /// The rotation lets high bits of a word reach the low ones of the digest.
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(Self::PRIME).rotate_left(29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(bytes: &'static [u8]) -> Delivery {
        Delivery {
            at: Duration::from_micros(1_500_000),
            sent: Moment::default(),
            number: 0,
            kind: Kind::Datagram,
            from: "10.0.0.1:5060".parse().unwrap(),
            to: "10.0.0.2:5062".parse().unwrap(),
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn a_line_is_stable() {
        assert_eq!(
            delivery(b"hi\r\n\xff").to_string(),
            r"1.500000000 datagram 10.0.0.1:5060 > 10.0.0.2:5062 5 hi\r\n\xff"
        );
    }

    #[test]
    fn the_digest_sees_every_field() {
        let spoilt: [fn(&mut Delivery); 5] = [
            |d| d.at += Duration::from_nanos(1),
            |d| d.kind = Kind::Lost,
            |d| d.from.set_port(1),
            |d| d.to.set_port(1),
            |d| d.bytes = Bytes::from_static(b"ho"),
        ];
        let digest = |delivery: Delivery| {
            let mut trace = Trace::new();
            trace.record(delivery);
            trace.digest()
        };
        let plain = digest(delivery(b"hi"));
        assert_eq!(plain, digest(delivery(b"hi")));
        for spoil in spoilt {
            let mut other = delivery(b"hi");
            spoil(&mut other);
            assert_ne!(digest(other.clone()), plain, "{other}");
        }
    }

    #[test]
    fn only_so_much_is_kept_and_the_digest_covers_all() {
        let run = |keep| {
            let mut trace = Trace::new();
            trace.keep(keep);
            for _ in 0..1000 {
                trace.record(delivery(b"hi"));
            }
            (trace.kept().count(), trace.digest())
        };
        let (all, digest) = run(Keep::All);
        assert_eq!(all, 1000);
        assert_eq!(run(Keep::Last(7)), (7, digest));
        assert_eq!(run(Keep::Digest), (0, digest));
    }
}
