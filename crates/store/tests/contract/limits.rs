//! What is too long, too many or malformed is refused, and the longest that is allowed is kept.

use store::{
    Binding, CommitError, Credentials, Fence, Flaw, NAME_BYTES_MAX, PARAMS_BYTES_MAX,
    PATH_URIS_MAX, SECRET_BYTES_MAX, TEXT_BYTES_MAX, UNIT_WRITES_MAX, URI_BYTES_MAX, Write,
};

use crate::bench::{all, home};
use crate::samples::{account, binding, member, room};
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    (
        "what is too long, empty or malformed is refused",
        spoilt_is_refused,
    ),
    ("the longest of everything is kept", longest_is_kept),
    ("a unit has a bounded number of writes", unit_is_bounded),
    ("a node's name is bounded", node_is_bounded),
];

/// (the field that is objected to, a good write with one thing spoilt)
type Row = (&'static str, Write);

fn spoilt_is_refused(bench: &mut Bench) {
    let rows: Vec<Row> = [spoilt_accounts(), spoilt_bindings(), spoilt_rooms()].concat();
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

fn longest_is_kept(bench: &mut Bench) {
    let longest = |limit| "é".repeat(limit / 2);
    let mut account = account(&longest(NAME_BYTES_MAX));
    account.domain = longest(NAME_BYTES_MAX);
    account.display_name = Some(longest(TEXT_BYTES_MAX));
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
