//! A handset made of a plain socket: HTTP by hand, and the codec.

use std::net::SocketAddr;
use std::time::Instant;

use imps::csp::{
    CapabilityList, ClientCapabilityRequest, ClientId, ExtendConversationResponse,
    GroupChangeNotice, InviteUserRequest, LoginRequest, LoginResponse, MessageDelivered,
    MessageInfo, NewMessage, Outcome, PollingRequest, Property, Recipient, ScreenName,
    SendMessageRequest, SendMessageResponse, ServiceRequest, Status, User,
};
use imps::digest::DigestSchema;
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Document, Encoding, Message, Mode, Primitive, Session, Transaction, Version};

pub use super::http::{Dial, Http, Wire, connect, read_answer, round};
use super::{Lab, PATIENCE};

/// One client of one user.
pub struct Handset {
    pub at: SocketAddr,
    pub user: String,
    pub version: Version,
    pub encoding: Encoding,
    pub session: String,
    pub client: Option<ClientId>,
    /// Whether the last answer said that more waits.
    pub poll: bool,
    pub extra: Vec<(String, String)>,
    dial: Dial,
    /// It connects anew each time: where time passes in leaps, connections do not last.
    pub anew: bool,
    stream: Option<Box<dyn Wire>>,
    count: u32,
    /// What the server has asked and no test has looked at.
    pub told: std::collections::VecDeque<Primitive>,
}

impl Handset {
    /// A handset that has not logged in.
    pub fn off(lab: &Lab, user: &str, version: Version, encoding: Encoding) -> Self {
        let at = lab.at.http.unwrap();
        Self::by(Box::new(move || Box::new(connect(at))), at, user).of(version, encoding)
    }

    /// A handset that has not logged in, and connects in some way.
    pub fn by(dial: Dial, at: SocketAddr, user: &str) -> Self {
        let (version, encoding) = (Version::V1_3, Encoding::Wbxml);
        Self {
            at,
            dial,
            anew: false,
            user: user.to_owned(),
            version,
            encoding,
            session: String::new(),
            client: Some(ClientId {
                url: Some(format!("{user}.phone")),
                msisdn: None,
            }),
            poll: false,
            extra: Vec::new(),
            stream: None,
            count: 0,
            told: Default::default(),
        }
    }

    /// The same handset speaking this version in this encoding.
    pub fn of(mut self, version: Version, encoding: Encoding) -> Self {
        (self.version, self.encoding) = (version, encoding);
        self
    }

    /// Another client of the same user.
    pub fn called(mut self, client: &str) -> Self {
        self.client = Some(ClientId {
            url: Some(client.to_owned()),
            msisdn: None,
        });
        self
    }

    /// A client of version 1.3 in WBXML that has agreed on everything.
    pub fn on(lab: &Lab, user: &str) -> Self {
        let mut handset = Self::off(lab, user, Version::V1_3, Encoding::Wbxml);
        handset.log_in();
        handset.agree(Functions::NONE);
        handset
    }

    /// A client that agrees on everything but some functions.
    pub fn without(lab: &Lab, user: &str, functions: &[Function]) -> Self {
        let mut handset = Self::off(lab, user, Version::V1_3, Encoding::Wbxml);
        handset.log_in();
        let all = Functions::all(Version::V1_3);
        handset.agree(all.without(Functions::of(functions)));
        handset
    }

    /// A client of some version that has agreed on everything.
    pub fn speaking(lab: &Lab, user: &str, version: Version, encoding: Encoding) -> Self {
        let mut handset = Self::off(lab, user, version, encoding);
        handset.log_in();
        handset.agree(Functions::NONE);
        handset
    }

    pub fn wv(&self) -> String {
        wv(&self.user)
    }

    /// Logs in with the password.
    pub fn log_in(&mut self) {
        let response = self.login(LoginRequest {
            password: Some("password".to_owned()),
            ..self.login_request()
        });
        assert_eq!(response.outcome.code, Code::SUCCESSFUL, "{response:?}");
        self.session = response.session.unwrap();
    }

    pub fn login_request(&self) -> LoginRequest {
        LoginRequest {
            user: self.wv(),
            client: self.client.clone(),
            time_to_live_s: Some(600),
            session_cookie: Some(format!("cookie-{}", self.user)),
            ..LoginRequest::default()
        }
    }

    pub fn login(&mut self, request: LoginRequest) -> LoginResponse {
        match self.outband(request.into()) {
            Primitive::LoginResponse(response) => response,
            other => panic!("no answer to a login: {other:?}"),
        }
    }

    /// Both steps of a login by digest.
    pub fn log_in_by(&mut self, schema: DigestSchema, password: &str) -> LoginResponse {
        let first = self.login(LoginRequest {
            digest_schemas: vec![schema.clone()],
            ..self.login_request()
        });
        let nonce = first.nonce.expect("a nonce");
        assert_eq!(first.digest_schema, Some(schema.clone()));
        self.login(LoginRequest {
            digest_bytes: schema.digest(&nonce, password),
            ..self.login_request()
        })
    }

    /// Asks for functions, and says what the client can take.
    pub fn agree(&mut self, functions: Functions) {
        let answer = self.ask(ServiceRequest {
            functions: Some(functions),
            ..ServiceRequest::default()
        });
        assert!(
            matches!(answer, Primitive::ServiceResponse(_)),
            "{answer:?}"
        );
        self.capable(CapabilityList {
            multi_trans: Some(4),
            multi_trans_per_message: Some(4),
            ..CapabilityList::default()
        });
    }

    pub fn capable(&mut self, list: CapabilityList) -> imps::csp::AgreedCapabilityList {
        let answer = self.ask(ClientCapabilityRequest {
            capabilities: Some(Box::new(list)),
            ..ClientCapabilityRequest::default()
        });
        match answer {
            Primitive::ClientCapabilityResponse(response) => match response.agreed {
                Some(agreed) => *agreed,
                None => agreed_in_1_1(*response.capabilities.unwrap()),
            },
            other => panic!("{other:?}"),
        }
    }

    // ---- Asking ----

    /// A request and its answer.
    pub fn ask(&mut self, request: impl Into<Primitive>) -> Primitive {
        let id = self.next_id();
        self.ask_as(&id, request)
    }

    /// A request under a transaction id of the test's.
    pub fn ask_as(&mut self, id: &str, request: impl Into<Primitive>) -> Primitive {
        let message = self
            .message()
            .with(Transaction::request(id, request.into()));
        let answer = self.exchange(&message).expect("an answer");
        assert_eq!(answer.transactions.len(), 1, "{answer:?}");
        let transaction = answer.transactions.into_iter().next().unwrap();
        assert_eq!((transaction.mode, &*transaction.id), (Mode::Response, id));
        transaction.primitive
    }

    /// A message of the session with nothing in it yet.
    pub fn message(&self) -> Message {
        Message::new(self.version, Session::Inband(self.session.clone()))
    }

    /// A message that asks what waits.
    pub fn polling(&mut self) -> Message {
        let id = self.next_id();
        self.message()
            .with(Transaction::request(id, PollingRequest {}))
    }

    /// Polls once. What the server asks then is not answered.
    pub fn glance(&mut self) -> Vec<Transaction> {
        let polling = self.polling();
        let message = self.exchange(&polling);
        message.map_or_else(Vec::new, |message| message.transactions)
    }

    /// The codes of the answers to requests in one message, in the order of the answers.
    pub fn codes(&mut self, requests: Vec<Transaction>) -> Vec<(String, u16)> {
        let mut message = self.message();
        message.transactions = requests;
        let answer = self.exchange(&message).expect("an answer");
        let code = |one: &Transaction| (one.id.clone(), outcome(&one.primitive).code.number());
        answer.transactions.iter().map(code).collect()
    }

    pub fn outband(&mut self, request: Primitive) -> Primitive {
        let id = self.next_id();
        let message =
            Message::new(self.version, Session::Outband).with(Transaction::request(id, request));
        let answer = self.exchange(&message).expect("an answer");
        answer.transactions.into_iter().next().unwrap().primitive
    }

    pub fn next_id(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.user, self.count)
    }

    /// The code of the answer to a request.
    pub fn code(&mut self, request: impl Into<Primitive>) -> u16 {
        outcome(&self.ask(request)).code.number()
    }

    /// A request that is done.
    pub fn done(&mut self, request: impl Into<Primitive>) -> Primitive {
        let answer = self.ask(request);
        assert!(outcome(&answer).code.is_success(), "{answer:?}");
        answer
    }

    // ---- Being told ----

    /// Polls, answers what the server asks, and keeps it.
    pub fn poll(&mut self) {
        let mut next = self.polling();
        while let Some(message) = self.exchange(&next) {
            let asked: Vec<_> = message
                .transactions
                .into_iter()
                .filter(|one| one.mode == Mode::Request)
                .collect();
            if asked.is_empty() {
                return;
            }
            next = self.message();
            for one in asked {
                next = next.with(Transaction::response(one.id.clone(), answer_to(&one)));
                self.told.push_back(one.primitive);
            }
        }
    }

    /// Polls until the server tells something that fits.
    pub fn hear<T>(&mut self, fits: impl Fn(&Primitive) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.told.iter().position(|one| fits(one).is_some()) {
                return fits(&self.told.remove(at).unwrap()).unwrap();
            }
            assert!(
                Instant::now() < deadline,
                "{} was not told; but: {:?}",
                self.user,
                self.told
            );
            self.poll();
            std::thread::yield_now();
        }
    }

    /// Everything there is to be told now.
    pub fn hear_all(&mut self) -> Vec<Primitive> {
        self.poll();
        self.told.drain(..).collect()
    }

    pub fn hear_message(&mut self) -> NewMessage {
        self.hear(|one| match one {
            Primitive::NewMessage(message) => Some(message.clone()),
            _ => None,
        })
    }

    pub fn hear_invitation(&mut self) -> InviteUserRequest {
        self.hear(|one| match one {
            Primitive::InviteUserRequest(invitation) => Some(invitation.clone()),
            _ => None,
        })
    }

    pub fn hear_extended(&mut self) -> ExtendConversationResponse {
        self.hear(|one| match one {
            Primitive::ExtendConversationResponse(response) => Some(response.clone()),
            _ => None,
        })
    }

    pub fn hear_notice(&mut self) -> GroupChangeNotice {
        self.hear(|one| match one {
            Primitive::GroupChangeNotice(notice) => Some(notice.clone()),
            _ => None,
        })
    }

    // ---- Often needed ----

    pub fn send(&mut self, to: &str, text: &str) -> SendMessageResponse {
        let users = vec![User::new(wv(to))];
        let recipient = Recipient {
            users,
            ..Recipient::default()
        };
        self.send_to(recipient, text, false)
    }

    pub fn say(&mut self, group: &str, text: &str) -> SendMessageResponse {
        let groups = vec![imps::csp::Group::Id(group.to_owned())];
        let recipient = Recipient {
            groups,
            ..Recipient::default()
        };
        self.send_to(recipient, text, false)
    }

    /// A message to a group.
    pub fn saying(&self, group: &str, text: &str) -> SendMessageRequest {
        SendMessageRequest {
            delivery_report: false,
            info: MessageInfo {
                recipient: Recipient {
                    groups: vec![imps::csp::Group::Id(group.to_owned())],
                    ..Recipient::default()
                },
                ..MessageInfo::default()
            },
            content: Some(text.into()),
        }
    }

    pub fn whisper(&mut self, group: &str, name: &str, text: &str) -> SendMessageResponse {
        let name = ScreenName {
            name: name.to_owned(),
            group: group.to_owned(),
        };
        let recipient = Recipient {
            groups: vec![imps::csp::Group::ScreenName(name)],
            ..Recipient::default()
        };
        self.send_to(recipient, text, false)
    }

    pub fn send_to(
        &mut self,
        recipient: Recipient,
        text: &str,
        report: bool,
    ) -> SendMessageResponse {
        let request = SendMessageRequest {
            delivery_report: report,
            info: MessageInfo {
                content_type: Some("text/plain".to_owned()),
                content_size: u32::try_from(text.len()).unwrap(),
                recipient,
                ..MessageInfo::default()
            },
            content: Some(text.into()),
        };
        match self.ask(request) {
            Primitive::SendMessageResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    // ---- The wire ----

    /// Sends a message; its answer, if there is any.
    pub fn exchange(&mut self, message: &Message) -> Option<Message> {
        let body = message.encode(self.encoding);
        let http = self.post(&body);
        assert_eq!(http.status, 200, "{http:?}");
        if http.body.is_empty() {
            self.poll = false;
            return None;
        }
        let answer = Message::decode(&http.body, self.encoding).unwrap();
        self.poll = answer.poll;
        Some(answer)
    }

    pub fn media_type(&self) -> &'static str {
        match (self.version, self.encoding) {
            (Version::V1_3, Encoding::Wbxml) => "application/vnd.wv.csp+wbxml",
            (Version::V1_3, Encoding::Xml) => "application/vnd.wv.csp+xml",
            (_, Encoding::Wbxml) => "application/vnd.wv.csp.wbxml",
            (_, Encoding::Xml) => "application/vnd.wv.csp.xml",
        }
    }

    pub fn post(&mut self, body: &[u8]) -> Http {
        self.post_as(self.media_type(), body)
    }

    pub fn post_as(&mut self, media_type: &str, body: &[u8]) -> Http {
        let mut head = format!(
            "POST /csp HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in &self.extra {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.round(&[head.as_bytes(), body].concat())
    }

    /// A GET.
    pub fn fetch(&mut self, path: &str) -> Http {
        self.round(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    }

    /// Sends a request on a connection of its own, from which the answer can be read later.
    pub fn ask_later(&mut self, request: impl Into<Primitive>) -> Box<dyn Wire> {
        let id = self.next_id();
        let message = self.message().with(Transaction::request(id, request));
        let body = message.encode(self.encoding);
        let head = format!(
            "POST /csp HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.media_type(),
            body.len()
        );
        let mut stream = self.dial();
        stream
            .write_all(&[head.as_bytes(), &body].concat())
            .unwrap();
        stream
    }

    /// Any request of HTTP.
    pub fn round(&mut self, request: &[u8]) -> Http {
        let stream = self.stream.take().filter(|_| !self.anew);
        let stream = stream.unwrap_or_else(|| (self.dial)());
        let (http, stream) = round(stream, request);
        self.stream = stream;
        http
    }

    /// A new connection.
    pub fn dial(&self) -> Box<dyn Wire> {
        (self.dial)()
    }

    /// Forgets the connection.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }
}

/// What was agreed, as CSP 1.1 tells it.
fn agreed_in_1_1(list: CapabilityList) -> imps::csp::AgreedCapabilityList {
    imps::csp::AgreedCapabilityList {
        bearers: list.bearers,
        cir_methods: list.cir_methods,
        tcp_address: list.tcp_address,
        tcp_port: list.tcp_port,
        multi_trans: list.multi_trans,
        server_poll_min_s: list.server_poll_min_s,
        ..imps::csp::AgreedCapabilityList::default()
    }
}

/// What a good client answers.
pub fn answer_to(asked: &Transaction) -> Primitive {
    match &asked.primitive {
        Primitive::NewMessage(message) => MessageDelivered {
            message: message.info.id.clone().unwrap(),
        }
        .into(),
        _ => Status::new(Code::SUCCESSFUL).into(),
    }
}

/// The result in an answer; a good one where the answer has none.
pub fn outcome(answer: &Primitive) -> Outcome {
    match answer {
        Primitive::Status(it) => it.outcome.clone(),
        Primitive::SendMessageResponse(it) => it.outcome.clone(),
        Primitive::LoginResponse(it) => it.outcome.clone(),
        Primitive::KeepAliveResponse(it) => it.outcome.clone(),
        Primitive::GetPresenceResponse(it) => it.outcome.clone(),
        Primitive::ListManageResponse(it) => it.outcome.clone(),
        Primitive::LeaveGroupResponse(it) => it.outcome.clone(),
        Primitive::GetPublicProfileResponse(it) => it.outcome.clone(),
        _ => Outcome::new(Code::SUCCESSFUL),
    }
}

/// The address of a user.
pub fn wv(user: &str) -> String {
    match user.contains(':') {
        true => user.to_owned(),
        false => format!("wv:{user}@localhost"),
    }
}

/// Properties by name and value.
pub fn properties(all: &[(&str, &str)]) -> Vec<Property> {
    all.iter()
        .map(|(name, value)| Property::new(*name, *value))
        .collect()
}

/// The document in the body of an answer.
pub fn document(http: &Http, encoding: Encoding) -> Document {
    Document::decode(&http.body, encoding).unwrap()
}
