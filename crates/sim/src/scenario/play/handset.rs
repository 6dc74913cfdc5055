//! Somebody with a handset: what they do, and what has to happen to them.

use std::collections::{BTreeMap, VecDeque};

use client::imps::{Agent, Event, Events, Extension, Failure, Refused, Saying, To};
use imps::Primitive;
use imps::csp::{InviteUserResponse, Sender, User};

use super::super::{Act, Deed, Device};
use super::heard::{self, Wanted};
use super::{Groups, PATIENCE, long};
use crate::stage::domain;

/// Somebody with a handset.
pub(super) struct Handset {
    name: String,
    agent: Agent,
    events: Events,
    /// What happened to them and no line has spoken of yet.
    seen: VecDeque<Event>,
    /// The group they are in, or invited to: the last one.
    group: Option<String>,
    /// Invitations by their groups.
    invitations: BTreeMap<String, String>,
    /// Conversations that they have asked to extend, by the names of the groups.
    extensions: BTreeMap<String, String>,
    /// Whether they ask to be told who comes and goes.
    subscribes: bool,
    /// What was refused to them last, until a line speaks of it.
    refused: Option<Refused>,
}

/// The address of a user.
pub(super) fn address(name: &str) -> String {
    if name.contains(':') {
        return name.to_owned();
    }
    format!("wv:{name}@{}", domain(name))
}

impl Handset {
    /// Somebody who has just logged in.
    pub(super) fn new(name: &str, device: Device, agent: Agent, mut events: Events) -> Self {
        // The login is told as well, and no line speaks of it.
        let seen = events.try_recv().into_iter();
        let seen = seen.filter(|event| !matches!(event, Event::Online { .. }));
        Self {
            name: name.to_owned(),
            agent,
            events,
            seen: seen.collect(),
            group: None,
            invitations: BTreeMap::new(),
            extensions: BTreeMap::new(),
            subscribes: !device.without_notices,
            refused: None,
        }
    }

    /// Whether every refusal was spoken of.
    pub(super) fn has_no_complaint(&self) -> Result<(), String> {
        match &self.refused {
            Some(refused) => Err(format!("{} was refused: {refused}", self.name)),
            None => Ok(()),
        }
    }

    pub(super) async fn take(
        &mut self,
        act: &Act,
        room: Option<&str>,
        groups: &mut Groups,
    ) -> Result<(), String> {
        if let Act::Refused { status, .. } = act {
            return self.was_refused(*status);
        }
        self.has_no_complaint()?;
        let done = match act {
            Act::HearsNothing | Act::Imps(Deed::NotAsked | Deed::SeesNobody) => {
                return self.saw_nothing(act, room, groups);
            }
            Act::Imps(deed) => match self.does(deed, room, groups).await {
                Some(done) => done,
                None => return self.expect(act, room, groups).await,
            },
            Act::Accepts => self.accept(room, groups).await,
            Act::Leaves => {
                let group = self.group(room, groups)?;
                self.agent.leave(&group).await
            }
            Act::Extends {
                peer,
                others,
                welcome,
            } => self.extend(room, peer, others, welcome.as_deref()).await,
            Act::Joins => self.join(room, groups).await,
            Act::Says { text, to } => self.say(text, to.as_deref(), room, groups).await,
            Act::SaysLong { kilobytes } => self.say(&long(*kilobytes), None, room, groups).await,
            Act::CannotSay { text, to } => {
                return match self.say(text, to.as_deref(), room, groups).await {
                    Ok(()) => Err("it was delivered".to_owned()),
                    Err(_) => Ok(()),
                };
            }
            Act::Creates { .. }
            | Act::Declines { .. }
            | Act::GivesUp
            | Act::Rings
            | Act::Sip(_) => {
                return Err("it takes a phone to do this".to_owned());
            }
            _ => return self.expect(act, room, groups).await,
        };
        match done {
            // The next line has to speak of it.
            Err(Failure::Refused(refused)) => {
                self.hear();
                // Who is not let in is told so as well, as one who is out.
                let is_echo = |event: &Event| matches!(event, Event::OutOfGroup { code, .. } if *code == refused.code);
                self.seen.retain(|event| !is_echo(event));
                self.refused = Some(refused);
                Ok(())
            }
            done => done.map_err(|failure| failure.to_string()),
        }
    }

    /// Does something; `None` if it is something that has to happen.
    async fn does(
        &mut self,
        deed: &Deed,
        room: Option<&str>,
        groups: &mut Groups,
    ) -> Option<Result<(), Failure>> {
        let group = self.known(room, groups);
        Some(match deed {
            Deed::Allows { whom } => self.agent.unblock(&[&address(whom)]).await,
            Deed::Answers { yes } => self.answer(*yes, &group).await,
            Deed::Blocks { whom } => self.agent.block(&[&address(whom)]).await,
            Deed::CreatesGroup { closed } => self.create(room, *closed, groups).await,
            Deed::Declines => {
                let invitation = self.invitation(&group);
                self.agent.decline(&invitation).await
            }
            Deed::Deletes => self.agent.delete_group(&group).await,
            Deed::Invites { whom } => {
                let whom: Vec<_> = whom.iter().map(|name| address(name)).collect();
                let whom: Vec<_> = whom.iter().map(String::as_str).collect();
                self.agent.invite(&whom, &group, None).await.map(drop)
            }
            Deed::LogsOut => self.agent.logout().await,
            Deed::Writes { text, to } => self.agent.say(&address(to), text).await.map(drop),
            Deed::Asked { .. }
            | Deed::InWithout { .. }
            | Deed::NoMore { .. }
            | Deed::NotAsked
            | Deed::Online(_)
            | Deed::RefusedRoom { .. }
            | Deed::SeesNobody
            | Deed::Told { .. }
            | Deed::Welcomed { .. } => return None,
        })
    }

    async fn create(
        &mut self,
        room: Option<&str>,
        closed: bool,
        groups: &mut Groups,
    ) -> Result<(), Failure> {
        let room = room.unwrap_or_default();
        let group = format!("wv:{}/{room}@{}", self.name, domain(&self.name));
        let properties: &[_] = match closed {
            true => &[("RequireInvitation", "T")],
            false => &[],
        };
        groups.insert(room.to_owned(), group.clone());
        self.group = Some(group.clone());
        self.agent.create_group(&group, properties).await
    }

    async fn extend(
        &mut self,
        room: Option<&str>,
        peer: &str,
        others: &[String],
        welcome: Option<&str>,
    ) -> Result<(), Failure> {
        let extension = Extension {
            peer: address(peer),
            others: others.iter().map(|name| address(name)).collect(),
            welcome: welcome.map(str::to_owned),
            subscribe: self.subscribes,
        };
        let id = self.agent.extend(extension).await?;
        self.extensions
            .insert(room.unwrap_or_default().to_owned(), id);
        Ok(())
    }

    async fn join(&mut self, room: Option<&str>, groups: &Groups) -> Result<(), Failure> {
        let group = self.known(room, groups);
        self.group = Some(group.clone());
        self.agent.join(&group, None, self.subscribes).await
    }

    async fn accept(&mut self, room: Option<&str>, groups: &Groups) -> Result<(), Failure> {
        let group = self.known(room, groups);
        let invitation = self.invitation(&group);
        self.agent.accept(&invitation).await
    }

    /// Says yes or no, which is not the way to go on in a group with a conversation.
    async fn answer(&self, yes: bool, group: &str) -> Result<(), Failure> {
        let response = InviteUserResponse {
            id: self.invitation(group),
            acceptance: yes,
            sender: Some(Sender::User(User::new(address(&self.name)))),
            ..InviteUserResponse::default()
        };
        match self.agent.request(response).await? {
            Primitive::Status(status) if status.outcome.code.is_success() => Ok(()),
            other => Err(Failure::Malformed {
                why: format!("{other:?} answers an answer"),
            }),
        }
    }

    async fn say(
        &self,
        text: &str,
        to: Option<&str>,
        room: Option<&str>,
        groups: &Groups,
    ) -> Result<(), Failure> {
        let group = self.group(room, groups).unwrap_or_default();
        let to = match to {
            Some(to) => To::Whisper {
                screen_name: to.to_owned(),
                group,
            },
            None => To::Group(group),
        };
        self.agent.send(Saying::text(to, text)).await.map(drop)
    }

    /// The invitation into a group. An empty one is none, and the agent says so.
    fn invitation(&self, group: &str) -> String {
        self.invitations.get(group).cloned().unwrap_or_default()
    }

    /// The group of this name, or else the last one. An empty one is none, and the agent says so.
    fn known(&self, room: Option<&str>, groups: &Groups) -> String {
        let known = room.and_then(|room| groups.get(room));
        known.or(self.group.as_ref()).cloned().unwrap_or_default()
    }

    fn group(&self, room: Option<&str>, groups: &Groups) -> Result<String, String> {
        match room {
            None => self.group.clone().ok_or("they are in no group".to_owned()),
            Some(room) => groups
                .get(room)
                .cloned()
                .ok_or_else(|| format!("nobody was ever in {room}")),
        }
    }

    /// The refusal that a line speaks of.
    fn was_refused(&mut self, status: u16) -> Result<(), String> {
        match self.refused.take() {
            Some(refused) if refused.code == status => Ok(()),
            Some(refused) => Err(format!("they were refused with {refused}")),
            None => Err("they were not refused".to_owned()),
        }
    }

    /// Waits for what a line speaks of. Whatever else happens is kept for later lines.
    async fn expect(
        &mut self,
        act: &Act,
        room: Option<&str>,
        groups: &mut Groups,
    ) -> Result<(), String> {
        let names = heard::names_group(act);
        let group = match room {
            Some(room) if !names => Some(self.group(Some(room), groups)?),
            Some(room) => groups.get(room).cloned(),
            None => None,
        };
        let extension = room.and_then(|room| self.extensions.get(room)).cloned();
        let wanted = Wanted {
            act,
            group,
            extension,
        };
        let deadline = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(at) = self.seen.iter().position(|event| wanted.is(event)) {
                    return self.seen.remove(at);
                }
                match self.events.recv().await {
                    Some(fault @ (Event::Fault { .. } | Event::Missed { .. })) => {
                        self.seen.push_back(fault);
                        return None;
                    }
                    Some(event) => self.seen.extend(heard::each(event)),
                    None => return None,
                }
            }
        });
        let Ok(Some(event)) = deadline.await else {
            return Err(format!("did not happen; what did: {:?}", self.seen));
        };
        if let (true, Some(group)) = (names, heard::group_of(&event)) {
            self.enter(&event, group, room, groups);
        }
        Ok(())
    }

    /// Takes what has happened so far.
    fn hear(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.seen.extend(heard::each(event));
        }
    }

    /// From now on lines are about this group. Whoever hears of it first gives it its name.
    fn enter(&mut self, event: &Event, group: &str, room: Option<&str>, groups: &mut Groups) {
        let group = group.to_owned();
        if let Event::Extending { invitation, .. } | Event::Invited { invitation, .. } = event {
            self.invitations.insert(group.clone(), invitation.clone());
        }
        if let Some(room) = room {
            groups.entry(room.to_owned()).or_insert(group.clone());
        }
        self.group = Some(group);
    }

    /// Whether nothing happened of the sort of which a line says so, but what lines have spoken
    /// of.
    fn saw_nothing(
        &mut self,
        act: &Act,
        room: Option<&str>,
        groups: &Groups,
    ) -> Result<(), String> {
        let within = room.map(|_| self.group(room, groups)).transpose()?;
        self.hear();
        let is_it = |event: &&Event| {
            let is_sort = match act {
                Act::HearsNothing => matches!(event, Event::Message(_)),
                Act::Imps(Deed::NotAsked) => {
                    matches!(event, Event::Extending { .. } | Event::Invited { .. })
                }
                _ => matches!(event, Event::GroupChanged { .. }),
            };
            is_sort && (within.is_none() || heard::group_of(event) == within.as_deref())
        };
        match self.seen.iter().find(is_it) {
            Some(event) => Err(format!("they did: {event:?}")),
            None => Ok(()),
        }
    }
}
