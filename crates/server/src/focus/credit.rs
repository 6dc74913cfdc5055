//! How many invitations one user may have under way: one credit over all conferences.
//!
//! The users of another domain have one together. Its server says who they are, and could make up
//! as many as it likes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The credits in use, by user. Users without invitations under way are not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credit {
    used: Arc<Mutex<HashMap<Arc<str>, u32>>>,
    /// The other domains that are reached, in small letters.
    others: Arc<[String]>,
}

/// Credit for one invitation, given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    credit: Credit,
    user: Arc<str>,
}

impl Credit {
    /// The credits of a server that reaches these other domains.
    pub(crate) fn beside(others: impl IntoIterator<Item = String>) -> Self {
        Self {
            used: Arc::default(),
            others: others.into_iter().collect(),
        }
    }

    /// Takes credit for `count` invitations of a user, or none of it.
    pub(crate) fn take(&self, user: &Arc<str>, count: usize, limit: u32) -> Option<Vec<Hold>> {
        let user = &self.payer(user);
        let wanted = u32::try_from(count).ok()?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = used.get(user).copied().unwrap_or(0).checked_add(wanted)?;
        if now > limit {
            return None;
        }
        used.insert(Arc::clone(user), now);
        let hold = || Hold {
            credit: self.clone(),
            user: Arc::clone(user),
        };
        Some((0..count).map(|_| hold()).collect())
    }

    fn payer(&self, user: &Arc<str>) -> Arc<str> {
        let host = user.rsplit_once('@').map_or("", |(_, host)| host);
        match self
            .others
            .iter()
            .find(|other| host.eq_ignore_ascii_case(other))
        {
            Some(domain) => domain.as_str().into(),
            None => Arc::clone(user),
        }
    }

    /// How many invitations are under way.
    pub(crate) fn in_use(&self) -> u32 {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.values().sum()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut used = self
            .credit
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = used.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                used.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_domain_has_the_credit_of_one_user() {
        let credit = Credit::beside(["b.example".to_owned()]);
        let held = credit.take(&"sip:bob@b.example".into(), 3, 4).unwrap();
        assert!(credit.take(&"wv:made-up@B.example".into(), 2, 4).is_none());
        assert!(credit.take(&"sip:alice@h".into(), 4, 4).is_some());
        assert!(credit.take(&"sip:b.example@h".into(), 4, 4).is_some());
        drop(held);
        assert!(credit.take(&"sip:made-up@b.example".into(), 4, 4).is_some());
        assert!(credit.used.lock().unwrap().is_empty());
    }

    #[test]
    fn credit_is_taken_whole_and_given_back() {
        let credit = Credit::default();
        let alice: Arc<str> = "sip:alice@h".into();
        let held = credit.take(&alice, 3, 4).unwrap();
        assert!(credit.take(&alice, 2, 4).is_none());
        assert!(credit.take(&"sip:bob@h".into(), 4, 4).is_some());
        assert_eq!(credit.in_use(), 3);
        drop(held);
        assert_eq!(credit.in_use(), 0);
        assert!(credit.used.lock().unwrap().is_empty());
    }
}
