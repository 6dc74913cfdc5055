//! Contact lists.

use imps::status::Code;
use room::Address;
use xdm::resource_lists::Item;

use super::desk::Turn;
use super::user::{parse, wv_of_user};
use super::{Refused, lists};

/// The addresses of all who are on a contact list of the session's user.
pub(super) async fn members(turn: &Turn<'_>, list: &str) -> Result<Vec<String>, Refused> {
    let name = own_name(turn, list)?;
    let lists = lists::load(turn.house, &turn.session.user.address).await?;
    let list = lists.lists.list(&name);
    let list = list.ok_or(Refused::new(Code::UNKNOWN_CONTACT_LIST))?;
    let entries = list.items.iter().filter_map(|item| match item {
        Item::Entry(entry) => Some(wv_of_user(&Address::new(&entry.uri))),
        Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
    });
    Ok(entries.collect())
}

/// The name of a contact list of the session's user: `friends` of `wv:alice/~friends@localhost`.
pub(super) fn own_name(turn: &Turn<'_>, list: &str) -> Result<String, Refused> {
    let address = parse(list)?;
    let own = &turn.session.user.name;
    let is_own = address
        .user()
        .is_none_or(|user| user.eq_ignore_ascii_case(own));
    match address.contact_list().filter(|_| is_own) {
        Some(name) => Ok(name.to_ascii_lowercase()),
        None => Err(Code::UNKNOWN_CONTACT_LIST.into()),
    }
}
