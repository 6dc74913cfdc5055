//! Record-Route tokens: how a request inside a dialog finds the flow to the other side.
//!
//! A proxy that has forwarded an INVITE knows both flows of the dialog, but keeps nothing of it.
//! It writes them into the user part of its Record-Route instead, signed, and both peers bring
//! them back in every request of the dialog (the flow tokens of RFC 5626 section 5.2, for two
//! sides at once):
//!
//! ```text
//!   <sip:TOKEN@192.0.2.1:5060;transport=udp;lr>
//!   TOKEN = base64url( MAC(8) caller "|" callee )       a side is Flow::name(): udp:IP:PORT,
//!   tcp:ID, tcp:ID@DOMAIN; or a domain: at:DOMAIN
//!   MAC   = HMAC-SHA-256(key, Call-ID NUL tag of the caller NUL caller "|" callee), 64 bits of it
//! ```
//!
//! The caller's tag is not in the token: the signature holds with the tag of From when the caller
//! sends, and with the tag of To when the callee does. So the signature tells the direction, and a
//! token is good for its own dialog only. Nobody can make one that leads elsewhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Octets of the signature. 64 bits: whoever guesses sends us one datagram a guess.
const MAC_LEN: usize = 8;

/// The longest token read, in characters. Two flows over IPv6 with scopes take below 200, and the
/// names of two domains below 770.
const TOKEN_MAX: usize = 800;

/// The dialog a token is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialog<'a> {
    pub(super) call_id: &'a str,
    /// The tag of From; empty if there is none.
    pub(super) from_tag: &'a str,
}

/// Makes the token of a dialog between two flows.
pub(super) fn issue(key: &[u8; 32], dialog: Dialog<'_>, caller: &str, callee: &str) -> String {
    let sides = format!("{caller}|{callee}");
    let tag = mac(key, dialog.call_id, dialog.from_tag, &sides)
        .finalize()
        .into_bytes();
    let mut bytes = Vec::with_capacity(MAC_LEN.saturating_add(sides.len()));
    bytes.extend(tag.iter().take(MAC_LEN));
    bytes.extend_from_slice(sides.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The name of the flow to the other side, for a request with these tags.
///
/// `None` when the token is not ours, or is that of another dialog.
pub(super) fn resolve(
    key: &[u8; 32],
    token: &str,
    dialog: Dialog<'_>,
    to_tag: &str,
) -> Option<String> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signature, sides) = bytes.split_at_checked(MAC_LEN)?;
    let sides = std::str::from_utf8(sides).ok()?;
    let (caller, callee) = sides.split_once('|')?;
    let holds = |tag| {
        mac(key, dialog.call_id, tag, sides)
            .verify_truncated_left(signature)
            .is_ok()
    };
    if holds(dialog.from_tag) {
        Some(callee.to_owned())
    } else if holds(to_tag) {
        Some(caller.to_owned())
    } else {
        None
    }
}

fn mac(key: &[u8; 32], call_id: &str, tag: &str, sides: &str) -> Hmac<Sha256> {
    // HMAC pads a key with zeros to its block; doing it here leaves no length to be wrong.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::new(&block.into());
    // No part holds a NUL: the parser refuses them.
    for part in [call_id, "\0", tag, "\0", sides] {
        mac.update(part.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const CALLER: &str = "udp:192.0.2.1:5060";
    const CALLEE: &str = "tcp:17";

    fn dialog<'a>(call_id: &'a str, from_tag: &'a str) -> Dialog<'a> {
        Dialog { call_id, from_tag }
    }

    #[test]
    fn a_token_leads_to_the_other_side_of_its_dialog_alone() {
        let token = issue(&KEY, dialog("c", "a"), CALLER, CALLEE);
        for (call_id, from, to, want) in [
            ("c", "a", "b", Some(CALLEE)),
            ("c", "b", "a", Some(CALLER)),
            ("c", "x", "b", None),
            ("d", "a", "b", None),
            ("c", "", "", None),
        ] {
            let got = resolve(&KEY, &token, dialog(call_id, from), to);
            assert_eq!(got.as_deref(), want, "{call_id} {from} {to}");
        }
        assert_eq!(resolve(&[8; 32], &token, dialog("c", "a"), "b"), None);
    }

    #[test]
    fn a_token_can_stand_in_a_uri_and_on_nothing_else() {
        let token = issue(
            &KEY,
            dialog("c", "a"),
            "udp:[2001:db8::1]:65535",
            "tcp:18446744073709551615",
        );
        assert!(token.len() <= TOKEN_MAX);
        let uri = format!("sip:{token}@192.0.2.1:5060;transport=udp;lr");
        assert_eq!(sip::Uri::parse(&uri).unwrap().user(), Some(token.as_str()));
    }

    #[test]
    fn a_changed_token_is_nothing() {
        let token = issue(&KEY, dialog("c", "a"), CALLER, CALLEE);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last character may hold bits that stand for nothing; those must be zero.
            assert_eq!(resolve(&KEY, &forged, dialog("c", "a"), "b"), None, "{at}");
        }
        for bad in ["", "AAAA", "!", &"A".repeat(TOKEN_MAX), &"A".repeat(70_000)] {
            assert_eq!(resolve(&KEY, bad, dialog("c", "a"), "b"), None);
        }
    }
}
