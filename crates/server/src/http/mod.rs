//! HTTP: connections, and which path leads where.
//!
//! ```text
//!   listener ─▶ connection: one task, requests one after the other ─▶ router ─▶ imps, …
//! ```
//!
//! Connections stand on the world's streams and are driven by the world's tasks, so that a
//! simulated day has HTTP as well, byte for byte.

mod body;
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
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use world::{Listener, Stream};

use crate::house::House;
use crate::imps;

pub(crate) use body::{Unread, read as read_body};
use wire::Wire;

/// The most HTTP connections at a time. Each costs a task and a read buffer of 8 kB.
const CONNECTIONS: usize = 50_000;

/// How long a connection may be silent. Handsets that poll do so more often, or connect anew.
const IDLE: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: that of a handset has some hundred.
const HEAD_MAX: usize = 16 << 10;

/// How long to rest when a connection could not be accepted: out of descriptors, usually.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The two ends of the connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// Accepts connections until the task is aborted.
pub(crate) async fn listen(listener: Listener, house: Arc<House>) {
    let router = TowerToHyperService::new(router(Arc::clone(&house)));
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
        let ends = Ends { local, remote };
        let (of, router) = (Arc::clone(&house), router.clone());
        house.world.tasks.spawn("http connection", async move {
            if let Err(error) = serve(&of, router, stream, ends).await {
                tracing::debug!(%remote, %error, "an HTTP connection ended");
            }
            drop(place);
        });
    }
}

fn router(house: Arc<House>) -> Router {
    Router::new()
        .route("/csp", post(imps::post))
        .route("/csp/cir/{token}", get(imps::cir::asked))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(house)
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

/// Serves one connection to its end.
async fn serve(
    house: &Arc<House>,
    router: TowerToHyperService<Router>,
    stream: Stream,
    ends: Ends,
) -> hyper::Result<()> {
    let clock = house.world.clock;
    let wire = Wire::new(stream, ends, house.tap.clone());
    let caller = Caller {
        house: Arc::clone(house),
        router,
        ends,
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
            return Ok(());
        }
        tokio::select! {
            biased;
            ended = &mut connection => return ended,
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

/// The router, as one connection calls it.
struct Caller {
    house: Arc<House>,
    router: TowerToHyperService<Router>,
    ends: Ends,
    activity: Arc<Activity>,
}

/// An answer on its way.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Service<Request<Incoming>> for Caller {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        request.extensions_mut().insert(self.ends);
        self.activity.begin();
        let answer = self.router.call(request);
        let (house, activity) = (Arc::clone(&self.house), Arc::clone(&self.activity));
        Box::pin(async move {
            let mut answer = answer.await?;
            activity.end(house.world.clock.now());
            // RFC 9110 section 6.6.1: who has a clock says what time it is.
            if let Ok(date) = house.date().parse() {
                answer.headers_mut().insert(header::DATE, date);
            }
            Ok(answer)
        })
    }
}
