//! The border to another domain: whom its server may speak for, and what it is told.

use std::time::Duration;

use crate::lab::ask::{Ask, FACTORY};
use crate::lab::{Phone, SimLab, store};
use server::admin::{block, write_rules};
use server::config::{SipPeer, SspPeer};
use sip::{Method, Name, Response};
use store::Store;

const BOB: &str = "P-Asserted-Identity: \"Bob\" <sip:bob@b.example>\r\n";

/// A room by itself may not invite.
const NO_ROOM: &str = "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' \
     xmlns:poc='urn:oma:xml:poc:poc-rules'><rule id='r'><conditions><identity>\
     <one id='sip:room@b.example'/></identity></conditions>\
     <actions><poc:allow-invite>reject</poc:allow-invite></actions></rule></ruleset>";

/// A server that reaches b.example, and that domain's own: a phone that says what it likes.
fn lab(store: Store) -> (SimLab, Phone) {
    lab_with(store, Vec::new())
}

/// The same with links to other domains.
fn lab_with(store: Store, links: Vec<SspPeer>) -> (SimLab, Phone) {
    let lab = SimLab::with_store(store, |setup, _| {
        setup.ssp_peers = links;
        setup.sip_peers = vec![
            SipPeer {
                domain: "b.example".to_owned(),
                host: Some("10.0.1.1".to_owned()),
                transport: None,
            },
            SipPeer {
                domain: "lost.example".to_owned(),
                host: None,
                transport: None,
            },
        ];
    });
    let peer = lab.phone_off("bob");
    assert_eq!(peer.local.to_string(), "10.0.1.1:5060");
    (lab, peer)
}

/// Sends a request as it is, and waits for the answer of the server.
fn says(phone: &mut Phone, method: &str, uri: &str, extra: &str) -> Response {
    let call_id = phone.call_id();
    let text = phone.write(method, uri, &call_id, extra, "hello");
    phone.send(text.as_bytes());
    let response = phone.final_response(&call_id);
    phone.ack_failure(&response, uri);
    response
}

#[test]
fn a_server_is_believed_about_its_own_users_alone() {
    let (lab, mut peer) = lab(store());
    let mut alice = lab.phone("alice");
    let mut other = lab.phone_off("dave");
    let none = String::new();
    let of = |aor: &str| format!("P-Asserted-Identity: <{aor}>\r\n");
    let alices = "sip:alice@localhost";
    #[rustfmt::skip]
    let rows = [
        ("says nothing of anybody",      "MESSAGE",  alices,            none,                       407),
        ("a user of ours",               "MESSAGE",  alices,            of("sip:carol@localhost"),  407),
        ("a user of a third domain",     "MESSAGE",  alices,            of("sip:bob@c.example"),    407),
        ("a user of another peer",       "MESSAGE",  alices,            of("sip:bob@lost.example"), 407),
        ("registers a user of ours",     "REGISTER", "sip:localhost",   of("sip:bob@localhost"),    401),
        ("registers its own here",       "REGISTER", "sip:localhost",   BOB.to_owned(),             401),
        ("makes a conference here",      "INVITE",   FACTORY,           BOB.to_owned(),             403),
        ("passes through",               "MESSAGE",  "sip:x@c.example", BOB.to_owned(),             403),
        ("passes back",                  "MESSAGE",  "sip:x@b.example", BOB.to_owned(),             403),
        ("somebody who is not there",    "MESSAGE",  "sip:x@localhost", BOB.to_owned(),             404),
    ];
    for (what, method, uri, extra, status) in rows {
        let response = says(&mut peer, method, uri, &extra);
        assert_eq!(response.status(), status, "{what}");
    }
    // The same words from another place.
    let response = says(&mut other, "MESSAGE", alices, BOB);
    assert_eq!(response.status(), 407);
    assert!(!alice.has_heard(&Method::Message));
    lab.settled();
}

#[test]
fn what_a_peer_sends_reaches_the_user_who_lets_it() {
    let mut store = store();
    let (lab, mut peer) = lab(store.reopen().unwrap());
    let mut alice = lab.phone("alice");
    for (extra, asserted) in [
        ("", Some("\"Bob\" <sip:bob@b.example>")),
        ("Privacy: id\r\n", None),
    ] {
        let call_id = peer.call_id();
        let extra = format!("{BOB}{extra}");
        let text = peer.write("MESSAGE", "sip:alice@localhost", &call_id, &extra, "hi");
        peer.send(text.as_bytes());
        let message = alice.incoming("MESSAGE");
        assert_eq!(message.raw(Name::PAssertedIdentity), asserted);
        alice.answer(&message, "200 OK", "a", "", "");
        assert_eq!(peer.final_response(&call_id).status(), 200);
    }
    // Whom alice has blocked she does not hear, nor a conference into which they invite.
    block(&mut store, "localhost", "alice", &["sip:eve@b.example"], 0).unwrap();
    let asserts = |aor: &str| format!("P-Asserted-Identity: <{aor}>\r\n");
    let (eve, room) = (asserts("sip:eve@b.example"), asserts("sip:room@b.example"));
    let by_eve = format!("{room}Referred-By: <sip:eve@b.example>\r\n");
    // A server is not believed that names somebody of another domain as the one who invites.
    write_rules(&mut store, "localhost", "alice", NO_ROOM.as_bytes(), 0).unwrap();
    let by_friend = format!("{room}Referred-By: <sip:friend@c.example>\r\n");
    for (method, extra, status) in [
        ("MESSAGE", eve, 480),
        ("INVITE", by_eve, 480),
        ("INVITE", by_friend, 403),
    ] {
        let response = says(&mut peer, method, "sip:alice@localhost", &extra);
        assert_eq!(response.status(), status, "{extra}");
    }
    assert!(!alice.has_heard(&Method::Message) && !alice.has_heard(&Method::Invite));
    lab.settled();
}

#[test]
fn what_users_send_reaches_the_domain_and_no_other() {
    let (lab, mut peer) = lab(store());
    let mut alice = lab.phone("alice");
    for extra in ["", "Privacy: id\r\n"] {
        let call_id = alice.call_id();
        let uri = "sip:bob@b.example;method=x";
        let text = alice.write("MESSAGE", uri, &call_id, extra, "hi");
        alice.send(text.as_bytes());
        let challenge = alice.final_response(&call_id);
        let credentials = alice.credentials(&challenge, "MESSAGE", uri, "password");
        let extra = format!("{extra}{credentials}");
        let text = alice.write("MESSAGE", uri, &call_id, &extra, "hi");
        alice.send(text.as_bytes());
        let message = peer.incoming("MESSAGE");
        assert_eq!((message.uri(), &*message.body()), (uri, &b"hi"[..]));
        // RFC 3325 section 7: its server is told also who hides, and hides them.
        let asserted = message.raw(Name::PAssertedIdentity);
        assert_eq!(asserted, Some("<sip:alice@localhost>"));
        assert_eq!(message.has(Name::Privacy), extra.starts_with("Privacy"));
        assert!(!message.has(Name::ProxyAuthorization));
        peer.answer(&message, "202 Accepted", "b", "", "");
        assert_eq!(alice.final_response(&call_id).status(), 202);
    }
    for (uri, status) in [
        ("sip:bob@c.example", 404),
        // Nobody says where its server is.
        ("sip:bob@lost.example", 480),
    ] {
        let response = alice.request("MESSAGE", uri, "", "hi");
        assert_eq!(response.status(), status, "{uri}");
    }
    assert!(!peer.has_heard(&Method::Message));
    lab.settled();
}

/// What a device says reaches the inviter when it is said, though nobody answers over SSP; and
/// whoever is reached over SSP alone is not waited for.
#[test]
fn a_link_that_is_down_keeps_nobody_waiting() {
    let down = |domain: &str| SspPeer {
        domain: domain.to_owned(),
        url: Some("http://10.0.0.9:8080/ssp".to_owned()),
        secret: Some("x".to_owned()),
        tls: false,
    };
    let (lab, mut peer) = lab_with(store(), vec![down("b.example"), down("c.example")]);
    let mut alice = lab.phone("alice");
    for (guest, says, status) in [
        ("sip:bob@b.example", Some("486 Busy Here"), 486),
        ("sip:bob@c.example", None, 480),
        ("sip:bob@d.example", None, 404),
    ] {
        let began = lab.now();
        let entry = format!("<entry uri=\"{guest}\" cp:copyControl=\"to\"/>");
        let call_id = Ask::guests(&[]).with_entries(&entry).send(&mut alice);
        if let Some(says) = says {
            let invitation = peer.incoming("INVITE");
            peer.answer(&invitation, says, "b", "", "");
        }
        assert_eq!(alice.final_response(&call_id).status(), status, "{guest}");
        assert!(lab.now() - began < Duration::from_secs(5), "{guest}");
    }
    lab.settled();
}
