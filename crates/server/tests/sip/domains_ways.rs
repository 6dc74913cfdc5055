//! A domain with several servers, some of which are not there: RFC 3263.

use std::time::Duration;

use crate::lab::sim::SimLine;
use crate::lab::{Ask, Chat, Phone, Place, SimLab, store};
use server::config::{SipPeer, Transport};
use sip::{Name, Response};
use world::{Naptr, Srv, Table};

const URI: &str = "sip:bob@b.example";

/// A server that finds b.example in DNS.
fn lab(transport: Option<Transport>, names: impl FnOnce(&Table)) -> SimLab {
    let lab = SimLab::with_store(store(), |setup, _| {
        setup.sip_peers = vec![SipPeer {
            domain: "b.example".to_owned(),
            host: None,
            transport,
        }];
    });
    names(lab.names());
    // It has looked before the names were there.
    lab.pass(Duration::from_secs(10));
    lab
}

/// Two servers, of which the first is to be tried first.
fn two(names: &Table) {
    for ip in ["10.0.7.1", "10.0.7.2"] {
        names.add_host("b.example", ip.parse().unwrap());
    }
}

/// Sends bob a request: its Call-ID.
fn send(phone: &mut Phone, method: &str) -> String {
    let contact = format!("Contact: {}\r\n", phone.contact());
    phone.begins(method, URI, &contact)
}

/// Bob is called there and accepts, and alice leaves again: the branch of the INVITE.
fn talks(alice: &mut Phone, call_id: &str, bob: &mut Phone) -> String {
    let invite = bob.incoming("INVITE");
    let contact = format!("Contact: {}\r\n", bob.contact());
    bob.answer(&invite, "200 OK", "b", &contact, "");
    let ok = alice.final_response(call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    bob.incoming("ACK");
    leaves(alice, &ok, bob);
    let via = invite.raw(Name::Via).unwrap();
    via.split("branch=").nth(1).unwrap().to_owned()
}

fn leaves(alice: &mut Phone, ok: &Response, bob: &mut Phone) {
    let cseq = alice.next_cseq();
    let bye = alice.inside("BYE", ok, cseq, "", "");
    alice.send(bye.as_bytes());
    let bye = bob.incoming("BYE");
    bob.answer(&bye, "200 OK", "b", "", "");
    let call_id = ok.raw(Name::CallId).unwrap();
    assert_eq!(alice.final_response(call_id).status(), 200);
}

/// RFC 3263 section 4.3: nobody answers at the first address (timer B), so the second gets it; and
/// what comes after goes there at once.
#[test]
fn a_silent_server_is_passed_over() {
    let lab = lab(None, two);
    let mut dead = Place::at(&lab, "10.0.7.1").datagrams();
    let mut bob = Place::at(&lab, "10.0.7.2").datagrams();
    let mut alice = lab.phone("alice");
    let before = lab.now();
    let call_id = send(&mut alice, "INVITE");
    let second = talks(&mut alice, &call_id, &mut bob);
    assert!(lab.now() - before >= Duration::from_secs(32), "64*T1");
    // The same request but for the branch.
    let first = dead.incoming("INVITE");
    assert_eq!(first.uri(), URI);
    assert_eq!(first.raw(Name::CallId), Some(call_id.as_str()));
    let via = first.raw(Name::Via).unwrap();
    assert!(!via.contains(second.as_str()));
    let before = lab.now();
    let call_id = send(&mut alice, "INVITE");
    talks(&mut alice, &call_id, &mut bob);
    assert!(lab.now() - before < Duration::from_secs(1));
    // Later the first one has its chance again.
    lab.pass(Duration::from_secs(6 * 60));
    let before = lab.now();
    let call_id = send(&mut alice, "INVITE");
    loop {
        let invite = dead.incoming("INVITE");
        if invite.raw(Name::CallId) == Some(call_id.as_str()) {
            dead.answer(&invite, "486 Busy Here", "d", "", "");
            break;
        }
    }
    let busy = alice.final_response(&call_id);
    assert_eq!(busy.status(), 486);
    assert!(lab.now() - before < Duration::from_secs(1));
    alice.ack_failure(&busy, URI);
    lab.settled();
}

/// RFC 3263 section 4.3: a 503 is a failure of that server, a 486 is an answer.
#[test]
fn a_server_that_says_503_is_passed_over() {
    let lab = lab(None, two);
    let mut full = Place::at(&lab, "10.0.7.1").datagrams();
    let mut bob = Place::at(&lab, "10.0.7.2").datagrams();
    let mut alice = lab.phone("alice");
    let call_id = send(&mut alice, "MESSAGE");
    let message = full.incoming("MESSAGE");
    full.answer(&message, "503 Service Unavailable", "f", "", "");
    let message = bob.incoming("MESSAGE");
    bob.answer(&message, "486 Busy Here", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 486);
    // Both say so: then it is said to the sender, as RFC 3261 section 16.7 has it.
    let call_id = send(&mut alice, "MESSAGE");
    for server in [&mut bob, &mut full] {
        let message = server.incoming("MESSAGE");
        server.answer(&message, "503 Service Unavailable", "f", "", "");
    }
    assert_eq!(alice.final_response(&call_id).status(), 500);
    lab.settled();
}

#[test]
fn a_server_that_takes_no_connection_is_passed_over() {
    // What becomes of the connection to the first, if it takes one.
    type Mischief = fn(SimLine) -> Option<SimLine>;
    let rows: [Option<Mischief>; 3] = [None, Some(|_| None), Some(Some)];
    for mischief in rows {
        let lab = lab(Some(Transport::Tcp), two);
        let mut first = Place::at(&lab, "10.0.7.1");
        let second = Place::listening(&lab, "10.0.7.2");
        if mischief.is_some() {
            first.listen();
        }
        let mut alice = lab.phone("alice");
        let call_id = send(&mut alice, "INVITE");
        let _kept = mischief.and_then(|mischief| mischief(first.line()));
        let mut bob = second.taken();
        talks(&mut alice, &call_id, &mut bob);
        // It is known by now.
        let call_id = send(&mut alice, "INVITE");
        talks(&mut alice, &call_id, &mut bob);
        lab.settled();
    }
}

/// Whoever is called by a conference is tried in the same way, and the leg is with the server that
/// has answered.
#[test]
fn a_conference_passes_a_silent_server_over() {
    let lab = lab(None, two);
    let mut bob = Place::at(&lab, "10.0.7.2").datagrams();
    let mut alice = lab.phone("alice");
    let call_id = Ask::guests(&[])
        .with_entries("<entry uri=\"sip:bob@b.example\" cp:copyControl=\"to\"/>")
        .send(&mut alice);
    let invited = bob.invited();
    bob.accept(&invited, "", &Chat::sdp("bob"));
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    leaves(&mut alice, &ok, &mut bob);
    lab.settled();
}

/// The sender hears of it when all have failed, and why.
#[test]
fn nobody_is_there() {
    let rows = [
        (None, "INVITE", 408, "No Answer from That Domain"),
        (
            Some(Transport::Tcp),
            "INVITE",
            480,
            "The Server of That Domain Cannot Be Reached",
        ),
        (
            Some(Transport::Tcp),
            "MESSAGE",
            480,
            "The Server of That Domain Cannot Be Reached",
        ),
    ];
    for (transport, method, status, reason) in rows {
        let lab = lab(transport, two);
        // Hosts that are on, where nobody listens.
        let _places = ["10.0.7.1", "10.0.7.2"].map(|ip| Place::at(&lab, ip));
        let mut alice = lab.phone("alice");
        let before = lab.now();
        let call_id = send(&mut alice, method);
        let ended = alice.final_response(&call_id);
        assert_eq!((ended.status(), ended.reason()), (status, reason));
        alice.ack_failure(&ended, URI);
        // Each of them once.
        assert!(lab.now() - before < Duration::from_secs(66), "{method}");
        lab.settled();
    }
}

/// Who has given up is not called at the next server.
#[test]
fn an_invite_that_is_cancelled_goes_no_other_way() {
    let lab = lab(None, two);
    let _first = Place::at(&lab, "10.0.7.1").datagrams();
    let mut second = Place::at(&lab, "10.0.7.2").datagrams();
    let mut alice = lab.phone("alice");
    let call_id = send(&mut alice, "INVITE");
    assert_eq!(alice.cancels(&call_id, URI).status(), 200);
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 487);
    alice.ack_failure(&ended, URI);
    assert!(!second.has_heard(&sip::Method::Invite));
}

fn naptr(order: u16, service: &str, replacement: &str) -> Naptr {
    Naptr {
        order,
        preference: 0,
        flags: "s".to_owned(),
        service: service.to_owned(),
        regexp: String::new(),
        replacement: replacement.to_owned(),
    }
}

/// RFC 3263 section 4.1: the domain says which transport it prefers, by NAPTR or by the SRV records
/// that it has.
#[test]
fn the_transport_is_what_dns_says() {
    type Names = fn(&Table);
    let rows: [(&str, Names); 2] = [
        ("NAPTR", |names| {
            names.add_naptr("b.example", naptr(2, "SIP+D2U", "_sip._udp.b.example"));
            names.add_naptr("b.example", naptr(1, "SIP+D2T", "_sip._tcp.b.example"));
        }),
        ("SRV", |_| {}),
    ];
    for (what, more) in rows {
        let lab = lab(None, |names| {
            names.add_host("sip.b.example", "10.0.7.1".parse().unwrap());
            let target = "sip.b.example".to_owned();
            let (priority, weight, port) = (1, 1, 5060);
            let srv = Srv {
                priority,
                weight,
                port,
                target,
            };
            names.add_srv("_sip._tcp.b.example", srv.clone());
            if what == "NAPTR" {
                names.add_srv("_sip._udp.b.example", srv);
            }
            more(names);
        });
        let place = Place::listening(&lab, "10.0.7.1");
        let _datagrams = place.datagrams();
        let mut alice = lab.phone("alice");
        let call_id = send(&mut alice, "INVITE");
        let mut bob = place.taken();
        talks(&mut alice, &call_id, &mut bob);
        lab.settled();
    }
}
