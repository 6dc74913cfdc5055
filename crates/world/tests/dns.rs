//! What a resolver makes of what DNS servers say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use world::{Dns, NameServer, Naptr, Records, Resolver, Srv, Table, World};

struct Ground {
    world: World,
    zone: Table,
    server: NameServer,
    dns: Dns,
}

/// A server, and a resolver that asks it.
fn ground() -> Ground {
    let world = World::os();
    let zone = Table::default();
    let server = NameServer::start(&world, zone.clone()).unwrap();
    let dns = asking(&[server.address()]);
    Ground {
        world,
        zone,
        server,
        dns,
    }
}

fn asking(servers: &[SocketAddr]) -> Dns {
    Dns::Resolver(Resolver::of_servers(servers).unwrap())
}

fn srv(priority: u16, weight: u16, target: &str) -> Srv {
    Srv {
        priority,
        weight,
        port: 5060,
        target: target.to_owned(),
    }
}

fn sorted<T, K: Ord>(records: Records<T>, key: impl FnMut(&T) -> K) -> Vec<T> {
    let Records::Found(mut records) = records else {
        return Vec::new();
    };
    records.sort_by_key(key);
    records
}

#[tokio::test]
async fn addresses_of_both_versions_are_found() {
    let ground = ground();
    for ip in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        ground.zone.add_host("im.example.com", ip.parse().unwrap());
    }
    let mut got = ground
        .dns
        .lookup_host("IM.example.com", 5060)
        .await
        .unwrap();
    // IPv4 before IPv6; within one version in any order.
    got[..2].sort_unstable();
    let want = ["192.0.2.1:5060", "192.0.2.2:5060", "[2001:db8::1]:5060"];
    assert_eq!(got, want.map(|at| at.parse().unwrap()));
}

#[tokio::test]
async fn one_version_is_enough() {
    let ground = ground();
    ground
        .zone
        .add_host("four.example.com", "192.0.2.1".parse().unwrap());
    ground
        .zone
        .add_host("six.example.com", "2001:db8::1".parse().unwrap());
    for (name, want) in [
        ("four.example.com", "192.0.2.1:1"),
        ("six.example.com", "[2001:db8::1]:1"),
    ] {
        let got = ground.dns.lookup_host(name, 1).await.unwrap();
        assert_eq!(got, [want.parse().unwrap()], "{name}");
    }
}

#[tokio::test]
async fn services_come_as_they_are_written() {
    let ground = ground();
    let name = "_imps-server._tcp.example.com";
    let records = [
        srv(10, 5, "a.example.com"),
        srv(20, 0, "b.example.com"),
        srv(30, 7, "."),
    ];
    for record in records.clone() {
        ground.zone.add_srv(name, record);
    }
    let got = ground.dns.srv(name).await.unwrap();
    assert_eq!(sorted(got, |one| one.priority), records);

    let naptr = |order, service: &str| Naptr {
        order,
        preference: 50,
        flags: "s".to_owned(),
        service: service.to_owned(),
        regexp: String::new(),
        replacement: "_sip._udp.example.com".to_owned(),
    };
    let records = [naptr(1, "SIP+D2U"), naptr(2, "SIP+D2T")];
    for record in records.clone() {
        ground.zone.add_naptr("example.com", record);
    }
    let got = ground.dns.naptr("example.com").await.unwrap();
    assert_eq!(sorted(got, |one| one.order), records);
}

#[tokio::test]
async fn what_there_is_not_is_missing() {
    let ground = ground();
    let ip = "192.0.2.1".parse().unwrap();
    ground.zone.add_host("host.example.com", ip);
    // A name that there is not, and one that has other records.
    for name in ["nobody.example.com", "host.example.com"] {
        assert_eq!(ground.dns.srv(name).await.unwrap(), Records::Missing);
        assert_eq!(ground.dns.naptr(name).await.unwrap(), Records::Missing);
    }
    ground
        .zone
        .add_srv("_s._udp.example.com", srv(0, 0, "host.example.com"));
    for name in ["nobody.example.com", "_s._udp.example.com"] {
        let error = ground.dns.lookup_host(name, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_fails_is_an_error() {
    let ground = ground();
    let name = "broken.example.com";
    ground.server.fail(name);
    let error = ground.dns.srv(name).await.unwrap_err();
    assert!(error.to_string().contains("Server Failure"), "{error}");
    ground.dns.naptr(name).await.unwrap_err();
    let error = ground.dns.lookup_host(name, 1).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Time passes at once where nothing happens, so this takes none.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_given_up() {
    let ground = ground();
    let name = "silent.example.com";
    ground.server.silence(name);
    let clock = ground.world.clock;
    for is_host in [false, true] {
        let begin = clock.now();
        let error = match is_host {
            false => ground.dns.srv(name).await.unwrap_err(),
            true => ground.dns.lookup_host(name, 1).await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        let waited = clock.now() - begin;
        assert!(waited > Duration::from_secs(3), "{waited:?}");
        assert!(waited < Duration::from_secs(5), "{waited:?}");
    }
}

#[tokio::test]
async fn a_second_server_answers_for_a_first_that_is_gone() {
    let ground = ground();
    let ip = "192.0.2.1".parse().unwrap();
    ground.zone.add_host("im.example.com", ip);
    // Nobody listens there any more.
    let gone = ground.world.net.bind_udp("127.0.0.1:0".parse().unwrap());
    let gone = gone.unwrap().local_addr().unwrap();
    let dns = asking(&[gone, ground.server.address()]);
    let got = dns.lookup_host("im.example.com", 1).await.unwrap();
    assert_eq!(got, [SocketAddr::new(ip, 1)]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_a_datagram_comes_over_tcp() {
    let ground = ground();
    let name = "_many._tcp.example.com";
    let records: Vec<Srv> = (0..100)
        .map(|nth| {
            srv(
                nth,
                0,
                &format!("a-host-with-a-long-name-{nth}.example.com"),
            )
        })
        .collect();
    for record in records.clone() {
        ground.zone.add_srv(name, record);
    }
    let got = ground.dns.srv(name).await.unwrap();
    assert_eq!(sorted(got, |one| one.priority), records);
}

/// `/etc/hosts` says so, or else RFC 6761: no server is asked.
#[tokio::test]
async fn localhost_is_this_machine() {
    let ground = ground();
    ground.server.silence("localhost");
    for dns in [ground.dns, Dns::of_system(), Dns::System] {
        let got = dns.lookup_host("localhost", 9).await.unwrap();
        assert!(got.iter().all(|at| at.ip().is_loopback()), "{got:?}");
        assert!(!got.is_empty());
    }
}

#[tokio::test]
async fn no_name_is_an_error_and_no_question() {
    let ground = ground();
    let long = "x".repeat(300);
    for name in ["a..b", long.as_str()] {
        ground.dns.srv(name).await.unwrap_err();
        ground.dns.lookup_host(name, 1).await.unwrap_err();
    }
}
