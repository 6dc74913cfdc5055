//! HTTP: connections, and which path leads where.
//!
//! ```text
//!   listener ─▶ connection: one task, requests one after the other ─┬▶ imps
//!                                                                   └▶ router ─▶ …
//! ```
//!
//! What handsets POST goes the short way: most of it are polls, which come by the ten thousand a
//! second, and for which there is little to do.
//!
//! Connections stand on the world's streams and are driven by the world's tasks, so that a
//! simulated day has HTTP as well, byte for byte.

mod body;
mod dates;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use world::Listener;

use crate::house::House;
use crate::imps;
use crate::net::{Certified, Tls};

pub(crate) use body::{Unread, read as read_body};
use dates::Dates;
use wire::Wire;

/// The most HTTP connections at a time. Each costs a task and a read buffer of 8 kB.
const CONNECTIONS: usize = 50_000;

/// How long a connection may be silent. Handsets that poll do so more often, or connect anew.
const IDLE: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: that of a handset has some hundred.
const HEAD_MAX: usize = 16 << 10;

/// How long to rest when a connection could not be accepted: out of descriptors, usually.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The two ends of the connection that a request came on, and whether TLS is between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) secure: bool,
}

/// What all connections share.
struct Hall {
    house: Arc<House>,
    router: TowerToHyperService<Router>,
    dates: Dates,
}

/// Accepts connections until the task is aborted, with TLS on each of them if there is one.
pub(crate) async fn listen(listener: Listener, house: Arc<House>, tls: Option<Tls>) {
    let hall = Arc::new(Hall {
        router: TowerToHyperService::new(router(Arc::clone(&house))),
        dates: Dates::default(),
        house: Arc::clone(&house),
    });
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                house.world.clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%remote, "too many HTTP connections");
            continue;
        };
        let Ok(local) = stream.local_addr() else {
            continue;
        };
        let ends = Ends {
            local,
            remote,
            secure: tls.is_some(),
        };
        let (hall, tls) = (Arc::clone(&hall), tls.clone());
        house.world.tasks.spawn("http connection", async move {
            let Some(tls) = tls else {
                serve(hall, stream, ends, None).await;
                return drop(place);
            };
            match tls.accept(&hall.house.world.clock, stream).await {
                Ok(stream) => {
                    let shown = Certified::of(&stream);
                    serve(hall, stream, ends, shown).await;
                }
                // Others may knock there by mistake, or show what nobody believes.
                Err(error) => tracing::info!(%remote, %error, "no TLS comes about"),
            }
            drop(place);
        });
    }
}

fn router(house: Arc<House>) -> Router {
    Router::new()
        .route(CSP, any(only_posts))
        .route("/csp/cir/{token}", get(imps::cir::asked))
        .route("/ssp", post(crate::ssp::post))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(house)
}

/// Where handsets POST to.
const CSP: &str = "/csp";

/// RFC 9110 section 15.5.6: what is not done there, and what is.
async fn only_posts() -> (StatusCode, [(header::HeaderName, &'static str); 1]) {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")])
}

/// Can the store be asked?
async fn ready(State(house): State<Arc<House>>) -> (StatusCode, &'static str) {
    let asked = house.keeper.read(|reader| reader.secret("nonce")).await;
    match asked {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer\n",
        ),
    }
}

/// Serves one connection to its end. Its client has shown that certificate.
async fn serve<S>(hall: Arc<Hall>, stream: S, ends: Ends, shown: Option<Certified>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let clock = hall.house.world.clock;
    let wire = Wire::new(stream, ends, hall.house.tap.clone());
    let caller = Caller {
        hall,
        ends,
        shown,
        activity: Arc::new(Activity::new(clock.now())),
    };
    let activity = Arc::clone(&caller.activity);
    let connection = http1::Builder::new()
        // The date is the world's and not the machine's.
        .auto_date_header(false)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(wire), caller);
    let mut connection = pin!(connection);
    loop {
        let now = clock.now();
        let silent_at = activity.last().unwrap_or(now) + IDLE;
        if silent_at <= now {
            // A request that trickles in is not waited for either: dropped where it stands.
            return;
        }
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(remote = %ends.remote, %error, "an HTTP connection ended");
                }
                return;
            }
            () = clock.sleep_until(silent_at) => {}
        }
    }
}

/// When a connection last had something to do.
#[derive(Debug)]
struct Activity {
    origin: Instant,
    /// In milliseconds since then; [`BUSY`] while a request is being answered.
    last_ms: AtomicU64,
}

const BUSY: u64 = u64::MAX;

impl Activity {
    fn new(origin: Instant) -> Self {
        let last_ms = AtomicU64::new(0);
        Self { origin, last_ms }
    }

    fn begin(&self) {
        self.last_ms.store(BUSY, Ordering::Relaxed);
    }

    fn end(&self, now: Instant) {
        let since = now.saturating_duration_since(self.origin).as_millis();
        let since = u64::try_from(since).unwrap_or(0);
        self.last_ms.store(since, Ordering::Relaxed);
    }

    /// `None`: it has something to do now.
    fn last(&self) -> Option<Instant> {
        match self.last_ms.load(Ordering::Relaxed) {
            BUSY => None,
            since => Some(self.origin + Duration::from_millis(since)),
        }
    }
}

/// The way in, as one connection goes it.
struct Caller {
    hall: Arc<Hall>,
    ends: Ends,
    shown: Option<Certified>,
    activity: Arc<Activity>,
}

/// An answer, whole or as the router makes it.
type Answer = Response<Either<Full<Bytes>, Body>>;

/// An answer on its way.
type Answering = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

impl Service<Request<Incoming>> for Caller {
    type Response = Answer;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        self.activity.begin();
        let (hall, activity) = (Arc::clone(&self.hall), Arc::clone(&self.activity));
        if request.method() == Method::POST && request.uri().path() == CSP {
            let (ends, (head, body)) = (self.ends, request.into_parts());
            return Box::pin(async move {
                let answer = imps::post(&hall.house, ends, &head.headers, body).await;
                Ok(hall.done(answer.map(Either::Left), &activity))
            });
        }
        request.extensions_mut().insert(self.ends);
        if let Some(shown) = &self.shown {
            request.extensions_mut().insert(shown.clone());
        }
        let answer = hall.router.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(hall.done(answer.map(Either::Right), &activity))
        })
    }
}

impl Hall {
    fn done(&self, mut answer: Answer, activity: &Activity) -> Answer {
        activity.end(self.house.world.clock.now());
        // RFC 9110 section 6.6.1: who has a clock says what time it is.
        if let Some(date) = self.dates.now(&self.house) {
            answer.headers_mut().insert(header::DATE, date);
        }
        answer
    }
}
