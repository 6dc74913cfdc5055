//! The texts of what the phones say.

use std::fmt::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use sip::{Draft, Name};

use super::Cast;

/// The feature of the IM service (OMA SIMPLE IM 7.1.1.1).
const FEATURE: &str = "+g.oma.sip-im";

const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY";

/// What stands between the parts of a body. The bodies of the load do not hold it.
const BOUNDARY: &str = "tertulia-load-boundary";

/// How long registrations and subscriptions last, in seconds: longer than any load.
const EXPIRES: u32 = 7200;

impl Cast {
    /// The address of a user.
    pub(in super::super) fn aor(&self, number: u32) -> String {
        format!("sip:{}@{}", self.name(number), self.domain)
    }

    /// The user part of the address.
    pub(super) fn name(&self, number: u32) -> String {
        format!("{}{number}{}", self.before, self.after)
    }

    /// The number of the user whose address or contact this is.
    pub(in super::super) fn number(&self, uri: &str) -> Option<u32> {
        let (_, rest) = uri.split_once(':')?;
        let (user, _) = rest.split_once('@')?;
        let number = user
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)?;
        number.parse().ok().filter(|number| *number < self.users)
    }

    /// The Contact of a user.
    pub(super) fn contact(&self, number: u32, at: SocketAddr) -> String {
        let (name, transport) = (self.name(number), self.transport.name());
        format!("<sip:{name}@{at};transport={transport}>;{FEATURE}")
    }

    pub(super) fn via(&self, at: SocketAddr, branch: &str) -> String {
        format!(
            "SIP/2.0/{} {at};branch={branch};rport",
            self.transport.via()
        )
    }

    /// Ends a REGISTER.
    pub(super) fn register(mut draft: Draft) -> Bytes {
        draft.header(Name::Expires, EXPIRES);
        draft.finish()
    }

    /// Ends a SUBSCRIBE (OMA SIMPLE IM 7.1.1.9, RFC 4575).
    pub(super) fn subscribe(mut draft: Draft) -> Bytes {
        draft.header(Name::AcceptContact, format_args!("*;{FEATURE}"));
        draft.header(Name::Event, "conference");
        draft.header(Name::Accept, "application/conference-info+xml");
        draft.header(Name::Expires, EXPIRES);
        draft.finish()
    }

    /// Ends an INVITE: with guests, to a conference factory (OMA SIMPLE IM 7.1.1.3, RFC 5366).
    pub(super) fn invite(mut draft: Draft, subject: &str, sdp: &str, guests: &[String]) -> Bytes {
        draft.header(Name::AcceptContact, format_args!("*;{FEATURE}"));
        draft.header(Name::Allow, ALLOW);
        draft.header(Name::Subject, subject);
        if guests.is_empty() {
            return draft.finish_with("application/sdp", sdp.as_bytes());
        }
        draft.header(Name::Require, "recipient-list-invite");
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n\
             --{BOUNDARY}\r\nContent-Type: application/resource-lists+xml\r\n\
             Content-Disposition: recipient-list\r\n\r\n\
             <?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>\r\n"
        );
        for guest in guests {
            // Writing into memory cannot fail.
            let _ = write!(body, "<entry uri=\"{guest}\"/>\r\n");
        }
        let _ = write!(body, "</list></resource-lists>\r\n--{BOUNDARY}--\r\n");
        let content_type = format!("multipart/mixed;boundary=\"{BOUNDARY}\"");
        draft.finish_with(content_type, body.as_bytes())
    }
}

/// Our end of a session: it connects, and waits for no connection (RFC 6135).
pub(super) fn sdp(at: SocketAddr, leg: usize, path: &str) -> String {
    let version = if at.is_ipv6() { "IP6" } else { "IP4" };
    let ip = at.ip();
    format!(
        "v=0\r\no=- {leg} 1 IN {version} {ip}\r\ns=-\r\nc=IN {version} {ip}\r\nt=0 0\r\n\
         m=message 9 TCP/MSRP *\r\n\
         a=accept-types:message/cpim application/im-iscomposing+xml\r\n\
         a=accept-wrapped-types:text/plain *\r\n\
         a=path:{path}\r\na=setup:active\r\na=sendrecv\r\n"
    )
}

/// Our path of a leg: what stands in From-Path.
pub(in super::super) fn own_path(at: SocketAddr, leg: usize, nonce: &str) -> String {
    // RFC 6135 4.2.2: port 9 where nothing listens.
    let host = SocketAddr::new(at.ip(), 9);
    format!("msrp://{host}/{leg}{nonce};tcp")
}

/// What a description says of the peer's end of the chat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Peer {
    pub(super) path: String,
    /// It wants to connect to us, who do not listen.
    pub(super) is_active: bool,
}

/// Reads a body that is a description, or holds one among its parts.
pub(super) fn peer(body: &[u8]) -> Option<Peer> {
    let text = String::from_utf8_lossy(body);
    let mut lines = text.lines().map(str::trim_end);
    let mut path = None;
    let mut is_active = false;
    let _before = lines.find(|line| line.starts_with("m=message "))?;
    for line in lines.take_while(|line| !line.starts_with("m=") && !line.starts_with("--")) {
        if let Some(value) = line.strip_prefix("a=path:") {
            path = Some(value.trim().to_owned());
        }
        is_active |= line == "a=setup:active";
    }
    Some(Peer {
        path: path?,
        is_active,
    })
}

/// Where to connect for a path: its first URI.
pub(in super::super) fn address(path: &str) -> Option<SocketAddr> {
    let first = path.split(' ').next()?;
    let rest = first.strip_prefix("msrp://")?;
    let authority = rest.split(['/', ';']).next()?;
    let host = authority.rsplit('@').next()?;
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_paths() {
        for (path, want) in [
            ("msrp://127.0.0.1:2855/a;tcp", Some("127.0.0.1:2855")),
            (
                "msrp://u@[::1]:7/a;tcp msrp://10.0.0.1:1/b;tcp",
                Some("[::1]:7"),
            ),
            ("msrps://127.0.0.1:2855/a;tcp", None),
            ("msrp://host:1/a;tcp", None),
            ("", None),
        ] {
            assert_eq!(address(path), want.map(|at| at.parse().unwrap()), "{path}");
        }
    }

    #[test]
    fn our_description_reads_as_active() {
        let at = "127.0.0.2:5060".parse().unwrap();
        let text = sdp(at, 7, &own_path(at, 7, "n"));
        let peer = peer(text.as_bytes()).unwrap();
        assert_eq!(
            (peer.path.as_str(), peer.is_active),
            ("msrp://127.0.0.2:9/7n;tcp", true)
        );
        let description = sip::sdp::Description::parse(text.as_bytes()).unwrap();
        let (_, media) = description.msrp().unwrap();
        assert_eq!(media.setup, Some(sip::sdp::Setup::Active));
        assert_eq!(
            super::peer(b"v=0\r\nm=audio 1 RTP/AVP 0\r\na=path:x\r\n"),
            None
        );
    }
}
