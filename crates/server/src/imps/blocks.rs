//! Whom a user does not want to hear from, and from whom alone the user does.
//!
//! Both are lists in the document of the user's [`lists`], each in use or not. On them stand users
//! (`sip:bob@localhost`), groups by their SIP URI, and contact lists by their address
//! (`wv:alice/~work@localhost`), which stand for all who are on them at the time.
//!
//! A message or an invitation of somebody who may not reach the user is refused with 532. What is
//! said in a group is not: whoever is in it hears all that is said, but for one who has blocked the
//! group as a whole, who hears nothing of it and is not invited into it. The list of the granted is
//! about people and says nothing of groups that somebody has joined.

mod change;

use std::collections::BTreeSet;

use imps::id::Address as Wv;
use imps::status::Code;
use room::Address;
use xdm::resource_lists::{BLOCKED_CONTACTS, Entry, GRANTED_CONTACTS, Item, List, ResourceLists};

pub(super) use change::{block, get};

use super::user::wv_of_group;
use super::{Refused, contacts, lists};
use crate::house::House;

/// The most entries on each of both lists: more people than anybody has trouble with. See the
/// limits of [`contacts`] for the whole document.
pub(crate) const LISTED_MAX: usize = 500;

/// May `sender` reach `owner`?
pub(super) async fn check(house: &House, owner: &Address, sender: &Address) -> Result<(), Refused> {
    check_invitation(house, owner, sender, None).await
}

/// May `sender` invite `owner`, into the group of this URI if it is one?
pub(crate) async fn check_invitation(
    house: &House,
    owner: &Address,
    sender: &Address,
    group: Option<&str>,
) -> Result<(), Refused> {
    // Nobody is shut out by themselves.
    if owner == sender {
        return Ok(());
    }
    judge(&lists::load(house, owner).await?.lists, sender, group)
}

/// May `sender` reach the owner of these lists, or invite them into the group of this URI?
pub(crate) fn judge(
    theirs: &ResourceLists,
    sender: &Address,
    group: Option<&str>,
) -> Result<(), Refused> {
    let is_blocked = |list: &List| {
        names(theirs, list, sender) || group.is_some_and(|group| contacts::has(list, group))
    };
    if in_use(theirs, BLOCKED_CONTACTS).is_some_and(is_blocked) {
        return Err(Code::BLOCKED.into());
    }
    // Who grants some grants nobody else.
    if in_use(theirs, GRANTED_CONTACTS).is_some_and(|list| !names(theirs, list, sender)) {
        return Err(Code::BLOCKED.into());
    }
    Ok(())
}

/// One of both lists, if it counts.
fn in_use<'l>(lists: &'l ResourceLists, name: &str) -> Option<&'l List> {
    lists.list(name).filter(|list| list.in_use)
}

/// Does somebody stand on a list, or on a contact list that stands there?
fn names(lists: &ResourceLists, list: &List, who: &Address) -> bool {
    if contacts::is_on(list, who) {
        return true;
    }
    let named: BTreeSet<String> = entries(list)
        .filter_map(|entry| list_name(&entry.uri))
        .collect();
    contacts::all(lists).any(|(name, contacts)| {
        named.contains(&name.to_ascii_lowercase()) && contacts::is_on(contacts, who)
    })
}

fn entries(list: &List) -> impl Iterator<Item = &Entry> {
    list.items.iter().filter_map(|item| match item {
        Item::Entry(entry) => Some(entry),
        Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
    })
}

/// The name of the contact list that an entry stands for, if it does, in small letters.
fn list_name(uri: &str) -> Option<String> {
    uri.get(..3)
        .filter(|scheme| scheme.eq_ignore_ascii_case("wv:"))?;
    let address = Wv::parse(uri).ok()?;
    address.contact_list().map(str::to_ascii_lowercase)
}

/// Whoever is put on a contact list may be granted in the same breath. A list of the granted that
/// is made by this is not in use: it would shut all others out.
pub(super) fn grant(lists: &mut ResourceLists, uris: &[String]) -> Result<(), Refused> {
    if uris.is_empty() {
        return Ok(());
    }
    let mut granted = taken(lists, GRANTED_CONTACTS);
    for uri in uris {
        put(&mut granted, uri);
    }
    within_limit(&granted)?;
    lists.lists.push(granted);
    Ok(())
}

/// A contact list is no more: nobody is blocked or granted by it.
pub(super) fn forget_list(lists: &mut ResourceLists, address: &str) {
    for name in [BLOCKED_CONTACTS, GRANTED_CONTACTS] {
        if let Some(list) = lists.list_mut(name) {
            take(list, address);
        }
    }
}

/// Takes one of both lists out of the document; a new one if there is none. Whoever blocks somebody
/// wants that to count, but a list of the granted counts when its owner says so.
pub(crate) fn taken(lists: &mut ResourceLists, name: &str) -> List {
    lists.remove_list(name).unwrap_or_else(|| List {
        name: Some(name.to_owned()),
        in_use: name == BLOCKED_CONTACTS,
        ..List::default()
    })
}

pub(crate) fn put(list: &mut List, uri: &str) {
    if !contacts::has(list, uri) {
        list.items.push(Item::Entry(Entry::new(uri)));
    }
}

pub(crate) fn take(list: &mut List, uri: &str) {
    list.items
        .retain(|item| !matches!(item, Item::Entry(entry) if entry.uri.eq_ignore_ascii_case(uri)));
}

fn within_limit(list: &List) -> Result<(), Refused> {
    if list.items.len() <= LISTED_MAX {
        return Ok(());
    }
    let why = format!("at most {LISTED_MAX} are blocked or granted");
    Err(Refused::because(Code::TOO_MANY_CONTACTS, why))
}

/// Lets the sessions of a user hear nothing of the groups they are in and the user has blocked.
/// To be called when one of both may have changed.
pub(super) async fn hush(house: &House, owner: &Address) {
    let theirs = match lists::load(house, owner).await {
        Ok(theirs) => theirs.lists,
        // It is said already. They hear what they have heard.
        Err(_) => return,
    };
    let blocked = in_use(&theirs, BLOCKED_CONTACTS);
    let is_blocked = |uri: &&String| blocked.is_some_and(|list| contacts::has(list, uri));
    for session in house.imps.sessions.of(owner) {
        let mut state = session.state();
        let blocked = state.seats.keys().filter(is_blocked);
        let silent: BTreeSet<String> = blocked.map(|uri| wv_of_group(uri)).collect();
        state.outbox.silence(silent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(all: &[(&str, bool, &[&str])]) -> ResourceLists {
        let list = |(name, in_use, uris): &(&str, bool, &[&str])| List {
            name: Some((*name).to_owned()),
            in_use: *in_use,
            items: uris
                .iter()
                .map(|uri| Item::Entry(Entry::new(*uri)))
                .collect(),
            ..List::default()
        };
        ResourceLists {
            lists: all.iter().map(list).collect(),
        }
    }

    #[test]
    fn contact_lists_stand_for_their_members() {
        let lists = lists(&[
            ("Work", true, &["sip:bob@h", "sip:eve@other"]),
            (
                BLOCKED_CONTACTS,
                true,
                &["sip:dave@h", "wv:alice/~work@h", "wv:alice/~gone@h"],
            ),
        ]);
        let blocked = lists.list(BLOCKED_CONTACTS).unwrap();
        let rows = [
            ("sip:dave@h", true),
            ("sip:bob@h", true),
            ("sip:eve@other", true),
            ("sip:carol@h", false),
            ("sip:work@h", false),
        ];
        for (who, want) in rows {
            assert_eq!(names(&lists, blocked, &Address::new(who)), want, "{who}");
        }
    }

    #[test]
    fn whoever_is_granted_with_a_contact_shuts_nobody_out() {
        let mut lists = lists(&[]);
        grant(&mut lists, &[]).unwrap();
        assert!(lists.lists.is_empty());
        grant(&mut lists, &["sip:bob@h".to_owned()]).unwrap();
        grant(&mut lists, &["sip:bob@h".to_owned()]).unwrap();
        let granted = lists.list(GRANTED_CONTACTS).unwrap();
        assert_eq!((granted.in_use, granted.items.len()), (false, 1));
        let many: Vec<_> = (0..LISTED_MAX).map(|n| format!("sip:{n}@h")).collect();
        let refused = grant(&mut lists, &many).unwrap_err();
        assert_eq!(refused.code, Code::TOO_MANY_CONTACTS);
    }
}
