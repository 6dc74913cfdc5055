//! Who is meant: users, clients, groups and screen names.

use crate::choice::choice;
use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::record::{missing, record};
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

record! {
    /// Which of a user's clients is meant.
    ClientId {
        /// The address of the client.
        url: ? String = Url,
        /// Its telephone number.
        msisdn: ? String = Msisdn,
    }
}

/// A user, and if need be which client of the user.
///
/// Where a version has room for the address alone, that is all that is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct User {
    /// The address of the user.
    pub id: String,
    /// A name for people. CSP 1.3.
    pub friendly_name: Option<String>,
    /// Which application of the user. CSP 1.3, and not together with a client.
    pub application: Option<String>,
    /// Which client of the user.
    pub client: Option<ClientId>,
}

impl User {
    /// A user, whatever the client.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }
}

impl Content for User {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        if element == Element::UserId {
            return String::read(element, from).map(Self::new);
        }
        let mut user = Self::default();
        let mut id = None;
        while let Some(child) = from.child()? {
            match child {
                Element::UserId => id = Some(String::read(child, from)?),
                Element::FriendlyName => user.friendly_name = Some(String::read(child, from)?),
                Element::ApplicationId => user.application = Some(String::read(child, from)?),
                Element::ClientId => user.client = Some(ClientId::read(child, from)?),
                _ => from.skip()?,
            }
        }
        user.id = id.ok_or_else(|| missing(from, element, Element::UserId))?;
        Ok(user)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        if element == Element::UserId {
            return to.text(element, &self.id);
        }
        let is_1_3 = to.version() == Version::V1_3;
        to.open(element);
        to.text(Element::UserId, &self.id);
        if let Some(name) = self.friendly_name.as_ref().filter(|_| is_1_3) {
            to.text(Element::FriendlyName, name);
        }
        if let Some(application) = self.application.as_ref().filter(|_| is_1_3) {
            to.text(Element::ApplicationId, application);
        }
        if let Some(client) = &self.client {
            client.write(Element::ClientId, to);
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        let mut user = Self::new(chance.text(Element::UserId));
        if element == Element::User && chance.maybe() {
            user.client = Some(ClientId::any(Element::ClientId, chance));
            if chance.version == Version::V1_3 {
                user.friendly_name = Some(chance.text(Element::FriendlyName));
            }
        }
        user
    }
}

record! {
    /// A name under which a user is known in one group.
    ScreenName {
        /// The name.
        name: ! String = SName,
        /// The address of the group.
        group: ~ String = GroupId,
    }
}

record! {
    /// Users, by address or by what they are called in a group.
    UserList {
        /// By address.
        users: * User = User | UserId @READ,
        /// By screen name.
        screen_names: * ScreenName = ScreenName,
    }
}

choice! {
    /// A group, or one in it.
    Group {
        /// The group.
        Id(String) = GroupId,
        /// Whoever has this screen name in it.
        ScreenName(ScreenName) = ScreenName,
    }
}

impl Group {
    /// The address of the group, also of one in it.
    pub fn address(&self) -> &str {
        match self {
            Self::Id(group) => group,
            Self::ScreenName(name) => &name.group,
        }
    }
}

choice! {
    /// Where something comes from.
    Sender {
        /// A user.
        User(User) = User,
        /// A group, or one in it.
        Group(Group) = Group,
    }
}

impl Sender {
    /// The address of the group something comes from, if it is said in one.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::User(_) => None,
            Self::Group(group) => Some(group.address()),
        }
    }
}

record! {
    /// Where something goes to.
    Recipient {
        /// To users.
        users: * User = User,
        /// To groups, or to somebody in them.
        groups: * Group = Group,
        /// To all on contact lists, by the addresses of the lists.
        contact_lists: * String = ContactList,
    }
}

record! {
    /// Addresses of all sorts.
    IdList {
        /// Of users.
        users: * String = UserId,
        /// Of contact lists.
        contact_lists: * String = ContactList,
        /// Of groups.
        groups: * String = GroupId,
        /// Names in groups.
        screen_names: * ScreenName = ScreenName,
        /// Domains.
        domains: * String = Domain,
    }
}

record! {
    /// A property of a group, of a contact list or of a profile.
    Property {
        /// Its name. `Accesstype` has been seen in other letter cases.
        name: ! String = Name,
        /// Its value; without one, the name alone is meant.
        value: ? String = Value,
    }
}

impl Property {
    /// A property with a value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
        }
    }

    /// It has this name, in whatever letter case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}
