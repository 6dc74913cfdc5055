//! Everything there is in a universe, behind one lock.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{
    connection::Connection,
    datagram::UdpSocket,
    faults::Links,
    host::Host,
    listener::Queue,
    schedule::{Event, Schedule},
    trace::{Delivery, Kind, Moment, Trace},
};
use crate::{Clock, Rng};

/// Calls this with what was delivered.
pub(super) type Observer = Box<dyn FnMut(&Delivery) + Send>;

/// What the sockets of a universe share.
///
/// A simulation has one thread; the lock is there because futures must be `Send`.
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// Tells the pump that something is due sooner than it thinks, or that all is over.
    pub(super) kick: Arc<Notify>,
    pub(super) observers: Mutex<Vec<Observer>>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) now: Instant,
    pub(super) rng: Rng,
    pub(super) links: Links,
    pub(super) schedule: Schedule,
    pub(super) trace: Trace,
    pub(super) hosts: BTreeMap<IpAddr, Host>,
    // By id. Ids are never used twice, so a handle that outlives its socket finds nothing.
    pub(super) sockets: BTreeMap<u64, UdpSocket>,
    pub(super) listeners: BTreeMap<u64, Queue>,
    pub(super) connections: BTreeMap<u64, Connection>,
    start: Instant,
    next_id: u64,
    /// The place of the next that is sent or arrives.
    next_number: u64,
    /// Tasks to wake once the lock is open.
    woken: Vec<Waker>,
    /// Until when the pump sleeps; `None`: until it is kicked.
    pump_until: Option<Instant>,
}

impl Shared {
    pub(super) fn new(seed: u64, start: Instant) -> Self {
        let state = State {
            now: start,
            rng: Rng::from_seed(seed, 0),
            links: Links::default(),
            schedule: Schedule::default(),
            trace: Trace::new(),
            hosts: BTreeMap::new(),
            sockets: BTreeMap::new(),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            start,
            next_id: 0,
            next_number: 0,
            woken: Vec::new(),
            pump_until: None,
        };
        Self {
            clock: Clock::Sim { start },
            kick: Arc::new(Notify::new()),
            observers: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// Acts on the state, then, with the lock open, wakes those who waited for what has changed.
    /// Nothing else may lock the state: a waker can run other people's code.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now();
        let result = act(&mut state);
        let woken = std::mem::take(&mut state.woken);
        let sooner = match (state.schedule.next(), state.pump_until) {
            (Some(due), Some(until)) => due < until,
            (due, None) => due.is_some(),
            (None, Some(_)) => false,
        };
        drop(state);
        for waker in woken {
            waker.wake();
        }
        if sooner {
            self.kick.notify_one();
        }
        result
    }

    /// Delivers all that is due and shows it to the observers. Says when to come again.
    pub(super) fn deliver_due(&self) -> Option<Instant> {
        let (next, fresh) = self.with(|state| {
            while let Some((at, event)) = state.schedule.pop(state.now) {
                state.deliver(at, event);
            }
            state.pump_until = state.schedule.next();
            (state.pump_until, state.trace.take_fresh())
        });
        let mut observers = self
            .observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for delivery in &fresh {
            for observer in observers.iter_mut() {
                observer(delivery);
            }
        }
        next
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.kick.notify_one();
    }
}

impl State {
    fn deliver(&mut self, at: Instant, event: Event) {
        match event {
            Event::Datagram {
                from,
                to,
                bytes,
                sent,
            } => self.datagram_arrived(at, sent, (from, to), bytes),
            Event::GiveUp {
                connection,
                from,
                since,
            } => self.give_up(connection, from, since),
            Event::Release { connection, from } => self.release(connection, from),
            Event::Segment {
                connection,
                from,
                payload,
                sent,
            } => {
                self.segment_arrived(at, sent, connection, from, payload);
            }
            Event::Syn {
                connection,
                attempt,
                sent,
            } => self.syn_arrived(at, sent, connection, attempt),
        }
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The moment of something that is sent now.
    pub(super) fn moment(&mut self) -> Moment {
        Moment {
            at: self.age(),
            number: self.new_number(),
        }
    }

    /// Virtual time since the universe began.
    pub(super) fn age(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }

    fn new_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// How long something sent now is under way.
    pub(super) fn delay(&mut self, from: IpAddr, to: IpAddr) -> Duration {
        let faults = self.links.faults(from, to);
        let (least, jitter) = (faults.least(), faults.jitter);
        let most = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        least + Duration::from_micros(self.rng.below(most.saturating_add(1)))
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u16) -> bool {
        self.rng.below(1000) < u64::from(per_mille)
    }

    /// Whether nothing gets through: a partition, no such host, or one that is down.
    pub(super) fn is_cut(&self, from: IpAddr, to: IpAddr) -> bool {
        self.links.is_cut(from, to) || self.hosts.get(&to).is_none_or(|host| !host.is_up())
    }

    pub(super) fn record(
        &mut self,
        at: Instant,
        sent: Moment,
        kind: Kind,
        (from, to): (SocketAddr, SocketAddr),
        bytes: Bytes,
    ) {
        let at = at.saturating_duration_since(self.start);
        let number = self.new_number();
        self.trace.record(Delivery {
            at,
            sent,
            number,
            kind,
            from,
            to,
            bytes,
        });
    }

    /// Has these tasks woken when the lock opens.
    pub(super) fn wake(&mut self, waiters: &mut Vec<Waker>) {
        self.woken.append(waiters);
    }
}

/// Notes who waits. A task that asks again is there once.
pub(super) fn wait(waiters: &mut Vec<Waker>, context: &Context<'_>) {
    if !waiters.iter().any(|waker| waker.will_wake(context.waker())) {
        waiters.push(context.waker().clone());
    }
}
