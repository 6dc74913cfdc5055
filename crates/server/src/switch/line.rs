//! The queue from a room to one leg.
//!
//! ```text
//!   Waiting ──bind──▶ Bound ──close──▶ Closing ──written──▶ Over
//!      │                └──connection lost────────────────────▲
//!      └──close, no connection────────────────────────────────┘
//! ```
//!
//! One that is retired while it waits goes on waiting, and is closing when it is bound.
//!
//! A push costs one uncontended lock. Only the push into an empty queue wakes the connection.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use msrp::{Chunk, FailureReport, PathLines};
use room::LegId;
use thiserror::Error;
use tokio::sync::Notify;

/// The most frames that wait for one leg: two seconds of a lively room of a thousand messages a
/// second. A slot is 40 octets; the frames themselves are shared.
pub(super) const LINE_MAX: usize = 2048;

/// The most octets that wait for one leg. Members who are slow alone pin what they have not read.
const LINE_OCTETS_MAX: usize = 8 << 20;

/// A queue that was longer than this gives its memory back when it is empty.
const SPARE_SLOTS: usize = 64;

/// The number of no message: what belongs together with nothing.
pub(crate) const NO_MESSAGE: u64 = 0;

/// What is to be written to a leg.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    /// A SEND, shared by all who receive it.
    Chunk(Arc<Part>),
    /// A response or a REPORT, ready to be written.
    Answer(Bytes),
}

/// An encoded chunk, and what the switch must know of it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) chunk: Chunk,
    pub(super) message: u64,
    pub(super) failure_report: FailureReport,
    octets: usize,
}

impl Part {
    /// `message` is the same number for all chunks of one message and for no other message of the
    /// room, or [`NO_MESSAGE`]; `body` is the length of the chunk's body in octets.
    /// `failure_report` is what the chunk's head says: with `Yes` an answer is waited for.
    pub(crate) fn new(
        chunk: Chunk,
        message: u64,
        failure_report: FailureReport,
        body: usize,
    ) -> Self {
        Self {
            chunk,
            message,
            failure_report,
            octets: body.saturating_add(HEAD_OCTETS),
        }
    }

    #[cfg(test)]
    pub(crate) fn chunk(&self) -> &Chunk {
        &self.chunk
    }
}

/// About what the head of a frame takes.
const HEAD_OCTETS: usize = 384;

impl Outgoing {
    fn octets(&self) -> usize {
        match self {
            Self::Chunk(part) => part.octets,
            Self::Answer(bytes) => bytes.len(),
        }
    }
}

/// The peer does not read as fast as the room speaks: the leg is to be dropped.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("more waits for this leg than may wait")]
pub(crate) struct Slow;

/// The room's end of the queue to one leg. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<Queue>);

impl Line {
    /// A queue that no connection empties yet.
    pub(crate) fn new(leg: LegId) -> Self {
        Self(Arc::new(Queue {
            leg,
            inner: Mutex::new(Inner {
                phase: Phase::Waiting,
                waiting: VecDeque::new(),
                octets: 0,
                paths: None,
                is_dismissed: false,
                is_retired: false,
                told: None,
            }),
        }))
    }

    /// Puts something behind what waits already. Never waits. What is pushed after the end of the
    /// session is dropped: the room has been told, or has ended it.
    ///
    /// # Errors
    ///
    /// [`Slow`] if too much waits already; `what` is dropped.
    pub(crate) fn push(&self, what: Outgoing) -> Result<(), Slow> {
        let mut inner = self.0.lock();
        if inner.takes_no_more() {
            return Ok(());
        }
        let octets = inner.octets.saturating_add(what.octets());
        if inner.waiting.len() >= LINE_MAX || octets > LINE_OCTETS_MAX {
            return Err(Slow);
        }
        inner.octets = octets;
        inner.waiting.push_back(what);
        if inner.waiting.len() == 1 {
            self.0.ring(&inner);
        }
        Ok(())
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.0
    }

    /// Takes all that waits, as if it had been written.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Outgoing> {
        let mut inner = self.0.lock();
        inner.octets = 0;
        inner.waiting.drain(..).collect()
    }
}

/// The queue itself, as connections see it.
#[derive(Debug)]
pub(super) struct Queue {
    leg: LegId,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    waiting: VecDeque<Outgoing>,
    octets: usize,
    paths: Option<PathLines>,
    /// The peer has left by itself.
    is_dismissed: bool,
    /// Nothing may be added, while a connection is still waited for.
    is_retired: bool,
    /// Who waits for it to be written.
    told: Option<Told>,
}

/// What is done once all is written.
struct Told(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

#[derive(Debug)]
enum Phase {
    /// No connection yet.
    Waiting,
    /// On the connection with this bell.
    Bound(Arc<Bell>),
    /// The same, but nothing may be added.
    Closing(Arc<Bell>),
    Over,
}

/// What came of asking for a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Binding {
    /// It is on this connection now.
    Bound,
    /// It is on another connection.
    Elsewhere,
    /// It has ended.
    Over,
}

/// What is left in a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Left {
    /// Nothing that can be written now. The bell rings when that changes.
    Nothing,
    /// Something that was not taken. The bell does not ring for it.
    More,
    /// Nothing, and nothing will come: the session has ended.
    Closed,
}

impl Queue {
    /// Binds the session to the connection with this bell. First bind wins.
    pub(super) fn bind(&self, bell: &Arc<Bell>) -> Binding {
        let mut inner = self.lock();
        match &inner.phase {
            Phase::Waiting => {
                inner.phase = match inner.is_retired {
                    true => Phase::Closing(Arc::clone(bell)),
                    false => Phase::Bound(Arc::clone(bell)),
                };
                if !inner.waiting.is_empty() {
                    self.ring(&inner);
                }
                Binding::Bound
            }
            Phase::Bound(other) if Arc::ptr_eq(other, bell) => Binding::Bound,
            Phase::Bound(_) => Binding::Elsewhere,
            Phase::Closing(_) | Phase::Over => Binding::Over,
        }
    }

    pub(super) fn set_paths(&self, paths: PathLines) {
        let mut inner = self.lock();
        inner.paths = Some(paths);
        if !inner.waiting.is_empty() {
            self.ring(&inner);
        }
    }

    /// Puts something before all that waits.
    pub(super) fn push_first(&self, what: Outgoing) {
        let mut inner = self.lock();
        inner.octets = inner.octets.saturating_add(what.octets());
        inner.waiting.push_front(what);
        self.ring(&inner);
    }

    /// Hands what waits to `write`, oldest first, until that declines. Requests stay as long as
    /// the way to the peer is unknown.
    pub(super) fn drain(
        &self,
        mut write: impl FnMut(&Outgoing, Option<&PathLines>) -> bool,
    ) -> Left {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let is_closing = matches!(inner.phase, Phase::Closing(_) | Phase::Over);
        while let Some(next) = inner.waiting.front() {
            if inner.paths.is_none() && matches!(next, Outgoing::Chunk(_)) {
                return if is_closing {
                    Left::Closed
                } else {
                    Left::Nothing
                };
            }
            if !write(next, inner.paths.as_ref()) {
                return Left::More;
            }
            inner.octets = inner.octets.saturating_sub(next.octets());
            inner.waiting.pop_front();
        }
        if inner.waiting.capacity() > SPARE_SLOTS {
            inner.waiting = VecDeque::new();
        }
        if is_closing {
            Left::Closed
        } else {
            Left::Nothing
        }
    }

    /// Lets nothing more in. What waits is still written, if there is a connection.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.phase = match mem::replace(&mut inner.phase, Phase::Over) {
            Phase::Bound(bell) | Phase::Closing(bell) => {
                bell.ring(self.leg);
                Phase::Closing(bell)
            }
            Phase::Waiting | Phase::Over => {
                inner.empty();
                Phase::Over
            }
        };
        Self::tell_if_written(inner);
    }

    /// As [`Self::close`], but what waits for a connection that has not come is kept for it.
    /// False: there is nothing to wait for.
    pub(super) fn retire(&self) -> bool {
        let mut inner = self.lock();
        let waits = matches!(inner.phase, Phase::Waiting) && !inner.waiting.is_empty();
        inner.is_retired |= waits;
        waits
    }

    /// As [`Self::close`], for a peer that has left: of what waits it gets the answers alone.
    pub(super) fn dismiss(&self) {
        let mut inner = self.lock();
        inner.is_dismissed = true;
        inner
            .waiting
            .retain(|what| matches!(what, Outgoing::Answer(_)));
        inner.octets = inner.waiting.iter().map(Outgoing::octets).sum();
        drop(inner);
        self.close();
    }

    /// Has the peer left by itself?
    pub(super) fn is_dismissed(&self) -> bool {
        self.lock().is_dismissed
    }

    /// Calls `tell` once the peer has been sent everything that was said, or never will be. False,
    /// and no call, if that is so already.
    pub(super) fn when_written(&self, tell: impl FnOnce() + Send + 'static) -> bool {
        let mut inner = self.lock();
        let is_written = inner.is_written();
        if !is_written {
            inner.told = Some(Told(Box::new(tell)));
        }
        !is_written
    }

    /// To be called whenever it may be written by now.
    fn tell_if_written(mut inner: MutexGuard<'_, Inner>) {
        if inner.is_written()
            && let Some(Told(tell)) = inner.told.take()
        {
            drop(inner);
            tell();
        }
    }

    /// Is it of no use any more?
    pub(super) fn is_over(&self) -> bool {
        self.lock().takes_no_more()
    }

    /// Drops everything. Says whether somebody is to be told: not if it was closed before.
    pub(super) fn end(&self) -> bool {
        let mut inner = self.lock();
        inner.empty();
        let is_news = match mem::replace(&mut inner.phase, Phase::Over) {
            Phase::Waiting | Phase::Bound(_) => !inner.is_retired,
            Phase::Closing(_) | Phase::Over => false,
        };
        Self::tell_if_written(inner);
        is_news
    }

    /// The same, unless there is a connection.
    pub(super) fn end_unbound(&self) -> bool {
        let mut inner = self.lock();
        let is_unbound = matches!(inner.phase, Phase::Waiting);
        if is_unbound {
            inner.empty();
            inner.phase = Phase::Over;
        }
        let is_news = is_unbound && !inner.is_retired;
        Self::tell_if_written(inner);
        is_news
    }

    fn ring(&self, inner: &Inner) {
        match &inner.phase {
            Phase::Bound(bell) | Phase::Closing(bell) => bell.ring(self.leg),
            Phase::Waiting | Phase::Over => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_written(&self) -> bool {
        self.is_dismissed || matches!(self.phase, Phase::Over)
    }

    fn takes_no_more(&self) -> bool {
        self.is_retired || matches!(self.phase, Phase::Closing(_) | Phase::Over)
    }

    fn empty(&mut self) {
        self.waiting = VecDeque::new();
        self.octets = 0;
    }
}

/// By which lines call their connection.
#[derive(Debug, Default)]
pub(super) struct Bell {
    ready: Mutex<VecDeque<LegId>>,
    notify: Notify,
}

impl Bell {
    fn ring(&self, leg: LegId) {
        self.lock().push_back(leg);
        self.notify.notify_one();
    }

    /// Moves those who have rung to the end of `ready`.
    pub(super) fn answer(&self, ready: &mut VecDeque<LegId>) {
        ready.append(&mut self.lock());
    }

    /// Waits until somebody rings, or has rung since the last wait.
    pub(super) async fn rung(&self) {
        self.notify.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LegId>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
