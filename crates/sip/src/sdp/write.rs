//! The text of a session description.
//!
//! Written straight into one buffer: a conference says as many descriptions as it has invited.

use std::fmt::Write as _;

use crate::sdp::{ACTIVE_PORT, Direction, LocalMedia, Setup};

/// Room for a chat as it commonly is, so that its text does not grow into it piece by piece.
const COMMON_LEN: usize = 512;

/// The chat of a description.
pub(crate) struct Chat<'a> {
    pub(crate) local: &'a LocalMedia,
    pub(crate) direction: Direction,
    pub(crate) cema: bool,
    /// The protocol of the line.
    pub(crate) proto: &'a str,
}

/// What stands before the first media line. The description may be had of `host` alone.
pub(crate) fn head(id: u64, version: u64, host: &str) -> String {
    let family = if host.contains(':') { "IP6" } else { "IP4" };
    let mut text = String::with_capacity(COMMON_LEN);
    let _ = write!(text, "v=0\r\no=- {id} {version} IN {family} ");
    free(&mut text, host);
    let _ = write!(text, "\r\ns=-\r\nc=IN {family} ");
    free(&mut text, host);
    text.push_str("\r\nt=0 0\r\n");
    text
}

/// The media line of a chat, and all that says what it can.
pub(crate) fn chat(text: &mut String, chat: &Chat<'_>) {
    let local = chat.local;
    let port = match local.setup {
        Setup::Active => ACTIVE_PORT,
        Setup::ActPass | Setup::HoldConn | Setup::Passive => local.port,
    };
    media(text, "message", port, chat.proto, "*");
    accepted(text, local);
    attribute(text, "path", Some(&local.path));
    // RFC 6135 4.2.1: always explicit.
    attribute(text, "setup", Some(local.setup.name()));
    if chat.cema {
        attribute(text, "msrp-cema", None);
    }
    max_size(text, local);
    chatroom(text, local);
    if let Some(fingerprint) = &local.fingerprint {
        attribute(text, "fingerprint", Some(fingerprint));
    }
    attribute(text, chat.direction.name(), None);
    further(text, local);
}

/// The media line of a chat that we could have had: with port 0, and nothing of a connection.
pub(crate) fn capability(text: &mut String, local: &LocalMedia) {
    media(text, "message", 0, local.proto(), "*");
    accepted(text, local);
    if local.cema {
        attribute(text, "msrp-cema", None);
    }
    max_size(text, local);
    chatroom(text, local);
    further(text, local);
}

/// A media line.
pub(crate) fn media(text: &mut String, kind: &str, port: u16, proto: &str, fmt: &str) {
    text.push_str("m=");
    free(text, kind);
    let _ = write!(text, " {port} ");
    free(text, proto);
    text.push(' ');
    free(text, fmt);
    text.push_str("\r\n");
}

fn accepted(text: &mut String, local: &LocalMedia) {
    listed(text, "accept-types", &local.accept_types);
    if !local.accept_wrapped_types.is_empty() {
        listed(text, "accept-wrapped-types", &local.accept_wrapped_types);
    }
}

fn max_size(text: &mut String, local: &LocalMedia) {
    if let Some(octets) = local.max_size {
        let _ = write!(text, "a=max-size:{octets}\r\n");
    }
}

fn chatroom(text: &mut String, local: &LocalMedia) {
    match local.chatroom {
        None => (),
        Some([]) => attribute(text, "chatroom", None),
        Some(abilities) => listed(text, "chatroom", abilities),
    }
}

/// The names that are written from fields of their own, and the old spelling of one of them.
const WRITTEN: [&str; 13] = [
    "accept-types",
    "accept-wrapped-types",
    "path",
    "setup",
    "msrp-cema",
    "max-size",
    "maxsize",
    "chatroom",
    "fingerprint",
    "sendrecv",
    "sendonly",
    "recvonly",
    "inactive",
];

fn further(text: &mut String, local: &LocalMedia) {
    for extra in &*local.attributes {
        let is_written = |name: &&str| extra.name.eq_ignore_ascii_case(name);
        if !WRITTEN.iter().any(is_written) {
            attribute(text, &extra.name, extra.value.as_deref());
        }
    }
}

fn attribute(text: &mut String, name: &str, value: Option<&str>) {
    text.push_str("a=");
    free(text, name);
    if let Some(value) = value {
        text.push(':');
        free(text, value);
    }
    text.push_str("\r\n");
}

/// An attribute whose value is a list.
fn listed(text: &mut String, name: &str, values: &[impl AsRef<str>]) {
    text.push_str("a=");
    text.push_str(name);
    text.push(':');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        free(text, value.as_ref());
    }
    text.push_str("\r\n");
}

/// Text of a peer's or a person's, without what would end its line (RFC 8866 section 5).
fn free(text: &mut String, given: &str) {
    match memchr::memchr3(b'\0', b'\r', b'\n', given.as_bytes()) {
        None => text.push_str(given),
        Some(_) => text.extend(given.chars().filter(|c| !matches!(c, '\0' | '\r' | '\n'))),
    }
}
