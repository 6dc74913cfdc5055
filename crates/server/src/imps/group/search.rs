//! Groups that can be found.

use std::sync::Arc;

use imps::status::Code;
use store::Cursor;
use xdm::shared_group::{AUID, SharedGroup};

use super::super::Refused;
use super::super::refused::broken;
use super::super::search::{Condition, HITS_MAX, What};
use super::super::user::wv_of_group;
use super::join::present;
use super::{Flag, props};
use crate::house::House;

/// Documents read in one go: each may have a megabyte.
const PAGE: u32 = 16;

/// How often that is done for one search: ten thousand groups are looked through.
const PAGES_MAX: usize = 625;

/// All groups of which the conditions hold.
///
/// IMPS-9.1.11-S13: a conversation that has grown has no document, and is therefore never found.
pub(in crate::imps) async fn search(
    house: &House,
    conditions: &Arc<[Condition]>,
) -> Result<Vec<String>, Refused> {
    let mut found = Vec::new();
    let mut after = Cursor::START;
    for _ in 0..PAGES_MAX {
        let page = house
            .keeper
            .read(move |reader| reader.documents(AUID, &after, PAGE));
        let page = page.await.map_err(broken)?.map_err(broken)?;
        for document in page.rows {
            // What cannot be read is no reason not to find the others.
            let Ok(group) = SharedGroup::read(&document.body) else {
                continue;
            };
            if can_be_found(&group) && fits(house, &group, &document.owner, conditions).await {
                found.push(wv_of_group(&group.uri));
            }
        }
        if found.len() > HITS_MAX {
            let why = format!("more than {HITS_MAX} groups");
            return Err(Refused::because(Code::TOO_MANY_HITS, why));
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(found),
        }
    }
    let why = "there are more groups than can be looked through";
    Err(Refused::because(Code::SEARCH_TIMEOUT, why))
}

/// Does its owner want it to be found, by everybody?
fn can_be_found(group: &SharedGroup) -> bool {
    props::flag(group, Flag::Searchable)
        && group
            .extension
            .property("Type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("Public"))
}

async fn fits(house: &House, group: &SharedGroup, owner: &str, conditions: &[Condition]) -> bool {
    for condition in conditions {
        let holds = match condition.what {
            What::GroupId => condition.holds(&wv_of_group(&group.uri)),
            What::GroupName => {
                let name = group.display_name.as_ref();
                name.is_some_and(|name| condition.holds(&name.text))
            }
            What::GroupTopic => {
                let topic = group.extension.property("Topic");
                topic.is_some_and(|topic| condition.holds(topic))
            }
            What::GroupOwner => condition.holds(owner),
            What::GroupJoined => has_joined(house, &group.uri, condition).await,
            What::UserId | What::UserName => false,
        };
        if !holds {
            return false;
        }
    }
    true
}

/// Is a user in the group in this moment? Of those who hide nobody is told.
async fn has_joined(house: &House, uri: &str, condition: &Condition) -> bool {
    let Some(room) = house.rooms.find(uri) else {
        return false;
    };
    let people = present(&room).await;
    let shown = people.iter().filter_map(|one| one.who.user.as_deref());
    shown.into_iter().any(|user| condition.holds(user))
}
