//! Answers.

use imps::Primitive as Csp;
use imps::csp::{
    self, AdminMapList, Mapping, Outcome, Participant, Participants, Presence, Status,
};
use imps::ssp::{self, Content, Primitive as Ssp};
use imps::status::Code;

use super::{ids, name_in, names, participants, properties, properties_of, user_list};

/// The answer to a request of the peer's. There is always one.
pub(in crate::ssp) fn to_ssp(answer: Option<Csp>) -> Ssp {
    let good = || Outcome::new(Code::SUCCESSFUL);
    match answer {
        None => Ssp::Status(good()),
        // SSP-16.X-S4
        Some(Csp::Status(status)) => Ssp::Status(status.outcome),
        Some(Csp::SendMessageResponse(done)) => {
            Ssp::SendMessageResponse(ssp::SendMessageResponse {
                message: done.message,
                status: done.outcome,
            })
        }
        Some(Csp::JoinGroupResponse(done)) => Ssp::JoinGroupResponse(ssp::JoinGroupResponse {
            status: good(),
            joined: names(done.participants),
            welcome_note: done.welcome_note.as_ref().map(Content::from),
        }),
        Some(Csp::LeaveGroupResponse(done)) => Ssp::Status(done.outcome),
        Some(Csp::GetGroupMembersResponse(done)) => {
            Ssp::GetGroupMemberResponse(ssp::GetGroupMemberResponse {
                status: good(),
                admins: ids(done.admins),
                moderators: ids(done.mods),
                users: ids(done.users),
            })
        }
        Some(Csp::GetJoinedUsersResponse(done)) => Ssp::GetJoinedUsersResponse(joined_users(done)),
        Some(Csp::GetGroupPropsResponse(done)) => {
            Ssp::GetGroupPropsResponse(ssp::GetGroupPropsResponse {
                status: good(),
                properties: Some(properties(done.properties)),
                own_properties: done.own_properties,
            })
        }
        Some(Csp::RejectListResponse(done)) => Ssp::RejectListResponse(ssp::RejectListResponse {
            status: good(),
            users: ids(done.users),
        }),
        Some(Csp::SubscribeGroupNoticeResponse(done)) => {
            Ssp::GetGroupSubStatusResponse(ssp::GetGroupSubStatusResponse {
                group: String::new(),
                subscribed: done.value,
                status: good(),
            })
        }
        Some(Csp::GetPresenceResponse(done)) => {
            Ssp::GetPresenceResponse(ssp::GetPresenceResponse {
                status: Some(done.outcome),
                values: values(done.presences),
            })
        }
        Some(_) => Ssp::status(Code::SERVICE_NOT_SUPPORTED),
    }
}

/// Presence, for SSP.
pub(in crate::ssp) fn values(presences: Vec<Presence>) -> Vec<ssp::PresenceValue> {
    let value = |presence: Presence| {
        Some(ssp::PresenceValue {
            user: presence.user?,
            attributes: presence.attributes,
        })
    };
    presences.into_iter().filter_map(value).collect()
}

/// Presence, for CSP.
pub(in crate::ssp) fn presences(values: Vec<ssp::PresenceValue>) -> Vec<Presence> {
    let presence = |value: ssp::PresenceValue| Presence {
        user: Some(value.user),
        attributes: value.attributes,
        ..Presence::default()
    };
    values.into_iter().map(presence).collect()
}

fn joined_users(done: csp::GetJoinedUsersResponse) -> ssp::GetJoinedUsersResponse {
    let mapping = |one: Mapping| ssp::Mapping {
        name: one.screen_name,
        user: one.user,
    };
    let person = |one: Participant| ssp::Mapping {
        name: one.screen_name,
        user: one.user,
    };
    let AdminMapList {
        admins,
        mods,
        users,
    } = done.by_rank.unwrap_or_default();
    let ranked = mods.into_iter().chain(users).map(mapping);
    let others = done.participants.map(|all| all.people).unwrap_or_default();
    ssp::GetJoinedUsersResponse {
        status: Outcome::new(Code::SUCCESSFUL),
        admins: admins.into_iter().map(mapping).collect(),
        users: ranked.chain(others.into_iter().map(person)).collect(),
        blocked: Vec::new(),
    }
}

/// The answer of the peer's to a request of a client of ours, which was about this group.
pub(in crate::ssp) fn to_csp(answer: Ssp, request: &Csp) -> Csp {
    let group = super::super::requestor::group_of(request).unwrap_or_default();
    let failed = answer
        .outcome()
        .filter(|outcome| !outcome.code.is_success());
    if let (Some(outcome), false) = (failed, matches!(answer, Ssp::SendMessageResponse(_))) {
        return refusal(outcome.clone(), request);
    }
    match answer {
        Ssp::SendMessageResponse(done) => csp::SendMessageResponse {
            outcome: done.status,
            message: done.message,
        }
        .into(),
        Ssp::JoinGroupResponse(done) => {
            let own = match request {
                Csp::JoinGroupRequest(asked) => name_in(asked.screen_name.clone(), &group),
                _ => None,
            };
            csp::JoinGroupResponse {
                participants: participants(&group, done.joined),
                screen_name: own,
                welcome_note: done.welcome_note.as_ref().map(csp::WelcomeNote::from),
            }
            .into()
        }
        Ssp::GetPresenceResponse(done) => csp::GetPresenceResponse {
            outcome: done.status.unwrap_or(Outcome::new(Code::SUCCESSFUL)),
            presences: presences(done.values),
        }
        .into(),
        Ssp::Status(outcome) => match request {
            Csp::JoinGroupRequest(asked) => csp::JoinGroupResponse {
                participants: None,
                screen_name: name_in(asked.screen_name.clone(), &group),
                welcome_note: None,
            }
            .into(),
            _ => refusal(outcome, request),
        },
        about_group => group_to_csp(about_group, group),
    }
}

fn group_to_csp(answer: Ssp, group: String) -> Csp {
    match answer {
        Ssp::GetGroupMemberResponse(done) => csp::GetGroupMembersResponse {
            admins: user_list(done.admins),
            mods: user_list(done.moderators),
            users: user_list(done.users),
        }
        .into(),
        Ssp::GetJoinedUsersResponse(done) => {
            let person = |one: ssp::Mapping| Participant {
                screen_name: one.name,
                user: one.user,
            };
            let people = done.admins.into_iter().chain(done.users).map(person);
            csp::GetJoinedUsersResponse {
                participants: Some(Participants::new(group, people.collect())),
                ..csp::GetJoinedUsersResponse::default()
            }
            .into()
        }
        Ssp::GetGroupPropsResponse(done) => csp::GetGroupPropsResponse {
            properties: done.properties.map(properties_of).unwrap_or_default(),
            own_properties: done.own_properties,
        }
        .into(),
        Ssp::RejectListResponse(done) => csp::RejectListResponse {
            users: user_list(done.users),
        }
        .into(),
        Ssp::GetGroupSubStatusResponse(done) => csp::SubscribeGroupNoticeResponse {
            value: done.subscribed,
        }
        .into(),
        _ => Status::new(Code::INTERNAL_ERROR).into(),
    }
}

/// An outcome in the form in which this request is answered.
fn refusal(outcome: Outcome, request: &Csp) -> Csp {
    match request {
        Csp::LeaveGroupRequest(_) => csp::LeaveGroupResponse {
            group: None,
            outcome,
        }
        .into(),
        Csp::SendMessageRequest(_) => csp::SendMessageResponse {
            outcome,
            message: None,
        }
        .into(),
        Csp::GetPresenceRequest(_) => csp::GetPresenceResponse {
            outcome,
            presences: Vec::new(),
        }
        .into(),
        _ => Status::from(outcome).into(),
    }
}
