//! Commands in, events out: what the scripts of both faces have in common.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::{Duration, Instant};

use client::imps;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use world::{Clock, World};

use crate::agent::{End, lines};
use crate::say;
use crate::signals::Signals;

/// What a script works.
pub(crate) trait Works {
    type Event: Serialize;

    /// The next event; `None` if there will be no more.
    fn next(&mut self) -> impl Future<Output = Option<Self::Event>>;

    /// An event in words for a person.
    fn line(&self, event: &Self::Event) -> Option<String>;

    /// Does what an event asks for without a command. Returns what is to be told of it.
    fn react(&mut self, event: &Self::Event) -> impl Future<Output = Option<Answer>>;

    /// Carries out one command.
    fn obey(&mut self, word: &str, rest: &str) -> impl Future<Output = Result<Value, Trouble>>;
}

/// How a script is run.
pub(crate) struct Plan {
    /// Are events written as JSON?
    pub(crate) json: bool,
    /// After how long to stop.
    pub(crate) time: Option<Duration>,
    /// The name of the event after which to stop.
    pub(crate) until: Option<String>,
}

/// What became of a command.
pub(crate) struct Answer {
    pub(crate) command: String,
    pub(crate) result: Result<Value, Trouble>,
}

/// Why a command failed: the members of the answer that say so.
pub(crate) struct Trouble(Map<String, Value>);

impl Trouble {
    /// A command that is not written as it has to be.
    pub(crate) fn usage(want: &str) -> Self {
        let text = format!("it is written: {want}");
        Self::of(&json!({ "failure": "usage" }), &text)
    }

    fn of(failure: &impl Serialize, text: &impl Display) -> Self {
        let mut members = match serde_json::to_value(failure) {
            Ok(Value::Object(members)) => members,
            Ok(_) | Err(_) => Map::new(),
        };
        members.insert("text".to_owned(), text.to_string().into());
        Self(members)
    }
}

impl From<client::Failure> for Trouble {
    fn from(failure: client::Failure) -> Self {
        Self::of(&failure, &failure)
    }
}

impl From<imps::Failure> for Trouble {
    fn from(failure: imps::Failure) -> Self {
        let mut trouble = Self::of(&failure, &failure);
        if let Some(advice) = crate::imps::advice(&failure) {
            trouble.0.insert("advice".to_owned(), advice.into());
        }
        trouble
    }
}

/// Event names kept for `wait`.
const SEEN_MAX: usize = 1000;

/// How long `wait` waits unless told otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// Obeys the commands of standard input and tells what happens, until the end.
pub(crate) async fn run(world: &World, plan: Plan, works: impl Works) -> End {
    let Ok(mut signals) = Signals::listen() else {
        return End::Network;
    };
    let clock = world.clock;
    let deadline = plan.time.map(|time| clock.now() + time);
    let mut commands = lines(world);
    let mut script = Script {
        works,
        clock,
        plan,
        seen: VecDeque::new(),
        reading: true,
        end: None,
    };
    tokio::select! {
        biased;
        () = signals.stop() => {}
        () = script.work(&mut commands) => {}
        () = wait_until(clock, deadline), if deadline.is_some() => {
            if script.plan.until.is_some() {
                script.end = Some(End::Network);
            }
        }
    }
    script.end.unwrap_or(End::Done)
}

async fn wait_until(clock: Clock, deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        clock.sleep_until(deadline).await;
    }
}

/// A script under way, and what has happened.
struct Script<W> {
    works: W,
    clock: Clock,
    plan: Plan,
    /// Names of events since the last `wait`.
    seen: VecDeque<String>,
    reading: bool,
    end: Option<End>,
}

/// Go on, or stop?
#[derive(Eq, PartialEq)]
enum Flow {
    On,
    Stop,
}

impl<W: Works> Script<W> {
    async fn work(&mut self, commands: &mut mpsc::Receiver<String>) {
        loop {
            let flow = tokio::select! {
                biased;
                event = self.works.next() => match event {
                    Some(event) => self.happened(&event).await,
                    None => Flow::Stop,
                },
                line = commands.recv(), if self.reading => match line {
                    Some(line) => self.obey(line.trim()).await,
                    None => {
                        self.reading = false;
                        Flow::On
                    }
                },
            };
            if flow == Flow::Stop {
                return;
            }
        }
    }

    async fn happened(&mut self, event: &W::Event) -> Flow {
        let value = serde_json::to_value(event).unwrap_or_default();
        if self.plan.json {
            say(&value.to_string());
        } else if let Some(line) = self.works.line(event) {
            say(&line);
        }
        let name = value
            .get("event")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if self.seen.len() >= SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(name.to_owned());
        if let Some(answer) = self.works.react(event).await {
            tell(&answer.command, answer.result);
        }
        match &self.plan.until {
            Some(until) if until == name => Flow::Stop,
            Some(_) | None => Flow::On,
        }
    }

    async fn obey(&mut self, line: &str) -> Flow {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "" => {}
            "quit" => return Flow::Stop,
            "wait" => return self.wait(rest).await,
            "sleep" => {
                let seconds = rest.parse().unwrap_or(1.0_f64).clamp(0.0, 86_400.0);
                let until = self.clock.now() + Duration::from_secs_f64(seconds);
                return self.rest(until, None).await;
            }
            _ => {
                let result = self.works.obey(word, rest).await;
                tell(word, result);
            }
        }
        Flow::On
    }

    /// Waits for an event; tells whether it came.
    async fn wait(&mut self, rest: &str) -> Flow {
        let (name, seconds) = rest.split_once(' ').unwrap_or((rest, ""));
        let patience = seconds.trim().parse().map_or(WAIT, Duration::from_secs);
        let until = self.clock.now() + patience;
        let flow = self.rest(until, Some(name)).await;
        let came = self.take_seen(name);
        if came {
            tell("wait", Ok(json!({ "event_name": name })));
        } else if flow == Flow::On {
            self.end = Some(End::Network);
            tell("wait", Err(client::Failure::Timeout.into()));
        }
        flow
    }

    /// Lets events happen until a time, or until one of this name has been seen.
    async fn rest(&mut self, until: Instant, name: Option<&str>) -> Flow {
        loop {
            if name.is_some_and(|name| self.seen.iter().any(|seen| seen == name)) {
                return Flow::On;
            }
            let event = self.clock.timeout_at(until, self.works.next());
            match event.await {
                Ok(Some(event)) => {
                    if self.happened(&event).await == Flow::Stop {
                        return Flow::Stop;
                    }
                }
                Ok(None) => return Flow::Stop,
                Err(_) => return Flow::On,
            }
        }
    }

    /// Forgets everything up to the first event of this name.
    fn take_seen(&mut self, name: &str) -> bool {
        let at = self.seen.iter().position(|seen| seen == name);
        if let Some(at) = at {
            self.seen.drain(..=at);
        }
        at.is_some()
    }
}

/// Writes what became of a command.
fn tell(command: &str, result: Result<Value, Trouble>) {
    let mut answer = json!({ "command": command, "ok": result.is_ok() });
    let more = result.unwrap_or_else(|trouble| Value::Object(trouble.0));
    if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
        answer.extend(more);
    }
    say(&answer.to_string());
}
