//! How the server gets attention: CIR, the channel on which it says that something waits.
//!
//! ```text
//!   connection:  HELO <session>  ──▶ OK      PING ──▶ OK      ◀── WVCI 1.3 <cookie>
//!   datagram:                                                 ◀── WVCI 1.3 <cookie>
//!   HTTP:        GET <address>   ──▶ 200: something waits, 204: nothing
//! ```
//!
//! A task watches the channel for the time of a session, and makes it anew when it breaks.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::{Request, StatusCode, Uri, header};
use tokio::sync::{mpsc, oneshot};
use world::{Batch, Datagrams, Stream, World};

use super::core::News;
use super::http::{Http, Trouble};

/// How long the server may take to say `OK`, and to take a connection. That of handsets.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a connection is tried out. Well below the time after which networks forget it.
const PING: Duration = Duration::from_secs(240);

/// The first wait before a broken channel is made anew, and the longest.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The longest line, in bytes: a word, a version and a cookie of ours.
const LINE: usize = 1024;

/// What the channel says.
#[derive(Debug)]
pub(super) enum Sign {
    /// It works.
    Up,
    /// It does not; it is being made anew.
    Down(String),
    /// Something waits. The cookie, where the channel carries one.
    Waiting(Option<String>),
}

/// Where the channel is.
pub(super) enum Channel {
    /// Behind a name or an address.
    Tcp {
        host: String,
        port: u16,
    },
    Udp(Arc<Datagrams>),
    /// At an address that is asked now and then.
    Http {
        url: String,
        every: Duration,
    },
}

/// One channel of one session.
pub(super) struct Watch {
    pub(super) world: World,
    pub(super) from: Option<IpAddr>,
    pub(super) session: String,
    pub(super) news: mpsc::Sender<News>,
}

impl Watch {
    /// Watches the channel until `end` falls.
    pub(super) async fn run(self, channel: Channel, mut end: oneshot::Receiver<()>) {
        let watch = async {
            match channel {
                Channel::Tcp { host, port } => self.connections(&host, port).await,
                Channel::Udp(socket) => self.datagrams(&socket).await,
                Channel::Http { url, every } => self.questions(&url, every).await,
            }
        };
        tokio::select! {
            biased;
            _ = &mut end => {}
            () = watch => {}
        }
    }

    /// Says it to the agent. False: nobody listens any more.
    async fn tell(&self, sign: Sign) -> bool {
        let session = self.session.clone();
        self.news.send(News::Sign { session, sign }).await.is_ok()
    }

    async fn connections(&self, host: &str, port: u16) {
        let clock = self.world.clock;
        let mut retry = RETRY;
        loop {
            let begun = clock.now();
            let Err(why) = self.connection(host, port).await else {
                return;
            };
            if !self.tell(Sign::Down(why)).await {
                return;
            }
            // One that has lived for long did not break because it was made too soon.
            if clock.now().saturating_duration_since(begun) > RETRY_MAX {
                retry = RETRY;
            }
            clock.sleep(retry).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    /// One connection, until it breaks (an error) or nobody listens.
    async fn connection(&self, host: &str, port: u16) -> Result<(), String> {
        let clock = self.world.clock;
        let stream = clock.timeout(PATIENCE, self.dial(host, port));
        let stream = stream.await.map_err(|_| "no connection".to_owned())??;
        let said = |result: std::io::Result<()>| result.map_err(|error| error.to_string());
        said(
            stream
                .write_all(format!("HELO {}\r\n", self.session).as_bytes())
                .await,
        )?;
        let mut buffer = BytesMut::new();
        let mut is_up = false;
        let mut ok_by = Some(clock.now() + PATIENCE);
        let mut ping_at = clock.now() + PING;
        loop {
            tokio::select! {
                biased;
                line = next_line(&stream, &mut buffer) => match line?.as_str() {
                    "OK" => {
                        ok_by = None;
                        if !is_up && !self.tell(Sign::Up).await {
                            return Ok(());
                        }
                        is_up = true;
                    }
                    line => {
                        let cookie = cookie(line.as_bytes());
                        if cookie.is_some() && !self.tell(Sign::Waiting(cookie)).await {
                            return Ok(());
                        }
                    }
                },
                () = clock.sleep_until(ok_by.unwrap_or(ping_at)), if ok_by.is_some() => {
                    return Err("the server does not say OK".to_owned());
                }
                () = clock.sleep_until(ping_at) => {
                    said(stream.write_all(b"PING\r\n").await)?;
                    ok_by = Some(clock.now() + PATIENCE);
                    ping_at = clock.now() + PING;
                }
            }
        }
    }

    async fn dial(&self, host: &str, port: u16) -> Result<Stream, String> {
        let at = self.resolve(host, port).await?;
        let dialled = self.world.net.connect(self.from, at).await;
        dialled.map_err(|error| error.to_string())
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, String> {
        let found = self.world.dns.lookup_host(host, port).await;
        let found = found.map_err(|error| error.to_string())?;
        found
            .first()
            .copied()
            .ok_or_else(|| format!("{host} has no address"))
    }

    async fn datagrams(&self, socket: &Datagrams) {
        if !self.tell(Sign::Up).await {
            return;
        }
        let mut batch = Batch::new();
        while socket.recv(&mut batch).await.is_ok() {
            for datagram in batch.drain() {
                let cookie = cookie(&datagram.bytes);
                if cookie.is_some() && !self.tell(Sign::Waiting(cookie)).await {
                    return;
                }
            }
        }
        let why = "the socket is of no more use".to_owned();
        let _gone = self.tell(Sign::Down(why)).await;
    }

    async fn questions(&self, url: &str, every: Duration) {
        let clock = self.world.clock;
        let mut retry = RETRY;
        let mut is_up = false;
        let mut http = None;
        loop {
            let answer = self.ask(url, &mut http).await;
            let wait = if answer.is_ok() {
                every
            } else {
                retry.max(every)
            };
            let sign = match answer {
                Ok(waiting) => {
                    retry = RETRY;
                    let was_up = std::mem::replace(&mut is_up, true);
                    if !was_up && !self.tell(Sign::Up).await {
                        return;
                    }
                    waiting.then_some(Sign::Waiting(None))
                }
                Err(why) => {
                    retry = (retry * 2).min(RETRY_MAX);
                    is_up = false;
                    http = None;
                    Some(Sign::Down(why))
                }
            };
            if let Some(sign) = sign
                && !self.tell(sign).await
            {
                return;
            }
            clock.sleep(wait).await;
        }
    }

    /// Asks once whether anything waits.
    async fn ask(&self, url: &str, http: &mut Option<Http>) -> Result<bool, String> {
        let uri: Uri = url.parse().map_err(|_| format!("{url} is no address"))?;
        let host = uri.host().ok_or_else(|| format!("{url} names no host"))?;
        let port = uri.port_u16().unwrap_or(80);
        let http = match http {
            Some(http) => http,
            None => {
                let at = self.resolve(host, port).await?;
                let world = self.world.clone();
                http.insert(Http::new(world, self.from, at, PATIENCE))
            }
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path).header(header::HOST, format!("{host}:{port}"));
        let request = request.body(Full::new(Bytes::new()));
        let request = request.map_err(|error| error.to_string())?;
        match http.send(request).await {
            Ok(answer) if answer.status == StatusCode::OK => Ok(true),
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => Ok(false),
            Ok(answer) => Err(format!("{url} answers {}", answer.status)),
            Err(Trouble::Lost(why)) => Err(why),
            Err(Trouble::Bad(failure)) => Err(failure.to_string()),
        }
    }
}

/// The next line, without its end. Dropping the future loses nothing.
async fn next_line(stream: &Stream, buffer: &mut BytesMut) -> Result<String, String> {
    loop {
        if let Some(at) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(at.saturating_add(1));
            return Ok(String::from_utf8_lossy(&line).trim().to_owned());
        }
        if buffer.len() > LINE {
            return Err(format!("a line of more than {LINE} bytes"));
        }
        match stream.read(buffer).await {
            Ok(0) => return Err("the server has closed the connection".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The cookie of a request for attention, `WVCI 1.3 <cookie>`. What stands before it is passed
/// over: a WAP push has a header of its own there.
fn cookie(message: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"WVCI";
    let at = message.windows(MARK.len()).position(|part| part == MARK)?;
    let rest = message.get(at.saturating_add(MARK.len())..)?;
    let rest = rest.get(..LINE).unwrap_or(rest);
    let text = std::str::from_utf8(rest).ok()?;
    let mut words = text
        .split([' ', '\r', '\n', '\0'])
        .filter(|word| !word.is_empty());
    let _version = words.next()?;
    words.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_attention() {
        let long = [b"WVCI 1.3 c".as_slice(), &[b'a'; 4096]].concat();
        #[rustfmt::skip]
        let rows: &[(&[u8], Option<&str>)] = &[
            (b"WVCI 1.3 c00k1e\r\n",                           Some("c00k1e")),
            (b"WVCI 1.1 a=b",                                  Some("a=b")),
            (b"\x25\x06\x06\xC6\xAF\x8A\xB4\x84WVCI 1.2 x\0",  Some("x")),
            (b"WVCI 1.3",                                      None),
            (b"WVCI",                                          None),
            (b"OK",                                            None),
            (b"WVCI 1.3 \xFF",                                 None),
            (b"",                                              None),
        ];
        for (message, want) in rows {
            assert_eq!(cookie(message).as_deref(), *want, "{message:?}");
        }
        assert!(cookie(&long).is_some_and(|cookie| cookie.len() < LINE));
    }
}
