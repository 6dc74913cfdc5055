//! What happened, in the terms of the rules: who was in which conference, and when.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sip::header::Privacy;

use super::facts::Facts;
use super::signal::{Signal, session_id};
use super::talk::Talk;
use super::wire::{Frame, Heard, Stamp, What};

/// A day, put in order.
pub(super) struct Day<'a> {
    pub(super) facts: &'a Facts,
    pub(super) heard: &'a [Heard],
    /// All SIP between the server and hosts, in the order in which it arrived or was lost.
    pub(super) signals: Vec<Signal<'a>>,
    pub(super) legs: Vec<Leg>,
    pub(super) talk: Talk,
    /// When it was over.
    pub(super) end: Duration,
    /// Legs by Call-ID and host.
    calls: HashMap<(&'a str, IpAddr), usize>,
    /// Legs by the session ids of the server's MSRP paths.
    sessions: HashMap<String, usize>,
    /// When a connection last ended, in either direction.
    broken: HashMap<(SocketAddr, SocketAddr), Stamp>,
}

/// One device's call with a conference, or with whoever else is behind the server.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) call: String,
    pub(super) host: IpAddr,
    /// Whose device it is.
    pub(super) person: String,
    /// The URI of the conference; none before the focus has said it.
    pub(super) room: Option<String>,
    /// When the INVITE was sent.
    pub(super) begun: Stamp,
    /// When the first 2xx was sent.
    pub(super) accepted: Option<Stamp>,
    /// When the first ACK of it arrived.
    pub(super) acked: Option<Stamp>,
    /// When somebody first sent a BYE.
    pub(super) ending: Option<Stamp>,
    /// When it was over for good: the server sent its final response to a BYE, or got one.
    pub(super) over: Option<Stamp>,
    /// When the server answered the first request of its MSRP session.
    pub(super) bound: Option<Stamp>,
    /// When the connection of its MSRP session ended.
    pub(super) unbound: Option<Stamp>,
    /// Since when the server knows that nobody is to learn whose device it is.
    pub(super) hidden: Option<Stamp>,
    /// What the device made up for this call: tags, session ids.
    pub(super) traces: Vec<String>,
}

impl<'a> Day<'a> {
    pub(super) fn new(facts: &'a Facts, heard: &'a [Heard], end: Duration) -> Self {
        let mut day = Self {
            facts,
            heard,
            signals: Vec::new(),
            legs: Vec::new(),
            talk: Talk::default(),
            end,
            calls: HashMap::new(),
            sessions: HashMap::new(),
            broken: HashMap::new(),
        };
        for heard in heard {
            day.take(heard);
        }
        day.talk.finish();
        day
    }

    /// The leg of a signal.
    pub(super) fn leg_of(&self, signal: &Signal<'_>) -> Option<&Leg> {
        let at = self.calls.get(&(signal.call, signal.host))?;
        self.legs.get(*at)
    }

    /// The leg of an MSRP session, by a path with the server's URI.
    pub(super) fn leg_at(&self, path: &str) -> Option<usize> {
        self.sessions.get(session_id(path)?).copied()
    }

    /// Whether the connection that something used at a moment ended later.
    pub(super) fn is_broken(&self, ends: (SocketAddr, SocketAddr), since: Stamp) -> bool {
        self.broken.get(&ends).is_some_and(|ended| *ended > since)
    }

    fn take(&mut self, heard: &'a Heard) {
        match &heard.what {
            What::Sip(_) => {
                if let Some(signal) = Signal::of(heard, self.facts.server) {
                    self.signal(&signal);
                    self.signals.push(signal);
                }
            }
            What::Msrp(frame) => self.frame(heard, frame),
            What::Ended => self.ended(heard),
            What::Taken(ids) => self.talk.taken.extend(ids.iter().cloned()),
            What::Garbage(_) => {}
        }
    }

    fn signal(&mut self, signal: &Signal<'a>) {
        if signal.asks("INVITE") && signal.to_tag.is_empty() {
            self.invited(signal);
        }
        let Some(at) = self.calls.get(&(signal.call, signal.host)).copied() else {
            return;
        };
        let Some(leg) = self.legs.get_mut(at) else {
            return;
        };
        leg.signal(signal);
        if signal.from_server && signal.method == "INVITE" || signal.method == "ACK" {
            for id in signal.session_ids() {
                self.sessions.insert(id, at);
            }
        }
    }

    fn invited(&mut self, signal: &Signal<'a>) {
        let key = (signal.call, signal.host);
        if self.calls.contains_key(&key) {
            return; // sent again
        }
        self.calls.insert(key, self.legs.len());
        self.legs.push(Leg {
            call: signal.call.to_owned(),
            host: signal.host,
            person: self.person(signal),
            room: None,
            begun: signal.sent,
            accepted: None,
            acked: None,
            ending: None,
            over: None,
            bound: None,
            unbound: None,
            hidden: None,
            traces: Vec::new(),
        });
    }

    /// Who is at a host; behind the server of another domain there are several.
    fn person(&self, signal: &Signal<'a>) -> String {
        let known = self.facts.people.get(&signal.host).cloned();
        let person = known.or_else(|| signal.party());
        person.unwrap_or_else(|| self.facts.name(signal.host))
    }

    fn frame(&mut self, heard: &Heard, frame: &Frame) {
        let from_server = heard.from.ip() == self.facts.server;
        let path = match from_server {
            true => frame.head.from_path_text(),
            false => frame.head.to_path_text(),
        };
        let at = self.leg_at(path);
        if let Some(leg) = at.and_then(|at| self.legs.get_mut(at)) {
            let ours = (heard.from, heard.to);
            if from_server && frame.head.kind() == msrp::Kind::Response(200) {
                leg.bound.get_or_insert(heard.sent);
            }
            self.talk.bind(at, ours, from_server);
        }
        self.talk.take(at, heard, frame, from_server);
    }

    fn ended(&mut self, heard: &Heard) {
        self.broken.insert((heard.from, heard.to), heard.sent);
        self.broken.insert((heard.to, heard.from), heard.sent);
        for at in self.talk.bound_to((heard.from, heard.to)) {
            if let Some(leg) = self.legs.get_mut(at) {
                leg.unbound.get_or_insert(heard.sent);
            }
        }
    }
}

impl Leg {
    /// Who it is, and in which call.
    pub(super) fn name(&self) -> String {
        format!("{} in call {}", self.person, self.call)
    }

    fn signal(&mut self, signal: &Signal<'_>) {
        // A server that has restarted knows nothing of the conference it made, and makes another
        // when the INVITE comes again.
        let is_answer =
            signal.arrived.is_some() && matches!(signal.answers("INVITE"), Some(200..=299));
        if signal.from_server
            && (self.room.is_none() || is_answer)
            && let Some(room) = signal.focus()
        {
            self.room = Some(room.to_owned());
        }
        if !signal.from_server {
            self.note(signal);
        }
        if let Some(200..=299) = signal.answers("INVITE") {
            self.accepted.get_or_insert(signal.sent);
        }
        if signal.asks("ACK") && self.accepted.is_some() && self.acked.is_none() {
            self.acked = signal.arrived;
        }
        if signal.asks("BYE") {
            self.ending.get_or_insert(signal.sent);
        }
        if let Some(status) = signal.answers("BYE") {
            // The server knows when it has sent the response, or when it has got it. If it says
            // 481, a BYE of its own is under way, and counts.
            let known = match signal.from_server {
                true => (status != 481).then_some(signal.sent),
                false => signal.arrived,
            };
            self.over = self.over.or(known);
        }
    }

    /// Notes what the device says of itself.
    fn note(&mut self, signal: &Signal<'_>) {
        let own_tag = match signal.status {
            Some(_) => signal.to_tag,
            None => signal.from_tag,
        };
        for trace in signal.session_ids().into_iter().chain([own_tag.to_owned()]) {
            if !trace.is_empty() && !self.traces.contains(&trace) {
                self.traces.push(trace);
            }
        }
        let privacy = signal.fields.get::<Privacy<'_>>();
        if signal.method == "INVITE"
            && matches!(privacy, Ok(Some(privacy)) if privacy.is_anonymous())
        {
            self.hidden = self.hidden.or(signal.arrived);
        }
    }

    /// Whether the device is in from some moment on, as both ends know, until the leg ends.
    pub(super) fn joined(&self) -> Option<Stamp> {
        Some(self.accepted?.max(self.acked?))
    }

    /// When the leg began to end, in whatever way.
    pub(super) fn ended(&self) -> Option<Stamp> {
        [self.ending, self.over, self.unbound]
            .into_iter()
            .flatten()
            .min()
    }
}
