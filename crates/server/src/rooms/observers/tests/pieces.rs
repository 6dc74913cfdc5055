//! What is told in pieces arrives whole.

use std::collections::BTreeMap;

use room::Standing;
use world::Rng;
use xdm::conference_info::{self, Presence, Roster, State};

use super::*;

/// A subscriber, who checks what every document must be.
struct Reader {
    roster: Roster,
    version: u32,
    /// The state of each document, and its length.
    came: Vec<(State, usize)>,
}

impl Reader {
    fn new() -> Self {
        Self {
            roster: Roster::new(Vec::new()),
            version: 0,
            came: Vec::new(),
        }
    }

    fn read(&mut self, body: &[u8]) {
        let info = conference_info::read(body, conference_info::MAX_BYTES).unwrap();
        assert_eq!(info.version, Some(self.version), "no version is left out");
        self.version += 1;
        self.came.push((info.state, body.len()));
        self.roster.apply(info).unwrap();
    }

    fn knows(&self) -> Vec<(String, Presence)> {
        let members = self.roster.members();
        members
            .map(|member| (member.entity, member.presence))
            .collect()
    }
}

impl Stage {
    /// One NOTIFY for each to whom one is due.
    fn hear(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.observers.send_due(&self.room, INTERVAL, self.now);
        let commands = std::iter::from_fn(|| self.told.try_recv().ok());
        let heard = commands.filter_map(|command| match command {
            Command::Watcher(WatcherCommand::Notify { watch, body }) => Some((watch, body)),
            _ => None,
        });
        heard.collect()
    }

    /// Everything there is to hear without time passing, each NOTIFY answered at once.
    fn hear_out(&mut self, readers: &mut BTreeMap<u64, Reader>) {
        loop {
            let heard = self.hear();
            if heard.is_empty() {
                return;
            }
            for (watch, body) in heard {
                readers.get_mut(&watch).unwrap().read(&body);
                self.observers.notified(watch, true);
            }
        }
    }

    /// What everybody should know.
    fn truth(&self) -> Vec<(String, Presence)> {
        let seats = self.room.people();
        let shown = seats.filter_map(|seat| {
            let presence = match seat.visible? {
                Visible::Alerting => Presence::Alerting,
                Visible::Connected => Presence::Joined,
                Visible::Disconnected => return None,
            };
            let entity = match seat.hidden {
                Some(alias) => anonymous(alias),
                None => seat.address.to_string(),
            };
            Some((entity, presence))
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort();
        shown
    }
}

const INTERVAL: Duration = Duration::from_secs(5);

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("guest{n:04}")).collect()
}

/// RFC 4575 section 4.6: the first says that it is the full state, the others add to it.
#[tokio::test]
async fn rfc_4575_4_6_a_large_roster_is_told_in_pieces() {
    for (guests, piece, count) in [
        (4, 7_000, 1),
        (1000, usize::MAX, 1),
        (1000, 14_000, 10),
        (1000, 7_000, 19),
        (50, 1, 51),
    ] {
        let names = names(guests);
        let mut stage = stage_of(&names);
        for (name, leg) in names.iter().zip(2..) {
            stage.joins(name, leg, false);
        }
        stage.piece = piece;
        stage.watch(1, "alice");
        let mut readers = BTreeMap::from([(1, Reader::new())]);
        stage.hear_out(&mut readers);
        let reader = &readers[&1];
        assert_eq!(reader.knows(), stage.truth());
        assert_eq!(reader.roster.own().unwrap().entity, "sip:alice@h");
        assert_eq!(reader.came.len(), count, "{guests} in {piece}");
        let states = reader.came.iter().map(|(state, _)| *state);
        let want = [State::Full]
            .into_iter()
            .chain(vec![State::Partial; count - 1]);
        assert!(states.eq(want));
        let longest = reader.came.iter().map(|(_, length)| *length).max().unwrap();
        // One user is told of, however little goes into a document.
        assert!(longest <= piece.max(500), "{longest} in {piece}");
    }
}

/// Pieces do not wait for the interval, and what happens after they began does.
#[tokio::test]
async fn im_7_2_2_10_s0b_a_storm_of_joins_is_told_once_an_interval() {
    let names = names(1000);
    let mut stage = stage_of(&names);
    stage.piece = 14_000;
    stage.watch(1, "alice");
    let mut readers = BTreeMap::from([(1, Reader::new())]);
    stage.hear_out(&mut readers);
    for (name, leg) in names.iter().zip(2..) {
        stage.joins(name, leg, false);
        stage.hear_out(&mut readers);
    }
    assert_eq!(
        readers[&1].came.len(),
        1,
        "the storm is within one interval"
    );
    stage.now += INTERVAL;
    stage.hear_out(&mut readers);
    assert_eq!(readers[&1].knows(), stage.truth());
    assert_eq!(readers[&1].came.len(), 11);
}

/// One NOTIFY at a time: the next piece waits for the answer, and so does a refresh.
#[tokio::test]
async fn rfc_6665_4_2_2_a_piece_waits_for_the_answer_to_the_one_before() {
    let names = names(100);
    let mut stage = stage_of(&names);
    for (name, leg) in names.iter().zip(2..) {
        stage.joins(name, leg, false);
    }
    stage.piece = 7_000;
    stage.watch(1, "alice");
    let mut reader = Reader::new();
    for (_, body) in stage.hear() {
        reader.read(&body);
    }
    assert!(stage.hear().is_empty(), "nothing while one is under way");
    stage.observers.refreshed(1, 14_000, stage.now);
    assert!(stage.hear().is_empty(), "nothing while one is under way");
    stage.observers.notified(1, true);
    for (_, body) in stage.hear() {
        reader.read(&body);
    }
    // The refresh has the full state told again, from its beginning.
    assert_eq!(reader.came[1].0, State::Full);
}

/// Whatever happens while pieces are under way, all know all in the end, and no hidden address is
/// told to anybody who has not seen it before.
#[tokio::test]
async fn pieces_are_whole_and_secret_in_any_weather() {
    for seed in 0..300 {
        let mut weather = Weather::new(seed);
        for _ in 0..120 {
            weather.step();
        }
        weather.clear_up();
    }
}

struct Weather {
    seed: u64,
    rng: Rng,
    names: Vec<String>,
    stage: Stage,
    readers: BTreeMap<u64, Reader>,
    in_flight: Vec<u64>,
    legs: u64,
    /// The addresses that each subscriber was told.
    seen: BTreeMap<u64, Vec<String>>,
}

impl Weather {
    fn new(seed: u64) -> Self {
        let names = names(12);
        let mut stage = stage_of(&names);
        stage.piece = 500;
        Self {
            seed,
            rng: Rng::from_seed(seed, 0),
            names,
            stage,
            readers: BTreeMap::new(),
            in_flight: Vec::new(),
            legs: 2,
            seen: BTreeMap::new(),
        }
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.rng.below(below as u64)).unwrap()
    }

    fn step(&mut self) {
        match self.pick(12) {
            0 | 1 => self.subscribe(),
            2..6 => self.somebody_acts(),
            6 => self.stage.now += INTERVAL,
            7 if !self.readers.is_empty() => {
                let watch = u64::try_from(self.pick(self.readers.len())).unwrap();
                self.stage.observers.refreshed(watch, 500, self.stage.now);
            }
            _ => self.deliver(),
        }
    }

    fn subscribe(&mut self) {
        let watch = self.readers.len() as u64;
        if watch < 6 {
            self.stage.watch(watch, "alice");
            self.readers.insert(watch, Reader::new());
        }
    }

    fn somebody_acts(&mut self) {
        let name = self.pick(self.names.len());
        let name = self.names[name].clone();
        let who = self.stage.who(&name);
        let (standing, leg) = {
            let seat = self.stage.room.seat(who).unwrap();
            (seat.standing, seat.legs.first().copied())
        };
        self.legs += 1;
        let hidden = self.pick(3) == 0;
        match (standing, leg) {
            (Standing::Invited, _) if self.pick(2) == 0 => self.stage.rings(&name),
            (Standing::Invited | Standing::Alerting, _) => {
                self.stage.joins(&name, self.legs, hidden);
            }
            (Standing::Connected, Some(leg)) => self.stage.happen(Event::Left { leg }),
            _ => {
                let address = Address::new(&format!("sip:{name}@h"));
                let leg = LegId(self.legs);
                self.stage.happen(Event::Entered {
                    address,
                    leg,
                    hidden,
                    nick: None,
                    claim: room::Claim::default(),
                });
            }
        }
    }

    /// Answers some of what is under way, and sends what is due.
    fn deliver(&mut self) {
        for watch in std::mem::take(&mut self.in_flight) {
            match self.pick(3) {
                0 => self.in_flight.push(watch),
                _ => self.stage.observers.notified(watch, true),
            }
        }
        for (watch, body) in self.stage.hear() {
            self.listen(watch, &body);
            self.in_flight.push(watch);
        }
    }

    fn listen(&mut self, watch: u64, body: &[u8]) {
        let (seed, text) = (self.seed, str::from_utf8(body).unwrap());
        let seen = self.seen.entry(watch).or_default();
        for name in &self.names {
            let seat = self.stage.room.seat(self.stage.who(name)).unwrap();
            if !text.contains(seat.address.as_str()) {
                continue;
            }
            let known = seen.contains(name);
            assert!(
                seat.hidden.is_none() || known,
                "seed {seed}: {watch} learns of {name}: {text}"
            );
            if !known {
                seen.push(name.clone());
            }
        }
        self.readers.get_mut(&watch).unwrap().read(body);
    }

    fn clear_up(&mut self) {
        for _ in 0..40 {
            for watch in std::mem::take(&mut self.in_flight) {
                self.stage.observers.notified(watch, true);
            }
            for (watch, body) in self.stage.hear() {
                self.listen(watch, &body);
                self.in_flight.push(watch);
            }
            if self.in_flight.is_empty() {
                self.stage.now += INTERVAL;
            }
        }
        let truth = self.stage.truth();
        for (watch, reader) in &self.readers {
            assert_eq!(reader.knows(), truth, "seed {}: {watch}", self.seed);
        }
    }
}
