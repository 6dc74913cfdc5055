//! The documents printed in the RFCs, and others kept outside this repository.
//!
//! The tests run when `TERTULIA_VECTORS_DIR` names the folder that holds them, and
//! `TERTULIA_RFC_DIR` that of the texts of the RFCs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::PathBuf;

use xdm::conference_info::{
    self, Conference, ConferenceInfo, MAX_BYTES, Presence, Roster, State, Status, UserXml,
};
use xdm::resource_lists::{self, Item, Limits, NotFlat, ResourceLists, history};
use xdm::shared_group::{Asker, Condition, Permissions, Rule, SharedGroup};

fn vector(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("TERTULIA_VECTORS_DIR") else {
        println!("skipped: no vectors");
        return None;
    };
    Some(std::fs::read(PathBuf::from(folder).join(path)).expect(path))
}

fn lists(path: &str) -> Option<ResourceLists> {
    let document = vector(path)?;
    Some(resource_lists::read(&document, Limits::default()).expect(path))
}

fn conference(path: &str) -> Option<ConferenceInfo> {
    let document = vector(path)?;
    Some(conference_info::read(&document, MAX_BYTES).expect(path))
}

#[test]
fn the_history_of_the_rfcs_follows_from_their_lists() {
    // RFC 5366's own example writes the other spelling of the namespace.
    for (sent, told) in [
        (
            "rfc/rfc5364-01-resource-lists.xml",
            "rfc/rfc5364-02-resource-lists.xml",
        ),
        (
            "rfc/rfc5365-01-resource-lists.xml",
            "rfc/rfc5365-02-resource-lists.xml",
        ),
        (
            "rfc/rfc5366-02-resource-lists.xml",
            "rfc/rfc5366-03-resource-lists.xml",
        ),
    ] {
        let (Some(sent), Some(want)) = (lists(sent), lists(told)) else {
            return;
        };
        let sent = sent.into_flat().unwrap();
        assert_eq!(sent.len(), 7);
        let got = history(&sent);
        assert_eq!(got, want.into_flat().unwrap(), "{told}");
        let written = resource_lists::write(&got);
        let back = resource_lists::read(written.as_bytes(), Limits::default()).unwrap();
        assert_eq!(back.into_flat().unwrap(), got);
    }
}

#[test]
fn the_stored_list_of_rfc_4826() {
    let Some(lists) = lists("rfc/rfc4826-02-resource-lists.xml") else {
        return;
    };
    let friends = lists.list("friends").unwrap();
    let [Item::Entry(bill), Item::EntryRef(petri), Item::List(close)] = friends.items.as_slice()
    else {
        panic!("{friends:?}");
    };
    assert_eq!(bill.uri, "sip:bill@example.com");
    assert!(
        petri.target.starts_with("resource-lists/users/"),
        "{petri:?}"
    );
    assert_eq!(close.display_name.as_ref().unwrap().text, "Close Friends");
    assert!(matches!(close.items[2], Item::External(_)), "{close:?}");
    assert_eq!(lists.check_unique(), Ok(()));
    let stored = lists.write_stored();
    let back = resource_lists::read(stored.as_bytes(), Limits::STORED);
    assert_eq!(back.as_ref(), Ok(&lists), "{stored}");
    let target = petri.target.clone();
    assert_eq!(lists.into_flat(), Err(NotFlat::EntryRef { uri: target }));
}

#[test]
fn the_conferences_of_rfc_4575() {
    let (Some(basic), Some(rich)) = (
        conference("rfc/rfc4575-01-conference-info.xml"),
        conference("rfc/rfc4575-02-conference-info.xml"),
    ) else {
        return;
    };
    assert_eq!((basic.state, basic.version), (State::Full, Some(1)));
    let mut roster = Roster::new(vec!["sip:alice@example.com".to_owned()]);
    // Bob is listed as disconnected.
    assert_eq!(roster.apply(basic).unwrap().len(), 1);
    let members: Vec<_> = roster.members().collect();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].display_text.as_deref(), Some("Alice"));
    assert!(members[0].is_own);
    assert_eq!(members[0].presence, Presence::Joined);

    // The users of the sidebar are no users of the conference.
    assert_eq!((rich.state, rich.version), (State::Partial, Some(5)));
    assert_eq!(rich.users.as_ref().unwrap().users.len(), 1);
    assert!(roster.apply(rich).is_err(), "versions 2 to 4 were missed");
}

#[test]
fn our_documents_say_what_the_examples_say() {
    let (Some(full), Some(left)) = (
        conference("simple-im/10-conference-info-full-for-bob.xml"),
        conference("simple-im/11-conference-info-partial-left.xml"),
    ) else {
        return;
    };
    let users = [
        UserXml::new("sip:alice@home.example", None, Status::Connected),
        UserXml::new("sip:bob@home.example", Some("Bob"), Status::Connected),
        UserXml::new("sip:anonymous1@anonymous.invalid", None, Status::Alerting),
    ];
    let users: Vec<_> = users.iter().collect();
    let ours = Conference::new("sip:sess-7f3a@im.home.example");
    let read = |document: Vec<u8>| conference_info::read(&document, MAX_BYTES).unwrap();
    assert_eq!(read(ours.full(0, &users, Some(1))), full);
    let alice = UserXml::new("sip:alice@home.example", None, Status::Disconnected);
    assert_eq!(read(ours.partial(1, &[&alice], None)), left);
}

#[test]
fn the_group_of_our_example() {
    let path = "simple-im/12-shared-group-document.xml";
    let Some(document) = vector(path) else {
        return;
    };
    let group = SharedGroup::read(&document).expect(path);
    assert_eq!(group.uri, "sip:friends@im.home.example");
    let name = group.display_name.as_ref().unwrap();
    assert_eq!(
        (name.text.as_str(), name.lang.as_deref()),
        ("Friends", Some("en"))
    );
    let uris: Vec<_> = group.members.iter().map(|m| m.uri.as_str()).collect();
    assert_eq!(uris, ["sip:alice@home.example", "sip:bob@home.example"]);
    let alice = group.members[0].display_name.as_ref().unwrap();
    assert_eq!(alice.text, "Alice");
    assert_eq!(
        (group.invite_members, group.max_participants),
        (Some(true), Some(10))
    );
    let asker = |uri| Asker {
        uri,
        is_anonymous: false,
        now: None,
    };
    let members = Permissions {
        allow_conference_state: true,
        allow_initiate_conference: true,
        allow_invite_users_dynamically: true,
        join_handling: true,
        ..Permissions::default()
    };
    assert_eq!(group.permissions(asker("sip:bob@home.example")), members);
    let nobody = group.permissions(asker("sip:eve@home.example"));
    assert_eq!(nobody, Permissions::default());
    let back = SharedGroup::read(group.write().as_bytes());
    assert_eq!(back, Ok(group));
}

/// The `<ruleset>`s that RFC 4745 prints, each as the one of a group.
fn rulesets() -> Option<Vec<Vec<Rule>>> {
    let Some(folder) = std::env::var_os("TERTULIA_RFC_DIR") else {
        println!("skipped: no RFC texts");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join("rfc4745.txt")).unwrap();
    let is_of_page =
        |line: &&str| !line.starts_with("Schulzrinne") && !line.starts_with("RFC 4745");
    let lines: Vec<_> = text.lines().filter(is_of_page).collect();
    let text = lines.join("\n").replace('\u{c}', "");
    let rulesets = text.split("<ruleset xmlns=").skip(1).map(|after| {
        let (ruleset, _) = after.split_once("</ruleset>").unwrap();
        let document = format!(
            "<group xmlns='urn:oma:xml:poc:list-service'><list-service uri='sip:g@h'>\
             <ruleset xmlns={ruleset}</ruleset></list-service></group>"
        );
        let group = SharedGroup::read(document.as_bytes());
        group.unwrap_or_else(|e| panic!("{e}: {document}")).rules
    });
    Some(rulesets.collect())
}

#[test]
fn the_rules_of_rfc_4745() {
    let Some(rulesets) = rulesets() else {
        return;
    };
    assert_eq!(rulesets.len(), 7);
    let [one, any, except, domain, spheres, validity, all] = rulesets.as_slice() else {
        panic!("{rulesets:?}");
    };
    // Whom the one rule of each applies to, if the group were in the mood.
    let applies = |rules: &[Rule], uri, now| {
        let mut group = SharedGroup::new("sip:g@h");
        group.rules = rules.to_vec();
        group.rules[0]
            .conditions
            .retain(|c| !matches!(c, Condition::Sphere(_)));
        group.rules[0].actions.join_handling = true;
        let who = Asker {
            uri,
            is_anonymous: false,
            now: Some(now),
        };
        group.permissions(who).join_handling
    };
    let alice = "sip:alice@example.com";
    assert!(applies(one, alice, 0) && !applies(one, "sip:eve@example.com", 0));
    assert!(applies(any, alice, 0) && !applies(any, "", 0));
    // 2003-12-24T18:00:00+01:00
    let eve = 1_072_285_200;
    assert!(applies(except, "sip:a@example.net", eve));
    assert!(!applies(except, "sip:bob@good.example.net", eve));
    assert!(!applies(except, "sip:carol@example.org", eve));
    assert!(!applies(except, "sip:a@example.net", eve + 3600));
    assert!(applies(domain, "sip:carol@example.com", 0) && !applies(domain, alice, 0));
    assert_eq!(spheres.len(), 3);
    assert!(applies(validity, alice, 1_060_960_800) && !applies(validity, alice, 1_060_960_799));
    assert!(applies(all, "sip:bob@example.com", eve) && !applies(all, alice, eve));
}
