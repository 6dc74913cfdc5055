//! Whatever a room is told, in whatever order: what always holds, watched from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod cast;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};
use room::{
    Action, Address, Answer, Audience, Cause, Claim, Event, LEGS_PER_PERSON_MAX, LegId, Nick, Peer,
    PersonId, Refusal, Room, Rules, Standing, Visible, Why,
};

/// The host first; the last is never invited by the host.
const NAMES: [&str; 7] = ["ann", "ben", "cleo", "dave", "erin", "fred", "gus"];
const LEGS: u64 = 14;

/// One line of a random story: what, who, with which device, hidden or not, after how long.
type Move = (u8, usize, u64, bool, u64);

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_room_keeps_its_word(
        rules in any_rules(),
        guests in vec((1..6_usize, any::<bool>()), 2..6),
        extends in any::<bool>(),
        moves in vec((0..43_u8, 0..8_usize, 0..LEGS, any::<bool>(), 0..90_u64), 0..150),
    ) {
        let Some(mut watch) = Watch::open(rules, &guests, extends) else {
            return Ok(());
        };
        for a_move in &moves {
            watch.now += Duration::from_secs(if a_move.0 == 0 { a_move.4 } else { 0 });
            watch.tell(event(a_move, &watch.room));
        }
        watch.wait_for_all();
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (2..6_u32, any::<[bool; 6]>(), 0..3_u32).prop_map(|(max_guests, flags, fewest)| Rules {
        max_guests,
        max_present: flags[5].then_some(max_guests),
        allow_hidden: flags[0],
        allow_refer: flags[1] || flags[2],
        invited_only: flags[3] || flags[4],
        answer: if flags[2] {
            Answer::AtOnce
        } else {
            Answer::WhenFirstJoins
        },
        fewest,
        ..cast::group()
    })
}

/// Most lines make some sense in the room as it is; one in eight or so makes none.
fn event(&(what, who, leg, flag, seconds): &Move, room: &Room) -> Event {
    let stranger = room.people().len() + 1;
    let address = Address::new(NAMES[who % NAMES.len()]);
    let who = PersonId::from_index(who % stranger).unwrap();
    let cause = Cause(400 + u16::try_from(seconds).unwrap());
    let legs: Vec<LegId> = room.people().flat_map(|seat| seat.legs.to_vec()).collect();
    let somebody = legs
        .get(usize::try_from(leg).unwrap() % (legs.len() + 1))
        .copied();
    let leg = LegId(leg);
    let hidden = flag && seconds % 4 == 0;
    match what {
        0..=2 => Event::Timeout,
        3..=5 => Event::Ringing { who },
        6..=11 => Event::Joined {
            who,
            leg,
            hidden,
            nick: None,
        },
        12..=15 => Event::Refused { who, cause },
        16..=19 => Event::HostArrived { leg },
        20..=22 => Event::Left {
            leg: somebody.unwrap_or(leg),
        },
        23..=29 => Event::Entered {
            address,
            leg,
            hidden,
            nick: None,
            claim: Claim::default(),
        },
        30..=34 => Event::Referred {
            by: somebody.unwrap_or(leg),
            guests: cast::guests(match flag {
                true => vec![address.as_str(), "*gus", "ben"],
                false => vec![address.as_str()],
            }),
        },
        35 => Event::Removed {
            who,
            for_good: flag,
        },
        36 => rules_changed(seconds, flag),
        37 | 38 => Event::Unable { who, cause },
        39 => Event::Renamed {
            leg: somebody.unwrap_or(leg),
            nick: flag.then(|| Nick::new(address.as_str())),
        },
        41 | 42 => {
            let claim = Claim {
                listed: flag,
                may_hide: seconds % 3 == 0,
                barred: seconds % 11 == 0,
                ..Claim::default()
            };
            Event::Known { who, claim }
        }
        _ if seconds > 20 => Event::Timeout,
        _ if flag => Event::HostWithdrew,
        _ => Event::Close { why: Why::Ended },
    }
}

fn rules_changed(seconds: u64, flag: bool) -> Event {
    Event::RulesChanged(Rules {
        max_guests: u32::try_from(seconds % 6).unwrap(),
        fewest: u32::from(seconds.is_multiple_of(5)) + 1,
        answer: Answer::AtOnce, // Too late to matter.
        allow_hidden: flag,
        ..cast::group()
    })
}

/// Somebody who watches a room, believes nothing it says of itself, and keeps count.
struct Watch {
    room: Room,
    now: Instant,
    rules: Rules,
    most_guests_ever: u32,
    invited: BTreeSet<PersonId>,
    legs: BTreeMap<LegId, PersonId>,
    aliases: BTreeMap<PersonId, u32>,
    hid: BTreeSet<PersonId>,
    /// Those who have leave of their own to hide.
    may_hide: BTreeSet<PersonId>,
    most_present_ever: u32,
    answered: u32,
    refused: u32,
    closed: Option<Why>,
}

impl Watch {
    fn open(rules: Rules, guests: &[(usize, bool)], extends: bool) -> Option<Self> {
        let words = guests.iter().map(|(who, hidden)| match hidden {
            true => format!("*{}", NAMES[*who]),
            false => NAMES[*who].to_owned(),
        });
        let words: Vec<String> = words.collect();
        let mut guests = cast::guests(words.iter().map(String::as_str));
        let mut out = Vec::new();
        let (host, now) = (cast::ann(), cast::epoch());
        let opened = if extends {
            let peer = Peer {
                guest: guests.remove(0),
                able: true,
            };
            Room::extend(host, peer, guests, rules.clone(), now, &mut out)
        } else {
            Room::open(host, guests, rules.clone(), now, &mut out)
        };
        let Ok(room) = opened else {
            assert_eq!(out, [], "refused, and yet something is to be done");
            return None;
        };
        let most_present_ever = rules.max_present.unwrap_or(u32::MAX);
        let mut watch = Self {
            room,
            now: cast::epoch(),
            most_guests_ever: rules.max_guests,
            rules,
            invited: BTreeSet::new(),
            legs: BTreeMap::new(),
            aliases: BTreeMap::new(),
            hid: BTreeSet::new(),
            may_hide: BTreeSet::new(),
            most_present_ever,
            answered: 0,
            refused: 0,
            closed: None,
        };
        watch.follow(&out, None);
        watch.check();
        Some(watch)
    }

    fn tell(&mut self, event: Event) {
        let before = self.room.clone();
        let mut out = Vec::new();
        let got = self.room.handle(event.clone(), self.now, &mut out);
        if got.is_err() {
            assert_eq!(self.room, before, "{event:?}: changed, and yet refused");
        }
        if got.is_err() || self.closed.is_some() {
            assert_eq!(out, [], "{event:?}: {got:?}");
            return;
        }
        self.outcome(&event);
        match &event {
            Event::Known { who, claim } if claim.may_hide => drop(self.may_hide.insert(*who)),
            Event::Known { who, .. } => drop(self.may_hide.remove(who)),
            Event::Entered { address, leg, .. } if !self.legs.contains_key(leg) => {
                // Who comes says nothing of it here.
                let who = self.room.find(address).unwrap();
                self.may_hide.remove(&who);
            }
            _ => {}
        }
        let brought = self.arrival(&event);
        self.follow(&out, brought);
        if let Event::RulesChanged(rules) = event {
            self.most_guests_ever = self.most_guests_ever.max(rules.max_guests);
            let present = rules.max_present.unwrap_or(u32::MAX);
            self.most_present_ever = self.most_present_ever.max(present);
            self.rules = rules;
        }
        self.check_observers(&before, &out);
        self.check();
    }

    /// An invitation ends once: by an answer of the invited, or by a cancel in `follow`.
    fn outcome(&mut self, event: &Event) {
        match event {
            Event::Joined { who, leg, .. } if !self.legs.contains_key(leg) => {
                self.invited.remove(who);
            }
            Event::Refused { who, .. } => {
                self.invited.remove(who);
            }
            _ => {}
        }
    }

    /// The leg that an event brings: in, unless the room releases it at once.
    fn arrival(&mut self, event: &Event) -> Option<LegId> {
        let (who, leg, hidden) = match event {
            Event::Joined {
                who, leg, hidden, ..
            } => (*who, *leg, *hidden),
            Event::HostArrived { leg } => (PersonId::HOST, *leg, false),
            Event::Entered {
                address,
                leg,
                hidden,
                ..
            } => (self.room.find(address)?, *leg, *hidden),
            Event::Left { leg } => {
                self.legs.remove(leg);
                return None;
            }
            _ => return None,
        };
        if self.legs.contains_key(&leg) {
            return None;
        }
        self.legs.insert(leg, who);
        if hidden && self.room.owner(leg).is_some() {
            self.hid.insert(who);
        }
        Some(leg)
    }

    fn follow(&mut self, actions: &[Action], brought: Option<LegId>) {
        for action in actions {
            assert_eq!(self.closed, None, "after the last action: {action:?}");
            match *action {
                Action::Invite { who } => assert!(self.invited.insert(who), "twice: {who:?}"),
                Action::Cancel { who } => {
                    assert!(self.invited.remove(&who), "not invited: {who:?}");
                }
                Action::RingHost => assert_eq!((self.answered, self.refused), (0, 0)),
                Action::AnswerHost => self.answered += 1,
                Action::PassOver { .. } => {}
                Action::RefuseHost { .. } => self.refused += 1,
                Action::Release { leg, .. } => {
                    let was_in = self.legs.remove(&leg).is_some();
                    assert!(was_in, "{leg:?} is not in, {brought:?} came");
                }
                Action::Changed { .. } | Action::Concealed { .. } => {}
                Action::Closed { why } => self.closed = Some(why),
            }
        }
        assert!(self.answered + self.refused <= 1, "the host hears once");
    }

    /// Whatever observers see differently, they are told of.
    fn check_observers(&self, before: &Room, actions: &[Action]) {
        if self.closed.is_some() {
            return;
        }
        for seat in self.room.people() {
            let who = seat.id;
            let was = before
                .seat(who)
                .map_or((None, None), |seat| (seat.hidden, seat.visible));
            let changed = actions.contains(&Action::Changed { who });
            let concealed = actions.contains(&Action::Concealed { who });
            assert_eq!(
                concealed,
                was.0.is_none() && seat.hidden.is_some() && was.1.is_some()
            );
            let was_called = before.seat(who).and_then(|seat| seat.nick);
            let is_in = Some(Visible::Connected);
            let renamed = was_called != seat.nick && was.1 == is_in && seat.visible == is_in;
            let differs = was.1 != seat.visible || concealed || renamed;
            assert_eq!(
                changed || concealed,
                differs,
                "{who:?}: {was:?}, {seat:?}, {actions:?}"
            );
            if concealed && seat.visible.is_some() {
                assert!(changed, "the alias of {who:?} is told as well");
            }
        }
    }

    /// What holds after every event.
    fn check(&mut self) {
        let mut invited = BTreeSet::new();
        let mut legs = BTreeMap::new();
        let mut connected = 0;
        let mut guests = 0;
        let mut nicks = BTreeSet::new();
        for seat in self.room.people() {
            legs.extend(seat.legs.iter().map(|leg| (*leg, seat.id)));
            assert!(seat.legs.len() <= LEGS_PER_PERSON_MAX as usize);
            let is_in = seat.standing == Standing::Connected;
            let rings = matches!(seat.standing, Standing::Invited | Standing::Alerting);
            assert_eq!(is_in, !seat.legs.is_empty(), "{seat:?}");
            assert_eq!(is_in, seat.visible == Some(Visible::Connected), "{seat:?}");
            if rings {
                invited.insert(seat.id);
            }
            if let Some(nick) = seat.nick.filter(|_| is_in) {
                assert!(nicks.insert(nick.to_owned()), "two are called {nick}");
            }
            assert!(
                seat.standing != Standing::Waiting || seat.visible.is_none(),
                "{seat:?}"
            );
            connected += u32::from(is_in);
            guests += u32::from((is_in || rings) && seat.id != PersonId::HOST);
            assert!(
                !(is_in && self.hid.contains(&seat.id))
                    || self.rules.allow_hidden
                    || self.may_hide.contains(&seat.id),
                "{seat:?}"
            );
            if let Some(alias) = self.aliases.get(&seat.id) {
                assert_eq!(seat.hidden, Some(*alias), "an alias is for ever");
            }
            if let Some(alias) = seat.hidden {
                self.aliases.insert(seat.id, alias);
            }
        }
        let different: BTreeSet<u32> = self.aliases.values().copied().collect();
        assert_eq!(different.len(), self.aliases.len(), "{:?}", self.aliases);
        assert_eq!(invited, self.invited);
        assert_eq!(legs, self.legs);
        assert_eq!(self.room.poll_timeout().is_some(), !invited.is_empty());
        assert!(guests <= self.most_guests_ever);
        assert!(connected <= self.most_present_ever);
        assert_eq!(self.room.is_closed(), self.closed.is_some());
        if self.closed.is_some() {
            assert!(invited.is_empty() && legs.is_empty(), "{:?}", self.room);
        }
        let host = self.room.seat(PersonId::HOST).unwrap().standing;
        if self.closed.is_none() && invited.is_empty() {
            assert_eq!(self.answered, 1, "nobody is left to wait for");
            let here = connected + u32::from(host == Standing::Calling);
            assert!(here >= self.rules.fewest.max(1), "{:?}", self.room);
        }
        self.check_audience();
    }

    fn check_audience(&self) {
        for leg in (0..LEGS).map(LegId) {
            let mut heard = Vec::new();
            let got = self.room.audience(leg, &Audience::Everyone, &mut heard);
            if self.legs.contains_key(&leg) {
                let others = self.legs.keys().copied().filter(|other| *other != leg);
                assert_eq!(got, Ok(()));
                assert_eq!(heard, others.collect::<Vec<_>>());
            } else {
                assert_eq!((got, heard), (Err(Refusal::NotConnected), Vec::new()));
            }
        }
    }

    /// Time goes on until nobody is being invited: then the host has heard.
    fn wait_for_all(&mut self) {
        while let Some(moment) = self.room.poll_timeout() {
            assert!(moment >= cast::epoch());
            self.now = self.now.max(moment);
            let ringing = self.invited.len();
            self.tell(Event::Timeout);
            assert!(self.invited.len() < ringing, "a timeout ends an invitation");
        }
        if self.answered + self.refused == 0 {
            assert_eq!(self.closed, Some(Why::HostWithdrew));
        }
    }
}
