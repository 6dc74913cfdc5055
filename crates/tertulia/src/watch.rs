//! `tertulia watch`: an agent for scripts. Events come out, one JSON object a line; commands go
//! in, one a line.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use client::{Event, Failure, Invitee, Options, Saying, SessionId};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::agent::{Client, End, Who, lines};
use crate::signals::Signals;
use crate::{output, say};

/// Tells what happens, until it is stopped.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Watch {
    #[command(flatten)]
    who: Who,
    /// Write events as JSON, one object a line.
    #[arg(long)]
    json: bool,
    /// Accept every invitation.
    #[arg(long)]
    auto_accept: bool,
    /// Do not register.
    #[arg(long)]
    no_register: bool,
    /// Stop after so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Stop when this event has come, such as message or session_ended.
    #[arg(long, value_name = "EVENT")]
    until: Option<String>,
}

const HELP: &str = "Commands, one a line on standard input; N is the number of a session:
  create WHO...        invite people to a conference     direct ADDRESS   invite one address
  accept [N]           decline [N] [STATUS]              leave N
  say N TEXT           to N WHO TEXT                     roster N
  modify N             refresh N                         subscribe N      unsubscribe N
  register             wait EVENT [SECONDS]              sleep SECONDS    quit
Each is answered by one object with the members `command` and `ok`. `wait` takes the next event of
that name, also one that came since the last `wait`; without it the answer is not ok and the exit
code 5.
Exit codes: 0 done; 2 the command line is wrong; 3 refused by the server; 5 no connection, no
answer in time, or --until and `wait` in vain; 6 wrong user or password.";

/// Event names kept for `wait`.
const SEEN_MAX: usize = 1000;

/// How long `wait` waits unless told otherwise.
const WAIT: Duration = Duration::from_secs(30);

impl Watch {
    pub(crate) fn run(self) -> ExitCode {
        self.who.run(|client| self.watch(client))
    }

    async fn watch(&self, client: Client) -> End {
        if !self.no_register
            && let Err(end) = client.register().await
        {
            return end;
        }
        let Ok(mut signals) = Signals::listen() else {
            return End::Network;
        };
        let clock = client.world.clock;
        let deadline = self
            .seconds
            .map(|seconds| clock.now() + Duration::from_secs(seconds));
        let mut commands = lines(&client.world);
        let mut post = Post {
            client,
            json: self.json,
            auto_accept: self.auto_accept,
            until: self.until.clone(),
            seen: VecDeque::new(),
            last_invitation: None,
            reading: true,
            end: None,
        };
        tokio::select! {
            biased;
            () = signals.stop() => {}
            () = post.work(&mut commands) => {}
            () = wait_until(clock, deadline), if deadline.is_some() => {
                if self.until.is_some() {
                    post.end = Some(End::Network);
                }
            }
        }
        post.end.unwrap_or(End::Done)
    }
}

async fn wait_until(clock: world::Clock, deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        clock.sleep_until(deadline).await;
    }
}

/// The agent, and what has happened.
struct Post {
    client: Client,
    json: bool,
    auto_accept: bool,
    until: Option<String>,
    /// Names of events since the last `wait`.
    seen: VecDeque<String>,
    last_invitation: Option<SessionId>,
    reading: bool,
    end: Option<End>,
}

/// Go on, or stop?
#[derive(Eq, PartialEq)]
enum Flow {
    On,
    Stop,
}

impl Post {
    async fn work(&mut self, commands: &mut mpsc::Receiver<String>) {
        loop {
            let flow = tokio::select! {
                biased;
                event = self.client.events.recv() => match event {
                    Some(event) => self.happened(event).await,
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

    async fn happened(&mut self, event: Event) -> Flow {
        let value = serde_json::to_value(&event).unwrap_or_default();
        if self.json {
            say(&value.to_string());
        } else if let Some(line) = output::line(&event) {
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
        if let Event::Invited { session, .. } = event {
            self.last_invitation = Some(session);
            if self.auto_accept
                && let Err(failure) = self.client.agent.accept(session).await
            {
                self.answer("accept", Err(failure));
            }
        }
        match &self.until {
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
                let until = self.client.world.clock.now() + Duration::from_secs_f64(seconds);
                return self.rest(until, None).await;
            }
            _ => {
                let result = self.carry_out(word, rest).await;
                self.answer(word, result);
            }
        }
        Flow::On
    }

    async fn carry_out(&mut self, word: &str, rest: &str) -> Result<Value, Failure> {
        let agent = self.client.agent.clone();
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let number = first.parse().ok().map(SessionId);
        let session = number.ok_or(Failure::NoSuchSession);
        let invited = number
            .or(self.last_invitation)
            .ok_or(Failure::NoSuchSession);
        let done = |()| json!({});
        match word {
            "create" => {
                let guests = self.client.guests(rest.split_whitespace());
                let invitee = Invitee::Guests(guests);
                let session = agent.invite(invitee, Options::default()).await?;
                Ok(json!({ "session": session }))
            }
            "direct" => {
                let invitee = Invitee::Address(self.client.address(rest));
                let session = agent.invite(invitee, Options::default()).await?;
                Ok(json!({ "session": session }))
            }
            "accept" => agent.accept(invited?).await.map(done),
            "decline" => {
                let status = more.trim().parse().unwrap_or(603);
                agent.decline(invited?, status).await.map(done)
            }
            "leave" => agent.leave(session?).await.map(done),
            "modify" => agent.modify(session?).await.map(done),
            "refresh" => agent.refresh(session?).await.map(done),
            "register" => agent.register().await.map(done),
            "roster" => {
                let members = agent.roster(session?).await?;
                Ok(json!({ "members": members }))
            }
            "say" => {
                let id = agent.send(session?, Saying::text(more)).await?;
                Ok(json!({ "message_id": id }))
            }
            "to" => {
                let (name, text) = more.split_once(' ').unwrap_or((more, ""));
                let saying = Saying::text(text).to(&self.client.address(name));
                let id = agent.send(session?, saying).await?;
                Ok(json!({ "message_id": id }))
            }
            "subscribe" => agent.subscribe(session?).await.map(done),
            "unsubscribe" => agent.unsubscribe(session?).await.map(done),
            _ => Err(Failure::NotNow {
                why: "there is no such command",
            }),
        }
    }

    /// Waits for an event; tells whether it came.
    async fn wait(&mut self, rest: &str) -> Flow {
        let (name, seconds) = rest.split_once(' ').unwrap_or((rest, ""));
        let patience = seconds.trim().parse().map_or(WAIT, Duration::from_secs);
        let until = self.client.world.clock.now() + patience;
        let flow = self.rest(until, Some(name)).await;
        let came = self.take_seen(name);
        if came {
            self.answer("wait", Ok(json!({ "event_name": name })));
        } else if flow == Flow::On {
            self.end = Some(End::Network);
            self.answer("wait", Err(Failure::Timeout));
        }
        flow
    }

    /// Lets events happen until a time, or until one of this name has been seen.
    async fn rest(&mut self, until: Instant, name: Option<&str>) -> Flow {
        let clock = self.client.world.clock;
        loop {
            if name.is_some_and(|name| self.seen.iter().any(|seen| seen == name)) {
                return Flow::On;
            }
            let event = clock.timeout_at(until, self.client.events.recv());
            match event.await {
                Ok(Some(event)) => {
                    if self.happened(event).await == Flow::Stop {
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

    fn answer(&mut self, command: &str, result: Result<Value, Failure>) {
        let mut answer = json!({ "command": command, "ok": result.is_ok() });
        let more = match result {
            Ok(more) => more,
            Err(failure) => {
                let mut more = serde_json::to_value(&failure).unwrap_or_default();
                if let Some(more) = more.as_object_mut() {
                    more.insert("text".to_owned(), failure.to_string().into());
                }
                more
            }
        };
        if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
            answer.extend(more);
        }
        say(&answer.to_string());
    }
}
