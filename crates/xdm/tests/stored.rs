//! Documents that are kept: what is written is read back, whatever stands in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use proptest::prelude::*;
use xdm::resource_lists::{self, Entry, Item, Limits, List, Reference, ResourceLists};
use xdm::shared_group::{
    Condition, DateTime, DisplayName, Except, Extension, External, Foreign, Member, Period,
    Permissions, Rank, Rule, SharedGroup, Welcome, Who,
};

/// Text as a document gives it back, with all that an escape can get wrong.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "B",
        "é",
        "💬",
        " ",
        "\t",
        "\r\n",
        "\r",
        "&",
        "<",
        ">",
        "\"",
        "'",
        "]]>",
        "&amp;",
        "&#0;",
        "<!--",
        "--",
        "<?x",
        "</list>",
        "<![CDATA[",
        "/",
        "\u{fffd}",
        "\u{feff}",
        "\u{85}",
    ]);
    let pieces = prop::collection::vec(piece, 0..8);
    pieces.prop_map(|pieces| pieces.concat().trim().to_owned())
}

/// A text that says something.
fn key() -> impl Strategy<Value = String> {
    (text(), "[a-z]").prop_map(|(text, letter)| format!("{letter}{text}"))
}

fn display_name() -> impl Strategy<Value = Option<DisplayName>> {
    let name = (text(), prop::option::of(text()));
    prop::option::of(name.prop_map(|(text, lang)| DisplayName { text, lang }))
}

/// Elements of other namespaces, as the reader keeps them.
fn foreign() -> impl Strategy<Value = Vec<Foreign>> {
    let element = prop::sample::select(vec![
        "<a/>",
        "<p:a>x<b xmlns='v'/></p:a>",
        "<q:a p:b='&quot;&lt;&#10;' c=' d '><!-- x --><p:a/> &amp;&#13;<![CDATA[<]]></q:a>",
        "<o:conditions/>",
        "<z:a xmlns:z='urn:oma:xml:poc:list-service-2'><display-name/></z:a>",
    ]);
    prop::collection::vec(element, 0..3).prop_map(|elements| {
        let document = format!(
            "<g:group xmlns:g='urn:oma:xml:poc:list-service' xmlns='w' xmlns:p='u' xmlns:q='v' \
             xmlns:o='urn:oma:xml:xdm:common-policy'><g:list-service uri='a'>{}\
             </g:list-service></g:group>",
            elements.concat()
        );
        SharedGroup::read(document.as_bytes()).unwrap().other
    })
}

fn who() -> impl Strategy<Value = Who> {
    let except = prop_oneof![key().prop_map(Except::Id), text().prop_map(Except::Domain)];
    let many = (
        prop::option::of(text()),
        prop::collection::vec(except, 0..3),
        foreign(),
    );
    prop_oneof![
        (key(), foreign()).prop_map(|(id, other)| Who::One { id, other }),
        many.prop_map(|(domain, except, other)| Who::Many {
            domain,
            except,
            other
        }),
        foreign().prop_filter_map("one", |kept| kept.into_iter().next().map(Who::Unknown)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let time = prop::sample::select(vec!["2003-12-24T17:00:00+01:00", "1999-01-01T00:00:00.5Z"])
        .prop_map(|text| DateTime::parse(text).unwrap());
    let period = (time.clone(), time).prop_map(|(from, until)| Period { from, until });
    prop_oneof![
        Just(Condition::AnonymousRequest),
        Just(Condition::OtherIdentity),
        any::<bool>().prop_map(Condition::IsListMember),
        key().prop_map(Condition::Sphere),
        prop::collection::vec(who(), 1..3).prop_map(Condition::Identity),
        prop::collection::vec(period, 1..3).prop_map(Condition::Validity),
        foreign().prop_filter_map("one", |kept| {
            let kept = kept.into_iter().next()?;
            Some(Condition::Unknown(kept))
        }),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let parts = (
        prop::collection::vec(condition(), 0..4),
        any::<[bool; 6]>(),
        foreign(),
        foreign(),
    );
    let rule = parts.prop_map(|(conditions, permitted, other_actions, transformations)| {
        let mut rule = Rule::new("");
        let [a, b, c, d, e, f] = permitted;
        rule.conditions = conditions;
        rule.actions = Permissions {
            allow_anonymity: a,
            allow_conference_state: b,
            allow_initiate_conference: c,
            allow_invite_users_dynamically: d,
            is_key_participant: e,
            join_handling: f,
        };
        rule.other_actions = other_actions;
        rule.transformations = transformations;
        rule
    });
    // Each under an identifier of its own.
    let rules = prop::collection::btree_map(key(), rule, 0..3);
    rules.prop_map(|rules| {
        let rules = rules.into_iter();
        rules.map(|(id, rule)| Rule { id, ..rule }).collect()
    })
}

fn extension() -> impl Strategy<Value = Extension> {
    let welcome =
        (key(), prop::option::of(text()), text()).prop_map(|(content_type, encoding, text)| {
            Welcome {
                content_type,
                encoding,
                text,
            }
        });
    let rank = prop::sample::select(vec![Rank::Administrator, Rank::Moderator]);
    let parts = (
        prop::option::of(key()),
        prop::option::of(key()),
        prop::collection::vec((key(), text()), 0..3),
        prop::option::of(welcome),
        prop::collection::vec((key(), rank), 0..3),
        prop::collection::vec(key(), 0..3),
    );
    parts.prop_map(
        |(owner, created, properties, welcome, ranks, rejected)| Extension {
            owner,
            created,
            properties,
            welcome,
            ranks,
            rejected,
        },
    )
}

fn group() -> impl Strategy<Value = SharedGroup> {
    let member = (key(), display_name(), foreign()).prop_map(|(uri, display_name, other)| Member {
        uri,
        display_name,
        other,
    });
    let external =
        (text(), display_name(), foreign()).prop_map(|(anchor, display_name, other)| External {
            anchor,
            display_name,
            other,
        });
    let parts = (
        (key(), display_name(), foreign()),
        prop::collection::vec(member, 0..3),
        prop::collection::vec(external, 0..2),
        any::<Option<bool>>(),
        any::<Option<u32>>(),
        rules(),
        extension(),
    );
    parts.prop_map(
        |(head, members, externals, invite_members, max_participants, rules, extension)| {
            let (uri, display_name, other) = head;
            SharedGroup {
                uri,
                display_name,
                members,
                externals,
                invite_members,
                max_participants,
                rules,
                extension,
                other,
            }
        },
    )
}

fn list() -> impl Strategy<Value = List> {
    let entry = (key(), display_name()).prop_map(|(uri, display_name)| {
        Item::Entry(Entry {
            display_name,
            ..Entry::new(uri)
        })
    });
    let reference = (key(), display_name()).prop_map(|(target, display_name)| Reference {
        target,
        display_name,
    });
    let reference = reference.boxed();
    let item = prop_oneof![
        entry,
        reference.clone().prop_map(Item::EntryRef),
        reference.prop_map(Item::External),
    ]
    .boxed();
    let of = |items: BoxedStrategy<Vec<Item>>| {
        let parts = (
            prop::option::of(text()),
            display_name(),
            any::<bool>(),
            any::<bool>(),
            items,
        );
        parts.prop_map(|(name, display_name, is_default, in_use, items)| List {
            name,
            display_name,
            is_default,
            in_use,
            items,
        })
    };
    let leaf = of(prop::collection::vec(item.clone(), 0..4).boxed());
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let item = prop_oneof![item.clone(), inner.prop_map(Item::List)];
        of(prop::collection::vec(item, 0..3).boxed())
    })
}

proptest! {
    #[test]
    fn a_group_comes_back(group in group()) {
        let written = group.write();
        let back = SharedGroup::read(written.as_bytes());
        prop_assert_eq!(back.as_ref(), Ok(&group), "{}", written);
        // And what is written then is the same again.
        prop_assert_eq!(back.unwrap().write(), written);
    }

    /// Lines are left out, repeated and moved. What can still be read can be written, and read
    /// again.
    #[test]
    fn a_group_edited_by_a_careless_hand_does_no_harm(
        group in group(),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3),
            1..4,
        ),
    ) {
        let written = group.write();
        let mut lines: Vec<&str> = written.split("\r\n").collect();
        for (from, to, edit) in edits {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match edit {
                0 => lines.swap(from, to),
                1 => lines.insert(to, lines[from]),
                _ => lines[from] = "",
            }
        }
        if let Ok(read) = SharedGroup::read(lines.join("\r\n").as_bytes()) {
            prop_assert_eq!(SharedGroup::read(read.write().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn stored_lists_come_back(lists in prop::collection::vec(list(), 0..4)) {
        let lists = ResourceLists { lists };
        let written = lists.write_stored();
        let back = resource_lists::read(written.as_bytes(), Limits::STORED);
        prop_assert_eq!(back.as_ref(), Ok(&lists), "{}", written);
    }

    #[test]
    fn what_is_put_is_there_once(
        uris in prop::collection::vec("[a-d]", 0..20),
        removed in "[a-d]",
    ) {
        let mut list = List::default();
        for uri in &uris {
            list.put_entry(Entry::new(uri.as_str()));
        }
        let mut lists = ResourceLists { lists: vec![list] };
        prop_assert_eq!(lists.check_unique(), Ok(()));
        let was_there = uris.contains(&removed);
        prop_assert_eq!(lists.lists[0].remove_entry(&removed).is_some(), was_there);
        prop_assert!(lists.entries().all(|entry| entry.uri != removed));
    }
}
