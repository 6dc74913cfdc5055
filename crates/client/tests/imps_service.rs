//! What the client asks for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use client::imps::{Agent, Event, Failure, Presence, Saying, To};
use fake_imps::{BOB, CAROL, Server, config, event, online};
use imps::Primitive;
use imps::csp::{self, Contact, Contacts, Group, ScreenName, Status, User, UserList};
use imps::service::Function;
use imps::status::Code;

const CLUB: &str = "wv:alice/club@localhost";

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
