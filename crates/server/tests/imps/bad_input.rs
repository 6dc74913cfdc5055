//! What strangers send as CSP: each has its answer, none stops the server.

use imps::csp::{
    CapabilityList, ClientCapabilityRequest, CreateGroupRequest, InviteRequest, InviteType,
    JoinGroupRequest, KeepAliveRequest, MessageInfo, PollingRequest, Recipient, SendMessageRequest,
    ServiceRequest, Status, User,
};
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Document, Encoding, Message, Mode, Primitive, Session, Transaction, Version};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::lab::handset::{document, outcome, wv};
use crate::lab::{Handset, Lab};

/// A request whose parts are easily found again.
fn good(version: Version, encoding: Encoding) -> Vec<u8> {
    let request = Transaction::request("t1", KeepAliveRequest::default());
    Message::new(version, Session::Inband("nosuch".to_owned()))
        .with(request)
        .encode(encoding)
        .to_vec()
}

/// The code that a document is answered with.
fn answered(handset: &mut Handset, document_sent: &[u8], encoding: Encoding) -> u16 {
    handset.encoding = encoding;
    let http = handset.post(document_sent);
    assert_eq!(http.status, 200);
    assert!(!http.body.is_empty(), "no answer to {document_sent:x?}");
    let Document::Message(answer) = document(&http, encoding) else {
        panic!("no message: {http:?}");
    };
    let [one] = answer.transactions.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(one.mode, Mode::Response);
    let told = outcome(&one.primitive);
    assert!(
        told.description.is_some_and(|why| why.len() > 5),
        "it says why"
    );
    told.code.number()
}

/// WBXML of 1.3 up to where the content of the root begins.
const OPEN: &[u8] = &[
    0x03, 0x12, 0x6A, 0x00, 0xC9, 0x0B, 0x03, b'1', b'.', b'3', 0x00, 0x01,
];

/// (what, after [`OPEN`] or as a whole)
#[rustfmt::skip]
const WBXML: &[(&str, bool, &[u8])] = &[
    ("nothing",                               false, b""),
    ("one byte",                              false, b"\x03"),
    ("a header alone",                        false, b"\x03\x12\x6A\x00"),
    ("a later version of WBXML",              false, b"\x04\x12\x6A\x00\xC9"),
    ("another character set",                 false, b"\x03\x12\x04\x00\x49\x01"),
    ("a name outside the string table",       false, b"\x03\x00\x63\x6A\x02a\0\x49\x01"),
    ("a string table beyond the end",         false, b"\x03\x12\x6A\xFF\xFF\xFF\x7F"),
    ("a number of more than 32 bits",         false, b"\x03\xFF\xFF\xFF\xFF\xFF\x7F"),
    ("a number without end",                  false, b"\x03\x12\x6A\x80\x80\x80\x80\x80\x80\x80\x80"),
    ("an end first",                          false, b"\x03\x12\x6A\x00\x01"),
    ("an unknown page",                       false, b"\x03\x12\x6A\x00\x00\x63\x49\x01"),
    ("a root that is none",                   false, b"\x03\x12\x6A\x00\x4A\x01"),
    ("XML",                                   false, b"<?xml version='1.0'?><WV-CSP-Message/>"),
    ("no content",                            true,  b""),
    ("no session",                            true,  b"\x01"),
    ("no end",                                true,  b"\x6D\x6E"),
    ("something after the end",               true,  b"\x6D\x01\x01\x01"),
    ("opaque beyond the end",                 true,  b"\x6D\x6E\xC3\xFF\xFF\xFF\x7Fabc"),
    ("a string without end",                  true,  b"\x6D\x6E\x03abc"),
    ("an offset outside the string table",    true,  b"\x6D\x6E\x83\x05\x01\x01\x01"),
    ("an unknown value",                      true,  b"\x6D\x6E\x70\x80\x87\x68\x01\x01\x01\x01"),
    ("an entity that is no character",        true,  b"\x6D\x6E\x02\x83\xB0\x00\x01\x01\x01"),
    ("a processing instruction",              true,  b"\x6D\x43\x01\x01\x01"),
    ("an extension",                          true,  b"\x6D\xC0\x01\x01"),
    ("a tag by a name that is not there",     true,  b"\x44\x7F\x01\x01"),
    ("text that is not UTF-8",                true,  b"\x6D\x6E\x03\xFF\xFE\0\x01\x01\x01"),
];

#[test]
fn wbxml_that_lies() {
    let lab = Lab::start();
    let mut stranger = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    for (what, is_inside, bytes) in WBXML {
        let open = if *is_inside { OPEN } else { b"" };
        let code = answered(&mut stranger, &[open, bytes].concat(), Encoding::Wbxml);
        assert_eq!(code, 400, "{what}");
    }
    // Deeper than anything of CSP, and so often that it would take a stack.
    for tag in [b"\x6D".as_slice(), b"\x44\x00", b"\x00\x0A\x52"] {
        let deep = [OPEN, &tag.repeat(100_000)].concat();
        assert_eq!(answered(&mut stranger, &deep, Encoding::Wbxml), 400);
    }
    // More elements than a message has.
    let wide = [OPEN, b"\x6D", &b"\x6E\x01".repeat(100_000), b"\x01\x01"].concat();
    assert_eq!(answered(&mut stranger, &wide, Encoding::Wbxml), 400);
    // Cut anywhere.
    let whole = good(Version::V1_3, Encoding::Wbxml);
    for end in 0..whole.len() {
        assert_eq!(
            answered(&mut stranger, &whole[..end], Encoding::Wbxml),
            400,
            "{end}"
        );
    }
    assert_eq!(answered(&mut stranger, &whole, Encoding::Wbxml), 604);
}

/// Entities that would be a billion of them.
fn laughs() -> String {
    let mut subset = "<!ENTITY l0 \"lol\">".to_owned();
    for n in 1..10 {
        let inner = format!("&l{};", n - 1).repeat(10);
        subset += &format!("<!ENTITY l{n} \"{inner}\">");
    }
    format!("<?xml version=\"1.0\"?><!DOCTYPE WV-CSP-Message [{subset}]>")
}

#[test]
fn xml_that_is_none_or_too_much() {
    let lab = Lab::start();
    let mut stranger = Handset::off(&lab, "alice", Version::V1_3, Encoding::Xml);
    let whole = String::from_utf8(good(Version::V1_2, Encoding::Xml)).unwrap();
    let root = "<WV-CSP-Message";
    let id = ">nosuch<";
    let deep = "<a>".repeat(100_000);
    let wide = "<a/>".repeat(100_000);
    let attributes = (0..50_000)
        .map(|n| format!(" a{n}=\"\""))
        .collect::<String>();
    let subset = "<!DOCTYPE WV-CSP-Message [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    #[rustfmt::skip]
    let rows: Vec<(&str, String)> = vec![
        ("no XML",                    "hello".to_owned()),
        ("blanks",                    " \n ".to_owned()),
        ("an internal subset",        whole.replace(root, &format!("{subset}{root}"))),
        ("an entity of one's own",    whole.replace(root, &format!("{subset}{root}")).replace(id, ">&x;<")),
        ("a billion laughs",          whole.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", &laughs()).replace(id, ">&l9;<")),
        ("an unknown entity",         whole.replace(id, ">&nosuch;<")),
        ("an open reference",         whole.replace(id, ">&amp<")),
        ("a character that is none",  whole.replace(id, ">&#0;<")),
        ("a control character",       whole.replace(id, ">a\u{1}b<")),
        ("a document type inside",    whole.replace("<Transaction>", "<!DOCTYPE x><Transaction>")),
        ("ends crossed",              whole.replace("</Session>", "</Transaction>")),
        ("an end too many",           whole.clone() + "</WV-CSP-Message>"),
        ("two roots",                 whole.clone() + &whole[whole.find(root).unwrap()..]),
        ("deep",                      whole.replace("<Transaction>", &format!("{deep}<Transaction>"))),
        ("deep in a primitive",       whole.replace("<KeepAlive-Request/>", &format!("<KeepAlive-Request>{deep}"))),
        ("wide",                      whole.replace("<Transaction>", &format!("{wide}<Transaction>"))),
        ("another root",              whole.replace("WV-CSP-Message", "WV-SSP-Message")),
        ("an open comment",           whole.replace(root, &format!("<!-- {root}"))),
        ("an open tag",               "<".repeat(100_000)),
    ];
    for (what, document_sent) in &rows {
        assert_ne!(*document_sent, whole, "{what}");
        let code = answered(&mut stranger, document_sent.as_bytes(), Encoding::Xml);
        assert_eq!(code, 400, "{what}");
    }
    let many = whole.replace(root, &format!("{root}{attributes}"));
    let code = answered(&mut stranger, many.as_bytes(), Encoding::Xml);
    assert!([400, 505, 604].contains(&code), "{code}");
    // The version is in the namespace.
    for (by, want) in [("WV-CSP1.9", 505), ("wv-csp1.2", 604)] {
        let other = whole.replace("WV-CSP1.2", by);
        assert_eq!(
            answered(&mut stranger, other.as_bytes(), Encoding::Xml),
            want,
            "{by}"
        );
    }
}

#[test]
fn encodings_that_are_not_read() {
    let lab = Lab::start();
    let mut stranger = Handset::off(&lab, "alice", Version::V1_3, Encoding::Xml);
    let whole = String::from_utf8(good(Version::V1_1, Encoding::Xml)).unwrap();
    let utf_16 = |big: bool| {
        let units = std::iter::once(0xFEFF_u16).chain(whole.encode_utf16());
        let bytes = units.map(|u| {
            if big {
                u.to_be_bytes()
            } else {
                u.to_le_bytes()
            }
        });
        bytes.flatten().collect::<Vec<u8>>()
    };
    let latin_1 = whole.replace("nosuch", "n?such").into_bytes();
    let latin_1: Vec<u8> = latin_1
        .iter()
        .map(|b| if *b == b'?' { 0xF6 } else { *b })
        .collect();
    for (what, bytes) in [
        ("big", utf_16(true)),
        ("little", utf_16(false)),
        ("latin", latin_1),
    ] {
        assert_eq!(
            answered(&mut stranger, &bytes, Encoding::Xml),
            400,
            "{what}"
        );
    }
    // A byte order mark and another name for the same octets are fine.
    let marked = format!("\u{feff}{}", whole.replace("UTF-8", "us-ascii"));
    assert_eq!(
        answered(&mut stranger, marked.as_bytes(), Encoding::Xml),
        604
    );
}

/// What somebody says reaches others as it is, or as something that can be written.
#[test]
fn text_that_cannot_be_written_does_not_spoil_the_document() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let text = "a\0b\u{1}c\u{ffff}]]>&<\r\n";
    let mut content = imps::csp::ContentData::Octets(text.as_bytes().to_vec());
    for version in Version::ALL {
        for encoding in [Encoding::Wbxml, Encoding::Xml] {
            let mut bob = Handset::speaking(&lab, "bob", version, encoding);
            let mut request = to_bob("");
            request.info.content_name = Some("x\u{1}".to_owned());
            request.content = Some(content.clone());
            assert_eq!(alice.code(request), 200);
            let heard = bob.hear_message();
            let heard = heard.content.unwrap();
            let heard = String::from_utf8_lossy(heard.as_bytes()).into_owned();
            assert!(
                heard.starts_with('a') && heard.contains("]]>&<"),
                "{heard:?}"
            );
        }
    }
    // An address is no place for them.
    content = "hello".into();
    for user in [
        "wv:bo\u{1}b@localhost",
        "wv:bo\u{7f}b@localhost",
        "wv:b\u{2028}ob",
    ] {
        let mut request = to_bob("");
        request.info.recipient.users = vec![User::new(user)];
        request.content = Some(content.clone());
        let code = alice.code(request);
        assert!([531, 901].contains(&code), "{user:?}: {code}");
    }
}

fn to_bob(text: &str) -> SendMessageRequest {
    SendMessageRequest {
        delivery_report: true,
        info: MessageInfo {
            recipient: Recipient {
                users: vec![User::new(wv("bob"))],
                ..Recipient::default()
            },
            ..MessageInfo::default()
        },
        content: Some(text.into()),
    }
}

/// One of much that a client may ask.
fn requests() -> Vec<Primitive> {
    let list = CapabilityList {
        multi_trans: Some(4),
        parser_size: Some(10_000),
        ..CapabilityList::default()
    };
    vec![
        KeepAliveRequest {
            time_to_live_s: Some(60),
        }
        .into(),
        PollingRequest {}.into(),
        ServiceRequest {
            functions: Some(Functions::of(&[Function::Getspi, Function::Creag])),
            all_functions: true,
            ..ServiceRequest::default()
        }
        .into(),
        ClientCapabilityRequest {
            capabilities: Some(Box::new(list)),
            ..ClientCapabilityRequest::default()
        }
        .into(),
        to_bob("hello").into(),
        CreateGroupRequest {
            group: "wv:alice/club@localhost".to_owned(),
            join: true,
            subscribe: true,
            ..CreateGroupRequest::default()
        }
        .into(),
        JoinGroupRequest {
            group: "wv:alice/club@localhost".to_owned(),
            joined_request: true,
            ..JoinGroupRequest::default()
        }
        .into(),
        InviteRequest {
            id: "i".to_owned(),
            invite_type: InviteType::Group,
            recipient: to_bob("").info.recipient,
            group: Some("wv:alice/club@localhost".to_owned()),
            validity_s: Some(5),
            ..InviteRequest::default()
        }
        .into(),
        Status::new(Code::SUCCESSFUL).into(),
    ]
}

/// Good documents, by version and encoding, to be spoilt.
fn good_ones(alice: &Handset) -> Vec<(Encoding, Vec<u8>)> {
    let mut documents = Vec::new();
    for encoding in [Encoding::Wbxml, Encoding::Xml] {
        for version in Version::ALL {
            let login = Message::new(version, Session::Outband)
                .with(Transaction::request("l", alice.login_request()));
            documents.push((encoding, login.encode(encoding).to_vec()));
            for (n, request) in requests().into_iter().enumerate() {
                let message = Message::new(version, Session::Inband(alice.session.clone()))
                    .with(Transaction::request(n.to_string(), request));
                documents.push((encoding, message.encode(encoding).to_vec()));
            }
        }
    }
    documents
}

/// One change to a document: where, as a part of its length, and what.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(Vec<u8>),
    Remove(usize),
    Cut,
    Repeat(usize),
}

fn change() -> impl Strategy<Value = (f64, Change)> {
    let change = prop_oneof![
        any::<u8>().prop_map(Change::Set),
        proptest::collection::vec(any::<u8>(), 1..6).prop_map(Change::Insert),
        (1_usize..8).prop_map(Change::Remove),
        Just(Change::Cut),
        (1_usize..40).prop_map(Change::Repeat),
    ];
    (0.0..1.0, change)
}

fn spoilt(mut bytes: Vec<u8>, changes: Vec<(f64, Change)>) -> Vec<u8> {
    for (place, change) in changes {
        let at = (place * bytes.len() as f64) as usize;
        match change {
            Change::Set(byte) => {
                if let Some(old) = bytes.get_mut(at) {
                    *old = byte;
                }
            }
            Change::Insert(new) => drop(bytes.splice(at..at, new)),
            Change::Remove(count) => drop(bytes.drain(at..bytes.len().min(at + count))),
            Change::Cut => bytes.truncate(at),
            Change::Repeat(count) => {
                let piece = bytes[at..bytes.len().min(at + count)].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

/// No bytes ever panic the server or hang it: whatever it is, an answer comes, and the next
/// request is answered on the same connection.
#[test]
fn no_bytes_stop_the_server() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let documents = good_ones(&alice);
    let encoding = prop_oneof![Just(Encoding::Wbxml), Just(Encoding::Xml)];
    let noise = (encoding, proptest::collection::vec(any::<u8>(), 0..200));
    let changes = proptest::collection::vec(change(), 1..4);
    let changed = (proptest::sample::select(documents), changes)
        .prop_map(|((encoding, bytes), changes)| (encoding, spoilt(bytes, changes)));
    let strategy = prop_oneof![1 => noise, 4 => changed];
    let config = Config {
        cases: 3000,
        failure_persistence: None,
        ..Config::default()
    };
    let alice = std::cell::RefCell::new(&mut alice);
    TestRunner::new(config)
        .run(&strategy, |(encoding, bytes)| {
            let mut alice = alice.borrow_mut();
            alice.encoding = encoding;
            let http = alice.post(&bytes);
            prop_assert_eq!(http.status, 200);
            if !http.body.is_empty() {
                prop_assert!(Document::decode(&http.body, encoding).is_ok());
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(bob.code(KeepAliveRequest::default()), 200);
    bob.hear_all();
    assert_eq!(bob.send("alice", "hello").outcome.code.number(), 200);
}
