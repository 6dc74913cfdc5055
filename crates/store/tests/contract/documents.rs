//! Documents.

use store::{CommitError, Cursor, Document, Expect, Write};

use crate::bench::all;
use crate::samples::document;
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("a document comes back as it went", comes_back),
    ("a document is replaced whole", is_replaced),
    (
        "a document is put on the terms of its writer",
        is_put_on_terms,
    ),
    (
        "a document is removed on the terms of its writer",
        is_removed_on_terms,
    ),
    (
        "a unit that finds a document changed leaves nothing",
        leaves_nothing,
    ),
    ("documents are listed by name, in pages", are_listed),
    (
        "a person's documents are listed and counted",
        are_listed_by_owner,
    ),
];

const GROUPS: &str = "org.openmobilealliance.groups";
const LISTS: &str = "resource-lists";
const FRIENDS: &str = "sip:friends@localhost";
const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";

fn comes_back(bench: &mut Bench) {
    let bare = Document {
        body: Vec::new(),
        changed_at_ms: i64::MIN,
        ..document(LISTS, "users/sip:alice@localhost/index")
    };
    for document in [document(GROUPS, FRIENDS), bare] {
        put(bench, &document, Expect::Absent).unwrap();
        assert_eq!(
            bench.reader.document(&document.collection, &document.name),
            Ok(Some(document))
        );
    }
    assert_eq!(bench.reader.document(LISTS, FRIENDS), Ok(None));
    assert_eq!(
        bench.reader.document(GROUPS, "sip:none@localhost"),
        Ok(None)
    );
}

fn is_replaced(bench: &mut Bench) {
    put(bench, &document(GROUPS, FRIENDS), Expect::Any).unwrap();
    let newer = Document {
        owner: BOB.to_owned(),
        etag: "v2".to_owned(),
        body: vec![7],
        changed_at_ms: 7,
        ..document(GROUPS, FRIENDS)
    };
    put(bench, &newer, Expect::Any).unwrap();
    assert_eq!(bench.reader.document(GROUPS, FRIENDS), Ok(Some(newer)));
    assert_eq!(bench.reader.count_documents_of(GROUPS, ALICE), Ok(0));
    assert_eq!(bench.reader.count_documents_of(GROUPS, BOB), Ok(1));
    assert_eq!(bench.reader.count_documents(GROUPS), Ok(1));
    assert_eq!(bench.reader.count_documents("other"), Ok(0));
}

fn is_put_on_terms(bench: &mut Bench) {
    let etag = |etag: &str| Expect::Etag(etag.to_owned());
    // (what the writer expects, the etag of what it puts, whether it is put)
    for (expect, version, good) in [
        (etag("v1"), "v1", false),
        (Expect::Absent, "v1", true),
        (Expect::Absent, "v2", false),
        (etag("v2"), "v2", false),
        (etag("V1"), "v2", false),
        (etag(""), "v2", false),
        (etag("v1"), "v2", true),
        (etag("v1"), "v3", false),
        (Expect::Any, "v4", true),
    ] {
        let before = bench.reader.document(GROUPS, FRIENDS).unwrap();
        let new = Document {
            etag: version.to_owned(),
            ..document(GROUPS, FRIENDS)
        };
        let outcome = put(bench, &new, expect.clone());
        let found = bench.reader.document(GROUPS, FRIENDS).unwrap();
        if good {
            assert_eq!((outcome, found), (Ok(()), Some(new)), "{expect:?}");
        } else {
            assert_eq!((outcome, found), (Err(changed()), before), "{expect:?}");
        }
    }
}

fn is_removed_on_terms(bench: &mut Bench) {
    // What is not there may be removed, but not in a version that it does not have.
    assert_eq!(bench.write(remove(None)), Ok(()));
    assert_eq!(bench.write(remove(Some("v1"))), Err(changed()));
    for (etag, good) in [(Some("v2"), false), (Some("v1"), true), (None, true)] {
        put(bench, &document(GROUPS, FRIENDS), Expect::Any).unwrap();
        put(bench, &document(LISTS, FRIENDS), Expect::Any).unwrap();
        let outcome = bench.write(remove(etag));
        assert_eq!(outcome.is_ok(), good, "{etag:?}: {outcome:?}");
        let found = bench.reader.document(GROUPS, FRIENDS).unwrap();
        assert_eq!(found.is_none(), good, "{etag:?}");
        // Its namesake of another collection is another document.
        let namesake = bench.reader.document(LISTS, FRIENDS);
        assert_eq!(namesake, Ok(Some(document(LISTS, FRIENDS))));
    }
}

fn leaves_nothing(bench: &mut Bench) {
    put(bench, &document(GROUPS, FRIENDS), Expect::Absent).unwrap();
    let newer = Document {
        etag: "v2".to_owned(),
        ..document(GROUPS, FRIENDS)
    };
    let unit = bench.unit(vec![
        Write::PutDocument {
            document: newer,
            expect: Expect::Etag("v1".to_owned()),
        },
        Write::PutDocument {
            document: document(LISTS, FRIENDS),
            expect: Expect::Absent,
        },
        remove(Some("v1")), // it is v2 by now
    ]);
    assert_eq!(bench.store.commit(&unit.writes, unit.fence), Err(changed()));
    let found = bench.reader.document(GROUPS, FRIENDS);
    assert_eq!(found, Ok(Some(document(GROUPS, FRIENDS))));
    assert_eq!(bench.reader.document(LISTS, FRIENDS), Ok(None));
}

fn are_listed(bench: &mut Bench) {
    let names = ["sip:a@x", "sip:a@x2", "sip:b@x", "sip:é@x"];
    let expected = names.map(|name| document(GROUPS, name));
    for document in expected.iter().rev() {
        put(bench, document, Expect::Absent).unwrap();
    }
    // Collections that come before and behind it, and one that begins with it.
    for collection in ["a", "org.openmobilealliance.groups2", "z"] {
        put(bench, &document(collection, "sip:a@x"), Expect::Any).unwrap();
    }
    for limit in [0, 1, 3, 4, 5, u32::MAX] {
        let listed = all(limit, |after, limit| {
            bench.reader.documents(GROUPS, after, limit)
        });
        assert_eq!(listed, expected, "limit {limit}");
    }
    // A row that goes while someone reads takes no other with it.
    let page = bench.reader.documents(GROUPS, &Cursor::START, 2).unwrap();
    bench
        .write(Write::RemoveDocument {
            collection: GROUPS.to_owned(),
            name: names[1].to_owned(),
            etag: None,
        })
        .unwrap();
    let after = page.next.unwrap();
    let rest = bench.reader.documents(GROUPS, &after, 10).unwrap();
    assert_eq!(rest.rows, expected[2..]);
}

fn are_listed_by_owner(bench: &mut Bench) {
    let mut expected = Vec::new();
    for (number, owner) in [ALICE, BOB, ALICE, "sip:alice@localhost2", ALICE]
        .iter()
        .enumerate()
    {
        let document = Document {
            owner: (*owner).to_owned(),
            ..document(GROUPS, &format!("sip:group-{number}@localhost"))
        };
        put(bench, &document, Expect::Absent).unwrap();
        expected.extend((*owner == ALICE).then_some(document));
    }
    put(bench, &document(LISTS, FRIENDS), Expect::Absent).unwrap();
    for limit in [1, 2, 3, 4] {
        let listed = all(limit, |after, limit| {
            bench.reader.documents_of(GROUPS, ALICE, after, limit)
        });
        assert_eq!(listed, expected, "limit {limit}");
    }
    for (collection, owner, count) in [
        (GROUPS, ALICE, 3),
        (GROUPS, BOB, 1),
        (LISTS, ALICE, 1),
        (LISTS, BOB, 0),
        ("", "", 0),
    ] {
        assert_eq!(
            bench.reader.count_documents_of(collection, owner),
            Ok(count),
            "{owner} in {collection}"
        );
    }
}

fn put(bench: &mut Bench, document: &Document, expect: Expect) -> Result<(), CommitError> {
    let document = document.clone();
    bench.write(Write::PutDocument { document, expect })
}

fn remove(etag: Option<&str>) -> Write {
    Write::RemoveDocument {
        collection: GROUPS.to_owned(),
        name: FRIENDS.to_owned(),
        etag: etag.map(str::to_owned),
    }
}

fn changed() -> CommitError {
    CommitError::DocumentChanged {
        collection: GROUPS.to_owned(),
        name: FRIENDS.to_owned(),
    }
}
