//! Subscription-State (RFC 6665 section 8.2.3).

use std::fmt;

use crate::header::Header;
use crate::header::seconds::seconds;
use crate::text::is_token;
use crate::{Malformed, Name, Params};

/// How a subscription stands, as a NOTIFY says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubscriptionState<'a> {
    /// The state.
    pub state: Substate<'a>,
    /// Why it ended, as written: deactivated, noresource, timeout ...
    pub reason: Option<&'a str>,
    /// How long it still lasts, in seconds.
    pub expires: Option<u32>,
    /// When to subscribe again, in seconds.
    pub retry_after: Option<u32>,
}

/// The state of a subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Substate<'a> {
    /// Accepted.
    Active,
    /// Received, but nobody has decided.
    Pending,
    /// Over.
    Terminated,
    /// A state this crate has no word for.
    Other(&'a str),
}

impl<'a> SubscriptionState<'a> {
    /// Accepted, for so many more seconds.
    pub const fn active(expires: u32) -> Self {
        Self::lasting(Substate::Active, expires)
    }

    /// Undecided, for so many more seconds.
    pub const fn pending(expires: u32) -> Self {
        Self::lasting(Substate::Pending, expires)
    }

    /// Over, and why: `noresource`, `timeout`, `rejected` ... (RFC 6665 section 4.1.3).
    pub const fn terminated(reason: &'a str) -> Self {
        Self {
            state: Substate::Terminated,
            reason: Some(reason),
            expires: None,
            retry_after: None,
        }
    }

    const fn lasting(state: Substate<'a>, expires: u32) -> Self {
        Self {
            state,
            reason: None,
            expires: Some(expires),
            retry_after: None,
        }
    }

    /// Is the subscription over?
    pub fn is_terminated(&self) -> bool {
        self.state == Substate::Terminated
    }
}

impl<'a> Header<'a> for SubscriptionState<'a> {
    const NAME: Name = Name::SubscriptionState;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (state, params) = Params::after(value)?;
        let state = match state {
            s if s.eq_ignore_ascii_case("active") => Substate::Active,
            s if s.eq_ignore_ascii_case("pending") => Substate::Pending,
            s if s.eq_ignore_ascii_case("terminated") => Substate::Terminated,
            s if is_token(s) => Substate::Other(s),
            _ => return Err(Malformed("a subscription state is not a token")),
        };
        Ok(Self {
            state,
            reason: params.get("reason"),
            expires: params.get("expires").map(seconds).transpose()?,
            retry_after: params.get("retry-after").map(seconds).transpose()?,
        })
    }
}

impl fmt::Display for SubscriptionState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            Substate::Active => "active",
            Substate::Pending => "pending",
            Substate::Terminated => "terminated",
            Substate::Other(other) => other,
        })?;
        if let Some(reason) = self.reason {
            write!(f, ";reason={reason}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, ";expires={expires}")?;
        }
        if let Some(retry_after) = self.retry_after {
            write!(f, ";retry-after={retry_after}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_state_in_every_dress() {
        let probation = SubscriptionState {
            retry_after: Some(60),
            ..SubscriptionState::terminated("probation")
        };
        let waiting = SubscriptionState {
            expires: None,
            state: Substate::Other("waiting"),
            ..SubscriptionState::active(0)
        };
        for (text, want) in [
            ("active;expires=3600", SubscriptionState::active(3600)),
            ("Pending ; expires = 0;x", SubscriptionState::pending(0)),
            (
                "terminated;reason=noresource",
                SubscriptionState::terminated("noresource"),
            ),
            ("terminated;reason=probation;retry-after=60", probation),
            ("waiting", waiting),
        ] {
            assert_eq!(SubscriptionState::parse(text), Ok(want), "{text}");
            assert_eq!(
                SubscriptionState::parse(&want.to_string()),
                Ok(want),
                "{text}"
            );
        }
        for bad in [
            "",
            ";expires=1",
            "active;expires=x",
            "a b",
            "terminated;retry-after=",
        ] {
            assert!(SubscriptionState::parse(bad).is_err(), "{bad}");
        }
    }
}
