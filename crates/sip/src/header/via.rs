//! Via (RFC 3261 section 20.42, RFC 3581).

use std::fmt;

use crate::header::{Header, List};
use crate::text::{self, is_token, trim};
use crate::{Malformed, Name, Params, uri};

/// One hop a request has taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Via<'a> {
    /// The transport: UDP, TCP, TLS, WS ..., in the case it was written.
    pub transport: &'a str,
    /// The host of the hop, as it knows itself.
    pub host: &'a str,
    /// The port, if written.
    pub port: Option<u16>,
    /// branch, received, rport and the rest.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// The magic cookie that a branch of RFC 3261 begins with.
    pub const COOKIE: &'static str = "z9hG4bK";

    /// The branch, if there is one.
    pub fn branch(&self) -> Option<&'a str> {
        self.params.get("branch")
    }
}

impl<'a> Header<'a> for Via<'a> {
    const NAME: Name = Name::Via;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (name, rest) = text::cut(value, b'/').unwrap_or((value, ""));
        let (version, rest) = text::cut(rest, b'/').unwrap_or((rest, ""));
        let (name, version) = (trim(name), trim(version));
        let rest = rest.trim_start_matches([' ', '\t']);
        if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(Malformed("a Via is not SIP/2.0"));
        }
        let (transport, rest) = rest
            .split_once([' ', '\t'])
            .ok_or(Malformed("a Via has no sent-by"))?;
        if !is_token(transport) {
            return Err(Malformed("a Via transport is not a token"));
        }
        let (sent_by, params) = text::cut_before(rest, b';');
        let (host, port) = sent_by_parts(trim(sent_by))?;
        Ok(Self {
            transport,
            host,
            port,
            params: Params::parse(params)?,
        })
    }
}

/// A sent-by may have blanks around its colon.
fn sent_by_parts(text: &str) -> Result<(&str, Option<u16>), Malformed> {
    match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            let (host, _) = uri::split_host_port(host.trim_end_matches([' ', '\t']))?;
            let port = port.trim_start_matches([' ', '\t']);
            match crate::parse::decimal(port).and_then(|p| u16::try_from(p).ok()) {
                Some(port) => Ok((host, Some(port))),
                None => Err(Malformed("a Via port is not a number below 65536")),
            }
        }
        _ => uri::split_host_port(text),
    }
}

impl List for Via<'_> {}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.params.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_with_blanks_where_they_may_be() {
        let via = Via::parse("SIP  / 2.0\t/ TCP   [2001:db8::9] : 5070 ; branch = z9hG4bK1;rport")
            .unwrap();
        assert_eq!(
            (via.transport, via.host, via.port),
            ("TCP", "[2001:db8::9]", Some(5070))
        );
        assert_eq!(via.branch(), Some("z9hG4bK1"));
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP h",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP ;branch=x",
            "HTTP/2.0/UDP h",
        ] {
            assert!(Via::parse(bad).is_err(), "{bad}");
        }
    }
}
