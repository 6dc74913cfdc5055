//! The parts of an MSRP URI that SDP needs: where to connect, and whether the URI is usable at all.
//!
//! The `msrp` crate compares and writes such URIs; here they stay text.

/// The authority of an `msrp` or `msrps` URI from `a=path`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Authority<'a> {
    pub(crate) tls: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// Whether every URI of a path can be used: there is one, each has scheme, host, port and
/// transport, and the last a session id.
pub(crate) fn usable(path: &[String]) -> bool {
    path.iter().all(|uri| authority(uri).is_some())
        && path.last().is_some_and(|uri| session_id(uri).is_some())
}

/// Takes an MSRP URI apart (RFC 4975 section 6). RFC 4975 8.2: in SDP the port is always explicit.
pub(crate) fn authority(uri: &str) -> Option<Authority<'_>> {
    let (scheme, rest) = uri.split_once("://")?;
    let tls = if scheme.eq_ignore_ascii_case("msrps") {
        true
    } else if scheme.eq_ignore_ascii_case("msrp") {
        false
    } else {
        return None;
    };
    let (before, transport) = rest.split_once(';')?;
    if transport.is_empty() {
        return None;
    }
    let authority = before.split('/').next().unwrap_or(before);
    let host_port = match authority.rsplit_once('@') {
        Some((_, host_port)) => host_port,
        None => authority,
    };
    let (host, port) = host_port.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    if host.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok()?;
    Some(Authority { tls, host, port })
}

fn session_id(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let (before, _) = rest.split_once(';')?;
    let (_, id) = before.split_once('/')?;
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        let found = |tls, host, port| Some(Authority { tls, host, port });
        let table = [
            (
                "msrp://192.0.2.11:2855/a1b2;tcp",
                found(false, "192.0.2.11", 2855),
            ),
            (
                "MSRPS://u@h.example:9/s;tcp;x=y",
                found(true, "h.example", 9),
            ),
            (
                "msrp://[2001:db8::1]:7/s;tcp",
                found(false, "2001:db8::1", 7),
            ),
            (
                "msrp://relay.example:2855;tcp",
                found(false, "relay.example", 2855),
            ),
            ("msrp://h.example/s;tcp", None),
            ("msrp://h.example:0/s;tcp", found(false, "h.example", 0)),
            ("msrp://h.example:/s;tcp", None),
            ("msrp://h.example:+1/s;tcp", None),
            ("msrp://h.example:70000/s;tcp", None),
            ("msrp://2001:db8::1:7/s;tcp", None),
            ("msrp://[2001:db8::1:7/s;tcp", None),
            ("msrp://:7/s;tcp", None),
            ("msrp://h:7/s", None),
            ("msrp://h:7/s;", None),
            ("sip:h", None),
            ("", None),
        ];
        for (uri, want) in table {
            assert_eq!(authority(uri), want, "{uri}");
        }
    }

    #[test]
    fn paths() {
        let table: [(&[&str], bool); 5] = [
            (&["msrp://h:7/s;tcp"], true),
            (&["msrps://relay:7;tcp", "msrp://h:7/s;tcp"], true),
            (&["msrp://h:7/s;tcp", "msrp://h:7;tcp"], false),
            (&["msrp://h:7/s;tcp", "http://h/"], false),
            (&[], false),
        ];
        for (path, want) in table {
            let path: Vec<String> = path.iter().map(|uri| (*uri).to_owned()).collect();
            assert_eq!(usable(&path), want, "{path:?}");
        }
    }
}
