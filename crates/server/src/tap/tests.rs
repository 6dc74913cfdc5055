use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use super::*;

const ALICE: &str = "192.0.2.1:5060";
const SERVER: &str = "192.0.2.2:5060";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn in_memory() -> Arc<Tap> {
    Tap::memory(Clock::Os)
}

/// What a packet says, with its checksums verified.
#[derive(Debug, Eq, PartialEq)]
struct Packet {
    protocol: u8,
    from: SocketAddr,
    to: SocketAddr,
    /// The numbers of a segment, with its flags.
    tcp: Option<(u32, u32, u8)>,
    bytes: Vec<u8>,
}

/// The smallest reader of such files: strict, so that it finds what is wrong.
fn read(file: &[u8]) -> Vec<Packet> {
    let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let (head, mut rest) = file.split_at(24);
    assert_eq!(head[..8], [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4]);
    assert_eq!(word(&head[20..]), 101);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        assert!(word(&rest[4..8]) < 1_000_000, "microseconds");
        assert_eq!(rest[8..12], rest[12..16], "nothing is cut off");
        let length = usize::try_from(word(&rest[8..12])).unwrap();
        packets.push(packet(&rest[16..16 + length]));
        rest = &rest[16 + length..];
    }
    packets
}

fn packet(ip: &[u8]) -> Packet {
    let short = |bytes: &[u8]| u16::from_be_bytes(bytes.try_into().unwrap());
    let (protocol, addresses, inner) = if ip[0] == 0x45 {
        assert_eq!(usize::from(short(&ip[2..4])), ip.len());
        assert_eq!(ones(&ip[..20]), 0xffff, "IP checksum");
        (ip[9], &ip[12..20], &ip[20..])
    } else {
        assert_eq!(ip[0], 0x60);
        assert_eq!(usize::from(short(&ip[4..6])), ip.len() - 40);
        (ip[6], &ip[8..40], &ip[40..])
    };
    let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
    let summed = [addresses, &length, &[0, protocol], inner].concat();
    assert_eq!(ones(&summed), 0xffff, "inner checksum");
    let (from, to) = addresses.split_at(addresses.len() / 2);
    let address = |ip: &[u8], port: &[u8]| {
        let ip = match ip.try_into().map(Ipv4Addr::from_octets) {
            Ok(ip) => IpAddr::V4(ip),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(ip).unwrap()),
        };
        SocketAddr::new(ip, short(port))
    };
    let (tcp, bytes) = if protocol == 17 {
        assert_eq!(usize::from(short(&inner[4..6])), inner.len());
        (None, &inner[8..])
    } else {
        assert_eq!((protocol, inner[12]), (6, 0x50));
        let number = |at: usize| u32::from_be_bytes(inner[at..at + 4].try_into().unwrap());
        (Some((number(4), number(8), inner[13])), &inner[20..])
    };
    Packet {
        protocol,
        from: address(from, &inner[..2]),
        to: address(to, &inner[2..4]),
        tcp,
        bytes: bytes.to_vec(),
    }
}

/// The sum in ones' complement: all ones when a checksum within is right.
fn ones(bytes: &[u8]) -> u16 {
    let pairs = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let sum = pairs.fold(0, |sum, pair| (sum + pair) % 0xffff);
    if sum == 0 {
        0xffff
    } else {
        u16::try_from(sum).unwrap()
    }
}

#[test]
fn datagrams() {
    #[rustfmt::skip]
    let rows = [
        (ALICE, SERVER, ALICE, SERVER),
        ("[2001:db8::1]:5060", "[::1]:7", "[2001:db8::1]:5060", "[::1]:7"),
        // A socket for both kinds.
        ("[::]:5060", ALICE, "[::]:5060", "[::ffff:192.0.2.1]:5060"),
    ];
    for (from, to, seen_from, seen_to) in rows {
        for length in [0, 1, 2, 1301, 65_507] {
            let tap = in_memory();
            let bytes = vec![0xab; length];
            tap.udp(at(from), at(to), &bytes);
            let want = Packet {
                protocol: 17,
                from: at(seen_from),
                to: at(seen_to),
                tcp: None,
                bytes,
            };
            assert_eq!(read(&tap.bytes()), [want]);
        }
    }
}

#[test]
fn a_datagram_longer_than_any_is_cut() {
    let tap = in_memory();
    tap.udp(at(ALICE), at(SERVER), &[7; 70_000]);
    assert_eq!(read(&tap.bytes())[0].bytes.len(), 65_507);
}

#[test]
fn a_connection_begins_with_a_handshake_and_counts_both_ways() {
    let (alice, server) = (at(ALICE), at(SERVER));
    let tap = in_memory();
    tap.tcp(alice, server, b"hello");
    tap.tcp(server, alice, b"you");
    tap.tcp(alice, server, b"!");
    let packets = read(&tap.bytes());
    let first = packets[0].tcp.unwrap().0;
    let got: Vec<_> = packets
        .iter()
        .map(|p| {
            let (seq, ack, flags) = p.tcp.unwrap();
            let ack = ack.saturating_sub(first);
            (p.from == alice, seq - first, ack, flags, p.bytes.as_slice())
        })
        .collect();
    let nothing: &[u8] = b"";
    let want = [
        (true, 0, 0, 0x02, nothing),
        (false, 0, 1, 0x12, nothing),
        (true, 1, 1, 0x10, nothing),
        (true, 1, 1, 0x18, b"hello"),
        (false, 1, 6, 0x18, b"you"),
        (true, 6, 4, 0x18, b"!"),
    ];
    assert_eq!(got, want);
}

#[test]
fn connections_are_told_apart_and_long_writes_are_split() {
    let tap = in_memory();
    let long: Vec<u8> = (0..200_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    tap.tcp(at(ALICE), at(SERVER), &long);
    tap.tcp(at("192.0.2.1:5061"), at(SERVER), b"other");
    let packets = read(&tap.bytes());
    let of_alice = packets.iter().filter(|p| p.from == at(ALICE));
    let parts: Vec<u8> = of_alice.flat_map(|p| p.bytes.clone()).collect();
    assert_eq!(parts, long);
    let syn = packets
        .iter()
        .filter(|p| p.tcp.is_some_and(|(_, _, flags)| flags == 2));
    assert_eq!(syn.count(), 2);
}

#[tokio::test]
async fn a_file_is_whole_once_the_tap_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    fs::write(&path, "something older").unwrap();
    let world = World::os();
    let tap = Tap::file(&path, &world).unwrap();
    for n in 0..1000_u32 {
        tap.udp(at(ALICE), at(SERVER), &n.to_be_bytes());
    }
    assert_eq!(tap.bytes(), b"");
    assert_eq!(format!("{tap:?}"), "Tap { dropped: 0, .. }");
    drop(tap);
    let packets = read(&fs::read(&path).unwrap());
    assert_eq!(packets.len(), 1000);
    assert_eq!(packets[999].bytes, 999_u32.to_be_bytes());
    #[cfg(unix)]
    {
        let created = folder.path().join("new.pcap");
        drop(Tap::file(&created, &world).unwrap());
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&created).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(Tap::file(folder.path(), &world).is_err());
}

#[tokio::test]
async fn who_still_writes_the_former_trace_does_not_write_into_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    let world = World::os();
    let former = Tap::file(&path, &world).unwrap();
    former.udp(at(ALICE), at(SERVER), OPTIONS.as_bytes());
    let tap = Tap::file(&path, &world).unwrap();
    tap.udp(at(ALICE), at(SERVER), b"1");
    drop(tap);
    former.udp(at(ALICE), at(SERVER), OPTIONS.as_bytes());
    drop(former);
    let packets = read(&fs::read(&path).unwrap());
    let said: Vec<_> = packets.iter().map(|packet| &packet.bytes[..]).collect();
    assert_eq!(said, [b"1"]);
}

#[test]
fn what_the_queue_has_no_room_for_is_counted() {
    let (queue, seen) = sync_channel(2);
    let waiting = Arc::<AtomicUsize>::default();
    let sink = Sink::File {
        queue: Some(queue),
        waiting: Arc::clone(&waiting),
        writer: None,
    };
    let tap = Tap {
        clock: Clock::Os,
        sink,
        dropped: Arc::default(),
    };
    for _ in 0..3 {
        tap.udp(at(ALICE), at(SERVER), b"12345");
    }
    assert_eq!(tap.dropped.load(Ordering::Relaxed), 1);
    assert_eq!(waiting.load(Ordering::Relaxed), 10);
    assert_eq!(seen.try_iter().count(), 2);
    // The bytes that wait are bounded too.
    waiting.store(QUEUE_BYTES, Ordering::Relaxed);
    tap.udp(at(ALICE), at(SERVER), b"1");
    assert_eq!(tap.dropped.load(Ordering::Relaxed), 2);
    // And nothing waits for a thread that is gone.
    waiting.store(0, Ordering::Relaxed);
    drop(seen);
    tap.udp(at(ALICE), at(SERVER), b"1");
    assert_eq!(tap.dropped.load(Ordering::Relaxed), 3);
    assert_eq!(waiting.load(Ordering::Relaxed), 0);
}

const OPTIONS: &str = "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    From: <sip:alice@localhost>;tag=1\r\nTo: <sip:localhost>\r\nCall-ID: 1@x\r\nCSeq: 1 OPTIONS\r\n\
    Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

const SEND: &str = "MSRP d93kswow SEND\r\nTo-Path: msrp://192.0.2.2:2855/abc;tcp\r\n\
    From-Path: msrp://192.0.2.1:9892/12345;tcp\r\nMessage-ID: 12339sdqwer\r\nByte-Range: 1-5/5\r\n\
    Content-Type: text/plain\r\n\r\nhello\r\n-------d93kswow$\r\n";

/// A dissector that others wrote finds what was said and nothing wrong.
#[tokio::test]
async fn tshark_reads_it() {
    if std::env::var("TERTULIA_INTEROP").as_deref() != Ok("1") {
        println!("skipped: no interop");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    let world = World::os();
    let tap = Tap::file(&path, &world).unwrap();
    let (alice, server) = ("[2001:db8::1]:5060", "[2001:db8::2]:5060");
    tap.udp(at(ALICE), at(SERVER), OPTIONS.as_bytes());
    tap.udp(at(alice), at(server), OPTIONS.as_bytes());
    // One message in two writes, and then two in one.
    let (head, tail) = OPTIONS.split_at(100);
    for part in [head, tail, &[OPTIONS, OPTIONS].concat()] {
        tap.tcp(at(ALICE), at(SERVER), part.as_bytes());
        tap.tcp(at(alice), at(server), part.as_bytes());
    }
    tap.tcp(at("192.0.2.1:9892"), at("192.0.2.2:2855"), SEND.as_bytes());
    drop(tap);
    let tshark = |filter: &str| {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&path);
        command.args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
        ]);
        command.args(["-o", "tcp.check_checksum:TRUE", "-Y", filter]);
        let run = command.output().expect("tshark runs: apt install tshark");
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        String::from_utf8(run.stdout).unwrap()
    };
    let wrong = "_ws.malformed || _ws.expert.severity >= 0x400000 || tcp.analysis.flags";
    assert_eq!(tshark(wrong), "");
    assert_eq!(tshark("sip.Method == OPTIONS && udp").lines().count(), 2);
    // The packets that end a message: the second and the third write of each connection.
    assert_eq!(tshark("sip.Method == OPTIONS && tcp").lines().count(), 4);
    assert_eq!(tshark("msrp.method == SEND").lines().count(), 1);
    let whole = "tcp.flags.syn == 1 && tcp.flags.ack == 0";
    assert_eq!(tshark(whole).lines().count(), 3);
}
