//! Groups of IMPS: made, joined, spoken in, changed, and removed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

mod lab;

use imps::csp::{
    AcceptedContentType, AddGroupMembersRequest, CapabilityList, CreateGroupRequest,
    DeleteGroupRequest, DeliveryMethod, EntityList, GetGroupMembersRequest,
    GetGroupMembersResponse, GetGroupPropsRequest, GetGroupPropsResponse, GetJoinedUsersRequest,
    GetJoinedUsersResponse, GetMessageRequest, Group, GroupChangeNotice, GroupProperties,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, LogoutRequest,
    MemberAccessRequest, RejectListRequest, RejectListResponse, RemoveGroupMembersRequest,
    ScreenName, Sender, SetDeliveryMethodRequest, SetGroupPropsRequest,
    SubscribeGroupNoticeRequest, SubscribeType, User, UserList, WelcomeNote,
};
use imps::service::Function;
use imps::status::Code;
use imps::{Encoding, Message, Primitive, Version};

use lab::handset::{outcome, properties, read_answer, wv};
use lab::{Handset, Lab, store};

const CLUB: &str = "wv:alice/club@localhost";

/// A group that is made and not joined.
fn group(wanted: &[(&str, &str)]) -> CreateGroupRequest {
    CreateGroupRequest {
        group: CLUB.to_owned(),
        properties: GroupProperties {
            properties: properties(wanted),
            welcome_note: None,
        },
        ..CreateGroupRequest::default()
    }
}

fn join(name: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group: CLUB.to_owned(),
        screen_name: (!name.is_empty()).then(|| ScreenName {
            name: name.to_owned(),
            group: CLUB.to_owned(),
        }),
        joined_request: true,
        subscribe: true,
        own_properties: Vec::new(),
    }
}

fn joins(handset: &mut Handset, name: &str) -> JoinGroupResponse {
    match handset.done(join(name)) {
        Primitive::JoinGroupResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn leaves(handset: &mut Handset) -> u16 {
    let group = CLUB.to_owned();
    handset.code(LeaveGroupRequest { group })
}

fn put_out(handset: &mut Handset) -> LeaveGroupResponse {
    handset.hear(|one| match one {
        Primitive::LeaveGroupResponse(told) => Some(told.clone()),
        _ => None,
    })
}

fn names(people: &imps::csp::Participants) -> Vec<&str> {
    people.people.iter().map(|one| &*one.screen_name).collect()
}

/// What a notice says: who has come, who has gone.
fn news(notice: &GroupChangeNotice) -> (Vec<&str>, Vec<&str>) {
    let of = |people: &Option<imps::csp::Participants>| {
        people.as_ref().map_or_else(Vec::new, |people| {
            people
                .people
                .iter()
                .map(|one| one.screen_name.clone())
                .collect()
        })
    };
    let leak = |names: Vec<String>| names.into_iter().map(|n| &*n.leak()).collect();
    (leak(of(&notice.joined)), leak(of(&notice.left)))
}

fn notices(told: &[Primitive]) -> usize {
    told.iter()
        .filter(|one| matches!(one, Primitive::GroupChangeNotice(_)))
        .count()
}

fn users(names: &[&str]) -> Vec<User> {
    names.iter().map(|name| User::new(wv(name))).collect()
}

fn list(names: &[&str]) -> Option<UserList> {
    Some(UserList {
        users: users(names),
        screen_names: Vec::new(),
    })
}

fn entities(names: &[&str]) -> Option<EntityList> {
    Some(EntityList {
        users: names.iter().map(|name| wv(name)).collect(),
        ..EntityList::default()
    })
}

fn sets(handset: &mut Handset, wanted: &[(&str, &str)]) -> u16 {
    handset.code(SetGroupPropsRequest {
        group: CLUB.to_owned(),
        properties: Some(GroupProperties {
            properties: properties(wanted),
            welcome_note: None,
        }),
        own_properties: Vec::new(),
    })
}

fn told_of(handset: &mut Handset) -> GetGroupPropsResponse {
    let group = CLUB.to_owned();
    match handset.ask(GetGroupPropsRequest { group }) {
        Primitive::GetGroupPropsResponse(told) => told,
        other => panic!("{other:?}"),
    }
}

fn value(told: &GetGroupPropsResponse, name: &str) -> Option<String> {
    let all = told
        .properties
        .properties
        .iter()
        .chain(&told.own_properties);
    let found = all.into_iter().find(|one| one.is(name))?;
    found.value.clone()
}

// ---- Made ----

#[test]
fn a_group_is_made_by_its_owner_with_good_properties() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    #[rustfmt::skip]
    let rows: &[(&str, &[(&str, &str)], u16)] = &[
        (CLUB,                              &[("Accesstype", "Closed")],   806),
        (CLUB,                              &[("MaxActiveUsers", "0")],    806),
        (CLUB,                              &[("MaxActiveUsers", "x")],    806),
        (CLUB,                              &[("AutoDelete", "perhaps")],  806),
        (CLUB,                              &[("Type", "Secret")],         806),
        (CLUB,                              &[("Colour", "Blue")],         806),
        (CLUB,                              &[("History", "T")],           821),
        (CLUB,                              &[("Searchable", "T")],        822),
        ("wv:bob/club@localhost",           &[],                           816),
        ("wv:/club@localhost",              &[],                           816),
        ("wv:alice@localhost",              &[],                           806),
        ("wv:alice/~club@localhost",        &[],                           800),
        ("wv:alice/cl%62@localhost",        &[],                           806),
        ("wv:alice/club@elsewhere.example", &[],                           516),
        ("wv:alice/club room@localhost",    &[],                           901),
        (CLUB,                              &[("Name", "Club"), ("Searchable", "T")], 200),
        ("WV:Alice/CLUB",                   &[],                           801),
    ];
    for (address, wanted, want) in rows {
        let request = CreateGroupRequest {
            group: (*address).to_owned(),
            ..group(wanted)
        };
        assert_eq!(alice.code(request), *want, "{address} {wanted:?}");
    }
    // With what was not said as it usually is.
    let told = told_of(&mut alice);
    for (name, want) in [
        ("Name", "Club"),
        ("accessType", "Open"),
        ("Type", "Private"),
        ("PrivateMessaging", "T"),
        ("Searchable", "T"),
        ("AutoDelete", "F"),
        ("ActiveUsers", "0"),
        ("IsMember", "T"),
        ("PrivilegeLevel", "Admin"),
    ] {
        assert_eq!(value(&told, name).as_deref(), Some(want), "{name}");
    }
}

#[test]
fn a_group_can_be_joined_in_the_same_step_or_is_not_made() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let named = |name: &str| CreateGroupRequest {
        join: true,
        subscribe: true,
        screen_name: join(name).screen_name,
        ..group(&[])
    };
    assert_eq!(alice.code(named(&"x".repeat(257))), 402);
    assert_eq!(
        alice.code(GetGroupPropsRequest {
            group: CLUB.to_owned()
        }),
        800
    );
    assert_eq!(alice.code(named("Boss")), 200);
    assert_eq!(alice.code(join("")), 807);
    let mut bob = Handset::on(&lab, "bob");
    let joined = joins(&mut bob, "");
    assert_eq!(names(&joined.participants.unwrap()), ["Boss", "bob"]);
    assert_eq!(news(&alice.hear_notice()), (vec!["bob"], vec![]));
}

#[test]
fn only_so_many_groups_can_be_made() {
    let lab = Lab::with(|_, policy| {
        policy.imps.max_groups_per_user = 2;
        policy.imps.max_groups = 3;
    });
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let of = |user: &str, n: u32| CreateGroupRequest {
        group: format!("wv:{user}/g{n}@localhost"),
        ..CreateGroupRequest::default()
    };
    let codes: Vec<_> = (0..3).map(|n| alice.code(of("alice", n))).collect();
    assert_eq!(codes, [200, 200, 814]);
    let codes: Vec<_> = (0..2).map(|n| bob.code(of("bob", n))).collect();
    assert_eq!(codes, [200, 815]);
    // One that is gone makes room.
    let group = "wv:alice/g0@localhost".to_owned();
    alice.done(DeleteGroupRequest { group });
    assert_eq!(bob.code(of("bob", 1)), 200);
}

// ---- Joined and left ----

#[test]
fn whoever_joins_is_known_by_a_name() {
    let lab = Lab::start();
    for (version, encoding) in [
        (Version::V1_1, Encoding::Xml),
        (Version::V1_2, Encoding::Wbxml),
        (Version::V1_3, Encoding::Wbxml),
    ] {
        let mut alice = Handset::on(&lab, "alice");
        alice.done(group(&[]));
        assert_eq!(leaves(&mut alice), 808);
        let first = joins(&mut alice, "Queen");
        assert_eq!(first.screen_name.unwrap().name, "Queen");
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        // Two names are the same in whatever letters.
        assert_eq!(bob.code(join(" queen ")), 811);
        let second = joins(&mut bob, "");
        assert_eq!(
            names(&second.participants.unwrap()),
            ["Queen", "bob"],
            "{version}"
        );
        // Who does not insist gets a name that is free.
        let mut carol = Handset::on(&lab, "carol");
        assert_eq!(
            joins(&mut carol, "Bob's").screen_name.unwrap().name,
            "Bob's"
        );
        leaves(&mut bob);
        leaves(&mut carol);
        joins(&mut carol, "bob");
        let third = joins(&mut bob, "");
        assert_eq!(names(&third.participants.unwrap()).len(), 3);
        assert_eq!(bob.code(join("")), 807);
        assert_eq!(leaves(&mut bob), 200);
        assert_eq!(leaves(&mut bob), 808);
        assert_eq!(bob.say(CLUB, "hello").outcome.code.number(), 808);
        alice.done(DeleteGroupRequest {
            group: CLUB.to_owned(),
        });
    }
}

#[test]
fn who_may_not_join_is_told_why() {
    let lab = Lab::with(|_, policy| policy.imps.max_group_size = 3);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    let mut dave = Handset::on(&lab, "dave");
    assert_eq!(bob.code(join("")), 800);
    alice.done(group(&[
        ("Accesstype", "Restricted"),
        ("MaxActiveUsers", "2"),
    ]));
    assert_eq!(bob.code(join("")), 810);
    let add = |names: &[&str]| AddGroupMembersRequest {
        group: CLUB.to_owned(),
        users: users(names),
    };
    alice.done(add(&["bob", "carol"]));
    joins(&mut bob, "");
    // A list of those who may not, whoever else may.
    let reject = |add: Option<EntityList>, remove: Option<EntityList>| RejectListRequest {
        group: CLUB.to_owned(),
        add,
        remove,
    };
    let Primitive::RejectListResponse(RejectListResponse { users: rejected }) =
        alice.done(reject(entities(&["carol"]), None))
    else {
        panic!("no list");
    };
    assert_eq!(rejected, list(&["carol"]));
    assert_eq!(carol.code(join("")), 809);
    alice.done(reject(None, entities(&["carol"])));
    joins(&mut carol, "");
    // The owner is no exception when it is full.
    assert_eq!(alice.code(join("")), 817);
    leaves(&mut carol);
    joins(&mut alice, "");
    // Only the invited.
    assert_eq!(
        sets(
            &mut alice,
            &[("RequireInvitation", "T"), ("Accesstype", "Open")]
        ),
        200
    );
    assert_eq!(sets(&mut alice, &[("MaxActiveUsers", "9")]), 200);
    assert_eq!(dave.code(join("")), 816);
    leaves(&mut alice);
    joins(&mut alice, "");
    // The server's own limit counts as well.
    assert_eq!(sets(&mut alice, &[("RequireInvitation", "F")]), 200);
    joins(&mut dave, "");
    assert_eq!(carol.code(join("")), 817);
    // Whoever is put on the list of those who may not is out.
    alice.done(reject(entities(&["bob"]), None));
    let told = put_out(&mut bob);
    assert_eq!(
        (told.group.as_deref(), told.outcome.code),
        (Some(CLUB), Code::REJECTED)
    );
    assert_eq!(bob.code(join("")), 809);
    assert_eq!(bob.say(CLUB, "hello").outcome.code.number(), 808);
}

/// Two who join an empty group at once get one room, whatever the order.
#[test]
fn two_who_join_at_once_meet() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    alice.done(group(&[]));
    for round in 0..20 {
        let mut handsets = ["bob", "carol"].map(|user| Handset::on(&lab, user));
        let asked = handsets
            .each_mut()
            .map(|handset| handset.ask_later(join("")));
        for stream in asked {
            let (http, _) = read_answer(stream);
            let answer = Message::decode(&http.body, Encoding::Wbxml).unwrap();
            let joined = &answer.transactions[0].primitive;
            assert!(
                matches!(joined, Primitive::JoinGroupResponse(_)),
                "{joined:?}"
            );
        }
        let [bob, carol] = &mut handsets;
        assert_eq!(bob.say(CLUB, "hello").outcome.code.number(), 200);
        let heard = carol.hear_message();
        assert_eq!(heard.content.unwrap().as_text(), Some("hello"), "{round}");
        leaves(bob);
        leaves(carol);
    }
}

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
        808
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

#[test]
fn members_are_added_ranked_and_removed() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(group(&[("Accesstype", "Restricted")]));
    let group = || CLUB.to_owned();
    let add = |names: &[&str]| AddGroupMembersRequest {
        group: group(),
        users: users(names),
    };
    let remove = |names: &[&str]| RemoveGroupMembersRequest {
        group: group(),
        users: users(names),
    };
    let rank = |admins: &[&str], mods: &[&str], others: &[&str]| MemberAccessRequest {
        group: group(),
        admins: list(admins),
        mods: list(mods),
        users: list(others),
    };
    assert_eq!(bob.code(add(&["bob"])), 816);
    assert_eq!(bob.code(GetGroupMembersRequest { group: group() }), 810);
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
    let Primitive::GetGroupMembersResponse(members) =
        bob.ask(GetGroupMembersRequest { group: group() })
    else {
        panic!("no members");
    };
    let want = GetGroupMembersResponse {
        admins: list(&["alice", "carol"]),
        mods: list(&["bob"]),
        users: list(&["dave"]),
    };
    assert_eq!(members, want);
    // Nobody is put out by somebody below them, nor the owner at all.
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
        bob.ask(GetJoinedUsersRequest { group: group() })
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
    assert_eq!(bob.code(GetJoinedUsersRequest { group: group() }), 808);
}

// ---- Removed ----

#[test]
fn a_group_is_removed_by_its_owner_with_everybody_in_it() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    alice.done(group(&[]));
    joins(&mut alice, "");
    joins(&mut bob, "");
    let delete = || DeleteGroupRequest {
        group: CLUB.to_owned(),
    };
    assert_eq!(bob.code(delete()), 816);
    alice.done(delete());
    for handset in [&mut alice, &mut bob] {
        let told = put_out(handset);
        assert_eq!(
            (told.group.as_deref(), told.outcome.code),
            (Some(CLUB), Code::UNKNOWN_GROUP)
        );
        assert_eq!(handset.say(CLUB, "hello").outcome.code.number(), 808);
        assert_eq!(handset.code(join("")), 800);
    }
    assert_eq!(alice.code(delete()), 800);
    // The name is free again.
    alice.done(group(&[]));
    joins(&mut bob, "");
}

#[test]
fn a_group_may_go_with_its_last_user() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    for stays in [true, false] {
        alice.done(group(&[("AutoDelete", if stays { "F" } else { "T" })]));
        joins(&mut alice, "");
        joins(&mut bob, "");
        leaves(&mut alice);
        // Nobody is put off while somebody is in it.
        assert_eq!(
            value(&told_of(&mut alice), "ActiveUsers").as_deref(),
            Some("1")
        );
        bob.done(LogoutRequest {});
        bob = Handset::on(&lab, "bob");
        // The room ends before anybody comes into another.
        let want = if stays { 200 } else { 800 };
        assert_eq!(bob.code(join("")), want, "{stays}");
        if stays {
            leaves(&mut bob);
            alice.done(DeleteGroupRequest {
                group: CLUB.to_owned(),
            });
        }
    }
}

/// A group is in the store: members come back, and find what was agreed.
#[test]
fn groups_outlive_the_server() {
    let kept = store();
    let again = kept.reopen().unwrap();
    let third = kept.reopen().unwrap();
    let lab = Lab::on(kept, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    alice.done(group(&[("Accesstype", "Restricted"), ("Topic", "Chess")]));
    alice.done(AddGroupMembersRequest {
        group: CLUB.to_owned(),
        users: users(&["bob"]),
    });
    let mut bob = Handset::on(&lab, "bob");
    joins(&mut alice, "");
    joins(&mut bob, "");
    drop((alice, bob, lab));
    let lab = Lab::on(again, |_, _| {});
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    assert_eq!(bob.say(CLUB, "hello").outcome.code.number(), 808);
    assert_eq!(carol.code(join("")), 810);
    joins(&mut bob, "");
    let told = told_of(&mut bob);
    assert_eq!(value(&told, "Topic").as_deref(), Some("Chess"));
    assert_eq!(value(&told, "ActiveUsers").as_deref(), Some("1"));
    // Who is in it now is in the store, and those who were in it then are not.
    let reader = third.reader().unwrap();
    let members = reader
        .members("sip:alice/club@localhost", &store::Cursor::START, 10)
        .unwrap();
    let members: Vec<_> = members
        .rows
        .iter()
        .map(|one| one.address.as_str())
        .collect();
    assert_eq!(members, ["sip:bob@localhost"]);
}
