//! What a guest is told, in the words of SSP.

use imps::Primitive as Csp;
use imps::csp::{self, Status, User};
use imps::ssp::{self, MetaInfo, Party, Primitive as Ssp};

use super::convert;
use super::link::Gate;
use crate::imps::Session;

/// What is to be told to a guest, as a request to the server at their home. None: SSP has no word
/// for it.
pub(super) fn of(gate: &Gate, session: &Session, told: Csp) -> Option<Ssp> {
    let me = User::new(session.user.wv());
    let meta = MetaInfo::of_service(gate.own.clone());
    Some(match told {
        Csp::NewMessage(new) => {
            let content = convert::content(&new.info, new.content);
            let mut info = new.info;
            let sender = info.sender.take()?;
            if info.recipient.users.is_empty() {
                // Who of those in the group it is for here.
                info.recipient.users.push(me);
            }
            Ssp::SendMessageRequest(ssp::SendMessageRequest {
                // What is said in a group is reported by the room, which hears of it by the answer.
                delivery_report: false,
                meta: meta_of(gate, &sender),
                info: convert::info(info, convert::sender(sender)),
                content,
            })
        }
        Csp::GroupChangeNotice(notice) => Ssp::GroupChangeNotice(convert::notice(notice, meta, me)),
        Csp::LeaveGroupResponse(told) => Ssp::LeaveGroupIndication(ssp::LeaveGroupIndication {
            group: told.group.unwrap_or_default(),
            reason: told.outcome.description.clone(),
            status: told.outcome,
            user: Some(me),
        }),
        Csp::DeliveryReportRequest(told) => {
            let mut info = told.info;
            let sender = info.sender.take();
            let sender = sender.unwrap_or(csp::Sender::User(me));
            Ssp::DeliveryStatusReport(ssp::DeliveryStatusReport {
                meta,
                result: told.outcome,
                delivered: told.delivered,
                info: convert::info(info, convert::sender(sender)),
            })
        }
        // SSP-16.X-S7, SSP-16.X-S8
        Csp::ExtendConversationResponse(told) => {
            Ssp::ExtendConversationResponse(ssp::ExtendConversationResponse {
                group: told.group.unwrap_or_default(),
                meta: MetaInfo::of_user(gate.peer.clone(), me),
                status: told.outcome,
            })
        }
        Csp::PresenceNotificationRequest(told) => {
            Ssp::PresenceNotification(ssp::PresenceNotification {
                meta,
                recipients: vec![me],
                values: convert::answer::values(told.presences),
            })
        }
        other => return invitation(gate, me, other),
    })
}

/// An invitation, and what becomes of it.
fn invitation(gate: &Gate, me: User, told: Csp) -> Option<Ssp> {
    let meta = MetaInfo::of_service(gate.own.clone());
    Some(match told {
        Csp::InviteUserRequest(asked) => Ssp::InviteRequest(ssp::InviteRequest {
            id: asked.id,
            invite_type: asked.invite_type,
            validity_s: asked.validity_s,
            meta,
            inviting: inviting(gate, asked.sender, asked.group.as_deref()),
            invited: Party::User(me),
            group: asked.group,
            application: asked.application,
            attributes: asked.attributes,
            urls: asked.urls,
            note: asked.note,
            screen_name: asked.screen_name,
        }),
        Csp::CancelInviteUserRequest(asked) => Ssp::CancelInviteRequest(ssp::CancelInviteRequest {
            id: asked.id,
            meta,
            canceling: inviting(gate, asked.sender, asked.group.as_deref()),
            canceled: Party::User(me),
            group: asked.group,
            application: asked.application,
            attributes: asked.attributes,
            urls: asked.urls,
            note: asked.note,
            screen_name: asked.screen_name,
        }),
        Csp::InviteResponse(said) => Ssp::InviteResponse(ssp::InviteResponse {
            id: said.id,
            acceptance: said.acceptance,
            status: csp::Outcome::new(imps::status::Code::SUCCESSFUL),
            inviting: Party::User(me),
            responding: inviting(gate, said.sender, None),
            note: said.response_note,
            screen_name: said.screen_name,
        }),
        _ => return None,
    })
}

/// On whose behalf a message is sent: its sender's, if that is a user.
fn meta_of(gate: &Gate, sender: &csp::Sender) -> MetaInfo {
    match sender {
        csp::Sender::User(user) => MetaInfo::of_user(gate.own.clone(), user.clone()),
        csp::Sender::Group(_) => MetaInfo::of_service(gate.own.clone()),
    }
}

/// Who invites; if that is not to be known, the group.
fn inviting(gate: &Gate, sender: Option<csp::Sender>, group: Option<&str>) -> Party {
    match (sender, group) {
        (Some(sender), _) => convert::party_of(sender),
        (None, Some(group)) => Party::Group(group.to_owned()),
        (None, None) => Party::user(gate.own.clone()),
    }
}

/// What a guest's client would have answered, by the answer of its server.
pub(super) fn answer(told: &Csp, answer: &Ssp) -> Csp {
    let outcome = answer.outcome().cloned();
    let is_good = outcome
        .as_ref()
        .is_none_or(|outcome| outcome.code.is_success());
    match told {
        Csp::NewMessage(new) if is_good => csp::MessageDelivered {
            message: new.info.id.clone().unwrap_or_default(),
        }
        .into(),
        _ => Status::from(outcome.unwrap_or_default()).into(),
    }
}
