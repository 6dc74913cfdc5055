//! How a request ended: `Status`, and `DetailedResult` in it.

use super::Error;
use super::node::Node;
use super::structure::{Part, Word, parts, words, write_parts, write_words};
use super::writer::Writer;
use crate::csp;
use crate::status::Code;

/// `Status`: the same code, texts and details as an outcome of CSP. Messages of the system, and
/// details about search elements, messages and contact lists, are not written: SSP has none.
impl Part for csp::Outcome {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Ok(Self {
            code: code(node, element)?,
            description: parts(node, &["StatusDescription"])?.into_iter().next(),
            details: parts(node, &["DetailedResult"])?,
            try_again_s: parts(node, &["TryAgainTimeout"])?.into_iter().next(),
            ..Self::default()
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("code", &self.code.text());
        write_parts(self.description.as_slice(), &["StatusDescription"], to);
        write_parts(&self.details, &["DetailedResult"], to);
        write_parts(self.try_again_s.as_slice(), &["TryAgainTimeout"], to);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self {
            code: Word::any(chance),
            description: chance.maybe().then(|| Part::any(chance)),
            details: (0..chance.several()).map(|_| Part::any(chance)).collect(),
            try_again_s: chance.maybe().then(|| chance.number()),
            ..Self::default()
        }
    }
}

impl Part for csp::DetailedResult {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        Ok(Self {
            code: code(node, element)?,
            description: parts(node, &["StatusDescription"])?.into_iter().next(),
            users: words(node, &["UserID"], "userID")?,
            groups: words(node, &["GroupID"], "groupID")?,
            screen_names: parts(node, &["ScreenName"])?,
            domains: parts(node, &["Domain"])?,
            ..Self::default()
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("code", &self.code.text());
        write_parts(self.description.as_slice(), &["StatusDescription"], to);
        write_words(&self.users, &["UserID"], "userID", to);
        write_words(&self.groups, &["GroupID"], "groupID", to);
        write_parts(&self.screen_names, &["ScreenName"], to);
        write_parts(&self.domains, &["Domain"], to);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self {
            code: Word::any(chance),
            description: chance.maybe().then(|| Part::any(chance)),
            users: (0..chance.several()).map(|_| Word::any(chance)).collect(),
            groups: (0..chance.several()).map(|_| Word::any(chance)).collect(),
            screen_names: (0..chance.several()).map(|_| Part::any(chance)).collect(),
            domains: (0..chance.several()).map(|_| Part::any(chance)).collect(),
            ..Self::default()
        }
    }
}

fn code(node: &Node<'_>, element: &'static str) -> Result<Code, Error> {
    let child = "code";
    let word = node
        .attribute(child)
        .ok_or(Error::Missing { element, child })?;
    Code::parse(word).ok_or(Error::BadValue {
        element: child,
        expected: Code::EXPECTED,
    })
}
