//! Requests of ours and what becomes of them, and the responses to those of the other side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::dialog::Dialog;
use sip::header::{Header as _, Via};
use sip::transaction::{ClientId, Failure as Lost, Outgoing, Output, ServerId};
use sip::{Draft, Method, Name, Request, Response};

use crate::calling::GIVEN_UP;
use crate::core::Core;
use crate::event::SessionId;
use crate::failure::{Failure, Refused};
use crate::keyring::Verdict;
use crate::media::Media;
use crate::request::{self, Letter};

/// How often one request is sent again with other credentials: once for each of two places that
/// ask, and once more for a nonce that has grown old.
const TRIES: u8 = 3;

/// A request of ours under way.
pub(crate) struct Sent {
    pub(crate) purpose: Purpose,
    pub(crate) credentials: Vec<(Name, String)>,
    tries: u8,
}

/// What a request of ours is for: who is told how it went.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The end of a dialog that nobody keeps any more.
    Bye(Box<Farewell>),
    Invite(SessionId),
    Refer(u32),
    Register,
    Reinvite(SessionId),
    /// A subscription, and the call it is under way in.
    Subscribe(SessionId, Box<str>),
}

/// A BYE, and the dialog it ends.
#[derive(Clone, Debug)]
pub(crate) struct Farewell {
    pub(crate) dialog: Dialog,
    pub(crate) letter: Letter,
    /// Kept until the BYE is answered: a connection that is closed before looks like an accident.
    pub(crate) media: Option<Arc<Media>>,
}

/// How a request of ours went.
pub(crate) enum Outcome<'a> {
    Response(&'a Response),
    /// No answer; what it counts as.
    Lost(Lost),
}

impl Outcome<'_> {
    /// The failure that this is for whoever asked.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Outcome::Response(response) => Failure::Refused(Refused::of(response)),
            Outcome::Lost(Lost::Timeout) => Failure::Timeout,
            Outcome::Lost(Lost::Transport) => Failure::Network {
                why: "the connection was lost".to_owned(),
            },
        }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Outcome::Response(response) => response.status(),
            Outcome::Lost(lost) => lost.status(),
        }
    }
}

impl Core {
    /// A response to a request of ours.
    pub(crate) fn answered(&mut self, id: ClientId, response: &Response, now: Instant) {
        self.learn_address(response);
        let Some(sent) = self.sent.get(&id) else {
            return;
        };
        if !response.is_final() {
            if let Purpose::Invite(session) = sent.purpose {
                self.progress(session, response);
            }
            return;
        }
        // Every 2xx to an INVITE comes here, also one that is repeated: the entry stays.
        let stays = response.is_success()
            && matches!(sent.purpose, Purpose::Invite(_) | Purpose::Reinvite(_));
        let sent = if stays {
            Sent {
                purpose: sent.purpose.clone(),
                credentials: sent.credentials.clone(),
                tries: sent.tries,
            }
        } else {
            match self.sent.remove(&id) {
                Some(sent) => sent,
                None => return,
            }
        };
        let asks = matches!(response.status(), 401 | 407);
        if asks && sent.tries < TRIES {
            let signed = !sent.credentials.is_empty();
            if self.keyring.challenged(response, signed) == Verdict::Again {
                self.again(sent, response, now);
                return;
            }
        }
        if asks {
            // RFC 3261 section 22.2: no point in trying the same password again.
            self.keyring.forget();
        }
        self.outcome(id, sent, &Outcome::Response(response), now);
    }

    /// Sends a request again, with the credentials that were asked for.
    fn again(&mut self, sent: Sent, response: &Response, now: Instant) {
        let tries = sent.tries.saturating_add(1);
        match sent.purpose {
            Purpose::Bye(farewell) => self.send_bye(*farewell, tries, now),
            Purpose::Invite(session) if self.has_given_up(session) => {
                // There was nothing to cancel yet, and nothing is asked for any more.
                self.end(session, GIVEN_UP, Failure::Cancelled, now);
            }
            Purpose::Invite(session) => self.send_invite(session, tries, now),
            Purpose::Refer(refer) => self.send_refer(refer, tries, now),
            Purpose::Register => self.send_register(tries, now),
            Purpose::Reinvite(session) => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.invites.answered();
                }
                self.send_reinvite(session, tries, now);
            }
            // The subscription counts its challenges itself.
            Purpose::Subscribe(session, call) => {
                self.subscribe_outcome(session, &call, &Outcome::Response(response), now);
            }
        }
    }

    pub(crate) fn outcome(
        &mut self,
        id: ClientId,
        sent: Sent,
        outcome: &Outcome<'_>,
        now: Instant,
    ) {
        match sent.purpose {
            Purpose::Bye(farewell) => drop(farewell.media),
            Purpose::Invite(session) => {
                self.invite_outcome(session, id, &sent.credentials, outcome, now)
            }
            Purpose::Refer(refer) => self.refer_outcome(refer, outcome, now),
            Purpose::Register => self.register_outcome(outcome, now),
            Purpose::Reinvite(session) => {
                self.reinvite_outcome(session, id, &sent.credentials, outcome, now);
            }
            Purpose::Subscribe(session, call) => {
                self.subscribe_outcome(session, &call, outcome, now);
            }
        }
    }

    /// The failure that a final outcome is for whoever asked.
    pub(crate) fn failure(&self, outcome: &Outcome<'_>) -> Failure {
        match outcome.status() {
            status @ (401 | 407) => Failure::Authentication {
                user: self.keyring.user().to_owned(),
                status,
            },
            _ => outcome.failure(),
        }
    }

    /// The branch of a new request, and its Via.
    pub(crate) fn via(&mut self) -> (String, String) {
        let branch = format!("{}{}", Via::COOKIE, self.rng.token(80));
        let at = self.address();
        let transport = self.config.transport.in_via();
        let via = format!("SIP/2.0/{transport} {at};branch={branch};rport");
        (branch, via)
    }

    /// Credentials for a request, if the server has asked for some before.
    pub(crate) fn sign(&mut self, method: &Method, uri: &str) -> Vec<(Name, String)> {
        let cnonce = self.rng.token(64);
        self.keyring.sign(method.as_str(), uri, &cnonce)
    }

    /// Sends a request whose outcome matters.
    pub(crate) fn post(
        &mut self,
        (branch, bytes): (&str, Bytes),
        method: Method,
        sent: (Purpose, Vec<(Name, String)>, u8),
        now: Instant,
    ) -> ClientId {
        let outgoing = Outgoing {
            method,
            branch,
            bytes,
        };
        let to = self.config.server;
        let reliable = self.config.transport.is_reliable();
        let id = self
            .transactions
            .request(outgoing, to, reliable, now, &mut self.out);
        let (purpose, credentials, tries) = sent;
        self.sent.insert(
            id,
            Sent {
                purpose,
                credentials,
                tries,
            },
        );
        id
    }

    /// Sends a message that has no outcome: an ACK.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        let flow = self.config.server;
        self.out.push(Output { flow, bytes });
    }

    pub(crate) fn cancel(&mut self, id: ClientId, now: Instant) {
        self.transactions.cancel(id, None, now, &mut self.out);
    }

    /// Forgets a request of ours: nobody is told how it went.
    pub(crate) fn forget(&mut self, id: ClientId) {
        self.sent.remove(&id);
    }

    pub(crate) fn respond(&mut self, id: ServerId, status: u16, bytes: Bytes, now: Instant) {
        self.transactions
            .respond(id, status, bytes, now, &mut self.out);
    }

    /// Begins a response outside dialogs: what every response of ours says.
    pub(crate) fn response(&mut self, request: &Request, status: u16, reason: &str) -> Draft {
        let tag = self.rng.token(64);
        let mut draft = Draft::response(request, status, reason, Some(&tag));
        draft
            .header(Name::UserAgent, self.me(false).user_agent())
            .header(Name::Allow, request::ALLOW)
            .header(Name::Supported, request::SUPPORTED);
        draft
    }

    pub(crate) fn refuse(
        &mut self,
        id: ServerId,
        request: &Request,
        status: u16,
        reason: &str,
        now: Instant,
    ) {
        let draft = self.response(request, status, reason);
        self.respond(id, status, draft.finish(), now);
    }

    /// RFC 3581 section 4: behind an address translator only the other side knows who we are.
    fn learn_address(&mut self, response: &Response) {
        let Some(via) = response
            .tokens(Name::Via)
            .next()
            .and_then(|via| Via::parse(via).ok())
        else {
            return;
        };
        let received = via.params.get("received").and_then(|ip| ip.parse().ok());
        let port = via.params.get("rport").and_then(|port| port.parse().ok());
        if let (Some(ip), Some(port)) = (received, port) {
            self.at = Some(SocketAddr::new(ip, port));
        }
    }
}
