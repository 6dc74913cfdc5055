//! SIP, SIPS and tel URIs, read where they stand (RFC 3261 section 19.1, RFC 3966).

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::param::Names;
use crate::text::{cut, cut_before, is_in, table};
use crate::{Malformed, Params};

/// A URI over the text it was written in.
///
/// Comparing two with `==` compares their text; [`Uri::equivalent`] compares their meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Uri<'a> {
    text: &'a str,
    scheme: Scheme,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    params: Params<'a>,
    headers: Option<&'a str>,
}

/// What kind of URI it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`; the number stands in [`Uri::user`].
    Tel,
    /// Any other absolute URI; everything after the colon stands in [`Uri::host`].
    Other,
}

impl<'a> Uri<'a> {
    /// Reads one URI that fills `text` exactly.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when there is no scheme, the host is empty or has forbidden characters, the
    /// port is no number below 65536, or a parameter stands twice.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (scheme, rest) = cut(text, b':').ok_or(Malformed("a URI has no scheme"))?;
        let forbidden = |b| b <= b' ' || matches!(b, 0x7f | b'<' | b'>' | b'"');
        if text.bytes().fold(false, |found, b| found | forbidden(b)) {
            return Err(Malformed("a URI holds a character that must be escaped"));
        }
        let scheme = match scheme {
            s if s.eq_ignore_ascii_case("sip") => Scheme::Sip,
            s if s.eq_ignore_ascii_case("sips") => Scheme::Sips,
            s if s.eq_ignore_ascii_case("tel") => Scheme::Tel,
            s if is_scheme(s) => Scheme::Other,
            _ => return Err(Malformed("a URI scheme is malformed")),
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => Self::parse_sip(text, scheme, rest),
            Scheme::Tel => Self::parse_tel(text, rest),
            Scheme::Other if rest.is_empty() => Err(Malformed("a URI ends after its scheme")),
            Scheme::Other => Ok(Self {
                host: rest,
                ..Self::bare(text, scheme)
            }),
        }
    }

    fn parse_sip(text: &'a str, scheme: Scheme, rest: &'a str) -> Result<Self, Malformed> {
        // The user part may hold ';' and '?', the host may not: look for '@' first, but not in
        // the headers.
        let (userinfo, rest) = match cut(rest, b'@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|u| (u, cut(u, b':'))) {
            None => (None, None),
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
        };
        if user.is_some_and(|user| user.is_empty() || !is_user(user)) {
            return Err(Malformed("the user part of a URI is malformed"));
        }
        let (rest, headers) = match cut(rest, b'?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (hostport, params) = cut_before(rest, b';');
        let (host, port) = split_host_port(hostport)?;
        Ok(Self {
            text,
            scheme,
            user,
            password,
            host,
            port,
            params: uri_params(params)?,
            headers,
        })
    }

    fn parse_tel(text: &'a str, rest: &'a str) -> Result<Self, Malformed> {
        let (number, params) = cut_before(rest, b';');
        if number.is_empty()
            || !number
                .bytes()
                .all(|b| b.is_ascii_hexdigit() || b"+-.()*#".contains(&b))
        {
            return Err(Malformed("a telephone number is malformed"));
        }
        Ok(Self {
            user: Some(number),
            params: uri_params(params)?,
            ..Self::bare(text, Scheme::Tel)
        })
    }

    const fn bare(text: &'a str, scheme: Scheme) -> Self {
        Self {
            text,
            scheme,
            user: None,
            password: None,
            host: "",
            port: None,
            params: Params::checked(""),
            headers: None,
        }
    }

    /// The URI as it was written.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// What kind of URI it is.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Is it `sip:` or `sips:`?
    pub const fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part as written, escapes and all.
    pub const fn user(&self) -> Option<&'a str> {
        self.user
    }

    /// The password as written. Nobody should use it; it is kept for comparison.
    pub const fn password(&self) -> Option<&'a str> {
        self.password
    }

    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The port, if one is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters.
    pub const fn params(&self) -> Params<'a> {
        self.params
    }

    /// The part after `?`, escaped as written.
    pub const fn headers_text(&self) -> Option<&'a str> {
        self.headers
    }

    /// The header fields asked for after `?`: name and unescaped value, in order.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.headers
            .unwrap_or_default()
            .split('&')
            .filter_map(|one| one.split_once('='))
            .map(|(name, value)| (unescape(name), unescape(value)))
    }

    /// The address of record this URI belongs to: scheme, user and host alone, in canonical form.
    ///
    /// The user part has needless escapes removed, the host is in lower case; port, parameters
    /// (`gr` among them) and headers are dropped. Two URIs of one person give one text. `sips` is
    /// kept apart from nothing: the result is always written with `sip:` (RFC 3261 19.1.6 would
    /// make two identities of one account). A tel URI gives its number without visual separators.
    pub fn aor(&self) -> String {
        match self.scheme {
            Scheme::Sip | Scheme::Sips => {
                let host = self.host.to_ascii_lowercase();
                match self.user {
                    Some(user) => format!("sip:{}@{host}", canonical_user(user)),
                    None => format!("sip:{host}"),
                }
            }
            Scheme::Tel => {
                let digits = self.user.unwrap_or_default();
                let plain: String = digits.chars().filter(|c| !"-.()".contains(*c)).collect();
                format!("tel:{plain}")
            }
            Scheme::Other => self.text.to_owned(),
        }
    }

    /// Does this URI name the same resource as the other (RFC 3261 section 19.1.4)?
    pub fn equivalent(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            Scheme::Other => self.text == other.text,
            Scheme::Tel => self.aor() == other.aor(),
            Scheme::Sip | Scheme::Sips => {
                self.user.map(canonical_user) == other.user.map(canonical_user)
                    && self.password.map(unescape) == other.password.map(unescape)
                    && self.host.eq_ignore_ascii_case(other.host)
                    && self.port == other.port
                    && same_params(self.params, other.params)
                    && same_headers(self, other)
            }
        }
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Splits `host[:port]`; the host may be an IPv6 address in brackets.
pub(crate) fn split_host_port(text: &str) -> Result<(&str, Option<u16>), Malformed> {
    let (host, rest) = if text.starts_with('[') {
        let end = text.find(']').map_or(0, |at| at + 1);
        text.split_at_checked(end)
            .ok_or(Malformed("a host is malformed"))?
    } else {
        cut_before(text, b':')
    };
    if !is_host(host) {
        return Err(Malformed("a host is malformed"));
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => {
            return Err(Malformed(
                "a host is followed by something else than a port",
            ));
        }
        Some(port) => Some(parse_port(port)?),
    };
    Ok((host, port))
}

fn parse_port(text: &str) -> Result<u16, Malformed> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Malformed("a port is not a number"));
    }
    text.parse().map_err(|_| Malformed("a port is above 65535"))
}

fn is_host(host: &str) -> bool {
    const PLAIN: [bool; 256] = table(b"-._");
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return is_ipv6(inner);
    }
    !host.is_empty() && host.bytes().all(|b| is_in(&PLAIN, b)) && !host.starts_with(['-', '.'])
}

fn is_ipv6(text: &str) -> bool {
    let reads = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    // RFC 5118 section 4.10: the grammar of RFC 3261 gave a third colon before an IPv4 part.
    reads(text)
        || text
            .split_once(":::")
            .is_some_and(|(a, b)| b.parse::<Ipv4Addr>().is_ok() && reads(&format!("{a}::{b}")))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_user(text: &str) -> bool {
    const PLAIN: [bool; 256] = table(b"-_.!~*'()%&=+$,;?/#");
    text.bytes().all(|b| b >= 0x80 || is_in(&PLAIN, b)) && escapes_are_whole(text)
}

fn uri_params(text: &str) -> Result<Params<'_>, Malformed> {
    let params = Params::checked(text);
    if text.is_empty() {
        return Ok(params);
    }
    let mut names = Names::default();
    for (name, value) in params.iter() {
        if name.is_empty() || value == Some("") {
            return Err(Malformed("a URI parameter is malformed"));
        }
        // RFC 3261 section 19.1.1: any given parameter name stands once.
        names.add(name)?;
    }
    Ok(params)
}

fn escapes_are_whole(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        let mut hex = part.bytes().take(2);
        hex.len() == 2 && hex.all(|b| b.is_ascii_hexdigit())
    })
}

/// Removes `%xx` escapes. What is not UTF-8 afterwards, or not an escape, stays as written.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                plain.push(high << 4 | low);
                rest = ahead;
            }
            _ => plain.push(byte),
        }
    }
    String::from_utf8(plain).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Escapes a text for the user part of a URI.
pub fn escape_user(text: &str) -> Cow<'_, str> {
    escape(text, b"-_.!~*'()&=+$,;?/")
}

/// Escapes a text for a URI parameter (RFC 3261 `paramchar`).
pub fn escape_param(text: &str) -> Cow<'_, str> {
    escape(text, b"-_.!~*'()[]/:&+$")
}

/// Escapes a header value for the part of a URI after `?` (RFC 3261 `hvalue`).
pub fn escape_header(text: &str) -> Cow<'_, str> {
    escape(text, b"-_.!~*'()[]/?:+$")
}

fn escape<'a>(text: &'a str, plain: &[u8]) -> Cow<'a, str> {
    let keep = |b: u8| b.is_ascii_alphanumeric() || plain.contains(&b);
    if text.bytes().all(keep) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if keep(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

fn canonical_user(user: &str) -> Cow<'_, str> {
    if !user.contains('%') {
        return Cow::Borrowed(user);
    }
    Cow::Owned(escape_user(&unescape(user)).into_owned())
}

/// RFC 3261 section 19.1.4: a parameter in both must match; user, ttl, method, maddr and
/// transport must match even when in one alone; others in one alone are ignored.
fn same_params(a: Params<'_>, b: Params<'_>) -> bool {
    let one_way = |a: Params<'_>, b: Params<'_>| {
        a.iter().all(|(name, value)| match b.has(name) {
            true => match (value, b.get(name)) {
                (Some(x), Some(y)) => unescape(x).eq_ignore_ascii_case(&unescape(y)),
                (x, y) => x == y,
            },
            false => !["user", "ttl", "method", "maddr", "transport"]
                .iter()
                .any(|must| must.eq_ignore_ascii_case(name)),
        })
    };
    one_way(a, b) && one_way(b, a)
}

fn same_headers(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    match (a.headers, b.headers) {
        (None, None) => true,
        _ => sorted_headers(a) == sorted_headers(b),
    }
}

fn sorted_headers<'a>(uri: &Uri<'a>) -> Vec<(String, Cow<'a, str>)> {
    let mut all: Vec<_> = uri
        .headers()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_uri() {
        let uri =
            Uri::parse("sip:al%69ce;x@Example.COM:5070;transport=tcp;lr?a=b%20c&d=e").unwrap();
        assert_eq!(uri.user(), Some("al%69ce;x"));
        assert_eq!((uri.host(), uri.port()), ("Example.COM", Some(5070)));
        assert_eq!(uri.params().get("transport"), Some("tcp"));
        assert!(uri.params().has("LR"));
        let headers: Vec<_> = uri.headers().collect();
        assert_eq!(
            headers,
            [("a".into(), "b c".into()), ("d".into(), "e".into())]
        );
        assert_eq!(uri.aor(), "sip:alice;x@example.com");
        assert_eq!(
            Uri::parse("sips:[2001:db8::1]:1").unwrap().host(),
            "[2001:db8::1]"
        );
        assert_eq!(Uri::parse("tel:+1-201-555").unwrap().aor(), "tel:+1201555");
    }

    #[test]
    fn malformed_uris_are_refused() {
        for bad in [
            "alice@example.com",
            "sip:",
            "sip:@host",
            "sip:a@",
            "sip:a@h:",
            "sip:a@h:65536",
            "sip:a@h:x",
            "sip:a b@h",
            "sip:a@h;lr;lr",
            "sip:a@h;=1",
            "sip:a@[::g]",
            "sip:a@[1:::2]",
            "sip:a%4@h",
            "sip:a@h>",
            "1x:y",
            "http:",
        ] {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn equivalence_follows_rfc_3261_19_1_4() {
        let same = |a: &str, b: &str| Uri::parse(a).unwrap().equivalent(&Uri::parse(b).unwrap());
        for (a, b, want) in [
            (
                "sip:%61lice@h.com;transport=TCP",
                "sip:alice@H.com;Transport=tcp",
                true,
            ),
            ("sip:carol@h.com", "sip:carol@h.com;newparam=5", true),
            ("sip:b@h.com;a=1", "sip:b@h.com;c=2", true),
            ("sip:b@h.com?x=1&y=2", "sip:b@h.com?y=2&x=1", true),
            ("sip:ALICE@h.com", "sip:alice@h.com", false),
            ("sip:bob@h.com", "sip:bob@h.com:5060", false),
            ("sip:bob@h.com", "sip:bob@h.com;transport=udp", false),
            ("sip:carol@h.com;s=on", "sip:carol@h.com;s=off", false),
            ("sip:bob@h.com", "sips:bob@h.com", false),
            ("sip:carol@h.com", "sip:carol@h.com?Subject=next", false),
        ] {
            assert_eq!(same(a, b), want, "{a} {b}");
            assert_eq!(same(b, a), want, "{b} {a}");
        }
    }
}
