//! How the server of another domain is found by DNS (SRV `_imps-server._tcp`).

use std::time::Duration;

use imps::csp::{Recipient, User};
use imps::ssp::{LoginResponse, Message, Mode, RedirectList, Setup};
use imps::status::Code;
use world::{NameServer, Srv, Table, World};

use crate::lab::PATIENCE;
use crate::lab::domain::{DOMAIN, letter_box, meet_by_name, stranger};
use crate::lab::two::{AWAY, SILENT, THERE, Two};

fn to_bob() -> Recipient {
    Recipient {
        users: vec![User::new(format!("wv:bob@{AWAY}"))],
        ..Recipient::default()
    }
}

fn record(priority: u16, port: u16, target: &str) -> Srv {
    Srv {
        priority,
        weight: 1,
        port,
        target: target.to_owned(),
    }
}

/// The better host does not answer: the other one is asked.
#[test]
fn the_next_host_is_tried_when_the_first_is_silent() {
    let name = format!("_imps-server._tcp.{AWAY}");
    let two = Two::by_dns(|names| {
        names.add_srv(&name, record(20, 8080, "spare.b.example"));
        names.add_srv(&name, record(10, 8080, "im.b.example"));
        names.add_host("im.b.example", SILENT);
        names.add_host("spare.b.example", THERE);
    });
    // The first one has its three seconds, whatever is posted.
    two.pass(Duration::from_secs(10));
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let sent = alice.send_to(to_bob(), "found", false);
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL, "{sent:?}");
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("found"));
}

#[test]
fn without_a_record_the_domain_cannot_be_reached() {
    let two = Two::by_dns(|names| names.add_host(AWAY, THERE));
    two.pass(Duration::from_secs(60));
    let mut alice = two.here("alice");
    let sent = alice.send_to(to_bob(), "x", false);
    assert_eq!(sent.outcome.code, Code::SERVICE_UNAVAILABLE);
}

/// The servers of `dns.servers` are asked, over sockets.
#[test]
fn dns_servers_of_the_configuration_are_asked() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let zone = Table::default();
    let served = zone.clone();
    let start = async {
        let world = World::os();
        let server = NameServer::start(&world, served).unwrap();
        (world, server)
    };
    let (_world, server) = runtime.block_on(start);
    // It comes up once the server's own posts arrive.
    meet_by_name(server.address(), |at| {
        let name = format!("_imps-server._tcp.{DOMAIN}");
        zone.add_srv(&name, record(1, at.port(), "im.b.example"));
        zone.add_host("im.b.example", at.ip());
    });
}

/// A server that is asked to log in says where it wants to be reached instead, and is.
#[test]
fn a_redirect_is_followed_within_the_domain() {
    let (_lab, domain) = stranger("b's", |_| {});
    let Message::Setup { transaction_id, .. } = domain.posted() else {
        panic!("no login");
    };
    let (there, posted) = letter_box();
    let away = Message::Setup {
        mode: Mode::Response,
        transaction_id,
        body: Setup::LoginResponse(LoginResponse {
            redirect: Some(RedirectList {
                addresses: vec![format!("http://{there}/ssp")],
            }),
            ..LoginResponse::default()
        }),
    };
    assert_eq!(domain.post(&away.to_xml()), 200);
    let first = posted.recv_timeout(PATIENCE).unwrap();
    let Message::Setup { body, .. } = Message::parse(&first).unwrap() else {
        panic!("no login");
    };
    assert!(matches!(body, Setup::SendSecretToken(_)), "{body:?}");
}
