//! The telephones of many users, played at once: SIP without sockets and clocks.
//!
//! ```text
//!   register, call ──▶ ours ──▶ out ──▶ sockets
//!                       ▲ ▼
//!                     waiting: branches, and when to say it again
//!   datagrams ──▶ responses ──▶ ours        ──▶ news: connect, ready, failed, close
//!             ──▶ requests  ──▶ theirs
//! ```
//!
//! Each user has one telephone, which registers, takes every call, subscribes to who is in the
//! conference and answers what it is told. The `sip` crate takes messages apart and keeps dialogs;
//! transactions are kept here, as cheaply as a load needs them.

mod letters;
mod ours;
mod pending;
mod people;
#[cfg(test)]
mod tests;
mod theirs;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::Message;

use super::super::arguments::{Common, Transport};
use super::super::tally::Fault;
use super::roster::Seats;
use pending::{Overdue, Waiting, What};
use people::{Leg, Room, RoomState, Stage, User};

pub(super) use letters::{address, own_path};
pub(super) use people::{LegId, Media, News, RoomId, Wants};

/// Who is played, and to whom.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    pub(super) domain: Box<str>,
    /// The name of a user before and after the number.
    before: Box<str>,
    after: Box<str>,
    users: u32,
    password: Box<str>,
    is_trusted: bool,
    transport: Transport,
    /// Where conferences are made.
    factory: Box<str>,
    /// A chat room to be joined instead.
    room: Option<Box<str>>,
    wants: Wants,
    /// Different in every run: Call-IDs and tags begin with it.
    pub(super) nonce: Box<str>,
}

/// All telephones.
pub(super) struct Phones {
    pub(super) cast: Cast,
    /// Our addresses, one a line; user n is on line n modulo their number.
    lines: Vec<SocketAddr>,
    users: Vec<User>,
    legs: Vec<Leg>,
    rooms: Vec<Room>,
    /// Legs by the Call-ID that the server chose.
    calls: HashMap<Box<str>, LegId>,
    waiting: Waiting,
    /// To be sent: the line, and what.
    pub(super) out: Vec<(usize, Bytes)>,
    pub(super) news: Vec<News>,
    pub(super) faults: BTreeMap<Fault, u64>,
    /// SUBSCRIBEs of members that were refused because the server did not know them yet.
    pub(super) strangers: u64,
}

impl Cast {
    pub(super) fn new(
        common: &Common,
        factory: &str,
        room: Option<&str>,
        wants: Wants,
        nonce: &str,
    ) -> Self {
        let (before, after) = common.user.split_once("%d").unwrap_or((&common.user, ""));
        Self {
            domain: common.domain.as_str().into(),
            before: before.into(),
            after: after.into(),
            users: common.users,
            password: common.password.as_str().into(),
            is_trusted: common.trusted,
            transport: common.transport,
            factory: format!("sip:{factory}@{}", common.domain).into(),
            room: room.map(Into::into),
            wants,
            nonce: nonce.into(),
        }
    }
}

impl Phones {
    /// All telephones, on the lines with these addresses of ours.
    pub(super) fn new(cast: Cast, lines: Vec<SocketAddr>) -> Self {
        let users = (0..cast.users).map(|_| User::default()).collect();
        Self {
            cast,
            lines,
            users,
            legs: Vec::new(),
            rooms: Vec::new(),
            calls: HashMap::new(),
            waiting: Waiting::default(),
            out: Vec::new(),
            news: Vec::new(),
            faults: BTreeMap::new(),
            strangers: 0,
        }
    }

    // ---- What the loads ask for ----

    /// Registers a user.
    pub(super) fn register(&mut self, user: u32, now: Instant) {
        self.send(What::Register(user), 0, now);
    }

    /// Sets a conference up: the user in the first seat invites all others, or all join the room
    /// they were given.
    pub(super) fn call(&mut self, seats: Seats, intended: Instant, now: Instant) -> RoomId {
        let id = RoomId(self.rooms.len());
        self.rooms.push(Room {
            seats,
            legs: Vec::with_capacity(usize::try_from(seats.size).unwrap_or_default()),
            ready: 0,
            intended,
            state: RoomState::Rising,
        });
        if let Some(room) = self.cast.room.clone() {
            for place in 0..seats.size {
                self.join(id, seats.number(place), &room, now);
            }
            return id;
        }
        for place in 1..seats.size {
            if let Some(guest) = self.user(seats.number(place)) {
                guest.expected.push(id);
            }
        }
        let factory = self.cast.factory.clone();
        self.join(id, seats.number(0), &factory, now);
        id
    }

    fn join(&mut self, room: RoomId, user: u32, uri: &str, now: Instant) {
        let leg = self.add(Leg::new(room, user, Stage::Calling, uri.to_owned()));
        self.send(What::Invite(leg), 0, now);
    }

    /// Ends all sessions of a room.
    pub(super) fn hang_up(&mut self, room: RoomId, now: Instant) {
        let legs = self.rooms.get(room.0).map(|room| room.legs.clone());
        for leg in legs.unwrap_or_default() {
            if self.leg(leg).is_some_and(|leg| leg.stage == Stage::Up) {
                self.send(What::Bye(leg), 0, now);
                self.over(leg);
            }
        }
    }

    /// The connection of a leg has come up, or is gone.
    pub(super) fn media(&mut self, leg: LegId, media: Media, now: Instant) {
        let Some(found) = self.legs.get_mut(leg.0) else {
            return;
        };
        let is_over = found.stage == Stage::Over;
        found.media = media;
        match media {
            Media::Lost if !is_over => self.fault(Fault::Lost),
            Media::Up => self.look(leg, now),
            _ => {}
        }
    }

    pub(super) fn leg(&self, leg: LegId) -> Option<&Leg> {
        self.legs.get(leg.0)
    }

    pub(super) fn room(&self, room: RoomId) -> Option<&Room> {
        self.rooms.get(room.0)
    }

    pub(super) fn legs(&self) -> &[Leg] {
        &self.legs
    }

    pub(super) fn is_registered(&self, user: u32) -> bool {
        let user = usize::try_from(user).ok().and_then(|n| self.users.get(n));
        user.is_some_and(|user| user.is_registered)
    }

    /// The address of the line of a leg.
    pub(super) fn address_of(&self, leg: LegId) -> Option<SocketAddr> {
        self.leg(leg).and_then(|leg| self.at(self.line(leg.user)))
    }

    // ---- What comes from outside ----

    /// One message of the server, on that line.
    pub(super) fn take(&mut self, line: usize, message: Message, now: Instant) {
        match message {
            Message::Request(request) => self.asked(line, &request, now),
            Message::Response(response) => self.answered(&response, now),
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.next()
    }

    /// Is no request of ours under way?
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting.is_quiet()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(overdue) = self.waiting.overdue(now) {
            match overdue {
                Overdue::Again(line, bytes) => self.out.push((line, bytes)),
                Overdue::Later { what, tries } => self.send(what, tries, now),
                Overdue::Expired(what) => self.failed(what, Fault::TimedOut),
                Overdue::Answer {
                    leg,
                    interval,
                    deadline,
                } => self.say_200_again(leg, interval, deadline, now),
                Overdue::Unconfirmed(leg) => {
                    if self
                        .leg(leg)
                        .is_some_and(|leg| leg.stage == Stage::Answered)
                    {
                        self.fault(Fault::Other("no ACK"));
                        self.over(leg);
                    }
                }
            }
        }
    }

    fn say_200_again(&mut self, leg: LegId, interval: Duration, deadline: Instant, now: Instant) {
        let Some(found) = self.legs.get(leg.0) else {
            return;
        };
        if found.stage == Stage::Answered {
            let (line, bytes) = (self.line(found.user), found.last_word.clone());
            self.out.push((line, bytes));
            self.waiting.again(leg, interval, deadline, now);
        }
    }

    // ---- Book-keeping ----

    /// Looks whether a leg, and with it its room, has become ready.
    fn look(&mut self, leg: LegId, now: Instant) {
        let wants = self.cast.wants;
        let Some(found) = self.legs.get_mut(leg.0) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(found.room.0) else {
            return;
        };
        if found.whole_at.is_none() && found.roster.count >= room.seats.size {
            found.whole_at = Some(now);
        }
        let is_ready = found.stage == Stage::Up
            && (!wants.media || found.media == Media::Up)
            && (!wants.roster || (found.watch_is_on && found.whole_at.is_some()));
        if found.is_ready || !is_ready {
            return;
        }
        found.is_ready = true;
        room.ready += 1;
        if room.ready == room.seats.size && room.state == RoomState::Rising {
            room.state = RoomState::Told;
            self.news.push(News::Ready(found.room));
        }
    }

    /// A leg has ended.
    fn over(&mut self, leg: LegId) {
        if let Some(found) = self.legs.get_mut(leg.0)
            && found.stage != Stage::Over
        {
            found.stage = Stage::Over;
            found.last_word = Bytes::new();
            self.news.push(News::Close(leg));
        }
    }

    /// A request of ours came to nothing.
    fn failed(&mut self, what: What, fault: Fault) {
        let leg = match what {
            What::Register(user) => {
                if let Some(user) = self.user(user) {
                    user.registering = None;
                }
                self.fault(fault);
                return self.news.push(News::Registered);
            }
            // Who hangs up is gone, whatever the other side says.
            What::Bye(_) => return,
            What::Invite(leg) | What::Subscribe(leg) => leg,
        };
        self.spoil(leg, fault);
        if matches!(what, What::Invite(_)) {
            self.over(leg);
        }
    }

    /// What is wrong with a leg is wrong with its room: that is what a set-up counts.
    fn spoil(&mut self, leg: LegId, fault: Fault) {
        let id = self.leg(leg).map(|leg| leg.room);
        match id.and_then(|id| self.rooms.get_mut(id.0).map(|room| (id, room))) {
            Some((id, room)) if room.state == RoomState::Rising => {
                room.state = RoomState::Told;
                self.news.push(News::Failed(id, fault));
            }
            _ => self.fault(fault),
        }
    }

    fn fault(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    fn add(&mut self, leg: Leg) -> LegId {
        let id = LegId(self.legs.len());
        if let Some(room) = self.rooms.get_mut(leg.room.0) {
            room.legs.push(id);
        }
        self.legs.push(leg);
        id
    }

    fn user(&mut self, number: u32) -> Option<&mut User> {
        self.users.get_mut(usize::try_from(number).ok()?)
    }

    /// The line of a user.
    fn line(&self, user: u32) -> usize {
        let user = usize::try_from(user).unwrap_or_default();
        user.checked_rem(self.lines.len()).unwrap_or_default()
    }

    fn at(&self, line: usize) -> Option<SocketAddr> {
        self.lines.get(line).copied()
    }
}
