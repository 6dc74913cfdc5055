//! Which shard a call belongs to, and how it is reached.

use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::transaction::ServerId;
use sip::{Message, Name, ParseError};
use store::Account;
use tokio::sync::{mpsc, oneshot};

use crate::config::Policy;
use crate::core::{Delta, Device, ForGroup, ForUser, Replies};
use crate::count::Counters;
use crate::focus::legs::LegCommand;
use crate::focus::refer::ReferCommand;
use crate::net::{Connection, Flow};
use crate::notify::WatcherCommand;

/// Messages that may wait for one shard. At 10 µs each this is 40 ms of work; a sender whose
/// request waits longer would retransmit into the same queue.
const MAILBOX: usize = 4096;

/// New work is refused while fewer places than this are free, so that in-dialog traffic, answers
/// and acknowledgements still get through.
const RESERVE: usize = MAILBOX / 4;

/// What a client waits before it offers new work again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A message for a shard.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) message: Message,
    pub(crate) flow: Flow,
}

/// What procedures, rooms and connections tell a shard. Unbounded on purpose: each procedure,
/// leg and subscription has a handful of these under way, and their numbers are bounded.
#[derive(Debug)]
pub(crate) enum Command {
    /// An account was read, or is not there; `None` if that could not be found out.
    Account {
        name: String,
        account: Option<Option<Arc<Account>>>,
    },
    /// A device registered or left.
    Binding(Delta),
    /// What is still held on behalf of peers?
    Census { answer: oneshot::Sender<Held> },
    /// Where are the devices of this user? Each once, however many flows it has.
    Devices {
        aor: String,
        answer: oneshot::Sender<Vec<Arc<Device>>>,
    },
    /// A user lets a request come that another domain has sent.
    ForUser(Box<ForUser>),
    /// A request is for a stored group.
    ForGroup(Box<ForGroup>),
    /// A connection is gone.
    FlowLost(u64),
    /// A connection is there.
    FlowUp(Arc<Connection>),
    /// Something about legs.
    Leg(LegCommand),
    /// The operator changed the rules.
    Policy(Arc<Policy>),
    /// Something about REFERs.
    Refer(ReferCommand),
    /// A procedure without a leg has its answer.
    Respond {
        id: ServerId,
        status: u16,
        response: Bytes,
    },
    /// Something about subscriptions.
    Watcher(WatcherCommand),
}

/// What one shard holds on behalf of peers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) calls: usize,
    pub(crate) legs: usize,
    pub(crate) watches: usize,
    pub(crate) forwarded: usize,
    pub(crate) referrals: usize,
}

/// The way to one shard.
#[derive(Clone, Debug)]
pub(crate) struct ShardHandle {
    pub(crate) inbound: mpsc::Sender<Inbound>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
}

impl ShardHandle {
    /// The two ends of a shard's mailboxes.
    pub(crate) fn new() -> (
        Self,
        mpsc::Receiver<Inbound>,
        mpsc::UnboundedReceiver<Command>,
    ) {
        let (inbound, messages) = mpsc::channel(MAILBOX);
        let (commands, orders) = mpsc::unbounded_channel();
        (Self { inbound, commands }, messages, orders)
    }

    /// Tells the shard something. After its end nobody listens, and nobody has to.
    pub(crate) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

/// All shards.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    all: Arc<[ShardHandle]>,
    /// Nobody outside can aim at one shard by choosing Call-IDs.
    key: u64,
    replies: Arc<Replies>,
    counters: Arc<Counters>,
}

impl Shards {
    pub(crate) fn new(
        all: Vec<ShardHandle>,
        key: u64,
        replies: Arc<Replies>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            all: all.into(),
            key,
            replies,
            counters,
        }
    }

    /// The shard that owns the calls with this Call-ID.
    pub(crate) fn of(&self, call_id: &str) -> Option<&ShardHandle> {
        // SipHash with zero keys and a secret first block: as good as keyed for choosing a shard.
        #[expect(
            deprecated,
            reason = "the hasher whose function does not change between builds"
        )]
        let mut hasher = std::hash::SipHasher::new();
        hasher.write_u64(self.key);
        hasher.write(call_id.as_bytes());
        let count = u64::try_from(self.all.len())
            .ok()
            .filter(|count| *count > 0)?;
        self.all.get(usize::try_from(hasher.finish() % count).ok()?)
    }

    /// Hands a message to its shard without waiting.
    pub(crate) fn deliver(&self, message: Message, flow: Flow) {
        let Some(shard) = message
            .fields()
            .raw(Name::CallId)
            .and_then(|id| self.of(id))
        else {
            // No Call-ID: no transaction can be made of it.
            self.refuse(&message, &flow, 400, "Missing Call-ID");
            return;
        };
        if shard.inbound.capacity() < RESERVE && is_new_work(&message) {
            Counters::add(&self.counters.overload);
            self.refuse(&message, &flow, 503, "Service Unavailable");
            return;
        }
        if shard.inbound.try_send(Inbound { message, flow }).is_err() {
            Counters::add(&self.counters.overload);
        }
    }

    /// Answers what cannot be read, if enough of it can be, and counts it if not.
    pub(crate) fn unreadable(&self, bytes: &[u8], error: ParseError, flow: &Flow) {
        match self.replies.to_unreadable(bytes, error, flow) {
            Some(response) => {
                Counters::add(&self.counters.malformed);
                let _ = flow.send(response);
            }
            None => Counters::add(&self.counters.unreadable),
        }
        tracing::debug!(remote = %flow.remote(), %error, "a message could not be read");
    }

    /// The devices of a user that have not lapsed.
    pub(crate) async fn devices(&self, aor: &str) -> Vec<Arc<Device>> {
        let (answer, answered) = oneshot::channel();
        // Every shard knows all of them; this spreads the questions.
        if let Some(shard) = self.of(aor) {
            let aor = aor.to_owned();
            shard.tell(Command::Devices { aor, answer });
        }
        answered.await.unwrap_or_default()
    }

    /// What all shards hold on behalf of peers.
    pub(crate) async fn census(&self) -> Held {
        let mut sum = Held::default();
        for shard in self.all.iter() {
            let (answer, answered) = oneshot::channel();
            shard.tell(Command::Census { answer });
            let held = answered.await.unwrap_or_default();
            sum.calls += held.calls;
            sum.legs += held.legs;
            sum.watches += held.watches;
            sum.forwarded += held.forwarded;
            sum.referrals += held.referrals;
        }
        sum
    }

    /// Tells every shard that there is a connection. What comes over it comes later.
    pub(crate) fn flow_up(&self, connection: &Arc<Connection>) {
        for shard in self.all.iter() {
            shard.tell(Command::FlowUp(Arc::clone(connection)));
        }
    }

    /// Tells every shard that a connection is gone.
    pub(crate) fn flow_lost(&self, connection: u64) {
        for shard in self.all.iter() {
            shard.tell(Command::FlowLost(connection));
        }
    }

    /// Tells every shard about a device. What a shard is sent afterwards finds it applied.
    pub(crate) fn binding(&self, delta: &Delta) {
        for shard in self.all.iter() {
            shard.tell(Command::Binding(delta.clone()));
        }
    }

    /// Gives every shard new rules.
    pub(crate) fn policy(&self, policy: &Arc<Policy>) {
        for shard in self.all.iter() {
            shard.tell(Command::Policy(Arc::clone(policy)));
        }
    }

    fn refuse(&self, message: &Message, flow: &Flow, status: u16, reason: &str) {
        let Message::Request(request) = message else {
            return;
        };
        if *request.method() == sip::Method::Ack {
            return;
        }
        let mut request = request.clone();
        request.set_source(flow.remote());
        let retry = (status == 503).then_some(RETRY_AFTER);
        let _ = flow.send(self.replies.stateless(&request, status, reason, retry));
    }
}

/// A request outside any dialog that asks for something; the rest is the end of earlier work.
fn is_new_work(message: &Message) -> bool {
    match message {
        Message::Response(_) => false,
        Message::Request(request) => {
            !matches!(request.method(), sip::Method::Ack | sip::Method::Cancel)
                && !request.raw(Name::To).is_some_and(|to| to.contains(";tag="))
        }
    }
}
