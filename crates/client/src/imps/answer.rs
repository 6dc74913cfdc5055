//! Documents of ours, and what becomes of what they ask.
//!
//! ```text
//!   queue ──▶ Flight: at most one request, and answers of ours ──POST──▶ server
//!     ▲                                                                    │
//!     └──answers── requests of the server ◀────────────────────────────────┤
//!                  the answer to our request: by its purpose ◀─────────────┘
//! ```

use std::time::Instant;

use bytes::Bytes;
use imps::csp::{VersionDiscoveryRequest, VersionList};
use imps::{Document, Message, Mode, Primitive, Session, Transaction, Version};

use super::agent::Reply;
use super::conversation::Effect;
use super::core::Core;
use super::event::Event;
use super::failure::{Failure, Refused, ends_session, outcome};
use super::post;

/// Something that waits to be posted.
pub(super) enum Job {
    /// The question which versions the server speaks: a document of its own.
    Discover(Reply<Vec<Version>>),
    Send(Box<Letter>),
}

/// A transaction of ours.
pub(super) struct Letter {
    pub(super) session: Session,
    pub(super) transaction: Transaction,
    pub(super) purpose: Purpose,
}

impl Job {
    pub(super) fn send(session: Session, transaction: Transaction, purpose: Purpose) -> Self {
        Self::Send(Box::new(Letter {
            session,
            transaction,
            purpose,
        }))
    }
}

/// What a transaction of ours is for: who is told how it went.
pub(super) enum Purpose {
    /// It answers the server: nobody.
    Answer,
    Capability,
    Command {
        effect: Effect,
        reply: Reply<Primitive>,
    },
    /// The last word in a session: nobody, and it is sent although the session is over.
    Farewell,
    /// A message that was announced.
    Fetch {
        message: String,
    },
    /// A group in which somebody goes on with a conversation.
    Join {
        group: String,
    },
    KeepAlive,
    Login,
    Logout(Reply<()>),
    Poll,
    /// The second step of a four-way login.
    Prove,
    /// That a message has been fetched: nobody.
    Receipt,
    Service,
}

/// A document under way.
pub(super) struct Flight {
    session: Session,
    asked: Asked,
}

enum Asked {
    Nothing,
    Versions(Reply<Vec<Version>>),
    Request { id: String, purpose: Purpose },
}

impl Flight {
    /// Is it a question whether anything waits?
    pub(super) fn is_poll(&self) -> bool {
        match &self.asked {
            Asked::Request { purpose, .. } => matches!(purpose, Purpose::Poll),
            Asked::Nothing | Asked::Versions(_) => false,
        }
    }
}

impl Core {
    /// Takes from the queue what goes into the next document.
    pub(super) fn depart(&mut self) -> Option<Bytes> {
        let letter = match self.queue.pop_front()? {
            Job::Discover(reply) => return Some(self.ask_versions(reply)),
            Job::Send(letter) => *letter,
        };
        let session = letter.session.clone();
        let mut message = Message::new(self.config.version, session.clone());
        let mut asked = Asked::Nothing;
        board(&mut message, &mut asked, letter);
        let most = match &self.held {
            Some(held) => held.agreed.per_message(&self.config),
            None => 1,
        };
        while message.transactions.len() < most
            && let Some(Job::Send(letter)) = self.queue.pop_front_if(|job| match job {
                // Of the same session, and one request in all.
                Job::Send(next) => {
                    let free = matches!(asked, Asked::Nothing);
                    next.session == session && (free || next.transaction.mode == Mode::Response)
                }
                Job::Discover(_) => false,
            })
        {
            board(&mut message, &mut asked, *letter);
        }
        self.flight = Some(Flight { session, asked });
        Some(message.encode(self.config.encoding))
    }

    fn ask_versions(&mut self, reply: Reply<Vec<Version>>) -> Bytes {
        self.flight = Some(Flight {
            session: Session::Outband,
            asked: Asked::Versions(reply),
        });
        let question = VersionDiscoveryRequest {
            versions: VersionList::of(&Version::ALL),
            extended: Vec::new(),
        };
        Document::DiscoveryRequest(question).encode(self.config.encoding)
    }

    /// A document was answered, or was not.
    pub(super) fn posted(&mut self, posted: Result<post::Reply, Failure>, now: Instant) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let reply = match posted {
            Ok(reply) => reply,
            Err(failure) => return self.lost(flight, &failure),
        };
        self.reached();
        match flight.asked {
            Asked::Versions(to) => {
                let _gone = to.send(versions(&reply));
            }
            Asked::Request {
                purpose: Purpose::Poll,
                id,
            } => self.arrived(&flight.session, Some((id, Purpose::Poll)), &reply, now),
            Asked::Request { id, purpose } => {
                if reply.body.is_empty() {
                    let failure = Failure::malformed("the answer is empty");
                    return self.gone(purpose, &failure);
                }
                self.arrived(&flight.session, Some((id, purpose)), &reply, now);
            }
            Asked::Nothing => self.arrived(&flight.session, None, &reply, now),
        }
    }

    /// Nobody has answered a document, or in no way that can be used.
    fn lost(&mut self, flight: Flight, failure: &Failure) {
        let is_online = self.held.is_some() && self.entering.is_none();
        match failure {
            Failure::Malformed { why } => self.fault(why),
            _ if is_online && self.is_reached => {
                self.is_reached = false;
                let why = failure.to_string();
                self.tell(Event::Offline { why });
            }
            _ => {}
        }
        match flight.asked {
            Asked::Nothing => {}
            Asked::Versions(to) => {
                let _gone = to.send(Err(failure.clone()));
            }
            Asked::Request { purpose, .. } => self.gone(purpose, failure),
        }
    }

    /// The server is there. If it was not, the program hears of it.
    fn reached(&mut self) {
        let was_reached = std::mem::replace(&mut self.is_reached, true);
        if !was_reached && self.entering.is_none() {
            self.tell_online();
        }
    }

    /// A document of the server's: the answer to our request, and requests of its own.
    fn arrived(
        &mut self,
        session: &Session,
        mut asked: Option<(String, Purpose)>,
        reply: &post::Reply,
        now: Instant,
    ) {
        let was_poll = matches!(&asked, Some((_, Purpose::Poll)));
        if reply.body.is_empty() {
            if was_poll {
                self.polled(false, true, now);
            }
            return;
        }
        let read = Message::decode(&reply.body, reply.encoding).map_err(|error| error.to_string());
        let message = match read.and_then(|message| ours(message, session)) {
            Ok(message) => message,
            Err(why) => {
                self.fault(&why);
                if let Some((_, purpose)) = asked {
                    self.gone(purpose, &Failure::Malformed { why });
                }
                return;
            }
        };
        let brought = !message.transactions.is_empty();
        for transaction in message.transactions {
            match transaction.mode {
                Mode::Request => self.serve(transaction, now),
                Mode::Response => match asked.take_if(|(id, _)| *id == transaction.id) {
                    Some((_, purpose)) => {
                        self.answered(session, purpose, transaction.primitive, now);
                    }
                    None => self.fault("an answer to nothing that was asked"),
                },
            }
        }
        for refused in message.refused {
            self.fault(refused.flaw);
            match refused.mode {
                Mode::Request => self.refuse(refused.id, refused.flaw.status()),
                Mode::Response => {
                    if let Some((_, purpose)) = asked.take_if(|(id, _)| *id == refused.id) {
                        self.gone(purpose, &Failure::malformed(refused.flaw));
                    }
                }
            }
        }
        if let Some((_, purpose)) = asked
            && !was_poll
        {
            self.gone(purpose, &Failure::malformed("the answer is not in it"));
        }
        self.flags(message.poll, message.cir, now);
        if message.poll || was_poll {
            self.polled(message.poll, !brought, now);
        }
    }

    /// The answer to a request of ours.
    fn answered(&mut self, session: &Session, purpose: Purpose, answer: Primitive, now: Instant) {
        let is_current = self.session().as_ref() == Some(session);
        let code = ends_session(&answer).filter(|_| is_current);
        match purpose {
            Purpose::Answer | Purpose::Farewell | Purpose::Poll | Purpose::Receipt => {}
            Purpose::Capability => self.capability_answered(answer),
            Purpose::Command { effect, reply } => {
                self.affect(effect, &answer);
                let _gone = reply.send(Ok(answer));
            }
            Purpose::Fetch { message } => self.fetched(message, answer),
            Purpose::Join { group } => self.followed(group, &answer),
            Purpose::KeepAlive => self.kept_alive(&answer, now),
            Purpose::Login => self.login_answered(false, answer, now),
            Purpose::Logout(reply) => {
                self.logged_out();
                let _gone = reply.send(Ok(()));
                return;
            }
            Purpose::Prove => self.login_answered(true, answer, now),
            Purpose::Service => self.service_answered(answer, now),
        }
        if let Some(code) = code
            && self.session().as_ref() == Some(session)
        {
            self.expelled(code.number(), now);
        }
    }

    /// There will be no answer to a request of ours.
    pub(super) fn gone(&mut self, purpose: Purpose, failure: &Failure) {
        let now = self.world.clock.now();
        match purpose {
            Purpose::Answer | Purpose::Farewell | Purpose::Receipt => {}
            Purpose::Capability | Purpose::Login | Purpose::Prove | Purpose::Service => {
                self.login_failed(failure.clone(), now);
            }
            Purpose::Command { reply, .. } => {
                let _gone = reply.send(Err(failure.clone()));
            }
            Purpose::Fetch { message } => {
                self.fault(format_args!("message {message} was not fetched: {failure}"));
            }
            Purpose::Join { group } => {
                self.fault(format_args!("group {group} was not joined: {failure}"));
            }
            Purpose::KeepAlive => self.not_kept_alive(now),
            Purpose::Logout(reply) => {
                self.logged_out();
                let _gone = reply.send(Err(failure.clone()));
            }
            Purpose::Poll => self.not_polled(now),
        }
    }
}

/// Puts a transaction into a document.
fn board(message: &mut Message, asked: &mut Asked, letter: Letter) {
    if letter.transaction.mode == Mode::Request {
        *asked = Asked::Request {
            id: letter.transaction.id.clone(),
            purpose: letter.purpose,
        };
    }
    message.transactions.push(letter.transaction);
}

/// The message, if it belongs to the session that was spoken in. An error about the session may
/// stand outside it.
fn ours(message: Message, session: &Session) -> Result<Message, String> {
    let is_ours = match (session, &message.session) {
        (Session::Outband, _) => true,
        (Session::Inband(own), Session::Inband(other)) => own == other,
        (Session::Inband(_), Session::Outband) => {
            let mut all = message.transactions.iter();
            all.all(|transaction| transaction.mode == Mode::Response)
        }
    };
    if is_ours {
        Ok(message)
    } else {
        Err("it belongs to another session".to_owned())
    }
}

/// The versions that the server says it speaks.
fn versions(reply: &post::Reply) -> Result<Vec<Version>, Failure> {
    match Document::decode(&reply.body, reply.encoding).map_err(Failure::malformed)? {
        Document::DiscoveryResponse(answer) => Ok(answer.versions.known()),
        Document::Message(message) => {
            let first = message.transactions.first();
            match first.and_then(|first| outcome(&first.primitive)) {
                Some(outcome) => Err(Failure::Refused(Refused::of(outcome))),
                None => Err(Failure::malformed("no versions")),
            }
        }
        Document::DiscoveryRequest(_) => Err(Failure::malformed("no versions")),
    }
}
