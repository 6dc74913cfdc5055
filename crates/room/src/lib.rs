//! The conversation: who is in, who may, who is told.
//!
//! A [`Room`] is the single authority on membership and policy of one conversation. It is told
//! facts as [`Event`]s and says what must happen as [`Action`]s. It speaks no protocol, reads no
//! clock and does nothing itself: whoever drives it, a *face*, knows the wire, the devices and
//! the timers.
//!
//! - A *person* is invited, counted and shown; their *legs* (devices) carry what is said.
//! - A [`Refusal`] is an answer to whoever asked. After one, nothing has changed and no action
//!   was pushed.
//! - The face first asks [`admit`] (or [`Room::may_enter`]), then opens or enters the room.

#![forbid(unsafe_code)]

mod end;
mod enter;
mod event;
mod extend;
mod guest;
mod name;
mod people;
mod policy;
mod room;
mod roster;
mod speak;

pub use event::{Action, Event, Why};
pub use extend::Peer;
pub use guest::{Claim, Former, Guest, Host, distinct};
pub use name::{Address, Cause, LegId, Nick, PersonId};
pub use policy::{Answer, Offer, Refusal, Rules, admit};
pub use room::Room;
pub use roster::{Role, Seat, Standing, Visible};
pub use speak::Audience;

pub use people::LEGS_PER_PERSON_MAX;
