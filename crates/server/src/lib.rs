//! The server: sockets, the embedded SIP core, the procedures, the MSRP switch.
//!
//! [`Server::start`] is the whole of it: it takes a [`World`], a store and the operator's
//! decisions, and runs until it is shut down or dropped.

#![forbid(unsafe_code)]

pub mod admin;
pub mod config;
mod core;
mod count;
mod focus;
mod groups;
mod home;
mod house;
mod http;
mod imps;
mod keeper;
mod net;
mod notify;
mod rooms;
mod seal;
mod ssp;
mod start;
mod switch;
mod tap;

pub use config::{Policy, Setup};
pub use count::Counters;
pub use keeper::OpenKeeper;
pub use net::{TlsError, TlsFiles};
pub use seal::{SealKey, Sealed, Sealer};
pub use start::{Addresses, Leftovers, Server, StartError};
