//! The peer's requests: which wait for an answer, and which have had one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

/// How many answers are kept for requests that come again. A peer repeats a request for a minute or
/// two; with no more than 256 at a time under way, this is four times what it can still repeat.
pub const MAX_ANSWERS: usize = 1024;

/// How many bytes the kept answers may have together. Most have a few hundred; a list of presence
/// can have many.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;

/// What has become of the peer's requests.
#[derive(Debug, Default)]
pub(super) struct Answers {
    unanswered: BTreeSet<String>,
    answered: BTreeMap<String, Bytes>,
    /// The answered ones, the oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

/// What to do with a request.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// It has been answered so: answer again.
    Answered(Bytes),
    /// It is new.
    New,
    /// It is known and waits for its answer.
    Waiting,
}

impl Answers {
    pub(super) fn look_up(&self, id: &str) -> Seen {
        if let Some(body) = self.answered.get(id) {
            Seen::Answered(body.clone())
        } else if self.unanswered.contains(id) {
            Seen::Waiting
        } else {
            Seen::New
        }
    }

    /// How many requests wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.unanswered.len()
    }

    /// A new request waits for its answer.
    pub(super) fn expect(&mut self, id: &str) {
        self.unanswered.insert(id.to_owned());
    }

    /// The request waits no more. False if it did not wait.
    pub(super) fn settle(&mut self, id: &str) -> bool {
        self.unanswered.remove(id)
    }

    /// Keeps an answer, and forgets the oldest for it if need be.
    pub(super) fn keep(&mut self, id: &str, body: Bytes) {
        self.bytes = self.bytes.saturating_add(body.len());
        if let Some(before) = self.answered.insert(id.to_owned(), body) {
            self.bytes = self.bytes.saturating_sub(before.len());
        } else {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > MAX_ANSWERS || self.bytes > MAX_ANSWER_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let gone = self.answered.remove(&oldest).map_or(0, |body| body.len());
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_are_forgotten() {
        let mut answers = Answers::default();
        answers.expect("0");
        assert_eq!(answers.look_up("0"), Seen::Waiting);
        assert!(answers.settle("0"));
        assert!(!answers.settle("0"));
        let body = Bytes::from_static(b"answer");
        for number in 0..=MAX_ANSWERS {
            answers.keep(&number.to_string(), body.clone());
        }
        assert_eq!(answers.look_up("0"), Seen::New);
        assert_eq!(answers.look_up("1"), Seen::Answered(body.clone()));
        assert_eq!(answers.order.len(), MAX_ANSWERS);
        assert_eq!(answers.bytes, MAX_ANSWERS * body.len());
        // One answer as large as all may be together is all that is kept.
        let large = Bytes::from(vec![b'x'; MAX_ANSWER_BYTES]);
        answers.keep("large", large.clone());
        assert_eq!(answers.look_up("large"), Seen::Answered(large));
        assert_eq!((answers.order.len(), answers.answered.len()), (1, 1));
        // The same one again counts once.
        answers.keep("large", body.clone());
        assert_eq!((answers.order.len(), answers.bytes), (1, body.len()));
    }
}
