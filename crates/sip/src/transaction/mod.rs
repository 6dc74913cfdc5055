//! Transactions: each request reaches its user once, however often it comes, and each request
//! sent has an outcome (RFC 3261 section 17, with RFC 6026 and RFC 4320).
//!
//! ```text
//!      network                     Transactions                      user
//!   message, flow ──receive──▶ find by key, else begin ──Event──▶ decides
//!   Output ◀────────────────── server and client machines ◀─────── respond, request, cancel
//!                              one heap of alarms ◀──handle_timeout── the clock
//! ```
//!
//! Nothing here knows a socket or a clock. `F` is the flow: whatever names where bytes go.
//!
//! The layer does by itself what needs no decision: it repeats and absorbs repetitions,
//! acknowledges refusals, answers CANCEL, holds a CANCEL of ours back until it may go. The user
//! does the rest: it sends 100 to an INVITE, repeats a 2xx until its ACK ([`Unconfirmed`]), and
//! sends the ACK to a 2xx, which is a message without a transaction.

mod accepted;
mod client_invite;
mod client_other;
mod event;
mod hop;
mod kept;
mod key;
mod layer;
mod machine;
mod server_invite;
mod server_other;
mod table;
#[cfg(test)]
mod tests;
mod timers;

pub use accepted::{Pending, Unconfirmed};
pub use event::{Census, ClientId, Count, Event, Failure, Outgoing, Output, ServerId};
pub use layer::Transactions;
pub use timers::Timers;
