//! The requests about contact lists.

use imps::csp::{
    Contact, Contacts, CreateListRequest, CreateListResponse, DeleteListRequest, GetListResponse,
    ListManageRequest, ListManageResponse, Property, Status,
};
use imps::status::Code;
use imps::{Primitive, Version};
use xdm::resource_lists::{List, ResourceLists};

use super::super::desk::Turn;
use super::super::failed::Failed;
use super::super::group::truth;
use super::super::{Refused, blocks, lists};
use super::{
    CONTACTS_MAX, LISTS_MAX, NAME_MAX, address_of, all, contacts, default_of, find, find_mut,
    is_reserved, name_of, named, own_name, put_on, settle_default, take_off,
};

/// GetList-Request.
pub(in crate::imps) async fn list(turn: &Turn<'_>) -> Result<Primitive, Refused> {
    let lists = lists::load(turn.house, &turn.session.user.address)
        .await?
        .lists;
    let default = default_of(&lists);
    let others = all(&lists).filter(|(name, _)| Some(*name) != default);
    Ok(GetListResponse {
        lists: others.map(|(name, _)| address_of(turn, name)).collect(),
        default: default.map(|name| address_of(turn, name)),
    }
    .into())
}

/// CreateList-Request.
pub(in crate::imps) async fn create(
    turn: &Turn<'_>,
    request: CreateListRequest,
) -> Result<Primitive, Refused> {
    let name = new_name(turn, &request.list)?;
    let mut lists = lists::load(turn.house, &turn.session.user.address).await?;
    if find(&lists.lists, &name).is_some() {
        return Err(Code::CONTACT_LIST_EXISTS.into());
    }
    if all(&lists.lists).count() >= LISTS_MAX {
        let why = format!("a user has at most {LISTS_MAX}");
        return Err(Refused::because(Code::TOO_MANY_CONTACT_LISTS, why));
    }
    let mut failed = Failed::default();
    let mut list = List {
        name: Some(name.clone()),
        ..List::default()
    };
    let contacts = request.contacts.unwrap_or_default().0;
    add(turn, &mut list, contacts, &mut failed).await?;
    let is_default = set(&mut list, &request.properties)?;
    lists.lists.lists.push(list);
    // The first is the default, whatever is said of it.
    let wanted = (is_default == Some(true)).then_some(name.as_str());
    settle_default(&mut lists.lists, wanted);
    lists::save(turn.house, &lists).await?;
    let made = find(&lists.lists, &name);
    // The newer answer has no room for what was not done.
    if turn.session.version == Version::V1_3 && failed.is_empty() {
        return Ok(CreateListResponse {
            list: Some(address_of(turn, &name)),
            properties: made.map(properties).unwrap_or_default(),
        }
        .into());
    }
    Ok(Status::from(failed.outcome()).into())
}

/// The name of a list that is to be made.
fn new_name(turn: &Turn<'_>, list: &str) -> Result<String, Refused> {
    let name = own_name(turn, list).map_err(|refused| match refused.code {
        // There is no such list; but neither can there be.
        Code::UNKNOWN_CONTACT_LIST => Refused {
            code: Code::BAD_PARAMETER,
            ..refused
        },
        _ => refused,
    })?;
    if is_reserved(&name) {
        let why = "BlockEntity-Request changes that list";
        return Err(Refused::because(Code::FORBIDDEN, why));
    }
    if name.len() > NAME_MAX {
        let why = format!("the name of a list has at most {NAME_MAX} bytes");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    Ok(name)
}

/// DeleteList-Request.
pub(in crate::imps) async fn delete(
    turn: &Turn<'_>,
    request: &DeleteListRequest,
) -> Result<Primitive, Refused> {
    let name = own_name(turn, &request.list)?;
    let mut lists = lists::load(turn.house, &turn.session.user.address).await?;
    let document = &mut lists.lists;
    let is_it = |list: &List| name_of(list).is_some_and(|known| known.eq_ignore_ascii_case(&name));
    let Some(at) = document.lists.iter().position(is_it) else {
        return Err(Code::UNKNOWN_CONTACT_LIST.into());
    };
    document.lists.remove(at);
    blocks::forget_list(document, &address_of(turn, &name));
    settle_default(document, None);
    lists::save(turn.house, &lists).await?;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// ListManage-Request.
pub(in crate::imps) async fn manage(
    turn: &Turn<'_>,
    request: ListManageRequest,
) -> Result<Primitive, Refused> {
    let name = own_name(turn, &request.list)?;
    let mut lists = lists::load(turn.house, &turn.session.user.address).await?;
    let contacts = request.add.unwrap_or_default().0;
    let is_changed =
        !(contacts.is_empty() && request.remove.is_empty() && request.properties.is_empty());
    let mut failed = Failed::default();
    let list = find_mut(&mut lists.lists, &name);
    let list = list.ok_or(Refused::new(Code::UNKNOWN_CONTACT_LIST))?;
    take_off(turn.house, list, &request.remove)?;
    let added = add(turn, list, contacts, &mut failed).await?;
    let is_default = set(list, &request.properties)?;
    make_default(&mut lists.lists, &name, is_default)?;
    if request.authorize_and_grant == Some(true) {
        blocks::grant(&mut lists.lists, &added)?;
    }
    if is_changed {
        lists::save(turn.house, &lists).await?;
    }
    // The oldest clients have no word for that they want the list: they ask for nothing else.
    let is_wanted = request.receive_list.unwrap_or(!is_changed);
    let list = find(&lists.lists, &name).filter(|_| is_wanted);
    Ok(ListManageResponse {
        outcome: failed.outcome(),
        contacts: list.map(|list| Contacts(super::contacts(list).collect())),
        properties: list.map(properties).unwrap_or_default(),
    }
    .into())
}

/// Puts contacts on a list; those that cannot be found are noted. Returns the URIs of the others.
async fn add(
    turn: &Turn<'_>,
    list: &mut List,
    named: Vec<Contact>,
    failed: &mut Failed,
) -> Result<Vec<String>, Refused> {
    let full = || {
        let why = format!("a list has at most {CONTACTS_MAX}");
        Refused::because(Code::TOO_MANY_CONTACTS, why)
    };
    // Before any of them is looked for.
    if named.len() > CONTACTS_MAX {
        return Err(full());
    }
    let mut added = Vec::new();
    for contact in named {
        let found = std::iter::once(&contact.user);
        let found = lists::uris_of(turn.house, found, failed).await?;
        for uri in found {
            put_on(list, &uri, contact.nickname.as_deref())?;
            added.push(uri);
        }
    }
    if contacts(list).count() > CONTACTS_MAX {
        return Err(full());
    }
    Ok(added)
}

/// Changes the properties of a list. Returns whether it is to be the default, if that is said.
fn set(list: &mut List, wanted: &[Property]) -> Result<Option<bool>, Refused> {
    let mut is_default = None;
    for property in wanted {
        let value = property.value.as_deref().unwrap_or_default().trim();
        if property.is("DisplayName") {
            list.display_name = named(value)?;
        } else if property.is("Default") {
            let why = || format!("Default cannot be {value}: T or F");
            let value = truth(value);
            let wrong = || Refused::because(Code::INVALID_LIST_PROPERTY, why());
            is_default = Some(value.ok_or_else(wrong)?);
        } else {
            let why = format!("{} is no property of a contact list", property.name);
            return Err(Refused::because(Code::INVALID_LIST_PROPERTY, why));
        }
    }
    Ok(is_default)
}

/// A list becomes the default, or is said not to be.
fn make_default(
    lists: &mut ResourceLists,
    name: &str,
    wanted: Option<bool>,
) -> Result<(), Refused> {
    let is_it = |other: &str| other.eq_ignore_ascii_case(name);
    match wanted {
        // There is always one: it stops being it when another becomes it.
        Some(false) if default_of(lists).is_some_and(is_it) => {
            let why = "make another list the default instead";
            return Err(Refused::because(Code::INVALID_LIST_PROPERTY, why));
        }
        Some(true) => {
            let own = find(lists, name).and_then(name_of).map(str::to_owned);
            settle_default(lists, own.as_deref());
        }
        Some(false) | None => settle_default(lists, None),
    }
    Ok(())
}

/// The properties of a list, as it is in the document.
fn properties(list: &List) -> Vec<Property> {
    let name = list.display_name.as_ref();
    let name = name.map(|name| Property::new("DisplayName", name.text.clone()));
    let default = if list.is_default { "T" } else { "F" };
    name.into_iter()
        .chain([Property::new("Default", default)])
        .collect()
}
