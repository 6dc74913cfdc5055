//! Who is blocked, and who alone may write.

use crate::lab::handset::{outcome, properties, wv};
use crate::lab::{Handset, Lab};
use imps::csp::{
    BlockEntityRequest, BlockList, Contact, Contacts, CreateGroupRequest, CreateListRequest,
    DeleteListRequest, EntityList, ExtendConversationRequest, ExtendConversationUser,
    GetBlockedListRequest, GetBlockedListResponse, GroupProperties, InviteRequest, InviteType,
    JoinGroupRequest, Outcome, Recipient, ScreenName, User,
};
use imps::{Encoding, Primitive, Version};

const CLUB: &str = "wv:carol/club@localhost";

/// Users, groups and contact lists, told apart by how they are written.
fn entities(all: &[&str]) -> EntityList {
    let mut list = EntityList::default();
    for one in all {
        match one {
            one if one.contains('~') => list.contact_lists.push((*one).to_owned()),
            one if one.contains('/') => list.groups.push((*one).to_owned()),
            one => list.users.push(wv(one)),
        }
    }
    list
}

fn listed(in_use: Option<bool>, add: &[&str], remove: &[&str]) -> BlockList {
    let some = |all: &[&str]| (!all.is_empty()).then(|| entities(all));
    BlockList {
        in_use,
        entities: None,
        add: some(add),
        remove: some(remove),
    }
}

/// A request in the words of every version.
fn request(block: Option<BlockList>, grant: Option<BlockList>) -> BlockEntityRequest {
    let in_use = |list: &Option<BlockList>| list.as_ref().and_then(|list| list.in_use);
    BlockEntityRequest {
        block_in_use: in_use(&block),
        grant_in_use: in_use(&grant),
        block,
        grant,
    }
}

pub(crate) fn block(handset: &mut Handset, add: &[&str]) -> Outcome {
    outcome(&handset.ask(request(Some(listed(Some(true), add, &[])), None)))
}

fn unblock(handset: &mut Handset, remove: &[&str]) {
    handset.done(request(Some(listed(None, &[], remove)), None));
}

fn told(handset: &mut Handset) -> GetBlockedListResponse {
    match handset.ask(GetBlockedListRequest {}) {
        Primitive::GetBlockedListResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn blocked(handset: &mut Handset) -> EntityList {
    told(handset).block.unwrap().entities.unwrap()
}

fn sent(from: &mut Handset, to: &str) -> u16 {
    from.send(to, "hello").outcome.code.number()
}

#[test]
fn the_blocked_are_not_heard_and_the_granted_alone_are() {
    let spoken = [
        (Version::V1_1, Encoding::Xml),
        (Version::V1_2, Encoding::Wbxml),
        (Version::V1_3, Encoding::Wbxml),
    ];
    for (version, encoding) in spoken {
        let lab = Lab::start();
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
        let nothing = told(&mut alice);
        assert_eq!(
            (nothing.block_in_use, nothing.grant_in_use),
            (Some(false), Some(false))
        );
        // (what alice says, does bob reach her, does carol)
        let on = |add: &[&str], remove: &[&str]| Some(listed(Some(true), add, remove));
        let off = || Some(listed(Some(false), &[], &[]));
        #[rustfmt::skip]
        let rows = [
            (request(on(&["bob"], &[]), None),                  532, 200),
            (request(off(), None),                              200, 200),
            (request(on(&[], &[]), None),                       532, 200),
            (request(on(&["carol"], &["BOB"]), None),           200, 532),
            (request(None, on(&["bob"], &[])),                  200, 532),
            (request(off(), None),                              200, 532),
            (request(None, on(&["carol"], &[])),                200, 200),
            // Whoever is on both lists is blocked.
            (request(on(&[], &[]), None),                       200, 532),
            (request(off(), on(&[], &["bob", "carol"])),        532, 532),
            (request(None, off()),                              200, 200),
        ];
        for (at, (request, from_bob, from_carol)) in rows.into_iter().enumerate() {
            alice.done(request);
            let got = (sent(&mut bob, "alice"), sent(&mut carol, "alice"));
            assert_eq!(got, (from_bob, from_carol), "{version}, row {at}");
            assert_eq!(sent(&mut alice, "alice"), 200, "{version}, row {at}");
        }
        let lists = told(&mut alice);
        assert_eq!(
            (lists.block_in_use, lists.grant_in_use),
            (Some(false), Some(false))
        );
        let entities = lists.block.unwrap().entities.unwrap();
        assert_eq!(entities.users, ["wv:carol@localhost"], "{version}");
    }
}

#[test]
fn a_list_that_is_made_counts_if_it_blocks() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    alice.done(request(None, Some(listed(None, &["carol"], &[]))));
    assert_eq!(sent(&mut bob, "alice"), 200);
    alice.done(request(Some(listed(None, &["bob"], &[])), None));
    assert_eq!(sent(&mut bob, "alice"), 532);
    let lists = told(&mut alice);
    assert_eq!(
        (lists.block_in_use, lists.grant_in_use),
        (Some(true), Some(false))
    );
}

#[test]
fn a_whole_list_takes_the_place_of_what_was_there() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    block(&mut alice, &["bob", "carol"]);
    let whole = BlockList {
        entities: Some(entities(&["dave"])),
        ..BlockList::default()
    };
    alice.done(request(Some(whole), None));
    assert_eq!(blocked(&mut alice).users, ["wv:dave@localhost"]);
}

#[test]
fn what_cannot_be_blocked_is_named() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let all = [
        "bob",
        "nobody",
        "wv:eve@far.example",
        "/none",
        "wv:/x@far.example",
        "wv:/~none",
    ];
    let mut add = entities(&all);
    add.screen_names.push(ScreenName {
        name: "Bobby".to_owned(),
        group: "wv:/lobby@localhost".to_owned(),
    });
    add.applications.push("chess".to_owned());
    let list = BlockList {
        add: Some(add),
        ..BlockList::default()
    };
    let got = outcome(&alice.ask(request(Some(list), None)));
    let codes: Vec<_> = got.details.iter().map(|one| one.code.number()).collect();
    assert_eq!(
        (got.code.number(), &codes[..]),
        (201, &[531, 800, 516, 700, 405, 405][..])
    );
    assert_eq!(got.details[0].users, ["wv:nobody@localhost"]);
    assert_eq!(got.details[1].groups, ["/none"]);
    assert_eq!(got.details[3].contact_lists, ["wv:/~none"]);
    assert_eq!(got.details[4].screen_names.len(), 1);
    let users = blocked(&mut alice).users;
    assert_eq!(users, ["wv:bob@localhost", "wv:eve@far.example"]);
}

#[test]
fn so_many_are_blocked_and_no_more() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let names: Vec<_> = (0..501).map(|n| format!("wv:u{n}@far.example")).collect();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(block(&mut alice, &all).code.number(), 754);
    assert_eq!(block(&mut alice, &all[..500]).code.number(), 200);
    assert_eq!(block(&mut alice, &all[500..]).code.number(), 754);
    let gone = request(Some(listed(None, &[], &all)), None);
    assert_eq!(alice.code(gone), 754);
    unblock(&mut alice, &all[..1]);
    assert_eq!(block(&mut alice, &all[500..]).code.number(), 200);
    assert_eq!(blocked(&mut alice).users.len(), 500);
}

fn create_list(name: &str, with: &str) -> CreateListRequest {
    let contact = Contact {
        user: wv(with),
        nickname: None,
    };
    CreateListRequest {
        list: name.to_owned(),
        contacts: Some(Contacts(vec![contact])),
        properties: Vec::new(),
    }
}

#[test]
fn a_contact_list_stands_for_those_on_it() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
    let bores = "wv:alice/~bores@localhost";
    alice.done(create_list(bores, "bob"));
    assert_eq!(block(&mut alice, &["wv:Alice/~Bores"]).code.number(), 200);
    assert_eq!(blocked(&mut alice).contact_lists, [bores]);
    assert_eq!(
        (sent(&mut bob, "alice"), sent(&mut carol, "alice")),
        (532, 200)
    );
    // With the list goes the block.
    let list = bores.to_owned();
    alice.done(DeleteListRequest { list });
    assert_eq!(sent(&mut bob, "alice"), 200);
    assert!(blocked(&mut alice).contact_lists.is_empty());
    alice.done(create_list(bores, "bob"));
    assert_eq!(sent(&mut bob, "alice"), 200);
}

// ---- Groups ----

fn club(lab: &Lab) -> Handset {
    let mut carol = Handset::on(lab, "carol");
    carol.done(CreateGroupRequest {
        group: CLUB.to_owned(),
        properties: GroupProperties {
            properties: properties(&[("Name", "Club"), ("Type", "Public")]),
            welcome_note: None,
        },
        join: true,
        ..CreateGroupRequest::default()
    });
    carol
}

fn join(handset: &mut Handset) {
    let group = CLUB.to_owned();
    handset.done(JoinGroupRequest {
        group,
        ..JoinGroupRequest::default()
    });
}

/// What a user is told until a message of this text.
fn until(handset: &mut Handset, text: &str) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let message = handset.hear_message();
        let said = message.content.unwrap().as_text().unwrap().to_owned();
        if said == text {
            return heard;
        }
        heard.push(said);
    }
}

#[test]
fn a_group_that_is_blocked_is_not_heard() {
    let lab = Lab::start();
    let mut carol = club(&lab);
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    join(&mut alice);
    join(&mut bob);
    let mut say = |text: &str| {
        assert_eq!(carol.say(CLUB, text).outcome.code.number(), 200);
    };
    say("one");
    assert_eq!(block(&mut alice, &[CLUB]).code.number(), 200);
    assert_eq!(blocked(&mut alice).groups, [CLUB]);
    assert!(blocked(&mut alice).users.is_empty());
    say("two");
    alice.done(request(Some(listed(Some(false), &[], &[])), None));
    say("three");
    alice.done(request(Some(listed(Some(true), &[], &[])), None));
    // Whoever comes in again hears no more than before.
    alice.done(imps::csp::LeaveGroupRequest {
        group: CLUB.to_owned(),
    });
    join(&mut alice);
    say("four");
    unblock(&mut alice, &[CLUB]);
    say("five");
    assert_eq!(until(&mut alice, "five"), ["one", "three"]);
    assert_eq!(until(&mut bob, "five"), ["one", "two", "three", "four"]);
}

fn invite(handset: &mut Handset, to: &str, group: Option<&str>) -> u16 {
    handset.code(InviteRequest {
        id: "i".to_owned(),
        invite_type: match group {
            Some(_) => InviteType::Group,
            None => InviteType::Im,
        },
        group: group.map(str::to_owned),
        recipient: Recipient {
            users: vec![User::new(wv(to))],
            ..Recipient::default()
        },
        ..InviteRequest::default()
    })
}

#[test]
fn nobody_is_invited_by_the_blocked_or_into_what_is_blocked() {
    let lab = Lab::start();
    let mut carol = club(&lab);
    let mut alice = Handset::on(&lab, "alice");
    assert_eq!(invite(&mut carol, "alice", Some(CLUB)), 200);
    block(&mut alice, &[CLUB]);
    assert_eq!(invite(&mut carol, "alice", Some(CLUB)), 532);
    assert_eq!(invite(&mut carol, "alice", None), 200);
    block(&mut alice, &["carol"]);
    unblock(&mut alice, &[CLUB]);
    assert_eq!(invite(&mut carol, "alice", Some(CLUB)), 532);
    assert_eq!(invite(&mut carol, "alice", None), 532);
    // Only the two that were let through.
    let invited = alice.hear_all();
    let is_one = |one: &&Primitive| matches!(one, Primitive::InviteUserRequest(_));
    assert_eq!(invited.iter().filter(is_one).count(), 2);
}

fn extend(handset: &mut Handset, peer: &str, guests: &[&str]) -> Outcome {
    outcome(&handset.ask(ExtendConversationRequest {
        id: Some("x".to_owned()),
        users: guests.iter().map(|guest| wv(guest)).collect(),
        peer: ExtendConversationUser {
            user: wv(peer),
            client: None,
        },
        ..ExtendConversationRequest::default()
    }))
}

#[test]
fn a_conversation_does_not_grow_by_the_unwilling() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
    let mut dave = Handset::on(&lab, "dave");
    block(&mut carol, &["alice"]);
    assert_eq!(extend(&mut alice, "carol", &["bob"]).code.number(), 532);
    let refused = extend(&mut alice, "bob", &["carol", "CAROL"]);
    assert_eq!(refused.code.number(), 532);
    assert_eq!(refused.details[0].users, ["wv:carol@localhost"]);
    assert!(bob.hear_all().is_empty(), "nobody is asked in vain");
    // Of several guests the others come.
    assert_eq!(
        extend(&mut alice, "bob", &["carol", "dave"]).code.number(),
        200
    );
    let group = bob.hear_invitation().group.unwrap();
    bob.done(JoinGroupRequest {
        group,
        ..JoinGroupRequest::default()
    });
    let told = alice.hear_extended().outcome;
    assert_eq!((told.code.number(), told.details.len()), (201, 1));
    assert_eq!(told.details[0].code.number(), 532);
    assert_eq!(told.details[0].users, ["wv:carol@localhost"]);
    dave.hear_invitation();
    assert!(carol.hear_all().is_empty());
}

#[test]
fn blocks_outlive_a_restart() {
    let store = crate::lab::store();
    let again = store.reopen().unwrap();
    {
        let lab = Lab::on(store, |_, _| {});
        block(&mut Handset::on(&lab, "alice"), &["bob"]);
    }
    let lab = Lab::on(again, |_, _| {});
    assert_eq!(sent(&mut Handset::on(&lab, "bob"), "alice"), 532);
    assert_eq!(sent(&mut Handset::on(&lab, "carol"), "alice"), 200);
}
