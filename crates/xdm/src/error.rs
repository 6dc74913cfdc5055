//! Why a document could not be read.

use crate::reader::{MAX_ATTRIBUTES, MAX_DEPTH};

/// Why a document could not be read. Positions are bytes from the start of the input.
///
/// Each variant is the sender's doing. The text is fit for a log or a Warning header: what it
/// quotes of the document is cut short.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document declares a document type. Nothing of ours needs one, and the entities that it
    /// could define expand without bound.
    #[error("a document type declaration is not accepted (at byte {position})")]
    Doctype {
        /// Where the declaration is.
        position: usize,
    },
    /// Well-formed XML that the schema of the document does not allow: an element that is out of
    /// place, out of order or missing, or a value that is not what its name promises.
    #[error("{why} (at byte {position})")]
    Invalid {
        /// What is wrong.
        why: String,
        /// Where it is wrong, or just after.
        position: usize,
    },
    /// The bytes are not well-formed XML, or a value is not what its name promises.
    #[error("{why} (at byte {position})")]
    Malformed {
        /// What is wrong.
        why: String,
        /// Where it is wrong, or just after.
        position: usize,
    },
    /// A well-formed document, but of another kind.
    #[error("expected <{expected}>, found <{found}>")]
    NotThisDocument {
        /// The root element that was expected.
        expected: &'static str,
        /// The root element found, as it is written there.
        found: String,
    },
    /// Two elements side by side have the same key, so nothing could ever refer to one of them.
    #[error("two <{element}> beside each other with {attribute} \"{value}\"")]
    NotUnique {
        /// The name of the elements.
        element: &'static str,
        /// The attribute that is their key.
        attribute: &'static str,
        /// Its value, cut short.
        value: String,
    },
    /// The bytes are not UTF-8, which RFC 4826 section 3.1 and RFC 4575 section 4.1 both ask for.
    #[error("not UTF-8 (at byte {position})")]
    NotUtf8 {
        /// The first byte that is wrong.
        position: usize,
    },
    /// Elements stand inside each other more than [`MAX_DEPTH`] deep.
    #[error("more than {MAX_DEPTH} elements inside each other (at byte {position})")]
    TooDeep {
        /// Where the limit was passed.
        position: usize,
    },
    /// A text in the document is longer than is accepted there.
    #[error("{what} of more than {limit} bytes (at byte {position})")]
    TooLong {
        /// The text: an element, or an attribute and its element.
        what: String,
        /// The most that is accepted, in bytes.
        limit: usize,
        /// Where the text ends.
        position: usize,
    },
    /// More bytes than the caller allows. Nothing was parsed.
    #[error("a document of {size} bytes, where {limit} are accepted")]
    TooLarge {
        /// The size of the input, in bytes.
        size: usize,
        /// The most that the caller accepts, in bytes.
        limit: usize,
    },
    /// More entries than the caller allows. Reading stopped at the first one too many, so their
    /// number is at least `limit + 1`.
    #[error("more than {limit} entries")]
    TooMany {
        /// The most entries that the caller accepts.
        limit: usize,
    },
    /// More of one kind of element than is accepted. Reading stopped at the first one too many.
    #[error("more than {limit} {what} (at byte {position})")]
    TooManyOf {
        /// The elements, in the plural.
        what: &'static str,
        /// The most that are accepted.
        limit: usize,
        /// Where the limit was passed.
        position: usize,
    },
    /// One element has more than [`MAX_ATTRIBUTES`] attributes.
    #[error("more than {MAX_ATTRIBUTES} attributes on one element (at byte {position})")]
    TooManyAttributes {
        /// Where the element ends.
        position: usize,
    },
}

impl Error {
    /// An [`Error::Invalid`] whose text stays short whatever the document holds.
    pub(crate) fn invalid(why: &str, position: usize) -> Self {
        Self::Invalid {
            why: excerpt(why),
            position,
        }
    }

    /// A [`Error::Malformed`] whose text stays short whatever the document holds.
    pub(crate) fn malformed(why: &str, position: usize) -> Self {
        Self::Malformed {
            why: excerpt(why),
            position,
        }
    }
}

/// At most [`EXCERPT`] characters of `text`, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(EXCERPT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(EXCERPT).is_some() {
        short.push('…');
    }
    short
}

/// Characters of a peer's text that an error repeats: a line of a log.
const EXCERPT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_repeats_little_and_stays_on_one_line() {
        let Error::Malformed { why, .. } = Error::malformed(&"a\r\n\u{1b}".repeat(100), 0) else {
            panic!("another error");
        };
        assert_eq!(why.chars().count(), EXCERPT + 1);
        assert!(!why.contains(char::is_control), "{why:?}");
        assert_eq!(excerpt("short"), "short");
    }
}
