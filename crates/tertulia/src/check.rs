//! `tertulia check`: what is wrong with a configuration, before a server runs on it.

use std::path::Path;

use clap::Args;
use server::config::{Config, Weight};

use crate::complaint::Complaint;
use crate::say;
use crate::settings::Settings;

/// Reads the configuration as `serve` would and starts nothing. Cautions alone are no error.
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    pub(crate) fn run(self) -> Result<(), Complaint> {
        let config = self.settings.load(Config::default())?;
        let mut mistakes = 0_usize;
        for problem in config.problems() {
            say(&format!(
                "{}: {}: {}",
                problem.weight, problem.key, problem.what
            ));
            say(&format!("         {}", problem.remedy));
            mistakes += usize::from(problem.weight == Weight::Mistake);
        }
        // What --data names is made when it is needed.
        if self.settings.data.is_none() {
            for (key, path) in files(&config) {
                if let Some(folder) = missing(path) {
                    say(&format!(
                        "mistake: {key}: there is no folder {}",
                        folder.display()
                    ));
                    say("         make it, or name another");
                    mistakes += 1;
                }
            }
        }
        if let Some(Err(error)) = config.tls.files().map(|files| files.check()) {
            say(&format!("mistake: tls.certificate: {error}"));
            say("         correct tls.certificate, tls.key or tls.authorities");
            mistakes += 1;
        }
        match mistakes {
            0 => {
                say("the configuration can be used");
                Ok(())
            }
            1 => Err(Complaint::wrong("one mistake: no server would start", "")),
            n => Err(Complaint::wrong(
                format!("{n} mistakes: no server would start"),
                "",
            )),
        }
    }
}

/// The files that a server would write.
fn files(config: &Config) -> impl Iterator<Item = (&'static str, &Path)> {
    let pcap = config
        .trace
        .pcap
        .as_deref()
        .map(|path| ("trace.pcap", path));
    [("store.path", config.store.path.as_path())]
        .into_iter()
        .chain(pcap)
}

/// The folder of a file, if it is not there.
fn missing(file: &Path) -> Option<&Path> {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
}
