//! A conversation as it stands, at which somebody sits and types.

use std::collections::VecDeque;

use client::imps::{Event, Extension, Failure, Saying, To};
use tokio::sync::mpsc;

use super::advice::advice;
use super::output::{self, is_same, short};
use super::phone::Phone;
use crate::agent::End;
use crate::say;

/// Lines that wait until there is somebody to hear them.
pub(super) const WAITING_MAX: usize = 1000;

const HELP: &str = "/talk WHO  talk to somebody else     /to NAME TEXT  say it to one alone
/extend WHO...  go on with others     /who  who is here
/join GROUP [NAME]  /leave  a group   /invite WHO...  into the group
/accept [N]  /decline [N]  an invitation
/presence [WHO]...  is somebody there
/quit  leave and end                  /help  this";

pub(super) struct Table {
    phone: Phone,
    /// With whom the conversation is.
    peer: Option<String>,
    /// The group it is in.
    group: Option<String>,
    /// What was asked, while it is not known whether the conversation grows.
    growing: Option<String>,
    invitations: Vec<Invitation>,
    /// How many invitations there have been.
    invited: usize,
    waiting: VecDeque<String>,
    /// To the one who says things in their order.
    say: mpsc::Sender<Saying>,
    auto_accept: bool,
    notices: bool,
    waits_for_others: bool,
    end: Option<End>,
}

struct Invitation {
    number: usize,
    id: String,
    group: Option<String>,
}

impl Table {
    pub(super) fn new(
        phone: Phone,
        say: mpsc::Sender<Saying>,
        auto_accept: bool,
        notices: bool,
    ) -> Self {
        Self {
            phone,
            peer: None,
            group: None,
            growing: None,
            invitations: Vec::new(),
            invited: 0,
            waiting: VecDeque::new(),
            say,
            auto_accept,
            notices,
            waits_for_others: false,
            end: None,
        }
    }

    /// Begins with those whom the command line names.
    pub(super) async fn begin(&mut self, people: &[String]) -> Result<(), Failure> {
        let Some((first, others)) = people.split_first() else {
            self.waits_for_others = true;
            say("* waiting until somebody says something; /help says what else there is");
            return Ok(());
        };
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        match self.phone.names.to(first) {
            To::Group(group) => self.join(&group, None).await?,
            _ => self.talk_to(self.phone.names.address(first)),
        }
        match others.is_empty() {
            true => Ok(()),
            false => self.extend(&others).await,
        }
    }

    pub(super) async fn work(&mut self, typed: &mut mpsc::Receiver<String>) -> End {
        let mut typing = true;
        while self.end.is_none() {
            tokio::select! {
                biased;
                event = self.phone.events.recv() => match event {
                    Some(event) => self.happened(&event).await,
                    None => self.end = Some(End::Network),
                },
                line = typed.recv(), if typing => match line {
                    Some(line) => self.typed(&line).await,
                    None => typing = false,
                },
            }
            // All was typed and said: there is no more to come from here.
            let is_settled = self.growing.is_none() && self.waiting.is_empty();
            if !typing && !self.waits_for_others && is_settled {
                break;
            }
        }
        self.end.unwrap_or(End::Done)
    }

    async fn happened(&mut self, event: &Event) {
        if let Some(line) = output::line(event, self.group.as_deref()) {
            say(&line);
        }
        match event {
            Event::Extended { id, group, .. } if self.growing.as_ref() == Some(id) => {
                self.growing = None;
                self.group = Some(group.clone());
                self.say_all();
            }
            Event::NotExtended { id, .. } if self.growing.as_ref() == Some(id) => {
                self.growing = None;
                self.say_all();
            }
            Event::Extending {
                invitation, group, ..
            } => {
                // The agent itself joins, if everything is to be accepted.
                self.invited_to(invitation, Some(group.clone()), !self.auto_accept);
            }
            Event::Invited {
                invitation, group, ..
            } => {
                self.invited_to(invitation, group.clone(), !self.auto_accept);
                if self.auto_accept {
                    self.accept(None).await;
                }
            }
            Event::InviteCancelled { invitation, .. } => {
                self.invitations.retain(|known| known.id != *invitation);
            }
            Event::Joined { group, .. } => {
                let is_it = |known: &Invitation| is_same(known.group.as_deref(), group);
                self.invitations.retain(|known| !is_it(known));
                self.group = Some(group.clone());
                self.say_all();
            }
            Event::OutOfGroup { group, .. } if is_same(self.group.as_deref(), group) => {
                self.group = None;
            }
            // Whatever there was in the session is over with it.
            Event::Disconnected { .. } => {
                self.group = None;
                if self.growing.take().is_some() {
                    self.say_all();
                }
            }
            Event::Message(heard) if self.peer.is_none() && self.group.is_none() => {
                if let Some(from) = &heard.from {
                    self.talk_to(from.clone());
                }
            }
            _ => {}
        }
    }

    fn invited_to(&mut self, id: &str, group: Option<String>, asks: bool) {
        self.invited = self.invited.saturating_add(1);
        let number = self.invited;
        if asks {
            say(&format!("* /accept {number} or /decline {number}"));
        }
        self.invitations.push(Invitation {
            number,
            id: id.to_owned(),
            group,
        });
    }

    async fn typed(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let names: Vec<&str> = rest.split_whitespace().collect();
        let result = match (word, names.as_slice()) {
            ("", _) => Ok(()),
            ("/help", _) => {
                say(HELP);
                Ok(())
            }
            ("/quit", _) => {
                self.end = Some(End::Done);
                Ok(())
            }
            ("/who", _) => self.who().await,
            ("/accept", _) => {
                self.accept(rest.parse().ok()).await;
                Ok(())
            }
            ("/decline", _) => self.decline(rest.parse().ok()).await,
            ("/leave", _) => self.leave().await,
            ("/presence", names) => self.presence(names).await,
            ("/talk", [name]) => {
                self.group = None;
                self.talk_to(self.phone.names.address(name));
                Ok(())
            }
            ("/to", [name, _, ..]) => {
                let text = rest.get(name.len()..).unwrap_or_default().trim();
                self.to_one(name, text);
                Ok(())
            }
            ("/join", [group]) => self.join(&self.phone.names.group(group), None).await,
            ("/join", [group, name]) => self.join(&self.phone.names.group(group), Some(name)).await,
            ("/extend", others @ [_, ..]) => self.extend(others).await,
            ("/invite", others @ [_, ..]) => self.invite(others).await,
            ("/talk" | "/to" | "/join" | "/extend" | "/invite", _) => {
                say("! that needs more, or less: /help says what");
                Ok(())
            }
            _ if word.starts_with('/') => {
                say("! there is no such command; /help lists them");
                Ok(())
            }
            _ => {
                self.speak(line);
                Ok(())
            }
        };
        told(result);
    }

    fn talk_to(&mut self, peer: String) {
        say(&format!("* what you type goes to {}", short(&peer)));
        self.peer = Some(peer);
        self.say_all();
    }

    fn speak(&mut self, text: &str) {
        if self.waiting.len() >= WAITING_MAX {
            say("! too much was typed before anybody could hear it");
            return;
        }
        self.waiting.push_back(text.to_owned());
        self.say_all();
    }

    /// Says what waits, if there is somebody to hear it and it is known where.
    fn say_all(&mut self) {
        if self.growing.is_some() {
            return;
        }
        let to = match (&self.group, &self.peer) {
            (Some(group), _) => To::Group(group.clone()),
            (None, Some(peer)) => To::Conversation(peer.clone()),
            (None, None) => return,
        };
        while let Some(text) = self.waiting.pop_front() {
            self.pass_on(Saying::text(to.clone(), text));
        }
    }

    fn pass_on(&self, saying: Saying) {
        if self.say.try_send(saying).is_err() {
            say("! too much waits to be delivered");
        }
    }

    /// In a group to the one of this name there, else to the user.
    fn to_one(&self, name: &str, text: &str) {
        let to = match &self.group {
            Some(group) => To::Whisper {
                screen_name: name.to_owned(),
                group: group.clone(),
            },
            None => To::User(self.phone.names.address(name)),
        };
        self.pass_on(Saying::text(to, text));
    }

    /// Goes on with others: in a group that is made for it, or in the one that there is.
    async fn extend(&mut self, others: &[&str]) -> Result<(), Failure> {
        if self.group.is_some() {
            return self.invite(others).await;
        }
        let Some(peer) = self.peer.clone() else {
            say("! there is no conversation to go on with");
            return Ok(());
        };
        let extension = Extension {
            peer,
            others: self.phone.names.addresses(others.iter().copied()),
            welcome: None,
            subscribe: self.notices,
        };
        self.growing = Some(self.phone.agent.extend(extension).await?);
        Ok(())
    }

    async fn invite(&self, others: &[&str]) -> Result<(), Failure> {
        let Some(group) = &self.group else {
            say("! you are in no group");
            return Ok(());
        };
        let others = self.phone.names.addresses(others.iter().copied());
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        self.phone.agent.invite(&others, group, None).await?;
        Ok(())
    }

    /// Joins a group. The event of it tells who is there.
    async fn join(&mut self, group: &str, name: Option<&str>) -> Result<(), Failure> {
        self.phone.agent.join(group, name, self.notices).await?;
        self.group = Some(group.to_owned());
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        let Some(group) = self.group.clone() else {
            say("! you are in no group");
            return Ok(());
        };
        self.phone.agent.leave(&group).await?;
        self.group = None;
        match &self.peer {
            Some(peer) => say(&format!(
                "* you have left; what you type goes to {}",
                short(peer)
            )),
            None => say("* you have left"),
        }
        Ok(())
    }

    async fn accept(&mut self, number: Option<usize>) {
        let Some(id) = self.invitation(number) else {
            say("! there is no such invitation");
            return;
        };
        let accepted = self.phone.agent.accept(&id).await;
        if accepted.is_ok() {
            self.invitations.retain(|known| known.id != id);
        }
        told(accepted);
    }

    async fn decline(&mut self, number: Option<usize>) -> Result<(), Failure> {
        let id = self.invitation(number).ok_or(Failure::NoInvitation)?;
        self.phone.agent.decline(&id).await?;
        self.invitations.retain(|known| known.id != id);
        Ok(())
    }

    /// The id of the invitation with this number, or of the last.
    fn invitation(&self, number: Option<usize>) -> Option<String> {
        let mut all = self.invitations.iter().rev();
        let found = all.find(|known| number.is_none_or(|number| known.number == number));
        found.map(|known| known.id.clone())
    }

    async fn who(&self) -> Result<(), Failure> {
        match (&self.group, &self.peer) {
            (Some(group), _) => {
                for member in self.phone.agent.members(group).await? {
                    say(&format!("  {}", output::name(&member)));
                }
            }
            (None, Some(peer)) => say(&format!("  {}", short(peer))),
            (None, None) => say("* nobody yet"),
        }
        Ok(())
    }

    async fn presence(&self, names: &[&str]) -> Result<(), Failure> {
        let users = match (names, &self.peer) {
            ([], Some(peer)) => vec![peer.clone()],
            (names, _) => self.phone.names.addresses(names.iter().copied()),
        };
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        for seen in self.phone.agent.presence(&users).await? {
            say(&format!(
                "  {} {}",
                short(&seen.user),
                output::state(&seen.presence)
            ));
        }
        Ok(())
    }
}

fn told(result: Result<(), Failure>) {
    if let Err(failure) = result {
        say(&format!("! {failure}"));
        if let Some(advice) = advice(&failure) {
            say(&format!("! {advice}"));
        }
    }
}
