//! What a user of another domain does here: with our users, and in our groups.

use std::sync::Arc;

use imps::csp;
use imps::id::Address as Wv;
use imps::ssp::{self, MetaInfo, Primitive};
use imps::status::Code;

use super::link::Gate;
use super::{convert, guests};
use crate::house::House;
use crate::imps::{Refused, Session, User, guest};

/// The most of an address that is kept of a guest, in bytes.
const NAME_MAX: usize = 128;

/// Carries out a request that the peer makes for one of its users.
pub(super) async fn carry_out(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    request: Primitive,
) -> Result<Primitive, Refused> {
    let name = request.name();
    let session = requestor(house, gate, meta(&request)).await?;
    let heard = match &request {
        Primitive::SendMessageRequest(message) => message.info.id.clone(),
        _ => None,
    };
    let Some(asked) = convert::request::to_csp(request) else {
        let why = format!("{name} is not asked by servers");
        return Err(Refused::because(Code::SERVICE_NOT_SUPPORTED, why));
    };
    let to = whom(&asked);
    if let Some(id) = &heard
        && !house.ssp.is_news(gate, id, &to)
    {
        // It has come before, and its answer was lost with a session that ended.
        return Ok(Primitive::SendMessageResponse(ssp::SendMessageResponse {
            message: heard,
            status: csp::Outcome::new(Code::SUCCESSFUL),
        }));
    }
    let answer = guest::ask(house, &session, asked).await;
    let answer = convert::answer::to_ssp(answer);
    let is_bad = answer
        .outcome()
        .is_some_and(|outcome| !outcome.code.is_success());
    if let (Some(id), true) = (&heard, is_bad) {
        house.ssp.forget(gate, id, &to);
    }
    Ok(answer)
}

/// For whom a message is, as text.
fn whom(asked: &imps::Primitive) -> String {
    match asked {
        imps::Primitive::SendMessageRequest(asked) => format!("{:?}", asked.info.recipient),
        _ => String::new(),
    }
}

/// A user of the peer's says yes or no to an invitation of ours.
pub(super) async fn invitation_answered(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    said: ssp::InviteResponse,
) -> Result<Primitive, Refused> {
    let user = match &said.responding {
        ssp::Party::User(user) => user_of(gate, &user.id)?,
        ssp::Party::Group(_) | ssp::Party::ScreenName(_) => {
            let why = "an invitation is answered by a user";
            return Err(Refused::because(Code::BAD_PARAMETER, why));
        }
    };
    let session = guests::guest(house, gate, user).await?;
    let response = csp::InviteUserResponse {
        id: said.id,
        acceptance: said.acceptance,
        response_note: said.note,
        screen_name: said.screen_name,
        ..csp::InviteUserResponse::default()
    };
    let answer = guest::ask(house, &session, response.into()).await;
    Ok(convert::answer::to_ssp(answer))
}

/// The guest on whose behalf a request is made.
async fn requestor(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    meta: Option<&MetaInfo>,
) -> Result<Arc<Session>, Refused> {
    let user = meta.and_then(|meta| meta.requestor.user.as_ref());
    let Some(user) = user else {
        let why = "it does not say which user it is made for";
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    };
    let user = User {
        display: user.friendly_name.as_deref().map(Arc::from),
        ..user_of(gate, &user.id)?
    };
    guests::guest(house, gate, user).await
}

/// A user of the peer's domain. It speaks for no others.
pub(super) fn user_of(gate: &Gate, id: &str) -> Result<User, Refused> {
    let foreign = |why: String| Refused::because(Code::INVALID_SENDER, why);
    let address = Wv::parse(id).map_err(|error| foreign(format!("{error}: {id}")))?;
    let domain = address.domain().unwrap_or(&gate.domain);
    let name = address.user().unwrap_or_default();
    if !address.is_user() || name.len() > NAME_MAX {
        return Err(foreign(format!("{id} is no user")));
    }
    if !domain.eq_ignore_ascii_case(&gate.domain) {
        return Err(foreign(format!("{id} is not of {}", gate.domain)));
    }
    // Small letters throughout: addresses are the same in whatever letter case.
    let name = name.to_ascii_lowercase();
    Ok(User {
        address: room::Address::new(&format!("sip:{name}@{}", gate.domain)),
        name: name.into(),
        display: None,
    })
}

fn meta(request: &Primitive) -> Option<&MetaInfo> {
    Some(match request {
        Primitive::SendMessageRequest(asked) => &asked.meta,
        Primitive::JoinGroupRequest(asked) => &asked.meta,
        Primitive::CreateGroupRequest(asked) => &asked.meta,
        Primitive::LeaveGroupRequest(asked)
        | Primitive::DeleteGroupRequest(asked)
        | Primitive::GetGroupMemberRequest(asked)
        | Primitive::GetJoinedUsersRequest(asked)
        | Primitive::GetGroupPropsRequest(asked)
        | Primitive::SubscribeGroupChangeRequest(asked)
        | Primitive::UnsubscribeGroupChangeRequest(asked)
        | Primitive::GetGroupSubStatusRequest(asked) => &asked.meta,
        Primitive::AddGroupMemberRequest(asked) | Primitive::RemoveGroupMemberRequest(asked) => {
            &asked.meta
        }
        Primitive::MemberAccessRequest(asked) => &asked.meta,
        Primitive::SetGroupPropsRequest(asked) => &asked.meta,
        Primitive::RejectListRequest(asked) => &asked.meta,
        Primitive::ExtendConversationRequest(asked) => &asked.meta,
        Primitive::SubscribeRequest(asked) => &asked.meta,
        Primitive::UnsubscribeRequest(asked) => &asked.meta,
        Primitive::GetPresenceRequest(asked) => &asked.meta,
        _ => return None,
    })
}
