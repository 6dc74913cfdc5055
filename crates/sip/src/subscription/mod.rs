//! Subscriptions: one side tells the other what happens, until either has enough (RFC 6665).
//!
//! - [`Terms`] says what a server offers for one event package and reads a SUBSCRIBE against it;
//!   [`Notifier`] is the subscription that follows.
//! - [`Subscriber`] is the other side: it subscribes, refreshes, and begins anew when told so.
//!
//! Neither sends anything: they say when something is due and begin the message, the owner adds
//! the body, sends it, and tells how it went.

mod notifier;
mod reason;
mod subscriber;
mod terms;

pub use notifier::{Notifier, Phase};
pub use reason::Reason;
pub use subscriber::{End, Identity, Next, Notice, Subscriber, Wanted};
pub use terms::{Refused, Terms, Wish};
