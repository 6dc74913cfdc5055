//! ExtendConversation (CSP 1.3, 9.1.11), as the client sees it: Client2 asks, Client1 is the peer
//! of the conversation, Client3 is invited.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use client::imps::{Agent, Config, Event, Events, Extension, Failure, Saying, To};
use fake_imps::{ALICE, BOB, CAROL, Server, at, config, event, online, told};
use imps::csp::{
    ContentData, DetailedResult, ExtendConversationRequest, ExtendConversationResponse, Group,
    InviteType, InviteUserRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse,
    Outcome, Participant, Participants, SendMessageRequest, SendMessageResponse, Sender, Status,
    User, WelcomeNote,
};
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Encoding, Message, Mode, Primitive};

const GROUP: &str = "wv:/ec-7f3a@localhost";

fn extension() -> Extension {
    Extension {
        peer: BOB.to_owned(),
        others: vec![CAROL.to_owned(), "wv:dave@localhost".to_owned()],
        welcome: None,
        subscribe: false,
    }
}

/// Lets the agent ask, and answers with a code. Returns what was asked and what became of it.
async fn extend(
    server: &mut Server,
    agent: &Agent,
    extension: Extension,
    code: u16,
) -> (ExtendConversationRequest, Result<String, Failure>) {
    tokio::join!(
        async {
            let (id, primitive) = server.expect("ExtendConversation-Request").await;
            server.status(&id, code).await;
            let Primitive::ExtendConversationRequest(request) = primitive else {
                unreachable!()
            };
            request
        },
        agent.extend(extension)
    )
}

/// Lets the agent say something to Bob, and tells the recipient on the wire.
async fn said_to(server: &mut Server, agent: &Agent) -> (Vec<String>, Vec<Group>) {
    let (sent, ()) = tokio::join!(
        async {
            let (id, primitive) = server.expect("SendMessage-Request").await;
            let response = SendMessageResponse {
                message: Some("m1".to_owned()),
                ..SendMessageResponse::default()
            };
            server.answer(&id, response).await;
            let Primitive::SendMessageRequest(request) = primitive else {
                unreachable!()
            };
            request
        },
        async {
            assert_eq!(agent.say("wv:Bob", "hi").await, Ok("m1".to_owned()));
        }
    );
    let SendMessageRequest { info, content, .. } = sent;
    assert_eq!(content, Some(ContentData::from("hi")));
    assert_eq!(info.sender, Some(Sender::User(User::new(ALICE))));
    let users = info.recipient.users.into_iter().map(|user| user.id);
    (users.collect(), info.recipient.groups)
}

fn to_bob() -> (Vec<String>, Vec<Group>) {
    (vec!["wv:Bob".to_owned()], vec![])
}

fn to_group() -> (Vec<String>, Vec<Group>) {
    (vec![], vec![Group::Id(GROUP.to_owned())])
}

fn response(id: Option<&str>, group: Option<&str>, code: u16) -> ExtendConversationResponse {
    ExtendConversationResponse {
        id: id.map(str::to_owned),
        group: group.map(str::to_owned),
        response_note: None,
        outcome: Outcome::new(Code::new(code)),
    }
}

fn invitation(id: &str) -> InviteUserRequest {
    InviteUserRequest {
        id: id.to_owned(),
        invite_type: InviteType::ExtendConversation,
        sender: Some(Sender::User(User::new(BOB))),
        group: Some(GROUP.to_owned()),
        validity_s: Some(60),
        ..InviteUserRequest::default()
    }
}

/// The answer to whoever joins, with these people in the group.
fn welcome(people: &[&str]) -> JoinGroupResponse {
    let named = |user: &&str| Participant::new(*user, *user);
    JoinGroupResponse {
        participants: Some(Participants::new(GROUP, people.iter().map(named).collect())),
        screen_name: None,
        welcome_note: Some(WelcomeNote::text("hello all")),
    }
}

/// The transactions that the client sends next, all of one POST.
async fn sent(server: &mut Server) -> Vec<(Mode, &'static str)> {
    server.receive().await;
    let message = Message::decode(&server.bytes, Encoding::Wbxml).unwrap();
    let all = message.transactions.iter();
    all.map(|one| (one.mode, one.primitive.name())).collect()
}

async fn extending(events: &mut Events) -> (String, Option<String>, String) {
    event(events, |event| match event {
        Event::Extending {
            invitation,
            from,
            group,
        } => Some((invitation.clone(), from.clone(), group.clone())),
        _ => None,
    })
    .await
}

async fn joined(events: &mut Events) -> (String, usize, Option<String>) {
    event(events, |event| match event {
        Event::Joined {
            group,
            members,
            welcome,
            ..
        } => Some((group.clone(), members.len(), welcome.clone())),
        _ => None,
    })
    .await
}

type Spoil = fn(&mut Extension);

/// Rule, what is asked for, and what has to stand in the request.
type Row = (&'static str, Spoil, fn(&ExtendConversationRequest) -> bool);

#[rustfmt::skip]
const REQUESTS: &[Row] = &[
    ("IMPS-9.1.11-S1", |_| {}, |r| r.users == [CAROL, "wv:dave@localhost"]),
    ("IMPS-9.1.11-S2", |_| {}, |r| r.peer.user == BOB),
    ("IMPS-9.1.11-S3", |_| {}, |r| !r.subscribe),
    ("IMPS-9.1.11-S3", |e| e.subscribe = true, |r| r.subscribe),
    ("IMPS-9.1.11-S5", |_| {}, |r| r.welcome_note.is_none()),
    ("IMPS-9.1.11-S5", |e| e.welcome = Some("hello all".to_owned()), |r| r.welcome_note == Some(WelcomeNote::text("hello all"))),
];

#[tokio::test(start_paused = true)]
async fn what_client2_asks_for() {
    let (mut server, agent, _events) = online(config()).await;
    let mut ids = Vec::new();
    for (rule, spoil, want) in REQUESTS {
        let mut extension = extension();
        spoil(&mut extension);
        let (request, id) = extend(&mut server, &agent, extension, 200).await;
        assert!(want(&request), "{rule}: {request:?}");
        // Each has an id of its own, by which the response will be known.
        assert_eq!(request.id, Some(id.unwrap()), "{rule}");
        ids.extend(request.id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), REQUESTS.len());
}

/// IMPS-9.1.11-S26, IMPS-9.1.11-S27: with the response the conversation goes on in the group, and
/// nobody joins.
#[tokio::test(start_paused = true)]
async fn the_conversation_of_client2_goes_on_in_the_group() {
    let (mut server, agent, mut events) = online(config()).await;
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
    let (_, id) = extend(&mut server, &agent, extension(), 200).await;
    let id = id.unwrap();
    // Until the peer has come, all is as it was.
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
    let mut partly = response(Some(&id), Some(GROUP), 201);
    let dave = || "wv:dave@localhost".to_owned();
    let left_out = DetailedResult::of_users(Code::RECIPIENT_LACKS_SUPPORT, vec![dave()]);
    partly.outcome.details.push(left_out);
    server.ask(partly);
    server.accepted().await;
    let want = Event::Extended {
        id,
        group: GROUP.to_owned(),
        left_out: vec![(dave(), 546)],
    };
    event(&mut events, |event| (*event == want).then_some(())).await;
    // IMPS-9.1.11-S26: this is the next that is sent; there is no JoinGroup-Request before it.
    assert_eq!(said_to(&mut server, &agent).await, to_group());
    // To the user alone only if the program insists.
    let alone = agent.send(Saying::text(To::User(BOB.to_owned()), "psst"));
    let (_, ()) = tokio::join!(alone, async {
        let (id, primitive) = server.expect("SendMessage-Request").await;
        let Primitive::SendMessageRequest(request) = primitive else {
            unreachable!()
        };
        assert_eq!(request.info.recipient.users, [User::new(BOB)]);
        server.status(&id, 200).await;
    });
    // Out of the group the conversation is one of two again.
    let out = LeaveGroupResponse {
        group: Some(GROUP.to_owned()),
        outcome: Outcome::new(Code::UNKNOWN_GROUP),
    };
    server.ask(out);
    server.accepted().await;
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
}

/// What the server answers later, what is told then, and whether the conversation goes on in the
/// group.
#[tokio::test(start_paused = true)]
async fn how_an_extension_ends() {
    let rows = [
        // With an id, without one, and with one that nobody gave.
        (true, Some(GROUP), 200, "extended", true),
        (true, None, 410, "not_extended", false),
        (true, Some(GROUP), 410, "not_extended", false),
        (true, None, 200, "not_extended", false),
        (false, Some(GROUP), 200, "extended", true),
    ];
    for (has_id, group, code, kind, goes_on) in rows {
        let (mut server, agent, mut events) = online(config()).await;
        let (_, id) = extend(&mut server, &agent, extension(), 200).await;
        let id = id.unwrap();
        let _before = told(&mut events);
        server.ask(response(has_id.then_some(&*id), group, code));
        server.accepted().await;
        let events = told(&mut events);
        let json = serde_json::to_value(&events).unwrap();
        assert_eq!(json[0]["event"], kind, "{code}");
        assert_eq!(json[0]["id"], id);
        let want = if goes_on { to_group() } else { to_bob() };
        assert_eq!(said_to(&mut server, &agent).await, want, "{code}");
    }
}

/// A request that is refused at once, and a response to nothing.
#[tokio::test(start_paused = true)]
async fn an_extension_that_is_refused() {
    let (mut server, agent, mut events) = online(config()).await;
    let (_, refused) = extend(&mut server, &agent, extension(), 546).await;
    let why = refused.unwrap_err().to_string();
    assert_eq!(
        why,
        "546 Recipient does not support the requested functionality"
    );
    let _before = told(&mut events);
    for id in [None, Some("nobody's")] {
        server.ask(response(id, Some(GROUP), 200));
        server.accepted().await;
        assert!(matches!(told(&mut events)[..], [Event::Fault { .. }]));
    }
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
    let spoilt = Extension {
        others: vec!["nobody at all".to_owned()],
        ..extension()
    };
    assert!(matches!(
        agent.extend(spoilt).await,
        Err(Failure::NoAddress { .. })
    ));
}

/// IMPS-9.1.11-S41: a server that names EXCON in its answer is not asked.
#[tokio::test(start_paused = true)]
async fn what_was_not_agreed_is_not_asked_for() {
    let (mut server, agent, _events) = fake_imps::meet(config());
    server.missing = Functions::of(&[Function::Excon]);
    let (entered, ()) = tokio::join!(agent.login(), server.welcome());
    assert_eq!(entered, Ok(()));
    let refused = agent.extend(extension()).await;
    assert_eq!(refused, Err(Failure::NotAgreed { function: "EXCON" }));
    // Nothing of the sort is sent: this is the next that comes.
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
}

/// IMPS-9.1.11-S20: Status. IMPS-9.1.11-S22: JoinGroup-Request, and no InviteUser-Response.
/// IMPS-9.1.11-S27: then the conversation goes on in the group on this side, too.
#[tokio::test(start_paused = true)]
async fn client1_follows_at_once() {
    let (mut server, agent, mut events) = online(config()).await;
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
    server.ask(invitation("i1"));
    server.accepted().await;
    let told_of = ("i1".to_owned(), Some(BOB.to_owned()), GROUP.to_owned());
    assert_eq!(extending(&mut events).await, told_of);
    let (id, primitive) = server.expect("JoinGroup-Request").await;
    let Primitive::JoinGroupRequest(request) = primitive else {
        unreachable!()
    };
    let want = JoinGroupRequest {
        group: GROUP.to_owned(),
        joined_request: true,
        subscribe: true,
        ..JoinGroupRequest::default()
    };
    assert_eq!(request, want);
    server.answer(&id, welcome(&[BOB, ALICE])).await;
    let (group, members, note) = joined(&mut events).await;
    assert_eq!((group.as_str(), members), (GROUP, 2));
    assert_eq!(note.as_deref(), Some("hello all"));
    assert_eq!(said_to(&mut server, &agent).await, to_group());
    // IMPS-9.1.11-S22: nothing else was ever said to the invitation.
    agent.stop().await;
    assert_eq!(
        server.expect("Logout-Request").await.1.name(),
        "Logout-Request"
    );
}

/// The same when the user is asked first.
#[tokio::test(start_paused = true)]
async fn client1_follows_when_told_to() {
    let mut config = config();
    config.auto_join_ec = false;
    let (mut server, agent, mut events) = online(config).await;
    for (id, accepts) in [("i1", false), ("i2", true)] {
        server.ask(invitation(id));
        // IMPS-9.1.11-S20
        server.accepted().await;
        assert_eq!(extending(&mut events).await.0, id);
        if accepts {
            // IMPS-9.1.11-S22: to accept is to join.
            let (done, ()) = tokio::join!(agent.accept(id), async {
                let (id, _) = server.expect("JoinGroup-Request").await;
                server.answer(&id, welcome(&[BOB, ALICE])).await;
            });
            assert_eq!(done, Ok(()));
            assert_eq!(said_to(&mut server, &agent).await, to_group());
        } else {
            // There is no word to say no with.
            assert_eq!(agent.decline(id).await, Ok(()));
            assert_eq!(said_to(&mut server, &agent).await, to_bob());
        }
        assert_eq!(agent.accept(id).await, Err(Failure::NoInvitation));
    }
}

/// Whom Client3 meets in the group, and where its own words to Bob go from then on: it is a guest
/// in the conversation of others.
#[tokio::test(start_paused = true)]
async fn client3_is_a_guest() {
    let (mut server, agent, mut events) = online(config()).await;
    server.ask(invitation("i2"));
    server.accepted().await;
    let (id, _) = server.expect("JoinGroup-Request").await;
    server.answer(&id, welcome(&[BOB, CAROL, ALICE])).await;
    assert_eq!(joined(&mut events).await.1, 3);
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
}

/// The group is full, or gone: told, and nothing changes.
#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_joined() {
    let (mut server, agent, mut events) = online(config()).await;
    server.ask(invitation("i1"));
    server.accepted().await;
    let (id, _) = server.expect("JoinGroup-Request").await;
    server.status(&id, 800).await;
    let out = Event::OutOfGroup {
        group: GROUP.to_owned(),
        code: 800,
    };
    event(&mut events, |event| (*event == out).then_some(())).await;
    assert_eq!(said_to(&mut server, &agent).await, to_bob());
}

/// IMPS-9.1.11-S20 and IMPS-9.1.11-S40: a client that does not know ExtendConversation says Status
/// all the same, and does nothing more.
#[tokio::test(start_paused = true)]
async fn a_legacy_client_says_yes_and_does_nothing() {
    let legacy = Config::legacy(ALICE, "password", at("10.0.0.1:8080"));
    let mut unaware = config();
    unaware.functions = unaware.functions.without(Functions::of(&[Function::Excon]));
    for mut config in [legacy.clone(), legacy.without_notices(), unaware] {
        config.cir = fake_imps::config().cir;
        config.time_to_live = fake_imps::config().time_to_live;
        let (mut server, agent, mut events) = online(config).await;
        let _before = told(&mut events);
        server.ask(invitation("i1"));
        server.accepted().await;
        assert_eq!(told(&mut events), []);
        assert_eq!(agent.accept("i1").await, Err(Failure::NoInvitation));
        server.flush().await;
        for _ in 0..3 {
            let next = sent(&mut server).await;
            assert_eq!(next, [(Mode::Request, "Polling-Request")]);
            server.flush().await;
        }
    }
}

/// IMPS-9.1.11-S20: the answer is Status, whatever is wrong; an invitation into nowhere is not
/// followed.
#[tokio::test(start_paused = true)]
async fn an_invitation_into_nowhere() {
    let (mut server, _agent, mut events) = online(config()).await;
    let _before = told(&mut events);
    server.ask(InviteUserRequest {
        group: None,
        ..invitation("i1")
    });
    let answer = server.answered().await;
    assert_eq!(answer, Status::new(Code::MISSING_GROUP).into());
    assert!(matches!(told(&mut events)[..], [Event::Fault { .. }]));
}
