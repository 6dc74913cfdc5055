//! Who is told who is in the room, when, and what (7.2.2.10, RFC 4575, RFC 6665).
//!
//! Every change of a person gets the next number. A subscriber remembers the number up to which
//! it was told; what it is told next are the people changed since. So a storm of joins costs one
//! number each, and one document a subscriber and interval.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use room::{Address, Room, Seat, Visible};
use xdm::conference_info::{Conference, Status, UserXml};

use crate::core::{Command, ShardHandle};
use crate::notify::WatcherCommand;

/// The subscribers of one room.
pub(crate) struct Observers {
    conference: Conference,
    /// Each person as shown now, by their number in the room; `None` for those not shown.
    people: Vec<Option<Shown>>,
    /// The number of the latest change.
    changes: u64,
    all: BTreeMap<u64, Observer>,
    /// When the next NOTIFY is due; `None` when that has to be worked out anew.
    next: Option<Option<Instant>>,
    /// Since when each person is shown by address, by their number in the room.
    exposed: Vec<Option<Exposed>>,
    /// Addresses that were shown of people who are hidden now.
    concealed: Vec<Concealed>,
}

struct Shown {
    xml: UserXml,
    status: Visible,
    /// The change that made it so.
    change: u64,
}

/// A person is shown by address.
#[derive(Clone, Copy)]
struct Exposed {
    /// The change that showed them.
    since: u64,
    /// The change that showed them gone, if they have gone.
    gone: Option<u64>,
}

/// An address that is not shown any more.
struct Concealed {
    xml: UserXml,
    /// Who was not told of this change has never seen the address, and must not learn it now.
    since: u64,
    /// The change that took it away.
    change: u64,
}

struct Observer {
    shard: ShardHandle,
    address: Address,
    /// The version of the next document.
    version: u32,
    /// The change up to which it was told; `None` until it has the full state.
    told: Option<u64>,
    /// When the next NOTIFY may go.
    not_before: Instant,
    /// A NOTIFY is on its way, unanswered.
    in_flight: bool,
}

/// The most subscriptions to one room: two for each leg that a large room may have.
const OBSERVERS: usize = 10_000;

/// The most subscriptions of one person to a room: one for each device. Of more the oldest end,
/// which are those of clients that have forgotten them.
const OBSERVERS_EACH: usize = room::LEGS_PER_PERSON_MAX as usize;

impl Observers {
    pub(crate) fn new(identity: &str) -> Self {
        Self {
            // IM-7.2.2.10-S1: an ad-hoc conference has no group identity but its session identity.
            conference: Conference::new(identity),
            people: Vec::new(),
            changes: 0,
            all: BTreeMap::new(),
            next: None,
            exposed: Vec::new(),
            concealed: Vec::new(),
        }
    }

    /// May one more subscribe?
    pub(crate) fn has_place(&self) -> bool {
        self.all.len() < OBSERVERS
    }

    /// Adds a subscriber, who is owed the full state at once (RFC 6665 section 4.2.1.2).
    pub(crate) fn add(&mut self, watch: u64, address: Address, shard: ShardHandle, now: Instant) {
        let same = |(_, observer): &(&u64, &Observer)| observer.address == address;
        let others: Vec<u64> = self.all.iter().filter(same).map(|(id, _)| *id).collect();
        // They are given out in rising order: the first is the oldest.
        let too_many = (others.len() + 1).saturating_sub(OBSERVERS_EACH);
        for old in others.into_iter().take(too_many) {
            self.reject(old);
        }
        let observer = Observer {
            shard,
            address,
            version: 0,
            told: None,
            not_before: now,
            in_flight: false,
        };
        self.all.insert(watch, observer);
        self.next = None;
    }

    /// A refresh is answered with the full state, whatever the interval.
    pub(crate) fn refreshed(&mut self, watch: u64, now: Instant) {
        if let Some(observer) = self.all.get_mut(&watch) {
            observer.told = None;
            observer.not_before = now;
            self.next = None;
        }
    }

    /// A NOTIFY was answered.
    pub(crate) fn notified(&mut self, watch: u64, alive: bool) {
        self.next = None;
        if alive {
            if let Some(observer) = self.all.get_mut(&watch) {
                observer.in_flight = false;
            }
        } else {
            self.all.remove(&watch);
        }
    }

    /// Notes how a person is seen now.
    pub(crate) fn changed(&mut self, seat: &Seat<'_>) {
        self.next = None;
        self.changes = self.changes.saturating_add(1);
        let index = seat.id.index();
        if self.people.len() <= index {
            self.people.resize_with(index.saturating_add(1), || None);
            self.exposed.resize(index.saturating_add(1), None);
        }
        if let (Some(exposed), None, Some(visible)) =
            (self.exposed.get_mut(index), seat.hidden, seat.visible)
        {
            // Shown anew after they had gone, they are news to whoever was told nothing between.
            let earlier = exposed.filter(|earlier| earlier.gone.is_none());
            *exposed = Some(Exposed {
                since: earlier.map_or(self.changes, |earlier| earlier.since),
                gone: (visible == Visible::Disconnected).then_some(self.changes),
            });
        }
        let Some(place) = self.people.get_mut(index) else {
            return;
        };
        *place = seat.visible.map(|visible| Shown {
            xml: user_xml(seat, visible),
            status: visible,
            change: self.changes,
        });
    }

    /// A person who was shown by address is hidden from now on: that address has gone.
    pub(crate) fn concealed(&mut self, seat: &Seat<'_>) {
        let exposed = self.exposed.get_mut(seat.id.index());
        // Hidden before anybody was told: then there is nothing to take back.
        let Some(Exposed { since, gone }) = exposed.and_then(Option::take) else {
            return;
        };
        self.next = None;
        self.changes = self.changes.saturating_add(1);
        self.concealed.push(Concealed {
            xml: UserXml::new(seat.address.as_str(), None, Status::Disconnected),
            since,
            change: gone.unwrap_or(self.changes),
        });
    }

    /// When the next NOTIFY is due.
    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        let changes = self.changes;
        let all = &self.all;
        *self.next.get_or_insert_with(|| {
            all.values()
                .filter(|observer| !observer.in_flight && observer.told != Some(changes))
                .map(|observer| observer.not_before)
                .min()
        })
    }

    /// Sends what is due.
    pub(crate) fn send_due(&mut self, room: &Room, interval: Duration, now: Instant) {
        let changes = self.changes;
        self.next = None;
        for (watch, observer) in &mut self.all {
            let due =
                !observer.in_flight && observer.told != Some(changes) && observer.not_before <= now;
            if !due {
                continue;
            }
            let own = room.find(&observer.address).map(room::PersonId::index);
            let body = document(
                &self.conference,
                (&self.people, &self.concealed),
                observer,
                own,
            );
            observer.version = observer.version.wrapping_add(1);
            observer.told = Some(changes);
            observer.in_flight = true;
            // IM-7.2.2.10-S0b: further changes wait and are told together.
            observer.not_before = now + interval;
            observer
                .shard
                .tell(Command::Watcher(WatcherCommand::Notify {
                    watch: *watch,
                    body,
                }));
        }
    }

    /// Ends every subscription: the conference is over (RFC 4575 section 3.3).
    pub(crate) fn end(&mut self) {
        for (watch, observer) in std::mem::take(&mut self.all) {
            let body = Some(self.conference.deleted(observer.version));
            let reason = "noresource";
            observer.shard.tell(Command::Watcher(WatcherCommand::End {
                watch,
                reason,
                body,
            }));
        }
    }

    /// Ends the subscriptions of one person, who may not observe the room any more.
    pub(crate) fn expel(&mut self, address: &Address) {
        let theirs = self.all.iter().filter(|(_, o)| o.address == *address);
        for watch in theirs.map(|(watch, _)| *watch).collect::<Vec<_>>() {
            self.reject(watch);
        }
    }

    /// Ends one subscription: it need not come again.
    fn reject(&mut self, watch: u64) {
        self.next = None;
        if let Some(observer) = self.all.remove(&watch) {
            let (reason, body) = ("rejected", None);
            observer.shard.tell(Command::Watcher(WatcherCommand::End {
                watch,
                reason,
                body,
            }));
        }
    }
}

/// What one subscriber is told now.
fn document(
    conference: &Conference,
    (people, concealed): (&[Option<Shown>], &[Concealed]),
    observer: &Observer,
    own: Option<usize>,
) -> Vec<u8> {
    let news = |shown: &Shown| match observer.told {
        // IM-7.2.2.10-S0c: what has changed, and nothing else.
        Some(told) => shown.change > told,
        // The full state has no place for those who left before.
        None => shown.status != Visible::Disconnected,
    };
    let mut users = Vec::with_capacity(people.len());
    let mut own_at = None;
    for (index, shown) in people.iter().enumerate() {
        let Some(shown) = shown.as_ref().filter(|shown| news(shown)) else {
            continue;
        };
        // IM-7.2.2.10-S2a5: yourown stands in the document for its owner alone.
        if own == Some(index) {
            own_at = Some(users.len());
        }
        users.push(&shown.xml);
    }
    if let Some(told) = observer.told {
        let seen = |gone: &&Concealed| gone.since <= told && told < gone.change;
        users.extend(concealed.iter().filter(seen).map(|gone| &gone.xml));
    }
    match observer.told {
        Some(_) => conference.partial(observer.version, &users, own_at),
        None => conference.full(observer.version, &users, own_at),
    }
}

fn user_xml(seat: &Seat<'_>, visible: Visible) -> UserXml {
    let status = match visible {
        Visible::Alerting => Status::Alerting,   // IM-7.2.2.10-S2c2D
        Visible::Connected => Status::Connected, // IM-7.2.2.10-S2c2A
        Visible::Disconnected => Status::Disconnected, // IM-7.2.2.10-S2c2B
    };
    match seat.hidden {
        // IM-7.2.2.10-S2a4: an anonymous identity of its own for each, and no name.
        Some(alias) => UserXml::new(&anonymous(alias), None, status),
        // IM-7.2.2.10-S2a1, IM-7.2.2.10-S2a3: the originator's authenticated address; the
        // address in the list of one who was invited. IM-7.2.2.10-S2b1: with its name.
        None => UserXml::new(seat.address.as_str(), seat.display, status),
    }
}

/// The URI by which the others know a hidden person.
pub(crate) fn anonymous(alias: u32) -> String {
    format!("sip:anonymous{alias}@anonymous.invalid")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use room::{Action, Answer, Cause, Event, Guest, Host, LegId, Rules};
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;

    /// A room of alice with bob and carol, and those who look at it.
    struct Stage {
        room: Room,
        observers: Observers,
        actions: Vec<Action>,
        shard: ShardHandle,
        told: UnboundedReceiver<Command>,
        now: Instant,
    }

    fn stage() -> Stage {
        let guest = |name: &str| Guest {
            address: Address::new(&format!("sip:{name}@h")),
            display: None,
            hidden: false,
        };
        let host = Host {
            address: Address::new("sip:alice@h"),
            display: Some(Arc::from("Alice")),
            hidden: false,
        };
        let rules = Rules {
            max_guests: 10,
            allow_hidden: true,
            allow_refer: true,
            answer: Answer::AtOnce,
            ring: Duration::from_secs(100),
            fewest: 0,
            unanswered: Cause(408),
            hidden_refused: Cause(403),
            ended: Cause(480),
        };
        let now = world::Clock::Os.now();
        let mut actions = Vec::new();
        let guests = vec![guest("bob"), guest("carol")];
        let room = Room::open(host, guests, rules, now, &mut actions).unwrap();
        let (shard, _, told) = ShardHandle::new();
        let mut stage = Stage {
            room,
            observers: Observers::new("sip:room@h"),
            actions,
            shard,
            told,
            now,
        };
        stage.happen(Event::HostArrived { leg: LegId(1) });
        stage
    }

    impl Stage {
        fn happen(&mut self, event: Event) {
            self.room
                .handle(event, self.now, &mut self.actions)
                .unwrap();
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Changed { who } => {
                        self.observers.changed(&self.room.seat(who).unwrap())
                    }
                    Action::Concealed { who } => {
                        self.observers.concealed(&self.room.seat(who).unwrap());
                    }
                    _ => {}
                }
            }
        }

        fn who(&self, name: &str) -> room::PersonId {
            self.room
                .find(&Address::new(&format!("sip:{name}@h")))
                .unwrap()
        }

        fn rings(&mut self, name: &str) {
            let who = self.who(name);
            self.happen(Event::Ringing { who });
        }

        fn joins(&mut self, name: &str, leg: u64, hidden: bool) {
            let (who, leg) = (self.who(name), LegId(leg));
            self.happen(Event::Joined { who, leg, hidden });
        }

        fn watch(&mut self, watch: u64, name: &str) {
            let address = Address::new(&format!("sip:{name}@h"));
            self.observers
                .add(watch, address, self.shard.clone(), self.now);
        }

        /// What a subscription is told now, if anything; it is answered at once.
        fn told(&mut self, watch: u64) -> String {
            self.observers
                .send_due(&self.room, Duration::ZERO, self.now);
            let mut text = String::new();
            while let Ok(command) = self.told.try_recv() {
                if let Command::Watcher(WatcherCommand::Notify { watch: of, body }) = command {
                    self.observers.notified(of, true);
                    if of == watch {
                        text = String::from_utf8(body).unwrap();
                    }
                }
            }
            text
        }
    }

    /// IM-7.2.2.2-OK-S3c: who saw the address is told that it has gone; who did not does not
    /// learn it by that.
    #[tokio::test]
    async fn im_7_2_2_2_ok_s3c_an_address_is_taken_back_only_from_who_has_seen_it() {
        let mut stage = stage();
        stage.watch(1, "alice");
        stage.told(1);
        stage.rings("bob");
        assert!(stage.told(1).contains("sip:bob@h"), "alice sees him ring");
        // Nobody is told that carol rings before she hides.
        stage.rings("carol");
        stage.joins("carol", 3, true);
        let told = stage.told(1);
        assert!(!told.contains("carol"), "{told}");
        assert!(told.contains("sip:anonymous1@anonymous.invalid"), "{told}");
        stage.joins("bob", 2, true);
        stage.watch(2, "carol");
        let (all, news) = (stage.observers.all.len(), stage.told(1));
        assert_eq!(all, 2);
        assert!(
            news.contains("sip:bob@h") && news.contains("disconnected"),
            "{news}"
        );
    }

    /// Who came when somebody had left openly does not learn who that was when they come back
    /// hidden.
    #[tokio::test]
    async fn who_came_later_does_not_learn_who_had_been_there() {
        let mut stage = stage();
        stage.joins("carol", 3, false);
        stage.joins("bob", 2, false);
        stage.watch(1, "alice");
        assert!(stage.told(1).contains("sip:bob@h"));
        stage.happen(Event::Left { leg: LegId(2) });
        assert!(stage.told(1).contains("sip:bob@h"));
        stage.watch(2, "carol");
        assert!(!stage.told(2).contains("sip:bob@h"));
        stage.happen(Event::Entered {
            address: Address::new("sip:bob@h"),
            leg: LegId(4),
            hidden: true,
        });
        let told = stage.told(2);
        assert!(told.contains("anonymous1@anonymous.invalid"), "{told}");
        assert!(!told.contains("sip:bob@h"), "{told}");
    }

    #[tokio::test]
    async fn one_person_has_a_few_subscriptions() {
        let mut stage = stage();
        let most = u64::try_from(OBSERVERS_EACH).unwrap();
        for watch in 0..most + 3 {
            stage.watch(watch, "alice");
        }
        stage.watch(100, "carol");
        let kept: Vec<u64> = stage.observers.all.keys().copied().collect();
        let want: Vec<u64> = (3..most + 3).chain([100]).collect();
        assert_eq!(kept, want);
        let ended = std::iter::from_fn(|| stage.told.try_recv().ok()).count();
        assert_eq!(ended, 3);
    }
}
