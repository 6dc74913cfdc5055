//! Live rooms: one task each, and the register of them.

pub(crate) mod handset;
mod kept;
mod ledger;
mod observers;
mod speech;
mod task;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use room::{Address, Cause, Claim, Event, LegId, PersonId, Refusal};
use sip::transaction::ServerId;
use store::{Member, MemberState, Partition, RoomKind, Write};
use tokio::sync::{mpsc, oneshot};

use crate::core::ShardHandle;
use crate::focus::invite::Opening;
use crate::focus::refer::Deed;
use crate::groups::Stored;
use crate::house::House;
use crate::imps;
use crate::switch::{RoomDoor, Session};

pub(crate) use handset::Kind;
pub(crate) use kept::{Kept, give_up, kept};
pub(crate) use task::{Opened, Referred, open};

/// MIME types as a description lists them. Several keep them for as long as a leg lives.
pub(crate) type Types = Arc<[String]>;

/// The way to one room. Cheap to clone; the room ends by itself, not when handles are dropped.
#[derive(Clone, Debug)]
pub(crate) struct RoomHandle {
    /// The session identity, which is the conference URI.
    pub(crate) identity: Arc<str>,
    /// How the inviter opened it: what every invitation repeats.
    pub(crate) opening: Arc<Opening>,
    pub(crate) kind: Kind,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) door: RoomDoor,
    /// What its task has last said of [`Self::allows_whispering`].
    whispering: Arc<AtomicBool>,
}

/// What a room is told. Unbounded on purpose: an invitation sends a handful in its life, a leg
/// or a subscription at most one for each request that its shard has read and answered, which
/// takes longer than to hear it here; and their numbers are bounded.
#[derive(Debug)]
pub(crate) enum Order {
    /// A leg is up: its dialog stands and its media are known.
    Arrived {
        leg: Arrival,
        event: Event,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    /// What a leg takes has changed: its peer has described itself anew.
    Described {
        leg: LegId,
        accepts: Types,
        wrapped: Types,
        whispers: bool,
    },
    /// A fact.
    Event(Event),
    /// May somebody come in by themselves, as the room is now?
    MayEnter {
        address: Address,
        hidden: bool,
        claim: Claim,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    /// If a leg is this person's: the legs of another person in the room.
    Peers {
        leg: LegId,
        of: Address,
        who: Address,
        answer: oneshot::Sender<Option<Vec<(LegId, ShardHandle)>>>,
    },
    /// Another leg has taken the place of this one.
    Replaced { leg: LegId },
    /// Whoever it was made alive for does not come.
    Abandoned,
    /// The operator changed the rules.
    Policy,
    /// The group's document is different.
    Document(Arc<Stored>),
    /// Somebody who is invited may be invited in their sessions of IMPS too. The answer says
    /// whether there are any.
    RingHandsets {
        who: PersonId,
        answer: oneshot::Sender<bool>,
    },
    /// The invitation of a person's devices has ended without a leg. Without a cause there was none
    /// to be asked.
    Failed { who: PersonId, cause: Option<Cause> },
    /// Somebody in the room wants others in it, or out of it.
    Refer(Box<Refer>),
    /// Somebody asks to be told who is in the room.
    Subscribe(Subscribe),
    /// A subscription was refreshed: full state again, in documents of so many octets at most.
    Refreshed { watch: u64, piece: usize },
    /// A NOTIFY was answered; `false`: the subscription is over.
    Notified { watch: u64, alive: bool },
    /// What a session of IMPS wants.
    Handset(handset::Order),
    /// A session of IMPS has answered an invitation with an error.
    Declined {
        who: PersonId,
        session: Arc<imps::Session>,
        code: ::imps::status::Code,
    },
    /// The user of a session of IMPS has answered an invitation.
    Answered {
        address: Address,
        session: Arc<imps::Session>,
        accepts: bool,
    },
}

/// A leg as the room needs it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) leg: LegId,
    /// The shard that owns the dialog.
    pub(crate) shard: ShardHandle,
    pub(crate) session: Arc<Session>,
    /// The MIME types the peer takes.
    pub(crate) accepts: Types,
    /// The types it takes wrapped in one of those; empty if it did not say.
    pub(crate) wrapped: Types,
    /// It takes private messages (RFC 7701 section 8).
    pub(crate) whispers: bool,
}

/// A SUBSCRIBE to the conference event package, not yet answered.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) id: ServerId,
    pub(crate) shard: ShardHandle,
    /// Names the subscription in its shard.
    pub(crate) watch: u64,
    /// Who asks: an address of record.
    pub(crate) address: Address,
    /// The most octets of one document on the way to the subscriber.
    pub(crate) piece: usize,
}

/// A REFER to the room, not yet answered.
#[derive(Debug)]
pub(crate) struct Refer {
    /// Names it in its shard.
    pub(crate) refer: u64,
    pub(crate) shard: ShardHandle,
    /// Who refers: an address of record; or else
    pub(crate) by: Option<Address>,
    /// the device in whose dialog it came.
    pub(crate) leg: Option<LegId>,
    /// They want to stay hidden.
    pub(crate) hidden: bool,
    pub(crate) deed: Deed,
    /// They want to know what comes of it.
    pub(crate) subscribes: bool,
}

/// What the procedure that opened the room is told about its inviter.
#[derive(Debug)]
pub(crate) enum HostNews {
    /// Somebody rings: IM-7.2.1.2 passes it on.
    Ring,
    /// Let the inviter in. `accepts`: what the first who joined takes, if somebody has.
    Answer { accepts: Option<Types> },
    /// It does not come about.
    Refuse { cause: Cause },
}

impl RoomHandle {
    /// Tells the room something. A room that has ended does not hear it, and need not.
    pub(crate) fn tell(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Brings a leg into the room.
    pub(crate) async fn arrive(&self, leg: Arrival, event: Event) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.tell(Order::Arrived { leg, event, answer });
        answered.await.unwrap_or(Err(Refusal::Closed))
    }

    /// May somebody come in by themselves, as the room is now?
    pub(crate) async fn may_enter(
        &self,
        address: Address,
        hidden: bool,
        claim: Claim,
    ) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.tell(Order::MayEnter {
            address,
            hidden,
            claim,
            answer,
        });
        answered.await.unwrap_or(Err(Refusal::Closed))
    }

    /// Invites somebody in their sessions of IMPS, who is being invited. Are there any?
    pub(crate) async fn ring_handsets(&self, who: PersonId) -> bool {
        let (answer, answered) = oneshot::channel();
        self.tell(Order::RingHandsets { who, answer });
        answered.await.unwrap_or(false)
    }

    /// Do its rules allow private messages?
    pub(crate) fn allows_whispering(&self) -> bool {
        self.whispering.load(Ordering::Relaxed)
    }

    /// Has it ended?
    pub(crate) fn is_over(&self) -> bool {
        self.orders.is_closed()
    }

    /// Waits until the room has ended and is in the register no more.
    pub(crate) async fn ended(&self) {
        self.orders.closed().await;
    }
}

/// The most live rooms: with two legs each, at some 20 kB together, two gigabytes.
const ROOMS: usize = 100_000;

/// All live rooms, by session identity.
///
/// Looked up when somebody comes to a room, never for what is said in it.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    live: Mutex<HashMap<Arc<str>, RoomHandle>>,
}

impl Rooms {
    pub(crate) fn find(&self, identity: &str) -> Option<RoomHandle> {
        self.live().get(identity).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.live().len()
    }

    /// How many rooms are such.
    pub(crate) fn count(&self, such: impl Fn(&RoomHandle) -> bool) -> usize {
        self.live().values().filter(|room| such(room)).count()
    }

    /// May one more be opened?
    pub(crate) fn has_place(&self) -> bool {
        self.len() < ROOMS
    }

    pub(crate) fn all(&self) -> Vec<RoomHandle> {
        self.live().values().cloned().collect()
    }

    /// The live rooms of stored groups, in the order of their addresses.
    pub(crate) fn groups(&self) -> Vec<RoomHandle> {
        let live = self.live();
        let groups = live
            .values()
            .filter(|room| matches!(room.kind, Kind::Group));
        let mut groups: Vec<_> = groups.cloned().collect();
        groups.sort_by(|one, other| one.identity.cmp(&other.identity));
        groups
    }

    /// The room of this identity; if there is none the one that `open` starts. Of two who come at
    /// once both get the same.
    pub(crate) fn find_or_open(
        &self,
        house: &Arc<House>,
        identity: &str,
        open: impl FnOnce() -> Result<Opened, Refusal>,
    ) -> Result<RoomHandle, Refusal> {
        let mut live = self.live();
        if let Some(room) = live.get(identity) {
            return Ok(room.clone());
        }
        let room = task::start(house, open()?);
        live.insert(Arc::clone(&room.identity), room.clone());
        Ok(room)
    }

    fn add(&self, room: RoomHandle) {
        self.live().insert(Arc::clone(&room.identity), room);
    }

    fn remove(&self, identity: &str) {
        self.live().remove(identity);
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, RoomHandle>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is stored when a room is opened: the room, and who may come into it.
pub(crate) fn writes(
    house: &House,
    identity: &str,
    (partition, kind): (Partition, RoomKind),
    members: Vec<(Address, store::Role)>,
) -> Vec<Write> {
    let now_ms = house.unix_ms();
    let host = members.first().map(|(host, _)| host.to_string());
    let room = store::Room {
        identity: identity.to_owned(),
        partition,
        kind,
        group: (kind == RoomKind::Group).then(|| identity.to_owned()),
        host: host.unwrap_or_default(),
        subject: None,
        created_at_ms: now_ms,
        closed_at_ms: None,
    };
    let member = |(address, role): (Address, store::Role)| {
        Write::PutMember(Member {
            room: identity.to_owned(),
            address: address.to_string(),
            display: None,
            role,
            hidden: false,
            state: MemberState::Invited,
            changed_at_ms: now_ms,
        })
    };
    std::iter::once(Write::OpenRoom(room))
        .chain(members.into_iter().map(member))
        .collect()
}
