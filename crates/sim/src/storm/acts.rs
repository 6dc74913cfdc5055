//! What people do, and what befalls them.

use std::time::Duration;

use client::{CopyControl, Entry, Invitee, Options, Saying, SessionId, SessionInterval};
use store::Disk;
use world::sim::Faults;

use super::crowd::{Book, Follower, Person, Seat};
use super::{Director, NAMES, Profile};

/// What may happen next, and how often for one of the others.
#[derive(Clone, Copy, Debug)]
enum Act {
    Cancel,
    Create,
    Crash,
    Cut,
    Disk,
    Leave,
    Refresh,
    Register,
    Reset,
    Say,
    SayLong,
    Subscribe,
    Unsubscribe,
    Vanish,
    Weather,
    Whisper,
}

const FINE: &[(u64, Act)] = &[
    (16, Act::Create),
    (30, Act::Say),
    (6, Act::Whisper),
    (3, Act::SayLong),
    (10, Act::Leave),
    (4, Act::Cancel),
    (2, Act::Refresh),
    (2, Act::Register),
    (2, Act::Subscribe),
    (1, Act::Unsubscribe),
    (2, Act::Weather),
];

const BAD: &[(u64, Act)] = &[
    (5, Act::Reset),
    (5, Act::Cut),
    (5, Act::Vanish),
    (2, Act::Crash),
    (4, Act::Disk),
];

/// How many acts of a hundred put something right that is wrong, if anything is.
const MENDING: u64 = 30;

/// What is wrong, and can be put right.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Cut(&'static str),
    Disk,
    Gone(&'static str),
    ServerDown,
}

impl Director {
    /// Something happens.
    pub(super) async fn act(&mut self) {
        let bad = match self.profile {
            Profile::Calm | Profile::Weather => &[][..],
            Profile::Chaos => BAD,
        };
        if self.percent(MENDING)
            && let Some(wrong) = self.one_of(&self.all_wrong())
        {
            return self.mend(wrong).await;
        }
        let all = || FINE.iter().chain(bad);
        let mut drawn = self.rng.below(all().map(|(weight, _)| weight).sum());
        for (weight, act) in all() {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return self.perform(*act).await,
            }
        }
    }

    async fn perform(&mut self, act: Act) {
        match act {
            Act::Cancel => self.cancel(),
            Act::Create => {
                if let Some(host) = self.one_of(&self.crowd.who(Person::is_up)) {
                    let guests = self.guests_of(host);
                    let anonymous = self.percent(10);
                    self.create(host, &guests, anonymous);
                }
            }
            Act::Crash if self.stage.is_up() => {
                self.note("the server crashes");
                self.stage.crash();
            }
            Act::Crash => {}
            Act::Cut => {
                let those = self.crowd.who(|person| !person.is_cut);
                if let Some(name) = self.one_of(&those) {
                    self.cut(name);
                }
            }
            Act::Disk => self.change_disk(),
            Act::Leave => self.leave(),
            Act::Refresh | Act::Subscribe | Act::Unsubscribe => self.tend(act),
            Act::Register => {
                if let Some(name) = self.one_of(&self.crowd.who(Person::is_up)) {
                    self.register(name);
                }
            }
            Act::Reset => self.reset(),
            Act::Say => self.say_something(40, false),
            Act::SayLong => self.say_something(40_000, false),
            Act::Vanish => self.vanish(),
            Act::Weather => {
                let weather = self.profile.weather(&mut self.rng);
                self.change_weather(weather);
            }
            Act::Whisper => self.say_something(40, true),
        }
    }

    // ---- What people do ----

    /// Somebody switches their device on, and registers.
    pub(super) fn comes_online(&mut self, name: &'static str) {
        let udp = match self.crowd.get(name) {
            Some(person) => person.udp,
            None => self.percent(50),
        };
        let interval = self.one_of(&[90, 600, 1800]).unwrap_or(1800);
        let registration = self.one_of(&[120, 3600]).unwrap_or(3600);
        let transport = if udp { "UDP" } else { "TCP" };
        self.note(format_args!(
            "{name} comes online over {transport}, registers for {registration} s, \
             sessions of {interval} s"
        ));
        let started = self.stage.agent(name, udp, |config| {
            config.registration = Duration::from_secs(registration);
            if let Ok(interval) = SessionInterval::from_secs(interval) {
                config.session_interval = interval;
            }
        });
        let (agent, events) = match started {
            Ok(started) => started,
            Err(why) => return self.breach(name, why),
        };
        let book = Book::new();
        let follower = Follower {
            name,
            agent: agent.clone(),
            book: book.clone(),
            calls: self.calls.clone(),
            clock: self.universe.clock(),
            rng: self.rng.fork(),
        };
        follower.follow(events, &self.tasks);
        self.crowd.insert(Person {
            name,
            udp,
            agent: Some(agent),
            is_cut: self.crowd.get(name).is_some_and(|person| person.is_cut),
            book,
        });
        if self.crowd.get(name).is_some_and(|person| person.is_cut) {
            // The device is on; what it sends gets nowhere.
            self.cut(name);
        }
        self.register(name);
    }

    pub(super) fn register(&mut self, name: &'static str) {
        let agent = self.crowd.get(name).and_then(|person| person.agent.clone());
        if let Some(agent) = agent {
            self.note(format_args!("{name} registers"));
            let what = format!("{name} registers");
            self.calls
                .start(what, async move { agent.register().await });
        }
    }

    /// One to four of the others, online or not; now and then one hidden.
    pub(super) fn guests_of(&mut self, host: &str) -> Vec<(&'static str, bool)> {
        let mut others: Vec<_> = NAMES.iter().copied().filter(|name| *name != host).collect();
        let online = self.crowd.who(|_| true);
        if !self.percent(10) {
            others.retain(|name| online.contains(name));
        }
        let count = 1 + self.below(others.len().min(4));
        let mut guests = Vec::new();
        for _ in 0..count {
            let at = self.below(others.len());
            if at < others.len() {
                guests.push((others.remove(at), self.percent(15)));
            }
        }
        guests
    }

    pub(super) fn create(
        &mut self,
        host: &'static str,
        guests: &[(&'static str, bool)],
        anonymous: bool,
    ) {
        let Some(person) = self.crowd.get(host) else {
            return;
        };
        let (Some(agent), book) = (person.agent.clone(), person.book.clone()) else {
            return;
        };
        let secretly = if anonymous { " anonymously" } else { "" };
        self.note(format_args!("{host} creates with {guests:?}{secretly}"));
        let entries = guests.iter().map(|(name, hidden)| {
            let mut entry = Entry::new(format!("sip:{name}@localhost"));
            entry.copy_control = Some(match hidden {
                true => CopyControl::Bcc,
                false => CopyControl::To,
            });
            entry
        });
        let invitee = Invitee::Guests(entries.collect());
        let options = Options {
            anonymous,
            offer: None,
        };
        self.calls.start(format!("{host} creates"), async move {
            let session = agent.invite(invitee, options).await?;
            book.calls(session);
            agent.settled(session).await
        });
    }

    fn say_something(&mut self, most_bytes: usize, aside: bool) {
        let seats = self.crowd.seats(|seat| matches!(seat, Seat::In(_)));
        let Some((name, session, agent)) = self.one_of(&seats) else {
            return;
        };
        let others: Vec<_> = NAMES.iter().filter(|other| **other != name).collect();
        let to = match aside {
            true => self.one_of(&others).copied(),
            false => None,
        };
        let bytes = self.below(most_bytes);
        let text = self.text(bytes);
        self.note(format_args!(
            "{name} says {} ({} bytes) in {session} to {}",
            text.get(..12).unwrap_or(&text),
            text.len(),
            to.unwrap_or("all"),
        ));
        let saying = match to {
            Some(to) => Saying::text(&text).to(&format!("sip:{to}@localhost")),
            None => Saying::text(&text),
        };
        self.calls.start(
            format!("{name} says {} in {session}", self.said),
            async move { agent.send(session, saying).await },
        );
    }

    /// A text like no other, of at least so many bytes.
    pub(super) fn text(&mut self, bytes: usize) -> String {
        self.said += 1;
        let mut text = format!("{:05} {}", self.said, self.rng.token(60));
        while text.len() < bytes {
            text.push(' ');
            text.push_str(&self.rng.token(300));
        }
        text
    }

    fn leave(&mut self) {
        let seats = self.crowd.seats(|_| true);
        if let Some((name, session, agent)) = self.one_of(&seats) {
            self.hang_up(name, session, agent);
        }
    }

    fn cancel(&mut self) {
        let seats = self.crowd.seats(|seat| *seat == Seat::Calling);
        if let Some((name, session, agent)) = self.one_of(&seats) {
            self.hang_up(name, session, agent);
        }
    }

    pub(super) fn hang_up(&mut self, name: &str, session: SessionId, agent: client::Agent) {
        self.note(format_args!("{name} leaves {session}"));
        self.calls
            .start(format!("{name} leaves {session}"), async move {
                agent.leave(session).await
            });
    }

    fn tend(&mut self, act: Act) {
        let seats = self.crowd.seats(|seat| matches!(seat, Seat::In(_)));
        let Some((name, session, agent)) = self.one_of(&seats) else {
            return;
        };
        self.note(format_args!("{name}: {act:?} of {session}"));
        self.calls
            .start(format!("{name}: {act:?} of {session}"), async move {
                match act {
                    Act::Subscribe => agent.subscribe(session).await,
                    Act::Unsubscribe => agent.unsubscribe(session).await,
                    _ => agent.refresh(session).await,
                }
            });
    }

    // ---- What befalls them ----

    pub(super) fn change_weather(&mut self, weather: Faults) {
        self.note(format_args!("weather: {weather:?}"));
        if let Err(why) = self.stage.weather(weather) {
            self.breach("the network", why);
        }
    }

    fn change_disk(&mut self) {
        let ms = 1 + self.rng.below(1_500);
        let wait = Duration::from_millis(ms);
        let all = [Disk::Slow { wait }, Disk::Stuck, Disk::Failing];
        if let Some(disk) = self.one_of(&all) {
            self.note(format_args!("disk: {disk:?}"));
            self.stage.disk(disk);
        }
    }

    pub(super) async fn restart(&mut self) {
        // Nobody starts a server on a disk that does not answer.
        self.stage.disk(Disk::Well);
        self.note("the server restarts");
        if let Err(why) = self.stage.restart().await {
            self.breach("the server", why);
        }
    }

    fn reset(&mut self) {
        if let Some(name) = self.one_of(&self.crowd.who(Person::is_up)) {
            let count = self.stage.reset(name);
            self.note(format_args!("{count:?} connections of {name} are reset"));
        }
    }

    fn cut(&mut self, name: &'static str) {
        self.note(format_args!("{name} is cut off"));
        self.set_cut(name, true);
        if let Err(why) = self.stage.cut(name) {
            self.breach(name, why);
        }
    }

    pub(super) fn heal(&mut self, name: &'static str) {
        self.note(format_args!("{name} is within reach again"));
        self.set_cut(name, false);
        if let Err(why) = self.stage.heal(name) {
            self.breach(name, why);
        }
    }

    fn set_cut(&mut self, name: &str, is_cut: bool) {
        if let Some(person) = self.crowd.get_mut(name) {
            person.is_cut = is_cut;
        }
    }

    fn vanish(&mut self) {
        let Some(name) = self.one_of(&self.crowd.who(Person::is_up)) else {
            return;
        };
        self.note(format_args!("{name} vanishes"));
        if let Some(person) = self.crowd.get_mut(name) {
            person.agent = None;
        }
        if let Err(why) = self.stage.vanish(name) {
            self.breach(name, why);
        }
    }

    fn all_wrong(&self) -> Vec<Wrong> {
        let cut = self.crowd.who(|person| person.is_cut).into_iter();
        let gone = self.crowd.who(|person| !person.is_up()).into_iter();
        let down = (!self.stage.is_up()).then_some(Wrong::ServerDown);
        let ill = self.stage.is_ill().then_some(Wrong::Disk);
        cut.map(Wrong::Cut)
            .chain(gone.map(Wrong::Gone))
            .chain(down)
            .chain(ill)
            .collect()
    }

    async fn mend(&mut self, wrong: Wrong) {
        match wrong {
            Wrong::Cut(name) => self.heal(name),
            Wrong::Disk => {
                self.note("disk: well");
                self.stage.disk(Disk::Well);
            }
            Wrong::Gone(name) => self.comes_online(name),
            Wrong::ServerDown => self.restart().await,
        }
    }
}
