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

/// Is it an invitation by a user into a group of ours?
pub(super) fn is_into_ours(house: &House, asked: &ssp::InviteRequest) -> bool {
    let group = asked.group.as_deref().and_then(|id| Wv::parse(id).ok());
    let domain = group.as_ref().and_then(Wv::domain);
    let is_ours = domain.is_some_and(|domain| house.is_domain(domain));
    is_ours && matches!(asked.inviting, ssp::Party::User(_))
}

/// A user of the peer's invites one of ours into a group of ours, as a guest.
pub(super) async fn invite(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    asked: ssp::InviteRequest,
) -> Result<Primitive, Refused> {
    let session = inviter(house, gate, &asked.inviting).await?;
    let request = csp::InviteRequest {
        id: asked.id,
        invite_type: asked.invite_type,
        sender: None,
        recipient: recipient(asked.invited),
        application: asked.application,
        group: asked.group,
        attributes: asked.attributes,
        urls: asked.urls,
        note: asked.note,
        screen_name: asked.screen_name,
        validity_s: asked.validity_s,
    };
    let answer = guest::ask(house, &session, request.into()).await;
    Ok(convert::answer::to_ssp(answer))
}

/// A user of the peer's takes such an invitation back.
pub(super) async fn cancel_invite(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    asked: ssp::CancelInviteRequest,
) -> Result<Primitive, Refused> {
    let session = inviter(house, gate, &asked.canceling).await?;
    let request = csp::CancelInviteRequest {
        id: asked.id,
        sender: None,
        recipient: Some(recipient(asked.canceled)),
        note: asked.note,
        application: asked.application,
        group: asked.group,
        attributes: asked.attributes,
        urls: asked.urls,
        screen_name: asked.screen_name,
    };
    let answer = guest::ask(house, &session, request.into()).await;
    Ok(convert::answer::to_ssp(answer))
}

/// The guest who invites.
async fn inviter(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    by: &ssp::Party,
) -> Result<Arc<Session>, Refused> {
    match by {
        ssp::Party::User(user) => guests::guest(house, gate, user_of(gate, &user.id)?).await,
        ssp::Party::Group(_) | ssp::Party::ScreenName(_) => {
            let why = "a user invites into a group";
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
    }
}

fn recipient(invited: ssp::Party) -> csp::Recipient {
    let users = match invited {
        ssp::Party::User(user) => vec![user],
        ssp::Party::Group(_) | ssp::Party::ScreenName(_) => Vec::new(),
    };
    csp::Recipient {
        users,
        ..csp::Recipient::default()
    }
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
