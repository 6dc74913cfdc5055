//! Bad networks, and servers that send what they like.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake_imps;

use std::time::Duration;

use client::imps::{Agent, Cir, Config, Event};
use fake_imps::{ALICE, SESSION, at, config, field, meet, told};
use imps::csp::{self, AgreedCapabilityList, LoginResponse, Outcome, Status};
use imps::status::Code;
use imps::{Encoding, Message, Mode, Primitive, Session, Transaction, Version};
use proptest::prelude::*;
use world::sim::{Faults, Universe};
use world::{Stream, World};

/// A server that answers every request alike, also when it comes again.
async fn answer_all(world: World) {
    let listener = world.net.listen(at("10.0.0.1:8080")).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // What becomes of a connection is its own affair.
        let _served = world.tasks.spawn("answers", serve(stream));
    }
}

async fn serve(stream: Stream) -> Option<()> {
    let mut buffer = bytes::BytesMut::new();
    loop {
        let whole = &buffer[..];
        let end = whole.windows(4).position(|part| part == b"\r\n\r\n");
        let post = end.and_then(|end| {
            let head = str::from_utf8(&whole[..end]).unwrap();
            let length: usize = field(head, "content-length")?.parse().unwrap();
            (whole.len() >= end + 4 + length).then_some((end + 4, length))
        });
        let Some((start, length)) = post else {
            (stream.read(&mut buffer).await.ok()? > 0).then_some(())?;
            continue;
        };
        let post = buffer.split_to(start + length);
        let message = Message::decode(&post[start..], Encoding::Wbxml).unwrap();
        let mut answers = Message::new(Version::V1_3, Session::Inband(SESSION.to_owned()));
        for asked in message.transactions {
            if asked.mode == Mode::Request {
                answers
                    .transactions
                    .push(Transaction::response(asked.id, answer(&asked.primitive)));
            }
        }
        let body = answers.encode(Encoding::Wbxml);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), &body].concat();
        stream.write_all(&bytes).await.ok()?;
    }
}

fn answer(request: &Primitive) -> Primitive {
    match request {
        Primitive::LoginRequest(login) if login.digest_bytes.is_none() => LoginResponse {
            outcome: Outcome::new(Code::UNAUTHORIZED),
            nonce: Some("x".to_owned()),
            ..LoginResponse::default()
        }
        .into(),
        Primitive::LoginRequest(_) => LoginResponse {
            session: Some(SESSION.to_owned()),
            ..LoginResponse::default()
        }
        .into(),
        Primitive::ClientCapabilityRequest(_) => csp::ClientCapabilityResponse::default().into(),
        Primitive::ServiceRequest(_) => csp::ServiceResponse::default().into(),
        _ => Status::new(Code::SUCCESSFUL).into(),
    }
}

/// Some pieces bring their connection down, and all of them are cut anywhere.
#[tokio::test(start_paused = true)]
async fn everything_works_over_a_bad_network() {
    for seed in 0..20 {
        let universe = Universe::new(seed);
        universe.set_faults(Faults {
            jitter: Duration::from_millis(200),
            reset_per_mille: 30,
            split: true,
            ..Faults::default()
        });
        let server = universe.host("10.0.0.1".parse().unwrap());
        let world = universe.host("10.0.0.2".parse().unwrap());
        server.tasks.spawn("server", answer_all(server.clone()));
        let (agent, mut events) = Agent::start(&world, config()).unwrap();
        until(&world, async || agent.login().await.is_ok()).await;
        for _ in 0..10 {
            until(&world, async || agent.say("wv:bob", "hi").await.is_ok()).await;
        }
        // Whether the server hears of it or not, there is no session any more.
        let _heard = agent.logout().await;
        assert!(agent.agreed().await.is_err());
        agent.stop().await;
        let all = told(&mut events);
        let online = |event: &Event| matches!(event, Event::Online { .. });
        assert!(all.iter().any(online), "seed {seed}: {all:?}");
        assert_eq!(world.tasks.panicked(), 0);
    }
}

/// Does it again until it works, within a day.
async fn until(world: &World, mut works: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if works().await {
            return;
        }
        world.clock.sleep(Duration::from_secs(600)).await;
    }
    panic!("it never works");
}

/// A server that is not there: every command ends.
#[tokio::test(start_paused = true)]
async fn nobody_answers() {
    let universe = Universe::new(1);
    let world = universe.host("10.0.0.2".parse().unwrap());
    let (agent, _events) = Agent::start(&world, config()).unwrap();
    let entered = agent.login().await;
    assert!(matches!(
        entered,
        Err(client::imps::Failure::Network { .. })
    ));
    assert!(agent.discover().await.is_err());
    agent.stop().await;
}

/// The same seed gives the same run.
#[tokio::test(start_paused = true)]
async fn runs_can_be_repeated() {
    let mut digests = Vec::new();
    for _ in 0..2 {
        let universe = Universe::new(9);
        let server = universe.host("10.0.0.1".parse().unwrap());
        let world = universe.host("10.0.0.2".parse().unwrap());
        server.tasks.spawn("server", answer_all(server.clone()));
        let (agent, _events) = Agent::start(&world, config()).unwrap();
        agent.login().await.unwrap();
        agent.say("wv:bob", "hi").await.unwrap();
        world.clock.sleep(Duration::from_secs(100)).await;
        agent.stop().await;
        digests.push(universe.digest());
    }
    assert_eq!(digests[0], digests[1]);
}

/// Primitives that a server has no reason to send, among those it has.
fn primitive() -> impl Strategy<Value = Primitive> {
    let text = || "[a-z:/@.~ ]{0,12}";
    let code = || prop_oneof![Just(200), Just(401), Just(604), any::<u16>()].prop_map(Code::new);
    prop_oneof![
        code().prop_map(|code| Status::new(code).into()),
        (text(), code(), any::<Option<u32>>()).prop_map(|(text, code, keep_alive_s)| {
            LoginResponse {
                outcome: Outcome::new(code),
                nonce: Some(text.clone()),
                session: Some(text),
                keep_alive_s,
                ..LoginResponse::default()
            }
            .into()
        }),
        (text(), any::<Option<u32>>(), any::<u16>()).prop_map(|(host, least, port)| {
            let agreed = AgreedCapabilityList {
                server_poll_min_s: least,
                multi_trans_per_message: least,
                cir_http_url: Some(format!("http://{host}")),
                tcp_address: Some(host),
                tcp_port: Some(port),
                ..AgreedCapabilityList::default()
            };
            csp::ClientCapabilityResponse {
                agreed: Some(Box::new(agreed)),
                ..csp::ClientCapabilityResponse::default()
            }
            .into()
        }),
        Just(csp::ServiceResponse::default().into()),
        Just(csp::GroupChangeNotice::default().into()),
        Just(csp::NewMessage::default().into()),
        Just(csp::PollingRequest {}.into()),
        code().prop_map(|code| {
            let outcome = Outcome::new(code);
            csp::Disconnect { outcome }.into()
        }),
        (text(), text()).prop_map(|(id, group)| {
            csp::InviteUserRequest {
                id,
                invite_type: csp::InviteType::ExtendConversation,
                group: Some(group),
                ..csp::InviteUserRequest::default()
            }
            .into()
        }),
        (text(), code()).prop_map(|(group, code)| {
            csp::ExtendConversationResponse {
                group: Some(group),
                outcome: Outcome::new(code),
                ..csp::ExtendConversationResponse::default()
            }
            .into()
        }),
    ]
}

/// What is answered to one POST: octets, or primitives, each as an answer or as a request.
#[derive(Clone, Debug)]
enum Turn {
    Octets(Vec<u8>),
    Primitives(Vec<(bool, Primitive)>, bool),
    Nothing,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Turn::Octets),
        8 => (prop::collection::vec((any::<bool>(), primitive()), 0..4), any::<bool>())
            .prop_map(|(all, poll)| Turn::Primitives(all, poll)),
        1 => Just(Turn::Nothing),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a server answers and asks, the agent lives, stops when told, and no task panics.
    #[test]
    fn any_server_leaves_the_agent_alive(turns in prop::collection::vec(turn(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut config = Config::new(ALICE, "password", at("10.0.0.1:8080"));
            config.cir = if turns.len() % 2 == 0 { Cir::Tcp } else { Cir::Http };
            let (mut server, agent, _events) = meet(config);
            let entering = agent.clone();
            let entered = server.client.tasks.spawn("login", async move {
                while entering.login().await != Err(client::imps::Failure::Stopped) {
                    let _said = entering.say("wv:bob", "hi").await;
                }
            });
            for turn in turns {
                server.receive().await;
                reply(&mut server, turn).await;
            }
            let stop = server.world.clock.timeout(Duration::from_secs(60), agent.stop());
            prop_assert!(stop.await.is_ok(), "it does not stop");
            entered.abort();
            prop_assert_eq!(server.client.tasks.panicked(), 0);
            Ok(())
        })?;
    }
}

async fn reply(server: &mut fake_imps::Server, turn: Turn) {
    let (all, poll) = match turn {
        Turn::Octets(octets) => return server.respond("200 OK", &octets).await,
        Turn::Primitives(all, poll) => (all, poll),
        Turn::Nothing => return server.hang_up(),
    };
    let asked = Message::decode(&server.bytes, Encoding::Wbxml).unwrap();
    let id = asked.transactions[0].id.clone();
    let mut message = Message::new(Version::V1_3, asked.session);
    message.poll = poll;
    for (answers, primitive) in all {
        message.transactions.push(match answers {
            true => Transaction::response(id.clone(), primitive),
            false => Transaction::request("x", primitive),
        });
    }
    let bytes = message.encode(Encoding::Wbxml);
    server.respond("200 OK", &bytes).await;
}
