//! The table of all transactions and what happens to it.

use std::time::Instant;

use bytes::Bytes;

use super::client_invite::{Cancel, ClientInvite, Lapse};
use super::client_other::ClientOther;
use super::event::{Census, ClientId, Event, Failure, Outgoing, Output, ServerId};
use super::kept::Tails;
use super::machine::{Client, Server};
use super::server_invite::ServerInvite;
use super::server_other::ServerOther;
use super::table::{Digest, Place, Table};
use super::timers::{Alarm, Alarms, Owner, Timers};
use super::{hop, key};
use crate::header::To;
use crate::{Message, Method, Request, Response};

/// All transactions of one owner.
///
/// A finished server transaction keeps its key and, over an unreliable transport, the bytes of
/// its final response; over a reliable one it is gone at once, an accepted INVITE excepted.
#[derive(Debug)]
pub struct Transactions<F> {
    timers: Timers,
    limit: usize,
    servers: Table<Server<F>>,
    clients: Table<Client<F>>,
    alarms: Alarms,
    /// Bytes of responses that server transactions keep.
    kept: usize,
    /// What those responses share.
    tails: Tails,
    /// Where keys are written before they are looked up.
    key: String,
    strays: u64,
    unreadable: u64,
}

/// The bytes of responses that the layer keeps, for each transaction of its limit: with more,
/// new requests are refused. Real responses have below 1 kB; a peer makes them longer with what
/// a response must repeat.
const KEPT_PER_TRANSACTION: usize = 2048;

impl<F: Clone> Transactions<F> {
    /// An empty table that holds `limit` requests received, and a quarter more of those that
    /// stand inside a dialog: a full server still lets people leave.
    ///
    /// Requests sent are not limited here: whoever sends them knows how many they are.
    pub fn new(timers: Timers, limit: usize) -> Self {
        Self {
            timers: timers.clamped(),
            limit,
            servers: Table::new(),
            clients: Table::new(),
            alarms: Alarms::default(),
            kept: 0,
            tails: Tails::default(),
            key: String::new(),
            strays: 0,
            unreadable: 0,
        }
    }

    /// Takes one message from the network. `reliable`: it came over TCP, TLS or WebSocket.
    ///
    /// One message gives at most one event. What is to be sent at once is pushed to `out`.
    pub fn receive(
        &mut self,
        message: Message,
        flow: F,
        reliable: bool,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        match message {
            Message::Request(request) => self.receive_request(request, flow, reliable, now, out),
            Message::Response(response) => self.receive_response(response, flow, now, out),
        }
    }

    fn receive_request(
        &mut self,
        request: Request,
        flow: F,
        reliable: bool,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        if key::of_request(&request, &mut self.key).is_none() {
            self.unreadable += 1;
            return None;
        }
        let key = self.servers.digest(&self.key);
        let slot = self.servers.find(key);
        match (request.method(), slot) {
            (Method::Ack, slot) => {
                let pass = slot.is_none_or(|slot| {
                    self.turn_server(slot, |server, timers| server.acknowledged(now, timers))
                        .unwrap_or(true)
                });
                pass.then_some(Event::Ack { request, flow })
            }
            (Method::Cancel, slot) => self.receive_cancel(request, flow, slot, out),
            (_, Some(slot)) => {
                if let Some(entry) = self.servers.get(slot) {
                    entry.machine.repeated(flow, out);
                }
                None
            }
            (_, None) if self.is_full(&request) => Some(Event::Overload { request, flow }),
            (method, None) => {
                let server = match method {
                    Method::Invite => Server::Invite(ServerInvite::new(flow.clone(), reliable)),
                    _ => {
                        let flow = flow.clone();
                        Server::Other(ServerOther::new(flow, reliable, now, &self.timers))
                    }
                };
                let id = ServerId(self.insert_server(key, server));
                Some(Event::Request { id, request, flow })
            }
        }
    }

    /// A CANCEL needs no transaction of its own: whenever it comes, the answer is the same.
    fn receive_cancel(
        &mut self,
        request: Request,
        flow: F,
        invite: Option<u32>,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        let last = invite.and_then(|slot| self.servers.get(slot)?.machine.last_response());
        // RFC 3261 section 9.2: 481 if there is nothing to cancel, 200 even if it is too late.
        let (status, reason) = match invite {
            Some(_) => (200, "OK"),
            None => (481, "Call/Transaction Does Not Exist"),
        };
        let bytes = hop::answer_cancel(&request, status, reason, &self.key, last);
        out.push(Output { flow, bytes });
        let slot = invite?;
        let tell = self.turn_server(slot, |server, _| server.cancelled())?;
        let id = ServerId(self.servers.place(slot));
        tell.then_some(Event::Cancelled { id, request })
    }

    fn receive_response(
        &mut self,
        response: Response,
        flow: F,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        let slot = key::of_response(&response, &mut self.key)
            .and_then(|()| self.clients.find(self.clients.digest(&self.key)));
        let Some(slot) = slot else {
            // RFC 6026 section 7.2: dropped.
            self.strays += 1;
            return Some(Event::Stray { response, flow });
        };
        let id = ClientId(self.clients.place(slot));
        let reaction = self.turn_client(slot, |client, timers| {
            client.response(&response, now, timers, out)
        })?;
        if let Some(cancel) = reaction.cancel {
            self.send_cancel(cancel, now, out);
        }
        reaction.pass.then_some(Event::Response { id, response })
    }

    /// Answers a request. `response` is the whole message, `status` its status code.
    ///
    /// `false`: the response was not sent, because the transaction is over or has its final
    /// response, or because the status must not answer a request other than INVITE: 101 to 199,
    /// and 408 (RFC 4320). After an INVITE's 2xx the same may be sent again until its ACK.
    ///
    /// A 100 to a request other than INVITE is held back until it may go, and dropped if the
    /// final response is earlier: whoever may take longer than 3.5 seconds gives it at once, as
    /// RFC 4320 section 4.1 asks for one then.
    pub fn respond(
        &mut self,
        id: ServerId,
        status: u16,
        response: Bytes,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        if !self.servers.holds(id.0) {
            return false;
        }
        let mut tails = std::mem::take(&mut self.tails);
        let done = self.turn_server(id.0.slot, |server, timers| {
            server.respond(status, response, now, timers, &mut tails, out)
        });
        self.tails = tails;
        done.unwrap_or(false)
    }

    /// Sends a request, and sees to it until its outcome is known: an [`Event::Response`] with a
    /// final response, or [`Event::Failed`].
    ///
    /// An ACK is sent once and has no outcome; its id names nothing.
    pub fn request(
        &mut self,
        outgoing: Outgoing<'_>,
        flow: F,
        reliable: bool,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> ClientId {
        let Outgoing {
            method,
            branch,
            bytes,
        } = outgoing;
        let timers = &self.timers;
        let client = match method {
            Method::Ack => {
                out.push(Output { flow, bytes });
                return ClientId(Place::NOWHERE);
            }
            Method::Invite => {
                Client::Invite(ClientInvite::new(bytes, flow, reliable, now, timers, out))
            }
            _ => Client::Other(ClientOther::new(bytes, flow, reliable, now, timers, out)),
        };
        key::of_branch(branch, method.as_str(), &mut self.key);
        ClientId(self.insert_client(client))
    }

    /// Gives an INVITE of ours up (RFC 3261 section 9.1).
    ///
    /// The CANCEL goes out when the peer has sent a provisional response, and not at all if the
    /// final one is faster. The outcome comes as ever: mostly a 487, perhaps still a 2xx, which
    /// is to be acknowledged and ended with BYE. `reason` is the value of a Reason header. Other
    /// requests cannot be cancelled, and nothing happens.
    pub fn cancel(
        &mut self,
        id: ClientId,
        reason: Option<&str>,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) {
        if !self.clients.holds(id.0) {
            return;
        }
        let cancel = self.turn_client(id.0.slot, |client, timers| match client {
            Client::Invite(invite) => invite.cancel(reason, now, timers),
            Client::Cancel(_) | Client::Other(_) => None,
        });
        if let Some(cancel) = cancel.flatten() {
            self.send_cancel(cancel, now, out);
        }
    }

    fn send_cancel(&mut self, cancel: Cancel<F>, now: Instant, out: &mut Vec<Output<F>>) {
        let Cancel {
            bytes,
            flow,
            reliable,
        } = cancel;
        // RFC 3261 section 9.1: the CANCEL has the branch of its INVITE.
        let Some(branch) = hop::branch(&bytes) else {
            return;
        };
        key::of_branch(&branch, Method::Cancel.as_str(), &mut self.key);
        let client = ClientOther::new(bytes, flow, reliable, now, &self.timers, out);
        self.insert_client(Client::Cancel(client));
    }

    /// A request of ours could not be sent. It is over; the event is to be handled like any.
    pub fn transport_failed(&mut self, id: ClientId) -> Option<Event<F>> {
        if !self.clients.holds(id.0) {
            return None;
        }
        self.fail(id.0.slot)
    }

    /// A flow is gone, and with it every request of ours that awaits its answer there.
    ///
    /// Walks over all requests sent. Requests received stay: what comes again must still be
    /// recognised (RFC 6026 section 7.1).
    pub fn flow_lost(&mut self, is_lost: impl Fn(&F) -> bool, events: &mut Vec<Event<F>>) {
        let lost: Vec<u32> = self
            .clients
            .iter()
            .filter(|(_, entry)| entry.machine.awaiting().is_some_and(&is_lost))
            .map(|(slot, _)| slot)
            .collect();
        for slot in lost {
            events.extend(self.fail(slot));
        }
    }

    fn fail(&mut self, slot: u32) -> Option<Event<F>> {
        let client = &self.clients.get(slot)?.machine;
        // RFC 6026 section 7.2: the state of a client need not outlive its transport; an answered
        // one stays for what may come again.
        client.awaiting()?;
        let tell = !matches!(client, Client::Cancel(_));
        let id = ClientId(self.clients.place(slot));
        self.clients.remove(slot);
        self.settle();
        let why = Failure::Transport;
        tell.then_some(Event::Failed { id, why })
    }

    /// When [`Self::handle_timeout`] must be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.first().map(|alarm| alarm.at)
    }

    /// Does everything that is due, in the order it fell due.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Vec<Output<F>>,
        events: &mut Vec<Event<F>>,
    ) {
        while let Some(alarm) = self.alarms.first().filter(|alarm| alarm.at <= now) {
            self.alarms.pop();
            let event = match alarm.owner {
                Owner::Client(slot) => self.lapse_client(slot, now, out),
                Owner::Server(slot) => self.lapse_server(slot, now, out),
            };
            events.extend(event);
        }
    }

    fn lapse_server(
        &mut self,
        slot: u32,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        self.servers.get_mut(slot)?.alarm = 0;
        let id = ServerId(self.servers.place(slot));
        let unacknowledged = self.turn_server(slot, |server, timers| match server {
            Server::Invite(invite) => invite.timeout(now, timers, out),
            Server::Other(other) => {
                other.timeout(now, out);
                false
            }
        })?;
        unacknowledged.then_some(Event::Unacknowledged { id })
    }

    fn lapse_client(
        &mut self,
        slot: u32,
        now: Instant,
        out: &mut Vec<Output<F>>,
    ) -> Option<Event<F>> {
        self.clients.get_mut(slot)?.alarm = 0;
        let id = ClientId(self.clients.place(slot));
        let lapse = self.turn_client(slot, |client, timers| client.timeout(now, timers, out))?;
        match lapse {
            Lapse::Nothing => None,
            Lapse::Cancel(cancel) => {
                self.send_cancel(cancel, now, out);
                None
            }
            Lapse::Failed => Some(Event::Failed {
                id,
                why: Failure::Timeout,
            }),
        }
    }

    /// How many requests received and sent there are, finished ones included.
    pub fn len(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Is there no transaction at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the transactions by kind. Walks over all of them.
    pub fn census(&self) -> Census {
        let mut census = Census {
            strays: self.strays,
            unreadable: self.unreadable,
            ..Census::default()
        };
        for (_, entry) in self.servers.iter() {
            match &entry.machine {
                Server::Invite(invite) => census.invite_servers.add(invite.is_finished()),
                Server::Other(other) => census.other_servers.add(other.is_finished()),
            }
        }
        for (_, entry) in self.clients.iter() {
            let finished = entry.machine.awaiting().is_none();
            match &entry.machine {
                Client::Invite(_) => census.invite_clients.add(finished),
                Client::Cancel(_) | Client::Other(_) => census.other_clients.add(finished),
            }
        }
        census
    }

    fn is_full(&self, request: &Request) -> bool {
        if self.kept > self.limit.saturating_mul(KEPT_PER_TRANSACTION) {
            return true;
        }
        let in_dialog = || {
            let to = request.get::<To<'_>>().ok().flatten();
            to.is_some_and(|to| to.tag().is_some())
        };
        let count = self.servers.len();
        count >= self.limit && (count >= self.limit.saturating_add(self.limit / 4) || !in_dialog())
    }

    fn insert_server(&mut self, key: Digest, server: Server<F>) -> Place {
        let deadline = server.deadline();
        let place = self.servers.insert(key, server);
        if let (Some(at), Some(entry)) = (deadline, self.servers.get_mut(place.slot)) {
            entry.alarm = self.alarms.set(at, Owner::Server(place.slot));
        }
        place
    }

    /// Adds a client transaction under the key that was written last.
    fn insert_client(&mut self, client: Client<F>) -> Place {
        let deadline = client.deadline();
        let place = self.clients.insert(self.clients.digest(&self.key), client);
        if let (Some(at), Some(entry)) = (deadline, self.clients.get_mut(place.slot)) {
            entry.alarm = self.alarms.set(at, Owner::Client(place.slot));
        }
        place
    }

    /// Lets one server machine act, and does what follows for alarms, limits and its place.
    fn turn_server<R>(
        &mut self,
        slot: u32,
        act: impl FnOnce(&mut Server<F>, &Timers) -> R,
    ) -> Option<R> {
        let entry = self.servers.get_mut(slot)?;
        let before = entry.machine.deadline().filter(|_| entry.alarm != 0);
        let kept = entry.machine.kept();
        let result = act(&mut entry.machine, &self.timers);
        self.kept = self
            .kept
            .saturating_sub(kept)
            .saturating_add(entry.machine.kept());
        match entry.machine.deadline() {
            Some(at) if before.is_none_or(|before| at < before) => {
                entry.alarm = self.alarms.set(at, Owner::Server(slot));
            }
            _ if entry.machine.is_over() => self.servers.remove(slot),
            _ => {}
        }
        self.settle();
        Some(result)
    }

    /// Lets one client machine act, and does what follows for alarms and its place.
    fn turn_client<R>(
        &mut self,
        slot: u32,
        act: impl FnOnce(&mut Client<F>, &Timers) -> R,
    ) -> Option<R> {
        let entry = self.clients.get_mut(slot)?;
        let before = entry.machine.deadline().filter(|_| entry.alarm != 0);
        let result = act(&mut entry.machine, &self.timers);
        match entry.machine.deadline() {
            Some(at) if before.is_none_or(|before| at < before) => {
                entry.alarm = self.alarms.set(at, Owner::Client(slot));
            }
            _ if entry.machine.is_over() => self.clients.remove(slot),
            _ => {}
        }
        self.settle();
        Some(result)
    }

    /// Makes the first alarm one that counts, at the time it is really due.
    fn settle(&mut self) {
        while let Some(alarm) = self.alarms.first() {
            match due(&self.servers, &self.clients, &alarm) {
                Some(at) if at <= alarm.at => break,
                Some(at) => {
                    self.alarms.pop();
                    self.alarms.postpone(alarm, at);
                }
                None => {
                    self.alarms.pop();
                }
            }
        }
        let (servers, clients) = (&self.servers, &self.clients);
        self.alarms.sweep(servers.len() + clients.len(), |alarm| {
            due(servers, clients, alarm).is_some()
        });
    }
}

/// When the owner of an alarm really wants to be called; `None` if the alarm no longer counts.
fn due<F: Clone>(
    servers: &Table<Server<F>>,
    clients: &Table<Client<F>>,
    alarm: &Alarm,
) -> Option<Instant> {
    let (serial, deadline) = match alarm.owner {
        Owner::Server(slot) => {
            let entry = servers.get(slot)?;
            (entry.alarm, entry.machine.deadline())
        }
        Owner::Client(slot) => {
            let entry = clients.get(slot)?;
            (entry.alarm, entry.machine.deadline())
        }
    };
    deadline.filter(|_| serial == alarm.serial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Draft;
    use crate::transaction::tests::epoch;

    #[test]
    fn alarms_of_what_is_over_do_not_pile_up() {
        let now = epoch();
        let mut layer = Transactions::new(Timers::default(), 100);
        let mut out = Vec::new();
        let mut hear = |layer: &mut Transactions<u8>, n: usize| {
            let text =
                format!("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{n}\r\n\r\n");
            let message = Message::parse(text.into()).unwrap();
            match layer.receive(message, 1, true, now, &mut out) {
                Some(Event::Request { id, request, .. }) => (id, request),
                other => panic!("{other:?}"),
            }
        };
        // Its alarm comes first, so that those behind it are not removed in passing.
        hear(&mut layer, 0);
        for n in 1..10_000 {
            let (id, request) = hear(&mut layer, n);
            let response = Draft::response(&request, 200, "OK", None).finish();
            assert!(layer.respond(id, 200, response, now, &mut Vec::new()));
            assert!(layer.alarms.len() <= 2 * (layer.len() + 1) + 64);
        }
        assert_eq!(layer.len(), 1);
    }
}
