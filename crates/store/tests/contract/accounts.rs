//! Accounts.

use store::{Account, CommitError, Credentials, Cursor, Fence, Write};

use crate::bench::all;
use crate::samples::account;
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("an account comes back as it went", comes_back),
    ("an account is added once", is_added_once),
    ("a change replaces all of an account", change_replaces_all),
    (
        "a removed account is gone, credentials and all",
        removed_is_gone,
    ),
    (
        "an account that is not there cannot change",
        absent_cannot_change,
    ),
    (
        "accounts are listed by domain and name, in pages",
        are_listed,
    ),
    (
        "an administrator needs no fence",
        administrator_needs_no_fence,
    ),
    ("names are compared byte by byte", names_are_bytes),
    (
        "an account is found by its telephone number",
        is_found_by_number,
    ),
    (
        "no two accounts of a domain have one telephone number",
        number_is_unique,
    ),
    ("a telephone number may pass to another", number_may_pass),
];

fn comes_back(bench: &mut Bench) {
    let bare = Account {
        display_name: None,
        credentials: Credentials::default(),
        enabled: false,
        created_at_ms: i64::MIN,
        ..account("bob")
    };
    for account in [account("alice"), bare] {
        bench.write(Write::AddAccount(account.clone())).unwrap();
        let found = bench.reader.account(&account.name, "localhost").unwrap();
        assert_eq!(found, Some(account));
    }
    assert_eq!(bench.reader.account("carol", "localhost"), Ok(None));
    assert_eq!(bench.reader.account("alice", "elsewhere"), Ok(None));
}

fn is_added_once(bench: &mut Bench) {
    bench.write(Write::AddAccount(account("alice"))).unwrap();
    let other = Account {
        display_name: None,
        ..account("alice")
    };
    assert_eq!(
        bench.write(Write::AddAccount(other)),
        Err(CommitError::AccountExists {
            name: "alice".to_owned(),
            domain: "localhost".to_owned()
        })
    );
    let found = bench.reader.account("alice", "localhost").unwrap();
    assert_eq!(found, Some(account("alice")));
}

fn change_replaces_all(bench: &mut Bench) {
    bench.write(Write::AddAccount(account("alice"))).unwrap();
    let changed = Account {
        display_name: None,
        credentials: Credentials {
            ha1_md5: None,
            ha1_sha256: Some("0".repeat(64)),
            imps_secret: None,
        },
        enabled: false,
        created_at_ms: 7,
        ..account("alice")
    };
    bench.write(Write::ChangeAccount(changed.clone())).unwrap();
    let found = bench.reader.account("alice", "localhost").unwrap();
    assert_eq!(found, Some(changed));
}

fn removed_is_gone(bench: &mut Bench) {
    bench.write(Write::AddAccount(account("alice"))).unwrap();
    bench.write(remove("alice")).unwrap();
    assert_eq!(bench.reader.account("alice", "localhost"), Ok(None));
    // Nobody inherits the password of a namesake.
    let namesake = Account {
        credentials: Credentials::default(),
        ..account("alice")
    };
    bench.write(Write::AddAccount(namesake.clone())).unwrap();
    let found = bench.reader.account("alice", "localhost").unwrap();
    assert_eq!(found, Some(namesake));
}

fn absent_cannot_change(bench: &mut Bench) {
    for write in [Write::ChangeAccount(account("alice")), remove("alice")] {
        assert_eq!(
            bench.write(write),
            Err(CommitError::NoSuchAccount {
                name: "alice".to_owned(),
                domain: "localhost".to_owned()
            })
        );
    }
    assert_eq!(bench.reader.account("alice", "localhost"), Ok(None));
}

fn are_listed(bench: &mut Bench) {
    let mut expected = Vec::new();
    for domain in ["a.example", "b.example"] {
        for name in ["Zoë", "alice", "zoe", "🌊"] {
            let domain = domain.to_owned();
            expected.push(Account {
                domain,
                ..account(name)
            });
        }
    }
    for account in expected.iter().rev() {
        bench.write(Write::AddAccount(account.clone())).unwrap();
    }
    // 0 is read as 1; 8 ends exactly with the list.
    for limit in [0, 1, 3, 8, 9, u32::MAX] {
        let listed = all(limit, |after, limit| bench.reader.accounts(after, limit));
        assert_eq!(listed, expected, "limit {limit}");
    }
    let page = bench.reader.accounts(&Cursor::START, 8).unwrap();
    assert_eq!(page.next, None);
    // A row that goes while someone reads takes no other with it.
    let page = bench.reader.accounts(&Cursor::START, 3).unwrap();
    let last = page.rows.last().unwrap();
    bench
        .write(Write::RemoveAccount {
            name: last.name.clone(),
            domain: last.domain.clone(),
        })
        .unwrap();
    let rest = bench.reader.accounts(&page.next.unwrap(), 10).unwrap();
    assert_eq!(rest.rows, expected[3..]);
}

fn administrator_needs_no_fence(bench: &mut Bench) {
    let writes = [
        Write::AddAccount(account("alice")),
        Write::ChangeAccount(account("alice")),
        Write::AddAccount(account("bob")),
        remove("alice"),
    ];
    bench.store.commit(&writes, Fence::Unfenced).unwrap();
    let listed = all(10, |after, limit| bench.reader.accounts(after, limit));
    assert_eq!(listed, [account("bob")]);
}

fn names_are_bytes(bench: &mut Bench) {
    for name in ["alice", "Alice", "alicé", "alice\u{301}", "alice ", "'; --"] {
        bench.write(Write::AddAccount(account(name))).unwrap();
    }
    let found = bench.reader.account("'; --", "localhost").unwrap();
    assert_eq!(found, Some(account("'; --")));
    let listed = all(10, |after, limit| bench.reader.accounts(after, limit));
    assert_eq!(listed.len(), 6);
}

fn is_found_by_number(bench: &mut Bench) {
    let elsewhere = Account {
        domain: "elsewhere".to_owned(),
        ..numbered("alice", "491701234567")
    };
    for account in [
        numbered("alice", "491701234567"),
        numbered("bob", "00491701234567"),
        elsewhere.clone(),
        account("carol"),
    ] {
        bench.write(Write::AddAccount(account)).unwrap();
    }
    // (number, domain, whose it is)
    for (number, domain, owner) in [
        (
            "491701234567",
            "localhost",
            Some(numbered("alice", "491701234567")),
        ),
        (
            "00491701234567",
            "localhost",
            Some(numbered("bob", "00491701234567")),
        ),
        ("491701234567", "elsewhere", Some(elsewhere)),
        ("00491701234567", "elsewhere", None),
        ("+491701234567", "localhost", None),
        ("", "localhost", None),
    ] {
        let found = bench.reader.account_by_msisdn(number, domain);
        assert_eq!(found, Ok(owner), "{number} in {domain}");
    }
    let found = bench.reader.account("bob", "localhost").unwrap();
    assert_eq!(found, Some(numbered("bob", "00491701234567")));
}

fn number_is_unique(bench: &mut Bench) {
    let taken = Err(CommitError::NumberTaken {
        msisdn: "112".to_owned(),
        domain: "localhost".to_owned(),
    });
    let add = |name| Write::AddAccount(numbered(name, "112"));
    let change = |name| Write::ChangeAccount(numbered(name, "112"));
    bench.write(add("alice")).unwrap();
    bench.write(Write::AddAccount(account("bob"))).unwrap();
    assert_eq!(bench.write(add("carol")), taken);
    assert_eq!(bench.write(change("bob")), taken);
    // One's own number stays one's own, and what is wrong with the account itself is told first.
    assert_eq!(bench.write(change("alice")), Ok(()));
    for name in ["alice", "bob"] {
        let refused = bench.write(add(name));
        assert!(matches!(refused, Err(CommitError::AccountExists { .. })));
    }
    let refused = bench.write(change("carol"));
    assert!(matches!(refused, Err(CommitError::NoSuchAccount { .. })));
    let listed = all(10, |after, limit| bench.reader.accounts(after, limit));
    assert_eq!(listed, [numbered("alice", "112"), account("bob")]);
}

fn number_may_pass(bench: &mut Bench) {
    let found = |bench: &Bench| bench.reader.account_by_msisdn("112", "localhost").unwrap();
    bench
        .write(Write::AddAccount(numbered("alice", "112")))
        .unwrap();
    let bob = numbered("bob", "112");
    let writes = [
        Write::ChangeAccount(account("alice")),
        Write::AddAccount(bob.clone()),
    ];
    bench.store.commit(&writes, Fence::Unfenced).unwrap();
    assert_eq!(found(bench), Some(bob));
    let writes = [
        remove("bob"),
        Write::ChangeAccount(numbered("alice", "112")),
    ];
    bench.store.commit(&writes, Fence::Unfenced).unwrap();
    assert_eq!(found(bench), Some(numbered("alice", "112")));
    bench.write(remove("alice")).unwrap();
    assert_eq!(found(bench), None);
}

fn numbered(name: &str, msisdn: &str) -> Account {
    Account {
        msisdn: Some(msisdn.to_owned()),
        ..account(name)
    }
}

fn remove(name: &str) -> Write {
    Write::RemoveAccount {
        name: name.to_owned(),
        domain: "localhost".to_owned(),
    }
}
