//! The guard before every document: what it lets through is bounded and well-formed.

mod keep;
mod ns;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::PrefixDeclaration;
use quick_xml::{NsReader, XmlVersion, errors::IllFormedError, errors::SyntaxError};

use crate::Error;
use crate::error::excerpt;
use crate::escape::is_xml_char;
pub use keep::Foreign;
pub(crate) use ns::{
    COMMON_POLICY, CONFERENCE_INFO, COPY_CONTROL, IM_RULES, IMDN, LIST_SERVICE, Ns,
    OMA_COMMON_POLICY, RESOURCE_LISTS, TERTULIA_GROUP, TERTULIA_LISTS,
};

/// How many elements may stand inside each other. The deepest part of the documents read here is
/// a conference-info sidebar with call information, at nine; lists of lists get the rest.
pub const MAX_DEPTH: usize = 16;

/// How many attributes one element may have. Ours have at most five, and finding a repeated one
/// costs the square of their number.
pub const MAX_ATTRIBUTES: usize = 32;

/// Reads a document element by element.
///
/// A caller holds the [`Element`] it is in and asks for its children or its text. What it does not
/// ask about is passed over, so unknown elements need no code.
pub(crate) struct Reader<'i> {
    xml: NsReader<&'i [u8]>,
    /// Elements open at this point.
    depth: usize,
    /// Bytes of the byte order mark, which the parser does not see.
    skipped: usize,
    /// The namespaces declared on the open elements, outermost first.
    declared: Vec<Declaration>,
    /// How many bytes more of elements may be kept.
    keepable: usize,
}

impl<'i> Reader<'i> {
    /// Opens a document and returns its root, which must be `<name>` of namespace `ns`.
    pub(crate) fn open(
        input: &'i [u8],
        max_bytes: usize,
        ns: Ns,
        name: &'static str,
    ) -> Result<(Self, Element), Error> {
        if input.len() > max_bytes {
            return Err(Error::TooLarge {
                size: input.len(),
                limit: max_bytes,
            });
        }
        let text = std::str::from_utf8(input).map_err(|e| Error::NotUtf8 {
            position: e.valid_up_to(),
        })?;
        if let Some((position, _)) = text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
            return Err(Error::malformed(
                "a character that XML does not allow",
                position,
            ));
        }
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut xml = NsReader::from_str(body);
        xml.config_mut().expand_empty_elements = true;
        // Looking up a prefix costs the number of declarations in force.
        xml.resolver_mut()
            .set_max_namespace_bindings(MAX_ATTRIBUTES);
        let mut reader = Self {
            xml,
            depth: 0,
            skipped: text.len() - body.len(),
            declared: Vec::new(),
            keepable: max_bytes,
        };
        let root = reader.root()?;
        if root.ns == ns && root.name == name {
            return Ok((reader, root));
        }
        Err(Error::NotThisDocument {
            expected: name,
            found: excerpt(&root.written),
        })
    }

    /// The next child of `parent`, or `None` at the parent's end. Text between children, and
    /// whatever of the previous child was not read, is passed over.
    pub(crate) fn child(&mut self, parent: &Element) -> Result<Option<Element>, Error> {
        loop {
            match self.next()? {
                Token::Start(element) if element.depth == parent.depth + 1 => {
                    return Ok(Some(element));
                }
                Token::End if self.depth < parent.depth => return Ok(None),
                Token::Eof => return Ok(None),
                Token::Start(_) | Token::Text(_) | Token::End => {}
            }
        }
    }

    /// The text of `element`, up to its end. Child elements and their text are passed over; white
    /// space at both ends is dropped.
    pub(crate) fn text(&mut self, element: &Element) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Token::Text(piece) if self.depth == element.depth => text.push_str(&piece),
                Token::End if self.depth < element.depth => break,
                Token::Eof => break,
                Token::Start(_) | Token::Text(_) | Token::End => {}
            }
        }
        Ok(text.trim().to_owned())
    }

    /// The text of `element`, which may hold nothing but text. Otherwise as [`Self::text`].
    pub(crate) fn only_text(&mut self, element: &Element) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Token::Text(piece) => text.push_str(&piece),
                Token::Start(inner) => return Err(self.misplaced(&inner, &element.name)),
                Token::End | Token::Eof => return Ok(text.trim().to_owned()),
            }
        }
    }

    /// Reads what follows the root: nothing but white space, comments and instructions may.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        loop {
            match self.next()? {
                Token::Eof => return Ok(()),
                Token::Start(_) if self.depth == 1 => {
                    return Err(self.malformed("a second root element"));
                }
                Token::Start(_) | Token::Text(_) | Token::End => {}
            }
        }
    }

    /// An error at this point of the document.
    pub(crate) fn malformed(&self, why: &str) -> Error {
        Error::malformed(why, self.position())
    }

    /// The document is well-formed up to here, and breaks its schema.
    pub(crate) fn invalid(&self, why: &str) -> Error {
        Error::invalid(why, self.position())
    }

    /// A text, named by `what`, is longer than it may be.
    pub(crate) fn too_long(&self, what: &str, limit: usize) -> Error {
        Error::TooLong {
            what: excerpt(what),
            limit,
            position: self.position(),
        }
    }

    /// There are more of `what` than there may be.
    pub(crate) fn too_many(&self, what: &'static str, limit: usize) -> Error {
        Error::TooManyOf {
            what,
            limit,
            position: self.position(),
        }
    }

    /// `element` stands in a parent that has no place for it.
    pub(crate) fn misplaced(&self, element: &Element, parent: &str) -> Error {
        self.invalid(&format!(
            "<{}> is not allowed in <{parent}>",
            element.written
        ))
    }

    fn root(&mut self) -> Result<Element, Error> {
        loop {
            match self.next()? {
                Token::Start(element) => return Ok(element),
                Token::Eof => return Err(self.malformed("no element at all")),
                Token::Text(_) | Token::End => {}
            }
        }
    }

    fn next(&mut self) -> Result<Token, Error> {
        loop {
            let event = self.xml.read_event().map_err(|e| self.failed(&e))?;
            match event {
                Event::Start(start) | Event::Empty(start) => return self.enter(&start),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    while self.declared.last().is_some_and(|d| d.depth > self.depth) {
                        self.declared.pop();
                    }
                    return Ok(Token::End);
                }
                Event::Text(text) => return self.text_token(text.xml10_content().into()),
                Event::CData(text) => return self.text_token(text.xml10_content().into()),
                Event::GeneralRef(name) => {
                    let c = self.reference(name.as_ref())?;
                    return self.text_token(c.into());
                }
                Event::DocType(_) => {
                    return Err(Error::Doctype {
                        position: self.position(),
                    });
                }
                Event::Eof if self.depth > 0 => {
                    return Err(self.malformed("the document ends inside an element"));
                }
                Event::Eof => return Ok(Token::Eof),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<Token, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::TooDeep {
                position: self.position(),
            });
        }
        self.depth += 1;
        let attributes = self.attributes(start)?;
        let (resolved, local) = self.xml.resolver().resolve_element(start.name());
        Ok(Token::Start(Element {
            depth: self.depth,
            ns: Ns::of(&resolved),
            name: local.into_inner().to_owned(),
            written: start.name().as_ref().to_owned(),
            attributes,
        }))
    }

    fn attributes(&mut self, start: &BytesStart<'_>) -> Result<Vec<Attribute>, Error> {
        let mut attributes = Vec::new();
        for (n, attribute) in start.attributes().enumerate() {
            if n >= MAX_ATTRIBUTES {
                return Err(Error::TooManyAttributes {
                    position: self.position(),
                });
            }
            let attribute = attribute.map_err(|e| self.malformed(&e.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|e| self.malformed(&e.to_string()))?;
            if !value.chars().all(is_xml_char) {
                return Err(self.malformed("a reference to a character that XML does not allow"));
            }
            if let Some(declared) = attribute.key.as_namespace_binding() {
                self.declared.push(Declaration {
                    depth: self.depth,
                    prefix: match declared {
                        PrefixDeclaration::Default => String::new(),
                        PrefixDeclaration::Named(prefix) => prefix.to_owned(),
                    },
                    ns: value.into_owned(),
                });
                continue;
            }
            let (resolved, local) = self.xml.resolver().resolve_attribute(attribute.key);
            let written = attribute.key.into_inner();
            attributes.push(Attribute {
                ns: Ns::of(&resolved),
                local_at: written.len().saturating_sub(local.into_inner().len()),
                written: written.to_owned(),
                value: value.into_owned(),
            });
        }
        Ok(attributes)
    }

    /// The character that `&name;` stands for.
    fn reference(&self, name: &str) -> Result<char, Error> {
        let named = match name {
            "amp" => Some('&'),
            "apos" => Some('\''),
            "gt" => Some('>'),
            "lt" => Some('<'),
            "quot" => Some('"'),
            _ => None,
        };
        let numbered = || {
            // The number parsers below would take a sign.
            let number = name.strip_prefix('#').filter(|n| !n.contains('+'))?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?).filter(|c| is_xml_char(*c))
        };
        named.or_else(numbered).ok_or_else(|| {
            // No document type, so no other entity can exist.
            self.malformed(&format!("the unknown reference \"&{name};\""))
        })
    }

    fn text_token(&self, text: String) -> Result<Token, Error> {
        if self.depth == 0 && !text.trim().is_empty() {
            return Err(self.malformed("text outside the root element"));
        }
        Ok(Token::Text(text))
    }

    fn failed(&self, error: &quick_xml::Error) -> Error {
        let at = usize::try_from(self.xml.error_position()).unwrap_or(usize::MAX);
        let position = at.saturating_add(self.skipped);
        match error {
            quick_xml::Error::Syntax(SyntaxError::UnclosedDoctype)
            | quick_xml::Error::IllFormed(IllFormedError::MissingDoctypeName) => {
                Error::Doctype { position }
            }
            other => Error::malformed(&other.to_string(), position),
        }
    }

    fn position(&self) -> usize {
        let at = usize::try_from(self.xml.buffer_position()).unwrap_or(usize::MAX);
        at.saturating_add(self.skipped)
    }
}

/// The start of an element.
#[derive(Debug)]
pub(crate) struct Element {
    depth: usize,
    /// The namespace of its name.
    pub(crate) ns: Ns,
    /// Its name without the prefix.
    pub(crate) name: String,
    written: String,
    attributes: Vec<Attribute>,
}

impl Element {
    /// The value of an attribute without a prefix.
    pub(crate) fn plain(&self, name: &str) -> Option<&str> {
        self.find(name, |ns| ns == Ns::None)
    }

    /// The value of the first attribute of this local name whose namespace `accepted` accepts.
    pub(crate) fn find(&self, name: &str, accepted: impl Fn(Ns) -> bool) -> Option<&str> {
        self.attributes
            .iter()
            .find(|a| a.name() == name && accepted(a.ns))
            .map(|a| a.value.as_str())
    }
}

#[derive(Debug)]
struct Attribute {
    ns: Ns,
    written: String,
    /// Where in `written` the name without the prefix begins.
    local_at: usize,
    value: String,
}

impl Attribute {
    fn name(&self) -> &str {
        self.written.get(self.local_at..).unwrap_or(&self.written)
    }
}

/// `xmlns:prefix="ns"`, or `xmlns="ns"` where the prefix is empty.
#[derive(Debug)]
struct Declaration {
    /// How deep the element stands that declares it.
    depth: usize,
    prefix: String,
    ns: String,
}

enum Token {
    Start(Element),
    Text(String),
    End,
    Eof,
}
