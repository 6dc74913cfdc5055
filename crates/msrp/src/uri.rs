//! MSRP URIs (RFC 4975 section 6) and the paths made of them.
//!
//! Nothing is copied: a [`Uri`] and a [`Path`] borrow from the header they were read from.

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// The most URIs in one To-Path or From-Path. Each is a hop; a handful of relays is already rare.
pub const PATH_URIS_MAX: usize = 32;

/// One `msrp:` or `msrps:` URI, such as `msrps://host.example:2856/kjhd37s2;tcp`.
///
/// `==` compares text. Whether two URIs mean the same is asked with [`Self::matches`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Uri<'a> {
    text: &'a str,
    secure: bool,
    userinfo: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    session_id: Option<&'a str>,
    transport: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads one URI (RFC 4975 section 9, `MSRP-URI`).
    ///
    /// Liberal in one point: a session id may hold any visible character but `;`, because it is
    /// an opaque key that only its issuer understands.
    ///
    /// # Errors
    ///
    /// [`UriError`] names the part that is wrong.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
        let secure = match scheme {
            s if s.eq_ignore_ascii_case("msrp") => false,
            s if s.eq_ignore_ascii_case("msrps") => true,
            _ => return Err(UriError::Scheme),
        };
        let (place, parameters) = rest.split_once(';').ok_or(UriError::Transport)?;
        let transport = parameters.split(';').next().unwrap_or_default();
        if transport.is_empty() || !transport.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UriError::Transport);
        }
        let (authority, session_id) = match place.split_once('/') {
            Some((authority, id)) => (authority, Some(id).filter(|id| !id.is_empty())),
            None => (place, None),
        };
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = split_port(host_port)?;
        Ok(Self {
            text,
            secure,
            userinfo,
            host,
            port,
            session_id,
            transport,
        })
    }

    /// Whether two URIs are equivalent by RFC 4975 section 6.1.
    pub fn matches(&self, other: &Uri<'_>) -> bool {
        // Rule 2: userinfo is not considered. Rule 3: a port is never equivalent to none.
        // Rule 4: the session id counts its case. Rule 5: the transport matters, without case.
        self.secure == other.secure
            && self.port == other.port
            && self.session_id == other.session_id
            && self.transport.eq_ignore_ascii_case(other.transport)
            && same_host(self.host, other.host)
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether the scheme is `msrps`: TLS towards this hop.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The account named before `@`, if any. It takes no part in comparison.
    pub fn userinfo(&self) -> Option<&'a str> {
        self.userinfo
    }

    /// Host name, IPv4 address, or IPv6 address without its brackets.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The port. A URI from SDP always has one; that of a relay may not (RFC 4975 section 6).
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The session at that host, or nothing if the URI names the host itself.
    pub fn session_id(&self) -> Option<&'a str> {
        self.session_id
    }

    /// The transport parameter, in practice `tcp`.
    pub fn transport(&self) -> &'a str {
        self.transport
    }
}

/// Writes the URI of a session of ours, over TCP; brackets an IPv6 address.
pub fn session_uri(secure: bool, host: &str, port: u16, session_id: &str) -> String {
    let scheme = if secure { "msrps" } else { "msrp" };
    if host.parse::<Ipv6Addr>().is_ok() {
        format!("{scheme}://[{host}]:{port}/{session_id};tcp")
    } else {
        format!("{scheme}://{host}:{port}/{session_id};tcp")
    }
}

/// The URIs of a To-Path or From-Path header, leftmost (next or last hop) first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Path<'a> {
    text: &'a str,
    first: Uri<'a>,
    last: Uri<'a>,
    len: usize,
}

impl<'a> Path<'a> {
    /// Reads the value of a path header: one to [`PATH_URIS_MAX`] URIs parted by blanks.
    ///
    /// # Errors
    ///
    /// [`UriError`] if there is none, if there are too many, or if one of them is not an MSRP URI.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let text = text.trim_ascii();
        let mut uris = text.split_ascii_whitespace();
        let first = Uri::parse(uris.next().ok_or(UriError::EmptyPath)?)?;
        let (mut last, mut len) = (first, 1);
        for uri in uris {
            if len == PATH_URIS_MAX {
                return Err(UriError::LongPath);
            }
            last = Uri::parse(uri)?;
            len += 1;
        }
        Ok(Self {
            text,
            first,
            last,
            len,
        })
    }

    /// The next hop of a To-Path, the previous hop of a From-Path.
    pub fn first(&self) -> Uri<'a> {
        self.first
    }

    /// The endpoint at the far end.
    pub fn last(&self) -> Uri<'a> {
        self.last
    }

    /// How many URIs there are, at least one.
    #[allow(clippy::len_without_is_empty, reason = "a path is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The URIs, leftmost first.
    pub fn iter(&self) -> impl Iterator<Item = Uri<'a>> + use<'a> {
        // Each was read once in `parse`, so none is lost here.
        self.text
            .split_ascii_whitespace()
            .filter_map(|uri| Uri::parse(uri).ok())
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

/// Why a text is no MSRP URI, or no path of them.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum UriError {
    /// A blank, a control character or something outside ASCII.
    #[error("an MSRP URI holds a character that is not visible ASCII")]
    Character,
    /// A path without any URI.
    #[error("the path names no URI")]
    EmptyPath,
    /// No host, or brackets that hold no IPv6 address.
    #[error("the MSRP URI has no valid host")]
    Host,
    /// More than [`PATH_URIS_MAX`] hops.
    #[error("the path has more than {PATH_URIS_MAX} URIs")]
    LongPath,
    /// A port that is not a number from 1 to 65535.
    #[error("the port of the MSRP URI is not a number from 1 to 65535")]
    Port,
    /// Neither `msrp://` nor `msrps://`.
    #[error("the URI does not start with msrp:// or msrps://")]
    Scheme,
    /// No `;tcp` or other transport parameter (RFC 4975 section 6: it is mandatory).
    #[error("the MSRP URI has no transport parameter such as ;tcp")]
    Transport,
}

fn split_port(host_port: &str) -> Result<(&str, Option<u16>), UriError> {
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(UriError::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| UriError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(UriError::Port),
            }
        }
        None => match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        },
    };
    if host.is_empty() {
        return Err(UriError::Host);
    }
    let port = match port {
        None => None,
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => match text.parse() {
            Ok(0) | Err(_) => return Err(UriError::Port),
            Ok(port) => Some(port),
        },
        Some(_) => return Err(UriError::Port),
    };
    Ok((host, port))
}

/// RFC 4975 6.1 rule 2: addresses as addresses, names without case after normalisation.
fn same_host(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (a.parse::<IpAddr>(), b.parse::<IpAddr>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => Normalised(a.as_bytes()).eq(Normalised(b.as_bytes())),
    }
}

/// The bytes of a host in lower case, its needless percent-encodings undone (RFC 3986 6.2.2.2).
struct Normalised<'a>(&'a [u8]);

impl Iterator for Normalised<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let Some(byte) = hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l)
            && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        {
            self.0 = rest;
            return Some(byte.to_ascii_lowercase());
        }
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte.to_ascii_lowercase())
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let uri = Uri::parse("msrps://bob@Host.example:2856/a+b=/c;tcp;x=1").unwrap();
        assert!(uri.secure());
        assert_eq!(uri.userinfo(), Some("bob"));
        assert_eq!(uri.host(), "Host.example");
        assert_eq!(uri.port(), Some(2856));
        assert_eq!(uri.session_id(), Some("a+b=/c"));
        assert_eq!(uri.transport(), "tcp");
        let uri = Uri::parse("msrp://[2001:db8::1]:9;tcp").unwrap();
        assert_eq!((uri.host(), uri.port()), ("2001:db8::1", Some(9)));
        assert_eq!(uri.session_id(), None);
    }

    #[rustfmt::skip]
    const REFUSED: &[(&str, UriError)] = &[
        ("", UriError::Scheme),
        ("sip:bob@host", UriError::Scheme),
        ("http://host:1/a;tcp", UriError::Scheme),
        ("msrp://host:1/a", UriError::Transport),
        ("msrp://host:1/a;", UriError::Transport),
        ("msrp://host:1/a;t=p", UriError::Transport),
        ("msrp://:1/a;tcp", UriError::Host),
        ("msrp://bob@/a;tcp", UriError::Host),
        ("msrp://[::g]:1/a;tcp", UriError::Host),
        ("msrp://[::1/a;tcp", UriError::Host),
        ("msrp://host:/a;tcp", UriError::Port),
        ("msrp://host:0/a;tcp", UriError::Port),
        ("msrp://host:+1/a;tcp", UriError::Port),
        ("msrp://host:65536/a;tcp", UriError::Port),
        ("msrp://[::1]9/a;tcp", UriError::Port),
        ("msrp://h\u{f6}st:1/a;tcp", UriError::Character),
        ("msrp://host:1/a b;tcp", UriError::Character),
    ];

    #[test]
    fn refused() {
        for (text, why) in REFUSED {
            assert_eq!(Uri::parse(text), Err(*why), "{text}");
        }
    }

    /// RFC 4975 6.1: (one, other, equivalent)
    #[rustfmt::skip]
    const COMPARED: &[(&str, &str, bool)] = &[
        ("msrp://h.example:1/s;tcp", "MSRP://H.Example:1/s;TCP", true),
        ("msrp://h.example:1/s;tcp", "msrps://h.example:1/s;tcp", false),
        ("msrp://h.example:1/s;tcp", "msrp://h.example:1/S;tcp", false),
        ("msrp://h.example:1/s;tcp", "msrp://h.example:2/s;tcp", false),
        ("msrp://h.example:1/s;tcp", "msrp://h.example/s;tcp", false),
        ("msrp://h.example:1/s;tcp", "msrp://h.example:1;tcp", false),
        ("msrp://h.example:1/s;tcp", "msrp://h.example:1/s;sctp", false),
        ("msrp://h.example:1/s;tcp", "msrp://bob@h.example:1/s;tcp", true),
        ("msrp://h.example:1/s;tcp", "msrp://%68.ex%61mple:1/s;tcp", true),
        ("msrp://h%3a.example:1/s;tcp", "msrp://h%3A.example:1/s;tcp", true),
        ("msrp://h.example:1/s;tcp;a=b", "msrp://h.example:1/s;tcp", true),
        ("msrp://[2001:db8:0::1]:1/s;tcp", "msrp://[2001:DB8::1]:1/s;tcp", true),
        ("msrp://192.0.2.1:1/s;tcp", "msrp://192.0.2.2:1/s;tcp", false),
        ("msrp://h.example:01/s;tcp", "msrp://h.example:1/s;tcp", true),
    ];

    #[test]
    fn comparison() {
        for (one, other, same) in COMPARED {
            let (a, b) = (Uri::parse(one).unwrap(), Uri::parse(other).unwrap());
            assert_eq!(a.matches(&b), *same, "{one} {other}");
            assert_eq!(b.matches(&a), *same, "{other} {one}");
        }
    }

    #[test]
    fn paths() {
        let text = "msrps://a:1/x;tcp  msrps://b:2/y;tcp msrp://c:3/z;tcp";
        let path = Path::parse(text).unwrap();
        assert_eq!(path.len(), 3);
        assert_eq!(path.first().host(), "a");
        assert_eq!(path.last().host(), "c");
        assert_eq!(path.iter().map(|u| u.host()).collect::<String>(), "abc");
        assert_eq!(Path::parse("  "), Err(UriError::EmptyPath));
        assert_eq!(Path::parse("msrp://a:1/x;tcp b"), Err(UriError::Scheme));
        let long = "msrp://a:1/x;tcp ".repeat(PATH_URIS_MAX + 1);
        assert_eq!(Path::parse(&long), Err(UriError::LongPath));
    }

    #[test]
    fn session_uris_are_read_back() {
        for (secure, host) in [
            (false, "192.0.2.1"),
            (true, "2001:db8::1"),
            (true, "h.example"),
        ] {
            let text = session_uri(secure, host, 2855, "abc");
            let uri = Uri::parse(&text).unwrap();
            assert_eq!(
                (uri.secure(), uri.host(), uri.port()),
                (secure, host, Some(2855))
            );
            assert_eq!(uri.session_id(), Some("abc"));
        }
    }
}
