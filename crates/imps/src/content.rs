//! What one element holds, as a value: how it is read and how it is written.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use crate::date::DateTime;
use crate::error::Flaw;
use crate::reader::{Reader, Value};
use crate::status::Code;
use crate::table::{Element, Kind};
use crate::writer::Writer;

/// A value that fills one element.
pub(crate) trait Content: Sized {
    /// Reads what is in `element`, which has been opened, and its end.
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw>;

    /// Writes `element` with this in it.
    fn write(&self, element: Element, to: &mut Writer);

    /// Some value that a version can carry in `element`.
    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self;
}

impl<T: Content> Content for Box<T> {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        T::read(element, from).map(Self::new)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        T::write(self, element, to);
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        Self::new(T::any(element, chance))
    }
}

/// An element that says all by being there.
impl Content for () {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        from.skip()
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.open(element);
        to.close(element);
    }

    #[cfg(test)]
    fn any(_: Element, _: &mut crate::chance::Chance) -> Self {}
}

impl Content for String {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let kind = element.entry().kind;
        match from.value()? {
            Value::Text(text) if kind == Kind::Free => Ok(text.into_owned()),
            Value::Text(text) => Ok(trimmed(text).into_owned()),
            Value::Opaque(octets) if kind == Kind::IntegerOrId => {
                let number = number(octets);
                let number = number.ok_or_else(|| from.bad_value(element, "a number"))?;
                Ok(number.to_string())
            }
            Value::Opaque(octets) => std::str::from_utf8(octets)
                .map(str::to_owned)
                .map_err(|_| from.bad_value(element, "text")),
        }
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.text(element, self);
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        chance.text(element)
    }
}

impl Content for u32 {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let number = match from.value()? {
            Value::Text(text) => text.trim().parse().ok(),
            Value::Opaque(octets) => number(octets),
        };
        number.ok_or_else(|| from.bad_value(element, "a number below 2^32"))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.integer(element, *self);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        chance.number()
    }
}

impl Content for u16 {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let number = u32::read(element, from)?;
        Self::try_from(number).map_err(|_| from.bad_value(element, "a number below 2^16"))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.integer(element, u32::from(*self));
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        (chance.number() & 0xFFFF) as Self
    }
}

/// `T` or `F`. The words that a careless client might write instead are taken as well.
impl Content for bool {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        if let Value::Text(text) = from.value()? {
            let is = |names: [&str; 4]| {
                let text = text.trim();
                names.iter().any(|name| name.eq_ignore_ascii_case(text))
            };
            if is(["T", "TRUE", "1", "YES"]) {
                return Ok(true);
            }
            if is(["F", "FALSE", "0", "NO"]) {
                return Ok(false);
            }
        }
        Err(from.bad_value(element, "T or F"))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.boolean(element, *self);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        chance.coin()
    }
}

impl Content for DateTime {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let date = match from.value()? {
            Value::Text(text) => Self::parse(&text),
            Value::Opaque(octets) => Self::from_octets(octets),
        };
        date.ok_or_else(|| from.bad_value(element, "a date and a time"))
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.date(element, *self);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        chance.date()
    }
}

impl Content for Code {
    fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        u16::read(element, from).map(Self::new)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.integer(element, u32::from(self.number()));
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        Self::new(u16::any(element, chance))
    }
}

/// What one user sends to another: text, or octets.
///
/// Which of them is decided by the `ContentEncoding` beside it. Octets are BASE64 in XML, and
/// either that or themselves in WBXML; here they are always themselves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ContentData {
    /// Text, as it is.
    Text(String),
    /// Octets. To be written with `ContentEncoding` [`BASE64`].
    Octets(Vec<u8>),
}

/// The one content encoding there is besides none.
pub const BASE64: &str = "BASE64";

impl ContentData {
    /// Takes off the content encoding. What does not follow it is left as it came, so that a
    /// message with an odd encoding arrives all the same.
    pub(crate) fn decode(&mut self, encoding: Option<&str>) {
        let is_base64 = encoding.is_some_and(|name| name.eq_ignore_ascii_case(BASE64));
        match self {
            Self::Text(text) if is_base64 => {
                let dense: String = text.split_ascii_whitespace().collect();
                let dense = dense.trim_end_matches('=');
                if let Ok(octets) = BASE64_STANDARD_NO_PAD.decode(dense) {
                    *self = Self::Octets(octets);
                }
            }
            Self::Octets(octets) if !is_base64 => {
                if let Ok(text) = str::from_utf8(octets) {
                    *self = Self::Text(text.to_owned());
                }
            }
            Self::Text(_) | Self::Octets(_) => {}
        }
    }

    /// The octets, of text as well.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Octets(octets) => octets,
        }
    }

    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Octets(_) => None,
        }
    }

    /// The content encoding that goes with it.
    pub fn encoding(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::Octets(_) => Some(BASE64),
        }
    }
}

impl Default for ContentData {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&str> for ContentData {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Content for ContentData {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        Ok(match from.value()? {
            Value::Text(text) => Self::Text(text.into_owned()),
            Value::Opaque(octets) => Self::Octets(octets.to_vec()),
        })
    }

    fn write(&self, element: Element, to: &mut Writer) {
        match self {
            Self::Text(text) => to.text(element, text),
            Self::Octets(octets) => to.octets(element, octets),
        }
    }

    #[cfg(test)]
    fn any(element: Element, chance: &mut crate::chance::Chance) -> Self {
        Self::Text(chance.text(element))
    }
}

/// Octets are big-endian and at most four, leading zeros aside. None at all are zero.
fn number(octets: &[u8]) -> Option<u32> {
    octets.iter().try_fold(0_u32, |number, octet| {
        let shifted = number.checked_mul(0x100)?;
        Some(shifted | u32::from(*octet))
    })
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_octets() {
        let rows = [
            (&[][..], Some(0)),
            (&[0], Some(0)),
            (&[200], Some(200)),
            (&[0x02, 0x22], Some(546)),
            (&[0xFF; 4], Some(u32::MAX)),
            (&[0, 0, 0, 0, 1], Some(1)),
            (&[1, 0, 0, 0, 0], None),
        ];
        for (octets, want) in rows {
            assert_eq!(number(octets), want, "{octets:?}");
        }
    }

    #[test]
    fn content_encodings() {
        let text = |text: &str| ContentData::Text(text.to_owned());
        let octets = |octets: &[u8]| ContentData::Octets(octets.to_vec());
        let rows = [
            (text("aGk="), Some("base64"), octets(b"hi")),
            (text("aG\n k"), Some("BASE64"), octets(b"hi")),
            (text("a*"), Some("BASE64"), text("a*")),
            (text("aGk="), None, text("aGk=")),
            (octets(b"hi"), Some("BASE64"), octets(b"hi")),
            (octets(b"hi"), Some("None"), text("hi")),
            (octets(b"\xFF"), None, octets(b"\xFF")),
        ];
        for (mut content, encoding, want) in rows {
            content.decode(encoding);
            assert_eq!(content, want);
        }
    }
}
