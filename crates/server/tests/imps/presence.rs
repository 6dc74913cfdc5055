//! Presence of handsets: published, watched, told, kept.

use imps::csp::{
    Attribute, ClientInfo, DeleteAttributeListRequest, GetAttributeListRequest,
    GetWatcherListRequest, InfoLink, PresenceSubList, SubscribePresenceRequest,
    UnsubscribePresenceRequest,
};
use imps::service::{Function, Functions};
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::{outcome, wv};
use crate::lab::presence::{
    WAYS, allow, allow_all, everything, fresh_store, of, seen, subscribe, text, unsubscribe,
    update, users,
};
use crate::lab::{Handset, Lab};

#[test]
fn who_watches_is_told_what_is_new() {
    for (version, encoding) in WAYS {
        let lab = Lab::start();
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        bob.done(allow_all(everything()));
        bob.done(update(text("hello")));
        assert_eq!(alice.code(subscribe(&["bob"])), 200, "{version}");
        // All there is to be seen, at once.
        assert_eq!(alice.news_of("bob"), [of("hello", "T")], "{version}");
        bob.done(update(text("busy")));
        assert_eq!(alice.news_of("bob"), [of("busy", "")], "{version}");
        // What says nothing new is no news.
        bob.done(update(text("busy")));
        assert_eq!(alice.news_of("bob"), [], "{version}");
        bob.log_out();
        assert_eq!(alice.news_of("bob"), [of("", "F")], "{version}");
        assert_eq!(alice.see("bob"), of("busy", "F"), "{version}");
        bob.log_in();
        assert_eq!(alice.news_of("bob"), [of("", "T")], "{version}");
        assert_eq!(alice.code(unsubscribe(&["bob"])), 200, "{version}");
        bob.log_out();
        assert_eq!(alice.news_of("bob"), [], "{version}");
    }
}

#[test]
fn a_value_is_taken_away() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    bob.done(allow_all(everything()));
    bob.done(update(text("hello")));
    alice.done(subscribe(&["bob"]));
    assert_eq!(alice.news_of("bob"), [of("hello", "T")]);
    let mut unknown = text("");
    unknown.status_text = Some(Attribute {
        qualifier: Some(false),
        ..Attribute::default()
    });
    bob.done(update(unknown));
    assert_eq!(alice.news_of("bob"), [of("?", "")]);
    assert_eq!(alice.see("bob"), of("", "T"));
}

#[test]
fn only_what_is_wanted_is_told() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    bob.done(allow_all(everything()));
    alice.done(SubscribePresenceRequest {
        attributes: Some(Box::new(crate::lab::presence::names(true, false, false))),
        ..subscribe(&["bob"])
    });
    let mut list = text("hello");
    list.alias = Some(Attribute::new("Bobby"));
    bob.done(update(list));
    let news = alice.news();
    assert_eq!(news.len(), 1);
    assert_eq!(*news[0].attributes[0], text("hello"));
    bob.log_out();
    assert_eq!(alice.news_of("bob"), []);
}

/// (what is published, in which version, the code)
type Row = (fn(&mut PresenceSubList), Version, u16);

#[test]
fn what_cannot_be_published() {
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|_| {},                                                                   Version::V1_1, 200),
        (|l| l.user_availability = Some(Attribute::new("DISCREET")),               Version::V1_2, 200),
        (|l| l.user_availability = Some(Attribute::new("SLEEPING")),               Version::V1_1, 751),
        (|l| l.status_mood = Some(Attribute::new("PURPLE")),                       Version::V1_3, 751),
        (|l| l.online_status = vec![Attribute::new("T")],                          Version::V1_1, 200),
        (|l| l.status_text = Some(Attribute::new("x".repeat(5000))),               Version::V1_2, 751),
        (|l| l.info_link = Some(InfoLink::default()),                              Version::V1_2, 200),
        (|l| *l = PresenceSubList::default(),                                      Version::V1_3, 750),
    ];
    let lab = Lab::start();
    for (number, (spoil, version, want)) in rows.iter().enumerate() {
        let mut bob = Handset::speaking(&lab, "bob", *version, Encoding::Xml);
        let mut list = text("hello");
        spoil(&mut list);
        let answer = bob.ask(update(list));
        let outcome = outcome(&answer);
        assert_eq!(outcome.code.number(), *want, "row {number}");
        let says_why = outcome.description.is_some_and(|why| why.contains(':'));
        assert_eq!(says_why, *want != 200, "row {number}");
    }
    // Nothing of it was taken.
    let mut carol = Handset::on(&lab, "carol");
    let mut bob = Handset::on(&lab, "bob");
    bob.done(allow_all(everything()));
    let response = carol.presence(&["bob"]);
    let list = &response.presences[0].attributes[0];
    let value = |one: &Option<Attribute>| one.clone().and_then(|one| one.value);
    assert_eq!(value(&list.status_text).as_deref(), Some("hello"));
    assert_eq!(value(&list.user_availability).as_deref(), Some("DISCREET"));
    assert_eq!(list.status_mood, None);
}

#[test]
fn who_can_be_watched() {
    let lab = Lab::start();
    let mut alice = Handset::speaking(&lab, "alice", Version::V1_2, Encoding::Wbxml);
    let many: Vec<String> = (0..501).map(|number| format!("user{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    #[rustfmt::skip]
    let rows: &[(&[&str], u16)] = &[
        (&["bob"],                      200),
        (&["bob", "BOB"],               200),
        (&["alice"],                    200),
        (&[],                           402),
        (&["nobody"],                   531),
        (&["bob", "nobody", "noone"],   201),
        (&["wv:bob@elsewhere"],         516),
        (&["nobody", "wv:b@elsewhere"], 900),
        (&many,                         402),
    ];
    for (names, want) in rows {
        let watched = outcome(&alice.ask(subscribe(names)));
        assert_eq!(watched.code.number(), *want, "{names:?}");
        let got = alice.presence(names).outcome;
        assert_eq!(got.code.number(), *want, "{names:?}");
        if *want == 201 {
            for outcome in [watched, got] {
                assert_eq!(outcome.details[0].code.number(), 531);
                assert_eq!(outcome.details[0].users, [wv("nobody"), wv("noone")]);
            }
        }
    }
    let unknown = SubscribePresenceRequest {
        contact_lists: vec!["wv:alice/~friends@localhost".to_owned()],
        ..SubscribePresenceRequest::default()
    };
    assert_eq!(alice.code(unknown), 700);
    let others = UnsubscribePresenceRequest {
        contact_lists: vec!["wv:bob/~friends@localhost".to_owned()],
        ..UnsubscribePresenceRequest::default()
    };
    assert_eq!(alice.code(others), 700);
}

#[test]
fn later_news_take_the_place_of_earlier() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    alice.done(subscribe(&["bob", "carol"]));
    let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
    for handset in [&mut bob, &mut carol] {
        handset.done(allow_all(everything()));
        for number in 0..5 {
            handset.done(update(text(&format!("{} {number}", handset.user))));
        }
    }
    alice.poll();
    let told: Vec<_> = alice.told.drain(..).collect();
    let [Primitive::PresenceNotificationRequest(told)] = &told[..] else {
        panic!("{told:?}");
    };
    let all: Vec<_> = told.presences.iter().map(seen).collect();
    assert_eq!(all, [of("bob 4", "T"), of("carol 4", "T")]);
    // What is not told is taken back with the subscription.
    bob.done(update(text("more")));
    carol.done(update(text("more")));
    alice.done(unsubscribe(&["bob"]));
    assert_eq!(alice.news_of("carol"), [of("more", "")]);
}

#[test]
fn what_is_of_a_session_ends_with_it() {
    let lab = Lab::start();
    let mut bob = Handset::on(&lab, "bob");
    bob.done(allow_all(everything()));
    let info = ClientInfo {
        client_type: Some("PDA".to_owned()),
        ..ClientInfo::default()
    };
    bob.done(update(PresenceSubList {
        client_info: vec![info],
        ..text("here")
    }));
    let mut alice = Handset::on(&lab, "alice");
    alice.done(subscribe(&["bob"]));
    let news = alice.news();
    let list = &news[0].attributes[0];
    assert_eq!(list.client_info[0].client_type.as_deref(), Some("PDA"));
    assert_eq!(list.client_info[0].client, bob.client);
    bob.log_out();
    let news = alice.news();
    let list = &news[0].attributes[0];
    assert_eq!(list.client_info[0].qualifier, Some(false));
    assert_eq!(seen(&news[0]), of("", "F"));
    // So do subscriptions.
    alice.log_out();
    alice.log_in();
    bob.log_in();
    assert_eq!(alice.news(), []);
}

#[test]
fn of_several_clients_one_suffices_to_be_there() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    bob.done(allow_all(everything()));
    alice.done(subscribe(&["bob"]));
    assert_eq!(alice.news_of("bob"), [of("", "T")]);
    let mut desk = Handset::off(&lab, "bob", Version::V1_2, Encoding::Xml);
    desk.client = None;
    desk.log_in();
    bob.log_out();
    assert_eq!(alice.news_of("bob"), []);
    desk.log_out();
    assert_eq!(alice.news_of("bob"), [of("", "F")]);
}

#[test]
fn it_is_there_after_a_restart() {
    let store = fresh_store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut bob = Handset::on(&lab, "bob");
    bob.done(allow(&["alice"], everything()));
    let info = ClientInfo {
        client_type: Some("PDA".to_owned()),
        ..ClientInfo::default()
    };
    bob.done(update(PresenceSubList {
        client_info: vec![info],
        ..text("here <&> there")
    }));
    drop(lab);
    let lab = Lab::on(again, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let response = alice.presence(&["bob"]);
    assert_eq!(seen(&response.presences[0]), of("here <&> there", "F"));
    assert_eq!(response.presences[0].attributes[0].client_info, []);
    let mut carol = Handset::on(&lab, "carol");
    assert_eq!(carol.see("bob"), of("", ""));
}

#[test]
fn who_watches() {
    for (version, encoding) in WAYS {
        let lab = Lab::start();
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        let (mut alice, mut carol) = (Handset::on(&lab, "alice"), Handset::on(&lab, "carol"));
        let mut erin = Handset::on(&lab, "erin");
        // Whoever may see nothing watches as well.
        alice.done(subscribe(&["bob"]));
        erin.done(subscribe(&["bob"]));
        carol.presence(&["bob"]);
        erin.log_out();
        let mut list = |history_s, max| match bob.ask(GetWatcherListRequest { history_s, max }) {
            Primitive::GetWatcherListResponse(response) => response,
            other => panic!("{other:?}"),
        };
        let now = list(None, None);
        if version == Version::V1_1 {
            assert_eq!(now.users, users(&["alice"]));
            continue;
        }
        let who = |response: &imps::csp::GetWatcherListResponse| -> Vec<_> {
            let watchers = response.watchers.iter();
            let status = |one: &imps::csp::Watcher| one.status.clone().unwrap();
            watchers
                .map(|one| (one.user.id.clone(), status(one)))
                .collect()
        };
        let entry = |name: &str, status: &str| (wv(name), status.to_owned());
        let alice = entry("alice", "CURRENT_SUBSCRIBER");
        assert_eq!(who(&now), std::slice::from_ref(&alice), "{version}");
        let past = list(Some(3600), None);
        assert_eq!(past.history_s, Some(3600));
        let carol = entry("carol", "PRESENCE_ACCESS");
        let erin = entry("erin", "FORMER_SUBSCRIBER");
        assert_eq!(who(&past), [alice.clone(), carol, erin], "{version}");
        let few = list(Some(3600), Some(1));
        assert_eq!(who(&few), [alice], "{version}");
        if version == Version::V1_3 {
            assert_eq!(few.count, Some(3));
            let names = past.watchers.iter().map(|one| one.friendly_name.as_deref());
            let names: Vec<_> = names.collect();
            assert_eq!(names, [None, None, Some("Erin of the Account")]);
        }
    }
}

#[test]
fn what_was_not_agreed_is_refused() {
    let lab = Lab::start();
    let rows: [(Function, fn() -> Primitive); 3] = [
        (Function::Updpr, || update(text("x")).into()),
        (Function::Getwl, || GetWatcherListRequest::default().into()),
        (Function::Getpr, || {
            imps::csp::GetPresenceRequest {
                users: users(&["bob"]),
                ..Default::default()
            }
            .into()
        }),
    ];
    for (function, request) in rows {
        let mut alice = Handset::without(&lab, "alice", &[function]);
        assert_eq!(alice.code(request()), 506, "{function:?}");
        // Subscribing is the mandatory part.
        assert_eq!(alice.code(subscribe(&["bob"])), 200, "{function:?}");
    }
    // What 1.3 has no word for is mandatory there, or not there at all.
    let mut alice = Handset::on(&lab, "alice");
    assert_eq!(alice.code(allow_all(everything())), 200);
    let old = imps::csp::CancelAuthRequest { user: wv("bob") };
    assert_eq!(alice.code(old), 506);
    let mut alice = Handset::off(&lab, "alice", Version::V1_2, Encoding::Wbxml);
    alice.log_in();
    let lists = [Function::Cali, Function::Dali, Function::Gals];
    alice.agree(Functions::all(Version::V1_2).without(Functions::of(&lists)));
    let delete = DeleteAttributeListRequest {
        default_list: true,
        ..DeleteAttributeListRequest::default()
    };
    assert_eq!(alice.code(allow_all(everything())), 506);
    assert_eq!(alice.code(delete), 506);
    assert_eq!(alice.code(GetAttributeListRequest::default()), 506);
}
