//! What chat, send and watch share: who the user is, how to start, and with what code to end.
//! What they do over IMPS is in [`crate::imps`].

use std::fs;
use std::io::{self, BufRead as _, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use client::{Agent, Config, Entry, Events, Extending, Failure, SessionInterval, Transport, guest};
use tokio::runtime;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;
use world::World;

use crate::imps::Handset;
use crate::sessions::Sessions;

/// With what chat, send and watch end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It was done: for send, delivered.
    Done = 0,
    /// The command line is wrong.
    Usage = 2,
    /// The server refused.
    Refused = 3,
    /// Nobody joined, or took the message in time.
    Nobody = 4,
    /// No connection, or no answer in time.
    Network = 5,
    /// The server does not know the user with this password.
    Authentication = 6,
    /// The session to go back to is not known here.
    Unknown = 7,
}

impl End {
    /// The codes, for `--help`.
    pub(crate) const HELP: &str = "Exit codes: 0 done, for send: delivered; 2 the command line is wrong; \
         3 refused by the server; 4 nobody joined, or took it in time; 5 no connection or no answer in time; \
         6 wrong user or password; 7 the session to go back to is not known here.";

    /// What a failure means for whoever waits for the exit code.
    pub(crate) fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Authentication { .. } => Self::Authentication,
            Failure::Network { .. } | Failure::Timeout | Failure::Delivery { .. } => Self::Network,
            Failure::NoGuests | Failure::TooManyGuests { .. } | Failure::Malformed { .. } => {
                Self::Usage
            }
            Failure::Refused(refused) => match refused.rule.as_deref() {
                // The server passes on what the people who were invited answered.
                Some(NOBODY_CAME) => Self::Nobody,
                Some(_) => Self::Refused,
                // People who do not answer, are away, busy or unwilling.
                None if matches!(refused.status, 408 | 480 | 486 | 487 | 600 | 603) => Self::Nobody,
                None => Self::Refused,
            },
            Failure::Cancelled => Self::Nobody,
            // IM-7.1.1.9-S1a: the user is told.
            Failure::UnknownSession { .. } => Self::Unknown,
            _ => Self::Refused,
        }
    }
}

/// The rule by which a server tells that none of the people who were invited came.
const NOBODY_CAME: &str = "IM-7.2.1.2-FAIL-S1";

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end as u8)
    }
}

/// Who the user is, and where the server.
#[derive(Args)]
pub(crate) struct Who {
    /// The user: a name in the domain, or a whole address.
    #[arg(long = "as", value_name = "USER", default_value = "alice")]
    pub(crate) user: String,
    /// The domain of names without one.
    #[arg(long, value_name = "DOMAIN", default_value = "localhost")]
    pub(crate) domain: String,
    /// The password. Otherwise it is taken from TERTULIA_PASSWORD, and for localhost it is that of
    /// `tertulia serve --dev`.
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Where the server is. Otherwise it is 127.0.0.1:5060, and for IMPS 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) server: Option<SocketAddr>,
    /// How SIP is carried there.
    #[arg(long, value_enum, default_value = "tcp", conflicts_with = "imps")]
    transport: Carrier,
    /// The name shown to others.
    #[arg(long, value_name = "NAME")]
    pub(crate) display: Option<String>,
    /// Ask for anonymity.
    #[arg(long, conflicts_with = "imps")]
    anonymous: bool,
    /// A file with addresses, one a line, that are marked as blocked.
    #[arg(long, value_name = "FILE", conflicts_with = "imps")]
    block_list: Option<PathBuf>,
    /// Where conferences are made, if not at conference-factory in the domain.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "imps")]
    factory: Option<String>,
    /// The most people one invitation may name (MAX-ADHOC-GROUP-SIZE).
    #[arg(long, value_name = "COUNT", conflicts_with = "imps")]
    max_group: Option<u32>,
    /// The file that keeps the sessions to which one can go back, also after a restart. Without it
    /// they are known until the end.
    #[arg(long, value_name = "FILE", conflicts_with = "imps")]
    sessions: Option<PathBuf>,
    /// Ask to be told how an invitation of several people into a conference goes on
    /// (Refer-Sub: true).
    #[arg(long, conflicts_with = "imps")]
    refer_sub: bool,
    /// Name a session of two that is extended by Session-Replaces, as RCS clients do.
    #[arg(long, conflicts_with = "imps")]
    session_replaces: bool,
    /// How long a session lives without a refresh, in seconds; 90 at least.
    #[arg(long, value_name = "SECONDS", value_parser = interval, conflicts_with = "imps")]
    session_interval: Option<SessionInterval>,
    /// Do not ask who is in a conference.
    #[arg(long, conflicts_with = "imps")]
    no_subscribe: bool,
    /// Wait here for MSRP connections, such as 192.0.2.1:0, and leave it to the other side who
    /// connects.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "imps")]
    msrp_listen: Option<SocketAddr>,
    /// What to log to standard error: off, warn, info, debug, or a filter such as client=debug.
    #[arg(long, value_name = "FILTER", default_value = "off")]
    log: String,
    #[command(flatten)]
    pub(crate) handset: Handset,
}

/// Where SIP is spoken, unless the command line says otherwise.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);

#[derive(Clone, Copy, ValueEnum)]
enum Carrier {
    Tcp,
    Udp,
}

fn interval(text: &str) -> Result<SessionInterval, String> {
    let seconds = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    SessionInterval::from_secs(seconds).map_err(|error| error.to_string())
}

/// The longest line, and the longest block list, that is read.
const LINE_MAX: u64 = 64 * 1024;
const BLOCK_LIST_MAX: usize = 10_000;

impl Who {
    /// Runs `work` with an agent of this user, and stops the agent after it.
    pub(crate) fn run<F>(&self, work: impl FnOnce(Client) -> F) -> ExitCode
    where
        F: Future<Output = End>,
    {
        let (config, sessions) = match self.config() {
            Ok(config) => config,
            Err(why) => return complain(&why, End::Usage),
        };
        block_on(async {
            let world = World::os();
            let (agent, events) = match Agent::start(&world, config) {
                Ok(started) => started,
                Err(error) => {
                    eprintln!("error: cannot start: {error}");
                    return End::Network;
                }
            };
            let (events, keeper) = match sessions {
                Some(sessions) => {
                    let (events, keeper) = sessions.keep(&world, events);
                    (events, Some(keeper))
                }
                None => (events, None),
            };
            let client = Client {
                agent: agent.clone(),
                events,
                world: world.clone(),
                domain: self.domain.clone(),
            };
            let end = work(client).await;
            agent.stop().await;
            if let Some(keeper) = keeper {
                keeper.await;
            }
            end
        })
    }

    fn config(&self) -> Result<(Config, Option<Sessions>), String> {
        self.start_log()?;
        let aor = address(&self.user, &self.domain);
        let server = self.server.unwrap_or(SERVER);
        let mut config = Config::new(&aor, &self.password()?, server);
        config.transport = match self.transport {
            Carrier::Tcp => Transport::Tcp,
            Carrier::Udp => Transport::Udp,
        };
        config.display.clone_from(&self.display);
        config.anonymous = self.anonymous;
        config.subscribe = !self.no_subscribe;
        config.max_adhoc_group_size = self.max_group;
        config.msrp_listen = self.msrp_listen;
        config.refer_sub = self.refer_sub;
        if self.session_replaces {
            config.extending = Extending::SessionReplaces;
        }
        if let Some(factory) = &self.factory {
            config.factory = address(factory, &self.domain);
        }
        if let Some(interval) = self.session_interval {
            config.session_interval = interval;
        }
        if let Some(path) = &self.block_list {
            let text = fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            let all = lines.map(|line| address(line, &self.domain));
            config.block_list = all.take(BLOCK_LIST_MAX).collect();
        }
        let sessions = match &self.sessions {
            Some(path) => {
                let (sessions, kept) = Sessions::open(path, &config.aor)?;
                config.sessions = kept;
                Some(sessions)
            }
            None => None,
        };
        Ok((config, sessions))
    }

    pub(crate) fn start_log(&self) -> Result<(), String> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| format!("--log: {error}"))?;
        let log = tracing_subscriber::fmt().with_env_filter(filter);
        // A second logger in one process is of no use, and no harm.
        let _once = log.with_writer(io::stderr).try_init();
        Ok(())
    }

    pub(crate) fn password(&self) -> Result<String, String> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        match std::env::var("TERTULIA_PASSWORD") {
            Ok(password) => Ok(password),
            Err(_) if self.domain == "localhost" => Ok("password".to_owned()),
            Err(_) => Err("no password: give --password or set TERTULIA_PASSWORD".to_owned()),
        }
    }
}

/// Runs the work of a client to its end.
pub(crate) fn block_on(work: impl Future<Output = End>) -> ExitCode {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(work).into(),
        Err(error) => complain(&format!("cannot start: {error}"), End::Network),
    }
}

/// An agent at work, and what it tells.
pub(crate) struct Client {
    pub(crate) agent: Agent,
    pub(crate) events: Events,
    pub(crate) world: World,
    pub(crate) domain: String,
}

/// How long the server may take to answer the first request.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// Registers; the error is what to end with.
    pub(crate) async fn register(&self) -> Result<(), End> {
        let register = self.agent.register();
        let failure = match self.world.clock.timeout(PATIENCE, register).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Timeout,
        };
        eprintln!("error: {failure}");
        Err(End::of(&failure))
    }

    pub(crate) fn address(&self, name: &str) -> String {
        address(name, &self.domain)
    }

    /// Guests as they are named on a command line: `cc:carol` and `bcc:dave` say how visibly.
    pub(crate) fn guests<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<Entry> {
        names.into_iter().map(|name| self.guest(name)).collect()
    }

    fn guest(&self, name: &str) -> Entry {
        use client::CopyControl::{Bcc, Cc, To};
        for (prefix, level) in [("to:", To), ("cc:", Cc), ("bcc:", Bcc)] {
            if let Some(name) = name.strip_prefix(prefix) {
                return guest(&self.address(name), level);
            }
        }
        guest(&self.address(name), To)
    }
}

/// The address of a name: itself, if it is one already.
fn address(name: &str, domain: &str) -> String {
    if ["sip:", "sips:", "tel:"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
    {
        name.to_owned()
    } else if name.contains('@') {
        format!("sip:{name}")
    } else {
        format!("sip:{name}@{domain}")
    }
}

/// The lines of standard input, read by a thread of their own: a terminal keeps it waiting.
pub(crate) fn lines(world: &World) -> mpsc::Receiver<String> {
    let (lines, read) = mpsc::channel(64);
    let thread = world.tasks.thread("standard input", move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            match input.by_ref().take(LINE_MAX).read_line(&mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            if lines.blocking_send(line.trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    if let Err(error) = thread {
        eprintln!("error: cannot read standard input: {error}");
    }
    read
}

pub(crate) fn complain(what: &str, end: End) -> ExitCode {
    eprintln!("error: {what}");
    end.into()
}

#[cfg(test)]
mod tests {
    use client::Refused;

    use super::*;

    #[test]
    fn names_become_addresses() {
        for (name, want) in [
            ("bob", "sip:bob@localhost"),
            ("bob@home.example", "sip:bob@home.example"),
            ("sip:bob@h;transport=tcp", "sip:bob@h;transport=tcp"),
            ("tel:+15551234", "tel:+15551234"),
        ] {
            assert_eq!(address(name, "localhost"), want);
        }
    }

    #[test]
    fn failures_end_with_their_code() {
        let refused = |status, rule: Option<&str>| {
            Failure::Refused(Refused {
                status,
                reason: String::new(),
                warning: None,
                rule: rule.map(str::to_owned),
            })
        };
        let user = "alice".to_owned();
        for (failure, end) in [
            (refused(486, Some("IM-7.2.1.2-S8a")), End::Refused),
            (refused(403, None), End::Refused),
            (refused(486, None), End::Nobody),
            (refused(603, None), End::Nobody),
            (refused(404, Some(NOBODY_CAME)), End::Nobody),
            (Failure::Timeout, End::Network),
            (Failure::NoGuests, End::Usage),
            (
                Failure::UnknownSession {
                    identity: "sip:s@h".to_owned(),
                },
                End::Unknown,
            ),
            (
                Failure::Authentication { user, status: 401 },
                End::Authentication,
            ),
        ] {
            assert_eq!(End::of(&failure), end, "{failure}");
        }
    }
}
