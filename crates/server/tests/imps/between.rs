//! Two domains: what users of one do with users and groups of the other (SSP).

use std::time::Duration;

use imps::csp::{
    CreateGroupRequest, DeliveryReportRequest, ExtendConversationRequest, ExtendConversationUser,
    GetGroupPropsRequest, GetJoinedUsersRequest, Group, GroupProperties, InviteRequest, InviteType,
    InviteUserResponse, LeaveGroupRequest, LogoutRequest, Property, Recipient, ScreenName,
    SendMessageResponse, Sender, User,
};
use imps::service::Function;
use imps::status::Code;
use imps::{Encoding, Primitive, Version};

use crate::lab::Handset;
use crate::lab::club::joins_in;
use crate::lab::handset::wv;
use crate::lab::presence::{
    allow_all, everything, of, subscribe, text as watched, unsubscribe, update,
};
use crate::lab::two::{AWAY, Two};

/// A user of the other domain.
fn there(user: &str) -> String {
    format!("wv:{user}@{AWAY}")
}

fn extension(peer: &str, others: &[&str]) -> ExtendConversationRequest {
    ExtendConversationRequest {
        id: Some("grow".to_owned()),
        users: others.iter().map(|user| (*user).to_owned()).collect(),
        peer: ExtendConversationUser {
            user: peer.to_owned(),
            client: None,
        },
        subscribe: true,
        ..ExtendConversationRequest::default()
    }
}

fn text(handset: &mut Handset) -> String {
    let content = handset.hear_message().content.unwrap();
    content.as_text().unwrap().to_owned()
}

fn to(user: &str) -> Recipient {
    Recipient {
        users: vec![User::new(user)],
        ..Recipient::default()
    }
}

fn report(handset: &mut Handset) -> DeliveryReportRequest {
    handset.hear(|one| match one {
        Primitive::DeliveryReportRequest(report) => Some(report.clone()),
        _ => None,
    })
}

// ---- Messages ----

#[test]
fn messages_and_reports_cross() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let sent = alice.send_to(to(&there("bob")), "gr\u{fc}\u{df} Gott", true);
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL, "{sent:?}");
    let heard = bob.hear_message();
    assert_eq!(
        heard.info.sender,
        Some(Sender::User(User::new(wv("alice"))))
    );
    assert_eq!(
        heard.content.unwrap().as_text(),
        Some("gr\u{fc}\u{df} Gott")
    );
    bob.poll();
    let report = report(&mut alice);
    assert_eq!(report.outcome.code, Code::SUCCESSFUL);
    assert_eq!(report.info.id, sent.message, "by the id that alice knows");
    // And back.
    let sent = bob.send_to(to(&wv("alice")), "hello", false);
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    assert_eq!(text(&mut alice), "hello");
}

#[test]
fn a_message_to_several_says_what_became_of_each() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let mut carol = two.here("carol");
    let users = [
        there("bob"),
        there("nobody"),
        wv("carol"),
        "wv:x@nowhere.example".to_owned(),
    ];
    let recipient = Recipient {
        users: users.iter().map(User::new).collect(),
        ..Recipient::default()
    };
    let sent = alice.send_to(recipient, "to all", false);
    assert_eq!(sent.outcome.code, Code::PARTIALLY_SUCCESSFUL);
    let mut failed: Vec<_> = sent
        .outcome
        .details
        .iter()
        .map(|detail| (detail.code, detail.users.clone()))
        .collect();
    failed.sort_by_key(|(code, _)| code.number());
    let want = [
        (Code::UNKNOWN_USER, vec![there("nobody")]),
        (
            Code::DOMAIN_NOT_SUPPORTED,
            vec!["wv:x@nowhere.example".to_owned()],
        ),
    ];
    let mut want = want.to_vec();
    want.sort_by_key(|(code, _)| code.number());
    assert_eq!(failed, want);
    assert_eq!(text(&mut bob), "to all");
    assert_eq!(text(&mut carol), "to all");
}

#[test]
fn whoever_is_blocked_is_blocked_from_afar() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    crate::blocks::block(&mut bob, &[&wv("alice")]);
    let sent = alice.send_to(to(&there("bob")), "x", false);
    assert_eq!(sent.outcome.code, Code::BLOCKED);
    assert!(bob.hear_all().is_empty());
}

// ---- Groups ----

/// SSP-16.X-S2: a group is made at another server, by CreateGroup, and is public and open.
#[test]
fn a_group_of_the_other_domain_is_made_and_joined() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let club = format!("wv:bob/club@{AWAY}");
    bob.done(CreateGroupRequest {
        group: club.clone(),
        join: true,
        subscribe: true,
        ..CreateGroupRequest::default()
    });
    let joined = joins_in(&mut alice, &club, "Al");
    let people = joined.participants.unwrap().people;
    let mut names: Vec<_> = people.iter().map(|one| one.screen_name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Al", "bob"]);
    let notice = bob.hear_notice();
    assert_eq!(notice.joined.unwrap().people[0].user, Some(wv("alice")));
    assert_eq!(alice.say(&club, "from afar").outcome.code, Code::SUCCESSFUL);
    let heard = bob.hear_message();
    let al = Group::ScreenName(ScreenName {
        name: "Al".to_owned(),
        group: club.clone(),
    });
    assert_eq!(heard.info.sender, Some(Sender::Group(al)));
    assert_eq!(bob.say(&club, "welcome").outcome.code, Code::SUCCESSFUL);
    assert_eq!(bob.say(&club, "sit down").outcome.code, Code::SUCCESSFUL);
    // Both at once, and in this order.
    two.pass(Duration::from_millis(100));
    let told: Vec<_> = alice.hear_all().into_iter().collect();
    let said = told
        .iter()
        .filter(|one| matches!(one, Primitive::NewMessage(_)));
    assert_eq!(said.count(), 2, "{told:?}");
    alice.told.extend(told);
    let heard = alice.hear_message();
    assert_eq!(heard.info.recipient.groups, [Group::Id(club.clone())]);
    assert_eq!(heard.content.unwrap().as_text(), Some("welcome"));
    assert_eq!(text(&mut alice), "sit down");
    // Who comes is told across, and who goes.
    let mut carol = two.there("carol");
    joins_in(&mut carol, &club, "");
    let notice = alice.hear_notice();
    assert_eq!(notice.joined.unwrap().people[0].screen_name, "carol");
    let asked = GetJoinedUsersRequest {
        group: club.clone(),
    };
    let Primitive::GetJoinedUsersResponse(there) = alice.ask(asked) else {
        panic!("no answer");
    };
    assert_eq!(there.participants.unwrap().people.len(), 3);
    let asked = GetGroupPropsRequest {
        group: club.clone(),
    };
    assert!(matches!(
        alice.ask(asked),
        Primitive::GetGroupPropsResponse(_)
    ));
}

/// Whoever leaves is out there, and so is whoever's session ends.
#[test]
fn a_group_of_the_other_domain_is_left() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let club = format!("wv:bob/club@{AWAY}");
    bob.done(CreateGroupRequest {
        group: club.clone(),
        join: true,
        subscribe: true,
        ..CreateGroupRequest::default()
    });
    joins_in(&mut alice, &club, "Al");
    bob.hear_all();
    let leave = LeaveGroupRequest {
        group: club.clone(),
    };
    assert_eq!(alice.code(leave.clone()), 200);
    assert_eq!(alice.code(leave), 808, "not in it any more");
    let gone = bob.hear(|one| match one {
        Primitive::GroupChangeNotice(notice) => notice.left.clone(),
        _ => None,
    });
    assert_eq!(gone.people[0].screen_name, "Al", "{gone:?}");
    assert_eq!(alice.say(&club, "x").outcome.code, Code::NOT_JOINED);
    joins_in(&mut alice, &club, "Al");
    bob.hear_all();
    alice.done(LogoutRequest {});
    let gone = bob.hear(|one| match one {
        Primitive::GroupChangeNotice(notice) => notice.left.clone(),
        _ => None,
    });
    assert_eq!(gone.people[0].screen_name, "Al");
}

#[test]
fn a_group_may_be_made_from_afar() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let club = format!("wv:alice/club@{AWAY}");
    let made = CreateGroupRequest {
        group: club.clone(),
        properties: GroupProperties {
            properties: vec![Property::new("Name", "Afar")],
            welcome_note: None,
        },
        ..CreateGroupRequest::default()
    };
    // SSP-16.X-S2
    let code = alice.code(made);
    assert_eq!(code, 200, "SSP-16.X-S2");
    joins_in(&mut bob, &club, "");
    joins_in(&mut alice, &club, "");
    assert_eq!(bob.say(&club, "nice").outcome.code, Code::SUCCESSFUL);
    assert_eq!(text(&mut alice), "nice");
    // Made and joined at once.
    let book = format!("wv:alice/book@{AWAY}");
    alice.done(CreateGroupRequest {
        group: book.clone(),
        join: true,
        ..CreateGroupRequest::default()
    });
    joins_in(&mut bob, &book, "");
    assert_eq!(bob.say(&book, "a page").outcome.code, Code::SUCCESSFUL);
    assert_eq!(text(&mut alice), "a page");
}

// ---- Invitations ----

#[test]
fn invitations_are_answered_across() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let invite = InviteRequest {
        id: "mine".to_owned(),
        invite_type: InviteType::Im,
        recipient: to(&there("bob")),
        note: Some("shall we".to_owned()),
        ..InviteRequest::default()
    };
    alice.done(invite.clone());
    let asked = bob.hear_invitation();
    assert_eq!(asked.note.as_deref(), Some("shall we"));
    assert_eq!(asked.sender, Some(Sender::User(User::new(wv("alice")))));
    bob.done(InviteUserResponse {
        id: asked.id,
        acceptance: true,
        ..InviteUserResponse::default()
    });
    let answer = alice.hear(|one| match one {
        Primitive::InviteResponse(answer) => Some(answer.clone()),
        _ => None,
    });
    assert!(answer.acceptance);
    assert_eq!(answer.id, "mine");
    assert_eq!(answer.sender, Some(Sender::User(User::new(there("bob")))));
    // One that is taken back.
    alice.done(InviteRequest {
        id: "second".to_owned(),
        ..invite
    });
    let asked = bob.hear_invitation();
    alice.done(imps::csp::CancelInviteRequest {
        id: "second".to_owned(),
        ..imps::csp::CancelInviteRequest::default()
    });
    let withdrawn = bob.hear(|one| match one {
        Primitive::CancelInviteUserRequest(cancel) => Some(cancel.id.clone()),
        _ => None,
    });
    assert_eq!(withdrawn, asked.id);
}

// ---- ExtendConversation ----

/// SSP-16.X-S1, SSP-16.X-S3 to SSP-16.X-S10: alice talks with bob of the other domain, whose
/// server makes the group; carol is of hers, dave of his.
#[test]
fn a_conversation_with_somebody_of_the_other_domain_grows_there() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut carol = two.here("carol");
    let mut bob = two.there("bob");
    let mut dave = two.there("dave");
    // SSP-16.X-S3, SSP-16.X-S5, SSP-16.X-S6: asked of bob's server, with whom to invite and bob.
    let answer = alice.ask(extension(&there("bob"), &[&wv("carol"), &there("dave")]));
    let Primitive::Status(status) = answer else {
        panic!("SSP-16.X-S4: {answer:?}");
    };
    assert_eq!(status.outcome.code, Code::SUCCESSFUL, "SSP-16.X-S4");
    let asked = bob.hear_invitation();
    assert_eq!(
        asked.invite_type,
        InviteType::ExtendConversation,
        "SSP-16.X-S10"
    );
    assert_eq!(
        asked.sender,
        Some(Sender::User(User::new(wv("alice")))),
        "SSP-16.X-S3"
    );
    let group = asked.group.unwrap();
    assert!(group.ends_with(&format!("@{AWAY}")), "SSP-16.X-S1: {group}");
    assert!(
        carol.hear_all().is_empty(),
        "SSP-16.X-S10: not before bob has come"
    );
    joins_in(&mut bob, &group, "");
    // SSP-16.X-S7, SSP-16.X-S8
    let extended = alice.hear_extended();
    assert_eq!(extended.outcome.code, Code::SUCCESSFUL, "SSP-16.X-S7");
    assert_eq!(extended.group, Some(group.clone()), "SSP-16.X-S8");
    assert_eq!(extended.id.as_deref(), Some("grow"));
    for other in [&mut carol, &mut dave] {
        let asked = other.hear_invitation();
        assert_eq!(
            asked.invite_type,
            InviteType::ExtendConversation,
            "SSP-16.X-S5"
        );
        assert_eq!(asked.group, Some(group.clone()));
        joins_in(other, &group, "");
    }
    assert_eq!(
        alice.say(&group, "all of us").outcome.code,
        Code::SUCCESSFUL
    );
    for other in [&mut bob, &mut carol, &mut dave] {
        assert_eq!(text(other), "all of us");
    }
    assert_eq!(carol.say(&group, "here too").outcome.code, Code::SUCCESSFUL);
    for other in [&mut alice, &mut bob, &mut dave] {
        assert_eq!(text(other), "here too");
    }
    // SSP-16.X-S9: the response was answered, so it does not come again.
    two.pass(Duration::from_secs(120));
    let again = alice.hear_all();
    let is_it = |one: &Primitive| matches!(one, Primitive::ExtendConversationResponse(_));
    assert!(!again.iter().any(is_it), "SSP-16.X-S9");
}

/// SSP-16.3.X-S1, SSP-16.3.X-S2, and the other refusals: as the peer's server said it.
#[test]
fn a_refused_extension_is_refused_with_the_code_of_the_peer() {
    let two = Two::with(|policy| policy.imps.max_groups = 0);
    let mut alice = two.here("alice");
    let _bob = two.there("bob");
    let _dave = two.there("dave");
    let asked = extension(&there("bob"), &[&there("dave")]);
    assert_eq!(alice.code(asked), 815, "SSP-16.3.X-S1");

    let two = Two::start();
    let mut alice = two.here("alice");
    let _dave = two.there("dave");
    let asked = extension(&there("bob"), &[&there("dave")]);
    assert_eq!(
        alice.code(asked.clone()),
        410,
        "SSP-16.3.X-S2: bob has no session"
    );
    let mut bob = two.there_without("bob", &[Function::Excon]);
    assert_eq!(alice.code(asked), 546);
    assert_eq!(
        alice.code(extension(&there("nobody"), &[&there("dave")])),
        531
    );
    assert!(bob.hear_all().is_empty());
}

/// SSP-16.3.X-S2: the peer does not come in time: 410, and the group is empty (SSP-16.X.1.2-E3).
#[test]
fn a_peer_who_does_not_come_ends_it() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let _dave = two.there("dave");
    alice.done(extension(&there("bob"), &[&there("dave")]));
    bob.hear_invitation();
    two.pass(Duration::from_secs(90));
    let extended = alice.hear_extended();
    assert_eq!(
        extended.outcome.code,
        Code::UNABLE_TO_DELIVER,
        "SSP-16.3.X-S2"
    );
    assert_eq!(extended.group, None);
}

/// The peer is at home, and one of the others is not.
#[test]
fn a_conversation_at_home_grows_to_the_other_domain() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut carol = two.here("carol");
    let mut bob = two.there("bob");
    alice.done(extension(&wv("carol"), &[&there("bob")]));
    let group = carol.hear_invitation().group.unwrap();
    joins_in(&mut carol, &group, "");
    assert_eq!(alice.hear_extended().outcome.code, Code::SUCCESSFUL);
    let asked = bob.hear_invitation();
    assert_eq!(asked.group, Some(group.clone()));
    joins_in(&mut bob, &group, "");
    assert_eq!(bob.say(&group, "hello").outcome.code, Code::SUCCESSFUL);
    for other in [&mut alice, &mut carol] {
        assert_eq!(text(other), "hello");
    }
}

// ---- Presence ----

#[test]
fn presence_is_watched_across() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let name = there("bob");
    let moment = Duration::from_secs(1);
    bob.done(allow_all(everything()));
    bob.done(update(watched("hello")));
    assert_eq!(alice.code(subscribe(&[&name])), 200);
    two.pass(moment);
    assert_eq!(alice.news_of(&name), [of("hello", "T")]);
    bob.done(update(watched("busy")));
    two.pass(moment);
    assert_eq!(alice.news_of(&name), [of("busy", "")]);
    assert_eq!(alice.see(&name), of("busy", "T"));
    assert_eq!(alice.code(unsubscribe(&[&name])), 200);
    bob.done(update(watched("gone")));
    two.pass(moment);
    assert_eq!(alice.news_of(&name), []);
}

// ---- The link ----

/// The link is cut at every step of ExtendConversation and healed: nothing that was accepted is
/// lost, and nothing comes twice.
#[test]
fn the_link_is_cut_and_healed_at_every_step() {
    for step in 0..5 {
        let two = Two::start();
        let mut alice = two.here("alice");
        let mut bob = two.there("bob");
        let mut dave = two.there("dave");
        let cut = |at: usize| {
            if at == step {
                two.cut(true);
            }
        };
        let heal = |at: usize| {
            if at == step {
                two.pass(Duration::from_secs(15));
                two.cut(false);
            }
        };
        alice.done(extension(&there("bob"), &[&there("dave")]));
        let group = bob.hear_invitation().group.unwrap();
        cut(0);
        joins_in(&mut bob, &group, "");
        heal(0);
        two.pass(Duration::from_secs(200));
        let extended = alice.hear_extended();
        assert_eq!(extended.group, Some(group.clone()), "{step}");
        cut(1);
        dave.hear_invitation();
        joins_in(&mut dave, &group, "");
        heal(1);
        cut(2);
        assert_eq!(bob.say(&group, "one").outcome.code, Code::SUCCESSFUL);
        heal(2);
        two.pass(Duration::from_secs(200));
        assert_eq!(text(&mut alice), "one", "{step}");
        cut(3);
        assert_eq!(dave.say(&group, "two").outcome.code, Code::SUCCESSFUL);
        assert_eq!(bob.say(&group, "three").outcome.code, Code::SUCCESSFUL);
        heal(3);
        two.pass(Duration::from_secs(200));
        assert_eq!(text(&mut alice), "two", "{step}");
        assert_eq!(text(&mut alice), "three", "{step}");
        cut(4);
        dave.done(LeaveGroupRequest {
            group: group.clone(),
        });
        heal(4);
        two.pass(Duration::from_secs(200));
        let rest = alice.hear_all();
        let said = rest
            .iter()
            .filter(|one| matches!(one, Primitive::NewMessage(_)));
        assert_eq!(said.count(), 0, "{step}: twice");
        assert_eq!(
            alice.say(&group, "still").outcome.code,
            Code::SUCCESSFUL,
            "{step}"
        );
    }
}

#[test]
fn without_a_link_nothing_is_accepted() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    two.cut(true);
    let sent: SendMessageResponse = alice.send_to(to(&there("bob")), "x", false);
    assert!(!sent.outcome.code.is_success());
    two.cut(false);
    two.pass(Duration::from_secs(700));
    bob.log_in();
    alice.log_in();
    // It is not known what became of it: it may have come, once.
    let come = bob.hear_all();
    let come = come
        .iter()
        .filter(|one| matches!(one, Primitive::NewMessage(_)));
    assert!(come.count() <= 1);
    let sent = alice.send_to(to(&there("bob")), "y", false);
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    assert_eq!(text(&mut bob), "y");
}

#[test]
fn a_peer_with_another_secret_is_nobody() {
    let two = Two::with_secrets("one", "another");
    let mut alice = two.here("alice");
    two.pass(Duration::from_secs(60));
    let sent = alice.send_to(to(&there("bob")), "x", false);
    assert_eq!(sent.outcome.code, Code::SERVICE_UNAVAILABLE);
}

/// A handset of any version, in XML too.
#[test]
fn older_handsets_are_asked_into_a_group() {
    let two = Two::start();
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let mut dave = two.there_off("dave").of(Version::V1_2, Encoding::Xml);
    dave.log_in();
    dave.agree(imps::service::Functions::NONE);
    alice.done(extension(&there("bob"), &[&there("dave")]));
    let group = bob.hear_invitation().group.unwrap();
    joins_in(&mut bob, &group, "");
    alice.hear_extended();
    let asked = dave.hear_invitation();
    assert_eq!(asked.invite_type, InviteType::Group);
    joins_in(&mut dave, &group, "");
    assert_eq!(alice.say(&group, "hello").outcome.code, Code::SUCCESSFUL);
    assert_eq!(text(&mut dave), "hello");
}
