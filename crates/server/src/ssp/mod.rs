//! SSP: what users of other domains and ours have to do with each other.
//!
//! ```text
//!   a client of ours ─▶ requestor ─▶ link ═══ POST ═══▶ the peer's server
//!                                                          │
//!   a client of ours ◀── inward ◀── link ◀══ POST ═════════┘
//!        groups and users of ours ◀── provider ◀── a guest: the session of a user of the peer's
//!                                                  └─▶ outward ─▶ link
//! ```
//!
//! A user of another domain has a session here like that of a handset, a *guest*; what waits in it
//! goes out over the link instead of in answers to polls. So all that a session can do, a user of
//! another domain can do, under the same rules, and rooms know nothing of domains.

mod convert;
mod desk;
mod guests;
mod inward;
mod link;
mod outward;
mod place;
mod post;
mod provider;
mod requestor;
mod seats;
mod state;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use imps::ssp::{self, Message};
use imps::status::Code;

use crate::config::Setup;
use crate::house::House;
use crate::http::{Unread, read_body};
use crate::imps::Refused;
use crate::net::Certified;
use world::Rng;

pub(crate) use link::Failure;
use link::Gate;
pub(crate) use requestor::{
    Sending, carry_over, gate_of, gate_to, reach, reach_address, respond, send,
};
pub(crate) use seats::left_behind;

/// The links to other domains.
#[derive(Debug, Default)]
pub(crate) struct Ssp {
    links: BTreeMap<String, Arc<Gate>>,
    state: state::State,
}

impl Ssp {
    /// The links of a server.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration of a peer.
    pub(crate) fn new(setup: &Setup, rng: &mut Rng) -> Result<Self, String> {
        let mut ssp = Self::default();
        for peer in &setup.ssp_peers {
            let gate = Gate::new(setup, peer, rng)?;
            let domain = gate.domain.clone();
            if ssp.links.insert(domain.clone(), gate).is_some() {
                return Err(format!("two peers are {domain}"));
            }
        }
        Ok(ssp)
    }

    /// Begins to dial.
    pub(crate) fn run(house: &Arc<House>) {
        for gate in house.ssp.links.values() {
            Arc::clone(gate).run(house);
        }
    }

    /// The way to a domain, if there is one.
    pub(crate) fn gate(&self, domain: &str) -> Option<&Arc<Gate>> {
        self.links.get(&domain.to_ascii_lowercase())
    }

    /// Whose message it is.
    fn whose(&self, message: &Message) -> Option<&Arc<Gate>> {
        self.links.values().find(|gate| gate.link().is_for(message))
    }
}

/// The link did not bring an answer.
impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::because(Code::SERVICE_UNAVAILABLE, failure.to_string())
    }
}

/// Answers a POST to `/ssp`. What is said in answer to it goes out as a POST of ours.
pub(crate) async fn post(
    State(house): State<Arc<House>>,
    shown: Option<Extension<Certified>>,
    headers: HeaderMap,
    request: Request<Body>,
) -> (StatusCode, String) {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next();
    let essence = essence.unwrap_or_default().trim();
    if !essence.is_empty() && !essence.ends_with("xml") {
        let why = format!("SSP comes as {}\n", ssp::MEDIA_TYPE);
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    let body = match read_body(&house, request.into_body(), imps::MAX_BYTES).await {
        Ok(body) => body,
        Err(unread) => {
            let status = match unread {
                Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Unread::Cut => StatusCode::BAD_REQUEST,
                Unread::Late => StatusCode::REQUEST_TIMEOUT,
            };
            let why = format!(
                "a message is whole, and has at most {} bytes\n",
                imps::MAX_BYTES
            );
            return (status, why);
        }
    };
    let message = match Message::parse(&body) {
        Ok(message) => message,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let Some(gate) = house.ssp.whose(&message) else {
        let why = "no peer of this server's, or a session that it does not have\n";
        tracing::info!(service = ?service(&message), "a message of SSP is nobody's");
        return (StatusCode::FORBIDDEN, why.to_owned());
    };
    if !gate.admits(shown.as_deref()) {
        let peer = gate.domain.as_str();
        let why = format!("this needs TLS and a certificate of {peer}\n");
        tracing::warn!(
            peer,
            shown = shown.is_some(),
            "a message of SSP comes without the certificate of its domain"
        );
        return (StatusCode::FORBIDDEN, why);
    }
    gate.came(&message, house.world.clock.now());
    (StatusCode::OK, String::new())
}

fn service(message: &Message) -> Option<&str> {
    match message {
        Message::Setup { body, .. } => body.service(),
        Message::Session { .. } => None,
    }
}
