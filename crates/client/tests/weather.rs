//! Bad networks, and servers that send what they like.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Agent, CopyControl, Event, Options, Transport, guest};
use fake::{SESSION, config, meet, sdp, told};
use proptest::prelude::*;
use sip::{Draft, Message, Method, Name, Request};
use world::sim::{Faults, Universe};
use world::{Batch, Datagrams};

/// A server over UDP that answers every request alike, also when it comes again.
async fn answer_all(socket: Datagrams) {
    let mut batch = Batch::new();
    while socket.recv(&mut batch).await.is_ok() {
        for datagram in batch.drain() {
            let Ok(Message::Request(mut request)) = Message::parse(datagram.bytes) else {
                continue;
            };
            request.set_source(datagram.remote);
            if let Some(bytes) = answer(&request) {
                socket.send(datagram.remote, &bytes).await.unwrap();
            }
        }
    }
}

fn answer(request: &Request) -> Option<bytes::Bytes> {
    let signed = request.has(Name::Authorization);
    let draft = |status, reason| Draft::response(request, status, reason, Some("srv"));
    match request.method() {
        Method::Ack => None,
        Method::Register if !signed => {
            let mut draft = draft(401, "Unauthorized");
            let challenge = r#"Digest realm="localhost", nonce="n1", qop="auth""#;
            draft.header(Name::WwwAuthenticate, challenge);
            Some(draft.finish())
        }
        Method::Invite => {
            let mut draft = draft(200, "OK");
            draft.header(Name::Contact, format_args!("<{SESSION}>"));
            Some(draft.finish_with("application/sdp", &sdp("passive", 2855)))
        }
        _ => Some(draft(200, "OK").finish()),
    }
}

/// A third of all datagrams is lost, some come twice, and all of them in any order.
#[tokio::test(start_paused = true)]
async fn everything_works_over_a_bad_network() {
    for seed in 0..20 {
        let universe = Universe::new(seed);
        universe.set_faults(Faults {
            jitter: Duration::from_millis(200),
            loss_per_mille: 333,
            duplicate_per_mille: 100,
            ..Faults::default()
        });
        let server = universe.host("10.0.0.1".parse().unwrap());
        let world = universe.host("10.0.0.2".parse().unwrap());
        let socket = server
            .net
            .bind_udp("10.0.0.1:5060".parse().unwrap())
            .unwrap();
        server.tasks.spawn("answers", answer_all(socket));
        let listener = server.net.listen("10.0.0.1:2855".parse().unwrap()).unwrap();
        let mut config = config();
        config.transport = Transport::Udp;
        let (agent, mut events) = Agent::start(&world, config).unwrap();
        assert_eq!(agent.register().await, Ok(()), "seed {seed}");
        let session = agent
            .invite_direct("sip:bob@localhost", Options::default())
            .await;
        let session = session.unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        let _stream = listener.accept().await.unwrap();
        assert_eq!(agent.modify(session).await, Ok(()), "seed {seed}");
        agent.leave(session).await.unwrap();
        agent.stop().await;
        let all = told(&mut events);
        let ended = |event: &&Event| matches!(event, Event::SessionEnded { .. });
        assert_eq!(all.iter().filter(ended).count(), 1, "seed {seed}: {all:?}");
        assert_eq!(world.tasks.panicked(), 0);
    }
}

/// A server that is not there: every command ends.
#[tokio::test(start_paused = true)]
async fn nobody_answers() {
    let universe = Universe::new(1);
    let world = universe.host("10.0.0.2".parse().unwrap());
    let mut config = config();
    config.transport = Transport::Udp;
    let (agent, _events) = Agent::start(&world, config).unwrap();
    assert_eq!(agent.register().await, Err(client::Failure::Timeout));
    let invited = agent
        .invite_direct("sip:bob@localhost", Options::default())
        .await;
    assert_eq!(invited, Err(client::Failure::Timeout));
    agent.stop().await;
}

/// Pieces of what a server sends, some of them nonsense.
fn header() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Contact",
        "Session-Expires",
        "Require",
        "Record-Route",
        "Warning",
        "Allow",
        "Min-SE",
        "Subscription-State",
        "Event",
        "Replaces",
        "Session-Replaces",
        "Refer-Sub",
        "P-Asserted-Identity",
        "Referred-By",
        "Reason",
        "Content-Type",
        "WWW-Authenticate",
        "Expires",
        "Min-Expires",
        "Content-Disposition",
        "Privacy",
        "RSeq",
    ]);
    let value = prop_oneof![
        "[ -~]{0,40}",
        Just("<sip:s@h>;isfocus".to_owned()),
        Just("0".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("multipart/mixed;boundary=x".to_owned()),
        Just("application/sdp".to_owned()),
        Just("application/conference-info+xml".to_owned()),
        Just("terminated;reason=deactivated;retry-after=4294967295".to_owned()),
        Just("active;expires=0".to_owned()),
        Just("conference".to_owned()),
        Just("refer".to_owned()),
        Just("message/sipfrag".to_owned()),
        Just("sip:s-7f3a@im.localhost".to_owned()),
        Just("SIP;cause=410".to_owned()),
        Just("Digest realm=\"h\", nonce=\"n\", qop=\"auth\"".to_owned()),
    ];
    (name, value).prop_map(|(name, value)| format!("{name}: {value}\r\n"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        Just(sdp("passive", 2855).to_vec()),
        Just(sdp("active", 9).to_vec()),
        Just(b"--x\r\n\r\n--x--\r\n".to_vec()),
        Just(b"SIP/2.0 200 OK\r\n".to_vec()),
        Just(b"<conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\"/>".to_vec()),
    ]
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(200),
        Just(180),
        Just(183),
        Just(401),
        Just(422),
        Just(423),
        Just(481),
        Just(491),
        100..700u16
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a server answers and asks, the agent lives, stops when told, and no task panics.
    #[test]
    fn any_server_leaves_the_agent_alive(
        turns in prop::collection::vec((status(), prop::collection::vec(header(), 0..6), body(), any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut server, agent, _events) = meet(config()).await;
            let inviting = agent.clone();
            let invited = server.client.tasks.spawn("invite", async move {
                let session = inviting.join("sip:friends@localhost", Options::default()).await;
                if let Ok(session) = session {
                    let guests = vec![guest("sip:erin@localhost", CopyControl::To)];
                    let _refused = inviting.refer(session, guests.clone()).await;
                    let _refused = inviting.extend(session, guests, Options::default()).await;
                }
            });
            let mut last = server.expect(Method::Invite).await;
            for (status, headers, body, ask) in turns {
                let headers = headers.concat();
                let head = if ask {
                    let to = last.raw(Name::From).unwrap().to_owned();
                    let call = last.raw(Name::CallId).unwrap().to_owned();
                    let method = ["INVITE", "NOTIFY", "UPDATE", "BYE", "MESSAGE", "OPTIONS"][usize::from(status % 6)];
                    let to = if status % 2 == 0 { to } else { "<sip:alice@localhost>".to_owned() };
                    format!(
                        "{method} sip:alice@10.0.0.2 SIP/2.0\r\nVia: {}\r\nFrom: <sip:b@h>;tag=srv\r\nTo: {to}\r\n\
                         Call-ID: {call}\r\nCSeq: {status} {method}\r\nMax-Forwards: 70\r\n",
                        server.via()
                    )
                } else {
                    let draft = Draft::response(&last, status, "Any", Some("srv"));
                    let text = String::from_utf8(draft.finish().to_vec()).unwrap();
                    text.replace("Content-Length: 0\r\n\r\n", "")
                };
                let mut bytes = format!("{head}{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
                bytes.extend_from_slice(&body);
                server.send(&bytes).await;
                server.world.clock.sleep(Duration::from_millis(100)).await;
                for request in server.drain().await {
                    if *request.method() != Method::Ack {
                        last = request;
                    }
                }
            }
            let stop = server.world.clock.timeout(Duration::from_secs(60), agent.stop());
            prop_assert!(stop.await.is_ok(), "it does not stop");
            invited.abort();
            prop_assert_eq!(server.client.tasks.panicked(), 0);
            Ok(())
        })?;
    }
}
