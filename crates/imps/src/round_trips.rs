//! What is written is read back, whatever the primitive, the version and the encoding.

use proptest::prelude::*;

use crate::chance::Chance;
use crate::message::{Encoding, Message, Session, Transaction};
use crate::primitive::Primitive;
use crate::reader::{Event, Reader};
use crate::table::Element;
use crate::version::Version;

const ENCODINGS: [Encoding; 2] = [Encoding::Xml, Encoding::Wbxml];

/// One message for each primitive of a version.
fn messages(seed: u64, version: Version) -> impl Iterator<Item = Message> {
    let primitives = Primitive::all(&mut Chance::new(seed, version));
    primitives.into_iter().map(move |primitive| {
        let mut message = Message::new(version, Session::Inband("S1".to_owned()));
        message.poll = seed.is_multiple_of(2);
        message.cir = version > Version::V1_1 && seed.is_multiple_of(3);
        message.with(Transaction::request("t1", primitive))
    })
}

/// The elements of a document, as they begin and end.
fn elements(bytes: &[u8], encoding: Encoding) -> Vec<Option<Element>> {
    let (mut reader, _) = match encoding {
        Encoding::Xml => Reader::xml(bytes).unwrap(),
        Encoding::Wbxml => Reader::wbxml(bytes).unwrap(),
    };
    let mut elements = Vec::new();
    while reader.depth() > 0 {
        match reader.next().unwrap() {
            Event::Open(element) => elements.push(Some(element)),
            Event::Close => elements.push(None),
            Event::Text(_) => {}
        }
    }
    elements
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_primitive_in_every_version(seed: u64) {
        for version in Version::ALL {
            for sent in messages(seed, version) {
                for encoding in ENCODINGS {
                    let bytes = sent.encode(encoding);
                    let got = Message::decode(&bytes, encoding);
                    prop_assert_eq!(got.as_ref(), Ok(&sent), "{:?} {:?}", encoding, bytes);
                }
            }
        }
    }

    /// The two encodings are the same tree, of elements that the version has.
    #[test]
    fn one_tree_in_both_encodings(seed: u64) {
        for version in Version::ALL {
            for message in messages(seed, version) {
                let [xml, wbxml] = ENCODINGS.map(|encoding| {
                    elements(&message.encode(encoding), encoding)
                });
                prop_assert_eq!(&xml, &wbxml, "{:?}", message);
                for element in xml.iter().flatten() {
                    let entry = element.entry();
                    prop_assert!(entry.span.contains(version), "{} in {version}", entry.name);
                    prop_assert_ne!(*element, Element::Unknown);
                }
            }
        }
    }
}

/// What is not in the primitives, is read and never written, or is passed over.
const APART: &[&str] = &[
    "ExtBlock",
    "ExtBlockETEM",
    "ExtendedData",
    "OtherServer",
    "PresenceAttributeNSName",
    "SearchPair",
    "SegmentCount",
    "SegmentInfo",
    "SessionNSName",
    "TransactionNSName",
    "VersionList",
    "WV-CSP-Message",
    "WV-CSP-VersionDiscovery-Request",
    "WV-CSP-VersionDiscovery-Response",
];

/// The values by chance reach into every corner: no list of primitives is worth more.
#[test]
fn chance_writes_every_element() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        for version in Version::ALL {
            for message in messages(seed, version) {
                let found = elements(&message.encode(Encoding::Wbxml), Encoding::Wbxml);
                seen.extend(found.iter().flatten().map(|element| element.name()));
            }
        }
    }
    let missing: Vec<_> = Element::all()
        .map(Element::name)
        .filter(|name| !seen.contains(name) && !APART.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}
