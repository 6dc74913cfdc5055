//! The requests about who is blocked and who is granted.

use imps::Primitive;
use imps::csp::{BlockEntityRequest, BlockList, EntityList, GetBlockedListResponse, Status};
use imps::id::Address as Wv;
use imps::status::Code;
use xdm::resource_lists::{BLOCKED_CONTACTS, GRANTED_CONTACTS, Item, List};
use xdm::shared_group::AUID;

use super::super::desk::Turn;
use super::super::failed::Failed;
use super::super::lists::Lists;
use super::super::refused::broken;
use super::super::user::{group_uri, wv_of_group};
use super::super::{Refused, contacts, group, lists};
use super::{LISTED_MAX, entries, hush, list_name, put, take, taken, within_limit};
use crate::house::House;

/// GetBlockedList-Request.
pub(in crate::imps) async fn get(turn: &Turn<'_>) -> Result<Primitive, Refused> {
    let lists = lists::load(turn.house, &turn.session.user.address)
        .await?
        .lists;
    let mut both = Vec::new();
    for name in [BLOCKED_CONTACTS, GRANTED_CONTACTS] {
        let list = lists.list(name);
        let entities = match list {
            Some(list) => told(turn.house, list).await?,
            None => EntityList::default(),
        };
        let block = BlockList {
            entities: Some(entities),
            ..BlockList::default()
        };
        both.push((block, list.is_some_and(|list| list.in_use)));
    }
    let granted = both.pop().unwrap_or_default();
    let blocked = both.pop().unwrap_or_default();
    Ok(GetBlockedListResponse::new(blocked, granted).into())
}

/// What stands on a list, by what it is. What is neither a user nor a group nor a contact list is
/// not told.
async fn told(house: &House, list: &List) -> Result<EntityList, Refused> {
    let mut told = EntityList::default();
    let groups = groups(house, list).await?;
    for entry in entries(list) {
        if let Some(bare) = entry.uri.strip_prefix("sip:") {
            let address = Wv::parse(bare).ok();
            let is_user = address.is_some_and(|address| address.is_user());
            match is_user && !groups.contains(&entry.uri) {
                true => told.users.push(format!("wv:{bare}")),
                false => told.groups.push(wv_of_group(&entry.uri)),
            }
        } else if list_name(&entry.uri).is_some() {
            told.contact_lists.push(entry.uri.clone());
        }
    }
    Ok(told)
}

/// Which of the entries are groups: a URI alone does not say so.
async fn groups(house: &House, list: &List) -> Result<Vec<String>, Refused> {
    let uris = entries(list).map(|entry| entry.uri.clone());
    let uris: Vec<String> = uris.collect();
    let grown = uris.iter().filter(|uri| house.rooms.find(uri).is_some());
    let mut groups: Vec<String> = grown.cloned().collect();
    let stored = house.keeper.read(move |reader| {
        let mut stored = Vec::new();
        for uri in uris {
            if reader.document(AUID, &uri)?.is_some() {
                stored.push(uri);
            }
        }
        Ok::<_, store::Trouble>(stored)
    });
    groups.extend(stored.await.map_err(broken)?.map_err(broken)?);
    Ok(groups)
}

/// BlockEntity-Request, which CSP 1.1 and 1.2 call BlockUser-Request.
pub(in crate::imps) async fn block(
    turn: &Turn<'_>,
    request: BlockEntityRequest,
) -> Result<Primitive, Refused> {
    let own = &turn.session.user.address;
    let mut lists = lists::load(turn.house, own).await?;
    let mut failed = Failed::default();
    let both = [
        (BLOCKED_CONTACTS, request.block, request.block_in_use),
        (GRANTED_CONTACTS, request.grant, request.grant_in_use),
    ];
    for (name, wanted, in_use) in both {
        if wanted.is_some() || in_use.is_some() {
            let wanted = wanted.unwrap_or_default();
            let change = Change { name, in_use };
            change.make(turn, &mut lists, wanted, &mut failed).await?;
        }
    }
    lists::save(turn.house, &lists).await?;
    hush(turn.house, own).await;
    Ok(Status::from(failed.outcome()).into())
}

/// A change to one of both lists.
struct Change {
    name: &'static str,
    /// Whether the list is to count from now on, if that is said.
    in_use: Option<bool>,
}

impl Change {
    async fn make(
        self,
        turn: &Turn<'_>,
        lists: &mut Lists,
        wanted: BlockList,
        failed: &mut Failed,
    ) -> Result<(), Refused> {
        let mut list = taken(&mut lists.lists, self.name);
        list.in_use = self.in_use.or(wanted.in_use).unwrap_or(list.in_use);
        if let Some(gone) = &wanted.remove {
            remove(turn, &mut list, gone)?;
        }
        // The whole list, in the form of the answer that tells it.
        if let Some(whole) = wanted.entities {
            list.items.retain(|item| !matches!(item, Item::Entry(_)));
            add(turn, lists, &mut list, whole, failed).await?;
        }
        if let Some(more) = wanted.add {
            add(turn, lists, &mut list, more, failed).await?;
        }
        within_limit(&list)?;
        lists.lists.lists.push(list);
        Ok(())
    }
}

/// Puts on a list what can stand there, and notes what cannot.
async fn add(
    turn: &Turn<'_>,
    lists: &Lists,
    list: &mut List,
    more: EntityList,
    failed: &mut Failed,
) -> Result<(), Refused> {
    // Before any of them is looked for.
    few(&more)?;
    let house = turn.house;
    for uri in lists::uris_of(house, more.users.iter(), failed).await? {
        put(list, &uri);
    }
    for named in more.groups {
        match existing(house, &named).await {
            Ok(uri) => put(list, &uri),
            Err(refused) if refused.code == Code::INTERNAL_ERROR => return Err(refused),
            Err(refused) => failed.group(refused.code, named),
        }
    }
    for named in more.contact_lists {
        let name = contacts::own_name(turn, &named);
        let name = name
            .ok()
            .filter(|name| contacts::find(&lists.lists, name).is_some());
        match name {
            Some(name) => put(list, &contacts::address_of(turn, &name)),
            None => failed.contact_list(Code::UNKNOWN_CONTACT_LIST, named),
        }
    }
    let why = "a name in a group is somebody else's tomorrow: block the user";
    let why = Refused::because(Code::SERVICE_NOT_SUPPORTED, why);
    for name in more.screen_names {
        failed.screen_name(&why, name);
    }
    if !more.applications.is_empty() {
        let why = "applications cannot be blocked or granted here";
        failed.other(&Refused::because(Code::SERVICE_NOT_SUPPORTED, why));
    }
    Ok(())
}

/// Whether a list could hold all that is named.
fn few(named: &EntityList) -> Result<(), Refused> {
    let counts = [
        named.users.len(),
        named.groups.len(),
        named.contact_lists.len(),
    ];
    if counts.iter().sum::<usize>() <= LISTED_MAX {
        return Ok(());
    }
    let why = format!("at most {LISTED_MAX} are blocked or granted");
    Err(Refused::because(Code::TOO_MANY_CONTACTS, why))
}

/// The URI of a group that is there.
async fn existing(house: &House, named: &str) -> Result<String, Refused> {
    let uri = group_uri(house, named)?;
    group::find(house, &uri).await?;
    Ok(uri)
}

/// Takes off a list what stands there. It need not exist any more, nor stand there.
fn remove(turn: &Turn<'_>, list: &mut List, gone: &EntityList) -> Result<(), Refused> {
    few(gone)?;
    for user in &gone.users {
        take(list, &lists::written(turn.house, user)?);
    }
    for group in &gone.groups {
        take(list, &group_uri(turn.house, group)?);
    }
    for named in &gone.contact_lists {
        let name = contacts::own_name(turn, named)?;
        take(list, &contacts::address_of(turn, &name));
    }
    Ok(())
}
