//! The people of a day: what they are in, what they heard, and how they answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{Agent, Event, Events, SessionId};
use world::{Clock, Rng, Tasks};

use super::calls::Calls;
use super::{below, one_of};

/// Everybody who ever came online, in the order of their names.
#[derive(Default)]
pub(super) struct Crowd {
    people: BTreeMap<&'static str, Person>,
}

/// Somebody.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) udp: bool,
    /// None while the device is switched off.
    pub(super) agent: Option<Agent>,
    /// Cut off from the server.
    pub(super) is_cut: bool,
    pub(super) book: Arc<Book>,
}

/// What one agent told.
pub(super) struct Book {
    pages: Mutex<Pages>,
}

#[derive(Default)]
pub(super) struct Pages {
    pub(super) sessions: BTreeMap<SessionId, Seat>,
    /// What was heard, how often.
    pub(super) heard: BTreeMap<String, u32>,
    /// How the next invitation is answered, if chance is not to decide.
    pub(super) next: Option<Answer>,
}

/// Where somebody is in one conference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Seat {
    /// They asked for it, and it rings.
    Calling,
    /// They are invited.
    Ringing,
    /// They are in; the session identity.
    In(String),
}

/// What somebody does about an invitation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Accept,
    Decline(u16),
    /// Lets it ring.
    Ignore,
}

/// What answers are drawn from.
const ANSWERS: &[Answer] = &[
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Decline(603),
    Answer::Decline(486),
    Answer::Decline(480),
    Answer::Ignore,
];

/// The longest that somebody thinks about an invitation.
const THINKING_MS: usize = 6_000;

impl Crowd {
    pub(super) fn insert(&mut self, person: Person) {
        self.people.insert(person.name, person);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Person> {
        self.people.get_mut(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// The names of those for whom something holds.
    pub(super) fn who(&self, holds: impl Fn(&Person) -> bool) -> Vec<&'static str> {
        let those = self.people.values().filter(|person| holds(person));
        those.map(|person| person.name).collect()
    }

    /// Everybody with an agent, and every session of theirs in such a state.
    pub(super) fn seats(
        &self,
        fits: impl Fn(&Seat) -> bool,
    ) -> Vec<(&'static str, SessionId, Agent)> {
        let mut all = Vec::new();
        for person in self.people.values() {
            let Some(agent) = &person.agent else { continue };
            for (session, seat) in &person.book.read().sessions {
                if fits(seat) {
                    all.push((person.name, *session, agent.clone()));
                }
            }
        }
        all
    }
}

impl Person {
    pub(super) const fn is_up(&self) -> bool {
        self.agent.is_some()
    }
}

impl Book {
    pub(super) fn new() -> Arc<Self> {
        let pages = Mutex::default();
        Arc::new(Self { pages })
    }

    pub(super) fn read(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They asked for a conference: the session is theirs until told otherwise.
    pub(super) fn calls(&self, session: SessionId) {
        self.read().sessions.entry(session).or_insert(Seat::Calling);
    }
}

/// Keeps somebody's book, and answers for them.
pub(super) struct Follower {
    pub(super) name: &'static str,
    pub(super) agent: Agent,
    pub(super) book: Arc<Book>,
    pub(super) calls: Arc<Calls>,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
}

impl Follower {
    pub(super) fn follow(mut self, mut events: Events, tasks: &Tasks) {
        tasks.spawn("a follower", async move {
            while let Some(event) = events.recv().await {
                self.happened(event);
            }
        });
    }

    fn happened(&mut self, event: Event) {
        self.calls.count(&event);
        let book = Arc::clone(&self.book);
        let mut pages = book.read();
        match event {
            Event::Invited { session, .. } => {
                pages.sessions.insert(session, Seat::Ringing);
                let answer = pages.next.take();
                self.answer(session, answer);
            }
            Event::Established {
                session, identity, ..
            } => {
                pages.sessions.insert(session, Seat::In(identity));
            }
            Event::SessionEnded { session, .. } => {
                pages.sessions.remove(&session);
            }
            Event::Message(heard) => *pages.heard.entry(heard.text).or_default() += 1,
            _ => {}
        }
    }

    fn answer(&mut self, session: SessionId, answer: Option<Answer>) {
        let answer = answer.or_else(|| one_of(&mut self.rng, ANSWERS));
        let Some(answer) = answer else { return };
        let thinking = u64::try_from(below(&mut self.rng, THINKING_MS)).unwrap_or_default();
        let (agent, clock) = (self.agent.clone(), self.clock);
        let what = format!("{} answers {session} with {answer:?}", self.name);
        self.calls.start(what, async move {
            clock.sleep(Duration::from_millis(thinking)).await;
            match answer {
                Answer::Accept => agent.accept(session).await,
                Answer::Decline(status) => agent.decline(session, status).await,
                Answer::Ignore => Ok(()),
            }
        });
    }
}
