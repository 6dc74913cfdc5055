//! What is too long, too many or malformed is refused, and the longest that is allowed is kept.

use store::{
    Binding, CONTENT_BYTES_MAX, CommitError, Credentials, DOCUMENT_BYTES_MAX, Delivery, Document,
    EXTRA_BYTES_MAX, Expect, Fence, Flaw, MSISDN_DIGITS_MAX, MSISDN_DIGITS_MIN, Message,
    NAME_BYTES_MAX, PARAMS_BYTES_MAX, PATH_URIS_MAX, SECRET_BYTES_MAX, TEXT_BYTES_MAX,
    UNIT_WRITES_MAX, URI_BYTES_MAX, Write,
};

use crate::bench::{all, home};
use crate::samples::{account, binding, delivery, document, member, message, room};
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    (
        "what is too long, empty or malformed is refused",
        spoilt_is_refused,
    ),
    ("the longest of everything is kept", longest_is_kept),
    (
        "the longest documents, messages and deliveries are kept",
        longest_contents_are_kept,
    ),
    (
        "the shortest telephone number is kept",
        shortest_number_is_kept,
    ),
    ("a unit has a bounded number of writes", unit_is_bounded),
    ("a node's name is bounded", node_is_bounded),
];

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const COLLECTION: &str = "resource-lists";

/// (the field that is objected to, a good write with one thing spoilt)
type Row = (&'static str, Write);

fn spoilt_is_refused(bench: &mut Bench) {
    let rows: Vec<Row> = [
        spoilt_accounts(),
        spoilt_bindings(),
        spoilt_rooms(),
        spoilt_documents(),
        spoilt_messages(),
        spoilt_deliveries(),
    ]
    .concat();
    for (field, write) in rows {
        let fence = Fence::Owned {
            partition: home(&write),
            epoch: bench.epoch,
        };
        let refused = bench.store.commit(std::slice::from_ref(&write), fence);
        let objected = match &refused {
            Err(CommitError::Flaw(
                Flaw::Empty { field }
                | Flaw::Form { field, .. }
                | Flaw::TooLong { field, .. }
                | Flaw::TooMany { things: field, .. },
            )) => field,
            other => panic!("{field}: {other:?}"),
        };
        assert_eq!(*objected, field, "{refused:?}");
    }
    let accounts = all(10, |after, limit| bench.reader.accounts(after, limit));
    let bindings = all(10, |after, limit| bench.reader.all_bindings(after, limit));
    let rooms = all(10, |after, limit| bench.reader.open_rooms(after, limit));
    assert!(accounts.is_empty() && bindings.is_empty() && rooms.is_empty());
    let documents = all(10, |after, limit| {
        bench.reader.documents(COLLECTION, after, limit)
    });
    let messages = bench.reader.count_messages(BOB).unwrap();
    let deliveries = bench.reader.count_deliveries(ALICE).unwrap();
    assert!(documents.is_empty() && messages == 0 && deliveries == 0);
}

fn spoilt_accounts() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut store::Account)| {
        let mut account = account("alice");
        spoil(&mut account);
        (field, Write::AddAccount(account))
    };
    vec![
        spoil("account's name", |a| a.name = String::new()),
        spoil("account's name", |a| a.name = long(NAME_BYTES_MAX)),
        spoil("account's name", |a| a.name = "a\0b".to_owned()),
        spoil("account's domain", |a| a.domain = String::new()),
        spoil("account's domain", |a| a.domain = long(NAME_BYTES_MAX)),
        spoil("name shown", |a| {
            a.display_name = Some(long(TEXT_BYTES_MAX));
        }),
        spoil("telephone number", |a| {
            a.msisdn = Some("1".repeat(MSISDN_DIGITS_MIN - 1));
        }),
        spoil("telephone number", |a| {
            a.msisdn = Some("1".repeat(MSISDN_DIGITS_MAX + 1));
        }),
        spoil("telephone number", |a| a.msisdn = Some("+4917".to_owned())),
        spoil("telephone number", |a| a.msisdn = Some("49 17".to_owned())),
        spoil("telephone number", |a| a.msisdn = Some("٤٩١٧".to_owned())),
        spoil("telephone number", |a| a.msisdn = Some(String::new())),
        spoil("MD5 digest", |a| {
            a.credentials.ha1_md5 = Some("0".repeat(31));
        }),
        spoil("MD5 digest", |a| {
            a.credentials.ha1_md5 = Some("A".repeat(32));
        }),
        spoil("SHA-256 digest", |a| {
            a.credentials.ha1_sha256 = Some("g".repeat(64));
        }),
        spoil("SHA-256 digest", |a| {
            a.credentials.ha1_sha256 = Some("0".repeat(65));
        }),
        spoil("sealed password", |a| {
            a.credentials.imps_secret = Some(vec![0; SECRET_BYTES_MAX + 1]);
        }),
    ]
}

fn spoilt_bindings() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut Binding)| {
        let mut binding = binding("sip:bob@localhost", "phone");
        spoil(&mut binding);
        (field, Write::PutBinding(binding))
    };
    vec![
        spoil("address of record", |b| b.aor = String::new()),
        spoil("address of record", |b| b.aor = long(URI_BYTES_MAX)),
        spoil("binding's key", |b| b.key = String::new()),
        spoil("binding's key", |b| b.key = long(URI_BYTES_MAX)),
        spoil("contact", |b| b.contact = String::new()),
        spoil("contact", |b| b.contact = long(URI_BYTES_MAX)),
        spoil("contact's parameters", |b| {
            b.params = long(PARAMS_BYTES_MAX);
        }),
        spoil("URIs in the path", |b| {
            b.path = vec!["<sip:edge>".to_owned(); PATH_URIS_MAX + 1];
        }),
        spoil("path", |b| b.path = vec![String::new()]),
        spoil("path", |b| b.path = vec![long(URI_BYTES_MAX)]),
        spoil("path", |b| b.path = vec!["<sip:a>\n<sip:b>".to_owned()]),
        spoil("Call-ID", |b| b.call_id = long(TEXT_BYTES_MAX)),
        spoil("preference", |b| b.q = 1001),
        spoil("instance", |b| b.instance = Some(long(NAME_BYTES_MAX))),
        spoil("node", |b| b.node = long(NAME_BYTES_MAX)),
        spoil("connection's name", |b| b.flow = long(NAME_BYTES_MAX)),
        spoil("user agent", |b| b.user_agent = Some(long(TEXT_BYTES_MAX))),
        spoil("user agent", |b| b.user_agent = Some("\0".to_owned())),
    ]
}

fn spoilt_rooms() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut store::Room)| {
        let mut room = room("sip:aax7@localhost");
        spoil(&mut room);
        (field, Write::OpenRoom(room))
    };
    let spoil_member = |field, spoil: fn(&mut store::Member)| {
        let mut member = member("sip:aax7@localhost", "sip:bob@localhost");
        spoil(&mut member);
        (field, Write::PutMember(member))
    };
    let change = |host: &str, subject| Write::ChangeRoom {
        identity: "sip:aax7@localhost".to_owned(),
        host: host.to_owned(),
        subject,
    };
    vec![
        spoil("room's identity", |r| r.identity = String::new()),
        spoil("room's identity", |r| r.identity = long(URI_BYTES_MAX)),
        spoil("group", |r| r.group = Some(long(URI_BYTES_MAX))),
        spoil("host", |r| r.host = String::new()),
        spoil("host", |r| r.host = long(URI_BYTES_MAX)),
        spoil("subject", |r| r.subject = Some(long(TEXT_BYTES_MAX))),
        spoil("room", |r| r.closed_at_ms = Some(5)),
        ("host", change("", None)),
        ("subject", change("h", Some(long(TEXT_BYTES_MAX)))),
        spoil_member("room's identity", |m| m.room = String::new()),
        spoil_member("room's identity", |m| m.room = long(URI_BYTES_MAX)),
        spoil_member("member's address", |m| m.address = String::new()),
        spoil_member("member's address", |m| m.address = long(URI_BYTES_MAX)),
        spoil_member("name shown", |m| m.display = Some(long(TEXT_BYTES_MAX))),
    ]
}

fn spoilt_documents() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut Document)| {
        let mut document = document(COLLECTION, "index");
        spoil(&mut document);
        let expect = Expect::Any;
        (field, Write::PutDocument { document, expect })
    };
    vec![
        spoil("collection", |d| d.collection = String::new()),
        spoil("collection", |d| d.collection = long(NAME_BYTES_MAX)),
        spoil("document's name", |d| d.name = String::new()),
        spoil("document's name", |d| d.name = long(URI_BYTES_MAX)),
        spoil("document's name", |d| d.name = "a\0b".to_owned()),
        spoil("owner", |d| d.owner = String::new()),
        spoil("owner", |d| d.owner = long(URI_BYTES_MAX)),
        spoil("etag", |d| d.etag = String::new()),
        spoil("etag", |d| d.etag = long(NAME_BYTES_MAX)),
        spoil("document", |d| d.body = vec![0; DOCUMENT_BYTES_MAX + 1]),
    ]
}

fn spoilt_messages() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut Message)| {
        let mut message = message(BOB, "m1");
        spoil(&mut message);
        let limit = 10;
        (field, Write::AddMessage { message, limit })
    };
    vec![
        spoil("recipient", |m| m.to = String::new()),
        spoil("recipient", |m| m.to = long(URI_BYTES_MAX)),
        spoil("message's id", |m| m.id = String::new()),
        spoil("message's id", |m| m.id = long(NAME_BYTES_MAX)),
        spoil("sender", |m| m.from = String::new()),
        spoil("sender", |m| m.from = long(URI_BYTES_MAX)),
        spoil("name shown", |m| m.display = Some(long(TEXT_BYTES_MAX))),
        spoil("subject", |m| m.subject = Some(long(TEXT_BYTES_MAX))),
        spoil("subject", |m| m.subject = Some("\0".to_owned())),
        spoil("content type", |m| m.content_type = String::new()),
        spoil("content type", |m| m.content_type = long(TEXT_BYTES_MAX)),
        spoil("content", |m| m.content = vec![0; CONTENT_BYTES_MAX + 1]),
        spoil("extra data", |m| m.extra = vec![0; EXTRA_BYTES_MAX + 1]),
    ]
}

fn spoilt_deliveries() -> Vec<Row> {
    let spoil = |field, spoil: fn(&mut Delivery)| {
        let mut delivery = delivery(ALICE, "m1", BOB);
        spoil(&mut delivery);
        (field, Write::PutDelivery(delivery))
    };
    vec![
        spoil("one to be told", |d| d.to = String::new()),
        spoil("one to be told", |d| d.to = long(URI_BYTES_MAX)),
        spoil("message's id", |d| d.message = String::new()),
        spoil("message's id", |d| d.message = long(NAME_BYTES_MAX)),
        spoil("recipient", |d| d.recipient = String::new()),
        spoil("recipient", |d| d.recipient = long(URI_BYTES_MAX)),
        spoil("extra data", |d| d.extra = vec![0; EXTRA_BYTES_MAX + 1]),
    ]
}

fn longest_is_kept(bench: &mut Bench) {
    let mut account = account(&longest(NAME_BYTES_MAX));
    account.domain = longest(NAME_BYTES_MAX);
    account.display_name = Some(longest(TEXT_BYTES_MAX));
    account.msisdn = Some("9".repeat(MSISDN_DIGITS_MAX));
    account.credentials = Credentials {
        imps_secret: Some(vec![255; SECRET_BYTES_MAX]),
        ..account.credentials
    };
    bench.write(Write::AddAccount(account.clone())).unwrap();
    let found = bench.reader.account(&account.name, &account.domain);
    assert_eq!(found, Ok(Some(account)));

    let uri = longest(URI_BYTES_MAX);
    let binding = Binding {
        contact: uri.clone(),
        params: longest(PARAMS_BYTES_MAX),
        path: vec![uri.clone(); PATH_URIS_MAX],
        call_id: longest(TEXT_BYTES_MAX),
        instance: Some(longest(NAME_BYTES_MAX)),
        node: longest(NAME_BYTES_MAX),
        flow: longest(NAME_BYTES_MAX),
        user_agent: Some(longest(TEXT_BYTES_MAX)),
        ..binding(&uri, &uri)
    };
    bench.write(Write::PutBinding(binding.clone())).unwrap();
    let found = all(1, |after, limit| bench.reader.all_bindings(after, limit));
    assert_eq!(found, [binding]);

    bench.write(Write::OpenRoom(room(&uri))).unwrap();
    bench.write(Write::PutMember(member(&uri, &uri))).unwrap();
    let found = all(1, |after, limit| bench.reader.rooms_of(&uri, after, limit));
    assert_eq!(found, [(room(&uri), member(&uri, &uri))]);
}

fn longest_contents_are_kept(bench: &mut Bench) {
    let uri = longest(URI_BYTES_MAX);
    let name = longest(NAME_BYTES_MAX);
    let document = Document {
        owner: uri.clone(),
        etag: name.clone(),
        body: vec![255; DOCUMENT_BYTES_MAX],
        ..document(&name, &uri)
    };
    bench
        .write(Write::PutDocument {
            document: document.clone(),
            expect: Expect::Absent,
        })
        .unwrap();
    assert_eq!(bench.reader.document(&name, &uri), Ok(Some(document)));

    let message = Message {
        from: uri.clone(),
        display: Some(longest(TEXT_BYTES_MAX)),
        subject: Some(longest(TEXT_BYTES_MAX)),
        content_type: longest(TEXT_BYTES_MAX),
        content: vec![255; CONTENT_BYTES_MAX],
        extra: vec![255; EXTRA_BYTES_MAX],
        ..message(&uri, &name)
    };
    bench
        .write(Write::AddMessage {
            message: message.clone(),
            limit: 1,
        })
        .unwrap();
    assert_eq!(bench.reader.message(&uri, &name), Ok(Some(message)));

    let delivery = Delivery {
        extra: vec![255; EXTRA_BYTES_MAX],
        ..delivery(&uri, &name, &uri)
    };
    bench.write(Write::PutDelivery(delivery.clone())).unwrap();
    let found = all(1, |after, limit| {
        bench.reader.deliveries(&uri, after, limit)
    });
    assert_eq!(found, [delivery]);
}

fn shortest_number_is_kept(bench: &mut Bench) {
    let number = "0".repeat(MSISDN_DIGITS_MIN);
    let mut account = account("alice");
    account.msisdn = Some(number.clone());
    bench.write(Write::AddAccount(account.clone())).unwrap();
    let found = bench.reader.account_by_msisdn(&number, "localhost");
    assert_eq!(found, Ok(Some(account)));
}

fn unit_is_bounded(bench: &mut Bench) {
    let write = Write::RemoveBindings {
        aor: "sip:bob@localhost".to_owned(),
    };
    let fence = bench.fence(&write);
    let mut writes = vec![write.clone(); UNIT_WRITES_MAX];
    assert_eq!(bench.store.commit(&writes, fence), Ok(()));
    writes.push(write);
    assert!(matches!(
        bench.store.commit(&writes, fence),
        Err(CommitError::Flaw(Flaw::TooMany { .. }))
    ));
}

fn node_is_bounded(bench: &mut Bench) {
    assert!(
        bench
            .store
            .take_partitions(&"n".repeat(NAME_BYTES_MAX))
            .is_ok()
    );
    assert!(matches!(
        bench.store.take_partitions(&long(NAME_BYTES_MAX)),
        Err(CommitError::Flaw(Flaw::TooLong { .. }))
    ));
}

/// One byte more than `limit`.
fn long(limit: usize) -> String {
    "x".repeat(limit + 1)
}

/// As many bytes as `limit`, in fewer characters.
fn longest(limit: usize) -> String {
    "é".repeat(limit / 2)
}
