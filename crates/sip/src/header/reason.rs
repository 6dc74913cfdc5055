//! Reason: why a request or response was sent (RFC 3326 section 2).

use std::borrow::Cow;
use std::fmt;

use crate::header::{Header, List};
use crate::text::{Quoted, is_token, unquote};
use crate::{Malformed, Name, Params, parse};

/// One reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason<'a> {
    /// What numbers the cause: `SIP`, `Q.850` ...
    pub protocol: &'a str,
    /// The cause: for `SIP` a status code.
    pub cause: Option<u32>,
    /// The cause in words, quotes and escapes removed.
    pub text: Option<Cow<'a, str>>,
}

impl<'a> Reason<'a> {
    /// A SIP status as the reason.
    pub const fn sip(status: u16, text: &'a str) -> Self {
        Self {
            protocol: "SIP",
            cause: Some(status as u32),
            text: Some(Cow::Borrowed(text)),
        }
    }

    /// Is it this SIP status?
    pub fn is_sip(&self, status: u16) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP") && self.cause == Some(status.into())
    }
}

impl<'a> Header<'a> for Reason<'a> {
    const NAME: Name = Name::Reason;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (protocol, params) = Params::after(value)?;
        if !is_token(protocol) {
            return Err(Malformed("the protocol of a Reason is not a token"));
        }
        let cause = params.get("cause").map(|cause| {
            parse::decimal(unquote(cause).trim_ascii())
                .and_then(|cause| u32::try_from(cause).ok())
                .ok_or(Malformed("the cause of a Reason is not a number"))
        });
        Ok(Self {
            protocol,
            cause: cause.transpose()?,
            text: params.unquoted("text"),
        })
    }
}

impl List for Reason<'_> {}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            write!(f, ";text={}", Quoted(text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_in_every_dress() {
        for (text, protocol, cause, words, written) in [
            (
                "SIP;cause=410;text=\"Gone\"",
                "SIP",
                Some(410),
                Some("Gone"),
                "SIP;cause=410;text=\"Gone\"",
            ),
            (
                "sip ; Cause = 200 ; x=y",
                "sip",
                Some(200),
                None,
                "sip;cause=200",
            ),
            (
                "Q.850;cause=16;text=\"a \\\"b\\\"\"",
                "Q.850",
                Some(16),
                Some("a \"b\""),
                "Q.850;cause=16;text=\"a \\\"b\\\"\"",
            ),
            ("preemption", "preemption", None, None, "preemption"),
            // Seen from real peers: the number quoted, the text not.
            (
                "SIP;cause=\"603\";text=Decline",
                "SIP",
                Some(603),
                Some("Decline"),
                "SIP;cause=603;text=\"Decline\"",
            ),
        ] {
            let got = Reason::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (got.protocol, got.cause, got.text.as_deref()),
                (protocol, cause, words)
            );
            assert_eq!(got.to_string(), written);
        }
        assert!(Reason::parse("sip;cause=410").unwrap().is_sip(410));
        assert!(!Reason::parse("Q.850;cause=410").unwrap().is_sip(410));
        assert_eq!(
            Reason::sip(200, "Call completed").to_string(),
            "SIP;cause=200;text=\"Call completed\""
        );
        for bad in [
            "",
            ";cause=1",
            "SIP;cause=x",
            "SIP;cause=-1",
            "SIP;text=\"x",
        ] {
            assert!(Reason::parse(bad).is_err(), "{bad}");
        }
    }
}
