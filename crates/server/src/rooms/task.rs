//! The task of one live room: it owns the conversation, what is said in it, and who is told.
//!
//! It waits for its mailboxes, its timers and its commits, never for a socket. What it is told is
//! handled in batches: all events first, then at most one commit, then what must happen, so that
//! nothing is answered before what the answer tells is stored.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use room::{Action, Event, LegId, PersonId, Refusal, Room, Seat, Standing, Why};
use store::{Partition, Write};
use tokio::sync::{mpsc, oneshot};
use world::Rng;

use crate::core::{Answer, Command};
use crate::focus::invite::{self, Opening};
use crate::focus::legs::LegCommand;
use crate::house::House;
use crate::notify::WatcherCommand;
use crate::rooms::ledger::Ledger;
use crate::rooms::observers::{Observers, anonymous};
use crate::rooms::speech::{Speech, Voice, Voices};
use crate::rooms::{Arrival, HostNews, Order, RoomHandle, Subscribe, Types};
use crate::switch::{News, RoomDoor, Said};

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
}

/// Starts the task of a room that is stored already.
pub(crate) fn open(house: &Arc<House>, opened: Opened) -> RoomHandle {
    let (orders, told) = mpsc::unbounded_channel();
    let (said, heard) = mpsc::channel(SAID);
    let (news, happened) = mpsc::unbounded_channel();
    let handle = RoomHandle {
        identity: Arc::clone(&opened.identity),
        opening: opened.opening,
        orders,
        door: RoomDoor { said, news },
    };
    house.rooms.add(handle.clone());
    let mut rng = house.rng();
    let task = RoomTask {
        observers: Observers::new(&opened.identity),
        speech: Speech::new(&opened.identity, &mut rng),
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
        first_accepts: None,
        actions: opened.actions,
        ledger: Ledger::default(),
        answers: Vec::new(),
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
    seats: BTreeMap<LegId, Arrival>,
    /// By when each leg has to have its MSRP connection, the oldest first.
    unbound: VecDeque<(Instant, LegId)>,
    /// Dropping one cancels the invitation.
    invitations: BTreeMap<PersonId, oneshot::Sender<()>>,
    /// What the first who joined takes (IM-7.2.1.2-OK-S2a).
    first_accepts: Option<Types>,
    rng: Rng,
    ledger: Ledger,
    // What the batch under way has led to.
    actions: Vec<Action>,
    answers: Vec<(oneshot::Sender<Entry>, Entry)>,
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
                        self.order(order);
                    }
                }
                Some(news) = mail.happened.recv() => self.news(news),
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

    fn next_alarm(&mut self) -> Option<Instant> {
        let alarms = [
            self.room.poll_timeout(),
            self.observers.poll_timeout(),
            self.speech.poll_timeout(),
            self.ledger.poll_timeout(),
            self.ahead.front().map(|(until, _)| *until),
            self.unbound.front().map(|(until, _)| *until),
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
        while let Some((_, leg)) = self.unbound.pop_front_if(|(until, _)| *until <= now) {
            if let Some(seat) = self.seats.get(&leg) {
                seat.session.fail("no MSRP connection came");
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
            } => self.described(leg, accepts, wrapped),
            Order::Event(event) => {
                if let Event::Left { leg } = event {
                    self.unseat(leg);
                }
                let _ = self.happen(event);
            }
            Order::Failed { who, cause } => {
                self.invitations.remove(&who);
                self.forget_early();
                let _ = self.happen(Event::Refused { who, cause });
            }
            Order::Subscribe(subscribe) => self.subscribe(subscribe),
            Order::Refreshed { watch, piece } => {
                self.observers
                    .refreshed(watch, piece, self.house.world.clock.now());
            }
            Order::Notified { watch, alive } => self.observers.notified(watch, alive),
        }
    }

    fn news(&mut self, news: News) {
        match news {
            News::Up { leg } => tracing::debug!(room = %self.handle.identity, ?leg, "media are up"),
            News::Gone { leg, why } => self.lose(leg, why),
        }
    }

    /// A leg whose media are lost is lost: it hears nothing any more.
    fn lose(&mut self, leg: LegId, why: &'static str) {
        if let Some(seat) = self.unseat(leg) {
            tracing::info!(room = %self.handle.identity, ?leg, why, "a leg was lost");
            let reason = Some(format!("SIP;cause=503;text=\"{why}\""));
            seat.shard
                .tell(Command::Leg(LegCommand::Release { leg, reason }));
            let _ = self.happen(Event::Left { leg });
        }
    }

    fn arrived(
        &mut self,
        leg: Arrival,
        event: Event,
        answer: oneshot::Sender<Result<(), Refusal>>,
    ) {
        let id = leg.leg;
        if let Event::Joined { who, .. } = event {
            self.invitations.remove(&who);
        }
        let is_over = leg.session.is_over();
        let accepts = leg.accepts.clone();
        self.seats.insert(id, leg);
        let bound_by = self.house.world.clock.now() + self.house.policy().focus.media;
        self.unbound.push_back((bound_by, id));
        let result = self.happen(event);
        if result.is_err() {
            self.unseat(id);
        } else if let Some(who) = self.room.owner(id) {
            if who != PersonId::HOST {
                self.first_accepts.get_or_insert(accepts);
            }
            self.give_voice(who);
            self.catch_up(id);
            self.admit_observers(who);
            if is_over {
                // It left, or lost its media, on its way here: nobody will say so again.
                self.lose(id, "the leg ended before it was in the room");
            }
        }
        self.forget_early();
        self.answers.push((answer, result));
    }

    fn described(&mut self, leg: LegId, accepts: Types, wrapped: Types) {
        if let Some(seat) = self.seats.get_mut(&leg) {
            seat.accepts = accepts;
            seat.wrapped = wrapped;
        }
        if let Some(who) = self.room.owner(leg) {
            self.give_voice(who);
        }
    }

    fn subscribe(&mut self, subscribe: Subscribe) {
        let who = self.room.find(&subscribe.address);
        let seat = who.and_then(|who| self.room.seat(who));
        let is_ahead = seat
            .is_some_and(|seat| matches!(seat.standing, Standing::Invited | Standing::Alerting));
        if is_ahead && self.ahead.len() < AHEAD_MAX {
            let until = self.house.world.clock.now() + AHEAD;
            return self.ahead.push_back((until, subscribe));
        }
        self.decide(subscribe);
    }

    /// Decides on the SUBSCRIBEs of somebody who was expected and is in now.
    fn admit_observers(&mut self, who: PersonId) {
        if self.ahead.is_empty() {
            return;
        }
        let (theirs, others) = std::mem::take(&mut self.ahead)
            .into_iter()
            .partition(|(_, subscribe)| self.room.find(&subscribe.address) == Some(who));
        self.ahead = others;
        let theirs: VecDeque<_> = theirs;
        for (_, subscribe) in theirs {
            self.decide(subscribe);
        }
    }

    fn decide(&mut self, subscribe: Subscribe) {
        let Subscribe {
            id,
            shard,
            watch,
            address,
            piece,
        } = subscribe;
        let answer = if !self.room.may_observe(&address) {
            // The roster is for those in the room.
            Some(Answer::because(403, "Only Participants May Subscribe"))
        } else if !self.observers.has_place() {
            Some(Answer::plain(503))
        } else {
            None
        };
        shard.tell(Command::Watcher(WatcherCommand::Decided {
            id,
            watch,
            answer: answer.clone(),
        }));
        if answer.is_none() {
            let now = self.house.world.clock.now();
            self.observers.add(watch, address, piece, shard, now);
        }
    }

    fn hear(&mut self, said: Said, now: Instant) {
        if self.voices.get(said.leg).is_none() {
            if self.invitations.is_empty() {
                // Nobody is on the way: it is the last word of somebody who has left.
                return;
            }
            // A device that accepts may speak before its 200 has come all the way here.
            if self.early.len() >= EARLY {
                self.early.pop_front();
            }
            return self.early.push_back(said);
        }
        let slow = self
            .speech
            .said(said, &self.room, &self.voices, now, &mut self.rng);
        for leg in slow {
            self.lose(leg, SLOW);
        }
    }

    /// When nobody is on the way any more, nobody is waited for.
    fn forget_early(&mut self) {
        if self.invitations.is_empty() {
            self.early = VecDeque::new();
        }
    }

    /// Hears what a leg said before it had arrived.
    fn catch_up(&mut self, leg: LegId) {
        let now = self.house.world.clock.now();
        let (its, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|said| said.leg == leg);
        self.early = others;
        let its: VecDeque<Said> = its;
        for said in its {
            self.hear(said, now);
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), Refusal> {
        let (now, now_ms) = (self.house.world.clock.now(), self.house.unix_ms());
        let before = self.actions.len();
        // Who comes back is told by the 200 that they are in, and who is removed that they are not.
        let is_told = matches!(event, Event::Entered { .. } | Event::Removed { .. });
        let result = self.room.handle(event, now, &mut self.actions);
        let news: Vec<_> = self.actions.iter().skip(before).copied().collect();
        for action in news {
            if let Action::Changed { who } = action {
                self.ledger.note(who, now_ms, now);
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
        let (now, now_ms) = (self.house.world.clock.now(), self.house.unix_ms());
        let identity = &self.handle.identity;
        let writes = self.ledger.take_due(&self.room, identity, now_ms, now);
        if !writes.is_empty()
            && let Err(error) = self.house.keeper.commit(writes, self.partition).await
        {
            // People are in and talking; what is lost is that they may come back after a crash.
            tracing::error!(room = %self.handle.identity, %error, "membership was not stored");
        }
        for (answer, result) in std::mem::take(&mut self.answers) {
            let _ = answer.send(result);
        }
        for action in std::mem::take(&mut self.actions) {
            self.act(action);
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

    fn act(&mut self, action: Action) {
        match action {
            Action::Invite { who } => self.invite(who),
            Action::Cancel { who } => {
                self.invitations.remove(&who);
                self.forget_early();
            }
            Action::RingHost => self.tell_host(HostNews::Ring),
            Action::AnswerHost => {
                let accepts = self.first_accepts.clone();
                self.tell_host(HostNews::Answer { accepts });
            }
            Action::RefuseHost { cause } => self.tell_host(HostNews::Refuse { cause }),
            Action::Release { leg, why } => {
                if let Some(seat) = self.unseat(leg) {
                    let reason = reason(why);
                    seat.shard
                        .tell(Command::Leg(LegCommand::Release { leg, reason }));
                }
            }
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
        self.invitations.insert(who, cancel);
        let guest = invite::Invited {
            who,
            address: seat.address.clone(),
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
        // IM-7.2.2.2-OK-S5: who watches is told of whoever joins, as of every other change.
        self.observers.changed(&seat);
        let address = seat.address.clone();
        if matches!(
            seat.standing,
            Standing::Left | Standing::Refused | Standing::Removed
        ) {
            self.observers.expel(&address);
        }
        self.give_voice(who);
    }

    /// Brings the voices of a person's legs up to date.
    fn give_voice(&mut self, who: PersonId) {
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        for leg in seat.legs {
            if let Some(arrival) = self.seats.get(leg) {
                self.voices.insert(*leg, voice(&seat, arrival));
            }
        }
    }

    /// Forgets a leg's place and lets go of its media.
    fn unseat(&mut self, leg: LegId) -> Option<Arrival> {
        self.voices.remove(leg);
        self.speech.left(leg);
        let seat = self.seats.remove(&leg)?;
        self.house.switch.close(&seat.session);
        Some(seat)
    }

    async fn end(mut self) {
        self.house.rooms.remove(&self.handle.identity);
        self.observers.end();
        self.invitations.clear();
        for leg in self.seats.keys().copied().collect::<Vec<_>>() {
            if let Some(seat) = self.unseat(leg) {
                let reason = reason(Why::Ended);
                seat.shard
                    .tell(Command::Leg(LegCommand::Release { leg, reason }));
            }
        }
        let at_ms = self.house.unix_ms();
        let identity = self.handle.identity.to_string();
        let mut writes = self.ledger.take(&self.room, &identity, at_ms);
        writes.push(Write::CloseRoom { identity, at_ms });
        if let Err(error) = self.house.keeper.commit(writes, self.partition).await {
            tracing::error!(room = %self.handle.identity, %error, "the end was not stored");
        }
    }
}

fn voice(seat: &Seat<'_>, arrival: &Arrival) -> Voice {
    Voice {
        line: arrival.session.line(),
        address: seat.address.clone(),
        seen_as: seat.hidden.map(anonymous),
        accepts: arrival.accepts.clone(),
        wrapped: arrival.wrapped.clone(),
    }
}

/// The Reason header of a BYE: 410 where the conversation is over for good.
fn reason(why: Why) -> Option<String> {
    let (cause, text) = match why {
        Why::Empty | Why::Ended | Why::TooFew => (410, "Gone"),
        Why::HostWithdrew => (410, "The Inviter Is Gone"),
        Why::NobodyJoined => (480, "Nobody Accepted"),
        Why::Hidden => (403, "119 Anonymity not allowed"),
        Why::InvitationOver => (487, "The Invitation Is Over"),
        Why::Removed => (403, "Removed"),
    };
    Some(format!("SIP;cause={cause};text=\"{text}\""))
}
