//! Messages that wait: listed, fetched and refused by their recipient.

use std::sync::Arc;

use imps::Primitive;
use imps::csp::{
    DeliveryMethod, DetailedResult, GetMessageListRequest, GetMessageListResponse,
    GetMessageRequest, MessageInfo, Outcome, RejectMessageRequest, SetDeliveryMethodRequest,
    Status,
};
use imps::status::Code;
use store::Cursor;

use super::super::desk::Turn;
use super::super::letter::Letter;
use super::super::refused::broken;
use super::super::{Refused, user};
use super::{is_fresh, letter};

/// The most messages in one list: more would not fit a handset.
const LIST_MAX: u32 = 100;

/// SetDeliveryMethod-Request.
pub(in crate::imps) fn set_method(
    turn: &Turn<'_>,
    request: &SetDeliveryMethodRequest,
) -> Result<Primitive, Refused> {
    if let DeliveryMethod::Other(word) = &request.method {
        let why = format!("{word} is no way to deliver messages: P and N are");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    if let Some(group) = &request.group {
        let uri = user::group_uri(turn.house, group)?;
        if turn.session.seat(&uri).is_none() {
            return Err(Code::NOT_JOINED.into());
        }
    }
    let mut state = turn.session.state();
    match &request.group {
        None => {
            state.terms.delivery = request.method.clone();
            if let Some(limit) = request.content_length {
                state.terms.push_max = Some(limit);
            }
        }
        Some(group) => {
            let uri = user::group_uri(turn.house, group)?;
            let notify = request.method == DeliveryMethod::Notify;
            state
                .outbox
                .announce_group(&user::wv_of_group(&uri), notify);
        }
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// GetMessageList-Request.
pub(in crate::imps) async fn list(
    turn: &Turn<'_>,
    request: &GetMessageListRequest,
) -> Result<Primitive, Refused> {
    let most = request.count.unwrap_or(LIST_MAX).min(LIST_MAX);
    let (messages, total) = match &request.group {
        Some(group) => of_group(turn, group)?,
        None => of_user(turn, most).await?,
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let messages = messages.into_iter().take(most).collect();
    Ok(GetMessageListResponse {
        messages,
        total: Some(total),
    }
    .into())
}

async fn of_user(turn: &Turn<'_>, most: u32) -> Result<(Vec<MessageInfo>, u32), Refused> {
    let to = turn.session.user.address.to_string();
    let found = turn.house.keeper.read(move |reader| {
        let page = reader.messages(&to, &Cursor::START, most.max(1))?;
        Ok::<_, store::Trouble>((page.rows, reader.count_messages(&to)?))
    });
    let (rows, total) = found.await.map_err(broken)?.map_err(broken)?;
    let now_ms = turn.house.unix_ms();
    let fresh = rows.iter().filter(|row| is_fresh(row, now_ms));
    let infos = fresh.map(|row| letter(row).info).collect();
    Ok((infos, u32::try_from(total).unwrap_or(u32::MAX)))
}

fn of_group(turn: &Turn<'_>, group: &str) -> Result<(Vec<MessageInfo>, u32), Refused> {
    let uri = user::group_uri(turn.house, group)?;
    if turn.session.seat(&uri).is_none() {
        return Err(Code::NOT_JOINED.into());
    }
    let group = user::wv_of_group(&uri);
    let state = turn.session.state();
    let held = state
        .outbox
        .held()
        .filter(|letter| letter.is_of_group(&group));
    let infos: Vec<_> = held.map(|letter| letter.info.clone()).collect();
    let total = u32::try_from(infos.len()).unwrap_or(u32::MAX);
    Ok((infos, total))
}

/// GetMessage-Request.
pub(in crate::imps) async fn fetch(
    turn: &Turn<'_>,
    request: &GetMessageRequest,
) -> Result<Primitive, Refused> {
    let letter = find(turn, &request.message).await?;
    let (most, shown) = {
        let state = turn.session.state();
        (state.terms.pull_max, state.terms.shown)
    };
    let size = letter.size_shown(shown);
    let fits = |most: u32| size <= usize::try_from(most).unwrap_or(usize::MAX);
    if !most.is_none_or(fits) {
        let why = format!("the message has {size} bytes");
        return Err(Refused::because(Code::RESPONSE_TOO_LARGE, why));
    }
    Ok(letter.fetched(shown).into())
}

/// A message that waits for this session, held here or in the store.
pub(super) async fn find(turn: &Turn<'_>, id: &str) -> Result<Arc<Letter>, Refused> {
    let held = turn.session.state().outbox.held_one(id);
    if let Some(held) = held {
        return Ok(held);
    }
    let (to, wanted) = (turn.session.user.address.to_string(), id.to_owned());
    let found = turn
        .house
        .keeper
        .read(move |reader| reader.message(&to, &wanted));
    let found = found.await.map_err(broken)?.map_err(broken)?;
    let now_ms = turn.house.unix_ms();
    match found.filter(|message| is_fresh(message, now_ms)) {
        Some(message) => Ok(Arc::new(letter(&message))),
        None => {
            let why = format!("no message {id} waits");
            Err(Refused::because(Code::INVALID_MESSAGE, why))
        }
    }
}

/// RejectMessage-Request.
pub(in crate::imps) async fn reject(
    turn: &Turn<'_>,
    request: RejectMessageRequest,
) -> Result<Primitive, Refused> {
    let mut unknown = Vec::new();
    let count = request.messages.len();
    for id in request.messages {
        match find(turn, &id).await {
            Ok(letter) => {
                let code = Code::MESSAGE_REJECTED;
                super::report::settle(turn.house, &turn.session.user.address, &id, code).await;
                forget(turn, letter.id());
            }
            Err(refused) if refused.code == Code::INVALID_MESSAGE => unknown.push(id),
            Err(refused) => return Err(refused),
        }
    }
    if unknown.len() == count {
        let why = "none of the messages waits";
        return Err(Refused::because(Code::INVALID_MESSAGE, why));
    }
    let details = match unknown.is_empty() {
        true => Vec::new(),
        false => vec![DetailedResult {
            code: Code::INVALID_MESSAGE,
            messages: unknown,
            ..DetailedResult::default()
        }],
    };
    Ok(Status::from(Outcome::new(Code::SUCCESSFUL).with_details(details)).into())
}

/// No session of the user is told of the message any more.
pub(super) fn forget(turn: &Turn<'_>, id: &str) {
    for session in turn.house.imps.sessions.of(&turn.session.user.address) {
        session.state().outbox.forget(id);
    }
}
