//! Packets made up around bytes, and the file they are in.
//!
//! The format is the classic pcap: a header, then per packet a time, two lengths and the packet,
//! here an IP packet without link layer. The sockets have removed the IP, UDP and TCP headers; they
//! are made again with lengths, checksums and sequence numbers that a dissector accepts. A TCP
//! connection begins with a handshake when it is first seen, with who speaks first as its client,
//! and never ends.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::Transport;

/// Says that times are in microseconds and numbers in big-endian order.
const MAGIC: u32 = 0xa1b2_c3d4;

/// LINKTYPE_RAW: an IPv4 or IPv6 packet, told apart by its first four bits.
const LINK_RAW: u32 = 101;

/// The longest packet: an IP header of either kind and all that its length can count.
const SNAP: u32 = 262_144;

/// The most bytes in one segment. Below the 65,535 of an IP packet, and as many as possible, since
/// not every dissector puts segments together.
const SEGMENT: usize = 65_000;

/// The most bytes in one datagram: 65,535 less the headers of IPv4 and UDP.
const DATAGRAM: usize = 65_507;

/// The most connections remembered. Beyond it all are forgotten, and begin anew when next seen: a
/// trace may look odd there, the memory may not grow.
const CONNECTIONS: usize = 100_000;

/// The distance between the first sequence numbers of connections, so that a pair of ports seen
/// again after it was forgotten is told from its former life.
const APART: u32 = 0x0100_0193;

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
const SYN: u8 = 0x02;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Writes packets.
pub(super) struct Packets<W> {
    out: W,
    connections: HashMap<(SocketAddr, SocketAddr), Sequence>,
    first: u32,
}

/// The next sequence number of each direction of a connection.
#[derive(Clone, Copy)]
struct Sequence {
    /// From the end with the smaller address.
    low: u32,
    /// From the other.
    high: u32,
}

impl Packets<Vec<u8>> {
    /// Packets in memory.
    pub(super) fn in_memory() -> Self {
        Self::started(header().to_vec())
    }

    /// The file as it stands.
    pub(super) fn written(&self) -> &Vec<u8> {
        &self.out
    }
}

impl<W: Write> Packets<W> {
    /// Begins a file.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&header())?;
        Ok(Self::started(out))
    }

    fn started(out: W) -> Self {
        Self {
            out,
            connections: HashMap::new(),
            first: 0,
        }
    }

    /// Adds what `from` sent to `to` at a time since 1970.
    pub(super) fn add(
        &mut self,
        transport: Transport,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        at: Duration,
    ) -> io::Result<()> {
        let (from, to) = one_family(from, to);
        match transport {
            Transport::Udp => self.datagram(from, to, bytes, at),
            Transport::Tcp => self.segments(from, to, bytes, at),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn datagram(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        at: Duration,
    ) -> io::Result<()> {
        let bytes = bytes.get(..DATAGRAM).unwrap_or(bytes);
        let mut head = Vec::with_capacity(8);
        head.extend(from.port().to_be_bytes());
        head.extend(to.port().to_be_bytes());
        head.extend(short(bytes.len() + 8).to_be_bytes());
        let sum = checksum(&[&pseudo(from, to, UDP, bytes.len() + 8), &head, bytes]);
        // RFC 768: a sum of zero is written as all ones, since zero says that there is none.
        head.extend(if sum == 0 { u16::MAX } else { sum }.to_be_bytes());
        self.packet(from, to, UDP, &head, bytes, at)
    }

    fn segments(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        at: Duration,
    ) -> io::Result<()> {
        let key = (from.min(to), from.max(to));
        let mut sequence = match self.connections.get(&key) {
            Some(known) => *known,
            None => self.handshake(from, to, at)?,
        };
        for part in bytes.chunks(SEGMENT) {
            let (seq, ack) = sequence.of(from, to);
            self.segment(from, to, (*seq, *ack), PSH | ACK, part, at)?;
            *seq = seq.wrapping_add(u32::from(short(part.len())));
        }
        self.connections.insert(key, sequence);
        Ok(())
    }

    fn handshake(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        at: Duration,
    ) -> io::Result<Sequence> {
        if self.connections.len() >= CONNECTIONS {
            self.connections.clear();
        }
        self.first = self.first.wrapping_add(APART);
        let first = self.first;
        let next = first.wrapping_add(1);
        self.segment(from, to, (first, 0), SYN, &[], at)?;
        self.segment(to, from, (first, next), SYN | ACK, &[], at)?;
        self.segment(from, to, (next, next), ACK, &[], at)?;
        Ok(Sequence {
            low: next,
            high: next,
        })
    }

    fn segment(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        (seq, ack): (u32, u32),
        flags: u8,
        bytes: &[u8],
        at: Duration,
    ) -> io::Result<()> {
        // Five words of header, the largest window, no urgent data.
        let head = |sum: u16| {
            let mut head = Vec::with_capacity(20);
            head.extend(from.port().to_be_bytes());
            head.extend(to.port().to_be_bytes());
            head.extend(seq.to_be_bytes());
            head.extend(ack.to_be_bytes());
            head.extend([5 << 4, flags]);
            head.extend(u16::MAX.to_be_bytes());
            head.extend(sum.to_be_bytes());
            head.extend([0, 0]);
            head
        };
        let sum = checksum(&[&pseudo(from, to, TCP, bytes.len() + 20), &head(0), bytes]);
        self.packet(from, to, TCP, &head(sum), bytes, at)
    }

    fn packet(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        protocol: u8,
        head: &[u8],
        bytes: &[u8],
        at: Duration,
    ) -> io::Result<()> {
        let ip = ip_header(from, to, protocol, head.len() + bytes.len());
        let length = u32::try_from(ip.len() + head.len() + bytes.len()).unwrap_or(SNAP);
        // Times in a pcap end in 2106.
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        for word in [seconds, at.subsec_micros(), length, length] {
            self.out.write_all(&word.to_be_bytes())?;
        }
        self.out.write_all(&ip)?;
        self.out.write_all(head)?;
        self.out.write_all(bytes)
    }
}

impl Sequence {
    /// The next number of `from`, and what it has received.
    fn of(&mut self, from: SocketAddr, to: SocketAddr) -> (&mut u32, &mut u32) {
        if from <= to {
            (&mut self.low, &mut self.high)
        } else {
            (&mut self.high, &mut self.low)
        }
    }
}

fn header() -> [u8; 24] {
    let mut header = [0; 24];
    // The version is 2.4; the time zone and the accuracy are zero everywhere.
    let words = [MAGIC, 0x0002_0004, 0, 0, SNAP, LINK_RAW];
    for (place, word) in header.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    header
}

/// Both in IPv6 form if one is: a socket for both kinds shows the other's IPv4 address so.
fn one_family(from: SocketAddr, to: SocketAddr) -> (SocketAddr, SocketAddr) {
    if from.is_ipv4() == to.is_ipv4() {
        return (from, to);
    }
    let mapped = |address: SocketAddr| SocketAddr::from((wide(address.ip()), address.port()));
    (mapped(from), mapped(to))
}

fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The IP header in front of `length` bytes.
fn ip_header(from: SocketAddr, to: SocketAddr, protocol: u8, length: usize) -> Vec<u8> {
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from.ip(), to.ip()) {
        // Five words of header, not fragmented, 64 hops to live.
        let total = short(length + 20).to_be_bytes();
        let head = |sum: [u8; 2]| {
            let mut head = vec![
                0x45, 0, total[0], total[1], 0, 0, 0x40, 0, 64, protocol, sum[0], sum[1],
            ];
            head.extend(from.octets());
            head.extend(to.octets());
            head
        };
        return head(checksum(&[&head([0, 0])]).to_be_bytes());
    }
    let mut head = vec![0x60, 0, 0, 0];
    head.extend(short(length).to_be_bytes());
    head.extend([protocol, 64]);
    head.extend(wide(from.ip()).octets());
    head.extend(wide(to.ip()).octets());
    head
}

/// What UDP and TCP count into their checksums besides themselves (RFC 768, RFC 8200 section 8.1).
fn pseudo(from: SocketAddr, to: SocketAddr, protocol: u8, length: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(40);
    for address in [from, to] {
        match address.ip() {
            IpAddr::V4(ip) => head.extend(ip.octets()),
            IpAddr::V6(ip) => head.extend(ip.octets()),
        }
    }
    // Shorter than in IPv6, where lengths have 32 bits: what is left out is zero and adds nothing.
    head.extend(short(length).to_be_bytes());
    head.extend([0, protocol]);
    head
}

/// The Internet checksum of the parts one after the other (RFC 1071). All but the last part have
/// an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u64 = pairs
        .map(|pair| match pair {
            [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
            [high] => u64::from(u16::from_be_bytes([*high, 0])),
            _ => 0,
        })
        .sum();
    let folded = (0..4).fold(sum, |sum, _| (sum & 0xffff) + (sum >> 16));
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

/// A length that fits, as all do: see [`SEGMENT`] and [`DATAGRAM`].
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
