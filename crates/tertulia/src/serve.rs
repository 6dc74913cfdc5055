//! `tertulia serve`: the server, until it is told to stop.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use clap::Args;
use server::config::Config;
use server::{Addresses, SealKey, Sealer, Server, StartError};
use store::Store;
use tempfile::TempDir;
use tokio::runtime;
use tracing_subscriber::EnvFilter;
use world::World;

use crate::complaint::{Complaint, Exit};
use crate::settings::{Settings, seal_key, sound};
use crate::signals::{Signals, Wish};
use crate::{dev, ready, say};

/// SIGHUP reads the configuration again. SIGINT and SIGTERM stop the server, a second one at once.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// A server to try things with: for this machine alone, with users whose passwords are known,
    /// and a store that goes when the server does.
    #[arg(long, conflicts_with = "config")]
    dev: bool,
    /// Where to write, as JSON, the addresses that the server listens on once it does.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Writes all that is sent and received to a file for Wireshark; as --set trace.pcap=FILE.
    #[arg(long, value_name = "FILE")]
    trace_pcap: Option<PathBuf>,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as
    /// server=debug.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

impl Serve {
    pub(crate) fn run(mut self) -> Result<(), Complaint> {
        log_to_stderr(&self.log)?;
        // Held until the end: it removes the folder.
        let fleeting = match (self.dev, &self.settings.data) {
            (true, None) => Some(temporary()?),
            _ => None,
        };
        if let Some(folder) = &fleeting {
            self.settings.data = Some(folder.path().to_owned());
        }
        let config = self.load()?;
        for caution in sound(&config)? {
            tracing::warn!("{caution}");
        }
        let runtime = runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Complaint::unable(format!("cannot start threads: {error}"), ""))?;
        runtime.block_on(self.serve(config, fleeting.is_some()))
    }

    /// The configuration as the command line names it.
    fn load(&self) -> Result<Config, Complaint> {
        let base = if self.dev {
            Config::dev()
        } else {
            Config::default()
        };
        let mut config = self.settings.load(base)?;
        if let Some(path) = &self.trace_pcap {
            config.trace.pcap = Some(path.clone());
        }
        if self.dev {
            dev::loopback_only(&config)?;
        }
        Ok(config)
    }

    async fn serve(&self, config: Config, fleeting: bool) -> Result<(), Complaint> {
        let mut signals = Signals::listen()
            .map_err(|error| Complaint::unable(format!("cannot wait for signals: {error}"), ""))?;
        let world = World::os();
        world
            .tasks
            .on_panic(|task| tracing::error!(task, "a task ended by a mistake in this program"));
        let (store, key) = self.open_store(&config, &world)?;
        if let Some(path) = &self.ready_file {
            ready::clear(path).map_err(|error| no_ready_file(path, &error))?;
        }
        let (mut setup, policy) = config.split();
        setup.seal = Some(key);
        let server = Server::start(world, store, setup, policy)
            .await
            .map_err(|error| not_started(&error))?;
        let addresses = server.addresses();
        if let Some(path) = &self.ready_file {
            ready::write(path, &addresses).map_err(|error| no_ready_file(path, &error))?;
        }
        say(&announcement(&config, &addresses));
        if self.dev {
            say(&dev::greeting(&config, &addresses, fleeting));
        }
        self.obey(&mut signals, &server, config).await;
        say("stopping; a second signal ends it at once");
        tokio::select! {
            biased;
            () = server.shutdown() => Ok(()),
            () = signals.stop() => process::exit(Exit::Cut as i32),
        }
    }

    fn open_store(&self, config: &Config, world: &World) -> Result<(Store, SealKey), Complaint> {
        if let Some(folder) = &self.settings.data {
            fs::create_dir_all(folder).map_err(|error| {
                let what = format!("cannot make the folder {}: {error}", folder.display());
                Complaint::unable(what, "name another with --data")
            })?;
        }
        let remedy = "name another file with --data DIR or --set store.path=FILE";
        let unable = |error: &dyn Error| Complaint::unable(error.to_string(), remedy);
        let key = seal_key(config)?;
        let mut store = Store::sqlite(&config.store.path).map_err(|error| unable(&error))?;
        if self.dev {
            let now_ms = i64::try_from(world.clock.unix().as_millis()).unwrap_or(i64::MAX);
            let mut sealer = Sealer::new(key.clone(), world.rng.fork());
            dev::people(&mut store, &config.domain, &mut sealer, now_ms)
                .map_err(|error| unable(&error))?;
        }
        Ok((store, key))
    }

    /// Does what the signals say until one says to stop.
    async fn obey(&self, signals: &mut Signals, server: &Server, mut config: Config) {
        while signals.next().await == Wish::Reload {
            match self.reload(&config) {
                Ok(next) => {
                    server.replace_policy(next.split().1);
                    config = next;
                }
                Err(complaint) => tracing::error!("the configuration stays as it is: {complaint}"),
            }
        }
    }

    /// Reads the configuration again and says what has changed since `before`.
    fn reload(&self, before: &Config) -> Result<Config, Complaint> {
        let next = self.load()?;
        for caution in sound(&next)? {
            tracing::warn!("{caution}");
        }
        let changes = before.changes(&next);
        if changes.is_empty() {
            tracing::info!("the configuration is read again: nothing has changed");
        }
        for change in changes {
            let from = change.from.as_deref().unwrap_or("nothing");
            let to = change.to.as_deref().unwrap_or("nothing");
            if change.at_once {
                tracing::info!("{} is {to} now, it was {from}", change.key);
            } else {
                tracing::warn!(
                    "{} is {to} from the next start on, it stays {from} until then",
                    change.key
                );
            }
        }
        Ok(next)
    }
}

fn log_to_stderr(filter: &str) -> Result<(), Complaint> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let remedy = "write error, warn, info, debug or trace, or a list such as warn,server=debug";
        Complaint::wrong(format!("--log cannot be {filter}: {error}"), remedy)
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    log.with_writer(io::stderr).init();
    Ok(())
}

fn temporary() -> Result<TempDir, Complaint> {
    let folder = tempfile::Builder::new().prefix("tertulia-").tempdir();
    folder.map_err(|error| {
        let remedy = "name a folder with --data";
        Complaint::unable(format!("cannot make a temporary folder: {error}"), remedy)
    })
}

/// What listens where.
fn announcement(config: &Config, addresses: &Addresses) -> String {
    let lines = [
        ("SIP over UDP", addresses.sip_udp),
        ("SIP over TCP", addresses.sip_tcp),
        ("MSRP over TCP", Some(addresses.msrp)),
        ("HTTP", addresses.http),
        ("HTTP over TLS", addresses.https),
        ("CIR over TCP", addresses.cir_tcp),
        ("CIR over UDP", addresses.cir_udp),
    ];
    let mut text = format!(
        "tertulia {} serves {}",
        env!("CARGO_PKG_VERSION"),
        config.domain
    );
    for (what, at) in lines {
        if let Some(at) = at {
            text.push_str(&format!("\n  {what:<15} {at}"));
        }
    }
    text
}

fn no_ready_file(path: &Path, error: &io::Error) -> Complaint {
    let what = format!("cannot write {}: {error}", path.display());
    Complaint::unable(what, "name another file with --ready-file")
}

fn not_started(error: &StartError) -> Complaint {
    let kind = match error {
        StartError::Listen { error, .. } | StartError::Trace(error) => Some(error.kind()),
        _ => None,
    };
    let remedy = match (error, kind) {
        (StartError::Listen { what, .. }, Some(io::ErrorKind::AddrInUse)) => {
            format!(
                "end what listens there, or choose another port; 0 takes any: --set {what}=127.0.0.1:0"
            )
        }
        (StartError::Listen { .. }, Some(io::ErrorKind::AddrNotAvailable)) => {
            "listen on an address of this machine, or on 0.0.0.0".to_owned()
        }
        (StartError::Listen { .. }, Some(io::ErrorKind::PermissionDenied)) => {
            "choose a port above 1023".to_owned()
        }
        (StartError::Dns(_), _) => "correct dns.servers".to_owned(),
        (StartError::Tls(_), _) => "correct tls.certificate, tls.key or tls.authorities".to_owned(),
        (StartError::Trace(_), _) => {
            "name another file with --trace-pcap or --set trace.pcap=FILE".to_owned()
        }
        _ => "name another store with --data DIR or --set store.path=FILE".to_owned(),
    };
    Complaint::unable(error.to_string(), remedy)
}
