//! What tests of presence ask and hear.

use imps::csp::{
    Attribute, CreateAttributeListRequest, GetPresenceRequest, GetPresenceResponse, Presence,
    PresenceSubList, SubscribePresenceRequest, UnsubscribePresenceRequest, UpdatePresenceRequest,
    User,
};
use imps::{Encoding, Primitive, Version};
use store::{Document, Expect, Fence, Partition, Store, Write};
use xdm::resource_lists::{Entry, Item, List, ResourceLists};

use super::Handset;
use super::handset::wv;

/// The ways in which handsets speak.
pub const WAYS: [(Version, Encoding); 3] = [
    (Version::V1_1, Encoding::Xml),
    (Version::V1_2, Encoding::Wbxml),
    (Version::V1_3, Encoding::Wbxml),
];

pub fn users(names: &[&str]) -> Vec<User> {
    names.iter().map(|name| User::new(wv(name))).collect()
}

pub fn addresses(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| wv(name)).collect()
}

/// A subscription to all attributes.
pub fn subscribe(names: &[&str]) -> SubscribePresenceRequest {
    SubscribePresenceRequest {
        users: users(names),
        ..SubscribePresenceRequest::default()
    }
}

pub fn unsubscribe(names: &[&str]) -> UnsubscribePresenceRequest {
    UnsubscribePresenceRequest {
        users: users(names),
        ..UnsubscribePresenceRequest::default()
    }
}

pub fn update(attributes: PresenceSubList) -> UpdatePresenceRequest {
    UpdatePresenceRequest {
        attributes: Box::new(attributes),
    }
}

/// A list with nothing but a text.
pub fn text(text: &str) -> PresenceSubList {
    PresenceSubList {
        status_text: Some(Attribute::new(text)),
        ..PresenceSubList::default()
    }
}

/// The names of a few attributes: text, mood, and whether the user is there.
pub fn names(text: bool, mood: bool, online: bool) -> PresenceSubList {
    let name = |is: bool| is.then(Attribute::default);
    PresenceSubList {
        status_text: name(text),
        status_mood: name(mood),
        online_status: name(online).into_iter().collect(),
        ..PresenceSubList::default()
    }
}

/// Every attribute of these tests by name.
pub fn everything() -> PresenceSubList {
    PresenceSubList {
        user_availability: Some(Attribute::default()),
        alias: Some(Attribute::default()),
        client_info: vec![imps::csp::ClientInfo::default()],
        registration: vec![Attribute::default()],
        ..names(true, true, true)
    }
}

/// Everybody may see these.
pub fn allow_all(attributes: PresenceSubList) -> CreateAttributeListRequest {
    CreateAttributeListRequest {
        attributes: Some(Box::new(attributes)),
        default_list: true,
        ..CreateAttributeListRequest::default()
    }
}

/// These users may see these.
pub fn allow(names: &[&str], attributes: PresenceSubList) -> CreateAttributeListRequest {
    CreateAttributeListRequest {
        attributes: Some(Box::new(attributes)),
        users: addresses(names),
        ..CreateAttributeListRequest::default()
    }
}

/// What is seen of one user: text, and whether the user is there.
pub type Seen = (Option<String>, Option<String>);

pub fn seen(presence: &Presence) -> Seen {
    let list = presence.attributes.first();
    let value = |one: &Attribute| match one.qualifier {
        Some(false) => "?".to_owned(),
        _ => one.value.clone().unwrap_or_default(),
    };
    let text = list.and_then(|list| list.status_text.as_ref().map(value));
    let online = list.and_then(|list| list.online_status.first().map(value));
    (text, online)
}

pub fn of(text: &str, online: &str) -> Seen {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(text), some(online))
}

impl Handset {
    /// News of presence that there are now, in the order in which they came.
    pub fn news(&mut self) -> Vec<Presence> {
        self.poll();
        let all = std::mem::take(&mut self.told);
        let mut news = Vec::new();
        for one in all {
            match one {
                Primitive::PresenceNotificationRequest(told) => news.extend(told.presences),
                other => self.told.push_back(other),
            }
        }
        news
    }

    /// What is news of one user, of whom all of it is.
    pub fn news_of(&mut self, name: &str) -> Vec<Seen> {
        let news = self.news();
        assert!(
            news.iter().all(|one| one.user == Some(wv(name))),
            "{news:?}"
        );
        news.iter().map(seen).collect()
    }

    /// Asks for presence once.
    pub fn presence(&mut self, names: &[&str]) -> GetPresenceResponse {
        let request = GetPresenceRequest {
            users: users(names),
            ..GetPresenceRequest::default()
        };
        match self.ask(request) {
            Primitive::GetPresenceResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// What is seen of one user now.
    pub fn see(&mut self, name: &str) -> Seen {
        let response = self.presence(&[name]);
        assert_eq!(response.outcome.code.number(), 200, "{response:?}");
        seen(&response.presences[0])
    }

    pub fn log_out(&mut self) {
        self.done(imps::csp::LogoutRequest {});
    }
}

/// Writes the lists of a user, by name and who is on them, as another client of the user would:
/// under `epoch`, which is that of whoever has opened the store last.
pub fn put_lists(store: &mut Store, epoch: u64, owner: &str, all: &[(&str, &[&str])]) {
    let entry = |name: &&str| Item::Entry(Entry::new(format!("sip:{name}@localhost")));
    let list = |(name, members): &(&str, &[&str])| List {
        name: Some((*name).to_owned()),
        items: members.iter().map(entry).collect(),
        ..List::default()
    };
    let lists = ResourceLists {
        lists: all.iter().map(list).collect(),
    };
    let name = format!("users/sip:{owner}@localhost/index");
    let partition = Partition::of(&name);
    let document = Document {
        collection: "resource-lists".to_owned(),
        name,
        owner: format!("sip:{owner}@localhost"),
        etag: format!("{all:?}").len().to_string(),
        body: lists.write_stored().into_bytes(),
        changed_at_ms: 0,
    };
    let write = Write::PutDocument {
        document,
        expect: Expect::Any,
    };
    let fence = Fence::Owned { partition, epoch };
    store.commit(&[write], fence).unwrap();
}

/// A store whose epoch is 1, so that the first server on it has 2.
pub fn fresh_store() -> Store {
    let mut store = super::store();
    assert_eq!(store.take_partitions("test"), Ok(1));
    store
}
