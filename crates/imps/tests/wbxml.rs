//! WBXML, octet by octet: every form of every value that is read, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::{
    ContentData, Group, MessageInfo, NewMessage, Sender, Status, SubscribeGroupNoticeResponse,
};
use imps::{
    DateTime, Document, Encoding, FlawKind, MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, Message, Primitive,
    Session, Version,
};

/// A document of one transaction of 1.3, with this in it.
fn document(primitive: &[u8]) -> Vec<u8> {
    with_head(b"\x03\x12\x6A\x00", primitive)
}

fn with_head(head: &[u8], primitive: &[u8]) -> Vec<u8> {
    [head, BEFORE, primitive, AFTER].concat()
}

/// `WV-CSP-Message` with its namespace, `Session`, its descriptor (`Inband`, `S1`), `Transaction`,
/// its descriptor (`Request`, `t1`), and `TransactionContent`.
const BEFORE: &[u8] = b"\xC9\x0B\x031.3\x00\x01\x6D\x6E\x70\x80\x11\x01\x6F\x03S1\x00\x01\x01\
    \x72\x74\x76\x80\x20\x01\x75\x03t1\x00\x01\x01\xF3\x0D\x031.3\x00\x01";

const AFTER: &[u8] = &[0x01; 4];

fn decode(bytes: &[u8]) -> Message {
    let message = Message::decode(bytes, Encoding::Wbxml).expect("a message");
    assert_eq!(message.session, Session::Inband("S1".to_owned()));
    message
}

fn primitive(bytes: &[u8]) -> Primitive {
    let message = decode(&document(bytes));
    assert_eq!(message.refused, []);
    let [transaction] = &message.transactions[..] else {
        panic!("one transaction");
    };
    assert_eq!(transaction.id, "t1");
    transaction.primitive.clone()
}

fn new_message(bytes: &[u8]) -> NewMessage {
    match primitive(bytes) {
        Primitive::NewMessage(message) => message,
        other => panic!("{other:?}"),
    }
}

fn code(bytes: &[u8]) -> u16 {
    match primitive(bytes) {
        Primitive::Status(Status { outcome, .. }) => outcome.code.number(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers() {
    let rows: &[(&[u8], u16)] = &[
        (b"\xC3\x01\xC8", 200),
        (b"\xC3\x02\x02\x22", 546),
        (b"\xC3\x04\x00\x00\x02\x22", 546),
        (b"\xC3\x00", 0),
        (b"\xC3\x01\x00", 0),
        // As text, and in pieces.
        (b"\x03200\x00", 200),
        (b"\x03 200\n\x00", 200),
        (b"\x032\x00\x0300\x00", 200),
        // The length in more octets than it needs.
        (b"\xC3\x80\x01\xC8", 200),
    ];
    for (content, want) in rows {
        let bytes = [b"\x71\x6A\x4B", *content, b"\x01\x01\x01"].concat();
        assert_eq!(code(&bytes), *want, "{content:x?}");
    }
    // Nothing at all in the element, which then has no end of its own.
    assert_eq!(
        Message::decode(&document(b"\x71\x6A\x0B\x01\x01"), Encoding::Wbxml)
            .unwrap()
            .refused
            .len(),
        1
    );
}

#[test]
fn a_number_that_is_too_large_spoils_its_transaction_only() {
    for content in [
        &b"\xC3\x05\x01\x00\x00\x00\x00"[..],
        b"\xC3\x03\x01\x00\x00",
        b"\x03x\x00",
    ] {
        let bytes = [b"\x71\x6A\x4B", content, b"\x01\x01\x01"].concat();
        let message = decode(&document(&bytes));
        let [refused] = &message.refused[..] else {
            panic!("{content:x?}");
        };
        assert_eq!(
            (refused.id.as_str(), refused.flaw.status().number()),
            ("t1", 400)
        );
    }
}

#[test]
fn text_in_runs() {
    let rows: &[(&[u8], &str)] = &[
        (b"\x03wv:ann@im.com\x00", "wv:ann@im.com"),
        (b"\x03wv:\x00\x03ann\x00", "wv:ann"),
        // A value token for a part: `http://` and the rest.
        (b"\x80\x0E\x03im.com\x00", "http://im.com"),
        (b"\x80\x0E\x03client.dave/\x00", "http://client.dave/"),
        // A token of two octets: EC.
        (b"\x80\x81\x20", "EC"),
        // An entity, U+00E9.
        (b"\x03an\x00\x02\x81\x69", "an\u{e9}"),
        // Octets that are text.
        (b"\xC3\x03ann", "ann"),
        (b"\x03a\x00\xC3\x02nn", "ann"),
        (b"", ""),
    ];
    for (content, want) in rows {
        // NewMessage, MessageInfo, MessageID; Recipient.
        let bytes = [b"\x00\x06\x55\x53\x00\x00\x5B", *content, b"\x01\x01\x01"].concat();
        let message = new_message(&bytes);
        assert_eq!(message.info.id.as_deref(), Some(*want), "{content:x?}");
    }
}

#[test]
fn strings_of_the_table() {
    // Two strings; the second begins at 3, and the tail of the first at 1.
    let head = b"\x03\x12\x6A\x07id\x00wv:\x00";
    let rows: &[(&[u8], &str)] = &[
        (b"\x83\x00", "id"),
        (b"\x83\x01", "d"),
        (b"\x83\x03\x03ann\x00", "wv:ann"),
        (b"\x83\x02", ""),
    ];
    for (content, want) in rows {
        let bytes = [b"\x00\x06\x55\x53\x00\x00\x5B", *content, b"\x01\x01\x01"].concat();
        let message = decode(&with_head(head, &bytes));
        let Primitive::NewMessage(message) = &message.transactions[0].primitive else {
            panic!("{content:x?}");
        };
        assert_eq!(message.info.id.as_deref(), Some(*want), "{content:x?}");
    }
}

#[test]
fn dates_and_content() {
    let date = DateTime::utc((2001, 9, 25), (16, 58, 59));
    for content in [
        &b"\xC3\x06\x1F\x46\x73\x0E\xBB\x5A"[..],
        b"\x0320010925T165859Z\x00",
    ] {
        let bytes = [b"\x00\x06\x55\x53\x00\x00\x51", content, b"\x01\x01\x01"].concat();
        assert_eq!(new_message(&bytes).info.date, date, "{content:x?}");
    }
    // ContentEncoding BASE64: the content is octets, or their text.
    for content in [&b"\xC3\x02\xFF\x00"[..], b"\x03/wA=\x00"] {
        let bytes = [
            b"\x00\x06\x55\x53\x00\x00\x4E\x80\x07\x01\x01\x4D",
            content,
            b"\x01\x01",
        ]
        .concat();
        let want = ContentData::Octets(vec![0xFF, 0]);
        assert_eq!(new_message(&bytes).content, Some(want), "{content:x?}");
    }
}

#[test]
fn elements_without_content() {
    // Polling-Request, with and without the bit for content; and with attributes.
    for bytes in [
        &b"\x00\x01\x62\x01"[..],
        b"\x00\x01\x22",
        b"\x00\x01\xA2\x05\x031.1\x00\x01",
    ] {
        assert_eq!(primitive(bytes).name(), "Polling-Request", "{bytes:x?}");
    }
}

#[test]
fn elements_that_are_not_known() {
    // In a Status: an unknown tag of page 0, one of page 7, and a literal one, each with something
    // inside; and then the Result.
    let head = b"\x03\x12\x6A\x0Cx:Result\x00new";
    let unknown = b"\x71\x7F\x6A\x4B\x03x\x00\x01\x01\x01\x00\x07\x7E\x01\x00\x00\x44\x09\x03x\x00\x01\x6A\x4B\xC3\x01\xC8\x01\x01\x01";
    let message = decode(&with_head(head, unknown));
    assert_eq!(message.transactions.len(), 1, "{:?}", message.refused);
    // A literal tag can be one that is known: the prefix does not count.
    let literal = b"\x71\x44\x00\x4B\xC3\x01\xC8\x01\x01\x01";
    let message = decode(&with_head(head, literal));
    assert_eq!(message.transactions.len(), 1, "{:?}", message.refused);
    // A page that nobody has.
    let message = decode(&document(
        b"\x71\x00\x55\x45\x01\x00\x00\x6A\x4B\xC3\x01\xC8\x01\x01\x01",
    ));
    assert_eq!(message.transactions.len(), 1, "{:?}", message.refused);
}

#[test]
fn tokens_with_two_meanings() {
    // 0x3D in SearchElement (page 1) is GROUP_ID, and in the Name of a property (page 0) History.
    let search = b"\x00\x01\x6B\x6A\x64\x80\x3D\x01\x73\x03x\x00\x01\x01\x01";
    match primitive(search) {
        Primitive::SearchRequest(request) => assert_eq!(request.pairs[0].element, "GROUP_ID"),
        other => panic!("{other:?}"),
    }
    let set = b"\x00\x07\x5C\x00\x00\x56\x03g\x00\x01\x00\x07\x58\x00\x00\x65\x5E\x80\x3D\x01\x01\x01\x01";
    match primitive(set) {
        Primitive::SetGroupPropsRequest(request) => {
            assert_eq!(request.own_properties[0].name, "History");
        }
        other => panic!("{other:?}"),
    }
    // 0x68 is IM up to 1.2, and AP from 1.3 on. Here as the InviteType.
    let invite = b"\x00\x01\x59\x54\x03i\x00\x01\x58\x80\x68\x01\x01";
    for (head, want) in [
        (&b"\x03\x12\x6A\x00"[..], "AP"),
        (b"\x03\x11\x6A\x00", "IM"),
    ] {
        // Without a namespace the version is that of the header.
        let bytes = [head, b"\x49", &BEFORE[8..], invite, AFTER].concat();
        let message = decode(&bytes);
        let Primitive::InviteUserRequest(request) = &message.transactions[0].primitive else {
            panic!("{want}");
        };
        assert_eq!(request.invite_type.as_str(), want);
    }
}

#[test]
fn boolean_values() {
    let rows: &[(&[u8], Option<bool>)] = &[
        (b"\x80\x2C", Some(true)),
        (b"\x80\x0B", Some(false)),
        (b"\x03T\x00", Some(true)),
        (b"\x03 f \x00", Some(false)),
        (b"\x03maybe\x00", None),
        (b"\xC3\x01\x01", None),
    ];
    for (content, want) in rows {
        let bytes = [b"\x00\x07\x5E\x00\x00\x7D", *content, b"\x01\x01"].concat();
        let message = decode(&document(&bytes));
        let value = message.transactions.first().map(|transaction| {
            let primitive = transaction.primitive.clone();
            matches!(
                primitive,
                Primitive::SubscribeGroupNoticeResponse(SubscribeGroupNoticeResponse {
                    value: true
                })
            )
        });
        assert_eq!(value, *want, "{content:x?}");
    }
}

/// How a document begins, how its root does, and the version that they tell.
type Head = (&'static [u8], &'static [u8], Option<Version>);

const PLAIN: &[u8] = b"\x03\x12\x6A\x00";
const FOREIGN: &[u8] = b"\x03\x00\x00\x6A\x03SI\x00";

#[rustfmt::skip]
const HEADS: &[Head] = &[
    // The header says which version only if the root does not.
    (b"\x03\x10\x6A\x00", b"\x49", Some(Version::V1_1)),
    (b"\x03\x11\x6A\x00", b"\x49", Some(Version::V1_2)),
    (b"\x03\x12\x6A\x00", b"\x49", Some(Version::V1_3)),
    (b"\x01\x12\x6A\x00", b"\x49", Some(Version::V1_3)),
    (b"\x03\x00\x00\x6A\x1B-//OMA//DTD WV-CSP 1.2//EN\x00", b"\x49", Some(Version::V1_2)),
    (b"\x03\x00\x00\x6A\x1A-//OMA//DTD WV-CSP 1.2//EN", b"\x49", Some(Version::V1_2)),
    // The namespace is right, whatever the header says.
    (b"\x03\x0F\x6A\x00", b"\xC9\x05\x031.1\x00\x01", Some(Version::V1_1)),
    (b"\x03\x0F\x6A\x00", b"\xFE\x05\x031.1\x00\x01", Some(Version::V1_1)),
    (PLAIN, b"\xC9\x08\x031.2\x00\x01", Some(Version::V1_2)),
    (b"\x03\x01\x6A\x00", b"\xC9\x0B\x031.3\x00\x01", Some(Version::V1_3)),
    (FOREIGN, b"\xC9\x0B\x031.3\x00\x01", Some(Version::V1_3)),
    // The number of the version from the string table, and in pieces.
    (b"\x03\x12\x6A\x041.2\x00", b"\xC9\x08\x83\x00\x01", Some(Version::V1_2)),
    (PLAIN, b"\xC9\x0B\x031.\x00\x033\x00\x01", Some(Version::V1_3)),
    // The attribute's name as a string, and another attribute before it.
    (b"\x03\x12\x6A\x06xmlns\x00", b"\xC9\x04\x00\x03http://www.wireless-village.org/CSP1.1\x00\x01", Some(Version::V1_1)),
    (b"\x03\x12\x6A\x02x\x00", b"\xC9\x04\x00\x03y\x00\x0B\x031.3\x00\x01", Some(Version::V1_3)),
    // Not spoken here.
    (b"\x03\x0F\x6A\x00", b"\x7E", None),
    (b"\x03\x0F\x6A\x00", b"\xC9\x05\x031.0\x00\x01", None),
    (PLAIN, b"\xC9\x0B\x031.4\x00\x01", None),
    (FOREIGN, b"\x49", None),
];

#[test]
fn versions() {
    let status = b"\x71\x6A\x4B\xC3\x01\xC8\x01\x01\x01";
    let rest = [&BEFORE[8..], status, AFTER].concat();
    for (head, root, want) in HEADS {
        let bytes = [*head, *root, &rest].concat();
        match (Message::decode(&bytes, Encoding::Wbxml), want) {
            (Ok(message), Some(version)) => assert_eq!(message.version, *version, "{bytes:x?}"),
            (Err(error), None) => {
                assert_eq!(error.flaw.kind, FlawKind::UnknownVersion, "{bytes:x?}");
                assert_eq!(error.status().number(), 505);
                // Whose message it was is known all the same.
                assert_eq!(error.session.as_deref(), Some("S1"));
            }
            (got, want) => panic!("{bytes:x?}: {got:?}, not {want:?}"),
        }
    }
}

#[test]
fn every_cut_is_refused() {
    let whole = document(b"\x71\x6A\x4B\xC3\x01\xC8\x01\x01\x01");
    for length in 0..whole.len() {
        let error = Message::decode(&whole[..length], Encoding::Wbxml).unwrap_err();
        assert_eq!(error.flaw.kind, FlawKind::Truncated, "{length}");
        assert_eq!(error.status().number(), 400);
    }
    // As much of the addresses as there was.
    let error = Message::decode(&whole[..whole.len() - 5], Encoding::Wbxml).unwrap_err();
    assert_eq!(error.session.as_deref(), Some("S1"));
    assert_eq!(error.transaction.as_deref(), Some("t1"));
}

#[test]
fn lies_are_refused() {
    let in_message_id = |content: &[u8]| {
        document(&[b"\x00\x06\x55\x53\x00\x00\x5B", content, b"\x01\x01\x01"].concat())
    };
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("a string outside the table", in_message_id(b"\x83\x00")),
        (
            "a string far outside",
            in_message_id(b"\x83\x8F\xFF\xFF\xFF\x7F"),
        ),
        (
            "octets past the end",
            in_message_id(b"\xC3\x8F\xFF\xFF\xFF\x7F"),
        ),
        (
            "a number of 36 bits",
            in_message_id(b"\x83\xFF\xFF\xFF\xFF\x7F"),
        ),
        (
            "a number without end",
            in_message_id(b"\x83\x80\x80\x80\x80\x80\x80\x80\x00"),
        ),
        ("a value token that is none", in_message_id(b"\x80\x81\x7F")),
        (
            "an entity that is no character",
            in_message_id(b"\x02\x83\xB0\x00"),
        ),
        ("an entity that is NUL", in_message_id(b"\x02\x00")),
        ("text that is not UTF-8", in_message_id(b"\x03\xFF\x00")),
        (
            "an extension of another language",
            in_message_id(b"\x40x\x00"),
        ),
        ("a processing instruction", in_message_id(b"\x43\x05\x01")),
        ("a literal tag outside the table", document(b"\x44\x30\x01")),
        (
            "a document type outside the table",
            b"\x03\x00\x05\x6A\x00\x49".to_vec(),
        ),
        (
            "a string table past the end",
            b"\x03\x12\x6A\x8F\xFF\xFF\xFF\x7Fa".to_vec(),
        ),
        ("WBXML 2", b"\x10\x12\x6A\x00\x49".to_vec()),
        ("ISO-8859-1", b"\x03\x12\x04\x00\x49".to_vec()),
        ("another root", b"\x03\x12\x6A\x00\x71\x01".to_vec()),
        ("no root", b"\x03\x12\x6A\x00\x03x\x00".to_vec()),
        ("no session", b"\x03\x12\x6A\x00\x49\x01".to_vec()),
        (
            "something behind the root",
            [document(b"\x71\x6A\x4B\xC3\x01\xC8\x01\x01\x01"), vec![1]].concat(),
        ),
        ("nothing", vec![]),
    ];
    for (what, bytes) in rows {
        let error = Document::decode(&bytes, Encoding::Wbxml).expect_err(what);
        assert_eq!(error.status().number(), 400, "{what}: {error}");
    }
}

#[test]
fn floods_are_refused() {
    let too_large = |bytes: &[u8], what: &str| {
        let error = Document::decode(bytes, Encoding::Wbxml).expect_err(what);
        match error.flaw.kind {
            FlawKind::TooLarge { what: found, .. } => assert_eq!(found, what),
            other => panic!("{what}: {other}"),
        }
    };
    too_large(&vec![0; MAX_BYTES + 1], "bytes");
    too_large(&document(&[0x6A; MAX_DEPTH]), "elements inside each other");
    let mut many = b"\x71".to_vec();
    many.resize(MAX_ELEMENTS, 0x2A);
    too_large(&document(&many), "elements");
    // A long string, named again and again: what it costs is not its product.
    let mut head = b"\x03\x12\x6A\x84\x80\x00".to_vec();
    head.resize(head.len() + (4 << 14), b'x');
    let names = b"\x83\x00".repeat(300_000);
    let bytes = with_head(
        &head,
        &[b"\x00\x06\x55\x53\x00\x00\x5B", &names[..], b"\x01\x01\x01"].concat(),
    );
    too_large(&bytes, "bytes of text");
    let transactions = b"\x72\x01".repeat(300);
    let bytes = [
        b"\x03\x12\x6A\x00\xC9\x0B\x031.3\x00\x01\x6D",
        &transactions[..],
        b"\x01\x01",
    ]
    .concat();
    too_large(&bytes, "transactions");
}

#[test]
fn what_is_written() {
    let info = MessageInfo {
        content_type: Some("text/plain".to_owned()),
        content_encoding: Some("BASE64".to_owned()),
        content_size: 0,
        sender: Some(Sender::Group(Group::Id("a\0b".to_owned()))),
        ..MessageInfo::default()
    };
    let content = Some(ContentData::Octets(vec![0, 0xFF]));
    let primitive = NewMessage { info, content };
    let message = Message::new(Version::V1_2, Session::Outband)
        .with(imps::Transaction::response("", primitive));
    let want: &[&[u8]] = &[
        // The public identifier of 1.2, UTF-8, no string table; the root and its namespace.
        b"\x03\x11\x6A\x00\xC9\x08\x031.2\x00\x01\x6D\x6E\x70\x80\x19\x01\x01",
        // Transaction, descriptor, mode; no id.
        b"\x72\x74\x76\x80\x21\x01\x01\xF3\x0A\x031.2\x00\x01",
        // NewMessage, MessageInfo, ContentType, ContentEncoding, ContentSize: zero is one octet.
        b"\x00\x06\x55\x53\x00\x00\x50\x80\x28\x01\x4E\x80\x07\x01\x4F\xC3\x01\x00\x01",
        // An empty Recipient has no content; a NUL cannot be carried.
        b"\x27\x6C\x55\x56\x03a\xEF\xBF\xBDb\x00\x01\x01\x01\x01",
        // The content as octets, and all ends.
        b"\x4D\xC3\x02\x00\xFF\x01\x01\x01\x01\x01\x01",
    ];
    assert_eq!(message.encode(Encoding::Wbxml), want.concat());
}
