//! The loads of single SIP requests: OPTIONS, MESSAGE, REGISTER.
//!
//! ```text
//!   course ─due─▶ traffic ─compose─▶ template ─▶ lane (UDP socket or TCP connection) ─▶ server
//!                   │  ▲                           │
//!            flights┘  └── status, index ◀─ scan ◀─┘
//! ```
//!
//! Each operation writes its number into its branch; the answer brings it back. So nothing is
//! allocated or looked up by key for an operation, and the load leaves the machine to the server.

mod flights;
mod lanes;
mod message;
mod options;
mod people;
mod register;
mod scan;
mod secrets;
mod template;
mod traffic;
mod wire;

use crate::load::arguments::Common;

pub(crate) use message::Message;
pub(crate) use options::Options;
pub(crate) use register::Register;

/// How long a request is, in bytes: 1.1 kB, what a client of today sends.
const PADDED: usize = 1100;

/// So many letters that say nothing.
fn pad(bytes: usize) -> String {
    "as long as requests are today "
        .chars()
        .cycle()
        .take(bytes)
        .collect::<String>()
        .replace(' ', "-")
}

/// The header field by which a trusted peer says who asks: RFC 3325 section 9.1; none for others.
fn identity(common: &Common, user: &str) -> String {
    if common.trusted {
        format!("P-Asserted-Identity: <sip:{user}@{}>\r\n", common.domain)
    } else {
        String::new()
    }
}
