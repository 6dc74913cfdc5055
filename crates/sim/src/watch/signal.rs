//! SIP messages between the server and a host, with what rules ask of them.

use std::net::{IpAddr, SocketAddr};

use memchr::memmem;
use sip::header::{CSeq, CallId, Contact, From, NameAddr, PAssertedIdentity, To, Via};
use sip::{Fields, Message};

use super::wire::{Heard, Stamp, What};

/// A SIP message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal<'a> {
    /// Sent by the server, or by the host.
    pub(super) from_server: bool,
    /// The host at the other end.
    pub(super) host: IpAddr,
    /// The sockets it went from and to.
    pub(super) ends: (SocketAddr, SocketAddr),
    pub(super) sent: Stamp,
    /// None if it was lost.
    pub(super) arrived: Option<Stamp>,
    /// The status of a response; none for a request.
    pub(super) status: Option<u16>,
    pub(super) call: &'a str,
    /// The number of the CSeq.
    pub(super) number: u32,
    /// The method, of a response that of the CSeq.
    pub(super) method: &'a str,
    pub(super) branch: &'a str,
    pub(super) from_tag: &'a str,
    pub(super) to_tag: &'a str,
    pub(super) fields: &'a Fields,
}

impl<'a> Signal<'a> {
    /// The view of something heard, if it is SIP between the server and somebody else, and whole.
    pub(super) fn of(heard: &'a Heard, server: IpAddr) -> Option<Self> {
        let What::Sip(message) = &heard.what else {
            return None;
        };
        let (from, to) = (heard.from.ip(), heard.to.ip());
        let from_server = from == server;
        if from_server == (to == server) {
            return None;
        }
        let fields = message.fields();
        let cseq: CSeq<'a> = fields.require().ok()?;
        let via: Option<Via<'a>> = fields.first().ok()?;
        Some(Self {
            from_server,
            host: if from_server { to } else { from },
            ends: (heard.from, heard.to),
            sent: heard.sent,
            arrived: heard.arrived,
            status: match message {
                Message::Request(_) => None,
                Message::Response(response) => Some(response.status()),
            },
            call: fields.require::<CallId<'a>>().ok()?.0,
            number: cseq.number,
            method: cseq.method,
            branch: via.and_then(|via| via.branch()).unwrap_or_default(),
            from_tag: fields
                .require::<From<'a>>()
                .ok()?
                .0
                .tag()
                .unwrap_or_default(),
            to_tag: fields.require::<To<'a>>().ok()?.0.tag().unwrap_or_default(),
            fields,
        })
    }

    /// The address of record of the one who talks with the server by this request, as the server of
    /// another domain gives it.
    pub(super) fn party(&self) -> Option<String> {
        if self.from_server {
            return Some(self.fields.require::<To<'a>>().ok()?.0.uri.aor());
        }
        let asserted = self.fields.list::<PAssertedIdentity<'a>>().flatten().next();
        match asserted {
            Some(asserted) => Some(asserted.uri.aor()),
            None => Some(self.fields.require::<From<'a>>().ok()?.0.uri.aor()),
        }
    }

    /// The address of record of the one who is at the other end of what the server sends.
    pub(super) fn other_end(&self) -> Option<String> {
        match self.status {
            None => self.party(),
            Some(_) => Some(self.fields.require::<From<'a>>().ok()?.0.uri.aor()),
        }
    }

    /// Is it a request of this method?
    pub(super) fn asks(&self, method: &str) -> bool {
        self.status.is_none() && self.method == method
    }

    /// The status, if it is the final response to a request of this method. Challenges do not
    /// count: the request comes again.
    pub(super) fn answers(&self, method: &str) -> Option<u16> {
        let status = self.status.filter(|_| self.method == method)?;
        (status >= 200 && !matches!(status, 401 | 407)).then_some(status)
    }

    /// The conference of the focus that sent this.
    pub(super) fn focus(&self) -> Option<&'a str> {
        let contact: Contact<'a> = self.fields.first().ok()??;
        let NameAddr { uri, .. } = contact.0;
        contact.0.has_feature("isfocus").then(|| uri.as_str())
    }

    /// The session ids of the MSRP paths in its description.
    pub(super) fn session_ids(&self) -> Vec<String> {
        const PATH: &[u8] = b"a=path:";
        let body = self.fields.body();
        memmem::find_iter(&body, PATH)
            .filter_map(|at| {
                let rest = body.get(at + PATH.len()..)?;
                let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                session_id(std::str::from_utf8(rest.get(..end)?).ok()?)
            })
            .map(str::to_owned)
            .collect()
    }
}

/// The session id of the first URI of an MSRP path.
pub(super) fn session_id(path: &str) -> Option<&str> {
    let path = msrp::Path::parse(path.trim()).ok()?;
    path.first().session_id()
}
