//! Sessions of stored groups: those whose members are called (IM 7.1.1.4) and those that people
//! join (IM 7.1.1.10).

use server::admin::{NewGroup, make_group};
use sip::{Name, Response};
use store::{Document, Expect, Fence, Store, Write};
use xdm::shared_group::{AUID, Condition, Member, Permissions, Rule, SharedGroup};

use crate::lab::ask::identity;
use crate::lab::watch::{Watch, shown};
use crate::lab::{Ask, Chat, Guest, Lab, Phone, store};

const FRIENDS: &str = "sip:friends@localhost";
const LOBBY: &str = "sip:lobby@localhost";

/// A store with the groups of `tertulia serve --dev`.
fn with_groups() -> Store {
    let mut store = store();
    let groups = [
        NewGroup {
            name: "friends",
            display: Some("Friends"),
            members: &["alice", "bob", "carol"],
            public: false,
            invites: true,
            max: None,
            anonymity: false,
        },
        NewGroup {
            name: "lobby",
            display: Some("Lobby"),
            members: &[],
            public: true,
            invites: false,
            max: None,
            anonymity: false,
        },
    ];
    for group in groups {
        make_group(&mut store, "localhost", group, 0).unwrap();
    }
    store
}

/// What everybody on the list may do.
fn usual() -> Permissions {
    Permissions {
        allow_conference_state: true,
        allow_initiate_conference: true,
        join_handling: true,
        ..Permissions::default()
    }
}

/// A store with one group `friends` of alice, bob and carol, otherwise.
fn with_friends(change: impl FnOnce(&mut SharedGroup)) -> Store {
    let mut store = store();
    write(&mut store, change);
    store
}

/// Writes the document of `friends` as somebody else does while the server runs.
fn write(store: &mut Store, change: impl FnOnce(&mut SharedGroup)) {
    let mut rule = Rule::new("members");
    rule.conditions.push(Condition::IsListMember(true));
    rule.actions = usual();
    let member = |name: &str| Member::new(format!("sip:{name}@localhost"));
    let mut group = SharedGroup {
        members: ["alice", "bob", "carol"].map(member).to_vec(),
        invite_members: Some(false),
        rules: vec![rule],
        ..SharedGroup::new(FRIENDS)
    };
    change(&mut group);
    let body = group.write().into_bytes();
    let document = Document {
        collection: AUID.to_owned(),
        name: FRIENDS.to_owned(),
        owner: "sip:localhost".to_owned(),
        etag: format!("{:x}", body.len()),
        body,
        changed_at_ms: 0,
    };
    let expect = Expect::Any;
    let put = Write::PutDocument { document, expect };
    store.commit(&[put], Fence::Unfenced).unwrap();
}

/// An INVITE to a group.
fn join(group: &str, id: &str) -> Ask {
    Ask {
        uri: group.to_owned(),
        list: String::new(),
        body: Some(("application/sdp".to_owned(), Chat::sdp(id))),
        ..Ask::guests(&[])
    }
}

fn comes(phone: &mut Phone, group: &str) -> (Response, Chat) {
    let id = phone.user.clone();
    let ok = join(group, &id).ask(phone);
    assert_eq!(ok.status(), 200, "{id} {:?}", ok.raw(Name::Warning));
    phone.ack(&ok, "");
    let chat = Chat::connect(&ok.body(), &id);
    (ok, chat)
}

fn is_refused(phone: &mut Phone, ask: &Ask, status: u16, warning: &str) {
    let refused = ask.ask(phone);
    let told: Vec<_> = refused.raw_all(Name::Warning).collect();
    let told = told.join(", ");
    assert_eq!(refused.status(), status, "{told}");
    assert!(told.contains(warning), "{told}");
}

/// IM-7.2.2.2-S3: one INVITE to each member of the group.
#[test]
fn im_7_2_2_2_s3_every_member_is_called() {
    let lab = Lab::on(with_groups(), |_, _| {});
    let (mut alice, bob, mut carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let mut dave = lab.phone("dave");
    let call_id = join(FRIENDS, "alice").send(&mut alice);
    let to_carol = carol.invited();
    let mut bob = Guest::joins(bob, "");
    let inviter = bob.invitation.request.raw(Name::ReferredBy).unwrap();
    assert!(inviter.contains("sip:alice@localhost"), "{inviter}");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    assert_eq!(identity(&ok), FRIENDS);
    assert_eq!(identity(&to_carol.request), FRIENDS);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "alice");
    let said = chat.say_and_wait("sip:alice@localhost", FRIENDS, "hello friends");
    assert_eq!((said, bob.chat.hear().2.as_str()), (200, "hello friends"));
    carol.refuses(&to_carol, "486 Busy Here");
    // Whoever declined may come all the same.
    let (_, mut carols) = comes(&mut carol, FRIENDS);
    let said = bob
        .chat
        .say_and_wait("sip:bob@localhost", FRIENDS, "there you are");
    assert_eq!((said, carols.hear().2.as_str()), (200, "there you are"));
    dave.heard_only(|_| false);
}

/// The document says who may start a session, who may join it, and who may know who is in.
#[test]
fn who_may_is_in_the_document() {
    let may = |change: fn(&mut Permissions)| {
        move |group: &mut SharedGroup| change(&mut group.rules[0].actions)
    };
    let none = "127 Service not authorised";
    // Nobody may start it.
    let lab = Lab::on(
        with_friends(may(|may| may.allow_initiate_conference = false)),
        |_, _| {},
    );
    is_refused(&mut lab.phone("alice"), &join(FRIENDS, "a"), 403, none);
    // Nobody may join it but whoever starts it.
    let lab = Lab::on(
        with_friends(may(|may| may.join_handling = false)),
        |_, _| {},
    );
    let (mut alice, mut bob, mut dave) = (lab.phone("alice"), lab.phone("bob"), lab.phone("dave"));
    is_refused(&mut dave, &join(FRIENDS, "d"), 403, none);
    let _in = comes(&mut alice, FRIENDS);
    is_refused(&mut bob, &join(FRIENDS, "b"), 403, none);
    // Members alone may join, and may not know who else is in.
    let lab = Lab::on(
        with_friends(may(|may| may.allow_conference_state = false)),
        |_, _| {},
    );
    let (mut alice, mut dave) = (lab.phone("alice"), lab.phone("dave"));
    let _in = comes(&mut alice, FRIENDS);
    is_refused(&mut dave, &join(FRIENDS, "d"), 403, none);
    let headers = format!("Contact: {}\r\nEvent: conference\r\n", alice.contact());
    let refused = alice.request("SUBSCRIBE", FRIENDS, &headers, "");
    assert_eq!(refused.status(), 403);
}

/// IM-7.2.1.5-S3, IM-7.2.1.5-S3a: max-participant-count bounds who is in at a time.
#[test]
fn im_7_2_1_5_s3a_the_group_is_full() {
    let lab = Lab::on(
        with_friends(|group| group.max_participants = Some(2)),
        |_, _| {},
    );
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
    let (ok, _alices) = comes(&mut alice, FRIENDS);
    let _bobs = comes(&mut bob, FRIENDS);
    let full = "102 too many participants";
    is_refused(&mut carol, &join(FRIENDS, "c"), 486, full);
    // One device more of somebody who is in takes no place.
    comes(&mut lab.phone("bob"), FRIENDS);
    let bye = alice.inside("BYE", &ok, 100, "", "");
    alice.send(bye.as_bytes());
    assert_eq!(
        alice
            .final_response_to("BYE", ok.raw(Name::CallId).unwrap(), 100)
            .status(),
        200
    );
    comes(&mut carol, FRIENDS);
}

/// IM-7.2.1.5-S4, IM-7.2.1.5-S4a, IM-7.2.2.2-OK-S3b: allow-anonymity of the document decides, and
/// the configuration does not.
#[test]
fn im_7_2_2_2_ok_s3b_hiding_is_for_the_document_to_allow() {
    let hidden = || join(FRIENDS, "x").with("Privacy: id\r\n");
    let lab = Lab::on(with_friends(|_| {}), |_, policy| {
        policy.focus.allow_anonymity = true
    });
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    is_refused(&mut alice, &hidden(), 403, "119 Anonymity not allowed");
    let _in = comes(&mut alice, FRIENDS);
    is_refused(&mut bob, &hidden(), 403, "119 Anonymity not allowed");
    let allowed = with_friends(|group| group.rules[0].actions.allow_anonymity = true);
    let lab = Lab::on(allowed, |_, policy| policy.focus.allow_anonymity = false);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let _in = comes(&mut alice, FRIENDS);
    let ok = hidden().ask(&mut bob);
    assert_eq!(ok.status(), 200);
    bob.ack(&ok, "");
    let (_, told) = alice.watches(FRIENDS);
    assert!(!told.contains("bob"), "{told}");
}

/// IM-7.2.2.2-OK-S3b: also of a member who is called.
#[test]
fn im_7_2_2_2_ok_s3b_a_member_who_hides_without_leave_is_out() {
    for (allowed, is_out) in [(true, false), (false, true)] {
        let store = with_friends(|group| {
            group.invite_members = Some(true);
            group.rules[0].actions.allow_anonymity = allowed;
        });
        let lab = Lab::on(store, |_, policy| policy.focus.allow_anonymity = !allowed);
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        let carol = lab.phone("carol");
        let call_id = join(FRIENDS, "alice").send(&mut alice);
        let _carol = Guest::joins(carol, "");
        assert_eq!(alice.final_response(&call_id).status(), 200);
        let invitation = bob.invited();
        bob.accept(&invitation, "Privacy: id\r\n", &Chat::sdp("bob"));
        if is_out {
            let bye = bob.is_released();
            assert!(bye.raw(Name::Reason).unwrap().contains("119"), "{bye:?}");
        } else {
            bob.heard_only(|_| false);
        }
    }
}

/// Anybody may come into a public one.
#[test]
fn the_lobby_is_for_everybody() {
    let lab = Lab::on(with_groups(), |_, _| {});
    let (mut dave, mut erin) = (lab.phone("dave"), lab.phone("erin"));
    let (ok, mut daves) = comes(&mut dave, LOBBY);
    assert_eq!(identity(&ok), LOBBY);
    let (_, mut erins) = comes(&mut erin, LOBBY);
    assert_eq!(
        daves.say_and_wait("sip:dave@localhost", LOBBY, "anybody?"),
        200
    );
    assert_eq!(erins.hear().2, "anybody?");
    let (_, who) = Watch::begin(&mut dave, LOBBY);
    let shown: Vec<_> = shown(&who)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(shown, ["dave", "erin"]);
    // Nobody is in another group, and there is none of that name.
    let headers = format!("Contact: {}\r\nEvent: conference\r\n", dave.contact());
    assert_eq!(dave.request("OPTIONS", LOBBY, "", "").status(), 200);
    assert_eq!(
        dave.request("SUBSCRIBE", FRIENDS, &headers, "").status(),
        480
    );
    assert_eq!(
        join("sip:nothing@localhost", "d").ask(&mut dave).status(),
        404
    );
}

/// Two members who start it in the same moment are in one session.
#[test]
fn a_group_has_one_session() {
    let lab = Lab::on(with_groups(), |_, _| {});
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let calls = [
        join(FRIENDS, "alice").send(&mut alice),
        join(FRIENDS, "bob").send(&mut bob),
    ];
    let oks = [
        alice.final_response(&calls[0]),
        bob.final_response(&calls[1]),
    ];
    assert_eq!(oks.each_ref().map(Response::status), [200, 200]);
    alice.ack(&oks[0], "");
    bob.ack(&oks[1], "");
    let mut alices = Chat::connect(&oks[0].body(), "alice");
    let mut bobs = Chat::connect(&oks[1].body(), "bob");
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", FRIENDS, "you too"),
        200
    );
    assert_eq!(bobs.hear().2, "you too");
}

/// What is changed in the document counts for the session that is under way.
#[test]
fn a_document_that_changes_is_obeyed_at_once() {
    let mut store = with_friends(|group| group.max_participants = Some(3));
    let on = store.reopen().unwrap();
    let lab = Lab::on(on, |_, _| {});
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
    let _alices = comes(&mut alice, FRIENDS);
    let _bobs = comes(&mut bob, FRIENDS);
    write(&mut store, |group| {
        group.max_participants = Some(1);
        group
            .members
            .retain(|member| member.uri != "sip:bob@localhost");
    });
    let bye = bob.is_released();
    assert!(
        bye.raw(Name::Reason).unwrap().contains("Removed"),
        "{bye:?}"
    );
    is_refused(
        &mut bob,
        &join(FRIENDS, "b"),
        403,
        "127 Service not authorised",
    );
    // A lower maximum puts nobody out, and lets nobody in.
    is_refused(
        &mut carol,
        &join(FRIENDS, "c"),
        486,
        "102 too many participants",
    );
    alice.heard_only(|_| false);
    write(&mut store, |_| {});
    let deadline = std::time::Instant::now() + crate::lab::PATIENCE;
    while join(FRIENDS, "c").ask(&mut carol).status() != 200 {
        assert!(std::time::Instant::now() < deadline, "it is not noticed");
    }
}

/// The server ends without a word and is started again.
#[test]
fn a_session_of_a_group_outlives_the_server() {
    let store = with_groups();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let (mut alice, bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = join(FRIENDS, "alice").send(&mut alice);
    let bob = Guest::joins(bob, "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    drop((lab, alice, bob));
    let lab = Lab::on(again, |_, _| {});
    let (mut alice, mut bob, mut carol) =
        (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let (_, mut bobs) = comes(&mut bob, FRIENDS);
    let (_, mut alices) = comes(&mut alice, FRIENDS);
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", FRIENDS, "where were we"),
        200
    );
    assert_eq!(bobs.hear().2, "where were we");
    // Nobody is called a second time.
    carol.heard_only(|_| false);
}

/// Whoever calls more people at a time than one may is told so, and nobody is called.
#[test]
fn calling_the_members_draws_on_the_credit() {
    let lab = Lab::on(with_groups(), |_, policy| policy.focus.fan_out_credit = 1);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let why = "too many invitations under way";
    is_refused(&mut alice, &join(FRIENDS, "a"), 403, why);
    bob.heard_only(|_| false);
    lab.settled();
}
