//! Watching others: subscriptions, which belong to a session, and asking once.

use std::collections::BTreeSet;
use std::sync::Arc;

use imps::Primitive;
use imps::csp::{
    GetPresenceRequest, GetPresenceResponse, Presence, Status, SubscribePresenceRequest,
    UnsubscribePresenceRequest,
};
use imps::status::Code;
use room::Address;

use super::super::desk::Turn;
use super::super::user::{find, wv_of_user};
use super::super::{Refused, Session, contacts};
use super::check::size;
use super::kinds::Kinds;
use super::named::{Parts, bound, on_list, users};
use super::standing::Standing;
use super::telling::{Shown, ask, tell_one};
use super::watches::{Followed, Interest, Reason};
use crate::house::House;

/// The most bytes of presence in one answer: what a handset can hold, and many cannot.
const ANSWER_MAX: usize = 256 << 10;

/// SubscribePresence-Request.
///
/// Whoever may not see anything is answered alike: what is seen comes when the user allows it.
pub(in crate::imps) async fn subscribe(
    turn: &Turn<'_>,
    request: SubscribePresenceRequest,
) -> Result<Primitive, Refused> {
    bound((request.users.len(), request.contact_lists.len()), false)?;
    let kinds = Kinds::wanted(request.attributes.as_deref());
    let mut parts = Parts::default();
    let named = request.users.iter().map(|user| &*user.id);
    for whom in users(turn, named, &mut parts).await? {
        watch(turn, &whom, Reason::Named, kinds, &mut parts).await;
    }
    for list in &request.contact_lists {
        let Some((name, members)) = on_list(turn, list, &mut parts).await? else {
            continue;
        };
        let followed = Followed {
            kinds,
            auto: request.auto_subscribe,
            members: members.clone(),
        };
        let watches = &turn.house.imps.presence.watches;
        if let Err(refused) = watches.follow(turn.session, &name, followed) {
            parts.list_failed(refused, list);
            continue;
        }
        parts.done += 1;
        for whom in members {
            watch(turn, &whom, Reason::Listed(&name), kinds, &mut parts).await;
        }
    }
    let outcome = parts.outcome(turn.session.version)?;
    Ok(Status::from(outcome).into())
}

/// Has the session watch a user, tells it what there is to be seen, and asks the user if nothing
/// was said.
async fn watch(
    turn: &Turn<'_>,
    whom: &Address,
    reason: Reason<'_>,
    kinds: Kinds,
    parts: &mut Parts,
) {
    match watch_one(turn.house, turn.session, whom, reason, kinds).await {
        Ok(()) => parts.done += 1,
        Err(refused) => parts.user_failed(refused, &wv_of_user(whom)),
    }
}

/// The same without an answer to anybody.
pub(super) async fn watch_one(
    house: &House,
    session: &Arc<Session>,
    whom: &Address,
    reason: Reason<'_>,
    kinds: Kinds,
) -> Result<(), Refused> {
    let presence = &house.imps.presence;
    let _lane = presence.lanes.enter(whom).await;
    let shown = Shown::load(house, whom).await?;
    presence.watches.add(session, whom, reason, kinds)?;
    if let Some(watch) = presence.watches.one(whom, &session.id) {
        tell_one(house, &shown, &watch);
    }
    let own = &session.user.address;
    if shown.standing(own) == Standing::NotSaid {
        ask(house, whom, own, kinds);
    }
    Ok(())
}

/// UnsubscribePresence-Request. One that names nobody means everybody.
pub(in crate::imps) async fn unsubscribe(
    turn: &Turn<'_>,
    request: UnsubscribePresenceRequest,
) -> Result<Primitive, Refused> {
    let (house, session) = (turn.house, turn.session);
    let watches = &house.imps.presence.watches;
    let now = house.world.clock.now();
    let before = watches.watched_by(&session.id);
    if request.users.is_empty() && request.contact_lists.is_empty() {
        watches.clear(&session.id, now);
        forget(turn, &before);
        return Ok(Status::new(Code::SUCCESSFUL).into());
    }
    bound((request.users.len(), request.contact_lists.len()), false)?;
    let mut parts = Parts::default();
    for named in &request.users {
        match find(house, &named.id).await {
            Ok(user) => {
                parts.done += 1;
                watches.remove(&session.id, &user.address, now);
            }
            Err(refused) => parts.user_failed(refused, &named.id),
        }
    }
    for list in &request.contact_lists {
        // A list that has gone may be followed still.
        match contacts::own_name(turn, list) {
            Ok(name) if watches.unfollow(&session.id, &name, now) => parts.done += 1,
            Ok(_) => {
                let refused = Refused::because(Code::UNKNOWN_CONTACT_LIST, "it is not watched");
                parts.list_failed(refused, list);
            }
            Err(refused) => parts.list_failed(refused, list),
        }
    }
    forget(turn, &before);
    let outcome = parts.outcome(session.version)?;
    Ok(Status::from(outcome).into())
}

/// Takes news out of the box of the session that are of users it watches no more.
fn forget(turn: &Turn<'_>, before: &BTreeSet<Address>) {
    let watches = &turn.house.imps.presence.watches;
    let now = watches.watched_by(&turn.session.id);
    let mut state = turn.session.state();
    for whom in before.difference(&now) {
        state.outbox.forget_news(&wv_of_user(whom));
    }
}

/// GetPresence-Request.
pub(in crate::imps) async fn get(
    turn: &Turn<'_>,
    request: GetPresenceRequest,
) -> Result<Primitive, Refused> {
    bound((request.users.len(), request.contact_lists.len()), false)?;
    let wanted = Kinds::wanted(request.attributes.as_deref());
    let mut parts = Parts::default();
    let named = request.users.iter().map(|user| &*user.id);
    let mut whom = users(turn, named, &mut parts).await?;
    for list in &request.contact_lists {
        if let Some((_, members)) = on_list(turn, list, &mut parts).await? {
            parts.done += 1;
            whom.extend(members);
        }
    }
    let mut presences = Vec::new();
    let mut left = ANSWER_MAX;
    for whom in whom {
        let presence = see(turn, &whom, wanted).await?;
        let weight: usize = presence.attributes.iter().map(|list| size(list)).sum();
        match left.checked_sub(weight) {
            Some(rest) => {
                left = rest;
                parts.done += 1;
                presences.push(presence);
            }
            None => {
                let why = format!("an answer has at most {ANSWER_MAX} bytes of presence");
                let refused = Refused::because(Code::RESPONSE_TOO_LARGE, why);
                parts.user_failed(refused, &wv_of_user(&whom));
            }
        }
    }
    let outcome = parts.outcome(turn.session.version)?;
    Ok(GetPresenceResponse { outcome, presences }.into())
}

/// What the session's user sees of somebody now.
async fn see(turn: &Turn<'_>, whom: &Address, wanted: Kinds) -> Result<Presence, Refused> {
    let (house, own) = (turn.house, &turn.session.user.address);
    let shown = Shown::load(house, whom).await?;
    let standing = shown.standing(own);
    if standing == Standing::NotSaid {
        ask(house, whom, own, wanted);
    }
    let now = house.world.clock.now();
    let watches = &house.imps.presence.watches;
    watches.note(whom, own, Interest::Asked, now);
    let seen = shown.seen(standing, wanted, turn.session.version);
    let is_nothing = Kinds::named(&seen).is_empty();
    Ok(Presence {
        user: Some(wv_of_user(whom)),
        attributes: match is_nothing {
            true => Vec::new(),
            false => vec![Box::new(seen)],
        },
        ..Presence::default()
    })
}
