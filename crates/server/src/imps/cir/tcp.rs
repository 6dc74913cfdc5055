//! Connections that clients open to be told that something waits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{Notify, Semaphore};
use world::{Listener, Stream};

use crate::house::House;
use crate::imps::session::Session;

/// The most connections at a time. Each costs a task of about a kilobyte.
const CONNECTIONS: usize = 100_000;

/// The longest line that is read: a session id has 26 characters.
const LINE_MAX: usize = 256;

/// How long a client may take to say which session it is.
const HELLO: Duration = Duration::from_secs(30);

/// How long a connection may be silent. Clients say PING every twenty minutes.
const IDLE: Duration = Duration::from_secs(2 * 3600);

/// How long a write may make no progress.
const STUCK: Duration = Duration::from_secs(10);

/// Accepts connections until the task is aborted.
pub(crate) async fn listen(listener: Listener, house: Arc<House>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a CIR connection");
                house.world.clock.sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%remote, "too many CIR connections");
            continue;
        };
        let of = Arc::clone(&house);
        house.world.tasks.spawn("cir connection", async move {
            let mut wire = Wire::new(&of, stream, remote);
            if let Err(error) = wire.serve().await {
                tracing::debug!(%remote, %error, "a CIR connection ended");
            }
            drop(place);
        });
    }
}

struct Wire<'a> {
    house: &'a Arc<House>,
    stream: Stream,
    remote: SocketAddr,
    local: Option<SocketAddr>,
    buffer: BytesMut,
}

impl<'a> Wire<'a> {
    fn new(house: &'a Arc<House>, stream: Stream, remote: SocketAddr) -> Self {
        Self {
            house,
            local: stream.local_addr().ok(),
            stream,
            remote,
            buffer: BytesMut::new(),
        }
    }

    async fn serve(&mut self) -> io::Result<()> {
        let clock = self.house.world.clock;
        let hello = clock.timeout(HELLO, self.line()).await;
        let hello = hello.map_err(|_| io::ErrorKind::TimedOut)??;
        let Some(session) = hello.and_then(|line| self.session_of(&line)) else {
            // Nothing is learnt from the answer: there is none.
            return Ok(());
        };
        let told = Arc::new(Notify::new());
        if !Self::attach(&session, &told) {
            return Ok(());
        }
        let result = self.attend(&session, &told).await;
        let mut state = session.state();
        let is_ours = |now: &Arc<Notify>| Arc::ptr_eq(now, &told);
        if state.line.connection.as_ref().is_some_and(is_ours) {
            state.line.connection = None;
        }
        result
    }

    /// Has the session count on this connection from now on. False: it has ended meanwhile.
    fn attach(session: &Session, told: &Arc<Notify>) -> bool {
        let mut state = session.state();
        if state.is_over {
            return false;
        }
        if let Some(former) = state.line.connection.replace(Arc::clone(told)) {
            former.notify_one();
        }
        true
    }

    async fn attend(&mut self, session: &Arc<Session>, told: &Arc<Notify>) -> io::Result<()> {
        self.write("OK\r\n").await?;
        // What came while nobody listened.
        if session.state().outbox.is_waiting() {
            self.tell(session).await?;
        }
        let clock = self.house.world.clock;
        loop {
            let silent_at = clock.now() + IDLE;
            tokio::select! {
                biased;
                () = told.notified() => {
                    if !self.is_current(session, told) {
                        return Ok(());
                    }
                    self.tell(session).await?;
                }
                line = self.line() => match line? {
                    Some(line) if is_ping(&line) => self.write("OK\r\n").await?,
                    Some(line) if self.session_of(&line).is_some_and(|s| s.id == session.id) => {
                        self.write("OK\r\n").await?;
                    }
                    // Whatever else is no word of this protocol.
                    Some(_) | None => return Ok(()),
                },
                () = clock.sleep_until(silent_at) => return Ok(()),
            }
        }
    }

    /// Does the session still live, and count on this connection?
    fn is_current(&self, session: &Session, told: &Arc<Notify>) -> bool {
        let state = session.state();
        let connection = state.line.connection.as_ref();
        !state.is_over && connection.is_some_and(|now| Arc::ptr_eq(now, told))
    }

    async fn tell(&mut self, session: &Session) -> io::Result<()> {
        let text = session.state().line.text(session.version);
        let text = format!("{text}\r\n");
        self.write(&text).await
    }

    /// The session of `HELO <SessionID>`.
    fn session_of(&self, line: &str) -> Option<Arc<Session>> {
        let (word, id) = line.split_once(' ')?;
        let is_hello = word.eq_ignore_ascii_case("HELO");
        let session = self.house.imps.sessions.find(id.trim()).ok()?;
        is_hello.then_some(session)
    }

    /// The next line without its end; none when the client has closed.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                if self.buffer.is_empty() {
                    // An idle connection needs no buffer.
                    self.buffer = BytesMut::new();
                }
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                return Ok(Some(text));
            }
            if self.buffer.len() > LINE_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let before = self.buffer.len();
            if self.stream.read(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
            if let (Some(tap), Some(local)) = (&self.house.tap, self.local) {
                let new = self.buffer.get(before..).unwrap_or_default();
                tap.tcp(self.remote, local, new);
            }
        }
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        if let (Some(tap), Some(local)) = (&self.house.tap, self.local) {
            tap.tcp(local, self.remote, text.as_bytes());
        }
        let clock = self.house.world.clock;
        let written = clock.timeout(STUCK, self.stream.write_all(text.as_bytes()));
        written.await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// With or without a space behind it, as clients write it.
fn is_ping(line: &str) -> bool {
    line.trim().eq_ignore_ascii_case("PING")
}
