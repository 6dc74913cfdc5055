//! What no document may do, whatever its kind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use xdm::conference_info::{self, MAX_BYTES};
use xdm::resource_lists::{self, Limits, ResourceLists};
use xdm::shared_group::SharedGroup;
use xdm::{Error, MAX_ATTRIBUTES, MAX_DEPTH};

const LISTS: &str = "xmlns='urn:ietf:params:xml:ns:resource-lists'";

fn read(document: impl AsRef<[u8]>) -> Result<ResourceLists, Error> {
    resource_lists::read(document.as_ref(), Limits::default())
}

/// A list with one entry, whose name is `inner`.
fn named(inner: &str) -> String {
    format!(
        "<resource-lists {LISTS}><list><entry uri='sip:a@h'><display-name>{inner}</display-name>\
         </entry></list></resource-lists>"
    )
}

fn name_of(document: impl AsRef<[u8]>) -> Result<String, Error> {
    let lists = read(document)?;
    let entry = lists.entries().next().expect("one entry");
    Ok(entry.display_name.clone().unwrap().text)
}

#[test]
fn what_xml_allows_is_read() {
    let bare = named("A");
    let rows = [
        ("no declaration", bare.clone(), "A"),
        ("a byte order mark", format!("\u{feff}{bare}"), "A"),
        (
            "a declaration",
            format!("<?xml version='1.0' encoding='UTF-8'?>\r\n{bare}"),
            "A",
        ),
        (
            "comments around",
            format!("<!-- a -->\n<?pi x?>{bare}\n<!-- b -->\n"),
            "A",
        ),
        (
            "the five entities",
            named("&amp;&lt;&gt;&apos;&quot;"),
            "&<>'\"",
        ),
        ("numbers", named("&#65;&#x1F4AC;"), "A💬"),
        (
            "markup inside",
            named("a<!-- x --><![CDATA[<b>&]]><i>x</i>c"),
            "a<b>&c",
        ),
        ("line ends", named("a\r\nb"), "a\nb"),
    ];
    for (why, document, want) in rows {
        assert_eq!(name_of(document).as_deref(), Ok(want), "{why}");
    }
}

#[test]
fn malformed_documents_are_refused() {
    let bare = named("A");
    let entry = |attributes: &str| {
        format!(
            "<resource-lists {LISTS}><list><entry uri='x' {attributes}/></list></resource-lists>"
        )
    };
    let rows = [
        ("empty", String::new()),
        ("blank", " \r\n".to_owned()),
        ("text only", "hello".to_owned()),
        ("text before", format!("hello{bare}")),
        ("text after", format!("{bare}hello")),
        ("two roots", format!("{bare}{bare}")),
        (
            "not closed",
            bare.trim_end_matches("</resource-lists>").to_owned(),
        ),
        ("closed in the wrong order", named("<a><b></a></b>")),
        ("closed too often", format!("{bare}</list>")),
        ("an unknown entity", named("&nbsp;")),
        ("a bare ampersand", named("a & b")),
        ("an ampersand at the end", named("a &amp")),
        ("a number of no character", named("&#xD800;")),
        ("a signed number", named("&#+65;")),
        ("a number of a control character", named("&#1;")),
        ("the same in an attribute", entry("x='&#1;'")),
        ("a control character", named("\u{1}")),
        ("an attribute twice", entry("x='1' x='2'")),
        ("an attribute without quotes", entry("x=1")),
        ("an unknown entity in an attribute", entry("x='&nbsp;'")),
    ];
    for (why, document) in rows {
        let got = read(&document);
        assert!(
            matches!(got, Err(Error::Malformed { .. })),
            "{why}: {got:?}"
        );
    }
}

#[test]
fn no_document_type_is_accepted() {
    let bare = named("&a;");
    let rows = [
        "<!DOCTYPE resource-lists>",
        "<!doctype resource-lists>",
        "<!DOCTYPE resource-lists SYSTEM 'http://evil.example/x.dtd'>",
        "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]>",
        "<!DOCTYPE r [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
        "<!DOCTYPE r [",
        "<!DOCTYPE>",
    ];
    for doctype in rows {
        for start in ["", "<?xml version='1.0'?>", "\u{feff}"] {
            let got = read(format!("{start}{doctype}{bare}"));
            assert!(
                matches!(got, Err(Error::Doctype { .. })),
                "{doctype}: {got:?}"
            );
            let got = SharedGroup::read(format!("{start}{doctype}{bare}").as_bytes());
            assert!(
                matches!(got, Err(Error::Doctype { .. })),
                "{doctype}: {got:?}"
            );
        }
    }
    // Nor later.
    let late = named("<!DOCTYPE x>");
    assert!(matches!(read(late), Err(Error::Doctype { .. })));
}

#[test]
fn a_document_of_another_kind_is_named() {
    let rows = [
        ("<a/>".to_owned(), "a"),
        ("<resource-lists/>".to_owned(), "resource-lists"),
        (format!("<list {LISTS}/>"), "list"),
        (format!("<x:list {LISTS} xmlns:x='y'/>"), "x:list"),
        (
            "<conference-info xmlns='urn:ietf:params:xml:ns:conference-info' entity='a'/>"
                .to_owned(),
            "conference-info",
        ),
    ];
    for (document, found) in rows {
        let want = Error::NotThisDocument {
            expected: "resource-lists",
            found: found.to_owned(),
        };
        assert_eq!(read(document), Err(want), "{found}");
    }
    let got = conference_info::read(named("A").as_bytes(), MAX_BYTES);
    assert!(matches!(got, Err(Error::NotThisDocument { .. })), "{got:?}");
}

#[test]
fn limits_hold_to_the_last_one() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!(
            "<resource-lists {LISTS}>{}{}</resource-lists>",
            "<list>".repeat(inner),
            "</list>".repeat(inner)
        )
    };
    assert!(read(nested(MAX_DEPTH)).is_ok());
    assert!(matches!(
        read(nested(MAX_DEPTH + 1)),
        Err(Error::TooDeep { .. })
    ));
    let empty_leaf = nested(MAX_DEPTH).replace("<list></list>", "<list><list/></list>");
    assert!(matches!(read(empty_leaf), Err(Error::TooDeep { .. })));
    // Never so deep that the parser itself runs out: it stops at the first one too many.
    let endless = format!("<resource-lists {LISTS}>{}", "<a>".repeat(30_000));
    assert!(matches!(read(endless), Err(Error::TooDeep { .. })));

    // Also in what is not understood and kept: it stands at the third place already.
    let kept = |depth: usize| {
        let (open, close) = ("<a xmlns=''>".repeat(depth - 2), "</a>".repeat(depth - 2));
        let document = format!(
            "<group xmlns='urn:oma:xml:poc:list-service'><list-service uri='g'>{open}{close}\
             </list-service></group>"
        );
        SharedGroup::read(document.as_bytes())
    };
    let group = kept(MAX_DEPTH).unwrap();
    assert_eq!(SharedGroup::read(group.write().as_bytes()), Ok(group));
    assert!(matches!(kept(MAX_DEPTH + 1), Err(Error::TooDeep { .. })));

    let wide = |n: usize| {
        let attributes: String = (0..n).map(|n| format!(" a{n}=''")).collect();
        format!("<resource-lists {LISTS}><list{attributes}/></resource-lists>")
    };
    assert!(read(wide(MAX_ATTRIBUTES)).is_ok());
    assert!(matches!(
        read(wide(MAX_ATTRIBUTES + 1)),
        Err(Error::TooManyAttributes { .. })
    ));

    let document = named("A");
    let limits = |bytes| Limits {
        bytes,
        ..Limits::default()
    };
    let size = document.len();
    assert!(resource_lists::read(document.as_bytes(), limits(size)).is_ok());
    let got = resource_lists::read(document.as_bytes(), limits(size - 1));
    let limit = size - 1;
    assert_eq!(got, Err(Error::TooLarge { size, limit }));
    let got = conference_info::read(document.as_bytes(), limit);
    assert_eq!(got, Err(Error::TooLarge { size, limit }));
}

#[test]
fn many_declarations_are_refused_and_cost_little() {
    let declared: String = (0..MAX_ATTRIBUTES + 1)
        .map(|n| format!(" xmlns:p{n}='u'"))
        .collect();
    let got = read(format!("<resource-lists {LISTS}{declared}/>"));
    assert!(matches!(got, Err(Error::Malformed { .. })), "{got:?}");
}

#[test]
fn only_utf_8_is_read_and_the_place_is_told() {
    let mut document = named("A").into_bytes();
    let place = document.iter().position(|b| *b == b'A').unwrap();
    document[place] = 0xff;
    assert_eq!(read(&document), Err(Error::NotUtf8 { position: place }));
    let utf_16: Vec<u8> = format!("\u{feff}{}", named("A"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read(utf_16), Err(Error::NotUtf8 { position: 0 }));

    // The byte order mark counts.
    let document = format!("\u{feff}{}", named("&no;"));
    let Err(Error::Malformed { position, .. }) = read(&document) else {
        panic!("{document}");
    };
    assert_eq!(&document[position - 4..position], "&no;");
}
