//! What comes in one POST, and what goes back in its answer.
//!
//! ```text
//!   document ─▶ session ─▶ each request: answered from memory, or carried out ─▶ answers
//!                      └─▶ each answer of the client: what it was asked is done ─▶ receipt
//!            ◀── answers; and, if the client polled or only answered, what waits for it
//! ```

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use imps::csp::{Disconnect, Outcome, Status, VersionDiscoveryResponse, VersionList};
use imps::status::Code;
use imps::{Document, Encoding, Error, Message, Mode, Primitive, Transaction, Version};

use super::replay::{Content, Seen};
use super::session::Session;
use super::{Refused, dispatch, login, mail, receipt};
use crate::config::Policy;
use crate::house::House;
use crate::http::Ends;

/// Requests that are carried out of one message, whatever was agreed. Clients send one or a few.
const REQUESTS_MAX: usize = 32;

/// Who has sent a message: what the connection and the headers say.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) ends: Ends,
    /// The telephone number that a trusted gateway vouches for.
    pub(super) msisdn: Option<String>,
    /// How the client calls the host that it reaches.
    host: Option<HeaderValue>,
}

impl Caller {
    pub(super) fn new(house: &House, ends: Ends, headers: &HeaderMap) -> Self {
        // From whomever else the headers say nothing.
        let is_gateway = house.policy().imps.gateways.contains(&ends.remote.ip());
        let number = ["X-Network-MSISDN", "MSISDN"]
            .into_iter()
            .filter(|_| is_gateway)
            .find_map(|name| super::text(headers, name));
        Self {
            ends,
            msisdn: number.and_then(digits),
            host: headers.get(header::HOST).cloned(),
        }
    }

    /// The server of another domain, which has no headers.
    pub(super) fn of_guest(ends: Ends) -> Self {
        Self {
            ends,
            msisdn: None,
            host: None,
        }
    }

    /// The URL by which the client reaches us, without a path.
    pub(super) fn url(&self, house: &House) -> String {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let host = host.map(str::trim).filter(|host| is_host(host));
        let scheme = match self.ends.secure {
            true => "https",
            false => "http",
        };
        match (&house.setup.http_url, host) {
            (Some(url), _) => url.clone(),
            (None, Some(host)) => format!("{scheme}://{host}"),
            (None, None) => format!("{scheme}://{}", self.ends.local),
        }
    }

    /// The address by which this client reaches what listens at `bound`.
    pub(super) fn reach(&self, house: &House, bound: SocketAddr) -> SocketAddr {
        let ip = match house.setup.advertise {
            Some(ip) => ip,
            None if bound.ip().is_unspecified() => self.ends.local.ip(),
            None => bound.ip(),
        };
        SocketAddr::new(ip, bound.port())
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.ends.remote.ip()
    }
}

/// The digits of a telephone number.
fn digits(number: &str) -> Option<String> {
    let digits = number.trim().trim_start_matches('+');
    let is_number = (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.to_owned())
}

/// A Host header that can stand in a URL.
fn is_host(host: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    (1..=255).contains(&host.len()) && host.bytes().all(allowed)
}

/// A message of a client under way: who it is from, and by which rules.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) house: &'a Arc<House>,
    pub(super) policy: &'a Policy,
    pub(super) caller: &'a Caller,
    pub(super) session: &'a Arc<Session>,
}

/// Answers one document. Nothing at all is an answer too: there is nothing to say.
pub(super) async fn receive(
    house: &Arc<House>,
    caller: &Caller,
    encoding: Encoding,
    body: &[u8],
) -> Bytes {
    let answer = match Document::decode(body, encoding) {
        Ok(Document::Message(message)) => answer(house, caller, message).await,
        Ok(Document::DiscoveryRequest(request)) => {
            let versions = match request.versions.session.is_empty() {
                true => Version::ALL.to_vec(),
                false => request.versions.known(),
            };
            let response = VersionDiscoveryResponse {
                versions: VersionList::of(&versions),
                ..VersionDiscoveryResponse::default()
            };
            return Document::DiscoveryResponse(response).encode(encoding);
        }
        // Nobody asks a server that.
        Ok(Document::DiscoveryResponse(_)) => return Bytes::new(),
        Err(error) => {
            tracing::debug!(peer = %caller.ends.remote, %error, "a message of a handset is refused");
            Some(unreadable(error))
        }
    };
    match answer {
        Some(message) if !message.transactions.is_empty() || message.poll => {
            message.encode(encoding)
        }
        Some(_) | None => Bytes::new(),
    }
}

/// What there is to say about a document that cannot be read, to whoever sent it.
fn unreadable(error: Error) -> Message {
    let session = match error.session {
        Some(id) => imps::Session::Inband(id),
        None => imps::Session::Outband,
    };
    // Who speaks another version understands the oldest best.
    let version = error.version.unwrap_or(Version::V1_1);
    let refused = Refused::because(error.flaw.status(), error.flaw.to_string());
    let id = error.transaction.unwrap_or_default();
    let status = Status::from(refused.outcome());
    Message::new(version, session).with(Transaction::response(id, status))
}

async fn answer(house: &Arc<House>, caller: &Caller, message: Message) -> Option<Message> {
    match &message.session {
        imps::Session::Outband => Some(login::outband(house, caller, message).await),
        imps::Session::Inband(id) => match house.imps.sessions.find(id) {
            Ok(session) if session.version == message.version => {
                let policy = house.policy();
                let turn = Turn {
                    house,
                    policy: &policy,
                    caller,
                    session: &session,
                };
                Some(turn.take(message).await)
            }
            Ok(session) => {
                let why = format!("this session speaks CSP {}", session.version);
                let refused = Refused::because(Code::VERSION_NOT_SUPPORTED, why);
                Some(refuse_all(&message, &refused))
            }
            Err(code) => Some(no_session(&message, code)),
        },
    }
}

/// What there is to say about the requests of a message that could not be read.
pub(super) fn unread(message: &Message) -> Vec<Transaction> {
    let requests = message.refused.iter();
    let requests = requests.filter(|one| one.mode == Mode::Request);
    let answer = |one: &imps::Refused| {
        let refused = Refused::because(one.flaw.status(), one.flaw.to_string());
        Transaction::response(one.id.clone(), Status::from(refused.outcome()))
    };
    requests.map(answer).collect()
}

/// Says the same to every request of a message.
fn refuse_all(message: &Message, refused: &Refused) -> Message {
    let mut answer = Message::new(message.version, message.session.clone());
    let asked = message.transactions.iter().map(|one| (one.mode, &one.id));
    let unread = message.refused.iter().map(|one| (one.mode, &one.id));
    for (_, id) in asked
        .chain(unread)
        .filter(|(mode, _)| *mode == Mode::Request)
    {
        let status = Status::from(refused.outcome());
        answer = answer.with(Transaction::response(id.clone(), status));
    }
    answer
}

/// There is no such session, or not any more.
fn no_session(message: &Message, code: Code) -> Message {
    let is_poll = |one: &Transaction| matches!(one.primitive, Primitive::PollingRequest(_));
    if code != Code::INVALID_SESSION && message.transactions.iter().any(is_poll) {
        // A poll has no answer: the end of the session is told as news.
        let outcome = Outcome::described(code);
        let farewell = Transaction::request("s0", Disconnect { outcome });
        return Message::new(message.version, message.session.clone()).with(farewell);
    }
    refuse_all(message, &Refused::new(code))
}

impl Turn<'_> {
    /// Takes a message of the session.
    async fn take(&self, message: Message) -> Message {
        let _one_at_a_time = self.session.turn.lock().await;
        self.stay_alive();
        let refused = unread(&message);
        let mut answer = Message::new(message.version, message.session);
        answer.transactions = refused;
        let (mut polled, mut asked) = (false, 0_usize);
        for transaction in message.transactions {
            match (transaction.mode, &transaction.primitive) {
                (Mode::Request, Primitive::PollingRequest(_)) => polled = true,
                (Mode::Response, _) => {
                    polled = true;
                    self.told(&transaction).await;
                }
                (Mode::Request, _) => {
                    asked += 1;
                    let done = match asked {
                        1..=REQUESTS_MAX => self.request(transaction).await,
                        _ => {
                            let why = format!("more than {REQUESTS_MAX} requests in one message");
                            let refused = Refused::because(Code::BAD_REQUEST, why);
                            let status = Status::from(refused.outcome());
                            Some(Transaction::response(transaction.id, status))
                        }
                    };
                    answer.transactions.extend(done);
                }
            }
        }
        // What waits goes with an answer to a poll, or instead of one to an answer.
        if polled && asked == 0 {
            self.deliver(&mut answer).await;
        }
        let state = self.session.state();
        answer.poll = !state.is_over && state.outbox.is_waiting();
        answer
    }

    fn stay_alive(&self) {
        let now = self.house.world.clock.now();
        let mut state = self.session.state();
        state.until = now + state.lives;
        state.line.answered();
    }

    /// Carries a request out, unless it was carried out before.
    async fn request(&self, transaction: Transaction) -> Option<Transaction> {
        let now = self.house.world.clock.now();
        let content = Content::of(&transaction, self.session.version);
        let Transaction { id, primitive, .. } = transaction;
        let (seen, is_over) = {
            let state = self.session.state();
            (state.replay.look(&id, content, now), state.is_over)
        };
        let answer = match seen {
            Seen::Before(answer) => answer.map(|answer| *answer),
            Seen::Clash => {
                let why = "another request had this transaction id a moment ago";
                let refused = Refused::because(Code::INVALID_TRANSACTION, why);
                Some(Status::from(refused.outcome()).into())
            }
            Seen::Never if is_over => {
                // While it waited for its turn, or by a request before it in the same message.
                let why = self.house.imps.sessions.find(&self.session.id).err();
                let refused = Refused::new(why.unwrap_or(Code::INVALID_SESSION));
                Some(Status::from(refused.outcome()).into())
            }
            Seen::Never => {
                let answer = dispatch::carry_out(self, primitive).await;
                let now = self.house.world.clock.now();
                let mut state = self.session.state();
                state.replay.note(&id, content, answer.as_ref(), now);
                answer
            }
        };
        answer.map(|answer| Transaction::response(id, answer))
    }

    /// The client has answered something.
    async fn told(&self, transaction: &Transaction) {
        let item = {
            let mut state = self.session.state();
            state.outbox.answered(&transaction.id)
        };
        match item {
            Some(item) => {
                let answer = &transaction.primitive;
                receipt::answered(self.house, self.session, item, answer).await;
            }
            // The answer to a message that was fetched has that request's id, and no other.
            None => {
                if let Primitive::MessageDelivered(delivered) = &transaction.primitive {
                    mail::arrived(self.house, self.session, &delivered.message).await;
                }
            }
        }
    }

    /// Adds what waits for the client.
    async fn deliver(&self, answer: &mut Message) {
        mail::fill(self.house, self.session).await;
        let now = self.house.world.clock.now();
        let state = &mut *self.session.state();
        let drawn = state.outbox.draw(&state.terms, now);
        answer.transactions.extend(drawn);
    }
}
