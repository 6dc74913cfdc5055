//! A room of a thousand: everybody joins at once, and everybody is told of all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use server::{Policy, Server, Setup};
use sip::{Draft, Frame, Framer, Message, Method, Name, Request, Response};
use store::Store;
use world::sim::Universe;
use world::{Batch, Clock, Datagrams, Stream, World};
use xdm::conference_info::{self, Roster, State};

/// People in the room, the inviter included, who is number 0.
const PEOPLE: usize = 1000;

/// People with a socket in common. All of them at one would find its buffer too small.
const BOOTH: usize = 20;

/// How long anybody may wait for the whole roster: the interval of 5 s between notices, and the
/// time it takes to tell.
const PATIENCE: Duration = Duration::from_secs(6);

/// The longest NOTIFY over UDP: what usual stacks read.
const DATAGRAM: usize = 8192;

/// One of so many reads every document in full. Of the others, who are more than a test has time
/// for, the names in it count.
const READERS: usize = 100;

/// One INVITE of more than 64 kB calls 999 people, who all accept and subscribe at once.
#[test]
fn a_thousand_join_one_room_and_each_has_the_whole_roster_in_time() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let universe = Universe::new(7);
        let at = "10.0.0.1:5060".parse().unwrap();
        let server = serve(&universe, at).await;
        let host = universe.host("10.0.0.2".parse().unwrap());
        let hall = Arc::new(Hall::default());
        for first in (0..PEOPLE).step_by(BOOTH) {
            let booth = Booth::new(&host, at, first, &hall);
            host.tasks.spawn("booth", booth.run());
        }
        hall.wait(&host.clock, |count| count.registered == PEOPLE)
            .await;
        let (room, _line) = invite(&host, at).await;
        hall.counted().room = Some(room);
        hall.wait(&host.clock, |count| count.inside == PEOPLE).await;
        let all_in = host.clock.now();
        hall.wait(&host.clock, |count| count.complete == PEOPLE)
            .await;
        assert!(host.clock.now() <= all_in + PATIENCE);
        drop(server);
    });
}

async fn serve(universe: &Universe, at: SocketAddr) -> Server {
    let setup = Setup {
        domain: "example.org".to_owned(),
        sip_udp: Some(at),
        sip_tcp: Some(at),
        msrp_tcp: "10.0.0.1:2855".parse().unwrap(),
        http: None,
        cir_tcp: None,
        cir_udp: None,
        shards: 2,
        ..Setup::default()
    };
    let mut policy = Policy {
        trusted_peers: vec!["10.0.0.2".parse().unwrap()],
        ..Policy::default()
    };
    policy.focus.max_adhoc_group_size = 1000;
    let world = universe.host(at.ip());
    let server = Server::start(world, Store::memory(), setup, policy).await;
    server.unwrap()
}

// ---- The inviter ----

/// Invites everybody, and waits until somebody is in: the conference, and the connection to it.
async fn invite(host: &World, server: SocketAddr) -> (String, Stream) {
    let stream = host.net.connect(None, server).await.unwrap();
    let entries = (1..PEOPLE).fold(String::new(), |mut text, number| {
        let uri = address(number);
        let _ = write!(text, "<entry uri=\"{uri}\" cp:copyControl=\"to\"/>");
        text
    });
    let body = format!(
        "--x\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--x\r\n\
         Content-Type: application/resource-lists+xml\r\n\
         Content-Disposition: recipient-list\r\n\r\n\
         <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" \
         xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list>{entries}</list>\
         </resource-lists>\r\n--x--\r\n",
        sdp(0)
    );
    let extra = "Contact: <sip:host@10.0.0.2>\r\nRequire: recipient-list-invite\r\n\
                 Content-Type: multipart/mixed;boundary=x\r\n";
    let to = "sip:conference-factory@example.org";
    let text = request("INVITE", (&address(0), to), "TCP 10.0.0.2", extra, &body);
    assert!(text.len() > sip::MAX_MESSAGE, "{}", text.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    let accepted = response(&stream).await;
    assert_eq!(accepted.status(), 200, "{:?}", accepted.wire());
    let room = uri(accepted.raw(Name::Contact).unwrap());
    let ack = format!(
        "ACK {room} SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKack\r\n\
         Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 ACK\r\n\
         Content-Length: 0\r\n\r\n",
        accepted.raw(Name::From).unwrap(),
        accepted.raw(Name::To).unwrap(),
        accepted.raw(Name::CallId).unwrap(),
    );
    stream.write_all(ack.as_bytes()).await.unwrap();
    (room, stream)
}

/// The final response to the one request on this connection.
async fn response(stream: &Stream) -> Response {
    let (mut framer, mut buffer) = (Framer::default(), BytesMut::new());
    loop {
        while let Some(frame) = framer.next(&mut buffer).unwrap() {
            if let Frame::Message(Message::Response(response)) = frame
                && response.is_final()
            {
                return response;
            }
        }
        assert_ne!(stream.read(&mut buffer).await.unwrap(), 0, "it was closed");
    }
}

// ---- Everybody ----

/// What all of them have in common.
#[derive(Default)]
struct Hall(Mutex<Count>);

#[derive(Default)]
struct Count {
    registered: usize,
    inside: usize,
    complete: usize,
    /// The conference, once the inviter is in.
    room: Option<String>,
}

impl Hall {
    fn counted(&self) -> std::sync::MutexGuard<'_, Count> {
        self.0.lock().unwrap()
    }

    async fn wait(&self, clock: &Clock, until: impl Fn(&Count) -> bool) {
        for _ in 0..2000 {
            if until(&self.counted()) {
                return;
            }
            clock.sleep(Duration::from_millis(10)).await;
        }
        let Count {
            registered,
            inside,
            complete,
            ..
        } = *self.counted();
        panic!("{registered} have registered, {inside} are in, {complete} know all");
    }
}

/// Phones with one socket.
struct Booth {
    clock: Clock,
    server: SocketAddr,
    at: SocketAddr,
    socket: Datagrams,
    batch: Batch,
    hall: Arc<Hall>,
    /// The number of the first.
    first: usize,
    people: Vec<Person>,
    /// What is not answered, by Call-ID: it is sent again until it is.
    asked: BTreeMap<String, String>,
}

/// What one of them knows.
struct Person {
    invited: bool,
    known: HashSet<usize>,
    version: u32,
    octets: usize,
    roster: Roster,
}

impl Booth {
    fn new(host: &World, server: SocketAddr, first: usize, hall: &Arc<Hall>) -> Self {
        let port = u16::try_from(6000 + first).unwrap();
        let at = SocketAddr::new("10.0.0.2".parse().unwrap(), port);
        let person = |_| Person {
            invited: false,
            known: HashSet::new(),
            version: 0,
            octets: 0,
            roster: Roster::new(Vec::new()),
        };
        Self {
            clock: host.clock,
            server,
            at,
            socket: host.net.bind_udp(at).unwrap(),
            batch: Batch::new(),
            hall: Arc::clone(hall),
            first,
            people: (0..BOOTH).map(person).collect(),
            asked: BTreeMap::new(),
        }
    }

    async fn run(mut self) {
        for number in self.first..self.first + BOOTH {
            let me = address(number);
            self.ask("REGISTER", number, &me, "").await;
        }
        loop {
            // RFC 3261 section 17.1.2.2: timer E, roughly.
            let heard = self.socket.recv(&mut self.batch);
            match self.clock.timeout(Duration::from_millis(500), heard).await {
                Ok(read) => read.unwrap(),
                Err(_) => {
                    for text in self.asked.values() {
                        self.send(text.as_bytes()).await;
                    }
                    self.inviter_subscribes().await;
                }
            }
            let datagrams: Vec<_> = self.batch.drain().map(|datagram| datagram.bytes).collect();
            for bytes in datagrams {
                match Message::parse(bytes).unwrap() {
                    Message::Request(request) => self.asked(&request).await,
                    Message::Response(response) => self.answered(&response),
                }
            }
        }
    }

    // ---- What they say ----

    async fn ask(&mut self, method: &str, number: usize, to: &str, extra: &str) {
        let me = address(number);
        let contact = format!("Contact: <{}>\r\n{extra}", self.contact(number));
        let via = format!("UDP {}", self.at);
        let text = request(method, (&me, to), &via, &contact, "");
        self.send(text.as_bytes()).await;
        self.asked.insert(format!("{method}{me}"), text);
    }

    async fn inviter_subscribes(&mut self) {
        let room = self.hall.counted().room.clone();
        if self.first == 0
            && let Some(room) = room
        {
            self.comes_in(0, &room).await;
        }
    }

    async fn comes_in(&mut self, number: usize, room: &str) {
        let person = &mut self.people[number - self.first];
        if !std::mem::replace(&mut person.invited, true) {
            self.hall.counted().inside += 1;
            self.ask("SUBSCRIBE", number, room, "Event: conference\r\n")
                .await;
        }
    }

    async fn answer(&self, request: &Request, extra: &[(Name, &str)], body: &str) {
        let mut draft = Draft::response(request, 200, "OK", Some("g"));
        draft.copy_all(request, Name::RecordRoute);
        for (name, value) in extra {
            draft.header(*name, value);
        }
        let bytes = match body.is_empty() {
            true => draft.finish(),
            false => draft.finish_with("application/sdp", body.as_bytes()),
        };
        self.send(&bytes).await;
    }

    async fn send(&self, bytes: &[u8]) {
        self.socket.send(self.server, bytes).await.unwrap();
    }

    fn contact(&self, number: usize) -> String {
        format!("sip:person.number.{number:04}@{}", self.at)
    }

    // ---- What they hear ----

    fn answered(&mut self, response: &Response) {
        assert!(response.status() < 300, "{:?}", response.wire());
        let is_first = self.asked.remove(response.raw(Name::CallId).unwrap());
        if is_first.is_some() && response.raw(Name::CSeq) == Some("1 REGISTER") {
            self.hall.counted().registered += 1;
        }
    }

    async fn asked(&mut self, request: &Request) {
        let number = number(request.raw(Name::To).unwrap());
        match request.method() {
            Method::Invite => {
                let contact = format!("<{}>", self.contact(number));
                let extra = &[(Name::Contact, contact.as_str())];
                self.answer(request, extra, &sdp(number)).await;
            }
            Method::Ack => {
                let room = uri(request.raw(Name::From).unwrap());
                self.comes_in(number, &room).await;
            }
            Method::Notify => {
                assert!(request.wire().len() <= DATAGRAM);
                self.told(number, request);
                self.answer(request, &[], "").await;
            }
            method => panic!("{method}: {:?}", request.wire()),
        }
    }

    fn told(&mut self, number: usize, notify: &Request) {
        let body = notify.body();
        let text = str::from_utf8(&body).unwrap();
        let person = &mut self.people[number - self.first];
        if version(text) < person.version {
            return; // It came again.
        }
        // RFC 4575 section 4.6: no version is left out, and only the first is full.
        assert_eq!(version(text), person.version, "{number}");
        assert_eq!(text.contains("<users state=\"full\">"), person.version == 0);
        person.version += 1;
        person.octets += notify.wire().len();
        let knew = person.known.len();
        person
            .known
            .extend(text.split("<user entity=\"").skip(1).map(self::number));
        if number.is_multiple_of(READERS) {
            let info = conference_info::read(&body, conference_info::MAX_BYTES).unwrap();
            assert_eq!(info.state == State::Full, person.version == 1);
            person.roster.apply(info).unwrap();
        }
        if knew < PEOPLE && person.known.len() == PEOPLE {
            person.assert_knows_all(number);
            self.hall.counted().complete += 1;
        }
    }
}

impl Person {
    fn assert_knows_all(&self, number: usize) {
        if number.is_multiple_of(READERS) {
            assert_eq!(self.roster.members().count(), PEOPLE);
            let own = self.roster.own().expect("yourown was told");
            assert_eq!(own.entity, address(number));
        }
        // Nobody is told of everybody again and again: a user is some 200 octets.
        let octets = self.octets;
        assert!(octets < 2 * 200 * PEOPLE, "{number} was told {octets}");
    }
}

// ---- What is on the wire ----

fn request(method: &str, (from, to): (&str, &str), via: &str, extra: &str, body: &str) -> String {
    let length = body.len();
    let uri = match method {
        "REGISTER" => "sip:example.org",
        _ => to,
    };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{method}{from};rport\r\n\
         Max-Forwards: 70\r\nFrom: <{from}>;tag=f\r\nTo: <{to}>\r\nCall-ID: {method}{from}\r\n\
         CSeq: 1 {method}\r\nP-Asserted-Identity: <{from}>\r\n{extra}\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn address(number: usize) -> String {
    format!("sip:person.number.{number:04}@example.org")
}

/// The number in an address, or in what begins with one.
fn number(address: &str) -> usize {
    let (_, rest) = address.split_once("person.number.").unwrap();
    rest[..4].parse().unwrap()
}

fn uri(value: &str) -> String {
    value.split(['<', '>']).nth(1).unwrap().to_owned()
}

fn version(document: &str) -> u32 {
    let (_, rest) = document.split_once("\" version=\"").unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

fn sdp(number: usize) -> String {
    format!(
        "v=0\r\no=- {number} 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
         m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=accept-wrapped-types:*\r\n\
         a=path:msrp://10.0.0.2:9/s{number};tcp\r\na=setup:active\r\n"
    )
}
