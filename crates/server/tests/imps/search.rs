//! Search for users and groups, and the checking of addresses.

use crate::lab::handset::{outcome, properties, wv};
use crate::lab::{Handset, Lab};
use imps::csp::{
    CreateGroupRequest, CreateListRequest, ExtendConversationRequest, ExtendConversationUser,
    GroupProperties, IdList, JoinGroupRequest, LogoutRequest, ScreenName, SearchPair,
    SearchRequest, SearchResponse, SearchResult, StopSearchRequest, VerifyIdRequest,
};
use imps::{Encoding, Primitive, Version};
use store::{Account, Credentials, Fence, Store, Write};

fn pairs(all: &[(&str, &str)]) -> Vec<SearchPair> {
    let pair = |(element, string): &(&str, &str)| SearchPair {
        element: (*element).to_owned(),
        string: (*string).to_owned(),
        pair: None,
    };
    all.iter().map(pair).collect()
}

fn first(all: &[(&str, &str)], limit: Option<u32>) -> SearchRequest {
    SearchRequest {
        pairs: pairs(all),
        limit,
        ..SearchRequest::default()
    }
}

fn next(search: &str, index: u32) -> SearchRequest {
    SearchRequest {
        search: Some(search.to_owned()),
        index: Some(index),
        ..SearchRequest::default()
    }
}

fn found(handset: &mut Handset, request: SearchRequest) -> SearchResponse {
    match handset.ask(request.clone()) {
        Primitive::SearchResponse(response) => response,
        other => panic!("{request:?}: {other:?}"),
    }
}

fn shown(response: &SearchResponse) -> Vec<String> {
    match response.result.clone() {
        Some(SearchResult::Users(list)) => list.users.into_iter().map(|user| user.id).collect(),
        Some(SearchResult::Groups(list)) => list.groups,
        None => Vec::new(),
    }
}

fn all_found(handset: &mut Handset, conditions: &[(&str, &str)]) -> Vec<String> {
    let response = found(handset, first(conditions, None));
    assert!(response.completed, "{response:?}");
    shown(&response)
}

/// A store with so many users more: `member000` and so on, each called `Number 000`.
fn crowded(count: usize) -> Store {
    let mut store = crate::lab::store();
    let account = |n: usize, name: String, enabled| {
        Write::AddAccount(Account {
            name,
            domain: "localhost".to_owned(),
            display_name: Some(format!("Number {n:03}")),
            msisdn: None,
            credentials: Credentials::default(),
            enabled,
            created_at_ms: 0,
        })
    };
    let mut writes: Vec<_> = (0..count)
        .map(|n| account(n, format!("member{n:03}"), true))
        .collect();
    writes.push(account(999, "member-gone".to_owned(), false));
    store.commit(&writes, Fence::Unfenced).unwrap();
    store
}

/// (the conditions, who or what is found)
type Found<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn users_are_found_by_what_they_are_called() {
    let lab = Lab::on(crowded(2), |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let erin = "wv:erin@localhost";
    let all = [
        "alice",
        "bob",
        "carol",
        "dave",
        "erin",
        "member000",
        "member001",
    ];
    let all: Vec<String> = all.iter().map(|user| wv(user)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    #[rustfmt::skip]
    let rows: &[Found<'_>] = &[
        (&[("USER_ID", "erin")],                                    &[erin]),
        (&[("user_id", " WV:ERIN@local")],                          &[erin]),
        (&[("USER_ID", "localhost")],                               &all),
        (&[("USER_ID", "wv")],                                      &[]),
        (&[("USER_ALIAS", "of the account")],                       &[erin]),
        (&[("USER_FIRST_NAME", "erin")],                            &[erin]),
        (&[("USER_LAST_NAME", "ACCOUNT"), ("USER_ID", "e")],        &[erin]),
        (&[("USER_LAST_NAME", "account"), ("USER_ID", "bob")],      &[]),
        (&[("USER_FRIENDLY_NAME", "001")],                          &["wv:member001@localhost"]),
        // Whoever may not log in is not there.
        (&[("USER_ALIAS", "999")],                                  &[]),
    ];
    for (conditions, want) in rows {
        assert_eq!(all_found(&mut alice, conditions), *want, "{conditions:?}");
    }
}

#[test]
fn what_was_found_is_told_page_by_page() {
    let spoken = [
        (Version::V1_1, Encoding::Xml),
        (Version::V1_2, Encoding::Wbxml),
        (Version::V1_3, Encoding::Wbxml),
    ];
    let store = crowded(25);
    for (version, encoding) in spoken {
        let lab = Lab::on(store.reopen().unwrap(), |_, _| {});
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let conditions = [("USER_ID", "member")];
        let mut response = found(&mut alice, first(&conditions, Some(10)));
        let id = response.search.clone().unwrap();
        let mut seen = Vec::new();
        for (count, completed) in [(10, false), (10, false), (5, true)] {
            assert_eq!(response.findings, 25, "{version}");
            assert_eq!(
                (shown(&response).len(), response.completed),
                (count, completed)
            );
            assert_eq!(response.search.is_some(), !completed, "{version}");
            seen.extend(shown(&response));
            if !completed {
                response = found(&mut alice, next(&id, response.index.unwrap()));
            }
        }
        let want: Vec<_> = (0..25)
            .map(|n| format!("wv:member{n:03}@localhost"))
            .collect();
        assert_eq!(seen, want, "{version}");
        // Back again, and as many as one likes.
        let again = SearchRequest {
            limit: Some(3),
            ..next(&id, 2)
        };
        assert_eq!(shown(&found(&mut alice, again)), want[1..4]);
        for (index, code) in [(0, 425), (26, 425), (u32::MAX, 425), (25, 200)] {
            assert_eq!(alice.code(next(&id, index)), code, "{version} {index}");
        }
        // Of those without a limit so many come at once.
        assert_eq!(
            shown(&found(&mut alice, first(&conditions, None))).len(),
            20
        );
        assert_eq!(
            shown(&found(&mut alice, first(&conditions, Some(0)))).len(),
            1
        );
    }
}

#[test]
fn a_search_is_that_of_its_session_until_it_is_stopped() {
    let lab = Lab::on(crowded(25), |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let mut other = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    other.client = None;
    other.log_in();
    let begin = first(&[("USER_ID", "member")], Some(1));
    let stop = |id: &str| StopSearchRequest {
        search: id.to_owned(),
    };
    let id = found(&mut alice, begin.clone()).search.unwrap();
    assert_eq!(other.code(next(&id, 1)), 424);
    assert_eq!(other.code(stop(&id)), 424);
    assert_eq!(alice.code(next("7000", 1)), 424);
    assert_eq!(alice.code(next("what?", 1)), 424);
    assert_eq!(alice.code(next(&id, 1)), 200);
    assert_eq!(alice.code(stop(&id)), 200);
    assert_eq!(
        (alice.code(stop(&id)), alice.code(next(&id, 1))),
        (424, 424)
    );
    // The fifth takes the place of the first.
    let ids: Vec<_> = (0..5)
        .map(|_| found(&mut alice, begin.clone()).search.unwrap())
        .collect();
    let codes: Vec<_> = ids.iter().map(|id| alice.code(next(id, 2))).collect();
    assert_eq!(codes, [424, 200, 200, 200, 200]);
    // With the session its searches go.
    alice.done(LogoutRequest {});
    alice.log_in();
    assert_eq!(alice.code(next(&ids[4], 1)), 424);
}

#[test]
fn what_cannot_be_searched_for_is_refused() {
    let lab = Lab::on(crowded(201), |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    #[rustfmt::skip]
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[],                                               537),
        (&[("USER_ID", "")],                                537),
        (&[("USER_ID", "m")],                               536),
        (&[("USER_ID", "member20")],                        200),
        (&[("USER_MOBILE_NUMBER", "1")],                    402),
        (&[("GROUP_NAME", "a"), ("USER_ID", "a")],          402),
        (&[("USER_ID", "a"); 9],                            402),
    ];
    for (conditions, want) in rows {
        let got = outcome(&alice.ask(first(conditions, None)));
        assert_eq!(got.code.number(), *want, "{conditions:?}");
        let has_reason = got.description.is_some_and(|why| !why.is_empty());
        assert!(has_reason || *want == 200, "{conditions:?}");
    }
    let unknown = outcome(&alice.ask(first(&[("USER_AGE_MIN", "18")], None)));
    assert_eq!(unknown.details[0].search_elements, ["USER_AGE_MIN"]);
    let advanced = SearchRequest {
        criteria: Some("1 OR 2".to_owned()),
        ..first(&[("USER_ID", "alice")], None)
    };
    assert_eq!(alice.code(advanced), 405);
}

// ---- Groups ----

fn group(handset: &mut Handset, name: &str, all: &[(&str, &str)]) {
    handset.done(CreateGroupRequest {
        group: format!("wv:{}/{name}@localhost", handset.user),
        properties: GroupProperties {
            properties: properties(all),
            welcome_note: None,
        },
        ..CreateGroupRequest::default()
    });
}

fn join(handset: &mut Handset, group: &str) {
    handset.done(JoinGroupRequest {
        group: group.to_owned(),
        ..JoinGroupRequest::default()
    });
}

#[test]
fn groups_are_found_that_want_to_be() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    let open = |name, topic| {
        [
            ("Searchable", "T"),
            ("Type", "Public"),
            ("Name", name),
            ("Topic", topic),
        ]
    };
    group(&mut alice, "chess", &open("Chess Club", "Openings"));
    group(&mut bob, "go", &open("Go Club", "Endings"));
    // Not to be found: by default, by one of both properties.
    group(&mut alice, "quiet", &[("Name", "Club")]);
    group(
        &mut alice,
        "private",
        &[("Searchable", "T"), ("Name", "Club"), ("Type", "Private")],
    );
    group(
        &mut alice,
        "hidden",
        &[("Searchable", "F"), ("Name", "Club"), ("Type", "Public")],
    );
    let (chess, go) = ("wv:alice/chess@localhost", "wv:bob/go@localhost");
    join(&mut bob, chess);
    #[rustfmt::skip]
    let rows: &[Found<'_>] = &[
        (&[("GROUP_NAME", "club")],                                    &[chess, go]),
        (&[("GROUP_NAME", "CHESS")],                                   &[chess]),
        (&[("GROUP_TOPIC", "ings")],                                   &[chess, go]),
        (&[("GROUP_TOPIC", "ings"), ("GROUP_NAME", "go")],             &[go]),
        (&[("GROUP_ID", "wv:bob/")],                                   &[go]),
        (&[("GROUP_ID", "quiet")],                                     &[]),
        (&[("GROUP_USER_ID_OWNER", "wv:Alice@localhost")],             &[chess]),
        (&[("GROUP_USER_ID_JOINED", "bob")],                           &[chess]),
        (&[("GROUP_USER_ID_JOINED", "alice")],                         &[]),
    ];
    for (conditions, want) in rows {
        assert_eq!(all_found(&mut alice, conditions), *want, "{conditions:?}");
    }
    assert_eq!(
        alice.code(first(&[("GROUP_USER_ID_AUTOJOIN", "bob")], None)),
        402
    );
}

/// IMPS-9.1.11-S13: a conversation that has grown never appears in search results.
#[test]
fn imps_9_1_11_s13_a_grown_conversation_is_not_found() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    group(
        &mut alice,
        "seen",
        &[("Searchable", "T"), ("Type", "Public"), ("Name", "Seen")],
    );
    join(&mut bob, "wv:alice/seen@localhost");
    alice.done(ExtendConversationRequest {
        id: Some("x".to_owned()),
        users: vec![wv("carol")],
        peer: ExtendConversationUser {
            user: wv("bob"),
            client: None,
        },
        ..ExtendConversationRequest::default()
    });
    let grown = bob.hear_invitation().group.unwrap();
    join(&mut bob, &grown);
    alice.hear_extended();
    // Neither for those who are in it nor for others.
    let mut dave = Handset::on(&lab, "dave");
    for handset in [&mut alice, &mut bob, &mut dave] {
        let token = grown.trim_start_matches("wv:/");
        assert_eq!(all_found(handset, &[("GROUP_ID", token)]), [""; 0]);
        for (element, text) in [
            ("GROUP_ID", "localhost"),
            ("GROUP_USER_ID_JOINED", "bob"),
            ("GROUP_USER_ID_OWNER", "localhost"),
        ] {
            let seen = all_found(handset, &[(element, text)]);
            assert_eq!(seen, ["wv:alice/seen@localhost"], "{element}");
        }
    }
}

// ---- Checking addresses ----

fn verify(ids: IdList) -> VerifyIdRequest {
    VerifyIdRequest { ids }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn addresses_that_do_not_exist_are_told() {
    for (version, encoding) in [
        (Version::V1_2, Encoding::Wbxml),
        (Version::V1_3, Encoding::Wbxml),
    ] {
        let lab = Lab::start();
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        group(&mut alice, "club", &[("Name", "Club")]);
        let list = "wv:alice/~friends@localhost".to_owned();
        alice.done(CreateListRequest {
            list: list.clone(),
            ..CreateListRequest::default()
        });
        join(&mut alice, "wv:alice/club@localhost");
        let name = |name: &str, group: &str| ScreenName {
            name: name.to_owned(),
            group: group.to_owned(),
        };
        let here = IdList {
            users: texts(&["wv:bob@localhost", "ALICE"]),
            contact_lists: vec![list.to_uppercase()],
            groups: texts(&["wv:alice/club@localhost"]),
            screen_names: vec![name("Alice", "wv:alice/club@localhost")],
            domains: texts(&["LocalHost"]),
        };
        let told = outcome(&alice.ask(verify(here)));
        assert_eq!(
            (told.code.number(), told.details),
            (200, vec![]),
            "{version}"
        );
        let gone = IdList {
            users: texts(&[
                "wv:nobody@localhost",
                "wv:bob@localhost",
                "wv:eve@far.example",
            ]),
            contact_lists: texts(&["wv:alice/~gone@localhost", "wv:bob/~friends@localhost"]),
            groups: texts(&["wv:/none@localhost"]),
            screen_names: vec![
                name("Bob", "wv:alice/club@localhost"),
                name("x", "wv:/none"),
            ],
            domains: texts(&["far.example", "localhost"]),
        };
        let told = outcome(&alice.ask(verify(gone)));
        assert_eq!(told.code.number(), 201, "{version}");
        let codes: Vec<_> = told.details.iter().map(|one| one.code.number()).collect();
        assert_eq!(codes, [531, 516, 700, 800], "{version}");
        let [users, domains, lists, groups] = &told.details[..] else {
            panic!("{told:?}");
        };
        assert_eq!(users.users, ["wv:nobody@localhost"]);
        assert_eq!(users.screen_names.len(), 2);
        assert_eq!(
            (&domains.users[..], &domains.domains[..]),
            (
                &texts(&["wv:eve@far.example"])[..],
                &texts(&["far.example"])[..]
            )
        );
        assert_eq!(lists.contact_lists.len(), 2);
        assert_eq!(groups.groups, ["wv:/none@localhost"]);
    }
}

#[test]
fn only_so_many_addresses_are_checked_at_a_time() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let users = |count| IdList {
        users: vec!["wv:bob@localhost".to_owned(); count],
        ..IdList::default()
    };
    for (count, code) in [(0, 402), (1, 200), (100, 200), (101, 402)] {
        assert_eq!(alice.code(verify(users(count))), code, "{count}");
    }
}
