//! What is said over MSRP, for those who hear whole messages: sessions of IMPS.
//!
//! Pieces are put together here for them, and for them alone: a message to devices goes on piece by
//! piece. What is larger than a handset is ever sent is counted, and not kept.

use bytes::{Bytes, BytesMut};
use room::LegId;

use super::verify::Hearers;

/// What whoever hears whole messages is to hear.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Crossed {
    /// The leg that said it.
    pub(crate) from: LegId,
    /// Those who hear it.
    pub(crate) to: Vec<LegId>,
    /// It is for them alone.
    pub(crate) is_private: bool,
    pub(crate) said: Whole,
}

/// A message that has come to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Whole {
    /// The CPIM message, as it should be read.
    Message(Bytes),
    /// It is longer than is kept: so many octets.
    TooLong(u64),
}

/// A message for those who hear it when it is whole.
#[derive(Debug)]
pub(super) struct Gathering {
    from: LegId,
    to: Vec<LegId>,
    is_private: bool,
    octets: BytesMut,
    length: u64,
    limit: usize,
    is_broken: bool,
}

impl Gathering {
    /// `limit` is the most octets that are kept.
    pub(super) fn new(from: LegId, to: Vec<LegId>, hearers: Hearers, limit: usize) -> Self {
        Self {
            from,
            to,
            is_private: hearers == Hearers::One,
            octets: BytesMut::new(),
            length: 0,
            limit,
            is_broken: false,
        }
    }

    pub(super) fn add(&mut self, octets: &[u8]) {
        let more = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(more);
        match self.octets.len().saturating_add(octets.len()) <= self.limit {
            true if self.is_kept() => self.octets.extend_from_slice(octets),
            _ => self.octets = BytesMut::new(),
        }
    }

    /// Is all that was added there?
    fn is_kept(&self) -> bool {
        self.length <= u64::try_from(self.limit).unwrap_or(u64::MAX)
    }

    /// Something is missing in the middle, or comes twice. Nobody is known to send so.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
        self.octets = BytesMut::new();
    }

    /// The message has come to its end. None: it cannot be told what it was.
    pub(super) fn end(self) -> Option<Crossed> {
        let said = match self.is_kept() {
            true => Whole::Message(self.octets.freeze()),
            false => Whole::TooLong(self.length),
        };
        (!self.is_broken).then_some(Crossed {
            from: self.from,
            to: self.to,
            is_private: self.is_private,
            said,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathering(parts: &[&str]) -> Gathering {
        let mut gathering = Gathering::new(LegId(1), vec![LegId(2)], Hearers::All, 6);
        for part in parts {
            gathering.add(part.as_bytes());
        }
        gathering
    }

    #[test]
    fn parts_make_a_whole_up_to_the_limit() {
        let rows: [(&[&str], Whole); 4] = [
            (
                &["abc", "def"],
                Whole::Message(Bytes::from_static(b"abcdef")),
            ),
            (
                &["abc", "", "d"],
                Whole::Message(Bytes::from_static(b"abcd")),
            ),
            (&["abc", "defg"], Whole::TooLong(7)),
            (&["abcdefg", "h"], Whole::TooLong(8)),
        ];
        for (parts, want) in rows {
            let crossed = gathering(parts).end().unwrap();
            assert_eq!(crossed.said, want, "{parts:?}");
            assert!(!crossed.is_private);
        }
    }

    #[test]
    fn what_has_a_gap_is_no_message() {
        let mut gathering = gathering(&["abc"]);
        gathering.break_off();
        assert_eq!(gathering.end(), None);
    }
}
