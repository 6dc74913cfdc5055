//! Why bytes are no SSP message, or only part of one.

use crate::error::FlawKind;
use crate::status::Code;

/// What is wrong with a document. Each is the sender's doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An element or an attribute holds something else than its type allows.
    #[error("the content of {element} is not {expected}")]
    BadValue {
        /// The element or attribute.
        element: &'static str,
        /// What it has to hold.
        expected: &'static str,
    },
    /// The document type declaration has an internal subset, which could define entities that
    /// expand without bound.
    #[error("a document type declaration with an internal subset is not accepted")]
    InternalSubset,
    /// A mandatory element or attribute is missing.
    #[error("{element} lacks {child}")]
    Missing {
        /// Where it should be.
        element: &'static str,
        /// What should be there.
        child: &'static str,
    },
    /// The root is not that of SSP.
    #[error("this is not an SSP message")]
    NotSsp,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The presence attributes, which are those of CSP, cannot be read.
    #[error("presence attributes: {0}")]
    Presence(FlawKind),
    /// The bytes are not well-formed XML.
    #[error("not well-formed: {0}")]
    Syntax(&'static str),
    /// The document is over a limit.
    #[error("too large: more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: usize,
    },
    /// The document ends too early.
    #[error("the document ends too early")]
    Truncated,
    /// The transaction holds a primitive that is not known here.
    #[error("the primitive is unknown")]
    UnknownPrimitive,
    /// The namespace of the root is not one of SSP.
    #[error("the version of SSP is not one that is spoken here")]
    UnknownVersion,
}

impl Error {
    /// What to answer: 505 to a version that is not spoken here, 501 to a primitive that is not
    /// known, 400 to everything else.
    pub fn status(&self) -> Code {
        match self {
            Self::UnknownVersion => Code::VERSION_NOT_SUPPORTED,
            Self::UnknownPrimitive => Code::NOT_IMPLEMENTED,
            _ => Code::BAD_REQUEST,
        }
    }
}
