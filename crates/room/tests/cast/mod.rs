//! The people of the stories told in these tests, and a short script to tell them in.
//!
//! `ann` is the host. A script is a list of lines parted by `;`:
//!
//! ```text
//!   ben rings            ben joins 2 [hidden]      ben refuses 486     host arrives 1
//!   host withdraws       2 leaves                  ben enters 7 [hidden]
//!   1 refers dave *erin  ben removed               close               wait 120
//!   forbid hiding        places 5                  forbid referring
//!   ben is listed        ben is struck off
//! ```
//!
//! Numbers after a person are legs; a star marks somebody whom the list wants hidden. What the
//! room wants done is written in the same manner, see [`told`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use room::{
    Action, Address, Answer, Cause, Claim, Event, Guest, Host, LegId, Nick, PersonId, Refusal,
    Room, Rules, Why,
};

pub(crate) const RING: Duration = Duration::from_secs(120);

/// A fixed moment for a whole test run.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had from nowhere else"
)]
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// A group that lets its people stay when others leave; the host waits for the first guest.
pub(crate) fn group() -> Rules {
    Rules {
        max_guests: 4,
        max_present: None,
        allow_hidden: true,
        allow_observe: true,
        allow_refer: true,
        allow_whisper: true,
        members_only: false,
        invited_only: true,
        answer: Answer::WhenFirstJoins,
        ring: RING,
        fewest: 1,
        unanswered: Cause(408),
        hidden_refused: Cause(433),
        full: Cause(486),
        ended: Cause(480),
    }
}

/// A conversation of two.
pub(crate) fn one_to_one() -> Rules {
    Rules {
        max_guests: 1,
        fewest: 2,
        ..group()
    }
}

pub(crate) fn ann() -> Host {
    Host {
        address: Address::new("ann"),
        display: None,
        hidden: false,
        nick: None,
        claim: Claim::default(),
    }
}

/// The guests of a list as it stands in a script.
pub(crate) fn guests<'a>(list: impl IntoIterator<Item = &'a str>) -> Vec<Guest> {
    let guest = |word: &str| Guest {
        address: Address::new(word.trim_start_matches('*')),
        display: None,
        hidden: word.starts_with('*'),
        claim: Claim::default(),
    };
    list.into_iter().map(guest).collect()
}

/// A room and how far its story has come.
pub(crate) struct Story {
    pub(crate) room: Room,
    pub(crate) now: Instant,
}

impl Story {
    /// `ann` opens a room and invites the people of `list`.
    pub(crate) fn open(rules: Rules, list: &str) -> (Self, Vec<Action>) {
        let now = epoch();
        let mut out = Vec::new();
        let room = Room::open(ann(), guests(list.split_whitespace()), rules, now, &mut out);
        let room = room.unwrap();
        (Self { room, now }, out)
    }

    /// Tells a whole script; returns what its last line brought about.
    pub(crate) fn play(&mut self, script: &str) -> String {
        let mut last = String::new();
        for line in script.split(';') {
            let event = self.event(line);
            let before = self.room.clone();
            let mut out = Vec::new();
            last = match self.room.handle(event, self.now, &mut out) {
                Ok(()) => self.told(&out),
                Err(refusal) => {
                    assert_eq!(self.room, before, "{line}: changed, and yet refused");
                    assert_eq!(out, [], "{line}: refused, and yet something is to be done");
                    format!("no: {refusal:?}")
                }
            };
        }
        last
    }

    fn event(&mut self, line: &str) -> Event {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [who, "rings"] => Event::Ringing { who: self.who(who) },
            [who, "joins", leg] => self.joined(who, leg, false),
            [who, "joins", leg, "hidden"] => self.joined(who, leg, true),
            [who, "refuses", cause] => Event::Refused {
                who: self.who(who),
                cause: Cause(cause.parse().unwrap()),
            },
            ["host", "arrives", leg] => Event::HostArrived {
                leg: self::leg(leg),
            },
            ["host", "withdraws"] => Event::HostWithdrew,
            [leg, "leaves"] => Event::Left {
                leg: self::leg(leg),
            },
            [who, "enters", leg] => entered(who, leg, false),
            [who, "enters", leg, "hidden"] => entered(who, leg, true),
            [by, "refers", ..] => Event::Referred {
                by: leg(by),
                guests: guests(words[2..].iter().copied()),
            },
            [who, "removed"] => Event::Removed {
                who: self.who(who),
                for_good: true,
            },
            [who, "put", "out"] => Event::Removed {
                who: self.who(who),
                for_good: false,
            },
            [who, "unable", cause] => Event::Unable {
                who: self.who(who),
                cause: Cause(cause.parse().unwrap()),
            },
            [who, "is", "listed"] => self.known(who, true),
            [who, "is", "struck", "off"] => self.known(who, false),
            [leg, "is", "called", nick] => Event::Renamed {
                leg: self::leg(leg),
                nick: Some(Nick::new(nick)),
            },
            ["close"] => Event::Close { why: Why::Ended },
            ["wait", seconds] => {
                self.now += Duration::from_secs(seconds.parse().unwrap());
                Event::Timeout
            }
            ["forbid", "hiding"] => self.rules(|rules| rules.allow_hidden = false),
            ["forbid", "referring"] => self.rules(|rules| rules.allow_refer = false),
            ["places", number] => self.rules(|rules| rules.max_guests = number.parse().unwrap()),
            _ => panic!("not a line of a script: {line}"),
        }
    }

    fn joined(&self, who: &str, leg: &str, hidden: bool) -> Event {
        let (who, leg) = (self.who(who), self::leg(leg));
        Event::Joined {
            who,
            leg,
            hidden,
            nick: None,
        }
    }

    fn known(&self, who: &str, listed: bool) -> Event {
        let claim = Claim {
            listed,
            ..Claim::default()
        };
        let who = self.who(who);
        Event::Known { who, claim }
    }

    fn rules(&self, change: impl FnOnce(&mut Rules)) -> Event {
        let mut rules = group();
        change(&mut rules);
        Event::RulesChanged(rules)
    }

    /// The number of a person; of somebody unknown, one the room never gave.
    pub(crate) fn who(&self, name: &str) -> PersonId {
        let stranger = || PersonId::from_index(1000).unwrap();
        self.room.find(&Address::new(name)).unwrap_or_else(stranger)
    }

    /// Actions as a script: `invite ben; cancel ben; ring host; answer host; refuse host 486;
    /// release 2 TooFew; changed ben; concealed ben; closed Empty`.
    pub(crate) fn told(&self, actions: &[Action]) -> String {
        let name = |who| self.room.seat(who).unwrap().address.as_str();
        let word = |action: &Action| match *action {
            Action::Invite { who } => format!("invite {}", name(who)),
            Action::Cancel { who } => format!("cancel {}", name(who)),
            Action::RingHost => "ring host".into(),
            Action::AnswerHost => "answer host".into(),
            Action::PassOver { who, cause } => format!("pass over {} {}", name(who), cause.0),
            Action::RefuseHost { cause } => format!("refuse host {}", cause.0),
            Action::Release { leg, why } => format!("release {} {why:?}", leg.0),
            Action::Changed { who } => format!("changed {}", name(who)),
            Action::Concealed { who } => format!("concealed {}", name(who)),
            Action::Closed { why } => format!("closed {why:?}"),
        };
        actions.iter().map(word).collect::<Vec<_>>().join("; ")
    }

    /// The room as its observers see it.
    pub(crate) fn seen(&self) -> String {
        let seen = |seat: room::Seat<'_>| {
            let name = match seat.hidden {
                Some(number) => format!("anonymous{number}"),
                None => seat.address.to_string(),
            };
            seat.visible.map(|visible| format!("{name} {visible:?}"))
        };
        self.room
            .people()
            .filter_map(seen)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

pub(crate) fn leg(word: &str) -> LegId {
    LegId(word.parse().unwrap())
}

fn entered(who: &str, leg: &str, hidden: bool) -> Event {
    Event::Entered {
        address: Address::new(who),
        leg: self::leg(leg),
        hidden,
        nick: None,
        claim: Claim::default(),
    }
}

/// Opens a room for no other reason than to be refused.
pub(crate) fn refused(host: Host, rules: Rules, list: &str) -> Option<Refusal> {
    let mut out = Vec::new();
    let opened = Room::open(
        host,
        guests(list.split_whitespace()),
        rules,
        epoch(),
        &mut out,
    );
    let refusal = opened.err();
    assert_eq!(refusal.is_some(), out.is_empty(), "{list}: {out:?}");
    refusal
}
