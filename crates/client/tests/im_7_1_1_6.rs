//! IM 7.1.1.6: an agent goes on with more people than the one it talks to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{
    Agent, CopyControl, Entry, Event, Events, Extending, Failure, Options, SessionId, guest,
};
use fake::{Server, config, event, in_a_session, listed, meet, offer, offered_types, sdp, told};
use sip::dialog::{Dialog, DialogId};
use sip::header::{Header as _, Replaces, To};
use sip::sdp::Setup;
use sip::{Draft, Method, Name, Request, Uri};
use xdm::conference_info::{Conference, Status, UserXml};

const FACTORY: &str = "sip:conference-factory@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "sip:carol@localhost";

fn carol() -> Vec<Entry> {
    vec![guest(CAROL, CopyControl::To)]
}

fn plain() -> client::Config {
    let mut config = config();
    config.subscribe = false;
    config
}

/// An agent that has called bob, without a server between them; and bob's side of it.
async fn with_bob(config: client::Config) -> (Server, Agent, Events, SessionId, Dialog) {
    let (mut server, agent, events) = meet(config).await;
    let direct = agent.invite_direct(BOB, Options::default());
    let (made, dialog) = tokio::join!(direct, async {
        let invite = server.expect(Method::Invite).await;
        let contact = "<sip:bob@10.0.0.3:4711>";
        let mut draft = Draft::response(&invite, 200, "OK", Some("btag"));
        draft.header(Name::Contact, contact);
        let bytes = draft.finish_with("application/sdp", &sdp("passive", 2855));
        server.send(&bytes).await;
        let mut dialog = Dialog::uas(&invite, "btag", contact).unwrap();
        dialog.confirm();
        dialog.receive(&server.expect(Method::Ack).await).unwrap();
        dialog
    });
    let session = made.unwrap();
    (server, agent, events, session, dialog)
}

/// The dialog that the Replaces in the first entry of the list names, as its receiver sees it.
fn named(invite: &Request) -> DialogId {
    let first = listed(invite).remove(0);
    let uri = Uri::parse(&first).unwrap();
    assert_eq!(uri.aor(), BOB);
    let (name, value) = uri.headers().next().expect("a header in the address");
    assert_eq!(name, "Replaces");
    let replaces = Replaces::parse(&value).unwrap();
    assert!(!replaces.early_only);
    DialogId::new(replaces.call_id, replaces.to_tag, replaces.from_tag)
}

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const INVITE: &[(&str, Check)] = &[
    ("IM-7.1.1.6-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.6-S1", |r| r.raw(Name::SessionExpires) == Some("1800;refresher=uac") && r.fault().is_none()),
    ("IM-7.1.1.6-S2", |r| r.uri() == FACTORY),
    ("IM-7.1.1.6-S3", |r| listed(r).len() == 2 && listed(r)[0].starts_with(BOB) && listed(r)[1] == CAROL),
    ("IM-7.1.1.6-S4", |r| r.lists(Name::Require, "recipient-list-invite")),
    ("IM-7.1.1.6-S6", |r| r.raw(Name::ContentType).unwrap().starts_with("multipart/mixed;boundary=")),
    ("IM-7.1.1.6-S7", |r| offer(r).msrp().is_ok_and(|(_, media)| media.setup == Some(Setup::Active))),
    ("IM-7.1.1.6-S7a", |r| offered_types(r).iter().any(|t| t == "message/cpim")),
    ("IM-7.1.1.6-S7b", |r| offered_types(r).iter().any(|t| t == "application/im-iscomposing+xml")),
    // A Replaces in the INVITE itself would replace a session of the server's.
    ("IM-7.1.1.6-S8", |r| !r.has(Name::Replaces)),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.6-S9", |r| *r.method() == Method::Invite && r.has(Name::Via)),
];

/// What the agent tells until a session has ended, which is when the other side has closed its
/// connection for messages.
async fn until_ended(events: &mut Events) -> Vec<Event> {
    let mut all = Vec::new();
    while !matches!(all.last(), Some(Event::SessionEnded { .. })) {
        all.push(event(events, |event| Some(event.clone())).await);
    }
    all
}

/// IM-7.1.1.6-S8: the entry of the one at the other end names the dialog as that one sees it.
#[tokio::test(start_paused = true)]
async fn a_session_without_a_server_is_extended() {
    let (mut server, agent, mut events, old, mut dialog) = with_bob(plain()).await;
    let talk = server.talk().await;
    // Whoever is named again is invited once.
    let guests = [guest(BOB, CopyControl::Cc), guest(CAROL, CopyControl::To)];
    let asked = agent.extend(old, guests.to_vec(), Options::default());
    let (new, (invite, _)) = tokio::join!(asked, server.receive_call());
    let new = new.unwrap();
    for (rule, holds) in INVITE {
        assert!(holds(&invite), "{rule}: {:?}", invite.wire());
    }
    assert_eq!(named(&invite), *dialog.id(), "IM-7.1.1.6-S8");
    told(&mut events);
    // Bob is in the new one, and ends the old.
    let via = server.via();
    server
        .send(&dialog.request(&Method::Bye, &via).finish())
        .await;
    server.response(200).await;
    drop(talk);
    let all = until_ended(&mut events).await;
    let why = format!("replaced by session {new}");
    let ended = [
        Event::Replaced {
            session: old,
            by: new,
        },
        Event::SessionEnded { session: old, why },
    ];
    assert!(all.ends_with(&ended), "{all:?}");
    // The new one is nobody's successor, and ends like any other.
    agent.leave(new).await.unwrap();
    assert!(
        matches!(&told(&mut events)[..], [Event::SessionEnded { why, .. }] if why == "we left")
    );
}

/// IM-7.1.1.6-S3, IM-7.1.1.6-S8: by way of a server, which is at the other end of our dialog, and
/// which knows what bob calls it.
#[tokio::test(start_paused = true)]
async fn a_session_by_way_of_a_server_is_extended() {
    let (mut server, agent, _events) = meet(plain()).await;
    let bob = vec![guest(BOB, CopyControl::To)];
    let (made, (_, dialog)) = tokio::join!(
        agent.create_conference(bob, Options::default()),
        server.receive_call()
    );
    let old = made.unwrap();
    let asked = agent.extend(old, carol(), Options::default());
    let (_, (invite, _)) = tokio::join!(asked, server.receive_call());
    assert_eq!(named(&invite), *dialog.id(), "IM-7.1.1.6-S8");
    let twice = agent.extend(old, carol(), Options::default()).await;
    assert!(matches!(twice, Err(Failure::NotNow { .. })));
    // So is one that bob has invited us to.
    let (mut server, agent, mut events) = meet(plain()).await;
    let (old, replaces) = in_a_session(&mut server, &agent, &mut events, &[]).await;
    let replaces = Replaces::parse(&replaces).unwrap();
    let asked = agent.extend(old, carol(), Options::default());
    let (_, (invite, _)) = tokio::join!(asked, server.receive_call());
    // There our tag is the to-tag of what comes, here it is the from-tag.
    let theirs = DialogId::new(replaces.call_id, replaces.from_tag, replaces.to_tag);
    assert_eq!(named(&invite), theirs, "IM-7.1.1.6-S8");
}

/// The form of RCS, by its own name.
#[tokio::test(start_paused = true)]
async fn a_session_is_named_as_rcs_clients_do() {
    let mut config = plain();
    config.extending = Extending::SessionReplaces;
    let (mut server, agent, _events, old, _) = with_bob(config).await;
    let asked = agent.extend(old, carol(), Options::default());
    let (_, (invite, _)) = tokio::join!(asked, server.receive_call());
    let want = "sip:bob@localhost;method=INVITE?Session-Replaces=sip:bob%4010.0.0.3:4711";
    assert_eq!(listed(&invite), [want, CAROL]);
}

/// IM-7.1.1.6-S5, IM-7.1.1.6-S5a: everybody in the list is counted before anything is sent.
#[tokio::test(start_paused = true)]
async fn too_many_people_are_not_invited() {
    for (limit, fits) in [(1, false), (2, true)] {
        let mut config = plain();
        config.max_adhoc_group_size = Some(limit);
        let (mut server, agent, _events, old, _) = with_bob(config).await;
        let _talk = server.talk().await;
        let asked = agent.extend(old, carol(), Options::default()).await;
        if fits {
            asked.expect("IM-7.1.1.6-S5");
            server.expect(Method::Invite).await;
        } else {
            let failure = Failure::TooManyGuests { guests: 2, limit };
            assert_eq!(asked, Err(failure), "IM-7.1.1.6-S5a");
            assert!(
                server.is_quiet(Duration::from_secs(10)).await,
                "IM-7.1.1.6-S5a"
            );
        }
    }
}

/// An extension that does not come about changes nothing: who leaves after it has left.
#[tokio::test(start_paused = true)]
async fn a_refused_extension_leaves_the_session_as_it_was() {
    let (mut server, agent, mut events, old, mut dialog) = with_bob(plain()).await;
    let talk = server.talk().await;
    let asked = agent.extend(old, carol(), Options::default());
    let (new, ()) = tokio::join!(asked, async {
        let invite = server.expect(Method::Invite).await;
        server.answer(&invite, 486, "Busy Here", &[]).await;
        server.expect(Method::Ack).await;
    });
    let refused = agent.settled(new.unwrap()).await;
    assert_eq!(refused, Err(Failure::NoSuchSession));
    told(&mut events);
    let via = server.via();
    server
        .send(&dialog.request(&Method::Bye, &via).finish())
        .await;
    server.response(200).await;
    drop(talk);
    let all = until_ended(&mut events).await;
    assert!(
        matches!(&all[..], [Event::SessionEnded { session, why }]
            if *session == old && why == "the other side left"),
        "{all:?}"
    );
}

/// What cannot be extended, and why.
#[tokio::test(start_paused = true)]
async fn sessions_that_are_not_of_two() {
    let (mut server, agent, mut events, old, _) = with_bob(plain()).await;
    let just_bob = vec![guest(BOB, CopyControl::To)];
    let nobody = agent.extend(old, just_bob, Options::default()).await;
    assert_eq!(nobody, Err(Failure::NoGuests));
    let none = agent
        .extend(SessionId(99), carol(), Options::default())
        .await;
    assert_eq!(none, Err(Failure::NoSuchSession));
    // One with somebody who does not say who they are.
    let hidden = [
        (Name::From, "<sip:anonymous@anonymous.invalid>;tag=f1"),
        (Name::ReferredBy, ""),
    ];
    let (hidden, _) = in_a_session(&mut server, &agent, &mut events, &hidden).await;
    // One that was made for several.
    let several = vec![guest(BOB, CopyControl::To), guest(CAROL, CopyControl::To)];
    let (made, _) = tokio::join!(
        agent.create_conference(several, Options::default()),
        server.receive_call()
    );
    for session in [hidden, made.unwrap()] {
        let asked = agent.extend(session, carol(), Options::default()).await;
        assert!(matches!(asked, Err(Failure::NotNow { .. })), "{asked:?}");
    }
}

/// The server's NOTIFY with who is in a conference.
async fn tell(server: &mut Server, dialog: &mut Dialog, document: &[u8]) {
    let via = server.via();
    let mut draft = dialog.request(&Method::Notify, &via);
    draft
        .header(Name::Event, "conference")
        .header(Name::SubscriptionState, "active;expires=3600");
    let content_type = "application/conference-info+xml";
    server
        .send(&draft.finish_with(content_type, document))
        .await;
    server.response(200).await;
}

/// Who has gone on with us has not left; and a third in the room is no session of two.
#[tokio::test(start_paused = true)]
async fn what_the_state_of_the_old_conference_says() {
    let (mut server, agent, mut events) = meet(config()).await;
    let bob = vec![guest(BOB, CopyControl::To)];
    let (made, _) = tokio::join!(
        agent.create_conference(bob, Options::default()),
        server.receive_call()
    );
    let old = made.unwrap();
    let subscribe = server.expect(Method::Subscribe).await;
    let mut dialog = Dialog::uas(&subscribe, "srv", "<sip:s-7f3a@im.localhost>").unwrap();
    dialog.confirm();
    let more = [(Name::Expires, "3600")];
    server.answer(&subscribe, 200, "OK", &more).await;
    let user = |name: &str, status| UserXml::new(&format!("sip:{name}@localhost"), None, status);
    let conference = Conference::new("sip:s-7f3a@im.localhost");
    let all = [
        &user("alice", Status::Connected),
        &user("bob", Status::Connected),
        &user("dave", Status::Connected),
    ];
    tell(&mut server, &mut dialog, &conference.full(0, &all, Some(0))).await;
    let three = agent.extend(old, carol(), Options::default()).await;
    assert!(matches!(three, Err(Failure::NotNow { .. })), "{three:?}");
    let left = user("dave", Status::Disconnected);
    tell(
        &mut server,
        &mut dialog,
        &conference.partial(1, &[&left], None),
    )
    .await;
    let went = event(&mut events, |event| match event {
        Event::Left { person, .. } => Some(person.entity.clone()),
        _ => None,
    });
    assert_eq!(went.await, "sip:dave@localhost");
    let asked = agent.extend(old, carol(), Options::default());
    let (new, (invite, _)) = tokio::join!(asked, server.receive_call());
    new.unwrap();
    assert!(listed(&invite)[0].starts_with(BOB));
    server.expect(Method::Subscribe).await;
    told(&mut events);
    let left = user("bob", Status::Disconnected);
    tell(
        &mut server,
        &mut dialog,
        &conference.partial(2, &[&left], None),
    )
    .await;
    let all = told(&mut events);
    assert!(
        !all.iter().any(|event| matches!(event, Event::Left { .. })),
        "{all:?}"
    );
}
