//! Days made by hand, for the tests of the rules: a server at 10.0.0.1, and people at 10.0.1.1
//! and on, who take part in one conference.

mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use world::sim::{Delivery, Kind, Moment};

use super::breach::Breach;
use super::day::Day;
use super::facts::Facts;
use super::wire;
use words::{Call, PEOPLE, ROOM, aor, cpim, member_path, sdp, server_path};

/// What has been delivered so far.
pub(super) struct Stage {
    log: Vec<Delivery>,
    facts: Facts,
    now: Duration,
    number: u64,
    /// CSeq numbers, branches and transaction ids: each is used once.
    next: u32,
    /// CSeq of the next NOTIFY.
    notify: u32,
}

impl Stage {
    /// A conference that the first has opened and the others have joined.
    pub(super) fn conference(who: &[&str]) -> Self {
        Self::open(who, None)
    }

    /// The same; one of the others was invited without the knowledge of the rest.
    pub(super) fn hiding(whom: &str, who: &[&str]) -> Self {
        Self::open(who, Some(whom))
    }

    fn open(who: &[&str], hidden: Option<&str>) -> Self {
        let mut stage = Self {
            log: Vec::new(),
            facts: Facts::new(IpAddr::from([10, 0, 0, 1])),
            now: Duration::from_secs(1),
            number: 0,
            next: 1,
            notify: 1,
        };
        for name in PEOPLE {
            let ip = stage.socket(name, 0).ip();
            stage.facts.person(ip, &aor(name), Duration::ZERO);
        }
        for name in who {
            let call = Call::of(name);
            stage.invite(&call, hidden);
            stage.accept(&call);
            stage.ack(&call);
            stage.bind(call.who);
        }
        stage
    }

    /// The breaches that a rule finds so far.
    pub(super) fn judge(&self, check: impl Fn(&Day<'_>, &mut Vec<Breach>)) -> Vec<String> {
        let heard = wire::read(&self.log);
        let day = Day::new(&self.facts, &heard, self.now);
        let mut breaches = Vec::new();
        check(&day, &mut breaches);
        breaches.iter().map(Breach::to_string).collect()
    }

    /// Time passes.
    pub(super) fn passes(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn fate(&mut self, name: &str) {
        let ip = self.socket(name, 0).ip();
        self.facts.fate(ip, self.now);
    }

    /// Somebody is behind the server of another domain.
    pub(super) fn is_elsewhere(&mut self, name: &str) {
        let ip = self.socket(name, 0).ip();
        self.facts.people.remove(&ip);
    }

    pub(super) fn hides(&mut self, name: &str) {
        self.facts.hidden.push((aor(name), self.now));
    }

    /// Somebody is invited and does not answer.
    pub(super) fn rings(&mut self, name: &str) {
        self.invite(&Call::of(name), None);
    }

    pub(super) fn declines(&mut self, name: &str, acknowledged: bool) {
        self.rings(name);
        self.refuses(name);
        if acknowledged {
            self.ack(&Call::of(name));
        }
    }

    pub(super) fn refuses(&mut self, name: &str) {
        let line = "SIP/2.0 486 Busy Here";
        self.sip(name, false, line, &Call::of(name).id(), "1 INVITE", "", "");
    }

    pub(super) fn accepts_unacknowledged(&mut self, name: &str) {
        let call = Call::of(name);
        self.invite(&call, None);
        self.accept(&call);
    }

    pub(super) fn leaves(&mut self, name: &str) {
        let call = Call::of(name);
        let line = format!("BYE {ROOM} SIP/2.0");
        self.sip(call.who, false, &line, &call.id(), "2 BYE", "", "");
        let line = "SIP/2.0 200 OK";
        self.sip(call.who, true, line, &call.id(), "2 BYE", "", "");
    }

    /// A BYE to a call that the server has ended already.
    pub(super) fn leaves_in_vain(&mut self, name: &str) {
        let id = Call::of(name).id();
        let line = format!("BYE {ROOM} SIP/2.0");
        self.sip(name, false, &line, &id, "2 BYE", "", "");
        self.sip(name, true, "SIP/2.0 481 Gone", &id, "2 BYE", "", "");
    }

    /// The MSRP connection of somebody is reset.
    pub(super) fn breaks(&mut self, name: &str) {
        let ends = (self.server(2855), self.socket(name, 4000));
        self.deliver(Kind::Rst, ends, "");
    }

    /// So is the connection that their SIP used, if they use one.
    pub(super) fn loses_signalling(&mut self, name: &str) {
        let ends = (self.server(5060), self.socket(name, 5060));
        self.deliver(Kind::Rst, ends, "");
    }

    pub(super) fn says(&mut self, name: &str, text: &str) {
        self.send(name, false, text, &cpim(name, ROOM, text, text), true);
    }

    pub(super) fn whispers(&mut self, name: &str, to: &str, text: &str) {
        self.send(name, false, text, &cpim(name, &aor(to), text, text), true);
    }

    /// Somebody is sent what another says.
    pub(super) fn hears(&mut self, name: &str, id: &str, from: &str, text: &str) {
        self.hears_as(name, id, from, text, text);
    }

    /// The same, with a text that is not what was said.
    pub(super) fn hears_as(&mut self, name: &str, id: &str, from: &str, text: &str, other: &str) {
        self.send(name, true, id, &cpim(from, ROOM, text, other), true);
    }

    /// One message in two chunks, and another whole one between them; in one segment or three.
    pub(super) fn hears_within(&mut self, name: &str, outer: &str, inner: &str, at_once: bool) {
        let ends = (self.server(2855), self.socket(name, 4000));
        let (from, to) = (server_path(name), member_path(name));
        let frames = [
            (outer, "1-2/4", '+'),
            (inner, "1-2/2", '$'),
            (outer, "3-4/4", '$'),
        ];
        let frames = frames.map(|(id, range, flag)| {
            format!(
                "MSRP transaction SEND\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n\
                 Message-ID: {id}\r\nByte-Range: {range}\r\nContent-Type: text/plain\r\n\r\n\
                 hm\r\n-------transaction{flag}\r\n"
            )
        });
        if at_once {
            return self.deliver(Kind::Data, ends, &frames.concat());
        }
        for frame in frames {
            self.deliver(Kind::Data, ends, &frame);
        }
    }

    /// A MESSAGE through the proxy, answered 200 to the sender.
    pub(super) fn pages(&mut self, from: &str, to: &str, taken: bool) {
        let line = format!("MESSAGE {} SIP/2.0", aor(to));
        self.sip(from, false, &line, "call-page", "1 MESSAGE", "", "");
        self.sip(to, true, &line, "call-page", "1 MESSAGE", "", "");
        if taken {
            self.sip(
                to,
                false,
                "SIP/2.0 200 OK",
                "call-page",
                "1 MESSAGE",
                "",
                "",
            );
        }
        self.sip(
            from,
            true,
            "SIP/2.0 200 OK",
            "call-page",
            "1 MESSAGE",
            "",
            "",
        );
    }

    /// A NOTIFY with these people in it, who have left if a `-` stands before them.
    pub(super) fn notifies(&mut self, name: &str, state: &str, version: u32, people: &[&str]) {
        self.notifies_unanswered(name, state, version, people);
        let cseq = format!("{} NOTIFY", self.notify - 1);
        self.sip(name, false, "SIP/2.0 200 OK", "call-watch", &cseq, "", "");
    }

    pub(super) fn notifies_unanswered(
        &mut self,
        name: &str,
        state: &str,
        version: u32,
        people: &[&str],
    ) {
        let users = people.iter().map(|person| {
            let (name, status) = match person.strip_prefix('-') {
                Some(name) => (name, "disconnected"),
                None => (*person, "connected"),
            };
            let entity = aor(name);
            format!(
                "<user entity=\"{entity}\"><endpoint entity=\"{entity}\"><status>{status}</status>\
                 </endpoint></user>"
            )
        });
        let users: String = users.collect();
        let body = format!(
            "<conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"{ROOM}\" \
             state=\"{state}\" version=\"{version}\"><users state=\"{state}\">{users}</users>\
             </conference-info>"
        );
        let more = "Subscription-State: active;expires=60\r\n\
                    Content-Type: application/conference-info+xml\r\n";
        self.notify(name, more, &body);
    }

    pub(super) fn ends_subscription(&mut self, name: &str) {
        self.notify(
            name,
            "Subscription-State: terminated;reason=timeout\r\n",
            "",
        );
    }

    /// The next NOTIFY uses the number of the last one again.
    pub(super) fn rewind(&mut self, _name: &str) {
        self.notify -= 1;
    }

    fn notify(&mut self, name: &str, more: &str, body: &str) {
        let line = format!("NOTIFY {} SIP/2.0", aor(name));
        let cseq = format!("{} NOTIFY", self.notify);
        self.notify += 1;
        let more = format!("Event: conference\r\n{more}");
        self.sip(name, true, &line, "call-watch", &cseq, &more, body);
    }

    fn invite(&mut self, call: &Call, hidden: Option<&str>) {
        let line = format!("INVITE {ROOM} SIP/2.0");
        let sdp = sdp(call, !call.is_caller);
        let (more, body) = match hidden.filter(|_| call.is_caller) {
            None => ("Content-Type: application/sdp\r\n".to_owned(), sdp),
            Some(hidden) => (
                "Content-Type: multipart/mixed;boundary=x\r\n".to_owned(),
                format!(
                    "--x\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--x\r\n\
                     Content-Type: application/resource-lists+xml\r\n\
                     Content-Disposition: recipient-list\r\n\r\n\
                     <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" \
                     xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list><entry uri=\"{}\" \
                     cp:copyControl=\"bcc\"/></list></resource-lists>\r\n--x--\r\n",
                    aor(hidden)
                ),
            ),
        };
        self.sip(
            call.who,
            !call.is_caller,
            &line,
            &call.id(),
            "1 INVITE",
            &more,
            &body,
        );
    }

    fn accept(&mut self, call: &Call) {
        let more = "Content-Type: application/sdp\r\n";
        let body = sdp(call, call.is_caller);
        let line = "SIP/2.0 200 OK";
        self.sip(
            call.who,
            call.is_caller,
            line,
            &call.id(),
            "1 INVITE",
            more,
            &body,
        );
    }

    fn ack(&mut self, call: &Call) {
        let line = format!("ACK {ROOM} SIP/2.0");
        self.sip(
            call.who,
            !call.is_caller,
            &line,
            &call.id(),
            "1 ACK",
            "",
            "",
        );
    }

    /// The first, empty SEND of a session, and its response.
    fn bind(&mut self, name: &str) {
        let ends = (self.socket(name, 4000), self.server(2855));
        self.deliver(Kind::Syn, ends, "");
        self.send(name, false, "hello", "", true);
    }

    fn send(&mut self, name: &str, down: bool, id: &str, body: &str, answered: bool) {
        let mut ends = (self.socket(name, 4000), self.server(2855));
        let mut paths = (server_path(name), member_path(name));
        if down {
            ends = (ends.1, ends.0);
            paths = (paths.1, paths.0);
        }
        self.next += 1;
        let tid = format!("transaction{}", self.next);
        let length = body.len();
        let (to, from) = &paths;
        let content = match body {
            "" => String::new(),
            body => format!("Content-Type: message/cpim\r\n\r\n{body}\r\n"),
        };
        let frame = format!(
            "MSRP {tid} SEND\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\nMessage-ID: {id}\r\n\
             Byte-Range: 1-{length}/{length}\r\n{content}-------{tid}$\r\n"
        );
        self.deliver(Kind::Data, ends, &frame);
        if answered {
            let frame = format!(
                "MSRP {tid} 200 OK\r\nTo-Path: {from}\r\nFrom-Path: {to}\r\n-------{tid}$\r\n"
            );
            self.deliver(Kind::Data, (ends.1, ends.0), &frame);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a message")]
    fn sip(
        &mut self,
        name: &str,
        from_server: bool,
        line: &str,
        call: &str,
        cseq: &str,
        more: &str,
        body: &str,
    ) {
        let (number, method) = cseq.split_once(' ').unwrap();
        // The ACK of a failure has the branch of its INVITE.
        let branch = match method {
            "ACK" => "INVITE",
            other => other,
        };
        let is_response = line.starts_with("SIP/");
        let (server, own) = ("<sip:room@localhost>;tag=focus".to_owned(), {
            format!("<{}>;tag={name}-tag", aor(name))
        });
        let (from, mut to) = match from_server != is_response {
            true => (server, own),
            false => (own, server),
        };
        if method == "INVITE" && !is_response {
            to = to.split(';').next().unwrap_or_default().to_owned();
        }
        let contact = match from_server {
            true => format!("Contact: <{ROOM}>;isfocus\r\n"),
            false => String::new(),
        };
        let length = body.len();
        let message = format!(
            "{line}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK{branch}{number}\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq}\r\n{contact}{more}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut ends = (self.socket(name, 5060), self.server(5060));
        if from_server {
            ends = (ends.1, ends.0);
        }
        self.deliver(Kind::Datagram, ends, &message);
    }

    fn deliver(&mut self, kind: Kind, (from, to): (SocketAddr, SocketAddr), bytes: &str) {
        let sent = Moment {
            at: self.now,
            number: self.number,
        };
        self.now += Duration::from_millis(1);
        self.number += 2;
        self.log.push(Delivery {
            at: self.now,
            sent,
            number: self.number - 1,
            kind,
            from,
            to,
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        });
    }

    fn server(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.facts.server, port)
    }

    fn socket(&self, name: &str, port: u16) -> SocketAddr {
        let place = PEOPLE.iter().position(|person| *person == name).unwrap();
        let last = u8::try_from(place + 1).unwrap();
        SocketAddr::new(IpAddr::from([10, 0, 1, last]), port)
    }
}
