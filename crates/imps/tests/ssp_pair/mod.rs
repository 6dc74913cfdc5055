//! Two links and the network between them, in virtual time.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use imps::csp::{Outcome, User};
use imps::ssp::link::{Down, Event, Failure, Link, NotSent, Refusal, Settings, Ticket, Transmit};
use imps::ssp::{
    GroupRequest, LoginRequest, LoginResponse, Message, MetaInfo, Mode, PasswordDigest, Primitive,
    Secret, SendSecretToken, Setup,
};
use imps::status::Code;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const NAMES: [&str; 2] = ["wv:@a.com", "wv:@b.com"];
pub(crate) const SECRETS: [&str; 2] = ["secretA", "secretB"];
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// One end, and what its owner has heard.
pub(crate) struct Side {
    pub(crate) link: Link,
    /// The owner answers at once.
    pub(crate) prompt: bool,
    pub(crate) ups: usize,
    pub(crate) downs: Vec<Down>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) redirects: Vec<String>,
    pub(crate) asked: Vec<(String, String)>,
    /// What was asked, and how often the owner has heard what became of it.
    pub(crate) outcomes: BTreeMap<Ticket, (String, Vec<Result<String, Failure>>)>,
}

/// How long a message takes: once for each time that it arrives.
pub(crate) type Fate = Box<dyn FnMut(&Message) -> Vec<Duration>>;

/// Two ends. A message takes a while, or several if it is doubled, or none if it is lost.
pub(crate) struct Pair {
    pub(crate) sides: [Side; 2],
    pub(crate) now: Instant,
    pub(crate) began: Instant,
    pub(crate) fate: Fate,
    pub(crate) count: usize,
    pub(crate) on_the_way: BTreeMap<(Instant, usize), (usize, Message)>,
    /// How many bodies have waited to be posted at most.
    pub(crate) most_waiting: usize,
    pub(crate) log: Vec<(Duration, usize, Message)>,
}

pub(crate) fn settings(side: usize) -> Settings {
    Settings {
        secret: Some(Secret::new(SECRETS[side])),
        ..Settings::new(NAMES[side], NAMES[1 - side])
    }
}

pub(crate) fn side(settings: Settings, seed: u8) -> Side {
    Side {
        link: Link::new(settings, [seed; 16]).unwrap(),
        prompt: true,
        ups: 0,
        downs: Vec::new(),
        refusals: Vec::new(),
        redirects: Vec::new(),
        asked: Vec::new(),
        outcomes: BTreeMap::new(),
    }
}

pub(crate) const LATENCY: Duration = Duration::from_millis(50);

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with([settings(A), settings(B)])
    }

    pub(crate) fn with([a, b]: [Settings; 2]) -> Self {
        let now = Instant::now();
        Self {
            sides: [side(a, 1), side(b, 2)],
            now,
            began: now,
            fate: Box::new(|_| vec![LATENCY]),
            count: 0,
            on_the_way: BTreeMap::new(),
            most_waiting: 0,
            log: Vec::new(),
        }
    }

    /// Two that have a session.
    pub(crate) fn up() -> Self {
        let mut pair = Self::new();
        pair.sides[A].link.dial(pair.now);
        pair.run(SECOND);
        assert!(pair.is_up());
        pair
    }

    pub(crate) fn is_up(&self) -> bool {
        self.sides.iter().all(|side| side.link.is_up())
    }

    pub(crate) fn ask(&mut self, who: usize, what: &str) -> Result<Ticket, NotSent> {
        let side = &mut self.sides[who];
        let ticket = side.link.request(request(what), self.now)?;
        side.outcomes.insert(ticket, (what.to_owned(), Vec::new()));
        Ok(ticket)
    }

    /// What became of the requests of a side: each exactly once.
    pub(crate) fn outcomes(&self, who: usize) -> Vec<Result<&str, Failure>> {
        let told = self.sides[who].outcomes.values().map(|(what, heard)| {
            assert_eq!(heard.len(), 1, "{what}: {heard:?}");
            match &heard[0] {
                Ok(answer) => {
                    assert_eq!(answer, what);
                    Ok(what.as_str())
                }
                Err(why) => Err(*why),
            }
        });
        told.collect()
    }

    /// Lets the world go on for a while.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for round in 0.. {
            assert!(round < 100_000, "time does not go on");
            self.settle();
            let arrival = self.on_the_way.keys().next().map(|(at, _)| *at);
            let timeouts = self.sides.iter().map(|side| side.link.poll_timeout());
            let next = timeouts.chain([arrival]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.on_the_way.first_entry()
                && entry.key().0 <= self.now
            {
                let (to, message) = entry.remove();
                self.sides[to].link.receive(&message, self.now);
                self.settle();
            }
            for side in &mut self.sides {
                side.link.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn settle(&mut self) {
        for from in [A, B] {
            while let Some(event) = self.sides[from].link.poll_event() {
                self.sides[from].hear(event);
            }
            let mut waiting = 0;
            while let Some(transmit) = self.sides[from].link.poll_transmit() {
                waiting += 1;
                self.most_waiting = self.most_waiting.max(waiting);
                let message = read(&transmit);
                for delay in (self.fate)(&message) {
                    self.count += 1;
                    let key = (self.now + delay, self.count);
                    self.on_the_way.insert(key, (1 - from, message.clone()));
                }
                self.log.push((self.now - self.began, from, message));
            }
        }
    }
}

impl Side {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Up => self.ups += 1,
            Event::Down(why) => self.downs.push(why),
            Event::Refused(why) => self.refusals.push(why),
            Event::Redirected { address } => self.redirects.push(address),
            Event::Asked {
                transaction_id,
                primitive,
            } => {
                let Primitive::GetGroupMemberRequest(request) = primitive else {
                    panic!("{primitive:?}");
                };
                if self.prompt {
                    let answer = answer(&request.group);
                    self.link.answer(&transaction_id, answer).unwrap();
                }
                self.asked.push((transaction_id, request.group));
            }
            Event::Answered { ticket, primitive } => {
                let outcome = primitive.outcome().unwrap();
                let said = outcome.description.clone();
                let heard = &mut self.outcomes.get_mut(&ticket).unwrap().1;
                heard.push(Ok(said.unwrap_or_else(|| outcome.code.to_string())));
            }
            Event::Failed { ticket, why } => {
                self.outcomes.get_mut(&ticket).unwrap().1.push(Err(why));
            }
        }
    }
}

pub(crate) fn request(what: &str) -> Primitive {
    Primitive::GetGroupMemberRequest(GroupRequest {
        group: format!("wv:{what}"),
        meta: MetaInfo::of_user("wv:@a.com", User::new("wv:ann@a.com")),
    })
}

/// The answer names what was asked.
pub(crate) fn answer(group: &str) -> Primitive {
    Primitive::Status(Outcome {
        description: Some(group.trim_start_matches("wv:").to_owned()),
        ..Outcome::new(Code::SUCCESSFUL)
    })
}

/// What is posted, as the other end reads it. The headers say the same as the message.
pub(crate) fn read(transmit: &Transmit) -> Message {
    let message = Message::parse(&transmit.body).unwrap();
    match &message {
        Message::Setup { transaction_id, .. } => {
            assert_eq!(transaction_id, &transmit.transaction_id);
            assert_eq!(transmit.session_id, None);
        }
        Message::Session {
            session_id,
            transactions,
            ..
        } => {
            assert_eq!(transactions[0].id, transmit.transaction_id);
            assert_eq!(Some(session_id), transmit.session_id.as_ref());
        }
    }
    message
}

/// What a message is, for people.
pub(crate) fn kind(message: &Message) -> (Mode, &'static str) {
    match message {
        Message::Setup { mode, body, .. } => {
            let name = match body {
                Setup::SendSecretToken(_) => "SendSecretToken",
                Setup::LoginRequest(_) => "LoginRequest",
                Setup::LoginResponse(_) => "LoginResponse",
                Setup::Status(_) => "Status",
            };
            (*mode, name)
        }
        Message::Session { transactions, .. } => {
            (transactions[0].mode, transactions[0].primitive.name())
        }
    }
}

pub(crate) fn step(mode: Mode, id: &str, body: Setup) -> Message {
    Message::Setup {
        mode,
        transaction_id: id.to_owned(),
        body,
    }
}

pub(crate) fn token(service: &str, secret: &str) -> Setup {
    Setup::SendSecretToken(SendSecretToken::new(service, Secret::new(secret)))
}

pub(crate) fn proof(service: &str, secret: &str) -> Setup {
    Setup::LoginRequest(LoginRequest {
        service: service.to_owned(),
        time_to_live_s: None,
        digest: PasswordDigest(Secret::new(secret).digest()),
    })
}

pub(crate) fn named(session: &str, seconds: Option<u32>) -> Setup {
    Setup::LoginResponse(LoginResponse {
        session: Some(session.to_owned()),
        time_to_live_s: seconds,
        ..LoginResponse::default()
    })
}

/// All that a link on its own wants to post, and has to tell.
pub(crate) fn drain(link: &mut Link) -> (Vec<Message>, Vec<Event>) {
    let posts: Vec<_> = std::iter::from_fn(|| link.poll_transmit()).collect();
    let events = std::iter::from_fn(|| link.poll_event()).collect();
    (posts.iter().map(read).collect(), events)
}

/// A number from a seed: SplitMix64.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub(crate) const STEPS: [(Mode, &str); 6] = [
    (Mode::Request, "SendSecretToken"),
    (Mode::Response, "SendSecretToken"),
    (Mode::Request, "LoginRequest"),
    (Mode::Response, "LoginRequest"),
    (Mode::Request, "LoginResponse"),
    (Mode::Response, "LoginResponse"),
];

/// The first message of a kind arrives so many times, all others once.
pub(crate) fn first(kind_of: (Mode, &'static str), copies: u32) -> Fate {
    let mut done = false;
    Box::new(move |message| {
        let is_it = !done && kind(message) == kind_of;
        done |= is_it;
        let copies = if is_it { copies } else { 1 };
        (0..copies).map(|copy| LATENCY * (3 * copy + 1)).collect()
    })
}

/// The status in a message.
pub(crate) fn status(message: &Message) -> Code {
    match message {
        Message::Setup {
            body: Setup::LoginResponse(response),
            ..
        } => response.status.code,
        Message::Session { transactions, .. } => transactions[0].primitive.outcome().unwrap().code,
        Message::Setup { .. } => panic!("{message:?}"),
    }
}
