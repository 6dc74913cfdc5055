//! `tertulia group`: the stored groups of a server, running or not.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use server::admin::{self, Member, NewGroup, SharedGroup, member_address};
use server::config::Config;
use store::Store;
use world::Clock;

use crate::complaint::Complaint;
use crate::say;
use crate::settings::Settings;
use crate::user::{open, told};

/// The largest document that is read: what the server takes, and one octet more to be refused for.
const DOCUMENT_MAX: u64 = (1 << 20) + 1;

/// The groups are those of the store that --data, --config or --set store.path names. A running
/// server obeys a change within some seconds, also in a session that is under way. Who belongs to a
/// group is named by name or by a whole address, such as sip:zoe@elsewhere.example.
#[derive(Args)]
pub(crate) struct Group {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a group.
    Add {
        /// The part of the address before the @.
        name: String,
        /// Who belongs to it.
        members: Vec<String>,
        /// The name shown to people.
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        /// Anybody may join it, and find it.
        #[arg(long)]
        public: bool,
        /// Its members are called when one of them starts a session.
        #[arg(long)]
        calls: bool,
        /// The most people in a session at a time.
        #[arg(long, value_name = "NUMBER")]
        max: Option<u32>,
        /// Its people may hide themselves from one another.
        #[arg(long)]
        anonymity: bool,
    },
    /// List the groups.
    List,
    /// Print the document of a group (application/vnd.oma.poc.groups+xml).
    Show {
        /// Which group.
        name: String,
    },
    /// Replace or make the document of a group by that of a file, octet by octet.
    Write {
        /// Which group.
        name: String,
        /// The file; - for standard input.
        file: PathBuf,
    },
    /// Remove a group. A session of it ends.
    Remove {
        /// Which group.
        name: String,
    },
    /// Put people on the list of a group.
    AddMember {
        /// Which group.
        name: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take people off the list of a group. Who is in a session by that list is out.
    RemoveMember {
        /// Which group.
        name: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
    },
}

impl Group {
    pub(crate) fn run(self) -> Result<(), Complaint> {
        let config = self.settings.load(Config::default())?;
        let adds = matches!(self.what, What::Add { .. } | What::Write { .. });
        let mut store = open(&self.settings, &config, adds)?;
        let domain = config.domain.as_str();
        let store = &mut store;
        match self.what {
            What::List => {
                let groups = admin::groups(store, domain).map_err(|error| told(&error))?;
                for group in &groups {
                    say(&line(group));
                }
            }
            What::Show { name } => {
                let document = admin::group_document(store, domain, &name);
                let document = document.map_err(|error| told(&error))?;
                say(String::from_utf8_lossy(&document).trim_end());
            }
            what => change(what, store, &config)?,
        }
        Ok(())
    }
}

fn change(what: What, store: &mut Store, config: &Config) -> Result<(), Complaint> {
    let domain = config.domain.as_str();
    let now_ms = i64::try_from(Clock::Os.unix().as_millis()).unwrap_or(i64::MAX);
    let (name, done, result) = match what {
        What::Add {
            name,
            members,
            display,
            public,
            calls,
            max,
            anonymity,
        } => {
            is_free(&name, config)?;
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            let group = NewGroup {
                name: &name,
                display: display.as_deref(),
                members: &members,
                public,
                invites: calls,
                max,
                anonymity,
            };
            let made = admin::make_group(store, domain, group, now_ms);
            (name, "is added", made)
        }
        What::Write { name, file } => {
            is_free(&name, config)?;
            let document = read(&file)?;
            let written = admin::write_group(store, domain, &name, &document, now_ms);
            (name, "is written", written)
        }
        What::Remove { name } => {
            let removed = admin::remove_group(store, domain, &name);
            (name, "is removed", removed)
        }
        What::AddMember { name, members } => {
            let add = |group: &mut SharedGroup| {
                for uri in members.iter().map(|one| member_address(domain, one)) {
                    if !group.is_member(&uri) {
                        group.members.push(Member::new(uri));
                    }
                }
            };
            let changed = admin::change_group(store, domain, &name, now_ms, add);
            (name, "has more members", changed)
        }
        What::RemoveMember { name, members } => {
            let out: Vec<_> = members
                .iter()
                .map(|one| member_address(domain, one))
                .collect();
            let remove = |group: &mut SharedGroup| {
                group.members.retain(|member| !out.contains(&member.uri));
            };
            let changed = admin::change_group(store, domain, &name, now_ms, remove);
            (name, "has fewer members", changed)
        }
        What::List | What::Show { .. } => return Ok(()),
    };
    result.map_err(|error| told(&error))?;
    say(&format!("sip:{name}@{domain} {done}"));
    Ok(())
}

fn is_free(name: &str, config: &Config) -> Result<(), Complaint> {
    if name != config.focus.factory {
        return Ok(());
    }
    let what = format!(
        "sip:{name}@{} is the address at which conferences are made",
        config.domain
    );
    Err(Complaint::wrong(what, "choose another name"))
}

/// What stands in a file, or on standard input.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Complaint> {
    let mut document = Vec::new();
    let read = match file.to_str() {
        Some("-") => io::stdin()
            .lock()
            .take(DOCUMENT_MAX)
            .read_to_end(&mut document),
        _ => std::fs::File::open(file)
            .and_then(|file| file.take(DOCUMENT_MAX).read_to_end(&mut document)),
    };
    let failed = |error| Complaint::wrong(format!("cannot read {}: {error}", file.display()), "");
    read.map_err(failed)?;
    Ok(document)
}

/// A group in one line.
fn line(group: &SharedGroup) -> String {
    let mut line = group.uri.clone();
    if let Some(name) = &group.display_name {
        line.push_str(&format!("  \"{}\"", name.text));
    }
    line.push_str(&format!("  {} members", group.members.len()));
    if group.invite_members == Some(true) {
        line.push_str("  calls");
    }
    if let Some(max) = group.max_participants {
        line.push_str(&format!("  at most {max}"));
    }
    line
}
