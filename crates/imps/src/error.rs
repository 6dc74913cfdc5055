//! Why bytes are no message, or only part of one.

use crate::status::Code;
use crate::version::Version;

/// Why bytes are not a CSP message, and as much of it as could be read: enough to answer with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{flaw}")]
pub struct Error {
    /// What is wrong, and where.
    pub flaw: Flaw,
    /// The version, if it had been read.
    pub version: Option<Version>,
    /// The session that the sender named, if it had been read.
    pub session: Option<String>,
    /// The transaction in which reading ended, if there was one.
    pub transaction: Option<String>,
}

impl Error {
    /// What to answer: 505 to a version that is not spoken here, 400 to everything else.
    pub fn status(&self) -> Code {
        self.flaw.status()
    }
}

/// One thing that is wrong with a document. Each is the sender's doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} (at byte {position})")]
pub struct Flaw {
    /// What is wrong.
    pub kind: FlawKind,
    /// Where, in bytes from the start of the document: there or just before.
    pub position: usize,
}

impl Flaw {
    /// What to answer: 505 to a version that is not spoken here, 501 to a primitive that is not
    /// known, 400 to everything else.
    pub fn status(&self) -> Code {
        match self.kind {
            FlawKind::UnknownVersion => Code::VERSION_NOT_SUPPORTED,
            FlawKind::UnknownPrimitive => Code::NOT_IMPLEMENTED,
            _ => Code::BAD_REQUEST,
        }
    }

    /// Reading can go on after the primitive: the document itself is sound so far.
    pub(crate) fn is_local(&self) -> bool {
        matches!(
            self.kind,
            FlawKind::BadValue { .. } | FlawKind::Missing { .. } | FlawKind::UnknownPrimitive
        )
    }
}

/// What can be wrong with a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FlawKind {
    /// An element holds something else than its type allows.
    #[error("the content of {element} is not {expected}")]
    BadValue {
        /// The element.
        element: &'static str,
        /// What it has to hold.
        expected: &'static str,
    },
    /// The document type declaration has an internal subset, which could define entities that
    /// expand without bound.
    #[error("a document type declaration with an internal subset is not accepted")]
    InternalSubset,
    /// A mandatory element is missing.
    #[error("{element} lacks {child}")]
    Missing {
        /// Where it should be.
        element: &'static str,
        /// What should be there.
        child: &'static str,
    },
    /// The root is none of CSP's.
    #[error("this is not a CSP message")]
    NotCsp,
    /// The text is in a character set other than UTF-8 (or US-ASCII, which is part of it). UTF-16
    /// is not read.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The bytes are not well-formed XML or WBXML.
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
    /// The transaction holds a primitive that CSP does not have.
    #[error("the primitive is unknown")]
    UnknownPrimitive,
    /// The namespace of the root is that of no version spoken here.
    #[error("the version of CSP is not one that is spoken here")]
    UnknownVersion,
}

impl FlawKind {
    pub(crate) fn at(self, position: usize) -> Flaw {
        Flaw {
            kind: self,
            position,
        }
    }
}
