//! Sessions that somebody has invited the agent to.

use client::{Agent, Event, Events, SessionId};
use sip::header::To;
use sip::{Draft, Method, Name, Request, Response};

use super::{Server, event, sdp};

/// The next invitation of which the agent tells.
pub(crate) async fn invited(events: &mut Events) -> (SessionId, Event) {
    event(events, |event| match event {
        Event::Invited { session, .. } => Some((*session, event.clone())),
        _ => None,
    })
    .await
}

/// The ACK to the 200 of the agent.
pub(crate) async fn acknowledge(server: &mut Server, invite: &Request, ok: &Response) {
    acknowledge_with(server, invite, ok, b"").await;
}

pub(crate) async fn acknowledge_with(
    server: &mut Server,
    invite: &Request,
    ok: &Response,
    answer: &[u8],
) {
    let ack = within(server, Method::Ack, invite, ok, &[]);
    server
        .send(&ack.finish_with("application/sdp", answer))
        .await;
}

/// A request in the dialog of a session that the agent has accepted.
pub(crate) fn within(
    server: &mut Server,
    method: Method,
    invite: &Request,
    ok: &Response,
    more: &[(Name, &str)],
) -> Draft {
    let number = if method == Method::Ack { 1 } else { 2 };
    let via = server.via();
    let mut draft = Draft::request(&method, "sip:alice@10.0.0.2");
    draft.header(Name::Via, via).header(Name::MaxForwards, 70);
    draft.copy_all(invite, Name::From).copy_all(ok, Name::To);
    draft
        .copy_all(invite, Name::CallId)
        .header(Name::CSeq, format_args!("{number} {method}"));
    for (name, value) in more {
        draft.header(*name, value);
    }
    draft
}

/// Lets an invitation be accepted; returns the session and the 200.
pub(crate) async fn answered(
    server: &mut Server,
    agent: &Agent,
    events: &mut Events,
    invite: &Request,
) -> (SessionId, Response) {
    server.response(180).await;
    let (session, _) = invited(events).await;
    agent.accept(session).await.unwrap();
    let ok = server.response(200).await;
    acknowledge(server, invite, &ok).await;
    (session, ok)
}

/// Invites the agent, which accepts. Returns the session, and the Replaces that names it.
pub(crate) async fn in_a_session(
    server: &mut Server,
    agent: &Agent,
    events: &mut Events,
    more: &[(Name, &str)],
) -> (SessionId, String) {
    let invite = server.call(more, &sdp("passive", 2855)).await;
    let (session, ok) = answered(server, agent, events, &invite).await;
    (session, replaces(&invite, &ok))
}

/// The Replaces that names the dialog of an INVITE to the agent.
pub(crate) fn replaces(invite: &Request, response: &Response) -> String {
    let to = response.require::<To<'_>>().unwrap();
    let call = invite.raw(Name::CallId).unwrap();
    format!("{call};to-tag={};from-tag=f1", to.tag().unwrap())
}
