//! Posting to the peer's server: one body after the other, over one connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use imps::ssp::link::Transmit;
use imps::ssp::{MEDIA_TYPE, SESSION_HEADER, TRANSACTION_HEADER};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use world::Tasks;

use super::link::Gate;
use super::place::{Place, Spot};
use crate::house::House;

/// How long one POST may take, the connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the peer may say in answer to a POST, which means nothing: a line of text at most.
const ANSWER_MAX: usize = 64 << 10;

/// How long a host may take to accept a connection before the next one is tried: each of three has
/// its turn within a POST.
const REACH: Duration = Duration::from_secs(3);

pub(super) struct Postman {
    house: Arc<House>,
    gate: Arc<Gate>,
    place: Place,
    open: Option<Line>,
}

/// A connection to the peer.
struct Line {
    send: SendRequest<Full<Bytes>>,
    /// What its requests are for: the Host header and the path.
    authority: String,
    path: String,
}

impl Postman {
    pub(super) fn new(house: Arc<House>, gate: Arc<Gate>) -> Self {
        Self {
            house,
            place: gate.place(),
            gate,
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
                    at = %self.place,
                    why,
                    "nothing can be posted"
                );
                self.open = None;
                self.gate.not_posted(&id, clock.now());
            }
        }
    }

    async fn post(&mut self, transmit: Transmit) -> Result<(), String> {
        let place = self.gate.place();
        if place != self.place {
            self.place = place;
            self.open = None;
        }
        // Taken out while it is in use: whatever goes wrong, it is not used again.
        let mut line = match self.still().await {
            Some(line) => line,
            None => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&line.path)
            .header(header::HOST, &line.authority)
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header(TRANSACTION_HEADER, transmit.transaction_id);
        if let Some(session) = transmit.session_id {
            request = request.header(SESSION_HEADER, session);
        }
        let request = request.body(Full::new(transmit.body));
        let request = request.map_err(|error| error.to_string())?;
        let response = line.send.send_request(request).await;
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX)
            .collect()
            .await;
        if !status.is_success() {
            return Err(format!("the answer is {status}"));
        }
        if body.is_ok() {
            self.open = Some(line);
        }
        Ok(())
    }

    /// The connection, if there is one. The peer may have closed it meanwhile.
    async fn still(&mut self) -> Option<Line> {
        let mut line = self.open.take()?;
        line.send.ready().await.ok()?;
        Some(line)
    }

    /// A connection to the first host that accepts one. Where they are is asked for each time.
    async fn connect(&self) -> Result<Line, String> {
        let world = &self.house.world;
        let spots = self.place.spots(&world.dns, &world.rng).await?;
        let mut why = String::new();
        for spot in spots {
            match self.reach(&spot).await {
                Ok(send) => {
                    let Spot {
                        authority, path, ..
                    } = spot;
                    return Ok(Line {
                        send,
                        authority,
                        path,
                    });
                }
                Err(error) => why = format!("{}: {error}", spot.authority),
            }
        }
        Err(why)
    }

    async fn reach(&self, spot: &Spot) -> Result<SendRequest<Full<Bytes>>, String> {
        let world = &self.house.world;
        let found = world.dns.lookup_host(&spot.host, spot.port).await;
        let mut why = "its name has no address".to_owned();
        for to in found.map_err(|error| error.to_string())? {
            let stream = match world
                .clock
                .timeout(REACH, world.net.connect(None, to))
                .await
            {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    why = error.to_string();
                    continue;
                }
                Err(_) => {
                    why = "it does not answer".to_owned();
                    continue;
                }
            };
            let Some(certified) = &spot.certified else {
                return speak(&world.tasks, stream).await;
            };
            let tls = self.house.tls.as_ref();
            let tls = tls.ok_or("there is no certificate for TLS (tls.certificate)")?;
            match tls.connect(&world.clock, certified.clone(), stream).await {
                Ok(stream) => return speak(&world.tasks, stream).await,
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }
}

/// HTTP over a connection. It ends when what this gives is dropped, or the peer closes it.
async fn speak<S>(tasks: &Tasks, stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (send, connection) = handshake.map_err(|error| error.to_string())?;
    tasks.spawn("ssp connection", async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to another domain ended");
        }
    });
    Ok(send)
}
