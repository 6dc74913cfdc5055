//! A session of a handset.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imps::Version;
use imps::csp::{ClientId, ClientInfo, JoinGroupRequest};
use imps::service::{Function, Functions};
use room::{Address, Event, LegId};
use tokio::sync::Notify;

use super::cir::Line;
use super::outbox::{Full, Item, Outbox};
use super::replay::Replay;
use super::terms::Terms;
use super::{User, wv_of_group};
use crate::rooms::{Order, RoomHandle};

/// A session: who has logged in, what was agreed, and what waits.
#[derive(Debug)]
pub(crate) struct Session {
    /// 128 random bits: whoever knows them is taken for the client.
    pub(crate) id: Arc<str>,
    pub(crate) user: User,
    pub(crate) client: Option<ClientId>,
    pub(crate) version: Version,
    /// It is a guest's: told when something waits, which goes out over a link between servers.
    pub(crate) away: Option<Arc<Notify>>,
    /// Held while a message of the client is answered: they are taken one after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// What changes in a session.
#[derive(Debug)]
pub(super) struct State {
    /// What was agreed; none before there was any talk of it.
    pub(super) functions: Option<Functions>,
    pub(super) terms: Terms,
    /// How long it lives without a sign of life.
    pub(super) lives: Duration,
    /// Until when, if none comes.
    pub(super) until: Instant,
    pub(super) outbox: Outbox,
    pub(super) replay: Replay,
    /// The groups it is in, by URI.
    pub(super) seats: BTreeMap<String, Seat>,
    /// The groups of other domains it is in, by their addresses in small letters: how it joined.
    pub(super) seats_away: BTreeMap<String, JoinGroupRequest>,
    /// Conversations that it wanted to grow, and may still be waiting for.
    pub(super) extending: Vec<RoomHandle>,
    /// How it is told that something waits.
    pub(super) line: Line,
    /// What the client says it is: presence that goes with the session.
    pub(super) client_info: Vec<ClientInfo>,
    /// The users of whom the client was asked whether they may watch, and has not answered.
    pub(super) asked: BTreeSet<Address>,
    /// It has ended: nothing is put into its outbox any more.
    pub(super) is_over: bool,
}

/// A place in a group.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) leg: LegId,
    pub(crate) room: RoomHandle,
}

/// What a new session begins with.
pub(super) struct Beginning {
    pub(super) id: Arc<str>,
    pub(super) user: User,
    pub(super) client: Option<ClientId>,
    pub(super) version: Version,
    pub(super) peer: IpAddr,
    pub(super) cookie: Option<String>,
    pub(super) lives: Duration,
    /// Of a user of another domain: told when something waits.
    pub(super) away: Option<Arc<Notify>>,
}

impl Session {
    pub(super) fn new(beginning: Beginning, now: Instant) -> Arc<Self> {
        let mut outbox = Outbox::default();
        // Whatever the store keeps for the user is to be told.
        outbox.backlog = Some(store::Cursor::START);
        Arc::new(Self {
            id: beginning.id,
            user: beginning.user,
            client: beginning.client,
            version: beginning.version,
            away: beginning.away,
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                functions: None,
                terms: Terms::of(&imps::csp::CapabilityList::default()),
                lives: beginning.lives,
                until: now + beginning.lives,
                outbox,
                replay: Replay::default(),
                seats: BTreeMap::new(),
                seats_away: BTreeMap::new(),
                extending: Vec::new(),
                line: Line::new(beginning.peer, beginning.cookie),
                client_info: Vec::new(),
                asked: BTreeSet::new(),
                is_over: false,
            }),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the client take content of this media type?
    pub(crate) fn takes(&self, media_type: &str) -> bool {
        self.state().terms.takes(media_type)
    }

    /// Was this function agreed?
    ///
    /// Clients that never speak of functions are taken to have asked for all that work without
    /// their help: some of the oldest do so. What needs a client that knows of it has to be agreed.
    pub(crate) fn has_agreed(&self, function: Function) -> bool {
        match self.state().functions {
            Some(agreed) => agreed.contains(function),
            None => {
                let needs_client = matches!(function, Function::Grchn | Function::Excon);
                !needs_client && Functions::all(self.version).contains(function)
            }
        }
    }

    /// Leaves something for the client. True if it is to be told that something waits.
    pub(crate) fn put(&self, item: Item, now: Instant) -> Result<bool, Full> {
        let mut state = self.state();
        if state.is_over || state.outbox.is_silent(&item) || !state.terms.shows(&item) {
            return Ok(false);
        }
        state.outbox.put(item)?;
        Ok(state.line.stir(now))
    }

    /// Leaves a last word, which goes even into a full box.
    pub(crate) fn put_last(&self, item: Item, now: Instant) -> bool {
        let mut state = self.state();
        if state.is_over {
            return false;
        }
        state.outbox.put_last(item);
        state.line.stir(now)
    }

    /// Notes that a conversation of this session is to grow: if the session ends before its peer
    /// has come, nothing comes of it.
    pub(super) fn extends(&self, room: RoomHandle) {
        let mut state = self.state();
        state.extending.retain(|room| !room.is_over());
        if state.is_over {
            room.tell(Order::Event(Event::HostWithdrew));
        } else {
            state.extending.push(room);
        }
    }

    /// Where this session sits in the group of this URI.
    pub(crate) fn seat(&self, group: &str) -> Option<Seat> {
        self.state().seats.get(group).cloned()
    }

    /// Takes a place in a group. False: the session has ended meanwhile.
    pub(crate) fn sit(&self, group: &str, seat: Seat) -> bool {
        let mut state = self.state();
        if !state.is_over {
            state.seats.insert(group.to_owned(), seat);
        }
        !state.is_over
    }

    /// The place in a group is gone, if it is still this one.
    pub(crate) fn rise(&self, group: &str, leg: LegId) {
        let mut state = self.state();
        if state.seats.get(group).is_some_and(|seat| seat.leg == leg) {
            state.seats.remove(group);
            state.outbox.announce_group(&wv_of_group(group), false);
        }
    }

    /// It gives a place in a group up, if it still has this one: it may have left and have another.
    pub(super) fn leave(&self, group: &str, Seat { leg, room }: Seat) {
        self.rise(group, leg);
        room.tell(Order::Event(Event::Left { leg }));
    }

    /// Is it in this group of another domain?
    pub(crate) fn sits_away(&self, group: &str) -> bool {
        self.state()
            .seats_away
            .contains_key(&group.to_ascii_lowercase())
    }

    /// It is in a group of another domain, which it joined like this.
    pub(crate) fn sit_away(&self, joined: JoinGroupRequest) {
        let mut state = self.state();
        if !state.is_over {
            let seat = JoinGroupRequest {
                joined_request: false,
                ..joined
            };
            let group = seat.group.to_ascii_lowercase();
            state.seats_away.insert(group, seat);
        }
    }

    /// It is, or is not any more, told who comes to and goes from a group of another domain.
    pub(crate) fn listens_away(&self, group: &str, listens: bool) {
        let mut state = self.state();
        if let Some(seat) = state.seats_away.get_mut(&group.to_ascii_lowercase()) {
            seat.subscribe = listens;
        }
    }

    /// It is in a group of another domain no more.
    pub(crate) fn rise_away(&self, group: &str) {
        self.state().seats_away.remove(&group.to_ascii_lowercase());
    }

    /// In how many groups of other domains it is.
    pub(crate) fn count_away(&self) -> usize {
        self.state().seats_away.len()
    }

    /// The groups of other domains it is in, each as what would take it there again.
    pub(crate) fn seats_away(&self) -> Vec<JoinGroupRequest> {
        self.state().seats_away.values().cloned().collect()
    }

    /// It has ended: it leaves all groups. What waited in the store stays there.
    pub(super) fn end(&self) {
        let (seats, extending) = {
            let mut state = self.state();
            state.is_over = true;
            state.outbox = Outbox::default();
            state.replay = Replay::default();
            state.line.close();
            if let Some(away) = &self.away {
                away.notify_one();
            }
            state.client_info = Vec::new();
            state.asked = BTreeSet::new();
            let seats = std::mem::take(&mut state.seats);
            (seats, std::mem::take(&mut state.extending))
        };
        for room in extending {
            room.tell(Order::Event(Event::HostWithdrew));
        }
        for Seat { leg, room } in seats.into_values() {
            room.tell(Order::Event(Event::Left { leg }));
        }
    }
}
