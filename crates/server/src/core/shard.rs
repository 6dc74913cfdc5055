//! One shard: it alone owns the transactions, dialogs and subscriptions of its calls.
//!
//! What can be answered without waiting is answered in the turn that reads it; a procedure that
//! waits becomes a task, which speaks to the shard in [`Command`]s.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::header::CSeq;
use sip::transaction::{ClientId, Event, ServerId};
use sip::{Method, Name, Request, Response};
use store::Account;
use tokio::sync::mpsc;

use crate::config::Policy;
use crate::core::auth::{Court, asserted};
use crate::core::desk::{Desk, Owner};
use crate::core::proxy::{self, Proxy};
use crate::core::{Accounts, Answer, Command, Held, Inbound, Location, ShardHandle};
use crate::core::{Identity, auth::Verdict};
use crate::count::Counters;
use crate::focus::CallEvent;
use crate::focus::legs::{LegCommand, Legs};
use crate::focus::refer::Referrals;
use crate::house::House;
use crate::keeper;
use crate::net::Flow;
use crate::notify::Watchers;

/// Messages or commands taken from a mailbox at a time.
const BATCH: usize = 64;

/// Requests that may wait for an account to be read.
const PARKED: usize = 1000;

/// How often lapsed bindings are forgotten. They are never used meanwhile.
const PURGE: Duration = Duration::from_secs(60);

/// One shard of the SIP core.
pub(crate) struct Shard {
    pub(super) house: Arc<House>,
    pub(super) me: ShardHandle,
    pub(super) policy: Arc<Policy>,
    pub(super) desk: Desk,
    pub(super) legs: Legs,
    pub(super) watchers: Watchers,
    pub(super) referrals: Referrals,
    pub(super) proxy: Proxy,
    pub(super) location: Location,
    pub(super) accounts: Accounts,
    /// Requests that wait for an account to be read, by its name.
    parked: HashMap<String, Vec<(ServerId, Request, Flow)>>,
    /// INVITEs whose procedure has not answered yet; in order, so that a simulated day repeats.
    pub(super) calls: BTreeMap<ServerId, (mpsc::UnboundedSender<CallEvent>, Flow)>,
    /// The connections there are, by number.
    pub(super) flows: HashMap<u64, Flow>,
    purge_at: Instant,
}

impl Shard {
    pub(crate) fn new(house: Arc<House>, me: ShardHandle, location: Location) -> Self {
        Self {
            policy: house.policy(),
            desk: Desk::new(Arc::clone(&house)),
            legs: Legs::new(me.clone()),
            watchers: Watchers::default(),
            referrals: Referrals::default(),
            proxy: Proxy::default(),
            location,
            accounts: Accounts::default(),
            parked: HashMap::new(),
            calls: BTreeMap::new(),
            flows: HashMap::new(),
            purge_at: house.world.clock.now() + PURGE,
            me,
            house,
        }
    }

    /// Works until nobody can tell it anything any more.
    pub(crate) async fn run(
        mut self,
        mut messages: mpsc::Receiver<Inbound>,
        mut orders: mpsc::UnboundedReceiver<Command>,
    ) {
        let clock = self.house.world.clock;
        let mut inbound = Vec::with_capacity(BATCH);
        let mut commands = Vec::with_capacity(BATCH);
        loop {
            let alarm = self.next_alarm();
            tokio::select! {
                biased;
                _ = orders.recv_many(&mut commands, BATCH) => {}
                _ = messages.recv_many(&mut inbound, BATCH) => {}
                () = clock.sleep_until(alarm) => {}
            }
            self.desk.now = clock.now();
            for command in commands.drain(..) {
                self.command(command);
            }
            for Inbound { message, flow } in inbound.drain(..) {
                self.receive(message, flow);
            }
            self.wake();
            self.flush();
        }
    }

    fn next_alarm(&self) -> Instant {
        let alarms = [
            self.desk.poll_timeout(),
            self.legs.poll_timeout(),
            self.watchers.poll_timeout(),
            self.referrals.poll_timeout(),
            self.proxy.poll_timeout(),
        ];
        alarms
            .into_iter()
            .flatten()
            .fold(self.purge_at, Instant::min)
    }

    fn wake(&mut self) {
        let now = self.desk.now;
        if self.desk.poll_timeout().is_some_and(|when| when <= now) {
            let mut events = Vec::new();
            self.desk.handle_timeout(&mut events);
            self.events(events);
        }
        self.legs.handle_timeout(&mut self.desk);
        self.watchers.handle_timeout(&mut self.desk);
        self.referrals
            .handle_timeout(&mut self.legs, &mut self.desk);
        self.proxy.handle_timeout(&mut self.desk);
        if self.purge_at <= now {
            self.purge_at = now + PURGE;
            self.location.purge(self.house.unix_ms());
        }
    }

    /// Sends what the turn has written, and what follows from what could not be sent.
    fn flush(&mut self) {
        let mut events = Vec::new();
        self.desk.flush(&mut events);
        while !events.is_empty() {
            self.events(std::mem::take(&mut events));
            self.desk.flush(&mut events);
        }
    }

    // ---- What the shard is told ----

    fn command(&mut self, command: Command) {
        match command {
            Command::Account { name, account } => self.account(name, account),
            Command::Binding(delta) => self.location.apply(delta),
            Command::Census { answer } => {
                let _ = answer.send(Held {
                    calls: self.calls.len(),
                    legs: self.legs.len(),
                    watches: self.watchers.len(),
                    forwarded: self.proxy.len(),
                    referrals: self.referrals.len(),
                });
            }
            Command::Devices { aor, answer } => {
                let devices = self.location.devices(&aor, self.house.unix_ms());
                let _ = answer.send(proxy::for_focus(devices));
            }
            Command::ForUser(user) => self.for_ours(*user),
            Command::ForGroup(group) => self.for_group(*group),
            Command::FlowLost(connection) => self.flow_lost(connection),
            Command::FlowUp(connection) => {
                self.flows.insert(connection.id, Flow::Stream(connection));
            }
            Command::Leg(command) => {
                if let LegCommand::Answer {
                    id, status: 200.., ..
                } = &command
                {
                    self.calls.remove(id);
                } else if let LegCommand::Accept(accept) = &command {
                    self.calls.remove(&accept.id);
                }
                self.legs.command(command, &mut self.desk);
            }
            Command::Policy(policy) => self.policy = policy,
            Command::Refer(command) => {
                self.referrals
                    .command(command, &mut self.legs, &mut self.desk);
            }
            Command::Respond {
                id,
                status,
                response,
            } => {
                self.desk.respond(id, status, response);
            }
            Command::Watcher(command) => self.watchers.command(command, &mut self.desk),
        }
    }

    fn flow_lost(&mut self, connection: u64) {
        self.flows.remove(&connection);
        for (call, flow) in self.calls.values() {
            if flow.is_connection(connection) {
                let _ = call.send(CallEvent::Lost);
            }
        }
        let mut events = Vec::new();
        self.desk.flow_lost(connection, &mut events);
        self.events(events);
    }

    fn account(&mut self, name: String, account: Option<Option<Arc<Account>>>) {
        let waiting = self.parked.remove(&name).unwrap_or_default();
        let Some(account) = account else {
            for (id, request, _) in waiting {
                self.desk
                    .answer(id, &request, &Answer::warned(500, keeper::FAILED));
            }
            return;
        };
        self.accounts.remember(name, account, self.desk.now);
        for (id, request, flow) in waiting {
            self.request(id, request, flow);
        }
    }

    /// The caller has given up an INVITE.
    fn cancelled(&mut self, id: ServerId, cancel: &Request) {
        if let Some((call, _)) = self.calls.get(&id) {
            let _ = call.send(CallEvent::Cancelled);
        } else if !self.cancel_parked(id) {
            let reason = cancel.raw(Name::Reason);
            self.proxy.cancelled(id, reason, &mut self.desk);
        }
    }

    /// The caller has given up a request that still waits for an account: `false` if it is none.
    fn cancel_parked(&mut self, id: ServerId) -> bool {
        for waiting in self.parked.values_mut() {
            if let Some(at) = waiting.iter().position(|(parked, ..)| *parked == id) {
                let (id, request, _) = waiting.remove(at);
                self.desk.answer(id, &request, &Answer::plain(487));
                return true;
            }
        }
        false
    }

    // ---- Messages ----

    fn receive(&mut self, message: sip::Message, flow: Flow) {
        if let sip::Message::Request(request) = &message
            && let Some(fault) = request.fault()
        {
            // Checked before there is a transaction: what has no valid Via or CSeq has none.
            return self.malformed(request, &fault, &flow);
        }
        if let Some(event) = self.desk.receive(message, flow) {
            self.event(event);
        }
    }

    /// Answers a malformed request where it can be answered, without keeping anything.
    fn malformed(&mut self, request: &Request, fault: &sip::Fault, flow: &Flow) {
        Counters::add(&self.house.counters.malformed);
        if *request.method() == Method::Ack || !request.has(Name::Via) {
            return;
        }
        let mut request = request.clone();
        request.set_source(flow.remote());
        let phrase = crate::core::reply::phrase(fault.status);
        let reason = format!("{phrase}: {}", fault.why);
        tracing::debug!(remote = %flow.remote(), "refused: {} {reason}", fault.status);
        let response = self
            .house
            .replies
            .stateless(&request, fault.status, &reason, None);
        self.desk.send_plain(flow, response);
    }

    fn events(&mut self, events: Vec<Event<Flow>>) {
        for event in events {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event<Flow>) {
        match event {
            Event::Request { id, request, flow } => self.request(id, request, flow),
            Event::Ack { request, flow } => self.ack(&request, &flow),
            Event::Response { id, response } => {
                if let Some(id) = self.desk.heard(id, response.status()) {
                    self.answered(id, response);
                }
            }
            Event::Failed { id, why } => {
                if let Some(id) = self.desk.unheard(id, why) {
                    self.failed(id, why.status());
                }
            }
            Event::Cancelled { id, request } => self.cancelled(id, &request),
            Event::Overload { request, flow } => {
                Counters::add(&self.house.counters.overload);
                let retry = Some(Duration::from_secs(5));
                let response =
                    self.house
                        .replies
                        .stateless(&request, 503, "Service Unavailable", retry);
                self.desk.send_plain(&flow, response);
            }
            Event::Stray { .. } => Counters::add(&self.house.counters.stray),
            // Our refusal of an INVITE was not acknowledged: nothing hangs on it.
            Event::Unacknowledged { .. } => {}
        }
    }

    fn ack(&mut self, request: &Request, flow: &Flow) {
        if let Some(leg) = self.legs.find(request) {
            self.legs.ack(leg, request, &mut self.desk);
            self.legs.wind(leg);
        } else if let Some(to) = self.routed(request, flow) {
            self.proxy.ack(request, &to, &mut self.desk);
        }
    }

    fn answered(&mut self, id: ClientId, response: Response) {
        let Some(owner) = self.desk.owner(id) else {
            return;
        };
        let is_final = response.is_final();
        let is_invite = response
            .require::<CSeq<'_>>()
            .is_ok_and(|cseq| cseq.method == "INVITE");
        // After a 2xx to an INVITE others may come from other devices.
        if is_final && !(is_invite && response.is_success()) {
            self.desk.disown(id);
        }
        match owner {
            Owner::Farewell(leg) if is_final => self.legs.parted(leg),
            Owner::Invite(leg) => self.legs.invite_answered(leg, response, &mut self.desk),
            Owner::Leg(leg) if is_final => self.legs.answered(leg, response, &mut self.desk),
            Owner::Farewell(_) | Owner::Leg(_) | Owner::Nobody => {}
            Owner::Proxy(server) => self.proxy.answered(server, id, response, &mut self.desk),
            Owner::Referral(refer) if is_final => {
                self.referrals
                    .answered(refer, &response, &mut self.legs, &mut self.desk);
            }
            Owner::Referral(_) => {}
            Owner::Watch(watch) if is_final => {
                self.watchers.answered(watch, &response, &mut self.desk)
            }
            Owner::Watch(_) => {}
        }
    }

    fn failed(&mut self, id: ClientId, status: u16) {
        let Some(owner) = self.desk.owner(id) else {
            return;
        };
        self.desk.disown(id);
        match owner {
            Owner::Farewell(leg) => self.legs.parted(leg),
            Owner::Invite(leg) => self.legs.invite_failed(leg, status, &mut self.desk),
            Owner::Leg(leg) => self.legs.failed(leg, status, &mut self.desk),
            Owner::Nobody => {}
            Owner::Proxy(server) => self.proxy.failed(server, id, status, &mut self.desk),
            Owner::Referral(refer) => {
                self.referrals.failed(refer, &mut self.legs, &mut self.desk);
            }
            Owner::Watch(watch) => self.watchers.failed(watch, status, &mut self.desk),
        }
    }

    // ---- Who asks ----

    /// Establishes who sent a request; answers it, or waits for the store, if that is not known.
    pub(super) fn identify(
        &mut self,
        id: ServerId,
        request: Request,
        flow: &Flow,
    ) -> Option<(Request, Identity)> {
        let trusted = self.policy.trusted_peers.contains(&flow.remote().ip());
        if trusted && let Some(identity) = asserted(&request) {
            return Some((request, identity));
        }
        // What another domain's server says of somebody who is registered here counts as nothing.
        if *request.method() != Method::Register
            && let Some(identity) = self.house.neighbours.vouched(&request, flow)
        {
            return Some((request, identity));
        }
        let mut court = Court {
            realm: &self.house.setup.domain,
            nonces: &self.house.nonces,
            clock: &self.house.world.clock,
            rng: &mut self.desk.rng,
            offered: &self.policy.digest,
        };
        let now = self.desk.now;
        match court.judge(&request, |name| self.accounts.get(name, now)) {
            Verdict::Known(identity) => Some((request, identity)),
            Verdict::Answer(answer) => {
                self.desk.answer(id, &request, &answer);
                None
            }
            Verdict::Ask(name) => {
                self.ask(name, id, request, flow);
                None
            }
        }
    }

    fn ask(&mut self, name: String, id: ServerId, request: Request, flow: &Flow) {
        if self.parked.values().map(Vec::len).sum::<usize>() >= PARKED {
            return self.desk.answer(id, &request, &Answer::plain(503));
        }
        let asked = self.parked.contains_key(&name);
        self.parked
            .entry(name.clone())
            .or_default()
            .push((id, request, flow.clone()));
        if asked {
            return;
        }
        let (house, me) = (Arc::clone(&self.house), self.me.clone());
        self.house.world.tasks.spawn("account", async move {
            let account = house.account(&name).await;
            let account = account.map(|found| found.map(Arc::new));
            me.tell(Command::Account { name, account });
        });
    }
}
