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
use crate::rooms::Subscribe;

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
    /// Addresses that were shown of people who are hidden now.
    concealed: Vec<Shown>,
}

struct Shown {
    xml: UserXml,
    status: Visible,
    /// The change that made it so.
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

impl Observers {
    pub(crate) fn new(identity: &str) -> Self {
        Self {
            // IM-7.2.2.10-S1: an ad-hoc conference has no group identity but its session identity.
            conference: Conference::new(identity),
            people: Vec::new(),
            changes: 0,
            all: BTreeMap::new(),
            next: None,
            concealed: Vec::new(),
        }
    }

    /// May one more subscribe?
    pub(crate) fn has_place(&self) -> bool {
        self.all.len() < OBSERVERS
    }

    /// Adds a subscriber, who is owed the full state at once (RFC 6665 section 4.2.1.2).
    pub(crate) fn add(&mut self, subscribe: Subscribe, now: Instant) {
        let observer = Observer {
            shard: subscribe.shard,
            address: subscribe.address,
            version: 0,
            told: None,
            not_before: now,
            in_flight: false,
        };
        self.all.insert(subscribe.watch, observer);
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
        self.next = None;
        self.changes = self.changes.saturating_add(1);
        let status = Visible::Disconnected;
        self.concealed.push(Shown {
            xml: UserXml::new(seat.address.as_str(), None, Status::Disconnected),
            status,
            change: self.changes,
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
        self.all.retain(|watch, observer| {
            let stays = observer.address != *address;
            if !stays {
                let (watch, reason, body) = (*watch, "rejected", None);
                observer.shard.tell(Command::Watcher(WatcherCommand::End {
                    watch,
                    reason,
                    body,
                }));
            }
            stays
        });
        self.next = None;
    }
}

/// What one subscriber is told now.
fn document(
    conference: &Conference,
    (people, concealed): (&[Option<Shown>], &[Shown]),
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
    users.extend(
        concealed
            .iter()
            .filter(|shown| news(shown))
            .map(|shown| &shown.xml),
    );
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
