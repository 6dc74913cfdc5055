//! Somebody with a SIP phone: what they do, and what has to happen to them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use client::{
    Agent, CopyControl, Entry, Event, Events, Failure, Invitee, Known, Options, Refused, Saying,
    SessionId, guest,
};

use super::super::{Act, Call, Guest};
use super::seen::{address, fits, is_about, is_refusal};
use super::{Groups, PATIENCE, long};

/// A description without a chat in it.
const AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 0\r\n";

/// How long somebody who comes in waits to be shown so.
const SEATED: Duration = Duration::from_secs(5);

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
    /// Their IM Session Identities, as far as told.
    identities: BTreeMap<SessionId, String>,
    /// Who is at the other end of a session that began with one other person.
    peers: BTreeMap<SessionId, String>,
    /// The sessions they can go back to: what their client stores.
    known: Vec<Known>,
    /// The REFER that was refused to them last, until a line speaks of it.
    refused: Option<Refused>,
}

fn entry(guest: &Guest) -> Entry {
    let control = match guest.hidden {
        true => CopyControl::Bcc,
        false => CopyControl::To,
    };
    client::guest(&address(&guest.name), control)
}

impl Phone {
    /// Somebody who has just registered. Their client was started with what it `known` before.
    pub(super) fn new(agent: Agent, mut events: Events, known: Vec<Known>) -> Self {
        // The registration is told as well, and no line speaks of it.
        let seen = events.try_recv().into_iter();
        let seen = seen.filter(|event| !matches!(event, Event::Registered { .. }));
        Self {
            agent,
            events,
            seen: seen.collect(),
            session: None,
            rooms: BTreeMap::new(),
            identities: BTreeMap::new(),
            peers: BTreeMap::new(),
            known,
            refused: None,
        }
    }

    /// What their client has stored so far.
    pub(super) fn known(&mut self) -> Vec<Known> {
        self.hear(&mut Groups::new());
        self.known.clone()
    }

    /// Whether every refusal was spoken of.
    pub(super) fn has_no_complaint(&self) -> Result<(), String> {
        match &self.refused {
            Some(refused) => Err(format!("a REFER was refused: {refused}")),
            None => Ok(()),
        }
    }

    pub(super) async fn take(
        &mut self,
        act: &Act,
        room: Option<&str>,
        sessions: &mut Groups,
    ) -> Result<(), String> {
        if let (Act::Refused { status, warning }, Some(refused)) = (act, self.refused.take()) {
            return match is_refusal(&refused, *status, warning.as_ref()) {
                true => Ok(()),
                false => Err(format!("they were refused with {refused}")),
            };
        }
        self.has_no_complaint()?;
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
                self.create(guests, options, (room, sessions)).await
            }
            Act::Extends {
                peer,
                others,
                welcome,
            } => {
                if welcome.is_some() {
                    return Err("it takes a handset to welcome people".to_owned());
                }
                self.extend(peer, others, (room, sessions)).await
            }
            Act::Joins => {
                let room = room.unwrap_or_default();
                let uri = sessions.get(room).cloned().unwrap_or(address(room));
                let invitee = Invitee::Group(uri);
                self.call(invitee, None, Options::default(), (Some(room), sessions))
                    .await
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
            Act::HearsNothing => self.heard_nothing(room, sessions),
            Act::Imps(_) => Err("it takes a handset to do this".to_owned()),
            Act::Sip(call) if *call != Call::GoesOn => self.does(call, room, sessions).await,
            _ => self.expect(act, room, sessions).await,
        }
    }

    /// Makes a conference with these people.
    async fn create(
        &mut self,
        guests: &[Guest],
        options: Options,
        place: (Option<&str>, &mut Groups),
    ) -> Result<(), String> {
        let peer = match guests {
            [one] => Some(one.name.as_str()),
            _ => None,
        };
        let invitee = Invitee::Guests(guests.iter().map(entry).collect());
        self.call(invitee, peer, options, place).await
    }

    async fn does(
        &mut self,
        call: &Call,
        room: Option<&str>,
        sessions: &mut Groups,
    ) -> Result<(), String> {
        let known = || {
            let known = room.and_then(|room| sessions.get(room)).cloned();
            let known = known.ok_or_else(|| "nobody was ever in there".to_owned());
            known.map(Invitee::Known)
        };
        let options = Options::default();
        match call {
            Call::Calls { whom } => {
                let invitee = Invitee::Address(address(whom));
                self.call(invitee, Some(whom), options, (room, sessions))
                    .await
            }
            Call::CannotGoBack => match self.agent.invite(known()?, options).await {
                Err(Failure::UnknownSession { .. }) => Ok(()),
                Err(failure) => Err(told(failure)),
                Ok(_) => Err("their client knows it".to_owned()),
            },
            Call::GoesBack => {
                let invitee = known()?;
                self.call(invitee, None, options, (room, sessions)).await
            }
            Call::GoesOn => Err("this has to happen by itself".to_owned()),
            Call::Refers { whom } => {
                let session = self.session(room)?;
                let whom = whom.iter().map(entry).collect();
                let done = self.agent.refer(session, whom).await;
                self.done(done)
            }
            Call::Removes { whom } => {
                let session = self.session(room)?;
                let done = self.agent.remove(session, &address(whom)).await;
                self.done(done)
            }
        }
    }

    /// What came of a REFER. If it was refused, the next line has to speak of it.
    fn done(&mut self, done: Result<(), Failure>) -> Result<(), String> {
        match done {
            Err(Failure::Refused(refused)) => {
                self.refused = Some(refused);
                Ok(())
            }
            done => done.map_err(told),
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

    /// Sends an invitation. How it goes on is for later lines.
    async fn call(
        &mut self,
        invitee: Invitee,
        peer: Option<&str>,
        options: Options,
        (room, sessions): (Option<&str>, &mut Groups),
    ) -> Result<(), String> {
        let session = self.agent.invite(invitee, options).await.map_err(told)?;
        if let Some(peer) = peer {
            self.peers.insert(session, peer.to_owned());
        }
        self.enter(session, room, sessions);
        Ok(())
    }

    /// Goes on in a conference with the other side of the last session with them.
    async fn extend(
        &mut self,
        peer: &str,
        others: &[String],
        (room, sessions): (Option<&str>, &mut Groups),
    ) -> Result<(), String> {
        let mut with = self.peers.iter().rev().filter(|(_, of)| *of == peer);
        let (old, _) = with.next().ok_or("they are in no session with them")?;
        let others = others
            .iter()
            .map(|name| guest(&address(name), CopyControl::To));
        let asked = self
            .agent
            .extend(*old, others.collect(), Options::default());
        let session = asked.await.map_err(told)?;
        self.enter(session, room, sessions);
        Ok(())
    }

    /// From now on lines are about this session.
    fn enter(&mut self, session: SessionId, room: Option<&str>, sessions: &mut Groups) {
        self.session = Some(session);
        if let Some(room) = room {
            self.rooms.insert(room.to_owned(), session);
            if let Some(identity) = self.identities.get(&session) {
                sessions.insert(room.to_owned(), identity.clone());
            }
        }
    }

    /// Notes what later lines may need.
    fn note(&mut self, event: &Event, sessions: &mut Groups) {
        match event {
            Event::Known { sessions } => self.known.clone_from(sessions),
            Event::Established {
                session,
                identity,
                is_focus: true,
                ..
            } => {
                self.identities.insert(*session, identity.clone());
                let names = self.rooms.iter().filter(|(_, of)| *of == session);
                sessions.extend(names.map(|(name, _)| (name.clone(), identity.clone())));
            }
            _ => {}
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
    async fn expect(
        &mut self,
        act: &Act,
        room: Option<&str>,
        sessions: &mut Groups,
    ) -> Result<(), String> {
        // An invitation gives its name to the session, every other line looks for one.
        let within = match act {
            Act::Invited { .. } => None,
            _ => room.map(|room| self.session(Some(room))).transpose()?,
        };
        let is_it =
            |event: &Event| fits(act, event) && (within.is_none() || is_about(event) == within);
        let deadline = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(at) = self.seen.iter().position(is_it) {
                    return self.seen.remove(at);
                }
                match self.events.recv().await {
                    Some(event) => {
                        self.note(&event, sessions);
                        self.seen.push_back(event);
                    }
                    None => return None,
                }
            }
        });
        let Ok(Some(event)) = deadline.await else {
            return Err(format!("did not happen; what did: {:?}", self.seen));
        };
        if let Event::MediaUp { session } = event {
            self.is_seated(session, sessions).await;
        }
        if let Event::Invited { session, .. } = event {
            if let Act::Invited { by: Some(by) } = act {
                self.peers.insert(session, by.clone());
            }
            self.enter(session, room, sessions);
        }
        Ok(())
    }

    /// Waits a while until a conference shows them that they are in it. Their media may be up a
    /// moment before, and what is said in that moment is not for them.
    async fn is_seated(&mut self, own: SessionId, sessions: &mut Groups) {
        if !self.identities.contains_key(&own) {
            return;
        }
        let is_it = |event: &Event| matches!(event, Event::Joined { session, person } if *session == own && person.is_own);
        let seated = tokio::time::timeout(SEATED, async {
            while !self.seen.iter().any(is_it) {
                let Some(event) = self.events.recv().await else {
                    return;
                };
                self.note(&event, sessions);
                self.seen.push_back(event);
            }
        });
        // Where nobody is told who is in, or not soon, the next line has to do without.
        let _ = seated.await;
    }

    /// Takes what has happened so far.
    fn hear(&mut self, sessions: &mut Groups) {
        while let Ok(event) = self.events.try_recv() {
            self.note(&event, sessions);
            self.seen.push_back(event);
        }
    }

    /// Whether any message came that no line has spoken of.
    fn heard_nothing(&mut self, room: Option<&str>, sessions: &mut Groups) -> Result<(), String> {
        let within = room.map(|room| self.session(Some(room))).transpose()?;
        self.hear(sessions);
        let heard = self.seen.iter().find(|event| {
            matches!(event, Event::Message(_)) && (within.is_none() || event.session() == within)
        });
        match heard {
            Some(event) => Err(format!("they did: {event:?}")),
            None => Ok(()),
        }
    }
}

fn told(failure: Failure) -> String {
    failure.to_string()
}
