//! What the server asks of the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use client::imps::{Event, Events, Failure, Heard};
use fake_imps::{ALICE, BOB, config, event, online, told};
use imps::csp::{
    self, ContentData, GroupChangeNotice, InviteType, MessageInfo, NewMessage, Outcome,
    Participant, Participants, Property, Recipient, Sender, Status, User,
};
use imps::status::Code;
use imps::{Encoding, Message, Mode, Primitive};
use serde_json::{Value, json};

const CLUB: &str = "wv:alice/club@localhost";

fn user(id: &str) -> Option<Sender> {
    Some(Sender::User(User::new(id)))
}

fn message(id: Option<&str>) -> MessageInfo {
    MessageInfo {
        id: id.map(str::to_owned),
        content_type: Some("text/plain".to_owned()),
        content_size: 2,
        recipient: Recipient {
            users: vec![User::new(ALICE)],
            ..Recipient::default()
        },
        sender: user(BOB),
        ..MessageInfo::default()
    }
}

/// What the server asks, the answer, and what is told.
type Row = (Primitive, Primitive, Value);

fn ok() -> Primitive {
    Status::new(Code::SUCCESSFUL).into()
}

fn about_messages() -> Vec<Row> {
    let new = NewMessage {
        info: message(Some("m1")),
        content: Some(ContentData::from("hi")),
    };
    let delivered = csp::MessageDelivered {
        message: "m1".to_owned(),
    };
    let heard = json!([{
        "event": "message", "from": BOB, "group": null, "screen_name": null, "to_me": true,
        "content_type": "text/plain", "text": "hi", "message_id": "m1", "date": null,
    }]);
    let report = csp::DeliveryReportRequest {
        outcome: Outcome::new(Code::MESSAGE_EXPIRED),
        delivered: None,
        info: message(Some("m7")),
    };
    let system = csp::SystemMessageRequest {
        messages: vec![csp::SystemMessage {
            id: "y1".to_owned(),
            text: Some("closing".to_owned()),
            ..csp::SystemMessage::default()
        }],
    };
    let closing = json!([{
        "event": "system_message", "id": "y1", "text": "closing", "requires_response": false,
    }]);
    let nonsense =
        json!([{ "event": "fault", "why": "Logout-Request is nothing to ask a client" }]);
    vec![
        (new.into(), delivered.into(), heard),
        (
            report.into(),
            ok(),
            json!([{ "event": "delivered", "message_id": "m7", "to": [ALICE], "code": 542 }]),
        ),
        (system.into(), ok(), closing),
        (
            csp::LogoutRequest {}.into(),
            Status::new(Code::NOT_IMPLEMENTED).into(),
            nonsense,
        ),
    ]
}

fn about_groups() -> Vec<Row> {
    let people = vec![Participant::new(BOB, BOB)];
    let notice = GroupChangeNotice {
        group: CLUB.to_owned(),
        joined: Some(Participants::new(CLUB, people)),
        properties: Some(csp::GroupProperties {
            properties: vec![Property::new("Topic", "tea")],
            welcome_note: None,
        }),
        ..GroupChangeNotice::default()
    };
    let changed = json!([{
        "event": "group_changed", "group": CLUB, "joined": [{ "screen_name": BOB, "user": BOB }],
        "left": [], "properties": [["Topic", "tea"]],
    }]);
    let out = csp::LeaveGroupResponse {
        group: Some(CLUB.to_owned()),
        outcome: Outcome::new(Code::REJECTED),
    };
    let notification = csp::NotificationRequest {
        notification_type: "GC".to_owned(),
        group: Some(CLUB.to_owned()),
        ..csp::NotificationRequest::default()
    };
    vec![
        (notice.into(), ok(), changed),
        (
            out.into(),
            ok(),
            json!([{ "event": "out_of_group", "group": CLUB, "code": 809 }]),
        ),
        (
            notification.into(),
            ok(),
            json!([{ "event": "notified", "kind": "GC", "group": CLUB, "users": [] }]),
        ),
    ]
}

fn about_invitations() -> Vec<Row> {
    let invite = |group: Option<&str>| csp::InviteUserRequest {
        id: "i1".to_owned(),
        invite_type: InviteType::Group,
        sender: user(BOB),
        group: group.map(str::to_owned),
        note: Some("come".to_owned()),
        validity_s: Some(60),
        ..csp::InviteUserRequest::default()
    };
    let invited = json!([{
        "event": "invited", "invitation": "i1", "kind": "GR", "from": BOB, "group": CLUB,
        "note": "come", "validity_s": 60,
    }]);
    let response = csp::InviteResponse {
        id: "i2".to_owned(),
        acceptance: true,
        sender: user(BOB),
        ..csp::InviteResponse::default()
    };
    let answered = json!([{
        "event": "invite_answered", "invitation": "i2", "from": BOB, "accepted": true, "note": null,
    }]);
    let cancel = csp::CancelInviteUserRequest {
        id: "i1".to_owned(),
        sender: user(BOB),
        ..csp::CancelInviteUserRequest::default()
    };
    vec![
        (invite(Some(CLUB)).into(), ok(), invited),
        (
            invite(None).into(),
            Status::new(Code::MISSING_GROUP).into(),
            json!([{ "event": "fault", "why": "an invitation that cannot be followed" }]),
        ),
        (response.into(), ok(), answered),
        (
            cancel.into(),
            ok(),
            json!([{ "event": "invite_cancelled", "invitation": "i1", "from": BOB }]),
        ),
    ]
}

fn about_presence() -> Vec<Row> {
    let mut attributes = csp::PresenceSubList {
        online_status: vec![csp::Attribute::new("F"), csp::Attribute::new("T")],
        ..csp::PresenceSubList::default()
    };
    attributes.user_availability = Some(csp::Attribute::new("AVAILABLE"));
    let presence = csp::Presence {
        user: Some(BOB.to_owned()),
        attributes: vec![Box::new(attributes)],
        ..csp::Presence::default()
    };
    let notification = csp::PresenceNotificationRequest {
        presences: vec![presence],
    };
    let seen = json!([{
        "event": "presence", "user": BOB, "online": true, "availability": "AVAILABLE",
        "status_text": null, "mood": null, "alias": null,
    }]);
    let ask = csp::PresenceAuthRequest {
        user: BOB.to_owned(),
        attributes: None,
    };
    vec![
        (notification.into(), ok(), seen),
        (
            ask.into(),
            ok(),
            json!([{ "event": "presence_asked", "user": BOB }]),
        ),
    ]
}

/// Each is answered, and told once, even if it comes again because the answer was lost.
#[tokio::test(start_paused = true)]
async fn what_the_server_asks() {
    let (mut server, _agent, mut events) = online(config()).await;
    let _before = told(&mut events);
    let all = [
        about_messages(),
        about_groups(),
        about_invitations(),
        about_presence(),
    ];
    for (request, answer, want) in all.into_iter().flatten() {
        server.ask(request.clone());
        assert_eq!(server.answered().await, answer, "{request:?}");
        let told_of = serde_json::to_value(told(&mut events)).unwrap();
        assert_eq!(told_of, want, "{request:?}");
        server.repeat(request.clone());
        assert_eq!(server.answered().await, answer, "{request:?}");
        assert_eq!(told(&mut events), [], "{request:?}");
    }
}

/// Several at once: answered in their order, in as few documents as were agreed.
#[tokio::test(start_paused = true)]
async fn several_transactions_in_one_document() {
    for (ours, theirs, want) in [(4, None, 4), (4, Some(2), 2), (1, None, 1)] {
        let mut config = config();
        config.multi_trans = ours;
        let (mut server, agent, _events) = fake_imps::meet(config);
        server.agreed.multi_trans_per_message = theirs;
        let (entered, ()) = tokio::join!(agent.login(), server.welcome());
        assert_eq!(entered, Ok(()));
        for number in 1..=5 {
            server.ask(NewMessage {
                info: message(Some(&format!("m{number}"))),
                content: None,
            });
        }
        let mut ids = Vec::new();
        while ids.len() < 5 {
            let next = server.next().await;
            assert_eq!(next.mode, Mode::Response);
            let post = Message::decode(&server.bytes, Encoding::Wbxml).unwrap();
            assert!(post.transactions.len() <= want);
            if ids.is_empty() {
                assert_eq!(post.transactions.len(), want);
            }
            ids.push(next.id);
        }
        assert_eq!(ids, ["s1", "s2", "s3", "s4", "s5"]);
    }
}

/// A transaction that cannot be read is answered as well, and those beside it are taken.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read() {
    let mut config = config();
    config.encoding = Encoding::Xml;
    let (mut server, _agent, mut events) = online(config).await;
    let _before = told(&mut events);
    server.receive().await;
    let frame = |mode, id, inner: &str| {
        format!(
            "<Transaction><TransactionDescriptor><TransactionMode>{mode}</TransactionMode>\
             <TransactionID>{id}</TransactionID></TransactionDescriptor><TransactionContent \
             xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-TRC1.3\">{inner}\
             </TransactionContent></Transaction>"
        )
    };
    let body = format!(
        "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><Session>\
         <SessionDescriptor><SessionType>Inband</SessionType><SessionID>s-1</SessionID>\
         </SessionDescriptor>{}{}{}</Session></WV-CSP-Message>",
        frame("Request", "s1", "<Teleport-Request/>"),
        frame("Request", "s2", "<GroupChangeNotice/>"),
        frame("Request", "s3", "<SystemMessage-Request/>")
    );
    server.respond("200 OK", body.as_bytes()).await;
    for (id, code) in [("s3", 200), ("s1", 501), ("s2", 400)] {
        let next = server.next().await;
        assert_eq!(next.id, id);
        assert_eq!(next.primitive, Status::new(Code::new(code)).into());
    }
    let faults = told(&mut events);
    assert!(matches!(
        faults[..],
        [Event::Fault { .. }, Event::Fault { .. }]
    ));
}

/// A message that is announced is fetched, and the server hears that it has come.
#[tokio::test(start_paused = true)]
async fn a_message_that_waits() {
    let (mut server, agent, mut events) = online(config()).await;
    let announced = csp::MessageNotification {
        info: message(Some("m9")),
    };
    let content = || csp::GetMessageResponse {
        info: message(None),
        content: Some(ContentData::from("hi")),
    };
    server.ask(announced);
    server.accepted().await;
    let (id, _) = server.expect("GetMessage-Request").await;
    server.answer(&id, content()).await;
    let (id, primitive) = server.expect("MessageDelivered").await;
    let fetched = csp::MessageDelivered {
        message: "m9".to_owned(),
    };
    assert_eq!(primitive, fetched.into());
    server.status(&id, 200).await;
    let waits =
        |event: &Event| matches!(event, Event::MessageWaiting { size: 2, .. }).then_some(());
    event(&mut events, waits).await;
    let heard = heard(&mut events).await;
    assert_eq!(
        (heard.text.as_str(), heard.message_id.as_deref()),
        ("hi", Some("m9"))
    );
    // The same on demand.
    let (found, ()) = tokio::join!(agent.get_message("m9"), async {
        let (id, _) = server.expect("GetMessage-Request").await;
        server.answer(&id, content()).await;
        let (id, _) = server.expect("MessageDelivered").await;
        server.status(&id, 426).await;
    });
    assert_eq!(found.unwrap().text, "hi");
    // And one that is gone.
    server.ask(csp::MessageNotification {
        info: message(Some("m10")),
    });
    server.accepted().await;
    let (id, _) = server.expect("GetMessage-Request").await;
    server.status(&id, 426).await;
    let fault = event(&mut events, |event| match event {
        Event::Fault { why } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(
        fault.await,
        "message m10 was not fetched: 426 Invalid message"
    );
}

async fn heard(events: &mut Events) -> Heard {
    event(events, |event| match event {
        Event::Message(heard) => Some(heard.clone()),
        _ => None,
    })
    .await
}

/// Invitations into a group are answered, and followed.
#[tokio::test(start_paused = true)]
async fn invitations() {
    let (mut server, agent, mut events) = online(config()).await;
    for (kind, accepts, joins) in [
        (InviteType::Group, true, true),
        (InviteType::Group, false, false),
        (InviteType::Im, true, false),
    ] {
        let group = (kind == InviteType::Group).then(|| CLUB.to_owned());
        server.ask(csp::InviteUserRequest {
            id: "i1".to_owned(),
            invite_type: kind,
            sender: user(BOB),
            group,
            ..csp::InviteUserRequest::default()
        });
        server.accepted().await;
        let answers = async {
            let (id, primitive) = server.expect("InviteUser-Response").await;
            let Primitive::InviteUserResponse(response) = primitive else {
                unreachable!()
            };
            assert_eq!((response.id.as_str(), response.acceptance), ("i1", accepts));
            server.status(&id, 200).await;
            if joins {
                let (id, _) = server.expect("JoinGroup-Request").await;
                server.answer(&id, csp::JoinGroupResponse::default()).await;
            }
        };
        let says = async {
            match accepts {
                true => agent.accept("i1").await,
                false => agent.decline("i1").await,
            }
        };
        let (said, ()) = tokio::join!(says, answers);
        assert_eq!(said, Ok(()));
        assert_eq!(agent.accept("i1").await, Err(Failure::NoInvitation));
    }
    let joined = |event: &Event| matches!(event, Event::Joined { .. }).then_some(());
    event(&mut events, joined).await;
}

/// Events that nobody takes are counted.
#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_listen() {
    let (mut server, _agent, mut events) = online(config()).await;
    for round in 0..100 {
        for number in 0..60 {
            server.ask(NewMessage {
                info: message(Some(&format!("m{round}-{number}"))),
                content: None,
            });
        }
        for _ in 0..60 {
            assert_eq!(server.next().await.mode, Mode::Response);
        }
    }
    // One was the login.
    assert_eq!(told(&mut events).len(), 4096);
    server.ask(csp::SystemMessageRequest::default());
    server.accepted().await;
    server.ask(NewMessage {
        info: message(Some("last")),
        content: None,
    });
    server.next().await;
    let missed = 6001 - 4096;
    assert_eq!(events.recv().await, Some(Event::Missed { count: missed }));
    assert_eq!(heard(&mut events).await.message_id.as_deref(), Some("last"));
}
