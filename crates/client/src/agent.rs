//! The handle by which a program works an agent.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use world::World;
use xdm::resource_lists::Entry;

use crate::command::{Command, Reply};
use crate::config::Config;
use crate::core::{Core, Mail};
use crate::event::{Event, Person, SessionId};
use crate::failure::Failure;
use crate::invitee::Invitee;
use crate::known::Known;

/// Events that may wait for the program. Further ones are lost, and counted in
/// [`Event::Missed`].
const EVENTS: usize = 4096;

/// Mail that may wait for the agent. Whoever sends waits then.
const MAILBOX: usize = 256;

/// A SIMPLE IM client for one user. A clone works the same agent.
///
/// The agent runs as a task of the world it was started in, until [`Agent::stop`] or the end of
/// that world.
#[derive(Clone)]
pub struct Agent {
    mailbox: mpsc::Sender<Mail>,
}

/// What the agent tells.
pub type Events = mpsc::Receiver<Event>;

/// How a conference is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Stay anonymous in it (IM-7.1.1.1-S5).
    pub anonymous: bool,
    /// A session description to offer instead of our own, to see what a server makes of it. If
    /// it is accepted, the session has no messages.
    pub offer: Option<Arc<str>>,
}

/// Something to say.
#[derive(Clone, Debug)]
pub struct Saying {
    /// To whom: an address of one participant, or `None` for everybody.
    pub to: Option<String>,
    /// The media type, such as `text/plain;charset=utf-8`.
    pub content_type: String,
    /// The octets.
    pub body: Vec<u8>,
}

impl Saying {
    /// A text for everybody.
    pub fn text(text: &str) -> Self {
        Self {
            to: None,
            content_type: "text/plain;charset=utf-8".to_owned(),
            body: text.as_bytes().to_vec(),
        }
    }

    /// The same for one participant alone.
    #[must_use]
    pub fn to(self, address: &str) -> Self {
        Self {
            to: Some(address.to_owned()),
            ..self
        }
    }
}

impl Agent {
    /// Starts an agent. It opens its way to the server at once and registers when told to.
    ///
    /// # Errors
    ///
    /// When no socket can be opened, and for an address of record that is no SIP URI.
    pub fn start(world: &World, config: Config) -> io::Result<(Self, Events)> {
        let (mailbox, mail) = mpsc::channel(MAILBOX);
        let (told, events) = mpsc::channel(EVENTS);
        let core = Core::new(world, config, mailbox.clone(), told)?;
        world.tasks.spawn("client agent", core.run(mail));
        Ok((Self { mailbox }, events))
    }

    /// Tells the server where the user is, and keeps telling it.
    ///
    /// # Errors
    ///
    /// [`Failure`]: of the first attempt.
    pub async fn register(&self) -> Result<(), Failure> {
        self.ask(|reply| Command::Register { reply }).await
    }

    /// Invites people to a new conference (IM 7.1.1.3) and waits until there is one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn create_conference(
        &self,
        guests: Vec<Entry>,
        options: Options,
    ) -> Result<SessionId, Failure> {
        let session = self.invite(Invitee::Guests(guests), options).await?;
        self.settled(session).await?;
        Ok(session)
    }

    /// Invites one address without a conference factory, and waits until there is a session.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn invite_direct(&self, uri: &str, options: Options) -> Result<SessionId, Failure> {
        let invitee = Invitee::Address(uri.to_owned());
        let session = self.invite(invitee, options).await?;
        self.settled(session).await?;
        Ok(session)
    }

    /// Joins a pre-defined group (IM 7.1.1.4) or a public conference (IM 7.1.1.10) by its address,
    /// and waits until there is a session.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn join(&self, uri: &str, options: Options) -> Result<SessionId, Failure> {
        let session = self.invite(Invitee::Group(uri.to_owned()), options).await?;
        self.settled(session).await?;
        Ok(session)
    }

    /// Goes back to a session that was left or lost (IM 7.1.1.9), and waits until it is there.
    ///
    /// # Errors
    ///
    /// [`Failure::UnknownSession`] if no session of this identity is stored: then nothing was sent;
    /// and others.
    pub async fn rejoin(&self, identity: &str, options: Options) -> Result<SessionId, Failure> {
        let invitee = Invitee::Known(identity.to_owned());
        let session = self.invite(invitee, options).await?;
        self.settled(session).await?;
        Ok(session)
    }

    /// The sessions that can be rejoined, the latest last.
    ///
    /// # Errors
    ///
    /// [`Failure::Stopped`].
    pub async fn known(&self) -> Result<Vec<Known>, Failure> {
        self.ask(|reply| Command::Known { reply }).await
    }

    /// Asks the conference to invite further people (IM 7.1.1.7), and waits until it has said that
    /// it will.
    ///
    /// # Errors
    ///
    /// [`Failure`]; [`Failure::TooManyGuests`] and others before anything is sent.
    pub async fn refer(&self, session: SessionId, guests: Vec<Entry>) -> Result<(), Failure> {
        self.ask(|reply| Command::Refer {
            session,
            guests,
            reply,
        })
        .await
    }

    /// Asks the conference to let a participant go: a REFER whose method is BYE (RFC 4579 section
    /// 5.11).
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn remove(&self, session: SessionId, uri: &str) -> Result<(), Failure> {
        let uri = uri.to_owned();
        self.ask(|reply| Command::Remove {
            session,
            uri,
            reply,
        })
        .await
    }

    /// Asks the conference to be called so in it (RFC 7701 section 7); an empty nickname gives it
    /// up.
    ///
    /// # Errors
    ///
    /// [`Failure::Nickname`] if the conference refuses; [`Failure`].
    pub async fn nickname(&self, session: SessionId, nick: &str) -> Result<(), Failure> {
        let nick = nick.to_owned();
        self.ask(|reply| Command::Nickname {
            session,
            nick,
            reply,
        })
        .await
    }

    /// Goes on in a conference with the other side of a session of two and further people (IM
    /// 7.1.1.6). Returns the new session; it takes the place of the old one when the other side
    /// comes into it, of which [`Event::Replaced`] tells.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the invitation was not sent.
    pub async fn extend(
        &self,
        session: SessionId,
        guests: Vec<Entry>,
        options: Options,
    ) -> Result<SessionId, Failure> {
        self.ask(|reply| Command::Extend {
            session,
            guests,
            options,
            reply,
        })
        .await
    }

    /// Sends an invitation. How it goes on is told by events, and by [`Self::settled`].
    ///
    /// # Errors
    ///
    /// [`Failure`] if it was not sent: [`Failure::TooManyGuests`] and others.
    pub async fn invite(&self, invitee: Invitee, options: Options) -> Result<SessionId, Failure> {
        self.ask(|reply| Command::Invite {
            invitee,
            options,
            reply,
        })
        .await
    }

    /// Waits until a session exists.
    ///
    /// # Errors
    ///
    /// [`Failure`]: why it does not come about.
    pub async fn settled(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Settled { session, reply }).await
    }

    /// Accepts an invitation of which [`Event::Invited`] told. One that has been accepted already,
    /// since it takes the place of a session, needs no more.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn accept(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Accept { session, reply }).await
    }

    /// Declines an invitation, with a status from 400 to 699: 603 says no, 486 busy.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn decline(&self, session: SessionId, status: u16) -> Result<(), Failure> {
        self.ask(|reply| Command::Decline {
            session,
            status,
            reply,
        })
        .await
    }

    /// Says something and waits until the other end of the connection has it: the server, in a
    /// conference. Returns the identity of the message (RFC 5438).
    ///
    /// # Errors
    ///
    /// [`Failure::Delivery`] and others.
    pub async fn send(&self, session: SessionId, saying: Saying) -> Result<String, Failure> {
        self.ask(|reply| Command::Say {
            session,
            saying,
            reply,
        })
        .await
    }

    /// Sends a re-INVITE that changes nothing, and so lets the session live on (IM 7.1.1.8). It
    /// happens by itself when it is time.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn refresh(&self, session: SessionId) -> Result<(), Failure> {
        self.modify(session).await
    }

    /// Sends a re-INVITE with our description as it is now (IM 7.1.1.5).
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn modify(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Reinvite { session, reply }).await
    }

    /// Leaves a session, or gives up an invitation of ours, or declines one of somebody's.
    ///
    /// # Errors
    ///
    /// [`Failure::NoSuchSession`].
    pub async fn leave(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Leave { session, reply }).await
    }

    /// Subscribes to the state of a conference (IM 7.1.1.11), or asks for all of it again.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn subscribe(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Subscribe { session, reply })
            .await
    }

    /// Ends the subscription to the state of a conference (IM-7.1.1.11-TERM).
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn unsubscribe(&self, session: SessionId) -> Result<(), Failure> {
        self.ask(|reply| Command::Unsubscribe { session, reply })
            .await
    }

    /// Who is in the conference, as far as known.
    ///
    /// # Errors
    ///
    /// [`Failure::NoSuchSession`].
    pub async fn roster(&self, session: SessionId) -> Result<Vec<Person>, Failure> {
        self.ask(|reply| Command::Roster { session, reply }).await
    }

    /// Leaves all sessions, takes the registration back and ends the agent.
    pub async fn stop(self) {
        // It ends in any case; there is nothing to tell about how.
        let _ended = self.ask(|reply| Command::Stop { reply }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let mail = Mail::Command(command(reply));
        self.mailbox
            .send(mail)
            .await
            .map_err(|_| Failure::Stopped)?;
        answer.await.unwrap_or(Err(Failure::Stopped))
    }
}
