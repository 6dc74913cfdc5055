//! What went wrong, in one line.

use std::fmt;
use std::time::Duration;

/// A promise, and the checker that watches over it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// What the people of a day see for themselves, and that nothing panics or hangs.
    Day,
    /// Every INVITE transaction ends, and every 2xx is acknowledged.
    Ends,
    /// Nobody is sent a message after the final response to their BYE, or before they joined.
    Gone,
    /// Nobody learns who a hidden person is.
    Hidden,
    /// What was acknowledged reaches everybody who was in.
    Kept,
    /// The server holds nothing on behalf of those who have gone.
    Leftovers,
    /// Nobody hears what was not said to them.
    Meant,
    /// Nothing comes twice.
    Once,
    /// All members hear the messages of a conference in one order.
    Order,
    /// Those who watch a conference are told who is in.
    Roster,
    /// The documents of a subscription are numbered without a gap.
    Versions,
    /// What the server sends can be read.
    Wire,
}

/// A promise that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    /// Which one.
    pub rule: Rule,
    /// When, in virtual time since the universe began.
    pub at: Duration,
    /// To whom, or in which conference.
    pub who: String,
    /// How, with the bytes or ids by which it is found in the trace.
    pub what: String,
}

impl Breach {
    /// What a day itself has found.
    #[must_use]
    pub fn day(at: Duration, who: &str, what: impl fmt::Display) -> Self {
        Self {
            rule: Rule::Day,
            at,
            who: who.to_owned(),
            what: what.to_string(),
        }
    }

    /// What a server still holds when all have gone, as its own count says.
    #[must_use]
    pub fn leftovers(at: Duration, what: impl fmt::Display) -> Self {
        Self {
            rule: Rule::Leftovers,
            at,
            who: "the server".to_owned(),
            what: format!("still holds {what} though all have gone"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Ends => "ends",
            Self::Gone => "gone",
            Self::Hidden => "hidden",
            Self::Kept => "kept",
            Self::Leftovers => "leftovers",
            Self::Meant => "meant",
            Self::Once => "once",
            Self::Order => "order",
            Self::Roster => "roster",
            Self::Versions => "versions",
            Self::Wire => "wire",
        })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            at,
            who,
            what,
        } = self;
        let (seconds, millis) = (at.as_secs(), at.subsec_millis());
        write!(f, "{rule} at {seconds}.{millis:03} s: {who}: {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_is_one_line() {
        let breach = Breach::leftovers(Duration::from_millis(1_500), "2 rooms");
        assert_eq!(
            breach.to_string(),
            "leftovers at 1.500 s: the server: still holds 2 rooms though all have gone"
        );
    }
}
