//! XML as events.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event as Xml};

use crate::error::{Flaw, FlawKind};
use crate::reader::{Event, Root, Value};
use crate::table::Element;
use crate::version::Version;

/// The most attributes that are looked at in a root.
const MAX_ATTRIBUTES: usize = 32;

/// An XML document that is being read. UTF-8 only, with or without a byte order mark, whatever
/// encoding it declares; names count without the prefix of their namespace.
pub(crate) struct Source<'i> {
    xml: Reader<&'i [u8]>,
    /// Bytes of the byte order mark, which the parser does not see.
    skipped: usize,
    /// The root has been read to its end.
    ended: bool,
    depth: usize,
}

impl<'i> Source<'i> {
    /// Reads what stands before the root, and the root's tag.
    pub(crate) fn open(input: &'i [u8]) -> Result<(Self, Root), Flaw> {
        let text = std::str::from_utf8(input)
            .map_err(|error| FlawKind::NotUtf8.at(error.valid_up_to()))?;
        let forbidden = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
        if let Some(at) = input.iter().position(forbidden) {
            return Err(FlawKind::Syntax("a character that XML does not allow").at(at));
        }
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut xml = Reader::from_str(body);
        xml.config_mut().expand_empty_elements = true;
        let mut source = Self {
            xml,
            skipped: text.len() - body.len(),
            ended: false,
            depth: 0,
        };
        let root = source.root()?;
        Ok((source, root))
    }

    pub(crate) fn position(&self) -> usize {
        let position = usize::try_from(self.xml.buffer_position()).unwrap_or(usize::MAX);
        position.saturating_add(self.skipped)
    }

    pub(crate) fn next(&mut self) -> Result<Event<'i>, Flaw> {
        loop {
            match self.event()? {
                Xml::Start(start) | Xml::Empty(start) => {
                    self.depth += 1;
                    return Ok(Event::Open(element(&start)));
                }
                Xml::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    self.ended = self.depth == 0;
                    return Ok(Event::Close);
                }
                Xml::Text(text) => return Ok(Event::Text(Value::Text(text.xml10_content()))),
                Xml::CData(text) => return Ok(Event::Text(Value::Text(text.xml10_content()))),
                Xml::GeneralRef(name) => {
                    let c = self.reference(&name)?;
                    return Ok(Event::Text(Value::Text(Cow::Owned(c.to_string()))));
                }
                Xml::DocType(_) => return Err(self.syntax("a document type inside the document")),
                Xml::Eof => return Err(self.flaw(FlawKind::Truncated)),
                Xml::Comment(_) | Xml::Decl(_) | Xml::PI(_) => {}
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Flaw> {
        loop {
            match self.event()? {
                Xml::Eof => return Ok(()),
                Xml::Comment(_) | Xml::PI(_) => {}
                Xml::Text(text) if is_blank(&text) => {}
                _ => return Err(self.syntax("something follows the root element")),
            }
        }
    }

    fn root(&mut self) -> Result<Root, Flaw> {
        loop {
            match self.event()? {
                Xml::Start(start) | Xml::Empty(start) => {
                    self.depth = 1;
                    let version = namespace(&start)
                        .and_then(|namespace| Version::of_session_namespace(&namespace));
                    let element = element(&start);
                    return Ok(Root { element, version });
                }
                // A document type is a name and where to find it; only what it could define in
                // place is dangerous. No identifier in use has a bracket.
                Xml::DocType(text) if text.contains('[') => {
                    return Err(self.flaw(FlawKind::InternalSubset));
                }
                Xml::Text(text) if !is_blank(&text) => {
                    return Err(self.syntax("text before the root element"));
                }
                Xml::Eof => return Err(self.syntax("no element at all")),
                Xml::CData(_) | Xml::GeneralRef(_) | Xml::End(_) => {
                    return Err(self.syntax("text before the root element"));
                }
                Xml::Comment(_) | Xml::Decl(_) | Xml::DocType(_) | Xml::PI(_) | Xml::Text(_) => {}
            }
        }
    }

    fn event(&mut self) -> Result<Xml<'i>, Flaw> {
        self.xml.read_event().map_err(|error| {
            let kind = match error {
                quick_xml::Error::Syntax(
                    SyntaxError::UnclosedTag
                    | SyntaxError::UnclosedComment
                    | SyntaxError::UnclosedCData
                    | SyntaxError::UnclosedDoctype,
                )
                | quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
                    FlawKind::Truncated
                }
                quick_xml::Error::IllFormed(_) => FlawKind::Syntax("tags that do not match"),
                _ => FlawKind::Syntax("markup that XML does not have"),
            };
            self.flaw(kind)
        })
    }

    /// A character reference, or one of the five entities that XML predefines.
    fn reference(&self, name: &quick_xml::events::BytesRef<'_>) -> Result<char, Flaw> {
        let c = match name as &str {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => name.resolve_char_ref().ok().flatten(),
        };
        c.filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
            .ok_or_else(|| self.syntax("an entity that is not predefined"))
    }

    fn syntax(&self, what: &'static str) -> Flaw {
        self.flaw(FlawKind::Syntax(what))
    }

    fn flaw(&self, kind: FlawKind) -> Flaw {
        kind.at(self.position())
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    Element::by_name(start.local_name().as_ref())
}

fn is_blank(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\n', '\r']).is_empty()
}

/// The namespace that a root is in: that of its prefix, if it has one.
fn namespace(start: &BytesStart<'_>) -> Option<String> {
    let name = start.name();
    let prefix = name.prefix();
    let is_ours = |key: &str| match &prefix {
        None => key == "xmlns",
        Some(prefix) => key.strip_prefix("xmlns:") == Some(prefix.as_ref()),
    };
    let mut attributes = start.attributes();
    let attribute = attributes
        .with_checks(false)
        .take(MAX_ATTRIBUTES)
        .flatten()
        .find(|attribute| is_ours(attribute.key.as_ref()))?;
    Some(attribute.value.into_owned())
}
