//! From bytes to lists.

use super::{CopyControl, DisplayName, Entry, Item, List, Reference, ResourceLists};
use crate::Error;
use crate::reader::{Element, Ns, Reader};

/// How much of a peer's list is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most bytes of the document.
    pub bytes: usize,
    /// The most entries and references, duplicates counted, over all lists. Keep it well above
    /// the size of a conversation if a list that names people twice is to be read.
    pub entries: usize,
}

impl Limits {
    /// 1 MiB and 5000 entries, for what a user keeps on a server: more contacts than anybody has.
    pub const STORED: Self = Self {
        bytes: 1024 * 1024,
        entries: 5000,
    };
}

impl Default for Limits {
    /// 128 KiB and 1000 entries: more people than any conversation holds, at some 130 bytes each.
    fn default() -> Self {
        Self {
            bytes: 128 * 1024,
            entries: 1000,
        }
    }
}

/// Reads an `application/resource-lists+xml` document.
///
/// Unknown elements and attributes are passed over. The attributes of RFC 5364 are taken in either
/// spelling of their namespace, and without one.
///
/// # Errors
///
/// Any of [`Error`]; [`Error::TooMany`] as soon as `limits.entries` is passed.
pub fn read(input: &[u8], limits: Limits) -> Result<ResourceLists, Error> {
    let (mut reader, root) =
        Reader::open(input, limits.bytes, Ns::ResourceLists, "resource-lists")?;
    let mut budget = Budget::of(limits.entries);
    let mut lists = Vec::new();
    while let Some(child) = reader.child(&root)? {
        if is(&child, "list") {
            lists.push(list(&mut reader, &child, &mut budget)?);
        }
    }
    reader.finish()?;
    Ok(ResourceLists { lists })
}

/// The recursion is as deep as the document, which the reader bounds.
fn list(reader: &mut Reader<'_>, element: &Element, budget: &mut Budget) -> Result<List, Error> {
    let mut list = List {
        name: element.plain("name").map(str::to_owned),
        is_default: ours(element, "default").is_some_and(is_true),
        in_use: !ours(element, "in-use").is_some_and(is_false),
        ..List::default()
    };
    while let Some(child) = reader.child(element)? {
        if child.ns != Ns::ResourceLists {
            continue;
        }
        match child.name.as_str() {
            "display-name" => list.display_name = Some(display_name(reader, &child)?),
            "entry" => {
                budget.take_one()?;
                list.items.push(Item::Entry(entry(reader, &child)?));
            }
            "entry-ref" => {
                budget.take_one()?;
                let target = required(reader, &child, "ref")?;
                list.items
                    .push(Item::EntryRef(reference(reader, &child, target)?));
            }
            "external" => {
                budget.take_one()?;
                let target = child.plain("anchor").unwrap_or_default().trim().to_owned();
                list.items
                    .push(Item::External(reference(reader, &child, target)?));
            }
            "list" => list
                .items
                .push(Item::List(self::list(reader, &child, budget)?)),
            _ => {}
        }
    }
    Ok(list)
}

fn entry(reader: &mut Reader<'_>, element: &Element) -> Result<Entry, Error> {
    Ok(Entry {
        uri: required(reader, element, "uri")?,
        copy_control: copy_control(element),
        anonymize: extension(element, "anonymize").is_some_and(is_true),
        count: extension(element, "count").and_then(|count| count.trim().parse().ok()),
        display_name: child_display_name(reader, element)?,
    })
}

fn reference(
    reader: &mut Reader<'_>,
    element: &Element,
    target: String,
) -> Result<Reference, Error> {
    Ok(Reference {
        target,
        display_name: child_display_name(reader, element)?,
    })
}

fn child_display_name(
    reader: &mut Reader<'_>,
    element: &Element,
) -> Result<Option<DisplayName>, Error> {
    let mut name = None;
    while let Some(child) = reader.child(element)? {
        if is(&child, "display-name") {
            name = Some(display_name(reader, &child)?);
        }
    }
    Ok(name)
}

fn display_name(reader: &mut Reader<'_>, element: &Element) -> Result<DisplayName, Error> {
    Ok(DisplayName {
        lang: element.find("lang", |ns| ns == Ns::Xml).map(str::to_owned),
        text: reader.text(element)?,
    })
}

fn copy_control(element: &Element) -> Option<CopyControl> {
    let value = extension(element, "copyControl")?.trim();
    if value.eq_ignore_ascii_case("to") {
        Some(CopyControl::To)
    } else if value.eq_ignore_ascii_case("cc") {
        Some(CopyControl::Cc)
    } else {
        // RFC 5364 5 knows "bcc" besides. A level we do not know had better show nobody.
        Some(CopyControl::Bcc)
    }
}

/// An attribute of RFC 5364. Overlooking one could show somebody who asked to be hidden, so it also
/// counts without a namespace and with a prefix that was never declared.
fn extension<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    element.find(name, |ns| match ns {
        Ns::CopyControl | Ns::None | Ns::Undeclared => true,
        Ns::CommonPolicy
        | Ns::ConferenceInfo
        | Ns::Imdn
        | Ns::ListService
        | Ns::Oma
        | Ns::OmaCommonPolicy
        | Ns::Other
        | Ns::ResourceLists
        | Ns::TertuliaGroup
        | Ns::TertuliaLists
        | Ns::Xml => false,
    })
}

/// An attribute of our own namespace.
fn ours<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    element.find(name, |ns| ns == Ns::TertuliaLists)
}

fn required(reader: &Reader<'_>, element: &Element, name: &str) -> Result<String, Error> {
    match element.plain(name).map(str::trim) {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(reader.malformed(&format!("<{}> without {name}", element.name))),
    }
}

/// The two ways to write true as an xs:boolean.
fn is_true(value: &str) -> bool {
    matches!(value.trim(), "true" | "1")
}

/// The two ways to write false.
fn is_false(value: &str) -> bool {
    matches!(value.trim(), "false" | "0")
}

fn is(element: &Element, name: &str) -> bool {
    element.ns == Ns::ResourceLists && element.name == name
}

/// How many more entries are accepted.
struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    fn of(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    fn take_one(&mut self) -> Result<(), Error> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(Error::TooMany { limit: self.limit })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::NotFlat;
    use super::*;

    fn parse(inner: &str) -> Result<ResourceLists, Error> {
        let document = format!(
            "<rl:resource-lists xmlns:rl=\"urn:ietf:params:xml:ns:resource-lists\" \
             xmlns:a=\"urn:ietf:params:xml:ns:copycontrol\" \
             xmlns:b=\"urn:ietf:params:xml:ns:copyControl\" xmlns:o=\"urn:other\">{inner}\
             </rl:resource-lists>"
        );
        read(document.as_bytes(), Limits::default())
    }

    fn first(inner: &str) -> Entry {
        let lists = parse(&format!("<rl:list>{inner}</rl:list>")).unwrap();
        lists.entries().next().unwrap().clone()
    }

    #[test]
    fn copy_levels_in_every_spelling() {
        use CopyControl::{Bcc, Cc, To};
        // (attributes, copy level, anonymize, count)
        let rows = [
            ("", None, false, None),
            ("a:copyControl='to'", Some(To), false, None),
            ("b:copyControl='cc'", Some(Cc), false, None),
            ("copyControl='bcc'", Some(Bcc), false, None),
            ("nobody:copyControl='bcc'", Some(Bcc), false, None),
            ("o:copyControl='bcc'", None, false, None),
            ("a:copyControl=' TO '", Some(To), false, None),
            (
                "a:copyControl='to whom it may concern'",
                Some(Bcc),
                false,
                None,
            ),
            ("a:anonymize='true'", None, true, None),
            ("b:anonymize='1'", None, true, None),
            ("a:anonymize='false'", None, false, None),
            ("a:count='2'", None, false, Some(2)),
            ("a:count='-2'", None, false, None),
            ("a:count='99999999999'", None, false, None),
        ];
        for (attributes, copy_control, anonymize, count) in rows {
            let entry = first(&format!("<rl:entry uri='sip:x@y' {attributes}/>"));
            assert_eq!(entry.copy_control, copy_control, "{attributes}");
            assert_eq!(entry.anonymize, anonymize, "{attributes}");
            assert_eq!(entry.count, count, "{attributes}");
        }
    }

    #[test]
    fn an_entry_keeps_its_uri_and_its_name() {
        let entry = first(
            "<rl:entry uri=' sip:b@h?Replaces=c%3Bto-tag%3D1&amp;Subject=x '>\
             <rl:display-name xml:lang='fr'> Zo&#xEB; &lt;<o:b>not</o:b>3<![CDATA[ & co]]>\
             </rl:display-name><o:phone>1</o:phone></rl:entry>",
        );
        assert_eq!(entry.uri, "sip:b@h?Replaces=c%3Bto-tag%3D1&Subject=x");
        let name = entry.display_name.unwrap();
        assert_eq!(name.text, "Zoë <3 & co");
        assert_eq!(name.lang.as_deref(), Some("fr"));
    }

    #[test]
    fn the_outer_lists_of_an_invitation_count_as_one() {
        let lists = parse(
            "<rl:list><rl:entry uri='sip:a@h'/><o:entry uri='sip:other@h'/></rl:list>\
             <o:list><rl:entry uri='sip:other@h'/></o:list>\
             <rl:list><rl:entry uri='sip:b@h'/><rl:entry uri='sip:a@h'/></rl:list>",
        );
        let flat = lists.unwrap().into_flat().unwrap();
        let uris: Vec<_> = flat.iter().map(|e| e.uri.as_str()).collect();
        assert_eq!(uris, ["sip:a@h", "sip:b@h", "sip:a@h"]);
        assert_eq!(parse("").unwrap().into_flat(), Ok(vec![]));
        assert_eq!(parse("<rl:list/>").unwrap().into_flat(), Ok(vec![]));
    }

    #[test]
    fn what_is_not_flat_is_named() {
        let list = |name: &str| NotFlat::List {
            name: Some(name.to_owned()),
        };
        let uri = || "http://x/y".to_owned();
        let rows = [
            (
                "<rl:list name='in'><rl:entry uri='sip:b@h'/></rl:list>",
                list("in"),
            ),
            (
                "<rl:entry-ref ref='http://x/y'/>",
                NotFlat::EntryRef { uri: uri() },
            ),
            (
                "<rl:external anchor='http://x/y'/>",
                NotFlat::External { uri: uri() },
            ),
        ];
        for (item, want) in rows {
            let inner = format!("<rl:list><rl:entry uri='sip:a@h'/>{item}</rl:list>");
            let lists = parse(&inner).unwrap();
            assert_eq!(lists.entries().count(), 1, "{item}");
            assert_eq!(lists.into_flat(), Err(want), "{item}");
        }
    }

    #[test]
    fn a_stored_document_keeps_its_shape() {
        let lists = parse(
            "<rl:list name='oma_buddylist'><rl:display-name>Friends</rl:display-name>\
             <rl:list name='close'><rl:entry uri='sip:a@h'/></rl:list></rl:list>\
             <rl:list name='oma_blockedcontacts'><rl:entry uri='sip:b@h'/></rl:list>",
        );
        let lists = lists.unwrap();
        let friends = lists.list("oma_buddylist").unwrap();
        assert_eq!(friends.display_name.as_ref().unwrap().text, "Friends");
        let [Item::List(close)] = friends.items.as_slice() else {
            panic!("{friends:?}");
        };
        assert_eq!(close.items, [Item::Entry(Entry::new("sip:a@h"))]);
        let blocked = lists.list("oma_blockedcontacts").unwrap();
        assert_eq!(blocked.items, [Item::Entry(Entry::new("sip:b@h"))]);
        assert_eq!(lists.list("none"), None);
    }

    #[test]
    fn a_list_says_whether_it_counts() {
        // (attributes, the default list, in use)
        let rows = [
            ("", false, true),
            ("t:default='true' t:in-use='false'", true, false),
            ("t:default=' 1 ' t:in-use=' 0 '", true, false),
            ("t:default='false' t:in-use='true'", false, true),
            ("t:default='' t:in-use=''", false, true),
            ("default='true' in-use='false'", false, true),
            ("o:default='true' o:in-use='false'", false, true),
        ];
        for (attributes, is_default, in_use) in rows {
            let attributes = format!("{attributes} xmlns:t='urn:tertulia:xml:lists'");
            let lists = parse(&format!("<rl:list {attributes}/>")).unwrap();
            let want = List {
                is_default,
                in_use,
                ..List::default()
            };
            assert_eq!(lists.lists, [want], "{attributes}");
        }
    }

    #[test]
    fn reading_stops_at_the_first_entry_too_many() {
        // What follows is not even well-formed, and is never seen.
        let document = "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list>\
                        <entry uri='sip:a@h'/><entry uri='sip:b@h'/><external anchor='x'/><<";
        let limits = |entries| Limits {
            entries,
            ..Limits::default()
        };
        let got = read(document.as_bytes(), limits(2));
        assert_eq!(got, Err(Error::TooMany { limit: 2 }));
        let got = read(document.as_bytes(), limits(3));
        assert!(matches!(got, Err(Error::Malformed { .. })), "{got:?}");
    }

    #[test]
    fn an_entry_needs_a_uri() {
        for item in ["<rl:entry/>", "<rl:entry uri=' '/>", "<rl:entry-ref/>"] {
            let got = parse(&format!("<rl:list>{item}</rl:list>"));
            assert!(matches!(got, Err(Error::Malformed { .. })), "{item}");
        }
    }
}
