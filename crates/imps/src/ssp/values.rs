//! How the values of attributes and elements are written and read, those of CSP among them.

use std::borrow::Cow;

use super::Error;
use super::node::Node;
use super::structure::{Part, Word, parts, words, write_parts, write_words};
use super::writer::Writer;
use crate::content::Content as _;
use crate::csp;
use crate::date::DateTime;
use crate::reader::Reader;
use crate::status::Code;
use crate::table::Element;
use crate::version::Version;

impl Word for String {
    const EXPECTED: &'static str = "text";

    fn parse(word: &str) -> Option<Self> {
        Some(word.to_owned())
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        format!("wv:{}", chance.text(Element::UserId))
    }
}

/// `Yes` or `No`. The words that others write instead are taken as well.
impl Word for bool {
    const EXPECTED: &'static str = "Yes or No";

    fn parse(word: &str) -> Option<Self> {
        let is = |names: [&str; 5]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
        if is(["Yes", "Y", "T", "true", "1"]) {
            Some(true)
        } else if is(["No", "N", "F", "false", "0"]) {
            Some(false)
        } else {
            None
        }
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(if *self { "Yes" } else { "No" })
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        chance.coin()
    }
}

impl Word for u32 {
    const EXPECTED: &'static str = "a number below 2^32";

    fn parse(word: &str) -> Option<Self> {
        word.parse().ok()
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        chance.number()
    }
}

impl Word for Code {
    const EXPECTED: &'static str = "a number below 2^16";

    fn parse(word: &str) -> Option<Self> {
        word.parse().ok().map(Self::new)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.number().to_string())
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self::new((chance.number() & 0xFFFF) as u16)
    }
}

impl Word for csp::InviteType {
    const EXPECTED: &'static str = "a word";

    fn parse(word: &str) -> Option<Self> {
        Some(Self::parse(word))
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_str())
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self::parse(["IM", "GR", "EC", "XY"][chance.below(4) as usize])
    }
}

/// An element with text in it.
impl Part for String {
    fn read(node: &Node<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(node.text().to_owned())
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.text(self);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        chance.text(Element::UserId)
    }
}

/// An element with a number in it.
impl Part for u32 {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Word::parse(node.text()).ok_or(Error::BadValue {
            element,
            expected: Self::EXPECTED,
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        Part::write(&self.to_string(), element, to);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        chance.number()
    }
}

impl Part for DateTime {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Self::parse(node.text()).ok_or(Error::BadValue {
            element,
            expected: "a date and a time",
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        if element == "DateTime" {
            to.attribute("format", "iso8601");
        }
        to.text(&self.to_string());
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        chance.date()
    }
}

/// `ClientID` has the address of the client as an attribute; the text in it is taken for the other
/// thing that a client can be known by. An application stands beside it; one implementation puts
/// it inside.
impl Part for csp::User {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        let id = filled(node.attribute("userID")).or_else(|| filled(Some(node.text())));
        let mut user = Self::new(id.ok_or(Error::Missing {
            element,
            child: "userID",
        })?);
        user.friendly_name = node.attribute("friendlyName").map(str::to_owned);
        let mut applications = words(node, &["ApplicationID"], "applicationID")?;
        applications.extend(words(
            node,
            &["ClientID", "ApplicationID"],
            "applicationID",
        )?);
        user.application = applications.into_iter().next();
        let client = node.named("ClientID").next().map(|client| csp::ClientId {
            url: filled(client.attribute("url")),
            msisdn: filled(Some(client.text())),
        });
        user.client = client.filter(|client| *client != csp::ClientId::default());
        Ok(user)
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("userID", &self.id);
        if let Some(name) = &self.friendly_name {
            to.attribute("friendlyName", name);
        }
        if let Some(client) = &self.client {
            to.open("ClientID");
            if let Some(url) = &client.url {
                to.attribute("url", url);
            }
            to.text(client.msisdn.as_deref().unwrap_or(""));
            to.close("ClientID");
        } else {
            write_words(
                self.application.as_slice(),
                &["ApplicationID"],
                "applicationID",
                to,
            );
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        let mut user = Self::new(<String as Word>::any(chance));
        user.friendly_name = chance.maybe().then(|| Word::any(chance));
        match chance.below(3) {
            0 => user.application = Some(Word::any(chance)),
            1 => {
                user.client = Some(csp::ClientId {
                    url: Some(Word::any(chance)),
                    msisdn: chance.coin().then(|| "+123".to_owned()),
                });
            }
            _ => {}
        }
        user
    }
}

/// A text, if there is one and it is not empty.
fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Part for csp::ScreenName {
    fn read(node: &Node<'_>, _: &'static str) -> Result<Self, Error> {
        // The group is clear from what is around it, where it is missing.
        Ok(Self {
            name: node.text().to_owned(),
            group: node.attribute("groupID").unwrap_or("").to_owned(),
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("groupID", &self.group);
        to.text(&self.name);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self {
            name: Part::any(chance),
            group: Word::any(chance),
        }
    }
}

impl Part for csp::Property {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Ok(Self {
            name: node
                .attribute("Name")
                .ok_or(Error::Missing {
                    element,
                    child: "Name",
                })?
                .to_owned(),
            value: parts(node, &["Value"])?.into_iter().next(),
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        Part::write(&self.name, "Name", to);
        write_parts(self.value.as_slice(), &["Value"], to);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self {
            name: Word::any(chance),
            value: chance.maybe().then(|| Part::any(chance)),
        }
    }
}

/// Presence attributes stand in SSP as they do in CSP, in an element of their own namespace.
impl Part for Box<csp::PresenceSubList> {
    fn read(node: &Node<'_>, _: &'static str) -> Result<Self, Error> {
        let read = |xml: &str| {
            let (mut from, _) = Reader::xml(xml.as_bytes())?;
            csp::PresenceSubList::read(Element::PresenceSubList, &mut from)
        };
        let list = read(node.raw()).map_err(|flaw| Error::Presence(flaw.kind))?;
        Ok(Self::new(list))
    }

    fn write(&self, _: &'static str, to: &mut Writer) {
        let mut xml = crate::writer::Writer::xml(Version::V1_3);
        csp::PresenceSubList::write(self, Element::PresenceSubList, &mut xml);
        let document = xml.finish();
        let document = str::from_utf8(&document).unwrap_or("");
        // Without the declaration, which stands before a whole document only.
        to.raw(document.split_once("?>\n").map_or("", |(_, list)| list));
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self::new(csp::PresenceSubList::any(Element::PresenceSubList, chance))
    }
}
