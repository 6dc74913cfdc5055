//! The client library: a SIMPLE IM agent, and an IMPS agent in [`imps`].
//!
//! An [`Agent`] is one user at one device: it registers with its server, invites and is invited,
//! sends and receives messages, and knows who else is in each conference. It runs as a task of the
//! [`world::World`] it is started in; a program works it by its handle and reads its [`Events`].
//!
//! ```text
//!   program ──Agent──▶ agent task ──▶ sip: transactions, dialogs, subscriptions ──▶ server
//!      ▲                   │
//!      └─────Events────────┴───────▶ a task for each session: msrp ───────────────▶ switch
//! ```

#![forbid(unsafe_code)]

mod agent;
mod called;
mod calling;
mod command;
mod config;
mod core;
mod due;
mod event;
mod extend;
mod failure;
pub mod imps;
mod invitee;
mod keyring;
mod known;
mod media;
mod offer;
mod parting;
mod post;
mod refer;
mod registration;
mod reinvite;
mod replace;
mod request;
mod roster;
mod session;
mod talk;
mod wire;
mod within;

pub use agent::{Agent, Events, Options, Saying};
pub use config::{Config, Extending, Transport};
pub use event::{Event, Heard, Person, SessionId, Timer};
pub use failure::{Failure, Refused};
pub use invitee::Invitee;
pub use known::Known;
pub use request::guest;
pub use sip::session_timer::SessionInterval;
pub use xdm::resource_lists::{CopyControl, Entry};
