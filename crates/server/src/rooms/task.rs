//! The task of one live room: it owns the conversation, what is said in it, and who is told.
//!
//! It waits for its mailboxes, its timers and its commits, never for a socket. What it is told is
//! handled in batches: all events first, then at most one commit, then what must happen, so that
//! nothing is answered before what the answer tells is stored.

mod devices;
mod handsets;
mod naming;
mod referrals;
mod watchers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use room::{Action, Cause, Event, LegId, PersonId, Refusal, Room, Rules, Seat, Standing, Why};
use store::{Partition, Write};
use tokio::sync::{mpsc, oneshot};
use world::Rng;

use crate::focus::adhoc;
use crate::focus::invite::{self, Opening};
use crate::groups::Stored;
use crate::house::House;
use crate::imps::extend;
use crate::rooms::handset::{Entered, Handset, Ringing};
use crate::rooms::ledger::Ledger;
use crate::rooms::observers::Observers;
use crate::rooms::speech::{Speech, Voices};
use crate::rooms::{Arrival, HostNews, Kind, Order, RoomHandle, Subscribe, Types};
use crate::switch::{News, RoomDoor, Said};

use devices::reason;
use handsets::Told;
pub(crate) use referrals::Referred;
use referrals::Reporter;

/// Pieces of messages that may wait for the room. Their senders' connections wait when it is
/// full, which stops them reading: the pressure reaches the peer.
const SAID: usize = 1024;

/// Pieces of legs that have not arrived which a room keeps: each accepting device sends one or two.
const EARLY: usize = 64;

/// How long somebody who is invited may subscribe ahead of the word that they have accepted: the
/// ACK goes out before it is here.
const AHEAD: Duration = Duration::from_secs(2);

/// The most SUBSCRIBEs that wait for that word. Later ones are refused at once.
const AHEAD_MAX: usize = 5000;

/// What a member is told who lets too much pile up.
const SLOW: &str = "Not Reading Fast Enough";

/// What the head of a CPIM message may take, beside what a handset may be told.
const CPIM_HEAD: usize = 16 << 10;

/// How much is taken from a mailbox at a time.
const BATCH: usize = 64;

/// What a room needs besides the conversation itself.
pub(crate) struct Opened {
    pub(crate) identity: Arc<str>,
    pub(crate) partition: Partition,
    pub(crate) opening: Arc<Opening>,
    /// Given the conversation and its first actions by [`Room::open`].
    pub(crate) room: Room,
    pub(crate) actions: Vec<Action>,
    pub(crate) host: mpsc::UnboundedSender<HostNews>,
    pub(crate) kind: Kind,
    /// The document, of a stored group.
    pub(crate) document: Option<Arc<Stored>>,
    /// What is to be stored before anything else happens: the room, if it is not yet.
    pub(crate) writes: Vec<Write>,
}

/// Starts the task of a room, and enters it in the register.
pub(crate) fn open(house: &Arc<House>, opened: Opened) -> RoomHandle {
    let handle = start(house, opened);
    house.rooms.add(handle.clone());
    handle
}

/// Starts the task of a room that the caller enters in the register.
pub(super) fn start(house: &Arc<House>, opened: Opened) -> RoomHandle {
    let (orders, told) = mpsc::unbounded_channel();
    let (said, heard) = mpsc::channel(SAID);
    let (news, happened) = mpsc::unbounded_channel();
    let handle = RoomHandle {
        identity: Arc::clone(&opened.identity),
        opening: opened.opening,
        kind: opened.kind,
        orders,
        door: RoomDoor { said, news },
        whispering: Arc::new(AtomicBool::new(opened.room.rules().allow_whisper)),
    };
    let mut rng = house.rng();
    let whole_max = house.policy().imps.max_message.saturating_add(CPIM_HEAD);
    let task = RoomTask {
        observers: Observers::new(&opened.identity),
        speech: Speech::new(&opened.identity, whole_max, &mut rng),
        voices: Voices::default(),
        early: VecDeque::new(),
        ahead: VecDeque::new(),
        rng,
        house: Arc::clone(house),
        handle: handle.clone(),
        partition: opened.partition,
        room: opened.room,
        host: opened.host,
        seats: BTreeMap::new(),
        unbound: VecDeque::new(),
        invitations: BTreeMap::new(),
        waits_until: None,
        first_accepts: None,
        actions: opened.actions,
        ledger: Ledger::default(),
        answers: Vec::new(),
        told: Told::default(),
        referred: BTreeMap::new(),
        reporters: Vec::new(),
        document: opened.document,
        opening_writes: opened.writes,
    };
    let mail = Mail {
        told,
        heard,
        happened,
    };
    house.world.tasks.spawn("room", task.run(mail));
    handle
}

/// Whether a leg may come in.
type Entry = Result<(), Refusal>;

/// Where a leg is, and how it is reached.
enum Place {
    /// A device that speaks MSRP.
    Device(Arrival),
    /// A session of IMPS.
    Handset(Handset),
}

/// Somebody who is being invited: on their devices, and in their sessions of IMPS.
struct Invitation {
    /// Dropping it cancels all of it.
    _cancel: oneshot::Sender<()>,
    /// Devices are called still, or it is not known yet whether there are any.
    on_devices: bool,
    /// The sessions that have not said no.
    handsets: Option<Ringing>,
    /// The lowest reason of those who did.
    lowest: Option<Cause>,
}

impl Invitation {
    /// Part of it has come to nothing. The reason, if all has.
    fn failed(&mut self, cause: Option<Cause>) -> Option<Cause> {
        self.lowest = self.lowest.into_iter().chain(cause).min();
        let is_over = !self.on_devices && self.handsets.is_none();
        is_over.then_some(self.lowest.unwrap_or(Cause(480)))
    }
}

/// An answer that goes out when what it tells is stored.
enum Reply {
    Device(oneshot::Sender<Entry>, Entry),
    Handset(
        oneshot::Sender<Result<Entered, Refusal>>,
        Result<Entered, Refusal>,
    ),
}

struct Mail {
    told: mpsc::UnboundedReceiver<Order>,
    heard: mpsc::Receiver<Said>,
    happened: mpsc::UnboundedReceiver<News>,
}

struct RoomTask {
    house: Arc<House>,
    handle: RoomHandle,
    partition: Partition,
    room: Room,
    speech: Speech,
    voices: Voices,
    observers: Observers,
    /// What was said by legs that have not arrived, the oldest first.
    early: VecDeque<Said>,
    /// SUBSCRIBEs of people who are invited, and until when each waits, the oldest first.
    ahead: VecDeque<(Instant, Subscribe)>,
    host: mpsc::UnboundedSender<HostNews>,
    seats: BTreeMap<LegId, Place>,
    /// By when each leg has to have its MSRP connection, the oldest first.
    unbound: VecDeque<(Instant, LegId)>,
    invitations: BTreeMap<PersonId, Invitation>,
    /// Until when a session of two waits for one whose leg was lost.
    waits_until: Option<Instant>,
    /// What the first who joined takes (IM-7.2.1.2-OK-S2a).
    first_accepts: Option<Types>,
    rng: Rng,
    ledger: Ledger,
    // What the batch under way has led to.
    actions: Vec<Action>,
    answers: Vec<Reply>,
    /// What the handsets of this room know of it.
    told: Told,
    /// Who has brought in whom, until the call.
    referred: BTreeMap<PersonId, Referred>,
    /// Those who want to know what comes of a REFER.
    reporters: Vec<Reporter>,
    /// The document of a stored group, as it was last seen.
    document: Option<Arc<Stored>>,
    opening_writes: Vec<Write>,
}

impl RoomTask {
    async fn run(mut self, mut mail: Mail) {
        // They grow as far as the room is lively: most rooms are small, and there are many.
        let mut orders = Vec::new();
        let mut said = Vec::new();
        self.settle().await;
        while !self.room.is_closed() {
            let clock = self.house.world.clock;
            let alarm = self.next_alarm();
            let asleep = async move {
                match alarm {
                    Some(when) => clock.sleep_until(when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = mail.told.recv_many(&mut orders, BATCH) => {
                    for order in orders.drain(..) {
                        if let Order::Event(Event::Left { .. }) = order {
                            self.hear_out(&mut mail.heard);
                        }
                        self.order(order);
                    }
                }
                Some(news) = mail.happened.recv() => {
                    if let News::Gone { .. } = news {
                        self.hear_out(&mut mail.heard);
                    }
                    self.news(news);
                }
                _ = mail.heard.recv_many(&mut said, BATCH) => {
                    let now = clock.now();
                    for one in said.drain(..) {
                        self.hear(one, now);
                    }
                }
                () = asleep => self.wake(),
            }
            self.settle().await;
        }
        self.end().await;
    }

    /// Hears what waits before somebody leaves: they may have spoken and left in one breath. It is
    /// no more than waits now, however fast others speak.
    fn hear_out(&mut self, heard: &mut mpsc::Receiver<Said>) {
        let now = self.house.world.clock.now();
        for _ in 0..heard.len() {
            let Ok(said) = heard.try_recv() else {
                return;
            };
            self.hear(said, now);
        }
    }

    fn next_alarm(&mut self) -> Option<Instant> {
        let alarms = [
            self.room.poll_timeout(),
            self.observers.poll_timeout(),
            self.speech.poll_timeout(),
            self.ledger.poll_timeout(),
            self.ahead.front().map(|(until, _)| *until),
            self.unbound.front().map(|(until, _)| *until),
            self.waits_until,
        ];
        alarms.into_iter().flatten().min()
    }

    fn wake(&mut self) {
        let now = self.house.world.clock.now();
        if self.room.poll_timeout().is_some_and(|when| when <= now) {
            let _ = self.happen(Event::Timeout);
        }
        for leg in self.speech.handle_timeout(now, &self.voices, &mut self.rng) {
            self.lose(leg, SLOW);
        }
        while let Some((_, subscribe)) = self.ahead.pop_front_if(|(until, _)| *until <= now) {
            self.decide(subscribe);
        }
        if self.waits_until.is_some_and(|until| until <= now) {
            self.wait_no_more();
        }
        while let Some((_, leg)) = self.unbound.pop_front_if(|(until, _)| *until <= now) {
            if let Some(Place::Device(arrival)) = self.seats.get(&leg) {
                arrival.session.fail("no MSRP connection came");
            }
        }
    }

    // ---- What the room is told ----

    fn order(&mut self, order: Order) {
        match order {
            Order::Arrived { leg, event, answer } => self.arrived(leg, event, answer),
            Order::Described {
                leg,
                accepts,
                wrapped,
                whispers,
            } => self.described(leg, accepts, wrapped, whispers),
            Order::Event(event) => {
                if let Event::Left { leg } = event {
                    self.unseat(leg);
                }
                let _ = self.happen(event);
            }
            Order::RingHandsets { who, answer } => {
                let _ = answer.send(self.invite_handsets(who));
            }
            Order::Failed { who, cause } => self.no_device_comes(who, cause),
            Order::MayEnter {
                address,
                hidden,
                claim,
                answer,
            } => {
                // Nobody waits any more for an answer that is not wanted.
                let _ = answer.send(self.room.may_enter(&address, hidden, claim));
            }
            Order::Peers {
                leg,
                of,
                who,
                answer,
            } => {
                let _ = answer.send(self.peers(leg, &of, &who));
            }
            Order::Replaced { leg } => self.replaced(leg),
            Order::Abandoned => self.close_if_vacant(),
            Order::Policy => self.policy_changed(),
            Order::Document(stored) => self.document_changed(stored),
            Order::Refer(refer) => self.refer(*refer),
            Order::Subscribe(subscribe) => self.subscribe(subscribe),
            Order::Refreshed { watch, piece } => {
                self.observers
                    .refreshed(watch, piece, self.house.world.clock.now());
            }
            Order::Notified { watch, alive } => self.observers.notified(watch, alive),
            Order::Handset(order) => self.handset(order),
            Order::Declined { who, session, code } => self.handset_declined(who, &session, code),
            Order::Answered {
                address,
                session,
                accepts,
            } => self.handset_answered(&address, &session, accepts),
        }
    }

    /// It was made alive for somebody who does not come.
    fn close_if_vacant(&mut self) {
        let is_absent = |seat: Seat<'_>| {
            matches!(
                seat.standing,
                Standing::Left | Standing::Refused | Standing::Removed
            )
        };
        if self.room.people().all(is_absent) {
            let _ = self.happen(Event::Close { why: Why::Empty });
        }
    }

    /// The operator changed the rules: what of them is a room's counts from now on.
    fn policy_changed(&mut self) {
        let policy = self.house.policy();
        let rules = match (&self.handle.kind, &self.document) {
            (Kind::Conference, _) => Rules {
                // Of how many it began with.
                fewest: self.room.rules().fewest,
                ..adhoc::rules(&policy)
            },
            (Kind::Extended(_), _) => extend::rules(&policy),
            (Kind::Group, Some(document)) => document.rules(&policy),
            (Kind::Group, None) => return,
        };
        let _ = self.happen(Event::RulesChanged(rules));
    }

    /// The group's document is different: so is what holds, and who may be here.
    fn document_changed(&mut self, stored: Arc<Stored>) {
        let rules = stored.rules(&self.house.policy());
        let _ = self.happen(Event::RulesChanged(rules));
        let allows = self.room.rules().allow_whisper;
        self.handle.whispering.store(allows, Ordering::Relaxed);
        let claim = |seat: Seat<'_>| {
            let claim = stored.claim(&self.house, seat.address, seat.hidden.is_some());
            (seat.id, claim)
        };
        let claims: Vec<_> = self.room.people().map(claim).collect();
        for (who, claim) in claims {
            let _ = self.happen(Event::Known { who, claim });
            let seat = self.room.seat(who);
            let hushed = seat.filter(|seat| !self.room.may_observe(seat.address));
            if let Some(address) = hushed.map(|seat| seat.address.clone()) {
                self.observers.expel(&address);
            }
        }
        self.document = Some(stored);
    }

    fn happen(&mut self, event: Event) -> Result<(), Refusal> {
        let (now, now_ms) = (self.house.world.clock.now(), self.house.unix_ms());
        let before = self.actions.len();
        // Who comes back is told by the 200 that they are in, and who is removed that they are not.
        let is_told = matches!(event, Event::Entered { .. } | Event::Removed { .. });
        // What somebody is called is not stored.
        let is_stored = !matches!(event, Event::Renamed { .. });
        let is_reported = !self.reporters.is_empty();
        let copy = is_reported.then(|| event.clone());
        let result = self.room.handle(event, now, &mut self.actions);
        if let Some(event) = copy {
            self.report(Some(&event));
        }
        let news: Vec<_> = self.actions.iter().skip(before).copied().collect();
        for action in news {
            match action {
                Action::Changed { who } | Action::Invite { who } if is_stored => {
                    self.ledger.note(who, now_ms, now);
                }
                Action::PassOver { who, cause } => self.told.pass_over(who, cause),
                _ => {}
            }
        }
        if is_told {
            self.ledger.hurry(now);
        }
        result
    }

    // ---- What follows ----

    /// Stores what has changed, then answers and acts.
    async fn settle(&mut self) {
        loop {
            self.store().await;
            for reply in std::mem::take(&mut self.answers) {
                reply.give();
            }
            // To act may bring about more that is to be stored before it is told.
            let actions = std::mem::take(&mut self.actions);
            if actions.is_empty() {
                break;
            }
            for action in actions {
                self.act(action);
            }
        }
        let now = self.house.world.clock.now();
        if self
            .observers
            .poll_timeout()
            .is_some_and(|when| when <= now)
        {
            let interval = self.house.policy().notify_min_interval;
            self.observers.send_due(&self.room, interval, now);
        }
    }

    async fn store(&mut self) {
        let (now, now_ms) = (self.house.world.clock.now(), self.house.unix_ms());
        let identity = &self.handle.identity;
        let mut writes = std::mem::take(&mut self.opening_writes);
        writes.extend(self.ledger.take_due(&self.room, identity, now_ms, now));
        if !writes.is_empty()
            && let Err(error) = self.house.keeper.commit(writes, self.partition).await
        {
            // People are in and talking; what is lost is that they may come back after a crash.
            tracing::error!(room = %self.handle.identity, %error, "membership was not stored");
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Invite { who } => self.invite(who),
            Action::Cancel { who } => {
                self.invitation_over(who, None);
                self.forget_early();
            }
            Action::RingHost => self.tell_host(HostNews::Ring),
            // A handset was answered when this came about.
            Action::AnswerHost if self.is_of_handset() => {}
            Action::AnswerHost => {
                let accepts = self.first_accepts.clone();
                self.tell_host(HostNews::Answer { accepts });
            }
            // Noted when it came about, and told with the answer to the host. Nobody is called.
            Action::PassOver { .. } => drop(self.handle.opening.hold()),
            Action::RefuseHost { cause } if self.is_of_handset() => self.refuse_handset(cause),
            Action::RefuseHost { cause } => self.tell_host(HostNews::Refuse { cause }),
            Action::Release { leg, why } => self.release(leg, why),
            Action::Changed { who } => self.show(who),
            Action::Concealed { who } => {
                if let Some(seat) = self.room.seat(who) {
                    self.observers.concealed(&seat);
                }
            }
            Action::Closed { why } => {
                tracing::info!(room = %self.handle.identity, ?why, "the room is closed");
            }
        }
    }

    fn tell_host(&self, news: HostNews) {
        let _ = self.host.send(news);
    }

    fn invite(&mut self, who: PersonId) {
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        let (cancel, cancelled) = oneshot::channel();
        let invitation = Invitation {
            _cancel: cancel,
            on_devices: true,
            handsets: None,
            lowest: None,
        };
        self.invitations.insert(who, invitation);
        let referred = self.referred.remove(&who);
        let guest = invite::Invited {
            who,
            address: seat.address.clone(),
            referred,
        };
        let (house, room) = (Arc::clone(&self.house), self.handle.clone());
        self.house
            .world
            .tasks
            .spawn("invitation", invite::invite(house, room, guest, cancelled));
    }

    fn show(&mut self, who: PersonId) {
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        // IM-7.2.2.2-OK-S5, IM-7.2.1.5-S10: who watches is told of whoever joins, as of every
        // other change.
        self.observers.changed(&seat);
        let address = seat.address.clone();
        if matches!(
            seat.standing,
            Standing::Left | Standing::Refused | Standing::Removed
        ) {
            self.observers.expel(&address);
        }
        self.tell_handsets(who);
        self.give_voice(who);
    }

    /// Ends a leg, whose owner is told why.
    fn release(&mut self, leg: LegId, why: Why) {
        match self.unseat(leg) {
            Some(Place::Device(arrival)) => Self::hang_up(&arrival, reason(why)),
            Some(Place::Handset(handset)) => self.dismiss(&handset, why),
            None => {}
        }
    }

    /// Forgets a leg's place and lets go of its media.
    fn unseat(&mut self, leg: LegId) -> Option<Place> {
        self.voices.remove(leg);
        self.speech.left(leg);
        let place = self.seats.remove(&leg)?;
        match &place {
            Place::Device(arrival) => self.house.switch.retire(&arrival.session),
            Place::Handset(handset) => handset.session.rise(&self.handle.identity, leg),
        }
        Some(place)
    }

    async fn end(mut self) {
        self.observers.end();
        self.report_end();
        self.invitations.clear();
        self.handle.opening.spend_no_more();
        for leg in self.seats.keys().copied().collect::<Vec<_>>() {
            self.release(leg, Why::Ended);
        }
        let at_ms = self.house.unix_ms();
        let identity = self.handle.identity.to_string();
        let mut writes = self.ledger.take(&self.room, &identity, at_ms);
        writes.push(Write::CloseRoom { identity, at_ms });
        if let Err(error) = self.house.keeper.commit(writes, self.partition).await {
            tracing::error!(room = %self.handle.identity, %error, "the end was not stored");
        }
        if let Kind::Group = self.handle.kind {
            crate::imps::group::emptied(&self.house, &self.handle.identity).await;
        }
        // Last of all: whoever finds the room no more may open it anew.
        self.house.rooms.remove(&self.handle.identity);
    }
}

impl Reply {
    fn give(self) {
        // Nobody waits any more for an answer that is not wanted.
        match self {
            Self::Device(to, answer) => drop(to.send(answer)),
            Self::Handset(to, answer) => drop(to.send(answer)),
        }
    }
}
