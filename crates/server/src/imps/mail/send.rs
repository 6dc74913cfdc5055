//! Taking a message.

use std::sync::Arc;
use std::time::Duration;

use imps::Primitive;
use imps::csp::{ContentData, DetailedResult, Group, Outcome, Sender, User as CspUser};
use imps::csp::{MessageInfo, SendMessageRequest, SendMessageResponse};
use imps::status::Code;
use store::{CommitError, Message, Partition, Write};

use super::super::desk::Turn;
use super::super::letter::Letter;
use super::super::refused::broken;
use super::super::user;
use super::super::{Refused, cir, group};
use super::{OCTETS, letter};
use crate::keeper::CommitFailed;
use crate::ssp;

/// The most users that one message may be for. Each costs a row in the store.
const RECIPIENTS_MAX: usize = 50;

/// The media type of a message that names none.
const TEXT: &str = "text/plain";

/// SendMessage-Request.
pub(in crate::imps) async fn send(
    turn: &Turn<'_>,
    request: SendMessageRequest,
) -> Result<Primitive, Refused> {
    let content = request.content.unwrap_or_default();
    let limit = turn.policy.imps.max_message;
    if content.as_bytes().len() > limit {
        let why = format!("a message has at most {limit} bytes");
        return Err(Refused::because(Code::BAD_REQUEST, why));
    }
    let info = request.info;
    check_sender(turn, info.sender.as_ref())?;
    let message = submit(turn, &info, content, request.delivery_report).await?;
    Ok(message.into())
}

/// Takes a message of the session's user to those it is for.
pub(super) async fn submit(
    turn: &Turn<'_>,
    info: &MessageInfo,
    content: ContentData,
    report: bool,
) -> Result<SendMessageResponse, Refused> {
    let users = recipients(turn, info).await?;
    let groups = &info.recipient.groups;
    match (users.is_empty(), groups.as_slice()) {
        (false, []) => to_users(turn, info, content, users, report).await,
        (true, [group]) => group::speak(turn, info, content, group, report).await,
        (true, []) => {
            let why = "the message is for nobody";
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
        _ => {
            let why = "a message is for users, or for one group";
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
    }
}

/// Nobody speaks for another.
pub(super) fn check_sender(turn: &Turn<'_>, sender: Option<&Sender>) -> Result<(), Refused> {
    let named = match sender {
        Some(Sender::User(user)) => &user.id,
        // The group knows by which name its users go.
        Some(Sender::Group(Group::ScreenName(_) | Group::Id(_))) | None => return Ok(()),
    };
    let own = &turn.session.user;
    let is_own = match user::named(turn.house, named) {
        Ok(user::Named::Home { name }) => name.eq_ignore_ascii_case(&own.name),
        Ok(user::Named::Away { .. }) | Err(_) => false,
    };
    if is_own {
        return Ok(());
    }
    let why = format!("the session is {}'s, and not {named}'s", own.wv());
    Err(Refused::because(Code::INVALID_SENDER, why))
}

/// The addresses of users that a message names, each once.
async fn recipients(turn: &Turn<'_>, info: &MessageInfo) -> Result<Vec<String>, Refused> {
    let mut named: Vec<String> = Vec::new();
    let lists = &info.recipient.contact_lists;
    for list in lists {
        named.extend(super::super::contacts::members(turn, list).await?);
    }
    let users = info.recipient.users.iter();
    named.extend(users.map(|CspUser { id, .. }| id.clone()));
    let distinct = user::distinct(turn.house, named);
    if distinct.len() > RECIPIENTS_MAX {
        let why = format!("a message is for at most {RECIPIENTS_MAX} users");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    Ok(distinct)
}

/// Sends a message to users, to each as far as that goes.
async fn to_users(
    turn: &Turn<'_>,
    info: &MessageInfo,
    content: ContentData,
    users: Vec<String>,
    report: bool,
) -> Result<SendMessageResponse, Refused> {
    let id = turn.house.rng().token(80);
    let mut refusals: Vec<(Refused, String)> = Vec::new();
    let mut reached = 0_usize;
    for named in users {
        let done = match ssp::gate_to(turn.house, &named).filter(|_| turn.session.away.is_none()) {
            Some(gate) => {
                let sending = ssp::Sending {
                    info,
                    content: &content,
                    id: &id,
                    report,
                };
                ssp::send(turn.house, &gate, turn.session, (&named, sending)).await
            }
            None => {
                let message = draft(turn, info, &content, &id, report);
                to_user(turn, message, &named).await
            }
        };
        match done {
            Ok(()) => reached += 1,
            Err(refused) => refusals.push((refused, named)),
        }
    }
    if reached == 0 {
        return Err(all_refused(refusals));
    }
    let detail = |(refused, user): (Refused, String)| DetailedResult {
        description: refused.outcome().description,
        ..DetailedResult::of_users(refused.code, vec![user])
    };
    let details = refusals.into_iter().map(detail).collect();
    Ok(SendMessageResponse {
        outcome: Outcome::new(Code::SUCCESSFUL).with_details(details),
        message: Some(id),
    })
}

/// Nobody was reached: the reason if there is one for all, else each.
fn all_refused(refusals: Vec<(Refused, String)>) -> Refused {
    let mut first = None::<Refused>;
    let mut details = Vec::new();
    for (refused, user) in refusals {
        details.push(DetailedResult::of_users(refused.code, vec![user]));
        match &mut first {
            None => first = Some(refused),
            Some(first) if first.code != refused.code => {
                *first = Refused::new(Code::MULTIPLE_ERRORS);
            }
            Some(_) => {}
        }
    }
    let mut refused = first.unwrap_or(Refused::new(Code::BAD_PARAMETER));
    refused.details = details;
    refused
}

fn draft(
    turn: &Turn<'_>,
    info: &MessageInfo,
    content: &ContentData,
    id: &str,
    report: bool,
) -> Message {
    let now_ms = turn.house.unix_ms();
    let keep = turn.policy.imps.keep;
    let validity = info.validity_s.map(|s| Duration::from_secs(s.into()));
    let kept = validity.map_or(keep, |validity| validity.min(keep));
    let kept_ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    let own = &turn.session.user;
    Message {
        to: String::new(),
        id: id.to_owned(),
        from: own.address.to_string(),
        display: own.display.as_deref().map(str::to_owned),
        subject: None,
        content_type: info
            .content_type
            .clone()
            .filter(|named| !named.is_empty())
            .unwrap_or_else(|| TEXT.to_owned()),
        content: content.as_bytes().to_vec(),
        extra: match content {
            ContentData::Text(_) => Vec::new(),
            ContentData::Octets(_) => OCTETS.to_vec(),
        },
        sent_at_ms: now_ms,
        expires_at_ms: Some(now_ms.saturating_add(kept_ms)),
        report,
    }
}

/// Stores a message for one user, and tells the user's sessions.
async fn to_user(turn: &Turn<'_>, mut message: Message, named: &str) -> Result<(), Refused> {
    let recipient = user::find(turn.house, named).await?;
    super::super::blocks::check(turn.house, &recipient.address, &turn.session.user.address).await?;
    message.to = recipient.address.to_string();
    post(turn.house, turn.policy.imps.max_waiting, message).await
}

/// Stores a message, and tells the recipient's sessions that it is there.
pub(in crate::imps) async fn post(
    house: &Arc<crate::house::House>,
    limit: u32,
    message: Message,
) -> Result<(), Refused> {
    let shared = Arc::new(letter(&message));
    let partition = Partition::of(&message.to);
    let write = Write::AddMessage { message, limit };
    match house.keeper.commit(vec![write], partition).await {
        Ok(()) => {}
        Err(CommitFailed::Commit(CommitError::QueueFull { .. })) => {
            let why = "the recipient has too many messages waiting";
            return Err(Refused::because(Code::QUEUE_FULL, why));
        }
        Err(CommitFailed::Commit(CommitError::Flaw(flaw))) => {
            return Err(Refused::because(Code::BAD_PARAMETER, flaw.to_string()));
        }
        Err(error) => return Err(broken(error)),
    }
    deliver(house, &shared);
    Ok(())
}

/// Leaves a kept message for every session of its recipient.
fn deliver(house: &Arc<crate::house::House>, letter: &Arc<Letter>) {
    let Some(to) = &letter.kept_for else {
        return;
    };
    let now = house.world.clock.now();
    for session in house.imps.sessions.of(to) {
        let is_to_be_told = {
            let mut state = session.state();
            if state.is_over || !state.terms.takes(letter.content_type()) {
                continue;
            }
            state.outbox.put_kept(letter);
            state.line.stir(now)
        };
        if is_to_be_told {
            cir::ring(house, &session);
        }
    }
}
