//! Requests that come a second time, because their answer was lost: they are answered from memory
//! and not carried out again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use imps::{Encoding, Message, Primitive, Session, Transaction, Version};
use sha2::{Digest, Sha256};

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
    content: Content,
    answer: Option<Box<Primitive>>,
    at: Instant,
}

/// What a request says, as far as it takes to know it again. The request itself may be large.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Content([u8; 32]);

impl Content {
    pub(super) fn of(request: &Transaction, version: Version) -> Self {
        let document = Message::new(version, Session::Outband).with(request.clone());
        Self(Sha256::digest(document.encode(Encoding::Wbxml)).into())
    }
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
    pub(super) fn look(&self, id: &str, content: Content, now: Instant) -> Seen {
        // Without an id nothing can be told apart.
        if id.is_empty() {
            return Seen::Never;
        }
        let same = self
            .answered
            .iter()
            .find(|one| one.id == id && now < one.at + KEPT);
        match same {
            None => Seen::Never,
            Some(one) if one.content == content => Seen::Before(one.answer.clone()),
            Some(_) => Seen::Clash,
        }
    }

    /// Remembers an answer.
    pub(super) fn note(
        &mut self,
        id: &str,
        content: Content,
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
            content,
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

    fn keep_alive(id: &str, seconds: u32) -> Content {
        let time_to_live_s = Some(seconds);
        let request = Transaction::request(id, KeepAliveRequest { time_to_live_s });
        Content::of(&request, Version::V1_3)
    }

    fn log_out(id: &str) -> Content {
        let request = Transaction::request(id, LogoutRequest {});
        Content::of(&request, Version::V1_3)
    }

    #[tokio::test]
    async fn a_request_is_known_by_its_id_and_content_for_a_while() {
        let now = world::Clock::Os.now();
        let mut replay = Replay::default();
        let status = Primitive::from(Status::new(Code::SUCCESSFUL));
        let first = keep_alive("1", 60);
        assert!(matches!(replay.look("1", first, now), Seen::Never));
        replay.note("1", first, Some(&status), now);
        let soon = now + KEPT - Duration::from_millis(1);
        let Seen::Before(Some(answer)) = replay.look("1", first, soon) else {
            panic!("not known");
        };
        assert_eq!(*answer, status);
        assert!(matches!(
            replay.look("1", keep_alive("1", 61), now),
            Seen::Clash
        ));
        assert!(matches!(
            replay.look("2", keep_alive("2", 60), now),
            Seen::Never
        ));
        assert!(matches!(replay.look("1", first, now + KEPT), Seen::Never));
        replay.forget(now + KEPT);
        assert_eq!(replay.answered.capacity(), 0);
    }

    #[tokio::test]
    async fn only_so_many_are_remembered_and_none_without_an_id() {
        let now = world::Clock::Os.now();
        let mut replay = Replay::default();
        for id in 0..100 {
            let id = id.to_string();
            replay.note(&id, log_out(&id), None, now);
        }
        assert_eq!(replay.answered.len(), REMEMBERED);
        let last = replay.look("99", log_out("99"), now);
        assert!(matches!(last, Seen::Before(None)));
        replay.note("", log_out(""), None, now);
        assert!(matches!(replay.look("", log_out(""), now), Seen::Never));
    }
}
