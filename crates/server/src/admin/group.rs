//! Stored groups, made in the store itself.

use sha2::{Digest, Sha256};
use store::{CommitError, Document, Expect, Fence, Store, Write};
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
    /// The names of its members, users of the same domain.
    pub members: &'a [&'a str],
    /// Whether anybody may join, and find it; else only its members.
    pub public: bool,
    /// Whether its members are invited when a conversation starts.
    pub invites: bool,
}

/// Makes a group in `domain`, if there is none of that name. `now_ms` is in milliseconds since
/// 1970.
///
/// # Errors
///
/// [`AdminError::Name`], or the store's trouble.
pub fn make_group(
    store: &mut Store,
    domain: &str,
    group: NewGroup<'_>,
    now_ms: i64,
) -> Result<(), AdminError> {
    super::check_name(group.name)?;
    let uri = format!("sip:{}@{domain}", group.name);
    let body = document(&uri, domain, group).write().into_bytes();
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let etag = digest.iter().take(10).map(|byte| format!("{byte:02x}"));
    let document = Document {
        collection: AUID.to_owned(),
        name: uri,
        // Nobody's but the operator's.
        owner: format!("sip:{domain}"),
        etag: etag.collect(),
        body,
        changed_at_ms: now_ms,
    };
    let expect = Expect::Absent;
    match store.commit(&[Write::PutDocument { document, expect }], Fence::Unfenced) {
        Ok(()) | Err(CommitError::DocumentChanged { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn document(uri: &str, domain: &str, group: NewGroup<'_>) -> SharedGroup {
    let mut rule = Rule::new("join");
    if !group.public {
        rule.conditions.push(Condition::IsListMember(true));
    }
    rule.actions = Permissions {
        allow_conference_state: true,
        allow_invite_users_dynamically: true,
        join_handling: true,
        allow_initiate_conference: true,
        ..Permissions::default()
    };
    let member = |name: &&str| Member::new(format!("sip:{name}@{domain}"));
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
        rules: vec![rule],
        extension,
        ..SharedGroup::new(uri)
    }
}
