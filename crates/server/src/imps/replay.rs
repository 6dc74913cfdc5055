//! Requests that come a second time, because their answer was lost: they are answered from memory
//! and not carried out again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use imps::{Primitive, Transaction};

/// How many answered requests a session remembers. A handset has one or a few under way.
const REMEMBERED: usize = 8;

/// How long it remembers them. A request is repeated within this, or not at all.
const KEPT: Duration = Duration::from_secs(120);

/// The last requests of a session that were answered.
#[derive(Debug, Default)]
pub(super) struct Replay {
    answered: VecDeque<Answered>,
}

#[derive(Debug)]
struct Answered {
    id: String,
    request: Box<Primitive>,
    answer: Option<Box<Primitive>>,
    at: Instant,
}

/// What is known of a request that has come.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is new.
    Never,
    /// It was answered: with this, or with silence.
    Before(Option<Box<Primitive>>),
    /// Another request had its transaction id a moment ago.
    Clash,
}

impl Replay {
    /// Was this request answered before?
    pub(super) fn look(&self, transaction: &Transaction, now: Instant) -> Seen {
        // Without an id nothing can be told apart.
        if transaction.id.is_empty() {
            return Seen::Never;
        }
        let same = self
            .answered
            .iter()
            .find(|one| one.id == transaction.id && now < one.at + KEPT);
        match same {
            None => Seen::Never,
            Some(one) if *one.request == transaction.primitive => Seen::Before(one.answer.clone()),
            Some(_) => Seen::Clash,
        }
    }

    /// Remembers an answer.
    pub(super) fn note(
        &mut self,
        id: &str,
        request: Primitive,
        answer: Option<&Primitive>,
        now: Instant,
    ) {
        if id.is_empty() {
            return;
        }
        self.answered.retain(|one| one.id != id);
        if self.answered.len() >= REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(Answered {
            id: id.to_owned(),
            request: Box::new(request),
            answer: answer.cloned().map(Box::new),
            at: now,
        });
    }

    /// Forgets what nobody will ask for any more.
    pub(super) fn forget(&mut self, now: Instant) {
        self.answered.retain(|one| now < one.at + KEPT);
        if self.answered.is_empty() {
            self.answered = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use imps::csp::{KeepAliveRequest, LogoutRequest, Status};
    use imps::status::Code;

    use super::*;

    fn keep_alive(id: &str, seconds: u32) -> Transaction {
        let time_to_live_s = Some(seconds);
        Transaction::request(id, KeepAliveRequest { time_to_live_s })
    }

    #[tokio::test]
    async fn a_request_is_known_by_its_id_and_content_for_a_while() {
        let now = world::Clock::Os.now();
        let mut replay = Replay::default();
        let status = Primitive::from(Status::new(Code::SUCCESSFUL));
        let first = keep_alive("1", 60);
        assert!(matches!(replay.look(&first, now), Seen::Never));
        replay.note("1", first.primitive.clone(), Some(&status), now);
        let soon = now + KEPT - Duration::from_millis(1);
        let Seen::Before(Some(answer)) = replay.look(&first, soon) else {
            panic!("not known");
        };
        assert_eq!(*answer, status);
        assert!(matches!(
            replay.look(&keep_alive("1", 61), now),
            Seen::Clash
        ));
        assert!(matches!(
            replay.look(&keep_alive("2", 60), now),
            Seen::Never
        ));
        assert!(matches!(replay.look(&first, now + KEPT), Seen::Never));
        replay.forget(now + KEPT);
        assert_eq!(replay.answered.capacity(), 0);
    }

    #[tokio::test]
    async fn only_so_many_are_remembered_and_none_without_an_id() {
        let now = world::Clock::Os.now();
        let mut replay = Replay::default();
        for id in 0..100 {
            let request = Primitive::from(LogoutRequest {});
            replay.note(&id.to_string(), request, None, now);
        }
        assert_eq!(replay.answered.len(), REMEMBERED);
        let last = Transaction::request("99", LogoutRequest {});
        assert!(matches!(replay.look(&last, now), Seen::Before(None)));
        let nameless = Transaction::request("", LogoutRequest {});
        replay.note("", nameless.primitive.clone(), None, now);
        assert!(matches!(replay.look(&nameless, now), Seen::Never));
    }
}
