//! SSP, the Server-to-Server Protocol of Wireless Village, version 1.3: what two IMPS servers say
//! to each other. XML, one message in each POST; an answer is a POST in the other direction.
//!
//! - [`Message`]: what one POST carries, read with [`Message::parse`] and written with
//!   [`Message::to_xml`].
//! - [`Primitive`]: what stands in a transaction of a session.
//! - [`Setup`]: the six steps that make a session.
//! - [`link`]: the session itself, with time and chance as arguments.
//!
//! Writing is strict: attributes and elements in one fixed order. Reading is lenient: any order,
//! any letter case; what is not known is passed over, and what implementations are known to
//! misspell is understood. What it costs to read a document is bounded as for CSP ([`MAX_BYTES`],
//! [`MAX_DEPTH`], [`MAX_ELEMENTS`]), and by [`MAX_ATTRIBUTES`].
//!
//! No text of the definition is in public hands: names and orders are those that an independent
//! implementation has been seen to write and to read. What nobody has been seen to write stands in
//! one place, [`inferred`].
//!
//! [`MAX_BYTES`]: crate::MAX_BYTES
//! [`MAX_DEPTH`]: crate::MAX_DEPTH
//! [`MAX_ELEMENTS`]: crate::MAX_ELEMENTS

mod error;
mod group;
pub mod inferred;
mod invite;
pub mod link;
mod message;
mod messaging;
mod node;
mod outcome;
mod presence;
mod primitive;
#[cfg(test)]
mod round_trips;
mod setup;
mod structure;
mod types;
mod values;
mod writer;

pub use error::Error;
pub use group::*;
pub use inferred::*;
pub use invite::*;
pub use message::{Message, Refused, Setup, Transaction};
pub use messaging::*;
pub use node::MAX_ATTRIBUTES;
pub use presence::*;
pub use primitive::Primitive;
pub use setup::{LoginRequest, LoginResponse, PasswordDigest, Secret, SendSecretToken, VERSION};
pub use types::*;

pub use crate::message::{MAX_TRANSACTIONS, Mode};

/// The namespace of a message.
pub const NAMESPACE: &str = "http://www.openmobilealliance.org/DTD/WV-SSP1.3";

/// The media type of a message.
pub const MEDIA_TYPE: &str = "application/vnd.wv.ssp+xml";

/// The header of a POST with the id of its transaction.
pub const TRANSACTION_HEADER: &str = "x-wv-transactionid";

/// The header of a POST with the id of its session, under which the receiver is addressed.
pub const SESSION_HEADER: &str = "x-wv-sessionid";
