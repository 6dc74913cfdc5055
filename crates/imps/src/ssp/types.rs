//! What the primitives are made of.
//!
//! What CSP has as well is the type of CSP, so that it can be handed from one protocol to the
//! other: users, screen names, properties, presence attributes, outcomes. SSP writes of them what
//! its definition has room for.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use super::Error;
use super::node::Node;
use super::structure::{Part, parts, structure, words, write_parts, write_words};
use super::writer::Writer;
use crate::csp;

structure! {
    /// On whose behalf a request is made (SSP 8.1).
    MetaInfo {
        /// A client has caused it, and not the server on its own.
        client_originated: ~ bool = @ "clientOriginated",
        /// Who makes it.
        requestor: ! Requestor = "Requestor",
    }
}

impl MetaInfo {
    /// On behalf of a user of a service: `wv:@domain`.
    pub fn of_user(service: impl Into<String>, user: csp::User) -> Self {
        Self {
            client_originated: true,
            requestor: Requestor {
                service: service.into(),
                user: Some(user),
            },
        }
    }

    /// On behalf of the service itself.
    pub fn of_service(service: impl Into<String>) -> Self {
        Self {
            client_originated: false,
            requestor: Requestor {
                service: service.into(),
                user: None,
            },
        }
    }
}

structure! {
    /// Who makes a request.
    Requestor {
        /// The service: `wv:@domain`.
        service: ! String = @ "serviceID",
        /// The user of it.
        user: ? csp::User = "User",
    }
}

/// One who is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Party {
    /// A user.
    User(csp::User),
    /// A group, by its address.
    Group(String),
    /// Whoever has this name in a group.
    ScreenName(csp::ScreenName),
}

impl Party {
    /// A user, whatever the client.
    pub fn user(id: impl Into<String>) -> Self {
        Self::User(csp::User::new(id))
    }

    /// The party that an element is, if it is one.
    fn of(node: &Node<'_>) -> Option<Result<Self, Error>> {
        if node.is("User") || node.is("UserID") {
            Some(csp::User::read(node, "User").map(Self::User))
        } else if node.is("ScreenName") {
            Some(csp::ScreenName::read(node, "ScreenName").map(Self::ScreenName))
        } else if node.is("GroupID") {
            let group = words(node, &[], "groupID");
            let missing = Error::Missing {
                element: "GroupID",
                child: "groupID",
            };
            Some(group.and_then(|found| found.into_iter().next().map(Self::Group).ok_or(missing)))
        } else {
            None
        }
    }

    fn write_bare(&self, to: &mut Writer) {
        match self {
            Self::User(user) => user.write("User", to),
            Self::Group(group) => {
                write_words(std::slice::from_ref(group), &["GroupID"], "groupID", to);
            }
            Self::ScreenName(name) => name.write("ScreenName", to),
        }
    }
}

/// Nobody.
impl Default for Party {
    fn default() -> Self {
        Self::User(csp::User::default())
    }
}

/// An element with one party in it.
impl Part for Party {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        let missing = Error::Missing {
            element,
            child: "User",
        };
        let mut parties = node.children().iter().filter_map(Self::of);
        parties.next().unwrap_or(Err(missing))
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        self.write_bare(to);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        match chance.below(3) {
            0 => Self::User(Part::any(chance)),
            1 => Self::Group(super::structure::Word::any(chance)),
            _ => Self::ScreenName(Part::any(chance)),
        }
    }
}

/// Parties, in one element.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parties(pub Vec<Party>);

impl Part for Parties {
    fn read(node: &Node<'_>, _: &'static str) -> Result<Self, Error> {
        let parties: Result<_, _> = node.children().iter().filter_map(Party::of).collect();
        parties.map(Self)
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        self.0.iter().for_each(|party| party.write_bare(to));
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self((0..chance.several()).map(|_| Part::any(chance)).collect())
    }
}

/// Who sends a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sender {
    /// A user.
    User(csp::User),
    /// A group, or somebody in it.
    Group {
        /// The address of the group.
        group: String,
        /// The name in the group of the one who has written it.
        name: Option<csp::ScreenName>,
    },
}

/// Nobody.
impl Default for Sender {
    fn default() -> Self {
        Self::User(csp::User::default())
    }
}

impl Part for Sender {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        if let Some(user) = parts(node, &["User"])?.into_iter().next() {
            return Ok(Self::User(user));
        }
        let names: Vec<csp::ScreenName> = parts(node, &["SenderDisplay", "ScreenName"])?;
        let name = names.into_iter().next();
        let groups: Vec<String> = words(node, &["GroupID"], "groupID")?;
        let group = groups.into_iter().next();
        let group = group.or_else(|| name.as_ref().map(|name| name.group.clone()));
        group
            .map(|group| Self::Group { group, name })
            .ok_or(Error::Missing {
                element,
                child: "User",
            })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        match self {
            Self::User(user) => user.write("User", to),
            Self::Group { group, name } => {
                write_words(std::slice::from_ref(group), &["GroupID"], "groupID", to);
                write_parts(name.as_slice(), &["SenderDisplay", "ScreenName"], to);
            }
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        if chance.coin() {
            return Self::User(Part::any(chance));
        }
        Self::Group {
            group: super::structure::Word::any(chance),
            name: chance.maybe().then(|| Part::any(chance)),
        }
    }
}

/// Content of any kind. On the wire it is always BASE64.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Content {
    /// The media type.
    pub content_type: String,
    /// The octets.
    pub data: Vec<u8>,
}

/// The media type of content that names none.
const PLAIN: &str = "text/plain";

impl Content {
    /// Plain text.
    pub fn text(text: &str) -> Self {
        Self {
            content_type: PLAIN.to_owned(),
            data: text.as_bytes().to_vec(),
        }
    }

    /// The octets as text, if they are UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        str::from_utf8(&self.data).ok()
    }
}

/// `ContentData`.
impl Part for Content {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Ok(Self {
            content_type: node.attribute("contentType").unwrap_or(PLAIN).to_owned(),
            data: octets(node, element)?,
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("contentType", &self.content_type);
        to.attribute("encoding", "base64");
        to.text(&BASE64_STANDARD.encode(&self.data));
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self {
            content_type: super::structure::Word::any(chance),
            data: (0..chance.several())
                .map(|_| chance.below(256) as u8)
                .collect(),
        }
    }
}

/// What an element holds: text, or octets if it says that it is BASE64.
pub(crate) fn octets(node: &Node<'_>, element: &'static str) -> Result<Vec<u8>, Error> {
    let encoding = node.attribute("encoding");
    if !encoding.is_some_and(|name| name.eq_ignore_ascii_case(csp::BASE64)) {
        return Ok(node.text().as_bytes().to_vec());
    }
    let dense: String = node.text().split_ascii_whitespace().collect();
    let octets = BASE64_STANDARD_NO_PAD.decode(dense.trim_end_matches('='));
    octets.map_err(|_| Error::BadValue {
        element,
        expected: "BASE64",
    })
}

impl From<&csp::WelcomeNote> for Content {
    fn from(note: &csp::WelcomeNote) -> Self {
        Self {
            content_type: note.content_type.clone(),
            data: note.content.as_bytes().to_vec(),
        }
    }
}

/// Octets that are text become text.
impl From<&Content> for csp::WelcomeNote {
    fn from(content: &Content) -> Self {
        let data = match content.as_text() {
            Some(text) => csp::ContentData::Text(text.to_owned()),
            None => csp::ContentData::Octets(content.data.clone()),
        };
        Self {
            content_type: content.content_type.clone(),
            encoding: data.encoding().map(str::to_owned),
            content: data,
        }
    }
}

structure! {
    /// The properties of a group.
    GroupProperties {
        /// `Name`, `Accesstype`, `Type`, `PrivateMessaging`, `Searchable`, `Topic` and so on.
        properties: * csp::Property = "Property",
        /// What whoever joins is told.
        welcome_note: ? Content = "WelcomeNote" > "ContentData",
    }
}

structure! {
    /// Who it is that has a name in a group.
    Mapping {
        /// The name.
        name: ! String = "SName",
        /// The user, where that may be known.
        user: ? String = "UserID" @ "userID",
    }
}
