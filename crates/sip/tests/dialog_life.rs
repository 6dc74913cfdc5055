//! Dialogs from their first message on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;
use sip::dialog::{Dialog, DialogId, Forks, Leg, Outset, Refusal, Stage};
use sip::{Draft, Message, Method, Name, Request, Response};

const VIA: &str = "SIP/2.0/UDP me;branch=z9hG4bKnew";

fn request(text: impl Into<Bytes>) -> Request {
    match Message::parse(text.into()).unwrap() {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

fn response(text: impl Into<Bytes>) -> Response {
    match Message::parse(text.into()).unwrap() {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

/// An INVITE of alice that bob receives, with some lines more.
fn invite(more: &str) -> Request {
    request(format!(
        "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{more}\
         From: Alice <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>\r\nCall-ID: c1\r\nCSeq: 5 INVITE\r\n\r\n"
    ))
}

/// A request inside the dialog that [`invite`] made, from alice to bob.
fn inside(method: &str, cseq: u32, more: &str) -> Request {
    request(format!(
        "{method} sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK2\r\n{more}\
         From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>;tag=b\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\n\r\n"
    ))
}

fn bob(more: &str) -> Dialog {
    Dialog::uas(&invite(more), "b", "<sip:bob@b>").unwrap()
}

fn outset() -> Outset {
    Outset::new(
        "c1",
        "a",
        "Alice <sip:alice@h>",
        "<sip:bob@h>",
        "sip:bob@h",
        "<sip:alice@a>",
    )
}

/// A response to the INVITE of [`outset`].
fn answer(status: u16, tag: &str, more: &str) -> Response {
    response(format!(
        "SIP/2.0 {status} X\r\nVia: {VIA}\r\nFrom: Alice <sip:alice@h>;tag=a\r\n\
         To: <sip:bob@h>{tag}\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n{more}\r\n"
    ))
}

const CONTACT: &str = "Contact: <sip:bob@b;x=y>;p=q\r\n";

fn lines(draft: Draft) -> String {
    String::from_utf8(draft.finish().to_vec()).unwrap()
}

#[test]
fn rfc_3261_12_1_1_the_called_side() {
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n";
    let mut dialog = bob(&format!("{routes}Contact: \"A\" <sip:alice@a>;x=1\r\n"));
    assert_eq!(dialog.id(), &DialogId::new("c1", "b", "a"));
    assert_eq!(dialog.stage(), Stage::Early);
    dialog.confirm();
    assert_eq!(dialog.stage(), Stage::Confirmed);
    assert_eq!(dialog.next_hop(), "sip:p1;lr");
    let bye = "BYE sip:alice@a SIP/2.0\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKnew\r\n\
        Max-Forwards: 70\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n\
        From: <sip:bob@h>;tag=b\r\nTo: Alice <sip:alice@h>;tag=a\r\nCall-ID: c1\r\nCSeq: 1 BYE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(lines(dialog.request(&Method::Bye, VIA)), bye);
    let info = lines(dialog.request(&Method::Info, VIA));
    assert!(info.contains("CSeq: 2 INFO\r\n") && !info.contains("Contact"));
    let update = lines(dialog.request(&Method::Update, VIA));
    assert!(update.contains("CSeq: 3 UPDATE\r\nContact: <sip:bob@b>\r\n"));
}

#[test]
fn rfc_3261_12_1_1_the_response_that_makes_a_dialog() {
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n";
    let invite = invite(&format!("{routes}Contact: <sip:alice@a>\r\n"));
    let dialog = Dialog::uas(&invite, "b", "<sip:bob@b>").unwrap();
    let ok = lines(dialog.response(&invite, 200, "OK"));
    assert!(ok.contains("To: <sip:bob@h>;tag=b\r\n"), "{ok}");
    assert!(ok.contains(routes) && ok.contains("Contact: <sip:bob@b>\r\n"));
    let busy = lines(dialog.response(&invite, 486, "Busy Here"));
    assert!(!busy.contains("Record-Route") && !busy.contains("Contact"));
}

#[test]
fn what_makes_no_dialog_on_the_called_side() {
    for (more, why) in [
        ("", "no Contact"),
        ("Contact: <tel:+1>\r\n", "a Contact nothing can be sent to"),
        ("Contact: *\r\n", "no address"),
        (
            "Contact: <sip:a@a>\r\nRecord-Route: <sip:p\r\n",
            "a broken Record-Route",
        ),
    ] {
        assert!(
            Dialog::uas(&invite(more), "b", "<sip:bob@b>").is_err(),
            "{why}"
        );
    }
    let many = format!(
        "Contact: <sip:a@a>\r\nRecord-Route: {}\r\n",
        "<sip:p;lr>,".repeat(65)
    );
    assert!(Dialog::uas(&invite(&many), "b", "<sip:bob@b>").is_err());
    let inside = inside("INVITE", 6, "Contact: <sip:a@a>\r\n");
    assert!(Dialog::uas(&inside, "b", "<sip:bob@b>").is_err());
}

#[test]
fn rfc_3261_12_1_2_the_calling_side() {
    let mut outset = outset().with_route(["<sip:edge;lr>"]);
    let sent = lines(outset.request(&Method::Invite, VIA));
    let want = "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKnew\r\n\
        Max-Forwards: 70\r\nRoute: <sip:edge;lr>\r\nFrom: Alice <sip:alice@h>;tag=a\r\n\
        To: <sip:bob@h>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@a>\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(sent, want);
    assert_eq!(outset.next_hop(), "sip:edge;lr");
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n";
    let ok = answer(200, ";tag=b", &format!("{routes}{CONTACT}"));
    let mut dialog = Dialog::uac(&outset, &ok).unwrap();
    assert_eq!(dialog.id(), &DialogId::new("c1", "a", "b"));
    assert_eq!(dialog.stage(), Stage::Confirmed);
    assert_eq!(dialog.remote_target(), "sip:bob@b;x=y");
    let ack = lines(dialog.ack(1, VIA));
    assert!(ack.starts_with("ACK sip:bob@b;x=y SIP/2.0\r\n"), "{ack}");
    assert!(
        ack.contains("Route: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n"),
        "reversed: {ack}"
    );
    assert!(ack.contains("To: <sip:bob@h>;tag=b\r\n") && ack.contains("CSeq: 1 ACK\r\n"));
    assert!(lines(dialog.request(&Method::Bye, VIA)).contains("CSeq: 2 BYE\r\n"));
}

#[test]
fn rfc_3261_16_4_whoever_has_record_routed_its_own_request_is_behind_that_hop() {
    let routes = |own: &str, first: &str| {
        let mut outset = outset();
        outset.request(&Method::Invite, VIA);
        let more = format!("Record-Route: <sip:p1;lr>\r\nRecord-Route: {first}\r\n{CONTACT}");
        let mut dialog = Dialog::uac(&outset, &answer(200, ";tag=b", &more)).unwrap();
        dialog.begin_behind(own);
        let ack = lines(dialog.ack(1, VIA));
        let routes = ack.lines().filter_map(|line| line.strip_prefix("Route: "));
        routes.collect::<Vec<_>>().join(" ")
    };
    let own = "<sip:192.0.2.1:5060;lr>";
    assert_eq!(routes(own, own), "<sip:p1;lr>");
    let other = "<sip:192.0.2.2:5060;lr>";
    assert_eq!(routes(own, other), format!("{other} <sip:p1;lr>"));
}

#[test]
fn what_makes_no_dialog_on_the_calling_side() {
    let mut outset = outset();
    outset.request(&Method::Invite, VIA);
    for (status, tag, more) in [
        (100, ";tag=b", CONTACT),
        (180, "", CONTACT),
        (200, ";tag=b", ""),
        (200, ";tag=b", "Contact: <tel:+1>\r\n"),
        (486, ";tag=b", CONTACT),
    ] {
        let response = answer(status, tag, more);
        assert!(
            Dialog::uac(&outset, &response).is_err(),
            "{status} {tag} {more}"
        );
    }
    // A 2xx without a tag is from before RFC 3261, and makes one.
    assert!(Dialog::uac(&outset, &answer(200, "", CONTACT)).is_ok());
}

#[test]
fn rfc_3261_12_2_1_1_a_strict_router_gets_its_own_address() {
    // The example of the section, with what a Request-URI may not have.
    let routes = "Record-Route: <sip:proxy1;x=1;method=INVITE;y?Subject=s>,<sip:proxy2>,\
        <sip:proxy3;lr>,<sip:proxy4>\r\nContact: <sip:user@remoteua>\r\n";
    let mut dialog = bob(routes);
    let bye = lines(dialog.request(&Method::Bye, VIA));
    assert!(bye.starts_with("BYE sip:proxy1;x=1;y SIP/2.0\r\n"), "{bye}");
    let want = "Route: <sip:proxy2>\r\nRoute: <sip:proxy3;lr>\r\nRoute: <sip:proxy4>\r\n\
        Route: <sip:user@remoteua>\r\n";
    assert!(bye.contains(want), "{bye}");
}

#[test]
fn rfc_3261_12_2_2_requests_must_be_in_order() {
    let mut dialog = bob("Contact: <sip:alice@a>\r\n");
    for (method, cseq, want) in [
        ("INFO", 4, Err(500)),
        ("INFO", 6, Ok(())),
        ("INFO", 6, Ok(())),
        ("INFO", 5, Err(500)),
        // The ACK of the INVITE may come late.
        ("ACK", 5, Ok(())),
        ("BYE", 900, Ok(())),
        ("BYE", 899, Err(500)),
    ] {
        let got = dialog.receive(&inside(method, cseq, ""));
        assert_eq!(got.map_err(|r| r.status()), want, "{method} {cseq}");
    }
    assert_eq!(dialog.remote_cseq(), Some(900));
}

#[test]
fn a_request_of_another_dialog_is_refused() {
    let mut dialog = bob("Contact: <sip:alice@a>\r\n");
    let fresh = invite("Contact: <sip:alice@a>\r\n");
    assert_eq!(dialog.receive(&fresh), Err(Refusal::NoDialog));
    assert_eq!(Refusal::NoDialog.status(), 481);
    let broken = request("BYE sip:b SIP/2.0\r\nFrom: <sip:a>;tag=a\r\n\r\n");
    assert_eq!(dialog.receive(&broken).unwrap_err().status(), 400);
}

#[test]
fn rfc_3261_12_2_2_who_moves_says_so() {
    let mut dialog = bob("Contact: <sip:alice@a>\r\n");
    for (cseq, method, contact, want) in [
        (6, "INFO", "Contact: <sip:alice@x>\r\n", "sip:alice@a"),
        (7, "UPDATE", "Contact: <sip:alice@a2>\r\n", "sip:alice@a2"),
        (8, "INVITE", "m: <sip:alice@a3>\r\n", "sip:alice@a3"),
        (9, "UPDATE", "", "sip:alice@a3"),
    ] {
        dialog.receive(&inside(method, cseq, contact)).unwrap();
        assert_eq!(dialog.remote_target(), want, "{method}");
    }
    let tel = inside("UPDATE", 10, "Contact: <tel:+1>\r\n");
    assert_eq!(dialog.receive(&tel).unwrap_err().status(), 400);
    // Refused: nothing has changed.
    assert_eq!(
        (dialog.remote_cseq(), dialog.remote_target()),
        (Some(9), "sip:alice@a3")
    );
    let moved = answer(200, ";tag=b", "Contact: <sip:bob@new>\r\n");
    assert!(dialog.answered(&Method::Update, &moved).unwrap());
    assert_eq!(dialog.remote_target(), "sip:bob@new");
    for (status, stands) in [
        (200, true),
        (408, false),
        (481, false),
        (500, true),
        (491, true),
    ] {
        let answered = dialog.answered(&Method::Info, &answer(status, ";tag=b", ""));
        assert_eq!(answered, Ok(stands), "{status}");
    }
}

#[test]
fn rfc_3261_13_2_2_4_one_invite_many_answers() {
    let mut outset = outset();
    outset.request(&Method::Invite, VIA);
    let mut forks = Forks::default();
    let leg = |forks: &mut Forks, response: &Response| match forks.response(&outset, response) {
        Ok(Leg::Accepted(d)) => format!("accepted {}", d.id().remote_tag()),
        Ok(Leg::Again(d)) => format!("again {}", d.id().remote_tag()),
        Ok(Leg::Early(d)) => format!("early {}", d.id().remote_tag()),
        Ok(Leg::None) => "none".to_owned(),
        Err(malformed) => malformed.to_string(),
    };
    let route = format!("Record-Route: <sip:late;lr>\r\n{CONTACT}");
    for (status, tag, more, want) in [
        (100, "", "", "none"),
        (180, "", "", "none"),
        (180, ";tag=x", "", "early x"),
        (183, ";tag=y", CONTACT, "early y"),
        (180, ";tag=x", CONTACT, "early x"),
        (200, ";tag=x", route.as_str(), "accepted x"),
        (200, ";tag=x", route.as_str(), "again x"),
        (200, ";tag=z", CONTACT, "accepted z"),
        (200, ";tag=q", "", "there is no Contact"),
    ] {
        assert_eq!(leg(&mut forks, &answer(status, tag, more)), want);
    }
    let x = forks.take(&DialogId::new("c1", "a", "x")).unwrap();
    // The route of the 2xx counts, not that of the 180.
    assert_eq!((x.next_hop(), x.stage()), ("sip:late;lr", Stage::Confirmed));
    assert_eq!(forks.iter().count(), 2);
    assert_eq!(leg(&mut forks, &answer(486, ";tag=y", "")), "none");
    let left: Vec<_> = forks
        .iter()
        .map(|dialog| dialog.id().remote_tag())
        .collect();
    assert_eq!(left, ["z"], "a refusal ends the early dialogs");
    for n in 0..100 {
        leg(&mut forks, &answer(180, &format!(";tag={n}"), ""));
    }
    assert_eq!(forks.iter().count(), Forks::MAX);
}

#[test]
fn a_dialog_is_found_without_an_allocation_of_its_name() {
    let dialogs = HashMap::from([(DialogId::new("c1", "b", "a"), "bob's")]);
    let mut key = String::from("left over");
    DialogId::key_of_request(&inside("BYE", 6, ""), &mut key).unwrap();
    assert_eq!(dialogs.get(key.as_str()), Some(&"bob's"));
    let alices = HashMap::from([(DialogId::new("c1", "a", "b"), "alice's")]);
    DialogId::key_of_response(&answer(200, ";tag=b", ""), &mut key).unwrap();
    assert_eq!(alices.get(key.as_str()), Some(&"alice's"));
    let id = DialogId::of_response(&answer(200, ";tag=b", "")).unwrap();
    assert_eq!(
        (id.call_id(), id.local_tag(), id.remote_tag()),
        ("c1", "a", "b")
    );
    assert_eq!(id.call_id(), answer(200, "", "").raw(Name::CallId).unwrap());
}

proptest! {
    #[test]
    fn any_headers_are_taken_or_refused(
        from in "[ -~]{0,40}", to in "[ -~]{0,40}", contact in "[ -~]{0,40}",
        route in "[ -~]{0,40}", cseq in "[ -~]{0,20}",
    ) {
        let head = format!(
            "From: {from}\r\nTo: {to}\r\nContact: {contact}\r\nRecord-Route: {route}\r\n\
             Call-ID: c1\r\nCSeq: {cseq}\r\n\r\n"
        );
        let request = request(format!("INVITE sip:b SIP/2.0\r\n{head}"));
        if let Ok(mut dialog) = Dialog::uas(&request, "b", "<sip:bob@b>") {
            let _ = dialog.request(&Method::Bye, VIA).finish();
        }
        let _ = bob("Contact: <sip:alice@a>\r\n").receive(&request);
        let response = response(format!("SIP/2.0 200 OK\r\n{head}"));
        let _ = Forks::default().response(&outset(), &response);
        let _ = Dialog::notified(&outset(), &request);
    }

    #[test]
    fn any_route_gives_a_request_that_can_be_read(
        routes in prop::collection::vec("sip:[a-z]{1,5}(;lr|;method=X|;[a-z]=[a-z])?(\\?[a-z]=[a-z])?", 0..5)
    ) {
        let mut more = String::from("Contact: <sip:alice@a>\r\n");
        for route in &routes {
            more.push_str(&format!("Record-Route: <{route}>\r\n"));
        }
        let mut dialog = bob(&more);
        let bye = request(dialog.request(&Method::Bye, VIA).finish());
        let uri = sip::Uri::parse(bye.uri()).unwrap();
        prop_assert!(uri.headers_text().is_none() && !uri.params().has("method"));
        prop_assert_eq!(bye.raw_all(Name::Route).count(), routes.len());
    }
}
