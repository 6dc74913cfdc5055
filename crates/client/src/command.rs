//! What the agent is told to do, and who does it.

use std::time::Instant;

use tokio::sync::oneshot;
use xdm::resource_lists::Entry;

use crate::agent::{Options, Saying};
use crate::core::Core;
use crate::event::{Person, SessionId};
use crate::failure::Failure;
use crate::invitee::Invitee;
use crate::known::Known;

/// Where the answer to a command goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// What the agent is told to do.
pub(crate) enum Command {
    Accept {
        session: SessionId,
        reply: Reply<()>,
    },
    Decline {
        session: SessionId,
        status: u16,
        reply: Reply<()>,
    },
    Extend {
        session: SessionId,
        guests: Vec<Entry>,
        options: Options,
        reply: Reply<SessionId>,
    },
    Invite {
        invitee: Invitee,
        options: Options,
        reply: Reply<SessionId>,
    },
    Known {
        reply: Reply<Vec<Known>>,
    },
    Leave {
        session: SessionId,
        reply: Reply<()>,
    },
    Nickname {
        session: SessionId,
        nick: String,
        reply: Reply<()>,
    },
    Refer {
        session: SessionId,
        guests: Vec<Entry>,
        reply: Reply<()>,
    },
    Register {
        reply: Reply<()>,
    },
    Reinvite {
        session: SessionId,
        reply: Reply<()>,
    },
    Remove {
        session: SessionId,
        uri: String,
        reply: Reply<()>,
    },
    Roster {
        session: SessionId,
        reply: Reply<Vec<Person>>,
    },
    Say {
        session: SessionId,
        saying: Saying,
        reply: Reply<String>,
    },
    Settled {
        session: SessionId,
        reply: Reply<()>,
    },
    Stop {
        reply: Reply<()>,
    },
    Subscribe {
        session: SessionId,
        reply: Reply<()>,
    },
    Unsubscribe {
        session: SessionId,
        reply: Reply<()>,
    },
}

impl Core {
    pub(crate) fn obey(&mut self, command: Command, now: Instant) {
        if self.ending.is_some() {
            return; // The reply is dropped, which says that the agent has stopped.
        }
        match command {
            Command::Accept { session, reply } => answer(reply, self.accept(session, now)),
            Command::Decline {
                session,
                status,
                reply,
            } => answer(reply, self.decline(session, status, now)),
            Command::Extend {
                session,
                guests,
                options,
                reply,
            } => answer(reply, self.extend(session, guests, options, now)),
            Command::Invite {
                invitee,
                options,
                reply,
            } => answer(reply, self.invite(invitee, options, now)),
            Command::Known { reply } => answer(reply, Ok(self.memory.list())),
            Command::Leave { session, reply } => answer(reply, self.leave(session, now)),
            Command::Nickname {
                session,
                nick,
                reply,
            } => self.name(session, &nick, reply),
            Command::Refer {
                session,
                guests,
                reply,
            } => self.refer(session, guests, reply, now),
            Command::Register { reply } => self.register(reply, now),
            Command::Reinvite { session, reply } => self.modify(session, reply, now),
            Command::Remove {
                session,
                uri,
                reply,
            } => self.remove(session, &uri, reply, now),
            Command::Roster { session, reply } => answer(reply, self.members(session)),
            Command::Say {
                session,
                saying,
                reply,
            } => self.say(session, &saying, reply),
            Command::Settled { session, reply } => self.settled(session, reply),
            Command::Stop { reply } => self.stop(reply, now),
            Command::Subscribe { session, reply } => answer(reply, self.resubscribe(session, now)),
            Command::Unsubscribe { session, reply } => {
                answer(reply, self.unsubscribe(session, now));
            }
        }
    }
}

/// Whoever asked may have gone since.
fn answer<T>(reply: Reply<T>, result: Result<T, Failure>) {
    let _gone = reply.send(result);
}
