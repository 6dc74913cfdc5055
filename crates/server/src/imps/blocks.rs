//! Whom a user does not want to hear from, and from whom alone the user does.

use imps::status::Code;
use room::Address;
use xdm::resource_lists::{BLOCKED_CONTACTS, GRANTED_CONTACTS, Item, List, ResourceLists};

use super::{Refused, lists};
use crate::house::House;

/// May `sender` reach `owner`?
pub(super) async fn check(house: &House, owner: &Address, sender: &Address) -> Result<(), Refused> {
    judge(&lists::load(house, owner).await?.lists, sender)
}

/// May `sender` reach the owner of these lists?
pub(super) fn judge(theirs: &ResourceLists, sender: &Address) -> Result<(), Refused> {
    let in_use = |name| theirs.list(name).filter(|list| list.in_use);
    if in_use(BLOCKED_CONTACTS).is_some_and(|list| names(list, sender)) {
        return Err(Code::BLOCKED.into());
    }
    // Who grants some grants nobody else.
    if in_use(GRANTED_CONTACTS).is_some_and(|list| !names(list, sender)) {
        return Err(Code::BLOCKED.into());
    }
    Ok(())
}

fn names(list: &List, who: &Address) -> bool {
    list.items
        .iter()
        .any(|item| matches!(item, Item::Entry(entry) if entry.uri == who.as_str()))
}
