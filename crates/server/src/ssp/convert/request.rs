//! Requests.

use imps::Primitive as Csp;
use imps::csp::{self, EntityList, SubscribeType, User, WelcomeNote};
use imps::ssp::{self, Content, MetaInfo, Primitive as Ssp};

use super::{content, data, ids, info, info_of, name_in, properties, properties_of, user_list};

/// A request of a client of ours, for the peer. None: SSP has no word for it.
pub(in crate::ssp) fn to_ssp(request: Csp, meta: MetaInfo, own: User) -> Option<Ssp> {
    Some(match request {
        Csp::SendMessageRequest(asked) => {
            let content = content(&asked.info, asked.content);
            Ssp::SendMessageRequest(ssp::SendMessageRequest {
                delivery_report: asked.delivery_report,
                meta,
                info: info(asked.info, ssp::Sender::User(own)),
                content,
            })
        }
        Csp::ExtendConversationRequest(asked) => {
            Ssp::ExtendConversationRequest(ssp::ExtendConversationRequest {
                subscribe: asked.subscribe,
                meta,
                // SSP-16.X-S5
                users: asked.users,
                // SSP-16.X-S6
                peer: asked.peer.user,
                welcome_note: asked.welcome_note.as_ref().map(Content::from),
            })
        }
        Csp::SubscribePresenceRequest(asked) => Ssp::SubscribeRequest(ssp::SubscribeRequest {
            meta,
            users: asked.users.into_iter().map(|user| user.id).collect(),
            attributes: asked.attributes,
        }),
        Csp::UnsubscribePresenceRequest(asked) => {
            Ssp::UnsubscribeRequest(ssp::UnsubscribeRequest {
                meta,
                users: asked.users.into_iter().map(|user| user.id).collect(),
            })
        }
        Csp::GetPresenceRequest(asked) => Ssp::GetPresenceRequest(ssp::GetPresenceRequest {
            meta,
            users: asked.users.into_iter().map(|user| user.id).collect(),
            attributes: asked.attributes,
        }),
        about_group => return group_to_ssp(about_group, meta),
    })
}

fn group_to_ssp(request: Csp, meta: MetaInfo) -> Option<Ssp> {
    let about = |group: String, meta: MetaInfo| ssp::GroupRequest { group, meta };
    Some(match request {
        Csp::JoinGroupRequest(asked) => Ssp::JoinGroupRequest(ssp::JoinGroupRequest {
            joined_list: asked.joined_request,
            subscribe: asked.subscribe,
            meta,
            screen_name: name_in(asked.screen_name, &asked.group),
            own_properties: asked.own_properties,
            group: asked.group,
        }),
        Csp::LeaveGroupRequest(asked) => Ssp::LeaveGroupRequest(about(asked.group, meta)),
        Csp::CreateGroupRequest(asked) => Ssp::CreateGroupRequest(ssp::CreateGroupRequest {
            join: asked.join,
            subscribe: asked.subscribe,
            meta,
            properties: Some(properties(asked.properties)),
            screen_name: name_in(asked.screen_name, &asked.group),
            group: asked.group,
        }),
        Csp::DeleteGroupRequest(asked) => Ssp::DeleteGroupRequest(about(asked.group, meta)),
        Csp::GetGroupMembersRequest(asked) => Ssp::GetGroupMemberRequest(about(asked.group, meta)),
        Csp::GetJoinedUsersRequest(asked) => Ssp::GetJoinedUsersRequest(about(asked.group, meta)),
        Csp::AddGroupMembersRequest(asked) => {
            Ssp::AddGroupMemberRequest(members(asked.group, asked.users, meta))
        }
        Csp::RemoveGroupMembersRequest(asked) => {
            Ssp::RemoveGroupMemberRequest(members(asked.group, asked.users, meta))
        }
        Csp::MemberAccessRequest(asked) => Ssp::MemberAccessRequest(ssp::MemberAccessRequest {
            group: asked.group,
            meta,
            admins: ids(asked.admins),
            moderators: ids(asked.mods),
            users: ids(asked.users),
        }),
        Csp::GetGroupPropsRequest(asked) => Ssp::GetGroupPropsRequest(about(asked.group, meta)),
        Csp::SetGroupPropsRequest(asked) => Ssp::SetGroupPropsRequest(ssp::SetGroupPropsRequest {
            group: asked.group,
            meta,
            properties: asked.properties.map(properties),
            own_properties: asked.own_properties,
        }),
        Csp::RejectListRequest(asked) => Ssp::RejectListRequest(ssp::RejectListRequest {
            group: asked.group,
            meta,
            add: asked.add.map(|list| list.users).unwrap_or_default(),
            remove: asked.remove.map(|list| list.users).unwrap_or_default(),
        }),
        Csp::SubscribeGroupNoticeRequest(asked) => {
            let about = about(asked.group, meta);
            match asked.subscribe_type {
                SubscribeType::Set => Ssp::SubscribeGroupChangeRequest(about),
                SubscribeType::Unset => Ssp::UnsubscribeGroupChangeRequest(about),
                SubscribeType::Get => Ssp::GetGroupSubStatusRequest(about),
                SubscribeType::Other(_) => return None,
            }
        }
        _ => return None,
    })
}

fn members(group: String, users: Vec<User>, meta: MetaInfo) -> ssp::GroupMembersRequest {
    ssp::GroupMembersRequest {
        group,
        meta,
        users: users.into_iter().map(|user| user.id).collect(),
    }
}

/// A request of the peer's for a user of its, as the user's client would make it here. None: it is
/// no such request.
pub(in crate::ssp) fn to_csp(request: Ssp) -> Option<Csp> {
    let users = |ids: Vec<String>| ids.into_iter().map(User::new).collect();
    Some(match request {
        Ssp::SendMessageRequest(asked) => {
            let mut info = info_of(asked.info);
            // Who sends it is who makes the request.
            info.sender = None;
            if let Some(content) = &asked.content {
                info.content_type = Some(content.content_type.clone());
            }
            let content = asked.content.as_ref().map(data);
            csp::SendMessageRequest {
                delivery_report: asked.delivery_report,
                info,
                content,
            }
            .into()
        }
        // SSP-16.X-S1, SSP-16.X-S10: as CSP 9.1.11 has it.
        Ssp::ExtendConversationRequest(asked) => csp::ExtendConversationRequest {
            id: None,
            users: asked.users,
            peer: csp::ExtendConversationUser {
                user: asked.peer,
                client: None,
            },
            subscribe: asked.subscribe,
            welcome_note: asked.welcome_note.as_ref().map(WelcomeNote::from),
            screen_name: None,
        }
        .into(),
        Ssp::SubscribeRequest(asked) => csp::SubscribePresenceRequest {
            users: users(asked.users),
            attributes: asked.attributes,
            ..csp::SubscribePresenceRequest::default()
        }
        .into(),
        Ssp::UnsubscribeRequest(asked) => csp::UnsubscribePresenceRequest {
            users: users(asked.users),
            ..csp::UnsubscribePresenceRequest::default()
        }
        .into(),
        Ssp::GetPresenceRequest(asked) => csp::GetPresenceRequest {
            users: users(asked.users),
            attributes: asked.attributes,
            ..csp::GetPresenceRequest::default()
        }
        .into(),
        about_group => return group_to_csp(about_group),
    })
}

fn group_to_csp(request: Ssp) -> Option<Csp> {
    let users = |ids: Vec<String>| ids.into_iter().map(User::new).collect();
    Some(match request {
        Ssp::JoinGroupRequest(asked) => csp::JoinGroupRequest {
            screen_name: name_in(asked.screen_name, &asked.group),
            joined_request: asked.joined_list,
            subscribe: asked.subscribe,
            own_properties: asked.own_properties,
            group: asked.group,
        }
        .into(),
        Ssp::LeaveGroupRequest(asked) => csp::LeaveGroupRequest { group: asked.group }.into(),
        // SSP-16.X-S2: a public open group, unless the properties say otherwise.
        Ssp::CreateGroupRequest(asked) => csp::CreateGroupRequest {
            screen_name: name_in(asked.screen_name, &asked.group),
            properties: asked.properties.map(properties_of).unwrap_or_default(),
            own_properties: Vec::new(),
            join: asked.join,
            subscribe: asked.subscribe,
            group: asked.group,
        }
        .into(),
        Ssp::DeleteGroupRequest(asked) => csp::DeleteGroupRequest { group: asked.group }.into(),
        Ssp::GetGroupMemberRequest(asked) => {
            csp::GetGroupMembersRequest { group: asked.group }.into()
        }
        Ssp::GetJoinedUsersRequest(asked) => {
            csp::GetJoinedUsersRequest { group: asked.group }.into()
        }
        Ssp::AddGroupMemberRequest(asked) => csp::AddGroupMembersRequest {
            group: asked.group,
            users: users(asked.users),
        }
        .into(),
        Ssp::RemoveGroupMemberRequest(asked) => csp::RemoveGroupMembersRequest {
            group: asked.group,
            users: users(asked.users),
        }
        .into(),
        Ssp::MemberAccessRequest(asked) => csp::MemberAccessRequest {
            group: asked.group,
            admins: user_list(asked.admins),
            mods: user_list(asked.moderators),
            users: user_list(asked.users),
        }
        .into(),
        Ssp::GetGroupPropsRequest(asked) => csp::GetGroupPropsRequest { group: asked.group }.into(),
        Ssp::SetGroupPropsRequest(asked) => csp::SetGroupPropsRequest {
            group: asked.group,
            properties: asked.properties.map(properties_of),
            own_properties: asked.own_properties,
        }
        .into(),
        Ssp::RejectListRequest(asked) => csp::RejectListRequest {
            group: asked.group,
            add: entities(asked.add),
            remove: entities(asked.remove),
        }
        .into(),
        Ssp::SubscribeGroupChangeRequest(asked) => subscribe(asked.group, SubscribeType::Set),
        Ssp::UnsubscribeGroupChangeRequest(asked) => subscribe(asked.group, SubscribeType::Unset),
        Ssp::GetGroupSubStatusRequest(asked) => subscribe(asked.group, SubscribeType::Get),
        _ => return None,
    })
}

fn subscribe(group: String, subscribe_type: SubscribeType) -> Csp {
    csp::SubscribeGroupNoticeRequest {
        group,
        subscribe_type,
    }
    .into()
}

fn entities(users: Vec<String>) -> Option<EntityList> {
    (!users.is_empty()).then(|| EntityList {
        users,
        ..EntityList::default()
    })
}
