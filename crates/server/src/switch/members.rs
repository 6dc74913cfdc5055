//! The sessions on one connection.

use std::collections::VecDeque;
use std::sync::Arc;

use room::LegId;

use super::Session;

/// A session on a connection.
pub(super) struct Member {
    pub(super) session: Arc<Session>,
    /// Messages that this peer does not want the rest of.
    pub(super) unwanted: VecDeque<u64>,
}

/// All of them, by leg. Mostly there is one, for which a list takes a third of what a tree does.
#[derive(Default)]
pub(super) struct Members(Vec<Member>);

impl Members {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, leg: LegId) -> bool {
        self.place(leg).is_ok()
    }

    pub(super) fn get(&self, leg: LegId) -> Option<&Member> {
        let place = self.place(leg).ok()?;
        self.0.get(place)
    }

    pub(super) fn get_mut(&mut self, leg: LegId) -> Option<&mut Member> {
        let place = self.place(leg).ok()?;
        self.0.get_mut(place)
    }

    /// Adds a session. False if it is there already.
    pub(super) fn insert(&mut self, session: &Arc<Session>) -> bool {
        let Err(place) = self.place(session.leg) else {
            return false;
        };
        if self.0.is_empty() {
            // For the one that mostly comes, and not for four.
            self.0.reserve_exact(1);
        }
        let member = Member {
            session: Arc::clone(session),
            unwanted: VecDeque::new(),
        };
        self.0.insert(place, member);
        true
    }

    pub(super) fn remove(&mut self, leg: LegId) -> Option<Member> {
        let place = self.place(leg).ok()?;
        Some(self.0.remove(place))
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Member> {
        self.0.drain(..)
    }

    /// Where a leg is, or would be.
    fn place(&self, leg: LegId) -> Result<usize, usize> {
        self.0
            .binary_search_by_key(&leg, |member| member.session.leg)
    }
}
