//! A server of another domain that says what it may not say, says it twice, or says too much.

use imps::csp::{self, CreateGroupRequest, InviteType, ScreenName, User};
use imps::ssp::link::{Down, Event, Refusal};
use imps::ssp::{
    Content, ExtendConversationResponse, GroupChangeNotice, GroupRequest, InviteRequest,
    JoinGroupRequest, LeaveGroupIndication, MessageInfo, MetaInfo, Party, Primitive,
    SendMessageRequest, Sender,
};
use imps::status::Code;

use crate::lab::Handset;
use crate::lab::ask::{Ask, FACTORY};
use crate::lab::domain::{DOMAIN, Domain, meet, post, stranger};
use crate::lab::handset::wv;

fn theirs(user: &str) -> String {
    format!("wv:{user}@{DOMAIN}")
}

/// On behalf of somebody.
fn by(user: &str) -> MetaInfo {
    MetaInfo::of_user(format!("wv:@{DOMAIN}"), User::new(user))
}

fn service() -> MetaInfo {
    MetaInfo::of_service(format!("wv:@{DOMAIN}"))
}

/// A message from whom it is said to be, to alice.
fn message(id: &str, meta: MetaInfo, sender: Sender, text: &str) -> Primitive {
    Primitive::SendMessageRequest(SendMessageRequest {
        delivery_report: false,
        meta,
        info: MessageInfo {
            id: Some(id.to_owned()),
            recipients: vec![Party::user(wv("alice"))],
            sender,
            ..MessageInfo::default()
        },
        content: Some(Content::text(text)),
    })
}

fn from_user(id: &str, user: &str, text: &str) -> Primitive {
    message(id, by(user), Sender::User(User::new(user)), text)
}

fn from_group(group: &str) -> Primitive {
    let sender = Sender::Group {
        group: group.to_owned(),
        name: Some(ScreenName {
            name: "Eve".to_owned(),
            group: group.to_owned(),
        }),
    };
    message("g1", service(), sender, "psst")
}

fn invitation(inviting: &str, group: Option<String>) -> Primitive {
    Primitive::InviteRequest(InviteRequest {
        id: "i1".to_owned(),
        invite_type: InviteType::Group,
        validity_s: None,
        meta: service(),
        inviting: Party::user(inviting),
        invited: Party::user(wv("alice")),
        group,
        application: None,
        attributes: None,
        urls: Vec::new(),
        note: None,
        screen_name: None,
    })
}

fn invalid(domain: &mut Domain, primitive: Primitive) {
    let told = format!("{primitive:?}");
    assert_eq!(
        domain.code(primitive),
        Code::INVALID_SENDER.number(),
        "{told}"
    );
}

/// As any guest: that there are, and that the user is in.
#[test]
fn its_users_invite_into_groups_of_ours_that_they_are_in() {
    let (lab, mut domain) = meet(|_| {});
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    let book = "wv:bob/book@localhost".to_owned();
    bob.done(CreateGroupRequest {
        group: book.clone(),
        ..CreateGroupRequest::default()
    });
    for (group, code) in [
        ("wv:/lobby@localhost", Code::UNKNOWN_GROUP),
        (&book, Code::NOT_JOINED),
    ] {
        let asked = invitation(&theirs("eve"), Some(group.to_owned()));
        assert_eq!(domain.code(asked), code.number(), "{group}");
    }
    assert!(alice.hear_all().is_empty());
    let join = Primitive::JoinGroupRequest(JoinGroupRequest {
        group: book.clone(),
        joined_list: false,
        subscribe: false,
        meta: by(&theirs("eve")),
        screen_name: None,
        own_properties: Vec::new(),
    });
    assert_eq!(domain.code(join), Code::SUCCESSFUL.number());
    let asked = invitation(&theirs("eve"), Some(book.clone()));
    assert_eq!(domain.code(asked), Code::SUCCESSFUL.number());
    let invited = alice.hear_invitation();
    assert_eq!(invited.group.as_deref(), Some(book.as_str()));
}

#[test]
fn it_speaks_for_its_own_users_and_groups_alone() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    let foreign = ["wv:eve@c.example".to_owned(), wv("bob"), "wv:@x".to_owned()];
    for user in &foreign {
        invalid(&mut domain, from_user("m", user, "x"));
        invalid(
            &mut domain,
            Primitive::JoinGroupRequest(JoinGroupRequest {
                group: "wv:/lobby@localhost".to_owned(),
                joined_list: true,
                subscribe: true,
                meta: by(user),
                screen_name: None,
                own_properties: Vec::new(),
            }),
        );
    }
    // Into a group of a third domain.
    let third = Some("wv:/x@c.example".to_owned());
    invalid(&mut domain, invitation(&theirs("eve"), third));
    // An invitation by one of ours who has nothing to do with it.
    let group = format!("wv:/x@{DOMAIN}");
    invalid(&mut domain, invitation(&wv("bob"), Some(group.clone())));
    invalid(
        &mut domain,
        invitation("wv:eve@c.example", Some(group.clone())),
    );
    for group in [
        "wv:/x@c.example".to_owned(),
        "wv:/lobby@localhost".to_owned(),
    ] {
        invalid(
            &mut domain,
            Primitive::GroupChangeNotice(GroupChangeNotice {
                group: group.clone(),
                meta: service(),
                recipients: vec![User::new(wv("alice"))],
                joined: vec!["Eve".to_owned()],
                left: Vec::new(),
                joined_blocked: Vec::new(),
                left_blocked: None,
                properties: None,
                own_properties: Vec::new(),
            }),
        );
        invalid(
            &mut domain,
            Primitive::LeaveGroupIndication(LeaveGroupIndication {
                group,
                status: csp::Outcome::new(Code::SUCCESSFUL),
                reason: None,
                user: Some(User::new(wv("alice"))),
            }),
        );
    }
    assert!(alice.hear_all().is_empty());
    // Of a group of theirs those hear who are in it.
    assert_eq!(domain.code(from_group(&group)), Code::NOT_JOINED.number());
    // And what was not asked for is not answered.
    let extended = Primitive::ExtendConversationResponse(ExtendConversationResponse {
        group,
        meta: MetaInfo::of_user("wv:@localhost", User::new(wv("alice"))),
        status: csp::Outcome::new(Code::SUCCESSFUL),
    });
    assert_eq!(domain.code(extended), Code::NOT_FOUND.number());
    assert!(alice.hear_all().is_empty());
}

#[test]
fn what_is_said_twice_comes_once() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    for _ in 0..3 {
        // Each time in a transaction of its own, as after a session that was lost.
        assert_eq!(domain.code(from_user("m1", &theirs("eve"), "once")), 200);
    }
    assert_eq!(domain.code(from_user("m2", &theirs("eve"), "twice")), 200);
    for text in ["once", "twice"] {
        let heard = alice.hear_message().content.unwrap();
        assert_eq!(heard.as_text(), Some(text));
    }
    assert!(alice.hear_all().is_empty());
    // One that was refused may come again.
    let to_nobody = |id: &str| {
        let mut message = from_user(id, &theirs("eve"), "x");
        if let Primitive::SendMessageRequest(asked) = &mut message {
            asked.info.recipients = vec![Party::user(wv("nobody"))];
        }
        message
    };
    for _ in 0..2 {
        assert_eq!(domain.code(to_nobody("m3")), 531);
    }
}

#[test]
fn a_flood_is_answered_and_bounded() {
    const MANY: usize = 250;
    let (lab, mut domain) = meet(|policy| policy.imps.max_waiting = 100);
    let _alice = Handset::on(&lab, "alice");
    let tickets: Vec<_> = (0..MANY)
        .map(|n| domain.asks(from_user(&n.to_string(), &theirs("eve"), "x")))
        .collect();
    let mut taken = 0;
    for ticket in tickets {
        let answer = domain.answer(ticket);
        let code = answer.outcome().unwrap().code;
        assert!(
            [
                Code::SUCCESSFUL,
                Code::QUEUE_FULL,
                Code::SERVICE_UNAVAILABLE
            ]
            .contains(&code)
        );
        taken += usize::from(code == Code::SUCCESSFUL);
    }
    assert!((1..=100).contains(&taken), "{taken}");
}

#[test]
fn a_domain_with_another_secret_is_not_let_in() {
    let (_lab, mut domain) = stranger("guessed", |_| {});
    domain.dials();
    let told = domain.until(|event| match event {
        Event::Down(why) => Some(format!("{why:?}")),
        Event::Refused(why) => Some(format!("{why:?}")),
        Event::Up => Some("up".to_owned()),
        _ => None,
    });
    let refused = [
        format!("{:?}", Down::Refused(Code::INVALID_PASSWORD)),
        format!("{:?}", Refusal::TurnedAway(Code::INVALID_PASSWORD)),
    ];
    assert!(refused.contains(&told), "{told}");
}

#[test]
fn what_is_no_message_of_a_peer_is_refused() {
    let (lab, domain) = meet(|_| {});
    let root = "<WV-SSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/WV-SSP1.3\">";
    let session = format!(
        "{root}<Session sessionID=\"guess\"><Transaction mode=\"Request\" transactionID=\"1\">\
         <Status code=\"200\"/></Transaction></Session></WV-SSP-Message>"
    );
    let foreign = format!(
        "{root}<SetupTransaction mode=\"Request\" transactionID=\"1\"><SendSecretToken \
         serviceID=\"wv:@c.example\" protocol=\"WV-SSP\" protocolVersion=\"1.3\"><SecretToken>x\
         </SecretToken></SendSecretToken></SetupTransaction></WV-SSP-Message>"
    );
    let large = vec![b' '; imps::MAX_BYTES + 1];
    let rows: [(&[u8], u16); 5] = [
        (b"", 400),
        (b"<x/>", 400),
        (session.as_bytes(), 403),
        (foreign.as_bytes(), 403),
        (&large, 413),
    ];
    for (body, want) in rows {
        assert_eq!(domain.post(body), want, "{}", body.len());
    }
    let at = lab.at.http.unwrap();
    assert_eq!(post(at, "text/plain", session.as_bytes()), 415);
}

#[test]
fn a_guest_does_not_reach_beyond() {
    let (_lab, mut domain) = meet(|_| {});
    // A group, and a user, of a third domain, and of the guest's own.
    for group in ["wv:/x@c.example".to_owned(), format!("wv:/x@{DOMAIN}")] {
        let about = GroupRequest {
            group,
            meta: by(&theirs("eve")),
        };
        let code = domain.code(Primitive::GetGroupPropsRequest(about));
        assert_eq!(code, Code::DOMAIN_NOT_SUPPORTED.number());
    }
    let mut round = from_user("m1", &theirs("eve"), "x");
    if let Primitive::SendMessageRequest(asked) = &mut round {
        asked.info.recipients = vec![Party::user(theirs("mallory"))];
    }
    assert_eq!(domain.code(round), Code::DOMAIN_NOT_SUPPORTED.number());
}

/// Whoever was here once is not waited for when their domain is away.
#[test]
fn a_guest_whose_domain_is_away_is_not_invited() {
    let (lab, mut domain) = meet(|_| {});
    let _alice = Handset::on(&lab, "alice");
    assert_eq!(domain.code(from_user("m1", &theirs("eve"), "x")), 200);
    let mut bob = lab.phone("bob");
    let entry = format!("<entry uri=\"sip:eve@{DOMAIN}\" cp:copyControl=\"to\"/>");
    let eve = Ask::guests(&[]).with_entries(&entry);
    let call_id = eve.send(&mut bob);
    assert!(matches!(domain.asked(), Primitive::InviteRequest(_)));
    bob.cancels(&call_id, FACTORY);
    assert!(matches!(domain.asked(), Primitive::CancelInviteRequest(_)));
    domain.leaves();
    let call_id = eve.send(&mut bob);
    assert_eq!(bob.final_response(&call_id).status(), 480);
}
