//! A server started for the occasion: its own process, its own store, gone afterwards.

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use server::Sealer;
use server::admin::{self, NewUser};
use server::config::Config;
use store::Store;
use tempfile::TempDir;
use world::{Rng, World};

use super::arguments::{Common, Transport};
use super::{pin, target};
use crate::complaint::Complaint;
use crate::settings::{Settings, seal_key};

/// The server. Dropping it ends it.
pub(crate) struct Own {
    child: Child,
    addresses: Addresses,
    /// The store, the log and the file that says where it listens.
    folder: TempDir,
}

/// What the ready file says.
#[derive(Deserialize)]
struct Addresses {
    sip_udp: Option<SocketAddr>,
    sip_tcp: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

const READY: &str = "ready.json";
const LOG: &str = "log";

/// How long the start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look whether it has started.
const GLANCE: Duration = Duration::from_millis(5);

impl Own {
    /// Makes the users, starts the server and waits until it listens.
    ///
    /// # Errors
    ///
    /// With what the server has said.
    pub(crate) async fn start(world: &World, common: &Common) -> Result<Self, Complaint> {
        let unable = |error: &dyn std::error::Error| {
            Complaint::unable(format!("cannot start a server: {error}"), "")
        };
        let folder = tempfile::Builder::new().prefix("tertulia-load-").tempdir();
        let folder = folder.map_err(|error| unable(&error))?;
        seed(world, common, folder.path())?;
        let mut child = launch(common, folder.path()).map_err(|error| unable(&error))?;
        let ready = folder.path().join(READY);
        let deadline = world.clock.now() + PATIENCE;
        let text = loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                break text;
            }
            let ended = child.try_wait().map_err(|error| unable(&error))?;
            if ended.is_some() || world.clock.now() >= deadline {
                let _ended = child.kill().and_then(|()| child.wait());
                let said = fs::read_to_string(folder.path().join(LOG)).unwrap_or_default();
                let what = format!("the server did not start: {}", said.trim_end());
                return Err(Complaint::wrong(what, "it was given what --set says"));
            }
            world.clock.sleep(GLANCE).await;
        };
        match serde_json::from_str(&text) {
            Ok(addresses) => Ok(Self {
                child,
                addresses,
                folder,
            }),
            Err(error) => {
                let _ended = child.kill().and_then(|()| child.wait());
                Err(unable(&error))
            }
        }
    }

    /// Where it speaks SIP, or HTTP to handsets.
    ///
    /// # Errors
    ///
    /// It was told not to.
    pub(crate) fn address(&self, transport: Transport) -> Result<SocketAddr, Complaint> {
        let at = match transport {
            Transport::Http => self.addresses.http,
            Transport::Udp => self.addresses.sip_udp,
            Transport::Tcp => self.addresses.sip_tcp,
        };
        at.ok_or_else(|| {
            let what = format!("the server does not speak {}", transport.name());
            Complaint::wrong(what, "leave that --set out")
        })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // What it holds is of no use to anybody.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Makes the users in the store that the server will open.
fn seed(world: &World, common: &Common, folder: &Path) -> Result<(), Complaint> {
    let unable = |error: &dyn std::error::Error| {
        Complaint::unable(format!("cannot make the users: {error}"), "")
    };
    let path = folder.join(crate::settings::STORE);
    let mut store = Store::sqlite(&path).map_err(|error| unable(&error))?;
    let now_ms = i64::try_from(world.clock.unix().as_millis()).unwrap_or(i64::MAX);
    let imps = common.transport == Transport::Http;
    let mut sealer = if imps { Some(sealer(folder)?) } else { None };
    let names: Vec<String> = (0..common.users)
        .map(|number| common.user(number))
        .collect();
    // All at one go would be more than a store takes, each by itself would wait for the disk.
    for names in names.chunks(store::UNIT_WRITES_MAX) {
        let users = names.iter().map(|name| NewUser {
            name,
            password: &common.password,
            display: None,
            msisdn: None,
            imps,
        });
        admin::add_users(&mut store, &common.domain, users, sealer.as_mut(), now_ms)
            .map_err(|error| unable(&error))?;
    }
    Ok(())
}

/// What seals the passwords of handsets, with the key that the server will find.
fn sealer(folder: &Path) -> Result<Sealer, Complaint> {
    let settings = Settings {
        data: Some(folder.to_owned()),
        ..Settings::default()
    };
    let config = settings.load(Config::default())?;
    Ok(Sealer::new(seal_key(&config)?, Rng::from_os()))
}

/// The keys that say where a server listens: it gets any free port for each.
const LISTENS: [&str; 6] = [
    "sip.udp",
    "sip.tcp",
    "msrp.tcp",
    "http.listen",
    "imps.cir_tcp",
    "imps.cir_udp",
];

fn launch(common: &Common, folder: &Path) -> io::Result<Child> {
    let program = env::current_exe()?;
    let mut command = if common.pin {
        pin::server(&program)
    } else {
        Command::new(&program)
    };
    command.arg("serve").arg("--data").arg(folder);
    command.arg("--ready-file").arg(folder.join(READY));
    command.args(["--log", "warn"]);
    let mut set = |assignment: &str| {
        command.args(["--set", assignment]);
    };
    for listen in LISTENS {
        set(&format!("{listen}=127.0.0.1:0"));
    }
    set(&format!("domain={}", common.domain));
    if common.trusted {
        let sources = (0..usize::from(common.sources)).map(target::source);
        let sources: Vec<String> = sources.map(|ip| format!("\"{ip}\"")).collect();
        set(&format!("core.trusted_peers=[{}]", sources.join(",")));
    }
    for assignment in &common.assignments {
        set(assignment);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(folder.join(LOG))?)
        .spawn()
}
