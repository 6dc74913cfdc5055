//! Who is in a group.
//!
//! Every version writes it in its own way: 1.1 as screen names, 1.2 and 1.3 as mappings from screen
//! names to users when people come, and as screen names again when they go.

use super::ScreenName;
use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::record::record;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

/// Somebody in a group.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Participant {
    /// The name in the group.
    pub screen_name: String,
    /// The address of the user, if the group may know it. CSP 1.1 never tells it, nor does any
    /// version when somebody leaves, unless there is no screen name.
    pub user: Option<String>,
}

impl Participant {
    /// Somebody whose address the group may know.
    pub fn new(screen_name: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            screen_name: screen_name.into(),
            user: Some(user.into()),
        }
    }
}

/// People in one group, in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Participants {
    /// The group. Only the form with screen names tells it, so whoever reads a notice knows it from
    /// elsewhere; whoever writes one says it.
    pub group: String,
    /// The people.
    pub people: Vec<Participant>,
}

impl Participants {
    /// People in one group.
    pub fn new(group: impl Into<String>, people: Vec<Participant>) -> Self {
        Self {
            group: group.into(),
            people,
        }
    }

    /// Reads whatever form there is: containers are entered, and people taken.
    fn take(&mut self, from: &mut Reader<'_>) -> Result<(), Flaw> {
        let outside = from.depth();
        while from.depth() >= outside {
            match from.child()? {
                Some(Element::Mapping) => {
                    let mapping = Mapping::read(Element::Mapping, from)?;
                    self.people.push(mapping.into());
                }
                Some(Element::ScreenName) => {
                    let ScreenName { name, group } = ScreenName::read(Element::ScreenName, from)?;
                    if self.group.is_empty() {
                        self.group = group;
                    }
                    self.people.push(Participant {
                        screen_name: name,
                        user: None,
                    });
                }
                Some(Element::UserId) => self.people.push(Participant {
                    screen_name: String::new(),
                    user: Some(String::read(Element::UserId, from)?),
                }),
                Some(Element::ClientId) => from.skip()?,
                Some(
                    Element::User
                    | Element::UserList
                    | Element::UserMapList
                    | Element::UserMapping
                    | Element::Users,
                )
                | None => {}
                Some(_) => from.skip()?,
            }
        }
        Ok(())
    }

    fn write_mappings(&self, to: &mut Writer) {
        to.open(Element::UserMapping);
        for person in &self.people {
            to.open(Element::Mapping);
            to.text(Element::SName, &person.screen_name);
            if let Some(user) = &person.user {
                to.text(Element::UserId, user);
            }
            to.close(Element::Mapping);
        }
        to.close(Element::UserMapping);
    }

    fn write_names(&self, to: &mut Writer) {
        let (unnamed, named): (Vec<_>, Vec<_>) = self
            .people
            .iter()
            .partition(|person| person.screen_name.is_empty() && person.user.is_some());
        for user in unnamed.iter().filter_map(|person| person.user.as_ref()) {
            to.open(Element::User);
            to.text(Element::UserId, user);
            to.close(Element::User);
        }
        for person in named {
            to.open(Element::ScreenName);
            to.text(Element::SName, &person.screen_name);
            to.text(Element::GroupId, &self.group);
            to.close(Element::ScreenName);
        }
    }
}

impl Content for Participants {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut participants = Self::default();
        participants.take(from)?;
        Ok(participants)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.open(element);
        match (element, to.version()) {
            (Element::Joined | Element::Left, Version::V1_1) => self.write_names(to),
            (Element::Joined, _) => {
                to.open(Element::UserMapList);
                self.write_mappings(to);
                to.close(Element::UserMapList);
            }
            (Element::UserMapList, _) => self.write_mappings(to),
            (Element::UserList, _) => self.write_names(to),
            _ => {
                to.open(Element::UserList);
                self.write_names(to);
                to.close(Element::UserList);
            }
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        let mapped = matches!(element, Element::Joined | Element::UserMapList)
            && chance.version > Version::V1_1;
        let mut people: Vec<Participant> = (0..chance.several())
            .map(|_| Participant {
                screen_name: chance.text(Element::SName),
                user: (mapped && chance.coin()).then(|| chance.text(Element::UserId)),
            })
            .collect();
        let group = if mapped || people.is_empty() {
            String::new()
        } else {
            people
                .iter_mut()
                .for_each(|person| person.screen_name.push('x'));
            format!("wv:{}", chance.text(Element::GroupId))
        };
        Self { group, people }
    }
}

record! {
    /// What somebody is called in a group.
    Mapping {
        /// The name in the group.
        screen_name: ! String = SName,
        /// The address of the user, if the group may know it.
        user: ? String = UserId,
    }
}

impl From<Mapping> for Participant {
    fn from(mapping: Mapping) -> Self {
        Self {
            screen_name: mapping.screen_name,
            user: mapping.user,
        }
    }
}

record! {
    /// Who is in a group, by rank, as administrators are told.
    AdminMapList {
        /// Administrators.
        admins: * Mapping = AdminMapping / Mapping,
        /// Moderators.
        mods: * Mapping = ModMapping / Mapping,
        /// Everybody else.
        users: * Mapping = UserMapping / Mapping,
    }
}
