//! The handle by which a program works an agent.

use std::io;
use std::sync::Arc;

use imps::csp::{
    GetMessageListRequest, GetMessageRequest, MessageDelivered, MessageInfo, ScreenName,
};
use imps::service::Functions;
use imps::{Primitive, Version};
use tokio::sync::{mpsc, oneshot};
use world::World;

use super::config::Config;
use super::conversation::Invitation;
use super::core::Core;
use super::event::{Event, Heard};
use super::failure::{Failure, granted};
use super::saying::{Saying, To};

/// Events that may wait for the program. Further ones are lost, and counted in
/// [`Event::Missed`].
const EVENTS: usize = 4096;

/// Commands that may wait for the agent. Whoever sends waits then.
const COMMANDS: usize = 64;

/// An IMPS client for one user. A clone works the same agent.
///
/// The agent runs as a task of the world it was started in, until [`Agent::stop`] or the end of
/// that world.
#[derive(Clone)]
pub struct Agent {
    commands: mpsc::Sender<Command>,
    me: Arc<str>,
    screen_name: Option<Arc<str>>,
}

/// What the agent tells.
pub type Events = mpsc::Receiver<Event>;

/// Where the answer to a command goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// What the agent is told to do.
pub(super) enum Command {
    Agreed {
        reply: Reply<Functions>,
    },
    Discover {
        reply: Reply<Vec<Version>>,
    },
    Forget {
        invitation: String,
        reply: Reply<()>,
    },
    Invitation {
        invitation: String,
        reply: Reply<Invitation>,
    },
    Login {
        reply: Reply<()>,
    },
    Logout {
        reply: Reply<()>,
    },
    Request {
        primitive: Box<Primitive>,
        reply: Reply<Primitive>,
    },
    Say {
        saying: Saying,
        reply: Reply<Primitive>,
    },
    Stop {
        reply: Reply<()>,
    },
    Token {
        reply: Reply<String>,
    },
}

impl Agent {
    /// Starts an agent. It does nothing before it is told to.
    ///
    /// # Errors
    ///
    /// When no socket can be opened, and for a user whose address is none.
    pub fn start(world: &World, config: Config) -> io::Result<(Self, Events)> {
        let (commands, waiting) = mpsc::channel(COMMANDS);
        let (told, events) = mpsc::channel(EVENTS);
        let agent = Self {
            commands,
            me: config.user.as_str().into(),
            screen_name: config.screen_name.as_deref().map(Arc::from),
        };
        let (core, reports) = Core::new(world, config, told)?;
        world
            .tasks
            .spawn("client imps agent", core.run(waiting, reports));
        Ok((agent, events))
    }

    /// Asks which versions the server speaks. It takes no session.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn discover(&self) -> Result<Vec<Version>, Failure> {
        self.order(|reply| Command::Discover { reply }).await
    }

    /// Logs in, agrees on capabilities and functions, and keeps the session alive from then on.
    ///
    /// # Errors
    ///
    /// [`Failure::Authentication`] and others. Nothing is tried again.
    pub async fn login(&self) -> Result<(), Failure> {
        self.order(|reply| Command::Login { reply }).await
    }

    /// Ends the session.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the server does not know of it. There is no session any more in any case.
    pub async fn logout(&self) -> Result<(), Failure> {
        self.order(|reply| Command::Logout { reply }).await
    }

    /// The functions that were agreed in this session.
    ///
    /// # Errors
    ///
    /// [`Failure::NotLoggedIn`].
    pub async fn agreed(&self) -> Result<Functions, Failure> {
        self.order(|reply| Command::Agreed { reply }).await
    }

    /// Sends any request within the session, as it is, and returns the answer to it, whatever that
    /// says. What the agent knows of groups and conversations follows from it.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no answer.
    pub async fn request(&self, primitive: impl Into<Primitive>) -> Result<Primitive, Failure> {
        let primitive = Box::new(primitive.into());
        self.order(|reply| Command::Request { primitive, reply })
            .await
    }

    /// Says something. Returns the id of the message, which is empty if the server gives none.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn send(&self, saying: Saying) -> Result<String, Failure> {
        let answer = self.order(|reply| Command::Say { saying, reply }).await?;
        match granted(answer)? {
            Primitive::SendMessageResponse(response) => Ok(response.message.unwrap_or_default()),
            Primitive::Status(_) => Ok(String::new()),
            other => Err(unexpected(&other)),
        }
    }

    /// Says a text to a user. Once the conversation with this user goes on in a group, the text
    /// goes there (IMPS-9.1.11-S27).
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn say(&self, peer: &str, text: &str) -> Result<String, Failure> {
        self.send(Saying::text(To::Conversation(peer.to_owned()), text))
            .await
    }

    /// The messages that wait, without their content.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn messages(&self) -> Result<Vec<MessageInfo>, Failure> {
        match self.ask(GetMessageListRequest::default()).await? {
            Primitive::GetMessageListResponse(response) => Ok(response.messages),
            other => Err(unexpected(&other)),
        }
    }

    /// Fetches a message that waits. The server may forget it then.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn get_message(&self, id: &str) -> Result<Heard, Failure> {
        let message = id.to_owned();
        match self.ask(GetMessageRequest { message }).await? {
            Primitive::GetMessageResponse(response) => {
                let message = id.to_owned();
                // It is here; whether the server hears of it matters to the server alone.
                let _heard = self.request(MessageDelivered { message }).await;
                Ok(Heard::of(&response.info, response.content.as_ref()))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Ends the session and the agent.
    pub async fn stop(self) {
        // It ends in any case; there is nothing to tell about how.
        let _ended = self.order(|reply| Command::Stop { reply }).await;
    }

    /// Sends a request that has to be granted.
    pub(super) async fn ask(&self, primitive: impl Into<Primitive>) -> Result<Primitive, Failure> {
        granted(self.request(primitive).await?)
    }

    /// Sends a request that is answered with no more than yes.
    pub(super) async fn tell(&self, primitive: impl Into<Primitive>) -> Result<(), Failure> {
        self.ask(primitive).await.map(drop)
    }

    pub(super) async fn invitation(&self, id: &str) -> Result<Invitation, Failure> {
        let invitation = id.to_owned();
        self.order(|reply| Command::Invitation { invitation, reply })
            .await
    }

    pub(super) async fn forget(&self, id: &str) -> Result<(), Failure> {
        let invitation = id.to_owned();
        self.order(|reply| Command::Forget { invitation, reply })
            .await
    }

    /// A name for something new, which nobody can guess.
    pub(super) async fn token(&self) -> Result<String, Failure> {
        self.order(|reply| Command::Token { reply }).await
    }

    /// Our user.
    pub(super) fn me(&self) -> &str {
        &self.me
    }

    /// What we want to be called in a group: `name`, or what we always want to be called.
    pub(super) fn screen_name(&self, group: &str, name: Option<&str>) -> Option<ScreenName> {
        let name = name.or(self.screen_name.as_deref())?;
        Some(ScreenName {
            name: name.to_owned(),
            group: group.to_owned(),
        })
    }

    async fn order<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| Failure::Stopped)?;
        answer.await.unwrap_or(Err(Failure::Stopped))
    }
}

/// An answer of another kind than belongs to the request.
pub(super) fn unexpected(answer: &Primitive) -> Failure {
    Failure::malformed(format_args!("{} answers it", answer.name()))
}
