//! Presence: what users publish, who may see it, and those who watch.
//!
//! ```text
//!   Update ──▶ kept ──┐                         ┌─▶ box of each session that watches, later news
//!   session begins ───┼─▶ telling: what is new ─┤   of a user in the place of earlier
//!   or ends ──────────┤   to each, as far as    └─▶ nothing, where nothing may be seen
//!   lists, answers ───┘   standing allows
//! ```
//!
//! What is published and who may see it is in the store and is read when it is needed; who watches
//! is in memory and ends with the session. Whatever changes, all who watch are looked at anew, and
//! told what is another than they were told last.

mod check;
mod kept;
mod kinds;
mod lists;
mod named;
mod news;
mod publish;
mod reactive;
mod standing;
mod subscribe;
mod telling;
mod watchers;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;

use room::Address;

pub(super) use kept::{change, load};
pub(super) use lists::{create, delete, list};
pub(crate) use news::News;
pub(super) use publish::update;
pub(super) use reactive::{answer, cancel, status};
pub(super) use subscribe::{get, subscribe, unsubscribe};
pub(super) use watchers::list as list_watchers;

use super::Session;
use crate::house::House;
use watches::{Followed, Reason};

/// Who watches whom.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    watches: watches::Watches,
    lanes: telling::Lanes,
}

/// A session has begun: those who watch its user are told, and it is asked about those who may not
/// see anything yet.
pub(super) async fn begun(house: &House, session: &Arc<Session>) {
    telling::tell(house, &session.user.address).await;
    reactive::ask_all(house, session).await;
}

/// A session has ended, and is among the others no more: it watches nobody, and those who watch
/// its user are told.
pub(super) async fn over(house: &House, session: &Session) {
    let now = house.world.clock.now();
    house.imps.presence.watches.clear(&session.id, now);
    telling::tell(house, &session.user.address).await;
}

/// The lists of a user have changed, in whatever way: those who watch the user may see more or
/// less, and sessions of the user that follow a contact list watch others.
pub(super) async fn lists_changed(house: &House, owner: &Address) {
    telling::tell(house, owner).await;
    let watches = &house.imps.presence.watches;
    for session in house.imps.sessions.of(owner) {
        for (list, followed) in watches.followed(&session.id) {
            if followed.auto {
                follow(house, &session, &list, followed).await;
            }
        }
    }
}

/// Looks at a contact list that a session follows.
async fn follow(house: &House, session: &Arc<Session>, list: &str, followed: Followed) {
    let owner = &session.user.address;
    let lists = match super::lists::load(house, owner).await {
        Ok(lists) => lists.lists,
        // The store has said why. It is looked at again with the next change.
        Err(_) => return,
    };
    let mut members = BTreeSet::new();
    for uri in standing::members(&lists, list).take(named::NAMED_MAX) {
        let who = Address::new(uri);
        if followed.members.contains(&who) || is_somebody(house, &who).await {
            members.insert(who);
        }
    }
    let watches = &house.imps.presence.watches;
    watches.look_at(&session.id, list, members.clone());
    for who in members.difference(&followed.members) {
        let reason = Reason::Listed(list);
        let watched = subscribe::watch_one(house, session, who, reason, followed.kinds).await;
        if let Err(refused) = watched {
            tracing::debug!(%owner, %who, code = %refused.code, why = ?refused.why, "not watched");
        }
    }
    let now = house.world.clock.now();
    for who in followed.members.difference(&members) {
        watches.unlist(&session.id, who, list, now);
    }
}

/// Is this a user of ours?
async fn is_somebody(house: &House, who: &Address) -> bool {
    let wv = super::user::wv_of_user(who);
    let found = super::user::find(house, &wv).await;
    found.is_ok_and(|found| found.address == *who)
}
