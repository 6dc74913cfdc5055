//! One group of alice's, and what handsets do with it and with others.

use imps::Primitive;
use imps::csp::{
    CreateGroupRequest, EntityList, GetGroupPropsRequest, GetGroupPropsResponse, GroupChangeNotice,
    GroupProperties, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ScreenName, SetGroupPropsRequest, User, UserList,
};

use super::Handset;
use super::handset::{properties, wv};

pub const CLUB: &str = "wv:alice/club@localhost";

/// A group that is made and not joined.
pub fn group(wanted: &[(&str, &str)]) -> CreateGroupRequest {
    CreateGroupRequest {
        group: CLUB.to_owned(),
        properties: GroupProperties {
            properties: properties(wanted),
            welcome_note: None,
        },
        ..CreateGroupRequest::default()
    }
}

pub fn join(name: &str) -> JoinGroupRequest {
    join_in(CLUB, name)
}

/// Joins under this name, if it is not empty, and wants to know who is there and who comes.
pub fn join_in(group: &str, name: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group: group.to_owned(),
        screen_name: (!name.is_empty()).then(|| ScreenName {
            name: name.to_owned(),
            group: group.to_owned(),
        }),
        joined_request: true,
        subscribe: true,
        own_properties: Vec::new(),
    }
}

pub fn joins(handset: &mut Handset, name: &str) -> JoinGroupResponse {
    joins_in(handset, CLUB, name)
}

pub fn joins_in(handset: &mut Handset, group: &str, name: &str) -> JoinGroupResponse {
    match handset.done(join_in(group, name)) {
        Primitive::JoinGroupResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

pub fn leaves(handset: &mut Handset) -> u16 {
    let group = CLUB.to_owned();
    handset.code(LeaveGroupRequest { group })
}

pub fn put_out(handset: &mut Handset) -> LeaveGroupResponse {
    handset.hear(|one| match one {
        Primitive::LeaveGroupResponse(told) => Some(told.clone()),
        _ => None,
    })
}

pub fn names(people: &imps::csp::Participants) -> Vec<&str> {
    people.people.iter().map(|one| &*one.screen_name).collect()
}

/// What a notice says: who has come, who has gone.
pub fn news(notice: &GroupChangeNotice) -> (Vec<&str>, Vec<&str>) {
    let of = |people: &Option<imps::csp::Participants>| {
        people.as_ref().map_or_else(Vec::new, |people| {
            people
                .people
                .iter()
                .map(|one| one.screen_name.clone())
                .collect()
        })
    };
    let leak = |names: Vec<String>| names.into_iter().map(|n| &*n.leak()).collect();
    (leak(of(&notice.joined)), leak(of(&notice.left)))
}

pub fn notices(told: &[Primitive]) -> usize {
    told.iter()
        .filter(|one| matches!(one, Primitive::GroupChangeNotice(_)))
        .count()
}

pub fn users(names: &[&str]) -> Vec<User> {
    names.iter().map(|name| User::new(wv(name))).collect()
}

pub fn list(names: &[&str]) -> Option<UserList> {
    Some(UserList {
        users: users(names),
        screen_names: Vec::new(),
    })
}

pub fn entities(names: &[&str]) -> Option<EntityList> {
    Some(EntityList {
        users: names.iter().map(|name| wv(name)).collect(),
        ..EntityList::default()
    })
}

pub fn sets(handset: &mut Handset, wanted: &[(&str, &str)]) -> u16 {
    handset.code(SetGroupPropsRequest {
        group: CLUB.to_owned(),
        properties: Some(GroupProperties {
            properties: properties(wanted),
            welcome_note: None,
        }),
        own_properties: Vec::new(),
    })
}

pub fn told_of(handset: &mut Handset) -> GetGroupPropsResponse {
    let group = CLUB.to_owned();
    match handset.ask(GetGroupPropsRequest { group }) {
        Primitive::GetGroupPropsResponse(told) => told,
        other => panic!("{other:?}"),
    }
}

pub fn value(told: &GetGroupPropsResponse, name: &str) -> Option<String> {
    let all = told
        .properties
        .properties
        .iter()
        .chain(&told.own_properties);
    let found = all.into_iter().find(|one| one.is(name))?;
    found.value.clone()
}
