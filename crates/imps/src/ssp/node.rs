//! A document as a tree, within limits.
//!
//! CSP is read event by event and has no attributes; SSP writes most of its values as attributes
//! and is read rarely, server to server. So a document becomes a tree first, whose size is bounded
//! by [`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_ELEMENTS`] and [`MAX_ATTRIBUTES`].

use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Error;
use crate::reader::{MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS};

/// The most attributes that one element may have. The richest of SSP's has six.
pub const MAX_ATTRIBUTES: usize = 32;

/// An element. Names are without the prefix of their namespace.
#[derive(Debug, Default)]
pub(crate) struct Node<'i> {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
    text: String,
    /// The element as it stands in the document, tags included.
    raw: &'i str,
}

impl<'i> Node<'i> {
    /// Reads a document to its end.
    pub(crate) fn parse(input: &'i [u8]) -> Result<Self, Error> {
        if input.len() > MAX_BYTES {
            return Err(Error::TooLarge {
                what: "bytes",
                limit: MAX_BYTES,
            });
        }
        let text = str::from_utf8(input).map_err(|_| Error::NotUtf8)?;
        if text.chars().any(|c| !is_allowed(c)) {
            return Err(Error::Syntax("a character that XML does not allow"));
        }
        Builder::new(text.strip_prefix('\u{feff}').unwrap_or(text)).build()
    }

    /// It has this name. Letter case is forgiven.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The elements in it.
    pub(crate) fn children(&self) -> &[Self] {
        &self.children
    }

    /// The elements of a name in it.
    pub(crate) fn named<'n>(&'n self, name: &'static str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    /// The text in it, without the white space around.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The element as it stands in the document.
    pub(crate) fn raw(&self) -> &'i str {
        self.raw
    }

    /// An attribute, without the white space around. What some might write as an element of the
    /// same name with text in it is taken as well.
    pub(crate) fn attribute(&self, name: &'static str) -> Option<&str> {
        let attribute = self
            .attributes
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        match attribute {
            Some((_, value)) => Some(value.trim()),
            None => self
                .named(name)
                .map(Self::text)
                .find(|text| !text.is_empty()),
        }
    }
}

/// The document so far.
struct Builder<'i> {
    xml: Reader<&'i [u8]>,
    input: &'i str,
    /// The elements that are open, each with the place where it begins.
    open: Vec<(Node<'i>, usize)>,
    elements: usize,
}

impl<'i> Builder<'i> {
    fn new(input: &'i str) -> Self {
        let mut xml = Reader::from_str(input);
        xml.config_mut().expand_empty_elements = true;
        Self {
            xml,
            input,
            open: Vec::new(),
            elements: 0,
        }
    }

    fn build(mut self) -> Result<Node<'i>, Error> {
        loop {
            let before = self.position();
            match self.event()? {
                Event::Start(start) | Event::Empty(start) => self.start(&start, before)?,
                Event::End(_) => {
                    if let Some(root) = self.end() {
                        self.finish()?;
                        return Ok(root);
                    }
                }
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(text) => self.text(&text.xml10_content())?,
                Event::GeneralRef(name) => {
                    let c = reference(&name)?;
                    self.text(c.encode_utf8(&mut [0; 4]))?;
                }
                // A document type is a name and where to find it; only what it could define in
                // place is dangerous. No identifier in use has a bracket.
                Event::DocType(text) if text.contains('[') => return Err(Error::InternalSubset),
                Event::DocType(_) if !self.open.is_empty() => {
                    return Err(Error::Syntax("a document type inside the document"));
                }
                Event::Eof if self.open.is_empty() => {
                    return Err(Error::Syntax("no element at all"));
                }
                Event::Eof => return Err(Error::Truncated),
                Event::Comment(_) | Event::Decl(_) | Event::DocType(_) | Event::PI(_) => {}
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, begins: usize) -> Result<(), Error> {
        self.elements = self.elements.saturating_add(1);
        within(self.elements, MAX_ELEMENTS, "elements")?;
        let node = Node {
            name: start.local_name().as_ref().to_owned(),
            attributes: attributes(start)?,
            ..Node::default()
        };
        self.open.push((node, begins));
        within(self.open.len(), MAX_DEPTH, "elements inside each other")
    }

    /// Closes the innermost element. The root is handed out.
    fn end(&mut self) -> Option<Node<'i>> {
        let (mut node, begins) = self.open.pop()?;
        node.raw = self.input.get(begins..self.position()).unwrap_or("");
        match self.open.last_mut() {
            Some((parent, _)) => {
                parent.children.push(node);
                None
            }
            None => Some(node),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        match self.open.last_mut() {
            Some((node, _)) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Error::Syntax("text before the root element")),
        }
        Ok(())
    }

    /// Reads what follows the root, which must be nothing.
    fn finish(&mut self) -> Result<(), Error> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.trim().is_empty() => {}
                _ => return Err(Error::Syntax("something follows the root element")),
            }
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.xml.buffer_position()).unwrap_or(usize::MAX)
    }

    fn event(&mut self) -> Result<Event<'i>, Error> {
        self.xml.read_event().map_err(|error| match error {
            quick_xml::Error::Syntax(
                SyntaxError::UnclosedTag
                | SyntaxError::UnclosedComment
                | SyntaxError::UnclosedCData
                | SyntaxError::UnclosedDoctype,
            )
            | quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => Error::Truncated,
            quick_xml::Error::IllFormed(_) => Error::Syntax("tags that do not match"),
            _ => Error::Syntax("markup that XML does not have"),
        })
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, Error> {
    let bad = Error::Syntax("an attribute that is not of the form name=\"value\"");
    let mut found = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| bad)?;
        within(found.len().saturating_add(1), MAX_ATTRIBUTES, "attributes")?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| Error::Syntax("an entity that is not predefined"))?;
        if value.chars().any(|c| !is_allowed(c)) {
            return Err(Error::Syntax("a character that XML does not allow"));
        }
        // Of a name in a namespace only the local part counts; a declaration keeps its prefix.
        let key = attribute.key;
        let name = match key.as_namespace_binding() {
            Some(_) => key.as_ref().to_owned(),
            None => key.local_name().as_ref().to_owned(),
        };
        found.push((name, value.into_owned()));
    }
    Ok(found)
}

/// A character reference, or one of the five entities that XML predefines.
fn reference(name: &BytesRef<'_>) -> Result<char, Error> {
    let c = match name as &str {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => name.resolve_char_ref().ok().flatten(),
    };
    c.filter(|c| is_allowed(*c))
        .ok_or(Error::Syntax("an entity that is not predefined"))
}

fn is_allowed(c: char) -> bool {
    c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r')
}

fn within(count: usize, limit: usize, what: &'static str) -> Result<(), Error> {
    if count > limit {
        return Err(Error::TooLarge { what, limit });
    }
    Ok(())
}
