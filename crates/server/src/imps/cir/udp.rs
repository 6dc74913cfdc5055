//! Datagrams that tell clients that something waits: plain ones, and WAP pushes.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};

use imps::csp::CirMethod;
use tokio::sync::mpsc;
use world::Datagrams;

use super::is_host;
use crate::house::House;

/// Datagrams that may wait. What is more is left out: clients poll as well.
const QUEUE: usize = 4096;

/// Where a phone waits for WAP pushes, without a connection and without security.
const WAP_PUSH: u16 = 2948;

/// The text in a datagram of its own, or in a push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Plain,
    Push,
}

/// Where a client waits, and for what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::imps) struct To {
    at: SocketAddr,
    form: Form,
}

impl To {
    /// The place that a client means. None for a plain datagram without a port.
    pub(super) fn of(method: &CirMethod, host: IpAddr, port: Option<u16>) -> Option<Self> {
        let port = port.filter(|port| *port != 0);
        let (form, port) = match method {
            CirMethod::WapUdp => (Form::Push, WAP_PUSH),
            _ => (Form::Plain, port?),
        };
        let at = SocketAddr::new(host, port);
        Some(Self { at, form })
    }
}

/// Where datagrams for a client may go: to where its login came from, or to a host that the
/// operator has named.
pub(super) fn host(named: Option<&str>, peer: IpAddr, allowed: &[IpAddr]) -> Option<IpAddr> {
    let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else {
        return Some(peer);
    };
    let named: IpAddr = named.parse().ok()?;
    (is_host(named) && (named == peer || allowed.contains(&named))).then_some(named)
}

/// One request for attention.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) to: To,
    pub(super) text: String,
}

/// Sends datagrams until the task is aborted.
pub(crate) async fn send(socket: Datagrams, house: Arc<House>) {
    let (queue, mut waiting) = mpsc::channel::<Ring>(QUEUE);
    *house
        .imps
        .cir
        .datagrams
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(queue);
    let local = socket.local_addr().ok();
    while let Some(Ring { to, text }) = waiting.recv().await {
        let bytes = match to.form {
            Form::Plain => text.into_bytes(),
            Form::Push => push(&text),
        };
        if let (Some(tap), Some(local)) = (&house.tap, local) {
            tap.udp(local, to.at, &bytes);
        }
        if let Err(error) = socket.send(to.at, &bytes).await {
            tracing::debug!(at = %to.at, %error, "a request for attention was not sent");
        }
    }
}

/// A WSP push without a connection (WAP-230): transaction id, type, length of the headers, content
/// type, headers, and the text.
fn push(text: &str) -> Vec<u8> {
    // 0x46 is application/vnd.wv.csp.cir; X-Wap-Application-Id is that of the instant messenger.
    const HEADERS: [u8; 3] = [0x80 | 0x46, 0x80 | 0x2F, 0x80 | 0x0A];
    const PUSH: u8 = 0x06;
    let length = HEADERS.len() as u8;
    let mut bytes = vec![0, PUSH, length];
    bytes.extend_from_slice(&HEADERS);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_go_to_where_the_login_came_from_or_as_configured() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (peer, allowed) = (ip("10.0.0.9"), [ip("10.0.0.7")]);
        let rows = [
            (None, Some(peer)),
            (Some(" "), Some(peer)),
            (Some("10.0.0.9"), Some(peer)),
            (Some("10.0.0.7"), Some(allowed[0])),
            (Some("10.0.0.8"), None),
            (Some("0.0.0.0"), None),
            (Some("phone.example.org"), None),
        ];
        for (named, want) in rows {
            assert_eq!(host(named, peer, &allowed), want, "{named:?}");
        }
        // Not even the operator can mean these.
        let nowhere = [ip("0.0.0.0"), ip("224.0.0.1")];
        assert_eq!(host(Some("224.0.0.1"), peer, &nowhere), None);
    }

    #[test]
    fn a_push_begins_with_its_headers() {
        assert_eq!(
            push("WVCI 1.3"),
            [
                &[0x00, 0x06, 0x03, 0xC6, 0xAF, 0x8A][..],
                b"WVCI 1.3".as_slice()
            ]
            .concat()
        );
        assert_eq!(
            To::of(&CirMethod::StandaloneUdp, [127, 0, 0, 1].into(), None),
            None
        );
        let to = To::of(&CirMethod::WapUdp, [127, 0, 0, 1].into(), Some(99)).unwrap();
        assert_eq!(to.at.port(), 2948);
    }
}
