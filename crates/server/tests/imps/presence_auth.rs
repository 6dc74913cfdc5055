//! Who may see the presence of a user: attribute lists, asking the user, and who is blocked.

use imps::csp::{
    CancelAuthRequest, CreateAttributeListRequest, DeleteAttributeListRequest,
    GetAttributeListRequest, GetAttributeListResponse, GetPresenceRequest,
    GetReactiveAuthStatusRequest, PresenceAuthRequest, PresenceAuthUser, PresenceSubList,
    SubscribePresenceRequest, UnsubscribePresenceRequest,
};
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::{outcome, wv};
use crate::lab::presence::{
    Seen, WAYS, addresses, allow, allow_all, everything, fresh_store, names, of, put_lists, seen,
    subscribe, text, update, users,
};
use crate::lab::{Handset, Lab};

const FRIENDS: &str = "wv:bob/~friends@localhost";

fn allow_friends(attributes: PresenceSubList) -> CreateAttributeListRequest {
    CreateAttributeListRequest {
        attributes: Some(Box::new(attributes)),
        contact_lists: vec![FRIENDS.to_owned()],
        ..CreateAttributeListRequest::default()
    }
}

fn delete(users: &[&str], lists: &[&str], default: bool) -> DeleteAttributeListRequest {
    DeleteAttributeListRequest {
        users: addresses(users),
        contact_lists: lists.iter().map(|list| (*list).to_owned()).collect(),
        default_list: default,
    }
}

#[test]
fn the_list_of_the_user_then_of_contact_lists_then_the_default() {
    for (version, encoding) in WAYS {
        let mut store = fresh_store();
        put_lists(&mut store, 1, "bob", &[("friends", &["alice"])]);
        let lab = Lab::on(store, |_, _| {});
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        let mut alice = Handset::on(&lab, "alice");
        let mut carol = Handset::on(&lab, "carol");
        bob.done(update(text("here")));
        alice.done(subscribe(&["bob"]));
        let nobody = of("", "");
        let both: &mut dyn FnMut() -> (Seen, Seen) = &mut || (alice.see("bob"), carol.see("bob"));
        // Nothing was said: nothing is seen.
        assert_eq!(both(), (nobody.clone(), nobody.clone()), "{version}");
        bob.done(allow_all(names(false, false, true)));
        assert_eq!(both(), (of("", "T"), of("", "T")), "{version}");
        bob.done(allow_friends(names(true, false, false)));
        assert_eq!(both(), (of("here", ""), of("", "T")), "{version}");
        bob.done(allow(&["alice"], names(true, false, true)));
        assert_eq!(both(), (of("here", "T"), of("", "T")), "{version}");
        // A list with nothing on it lets nothing be seen.
        bob.done(allow(&["alice"], PresenceSubList::default()));
        assert_eq!(both(), (nobody.clone(), of("", "T")), "{version}");
        bob.done(delete(&["alice"], &[], false));
        assert_eq!(both(), (of("here", ""), of("", "T")), "{version}");
        bob.done(delete(&[], &[FRIENDS], false));
        assert_eq!(both(), (of("", "T"), of("", "T")), "{version}");
        bob.done(delete(&[], &[], true));
        assert_eq!(both(), (nobody.clone(), nobody), "{version}");
        // Who watches was told what came of it all: what was seen is not known any more.
        assert_eq!(alice.news_of("bob"), [of("?", "?")], "{version}");
    }
}

#[test]
fn who_watches_hears_when_it_is_allowed() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    bob.done(update(text("here")));
    assert_eq!(alice.code(subscribe(&["bob"])), 200);
    assert_eq!(alice.news_of("bob"), []);
    // A user of 1.3 is not asked.
    assert_eq!(bob.hear_all(), []);
    bob.done(allow(&["alice"], names(true, false, false)));
    assert_eq!(alice.news_of("bob"), [of("here", "")]);
    bob.done(delete(&["alice"], &[], false));
    assert_eq!(alice.news_of("bob"), [of("?", "")]);
}

#[test]
fn attribute_lists_are_told() {
    for (version, encoding) in WAYS {
        let mut store = fresh_store();
        put_lists(&mut store, 1, "bob", &[("friends", &["alice"])]);
        let lab = Lab::on(store, |_, _| {});
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        let (text, online) = (names(true, false, false), names(false, false, true));
        bob.done(allow(&["alice", "carol"], text.clone()));
        bob.done(allow_friends(online.clone()));
        bob.done(allow_all(online.clone()));
        let mut get = |request: GetAttributeListRequest| -> GetAttributeListResponse {
            match bob.ask(request) {
                Primitive::GetAttributeListResponse(response) => response,
                other => panic!("{other:?}"),
            }
        };
        let all = get(GetAttributeListRequest::default());
        let default = all.default.unwrap();
        assert_eq!(default.attributes, [Box::new(online.clone())], "{version}");
        let whose = |presence: &imps::csp::Presence| {
            let list = presence.contact_list.clone();
            presence.user.clone().or(list).unwrap()
        };
        let named: Vec<_> = all.presences.iter().map(whose).collect();
        assert_eq!(named, [FRIENDS.to_owned(), wv("alice"), wv("carol")]);
        assert_eq!(*all.presences[0].attributes[0], online, "{version}");
        assert_eq!(*all.presences[1].attributes[0], text, "{version}");
        let one = get(GetAttributeListRequest {
            users: users(&["carol", "dave", "nobody"]),
            ..GetAttributeListRequest::default()
        });
        assert_eq!(one.outcome.code.number(), 201);
        assert_eq!(one.outcome.details[0].users, [wv("nobody")]);
        assert_eq!((one.default, one.presences.len()), (None, 1), "{version}");
    }
}

#[test]
fn what_no_list_can_be_for() {
    let lab = Lab::start();
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Xml);
    let list = || names(true, false, false);
    assert_eq!(bob.code(allow(&[], list())), 402);
    assert_eq!(bob.code(allow(&["nobody"], list())), 531);
    assert_eq!(bob.code(allow(&["alice", "nobody"], list())), 201);
    let answer = bob.ask(allow_friends(list()));
    let outcome = outcome(&answer);
    assert_eq!(outcome.code.number(), 700);
    assert_eq!(outcome.details[0].contact_lists, [FRIENDS]);
    assert_eq!(bob.code(delete(&[], &[], false)), 402);
    // What is not there need not be removed.
    assert_eq!(bob.code(delete(&["dave"], &[], true)), 200);
}

/// What a user was asked: who wants to watch.
fn asked(handset: &mut Handset) -> Vec<PresenceAuthRequest> {
    let mut all = Vec::new();
    for one in handset.hear_all() {
        assert!(matches!(one, Primitive::PresenceAuthRequest(_)), "{one:?}");
        if let Primitive::PresenceAuthRequest(question) = one {
            all.push(question);
        }
    }
    all
}

fn says(user: &str, attributes: Option<PresenceSubList>) -> PresenceAuthUser {
    PresenceAuthUser {
        user: wv(user),
        acceptance: attributes.is_some(),
        attributes: attributes.map(Box::new),
    }
}

#[test]
fn a_user_of_an_older_version_is_asked() {
    for (version, encoding) in &WAYS[..2] {
        let (version, encoding) = (*version, *encoding);
        let lab = Lab::start();
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        let mut desk = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
        desk.client = None;
        desk.log_in();
        let mut alice = Handset::on(&lab, "alice");
        bob.done(update(text("here")));
        let wanted = names(true, false, true);
        alice.done(SubscribePresenceRequest {
            attributes: Some(Box::new(wanted.clone())),
            ..subscribe(&["bob"])
        });
        let question = PresenceAuthRequest {
            user: wv("alice"),
            attributes: Some(Box::new(wanted.clone())),
        };
        assert_eq!(asked(&mut bob), [question], "{version}");
        // Another client of the user speaks 1.3 and is not asked.
        assert_eq!(desk.hear_all(), []);
        // Nobody is asked twice before there is an answer.
        alice.see("bob");
        alice.done(subscribe(&["bob"]));
        assert_eq!(asked(&mut bob), [], "{version}");
        assert_eq!(alice.news_of("bob"), [], "{version}");
        // A version without a list says yes to everything.
        let text_only = names(true, false, false);
        let (said, want) = match version {
            Version::V1_1 => (PresenceSubList::default(), of("here", "T")),
            _ => (text_only, of("here", "")),
        };
        bob.done(says("alice", Some(said)));
        assert_eq!(alice.see("bob"), want, "{version}");
        assert_eq!(alice.news_of("bob").first(), Some(&want), "{version}");
        // Taken back.
        bob.done(CancelAuthRequest { user: wv("alice") });
        let gone = |value: &Option<String>| value.as_ref().map(|_| "?".to_owned());
        let want = (gone(&want.0), gone(&want.1));
        assert_eq!(alice.news_of("bob"), [want], "{version}");
        // And whoever asks again makes the user be asked again.
        assert_eq!(alice.see("bob"), of("", ""), "{version}");
        assert_eq!(asked(&mut bob).len(), 1, "{version}");
        bob.done(says("alice", None));
        assert_eq!(alice.see("bob"), of("", ""), "{version}");
        assert_eq!(asked(&mut bob), [], "{version}");
    }
}

#[test]
fn a_user_who_was_away_is_asked_at_the_next_login() {
    let store = fresh_store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(subscribe(&["bob"]));
    carol.done(subscribe(&["bob"]));
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Wbxml);
    let who: Vec<_> = asked(&mut bob).into_iter().map(|one| one.user).collect();
    assert_eq!(who, addresses(&["alice", "carol"]));
    bob.done(says("alice", Some(everything())));
    bob.done(says("dave", None));
    let mut status = |users: &[&str]| {
        let users = addresses(users);
        match bob.ask(GetReactiveAuthStatusRequest { users }) {
            Primitive::GetReactiveAuthStatusResponse(response) => {
                let all = response.statuses.into_iter();
                all.map(|one| (one.user, one.state)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let entry = |name: &str, state: &str| (wv(name), state.to_owned());
    let (granted, denied) = (entry("alice", "GRANTED"), entry("dave", "DENIED"));
    let all = [granted, denied.clone(), entry("carol", "PENDING")];
    assert_eq!(status(&[]), all);
    assert_eq!(status(&["dave", "erin"]), [denied]);
    assert_eq!(alice.news_of("bob"), [of("", "T")]);
    // What was said is there after a restart.
    drop(lab);
    let lab = Lab::on(again, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    assert_eq!(alice.see("bob"), of("", "F"));
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Wbxml);
    assert_eq!(bob.code(says("nobody", None)), 531);
    let nobody = CancelAuthRequest { user: wv("nobody") };
    assert_eq!(bob.code(nobody), 531);
}

#[test]
fn whoever_is_blocked_sees_nothing_and_is_not_told() {
    let store = fresh_store();
    let mut beside = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Wbxml);
    let (mut alice, mut carol) = (Handset::on(&lab, "alice"), Handset::on(&lab, "carol"));
    bob.done(allow_all(everything()));
    bob.done(update(text("one")));
    alice.done(subscribe(&["bob"]));
    assert_eq!(alice.news_of("bob"), [of("one", "T")]);
    put_lists(
        &mut beside,
        2,
        "bob",
        &[("oma_blockedcontacts", &["alice", "carol"])],
    );
    bob.done(update(text("two")));
    bob.log_out();
    assert_eq!(alice.news_of("bob"), []);
    assert_eq!(alice.see("bob"), of("", ""));
    // To whoever is blocked it looks as if nothing was said.
    bob.log_in();
    bob.done(delete(&[], &[], true));
    assert_eq!(carol.code(subscribe(&["bob"])), 200);
    assert_eq!(carol.news_of("bob"), []);
    assert_eq!(asked(&mut bob), []);
    bob.done(allow_all(everything()));
    put_lists(&mut beside, 2, "bob", &[]);
    bob.done(update(text("three")));
    assert_eq!(alice.news_of("bob"), [of("three", "")]);
    assert_eq!(carol.news_of("bob"), [of("three", "T")]);
}

#[test]
fn all_on_a_contact_list_are_watched() {
    for (version, encoding) in WAYS {
        let mut store = fresh_store();
        let friends: &[&str] = &["bob", "carol", "stranger"];
        put_lists(&mut store, 1, "alice", &[("friends", friends)]);
        let lab = Lab::on(store, |_, _| {});
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
        bob.done(allow_all(everything()));
        carol.done(allow_all(everything()));
        let list = vec!["wv:alice/~Friends@localhost".to_owned()];
        let answer = alice.ask(SubscribePresenceRequest {
            contact_lists: list.clone(),
            auto_subscribe: true,
            ..SubscribePresenceRequest::default()
        });
        let outcome = outcome(&answer);
        assert_eq!(outcome.code.number(), 201, "{version}");
        assert_eq!(outcome.details[0].users, [wv("stranger")], "{version}");
        let mut told: Vec<_> = alice
            .news()
            .into_iter()
            .map(|one| one.user.unwrap())
            .collect();
        told.sort();
        assert_eq!(told, addresses(&["bob", "carol"]), "{version}");
        let once = alice.ask(GetPresenceRequest {
            contact_lists: list.clone(),
            ..GetPresenceRequest::default()
        });
        let Primitive::GetPresenceResponse(once) = once else {
            panic!("{once:?}");
        };
        let all: Vec<_> = once.presences.iter().map(seen).collect();
        assert_eq!(all, [of("", "T"), of("", "T")], "{version}");
        // Whoever was named as well is watched on when the list is not.
        alice.done(subscribe(&["bob"]));
        alice.news();
        alice.done(UnsubscribePresenceRequest {
            contact_lists: list,
            ..UnsubscribePresenceRequest::default()
        });
        bob.log_out();
        carol.log_out();
        assert_eq!(alice.news_of("bob"), [of("", "F")], "{version}");
    }
}

#[test]
fn only_so_many_lists() {
    let mut store = fresh_store();
    let names_of: Vec<String> = (0..121).map(|number| format!("list{number}")).collect();
    let all: Vec<(&str, &[&str])> = names_of.iter().map(|name| (&**name, &[][..])).collect();
    put_lists(&mut store, 1, "bob", &all);
    let lab = Lab::on(store, |_, _| {});
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Wbxml);
    let wv = |name: &String| format!("wv:bob/~{name}@localhost");
    let list = |count: usize| CreateAttributeListRequest {
        contact_lists: names_of.iter().take(count).map(wv).collect(),
        ..allow_friends(everything())
    };
    assert_eq!(bob.code(list(121)), 755);
    assert_eq!(bob.code(list(120)), 200);
    assert_eq!(bob.code(allow(&["alice"], everything())), 755);
    // One takes the place of another, and the default is not counted.
    assert_eq!(bob.code(list(3)), 200);
    assert_eq!(bob.code(allow_all(everything())), 200);
    assert_eq!(bob.code(delete(&[], &[&wv(&names_of[0])], false)), 200);
    assert_eq!(bob.code(allow(&["alice"], everything())), 200);
}
