//! The configuration as the command line names it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use server::SealKey;
use server::config::{Config, ConfigError, Weight};
use world::Rng;

use crate::complaint::Complaint;

/// The name of the store in a data folder.
pub(crate) const STORE: &str = "tertulia.db";

/// The name of the key in a data folder.
const KEY: &str = "tertulia.key";

/// Where the configuration comes from: later ones win.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The configuration file; `tertulia config` prints one to begin with.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The folder for the store and its key, made if it is not there; as --set
    /// store.path=DIR/tertulia.db --set imps.key_file=DIR/tertulia.key.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// One key of the configuration, such as focus.ring_s=5. Can be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub(crate) assignments: Vec<String>,
}

impl Settings {
    /// Reads the file, or begins with `without_file`, and lays the rest over it.
    pub(crate) fn load(&self, without_file: Config) -> Result<Config, Complaint> {
        let mut config = match &self.config {
            Some(path) => read(path)?,
            None => without_file,
        };
        if let Some(data) = &self.data {
            config.store.path = data.join(STORE);
            config.imps.key_file = data.join(KEY);
        }
        for assignment in &self.assignments {
            config.set(assignment).map_err(told)?;
        }
        Ok(config)
    }
}

/// Fails if a configuration cannot work, and returns what should be said about it otherwise.
pub(crate) fn sound(config: &Config) -> Result<Vec<String>, Complaint> {
    let (mut mistakes, mut cautions) = (Vec::new(), Vec::new());
    for problem in config.problems() {
        let text = format!("{}: {}; {}", problem.key, problem.what, problem.remedy);
        match problem.weight {
            Weight::Mistake => mistakes.push(text),
            Weight::Caution => cautions.push(text),
        }
    }
    if mistakes.is_empty() {
        return Ok(cautions);
    }
    let remedy = "`tertulia check` with the same options says all there is to say";
    Err(Complaint::wrong(mistakes.join("\n       "), remedy))
}

fn read(path: &Path) -> Result<Config, Complaint> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let remedy = "name a file that can be read; `tertulia config` prints one to begin with";
        Complaint::wrong(format!("cannot read {name}: {error}"), remedy)
    })?;
    Config::load(&text).map_err(|error| Complaint::in_file(&error, &name, &text))
}

fn told(error: ConfigError) -> Complaint {
    Complaint::wrong(error.message, error.help.unwrap_or_default())
}

/// The key under which passwords are sealed: that of the file, or a new one in a new file that its
/// owner alone can read.
pub(crate) fn seal_key(config: &Config) -> Result<SealKey, Complaint> {
    let path = &config.imps.key_file;
    let unable = |error: &dyn std::fmt::Display| {
        let what = format!("the key {}: {error}", path.display());
        Complaint::unable(what, "name another file with --set imps.key_file=FILE")
    };
    match fs::read(path) {
        Ok(bytes) => {
            let key: Result<[u8; SealKey::BYTES], _> = bytes.try_into();
            key.map(SealKey::new)
                .map_err(|_| unable(&format!("it has not {} bytes", SealKey::BYTES)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Rng::from_os().bytes();
            create(path, &key).map_err(|error| unable(&error))?;
            Ok(SealKey::new(key))
        }
        Err(error) => Err(unable(&error)),
    }
}

/// Writes a new file for its owner alone. If somebody else makes it in this moment theirs counts.
fn create(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(key)
}
