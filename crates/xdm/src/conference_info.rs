//! Who is in the conversation: `application/conference-info+xml` (RFC 4575).
//!
//! - The server keeps one [`UserXml`] per participant, serialised once and shared by all
//!   subscribers, and lets a [`Conference`] splice them into full and partial documents.
//! - The client [`read`]s what comes and merges it into a [`Roster`], one per subscription, which
//!   says what changed or that something was missed.
//!
//! ```
//! use xdm::conference_info::{self, Change, Conference, Roster, Status, UserXml};
//!
//! let alice = UserXml::new("sip:alice@home.example", None, Status::Connected);
//! let bob = UserXml::new("sip:bob@home.example", Some("Bob"), Status::Alerting);
//! let conference = Conference::new("sip:sess-7f3a@im.home.example");
//! let body = conference.full(0, &[&alice, &bob], Some(0));
//!
//! let mut roster = Roster::new(vec!["sip:alice@home.example".to_owned()]);
//! let document = conference_info::read(&body, conference_info::MAX_BYTES)?;
//! let changes = roster.apply(document).expect("nothing was missed");
//! let Some(Change::Joined(own)) = changes.first() else { panic!() };
//! assert!(own.is_own);
//! # Ok::<(), xdm::Error>(())
//! ```

mod held;
mod read;
mod roster;
mod write;

pub use read::{ConferenceInfo, Endpoint, EndpointStatus, MAX_BYTES, State, User, Users, read};
pub use roster::{Change, MAX_ROSTER_BYTES, Member, NotApplied, Presence, Roster};
pub use write::{Conference, Status, UserXml};
