//! Places in groups of another domain, whose server starts anew.

use imps::csp::{CreateGroupRequest, JoinGroupRequest, LeaveGroupRequest, User};
use imps::ssp::{self, Content, MessageInfo, MetaInfo, Party, Primitive, Sender};
use imps::status::Code;
use imps::{Encoding, Primitive as Csp, Version};

use crate::lab::Handset;
use crate::lab::club::join_in;
use crate::lab::domain::{DOMAIN, Domain, meet};
use crate::lab::handset::wv;
use crate::lab::http::read_answer;

const CLUB: &str = "wv:bob/club@b.example";

fn joined() -> Primitive {
    Primitive::JoinGroupResponse(ssp::JoinGroupResponse {
        status: imps::csp::Outcome::new(Code::SUCCESSFUL),
        joined: Vec::new(),
        welcome_note: None,
    })
}

fn join() -> JoinGroupRequest {
    join_in(CLUB, "Al")
}

/// A handset asks, and the other domain is asked and answers: what it was asked.
fn asks(
    handset: &mut Handset,
    domain: &mut Domain,
    what: impl Into<Csp>,
    answer: Primitive,
) -> Primitive {
    let stream = handset.ask_later(what);
    let asked = domain.asked_and(answer);
    let (http, _) = read_answer(stream);
    assert_eq!(http.status, 200);
    asked
}

/// Alice in the club.
fn sits(handset: &mut Handset, domain: &mut Domain) {
    asks(handset, domain, join(), joined());
}

/// Somebody says something in the club: how alice's server takes it.
fn says(domain: &mut Domain, id: &str) -> u16 {
    domain.code(Primitive::SendMessageRequest(ssp::SendMessageRequest {
        delivery_report: false,
        meta: MetaInfo::of_service(format!("wv:@{DOMAIN}")),
        info: MessageInfo {
            id: Some(id.to_owned()),
            recipients: vec![Party::User(User::new(wv("alice")))],
            sender: Sender::Group {
                group: CLUB.to_owned(),
                name: None,
            },
            ..MessageInfo::default()
        },
        content: Some(Content::text("hello")),
    }))
}

fn rejoins(asked: &Primitive) {
    let Primitive::JoinGroupRequest(asked) = asked else {
        panic!("{asked:?}");
    };
    let name = asked.screen_name.as_ref().map(|name| name.name.as_str());
    assert_eq!((asked.group.as_str(), name), (CLUB, Some("Al")));
    assert!(asked.subscribe && !asked.joined_list);
    let user = asked.meta.requestor.user.as_ref();
    assert_eq!(user.map(|user| user.id.clone()), Some(wv("alice")));
}

/// What is said in it may be there before the answer to JoinGroup is.
#[test]
fn whoever_is_about_to_be_in_hears_what_is_said() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    let stream = alice.ask_later(join());
    let (id, _) = domain.asked_only();
    assert_eq!(says(&mut domain, "m1"), 200);
    domain.answers(&id, joined());
    read_answer(stream);
    alice.hear_message();
    // Who is not let in was not in it.
    let mut alice = Handset::on(&lab, "alice");
    domain.asked();
    let refused = Primitive::status(Code::REJECTED);
    asks(&mut alice, &mut domain, join(), refused);
    assert_eq!(says(&mut domain, "m2"), Code::NOT_JOINED.number());
}

/// The server of alice has started anew, and the other one not.
#[test]
fn whoever_is_in_already_is_in() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    let stream = alice.ask_later(join());
    domain.asked_and(Primitive::status(Code::ALREADY_JOINED));
    let (http, _) = read_answer(stream);
    let answer = imps::Message::decode(&http.body, Encoding::Wbxml).unwrap();
    let answer = &answer.transactions[0].primitive;
    assert!(matches!(answer, Csp::JoinGroupResponse(_)), "{answer:?}");
    assert_eq!(says(&mut domain, "m1"), 200);
}

/// A guest whose server knows nothing of it, the other way round: it has started anew.
#[test]
fn a_guest_who_is_out_at_home_is_out() {
    let (lab, mut domain) = meet(|_| {});
    let mut bob = Handset::on(&lab, "bob");
    let book = "wv:bob/book@localhost";
    bob.done(CreateGroupRequest {
        group: book.to_owned(),
        join: true,
        subscribe: true,
        ..CreateGroupRequest::default()
    });
    let eve = || {
        MetaInfo::of_user(
            format!("wv:@{DOMAIN}"),
            User::new(format!("wv:eve@{DOMAIN}")),
        )
    };
    let comes = || {
        Primitive::JoinGroupRequest(ssp::JoinGroupRequest {
            group: book.to_owned(),
            joined_list: false,
            subscribe: false,
            meta: eve(),
            screen_name: None,
            own_properties: Vec::new(),
        })
    };
    let goes = || {
        Primitive::LeaveGroupRequest(ssp::GroupRequest {
            group: book.to_owned(),
            meta: eve(),
        })
    };
    let out = || Primitive::status(Code::NOT_JOINED);
    assert_eq!(domain.code(comes()), 200);
    assert!(bob.hear_notice().joined.is_some());
    // It was true when it was said, and is not any more.
    bob.say(book, "one");
    let (id, _) = domain.asked_only();
    assert_eq!((domain.code(goes()), domain.code(comes())), (200, 200));
    domain.answers(&id, out());
    bob.say(book, "two");
    assert!(matches!(domain.asked(), Primitive::SendMessageRequest(_)));
    let news = bob.hear_notice();
    assert!(news.left.is_some() && news.joined.is_some(), "{news:?}");
    bob.say(book, "three");
    domain.asked_and(out());
    assert!(bob.hear_notice().left.is_some());
    assert_eq!(domain.code(goes()), Code::NOT_JOINED.number());
}

#[test]
fn whoever_is_let_in_again_has_not_been_away() {
    for answer in [joined(), Primitive::status(Code::ALREADY_JOINED)] {
        let (lab, mut domain) = meet(|_| {});
        let mut alice = Handset::on(&lab, "alice");
        // Two sessions of hers are one person there.
        let mut second = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
        second = second.called("second");
        second.log_in();
        second.agree(imps::service::Functions::NONE);
        sits(&mut alice, &mut domain);
        asks(
            &mut second,
            &mut domain,
            join(),
            Primitive::status(Code::ALREADY_JOINED),
        );
        domain.restarts();
        rejoins(&domain.asked_and(answer));
        for handset in [&mut alice, &mut second] {
            assert!(handset.hear_all().is_empty());
        }
        assert_eq!(says(&mut domain, "m1"), 200);
        for handset in [&mut alice, &mut second] {
            handset.hear_message();
        }
        let asked = asks(
            &mut alice,
            &mut domain,
            LeaveGroupRequest {
                group: CLUB.to_owned(),
            },
            Primitive::status(Code::SUCCESSFUL),
        );
        assert!(
            matches!(asked, Primitive::LeaveGroupRequest(_)),
            "once: {asked:?}"
        );
    }
}

#[test]
fn whoever_is_not_is_told() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    sits(&mut alice, &mut domain);
    domain.restarts();
    rejoins(&domain.asked_and(Primitive::status(Code::UNKNOWN_GROUP)));
    let told = alice.hear(|one| match one {
        Csp::LeaveGroupResponse(told) => Some(told.clone()),
        _ => None,
    });
    assert_eq!(told.group.as_deref(), Some(CLUB));
    assert_eq!(told.outcome.code, Code::UNKNOWN_GROUP);
    assert_eq!(says(&mut domain, "m1"), Code::NOT_JOINED.number());
    // Nobody is in anything: nothing is asked.
    domain.restarts();
    assert_eq!(says(&mut domain, "m2"), Code::NOT_JOINED.number());
    assert!(domain.events.is_empty(), "{:?}", domain.events);
}

/// Whoever leaves while they are put back does not stay.
#[test]
fn whoever_leaves_meanwhile_is_out() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    sits(&mut alice, &mut domain);
    domain.restarts();
    let (id, asked) = domain.asked_only();
    rejoins(&asked);
    let leave = LeaveGroupRequest {
        group: CLUB.to_owned(),
    };
    asks(
        &mut alice,
        &mut domain,
        leave,
        Primitive::status(Code::NOT_JOINED),
    );
    domain.answers(&id, joined());
    let asked = domain.asked();
    assert!(
        matches!(asked, Primitive::LeaveGroupRequest(_)),
        "{asked:?}"
    );
}

/// Each place is remembered, so there are not any number of them.
#[test]
fn a_session_is_in_so_many_at_most() {
    let (lab, mut domain) = meet(|_| {});
    let mut alice = Handset::on(&lab, "alice");
    for at in 0..200 {
        let group = format!("wv:bob/club{at}@b.example");
        let join = JoinGroupRequest {
            group,
            screen_name: None,
            ..join()
        };
        asks(&mut alice, &mut domain, join, joined());
    }
    assert_eq!(alice.code(join()), Code::TOO_MANY_GROUPS_OF_USER.number());
}
