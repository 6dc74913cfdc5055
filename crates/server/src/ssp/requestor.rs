//! What a client of ours asks that is for another domain.

use std::sync::Arc;

use imps::Primitive as Csp;
use imps::csp::{self, Group, InviteUserResponse, Status, User as CspUser};
use imps::id::Address as Wv;
use imps::ssp::{self, MetaInfo, Party, Primitive as Ssp};
use imps::status::Code;
use room::Address;

use super::inward::FROM_AWAY;
use super::link::{Failure, Gate};
use super::{convert, guests, provider, seats};
use crate::house::House;
use crate::imps::{Refused, Session, User};

/// A conversation with a user of another domain that is to grow there.
#[derive(Debug)]
pub(super) struct Extending {
    pub(super) domain: String,
    pub(super) session: Arc<Session>,
    /// The client's own id of its request.
    pub(super) id: Option<String>,
    /// It wants to be told who comes and goes.
    pub(super) subscribes: bool,
}

/// Conversations that wait for their answer, of all users together. Each user has one or two, and
/// the peer answers within its time-out.
pub(super) const EXTENDING_MAX: usize = 10_000;

/// The group that a request is about.
pub(super) fn group_of(request: &Csp) -> Option<String> {
    Some(match request {
        Csp::JoinGroupRequest(asked) => asked.group.clone(),
        Csp::LeaveGroupRequest(asked) => asked.group.clone(),
        Csp::CreateGroupRequest(asked) => asked.group.clone(),
        Csp::DeleteGroupRequest(asked) => asked.group.clone(),
        Csp::GetGroupMembersRequest(asked) => asked.group.clone(),
        Csp::GetJoinedUsersRequest(asked) => asked.group.clone(),
        Csp::AddGroupMembersRequest(asked) => asked.group.clone(),
        Csp::RemoveGroupMembersRequest(asked) => asked.group.clone(),
        Csp::MemberAccessRequest(asked) => asked.group.clone(),
        Csp::GetGroupPropsRequest(asked) => asked.group.clone(),
        Csp::SetGroupPropsRequest(asked) => asked.group.clone(),
        Csp::RejectListRequest(asked) => asked.group.clone(),
        Csp::SubscribeGroupNoticeRequest(asked) => asked.group.clone(),
        Csp::SendMessageRequest(asked) => match asked.info.recipient.groups.as_slice() {
            [Group::Id(group)] => group.clone(),
            [Group::ScreenName(name)] if !name.group.is_empty() => name.group.clone(),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whom presence is asked of, if it is of users alone.
fn watched(request: &Csp) -> &[CspUser] {
    match request {
        Csp::SubscribePresenceRequest(asked) if asked.contact_lists.is_empty() => &asked.users,
        Csp::UnsubscribePresenceRequest(asked) if asked.contact_lists.is_empty() => &asked.users,
        Csp::GetPresenceRequest(asked) if asked.contact_lists.is_empty() => &asked.users,
        _ => &[],
    }
}

/// The way to the domain that has to carry a request out, if it is another one that is known here.
pub(crate) fn gate_of(house: &House, request: &Csp) -> Option<Arc<Gate>> {
    if let Some(group) = group_of(request) {
        return gate_to(house, &group);
    }
    if let Csp::ExtendConversationRequest(asked) = request {
        return gate_to(house, &asked.peer.user);
    }
    let mut users = watched(request).iter();
    let gate = gate_to(house, &users.next()?.id)?;
    // News of several domains are asked of each by itself.
    let is_there =
        |user: &CspUser| gate_to(house, &user.id).is_some_and(|other| Arc::ptr_eq(&other, &gate));
    users.all(is_there).then_some(gate)
}

/// The way to the domain of an address.
pub(crate) fn gate_to(house: &House, address: &str) -> Option<Arc<Gate>> {
    let address = Wv::parse(address).ok()?;
    let domain = address.domain().filter(|domain| !house.is_domain(domain))?;
    house.ssp.gate(domain).cloned()
}

/// Has a request carried out in another domain.
pub(crate) async fn carry_over(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    session: &Arc<Session>,
    request: Csp,
) -> Result<Csp, Refused> {
    let taken = seats::take(session, &request)?;
    let own = CspUser::new(session.user.wv());
    let meta = MetaInfo::of_user(gate.own.clone(), own.clone());
    let asked = convert::request::to_ssp(request.clone(), meta, own);
    let Some(asked) = asked else {
        let why = format!("{} does not go to other domains", request.name());
        return Err(Refused::because(Code::SERVICE_NOT_SUPPORTED, why));
    };
    if let Csp::ExtendConversationRequest(wanted) = &request {
        let waits = Extending {
            domain: gate.domain.clone(),
            session: Arc::clone(session),
            id: wanted.id.clone(),
            subscribes: wanted.subscribe,
        };
        return extend(house, gate, (asked, waits)).await;
    }
    match gate.ask(house, asked).await {
        Ok(answer) => {
            let answer = convert::answer::to_csp(answer, &request);
            Ok(seats::note(session, taken, (request, answer)))
        }
        Err(failure) => {
            if let Some(group) = taken {
                session.rise_away(&group);
            }
            Err(failure.into())
        }
    }
}

/// SSP-16.X-S3: asks the server of the peer, which makes the group.
async fn extend(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    (asked, waits): (Ssp, Extending),
) -> Result<Csp, Refused> {
    let session = Arc::clone(&waits.session);
    if !house.ssp.extends(waits) {
        let why = "too many conversations are being extended";
        return Err(Refused::because(Code::SERVICE_UNAVAILABLE, why));
    }
    let answer = gate.ask(house, asked).await;
    let outcome = answer.as_ref().ok().and_then(Ssp::outcome).cloned();
    match outcome {
        // SSP-16.X-S4: the peer has been asked, and what came of it will be told.
        Some(outcome) if outcome.code.is_success() => Ok(Status::from(outcome).into()),
        // SSP-16.3.X-S1, SSP-16.3.X-S2: 815, 410 and whatever else, as it was said.
        Some(outcome) => {
            house.ssp.extends_no_more(gate, &session);
            Ok(Status::from(outcome).into())
        }
        None => {
            house.ssp.extends_no_more(gate, &session);
            Err(answer.err().unwrap_or(Failure::Down).into())
        }
    }
}

/// What is to be sent to a user of another domain.
pub(crate) struct Sending<'a> {
    pub(crate) info: &'a csp::MessageInfo,
    pub(crate) content: &'a csp::ContentData,
    /// The id that our client knows it by.
    pub(crate) id: &'a str,
    pub(crate) report: bool,
}

/// Sends a message to a user of another domain. It is accepted when the server there has it, and
/// not before: nothing of it is kept here.
pub(crate) async fn send(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    session: &Session,
    (to, sending): (&str, Sending<'_>),
) -> Result<(), Refused> {
    let own = CspUser::new(session.user.wv());
    let Sending {
        info,
        content,
        id,
        report,
    } = sending;
    let told = csp::MessageInfo {
        id: Some(id.to_owned()),
        recipient: csp::Recipient {
            users: vec![CspUser::new(to)],
            ..csp::Recipient::default()
        },
        ..info.clone()
    };
    let asked = Ssp::SendMessageRequest(ssp::SendMessageRequest {
        delivery_report: report,
        meta: MetaInfo::of_user(gate.own.clone(), own.clone()),
        content: convert::content(info, Some(content.clone())),
        info: convert::info(told, ssp::Sender::User(own)),
    });
    let answer = gate.ask(house, asked).await?;
    if let Ssp::SendMessageResponse(done) = &answer
        && let Some(theirs) = &done.message
    {
        house.ssp.named(gate, theirs, id);
    }
    match answer.outcome() {
        Some(outcome) if !outcome.code.is_success() => Err(refused(outcome)),
        _ => Ok(()),
    }
}

/// A refusal of the peer's, as one of ours.
fn refused(outcome: &csp::Outcome) -> Refused {
    match &outcome.description {
        Some(why) => Refused::because(outcome.code, why.clone()),
        None => Refused::new(outcome.code),
    }
}

/// A user who may be of another domain: as a guest then, who is let in if need be, as long as their
/// domain can be told of it.
pub(crate) async fn reach(house: &Arc<House>, text: &str) -> Result<User, Refused> {
    let Some(gate) = gate_to(house, text) else {
        return crate::imps::find(house, text).await;
    };
    if !gate.is_up() {
        return Err(Failure::Down.into());
    }
    let user = provider::user_of(&gate, text)?;
    guests::guest(house, &gate, user.clone()).await?;
    Ok(user)
}

/// The same by the address that somebody has in the house, who is of another domain. None: it is
/// not reached over SSP.
pub(crate) async fn reach_address(
    house: &Arc<House>,
    address: &Address,
) -> Option<Result<User, Refused>> {
    let bare = address.as_str().trim_start_matches("sip:");
    let wv = format!("wv:{bare}");
    gate_to(house, &wv)?;
    Some(reach(house, &wv).await)
}

/// A user of ours answers an invitation from another domain. None: it is none.
pub(crate) async fn respond(
    house: &Arc<House>,
    session: &Session,
    response: &InviteUserResponse,
) -> Option<Result<Csp, Refused>> {
    if !response.id.starts_with(FROM_AWAY) {
        return None;
    }
    let Some(invitation) = house.ssp.invitation(&response.id, &session.user.address) else {
        return Some(Err(Code::INVALID_INVITATION.into()));
    };
    let told = Ssp::InviteResponse(ssp::InviteResponse {
        id: invitation.id,
        acceptance: response.acceptance,
        status: csp::Outcome::new(Code::SUCCESSFUL),
        inviting: invitation.inviting,
        responding: Party::user(session.user.wv()),
        note: response.response_note.clone(),
        screen_name: response.screen_name.clone(),
    });
    let answer = invitation.gate.ask(house, told).await;
    Some(match answer {
        Ok(answer) => {
            let outcome = answer.outcome().cloned().unwrap_or_default();
            Ok(Status::from(outcome).into())
        }
        Err(failure) => Err(failure.into()),
    })
}
