//! Contact lists: which there are, who is on them, and which is the default.
//!
//! Each is a list in the document of the user's [`lists`]. The lists of those who are blocked and
//! of those who alone may write stand in the same document and are none: here they are neither seen
//! nor changed. What the document holds and CSP has no words for stays as it is and is not told:
//! lists without a name, or with one that no address has, and entries that are no users.

mod manage;

use imps::csp::Contact;
use imps::id::Address as Wv;
use imps::status::Code;
use xdm::resource_lists::{
    BLOCKED_CONTACTS, DisplayName, Entry, GRANTED_CONTACTS, Item, List, ResourceLists,
};

pub(super) use manage::{create, delete, list, manage};

use super::desk::Turn;
use super::user::parse;
use super::{Refused, lists};
use crate::house::House;

/// The most contact lists of one user. With all contacts that they may have, and with the lists of
/// the blocked and the granted, they are as many entries as a stored document may hold.
const LISTS_MAX: usize = 20;

/// The most contacts on one list: more than a handset shows.
const CONTACTS_MAX: usize = 200;

/// The longest name of a list, and of a contact or list for people, in bytes.
const NAME_MAX: usize = 128;

/// The addresses of all who are on a contact list of the session's user.
pub(super) async fn members(turn: &Turn<'_>, list: &str) -> Result<Vec<String>, Refused> {
    let name = own_name(turn, list)?;
    let lists = lists::load(turn.house, &turn.session.user.address).await?;
    let list = find(&lists.lists, &name).ok_or(Refused::new(Code::UNKNOWN_CONTACT_LIST))?;
    Ok(contacts(list).map(|contact| contact.user).collect())
}

/// The name of a contact list of the session's user, in small letters: `friends` of
/// `wv:alice/~friends@localhost`.
pub(super) fn own_name(turn: &Turn<'_>, list: &str) -> Result<String, Refused> {
    let address = parse(list)?;
    let own = &turn.session.user.name;
    let is_own = address
        .user()
        .is_none_or(|user| user.eq_ignore_ascii_case(own));
    let is_home = address
        .domain()
        .is_none_or(|domain| turn.house.is_domain(domain));
    match address.contact_list().filter(|_| is_own && is_home) {
        Some(name) => Ok(name.to_ascii_lowercase()),
        None => {
            let own = address_of(turn, "...");
            let why = format!("{list} is not called {own}");
            Err(Refused::because(Code::UNKNOWN_CONTACT_LIST, why))
        }
    }
}

/// The address of a contact list of the session's user.
pub(super) fn address_of(turn: &Turn<'_>, name: &str) -> String {
    let domain = &turn.house.setup.domain;
    format!("wv:{}/~{name}@{domain}", turn.session.user.name)
}

/// The contact list of this name, in whatever letter case.
pub(super) fn find<'l>(lists: &'l ResourceLists, name: &str) -> Option<&'l List> {
    all(lists)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, list)| list)
}

fn find_mut<'l>(lists: &'l mut ResourceLists, name: &str) -> Option<&'l mut List> {
    let is_it =
        |list: &&mut List| name_of(list).is_some_and(|known| known.eq_ignore_ascii_case(name));
    lists.lists.iter_mut().find(is_it)
}

/// All contact lists, each with its name.
pub(super) fn all(lists: &ResourceLists) -> impl Iterator<Item = (&str, &List)> {
    let lists = lists.lists.iter();
    lists.filter_map(|list| Some((name_of(list)?, list)))
}

/// The name of a list, if it is one of contacts and has a name that can stand in an address.
fn name_of(list: &List) -> Option<&str> {
    let name = list.name.as_deref()?;
    let address = Wv::parse(&format!("wv:u/~{name}@d")).ok()?;
    (address.contact_list() == Some(name) && !is_reserved(name)).then_some(name)
}

/// Whether it is the name of a list that is none of contacts.
fn is_reserved(name: &str) -> bool {
    let of_others = [BLOCKED_CONTACTS, GRANTED_CONTACTS];
    of_others
        .iter()
        .any(|other| other.eq_ignore_ascii_case(name))
}

/// The name of the default list: the first if none says so, as in a document of other origin.
fn default_of(lists: &ResourceLists) -> Option<&str> {
    let marked = all(lists).find(|(_, list)| list.is_default);
    marked.or_else(|| all(lists).next()).map(|(name, _)| name)
}

/// Makes one list the default and no other: that of this name, else the one that is.
fn settle_default(lists: &mut ResourceLists, wanted: Option<&str>) {
    let default = wanted.or(default_of(lists)).map(str::to_owned);
    for list in &mut lists.lists {
        let name = name_of(list);
        list.is_default = name.is_some() && name == default.as_deref();
    }
}

/// Who is on a list.
fn contacts(list: &List) -> impl Iterator<Item = Contact> {
    list.items.iter().filter_map(|item| match item {
        Item::Entry(entry) => contact(entry),
        Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
    })
}

fn contact(entry: &Entry) -> Option<Contact> {
    let bare = entry.uri.strip_prefix("sip:")?;
    Wv::parse(bare).ok().filter(Wv::is_user)?;
    Some(Contact {
        user: format!("wv:{bare}"),
        nickname: entry.display_name.as_ref().map(|name| name.text.clone()),
    })
}

/// Is this user on a list, by the address in the house?
pub(super) fn is_on(list: &List, who: &room::Address) -> bool {
    has(list, who.as_str())
}

/// Has a list an entry of this URI, in whatever letter case?
pub(super) fn has(list: &List, uri: &str) -> bool {
    list.items
        .iter()
        .any(|item| matches!(item, Item::Entry(entry) if entry.uri.eq_ignore_ascii_case(uri)))
}

/// Takes users off a list. Who is not on it need not be taken off.
fn take_off(house: &House, list: &mut List, named: &[String]) -> Result<(), Refused> {
    if named.len() > CONTACTS_MAX {
        let why = format!("at most {CONTACTS_MAX} are on a list");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    for one in named {
        let uri = lists::written(house, one)?;
        list.items.retain(
            |item| !matches!(item, Item::Entry(entry) if entry.uri.eq_ignore_ascii_case(&uri)),
        );
    }
    Ok(())
}

/// Puts a user on a list. Who is on it stays there, and is called anew if that is said.
fn put_on(list: &mut List, uri: &str, nickname: Option<&str>) -> Result<(), Refused> {
    let name = nickname.map(named).transpose()?;
    let known = list.items.iter_mut().find_map(|item| match item {
        Item::Entry(entry) if entry.uri.eq_ignore_ascii_case(uri) => Some(entry),
        Item::Entry(_) | Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
    });
    match known {
        Some(entry) => {
            if let Some(name) = name {
                entry.display_name = name;
            }
        }
        None => {
            let mut entry = Entry::new(uri);
            entry.display_name = name.flatten();
            list.items.push(Item::Entry(entry));
        }
    }
    Ok(())
}

/// A name for people. An empty one is none.
fn named(text: &str) -> Result<Option<DisplayName>, Refused> {
    let text = text.trim();
    if text.len() > NAME_MAX || text.chars().any(char::is_control) {
        let why = format!("a name has at most {NAME_MAX} bytes and no control characters");
        return Err(Refused::because(Code::INVALID_LIST_PROPERTY, why));
    }
    let name = || DisplayName {
        text: text.to_owned(),
        lang: None,
    };
    Ok((!text.is_empty()).then(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, is_default: bool) -> List {
        List {
            name: Some(name.to_owned()),
            is_default,
            ..List::default()
        }
    }

    fn defaults(lists: &ResourceLists) -> Vec<&str> {
        let marked = lists.lists.iter().filter(|list| list.is_default);
        marked.filter_map(|list| list.name.as_deref()).collect()
    }

    /// (the lists and whether they say to be the default, which is to be, which are)
    type Row = (
        &'static [(&'static str, bool)],
        Option<&'static str>,
        &'static [&'static str],
    );

    #[test]
    fn exactly_one_contact_list_is_the_default() {
        #[rustfmt::skip]
        let rows: &[Row] = &[
            (&[],                                                None,      &[]),
            (&[("a", false), ("b", false)],                      None,      &["a"]),
            (&[("a", false), ("b", true)],                       None,      &["b"]),
            (&[("a", true), ("b", true)],                        None,      &["a"]),
            (&[("a", true), ("b", false)],                       Some("b"), &["b"]),
            // What is no contact list is not the default, whatever it says.
            (&[("oma_blockedcontacts", true), ("a", false)],     None,      &["a"]),
            (&[("a b", true), ("b", false)],                     None,      &["b"]),
            (&[("T_GrantedContacts", true)],                     None,      &[]),
        ];
        for (given, wanted, want) in rows {
            let lists = given.iter().map(|(name, default)| list(name, *default));
            let mut lists = ResourceLists {
                lists: lists.collect(),
            };
            settle_default(&mut lists, *wanted);
            assert_eq!(defaults(&lists), *want, "{given:?} {wanted:?}");
        }
    }

    #[test]
    fn only_users_are_told_as_contacts() {
        let mut friends = list("friends", true);
        for uri in [
            "sip:bob@h",
            "tel:+1555",
            "sip:eve@other",
            "sip:a/club@h",
            "wv:a/~l@h",
        ] {
            friends.items.push(Item::Entry(Entry::new(uri)));
        }
        let told: Vec<_> = contacts(&friends).map(|contact| contact.user).collect();
        assert_eq!(told, ["wv:bob@h", "wv:eve@other"]);
    }

    #[test]
    fn a_nickname_stays_unless_another_is_given() {
        let mut friends = list("friends", true);
        let call = |list: &List| contacts(list).next().unwrap().nickname;
        put_on(&mut friends, "sip:bob@h", Some("Bobby")).unwrap();
        put_on(&mut friends, "sip:Bob@h", None).unwrap();
        assert_eq!(call(&friends).as_deref(), Some("Bobby"));
        put_on(&mut friends, "sip:bob@h", Some(" ")).unwrap();
        assert_eq!(call(&friends), None);
        let long = "x".repeat(NAME_MAX + 1);
        for name in [long.as_str(), "a\u{7}b"] {
            let refused = put_on(&mut friends, "sip:bob@h", Some(name)).unwrap_err();
            assert_eq!(refused.code, Code::INVALID_LIST_PROPERTY);
        }
        assert_eq!(friends.items.len(), 1);
    }
}
