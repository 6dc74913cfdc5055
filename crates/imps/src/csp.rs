//! The primitives of CSP, and what they are made of.
//!
//! One struct stands for a primitive in all three versions; what the versions write differently is
//! settled where it is written and read. Texts that are addresses are kept as they came, to be read
//! with [`Address::parse`](crate::id::Address::parse).
//!
//! A type is named after its element. What a part is for is said at the part.

mod access;
mod attribute;
mod block;
mod capability;
mod contact;
mod discovery;
mod extend;
mod group;
mod invite;
mod member;
mod message;
mod notice;
mod outcome;
mod party;
mod presence;
mod search;
mod segment;

pub use access::*;
pub use attribute::*;
pub use block::*;
pub use capability::*;
pub use contact::*;
pub use discovery::*;
pub use extend::*;
pub use group::*;
pub use invite::*;
pub use member::*;
pub use message::*;
pub use notice::*;
pub use outcome::*;
pub use party::*;
pub use presence::*;
pub use search::*;
pub use segment::*;

pub use crate::content::{BASE64, ContentData};
