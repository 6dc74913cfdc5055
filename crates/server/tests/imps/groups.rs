//! Groups of IMPS: made, joined, and removed.

use imps::csp::{
    AddGroupMembersRequest, CreateGroupRequest, DeleteGroupRequest, EntityList,
    GetGroupPropsRequest, LogoutRequest, RejectListRequest, RejectListResponse,
};
use imps::status::Code;
use imps::{Encoding, Message, Primitive, Version};

use crate::lab::club::{
    CLUB, entities, group, join, joins, leaves, list, names, news, put_out, sets, told_of, users,
    value,
};
use crate::lab::handset::read_answer;
use crate::lab::{Handset, Lab, store};

// ---- Made ----

/// The address of a group, the properties asked for, and the status that answers.
type Made = (&'static str, &'static [(&'static str, &'static str)], u16);

#[test]
fn a_group_is_made_by_its_owner_with_good_properties() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    #[rustfmt::skip]
    let rows: &[Made] = &[
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
        assert_eq!(handset.say(CLUB, "hello").outcome.code.number(), 800);
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
    // The store knows who is in it now, and who was then.
    let reader = third.reader().unwrap();
    let members = reader
        .members("sip:alice/club@localhost", &store::Cursor::START, 10)
        .unwrap();
    let members: Vec<_> = members
        .rows
        .iter()
        .map(|one| (one.address.as_str(), one.state))
        .collect();
    let (left, joined) = (store::MemberState::Left, store::MemberState::Joined);
    let want = [("sip:alice@localhost", left), ("sip:bob@localhost", joined)];
    assert_eq!(members, want);
}
