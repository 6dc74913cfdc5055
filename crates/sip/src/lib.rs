//! SIP as Tertulia speaks it, without sockets, clocks or chance of its own.
//!
//! - [`Message`]: one parsed message over one shared buffer; [`Framer`] cuts a stream into
//!   messages; [`Draft`] writes new ones.
//! - [`header`]: one typed header a file, borrowed from the message and parsed when asked for.
//! - [`transaction`], [`dialog`], [`subscription`], [`session_timer`]: what messages mean to each
//!   other. Time and chance are arguments, and what is to be sent is handed out.
//! - [`digest`], [`sdp`], [`multipart`]: credentials and bodies.

#![forbid(unsafe_code)]

mod check;
pub mod dialog;
pub mod digest;
mod draft;
mod error;
mod frame;
pub mod header;
mod message;
mod method;
pub mod multipart;
mod name;
mod param;
mod parse;
pub mod sdp;
pub mod session_timer;
pub mod subscription;
mod text;
pub mod transaction;
mod uri;

pub use check::Fault;
pub use draft::Draft;
pub use error::Malformed;
pub use frame::{Frame, Framer};
pub use message::{Field, Fields, Message, Request, Response};
pub use method::Method;
pub use name::Name;
pub use param::Params;
pub use parse::{MAX_FIELDS, MAX_MESSAGE, MAX_STREAM_MESSAGE, ParseError};
pub use text::quote;
pub use uri::{Scheme, Uri, escape_header, escape_param, escape_user, unescape};
