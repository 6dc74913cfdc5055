//! `a=setup`: who opens the TCP connection (RFC 4145 with the restrictions of RFC 6135).

use std::fmt;

/// The role a side offers or takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setup {
    /// Either; the answer decides. For offers only.
    ActPass,
    /// This side opens the connection.
    Active,
    /// Not yet. Read and ignored, never sent (RFC 6135 4.2.1).
    HoldConn,
    /// This side waits for the connection.
    Passive,
}

/// Which of the two opens the connection, and so sends the first SEND.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connects {
    /// The peer.
    Them,
    /// We.
    Us,
}

impl Setup {
    /// Reads the value of `a=setup`; anything unknown is as if it were absent.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        [Self::ActPass, Self::Active, Self::HoldConn, Self::Passive]
            .into_iter()
            .find(|setup| setup.name().eq_ignore_ascii_case(value))
    }

    /// The role we answer with.
    ///
    /// `prefer_passive` decides only where the offer leaves the choice (`actpass`). A server
    /// prefers to wait: then it connects to no address a stranger names.
    #[must_use]
    pub fn negotiate(offered: Option<Self>, prefer_passive: bool) -> Self {
        match offered {
            // RFC 4975 8.5: the offerer connects if nothing else is said.
            // RFC 6135 4.2.1: holdconn counts as nothing said.
            None | Some(Self::HoldConn) => Self::Passive,
            Some(Self::Active) => Self::Passive,
            // RFC 6135 4.2.2 forbids this offer; some send it all the same.
            Some(Self::Passive) => Self::Active,
            Some(Self::ActPass) if prefer_passive => Self::Passive,
            Some(Self::ActPass) => Self::Active,
        }
    }

    /// Who connects once our answer with this role has gone out.
    pub fn connects(self) -> Connects {
        match self {
            Self::Active => Connects::Us,
            Self::ActPass | Self::HoldConn | Self::Passive => Connects::Them,
        }
    }

    /// Who connects once our offer of this role has been answered.
    pub fn connects_after(self, answered: Option<Self>) -> Connects {
        match (self, answered) {
            // What we said ourselves binds first: a peer that disagrees would leave nobody to act.
            (Self::Active, _) => Connects::Us,
            (_, Some(Self::Active)) => Connects::Them,
            // RFC 4975 8.5: without a clear word, the offerer.
            (_, Some(Self::ActPass | Self::HoldConn | Self::Passive) | None) => Connects::Us,
        }
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::HoldConn => "holdconn",
            Self::Passive => "passive",
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let table = [
            ("actpass", Some(Setup::ActPass)),
            ("Active", Some(Setup::Active)),
            (" passive ", Some(Setup::Passive)),
            ("holdconn", Some(Setup::HoldConn)),
            ("", None),
            ("both", None),
        ];
        for (text, want) in table {
            assert_eq!(Setup::parse(text), want, "{text}");
        }
    }

    #[test]
    fn answers() {
        // (offered, our answer if we prefer to wait, our answer if we prefer to connect)
        let table = [
            (None, Setup::Passive, Setup::Passive),
            (Some(Setup::HoldConn), Setup::Passive, Setup::Passive),
            (Some(Setup::ActPass), Setup::Passive, Setup::Active),
            (Some(Setup::Active), Setup::Passive, Setup::Passive),
            (Some(Setup::Passive), Setup::Active, Setup::Active),
        ];
        for (offered, waiting, connecting) in table {
            assert_eq!(Setup::negotiate(offered, true), waiting, "{offered:?}");
            assert_eq!(Setup::negotiate(offered, false), connecting, "{offered:?}");
        }
        assert_eq!(Setup::Active.connects(), Connects::Us);
        assert_eq!(Setup::Passive.connects(), Connects::Them);
    }

    #[test]
    fn answers_to_ours() {
        let table = [
            (Setup::ActPass, Some(Setup::Active), Connects::Them),
            (Setup::ActPass, Some(Setup::Passive), Connects::Us),
            (Setup::ActPass, Some(Setup::ActPass), Connects::Us),
            (Setup::ActPass, Some(Setup::HoldConn), Connects::Us),
            (Setup::ActPass, None, Connects::Us),
            (Setup::Active, Some(Setup::Passive), Connects::Us),
            (Setup::Active, Some(Setup::Active), Connects::Us),
            (Setup::Active, None, Connects::Us),
            (Setup::Passive, Some(Setup::Active), Connects::Them),
        ];
        for (ours, theirs, want) in table {
            assert_eq!(ours.connects_after(theirs), want, "{ours} {theirs:?}");
        }
    }

    /// "Us" of the one side has to be "them" of the other.
    #[test]
    fn both_sides_agree_who_connects() {
        for ours in [Setup::ActPass, Setup::Active] {
            for waits in [true, false] {
                let theirs = Setup::negotiate(Some(ours), waits);
                assert_ne!(ours.connects_after(Some(theirs)), theirs.connects());
            }
        }
    }
}
