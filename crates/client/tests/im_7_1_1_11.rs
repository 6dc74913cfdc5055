//! IM 7.1.1.11: an agent subscribes to the state of a conference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Agent, Event, Events, Options, Person, SessionId};
use fake::{ALICE, SESSION, Server, config, event, meet, told};
use sip::dialog::Dialog;
use sip::subscription::{Notifier, Reason, Terms};
use sip::{Method, Name, Request};
use xdm::conference_info::{Conference, Status, UserXml};

const TERMS: Terms = Terms {
    package: "conference",
    types: &["application/conference-info+xml"],
    min_expires: 60,
    max_expires: 3600,
    default_expires: 3600,
};

/// The server's end of a subscription.
struct Watched {
    notifier: Notifier,
    conference: Conference,
}

/// A conference with an agent in it that has subscribed; the first NOTIFY has not been sent.
async fn subscribed(
    config: client::Config,
) -> (Server, Agent, Events, SessionId, Request, Watched) {
    let (mut server, agent, events) = meet(config).await;
    let (made, _) = tokio::join!(
        agent.invite_direct("sip:friends@localhost", Options::default()),
        server.receive_call()
    );
    let subscribe = server.expect(Method::Subscribe).await;
    let watched = Watched::accept(&server, &subscribe, "200 OK").await;
    (server, agent, events, made.unwrap(), subscribe, watched)
}

impl Watched {
    async fn accept(server: &Server, subscribe: &Request, status: &str) -> Self {
        let wish = TERMS.read(subscribe).unwrap();
        let contact = format!("<{SESSION}>;isfocus");
        let dialog = Dialog::uas(subscribe, "srv", &contact).unwrap();
        let (code, reason) = status.split_once(' ').unwrap();
        let expires = wish.expires.to_string();
        let more = [
            (Name::Expires, expires.as_str()),
            (Name::Contact, contact.as_str()),
        ];
        server
            .answer(subscribe, code.parse().unwrap(), reason, &more)
            .await;
        let mut notifier = Notifier::new(dialog, "conference", &wish, server.world.clock.now());
        notifier.activate();
        Self {
            notifier,
            conference: Conference::new(SESSION),
        }
    }

    /// Sends a NOTIFY with this document and takes the answer.
    async fn notify(&mut self, server: &mut Server, document: &[u8], want: u16) {
        let (via, now) = (server.via(), server.world.clock.now());
        let draft = self.notifier.notify(&via, now);
        let content_type = "application/conference-info+xml";
        server
            .send(&draft.finish_with(content_type, document))
            .await;
        let answer = server.response(want).await;
        self.notifier.answered(&answer, now);
    }
}

fn user(name: &str, status: Status) -> UserXml {
    UserXml::new(&format!("sip:{name}@localhost"), None, status)
}

/// What was told about people, in short.
fn people(events: &[Event]) -> Vec<String> {
    let word = |what: &str, person: &Person| {
        let own = if person.is_own { " (you)" } else { "" };
        let blocked = if person.blocked { " [blocked]" } else { "" };
        format!("{} {what}{own}{blocked}", person.entity)
    };
    let short = |event: &Event| match event {
        Event::Alerting { person, .. } => Some(word("rings", person)),
        Event::Joined { person, .. } => Some(word("joined", person)),
        Event::Left { person, .. } => Some(word("left", person)),
        _ => None,
    };
    events.iter().filter_map(short).collect()
}

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const SUBSCRIBE: &[(&str, Check)] = &[
    ("IM-7.1.1.11-S0", |r| r.raw(Name::Event) == Some("conference")),
    ("IM-7.1.1.11-S1", |r| r.require::<sip::header::To<'_>>().unwrap().tag().is_none()),
    ("IM-7.1.1.11-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.fault().is_none()),
    ("IM-7.1.1.11-S1", |r| r.raw(Name::Accept) == Some("application/conference-info+xml")),
    ("IM-7.1.1.11-S2", |r| r.uri() == SESSION),
    // It came, so it was sent towards the server; and 7.1.1.1 holds.
    ("IM-7.1.1.11-S3", |r| r.has(Name::Via) && r.raw(Name::Expires) == Some("3600")),
];

#[tokio::test(start_paused = true)]
async fn the_subscription() {
    let (mut server, agent, mut events) = meet(config()).await;
    let (_, (invite, _)) = tokio::join!(
        agent.invite_direct("sip:friends@localhost", Options::default()),
        server.receive_call()
    );
    let subscribe = server.expect(Method::Subscribe).await;
    for (rule, holds) in SUBSCRIBE {
        assert!(holds(&subscribe), "{rule}: {:?}", subscribe.wire());
    }
    assert_ne!(
        subscribe.raw(Name::CallId),
        invite.raw(Name::CallId),
        "IM-7.1.1.11-S1"
    );
    // IM-7.1.1.11-OK-S1: also of a 202.
    Watched::accept(&server, &subscribe, "202 Accepted").await;
    let contact = event(&mut events, |event| match event {
        Event::Subscribed { contact, .. } => Some(contact.clone()),
        _ => None,
    });
    assert_eq!(contact.await.as_deref(), Some(SESSION), "IM-7.1.1.11-OK-S1");
}

/// IM-7.1.1.11-NTFY-S1, -S2, -S2a: documents are merged, and what changed is told.
#[tokio::test(start_paused = true)]
async fn who_comes_and_goes() {
    let (mut server, agent, mut events, session, _, mut watched) = subscribed(config()).await;
    told(&mut events);
    let (alice, bob) = (
        user("alice", Status::Connected),
        user("bob", Status::Alerting),
    );
    let full = watched.conference.full(0, &[&alice, &bob], Some(0));
    watched.notify(&mut server, &full, 200).await;
    let all = told(&mut events);
    let want = [
        "sip:alice@localhost joined (you)",
        "sip:bob@localhost rings",
    ];
    assert_eq!(
        people(&all),
        want,
        "IM-7.1.1.11-NTFY-S2, IM-7.1.1.11-NTFY-S2a"
    );
    let Some(Event::Roster { members, .. }) = all.last() else {
        panic!("IM-7.1.1.11-NTFY-S2: {all:?}")
    };
    assert_eq!(members.len(), 2);

    let bob = user("bob", Status::Connected);
    let partial = watched.conference.partial(1, &[&bob], None);
    watched.notify(&mut server, &partial, 200).await;
    assert_eq!(
        people(&told(&mut events)),
        ["sip:bob@localhost joined"],
        "IM-7.1.1.11-NTFY-S1"
    );
    // The same again is old and changes nothing.
    let left = user("bob", Status::Disconnected);
    let old = watched.conference.partial(1, &[&left], None);
    watched.notify(&mut server, &old, 200).await;
    assert!(people(&told(&mut events)).is_empty(), "IM-7.1.1.11-NTFY-S1");
    let partial = watched.conference.partial(2, &[&left], None);
    watched.notify(&mut server, &partial, 200).await;
    assert_eq!(
        people(&told(&mut events)),
        ["sip:bob@localhost left"],
        "IM-7.1.1.11-NTFY-S1"
    );
    assert_eq!(agent.roster(session).await.unwrap().len(), 1);
}

/// IM-7.1.1.11-NTFY-S1: a document that was missed brings a refresh, and that the whole state.
#[tokio::test(start_paused = true)]
async fn a_gap_is_closed_by_a_refresh() {
    let (mut server, _agent, mut events, _, _, mut watched) = subscribed(config()).await;
    let alice = user("alice", Status::Connected);
    let full = watched.conference.full(0, &[&alice], Some(0));
    watched.notify(&mut server, &full, 200).await;
    told(&mut events);
    let bob = user("bob", Status::Connected);
    let partial = watched.conference.partial(2, &[&bob], None);
    watched.notify(&mut server, &partial, 200).await;
    let refresh = server.expect(Method::Subscribe).await;
    watched
        .notifier
        .receive(&refresh)
        .expect("IM-7.1.1.11-NTFY-S1: inside the dialog");
    server
        .answer(&refresh, 200, "OK", &[(Name::Expires, "3600")])
        .await;
    assert!(people(&told(&mut events)).is_empty());
    let full = watched.conference.full(3, &[&alice, &bob], Some(0));
    watched.notify(&mut server, &full, 200).await;
    assert_eq!(people(&told(&mut events)), ["sip:bob@localhost joined"]);
}

/// IM-7.1.1.11-NTFY-S2a before IM-7.1.1.11-NTFY-S2b.
#[tokio::test(start_paused = true)]
async fn we_know_ourselves() {
    // (rule, the users, which is marked as ours, who we are)
    let table = [
        (
            "IM-7.1.1.11-NTFY-S2a",
            ["anonymous1", "bob"],
            Some(0),
            Some("sip:anonymous1@localhost"),
        ),
        (
            "IM-7.1.1.11-NTFY-S2a",
            ["alice", "bob"],
            Some(1),
            Some("sip:bob@localhost"),
        ),
        ("IM-7.1.1.11-NTFY-S2b", ["alice", "bob"], None, Some(ALICE)),
        ("IM-7.1.1.11-NTFY-S2b", ["carol", "bob"], None, None),
    ];
    for (rule, names, marked, want) in table {
        let (mut server, agent, _events, session, _, mut watched) = subscribed(config()).await;
        let users = names.map(|name| user(name, Status::Connected));
        let full = watched.conference.full(0, &[&users[0], &users[1]], marked);
        watched.notify(&mut server, &full, 200).await;
        let members = agent.roster(session).await.unwrap();
        let own = members.iter().find(|person| person.is_own);
        assert_eq!(own.map(|person| person.entity.as_str()), want, "{rule}");
    }
}

/// IM-7.1.1.11-NTFY-S3: by the list that the client keeps (IM-7.1.1.11-NTFY-S3a).
#[tokio::test(start_paused = true)]
async fn blocked_users_are_shown_as_such() {
    let mut config = config();
    config.block_list = vec!["sip:bob@LOCALHOST".to_owned()];
    let (mut server, _agent, mut events, _, _, mut watched) = subscribed(config).await;
    told(&mut events);
    let (alice, bob) = (
        user("alice", Status::Connected),
        user("bob", Status::Connected),
    );
    let carol = user("carol", Status::Connected);
    let full = watched.conference.full(0, &[&alice, &bob, &carol], Some(0));
    watched.notify(&mut server, &full, 200).await;
    let want = [
        "sip:alice@localhost joined (you)",
        "sip:bob@localhost joined [blocked]",
        "sip:carol@localhost joined",
    ];
    assert_eq!(
        people(&told(&mut events)),
        want,
        "IM-7.1.1.11-NTFY-S3, IM-7.1.1.11-NTFY-S3a"
    );
}

/// IM-7.1.1.11-TERM
#[tokio::test(start_paused = true)]
async fn a_subscription_is_ended_with_expires_0() {
    let (mut server, agent, mut events, session, _, mut watched) = subscribed(config()).await;
    let alice = user("alice", Status::Connected);
    let full = watched.conference.full(0, &[&alice], Some(0));
    watched.notify(&mut server, &full, 200).await;
    agent.unsubscribe(session).await.unwrap();
    let leave = server.expect(Method::Subscribe).await;
    assert_eq!(leave.raw(Name::Expires), Some("0"), "IM-7.1.1.11-TERM");
    watched
        .notifier
        .receive(&leave)
        .expect("IM-7.1.1.11-TERM: inside the dialog");
    let wish = TERMS.read(&leave).unwrap();
    watched.notifier.refresh(&wish, server.world.clock.now());
    server
        .answer(&leave, 200, "OK", &[(Name::Expires, "0")])
        .await;
    let full = watched.conference.full(1, &[&alice], Some(0));
    watched.notify(&mut server, &full, 200).await;
    let ended = event(&mut events, |event| match event {
        Event::SubscriptionEnded { session, why } => Some((*session, why.clone())),
        _ => None,
    });
    assert_eq!(
        ended.await,
        (session, "we ended it".to_owned()),
        "IM-7.1.1.11-TERM"
    );
}

/// (status, a header of the response, the Expires of the next SUBSCRIBE or how it ends)
type Answered = (
    u16,
    Option<(Name, &'static str)>,
    Result<&'static str, &'static str>,
);

/// IM-7.1.1.11-RSP: each by RFC 6665.
#[tokio::test(start_paused = true)]
async fn what_responses_mean() {
    #[rustfmt::skip]
    let table: [Answered; 5] = [
        (423, Some((Name::MinExpires, "7200")), Ok("7200")),
        (481, None, Ok("3600")),
        (503, Some((Name::RetryAfter, "5")), Ok("3600")),
        (403, None, Err("refused with 403")),
        (489, None, Err("refused with 489")),
    ];
    for (status, header, want) in table {
        let (mut server, agent, mut events) = meet(config()).await;
        let (_made, _) = tokio::join!(
            agent.invite_direct("sip:friends@localhost", Options::default()),
            server.receive_call()
        );
        let subscribe = server.expect(Method::Subscribe).await;
        let _talk = server.talk().await;
        let header: Vec<_> = header.into_iter().collect();
        server.answer(&subscribe, status, "No", &header).await;
        match want {
            Ok(expires) => {
                let again = server.expect(Method::Subscribe).await;
                assert_eq!(
                    again.raw(Name::Expires),
                    Some(expires),
                    "IM-7.1.1.11-RSP {status}"
                );
            }
            Err(want) => {
                let why = event(&mut events, |event| match event {
                    Event::SubscriptionEnded { why, .. } => Some(why.clone()),
                    _ => None,
                });
                assert_eq!(why.await, want, "IM-7.1.1.11-RSP {status}");
                assert!(server.is_quiet(Duration::from_secs(60)).await);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_refreshed_and_ended_by_the_server() {
    let (mut server, _agent, mut events, _, _, mut watched) = subscribed(config()).await;
    let _talk = server.talk().await;
    let alice = user("alice", Status::Connected);
    let full = watched.conference.full(0, &[&alice], Some(0));
    watched.notify(&mut server, &full, 200).await;
    watched.notifier.terminate(Reason::NoResource, None);
    let over = watched.conference.deleted(1);
    watched.notify(&mut server, &over, 200).await;
    let why = event(&mut events, |event| match event {
        Event::SubscriptionEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(why.await, "the server ended it: noresource");
}

/// What cannot be read is told, and changes nothing.
#[tokio::test(start_paused = true)]
async fn a_notify_that_makes_no_sense() {
    let (mut server, agent, mut events, session, _, mut watched) = subscribed(config()).await;
    let alice = user("alice", Status::Connected);
    let full = watched.conference.full(0, &[&alice], Some(0));
    watched.notify(&mut server, &full, 200).await;
    told(&mut events);
    watched.notify(&mut server, b"<conference-info", 200).await;
    assert!(matches!(told(&mut events)[..], [Event::Fault { .. }]));
    assert_eq!(agent.roster(session).await.unwrap().len(), 1);
    // A NOTIFY of a subscription that there is none of.
    let via = server.via();
    let draft = watched.notifier.notify(&via, server.world.clock.now());
    let text = String::from_utf8(draft.finish().to_vec()).unwrap();
    let call = text
        .lines()
        .find_map(|line| line.strip_prefix("Call-ID: "))
        .unwrap();
    server.send(text.replace(call, "another").as_bytes()).await;
    server.response(481).await;
}
