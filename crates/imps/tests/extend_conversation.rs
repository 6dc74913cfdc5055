//! ExtendConversation on the wire (CSP 1.3, 9.1.11), octet by octet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::*;
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Encoding, FlawKind, Message, Primitive, Session, Transaction, Version};

fn message(primitive: impl Into<Primitive>) -> Message {
    Message::new(Version::V1_3, Session::Inband("S".to_owned()))
        .with(Transaction::request("t", primitive))
}

/// What stands in the transaction of a WBXML document.
fn octets(primitive: impl Into<Primitive>) -> Vec<u8> {
    let bytes = message(primitive).encode(Encoding::Wbxml);
    let content = b"\xF3\x0D\x031.3\x00\x01";
    let at = bytes
        .windows(content.len())
        .position(|window| window == content);
    bytes[at.unwrap() + content.len()..bytes.len() - 4].to_vec()
}

fn request() -> ExtendConversationRequest {
    ExtendConversationRequest {
        id: Some("e".to_owned()),
        users: vec!["c".to_owned(), "d".to_owned()],
        peer: ExtendConversationUser {
            user: "b".to_owned(),
            client: None,
        },
        subscribe: true,
        welcome_note: Some(WelcomeNote::text("hi")),
        screen_name: None,
    }
}

#[test]
fn the_request() {
    let want: &[&[u8]] = &[
        b"\x00\x0A\x52",
        b"\x00\x09\x76\x03e\x00\x01",
        // IMPS-9.1.11-S1: the users to invite.
        b"\x7F\x00\x00\x7A\x03c\x00\x01\x7A\x03d\x00\x01\x01",
        // IMPS-9.1.11-S2: the peer.
        b"\x00\x09\x63\x00\x00\x7A\x03b\x00\x01\x01",
        // IMPS-9.1.11-S3: notices are wanted.
        b"\x00\x07\x62\x80\x2C\x01",
        // IMPS-9.1.11-S5: the welcome note.
        b"\x60\x00\x00\x50\x80\x28\x01\x4D\x03hi\x00\x01\x01",
        b"\x01",
    ];
    assert_eq!(octets(request()), want.concat());
}

/// What the request cannot do without, and what it can.
#[test]
fn parts_of_the_request() {
    let text = String::from_utf8(message(request()).encode(Encoding::Xml).to_vec()).unwrap();
    let without = |from: &str, to: &str| {
        let (before, rest) = text.split_once(from).unwrap();
        let (_, after) = rest.split_once(to).unwrap();
        let text = format!("{before}{after}");
        Message::decode(text.as_bytes(), Encoding::Xml).unwrap()
    };
    for (rule, from, to, missing) in [
        (
            "IMPS-9.1.11-S1",
            "<UserIDList>",
            "</UserIDList>",
            "UserIDList",
        ),
        (
            "IMPS-9.1.11-S2",
            "<ExtendConversationUser>",
            "</ExtendConversationUser>",
            "ExtendConversationUser",
        ),
    ] {
        let message = without(from, to);
        let FlawKind::Missing { child, .. } = message.refused[0].flaw.kind else {
            panic!("{rule}");
        };
        assert_eq!(child, missing, "{rule}");
    }
    let read = |message: Message| match message.transactions[0].primitive.clone() {
        Primitive::ExtendConversationRequest(request) => request,
        other => panic!("{other:?}"),
    };
    // A client may leave the id out, and the welcome note, and say nothing about notices.
    let bare = read(without("<ExtendConversationID>", "</ExtendConversationID>"));
    assert_eq!(bare.id, None);
    let silent = read(without(
        "<SubscribeNotification>",
        "</SubscribeNotification>",
    ));
    assert!(!silent.subscribe);
    let plain = read(without("<WelcomeNote>", "</WelcomeNote>"));
    assert_eq!(plain.welcome_note, None);
}

#[test]
fn the_response() {
    let outcome = Outcome::new(Code::SUCCESSFUL).with_details(vec![DetailedResult::of_users(
        Code::RECIPIENT_LACKS_SUPPORT,
        vec!["d".to_owned()],
    )]);
    let response = ExtendConversationResponse {
        id: Some("e".to_owned()),
        group: Some("g".to_owned()),
        response_note: None,
        outcome,
    };
    let want: &[&[u8]] = &[
        b"\x00\x0A\x51\x00\x09\x76\x03e\x00\x01",
        // The group.
        b"\x00\x00\x56\x03g\x00\x01",
        // 201, and 546 for the one who was left out.
        b"\x6A\x4B\xC3\x01\xC9\x01\x53\x4B\xC3\x02\x02\x22\x01\x7A\x03d\x00\x01\x01\x01",
        b"\x01",
    ];
    assert_eq!(octets(response), want.concat());
}

#[test]
fn the_invitation() {
    let request = InviteUserRequest {
        id: "i".to_owned(),
        invite_type: InviteType::ExtendConversation,
        sender: Some(Sender::User(User::new("a"))),
        group: Some("g".to_owned()),
        validity_s: Some(60),
        ..InviteUserRequest::default()
    };
    let want: &[&[u8]] = &[
        b"\x00\x01\x59\x54\x03i\x00\x01",
        // Of type EC, whose token has two octets.
        b"\x58\x80\x81\x20\x01",
        b"\x00\x00\x6C\x79\x7A\x03a\x00\x01\x01\x01\x56\x03g\x00\x01\x7C\xC3\x01\x3C\x01",
        b"\x01",
    ];
    assert_eq!(octets(request), want.concat());
}

#[test]
fn the_function() {
    let functions = Some(Functions::of(&[Function::Excon]));
    let request = ServiceRequest {
        functions,
        ..ServiceRequest::default()
    };
    let want: &[&[u8]] = &[
        b"\x00\x01\x6E\x51\x00\x02\x7C\x5F\x61",
        // IMPS-9.1.11-S41: the leaf EXCON.
        b"\x00\x08\x0C",
        b"\x01\x01\x01\x01\x00\x01\x46\x80\x0B\x01\x01",
    ];
    assert_eq!(octets(request), want.concat());
}
