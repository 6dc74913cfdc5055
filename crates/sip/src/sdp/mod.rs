//! SDP for MSRP: what of a session description matters to a chat.
//!
//! The generic grammar is that of `sdp-types`; this module is the typed MSRP layer above it (RFC
//! 4975 section 8, RFC 6135, RFC 6714) and the offer/answer rules (RFC 3264) that a focus and a
//! client need.
//!
//! - [`Description`] is what the peer sent, offer or answer; [`Description::msrp`] finds the chat
//!   in it.
//! - [`LocalSession`] writes ours and keeps the version of the `o=` line.
//! - [`Setup::negotiate`] and [`Setup::connects`] say who opens the connection, and
//!   [`MsrpMedia::connect_to`] says where.

mod accept;
mod attribute;
mod description;
mod local;
mod media;
mod normalise;
mod path;
mod setup;
mod write;

pub use self::{
    accept::{accepts, intersection},
    attribute::{Attribute, Direction},
    description::{Description, MAX_LEN, Media, NoMsrp, SdpError},
    local::{ACTIVE_PORT, LocalMedia, LocalSession, Repeated, capabilities},
    media::{MsrpMedia, Target, chatroom},
    setup::{Connects, Setup},
};
