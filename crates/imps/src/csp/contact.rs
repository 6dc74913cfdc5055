//! Contact lists.

use super::{Outcome, Property};
use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::record::{missing, record};
use crate::table::Element;
use crate::writer::Writer;

/// A contact: a user, and what the owner of the list calls the user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contact {
    /// The address of the user.
    pub user: String,
    /// What the owner calls the user, if anything.
    pub nickname: Option<String>,
}

impl Content for Contact {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut contact = Self::default();
        if element == Element::UserId {
            contact.user = String::read(element, from)?;
            return Ok(contact);
        }
        let mut user = None;
        while let Some(child) = from.child()? {
            match child {
                Element::Name => contact.nickname = Some(String::read(child, from)?),
                Element::UserId => user = Some(String::read(child, from)?),
                _ => from.skip()?,
            }
        }
        contact.user = user.ok_or_else(|| missing(from, element, Element::UserId))?;
        Ok(contact)
    }

    /// Without a nickname the user stands alone, whatever `element` says.
    fn write(&self, element: Element, to: &mut Writer) {
        let Some(nickname) = &self.nickname else {
            return to.text(Element::UserId, &self.user);
        };
        to.open(element);
        to.text(Element::Name, nickname);
        to.text(Element::UserId, &self.user);
        to.close(element);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let user = chance.text(Element::UserId);
        let nickname = chance.maybe().then(|| chance.text(Element::Name));
        Self { user, nickname }
    }
}

record! {
    /// Asks which contact lists there are.
    GetListRequest {}
}

record! {
    /// Which contact lists there are.
    GetListResponse {
        /// Their addresses, but for the default one.
        lists: * String = ContactListIdList / ContactList | ContactList @V11_12,
        /// The address of the default one.
        default: ? String = DefaultContactList,
    }
}

record! {
    /// Makes a contact list.
    CreateListRequest {
        /// Its address.
        list: ! String = ContactList,
        /// Who is to be on it.
        contacts: ? Contacts = NickList,
        /// Its properties, `DisplayName` and `Default`.
        properties: * Property = ContactListProperties / Property,
    }
}

record! {
    /// The contact list that was made. CSP 1.3; the older versions answer with a status.
    CreateListResponse {
        /// Its address.
        list: ? String = ContactList,
        /// Its properties.
        properties: * Property = ContactListProperties / Property,
    }
}

record! {
    /// Removes a contact list.
    DeleteListRequest {
        /// Its address.
        list: ! String = ContactList,
    }
}

record! {
    /// Changes a contact list, or asks for it.
    ListManageRequest {
        /// Its address.
        list: ! String = ContactList,
        /// Who is to be put on it.
        add: ? Contacts = AddNickList,
        /// Who is to be taken off it.
        remove: * String = RemoveNickList / UserId,
        /// Its new properties.
        properties: * Property = ContactListProperties / Property,
        /// Whether the list is wanted in the answer.
        receive_list: ? bool = ReceiveList,
        /// Whether whoever is put on it may see one's presence and send messages. CSP 1.3.
        authorize_and_grant: ? bool = AuthorizeAndGrant,
    }
}

record! {
    /// The contact list after the change.
    ListManageResponse {
        /// What became of the change.
        outcome: ! Outcome = Result,
        /// Who is on it.
        contacts: ? Contacts = NickList,
        /// Its properties.
        properties: * Property = ContactListProperties / Property,
    }
}

/// Contacts in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contacts(pub Vec<Contact>);

impl Content for Contacts {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut contacts = Vec::new();
        while let Some(child) = from.child()? {
            match child {
                Element::NickName | Element::UserId => contacts.push(Contact::read(child, from)?),
                _ => from.skip()?,
            }
        }
        Ok(Self(contacts))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.open(element);
        for contact in &self.0 {
            contact.write(Element::NickName, to);
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let count = chance.several();
        Self(
            (0..count)
                .map(|_| Contact::any(Element::NickName, chance))
                .collect(),
        )
    }
}
