//! Presence: watching others, and being watched.

use imps::Primitive;
use imps::csp::{
    Attribute, GetPresenceRequest, PresenceAuthUser, PresenceSubList, SubscribePresenceRequest,
    UnsubscribePresenceRequest, UpdatePresenceRequest, User,
};
use serde::Serialize;

use super::agent::{Agent, unexpected};
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

/// The few attributes of presence that chat lives on. `None`: not known, or not to be changed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Presence {
    /// Logged in.
    pub online: Option<bool>,
    /// `AVAILABLE`, `NOT_AVAILABLE` or `DISCREET`.
    pub availability: Option<String>,
    /// A text for those who watch.
    pub status_text: Option<String>,
    /// A mood, as in `HAPPY`.
    pub mood: Option<String>,
    /// A name for people.
    pub alias: Option<String>,
}

impl Presence {
    /// Reads what counts of a list: a later one of the same attribute passes for another client's.
    fn read(&mut self, list: &PresenceSubList) {
        let counts = |attribute: &Attribute| {
            let known = attribute.qualifier.unwrap_or(true);
            attribute.value.clone().filter(|_| known)
        };
        let one = |attribute: &Option<Attribute>| attribute.as_ref().and_then(counts);
        let online = list.online_status.iter().filter_map(counts);
        if let Some(online) = online.map(|value| value.eq_ignore_ascii_case("T")).max() {
            self.online = Some(self.online.unwrap_or(false) || online);
        }
        self.availability = one(&list.user_availability).or(self.availability.take());
        self.status_text = one(&list.status_text).or(self.status_text.take());
        self.mood = one(&list.status_mood).or(self.mood.take());
        self.alias = one(&list.alias).or(self.alias.take());
    }

    /// The attributes that are to be changed.
    fn written(&self) -> PresenceSubList {
        let attribute = |value: &Option<String>| value.as_deref().map(Attribute::new);
        let online = self.online.map(|online| if online { "T" } else { "F" });
        PresenceSubList {
            online_status: online.map(Attribute::new).into_iter().collect(),
            user_availability: attribute(&self.availability),
            status_text: attribute(&self.status_text),
            status_mood: attribute(&self.mood),
            alias: attribute(&self.alias),
            ..PresenceSubList::default()
        }
    }

    /// A list that asks for these attributes.
    fn asked() -> PresenceSubList {
        let any = || Some(Attribute::default());
        PresenceSubList {
            online_status: vec![Attribute::default()],
            user_availability: any(),
            status_text: any(),
            status_mood: any(),
            alias: any(),
            ..PresenceSubList::default()
        }
    }
}

/// What is known of somebody.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Seen {
    /// The user, or the contact list.
    pub user: String,
    /// What is known.
    #[serde(flatten)]
    pub presence: Presence,
}

impl Seen {
    pub(super) fn of(presence: &imps::csp::Presence) -> Self {
        let whose = presence.user.as_ref().or(presence.contact_list.as_ref());
        let mut seen = Self {
            user: whose.cloned().unwrap_or_default(),
            presence: Presence::default(),
        };
        for list in &presence.attributes {
            seen.presence.read(list);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_that_counts() {
        let mut list = Presence {
            online: Some(true),
            status_text: Some("here".to_owned()),
            ..Presence::default()
        }
        .written();
        list.alias = Some(Attribute {
            qualifier: Some(false),
            ..Attribute::new("old")
        });
        let mut read = Presence::default();
        read.read(&list);
        assert_eq!(read.online, Some(true));
        assert_eq!(read.status_text.as_deref(), Some("here"));
        assert_eq!((read.alias, read.mood), (None, None));
    }
}
