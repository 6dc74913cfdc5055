//! Days on a bad network: a room and its people's phones, with words lost, late and overtaking.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod cast;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use cast::{Story, group, one_to_one};
use room::{Action, Answer, Cause, Event, LegId, PersonId, Rules, Why};

/// How many of a hundred words are lost.
const LOSS: u64 = 40;

#[test]
fn im_7_2_1_2_ok_s1_and_fail_s1_the_host_hears_once_on_a_bad_network() {
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..1000 {
        let day = Day::live(seed);
        let count = |wanted: fn(&Action) -> bool| day.log.iter().filter(|a| wanted(a)).count();
        let yes = count(|action| *action == Action::AnswerHost);
        let no = count(|action| matches!(action, Action::RefuseHost { .. }));
        let why = Why::HostWithdrew;
        let withdrew = day.log.last() == Some(&Action::Closed { why });
        // IM-7.2.1.2-OK-S1, IM-7.2.1.2-FAIL-S1: one final answer, whatever is lost.
        assert!(
            yes + no == 1 || withdrew && yes + no == 0,
            "seed {seed}: {:?}",
            day.log
        );
        // IM-7.2.1.2-FAIL-S1: refused only if nobody came, and then nothing is left.
        assert!(
            no == 0 || !day.came && day.room_closed,
            "seed {seed}: {:?}",
            day.log
        );
        assert!(
            yes == 0 || day.came || day.at_once,
            "seed {seed}: {:?}",
            day.log
        );
        // The same seed gives the same day.
        assert_eq!(Day::live(seed).log, day.log, "seed {seed}");
        answered += yes;
        refused += no;
    }
    // The days are not all alike.
    assert!(answered > 100 && refused > 100, "{answered} {refused}");
}

struct Day {
    log: Vec<Action>,
    came: bool,
    at_once: bool,
    room_closed: bool,
}

impl Day {
    fn live(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let answer = match chance.below(4) {
            0 => Answer::AtOnce,
            _ => Answer::WhenFirstJoins,
        };
        let (rules, list) = match chance.below(2) {
            0 => (one_to_one(), "ben"),
            _ => (group(), "ben cleo"),
        };
        let (mut story, mut log) = Story::open(Rules { answer, ..rules }, list);
        let mut net = Net::new(chance, story.now);
        if net.chance.below(8) == 0 {
            net.send_safely(Event::HostWithdrew);
        }
        let mut done = 0;
        let mut came = false;
        loop {
            for action in &log[done..] {
                reply(*action, &mut net);
            }
            done = log.len();
            let Some((now, event)) = net.step(story.room.poll_timeout()) else {
                break;
            };
            // A refusal is an answer: the room has closed meanwhile.
            let told = story.room.handle(event.clone(), now, &mut log);
            if let Event::Joined { leg, .. } = event {
                came |= told.is_ok() && story.room.owner(leg).is_some();
            }
        }
        assert_eq!(story.room.poll_timeout(), None, "seed {seed}");
        Self {
            log,
            came,
            at_once: answer == Answer::AtOnce,
            room_closed: story.room.is_closed(),
        }
    }
}

/// What the others do when the room wants something. The phones of guests may not hear of it,
/// the host's own server does.
fn reply(action: Action, net: &mut Net) {
    match action {
        Action::Invite { who } => {
            net.send(Event::Ringing { who });
            if net.chance.below(3) == 0 {
                net.send(refuses(who, 486));
            } else {
                let leg = LegId(who.index() as u64 + 1);
                net.send(Event::Joined {
                    nick: None,
                    who,
                    leg,
                    hidden: false,
                });
            }
        }
        Action::Cancel { who } => net.send(refuses(who, 487)),
        Action::AnswerHost => net.send_safely(Event::HostArrived { leg: LegId(1) }),
        Action::Release { leg, .. } => net.send(Event::Left { leg }),
        Action::RingHost
        | Action::PassOver { .. }
        | Action::RefuseHost { .. }
        | Action::Changed { .. }
        | Action::Concealed { .. }
        | Action::Closed { .. } => {}
    }
}

fn refuses(who: PersonId, cause: u16) -> Event {
    let cause = Cause(cause);
    Event::Refused { who, cause }
}

/// Words under way, in the order of their arrival; equal times are ordered by sending.
struct Net {
    chance: Chance,
    now: Instant,
    words: Vec<Event>,
    arrivals: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Net {
    fn new(chance: Chance, now: Instant) -> Self {
        Self {
            chance,
            now,
            words: Vec::new(),
            arrivals: BinaryHeap::new(),
        }
    }

    /// May be lost, and may come twice.
    fn send(&mut self, word: Event) {
        if self.chance.below(100) >= LOSS {
            self.send_safely(word.clone());
            if self.chance.below(10) == 0 {
                self.send_safely(word);
            }
        }
    }

    fn send_safely(&mut self, word: Event) {
        // Up to longer than anybody is rung.
        let delay = Duration::from_secs(self.chance.below(150));
        self.arrivals
            .push(Reverse((self.now + delay, self.words.len())));
        self.words.push(word);
    }

    /// The next word, or the timeout if that is earlier; none when all is quiet.
    fn step(&mut self, timeout: Option<Instant>) -> Option<(Instant, Event)> {
        let arrival = self.arrivals.peek().map(|Reverse((at, _))| *at);
        match (arrival, timeout) {
            (Some(at), timeout) if timeout.is_none_or(|timeout| at < timeout) => {
                let Reverse((_, place)) = self.arrivals.pop()?;
                self.now = at;
                Some((at, self.words[place].clone()))
            }
            (_, Some(timeout)) => {
                self.now = timeout;
                Some((timeout, Event::Timeout))
            }
            (_, None) => None,
        }
    }
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
