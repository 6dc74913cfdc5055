//! What the server asks of the client, and what the client asks for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use client::imps::{Agent, Event, Events, Failure, Heard, Presence, Saying, To};
use fake_imps::{ALICE, BOB, CAROL, Server, config, event, online, told};
use imps::csp::{
    self, Contact, Contacts, ContentData, Group, GroupChangeNotice, InviteType, MessageInfo,
    NewMessage, Outcome, Participant, Participants, Property, Recipient, ScreenName, Sender,
    Status, User, UserList,
};
use imps::service::Function;
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

/// What the server asks, what is answered, and what is told.
fn requests() -> Vec<(Primitive, Primitive, Value)> {
    let ok = || Primitive::from(Status::new(Code::SUCCESSFUL));
    let group = |id: &str, kind, group: Option<&str>| csp::InviteUserRequest {
        id: id.to_owned(),
        invite_type: kind,
        sender: user(BOB),
        group: group.map(str::to_owned),
        note: Some("come".to_owned()),
        validity_s: Some(60),
        ..csp::InviteUserRequest::default()
    };
    let people = |names: &[&str]| {
        let people = names.iter().map(|name| Participant::new(*name, *name));
        Some(Participants::new(CLUB, people.collect()))
    };
    let new = NewMessage {
        info: message(Some("m1")),
        content: Some(ContentData::from("hi")),
    };
    let heard = json!([{
        "event": "message", "from": BOB, "group": null, "screen_name": null, "to_me": true,
        "content_type": "text/plain", "text": "hi", "message_id": "m1", "date": null,
    }]);
    let delivered = csp::MessageDelivered {
        message: "m1".to_owned(),
    };
    let seen = Presence {
        online: Some(true),
        availability: Some("AVAILABLE".to_owned()),
        ..Presence::default()
    };
    vec![
        (new.into(), delivered.into(), heard),
        (
            GroupChangeNotice {
                group: CLUB.to_owned(),
                joined: people(&[BOB]),
                properties: Some(csp::GroupProperties {
                    properties: vec![Property::new("Topic", "tea")],
                    welcome_note: None,
                }),
                ..GroupChangeNotice::default()
            }
            .into(),
            ok(),
            json!([{
                "event": "group_changed", "group": CLUB,
                "joined": [{ "screen_name": BOB, "user": BOB }],
                "left": [], "properties": [["Topic", "tea"]],
            }]),
        ),
        (
            csp::LeaveGroupResponse {
                group: Some(CLUB.to_owned()),
                outcome: Outcome::new(Code::REJECTED),
            }
            .into(),
            ok(),
            json!([{ "event": "out_of_group", "group": CLUB, "code": 809 }]),
        ),
        (
            group("i1", InviteType::Group, Some(CLUB)).into(),
            ok(),
            json!([{
                "event": "invited", "invitation": "i1", "kind": "GR", "from": BOB, "group": CLUB,
                "note": "come", "validity_s": 60,
            }]),
        ),
        (
            group("i1", InviteType::Group, None).into(),
            Status::new(Code::MISSING_GROUP).into(),
            json!([{ "event": "fault", "why": "an invitation that cannot be followed" }]),
        ),
        (
            csp::InviteResponse {
                id: "i2".to_owned(),
                acceptance: true,
                sender: user(BOB),
                ..csp::InviteResponse::default()
            }
            .into(),
            ok(),
            json!([{
                "event": "invite_answered", "invitation": "i2", "from": BOB, "accepted": true, "note": null,
            }]),
        ),
        (
            csp::CancelInviteUserRequest {
                id: "i1".to_owned(),
                sender: user(BOB),
                ..csp::CancelInviteUserRequest::default()
            }
            .into(),
            ok(),
            json!([{ "event": "invite_cancelled", "invitation": "i1", "from": BOB }]),
        ),
        (
            csp::PresenceNotificationRequest {
                presences: vec![presence(BOB, &seen)],
            }
            .into(),
            ok(),
            json!([{
                "event": "presence", "user": BOB, "online": true, "availability": "AVAILABLE",
                "status_text": null, "mood": null, "alias": null,
            }]),
        ),
        (
            csp::PresenceAuthRequest {
                user: BOB.to_owned(),
                attributes: None,
            }
            .into(),
            ok(),
            json!([{ "event": "presence_asked", "user": BOB }]),
        ),
        (
            csp::DeliveryReportRequest {
                outcome: Outcome::new(Code::MESSAGE_EXPIRED),
                delivered: None,
                info: MessageInfo {
                    recipient: Recipient {
                        users: vec![User::new(BOB)],
                        ..Recipient::default()
                    },
                    ..message(Some("m7"))
                },
            }
            .into(),
            ok(),
            json!([{ "event": "delivered", "message_id": "m7", "to": [BOB], "code": 542 }]),
        ),
        (
            csp::SystemMessageRequest {
                messages: vec![csp::SystemMessage {
                    id: "y1".to_owned(),
                    text: Some("closing".to_owned()),
                    ..csp::SystemMessage::default()
                }],
            }
            .into(),
            ok(),
            json!([{ "event": "system_message", "id": "y1", "text": "closing", "requires_response": false }]),
        ),
        (
            csp::NotificationRequest {
                notification_type: "GC".to_owned(),
                group: Some(CLUB.to_owned()),
                ..csp::NotificationRequest::default()
            }
            .into(),
            ok(),
            json!([{ "event": "notified", "kind": "GC", "group": CLUB, "users": [] }]),
        ),
        (
            csp::LogoutRequest {}.into(),
            Status::new(Code::NOT_IMPLEMENTED).into(),
            json!([{ "event": "fault", "why": "Logout-Request is nothing to ask a client" }]),
        ),
    ]
}

fn presence(user: &str, seen: &Presence) -> csp::Presence {
    let mut attributes = csp::PresenceSubList {
        online_status: vec![csp::Attribute::new("F"), csp::Attribute::new("T")],
        ..csp::PresenceSubList::default()
    };
    attributes.user_availability = seen.availability.as_deref().map(csp::Attribute::new);
    csp::Presence {
        user: Some(user.to_owned()),
        attributes: vec![Box::new(attributes)],
        ..csp::Presence::default()
    }
}

/// Each is answered, and told once, even if it comes again because the answer was lost.
#[tokio::test(start_paused = true)]
async fn what_the_server_asks() {
    let (mut server, _agent, mut events) = online(config()).await;
    let _before = told(&mut events);
    for (request, answer, want) in requests() {
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

/// Plays the server for one command: the name of the request, and the answer to it.
async fn serve(server: &mut Server, name: &str, answer: impl Into<Primitive>) -> Primitive {
    let (id, primitive) = server.expect(name).await;
    server.answer(&id, answer).await;
    primitive
}

fn ok() -> Status {
    Status::new(Code::SUCCESSFUL)
}

#[tokio::test(start_paused = true)]
async fn groups() {
    let mut config = config();
    config.screen_name = Some("Ally".to_owned());
    let (mut server, agent, mut events) = online(config).await;
    let name = ScreenName {
        name: "Ally".to_owned(),
        group: CLUB.to_owned(),
    };
    let (done, asked) = tokio::join!(
        agent.create_group(CLUB, &[("Accesstype", "Open")]),
        serve(&mut server, "CreateGroup-Request", ok())
    );
    assert_eq!(done, Ok(()));
    let Primitive::CreateGroupRequest(asked) = asked else {
        unreachable!()
    };
    assert!(asked.join && asked.screen_name == Some(name));
    assert!(asked.properties.properties[0].is("accesstype"));
    let joined = |event: &Event| matches!(event, Event::Joined { .. }).then_some(());
    event(&mut events, joined).await;
    let (sent, asked) = tokio::join!(
        agent.invite(&[BOB, CAROL], CLUB, Some("tea?")),
        serve(&mut server, "Invite-Request", ok())
    );
    let Primitive::InviteRequest(asked) = asked else {
        unreachable!()
    };
    assert_eq!((asked.id, asked.recipient.users.len()), (sent.unwrap(), 2));
    let whisper = To::Whisper {
        screen_name: "Bob".to_owned(),
        group: CLUB.to_owned(),
    };
    for (to, is_whisper) in [(To::Group(CLUB.to_owned()), false), (whisper, true)] {
        let (sent, asked) = tokio::join!(
            agent.send(Saying::text(to, "hi").reported()),
            serve(&mut server, "SendMessage-Request", ok())
        );
        assert_eq!(sent, Ok(String::new()));
        let Primitive::SendMessageRequest(asked) = asked else {
            unreachable!()
        };
        let whispers = matches!(asked.info.recipient.groups[..], [Group::ScreenName(_)]);
        assert!(asked.delivery_report && whispers == is_whisper);
    }
    let left = csp::LeaveGroupResponse::default();
    let (done, _) = tokio::join!(
        agent.leave(CLUB),
        serve(&mut server, "LeaveGroup-Request", left)
    );
    assert_eq!(done, Ok(()));
    let (done, _) = tokio::join!(
        agent.delete_group(CLUB),
        serve(
            &mut server,
            "DeleteGroup-Request",
            Status::new(Code::UNKNOWN_GROUP)
        )
    );
    assert_eq!(done.unwrap_err().to_string(), "800 Group does not exist");
}

#[tokio::test(start_paused = true)]
async fn presence_of_others_and_of_ones_own() {
    let (mut server, agent, _events) = online(config()).await;
    let (done, asked) = tokio::join!(
        agent.subscribe_presence(&[BOB]),
        serve(&mut server, "SubscribePresence-Request", ok())
    );
    assert_eq!(done, Ok(()));
    let Primitive::SubscribePresenceRequest(asked) = asked else {
        unreachable!()
    };
    assert!(asked.attributes.unwrap().status_text.is_some());
    let there = Presence {
        availability: Some("DISCREET".to_owned()),
        ..Presence::default()
    };
    let found = csp::GetPresenceResponse {
        presences: vec![presence(BOB, &there)],
        ..csp::GetPresenceResponse::default()
    };
    let (seen, _) = tokio::join!(
        agent.presence(&[BOB]),
        serve(&mut server, "GetPresence-Request", found)
    );
    let seen = seen.unwrap();
    assert_eq!((seen.len(), seen[0].user.as_str()), (1, BOB));
    assert_eq!(seen[0].presence.availability.as_deref(), Some("DISCREET"));
    let (done, asked) = tokio::join!(
        agent.update_presence(&there),
        serve(&mut server, "UpdatePresence-Request", ok())
    );
    assert_eq!(done, Ok(()));
    let Primitive::UpdatePresenceRequest(asked) = asked else {
        unreachable!()
    };
    assert!(asked.attributes.user_availability.is_some());
    assert!(asked.attributes.online_status.is_empty());
    for name in ["UnsubscribePresence-Request", "PresenceAuth-User"] {
        let says = async {
            match name {
                "PresenceAuth-User" => agent.authorize_presence(BOB, true).await,
                _ => agent.unsubscribe_presence(&[BOB]).await,
            }
        };
        let (done, _) = tokio::join!(says, serve(&mut server, name, ok()));
        assert_eq!(done, Ok(()), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn contacts_and_finding_people() {
    let (mut server, agent, _events) = online(config()).await;
    let list = "wv:alice/~friends@localhost";
    let bob = || Contact {
        user: BOB.to_owned(),
        nickname: Some("Bobby".to_owned()),
    };
    let lists = csp::GetListResponse {
        lists: vec![],
        default: Some(list.to_owned()),
    };
    let (found, _) = tokio::join!(
        agent.contact_lists(),
        serve(&mut server, "GetList-Request", lists.clone())
    );
    assert_eq!(found, Ok(lists));
    let managed = csp::ListManageResponse {
        contacts: Some(Contacts(vec![bob()])),
        ..csp::ListManageResponse::default()
    };
    let (found, _) = tokio::join!(
        agent.contacts(list),
        serve(&mut server, "ListManage-Request", managed.clone())
    );
    assert_eq!(found, Ok(vec![bob()]));
    let rows = [
        "CreateList-Request",
        "DeleteList-Request",
        "BlockEntity-Request",
    ];
    for name in rows.into_iter().chain(["ListManage-Request"; 2]) {
        let says = change(&agent, name, list, bob());
        let (done, _) = tokio::join!(says, serve(&mut server, name, ok()));
        assert_eq!(done, Ok(()), "{name}");
    }
    let (done, asked) = tokio::join!(
        agent.unblock(&[BOB]),
        serve(&mut server, "BlockEntity-Request", ok())
    );
    assert_eq!(done, Ok(()));
    let Primitive::BlockEntityRequest(asked) = asked else {
        unreachable!()
    };
    assert_eq!(asked.block.unwrap().remove.unwrap().users, [BOB]);
    assert_eq!(asked.block_in_use, None);
    let result = csp::SearchResponse {
        findings: 1,
        completed: true,
        result: Some(csp::SearchResult::Users(UserList {
            users: vec![User::new(BOB)],
            ..UserList::default()
        })),
        ..csp::SearchResponse::default()
    };
    let (found, _) = tokio::join!(
        agent.search(&[("USER_ID", "bo")], 10),
        serve(&mut server, "Search-Request", result.clone())
    );
    assert_eq!(found, Ok(result));
    // An answer of another kind than belongs to the request.
    let (found, _) = tokio::join!(
        agent.messages(),
        serve(
            &mut server,
            "GetMessageList-Request",
            csp::GetListResponse::default()
        )
    );
    assert!(matches!(found, Err(Failure::Malformed { .. })));
}

async fn change(agent: &Agent, name: &str, list: &str, contact: Contact) -> Result<(), Failure> {
    match name {
        "CreateList-Request" => agent.create_contact_list(list, vec![contact]).await,
        "DeleteList-Request" => agent.delete_contact_list(list).await,
        "BlockEntity-Request" => agent.block(&[BOB]).await,
        _ => agent.add_contacts(list, vec![contact]).await,
    }
}

/// Any request at all, whatever is answered.
#[tokio::test(start_paused = true)]
async fn whatever_a_script_wants_to_ask() {
    let (mut server, agent, mut events) = online(config()).await;
    assert!(agent.agreed().await.unwrap().contains(Function::Excon));
    for code in [200, 506, 999] {
        let (answer, _) = tokio::join!(
            agent.request(csp::GetSpInfoRequest::default()),
            serve(
                &mut server,
                "GetSPInfo-Request",
                Status::new(Code::new(code))
            )
        );
        assert_eq!(answer, Ok(Status::new(Code::new(code)).into()));
    }
    // What follows from it is known all the same.
    let (answer, _) = tokio::join!(
        agent.request(csp::LogoutRequest {}),
        serve(&mut server, "Logout-Request", ok())
    );
    assert_eq!(answer, Ok(ok().into()));
    assert_eq!(agent.agreed().await, Err(Failure::NotLoggedIn));
    let offline = |event: &Event| matches!(event, Event::Offline { .. }).then_some(());
    event(&mut events, offline).await;
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
