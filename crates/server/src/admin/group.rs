//! Stored groups, made and changed in the store itself.
//!
//! A running server notices within some seconds, also for a session that is under way.

use sha2::{Digest, Sha256};
use store::{CommitError, Cursor, Document, Expect, Fence, PAGE_ROWS_MAX, Store, Write};
use xdm::shared_group::{
    AUID, Condition, DisplayName, Extension, Member, Permissions, Rule, SharedGroup,
};

use super::AdminError;

/// A group to be.
#[derive(Clone, Copy, Debug)]
pub struct NewGroup<'a> {
    /// The part of its address before the `@`.
    pub name: &'a str,
    /// What people call it.
    pub display: Option<&'a str>,
    /// Its members: names of users of the same domain, or whole addresses.
    pub members: &'a [&'a str],
    /// Whether anybody may join, and find it; else only its members.
    pub public: bool,
    /// Whether its members are invited when a conversation starts.
    pub invites: bool,
    /// The most people in a conversation of it at a time, if there is a limit.
    pub max: Option<u32>,
    /// Whether its people may hide themselves from one another.
    pub anonymity: bool,
}

/// Makes a group in `domain`. `now_ms` is in milliseconds since 1970.
///
/// # Errors
///
/// [`AdminError::Name`], [`AdminError::Taken`] if there is a user or a group of that name,
/// [`AdminError::Document`] for members that are none, or the store's trouble.
pub fn make_group(
    store: &mut Store,
    domain: &str,
    group: NewGroup<'_>,
    now_ms: i64,
) -> Result<(), AdminError> {
    let uri = address(domain, group.name)?;
    if store.reader()?.account(group.name, domain)?.is_some() {
        return Err(AdminError::Taken(uri));
    }
    let body = document(&uri, domain, group).write().into_bytes();
    match put(
        store,
        uri.clone(),
        (body, Expect::Absent),
        operator(domain),
        now_ms,
    ) {
        Err(AdminError::Commit(CommitError::DocumentChanged { .. })) => Err(AdminError::Taken(uri)),
        done => done,
    }
}

/// The groups of a domain, in the order of their addresses. One whose document cannot be read is
/// left out.
///
/// # Errors
///
/// The store's trouble.
pub fn groups(store: &Store, domain: &str) -> Result<Vec<SharedGroup>, AdminError> {
    let reader = store.reader()?;
    let mut groups = Vec::new();
    let mut after = Some(Cursor::START);
    while let Some(cursor) = after {
        let page = reader.documents(AUID, &cursor, PAGE_ROWS_MAX)?;
        let read = |document: &Document| SharedGroup::read(&document.body).ok();
        groups.extend(page.rows.iter().filter_map(read));
        after = page.next;
    }
    let suffix = format!("@{domain}");
    groups.retain(|group| group.uri.ends_with(&suffix));
    Ok(groups)
}

/// The document of a group, as it is stored.
///
/// # Errors
///
/// [`AdminError::NoGroup`], or the store's trouble.
pub fn group_document(store: &Store, domain: &str, name: &str) -> Result<Vec<u8>, AdminError> {
    Ok(stored(store, &address(domain, name)?)?.body)
}

/// Writes the document of a group, new or not, octet by octet as it is given.
///
/// # Errors
///
/// [`AdminError::Document`] says what is wrong with it, [`AdminError::OtherGroup`] that it is that
/// of another; then the stored one is unchanged.
pub fn write_group(
    store: &mut Store,
    domain: &str,
    name: &str,
    body: &[u8],
    now_ms: i64,
) -> Result<(), AdminError> {
    let uri = address(domain, name)?;
    let group = SharedGroup::read(body).map_err(AdminError::Document)?;
    if group.uri != uri {
        return Err(AdminError::OtherGroup(group.uri));
    }
    let (owner, expect) = match stored(store, &uri) {
        Ok(stored) => (stored.owner, Expect::Etag(stored.etag)),
        Err(AdminError::NoGroup(_)) if store.reader()?.account(name, domain)?.is_some() => {
            return Err(AdminError::Taken(uri));
        }
        Err(AdminError::NoGroup(_)) => (operator(domain), Expect::Absent),
        Err(error) => return Err(error),
    };
    put(store, uri, (body.to_vec(), expect), owner, now_ms)
}

/// Changes a group: `change` gets it as it is.
///
/// # Errors
///
/// [`AdminError::NoGroup`], [`AdminError::Document`] for what a group cannot be, or the store's
/// trouble; then it is unchanged.
pub fn change_group(
    store: &mut Store,
    domain: &str,
    name: &str,
    now_ms: i64,
    change: impl FnOnce(&mut SharedGroup),
) -> Result<(), AdminError> {
    let uri = address(domain, name)?;
    let stored = stored(store, &uri)?;
    let mut group = SharedGroup::read(&stored.body).map_err(AdminError::Document)?;
    change(&mut group);
    let expect = Expect::Etag(stored.etag);
    let body = group.write().into_bytes();
    put(store, uri, (body, expect), stored.owner, now_ms)
}

/// Removes a group. A session of it ends.
///
/// # Errors
///
/// [`AdminError::NoGroup`], or the store's trouble.
pub fn remove_group(store: &mut Store, domain: &str, name: &str) -> Result<(), AdminError> {
    let stored = stored(store, &address(domain, name)?)?;
    let remove = Write::RemoveDocument {
        collection: AUID.to_owned(),
        name: stored.name,
        etag: Some(stored.etag),
    };
    Ok(store.commit(&[remove], Fence::Unfenced)?)
}

/// The address of somebody: a user of the domain by name, or whoever has that address.
pub fn member_address(domain: &str, member: &str) -> String {
    match member.contains(':') {
        true => member.to_owned(),
        false => format!("sip:{member}@{domain}"),
    }
}

fn address(domain: &str, name: &str) -> Result<String, AdminError> {
    super::check_name(name)?;
    Ok(format!("sip:{name}@{domain}"))
}

/// Whose a group is that the operator has made: nobody's but theirs.
fn operator(domain: &str) -> String {
    format!("sip:{domain}")
}

fn stored(store: &Store, uri: &str) -> Result<Document, AdminError> {
    let found = store.reader()?.document(AUID, uri)?;
    found.ok_or_else(|| AdminError::NoGroup(uri.to_owned()))
}

fn put(
    store: &mut Store,
    uri: String,
    (body, expect): (Vec<u8>, Expect),
    owner: String,
    now_ms: i64,
) -> Result<(), AdminError> {
    // What cannot be read again must not be stored.
    SharedGroup::read(&body).map_err(AdminError::Document)?;
    let document = Document {
        collection: AUID.to_owned(),
        name: uri,
        owner,
        etag: etag(&body),
        body,
        changed_at_ms: now_ms,
    };
    let put = Write::PutDocument { document, expect };
    Ok(store.commit(&[put], Fence::Unfenced)?)
}

/// The version of a document: what it holds.
pub(super) fn etag(body: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let octets = digest.iter().take(10);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

fn document(uri: &str, domain: &str, group: NewGroup<'_>) -> SharedGroup {
    let mut rule = Rule::new("join");
    if !group.public {
        rule.conditions.push(Condition::IsListMember(true));
    }
    rule.actions = Permissions {
        allow_anonymity: group.anonymity,
        allow_conference_state: true,
        allow_invite_users_dynamically: true,
        join_handling: true,
        allow_initiate_conference: true,
        ..Permissions::default()
    };
    let member = |name: &&str| Member::new(member_address(domain, name));
    let mut extension = Extension::default();
    if group.public {
        extension.set_property("Type", "Public");
        extension.set_property("Searchable", "T");
    }
    SharedGroup {
        display_name: group.display.map(|text| DisplayName {
            text: text.to_owned(),
            lang: None,
        }),
        members: group.members.iter().map(member).collect(),
        invite_members: Some(group.invites),
        max_participants: group.max,
        rules: vec![rule],
        extension,
        ..SharedGroup::new(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUB: NewGroup<'_> = NewGroup {
        name: "club",
        display: Some("The Club"),
        members: &["alice", "sip:zoe@elsewhere.example"],
        public: false,
        invites: true,
        max: Some(7),
        anonymity: false,
    };

    fn store() -> Store {
        let mut store = Store::memory();
        make_group(&mut store, "home.example", CLUB, 1).unwrap();
        store
    }

    fn read(store: &Store) -> SharedGroup {
        let body = group_document(store, "home.example", "club").unwrap();
        SharedGroup::read(&body).unwrap()
    }

    #[test]
    fn a_group_is_made_once() {
        let mut store = store();
        let group = read(&store);
        assert_eq!(group.uri, "sip:club@home.example");
        assert!(group.is_member("sip:alice@home.example"));
        assert!(group.is_member("sip:zoe@elsewhere.example"));
        assert_eq!(
            (group.max_participants, group.invite_members),
            (Some(7), Some(true))
        );
        let again = make_group(&mut store, "home.example", CLUB, 2);
        assert!(matches!(again, Err(AdminError::Taken(_))), "{again:?}");
        let uris: Vec<_> = groups(&store, "home.example").unwrap();
        assert_eq!(
            uris.iter().map(|g| g.uri.as_str()).collect::<Vec<_>>(),
            ["sip:club@home.example"]
        );
        assert!(groups(&store, "elsewhere.example").unwrap().is_empty());
    }

    #[test]
    fn a_document_is_stored_as_it_is_or_not_at_all() {
        let mut store = store();
        let before = group_document(&store, "home.example", "club").unwrap();
        let text = String::from_utf8(before.clone()).unwrap();
        let put = |store: &mut Store, name: &str, text: &str| {
            write_group(store, "home.example", name, text.as_bytes(), 3)
        };
        #[rustfmt::skip]
        let bad = [
            ("club", text.replace("<list>", "<list><entry uri=''/><bad/>")),
            ("club", text.replace("The Club", "&boom;")),
            ("club", format!("<!DOCTYPE group [<!ENTITY boom \"x\">]>{text}")),
            ("club", "<group xmlns='urn:oma:xml:poc:list-service'/>".to_owned()),
            ("club", "<x>".repeat(10_000)),
            ("club", text.replace("The Club", &"x".repeat(2 << 20))),
            ("club", String::new()),
            ("other", text.clone()),
            ("no name", text.clone()),
        ];
        for (name, document) in bad {
            let refused = put(&mut store, name, &document);
            assert!(refused.is_err(), "{name} {:.80}", document);
            assert_eq!(
                group_document(&store, "home.example", "club").unwrap(),
                before
            );
        }
        let spaced = text.replace("</list-service>", "\r\n\r\n</list-service>");
        put(&mut store, "club", &spaced).unwrap();
        let after = group_document(&store, "home.example", "club").unwrap();
        assert_eq!(after, spaced.into_bytes());
        // A new one, of somebody's making.
        let other = text.replace("sip:club@", "sip:other@");
        put(&mut store, "other", &other).unwrap();
        remove_group(&mut store, "home.example", "other").unwrap();
        let gone = group_document(&store, "home.example", "other");
        assert!(matches!(gone, Err(AdminError::NoGroup(_))));
    }

    #[test]
    fn a_group_is_changed_in_its_document() {
        let mut store = store();
        let change = |store: &mut Store, uri: &str| {
            change_group(store, "home.example", "club", 4, |group| {
                group.members.push(Member::new(uri));
            })
        };
        change(&mut store, "sip:bob@home.example").unwrap();
        assert!(read(&store).is_member("sip:bob@home.example"));
        let refused = change(&mut store, &"x".repeat(5000));
        assert!(
            matches!(refused, Err(AdminError::Document(_))),
            "{refused:?}"
        );
        assert_eq!(read(&store).members.len(), 3);
        let none = change_group(&mut store, "home.example", "none", 4, |_| {});
        assert!(matches!(none, Err(AdminError::NoGroup(_))));
    }
}
