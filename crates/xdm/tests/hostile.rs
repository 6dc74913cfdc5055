//! Documents with anything in them: what we write is read back, what we read does no harm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use xdm::conference_info::{
    self, Change, Conference, EndpointStatus, MAX_BYTES, Presence, Roster, State, Status, UserXml,
};
use xdm::im_rules::{Condition, ImRules, Invite, Rule, Who};
use xdm::resource_lists::{self, CopyControl, DisplayName, Entry, Limits, ResourceLists, history};
use xdm::shared_group::{Asker, Member, SharedGroup};

/// Text with all that an escape can get wrong.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "&",
            "<",
            ">",
            "\"",
            "'",
            "]]>",
            "<![CDATA[",
            "<!--",
            "-->",
            "&amp;",
            "&#0;",
            "</list>",
            "<?x",
            "?>",
            "\r\n",
            "\t",
            " ",
            "\0",
            "\u{fffe}",
            "\u{feff}",
            "sip:a@h",
            "a",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What becomes of a text on its way through a document.
fn carried(text: &str) -> String {
    let kept = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(kept).collect::<String>().trim().to_owned()
}

/// A text that is something after its way through a document.
fn hostile_key() -> impl Strategy<Value = String> {
    hostile().prop_filter("a key", |key| !carried(key).is_empty())
}

fn entry() -> impl Strategy<Value = Entry> {
    let level = prop::sample::select(vec![
        None,
        Some(CopyControl::Bcc),
        Some(CopyControl::Cc),
        Some(CopyControl::To),
    ]);
    let lang = prop::option::of(prop::sample::select(vec!["en", "fr-CA", "\"<"]));
    let name = prop::option::of((hostile(), lang));
    let count = prop::option::of(any::<u32>());
    (hostile_key(), name, level, any::<bool>(), count).prop_map(
        |(uri, name, copy_control, anonymize, count)| Entry {
            display_name: name.map(|(text, lang)| DisplayName {
                text,
                lang: lang.map(str::to_owned),
            }),
            copy_control,
            anonymize,
            count,
            ..Entry::new(uri)
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![
        Status::Alerting,
        Status::Connected,
        Status::Disconnected,
    ])
}

/// Pieces that make many nearly good documents.
const PIECES: &[&str] = &[
    "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists' \
     xmlns:c='urn:ietf:params:xml:ns:copycontrol'>",
    "<conference-info xmlns='urn:ietf:params:xml:ns:conference-info' version='1'>",
    "<group xmlns='urn:oma:xml:poc:list-service' xmlns:c='urn:ietf:params:xml:ns:common-policy' \
     xmlns:p='u'><list-service uri='g'>",
    "</list-service></group>",
    "<c:ruleset xmlns:c='urn:ietf:params:xml:ns:common-policy' xmlns:p='urn:oma:xml:im:im-rules' \
     xmlns='u'>",
    "</c:ruleset>",
    "<c:rule id='s'>",
    "</c:rule>",
    "<c:actions><p:allow-invite>reject</p:allow-invite></c:actions>",
    "</resource-lists>",
    "</conference-info>",
    "<list>",
    "<list",
    "</list>",
    "<list/>",
    "<entry uri='a'>",
    "<entry",
    " uri='b'",
    " c:copyControl='to'",
    "</entry>",
    "/>",
    ">",
    "<display-name>",
    "</display-name>",
    "<invite-members>1</invite-members>",
    "<c:ruleset><c:rule id='r'>",
    "</c:rule></c:ruleset>",
    "<c:conditions>",
    "</c:conditions>",
    "<c:identity><c:many domain='h'><c:except id='e'/></c:many></c:identity>",
    "<c:validity><c:from>2003-12-24T17:00:00Z</c:from><c:until>",
    "</c:until></c:validity>",
    "<p:x p:y='z'>",
    "</p:x>",
    "<t:imps xmlns:t='urn:tertulia:xml:group'><t:property name='n'>",
    "</t:property></t:imps>",
    "<users state='partial'>",
    "</users>",
    "<user entity='u'",
    " yourown='1'",
    "</user>",
    "<endpoint entity='e'>",
    "</endpoint>",
    "<status>",
    "connected",
    "</status>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "<!",
    "<!DOCTYPE x [",
    "]>",
    "&amp;",
    "&",
    ";",
    "&#x41;",
    "'",
    "\"",
    "=",
    " ",
    "\u{feff}",
    "\0",
    "é",
    "xmlns:p='",
    "xmlns=''",
];

fn fragments() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn read_everything(bytes: &[u8]) {
    if let Ok(lists) = resource_lists::read(bytes, Limits::default()) {
        let entries: Vec<Entry> = lists.entries().cloned().collect();
        let _ = history(&entries);
        let _ = lists.check_unique();
        let again = lists.write_stored();
        assert_eq!(stored(&again), lists);
        let _ = lists.into_flat();
    }
    if let Ok(group) = SharedGroup::read(bytes) {
        let _ = group.permissions(Asker {
            uri: "sip:a@h",
            is_anonymous: false,
            now: Some(0),
        });
        // What has been read can be written, and is the same group.
        assert_eq!(SharedGroup::read(group.write().as_bytes()), Ok(group));
    }
    if let Ok(rules) = ImRules::read(bytes) {
        let _ = rules.verdict(Asker {
            uri: "sip:a@h",
            is_anonymous: true,
            now: Some(0),
        });
        assert_eq!(ImRules::read(rules.write().as_bytes()), Ok(rules));
    }
    if let Ok(info) = conference_info::read(bytes, MAX_BYTES) {
        let _ = Roster::new(vec![]).apply(info);
    }
}

/// Rules that say what they can of somebody.
fn rules(uri: &str) -> ImRules {
    let one = Who::One {
        id: uri.to_owned(),
        other: Vec::new(),
    };
    let rule = Rule {
        id: uri.to_owned(),
        conditions: vec![Condition::Identity(vec![one]), Condition::AnonymousRequest],
        invite: Some(Invite::Reject),
        other_actions: Vec::new(),
        transformations: Vec::new(),
    };
    ImRules { rules: vec![rule] }
}

fn stored(document: &str) -> ResourceLists {
    resource_lists::read(document.as_bytes(), Limits::default()).unwrap()
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn any_markup_does_no_harm(text in fragments()) {
        read_everything(text.as_bytes());
    }

    #[test]
    fn a_damaged_document_does_no_harm(
        entry in entry(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let user = UserXml::new(&entry.uri, Some(&entry.uri), Status::Connected);
        let conference = Conference::new(&entry.uri);
        let mut group = SharedGroup::new(&entry.uri);
        group.members.push(Member::new(&entry.uri));
        group.extension.set_property(&entry.uri, &entry.uri);
        for mut bytes in [
            group.write().into_bytes(),
            rules(&entry.uri).write().into_bytes(),
            resource_lists::write(std::slice::from_ref(&entry)).into_bytes(),
            conference.full(1, &[&user], Some(0)),
        ] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            read_everything(&bytes);
            read_everything(&bytes[..cut.index(bytes.len())]);
        }
    }

    #[test]
    fn entries_come_back(entries in prop::collection::vec(entry(), 0..6)) {
        let written = resource_lists::write(&entries);
        let back = resource_lists::read(written.as_bytes(), Limits::default());
        let want: Vec<Entry> = entries
            .into_iter()
            .map(|entry| Entry {
                uri: carried(&entry.uri),
                display_name: entry.display_name.map(|name| DisplayName {
                    text: carried(&name.text),
                    lang: name.lang,
                }),
                ..entry
            })
            .collect();
        prop_assert_eq!(back.map(|lists| lists.into_flat()), Ok(Ok(want)), "{}", written);
    }

    #[test]
    fn a_history_shows_nobody_who_hides(entries in prop::collection::vec(entry(), 0..8)) {
        let shown = history(&entries);
        for entry in &shown {
            prop_assert!(matches!(entry.copy_control, Some(CopyControl::To | CopyControl::Cc)));
            prop_assert!(!entry.anonymize);
        }
        for entry in entries.iter().filter(|e| e.anonymize) {
            prop_assert!(shown.iter().all(|s| s.uri != entry.uri), "{:?}", entry);
        }
        let people: u32 = shown.iter().map(|s| s.count.unwrap_or(1)).sum();
        prop_assert!(people as usize <= entries.len());
    }

    #[test]
    fn im_7_2_2_10_s2_users_come_back(
        entity in hostile(),
        users in prop::collection::vec(
            (hostile_key(), prop::option::of(hostile()), status()),
            0..6,
        ),
        own in prop::option::of(0..6usize),
        version in any::<u32>(),
    ) {
        let written: Vec<UserXml> = users
            .iter()
            .map(|(entity, text, status)| UserXml::new(entity, text.as_deref(), *status))
            .collect();
        let written: Vec<&UserXml> = written.iter().collect();
        let conference = Conference::new(&entity);
        for (document, state) in [
            (conference.full(version, &written, own), State::Full),
            (conference.partial(version, &written, own), State::Partial),
        ] {
            let back = conference_info::read(&document, MAX_BYTES).unwrap();
            prop_assert_eq!(back.entity, Some(carried(&entity)));
            prop_assert_eq!((back.state, back.version), (state, Some(version)));
            let back = back.users.unwrap();
            prop_assert_eq!((back.state, back.users.len()), (state, users.len()));
            let pairs = back.users.iter().zip(&users);
            for (index, (user, (entity, text, status))) in pairs.enumerate() {
                prop_assert_eq!(&user.entity, &carried(entity));
                prop_assert_eq!(&user.display_text, &text.as_deref().map(carried));
                prop_assert_eq!(user.yourown, own == Some(index));
                prop_assert_eq!(user.endpoints.len(), 1);
                let want = match status {
                    Status::Alerting => EndpointStatus::Alerting,
                    Status::Connected => EndpointStatus::Connected,
                    Status::Disconnected => EndpointStatus::Disconnected,
                };
                prop_assert_eq!(user.endpoints[0].status, Some(want));
                prop_assert_eq!(&user.endpoints[0].entity, &carried(entity));
            }
        }
        let end = conference_info::read(&conference.deleted(version), MAX_BYTES).unwrap();
        prop_assert_eq!((end.state, end.version, end.users), (State::Deleted, Some(version), None));
    }

    /// A subscriber that follows each change, and now and then loses one and refreshes, knows the
    /// same in the end as one who asks only then; and the changes reported add up to that.
    #[test]
    fn im_7_1_1_11_ntfy_s1_changes_add_up_to_the_whole(
        steps in prop::collection::vec(
            (prop::collection::vec((0..6usize, prop::option::of("[a-c]"), status()), 0..4), 0..8u8),
            0..20,
        ),
    ) {
        let conference = Conference::new("sip:g@h");
        let mut server: BTreeMap<usize, (Option<String>, UserXml)> = BTreeMap::new();
        let mut follower = Roster::new(vec!["sip:0@h".to_owned()]);
        let mut shown: BTreeMap<String, Presence> = BTreeMap::new();
        let whole = |server: &BTreeMap<usize, (Option<String>, UserXml)>, version| {
            let users: Vec<&UserXml> = server.values().map(|(_, user)| user).collect();
            conference_info::read(&conference.full(version, &users, None), MAX_BYTES).unwrap()
        };
        show(&mut shown, follower.apply(whole(&server, 0)).unwrap());
        let mut version = 0;
        for (changes, luck) in steps {
            let mut changed: BTreeMap<usize, UserXml> = BTreeMap::new();
            for (who, name, status) in changes {
                let user = UserXml::new(&format!("sip:{who}@h"), name.as_deref(), status);
                if status == Status::Disconnected {
                    server.remove(&who);
                } else {
                    server.insert(who, (name, user.clone()));
                }
                changed.insert(who, user);
            }
            version += 1;
            let users: Vec<&UserXml> = changed.values().collect();
            let document = conference.partial(version, &users, None);
            if luck > 0 {
                let document = conference_info::read(&document, MAX_BYTES).unwrap();
                let applied = follower.apply(document).or_else(|_| {
                    version += 1;
                    follower.apply(whole(&server, version))
                });
                show(&mut shown, applied.unwrap());
            }
        }
        version += 1;
        show(&mut shown, follower.apply(whole(&server, version)).unwrap());
        let mut late = Roster::new(vec!["sip:0@h".to_owned()]);
        late.apply(whole(&server, version)).unwrap();
        let known: Vec<_> = follower.members().collect();
        prop_assert_eq!(&known, &late.members().collect::<Vec<_>>());
        let known: BTreeMap<_, _> = known.into_iter().map(|m| (m.entity, m.presence)).collect();
        prop_assert_eq!(shown, known);
    }
}

/// What a user interface does with the changes.
fn show(shown: &mut BTreeMap<String, Presence>, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Alerting(m) | Change::Joined(m) | Change::Updated(m) => {
                shown.insert(m.entity, m.presence);
            }
            Change::Left(m) => {
                shown.remove(&m.entity);
            }
            Change::Ended => shown.clear(),
        }
    }
}
