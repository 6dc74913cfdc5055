//! Posting to the peer's server: one body after the other, over one connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Uri, header};
use hyper_util::rt::TokioIo;
use imps::ssp::link::Transmit;
use imps::ssp::{MEDIA_TYPE, SESSION_HEADER, TRANSACTION_HEADER};
use tokio::sync::mpsc;

use super::link::Gate;
use crate::house::House;

/// How long one POST may take, the connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the peer may say in answer to a POST, which means nothing: a line of text at most.
const ANSWER_MAX: usize = 64 << 10;

/// The port of `http://` without one.
const PORT: u16 = 80;

pub(super) struct Postman {
    house: Arc<House>,
    gate: Arc<Gate>,
    url: String,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Postman {
    pub(super) const fn new(house: Arc<House>, gate: Arc<Gate>, url: String) -> Self {
        Self {
            house,
            gate,
            url,
            open: None,
        }
    }

    /// Posts what comes, until the link ends.
    pub(super) async fn run(mut self, mut bodies: mpsc::Receiver<Transmit>) {
        while let Some(transmit) = bodies.recv().await {
            let clock = self.house.world.clock;
            let id = transmit.transaction_id.clone();
            let posted = clock.timeout(PATIENCE, self.post(transmit)).await;
            let posted = posted.unwrap_or_else(|_| Err("it does not answer".to_owned()));
            if let Err(why) = posted {
                tracing::info!(
                    peer = self.gate.domain,
                    url = self.url,
                    why,
                    "nothing can be posted"
                );
                self.open = None;
                self.gate.not_posted(&id, clock.now());
            }
        }
    }

    async fn post(&mut self, transmit: Transmit) -> Result<(), String> {
        let uri: Uri = self.url.parse().map_err(|_| "no URL".to_owned())?;
        let host = uri
            .authority()
            .map_or("", hyper::http::uri::Authority::as_str);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header(TRANSACTION_HEADER, transmit.transaction_id);
        if let Some(session) = transmit.session_id {
            request = request.header(SESSION_HEADER, session);
        }
        let request = request.body(Full::new(transmit.body));
        let request = request.map_err(|error| error.to_string())?;
        // Taken out while it is in use: whatever goes wrong, it is not used again.
        let mut open = match self.still().await {
            Some(open) => open,
            None => self.connect(&uri).await?,
        };
        let response = open.send_request(request).await;
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX)
            .collect()
            .await;
        if !status.is_success() {
            return Err(format!("the answer is {status}"));
        }
        if body.is_ok() {
            self.open = Some(open);
        }
        Ok(())
    }

    /// The connection, if there is one. The peer may have closed it meanwhile.
    async fn still(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut open = self.open.take()?;
        open.ready().await.ok()?;
        Some(open)
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Full<Bytes>>, String> {
        if uri.scheme_str() != Some("http") {
            return Err("only http:// is posted to".to_owned());
        }
        let host = uri.host().ok_or("the URL has no host")?;
        let port = uri.port_u16().unwrap_or(PORT);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let world = &self.house.world;
        let all = match bare.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => {
                let found = world.dns.lookup_host(host, port).await;
                found.map_err(|error| error.to_string())?
            }
        };
        let mut why = "its name has no address".to_owned();
        for to in all {
            let stream = match world.net.connect(None, to).await {
                Ok(stream) => stream,
                Err(error) => {
                    why = error.to_string();
                    continue;
                }
            };
            let handshake = http1::handshake(TokioIo::new(stream)).await;
            let (open, connection) = handshake.map_err(|error| error.to_string())?;
            // It ends when `open` is dropped, or the peer closes the connection.
            world.tasks.spawn("ssp connection", async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to another domain ended");
                }
            });
            return Ok(open);
        }
        Err(why)
    }
}
