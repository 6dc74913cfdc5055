//! `tertulia chat`: a conversation at the command line, line by line.

use std::collections::VecDeque;
use std::process::ExitCode;

use clap::Args;
use client::{Event, Failure, Invitee, Options, Saying, SessionId};
use tokio::sync::mpsc;

use crate::agent::{Client, End, Who, lines};
use crate::signals::Signals;
use crate::{imps, output, say};

/// With people named it invites them; without it waits until somebody invites. What is typed is
/// said to everybody.
#[derive(Args)]
#[command(after_help = End::HELP)]
pub(crate) struct Chat {
    #[command(flatten)]
    who: Who,
    /// Invite the one person without a conference.
    #[arg(long, conflicts_with = "imps")]
    direct: bool,
    /// Join the group or public conference of this name.
    #[arg(long, conflicts_with_all = ["imps", "direct"])]
    join: bool,
    /// Go back to the session with this identity.
    #[arg(long, conflicts_with_all = ["imps", "direct", "join"])]
    rejoin: bool,
    /// Accept every invitation.
    #[arg(long)]
    auto_accept: bool,
    /// Whom to invite; cc:NAME and bcc:NAME say how visibly. Over IMPS: with whom to talk, or in
    /// which group, such as /lobby; who else is named is asked to come into it.
    #[arg(value_name = "WHO")]
    people: Vec<String>,
}

/// Lines that wait until there is somebody to hear them.
const WAITING_MAX: usize = 1000;

const HELP: &str = "/who  who is here        /to NAME TEXT  say it to one alone
/invite NAME...  into the conference     /remove NAME  out of it
/nick NAME  be called so in it           /nick  be called by your address again
/extend NAME...  go on in a conference with the one you talk to and these people
/join NAME  a group or public conference
/sessions  what you can go back to       /rejoin [IDENTITY]  go back, to the latest unless named
/accept [N]  /decline [N]  an invitation
/leave  leave the conversation   /quit  leave and end   /help  this";

impl Chat {
    pub(crate) fn run(self) -> ExitCode {
        if self.who.handset.imps {
            return imps::chat(&self.who, &self.people, self.auto_accept);
        }
        for (option, is_set) in [
            ("--direct", self.direct),
            ("--join", self.join),
            ("--rejoin", self.rejoin),
        ] {
            if is_set && self.people.len() != 1 {
                eprintln!("error: {option} wants exactly one name");
                return End::Usage.into();
            }
        }
        self.who.run(|client| self.talk(client))
    }

    async fn talk(&self, client: Client) -> End {
        if let Err(end) = client.register().await {
            return end;
        }
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                eprintln!("error: cannot wait for signals: {error}");
                return End::Network;
            }
        };
        let (say, sayings) = mpsc::channel(WAITING_MAX);
        let speaking = speak(client.agent.clone(), sayings);
        let mut speaker = client.world.tasks.spawn("chat speaker", speaking);
        let mut typed = lines(&client.world);
        let mut table = Table {
            client,
            current: None,
            extension: None,
            is_up: false,
            invitations: Vec::new(),
            waiting: VecDeque::new(),
            say: Some(say),
            auto_accept: self.auto_accept,
            waits_for_others: self.people.is_empty(),
            end: None,
            typing: true,
        };
        if let Err(failure) = table.invite(self.invitee(&table.client)).await {
            eprintln!("error: {failure}");
            return End::of(&failure);
        }
        while table.end.is_none() {
            tokio::select! {
                biased;
                () = signals.stop() => table.end = Some(End::Done),
                event = table.client.events.recv() => match event {
                    Some(event) => table.happened(&event).await,
                    None => table.end = Some(End::Network),
                },
                line = typed.recv(), if table.typing => match line {
                    Some(line) => table.typed(&line).await,
                    None => table.typing = false,
                },
            }
            // All was typed and said: there is no more to come from here.
            if !table.typing && !table.waits_for_others && table.is_up && table.waiting.is_empty() {
                break;
            }
        }
        table.say = None;
        // What was said before the end is delivered, or known not to be.
        let _all_said = (&mut speaker).await;
        table.end.unwrap_or(End::Done)
    }
}

impl Chat {
    /// With whom to talk, if the command line says so.
    fn invitee(&self, client: &Client) -> Option<Invitee> {
        let people = self.people.iter().map(String::as_str);
        Some(match self.people.as_slice() {
            [] => return None,
            [one] if self.direct => Invitee::Address(client.address(one)),
            [one] if self.join => Invitee::Group(client.address(one)),
            [one] if self.rejoin => Invitee::Known(one.clone()),
            _ => Invitee::Guests(client.guests(people)),
        })
    }
}

/// The conversation as it stands.
struct Table {
    client: Client,
    current: Option<SessionId>,
    /// The conference that is to take its place, until there is one.
    extension: Option<SessionId>,
    /// Can something be said?
    is_up: bool,
    invitations: Vec<SessionId>,
    waiting: VecDeque<Saying>,
    /// To the one who says things in their order.
    say: Option<mpsc::Sender<(SessionId, Saying)>>,
    auto_accept: bool,
    waits_for_others: bool,
    end: Option<End>,
    typing: bool,
}

impl Table {
    async fn invite(&mut self, invitee: Option<Invitee>) -> Result<(), Failure> {
        let Some(invitee) = invitee else {
            say("* waiting for an invitation; /help says what else there is");
            return Ok(());
        };
        if self.current.is_some() {
            return Err(Failure::NotNow {
                why: "there is a conversation already: /leave it first",
            });
        }
        let options = Options::default();
        self.current = Some(self.client.agent.invite(invitee, options).await?);
        self.is_up = false;
        Ok(())
    }

    async fn happened(&mut self, event: &Event) {
        if let Some(line) = output::line(event) {
            say(&line);
        }
        match event {
            Event::Invited {
                session,
                replaces: None,
                ..
            } => {
                self.invitations.push(*session);
                if self.auto_accept {
                    self.accept(Some(*session)).await;
                }
            }
            Event::MediaUp { session } if self.current == Some(*session) => {
                self.is_up = true;
                while let Some(saying) = self.waiting.pop_front() {
                    self.pass_on(*session, saying);
                }
            }
            Event::Established { session, .. } if self.extension == Some(*session) => {
                self.extension = None;
                self.go_on_in(*session);
            }
            Event::Replaced { session, by } if self.current == Some(*session) => {
                self.go_on_in(*by);
            }
            Event::Refused { session, refused } if self.extension == Some(*session) => {
                self.extension = None;
                say(&format!("! not extended: {refused}"));
            }
            Event::Refused { session, refused } if self.current == Some(*session) => {
                self.end = Some(End::of(&Failure::Refused(refused.clone())));
            }
            Event::SessionEnded { session, .. } => {
                self.invitations.retain(|known| known != session);
                if self.current == Some(*session) {
                    self.current = None;
                    self.is_up = false;
                    if !self.waits_for_others {
                        self.end = Some(self.end.unwrap_or(End::Done));
                    }
                }
            }
            _ => {}
        }
    }

    /// What is said from now on is said there, once it is up.
    fn go_on_in(&mut self, session: SessionId) {
        self.current = Some(session);
        self.is_up = false;
    }

    async fn typed(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let number = rest.parse().ok().map(SessionId);
        match word {
            "" => {}
            "/help" => say(HELP),
            "/quit" => self.end = Some(End::Done),
            "/who" => self.who().await,
            "/accept" => self.accept(number).await,
            "/decline" => {
                if let Some(session) = number.or(self.invitations.last().copied()) {
                    self.told(self.client.agent.decline(session, 603).await);
                }
            }
            "/leave" => match self.current {
                Some(session) => self.told(self.client.agent.leave(session).await),
                None => say("! there is no conversation"),
            },
            "/nick" => match self.current {
                Some(session) => self.told(self.client.agent.nickname(session, rest.trim()).await),
                None => say("! there is no conversation"),
            },
            "/invite" | "/remove" | "/extend" => self.change(word, rest).await,
            "/join" | "/rejoin" | "/sessions" => self.enter(word, rest).await,
            "/to" => match rest.split_once(' ') {
                Some((name, text)) => {
                    let saying = Saying::text(text).to(&self.client.address(name));
                    self.speak(saying);
                }
                None => say("! /to NAME TEXT"),
            },
            _ if word.starts_with('/') => say("! there is no such command; /help lists them"),
            _ => self.speak(Saying::text(line)),
        }
    }

    /// Others are to come into the conversation, or to go.
    async fn change(&mut self, word: &str, names: &str) {
        let Some(session) = self.current else {
            return say("! there is no conversation");
        };
        let guests = self.client.guests(names.split_whitespace());
        let (agent, who) = (self.client.agent.clone(), self.client.address(names));
        if word == "/extend" {
            match agent.extend(session, guests, Options::default()).await {
                Ok(extension) => self.extension = Some(extension),
                Err(failure) => say(&format!("! {failure}")),
            }
            return;
        }
        let removes = word == "/remove";
        // The server may take its time; what happens meanwhile is shown.
        self.client.world.tasks.spawn("chat refer", async move {
            let done = match removes {
                true => agent.remove(session, &who).await,
                false => agent.refer(session, guests).await,
            };
            if let Err(failure) = done {
                say(&format!("! {failure}"));
            }
        });
    }

    /// Into another conversation.
    async fn enter(&mut self, word: &str, name: &str) {
        let known = self.client.agent.known().await.unwrap_or_default();
        let latest = known.last().map(|known| known.identity.clone());
        let invitee = match (word, name) {
            ("/sessions", _) => {
                for known in &known {
                    say(&format!("  {}", known.identity));
                }
                return;
            }
            ("/join", "") => return say("! /join NAME"),
            ("/join", name) => Invitee::Group(self.client.address(name)),
            (_, "") => match latest {
                Some(identity) => Invitee::Known(identity),
                None => return say("! there is nothing to go back to"),
            },
            (_, identity) => Invitee::Known(identity.to_owned()),
        };
        let entered = self.invite(Some(invitee)).await;
        self.told(entered);
    }

    fn speak(&mut self, saying: Saying) {
        match self.current {
            Some(session) if self.is_up => self.pass_on(session, saying),
            _ if self.waiting.len() < WAITING_MAX => self.waiting.push_back(saying),
            _ => say("! too much was typed before anybody could hear it"),
        }
    }

    fn pass_on(&self, session: SessionId, saying: Saying) {
        let passed = self.say.as_ref().map(|say| say.try_send((session, saying)));
        if !matches!(passed, Some(Ok(()))) {
            say("! too much waits to be delivered");
        }
    }

    async fn accept(&mut self, session: Option<SessionId>) {
        let Some(session) = session.or(self.invitations.last().copied()) else {
            say("! there is no invitation");
            return;
        };
        let accepted = self.client.agent.accept(session).await;
        if accepted.is_ok() {
            self.invitations.retain(|known| *known != session);
            self.current = Some(session);
            self.is_up = false;
        }
        self.told(accepted);
    }

    async fn who(&self) {
        let members = match self.current {
            Some(session) => self.client.agent.roster(session).await,
            None => Err(Failure::NoSuchSession),
        };
        match members {
            Ok(members) => {
                for person in members {
                    say(&format!(
                        "  {} ({})",
                        output::name(&person),
                        person.presence
                    ));
                }
            }
            Err(failure) => say(&format!("! {failure}")),
        }
    }

    fn told(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            say(&format!("! {failure}"));
        }
    }
}

/// Says things one after the other. What fails is told by an event.
async fn speak(agent: client::Agent, mut sayings: mpsc::Receiver<(SessionId, Saying)>) {
    while let Some((session, saying)) = sayings.recv().await {
        let said = agent.send(session, saying).await;
        if let Err(failure @ (Failure::NotNow { .. } | Failure::NoSuchSession)) = said {
            say(&format!("! {failure}"));
        }
    }
}
