//! IMPS, the Client-Server Protocol of Wireless Village: versions 1.1, 1.2 and 1.3, in XML and in
//! WBXML.
//!
//! - [`Document`] and [`Message`]: what one request or response over HTTP carries.
//! - [`Primitive`] and [`csp`]: what stands in a transaction. One struct for all versions.
//! - [`id`]: addresses, as in `wv:ann@example.com`. [`status`]: status codes. [`digest`]: login
//!   without sending the password. [`service`]: the functions that client and server agree on.
//! - [`ssp`]: the Server-to-Server Protocol 1.3, in XML, and the link between two servers.
//!
//! Writing is strict: elements that the version has, in the order of its definition. Reading is
//! lenient: any order; elements that are not known are passed over, and those of other versions
//! taken; several spellings that implementations are known to use are understood. What it costs to
//! read a document is bounded: see [`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_ELEMENTS`] and
//! [`MAX_TEXT`].
//!
//! The crate is pure: bytes in, values out. No text of the 1.3 definition is in public hands:
//! names, orders and tokens are those that independent implementations agree on.

#![forbid(unsafe_code)]

pub mod csp;
pub mod digest;
pub mod id;
pub mod service;
pub mod ssp;
pub mod status;

#[cfg(test)]
mod chance;
mod choice;
mod content;
mod date;
mod error;
mod message;
mod primitive;
mod reader;
mod record;
mod table;
mod version;
mod wbxml;
mod writer;
mod xml;

#[cfg(test)]
mod interop;
#[cfg(test)]
mod round_trips;

pub use date::DateTime;
pub use error::{Error, Flaw, FlawKind};
pub use message::{
    Document, Encoding, MAX_TRANSACTIONS, Message, Mode, Refused, Session, Transaction,
};
pub use primitive::Primitive;
pub use reader::{MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, MAX_TEXT};
pub use version::Version;
