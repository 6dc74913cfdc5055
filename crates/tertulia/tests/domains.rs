//! Two servers of two domains, each a process of its own at an address of its own, that find each
//! other by DNS, and believe each other by their certificates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod lab;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::Instant;

use lab::{Client, PATIENCE, Server, run, serve_at, watch};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use world::{NameServer, Srv, Table, World};

const DOMAINS: [&str; 2] = ["a.example", "b.example"];

/// Two servers, and the nameserver of both, which lives in the runtime.
struct Two {
    a: Server,
    b: Server,
    _runtime: tokio::runtime::Runtime,
    _names: (World, NameServer),
    _files: TempDir,
}

/// A certificate for each domain, with its key, and that of the authority of both.
fn certify(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    fs::write(folder.join("authorities.pem"), own.pem()).unwrap();
    let authority = Issuer::new(params, key);
    for domain in DOMAINS {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([domain.to_owned()]).unwrap();
        let signed = params.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{domain}.pem")), signed.pem()).unwrap();
        fs::write(
            folder.join(format!("{domain}-key.pem")),
            key.serialize_pem(),
        )
        .unwrap();
    }
}

fn two() -> Two {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let zone = Table::default();
    let inside = runtime.enter();
    let world = World::os();
    let names = NameServer::start(&world, zone.clone()).unwrap();
    drop(inside);
    // All of 127 is this machine. The ports are known to the zone before a server has them.
    let [.., high, low] = std::process::id().to_be_bytes();
    let ips = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(127, high.max(1), low, last)));
    let places = ips.map(|ip| {
        let sip = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
        let http = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap();
        (sip, http)
    });
    for (domain, (sip, http)) in DOMAINS.iter().zip(places) {
        let host = format!("im.{domain}");
        zone.add_host(&host, sip.ip());
        let at = |place: SocketAddr| Srv {
            priority: 1,
            weight: 1,
            port: place.port(),
            target: host.clone(),
        };
        zone.add_srv(&format!("_sip._udp.{domain}"), at(sip));
        zone.add_srv(&format!("_imps-server._tcp.{domain}"), at(http));
    }
    let files = tempfile::tempdir().unwrap();
    certify(files.path());
    let file = |name: String| files.path().join(name).display().to_string();
    let server = |own: usize, other: usize| {
        let (sip, http) = places[own];
        let (domain, peer) = (DOMAINS[own], DOMAINS[other]);
        let settings = [
            format!("domain={domain}"),
            format!("dns.servers={}", names.address()),
            format!("sip.udp={sip}"),
            format!("http.tls={http}"),
            format!("tls.certificate={}", file(format!("{domain}.pem"))),
            format!("tls.key={}", file(format!("{domain}-key.pem"))),
            format!("tls.authorities={}", file("authorities.pem".to_owned())),
            format!("sip.peers=[{{ domain = \"{peer}\" }}]"),
            format!("ssp.secret=of {domain}"),
            format!("ssp.peers=[{{ domain = \"{peer}\", tls = true, secret = \"of {peer}\" }}]"),
        ];
        serve_at(&sip.ip().to_string(), &settings)
    };
    Two {
        a: server(0, 1),
        b: server(1, 0),
        _runtime: runtime,
        _names: (world, names),
        _files: files,
    }
}

fn device(server: &Server, domain: &str, user: &str) -> Client {
    let own = [
        "--server",
        &server.udp,
        "--transport",
        "udp",
        "--domain",
        domain,
    ];
    let mut device = watch(&[&own[..], &["--as", user, "--password", "password"]].concat());
    device.says("event", "registered");
    device
}

fn handset(server: &Server, domain: &str, user: &str) -> Client {
    let own = ["--imps", "--server", &server.http, "--domain", domain];
    let mut handset = watch(&[&own[..], &["--as", user, "--password", "password"]].concat());
    handset.says("event", "online");
    handset
}

#[test]
fn devices_and_a_handset_of_two_domains_hold_one_conversation() {
    let two = two();
    let mut alice = device(&two.a, "a.example", "alice");
    let mut bob = device(&two.b, "b.example", "bob");
    let mut dave = handset(&two.b, "b.example", "dave");
    // By then the servers have found each other over SSP as well.
    let send = [
        "send",
        "--imps",
        "--server",
        &two.a.http,
        "--domain",
        "a.example",
        "--password",
        "password",
    ];
    let write = || {
        run(
            &[&send[..], &["dave@b.example", "--", "Are you there?"]].concat(),
            "",
        )
    };
    let deadline = Instant::now() + PATIENCE;
    while write().status.code() != Some(0) {
        assert!(Instant::now() < deadline, "no link between the servers");
    }
    assert_eq!(dave.says("event", "message")["from"], "wv:alice@a.example");
    assert_eq!(
        alice.asks("create bob@b.example dave@b.example")["ok"],
        true
    );
    let invited = bob.says("event", "invited");
    assert_eq!(invited["from"], "sip:alice@a.example");
    bob.tell("accept\nwait media_up\n");
    bob.says("command", "wait");
    dave.says("event", "invited");
    assert_eq!(dave.asks("accept")["ok"], true);
    alice.tell("wait joined\nwait joined\n");
    for _ in 0..2 {
        assert_eq!(alice.says("command", "wait")["ok"], true);
    }
    assert_eq!(alice.asks("say 1 Hello over there")["ok"], true);
    for who in [&mut bob, &mut dave] {
        assert_eq!(who.says("event", "message")["text"], "Hello over there");
    }
    assert_eq!(bob.asks("say 1 Good evening")["ok"], true);
    for who in [&mut alice, &mut dave] {
        assert_eq!(who.says("event", "message")["text"], "Good evening");
    }
}
