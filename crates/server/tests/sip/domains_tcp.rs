//! Connections between this server and that of another domain: RFC 3261 section 18.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use crate::lab::ask;
use crate::lab::sim::SimLine;
use crate::lab::{Ask, Chat, Lab, Phone, Place, SimLab, store};
use server::Setup;
use server::config::{SipPeer, Transport};
use sip::{Name, Request, Response};
use world::sim::{Connect, Faults};

/// Where the server of b.example is.
const THERE: &str = "10.0.7.1";

const BOB: &str = "P-Asserted-Identity: <sip:bob@b.example>\r\n";

fn peer(domain: &str, host: &str, transport: Option<Transport>) -> SipPeer {
    SipPeer {
        domain: domain.to_owned(),
        host: Some(host.to_owned()),
        transport,
    }
}

/// A server that reaches b.example.
fn lab(transport: Option<Transport>, change: impl FnOnce(&mut Setup)) -> SimLab {
    SimLab::with_store(store(), |setup, _| {
        setup.sip_peers = vec![
            peer("b.example", THERE, transport),
            peer("c.example", "10.0.7.3", None),
        ];
        change(setup);
    })
}

/// A header with which no request goes as a datagram (RFC 3261 section 18.1.1).
fn long() -> String {
    format!("Subject: {}\r\n", "long ".repeat(260))
}

/// A MESSAGE to bob, and what it is answered with.
fn message(alice: &mut Phone, bob: &mut Phone, extra: &str) -> Request {
    let call_id = alice.begins("MESSAGE", "sip:bob@b.example", extra);
    let message = bob.incoming("MESSAGE");
    bob.answer(&message, "202 Later", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 202);
    message
}

/// The transport in the topmost Via.
fn via(request: &Request) -> &str {
    let via = request.raw(Name::Via).unwrap();
    via.split([' ', '/']).nth(2).unwrap()
}

/// An INVITE that bob accepts: it, and the 200 as alice gets it.
fn invite(alice: &mut Phone, bob: &mut Phone, extra: &str) -> (Request, Response) {
    let extra = format!("Contact: {}\r\n{extra}", alice.contact());
    let call_id = alice.begins("INVITE", "sip:bob@b.example", &extra);
    let invite = bob.incoming("INVITE");
    let contact = format!("Contact: {}\r\n", bob.contact());
    bob.answer(&invite, "200 OK", "b", &contact, "");
    (invite, alice.final_response(&call_id))
}

/// A request inside the dialog that an INVITE made, of whoever was called.
fn of_callee(callee: &mut Phone, tag: &str, method: &str, invite: &Request) {
    let contact = ask::uri(invite.raw(Name::Contact).unwrap());
    let routes: String = invite
        .raw_all(Name::RecordRoute)
        .map(|route| format!("Route: {route}\r\n"))
        .collect();
    let text = format!(
        "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{method};rport\r\n\
         Max-Forwards: 70\r\n{routes}From: {};tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 7 {method}\r\n\
         Content-Length: 0\r\n\r\n",
        callee.transport(),
        callee.local,
        invite.raw(Name::To).unwrap(),
        invite.raw(Name::From).unwrap(),
        invite.raw(Name::CallId).unwrap(),
    );
    callee.send(text.as_bytes());
}

/// RFC 3261 section 18.1.1: what is large goes over TCP, and what is small does not.
#[test]
fn a_large_request_goes_by_connection_and_a_small_one_by_datagram() {
    let lab = lab(None, |_| {});
    let place = Place::listening(&lab, THERE);
    let mut datagrams = place.datagrams();
    let mut alice = lab.phone("alice");
    assert_eq!(via(&message(&mut alice, &mut datagrams, "")), "UDP");
    let call_id = alice.begins("MESSAGE", "sip:bob@b.example", &long());
    let mut bob = place.taken();
    let large = bob.incoming("MESSAGE");
    assert!(large.wire().len() > 1300);
    assert_eq!(via(&large), "TCP");
    bob.answer(&large, "202 Later", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 202);
    // The next ones take the same connection, or none.
    assert_eq!(via(&message(&mut alice, &mut bob, &long())), "TCP");
    assert_eq!(via(&message(&mut alice, &mut datagrams, "")), "UDP");
    assert!(place.is_left_alone());
    lab.settled();
}

/// The same on real sockets.
#[test]
fn a_large_request_goes_by_a_real_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let lab = Lab::with(|setup, _| setup.sip_peers = vec![peer("b.example", &at, None)]);
    let mut alice = Phone::udp(&lab, "alice");
    for _ in 0..2 {
        let call_id = alice.begins("MESSAGE", "sip:bob@b.example", &long());
        // One connection for both, or there would be none to be closed here.
        let mut bob = Phone::taken(&lab, &listener, "bob");
        let large = bob.incoming("MESSAGE");
        assert_eq!(via(&large), "TCP");
        bob.answer(&large, "202 Later", "b", "", "");
        assert_eq!(alice.final_response(&call_id).status(), 202);
        assert_eq!(via(&message(&mut alice, &mut bob, &long())), "TCP");
        bob.hangs_up();
    }
    lab.settled();
}

/// A dialog that a large INVITE has made: ACK and BYE come by the connection as well, from either
/// side.
#[test]
fn a_dialog_stays_on_its_connection() {
    let lab = lab(None, |_| {});
    let place = Place::listening(&lab, THERE);
    let mut alice = lab.phone("alice");
    let contact = format!("Contact: {}\r\n{}", alice.contact(), long());
    let call_id = alice.begins("INVITE", "sip:bob@b.example", &contact);
    let mut bob = place.taken();
    let first = bob.incoming("INVITE");
    assert_eq!(via(&first), "TCP");
    let contact = format!("Contact: {}\r\n", bob.contact());
    bob.answer(&first, "200 OK", "b", &contact, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    assert_eq!(via(&bob.incoming("ACK")), "TCP");
    let cseq = alice.next_cseq();
    let bye = alice.inside("BYE", &ok, cseq, "", "");
    alice.send(bye.as_bytes());
    let bye = bob.incoming("BYE");
    assert_eq!(via(&bye), "TCP");
    bob.answer(&bye, "200 OK", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    // Once more, and it is bob who ends it.
    let (second, ok) = invite(&mut alice, &mut bob, &long());
    alice.ack(&ok, "");
    bob.incoming("ACK");
    of_callee(&mut bob, "b", "BYE", &second);
    let bye = alice.incoming("BYE");
    alice.answer(&bye, "200 OK", "a", "", "");
    let call_id = second.raw(Name::CallId).unwrap().to_owned();
    assert_eq!(bob.final_response(&call_id).status(), 200);
    assert!(place.is_left_alone());
    lab.settled();
}

/// In a dialog that began with datagrams, what is large goes by connection: an ACK as well.
#[test]
fn a_large_request_inside_a_dialog_goes_by_connection() {
    let lab = lab(None, |_| {});
    let place = Place::listening(&lab, THERE);
    let mut datagrams = place.datagrams();
    let mut alice = lab.phone("alice");
    let (first, ok) = invite(&mut alice, &mut datagrams, "");
    assert_eq!(via(&first), "UDP");
    let cseq = alice.cseq();
    let ack = alice.inside("ACK", &ok, cseq, &long(), "");
    alice.send(ack.as_bytes());
    let mut bob = place.taken();
    assert_eq!(via(&bob.incoming("ACK")), "TCP");
    for (extra, to) in [(long(), &mut bob), (String::new(), &mut datagrams)] {
        let cseq = alice.next_cseq();
        let info = alice.inside("INFO", &ok, cseq, &extra, "");
        alice.send(info.as_bytes());
        let info = to.incoming("INFO");
        to.answer(&info, "200 OK", "b", "", "");
        let call_id = info.raw(Name::CallId).unwrap();
        assert_eq!(alice.final_response(call_id).status(), 200);
    }
    lab.settled();
}

/// The conference calls by itself, and its dialog stays on the connection too, or takes another.
#[test]
fn a_conference_invites_by_connection_when_the_invitation_is_large() {
    let lab = lab(None, |_| {});
    let place = Place::listening(&lab, THERE);
    let mut alice = lab.phone("alice");
    let call_id = Ask::guests(&[])
        .with_entries("<entry uri=\"sip:bob@b.example\" cp:copyControl=\"to\"/>")
        .with(&long())
        .send(&mut alice);
    let mut bob = place.taken();
    let invited = bob.invited();
    assert!(invited.request.wire().len() > 1300);
    assert_eq!(via(&invited.request), "TCP");
    let ack = bob.accept(&invited, "", &Chat::sdp("bob"));
    assert_eq!(via(&ack), "TCP");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    drop(bob);
    lab.pass(Duration::from_secs(1));
    let cseq = alice.next_cseq();
    let bye = alice.inside("BYE", &ok, cseq, "", "");
    alice.send(bye.as_bytes());
    let mut bob = place.taken();
    let bye = bob.incoming("BYE");
    assert_eq!(via(&bye), "TCP");
    bob.answer(&bye, "200 OK", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    lab.settled();
}

/// RFC 3261 section 18.1.1: where no connection is to be had a large request goes as a datagram
/// all the same, and for a while no connection is tried again.
#[test]
fn a_large_request_goes_by_datagram_where_no_connection_is_taken() {
    let in_a_hole = Faults {
        connect: Connect::BlackHole,
        ..Faults::default()
    };
    for (what, faults) in [("refused", Faults::default()), ("silent", in_a_hole)] {
        let lab = lab(None, |_| {});
        let mut place = Place::at(&lab, THERE);
        lab.set_link(THERE.parse().unwrap(), faults);
        let mut datagrams = place.datagrams();
        let mut alice = lab.phone("alice");
        let before = lab.now();
        let large = message(&mut alice, &mut datagrams, &long());
        assert_eq!(via(&large), "UDP", "{what}");
        assert!(lab.now() - before < Duration::from_secs(7), "{what}");
        assert!(large.wire().len() > 1300);
        place.listen();
        let before = lab.now();
        assert_eq!(via(&message(&mut alice, &mut datagrams, &long())), "UDP");
        assert!(lab.now() - before < Duration::from_secs(1), "{what}");
        lab.settled();
    }
}

#[test]
fn a_peer_that_speaks_tcp_alone_is_sent_all_by_connection() {
    for (transport, has_udp) in [(Some(Transport::Tcp), true), (None, false)] {
        let lab = lab(transport, |setup| {
            if !has_udp {
                setup.sip_udp = None;
            }
        });
        let place = Place::listening(&lab, THERE);
        let mut alice = match has_udp {
            true => lab.phone("alice"),
            false => {
                let mut alice = Place::at(&lab, "10.0.8.1").calls();
                alice.user = "alice".to_owned();
                alice.register();
                alice
            }
        };
        let call_id = alice.begins("MESSAGE", "sip:bob@b.example", "");
        let mut bob = place.taken();
        let small = bob.incoming("MESSAGE");
        assert_eq!(via(&small), "TCP");
        bob.answer(&small, "202 Later", "b", "", "");
        assert_eq!(alice.final_response(&call_id).status(), 202);
        // The Record-Route leads the other side back the same way.
        let (invite, ok) = invite(&mut alice, &mut bob, "");
        let route = invite.raw(Name::RecordRoute).unwrap();
        assert!(
            route.ends_with("@10.0.0.1:5060;transport=tcp;lr>"),
            "{route}"
        );
        alice.ack(&ok, "");
        assert_eq!(via(&bob.incoming("ACK")), "TCP");
        // When the connection is gone there is another, also inside the dialog.
        drop(bob);
        lab.pass(Duration::from_secs(1));
        let cseq = alice.next_cseq();
        let bye = alice.inside("BYE", &ok, cseq, "", "");
        alice.send(bye.as_bytes());
        let mut bob = place.taken();
        let bye = bob.incoming("BYE");
        bob.answer(&bye, "200 OK", "b", "", "");
        assert_eq!(
            alice.final_response(ok.raw(Name::CallId).unwrap()).status(),
            200
        );
        lab.settled();
    }
}

/// The peer connects from any port: what it says counts as from its address, answers go back by
/// that connection, and so do requests inside the dialogs that came by it.
#[test]
fn a_peer_may_call_by_a_connection_of_its_own() {
    let lab = lab(Some(Transport::Tcp), |_| {});
    let place = Place::listening(&lab, THERE);
    let mut alice = lab.phone("alice");
    let mut bob = place.calls();
    assert_ne!(bob.local.port(), 5060);
    let contact = format!("Contact: <sip:bob@{THERE}:5060;transport=tcp>\r\n{BOB}");
    let call_id = bob.call_id();
    let text = bob.write("INVITE", "sip:alice@localhost", &call_id, &contact, "");
    bob.send(text.as_bytes());
    let invite = alice.incoming("INVITE");
    let asserted = invite.raw(Name::PAssertedIdentity);
    assert_eq!(asserted, Some("<sip:bob@b.example>"));
    let contact = format!("Contact: {}\r\n", alice.contact());
    alice.answer(&invite, "200 OK", "a", &contact, "");
    let ok = bob.final_response(&call_id);
    bob.ack(&ok, "");
    alice.incoming("ACK");
    // Both ways it is the same connection, as long as there is one.
    of_callee(&mut alice, "a", "INFO", &invite);
    let info = bob.incoming("INFO");
    bob.answer(&info, "200 OK", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    drop(bob);
    lab.pass(Duration::from_secs(1));
    of_callee(&mut alice, "a", "BYE", &invite);
    let mut bob = place.taken();
    let bye = bob.incoming("BYE");
    bob.answer(&bye, "200 OK", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    // From another address it is nobody's word.
    let mut other = Place::at(&lab, "10.0.7.9").calls();
    let call_id = other.call_id();
    let text = other.write("MESSAGE", "sip:alice@localhost", &call_id, BOB, "");
    other.send(text.as_bytes());
    assert_eq!(other.final_response(&call_id).status(), 407);
    lab.settled();
}

/// RFC 3261 section 18.2.2: an answer whose connection is gone finds a new one.
#[test]
fn an_answer_whose_connection_is_gone_takes_another() {
    let lab = lab(Some(Transport::Tcp), |_| {});
    let place = Place::listening(&lab, THERE);
    let mut alice = lab.phone("alice");
    let mut bob = place.calls();
    let call_id = bob.call_id();
    let text = bob.write("MESSAGE", "sip:alice@localhost", &call_id, BOB, "");
    bob.send(text.as_bytes());
    let message = alice.incoming("MESSAGE");
    drop(bob);
    lab.pass(Duration::from_secs(1));
    alice.answer(&message, "202 Later", "a", "", "");
    let mut bob = place.taken();
    assert_eq!(bob.final_response(&call_id).status(), 202);
    lab.settled();
}

/// What a server may do with a connection. It costs its own people alone, and not for long.
#[test]
fn a_server_that_misbehaves_is_left() {
    type Mischief = fn(SimLine) -> Option<SimLine>;
    let rows: [(&str, Mischief, u64); 3] = [
        ("closes at once", |_| None, 1),
        ("speaks nothing of SIP", garbage, 10),
        ("says nothing", Some, 40),
    ];
    for (what, mischief, patience) in rows {
        let lab = lab(Some(Transport::Tcp), |_| {});
        let place = Place::listening(&lab, THERE);
        let mut others = Place::at(&lab, "10.0.7.3").datagrams();
        let mut alice = lab.phone("alice");
        let before = lab.now();
        let contact = format!("Contact: {}\r\n", alice.contact());
        let call_id = alice.begins("INVITE", "sip:bob@b.example", &contact);
        let _kept = mischief(place.line());
        let ended = alice.final_response(&call_id);
        assert!(matches!(ended.status(), 408 | 480), "{what}: {ended:?}");
        assert!(ended.reason().contains("That Domain"), "{what}: {ended:?}");
        assert!(lab.now() - before < Duration::from_secs(patience), "{what}");
        alice.ack_failure(&ended, "sip:bob@b.example");
        let call_id = alice.begins("MESSAGE", "sip:carol@c.example", "");
        let message = others.incoming("MESSAGE");
        others.answer(&message, "200 OK", "c", "", "");
        assert_eq!(alice.final_response(&call_id).status(), 200);
        lab.settled();
    }
}

fn garbage(mut line: SimLine) -> Option<SimLine> {
    line.write_all(b"\x00\xff garbage\r\n\r\n").unwrap();
    while !matches!(line.read(&mut [0; 4096]), Ok(0) | Err(_)) {}
    None
}

/// A connection on which nonsense came is used no more, also while its end is awaited.
#[test]
fn a_connection_that_is_being_ended_is_not_used() {
    let lab = lab(Some(Transport::Tcp), |_| {});
    let place = Place::listening(&lab, THERE);
    let mut alice = lab.phone("alice");
    let call_id = alice.begins("MESSAGE", "sip:bob@b.example", "");
    let mut line = place.line();
    let mut read = [0; 4096];
    assert!(line.read(&mut read).unwrap() > 0);
    line.write_all(b"\x00\xff garbage\r\n\r\n").unwrap();
    assert_eq!(line.read(&mut read).unwrap(), 0);
    let again = alice.begins("MESSAGE", "sip:bob@b.example", "");
    let mut bob = place.taken();
    let message = bob.incoming("MESSAGE");
    bob.answer(&message, "202 Later", "b", "", "");
    assert_eq!(alice.final_response(&again).status(), 202);
    assert_eq!(alice.final_response(&call_id).status(), 480);
    drop(line);
    lab.settled();
}

/// A server that takes the connection and reads nothing: what waits for it is bounded in size and
/// time, and the others do not wait with it.
#[test]
fn a_server_that_does_not_read_is_left() {
    let lab = lab(None, |_| {});
    let place = Place::listening(&lab, THERE);
    let deaf = Faults {
        window: 1000,
        ..Faults::default()
    };
    lab.set_link(THERE.parse().unwrap(), deaf);
    let mut alice = lab.phone("alice");
    let before = lab.now();
    let call_id = alice.begins("MESSAGE", "sip:bob@b.example", &long());
    let _deaf = place.line();
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 480);
    assert!(lab.now() - before < Duration::from_secs(20));
    lab.settled();
}
