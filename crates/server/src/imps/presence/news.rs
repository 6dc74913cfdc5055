//! News of presence for one who watches. While they wait, later news of the same user take the
//! place of earlier, and those of several users go out as one.

use imps::csp::{Presence, PresenceNotificationRequest, PresenceSubList};

use super::check::size;
use super::kinds::{Kind, Kinds};

/// The most users whose news go out together.
const TOGETHER_MAX: usize = 20;

/// The most bytes of news that go out together, so that a small client can read them. News of one
/// user may be more.
const TOGETHER_BYTES: usize = 4096;

/// News that have not been told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct News {
    /// By the addresses of the users on the wire.
    of: Vec<(String, PresenceSubList)>,
    weight: usize,
}

impl News {
    /// News of one user.
    pub(super) fn new(user: String, attributes: PresenceSubList) -> Self {
        let of = vec![(user, attributes)];
        let mut news = Self { of, weight: 0 };
        news.weigh();
        news
    }

    /// Adds later news if they belong here: they are of a user these are of, or there is room.
    /// `None`: they do not.
    pub(in crate::imps) fn with(&self, later: &Self) -> Option<Self> {
        let are_same = self.with_same(later);
        let count = self.of.len().saturating_add(later.of.len());
        let weight = self.weight.saturating_add(later.weight);
        let has_room = count <= TOGETHER_MAX && weight <= TOGETHER_BYTES;
        if !are_same && !has_room {
            return None;
        }
        let mut news = self.clone();
        for (user, attributes) in &later.of {
            match news.of.iter_mut().find(|(here, _)| here == user) {
                Some((_, before)) => replace(before, attributes),
                None => news.of.push((user.clone(), attributes.clone())),
            }
        }
        news.weigh();
        Some(news)
    }

    /// Are they of this user?
    pub(in crate::imps) fn are_of(&self, user: &str) -> bool {
        self.of.iter().any(|(of, _)| of == user)
    }

    /// Are they of the users of these, or of more?
    pub(in crate::imps) fn with_same(&self, later: &Self) -> bool {
        later.of.iter().all(|(user, _)| self.are_of(user))
    }

    /// Without those of a user.
    #[must_use]
    pub(in crate::imps) fn without(&self, user: &str) -> Self {
        let mut news = self.clone();
        news.of.retain(|(of, _)| of != user);
        news.weigh();
        news
    }

    pub(in crate::imps) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// About how much memory they take.
    pub(in crate::imps) fn weight(&self) -> usize {
        self.weight
    }

    fn weigh(&mut self) {
        let weights = self.of.iter().map(|(_, attributes)| size(attributes) + 200);
        self.weight = weights.sum();
    }

    pub(in crate::imps) fn primitive(&self) -> PresenceNotificationRequest {
        let presence = |(user, attributes): &(String, PresenceSubList)| Presence {
            user: Some(user.clone()),
            attributes: vec![Box::new(attributes.clone())],
            ..Presence::default()
        };
        PresenceNotificationRequest {
            presences: self.of.iter().map(presence).collect(),
        }
    }
}

/// Attributes of later news take the place of those of earlier.
fn replace(before: &mut PresenceSubList, later: &PresenceSubList) {
    for kind in Kinds::named(later).iter() {
        Kind::copy(kind, later, before);
    }
}

#[cfg(test)]
mod tests {
    use imps::csp::Attribute;

    use super::*;

    fn text(user: &str, text: &str) -> News {
        let status_text = Some(Attribute::new(text));
        let attributes = PresenceSubList {
            status_text,
            ..PresenceSubList::default()
        };
        News::new(user.to_owned(), attributes)
    }

    fn alias(user: &str, alias: &str) -> News {
        let attributes = PresenceSubList {
            alias: Some(Attribute::new(alias)),
            ..PresenceSubList::default()
        };
        News::new(user.to_owned(), attributes)
    }

    #[test]
    fn later_news_replace_earlier_and_are_told_together() {
        let both = text("wv:a", "1").with(&alias("wv:a", "Al")).unwrap();
        let newer = both.with(&text("wv:a", "2")).unwrap();
        assert_eq!(newer, alias("wv:a", "Al").with(&text("wv:a", "2")).unwrap());
        assert_eq!(newer.primitive().presences.len(), 1);
        let together = newer.with(&text("wv:b", "1")).unwrap();
        assert_eq!(together.primitive().presences.len(), 2);
        assert!(together.weight() > newer.weight());
        assert_eq!(together.without("wv:b"), newer);
        assert!(newer.without("wv:a").is_empty());
        assert!(newer.are_of("wv:a") && !newer.are_of("wv:b"));
    }

    #[test]
    fn only_so_many_go_together() {
        let mut news = text("wv:0", "x");
        let mut count = 1;
        while let Some(more) = news.with(&text(&format!("wv:{count}"), "x")) {
            news = more;
            count += 1;
        }
        assert!(count <= TOGETHER_MAX && news.weight() <= TOGETHER_BYTES);
        let large = "x".repeat(TOGETHER_BYTES);
        assert_eq!(news.with(&text("wv:large", &large)), None);
        // News of a user who is here always have room.
        assert!(news.with(&text("wv:0", &large)).is_some());
    }
}
