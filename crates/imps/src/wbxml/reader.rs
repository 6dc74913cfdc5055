//! WBXML as events.

use std::borrow::Cow;

use super::{
    ATTRIBUTES, CONTENT, END, ENTITY, EXT_T_0, LITERAL, OPAQUE, STR_I, STR_T, SWITCH_PAGE,
};
use crate::error::{Flaw, FlawKind};
use crate::reader::{Event, Root, Value};
use crate::table::{Element, value_of};
use crate::version::Version;

/// The other global tokens that could stand for text. CSP uses none of them.
const EXTENSIONS: [u8; 8] = [0x40, 0x41, 0x42, 0x81, 0x82, 0xC0, 0xC1, 0xC2];

/// A processing instruction. CSP has none.
const PI: u8 = 0x43;

/// The character sets that can be read, by their numbers: unknown, US-ASCII and UTF-8.
const CHARSETS: [u32; 3] = [0, 3, 0x6A];

/// A WBXML document that is being read.
pub(crate) struct Source<'i> {
    input: &'i [u8],
    at: usize,
    strings: &'i [u8],
    page: u8,
    version: Version,
    /// The element just opened has no content: its end comes next.
    empty: bool,
}

impl<'i> Source<'i> {
    /// Reads the header and the root's tag.
    pub(crate) fn open(input: &'i [u8]) -> Result<(Self, Root), Flaw> {
        let mut source = Self {
            input,
            at: 0,
            strings: &[],
            page: 0,
            version: Version::default(),
            empty: false,
        };
        let declared = source.header()?;
        // The root's own token is the same in all versions.
        source.version = declared.unwrap_or_default();
        let tag = loop {
            match source.byte()? {
                SWITCH_PAGE => source.page = source.byte()?,
                END | ENTITY | STR_I | EXT_T_0 | STR_T | OPAQUE | PI => {
                    return Err(source.syntax("no element at all"));
                }
                tag => break tag,
            }
        };
        let (element, namespace) = source.tag(tag)?;
        // The version follows the namespace. A document without one is taken for what its header
        // says: one common encoder leaves the namespace out.
        let version = match namespace {
            Some(namespace) => Version::of_session_namespace(namespace.as_str()),
            None => declared,
        };
        source.version = version.unwrap_or_default();
        Ok((source, Root { element, version }))
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn next(&mut self) -> Result<Event<'i>, Flaw> {
        if self.empty {
            self.empty = false;
            return Ok(Event::Close);
        }
        loop {
            match self.byte()? {
                SWITCH_PAGE => self.page = self.byte()?,
                END => return Ok(Event::Close),
                OPAQUE => {
                    let length = self.number()? as usize;
                    return Ok(Event::Text(Value::Opaque(self.take(length)?)));
                }
                token @ (STR_I | STR_T | EXT_T_0 | ENTITY) => {
                    return Ok(Event::Text(Value::Text(self.text(token)?)));
                }
                PI => return Err(self.syntax("a processing instruction")),
                token if EXTENSIONS.contains(&token) => {
                    return Err(self.syntax("an extension token that CSP does not have"));
                }
                tag => return Ok(Event::Open(self.tag(tag)?.0)),
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Flaw> {
        if self.at < self.input.len() {
            return Err(self.syntax("something follows the root element"));
        }
        Ok(())
    }

    /// Reads the version, the document type, the character set and the string table.
    fn header(&mut self) -> Result<Option<Version>, Flaw> {
        if self.byte()? > 0x03 {
            return Err(self.syntax("a version of WBXML after 1.3"));
        }
        let public_id = self.number()?;
        let name_at = if public_id == 0 {
            Some(self.number()?)
        } else {
            None
        };
        if !CHARSETS.contains(&self.number()?) {
            return Err(FlawKind::NotUtf8.at(self.at));
        }
        let length = self.number()? as usize;
        self.strings = self.take(length)?;
        let Some(name_at) = name_at else {
            return Ok(Version::of_public_id(public_id));
        };
        Ok(Version::of_document_type(self.string(name_at)?))
    }

    /// Reads the rest of a tag: its name if it is a literal one, and its attributes. The second
    /// value is that of `xmlns`.
    fn tag(&mut self, tag: u8) -> Result<(Element, Option<Namespace>), Flaw> {
        let token = tag & !(ATTRIBUTES | CONTENT);
        let element = if token == LITERAL {
            let name = self.number()?;
            Element::by_name(local(self.string(name)?))
        } else {
            Element::by_token(self.page, token, self.version)
        };
        let namespace = if tag & ATTRIBUTES == 0 {
            None
        } else {
            self.attributes()?
        };
        self.empty = tag & CONTENT == 0;
        Ok((element, namespace))
    }

    /// Reads attributes up to their end, of which only `xmlns` means anything.
    fn attributes(&mut self) -> Result<Option<Namespace>, Flaw> {
        let mut namespace: Option<Namespace> = None;
        let mut wanted = false;
        loop {
            let text = match self.byte()? {
                END => return Ok(namespace),
                // No version of CSP has a second page of attributes.
                SWITCH_PAGE => {
                    self.byte()?;
                    continue;
                }
                LITERAL => {
                    let name = self.number()?;
                    wanted = self.string(name)? == "xmlns" && namespace.is_none();
                    Cow::Borrowed("")
                }
                OPAQUE => {
                    let length = self.number()? as usize;
                    self.take(length)?;
                    continue;
                }
                token @ (STR_I | STR_T | EXT_T_0 | ENTITY) => self.text(token)?,
                token if token == PI || EXTENSIONS.contains(&token) => {
                    return Err(self.syntax("a token that no attribute has"));
                }
                token if token < 0x80 => {
                    let start = namespace_start(token);
                    wanted = start.is_some() && namespace.is_none();
                    Cow::Borrowed(start.unwrap_or(""))
                }
                // A value token. CSP has none since 1.1.
                _ => continue,
            };
            if wanted {
                namespace.get_or_insert_default().push(&text);
            }
        }
    }

    /// Reads the rest of a run of text.
    fn text(&mut self, token: u8) -> Result<Cow<'i, str>, Flaw> {
        match token {
            STR_I => {
                let rest = self.input.get(self.at..).unwrap_or_default();
                let length = memchr::memchr(0, rest).ok_or(FlawKind::Truncated.at(self.at))?;
                let text = self.take(length)?;
                self.at += 1;
                self.utf8(text).map(Cow::Borrowed)
            }
            STR_T => {
                let offset = self.number()?;
                self.string(offset).map(Cow::Borrowed)
            }
            EXT_T_0 => {
                let token = self.number()?;
                value_of(token, self.page, self.version)
                    .map(Cow::Borrowed)
                    .ok_or_else(|| self.syntax("an unknown value token"))
            }
            _ => {
                let c = char::from_u32(self.number()?).filter(|c| *c != '\0');
                c.map(|c| Cow::Owned(c.to_string()))
                    .ok_or_else(|| self.syntax("an entity that is no character"))
            }
        }
    }

    /// The string that begins at `offset` of the string table.
    fn string(&self, offset: u32) -> Result<&'i str, Flaw> {
        let rest = self
            .strings
            .get(offset as usize..)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| self.syntax("an offset outside the string table"))?;
        // The last string may lack its end, as one encoder writes its only one.
        let length = memchr::memchr(0, rest).unwrap_or(rest.len());
        self.utf8(rest.get(..length).unwrap_or_default())
    }

    fn utf8(&self, octets: &'i [u8]) -> Result<&'i str, Flaw> {
        std::str::from_utf8(octets).map_err(|_| FlawKind::NotUtf8.at(self.at))
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        let byte = self.input.get(self.at);
        self.at += 1;
        byte.copied()
            .ok_or(FlawKind::Truncated.at(self.input.len()))
    }

    /// Reads a number of several octets (mb_u_int32): seven bits of each, the highest first.
    fn number(&mut self) -> Result<u32, Flaw> {
        let mut number = 0_u32;
        for _ in 0..5 {
            let byte = self.byte()?;
            if number > u32::MAX >> 7 {
                break;
            }
            number = number << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.syntax("a number of more than 32 bits"))
    }

    fn take(&mut self, length: usize) -> Result<&'i [u8], Flaw> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.input.get(self.at..end));
        let taken = taken.ok_or(FlawKind::Truncated.at(self.input.len()))?;
        self.at += length;
        Ok(taken)
    }

    fn syntax(&self, what: &'static str) -> Flaw {
        FlawKind::Syntax(what).at(self.at)
    }
}

/// Longer than every namespace of CSP.
const MAX_NAMESPACE: usize = 128;

/// The value of `xmlns`. No namespace of ours is longer; of another one the beginning is enough.
struct Namespace {
    octets: [u8; MAX_NAMESPACE],
    length: usize,
}

impl Default for Namespace {
    fn default() -> Self {
        Self {
            octets: [0; MAX_NAMESPACE],
            length: 0,
        }
    }
}

impl Namespace {
    fn push(&mut self, text: &str) {
        let room = self.octets.get_mut(self.length..).unwrap_or_default();
        let taken = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.length += taken;
    }

    /// Nothing if it was cut amid a letter: then it is none of ours.
    fn as_str(&self) -> &str {
        let octets = self.octets.get(..self.length).unwrap_or_default();
        str::from_utf8(octets).unwrap_or_default()
    }
}

/// What `xmlns` begins with, by the token. The number of the version follows.
fn namespace_start(token: u8) -> Option<&'static str> {
    Some(match token {
        0x05 => "http://www.wireless-village.org/CSP",
        0x06 => "http://www.wireless-village.org/PA",
        0x07 => "http://www.wireless-village.org/TRC",
        0x08 => "http://www.openmobilealliance.org/DTD/WV-CSP",
        0x09 => "http://www.openmobilealliance.org/DTD/WV-PA",
        0x0A => "http://www.openmobilealliance.org/DTD/WV-TRC",
        0x0B => "http://www.openmobilealliance.org/DTD/IMPS-CSP",
        0x0C => "http://www.openmobilealliance.org/DTD/IMPS-PA",
        0x0D => "http://www.openmobilealliance.org/DTD/IMPS-TRC",
        _ => return None,
    })
}

/// A name without the prefix of its namespace.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
