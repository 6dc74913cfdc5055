//! The OPTIONS that is measured, and its answer.

use bytes::Bytes;
use sip::{Draft, Message, Name, Request};

/// An OPTIONS of 1.1 kB as an IMS client sends it, its branch left open.
const OPTIONS: &str = "OPTIONS sip:conference-factory@im.muse.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bKBRANCH;rport\r\n\
    Via: SIP/2.0/UDP scscf.muse.example:5060;branch=z9hG4bK8f2ac31e9d77;received=192.0.2.40\r\n\
    Via: SIP/2.0/UDP pcscf.muse.example:5060;branch=z9hG4bK5d1be0c4a2f1;received=192.0.2.30\r\n\
    Max-Forwards: 67\r\n\
    Route: <sip:im.muse.example;lr>\r\n\
    Record-Route: <sip:scscf.muse.example;lr>, <sip:pcscf.muse.example;lr>\r\n\
    From: \"Ada Lovelace\" <sip:ada@muse.example>;tag=a73kszlfl\r\n\
    To: <sip:conference-factory@im.muse.example>\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@ada-phone.muse.example\r\n\
    CSeq: 63104 OPTIONS\r\n\
    Contact: <sip:ada@192.0.2.5:5060;ob>;+g.oma.sip-im;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"\r\n\
    Accept-Contact: *;+g.oma.sip-im\r\n\
    P-Asserted-Identity: \"Ada Lovelace\" <sip:ada@muse.example>\r\n\
    Accept: application/sdp, application/resource-lists+xml, multipart/mixed\r\n\
    Supported: recipient-list-invite, timer, gruu, outbound, path\r\n\
    Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, NOTIFY, REFER, SUBSCRIBE, UPDATE\r\n\
    User-Agent: IM-client/OMA1.0 Tertulia/0.1\r\n\
    Content-Length: 0\r\n\
    \r\n";

/// One OPTIONS, a transaction of its own for each number.
pub(crate) fn options(branch: u64) -> Bytes {
    OPTIONS.replace("BRANCH", &format!("{branch:016x}")).into()
}

/// Takes it apart.
pub(crate) fn parse(bytes: Bytes) -> Request {
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// Its answer, as the server gives it.
pub(crate) fn answer(request: &Request) -> Bytes {
    let mut draft = Draft::response(request, 200, "OK", Some("7f3c2a9e81d4"));
    draft
        .header(Name::Contact, "<sip:im.muse.example>;isfocus;+g.oma.sip-im")
        .header(
            Name::Accept,
            "application/sdp, application/resource-lists+xml",
        )
        .header(
            Name::Allow,
            "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, NOTIFY, REFER",
        )
        .header(Name::Supported, "recipient-list-invite, timer")
        .header(Name::Server, "IM-serv/OMA1.0 Tertulia/0.1");
    draft.finish()
}
