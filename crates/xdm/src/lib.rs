//! XML documents: resource lists, shared groups, rules, notifications and conference-info.
//!
//! - [`resource_lists`]: who is invited, and how visibly; whom a user knows, and whom not to hear
//!   from (RFC 4826, RFC 5364).
//! - [`shared_group`]: a stored group, its members, and who may do what in it (OMA, RFC 4745).
//! - [`im_rules`]: who may invite a user (OMA, RFC 4745).
//! - [`file_link`]: where a file is that somebody shares (GSMA RCC.07).
//! - [`imdn`]: what became of a message (RFC 5438).
//! - [`conference_info`]: who is in the conversation, told by the server in documents that
//!   follow one another and merged by the client into one roster (RFC 4575).
//!
//! What a peer sends is read behind one guard. It accepts UTF-8 only, with or without a byte order
//! mark, and any choice of namespace prefixes. It refuses a document type declaration, so the only
//! entities are the five that XML predefines and the character references; and it refuses what is
//! too large or too deep before it costs anything. What we write is escaped throughout, and a
//! character that XML cannot carry is replaced by U+FFFD.
//!
//! The crate is pure: bytes in, values out. It knows no SIP: a URI is a string here.

#![forbid(unsafe_code)]

pub mod conference_info;
pub mod file_link;
pub mod im_rules;
pub mod imdn;
pub mod resource_lists;
pub mod shared_group;

mod error;
mod escape;
mod reader;

pub use error::Error;
pub use reader::{MAX_ATTRIBUTES, MAX_DEPTH};
