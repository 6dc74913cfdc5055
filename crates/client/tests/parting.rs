//! A session that the other side ends is heard out: its BYE may overtake what it said before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Agent, Event, Events, Failure, Saying, SessionId};
use fake::{Server, Talk, event, quiet_conference};
use sip::dialog::Dialog;
use sip::{Method, Name};

/// A conference that the server has ended, whose connection for messages is still there; and the
/// agent's path on it.
async fn ended() -> (Server, Talk, String, Agent, Events, SessionId, Dialog) {
    let (mut server, agent, mut events, session, mut dialog) = quiet_conference().await;
    let mut talk = server.talk().await;
    let hello = talk.piece().await;
    let path = hello.head.from_path_text().to_owned();
    talk.answer(&hello.head, 200).await;
    let up = |event: &Event| matches!(event, Event::MediaUp { .. }).then_some(());
    event(&mut events, up).await;
    bye(&mut server, &mut dialog).await;
    server.response(200).await;
    (server, talk, path, agent, events, session, dialog)
}

async fn bye(server: &mut Server, dialog: &mut Dialog) {
    let via = server.via();
    let mut draft = dialog.request(&Method::Bye, &via);
    draft.header(Name::Reason, "SIP;cause=410;text=\"Gone\"");
    server.send(&draft.finish()).await;
}

/// What an agent tells until a session has ended: the words heard, and why it has.
async fn heard(events: &mut Events) -> (Vec<String>, String) {
    let mut words = Vec::new();
    loop {
        match event(events, |event| Some(event.clone())).await {
            Event::Message(heard) => words.push(format!("{}: {}", heard.from, heard.text)),
            Event::SessionEnded { why, .. } => return (words, why),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_the_end_is_heard_before_it() {
    let (server, mut talk, path, _agent, mut events, _, _) = ended().await;
    let began = server.world.clock.now();
    let cpim = "From: <sip:bob@localhost>\r\n\r\nContent-Type: text/plain\r\n\r\nFarewell";
    assert_eq!(talk.say(&path, "message/cpim", cpim).await, 200);
    drop(talk);
    let (words, why) = heard(&mut events).await;
    assert_eq!(words, ["sip:bob@localhost: Farewell"]);
    assert_eq!(why, "Gone");
    let took = server.world.clock.now() - began;
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_close_the_connection_is_not_waited_for_long() {
    let (server, mut talk, _, _agent, mut events, ..) = ended().await;
    let began = server.world.clock.now();
    assert_eq!(heard(&mut events).await, (vec![], "Gone".to_owned()));
    let took = server.world.clock.now() - began;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(talk.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_in_a_session_that_is_heard_out() {
    let (mut server, _talk, _, agent, mut events, session, mut dialog) = ended().await;
    assert_eq!(agent.leave(session).await, Err(Failure::NoSuchSession));
    let said = agent.send(session, Saying::text("Hello")).await;
    assert_eq!(said, Err(Failure::NoSuchSession));
    bye(&mut server, &mut dialog).await;
    server.response(481).await;
    // An agent that ends waits for nobody.
    agent.stop().await;
    assert_eq!(heard(&mut events).await.1, "Gone");
}

#[tokio::test(start_paused = true)]
async fn the_fate_of_a_message_is_heard_of_after_the_end() {
    let (mut server, agent, mut events, session, mut dialog) = quiet_conference().await;
    let mut talk = server.talk().await;
    talk.said_hello().await;
    let (sent, ()) = tokio::join!(agent.send(session, Saying::text("Hello")), async {
        let said = talk.piece().await;
        bye(&mut server, &mut dialog).await;
        server.response(200).await;
        talk.answer(&said.head, 200).await;
    });
    sent.expect("it was taken");
    // The next one is not answered.
    drop(talk);
    assert_eq!(heard(&mut events).await.1, "Gone");
}
