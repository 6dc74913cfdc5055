//! What the operator decides: [`Setup`] at start, [`Policy`] at any time.
//!
//! ```text
//!   file, --set ──▶ Config ──check──▶ Problem…
//!                      └────split──▶ Setup, Policy
//! ```
//!
//! [`Config`] has one field per key of the file. A value that cannot stand alone is refused when
//! it is read; values that do not go together are found by [`Config::problems`].

mod change;
mod document;
mod face;
mod file;
mod keys;
mod policy;
mod problem;
mod setup;
mod value;

pub use change::Change;
pub use face::{HttpKeys, ImpsKeys, SspKeys};
pub use file::{
    Config, ConfigError, CoreKeys, CoreMode, DnsKeys, FocusKeys, MsrpKeys, NotifyKeys,
    RegistrarKeys, SipKeys, StoreKeys, TlsKeys, TraceKeys,
};
pub use keys::{KEYS, Key};
pub use policy::{Focus, FocusAnswer, Imps, Policy, Registrar};
pub use problem::{Problem, Weight};
pub use setup::{Setup, SipPeer, SspPeer, Transport};

#[cfg(test)]
mod tests;
