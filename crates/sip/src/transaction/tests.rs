//! What the tests of this module share.

use std::time::{Duration, Instant};

use super::Timers;
use crate::{Message, Response};

/// A request of ours, as the machines keep it.
pub(in crate::transaction) const INVITE: &str = "INVITE sip:bob@h;x=1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP me;branch=z9hG4bKours, SIP/2.0/UDP other;branch=z9hG4bKx\r\n\
    Max-Forwards: 70\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n\
    From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n\
    Contact: <sip:alice@me>\r\nContent-Length: 0\r\n\r\n";

/// The values of RFC 3261 section 17, spelled out: a changed default has to be noticed.
pub(in crate::transaction) const TIMERS: Timers = Timers {
    t1: Duration::from_millis(500),
    t2: Duration::from_secs(4),
    t4: Duration::from_secs(5),
};

/// A fixed beginning: tests only ever add to it.
#[expect(clippy::disallowed_methods, reason = "virtual time needs one origin")]
pub(in crate::transaction) fn epoch() -> Instant {
    Instant::now()
}

/// A response to [`INVITE`].
pub(in crate::transaction) fn response(status: u16) -> Response {
    let text = format!(
        "SIP/2.0 {status} Whatever\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKours\r\n\
         From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>;tag=b\r\nCall-ID: c1\r\n\
         CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
    );
    match Message::parse(text.into()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}
