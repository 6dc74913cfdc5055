//! The main job: three plain phones hold an ad-hoc conference (7.2.1.2, 7.2.2.2, 7.2.2.10).

mod lab;

use lab::{Chat, Lab, Phone};
use sip::{Name, Response};

const FACTORY: &str = "sip:conference-factory@localhost";

fn list(entries: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\">\
         <list>{entries}</list></resource-lists>"
    )
}

fn body(sdp: &str, entries: &str) -> String {
    format!(
        "--b1\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n\
         --b1\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n{}\r\n--b1--\r\n",
        list(entries)
    )
}

fn entries(users: &[&str]) -> String {
    users
        .iter()
        .map(|user| format!("<entry uri=\"sip:{user}@localhost\" cp:copyControl=\"to\"/>"))
        .collect()
}

fn headers(phone: &Phone) -> String {
    format!(
        "Contact: {}\r\nRequire: recipient-list-invite\r\nSupported: timer\r\n\
         Allow: INVITE, ACK, BYE, CANCEL, UPDATE, NOTIFY\r\nContent-Type: multipart/mixed;boundary=b1\r\n",
        phone.contact()
    )
}

/// Sends the INVITE with credentials; the call it makes.
fn create(phone: &mut Phone, extra: &str, body: &str) -> String {
    let call_id = phone.call_id();
    let headers = format!("{}{extra}", headers(phone));
    let text = phone.write("INVITE", FACTORY, &call_id, &headers, body);
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    assert_eq!(challenge.status(), 407);
    phone.ack_failure(&challenge, FACTORY);
    let credentials = phone.credentials(&challenge, "INVITE", FACTORY, "password");
    let text = phone.write(
        "INVITE",
        FACTORY,
        &call_id,
        &format!("{headers}{credentials}"),
        body,
    );
    phone.send(text.as_bytes());
    call_id
}

fn uri(contact: &str) -> String {
    contact.split(['<', '>']).nth(1).unwrap().to_owned()
}

fn hold_a_conference(lab: &Lab, open: impl Fn(&Lab, &str) -> Phone) {
    let mut alice = open(lab, "alice");
    let mut bob = open(lab, "bob");
    let mut carol = open(lab, "carol");
    for phone in [&mut alice, &mut bob, &mut carol] {
        phone.register();
    }
    let call_id = create(
        &mut alice,
        "",
        &body(&Chat::sdp("a1"), &entries(&["bob", "carol"])),
    );

    let to_bob = bob.invited();
    assert!(
        to_bob
            .request
            .raw(Name::Contact)
            .unwrap()
            .contains(";isfocus")
    );
    bob.answer(&to_bob.request, "180 Ringing", &to_bob.tag, "", "");
    let ringing = loop {
        let response = alice.response(&call_id);
        if response.status() == 180 {
            break response;
        }
        assert_eq!(response.status(), 100);
    };
    let identity = uri(ringing.raw(Name::Contact).unwrap());
    bob.accept(&to_bob, "", &Chat::sdp("b1"));
    let mut bob_chat = Chat::connect(&to_bob.request.body(), "b1");

    let ok: Response = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    // IM-7.2.1.2-S6: the conference URI with isfocus.
    assert_eq!(uri(ok.raw(Name::Contact).unwrap()), identity);
    assert!(ok.raw(Name::Contact).unwrap().contains(";isfocus"));
    alice.ack(&ok, "");
    let mut alice_chat = Chat::connect(&ok.body(), "a1");

    let to_carol = carol.invited();
    carol.accept(&to_carol, "", &Chat::sdp("c1"));
    let mut carol_chat = Chat::connect(&to_carol.request.body(), "c1");

    // Messages go both ways, wrapped in CPIM.
    assert_eq!(
        alice_chat.say_and_wait("sip:alice@localhost", &identity, "hello"),
        200
    );
    let heard = (
        "sip:alice@localhost".to_owned(),
        identity.clone(),
        "hello".to_owned(),
    );
    assert_eq!(bob_chat.hear(), heard);
    assert_eq!(carol_chat.hear(), heard);
    bob_chat.say("sip:bob@localhost", &identity, "hi");
    assert_eq!(alice_chat.hear().2, "hi");
    assert_eq!(carol_chat.hear().2, "hi");

    // Bob leaves, and the others go on.
    let bye = carol_leaves(&mut carol, &to_carol);
    assert_eq!(bye, 200);
    assert_eq!(
        alice_chat.say_and_wait("sip:alice@localhost", &identity, "without carol"),
        200
    );
    assert_eq!(bob_chat.hear().2, "without carol");

    // Alice leaves, then bob: the conference is over and nothing is left of it.
    let bye = alice.inside("BYE", &ok, 100, "", "");
    alice.send(bye.as_bytes());
    assert_eq!(alice.final_response(&call_id).status(), 200);
    carol_leaves(&mut bob, &to_bob);
    lab.settled();
}

/// BYE from an invited user.
fn carol_leaves(phone: &mut Phone, incoming: &lab::Incoming) -> u16 {
    let request = &incoming.request;
    let call_id = request.raw(Name::CallId).unwrap().to_owned();
    let target = uri(request.raw(Name::Contact).unwrap());
    let text = format!(
        "BYE {target} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bKbye{call_id};rport\r\nMax-Forwards: 70\r\n\
         From: {};tag={}\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        phone.transport(),
        phone.local,
        request.raw(Name::To).unwrap(),
        incoming.tag,
        request.raw(Name::From).unwrap(),
    );
    phone.send(text.as_bytes());
    phone.final_response(&call_id).status()
}

#[test]
fn three_phones_hold_a_conference_over_udp() {
    let lab = Lab::start();
    hold_a_conference(&lab, Phone::udp);
}

#[test]
fn three_phones_hold_a_conference_over_tcp() {
    let lab = Lab::start();
    hold_a_conference(&lab, Phone::tcp);
}
