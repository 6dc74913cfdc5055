//! `tertulia watch`: an agent for scripts. Events come out, one JSON object a line; commands go
//! in, one a line.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use client::{Event, Failure, Invitee, Options, Saying, SessionId};
use serde_json::{Value, json};

use crate::agent::{Client, End, Who};
use crate::script::{self, Answer, Plan, Trouble, Works};
use crate::{imps, output};

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
    /// Do not register, or over IMPS: do not log in.
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
  join ADDRESS         a group or public conference      rejoin IDENTITY  a session we were in
  known                the sessions that can be rejoined
  invite N WHO...      into the conference (also refer)  remove N WHO     out of it
  nick N [NAME]        be called so in it, or not any more
  extend N WHO...      go on in a conference with the other side of N and these people
  accept [N]           decline [N] [STATUS]              leave N
  say N TEXT           to N WHO TEXT                     roster N
  modify N             refresh N                         subscribe N      unsubscribe N
  register             wait EVENT [SECONDS]              sleep SECONDS    quit
Over IMPS; I is an invitation, GROUP one such as /lobby, LIST a contact list:
  say WHO TEXT         send TO TEXT                      whisper GROUP NAME TEXT
  extend WHO WITH...   accept [I]                        decline [I]
  join GROUP [NAME]    leave GROUP                       members GROUP    invite GROUP WHO...
  create GROUP [PROPERTY=VALUE]...                       delete GROUP
  presence WHO...      update [online|availability|status_text|mood|alias]=VALUE
  subscribe WHO...     unsubscribe WHO...                authorize WHO    forbid WHO
  lists                contacts LIST                     make-list LIST [WHO]...
  drop-list LIST       add LIST WHO...                   remove LIST WHO...
  block WHO...         unblock WHO...                    search ELEMENT=TEXT [ELEMENT=TEXT]...
  messages             get MESSAGE                       discover         login         logout
  wait EVENT [SECONDS]                                   sleep SECONDS    quit
`say` goes where the conversation with somebody goes on, which after `extend` is a group; `send` goes
to the user, group or contact list that is named.
Each is answered by one object with the members `command` and `ok`. `wait` takes the next event of
that name, also one that came since the last `wait`; without it the answer is not ok and the exit
code 5.
Exit codes: 0 done; 2 the command line is wrong; 3 refused by the server; 5 no connection, no
answer in time, or --until and `wait` in vain; 6 wrong user or password.";

impl Watch {
    pub(crate) fn run(mut self) -> ExitCode {
        let plan = Plan {
            json: self.json,
            time: self.seconds.map(Duration::from_secs),
            until: self.until.take(),
        };
        if self.who.handset.imps {
            return imps::watch(&self.who, plan, self.auto_accept, !self.no_register);
        }
        self.who.run(|client| self.watch(client, plan))
    }

    async fn watch(&self, client: Client, plan: Plan) -> End {
        if !self.no_register
            && let Err(end) = client.register().await
        {
            return end;
        }
        let world = client.world.clone();
        let post = Post {
            client,
            auto_accept: self.auto_accept,
            last_invitation: None,
        };
        script::run(&world, plan, post).await
    }
}

/// The agent, as a script works it.
struct Post {
    client: Client,
    auto_accept: bool,
    last_invitation: Option<SessionId>,
}

impl Works for Post {
    type Event = Event;

    async fn next(&mut self) -> Option<Event> {
        self.client.events.recv().await
    }

    fn line(&self, event: &Event) -> Option<String> {
        output::line(event)
    }

    async fn react(&mut self, event: &Event) -> Option<Answer> {
        // What takes the place of a session is accepted as it comes.
        let Event::Invited {
            session,
            replaces: None,
            ..
        } = event
        else {
            return None;
        };
        self.last_invitation = Some(*session);
        if !self.auto_accept {
            return None;
        }
        let failure = self.client.agent.accept(*session).await.err()?;
        Some(Answer {
            command: "accept".to_owned(),
            result: Err(failure.into()),
        })
    }

    async fn obey(&mut self, word: &str, rest: &str) -> Result<Value, Trouble> {
        Ok(self.carry_out(word, rest).await?)
    }
}

impl Post {
    /// Whom a command invites that begins a session.
    fn invitee(&self, word: &str, rest: &str) -> Option<Invitee> {
        Some(match word {
            "create" => Invitee::Guests(self.client.guests(rest.split_whitespace())),
            "direct" => Invitee::Address(self.client.address(rest)),
            "join" => Invitee::Group(self.client.address(rest)),
            "rejoin" => Invitee::Known(rest.to_owned()),
            _ => return None,
        })
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
        if let Some(invitee) = self.invitee(word, rest) {
            let session = agent.invite(invitee, Options::default()).await?;
            return Ok(json!({ "session": session }));
        }
        match word {
            "known" => Ok(json!({ "sessions": agent.known().await? })),
            "invite" | "refer" => {
                let guests = self.client.guests(more.split_whitespace());
                agent.refer(session?, guests).await.map(done)
            }
            "remove" => {
                let who = self.client.address(more.trim());
                agent.remove(session?, &who).await.map(done)
            }
            "nick" => agent.nickname(session?, more.trim()).await.map(done),
            "extend" => {
                let guests = self.client.guests(more.split_whitespace());
                let session = agent.extend(session?, guests, Options::default()).await?;
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
}
