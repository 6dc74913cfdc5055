//! What a roster holds of one user, and how news of that user is merged into it.

use std::collections::BTreeMap;

use super::read::{Endpoint, EndpointStatus, State, User};
use super::roster::Presence;

/// What is held of one user.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) display_text: Option<String>,
    endpoints: Vec<Endpoint>,
}

impl Held {
    /// How far the person has come.
    pub(super) fn presence(&self) -> Presence {
        let furthest = self.endpoints.iter().map(presence).max();
        // A user without endpoints is on the list: that is all the document says.
        furthest.unwrap_or(Presence::Joined)
    }

    /// What it costs to hold this under `entity`, in bytes.
    pub(super) fn cost(&self, entity: &str) -> usize {
        cost(entity, self.display_text.as_deref(), &self.endpoints)
    }
}

impl From<User> for Held {
    fn from(user: User) -> Self {
        let mut endpoints = user.endpoints;
        endpoints.retain(|endpoint| endpoint.state != State::Deleted);
        Self {
            display_text: user.display_text,
            endpoints,
        }
    }
}

/// RFC 4575 section 4.6, steps 1 to 3, for one user. `None` if nothing remains.
pub(super) fn merged(old: Option<Held>, user: User) -> Option<Held> {
    match (user.state, old) {
        (State::Deleted, _) => None,
        (State::Full, _) | (State::Partial, None) => Some(Held::from(user)),
        (State::Partial, Some(mut held)) => {
            held.display_text = user.display_text.or(held.display_text);
            let had_endpoints = !held.endpoints.is_empty();
            held.endpoints = merged_endpoints(held.endpoints, user.endpoints);
            // Whose last device is removed is not in the conversation any more.
            (!had_endpoints || !held.endpoints.is_empty()).then_some(held)
        }
    }
}

fn merged_endpoints(old: Vec<Endpoint>, news: Vec<Endpoint>) -> Vec<Endpoint> {
    let mut endpoints: BTreeMap<String, Endpoint> = BTreeMap::new();
    for endpoint in old {
        endpoints.insert(endpoint.entity.clone(), endpoint);
    }
    for mut endpoint in news {
        match endpoint.state {
            State::Deleted => {
                endpoints.remove(&endpoint.entity);
                continue;
            }
            State::Full => {}
            State::Partial => {
                let before = endpoints.get(&endpoint.entity);
                endpoint.status = endpoint.status.or(before.and_then(|e| e.status));
            }
        }
        endpoints.insert(endpoint.entity.clone(), endpoint);
    }
    endpoints.into_values().collect()
}

fn presence(endpoint: &Endpoint) -> Presence {
    use EndpointStatus as S;
    match endpoint.status {
        Some(S::Disconnected) => Presence::Left,
        Some(S::Alerting | S::DialingIn | S::DialingOut | S::Pending) => Presence::Alerting,
        // Whoever is on the way out is still in: "disconnected" follows.
        Some(S::Connected | S::Disconnecting | S::MutedViaFocus | S::OnHold | S::Unknown)
        | None => Presence::Joined,
    }
}

/// What `users` would cost to hold.
pub(super) fn cost_of(users: &[User]) -> usize {
    users
        .iter()
        .map(|user| cost(&user.entity, user.display_text.as_deref(), &user.endpoints))
        .sum()
}

fn cost(entity: &str, name: Option<&str>, endpoints: &[Endpoint]) -> usize {
    let endpoints: usize = endpoints.iter().map(|e| e.entity.len() + ITEM_BYTES).sum();
    entity.len() + name.map_or(0, str::len) + endpoints + ITEM_BYTES
}

/// What a user or an endpoint takes besides its texts, about.
const ITEM_BYTES: usize = 128;
