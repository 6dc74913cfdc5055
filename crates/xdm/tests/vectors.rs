//! The documents printed in the RFCs, and others kept outside this repository.
//!
//! The tests run when `TERTULIA_VECTORS_DIR` names the folder that holds them.

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
