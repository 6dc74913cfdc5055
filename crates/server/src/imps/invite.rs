//! Inviting users: to chat, into a group, to watch presence, to whatever else.

use std::sync::Arc;

use imps::csp::{
    CancelInviteRequest, CancelInviteUserRequest, DetailedResult, InviteRequest, InviteResponse,
    InviteType, InviteUserRequest, InviteUserResponse, Outcome, Recipient, Sender, Status,
    User as CspUser,
};
use imps::service::Function;
use imps::status::Code;
use imps::{Primitive, Version};
use xdm::shared_group::Asker;

use super::desk::Turn;
use super::invitations::{Invitation, validity};
use super::session::Session;
use super::user::group_uri;
use super::{
    EXTENDING, INTO_ROOM, Item, Refused, User, blocks, cir, contacts, extend, group, user,
};
use crate::focus::credit::Hold;
use crate::house::House;
use crate::rooms::Order;
use crate::ssp;

/// The most users that one request may invite.
const INVITED_MAX: usize = 50;

/// Invite-Request.
pub(super) async fn invite(turn: &Turn<'_>, request: InviteRequest) -> Result<Primitive, Refused> {
    let group = to_what(turn, &request).await?;
    let named = named(turn, &request.recipient).await?;
    let own = &turn.session.user;
    let mut holds = extend::credit(turn, own, named.len())?;
    let mut failed: Vec<(Refused, String)> = Vec::new();
    let mut reached = 0_usize;
    for one in named {
        let Some(hold) = holds.pop() else { break };
        match invite_one(turn, &request, group.as_deref(), &one, hold).await {
            Ok(()) => reached += 1,
            Err(refused) => failed.push((refused, one)),
        }
    }
    let detail = |(refused, user): (Refused, String)| DetailedResult {
        description: refused.outcome().description,
        ..DetailedResult::of_users(refused.code, vec![user])
    };
    if reached == 0 {
        let first = failed.first().map(|(first, _)| first.clone());
        let mut refused = first.unwrap_or(Refused::new(Code::BAD_PARAMETER));
        refused.details = failed.into_iter().map(detail).collect();
        return Err(refused);
    }
    let details = failed.into_iter().map(detail).collect();
    Ok(Status::from(Outcome::new(Code::SUCCESSFUL).with_details(details)).into())
}

/// What somebody is invited to, if the session may do that: the URI of the group, if it is one of
/// ours.
async fn to_what(turn: &Turn<'_>, request: &InviteRequest) -> Result<Option<String>, Refused> {
    match &request.invite_type {
        InviteType::Group | InviteType::ExtendGroup | InviteType::GroupMembership => {
            let group = request.group.as_deref().unwrap_or_default();
            if group.trim().is_empty() {
                return Err(Code::MISSING_GROUP.into());
            }
            // Into a group of another domain that the session is in: its server knows who may.
            if turn.session.sits_away(group) {
                return Ok(None);
            }
            let uri = group_uri(turn.house, group)?;
            may_invite(turn, &uri).await?;
            Ok(Some(uri))
        }
        // The server does that, when a conversation is extended.
        InviteType::ExtendConversation => {
            let why = "a conversation is extended by ExtendConversation-Request";
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
        InviteType::Application if request.application.is_none() => {
            Err(Code::MISSING_APPLICATION.into())
        }
        InviteType::Im
        | InviteType::Presence
        | InviteType::SharedContent
        | InviteType::Application => Ok(None),
        InviteType::Other(word) => {
            let why = format!("{word} is nothing that anybody is invited to");
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
    }
}

/// IMPS-9.1.11-S9: whoever is in a conversation that has grown may invite into it. Into a stored
/// group its document says who may.
async fn may_invite(turn: &Turn<'_>, uri: &str) -> Result<(), Refused> {
    let own = &turn.session.user.address;
    let is_in = turn.session.seat(uri).is_some();
    match group::find(turn.house, uri).await? {
        group::Found::Live(_) if is_in => Ok(()),
        group::Found::Live(_) => Err(Code::NOT_JOINED.into()),
        group::Found::Stored(stored) => {
            let asker = Asker {
                uri: own.as_str(),
                is_anonymous: false,
                now: i64::try_from(turn.house.world.clock.unix().as_secs()).ok(),
            };
            let may = stored
                .group
                .permissions(asker)
                .allow_invite_users_dynamically;
            let belongs = is_in || stored.standing(own) >= group::Standing::Member;
            match (may, belongs) {
                (true, true) => Ok(()),
                (_, false) => Err(Code::NOT_JOINED.into()),
                (false, true) => Err(Code::INSUFFICIENT_PRIVILEGES.into()),
            }
        }
    }
}

/// The users that are named, each once.
async fn named(turn: &Turn<'_>, recipient: &Recipient) -> Result<Vec<String>, Refused> {
    let mut named: Vec<String> = Vec::new();
    for list in &recipient.contact_lists {
        named.extend(contacts::members(turn, list).await?);
    }
    named.extend(recipient.users.iter().map(|user| user.id.clone()));
    let distinct = user::distinct(turn.house, named);
    if distinct.is_empty() || distinct.len() > INVITED_MAX {
        let why = format!("an invitation is for 1 to {INVITED_MAX} users");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    Ok(distinct)
}

/// A user, who may be of another domain. Guests reach nobody there: it would go round.
pub(super) async fn reach(turn: &Turn<'_>, named: &str) -> Result<User, Refused> {
    match turn.session.away {
        None => ssp::reach(turn.house, named).await,
        Some(_) => user::find(turn.house, named).await,
    }
}

async fn invite_one(
    turn: &Turn<'_>,
    request: &InviteRequest,
    group: Option<&str>,
    named: &str,
    hold: Hold,
) -> Result<(), Refused> {
    let house = turn.house;
    let invited = reach(turn, named).await?;
    let own = &turn.session.user;
    blocks::check_invitation(house, &invited.address, &own.address, group).await?;
    let mut sessions = house.imps.sessions.of(&invited.address);
    if sessions.is_empty() {
        return Err(Code::RECIPIENT_NOT_LOGGED_IN.into());
    }
    sessions.retain(|session| {
        session.has_agreed(Function::Invit) && is_known(&request.invite_type, session.version)
    });
    if sessions.is_empty() {
        return Err(Code::RECIPIENT_LACKS_SUPPORT.into());
    }
    let id = house.rng().token(80);
    let stands = validity(request.validity_s);
    let invitation = Invitation {
        from: own.address.clone(),
        own_id: request.id.clone(),
        to: invited.address.clone(),
        kind: request.invite_type.clone(),
        group: group.map(str::to_owned),
        until: house.world.clock.now() + stands,
        accepted: false,
        _hold: hold,
    };
    if !house.imps.invitations.open(&id, invitation) {
        let why = "too many invitations are open";
        return Err(Refused::because(Code::SERVICE_UNAVAILABLE, why));
    }
    let told = telling(own, request, id, &invited);
    for session in &sessions {
        tell(house, session, told.clone());
    }
    Ok(())
}

/// Has a version a word for this sort of invitation?
fn is_known(kind: &InviteType, version: Version) -> bool {
    match kind {
        InviteType::Im | InviteType::Group | InviteType::Presence | InviteType::SharedContent => {
            true
        }
        InviteType::Application
        | InviteType::GroupMembership
        | InviteType::ExtendConversation
        | InviteType::ExtendGroup
        | InviteType::Other(_) => version == Version::V1_3,
    }
}

fn telling(own: &User, request: &InviteRequest, id: String, invited: &User) -> InviteUserRequest {
    InviteUserRequest {
        id,
        invite_type: request.invite_type.clone(),
        sender: Some(sender(own)),
        recipient: Some(Recipient {
            users: vec![CspUser::new(invited.wv())],
            ..Recipient::default()
        }),
        application: request.application.clone(),
        group: request.group.clone(),
        attributes: request.attributes.clone(),
        urls: request.urls.clone(),
        note: request.note.clone(),
        screen_name: request.screen_name.clone(),
        validity_s: request.validity_s,
    }
}

fn sender(user: &User) -> Sender {
    Sender::User(CspUser::new(user.wv()))
}

fn tell(house: &House, session: &Arc<Session>, primitive: impl Into<Primitive>) {
    let now = house.world.clock.now();
    if let Ok(true) = session.put(Item::tell(primitive), now) {
        cir::ring(house, session);
    }
}

/// InviteUser-Response.
pub(super) async fn respond(
    turn: &Turn<'_>,
    response: InviteUserResponse,
) -> Result<Primitive, Refused> {
    // IMPS-9.1.11-S21, IMPS-9.1.11-S38: whoever goes on in a group joins it, and says no more.
    if response.id.starts_with(EXTENDING) {
        return Ok(Status::new(Code::SUCCESSFUL).into());
    }
    let house = turn.house;
    let own = &turn.session.user;
    if let Some(done) = ssp::respond(house, turn.session, &response).await {
        return done;
    }
    if let Some(into) = response.id.strip_prefix(INTO_ROOM) {
        let (local, _) = into.rsplit_once('.').unwrap_or((into, ""));
        let identity = format!("sip:{local}@{}", house.setup.domain);
        let room = house.rooms.find(&identity);
        let room = room.ok_or(Refused::new(Code::INVALID_INVITATION))?;
        room.tell(Order::Answered {
            address: own.address.clone(),
            session: Arc::clone(turn.session),
            accepts: response.acceptance,
        });
        return Ok(Status::new(Code::SUCCESSFUL).into());
    }
    let now = house.world.clock.now();
    let book = &house.imps.invitations;
    let about = book.answer(&response.id, &own.address, response.acceptance, now);
    let Some((inviter, id)) = about else {
        return Err(Code::INVALID_INVITATION.into());
    };
    let told = InviteResponse {
        id,
        acceptance: response.acceptance,
        sender: Some(sender(own)),
        recipient: response.recipient,
        note: None,
        response_note: response.response_note,
        screen_name: response.screen_name,
    };
    for session in house.imps.sessions.of(&inviter) {
        tell(house, &session, told.clone());
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// CancelInvite-Request.
pub(super) async fn cancel(
    turn: &Turn<'_>,
    request: CancelInviteRequest,
) -> Result<Primitive, Refused> {
    let house = turn.house;
    let own = &turn.session.user;
    let users = request.recipient.map(|recipient| recipient.users);
    let users = users.unwrap_or_default();
    let mut taken = Vec::new();
    if users.is_empty() {
        taken = house
            .imps
            .invitations
            .cancel(&own.address, &request.id, None);
    }
    for named in users.iter().take(INVITED_MAX) {
        let user = reach(turn, &named.id).await?;
        let to = Some(&user.address);
        taken.extend(house.imps.invitations.cancel(&own.address, &request.id, to));
    }
    if taken.is_empty() {
        return Err(Code::INVALID_INVITATION.into());
    }
    for (id, invitation) in taken {
        let told = CancelInviteUserRequest {
            id,
            sender: Some(sender(own)),
            note: request.note.clone(),
            group: request.group.clone(),
            application: request.application.clone(),
            attributes: request.attributes.clone(),
            urls: request.urls.clone(),
            screen_name: request.screen_name.clone(),
            recipient: None,
        };
        for session in house.imps.sessions.of(&invitation.to) {
            if is_known(&invitation.kind, session.version) {
                tell(house, &session, told.clone());
            }
        }
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}
