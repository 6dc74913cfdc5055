//! Requests for attention (CIR): a client is told that something waits for it, by other ways than
//! an answer to it.
//!
//! ```text
//!   STCP    the client connects, says HELO and its session; we write "WVCI 1.3 cookie"
//!   SUDP    a datagram with the same text, to where the login came from
//!   WAPUDP  the same as a WAP push, to port 2948 there
//!   SHTTP   the client asks a URL: 200 if something waits, 204 if not
//! ```

mod tcp;
mod udp;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use imps::Version;
use imps::csp::{AgreedCapabilityList, CapabilityList, CirMethod};
use tokio::sync::{Notify, mpsc};

pub(crate) use tcp::listen;
pub(crate) use udp::send;

use super::desk::Caller;
use super::session::Session;
use super::terms::Terms;
use crate::config::Policy;
use crate::house::House;

/// How often a client is told that something waits, when it does not come for it.
const AGAIN: Duration = Duration::from_secs(10);

/// Where requests for attention go out.
#[derive(Debug, Default)]
pub(crate) struct Cir {
    /// To the task that has the socket. None before it runs, or if there is none.
    datagrams: Mutex<Option<mpsc::Sender<udp::Ring>>>,
}

/// How one client is told.
#[derive(Debug)]
pub(super) struct Line {
    /// Where the login came from.
    peer: IpAddr,
    /// What the client expects to be told.
    cookie: Option<String>,
    /// The connection that the client opened for it.
    pub(super) connection: Option<Arc<Notify>>,
    /// Where it waits for datagrams.
    pub(super) datagrams: Option<udp::To>,
    /// By what it asks over HTTP.
    token: Option<String>,
    /// When it was last told; none since it last came.
    rung: Option<Instant>,
}

impl Line {
    pub(super) fn new(peer: IpAddr, cookie: Option<String>) -> Self {
        Self {
            peer,
            cookie,
            connection: None,
            datagrams: None,
            token: None,
            rung: None,
        }
    }

    /// The client has logged in again, from there.
    pub(super) fn came_from(&mut self, peer: IpAddr, cookie: Option<String>) {
        if self.peer != peer {
            // Whoever is there now is not sent what was meant for the client.
            self.datagrams = None;
        }
        self.peer = peer;
        self.cookie = cookie.or(self.cookie.take());
    }

    /// Something waits. True if the client is to be told.
    pub(super) fn stir(&mut self, now: Instant) -> bool {
        let is_new = self.rung.is_none_or(|rung| rung + AGAIN <= now);
        if is_new {
            self.rung = Some(now);
        }
        is_new
    }

    /// The client has come.
    pub(super) fn answered(&mut self) {
        self.rung = None;
    }

    /// The connection ends with the session.
    pub(super) fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.notify_one();
        }
    }

    /// What the client is told, by every way: `WVCI 1.3 cookie`.
    fn text(&self, version: Version) -> String {
        let mut text = format!("WVCI {version}");
        if let Some(cookie) = &self.cookie {
            text.push(' ');
            text.push_str(cookie);
        }
        text
    }

    /// Has the client ask with this token from now on, and not with the one before.
    pub(super) fn give_token(&mut self, token: String) -> Option<String> {
        self.token.replace(token)
    }

    pub(super) fn take_token(&mut self) -> Option<String> {
        self.token.take()
    }
}

/// Tells a client that something waits.
pub(crate) fn ring(house: &House, session: &Session) {
    if let Some(away) = &session.away {
        return away.notify_one();
    }
    let (to, text) = {
        let state = session.state();
        if let Some(connection) = &state.line.connection {
            connection.notify_one();
            return;
        }
        let Some(to) = state.line.datagrams else {
            return;
        };
        (to, state.line.text(session.version))
    };
    let ring = udp::Ring { to, text };
    let datagrams = &house.imps.cir.datagrams;
    if let Some(datagrams) = &*datagrams.lock().unwrap_or_else(PoisonError::into_inner) {
        // Full: it is told again with the next thing that waits.
        let _ = datagrams.try_send(ring);
    }
}

/// Agrees on a way that both have, and says where.
pub(super) fn agree(
    house: &House,
    policy: &Policy,
    caller: &Caller,
    session: &Arc<Session>,
    offered: &CapabilityList,
    terms: &Terms,
) -> AgreedCapabilityList {
    let mut agreed = AgreedCapabilityList::default();
    let may_send = house.setup.cir_udp.is_some();
    let host = terms.udp_host.as_deref();
    let host = {
        let mut state = session.state();
        // What was agreed before counts no more.
        state.line.datagrams = None;
        udp::host(host, state.line.peer, &policy.imps.cir_to)
    };
    for method in &terms.cir {
        if agreed.cir_methods.contains(method) {
            continue;
        }
        match (method, host) {
            (CirMethod::StandaloneTcp, _) => {
                if let Some(at) = house.cir_tcp {
                    agreed.tcp_address = Some(caller.reach(house, at).ip().to_string());
                    agreed.tcp_port = Some(at.port());
                    agreed.cir_methods.push(method.clone());
                }
            }
            (CirMethod::StandaloneHttp, _) => {
                let token = house.rng().token128();
                agreed.cir_http_url = Some(format!("{}/csp/cir/{token}", caller.url(house)));
                house.imps.sessions.give_token(token, session);
                agreed.cir_methods.push(method.clone());
            }
            (CirMethod::StandaloneUdp | CirMethod::WapUdp, Some(host)) if may_send => {
                if let Some(to) = udp::To::of(method, host, offered.udp_port) {
                    session.state().line.datagrams = Some(to);
                    agreed.cir_methods.push(method.clone());
                }
            }
            // Over SMS nothing goes from here.
            (
                CirMethod::StandaloneUdp
                | CirMethod::WapUdp
                | CirMethod::WapSms
                | CirMethod::StandaloneSms
                | CirMethod::Other(_),
                _,
            ) => {}
        }
    }
    agreed
}

/// Answers a client that asks over HTTP whether anything waits.
pub(crate) async fn asked(
    State(house): State<Arc<House>>,
    Path(token): Path<String>,
) -> StatusCode {
    let Some(session) = house.imps.sessions.of_token(&token) else {
        return StatusCode::NOT_FOUND;
    };
    let is_waiting = session.state().outbox.is_waiting();
    match is_waiting {
        true => StatusCode::OK,
        false => StatusCode::NO_CONTENT,
    }
}

/// Is it an address that somebody can be at?
fn is_host(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast()
}
