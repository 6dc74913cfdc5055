//! Presence: watching others, and being watched.

use imps::Primitive;
use imps::csp::{
    GetPresenceRequest, PresenceAuthUser, PresenceSubList, SubscribePresenceRequest,
    UnsubscribePresenceRequest, UpdatePresenceRequest, User,
};

use super::agent::{Agent, unexpected};
use super::event::{Presence, Seen};
use super::failure::Failure;

impl Agent {
    /// Asks to be told of the presence of users from now on, by [`super::Event::Presence`].
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn subscribe_presence(&self, users: &[&str]) -> Result<(), Failure> {
        self.tell(SubscribePresenceRequest {
            users: named(users),
            contact_lists: Vec::new(),
            attributes: asked(),
            auto_subscribe: false,
        })
        .await
    }

    /// Asks not to be told any more.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn unsubscribe_presence(&self, users: &[&str]) -> Result<(), Failure> {
        self.tell(UnsubscribePresenceRequest {
            users: named(users),
            contact_lists: Vec::new(),
        })
        .await
    }

    /// Asks once for the presence of users.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn presence(&self, users: &[&str]) -> Result<Vec<Seen>, Failure> {
        let request = GetPresenceRequest {
            users: named(users),
            contact_lists: Vec::new(),
            attributes: asked(),
        };
        match self.ask(request).await? {
            Primitive::GetPresenceResponse(response) => {
                Ok(response.presences.iter().map(Seen::of).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Says what is different of our own presence. What is `None` stays as it is.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn update_presence(&self, presence: &Presence) -> Result<(), Failure> {
        self.tell(UpdatePresenceRequest {
            attributes: Box::new(presence.written()),
        })
        .await
    }

    /// Says whether a user may see our presence, who has asked (CSP 1.1 and 1.2).
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn authorize_presence(&self, user: &str, acceptance: bool) -> Result<(), Failure> {
        self.tell(PresenceAuthUser {
            user: user.to_owned(),
            acceptance,
            attributes: None,
        })
        .await
    }
}

fn named(users: &[&str]) -> Vec<User> {
    users.iter().map(|user| User::new(*user)).collect()
}

fn asked() -> Option<Box<PresenceSubList>> {
    Some(Box::new(Presence::asked()))
}
