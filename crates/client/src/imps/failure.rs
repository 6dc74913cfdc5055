//! Why something did not happen, in words for a person.

use std::fmt;

use imps::csp::Outcome;
use imps::status::Code;
use imps::{Primitive, csp};
use serde::Serialize;

/// Why a command failed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// The server does not take the user's name and password.
    #[error("{user} is not known to the server with this password ({})", named(*code))]
    Authentication {
        /// The user.
        user: String,
        /// The code of the refusal.
        code: u16,
    },
    /// The server speaks HTTP and says no there.
    #[error("the server answers {status} {reason}")]
    Http {
        /// The status.
        status: u16,
        /// What it is called.
        reason: String,
    },
    /// What the server sent cannot be used.
    #[error("cannot go on with what the server sent: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// The server was not reached, or its answer was not.
    #[error("no answer from the server: {why}")]
    Network {
        /// What the system says, of the last attempt.
        why: String,
    },
    /// Something that is to be an address is none. Nothing was sent.
    #[error("{text:?} is no address: {why}")]
    NoAddress {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such invitation, or it does not stand any more.
    #[error("there is no such invitation")]
    NoInvitation,
    /// The function was not agreed in this session. Nothing was sent.
    #[error("{function} was not agreed with the server in this session")]
    NotAgreed {
        /// Its name in the service tree.
        function: &'static str,
    },
    /// There is no session.
    #[error("not logged in")]
    NotLoggedIn,
    /// The agent is not in the state that the command needs.
    #[error("not possible now: {why}")]
    NotNow {
        /// What stands against it.
        why: &'static str,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(Refused),
    /// The session ended before the command was carried out.
    #[error("the session is over ({})", named(*code))]
    SessionLost {
        /// The code with which it ended.
        code: u16,
    },
    /// The agent has stopped.
    #[error("the agent has stopped")]
    Stopped,
}

impl Failure {
    pub(super) fn malformed(why: impl fmt::Display) -> Self {
        Self::Malformed {
            why: why.to_string(),
        }
    }
}

/// A code with what it means.
fn named(code: u16) -> String {
    match Code::new(code).description() {
        "" => code.to_string(),
        phrase => format!("{code} {phrase}"),
    }
}

/// A refusal by the server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refused {
    /// The code.
    pub code: u16,
    /// What the server says to it, or else what the code means.
    pub description: String,
    /// What did not end as the whole: a code, and whom or what it is about.
    pub details: Vec<(u16, String)>,
}

impl Refused {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let meaning = || outcome.code.description().to_owned();
        let said = outcome.description.clone().filter(|text| !text.is_empty());
        Self {
            code: outcome.code.number(),
            description: said.unwrap_or_else(meaning),
            details: details(outcome).collect(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        // What a server says of its own does not always name what the code means.
        let phrase = Code::new(self.code).description();
        let begins = self.description.get(..phrase.len());
        if !begins.is_some_and(|begins| begins.eq_ignore_ascii_case(phrase)) {
            write!(f, " {phrase}:")?;
        }
        if !self.description.is_empty() {
            write!(f, " {}", self.description)?;
        }
        let said = |(code, what): &&(u16, String)| {
            *code == self.code && self.description.contains(what.as_str())
        };
        for (code, what) in self.details.iter().filter(|detail| !said(detail)) {
            write!(f, ", {what} ({code})")?;
        }
        Ok(())
    }
}

/// Whom and what the details of an outcome are about, each with its code.
pub(super) fn details(outcome: &Outcome) -> impl Iterator<Item = (u16, String)> {
    outcome.details.iter().flat_map(|detail| {
        let names = detail.screen_names.iter().map(|name| &name.name);
        let all = [
            &detail.users,
            &detail.groups,
            &detail.messages,
            &detail.contact_lists,
            &detail.domains,
        ];
        let all = all.into_iter().flatten().chain(names);
        all.map(|what| (detail.code.number(), what.clone()))
    })
}

/// An answer that says yes, at least in part.
///
/// # Errors
///
/// [`Failure::Refused`].
pub(super) fn granted(answer: Primitive) -> Result<Primitive, Failure> {
    match outcome(&answer) {
        Some(outcome) if !outcome.code.is_success() => Err(Failure::Refused(Refused::of(outcome))),
        Some(_) | None => Ok(answer),
    }
}

/// How the request ended that this answers, if it says so.
pub(super) fn outcome(answer: &Primitive) -> Option<&Outcome> {
    match answer {
        Primitive::Status(csp::Status { outcome, .. })
        | Primitive::LoginResponse(csp::LoginResponse { outcome, .. })
        | Primitive::KeepAliveResponse(csp::KeepAliveResponse { outcome, .. })
        | Primitive::SendMessageResponse(csp::SendMessageResponse { outcome, .. })
        | Primitive::ListManageResponse(csp::ListManageResponse { outcome, .. })
        | Primitive::GetPresenceResponse(csp::GetPresenceResponse { outcome, .. })
        | Primitive::GetAttributeListResponse(csp::GetAttributeListResponse { outcome, .. })
        | Primitive::GetPublicProfileResponse(csp::GetPublicProfileResponse { outcome, .. })
        | Primitive::LeaveGroupResponse(csp::LeaveGroupResponse { outcome, .. }) => Some(outcome),
        // The others are what was asked for, or no answers.
        _ => None,
    }
}

/// The codes that say that there is no session any more.
pub(super) fn ends_session(answer: &Primitive) -> Option<Code> {
    let Primitive::Status(status) = answer else {
        return None;
    };
    let gone = [
        Code::SESSION_EXPIRED,
        Code::FORCED_LOGOUT,
        Code::INVALID_SESSION,
    ];
    Some(status.outcome.code).filter(|code| gone.contains(code))
}

#[cfg(test)]
mod tests {
    use imps::csp::{DetailedResult, Status};

    use super::*;

    #[test]
    fn a_refusal_says_why() {
        let partly = DetailedResult::of_users(Code::UNKNOWN_USER, vec!["wv:bob@im.com".to_owned()]);
        let spoken = |code: Code, text: &str| Outcome {
            description: Some(text.to_owned()),
            ..Outcome::new(code)
        };
        let unknown = spoken(Code::UNKNOWN_USER, "unknown user: wv:bob@im.com is nobody");
        let rows = [
            (Outcome::new(Code::GROUP_FULL), "817 Group is full"),
            (
                spoken(Code::new(900), "look below").with_details(vec![partly.clone()]),
                "900 Multiple errors: look below, wv:bob@im.com (531)",
            ),
            // What was said is not said again.
            (
                unknown.with_details(vec![partly]),
                "531 unknown user: wv:bob@im.com is nobody",
            ),
            (spoken(Code::new(999), "no tea"), "999 no tea"),
            (Outcome::new(Code::new(999)), "999"),
        ];
        for (outcome, want) in rows {
            let Err(failure) = granted(Status::from(outcome).into()) else {
                panic!("{want}")
            };
            assert_eq!(failure.to_string(), want);
        }
        assert!(granted(Status::new(Code::PARTIALLY_SUCCESSFUL).into()).is_ok());
    }

    #[test]
    fn what_ends_a_session() {
        for (code, ends) in [
            (600, true),
            (601, true),
            (604, true),
            (603, false),
            (200, false),
        ] {
            let status = Status::new(Code::new(code)).into();
            assert_eq!(ends_session(&status).is_some(), ends, "{code}");
        }
    }
}
