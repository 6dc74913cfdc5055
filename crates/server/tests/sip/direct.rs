//! Two users talk without a conference: what the home proxy does for them, beside what
//! `proxy.rs` shows of its workings.

use crate::lab::ask::uri;
use crate::lab::{Chat, Incoming, Lab, Phone};
use sip::{Message, Name, Response};

const BOB: &str = "sip:bob@localhost";

/// Calls bob with a chat, giving credentials: the call.
fn call(phone: &mut Phone, to: &str, extra: &str) -> String {
    let call_id = phone.call_id();
    let headers = format!(
        "Contact: {}\r\nContent-Type: application/sdp\r\n{extra}",
        phone.contact()
    );
    let text = phone.write("INVITE", to, &call_id, &headers, &Chat::sdp("caller"));
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    assert_eq!(challenge.status(), 407);
    phone.ack_failure(&challenge, to);
    let credentials = phone.credentials(&challenge, "INVITE", to, "password");
    let text = phone.write(
        "INVITE",
        to,
        &call_id,
        &(headers + &credentials),
        &Chat::sdp("caller"),
    );
    phone.send(text.as_bytes());
    call_id
}

/// The whole of a call over TCP: the descriptions pass unchanged, the chat is none of ours.
#[test]
fn a_chat_is_set_up_and_ended() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = call(&mut alice, BOB, "");
    let invitation = bob.invited();
    assert_eq!(invitation.request.body(), Chat::sdp("caller"));
    assert_eq!(
        invitation.request.raw(Name::From).map(uri).as_deref(),
        Some("sip:alice@localhost")
    );
    bob.rings(&invitation);
    let ringing = loop {
        let response = alice.response(&call_id);
        if response.status() != 100 {
            break response;
        }
    };
    assert_eq!(ringing.status(), 180);
    let headers = format!(
        "Contact: {}\r\nContent-Type: application/sdp\r\n",
        bob.contact()
    );
    bob.answer(
        &invitation.request,
        "200 OK",
        &invitation.tag,
        &headers,
        &Chat::sdp("callee"),
    );
    let ok = alice.final_response(&call_id);
    assert_eq!((ok.status(), ok.body()), (200, Chat::sdp("callee").into()));
    alice.ack(&ok, "");
    bob.incoming("ACK");
    // The callee leaves.
    let (bye_id, number) = bob.tells(&invitation, "BYE", "", "");
    alice.is_released();
    assert_eq!(bob.final_response_to("BYE", &bye_id, number).status(), 200);
    lab.settled();
}

/// (what the devices say, what the caller hears): RFC 3261 section 16.7 step 6.
#[rustfmt::skip]
const FORKS: &[([&str; 2], u16)] = &[
    (["486 Busy Here", "480 Temporarily Unavailable"], 486),
    (["503 Service Unavailable", "486 Busy Here"],     486),
    (["404 Not Found", "500 Server Error"],            404),
];

#[test]
fn the_best_of_all_failures_is_passed_on() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut devices = [lab.phone("bob"), lab.phone("bob")];
    for (said, want) in FORKS {
        let call_id = call(&mut alice, BOB, "");
        for (device, status) in devices.iter_mut().zip(said) {
            let invitation = device.invited();
            device.refuses(&invitation, status);
        }
        let ended = alice.final_response(&call_id);
        // RFC 3261 section 16.7 step 6: of one class, any may be chosen.
        assert_eq!(
            ended.status() / 100,
            want / 100,
            "{said:?}: {}",
            ended.status()
        );
        alice.ack_failure(&ended, BOB);
        lab.settled();
    }
}

/// (what, to whom, header lines, the answer): nobody hears of these.
#[rustfmt::skip]
const NOWHERE: &[(&str, &str, &str, u16)] = &[
    ("no such user",       "sip:nobody@localhost", "", 404),
    ("not registered",     "sip:carol@localhost", "", 480),
    ("another domain",     "sip:bob@elsewhere.example", "", 404),
    ("no hop left",        BOB, "Max-Forwards: 0\r\n", 483),
    ("no such device",     "sip:bob@localhost;gr=urn:uuid:none", "", 480),
    ("an unknown extension", BOB, "Proxy-Require: telepathy\r\n", 420),
];

#[test]
fn who_cannot_be_reached_is_said_to_be_so() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for (what, to, extra, want) in NOWHERE {
        let response = message(&mut alice, to, extra);
        assert_eq!(response.status(), *want, "{what}: {}", response.reason());
    }
    bob.heard_only(|_| false);
    lab.settled();
}

/// A MESSAGE with credentials, its Max-Forwards replaced if `extra` has one: the final response.
fn message(phone: &mut Phone, to: &str, extra: &str) -> Response {
    let call_id = phone.call_id();
    let usual = "Max-Forwards: 70\r\n";
    let spoil = |text: String| match extra.contains("Max-Forwards") {
        true => text.replacen(usual, "", 1),
        false => text,
    };
    let headers = format!("Content-Type: text/plain\r\n{extra}");
    let text = spoil(phone.write("MESSAGE", to, &call_id, &headers, "hi"));
    phone.send(text.as_bytes());
    let first = phone.final_response(&call_id);
    if first.status() != 407 {
        return first;
    }
    let credentials = phone.credentials(&first, "MESSAGE", to, "password");
    let text = spoil(phone.write("MESSAGE", to, &call_id, &(headers + &credentials), "hi"));
    phone.send(text.as_bytes());
    phone.final_response(&call_id)
}

/// (what alice claims, what bob is told): RFC 3325. What a phone asserts of itself is not
/// believed; with Privacy: id nothing is asserted.
#[rustfmt::skip]
const ASSERTED: &[(&str, Option<&str>)] = &[
    ("", Some("<sip:alice@localhost>")),
    ("P-Asserted-Identity: <sip:carol@localhost>\r\n", Some("<sip:alice@localhost>")),
    ("P-Asserted-Identity: <sip:carol@localhost>, <tel:+1>\r\n", Some("<sip:alice@localhost>")),
    ("P-Asserted-Identity: <sip:carol@loc\r\n", Some("<sip:alice@localhost>")),
    ("P-Asserted-Identity: <sip:carol@localhost>\r\nPrivacy: id\r\n", None),
];

#[test]
fn identities_are_asserted_by_the_server_alone() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for (claimed, want) in ASSERTED {
        let call_id = call(&mut alice, BOB, claimed);
        let invitation = bob.invited();
        let asserted: Vec<_> = invitation
            .request
            .raw_all(Name::PAssertedIdentity)
            .collect();
        assert_eq!(
            asserted,
            want.iter().copied().collect::<Vec<_>>(),
            "{claimed}"
        );
        assert!(
            !invitation.request.has(Name::ProxyAuthorization),
            "the credentials stay here"
        );
        // Nor is the callee believed.
        let claim = "P-Asserted-Identity: <sip:carol@localhost>\r\n";
        bob.answer(&invitation.request, "486 Busy Here", "b", claim, "");
        bob.incoming("ACK");
        let ended = alice.final_response(&call_id);
        assert!(!ended.has(Name::PAssertedIdentity));
        alice.ack_failure(&ended, BOB);
    }
    lab.settled();
}

/// A route token is good for its own dialog, between its own two sides, and for nothing else.
#[test]
fn a_route_token_opens_no_other_door() {
    let lab = Lab::start();
    let (mut alice, mut bob, mut carol) =
        (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let call_id = call(&mut alice, BOB, "");
    let invitation = bob.invited();
    let headers = format!("Contact: {}\r\n", bob.contact());
    bob.answer(&invitation.request, "200 OK", &invitation.tag, &headers, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    bob.incoming("ACK");
    // carol has seen the route and uses it for a dialog she has made up.
    let route = ok.raw(Name::RecordRoute).unwrap();
    let stolen = format!(
        "INFO sip:bob@{} SIP/2.0\r\nVia: SIP/2.0/TCP {};branch=z9hG4bKstolen;rport\r\nMax-Forwards: 70\r\n\
         Route: {route}\r\nFrom: <sip:carol@localhost>;tag=c\r\nTo: <sip:bob@localhost>;tag={}\r\n\
         Call-ID: stolen\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n",
        bob.local, carol.local, invitation.tag
    );
    carol.send(stolen.as_bytes());
    assert_eq!(carol.final_response("stolen").status(), 481);
    // As a way to somebody else it is no way at all: what has no dialog needs a password.
    let text = carol.write(
        "MESSAGE",
        "sip:bob@127.0.0.1:9",
        "free",
        &format!("Route: {route}\r\n"),
        "",
    );
    carol.send(text.as_bytes());
    assert!(matches!(carol.final_response("free").status(), 407));
    bob.heard_only(|_| false);
}

/// RFC 3327: a device behind an edge proxy is reached by way of it.
#[test]
fn a_path_is_the_way_to_a_device() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut edge = Phone::udp(&lab, "bob");
    let headers = format!(
        "Contact: <sip:bob@10.0.0.9>\r\nSupported: path\r\nPath: <sip:{};transport=udp;lr>\r\n",
        edge.local
    );
    assert_eq!(
        edge.request("REGISTER", "sip:localhost", &headers, "")
            .status(),
        200
    );
    let call_id = call(&mut alice, BOB, "");
    let invitation: Incoming = edge.invited();
    assert_eq!(invitation.request.uri(), "sip:bob@10.0.0.9");
    let route = invitation.request.raw(Name::Route).map(uri);
    assert_eq!(route, Some(format!("sip:{};transport=udp;lr", edge.local)));
    edge.refuses(&invitation, "486 Busy Here");
    let ended = alice.final_response(&call_id);
    alice.ack_failure(&ended, BOB);
}

/// RFC 5627 section 5.3: what is sent to a GRUU reaches that device and no other.
#[test]
fn a_gruu_names_one_device() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut devices = [Phone::tcp(&lab, "bob"), Phone::tcp(&lab, "bob")];
    for (number, device) in devices.iter_mut().enumerate() {
        let headers = format!(
            "Contact: {};+sip.instance=\"<urn:uuid:device-{number}>\"\r\nSupported: gruu\r\n",
            device.contact()
        );
        let response = device.request("REGISTER", "sip:localhost", &headers, "");
        assert_eq!(response.status(), 200);
    }
    let call_id = alice.call_id();
    let to = "sip:bob@localhost;gr=urn:uuid:device-1";
    let text = alice.write("MESSAGE", to, &call_id, "", "");
    alice.send(text.as_bytes());
    let challenge = alice.final_response(&call_id);
    let credentials = alice.credentials(&challenge, "MESSAGE", to, "password");
    let text = alice.write("MESSAGE", to, &call_id, &credentials, "");
    alice.send(text.as_bytes());
    let message = devices[1].incoming("MESSAGE");
    devices[1].answer(&message, "200 OK", "b", "", "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    let is_message = |message: &Message| matches!(message, Message::Request(_));
    devices[0].heard_only(|message| !is_message(message));
}
