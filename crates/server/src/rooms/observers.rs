//! Who is told who is in the room, when, and what (7.2.2.10, RFC 4575, RFC 6665).
//!
//! ```text
//!   owed the full state ──full: the first piece──▶ catching up ──answered──▶ partial: the next
//!       ▲                                              ▲
//!       └──refresh              interval over, news────└── up to date ◀──the last was sent
//! ```
//!
//! A subscriber remembers the number of the change up to which it was told ([`Journal`]); what it
//! is told next stands behind that. So a storm of joins costs one number each, and a document a
//! subscriber and interval, in as many pieces as the way to the subscriber needs. A NOTIFY goes
//! when the one before was answered: who is slow is told less often, and nothing piles up.

mod journal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use room::{Address, Room, Seat, Visible};
use xdm::conference_info::{Conference, UserXml};

use crate::core::{Alarms, Command, ShardHandle};
use crate::notify::WatcherCommand;

use journal::{Journal, Knows};
pub(crate) use journal::{anonymous, anonymous_name};

/// The subscribers of one room.
pub(crate) struct Observers {
    conference: Conference,
    journal: Journal,
    all: BTreeMap<u64, Observer>,
    /// The subscriptions of each person, the oldest first.
    of: BTreeMap<Address, Vec<u64>>,
    /// When those who have something to hear may hear it.
    due: Alarms<u64>,
    /// Those who have heard all there is.
    content: BTreeSet<u64>,
}

struct Observer {
    shard: ShardHandle,
    address: Address,
    /// The most octets of one document.
    piece: usize,
    /// The version of the next document.
    version: u32,
    /// The change up to which it was told; `None` until it has the full state, or its beginning.
    told: Option<u64>,
    /// The change up to which it was told everything when there was last nothing more to tell.
    base: u64,
    /// The telling under way goes so far, in as many pieces as it takes.
    until: u64,
    /// The full state began here, and left out who had gone before.
    full_at: u64,
    /// Addresses it has seen that have gone since.
    gone: Vec<UserXml>,
    /// When the telling under way began.
    begun: Instant,
    /// When the next one may begin.
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
            journal: Journal::default(),
            all: BTreeMap::new(),
            of: BTreeMap::new(),
            due: Alarms::default(),
            content: BTreeSet::new(),
        }
    }

    /// May one more subscribe?
    pub(crate) fn has_place(&self) -> bool {
        self.all.len() < OBSERVERS
    }

    /// Adds a subscriber, who is owed the full state at once (RFC 6665 section 4.2.1.2), in
    /// documents of at most `piece` octets.
    pub(crate) fn add(
        &mut self,
        watch: u64,
        address: Address,
        piece: usize,
        shard: ShardHandle,
        now: Instant,
    ) {
        let others = self.of.get(&address).map_or(&[][..], Vec::as_slice);
        let too_many = (others.len() + 1).saturating_sub(OBSERVERS_EACH);
        for old in others.iter().take(too_many).copied().collect::<Vec<_>>() {
            self.reject(old);
        }
        self.of.entry(address.clone()).or_default().push(watch);
        let observer = Observer {
            shard,
            address,
            piece,
            version: 0,
            told: None,
            base: 0,
            until: 0,
            full_at: 0,
            gone: Vec::new(),
            begun: now,
            not_before: now,
            in_flight: false,
        };
        self.all.insert(watch, observer);
        self.schedule(watch);
    }

    /// A refresh is answered with the full state, whatever the interval.
    pub(crate) fn refreshed(&mut self, watch: u64, piece: usize, now: Instant) {
        if let Some(observer) = self.all.get_mut(&watch) {
            observer.piece = piece;
            observer.told = None;
            observer.not_before = now;
            self.schedule(watch);
        }
    }

    /// A NOTIFY was answered.
    pub(crate) fn notified(&mut self, watch: u64, alive: bool) {
        if !alive {
            self.remove(watch);
        } else if let Some(observer) = self.all.get_mut(&watch) {
            observer.in_flight = false;
            self.schedule(watch);
        }
    }

    /// Notes how a person is seen now.
    pub(crate) fn changed(&mut self, seat: &Seat<'_>) {
        self.journal.changed(seat);
        self.stir();
    }

    /// A person who was shown by address is hidden from now on: that address has gone.
    pub(crate) fn concealed(&mut self, seat: &Seat<'_>) {
        let Some(concealed) = self.journal.concealed(seat) else {
            return;
        };
        // IM-7.2.2.2-OK-S3c: who has seen the address is told that it has gone. Who was told
        // nothing of it must not learn it by that.
        for observer in self.all.values_mut() {
            let Some(told) = observer.told else {
                continue;
            };
            match concealed.is_known(observer.base, told) {
                Knows::Yes => observer.gone.push(concealed.xml.clone()),
                Knows::No => {}
                Knows::Unclear => observer.told = None,
            }
        }
        self.stir();
    }

    /// When the next NOTIFY is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.next()
    }

    /// Sends what is due.
    pub(crate) fn send_due(&mut self, room: &Room, interval: Duration, now: Instant) {
        while let Some(watch) = self.due.pop_due(now) {
            let Some(observer) = self.all.get_mut(&watch) else {
                continue;
            };
            if !observer.is_amid() {
                observer.begin(self.journal.changes(), interval, now);
            }
            let own = room.find(&observer.address).map(room::PersonId::index);
            let body = observer.next_piece(&self.conference, &self.journal, own);
            observer.in_flight = true;
            observer
                .shard
                .tell(Command::Watcher(WatcherCommand::Notify { watch, body }));
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
        for watch in self.of.get(address).cloned().unwrap_or_default() {
            self.reject(watch);
        }
    }

    /// Ends one subscription: it need not come again.
    fn reject(&mut self, watch: u64) {
        if let Some(observer) = self.remove(watch) {
            let (reason, body) = ("rejected", None);
            observer.shard.tell(Command::Watcher(WatcherCommand::End {
                watch,
                reason,
                body,
            }));
        }
    }

    fn remove(&mut self, watch: u64) -> Option<Observer> {
        let observer = self.all.remove(&watch)?;
        self.due.set(watch, None);
        self.content.remove(&watch);
        if let Some(theirs) = self.of.get_mut(&observer.address) {
            theirs.retain(|other| *other != watch);
            if theirs.is_empty() {
                self.of.remove(&observer.address);
            }
        }
        Some(observer)
    }

    // ---- Whose turn it is ----

    /// There is news for those who had heard everything. Each of them is looked at once for each
    /// time that it has, however many changes there are.
    fn stir(&mut self) {
        for watch in std::mem::take(&mut self.content) {
            self.schedule(watch);
        }
    }

    /// One subscriber's next moment may have changed.
    fn schedule(&mut self, watch: u64) {
        let Some(observer) = self.all.get(&watch) else {
            return;
        };
        let has_news = observer.told != Some(self.journal.changes());
        let when = match observer.is_amid() {
            // What has begun goes on at once: it is one telling, whatever the number of pieces.
            true => observer.begun,
            false => observer.not_before,
        };
        let when = (has_news && !observer.in_flight).then_some(when);
        self.due.set(watch, when);
        if !has_news && !observer.in_flight {
            self.content.insert(watch);
        } else {
            self.content.remove(&watch);
        }
    }
}

impl Observer {
    /// Is a telling under way of which there are more pieces?
    fn is_amid(&self) -> bool {
        self.told.is_some_and(|told| told < self.until)
    }

    /// Begins to tell all that there is to tell now.
    fn begin(&mut self, changes: u64, interval: Duration, now: Instant) {
        self.until = changes;
        self.begun = now;
        // IM-7.2.2.10-S0b: further changes wait and are told together.
        self.not_before = now + interval;
        if self.told.is_none() {
            self.base = 0;
            self.full_at = changes;
            self.gone.clear();
        }
    }

    /// The next document: what stands behind what was told, as much of it as goes into one.
    ///
    /// RFC 4575 section 4.6: the first of the full state says so, and those that complete it are
    /// partial; after the last of them the table of the subscriber is whole.
    fn next_piece(
        &mut self,
        conference: &Conference,
        journal: &Journal,
        own: Option<usize>,
    ) -> Vec<u8> {
        let place = self.piece.saturating_sub(conference.overhead());
        let mut piece = Piece::of(place);
        let mut gone = std::mem::take(&mut self.gone);
        let count = gone.iter().take_while(|xml| piece.takes(xml)).count();
        let left = gone.split_off(count);
        let mut is_last = left.is_empty();
        let mut reached = self.told.unwrap_or_default();
        let mut own_at = None;
        let mut users: Vec<&UserXml> = gone.iter().collect();
        for (change, index, shown) in journal.after(reached).take_while(|_| left.is_empty()) {
            // The full state has no place for those who left before.
            let is_past = change <= self.full_at && shown.status == Visible::Disconnected;
            if !is_past && !piece.takes(&shown.xml) {
                is_last = false;
                break;
            }
            reached = change;
            if is_past {
                continue;
            }
            // IM-7.2.2.10-S2a5: yourown stands in the document for its owner alone.
            if own == Some(index) {
                own_at = Some(users.len());
            }
            users.push(&shown.xml);
        }
        // IM-7.2.2.10-S0c: what has changed, and nothing else.
        let document = match self.told {
            Some(_) => conference.partial(self.version, &users, own_at),
            None if is_last => conference.full(self.version, &users, own_at),
            None => {
                let count = journal.present();
                conference.beginning(self.version, &users, own_at, count)
            }
        };
        if is_last {
            reached = journal.changes();
            self.base = reached;
        }
        self.gone = left;
        self.told = Some(reached);
        self.version = self.version.wrapping_add(1);
        document
    }
}

/// How much more goes into a document.
struct Piece {
    place: usize,
    is_empty: bool,
}

impl Piece {
    fn of(place: usize) -> Self {
        Self {
            place,
            is_empty: true,
        }
    }

    /// Is there a place for this one? There is always one for the first.
    fn takes(&mut self, xml: &UserXml) -> bool {
        let left = self.place.checked_sub(xml.as_str().len());
        let takes = left.is_some() || self.is_empty;
        self.is_empty = false;
        self.place = left.unwrap_or_default();
        takes
    }
}
