//! The home proxy over real sockets: RFC 3261 section 16 between two users of ours.

use crate::lab::{Lab, Phone};
use sip::{Message, Name, Request, Response};

type Open = fn(&Lab, &str) -> Phone;

/// Both ways to be connected, on either side.
const WAYS: [(Open, Open); 4] = [
    (Phone::udp, Phone::udp),
    (Phone::tcp, Phone::tcp),
    (Phone::udp, Phone::tcp),
    (Phone::tcp, Phone::udp),
];

/// T1 is short, so that what waits for 64*T1 is over soon.
fn lab() -> Lab {
    Lab::with(|setup, _| setup.t1 = std::time::Duration::from_millis(20))
}

fn registered(lab: &Lab, open: Open, user: &str) -> Phone {
    let mut phone = open(lab, user);
    phone.register();
    phone
}

/// Sends a request with credentials, so that what comes next is the answer of the other side.
fn send(phone: &mut Phone, method: &str, uri: &str, extra: &str, body: &str) -> String {
    let call_id = phone.call_id();
    let text = phone.write(method, uri, &call_id, extra, body);
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    assert_eq!(challenge.status(), 407);
    phone.ack_failure(&challenge, uri);
    let credentials = phone.credentials(&challenge, method, uri, "password");
    let text = phone.write(
        method,
        uri,
        &call_id,
        &format!("{extra}{credentials}"),
        body,
    );
    phone.send(text.as_bytes());
    call_id
}

/// The callee's answer to what it was sent, with the Record-Routes a dialog needs.
fn answer(phone: &mut Phone, request: &Request, status: &str, tag: &str) {
    let mut extra = format!("Contact: {}\r\n", phone.contact());
    for route in request.raw_all(Name::RecordRoute) {
        extra.push_str(&format!("Record-Route: {route}\r\n"));
    }
    phone.answer(request, status, tag, &extra, "");
}

fn ringing(phone: &mut Phone, call_id: &str) -> Response {
    loop {
        let response = phone.response(call_id);
        if response.status() != 100 {
            return response;
        }
    }
}

#[test]
fn a_message_goes_to_a_user_and_its_answer_back() {
    let lab = lab();
    for (open_alice, open_bob) in WAYS {
        let mut alice = registered(&lab, open_alice, "alice");
        let mut bob = registered(&lab, open_bob, "bob");
        let extra = "Content-Type: text/plain\r\nX-Odd:  as it is \r\n\
             P-Asserted-Identity: <sip:eve@localhost>\r\nRoute: <sip:localhost;lr>\r\n";
        let call_id = send(&mut alice, "MESSAGE", "sip:bob@localhost", extra, "hello");
        let message = bob.incoming("MESSAGE");
        assert_eq!(message.body(), "hello");
        assert!(
            message.uri().starts_with(&format!("sip:bob@{}", bob.local)),
            "{}",
            message.uri()
        );
        assert_eq!(message.raw(Name::MaxForwards), Some("69"));
        assert_eq!(message.raw_all(Name::Via).count(), 2);
        assert_eq!(
            message.raw(Name::PAssertedIdentity),
            Some("<sip:alice@localhost>")
        );
        assert!(!message.has(Name::ProxyAuthorization) && !message.has(Name::Route));
        assert!(!message.has(Name::RecordRoute));
        answer(&mut bob, &message, "202 Later", "b");
        let response = alice.final_response(&call_id);
        assert_eq!((response.status(), response.reason()), (202, "Later"));
        assert_eq!(response.raw_all(Name::Via).count(), 1);
        // Leave, so that the next round finds one device.
        bob.request(
            "REGISTER",
            "sip:localhost",
            "Contact: *\r\nExpires: 0\r\n",
            "",
        );
    }
    lab.settled();
}

#[test]
fn a_dialog_passes_through_in_both_directions() {
    let lab = lab();
    for (open_alice, open_bob) in WAYS {
        let mut alice = registered(&lab, open_alice, "alice");
        let mut bob = registered(&lab, open_bob, "bob");
        let contact = format!("Contact: {}\r\n", alice.contact());
        let call_id = send(&mut alice, "INVITE", "sip:bob@localhost", &contact, "");
        let invite = bob.incoming("INVITE");
        let one = alice.transport() == bob.transport();
        let record_routes = invite.raw_all(Name::RecordRoute).count();
        assert_eq!(record_routes, if one { 1 } else { 2 }, "RFC 5658");
        answer(&mut bob, &invite, "180 Ringing", "b");
        assert_eq!(ringing(&mut alice, &call_id).status(), 180);
        answer(&mut bob, &invite, "200 OK", "b");
        let ok = alice.final_response(&call_id);
        assert_eq!(ok.status(), 200);
        alice.ack(&ok, "");
        let ack = bob.incoming("ACK");
        assert!(!ack.has(Name::Route) && ack.raw_all(Name::Via).count() == 2);

        let number = alice.next_cseq();
        let info = alice.inside("INFO", &ok, number, "", "x");
        alice.send(info.as_bytes());
        let info = bob.incoming("INFO");
        answer(&mut bob, &info, "200 OK", "b");
        assert_eq!(alice.final_response(&call_id).status(), 200);

        // The callee's way back: its route set is the order of the Record-Routes it saw.
        let routes: String = invite
            .raw_all(Name::RecordRoute)
            .map(|r| format!("Route: {r}\r\n"))
            .collect();
        let (transport, local) = (bob.transport(), bob.local);
        let bye = |routes: &str, branch: &str| {
            format!(
                "BYE sip:alice@{} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{branch}{call_id};rport\r\n\
                 Max-Forwards: 70\r\n{routes}From: <sip:bob@localhost>;tag=b\r\nTo: {}\r\n\
                 Call-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
                alice.local,
                transport,
                local,
                invite.raw(Name::From).unwrap(),
            )
        };
        // Without the token, or with one that was tampered with, nobody is found.
        for (branch, forged) in [
            ("x", String::new()),
            ("y", routes.replacen("sip:", "sip:A", 2)),
        ] {
            bob.send(bye(&forged, branch).as_bytes());
            assert_eq!(bob.final_response(&call_id).status(), 481);
        }
        bob.send(bye(&routes, "z").as_bytes());
        let bye = alice.incoming("BYE");
        alice.answer(&bye, "200 OK", "a", "", "");
        assert_eq!(bob.final_response(&call_id).status(), 200);
        bob.request(
            "REGISTER",
            "sip:localhost",
            "Contact: *\r\nExpires: 0\r\n",
            "",
        );
    }
    lab.settled();
}

#[test]
fn one_device_answers_and_the_other_is_cancelled() {
    let lab = lab();
    let mut alice = registered(&lab, Phone::udp, "alice");
    let mut desk = registered(&lab, Phone::udp, "bob");
    let mut mobile = registered(&lab, Phone::tcp, "bob");
    let contact = format!("Contact: {}\r\n", alice.contact());
    let call_id = send(&mut alice, "INVITE", "sip:bob@localhost", &contact, "");
    let at_desk = desk.incoming("INVITE");
    let at_mobile = mobile.incoming("INVITE");
    for breadth in [&at_desk, &at_mobile] {
        assert_eq!(breadth.raw_other("Max-Breadth"), Some("30"));
    }
    answer(&mut desk, &at_desk, "180 Ringing", "d");
    answer(&mut mobile, &at_mobile, "180 Ringing", "m");
    for _ in 0..2 {
        assert_eq!(ringing(&mut alice, &call_id).status(), 180);
    }
    answer(&mut mobile, &at_mobile, "200 OK", "m");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    mobile.incoming("ACK");
    let cancel = desk.incoming("CANCEL");
    assert_eq!(
        cancel.raw(Name::Reason),
        Some("SIP;cause=200;text=\"Call completed elsewhere\"")
    );
    desk.answer(&cancel, "200 OK", "d", "", "");
    desk.answer(&at_desk, "487 Request Terminated", "d", "", "");
    desk.incoming("ACK");
    alice.hears_nothing(|_| false);
    lab.settled();
}

#[test]
fn the_caller_cancels() {
    let lab = lab();
    let mut alice = registered(&lab, Phone::udp, "alice");
    let mut bob = registered(&lab, Phone::udp, "bob");
    let contact = format!("Contact: {}\r\n", alice.contact());
    let call_id = send(&mut alice, "INVITE", "sip:bob@localhost", &contact, "");
    let invite = bob.incoming("INVITE");
    answer(&mut bob, &invite, "180 Ringing", "b");
    assert_eq!(ringing(&mut alice, &call_id).status(), 180);
    let cseq = alice.cseq();
    let cancel = format!(
        "CANCEL sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{call_id}{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@localhost>;tag=f{call_id}\r\nTo: <sip:bob@localhost>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} CANCEL\r\nReason: SIP;cause=200;text=\"x\"\r\n\
         Content-Length: 0\r\n\r\n",
        alice.local
    );
    alice.send(cancel.as_bytes());
    let accepted = alice.final_response(&call_id);
    assert_eq!(
        (
            accepted.status(),
            accepted.raw(Name::CSeq).unwrap().ends_with("CANCEL")
        ),
        (200, true)
    );
    let cancel = bob.incoming("CANCEL");
    assert_eq!(cancel.raw(Name::Reason), Some("SIP;cause=200;text=\"x\""));
    bob.answer(&cancel, "200 OK", "b", "", "");
    bob.answer(&invite, "487 Request Terminated", "b", "", "");
    bob.incoming("ACK");
    let refused = alice.final_response(&call_id);
    assert_eq!(refused.status(), 487);
    alice.ack_failure(&refused, "sip:bob@localhost");
    lab.settled();
}

#[test]
fn who_is_silent_counts_as_408_for_an_invite_alone() {
    let lab = lab();
    let mut alice = registered(&lab, Phone::udp, "alice");
    let mut bob = registered(&lab, Phone::udp, "bob");
    let contact = format!("Contact: {}\r\n", alice.contact());
    let call_id = send(&mut alice, "INVITE", "sip:bob@localhost", &contact, "");
    bob.incoming("INVITE");
    let late = alice.final_response(&call_id);
    assert_eq!(late.status(), 408);
    alice.ack_failure(&late, "sip:bob@localhost");
    send(&mut alice, "MESSAGE", "sip:bob@localhost", "", "");
    bob.incoming("MESSAGE");
    lab.settled();
    // RFC 4320 section 4.2.
    let is_408 = |m: &Message| matches!(m, Message::Response(r) if r.status() == 408 && r.raw(Name::CSeq).unwrap().ends_with("MESSAGE"));
    alice.hears_nothing(|message| !is_408(message));
}

#[test]
fn what_may_not_go_on_is_answered_here() {
    let lab = lab();
    let mut alice = registered(&lab, Phone::udp, "alice");
    let mut bob = registered(&lab, Phone::tcp, "bob");
    for (extra, want) in [("Proxy-Require: foo\r\n", 420), ("Max-Breadth: 0\r\n", 440)] {
        let call_id = send(&mut alice, "MESSAGE", "sip:bob@localhost", extra, "");
        assert_eq!(alice.final_response(&call_id).status(), want, "{extra}");
    }
    bob.hears_nothing(|_| false);
    // The connection goes, and with it the device.
    drop(bob);
    let call_id = send(&mut alice, "MESSAGE", "sip:bob@localhost", "", "");
    let status = alice.final_response(&call_id).status();
    assert!([480, 500].contains(&status), "{status}");
    lab.settled();
}
