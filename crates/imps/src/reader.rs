//! Reading element by element, whatever the encoding.
//!
//! Both encodings give the same events, so what is behind this knows neither. Everything that a
//! document could do without bound is counted here: depth, elements, text.

use std::borrow::Cow;

use crate::error::{Flaw, FlawKind};
use crate::table::Element;
use crate::version::Version;
use crate::{wbxml, xml};

/// The largest document that is read, in bytes. A server offers less in `ParserSize`.
pub const MAX_BYTES: usize = 1 << 20;

/// How many elements may stand inside each other. The deepest of CSP's is at twelve.
pub const MAX_DEPTH: usize = 24;

/// How many elements a document may have: a contact list of five thousand. It bounds the memory
/// that a document can ask for, because one octet of WBXML can be an element, and an element a
/// value of up to 1 kB: to 16 MB or little more, for as long as the document is looked at.
pub const MAX_ELEMENTS: usize = 16_384;

/// How much text a document may have, in bytes. Needed for WBXML only, which can name a long string
/// again and again.
pub const MAX_TEXT: usize = 2 * MAX_BYTES;

/// What comes next in a document.
#[derive(Debug)]
pub(crate) enum Event<'i> {
    /// An element begins.
    Open(Element),
    /// A run of what an element holds.
    Text(Value<'i>),
    /// The innermost open element ends.
    Close,
}

/// What an element holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value<'i> {
    /// Text.
    Text(Cow<'i, str>),
    /// Octets whose meaning depends on the element. WBXML only.
    Opaque(&'i [u8]),
}

/// How a document begins.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) element: Element,
    /// The version of its namespace, or that of a WBXML document type if there is no namespace.
    /// `None`: there is neither, or it is not spoken here.
    pub(crate) version: Option<Version>,
}

/// A document that is being read. A caller holds the element it is in, and asks for its children or
/// for its text, and not again after the end of it.
pub(crate) struct Reader<'i> {
    source: Source<'i>,
    version: Version,
    depth: usize,
    elements: usize,
    text: usize,
}

enum Source<'i> {
    Wbxml(wbxml::Source<'i>),
    Xml(Box<xml::Source<'i>>),
}

impl<'i> Reader<'i> {
    pub(crate) fn xml(input: &'i [u8]) -> Result<(Self, Root), Flaw> {
        check_size(input)?;
        let (source, root) = xml::Source::open(input)?;
        let source = Source::Xml(Box::new(source));
        Ok((Self::new(source, root.version), root))
    }

    pub(crate) fn wbxml(input: &'i [u8]) -> Result<(Self, Root), Flaw> {
        check_size(input)?;
        let (source, root) = wbxml::Source::open(input)?;
        Ok((Self::new(Source::Wbxml(source), root.version), root))
    }

    fn new(source: Source<'i>, version: Option<Version>) -> Self {
        Self {
            source,
            version: version.unwrap_or_default(),
            depth: 1,
            elements: 1,
            text: 0,
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// How many elements are open here.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The next child of the innermost open element, or `None` at its end. Text is passed over.
    pub(crate) fn child(&mut self) -> Result<Option<Element>, Flaw> {
        loop {
            match self.next()? {
                Event::Open(element) => return Ok(Some(element)),
                Event::Close => return Ok(None),
                Event::Text(_) => {}
            }
        }
    }

    /// What the innermost open element holds, up to its end. Runs are put together, and elements
    /// among them passed over.
    pub(crate) fn value(&mut self) -> Result<Value<'i>, Flaw> {
        let mut whole = None;
        loop {
            match self.next()? {
                Event::Open(_) => self.skip()?,
                Event::Close => return Ok(whole.unwrap_or(Value::Text(Cow::Borrowed("")))),
                Event::Text(run) => {
                    whole = Some(match whole {
                        None => run,
                        Some(before) => self.joined(before, run)?,
                    });
                }
            }
        }
    }

    /// The next child of the innermost open element, or at its end the text that stood there: for
    /// an element that holds either.
    pub(crate) fn child_or_text(&mut self) -> Result<Result<Element, String>, Flaw> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Event::Open(element) => return Ok(Ok(element)),
                Event::Close => return Ok(Err(text.trim().to_owned())),
                Event::Text(Value::Text(run)) => text.push_str(&run),
                Event::Text(Value::Opaque(_)) => {}
            }
        }
    }

    /// Passes over the innermost open element.
    pub(crate) fn skip(&mut self) -> Result<(), Flaw> {
        self.leave_to(self.depth.saturating_sub(1))
    }

    /// Passes over what is left of elements, until `depth` of them are open.
    pub(crate) fn leave_to(&mut self, depth: usize) -> Result<(), Flaw> {
        while self.depth > depth {
            self.next()?;
        }
        Ok(())
    }

    /// Reads what follows the root, which must be nothing.
    pub(crate) fn finish(&mut self) -> Result<(), Flaw> {
        match &mut self.source {
            Source::Wbxml(source) => source.finish(),
            Source::Xml(source) => source.finish(),
        }
    }

    /// A flaw at this point of the document.
    pub(crate) fn flaw(&self, kind: FlawKind) -> Flaw {
        kind.at(match &self.source {
            Source::Wbxml(source) => source.position(),
            Source::Xml(source) => source.position(),
        })
    }

    /// `element` does not hold what it should.
    pub(crate) fn bad_value(&self, element: Element, expected: &'static str) -> Flaw {
        let element = element.name();
        self.flaw(FlawKind::BadValue { element, expected })
    }

    pub(crate) fn next(&mut self) -> Result<Event<'i>, Flaw> {
        let event = match &mut self.source {
            Source::Wbxml(source) => source.next()?,
            Source::Xml(source) => source.next()?,
        };
        match &event {
            Event::Open(_) => {
                self.depth += 1;
                self.elements += 1;
                self.within(self.depth, MAX_DEPTH, "elements inside each other")?;
                self.within(self.elements, MAX_ELEMENTS, "elements")?;
            }
            Event::Close => self.depth = self.depth.saturating_sub(1),
            Event::Text(Value::Text(text)) => {
                self.text = self.text.saturating_add(text.len());
                self.within(self.text, MAX_TEXT, "bytes of text")?;
            }
            Event::Text(Value::Opaque(_)) => {}
        }
        Ok(event)
    }

    fn within(&self, count: usize, limit: usize, what: &'static str) -> Result<(), Flaw> {
        if count > limit {
            return Err(self.flaw(FlawKind::TooLarge { what, limit }));
        }
        Ok(())
    }

    fn joined(&self, before: Value<'i>, run: Value<'i>) -> Result<Value<'i>, Flaw> {
        let not_text = |_| self.flaw(FlawKind::NotUtf8);
        let text = |value| match value {
            Value::Text(text) => Ok(text),
            Value::Opaque(octets) => std::str::from_utf8(octets).map(Cow::Borrowed),
        };
        let mut whole = text(before).map_err(not_text)?.into_owned();
        whole.push_str(&text(run).map_err(not_text)?);
        Ok(Value::Text(Cow::Owned(whole)))
    }
}

fn check_size(input: &[u8]) -> Result<(), Flaw> {
    if input.len() > MAX_BYTES {
        let kind = FlawKind::TooLarge {
            what: "bytes",
            limit: MAX_BYTES,
        };
        return Err(kind.at(MAX_BYTES));
    }
    Ok(())
}
