//! Groups of IMPS: what is said in them, and what is told of them.

use imps::csp::{
    AcceptedContentType, AddGroupMembersRequest, CapabilityList, DeliveryMethod,
    GetGroupMembersRequest, GetGroupMembersResponse, GetGroupPropsRequest, GetJoinedUsersRequest,
    GetJoinedUsersResponse, GetMessageRequest, Group, JoinGroupRequest, LogoutRequest,
    MemberAccessRequest, RemoveGroupMembersRequest, ScreenName, Sender, SetDeliveryMethodRequest,
    SetGroupPropsRequest, SubscribeGroupNoticeRequest, SubscribeType, WelcomeNote,
};
use imps::service::Function;
use imps::status::Code;
use imps::{Encoding, Primitive, Version};

use crate::lab::club::{
    CLUB, group, join, joins, leaves, list, news, notices, put_out, sets, told_of, users, value,
};
use crate::lab::handset::{outcome, properties};
use crate::lab::{Handset, Lab};

// ---- Spoken in ----

#[test]
fn what_is_said_reaches_everybody_else() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    alice.done(group(&[]));
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_1, Encoding::Xml);
    let mut carol = Handset::speaking(&lab, "carol", Version::V1_2, Encoding::Wbxml);
    let mut dave = Handset::on(&lab, "dave");
    joins(&mut alice, "Queen");
    joins(&mut bob, "");
    joins(&mut carol, "");
    for handset in [&mut alice, &mut bob, &mut carol, &mut dave] {
        handset.hear_all();
    }
    let sent = alice.say(CLUB, "hello");
    let sender = Some(Sender::Group(Group::ScreenName(ScreenName {
        name: "Queen".to_owned(),
        group: CLUB.to_owned(),
    })));
    for hearer in [&mut bob, &mut carol] {
        let heard = hearer.hear_message();
        assert_eq!(heard.info.id, sent.message);
        assert_eq!(heard.info.sender, sender);
        assert_eq!(heard.info.recipient.groups, [Group::Id(CLUB.to_owned())]);
        assert_eq!(heard.content.unwrap().as_text(), Some("hello"));
        assert!(hearer.hear_all().is_empty());
    }
    assert!(alice.hear_all().is_empty() && dave.hear_all().is_empty());
    assert_eq!(dave.say(CLUB, "hello").outcome.code.number(), 808);
    assert_eq!(
        dave.say("wv:alice/nosuch", "hello").outcome.code.number(),
        800
    );
}

#[test]
fn a_whisper_reaches_one_if_the_group_allows_it() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(group(&[]));
    for handset in [&mut alice, &mut bob, &mut carol] {
        joins(handset, "");
    }
    for handset in [&mut alice, &mut bob, &mut carol] {
        handset.hear_all();
    }
    assert_eq!(
        alice.whisper(CLUB, "BOB", "psst").outcome.code.number(),
        200
    );
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("psst"));
    assert!(carol.hear_all().is_empty());
    assert_eq!(
        alice.whisper(CLUB, "nobody", "psst").outcome.code.number(),
        404
    );
    assert_eq!(sets(&mut alice, &[("PrivateMessaging", "F")]), 200);
    bob.hear_all();
    assert_eq!(
        alice.whisper(CLUB, "bob", "psst").outcome.code.number(),
        812
    );
    assert_eq!(alice.say(CLUB, "aloud").outcome.code.number(), 200);
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("aloud"));
}

#[test]
fn what_a_client_does_not_want_pushed_is_announced_and_held() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    alice.done(group(&[]));
    let method = |method: DeliveryMethod| SetDeliveryMethodRequest {
        method,
        content_length: None,
        group: Some(CLUB.to_owned()),
        group_content_limit: None,
    };
    assert_eq!(bob.code(method(DeliveryMethod::Notify)), 808);
    joins(&mut alice, "");
    joins(&mut bob, "");
    bob.done(method(DeliveryMethod::Notify));
    let sent = alice.say(CLUB, "hello").message.unwrap();
    let announced = bob.hear(|one| match one {
        Primitive::MessageNotification(told) => Some(told.info.clone()),
        _ => None,
    });
    assert_eq!(announced.id.as_ref(), Some(&sent));
    // A message between users is pushed all the same.
    alice.send("bob", "you");
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("you"));
    let fetched = bob.ask(GetMessageRequest { message: sent });
    let Primitive::GetMessageResponse(fetched) = fetched else {
        panic!("{fetched:?}");
    };
    assert_eq!(fetched.content.unwrap().as_text(), Some("hello"));
    // It is forgotten when the group is left.
    leaves(&mut bob);
    joins(&mut bob, "");
    alice.say(CLUB, "again");
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("again"));
    // What its client cannot show does not reach it.
    bob.capable(CapabilityList {
        content_types: vec![AcceptedContentType::new("text/plain")],
        multi_trans: Some(4),
        ..CapabilityList::default()
    });
    let mut picture = alice.saying(CLUB, "PNG");
    picture.info.content_type = Some("image/png".to_owned());
    assert_eq!(alice.code(picture), 200);
    assert!(bob.hear_all().is_empty());
}

/// Somebody who never comes for what is said does not hold the others up.
#[test]
fn whoever_never_polls_is_dropped() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(group(&[]));
    for handset in [&mut alice, &mut bob, &mut carol] {
        joins(handset, "");
    }
    let text = "x".repeat(90_000);
    for n in 0..14 {
        assert_eq!(alice.say(CLUB, &text).outcome.code.number(), 200, "{n}");
        carol.hear_message();
    }
    carol.hear(|one| match one {
        Primitive::GroupChangeNotice(notice) if news(notice).1 == ["bob"] => Some(()),
        _ => None,
    });
    let told = put_out(&mut bob);
    assert_eq!(told.outcome.code, Code::QUEUE_FULL);
    // Had it known sooner it could have stayed; it may come back.
    joins(&mut bob, "");
    alice.say(CLUB, "hello");
    bob.hear(|one| match one {
        Primitive::NewMessage(heard) if heard.info.content_size == 5 => Some(()),
        _ => None,
    });
}

/// Two clients of one user are two places of one person.
#[test]
fn a_user_joins_with_several_clients() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut phone = Handset::on(&lab, "bob");
    let mut tablet = Handset::off(&lab, "bob", Version::V1_3, Encoding::Xml).called("tablet");
    tablet.log_in();
    alice.done(group(&[]));
    joins(&mut alice, "");
    joins(&mut phone, "");
    alice.hear_notice();
    joins(&mut tablet, "");
    alice.say(CLUB, "hello");
    for handset in [&mut phone, &mut tablet] {
        assert_eq!(
            handset.hear_message().content.unwrap().as_text(),
            Some("hello")
        );
    }
    phone.say(CLUB, "from the phone");
    tablet.hear_message();
    assert_eq!(leaves(&mut phone), 200);
    assert_eq!(notices(&alice.hear_all()), 0, "the person is still there");
    assert_eq!(leaves(&mut tablet), 200);
    assert_eq!(news(&alice.hear_notice()), (vec![], vec!["bob"]));
}

// ---- Known about ----

#[test]
fn who_comes_and_goes_is_told_to_those_who_want_to_know() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::without(&lab, "carol", &[Function::Grchn]);
    let mut dave = Handset::on(&lab, "dave");
    alice.done(group(&[]));
    joins(&mut alice, "");
    bob.done(JoinGroupRequest {
        subscribe: false,
        ..join("")
    });
    assert_eq!(news(&alice.hear_notice()), (vec!["bob"], vec![]));
    // One that has not agreed is not told, whatever it asks for.
    joins(&mut carol, "");
    assert_eq!(news(&alice.hear_notice()), (vec!["carol"], vec![]));
    let subscribe = |subscribe_type| SubscribeGroupNoticeRequest {
        group: CLUB.to_owned(),
        subscribe_type,
    };
    assert_eq!(carol.code(subscribe(SubscribeType::Set)), 506);
    let gets = |handset: &mut Handset| match handset.ask(subscribe(SubscribeType::Get)) {
        Primitive::SubscribeGroupNoticeResponse(response) => response.value,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [gets(&mut alice), gets(&mut bob), gets(&mut carol)],
        [true, false, false]
    );
    joins(&mut dave, "");
    assert_eq!(news(&alice.hear_notice()), (vec!["dave"], vec![]));
    for handset in [&mut bob, &mut carol, &mut dave] {
        assert_eq!(notices(&handset.hear_all()), 0, "{}", handset.user);
    }
    // It can be changed.
    bob.done(subscribe(SubscribeType::Set));
    alice.done(subscribe(SubscribeType::Unset));
    assert_eq!([gets(&mut alice), gets(&mut bob)], [false, true]);
    dave.done(LogoutRequest {});
    assert_eq!(news(&bob.hear_notice()), (vec![], vec!["dave"]));
    assert_eq!(notices(&alice.hear_all()), 0);
    // Properties as well.
    assert_eq!(sets(&mut alice, &[("Topic", "Openings")]), 200);
    let notice = bob.hear_notice();
    assert_eq!(
        notice.properties.unwrap().properties,
        properties(&[("Topic", "Openings")])
    );
    assert_eq!(notices(&carol.hear_all()), 0);
    let other = subscribe(SubscribeType::Other("X".to_owned()));
    assert_eq!(bob.code(other), 402);
    leaves(&mut bob);
    assert_eq!(bob.code(subscribe(SubscribeType::Get)), 808);
}

#[test]
fn properties_are_read_and_changed_by_those_who_may() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    let note = WelcomeNote::text("Be kind <3");
    let mut request = group(&[("Name", "Club"), ("Topic", "Chess")]);
    request.properties.welcome_note = Some(note.clone());
    alice.done(request);
    // A private group is no stranger's business.
    let get = || GetGroupPropsRequest {
        group: CLUB.to_owned(),
    };
    assert_eq!(bob.code(get()), 805);
    assert_eq!(sets(&mut bob, &[("Topic", "Go")]), 816);
    let joined = joins(&mut bob, "");
    assert_eq!(joined.welcome_note, Some(note.clone()));
    let told = told_of(&mut bob);
    assert_eq!(told.properties.welcome_note, Some(note));
    for (name, want) in [("Topic", "Chess"), ("ActiveUsers", "1"), ("IsMember", "F")] {
        assert_eq!(value(&told, name).as_deref(), Some(want), "{name}");
    }
    assert_eq!(sets(&mut bob, &[("Topic", "Go")]), 816);
    assert_eq!(
        sets(&mut alice, &[("Topic", "Go"), ("Type", "Public")]),
        200
    );
    // A refusal changes nothing at all.
    assert_eq!(
        sets(&mut alice, &[("Topic", "Whist"), ("Colour", "Blue")]),
        806
    );
    assert_eq!(sets(&mut alice, &[("Topic", &"x".repeat(100_000))]), 806);
    let told = told_of(&mut carol);
    assert_eq!(value(&told, "Topic").as_deref(), Some("Go"));
    assert_eq!(value(&told, "PrivilegeLevel").as_deref(), Some("User"));
    let nothing = SetGroupPropsRequest {
        group: CLUB.to_owned(),
        properties: None,
        own_properties: Vec::new(),
    };
    assert_eq!(alice.code(nothing), 806);
}

fn add(names: &[&str]) -> AddGroupMembersRequest {
    AddGroupMembersRequest {
        group: CLUB.to_owned(),
        users: users(names),
    }
}

fn remove(names: &[&str]) -> RemoveGroupMembersRequest {
    RemoveGroupMembersRequest {
        group: CLUB.to_owned(),
        users: users(names),
    }
}

fn rank(admins: &[&str], mods: &[&str], others: &[&str]) -> MemberAccessRequest {
    MemberAccessRequest {
        group: CLUB.to_owned(),
        admins: list(admins),
        mods: list(mods),
        users: list(others),
    }
}

#[test]
fn members_are_added_ranked_and_removed() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    alice.done(group(&[("Accesstype", "Restricted")]));
    assert_eq!(bob.code(add(&["bob"])), 816);
    assert_eq!(
        bob.code(GetGroupMembersRequest {
            group: CLUB.to_owned()
        }),
        810
    );
    assert_eq!(alice.code(add(&["nobody"])), 531);
    let answer = alice.done(add(&["bob", "nobody", "carol", "dave"]));
    let told = outcome(&answer);
    assert_eq!(
        (told.code.number(), told.details[0].code.number()),
        (201, 531)
    );
    // Ranks: who has none cannot give any.
    assert_eq!(bob.code(rank(&["bob"], &[], &[])), 816);
    assert_eq!(alice.code(rank(&["erin"], &[], &[])), 810);
    alice.done(rank(&["carol"], &["bob"], &[]));
    let Primitive::GetGroupMembersResponse(members) = bob.ask(GetGroupMembersRequest {
        group: CLUB.to_owned(),
    }) else {
        panic!("no members");
    };
    let want = GetGroupMembersResponse {
        admins: list(&["alice", "carol"]),
        mods: list(&["bob"]),
        users: list(&["dave"]),
    };
    assert_eq!(members, want);
}

/// Nobody is put out by somebody below them, nor the owner at all.
#[test]
fn whoever_runs_a_group_puts_out_those_below() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(group(&[("Accesstype", "Restricted")]));
    alice.done(add(&["bob", "carol", "dave"]));
    alice.done(rank(&["carol"], &["bob"], &[]));
    assert_eq!(bob.code(remove(&["alice"])), 816);
    assert_eq!(bob.code(remove(&["carol"])), 816);
    assert_eq!(carol.code(rank(&[], &[], &["alice"])), 816);
    assert_eq!(carol.code(remove(&["alice"])), 816);
    assert_eq!(bob.code(remove(&["erin"])), 810);
    joins(&mut alice, "");
    joins(&mut bob, "");
    joins(&mut carol, "");
    // Those who run it see everybody by rank.
    let Primitive::GetJoinedUsersResponse(GetJoinedUsersResponse { by_rank, .. }) =
        bob.ask(GetJoinedUsersRequest {
            group: CLUB.to_owned(),
        })
    else {
        panic!("nobody");
    };
    let by_rank = by_rank.unwrap();
    let count = (
        by_rank.admins.len(),
        by_rank.mods.len(),
        by_rank.users.len(),
    );
    assert_eq!(count, (2, 1, 0));
    carol.done(remove(&["bob"]));
    let told = put_out(&mut bob);
    assert_eq!(
        (told.group.as_deref(), told.outcome.code),
        (Some(CLUB), Code::REJECTED)
    );
    assert_eq!(bob.code(join("")), 810);
    assert_eq!(
        bob.code(GetJoinedUsersRequest {
            group: CLUB.to_owned()
        }),
        808
    );
}
