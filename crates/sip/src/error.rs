//! What can be wrong with what a peer sent.

/// A header, URI or parameter that does not follow its grammar; says why, for a 400 response.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
