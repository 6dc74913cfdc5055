//! Session-Expires (RFC 4028 section 4).

use std::fmt;

use crate::header::Header;
use crate::header::seconds::seconds;
use crate::session_timer::Refresher;
use crate::{Malformed, Name, Params};

/// How long the session lives without a refresh, and who refreshes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionExpires {
    /// The session interval in seconds, as written: perhaps less than the 90 it must be.
    pub seconds: u32,
    /// Who refreshes; in a request `None` leaves it to the other side.
    pub refresher: Option<Refresher>,
}

impl Header<'_> for SessionExpires {
    const NAME: Name = Name::SessionExpires;

    fn parse(value: &str) -> Result<Self, Malformed> {
        let (number, params) = Params::after(value)?;
        let refresher = match params.get("refresher") {
            None => None,
            Some(side) => {
                Some(Refresher::parse(side).ok_or(Malformed("refresher is neither uac nor uas"))?)
            }
        };
        Ok(Self {
            seconds: seconds(number)?,
            refresher,
        })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        match self.refresher {
            Some(side) => write!(f, ";refresher={}", side.name()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_interval_and_its_refresher() {
        for (text, seconds, refresher, written) in [
            (
                "4000;refresher=uac",
                4000,
                Some(Refresher::Uac),
                "4000;refresher=uac",
            ),
            (
                "1800 ; Refresher = UAS",
                1800,
                Some(Refresher::Uas),
                "1800;refresher=uas",
            ),
            ("30;x=y", 30, None, "30"),
        ] {
            let got = SessionExpires::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(got, SessionExpires { seconds, refresher }, "{text}");
            assert_eq!(got.to_string(), written);
        }
        for bad in [
            "",
            "x",
            "90;refresher=me",
            "90;refresher=\"uac\"",
            ";refresher=uac",
        ] {
            assert!(SessionExpires::parse(bad).is_err(), "{bad}");
        }
    }
}
