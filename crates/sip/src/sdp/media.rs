//! The media line of a chat: RFC 4975 section 8 with its neighbours.

use std::net::IpAddr;

use crate::sdp::{
    ACTIVE_PORT, Attribute, Direction, NoMsrp, Setup, accept,
    attribute::value_of,
    path::{authority, usable},
};

/// What a peer says about its end of a chat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MsrpMedia {
    /// The port of the `m=` line. Never 0.
    pub port: u16,
    /// The protocol is `TCP/TLS/MSRP`.
    pub tls: bool,
    /// The address of the `c=` line, of the media or else of the session.
    pub connection: Option<String>,
    /// What may be sent to the peer, at most 64 types. Empty if it did not say.
    pub accept_types: Vec<String>,
    /// What may be sent to the peer inside one of those.
    pub accept_wrapped_types: Vec<String>,
    /// The URIs of `a=path`, in order: the first is where to connect, the last is the peer.
    pub path: Vec<String>,
    /// Who may connect, if the peer says.
    pub setup: Option<Setup>,
    /// RFC 6714: the peer takes part in connecting by the `c=` and `m=` lines.
    pub cema: bool,
    /// The largest message the peer wishes to get, in octets.
    pub max_size: Option<u64>,
    /// RFC 7701: the peer is a chat room or takes part in one, with these abilities.
    pub chatroom: Option<Vec<String>>,
    /// Which way messages may flow, as the peer sees it.
    pub direction: Direction,
    /// The certificate of the peer, as `hash-name hexadecimal` (RFC 8122).
    pub fingerprint: Option<String>,
    /// Every `a=` line of this media, in order, also those understood above.
    pub attributes: Vec<Attribute>,
}

/// Where to open a connection to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// A name or an address; an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// TLS has to be spoken.
    pub tls: bool,
}

/// What a media line takes from the session.
pub(crate) struct Inherited {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) connection: Option<String>,
}

impl MsrpMedia {
    /// Reads a media line, if it is a chat.
    pub(crate) fn new(media: &sdp_types::Media, inherited: &Inherited) -> Result<Self, NoMsrp> {
        if !media.media.eq_ignore_ascii_case("message") {
            return Err(NoMsrp::NotMessage);
        }
        let tls = media.proto.eq_ignore_ascii_case("TCP/TLS/MSRP");
        if !tls && !media.proto.eq_ignore_ascii_case("TCP/MSRP") {
            return Err(NoMsrp::Protocol);
        }
        if media.port == 0 {
            return Err(NoMsrp::Port);
        }
        let attributes: Vec<Attribute> = media.attributes.iter().map(Attribute::from).collect();
        let own = |name| value_of(&attributes, name);
        let path: Vec<String> = own("path")
            .unwrap_or("")
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect();
        if !usable(&path) {
            return Err(NoMsrp::Path);
        }
        // RFC 4145 section 4, RFC 8122 section 5, RFC 8866 6.7: these may stand above all media.
        let either = |name| own(name).or_else(|| value_of(&inherited.attributes, name));
        let connection = media.connections.first();
        Ok(Self {
            port: media.port,
            tls,
            connection: connection
                .map(|line| line.connection_address.clone())
                .or_else(|| inherited.connection.clone()),
            accept_types: own("accept-types").map(types).unwrap_or_default(),
            accept_wrapped_types: own("accept-wrapped-types").map(types).unwrap_or_default(),
            path,
            setup: either("setup").and_then(Setup::parse),
            cema: own("msrp-cema").is_some(),
            // Google's client writes it in one word.
            max_size: own("max-size")
                .or_else(|| own("maxsize"))
                .and_then(|value| value.trim().parse().ok()),
            chatroom: own("chatroom").map(types),
            direction: Direction::of(&attributes)
                .or_else(|| Direction::of(&inherited.attributes))
                .unwrap_or_default(),
            fingerprint: either("fingerprint").map(str::to_owned),
            attributes,
        })
    }

    /// Whether the peer takes this type as the whole of a message.
    pub fn accepts(&self, media_type: &str) -> bool {
        accept::accepts(&self.accept_types, media_type)
    }

    /// Whether the peer takes this type inside a container (RFC 4975 8.6: what it takes bare, it
    /// takes wrapped too).
    pub fn accepts_wrapped(&self, media_type: &str) -> bool {
        accept::accepts(&self.accept_wrapped_types, media_type) || self.accepts(media_type)
    }

    /// RFC 7701 section 8: whether the peer takes private messages; of a focus, whether it forwards
    /// them.
    pub fn takes_private_messages(&self) -> bool {
        self.can(PRIVATE_MESSAGES)
    }

    /// RFC 7701 section 8: whether the peer knows nicknames; of a focus, whether it gives them. The
    /// grammar calls the token `nickname`, the text `nicknames`.
    pub fn takes_nicknames(&self) -> bool {
        self.can(NICKNAME) || self.can("nicknames")
    }

    fn can(&self, ability: &str) -> bool {
        let mut abilities = self.chatroom.iter().flatten();
        abilities.any(|can| can.eq_ignore_ascii_case(ability))
    }

    /// Where to connect, if we are the active side.
    ///
    /// `our_cema` says that our own description carried `msrp-cema`. `None` if the peer waits for
    /// no connection: its port is 0 or the discard port of an active side.
    pub fn connect_to(&self, our_cema: bool) -> Option<Target> {
        // RFC 6714 4.2 and 4.3: the c= and m= lines count when both sides agreed, and also for an
        // offerer whose peer neither agreed nor uses a relay.
        let by_connection = our_cema && (self.cema || self.path.len() == 1);
        let target = match &self.connection {
            Some(host) if by_connection => Target {
                host: host.clone(),
                port: self.port,
                tls: self.tls,
            },
            // RFC 4975 8.3: otherwise the first URI, which is the adjacent hop.
            _ => {
                let first = authority(self.path.first()?)?;
                Target {
                    host: first.host.to_owned(),
                    port: first.port,
                    tls: first.tls,
                }
            }
        };
        (target.port != 0 && target.port != ACTIVE_PORT).then_some(target)
    }

    /// Whether the `c=` and `m=` lines name the same place as the path (RFC 6714 4.4).
    ///
    /// `None` if a name would have to be resolved to know. `Some(false)` in an offer without
    /// `msrp-cema` tells of a middlebox that changed the one and not the other: RFC 6714 4.3
    /// refuses.
    pub fn path_matches_connection(&self) -> Option<bool> {
        let connection = self.connection.as_deref()?;
        let mut unknown = false;
        for uri in &self.path {
            let Some(uri) = authority(uri) else { continue };
            let same_host = match (uri.host.parse::<IpAddr>(), connection.parse::<IpAddr>()) {
                (Ok(a), Ok(b)) => Some(a == b),
                _ if uri.host.eq_ignore_ascii_case(connection) => Some(true),
                _ => None,
            };
            match same_host {
                Some(true) if uri.port == self.port => return Some(true),
                None if uri.port == self.port => unknown = true,
                _ => {}
            }
        }
        (!unknown).then_some(false)
    }
}

/// RFC 7701 section 8: the endpoint tells private messages from those to all.
const PRIVATE_MESSAGES: &str = "private-messages";

/// RFC 7701 section 8: the endpoint knows nicknames.
const NICKNAME: &str = "nickname";

/// What we can do of RFC 7701, as a focus or in a chat room: the value of `a=chatroom`. A room may
/// allow no private messages.
pub const fn chatroom(private_messages: bool) -> &'static [&'static str] {
    match private_messages {
        true => &[NICKNAME, PRIVATE_MESSAGES],
        false => &[NICKNAME],
    }
}

fn types(value: &str) -> Vec<String> {
    accept::list(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Description;

    const HEAD: &str =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n";

    fn msrp(text: &str) -> MsrpMedia {
        let description = Description::parse(text.as_bytes()).unwrap();
        description.msrp().unwrap().1.clone()
    }

    #[test]
    fn rfc_7701_8_what_a_peer_can_do_in_a_chat_room() {
        // (the attribute, private messages, nicknames)
        for (line, private, nicknames) in [
            ("a=chatroom:nickname private-messages\r\n", true, true),
            ("a=chatroom:private-messages\r\n", true, false),
            ("a=chatroom:nickname\r\n", false, true),
            ("a=chatroom:nicknames com.example.foo\r\n", false, true),
            ("a=chatroom:com.example.private-messages\r\n", false, false),
            ("a=chatroom\r\n", false, false),
            ("", false, false),
        ] {
            let path = "a=path:msrp://192.0.2.11:2855/a1b2;tcp\r\n";
            let media = msrp(&format!("{HEAD}m=message 2855 TCP/MSRP *\r\n{path}{line}"));
            let got = (media.takes_private_messages(), media.takes_nicknames());
            assert_eq!(got, (private, nicknames), "{line}");
        }
    }

    #[test]
    fn everything_is_read() {
        let media = msrp(&format!(
            "{HEAD}a=recvonly\r\na=fingerprint:sha-256 AA:BB\r\n\
            m=message 2855 TCP/TLS/MSRP *\r\nc=IN IP6 2001:db8::1\r\n\
            a=accept-types:message/CPIM application/im-iscomposing+xml\r\n\
            a=accept-wrapped-types:text/plain *\r\n\
            a=path:msrps://relay.example:2855;tcp msrp://192.0.2.11:2855/a1b2;tcp\r\n\
            a=setup:actpass\r\na=msrp-cema\r\na=maxsize:4096\r\n\
            a=chatroom:nickname private-messages\r\na=file-selector:name:\"x\"\r\n"
        ));
        assert_eq!(media.port, 2855);
        assert!(media.tls && media.cema);
        assert_eq!(media.connection.as_deref(), Some("2001:db8::1"));
        assert!(media.accepts("message/cpim") && !media.accepts("text/plain"));
        assert!(media.accepts_wrapped("text/plain") && media.accepts_wrapped("image/png"));
        assert_eq!(media.path.len(), 2);
        assert_eq!(media.setup, Some(Setup::ActPass));
        assert_eq!(media.max_size, Some(4096));
        let abilities = ["nickname".to_owned(), "private-messages".to_owned()];
        assert_eq!(media.chatroom.as_deref(), Some(&abilities[..]));
        assert_eq!(media.direction, Direction::RecvOnly);
        assert_eq!(media.fingerprint.as_deref(), Some("sha-256 AA:BB"));
        assert_eq!(media.attributes.len(), 8);
    }

    #[test]
    fn what_is_not_said() {
        let path = "a=path:msrp://h:1/s;tcp";
        let media = msrp(&format!("v=0\r\nm=message 1 TCP/MSRP *\r\n{path}\r\n"));
        assert_eq!(media.connection, None);
        assert_eq!(media.setup, None);
        assert_eq!(media.max_size, None);
        assert_eq!(media.chatroom, None);
        assert_eq!(media.direction, Direction::SendRecv);
        assert!(!media.accepts("message/cpim"));
    }

    #[test]
    fn where_to_connect() {
        let one = "msrp://192.0.2.11:2855/s;tcp";
        let two = "msrps://198.51.100.1:7777;tcp msrp://192.0.2.11:2855/s;tcp";
        let connection = Some(("192.0.2.11", 9999, false));
        // (path, their cema, our cema, where)
        let table = [
            (one, true, true, connection),
            (one, false, true, connection),
            (one, true, false, Some(("192.0.2.11", 2855, false))),
            (one, false, false, Some(("192.0.2.11", 2855, false))),
            (two, true, true, connection),
            (two, false, true, Some(("198.51.100.1", 7777, true))),
            (two, false, false, Some(("198.51.100.1", 7777, true))),
        ];
        for (path, theirs, ours, want) in table {
            let cema = if theirs { "a=msrp-cema\r\n" } else { "" };
            let text = format!("{HEAD}m=message 9999 TCP/MSRP *\r\na=path:{path}\r\n{cema}");
            let got = msrp(&text).connect_to(ours);
            let want = want.map(|(host, port, tls)| Target {
                host: host.to_owned(),
                port,
                tls,
            });
            assert_eq!(got, want, "{path} {theirs} {ours}");
        }
    }

    #[test]
    fn nowhere_to_connect() {
        for port in [0, ACTIVE_PORT] {
            let path = format!("msrp://192.0.2.11:{port}/s;tcp");
            let text = format!("{HEAD}m=message 9 TCP/MSRP *\r\na=path:{path}\r\na=msrp-cema\r\n");
            let media = msrp(&text);
            assert_eq!(media.connect_to(false), None);
            assert_eq!(media.connect_to(true), None);
        }
    }

    #[test]
    fn a_middlebox_shows() {
        // (c= address, m= port, path, the same place?)
        let table = [
            (
                "IP4 192.0.2.11",
                2855,
                "msrp://192.0.2.11:2855/s;tcp",
                Some(true),
            ),
            (
                "IP4 192.0.2.99",
                2855,
                "msrp://192.0.2.11:2855/s;tcp",
                Some(false),
            ),
            (
                "IP4 192.0.2.11",
                2856,
                "msrp://192.0.2.11:2855/s;tcp",
                Some(false),
            ),
            (
                "IP6 2001:db8:0::1",
                7,
                "msrp://[2001:db8::1]:7/s;tcp",
                Some(true),
            ),
            ("IP4 H.example", 7, "msrp://h.example:7/s;tcp", Some(true)),
            ("IP4 192.0.2.11", 7, "msrp://h.example:7/s;tcp", None),
            ("IP4 192.0.2.11", 8, "msrp://h.example:7/s;tcp", Some(false)),
        ];
        for (connection, port, path, want) in table {
            let text = format!(
                "v=0\r\nc=IN {connection}\r\nm=message {port} TCP/MSRP *\r\na=path:{path}\r\n"
            );
            assert_eq!(msrp(&text).path_matches_connection(), want, "{text}");
        }
    }
}
