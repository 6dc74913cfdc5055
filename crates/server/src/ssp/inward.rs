//! What the peer tells our users: of its groups, and of what its users do.

use std::sync::Arc;

use imps::Version;
use imps::csp::{
    self, CancelInviteUserRequest, ExtendConversationResponse, InviteType, InviteUserRequest,
    JoinGroupRequest, LeaveGroupResponse, PresenceNotificationRequest, Recipient, User as CspUser,
};
use imps::id::Address as Wv;
use imps::service::Function;
use imps::ssp::{self, Party, Primitive};
use imps::status::Code;
use room::Address;

use super::link::Gate;
use super::{convert, seats};
use crate::house::House;
use crate::imps::{self as face, Item, Letter, Refused, Session, cir};

/// How the ids of invitations from other domains begin. No other invitation's does.
pub(super) const FROM_AWAY: &str = "aw-";

/// An invitation of one of our users by the peer.
#[derive(Clone, Debug)]
pub(super) struct Invitation {
    pub(super) gate: Arc<Gate>,
    /// The peer's id of it.
    pub(super) id: String,
    pub(super) kind: InviteType,
    pub(super) inviting: Party,
    pub(super) invited: Address,
}

type Done = Result<Primitive, Refused>;

fn good() -> Done {
    Ok(Primitive::status(Code::SUCCESSFUL))
}

/// Was it said in a group of the peer's?
pub(super) fn is_of_group(gate: &Gate, message: &ssp::SendMessageRequest) -> bool {
    match &message.info.sender {
        ssp::Sender::Group { group, .. } => is_theirs(gate, group),
        ssp::Sender::User(_) => false,
    }
}

/// Is it an address of the peer's domain?
fn is_theirs(gate: &Gate, address: &str) -> bool {
    let address = Wv::parse(address).ok();
    let domain = address.as_ref().and_then(Wv::domain);
    domain.is_some_and(|domain| domain.eq_ignore_ascii_case(&gate.domain))
}

/// A group of the peer's. It speaks for no others.
fn theirs(gate: &Gate, group: &str) -> Result<String, Refused> {
    match is_theirs(gate, group) {
        true => Ok(group.to_ascii_lowercase()),
        false => {
            let why = format!("{group} is not of {}", gate.domain);
            Err(Refused::because(Code::INVALID_SENDER, why))
        }
    }
}

/// The address in the house of one of our users.
fn ours(house: &House, id: &str) -> Result<Address, Refused> {
    match face::named(house, id)? {
        face::Named::Home { name } => {
            let name = name.to_ascii_lowercase();
            Ok(Address::new(&format!("sip:{name}@{}", house.setup.domain)))
        }
        face::Named::Away { domain } => {
            let why = format!("{domain} is not served here");
            Err(Refused::because(Code::DOMAIN_NOT_SUPPORTED, why))
        }
    }
}

/// The sessions of one of our users that are in this group of the peer's, at least one.
fn seated(house: &House, user: &Address, group: &str) -> Result<Vec<Arc<Session>>, Refused> {
    let sessions = seats::of(house, user, group);
    match sessions.is_empty() {
        true => Err(Code::NOT_JOINED.into()),
        false => Ok(sessions),
    }
}

fn put(house: &House, session: &Arc<Session>, item: Item) -> bool {
    match session.put(item, house.world.clock.now()) {
        Ok(true) => cir::ring(house, session),
        Ok(false) => {}
        Err(_) => return false,
    }
    true
}

/// Something was said in a group of the peer's that some of our users are in.
pub(super) fn message(house: &House, gate: &Gate, message: ssp::SendMessageRequest) -> Done {
    let content = message.content.as_ref();
    let mut info = convert::info_of(message.info);
    let group = info.sender.as_ref().and_then(csp::Sender::group);
    let group = theirs(gate, group.unwrap_or_default())?;
    let users = std::mem::take(&mut info.recipient.users);
    if info.recipient.groups.is_empty() {
        info.recipient.groups.push(csp::Group::Id(group.clone()));
    }
    let data = content.map(convert::data).unwrap_or_default();
    info.content_type = content.map(|content| content.content_type.clone());
    info.content_encoding = data.encoding().map(str::to_owned);
    let id = info.id.clone().unwrap_or_else(|| house.rng().token(80));
    info.id = Some(id.clone());
    let letter = Arc::new(Letter {
        info,
        content: data,
        kept_for: None,
        wanted: None,
    });
    let mut heard = false;
    for user in users {
        let user = ours(house, &user.id)?;
        let sessions = seated(house, &user, &group)?;
        if house.ssp.is_news(gate, &id, user.as_str()) {
            for session in sessions {
                heard |= put(house, &session, Item::Letter(Arc::clone(&letter)));
            }
        } else {
            heard = true;
        }
    }
    let code = match heard {
        true => Code::SUCCESSFUL,
        false => Code::QUEUE_FULL,
    };
    Ok(Primitive::SendMessageResponse(ssp::SendMessageResponse {
        message: Some(id),
        status: csp::Outcome::new(code),
    }))
}

/// A user of ours is invited: by a user of the peer's, or into a group of the peer's.
pub(super) async fn invite(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    asked: ssp::InviteRequest,
) -> Done {
    let Party::User(invited) = &asked.invited else {
        let why = "a user is invited";
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    };
    let user = face::find(house, &invited.id).await?;
    let by = match &asked.inviting {
        Party::User(user) => inviting(house, gate, &user.id, asked.group.as_deref())?,
        Party::Group(group) => Address::new(&theirs(gate, group)?),
        Party::ScreenName(name) => Address::new(&theirs(gate, &name.group)?),
    };
    if let Some(group) = &asked.group {
        theirs(gate, group)?;
    }
    let into = asked.group.as_deref();
    face::blocks::check_invitation(house, &user.address, &by, into).await?;
    let mut sessions = house.imps.sessions.of(&user.address);
    if sessions.is_empty() {
        return Err(Code::RECIPIENT_NOT_LOGGED_IN.into());
    }
    sessions.retain(|session| is_able(session, &asked.invite_type));
    if sessions.is_empty() {
        return Err(Code::RECIPIENT_LACKS_SUPPORT.into());
    }
    let id = format!("{FROM_AWAY}{}", house.rng().token(80));
    house.ssp.invited(
        id.clone(),
        Invitation {
            gate: Arc::clone(gate),
            id: asked.id.clone(),
            kind: asked.invite_type.clone(),
            inviting: asked.inviting.clone(),
            invited: user.address.clone(),
        },
    );
    let sender = match &asked.inviting {
        Party::User(_) | Party::ScreenName(_) => {
            Some(convert::sender_of_party(asked.inviting.clone()))
        }
        // Nobody is named who does not want to be.
        Party::Group(_) => None,
    };
    for session in &sessions {
        let told = telling(&asked, session, id.clone(), sender.clone());
        put(house, session, Item::tell(told));
    }
    good()
}

/// The invitation, as a client gets it.
fn telling(
    asked: &ssp::InviteRequest,
    session: &Session,
    id: String,
    sender: Option<csp::Sender>,
) -> InviteUserRequest {
    InviteUserRequest {
        id,
        // Older clients have no word for it, and are invited into a group.
        invite_type: match (&asked.invite_type, session.version) {
            (InviteType::ExtendConversation, Version::V1_1 | Version::V1_2) => InviteType::Group,
            (kind, _) => kind.clone(),
        },
        sender,
        recipient: Some(Recipient {
            users: vec![CspUser::new(session.user.wv())],
            ..Recipient::default()
        }),
        application: asked.application.clone(),
        group: asked.group.clone(),
        attributes: asked.attributes.clone(),
        urls: asked.urls.clone(),
        note: asked.note.clone(),
        screen_name: asked.screen_name.clone(),
        validity_s: asked.validity_s,
    }
}

/// Who invites: a user of the peer's, or one of ours who is in the group there, or has asked for
/// it.
fn inviting(house: &House, gate: &Gate, id: &str, group: Option<&str>) -> Result<Address, Refused> {
    let Ok(own) = ours(house, id) else {
        return Ok(super::provider::user_of(gate, id)?.address);
    };
    let sits = group.is_some_and(|group| seated(house, &own, group).is_ok());
    match sits || house.ssp.is_extending(gate, &own) {
        true => Ok(own),
        false => {
            let why = format!("{id} has nothing to do with it");
            Err(Refused::because(Code::INVALID_SENDER, why))
        }
    }
}

/// IMPS-9.1.11-S35: a conversation that grows needs a client that learns who comes and goes.
fn is_able(session: &Session, kind: &InviteType) -> bool {
    match kind {
        InviteType::ExtendConversation => session.has_agreed(Function::Grchn),
        _ => session.has_agreed(Function::Invit),
    }
}

/// An invitation is taken back.
pub(super) fn cancel(house: &House, gate: &Gate, asked: &ssp::CancelInviteRequest) -> Done {
    let Some((id, invitation)) = house.ssp.cancelled(gate, &asked.id) else {
        return Err(Code::INVALID_INVITATION.into());
    };
    for session in house.imps.sessions.of(&invitation.invited) {
        let told = CancelInviteUserRequest {
            id: id.clone(),
            sender: Some(convert::sender_of_party(asked.canceling.clone())),
            note: asked.note.clone(),
            group: asked.group.clone(),
            ..CancelInviteUserRequest::default()
        };
        put(house, &session, Item::tell(told));
    }
    good()
}

/// Somebody has come or gone in a group of the peer's.
pub(super) fn notice(house: &House, gate: &Gate, notice: ssp::GroupChangeNotice) -> Done {
    let group = theirs(gate, &notice.group)?;
    let users = notice.recipients.clone();
    let told = convert::notice_of(notice);
    for user in users {
        let user = ours(house, &user.id)?;
        for session in seated(house, &user, &group)? {
            if session.has_agreed(Function::Grchn) {
                put(house, &session, Item::tell(told.clone()));
            }
        }
    }
    good()
}

/// A user of ours is not in a group of the peer's any more.
pub(super) fn put_out(house: &House, gate: &Gate, told: ssp::LeaveGroupIndication) -> Done {
    let group = theirs(gate, &told.group)?;
    let Some(user) = told.user else {
        let why = "it does not say who is out";
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    };
    let user = ours(house, &user.id)?;
    out(
        house,
        seated(house, &user, &group)?,
        &told.group,
        &told.status,
    );
    good()
}

/// These sessions are out of a group of another domain, and are told.
pub(super) fn out(house: &House, sessions: Vec<Arc<Session>>, group: &str, outcome: &csp::Outcome) {
    for session in sessions {
        session.rise_away(group);
        let told = LeaveGroupResponse {
            group: Some(group.to_owned()),
            outcome: outcome.clone(),
        };
        put(house, &session, Item::tell(told));
    }
}

/// What became of a message of one of our users.
pub(super) fn report(house: &House, gate: &Gate, report: ssp::DeliveryStatusReport) -> Done {
    let mut info = convert::info_of(report.info);
    let user = match &info.sender {
        Some(csp::Sender::User(user)) => ours(house, &user.id)?,
        Some(csp::Sender::Group(_)) | None => {
            let user = report.meta.requestor.user;
            let user = user.ok_or(Refused::new(Code::BAD_PARAMETER))?;
            ours(house, &user.id)?
        }
    };
    let Some(own) = info
        .id
        .as_deref()
        .and_then(|id| house.ssp.own_name(gate, id))
    else {
        return Err(Code::NOT_FOUND.into());
    };
    info.id = Some(own);
    let told = csp::DeliveryReportRequest {
        outcome: report.result,
        delivered: report.delivered,
        info,
    };
    for session in house.imps.sessions.of(&user) {
        put(house, &session, Item::tell(told.clone()));
    }
    good()
}

/// SSP-16.X-S9: what became of a conversation that was to grow, answered with a status.
pub(super) fn extended(house: &House, gate: &Gate, told: ssp::ExtendConversationResponse) -> Done {
    let user = told.meta.requestor.user;
    let user = user.ok_or(Refused::new(Code::BAD_PARAMETER))?;
    let user = ours(house, &user.id)?;
    let is_extended = told.status.code.is_success();
    if is_extended {
        theirs(gate, &told.group)?;
    }
    let Some(waited) = house.ssp.extended(gate, &user) else {
        return Err(Code::NOT_FOUND.into());
    };
    if is_extended {
        waited.session.sit_away(JoinGroupRequest {
            group: told.group.clone(),
            subscribe: waited.subscribes,
            ..JoinGroupRequest::default()
        });
    }
    let response = ExtendConversationResponse {
        id: waited.id,
        group: is_extended.then_some(told.group),
        response_note: None,
        outcome: told.status,
    };
    put(house, &waited.session, Item::tell(response));
    good()
}

/// News of presence of users of the peer's.
pub(super) fn presence(house: &House, gate: &Gate, told: ssp::PresenceNotification) -> Done {
    for value in &told.values {
        super::provider::user_of(gate, &value.user)?;
    }
    let news = PresenceNotificationRequest {
        presences: convert::answer::presences(told.values),
    };
    for user in told.recipients {
        let user = ours(house, &user.id)?;
        for session in house.imps.sessions.of(&user) {
            put(house, &session, Item::tell(news.clone()));
        }
    }
    good()
}
