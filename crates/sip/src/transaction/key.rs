//! What tells which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3).
//!
//! Keys are written in a buffer that is used again and again; what is kept of one is its digest.

use std::fmt::Write as _;

use crate::header::{CSeq, From, Header as _, Via};
use crate::{Method, Name, Request, Response};

/// Writes the key of the server transaction a request belongs to, in place of what `key` held.
///
/// An ACK and a CANCEL get the key of their INVITE. `None` if no key can be told: there is no
/// Via that can be read, and so no way to answer either.
pub(super) fn of_request(request: &Request, key: &mut String) -> Option<()> {
    key.clear();
    let method = match request.method() {
        Method::Ack | Method::Cancel => Method::Invite.as_str(),
        other => other.as_str(),
    };
    let via = request.first::<Via<'_>>().ok()??;
    let cookie = via.branch().and_then(after_cookie);
    if let Some(branch) = cookie {
        // RFC 3261 section 17.2.3: branch, sent-by and method.
        key.push_str(branch);
        key.push(' ');
        sent_by(&via, key);
        key.push(' ');
        key.push_str(method);
    } else {
        before_rfc_3261(request, &via, method, key)?;
    }
    Some(())
}

/// Writes the key of the client transaction a response belongs to.
pub(super) fn of_response(response: &Response, key: &mut String) -> Option<()> {
    let via = response.first::<Via<'_>>().ok()??;
    let cseq = response.get::<CSeq<'_>>().ok()??;
    of_branch(via.branch()?, cseq.method, key);
    Some(())
}

/// Writes the key of a client transaction with a branch of ours.
pub(super) fn of_branch(branch: &str, method: &str, key: &mut String) {
    key.clear();
    key.push_str(method);
    key.push(' ');
    key.push_str(branch);
}

/// A client from before RFC 3261 gives no branch that can be relied on; section 17.2.3 says what
/// to compare instead.
///
/// The tag of To is left out: a request inside a dialog has another CSeq than the one that made
/// it, and the ACK to a refusal differs from its INVITE in that tag alone.
fn before_rfc_3261(request: &Request, via: &Via<'_>, method: &str, key: &mut String) -> Option<()> {
    let cseq = request.get::<CSeq<'_>>().ok()??;
    let from = request.raw(Name::From).and_then(|v| From::parse(v).ok())?;
    let call_id = request.raw(Name::CallId)?;
    let tag = from.tag().unwrap_or_default();
    let uri = request.uri();
    // Writing to a String cannot fail. Blanks separate: no part but the last holds one.
    let _ = write!(key, "{} {uri} {tag} {method} {via} {call_id}", cseq.number);
    Some(())
}

fn after_cookie(branch: &str) -> Option<&str> {
    let (cookie, rest) = branch.split_at_checked(Via::COOKIE.len())?;
    (cookie.eq_ignore_ascii_case(Via::COOKIE) && !rest.is_empty()).then_some(rest)
}

fn sent_by(via: &Via<'_>, key: &mut String) {
    key.extend(via.host.chars().map(|c| c.to_ascii_lowercase()));
    if let Some(port) = via.port {
        let _ = write!(key, ":{port}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn key(method: &str, via: &str) -> Option<String> {
        let text = format!(
            "{method} sip:b@h SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=f\r\nTo: <sip:b@h>\r\n\
             Call-ID: c\r\nCSeq: 7 {method}\r\n\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(text.into()) else {
            panic!("a request")
        };
        let mut key = String::from("left over");
        of_request(&request, &mut key).map(|()| key)
    }

    #[test]
    fn rfc_3261_17_2_3_branch_sent_by_and_method() {
        let base = key("INVITE", "SIP/2.0/UDP H.com:5060;branch=z9hG4bKa");
        for (method, via, same) in [
            (
                "INVITE",
                "SIP/2.0/UDP h.com:5060;branch=z9hG4bKa;rport",
                true,
            ),
            ("ACK", "SIP/2.0/UDP h.com:5060;branch=z9hG4bKa", true),
            ("CANCEL", "SIP/2.0/UDP h.com:5060 ;branch=Z9HG4BKa", true),
            ("BYE", "SIP/2.0/UDP h.com:5060;branch=z9hG4bKa", false),
            ("INVITE", "SIP/2.0/UDP h.com:5060;branch=z9hG4bKb", false),
            ("INVITE", "SIP/2.0/UDP h.com:5061;branch=z9hG4bKa", false),
            ("INVITE", "SIP/2.0/UDP i.com:5060;branch=z9hG4bKa", false),
        ] {
            assert_eq!(key(method, via) == base, same, "{method} {via}");
        }
    }

    #[test]
    fn rfc_3261_17_2_3_without_the_cookie() {
        let base = key("INVITE", "SIP/2.0/UDP h;branch=1");
        assert!(base.is_some());
        assert_eq!(key("ACK", "SIP/2.0/UDP h;branch=1"), base);
        assert_eq!(key("CANCEL", "SIP/2.0/UDP h;branch=1"), base);
        assert_ne!(key("BYE", "SIP/2.0/UDP h;branch=1"), base);
        assert_ne!(key("INVITE", "SIP/2.0/UDP h;branch=2"), base);
        assert_ne!(key("INVITE", "SIP/2.0/UDP h"), base);
        // The cookie alone is no branch.
        assert_ne!(
            key("INVITE", "SIP/2.0/UDP h;branch=z9hG4bK"),
            key("INVITE", "SIP/2.0/UDP h")
        );
    }

    #[test]
    fn a_request_without_a_via_has_no_key() {
        assert_eq!(key("INVITE", "SIP/2.0/UDP"), None);
        assert_eq!(key("INVITE", ""), None);
    }
}
