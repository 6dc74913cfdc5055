//! A CSP server that does what the test says, in a simulated world, and an agent behind it.
//!
//! It reads one POST at a time. What the test answers and asks goes into the response to it, which
//! is sent when the test wants the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use client::imps::{Agent, Cir, Config, Event, Events};
use imps::csp::{
    AgreedCapabilityList, ClientCapabilityRequest, ClientCapabilityResponse, KeepAliveResponse,
    LoginRequest, LoginResponse, Outcome, ServiceRequest, ServiceResponse, Status,
};
use imps::digest::DigestSchema;
use imps::service::Functions;
use imps::status::Code;
use imps::{Document, Encoding, Message, Mode, Primitive, Session, Transaction, Version};
use world::sim::Universe;
use world::{Listener, Stream, World};

pub(crate) const ALICE: &str = "wv:alice@localhost";
pub(crate) const BOB: &str = "wv:bob@localhost";
pub(crate) const CAROL: &str = "wv:carol@localhost";

/// The session that the fake gives.
pub(crate) const SESSION: &str = "s-1";

/// A server at 10.0.0.1, of which the agent at 10.0.0.2 is the only client.
pub(crate) struct Server {
    pub(crate) universe: Universe,
    pub(crate) world: World,
    pub(crate) client: World,
    listener: Listener,
    stream: Option<Stream>,
    buffer: BytesMut,
    version: Version,
    encoding: Encoding,
    /// What came in the POST that is not answered yet.
    inbox: VecDeque<Transaction>,
    owes: bool,
    outbox: Vec<Transaction>,
    asked: u32,
    /// What is said in the answers.
    pub(crate) session: Session,
    pub(crate) poll: bool,
    /// What the server does not offer.
    pub(crate) missing: Functions,
    pub(crate) agreed: AgreedCapabilityList,
    pub(crate) keep_alive_s: Option<u32>,
    /// Whether polls and signs of life are answered without asking the test.
    pub(crate) is_patient: bool,
    /// Of the last POST.
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
    /// Of the last login.
    pub(crate) cookie: String,
}

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A client that polls, with a session that outlives every test.
pub(crate) fn config() -> Config {
    let mut config = Config::new(ALICE, "password", at("10.0.0.1:8080"));
    config.cir = Cir::Poll {
        every: Duration::from_secs(10),
    };
    config.time_to_live = Duration::from_secs(1_000_000);
    config
}

pub(crate) fn meet(config: Config) -> (Server, Agent, Events) {
    let universe = Universe::new(7);
    let world = universe.host("10.0.0.1".parse().unwrap());
    let client = universe.host("10.0.0.2".parse().unwrap());
    let server = Server {
        listener: world.net.listen(at("10.0.0.1:8080")).unwrap(),
        universe,
        world,
        client,
        stream: None,
        buffer: BytesMut::new(),
        version: config.version,
        encoding: config.encoding,
        inbox: VecDeque::new(),
        owes: false,
        outbox: Vec::new(),
        asked: 0,
        session: Session::Inband(SESSION.to_owned()),
        poll: false,
        missing: Functions::NONE,
        agreed: AgreedCapabilityList::default(),
        keep_alive_s: None,
        is_patient: true,
        head: String::new(),
        bytes: Vec::new(),
        cookie: String::new(),
    };
    let (agent, events) = Agent::start(&server.client, config).unwrap();
    (server, agent, events)
}

/// Both, after the login.
pub(crate) async fn online(config: Config) -> (Server, Agent, Events) {
    let (mut server, agent, events) = meet(config);
    let (entered, ()) = tokio::join!(agent.login(), server.welcome());
    assert_eq!(entered, Ok(()));
    (server, agent, events)
}

impl Server {
    /// The next transaction, within a virtual day. What is owed to the client is sent before.
    pub(crate) async fn next(&mut self) -> Transaction {
        let clock = self.world.clock;
        let begun = clock.now();
        loop {
            // Somebody who only polls would keep us for ever.
            assert!(
                clock.now() - begun < Duration::from_secs(86_400),
                "only polls"
            );
            let Some(next) = self.inbox.pop_front() else {
                self.flush().await;
                self.receive().await;
                continue;
            };
            match next.primitive {
                Primitive::PollingRequest(_) if self.is_patient => {}
                Primitive::KeepAliveRequest(_) if self.is_patient => {
                    let alive = KeepAliveResponse::default();
                    self.outbox.push(Transaction::response(next.id, alive));
                }
                _ => return next,
            }
        }
    }

    /// The next transaction, which must be this request of the client's.
    pub(crate) async fn expect(&mut self, name: &str) -> (String, Primitive) {
        let next = self.next().await;
        assert_eq!(next.mode, Mode::Request, "{next:?}");
        assert_eq!(next.primitive.name(), name, "{:?}", next.primitive);
        (next.id, next.primitive)
    }

    /// The next transaction, which must be the client's answer to what was asked last.
    pub(crate) async fn answered(&mut self) -> Primitive {
        let next = self.next().await;
        assert_eq!(next.mode, Mode::Response, "{next:?}");
        assert_eq!(next.id, format!("s{}", self.asked));
        next.primitive
    }

    /// The same, which must say that all is well.
    pub(crate) async fn accepted(&mut self) {
        assert_eq!(self.answered().await, Status::new(Code::SUCCESSFUL).into());
    }

    /// Answers a request. If it was the last of the POST, the client has it at once.
    pub(crate) async fn answer(&mut self, id: &str, primitive: impl Into<Primitive>) {
        self.outbox.push(Transaction::response(id, primitive));
        if self.inbox.is_empty() {
            self.flush().await;
        }
    }

    pub(crate) async fn status(&mut self, id: &str, code: u16) {
        self.answer(id, Status::new(Code::new(code))).await;
    }

    /// Asks the client something, with what it is answered next.
    pub(crate) fn ask(&mut self, primitive: impl Into<Primitive>) {
        self.asked += 1;
        self.repeat(primitive);
    }

    /// The same under the number of what was asked before.
    pub(crate) fn repeat(&mut self, primitive: impl Into<Primitive>) {
        let id = format!("s{}", self.asked);
        self.outbox.push(Transaction::request(id, primitive));
    }

    /// Answers the POST, if there is one.
    pub(crate) async fn flush(&mut self) {
        if !self.owes {
            return;
        }
        let mut body = Vec::new();
        if !self.outbox.is_empty() || self.poll {
            let mut message = Message::new(self.version, self.session.clone());
            message.transactions = std::mem::take(&mut self.outbox);
            message.poll = std::mem::take(&mut self.poll);
            body = message.encode(self.encoding).to_vec();
        }
        self.respond("200 OK", &body).await;
    }

    /// Answers the POST with these octets.
    pub(crate) async fn respond(&mut self, status: &str, body: &[u8]) {
        let kind = match self.encoding {
            Encoding::Wbxml => "application/vnd.wv.csp+wbxml",
            Encoding::Xml => "application/vnd.wv.csp+xml",
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.write(&[head.as_bytes(), body].concat()).await;
    }

    /// Writes instead of an answer what the test wants.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.owes = false;
        self.inbox.clear();
        // It may have been closed: the client finds out.
        let _written = self.stream.as_ref().unwrap().write_all(bytes).await;
    }

    /// Breaks the connection off, and with it the answer.
    pub(crate) fn hang_up(&mut self) {
        self.owes = false;
        self.inbox.clear();
        self.outbox.clear();
        self.stream = None;
        self.buffer.clear();
    }

    /// Reads a POST.
    pub(crate) async fn receive(&mut self) {
        let clock = self.world.clock;
        let patience = Duration::from_secs(86_400);
        let read = clock.timeout(patience, self.read()).await;
        let body = read.expect("a POST");
        self.owes = true;
        self.bytes = body;
        if let Ok(Document::Message(message)) = Document::decode(&self.bytes, self.encoding) {
            assert_eq!(message.refused, []);
            assert_eq!(message.version, self.version);
            self.inbox.extend(message.transactions);
        }
    }

    async fn read(&mut self) -> Vec<u8> {
        loop {
            let stream = match &self.stream {
                Some(stream) => stream,
                None => {
                    self.buffer.clear();
                    let (stream, _) = self.listener.accept().await.unwrap();
                    self.stream.insert(stream)
                }
            };
            let whole = &self.buffer[..];
            if let Some(at) = whole.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = String::from_utf8(whole[..at].to_vec()).unwrap();
                let length = field(&head, "content-length").map_or(0, |n| n.parse().unwrap());
                if whole.len() >= at + 4 + length {
                    let post = self.buffer.split_to(at + 4 + length);
                    self.head = head;
                    return post[at + 4..].to_vec();
                }
            }
            if !matches!(stream.read(&mut self.buffer).await, Ok(1..)) {
                self.stream = None;
            }
        }
    }

    /// Logs the client in by four steps, whatever it asks for.
    pub(crate) async fn welcome(&mut self) {
        let (id, first) = self.login_request().await;
        if first.password.is_none() {
            let nonce = LoginResponse {
                outcome: Outcome::new(Code::UNAUTHORIZED),
                nonce: Some("n0nce".to_owned()),
                digest_schema: Some(DigestSchema::Sha),
                ..LoginResponse::default()
            };
            self.answer(&id, nonce).await;
            let (id, second) = self.login_request().await;
            let digest = DigestSchema::Sha.digest("n0nce", "password");
            assert_eq!(second.digest_bytes, digest);
            self.let_in(&id).await;
        } else {
            self.let_in(&id).await;
        }
        self.negotiate().await;
    }

    pub(crate) async fn login_request(&mut self) -> (String, LoginRequest) {
        let (id, primitive) = self.expect("Login-Request").await;
        let Primitive::LoginRequest(request) = primitive else {
            unreachable!()
        };
        self.cookie = request.session_cookie.clone().unwrap();
        (id, request)
    }

    /// Gives the client its session.
    pub(crate) async fn let_in(&mut self, id: &str) {
        let response = LoginResponse {
            session: Some(SESSION.to_owned()),
            keep_alive_s: self.keep_alive_s,
            capability_request: Some(true),
            ..LoginResponse::default()
        };
        self.answer(id, response).await;
    }

    /// Agrees on capabilities and functions. Returns what the client has asked for.
    pub(crate) async fn negotiate(&mut self) {
        let _asked = self.negotiated().await;
    }

    pub(crate) async fn negotiated(&mut self) -> (ClientCapabilityRequest, ServiceRequest) {
        let (id, can) = self.expect("ClientCapability-Request").await;
        let agreed = ClientCapabilityResponse {
            agreed: Some(Box::new(self.agreed.clone())),
            ..ClientCapabilityResponse::default()
        };
        self.answer(&id, agreed).await;
        let (id, wants) = self.expect("Service-Request").await;
        let response = ServiceResponse {
            functions: Some(self.missing),
            ..ServiceResponse::default()
        };
        self.answer(&id, response).await;
        match (can, wants) {
            (Primitive::ClientCapabilityRequest(can), Primitive::ServiceRequest(wants)) => {
                (can, wants)
            }
            _ => unreachable!(),
        }
    }
}

/// A field of an HTTP head.
pub(crate) fn field(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// The next event that `wanted` takes, within a virtual hour; others are passed over.
pub(crate) async fn event<T>(events: &mut Events, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let mut passed = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(3600), events.recv());
        let Ok(Some(event)) = next.await else {
            panic!("only {passed:?}")
        };
        if let Some(got) = wanted(&event) {
            return got;
        }
        passed.push(event);
    }
}

/// Everything that has been told so far.
pub(crate) fn told(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}
