//! Messages that wait.

use std::ops::Bound;

use super::tables::{Place, Tables};
use crate::{CommitError, Message, PURGE_ROWS_MAX};

impl Tables {
    pub(super) fn add_message(&mut self, message: &Message, limit: u32) -> Result<(), CommitError> {
        if self.find_message(&message.to, &message.id).is_some() {
            return Err(CommitError::MessageExists {
                to: message.to.clone(),
                id: message.id.clone(),
            });
        }
        if self.queue(&message.to, 0).count() >= limit as usize {
            return Err(CommitError::QueueFull {
                to: message.to.clone(),
                limit,
            });
        }
        let place = (message.to.clone(), self.next_number());
        self.set_message(place, Some(message.clone()));
        Ok(())
    }

    pub(super) fn remove_message(&mut self, to: &str, id: &str) {
        if let Some(place) = self.find_message(to, id).map(|(place, _)| place.clone()) {
            self.set_message(place, None);
        }
    }

    pub(super) fn purge_messages(&mut self, now_ms: i64) {
        let expired = self.expired(now_ms).into_iter();
        let places: Vec<_> = expired
            .take(PURGE_ROWS_MAX as usize)
            .map(|(place, _)| place.clone())
            .collect();
        for place in places {
            self.set_message(place, None);
        }
    }

    pub(super) fn find_message(&self, to: &str, id: &str) -> Option<(&Place, &Message)> {
        self.queue(to, 0).find(|(_, message)| message.id == id)
    }

    /// The messages that wait for `to` and came after the one with this number.
    pub(super) fn queue(&self, to: &str, after: i64) -> impl Iterator<Item = (&Place, &Message)> {
        let from = Bound::Excluded((to.to_owned(), after));
        self.messages
            .range((from, Bound::Unbounded))
            .take_while(move |((of, _), _)| of == to)
    }

    /// All that have expired by `now_ms`, by expiry and then as they came.
    pub(super) fn expired(&self, now_ms: i64) -> Vec<(&Place, &Message)> {
        let has_expired = |at_ms: Option<i64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let mut expired: Vec<_> = self
            .messages
            .iter()
            .filter(|(_, message)| has_expired(message.expires_at_ms))
            .collect();
        expired.sort_by_key(|((_, number), message)| (message.expires_at_ms, *number));
        expired
    }
}
