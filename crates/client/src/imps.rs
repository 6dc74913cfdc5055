//! The IMPS agent: one user at one client of Wireless Village, CSP 1.1 to 1.3 over HTTP.
//!
//! An [`Agent`] logs in, agrees with its server on functions, keeps the session alive, hears of
//! what waits for it by polling or by a channel of its own (CIR), and answers whatever the server
//! asks. A program works it by its handle and reads its [`Events`].
//!
//! ```text
//!   program ──Agent──▶ agent task ──one POST at a time──▶ a task with the connection ──▶ server
//!      ▲                   │  ▲                                                            │
//!      └─────Events────────┘  └───────"something waits"── a task for CIR ◀─────────────────┘
//! ```

mod agent;
mod answer;
mod capability;
mod cir;
mod config;
mod contacts;
mod conversation;
mod core;
mod event;
mod failure;
mod few;
mod group;
mod http;
mod login;
mod post;
mod presence;
mod saying;
mod served;
mod timing;

pub use imps::csp::{Contact, DeliveryMethod, SearchResult};
pub use imps::digest::DigestSchema;
pub use imps::status::Code;
pub use imps::{Encoding, Version};

pub use agent::{Agent, Events};
pub use config::{Cir, Config, Login};
pub use event::{Event, Heard, Member};
pub use failure::{Failure, Refused};
pub use group::Extension;
pub use presence::{Presence, Seen};
pub use saying::{Saying, To};
