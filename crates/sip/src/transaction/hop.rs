//! The messages that live for one hop: the ACK to a refusal, CANCEL, and the answers to CANCEL.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;

use crate::header::{CSeq, From, Header as _, To, Via};
use crate::{Draft, Message, Method, Name, Request, Response};

/// The ACK to a final response of 300 to 699 (RFC 3261 section 17.1.1.3).
///
/// `None` if the INVITE, which is our own, cannot be read.
pub(super) fn ack(invite: &Bytes, response: &Response) -> Option<Bytes> {
    let invite = parse(invite)?;
    let mut draft = begin(&invite, &Method::Ack)?;
    draft.copy_all(&invite, Name::From);
    // The To of the response: it has the tag.
    draft.copy_all(response, Name::To);
    Some(end(draft, &invite, &Method::Ack)?.finish())
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1), with the value of a Reason header (RFC 3326)
/// if there is one to give.
///
/// `None` if the INVITE, which is our own, cannot be read.
pub(super) fn cancel(invite: &Bytes, reason: Option<&str>) -> Option<Bytes> {
    let invite = parse(invite)?;
    let mut draft = begin(&invite, &Method::Cancel)?;
    draft
        .copy_all(&invite, Name::From)
        .copy_all(&invite, Name::To);
    let mut draft = end(draft, &invite, &Method::Cancel)?;
    if let Some(reason) = reason {
        draft.header(Name::Reason, reason);
    }
    Some(draft.finish())
}

/// The answer to a CANCEL: 200 if there was something to cancel, else 481.
///
/// RFC 3261 section 9.2: the To tag should be that of the answer to the INVITE. Without one, the
/// tag comes from the transaction's `key`, so that a repeated CANCEL gets the same.
pub(super) fn answer_cancel(
    cancel: &Request,
    status: u16,
    reason: &str,
    key: &str,
    invite_response: Option<Bytes>,
) -> Bytes {
    let tag = invite_response.and_then(to_tag).unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    });
    Draft::response(cancel, status, reason, Some(&tag)).finish()
}

/// The branch of a message of our own.
pub(super) fn branch(bytes: &Bytes) -> Option<String> {
    let request = parse(bytes)?;
    let via = request.first::<Via<'_>>().ok()??;
    via.branch().map(str::to_owned)
}

fn to_tag(response: Bytes) -> Option<String> {
    let message = Message::parse(response).ok()?;
    let to = To::parse(message.fields().raw(Name::To)?).ok()?;
    to.tag().map(str::to_owned)
}

fn parse(bytes: &Bytes) -> Option<Request> {
    match Message::parse(bytes.clone()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

/// Both have the INVITE's Request-URI and the topmost Via alone.
fn begin(invite: &Request, method: &Method) -> Option<Draft> {
    let mut draft = Draft::request(method, invite.uri());
    let via = invite.tokens(Name::Via).next()?;
    draft.header(Name::Via, via);
    Some(draft)
}

/// Both have the INVITE's Route, Call-ID and CSeq number.
fn end(mut draft: Draft, invite: &Request, method: &Method) -> Option<Draft> {
    let cseq = CSeq::parse(invite.raw(Name::CSeq)?).ok()?;
    draft
        .copy_all(invite, Name::Route)
        .copy_all(invite, Name::CallId)
        .header(Name::CSeq, format_args!("{} {method}", cseq.number))
        .header(Name::MaxForwards, 70);
    // A From that cannot be read would make the message useless to the peer as well.
    From::parse(invite.raw(Name::From)?).ok()?;
    Some(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::{INVITE, response};

    #[test]
    fn rfc_3261_17_1_1_3_the_ack_to_a_refusal() {
        let ack = ack(&INVITE.into(), &response(486)).unwrap();
        let want = "ACK sip:bob@h;x=1 SIP/2.0\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKours\r\n\
            From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>;tag=b\r\n\
            Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n\
            Call-ID: c1\r\nCSeq: 7 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&ack).unwrap(), want);
    }

    #[test]
    fn rfc_3261_9_1_the_cancel() {
        let cancel = cancel(&INVITE.into(), Some("SIP;cause=200")).unwrap();
        let want = "CANCEL sip:bob@h;x=1 SIP/2.0\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKours\r\n\
            From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>\r\n\
            Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n\
            Call-ID: c1\r\nCSeq: 7 CANCEL\r\nMax-Forwards: 70\r\nReason: SIP;cause=200\r\n\
            Content-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&cancel).unwrap(), want);
        assert_eq!(branch(&cancel).as_deref(), Some("z9hG4bKours"));
    }

    #[test]
    fn an_invite_that_cannot_be_read_gives_nothing() {
        for bad in [
            "",
            "INVITE\r\n\r\n",
            "INVITE sip:h SIP/2.0\r\nTo: x\r\n\r\n",
        ] {
            assert_eq!(ack(&bad.into(), &response(486)), None);
            assert_eq!(cancel(&bad.into(), None), None);
        }
    }
}
