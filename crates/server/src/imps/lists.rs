//! The lists of a user: contacts, who is blocked, who alone may write. All stand in one document,
//! that of RFC 4826 which the user has, or will have, over XCAP as well.

use room::Address;
use store::{CommitError, Document, Expect, Partition, Write};
use xdm::resource_lists::{self, AUID, Limits, ResourceLists};

use imps::status::Code;

use super::refused::broken;
use super::user::{self, Named};
use super::{Refused, failed::Failed};
use crate::house::House;
use crate::keeper::CommitFailed;

/// The lists of a user, as they are in the store.
pub(super) struct Lists {
    pub(super) lists: ResourceLists,
    owner: Address,
    /// None: there is no document yet.
    etag: Option<String>,
}

/// The name of the document of a user's lists (RFC 4826 section 3.4.7).
pub(crate) fn name(owner: &Address) -> String {
    format!("users/{owner}/index")
}

/// Reads the lists of a user.
pub(super) async fn load(house: &House, owner: &Address) -> Result<Lists, Refused> {
    let wanted = name(owner);
    let found = house
        .keeper
        .read(move |reader| reader.document(AUID, &wanted));
    let document = found.await.map_err(broken)?.map_err(broken)?;
    let mut lists = ResourceLists::default();
    if let Some(document) = &document {
        lists = resource_lists::read(&document.body, Limits::STORED).map_err(|error| {
            let why = format!("the lists of {owner} cannot be read: {error}");
            broken(why)
        })?;
    }
    Ok(Lists {
        lists,
        owner: owner.clone(),
        etag: document.map(|document| document.etag),
    })
}

/// Writes changed lists, if nobody else has changed them meanwhile.
pub(super) async fn save(house: &House, lists: &Lists) -> Result<(), Refused> {
    let body = lists.lists.write_stored().into_bytes();
    // What cannot be read again must not be stored.
    if let Err(error) = resource_lists::read(&body, Limits::STORED) {
        return Err(Refused::because(Code::BAD_PARAMETER, error.to_string()));
    }
    let document = Document {
        collection: AUID.to_owned(),
        name: name(&lists.owner),
        owner: lists.owner.to_string(),
        etag: house.rng().token(80),
        body,
        changed_at_ms: house.unix_ms(),
    };
    let expect = match &lists.etag {
        Some(etag) => Expect::Etag(etag.clone()),
        None => Expect::Absent,
    };
    let partition = Partition::of(&document.name);
    let write = Write::PutDocument { document, expect };
    match house.keeper.commit(vec![write], partition).await {
        Ok(()) => {
            // Contact lists say who may see a user, and whom a user watches.
            super::presence::lists_changed(house, &lists.owner).await;
            Ok(())
        }
        Err(CommitFailed::Commit(CommitError::DocumentChanged { .. })) => {
            let why = "another client of the user has changed the lists in this moment";
            Err(Refused::because(Code::SERVICE_UNAVAILABLE, why))
        }
        Err(CommitFailed::Commit(CommitError::Flaw(flaw))) => {
            Err(Refused::because(Code::BAD_PARAMETER, flaw.to_string()))
        }
        Err(error) => Err(broken(error)),
    }
}

/// The URI under which a user stands on a list. Users of other domains may stand there too; whether
/// there are such users is not known here.
pub(super) async fn uri_of(house: &House, named: &str) -> Result<String, Refused> {
    match user::named(house, named)? {
        Named::Home { .. } => Ok(user::find(house, named).await?.address.to_string()),
        Named::Away { .. } => written(house, named),
    }
}

/// The URI under which a user would stand on a list, whether there is such a user or not. Compare
/// it without regard to letter case.
pub(super) fn written(house: &House, named: &str) -> Result<String, Refused> {
    let (name, domain) = match user::named(house, named)? {
        Named::Home { name } => (name, house.setup.domain.clone()),
        Named::Away { domain } => {
            let address = user::parse(named)?;
            (address.user().unwrap_or_default().to_owned(), domain)
        }
    };
    let written = format!("sip:{name}@{domain}");
    Ok(written.to_ascii_lowercase())
}

/// The URIs of users that are to stand on a list. Who cannot be found is noted.
pub(super) async fn uris_of<'n>(
    house: &House,
    named: impl Iterator<Item = &'n String>,
    failed: &mut Failed,
) -> Result<Vec<String>, Refused> {
    let mut uris = Vec::new();
    for one in named {
        match uri_of(house, one).await {
            Ok(uri) => uris.push(uri),
            Err(refused) if refused.code == Code::INTERNAL_ERROR => return Err(refused),
            Err(refused) => failed.user(refused.code, one.clone()),
        }
    }
    Ok(uris)
}
