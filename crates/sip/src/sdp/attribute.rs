//! The `a=` lines: those that a focus repeats, and those that say which way messages flow.

use std::fmt;
use std::sync::Arc;

use crate::sdp::MsrpMedia;

/// One `a=` line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribute {
    /// Before the colon.
    pub name: String,
    /// After the colon, if there is one.
    pub value: Option<String>,
}

impl Attribute {
    /// An attribute with a value.
    pub fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        }
    }
}

impl From<&sdp_types::Attribute> for Attribute {
    fn from(line: &sdp_types::Attribute) -> Self {
        Self {
            name: line.attribute.clone(),
            value: line.value.clone(),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}:{value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The value of the first attribute of this name; empty if it has none.
pub(crate) fn value_of<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
        .map(|attribute| attribute.value.as_deref().unwrap_or(""))
}

/// The attributes of an offer that the focus repeats in its own offers and answers, in order and
/// unchanged.
///
/// IM-7.2.2.2-S4a: all that accompanied the selected media line, but for those which describe the
/// offerer's own end of the connection; the server sets its own of these.
pub(crate) fn repeated_attributes(media: &MsrpMedia) -> Arc<[Attribute]> {
    let transport = |attribute: &&Attribute| {
        !TRANSPORT
            .iter()
            .any(|name| attribute.name.eq_ignore_ascii_case(name))
    };
    media.attributes.iter().filter(transport).cloned().collect()
}

/// What belongs to one connection and would be wrong on another.
const TRANSPORT: [&str; 18] = [
    "path",
    "setup",
    "connection",
    "fingerprint",
    "tls-id",
    "msrp-cema",
    "msrp-acm",
    "rtcp",
    "rtcp-mux",
    "candidate",
    "remote-candidates",
    "end-of-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "ice-lite",
    "crypto",
    "mid",
];

/// Which way messages may flow (RFC 8866 6.7), as seen by who says it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Direction {
    /// Neither way.
    Inactive,
    /// To the one who says it.
    RecvOnly,
    /// From the one who says it.
    SendOnly,
    /// Both ways; meant when nothing is said.
    #[default]
    SendRecv,
}

impl Direction {
    const ALL: [Self; 4] = [
        Self::Inactive,
        Self::RecvOnly,
        Self::SendOnly,
        Self::SendRecv,
    ];

    /// The widest answer to this offer (RFC 3264 6.1).
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::RecvOnly => Self::SendOnly,
            Self::SendOnly => Self::RecvOnly,
            Self::Inactive | Self::SendRecv => self,
        }
    }

    /// What remains if only `other` is allowed as well.
    #[must_use]
    pub fn limited_to(self, other: Self) -> Self {
        match (self, other) {
            (Self::SendRecv, other) => other,
            (this, Self::SendRecv) => this,
            (this, other) if this == other => this,
            _ => Self::Inactive,
        }
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::RecvOnly => "recvonly",
            Self::SendOnly => "sendonly",
            Self::SendRecv => "sendrecv",
        }
    }

    pub(crate) fn of(attributes: &[Attribute]) -> Option<Self> {
        attributes.iter().find_map(|attribute| {
            Self::ALL
                .into_iter()
                .find(|direction| attribute.name.eq_ignore_ascii_case(direction.name()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Description;

    /// IM-7.2.2.2-S4a
    #[test]
    fn what_a_focus_repeats() {
        let text = "v=0\r\nm=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
            a=path:msrp://192.0.2.11:2855/a1b2;tcp\r\na=Setup:active\r\na=connection:new\r\n\
            a=fingerprint:sha-1 AA\r\na=msrp-cema\r\na=rtcp:9\r\na=candidate:1 1 tcp\r\n\
            a=max-size:10\r\na=x-vendor: kept \r\na=sendonly\r\n";
        let description = Description::parse(text.as_bytes()).unwrap();
        let (_, media) = description.msrp().unwrap();
        let lines: Vec<String> = repeated_attributes(media)
            .iter()
            .map(ToString::to_string)
            .collect();
        let want = [
            "accept-types:message/cpim",
            "max-size:10",
            "x-vendor:kept",
            "sendonly",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn directions() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        // (offered, what we would, answered)
        let table = [
            (SendRecv, SendRecv, SendRecv),
            (SendOnly, SendRecv, RecvOnly),
            (RecvOnly, SendRecv, SendOnly),
            (Inactive, SendRecv, Inactive),
            (SendRecv, RecvOnly, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (SendRecv, Inactive, Inactive),
        ];
        for (offered, ours, want) in table {
            assert_eq!(
                offered.mirrored().limited_to(ours),
                want,
                "{offered:?} {ours:?}"
            );
        }
    }
}
