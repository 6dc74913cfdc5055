//! Which procedure carries out which request, and whether it was agreed that it may be asked for.

use imps::Primitive;
use imps::csp::{
    GetPresenceResponse, GetPublicProfileResponse, KeepAliveResponse, LeaveGroupResponse,
    ListManageResponse, SendMessageResponse, Status,
};
use imps::service::Function;
use imps::status::Code;

use super::desk::Turn;
use super::{Refused, access, blocks, bulletin, contacts, extend, group, invite, mail, negotiate};
use super::{presence, profile, search, verify};
use crate::ssp;

/// What a request may be asked for by.
enum Gate {
    /// By every session.
    Open,
    /// By those that agreed on this function.
    Agreed(Function),
    /// By those that agreed on this function, and in versions that have no word for it by all: it
    /// belongs to the mandatory part there.
    Part(Function),
    /// By none: the function is not offered here.
    NotOffered,
    /// By none: it is the server who says this, or nobody does within a session.
    NoRequest,
}

/// Carries out one request of a session. `None`: there is no answer to it.
pub(super) async fn carry_out(turn: &Turn<'_>, request: Primitive) -> Option<Primitive> {
    let name = request.name();
    let form = form(&request);
    let may = may_ask(turn, &request);
    let done = match may {
        Ok(()) => go(turn, request).await,
        Err(refused) => Err(refused),
    };
    match done {
        Ok(answer) => answer,
        Err(refused) => {
            let user = &turn.session.user.address;
            tracing::debug!(%user, request = name, code = %refused.code, why = ?refused.why, "refused");
            Some(form(refused))
        }
    }
}

fn may_ask(turn: &Turn<'_>, request: &Primitive) -> Result<(), Refused> {
    let name = request.name();
    let (code, why) = match gate(request) {
        Gate::Open => return Ok(()),
        Gate::Agreed(function) if turn.session.has_agreed(function) => return Ok(()),
        Gate::Part(function) if !function.is_in(turn.session.version) => return Ok(()),
        Gate::Part(function) if turn.session.has_agreed(function) => return Ok(()),
        Gate::Agreed(function) | Gate::Part(function) => {
            let why = format!("{} was not agreed", function.name());
            (Code::SERVICE_NOT_AGREED, why)
        }
        Gate::NotOffered => {
            let why = format!("{name} is not offered here");
            (Code::SERVICE_NOT_SUPPORTED, why)
        }
        Gate::NoRequest => {
            let why = format!("{name} is no request of a client in a session");
            (Code::SERVICE_NOT_SUPPORTED, why)
        }
    };
    Err(Refused::because(code, why))
}

fn gate(request: &Primitive) -> Gate {
    use Function::{
        Addgm, Blent, Cainv, Ccli, Creag, Dcli, Delgr, Excon, Fwmsg, Gcli, Getgm, Getgp, Getju,
        Getlm, Getm, Getspi, Glblu, Invit, Mbrac, Mcls, Rejcm, Rejec, Rmvgm, Setd, Setgp, Srch,
        Stsrc, Subgcn, Vrid,
    };
    use Gate::{Agreed, NotOffered, Open};
    match request {
        Primitive::LogoutRequest(_)
        | Primitive::KeepAliveRequest(_)
        | Primitive::PollingRequest(_)
        | Primitive::ServiceRequest(_)
        | Primitive::ClientCapabilityRequest(_)
        | Primitive::SendMessageRequest(_)
        | Primitive::MessageDelivered(_)
        | Primitive::JoinGroupRequest(_)
        | Primitive::LeaveGroupRequest(_)
        | Primitive::InviteUserResponse(_)
        | Primitive::SystemMessageUser(_) => Open,
        Primitive::GetSpInfoRequest(_) => Agreed(Getspi),
        Primitive::SetDeliveryMethodRequest(_) => Agreed(Setd),
        Primitive::GetMessageListRequest(_) => Agreed(Getlm),
        Primitive::GetMessageRequest(_) => Agreed(Getm),
        Primitive::RejectMessageRequest(_) => Agreed(Rejcm),
        Primitive::ForwardMessageRequest(_) => Agreed(Fwmsg),
        Primitive::GetListRequest(_) => Agreed(Gcli),
        Primitive::CreateListRequest(_) => Agreed(Ccli),
        Primitive::DeleteListRequest(_) => Agreed(Dcli),
        Primitive::ListManageRequest(_) => Agreed(Mcls),
        Primitive::SearchRequest(_) => Agreed(Srch),
        Primitive::StopSearchRequest(_) => Agreed(Stsrc),
        Primitive::VerifyIdRequest(_) => Agreed(Vrid),
        Primitive::GetBlockedListRequest(_) => Agreed(Glblu),
        Primitive::BlockEntityRequest(_) => Agreed(Blent),
        Primitive::InviteRequest(_) => Agreed(Invit),
        Primitive::CancelInviteRequest(_) => Agreed(Cainv),
        Primitive::ExtendConversationRequest(_) => Agreed(Excon),
        Primitive::CreateGroupRequest(_) => Agreed(Creag),
        Primitive::DeleteGroupRequest(_) => Agreed(Delgr),
        Primitive::GetGroupPropsRequest(_) => Agreed(Getgp),
        Primitive::SetGroupPropsRequest(_) => Agreed(Setgp),
        Primitive::SubscribeGroupNoticeRequest(_) => Agreed(Subgcn),
        Primitive::GetGroupMembersRequest(_) => Agreed(Getgm),
        Primitive::GetJoinedUsersRequest(_) => Agreed(Getju),
        Primitive::AddGroupMembersRequest(_) => Agreed(Addgm),
        Primitive::RemoveGroupMembersRequest(_) => Agreed(Rmvgm),
        Primitive::MemberAccessRequest(_) => Agreed(Mbrac),
        Primitive::RejectListRequest(_) => Agreed(Rejec),
        Primitive::GetMapRequest(_)
        | Primitive::GetSegmentRequest(_)
        | Primitive::DropSegmentRequest(_)
        // The names of the events are known, and not what they are.
        | Primitive::SubscribeNotificationRequest(_)
        | Primitive::UnsubscribeNotificationRequest(_)
        // Whatever two sides have agreed on: nothing here.
        | Primitive::ExtendedRequest(_) => NotOffered,
        about_presence => gate_of_presence(about_presence),
    }
}

fn gate_of_presence(request: &Primitive) -> Gate {
    use Function::{Caaut, Cali, Dali, Gals, Getaut, Getpr, Getwl, React, Updpr};
    use Gate::{Agreed, NoRequest, Open, Part};
    match request {
        Primitive::SubscribePresenceRequest(_)
        | Primitive::UnsubscribePresenceRequest(_)
        | Primitive::GetPublicProfileRequest(_)
        | Primitive::UpdatePublicProfileRequest(_) => Open,
        Primitive::GetPresenceRequest(_) => Agreed(Getpr),
        Primitive::UpdatePresenceRequest(_) => Agreed(Updpr),
        Primitive::GetWatcherListRequest(_) => Agreed(Getwl),
        Primitive::PresenceAuthUser(_) => Agreed(React),
        Primitive::CancelAuthRequest(_) => Agreed(Caaut),
        Primitive::GetReactiveAuthStatusRequest(_) => Agreed(Getaut),
        Primitive::CreateAttributeListRequest(_) => Part(Cali),
        Primitive::DeleteAttributeListRequest(_) => Part(Dali),
        Primitive::GetAttributeListRequest(_) => Part(Gals),
        _ => NoRequest,
    }
}

async fn go(turn: &Turn<'_>, request: Primitive) -> Result<Option<Primitive>, Refused> {
    // What a guest asks goes no further: it would go round between servers.
    let is_guest = turn.session.away.is_some();
    if let Some(gate) = ssp::gate_of(turn.house, &request).filter(|_| !is_guest) {
        let done = ssp::carry_over(turn.house, &gate, turn.session, request).await;
        return done.map(Some);
    }
    let answer = match request {
        Primitive::LogoutRequest(_) => access::log_out(turn).await,
        Primitive::KeepAliveRequest(request) => access::keep_alive(turn, &request),
        Primitive::GetSpInfoRequest(request) => Ok(access::who_serves(turn, request)),
        Primitive::ServiceRequest(request) => Ok(negotiate::service(turn, request)),
        Primitive::ClientCapabilityRequest(request) => Ok(negotiate::capability(turn, request)),
        Primitive::SendMessageRequest(request) => mail::send(turn, request).await,
        Primitive::SetDeliveryMethodRequest(request) => mail::set_method(turn, &request),
        Primitive::GetMessageListRequest(request) => mail::list(turn, &request).await,
        Primitive::GetMessageRequest(request) => mail::fetch(turn, &request).await,
        Primitive::RejectMessageRequest(request) => mail::reject(turn, request).await,
        Primitive::MessageDelivered(delivered) => {
            mail::arrived(turn.house, turn.session, &delivered.message).await;
            Ok(Status::new(Code::SUCCESSFUL).into())
        }
        Primitive::ForwardMessageRequest(request) => mail::forward(turn, request).await,
        Primitive::SystemMessageUser(answers) => Ok(bulletin::answered(turn, &answers)),
        Primitive::GetListRequest(_) => contacts::list(turn).await,
        Primitive::CreateListRequest(request) => contacts::create(turn, request).await,
        Primitive::DeleteListRequest(request) => contacts::delete(turn, &request).await,
        Primitive::ListManageRequest(request) => contacts::manage(turn, request).await,
        Primitive::GetBlockedListRequest(_) => blocks::get(turn).await,
        Primitive::BlockEntityRequest(request) => blocks::block(turn, request).await,
        Primitive::SearchRequest(request) => search::search(turn, request).await,
        Primitive::StopSearchRequest(request) => search::stop(turn, &request),
        Primitive::VerifyIdRequest(request) => verify::verify(turn, request).await,
        Primitive::InviteRequest(request) => invite::invite(turn, request).await,
        Primitive::InviteUserResponse(response) => invite::respond(turn, response).await,
        Primitive::CancelInviteRequest(request) => invite::cancel(turn, request).await,
        Primitive::ExtendConversationRequest(request) => extend::extend(turn, request).await,
        Primitive::CreateGroupRequest(request) => group::create(turn, request).await,
        Primitive::DeleteGroupRequest(request) => group::delete(turn, &request).await,
        Primitive::JoinGroupRequest(request) => group::join(turn, request).await,
        Primitive::LeaveGroupRequest(request) => group::leave(turn, &request),
        Primitive::GetGroupPropsRequest(request) => group::properties_of(turn, &request).await,
        Primitive::SetGroupPropsRequest(request) => group::set_properties(turn, request).await,
        Primitive::SubscribeGroupNoticeRequest(request) => group::subscribe(turn, &request).await,
        Primitive::GetGroupMembersRequest(request) => group::list_members(turn, &request).await,
        Primitive::GetJoinedUsersRequest(request) => group::joined_users(turn, &request).await,
        Primitive::AddGroupMembersRequest(request) => group::add_members(turn, request).await,
        Primitive::RemoveGroupMembersRequest(request) => group::remove_members(turn, request).await,
        Primitive::MemberAccessRequest(request) => group::rank_members(turn, request).await,
        Primitive::RejectListRequest(request) => group::reject_list(turn, request).await,
        request => return about_presence(turn, request).await,
    };
    answer.map(Some)
}

async fn about_presence(turn: &Turn<'_>, request: Primitive) -> Result<Option<Primitive>, Refused> {
    let answer = match request {
        Primitive::SubscribePresenceRequest(request) => presence::subscribe(turn, request).await,
        Primitive::UnsubscribePresenceRequest(request) => {
            presence::unsubscribe(turn, request).await
        }
        Primitive::GetPresenceRequest(request) => presence::get(turn, request).await,
        Primitive::UpdatePresenceRequest(request) => presence::update(turn, request).await,
        Primitive::GetWatcherListRequest(request) => presence::list_watchers(turn, &request).await,
        Primitive::PresenceAuthUser(said) => presence::answer(turn, said).await,
        Primitive::CancelAuthRequest(request) => presence::cancel(turn, request).await,
        Primitive::GetReactiveAuthStatusRequest(request) => presence::status(turn, request).await,
        Primitive::CreateAttributeListRequest(request) => presence::create(turn, request).await,
        Primitive::DeleteAttributeListRequest(request) => presence::delete(turn, request).await,
        Primitive::GetAttributeListRequest(request) => presence::list(turn, request).await,
        Primitive::GetPublicProfileRequest(request) => profile::profiles(turn, request).await,
        Primitive::UpdatePublicProfileRequest(request) => profile::update(turn, request).await,
        _ => return Ok(None),
    };
    answer.map(Some)
}

/// How a refusal of this request is written: in its own answer if that has a result, else as a
/// status.
fn form(request: &Primitive) -> fn(Refused) -> Primitive {
    match request {
        Primitive::SendMessageRequest(_) => |refused| {
            let outcome = refused.outcome();
            SendMessageResponse {
                outcome,
                message: None,
            }
            .into()
        },
        Primitive::KeepAliveRequest(_) => |refused| {
            let outcome = refused.outcome();
            KeepAliveResponse {
                outcome,
                keep_alive_s: None,
            }
            .into()
        },
        Primitive::ListManageRequest(_) => |refused| {
            let outcome = refused.outcome();
            ListManageResponse {
                outcome,
                ..ListManageResponse::default()
            }
            .into()
        },
        Primitive::GetPresenceRequest(_) => |refused| {
            let outcome = refused.outcome();
            let presences = Vec::new();
            GetPresenceResponse { outcome, presences }.into()
        },
        Primitive::GetPublicProfileRequest(_) => |refused| {
            let outcome = refused.outcome();
            let profiles = Vec::new();
            GetPublicProfileResponse { outcome, profiles }.into()
        },
        Primitive::LeaveGroupRequest(_) => |refused| {
            let outcome = refused.outcome();
            let group = None;
            LeaveGroupResponse { group, outcome }.into()
        },
        _ => |refused| Status::from(refused.outcome()).into(),
    }
}
