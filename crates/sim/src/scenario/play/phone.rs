//! Somebody with a SIP phone: what they do, and what has to happen to them.

use std::collections::{BTreeMap, VecDeque};

use client::{Agent, CopyControl, Entry, Event, Events, Invitee, Options, Saying, SessionId};

use super::super::{Act, Guest};
use super::{PATIENCE, long};

/// A description without a chat in it.
const AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 0\r\n";

/// Somebody with a SIP phone.
pub(super) struct Phone {
    agent: Agent,
    events: Events,
    /// What happened to them and no line has spoken of yet.
    seen: VecDeque<Event>,
    /// The session they are in, or invited to: the last one.
    session: Option<SessionId>,
    /// The sessions that have a name.
    rooms: BTreeMap<String, SessionId>,
}

fn address(name: &str) -> String {
    if name.contains(':') {
        return name.to_owned();
    }
    format!("sip:{name}@localhost")
}

impl Phone {
    pub(super) fn new(agent: Agent, events: Events) -> Self {
        Self {
            agent,
            events,
            seen: VecDeque::new(),
            session: None,
            rooms: BTreeMap::new(),
        }
    }

    pub(super) async fn take(&mut self, act: &Act, room: Option<&str>) -> Result<(), String> {
        match act {
            Act::Creates {
                guests,
                hidden,
                audio,
            } => {
                let options = Options {
                    anonymous: *hidden,
                    offer: audio.then(|| AUDIO.into()),
                };
                self.create(guests, options, room).await
            }
            Act::Accepts => {
                let session = self.session(room)?;
                self.agent.accept(session).await.map_err(told)
            }
            Act::Declines { status } => {
                let session = self.session(room)?;
                self.agent.decline(session, *status).await.map_err(told)
            }
            Act::GivesUp | Act::Leaves => {
                let session = self.session(room)?;
                self.agent.leave(session).await.map_err(told)
            }
            Act::Says { text, to } => self.say(text, to.as_deref(), room).await,
            Act::SaysLong { kilobytes } => self.say(&long(*kilobytes), None, room).await,
            Act::CannotSay { text, to } => match self.say(text, to.as_deref(), room).await {
                Ok(()) => Err("it was delivered".to_owned()),
                Err(_) => Ok(()),
            },
            Act::HearsNothing => self.heard_nothing(room),
            Act::Imps(_) => Err("it takes a handset to do this".to_owned()),
            _ => self.expect(act, room).await,
        }
    }

    async fn say(&self, text: &str, to: Option<&str>, room: Option<&str>) -> Result<(), String> {
        let saying = Saying::text(text);
        let saying = match to {
            Some(to) => saying.to(&address(to)),
            None => saying,
        };
        let session = self.session(room)?;
        let sent = self.agent.send(session, saying).await;
        sent.map(drop).map_err(told)
    }

    async fn create(
        &mut self,
        guests: &[Guest],
        options: Options,
        room: Option<&str>,
    ) -> Result<(), String> {
        let entries = guests.iter().map(|guest| {
            let mut entry = Entry::new(address(&guest.name));
            entry.copy_control = Some(match guest.hidden {
                true => CopyControl::Bcc,
                false => CopyControl::To,
            });
            entry
        });
        let invitee = Invitee::Guests(entries.collect());
        let session = self.agent.invite(invitee, options).await.map_err(told)?;
        self.enter(session, room);
        Ok(())
    }

    /// From now on lines are about this session.
    fn enter(&mut self, session: SessionId, room: Option<&str>) {
        self.session = Some(session);
        if let Some(room) = room {
            self.rooms.insert(room.to_owned(), session);
        }
    }

    fn session(&self, room: Option<&str>) -> Result<SessionId, String> {
        match room {
            None => self
                .session
                .ok_or_else(|| "they are in no session".to_owned()),
            Some(room) => self
                .rooms
                .get(room)
                .copied()
                .ok_or_else(|| format!("they were never in {room}")),
        }
    }

    /// Waits for the event that a line speaks of. Others are kept for later lines.
    async fn expect(&mut self, act: &Act, room: Option<&str>) -> Result<(), String> {
        // An invitation gives its name to the session, every other line looks for one.
        let within = match act {
            Act::Invited { .. } => None,
            _ => room.map(|room| self.session(Some(room))).transpose()?,
        };
        let is_it =
            |event: &Event| fits(act, event) && (within.is_none() || event.session() == within);
        let deadline = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(at) = self.seen.iter().position(is_it) {
                    return self.seen.remove(at);
                }
                match self.events.recv().await {
                    Some(event) => self.seen.push_back(event),
                    None => return None,
                }
            }
        });
        let Ok(Some(event)) = deadline.await else {
            return Err(format!("did not happen; what did: {:?}", self.seen));
        };
        if let Event::Invited { session, .. } = event {
            self.enter(session, room);
        }
        Ok(())
    }

    /// Whether any message came that no line has spoken of.
    fn heard_nothing(&mut self, room: Option<&str>) -> Result<(), String> {
        let within = room.map(|room| self.session(Some(room))).transpose()?;
        while let Ok(event) = self.events.try_recv() {
            self.seen.push_back(event);
        }
        let heard = self.seen.iter().find(|event| {
            matches!(event, Event::Message(_)) && (within.is_none() || event.session() == within)
        });
        match heard {
            Some(event) => Err(format!("they did: {event:?}")),
            None => Ok(()),
        }
    }
}

fn fits(act: &Act, event: &Event) -> bool {
    match (act, event) {
        (Act::Invited { by }, Event::Invited { from, .. }) => {
            by.as_ref().is_none_or(|by| *from == address(by))
        }
        (Act::Rings, Event::Ringing { .. }) => true,
        (Act::In, Event::MediaUp { .. }) => true,
        (Act::Out, Event::SessionEnded { .. }) => true,
        (Act::Refused { status, warning }, Event::Refused { refused, .. }) => {
            refused.status == *status && (warning.is_none() || refused.warning == *warning)
        }
        (Act::Hears { text, from }, Event::Message(heard)) => {
            heard.text == *text && heard.from == address(from)
        }
        (Act::HearsLong { kilobytes, from }, Event::Message(heard)) => {
            heard.text == long(*kilobytes) && heard.from == address(from)
        }
        (
            Act::Sees { whom, presence },
            Event::Joined { person, .. }
            | Event::Alerting { person, .. }
            | Event::Left { person, .. },
        ) => {
            let is_whom = match whom.as_str() {
                "self" => person.is_own,
                whom => person.entity == address(whom) && !person.is_own,
            };
            is_whom && person.presence == *presence
        }
        _ => false,
    }
}

fn told(failure: client::Failure) -> String {
    failure.to_string()
}
