//! The values of the document: booleans, numbers, addresses, names.

use super::{DisplayName, MAX_NAME_BYTES, MAX_URI_BYTES};
use crate::Error;
use crate::reader::{Element, Ns, Reader};

/// The text of an element that holds nothing else, `limit` bytes at most.
pub(crate) fn text(
    reader: &mut Reader<'_>,
    element: &Element,
    limit: usize,
) -> Result<String, Error> {
    let text = reader.only_text(element)?;
    if text.len() > limit {
        return Err(reader.too_long(&format!("<{}>", element.name), limit));
    }
    Ok(text)
}

/// The two ways to write each xs:boolean.
pub(super) fn boolean(reader: &mut Reader<'_>, element: &Element) -> Result<bool, Error> {
    match text(reader, element, MAX_NAME_BYTES)?.as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(no_value(reader, element, other, "boolean")),
    }
}

/// An action: an xs:boolean. Until January 2006 join-handling was one of two words.
pub(super) fn action(reader: &mut Reader<'_>, element: &Element) -> Result<bool, Error> {
    let is_join_handling = element.name == "join-handling";
    match text(reader, element, MAX_NAME_BYTES)?.as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        "allow" if is_join_handling => Ok(true),
        "block" if is_join_handling => Ok(false),
        other => Err(no_value(reader, element, other, "boolean")),
    }
}

/// `is-list-member`: empty, which is true. Before November 2005 it was an xs:boolean.
pub(super) fn condition(reader: &mut Reader<'_>, element: &Element) -> Result<bool, Error> {
    match text(reader, element, MAX_NAME_BYTES)?.as_str() {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(no_value(reader, element, other, "boolean")),
    }
}

/// An xs:nonNegativeInteger. One that is too large to be counted here is the largest that is not.
pub(super) fn number(reader: &mut Reader<'_>, element: &Element) -> Result<u32, Error> {
    let text = text(reader, element, MAX_NAME_BYTES)?;
    let digits = text.strip_prefix('+').unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(no_value(reader, element, &text, "number"));
    }
    Ok(digits.parse().unwrap_or(u32::MAX))
}

/// A name for people.
pub(super) fn display_name(
    reader: &mut Reader<'_>,
    element: &Element,
) -> Result<DisplayName, Error> {
    let lang = element.find("lang", |ns| ns == Ns::Xml).map(str::to_owned);
    if lang.as_ref().is_some_and(|l| l.len() > MAX_NAME_BYTES) {
        return Err(reader.too_long("xml:lang of <display-name>", MAX_NAME_BYTES));
    }
    let text = text(reader, element, MAX_NAME_BYTES)?;
    Ok(DisplayName { text, lang })
}

/// An address that must be there.
pub(super) fn uri(reader: &Reader<'_>, element: &Element, name: &str) -> Result<String, Error> {
    required(reader, element, name, MAX_URI_BYTES)
}

/// An attribute that must be there and say something.
pub(crate) fn required(
    reader: &Reader<'_>,
    element: &Element,
    name: &str,
    limit: usize,
) -> Result<String, Error> {
    match optional(reader, element, name, limit)? {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(reader.invalid(&format!("<{}> without {name}", element.name))),
    }
}

/// An attribute, with white space at both ends dropped, `limit` bytes at most.
pub(super) fn optional(
    reader: &Reader<'_>,
    element: &Element,
    name: &str,
    limit: usize,
) -> Result<Option<String>, Error> {
    let Some(value) = element.plain(name).map(str::trim) else {
        return Ok(None);
    };
    if value.len() > limit {
        return Err(reader.too_long(&format!("{name} of <{}>", element.name), limit));
    }
    Ok(Some(value.to_owned()))
}

/// Takes the element that has just been read into account.
pub(crate) fn at_most(
    reader: &Reader<'_>,
    count: usize,
    limit: usize,
    what: &'static str,
) -> Result<(), Error> {
    if count > limit {
        return Err(reader.too_many(what, limit));
    }
    Ok(())
}

fn no_value(reader: &Reader<'_>, element: &Element, text: &str, what: &str) -> Error {
    reader.invalid(&format!("\"{text}\" in <{}> is no {what}", element.name))
}
