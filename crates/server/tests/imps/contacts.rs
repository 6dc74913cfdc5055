//! Contact lists: made, changed, told and removed, in every version of CSP.

use crate::lab::handset::{outcome, properties};
use crate::lab::{Handset, Lab};
use imps::csp::{
    Contact, Contacts, CreateListRequest, DeleteListRequest, GetBlockedListRequest,
    GetBlockedListResponse, GetListRequest, GetListResponse, ListManageRequest, ListManageResponse,
    Recipient,
};
use imps::{Encoding, Primitive, Version};
use store::{Document, Expect, Fence, Partition, Store, Write};
use xdm::resource_lists::{AUID, Item, Limits, ResourceLists};

const SPOKEN: [(Version, Encoding); 3] = [
    (Version::V1_1, Encoding::Xml),
    (Version::V1_2, Encoding::Wbxml),
    (Version::V1_3, Encoding::Wbxml),
];

fn own(name: &str) -> String {
    format!("wv:alice/~{name}@localhost")
}

fn contacts(all: &[(&str, Option<&str>)]) -> Option<Contacts> {
    let contact = |(user, nickname): &(&str, Option<&str>)| Contact {
        user: crate::lab::handset::wv(user),
        nickname: nickname.map(str::to_owned),
    };
    Some(Contacts(all.iter().map(contact).collect()))
}

fn create(name: &str, all: &[(&str, Option<&str>)]) -> CreateListRequest {
    CreateListRequest {
        list: own(name),
        contacts: contacts(all),
        properties: Vec::new(),
    }
}

fn change(name: &str) -> ListManageRequest {
    ListManageRequest {
        list: own(name),
        ..ListManageRequest::default()
    }
}

fn lists(handset: &mut Handset) -> GetListResponse {
    match handset.ask(GetListRequest {}) {
        Primitive::GetListResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn managed(handset: &mut Handset, request: ListManageRequest) -> ListManageResponse {
    match handset.ask(request) {
        Primitive::ListManageResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Who is on a list, and what they are called there.
fn on(handset: &mut Handset, name: &str) -> Vec<(String, Option<String>)> {
    let told = managed(handset, change(name));
    let told = told.contacts.unwrap().0;
    told.into_iter()
        .map(|one| (one.user, one.nickname))
        .collect()
}

fn granted(handset: &mut Handset) -> GetBlockedListResponse {
    match handset.ask(GetBlockedListRequest {}) {
        Primitive::GetBlockedListResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn property(name: &str, value: &str) -> Vec<imps::csp::Property> {
    properties(&[(name, value)])
}

#[test]
fn lists_are_made_and_told() {
    for (version, encoding) in SPOKEN {
        let lab = Lab::start();
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        assert_eq!(lists(&mut alice), GetListResponse::default());
        // Somebody of another domain may be a contact; nobody at all may not.
        let with = [
            ("bob", Some("Bobby")),
            ("wv:eve@far.example", None),
            ("nobody", None),
        ];
        let made = outcome(&alice.ask(create("friends", &with)));
        assert_eq!(
            (made.code.number(), made.details.len()),
            (201, 1),
            "{version}"
        );
        assert_eq!(made.details[0].code.number(), 531);
        assert_eq!(made.details[0].users, ["wv:nobody@localhost"]);
        // An answer of its own, in the version that has one.
        match (version, alice.ask(create("Work", &[]))) {
            (Version::V1_3, Primitive::CreateListResponse(response)) => {
                assert_eq!(response.list, Some(own("work")));
                assert_eq!(response.properties, property("Default", "F"));
            }
            (_, Primitive::Status(status)) => assert_eq!(status.outcome.code.number(), 200),
            (_, other) => panic!("{version}: {other:?}"),
        }
        let told = lists(&mut alice);
        assert_eq!(
            told.default,
            Some(own("friends")),
            "the first is the default"
        );
        assert_eq!(told.lists, [own("work")]);
        let bob = ("wv:bob@localhost".to_owned(), Some("Bobby".to_owned()));
        let eve = ("wv:eve@far.example".to_owned(), None);
        assert_eq!(on(&mut alice, "friends"), [bob, eve], "{version}");
    }
}

#[test]
fn lists_change_and_one_is_the_default() {
    for (version, encoding) in SPOKEN {
        let lab = Lab::start();
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        alice.done(create(
            "friends",
            &[("bob", None), ("wv:eve@far.example", None)],
        ));
        alice.done(create("work", &[]));
        let eve = ("wv:eve@far.example".to_owned(), None);
        alice.done(ListManageRequest {
            add: contacts(&[("carol", None), ("bob", Some("B"))]),
            ..change("FRIENDS")
        });
        alice.done(ListManageRequest {
            remove: vec![
                "wv:CAROL@Localhost".to_owned(),
                "wv:nobody@localhost".to_owned(),
            ],
            ..change("friends")
        });
        let bob = ("wv:bob@localhost".to_owned(), Some("B".to_owned()));
        assert_eq!(on(&mut alice, "friends"), [bob, eve]);
        alice.done(ListManageRequest {
            properties: properties(&[("displayname", "At work"), ("Default", "T")]),
            ..change("work")
        });
        let told = managed(&mut alice, change("work"));
        let want = properties(&[("DisplayName", "At work"), ("Default", "T")]);
        assert_eq!(told.properties, want);
        let told = lists(&mut alice);
        assert_eq!(
            (told.default, told.lists),
            (Some(own("work")), vec![own("friends")])
        );
        // There is a default for as long as there is a list.
        alice.done(DeleteListRequest { list: own("work") });
        let told = lists(&mut alice);
        assert_eq!((told.default, told.lists.len()), (Some(own("friends")), 0));
        alice.done(DeleteListRequest {
            list: own("friends"),
        });
        assert_eq!(lists(&mut alice), GetListResponse::default());
    }
}

#[test]
fn a_list_is_told_if_it_is_wanted() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    alice.done(create("friends", &[]));
    let add = ListManageRequest {
        add: contacts(&[("bob", None), ("nobody", None)]),
        ..change("friends")
    };
    let told = managed(
        &mut alice,
        ListManageRequest {
            receive_list: Some(true),
            ..add.clone()
        },
    );
    assert_eq!(told.outcome.code.number(), 201);
    assert_eq!(told.outcome.details[0].users, ["wv:nobody@localhost"]);
    assert_eq!(told.contacts.unwrap().0.len(), 1);
    for receive_list in [None, Some(false)] {
        let told = managed(
            &mut alice,
            ListManageRequest {
                receive_list,
                ..add.clone()
            },
        );
        assert_eq!((told.contacts, told.properties), (None, vec![]));
    }
}

/// (what is asked for, the code)
type Row = (fn() -> Primitive, u16);

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    (|| create("friends", &[]).into(),                                       701),
    (|| create("FRIENDS", &[]).into(),                                       701),
    (|| CreateListRequest { list: "wv:bob/~x@localhost".into(), ..create("x", &[]) }.into(), 402),
    (|| CreateListRequest { list: "wv:alice/~x@far.example".into(), ..create("x", &[]) }.into(), 402),
    (|| CreateListRequest { list: "wv:alice@localhost".into(), ..create("x", &[]) }.into(), 402),
    (|| CreateListRequest { list: "wv:a b".into(), ..create("x", &[]) }.into(), 901),
    (|| create(&"x".repeat(129), &[]).into(),                                402),
    (|| CreateListRequest { properties: property("Colour", "red"), ..create("x", &[]) }.into(), 752),
    (|| CreateListRequest { properties: property("Default", "perhaps"), ..create("x", &[]) }.into(), 752),
    (|| CreateListRequest { properties: property("DisplayName", &"x".repeat(129)), ..create("x", &[]) }.into(), 752),
    (|| create("x", &[("bob", Some("a\tb"))]).into(),                        752),
    // Those who are blocked and those who are granted are on no contact list.
    (|| create("oma_blockedcontacts", &[]).into(),                           403),
    (|| create("T_GrantedContacts", &[]).into(),                             403),
    (|| DeleteListRequest { list: own("oma_blockedcontacts") }.into(),       700),
    (|| DeleteListRequest { list: own("t_grantedcontacts") }.into(),         700),
    (|| ListManageRequest { add: contacts(&[("bob", None)]), ..change("oma_blockedcontacts") }.into(), 700),
    (|| DeleteListRequest { list: own("gone") }.into(),                      700),
    (|| DeleteListRequest { list: "wv:bob/~friends@localhost".into() }.into(), 700),
    (|| change("gone").into(),                                               700),
    (|| ListManageRequest { properties: property("Colour", "red"), ..change("friends") }.into(), 752),
    (|| ListManageRequest { properties: property("Default", "F"), ..change("friends") }.into(), 752),
    (|| ListManageRequest { remove: vec!["wv:a b".into()], ..change("friends") }.into(), 901),
];

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    alice.done(create("friends", &[("bob", Some("Bobby"))]));
    let before = (lists(&mut alice), on(&mut alice, "friends"));
    for (at, (request, want)) in REFUSED.iter().enumerate() {
        let request = request();
        let got = outcome(&alice.ask(request.clone()));
        assert_eq!(got.code.number(), *want, "row {at}: {request:?}");
        assert!(
            got.description.is_some_and(|why| !why.is_empty()),
            "row {at}"
        );
        assert_eq!(
            (lists(&mut alice), on(&mut alice, "friends")),
            before,
            "row {at}"
        );
    }
}

#[test]
fn a_user_has_so_many_lists_of_so_many_contacts() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let names: Vec<_> = (0..201).map(|n| format!("wv:u{n}@far.example")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
    assert_eq!(alice.code(create("l0", &many)), 754);
    assert_eq!(lists(&mut alice), GetListResponse::default());
    alice.done(create("l0", &many[..200]));
    let one_more = ListManageRequest {
        add: contacts(&many[200..]),
        ..change("l0")
    };
    assert_eq!(alice.code(one_more.clone()), 754);
    let too_many = ListManageRequest {
        remove: names.clone(),
        ..change("l0")
    };
    assert_eq!(alice.code(too_many), 402);
    // Who is on it already counts once, and who goes makes place.
    alice.done(ListManageRequest {
        add: contacts(&many[..100]),
        ..change("l0")
    });
    alice.done(ListManageRequest {
        remove: vec![names[0].clone()],
        ..one_more
    });
    assert_eq!(on(&mut alice, "l0").len(), 200);
    for n in 1..20 {
        alice.done(create(&format!("l{n}"), &[]));
    }
    assert_eq!(alice.code(create("l20", &[])), 753);
    alice.done(DeleteListRequest { list: own("l7") });
    alice.done(create("l20", &[]));
}

#[test]
fn a_message_goes_to_all_on_a_list() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
    alice.done(create("friends", &[("bob", None), ("carol", None)]));
    let recipient = Recipient {
        contact_lists: vec!["wv:ALICE/~Friends".to_owned()],
        ..Recipient::default()
    };
    assert_eq!(
        alice
            .send_to(recipient, "hello", false)
            .outcome
            .code
            .number(),
        200
    );
    for handset in [&mut bob, &mut carol] {
        assert_eq!(
            handset.hear_message().content.unwrap().as_text(),
            Some("hello")
        );
    }
}

#[test]
fn whoever_is_put_on_a_list_may_be_granted_as_well() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(create("friends", &[]));
    let add = |authorize_and_grant| ListManageRequest {
        add: contacts(&[("bob", None), ("nobody", None)]),
        authorize_and_grant,
        ..change("friends")
    };
    for no in [None, Some(false)] {
        alice.done(add(no));
        let entities = granted(&mut alice).grant.unwrap().entities.unwrap();
        assert!(entities.users.is_empty(), "{entities:?}");
    }
    alice.done(add(Some(true)));
    let told = granted(&mut alice);
    let entities = told.grant.unwrap().entities.unwrap();
    assert_eq!(entities.users, ["wv:bob@localhost"]);
    // Nobody is shut out by that.
    assert_eq!(told.grant_in_use, Some(false));
    assert_eq!(carol.send("alice", "still here").outcome.code.number(), 200);
    assert_eq!(lists(&mut alice).default, Some(own("friends")));
    assert!(lists(&mut alice).lists.is_empty());
}

#[test]
fn lists_outlive_a_restart() {
    let store = crate::lab::store();
    let again = store.reopen().unwrap();
    {
        let lab = Lab::on(store, |_, _| {});
        let mut alice = Handset::on(&lab, "alice");
        alice.done(create("friends", &[("bob", Some("Bobby"))]));
        alice.done(create("work", &[]));
        alice.done(ListManageRequest {
            properties: property("Default", "T"),
            ..change("work")
        });
    }
    let lab = Lab::on(again, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let told = lists(&mut alice);
    assert_eq!(
        (told.default, told.lists),
        (Some(own("work")), vec![own("friends")])
    );
    let bob = ("wv:bob@localhost".to_owned(), Some("Bobby".to_owned()));
    assert_eq!(on(&mut alice, "friends"), [bob]);
}

/// A document that some other program has written.
const FOREIGN: &str = r#"<?xml version="1.0"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">
 <list><entry uri="sip:dave@localhost"/></list>
 <list name="two words"><entry uri="sip:dave@localhost"/></list>
 <list name="Friends"><display-name>Mine</display-name>
  <entry uri="sip:bob@localhost"><display-name>Bobby</display-name></entry>
  <entry uri="tel:+15550100"/><entry-ref ref="users/x/index"/>
  <list name="inner"><entry uri="sip:dave@localhost"/></list>
 </list>
 <list name="oma_blockedcontacts"><entry uri="sip:carol@localhost"/></list>
</resource-lists>"#;

const NAME: &str = "users/sip:alice@localhost/index";

fn with_document(body: &str) -> Store {
    let mut store = crate::lab::store();
    let epoch = store.take_partitions("test").unwrap();
    let document = Document {
        collection: AUID.to_owned(),
        name: NAME.to_owned(),
        owner: "sip:alice@localhost".to_owned(),
        etag: "1".to_owned(),
        body: body.as_bytes().to_vec(),
        changed_at_ms: 0,
    };
    let put = Write::PutDocument {
        document,
        expect: Expect::Absent,
    };
    let partition = Partition::of(NAME);
    store
        .commit(&[put], Fence::Owned { partition, epoch })
        .unwrap();
    store
}

fn stored(store: &Store) -> ResourceLists {
    let document = store
        .reader()
        .unwrap()
        .document(AUID, NAME)
        .unwrap()
        .unwrap();
    xdm::resource_lists::read(&document.body, Limits::STORED).unwrap()
}

#[test]
fn what_csp_has_no_words_for_stays_in_the_document() {
    let store = with_document(FOREIGN);
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let told = lists(&mut alice);
    assert_eq!((told.default, told.lists.len()), (Some(own("Friends")), 0));
    let bob = ("wv:bob@localhost".to_owned(), Some("Bobby".to_owned()));
    assert_eq!(on(&mut alice, "friends"), [bob]);
    alice.done(ListManageRequest {
        add: contacts(&[("erin", None)]),
        ..change("friends")
    });
    let lists = stored(&again);
    let names: Vec<_> = lists
        .lists
        .iter()
        .map(|list| list.name.as_deref())
        .collect();
    let want = [
        None,
        Some("two words"),
        Some("Friends"),
        Some("oma_blockedcontacts"),
    ];
    assert_eq!(names, want);
    let friends = lists.list("Friends").unwrap();
    assert_eq!(friends.items.len(), 5);
    assert!(matches!(&friends.items[3], Item::List(inner) if inner.items.len() == 1));
    let defaults: Vec<_> = lists.lists.iter().filter(|list| list.is_default).collect();
    assert_eq!(defaults, [friends]);
    // The names of others do not stand in the way of ours.
    alice.done(create("inner", &[]));
}

#[test]
fn a_document_that_cannot_be_read_is_no_reason_to_write_another() {
    let store = with_document("<resource-lists/>");
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    assert_eq!(alice.code(create("friends", &[])), 500);
    assert_eq!(alice.code(GetListRequest {}), 500);
    let document = again
        .reader()
        .unwrap()
        .document(AUID, NAME)
        .unwrap()
        .unwrap();
    assert_eq!(document.body, b"<resource-lists/>");
}
