//! HTTP to one server: one connection, kept open, one request at a time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use imps::MAX_BYTES;
use world::World;

use super::failure::Failure;

/// How long to wait for the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The most that the head of a response may have, in bytes. Ours have some hundred.
const HEAD: usize = 16 << 10;

/// The connection, if there is one, and what makes it anew.
pub(super) struct Http {
    pub(super) world: World,
    pub(super) from: Option<IpAddr>,
    pub(super) server: SocketAddr,
    /// How long one request may take.
    pub(super) patience: Duration,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// A response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media_type: String,
    pub(super) body: Bytes,
}

/// Why there is no response.
pub(super) enum Trouble {
    /// It, or the request, was lost. To try again may help.
    Lost(String),
    /// It is there and cannot be taken.
    Bad(Failure),
}

impl Http {
    pub(super) const fn new(
        world: World,
        from: Option<IpAddr>,
        server: SocketAddr,
        patience: Duration,
    ) -> Self {
        Self {
            world,
            from,
            server,
            patience,
            open: None,
        }
    }

    /// Sends a request and waits for all of the response, but no longer than `patience`.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Trouble> {
        let clock = self.world.clock;
        // Taken out while it is in use: whatever goes wrong, it is not used again.
        let open = self.open.take();
        let exchange = self.exchange(open, request);
        match clock.timeout(self.patience, exchange).await {
            Ok(Ok((answer, open))) => {
                self.open = Some(open);
                Ok(answer)
            }
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => Err(Trouble::Lost("the server does not answer".to_owned())),
        }
    }

    async fn exchange(
        &self,
        open: Option<SendRequest<Full<Bytes>>>,
        request: Request<Full<Bytes>>,
    ) -> Result<(Answer, SendRequest<Full<Bytes>>), Trouble> {
        let mut open = match still(open).await {
            Some(open) => open,
            None => self.connect().await?,
        };
        let response = open.send_request(request).await.map_err(lost)?;
        let (head, body) = response.into_parts();
        let media_type = head.headers.get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let body = match Limited::new(body, MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let why = format!("more than {MAX_BYTES} bytes");
                return Err(Trouble::Bad(Failure::Malformed { why }));
            }
            Err(error) => return Err(Trouble::Lost(error.to_string())),
        };
        let answer = Answer {
            status: head.status,
            media_type,
            body,
        };
        Ok((answer, open))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let dial = self.world.net.connect(self.from, self.server);
        let stream = match self.world.clock.timeout(CONNECT, dial).await {
            Ok(dialled) => dialled.map_err(|error| Trouble::Lost(error.to_string()))?,
            Err(_) => return Err(Trouble::Lost("the server cannot be reached".to_owned())),
        };
        let mut builder = http1::Builder::new();
        // Some old servers know the names of fields in these letters only.
        builder.max_buf_size(HEAD).title_case_headers(true);
        let handshake = builder.handshake(TokioIo::new(stream));
        let (mut open, connection) = handshake.await.map_err(lost)?;
        // It ends when `open` is dropped, or the server closes the connection.
        self.world
            .tasks
            .spawn("client imps connection", async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection for IMPS ended");
                }
            });
        open.ready().await.map_err(lost)?;
        Ok(open)
    }
}

/// The connection, if there is one. The server may have closed it meanwhile.
async fn still(open: Option<SendRequest<Full<Bytes>>>) -> Option<SendRequest<Full<Bytes>>> {
    let mut open = open?;
    open.ready().await.ok()?;
    Some(open)
}

/// What hyper says, with what is behind it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in map_err throughout"
)]
fn lost(error: hyper::Error) -> Trouble {
    let cause = std::error::Error::source(&error);
    Trouble::Lost(match cause {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}
