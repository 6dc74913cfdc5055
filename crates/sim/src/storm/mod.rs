//! Storms: random days, each from a seed.
//!
//! ```text
//!   seed ─▶ people, settings, weather ─▶ random acts and misfortunes ─▶ evening ─▶ verdict
//!                                        (agents answer as they like)   all heals,
//!                                                                       all leave
//! ```
//!
//! A day has a [`Profile`], which says how bad it may become. In the evening everything heals,
//! everybody leaves, and virtual time runs until the last timer is over. Then the server must hold
//! nothing any more, nothing may have panicked, every call to an agent has ended, and those who
//! watched the wire have nothing to say.

mod acts;
mod calls;
mod calm;
mod crowd;
mod evening;
mod profile;
mod range;

pub use profile::Profile;
pub use range::{Failed, Range, Report};

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use world::sim::{Keep, Universe};
use world::{Rng, Tasks};

use crate::Stage;
use crate::watch::Breach;
use calls::Calls;
use crowd::Crowd;

/// One day: how bad it may become, and the seed from which all of it follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Day {
    /// How bad it may become.
    pub profile: Profile,
    /// Where chance comes from.
    pub seed: u64,
}

/// How a day went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The same for two days that went the same.
    pub digest: u64,
    /// How much happened.
    pub tally: Tally,
    /// The promises that were broken, the earliest first.
    pub breaches: Vec<Breach>,
    /// What people did and what befell them, a line each.
    pub acts: Vec<String>,
    /// All that was on the wire, a line each, if it was asked for.
    pub trace: String,
}

/// How much happened on a day: a storm in which nobody meets anybody proves nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// How often somebody came into a conference.
    pub joined: u64,
    /// How often somebody heard something.
    pub heard: u64,
}

/// Whether to keep what was on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trace {
    /// Only its digest.
    Digest,
    /// All of it.
    Wire,
}

/// The people of storms. No name is a word, or a part of another name.
pub(crate) const NAMES: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

/// The chance of the director; those of the hosts are drawn by address, and 0 is the network's.
const DIRECTOR: u64 = 1;

impl Day {
    /// Lives through the day.
    ///
    /// # Errors
    ///
    /// When there is no runtime to live it in.
    pub fn live(self, trace: Trace) -> io::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()?;
        Ok(runtime.block_on(self.run(trace)))
    }

    async fn run(self, trace: Trace) -> Outcome {
        let universe = Universe::new(self.seed);
        universe.keep(match trace {
            Trace::Digest => Keep::Digest,
            Trace::Wire => Keep::All,
        });
        let mut rng = Rng::from_seed(self.seed, DIRECTOR);
        let settings = self.profile.settings(&mut rng);
        let breaches;
        let mut tally = Tally::default();
        let mut acts = settings.clone();
        match Stage::simulated(universe.clone(), &settings, NAMES).await {
            Ok(stage) => {
                let mut director = Director::new(self.profile, &universe, stage, rng);
                director.direct().await;
                tally = director.calls.tally();
                breaches = director.breaches;
                acts.append(&mut director.acts);
            }
            Err(why) => breaches = vec![Breach::day(universe.age(), "the server", why)],
        }
        Outcome {
            digest: universe.digest(),
            tally,
            breaches,
            acts,
            trace: universe.trace(),
        }
    }
}

/// Whoever has a day happen.
struct Director {
    profile: Profile,
    universe: Universe,
    stage: Stage,
    rng: Rng,
    crowd: Crowd,
    calls: Arc<Calls>,
    /// What the server bears when nobody is there: tasks and sockets.
    burden: Option<(usize, usize)>,
    /// Texts said so far.
    said: u32,
    acts: Vec<String>,
    breaches: Vec<Breach>,
    /// Owns what follows the people's events.
    tasks: Tasks,
}

impl Director {
    fn new(profile: Profile, universe: &Universe, stage: Stage, rng: Rng) -> Self {
        // A place outside the network, for tasks alone.
        let world = universe.host(std::net::Ipv4Addr::new(10, 9, 9, 9).into());
        Self {
            profile,
            universe: universe.clone(),
            burden: stage.burden(),
            stage,
            rng,
            crowd: Crowd::default(),
            calls: Calls::new(world.tasks.clone()),
            said: 0,
            acts: Vec::new(),
            breaches: Vec::new(),
            tasks: world.tasks,
        }
    }

    async fn direct(&mut self) {
        let weather = self.profile.weather(&mut self.rng);
        self.change_weather(weather);
        let people = 3 + self.below(NAMES.len() - 2);
        for name in NAMES.iter().take(people) {
            self.comes_online(name);
        }
        self.pause(Duration::from_secs(2)).await;
        match self.profile {
            Profile::Calm => self.calm_day().await,
            Profile::Weather | Profile::Chaos => self.wild_day().await,
        }
        self.evening().await;
    }

    async fn wild_day(&mut self) {
        let acts = 20 + self.below(41);
        for _ in 0..acts {
            self.act().await;
            let pause = self.profile.pause(&mut self.rng);
            self.pause(pause).await;
        }
    }

    /// Notes what happens, for whoever reads the day.
    fn note(&mut self, what: impl fmt::Display) {
        let at = self.universe.age();
        let (seconds, millis) = (at.as_secs(), at.subsec_millis());
        self.acts.push(format!("{seconds}.{millis:03} s: {what}"));
    }

    fn breach(&mut self, who: &str, what: impl fmt::Display) {
        let at = self.universe.age();
        self.breaches.push(Breach::day(at, who, what));
    }

    async fn pause(&self, pause: Duration) {
        self.universe.clock().sleep(pause).await;
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        below(&mut self.rng, bound)
    }

    /// One of them; none of none.
    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        one_of(&mut self.rng, all)
    }

    /// True so many times in a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.rng.below(100) < percent
    }
}

/// A number below `bound`.
fn below(rng: &mut Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(rng.below(bound)).unwrap_or_default()
}

/// One of them; none of none.
fn one_of<T: Clone>(rng: &mut Rng, all: &[T]) -> Option<T> {
    all.get(below(rng, all.len())).cloned()
}

impl Outcome {
    /// What people did and what befell them, and what was wrong, for a person.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for act in &self.acts {
            story.push_str(act);
            story.push('\n');
        }
        for breach in &self.breaches {
            story.push_str(&format!("BREACH {breach}\n"));
        }
        story
    }

    /// Of a day that could not be lived.
    fn nothing(error: &io::Error) -> Self {
        let breach = Breach::day(Duration::ZERO, "the simulation", error);
        Self {
            digest: 0,
            tally: Tally::default(),
            breaches: vec![breach],
            acts: Vec::new(),
            trace: String::new(),
        }
    }
}
