//! Why a subscription is over (RFC 6665 section 4.1.3).

/// The reason in a Subscription-State that says `terminated`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// Subscribe again at once: the notifier moves.
    Deactivated,
    /// No decision came in time; subscribe again after a while.
    Giveup,
    /// What was watched will not change.
    Invariant,
    /// What was watched is no more.
    NoResource,
    /// Subscribe again later.
    Probation,
    /// The subscriber may not watch.
    Rejected,
    /// It was not refreshed, or it was ended by the subscriber.
    Timeout,
    /// No word, or one this crate does not know.
    Unknown,
}

impl Reason {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Deactivated, "deactivated"),
        (Self::Giveup, "giveup"),
        (Self::Invariant, "invariant"),
        (Self::NoResource, "noresource"),
        (Self::Probation, "probation"),
        (Self::Rejected, "rejected"),
        (Self::Timeout, "timeout"),
    ];

    /// Reads the word, in any case.
    pub fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|(_, word)| word.eq_ignore_ascii_case(text))
            .map_or(Self::Unknown, |(reason, _)| reason)
    }

    /// The word; `None` for [`Self::Unknown`].
    pub fn as_str(self) -> Option<&'static str> {
        Self::ALL
            .into_iter()
            .find(|(reason, _)| *reason == self)
            .map(|(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6665_4_1_3_each_reason_has_its_word() {
        for (reason, word) in Reason::ALL {
            assert_eq!(Reason::parse(&word.to_uppercase()), reason);
            assert_eq!(reason.as_str(), Some(word));
        }
        assert_eq!(Reason::parse("bored"), Reason::Unknown);
        assert_eq!(Reason::Unknown.as_str(), None);
    }
}
