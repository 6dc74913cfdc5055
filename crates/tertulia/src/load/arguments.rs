//! The options that every load has.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Over what the protocol goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Transport {
    /// Handsets, which have no choice.
    #[value(skip)]
    Http,
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

impl Transport {
    /// As in a Via header: RFC 3261 section 20.42.
    pub(crate) fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Http | Self::Tcp => "TCP",
        }
    }

    /// As in a URI parameter and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// What every load can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Where SIP is spoken, or HTTP to handsets. Without it a server is started on this machine and
    /// ended afterwards.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target: Option<String>,
    /// A host other than this machine that may be loaded. Who names it answers for it.
    #[arg(long = "i-may-load", value_name = "HOST")]
    pub(crate) may_load: Vec<String>,
    /// Over what SIP goes.
    #[arg(long, value_enum, default_value = "udp")]
    pub(crate) transport: Transport,
    /// The domain of the server.
    #[arg(long, default_value = "localhost")]
    pub(crate) domain: String,
    /// The names of the users: %d is a number from 0.
    #[arg(long, value_name = "PATTERN", default_value = "load%d")]
    pub(crate) user: String,
    /// The password of them all.
    #[arg(long, default_value = "password")]
    pub(crate) password: String,
    /// How many users there are.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) users: u32,
    /// Operations per second, begun on time whether or not earlier ones are answered. 0 is as
    /// --saturate.
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// A new operation for each that ends, to see how many the server can do; then the latency is
    /// that of a queue which is always full.
    #[arg(long, conflicts_with = "rate")]
    pub(crate) saturate: bool,
    /// Operations under way at a time per connection, when each waits for one to end.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) pipelined: u32,
    /// How long to measure.
    #[arg(long = "for", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) span: Duration,
    /// How long before that what happens is not counted.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) warm_up: Duration,
    /// How long an answer may take.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) grace: Duration,
    /// From how many addresses of this machine, from 127.0.0.1 on: each gives some 28,000
    /// connections.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=250))]
    pub(crate) sources: u16,
    /// The server's process, if it is here; otherwise found by its socket.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// The server on the first core, the load on the second.
    #[arg(long)]
    pub(crate) pin: bool,
    /// The server believes who we say we are: P-Asserted-Identity, no passwords.
    #[arg(long)]
    pub(crate) trusted: bool,
    /// One key of the configuration of the server that is started.
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "target")]
    pub(crate) assignments: Vec<String>,
    /// The report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// A folder for charts (SVG), made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl Common {
    /// The name of a user.
    pub(crate) fn user(&self, number: u32) -> String {
        if self.user.contains("%d") {
            self.user.replace("%d", &number.to_string())
        } else {
            format!("{}{number}", self.user)
        }
    }

    /// Operations per second, `default` if none are asked for; `None` is as many as will go.
    pub(crate) fn rate_or(&self, default: f64) -> Option<f64> {
        let rate = self.rate.unwrap_or(default);
        (!self.saturate && rate > 0.0).then_some(rate)
    }
}

/// More operations per second than any machine begins.
const RATE_MAX: f64 = 10_000_000.0;

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=RATE_MAX).contains(&rate) {
        Ok(rate)
    } else {
        Err(format!("it has to be from 0 to {RATE_MAX}"))
    }
}

/// A day: longer needs another tool.
const SECONDS_MAX: f64 = 86_400.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=SECONDS_MAX).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("it has to be from 0 to {SECONDS_MAX}"))
    }
}
