//! Whom a user does not want to hear from, and the user's access rules, changed in the store
//! itself.
//!
//! A running server reads both when somebody invites the user, so a change counts for the next
//! invitation.

use sip::Uri;
use store::{CommitError, Document, Expect, Fence, Reader, Store, Write};
use xdm::im_rules::{self, ImRules};
use xdm::resource_lists::{self, BLOCKED_CONTACTS, Item, Limits, List, ResourceLists};

use super::{AdminError, etag, member_address};
use crate::home::access::rules_name;
use crate::imps::{blocks, lists};

/// Puts people on the block list of a user, which counts from then on: names of users of the same
/// domain, or whole addresses. `now_ms` is in milliseconds since 1970.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], [`AdminError::Whom`], [`AdminError::TooManyBlocked`],
/// [`AdminError::Lists`], or the store's trouble; then nobody is.
pub fn block(
    store: &mut Store,
    domain: &str,
    name: &str,
    whom: &[&str],
    now_ms: i64,
) -> Result<(), AdminError> {
    let uris = addresses(domain, whom)?;
    change(store, domain, name, now_ms, |list| {
        list.in_use = true;
        for uri in &uris {
            blocks::put(list, uri);
        }
        if list.items.len() > blocks::LISTED_MAX {
            return Err(AdminError::TooManyBlocked);
        }
        Ok(())
    })
}

/// Takes people off the block list of a user.
///
/// # Errors
///
/// [`AdminError::NotBlocked`] for one who is not on it, and otherwise as for [`block`]; then all
/// are on it as before.
pub fn unblock(
    store: &mut Store,
    domain: &str,
    name: &str,
    whom: &[&str],
    now_ms: i64,
) -> Result<(), AdminError> {
    let uris = addresses(domain, whom)?;
    change(store, domain, name, now_ms, |list| {
        for uri in &uris {
            let before = list.items.len();
            blocks::take(list, uri);
            if list.items.len() == before {
                return Err(AdminError::NotBlocked(uri.clone()));
            }
        }
        Ok(())
    })
}

/// Who is on the block list of a user, as it is written there, and whether the list counts.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], [`AdminError::Lists`], or the store's trouble.
pub fn blocked(store: &Store, domain: &str, name: &str) -> Result<(Vec<String>, bool), AdminError> {
    let reader = store.reader()?;
    let owner = owner(&reader, domain, name)?;
    let (lists, _) = stored_lists(&reader, &owner)?;
    let Some(list) = lists.list(BLOCKED_CONTACTS) else {
        return Ok((Vec::new(), false));
    };
    let uri = |item: &Item| match item {
        Item::Entry(entry) => Some(entry.uri.clone()),
        Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
    };
    Ok((list.items.iter().filter_map(uri).collect(), list.in_use))
}

/// The document of a user's access rules, as it is stored.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], [`AdminError::NoRules`], or the store's trouble.
pub fn rules(store: &Store, domain: &str, name: &str) -> Result<Vec<u8>, AdminError> {
    let reader = store.reader()?;
    let owner = owner(&reader, domain, name)?;
    Ok(stored_rules(&reader, &owner)?.body)
}

/// Writes the document of a user's access rules, new or not, octet by octet as it is given.
///
/// # Errors
///
/// [`AdminError::Rules`] says what is wrong with it; then the stored one is unchanged. Otherwise
/// [`CommitError::NoSuchAccount`], or the store's trouble.
pub fn write_rules(
    store: &mut Store,
    domain: &str,
    name: &str,
    body: &[u8],
    now_ms: i64,
) -> Result<(), AdminError> {
    let reader = store.reader()?;
    let owner = owner(&reader, domain, name)?;
    ImRules::read(body).map_err(AdminError::Rules)?;
    let expect = match stored_rules(&reader, &owner) {
        Ok(stored) => Expect::Etag(stored.etag),
        Err(AdminError::NoRules(_)) => Expect::Absent,
        Err(error) => return Err(error),
    };
    let document = Document {
        collection: im_rules::AUID.to_owned(),
        name: rules_name(&owner),
        owner,
        etag: etag(body),
        body: body.to_vec(),
        changed_at_ms: now_ms,
    };
    put(store, document, expect)
}

/// Removes the access rules of a user.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], [`AdminError::NoRules`], or the store's trouble.
pub fn remove_rules(store: &mut Store, domain: &str, name: &str) -> Result<(), AdminError> {
    let reader = store.reader()?;
    let stored = stored_rules(&reader, &owner(&reader, domain, name)?)?;
    let remove = Write::RemoveDocument {
        collection: im_rules::AUID.to_owned(),
        name: stored.name,
        etag: Some(stored.etag),
    };
    Ok(store.commit(&[remove], Fence::Unfenced)?)
}

/// The address of a user that there is.
fn owner(reader: &Reader, domain: &str, name: &str) -> Result<String, AdminError> {
    match reader.account(name, domain)? {
        Some(account) => Ok(format!("sip:{}@{domain}", account.name)),
        None => Err(AdminError::Commit(CommitError::NoSuchAccount {
            name: name.to_owned(),
            domain: domain.to_owned(),
        })),
    }
}

/// Those who are meant, in the form in which they invite. They need not have an account: people of
/// other domains have none here, and one who is gone may come back.
fn addresses(domain: &str, whom: &[&str]) -> Result<Vec<String>, AdminError> {
    let address = |one: &&str| {
        if !one.contains(':') {
            super::check_name(one)?;
        }
        let written = member_address(domain, one);
        let uri = Uri::parse(&written).ok();
        let uri = uri.filter(|uri| uri.is_sip() && uri.user().is_some());
        let uri = uri.ok_or_else(|| AdminError::Whom((*one).to_owned()))?;
        Ok(uri.aor())
    };
    whom.iter().map(address).collect()
}

fn stored_lists(
    reader: &Reader,
    owner: &str,
) -> Result<(ResourceLists, Option<String>), AdminError> {
    let name = lists::name(&room::Address::new(owner));
    match reader.document(resource_lists::AUID, &name)? {
        Some(stored) => {
            let lists = resource_lists::read(&stored.body, Limits::STORED);
            Ok((lists.map_err(AdminError::Lists)?, Some(stored.etag)))
        }
        None => Ok((ResourceLists::default(), None)),
    }
}

fn stored_rules(reader: &Reader, owner: &str) -> Result<Document, AdminError> {
    let found = reader.document(im_rules::AUID, &rules_name(owner))?;
    found.ok_or_else(|| AdminError::NoRules(owner.to_owned()))
}

/// Changes the block list of a user.
fn change(
    store: &mut Store,
    domain: &str,
    name: &str,
    now_ms: i64,
    change: impl FnOnce(&mut List) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    let reader = store.reader()?;
    let owner = owner(&reader, domain, name)?;
    let (mut lists, stored) = stored_lists(&reader, &owner)?;
    let mut list = blocks::taken(&mut lists, BLOCKED_CONTACTS);
    change(&mut list)?;
    lists.lists.push(list);
    let body = lists.write_stored().into_bytes();
    // What cannot be read again must not be stored.
    resource_lists::read(&body, Limits::STORED).map_err(AdminError::Lists)?;
    let document = Document {
        collection: resource_lists::AUID.to_owned(),
        name: lists::name(&room::Address::new(&owner)),
        owner,
        etag: etag(&body),
        body,
        changed_at_ms: now_ms,
    };
    put(store, document, stored.map_or(Expect::Absent, Expect::Etag))
}

fn put(store: &mut Store, document: Document, expect: Expect) -> Result<(), AdminError> {
    let put = Write::PutDocument { document, expect };
    Ok(store.commit(&[put], Fence::Unfenced)?)
}

#[cfg(test)]
mod tests {
    use super::super::{NewUser, add_user};
    use super::*;

    const HOME: &str = "home.example";

    fn store() -> Store {
        let mut store = Store::memory();
        let alice = NewUser {
            name: "alice",
            password: "password",
            display: None,
            msisdn: None,
            imps: false,
        };
        add_user(&mut store, HOME, alice, None, 0).unwrap();
        store
    }

    fn on(store: &Store) -> Vec<String> {
        blocked(store, HOME, "alice").unwrap().0
    }

    #[test]
    fn people_are_blocked_and_unblocked() {
        let mut store = store();
        assert_eq!(blocked(&store, HOME, "alice").unwrap(), (vec![], false));
        let whom = ["bob", "sip:Zoe@Elsewhere.Example;x=y", "bob"];
        block(&mut store, HOME, "alice", &whom, 1).unwrap();
        let both = ["sip:bob@home.example", "sip:Zoe@elsewhere.example"];
        assert_eq!(on(&store), both);
        assert!(blocked(&store, HOME, "alice").unwrap().1);
        // One who is not on it: nothing is changed.
        let refused = unblock(&mut store, HOME, "alice", &["bob", "carol"], 2);
        let why = refused.unwrap_err().to_string();
        assert_eq!(why, "sip:carol@home.example is not blocked");
        assert_eq!(on(&store), both);
        unblock(&mut store, HOME, "alice", &["bob"], 3).unwrap();
        assert_eq!(on(&store), both[1..]);
    }

    #[test]
    fn a_block_list_that_did_not_count_does_then() {
        let mut store = store();
        let mut lists = ResourceLists::default();
        let mut list = blocks::taken(&mut lists, BLOCKED_CONTACTS);
        list.in_use = false;
        blocks::put(&mut list, "sip:eve@h");
        lists.lists.push(list);
        let owner = "sip:alice@home.example";
        let document = Document {
            collection: resource_lists::AUID.to_owned(),
            name: lists::name(&room::Address::new(owner)),
            owner: owner.to_owned(),
            etag: "e".to_owned(),
            body: lists.write_stored().into_bytes(),
            changed_at_ms: 0,
        };
        put(&mut store, document, Expect::Absent).unwrap();
        assert!(!blocked(&store, HOME, "alice").unwrap().1);
        block(&mut store, HOME, "alice", &["bob"], 1).unwrap();
        let all = vec!["sip:eve@h".to_owned(), "sip:bob@home.example".to_owned()];
        assert_eq!(blocked(&store, HOME, "alice").unwrap(), (all, true));
    }

    #[test]
    fn refusals_say_why_and_change_nothing() {
        let mut store = store();
        let many: Vec<String> = (0..=blocks::LISTED_MAX).map(|n| format!("u{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        #[rustfmt::skip]
        let rows: &[(&str, &[&str], &str)] = &[
            ("bob", &["alice"], "there is no account bob@home.example"),
            ("alice", &["bob", "b b"], "\"b b\" is no name"),
            ("alice", &["bob", "mailto:b@h"], "\"mailto:b@h\" is nobody's address"),
            ("alice", &["wv:bob@h"], "\"wv:bob@h\" is nobody's address"),
            ("alice", &["sip:home.example"], "is nobody's address"),
            ("alice", &["sip:"], "is nobody's address"),
            ("alice", &many, "at most 500 are blocked"),
        ];
        for (name, whom, want) in rows {
            let why = block(&mut store, HOME, name, whom, 1).unwrap_err();
            assert!(why.to_string().contains(want), "{why}");
            assert!(on(&store).is_empty());
        }
    }

    #[test]
    fn rules_are_stored_as_they_are_or_not_at_all() {
        let mut store = store();
        let none = rules(&store, HOME, "alice").unwrap_err().to_string();
        assert_eq!(none, "sip:alice@home.example has no access rules");
        assert!(remove_rules(&mut store, HOME, "alice").is_err());
        let text = "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' \
                    xmlns:i='urn:oma:xml:im:im-rules'>\r\n\r\n<rule id='a'><actions>\
                    <i:allow-invite>reject</i:allow-invite></actions></rule></ruleset>\n";
        let put =
            |store: &mut Store, text: &str| write_rules(store, HOME, "alice", text.as_bytes(), 1);
        put(&mut store, text).unwrap();
        assert_eq!(rules(&store, HOME, "alice").unwrap(), text.as_bytes());
        #[rustfmt::skip]
        let bad = [
            (text.replace("reject", "refuse"), "none of accept, pass and reject"),
            (text.replace("im-rules'", "im-rules"), "the document of rules"),
            (format!("<!DOCTYPE ruleset>{text}"), "a document type declaration"),
            (text.replace("id='a'", ""), "<rule> without id"),
            (String::new(), "no element at all"),
            (text.replace("\r\n", &" ".repeat(200_000)), "where 131072 are accepted"),
        ];
        for (document, want) in bad {
            let why = put(&mut store, &document).unwrap_err().to_string();
            assert!(why.contains(want), "{why}");
            assert_eq!(rules(&store, HOME, "alice").unwrap(), text.as_bytes());
        }
        put(&mut store, &text.replace("reject", "pass")).unwrap();
        remove_rules(&mut store, HOME, "alice").unwrap();
        assert!(rules(&store, HOME, "alice").is_err());
        assert!(write_rules(&mut store, HOME, "bob", text.as_bytes(), 1).is_err());
    }
}
