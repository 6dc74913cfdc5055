//! Why something did not happen, in words for a person.

use std::fmt;

use serde::Serialize;
use sip::header::Warning;
use sip::{Fields, Response};

/// Why a procedure failed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// The server does not take the user's name and password.
    #[error("{user} is not known to the server with this password ({status})")]
    Authentication {
        /// The user part that was sent.
        user: String,
        /// The status of the last refusal.
        status: u16,
    },
    /// The user, or the other side, gave up before there was a session.
    #[error("cancelled")]
    Cancelled,
    /// The message was not delivered to the server or the peer.
    #[error("not delivered: {why}")]
    Delivery {
        /// Why.
        why: String,
    },
    /// The nickname was refused (RFC 7701 section 7.1).
    #[error("the nickname was refused with {code}{}", nickname(*code))]
    Nickname {
        /// The code of the MSRP response: 424 for what is none, 425 for one that is taken, 403, or
        /// 501 where there are no nicknames.
        code: u16,
    },
    /// What the other side sent cannot be used.
    #[error("cannot go on with what the server sent: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// No SIP connection to the server.
    #[error("no connection to the server: {why}")]
    Network {
        /// What the system says.
        why: String,
    },
    /// An invitation that names nobody.
    #[error("the invitation names nobody")]
    NoGuests,
    /// There is no such session, or it is over.
    #[error("there is no such session")]
    NoSuchSession,
    /// The session is not in the state that the command needs.
    #[error("not possible now: {why}")]
    NotNow {
        /// What stands against it.
        why: &'static str,
    },
    /// The other side said no.
    #[error("{0}")]
    Refused(Refused),
    /// The agent has stopped.
    #[error("the agent has stopped")]
    Stopped,
    /// Nobody answered in time.
    #[error("no answer in time")]
    Timeout,
    /// More people than MAX-ADHOC-GROUP-SIZE (IM-7.1.1.3-S4a). Nothing was sent.
    #[error("{guests} people are too many for one conference: the most is {limit}")]
    TooManyGuests {
        /// How many were named, each once.
        guests: usize,
        /// The most allowed.
        limit: u32,
    },
    /// The agent keeps no more sessions.
    #[error("too many sessions at a time: the most is {limit}")]
    TooManySessions {
        /// The most an agent keeps.
        limit: usize,
    },
    /// A session to go back to that is not stored (IM-7.1.1.9-S1a). Nothing was sent.
    #[error("{identity} is no session that can be rejoined")]
    UnknownSession {
        /// What was asked for.
        identity: String,
    },
}

/// A refusal by the other side.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refused {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The text of the Warning header, with its OMA number: `102 too many participants`.
    pub warning: Option<String>,
    /// The rule that the server obeys with this refusal: as it says, or as the warning tells.
    pub rule: Option<String>,
}

impl Refused {
    /// Reads a final response that is no 2xx.
    pub(crate) fn of(response: &Response) -> Self {
        let warning = warning(response);
        let known = || rule(response.status(), warning.as_deref()?).map(str::to_owned);
        let rule = named_rule(response).or_else(known);
        Self {
            status: response.status(),
            reason: response.reason().to_owned(),
            warning,
            rule,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.reason)?;
        if let Some(warning) = &self.warning {
            write!(f, ", {warning}")?;
        }
        match &self.rule {
            Some(rule) => write!(f, " [{rule}]"),
            None => Ok(()),
        }
    }
}

/// The text of the first Warning that can be read, with its number before it.
fn warning(fields: &Fields) -> Option<String> {
    let mut warnings = fields.list::<Warning<'_>>().flatten();
    let warning = warnings.find(|warning| !warning.text.starts_with(RULE))?;
    let number = warning.number();
    // Most have the number in the text; 399 is none.
    if number == 399 || warning.text.starts_with(&number.to_string()) {
        return Some(warning.text.into_owned());
    }
    Some(format!("{number} {}", warning.text))
}

/// How the Warning begins in which a server of ours names the rule it obeys.
const RULE: &str = "rule ";

fn named_rule(fields: &Fields) -> Option<String> {
    let mut warnings = fields.list::<Warning<'_>>().flatten();
    warnings.find_map(|warning| warning.text.strip_prefix(RULE).map(str::to_owned))
}

/// Which rule has a server say this (OMA SIMPLE IM 5.6 as used in 7.2.1.2).
fn rule(status: u16, warning: &str) -> Option<&'static str> {
    match (status, warning.get(..3)?) {
        (403, "127") => Some("IM-7.2.1.2-S2a"),
        (403, "119") => Some("IM-7.2.1.2-S3"),
        (486, "102") => Some("IM-7.2.1.2-S8a"),
        _ => None,
    }
}

/// What a refusal of a nickname means.
fn nickname(code: u16) -> &'static str {
    match code {
        408 => ": no answer came",
        424 => ": it is not a nickname",
        425 => ": somebody else has it",
        501 | 506 => ": there are none here",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Message;

    #[test]
    fn a_refusal_says_why() {
        #[rustfmt::skip]
        let table = [
            ("486 Busy Here", Some("399 h \"102 too many participants\""), "486 Busy Here, 102 too many participants [IM-7.2.1.2-S8a]"),
            ("403 Forbidden", Some("399 h \"119 Anonymity not allowed\""), "403 Forbidden, 119 Anonymity not allowed [IM-7.2.1.2-S3]"),
            ("403 Forbidden", Some("127 h \"Service not authorised\""), "403 Forbidden, 127 Service not authorised [IM-7.2.1.2-S2a]"),
            ("403 Forbidden", Some("403 SIP \"133 Size exceeded\""), "403 Forbidden, 133 Size exceeded"),
            ("500 Oops", Some("399 h \"disk \\\"full\\\"\""), "500 Oops, disk \"full\""),
            ("486 Busy Here", Some("399 h \"102 too many participants\"\r\nWarning: 399 h \"rule IM-7.2.1.2-S8a\""),
                "486 Busy Here, 102 too many participants [IM-7.2.1.2-S8a]"),
            ("488 Not Acceptable Here", Some("399 h \"rule IM-7.2.1.2-S7a\""), "488 Not Acceptable Here [IM-7.2.1.2-S7a]"),
            ("404 Not Found", None, "404 Not Found"),
            ("404 Not Found", Some("rubbish"), "404 Not Found"),
        ];
        for (status, warning, want) in table {
            let warning = warning.map_or(String::new(), |w| format!("Warning: {w}\r\n"));
            let text = format!("SIP/2.0 {status}\r\n{warning}\r\n");
            let Ok(Message::Response(response)) = Message::parse(text.into()) else {
                panic!("{status}")
            };
            assert_eq!(Refused::of(&response).to_string(), want);
        }
    }
}
