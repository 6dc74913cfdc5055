//! Reactive authorisation, in CSP 1.1 and 1.2: a user is asked who may watch, answers, and takes
//! the answer back. Answers are kept, and hold for whichever client asks or is asked next.

use std::sync::Arc;

use imps::Primitive;
use imps::csp::{
    CancelAuthRequest, GetReactiveAuthStatusRequest, GetReactiveAuthStatusResponse,
    PresenceAuthUser, ReactiveAuthStatus, Status,
};
use imps::status::Code;
use room::Address;

use super::super::desk::Turn;
use super::super::user::{find, wv_of_user};
use super::super::{Refused, Session};
use super::kept::{self, ANSWERS_MAX};
use super::kinds::{Kinds, written};
use super::named::{NAMED_MAX, Parts, users};
use super::telling::{Shown, ask_session, pending, tell};
use crate::house::House;

/// PresenceAuth-User: an answer to having been asked. One that comes unasked counts as well.
pub(in crate::imps) async fn answer(
    turn: &Turn<'_>,
    said: PresenceAuthUser,
) -> Result<Primitive, Refused> {
    let (house, owner) = (turn.house, &turn.session.user.address);
    let watcher = find(house, &said.user).await?.address;
    // In 1.1 there is no list: then whoever may see anything may see everything.
    let kinds = Kinds::wanted(said.attributes.as_deref());
    let answer = said.acceptance.then_some(kinds);
    kept::change(house, owner, |kept| {
        kept.answers.insert(watcher.clone(), answer);
        if kept.answers.len() > ANSWERS_MAX {
            let why = format!("answers to {ANSWERS_MAX} users are kept: take some back first");
            return Err(Refused::because(Code::TOO_MANY_ATTRIBUTE_LISTS, why));
        }
        Ok(())
    })
    .await?;
    settled(house, owner, &watcher).await;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// CancelAuth-Request: nothing was said of a user any more. Whoever watches is told no more, and
/// whoever asks again makes the owner be asked again.
pub(in crate::imps) async fn cancel(
    turn: &Turn<'_>,
    request: CancelAuthRequest,
) -> Result<Primitive, Refused> {
    let (house, owner) = (turn.house, &turn.session.user.address);
    let watcher = find(house, &request.user).await?.address;
    kept::change(house, owner, |kept| {
        kept.answers.remove(&watcher);
        Ok(())
    })
    .await?;
    settled(house, owner, &watcher).await;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// Something was said of a user: no client of the owner has a question open about the user any
/// more, and the user's clients are told what may be seen now.
async fn settled(house: &House, owner: &Address, watcher: &Address) {
    for session in house.imps.sessions.of(owner) {
        session.state().asked.remove(watcher);
    }
    tell(house, owner).await;
}

/// GetReactiveAuthStatus-Request. One that names nobody asks for all.
pub(in crate::imps) async fn status(
    turn: &Turn<'_>,
    request: GetReactiveAuthStatusRequest,
) -> Result<Primitive, Refused> {
    let (house, owner) = (turn.house, &turn.session.user.address);
    let mut parts = Parts::default();
    let named = request.users.iter().map(String::as_str);
    let named = users(turn, named.take(NAMED_MAX), &mut parts).await?;
    parts.done = named.len();
    // The answer has no place for users who cannot be found, unless that is all of them.
    parts.outcome(turn.session.version)?;
    let shown = Shown::load(house, owner).await?;
    let is_wanted = |user: &Address| request.users.is_empty() || named.contains(user);
    let said = shown.kept.answers.iter();
    let said = said.map(|(user, answer)| match answer {
        Some(kinds) => (user.clone(), "GRANTED", *kinds),
        None => (user.clone(), "DENIED", Kinds::NONE),
    });
    let open = pending(house, &shown).into_iter();
    let open = open.map(|(user, wanted)| (user, "PENDING", wanted));
    let statuses = said.chain(open).filter(|(user, ..)| is_wanted(user));
    let statuses = statuses.map(|(user, state, kinds)| ReactiveAuthStatus {
        user: wv_of_user(&user),
        state: state.to_owned(),
        attributes: (kinds != Kinds::NONE).then(|| {
            let list = written(&kinds.list(), turn.session.version);
            Box::new(list)
        }),
    });
    Ok(GetReactiveAuthStatusResponse {
        statuses: statuses.collect(),
    }
    .into())
}

/// A client has come: it is asked about all who have waited for that.
pub(super) async fn ask_all(house: &House, session: &Arc<Session>) {
    let owner = &session.user.address;
    if !house.imps.presence.watches.has(owner) {
        return;
    }
    let Ok(shown) = Shown::load(house, owner).await else {
        // The store has said why. It is asked when somebody subscribes again.
        return;
    };
    for (watcher, wanted) in pending(house, &shown) {
        ask_session(house, session, &watcher, wanted);
    }
}
