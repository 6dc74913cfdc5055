//! One MSRP connection: a task that reads and writes.
//!
//! ```text
//!   Unbound ──first session──▶ Serving ──last session ended──▶ Flushing ──written──▶ Lingering
//!      │                                                                                │
//!      └──30 s──▶ closed                                      closed ◀──peer closes, 5 s─┘
//! ```
//!
//! Several sessions may share it (RFC 4975 section 5.4). It writes what their lines hold, reads
//! what the peer says, and never lets the one wait for the other.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use msrp::{FrameError, Pending, Reader};
use room::LegId;
use thiserror::Error;
use world::{Alarm, Rng, Stream};

use super::{
    Outgoing, Session, Switch,
    inbound::{Heard, Target},
    line::{Bell, Binding},
    members::{Member, Members},
    out::Out,
    outbound::Wrote,
};

/// How long a connection may be without a session. A peer sends at once (RFC 4975 section 5.4).
const UNBOUND: Duration = Duration::from_secs(30);

/// How long a write may make no progress. A peer that reads nothing for so long is gone, or
/// holds memory of ours for nothing.
const STUCK: Duration = Duration::from_secs(10);

/// How long to wait for the peer to close after us. Closed earlier, what it has sent meanwhile
/// would make the kernel reset the connection, and the peer lose our last words.
const LINGER: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    pub(super) switch: Arc<Switch>,
    pub(super) stream: Stream,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The sessions bound here.
    pub(super) members: Members,
    pub(super) bell: Arc<Bell>,
    /// Members with something to be written.
    pub(super) ready: VecDeque<LegId>,
    pub(super) out: Out,
    pub(super) pending: Pending<Asked>,
    /// The most that was pending since it was last empty.
    pub(super) pending_peak: usize,
    pub(super) reader: Reader,
    pub(super) inbox: BytesMut,
    /// To whom the frame goes that is being read.
    pub(super) target: Target,
    /// The session that was named last: mostly the only one.
    pub(super) last: Option<Arc<Session>>,
    /// For transaction ids on shared connections.
    pub(super) rng: Option<Box<Rng>>,
    stage: Stage,
    /// Since when the socket takes nothing.
    stuck_since: Option<Instant>,
    alarm: Alarm,
    why: Ended,
}

/// What an unanswered request of ours was about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) leg: LegId,
    pub(super) message: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Unbound { until: Instant },
    Serving,
    Flushing,
    Lingering { until: Instant },
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum Ended {
    #[error("the server has ended the connection")]
    Aborted,
    #[error("the peer has closed the connection")]
    ByPeer,
    #[error("all sessions of the connection have ended")]
    Done,
    #[error("the connection was lost")]
    Lost,
    #[error("the peer reads nothing")]
    Stuck,
    #[error("no session was named in time")]
    Unbound,
    #[error("the peer sends what is not MSRP: {0}")]
    Unreadable(#[from] FrameError),
}

impl Ended {
    /// What the rooms of its sessions are told.
    fn why(self) -> &'static str {
        match self {
            Self::Aborted => "the MSRP connection was ended by the server",
            Self::ByPeer => "the peer closed the MSRP connection",
            Self::Done | Self::Unbound => "the MSRP session is over",
            Self::Lost => "the MSRP connection was lost",
            Self::Stuck => "the peer does not read from the MSRP connection",
            Self::Unreadable(_) => "the peer does not speak MSRP",
        }
    }
}

impl Connection {
    /// Boxed, since it goes through several hands, and each future it is in would have a place
    /// for it.
    pub(super) fn new(switch: Arc<Switch>, stream: Stream, remote: SocketAddr) -> Box<Self> {
        let clock = switch.world.clock;
        let until = clock.now() + UNBOUND;
        Box::new(Self {
            local: stream.local_addr().unwrap_or(switch.local),
            switch,
            stream,
            remote,
            members: Members::default(),
            bell: Arc::default(),
            ready: VecDeque::new(),
            out: Out::default(),
            pending: Pending::new(),
            pending_peak: 0,
            reader: Reader::new(),
            inbox: BytesMut::new(),
            target: Target::Nobody,
            last: None,
            rng: None,
            stage: Stage::Unbound { until },
            stuck_since: None,
            alarm: Alarm::new(clock),
            why: Ended::Aborted,
        })
    }

    /// Takes a session in, and `hello` to be written before all else. False if it has ended, or
    /// the peer has connected meanwhile: then this connection is not needed.
    pub(super) fn adopt(&mut self, session: &Arc<Session>, hello: Outgoing) -> bool {
        let is_bound = self.join(session) == Binding::Bound;
        if is_bound {
            session.queue().push_first(hello);
        }
        is_bound
    }

    /// Binds a session to this connection, if it is free.
    pub(super) fn join(&mut self, session: &Arc<Session>) -> Binding {
        let binding = session.queue().bind(&self.bell);
        if binding == Binding::Bound && self.members.insert(session) {
            self.stage = Stage::Serving;
            session.tell_up();
        }
        binding
    }

    /// Forgets a session that has ended.
    pub(super) fn part(&mut self, leg: LegId) -> Option<Member> {
        let member = self.members.remove(leg);
        if self.members.is_empty() && self.stage == Stage::Serving {
            self.stage = Stage::Flushing;
        }
        member
    }

    /// Reads and writes until the end of the connection.
    pub(super) async fn run(mut self: Box<Self>) {
        let Err(ended) = self.serve().await;
        self.why = ended;
        let remote = self.remote;
        tracing::debug!(%remote, %ended, "an MSRP connection ended");
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Ended> {
        loop {
            let wrote = self.write_round()?;
            if wrote == Wrote::All && self.stage == Stage::Flushing {
                self.stage = Stage::Lingering {
                    until: self.now() + LINGER,
                };
                self.stream.shutdown().await.map_err(|_| Ended::Lost)?;
            }
            let heard = match self.may_read() {
                true => self.read_round().await?,
                false => Heard::Nothing,
            };
            if wrote == Wrote::Some || heard == Heard::Something {
                // Both directions had their turn; now the other tasks.
                tokio::task::consume_budget().await;
                continue;
            }
            self.save_memory();
            self.wait(wrote, self.may_read()).await?;
        }
    }

    /// A peer that does not read our answers is not heard either.
    fn may_read(&self) -> bool {
        !self.out.is_full()
    }

    /// Waits until there is something to do, and sees to the deadlines.
    pub(super) async fn wait(&mut self, wrote: Wrote, may_read: bool) -> Result<(), Ended> {
        let deadline = self.deadline(wrote);
        self.alarm.by(deadline);
        tokio::select! {
            biased;
            () = self.bell.rung() => {}
            writable = self.stream.writable(), if wrote != Wrote::All => {
                writable.map_err(|_| Ended::Lost)?;
            }
            readable = self.stream.readable(), if may_read => {
                readable.map_err(|_| Ended::Lost)?;
            }
            () = self.alarm.ring() => self.overdue()?,
        }
        Ok(())
    }

    fn deadline(&mut self, wrote: Wrote) -> Option<Instant> {
        self.stuck_since = match wrote {
            Wrote::Blocked => self.stuck_since.or_else(|| Some(self.now())),
            Wrote::All | Wrote::Some => None,
        };
        let stage = match self.stage {
            Stage::Unbound { until } | Stage::Lingering { until } => Some(until),
            Stage::Serving | Stage::Flushing => None,
        };
        let stuck = self.stuck_since.map(|since| since + STUCK);
        [stage, stuck, self.pending.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    fn overdue(&mut self) -> Result<(), Ended> {
        let now = self.now();
        match self.stage {
            Stage::Unbound { until } if until <= now => return Err(Ended::Unbound),
            Stage::Lingering { until } if until <= now => return Err(Ended::Done),
            Stage::Unbound { .. } | Stage::Lingering { .. } | Stage::Serving | Stage::Flushing => {}
        }
        if self.stuck_since.is_some_and(|since| since + STUCK <= now) {
            return Err(Ended::Stuck);
        }
        // RFC 4975 7.1.1: no answer in 30 seconds counts as 408.
        while let Some(asked) = self.pending.expire(now) {
            self.lose(asked.leg, "the peer did not answer an MSRP request in time");
        }
        Ok(())
    }

    /// Ends a session that the peer has lost, and tells its room.
    pub(super) fn lose(&mut self, leg: LegId, why: &'static str) {
        if let Some(member) = self.part(leg) {
            member.session.lose(why);
        }
    }

    /// Progress: whoever takes a little is not stuck.
    pub(super) fn unstick(&mut self) {
        self.stuck_since = None;
    }

    /// Whether the connection is only waited for to be closed.
    pub(super) fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Lingering { .. })
    }

    pub(super) fn lost(&self, error: &io::Error) -> Ended {
        match self.stage {
            Stage::Lingering { .. } => Ended::Done,
            Stage::Unbound { .. } | Stage::Serving | Stage::Flushing => {
                let remote = self.remote;
                tracing::debug!(%remote, %error, "an MSRP connection failed");
                Ended::Lost
            }
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.switch.world.clock.now()
    }

    /// An idle participant keeps no buffers.
    fn save_memory(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
        if self.pending.is_empty() && self.pending_peak > PENDING_SPARE {
            self.pending = Pending::new();
            self.pending_peak = 0;
        }
    }
}

/// Open transactions for which memory is kept.
const PENDING_SPARE: usize = 32;

/// However it ends, by an abort or a panic too, the rooms learn it.
impl Drop for Connection {
    fn drop(&mut self) {
        for member in self.members.drain() {
            member.session.lose(self.why.why());
        }
    }
}
