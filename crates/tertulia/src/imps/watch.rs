//! `tertulia watch --imps`: an agent for scripts.

use std::process::ExitCode;

use client::imps::{Contact, Event, Extension, Failure, Presence, Saying, SearchResult, To};
use serde_json::{Value, json};

use super::output;
use super::phone::{self, Phone};
use crate::agent::Who;
use crate::script::{self, Answer, Plan, Trouble, Works};

/// Obeys and tells, until it is stopped.
pub(crate) fn watch(who: &Who, plan: Plan, auto_accept: bool, logs_in: bool) -> ExitCode {
    phone::run(
        who,
        |config| config.auto_join_ec = auto_accept,
        async |phone| {
            if logs_in && let Err(end) = phone.log_in().await {
                return end;
            }
            let world = phone.world.clone();
            let post = Post {
                phone,
                auto_accept,
                notices: who.handset.notices(),
                last_invitation: None,
            };
            script::run(&world, plan, post).await
        },
    )
}

/// The agent, as a script works it.
struct Post {
    phone: Phone,
    auto_accept: bool,
    notices: bool,
    last_invitation: Option<String>,
}

impl Works for Post {
    type Event = Event;

    async fn next(&mut self) -> Option<Event> {
        self.phone.events.recv().await
    }

    fn line(&self, event: &Event) -> Option<String> {
        output::line(event, None)
    }

    async fn react(&mut self, event: &Event) -> Option<Answer> {
        match event {
            Event::Extending { invitation, .. } => {
                // The agent itself joins, if everything is to be accepted.
                self.last_invitation = Some(invitation.clone());
                None
            }
            Event::Invited { invitation, .. } => {
                self.last_invitation = Some(invitation.clone());
                if !self.auto_accept {
                    return None;
                }
                let failure = self.phone.agent.accept(invitation).await.err()?;
                Some(Answer {
                    command: "accept".to_owned(),
                    result: Err(failure.into()),
                })
            }
            _ => None,
        }
    }

    async fn obey(&mut self, word: &str, rest: &str) -> Result<Value, Trouble> {
        match word {
            "say" | "send" | "whisper" | "messages" | "get" => self.talk(word, rest).await,
            "extend" | "accept" | "decline" | "join" | "leave" | "members" | "invite"
            | "create" | "delete" => self.gather(word, rest).await,
            "presence" | "update" | "subscribe" | "unsubscribe" | "authorize" | "forbid" => {
                self.see(word, rest).await
            }
            _ => self.keep(word, rest).await,
        }
    }
}

/// What a command without anything more to say answers.
fn done((): ()) -> Value {
    json!({})
}

/// The first word and what follows; both have to be there.
fn two<'a>(rest: &'a str, want: &str) -> Result<(&'a str, &'a str), Trouble> {
    match rest.split_once(' ') {
        Some((first, more)) if !more.trim().is_empty() => Ok((first, more.trim())),
        Some(_) | None => Err(Trouble::usage(want)),
    }
}

/// All words; there has to be one.
fn some<'a>(rest: &'a str, want: &str) -> Result<Vec<&'a str>, Trouble> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.is_empty() {
        true => Err(Trouble::usage(want)),
        false => Ok(words),
    }
}

/// Pairs of names and values.
fn pairs<'a>(rest: &'a str, want: &str) -> Result<Vec<(&'a str, &'a str)>, Trouble> {
    let words = rest.split_whitespace();
    let pairs = words.map(|word| word.split_once('=').ok_or_else(|| Trouble::usage(want)));
    pairs.collect()
}

fn all(addresses: &[String]) -> Vec<&str> {
    addresses.iter().map(String::as_str).collect()
}

impl Post {
    /// Messages.
    async fn talk(&self, word: &str, rest: &str) -> Result<Value, Trouble> {
        let (phone, agent) = (&self.phone, &self.phone.agent);
        let saying = match word {
            "say" => {
                let (peer, text) = two(rest, "say WHO TEXT")?;
                Saying::text(To::Conversation(phone.names.address(peer)), text)
            }
            "send" => {
                let (name, text) = two(rest, "send TO TEXT")?;
                Saying::text(phone.names.to(name), text).reported()
            }
            "whisper" => {
                let want = "whisper GROUP NAME TEXT";
                let (group, more) = two(rest, want)?;
                let (name, text) = two(more, want)?;
                let to = To::Whisper {
                    screen_name: name.to_owned(),
                    group: phone.names.group(group),
                };
                Saying::text(to, text)
            }
            "messages" => {
                let waiting = agent.messages().await?;
                let ids = waiting.into_iter().filter_map(|message| message.id);
                return Ok(json!({ "messages": ids.collect::<Vec<_>>() }));
            }
            _ => {
                let [id] = some(rest, "get MESSAGE")?[..] else {
                    return Err(Trouble::usage("get MESSAGE"));
                };
                let message = agent.get_message(id).await?;
                return Ok(json!({ "message": message }));
            }
        };
        let id = agent.send(saying).await?;
        Ok(json!({ "message_id": id }))
    }

    /// Groups, invitations, and conversations that grow.
    async fn gather(&self, word: &str, rest: &str) -> Result<Value, Trouble> {
        let (phone, agent) = (&self.phone, &self.phone.agent);
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let more = more.trim();
        let group = |want| match first {
            "" => Err(Trouble::usage(want)),
            name => Ok(phone.names.group(name)),
        };
        let invitation = match first {
            "" => self.last_invitation.as_deref(),
            named => Some(named),
        };
        match word {
            "extend" => {
                let (peer, others) = two(rest, "extend WHO WITH...")?;
                let extension = Extension {
                    peer: phone.names.address(peer),
                    others: phone.names.addresses(others.split_whitespace()),
                    welcome: None,
                    subscribe: self.notices,
                };
                let id = agent.extend(extension).await?;
                Ok(json!({ "id": id }))
            }
            "accept" => Ok(done(
                agent
                    .accept(invitation.ok_or(Failure::NoInvitation)?)
                    .await?,
            )),
            "decline" => Ok(done(
                agent
                    .decline(invitation.ok_or(Failure::NoInvitation)?)
                    .await?,
            )),
            "join" => {
                let name = Some(more).filter(|name| !name.is_empty());
                let group = group("join GROUP [NAME]")?;
                Ok(done(agent.join(&group, name, self.notices).await?))
            }
            "leave" => Ok(done(agent.leave(&group("leave GROUP")?).await?)),
            "members" => {
                let members = agent.members(&group("members GROUP")?).await?;
                Ok(json!({ "members": members }))
            }
            "create" => {
                let want = "create GROUP [PROPERTY=VALUE]...";
                let properties = pairs(more, want)?;
                Ok(done(agent.create_group(&group(want)?, &properties).await?))
            }
            "delete" => Ok(done(agent.delete_group(&group("delete GROUP")?).await?)),
            _ => {
                let (group, who) = two(rest, "invite GROUP WHO...")?;
                let who = phone.names.addresses(who.split_whitespace());
                let id = agent
                    .invite(&all(&who), &phone.names.group(group), None)
                    .await?;
                Ok(json!({ "invitation": id }))
            }
        }
    }

    /// Presence.
    async fn see(&self, word: &str, rest: &str) -> Result<Value, Trouble> {
        let (phone, agent) = (&self.phone, &self.phone.agent);
        if word == "update" {
            let presence = presence(rest)?;
            return Ok(done(agent.update_presence(&presence).await?));
        }
        let users = phone
            .names
            .addresses(some(rest, &format!("{word} WHO..."))?);
        let users = all(&users);
        match (word, users.as_slice()) {
            ("presence", users) => {
                let seen = agent.presence(users).await?;
                return Ok(json!({ "presences": seen }));
            }
            ("subscribe", users) => agent.subscribe_presence(users).await?,
            ("unsubscribe", users) => agent.unsubscribe_presence(users).await?,
            (_, [user]) => {
                let may = word == "authorize";
                agent.authorize_presence(user, may).await?;
            }
            _ => return Err(Trouble::usage(&format!("{word} WHO"))),
        }
        Ok(json!({}))
    }

    /// Lists, searches, and the session itself.
    async fn keep(&self, word: &str, rest: &str) -> Result<Value, Trouble> {
        let (phone, agent) = (&self.phone, &self.phone.agent);
        match word {
            "block" => {
                let users = phone.names.addresses(some(rest, "block WHO...")?);
                Ok(done(agent.block(&all(&users)).await?))
            }
            "unblock" => {
                let users = phone.names.addresses(some(rest, "unblock WHO...")?);
                Ok(done(agent.unblock(&all(&users)).await?))
            }
            "search" => {
                let conditions = pairs(rest, "search ELEMENT=TEXT...")?;
                let found = agent.search(&conditions, SEARCH_LIMIT).await?;
                let results: Vec<String> = match found.result {
                    Some(SearchResult::Users(list)) => {
                        list.users.into_iter().map(|user| user.id).collect()
                    }
                    Some(SearchResult::Groups(list)) => list.groups,
                    None => Vec::new(),
                };
                Ok(json!({ "results": results, "findings": found.findings }))
            }
            "discover" => {
                let versions = agent.discover().await?;
                let versions = versions.into_iter().map(|version| version.as_str());
                Ok(json!({ "versions": versions.collect::<Vec<_>>() }))
            }
            "login" => Ok(done(agent.login().await?)),
            "logout" => Ok(done(agent.logout().await?)),
            _ => self.list(word, rest).await,
        }
    }

    /// Contact lists.
    async fn list(&self, word: &str, rest: &str) -> Result<Value, Trouble> {
        let (phone, agent) = (&self.phone, &self.phone.agent);
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let users = phone.names.addresses(more.split_whitespace());
        let contact = |user: &String| Contact {
            user: user.clone(),
            nickname: None,
        };
        let contacts = || users.iter().map(contact).collect::<Vec<_>>();
        let list = match first {
            "" if word != "lists" => return Err(Trouble::usage(&format!("{word} LIST"))),
            name => phone.names.list(name),
        };
        match word {
            "lists" => {
                let lists = agent.contact_lists().await?;
                return Ok(json!({ "lists": lists.lists, "default": lists.default }));
            }
            "contacts" => {
                let contacts = agent.contacts(&list).await?;
                let contacts = contacts
                    .into_iter()
                    .map(|contact| json!({ "user": contact.user, "name": contact.nickname }));
                return Ok(json!({ "contacts": contacts.collect::<Vec<_>>() }));
            }
            "make-list" => agent.create_contact_list(&list, contacts()).await?,
            "drop-list" => agent.delete_contact_list(&list).await?,
            "add" => agent.add_contacts(&list, contacts()).await?,
            "remove" => agent.remove_contacts(&list, &all(&users)).await?,
            _ => return Err(Trouble::usage("as --help says; there is no such command")),
        }
        Ok(json!({}))
    }
}

/// Results of a search that are asked for.
const SEARCH_LIMIT: u32 = 20;

/// Reads what is to be different of our presence. A value goes to the end of the line.
fn presence(rest: &str) -> Result<Presence, Trouble> {
    let want = "update online=T|F, or availability, status_text, mood or alias=VALUE";
    let (name, value) = rest.split_once('=').ok_or_else(|| Trouble::usage(want))?;
    let mut presence = Presence::default();
    let text = Some(value.to_owned());
    match name.trim() {
        "online" => presence.online = Some(value.eq_ignore_ascii_case("T")),
        "availability" => presence.availability = text,
        "status_text" => presence.status_text = text,
        "mood" => presence.mood = text,
        "alias" => presence.alias = text,
        _ => return Err(Trouble::usage(want)),
    }
    Ok(presence)
}
