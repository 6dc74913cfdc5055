//! The beginning of a session, and its end.
//!
//! ```text
//!           Login ──nonce──▶ Prove
//!             │                │
//!             └──── session ───┴──▶ Capability ──▶ Service ──▶ online
//!                                                                │
//!   relogin ◀── 600, 601, 604, Disconnect ───────────────────────┤
//!                                      logout ──▶ offline ◀──────┘
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use imps::Primitive;
use imps::Session;
use imps::csp::{
    ClientCapabilityRequest, ClientId, LoginRequest, LoginResponse, LogoutRequest, ServiceRequest,
};
use imps::service::{Function, Functions};
use imps::status::Code;
use tokio::sync::oneshot;

use super::agent::Reply;
use super::answer::{Job, Purpose};
use super::capability::{Agreed, offered};
use super::config::{Config, Login};
use super::conversation::Conversations;
use super::core::Core;
use super::event::Event;
use super::failure::{Failure, Refused, outcome};

/// A login under way.
pub(super) struct Entering {
    /// Who waits for it; nobody if the agent logs in by itself.
    reply: Option<Reply<()>>,
    /// What requests for attention will show.
    cookie: String,
}

/// A session.
pub(super) struct Held {
    pub(super) session: String,
    pub(super) cookie: String,
    pub(super) since: Instant,
    pub(super) functions: Functions,
    pub(super) agreed: Agreed,
    pub(super) time_to_live: Duration,
    pub(super) keep_alive_at: Instant,
    pub(super) poll_at: Option<Instant>,
    /// Does the channel work on which the server says that something waits?
    pub(super) is_watched: bool,
    /// Before, it is not made anew only because the server asks for it.
    pub(super) watch_anew_at: Instant,
    /// Ends the task that watches it.
    pub(super) watch: Option<oneshot::Sender<()>>,
    /// Requests of the server that were answered lately.
    pub(super) served: VecDeque<String>,
    pub(super) talk: Conversations,
}

impl Core {
    pub(super) fn login(&mut self, reply: Reply<()>) {
        if self.held.is_some() || self.entering.is_some() {
            let why = "logged in already, or about to be";
            let _gone = reply.send(Err(Failure::NotNow { why }));
            return;
        }
        self.enter(Some(reply));
    }

    /// Begins to log in.
    pub(super) fn enter(&mut self, reply: Option<Reply<()>>) {
        self.relogin_at = None;
        let cookie = self.rng.token(64);
        let request = login_request(&self.config, &cookie);
        self.entering = Some(Entering { reply, cookie });
        self.ask_in(Session::Outband, request, Purpose::Login);
    }

    pub(super) fn login_answered(&mut self, has_proven: bool, answer: Primitive, now: Instant) {
        let response = match answer {
            Primitive::LoginResponse(response) => response,
            other => {
                let failure = self.refusal(&other);
                return self.login_failed(failure, now);
            }
        };
        let code = response.outcome.code;
        // Some servers say 200 and some 401 where they ask for a proof.
        let goes_on = code.is_success() || code == Code::UNAUTHORIZED;
        let session = response.session.as_ref().filter(|id| !id.is_empty());
        match (session, &response.nonce) {
            (Some(_), _) if code.is_success() => self.opened(response, now),
            (None, Some(nonce)) if !has_proven && goes_on => {
                match proof(&self.config, nonce, &response) {
                    Ok(digest) => self.prove(digest),
                    Err(failure) => self.login_failed(failure, now),
                }
            }
            (Some(_) | None, _) => {
                let failure = self.refusal(&response.into());
                self.login_failed(failure, now);
            }
        }
    }

    fn prove(&mut self, digest: String) {
        let Some(entering) = &self.entering else {
            return;
        };
        let mut request = login_request(&self.config, &entering.cookie);
        request.digest_schemas.clear();
        request.digest_bytes = Some(digest);
        self.ask_in(Session::Outband, request, Purpose::Prove);
    }

    /// There is a session: now to agree on what can be done in it.
    fn opened(&mut self, response: LoginResponse, now: Instant) {
        let Some(entering) = &self.entering else {
            return;
        };
        let own = self.config.time_to_live;
        let given = response.keep_alive_s.map(u64::from);
        let time_to_live = given.map_or(own, Duration::from_secs);
        let mut held = Held {
            session: response.session.unwrap_or_default(),
            cookie: entering.cookie.clone(),
            since: now,
            functions: Functions::NONE,
            agreed: Agreed::default(),
            time_to_live,
            keep_alive_at: now,
            poll_at: None,
            is_watched: false,
            watch_anew_at: now,
            watch: None,
            served: VecDeque::new(),
            talk: Conversations::default(),
        };
        held.keep_alive_from(now);
        self.held = Some(held);
        let udp = self.udp.as_ref().and_then(|udp| udp.local_addr().ok());
        let list = offered(&self.config, udp.map(|at| at.port()));
        let request = ClientCapabilityRequest {
            client: client(&self.config),
            capabilities: Some(Box::new(list)),
        };
        self.ask(request, Purpose::Capability);
    }

    pub(super) fn capability_answered(&mut self, answer: Primitive) {
        match (answer, &mut self.held) {
            (Primitive::ClientCapabilityResponse(response), Some(held)) => {
                held.agreed = Agreed::of(response);
            }
            // A server without capabilities can be lived with.
            (other, _) => {
                let failure = self.refusal(&other);
                self.fault(format_args!("no capabilities were agreed: {failure}"));
            }
        }
        let request = ServiceRequest {
            client: client(&self.config),
            // IMPS-9.1.11-S41: ExtendConversation is asked for by the leaf EXCON.
            functions: Some(self.config.wanted()),
            all_functions: false,
        };
        self.ask(request, Purpose::Service);
    }

    pub(super) fn service_answered(&mut self, answer: Primitive, now: Instant) {
        match (answer, &mut self.held) {
            (Primitive::ServiceResponse(response), Some(held)) => {
                // The answer is turned around: it lists what is not available.
                let missing = response.functions.unwrap_or(Functions::NONE);
                // IMPS-9.1.11-S41: what is agreed is what was asked for and is not in there.
                held.functions = self.config.wanted().without(missing);
                held.poll_at = Some(now);
            }
            (other, _) => {
                let failure = self.refusal(&other);
                return self.login_failed(failure, now);
            }
        }
        let reply = self.entering.take().and_then(|entering| entering.reply);
        self.watch(now);
        self.tell_online();
        if let Some(reply) = reply {
            let _gone = reply.send(Ok(()));
        }
    }

    pub(super) fn tell_online(&mut self) {
        if let Some(held) = &self.held {
            let online = Event::Online {
                session: held.session.clone(),
                functions: held.functions.iter().map(Function::name).collect(),
            };
            self.tell(online);
        }
    }

    /// What an answer means that does not let us in.
    fn refusal(&self, answer: &Primitive) -> Failure {
        let Some(outcome) = outcome(answer) else {
            return Failure::malformed(format_args!("{} answers it", answer.name()));
        };
        let unknown = [
            Code::UNAUTHORIZED,
            Code::INVALID_PASSWORD,
            Code::UNKNOWN_USER,
        ];
        if outcome.code.is_success() {
            Failure::malformed("a login without a session")
        } else if unknown.contains(&outcome.code) {
            Failure::Authentication {
                user: self.config.user.clone(),
                code: outcome.code.number(),
            }
        } else {
            Failure::Refused(Refused::of(outcome))
        }
    }

    pub(super) fn login_failed(&mut self, failure: Failure, now: Instant) {
        let Some(entering) = self.entering.take() else {
            return;
        };
        if let (Some(session), Failure::Refused(_) | Failure::Malformed { .. }) =
            (self.session(), &failure)
        {
            // The session that was begun is of no use.
            self.ask_in(session, LogoutRequest {}, Purpose::Farewell);
        }
        self.end_session(&failure);
        let Some(reply) = entering.reply else {
            let why = failure.to_string();
            self.tell(Event::Offline { why });
            // To ask again with the same password would help nobody.
            if !matches!(failure, Failure::Authentication { .. }) {
                self.relogin(now);
            }
            return;
        };
        let _gone = reply.send(Err(failure));
    }

    pub(super) fn logout(&mut self, reply: Reply<()>) {
        if self.relogin_at.take().is_some() {
            let _gone = reply.send(Ok(()));
            return;
        }
        self.ask(LogoutRequest {}, Purpose::Logout(reply));
    }

    pub(super) fn logged_out(&mut self) {
        if self.held.is_none() {
            return;
        }
        self.end_session(&Failure::NotLoggedIn);
        let why = "logged out".to_owned();
        self.tell(Event::Offline { why });
    }

    /// The server has ended the session, or does not know it any more.
    pub(super) fn expelled(&mut self, code: u16, now: Instant) {
        let Some(held) = &self.held else {
            return;
        };
        let since = held.since;
        let failure = Failure::SessionLost { code };
        if self.entering.is_some() {
            return self.login_failed(failure, now);
        }
        self.end_session(&failure);
        self.tell(Event::Disconnected { code });
        self.settle(since, now);
        self.relogin(now);
    }

    /// Forgets the session. What waits to be said in it fails; farewells are still sent.
    fn end_session(&mut self, failure: &Failure) {
        self.held = None;
        self.is_reached = true;
        let mut stays = VecDeque::new();
        let mut over = Vec::new();
        for job in self.queue.drain(..) {
            match job {
                Job::Send(letter) if !matches!(letter.purpose, Purpose::Farewell) => {
                    over.push(letter.purpose);
                }
                Job::Send(_) | Job::Discover(_) => stays.push_back(job),
            }
        }
        self.queue = stays;
        for purpose in over {
            self.gone(purpose, failure);
        }
    }
}

fn client(config: &Config) -> Option<ClientId> {
    Some(ClientId {
        url: Some(config.client.clone()),
        msisdn: None,
    })
}

fn login_request(config: &Config, cookie: &str) -> LoginRequest {
    let (password, digest_schemas) = match &config.login {
        Login::TwoWay => (Some(config.password.clone()), Vec::new()),
        Login::FourWay(schemas) => (None, schemas.clone()),
    };
    LoginRequest {
        user: config.user.clone(),
        client: client(config),
        password,
        digest_schemas,
        time_to_live_s: u32::try_from(config.time_to_live.as_secs()).ok(),
        session_cookie: Some(cookie.to_owned()),
        ..LoginRequest::default()
    }
}

/// The digest over nonce and password, by the schema that the server chose among those offered.
fn proof(config: &Config, nonce: &str, response: &LoginResponse) -> Result<String, Failure> {
    let offered = match &config.login {
        Login::TwoWay => [].as_slice(),
        Login::FourWay(schemas) => schemas,
    };
    let chosen = response.digest_schema.as_ref().or(offered.first());
    let chosen = chosen.filter(|chosen| offered.contains(chosen));
    let digest = chosen.and_then(|chosen| chosen.digest(nonce, &config.password));
    digest.ok_or_else(|| Failure::malformed("it asks for a proof that was not offered"))
}
