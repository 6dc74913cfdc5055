//! Our end of a chat in SDP, and the other side's (RFC 4975 section 8).

use std::net::SocketAddr;

use msrp::session_uri;
use sip::multipart::{self, BodyHeaders};
use sip::sdp::{ACTIVE_PORT, Description, LocalMedia, MsrpMedia, Setup, chatroom};
use sip::{Fields, Name};

use crate::media::MESSAGE_MAX;

/// What may stand alone, whatever is invited to. IM-7.1.1.3-S5a, IM-7.1.1.4-S1b1,
/// IM-7.1.1.6-S7a, IM-7.1.1.10-S4a: message/cpim does; IM-7.1.1.3-S5b, IM-7.1.1.4-S1b2,
/// IM-7.1.1.6-S7b, IM-7.1.1.10-S4b allow others.
const ACCEPT: [&str; 2] = ["message/cpim", "application/im-iscomposing+xml"];

/// What may stand inside message/cpim.
const WRAPPED: [&str; 3] = [
    "text/plain",
    "message/imdn+xml",
    "application/im-iscomposing+xml",
];

/// Our end: at `host`, listening on `port` if there is one.
pub(crate) fn local(
    host: SocketAddr,
    port: Option<u16>,
    session: &str,
    setup: Setup,
) -> LocalMedia {
    let host = host.ip().to_string();
    let port = port.unwrap_or(ACTIVE_PORT);
    let path = session_uri(false, &host, port, session);
    LocalMedia {
        accept_types: ACCEPT.map(str::to_owned).into(),
        accept_wrapped_types: WRAPPED.map(str::to_owned).into(),
        max_size: Some(MESSAGE_MAX),
        chatroom: Some(chatroom(true)),
        ..LocalMedia::new(&host, port, &path, setup)
    }
}

/// The terms of a connection with the other side.
pub(crate) fn terms(local: &LocalMedia, remote: &MsrpMedia) -> msrp::session::Setup {
    msrp::session::Setup {
        local: local.path.clone(),
        remote: remote.path.join(" "),
        accept_types: local.accept_types.to_vec(),
        message_max: MESSAGE_MAX,
        peer_message_max: remote.max_size,
    }
}

/// The session description of a message, wherever in its body it stands; `None` if there is none.
///
/// # Errors
///
/// Words for a person, when the body cannot be taken apart.
pub(crate) fn read(fields: &Fields) -> Result<Option<Description>, String> {
    let body = fields.body();
    let Some(content_type) = fields.raw(Name::ContentType).filter(|_| !body.is_empty()) else {
        return Ok(None);
    };
    let headers = BodyHeaders {
        content_type,
        disposition: fields.raw(Name::ContentDisposition),
        id: None,
        encoding: fields.raw(Name::ContentEncoding),
    };
    let parts = multipart::parts(&headers, &body).map_err(|error| error.to_string())?;
    let Some(part) = multipart::find(&parts, "application/sdp", None) else {
        return Ok(None);
    };
    let description = Description::parse(&part.body).map_err(|error| error.to_string())?;
    Ok(Some(description))
}

#[cfg(test)]
mod tests {
    use sip::sdp::LocalSession;

    use super::*;

    #[test]
    fn our_offer_is_one_that_an_im_server_takes() {
        let at = "192.0.2.11:5060".parse().unwrap();
        let text = |port, setup| {
            let local = local(at, port, "a1b2", setup);
            String::from_utf8(LocalSession::new(1).offer(&local).to_vec()).unwrap()
        };
        #[rustfmt::skip]
        let table = [
            ("IM-7.1.1.3-S5a", text(None, Setup::Active), "\r\na=accept-types:message/cpim application/im-iscomposing+xml\r\n"),
            ("IM-7.1.1.3-S5", text(None, Setup::Active), "\r\nm=message 9 TCP/MSRP *\r\n"),
            ("RFC 6135 4.2.2", text(None, Setup::Active), "\r\na=setup:active\r\n"),
            ("RFC 4975 8.3", text(None, Setup::Active), "\r\na=path:msrp://192.0.2.11:9/a1b2;tcp\r\n"),
            ("RFC 4975 8.3", text(Some(2855), Setup::ActPass), "\r\nm=message 2855 TCP/MSRP *\r\n"),
            ("RFC 4975 8.3", text(Some(2855), Setup::ActPass), "\r\na=path:msrp://192.0.2.11:2855/a1b2;tcp\r\n"),
            ("RFC 4975 8.6", text(None, Setup::Active), "\r\na=accept-wrapped-types:text/plain message/imdn+xml application/im-iscomposing+xml\r\n"),
            ("RFC 7701 8", text(None, Setup::Active), "\r\na=chatroom:nickname private-messages\r\n"),
        ];
        for (rule, text, line) in table {
            assert!(text.contains(line), "{rule}: {line} in {text}");
        }
    }
}
