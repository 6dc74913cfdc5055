//! Groups, invitations, and growing a conversation into a group.

use imps::Primitive;
use imps::csp::{
    CreateGroupRequest, DeleteGroupRequest, ExtendConversationRequest, ExtendConversationUser,
    GetJoinedUsersRequest, GroupProperties, InviteRequest, InviteType, InviteUserResponse,
    JoinGroupRequest, LeaveGroupRequest, Participant, Property, Recipient, Sender, User,
    WelcomeNote,
};
use imps::id::Address;
use imps::service::Function;

use super::agent::{Agent, unexpected};
use super::event::{Member, members};
use super::failure::Failure;

/// How a conversation of two is to grow.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Extension {
    /// With whom the conversation is (IMPS-9.1.11-S2).
    pub peer: String,
    /// Who is to be invited (IMPS-9.1.11-S1).
    pub others: Vec<String>,
    /// What whoever joins is told (IMPS-9.1.11-S5).
    pub welcome: Option<String>,
    /// Whether to be told who comes and goes (IMPS-9.1.11-S3).
    pub subscribe: bool,
}

impl Agent {
    /// Makes a group with these properties, such as `Accesstype` and `Open`, and joins it.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn create_group(
        &self,
        group: &str,
        properties: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let properties = properties.iter();
        let properties = properties.map(|(name, value)| Property::new(*name, *value));
        self.tell(CreateGroupRequest {
            group: group.to_owned(),
            properties: GroupProperties {
                properties: properties.collect(),
                welcome_note: None,
            },
            own_properties: Vec::new(),
            join: true,
            screen_name: self.screen_name(group, None),
            subscribe: true,
        })
        .await
    }

    /// Removes a group.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn delete_group(&self, group: &str) -> Result<(), Failure> {
        let group = group.to_owned();
        self.tell(DeleteGroupRequest { group }).await
    }

    /// Joins a group. [`super::Event::Joined`] tells who is in it.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn join(
        &self,
        group: &str,
        screen_name: Option<&str>,
        subscribe: bool,
    ) -> Result<(), Failure> {
        self.tell(JoinGroupRequest {
            group: group.to_owned(),
            screen_name: self.screen_name(group, screen_name),
            joined_request: true,
            subscribe,
            own_properties: Vec::new(),
        })
        .await
    }

    /// Who is in a group now. Those who run it are told everybody by rank, the highest first.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn members(&self, group: &str) -> Result<Vec<Member>, Failure> {
        let group = group.to_owned();
        match self.ask(GetJoinedUsersRequest { group }).await? {
            Primitive::GetJoinedUsersResponse(response) => {
                let ranks = response.by_rank.unwrap_or_default();
                let ranked = ranks
                    .admins
                    .into_iter()
                    .chain(ranks.mods)
                    .chain(ranks.users);
                let ranked = ranked.map(Participant::from).map(Member::from);
                Ok(ranked.chain(members(response.participants)).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn leave(&self, group: &str) -> Result<(), Failure> {
        let group = group.to_owned();
        self.tell(LeaveGroupRequest { group }).await
    }

    /// Invites users into a group. Returns the id of the invitation; their answers are told by
    /// [`super::Event::InviteAnswered`].
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn invite(
        &self,
        users: &[&str],
        group: &str,
        note: Option<&str>,
    ) -> Result<String, Failure> {
        let id = self.token().await?;
        self.tell(InviteRequest {
            id: id.clone(),
            invite_type: InviteType::Group,
            sender: Some(self.sender()),
            recipient: Recipient {
                users: users.iter().map(|user| User::new(*user)).collect(),
                ..Recipient::default()
            },
            group: Some(group.to_owned()),
            note: note.map(str::to_owned),
            screen_name: self.screen_name(group, None),
            ..InviteRequest::default()
        })
        .await?;
        Ok(id)
    }

    /// Accepts an invitation, of which [`super::Event::Invited`] or [`super::Event::Extending`]
    /// told, and joins the group if it is one into a group.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn accept(&self, invitation: &str) -> Result<(), Failure> {
        let found = self.invitation(invitation).await?;
        let group = found.group.as_deref();
        match (&found.kind, group) {
            // IMPS-9.1.11-S22: to accept is to join, and to say nothing else.
            (InviteType::ExtendConversation, Some(group)) => {
                let subscribe = self.agreed().await?.contains(Function::Grchn);
                self.join(group, None, subscribe).await
            }
            (InviteType::Group | InviteType::ExtendGroup, Some(group)) => {
                self.answer(invitation, true, Some(group)).await?;
                let subscribe = self.agreed().await?.contains(Function::Grchn);
                self.join(group, None, subscribe).await
            }
            (
                InviteType::Application
                | InviteType::ExtendConversation
                | InviteType::ExtendGroup
                | InviteType::Group
                | InviteType::GroupMembership
                | InviteType::Im
                | InviteType::Other(_)
                | InviteType::Presence
                | InviteType::SharedContent,
                _,
            ) => self.answer(invitation, true, None).await,
        }
    }

    /// Declines an invitation. For one to go on in a group with a conversation there is no word to
    /// say no with: it is forgotten.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn decline(&self, invitation: &str) -> Result<(), Failure> {
        let found = self.invitation(invitation).await?;
        if found.kind == InviteType::ExtendConversation {
            return self.forget(invitation).await;
        }
        self.answer(invitation, false, None).await
    }

    /// Asks to grow the conversation with one user into a group with others (CSP 1.3, 9.1.11).
    /// Returns the id by which [`super::Event::Extended`] or [`super::Event::NotExtended`] will
    /// tell what became of it.
    ///
    /// # Errors
    ///
    /// [`Failure::NotAgreed`] if the server does not offer it, and others.
    pub async fn extend(&self, extension: Extension) -> Result<String, Failure> {
        // IMPS-9.1.11-S41: what was not agreed is not asked for.
        if !self.agreed().await?.contains(Function::Excon) {
            let function = Function::Excon.name();
            return Err(Failure::NotAgreed { function });
        }
        for text in extension.others.iter().chain([&extension.peer]) {
            Address::parse(text).map_err(|error| Failure::NoAddress {
                text: text.clone(),
                why: error.to_string(),
            })?;
        }
        let id = self.token().await?;
        self.tell(ExtendConversationRequest {
            id: Some(id.clone()),
            // IMPS-9.1.11-S1: who is to be invited.
            users: extension.others,
            // IMPS-9.1.11-S2: with whom the conversation is.
            peer: ExtendConversationUser {
                user: extension.peer,
                client: None,
            },
            // IMPS-9.1.11-S3: whether to be told who comes and goes.
            subscribe: extension.subscribe,
            // IMPS-9.1.11-S5: what whoever joins is told.
            welcome_note: extension.welcome.map(WelcomeNote::text),
            screen_name: self.screen_name("", None),
        })
        .await?;
        Ok(id)
    }

    fn sender(&self) -> Sender {
        Sender::User(User::new(self.me()))
    }

    async fn answer(
        &self,
        invitation: &str,
        acceptance: bool,
        group: Option<&str>,
    ) -> Result<(), Failure> {
        self.tell(InviteUserResponse {
            id: invitation.to_owned(),
            acceptance,
            sender: Some(self.sender()),
            screen_name: group.and_then(|group| self.screen_name(group, None)),
            ..InviteUserResponse::default()
        })
        .await
    }
}
