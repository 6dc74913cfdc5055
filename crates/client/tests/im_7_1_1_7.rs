//! IM 7.1.1.7: an agent asks a conference to invite further people, or to let somebody go.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod fake;

use std::time::Duration;

use client::{Agent, CopyControl, Entry, Event, Events, Failure, Options, SessionId, guest};
use fake::{ALICE, SESSION, Server, config, entries, event, listed, meet, told};
use sip::dialog::Dialog;
use sip::header::To;
use sip::{Method, Name, Request};

const ERIN: &str = "sip:erin@localhost";

fn to(uri: &str) -> Entry {
    guest(uri, CopyControl::To)
}

fn several() -> Vec<Entry> {
    vec![
        to(ERIN),
        guest("sip:frank@localhost", CopyControl::Cc),
        // Named twice, invited once.
        to("sip:erin@LOCALHOST"),
    ]
}

/// An agent in a conference of its own making.
async fn in_conference(mut config: client::Config) -> (Server, Agent, Events, SessionId) {
    config.subscribe = false;
    let (mut server, agent, events) = meet(config).await;
    let (made, _) = tokio::join!(
        agent.create_conference(vec![to("sip:bob@localhost")], Options::default()),
        server.receive_call()
    );
    let session = made.unwrap();
    (server, agent, events, session)
}

/// Takes a REFER, and answers it as one who tells nothing about it.
async fn take(server: &mut Server) -> Request {
    let refer = server.expect(Method::Refer).await;
    let more = [(Name::ReferSub, "false")];
    server.answer(&refer, 202, "Accepted", &more).await;
    refer
}

type Check = fn(&Request) -> bool;

#[rustfmt::skip]
const ONE: &[(&str, Check)] = &[
    ("IM-7.1.1.7-S1", |r| r.fault().is_none() && r.has(Name::Contact) && r.raw_all(Name::ReferTo).count() == 1),
    // Outside the session's dialog, towards the conference itself.
    ("IM-7.1.1.7-S1", |r| r.get::<To<'_>>().unwrap().unwrap().tag().is_none()),
    ("IM-7.1.1.7-S1", |r| r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im") && r.has(Name::UserAgent) && r.has(Name::Allow)),
    ("IM-7.1.1.7-S2", |r| r.uri() == SESSION),
    ("IM-7.1.1.7-S3a", |r| r.raw(Name::ReferTo) == Some("<sip:erin@localhost>") && r.body().is_empty()),
    ("IM-7.1.1.7-S3b", |r| r.raw(Name::ReferSub) == Some("false") && r.lists(Name::Supported, "norefersub")),
    ("IM-7.1.1.7-S3b", |r| !r.has(Name::Require)),
    ("IM-7.1.1.7-S6", |r| !r.has(Name::Privacy)),
    // It came, so it was sent towards the server.
    ("IM-7.1.1.7-S7", |r| r.raw(Name::To) == Some("<sip:s-7f3a@im.localhost>")),
    ("RFC 4028 7", |r| !r.has(Name::SessionExpires)),
];

#[tokio::test(start_paused = true)]
async fn one_user_is_added() {
    let (mut server, agent, mut events, session) = in_conference(config()).await;
    told(&mut events);
    let (referred, refer) = tokio::join!(agent.refer(session, vec![to(ERIN)]), take(&mut server));
    assert_eq!(referred, Ok(()));
    for (rule, holds) in ONE {
        assert!(holds(&refer), "{rule}: {:?}", refer.wire());
    }
    let all = told(&mut events);
    assert!(
        !all.iter()
            .any(|e| matches!(e, Event::ReferProgress { .. } | Event::Fault { .. }))
    );
}

#[rustfmt::skip]
const SEVERAL: &[(&str, Check)] = &[
    ("IM-7.1.1.7-S2", |r| r.uri() == SESSION),
    ("IM-7.1.1.7-S4a", |r| r.raw(Name::ReferTo).unwrap().strip_prefix("<cid:").unwrap().strip_suffix('>') == id(r)),
    ("IM-7.1.1.7-S4b", |r| listed(r) == [ERIN, "sip:frank@localhost"]),
    ("IM-7.1.1.7-S4b", |r| r.raw(Name::ContentType) == Some("application/resource-lists+xml")),
    ("IM-7.1.1.7-S4b", |r| r.raw(Name::ContentDisposition) == Some("recipient-list")),
    ("IM-7.1.1.7-S4b", |r| entries(r)[1].copy_control == Some(CopyControl::Cc)),
    ("IM-7.1.1.7-S4d", |r| r.lists(Name::Require, "multiple-refer") && r.lists(Name::Require, "norefersub")),
];

/// What Content-ID calls the list.
fn id(request: &Request) -> Option<&str> {
    let id = request.raw(Name::ContentId)?;
    id.strip_prefix('<')?.strip_suffix('>')
}

/// IM-7.1.1.7-S4c: Refer-Sub by `refer_sub`, false unless it says otherwise.
#[tokio::test(start_paused = true)]
async fn several_users_are_added() {
    for (refer_sub, want) in [
        (None, "false"),        // IM-7.1.1.7-S4c: as RFC 5368 has it.
        (Some(false), "false"), // IM-7.1.1.7-S4c
        (Some(true), "true"),   // IM-7.1.1.7-S4c: as it is written.
    ] {
        let mut config = config();
        config.refer_sub = refer_sub.unwrap_or(config.refer_sub);
        let (mut server, agent, _events, session) = in_conference(config).await;
        let (referred, refer) = tokio::join!(agent.refer(session, several()), take(&mut server));
        assert_eq!(referred, Ok(()));
        for (rule, holds) in SEVERAL {
            assert!(holds(&refer), "{rule}: {:?}", refer.wire());
        }
        assert_eq!(refer.raw(Name::ReferSub), Some(want), "IM-7.1.1.7-S4c");
        assert_eq!(refer.fault(), None);
    }
}

/// A guest whom the others are not to see is named where that can be said.
#[tokio::test(start_paused = true)]
async fn a_hidden_guest_is_in_a_list_of_one() {
    let (mut server, agent, _events, session) = in_conference(config()).await;
    let hidden = vec![guest(ERIN, CopyControl::Bcc)];
    let (_, refer) = tokio::join!(agent.refer(session, hidden.clone()), take(&mut server));
    assert_eq!(entries(&refer), hidden);
    assert!(!refer.raw(Name::ReferTo).unwrap().contains("erin"));
}

/// IM-7.1.1.7-S5, IM-7.1.1.7-S5a: counted before anything is sent, in a conference of our own
/// factory.
#[tokio::test(start_paused = true)]
async fn too_many_users_are_not_added() {
    let mut config = config();
    config.max_adhoc_group_size = Some(1);
    let (mut server, agent, _events, session) = in_conference(config.clone()).await;
    let failure = Failure::TooManyGuests {
        guests: 2,
        limit: 1,
    };
    let asked = agent.refer(session, several()).await;
    assert_eq!(asked, Err(failure), "IM-7.1.1.7-S5a");
    assert_eq!(agent.refer(session, vec![]).await, Err(Failure::NoGuests));
    assert!(
        server.is_quiet(Duration::from_secs(10)).await,
        "IM-7.1.1.7-S5a"
    );
    let _talk = server.talk().await;
    // As many as are allowed may be added ...
    let (referred, _) = tokio::join!(agent.refer(session, vec![to(ERIN)]), take(&mut server));
    assert_eq!(referred, Ok(()), "IM-7.1.1.7-S5");
    // ... and in a group its own rules hold.
    config.subscribe = false;
    let (mut server, agent, _events) = meet(config).await;
    let (joined, _) = tokio::join!(
        agent.join("sip:friends@localhost", Options::default()),
        server.receive_call()
    );
    let session = joined.unwrap();
    let (referred, _) = tokio::join!(agent.refer(session, several()), take(&mut server));
    assert_eq!(referred, Ok(()), "IM-7.1.1.7-S5");
}

/// IM-7.1.1.7-S6: Privacy is there, and nothing else names the user.
#[tokio::test(start_paused = true)]
async fn an_anonymous_user_adds_others() {
    let mut config = config();
    config.anonymous = true;
    let (mut server, agent, _events, session) = in_conference(config).await;
    for guests in [vec![to(ERIN)], several()] {
        let (_, refer) = tokio::join!(agent.refer(session, guests), take(&mut server));
        assert_eq!(refer.raw(Name::Privacy), Some("id"), "IM-7.1.1.7-S6");
        let wire = String::from_utf8_lossy(refer.wire()).to_lowercase();
        assert!(!wire.contains("alice"), "IM-7.1.1.7-S6: {wire}");
    }
}

/// RFC 4579 section 5.11: a participant is let go.
#[tokio::test(start_paused = true)]
async fn a_participant_is_removed() {
    let (mut server, agent, _events, session) = in_conference(config()).await;
    let remove = agent.remove(session, "sip:bob@localhost");
    let (removed, refer) = tokio::join!(remove, take(&mut server));
    assert_eq!(removed, Ok(()));
    let want = "<sip:bob@localhost;method=BYE>";
    assert_eq!(refer.raw(Name::ReferTo), Some(want));
    assert_eq!(refer.raw(Name::ReferSub), Some("false"));
    assert_eq!(refer.uri(), SESSION);
    let nonsense = agent.remove(session, "bob").await;
    assert!(matches!(nonsense, Err(Failure::Malformed { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_referred() {
    let (mut server, agent, mut events, session) = in_conference(config()).await;
    let refer = agent.refer(session, vec![to(ERIN)]);
    let (referred, ()) = tokio::join!(refer, async {
        let refer = server.expect(Method::Refer).await;
        let more = [(Name::Warning, "399 h \"102 too many participants\"")];
        server.answer(&refer, 486, "Busy Here", &more).await;
    });
    let said = "486 Busy Here, 102 too many participants [IM-7.2.1.2-S8a]";
    assert_eq!(referred.unwrap_err().to_string(), said);
    // While nobody answers, the session may end.
    let (lost, ()) = tokio::join!(agent.refer(session, vec![to(ERIN)]), async {
        server.expect(Method::Refer).await;
        agent.leave(session).await.unwrap();
        server.expect(Method::Bye).await;
    });
    assert_eq!(lost, Err(Failure::NoSuchSession));
    let gone = agent.refer(session, vec![to(ERIN)]).await;
    assert_eq!(gone, Err(Failure::NoSuchSession));
    // With one person alone there is no conference to ask.
    let person = [
        (Name::From, "<sip:bob@localhost>;tag=f1"),
        (Name::Contact, "<sip:bob@10.0.0.3>"),
    ];
    let (session, _) = fake::in_a_session(&mut server, &agent, &mut events, &person).await;
    let alone = agent.refer(session, vec![to(ERIN)]).await;
    assert!(matches!(alone, Err(Failure::NotNow { .. })));
}

/// The server's side of the subscription to a REFER.
struct Teller(Dialog);

impl Teller {
    fn new(refer: &Request) -> Self {
        let mut dialog = Dialog::uas(refer, "srv", &format!("<{SESSION}>")).unwrap();
        dialog.confirm();
        Self(dialog)
    }

    /// Sends a NOTIFY, whose answer must have this status.
    async fn tell(
        &mut self,
        server: &mut Server,
        package: &str,
        state: &str,
        (content_type, body): (&str, &str),
        want: u16,
    ) {
        let via = server.via();
        let mut draft = self.0.request(&Method::Notify, &via);
        draft.header(Name::Event, package);
        if !state.is_empty() {
            draft.header(Name::SubscriptionState, state);
        }
        let bytes = match content_type {
            "" => draft.finish(),
            _ => draft.finish_with(content_type, body.as_bytes()),
        };
        server.send(&bytes).await;
        let answer = server.response(want).await;
        assert_eq!(answer.status(), want, "{package} {state} {body}");
    }
}

/// What the next event says of the REFER.
async fn progress(events: &mut Events) -> (u32, Option<u16>, String, bool) {
    event(events, |event| match event {
        Event::ReferProgress {
            refer,
            status,
            reason,
            over,
            ..
        } => Some((*refer, *status, reason.clone(), *over)),
        _ => None,
    })
    .await
}

/// IM-7.1.1.7-NTFY-S1, IM-7.1.1.7-NTFY-S2: a server that tells all the same is heard.
#[tokio::test(start_paused = true)]
async fn a_server_that_tells_how_it_goes_on() {
    let (mut server, agent, mut events, session) = in_conference(config()).await;
    let fragment = |line| ("message/sipfrag;version=2.0", line);
    let (referred, mut teller) = tokio::join!(agent.refer(session, vec![to(ERIN)]), async {
        let refer = server.expect(Method::Refer).await;
        let mut teller = Teller::new(&refer);
        // RFC 6665 section 4.1.3: the first may come before the 2xx.
        let state = "active;expires=180";
        teller
            .tell(
                &mut server,
                "refer",
                state,
                fragment("SIP/2.0 100 Trying"),
                200,
            )
            .await;
        server.answer(&refer, 202, "Accepted", &[]).await;
        teller
    });
    assert_eq!(referred, Ok(()));
    let trying = (1, Some(100), "Trying".to_owned(), false);
    assert_eq!(progress(&mut events).await, trying, "IM-7.1.1.7-NTFY-S2");
    // RFC 3515 section 2.4.6: the id, where there is one, is the CSeq of the REFER.
    let state = "active;expires=100";
    let ringing = fragment("SIP/2.0 180 Ringing\r\n");
    teller
        .tell(&mut server, "refer;id=1", state, ringing, 200)
        .await;
    let ringing = (1, Some(180), "Ringing".to_owned(), false);
    assert_eq!(progress(&mut events).await, ringing, "IM-7.1.1.7-NTFY-S2");
    let state = "terminated;reason=noresource";
    let ok = fragment("SIP/2.0 200 OK\r\n");
    teller.tell(&mut server, "refer", state, ok, 200).await;
    let ok = (1, Some(200), "OK".to_owned(), true);
    assert_eq!(progress(&mut events).await, ok, "IM-7.1.1.7-NTFY-S1");
    // IM-7.1.1.7-NTFY-S1: that was the last.
    let state = "active;expires=100";
    let late = fragment("SIP/2.0 200 OK");
    teller.tell(&mut server, "refer", state, late, 481).await;
}

/// IM-7.1.1.7-NTFY-S1: each by RFC 3515 and RFC 6665; what is refused changes nothing.
#[tokio::test(start_paused = true)]
async fn notifications_that_make_no_sense() {
    let (mut server, agent, mut events, session) = in_conference(config()).await;
    let (_, mut teller) = tokio::join!(agent.refer(session, vec![to(ERIN)]), async {
        let refer = server.expect(Method::Refer).await;
        server.answer(&refer, 200, "OK", &[]).await;
        Teller::new(&refer)
    });
    let active = "active;expires=180";
    let fragment = ("message/sipfrag", "SIP/2.0 180 Ringing");
    #[rustfmt::skip]
    let table = [
        ("conference", active, fragment, 489),
        ("refer;id=7", active, fragment, 481),
        ("refer", "", fragment, 400),
        ("refer", active, ("text/plain", "SIP/2.0 200 OK"), 415),
        // Answered, but there is nothing in it to tell.
        ("refer", active, ("message/sipfrag", "hello"), 200),
        ("refer", active, ("", ""), 200),
    ];
    for (package, state, content, want) in table {
        told(&mut events);
        teller
            .tell(&mut server, package, state, content, want)
            .await;
        let mut all = told(&mut events);
        all.retain(|event| !matches!(event, Event::MediaUp { .. }));
        let faults = all.iter().filter(|e| matches!(e, Event::Fault { .. }));
        let expected = usize::from(!content.0.is_empty());
        assert_eq!(
            (faults.count(), all.len()),
            (expected, expected),
            "{package} {state}: {all:?}"
        );
    }
    // IM-7.1.1.7-NTFY-S1: what is not told about any more is not waited for.
    let begin = server.world.clock.now();
    let over = (1, None, String::new(), true);
    assert_eq!(progress(&mut events).await, over, "IM-7.1.1.7-NTFY-S1");
    let waited = server.world.clock.now() - begin;
    // It counts from the NOTIFY, a moment before.
    assert_eq!(waited.as_secs_f64().round(), 180.0);
}

/// IM-7.1.1.7-NTFY-S1: a 2xx that does not say Refer-Sub: false and a server that tells nothing;
/// RFC 6665 section 4.1.2.4 has it end after timer N.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_it_would_tell_and_does_not() {
    let (mut server, agent, mut events, session) = in_conference(config()).await;
    let _talk = server.talk().await;
    let (_, mut teller) = tokio::join!(agent.refer(session, vec![to(ERIN)]), async {
        let refer = server.expect(Method::Refer).await;
        server.answer(&refer, 202, "Accepted", &[]).await;
        Teller::new(&refer)
    });
    told(&mut events);
    assert!(server.is_quiet(Duration::from_secs(40)).await);
    let late = ("message/sipfrag", "SIP/2.0 200 OK");
    teller.tell(&mut server, "refer", "active", late, 481).await;
    assert!(told(&mut events).is_empty(), "nobody was told anything");
}

/// A REFER that is asked for credentials is sent again with them, and counts on.
#[tokio::test(start_paused = true)]
async fn credentials_are_given() {
    let (mut server, agent, _events, session) = in_conference(config()).await;
    let (referred, ()) = tokio::join!(agent.refer(session, several()), async {
        let first = server.expect(Method::Refer).await;
        let ask = "Digest realm=\"localhost\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256";
        let more = [(Name::ProxyAuthenticate, ask)];
        server
            .answer(&first, 407, "Proxy Authentication Required", &more)
            .await;
        let second = take(&mut server).await;
        assert!(
            second
                .raw(Name::ProxyAuthorization)
                .unwrap()
                .contains("alice")
        );
        assert_eq!(second.raw(Name::CallId), first.raw(Name::CallId));
        assert_eq!(second.raw(Name::CSeq), Some("2 REFER"));
        assert_eq!(second.body(), first.body());
        assert!(second.raw(Name::From).unwrap().contains(ALICE));
    });
    assert_eq!(referred, Ok(()));
}
