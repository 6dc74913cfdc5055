//! The words of CSP and those of SSP for the same things.
//!
//! What has no word on the other side is left out: it is named in `docs/FACES.md`.

pub(super) mod answer;
pub(super) mod request;

use imps::csp::{
    self, ContentData, Group, MessageInfo, Participant, Participants, Recipient, ScreenName, User,
    UserList,
};
use imps::ssp::{self, Content, Party};

/// The media type of a message that names none.
const TEXT: &str = "text/plain";

/// What a message says, for SSP.
pub(super) fn content(info: &MessageInfo, content: Option<ContentData>) -> Option<Content> {
    let named = info.content_type.clone().filter(|named| !named.is_empty());
    content.map(|content| Content {
        content_type: named.unwrap_or_else(|| TEXT.to_owned()),
        data: content.as_bytes().to_vec(),
    })
}

/// What a message says, for CSP: octets that are text are text.
pub(super) fn data(content: &Content) -> ContentData {
    match content.as_text() {
        Some(text) if content.content_type.starts_with("text/") => {
            ContentData::Text(text.to_owned())
        }
        _ => ContentData::Octets(content.data.clone()),
    }
}

/// What is known of a message, for SSP.
pub(super) fn info(info: MessageInfo, sender: ssp::Sender) -> ssp::MessageInfo {
    let Recipient { users, groups, .. } = info.recipient;
    let groups = groups.into_iter().map(party);
    ssp::MessageInfo {
        id: info.id,
        uri: info.uri,
        content_type: info.content_type,
        content_name: info.content_name,
        content_size: Some(info.content_size),
        validity_s: info.validity_s,
        recipients: users.into_iter().map(Party::User).chain(groups).collect(),
        sender,
        date: info.date,
    }
}

/// What is known of a message, for CSP.
pub(super) fn info_of(info: ssp::MessageInfo) -> MessageInfo {
    MessageInfo {
        id: info.id,
        uri: info.uri,
        content_type: info.content_type,
        content_encoding: None,
        content_size: info.content_size.unwrap_or_default(),
        content_name: info.content_name,
        recipient: recipient(info.recipients),
        sender: Some(sender_of(info.sender)),
        date: info.date,
        font: None,
        validity_s: info.validity_s,
    }
}

pub(super) fn recipient(parties: Vec<Party>) -> Recipient {
    let mut recipient = Recipient::default();
    for party in parties {
        match party {
            Party::User(user) => recipient.users.push(user),
            Party::Group(group) => recipient.groups.push(Group::Id(group)),
            Party::ScreenName(name) => recipient.groups.push(Group::ScreenName(name)),
        }
    }
    recipient
}

fn party(group: Group) -> Party {
    match group {
        Group::Id(group) => Party::Group(group),
        Group::ScreenName(name) => Party::ScreenName(name),
    }
}

/// Who is meant by a sender of CSP.
pub(super) fn party_of(sender: csp::Sender) -> Party {
    match sender {
        csp::Sender::User(user) => Party::User(user),
        csp::Sender::Group(group) => party(group),
    }
}

pub(super) fn sender(sender: csp::Sender) -> ssp::Sender {
    match sender {
        csp::Sender::User(user) => ssp::Sender::User(user),
        csp::Sender::Group(Group::Id(group)) => ssp::Sender::Group { group, name: None },
        csp::Sender::Group(Group::ScreenName(name)) => ssp::Sender::Group {
            group: name.group.clone(),
            name: Some(name),
        },
    }
}

pub(super) fn sender_of(sender: ssp::Sender) -> csp::Sender {
    match sender {
        ssp::Sender::User(user) => csp::Sender::User(user),
        ssp::Sender::Group { group, name: None } => csp::Sender::Group(Group::Id(group)),
        ssp::Sender::Group {
            group,
            name: Some(mut name),
        } => {
            if name.group.is_empty() {
                name.group = group;
            }
            csp::Sender::Group(Group::ScreenName(name))
        }
    }
}

/// The sender that a party of SSP is.
pub(super) fn sender_of_party(party: Party) -> csp::Sender {
    match party {
        Party::User(user) => csp::Sender::User(user),
        Party::Group(group) => csp::Sender::Group(Group::Id(group)),
        Party::ScreenName(name) => csp::Sender::Group(Group::ScreenName(name)),
    }
}

/// People by the names they have in a group.
fn names(participants: Option<Participants>) -> Vec<String> {
    let people = participants.map(|all| all.people).unwrap_or_default();
    people.into_iter().map(|one| one.screen_name).collect()
}

fn participants(group: &str, names: Vec<String>) -> Option<Participants> {
    let person = |screen_name| Participant {
        screen_name,
        user: None,
    };
    let people: Vec<_> = names.into_iter().map(person).collect();
    (!people.is_empty()).then(|| Participants::new(group, people))
}

fn ids(list: Option<UserList>) -> Vec<String> {
    let users = list.map(|list| list.users).unwrap_or_default();
    users.into_iter().map(|user| user.id).collect()
}

fn user_list(ids: Vec<String>) -> Option<UserList> {
    let users: Vec<_> = ids.into_iter().map(User::new).collect();
    (!users.is_empty()).then(|| UserList {
        users,
        ..UserList::default()
    })
}

fn properties(properties: csp::GroupProperties) -> ssp::GroupProperties {
    ssp::GroupProperties {
        properties: properties.properties,
        welcome_note: properties.welcome_note.as_ref().map(Content::from),
    }
}

fn properties_of(properties: ssp::GroupProperties) -> csp::GroupProperties {
    csp::GroupProperties {
        properties: properties.properties,
        welcome_note: properties.welcome_note.as_ref().map(csp::WelcomeNote::from),
    }
}

/// A notice of a group, for SSP.
pub(super) fn notice(
    notice: csp::GroupChangeNotice,
    meta: ssp::MetaInfo,
    to: User,
) -> ssp::GroupChangeNotice {
    ssp::GroupChangeNotice {
        group: notice.group,
        meta,
        recipients: vec![to],
        joined: names(notice.joined),
        left: names(notice.left),
        joined_blocked: Vec::new(),
        left_blocked: None,
        properties: notice.properties.map(properties),
        own_properties: notice.own_properties,
    }
}

/// A notice of a group, for CSP.
pub(super) fn notice_of(notice: ssp::GroupChangeNotice) -> csp::GroupChangeNotice {
    csp::GroupChangeNotice {
        joined: participants(&notice.group, notice.joined),
        left: participants(&notice.group, notice.left),
        properties: notice.properties.map(properties_of),
        own_properties: notice.own_properties,
        group: notice.group,
        ..csp::GroupChangeNotice::default()
    }
}

/// A name in a group, whatever group it says.
fn name_in(name: Option<ScreenName>, group: &str) -> Option<ScreenName> {
    name.map(|name| ScreenName {
        name: name.name,
        group: group.to_owned(),
    })
}
