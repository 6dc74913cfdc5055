//! Who logs in: by password, by a digest over a nonce, or by the word of a trusted gateway.
//!
//! ```text
//!   2-way   Login (password) ──▶ session
//!   4-way   Login (schemas) ──▶ nonce ──Login (digest)──▶ session
//! ```
//!
//! An unknown user and a wrong password get the same answer, after the same work.

mod attempts;

use std::sync::Arc;

use imps::csp::{ClientId, LoginRequest, LoginResponse, Outcome, Status};
use imps::digest::DigestSchema;
use imps::status::Code;
use imps::{Message, Mode, Primitive, Transaction, Version};
use sip::digest::{Algorithm, ha1};
use store::Account;
use subtle::ConstantTimeEq;

pub(super) use attempts::Logins;

use super::desk::{Caller, unread};
use super::session::{Beginning, Session};
use super::{Refused, User, access, negotiate, user};
use crate::config::Policy;
use crate::house::House;

/// The digests that are understood, the better first.
const SCHEMAS: [DigestSchema; 2] = [DigestSchema::Sha, DigestSchema::Md5];

/// The longest cookie that is taken, in bytes. It comes back in every request for attention, which
/// has to fit a datagram.
const COOKIE_MAX: usize = 256;

/// The longest id of a client that is taken, in bytes: a URL or a telephone number. It is kept with
/// every nonce and every session.
const CLIENT_MAX: usize = 256;

/// Answers a message that belongs to no session: it can only log in.
pub(super) async fn outband(house: &Arc<House>, caller: &Caller, message: Message) -> Message {
    let none = Refused::because(Code::INVALID_SESSION, "log in first");
    let mut answer = Message::new(message.version, message.session.clone());
    answer.transactions = unread(&message);
    let mut is_first = true;
    for transaction in message.transactions {
        if transaction.mode != Mode::Request {
            continue;
        }
        let done = match transaction.primitive {
            // One login in a message: a flood of them is worth its messages.
            Primitive::LoginRequest(request) if is_first => {
                is_first = false;
                let login = Login {
                    house,
                    caller,
                    policy: house.policy(),
                    version: message.version,
                    request,
                };
                login.answer().await.into()
            }
            _ => Primitive::from(Status::from(none.outcome())),
        };
        answer = answer.with(Transaction::response(transaction.id, done));
    }
    answer
}

/// A login under way.
struct Login<'a> {
    house: &'a Arc<House>,
    caller: &'a Caller,
    policy: Arc<Policy>,
    version: Version,
    request: LoginRequest,
}

/// What a login comes to.
enum Done {
    /// Somebody has proved who they are.
    Proved(Account),
    /// They are to prove it with this nonce.
    Prove { nonce: String, schema: DigestSchema },
}

impl Login<'_> {
    async fn answer(mut self) -> LoginResponse {
        match self.admit().await {
            Ok(Done::Proved(account)) => self.begin(&account).await,
            Ok(Done::Prove { nonce, schema }) => {
                // The older versions say 200, and their clients look for the nonce.
                let code = match self.version {
                    Version::V1_3 => Code::UNAUTHORIZED,
                    Version::V1_1 | Version::V1_2 => Code::SUCCESSFUL,
                };
                LoginResponse {
                    client: self.request.client,
                    outcome: Outcome::new(code),
                    nonce: Some(nonce),
                    digest_schema: Some(schema),
                    ..LoginResponse::default()
                }
            }
            Err(refused) => {
                let peer = self.caller.ends.remote;
                tracing::info!(%peer, user = self.request.user, code = %refused.code, "no login");
                LoginResponse {
                    client: self.request.client,
                    outcome: refused.outcome(),
                    ..LoginResponse::default()
                }
            }
        }
    }

    async fn admit(&mut self) -> Result<Done, Refused> {
        let now = self.house.world.clock.now();
        let ip = self.caller.ip();
        if let Some(wait) = self.house.imps.logins.is_flood(ip, now) {
            let mut refused = Refused::because(
                Code::SERVICE_UNAVAILABLE,
                "too many logins have failed from there",
            );
            refused.again_s = Some(access::seconds(wait));
            return Err(refused);
        }
        if !self.request.client.as_ref().is_none_or(is_client) {
            let why = format!("the id of a client has at most {CLIENT_MAX} bytes");
            return Err(Refused::because(Code::BAD_PARAMETER, why));
        }
        let name = match user::named(self.house, &self.request.user)? {
            user::Named::Home { name } => name,
            user::Named::Away { domain } => {
                let why = format!("{domain} is not served here");
                return Err(Refused::because(Code::DOMAIN_NOT_SUPPORTED, why));
            }
        };
        let account = user::account(self.house, &name).await?;
        let account = account.filter(|account| account.enabled);
        if let Some(account) = self.vouched_for(account.as_ref()).await? {
            return Ok(Done::Proved(account));
        }
        let proved = match (&self.request.password, &self.request.digest_bytes) {
            (Some(password), _) => self.knows_password(account.as_ref(), password),
            (None, Some(digest)) => self.knows_digest(&name, account.as_ref(), digest),
            (None, None) => return self.challenge(&name),
        };
        match account.filter(|_| proved) {
            Some(account) if account.credentials.imps_secret.is_none() => {
                // Said only to somebody who knows the password.
                let why = "this account is not for IMPS";
                Err(Refused::because(Code::FORBIDDEN, why))
            }
            Some(account) => Ok(Done::Proved(account)),
            None => {
                self.house.imps.logins.failed(ip, now);
                Err(Refused::new(Code::INVALID_PASSWORD))
            }
        }
    }

    /// The account of the number that a trusted gateway names, if that is who logs in.
    async fn vouched_for(&self, account: Option<&Account>) -> Result<Option<Account>, Refused> {
        let Some(number) = &self.caller.msisdn else {
            return Ok(None);
        };
        // Whoever proves who they are need not be who the number belongs to.
        if self.request.password.is_some() || self.request.digest_bytes.is_some() {
            return Ok(None);
        }
        let owns = |account: &&Account| account.msisdn.as_deref() == Some(number.as_str());
        Ok(account
            .filter(|account| account.credentials.imps_secret.is_some())
            .filter(owns)
            .cloned())
    }

    fn knows_password(&self, account: Option<&Account>, password: &str) -> bool {
        let domain = &self.house.setup.domain;
        let name = account.map_or("", |account| account.name.as_str());
        let offered = ha1(name, domain, password, Algorithm::Sha256);
        let kept = account.and_then(|account| account.credentials.ha1_sha256.as_deref());
        let is_right = kept.unwrap_or(NOBODYS).as_bytes().ct_eq(offered.as_bytes());
        is_right.into() && kept.is_some()
    }

    /// Gives a nonce, whether there is such a user or not.
    fn challenge(&self, name: &str) -> Result<Done, Refused> {
        let offered = &self.request.digest_schemas;
        let schema = SCHEMAS
            .into_iter()
            .find(|schema| offered.is_empty() || offered.contains(schema))
            .ok_or_else(|| {
                Refused::because(Code::NO_DIGEST, "SHA and MD5 are understood, and PWD")
            })?;
        let nonce = self.house.rng().token(128);
        let now = self.house.world.clock.now();
        let (client, ip) = (self.client(), self.caller.ip());
        let logins = &self.house.imps.logins;
        if !logins.challenge(name, &client, ip, (&nonce, &schema), now) {
            return Err(Refused::because(
                Code::SERVICE_UNAVAILABLE,
                "too many logins are under way",
            ));
        }
        Ok(Done::Prove { nonce, schema })
    }

    fn knows_digest(&self, name: &str, account: Option<&Account>, digest: &str) -> bool {
        let now = self.house.world.clock.now();
        let nonces = self.house.imps.logins.take(name, &self.client(), now);
        let domain = &self.house.setup.domain;
        let seal = self.house.imps.seal.as_ref();
        let password = account.and_then(|account| {
            let sealed = account.credentials.imps_secret.as_deref()?;
            seal?.open(&account.name, domain, sealed)
        });
        let is_known = password.is_some();
        let password = password.unwrap_or_default();
        let proves = |(nonce, schema): (String, DigestSchema)| {
            let right = schema.digest(&nonce, &password).unwrap_or_default();
            bool::from(right.as_bytes().ct_eq(digest.trim().as_bytes()))
        };
        // All of them, so that the time says nothing.
        let proved = nonces.into_iter().map(proves).fold(false, |a, b| a | b);
        proved && is_known
    }

    /// What tells the clients of one user apart.
    fn client(&self) -> String {
        let named = self.request.client.as_ref();
        let named = named.and_then(|client| client.url.as_ref().or(client.msisdn.as_ref()));
        named.cloned().unwrap_or_default()
    }

    /// The session of somebody who has proved who they are.
    async fn begin(self, account: &Account) -> LoginResponse {
        let policy = &self.policy;
        let house = self.house;
        let refused = |client: Option<ClientId>, refused: Refused| LoginResponse {
            client,
            outcome: refused.outcome(),
            ..LoginResponse::default()
        };
        let user = User::of(account);
        if let Some(session) = self.resumed(&user) {
            return self.welcome(&session);
        }
        if house.imps.sessions.len() >= policy.imps.max_sessions {
            let full = Refused::because(Code::SERVICE_UNAVAILABLE, "all sessions are taken");
            return refused(self.request.client, full);
        }
        let lives = access::lifetime(policy, self.request.time_to_live_s);
        let beginning = Beginning {
            away: None,
            id: house.rng().token128().into(),
            user,
            client: self.request.client.clone(),
            version: self.version,
            peer: self.caller.ip(),
            cookie: self.cookie(),
            lives,
        };
        let now = house.world.clock.now();
        let session = Session::new(beginning, now);
        let most = policy.imps.max_sessions_per_user;
        for (old, _) in house.imps.sessions.add(&session, most, now) {
            super::over(house, &old).await;
        }
        super::begun(house, &session).await;
        tracing::info!(user = %session.user.address, version = %self.version, "a session begins");
        self.welcome(&session)
    }

    /// The session that a client of version 1.3 wants to take up again, if it is its own.
    fn resumed(&self, user: &User) -> Option<Arc<Session>> {
        let id = self.request.session.as_deref()?;
        let session = self.house.imps.sessions.find(id).ok()?;
        let is_theirs = session.user == *user
            && session.client == self.request.client
            && session.version == self.version;
        if !is_theirs {
            return None;
        }
        let now = self.house.world.clock.now();
        let mut state = session.state();
        if let Some(wanted) = self.request.time_to_live_s {
            state.lives = access::lifetime(&self.policy, Some(wanted));
        }
        state.until = now + state.lives;
        // It may have moved meanwhile.
        state.line.came_from(self.caller.ip(), self.cookie());
        drop(state);
        Some(session)
    }

    /// What the client wants to see in requests for attention.
    fn cookie(&self) -> Option<String> {
        let cookie = self.request.session_cookie.clone();
        cookie.filter(|cookie| is_cookie(cookie))
    }

    fn welcome(self, session: &Arc<Session>) -> LoginResponse {
        let is_1_3 = self.version == Version::V1_3;
        let functions = self.request.functions.filter(|_| is_1_3);
        let functions = functions.map(|asked| negotiate::agree(session, asked));
        let list = self.request.capabilities.as_ref().filter(|_| is_1_3);
        let (house, policy, caller) = (self.house, &self.policy, self.caller);
        let agreed = list.map(|list| {
            let agreed = negotiate::agree_on(house, policy, caller, session, list);
            Box::new(agreed)
        });
        LoginResponse {
            user: Some(session.user.wv()),
            client: self.request.client,
            outcome: Outcome::new(Code::SUCCESSFUL),
            session: Some(session.id.to_string()),
            keep_alive_s: Some(access::seconds(session.state().lives)),
            capability_request: Some(agreed.is_none()),
            functions,
            capabilities: agreed,
            ..LoginResponse::default()
        }
    }
}

/// What is compared with where there is nothing to compare with.
const NOBODYS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn is_client(client: &ClientId) -> bool {
    let parts = [&client.url, &client.msisdn];
    let mut named = parts.into_iter().flatten();
    named.all(|part| part.len() <= CLIENT_MAX)
}

/// A cookie that can stand in a line.
fn is_cookie(cookie: &str) -> bool {
    cookie.len() <= COOKIE_MAX && !cookie.chars().any(char::is_control)
}
