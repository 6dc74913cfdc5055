//! Attribute lists: who may see which attributes without asking.

use std::collections::BTreeSet;

use imps::Primitive;
use imps::csp::{
    CreateAttributeListRequest, DefaultAttributeList, DeleteAttributeListRequest,
    GetAttributeListRequest, GetAttributeListResponse, Presence, PresenceSubList, Status,
};
use imps::status::Code;
use room::Address;

use super::super::desk::Turn;
use super::super::user::wv_of_user;
use super::super::{Refused, contacts};
use super::kept::{self, Granted, Kept, LISTS_MAX};
use super::kinds::{Kinds, written};
use super::named::{NAMED_MAX, Parts, bound, own_list, users, wv_of_list};
use super::telling;

/// Whom an attribute list is for.
#[derive(Debug, Default)]
struct For {
    users: BTreeSet<Address>,
    contact_lists: BTreeSet<String>,
    default: bool,
}

/// CreateAttributeList-Request: a list takes the place of that which was there.
pub(in crate::imps) async fn create(
    turn: &Turn<'_>,
    request: CreateAttributeListRequest,
) -> Result<Primitive, Refused> {
    let kinds = request.attributes.as_deref().map(Kinds::named);
    let granted = |notify| Granted {
        kinds: kinds.unwrap_or_default(),
        notify,
    };
    let mut parts = Parts::default();
    let whom = find(turn, &request, &mut parts).await?;
    if whom.users.is_empty() && whom.contact_lists.is_empty() && !whom.default {
        let outcome = parts.outcome(turn.session.version)?;
        return Ok(Status::from(outcome).into());
    }
    parts.done += 1;
    let owner = &turn.session.user.address;
    kept::change(turn.house, owner, |kept| {
        if whom.default {
            kept.default = Some(granted(request.default_notify));
        }
        for user in &whom.users {
            let granted = granted(request.user_notify);
            kept.users.insert(user.clone(), granted);
        }
        for name in &whom.contact_lists {
            let granted = granted(request.contact_list_notify);
            kept.contact_lists.insert(name.clone(), granted);
        }
        if kept.lists() > LISTS_MAX {
            let why = format!("a user has at most {LISTS_MAX} attribute lists");
            return Err(Refused::because(Code::TOO_MANY_ATTRIBUTE_LISTS, why));
        }
        Ok(())
    })
    .await?;
    telling::tell(turn.house, owner).await;
    let outcome = parts.outcome(turn.session.version)?;
    Ok(Status::from(outcome).into())
}

/// Whom a new attribute list is for. Who cannot be found is noted.
async fn find(
    turn: &Turn<'_>,
    request: &CreateAttributeListRequest,
    parts: &mut Parts,
) -> Result<For, Refused> {
    let named = (request.users.len(), request.contact_lists.len());
    bound(named, request.default_list)?;
    let mut whom = For {
        default: request.default_list,
        ..For::default()
    };
    let named = request.users.iter().map(String::as_str);
    whom.users = users(turn, named, parts).await?;
    for list in &request.contact_lists {
        whom.contact_lists
            .extend(own_list(turn, list, parts).await?);
    }
    Ok(whom)
}

/// DeleteAttributeList-Request. What is not there need not be removed.
pub(in crate::imps) async fn delete(
    turn: &Turn<'_>,
    request: DeleteAttributeListRequest,
) -> Result<Primitive, Refused> {
    let named = (request.users.len(), request.contact_lists.len());
    bound(named, request.default_list)?;
    let mut parts = Parts::default();
    let named = request.users.iter().map(String::as_str);
    let users = users(turn, named, &mut parts).await?;
    let mut names = Vec::new();
    for list in &request.contact_lists {
        // The contact list itself may have gone before.
        match contacts::own_name(turn, list) {
            Ok(name) => names.push(name),
            Err(refused) => parts.list_failed(refused, list),
        }
    }
    parts.done = users.len() + names.len() + usize::from(request.default_list);
    let owner = &turn.session.user.address;
    kept::change(turn.house, owner, |kept| {
        if request.default_list {
            kept.default = None;
        }
        kept.users.retain(|user, _| !users.contains(user));
        kept.contact_lists.retain(|name, _| !names.contains(name));
        Ok(())
    })
    .await?;
    telling::tell(turn.house, owner).await;
    let outcome = parts.outcome(turn.session.version)?;
    Ok(Status::from(outcome).into())
}

/// GetAttributeList-Request. One that names nothing asks for all.
pub(in crate::imps) async fn list(
    turn: &Turn<'_>,
    request: GetAttributeListRequest,
) -> Result<Primitive, Refused> {
    let owner = &turn.session.user.address;
    let kept = kept::load(turn.house, owner).await?;
    let is_all =
        !request.default_list && request.users.is_empty() && request.contact_lists.is_empty();
    let mut parts = Parts::default();
    let mut whom = For {
        default: request.default_list,
        ..For::default()
    };
    if is_all {
        whom = everybody(&kept);
    } else {
        let named = request.users.iter().map(|user| &*user.id);
        whom.users = users(turn, named.take(NAMED_MAX), &mut parts).await?;
        for list in request.contact_lists.iter().take(NAMED_MAX) {
            match contacts::own_name(turn, list) {
                Ok(name) => drop(whom.contact_lists.insert(name)),
                Err(refused) => parts.list_failed(refused, list),
            }
        }
    }
    parts.done = whom.users.len() + whom.contact_lists.len() + usize::from(is_all || whom.default);
    let outcome = parts.outcome(turn.session.version)?;
    let default = kept.default.filter(|_| whom.default);
    Ok(GetAttributeListResponse {
        outcome,
        default: default.map(|granted| DefaultAttributeList {
            notify: granted.notify,
            attributes: vec![attributes(turn, granted)],
        }),
        presences: presences(turn, &kept, &whom),
    }
    .into())
}

/// All whom there is an attribute list for.
fn everybody(kept: &Kept) -> For {
    For {
        users: kept.users.keys().cloned().collect(),
        contact_lists: kept.contact_lists.keys().cloned().collect(),
        default: true,
    }
}

/// The attribute lists of users and contact lists, of those that there is one for.
fn presences(turn: &Turn<'_>, kept: &Kept, whom: &For) -> Vec<Presence> {
    let owner = &turn.session.user.address;
    let mut presences = Vec::new();
    for name in &whom.contact_lists {
        presences.extend(kept.contact_lists.get(name).map(|granted| Presence {
            contact_list: Some(wv_of_list(owner, name)),
            contact_list_notify: granted.notify,
            attributes: vec![attributes(turn, *granted)],
            ..Presence::default()
        }));
    }
    for user in &whom.users {
        presences.extend(kept.users.get(user).map(|granted| Presence {
            user: Some(wv_of_user(user)),
            user_notify: granted.notify,
            attributes: vec![attributes(turn, *granted)],
            ..Presence::default()
        }));
    }
    presences
}

fn attributes(turn: &Turn<'_>, granted: Granted) -> Box<PresenceSubList> {
    let list = written(&granted.kinds.list(), turn.session.version);
    Box::new(list)
}
