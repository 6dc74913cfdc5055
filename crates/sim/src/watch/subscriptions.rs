//! Who watches which conference, and what each was told.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sip::Name;
use sip::header::{Event, Expires, SubscriptionState, Substate};
use xdm::conference_info::{self, ConferenceInfo, MAX_BYTES};

use super::day::Day;
use super::signal::Signal;
use super::wire::Stamp;

/// One subscription to a conference, as its NOTIFYs show it.
pub(super) struct Subscription<'a> {
    pub(super) call: &'a str,
    pub(super) host: IpAddr,
    pub(super) room: Option<&'a str>,
    /// The sockets of its first NOTIFY.
    pub(super) ends: Option<(SocketAddr, SocketAddr)>,
    /// By CSeq.
    pub(super) told: BTreeMap<u32, Notify>,
    /// When its owner asked to end it, or the server said that it has ended.
    pub(super) ended: Option<Stamp>,
}

/// One NOTIFY, however often it was sent.
pub(super) struct Notify {
    pub(super) sent: Stamp,
    /// What it says; none if it has no body.
    pub(super) document: Option<Result<ConferenceInfo, String>>,
    pub(super) terminates: bool,
    /// When the final response arrived at the server, and whether it was a 2xx.
    pub(super) answered: Option<(Stamp, bool)>,
    /// Another NOTIFY with the same number says something else.
    pub(super) is_ambiguous: bool,
    body: bytes::Bytes,
}

/// All subscriptions of a day, by Call-ID, host and the server's tag.
pub(super) fn of<'a>(day: &Day<'a>) -> Vec<Subscription<'a>> {
    let mut all: BTreeMap<(&str, IpAddr), Subscription<'_>> = BTreeMap::new();
    for signal in &day.signals {
        let key = (signal.call, signal.host);
        if is_notify(signal) {
            let subscription = all.entry(key).or_insert_with(|| Subscription {
                call: signal.call,
                host: signal.host,
                room: None,
                ends: None,
                told: BTreeMap::new(),
                ended: None,
            });
            subscription.notify(signal);
        } else if let Some(subscription) = all.get_mut(&key) {
            subscription.other(signal);
        }
    }
    all.into_values().collect()
}

fn is_notify(signal: &Signal<'_>) -> bool {
    let is_conference = |event: Event<'_>| event.package == "conference";
    signal.from_server
        && signal.asks("NOTIFY")
        && matches!(signal.fields.get::<Event<'_>>(), Ok(Some(event)) if is_conference(event))
}

impl<'a> Subscription<'a> {
    fn notify(&mut self, signal: &Signal<'a>) {
        self.room = self.room.or_else(|| signal.focus());
        self.ends.get_or_insert(signal.ends);
        let body = signal.fields.body();
        if let Some(known) = self.told.get_mut(&signal.number) {
            known.is_ambiguous |= known.body != body;
            return;
        }
        let state = signal.fields.get::<SubscriptionState<'_>>();
        let terminates = matches!(state, Ok(Some(state)) if state.state == Substate::Terminated);
        if terminates {
            self.ended.get_or_insert(signal.sent);
        }
        let document = signal
            .fields
            .has(Name::ContentType)
            .then(|| conference_info::read(&body, MAX_BYTES).map_err(|error| error.to_string()));
        let notify = Notify {
            sent: signal.sent,
            document,
            terminates,
            answered: None,
            is_ambiguous: false,
            body,
        };
        self.told.insert(signal.number, notify);
    }

    fn other(&mut self, signal: &Signal<'_>) {
        if !signal.from_server
            && let Some(status) = signal.answers("NOTIFY")
            && let Some(notify) = self.told.get_mut(&signal.number)
            && let Some(arrived) = signal.arrived
        {
            notify.answered.get_or_insert((arrived, status < 300));
        }
        let ends = |expires: Expires| expires.0 == 0;
        if !signal.from_server
            && signal.asks("SUBSCRIBE")
            && matches!(signal.fields.get::<Expires>(), Ok(Some(expires)) if ends(expires))
        {
            self.ended.get_or_insert(signal.sent);
        }
    }

    /// When it began, as far as the server shows.
    pub(super) fn begun(&self) -> Option<Stamp> {
        self.told.values().map(|notify| notify.sent).min()
    }
}
