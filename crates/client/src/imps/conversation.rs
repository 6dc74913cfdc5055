//! Invitations, groups, and conversations that go on in a group: CSP 1.3, 9.1.11.
//!
//! ```text
//!   Client2: extend ──▶ asked ──Response 200, group──▶ the conversation goes on in the group
//!                         └─────Response 410 ────────▶ it stays as it was
//!
//!   Client1, Client3: InviteUser EC ──▶ invited ──JoinGroup-Response──▶ in the group
//!                                                 for Client1 the conversation goes on there
//! ```

use imps::Primitive;
use imps::csp::{
    ExtendConversationResponse, InviteType, InviteUserRequest, JoinGroupRequest, JoinGroupResponse,
    ScreenName,
};
use imps::id::{Address, MAX_BYTES};
use imps::service::{Function, Functions};
use imps::status::Code;

use super::agent::Reply;
use super::answer::Purpose;
use super::core::Core;
use super::event::{Event, members, name, same};
use super::failure::{Failure, details, outcome};
use super::few::Few;
use super::saying::{Saying, To};

/// An invitation that stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Invitation {
    pub(super) id: String,
    pub(super) kind: InviteType,
    pub(super) from: Option<String>,
    pub(super) group: Option<String>,
}

/// What a session knows of who talks where.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// Conversations that we asked to extend, by the id we gave: with whom.
    asked: Few<String, Address>,
    invitations: Few<String, Invitation>,
    /// Conversations that go on in a group, by the other side.
    extended: Few<Address, String>,
}

impl Conversations {
    /// The group in which the conversation with `peer` goes on.
    fn group_of(&self, peer: &Address) -> Option<&String> {
        self.extended.find(peer)
    }

    /// An invitation was answered, and does not stand any more.
    fn answered(&mut self, id: &str) {
        let id = id.to_owned();
        let found = self.invitations.find(&id);
        // IMPS-9.1.11-S38: to an answer to this sort the server does not listen.
        if found.is_some_and(|found| found.kind != InviteType::ExtendConversation) {
            self.invitations.take(&id);
        }
    }

    /// We are in a group with `people`, as far as the server tells. Was it because somebody goes
    /// on there with a conversation, then it goes on there for us.
    fn joined(&mut self, group: &str, people: usize, home: &str) {
        let into_it = |invitation: &&Invitation| {
            let own = invitation.group.as_deref();
            invitation.kind == InviteType::ExtendConversation
                && own.is_some_and(|own| same(own, group))
        };
        let invited = self.invitations.values().find(into_it).cloned();
        let Some(Invitation { id, from, .. }) = invited else {
            return;
        };
        self.invitations.take(&id);
        let peer = from.and_then(|from| Address::parse(&from).ok());
        // IMPS-9.1.11-S27: also on our side the conversation goes on in the group. Whoever meets
        // others there than the one who invites is a guest: the conversation was not theirs.
        if let Some(peer) = peer
            && people <= 2
        {
            self.extended.put(peer.at(home), group.to_owned());
        }
    }

    /// We are not in the group any more: conversations go on outside it.
    fn left(&mut self, group: &str) {
        self.extended.retain(|other| !same(other, group));
    }
}

/// What a request of the program does to what the session knows, if it is granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// It answers an invitation.
    Answered {
        invitation: String,
    },
    /// It asks to extend a conversation.
    Extend {
        id: String,
    },
    Join {
        group: String,
    },
    Leave {
        group: String,
    },
    /// It ends the session.
    Logout,
    Nothing,
}

impl Effect {
    fn of(request: &Primitive) -> Self {
        match request {
            Primitive::CreateGroupRequest(create) if create.join => Self::Join {
                group: create.group.clone(),
            },
            Primitive::DeleteGroupRequest(delete) => Self::Leave {
                group: delete.group.clone(),
            },
            Primitive::ExtendConversationRequest(extend) => Self::Extend {
                id: extend.id.clone().unwrap_or_default(),
            },
            Primitive::InviteUserResponse(response) => Self::Answered {
                invitation: response.id.clone(),
            },
            Primitive::JoinGroupRequest(join) => Self::Join {
                group: join.group.clone(),
            },
            Primitive::LeaveGroupRequest(leave) => Self::Leave {
                group: leave.group.clone(),
            },
            Primitive::LogoutRequest(_) => Self::Logout,
            _ => Self::Nothing,
        }
    }
}

impl Core {
    /// Asks whatever the program wants to ask.
    pub(super) fn request(&mut self, primitive: Primitive, reply: Reply<Primitive>) {
        let home = self.home().to_owned();
        let Some(held) = self.held.as_mut().filter(|_| self.entering.is_none()) else {
            let _gone = reply.send(Err(Failure::NotLoggedIn));
            return;
        };
        if let Primitive::ExtendConversationRequest(extend) = &primitive
            && let Ok(peer) = Address::parse(&extend.peer.user)
        {
            let id = extend.id.clone().unwrap_or_default();
            held.talk.asked.put(id, peer.at(&home));
        }
        let effect = Effect::of(&primitive);
        self.ask(primitive, Purpose::Command { effect, reply });
    }

    pub(super) fn say(&mut self, saying: Saying, reply: Reply<Primitive>) {
        let group = match &saying.to {
            To::Conversation(peer) => Address::parse(peer).ok().and_then(|peer| {
                let held = self.held.as_ref()?;
                held.talk.group_of(&peer.at(self.home())).cloned()
            }),
            To::ContactList(_) | To::Group(_) | To::User(_) | To::Whisper { .. } => None,
        };
        let request = saying.request(&self.me, group, self.world.clock.unix());
        self.request(request.into(), reply);
    }

    /// The invitation of this id, as long as it stands.
    pub(super) fn invitation(&self, id: &str) -> Result<Invitation, Failure> {
        let held = self.held.as_ref().ok_or(Failure::NotLoggedIn)?;
        let found = held.talk.invitations.find(&id.to_owned());
        found.cloned().ok_or(Failure::NoInvitation)
    }

    pub(super) fn forget(&mut self, id: &str) -> Result<(), Failure> {
        let held = self.held.as_mut().ok_or(Failure::NotLoggedIn)?;
        let found = held.talk.invitations.take(&id.to_owned());
        found.map(drop).ok_or(Failure::NoInvitation)
    }

    /// A request was answered: what is known changes, if it was granted.
    pub(super) fn affect(&mut self, effect: Effect, answer: &Primitive) {
        let code = outcome(answer).map_or(Code::SUCCESSFUL, |outcome| outcome.code);
        let home = self.home().to_owned();
        let Some(held) = &mut self.held else {
            return;
        };
        match effect {
            Effect::Answered { invitation } if code.is_success() => {
                held.talk.answered(&invitation);
            }
            Effect::Extend { id } if !code.is_success() => {
                held.talk.asked.take(&id);
            }
            Effect::Join { group } if code.is_success() => {
                let response = match answer {
                    Primitive::JoinGroupResponse(response) => response.clone(),
                    _ => JoinGroupResponse::default(),
                };
                let members = members(response.participants);
                held.talk.joined(&group, members.len(), &home);
                let welcome = response.welcome_note.map(|note| note.content);
                self.tell(Event::Joined {
                    group,
                    screen_name: response.screen_name.map(|name| name.name),
                    members,
                    welcome: welcome.and_then(|content| content.as_text().map(str::to_owned)),
                });
            }
            Effect::Leave { group } if code.is_success() => held.talk.left(&group),
            Effect::Logout if code.is_success() => self.logged_out(),
            Effect::Answered { .. }
            | Effect::Extend { .. }
            | Effect::Join { .. }
            | Effect::Leave { .. }
            | Effect::Logout
            | Effect::Nothing => {}
        }
    }

    /// The agent itself wanted to join a group. Nobody waits for a reply that says no.
    pub(super) fn followed(&mut self, group: String, answer: &Primitive) {
        let refused = outcome(answer).map(|outcome| outcome.code);
        let refused = refused.filter(|code| !code.is_success());
        let effect = Effect::Join {
            group: group.clone(),
        };
        self.affect(effect, answer);
        if let Some(code) = refused {
            let code = code.number();
            self.tell(Event::OutOfGroup { group, code });
        }
    }

    /// Somebody invites us.
    pub(super) fn invited(&mut self, request: InviteUserRequest) {
        let invitation = Invitation {
            id: request.id,
            kind: request.invite_type,
            from: name(request.sender.as_ref()).filter(|from| is_name(from)),
            group: request.group,
        };
        let knows_ec = self.has_agreed(Function::Excon);
        let Some(held) = &mut self.held else {
            return;
        };
        let put = invitation.clone();
        match (invitation.kind, invitation.group) {
            // IMPS-9.1.11-S40: a client that does not know it says Status and does nothing more.
            (InviteType::ExtendConversation, _) if !knows_ec => {}
            (InviteType::ExtendConversation, Some(group)) => {
                held.talk.invitations.put(invitation.id.clone(), put);
                self.tell(Event::Extending {
                    invitation: invitation.id,
                    from: invitation.from,
                    group: group.clone(),
                });
                if self.config.auto_join_ec {
                    // IMPS-9.1.11-S22: to accept is to join, and to say nothing else.
                    let request = self.join_request(&group);
                    self.ask(request, Purpose::Join { group });
                }
            }
            (kind, group) => {
                held.talk.invitations.put(invitation.id.clone(), put);
                self.tell(Event::Invited {
                    invitation: invitation.id,
                    kind: kind.as_str().to_owned(),
                    from: invitation.from,
                    group,
                    note: request.note,
                    validity_s: request.validity_s,
                });
            }
        }
    }

    fn join_request(&self, group: &str) -> JoinGroupRequest {
        let name = self.config.screen_name.clone();
        JoinGroupRequest {
            group: group.to_owned(),
            screen_name: name.map(|name| ScreenName {
                name,
                group: group.to_owned(),
            }),
            // Who is there tells whether the conversation is ours.
            joined_request: true,
            subscribe: self.has_agreed(Function::Grchn),
            own_properties: Vec::new(),
        }
    }

    /// What became of a conversation that we asked to extend.
    pub(super) fn extended(&mut self, response: ExtendConversationResponse) {
        let Some(held) = &mut self.held else {
            return;
        };
        // A server may not repeat the id. As long as only one conversation is in question, it is
        // that one.
        let asked = match response.id {
            Some(id) => held.talk.asked.take(&id).map(|peer| (id, peer)),
            None => held.talk.asked.take_only(),
        };
        let Some((id, peer)) = asked else {
            return self.fault("a conversation was extended that nobody asked to extend");
        };
        let code = response.outcome.code;
        let group = response.group.filter(|group| is_name(group));
        match group.filter(|_| code.is_success()) {
            Some(group) => {
                // IMPS-9.1.11-S26: without joining we are in the group, and
                // IMPS-9.1.11-S27: what we say to the peer goes there.
                held.talk.extended.put(peer, group.clone());
                let left_out = details(&response.outcome).map(|(code, who)| (who, code));
                self.tell(Event::Extended {
                    id,
                    group,
                    left_out: left_out.collect(),
                });
            }
            None => {
                let code = code.number();
                self.tell(Event::NotExtended { id, code });
            }
        }
    }

    /// The server has put us out of a group, or confirms that we have left it.
    pub(super) fn out_of_group(&mut self, group: Option<String>, code: Code) {
        let Some(group) = group else {
            return self.fault("out of a group without a name");
        };
        if let Some(held) = &mut self.held {
            held.talk.left(&group);
        }
        let code = code.number();
        self.tell(Event::OutOfGroup { group, code });
    }

    /// An invitation does not stand any more.
    pub(super) fn invitation_cancelled(&mut self, invitation: String, from: Option<String>) {
        if let Some(held) = &mut self.held {
            held.talk.invitations.take(&invitation);
        }
        self.tell(Event::InviteCancelled { invitation, from });
    }

    pub(super) fn has_agreed(&self, function: Function) -> bool {
        let agreed = self.held.as_ref().map(|held| held.functions);
        agreed.unwrap_or(Functions::NONE).contains(function)
    }

    /// The domain of addresses that have none.
    fn home(&self) -> &str {
        self.me.domain().unwrap_or_default()
    }
}

/// Short enough to be remembered: no name of anything is longer than an address.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invites us into the group, joins it with so many people, and says where the conversation
    /// with Bob goes on.
    fn after(kind: InviteType, people: usize) -> Option<String> {
        let mut talk = Conversations::default();
        let invitation = Invitation {
            id: "i1".to_owned(),
            kind,
            from: Some("wv:bob".to_owned()),
            group: Some("wv:/g@im.com".to_owned()),
        };
        talk.invitations.put("i1".to_owned(), invitation);
        talk.joined("wv:/G@im.com", people, "im.com");
        let bob = Address::parse("wv:Bob@im.com").unwrap();
        let group = talk.group_of(&bob).cloned();
        talk.left("wv:/g@im.com");
        assert_eq!(talk.group_of(&bob), None);
        group
    }

    #[test]
    fn an_answer_that_nobody_listens_to_changes_nothing() {
        for (kind, stands) in [
            (InviteType::ExtendConversation, true),
            (InviteType::Group, false),
        ] {
            let mut talk = Conversations::default();
            let invitation = Invitation {
                id: "i1".to_owned(),
                kind,
                from: None,
                group: None,
            };
            talk.invitations.put("i1".to_owned(), invitation);
            talk.answered("i1");
            assert_eq!(talk.invitations.find(&"i1".to_owned()).is_some(), stands);
        }
    }

    #[test]
    fn whose_conversation_it_was() {
        let group = Some("wv:/G@im.com".to_owned());
        // IMPS-9.1.11-S27: of those invited, the conversation of the first goes on in the group.
        assert_eq!(after(InviteType::ExtendConversation, 2), group);
        assert_eq!(after(InviteType::ExtendConversation, 0), group);
        assert_eq!(after(InviteType::ExtendConversation, 3), None);
        assert_eq!(after(InviteType::Group, 2), None);
    }
}
